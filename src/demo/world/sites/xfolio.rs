//! Xfolio: portfolios, whose pictures want a referrer. Contract: `docs/contracts/artwork-sites.md`.

use super::files;
use crate::demo::world::exchange::{Answer, Call};
use crate::demo::world::facts::{Gallery, Member, Work};
use crate::demo::world::site::State;

pub fn page(state: &State, call: &Call) -> Answer {
    let State { facts, images, .. } = state;
    let found = match call.segments().as_slice() {
        ["portfolio", _, "works", id] => facts.work(Gallery::Xfolio, id).map(work_page),
        ["portfolio", user] => facts.member(Gallery::Xfolio, user).map(profile_page),
        ["user_asset.php"] => {
            let from_viewer = call.header("referer").is_some_and(|from| from.contains("/fullscale_image"));
            let work = call
                .parameter("work_id")
                .filter(|_| from_viewer)
                .and_then(|id| facts.work(Gallery::Xfolio, id));
            return images.file(work.and_then(Work::picture), None);
        }
        _ => None,
    };
    found.map_or_else(Answer::not_found, |page| Answer::html(200, page))
}

fn work_page(work: &Work) -> String {
    format!(
        "<!DOCTYPE html><html><body><div class=\"creatorInfo\" data-creator-name=\"{artist}\" data-creator-profile=\"I paint.\"></div>\
         <div class=\"article__wrap_img\"><a href=\"https://xfolio.jp/fullscale_image?image_id=1&amp;work_id={id}\"><img src=\"{shown}\"></a></div>\
         <div class=\"richDescriptionText\"></div></body></html>",
        artist = work.artist,
        id = work.id,
        shown = files::address("assets.xfolio.jp", "sample", work),
    )
}

fn profile_page(member: &Member) -> String {
    let link = |url: &&str| format!("<a href=\"{url}\">{url}</a>");
    let links: String = member.links.iter().map(link).collect();
    format!(
        "<!DOCTYPE html><html><body><header class=\"header--portfolio__wrapper\">{links}</header></body></html>"
    )
}
