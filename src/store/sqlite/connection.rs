//! Opens SQLite files: pragmas, migrations under a lock, and what SQLite's errors mean.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension, TransactionBehavior};

use crate::store::error::{EngineError, EngineFault, StoreError};
use crate::store::migrate::{self, MigrateError, Migration};

/// How long a statement waits for another process's lock before it fails as busy.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// The write-ahead log is cut back to this after a checkpoint, bytes.
const LOG_SIZE_LIMIT: i64 = 64 * 1024 * 1024;

/// Pages of 4 KiB in the write-ahead log before a commit moves them into the database file. Four times
/// SQLite's default: moving costs two flushes of the disk, however much there is to move.
const CHECKPOINT_PAGES: i64 = 4000;

/// Prepared statements kept per connection; there are fewer.
const KEPT_STATEMENTS: usize = 64;

/// Opens a file for writing, creates it where there is none, and applies the migrations it lacks.
/// Pages kept in memory amount to `cache_kib`.
pub fn open(path: &Path, known: &[Migration], cache_kib: i64) -> Result<Connection, StoreError> {
    let place = path.display().to_string();
    let flags =
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = connect(path, flags, cache_kib).map_err(|error| opening(&place, error))?;
    // Before anything is written: a file of another program must stay as it is.
    let found = schema(&connection, &place)?;
    migrate::pending(&place, found, known)?;
    // FULL: why, is told at the top of the room.
    connection
        .pragma_update(None, "journal_mode", "wal")
        .and_then(|()| connection.pragma_update(None, "synchronous", "full"))
        .and_then(|()| connection.pragma_update(None, "wal_autocheckpoint", CHECKPOINT_PAGES))
        .and_then(|()| connection.pragma_update(None, "journal_size_limit", LOG_SIZE_LIMIT))
        .map_err(|error| opening(&place, error))?;
    migrate(&mut connection, &place, known)?;
    Ok(connection)
}

/// Opens an existing file that has the newest schema, without the right to change it.
pub fn open_reader(path: &Path, known: &[Migration], cache_kib: i64) -> Result<Connection, StoreError> {
    let place = path.display().to_string();
    // Not SQLITE_OPEN_READ_ONLY: a reader of a WAL database has to write its shared-memory file.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = connect(path, flags, cache_kib).map_err(|error| opening(&place, error))?;
    let found = schema(&connection, &place)?;
    migrate::pending(&place, found, known)?;
    connection.pragma_update(None, "query_only", true).map_err(|error| opening(&place, error))?;
    Ok(connection)
}

/// The number of the newest migration of an existing file; 0 for an empty one.
pub fn schema_of(path: &Path, known: &[Migration]) -> Result<u32, StoreError> {
    let place = path.display().to_string();
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = connect(path, flags, 0).map_err(|error| opening(&place, error))?;
    let found = schema(&connection, &place)?;
    migrate::pending(&place, found, known)?;
    Ok(found)
}

fn connect(path: &Path, flags: OpenFlags, cache_kib: i64) -> rusqlite::Result<Connection> {
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.set_prepared_statement_cache_capacity(KEPT_STATEMENTS);
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "cache_size", -cache_kib)?;
    Ok(connection)
}

/// The number of the newest migration that was applied; 0 for an empty file.
fn schema(connection: &Connection, place: &str) -> Result<u32, MigrateError> {
    let read = || -> rusqlite::Result<Option<u32>> {
        let has_table = |condition: &str| -> rusqlite::Result<bool> {
            let sql = format!("SELECT 1 FROM sqlite_schema WHERE type = 'table' {condition} LIMIT 1");
            Ok(connection.query_row(&sql, [], |_| Ok(())).optional()?.is_some())
        };
        if has_table("AND name = 'migrations'")? {
            connection
                .query_row("SELECT coalesce(max(number), 0) FROM migrations", [], |row| row.get(0))
                .map(Some)
        } else {
            Ok(if has_table("")? { None } else { Some(0) })
        }
    };
    match read() {
        Ok(Some(number)) => Ok(number),
        Ok(None) => Err(MigrateError::Foreign { place: place.to_owned() }),
        Err(error) => Err(MigrateError::Read { source: classify(error) }),
    }
}

/// Applies what is missing, in one transaction that shuts out other writers from the first look on,
/// so that two processes starting at once do not both apply it.
fn migrate(connection: &mut Connection, place: &str, known: &[Migration]) -> Result<(), MigrateError> {
    let read = |error| MigrateError::Read { source: classify(error) };
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(read)?;
    let found = schema(&transaction, place)?;
    let pending = migrate::pending(place, found, known)?;
    for Migration { number, name, sql } in pending {
        let apply = || -> rusqlite::Result<()> {
            transaction.execute_batch(
                "CREATE TABLE IF NOT EXISTS migrations (
                    number INTEGER PRIMARY KEY, name TEXT NOT NULL, applied_at TEXT NOT NULL) STRICT",
            )?;
            transaction.execute_batch(sql)?;
            transaction.execute(
                "INSERT INTO migrations VALUES (?1, ?2, strftime('%Y-%m-%dT%H:%M:%SZ'))",
                (number, name),
            )?;
            Ok(())
        };
        apply().map_err(|error| MigrateError::Apply { number: *number, name, source: classify(error) })?;
    }
    if let Some(last) = pending.last() {
        transaction.commit().map_err(|error| MigrateError::Apply {
            number: last.number,
            name: last.name,
            source: classify(error),
        })?;
    }
    Ok(())
}

fn opening(place: &str, error: rusqlite::Error) -> StoreError {
    StoreError::Open { place: place.to_owned(), source: classify(error) }
}

/// Names the step of a statement that failed: "could not {step} in the database".
pub trait Step<T> {
    fn step(self, step: &'static str) -> Result<T, StoreError>;
}

impl<T> Step<T> for rusqlite::Result<T> {
    fn step(self, step: &'static str) -> Result<T, StoreError> {
        self.map_err(|error| StoreError::Statement { step, source: classify(error) })
    }
}

fn classify(error: rusqlite::Error) -> EngineError {
    let fault = match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked | ErrorCode::FileLockingProtocolFailed) => {
            EngineFault::Busy
        }
        Some(
            ErrorCode::DiskFull
            | ErrorCode::SystemIoFailure
            | ErrorCode::OutOfMemory
            | ErrorCode::CannotOpen
            | ErrorCode::ReadOnly
            | ErrorCode::PermissionDenied
            | ErrorCode::OperationInterrupted
            | ErrorCode::OperationAborted,
        ) => EngineFault::Surroundings,
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => EngineFault::Damaged,
        Some(_) | None => EngineFault::Misfit,
    };
    EngineError::new(fault, error)
}
