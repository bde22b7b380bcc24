//! Newgrounds: pages of works, for browsers. Contract: `docs/contracts/artwork-sites.md`.

use super::files;
use crate::demo::world::exchange::{Answer, Call};
use crate::demo::world::facts::{Gallery, Work};
use crate::demo::world::site::State;

/// `/art/view/demo-artist/1400001`
pub fn page(state: &State, call: &Call) -> Answer {
    match call.segments().as_slice() {
        ["art", "view", artist, id] => match state.facts.work(Gallery::Newgrounds, id) {
            Some(work) if work.artist == *artist => Answer::html(200, work_page(work)),
            _ => Answer::not_found(),
        },
        _ => Answer::not_found(),
    }
}

fn work_page(work: &Work) -> String {
    format!(
        "<!DOCTYPE html><html><head><title>{title}</title><meta itemprop=\"datePublished\" content=\"{date}\"></head><body>\
         <div class=\"item-user\"><div class=\"item-details\"><h4><a href=\"https://{artist}.newgrounds.com\">{artist}</a></h4></div></div>\
         <div class=\"image\"><a data-action=\"view-image\" href=\"{whole}\"><img src=\"{shown}\"></a></div>\
         <div id=\"author_comments\"><p>{text}</p></div></body></html>",
        title = work.title,
        date = work.published.to_rfc3339(),
        artist = work.artist,
        whole = files::address("art.ngfiles.com", "images", work),
        shown = files::address("art.ngfiles.com", "medium_views", work),
        text = work.source,
    )
}
