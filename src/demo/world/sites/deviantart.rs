//! DeviantArt: artwork pages and profiles with their page state, oEmbed, and the image host with its tokens.
//! Contract: `docs/contracts/artwork-sites.md`.

use std::time::Duration;

use serde_json::{Value, json};

use crate::demo::world::exchange::{Answer, Call};
use crate::demo::world::facts::{Facts, Gallery, Member, Trouble, Work};
use crate::demo::world::ids::base36;
use crate::demo::world::site::State;

pub const IMAGE_HOST: &str = "images-wixmp-ed30a86b8c4ca887773594c2.wixmp.com";

/// Token for the original, and for versions made by the host. The real ones are signed statements.
const TOKEN_VERSIONS: &str = "demo.eyJhdWQiOiJpbWFnZS5vcGVyYXRpb25zIn0.versions";
const TOKEN_ORIGINAL: &str = "demo.eyJhdWQiOiJmaWxlLmRvd25sb2FkIn0.original";

/// The canonical address of an artwork.
pub fn page_url(work: &Work) -> String {
    format!("https://www.deviantart.com/{}/art/{}-{}", work.artist, slug(work.title, '-'), work.id)
}

/// `www.deviantart.com`.
pub fn page(state: &State, call: &Call) -> Answer {
    let facts = &state.facts;
    let find_deviant = |name: &str| facts.member(Gallery::Deviantart, name);
    match call.segments().as_slice() {
        ["deviation" | "view", id] => match find_work(facts, id) {
            Some((work, _)) => Answer::redirect(page_url(work)),
            None => not_found(),
        },
        [name, "art", slug] => match find_work(facts, slug.rsplit('-').next().unwrap_or_default()) {
            Some((work, artist)) if artist.name.eq_ignore_ascii_case(name) => artwork(work, artist),
            Some((work, _)) => Answer::redirect(page_url(work)),
            None => not_found(),
        },
        [name] | [name, "about"] => match find_deviant(name) {
            Some(artist) => profile(artist),
            None => not_found(),
        },
        [name, "gallery" | "favourites" | "posts"] if find_deviant(name).is_some() => {
            Answer::html(200, document("Gallery", "", &json!({ "@@entities": {} })))
        }
        _ => not_found(),
    }
}

/// `backend.deviantart.com`: oEmbed, and searches as RSS.
pub fn backend(state: &State, call: &Call) -> Answer {
    if call.path == "/rss.xml" { rss(&state.facts, call) } else { oembed(state, call) }
}

/// Deviations of a feed's page.
const RSS_PAGE: usize = 60;

/// The deviations whose title or artist has every word of `q`, newest first. `boost:popular` is an
/// order, `by:NAME` an artist.
fn rss(facts: &Facts, call: &Call) -> Answer {
    let query = call.parameter("q").unwrap_or_default().to_lowercase();
    let offset = call.parameter("offset").and_then(|offset| offset.parse::<usize>().ok()).unwrap_or(0);
    let fits = |work: &Work| {
        query.split_whitespace().filter(|word| *word != "boost:popular").all(|word| {
            match word.strip_prefix("by:") {
                Some(name) => work.artist == name,
                None => format!("{} {}", work.title, work.artist).to_lowercase().contains(word),
            }
        })
    };
    let all = facts.works.iter().filter(|work| work.gallery == Gallery::Deviantart && fits(work));
    let mut found: Vec<&Work> = all.collect();
    found.sort_by_key(|work| std::cmp::Reverse(work.id));
    let mut feed = "<?xml version=\"1.0\" encoding=\"UTF-8\"?><rss version=\"2.0\" \
        xmlns:media=\"http://search.yahoo.com/mrss/\" xmlns:atom=\"http://www.w3.org/2005/Atom\"><channel>\
        <title>DeviantArt</title><link>https://www.deviantart.com</link>"
        .to_owned();
    if found.len() > offset + RSS_PAGE {
        let words: String = url::form_urlencoded::byte_serialize(query.as_bytes()).collect();
        let next = offset + RSS_PAGE;
        feed += &format!(
            "<atom:link rel=\"next\" href=\"https://backend.deviantart.com/rss.xml?type=deviation&amp;q={words}&amp;offset={next}\"/>"
        );
    }
    for work in found.iter().skip(offset).take(RSS_PAGE) {
        let (page, artist) = (page_url(work), work.artist);
        let title = work.title.replace('&', "&amp;");
        feed += &format!(
            "<item><title>{title}</title><link>{page}</link><guid isPermaLink=\"true\">{page}</guid>\
             <media:credit role=\"author\" scheme=\"urn:ebu\">{artist}</media:credit></item>"
        );
    }
    Answer::xml(feed + "</channel></rss>")
}

