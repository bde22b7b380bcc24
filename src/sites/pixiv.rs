//! Pixiv. A work and its pages are two JSON answers asked for at once, the artist's links a third. R-18
//! works show their pictures only with the operator's cookie `PHPSESSID`.

use serde_json::Value;
use url::Url;

use super::address::{name, number};
use super::free_text::links_in_html;
use super::read::{at, id_at, list_at, text_at};
use super::web::{judge, read_json};
use super::{Address, Artwork, Identified, Images, Kind, Lead, Missing, Place, Site, SiteError, Web};
use crate::base::Timestamp;
use crate::domain::images::ImageSource;
use crate::fetch::{Request, Response};

pub const SITE: Site = Site { name: "pixiv", identify, artwork: Some(artwork), leads: Some(profile) };

/// Pixiv Sketch, a site of its own under the same roof. Its pages are recognised, not read.
pub const SKETCH: Site = Site { name: "pixiv_sketch", identify: identify_sketch, artwork: None, leads: None };

const NAME: &str = "pixiv";
const HOME: &str = "https://www.pixiv.net/";

fn identify(address: &Address) -> Option<Identified> {
    let host = address.host();
    let parts = address.segments();
    let other = || Identified::other(NAME, address);
    // https://booth.pximg.net/...: of Booth, Pixiv's shop
    if host == "booth.pximg.net" {
        return Some(booth_image(address, &parts));
    }
    // https://img-sketch.pximg.net/...: of Pixiv Sketch, whose numbers are no works'
    if matches!(host, "img-sketch.pximg.net" | "img-sketch.pixiv.net") {
        return Some(Identified::image(SKETCH.name, address));
    }
    if host == "pximg.net" || host.ends_with(".pximg.net") || is_old_image_host(host) {
        return Some(image(address, &parts));
    }
    match host {
        // https://pixiv.me/name, https://pixiv.cc/name/, https://blog.pixiv.net/name/
        "pixiv.me" | "pixiv.cc" | "blog.pixiv.net" => {
            return Some(parts.first().and_then(|account| by_account(account)).unwrap_or_else(other));
        }
        // http://p.tl/i/18557054
        "p.tl" => {
            return Some(match parts.as_slice() {
                ["i", id] => number(id).map_or_else(other, |id| work(&id, None)),
                // http://p.tl/m/9948
                ["m", id] => by_id(id).unwrap_or_else(other),
                _ => other(),
            });
        }
        "pixivision.net" => return Some(other()),
        "pixiv.net" | "touch.pixiv.net" | "m.pixiv.net" | "phixiv.net" => {}
        _ => return None,
    }
    // https://www.pixiv.net/en/artworks/1
    let parts = match parts.as_slice() {
        [language, rest @ ..] if !rest.is_empty() && is_language(language) => rest,
        all => all,
    };
    Some(page(address, parts).unwrap_or_else(other))
}

fn page(address: &Address, parts: &[&str]) -> Option<Identified> {
    match parts {
        // https://www.pixiv.net/artworks/92512929#44: the 44th image
        ["artworks" | "i" | "illust", id] => {
            let position = address.fragment().and_then(|fragment| fragment.parse().ok()).filter(|n| *n > 0);
            Some(work(&number(id)?, position))
        }
        // https://www.phixiv.net/artworks/124748386/2, and /1-3 for several: the first of them
        ["artworks" | "i", id, position] if address.is_on("phixiv.net") => {
            let position = position.split('-').next().and_then(|position| position.parse().ok());
            Some(work(&number(id)?, position.filter(|n| *n > 0)))
        }
        // https://www.pixiv.net/index.php?mode=medium&illust_id=18557054
        ["index.php"] => Some(work(&number(&address.query("illust_id")?)?, None)),
        // https://www.pixiv.net/member_illust.php?mode=manga_big&illust_id=18557054&page=1: the second image
        ["member_illust.php"] if address.query("illust_id").is_some() => {
            let position = address.query("page").and_then(|page| page.parse::<u32>().ok());
            Some(work(&number(&address.query("illust_id")?)?, position.and_then(|page| page.checked_add(1))))
        }
        ["member_illust.php" | "member.php"] | ["novel", "member.php"] => {
            by_id(address.query("id")?.trim_end_matches('/'))
        }
        // https://www.pixiv.net/users/173530/artworks; bookmarks are works of others
        ["users" | "u", id] => by_id(id),
        [
            "users",
            id,
            "artworks" | "illustrations" | "manga" | "novels" | "avatar" | "background" | "profile"
            | "request",
        ] => by_id(id),
        // https://www.pixiv.net/users/173530/artworks/original: the works with one tag
        ["users", id, "artworks" | "illustrations" | "manga" | "novels", _] => by_id(id),
        ["stacc", account] => by_account(account),
        // https://www.pixiv.net/#id=173530, https://www.pixiv.net/mypage.php#id=173530
        // https://www.pixiv.net/user/13569921/series/81967: works of one artist
        ["user", id, "series", _] => by_id(id),
        [] | ["mypage.php"] => by_id(address.fragment()?.strip_prefix("id=")?),
        _ => None,
    }
}

