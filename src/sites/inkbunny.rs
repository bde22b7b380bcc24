//! Inkbunny: works through its API, which lets a guest in; the artist's links from the member's page.

use serde_json::Value;
use url::Url;

use super::address::{name, number};
use super::html::anchors;
use super::plain::outbound;
use super::read::{at, has, id_at, need_list, text_at};
use super::{Address, Artwork, Identified, Images, Kind, Lead, Missing, Place, Site, SiteError, Web};
use crate::base::Timestamp;
use crate::domain::images::ImageSource;
use crate::fetch::Method;
use crate::text::links_in_text;

pub const SITE: Site = Site { name: "inkbunny", identify, artwork: Some(artwork), leads: Some(member) };

/// First parts of a path that are no member.
const RESERVED: &[&str] =
    &["s", "submissions", "search", "gallery", "scraps", "login", "register", "index", "images", "rules"];

fn identify(address: &Address) -> Option<Identified> {
    if address.subdomain_of("metapix.net").is_some() {
        return Some(image(address));
    }
    if !address.is_on("inkbunny.net") {
        return None;
    }
    let other = || Identified::other(SITE.name, address);
    // The second part is the image of a submission with several, 1-based: https://inkbunny.net/s/12-p3-
    let work = |id: &str| {
        let (id, rest) = id.split_once('-').unwrap_or((id, ""));
        let page = rest.strip_prefix('p').and_then(|rest| rest.trim_end_matches('-').parse().ok());
        number(id).map(|id| {
            let url = format!("https://inkbunny.net/s/{id}");
            Identified::new(SITE.name, Kind::Artwork, url).id(id).page(page.filter(|page| *page > 0))
        })
    };
    Some(match address.segments().as_slice() {
        ["s", id, ..] => work(id).unwrap_or_else(other),
        ["submissionview.php"] => address.query("id").and_then(|id| work(&id)).unwrap_or_else(other),
        // https://inkbunny.net/user.php?user_id=152800
        ["user.php"] => match address.query("user_id").and_then(|id| number(&id)) {
            Some(id) => {
                let url = format!("https://inkbunny.net/user.php?user_id={id}");
                Identified::new(SITE.name, Kind::Profile, url).id(id)
            }
            None => other(),
        },
        [user] | ["gallery" | "scraps", user] => self::user(user).unwrap_or_else(other),
        _ => other(),
    })
}

fn user(part: &str) -> Option<Identified> {
    let user = name(part)?.to_ascii_lowercase();
    let usable = !user.ends_with(".php") && !RESERVED.contains(&user.as_str());
    usable.then(|| Identified::new(SITE.name, Kind::Profile, format!("https://inkbunny.net/{user}")).id(user))
}

/// An image file, which names its uploader: `4816665_DAGASI_1890.12.jpg`.
fn image(address: &Address) -> Identified {
    let image = Identified::image(SITE.name, address);
    let parts = address.segments();
    let mut pieces = parts.last().copied().unwrap_or_default().split('_');
    let uploader = match (pieces.next().and_then(number), pieces.next(), pieces.next()) {
        (Some(_), Some(uploader), Some(_)) => user(uploader),
        _ => None,
    };
    match uploader {
        Some(uploader) => image.artist(uploader.address()),
        None => image,
    }
}

/// A guest's session, then the submission. A session is not kept: it would be the program's only state.
fn artwork(page: &Identified, web: &Web) -> Result<Artwork, SiteError> {
    let (widened, answer) = ask(page, web)?;
    // A session may end between two requests: another one is begun, once.
    let (widened, answer) = match id_at(&answer, "error_code").as_deref() {
        Some(SESSION_ENDED) => ask(page, web)?,
        _ => (widened, answer),
    };
    let artwork = parse_submission(&answer, page.page.unwrap_or(1), page.address());
    match artwork {
        // Whether it is gone cannot be known where the session was not widened.
        Err(SiteError::Gone { url }) if !widened => Err(SiteError::LoginNeeded {
            url,
            why: "a guest's session is not shown works of every rating".to_owned(),
        }),
        artwork => artwork,
    }
}

/// The error code of a session that has ended. (4 is the same of a list of results, which is never asked
/// for.)
const SESSION_ENDED: &str = "2";

/// Longest id of a session that is believed, in bytes; those of today have about thirty.
const MAX_SESSION_BYTES: usize = 256;

