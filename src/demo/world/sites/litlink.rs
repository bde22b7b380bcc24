//! lit.link: a page whose data comes in the script chunks of its framework.

use serde_json::{Value, json};

use crate::demo::world::cast::pages::{Hub, Page};
use crate::demo::world::exchange::{Answer, Call};
use crate::demo::world::facts::Facts;
use crate::demo::world::images::Images;
use crate::demo::world::{Endpoint, Site};

pub const SITE: Site = Site { hosts: &["lit.link"], answer };

fn answer(facts: &Facts, _: &Images, call: &Call) -> (Endpoint, Answer) {
    let answer = match call.segments()[..] {
        [name] | ["en", name] => facts.page(Hub::Litlink, name).map_or_else(Answer::not_found, document),
        _ => Answer::not_found(),
    };
    (Endpoint::LinkPage, answer)
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
