//! Where people see what is stored: the addresses of accounts, posts and images, made from stable ids, and
//! the other way round the account that a person names. Pure.

use url::Url;

use crate::base::ids::{AccountKey, Network, PostKey};
use crate::domain::accounts::AccountRef;

/// An account's page.
pub fn account_url(key: &AccountKey, handle: &str) -> String {
    match key.network {
        Network::Twitter if handle.is_empty() => format!("https://x.com/i/user/{}", key.native),
        Network::Twitter => format!("https://x.com/{handle}"),
        Network::Bluesky => {
            format!("https://bsky.app/profile/{}", if handle.is_empty() { &key.native } else { handle })
        }
        Network::Mastodon => match (user_of(handle), server_of(&key.native)) {
            (Some(user), Some(server)) if has_short_page(&key.native) => format!("https://{server}/@{user}"),
            _ => web_address(&key.native),
        },
        Network::Misskey => match (user_of(handle), server_of(&key.native)) {
            (Some(user), Some(server)) => format!("https://{server}/@{user}"),
            _ => web_address(&key.native),
        },
    }
}

/// The page of an account that is known only as a page names it; empty where its id tells no address.
pub fn named_account_url(account: &AccountRef) -> String {
    match account {
        AccountRef::Id(key) => account_url(key, ""),
        AccountRef::Handle { network: Network::Twitter, handle } => format!("https://x.com/{handle}"),
        AccountRef::Handle { network: Network::Bluesky, handle } => {
            format!("https://bsky.app/profile/{handle}")
        }
        AccountRef::Handle { network: Network::Mastodon | Network::Misskey, handle } => handle
            .split_once('@')
            .map_or_else(String::new, |(user, server)| format!("https://{server}/@{user}")),
    }
}

/// Whether the server of this actor shows accounts at `/@user`: of snac and Takahe, the actor's URI is the
/// page.
fn has_short_page(actor: &str) -> bool {
    let path = Url::parse(actor).ok().map(|url| url.path().to_owned()).unwrap_or_default();
    ["/users/", "/ap/users/"].iter().any(|start| path.starts_with(start))
}

/// A post's page. The handle is for people: X finds a post by its number alone (`i` is what it uses itself),
/// Bluesky by the account's stable id.
pub fn post_url(post: &PostKey, handle: Option<&str>) -> String {
    match post.network {
        Network::Twitter => format!("https://x.com/{}/status/{}", handle.unwrap_or("i"), post.native),
        Network::Bluesky => match post.native.strip_prefix("at://").and_then(|uri| uri.split_once('/')) {
            Some((did, rest)) => {
                let record = rest.rsplit('/').next().unwrap_or_default();
                format!("https://bsky.app/profile/{did}/post/{record}")
            }
            None => String::new(),
        },
        // The post's URI leads to its page; where it can be told, the shorter address that people know.
        Network::Mastodon => {
            let number = post.native.rsplit_once("/statuses/").map(|(_, number)| number);
            match (handle.and_then(user_of), server_of(&post.native), number) {
                (Some(user), Some(server), Some(number)) if !number.contains('/') => {
                    format!("https://{server}/@{user}/{number}")
                }
                _ => web_address(&post.native),
            }
        }
        Network::Misskey => web_address(&post.native),
    }
}

/// Where a stored image is served. Names are what the network's listing gave: whole addresses are kept.
pub fn image_url(account: &AccountKey, name: &str) -> String {
    match account.network {
        _ if name.contains("://") => web_address(name),
        Network::Twitter => format!("https://pbs.twimg.com/media/{name}"),
        Network::Bluesky => {
            format!("https://cdn.bsky.app/img/feed_fullsize/plain/{}/{name}@jpeg", account.native)
        }
        Network::Mastodon | Network::Misskey => String::new(),
    }
}

/// The small form that X and Bluesky serve beside an image; other hosts have only one.
pub fn thumbnail_url(image_url: &str) -> String {
    if image_url.starts_with("https://pbs.twimg.com/media/") && !image_url.contains('?') {
        return format!("{image_url}?name=small");
    }
    if image_url.starts_with("https://cdn.bsky.app/") {
        return image_url.replacen("feed_fullsize", "feed_thumbnail", 1);
    }
    image_url.to_owned()
}

