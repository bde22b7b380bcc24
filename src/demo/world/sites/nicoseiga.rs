//! Nico Seiga: works as JSON, and members by the API of Niconico. Contract:
//! `docs/contracts/artwork-sites.md`.

use serde_json::json;

use crate::demo::world::exchange::{Answer, Call};
use crate::demo::world::facts::Gallery;
use crate::demo::world::site::State;

pub fn page(state: &State, call: &Call) -> Answer {
    let facts = &state.facts;
    let found = match call.segments().as_slice() {
        ["ajax", "seiga", id] => {
            let work = id.strip_prefix("im").and_then(|id| facts.work(Gallery::Nicoseiga, id));
            work.and_then(|work| Some((work, facts.member_of(work)?))).map(|(work, member)| {
                json!({ "target_image": {
                    "id": work.id,
                    "title": work.title,
                    "description": "Done at last.",
                    "user_id": member.id,
                    "nickname": member.name,
                    "created": work.published.to_rfc3339(),
                } })
            })
        }
        ["v1", "users", id] if call.header("x-frontend-id").is_some() => {
            let mut members = facts.members.iter().filter(|member| member.gallery == Gallery::Nicoseiga);
            members.find(|member| member.id.to_string() == *id).map(|member| {
                let accounts = member.links.iter().map(|url| json!({ "type": "twitter", "url": url }));
                json!({ "data": { "user": { "id": member.id, "description": "", "sns": accounts.collect::<Vec<_>>() } } })
            })
        }
        _ => None,
    };
    found.map_or_else(
        || Answer::json(404, &json!({ "meta": { "status": 404 } })),
        |json| Answer::json(200, &json),
    )
}
