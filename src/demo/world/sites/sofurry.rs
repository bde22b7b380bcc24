//! SoFurry: the packed data of a work's page, and profiles as JSON. Contract:
//! `docs/contracts/artwork-sites.md`.

use serde_json::{Value, json};

use super::files;
use crate::demo::world::exchange::{Answer, Call};
use crate::demo::world::facts::{Gallery, Member, Work};
use crate::demo::world::site::State;

/// A work's id has eight signs: its number is written as `W1500001`.
pub fn page(state: &State, call: &Call) -> Answer {
    let facts = &state.facts;
    let found = match call.segments().as_slice() {
        ["s", name] => {
            let id = name.strip_suffix(".data").and_then(|name| name.strip_prefix('W'));
            id.and_then(|id| facts.work(Gallery::Sofurry, id)).map(packed)
        }
        ["api", "profile"] => {
            call.parameter("handle").and_then(|name| facts.member(Gallery::Sofurry, name)).map(profile_json)
        }
        _ => None,
    };
    match found {
        Some(json) => Answer::json(200, &json),
        None => Answer::json(404, &json!({ "statusCode": 404, "message": "Not found" })),
    }
}

/// Entry 0 is the root; a key `_n` has its name in entry n, and each value is the number of its entry.
fn packed(work: &Work) -> Value {
    let file = |folder: &str| files::address("files.sofurryfiles.com", folder, work);
    json!([
        { "_1": 2 }, "routes/submission.$id", { "_3": 4 }, "data", { "_5": 6 }, "submission",
        { "_7": 8, "_9": 10, "_11": 12, "_13": 14, "_15": 16, "_17": 18 },
        "author", { "_19": 20 }, "category", "artwork", "description", "<p>Done at last.</p>",
        "publishedAt", work.published.to_rfc3339(), "content", [21], "thumbUrl", file("thumb"),
        "handle", work.artist, { "_22": 23, "_24": 25 }, "displayUrl", file("content"), "position", 1,
    ])
}

fn profile_json(member: &Member) -> Value {
    json!({ "user": {
        "handle": member.name,
        "headline": "I paint.",
        "about": "",
        "website_link": member.links.first(),
    } })
}