/// Begins a session, widens it to works of all ratings, and asks for the submission. The first value says
/// whether the session is shown all ratings.
fn ask(page: &Identified, web: &Web) -> Result<(bool, Value), SiteError> {
    let mut login = web.request("https://inkbunny.net/api_login.php")?;
    login.method = Method::Post;
    login.body = Some("username=guest".into());
    let login = login.header("Content-Type", "application/x-www-form-urlencoded");
    let session = web.json(login)?;
    no_error(&session, page.address())?;
    // It stands in two addresses, where each of its bytes may take three.
    let sid = text_at(&session, "sid").filter(|sid| sid.len() <= MAX_SESSION_BYTES);
    let sid = sid.ok_or_else(|| Missing::new("the field sid").on(page.address()))?;
    // A guest is shown General works until the session asks for the others; a work that is hidden so looks
    // gone.
    let ratings = (2..=5).map(|rating| format!("&tag%5B{rating}%5D=yes")).collect::<String>();
    let sid = super::address::encode(sid);
    let widened =
        web.json(web.request(&format!("https://inkbunny.net/api_userrating.php?sid={sid}{ratings}"))?);
    let widened = widened.is_ok_and(|answer| at(&answer, "error_code").is_none() && has(&answer, "sid"));
    let url = format!(
        "https://inkbunny.net/api_submissions.php?sid={sid}&submission_ids={}&show_description=yes",
        page.id_text()
    );
    Ok((widened, web.json(web.request(&url)?)?))
}

/// Errors come with status 200 and say what is wrong with the session or the request, never that a work is
/// gone.
fn no_error(answer: &Value, url: &str) -> Result<(), SiteError> {
    let Some(code) = id_at(answer, "error_code") else { return Ok(()) };
    let why = text_at(answer, "error_message").unwrap_or("no reason given");
    Err(SiteError::LoginNeeded { url: url.to_owned(), why: format!("error {code}: {why}") })
}

fn parse_submission(answer: &Value, position: u32, url: &str) -> Result<Artwork, SiteError> {
    let on_page = |missing: Missing| missing.on(url);
    let missing = |what: &str| Missing::new(what).on(url);
    no_error(answer, url)?;
    let submissions = need_list(answer, "submissions").map_err(on_page)?;
    let work = submissions.first().ok_or_else(|| SiteError::Gone { url: url.to_owned() })?;
    let user = text_at(work, "username").ok_or_else(|| missing("the field username"))?;
    let mut files: Vec<&Value> = need_list(work, "files").map_err(on_page)?.iter().collect();
    if files.len() > 1 && !files.iter().all(|file| has(file, "submission_file_order")) {
        return Err(missing("the field files[].submission_file_order"));
    }
    files
        .sort_by_key(|file| id_at(file, "submission_file_order").and_then(|order| order.parse::<i64>().ok()));
    let images = picture(files.get(position.max(1) as usize - 1).copied(), url);
    let mut leads = vec![Lead::new(format!("https://inkbunny.net/{user}"), Place::Artist)];
    // Absent where it was not asked for.
    let text = text_at(work, "description").map(links_in_text).unwrap_or_default();
    leads.extend(text.into_iter().map(|url| Lead::new(url, Place::WorkText)));
    // May be absent: it only says which posts need not be read.
    let published = text_at(work, "create_datetime").and_then(date);
    Ok(Artwork { images, published, leads, problems: Vec::new(), picture_problem: None })
}

/// The addresses of one file of a submission.
fn picture(file: Option<&Value>, url: &str) -> Result<Vec<ImageSource>, SiteError> {
    let no_picture = |why: &str| SiteError::NoPicture { url: url.to_owned(), why: why.to_owned() };
    let file = file.ok_or_else(|| no_picture("it has fewer images"))?;
    // May be absent; a file that is none is noticed when it is decoded.
    if text_at(file, "mimetype").is_some_and(|mime| !mime.starts_with("image/")) {
        return Err(no_picture("a film or a text"));
    }
    let mut images = Images::default();
    for size in ["file_url_full", "file_url_screen", "file_url_preview"] {
        if let Some(file) = text_at(file, size) {
            images.add(ImageSource::plain(file));
        }
    }
    images.or_else(|| Missing::new("the field file_url_full").on(url))
}

/// `2010-03-03 13:25:54.38212+00`
fn date(text: &str) -> Option<Timestamp> {
    let text = text.replacen(' ', "T", 1);
    Timestamp::parse_rfc3339(&text).or_else(|| Timestamp::parse_rfc3339(&format!("{text}:00")))
}

