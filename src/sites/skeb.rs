//! Skeb, where names follow the handle on X and the profile holds the account's number there: the
//! strongest evidence of all. Its API first answers 429 and hands out a cookie to come back with.

use serde_json::Value;

use super::address::{name, number};
use super::read::{id_at, need_list, text_at, told};
use super::web::{judge, read_json};
use super::{Address, Identified, Kind, Lead, Missing, Place, Site, SiteError, Web};
use crate::fetch::{Request, Response};
use crate::text::links_in_text;

pub const SITE: Site = Site { name: "skeb", identify, artwork: None, leads: Some(leads) };

/// First parts of a path that are no member.
const RESERVED: &[&str] = &[
    "about",
    "account",
    "api",
    "appeals",
    "assets",
    "callback",
    "cookies",
    "creators",
    "following_users",
    "help",
    "login",
    "logout",
    "news",
    "notifications",
    "policy",
    "privacy",
    "rankings",
    "requests",
    "search",
    "settings",
    "terms",
    "tos",
    "works",
];

/// Hosts of its image files: https://skeb.imgix.net/requests/229088_2?w=800 names the request.
const FILES: &[&str] = &[
    "cdn.skeb.jp",
    "fcdn.skeb.jp",
    "skeb.imgix.net",
    "si.imgix.net",
    "skeb-production.s3.ap-northeast-1.amazonaws.com",
];

fn identify(address: &Address) -> Option<Identified> {
    let parts = address.segments();
    if address.is_on_any(FILES) {
        let image = Identified::image(SITE.name, address);
        let request = parts.windows(2).find(|pair| pair[0] == "requests").map(|pair| pair[1]);
        let id = request.and_then(|file| number(file.split('_').next().unwrap_or_default()));
        return Some(match id {
            Some(id) => image.id(id),
            None => image,
        });
    }
    if !address.is_on("skeb.jp") {
        return None;
    }
    let other = || Identified::other(SITE.name, address);
    Some(match parts.as_slice() {
        // https://skeb.jp/@name/works/1: a commission, which only its artist can show
        [user, "works", id] => match (member(user), number(id)) {
            (Some(artist), Some(id)) => {
                let url = format!("{}/works/{id}", artist.address());
                Identified::new(SITE.name, Kind::Artwork, url).id(id).artist(artist.address())
            }
            _ => other(),
        },
        // https://skeb.jp/works/713654: the same by a number of its own
        ["works", id] => match number(id) {
            Some(id) => {
                Identified::new(SITE.name, Kind::Artwork, format!("https://skeb.jp/works/{id}")).id(id)
            }
            None => other(),
        },
        // https://skeb.jp/@name, https://skeb.jp/name
        [user] => member(user).unwrap_or_else(other),
        [user, ..] if user.starts_with('@') => member(user).unwrap_or_else(other),
        _ => other(),
    })
}

fn member(part: &str) -> Option<Identified> {
    let user = name(part.trim_start_matches('@'))?.to_ascii_lowercase();
    let usable = part.starts_with('@') || !RESERVED.contains(&user.as_str());
    usable.then(|| Identified::new(SITE.name, Kind::Profile, format!("https://skeb.jp/@{user}")).id(user))
}

fn request(web: &Web, user: &str) -> Result<Request, SiteError> {
    Ok(web
        .request_as_browser(&format!("https://skeb.jp/api/users/{user}"), SITE.name)?
        .header("Authorization", "Bearer null")
        .header("Referer", "https://skeb.jp/")
        // The first 429 is a handshake, not a limit.
        .retries(0))
}

fn leads(page: &Identified, web: &Web) -> Result<Vec<Lead>, SiteError> {
    let mut response = web.send_raw(request(web, page.id_text())?)?;
    if response.status == 429
        && let Some(key) = request_key(&response)
    {
        response =
            web.send_raw(request(web, page.id_text())?.header("Cookie", format!("request_key={key}")))?;
    }
    let profile = read_json(&judge(response)?)?;
    parse(&profile).map_err(|missing| missing.on(page.address()))
}

/// The key of the first answer: in a `Set-Cookie`, or in the script of the page.
fn request_key(response: &Response) -> Option<String> {
    let body = response.text();
    let cookies =
        response.headers.iter().filter(|(name, _)| name == "set-cookie").map(|(_, value)| value.as_str());
    let key = cookies
        .chain([body.as_ref()])
        .find_map(|text| text.split_once("request_key=").map(|(_, rest)| rest))?;
    let end = key
        .find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '%')))
        .unwrap_or(key.len());
    (end > 0).then(|| key[..end].to_owned())
}

