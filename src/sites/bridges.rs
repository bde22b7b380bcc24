//! Copies of accounts that a bridge between networks keeps (Bridgy Fed): the original is meant. Its owner
//! agreed to the copy, so both are the same person's. Pure.

use super::{Address, bluesky};
use crate::base::ids::Network;
use crate::domain::accounts::AccountRef;

/// The address of the original, where this is the address of a copy whose original can be told.
pub fn original(address: &Address) -> Option<Address> {
    let segments = address.segments();
    let parts = match segments.as_slice() {
        ["web" | "deck", rest @ ..] => rest,
        all => all,
    };
    let url = match (address.host(), parts) {
        // https://bsky.brid.gy/ap/did:plc:z72i7hdynmk6r22z27h6tvur,
        // https://bsky.brid.gy/r/https://bsky.app/profile/a.b
        ("bsky.brid.gy", ["ap", did]) if did.starts_with("did:") => format!("https://bsky.app/profile/{did}"),
        ("bsky.brid.gy", ["r", ..]) => after(address, "/r/")?,
        // https://bsky.brid.gy/convert/ap/at://did:plc:z72i7hdynmk6r22z27h6tvur/app.bsky.feed.post/3l6oveex3ii2l: by this id
        // the Fediverse knows the copy of a post; a path may not have kept both of its slashes.
        ("bsky.brid.gy", ["convert", "ap", "at:", author, "app.bsky.feed.post", post]) => {
            format!("https://bsky.app/profile/{author}/post/{post}")
        }
        ("bsky.brid.gy", [user]) => on_bluesky(user.trim_start_matches('@'))?,
        ("fed.brid.gy", ["bsky", handle, ..]) => on_bluesky(handle)?,
        ("fed.brid.gy", ["ap" | "activitypub", name, ..]) => {
            let (user, host) = name.trim_start_matches('@').split_once('@')?;
            on_fediverse(user, host)?
        }
        // https://ann.art.example.ap.brid.gy: a handle is a host
        (host, _) if host.ends_with(OF_FEDIVERSE) => of_copied_handle(host)?,
        // https://bsky.app/profile/ann.art.example.ap.brid.gy
        (_, ["profile", handle] | ["profile", handle, "info" | "posts" | "media"])
            if address.is_on_any(bluesky::HOSTS) =>
        {
            of_copied_handle(handle)?
        }
        // https://mastodon.social/@ann.bsky.social@bsky.brid.gy
        (_, [name] | [name, "media" | "with_replies"]) => {
            let name = super::address::decode(name);
            let (handle, host) = name.strip_prefix('@')?.split_once('@')?;
            let is_copy = host.eq_ignore_ascii_case("bsky.brid.gy");
            is_copy.then(|| on_bluesky(handle)).flatten()?
        }
        _ => return None,
    };
    Address::parse(&url)
}

/// The ending of the handles on Bluesky of copies of accounts of the Fediverse.
const OF_FEDIVERSE: &str = ".ap.brid.gy";

/// `user.server.example.ap.brid.gy` stands for `user@server.example`. What cannot stand in a handle has
/// become
/// `-`, so that with one the name is not certain; then the copy stands for itself.
fn of_copied_handle(handle: &str) -> Option<String> {
    let handle = handle.trim_start_matches('@').to_ascii_lowercase();
    let (user, host) = handle.strip_suffix(OF_FEDIVERSE)?.split_once('.')?;
    if user.contains('-') {
        return None;
    }
    on_fediverse(user, host)
}

/// True if `copy` is the account on Bluesky that the bridge keeps for the account `original` of the
/// Fediverse. Also where the copy's name alone does not tell its original.
pub fn is_copy_of(copy: &AccountRef, original: &AccountRef) -> bool {
    let AccountRef::Handle { network: Network::Bluesky, handle: copy } = copy else { return false };
    let AccountRef::Handle { network: Network::Mastodon, handle: original } = original else { return false };
    let Some((user, host)) = original.split_once('@') else { return false };
    copy.strip_suffix(OF_FEDIVERSE) == Some(&format!("{}.{host}", user.replace(['_', '.'], "-")))
}

fn on_bluesky(handle: &str) -> Option<String> {
    let is_handle = handle.contains('.') && !handle.ends_with(OF_FEDIVERSE);
    is_handle.then(|| format!("https://bsky.app/profile/{handle}"))
}

/// In the form by which an account of any server is recognized.
fn on_fediverse(user: &str, host: &str) -> Option<String> {
    let fits = !user.is_empty() && host.contains('.') && !host.ends_with("brid.gy");
    fits.then(|| format!("https://mastodon.social/@{user}@{host}"))
}

