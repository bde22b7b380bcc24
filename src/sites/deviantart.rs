//! DeviantArt. A work is read in two requests at once: oEmbed (image, date, author) and the page, whose
//! state holds the full image and the description; the artist's links stand in the state of the page
//! "about".

use serde_json::Value;

use super::address::encode;
use super::free_text::{Texts, links_in_html};
use super::read::{at, each, javascript_string, list_at, need_list, objects_with, text_at, texts};
use super::web::{judge, read_json};
use super::{Artwork, Identified, Images, Lead, Missing, Place, Site, SiteError, Web};
use crate::base::Timestamp;
use crate::domain::images::ImageSource;
use crate::fetch::json;
use crate::text::links_in_text;

mod addresses;

use addresses::NAME as SITE_NAME;

pub const SITE: Site =
    Site { name: SITE_NAME, identify: addresses::identify, artwork: Some(artwork), leads: Some(profile) };

/// The number of the work, where the page was recognised by its short code too.
fn work_number(page: &Identified) -> Option<u64> {
    page.address().rsplit(['-', '/']).next()?.parse().ok()
}

fn artwork(page: &Identified, web: &Web) -> Result<Artwork, SiteError> {
    // oEmbed knows pages by their full URL, and short links.
    let embeddable = match work_number(page) {
        Some(id) if page.address().contains("/deviation/") => format!("https://fav.me/d{}", base36(id)),
        _ => page.address().to_owned(),
    };
    let oembed =
        web.request(&format!("https://backend.deviantart.com/oembed?url={}", encode(&embeddable)))?;
    let html = web.with_cookie(web.request(page.address())?, SITE_NAME);
    let (oembed, html) = web.send_both(oembed, html);
    let oembed = oembed.and_then(judge).and_then(|answer| read_json(&answer)).and_then(|answer| {
        parse_oembed(&answer).map_err(|missing| missing.on("https://backend.deviantart.com/oembed"))
    });
    let work = html.and_then(judge).and_then(|answer| {
        page_state(&answer.text())
            .and_then(|state| parse_work(&state, work_number(page), page.page.unwrap_or(1)))
            .map_err(|missing| missing.on(page.address()))
    });
    join(page, oembed, work)
}

/// Either half is enough; both together give the full image and the description.
fn join(
    page: &Identified,
    oembed: Result<Embedded, SiteError>,
    work: Result<Work, SiteError>,
) -> Result<Artwork, SiteError> {
    let (embedded, work, problem) = match (oembed, work) {
        // A page that is gone is gone, whatever else failed.
        (Err(first), Err(second)) => return Err(if first.is_gone() { first } else { second }),
        (Ok(embedded), Err(error)) => (embedded, Work::default(), Some(error)),
        // The page says all that oEmbed would have.
        (Err(_), Ok(work)) => (Embedded::default(), work, None),
        (Ok(embedded), Ok(work)) => (embedded, work, None),
    };
    let missing = |what: &str| Missing::new(what).on(page.address());
    let position = page.page.unwrap_or(1);
    let is_photo = embedded.image.is_some() || work.is_image;
    let mut images = Images::default();
    let mut own = work.images.into_iter().map(ImageSource::plain);
    // The page's first address is the full image or the largest view. oEmbed knows only the first image.
    own.next().into_iter().for_each(|image| images.add(image));
    let embedded_images = embedded.image.into_iter().chain(embedded.lighter).filter(|_| position == 1);
    let mut embedded_images = embedded_images.map(ImageSource::plain);
    embedded_images.next().into_iter().for_each(|image| images.add(image));
    own.chain(embedded_images).for_each(|image| images.add(image));
    images.put_last(|image| is_blurred(&image.url));
    let picture_problem = images.are_all(|image| is_blurred(&image.url)).then(|| SiteError::LoginNeeded {
        url: page.address().to_owned(),
        why: "visitors are shown a blurred picture only: set the cookies auth, auth_secure and userinfo"
            .to_owned(),
    });
    let images = images.or_else(|| match (&problem, position) {
        (Some(error), 2..) => error.clone(),
        (None, 2..) => {
            let why = format!("it has no image {position}");
            SiteError::NoPicture { url: page.address().to_owned(), why }
        }
        _ if is_photo => missing("the field media.baseUri"),
        _ => {
            let why = "literature, a journal or a film".to_owned();
            SiteError::NoPicture { url: page.address().to_owned(), why }
        }
    });
    let author = work.author.or(embedded.author).map(|author| Lead::new(author, Place::Artist));
    let described = work.described.into_iter().map(|url| Lead::new(url, Place::WorkText));
    Ok(Artwork {
        images,
        published: work.published.or(embedded.published),
        leads: author.into_iter().chain(described).collect(),
        problems: problem.into_iter().collect(),
        picture_problem,
    })
}