fn oembed(state: &State, call: &Call) -> Answer {
    let url = call.parameter("url").unwrap_or_default();
    let id = url.trim_end_matches('/').rsplit(['-', '/']).next().unwrap_or_default();
    let Some((work, artist)) = find_work(&state.facts, id).filter(|_| call.path == "/oembed") else {
        return Answer::text(404, format!("404 Not Found ({url}) The URL {url} is not a deviation URL"));
    };
    let (width, height) = work.size();
    let media = Media::of(artist, work);
    let profile = format!("https://www.deviantart.com/{}", artist.name);
    Answer::json(
        200,
        &json!({
            "version": "1.0",
            "type": "photo",
            "title": work.title,
            "category": "Digital Art",
            "url": media.original(),
            "author_name": artist.name,
            "author_url": profile,
            "provider_name": "DeviantArt",
            "provider_url": "https://www.deviantart.com",
            "safety": "nonadult",
            "pubdate": work.published.to_rfc3339().replace('Z', "+00:00"),
            "community": { "statistics": { "_attributes": { "views": 100, "favorites": 10, "comments": 1, "downloads": 0 } } },
            "copyright": { "_attributes": { "url": profile, "year": "2024", "entity": artist.name } },
            // The real service gives the size of some works as text.
            "width": width.to_string(),
            "height": height.to_string(),
            "imagetype": media.extension,
            "thumbnail_url": media.version("300w", 300, height * 300 / width.max(1), 70),
            "thumbnail_width": 300,
            "thumbnail_height": height * 300 / width.max(1),
        }),
    )
    .after(delay(work))
}

/// The image host: only addresses with the token that fits are answered.
pub fn image(state: &State, call: &Call) -> Answer {
    let State { facts, images, .. } = state;
    let segments = call.segments();
    let id = segments.get(2).and_then(|file| base36_id(file.split('-').next()?.strip_prefix('d')?));
    let Some((work, _)) = id.and_then(|id| find_work(facts, &id.to_string())) else {
        return Answer::text(404, "not found");
    };
    let Some(picture) = work.picture().filter(|_| work.trouble != Trouble::ImageGone) else {
        return Answer::text(404, "not found");
    };
    match (segments.get(3..).unwrap_or_default(), call.parameter("token")) {
        ([], Some(TOKEN_ORIGINAL)) => images.original(picture),
        (["v1", _, how, _], Some(TOKEN_VERSIONS)) => match version_size(how) {
            Some((width, height)) => images.version(picture, width, height),
            None => Answer::text(400, "bad request"),
        },
        _ => Answer::text(401, "Unauthorized"),
    }
}

/// Sizes of `w_646,h_694,q_75,strp`.
fn version_size(how: &str) -> Option<(u32, u32)> {
    let side = |key: &str| how.split(',').find_map(|part| part.strip_prefix(key)?.parse::<u32>().ok());
    Some((side("w_")?, side("h_")?))
        .filter(|(width, height)| (1..=4096).contains(width) && (1..=4096).contains(height))
}

