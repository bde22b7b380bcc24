//! SQLite files, in this process.

use std::path::Path;
use std::time::Duration;

use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{CachedStatement, Connection, OpenFlags, ToSql, params_from_iter};

use super::address::Access;
use super::dialect::Dialect;
use super::faults::of_sqlite;
use super::row::Row;
use super::standing::{Displaced, Standing};
use crate::store::error::{EngineError, EngineFault, StoreError};
use crate::store::schema::{Table, Value};

/// How long a statement waits for another process's lock before it fails as busy.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// The write-ahead log is cut back to this after a checkpoint, bytes.
const LOG_SIZE_LIMIT: i64 = 64 * 1024 * 1024;

/// Pages of 4 KiB in the write-ahead log before a commit moves them into the database file. Four times
/// SQLite's default: moving costs two flushes of the disk, however much there is to move.
const CHECKPOINT_PAGES: i64 = 4000;

/// The sizes of one `INSERT`.
const ROWS_PER_INSERT: [usize; 3] = [32, 8, 1];

/// Prepared statements kept per connection: each of ours, in a few sizes.
const KEPT_STATEMENTS: usize = 128;

/// Pages kept in memory: the writer needs the upper levels of its indexes, readers ask for little.
const WRITER_CACHE_KIB: i64 = 16 * 1024;
const READER_CACHE_KIB: i64 = 4 * 1024;

/// An open file.
pub struct SqliteFile {
    connection: Connection,
    place: String,
    standing: Standing,
}

impl SqliteFile {
    pub fn open(path: &Path, access: Access) -> Result<SqliteFile, StoreError> {
        let place = path.display().to_string();
        // SQLite says only that it cannot open it, as of a disk that is not there yet.
        if path.is_dir() {
            let (found, remedy) =
                ("it is a folder".to_owned(), "name a file, or move the folder away".to_owned());
            return Err(StoreError::Unusable { place, found, remedy });
        }
        // Not SQLITE_OPEN_READ_ONLY: a reader of a WAL database has to write its shared-memory file.
        let common = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let (flags, cache_kib) = match access {
            Access::Write => (common | OpenFlags::SQLITE_OPEN_CREATE, WRITER_CACHE_KIB),
            Access::Read => (common, READER_CACHE_KIB),
        };
        let connect = || {
            let connection = Connection::open_with_flags(path, flags)?;
            connection.busy_timeout(BUSY_TIMEOUT)?;
            connection.set_prepared_statement_cache_capacity(KEPT_STATEMENTS);
            connection.execute_batch(Dialect::Sqlite.session(false))?;
            connection.pragma_update(None, "cache_size", -cache_kib)?;
            if access == Access::Read {
                connection.execute_batch(Dialect::Sqlite.session(true))?;
            }
            Ok(connection)
        };
        match connect() {
            Ok(connection) => Ok(SqliteFile { connection, place, standing: Standing::of(path) }),
            Err(error) => Err(StoreError::Open { place, source: of_sqlite(error) }),
        }
    }

