//! Which software a server runs that does not speak Mastodon's API, by what it says of itself (NodeInfo): so
//! that an account there is not told to be missing. Asked only where an account of the server is known to
//! exist.

use super::address::server_of;
use super::client::MastodonClient;
use super::wire::{NodeInfo, NodeInfoLinks};
use crate::fetch::json;
use crate::networks::asking::Effort;
use crate::networks::error::NetworkError;

const NODEINFO: &str = "nodeinfo";

/// What all schemas of version 2 are called.
const SCHEMA: &str = "nodeinfo.diaspora.software/ns/schema/2.";

/// `software.name` of Misskey and its forks, in lower case, as of autumn 2026. Forks come and go: one that is
/// missing here is told by its own name.
const MISSKEY_KIND: &[&str] = &[
    "calckey",
    "catodon",
    "cherrypick",
    "firefish",
    "foundkey",
    "hajkey",
    "iceshrimp",
    "magnetar",
    "meisskey",
    "misskey",
    "nexkey",
    "rosekey",
    "sharkey",
    "tanukey",
    "yojo-art",
];

impl MastodonClient {
    /// Why an account on this server, which has no API of Mastodon, cannot be read: the end of the sentence
    /// `the account ...`.
    ///
    /// # Errors
    /// Only `Stopping`: a server that does not say what it is, is told without its name.
    pub(super) fn why_unreadable(&self, host: &str) -> Result<String, NetworkError> {
        let name = match self.softwares.get(host) {
            Some(name) => Some(name),
            None => match self.ask_software(host) {
                Err(NetworkError::Stopping) => return Err(NetworkError::Stopping),
                Err(error) => {
                    tracing::debug!(%error, host, "the server does not say what it is");
                    None
                }
                Ok(name) => {
                    name.iter().for_each(|name| self.softwares.note(host, name));
                    name
                }
            },
        };
        Ok(match name {
            Some(name) if MISSKEY_KIND.contains(&name.as_str()) => {
                format!("is on a server of Misskey's kind ({name}), which is not read yet")
            }
            Some(name) => format!("is on a server of a kind that is not read ({name})"),
            None => "is on a server that does not answer as Mastodon does".to_owned(),
        })
    }

    fn ask_software(&self, host: &str) -> Result<Option<String>, NetworkError> {
        let (_, response) = self.call(host, "/.well-known/nodeinfo", NODEINFO, &[], Effort::CHECK)?;
        let links = json::parse::<NodeInfoLinks>(&response.body).ok();
        let Some(path) = links.filter(|_| response.is_success()).and_then(|links| newest(&links, host))
        else {
            return Ok(None);
        };
        let (_, response) = self.call(host, &path, NODEINFO, &[], Effort::CHECK)?;
        let info = json::parse::<NodeInfo>(&response.body).ok();
        Ok(info.and_then(|info| plain_name(&info.software.name)))
    }
}

/// The path of the newest document that the server has of itself.
fn newest(links: &NodeInfoLinks, host: &str) -> Option<String> {
    let own = links.links.iter().filter(|link| link.rel.contains(SCHEMA));
    let own = own.filter(|link| server_of(&link.href).as_deref() == Some(host));
    let newest = own.max_by(|a, b| a.rel.cmp(&b.rel))?;
    url::Url::parse(&newest.href).ok().map(|url| url.path().to_owned())
}

/// A stranger's word, to be shown: in lower case, and nothing but a name.
fn plain_name(name: &str) -> Option<String> {
    let name = name.trim().to_ascii_lowercase();
    let is_plain =
        name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b' '));
    ((1..=40).contains(&name.len()) && is_plain).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_newest_document_of_the_server_itself() {
        let rel = |version: &str| format!("http://nodeinfo.diaspora.software/ns/schema/{version}");
        let check = |links: serde_json::Value, expect: Option<&str>| {
            let links: NodeInfoLinks = serde_json::from_value(json!({ "links": links })).unwrap();
            assert_eq!(newest(&links, "a.example").as_deref(), expect, "{links:?}");
        };
        let link = |version: &str, href: &str| json!({"rel": rel(version), "href": href});
        let both =
            [link("2.0", "https://a.example/nodeinfo/2.0"), link("2.1", "https://a.example/nodeinfo/2.1")];
        check(json!(both), Some("/nodeinfo/2.1"));
        check(json!([link("2.1", "https://b.example/nodeinfo/2.1")]), None);
        check(json!([link("1.0", "https://a.example/nodeinfo/1.0")]), None);
        check(json!([]), None);
    }

    #[test]
    fn names_are_shown_only_if_they_are_names() {
        assert_eq!(plain_name("Iceshrimp.NET").as_deref(), Some("iceshrimp.net"));
        assert_eq!(plain_name(&"x".repeat(41)), None);
        assert_eq!(plain_name("<b>"), None);
        assert!(MISSKEY_KIND.is_sorted());
    }
}