fn parse(profile: &Value) -> Result<Vec<Lead>, Missing> {
    if text_at(profile, "screen_name").is_none() {
        return Err(Missing::new("the field screen_name"));
    }
    let mut leads = Vec::new();
    // These are always there, and null where the artist has no such account.
    for field in ["twitter_uid", "pixiv_id", "fanbox_id", "url", "description"] {
        told(profile, field)?;
    }
    if let Some(id) = id_at(profile, "twitter_uid") {
        leads.push(Lead::new(format!("https://x.com/i/user/{id}"), Place::Verified));
    }
    // The handle may be absent though the number is known.
    for service in need_list(profile, "user_service_links")? {
        let handle =
            text_at(service, "screen_name").filter(|_| text_at(service, "provider") == Some("twitter"));
        leads.extend(handle.map(|handle| Lead::new(format!("https://x.com/{handle}"), Place::Verified)));
    }
    if let Some(id) = id_at(profile, "pixiv_id") {
        leads.push(Lead::new(format!("https://www.pixiv.net/users/{id}"), Place::ProfileField));
    }
    // Some have typed `www`, the host's own name.
    if let Some(id) = text_at(profile, "fanbox_id").filter(|id| *id != "www") {
        leads.push(Lead::new(format!("https://{id}.fanbox.cc/"), Place::ProfileField));
    }
    leads.extend(text_at(profile, "url").map(|url| Lead::new(url, Place::ProfileField)));
    let text = text_at(profile, "description").map(links_in_text).unwrap_or_default();
    leads.extend(text.into_iter().map(|url| Lead::new(url, Place::ProfileText)));
    Ok(leads)
}

#[cfg(test)]
mod tests {
    use super::super::identify as identify_url;
    use super::super::tests::{check_identify, none};
    use super::*;

    #[test]
    fn recognises_its_pages() {
        let artist = "https://skeb.jp/@ann_1";
        for form in ["https://skeb.jp/@Ann_1", "https://www.skeb.jp/ann_1", "https://skeb.jp/@ann_1/works"] {
            check_identify(form, Kind::Profile, "ann_1", artist);
        }
        let work = "https://skeb.jp/@ann_1/works/3";
        check_identify("https://skeb.jp/@Ann_1/works/3", Kind::Artwork, "3", work);
        assert_eq!(identify_url(work).artist.as_deref(), Some(artist));
        check_identify(
            "https://skeb.jp/works/713654",
            Kind::Artwork,
            "713654",
            "https://skeb.jp/works/713654",
        );
        none("https://skeb.jp/search?q=x", Kind::Other);
        none("https://skeb.jp/following_users", Kind::Other);
        let file = identify_url("https://si.imgix.net/a5dd8523/requests/191942_0?w=800");
        assert_eq!((file.kind, file.id.as_deref()), (Kind::Image, Some("191942")));
        none("https://fcdn.skeb.jp/uploads/outputs/20f9d68f-50ec-44ae-8630-173fc38a2d6a", Kind::Image);
    }

    #[test]
    fn reads_a_profile() {
        // Made by hand to the documented shape.
        let profile = serde_json::json!({"screen_name": "ann", "twitter_uid": "12", "pixiv_id": 34,
            "fanbox_id": "www", "description": null,
            "user_service_links": [{"provider": "twitter", "screen_name": "ann"}], "url": "https://ann.carrd.co"});
        let urls: Vec<_> = parse(&profile).unwrap().into_iter().map(|lead| lead.url).collect();
        assert_eq!(
            urls,
            [
                "https://x.com/i/user/12",
                "https://x.com/ann",
                "https://www.pixiv.net/users/34",
                "https://ann.carrd.co"
            ]
        );
        assert!(parse(&serde_json::json!({})).is_err());
    }

    #[test]
    fn the_handshake_key_is_found() {
        let response = |headers: Vec<(String, String)>, body: &'static str| Response {
            status: 429,
            url: url::Url::parse("https://skeb.jp/").unwrap(),
            headers,
            body: body.into(),
        };
        let cookie = ("set-cookie".to_owned(), "request_key=Ab.1-2; path=/".to_owned());
        assert_eq!(request_key(&response(vec![cookie], "")).as_deref(), Some("Ab.1-2"));
        let script = "<script>document.cookie = \"request_key=xyz; path=/\"</script>";
        assert_eq!(request_key(&response(vec![], script)).as_deref(), Some("xyz"));
        assert_eq!(request_key(&response(vec![], "slow down")), None);
    }
}
