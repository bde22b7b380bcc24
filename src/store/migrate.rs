//! Numbered migrations: which a database lacks, when it must be refused, and how it is brought up to date, by
//! one program at a time.

use std::path::Path;

use super::engine::address::{Access, Place};
use super::engine::connection::Connection;
use super::engine::dialect::Dialect;
use super::engine::standing::Standing;
use super::error::{EngineError, EngineFault, MigrateError, StoreError};
use super::schema::Value;

/// One step of a schema, never changed after a release.
#[derive(Clone, Copy, Debug)]
pub struct Migration {
    /// 1, 2, 3 ... without gaps.
    pub number: u32,
    pub name: &'static str,
    /// One or several statements.
    pub sql: &'static str,
}

/// One list for each folder of `migrations/`, made from its files by `build.rs`.
mod list {
    use super::Migration;

    include!(concat!(env!("OUT_DIR"), "/migrations.rs"));
}

/// A database's schema: the number of its last migration, and of the last one this program has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schema {
    pub found: u32,
    pub known: u32,
}

const CREATE_MIGRATIONS: &str = "CREATE TABLE IF NOT EXISTS migrations (
    number INTEGER PRIMARY KEY, name VARCHAR(100) NOT NULL, applied_at VARCHAR(30) NOT NULL)";

/// Opens a database for writing, creates its file where there is none, and applies the migrations it lacks.
pub fn open(place: &Place) -> Result<Connection, StoreError> {
    let mut connection = Connection::open(place, Access::Write)?;
    let known = of_database(connection.dialect());
    bring_up_to_date(&mut connection, known)?;
    // From here on it is known which files are open.
    connection.check_standing()?;
    Ok(connection)
}

/// Opens a database that has the newest schema, for reading only.
pub fn open_reader(place: &Place) -> Result<Connection, StoreError> {
    let mut connection = Connection::open(place, Access::Read)?;
    let known = of_database(connection.dialect());
    pending(&mut connection, known)?;
    Ok(connection)
}

/// Opens the state file as `open` does a database, once all of it was found readable.
pub fn open_state(path: &Path) -> Result<(rusqlite::Connection, Standing), StoreError> {
    let mut connection = Connection::open(&Place::File(path.to_owned()), Access::Write)?;
    connection.check_pages()?;
    bring_up_to_date(&mut connection, list::STATE)?;
    connection.check_standing()?;
    match connection {
        Connection::File(file) => Ok(file.into_driver()),
        Connection::Server(_) => unreachable!("what has a path is a file"),
    }
}

/// Opens the state file to look at it, once all of it was found readable. `None` where there is none, or
/// nothing in it yet. Changes nothing.
pub fn look_at_state(path: &Path) -> Result<Option<(rusqlite::Connection, Standing)>, StoreError> {
    if !path.exists() {
        return Ok(None);
    }
    let mut connection = Connection::open(&Place::File(path.to_owned()), Access::Read)?;
    connection.check_pages()?;
    let found = newest_applied(&mut connection)?;
    lacking(connection.place(), found, list::STATE)?;
    match connection {
        Connection::File(file) if found > 0 => Ok(Some(file.into_driver())),
        Connection::File(_) | Connection::Server(_) => Ok(None),
    }
}

/// Whether a connection of its own finds what it has to in the database; reads its beginning.
pub fn find_schema(place: &Place) -> Result<(), StoreError> {
    match schema(&mut Connection::open(place, Access::Read)?)? {
        Schema { found: 0, .. } => {
            let source = EngineError::new(EngineFault::Damaged, "its tables are gone");
            Err(StoreError::Statement { step: "find the tables", source })
        }
        Schema { .. } => Ok(()),
    }
}

/// Which schema the database has.
pub fn schema(connection: &mut Connection) -> Result<Schema, StoreError> {
    let known = of_database(connection.dialect());
    let found = newest_applied(connection)?;
    lacking(connection.place(), found, known)?;
    Ok(Schema { found, known: newest(known) })
}

fn of_database(dialect: Dialect) -> &'static [Migration] {
    match dialect {
        Dialect::Sqlite => list::SQLITE,
        Dialect::MySql => list::MYSQL,
        Dialect::Postgres => list::POSTGRES,
    }
}

fn newest(known: &[Migration]) -> u32 {
    known.last().map_or(0, |migration| migration.number)
}

fn bring_up_to_date(connection: &mut Connection, known: &[Migration]) -> Result<(), StoreError> {
    // Before anything is written: a database of another program must stay as it is.
    let up_to_date = pending(connection, known)?.is_empty();
    connection.make_durable()?;
    if up_to_date {
        return Ok(());
    }
    let Some((lock, unlock)) = connection.dialect().migration_lock() else {
        return apply_pending(connection, known);
    };
    connection.list(lock, &[], "lock the schema", |_| Ok(()))?;
    let done = apply_pending(connection, known);
    connection.list(unlock, &[], "unlock the schema", |_| Ok(()))?;
    done
}

