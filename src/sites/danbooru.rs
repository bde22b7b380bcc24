//! Danbooru and sites that run its software: a booru, whose posts are copies of the artist's. The post
//! and the curators' entry about its artist are JSON.

use serde_json::Value;

use super::address::{encode, number};
use super::read::{at, each, id_at, list_at, need_list, text_at, told};
use super::{Address, Artwork, Identified, Images, Kind, Lead, Missing, Place, Site, SiteError, Web};
use crate::base::Timestamp;
use crate::domain::images::ImageSource;

pub const SITE: Site = Site { name: "danbooru", identify, artwork: Some(artwork), leads: Some(artist) };

/// The domains that run this software: public name, domain, host of its pages.
const BOORUS: &[(&str, &str, &str)] = &[
    ("danbooru", "donmai.us", "danbooru.donmai.us"),
    ("danbooru", "donmai.moe", "danbooru.donmai.us"),
    ("aibooru", "aibooru.online", "aibooru.online"),
    ("aibooru", "aibooru.download", "aibooru.online"),
];

/// The names of all of them.
pub fn names() -> impl Iterator<Item = &'static str> {
    BOORUS.iter().map(|(name, _, _)| *name)
}

/// Values of the artist tag that name nobody.
const PSEUDO_ARTISTS: &[&str] = &["banned_artist", "artist_request", "official_art", "various_artists"];

fn identify(address: &Address) -> Option<Identified> {
    let (site, domain, host) = BOORUS
        .iter()
        .copied()
        .find(|(_, domain, _)| address.is_on(domain) || address.subdomain_of(domain).is_some())?;
    let parts = address.segments();
    // https://cdn.donmai.us/original/8d/81/8d81....jpg, https://danbooru.donmai.us/data/8d/81/8d81....jpg
    let is_file = address.subdomain_of(domain).is_some_and(|sub| sub.starts_with("cdn"))
        || parts.first().is_some_and(|first| matches!(*first, "data" | "original" | "sample"));
    if is_file {
        let image = Identified::image(site, address);
        // Behind the tags, where there are some:
        // __title_drawn_by_ann__sample-8d819da4871c3ca39f428999df8220ce.jpg
        let file = parts.last().and_then(|file| file.split('.').next()?.rsplit(['-', '_']).next());
        return Some(match file.filter(|md5| is_md5(md5)) {
            Some(md5) => image.id(md5),
            None => image,
        });
    }
    Some(match parts.as_slice() {
        // https://danbooru.donmai.us/posts/1.json, https://danbooru.donmai.us/post/show/294929/a-title
        ["posts", id] | ["posts", id, _] | ["post", "show", id, ..] => {
            match number(id.strip_suffix(".json").unwrap_or(id)) {
                Some(id) => Identified::new(site, Kind::Artwork, format!("https://{host}/posts/{id}")).id(id),
                None => Identified::other(site, address),
            }
        }
        // https://danbooru.donmai.us/posts?md5=8d819da4871c3ca39f428999df8220ce: the post with this file
        ["posts"] if address.query("md5").is_some_and(|md5| is_md5(&md5)) => {
            let md5 = address.query("md5").unwrap_or_default().to_ascii_lowercase();
            Identified::new(site, Kind::Artwork, format!("https://{host}/posts?md5={md5}")).id(md5)
        }
        // https://danbooru.donmai.us/artists/show_or_new?name=tag: the page that a post's artist tag leads to
        ["artists", "show_or_new"] if address.query("name").is_some() => {
            let tag = address.query("name").unwrap_or_default();
            Identified::new(site, Kind::Profile, artist_url(host, &tag)).id(tag)
        }
        // https://danbooru.donmai.us/artists?search[url_matches]=...: the curators' answer to "whose page is
        // this?"
        ["artists"] if address.query(URL_MATCHES).is_some() => {
            let wanted = address.query(URL_MATCHES).unwrap_or_default();
            Identified::new(site, Kind::Profile, whose_url(host, &wanted)).id(wanted)
        }
        ["users", id] => match number(id.strip_suffix(".json").unwrap_or(id)) {
            Some(id) => Identified::new(site, Kind::Profile, format!("https://{host}/users/{id}")).id(id),
            None => Identified::other(site, address),
        },
        _ => Identified::other(site, address),
    })
}

