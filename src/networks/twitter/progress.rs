//! What a listing of X remembers from page to page, whoever is asked for it: the paid API or a server that
//! shows the same posts. Its cursors are a date (search) or a post's number (timeline).

use crate::base::Timestamp;
use crate::base::ids::{Network, PostKey};
use crate::domain::accounts::Account;
use crate::domain::scans::{Coverage, Cursor, ListingEnd};
use crate::networks::paging::{OVERLAP, Seen};

/// The timeline shows no more posts than this, reposts counted although they are left out.
pub(in crate::networks) const TIMELINE_DEPTH: u64 = 3200;

#[derive(Debug, Default)]
pub(in crate::networks) struct Progress {
    pub seen: Seen,
    newest_id: Option<PostKey>,
    last_id: Option<PostKey>,
}

impl Progress {
    pub fn saw(&mut self, id: &str, published: Option<Timestamp>) {
        let key = PostKey::new(Network::Twitter, id);
        self.newest_id = newer(self.newest_id.take(), Some(key.clone()));
        self.last_id = Some(key);
        self.seen.saw(published);
    }

    /// This post is listed, if by another listing.
    pub fn knows(&mut self, id: Option<u64>) {
        let key = id.map(|id| PostKey::new(Network::Twitter, id.to_string()));
        self.newest_id = newer(self.newest_id.take(), key);
    }

    /// All that follows was listed before.
    pub fn reaches(&self, cursor: &Cursor) -> bool {
        match cursor {
            Cursor::Timeline(Some(since)) => {
                let since = PostKey::new(Network::Twitter, since.clone());
                self.last_id.as_ref().is_some_and(|last| last.age_order() <= since.age_order())
            }
            Cursor::Timeline(None) => false,
            Cursor::Search(since) => {
                since.zip(self.seen.oldest).is_some_and(|(since, oldest)| oldest < since.minus(OVERLAP))
            }
        }
    }

    pub fn end(self, account: &Account, cursor: &Cursor) -> ListingEnd {
        match cursor {
            Cursor::Search(old) => {
                self.seen.end(Cursor::Search(self.seen.newest.max(*old)), Coverage::Complete)
            }
            Cursor::Timeline(old) => {
                let is_first = old.is_none();
                let old = old.as_ref().map(|id| PostKey::new(Network::Twitter, id.clone()));
                let newest = newer(self.newest_id, old).map(|post| post.native);
                // Reposts count towards the depth but are not seen, so the account's own figure decides.
                let reaches_further = is_first && account.posts.is_some_and(|posts| posts > TIMELINE_DEPTH);
                let coverage = match reaches_further {
                    true => Coverage::LimitedTo(TIMELINE_DEPTH as u32),
                    false => Coverage::Complete,
                };
                self.seen.end(Cursor::Timeline(newest), coverage)
            }
        }
    }
}

fn newer(a: Option<PostKey>, b: Option<PostKey>) -> Option<PostKey> {
    a.into_iter().chain(b).max_by(|a, b| a.age_order().cmp(&b.age_order()))
}
