//! The two listings of X by such a server: its search, and the account's media.

use std::time::Duration;

use super::client::FxTwitterClient;
use super::lookup::Profile;
use super::status::{is_handle, listed_post, published};
use super::wire::{Entry, Page as WirePage};
use crate::base::Timestamp;
use crate::base::ids::Network;
use crate::domain::accounts::Account;
use crate::domain::posts::ListedPost;
use crate::domain::scans::{Cursor, ListingEnd, Window};
use crate::networks::asking::{Effort, Entries, read_list, unreadable};
use crate::networks::client::{NetworkClient, PostLister, Turns};
use crate::networks::error::NetworkError;
use crate::networks::paging::{Bounds, Ended, LONGEST_LISTING, OVERLAP, Page, list_in_turns};
use crate::networks::twitter::progress::{Descent, Progress, is_plausible, note};

const MEDIA: &str = "profile/:name/media";
const SEARCH: &str = "search";

/// What the API allows.
const PAGE: &str = "100";

/// There is a next page named even at the end, where pages are empty. So many pages hold 200,000 posts.
const BOUNDS: Bounds = Bounds { empty_pages: 3, pages: 2000, time: LONGEST_LISTING };

impl NetworkClient for FxTwitterClient {
    fn network(&self) -> Network {
        Network::Twitter
    }
}

/// A window that begins no longer ago is read from the media of the profile, which shows posts at once.
const NEAR: Duration = Duration::from_secs(30 * 86_400);

/// Name of the moment at which a listing that is left had begun.
const BEGUN: &str = "begun";

fn begun_at(notes: &[String]) -> Option<Timestamp> {
    notes.iter().find_map(|text| text.strip_prefix(BEGUN)?.trim().parse().ok()).map(Timestamp)
}

impl PostLister for FxTwitterClient {
    fn list_in_turns(
        &self,
        account: &Account,
        cursor: &Cursor,
        turns: &mut dyn Turns,
    ) -> Result<ListingEnd, NetworkError> {
        let key = &account.key;
        if key.network != Network::Twitter || !key.native.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(NetworkError::AccountMissing { account: key.clone() });
        }
        let begun = turns.place().and_then(|place| begun_at(&place.notes)).unwrap_or_else(Timestamp::now);
        let (path, endpoint, mut parameters) = match cursor {
            Cursor::Search(since) => {
                let mut query = format!("from:{} filter:images", self.handle_of(account)?);
                if let Some(since) = since {
                    query.push_str(&format!(" since_time:{}", since.minus(OVERLAP).secs()));
                }
                ("search".to_owned(), SEARCH, vec![("q", query), ("feed", "latest".to_owned())])
            }
            // The search learns of posts late.
            Cursor::Window(window) if window.to > begun.minus(OVERLAP) && window.from > begun.minus(NEAR) => {
                (format!("profile/id:{}/media", key.native), MEDIA, vec![])
            }
            Cursor::Window(Window { from, to }) => {
                let (from, to) = (from.secs(), to.secs().saturating_add(1));
                let handle = self.handle_of(account)?;
                let query = format!("from:{handle} filter:images since_time:{from} until_time:{to}");
                ("search".to_owned(), SEARCH, vec![("q", query), ("feed", "latest".to_owned())])
            }
            Cursor::Timeline(_) => (format!("profile/id:{}/media", key.native), MEDIA, vec![]),
        };
        parameters.push(("count", PAGE.to_owned()));
        let (mut progress, mut descent) = (Progress::default(), Descent::default());
        let mut is_cut = false;
        let mut is_resumed = turns.place().is_some();
        let (_, ended) = list_in_turns(BOUNDS, turns, |position, memory| {
            if std::mem::take(&mut is_resumed) {
                (progress, descent) = (Progress::at(memory), Descent::at(&memory.notes));
            }
            let mut asked: Vec<(&str, &str)> =
                parameters.iter().map(|(name, value)| (*name, value.as_str())).collect();
            asked.extend(position.map(|position| ("cursor", position)));
            let (url, response) = self.call(&path, endpoint, &asked, Effort::LISTING)?;
            let found = match response.status {
                // Nothing is newer.
                204 => WirePage::default(),
                200..=299 => read_list(&url, &response)?,
                status => self.without_list(account, endpoint, status)?,
            };
            if let Some(code) = found.code.filter(|code| !(200..300).contains(code)) {
                return Err(unreadable(&url, format!("its status is 200, and its code {code}")));
            }
            let entries = found.results.len();
            let (posts, is_unreadable) = self.read_entries(&found.results, account, &mut progress);
            if is_unreadable {
                return Err(unreadable(&url, "none of its entries can be read"));
            }
            progress.seen.read(entries);
            let mut next = found.cursor.and_then(|cursor| cursor.bottom);
            if next.is_some() && entries > 0 && descent.is_stuck(progress.oldest_number()) {
                is_cut = true;
                next = None;
            }
            memory.seen = progress.seen;
            memory.notes = progress.notes().chain(descent.notes()).chain([note(BEGUN, begun.0)]).collect();
            let posts = match cursor {
                Cursor::Window(window) => {
                    posts.into_iter().filter(|post| post.published.is_none_or(|at| at <= window.to)).collect()
                }
                Cursor::Search(_) | Cursor::Timeline(_) => posts,
            };
            let is_enough = progress.reaches(cursor);
            Ok(Page { entries, posts, next, is_enough, is_cut: found.results.is_cut() })
        })?;
        if endpoint == SEARCH && progress.seen.posts_read > 0 && progress.oldest_number().is_none() {
            let why = format!("its results are all of others: @{} is another account now", account.handle);
            return Err(NetworkError::Refused { endpoint, why });
        }
        is_cut |= ended == Ended::Endless;
        let known = if endpoint == SEARCH { begun.minus(OVERLAP) } else { begun };
        let end = progress.end(account, cursor, known);
        Ok(if is_cut { end.cut_short() } else { end })
    }
}

