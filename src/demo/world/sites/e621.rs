//! e621: posts and the curators' entries about artists as JSON. It turns away clients that pose as browsers.
//! Contract: `docs/contracts/boorus.md`.

use serde_json::{Value, json};

use crate::demo::world::exchange::{Answer, Call};
use crate::demo::world::facts::{Gallery, Member, Work};
use crate::demo::world::ids::digest;
use crate::demo::world::site::State;

pub fn page(state: &State, call: &Call) -> Answer {
    let facts = &state.facts;
    if call.is_browser() {
        return Answer::challenge();
    }
    match call.segments().as_slice() {
        ["posts", id] => match id.strip_suffix(".json").and_then(|id| facts.work(Gallery::E621, id)) {
            Some(work) => Answer::json(200, &json!({ "post": post_json(work) })),
            None => Answer::json(404, &json!({ "success": false, "reason": "not found" })),
        },
        ["artists.json"] => {
            let name = call.parameter("search[name]").unwrap_or_default();
            match facts.member(Gallery::E621, name) {
                Some(artist) => Answer::json(200, &json!([artist_json(artist)])),
                // Not an empty list: so the site says that there is none.
                None => Answer::json(200, &json!({ "artists": [] })),
            }
        }
        _ => Answer::json(404, &json!({ "success": false, "reason": "not found" })),
    }
}

fn post_json(work: &Work) -> Value {
    let (width, height) = work.size();
    let md5 = digest(work.id);
    let folder = format!("{}/{}", &md5[..2], &md5[2..4]);
    let created = work.published.to_rfc3339().replace('Z', ".000+00:00");
    json!({
        "id": work.id,
        "created_at": created,
        "updated_at": created,
        "file": {
            "width": width,
            "height": height,
            "ext": work.extension(),
            "size": 120_000,
            "md5": md5,
            "url": format!("https://static1.e621.net/data/{folder}/{md5}.{}", work.extension()),
        },
        "preview": { "width": 150, "height": 150, "url": format!("https://static1.e621.net/data/preview/{folder}/{md5}.jpg") },
        "sample": {
            "has": true,
            "width": width,
            "height": height,
            "url": format!("https://static1.e621.net/data/sample/{folder}/{md5}.jpg"),
        },
        "score": { "up": 3, "down": 0, "total": 3 },
        "tags": {
            "general": ["garden"],
            "artist": [work.artist, "conditional_dnp"],
            "contributor": [],
            "director": [],
            "character": [],
            "species": ["rabbit"],
            "meta": [],
        },
        "flags": { "pending": false, "flagged": false, "deleted": false },
        "rating": "s",
        "fav_count": 1,
        "sources": if work.source.is_empty() { json!([]) } else { json!([work.source]) },
        "relationships": { "parent_id": null, "has_children": false, "children": [] },
        "uploader_id": 1,
        "description": "",
    })
}

fn artist_json(artist: &Member) -> Value {
    let urls = artist.links.iter().enumerate().map(|(index, url)| {
        json!({ "id": artist.id * 10 + index as u64, "artist_id": artist.id, "url": url, "normalized_url": url, "is_active": true })
    });
    json!({
        "id": artist.id,
        "name": artist.name,
        "other_names": [],
        "group_name": "",
        "linked_user_id": null,
        "is_active": true,
        "urls": urls.collect::<Value>(),
    })
}

/// `/data/aa/bb/{md5}.ext`, `/data/sample/aa/bb/{md5}.jpg`
pub fn image(state: &State, call: &Call) -> Answer {
    let State { facts, images, .. } = state;
    let segments = call.segments();
    let md5 = segments.last().and_then(|name| name.split('.').next()).unwrap_or_default();
    let picture = facts.work_by_digest(Gallery::E621, md5).and_then(Work::picture);
    match segments.as_slice() {
        ["data", "sample", _, _, _] => images.file(picture, Some(850)),
        ["data", "preview", _, _, _] => images.file(picture, Some(150)),
        ["data", _, _, _] => images.file(picture, None),
        _ => Answer::text(404, "not found"),
    }
}
