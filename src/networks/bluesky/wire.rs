//! What Bluesky's API sends, as far as it is read. Every field but the ids may be missing, and one odd item
//! does not spoil a list.

use serde::Deserialize;
use serde_json::Value;

use super::tid;
use crate::base::Timestamp;
use crate::networks::asking::{Entries, lenient};

/// The label by which an account asks not to be shown to those who are not logged in.
const NO_UNAUTHENTICATED: &str = "!no-unauthenticated";

/// `app.bsky.feed.getAuthorFeed`.
#[derive(Debug, Deserialize)]
pub struct Feed {
    pub feed: Entries,
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
    #[serde(default, deserialize_with = "lenient")]
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
        let moment = match (self.created(), self.indexed()) {
            (Some(created), Some(indexed)) => Some(created.min(indexed)),
            (created, indexed) => created.or(indexed),
        };
        // A date to come would hide everything that is posted until then.
        moment.or_else(|| tid::written_at(&self.uri)).map(|moment| moment.min(Timestamp::now()))
    }

    /// When it was posted, as far as can be believed. A post from before the network's first days was brought
    /// from elsewhere, and its date with it: then the day on which the network saw it counts. AppViews that
    /// keep no such day repeat the author's date; then the key of the record tells when it was written.
    pub fn published(&self) -> Option<Timestamp> {
        /// 2022-11-17: the first account.
        const BEGINNING: Timestamp = Timestamp(1_668_643_200_000);
        let is_plausible = |moment: &Timestamp| (BEGINNING..=Timestamp::now()).contains(moment);
        let said = self.sorted_at();
        let others = [self.indexed(), tid::written_at(&self.uri)];
        said.into_iter().chain(others.into_iter().flatten()).find(is_plausible).or(said)
    }
}

/// `com.atproto.repo.listRecords`.
#[derive(Debug, Deserialize)]
pub struct Records {
    pub records: Entries,
    pub cursor: Option<String>,
}

/// `com.atproto.repo.listRecords#record`.
#[derive(Debug, Deserialize)]
pub struct Record {
    pub uri: String,
    #[serde(default)]
    pub value: Value,
}

impl Record {
    /// When its author says that it was made.
    pub fn created(&self) -> Option<Timestamp> {
        self.value.get("createdAt").and_then(Value::as_str).and_then(Timestamp::parse_rfc3339)
    }
}

/// `app.bsky.actor.defs#profileView*`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Profile {
    pub did: String,
    #[serde(default)]
    pub handle: String,
    #[serde(default, deserialize_with = "lenient")]
    pub posts_count: Option<u64>,
    #[serde(default, deserialize_with = "lenient")]
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
