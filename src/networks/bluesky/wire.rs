//! What Bluesky's API sends, as far as it is read. Every field but the ids may be missing, and one odd item
//! does not spoil a list.

use serde::Deserialize;
use serde_json::Value;

use crate::base::Timestamp;

/// The label by which an account asks not to be shown to those who are not logged in.
const NO_UNAUTHENTICATED: &str = "!no-unauthenticated";

/// `app.bsky.feed.getAuthorFeed`.
#[derive(Debug, Deserialize)]
pub struct Feed {
    pub feed: Vec<Value>,
    pub cursor: Option<String>,
}

/// `app.bsky.feed.defs#feedViewPost`.
#[derive(Debug, Deserialize)]
pub struct Entry {
    pub post: Post,
    reason: Option<Typed>,
}

#[derive(Debug, Deserialize)]
struct Typed {
    #[serde(rename = "$type")]
    kind: Option<String>,
}

impl Entry {
    /// Why the post stands in the feed, where it is not because its author posted it then.
    pub fn reason(&self) -> Option<&str> {
        self.reason.as_ref()?.kind.as_deref()
    }
}

/// `app.bsky.feed.defs#postView`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Post {
    pub uri: String,
    pub author: Profile,
    #[serde(default)]
    pub record: Value,
    pub embed: Option<Value>,
    indexed_at: Option<String>,
}

impl Post {
    /// When its author says that it was made.
    fn created(&self) -> Option<Timestamp> {
        self.record.get("createdAt").and_then(Value::as_str).and_then(Timestamp::parse_rfc3339)
    }

    fn indexed(&self) -> Option<Timestamp> {
        self.indexed_at.as_deref().and_then(Timestamp::parse_rfc3339)
    }

    /// Its place in the feed, which is sorted by this: the author's date, unless it lies in the future.
    pub fn sorted_at(&self) -> Option<Timestamp> {
        match (self.created(), self.indexed()) {
            (Some(created), Some(indexed)) => Some(created.min(indexed)),
            (created, indexed) => created.or(indexed),
        }
    }

    /// When it was posted, as far as can be believed. A post from before the network's first days was brought
    /// from elsewhere, and its date with it: then the day on which the network saw it counts.
    pub fn published(&self) -> Option<Timestamp> {
        /// 2022-11-17: the first account.
        const BEGINNING: Timestamp = Timestamp(1_668_643_200_000);
        match self.sorted_at() {
            Some(moment) if moment < BEGINNING => self.indexed().or(Some(moment)),
            moment => moment,
        }
    }
}

/// `app.bsky.actor.defs#profileView*`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Profile {
    pub did: String,
    #[serde(default)]
    pub handle: String,
    pub posts_count: Option<u64>,
    #[serde(default)]
    labels: Option<Vec<Label>>,
}

#[derive(Debug, Deserialize)]
struct Label {
    val: Option<String>,
}

impl Profile {
    /// Its owner asks not to be shown to those who are not logged in.
    pub fn is_for_users_only(&self) -> bool {
        self.labels.iter().flatten().any(|label| label.val.as_deref() == Some(NO_UNAUTHENTICATED))
    }
}

/// `app.bsky.actor.getProfiles`.
#[derive(Debug, Deserialize)]
pub struct Profiles {
    pub profiles: Vec<Value>,
}

/// `app.bsky.feed.getPosts`.
#[derive(Debug, Deserialize)]
pub struct Posts {
    pub posts: Vec<Value>,
}

/// The body of an error.
#[derive(Debug, Deserialize)]
pub struct Problem {
    pub error: Option<String>,
    pub message: Option<String>,
}
