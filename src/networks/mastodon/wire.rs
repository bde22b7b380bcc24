//! What servers send, as far as it is read. Ids are opaque text. All but the ids may be missing: relatives of
//! Mastodon leave out what they do not know.

use serde::Deserialize;
use serde_json::Value;

#[derive(Debug, Deserialize)]
pub struct Account {
    pub id: String,
    /// `user`, or `user@server` for an account of another server.
    pub acct: String,
    /// The actor's URI; relatives have it elsewhere.
    uri: Option<String>,
    url: Option<String>,
    pleroma: Option<Pleroma>,
    pub statuses_count: Option<u64>,
    pub suspended: Option<bool>,
    /// Its owner opted out of search engines.
    pub noindex: Option<bool>,
    /// Its owner allows the search of its public posts.
    pub indexable: Option<bool>,
    /// Where it moved to: an account as this server sees it.
    pub moved: Option<Value>,
}

/// A refusal of the API. Relatives of Mastodon say more or less beside this.
#[derive(Debug, Deserialize)]
pub struct Problem {
    #[serde(rename = "error")]
    _error: String,
}

#[derive(Debug, Deserialize)]
struct Pleroma {
    ap_id: Option<String>,
}

impl Account {
    /// Its stable id.
    pub fn actor(&self) -> Option<&str> {
        let elsewhere = || self.pleroma.as_ref()?.ap_id.as_deref();
        self.uri.as_deref().or_else(elsewhere).or(self.url.as_deref())
    }
}

#[derive(Debug, Deserialize)]
pub struct Status {
    pub uri: String,
    pub created_at: Option<String>,
    pub account: Author,
    pub reblog: Option<Value>,
    #[serde(default)]
    pub media_attachments: Vec<Value>,
}

#[derive(Debug, Deserialize)]
pub struct Author {
    pub id: String,
}

#[derive(Debug, Deserialize)]
pub struct Attachment {
    pub r#type: Option<String>,
    pub url: Option<String>,
    pub preview_url: Option<String>,
}

#[derive(Debug, Deserialize)]
pub struct Webfinger {
    #[serde(default)]
    pub links: Vec<WebfingerLink>,
    pub subject: Option<String>,
}

#[derive(Debug, Deserialize)]
pub struct WebfingerLink {
    pub rel: Option<String>,
    pub r#type: Option<String>,
    pub href: Option<String>,
}
