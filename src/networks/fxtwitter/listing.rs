//! The two listings of X by such a server: its search, and the account's media.

use std::ops::ControlFlow;

use super::wire::{Page, Status};
use super::{Effort, FxTwitterClient};
use crate::base::Timestamp;
use crate::base::ids::{Network, PostKey};
use crate::domain::accounts::Account;
use crate::domain::posts::ListedPost;
use crate::domain::scans::{Coverage, Cursor, ListingEnd};
use crate::networks::asking::{read_json, unreadable};
use crate::networks::twitter::image_of;
use crate::networks::{NetworkError, OVERLAP, delivery};

const MEDIA: &str = "profile/:name/media";
const SEARCH: &str = "search";

/// What the API allows.
const PAGE: &str = "100";

/// An empty page is no end, but this many in a row are.
const MAX_EMPTY_PAGES: u32 = 3;

/// X shows about so many posts of an account's timeline.
const TIMELINE_DEPTH: u32 = 3200;

impl FxTwitterClient {
    pub(super) fn list(
        &self,
        account: &Account,
        cursor: &Cursor,
        page: &mut dyn FnMut(Vec<ListedPost>) -> ControlFlow<()>,
    ) -> Result<ListingEnd, NetworkError> {
        let key = &account.key;
        if key.network != Network::Twitter || !key.native.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(NetworkError::AccountMissing { account: key.clone() });
        }
        let (path, endpoint, mut parameters) = match cursor {
            Cursor::Search(since) => {
                let mut query = format!("from:{} filter:images", account.handle);
                if let Some(since) = since {
                    query.push_str(&format!(" since_time:{}", since.minus(OVERLAP).secs()));
                }
                ("search".to_owned(), SEARCH, vec![("q", query), ("feed", "latest".to_owned())])
            }
            Cursor::Timeline(_) => (format!("profile/id:{}/media", key.native), MEDIA, vec![]),
        };
        parameters.push(("count", PAGE.to_owned()));
        let mut progress = Progress::default();
        let mut position: Option<String> = None;
        let mut empty_pages = 0;
        loop {
            let mut asked: Vec<(&str, &str)> =
                parameters.iter().map(|(name, value)| (*name, value.as_str())).collect();
            asked.extend(position.as_deref().map(|position| ("cursor", position)));
            let (url, response) = self.call(&path, endpoint, &asked, Effort::LISTING)?;
            let found: Page = match response.status {
                // Nothing is newer.
                204 => Page { results: Vec::new(), cursor: None },
                200..=299 => read_json(&url, &response)?,
                401 => return Err(NetworkError::AccountPrivate { account: key.clone() }),
                404 => return Err(NetworkError::AccountMissing { account: key.clone() }),
                status => return Err(NetworkError::Refused { endpoint, why: format!("status {status}") }),
            };
            let read = found.results.len();
            let posts = self.read_entries(found.results, account, &mut progress);
            if read > 0 && progress.unread_here == read {
                return Err(unreadable(&url, "none of its entries can be read"));
            }
            progress.posts_read += read as u64;
            delivery::deliver(posts, page)?;
            empty_pages = if read == 0 { empty_pages + 1 } else { 0 };
            let next = found.cursor.and_then(|cursor| cursor.bottom);
            if next.is_none()
                || next == position
                || empty_pages >= MAX_EMPTY_PAGES
                || progress.reaches(cursor)
            {
                return Ok(progress.end(account, cursor));
            }
            position = next;
        }
    }

    /// The posts of a page that are the account's own and have photos.
    fn read_entries(
        &self,
        entries: Vec<serde_json::Value>,
        account: &Account,
        progress: &mut Progress,
    ) -> Vec<ListedPost> {
        progress.unread_here = 0;
        let mut posts = Vec::new();
        for entry in entries {
            // What is deleted or hidden stands as a tombstone.
            if entry.get("type").is_some_and(|kind| kind == "tombstone") {
                continue;
            }
            let Ok(status) = serde_json::from_value::<Status>(entry) else {
                progress.unread_here += 1;
                continue;
            };
            if status.author.id != account.key.native || status.reposted_by.is_some() {
                continue;
            }
            let published = status.created_timestamp.map(Timestamp::from_secs);
            progress.saw(&status.id, published);
            posts.extend(self.listed_post(status));
        }
        posts
    }

    /// `None` where it has no photos.
    pub(super) fn listed_post(&self, status: Status) -> Option<ListedPost> {
        let photos = status.media.map(|media| media.photos).unwrap_or_default();
        let photos = photos.iter().filter(|photo| photo.r#type.as_deref() != Some("gif"));
        let images = delivery::within_bounds(
            photos.filter_map(|photo| image_of(photo.url.as_deref()?, &self.image_size)),
        );
        let published = status.created_timestamp.map(Timestamp::from_secs);
        let key = PostKey::new(Network::Twitter, status.id);
        (!images.is_empty()).then_some(ListedPost { key, published, images })
    }
}

/// What a listing remembers from page to page.
#[derive(Default)]
struct Progress {
    posts_read: u64,
    unread_here: usize,
    newest: Option<Timestamp>,
    oldest: Option<Timestamp>,
    newest_id: Option<PostKey>,
    last_id: Option<PostKey>,
}

impl Progress {
    fn saw(&mut self, id: &str, published: Option<Timestamp>) {
        let key = PostKey::new(Network::Twitter, id);
        if self.newest_id.as_ref().is_none_or(|newest| newest.age_order() < key.age_order()) {
            self.newest_id = Some(key.clone());
        }
        self.last_id = Some(key);
        if let Some(published) = published {
            self.newest = Some(self.newest.map_or(published, |newest| newest.max(published)));
            self.oldest = Some(self.oldest.map_or(published, |oldest| oldest.min(published)));
        }
    }

    /// All that follows was listed before.
    fn reaches(&self, cursor: &Cursor) -> bool {
        match cursor {
            Cursor::Timeline(Some(since)) => {
                let since = PostKey::new(Network::Twitter, since.clone());
                self.last_id.as_ref().is_some_and(|last| last.age_order() <= since.age_order())
            }
            Cursor::Timeline(None) => false,
            Cursor::Search(since) => {
                since.zip(self.oldest).is_some_and(|(since, oldest)| oldest < since.minus(OVERLAP))
            }
        }
    }

    fn end(self, account: &Account, cursor: &Cursor) -> ListingEnd {
        let (cursor, coverage) = match cursor {
            Cursor::Search(old) => (Cursor::Search(self.newest.max(*old)), Coverage::Complete),
            Cursor::Timeline(old) => {
                let is_first = old.is_none();
                let old = old.as_ref().map(|id| PostKey::new(Network::Twitter, id.clone()));
                let newest = self.newest_id.into_iter().chain(old);
                let newest = newest.max_by(|a, b| a.age_order().cmp(&b.age_order())).map(|post| post.native);
                let reaches_further =
                    is_first && account.posts.is_some_and(|posts| posts > u64::from(TIMELINE_DEPTH));
                let coverage = match reaches_further {
                    true => Coverage::LimitedTo(TIMELINE_DEPTH),
                    false => Coverage::Complete,
                };
                (Cursor::Timeline(newest), coverage)
            }
        };
        ListingEnd { cursor, newest: self.newest, oldest: self.oldest, coverage, posts_read: self.posts_read }
    }
}
