//! Booth: things as JSON for those who say that they are of age, and shops. Contract:
//! `docs/contracts/artwork-sites.md`.

use serde_json::{Value, json};

use super::files;
use crate::demo::world::exchange::{Answer, Call};
use crate::demo::world::facts::{Gallery, Member, Work};
use crate::demo::world::site::State;

pub fn page(state: &State, call: &Call) -> Answer {
    let facts = &state.facts;
    if let Some(shop) = call.host.strip_suffix(".booth.pm") {
        let shop = facts.member(Gallery::Booth, shop);
        return shop.map_or_else(Answer::not_found, |shop| Answer::html(200, shop_page(shop)));
    }
    let is_of_age = call.header("cookie").is_some_and(|cookie| cookie.contains("adult=t"));
    match call.segments().as_slice() {
        ["ja", "items", name] if is_of_age => {
            let work = name.strip_suffix(".json").and_then(|id| facts.work(Gallery::Booth, id));
            work.map_or_else(Answer::not_found, |work| Answer::json(200, &item_json(work)))
        }
        _ => Answer::not_found(),
    }
}

fn item_json(work: &Work) -> Value {
    let file = |folder: &str| files::address("booth.pximg.net", folder, work);
    json!({
        "id": work.id,
        "name": work.title,
        "description": "A print.",
        "published_at": work.published.to_rfc3339(),
        "images": [{ "original": file("whole"), "resized": file("resized"), "caption": null }],
        "shop": { "name": work.artist, "subdomain": work.artist, "url": format!("https://{}.booth.pm/", work.artist) },
        "is_adult": false,
    })
}

fn shop_page(shop: &Member) -> String {
    let link = |url: &&str| format!("<li class=\"shop-contacts__link\"><a href=\"{url}\">{url}</a></li>");
    let links: String = shop.links.iter().map(link).collect();
    format!(
        "<!DOCTYPE html><html><head><title>{}</title></head><body><ul>{links}</ul></body></html>",
        shop.name
    )
}
