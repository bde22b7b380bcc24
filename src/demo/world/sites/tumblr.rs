//! Tumblr: a blog's facts, for whoever has a key of the API. Contract: `docs/contracts/link-pages.md`.

use serde_json::json;

use crate::demo::world::exchange::{Answer, Call};
use crate::demo::world::facts::Hub;
use crate::demo::world::site::State;

/// What the API takes for a registered application's key.
pub const API_KEY: &str = "demo-tumblr-key";

pub fn page(state: &State, call: &Call) -> Answer {
    let refusal = |status: u16, message: &str| {
        Answer::json(status, &json!({ "meta": { "status": status, "msg": message }, "response": [] }))
    };
    match call.segments().as_slice() {
        ["v2", "blog", _, "info"] if call.parameter("api_key") != Some(API_KEY) => {
            refusal(401, "Unauthorized")
        }
        ["v2", "blog", name, "info"] => match state.facts.page(Hub::Tumblr, name) {
            Some(page) => {
                let links = page.links.iter().map(|url| format!("<a href=\"{url}\">elsewhere</a>"));
                let blog = json!({
                    "name": page.name,
                    "uuid": format!("t:{}", page.name),
                    "title": "Sketches",
                    "url": format!("https://{}.tumblr.com/", page.name),
                    "description": links.collect::<Vec<_>>().join(", "),
                    "posts": 12,
                });
                Answer::json(
                    200,
                    &json!({ "meta": { "status": 200, "msg": "OK" }, "response": { "blog": blog } }),
                )
            }
            None => refusal(404, "Not Found"),
        },
        _ => refusal(404, "Not Found"),
    }
}
