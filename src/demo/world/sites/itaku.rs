//! Itaku: works and profiles as JSON. Contract: `docs/contracts/artwork-sites.md`.

use serde_json::{Value, json};

use super::files;
use crate::demo::world::exchange::{Answer, Call};
use crate::demo::world::facts::{Gallery, Member, Work};
use crate::demo::world::site::State;

pub fn page(state: &State, call: &Call) -> Answer {
    let facts = &state.facts;
    let found = match call.segments().as_slice() {
        ["api", "galleries", "images", id] => facts.work(Gallery::Itaku, id).map(work_json),
        ["api", "user_profiles", name] => facts.member(Gallery::Itaku, name).map(member_json),
        ["media", ..] => return files::image(state, call),
        _ => None,
    };
    match found {
        Some(json) => Answer::json(200, &json),
        None => Answer::json(404, &json!({ "detail": "Not found." })),
    }
}

fn work_json(work: &Work) -> Value {
    json!({
        "id": work.id,
        "title": work.title,
        "description": "Done at last.",
        "owner": 7,
        "owner_username": work.artist,
        "image": files::address("itaku.ee", "media/gallery_imgs", work),
        "image_xl": files::address("itaku.ee", "media/gallery_imgs/xl", work),
        "video": null,
        "date_added": work.published.to_rfc3339(),
        "maturity_rating": "SFW",
        "visibility": "PUBLIC",
    })
}

fn member_json(member: &Member) -> Value {
    json!({
        "owner": member.id,
        "owner_username": member.name,
        "lead": "I paint.",
        "description": "",
        "user_sites": member.links,
    })
}