/// Visitors get blurred views of works that are marked mature. Their fingerprints lie within 2 bits of the
/// clear picture's, so that they are searched with where there is nothing else.
fn is_blurred(url: &str) -> bool {
    url.contains(",blur_") || url.contains("/blur_")
}

/// What oEmbed tells.
#[derive(Debug, Default, PartialEq)]
struct Embedded {
    image: Option<String>,
    lighter: Option<String>,
    /// The URL of the author's page.
    author: Option<String>,
    published: Option<Timestamp>,
}

fn parse_oembed(answer: &Value) -> Result<Embedded, Missing> {
    let author = text_at(answer, "author_url").ok_or_else(|| Missing::new("the field author_url"))?;
    // Only `photo` has a picture under `url`; a text's thumbnail is not the work.
    let kind = text_at(answer, "type").ok_or_else(|| Missing::new("the field type"))?;
    let picture = kind == "photo";
    let image = text_at(answer, "url").filter(|_| picture);
    if picture && image.is_none() {
        return Err(Missing::new("the field url"));
    }
    Ok(Embedded {
        image: image.map(str::to_owned),
        lighter: text_at(answer, "thumbnail_url").filter(|_| picture).map(str::to_owned),
        author: Some(author.to_owned()),
        published: text_at(answer, "pubdate").and_then(date),
    })
}

/// ISO 8601 with the offset as `-08:00` or `-0800`.
fn date(text: &str) -> Option<Timestamp> {
    if let Some(moment) = Timestamp::parse_rfc3339(text) {
        return Some(moment);
    }
    let (moment, minutes) = text.split_at_checked(text.len().checked_sub(2)?)?;
    Timestamp::parse_rfc3339(&format!("{moment}:{minutes}"))
}

/// The page's state: JSON within a JavaScript string within the page.
fn page_state(html: &str) -> Result<Value, Missing> {
    const MARK: &str = "window.__INITIAL_STATE__ = JSON.parse(";
    let missing = || Missing::new("window.__INITIAL_STATE__");
    let rest = &html[html.find(MARK).ok_or_else(missing)? + MARK.len()..];
    let quote = rest.chars().next().filter(|c| matches!(c, '"' | '\'')).ok_or_else(missing)?;
    let state = javascript_string(&rest[1..], quote).ok_or_else(missing)?;
    json::parse(state.as_bytes()).map_err(|_| Missing::new("JSON in window.__INITIAL_STATE__"))
}

/// What the state of a work's page tells.
#[derive(Debug, Default)]
struct Work {
    /// Best first; empty where there is no picture at the position asked for.
    images: Vec<String>,
    /// The page calls it a picture.
    is_image: bool,
    /// The URL of the author's page.
    author: Option<String>,
    published: Option<Timestamp>,
    /// Links in the description.
    described: Vec<String>,
}

/// The value with this key in an object keyed by ids, else its first: the page's state may hold other
/// works of the artist too.
fn entity<'a>(entities: &'a Value, kind: &str, id: Option<u64>) -> Option<&'a Value> {
    let all = at(entities, kind)?.as_object()?;
    id.and_then(|id| all.get(&id.to_string())).or_else(|| all.values().next())
}