fn work(id: &str, position: Option<u32>) -> Identified {
    Identified::new(NAME, Kind::Artwork, format!("{HOME}artworks/{id}")).id(id).page(position)
}

fn by_id(id: &str) -> Option<Identified> {
    let id = number(id)?;
    Some(Identified::new(NAME, Kind::Profile, format!("{HOME}users/{id}")).id(id))
}

/// The old account name, which only Pixiv can turn into the number.
fn by_account(account: &str) -> Option<Identified> {
    let account = name(account)?.to_ascii_lowercase();
    Some(Identified::new(NAME, Kind::Profile, format!("{HOME}stacc/{account}")).id(account))
}

/// `i1.pixiv.net`, `img.pixiv.net`, `img76.pixiv.net`.
fn is_old_image_host(host: &str) -> bool {
    let Some(sub) = host.strip_suffix(".pixiv.net") else { return false };
    let digits = sub.strip_prefix("img").or_else(|| sub.strip_prefix('i'));
    digits.is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()) && (sub != "i"))
}

fn is_language(part: &str) -> bool {
    matches!(part, "en" | "ja" | "ko" | "zh" | "zh-tw" | "zh_tw" | "th" | "ms" | "es" | "fr" | "de" | "ru")
}

/// An image file; those of works name the work and the page in their file's name.
fn image(address: &Address, parts: &[&str]) -> Identified {
    let image = Identified::image(NAME, address);
    let of_work = parts.iter().any(|part| {
        matches!(*part, "img-original" | "img-master" | "img-zip-ugoira" | "img-inf")
            || part.strip_prefix("img").is_some_and(|rest| rest.bytes().all(|byte| byte.is_ascii_digit()))
    });
    let no_work = parts.iter().any(|part| matches!(*part, "profile" | "novel" | "background" | "stamp"));
    let Some(file) = parts.last().filter(|_| of_work && !no_work) else { return owned(image, parts) };
    // 141762848-757d4d64b92a41c496c04aa34ae56855_p0.jpg
    let end = file.find(|c: char| !c.is_ascii_digit()).unwrap_or(file.len());
    let Some(id) = number(&file[..end]) else { return image };
    let page = file.split("_p").nth(1).map(|rest| rest.split(['_', '.']).next().unwrap_or_default());
    let position = page.and_then(|page| page.parse::<u32>().ok()).and_then(|page| page.checked_add(1));
    let image = image.id(id).page(position);
    // http://i2.pixiv.net/img18/img/evazion/14901720.png: the old account name
    let account = parts.windows(2).find(|pair| pair[0] == "img" && name_of_account(pair[1])).map(|pair| pair[1]);
    match account.and_then(by_account) {
        Some(artist) => image.artist(artist.address()),
        None => image,
    }
}

/// In paths of today a year stands behind `img`.
fn name_of_account(part: &str) -> bool {
    part.bytes().any(|byte| byte.is_ascii_alphabetic()) && !part.contains('.')
}

