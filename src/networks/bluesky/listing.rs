//! Listing an account's posts with images: its feed, from the newest post backwards.

use url::Url;

use super::client::{BlueskyClient, Refusal, refusal};
use super::embed;
use super::lookup::{DEACTIVATED, FOR_USERS_ONLY};
use super::wire::{Entry, Feed, Post};
use crate::base::ids::{MAX_KEY_BYTES, Network, PostKey};
use crate::domain::accounts::Account;
use crate::domain::posts::ListedPost;
use crate::domain::scans::{Cursor, ListingEnd};
use crate::fetch::Response;
use crate::networks::asking::{Effort, read_list, unreadable};
use crate::networks::client::{NetworkClient, PostLister, Turns};
use crate::networks::error::NetworkError;
use crate::networks::paging::{Bounds, LONGEST_LISTING, Memory, Page, list_in_turns, list_start};

const METHOD: &str = "app.bsky.feed.getAuthorFeed";

/// What the API allows.
const PAGE: &str = "100";
/// Posts that one account has pinned: the app allows one.
const MAX_PINNED: usize = 20;

/// So many pages hold a million posts.
const BOUNDS: Bounds = Bounds { empty_pages: 20, pages: 10_000, time: LONGEST_LISTING };

impl NetworkClient for BlueskyClient {
    fn network(&self) -> Network {
        Network::Bluesky
    }
}

impl PostLister for BlueskyClient {
    fn list_in_turns(
        &self,
        account: &Account,
        cursor: &Cursor,
        turns: &mut dyn Turns,
    ) -> Result<ListingEnd, NetworkError> {
        let did = account.key.native.as_str();
        if account.key.network != Network::Bluesky || !did.starts_with("did:") {
            return Err(NetworkError::AccountMissing { account: account.key.clone() });
        }
        let since = list_start(cursor, METHOD)?;
        let (memory, ended) = list_in_turns(BOUNDS, turns, |position, memory| {
            let mut progress = Progress(memory);
            let mut parameters = vec![
                ("actor", did),
                ("limit", PAGE),
                ("filter", "posts_with_media"),
                ("includePins", "false"),
            ];
            parameters.extend(position.map(|position| ("cursor", position)));
            let (url, response) = self.call(METHOD, &parameters, Effort::LISTING)?;
            let feed = read_feed(&url, &response, account)?;
            let posts = self.read_entries(&feed, &url, account, &mut progress)?;
            memory.seen.read(feed.feed.len());
            let is_enough = memory.seen.reaches(since);
            Ok(Page {
                entries: feed.feed.len(),
                posts,
                next: feed.cursor,
                is_enough,
                is_cut: feed.feed.is_cut(),
            })
        })?;
        Ok(memory.seen.end_by_date(since, ended))
    }
}

impl BlueskyClient {
    /// The posts of a page that are the account's own and have images.
    fn read_entries(
        &self,
        feed: &Feed,
        url: &Url,
        account: &Account,
        progress: &mut Progress<'_>,
    ) -> Result<Vec<ListedPost>, NetworkError> {
        let mut unreadable_entries = None;
        let mut posts = Vec::new();
        let mut read = 0;
        for entry in feed.feed.read::<Entry>() {
            read += 1;
            match entry {
                Ok(entry) => {
                    if self.settings.respect_no_unauthenticated
                        && entry.post.author.did == account.key.native
                        && entry.post.author.is_for_users_only()
                    {
                        let why = FOR_USERS_ONLY.to_owned();
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
            Some((count, error)) if count == read => Err(unreadable(url, error)),
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
        return read_list(url, response);
    }
    let (meaning, why) = refusal(url, response)?;
    let account = account.key.clone();
    Err(match meaning {
        Refusal::Missing => NetworkError::AccountMissing { account },
        Refusal::TakenDown => NetworkError::AccountSuspended { account },
        Refusal::Deactivated => NetworkError::AccountClosed { account, why: DEACTIVATED.to_owned() },
        Refusal::Blocked => NetworkError::Blocked { account },
        Refusal::Other => NetworkError::Refused { endpoint: METHOD, why },
    })
}

/// What a listing remembers from page to page; its notes are the posts that a server put first although they
/// are not the newest.
struct Progress<'a>(&'a mut Memory);

impl Progress<'_> {
    /// The post as the index wants it; `None` for another's post, for one without images, and for a
    /// pinned one at its second appearance.
    fn take(&mut self, entry: &Entry, account: &Account, full_size: bool) -> Option<ListedPost> {
        let post = &entry.post;
        let own = format!("at://{}/app.bsky.feed.post/", account.key.native);
        let is_own = post.author.did == account.key.native && post.uri.starts_with(&own);
        if !is_own || post.uri.len() > MAX_KEY_BYTES {
            return None;
        }
        match entry.reason() {
            None => self.0.seen.saw(post.sorted_at()),
            Some("app.bsky.feed.defs#reasonPin") => {
                if self.0.notes.len() < MAX_PINNED {
                    self.0.notes.insert(post.uri.clone());
                }
                return listed(post, account, full_size);
            }
            // A repost of an own post stands at the moment of the repost.
            Some(_) => return None,
        }
        if self.0.notes.contains(&post.uri) {
            return None;
        }
        listed(post, account, full_size)
    }
}

fn listed(post: &Post, account: &Account, full_size: bool) -> Option<ListedPost> {
    let places = embed::places(post.embed.as_ref()?, &account.key.native, full_size);
    let key = PostKey::new(Network::Bluesky, post.uri.clone());
    ListedPost::of(key, post.published(), places)
}
