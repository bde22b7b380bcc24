//! Carrd: one page per host, plain HTML with the links as icons.

use crate::demo::world::cast::pages::Hub;
use crate::demo::world::exchange::{Answer, Call};
use crate::demo::world::facts::Facts;
use crate::demo::world::images::Images;
use crate::demo::world::{Endpoint, Site};

pub const SITE: Site = Site { hosts: &["demo-maple.carrd.co"], answer };

fn answer(facts: &Facts, _: &Images, call: &Call) -> (Endpoint, Answer) {
    let name = call.host.strip_suffix(".carrd.co").unwrap_or_default();
    let Some(page) = facts.page(Hub::Carrd, name).filter(|_| call.path == "/") else {
        return (Endpoint::LinkPage, Answer::not_found());
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
    (Endpoint::LinkPage, Answer::html(200, html))
}
