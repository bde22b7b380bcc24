//! Sites that run Philomena (Derpibooru, Furbooru and their kin): boorus, whose images are copies of the
//! artist's. Images are JSON; the artist's links stand only on the HTML page of the artist's tag.

use serde_json::Value;
use url::Url;

use super::address::number;
use super::html::{absolute, select};
use super::read::{at, has, id_at, list_at, need, text_at};
use super::{Address, Artwork, Identified, Images, Kind, Lead, Missing, Place, Site, SiteError, Web};
use crate::base::Timestamp;
use crate::domain::images::ImageSource;
use crate::text::links_in_text;

pub const SITE: Site = Site { name: "philomena", identify, artwork: Some(artwork), leads: Some(tag_page) };

/// One site that runs this software.
struct Booru {
    name: &'static str,
    host: &'static str,
    /// Other hosts of the same pages.
    aliases: &'static [&'static str],
    /// Hosts of its image files.
    files: &'static [&'static str],
    /// The filter that hides nothing; without it the site's default hides results without a word.
    everything: Option<u32>,
}

const BOORUS: &[Booru] = &[
    Booru {
        name: "derpibooru",
        host: "derpibooru.org",
        aliases: &["trixiebooru.org"],
        files: &["derpicdn.net"],
        everything: Some(56027),
    },
    Booru {
        name: "furbooru",
        host: "furbooru.org",
        aliases: &[],
        files: &["furrycdn.org"],
        everything: Some(2),
    },
    Booru {
        name: "ponybooru",
        host: "ponybooru.org",
        aliases: &[],
        files: &["cdn.ponybooru.org"],
        everything: Some(3),
    },
    Booru { name: "manebooru", host: "manebooru.art", aliases: &[], files: &[], everything: None },
    Booru { name: "ponerpics", host: "ponerpics.org", aliases: &[], files: &[], everything: None },
    Booru { name: "tantabus", host: "tantabus.ai", aliases: &[], files: &[], everything: None },
];

/// Merged images are followed this far; the site itself merges into the end of a chain.
const MAX_MERGES: u8 = 3;

/// The names of all of them.
pub fn names() -> impl Iterator<Item = &'static str> {
    BOORUS.iter().map(|booru| booru.name)
}

fn identify(address: &Address) -> Option<Identified> {
    let host = address.host();
    if let Some(booru) = BOORUS.iter().find(|booru| booru.files.contains(&host)) {
        return Some(Identified::image(booru.name, address));
    }
    let booru = BOORUS.iter().find(|booru| booru.host == host || booru.aliases.contains(&host))?;
    Some(match address.segments().as_slice() {
        // https://derpibooru.org/images/1851874, https://derpibooru.org/1851874
        ["images", id] | [id] if number(id).is_some() => {
            let id = number(id).unwrap_or_default();
            Identified::new(booru.name, Kind::Artwork, format!("https://{}/images/{id}", booru.host)).id(id)
        }
        ["img", ..] => Identified::image(booru.name, address),
        // https://derpibooru.org/tags/artist-colon-fidzfox
        ["tags", slug] => {
            Identified::new(booru.name, Kind::Other, format!("https://{}/tags/{slug}", booru.host)).id(*slug)
        }
        _ => Identified::other(booru.name, address),
    })
}

fn booru_of(page: &Identified) -> &'static Booru {
    BOORUS.iter().find(|booru| page.site == Some(booru.name)).unwrap_or(&BOORUS[0])
}

fn with_filter(url: String, booru: &Booru) -> String {
    match booru.everything {
        Some(filter) => format!("{url}?filter_id={filter}"),
        None => url,
    }
}

fn artwork(page: &Identified, web: &Web) -> Result<Artwork, SiteError> {
    let booru = booru_of(page);
    let mut id = page.id_text().to_owned();
    for _ in 0..=MAX_MERGES {
        let url = with_filter(format!("https://{}/api/v1/json/images/{id}", booru.host), booru);
        let answer = web.json(web.with_cookie(web.request(&url)?, SITE.name))?;
        match parse_image(&answer, booru, page.address())? {
            Image::Kept(artwork) => return Ok(*artwork),
            Image::MergedInto(kept) => id = kept,
        }
    }
    Err(Missing::new("the end of a chain of merged images").on(page.address()))
}

enum Image {
    Kept(Box<Artwork>),
    /// A duplicate of this one.
    MergedInto(String),
}

