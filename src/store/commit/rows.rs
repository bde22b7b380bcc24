//! Rows as a commit holds them in memory.

use std::collections::BTreeMap;

use crate::base::ids::{AccountKey, AccountNo, PostKey};
use crate::base::{Fingerprint, Timestamp};
use crate::domain::accounts::{AccountRecord, AccountState, SeenHandle};
use crate::domain::images::{Detail, ImageFacts};
use crate::domain::parts::Parts;
use crate::store::codec;
use crate::store::error::StoreError;
use crate::store::import::pages::is_solid;
use crate::store::merge_rules::{Stored, THUMBNAIL_BYTES};

/// A row, and whether it has to be written.
pub struct Kept<T> {
    pub row: T,
    pub changed: bool,
}

impl<T> Kept<T> {
    /// As it was read.
    pub fn read(row: T) -> Kept<T> {
        Kept { row, changed: false }
    }

    pub fn new(row: T) -> Kept<T> {
        Kept { row, changed: true }
    }

    /// The row, to be changed.
    pub fn change(&mut self) -> &mut T {
        self.changed = true;
        &mut self.row
    }
}

/// A row of `accounts`; moments in milliseconds.
pub struct AccountRow {
    pub no: AccountNo,
    pub key: AccountKey,
    pub known_since: i64,
    pub stated_posts: Option<i64>,
    pub search_cursor: Option<i64>,
    pub search_listed_at: Option<i64>,
    pub search_coverage: Option<String>,
    pub search_reset_at: Option<i64>,
    pub timeline_cursor: Option<String>,
    pub timeline_listed_at: Option<i64>,
    pub timeline_coverage: Option<String>,
    pub newest_seen: Option<i64>,
    pub oldest_seen: Option<i64>,
    pub posts_read: i64,
    pub visited_at: i64,
    pub last_used_at: Option<i64>,
    pub uses: i64,
    /// As `codec::windows` reads them.
    pub windows: Option<String>,
    pub stated_media: Option<i64>,
    pub found_media: Option<i64>,
}

impl AccountRow {
    /// # Errors
    /// When a number of posts is none.
    pub fn state(&self) -> Result<AccountState, StoreError> {
        Ok(AccountState {
            key: self.key.clone(),
            search_cursor: codec::moment(self.search_cursor),
            timeline_cursor: self.timeline_cursor.clone(),
            search_listed_at: codec::moment(self.search_listed_at),
            timeline_listed_at: codec::moment(self.timeline_listed_at),
            listed_anew_at: codec::moment(self.search_reset_at),
            stated_posts: self.stated_posts.map(codec::size).transpose()?,
            windows: codec::windows(self.windows.as_deref()),
        })
    }

    /// For people.
    pub fn record(&self, handles: Vec<SeenHandle>) -> Result<AccountRecord, StoreError> {
        let coverage = |text: &Option<String>| text.as_deref().map(codec::coverage_of).transpose();
        Ok(AccountRecord {
            state: self.state()?,
            known_since: Timestamp(self.known_since),
            search_coverage: coverage(&self.search_coverage)?,
            timeline_coverage: coverage(&self.timeline_coverage)?,
            newest_seen: codec::moment(self.newest_seen),
            oldest_seen: codec::moment(self.oldest_seen),
            posts_read: codec::size(self.posts_read)?,
            stated_media: self.stated_media.map(codec::size).transpose()?,
            found_media: self.found_media.map(codec::size).transpose()?,
            uses: codec::size(self.uses)?,
            last_used_at: codec::moment(self.last_used_at),
            handles,
        })
    }
}

/// A row of `handles`, by handle and account.
pub struct HandleRow {
    pub first_seen: i64,
    pub last_seen: i64,
}

/// A post with its images.
pub struct PostRow {
    pub no: i64,
    pub account: AccountNo,
    /// Attachments of the post, of which those that are no images, or were never given, have no row.
    pub image_count: u8,
    pub images: Vec<Stored>,
    pub retry: Kept<Option<Retry>>,
}

/// A row of `retries` with its images: by position the URL and why it failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retry {
    pub attempts: u32,
    pub last_tried: i64,
    pub next_due: Option<i64>,
    pub images: BTreeMap<u8, (String, String)>,
}

/// A row of `posts` that is new.
pub struct NewPost {
    pub no: i64,
    pub key: PostKey,
    pub account: AccountNo,
    pub published: Option<i64>,
    pub image_count: u8,
}

/// A row of `images` that is new, with its rows of `details` and `parts`.
pub struct NewImage {
    pub id: i64,
    pub post: i64,
    pub account: AccountNo,
    pub position: u8,
    pub name: String,
    pub print: Option<Print>,
}

/// What is known of an image's pixels.
pub struct Print {
    pub fingerprint: Fingerprint,
    pub solid_ground: bool,
    pub size: Option<(u32, u32)>,
    pub detail: Option<Detail>,
    pub parts: Option<Parts>,
}

impl Print {
    pub fn seen(facts: &ImageFacts) -> Print {
        Print {
            fingerprint: facts.fingerprint,
            solid_ground: facts.solid_ground,
            size: Some((facts.width, facts.height)),
            detail: Some(facts.detail.clone()),
            parts: facts.parts.clone(),
        }
    }

    pub fn imported(fingerprint: Fingerprint) -> Print {
        Print { fingerprint, solid_ground: is_solid(fingerprint), size: None, detail: None, parts: None }
    }

    /// Thumbnails of another size come from a worker that is not ours to believe; the image is found
    /// without its detail.
    pub fn storable_detail(&self) -> Option<&Detail> {
        self.detail.as_ref().filter(|detail| detail.thumbnail.len() == THUMBNAIL_BYTES)
    }

    /// Likewise.
    pub fn storable_parts(&self) -> Option<&Parts> {
        self.parts.as_ref().filter(|parts| Parts::can_have(parts.0.len()))
    }
}
