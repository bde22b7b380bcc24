//! The table of sites: who answers for which host. A new site is a file of its own and its rows here.

use super::endpoint::Endpoint;
use super::exchange::{Answer, Call};
use super::hostile;
use super::networks::{bluesky, fxtwitter, mastodon, twitter};
use super::site::{Site, State};
use super::sites::{
    artstation, danbooru, deviantart, e621, fanbox, furaffinity, gelbooru, hubs, inkbunny, linktree, litlink,
    patreon, philomena, pixiv, potofu, redirect, skeb, tumblr,
};

#[rustfmt::skip]
const SITES: &[Site] = &[
    Site::pages(&["www.artstation.com"], artstation::page),
    Site::files(&["cdna.artstation.com"], artstation::image),
    Site::pages(&["danbooru.donmai.us"], danbooru::page),
    Site::files(&["cdn.donmai.us"], danbooru::image),
    Site::pages(&["www.deviantart.com", "deviantart.com"], deviantart::page),
    Site::pages(&["backend.deviantart.com"], deviantart::backend),
    Site::files(&[deviantart::IMAGE_HOST], deviantart::image),
    Site::pages(&["e621.net"], e621::page),
    Site::files(&["static1.e621.net"], e621::image),
    Site::pages(&["www.furaffinity.net"], furaffinity::page),
    Site::files(&["d.furaffinity.net", "t.furaffinity.net"], furaffinity::image),
    Site::pages(&["gelbooru.com"], gelbooru::page),
    Site::files(&["img3.gelbooru.com"], gelbooru::image),
    Site::pages(&[inkbunny::HOST], inkbunny::page),
    Site::files(&["us.ib.metapix.net"], inkbunny::image),
    Site::pages(&["derpibooru.org", "furbooru.org"], philomena::page),
    Site::files(&[philomena::DERPIBOORU_FILES, philomena::FURBOORU_FILES], philomena::image),
    Site::pages(&["www.pixiv.net"], pixiv::page),
    Site::files(&["i.pximg.net"], pixiv::image),
    Site::links(&["api.fanbox.cc"], fanbox::page),
    Site::links(&["demo-maple.carrd.co"], hubs::carrd),
    Site::links(&["ko-fi.com"], hubs::kofi),
    Site::links(&["linktr.ee"], linktree::page),
    Site::links(&["lit.link"], litlink::page),
    Site::links(&["www.patreon.com"], patreon::page),
    Site::links(&["potofu.me", "api.potofu.me"], potofu::page),
    Site::links(&["t.co"], redirect::page),
    Site::links(&["skeb.jp"], skeb::page),
    Site::links(&["api.tumblr.com"], tumblr::page),
    Site { hosts: bluesky::HOSTS, endpoint: bluesky::endpoint, answer: bluesky::answer },
    Site { hosts: mastodon::HOSTS, endpoint: mastodon::endpoint, answer: mastodon::answer },
    Site { hosts: &["api.fxtwitter.com"], endpoint: |_| Endpoint::FxTwitter, answer: fxtwitter::answer },
    Site { hosts: twitter::API_HOSTS, endpoint: twitter::endpoint, answer: twitter::answer },
    Site { hosts: twitter::OEMBED_HOSTS, endpoint: |_| Endpoint::PostOembed, answer: twitter::oembed },
    Site { hosts: &["pbs.twimg.com"], endpoint: |_| Endpoint::PostImage, answer: twitter::media::image },
];

/// Every host that the world plays.
pub fn hosts() -> impl Iterator<Item = &'static str> {
    SITES.iter().flat_map(|site| site.hosts).copied()
}

/// Answers one request, and counts it.
pub fn answer(state: &State, call: &Call) -> Answer {
    let site = SITES.iter().find(|site| site.hosts.contains(&call.host.as_str()));
    state.count(site.map_or(Endpoint::Unknown, |site| (site.endpoint)(call)));
    hostile::answer(&state.hostile, call, |call| match site {
        // Only one site has a form to log in with.
        _ if call.form.is_some() && call.host != inkbunny::HOST => {
            Answer::text(405, "nothing here takes a form\n")
        }
        Some(site) => (site.answer)(state, call),
        None => Answer::text(404, format!("this world has no host {:?}\n", call.host)),
    })
}