/// The account that a person names: `name` (on X), `name.example` (on Bluesky), `user@server` (on Mastodon,
/// Misskey and their kin), each with an `@` before it or not; with the network before it,
/// `bluesky:name.example`; a stable id of Bluesky (`did:...`); or the address of its page.
///
/// # Errors
/// What is wrong with it, for people.
pub fn account_named(text: &str) -> Result<AccountRef, &'static str> {
    const FORMS: &str = "give a name of X, name.example of Bluesky, user@server of Mastodon or Misskey, the network before it \
        (bluesky:name.example), or the address of the account's page";
    let text = text.trim();
    if text.starts_with("http://") || text.starts_with("https://") {
        return account_of_page(text)
            .ok_or("this is not the address of an account's page on X, Bluesky, Mastodon or Misskey");
    }
    let (network, name) = match text.split_once(':') {
        Some(("did", _)) | None => (None, text),
        Some((network, name)) => match network.to_ascii_lowercase().as_str() {
            "x" => (Some(Network::Twitter), name),
            "fediverse" => (Some(Network::Mastodon), name),
            other => (Some(Network::from_name(other).ok_or(FORMS)?), name),
        },
    };
    let name = name.trim_start_matches('@').to_ascii_lowercase();
    let network = network.unwrap_or(match name.as_str() {
        name if name.contains('@') => network_of_server(name.rsplit('@').next().unwrap_or_default()),
        name if name.starts_with("did:") || name.contains('.') => Network::Bluesky,
        _ => Network::Twitter,
    });
    account_on(network, &name).ok_or(FORMS)
}

/// The account of this name, if it can be one of that network's.
fn account_on(network: Network, name: &str) -> Option<AccountRef> {
    let plain = |extra: &[u8], text: &str| {
        !text.is_empty()
            && text.len() <= 253
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || extra.contains(&byte))
    };
    let fits = match network {
        Network::Twitter => plain(b"_", name) && name.len() <= 20,
        Network::Bluesky if name.starts_with("did:") => {
            let key = AccountKey::new(network, name);
            return plain(b":.-_%", name).then_some(AccountRef::Id(key));
        }
        Network::Bluesky => plain(b".-", name) && name.contains('.'),
        Network::Mastodon | Network::Misskey => {
            let (user, server) = name.split_once('@')?;
            plain(b"_.-", user) && plain(b".-", server) && server.contains('.')
        }
    };
    fits.then(|| AccountRef::Handle { network, handle: name.to_owned() })
}

fn account_of_page(text: &str) -> Option<AccountRef> {
    let url = Url::parse(text).ok()?;
    let host = url.host_str()?.trim_start_matches("www.").trim_start_matches("mobile.");
    let segments: Vec<&str> = url.path_segments()?.filter(|segment| !segment.is_empty()).collect();
    match (host, segments.as_slice()) {
        ("x.com" | "twitter.com", ["i", "user", id]) => {
            let key = AccountKey::new(Network::Twitter, *id);
            id.bytes().all(|byte| byte.is_ascii_digit()).then_some(AccountRef::Id(key))
        }
        ("x.com" | "twitter.com", [name, ..]) => account_on(Network::Twitter, &name.to_ascii_lowercase()),
        ("bsky.app", ["profile", name, ..]) => account_on(Network::Bluesky, &name.to_ascii_lowercase()),
        (server, [user, ..] | ["web" | "deck", user, ..]) if user.starts_with('@') => {
            let user = user.trim_start_matches('@').to_ascii_lowercase();
            // `https://server/@user@other` is another server's account.
            let name = if user.contains('@') { user } else { format!("{user}@{server}") };
            account_on(network_of_server(name.rsplit('@').next()?), &name)
        }
        (server, ["users" | "user-info", id]) if network_of_server(server) == Network::Misskey => {
            let key = AccountKey::new(Network::Misskey, format!("https://{server}/users/{id}"));
            id.bytes().all(|byte| byte.is_ascii_alphanumeric()).then_some(AccountRef::Id(key))
        }
        (server, ["users", user, ..]) => {
            account_on(Network::Mastodon, &format!("{}@{server}", user.to_ascii_lowercase()))
        }
        _ => None,
    }
}

/// The post that a person names: by its address, or by its id with its network before it, as answers show both
/// (`twitter:20`, `bluesky:at://did:plc:a/app.bsky.feed.post/3k`).
///
/// # Errors
/// What is wrong with it, for people.
pub fn post_named(text: &str) -> Result<PostKey, &'static str> {
    const FORMS: &str = "this is not the address of a post: give that of X, that of Bluesky with the account's DID in it, \
        that of a note of Misskey, or the network and the post's id (twitter:20, mastodon:https://...), as the \
        answer about the page shows it";
    let text = text.trim();
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if let Some((network, id)) = text.split_once(':')
        && let Some(network) = Network::from_name(network)
    {
        let fits = match network {
            Network::Twitter => digits(id),
            Network::Bluesky => id.starts_with("at://did:"),
            Network::Mastodon | Network::Misskey => id.starts_with("https://"),
        };
        return if fits { Ok(PostKey::new(network, id)) } else { Err(FORMS) };
    }
    let url = Url::parse(text).map_err(|_| FORMS)?;
    let host = url.host_str().ok_or(FORMS)?.trim_start_matches("www.").trim_start_matches("mobile.");
    let segments: Vec<&str> =
        url.path_segments().ok_or(FORMS)?.filter(|segment| !segment.is_empty()).collect();
    match (host, segments.as_slice()) {
        ("x.com" | "twitter.com", [_, "status", id, ..] | ["i", "web", "status", id, ..]) if digits(id) => {
            Ok(PostKey::new(Network::Twitter, *id))
        }
        ("bsky.app", ["profile", did, "post", record]) if did.starts_with("did:") => {
            Ok(PostKey::new(Network::Bluesky, format!("at://{did}/app.bsky.feed.post/{record}")))
        }
        (server, ["notes", id]) => Ok(PostKey::new(Network::Misskey, format!("https://{server}/notes/{id}"))),
        (server, ["users", user, "statuses", id]) => {
            Ok(PostKey::new(Network::Mastodon, format!("https://{server}/users/{user}/statuses/{id}")))
        }
        _ => Err(FORMS),
    }
}

