//! Link pages that are no more than HTML: Carrd and Ko-fi. Contract: `docs/contracts/link-pages.md`.

use crate::demo::world::exchange::{Answer, Call};
use crate::demo::world::facts::Hub;
use crate::demo::world::site::State;

/// Carrd: one page per host, with the links as icons.
pub fn carrd(state: &State, call: &Call) -> Answer {
    let name = call.host.strip_suffix(".carrd.co").unwrap_or_default();
    let Some(page) = state.facts.page(Hub::Carrd, name).filter(|_| call.path == "/") else {
        return Answer::not_found();
    };
    let icons: String = page
        .links
        .iter()
        .map(|link| {
            format!(
                "<li><a class=\"n01\" href=\"{link}\"><svg aria-label=\"Link\"></svg><span class=\"label\">Link</span></a></li>"
            )
        })
        .collect();
    let html = format!(
        "<!DOCTYPE HTML><html lang=\"en\"><head><title>{name}</title></head><body><div id=\"wrapper\"><div id=\"main\">\
         <div class=\"inner\"><h1 id=\"text01\">{name}</h1><p id=\"text02\"><a href=\"#links\">Links</a></p>\
         <ul id=\"icons01\" class=\"icons-component\">{icons}</ul></div></div></div></body></html>"
    );
    Answer::html(200, html)
}

/// Ko-fi: the front of a shop, for browsers only, with the links beside.
pub fn kofi(state: &State, call: &Call) -> Answer {
    let [name] = call.segments()[..] else { return Answer::not_found() };
    if !call.is_browser() {
        return Answer::challenge();
    }
    let Some(page) = state.facts.page(Hub::Kofi, name) else {
        return Answer::not_found();
    };
    let links: String = page
        .links
        .iter()
        .map(|link| {
            format!(
                "<div class=\"social-profile-link\"><a target=\"_blank\" href=\"{link}\">{link}</a></div>"
            )
        })
        .collect();
    let html = format!(
        "<!DOCTYPE html><html><head><title>Buy {name} a Coffee</title></head><body>\
         <nav><a href=\"/explore\">Explore</a></nav><h1>{name}</h1>{links}</body></html>"
    );
    Answer::html(200, html)
}
