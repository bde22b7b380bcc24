//! What servers send, as far as it is read. Ids are opaque text. All but the ids may be missing: relatives of
//! Mastodon leave out what they do not know, and what is of another type than Mastodon's counts as missing.

use serde::Deserialize;
use serde_json::Value;

use crate::networks::asking::{id_text, lenient};

#[derive(Debug, Deserialize)]
pub struct Account {
    /// Relatives send a number.
    #[serde(deserialize_with = "id_text")]
    pub id: String,
    /// `user`, or `user@server` for an account of another server. snac and Takahe name the server of their
    /// own accounts too.
    pub acct: String,
    /// The actor's URI; relatives have it elsewhere.
    #[serde(default, deserialize_with = "lenient")]
    uri: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    url: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    pleroma: Option<Pleroma>,
    #[serde(default, deserialize_with = "lenient")]
    pub statuses_count: Option<u64>,
    #[serde(default, deserialize_with = "lenient")]
    pub suspended: Option<bool>,
    /// Its owner opted out of search engines.
    #[serde(default, deserialize_with = "lenient")]
    pub noindex: Option<bool>,
    /// Its owner allows the search of its public posts.
    #[serde(default, deserialize_with = "lenient")]
    pub indexable: Option<bool>,
    /// Its owner wants a tab of media on the profile. Since 4.6.
    #[serde(default, deserialize_with = "lenient")]
    pub show_media: Option<bool>,
    /// Where it moved to: an account as this server sees it.
    #[serde(default)]
    pub moved: Option<Value>,
}

/// A refusal of the API. Relatives of Mastodon say more or less beside this. (Misskey's `error` is an
/// object.)
#[derive(Debug, Deserialize)]
pub struct Problem {
    #[serde(rename = "error")]
    _error: String,
}

#[derive(Debug, Deserialize)]
struct Pleroma {
    #[serde(default, deserialize_with = "lenient")]
    ap_id: Option<String>,
}

impl Account {
    /// Its stable id.
    pub fn actor(&self) -> Option<&str> {
        let elsewhere = || self.pleroma.as_ref()?.ap_id.as_deref();
        self.uri.as_deref().or_else(elsewhere).or(self.url.as_deref())
    }

    /// Its name on its own server.
    pub fn user(&self) -> &str {
        self.acct.split('@').next().unwrap_or_default()
    }
}

#[derive(Debug, Deserialize)]
pub struct Status {
    pub uri: String,
    #[serde(default, deserialize_with = "lenient")]
    pub created_at: Option<String>,
    pub account: Author,
    #[serde(default)]
    reblog: Option<Value>,
    #[serde(default)]
    pub media_attachments: Vec<Value>,
}

impl Status {
    /// It repeats another post: `reblog` is left out, null, or that post.
    pub fn is_boost(&self) -> bool {
        self.reblog.as_ref().is_some_and(Value::is_object)
    }
}

/// Of a post, whose it is and for whom.
#[derive(Debug, Deserialize)]
pub struct Authored {
    pub account: Account,
    #[serde(default, deserialize_with = "lenient")]
    visibility: Option<String>,
}

impl Authored {
    /// It is for everybody. Servers that say nothing show nothing else without login.
    pub fn is_public(&self) -> bool {
        self.visibility.as_deref().is_none_or(|visibility| matches!(visibility, "public" | "unlisted"))
    }
}

/// Of a post, what places it in a listing.
#[derive(Debug, Deserialize)]
pub struct Numbered {
    #[serde(deserialize_with = "id_text")]
    pub id: String,
    #[serde(default, deserialize_with = "lenient")]
    pub created_at: Option<String>,
}

#[derive(Debug, Deserialize)]
pub struct Author {
    #[serde(deserialize_with = "id_text")]
    pub id: String,
}

#[derive(Debug, Deserialize)]
pub struct Attachment {
    #[serde(default, deserialize_with = "lenient")]
    pub r#type: Option<String>,
    /// `null` while the file is still being processed.
    #[serde(default, deserialize_with = "lenient")]
    pub url: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
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