/// Reads a work from the state of its page; `position` counts from 1.
fn parse_work(state: &Value, id: Option<u64>, position: u32) -> Result<Work, Missing> {
    let entities = at(state, "@@entities").ok_or_else(|| Missing::new("the field @@entities"))?;
    let deviation = entity(entities, "deviation", id);
    let deviation = deviation.ok_or_else(|| Missing::new("the field @@entities.deviation"))?;
    let extended = entity(entities, "deviationExtended", id);
    let media = match position {
        0 | 1 => at(deviation, "media"),
        // Position 0 is the main image.
        n => extended
            .map(|extended| list_at(extended, "additionalMedia"))
            .unwrap_or_default()
            .iter()
            .find(|media| at(media, "position").and_then(Value::as_u64) == Some(u64::from(n) - 1))
            .and_then(|media| at(media, "media")),
    };
    let author = match at(deviation, "author") {
        // A key into the table of users, or the user itself.
        Some(Value::Number(key)) => at(entities, &format!("user.{key}")),
        Some(Value::String(key)) => at(entities, "user").and_then(|users| users.get(key)),
        author => author,
    };
    let author = author.and_then(|author| text_at(author, "username"));
    let author = author.ok_or_else(|| Missing::new("the field author.username of @@entities.deviation"))?;
    // Works without a word have none; the pages of 2020 have it elsewhere.
    let description = extended.and_then(|extended| at(extended, "descriptionText"));
    Ok(Work {
        images: media.map(image_urls).unwrap_or_default(),
        // May be absent: the pages of 2020 do not say.
        is_image: text_at(deviation, "type") == Some("image"),
        author: Some(format!("https://www.deviantart.com/{author}")),
        // May be absent: it only says which posts need not be read.
        published: text_at(deviation, "publishedTime").and_then(date),
        described: description.map(links_in_markup).unwrap_or_default(),
    })
}

/// Views of one picture that are kept, best first: the others are too small to be asked for.
const MAX_VIEWS: usize = 4;

fn is_full(view: &Value) -> bool {
    text_at(view, "t") == Some("fullview")
}

/// The URLs of a picture, best first: the full file where its token was given, else the largest views.
fn image_urls(media: &Value) -> Vec<String> {
    let Some(base) = text_at(media, "baseUri") else { return Vec::new() };
    let tokens: Vec<&str> = list_at(media, "token").iter().filter_map(Value::as_str).collect();
    let pretty = text_at(media, "prettyName").unwrap_or_default();
    let mut urls = Vec::new();
    if let Some(full) = tokens.get(1) {
        urls.push(format!("{base}?token={full}"));
    }
    let types = list_at(media, "types");
    let side = |view: &Value, name: &str| at(view, name).and_then(Value::as_u64).unwrap_or(0);
    let full = types.iter().find(|view| text_at(view, "t") == Some("fullview"));
    // A view of another shape was cut: `/crop/` always, `/fill/` where the sides differ.
    let is_whole = |view: &&Value| {
        let path = text_at(view, "c").unwrap_or_default();
        let ratio = |view: &Value| side(view, "w") as f64 / side(view, "h").max(1) as f64;
        let same_shape = full.is_none_or(|full| (ratio(view) / ratio(full) - 1.0).abs() < 0.03);
        !path.contains("/crop/") && (!path.contains("/fill/") || same_shape)
    };
    // What has `b` is a film, or an animation's own file. A view without a path is the file itself.
    let is_picture =
        |view: &&Value| text_at(view, "b").is_none() && (is_full(view) || at(view, "c").is_some());
    let mut views: Vec<&Value> = types.iter().filter(is_picture).filter(is_whole).collect();
    // The clear ones first, `fullview` before all others, and those by their size.
    views.sort_by_key(|view| {
        let is_blurred = text_at(view, "c").is_some_and(is_blurred);
        (is_blurred, !is_full(view), std::cmp::Reverse(side(view, "w").saturating_mul(side(view, "h"))))
    });
    for view in views.into_iter().take(MAX_VIEWS) {
        let path = text_at(view, "c").unwrap_or_default().replace("<prettyName>", pretty);
        urls.push(match tokens.first() {
            Some(token) => format!("{base}{path}?token={token}"),
            None => format!("{base}{path}"),
        });
    }
    let mut seen = std::collections::HashSet::new();
    urls.retain(|url| seen.insert(url.clone()));
    urls
}

