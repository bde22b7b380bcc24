//! `t.co`, the network's short links: a redirect to programs, to browsers a page that refreshes itself.

use crate::demo::world::cast::pages::Hub;
use crate::demo::world::exchange::{Answer, Call};
use crate::demo::world::facts::Facts;
use crate::demo::world::images::Images;
use crate::demo::world::{Endpoint, Site};

pub const SITE: Site = Site { hosts: &["t.co"], answer };

fn answer(facts: &Facts, _: &Images, call: &Call) -> (Endpoint, Answer) {
    let page = match call.segments()[..] {
        [code] => facts.page(Hub::Short, code),
        _ => None,
    };
    let target = page.and_then(|page| page.links.first());
    let answer = match target {
        None => Answer::not_found(),
        Some(target) if call.is_browser() => Answer::html(
            200,
            format!(
                "<head><noscript><META http-equiv=\"refresh\" content=\"0;URL={target}\"></noscript>\
                 <title>{target}</title></head>"
            ),
        ),
        Some(target) => Answer::redirect((*target).to_owned()),
    };
    (Endpoint::LinkPage, answer)
}
