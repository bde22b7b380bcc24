//! The section `[links]`: how far the search for an artist's accounts goes, and what it may use.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::secret::Secret;
use super::section::{Section, section};
use super::values::{SECOND, bearer_token, page_url};

/// Sites whose readers send the operator's cookies. A test beside the readers holds the two together.
pub const COOKIE_SITES: &[&str] = &[
    "artstation",
    "danbooru",
    "deviantart",
    "e621",
    "fanbox",
    "fantia",
    "furaffinity",
    "gelbooru",
    "hentaifoundry",
    "inkbunny",
    "newgrounds",
    "nicoseiga",
    "nijie",
    "patreon",
    "philomena",
    "pixiv",
    "poipiku",
    "sofurry",
    "toyhouse",
    "xfolio",
    "zerochan",
];

/// Boorus whose API asks for the key of an account, or may. A test beside the readers holds the two together.
pub const API_KEY_SITES: &[&str] =
    &["gelbooru", "rule34", "safebooru", "xbooru", "hypnohub", "tbib", "weasyl"];

/// A page of each site, and of each booru, that was there for years, for `aotf sites`.
#[rustfmt::skip]
const CANARIES: &[&str] = &[
    "https://www.deviantart.com/nopeys/art/Azula-847851539",
    "https://www.deviantart.com/nopeys",
    "https://www.pixiv.net/artworks/80875806",
    "https://www.pixiv.net/users/173530",
    "https://danbooru.donmai.us/posts/3878029",
    "https://derpibooru.org/images/1851874",
    "https://furbooru.org/images/18",
    "https://ponybooru.org/images/1",
    "https://manebooru.art/images/1",
    "https://ponerpics.org/images/1",
    "https://tantabus.ai/images/1",
    "https://e621.net/posts/535",
    "https://gelbooru.com/index.php?page=post&s=view&id=313638",
    "https://safebooru.org/index.php?page=post&s=view&id=4196692",
    "https://rule34.xxx/index.php?page=post&s=view&id=6961597",
    "https://xbooru.com/index.php?page=post&s=view&id=855502",
    "https://hypnohub.net/index.php?page=post&s=view&id=1439",
    "https://realbooru.com/index.php?page=post&s=view&id=862054",
    "https://tbib.org/index.php?page=post&s=view&id=9233957",
    "https://www.artstation.com/artwork/LQVJr",
    "https://www.artstation.com/gaerikim",
    "https://www.furaffinity.net/view/21835115/",
    "https://inkbunny.net/soina",
    "https://linktr.ee/reubenwu",
    "https://marcycart.carrd.co/",
    "https://www.patreon.com/NeoArtCorE",
    "https://potofu.me/158161163",
    "https://lit.link/urara22",
    "https://skeb.jp/@kanade_cocotte",
    "https://xub.fanbox.cc/",
    "https://bsky.app/profile/bsky.app",
    "https://mastodon.social/@gallerydl",
    "https://misskey.io/@lithla",
    "https://www.weasyl.com/submission/2031",
    "https://www.weasyl.com/~fiz",
    "https://yande.re/post/show/51824",
    "https://konachan.com/post/show/205189",
    "https://www.sakugabooru.com/post/show/125570",
    "https://lolibooru.moe/post/show/287835",
    "https://twibooru.org/1",
    "https://www.newgrounds.com/art/view/tomfulp/ryu-is-hawt",
    "https://itaku.ee/images/100471",
    "https://itaku.ee/profile/piku",
    "https://www.hentai-foundry.com/pictures/user/Afrobull/795025",
    "https://www.zerochan.net/2920445",
    "https://booth.pm/ja/items/4693741",
    "https://re-face.booth.pm/",
    "https://fantia.jp/posts/508363",
    "https://fantia.jp/fanclubs/6939",
    "https://poipiku.com/25049/5864576.html",
    "https://poipiku.com/25049/",
    "https://seiga.nicovideo.jp/seiga/im520647",
    "https://www.nicovideo.jp/user/20542122",
    "https://toyhou.se/~images/58037599",
    "https://xfolio.jp/portfolio/yutakashii/works/23977",
    "https://xfolio.jp/portfolio/yutakashii",
    "https://nijie.info/view.php?id=70720",
    "https://nijie.info/members.php?id=44",
    "https://vgen.co/LuluSensei",
    "https://throne.com/rins",
    "https://staff.tumblr.com/",
];

