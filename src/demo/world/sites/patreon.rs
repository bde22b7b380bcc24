//! Patreon: a creator's page, whose content is JSON in the page. Contract: `docs/contracts/link-pages.md`.

use serde_json::{Value, json};

use crate::demo::world::exchange::{Answer, Call};
use crate::demo::world::facts::{Hub, Page};
use crate::demo::world::site::State;

pub fn page(state: &State, call: &Call) -> Answer {
    match call.segments()[..] {
        _ if !call.is_browser() => Answer::challenge(),
        [name] => state.facts.page(Hub::Patreon, name).map_or_else(Answer::not_found, document),
        _ => Answer::not_found(),
    }
}

fn document(page: &Page) -> Answer {
    let connections = page.links.iter().enumerate().map(|(id, link)| {
        json!({
            "type": "social-connection",
            "id": id.to_string(),
            "attributes": { "app_name": "twitter", "display_name": page.name, "external_profile_url": link },
        })
    });
    let mut included = vec![json!({ "type": "user", "id": "1", "attributes": { "vanity": page.name } })];
    included.extend(connections);
    let state = json!({ "props": { "pageProps": { "bootstrapEnvelope": { "pageBootstrap": { "campaign": {
        "data": {
            "type": "campaign",
            "id": "1",
            "attributes": {
                "name": page.name,
                "vanity": page.name,
                "url": format!("https://www.patreon.com/{}", page.name),
                "summary": "<p>Thank you for your help!</p>",
            },
        },
        "included": Value::Array(included),
    } } } } } });
    let state = state.to_string().replace("</", "<\\/");
    Answer::html(
        200,
        format!(
            "<!DOCTYPE html><html><head><title>{} | Patreon</title></head><body><div id=\"__next\"></div>\
             <script id=\"__NEXT_DATA__\" type=\"application/json\">{state}</script></body></html>",
            page.name
        ),
    )
}
