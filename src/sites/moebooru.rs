//! Sites that run Moebooru (yande.re, Konachan and their kin): boorus, with entries about artists. One row
//! each.

use serde_json::Value;
use url::Url;

use super::address::{encode, number};
use super::read::{at, each, id_at, list_at, need, need_list, text_at, told};
use super::{Address, Artwork, Fault, Found, Identified, Kind, Lead, Missing, Place, Site, SiteError, Web};
use crate::base::Timestamp;

pub const SITE: Site = Site { name: "moebooru", identify, artwork: Some(artwork), leads: Some(artist) };

/// Public names, hosts of the pages, and other hosts of the same pages.
const BOORUS: &[(&str, &str, &[&str])] = &[
    ("yandere", "yande.re", &[]),
    ("konachan", "konachan.com", &["konachan.net"]),
    ("sakugabooru", "www.sakugabooru.com", &["sakugabooru.com"]),
    ("lolibooru", "lolibooru.moe", &[]),
];

/// The names of all of them.
pub fn names() -> impl Iterator<Item = &'static str> {
    BOORUS.iter().map(|(name, _, _)| *name)
}

fn identify(address: &Address) -> Option<Identified> {
    let is_of = |host: &&str| address.is_on(host) || address.subdomain_of(host).is_some();
    let (name, host, _) = BOORUS.iter().find(|(_, host, aliases)| aliases.iter().chain([host]).any(is_of))?;
    let parts = address.segments();
    let is_file = ["image", "jpeg", "sample", "data"].iter().any(|folder| parts.first() == Some(folder));
    let digest = |text: String| {
        let is_one = text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        is_one.then(|| Identified::work(name, &text, format!("https://{host}/post/show?md5={text}")))
    };
    let found = match parts.as_slice() {
        // https://files.yande.re/image/e4c2...4e81/469784.jpg
        _ if is_file => Some(Identified::image(name, address)),
        // https://konachan.com/post/show/270803/banishment-bicycle
        ["post", "show", id, ..] => {
            number(id).map(|id| Identified::work(name, &id, format!("https://{host}/post/show/{id}")))
        }
        // https://yande.re/post/show?md5=2c95b8975b73744da2bcbed9619c1d59
        ["post", "show"] => address.query("md5").and_then(digest),
        ["post"] => address.query("tags").and_then(|tags| digest(tags.strip_prefix("md5:")?.to_owned())),
        // https://yande.re/artist?name=ann, which the reader of works makes
        ["artist"] => address.query("name").map(|tag| {
            Identified::new(name, Kind::Other, format!("https://{host}/artist?name={}", encode(&tag))).id(tag)
        }),
        _ => None,
    };
    Some(found.unwrap_or_else(|| Identified::other(name, address)))
}

fn host_of(page: &Identified) -> &'static str {
    BOORUS.iter().find(|(name, _, _)| page.site == Some(name)).map_or("yande.re", |(_, host, _)| *host)
}

fn artwork(page: &Identified, web: &Web) -> Result<Artwork, SiteError> {
    let kind = if page.address().contains("md5=") { "md5" } else { "id" };
    let host = host_of(page);
    let tags = encode(&format!("{kind}:{}", page.id_text()));
    let url = format!("https://{host}/post.json?tags={tags}&api_version=2&include_tags=1");
    let answer = web.json_throughout(web.request(&url)?)?;
    Found::on(parse_post(&answer, host), page)
}

