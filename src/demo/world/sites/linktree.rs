//! Linktree: pages of links, whose content is JSON in the page. Shapes as in section 13 of the site contracts.

use serde_json::{Value, json};

use crate::demo::world::exchange::{Answer, Call};
use crate::demo::world::facts::{Facts, LinkPage};

/// `linktr.ee/{name}`.
pub fn page(facts: &Facts, call: &Call) -> Answer {
    let segments = call.segments();
    let name = segments.first().copied().unwrap_or_default();
    match facts.link_pages.iter().find(|page| page.name.eq_ignore_ascii_case(name) && segments.len() == 1) {
        Some(page) => Answer::html(200, document(page)),
        None => Answer::html(404, "<!DOCTYPE html><html><head><title>Linktree</title></head></html>".into()),
    }
}

fn document(page: &LinkPage) -> String {
    let links: Vec<Value> = page
        .links
        .iter()
        .enumerate()
        .map(|(position, (title, url))| {
            json!({
                "id": 90_000_000 + position,
                "type": if url.is_some() { "CLASSIC" } else { "HEADER" },
                "title": title,
                "position": position,
                "url": url.unwrap_or_default(),
                "context": null,
                "rules": { "gate": { "activeOrder": null, "age": null } },
            })
        })
        .collect();
    let social: Vec<Value> =
        page.social.iter().map(|(kind, url)| json!({ "type": kind, "url": url })).collect();
    let data = json!({
        "props": { "pageProps": {
            "account": {
                "id": 17_000_000,
                "username": page.name,
                "tier": "free",
                "isActive": true,
                "pageTitle": page.title,
                "contentWarning": null,
                "description": "",
                "links": links,
                "socialLinks": social,
            },
            "username": page.name,
            "pageTitle": page.title,
        } },
        "page": "/[profile]",
        "query": { "profile": page.name },
    });
    let data = data.to_string().replace("</", "<\\/");
    format!(
        "<!DOCTYPE html><html lang=\"en\"><head><meta charSet=\"utf-8\"/><title>{} | Linktree</title></head><body>\
         <div id=\"__next\"></div><script id=\"__NEXT_DATA__\" type=\"application/json\" crossorigin=\"anonymous\">{data}\
         </script></body></html>",
        page.title
    )
}
