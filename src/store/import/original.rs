//! A database of the original AOTF: what is read of it, wherever it is, and what its values mean.

use std::collections::BTreeMap;
use std::error::Error;

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;

use super::pages::{ImportedAccount, ImportedPost, ImportedRetry};
use crate::base::ids::{AccountKey, Network};
use crate::base::{Fingerprint, Timestamp};
use crate::store::error::StoreError;

/// Rows read at a time and written in one commit.
pub const PAGE_ROWS: u32 = 5000;

/// Rows that could not be taken over, of which the report names the first.
const NAMED_SKIPPED: usize = 20;

/// What an engine of the original said.
type Cause = Box<dyn Error + Send + Sync>;

/// Why an import stopped. What was imported so far stays; running it again goes on.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    #[error("could not open {place}")]
    Open { place: String, source: Cause },
    #[error("{place} is no database of the original AOTF: it has no table {table:?} with the known columns")]
    NotAotf { place: String, table: &'static str, source: Cause },
    #[error("could not read the table {table:?} of the original")]
    Read { table: &'static str, source: Cause },
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Rows that cannot be taken over.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Skipped {
    pub count: u64,
    /// The first of them, for people.
    pub examples: Vec<String>,
}

impl Skipped {
    pub(super) fn add(&mut self, why: String) {
        self.count += 1;
        if self.examples.len() < NAMED_SKIPPED {
            self.examples.push(why);
        }
    }
}

/// The original's database, open for reading. However often its posts are read, they are the same,
/// whatever its server adds meanwhile.
pub trait Original {
    fn count(&mut self, table: &'static str) -> Result<u64, ImportError>;

    /// The next page of posts after the place `after`; `None` at the end. Begin with [`FIRST`].
    fn posts(&mut self, after: i128) -> Result<Option<PostPage>, ImportError>;

    fn accounts(&mut self, skipped: &mut Skipped) -> Result<Vec<WrittenAccount>, ImportError>;

    fn retries(&mut self, zone: &TimeZone, skipped: &mut Skipped) -> Result<Vec<ImportedRetry>, ImportError>;
}

/// An account as the original has it: dates are text, and not all of them are dates.
#[derive(Clone, Debug, Default)]
pub struct WrittenAccount {
    pub native: String,
    /// X's date in UTC.
    pub search_cursor: Option<String>,
    pub search_listed_at: Option<String>,
    pub search_reset_at: Option<String>,
    pub timeline_cursor: Option<String>,
    pub timeline_listed_at: Option<String>,
    pub last_used_at: Option<String>,
    pub uses: u64,
}

/// Accounts with dates that cannot be read (`0000-00-00`, month 13).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Undated {
    pub count: u64,
    /// The first of them with what stands there, for people.
    pub examples: Vec<String>,
    /// Those whose search was under way to a date that cannot be read: they are listed from the start
    /// again. With the number of their posts that are stored.
    pub listed_again: BTreeMap<AccountKey, u64>,
}

impl WrittenAccount {
    /// The account as we keep it. Where the date of a listing cannot be read but its cursor can, the cursor
    /// is kept: the listing was not before what it found, nor before the newest of the other dates is it
    /// known to have been made. Nothing that was stored is lost by taking it for older.
    pub(super) fn read(self, zone: &TimeZone, undated: &mut Undated) -> ImportedAccount {
        let key = AccountKey::new(Network::Twitter, self.native);
        let mut odd = Vec::new();
        let mut date = |name: &str, text: Option<&str>, read: &dyn Fn(&str) -> Option<Timestamp>| {
            let text = text?;
            let date = read(text);
            if date.is_none() {
                odd.push(format!("{name} {:?}", text.chars().take(MAX_ODD_CHARS).collect::<String>()));
            }
            date
        };
        let local = |text: &str| local_date(text, zone);
        let search_cursor = date("search up to", self.search_cursor.as_deref(), &day);
        let searched = date("search of", self.search_listed_at.as_deref(), &local);
        let search_reset_at = date("search begun", self.search_reset_at.as_deref(), &local);
        let timeline = date("timeline of", self.timeline_listed_at.as_deref(), &local);
        let last_used_at = date("used", self.last_used_at.as_deref(), &local);
        let timeline_cursor = self.timeline_cursor;
        let search_listed_at = searched.or(search_cursor);
        let timeline_listed_at =
            timeline.or(timeline_cursor.as_ref().and(search_listed_at.or(last_used_at).or(Some(LONG_AGO))));
        if !odd.is_empty() {
            undated.count += 1;
            if undated.examples.len() < NAMED_SKIPPED {
                undated.examples.push(format!("the account {}: {}", key.native, odd.join(", ")));
            }
            if search_cursor.is_none() && self.search_cursor.is_some() {
                undated.listed_again.insert(key.clone(), 0);
            }
        }
        ImportedAccount {
            key,
            search_cursor,
            search_listed_at,
            search_reset_at,
            timeline_cursor,
            timeline_listed_at,
            last_used_at,
            uses: self.uses,
        }
    }
}

/// Characters of a date that is none, for people.
const MAX_ODD_CHARS: usize = 40;

/// When a listing was made of which no date is known.
const LONG_AGO: Timestamp = Timestamp(1);

/// A place before all others.
pub const FIRST: i128 = i128::MIN;

/// Some posts of the original, in the order of its table.
pub struct PostPage {
    /// Every post whose row could be read.
    pub posts: Vec<ImportedPost>,
    pub rows: u64,
    /// The place of the last.
    pub last: i128,
    /// Why others could not.
    pub skipped: Vec<String>,
}

/// The original writes the bits of the matrix least significant first, the number big-endian; we,
/// like ImageHash, put the first bit first.
pub fn stored_fingerprint(stored: [u8; 8]) -> Fingerprint {
    Fingerprint(u64::from_be_bytes(stored).reverse_bits())
}

/// `2022-12-10`, X's date in UTC, as the moment it began: listing from there repeats a part of that
/// day, and misses nothing.
pub fn day(text: &str) -> Option<Timestamp> {
    let date: Date = text.parse().ok()?;
    let start = date.to_zoned(TimeZone::UTC).ok()?;
    Some(Timestamp(start.timestamp().as_millisecond()))
}

/// `2022-01-11 05:51:40` in the time of the original's server. A time that the clock showed twice
/// is taken as the earlier; one it skipped, as if the clock had not been changed yet.
pub fn local_date(text: &str, zone: &TimeZone) -> Option<Timestamp> {
    let date: DateTime = text.parse().ok()?;
    let moment = zone.to_ambiguous_timestamp(date).compatible().ok()?;
    Some(Timestamp(moment.as_millisecond()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bits_are_reversed() {
        let stored = [0x53, 0xA3, 0xF2, 0xB4, 0xB4, 0x5E, 0x66, 0x09];
        assert_eq!(stored_fingerprint(stored).to_string(), "90667a2d2d4fc5ca");
        assert_eq!(stored_fingerprint([0, 0, 0, 0, 0, 0, 0, 1]).to_string(), "8000000000000000");
    }

    #[test]
    fn a_day_begins_at_midnight_utc() {
        assert_eq!(day("2022-12-10"), Timestamp::parse_rfc3339("2022-12-10T00:00:00Z"));
        assert_eq!(day("soon"), None);
    }

    #[test]
    fn a_cursor_is_kept_where_it_can_be_read() {
        let read = |account: WrittenAccount| {
            let mut undated = Undated::default();
            let read = account.read(&TimeZone::UTC, &mut undated);
            (read, undated)
        };
        let text = |text: &str| Some(text.to_owned());
        let whole = WrittenAccount {
            native: "12".to_owned(),
            search_cursor: text("2022-12-10"),
            search_listed_at: text("2022-12-11 05:51:40"),
            search_reset_at: text("2022-01-01 00:00:00"),
            timeline_cursor: text("1601521778598236423"),
            timeline_listed_at: text("2022-12-12 05:51:40"),
            last_used_at: text("2022-12-13 05:51:40"),
            uses: 3,
        };
        let (plain, undated) = read(whole.clone());
        assert_eq!(undated, Undated::default());
        assert_eq!(plain.search_listed_at, Timestamp::parse_rfc3339("2022-12-11T05:51:40Z"));

        // The dates of both listings cannot be read: both cursors stay.
        let zero = text("0000-00-00 00:00:00");
        let (kept, undated) = read(WrittenAccount {
            search_listed_at: zero.clone(),
            timeline_listed_at: zero,
            ..whole.clone()
        });
        assert_eq!(
            (kept.search_cursor, &kept.timeline_cursor),
            (plain.search_cursor, &plain.timeline_cursor)
        );
        assert_eq!(kept.search_listed_at, plain.search_cursor);
        assert_eq!(kept.timeline_listed_at, plain.search_cursor);
        let example =
            "the account 12: search of \"0000-00-00 00:00:00\", timeline of \"0000-00-00 00:00:00\"";
        assert_eq!(
            (undated.count, undated.examples, undated.listed_again.len()),
            (1, vec![example.into()], 0)
        );

        // The cursor itself cannot be read: the search begins anew, the timeline goes on.
        let (kept, undated) = read(WrittenAccount { search_cursor: text("2022-13-10"), ..whole });
        assert_eq!((kept.search_cursor, kept.search_listed_at), (None, plain.search_listed_at));
        assert_eq!(kept.timeline_cursor, plain.timeline_cursor);
        assert_eq!(undated.listed_again.into_iter().collect::<Vec<_>>(), [(kept.key, 0)]);

        // Nothing was ever listed: nothing is missing.
        let never = WrittenAccount { native: "13".to_owned(), ..WrittenAccount::default() };
        let (kept, undated) = read(never);
        assert_eq!((kept.search_listed_at, kept.timeline_listed_at, undated.count), (None, None, 0));
    }
}
