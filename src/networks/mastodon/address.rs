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
/// since 4.5 `https://server/ap/users/1/statuses/123`.
pub fn status_id(uri: &str) -> Option<String> {
    let url = Url::parse(uri).ok()?;
    match url.path_segments()?.collect::<Vec<_>>().as_slice() {
        ["users", _, "statuses", id] | ["ap", "users", _, "statuses", id] => {
            let fits = (1..=30).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_digit());
            fits.then(|| (*id).to_owned())
        }
        _ => None,
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
        check("https://a.example/objects/5f2b", Some("a.example"), None);
        check("https://a.example/users/jane/statuses/109/activity", Some("a.example"), None);
        check("http://a.example/users/jane/statuses/109", None, Some("109"));
        check("https://a.example:8443/users/jane/statuses/109", None, Some("109"));
        check("nonsense", None, None);
    }
}
