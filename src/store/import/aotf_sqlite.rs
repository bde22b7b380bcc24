//! The original's database as an SQLite file, also while its server is running: only short reads, a page
//! at a time, since the original waits a few seconds for a lock, then fails. What it adds during the
//! import lies beyond the last row that was there at the beginning, and is left for the next run.

use std::path::Path;
use std::time::Duration;

use jiff::tz::TimeZone;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags, Row};

use super::original::{
    ImportError, Original, PAGE_ROWS, PostPage, Skipped, WrittenAccount, local_date, stored_fingerprint,
};
use super::pages::{ImportedImage, ImportedPost, ImportedRetry};
use crate::base::Timestamp;
use crate::base::ids::{AccountKey, Network, PostKey};

/// How long to wait while the original writes.
const BUSY_TIMEOUT: Duration = Duration::from_secs(30);

/// The original's file, open for reading.
pub struct SqliteOriginal {
    connection: Connection,
    /// The last row of the posts' table when it was opened.
    pub(super) last_row: i64,
}

impl SqliteOriginal {
    pub fn open(path: &Path) -> Result<SqliteOriginal, ImportError> {
        let open = || {
            let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
            let connection = Connection::open_with_flags(path, flags)?;
            connection.busy_timeout(BUSY_TIMEOUT)?;
            Ok(connection)
        };
        let connection = open().map_err(|source: rusqlite::Error| ImportError::Open {
            place: path.display().to_string(),
            source: source.into(),
        })?;
        for (table, sql) in [("accounts", ACCOUNTS), ("tweets", POSTS), ("reindex_tweets", RETRIES)] {
            connection.prepare(sql).map_err(|source: rusqlite::Error| ImportError::NotAotf {
                place: path.display().to_string(),
                table,
                source: source.into(),
            })?;
        }
        let last_row = connection
            .query_row("SELECT coalesce(max(rowid), 0) FROM tweets", [], |row| row.get(0))
            .map_err(|source: rusqlite::Error| ImportError::Read {
                table: "tweets",
                source: source.into(),
            })?;
        Ok(SqliteOriginal { connection, last_row })
    }
}

impl Original for SqliteOriginal {
    fn count(&mut self, table: &'static str) -> Result<u64, ImportError> {
        self.connection
            .query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get::<_, i64>(0))
            .map(|count| u64::try_from(count).unwrap_or(0))
            .map_err(|source: rusqlite::Error| ImportError::Read { table, source: source.into() })
    }

    fn posts(&mut self, after: i128) -> Result<Option<PostPage>, ImportError> {
        let read = || {
            let after = i64::try_from(after).unwrap_or(i64::MIN);
            let mut page = PostPage { posts: Vec::new(), rows: 0, last: 0, skipped: Vec::new() };
            let mut statement = self.connection.prepare_cached(POSTS)?;
            let mut rows = statement.query((after, self.last_row, PAGE_ROWS))?;
            while let Some(row) = rows.next()? {
                page.rows += 1;
                page.last = i128::from(row.get::<_, i64>(0)?);
                match post(row)? {
                    Ok(post) => page.posts.push(post),
                    Err(why) => page.skipped.push(why),
                }
            }
            Ok((page.rows > 0).then_some(page))
        };
        read().map_err(|source: rusqlite::Error| ImportError::Read { table: "tweets", source: source.into() })
    }

    fn accounts(&mut self, skipped: &mut Skipped) -> Result<Vec<WrittenAccount>, ImportError> {
        let mut read = || {
            let mut accounts = Vec::new();
            let mut statement = self.connection.prepare(ACCOUNTS)?;
            let mut rows = statement.query([])?;
            while let Some(row) = rows.next()? {
                match id(row.get_ref(0)?) {
                    Some(native) => accounts.push(account(row, native)?),
                    None => skipped.add(format!("an account with the id {:?}", row.get_ref(0)?)),
                }
            }
            Ok(accounts)
        };
        read()
            .map_err(|source: rusqlite::Error| ImportError::Read { table: "accounts", source: source.into() })
    }

    fn retries(&mut self, zone: &TimeZone, skipped: &mut Skipped) -> Result<Vec<ImportedRetry>, ImportError> {
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
                    last_tried: date(row, 5, zone)?,
                });
            }
            Ok(retries)
        };
        read().map_err(|source: rusqlite::Error| ImportError::Read {
            table: "reindex_tweets",
            source: source.into(),
        })
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
                Ok(bytes) => Some(stored_fingerprint(bytes)),
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

fn account(row: &Row<'_>, native: String) -> rusqlite::Result<WrittenAccount> {
    Ok(WrittenAccount {
        native,
        search_cursor: written(row.get_ref(1)?),
        search_listed_at: written(row.get_ref(2)?),
        search_reset_at: written(row.get_ref(3)?),
        timeline_cursor: id(row.get_ref(4)?),
        timeline_listed_at: written(row.get_ref(5)?),
        last_used_at: written(row.get_ref(6)?),
        uses: row.get::<_, Option<i64>>(7)?.and_then(|uses| u64::try_from(uses).ok()).unwrap_or(0),
    })
}

/// What stands where a date should: SQLite lets everything stand there.
fn written(value: ValueRef<'_>) -> Option<String> {
    match value {
        ValueRef::Null => None,
        ValueRef::Text(text) => Some(String::from_utf8_lossy(text).into_owned()),
        ValueRef::Integer(number) => Some(number.to_string()),
        ValueRef::Real(number) => Some(number.to_string()),
        ValueRef::Blob(bytes) => Some(format!("{} bytes", bytes.len())),
    }
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

/// A column with a date in the time of the original's server.
fn date(row: &Row<'_>, column: usize, zone: &TimeZone) -> rusqlite::Result<Option<Timestamp>> {
    let text: Option<String> = row.get(column)?;
    Ok(text.and_then(|text| local_date(&text, zone)))
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
