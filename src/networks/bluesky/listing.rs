//! Listing an account's posts with images: its feed, from the newest post backwards.

use std::collections::HashSet;
use std::ops::ControlFlow;

use url::Url;

use super::wire::{Entry, Feed, Post};
use super::{BlueskyClient, Effort, Refusal, embed, refusal};
use crate::base::Timestamp;
use crate::base::ids::{Network, PostKey};
use crate::domain::accounts::Account;
use crate::domain::posts::ListedPost;
use crate::domain::scans::{Coverage, Cursor, ListingEnd};
use crate::fetch::Response;
use crate::networks::asking::{read_json, unreadable};
use crate::networks::{NetworkError, OVERLAP, delivery, list_start};

const METHOD: &str = "app.bsky.feed.getAuthorFeed";

/// What the API allows.
const PAGE: &str = "100";

/// An empty page is no end (what was on it may be hidden), but this many in a row are.
const MAX_EMPTY_PAGES: u32 = 20;

impl BlueskyClient {
    pub(super) fn list(
        &self,
        account: &Account,
        cursor: &Cursor,
        page: &mut dyn FnMut(Vec<ListedPost>) -> ControlFlow<()>,
    ) -> Result<ListingEnd, NetworkError> {
        let did = account.key.native.as_str();
        if account.key.network != Network::Bluesky || !did.starts_with("did:") {
            return Err(NetworkError::AccountMissing { account: account.key.clone() });
        }
        let since = list_start(cursor, METHOD)?;
        let until = since.map(|since| since.minus(OVERLAP));
        let mut progress = Progress::default();
        let mut position: Option<String> = None;
        let mut empty_pages = 0;
        loop {
            let mut parameters = vec![
                ("actor", did),
                ("limit", PAGE),
                ("filter", "posts_with_media"),
                ("includePins", "false"),
            ];
            parameters.extend(position.as_deref().map(|position| ("cursor", position)));
            let (url, response) = self.call(METHOD, &parameters, Effort::LISTING)?;
            let feed = read_feed(&url, &response, account)?;
            let read = feed.feed.len();
            let posts = self.read_entries(&feed, &url, account, &mut progress)?;
            progress.posts_read += read as u64;
            delivery::deliver(posts, page)?;
            empty_pages = if read == 0 { empty_pages + 1 } else { 0 };
            let is_over = feed.cursor.is_none()
                || feed.cursor == position
                || empty_pages >= MAX_EMPTY_PAGES
                || until.is_some_and(|until| progress.last.is_some_and(|last| last < until));
            if is_over {
                return Ok(progress.end(since));
            }
            position = feed.cursor;
        }
    }

    /// The posts of a page that are the account's own and have images.
    fn read_entries(
        &self,
        feed: &Feed,
        url: &Url,
        account: &Account,
        progress: &mut Progress,
    ) -> Result<Vec<ListedPost>, NetworkError> {
        let mut unreadable_entries = None;
        let mut posts = Vec::new();
        for value in &feed.feed {
            match serde_json::from_value::<Entry>(value.clone()) {
                Ok(entry) => {
                    if self.settings.respect_no_unauthenticated
                        && entry.post.author.did == account.key.native
                        && entry.post.author.is_for_users_only()
                    {
                        let why = super::lookup::FOR_USERS_ONLY.to_owned();
                        return Err(NetworkError::AccountClosed { account: account.key.clone(), why });
                    }
                    posts.extend(progress.take(&entry, account, self.settings.is_full_size()));
                }
                Err(error) => {
                    unreadable_entries = Some((unreadable_entries.map_or(1, |(n, _)| n + 1), error))
                }
            }
        }
        match unreadable_entries {
            Some((count, error)) if count == feed.feed.len() => Err(unreadable(url, error)),
            Some((count, error)) => {
                tracing::warn!(account = %account.key, count, %error, "posts of a page skipped");
                Ok(posts)
            }
            None => Ok(posts),
        }
    }
}

fn read_feed(url: &Url, response: &Response, account: &Account) -> Result<Feed, NetworkError> {
    if response.is_success() {
        return read_json(url, response);
    }
    let (meaning, why) = refusal(url, response)?;
    let account = account.key.clone();
    Err(match meaning {
        Refusal::Missing => NetworkError::AccountMissing { account },
        Refusal::TakenDown => NetworkError::AccountSuspended { account },
        Refusal::Deactivated => {
            NetworkError::AccountClosed { account, why: super::lookup::DEACTIVATED.to_owned() }
        }
        Refusal::Blocked => NetworkError::Blocked { account },
        Refusal::Other => NetworkError::Refused { endpoint: METHOD, why },
    })
}

/// What a listing remembers from page to page.
#[derive(Default)]
struct Progress {
    posts_read: u64,
    newest: Option<Timestamp>,
    oldest: Option<Timestamp>,
    /// Where the last post stands in the order of the feed.
    last: Option<Timestamp>,
    /// Posts that a server put first although they are not the newest; few.
    pinned: HashSet<String>,
}

impl Progress {
    /// The post as the index wants it; `None` for another's post, for one without images, and for a
    /// pinned one at its second appearance.
    fn take(&mut self, entry: &Entry, account: &Account, full_size: bool) -> Option<ListedPost> {
        let post = &entry.post;
        let own = format!("at://{}/app.bsky.feed.post/", account.key.native);
        if post.author.did != account.key.native || !post.uri.starts_with(&own) {
            return None;
        }
        match entry.reason() {
            None => self.saw(post),
            Some("app.bsky.feed.defs#reasonPin") => {
                self.pinned.insert(post.uri.clone());
                return listed(post, account, full_size);
            }
            // A repost of an own post stands at the moment of the repost.
            Some(_) => return None,
        }
        if self.pinned.contains(&post.uri) {
            return None;
        }
        listed(post, account, full_size)
    }

    fn saw(&mut self, post: &Post) {
        let Some(moment) = post.sorted_at() else { return };
        self.last = Some(moment);
        self.newest = Some(self.newest.map_or(moment, |newest| newest.max(moment)));
        self.oldest = Some(self.oldest.map_or(moment, |oldest| oldest.min(moment)));
    }

    fn end(self, since: Option<Timestamp>) -> ListingEnd {
        ListingEnd {
            cursor: Cursor::Search(self.newest.max(since)),
            newest: self.newest,
            oldest: self.oldest,
            coverage: Coverage::Complete,
            posts_read: self.posts_read,
        }
    }
}

fn listed(post: &Post, account: &Account, full_size: bool) -> Option<ListedPost> {
    let images = embed::images(post.embed.as_ref()?, &account.key.native, full_size);
    if images.is_empty() {
        return None;
    }
    let key = PostKey::new(Network::Bluesky, post.uri.clone());
    Some(ListedPost { key, published: post.published(), images })
}