/// Each migration all or nothing where the engine can; else it can be repeated.
fn apply_pending(connection: &mut Connection, known: &[Migration]) -> Result<(), StoreError> {
    loop {
        let transaction = connection.begin()?;
        // Another program may have been faster.
        let Some(migration) = pending(transaction.connection, known)?.first() else { return Ok(()) };
        apply(transaction.connection, migration)
            .and_then(|()| transaction.commit())
            .map_err(|error| in_migration(migration, error))?;
    }
}

fn apply(connection: &mut Connection, migration: &Migration) -> Result<(), StoreError> {
    let step = "migrate";
    connection.command(CREATE_MIGRATIONS, step)?;
    connection.command(migration.sql, step)?;
    let row = [Value::from(i64::from(migration.number)), migration.name.into()];
    let sql = format!("INSERT INTO migrations VALUES (?, ?, {})", connection.dialect().moment());
    connection.run(&sql, &row, step).map(|_| ())
}

fn in_migration(migration: &Migration, error: StoreError) -> StoreError {
    match error {
        StoreError::Statement { source, .. } => {
            MigrateError::Apply { number: migration.number, name: migration.name, source }.into()
        }
        other => other,
    }
}

/// The migrations that the database lacks.
fn pending<'a>(connection: &mut Connection, known: &'a [Migration]) -> Result<&'a [Migration], StoreError> {
    let found = newest_applied(connection)?;
    Ok(lacking(connection.place(), found, known)?)
}

/// The number of the newest migration that was applied; 0 for an empty database.
fn newest_applied(connection: &mut Connection) -> Result<u32, StoreError> {
    let reading = |error| match error {
        StoreError::Statement { source, .. } => MigrateError::Read { source }.into(),
        other => other,
    };
    let step = "read which migrations it has";
    let look = connection.dialect().look_for_tables();
    let tables =
        connection.list(look, &[], step, |row| Ok((row.number(0)?, row.number(1)?))).map_err(reading)?;
    match tables.first() {
        None | Some((0, 0)) => return Ok(0),
        Some((_, 0)) => return Err(MigrateError::Foreign { place: connection.place().to_owned() }.into()),
        Some(_) => {}
    }
    let sql = "SELECT number FROM migrations ORDER BY number DESC LIMIT 1";
    let newest = connection.list(sql, &[], step, |row| row.number(0)).map_err(reading)?;
    Ok(u32::try_from(newest.first().copied().unwrap_or(0)).unwrap_or(u32::MAX))
}

/// The migrations that a database at schema `found` lacks, in order. 0 is an empty database.
///
/// # Errors
/// `Newer` when the database was written by a newer program.
fn lacking<'a>(place: &str, found: u32, known: &'a [Migration]) -> Result<&'a [Migration], MigrateError> {
    let newest = newest(known);
    if found > newest {
        return Err(MigrateError::Newer { place: place.to_owned(), found, known: newest });
    }
    let first = known.iter().position(|migration| migration.number > found).unwrap_or(known.len());
    Ok(known.get(first..).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: [Migration; 3] = [
        Migration { number: 1, name: "one", sql: "" },
        Migration { number: 2, name: "two", sql: "" },
        Migration { number: 3, name: "three", sql: "" },
    ];

    #[track_caller]
    fn check(found: u32, expect: Option<&[u32]>) {
        let numbers = lacking("x.db", found, &KNOWN)
            .ok()
            .map(|list| list.iter().map(|migration| migration.number).collect::<Vec<_>>());
        assert_eq!(numbers.as_deref(), expect, "schema {found}");
    }

    #[test]
    fn only_what_is_missing_is_applied() {
        check(0, Some(&[1, 2, 3]));
        check(2, Some(&[3]));
        check(3, Some(&[]));
        check(4, None);
    }

    #[test]
    fn the_refusal_of_a_newer_database_says_what_to_do() {
        let message = lacking("x.db", 7, &KNOWN).unwrap_err().to_string();
        assert!(message.contains("schema 7") && message.contains("up to 3"), "{message}");
        assert!(message.contains("upgrade this program"), "{message}");
    }

    #[test]
    fn migrations_are_numbered_without_gaps() {
        for known in [list::MYSQL, list::POSTGRES, list::SQLITE, list::STATE] {
            let numbers: Vec<u32> = known.iter().map(|migration| migration.number).collect();
            let expect: Vec<u32> = (1..).take(known.len()).collect();
            assert_eq!(numbers, expect, "{known:?}");
            assert!(!known.is_empty());
        }
        assert_eq!(list::SQLITE[0].name, "first tables");
    }
}
