//! Listing an account's posts with images: its feed, from the newest post backwards.

use url::Url;

use super::client::{BlueskyClient, DEACTIVATED, FOR_USERS_ONLY, Refusal, refusal};
use super::embed;
use super::wire::{Entry, Feed, Post};
use crate::base::ids::{MAX_KEY_BYTES, Network, PostKey};
use crate::config;
use crate::domain::accounts::Account;
use crate::domain::posts::ListedPost;
use crate::domain::scans::{Cursor, ListingEnd, Window};
use crate::fetch::Response;
use crate::networks::asking::{Effort, read_list, unreadable};
use crate::networks::client::{NetworkClient, PostLister, Turns};
use crate::networks::error::NetworkError;
use crate::networks::paging::{Bounds, LONGEST_LISTING, Memory, Page, Span, list_in_turns};

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
        let span = Span::of(cursor, METHOD)?;
        // Asked for once in each turn, where it is needed.
        let mut server = None;
        let (memory, ended) = list_in_turns(BOUNDS, turns, |position, memory| match span {
            Span::Since(_) => self.read_feed_page(account, span, position, memory),
            Span::Window(window) => self.read_window_page(account, window, position, &mut server, memory),
        })?;
        Ok(span.end(memory.seen, ended))
    }
}

/// How the name of a page of a window begins; the rest is the name that the feed, or the account's own
/// server, has for it.
const OF_FEED: &str = "feed:";
const OF_RECORDS: &str = "records:";

impl BlueskyClient {
    /// A page of a window: from the account's own server as long as that can be read, else from the feed,
    /// which begins with the newest post.
    fn read_window_page(
        &self,
        account: &Account,
        window: Window,
        position: Option<&str>,
        server: &mut Option<Option<Url>>,
        memory: &mut Memory,
    ) -> Result<Page, NetworkError> {
        let span = Span::Window(window);
        let named =
            |name: &str, page: Page| Page { next: page.next.map(|next| format!("{name}{next}")), ..page };
        let of_feed = position.and_then(|position| position.strip_prefix(OF_FEED));
        if of_feed.is_none() {
            let server = match server {
                Some(known) => known.clone(),
                None => server.insert(self.own_server(&account.key.native)?).clone(),
            };
            let cursor = position.and_then(|position| position.strip_prefix(OF_RECORDS));
            let page = match server {
                Some(server) => self.read_records(&server, account, window, cursor, memory)?,
                None => None,
            };
            if let Some(page) = page {
                let is_enough = span.is_passed(&memory.seen);
                return Ok(Page { is_enough, ..named(OF_RECORDS, page) });
            }
        }
        Ok(named(OF_FEED, self.read_feed_page(account, span, of_feed, memory)?))
    }

    fn read_feed_page(
        &self,
        account: &Account,
        span: Span,
        cursor: Option<&str>,
        memory: &mut Memory,
    ) -> Result<Page, NetworkError> {
        let mut progress = Progress(memory);
        let mut parameters = vec![
            ("actor", account.key.native.as_str()),
            ("limit", PAGE),
            ("filter", "posts_with_media"),
            ("includePins", "false"),
        ];
        parameters.extend(cursor.map(|cursor| ("cursor", cursor)));
        let (url, response) = self.call(METHOD, &parameters, Effort::LISTING)?;
        let feed = read_feed(&url, &response, account)?;
        let mut posts = self.read_entries(&feed, &url, account, &mut progress)?;
        posts.retain(|post| span.holds(post.published));
        memory.seen.read(feed.feed.len());
        let is_enough = span.is_passed(&memory.seen);
        let (entries, is_cut) = (feed.feed.len(), feed.feed.is_cut());
        Ok(Page { entries, posts, next: feed.cursor, is_enough, is_cut })
    }

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
                    refuse_for_users_only(&self.settings, &entry.post, account)?;
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

/// Fails where this post says that the account's owner asks not to be shown, and the settings respect that.
pub(super) fn refuse_for_users_only(
    settings: &config::Bluesky,
    post: &Post,
    account: &Account,
) -> Result<(), NetworkError> {
    let is_own = post.author.did == account.key.native;
    if settings.respect_no_unauthenticated && is_own && post.author.is_for_users_only() {
        let why = FOR_USERS_ONLY.to_owned();
        return Err(NetworkError::AccountClosed { account: account.key.clone(), why });
    }
    Ok(())
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
        if !is_own(post, account) {
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

/// The account's own post, under a key that can be stored.
fn is_own(post: &Post, account: &Account) -> bool {
    let own = format!("at://{}/app.bsky.feed.post/", account.key.native);
    post.author.did == account.key.native && post.uri.starts_with(&own) && post.uri.len() <= MAX_KEY_BYTES
}

/// A single post as the feed of its account would list it; `None` for another's, and for one without images.
pub(super) fn listed_own(post: &Post, account: &Account, full_size: bool) -> Option<ListedPost> {
    is_own(post, account).then(|| listed(post, account, full_size)).flatten()
}

fn listed(post: &Post, account: &Account, full_size: bool) -> Option<ListedPost> {
    let places = embed::places(post.embed.as_ref()?, &account.key.native, full_size);
    let key = PostKey::new(Network::Bluesky, post.uri.clone());
    ListedPost::of(key, post.published(), places)
}