/// Servers of Misskey's kind that are known by name. Of others nothing is known until they are asked.
pub const MISSKEY_SERVERS: &[&str] = &[
    "misskey.io",
    "misskey.art",
    "misskey.design",
    "sushi.ski",
    "nijimiss.moe",
    "oekakiskey.com",
    "novelskey.tarbin.net",
    "misskey.gg",
    "mi.nakn.jp",
    "voskey.icalo.net",
    "misskey.04.si",
];

/// The network that an account of this server is taken for.
pub fn network_of_server(host: &str) -> Network {
    if MISSKEY_SERVERS.contains(&host) { Network::Misskey } else { Network::Mastodon }
}

fn user_of(handle: &str) -> Option<&str> {
    handle.split('@').next().filter(|user| !user.is_empty())
}

fn server_of(uri: &str) -> Option<String> {
    Url::parse(uri).ok()?.host_str().map(str::to_owned)
}

/// A stranger's word, for a link: nothing but an address of the web.
fn web_address(text: &str) -> String {
    if text.starts_with("https://") || text.starts_with("http://") { text.to_owned() } else { String::new() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_have_small_forms_on_some_hosts() {
        let check = |image: &str, thumbnail: &str| assert_eq!(thumbnail_url(image), thumbnail);
        check("https://pbs.twimg.com/media/a_B-1.jpg", "https://pbs.twimg.com/media/a_B-1.jpg?name=small");
        check("https://i.example/a.png", "https://i.example/a.png");
        let bluesky = "https://cdn.bsky.app/img/feed_fullsize/plain/did:plc:a/b@jpeg";
        check(bluesky, "https://cdn.bsky.app/img/feed_thumbnail/plain/did:plc:a/b@jpeg");
    }

    #[test]
    fn accounts_have_pages() {
        let check = |network, native: &str, handle, expect| {
            assert_eq!(account_url(&AccountKey::new(network, native), handle), expect);
        };
        check(Network::Twitter, "12", "jack", "https://x.com/jack");
        check(Network::Bluesky, "did:plc:a", "ann.example", "https://bsky.app/profile/ann.example");
        check(Network::Bluesky, "did:plc:a", "", "https://bsky.app/profile/did:plc:a");
        check(Network::Mastodon, "https://s.example/users/Ann", "ann@example", "https://s.example/@ann");
        check(Network::Mastodon, "https://s.example/users/Ann", "", "https://s.example/users/Ann");
        check(Network::Mastodon, "https://s.example/ap/users/117", "ann@s.example", "https://s.example/@ann");
        // snac and Takahe show an account where its actor is.
        check(Network::Mastodon, "https://snac.test/ann", "ann@snac.test", "https://snac.test/ann");
        let of_takahe = "https://s.example/@ann@names.example/";
        check(Network::Mastodon, of_takahe, "ann@s.example", of_takahe);
        check(Network::Mastodon, "javascript:alert(1)", "", "");
        let of_misskey = "https://s.example/users/9bpemdns40";
        check(Network::Misskey, of_misskey, "ann@s.example", "https://s.example/@ann");
        check(Network::Misskey, of_misskey, "", of_misskey);
    }

    #[test]
    fn posts_have_pages() {
        let check = |network, native: &str, handle, expect| {
            assert_eq!(post_url(&PostKey::new(network, native), handle), expect);
        };
        check(Network::Twitter, "20", Some("jack"), "https://x.com/jack/status/20");
        check(Network::Twitter, "20", None, "https://x.com/i/status/20");
        let uri = "at://did:plc:a/app.bsky.feed.post/3k";
        check(Network::Bluesky, uri, Some("ann.example"), "https://bsky.app/profile/did:plc:a/post/3k");
        check(Network::Bluesky, "nonsense", None, "");
        let uri = "https://s.example/users/ann/statuses/109";
        check(Network::Mastodon, uri, Some("ann@s.example"), "https://s.example/@ann/109");
        check(Network::Mastodon, uri, None, uri);
        let uri = "https://s.example/objects/5f";
        check(Network::Mastodon, uri, Some("ann@s.example"), uri);
        let note = "https://s.example/notes/9bxaf592x6";
        check(Network::Misskey, note, Some("ann@s.example"), note);
    }

    #[test]
    fn people_name_posts_as_answers_show_them() {
        let check = |text: &str, expect: Option<&str>| {
            let named = post_named(text).ok().map(|post| post.to_string());
            assert_eq!(named.as_deref(), expect, "{text}");
        };
        check(" https://x.com/jack/status/20/photo/2 ", Some("twitter:20"));
        check("https://mobile.twitter.com/i/web/status/20?s=20", Some("twitter:20"));
        check("twitter:20", Some("twitter:20"));
        let bluesky = "bluesky:at://did:plc:a/app.bsky.feed.post/3k";
        check("https://bsky.app/profile/did:plc:a/post/3k", Some(bluesky));
        check(bluesky, Some(bluesky));
        check("https://misskey.io/notes/9b", Some("misskey:https://misskey.io/notes/9b"));
        let mastodon = "mastodon:https://s.example/users/Ann/statuses/109";
        check("https://s.example/users/Ann/statuses/109", Some(mastodon));
        check(mastodon, Some(mastodon));
        for wrong in [
            "",
            "20",
            "https://x.com/jack",
            "https://bsky.app/profile/ann.example/post/3k",
            "twitter:me",
            "https://s.example/@ann/109",
            "mastodon:109",
            "orkut:1",
        ] {
            check(wrong, None);
        }
    }

    #[test]
    fn images_have_addresses() {
        let check = |network, name, expect| {
            assert_eq!(image_url(&AccountKey::new(network, "did:plc:a"), name), expect);
        };
        check(Network::Twitter, "a_B-1.jpg", "https://pbs.twimg.com/media/a_B-1.jpg");
        check(Network::Twitter, "https://i.example/a.png", "https://i.example/a.png");
        check(
            Network::Bluesky,
            "bafkrei1",
            "https://cdn.bsky.app/img/feed_fullsize/plain/did:plc:a/bafkrei1@jpeg",
        );
        check(Network::Mastodon, "https://f.example/1.png", "https://f.example/1.png");
        check(Network::Mastodon, "javascript://x", "");
    }

    #[test]
    fn people_name_accounts_in_many_ways() {
        let check = |text: &str, expect: Option<&str>| {
            assert_eq!(
                account_named(text).ok().map(|account| account.to_string()).as_deref(),
                expect,
                "{text}"
            );
        };
        check(" @Jane_Paints ", Some("twitter:@jane_paints"));
        check("x:jane", Some("twitter:@jane"));
        check("Ann.Example", Some("bluesky:@ann.example"));
        check("bluesky:ann.example", Some("bluesky:@ann.example"));
        check("did:plc:abc", Some("bluesky:did:plc:abc"));
        check("bluesky:did:plc:abc", Some("bluesky:did:plc:abc"));
        check("@Ann@Art.example", Some("mastodon:@ann@art.example"));
        check("mastodon:@ann@art.example", Some("mastodon:@ann@art.example"));
        check("https://x.com/Jane/media", Some("twitter:@jane"));
        check("https://twitter.com/i/user/12", Some("twitter:12"));
        check("https://bsky.app/profile/Ann.example/post/3k", Some("bluesky:@ann.example"));
        check("https://bsky.app/profile/did:plc:abc", Some("bluesky:did:plc:abc"));
        check("https://art.example/@Ann", Some("mastodon:@ann@art.example"));
        check("https://art.example/@ann@other.example", Some("mastodon:@ann@other.example"));
        check("https://art.example/users/ann", Some("mastodon:@ann@art.example"));
        check("@Ann@Misskey.io", Some("misskey:@ann@misskey.io"));
        check("misskey:ann@key.example", Some("misskey:@ann@key.example"));
        check("https://misskey.design/@Ann/notes", Some("misskey:@ann@misskey.design"));
        check("https://misskey.io/@ann@art.example", Some("mastodon:@ann@art.example"));
        check("https://misskey.io/users/9bpemdns40", Some("misskey:https://misskey.io/users/9bpemdns40"));
        check("https://art.example/web/@ann", Some("mastodon:@ann@art.example"));
        check("https://art.example/deck/@ann@other.example/media", Some("mastodon:@ann@other.example"));
        for wrong in [
            "",
            "@",
            "two words",
            "myspace:tom",
            "bluesky:ann",
            "mastodon:ann",
            "ann@localhost",
            "https://example.com/",
            "https://x.com/",
            "https://x.com/i/user/me",
            "name_longer_than_any_name_of_x",
        ] {
            check(wrong, None);
        }
    }
}
