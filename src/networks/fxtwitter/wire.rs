//! What such a server sends, as far as it is read. One odd entry does not spoil a list.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::networks::asking::Entries;

#[derive(Debug, Deserialize)]
pub struct ProfileAnswer {
    pub user: Option<User>,
    pub reason: Option<String>,
}

#[derive(Debug, Deserialize)]
pub struct User {
    pub id: String,
    pub screen_name: String,
    pub protected: Option<bool>,
    pub statuses: Option<u64>,
    /// Posts with media.
    pub media_count: Option<u64>,
}

/// A post by its number.
#[derive(Debug, Deserialize)]
pub struct StatusAnswer {
    pub status: Status,
}

/// A page of a timeline or a search.
#[derive(Debug, Default, Deserialize)]
pub struct Page {
    /// The status once more.
    pub code: Option<u16>,
    /// Always there, if empty.
    pub results: Entries,
    pub cursor: Option<Cursor>,
}

#[derive(Debug, Deserialize)]
pub struct Cursor {
    pub bottom: Option<String>,
}

/// An entry of a page.
#[derive(Debug)]
pub enum Entry {
    Status(Box<Status>),
    /// In place of what is deleted or hidden.
    Tombstone,
}

impl<'de> Deserialize<'de> for Entry {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Entry, D::Error> {
        let entry = Value::deserialize(from)?;
        if entry.get("type").is_some_and(|kind| kind == "tombstone") {
            return Ok(Entry::Tombstone);
        }
        serde_json::from_value(entry).map(Entry::Status).map_err(D::Error::custom)
    }
}

/// A post; tombstones have no author.
#[derive(Debug, Deserialize)]
pub struct Status {
    pub id: String,
    pub author: Author,
    /// Seconds since 1970.
    pub created_timestamp: Option<i64>,
    pub reposted_by: Option<Value>,
    pub media: Option<Media>,
}

#[derive(Debug, Deserialize)]
pub struct Author {
    pub id: String,
    pub screen_name: Option<String>,
}

/// Absent where a post has none of a kind.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Media {
    /// Everything, in the order of the post.
    pub all: Vec<Medium>,
    pub photos: Vec<Medium>,
}

#[derive(Debug, Deserialize)]
pub struct Medium {
    /// `photo`, `video` or `gif`; the latter may stand among the photos.
    pub r#type: Option<String>,
    pub url: Option<String>,
}
