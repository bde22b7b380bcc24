//! Pixiv Fanbox: a creator as JSON, for requests that come from its own pages. Contract:
//! `docs/contracts/link-pages.md`.

use serde_json::json;

use crate::demo::world::exchange::{Answer, Call};
use crate::demo::world::facts::Hub;
use crate::demo::world::site::State;

/// The creator's number on Pixiv: that of a member there.
const PIXIV_ID: &str = "9000001";

pub fn page(state: &State, call: &Call) -> Answer {
    let page = call.parameter("creatorId").and_then(|name| state.facts.page(Hub::Fanbox, name));
    match page.filter(|_| call.path == "/creator.get") {
        _ if !call.is_browser() => Answer::challenge(),
        _ if call.header("origin") != Some("https://www.fanbox.cc") => {
            Answer::json(400, &json!({ "error": "general_error" }))
        }
        None => Answer::json(404, &json!({ "error": "general_error" })),
        Some(page) => {
            let user = json!({ "userId": PIXIV_ID, "name": page.name, "iconUrl": null });
            Answer::json(
                200,
                &json!({ "body": {
                    "user": user,
                    "creatorId": page.name,
                    "description": "Gophers, monthly.",
                    "hasAdultContent": false,
                    "coverImageUrl": null,
                    "profileLinks": page.links,
                    "profileItems": [],
                    "isFollowed": false,
                    "isSupported": false,
                    "isStopped": false,
                } }),
            )
        }
    }
}
