//! The state file beside the database (`state.db`): accepted work that has not ended, the ledger of what a
//! network bills (`ledger.rs`), what networks said of accounts (`liveness.rs`), posts that are to be looked
//! up (`noted_posts.rs`), and pages that were answered (`answered_pages.rs`). Always SQLite, whatever the database is, so that accepting work does not
//! depend on a server.

use std::path::Path;

use rusqlite::types::ValueRef;
use rusqlite::{Connection, OptionalExtension, Row, TransactionBehavior, params};

use super::engine::sqlite::{Step, check_standing};
use super::engine::standing::Standing;
use super::error::StoreError;
use super::migrate;
use super::schema::Value;
use crate::base::Timestamp;
use crate::domain::images::StoreCounts;

/// The open state file.
pub struct StateFile {
    pub(super) connection: Connection,
    standing: Standing,
    place: String,
}

/// Accepted work, as the journal keeps it. What `request` says is the business of whoever wrote it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JournalRow {
    pub key: String,
    pub request: String,
}

/// A change of the journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JournalChange {
    /// Work was accepted; a row of the same key is replaced.
    Put(JournalRow),
    /// It ended. An unknown key is nothing.
    Remove { key: String },
}

/// A table of the state file with all its rows, for backups.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateTable {
    pub name: String,
    pub columns: Vec<String>,
    pub rows: Vec<Vec<Value>>,
}

/// Tables that a backup leaves out: which index lies in this folder is true of this folder alone.
const OF_THIS_FOLDER: [&str; 2] = ["migrations", "index_source"];

/// What a person can do about a state file that cannot be read, and what that costs.
const STATE_REMEDY: &str = "stop the daemon and move the file away, with its -wal and -shm. Then start the daemon: \
    accepted queries and scans that had not ended, posts noted to be looked up, pages that were answered, and what was spent this \
    month are forgotten, the database is kept. Or put a backup back, which holds the state of its day: move the database away \
    too, then `aotf db restore BACKUP`";

fn unusable(path: &Path, error: StoreError) -> StoreError {
    error.with_remedy(&path.display().to_string(), STATE_REMEDY)
}

/// What a state file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StateSummary {
    /// Queries and scans that were accepted and have not ended.
    pub accepted: usize,
    /// A daemon has worked in this folder, with a database.
    pub has_database: bool,
}