section! {
    /// How far the search for links goes. The role `link-finder` alone is given the secrets in it.
    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    pub struct Links {
        /// Requests of one search, retries not counted.
        max_pages: u32 = 30, number(1..=1000);
        /// No page is asked for after this.
        time_limit: Duration = 60 * SECOND, duration(SECOND, 1..=600) as "time_limit_secs";
        /// Pages whose outbound links are taken as they stand: a host, `*.` and the host that users' own are
        /// below, or the start of a URL.
        plain_pages: Vec<String> = Vec::new(), texts(plain_page);
        /// Read pages of unknown make that the artist's pages name, and take them for link pages if they hold
        /// nothing but links to known networks.
        unknown_pages: bool = false, switch();
        /// Ask the curators of Danbooru and e621 whose page the artist's is, when nothing else led to an
        /// account.
        ask_curators: bool = false, switch();
        /// What `aotf sites` reads: one URL or more of each site.
        canaries: Vec<String> = CANARIES.iter().map(|url| (*url).to_owned()).collect(), texts(page_url);
        /// Key for the API of Tumblr, whose blogs are not read without it.
        tumblr_api_key: Option<Secret> = None, secret_here(tumblr_key);
        /// `Cookie` header by site (`COOKIE_SITES`), for what a site shows to its users only.
        cookies: BTreeMap<String, Secret> = BTreeMap::new(), part(read_cookies);
        /// What the API of a booru asks for, by site (`API_KEY_SITES`): `api_key=...&user_id=...`.
        api_keys: BTreeMap<String, Secret> = BTreeMap::new(), part(read_api_keys);
    }
}

fn tumblr_key(text: &str) -> Result<Option<Secret>, String> {
    bearer_token(text).map(Secret::new).map(Some)
}

fn read_cookies(mut section: Section<'_>) -> BTreeMap<String, Secret> {
    let mut cookies = BTreeMap::new();
    for &site in COOKIE_SITES {
        let mut cookie = None;
        section.secret_here(site, &mut cookie, |text| cookie_header(text).map(Secret::new).map(Some));
        cookies.extend(cookie.map(|cookie| (site.to_owned(), cookie)));
    }
    section.finish();
    cookies
}

fn read_api_keys(mut section: Section<'_>) -> BTreeMap<String, Secret> {
    let mut keys = BTreeMap::new();
    for &site in API_KEY_SITES {
        let mut key = None;
        section.secret_here(site, &mut key, |text| api_key(text).map(Secret::new).map(Some));
        keys.extend(key.map(|key| (site.to_owned(), key)));
    }
    section.finish();
    keys
}

/// Part of an address, as the site's options show it, and never repeated in a message.
fn api_key(text: &str) -> Result<String, String> {
    let text = text.trim_start_matches('&');
    let is_part =
        |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'=' | b'&' | b'_' | b'-' | b'.' | b'%');
    match text.contains("api_key=") && text.bytes().all(is_part) {
        true => Ok(text.to_owned()),
        false => Err("must be what the site's options show: api_key=...&user_id=...".to_owned()),
    }
}

/// A host alone, all below it, or the start of a URL.
fn plain_page(text: &str) -> Result<String, String> {
    let host = text.strip_prefix("*.").unwrap_or(text);
    let is_host = host.contains('.')
        && !host.starts_with('.')
        && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-'));
    match is_host {
        true => Ok(text.to_ascii_lowercase()),
        false => page_url(text)
            .map_err(|_| format!("{text:?} must be a host, example.com, or a URL, https://example.com/page")),
    }
}

/// `name=value; name=value`, which is never repeated in a message.
fn cookie_header(text: &str) -> Result<String, String> {
    let fits = text.contains('=') && text.bytes().all(|byte| (b' '..=b'~').contains(&byte));
    if fits { Ok(text.to_owned()) } else { Err("must be a Cookie header, name=value; name=value".to_owned()) }
}
