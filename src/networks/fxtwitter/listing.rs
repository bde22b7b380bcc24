//! The two listings of X by such a server: its search, and the account's media.

use super::client::FxTwitterClient;
use super::wire::{Page as WirePage, Status};
use crate::base::Timestamp;
use crate::base::ids::{Network, PostKey};
use crate::domain::accounts::Account;
use crate::domain::posts::ListedPost;
use crate::domain::scans::{Cursor, ListingEnd};
use crate::networks::asking::{Effort, read_json, unreadable};
use crate::networks::client::{NetworkClient, PageSink, PostLister};
use crate::networks::delivery::within_bounds;
use crate::networks::error::NetworkError;
use crate::networks::paging::{Bounds, OVERLAP, Page, list_pages};
use crate::networks::twitter::media::image;
use crate::networks::twitter::progress::Progress;

const MEDIA: &str = "profile/:name/media";
const SEARCH: &str = "search";

/// What the API allows.
const PAGE: &str = "100";

const BOUNDS: Bounds = Bounds { empty_pages: 3, pages: u32::MAX };

impl NetworkClient for FxTwitterClient {
    fn network(&self) -> Network {
        Network::Twitter
    }
}

impl PostLister for FxTwitterClient {
    fn list_posts(
        &self,
        account: &Account,
        cursor: &Cursor,
        page: &mut PageSink<'_>,
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
        list_pages(BOUNDS, page, |position| {
            let mut asked: Vec<(&str, &str)> =
                parameters.iter().map(|(name, value)| (*name, value.as_str())).collect();
            asked.extend(position.map(|position| ("cursor", position)));
            let (url, response) = self.call(&path, endpoint, &asked, Effort::LISTING)?;
            let found: WirePage = match response.status {
                // Nothing is newer.
                204 => WirePage { results: Vec::new(), cursor: None },
                200..=299 => read_json(&url, &response)?,
                401 => return Err(NetworkError::AccountPrivate { account: key.clone() }),
                404 => return Err(NetworkError::AccountMissing { account: key.clone() }),
                status => return Err(NetworkError::Refused { endpoint, why: format!("status {status}") }),
            };
            let entries = found.results.len();
            let (posts, unread) = self.read_entries(found.results, account, &mut progress);
            if entries > 0 && unread == entries {
                return Err(unreadable(&url, "none of its entries can be read"));
            }
            progress.seen.read(entries);
            let next = found.cursor.and_then(|cursor| cursor.bottom);
            Ok(Page { entries, posts, next, is_enough: progress.reaches(cursor) })
        })?;
        Ok(progress.end(account, cursor))
    }
}

impl FxTwitterClient {
    /// The posts of a page that are the account's own and have photos, and how many entries cannot be read.
    fn read_entries(
        &self,
        entries: Vec<serde_json::Value>,
        account: &Account,
        progress: &mut Progress,
    ) -> (Vec<ListedPost>, usize) {
        let (mut posts, mut unread) = (Vec::new(), 0);
        for entry in entries {
            // What is deleted or hidden stands as a tombstone.
            if entry.get("type").is_some_and(|kind| kind == "tombstone") {
                continue;
            }
            let Ok(status) = serde_json::from_value::<Status>(entry) else {
                unread += 1;
                continue;
            };
            if status.author.id != account.key.native || status.reposted_by.is_some() {
                continue;
            }
            let published = status.created_timestamp.map(Timestamp::from_secs);
            progress.saw(&status.id, published);
            posts.extend(listed_post(status, &self.image_size));
        }
        (posts, unread)
    }
}

/// `None` where it has no photos.
pub(super) fn listed_post(status: Status, size: &str) -> Option<ListedPost> {
    let photos = status.media.map(|media| media.photos).unwrap_or_default();
    let photos = photos.iter().filter(|photo| photo.r#type.as_deref() != Some("gif"));
    let images = within_bounds(photos.filter_map(|photo| image(photo.url.as_deref()?, size)));
    let published = status.created_timestamp.map(Timestamp::from_secs);
    let key = PostKey::new(Network::Twitter, status.id);
    (!images.is_empty()).then_some(ListedPost { key, published, images })
}
