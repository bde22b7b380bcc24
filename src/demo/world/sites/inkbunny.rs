//! Inkbunny: an API that wants a session first, which a guest can have, and members' pages. Contract:
//! `docs/contracts/artwork-sites.md`.

use serde_json::{Value, json};

use crate::demo::world::exchange::{Answer, Call};
use crate::demo::world::facts::{Facts, Gallery, Member, Work};
use crate::demo::world::site::State;

pub const HOST: &str = "inkbunny.net";
const SESSION: &str = "demo2session";

pub fn page(state: &State, call: &Call) -> Answer {
    let facts = &state.facts;
    match call.segments().as_slice() {
        ["api_login.php"] => login(call),
        ["api_userrating.php"] => ratings(call),
        ["api_submissions.php"] => submissions(facts, call),
        [name] => match facts.member(Gallery::Inkbunny, name) {
            Some(member) => Answer::html(200, profile(member)),
            None => Answer::not_found(),
        },
        _ => Answer::not_found(),
    }
}

fn login(call: &Call) -> Answer {
    let fields = call.form.iter().flatten();
    let guest = fields.clone().any(|(key, value)| key == "username" && value == "guest");
    match guest {
        true => Answer::json(200, &json!({ "sid": SESSION, "user_id": 0, "ratingsmask": "1" })),
        false => error(0, "Invalid Username / Password combination"),
    }
}

/// Widens a guest's session to works of all ratings.
fn ratings(call: &Call) -> Answer {
    match call.parameter("sid") {
        Some(SESSION) => Answer::json(200, &json!({ "sid": SESSION, "user_id": 0, "ratingsmask": "11111" })),
        _ => error(2, "Invalid Session ID sent as variable 'sid'"),
    }
}

/// With status 200, as the site sends it.
fn error(code: u32, message: &str) -> Answer {
    Answer::json(200, &json!({ "error_code": code, "error_message": message }))
}

fn submissions(facts: &Facts, call: &Call) -> Answer {
    if call.parameter("sid") != Some(SESSION) {
        return error(2, "Invalid Session ID sent as variable 'sid'");
    }
    let ids = call.parameter("submission_ids").unwrap_or_default();
    let found = ids.split(',').filter_map(|id| facts.work(Gallery::Inkbunny, id));
    Answer::json(200, &json!({ "sid": SESSION, "submissions": found.map(submission).collect::<Value>() }))
}

fn submission(work: &Work) -> Value {
    let (width, height) = work.size();
    // 2010-03-03 13:25:54.38212+00
    let created = work.published.to_rfc3339().replace('T', " ").replace('Z', ".38212+00");
    let address = |size: &str, extension: &str| {
        format!("https://us.ib.metapix.net/files/{size}/3300/{}_{}.{extension}", work.id, work.artist)
    };
    json!({
        "submission_id": work.id.to_string(),
        "username": work.artist,
        "user_id": "250001",
        "title": work.title,
        "create_datetime": created,
        "rating_name": "General",
        "type_name": "Picture/Pinup",
        "hidden": "f",
        "friends_only": "f",
        "keywords": [],
        "description": "Knights at dinner.",
        "pagecount": "1",
        "files": [{
            "file_id": work.id.to_string(),
            "file_name": format!("{}_{}.{}", work.id, work.artist, work.extension()),
            "mimetype": "image/jpeg",
            "submission_file_order": "0",
            "file_url_full": address("full", work.extension()),
            "file_url_screen": address("screen", "jpg"),
            "file_url_preview": address("preview", "jpg"),
            "full_size_x": width.to_string(),
            "full_size_y": height.to_string(),
        }],
    })
}

fn profile(member: &Member) -> String {
    let contacts: String =
        member.links.iter().map(|link| format!("<a rel=\"nofollow\" href=\"{link}\">Twitter</a>")).collect();
    format!(
        "<!DOCTYPE html><html><head><title>{name} &lt; Inkbunny</title></head><body>\
         <a href=\"/gallery/{name}\">Gallery</a><div class=\"elephant\">{contacts}</div></body></html>",
        name = member.name
    )
}

/// `/files/full/3300/1_User.jpg`
pub fn image(state: &State, call: &Call) -> Answer {
    let State { facts, images, .. } = state;
    let ["files", size, _, name] = call.segments()[..] else { return Answer::text(404, "not found") };
    let id = name.split('_').next().unwrap_or_default();
    let picture = facts.work(Gallery::Inkbunny, id).and_then(Work::picture);
    match size {
        "full" => images.file(picture, None),
        "screen" => images.file(picture, Some(920)),
        "preview" => images.file(picture, Some(460)),
        _ => Answer::text(404, "not found"),
    }
}
