//! Skeb: a profile as JSON, after a first answer that hands out a cookie to come back with. Contract:
//! `docs/contracts/link-pages.md`.

use serde_json::{Value, json};

use crate::demo::world::exchange::{Answer, Call};
use crate::demo::world::facts::{Facts, Hub, Page};
use crate::demo::world::site::State;

const REQUEST_KEY: &str = "demo2key";

pub fn page(state: &State, call: &Call) -> Answer {
    let facts = &state.facts;
    let ["api", "users", name] = call.segments()[..] else { return Answer::not_found() };
    if !call.is_browser() || call.header("authorization") != Some("Bearer null") {
        return Answer::challenge();
    }
    let wanted = format!("request_key={REQUEST_KEY}");
    if !call.header("cookie").is_some_and(|cookies| cookies.split("; ").any(|cookie| cookie == wanted)) {
        return Answer::text(429, "Too Many Requests").with_header("set-cookie", format!("{wanted}; path=/"));
    }
    match facts.page(Hub::Skeb, name) {
        Some(page) => Answer::json(200, &profile(facts, page)),
        None => Answer::json(404, &json!({ "error": "not found" })),
    }
}

fn profile(facts: &Facts, page: &Page) -> Value {
    let account = page.account.and_then(|account| facts.accounts.get(account));
    let services =
        account.map(|account| json!({ "provider": "twitter", "screen_name": account.handle, "uid": account.id.to_string() }));
    json!({
        "id": 1,
        "screen_name": page.name,
        "name": page.name,
        "description": page.links.join(" "),
        "url": null,
        "twitter_uid": account.map(|account| account.id.to_string()),
        "pixiv_id": null,
        "fanbox_id": null,
        "fantia_id": null,
        "booth_id": null,
        "patreon_id": null,
        "user_service_links": services.into_iter().collect::<Value>(),
    })
}
