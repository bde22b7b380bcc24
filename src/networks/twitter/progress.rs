//! What a listing of X remembers from page to page, whoever is asked for it: the paid API or a server that
//! shows the same posts. Its cursors are a date (search) or a post's number (timeline).

use std::collections::HashSet;
use std::fmt::Display;
use std::time::Duration;

use crate::base::Timestamp;
use crate::base::ids::{Network, PostKey};
use crate::domain::accounts::Account;
use crate::domain::posts::snowflake_time;
use crate::domain::scans::{Coverage, Cursor, ListingEnd, Window};
use crate::networks::paging::{Memory, OVERLAP, Seen};

/// The timeline shows no more posts than this, reposts counted although they are left out.
pub(in crate::networks) const TIMELINE_DEPTH: u64 = 3200;

/// A listing that gives so many pages in a row with nothing older than before goes in a circle.
const STUCK_PAGES: u32 = 5;

/// A post is not published so long after the present, whatever the clocks.
const CLOCKS_DIFFER: Duration = Duration::from_secs(86_400);

/// Listings show a post within this time.
const SHOWN_AFTER: Duration = Duration::from_secs(60);

// Names of what is remembered of a listing that is left, beside what all networks remember.
const NEWEST: &str = "newest";
const LAST: &str = "last";
const OLDEST: &str = "oldest";
const LOWEST: &str = "lowest";
const STUCK: &str = "stuck";

/// Something that a listing remembers.
pub(in crate::networks) fn note(name: &str, value: impl Display) -> String {
    format!("{name} {value}")
}

/// What is remembered under this name.
pub(in crate::networks) fn noted<'a>(
    notes: &'a HashSet<String>,
    name: &'a str,
) -> impl Iterator<Item = &'a str> {
    notes.iter().filter_map(move |note| note.strip_prefix(name)?.strip_prefix(' '))
}

/// Whether a post can have this number. One of a time to come would become the cursor, and hide everything
/// that is posted until then.
pub(in crate::networks) fn is_plausible(id: &str) -> bool {
    let number: Option<i64> = id.parse().ok().filter(|number: &i64| *number > 0);
    let is_number = number.is_some() && id.bytes().all(|byte| byte.is_ascii_digit());
    let latest = Timestamp::now().plus(CLOCKS_DIFFER);
    is_number && snowflake_time(id).is_none_or(|moment| moment <= latest)
}

/// Whether the pages of a listing lead back in time.
#[derive(Debug, Default)]
pub(in crate::networks) struct Descent {
    oldest: Option<u64>,
    stuck: u32,
}

impl Descent {
    /// As it was when a listing was left.
    pub fn at(notes: &HashSet<String>) -> Descent {
        let number = |name| noted(notes, name).next().and_then(|text| text.parse().ok());
        let stuck = number(STUCK).and_then(|stuck: u64| u32::try_from(stuck).ok()).unwrap_or(0);
        Descent { oldest: number(LOWEST), stuck }
    }

    /// What is to be remembered of it.
    pub fn notes(&self) -> impl Iterator<Item = String> {
        let lowest = self.oldest.map(|oldest| note(LOWEST, oldest));
        lowest.into_iter().chain((self.stuck > 0).then(|| note(STUCK, self.stuck)))
    }

    /// One more page with posts was read, and `oldest` is the oldest post so far. True when the listing does
    /// not come further, and so would not end.
    pub fn is_stuck(&mut self, oldest: Option<u64>) -> bool {
        let is_older = match (oldest, self.oldest) {
            (Some(now), Some(before)) => now < before,
            (now, _) => now.is_some(),
        };
        self.stuck = if is_older { 0 } else { self.stuck + 1 };
        self.oldest = oldest;
        self.stuck >= STUCK_PAGES
    }
}

#[derive(Debug, Default)]
pub(in crate::networks) struct Progress {
    pub seen: Seen,
    newest_id: Option<PostKey>,
    last_id: Option<PostKey>,
    oldest_number: Option<u64>,
}

impl Progress {
    /// As it was when a listing was left.
    pub fn at(memory: &Memory) -> Progress {
        let one = |name| noted(&memory.notes, name).next();
        let key = |name| one(name).map(|id| PostKey::new(Network::Twitter, id));
        Progress {
            seen: memory.seen,
            newest_id: key(NEWEST),
            last_id: key(LAST),
            oldest_number: one(OLDEST).and_then(|number| number.parse().ok()),
        }
    }

    /// What is to be remembered of it beside `seen`.
    pub fn notes(&self) -> impl Iterator<Item = String> {
        let key = |name, id: &Option<PostKey>| id.as_ref().map(|id| note(name, &id.native));
        let oldest = self.oldest_number.map(|number| note(OLDEST, number));
        [key(NEWEST, &self.newest_id), key(LAST, &self.last_id), oldest].into_iter().flatten()
    }

    pub fn saw(&mut self, id: &str, published: Option<Timestamp>) {
        let key = PostKey::new(Network::Twitter, id);
        self.oldest_number = self.oldest_number.into_iter().chain(id.parse()).min();
        self.newest_id = newer(self.newest_id.take(), Some(key.clone()));
        self.last_id = Some(key);
        self.seen.saw(published);
    }

    /// The lowest number of a post that was seen.
    pub fn oldest_number(&self) -> Option<u64> {
        self.oldest_number
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
            Cursor::Window(window) => self.seen.oldest.is_some_and(|oldest| oldest < window.from),
            Cursor::Search(since) => {
                since.zip(self.seen.oldest).is_some_and(|(since, oldest)| oldest < since.minus(OVERLAP))
            }
        }
    }

    /// `begun`: what was posted later a window does not know.
    pub fn end(self, account: &Account, cursor: &Cursor, begun: Timestamp) -> ListingEnd {
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
            Cursor::Window(window) => {
                let until = Window { to: window.to.min(begun.minus(SHOWN_AFTER)), ..*window };
                self.seen.end(Cursor::Window(until), Coverage::Complete)
            }
        }
    }
}

fn newer(a: Option<PostKey>, b: Option<PostKey>) -> Option<PostKey> {
    a.into_iter().chain(b).max_by(|a, b| a.age_order().cmp(&b.age_order()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_that_cannot_be_are_none() {
        let check = |id, expect| assert_eq!(is_plausible(id), expect, "{id}");
        check("20", true);
        check("1558553189766631429", true);
        // 2^63 - 1, 2^63, 2^64, and what no number is.
        for id in
            ["9223372036854775807", "9223372036854775808", "18446744073709551616", "0", "-5", "+5", "", "7x"]
        {
            check(id, false);
        }
    }

    #[test]
    fn a_circle_is_noticed() {
        let mut descent = Descent::default();
        let mut is_stuck = |oldest| descent.is_stuck(oldest);
        assert!([Some(90), Some(80), Some(80), Some(70)].into_iter().all(|oldest| !is_stuck(oldest)));
        let circle: Vec<bool> = (0..5).map(|_| is_stuck(Some(70))).collect();
        assert_eq!(circle, [false, false, false, false, true]);
    }
}
