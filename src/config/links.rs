//! The section `[links]`: how far the search for an artist's accounts goes, and what it may use.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Secret;

/// Sites whose readers send the operator's cookies. A test beside the readers holds the two together.
pub const COOKIE_SITES: [&str; 11] = [
    "artstation",
    "danbooru",
    "deviantart",
    "e621",
    "fanbox",
    "furaffinity",
    "gelbooru",
    "inkbunny",
    "patreon",
    "philomena",
    "pixiv",
];

/// A page of each site that was there for years, for `aotf sites`.
#[rustfmt::skip]
const CANARIES: [&str; 23] = [
    "https://www.deviantart.com/nopeys/art/Azula-847851539",
    "https://www.deviantart.com/nopeys",
    "https://www.pixiv.net/artworks/80875806",
    "https://www.pixiv.net/users/173530",
    "https://danbooru.donmai.us/posts/3878029",
    "https://derpibooru.org/images/1851874",
    "https://furbooru.org/images/18",
    "https://e621.net/posts/535",
    "https://gelbooru.com/index.php?page=post&s=view&id=313638",
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
    "https://staff.tumblr.com/",
];

/// How far the search for links goes. The role `link-finder` alone is given the secrets in it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Links {
    /// Requests of one search, retries not counted.
    pub max_pages: u32,
    /// No page is asked for after this.
    pub time_limit: Duration,
    /// Pages whose outbound links are taken as they stand: a host, or the start of a URL.
    pub plain_pages: Vec<String>,
    /// Ask the curators of Danbooru and e621 whose page the artist's is, when nothing else led to an account.
    pub ask_curators: bool,
    /// What `aotf sites` reads: one URL or more of each site.
    pub canaries: Vec<String>,
    /// Key for the API of Tumblr, whose blogs are not read without it.
    pub tumblr_api_key: Option<Secret>,
    /// `Cookie` header by site (`COOKIE_SITES`), for what a site shows to its users only.
    pub cookies: BTreeMap<String, Secret>,
}

impl Default for Links {
    fn default() -> Links {
        Links {
            max_pages: 30,
            time_limit: Duration::from_secs(60),
            plain_pages: Vec::new(),
            ask_curators: false,
            canaries: CANARIES.map(str::to_owned).to_vec(),
            tumblr_api_key: None,
            cookies: BTreeMap::new(),
        }
    }
}
