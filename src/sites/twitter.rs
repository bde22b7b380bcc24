//! X, formerly Twitter: every form in which pages name an account or a post. Only URLs; what its API
//! answers is the business of `networks`.

use super::address::number;
use super::{Address, Identified, Kind, Site};
use crate::base::ids::{AccountKey, Network, PostKey};
use crate::domain::accounts::AccountRef;

pub const SITE: Site = Site { name: "twitter", identify, artwork: None, leads: None };

/// The network itself.
const HOSTS: &[&str] = &["twitter.com", "x.com", "mobile.twitter.com", "mobile.x.com", "m.twitter.com"];

/// Mirrors with the same paths, made for embedding posts or for reading without an account.
const MIRRORS: &[&str] = &[
    "fxtwitter.com",
    "fixupx.com",
    "xfixup.com",
    "twittpr.com",
    "pxtwitter.com",
    "vxtwitter.com",
    "fixvx.com",
    "twitterez.com",
    "xeezz.com",
    "cunnyx.com",
    "girlcockx.com",
    "stupidpenisx.com",
    "skibidix.com",
    "yiffx.com",
    "hitlerx.com",
    "hotyurisex.com",
    "yaoisex.com",
    "mpregx.com",
    "catgirlsex.com",
    "furryfeetx.com",
    "boypussyx.com",
    "nitter.net",
    "nitter.space",
    "nitter.poast.org",
    "nitter.privacydev.net",
    "nitter.tiekoetter.com",
    "nitter.kavin.rocks",
    "nitter.lunar.icu",
    "nitter.it",
    "nitter.cz",
    "lightbrd.com",
    "xcancel.com",
    "twiiit.com",
];

/// What stands before the name of a mirror for another look of the same post, and before `api`.
const LOOKS: &[&str] = &["d", "dl", "g", "t", "i", "m", "o", "c", "api", "mobile"];

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
    let other = || Identified::other("twitter", address);
    let host = address.host();
    match host {
        // A card made from an account, and a log of one: the path is the handle.
        "twpf.jp" | "twilog.org" | "twilog.togetter.com" => {
            let found = address.segments().first().and_then(|name| by_handle(name));
            return Some(found.unwrap_or_else(other));
        }
        // https://platform.twitter.com/embed/Tweet.html?id=12, a post within another page
        "platform.twitter.com" | "platform.x.com" => {
            let id = address.query("id").filter(|_| address.segments().first() == Some(&"embed"));
            return Some(id.and_then(|id| post(&id, None)).unwrap_or_else(other));
        }
        _ => {}
    }
    if host == "twimg.com" || address.subdomain_of("twimg.com").is_some() {
        return Some(image(address));
    }
    if !is_host(address) {
        return None;
    }
    Some(page(address).unwrap_or_else(other))
}

fn is_host(address: &Address) -> bool {
    let look = |mirror: &&str| address.subdomain_of(mirror).is_some_and(|look| LOOKS.contains(&look));
    address.is_on_any(HOSTS) || address.is_on_any(MIRRORS) || MIRRORS.iter().any(look)
}

/// An image file; that of a banner names its account's number.
fn image(address: &Address) -> Identified {
    let image = Identified::image("twitter", address);
    match address.segments().as_slice() {
        // https://pbs.twimg.com/profile_banners/780804311529906176/1475001696/600x200
        ["profile_banners", id, ..] => match by_id(id).and_then(|account| account.url) {
            Some(account) => image.artist(account),
            None => image,
        },
        // https://pbs.twimg.com/media/EBGbJe_U8AA4Ekb.jpg:orig, .../EBGbJe_U8AA4Ekb?format=jpg&name=orig
        ["media", file] => {
            let id = file.split(['.', ':']).next().unwrap_or_default();
            if id.is_empty() { image } else { image.id(id) }
        }
        _ => image,
    }
}

