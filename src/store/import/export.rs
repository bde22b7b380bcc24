//! Writes our database as the original AOTF would have: a new SQLite file with its three tables, so that
//! whoever came from there can go back.
//!
//! What the original has no place for is left out, and counted: other networks, posts of more than
//! four images, ids beyond 2^63 (SQLite rounds them in its columns), the second stage's details, and which
//! spans of an account's time were listed.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use jiff::tz::TimeZone;
use rusqlite::{Connection, params};

use crate::base::Timestamp;
use crate::base::ids::{Network, PostKey};
use crate::store::codec;
use crate::store::error::StoreError;
use crate::store::location::Location;
use crate::store::schema::{self, Table, Value};
use crate::store::table_io::TableIo;

/// As its class `SQLite_or_MySQL` creates them.
const TABLES: &str = "
CREATE TABLE accounts (account_id UNSIGNED BIGINT PRIMARY KEY,
    last_SearchAPI_indexing_api_date CHAR(10), last_SearchAPI_indexing_local_date DATETIME,
    last_SearchAPI_indexing_cursor_reset_date DATETIME, last_TimelineAPI_indexing_tweet_id UNSIGNED BIGINT,
    last_TimelineAPI_indexing_local_date DATETIME, last_use DATETIME,
    uses_count UNSIGNED BIGINT DEFAULT 0 NOT NULL);
CREATE TABLE tweets (account_id UNSIGNED BIGINT NOT NULL, tweet_id UNSIGNED BIGINT PRIMARY KEY,
    image_1_name VARCHAR(19), image_1_hash BINARY(8), image_2_name VARCHAR(19), image_2_hash BINARY(8),
    image_3_name VARCHAR(19), image_3_hash BINARY(8), image_4_name VARCHAR(19), image_4_hash BINARY(8));
CREATE TABLE reindex_tweets (tweet_id UNSIGNED BIGINT PRIMARY KEY, account_id UNSIGNED BIGINT,
    image_1_url VARCHAR(48), image_2_url VARCHAR(48), image_3_url VARCHAR(48), image_4_url VARCHAR(48),
    last_retry_date DATETIME, retries_count UNSIGNED TINYINT DEFAULT 0 NOT NULL);
CREATE INDEX account_id ON tweets (account_id);";

/// What stands before an image's name in its URL.
const MEDIA: &str = "https://pbs.twimg.com/media/";

/// Images that a post of the original has at most.
const MOST_IMAGES: i64 = 4;

/// Why an export stopped.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("{path} exists already: an export is a new file")]
    Exists { path: PathBuf },
    #[error("could not write {path}")]
    Write { path: PathBuf, source: rusqlite::Error },
}

/// What was written, and what had no place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Exported {
    pub accounts: u64,
    pub posts: u64,
    pub retries: u64,
    /// Of these, posts that are known by their ids alone.
    pub bare_retries: u64,
    /// Accounts and posts of other networks, or with ids that do not fit.
    pub left_out: u64,
    /// Posts of more than four images.
    pub too_many_images: u64,
    /// Accounts of which the time around artworks alone was listed: their posts are written, but the original
    /// has no place for spans, and lists them whole at their next query.
    pub listed_in_part: u64,
}

/// Exports the database at `location`, of one moment, into a new file at `path`, with the posts
/// that are `wanted`, whose ids alone are known. The original keeps dates in its server's time,
/// which is that of `zone`.
pub fn export(
    location: &Location,
    wanted: &[PostKey],
    path: &Path,
    zone: &TimeZone,
) -> Result<Exported, ExportError> {
    if path.exists() {
        return Err(ExportError::Exists { path: path.to_owned() });
    }
    let write = |source| ExportError::Write { path: path.to_owned(), source };
    let mut file = Connection::open(path).map_err(write)?;
    let transaction = file.transaction().map_err(write)?;
    transaction.execute_batch(TABLES).map_err(write)?;
    let mut tables = location.open_tables()?;
    tables.begin_reading()?;
    let mut writing = Writing { file: &transaction, zone, done: Exported::default() };
    // Rows bear our numbers as their hidden ones, by which what belongs together is found.
    for table in [&schema::ACCOUNTS, &schema::POSTS, &schema::IMAGES] {
        each(&mut tables, table, path, &mut |row| writing.take(Named { table, row }))?;
    }
    close_up(&transaction).map_err(write)?;
    let table = &schema::RETRIES;
    each(&mut tables, table, path, &mut |row| writing.take(Named { table, row }))?;
    writing.wanted(wanted).map_err(write)?;
    let mut done = writing.done;
    // The original writes an account's row at the end of its first listing.
    transaction
        .execute(
            "DELETE FROM accounts WHERE last_SearchAPI_indexing_local_date IS NULL
             AND last_TimelineAPI_indexing_local_date IS NULL AND uses_count = 0",
            [],
        )
        .map_err(write)?;
    done.accounts = transaction
        .query_row("SELECT count(*) FROM accounts", [], |row| row.get::<_, i64>(0))
        .map(|count| u64::try_from(count).unwrap_or(0))
        .map_err(write)?;
    transaction.commit().map_err(write)?;
    Ok(done)
}