/// The links in a text of any of DeviantArt's editors: HTML, or JSON within the markup.
fn links_in_markup(text: &Value) -> Vec<String> {
    let Some(markup) = text_at(text, "html.markup").or_else(|| text_at(text, "markup")) else {
        return text_at(text, "excerpt").map(links_in_text).unwrap_or_default();
    };
    let mut links = match json::parse::<Value>(markup.as_bytes()) {
        Ok(value @ (Value::Object(_) | Value::Array(_))) => {
            let mut read = Texts::default();
            let texts = texts(&value).into_iter().map(|text| read.take(text));
            texts.filter(|text| !text.is_empty()).flat_map(links_in_html_or_text).collect()
        }
        _ => links_in_html_or_text(markup),
    };
    let mut seen = std::collections::HashSet::new();
    links.retain(|link: &String| seen.insert(link.clone()));
    links
}

fn links_in_html_or_text(text: &str) -> Vec<String> {
    let base = url::Url::parse("https://www.deviantart.com/").expect("a constant URL");
    links_in_html(text, &base)
}

fn profile(page: &Identified, web: &Web) -> Result<Vec<Lead>, SiteError> {
    let url = format!("{}/about", page.address());
    let response = web.send(web.with_cookie(web.request(&url)?, SITE_NAME))?;
    let state = page_state(&response.text()).map_err(|missing| missing.on(&url))?;
    parse_about(&state).map_err(|missing| missing.on(&url))
}

/// Reads the module "about" wherever the state keeps it: its place moved several times, its fields did not.
fn parse_about(state: &Value) -> Result<Vec<Lead>, Missing> {
    let modules = objects_with(state, &["socialLinks"]);
    if modules.is_empty() {
        return Err(Missing::new("the field socialLinks of the module about"));
    }
    let mut leads: Vec<Lead> = Vec::new();
    let mut add = |url: String, place| {
        Lead::add(&mut leads, url, place);
    };
    for module in modules {
        let links: Vec<&Value> = need_list(module, "socialLinks")?.iter().collect();
        for url in each(&links, &["value", "url"], "socialLinks")? {
            add(url.to_owned(), Place::ProfileField);
        }
        // The other three may be absent, and are where nothing was written.
        if let Some(handle) = text_at(module, "twitterUsername") {
            add(format!("https://twitter.com/{}", handle.trim_start_matches('@')), Place::ProfileField);
        }
        if let Some(website) = text_at(module, "website") {
            add(website.to_owned(), Place::ProfileField);
        }
        if let Some(text) = at(module, "textContent") {
            for link in links_in_markup(text) {
                add(link, Place::ProfileText);
            }
        }
    }
    Ok(leads)
}

