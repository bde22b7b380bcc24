//! Pixiv. A work and its pages are two JSON answers asked for at once, the artist's links a third. R-18
//! works show their pictures only with the operator's cookie `PHPSESSID`.

use serde_json::Value;
use url::Url;

use super::free_text::links_in_html;
use super::read::{at, each, has, id_at, text_at, told};
use super::web::{judge, no_page_says_gone, read_json};
use super::{Address, Artwork, Identified, Images, Lead, Missing, Place, Site, SiteError, Web};
use crate::base::{Timestamp, counted};
use crate::domain::images::ImageSource;
use crate::fetch::{Request, Response};

mod addresses;

use addresses::{HOME, NAME};

pub const SITE: Site =
    Site { name: NAME, identify: addresses::identify, artwork: Some(artwork), leads: Some(profile) };

/// Pixiv Sketch, a site of its own under the same roof. Its pages are recognised, not read.
pub const SKETCH: Site =
    Site { name: addresses::SKETCH, identify: addresses::identify_sketch, artwork: None, leads: None };

fn ask(web: &Web, path: &str) -> Result<Request, SiteError> {
    Ok(web.request_as_browser(&format!("{HOME}ajax/{path}"), NAME)?.header("Referer", HOME))
}

/// What Pixiv says where a login, or another one, would help; *unknown error* comes to a cookie that has
/// expired.
const RESTRICTED: &[&str] = &["limited who can view", "unknown error"];
/// What it says of members and works that are no more, with a status that is not always 404.
const GONE: &[&str] = &["has left pixiv", "does not exist", "has been deleted"];