fn artwork(work: &Work, artist: &Member) -> Answer {
    let media = Media::of(artist, work);
    let (width, height) = work.size();
    let url = page_url(work);
    let uuid = format!("DE300000-0000-4000-8000-{:012}", work.id);
    let state = json!({
        "@@entities": {
            "user": { artist.id.to_string(): user(artist) },
            "deviation": { work.id.to_string(): {
                "deviationId": work.id,
                "type": "image",
                "typeId": 1,
                "url": url,
                "title": work.title,
                "isJournal": false,
                "publishedTime": work.published.to_rfc3339().replace('Z', "+0000"),
                "isDeleted": false,
                "isMature": false,
                "isDownloadable": false,
                "isPublished": true,
                "isAiGenerated": false,
                "license": "none",
                "author": artist.id,
                "media": media.state(width, height),
            } },
            "deviationExtended": { work.id.to_string(): {
                "deviationUuid": uuid,
                "originalFile": { "type": media.extension, "width": width, "height": height, "filesize": 100_000 },
                "descriptionText": { "excerpt": "", "html": { "type": "writer", "markup": "Hope you like it!<br />" } },
            } },
        },
    });
    let head = format!(
        "<meta property=\"og:url\" content=\"{url}\"/><meta property=\"da:appurl\" content=\"DeviantArt://deviation/{uuid}\"/>"
    );
    let answer = Answer::html(200, document(work.title, &head, &state)).after(delay(work));
    if work.trouble == Trouble::CutShort { answer.cut_short() } else { answer }
}

fn profile(artist: &Member) -> Answer {
    let id = artist.id.to_string();
    let state = json!({
        "@@entities": {
            "user": { id.as_str(): user(artist) },
            "gruser": { id.as_str(): gruser(artist) },
        },
    });
    Answer::html(200, document(artist.name, "", &state))
}

/// A member as the profile knows them, with the module that holds their links.
fn gruser(artist: &Member) -> Value {
    let links: Vec<Value> =
        artist.links.iter().enumerate().map(|(id, link)| json!({ "id": id + 1, "value": link })).collect();
    json!({
        "gruserId": artist.id,
        "username": artist.name,
        "page": {
            "modules": [
                { "id": 1, "type": 2, "name": "folder_slider", "moduleData": { "name": "folder_slider" } },
                { "id": 2, "type": 1, "name": "about", "moduleData": {
                    "name": "about",
                    "dataKey": "about",
                    "about": {
                        "username": artist.name,
                        "country": "",
                        "website": artist.website.unwrap_or_default(),
                        "websiteLabel": artist.website.unwrap_or_default(),
                        "tagline": "",
                        "twitterUsername": "",
                        "socialLinks": links,
                        "textContent": { "excerpt": "", "html": { "type": "writer", "markup": artist.bio } },
                    },
                } },
            ],
        },
    })
}

fn user(artist: &Member) -> Value {
    json!({
        "userId": artist.id,
        "useridUuid": folder(artist),
        "username": artist.name,
        "usericon": "https://a.deviantart.net/avatars/default.gif",
        "type": "regular",
        "isGroup": false,
    })
}

/// A page whose state is a JavaScript string: JSON escaped for it, with `\'` as the site writes it.
fn document(title: &str, head: &str, state: &Value) -> String {
    let quoted = Value::String(state.to_string()).to_string();
    let quoted = quoted.replace('\'', "\\'").replace("</", "<\\/");
    format!(
        "<!DOCTYPE html><html lang=\"en\"><head><meta charSet=\"utf-8\"/><title>{title} on DeviantArt</title>{head}</head>\
         <body><div id=\"root\"></div><script>\nwindow.__CSRF_TOKEN__ = 'demo';\n\
         window.__INITIAL_STATE__ = JSON.parse({quoted});\n</script></body></html>"
    )
}

fn not_found() -> Answer {
    Answer::html(
        404,
        "<!DOCTYPE html><html><head><title>DeviantArt: 404</title></head><body>404</body></html>".into(),
    )
}