fn parse_image(answer: &Value, booru: &Booru, url: &str) -> Result<Image, SiteError> {
    let image = need(answer, "image").map_err(|missing| missing.on(url))?;
    if let Some(kept) = id_at(image, "duplicate_of").and_then(|id| number(&id)) {
        return Ok(Image::MergedInto(kept));
    }
    if at(image, "hidden_from_users") == Some(&Value::Bool(true)) {
        return Err(SiteError::Gone { url: url.to_owned() });
    }
    // Either may be absent, and says what the file is.
    let film = text_at(image, "mime_type").is_some_and(|mime| mime.starts_with("video/"))
        || text_at(image, "format").is_some_and(|format| matches!(format, "webm" | "mp4"));
    let base = Url::parse(&format!("https://{}/", booru.host)).map_err(|_| Missing::new("host").on(url))?;
    // The file of a drawing in vectors is no picture yet; its representations are.
    let whole = if text_at(image, "format") == Some("svg") { None } else { text_at(image, "view_url") };
    let mut images = Images::default();
    let sizes = ["full", "large", "medium"]
        .map(|size| at(image, "representations").and_then(|all| text_at(all, size)));
    for file in sizes.into_iter().chain([whole]).flatten().filter(|_| !film) {
        if let Ok(file) = base.join(file) {
            images.add(ImageSource::plain(file));
        }
    }
    let images = images.or_else(|| match film {
        true => SiteError::NoPicture { url: url.to_owned(), why: "a film".to_owned() },
        false => Missing::new("the field image.representations").on(url),
    });
    let tags = at(image, "tags")
        .and_then(Value::as_array)
        .ok_or_else(|| Missing::new("the field image.tags").on(url))?;
    let artists = tags.iter().filter_map(Value::as_str).filter(|tag| tag.starts_with("artist:"));
    let mut leads: Vec<Lead> = artists
        .map(|tag| Lead::new(format!("https://{}/tags/{}", booru.host, slug(tag)), Place::Artist))
        .collect();
    // One of both is there, and null or empty where nobody named a source.
    if !has(image, "source_urls") && !has(image, "source_url") {
        return Err(Missing::new("the field image.source_urls").on(url));
    }
    let one = text_at(image, "source_url");
    for source in list_at(image, "source_urls").iter().filter_map(Value::as_str).chain(one) {
        if !source.is_empty() {
            Lead::add(&mut leads, source, Place::Source);
        }
    }
    // May be absent. It is the uploader's, often a copy of the artist's own.
    for url in text_at(image, "description").map(links_in_text).unwrap_or_default() {
        Lead::add(&mut leads, url, Place::CopyText);
    }
    // Where images were merged, the first upload of any of them. Both are of the upload here, in UTC.
    let date = text_at(image, "first_seen_at").and_then(Timestamp::parse_rfc3339);
    let published = date.or_else(|| text_at(image, "created_at").and_then(Timestamp::parse_rfc3339));
    Ok(Image::Kept(Box::new(Artwork {
        images,
        published,
        leads,
        problems: Vec::new(),
        picture_problem: None,
    })))
}

/// A tag as it stands in the URL of its page.
fn slug(tag: &str) -> String {
    let mut slug = String::new();
    for c in tag.to_lowercase().chars() {
        match c {
            '-' => slug.push_str("-dash-"),
            '/' => slug.push_str("-fwslash-"),
            '\\' => slug.push_str("-bwslash-"),
            ':' => slug.push_str("-colon-"),
            '.' => slug.push_str("-dot-"),
            '+' => slug.push_str("-plus-"),
            c => slug.push(c),
        }
    }
    // Spaces become `+`, the rest is encoded as in a form.
    super::address::encode(&slug)
}

fn tag_page(page: &Identified, web: &Web) -> Result<Vec<Lead>, SiteError> {
    if !page.id_text().starts_with("artist-colon-") {
        return Ok(Vec::new());
    }
    let booru = booru_of(page);
    let url = with_filter(page.address().to_owned(), booru);
    let response = web.send(web.with_cookie(web.request(&url)?, SITE.name))?;
    parse_tag_page(&response.text(), &response.url).map_err(|missing| missing.on(page.address()))
}