/// A picture of a member's page: `/background/img/2024/11/08/13/57/28/16699330_6c8a2ddee.jpg`.
fn owned(image: Identified, parts: &[&str]) -> Identified {
    let of_member = parts.iter().any(|part| matches!(*part, "background" | "workspace"));
    let file = parts.last().filter(|_| of_member).and_then(|file| file.split('_').next());
    match file.and_then(by_id) {
        Some(artist) => image.artist(artist.address()),
        None => image,
    }
}

/// `/{uuid}/i/{item}/...` is a picture of the item, `/users/{n}/...` one of the member of Pixiv.
fn booth_image(address: &Address, parts: &[&str]) -> Identified {
    let image = Identified::image("booth", address);
    let behind = |what: &str| parts.windows(2).find(|pair| pair[0] == what).map(|pair| pair[1]);
    match (behind("i").and_then(number), behind("users").and_then(by_id)) {
        (Some(item), _) => image.id(item),
        (None, Some(artist)) => image.artist(artist.address()),
        (None, None) => image,
    }
}

fn identify_sketch(address: &Address) -> Option<Identified> {
    if !address.is_on("sketch.pixiv.net") {
        return None;
    }
    Some(match address.segments().as_slice() {
        ["items", id] => Identified::new(SKETCH.name, Kind::Artwork, address.url().as_str()).id(*id),
        [user] | [user, "followings" | "followers"] if user.starts_with('@') => match name(&user[1..]) {
            Some(user) => {
                let url = format!("https://sketch.pixiv.net/@{user}");
                Identified::new(SKETCH.name, Kind::Profile, url).id(user)
            }
            None => Identified::other(SKETCH.name, address),
        },
        _ => Identified::other(SKETCH.name, address),
    })
}

fn ask(web: &Web, path: &str) -> Result<Request, SiteError> {
    Ok(web.request_as_browser(&format!("{HOME}ajax/{path}"), NAME)?.header("Referer", HOME))
}

/// The body of an answer. Pixiv says what is wrong in JSON, with a status that says less.
fn body(response: Response, page: &str) -> Result<Value, SiteError> {
    let is_json = !response.body.trim_ascii_start().starts_with(b"<");
    if !is_json || !matches!(response.status, 200..=299 | 400 | 401 | 403 | 404) {
        judge(response.clone())?;
    }
    let mut answer = read_json(&response)?;
    if at(&answer, "error") == Some(&Value::Bool(true)) || !response.is_success() {
        let why = text_at(&answer, "message").unwrap_or("no reason given").to_owned();
        let restricted =
            response.status == 403 || why.contains("limited who can view") || why.contains("unknown error");
        return Err(match restricted {
            true => SiteError::LoginNeeded { url: page.to_owned(), why },
            false => SiteError::Gone { url: page.to_owned() },
        });
    }
    match answer.get_mut("body").map(Value::take) {
        Some(body) if !body.is_null() => Ok(body),
        _ => Err(Missing::new("the field body").on(page)),
    }
}

fn artwork(page: &Identified, web: &Web) -> Result<Artwork, SiteError> {
    let id = page.id_text();
    let (work, pages) =
        web.send_both(ask(web, &format!("illust/{id}"))?, ask(web, &format!("illust/{id}/pages"))?);
    let work = body(work?, page.address())?;
    let pages = pages.and_then(|answer| body(answer, page.address()));
    parse_work(&work, pages, page.page.unwrap_or(1), page.address())
}

fn parse_work(
    work: &Value,
    pages: Result<Value, SiteError>,
    position: u32,
    url: &str,
) -> Result<Artwork, SiteError> {
    let missing = |what: &str| Missing::new(what).on(url);
    let user = id_at(work, "userId").ok_or_else(|| missing("the field body.userId"))?;
    let mut problems = Vec::new();
    let images = pictures(work, pages, position, url, &mut problems);
    let mut leads = vec![Lead::new(format!("{HOME}users/{user}"), Place::Artist)];
    if let Some(text) = text_at(work, "description") {
        leads.extend(links(text).into_iter().map(|url| Lead::new(url, Place::WorkText)));
    }
    let published = text_at(work, "createDate").and_then(Timestamp::parse_rfc3339);
    Ok(Artwork { images, published, leads, problems })
}

