//! Pixiv: works, their pages and their artists as JSON, and the image host that wants to be sent from
//! Pixiv's own pages. Contract: `docs/contracts/artwork-sites.md`.

use serde_json::{Value, json};

use crate::demo::world::exchange::{Answer, Call};
use crate::demo::world::facts::{Facts, Gallery, Member, Trouble, Work};
use crate::demo::world::picture::Picture;
use crate::demo::world::site::State;

pub fn page(state: &State, call: &Call) -> Answer {
    let facts = &state.facts;
    if !call.is_browser() {
        return Answer::challenge();
    }
    let work = |id| facts.work(Gallery::Pixiv, id);
    let is_member = call.header("cookie").is_some_and(|cookie| cookie.contains("PHPSESSID="));
    match call.segments().as_slice() {
        ["ajax", "illust", id] => {
            let json = |work| Some(work_json(work, facts.member_of(work)?, is_hidden(work, is_member)));
            body(work(id).and_then(json))
        }
        ["ajax", "illust", id, "pages"] => {
            body(work(id).map(|work| pages_json(work, is_hidden(work, is_member))))
        }
        ["ajax", "user", id] => body(by_id(facts, id).map(user_json)),
        ["artworks", id] if work(id).is_some() => {
            // The page itself holds no data any more: a script asks for it.
            Answer::html(200, "<!DOCTYPE html><html><body><div id=\"__next\"></div></body></html>".to_owned())
        }
        _ => Answer::not_found(),
    }
}

fn body(found: Option<Value>) -> Answer {
    match found {
        Some(body) => Answer::json(200, &json!({ "error": false, "message": "", "body": body })),
        None => {
            let message = "The work has been deleted, or the specified ID does not exist.";
            Answer::json(404, &json!({ "error": true, "message": message, "body": [] }))
        }
    }
}

fn by_id<'a>(facts: &'a Facts, id: &str) -> Option<&'a Member> {
    let id = id.parse::<u64>().ok()?;
    facts.members.iter().find(|member| member.gallery == Gallery::Pixiv && member.id == id)
}

/// The file of one page of a work, in the size that `kind` and `ending` say.
fn file_url(work: &Work, page: usize, kind: &str, ending: &str) -> String {
    let date = work.date_path(9);
    format!("https://i.pximg.net/{kind}/img/{date}/{}_p{page}{ending}", work.id)
}

/// Visitors are shown all of such a work but its pictures.
fn is_hidden(work: &Work, is_member: bool) -> bool {
    work.trouble == Trouble::Hidden && !is_member
}

fn urls(work: &Work, page: usize, picture: Picture, smallest: &str, hidden: bool) -> Value {
    if hidden {
        return json!({ smallest: null, "small": null, "regular": null, "original": null });
    }
    json!({
        smallest: file_url(work, page, "c/250x250_80_a2/img-master", "_square1200.jpg"),
        "small": file_url(work, page, "c/540x540_70/img-master", "_master1200.jpg"),
        "regular": file_url(work, page, "img-master", "_master1200.jpg"),
        "original": file_url(work, page, "img-original", &format!(".{}", picture.extension())),
    })
}

fn work_json(work: &Work, artist: &Member, hidden: bool) -> Value {
    let (width, height) = work.size();
    let date = work.published.to_rfc3339().replace('Z', "+00:00");
    json!({
        "illustId": work.id.to_string(),
        "illustTitle": work.title,
        "illustComment": "",
        "id": work.id.to_string(),
        "title": work.title,
        "description": "",
        "illustType": 0,
        "createDate": date,
        "uploadDate": date,
        "restrict": 0,
        "xRestrict": u8::from(work.trouble == Trouble::Hidden),
        "sl": 2,
        "urls": work.picture().map(|picture| urls(work, 0, picture, "thumb", hidden)),
        "tags": { "authorId": artist.id.to_string(), "isLocked": false, "tags": [{ "tag": "gopher", "locked": true }] },
        "userId": artist.id.to_string(),
        "userName": artist.name,
        "userAccount": artist.name,
        "width": width,
        "height": height,
        "pageCount": work.pictures.len(),
        "aiType": 1,
    })
}

fn pages_json(work: &Work, hidden: bool) -> Value {
    let pages = work.pictures.iter().enumerate().map(|(page, picture)| {
        let (width, height) = picture.size();
        json!({ "urls": urls(work, page, *picture, "thumb_mini", hidden), "width": width, "height": height })
    });
    pages.collect()
}

fn user_json(artist: &Member) -> Value {
    // An object by network, or an empty list: so the site writes it.
    let social = artist.links.first().map_or(json!([]), |url| json!({ "twitter": { "url": url } }));
    json!({
        "userId": artist.id.to_string(),
        "name": artist.name,
        "image": "https://s.pximg.net/common/images/no_profile_s.png",
        "imageBig": "https://s.pximg.net/common/images/no_profile.png",
        "premium": false,
        "comment": "I draw.",
        "commentHtml": "I draw.",
        "webpage": artist.website,
        "social": social,
    })
}

/// `/img-original/img/2022/.../1_p0.jpg`, `/img-master/...`, `/c/540x540_70/img-master/...`
pub fn image(state: &State, call: &Call) -> Answer {
    let State { facts, images, .. } = state;
    if !call.header("referer").is_some_and(|from| from.starts_with("https://www.pixiv.net/")) {
        return Answer::text(403, "403 Forbidden");
    }
    let segments = call.segments();
    let name = segments.last().copied().unwrap_or_default();
    let place = name.split_once("_p").and_then(|(id, rest)| {
        Some((facts.work(Gallery::Pixiv, id)?, rest.split(['_', '.']).next()?.parse::<usize>().ok()?))
    });
    let picture = place.and_then(|(work, page)| work.pictures.get(page).copied());
    match segments.as_slice() {
        ["img-original", ..] => images.file(picture, None),
        ["img-master", ..] => images.file(picture, Some(1200)),
        ["c", "540x540_70", "img-master", ..] => images.file(picture, Some(540)),
        _ => Answer::text(404, "404 Not Found"),
    }
}
