//! Poipiku: pages of works and members. Contract: `docs/contracts/artwork-sites.md`.

use super::files;
use crate::demo::world::exchange::{Answer, Call};
use crate::demo::world::facts::{Gallery, Member, Work};
use crate::demo::world::site::State;

pub fn page(state: &State, call: &Call) -> Answer {
    let facts = &state.facts;
    let member = |id: &str| {
        let mut members = facts.members.iter().filter(|member| member.gallery == Gallery::Poipiku);
        members.find(|member| member.id.to_string() == id)
    };
    let found = match call.segments().as_slice() {
        [user, name] => {
            let work = name.strip_suffix(".html").and_then(|id| facts.work(Gallery::Poipiku, id));
            work.zip(member(user)).map(|(work, member)| work_page(work, member))
        }
        [user] => member(user).map(|member| {
            frame(member, &format!("<h3 class=\"UserInfoProfile\">{}</h3>", member.links.join(" ")))
        }),
        _ => None,
    };
    found.map_or_else(Answer::not_found, |page| Answer::html(200, page))
}

fn frame(member: &Member, body: &str) -> String {
    let name = format!("<h2 class=\"UserInfoUserName\"><a href=\"/{}/\">{}</a></h2>", member.id, member.name);
    format!("<!DOCTYPE html><html><head><title>POIPIKU</title></head><body>{name}{body}</body></html>")
}

fn work_page(work: &Work, member: &Member) -> String {
    let file = files::address("cdn.poipiku.com", "000025049", work);
    frame(
        member,
        &format!(
            "<img class=\"IllustItemThumbImg\" src=\"{file}\"><h1 class=\"IllustItemDesc\">{}</h1>",
            work.title
        ),
    )
}
