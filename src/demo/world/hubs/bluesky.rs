//! Bluesky: an account's profile, whose text may hold links.

use serde_json::json;

use super::Hub;
use crate::demo::world::exchange::{Answer, Call};
use crate::demo::world::facts::Facts;
use crate::demo::world::images::Images;
use crate::demo::world::{Endpoint, Site};

pub const SITE: Site = Site { hosts: &["public.api.bsky.app"], answer };

fn answer(facts: &Facts, _: &Images, call: &Call) -> (Endpoint, Answer) {
    let answer = match call.path.as_str() {
        "/xrpc/app.bsky.actor.getProfile" => {
            match call.parameter("actor").and_then(|actor| facts.page(Hub::Bluesky, actor)) {
                Some(page) => Answer::json(
                    200,
                    &json!({
                        "did": "did:plc:demorowan000000000000000",
                        "handle": page.name,
                        "displayName": "Rowan",
                        "description": format!("Knights and dragons. {}", page.links.join(" ")),
                        "followersCount": 10,
                        "followsCount": 1,
                        "postsCount": 0,
                        "labels": [],
                        "createdAt": "2024-02-06T12:00:00.000Z",
                    }),
                ),
                None => {
                    Answer::json(400, &json!({ "error": "InvalidRequest", "message": "Profile not found" }))
                }
            }
        }
        _ => Answer::json(404, &json!({ "error": "XRPCNotSupported", "message": "XRPCNotSupported" })),
    };
    (Endpoint::LinkPage, answer)
}