impl StateFile {
    /// All tables that are worth a backup, of one state of the file. They hold numbers and texts.
    pub fn tables(&mut self) -> Result<Vec<StateTable>, StoreError> {
        let step = "read the state";
        let transaction = self.connection.transaction().step(step)?;
        let names: Vec<String> = transaction
            .prepare("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
            .and_then(|mut statement| statement.query_map([], |row| row.get(0))?.collect())
            .step(step)?;
        let mut tables = Vec::new();
        for name in names.into_iter().filter(|name| !OF_THIS_FOLDER.contains(&name.as_str())) {
            let mut statement = transaction.prepare(&format!("SELECT * FROM {name}")).step(step)?;
            let columns: Vec<String> = statement.column_names().into_iter().map(str::to_owned).collect();
            let rows = statement
                .query_map([], |row| (0..columns.len()).map(|index| value(row.get_ref(index)?)).collect())
                .and_then(Iterator::collect)
                .step(step)?;
            tables.push(StateTable { name, columns, rows });
        }
        Ok(tables)
    }

    /// Nothing is in the tables that a backup holds.
    pub fn is_empty(&mut self) -> Result<bool, StoreError> {
        Ok(self.tables()?.iter().all(|table| table.rows.is_empty()))
    }

    /// Writes rows that `tables` has read, all or none. A table that this program does not know is left
    /// out: it is of a later version, and nothing here would read it.
    pub fn put_back(&mut self, tables: &[StateTable]) -> Result<(), StoreError> {
        let step = "put the state back";
        let known = self.tables()?;
        let transaction = self.connection.transaction().step(step)?;
        for table in tables {
            let Some(ours) = known.iter().find(|known| known.name == table.name) else { continue };
            let columns: Vec<&str> = table
                .columns
                .iter()
                .map(String::as_str)
                .filter(|name| ours.columns.iter().any(|c| c == name))
                .collect();
            if columns.len() != table.columns.len() {
                continue;
            }
            let places = vec!["?"; columns.len()].join(", ");
            let sql = format!("INSERT INTO {} ({}) VALUES ({places})", ours.name, columns.join(", "));
            let mut statement = transaction.prepare(&sql).step(step)?;
            for row in &table.rows {
                statement.execute(rusqlite::params_from_iter(row)).step(step)?;
            }
        }
        transaction.commit().step(step)
    }

    /// Opens or creates the file. Commits are durable, as the room's first page tells.
    ///
    /// # Errors
    /// `Unusable`, with what a person can do, where the file is damaged or another program's.
    pub fn open(path: &Path) -> Result<StateFile, StoreError> {
        let (connection, standing) = migrate::open_state(path).map_err(|error| unusable(path, error))?;
        Ok(StateFile { connection, standing, place: path.display().to_string() })
    }

    /// What the file holds, without changing it; `None` where there is none, or nothing in it yet.
    ///
    /// # Errors
    /// As for `open`.
    pub fn look(path: &Path) -> Result<Option<StateSummary>, StoreError> {
        let found = migrate::look_at_state(path).map_err(|error| unusable(path, error))?;
        let Some((connection, standing)) = found else { return Ok(None) };
        let mut state = StateFile { connection, standing, place: path.display().to_string() };
        let accepted = state.accepted()?.len();
        Ok(Some(StateSummary { accepted, has_database: state.index_source()?.is_some() }))
    }

    /// Refuses a state file of no bytes beside a database that holds something: it was cut off, and to
    /// go on would forget silently what it held. Beside an empty database it was never written.
    ///
    /// # Errors
    /// `Unusable`.
    pub fn refuse_cut_off(path: &Path, counts: &StoreCounts) -> Result<(), StoreError> {
        let is_empty = path.metadata().is_ok_and(|found| found.is_file() && found.len() == 0);
        match is_empty && counts.accounts > 0 {
            true => Err(StoreError::Unusable {
                place: path.display().to_string(),
                found: "it is empty, and the database is not".to_owned(),
                remedy: STATE_REMEDY.to_owned(),
            }),
            false => Ok(()),
        }
    }

    /// Whether the file still lies where it was opened, so that what is written to it can be found again.
    ///
    /// # Errors
    /// `Displaced`, `Beside`, `Unusable`: it was moved, removed, replaced or cut short.
    pub fn check_standing(&mut self) -> Result<(), StoreError> {
        let checked = check_standing(&self.connection, &mut self.standing, &self.place);
        checked.map_err(|error| error.with_remedy(&self.place, STATE_REMEDY))
    }

    /// Makes these changes in order, all or none, and returns when they are durable.
    pub fn record(&mut self, changes: &[JournalChange], now: Timestamp) -> Result<(), StoreError> {
        let step = "write the journal";
        let transaction =
            self.connection.transaction_with_behavior(TransactionBehavior::Immediate).step(step)?;
        for change in changes {
            match change {
                JournalChange::Put(row) => put(&transaction, row, now).step(step)?,
                JournalChange::Remove { key } => remove(&transaction, key).step(step)?,
            }
        }
        transaction.commit().step(step)
    }

    /// What was accepted and has not ended, in the order of acceptance.
    pub fn accepted(&mut self) -> Result<Vec<JournalRow>, StoreError> {
        self.connection
            .prepare_cached("SELECT key, request FROM requests ORDER BY no")
            .and_then(|mut statement| {
                let row = |row: &Row<'_>| Ok(JournalRow { key: row.get(0)?, request: row.get(1)? });
                statement.query_map([], row)?.collect()
            })
            .step("read the journal")
    }

    /// The identity of the database from which the fingerprint index was made, if one was.
    pub fn index_source(&mut self) -> Result<Option<String>, StoreError> {
        self.connection
            .query_row("SELECT identity FROM index_source WHERE only_row = 1", [], |row| row.get(0))
            .optional()
            .step("read the source of the index")
    }

    /// The index is being made from this database from now on.
    pub fn set_index_source(&mut self, identity: &str) -> Result<(), StoreError> {
        self.connection
            .execute(
                "INSERT INTO index_source VALUES (1, ?1)
                 ON CONFLICT (only_row) DO UPDATE SET identity = excluded.identity",
                [identity],
            )
            .map(|_| ())
            .step("note the source of the index")
    }
}

fn value(value: ValueRef<'_>) -> rusqlite::Result<Value> {
    Ok(match value {
        ValueRef::Integer(number) => Value::Int(Some(number)),
        ValueRef::Null => Value::Text(None),
        other => Value::Text(Some(other.as_str()?.to_owned())),
    })
}

fn put(connection: &Connection, row: &JournalRow, now: Timestamp) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO requests (key, request, accepted_at) VALUES (?1, ?2, ?3)
             ON CONFLICT (key) DO UPDATE SET request = excluded.request",
        )?
        .execute(params![row.key, row.request, now.0])
        .map(|_| ())
}

