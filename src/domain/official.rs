//! Accounts of organizations, which are nobody's art: those of sites and networks, which stand in
//! the footer of every page, and those of newspapers, companies and public bodies. Collected by
//! hand.

/// Handles on X of sites of art and of links, networks and tools, in lower case and sorted.
pub const SITES: &[&str] = &[
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

/// Further organizations, in the form of a blocklist's file.
pub const ORGANIZATIONS: &str = include_str!("official_accounts.txt");

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::blocklist::parse;

    #[test]
    fn the_sites_can_be_searched() {
        let mut sorted = SITES.to_vec();
        sorted.sort_unstable();
        sorted.dedup();
        assert_eq!(sorted, SITES);
    }

    #[test]
    fn the_organizations_stand_there_once() {
        let entries = parse(ORGANIZATIONS).unwrap();
        let mut distinct = entries.clone();
        distinct.sort();
        distinct.dedup();
        assert_eq!(distinct.len(), entries.len());
        let sites = |entry: &&String| entry.strip_prefix('@').is_some_and(|name| SITES.contains(&name));
        assert_eq!(entries.iter().find(sites), None, "it is a site's already");
        assert!(entries.len() > 150, "{}", entries.len());
    }
}
