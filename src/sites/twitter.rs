//! X, formerly Twitter: every form in which pages name an account or a post. Only URLs; what its API
//! answers is the business of `networks`.

use super::address::number;
use super::{Address, Identified, Kind, Site};
use crate::base::ids::{AccountKey, Network};
use crate::domain::accounts::AccountRef;

pub const SITE: Site = Site { name: "twitter", identify, artwork: None, leads: None };

/// The network itself and the mirrors with the same paths.
const HOSTS: &[&str] = &[
    "twitter.com",
    "x.com",
    "mobile.twitter.com",
    "mobile.x.com",
    "m.twitter.com",
    "fxtwitter.com",
    "vxtwitter.com",
    "fixupx.com",
    "fixvx.com",
    "twittpr.com",
    "nitter.net",
    "nitter.poast.org",
    "xcancel.com",
];

/// First parts of a path that are never a handle.
const RESERVED: &[&str] = &[
    "home",
    "explore",
    "i",
    "intent",
    "messages",
    "notifications",
    "privacy",
    "search",
    "settings",
    "share",
    "tos",
    "hashtag",
    "login",
    "signup",
    "compose",
    "about",
    "account",
    "download",
    "jobs",
    "oauth",
    "web",
    "who_to_follow",
    "search-advanced",
    "logout",
    "following",
    "followers",
    "status",
    "statuses",
    "rules",
    "widgets",
    "help",
];

fn identify(address: &Address) -> Option<Identified> {
    if address.is_on("twpf.jp") {
        // A card made from an account: its path is the handle.
        return Some(match address.segments().as_slice() {
            [name] => by_handle(name).unwrap_or_else(|| Identified::other("twitter", address)),
            _ => Identified::other("twitter", address),
        });
    }
    if address.host() == "twimg.com" || address.subdomain_of("twimg.com").is_some() {
        return Some(Identified::image("twitter", address));
    }
    if !address.is_on_any(HOSTS) {
        return None;
    }
    Some(page(address).unwrap_or_else(|| Identified::other("twitter", address)))
}

fn page(address: &Address) -> Option<Identified> {
    let segments = address.segments();
    let hashbang: Vec<&str>;
    // https://twitter.com/#!/jack
    let parts: &[&str] = match address.fragment().and_then(|fragment| fragment.strip_prefix('!')) {
        Some(path) if segments.is_empty() => {
            let path = path.split(['?', '#']).next().unwrap_or_default();
            hashbang = path.split('/').filter(|part| !part.is_empty()).collect();
            &hashbang
        }
        _ => &segments,
    };
    match parts {
        // https://x.com/i/user/2976459548
        ["i", "user", id, ..] => by_id(id),
        // https://twitter.com/i/web/status/1170041925560258560
        ["i", "web", "status", id] | ["i" | "web", "status", id] => Some(post(id, None)?),
        ["intent", "user" | "follow"] => match address.query("user_id") {
            Some(id) => by_id(&id),
            None => by_handle(&address.query("screen_name")?),
        },
        ["intent", "like" | "favorite" | "retweet"] => post(&address.query("tweet_id")?, None),
        ["intent" | "i", ..] => None,
        // https://twitter.com/@BOW999/status/1261877313349640194/photo/1
        [name, "status" | "statuses", id, rest @ ..] => match rest {
            [] | ["photo" | "video" | "mediaviewer", ..] => post(id, Some(name)),
            _ => None,
        },
        // https://twitter.com/id:2976459548/media, as gallery-dl writes it
        [name, ..] if name.starts_with("id:") => by_id(&name[3..]),
        // https://mobile.twitter.com/jack/with_replies
        [name, ..] => by_handle(name),
        [] => None,
    }
}

fn by_handle(name: &str) -> Option<Identified> {
    let handle = handle(name)?;
    let url = format!("https://x.com/{handle}");
    let account = AccountRef::Handle { network: Network::Twitter, handle: handle.clone() };
    Some(Identified::new("twitter", Kind::Account, url).id(handle).account(account))
}

fn by_id(text: &str) -> Option<Identified> {
    let id = number(text)?;
    let url = format!("https://x.com/i/user/{id}");
    let account = AccountRef::Id(AccountKey::new(Network::Twitter, id.clone()));
    Some(Identified::new("twitter", Kind::Account, url).id(id).account(account))
}

/// `author` is the part of the path before `status`, which need not be the author's present handle.
fn post(id: &str, author: Option<&str>) -> Option<Identified> {
    // Mirrors serve the picture under the post's URL with `.jpg` behind it.
    let id = number(id.split('.').next()?)?;
    let author = author.and_then(handle);
    let url = match &author {
        Some(handle) => format!("https://x.com/{handle}/status/{id}"),
        None => format!("https://x.com/i/web/status/{id}"),
    };
    let identified = Identified::new("twitter", Kind::Post, url).id(id);
    Some(match author {
        Some(handle) => identified.account(AccountRef::Handle { network: Network::Twitter, handle }),
        None => identified,
    })
}

/// The handle in lower case: 1 to 15 of `[A-Za-z0-9_]`; a few old ones reach 20.
fn handle(text: &str) -> Option<String> {
    // `%40` is `@`; some pages write both.
    let text = text.trim_start_matches("%40").trim_start_matches('@');
    let usable = (1..=20).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    let handle = text.to_ascii_lowercase();
    (usable && !RESERVED.contains(&handle.as_str())).then_some(handle)
}

#[cfg(test)]
mod tests {
    use super::super::tests::check_account;

    #[test]
    fn every_form_of_an_account() {
        for form in [
            "https://twitter.com/jack",
            "https://x.com/Jack/",
            "http://mobile.twitter.com/jack?s=20",
            "www.twitter.com/@jack",
            "https://twitter.com/#!/jack",
            "https://twitter.com/#!/@JACK/media",
            "https://x.com/intent/user?screen_name=jack",
            "https://twitter.com/intent/follow?screen_name=@jack",
            "https://twitter.com/jack/with_replies",
            "https://x.com/jack/header_photo",
            "https://twpf.jp/jack",
            "https://nitter.net/jack",
            "https://vxtwitter.com/jack",
            "twitter.com/%40jack",
        ] {
            check_account(form, Some("twitter:@jack"));
        }
        check_account("https://x.com/i/user/12", Some("twitter:12"));
        check_account("https://twitter.com/intent/user?user_id=12", Some("twitter:12"));
    }

    #[test]
    fn what_names_no_account() {
        for form in [
            "https://twitter.com/",
            "https://twitter.com/home",
            "https://twitter.com/search?q=jack",
            "https://twitter.com/hashtag/art",
            "https://twitter.com/share?url=https://a.example",
            "https://twitter.com/intent/tweet?text=hello",
            "https://twitter.com/i/lists/784214683683127296",
            "https://pic.twitter.com/Dxn7CuVErW",
            "https://pic.x.com/Dxn7CuVErW",
            "https://t.co/Dxn7CuVErW",
            "https://twitter.com.evil.example/jack",
            "https://nottwitter.com/jack",
            "https://twitter.com/this_is_far_too_long_for_a_handle",
            "https://twitter.com/j%C3%A4ck",
        ] {
            check_account(form, None);
        }
    }
}
