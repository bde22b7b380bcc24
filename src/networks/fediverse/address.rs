//! Names of accounts and servers of the Fediverse: what a stranger wrote, taken apart and checked. Pure.

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

/// Whether a post's URI is that of a note on a server of Misskey's kind: `https://server/notes/id`.
pub fn is_note(uri: &str) -> bool {
    Url::parse(uri).is_ok_and(|url| url.path().starts_with("/notes/"))
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
}
