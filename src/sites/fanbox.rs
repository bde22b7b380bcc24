//! Pixiv Fanbox: a creator's profile as JSON. Its addresses under pixiv.net belong here too, so this file
//! is asked before Pixiv's.

use serde_json::Value;

use super::address::{name, number};
use super::read::{each, id_at, list_at, need, need_list, text_at, told};
use super::web::{judge, no_page_says_gone, read_json};
use super::{Address, Identified, Kind, Lead, Missing, Place, Site, SiteError, Web};
use crate::text::links_in_text;

pub const SITE: Site = Site { name: "fanbox", identify, artwork: None, leads: Some(leads) };

const HOME: &str = "https://www.fanbox.cc";

fn identify(address: &Address) -> Option<Identified> {
    let other = || Identified::other(SITE.name, address);
    let parts = address.segments();
    if address.is_on("pixiv.net") {
        return match parts.as_slice() {
            // https://www.pixiv.net/fanbox/creator/1566167/post/39714
            ["fanbox", "creator", id, "post", post] => {
                let of_creator = number(id).map(|id| by_pixiv_id(&id));
                Some(of_creator.and_then(|creator| self::post(creator, "/post/", post)).unwrap_or_else(other))
            }
            // https://www.pixiv.net/fanbox/creator/3113804,
            // https://www.pixiv.net/fanbox/member.php?user_id=3410642
            ["fanbox", "creator" | "user", id, ..] => {
                Some(number(id).map_or_else(other, |id| by_pixiv_id(&id)))
            }
            ["fanbox", "member.php"] => {
                let id = address.query("user_id").and_then(|id| number(&id));
                Some(id.map_or_else(other, |id| by_pixiv_id(&id)))
            }
            ["fanbox", ..] => Some(other()),
            _ => None,
        };
    }
    if address.is_on_any(&["downloads.fanbox.cc", "fanbox.pixiv.net", "pixiv.pximg.net"]) {
        return Some(image(address, &parts));
    }
    // https://www.fanbox.cc/@omu001/posts/39714, https://omu001.fanbox.cc
    let creator = match address.subdomain_of("fanbox.cc") {
        Some("api") => return Some(other()),
        Some(sub) => Some(sub),
        None if address.is_on("fanbox.cc") => parts.first().and_then(|part| part.strip_prefix('@')),
        None => return None,
    };
    let creator = creator.and_then(name).map(|creator| {
        let creator = creator.to_ascii_lowercase();
        Identified::new(SITE.name, Kind::LinkPage, format!("https://{creator}.fanbox.cc/")).id(creator)
    });
    Some(match (creator, parts.as_slice()) {
        (Some(creator), ["posts", post] | [_, "posts", post]) => {
            self::post(creator, "posts/", post).unwrap_or_else(other)
        }
        (Some(creator), _) => creator,
        (None, _) => other(),
    })
}

/// A post, which is always its creator's own.
fn post(creator: Identified, path: &str, id: &str) -> Option<Identified> {
    let id = number(id)?;
    let url = format!("{}{path}{id}", creator.address());
    Some(Identified::new(SITE.name, Kind::Artwork, url).id(id).artist(creator.address()))
}

/// An image file: `.../images/post/39714/...` names the post, `.../images/creator/1566167/...` the member of
/// Pixiv.
fn image(address: &Address, parts: &[&str]) -> Identified {
    let image = Identified::image(SITE.name, address);
    let number_behind = |what: &[&str]| {
        let found = parts.windows(2).find(|pair| what.contains(&pair[0])).map(|pair| pair[1]);
        found.and_then(number)
    };
    match (number_behind(&["post"]), number_behind(&["creator", "user"])) {
        (Some(post), _) => image.id(post),
        (None, Some(id)) => image.artist(by_pixiv_id(&id).address()),
        (None, None) => image,
    }
}

fn by_pixiv_id(id: &str) -> Identified {
    Identified::new(SITE.name, Kind::LinkPage, format!("https://www.pixiv.net/fanbox/creator/{id}")).id(id)
}

fn leads(page: &Identified, web: &Web) -> Result<Vec<Lead>, SiteError> {
    let key = if page.address().starts_with("https://www.pixiv.net/") { "userId" } else { "creatorId" };
    let url = format!("https://api.fanbox.cc/creator.get?{key}={}", page.id_text());
    let request =
        web.request_as_browser(&url, SITE.name)?.header("Origin", HOME).header("Referer", format!("{HOME}/"));
    let response = web.send_raw(request)?;
    if response.status == 400 {
        // The site says so of whatever it cannot answer, and never why.
        let what = "an answer to creator.get (it says \"general_error\", status 400)";
        return Err(Missing::new(what).on(page.address()));
    }
    no_page_says_gone(&response)?;
    parse(&read_json(&judge(response)?)?).map_err(|missing| missing.on(page.address()))
}

fn parse(answer: &Value) -> Result<Vec<Lead>, Missing> {
    let body = need(answer, "body")?;
    let links = need_list(body, "profileLinks")?;
    let links: Vec<&str> = match links.iter().map(Value::as_str).collect() {
        Some(texts) => texts,
        None => each(&links.iter().collect::<Vec<_>>(), &["url"], "profileLinks")?,
    };
    let mut leads: Vec<Lead> = links.into_iter().map(|url| Lead::new(url, Place::ProfileField)).collect();
    // Pictures and films; only the latter have an address, and there may be none at all.
    for item in list_at(body, "profileItems") {
        leads.extend(text_at(item, "url").map(|url| Lead::new(url, Place::ProfileText)));
    }
    let text = told(body, "description")?.map(links_in_text).unwrap_or_default();
    leads.extend(text.into_iter().map(|url| Lead::new(url, Place::ProfileText)));
    // The creator is the member of Pixiv with this number: the sites vouch for it.
    told(body, "user.userId")?;
    if let Some(id) = id_at(body, "user.userId") {
        leads.push(Lead::new(format!("https://www.pixiv.net/users/{id}"), Place::Verified));
    }
    Ok(leads)
}

#[cfg(test)]
mod tests {
    use super::super::identify as identify_url;
    use super::super::tests::{check_identify, none};
    use super::*;

    #[test]
    fn recognises_its_pages() {
        let creator = "https://omu001.fanbox.cc/";
        check_identify("https://omu001.fanbox.cc/plans", Kind::LinkPage, "omu001", creator);
        check_identify("https://www.fanbox.cc/@omu001", Kind::LinkPage, "omu001", creator);
        let post = "https://omu001.fanbox.cc/posts/39714";
        check_identify(post, Kind::Artwork, "39714", post);
        check_identify("https://www.fanbox.cc/@omu001/posts/39714", Kind::Artwork, "39714", post);
        assert_eq!(identify_url(post).artist.as_deref(), Some(creator));
        let old = "https://www.pixiv.net/fanbox/creator/1566167/post/39714";
        check_identify("https://pixiv.net/fanbox/creator/1566167/post/39714", Kind::Artwork, "39714", old);
        let file = identify_url("https://fanbox.pixiv.net/files/post/207010/y1qrUK90dn63JXqUE21itupM.png");
        assert_eq!((file.kind, file.id.as_deref()), (Kind::Image, Some("207010")));
        let icon = identify_url(
            "https://pixiv.pximg.net/c/160x160_90/fanbox/public/images/user/10013868/icon/H.jpeg",
        );
        assert_eq!(icon.artist.as_deref(), Some("https://www.pixiv.net/fanbox/creator/10013868"));
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
