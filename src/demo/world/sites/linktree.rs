//! Linktree: pages of links, whose content is JSON in the page. Contract: `docs/contracts/link-pages.md`.

use serde_json::{Value, json};

use crate::demo::world::exchange::{Answer, Call};
use crate::demo::world::facts::{Hub, Page};
use crate::demo::world::site::State;

/// `linktr.ee/name`.
pub fn page(state: &State, call: &Call) -> Answer {
    let page = match call.segments()[..] {
        [name] => state.facts.page(Hub::Linktree, name),
        _ => None,
    };
    match page {
        Some(page) => Answer::html(200, document(page)),
        None => Answer::html(404, "<!DOCTYPE html><html><head><title>Linktree</title></head></html>".into()),
    }
}

fn document(page: &Page) -> String {
    // The first entry is a heading, which has no address.
    let entries = [("HEADER", "Drawings", "")].into_iter();
    let entries = entries.chain(page.links.iter().map(|url| ("CLASSIC", "My page", *url)));
    let links = entries.enumerate().map(|(position, (kind, title, url))| {
        json!({
            "id": 90_000_000 + position,
            "type": kind,
            "title": title,
            "position": position,
            "url": url,
            "context": null,
            "rules": { "gate": { "activeOrder": null, "age": null } },
        })
    });
    let social = page.icons.iter().map(|(kind, url)| json!({ "type": kind, "url": url }));
    let data = json!({
        "props": { "pageProps": {
            "account": {
                "id": 17_000_000,
                "username": page.name,
                "tier": "free",
                "isActive": true,
                "pageTitle": page.name,
                "contentWarning": null,
                "description": "",
                "links": links.collect::<Value>(),
                "socialLinks": social.collect::<Value>(),
            },
            "username": page.name,
            "pageTitle": page.name,
        } },
        "page": "/[profile]",
        "query": { "profile": page.name },
    });
    let data = data.to_string().replace("</", "<\\/");
    format!(
        "<!DOCTYPE html><html lang=\"en\"><head><meta charSet=\"utf-8\"/><title>{} | Linktree</title></head><body>\
         <div id=\"__next\"></div><script id=\"__NEXT_DATA__\" type=\"application/json\" crossorigin=\"anonymous\">{data}\
         </script></body></html>",
        page.name
    )
}
