//! Pixiv Fanbox: a creator's profile as JSON. Its addresses under pixiv.net belong here too, so this file
//! is asked before Pixiv's.

use serde_json::Value;

use super::address::{name, number};
use super::read::{at, id_at, list_at, need, text_at};
use super::{Address, Identified, Kind, Lead, Missing, Place, Site, SiteError, Web};
use crate::text::links_in_text;

pub const SITE: Site = Site { name: "fanbox", identify, artwork: None, leads: Some(leads) };

const HOME: &str = "https://www.fanbox.cc";

fn identify(address: &Address) -> Option<Identified> {
    let other = || Identified::other(SITE.name, address);
    let parts = address.segments();
    if address.is_on("pixiv.net") {
        // https://www.pixiv.net/fanbox/creator/3113804, https://www.pixiv.net/fanbox/member.php?user_id=3410642
        return match parts.as_slice() {
            ["fanbox", "creator", id, ..] => Some(number(id).map_or_else(other, |id| by_pixiv_id(&id))),
            ["fanbox", "member.php"] => {
                let id = address.query("user_id").and_then(|id| number(&id));
                Some(id.map_or_else(other, |id| by_pixiv_id(&id)))
            }
            ["fanbox", ..] => Some(other()),
            _ => None,
        };
    }
    if address.is_on("downloads.fanbox.cc") || address.is_on("pixiv.pximg.net") {
        return Some(Identified::image(SITE.name, address));
    }
    // https://www.fanbox.cc/@omu001/posts/39714, https://omu001.fanbox.cc
    let creator = match address.subdomain_of("fanbox.cc") {
        Some("api") => return Some(other()),
        Some(sub) => Some(sub),
        None if address.is_on("fanbox.cc") => parts.first().and_then(|part| part.strip_prefix('@')),
        None => return None,
    };
    Some(match creator.and_then(name) {
        Some(creator) => {
            let creator = creator.to_ascii_lowercase();
            Identified::new(SITE.name, Kind::LinkPage, format!("https://{creator}.fanbox.cc/")).id(creator)
        }
        None => other(),
    })
}

fn by_pixiv_id(id: &str) -> Identified {
    Identified::new(SITE.name, Kind::LinkPage, format!("https://www.pixiv.net/fanbox/creator/{id}")).id(id)
}

fn leads(page: &Identified, web: &Web) -> Result<Vec<Lead>, SiteError> {
    let key = if page.address().starts_with("https://www.pixiv.net/") { "userId" } else { "creatorId" };
    let url = format!("https://api.fanbox.cc/creator.get?{key}={}", page.id_text());
    let request =
        web.request_as_browser(&url, SITE.name)?.header("Origin", HOME).header("Referer", format!("{HOME}/"));
    let answer = web.json(request)?;
    parse(&answer).map_err(|missing| missing.on(page.address()))
}

fn parse(answer: &Value) -> Result<Vec<Lead>, Missing> {
    let body = need(answer, "body")?;
    let links = at(body, "profileLinks").and_then(Value::as_array);
    let links = links.ok_or_else(|| Missing::new("the field body.profileLinks"))?;
    let mut leads: Vec<Lead> =
        links.iter().filter_map(Value::as_str).map(|url| Lead::new(url, Place::ProfileField)).collect();
    for item in list_at(body, "profileItems") {
        leads.extend(text_at(item, "url").map(|url| Lead::new(url, Place::ProfileText)));
    }
    let text = text_at(body, "description").map(links_in_text).unwrap_or_default();
    leads.extend(text.into_iter().map(|url| Lead::new(url, Place::ProfileText)));
    // The creator is the member of Pixiv with this number: the sites vouch for it.
    if let Some(id) = id_at(body, "user.userId") {
        leads.push(Lead::new(format!("https://www.pixiv.net/users/{id}"), Place::Verified));
    }
    Ok(leads)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{check_identify, none};
    use super::*;

    #[test]
    fn recognises_its_pages() {
        let creator = "https://omu001.fanbox.cc/";
        check_identify("https://omu001.fanbox.cc/posts/39714", Kind::LinkPage, "omu001", creator);
        check_identify("https://www.fanbox.cc/@omu001/posts/39714", Kind::LinkPage, "omu001", creator);
        let by_id = "https://www.pixiv.net/fanbox/creator/3113804";
        check_identify("http://www.pixiv.net/fanbox/creator/3113804/post", Kind::LinkPage, "3113804", by_id);
        none("https://www.fanbox.cc", Kind::Other);
    }

    #[test]
    fn reads_a_creator() {
        // Made by hand to the documented shape.
        let answer = serde_json::json!({"body": {"creatorId": "ann", "description": "see x.com/ann2",
            "profileLinks": ["https://twitter.com/ann"], "profileItems": [], "user": {"userId": "9"}}});
        let leads = parse(&answer).unwrap();
        assert_eq!(leads[0], Lead::new("https://twitter.com/ann", Place::ProfileField));
        assert_eq!(leads[2], Lead::new("https://www.pixiv.net/users/9", Place::Verified));
        assert_eq!(parse(&serde_json::json!({"error": "general_error"})).unwrap_err().0, "the field body");
    }
}