    /// Looks at every page, not at what the rows say. Takes as long as reading the file does.
    ///
    /// # Errors
    /// `Statement` with the first thing that is wrong.
    pub fn check_pages(&self) -> Result<(), StoreError> {
        let step = "check the pages";
        let found: String =
            self.connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0)).step(step)?;
        match found.as_str() {
            "ok" => Ok(()),
            _ => Err(StoreError::Statement { step, source: EngineError::new(EngineFault::Damaged, found) }),
        }
    }

    /// For statements that are SQLite's own; with what is known of its files.
    pub fn into_driver(self) -> (Connection, Standing) {
        (self.connection, self.standing)
    }

    /// Whether what is written now can be found again.
    ///
    /// # Errors
    /// `Displaced`, `Beside`, `Unusable`: the file was moved, removed, replaced or cut short.
    pub fn check_standing(&mut self) -> Result<(), StoreError> {
        check_standing(&self.connection, &mut self.standing, &self.place)
    }

    pub fn place(&self) -> &str {
        &self.place
    }

    /// From now on every commit is on the disk when it returns; why `FULL`, is told at the top of the room.
    pub fn make_durable(&self) -> Result<(), StoreError> {
        self.connection
            .pragma_update(None, "journal_mode", "wal")
            .and_then(|()| self.connection.pragma_update(None, "synchronous", "full"))
            .and_then(|()| self.connection.pragma_update(None, "wal_autocheckpoint", CHECKPOINT_PAGES))
            .and_then(|()| self.connection.pragma_update(None, "journal_size_limit", LOG_SIZE_LIMIT))
            .map_err(|error| StoreError::Open { place: self.place.clone(), source: of_sqlite(error) })
    }

    pub fn command(&self, sql: &str, step: &'static str) -> Result<(), StoreError> {
        self.connection.execute_batch(sql).step(step)
    }

    pub fn run(&self, sql: &str, values: &[Value], step: &'static str) -> Result<u64, StoreError> {
        let changed = self.prepare(sql, step)?.execute(params_from_iter(values)).step(step)?;
        Ok(u64::try_from(changed).unwrap_or(u64::MAX))
    }

    /// Some rows at a time: each statement opens the table and its indexes, and notes the highest number,
    /// once.
    pub fn insert(&self, table: &Table, mut rows: &[Vec<Value>], replacing: bool) -> Result<(), StoreError> {
        let step = "insert rows";
        for size in ROWS_PER_INSERT {
            if rows.len() < size {
                continue;
            }
            let mut statement = self.prepare(&Dialect::Sqlite.insert(table, size, replacing), step)?;
            let (whole, rest) = rows.split_at(rows.len() - rows.len() % size);
            for chunk in whole.chunks(size) {
                statement.execute(params_from_iter(chunk.iter().flatten())).step(step)?;
            }
            rows = rest;
        }
        Ok(())
    }

    pub fn each(
        &self,
        sql: &str,
        values: &[Value],
        step: &'static str,
        take: &mut dyn FnMut(&Row<'_>) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let mut statement = self.prepare(sql, step)?;
        let mut rows = statement.query(params_from_iter(values)).step(step)?;
        while let Some(row) = rows.next().step(step)? {
            take(&Row::Sqlite(row))?;
        }
        Ok(())
    }

    /// Takes an unfinished transaction back, if there is one.
    pub fn roll_back(&self) {
        if !self.connection.is_autocommit()
            && let Err(error) = self.connection.execute_batch("ROLLBACK")
        {
            tracing::debug!(%error, "a change was not taken back; it ends with the connection");
        }
    }

    fn prepare(&self, sql: &str, step: &'static str) -> Result<CachedStatement<'_>, StoreError> {
        self.connection.prepare_cached(sql).step(step)
    }
}

/// See `SqliteFile::check_standing`.
pub fn check_standing(
    connection: &Connection,
    standing: &mut Standing,
    place: &str,
) -> Result<(), StoreError> {
    let displaced = match standing.check() {
        Ok(()) => return Ok(()),
        Err(displaced) => displaced,
    };
    if let Displaced::CutShort { is, .. } = displaced {
        let number = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
        let whole = number("page_count").and_then(|pages| Ok(pages.saturating_mul(number("page_size")?)));
        // Somebody has run VACUUM. Where SQLite cannot say it, nobody has.
        if whole.is_ok_and(|whole| u64::try_from(whole).is_ok_and(|whole| whole <= is)) {
            standing.accept_length(is);
            return Ok(());
        }
    }
    Err(StoreError::displaced(place, displaced))
}

/// Names the step of a statement that failed: "could not {step} in the database".
pub trait Step<T> {
    fn step(self, step: &'static str) -> Result<T, StoreError>;
}

impl<T> Step<T> for rusqlite::Result<T> {
    fn step(self, step: &'static str) -> Result<T, StoreError> {
        self.map_err(|error| StoreError::Statement { step, source: of_sqlite(error) })
    }
}

impl ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        let value = match self {
            Value::Int(Some(value)) => ValueRef::Integer(*value),
            Value::Text(Some(value)) => ValueRef::Text(value.as_bytes()),
            Value::Bytes(Some(value)) => ValueRef::Blob(value),
            Value::Int(None) | Value::Text(None) | Value::Bytes(None) => ValueRef::Null,
        };
        Ok(ToSqlOutput::Borrowed(value))
    }
}