/// The addresses of the picture at `position`, from the list of pages; the first one's stand in the work too.
fn pictures(
    work: &Value,
    pages: Result<Value, SiteError>,
    position: u32,
    url: &str,
    problems: &mut Vec<SiteError>,
) -> Result<Vec<ImageSource>, SiteError> {
    let missing = |what: &str| Missing::new(what).on(url);
    let index = position.max(1) as usize - 1;
    let urls = match &pages {
        Ok(pages) => {
            let pages = pages.as_array().ok_or_else(|| missing("the list of pages"))?;
            let page = pages.get(index).ok_or_else(|| SiteError::NoPicture {
                url: url.to_owned(),
                why: format!("it has {} images, not {position}", pages.len()),
            })?;
            at(page, "urls")
        }
        Err(error) if index > 0 => return Err(error.clone()),
        Err(error) => {
            problems.push(error.clone());
            None
        }
    };
    let first = at(work, "urls").filter(|_| index == 0);
    let mut images = Images::default();
    for size in ["original", "regular", "small"] {
        for set in [urls, first].into_iter().flatten() {
            // A placeholder (`limit_r18_360.png`) is not the picture.
            if let Some(image) = text_at(set, size).filter(|url| !url.contains("/common/images/limit_")) {
                images.add(ImageSource { url: image.to_owned(), referer: Some(HOME.to_owned()) });
            }
        }
    }
    images.or_else(|| match at(work, "urls") {
        Some(_) => SiteError::LoginNeeded {
            url: url.to_owned(),
            why: "its pictures are shown with the cookie PHPSESSID only".to_owned(),
        },
        None => missing("the field body.urls"),
    })
}

/// The links in a text with markup, or without.
fn links(text: &str) -> Vec<String> {
    let base = Url::parse(HOME).expect("a constant URL");
    links_in_html(text, &base)
}

fn profile(page: &Identified, web: &Web) -> Result<Vec<Lead>, SiteError> {
    let id = match page.address().contains("/stacc/") {
        true => number_of(page.id_text(), web)?,
        false => page.id_text().to_owned(),
    };
    let answer = web.send_raw(ask(web, &format!("user/{id}?full=1&lang=en"))?)?;
    parse_user(&body(answer, page.address())?).map_err(|missing| missing.on(page.address()))
}

/// An account's name is turned into its number by the redirect of `pixiv.me`.
fn number_of(account: &str, web: &Web) -> Result<String, SiteError> {
    let short = format!("https://pixiv.me/{account}");
    let response = web.send_raw(web.request_as_browser(&short, NAME)?.max_redirects(0))?;
    let target = response.header("location").and_then(|to| response.url.join(to).ok());
    let page = target.and_then(Address::from_url).and_then(|address| identify(&address));
    match page {
        Some(page) if page.address().contains("/users/") => Ok(page.id_text().to_owned()),
        // Unknown names lead to the front page.
        Some(_) => Err(SiteError::Gone { url: short }),
        None if response.status == 404 => Err(SiteError::Gone { url: short }),
        None => Err(Missing::new("the header Location").on(short)),
    }
}

