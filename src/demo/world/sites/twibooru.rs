//! Twibooru: posts as JSON, with the same picture's page elsewhere. Contract: `docs/contracts/boorus.md`.

use serde_json::json;

use super::files;
use crate::demo::world::exchange::{Answer, Call};
use crate::demo::world::facts::Gallery;
use crate::demo::world::site::State;

pub fn page(state: &State, call: &Call) -> Answer {
    let work = match call.segments().as_slice() {
        ["api", "v3", "posts", id] => state.facts.work(Gallery::Twibooru, id),
        _ => None,
    };
    let Some(work) = work else { return Answer::text(404, "not found") };
    let file = |folder: &str| files::address("cdn.twibooru.org", folder, work);
    let post = json!({
        "id": work.id,
        "created_at": work.published.to_rfc3339(),
        "first_seen_at": work.published.to_rfc3339(),
        "source_url": null,
        "locations": [{ "location": "derpibooru", "url_at_location": work.source }],
        "view_url": file("img/view"),
        "representations": { "large": file("img/sample"), "medium": file("img/medium") },
        "format": work.extension(),
        "media_type": "image",
        "mime_type": "image/png",
        "tags": ["safe"],
        "hidden_from_users": false,
        "description": "",
    });
    Answer::json(200, &json!({ "post": post }))
}
