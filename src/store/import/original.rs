//! The database file of the original AOTF: opened for reading, its rows as values of ours.

use std::path::Path;
use std::time::Duration;

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags, Row};

use super::aotf_sqlite::{ImportError, PAGE_ROWS, Skipped};
use super::{ImportedAccount, ImportedImage, ImportedPost, ImportedRetry};
use crate::base::ids::{AccountKey, Network, PostKey};
use crate::base::{Fingerprint, Timestamp};

/// How long to wait while the original writes.
const BUSY_TIMEOUT: Duration = Duration::from_secs(30);

/// The original's file, open for reading.
pub struct Original {
    connection: Connection,
}

/// Some posts of the original, in the order of its table.
pub struct PostPage {
    /// Every post whose row could be read.
    pub posts: Vec<ImportedPost>,
    pub rows: u64,
    pub last_row: i64,
    /// Why others could not.
    pub skipped: Vec<String>,
}

impl Original {
    pub fn open(path: &Path) -> Result<Original, ImportError> {
        let open = || {
            let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
            let connection = Connection::open_with_flags(path, flags)?;
            connection.busy_timeout(BUSY_TIMEOUT)?;
            Ok(connection)
        };
        let connection = open().map_err(|source| ImportError::Open { path: path.to_owned(), source })?;
        for (table, sql) in [("accounts", ACCOUNTS), ("tweets", POSTS), ("reindex_tweets", RETRIES)] {
            connection.prepare(sql).map_err(|source| ImportError::NotAotf {
                path: path.to_owned(),
                table,
                source,
            })?;
        }
        Ok(Original { connection })
    }

    pub fn count(&self, table: &'static str) -> Result<u64, ImportError> {
        self.connection
            .query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get::<_, i64>(0))
            .map(|count| u64::try_from(count).unwrap_or(0))
            .map_err(|source| ImportError::Read { table, source })
    }

    /// The last row of the posts' table; what the original adds later is left for the next run.
    pub fn last_row(&self) -> Result<i64, ImportError> {
        self.connection
            .query_row("SELECT coalesce(max(rowid), 0) FROM tweets", [], |row| row.get(0))
            .map_err(|source| ImportError::Read { table: "tweets", source })
    }

    /// The next page of posts after the row `after`; `None` at the end.
    pub fn posts(&self, after: i64, last_row: i64) -> Result<Option<PostPage>, ImportError> {
        let read = || {
            let mut page = PostPage { posts: Vec::new(), rows: 0, last_row: after, skipped: Vec::new() };
            let mut statement = self.connection.prepare_cached(POSTS)?;
            let mut rows = statement.query((after, last_row, PAGE_ROWS))?;
            while let Some(row) = rows.next()? {
                page.rows += 1;
                page.last_row = row.get(0)?;
                match post(row)? {
                    Ok(post) => page.posts.push(post),
                    Err(why) => page.skipped.push(why),
                }
            }
            Ok((page.rows > 0).then_some(page))
        };
        read().map_err(|source| ImportError::Read { table: "tweets", source })
    }

    pub fn accounts(
        &self,
        zone: &TimeZone,
        skipped: &mut Skipped,
    ) -> Result<Vec<ImportedAccount>, ImportError> {
        let mut read = || {
            let mut accounts = Vec::new();
            let mut statement = self.connection.prepare(ACCOUNTS)?;
            let mut rows = statement.query([])?;
            while let Some(row) = rows.next()? {
                match id(row.get_ref(0)?) {
                    Some(native) => accounts.push(account(row, native, zone)?),
                    None => skipped.add(format!("an account with the id {:?}", row.get_ref(0)?)),
                }
            }
            Ok(accounts)
        };
        read().map_err(|source| ImportError::Read { table: "accounts", source })
    }

    pub fn retries(&self, zone: &TimeZone, skipped: &mut Skipped) -> Result<Vec<ImportedRetry>, ImportError> {
        let mut read = || {
            let mut retries = Vec::new();
            let mut statement = self.connection.prepare(RETRIES)?;
            let mut rows = statement.query([])?;
            while let Some(row) = rows.next()? {
                let Some(native) = id(row.get_ref(0)?) else {
                    skipped.add(format!("a retry of the post with the id {:?}", row.get_ref(0)?));
                    continue;
                };
                retries.push(ImportedRetry {
                    post: PostKey::new(Network::Twitter, native),
                    urls: (1..=4).map(|column| row.get(column)).collect::<rusqlite::Result<_>>()?,
                    // The original counts only what came after the first fetch.
                    attempts: row.get::<_, Option<u32>>(6)?.unwrap_or(0).saturating_add(1),
                    last_tried: local_date(row, 5, zone)?,
                });
            }
            Ok(retries)
        };
        read().map_err(|source| ImportError::Read { table: "reindex_tweets", source })
    }
}

const ACCOUNTS: &str =
    "SELECT account_id, last_SearchAPI_indexing_api_date, last_SearchAPI_indexing_local_date,
        last_SearchAPI_indexing_cursor_reset_date, last_TimelineAPI_indexing_tweet_id,
        last_TimelineAPI_indexing_local_date, last_use, uses_count
     FROM accounts";

const POSTS: &str =
    "SELECT rowid, tweet_id, account_id, image_1_name, image_1_hash, image_2_name, image_2_hash,
        image_3_name, image_3_hash, image_4_name, image_4_hash
     FROM tweets WHERE rowid > ?1 AND rowid <= ?2 ORDER BY rowid LIMIT ?3";