/// What stands behind this part of the path, as it was written.
fn after(address: &Address, mark: &str) -> Option<String> {
    let (_, target) = address.url().as_str().split_once(mark)?;
    target.starts_with("http").then(|| target.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sites::{Kind, identify};

    #[track_caller]
    fn check(url: &str, expect: Option<&str>) {
        let found = identify(url);
        let account =
            found.account.filter(|_| found.kind == Kind::Account).map(|account| account.to_string());
        assert_eq!(account.as_deref(), expect, "{url}");
    }

    #[test]
    fn the_copy_of_a_post_is_its_original() {
        let named = |url: &str| identify(url).post.map(|post| post.to_string());
        let original = named("https://bsky.app/profile/did:plc:z72i7hdynmk6r22z27h6tvur/post/3l6oveex3ii2l");
        assert!(original.is_some());
        let copy = "https://bsky.brid.gy/convert/ap/at://did:plc:z72i7hdynmk6r22z27h6tvur/app.bsky.feed.post/3l6oveex3ii2l";
        assert_eq!(named(copy), original);
        assert_eq!(named(&copy.replace("at://", "at:/")), original);
        assert_eq!(named(&copy.replace("/ap/", "/ap/r/")), None);
        assert_eq!(named("https://bsky.brid.gy/convert/ap/at://x/app.bsky.feed.like/1"), None);
    }

    #[test]
    fn a_copy_is_known_beside_its_original() {
        let account = |url: &str| identify(url).account.unwrap();
        let check = |copy: &str, original: &str, expect: bool| {
            let copy = account(&format!("https://bsky.app/profile/{copy}"));
            let original = account(&format!("https://mastodon.social/@{original}"));
            assert_eq!(is_copy_of(&copy, &original), expect, "{copy} {original}");
            assert!(!is_copy_of(&original, &copy));
        };
        check("ann-paints.art.example.ap.brid.gy", "ann_paints@art.example", true);
        check("ann-paints.art.example.ap.brid.gy", "ann.paints@art.example", true);
        check("ann-paints.art.example.ap.brid.gy", "ann@art.example", false);
        check("ann-paints.art.example", "ann_paints@art.example", false);
        check("ann-paints.art.example.ap.brid.gy", "ann_paints@evil.example", false);
    }

    #[test]
    fn a_copy_stands_for_its_original() {
        let ann = Some("mastodon:@ann@art.example");
        check("https://bsky.app/profile/ann.art.example.ap.brid.gy", ann);
        check("https://fxbsky.app/profile/Ann.art.example.ap.brid.gy/media", ann);
        check("https://ann.art.example.ap.brid.gy", ann);
        check("https://fed.brid.gy/ap/@ann@art.example", ann);
        // `_` or `.`: nobody knows.
        check(
            "https://bsky.app/profile/ann-paints.art.example.ap.brid.gy",
            Some("bluesky:@ann-paints.art.example.ap.brid.gy"),
        );
        let jay = Some("bluesky:@jay.bsky.team");
        check("https://mastodon.social/@jay.bsky.team@bsky.brid.gy", jay);
        check("https://unknown.example/@jay.bsky.team@bsky.brid.gy", jay);
        check("https://mastodon.art/web/@jay.bsky.team@bsky.brid.gy", jay);
        check("https://bsky.brid.gy/@jay.bsky.team", jay);
        check("https://bsky.brid.gy/r/https://bsky.app/profile/jay.bsky.team", jay);
        check("https://fed.brid.gy/bsky/jay.bsky.team", jay);
        check(
            "https://bsky.brid.gy/ap/did:plc:z72i7hdynmk6r22z27h6tvur",
            Some("bluesky:did:plc:z72i7hdynmk6r22z27h6tvur"),
        );
        // A website has no account of its own: its copy is all there is.
        check("https://bsky.app/profile/ann.example.web.brid.gy", Some("bluesky:@ann.example.web.brid.gy"));
        check("https://bsky.app/profile/ap.brid.gy", Some("bluesky:@ap.brid.gy"));
        check("https://fed.brid.gy/", None);
        check("https://bsky.brid.gy/r/javascript:alert(1)", None);
        // A copy of a copy, which the bridge does not make.
        check(
            "https://mastodon.social/@x.ap.brid.gy@bsky.brid.gy",
            Some("mastodon:@x.ap.brid.gy@bsky.brid.gy"),
        );
    }
}