fn is_md5(text: &str) -> bool {
    text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

const URL_MATCHES: &str = "search[url_matches]";

/// The page on which the curators of Danbooru say whose page or account `url` is.
pub fn whose(url: &str) -> String {
    whose_url("danbooru.donmai.us", url)
}

fn whose_url(host: &str, url: &str) -> String {
    format!("https://{host}/artists?{URL_MATCHES}={}", encode(url))
}

fn artist_url(host: &str, tag: &str) -> String {
    format!("https://{host}/artists/show_or_new?name={}", encode(tag))
}

fn host_of(page: &Identified) -> &'static str {
    let find = |(site, _, host): &(&str, &str, &'static str)| (page.site == Some(site)).then_some(*host);
    BOORUS.iter().find_map(find).unwrap_or("danbooru.donmai.us")
}

fn artwork(page: &Identified, web: &Web) -> Result<Artwork, SiteError> {
    let url = match page.address().split_once('?') {
        Some((path, query)) => format!("{path}.json?{query}"),
        None => format!("{}.json", page.address()),
    };
    let request = web.with_cookie(web.request(&url)?, SITE.name);
    let post = web.json_throughout(request)?;
    parse_post(&post, host_of(page), page.address())
}

fn parse_post(post: &Value, host: &str, page: &str) -> Result<Artwork, SiteError> {
    let missing = |what: &str| Missing::new(what).on(page);
    if id_at(post, "id").is_none() {
        return Err(missing("the field id"));
    }
    // All of the files' addresses and `md5` are absent from a post that is hidden, and only from one.
    let variants = list_at(post, "media_asset.variants");
    let variant = |kind: &str| {
        let found = variants.iter().find(|variant| text_at(variant, "type") == Some(kind));
        found.and_then(|variant| text_at(variant, "url"))
    };
    let files =
        [text_at(post, "file_url"), variant("original"), text_at(post, "large_file_url"), variant("720x720")];
    let mut images = Images::default();
    // A film's lighter form is a still picture only where it says so.
    for file in files.into_iter().flatten().filter(|file| !is_film(file)) {
        images.add(ImageSource::plain(file));
    }
    let images = images.or_else(|| match (text_at(post, "md5"), text_at(post, "file_url")) {
        (_, Some(_)) => SiteError::NoPicture { url: page.to_owned(), why: "a film".to_owned() },
        (None, None) => SiteError::LoginNeeded {
            url: page.to_owned(),
            why: "banned, or restricted to privileged users".to_owned(),
        },
        (Some(_), None) => missing("the field file_url"),
    });
    let artists = at(post, "tag_string_artist")
        .and_then(Value::as_str)
        .ok_or_else(|| missing("the field tag_string_artist"))?;
    let mut leads: Vec<Lead> = artists
        .split_whitespace()
        .filter(|tag| !PSEUDO_ARTISTS.contains(tag))
        .map(|tag| Lead::new(artist_url(host, tag), Place::Artist))
        .collect();
    // `pixiv_id` is absent or null where the source is no work there; `source` is empty where nobody named
    // one.
    let source = told(post, "source").map_err(|missing| missing.on(page))?;
    if let Some(id) = id_at(post, "pixiv_id") {
        leads.push(Lead::new(format!("https://www.pixiv.net/artworks/{id}"), Place::Source));
    } else if let Some(source) = source {
        leads.push(Lead::new(source, Place::Source));
    }
    let published = text_at(post, "created_at").and_then(Timestamp::parse_rfc3339);
    Ok(Artwork { images, published, leads, problems: Vec::new(), picture_problem: None })
}

fn is_film(url: &str) -> bool {
    let path = url.split('?').next().unwrap_or_default();
    [".mp4", ".webm", ".swf", ".zip"].iter().any(|ending| path.ends_with(ending))
}

/// The curators' entries about an artist, by the tag or by a page.
fn artist(page: &Identified, web: &Web) -> Result<Vec<Lead>, SiteError> {
    let search = match Address::parse(page.address()).map(|address| address.query(URL_MATCHES).is_some()) {
        Some(true) => "url_matches",
        // A member of the booru is not an artist.
        _ if page.address().contains("/users/") => return Ok(Vec::new()),
        _ => "name",
    };
    let url = format!(
        "https://{}/artists.json?search[{search}]={}&only=id,name,is_deleted,is_banned,other_names,group_name,urls",
        host_of(page),
        encode(page.id_text())
    );
    let request = web.with_cookie(web.request(&url)?, SITE.name);
    let answer = web.json_throughout(request)?;
    parse_artists(&answer).map_err(|missing| missing.on(page.address()))
}

/// No entry is no error: nobody has written one yet.
fn parse_artists(answer: &Value) -> Result<Vec<Lead>, Missing> {
    let artists = answer.as_array().ok_or_else(|| Missing::new("the list of artists"))?;
    let mut leads = Vec::new();
    for artist in artists {
        // May be absent: an entry is believed until it says otherwise.
        if at(artist, "is_deleted") == Some(&Value::Bool(true)) {
            continue;
        }
        // A dead account stays in the entry, marked as not active; one without the mark is asked for at its
        // network.
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

    /// Recorded: `tests/fixtures/LICENSES.md`.
    const POST: &str = include_str!("../../tests/fixtures/sites/danbooru/post_6148688.json");
    /// Built by hand to the documented shape.
    const ARTISTS: &str = include_str!("../../tests/fixtures/sites/danbooru/artists_made.json");

    #[test]
    fn recognises_its_pages() {
        let post = "https://danbooru.donmai.us/posts/1";
        check_identify("https://safebooru.donmai.us/posts/1?q=tag", Kind::Artwork, "1", post);
        check_identify("http://danbooru.donmai.us/post/show/1/title", Kind::Artwork, "1", post);
        check_identify("https://danbooru.donmai.us/posts/1.json", Kind::Artwork, "1", post);
        none("https://danbooru.donmai.us.evil.example/posts/1", Kind::Unsupported);
        none("https://danbooru.donmai.us/posts?tags=x", Kind::Other);
        let file = "8d819da4871c3ca39f428999df8220ce";
        let by_file = format!("https://danbooru.donmai.us/posts?md5={file}");
        check_identify(&by_file, Kind::Artwork, file, &by_file);
        none("https://cdn.donmai.us/original/8d/81/8d819da4871c3ca39f428999df8220ce.jpg", Kind::Image);
    }

    #[test]
    fn reads_a_recorded_post() {
        let post = serde_json::from_str(POST).unwrap();
        let artwork =
            parse_post(&post, "danbooru.donmai.us", "https://danbooru.donmai.us/posts/6148688").unwrap();
        let images: Vec<_> = artwork.images.iter().flatten().map(|image| image.url.as_str()).collect();
        assert_eq!(
            images,
            [
                "https://cdn.donmai.us/original/dc/12/dc123eec97d06c3aa9cd53d65a2c7abf.jpg",
                "https://cdn.donmai.us/sample/dc/12/sample-dc123eec97d06c3aa9cd53d65a2c7abf.jpg"
            ]
        );
        assert_eq!(artwork.published.unwrap().to_rfc3339(), "2023-03-17T07:50:48Z");
        assert_eq!(
            artwork.leads,
            [
                Lead::new(
                    "https://danbooru.donmai.us/artists/show_or_new?name=ekz_%28robotekz%29",
                    Place::Artist
                ),
                Lead::new("https://twitter.com/ROBOTEKZ_/status/1616064514683985925", Place::Source),
            ]
        );
    }

    #[test]
    fn dead_accounts_are_left_out() {
        let leads = parse_artists(&serde_json::from_str(ARTISTS).unwrap()).unwrap();
        let urls: Vec<_> = leads.iter().map(|lead| lead.url.as_str()).collect();
        assert_eq!(urls, ["https://twitter.com/robotekz_", "https://www.pixiv.net/users/1234"]);
        assert_eq!(parse_artists(&Value::Array(vec![])), Ok(vec![]));
        assert!(parse_artists(&serde_json::json!([{"name": "x"}])).is_err());
    }

    #[test]
    fn a_hidden_post_is_no_changed_layout() {
        let post = serde_json::json!({"id": 1, "tag_string_artist": "a", "source": ""});
        let artwork = parse_post(&post, "danbooru.donmai.us", "u").unwrap();
        assert_eq!(artwork.images.unwrap_err().outcome(), "login_needed");
        assert_eq!(artwork.leads.len(), 1);
        let error = parse_post(&serde_json::json!({"success": true}), "danbooru.donmai.us", "u").unwrap_err();
        assert_eq!(error.outcome(), "layout_changed");
    }
}