const RETRIES: &str = "SELECT tweet_id, image_1_url, image_2_url, image_3_url, image_4_url, last_retry_date,
        retries_count
     FROM reindex_tweets";

/// A row of `POSTS`; the inner error says why it cannot be taken over.
fn post(row: &Row<'_>) -> rusqlite::Result<Result<ImportedPost, String>> {
    let (Some(native), Some(account)) = (id(row.get_ref(1)?), id(row.get_ref(2)?)) else {
        return Ok(Err(format!("the post {:?} of the account {:?}", row.get_ref(1)?, row.get_ref(2)?)));
    };
    let mut images = Vec::new();
    for column in [3, 5, 7, 9] {
        // Names are filled from the first on, without gaps.
        let Some(name) = row.get::<_, Option<String>>(column)? else { break };
        let fingerprint = match row.get_ref(column + 1)? {
            ValueRef::Null => None,
            ValueRef::Blob(bytes) => match <[u8; 8]>::try_from(bytes) {
                Ok(bytes) => Some(fingerprint(bytes)),
                Err(_) => return Ok(Err(format!("the post {native}: a hash of {} bytes", bytes.len()))),
            },
            other => return Ok(Err(format!("the post {native}: a hash that is {}", other.data_type()))),
        };
        images.push(ImportedImage { name, fingerprint });
    }
    Ok(Ok(ImportedPost {
        key: PostKey::new(Network::Twitter, native),
        account: AccountKey::new(Network::Twitter, account),
        images,
    }))
}

fn account(row: &Row<'_>, native: String, zone: &TimeZone) -> rusqlite::Result<ImportedAccount> {
    Ok(ImportedAccount {
        key: AccountKey::new(Network::Twitter, native),
        search_cursor: row.get::<_, Option<String>>(1)?.as_deref().and_then(day),
        search_listed_at: local_date(row, 2, zone)?,
        search_reset_at: local_date(row, 3, zone)?,
        timeline_cursor: id(row.get_ref(4)?),
        timeline_listed_at: local_date(row, 5, zone)?,
        last_used_at: local_date(row, 6, zone)?,
        uses: row.get::<_, Option<i64>>(7)?.and_then(|uses| u64::try_from(uses).ok()).unwrap_or(0),
    })
}

/// The original writes the bits of the matrix least significant first, the number big-endian; we,
/// like ImageHash, put the first bit first.
fn fingerprint(stored: [u8; 8]) -> Fingerprint {
    Fingerprint(u64::from_be_bytes(stored).reverse_bits())
}

/// An id in decimal digits. SQLite has rounded ids above 2^63 to a REAL: they are lost.
fn id(value: ValueRef<'_>) -> Option<String> {
    match value {
        ValueRef::Integer(number) => u64::try_from(number).ok().map(|number| number.to_string()),
        ValueRef::Text(text) => {
            let text = std::str::from_utf8(text).ok()?;
            (!text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())).then(|| text.to_owned())
        }
        ValueRef::Null | ValueRef::Real(_) | ValueRef::Blob(_) => None,
    }
}

/// `2022-12-10`, X's date in UTC, as the moment it began: listing from there repeats a part of that
/// day, and misses nothing.
fn day(text: &str) -> Option<Timestamp> {
    let date: Date = text.parse().ok()?;
    let start = date.to_zoned(TimeZone::UTC).ok()?;
    Some(Timestamp(start.timestamp().as_millisecond()))
}

/// `2022-01-11 05:51:40` in the time of the original's server. A time that the clock showed twice
/// is taken as the earlier; one it skipped, as if the clock had not been changed yet.
fn local_date(row: &Row<'_>, column: usize, zone: &TimeZone) -> rusqlite::Result<Option<Timestamp>> {
    let text: Option<String> = row.get(column)?;
    Ok(text.and_then(|text| {
        let date: DateTime = text.parse().ok()?;
        let moment = zone.to_ambiguous_timestamp(date).compatible().ok()?;
        Some(Timestamp(moment.as_millisecond()))
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bits_are_reversed() {
        let stored = [0x53, 0xA3, 0xF2, 0xB4, 0xB4, 0x5E, 0x66, 0x09];
        assert_eq!(fingerprint(stored).to_string(), "90667a2d2d4fc5ca");
        assert_eq!(fingerprint([0, 0, 0, 0, 0, 0, 0, 1]).to_string(), "8000000000000000");
    }

    #[test]
    fn ids_are_whole_or_lost() {
        let check = |value: ValueRef<'_>, expect: Option<&str>| assert_eq!(id(value).as_deref(), expect);
        check(ValueRef::Integer(i64::MAX), Some("9223372036854775807"));
        check(ValueRef::Integer(-1), None);
        check(ValueRef::Real(9.223_372_036_854_776e18), None);
        check(ValueRef::Text(b"18446744073709551615"), Some("18446744073709551615"));
        check(ValueRef::Text(b"12a"), None);
        check(ValueRef::Text(b""), None);
        check(ValueRef::Null, None);
    }

    #[test]
    fn a_day_begins_at_midnight_utc() {
        assert_eq!(day("2022-12-10"), Timestamp::parse_rfc3339("2022-12-10T00:00:00Z"));
        assert_eq!(day("soon"), None);
    }
}
