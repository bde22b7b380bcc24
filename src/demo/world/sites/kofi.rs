//! Ko-fi: a shop's front, plain HTML with the links beside.

use crate::demo::world::cast::pages::Hub;
use crate::demo::world::exchange::{Answer, Call};
use crate::demo::world::facts::Facts;
use crate::demo::world::images::Images;
use crate::demo::world::{Endpoint, Site};

pub const SITE: Site = Site { hosts: &["ko-fi.com"], answer };

fn answer(facts: &Facts, _: &Images, call: &Call) -> (Endpoint, Answer) {
    let [name] = call.segments()[..] else { return (Endpoint::LinkPage, Answer::not_found()) };
    // A real page is for browsers only.
    if !call.is_browser() {
        return (Endpoint::LinkPage, Answer::challenge());
    }
    let Some(page) = facts.page(Hub::Kofi, name) else {
        return (Endpoint::LinkPage, Answer::not_found());
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
    (Endpoint::LinkPage, Answer::html(200, html))
}
