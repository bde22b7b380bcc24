//! A Mastodon server: accounts with their fields.

use serde_json::{Value, json};

use super::Hub;
use crate::demo::world::exchange::{Answer, Call};
use crate::demo::world::facts::Facts;
use crate::demo::world::images::Images;
use crate::demo::world::{Endpoint, Site};

const SERVER: &str = "mastodon.art";

pub const SITE: Site = Site { hosts: &[SERVER], answer };

fn answer(facts: &Facts, _: &Images, call: &Call) -> (Endpoint, Answer) {
    let name = call.parameter("acct").filter(|_| call.path == "/api/v1/accounts/lookup");
    let Some(page) = name.and_then(|name| facts.page(Hub::Mastodon, name)) else {
        return (Endpoint::LinkPage, Answer::json(404, &json!({ "error": "Record not found" })));
    };
    let fields = page.links.iter().map(|link| {
        let value = format!("<a href=\"{link}\" rel=\"nofollow noopener me\" target=\"_blank\">{link}</a>");
        json!({ "name": "Twitter", "value": value, "verified_at": null })
    });
    let account = json!({
        "id": "109300000000000001",
        "username": page.name,
        "acct": page.name,
        "display_name": "Rowan",
        "locked": false,
        "bot": false,
        "discoverable": true,
        "indexable": true,
        "group": false,
        "created_at": "2022-11-06T00:00:00.000Z",
        "note": "<p>Knights and dragons.</p>",
        "url": format!("https://{SERVER}/@{}", page.name),
        "uri": format!("https://{SERVER}/users/{}", page.name),
        "statuses_count": 0,
        "noindex": false,
        "emojis": [],
        "fields": fields.collect::<Value>(),
    });
    (Endpoint::LinkPage, Answer::json(200, &account))
}
