//! Derpibooru and Furbooru, which run the same software: images as JSON, the artist's links on the HTML page
//! of a tag. Contract: `docs/contracts/boorus.md`.

use serde_json::{Value, json};

use crate::demo::world::exchange::{Answer, Call};
use crate::demo::world::facts::{Facts, Gallery, Member, Work};
use crate::demo::world::ids::digest;
use crate::demo::world::site::State;

pub const DERPIBOORU_FILES: &str = "derpicdn.net";
pub const FURBOORU_FILES: &str = "furrycdn.org";

fn files_of(gallery: Gallery) -> &'static str {
    if gallery == Gallery::Furbooru { FURBOORU_FILES } else { DERPIBOORU_FILES }
}

fn asked(call: &Call) -> Gallery {
    if ["furbooru.org", FURBOORU_FILES].contains(&call.host.as_str()) {
        Gallery::Furbooru
    } else {
        Gallery::Derpibooru
    }
}

pub fn page(state: &State, call: &Call) -> Answer {
    let (facts, gallery) = (&state.facts, asked(call));
    if call.is_browser() {
        return Answer::challenge();
    }
    match call.segments().as_slice() {
        ["api", "v1", "json", "images", id] => match facts.work(gallery, id) {
            Some(work) => Answer::json(200, &json!({ "image": image_json(work), "interactions": [] })),
            None => Answer::text(404, "Not found"),
        },
        ["api", "v1", "json", "search", "images"] => Answer::json(200, &listed(facts, gallery, call)),
        ["tags", tag] => {
            let mut artists = facts.members.iter().filter(|member| member.gallery == gallery);
            match artists.find(|artist| slug(artist.name) == *tag) {
                Some(artist) => Answer::html(200, tag_page(artist)),
                None => Answer::not_found(),
            }
        }
        _ => Answer::not_found(),
    }
}

/// A page of the images that bear every tag of `q`, newest first; `*` is everything. Merged ones are
/// not found.
fn listed(facts: &Facts, gallery: Gallery, call: &Call) -> Value {
    let number = |name: &str| call.parameter(name).and_then(|text| text.parse::<usize>().ok());
    let (page, per_page) = (number("page").unwrap_or(1).max(1), number("per_page").unwrap_or(25).min(50));
    let wanted: Vec<&str> = call.parameter("q").unwrap_or_default().split(',').map(str::trim).collect();
    let bears =
        |work: &&Work| wanted.iter().all(|tag| *tag == "*" || tags_of(work).iter().any(|own| own == tag));
    let own = facts.works.iter().filter(|work| work.gallery == gallery && work.merged_into.is_none());
    let mut found: Vec<&Work> = own.filter(bears).collect();
    found.sort_by_key(|work| std::cmp::Reverse(work.id));
    let shown = found.iter().skip((page - 1).saturating_mul(per_page)).take(per_page);
    let images: Vec<Value> = shown.map(|work| image_json(work)).collect();
    json!({ "images": images, "interactions": [], "total": found.len() })
}

fn tags_of(work: &Work) -> [String; 3] {
    [format!("artist:{}", work.artist), "safe".to_owned(), "smiling".to_owned()]
}

/// The part of a tag's address behind `/tags/`, as it is sent: for the characters that names here have.
fn slug(artist: &str) -> String {
    format!("artist-colon-{}", artist.replace('-', "-dash-").replace(' ', "+"))
}

fn image_json(work: &Work) -> Value {
    let created = work.published.to_rfc3339();
    if let Some(kept) = work.merged_into {
        return json!({
            "id": work.id,
            "created_at": created,
            "updated_at": created,
            "first_seen_at": created,
            "duplicate_of": kept,
            "hidden_from_users": true,
            "deletion_reason": null,
        });
    }
    let (width, height) = work.size();
    let host = files_of(work.gallery);
    let date: Vec<String> =
        work.date_path(0).split('/').take(3).map(|part| part.trim_start_matches('0').to_owned()).collect();
    let date = date.join("/");
    let extension = work.extension();
    let version = |size: &str| format!("https://{host}/img/{date}/{}/{size}.{extension}", work.id);
    let view = format!("https://{host}/img/view/{date}/{}.{extension}", work.id);
    json!({
        "id": work.id,
        "created_at": created,
        "updated_at": created,
        "first_seen_at": created,
        "name": format!("{}.{extension}", work.title),
        "width": width,
        "height": height,
        "aspect_ratio": f64::from(width) / f64::from(height),
        "format": extension,
        "mime_type": if extension == "jpg" { "image/jpeg".to_owned() } else { format!("image/{extension}") },
        "animated": false,
        "duplicate_of": null,
        "hidden_from_users": false,
        "deletion_reason": null,
        "tags": tags_of(work),
        "tag_ids": [600_001, 40_482, 42_350],
        "source_url": if work.source.is_empty() { Value::Null } else { json!(work.source) },
        "source_urls": if work.source.is_empty() { json!([]) } else { json!([work.source]) },
        "view_url": view,
        "uploader": "demo_curator",
        "uploader_id": 1,
        "sha512_hash": digest(work.id).repeat(4),
        "orig_sha512_hash": digest(work.id).repeat(4),
        "representations": {
            "full": view,
            "large": version("large"),
            "medium": version("medium"),
            "small": version("small"),
            "tall": version("tall"),
            "thumb": version("thumb"),
            "thumb_small": version("thumb_small"),
            "thumb_tiny": version("thumb_tiny"),
        },
    })
}

fn tag_page(artist: &Member) -> String {
    let links: Vec<String> =
        artist.links.iter().map(|link| format!("<a rel=\"me\" href=\"{link}\">{link}</a>")).collect();
    format!(
        "<!DOCTYPE html><html lang=\"en\"><head><title>artist:{name} - Booru</title></head><body>\
         <header><a href=\"https://twitter.com/derpibooru\">The site's own account</a></header>\
         <div class=\"block__content js-imagelist-info flex\"><div class=\"flex__grow\">\
         <a class=\"tag__name\" href=\"/tags/{slug}\">artist:{name}</a>\
         <div class=\"tag-info__more\"><hr><strong>Associated links:</strong> {links}<br>\
         <strong>Associated users:</strong> <a href=\"/profiles/demo\">demo</a></div></div></div></body></html>",
        name = artist.name,
        slug = slug(artist.name),
        links = links.join(", "),
    )
}

/// `/img/view/2024/5/1/1.jpg`, `/img/2024/5/1/1/large.jpg`
pub fn image(state: &State, call: &Call) -> Answer {
    let State { facts, images, .. } = state;
    let picture = |id: &str| facts.work(asked(call), id).and_then(Work::picture);
    match call.segments().as_slice() {
        ["img", "view", _, _, _, name] => {
            let id = name.split(['_', '.']).next().unwrap_or_default();
            images.file(picture(id), None)
        }
        ["img", _, _, _, id, size] => {
            let longest = match size.split('.').next() {
                Some("full") => None,
                Some("large") => Some(1280),
                Some("medium") => Some(800),
                Some("small") => Some(320),
                _ => Some(250),
            };
            images.file(picture(id), longest)
        }
        _ => Answer::text(404, "not found"),
    }
}
