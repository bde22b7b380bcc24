//! e621 and its safe twin e926: boorus, whose posts are copies of the artist's. Posts and the curators'
//! entries about artists are JSON.

use serde_json::Value;

use super::address::{encode, number};
use super::read::{at, each, id_at, need, need_list, text_at};
use super::{Address, Artwork, Identified, Images, Kind, Lead, Missing, Place, Site, SiteError, Web};
use crate::base::Timestamp;
use crate::domain::images::ImageSource;
use crate::text::links_in_text;

pub const SITE: Site = Site { name: "e621", identify, artwork: Some(artwork), leads: Some(artist) };

/// Values of the artist tag that name nobody.
const PSEUDO_ARTISTS: &[&str] = &[
    "avoid_posting",
    "conditional_dnp",
    "unknown_artist",
    "anonymous_artist",
    "third-party_edit",
    "sound_warning",
    "epilepsy_warning",
];

fn identify(address: &Address) -> Option<Identified> {
    let (site, host) = match address.host() {
        "e621.net" => ("e621", "e621.net"),
        "e926.net" => ("e926", "e926.net"),
        // https://static1.e621.net/data/6d/1a/6d1a6090ea82c2524212499797e7e53a.png
        "static1.e621.net" | "static1.e926.net" => {
            let image = Identified::image("e621", address);
            let parts = address.segments();
            let file = parts.last().and_then(|file| file.split(['.', '_']).next());
            return Some(match file.filter(|md5| is_md5(md5)) {
                Some(md5) => image.id(md5),
                None => image,
            });
        }
        _ => return None,
    };
    let other = || Identified::other(site, address);
    Some(match address.segments().as_slice() {
        // https://e621.net/posts/1.json, https://e621.net/post/show/1/tags
        ["posts", id] | ["post", "show", id, ..] => match number(id.strip_suffix(".json").unwrap_or(id)) {
            Some(id) => Identified::new(site, Kind::Artwork, format!("https://{host}/posts/{id}")).id(id),
            None => other(),
        },
        // https://e621.net/p/5u69e: what the button "share" gives, the number in base 32
        ["p", code] => match u64::from_str_radix(code, 32).ok().filter(|id| *id > 0 && code.len() <= 12) {
            Some(id) => {
                Identified::new(site, Kind::Artwork, format!("https://{host}/posts/{id}")).id(id.to_string())
            }
            None => other(),
        },
        // https://e621.net/posts?md5=6d1a6090ea82c2524212499797e7e53a: the post with this file
        ["posts"] if address.query("md5").is_some_and(|md5| is_md5(&md5)) => {
            let md5 = address.query("md5").unwrap_or_default().to_ascii_lowercase();
            Identified::new(site, Kind::Artwork, format!("https://{host}/posts?md5={md5}")).id(md5)
        }
        ["users", id] => match number(id.strip_suffix(".json").unwrap_or(id)) {
            Some(id) => Identified::new(site, Kind::Profile, format!("https://{host}/users/{id}")).id(id),
            None => other(),
        },
        ["artists", "show_or_new"] => match address.query("name") {
            Some(tag) => Identified::new(site, Kind::Profile, artist_url(host, &tag)).id(tag),
            None => other(),
        },
        // https://e621.net/artists?search[url_matches]=...: the curators' answer to "whose page is this?"
        ["artists"] => match address.query(URL_MATCHES) {
            Some(wanted) => Identified::new(site, Kind::Profile, whose_url(host, &wanted)).id(wanted),
            None => other(),
        },
        _ => other(),
    })
}

fn is_md5(text: &str) -> bool {
    text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

const URL_MATCHES: &str = "search[url_matches]";

/// The page on which the curators of e621 say whose page or account `url` is.
pub fn whose(url: &str) -> String {
    whose_url("e621.net", url)
}

fn whose_url(host: &str, url: &str) -> String {
    format!("https://{host}/artists?{URL_MATCHES}={}", encode(url))
}

fn artist_url(host: &str, tag: &str) -> String {
    format!("https://{host}/artists/show_or_new?name={}", encode(tag))
}

fn host_of(page: &Identified) -> &'static str {
    if page.site == Some("e926") { "e926.net" } else { "e621.net" }
}

fn artwork(page: &Identified, web: &Web) -> Result<Artwork, SiteError> {
    let url = match page.address().split_once('?') {
        Some((path, query)) => format!("{path}.json?{query}"),
        None => format!("{}.json", page.address()),
    };
    let request = web.request(&url)?;
    let answer = web.json_throughout(web.with_cookie(request, SITE.name))?;
    parse_post(&answer, host_of(page), page.address())
}

