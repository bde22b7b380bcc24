//! Fur Affinity: HTML only, for browsers only. Contract: `docs/contracts/artwork-sites.md`.

use crate::demo::world::exchange::{Answer, Call};
use crate::demo::world::facts::{Gallery, Member, Work};
use crate::demo::world::site::State;

pub fn page(state: &State, call: &Call) -> Answer {
    let facts = &state.facts;
    if !call.is_browser() {
        return Answer::challenge();
    }
    match call.segments().as_slice() {
        ["view", id] => match facts.work(Gallery::Furaffinity, id) {
            Some(work) => Answer::html(200, view(work)),
            None => system_error("The submission you are trying to find is not in our database."),
        },
        ["user", name] => match facts.member(Gallery::Furaffinity, name) {
            Some(artist) => Answer::html(200, profile(artist)),
            None => system_error("This user cannot be found."),
        },
        _ => Answer::not_found(),
    }
}

/// With status 200, as the site sends it.
fn system_error(why: &str) -> Answer {
    let page = format!(
        "<!DOCTYPE html><html><head><title>System Error</title></head><body>\
         <section class=\"notice-message\"><h2>System Error</h2><div class=\"redirect-message\">{why}</div></section></body></html>"
    );
    Answer::html(200, page)
}

fn view(work: &Work) -> String {
    let (id, artist) = (work.id, work.artist);
    let time = work.published.secs();
    let name = format!("{time}.{artist}_{id}.{}", work.extension());
    format!(
        "<!DOCTYPE html><html lang=\"en\"><head><title>{title} by {artist} -- Fur Affinity [dot] net</title></head>\
         <body id=\"pageid-submission\"><div class=\"submission-area\">\
         <img id=\"submissionImg\" data-fullview-src=\"//d.furaffinity.net/art/{artist}/{time}/{name}\" \
         data-preview-src=\"//t.furaffinity.net/{id}@400-{time}.jpg\" src=\"//t.furaffinity.net/{id}@600-{time}.jpg\"></div>\
         <div class=\"submission-id-container\"><div class=\"submission-id-sub-container\">\
         <div class=\"submission-title\"><h2><p>{title}</p></h2></div>\
         <a href=\"/user/{artist}/\"><span class=\"c-usernameBlockSimple__displayName\">{artist}</span></a></div></div>\
         <div class=\"submission-description\">Enjoy!</div>\
         <section class=\"tags-row\"><span class=\"tags\"><a href=\"/search/@keywords rabbit\">rabbit</a></span></section>\
         <div class=\"download\"><a href=\"//d.furaffinity.net/art/{artist}/{time}/{name}\">Download</a></div></body></html>",
        title = work.title,
    )
}

fn profile(artist: &Member) -> String {
    let contacts: String = artist
        .links
        .iter()
        .map(|link| {
            format!(
                "<div class=\"user-contact-item\"><div class=\"user-contact-user-info\">\
                 <span class=\"highlight\"><strong>Twitter</strong></span><br><a href=\"{link}\">{name}</a></div></div>",
                // What the artist typed: the site made the link of it.
                name = link.rsplit('/').next().unwrap_or_default()
            )
        })
        .collect();
    format!(
        "<!DOCTYPE html><html lang=\"en\"><head><title>Userpage of {name}</title></head>\
         <body id=\"pageid-userpage\"><div class=\"userpage-profile\">Hello.</div>\
         <div class=\"user-contact\">{contacts}</div></body></html>",
        name = artist.name
    )
}

/// `/art/user/1700000000/1700000000.user_1.jpg`; the preview's name is `1@600-1700000000.jpg`.
pub fn image(state: &State, call: &Call) -> Answer {
    let State { facts, images, .. } = state;
    let picture = |id: &str| facts.work(Gallery::Furaffinity, id).and_then(Work::picture);
    match call.segments().as_slice() {
        ["art", _, _, name] => {
            let id = name.rsplit('_').next().and_then(|rest| rest.split('.').next()).unwrap_or_default();
            images.file(picture(id), None)
        }
        [name] => match name.split_once('@').map(|(id, rest)| (id, rest.split('-').next())) {
            Some((id, Some(size @ ("200" | "400" | "600")))) => images.file(picture(id), size.parse().ok()),
            _ => Answer::text(404, "not found"),
        },
        _ => Answer::text(404, "not found"),
    }
}
