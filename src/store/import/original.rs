//! A database of the original AOTF: what is read of it, wherever it is, and what its values mean.

use std::error::Error;

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;

use super::pages::{ImportedAccount, ImportedPost, ImportedRetry};
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

    fn accounts(
        &mut self,
        zone: &TimeZone,
        skipped: &mut Skipped,
    ) -> Result<Vec<ImportedAccount>, ImportError>;

    fn retries(&mut self, zone: &TimeZone, skipped: &mut Skipped) -> Result<Vec<ImportedRetry>, ImportError>;
}

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
}