/// The body of an answer. Pixiv says what is wrong in JSON, with a status that says less.
fn body(response: Response, page: &str) -> Result<Value, SiteError> {
    let is_json = !response.body.trim_ascii_start().starts_with(b"<");
    if !is_json || !matches!(response.status, 200..=299 | 400 | 401 | 403 | 404) {
        no_page_says_gone(&response)?;
        judge(response.clone())?;
    }
    let mut answer = read_json(&response)?;
    if at(&answer, "error") == Some(&Value::Bool(true)) || !response.is_success() {
        let why = text_at(&answer, "message").unwrap_or("no reason given").to_owned();
        let says = |phrases: &[&str]| phrases.iter().any(|phrase| why.contains(phrase));
        return Err(match response.status {
            401 | 403 => SiteError::LoginNeeded { url: page.to_owned(), why },
            _ if says(RESTRICTED) => SiteError::LoginNeeded { url: page.to_owned(), why },
            404 => SiteError::Gone { url: page.to_owned() },
            _ if says(GONE) => SiteError::Gone { url: page.to_owned() },
            status => {
                Missing::new(format!("an answer (the site says: {why:.200}, status {status})")).on(page)
            }
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
    let mut picture_problem = None;
    let images = pictures(work, pages, position, url, &mut picture_problem);
    let mut leads = vec![Lead::new(format!("{HOME}users/{user}"), Place::Artist)];
    // The description and the date may be absent.
    if let Some(text) = text_at(work, "description") {
        leads.extend(links(text).into_iter().map(|url| Lead::new(url, Place::WorkText)));
    }
    let published = text_at(work, "createDate").and_then(Timestamp::parse_rfc3339);
    Ok(Artwork { images, published, leads, problems: Vec::new(), picture_problem })
}

/// The addresses of the picture at `position`, from the list of pages; the first one's stand in the work too.
fn pictures(
    work: &Value,
    pages: Result<Value, SiteError>,
    position: u32,
    url: &str,
    problem: &mut Option<SiteError>,
) -> Result<Vec<ImageSource>, SiteError> {
    let missing = |what: &str| Missing::new(what).on(url);
    let index = position.max(1) as usize - 1;
    let page = match &pages {
        Ok(pages) => {
            let pages = pages.as_array().filter(|pages| !pages.is_empty());
            let pages = pages.ok_or_else(|| missing("the list of pages"))?;
            let page = pages.get(index).ok_or_else(|| SiteError::NoPicture {
                url: url.to_owned(),
                why: format!("it has {}, not {position}", counted(pages.len(), "image")),
            })?;
            Some(page)
        }
        Err(error) if index > 0 => return Err(error.clone()),
        Err(error) => {
            *problem = Some(error.clone());
            None
        }
    };
    let sets = [page.map(|page| (page, "the list of pages")), Some((work, "body")).filter(|_| index == 0)];
    const SIZES: [&str; 3] = ["original", "regular", "small"];
    for (set, name) in sets.iter().flatten() {
        let is_null = set.get("urls").is_some_and(Value::is_null);
        if !is_null && !SIZES.iter().any(|size| has(set, &format!("urls.{size}"))) {
            return Err(missing(&format!("the field urls.original of {name}")));
        }
    }
    let mut images = Images::default();
    let mut placeholder = None;
    for size in SIZES {
        for (set, _) in sets.iter().flatten() {
            let Some(image) = text_at(set, &format!("urls.{size}")) else { continue };
            match image.split_once("/common/images/limit_") {
                Some((_, limit)) => placeholder = placeholder.or(Some(limit)),
                None => images.add(ImageSource { url: image.to_owned(), referer: Some(HOME.to_owned()) }),
            }
        }
    }
    images.or_else(|| hidden(placeholder.unwrap_or_default(), url))
}

/// Why a picture is not shown, by the picture that stands in its place (`limit_r18_360.png`): its addresses
/// are that, or null.
fn hidden(limit: &str, url: &str) -> SiteError {
    let url = url.to_owned();
    let login = |why: &str| SiteError::LoginNeeded { url: url.clone(), why: why.to_owned() };
    match limit.split('_').next().unwrap_or_default() {
        "unknown" => SiteError::Gone { url },
        "mypixiv" => login("its pictures are shown to the artist's friends on Pixiv (\"My pixiv\") only"),
        "r18" | "r18g" => login(
            "its pictures are shown with the cookie PHPSESSID of a member whose settings show R-18 works only",
        ),
        _ => login("its pictures are shown with the cookie PHPSESSID only"),
    }
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
    let page = target.and_then(Address::from_url).and_then(|address| addresses::identify(&address));
    match page {
        Some(page) if page.address().contains("/users/") => Ok(page.id_text().to_owned()),
        // Unknown names lead to the front page.
        Some(page) if Url::parse(page.address()).is_ok_and(|url| url.path() == "/") => {
            Err(SiteError::Gone { url: short })
        }
        _ if !(300..400).contains(&response.status) => {
            judge(response)?;
            Err(Missing::new("the header Location").on(short))
        }
        Some(_) => Err(Missing::new("a way to the member's page (the header Location)").on(short)),
        None => Err(Missing::new("the header Location").on(short)),
    }
}

fn parse_user(user: &Value) -> Result<Vec<Lead>, Missing> {
    if id_at(user, "userId").is_none() {
        return Err(Missing::new("the field body.userId"));
    }
    // An object by network, or an empty array.
    let social: Vec<&Value> = match user.get("social") {
        Some(Value::Object(by_network)) => by_network.values().collect(),
        Some(Value::Array(list)) => list.iter().collect(),
        _ => return Err(Missing::new("the field body.social")),
    };
    let mut leads: Vec<Lead> = Vec::new();
    let urls = each(&social, &["url"], "body.social")?;
    leads.extend(urls.into_iter().map(|url| Lead::new(url, Place::ProfileField)));
    let page = told(user, "webpage").map_err(|_| Missing::new("the field body.webpage"))?;
    leads.extend(page.map(|url| Lead::new(url, Place::ProfileField)));
    // Older answers have the text without markup only.
    if !has(user, "commentHtml") && !has(user, "comment") {
        return Err(Missing::new("the field body.comment"));
    }
    let text = text_at(user, "commentHtml").or_else(|| text_at(user, "comment"));
    leads.extend(
        text.map(links).unwrap_or_default().into_iter().map(|url| Lead::new(url, Place::ProfileText)),
    );
    Ok(leads)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Recorded: `tests/fixtures/LICENSES.md`.
    const WORK: &str = include_str!("../../tests/fixtures/sites/pixiv/illust_67487303.json");
    /// Built by hand to the documented shape.
    const USER: &str = include_str!("../../tests/fixtures/sites/pixiv/user_made.json");

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
        assert!(parse_work(&recorded(), gone(), 1, "u").unwrap().picture_problem.is_some());
        assert!(parse_work(&recorded(), gone(), 2, "u").unwrap().images.is_err());
    }

    #[test]
    fn hidden_pictures_need_a_login() {
        let mut work = recorded();
        work["urls"] = serde_json::json!({"original": null, "regular": null});
        let none = serde_json::json!([{"urls": {"original": null}}]);
        let why = |work: &Value| parse_work(work, Ok(none.clone()), 1, "u").unwrap().images.unwrap_err();
        assert_eq!(why(&work).outcome(), "login_needed");
        let mut limited = |limit: &str| {
            let placeholder = format!("https://s.pximg.net/common/images/limit_{limit}_360.png");
            work["urls"] = serde_json::json!({"regular": placeholder});
            why(&work)
        };
        assert!(limited("r18").to_string().contains("whose settings show R-18"));
        assert!(limited("mypixiv").to_string().contains("friends"));
        assert_eq!(limited("sanity_level").outcome(), "login_needed");
        assert_eq!(limited("unknown").outcome(), "gone");
    }

    /// What is hidden has its fields, empty; what lacks them has changed.
    #[test]
    fn a_changed_answer_is_not_a_hidden_work() {
        let check = |work: &Value, pages: Value| {
            let error = parse_work(work, Ok(pages), 1, "u").unwrap().images.unwrap_err();
            assert_eq!(error.outcome(), "layout_changed", "{error}");
        };
        check(&recorded(), serde_json::json!([]));
        check(&recorded(), serde_json::json!([{"addresses": {}}]));
        let mut work = recorded();
        work["urls"] = serde_json::json!({"orig": "https://i.pximg.net/1_p0.png"});
        check(&work, pages());
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
        let quiet = serde_json::json!({"userId": "1", "social": [], "webpage": null, "comment": ""});
        assert_eq!(parse_user(&quiet), Ok(vec![]));
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
        assert_eq!(check(404, "<html>"), Err("layout_changed"));
        assert_eq!(check(400, r#"{"error":true,"message":"Invalid request"}"#), Err("layout_changed"));
        assert_eq!(
            check(200, r#"{"error":true,"message":"User has left pixiv or the user ID does not exist."}"#),
            Err("gone")
        );
        assert_eq!(check(403, "<html>"), Err("blocked"));
        assert_eq!(check(200, "<html>"), Err("blocked"));
        assert_eq!(check(500, "{}"), Err("unavailable"));
        assert_eq!(check(200, r#"{"error":false}"#), Err("layout_changed"));
    }
}
