//! Accounts of the sites themselves, which stand in every page's footer.

use crate::base::ids::Network;
use crate::domain::accounts::AccountRef;

/// Handles on X of sites, networks and tools, in lower case.
const ON_TWITTER: &[&str] = &[
    "allmylinks",
    "amazon",
    "artstationhq",
    "beacons",
    "biolinks",
    "bluesky",
    "booth_pm",
    "carrd",
    "carrdco",
    "danbooru",
    "derpibooru",
    "devart",
    "deviantart",
    "discord",
    "e621",
    "facebook",
    "fanbox",
    "fantia_jp",
    "furaffinity",
    "furbooru",
    "furrynetwork",
    "gelbooru",
    "google",
    "gumroad",
    "inkbunny",
    "instagram",
    "kofi",
    "kofi_button",
    "linktr_ee",
    "linktree",
    "lit_link",
    "litlink_jp",
    "mastodon",
    "mstdn",
    "newgrounds",
    "patreon",
    "pawoo_pixiv",
    "pixiv",
    "pixiv_en",
    "pixiv_sketch",
    "pixivfanbox",
    "pixivfanbox_en",
    "pixivision",
    "pixivsketch",
    "potofu_me",
    "skeb_en",
    "skeb_jp",
    "spotify",
    "steam",
    "subscribestar",
    "support",
    "tiktok",
    "tumblr",
    "twitch",
    "twitter",
    "weasyl",
    "x",
    "youtube",
];

/// True for the account of a site or tool. By id none is known.
pub(super) fn is_official(account: &AccountRef) -> bool {
    match account {
        AccountRef::Handle { network: Network::Twitter, handle } => {
            ON_TWITTER.binary_search(&handle.as_str()).is_ok()
        }
        AccountRef::Handle { network: Network::Bluesky, handle } => handle == "bsky.app",
        AccountRef::Handle { network: Network::Mastodon, .. } | AccountRef::Id(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_can_be_searched() {
        let mut sorted = ON_TWITTER.to_vec();
        sorted.sort_unstable();
        sorted.dedup();
        assert_eq!(sorted, ON_TWITTER);
        let on_twitter =
            |handle: &str| AccountRef::Handle { network: Network::Twitter, handle: handle.into() };
        assert!(is_official(&on_twitter("pixiv")) && !is_official(&on_twitter("pixiv_artist")));
    }
}
