//! Link pages whose links stand in the state of their scripts, one function each, and a page that an artist
//! has made by hand. Contract: `docs/contracts/link-pages.md`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::demo::world::exchange::{Answer, Call};
use crate::demo::world::facts::{Hub, Page};
use crate::demo::world::site::State;

/// The page of a path that is a name alone.
fn named<'a>(state: &'a State, call: &Call, hub: Hub) -> Option<&'a Page> {
    match call.segments()[..] {
        [name] => state.facts.page(hub, name),
        _ => None,
    }
}

/// A page that is made by a script, with what the script has for it.
fn scripted(page: Option<&Page>, script: impl Fn(&Page) -> String) -> Answer {
    page.map_or_else(Answer::not_found, |page| {
        Answer::html(
            200,
            format!(
                "<!DOCTYPE html><html><head><title>{}</title></head><body><div id=\"app\"></div>{}</body></html>",
                page.name,
                script(page)
            ),
        )
    })
}

fn entries(page: &Page, entry: impl Fn(&str) -> Value) -> Value {
    page.links.iter().map(|link| entry(link)).collect()
}

/// Instabio keeps what does not fit the page in a file beside it.
pub fn instabio(state: &State, call: &Call) -> Answer {
    const ID: u64 = 4711;
    if let ["upload", "lnkcmpts", file] = call.segments()[..] {
        let page = state.facts.pages.iter().find(|page| page.hub == Hub::Instabio);
        let Some(page) = page.filter(|_| file == format!("{ID}.json")) else { return Answer::not_found() };
        let links =
            entries(page, |link| json!({ "title": "X", "link1": link.trim_start_matches("https://") }));
        let components = json!([{ "type": 10, "links": links }]);
        return Answer::json(200, &json!({ "cmpts": components.to_string() }));
    }
    scripted(named(state, call, Hub::Instabio), |_| {
        let data = json!({ "bio": { "id": ID }, "content": {}, "social": [] });
        format!("<script>window.__data = {data};</script>")
    })
}

pub fn biosite(state: &State, call: &Call) -> Answer {
    scripted(named(state, call, Hub::Biosite), |page| {
        let handles = entries(page, |url| json!({ "type": "twitter", "value": "", "url": url }));
        let body = json!({ "body": [{ "type": "section_social", "section": { "handles": handles } }] });
        format!("<script>window.initial_state = {body};</script>")
    })
}

/// link.me knows the name on the network alone.
pub fn linkme(state: &State, call: &Call) -> Answer {
    scripted(named(state, call, Hub::Linkme), |page| {
        let links = entries(page, |url| {
            let name = url.rsplit('/').next().unwrap_or_default();
            json!({ "linkValue": name, "faceValue": format!("@{name}"), "isCustom": false })
        });
        next_data(&json!({ "profile": { "webLinks": [{ "title": "Twitter", "links": links }] } }))
    })
}

pub fn littly(state: &State, call: &Call) -> Answer {
    scripted(named(state, call, Hub::Littly), |page| {
        let blocks = entries(page, |url| json!({ "type": "link", "use": true, "title": "X", "url": url }));
        let data = STANDARD.encode(json!({ "blocks": blocks }).to_string());
        format!("<script id=\"data\" type=\"text/plain\">{data}</script>")
    })
}

pub fn vgen(state: &State, call: &Call) -> Answer {
    scripted(named(state, call, Hub::Vgen), |page| {
        let socials = entries(page, |link| json!({ "type": "twitter", "link": link }));
        next_data(
            &json!({ "user": { "displayName": page.name, "bio": "Prints.", "socials": socials, "contactSocials": {} } }),
        )
    })
}

fn next_data(props: &Value) -> String {
    let state = json!({ "props": { "pageProps": props } }).to_string().replace("</", "<\\/");
    format!("<script id=\"__NEXT_DATA__\" type=\"application/json\">{state}</script>")
}

/// Inpock: anchors, with the service's own links below.
pub fn inpock(state: &State, call: &Call) -> Answer {
    scripted(named(state, call, Hub::Inpock), |page| {
        let anchors: String = page.links.iter().map(|link| format!("<a href=\"{link}\">X</a>")).collect();
        format!(
            "<div class=\"interaction-block-wrapper\">{anchors}</div>\
             <footer><a href=\"https://twitter.com/demo_atlas\">the service</a></footer>"
        )
    })
}

pub fn throne(state: &State, call: &Call) -> Answer {
    scripted(named(state, call, Hub::Throne), |page| {
        let button = |link: &&str| format!("<a class=\"chakra-button css-1\" href=\"{link}\"></a>");
        let buttons: String = page.links.iter().map(button).collect();
        format!("<div><span class=\"chakra-avatar css-2\"></span>{buttons}</div>")
    })
}

/// The API of pronouns.page, which answers of nobody with an empty object.
pub fn pronouns(state: &State, call: &Call) -> Answer {
    let ["api", "profile", "get", name] = call.segments()[..] else { return Answer::not_found() };
    let Some(page) = state.facts.page(Hub::Pronouns, name).filter(|_| call.parameter("version") == Some("2"))
    else {
        return Answer::json(200, &json!({}));
    };
    let profile = json!({ "description": "", "links": page.links, "linksMetadata": {}, "verifiedLinks": [] });
    Answer::json(200, &json!({ "id": "01DEMO", "username": page.name, "profiles": { "en": profile } }))
}

/// The artist's own host: a page made by hand, with whose it is in its head.
pub fn homepage(state: &State, call: &Call) -> Answer {
    let page = state.facts.page(Hub::Homepage, &call.host).filter(|_| call.path == "/");
    page.map_or_else(Answer::not_found, |page| {
        let metas: String = page
            .icons
            .iter()
            .map(|(name, value)| format!("<meta name=\"{name}\" content=\"{value}\">"))
            .collect();
        let anchors: String =
            page.links.iter().map(|link| format!("<li><a href=\"{link}\">here</a></li>")).collect();
        Answer::html(
            200,
            format!(
                "<!DOCTYPE html><html><head><title>Rowan</title>{metas}</head><body><h1>Rowan</h1>\
                 <p>I draw knights.</p><ul>{anchors}</ul></body></html>"
            ),
        )
    })
}