/// The original numbers the images of a post without a gap: it knows nothing of the videos between them.
fn close_up(file: &Connection) -> rusqlite::Result<()> {
    for _ in 1..MOST_IMAGES {
        for to in 1..MOST_IMAGES {
            let from = to + 1;
            let sql = format!(
                "UPDATE tweets SET image_{to}_name = image_{from}_name, image_{to}_hash = image_{from}_hash,
                    image_{from}_name = NULL, image_{from}_hash = NULL
                 WHERE image_{to}_name IS NULL AND image_{from}_name IS NOT NULL"
            );
            file.execute(&sql, [])?;
        }
    }
    Ok(())
}

fn each(
    tables: &mut TableIo,
    table: &'static Table,
    path: &Path,
    take: &mut dyn FnMut(&[Value]) -> rusqlite::Result<()>,
) -> Result<(), ExportError> {
    let mut failed = None;
    let read = tables.read(table, &mut |row| match take(&row) {
        Ok(()) => ControlFlow::Continue(()),
        Err(error) => {
            failed = Some(error);
            ControlFlow::Break(())
        }
    });
    match failed {
        Some(source) => Err(ExportError::Write { path: path.to_owned(), source }),
        None => Ok(read?),
    }
}

struct Writing<'a> {
    file: &'a Connection,
    zone: &'a TimeZone,
    done: Exported,
}

/// A row of ours by the names of its columns.
struct Named<'a> {
    table: &'static Table,
    row: &'a [Value],
}

impl<'a> Named<'a> {
    fn value(&self, name: &str) -> Option<&'a Value> {
        self.row.get(self.table.columns.iter().position(|(column, _)| *column == name)?)
    }

    fn int(&self, name: &str) -> Option<i64> {
        match self.value(name) {
            Some(Value::Int(value)) => *value,
            Some(Value::Text(_) | Value::Bytes(_)) | None => None,
        }
    }

    fn text(&self, name: &str) -> Option<&'a str> {
        match self.value(name) {
            Some(Value::Text(value)) => value.as_deref(),
            Some(Value::Int(_) | Value::Bytes(_)) | None => None,
        }
    }

    fn bytes(&self, name: &str) -> Option<&'a [u8]> {
        match self.value(name) {
            Some(Value::Bytes(value)) => value.as_deref(),
            Some(Value::Int(_) | Value::Text(_)) | None => None,
        }
    }

    /// The id, if it is one of X that a column of SQLite can hold.
    fn native(&self) -> Option<i64> {
        let of_x = self.int("network") == Some(codec::network_no(Network::Twitter));
        self.text("native").filter(|_| of_x)?.parse().ok()
    }
}