fn find_work<'a>(facts: &'a Facts, id: &str) -> Option<(&'a Work, &'a Member)> {
    let work = facts.work(Gallery::Deviantart, id)?;
    Some((work, facts.member_of(work)?))
}

fn delay(work: &Work) -> Duration {
    Duration::from_secs(if work.trouble == Trouble::Slow { 10 } else { 0 })
}

/// An artwork's files on the image host.
struct Media {
    base: String,
    pretty: String,
    extension: &'static str,
}

impl Media {
    fn of(artist: &Member, work: &Work) -> Media {
        let extension = work.extension();
        let number = base36(work.id);
        let folder = folder(artist);
        let pretty = format!(
            "{}_by_{}_d{number}",
            slug(work.title, '_').to_lowercase(),
            artist.name.replace('-', "_")
        );
        Media {
            base: format!("https://{IMAGE_HOST}/f/{folder}/d{number}-{folder}.{extension}"),
            pretty,
            extension,
        }
    }

    fn original(&self) -> String {
        format!("{}?token={TOKEN_ORIGINAL}", self.base)
    }

    fn version(&self, name: &str, width: u32, height: u32, quality: u32) -> String {
        let path = version_path(name, width, height, quality).replace("<prettyName>", &self.pretty);
        format!("{}{path}?token={TOKEN_VERSIONS}", self.base)
    }

    /// `deviation.media` of the page state.
    fn state(&self, width: u32, height: u32) -> Value {
        let small = (150 * width / width.max(height), 150 * height / width.max(height));
        json!({
            "baseUri": self.base,
            "prettyName": self.pretty,
            "token": [TOKEN_VERSIONS, TOKEN_ORIGINAL],
            "types": [
                { "t": "150", "r": 0, "c": version_path("150", small.0, small.1, 70), "w": small.0, "h": small.1 },
                { "t": "preview", "r": 0, "c": version_path("pre", width, height, 70), "w": width, "h": height },
                { "t": "fullview", "r": 0, "c": version_path("fullview", width, height, 75), "w": width, "h": height },
            ],
        })
    }
}

fn version_path(name: &str, width: u32, height: u32, quality: u32) -> String {
    format!("/v1/fill/w_{width},h_{height},q_{quality},strp/<prettyName>-{name}.jpg")
}

fn folder(artist: &Member) -> String {
    format!("de300000-0000-4000-9000-{:012x}", artist.id)
}

/// Letters and digits; everything between becomes one separator.
fn slug(title: &str, separator: char) -> String {
    let words: Vec<&str> =
        title.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty()).collect();
    words.join(&separator.to_string())
}

fn base36_id(text: &str) -> Option<u64> {
    u64::from_str_radix(text, 36).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::world::cast;
    use crate::demo::world::exchange::Body;

    #[test]
    fn the_page_state_is_a_javascript_string_with_an_apostrophe() {
        let facts = cast::build();
        let work = &facts.works[0];
        let answer = artwork(work, facts.member_of(work).unwrap());
        let Answer { status: 200, body: Body::Whole(body), .. } = answer else {
            panic!("the page is there");
        };
        let page = String::from_utf8(body.to_vec()).unwrap();
        let (_, rest) = page.split_once("window.__INITIAL_STATE__ = JSON.parse(").unwrap();
        let (quoted, _) = rest.split_once(");\n").unwrap();
        assert!(quoted.contains("The Witch\\'s Kitchen"));
        let text: String = serde_json::from_str(&quoted.replace("\\'", "'")).unwrap();
        let state: Value = serde_json::from_str(&text).unwrap();
        let media = &state["@@entities"]["deviation"][work.id.to_string()]["media"];
        assert_eq!(media["types"][2]["t"], "fullview");
    }

    #[test]
    fn numbers_and_slugs() {
        assert_eq!(base36(145_564_099), "2enxz7"); // as in the recorded page
        assert_eq!(base36_id("2enxz7"), Some(145_564_099));
        assert_eq!(slug("The Witch's Kitchen", '-'), "The-Witch-s-Kitchen");
    }
}
