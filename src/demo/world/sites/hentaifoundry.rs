//! Hentai Foundry: pages of works, once the visitor's age is told in the address. Contract:
//! `docs/contracts/artwork-sites.md`.

use super::files;
use crate::demo::world::exchange::{Answer, Call};
use crate::demo::world::facts::{Gallery, Work};
use crate::demo::world::site::State;

pub fn page(state: &State, call: &Call) -> Answer {
    if call.parameter("enterAgree") != Some("1") {
        return Answer::html(200, "<!DOCTYPE html><html><body>Are you of age?</body></html>".to_owned());
    }
    let work = match call.segments().as_slice() {
        ["pictures", "user", _, id] => state.facts.work(Gallery::HentaiFoundry, id),
        _ => None,
    };
    work.map_or_else(Answer::not_found, |work| Answer::html(200, work_page(work)))
}

fn work_page(work: &Work) -> String {
    format!(
        "<!DOCTYPE html><html><head><title>{title}</title></head><body><section id=\"picBox\">\
         <a href=\"/user/{artist}/profile\">{artist}</a><img src=\"{file}\"></section>\
         <section id=\"descriptionBox\"><div class=\"picDescript\">{text}</div></section>\
         <time datetime=\"{date}\">once</time></body></html>",
        title = work.title,
        artist = work.artist,
        file = files::address("pictures.hentai-foundry.com", "d/whole", work),
        text = work.source,
        date = work.published.to_rfc3339(),
    )
}