fn remove(connection: &Connection, key: &str) -> rusqlite::Result<()> {
    connection.prepare_cached("DELETE FROM requests WHERE key = ?1")?.execute([key]).map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(key: &str, request: &str) -> JournalRow {
        JournalRow { key: key.to_owned(), request: request.to_owned() }
    }

    fn put(key: &str, request: &str) -> JournalChange {
        JournalChange::Put(row(key, request))
    }

    fn remove(key: &str) -> JournalChange {
        JournalChange::Remove { key: key.to_owned() }
    }

    #[test]
    fn what_was_accepted_and_not_ended_is_found_again() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("state.db");
        let mut state = StateFile::open(&path).unwrap();
        state.record(&[put("a", "1"), put("b", "2"), put("scan x", "3")], Timestamp(1)).unwrap();
        state.record(&[remove("a"), remove("never"), put("scan x", "4")], Timestamp(2)).unwrap();
        state.record(&[], Timestamp(3)).unwrap();
        drop(state);
        let accepted = StateFile::open(&path).unwrap().accepted().unwrap();
        assert_eq!(accepted, [row("b", "2"), row("scan x", "4")]);
    }

    #[test]
    fn a_damaged_file_says_what_to_do_and_stays() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("state.db");
        let mut state = StateFile::open(&path).unwrap();
        let long = "x".repeat(2000);
        for no in 0..40 {
            state.record(&[put(&format!("{no}"), &long)], Timestamp(1)).unwrap();
        }
        drop(state);
        let whole = std::fs::read(&path).unwrap();
        assert!(whole.len() > 20 * 4096);
        let mut holes = whole.clone();
        holes[5 * 4096..].fill(0xaa);
        for (name, bytes) in [
            ("text", b"this is no database, ".repeat(300)),
            ("cut in the middle", whole[..whole.len() / 2 + 7].to_vec()),
            ("pages overwritten", holes),
        ] {
            std::fs::write(&path, &bytes).unwrap();
            let error = StateFile::open(&path).map(|_| ()).unwrap_err();
            let text = error.to_string();
            assert!(matches!(error, StoreError::Unusable { .. }), "{name}: {text}");
            for part in [path.to_str().unwrap(), "move the file away", "aotf db restore", "damaged"] {
                assert!(text.contains(part), "{name}: {text}");
            }
            assert_eq!(std::fs::read(&path).unwrap(), bytes, "{name}: nothing is changed");
        }
        std::fs::write(&path, &whole).unwrap();
        assert_eq!(StateFile::open(&path).unwrap().accepted().unwrap().len(), 40);
    }

    #[test]
    fn a_file_of_no_bytes_is_refused_only_beside_a_database_that_holds_something() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("state.db");
        let full = StoreCounts { accounts: 1, ..StoreCounts::default() };
        assert!(StateFile::refuse_cut_off(&path, &full).is_ok(), "somebody has moved it away");
        std::fs::write(&path, "").unwrap();
        assert!(
            StateFile::refuse_cut_off(&path, &StoreCounts::default()).is_ok(),
            "killed in the first start"
        );
        let text = StateFile::refuse_cut_off(&path, &full).unwrap_err().to_string();
        assert!(text.contains("it is empty") && text.contains("move the file away"), "{text}");
    }

    #[test]
    fn the_source_of_the_index_is_remembered() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("state.db");
        let mut state = StateFile::open(&path).unwrap();
        assert_eq!(state.index_source().unwrap(), None);
        state.set_index_source("one").unwrap();
        state.set_index_source("two").unwrap();
        drop(state);
        assert_eq!(StateFile::open(&path).unwrap().index_source().unwrap().as_deref(), Some("two"));
    }
}
