//! Toyhouse: pages of pictures of characters, with whom their owner credits. Contract:
//! `docs/contracts/artwork-sites.md`.

use super::files;
use crate::demo::world::exchange::{Answer, Call};
use crate::demo::world::facts::Gallery;
use crate::demo::world::site::State;

pub fn page(state: &State, call: &Call) -> Answer {
    let work = match call.segments().as_slice() {
        ["~images", id] => state.facts.work(Gallery::Toyhouse, id),
        _ => None,
    };
    let Some(work) = work else { return Answer::not_found() };
    Answer::html(
        200,
        format!(
            "<!DOCTYPE html><html><head><title>Image</title></head><body><div id=\"content\"><img src=\"{file}\">\
             <div class=\"image-credits\"><div class=\"artist-credit\"><a href=\"{artist}\">artist</a></div></div></div></body></html>",
            file = files::address("f2.toyhou.se", "file/images", work),
            artist = work.source,
        ),
    )
}
