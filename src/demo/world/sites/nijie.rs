//! Nijie: pages for members. Contract: `docs/contracts/artwork-sites.md`.

use super::files;
use crate::demo::world::exchange::{Answer, Call};
use crate::demo::world::facts::{Gallery, Member, Work};
use crate::demo::world::site::State;

/// Of the one member.
pub const COOKIE: &str = "NIJIEIJIEID=demo; nijie_tok=demo";

pub fn page(state: &State, call: &Call) -> Answer {
    let facts = &state.facts;
    let is_member = call.header("cookie").is_some_and(|cookie| cookie.contains("NIJIEIJIEID=demo"));
    if !is_member {
        return Answer::redirect("https://nijie.info/login.php".to_owned());
    }
    let id = call.parameter("id").unwrap_or_default();
    let found = match call.path.as_str() {
        "/view.php" => {
            facts.work(Gallery::Nijie, id).and_then(|work| Some(work_page(work, facts.member_of(work)?)))
        }
        "/members.php" => {
            let mut members = facts.members.iter().filter(|member| member.gallery == Gallery::Nijie);
            members.find(|member| member.id.to_string() == id).map(member_page)
        }
        _ => None,
    };
    found.map_or_else(Answer::not_found, |page| Answer::html(200, page))
}

fn work_page(work: &Work, member: &Member) -> String {
    format!(
        "<!DOCTYPE html><html><body><a class=\"name\" href=\"members.php?id={}\">{}</a>\
         <div id=\"view-center\"><img itemprop=\"image\" src=\"{}\"></div><div id=\"illust_text\"><p>Done.</p></div></body></html>",
        member.id,
        member.name,
        files::address("pic.nijie.net", "02/nijie", work),
    )
}

fn member_page(member: &Member) -> String {
    let link = |url: &&str| format!("<a href=\"/jump.php?{url}\">{url}</a> ");
    let links: String = member.links.iter().map(link).collect();
    format!(
        "<!DOCTYPE html><html><body><div id=\"main-center-none\"><div id=\"prof\">{links}</div></div></body></html>"
    )
}
