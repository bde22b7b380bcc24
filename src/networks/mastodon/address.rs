//! Names of accounts, servers and posts: what a stranger wrote, taken apart and checked. Pure.

use url::{Host, Url};

/// An account as people write it: `user@server`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Name {
    pub user: String,
    pub host: String,
}

impl Name {
    /// Reads `user@server`, whatever its case; `None` if it cannot be an account's name.
    pub fn parse(text: &str) -> Option<Name> {
        let (user, host) = text.trim_start_matches('@').split_once('@')?;
        let user = user.to_ascii_lowercase();
        let fits = (1..=64).contains(&user.len())
            && user.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-'));
        fits.then_some(())?;
        Some(Name { user, host: server(host)? })
    }
}

impl std::fmt::Display for Name {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}@{}", self.user, self.host)
    }
}

/// A server's name in lower case and its ASCII form; `None` for addresses, ports and single words.
pub fn server(host: &str) -> Option<String> {
    let url = Url::parse(&format!("https://{host}/")).ok()?;
    let plain =
        url.port().is_none() && url.username().is_empty() && url.path() == "/" && url.query().is_none();
    match url.host()? {
        Host::Domain(name) if plain && name.contains('.') && name.len() <= 253 => Some(name.to_owned()),
        Host::Domain(_) | Host::Ipv4(_) | Host::Ipv6(_) => None,
    }
}

/// The server that a URI belongs to.
pub fn server_of(uri: &str) -> Option<String> {
    let url = Url::parse(uri).ok().filter(|url| url.scheme() == "https" && url.port().is_none())?;
    server(url.host_str()?)
}

/// The number of a post on its own server, where its URI ends in it: `https://server/users/user/statuses/123`, and
/// since 4.5 `https://server/ap/users/1/statuses/123`. GoToSocial's are letters and digits.
pub fn status_id(uri: &str) -> Option<String> {
    let url = Url::parse(uri).ok()?;
    match url.path_segments()?.collect::<Vec<_>>().as_slice() {
        ["users", _, "statuses", id] | ["ap", "users", _, "statuses", id] => {
            let fits = (1..=30).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric());
            fits.then(|| (*id).to_owned())
        }
        _ => None,
    }
}

/// How an account can be asked for of whose actor only the URI is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ActorPath {
    /// The URI ends in the name: `https://server/users/user`, `https://server/@user`, Takahe's
    /// `https://server/@user@names.example/`.
    Named(Name),
    /// It ends in the server's own number, which its API takes: Mastodon's since 4.5,
    /// `https://server/ap/users/1`.
    Numbered { host: String, id: String },
    /// Only the server can tell: snac's `https://server/user`, Misskey's `https://server/users/9bq`.
    Opaque { host: String },
}

/// Reads an actor's URI; `None` if it is none that can be asked for.
pub fn actor_path(actor: &str) -> Option<ActorPath> {
    let host = server_of(actor)?;
    let url = Url::parse(actor).ok()?;
    let mut segments: Vec<&str> = url.path_segments()?.collect();
    if segments.last().is_some_and(|last| last.is_empty()) {
        segments.pop();
    }
    let user = match segments.as_slice() {
        ["ap", "users", id] if !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit()) => {
            return Some(ActorPath::Numbered { host, id: (*id).to_owned() });
        }
        ["users", user] => Some(*user),
        [user] => user.strip_prefix('@').and_then(|user| user.split('@').next()),
        _ => None,
    };
    let name = user.and_then(|user| Name::parse(&format!("{user}@{host}")));
    Some(name.map_or(ActorPath::Opaque { host }, ActorPath::Named))
}

/// The name that an actor's URI ends in, if it does.
pub fn name_of_actor(actor: &str) -> Option<Name> {
    match actor_path(actor)? {
        ActorPath::Named(name) => Some(name),
        ActorPath::Numbered { .. } | ActorPath::Opaque { .. } => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_accounts() {
        let check = |text: &str, expect: Option<&str>| {
            assert_eq!(Name::parse(text).map(|name| name.to_string()).as_deref(), expect, "{text}");
        };
        check("Jane@Mastodon.ART", Some("jane@mastodon.art"));
        check("@jane.doe-1@bücher.example", Some("jane.doe-1@xn--bcher-kva.example"));
        for wrong in [
            "jane",
            "jane@",
            "@mastodon.art",
            "jane@localhost",
            "jane@127.0.0.1",
            "jane@[::1]",
            "jane@server.example:8080",
            "jane@server.example/path",
            "jane@user@server.example",
            "jane doe@server.example",
            "jane@server.example?x",
        ] {
            check(wrong, None);
        }
    }

    #[test]
    fn posts_and_their_servers() {
        let check = |uri, host: Option<&str>, id: Option<&str>| {
            assert_eq!((server_of(uri).as_deref(), status_id(uri).as_deref()), (host, id), "{uri}");
        };
        check("https://a.example/users/jane/statuses/109", Some("a.example"), Some("109"));
        check("https://a.example/ap/users/117/statuses/109", Some("a.example"), Some("109"));
        check(
            "https://a.example/users/jane/statuses/01JXQ3C2Z7K0ZV7S1YB4T3ZQ8M",
            Some("a.example"),
            Some("01JXQ3C2Z7K0ZV7S1YB4T3ZQ8M"),
        );
        check("https://a.example/objects/5f2b", Some("a.example"), None);
        check("https://a.example/users/jane/statuses/109/activity", Some("a.example"), None);
        check("http://a.example/users/jane/statuses/109", None, Some("109"));
        check("https://a.example:8443/users/jane/statuses/109", None, Some("109"));
        check("nonsense", None, None);
    }

    #[test]
    fn actors_tell_how_they_are_asked_for() {
        let check = |uri: &str, expect: Option<ActorPath>| assert_eq!(actor_path(uri), expect, "{uri}");
        let named = |name: &str| Some(ActorPath::Named(Name::parse(name).unwrap()));
        let opaque = Some(ActorPath::Opaque { host: "a.example".into() });
        check("https://a.example/users/Jane", named("jane@a.example"));
        check("https://a.example/@jane", named("jane@a.example"));
        check("https://a.example/@jane@names.example/", named("jane@a.example"));
        check(
            "https://a.example/ap/users/117",
            Some(ActorPath::Numbered { host: "a.example".into(), id: "117".into() }),
        );
        check("https://a.example/jane", opaque.clone());
        check("https://a.example/", opaque.clone());
        check("https://a.example/ap/users/../x", opaque);
        check("http://a.example/users/jane", None);
        check("https://127.0.0.1/users/jane", None);
        check("nonsense", None);
    }
}
