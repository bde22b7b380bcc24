//! Cara: posts as JSON. Contract: `docs/contracts/artwork-sites.md`.

use serde_json::json;

use crate::demo::world::exchange::{Answer, Call};
use crate::demo::world::facts::Gallery;
use crate::demo::world::site::State;

/// The last twelve signs of a post's id are its number.
pub fn page(state: &State, call: &Call) -> Answer {
    let work = match call.segments().as_slice() {
        ["api", "posts", id] => id.rsplit('-').next().and_then(|id| state.facts.work(Gallery::Cara, id)),
        _ => None,
    };
    let Some(work) = work else { return Answer::json(404, &json!({ "error": "not found" })) };
    let file = format!("posts/{}.{}", work.id, work.extension());
    let image = json!({ "id": "i1", "src": file, "order": 0 });
    let post = json!({
        "id": work.id.to_string(),
        "title": work.title,
        "content": work.source,
        "slug": work.artist,
        "createdAt": work.published.to_rfc3339(),
        "images": [image],
    });
    Answer::json(200, &json!({ "data": post }))
}
