//! `t.co`, the network's short links: a redirect to programs, to browsers a page that refreshes itself.
//! Contract: `docs/contracts/link-pages.md`.

use crate::demo::world::exchange::{Answer, Call};
use crate::demo::world::facts::Hub;
use crate::demo::world::site::State;

pub fn page(state: &State, call: &Call) -> Answer {
    let page = match call.segments()[..] {
        [code] => state.facts.page(Hub::Short, code),
        _ => None,
    };
    let target = page.and_then(|page| page.links.first());
    match target {
        None => Answer::not_found(),
        Some(target) if call.is_browser() => Answer::html(
            200,
            format!(
                "<head><noscript><META http-equiv=\"refresh\" content=\"0;URL={target}\"></noscript>\
                 <title>{target}</title></head>"
            ),
        ),
        Some(target) => Answer::redirect((*target).to_owned()),
    }
}