fn parse_post(answer: &Value, host: &str, url: &str) -> Result<Artwork, SiteError> {
    let on_page = |missing: Missing| missing.on(url);
    let post = need(answer, "post").map_err(on_page)?;
    if at(post, "flags.deleted") == Some(&Value::Bool(true)) {
        return Err(SiteError::Gone { url: url.to_owned() });
    }
    let extension = text_at(post, "file.ext").unwrap_or_default();
    let film = matches!(extension, "webm" | "mp4" | "swf");
    // `file.url` is null where it is withheld, `sample.url` where there is no smaller one.
    // The URL is withheld from visitors for some tags, but follows from the checksum.
    let rebuilt = text_at(post, "file.md5")
        .filter(|md5| md5.len() == 32 && md5.is_ascii())
        .map(|md5| format!("https://static1.e621.net/data/{}/{}/{md5}.{extension}", &md5[..2], &md5[2..4]));
    let mut images = Images::default();
    let whole = text_at(post, "file.url").map(str::to_owned).or(rebuilt);
    let sample = text_at(post, "sample.url").map(str::to_owned);
    for file in whole.into_iter().chain(sample).filter(|_| !film) {
        images.add(ImageSource::plain(file));
    }
    let images = images.or_else(|| match film {
        true => SiteError::NoPicture { url: url.to_owned(), why: "a film".to_owned() },
        false => Missing::new("the field post.file.url").on(url),
    });
    let artists = at(post, "tags.artist").and_then(Value::as_array);
    let artists = artists.ok_or_else(|| Missing::new("the field post.tags.artist").on(url))?;
    let mut leads: Vec<Lead> = artists
        .iter()
        .filter_map(Value::as_str)
        .filter(|tag| !PSEUDO_ARTISTS.contains(tag))
        .map(|tag| Lead::new(artist_url(host, tag), Place::Artist))
        .collect();
    let sources = need_list(post, "sources").map_err(|_| Missing::new("the list post.sources").on(url))?;
    leads.extend(sources.iter().filter_map(Value::as_str).map(|url| Lead::new(url, Place::Source)));
    // May be absent. It is the uploader's, often a copy of the artist's own.
    let text = text_at(post, "description").map(links_in_text).unwrap_or_default();
    leads.extend(text.into_iter().map(|url| Lead::new(url, Place::CopyText)));
    let published = text_at(post, "created_at").and_then(Timestamp::parse_rfc3339);
    Ok(Artwork { images, published, leads, problems: Vec::new(), picture_problem: None })
}

fn artist(page: &Identified, web: &Web) -> Result<Vec<Lead>, SiteError> {
    // A member of the booru is not an artist.
    if page.address().contains("/users/") {
        return Ok(Vec::new());
    }
    let by_url = Address::parse(page.address()).is_some_and(|address| address.query(URL_MATCHES).is_some());
    let search = if by_url { "url_matches" } else { "name" };
    let url = format!("https://{}/artists.json?search[{search}]={}", host_of(page), encode(page.id_text()));
    let answer = web.json_throughout(web.with_cookie(web.request(&url)?, SITE.name))?;
    parse_artists(&answer).map_err(|missing| missing.on(page.address()))
}

/// No entry is no error; it may be `[]` or `{"artists":[]}`.
fn parse_artists(answer: &Value) -> Result<Vec<Lead>, Missing> {
    let artists = answer.as_array().or_else(|| at(answer, "artists").and_then(Value::as_array));
    let mut leads = Vec::new();
    for artist in artists.ok_or_else(|| Missing::new("the list of artists"))? {
        if id_at(artist, "id").is_none() {
            return Err(Missing::new("the field id"));
        }
        // One without the mark is asked for at its network.
        let active =
            need_list(artist, "urls")?.iter().filter(|url| at(url, "is_active") != Some(&Value::Bool(false)));
        let urls = each(&active.collect::<Vec<_>>(), &["url"], "urls")?;
        leads.extend(urls.into_iter().map(|url| Lead::new(url, Place::Curated)));
    }
    Ok(leads)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{check_identify, none};
    use super::*;

    #[test]
    fn recognises_its_pages() {
        let shared = "https://e621.net/posts/6232366";
        check_identify("https://e621.net/p/5u69e", Kind::Artwork, "6232366", shared);
        none("https://e926.net/p/w", Kind::Other);
        check_identify("https://e621.net/posts/12?q=fox", Kind::Artwork, "12", "https://e621.net/posts/12");
        check_identify(
            "https://www.e926.net/post/show/12/fox",
            Kind::Artwork,
            "12",
            "https://e926.net/posts/12",
        );
        none("https://e621.net/posts?tags=fox", Kind::Other);
    }

    #[test]
    fn reads_a_post() {
        // Made by hand to the documented shape.
        let answer = serde_json::json!({"post": {"id": 12, "created_at": "2020-01-02T03:04:05.000-05:00",
            "file": {"url": null, "md5": "0123456789abcdef0123456789abcdef", "ext": "png"},
            "sample": {"url": "https://static1.e621.net/data/sample/a.jpg"}, "flags": {"deleted": false},
            "tags": {"artist": ["ann", "conditional_dnp"]}, "sources": ["https://x.com/ann/status/1"]}});
        let artwork = parse_post(&answer, "e621.net", "u").unwrap();
        assert_eq!(
            artwork.images.as_ref().unwrap()[0].url,
            "https://static1.e621.net/data/01/23/0123456789abcdef0123456789abcdef.png"
        );
        assert_eq!(
            artwork.leads,
            [
                Lead::new("https://e621.net/artists/show_or_new?name=ann", Place::Artist),
                Lead::new("https://x.com/ann/status/1", Place::Source)
            ]
        );
        let deleted = serde_json::json!({"post": {"flags": {"deleted": true}}});
        assert!(parse_post(&deleted, "e621.net", "u").unwrap_err().is_gone());
    }

    #[test]
    fn reads_artists() {
        let one = serde_json::json!([{"id": 1, "urls": [{"url": "https://x.com/ann", "is_active": true},
            {"url": "https://x.com/old", "is_active": false}]}]);
        assert_eq!(parse_artists(&one).unwrap(), [Lead::new("https://x.com/ann", Place::Curated)]);
        assert_eq!(parse_artists(&serde_json::json!({"artists": []})), Ok(vec![]));
        assert!(parse_artists(&serde_json::json!({"error": 1})).is_err());
    }
}
