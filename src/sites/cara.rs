//! Cara: posts as JSON, behind a guard that challenges most programs. Profiles are recognised and not read:
//! no call that gives their links is documented.

use serde_json::Value;
use url::Url;

use super::address::name;
use super::read::{at, each, has, need, need_list, text_at, told};
use super::{Address, Artwork, Fault, Found, Identified, Missing, Place, Site, SiteError, Web};
use crate::base::Timestamp;
use crate::text::links_in_text;

pub const SITE: Site = Site { name: "cara", identify, artwork: Some(artwork), leads: None };

/// First parts of a path that are no member.
const RESERVED: &[&str] = &[
    "login", "explore", "search", "about", "jobs", "settings", "feed", "post", "terms", "privacy", "api",
    "signup",
];

fn identify(address: &Address) -> Option<Identified> {
    if address.is_on("cdn.cara.app") {
        return Some(Identified::image(SITE.name, address));
    }
    if !address.is_on("cara.app") {
        return None;
    }
    let is_id = |id: &str| id.len() == 36 && id.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
    Some(match address.segments().as_slice() {
        // https://cara.app/post/01234567-89ab-cdef-0123-456789abcdef
        ["post", id] if is_id(id) => Identified::work(SITE.name, *id, format!("https://cara.app/post/{id}")),
        [user] | [user, "portfolio" | "all" | "about" | "likes"] if !RESERVED.contains(user) => {
            match name(user) {
                Some(user) => Identified::profile(SITE.name, user, format!("https://cara.app/{user}")),
                None => Identified::other(SITE.name, address),
            }
        }
        _ => Identified::other(SITE.name, address),
    })
}

fn artwork(page: &Identified, web: &Web) -> Result<Artwork, SiteError> {
    let url = format!("https://cara.app/api/posts/{}", page.id_text());
    Found::on(parse(&web.json(web.request(&url)?)?), page)
}

fn parse(answer: &Value) -> Result<Found, Fault> {
    let post = need(answer, "data")?;
    let slug = text_at(post, "slug").and_then(name).ok_or(Missing::new("the field data.slug"))?;
    let mut found = Found::by(format!("https://cara.app/{slug}"));
    // A cover has a place before the first.
    let place = |image: &Value| at(image, "order").and_then(Value::as_i64).unwrap_or(0);
    let images = need_list(post, "images")?;
    if !images.is_empty() && !images.iter().any(|image| has(image, "order")) {
        return Err(Missing::new("the field data.images[].order").into());
    }
    let mut images: Vec<&Value> = images.iter().filter(|image| place(image) >= 0).collect();
    images.sort_by_key(|image| place(image));
    let files = each(&images, &["src"], "data.images")?;
    let base = Url::parse("https://cdn.cara.app/").map_err(|_| Missing::new("host"))?;
    found.images.add_all(&base, files.first().copied());
    found.without = Some(Fault::NoPicture("a text"));
    found.links(links_in_text(told(post, "content")?.unwrap_or_default()), Place::WorkText);
    found.published = text_at(post, "createdAt").and_then(Timestamp::parse_rfc3339);
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::super::Kind;
    use super::super::tests::{check_identify, none};
    use super::*;

    #[test]
    fn recognises_its_pages() {
        let id = "01234567-89ab-cdef-0123-456789abcdef";
        let post = format!("https://cara.app/post/{id}");
        check_identify(&format!("{post}?a=1"), Kind::Artwork, id, &post);
        check_identify("https://cara.app/ann/portfolio", Kind::Profile, "ann", "https://cara.app/ann");
        none("https://cara.app/explore", Kind::Other);
        none("https://cdn.cara.app/production/posts/a.jpg", Kind::Image);
    }

    #[test]
    fn a_cover_is_not_the_first_picture() {
        let post: Value =
            serde_json::from_str(include_str!("../../tests/fixtures/sites/cara/post_made.json")).unwrap();
        let found = parse(&post).unwrap_or_else(|_| panic!("read"));
        assert_eq!(
            found.images.or_else(|| unreachable!()).unwrap()[0].url,
            "https://cdn.cara.app/production/posts/one.jpg"
        );
        assert_eq!(found.leads[0].url, "https://cara.app/ann");
    }
}