fn page(address: &Address) -> Option<Identified> {
    let segments = address.segments();
    let fragment = address.fragment().and_then(|fragment| fragment.strip_prefix('!'));
    let hashbang: Vec<&str>;
    // https://twitter.com/#!/jack
    let parts: &[&str] = match fragment {
        Some(path) if segments.is_empty() => {
            let path = path.split(['?', '#']).next().unwrap_or_default();
            hashbang = path.split('/').filter(|part| !part.is_empty()).collect();
            &hashbang
        }
        _ => &segments,
    };
    // https://twitter.com/%23!/jack: the same after one escape too many
    let parts = match parts {
        [first, rest @ ..] if first.eq_ignore_ascii_case("%23!") || first.eq_ignore_ascii_case("%23%21") => {
            rest
        }
        all => all,
    };
    match parts {
        // https://x.com/i/user/2976459548
        ["i", "user", id, ..] => by_id(id),
        // https://twitter.com/account/redirect_by_id/2976459548
        ["account", "redirect_by_id"] => by_id(&address.query("id")?),
        ["account", "redirect_by_id", id] => by_id(id),
        // https://twitter.com/i/web/status/1170041925560258560
        ["i", "web", "status", id, rest @ ..] | ["i" | "web", "status", id, rest @ ..] => {
            Some(post(id, None)?.page(position(rest)))
        }
        // https://twitter.com/statuses/1170041925560258560
        ["status" | "statuses", id] => post(id, None),
        ["intent", "user" | "follow"] => match address.query("user_id") {
            Some(id) => by_id(&id),
            None => by_handle(&address.query("screen_name")?),
        },
        ["intent", "like" | "favorite" | "retweet"] => post(&address.query("tweet_id")?, None),
        ["intent" | "i", ..] => None,
        // https://twitter.com/BOW999/status/1261877313349640194/photo/1; mirrors have a language there
        [name, "status" | "statuses", id, rest @ ..] => match rest {
            [] | ["photo" | "video" | "mediaviewer", ..] => Some(post(id, Some(name))?.page(position(rest))),
            [language] if language.len() == 2 => post(id, Some(name)),
            _ => None,
        },
        // https://twitter.com/id:2976459548/media, as gallery-dl writes it
        [name, ..] if name.starts_with("id:") => by_id(&name[3..]),
        // https://mobile.twitter.com/jack/with_replies
        [name, ..] => by_handle(name),
        [] => None,
    }
}

/// Which image of a post: `photo/2`.
fn position(rest: &[&str]) -> Option<u32> {
    match rest {
        ["photo", position, ..] => position.parse().ok().filter(|position| *position > 0),
        _ => None,
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
    let mut identified = Identified::new("twitter", Kind::Post, url).id(&id);
    // X numbers its posts within 63 bits.
    identified.post = id.parse::<i64>().is_ok().then(|| PostKey::new(Network::Twitter, id));
    Some(match author {
        Some(handle) => identified.account(AccountRef::Handle { network: Network::Twitter, handle }),
        None => identified,
    })
}

/// The handle in lower case: 1 to 15 of `[A-Za-z0-9_]`; a few old ones reach 20.
fn handle(text: &str) -> Option<String> {
    // `%40` is `@`; some pages write both.
    let text = text.trim_start_matches("%40").trim_start_matches('@').trim_end_matches("%20");
    let usable = (1..=20).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    let handle = text.to_ascii_lowercase();
    (usable && !RESERVED.contains(&handle.as_str())).then_some(handle)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{check_account, check_identify};
    use super::super::{Kind, identify};

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
            "https://d.fxtwitter.com/jack",
            "https://cunnyx.com/jack",
            "https://nitter.tiekoetter.com/jack/media",
            "https://twilog.org/jack",
            "twitter.com/%40jack",
            "https://twitter.com/%23!/jack",
            "https://twitter.com/jack%20",
        ] {
            check_account(form, Some("twitter:@jack"));
        }
        check_account("https://twitter.com/account/redirect_by_id?id=12", Some("twitter:12"));
        check_account("https://x.com/i/user/12", Some("twitter:12"));
        check_account("https://twitter.com/intent/user?user_id=12", Some("twitter:12"));
    }

    #[test]
    fn posts() {
        let post = "https://x.com/jack/status/12";
        for form in [
            "https://twitter.com/jack/status/12?s=20",
            "https://twitter.com/Jack/statuses/12",
            "https://twitter.com/#!/jack/status/12",
            "https://vxtwitter.com/jack/status/12.jpg",
            "https://fxtwitter.com/jack/status/12/en",
            "https://d.fixupx.com/jack/status/12/photo/2",
            "https://xcancel.com/jack/status/12#m",
        ] {
            check_identify(form, Kind::Post, "12", post);
        }
        let by_nobody = "https://x.com/i/web/status/12";
        for form in [
            "https://twitter.com/i/status/12",
            "https://x.com/i/web/status/12/photo/1",
            "https://twitter.com/statuses/12",
            "https://platform.twitter.com/embed/Tweet.html?dnt=false&id=12",
            "https://twitter.com/intent/like?tweet_id=12",
        ] {
            check_identify(form, Kind::Post, "12", by_nobody);
        }
        assert_eq!(identify("https://twitter.com/jack/status/12/photo/2").page, Some(2));
        assert_eq!(identify("https://twitter.com/jack/status/12/video/1").page, None);
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
            "https://x.com/i/communities/1471580197908586507",
            "https://x.com/i/events/1484669206993903616",
            "https://x.com/i/flow/login",
            "https://twitter.com/share",
            "https://platform.twitter.com/widgets.js",
            "https://cunnyx.com.evil.example/jack",
            "https://blog.fxtwitter.com/jack",
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