/// The older of these sites answer with a bare list, which does not say which of the tags are artists.
fn parse_post(answer: &Value, host: &str) -> Result<Found, Fault> {
    let (posts, tags) = match answer.as_array() {
        Some(posts) => (posts.as_slice(), None),
        None => (need_list(answer, "posts")?, Some(need(answer, "tags")?)),
    };
    let post = posts.first().ok_or(Fault::Gone)?;
    id_at(post, "id").ok_or(Missing::new("the field id"))?;
    let mut found = Found::default();
    // A circle is a group, not a person.
    let artists = tags.and_then(Value::as_object).into_iter().flatten();
    let artists = artists.filter(|(_, kind)| kind.as_str() == Some("artist")).map(|(tag, _)| tag);
    found.links(artists.map(|tag| format!("https://{host}/artist?name={}", encode(tag))), Place::Artist);
    found.links(told(post, "source")?.unwrap_or_default().split_whitespace(), Place::Source);
    let base = Url::parse(&format!("https://{host}/")).map_err(|_| Missing::new("host"))?;
    let files = ["file_url", "jpeg_url", "sample_url", "preview_url"].map(|field| text_at(post, field));
    let is_film =
        files[0].is_some_and(|file| [".mp4", ".webm", ".swf"].iter().any(|end| file.ends_with(end)));
    if !is_film {
        found.images.add_all(&base, files.into_iter().flatten());
    }
    found.without = Some(match told(post, "status")? {
        Some("deleted") => Fault::NoPicture("the post was deleted"),
        _ if is_film => Fault::NoPicture("a film"),
        _ => Missing::new("the field file_url").into(),
    });
    // Old servers answer with an object.
    let date = at(post, "created_at").and_then(|date| date.as_i64().or_else(|| at(date, "s")?.as_i64()));
    found.published = date.map(Timestamp::from_secs);
    Ok(found)
}

/// The curators' entry about an artist. The search is by the beginning of a name.
fn artist(page: &Identified, web: &Web) -> Result<Vec<Lead>, SiteError> {
    let url = format!("https://{}/artist.json?name={}", host_of(page), encode(page.id_text()));
    let answer = web.json_throughout(web.request(&url)?)?;
    parse_artists(&answer, page.id_text()).map_err(|missing| missing.on(page.address()))
}

/// No entry is no error: nobody has written one yet. An entry that stands for another one has no links of its
/// own.
fn parse_artists(answer: &Value, tag: &str) -> Result<Vec<Lead>, Missing> {
    let entries = answer.as_array().ok_or(Missing::new("the list of artists"))?;
    each(&entries.iter().collect::<Vec<_>>(), &["name"], "artists")?;
    let named = |entry: &&Value| text_at(entry, "name").is_some_and(|name| name.eq_ignore_ascii_case(tag));
    let Some(entry) = entries.iter().find(named).filter(|entry| at(entry, "alias_id").is_none()) else {
        return Ok(Vec::new());
    };
    need_list(entry, "urls")?;
    let urls = list_at(entry, "urls").iter().filter_map(Value::as_str);
    Ok(urls.map(|url| Lead::new(url, Place::Curated)).collect())
}

#[cfg(test)]
mod tests {
    use super::super::tests::{check_identify, none};
    use super::*;

    #[test]
    fn recognises_its_pages() {
        let post = "https://konachan.com/post/show/270803";
        check_identify("https://konachan.net/post/show/270803/banishment", Kind::Artwork, "270803", post);
        let md5 = "955aa45f3b452b415509b47dcc9475ac";
        let by_file = format!("https://konachan.com/post/show?md5={md5}");
        check_identify(&format!("https://konachan.com/post?tags=md5:{md5}"), Kind::Artwork, md5, &by_file);
        none("https://yande.re/post?tags=armor", Kind::Other);
        none("https://assets.yande.re/data/preview/7e/cf/7ecfdead705d7b956b26b1d37b98d089.jpg", Kind::Image);
    }

    #[test]
    fn films_deleted_posts_and_entries_for_others_are_told() {
        let parse = |post: Value| {
            parse_post(&Value::Array(vec![post]), "yande.re").unwrap_or_else(|_| panic!("read"))
        };
        let film = serde_json::json!({"id": 1, "source": "", "status": "active", "file_url": "/data/a.mp4"});
        assert_eq!(parse(film).without, Some(Fault::NoPicture("a film")));
        let deleted =
            serde_json::json!({"id": 1, "source": "a b", "status": "deleted", "created_at": {"s": 9}});
        let found = parse(deleted);
        assert_eq!(found.without, Some(Fault::NoPicture("the post was deleted")));
        assert_eq!((found.leads.len(), found.published), (2, Some(Timestamp::from_secs(9))));
        let entries = serde_json::json!([{"name": "anna", "alias_id": null, "urls": ["u"]}, {"name": "ann", "alias_id": 1, "urls": ["v"]}]);
        assert_eq!(parse_artists(&entries, "ann"), Ok(vec![]));
        assert_eq!(parse_artists(&entries, "Anna").unwrap()[0].url, "u");
    }
}