impl Writing<'_> {
    /// `2022-01-11 05:51:40` in the time of the original's server.
    fn local(&self, moment: Option<i64>) -> Option<String> {
        let moment = jiff::Timestamp::from_millisecond(moment?).ok()?;
        Some(moment.to_zoned(self.zone.clone()).strftime("%Y-%m-%d %H:%M:%S").to_string())
    }

    fn take(&mut self, row: Named<'_>) -> rusqlite::Result<()> {
        match row.table.name {
            "accounts" => self.account(row),
            "posts" => self.post(row),
            "images" => self.image(row),
            _ => self.retry(row),
        }
    }

    fn account(&mut self, row: Named<'_>) -> rusqlite::Result<()> {
        let Some(native) = row.native() else {
            self.done.left_out += 1;
            return Ok(());
        };
        let is_listed = ["search_listed_at", "timeline_listed_at"].iter().any(|name| row.int(name).is_some());
        self.done.listed_in_part += u64::from(!is_listed && row.text("windows").is_some());
        // X's date, in UTC.
        let day: Option<String> =
            row.int("search_cursor").map(|moment| Timestamp(moment).to_rfc3339().chars().take(10).collect());
        // A cursor beyond what a column holds would be rounded into another post's.
        let timeline: Option<i64> = row.text("timeline_cursor").and_then(|id| id.parse().ok());
        let values = params![
            row.int("no"),
            native,
            day,
            self.local(row.int("search_listed_at")),
            // Set by whichever listing made the row.
            self.local(row.int("search_reset_at").or(row.int("timeline_listed_at"))),
            timeline,
            self.local(row.int("timeline_listed_at")),
            self.local(row.int("last_used_at")),
            row.int("uses"),
        ];
        self.file
            .prepare_cached(
                "INSERT INTO accounts (rowid, account_id, last_SearchAPI_indexing_api_date,
                    last_SearchAPI_indexing_local_date, last_SearchAPI_indexing_cursor_reset_date,
                    last_TimelineAPI_indexing_tweet_id, last_TimelineAPI_indexing_local_date, last_use,
                    uses_count)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
            )?
            .execute(values)
            .map(|_| ())
    }

    fn post(&mut self, row: Named<'_>) -> rusqlite::Result<()> {
        let Some(native) = row.native() else {
            self.done.left_out += 1;
            return Ok(());
        };
        if row.int("image_count") > Some(MOST_IMAGES) {
            self.done.too_many_images += 1;
            return Ok(());
        }
        let written = self
            .file
            .prepare_cached(
                "INSERT INTO tweets (rowid, tweet_id, account_id)
                 SELECT ?1, ?2, account_id FROM accounts WHERE rowid = ?3",
            )?
            .execute(params![row.int("no"), native, row.int("account")])?;
        match written {
            0 => self.done.left_out += 1,
            _ => self.done.posts += 1,
        }
        Ok(())
    }

    fn image(&mut self, row: Named<'_>) -> rusqlite::Result<()> {
        let Some(position @ 1..=MOST_IMAGES) = row.int("position") else { return Ok(()) };
        let hash = row.bytes("fingerprint").and_then(|bytes| <[u8; 8]>::try_from(bytes).ok());
        // The original's order of bits: see `original::stored_fingerprint`.
        let hash = hash.map(|bytes| u64::from_be_bytes(bytes).reverse_bits().to_be_bytes());
        self.file
            .prepare_cached(&format!(
                "UPDATE tweets SET image_{position}_name = ?2, image_{position}_hash = ?3 WHERE rowid = ?1"
            ))?
            .execute(params![row.int("post"), row.text("name"), hash])
            .map(|_| ())
    }

    /// As somebody adds one to the original by hand: an id and nothing else. What is stored lacks
    /// no more than its retry says.
    fn wanted(&mut self, posts: &[PostKey]) -> rusqlite::Result<()> {
        for post in posts.iter().filter(|post| post.network == Network::Twitter) {
            let Ok(native) = post.native.parse::<i64>() else {
                self.done.left_out += 1;
                continue;
            };
            let written = self
                .file
                .prepare_cached(
                    "INSERT OR IGNORE INTO reindex_tweets (tweet_id, retries_count)
                     SELECT ?1, 0 WHERE NOT EXISTS (SELECT 1 FROM tweets WHERE tweet_id = ?1)",
                )?
                .execute([native])?;
            let written = u64::try_from(written).unwrap_or(0);
            self.done.bare_retries += written;
            self.done.retries += written;
        }
        Ok(())
    }

    /// The original lists all images of the post, and tries those without a hash.
    fn retry(&mut self, row: Named<'_>) -> rusqlite::Result<()> {
        // It counts only what came after the first fetch.
        let attempts = row.int("attempts").unwrap_or(1).saturating_sub(1).clamp(0, 255);
        let written = self
            .file
            .prepare_cached(
                "INSERT INTO reindex_tweets
                 SELECT tweet_id, account_id, ?4 || image_1_name, ?4 || image_2_name, ?4 || image_3_name,
                    ?4 || image_4_name, ?2, ?3
                 FROM tweets WHERE rowid = ?1",
            )?
            .execute(params![row.int("post"), self.local(row.int("last_tried")), attempts, MEDIA])?;
        self.done.retries += u64::try_from(written).unwrap_or(0);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::base::material;
    use crate::domain::scans::{Cursor, Window};
    use crate::store::Change;
    use crate::store::contract::{RULE, TestDatabase, account, listing_end};
    use crate::store::import::aotf::import;
    use crate::store::import::aotf_sqlite::SqliteOriginal;
    use crate::store::test_server::{MySql, OnServer};

    const NOW: Timestamp = Timestamp(1_790_000_000_000);

    /// Everything in the tables of the original, sorted.
    fn original_rows(path: &Path) -> Vec<String> {
        let file = Connection::open(path).unwrap();
        let mut all = Vec::new();
        for table in ["accounts", "tweets", "reindex_tweets"] {
            let mut statement = file.prepare(&format!("SELECT * FROM {table} ORDER BY 2, 1")).unwrap();
            let columns = statement.column_count();
            let rows = statement
                .query_map([], |row| {
                    let cells: Vec<String> =
                        (0..columns).map(|index| format!("{:?}", row.get_ref(index).unwrap())).collect();
                    Ok(format!("{table} {}", cells.join(" ")))
                })
                .unwrap();
            all.extend(rows.map(Result::unwrap));
        }
        all.sort();
        all
    }

    fn check(location: &Location, file: &Path, dir: &Path) {
        let zone = TimeZone::get("Europe/Paris").unwrap();
        let mut store = location.open().unwrap();
        let mut original = SqliteOriginal::open(file).unwrap();
        let report = import(&mut original, &zone, &mut *store, NOW, &mut |_| ()).unwrap();
        let exported_file = dir.join("exported.db");
        let exported = export(location, &report.wanted, &exported_file, &zone).unwrap();
        let expect = Exported {
            accounts: 21,
            posts: 2003,
            retries: 20,
            bare_retries: 1,
            left_out: 0,
            too_many_images: 0,
            listed_in_part: 0,
        };
        assert_eq!(exported, expect);
        // The genuine file again.
        let (theirs, ours) = (original_rows(file), original_rows(&exported_file));
        let missing: Vec<&String> = theirs.iter().filter(|row| !ours.contains(row)).collect();
        let added: Vec<&String> = ours.iter().filter(|row| !theirs.contains(row)).collect();
        assert_eq!(added, Vec::<&String>::new(), "missing: {missing:#?}");
        assert_eq!(missing, Vec::<&String>::new());
        // And imported anew it is the same database.
        let again = Location::parse("sqlite:again.db", dir, RULE).unwrap();
        let mut again_store = again.open().unwrap();
        let mut original = SqliteOriginal::open(&exported_file).unwrap();
        let second = import(&mut original, &zone, &mut *again_store, NOW, &mut |_| ()).unwrap();
        assert_eq!(second.here, report.here);
        let contents = |location: &Location| {
            let mut tables = location.open_tables().unwrap();
            let mut rows = Vec::new();
            for table in schema::ALL {
                tables
                    .read(table, &mut |row| {
                        rows.push(row);
                        ControlFlow::Continue(())
                    })
                    .unwrap();
            }
            rows
        };
        assert!(contents(location) == contents(&again));
        assert!(matches!(export(location, &[], &exported_file, &zone), Err(ExportError::Exists { .. })));
    }

    #[test]
    fn a_genuine_database_comes_back_as_it_was() {
        let file = material::fixture("aotf/sample.db");
        let dir = tempfile::tempdir().unwrap();
        check(&Location::parse("sqlite:aotf.db", dir.path(), RULE).unwrap(), &file, dir.path());
        if OnServer::<MySql>::available() {
            let dir = tempfile::tempdir().unwrap();
            check(&OnServer::<MySql>::new().location(), &file, dir.path());
        }
    }

    #[test]
    fn accounts_that_were_listed_in_part_are_counted() {
        let dir = tempfile::tempdir().unwrap();
        let location = Location::parse("sqlite:aotf.db", dir.path(), RULE).unwrap();
        let mut store = location.open().unwrap();
        let window = Cursor::Window(Window { from: NOW.minus(Duration::from_hours(24)), to: NOW });
        for (native, cursor) in [("1", window.clone()), ("2", window), ("2", Cursor::Search(Some(NOW)))] {
            let (account, end) = (account(native), listing_end(cursor));
            store.apply(&[Change::Cursor { account, end }], NOW).unwrap();
        }
        drop(store);
        let exported = export(&location, &[], &dir.path().join("exported.db"), &TimeZone::UTC).unwrap();
        assert_eq!((exported.accounts, exported.listed_in_part), (1, 1));
    }
}
