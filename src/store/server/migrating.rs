//! Brings a server's database to the newest schema, one program at a time.

use super::engine::Engine;
use super::link::Link;
use crate::store::StoreError;
use crate::store::migrate::{self, MigrateError, Migration};
use crate::store::schema::Value;

/// Any number that other programs are unlikely to lock: "aotf" in ASCII.
const POSTGRES_LOCK: &str = "SELECT pg_advisory_lock(1634694246)";
const POSTGRES_UNLOCK: &str = "SELECT pg_advisory_unlock(1634694246)";
/// Locks are of the whole server, hence the database's name.
const MYSQL_LOCK: &str = "SELECT GET_LOCK(CONCAT('aotf.', LEFT(DATABASE(), 50)), 60)";
const MYSQL_UNLOCK: &str = "SELECT RELEASE_LOCK(CONCAT('aotf.', LEFT(DATABASE(), 50)))";

const CREATE_MIGRATIONS: &str = "CREATE TABLE IF NOT EXISTS migrations (
    number INTEGER PRIMARY KEY, name VARCHAR(100) NOT NULL, applied_at VARCHAR(30) NOT NULL)";

/// Applies the migrations that the database lacks, after taking a lock that one program holds at a time.
pub fn migrate(link: &mut Link) -> Result<(), StoreError> {
    let (lock, unlock) = match link.engine() {
        Engine::MySql => (MYSQL_LOCK, MYSQL_UNLOCK),
        Engine::Postgres => (POSTGRES_LOCK, POSTGRES_UNLOCK),
    };
    // A database that is up to date, or not ours, is left alone.
    if pending(link)?.is_empty() {
        return Ok(());
    }
    link.rows(lock, &[], "lock the schema")?;
    let done = apply_pending(link);
    link.rows(unlock, &[], "unlock the schema")?;
    done
}

/// The migrations that the database lacks.
pub fn pending(link: &mut Link) -> Result<&'static [Migration], StoreError> {
    let known = link.engine().migrations();
    let place = link.place().to_owned();
    let found = schema(link)?;
    Ok(migrate::pending(&place, found, known)?)
}

fn apply_pending(link: &mut Link) -> Result<(), StoreError> {
    // Another program may have been faster.
    for migration in pending(link)? {
        let failed = |error| match error {
            StoreError::Statement { source, .. } => StoreError::Migrate(MigrateError::Apply {
                number: migration.number,
                name: migration.name,
                source,
            }),
            other => other,
        };
        apply(link, migration).map_err(failed)?;
    }
    Ok(())
}

/// All or nothing where the engine can; else it can be repeated.
fn apply(link: &mut Link, migration: &Migration) -> Result<(), StoreError> {
    let step = "migrate";
    let transaction = link.begin("BEGIN")?;
    transaction.link.command(CREATE_MIGRATIONS, step)?;
    transaction.link.command(migration.sql, step)?;
    let moment = transaction.link.engine().moment();
    let row = [Value::from(i64::from(migration.number)), migration.name.into()];
    let sql = format!("INSERT INTO migrations VALUES (?, ?, {moment})");
    transaction.link.run(&sql, &row, step)?;
    transaction.commit()
}

/// The number of the newest migration that was applied; 0 for an empty database.
fn schema(link: &mut Link) -> Result<u32, StoreError> {
    let step = "read which migrations it has";
    let tables = link.rows(link.engine().look_for_tables(), &[], step)?;
    let (all, ours) = match tables.first() {
        Some(row) => (row.number(0)?, row.number(1)?),
        None => (0, 0),
    };
    if ours == 0 {
        return match all {
            0 => Ok(0),
            _ => Err(MigrateError::Foreign { place: link.place().to_owned() }.into()),
        };
    }
    let newest = link.rows("SELECT number FROM migrations ORDER BY number DESC LIMIT 1", &[], step)?;
    let number = newest.first().map(|row| row.number(0)).transpose()?.unwrap_or(0);
    Ok(u32::try_from(number).unwrap_or(u32::MAX))
}
