//! Potofu: a page that a script fills from JSON.

use serde_json::{Value, json};

use crate::demo::world::cast::pages::Hub;
use crate::demo::world::exchange::{Answer, Call};
use crate::demo::world::facts::Facts;
use crate::demo::world::images::Images;
use crate::demo::world::{Endpoint, Site};

pub const SITE: Site = Site { hosts: &["potofu.me", "api.potofu.me"], answer };

fn answer(facts: &Facts, _: &Images, call: &Call) -> (Endpoint, Answer) {
    let page = |name| facts.page(Hub::Potofu, name);
    let answer = match (call.host.as_str(), call.segments().as_slice()) {
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
    };
    (Endpoint::LinkPage, answer)
}