fn member(page: &Identified, web: &Web) -> Result<Vec<Lead>, SiteError> {
    let response = web.send(web.with_cookie(web.request(page.address())?, SITE.name))?;
    parse_member(&response.text(), &response.url, page.id_text())
        .map_err(|missing| missing.on(page.address()))
}

/// The links that leave the site. A page without any must at least be the member's: it links to their works.
fn parse_member(html: &str, base: &Url, member: &str) -> Result<Vec<Lead>, Missing> {
    let links = anchors(html, base, None);
    let is_theirs = |link: &String| link.to_lowercase().contains(&member.to_lowercase());
    let is_member = links.iter().any(is_theirs);
    let leads = outbound(links, base.host_str().unwrap_or_default());
    match leads.is_empty() && !is_member {
        true => Err(Missing::new("a link of the member's (a[href])")),
        false => Ok(leads),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{check_identify, none};
    use super::*;

    #[test]
    fn reserved_names_are_so_in_any_case() {
        super::super::tests::none("https://inkbunny.net/S", Kind::Other);
    }

    #[test]
    fn recognises_its_pages() {
        let work = "https://inkbunny.net/s/12";
        check_identify("https://inkbunny.net/s/12-p3-#commentid_1", Kind::Artwork, "12", work);
        check_identify("https://inkbunny.net/submissionview.php?id=12", Kind::Artwork, "12", work);
        check_identify("https://inkbunny.net/Ann", Kind::Profile, "ann", "https://inkbunny.net/ann");
        assert_eq!(crate::sites::identify("https://inkbunny.net/s/12-p3-").page, Some(3));
        none("https://inkbunny.net/index.php", Kind::Other);
    }

    /// Answers the first question with a session, and remembers how many were asked.
    struct Session(String, std::sync::atomic::AtomicU32);

    impl crate::fetch::Fetch for Session {
        fn fetch(
            &self,
            request: crate::fetch::Request,
        ) -> Result<crate::fetch::Response, crate::fetch::FetchError> {
            self.1.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            let body = serde_json::json!({"sid": self.0}).to_string().into();
            Ok(crate::fetch::Response { status: 200, url: request.url, headers: vec![], body })
        }

        fn fetch_all(
            &self,
            requests: Vec<crate::fetch::Request>,
        ) -> Vec<Result<crate::fetch::Response, crate::fetch::FetchError>> {
            requests.into_iter().map(|request| self.fetch(request)).collect()
        }
    }

    #[test]
    fn a_session_longer_than_any_stands_in_no_address() {
        let asked = |sid: String| {
            let (fetch, credentials) = (Session(sid, 0.into()), super::super::Credentials::default());
            let web = Web::new(&fetch, &credentials, 30, std::time::Duration::from_secs(60));
            let error = artwork(&crate::sites::identify("https://inkbunny.net/s/12"), &web).unwrap_err();
            assert_eq!(error.outcome(), "layout_changed");
            fetch.1.into_inner()
        };
        assert_eq!(asked("é".repeat(MAX_SESSION_BYTES / 2)), 3);
        assert_eq!(asked("é".repeat(MAX_SESSION_BYTES / 2 + 1)), 1);
    }

    #[test]
    fn reads_a_submission() {
        // Made by hand to the documented shape.
        let answer = serde_json::json!({"submissions": [{"submission_id": "12", "username": "Ann",
            "create_datetime": "2010-03-03 13:25:54.38212+00", "description": "also x.com/ann",
            "files": [{"submission_file_order": "1", "mimetype": "image/png", "file_url_full": "https://f/2.png"},
                      {"submission_file_order": "0", "mimetype": "image/png", "file_url_full": "https://f/1.png"}]}]});
        let artwork = parse_submission(&answer, 1, "u").unwrap();
        assert_eq!(artwork.images.as_ref().unwrap()[0].url, "https://f/1.png");
        assert_eq!(artwork.published.unwrap().to_rfc3339(), "2010-03-03T13:25:54Z");
        assert_eq!(artwork.leads[1], Lead::new("x.com/ann", Place::WorkText));
        assert_eq!(parse_submission(&answer, 3, "u").unwrap().images.unwrap_err().outcome(), "no_picture");
        let empty = serde_json::json!({"submissions": []});
        assert!(parse_submission(&empty, 1, "u").unwrap_err().is_gone());
    }
}