impl FxTwitterClient {
    /// The name that the search wants. It is not known of every account.
    fn handle_of(&self, account: &Account) -> Result<String, NetworkError> {
        if is_handle(&account.handle) {
            return Ok(account.handle.clone());
        }
        match self.profile_of(account)? {
            Profile::User(user) if is_handle(&user.screen_name) => Ok(user.screen_name),
            Profile::User(user) => {
                let why = format!("{:?} is no name that can be searched for", user.screen_name);
                Err(NetworkError::Refused { endpoint: SEARCH, why })
            }
            Profile::Missing => Err(NetworkError::AccountMissing { account: account.key.clone() }),
            Profile::Suspended => Err(NetworkError::AccountSuspended { account: account.key.clone() }),
        }
    }

    /// A list was refused with this status. That says nothing about the account: such a server says the same
    /// where X did not answer it, and of a list that is empty. What its profile says decides.
    fn without_list(
        &self,
        account: &Account,
        endpoint: &'static str,
        status: u16,
    ) -> Result<WirePage, NetworkError> {
        let refused = || NetworkError::Refused { endpoint, why: format!("status {status}") };
        if endpoint == SEARCH || !matches!(status, 401 | 403 | 404 | 410) {
            return Err(refused());
        }
        let account = account.clone();
        match self.profile_of(&account)? {
            Profile::User(user) if user.protected == Some(true) => {
                Err(NetworkError::AccountPrivate { account: account.key })
            }
            Profile::User(user) if user.media_count == Some(0) => Ok(WirePage::default()),
            Profile::User(_) => Err(refused()),
            Profile::Missing => Err(NetworkError::AccountMissing { account: account.key }),
            Profile::Suspended => Err(NetworkError::AccountSuspended { account: account.key }),
        }
    }

    /// The posts of a page that are the account's own and have photos, and whether none of its entries can be
    /// read.
    fn read_entries(
        &self,
        entries: &Entries,
        account: &Account,
        progress: &mut Progress,
    ) -> (Vec<ListedPost>, bool) {
        let (mut posts, mut count, mut unread) = (Vec::new(), 0, 0);
        for entry in entries.read::<Entry>() {
            count += 1;
            let status = match entry {
                Ok(Entry::Status(status)) => status,
                // What is deleted or hidden.
                Ok(Entry::Tombstone) => continue,
                Err(_) => {
                    unread += 1;
                    continue;
                }
            };
            if !is_plausible(&status.id) {
                unread += 1;
                continue;
            }
            if status.author.id != account.key.native || status.reposted_by.is_some() {
                continue;
            }
            progress.saw(&status.id, published(&status));
            posts.extend(listed_post(*status, &self.image_size));
        }
        (posts, count > 0 && unread == count)
    }
}
