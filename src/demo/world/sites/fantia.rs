//! Fantia: posts and clubs as JSON, for those who send the token of the page. Contract:
//! `docs/contracts/artwork-sites.md`.

use serde_json::{Value, json};

use super::files;
use crate::demo::world::exchange::{Answer, Call};
use crate::demo::world::facts::{Gallery, Member, Work};
use crate::demo::world::site::State;

const TOKEN: &str = "demo-token";

pub fn page(state: &State, call: &Call) -> Answer {
    let facts = &state.facts;
    let club = |id: &str| {
        let mut clubs = facts.members.iter().filter(|member| member.gallery == Gallery::Fantia);
        clubs.find(|member| member.id.to_string() == id)
    };
    let found = match call.segments().as_slice() {
        ["api", "v1", ..] if call.header("x-csrf-token") != Some(TOKEN) => {
            return Answer::json(422, &json!({ "error": "token" }));
        }
        ["api", "v1", "posts", id] => {
            facts.work(Gallery::Fantia, id).and_then(|work| Some(post_json(work, facts.member_of(work)?)))
        }
        ["api", "v1", "fanclubs", id] => club(id).map(club_json),
        ["posts" | "fanclubs", _] => {
            let page = format!(
                "<!DOCTYPE html><html><head><meta name=\"csrf-token\" content=\"{TOKEN}\"></head></html>"
            );
            return Answer::html(200, page);
        }
        _ => None,
    };
    found.map_or_else(Answer::not_found, |json| Answer::json(200, &json))
}

fn post_json(work: &Work, club: &Member) -> Value {
    let file = |folder: &str| files::address("c.fantia.jp", folder, work);
    json!({ "post": {
        "id": work.id,
        "title": work.title,
        "comment": "",
        "posted_at": work.published.to_rfc3339(),
        "thumb": { "original": file("uploads"), "main": file("uploads/main_") },
        "fanclub": { "id": club.id, "name": club.name },
        "post_contents": [],
    } })
}

fn club_json(club: &Member) -> Value {
    json!({ "fanclub": { "id": club.id, "name": club.name, "comment": club.links.join("\n") } })
}
