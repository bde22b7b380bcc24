//! Weasyl: works and members as JSON. Contract: `docs/contracts/artwork-sites.md`.

use serde_json::{Value, json};

use super::files;
use crate::demo::world::exchange::{Answer, Call};
use crate::demo::world::facts::{Gallery, Member, Work};
use crate::demo::world::site::State;

pub fn page(state: &State, call: &Call) -> Answer {
    let facts = &state.facts;
    let missing = |name: &str| Answer::json(404, &json!({ "error": { "name": name } }));
    match call.segments().as_slice() {
        ["api", "submissions", id, "view"] => match facts.work(Gallery::Weasyl, id) {
            Some(work) => Answer::json(200, &work_json(work)),
            None => missing("submissionRecordMissing"),
        },
        ["api", "users", login, "view"] => match facts.member(Gallery::Weasyl, login) {
            Some(member) => Answer::json(200, &member_json(member)),
            None => missing("userRecordMissing"),
        },
        _ => Answer::not_found(),
    }
}

fn work_json(work: &Work) -> Value {
    let file =
        |folder: &str| json!([{ "mediaid": work.id, "url": files::address("cdn.weasyl.com", folder, work) }]);
    json!({
        "submitid": work.id,
        "title": work.title,
        "owner": work.artist,
        "owner_login": work.artist,
        "description": "<p>Done at last.</p>",
        "media": { "submission": file("static/media"), "cover": file("static/cover"), "thumbnail": file("static/thumb") },
        "posted_at": work.published.to_rfc3339(),
        "rating": "general",
        "subtype": "visual",
        "tags": [],
        "friends_only": false,
        "type": "submission",
    })
}

fn member_json(member: &Member) -> Value {
    json!({
        "login_name": member.name,
        "username": member.name,
        "profile_text": "<p>I paint.</p>",
        "banned": false,
        "suspended": false,
        "user_info": { "user_links": { "Twitter": member.links }, "sorted_user_links": [["Twitter", member.links]] },
    })
}
