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

/// With status 200, as the site sends it: a bare page.
fn system_error(why: &str) -> Answer {
    let page = format!(
        "<!DOCTYPE html><html><head><title>System Error</title></head><body>\
         <section><div class=\"section-header\"><h2>System Error</h2></div>\
         <div class=\"section-body\">{why}</div></section></body></html>"
    );
    Answer::html(200, page)
}

/// The layout of 9 May 2026.
fn view(work: &Work) -> String {
    let (id, artist, title) = (work.id, work.artist, work.title);
    let time = work.published.secs();
    let file = format!("//d.furaffinity.net/art/{artist}/{time}/{time}.{artist}_{id}.{}", work.extension());
    let preview = format!("//t.furaffinity.net/{id}@600-{time}.jpg");
    let (width, height) = work.size();
    let name =
        format!("<span class=\"c-usernameBlockSimple__displayName\" title=\" {artist} \">{artist}</span>");
    format!(
        r#"<!DOCTYPE html><html lang="en"><head><title>{title} by {artist} -- Fur Affinity [dot] net</title>
<meta property="og:title" content="{title} by {artist}"><meta property="og:image" content="https:{preview}"></head>
<body id="pageid-submission" data-static-path="/themes/beta"><div id="main-window"><nav><a href="/login/">Log In</a></nav>
<div id="submission_page" class="page-content-type-image"><div id="submission-main-content">
<div class="submission-content"><div class="submission-area submission-image"><img id="submissionImg" alt="{title}"
 data-tags="u_{artist} c_all t_all s_rabbit rabbit" data-fullview-src="{file}" data-preview-src="{preview}" src="{file}"></div>
<div id="submission-options"><a class="button standard mobile-fix" href="/fav/{id}/?key=demo">+Fav</a>
<a class="button standard mobile-fix" href="/newpm/{artist}/">Note</a>
<a class="button standard mobile-fix" href="{file}">Download</a></div>
<div id="minigallery"><div class="minigallery-title"><a href="/gallery/{artist}/" class="dotted">Main Gallery</a></div></div></div>
<div class="submission-details"><section class="submission-description">
<div class="section-header submission-description-header"><div class="submission-description-artist">
<div><a href="/user/{artist}/"><img class="submission-user-icon avatar" src="//a.furaffinity.net/{time}/{artist}.gif"></a></div>
<div><div class="submission-title"><h2> {title} </h2></div><div><span>by <span class="c-usernameBlockSimple username-underlined">
<a href="/user/{artist}/">{name}</a></span></span><span>Digital Artist</span></div>
<div>Posted <span class="popup_date" data-time="{time}" title="as the visitor's clock has it">some time ago</span></div></div></div></div>
<div class="section-body"><div class="submission-description-text user-submitted-links">Enjoy, and thanks to
<a href="/user/demo-friend" class="iconusername"><img alt="demo-friend"></a>!<div class="submission-footer"></div></div></div></section></div>
<div class="submission-page-stats"><div title="Views"><div>8</div></div><div class="font-large inline c-contentRating--general">General</div></div>
<div class="submission-content-stats"><span class="highlight"><span>Resolution</span></span><span><span>{width} x {height}</span></span></div>
<div class="submission-tags"><span class="tags"><a href="javascript:void(0);" data-tag-name="rabbit" class="tag-block"></a>
<a href="/search/@keywords rabbit">rabbit</a></span></div></div></div></div>
<script src="/themes/beta/js/pages/pageid-submission.js" data-content-type="image" data-content-id="{id}" data-artist-name="{artist}"
 data-artwork-title="{title}"></script></body></html>"#,
    )
}

fn profile(artist: &Member) -> String {
    let name = artist.name;
    let contacts: String = artist
        .links
        .iter()
        .map(|typed| {
            // The site makes the address of a prefix and of whatever was typed, here a whole address.
            let escaped = typed.replace(':', "%3A").replace('/', "%2F");
            format!(
                r#"<div class="user-contact-item"><div class="user-contact-seperator"><img class="contact-icon contact-icon-twitter"></div>
<div class="user-contact-user-info"><span class="font-small"><strong class="highlight">Twitter</strong></span><br>
<a href="https://www.twitter.com/{escaped}" target="_blank">{typed}</a></div></div>"#
            )
        })
        .collect();
    format!(
        r#"<!DOCTYPE html><html lang="en"><head><title>Userpage of {name} -- Fur Affinity [dot] net</title></head>
<body id="pageid-userpage" data-static-path="/themes/beta"><userpage-nav-header><userpage-nav-user-details><username><div class="c-usernameBlock">
<a class="c-usernameBlock__displayName js-displayName-block" href="/user/{name}/"><span class="js-displayName">{name}</span></a>
<a class="c-usernameBlock__userName js-userName-block" href="/user/{name}/"><span><span class="c-usernameBlock__symbol">~</span>{name}</span></a>
</div></username></userpage-nav-user-details></userpage-nav-header>
<div id="page-userpage"><section class="userpage-layout-profile"><div class="section-body userpage-profile">Hello.</div></section>
<section class="userpage-right-column"><div id="userpage-contact-item" class="table"><div class="table-row">
<div class="userpage-profile-question"><strong class="highlight">Accepting Commissions</strong></div>Yes</div></div>
<div id="userpage-contact"><h2>Contact Information</h2><div class="user-contact">{contacts}</div></div></section></div></body></html>"#
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