fn parse_user(user: &Value) -> Result<Vec<Lead>, Missing> {
    if id_at(user, "userId").is_none() {
        return Err(Missing::new("the field body.userId"));
    }
    // An object by network, or an empty array.
    let social = user.get("social").ok_or_else(|| Missing::new("the field body.social"))?;
    let mut leads: Vec<Lead> = Vec::new();
    let by_network = social.as_object().into_iter().flat_map(|by_network| by_network.values());
    let listed = list_at(user, "social").iter();
    leads.extend(
        by_network
            .chain(listed)
            .filter_map(|entry| text_at(entry, "url"))
            .map(|url| Lead::new(url, Place::ProfileField)),
    );
    leads.extend(text_at(user, "webpage").map(|url| Lead::new(url, Place::ProfileField)));
    let text = text_at(user, "commentHtml").or_else(|| text_at(user, "comment"));
    leads.extend(
        text.map(links).unwrap_or_default().into_iter().map(|url| Lead::new(url, Place::ProfileText)),
    );
    Ok(leads)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{check_identify, none};
    use super::*;

    #[test]
    fn recognises_side_pages() {
        let work = "https://www.pixiv.net/artworks/18557054";
        check_identify(
            "https://www.pixiv.net/index.php?mode=medium&illust_id=18557054",
            Kind::Artwork,
            "18557054",
            work,
        );
        let user = "https://www.pixiv.net/users/9948";
        for form in [
            "http://p.tl/m/9948",
            "https://www.pixiv.net/mypage.php#id=9948",
            "https://www.pixiv.net/member.php?id=9948/",
            "https://www.pixiv.net/en/users/9948/artworks/%E3%82%AA%E3%83%AA",
        ] {
            check_identify(form, Kind::Profile, "9948", user);
        }
        for (form, position) in [("2", 2), ("1-3", 1)] {
            let found = super::super::identify(&format!("https://www.phixiv.net/artworks/18557054/{form}"));
            assert_eq!((found.url.as_deref(), found.page), (Some(work), Some(position)));
        }
        let booth = super::super::identify("https://booth.pximg.net/8bb9e4e3/i/4693741/a_base_resized.jpg");
        assert_eq!((booth.site, booth.kind), (Some("booth"), Kind::Image));
    }

    /// Recorded: `tests/fixtures/LICENSES.md`.
    const WORK: &str = include_str!("../../tests/fixtures/sites/pixiv/illust_67487303.json");
    /// Built by hand to the documented shape.
    const USER: &str = include_str!("../../tests/fixtures/sites/pixiv/user_made.json");

    #[test]
    fn recognises_its_pages() {
        let work = "https://www.pixiv.net/artworks/98";
        for form in [
            "https://www.pixiv.net/en/artworks/98",
            "http://www.pixiv.net/i/98",
            "http://p.tl/i/98",
            "https://www.pixiv.net/member_illust.php?mode=medium&amp;illust_id=98",
            "pixiv.net/artworks/98/",
            "https://touch.pixiv.net/member_illust.php?illust_id=98",
            "https://phixiv.net/artworks/98",
        ] {
            check_identify(form, Kind::Artwork, "98", work);
        }
        let user = "https://www.pixiv.net/users/173530";
        check_identify("https://www.pixiv.net/en/users/173530/artworks", Kind::Profile, "173530", user);
        check_identify("http://www.pixiv.net/novel/member.php?id=173530", Kind::Profile, "173530", user);
        check_identify(
            "https://www.pixiv.me/Noizave",
            Kind::Profile,
            "noizave",
            "https://www.pixiv.net/stacc/noizave",
        );
        none("https://pixiv.net.evil.example/artworks/98", Kind::Unsupported);
        none("https://www.pixiv.net/novel/show.php?id=98", Kind::Other);
        none("https://i.pximg.net/img-original/img/2014/10/03/18/10/20/46324488_p0.png", Kind::Image);
    }

    #[track_caller]
    fn check_position(url: &str, position: Option<u32>) {
        assert_eq!(crate::sites::identify(url).page, position, "{url}");
    }

    #[test]
    fn positions_count_from_one() {
        check_position("https://www.pixiv.net/en/artworks/92512929#44", Some(44));
        check_position("https://www.pixiv.net/en/artworks/92512929#comments", None);
        check_position("https://www.pixiv.net/member_illust.php?mode=manga_big&illust_id=1&page=0", Some(1));
        check_position(
            "https://i.pximg.net/img-original/img/2026/03/01/07/35/25/141762848-757d_p3.jpg",
            Some(4),
        );
        check_position("https://www.pixiv.net/member_illust.php?illust_id=1&page=4294967295", None);
    }

    fn recorded() -> Value {
        serde_json::from_str::<Value>(WORK).unwrap()["body"].take()
    }

    fn pages() -> Value {
        let page = |n: u32| {
            let file = |kind: &str, ending: &str| {
                format!("https://i.pximg.net/{kind}/img/2018/02/27/12/31/45/67487303_p{n}{ending}")
            };
            serde_json::json!({"urls": {"original": file("img-original", ".png"),
                "regular": file("img-master", "_master1200.jpg"), "small": file("c/540x540_70/img-master", "_master1200.jpg")}})
        };
        Value::Array(vec![page(0), page(1)])
    }

    #[test]
    fn reads_a_recorded_work() {
        let artwork = parse_work(&recorded(), Ok(pages()), 2, "u").unwrap();
        assert!(artwork.images.as_ref().unwrap()[0].url.ends_with("67487303_p1.png"), "{:?}", artwork.images);
        assert_eq!(artwork.images.as_ref().unwrap().len(), 3);
        assert_eq!(artwork.images.as_ref().unwrap()[0].referer.as_deref(), Some(HOME));
        assert_eq!(artwork.leads[0], Lead::new("https://www.pixiv.net/users/264716", Place::Artist));
        assert_eq!(artwork.published.unwrap().to_rfc3339(), "2018-02-27T03:31:00Z");
        assert_eq!(
            parse_work(&recorded(), Ok(pages()), 3, "u").unwrap().images.unwrap_err().outcome(),
            "no_picture"
        );
        let gone = || Err(SiteError::Unavailable { url: "u".into(), status: 500 });
        assert_eq!(parse_work(&recorded(), gone(), 1, "u").unwrap().problems.len(), 1);
        assert!(parse_work(&recorded(), gone(), 2, "u").unwrap().images.is_err());
    }

    #[test]
    fn hidden_pictures_need_a_login() {
        let mut work = recorded();
        work["urls"] = serde_json::json!({"original": null, "regular": null});
        let none = serde_json::json!([{"urls": {"original": null}}]);
        assert_eq!(
            parse_work(&work, Ok(none), 1, "u").unwrap().images.unwrap_err().outcome(),
            "login_needed"
        );
        work["urls"] = serde_json::json!({"regular": "https://s.pximg.net/common/images/limit_r18_360.png"});
        assert_eq!(
            parse_work(&work, Ok(serde_json::json!([{}])), 1, "u").unwrap().images.unwrap_err().outcome(),
            "login_needed"
        );
    }

    #[test]
    fn reads_a_profile() {
        let user: Value = serde_json::from_str(USER).unwrap();
        let leads = parse_user(&user["body"]).unwrap();
        let expect = [
            ("https://twitter.com/made_up", Place::ProfileField),
            ("https://pawoo.net/oauth_authentications/1", Place::ProfileField),
            ("https://made-up.carrd.co/", Place::ProfileField),
            ("https://www.pixiv.net/jump.php?https%3A%2F%2Flinktr.ee%2Fmade_up", Place::ProfileText),
        ];
        assert_eq!(leads[..4], expect.map(|(url, place)| Lead::new(url, place)));
        assert_eq!(parse_user(&serde_json::json!({"userId": "1", "social": []})), Ok(vec![]));
        assert!(parse_user(&serde_json::json!({"userId": "1"})).is_err());
    }

    #[test]
    fn answers_are_told_apart() {
        let check = |status: u16, text: &str| {
            let url = Url::parse(HOME).unwrap();
            let response = Response { status, url, headers: vec![], body: text.to_owned().into() };
            body(response, "page").map_err(|error| error.outcome())
        };
        assert_eq!(check(404, r#"{"error":true,"message":"","body":[]}"#), Err("gone"));
        assert_eq!(
            check(200, r#"{"error":true,"message":"The creator has limited who can view this content"}"#),
            Err("login_needed")
        );
        assert_eq!(check(403, "<html>"), Err("blocked"));
        assert_eq!(check(200, "<html>"), Err("blocked"));
        assert_eq!(check(500, "{}"), Err("unavailable"));
        assert_eq!(check(200, r#"{"error":false}"#), Err("layout_changed"));
    }
}
