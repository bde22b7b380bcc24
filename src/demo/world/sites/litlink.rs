//! lit.link: a page whose data comes in the script chunks of its framework. Contract:
//! `docs/contracts/link-pages.md`.

use serde_json::{Value, json};

use crate::demo::world::exchange::{Answer, Call};
use crate::demo::world::facts::{Hub, Page};
use crate::demo::world::site::State;

pub fn page(state: &State, call: &Call) -> Answer {
    match call.segments()[..] {
        [name] | ["en", name] => {
            state.facts.page(Hub::Litlink, name).map_or_else(Answer::not_found, document)
        }
        _ => Answer::not_found(),
    }
}

fn document(page: &Page) -> Answer {
    let links = page.links.iter().map(|url| {
        json!({
            "profileLinkType": "button",
            "buttonLink": { "title": "Twitter", "url": url, "urlType": "twitter" },
            "imageLink": null,
            "movieLink": null,
            "textLink": null,
        })
    });
    let data = json!({ "profile": { "name": page.name, "profileLinks": links.collect::<Value>() } });
    let flight = format!("5:[\"$\",\"$L12\",null,{data}]\n");
    // The framework cuts its data where it likes, also within a word.
    let (first, second) = flight.split_at(flight.len() / 2);
    let push = |chunk: &str| format!("<script>self.__next_f.push([1,{}])</script>", json!(chunk));
    Answer::html(
        200,
        format!(
            "<!DOCTYPE html><html lang=\"ja\"><head><title>{} | lit.link</title></head><body>{}{}</body></html>",
            page.name,
            push(first),
            push(second)
        ),
    )
}
