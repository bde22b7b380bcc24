//! yande.re: posts as JSON, and the curators' entries about artists. Contract: `docs/contracts/boorus.md`.

use serde_json::{Value, json};

use super::files;
use crate::demo::world::exchange::{Answer, Call};
use crate::demo::world::facts::{Gallery, Member, Work};
use crate::demo::world::ids::digest;
use crate::demo::world::site::State;

pub fn page(state: &State, call: &Call) -> Answer {
    let facts = &state.facts;
    match call.path.as_str() {
        "/post.json" => {
            let id = call.parameter("tags").and_then(|tags| tags.strip_prefix("id:"));
            let work = id.and_then(|id| facts.work(Gallery::Moebooru, id));
            let tags = work.map(|work| json!({ "armor": "general", work.artist: "artist" }));
            let posts: Vec<Value> = work.into_iter().map(post_json).collect();
            Answer::json(200, &json!({ "posts": posts, "tags": tags.unwrap_or(json!({})) }))
        }
        "/artist.json" => {
            let member = call.parameter("name").and_then(|name| facts.member(Gallery::Moebooru, name));
            Answer::json(200, &member.into_iter().map(entry_json).collect())
        }
        _ => Answer::not_found(),
    }
}

fn post_json(work: &Work) -> Value {
    let file = |folder: &str| files::address("files.yande.re", folder, work);
    json!({
        "id": work.id,
        "tags": format!("armor {}", work.artist),
        "created_at": work.published.secs(),
        "source": work.source,
        "md5": digest(work.id),
        "file_url": file("image"),
        "jpeg_url": file("jpeg"),
        "sample_url": file("sample"),
        "preview_url": file("data/preview"),
        "rating": "s",
        "status": "active",
    })
}

fn entry_json(member: &Member) -> Value {
    json!({ "id": member.id, "name": member.name, "alias_id": null, "group_id": null, "urls": member.links })
}