fn parse_tag_page(html: &str, base: &Url) -> Result<Vec<Lead>, Missing> {
    const INFO: &str = ".tag-info__more";
    let [infos, anchors] = select(html, [INFO, ".tag-info__more a[href]"]);
    if infos.is_empty() {
        return Err(Missing::new(INFO));
    }
    let mut leads: Vec<Lead> = Vec::new();
    for link in anchors.iter().filter_map(|anchor| absolute(anchor.attr("href")?, base)) {
        // Links within the site are other tags and its members.
        let outbound = Url::parse(&link).is_ok_and(|url| url.host_str() != base.host_str());
        if outbound {
            Lead::add(&mut leads, link, Place::Curated);
        }
    }
    Ok(leads)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{check_identify, none};
    use super::*;

    /// Recorded: `tests/fixtures/LICENSES.md`.
    const IMAGE: &str = include_str!("../../tests/fixtures/sites/philomena/image_1.json");
    /// Built by hand to the documented shape.
    const TAG: &str = include_str!("../../tests/fixtures/sites/philomena/tag_made.html");

    #[test]
    fn recognises_its_pages() {
        let image = "https://derpibooru.org/images/1851874";
        check_identify("https://www.derpibooru.org/images/1851874?q=cute", Kind::Artwork, "1851874", image);
        check_identify("http://derpibooru.org/1851874", Kind::Artwork, "1851874", image);
        check_identify("https://trixiebooru.org/1851874", Kind::Artwork, "1851874", image);
        check_identify("furbooru.org/images/18", Kind::Artwork, "18", "https://furbooru.org/images/18");
        none("https://derpicdn.net/img/view/2018/10/9/1851874.jpg", Kind::Image);
        none("https://derpibooru.org/search?q=cute", Kind::Other);
        none("https://derpibooru.org.evil.example/images/1", Kind::Unsupported);
    }

    fn parse(answer: &Value) -> Result<Image, SiteError> {
        parse_image(answer, &BOORUS[0], "u")
    }

    #[test]
    fn reads_a_recorded_image() {
        let Ok(Image::Kept(artwork)) = parse(&serde_json::from_str(IMAGE).unwrap()) else {
            panic!("not kept")
        };
        let images: Vec<_> = artwork.images.iter().flatten().map(|image| image.url.as_str()).collect();
        assert_eq!(images[0], "https://derpicdn.net/img/view/2012/1/2/1.png");
        assert_eq!(images[2], "https://derpicdn.net/img/2012/1/2/1/medium.png");
        assert_eq!(
            artwork.leads,
            [
                Lead::new("https://derpibooru.org/tags/artist-colon-speccysy", Place::Artist),
                Lead::new(
                    "https://www.deviantart.com/speccysy/art/Afternoon-Flight-215193985",
                    Place::Source
                ),
            ]
        );
        assert_eq!(artwork.published.unwrap().to_rfc3339(), "2012-01-02T03:12:33Z");
    }

    #[test]
    fn merged_deleted_and_changed_are_told_apart() {
        let merged = serde_json::json!({"image": {"id": 2, "duplicate_of": 1, "hidden_from_users": true}});
        assert!(matches!(parse(&merged), Ok(Image::MergedInto(id)) if id == "1"));
        let deleted =
            serde_json::json!({"image": {"id": 2, "duplicate_of": null, "hidden_from_users": true}});
        assert!(parse(&deleted).is_err_and(|error| error.is_gone()));
        let changed = serde_json::json!({"image": {"id": 2, "view_url": "/a.png", "labels": []}});
        assert!(parse(&changed).is_err_and(|error| error.outcome() == "layout_changed"));
    }

    #[test]
    fn a_merged_image_has_the_date_of_its_first_upload() {
        let mut answer: Value = serde_json::from_str(IMAGE).unwrap();
        let published = |answer: &Value| match parse(answer) {
            Ok(Image::Kept(artwork)) => artwork.published.map(|date| date.to_rfc3339()),
            _ => panic!("not kept"),
        };
        answer["image"]["created_at"] = "2024-01-02T03:12:33Z".into();
        assert_eq!(published(&answer).as_deref(), Some("2012-01-02T03:12:33Z"));
        answer["image"]["first_seen_at"] = Value::Null;
        assert_eq!(published(&answer).as_deref(), Some("2024-01-02T03:12:33Z"));
    }

    #[test]
    fn tags_become_slugs() {
        assert_eq!(slug("artist:foo bar"), "artist-colon-foo+bar");
        assert_eq!(slug("artist:a-b.c/d+e"), "artist-colon-a-dash-b-dot-c-fwslash-d-plus-e");
    }

    #[test]
    fn reads_the_links_of_a_tag() {
        let base = Url::parse("https://derpibooru.org/tags/artist-colon-made").unwrap();
        let leads = parse_tag_page(TAG, &base).unwrap();
        let urls: Vec<_> = leads.iter().map(|lead| lead.url.as_str()).collect();
        assert_eq!(urls, ["https://twitter.com/made_up", "https://www.deviantart.com/made-up"]);
        assert_eq!(parse_tag_page("<p>redesigned", &base).unwrap_err().0, ".tag-info__more");
    }
}
