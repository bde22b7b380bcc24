//! Potofu: a page that a script fills from JSON. Contract: `docs/contracts/link-pages.md`.

use serde_json::{Value, json};

use crate::demo::world::exchange::{Answer, Call};
use crate::demo::world::facts::Hub;
use crate::demo::world::site::State;

pub fn page(state: &State, call: &Call) -> Answer {
    let page = |name| state.facts.page(Hub::Potofu, name);
    match (call.host.as_str(), call.segments().as_slice()) {
        ("api.potofu.me", ["users", name]) => match page(name) {
            Some(page) => {
                let links = page.links.iter().map(|url| json!({ "name": "Twitter", "url": url }));
                let links = links.collect::<Value>();
                Answer::json(
                    200,
                    &json!({ "user": { "name": page.name, "name_en": page.name, "links": links } }),
                )
            }
            None => Answer::json(404, &json!({ "error": "not found" })),
        },
        ("potofu.me", [name]) if page(name).is_some() => {
            Answer::html(200, "<!DOCTYPE html><html><body><div id=\"__nuxt\"></div></body></html>".to_owned())
        }
        _ => Answer::not_found(),
    }
}
