//! The table of sites: who answers for which host. A new site is a file of its own and its rows here.

use super::endpoint::Endpoint;
use super::exchange::{Answer, Call};
use super::hostile;
use super::networks::{bluesky, fxtwitter, mastodon, misskey, twitter};
use super::site::{Site, State};
use super::sites::{
    artstation, booth, cara, danbooru, deviantart, e621, fanbox, fantia, files, furaffinity, gelbooru,
    hentaifoundry, hubs, inkbunny, itaku, link_pages, linktree, litlink, moebooru, newgrounds, nicoseiga,
    nijie, patreon, philomena, pixiv, poipiku, potofu, redirect, skeb, sofurry, toyhouse, tumblr, twibooru,
    weasyl, xfolio, zerochan,
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
    Site::pages(&["www.weasyl.com"], weasyl::page),
    Site::files(&["cdn.weasyl.com"], files::image),
    Site::pages(&["yande.re"], moebooru::page),
    Site::files(&["files.yande.re"], files::image),
    Site::pages(&["twibooru.org"], twibooru::page),
    Site::files(&["cdn.twibooru.org"], files::image),
    Site::pages(&["www.newgrounds.com"], newgrounds::page),
    Site::files(&["art.ngfiles.com"], files::image),
    Site::pages(&["itaku.ee"], itaku::page),
    Site::pages(&["sofurry.com"], sofurry::page),
    Site::files(&["files.sofurryfiles.com"], files::image),
    Site::pages(&["www.hentai-foundry.com"], hentaifoundry::page),
    Site::files(&["pictures.hentai-foundry.com"], files::image),
    Site::pages(&["www.zerochan.net"], zerochan::page),
    Site::files(&["static.zerochan.net"], files::image),
    Site::pages(&["booth.pm", "demo-maple.booth.pm"], booth::page),
    Site::files(&["booth.pximg.net"], files::image),
    Site::pages(&["fantia.jp"], fantia::page),
    Site::files(&["c.fantia.jp"], files::image),
    Site::pages(&["poipiku.com"], poipiku::page),
    Site::files(&["cdn.poipiku.com"], files::image),
    Site::pages(&["sp.seiga.nicovideo.jp", "nvapi.nicovideo.jp"], nicoseiga::page),
    Site::files(&["lohas.nicoseiga.jp"], files::image),
    Site::pages(&["cara.app"], cara::page),
    Site::files(&["cdn.cara.app"], files::image),
    Site::pages(&["toyhou.se"], toyhouse::page),
    Site::files(&["f2.toyhou.se"], files::image),
    Site::pages(&["xfolio.jp"], xfolio::page),
    Site::files(&["assets.xfolio.jp"], files::image),
    Site::pages(&["nijie.info"], nijie::page),
    Site::files(&["pic.nijie.net"], files::image),
    Site::links(&["api.fanbox.cc"], fanbox::page),
    Site::links(&["demo-maple.carrd.co"], hubs::carrd),
    Site::links(&["ko-fi.com"], hubs::kofi),
    Site::links(&["linktr.ee"], linktree::page),
    Site::links(&["lit.link"], litlink::page),
    Site::links(&["linkbio.co", "bio.linkcdn.cc"], link_pages::instabio),
    Site::links(&["bio.site"], link_pages::biosite),
    Site::links(&["link.me"], link_pages::linkme),
    Site::links(&["litt.ly"], link_pages::littly),
    Site::links(&["link.inpock.co.kr"], link_pages::inpock),
    Site::links(&["throne.com"], link_pages::throne),
    Site::links(&["vgen.co"], link_pages::vgen),
    Site::links(&["en.pronouns.page"], link_pages::pronouns),
    Site::links(&["demo-rowan.example"], link_pages::homepage),
    Site::links(&["www.patreon.com"], patreon::page),
    Site::links(&["potofu.me", "api.potofu.me"], potofu::page),
    Site::links(&["t.co"], redirect::page),
    Site::links(&["skeb.jp"], skeb::page),
    Site::links(&["api.tumblr.com"], tumblr::page),
    Site { hosts: bluesky::HOSTS, endpoint: bluesky::endpoint, answer: bluesky::answer },
    Site { hosts: mastodon::HOSTS, endpoint: mastodon::endpoint, answer: mastodon::answer },
    Site { hosts: misskey::HOSTS, endpoint: misskey::endpoint, answer: misskey::answer },
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
