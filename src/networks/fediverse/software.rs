//! Which software a server runs, by what it says of itself (NodeInfo): so that an account is asked for by the
//! API that its server has, and that one elsewhere is not told to be missing. Asked only where an account of
//! the server is known to exist.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use serde::Deserialize;
use serde_json::json;
use url::Url;

use super::address::server_of;
use crate::fetch::{Response, json};
use crate::networks::asking::{Asker, Effort, post_json};
use crate::networks::error::NetworkError;

const NODEINFO: &str = "nodeinfo";
const META: &str = "meta";

/// What all schemas of version 2 are called.
const SCHEMA: &str = "nodeinfo.diaspora.software/ns/schema/2.";

/// `software.name` of Misskey and its forks, in lower case, as of autumn 2026. Forks come and go: one that is
/// missing here is asked for what all of them have.
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

/// Those that are known to be of another kind.
const OTHER_KINDS: &[&str] = &[
    "akkoma",
    "glitchcafe",
    "gotosocial",
    "iceshrimp.net",
    "mastodon",
    "pixelfed",
    "pleroma",
    "snac",
    "takahe",
];

/// Servers whose software is remembered; strangers name servers, so the table is bounded.
const MAX_SOFTWARES: usize = 1000;

/// What a server runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Software {
    /// As it calls itself, in lower case: nothing but a name.
    pub name: String,
    /// It has Misskey's API.
    pub is_misskey: bool,
}

/// Which software servers run. Clones share what is known.
#[derive(Clone, Default)]
pub struct Softwares(Arc<Mutex<HashMap<String, Software>>>);

impl Softwares {
    /// What the server is; `None` where it does not say. Asked once.
    ///
    /// # Errors
    /// Only `Stopping`.
    pub(in crate::networks) fn of(
        &self,
        host: &str,
        asker: &Asker,
    ) -> Result<Option<Software>, NetworkError> {
        if let Some(known) = self.known(host) {
            return Ok(Some(known));
        }
        match ask(host, asker) {
            Ok(told) => {
                told.iter().for_each(|software| self.note(host, software.clone()));
                Ok(told)
            }
            Err(NetworkError::Stopping) => Err(NetworkError::Stopping),
            Err(error) => {
                tracing::debug!(%error, host, "the server does not say what it is");
                Ok(None)
            }
        }
    }

    /// What is known without asking.
    pub fn known(&self, host: &str) -> Option<Software> {
        // A panic elsewhere leaves at worst one server unknown.
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(host).cloned()
    }

    fn note(&self, host: &str, software: Software) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MAX_SOFTWARES {
            known.clear();
        }
        known.insert(host.to_owned(), software);
    }
}

fn ask(host: &str, asker: &Asker) -> Result<Option<Software>, NetworkError> {
    let (_, response) = get(host, "/.well-known/nodeinfo", asker)?;
    let links = json::parse::<Links>(&response.body).ok();
    let Some(path) = links.filter(|_| response.is_success()).and_then(|links| newest(&links, host)) else {
        return Ok(None);
    };
    let (_, response) = get(host, &path, asker)?;
    let info = json::parse::<Info>(&response.body).ok();
    let Some(name) = info.and_then(|info| plain_name(&info.software.name)) else { return Ok(None) };
    let is_misskey = match name.as_str() {
        name if MISSKEY_KIND.contains(&name) => true,
        name if OTHER_KINDS.contains(&name) => false,
        _ => has_meta(host, asker)?,
    };
    Ok(Some(Software { name, is_misskey }))
}

fn get(host: &str, path: &str, asker: &Asker) -> Result<(Url, Response), NetworkError> {
    let base = format!("https://{host}{path}");
    let url = Url::parse(&base)
        .map_err(|error| NetworkError::Refused { endpoint: NODEINFO, why: format!("{base}: {error}") })?;
    let response = asker.ask(&url, NODEINFO, Effort::CHECK)?;
    Ok((url, response))
}

/// Whether the server answers as all of Misskey's kind do: a fork that nobody has heard of.
fn has_meta(host: &str, asker: &Asker) -> Result<bool, NetworkError> {
    let base = format!("https://{host}/api/meta");
    let url = Url::parse(&base)
        .map_err(|error| NetworkError::Refused { endpoint: META, why: format!("{base}: {error}") })?;
    match asker.ask_with(&post_json(url, &json!({})), META, Effort::CHECK) {
        Ok(response) => Ok(response.is_success() && json::parse::<Meta>(&response.body).is_ok()),
        Err(NetworkError::Stopping) => Err(NetworkError::Stopping),
        Err(_) => Ok(false),
    }
}

/// `/.well-known/nodeinfo`: where the server says what it is.
#[derive(Debug, Deserialize)]
struct Links {
    links: Vec<Link>,
}

#[derive(Debug, Deserialize)]
struct Link {
    rel: String,
    href: String,
}

/// `nodeinfo/2.x`.
#[derive(Debug, Deserialize)]
struct Info {
    software: Named,
}

#[derive(Debug, Deserialize)]
struct Named {
    name: String,
}

/// What every server of Misskey's kind tells of itself.
#[derive(Debug, Deserialize)]
struct Meta {
    #[serde(rename = "version")]
    _version: String,
}

/// The path of the newest document that the server has of itself.
fn newest(links: &Links, host: &str) -> Option<String> {
    let own = links.links.iter().filter(|link| link.rel.contains(SCHEMA));
    let own = own.filter(|link| server_of(&link.href).as_deref() == Some(host));
    let newest = own.max_by(|a, b| a.rel.cmp(&b.rel))?;
    Url::parse(&newest.href).ok().map(|url| url.path().to_owned())
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

    #[test]
    fn the_newest_document_of_the_server_itself() {
        let rel = |version: &str| format!("http://nodeinfo.diaspora.software/ns/schema/{version}");
        let check = |links: serde_json::Value, expect: Option<&str>| {
            let links: Links = serde_json::from_value(json!({ "links": links })).unwrap();
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
        assert!(MISSKEY_KIND.is_sorted() && OTHER_KINDS.is_sorted());
    }
}
