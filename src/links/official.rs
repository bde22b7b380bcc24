//! Accounts of the sites themselves, which stand in every page's footer.

use crate::base::ids::Network;
use crate::domain::accounts::AccountRef;
use crate::domain::official::SITES;

/// True for the account of a site or tool. By id none is known.
pub(super) fn is_official(account: &AccountRef) -> bool {
    match account {
        AccountRef::Handle { network: Network::Twitter, handle } => {
            SITES.binary_search(&handle.as_str()).is_ok()
        }
        AccountRef::Handle { network: Network::Bluesky, handle } => handle == "bsky.app",
        AccountRef::Handle { network: Network::Mastodon | Network::Misskey, .. } | AccountRef::Id(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_like_a_sites_is_no_sites() {
        let on_twitter =
            |handle: &str| AccountRef::Handle { network: Network::Twitter, handle: handle.into() };
        assert!(is_official(&on_twitter("pixiv")) && !is_official(&on_twitter("pixiv_artist")));
    }
}