fn base36(mut number: u64) -> String {
    let mut digits = Vec::new();
    while number > 0 {
        digits.extend(char::from_digit((number % 36) as u32, 36));
        number /= 36;
    }
    digits.iter().rev().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Recorded: `tests/fixtures/LICENSES.md`.
    const OEMBED: &str = include_str!("../../tests/fixtures/sites/deviantart/oembed_cope.json");
    /// Recorded, cut down to the page's state.
    const PAGE: &str = include_str!("../../tests/fixtures/sites/deviantart/page_cope.html");
    /// Built by hand to the documented shape.
    const ABOUT: &str = include_str!("../../tests/fixtures/sites/deviantart/about_made.html");

    fn embedded() -> Embedded {
        parse_oembed(&serde_json::from_str(OEMBED).unwrap()).unwrap()
    }

    fn work(position: u32) -> Work {
        parse_work(&page_state(PAGE).unwrap(), Some(145_564_099), position).unwrap()
    }

    #[test]
    fn reads_a_recorded_work() {
        assert_eq!(base36(685_436_408), "bc3a48");
        assert_eq!(embedded().author.as_deref(), Some("https://www.deviantart.com/pachunka"));
        let page = crate::sites::identify("https://www.deviantart.com/pachunka/art/Cope-145564099");
        let artwork = join(&page, Ok(embedded()), Ok(work(1))).unwrap();
        assert_eq!(artwork.published.unwrap().to_rfc3339(), "2009-12-03T07:59:51Z");
        assert_eq!(artwork.leads[0], Lead::new("https://www.deviantart.com/pachunka", Place::Artist));
        assert!(artwork.leads.contains(&Lead::new("https://randomduck.deviantart.com/", Place::WorkText)));
        let images = artwork.images.unwrap();
        assert_eq!(Some(&images[0].url), embedded().image.as_ref());
        assert!(images[2].url.contains("-fullview.jpg?token="), "{images:#?}");
    }

    #[test]
    fn one_half_is_enough_and_says_so() {
        let page = crate::sites::identify("https://www.deviantart.com/pachunka/art/Cope-145564099");
        let changed = || Missing::new("window.__INITIAL_STATE__").on("page");
        let gone = || SiteError::Gone { url: "u".into() };
        let artwork = join(&page, Ok(embedded()), Err(changed())).unwrap();
        let problems: Vec<String> = artwork.problems.iter().map(ToString::to_string).collect();
        assert_eq!(problems, ["the layout of page has changed: window.__INITIAL_STATE__ is missing"]);
        assert_eq!(artwork.images.unwrap().len(), 2);
        assert!(join(&page, Err(gone()), Ok(work(1))).unwrap().problems.is_empty());
        assert!(join(&page, Err(gone()), Err(changed())).unwrap_err().is_gone());
        let text = Embedded { author: Some("u".into()), ..Embedded::default() };
        let artwork = join(&page, Ok(text), Ok(Work::default())).unwrap();
        assert_eq!(artwork.images.unwrap_err().outcome(), "no_picture");
    }

    #[test]
    fn positions_are_those_of_the_page() {
        let page = crate::sites::identify("https://www.deviantart.com/pachunka/art/Cope-145564099#image-3");
        let artwork = join(&page, Ok(embedded()), Ok(work(3))).unwrap();
        assert_eq!(artwork.images.unwrap_err().outcome(), "no_picture");
        let mut state = page_state(PAGE).unwrap();
        let more = serde_json::json!([{"position": 2, "media": {"baseUri": "https://f/3.png", "token": ["a", "b"]}}]);
        state["@@entities"]["deviationExtended"]["145564099"]["additionalMedia"] = more;
        let third = parse_work(&state, Some(145_564_099), 3).unwrap();
        let artwork = join(&page, Ok(embedded()), Ok(third)).unwrap();
        assert_eq!(artwork.images.unwrap(), [ImageSource::plain("https://f/3.png?token=b")]);
    }

    #[test]
    fn reads_an_about_page() {
        let leads = parse_about(&page_state(ABOUT).unwrap()).unwrap();
        let expect = [
            ("https://www.twitter.com/pachunka_art", Place::ProfileField),
            ("https://linktr.ee/pachunka", Place::ProfileField),
            ("https://pachunka.carrd.co/", Place::ProfileText),
        ];
        assert_eq!(leads, expect.map(|(url, place)| Lead::new(url, place)));
        let missing = parse_about(&serde_json::json!({"@@entities": {}})).unwrap_err();
        assert_eq!(missing.0, "the field socialLinks of the module about");
    }

    #[test]
    fn reads_the_newer_editors() {
        let tiptap = serde_json::json!({"html": {"type": "tiptap", "markup":
            r#"{"version":1,"document":{"type":"doc","content":[{"type":"text","text":"me: twitter.com/foo",
            "marks":[{"type":"link","attrs":{"href":"https://www.deviantart.com/users/outgoing?https://linktr.ee/foo"}}]}]}}"#}});
        assert_eq!(
            links_in_markup(&tiptap),
            ["twitter.com/foo", "https://www.deviantart.com/users/outgoing?https://linktr.ee/foo"]
        );
    }
}
