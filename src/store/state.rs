//! The state file beside the database (`state.db`): accepted work that has not ended, the ledger of
//! what a network bills (`ledger.rs`), what networks said of accounts (`liveness.rs`), and posts that are to be looked up
//! (`noted_posts.rs`). Always SQLite, whatever the database is, so that accepting work does not depend on a server.

use std::path::Path;

use rusqlite::types::ValueRef;
use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};

use super::engine::sqlite::Step;
use super::error::StoreError;
use super::migrate;
use super::schema::Value;
use crate::base::Timestamp;
use crate::storekeeper::orders::{AcceptedRequest, JournalEntry};

/// The open state file.
pub struct StateFile {
    pub(super) connection: Connection,
}

/// Accepted work found at start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unfinished {
    /// In the order of acceptance.
    pub requests: Vec<AcceptedRequest>,
    /// Keys of entries that this program cannot read: it is older or newer than their writer.
    pub unreadable: Vec<String>,
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
    pub fn open(path: &Path) -> Result<StateFile, StoreError> {
        Ok(StateFile { connection: migrate::open_state(path)? })
    }

    /// Writes these entries in order, all or none, and returns when they are durable. Accepting a
    /// key again replaces its request; ending an unknown key does nothing.
    pub fn record(&mut self, entries: &[JournalEntry], now: Timestamp) -> Result<(), StoreError> {
        let step = "write the journal";
        let transaction =
            self.connection.transaction_with_behavior(TransactionBehavior::Immediate).step(step)?;
        for entry in entries {
            match entry {
                JournalEntry::Accepted { key, request } => {
                    accept(&transaction, key, request, now).step(step)?;
                }
                JournalEntry::Ended { key } => end(&transaction, key).step(step)?,
                JournalEntry::EndedWith { key, deliveries } => {
                    end(&transaction, key).step(step)?;
                    for delivery in deliveries {
                        let key = JournalEntry::delivery_key(delivery);
                        let request = AcceptedRequest::Delivery(Box::new(delivery.clone()));
                        accept(&transaction, &key, &request, now).step(step)?;
                    }
                }
            }
        }
        transaction.commit().step(step)
    }

    /// What was accepted and has not ended.
    pub fn unfinished(&mut self) -> Result<Unfinished, StoreError> {
        let step = "read the journal";
        let rows: Vec<(String, String)> = self
            .connection
            .prepare_cached("SELECT key, request FROM requests ORDER BY no")
            .and_then(|mut statement| {
                statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
            })
            .step(step)?;
        let mut unfinished = Unfinished { requests: Vec::new(), unreadable: Vec::new() };
        for (key, json) in rows {
            match serde_json::from_str(&json) {
                Ok(request) => unfinished.requests.push(request),
                Err(_) => unfinished.unreadable.push(key),
            }
        }
        Ok(unfinished)
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

fn accept(
    connection: &Connection,
    key: &str,
    request: &AcceptedRequest,
    now: Timestamp,
) -> rusqlite::Result<()> {
    let json = serde_json::to_string(request).expect("a plain value has a JSON form");
    connection
        .prepare_cached(
            "INSERT INTO requests (key, request, accepted_at) VALUES (?1, ?2, ?3)
             ON CONFLICT (key) DO UPDATE SET request = excluded.request",
        )?
        .execute(params![key, json, now.0])
        .map(|_| ())
}

fn end(connection: &Connection, key: &str) -> rusqlite::Result<()> {
    connection.prepare_cached("DELETE FROM requests WHERE key = ?1")?.execute([key]).map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::ids::{AccountKey, Network};
    use crate::domain::accounts::Account;
    use crate::domain::scans::Priority;
    use crate::proto::front::Client;
    use crate::proto::work::Delivery;

    fn query(url: &str) -> JournalEntry {
        let request = AcceptedRequest::Query {
            url: url.to_owned(),
            networks: crate::base::ids::Networks::default(),
            client: Client::Exempt,
            webhooks: vec![],
        };
        JournalEntry::Accepted { key: url.to_owned(), request }
    }

    fn scan(handle: &str, priority: Priority) -> JournalEntry {
        let account = Account {
            key: AccountKey::new(Network::Twitter, handle),
            handle: handle.to_owned(),
            posts: Some(u64::MAX),
        };
        JournalEntry::Accepted {
            key: format!("scan {handle}"),
            request: AcceptedRequest::Scan { account, priority, searched: None },
        }
    }

    fn ended(key: &str) -> JournalEntry {
        JournalEntry::Ended { key: key.to_owned() }
    }

    fn request(entry: JournalEntry) -> AcceptedRequest {
        match entry {
            JournalEntry::Accepted { request, .. } => request,
            JournalEntry::Ended { key } | JournalEntry::EndedWith { key, .. } => panic!("{key} ended"),
        }
    }

    #[test]
    fn what_was_accepted_and_not_ended_is_found_again() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("state.db");
        let mut state = StateFile::open(&path).unwrap();
        state.record(&[query("a"), query("b"), scan("x", Priority::Maintenance)], Timestamp(1)).unwrap();
        state.record(&[ended("a"), ended("never"), scan("x", Priority::User)], Timestamp(2)).unwrap();
        state.record(&[], Timestamp(3)).unwrap();
        drop(state);
        let unfinished = StateFile::open(&path).unwrap().unfinished().unwrap();
        let expect = vec![request(query("b")), request(scan("x", Priority::User))];
        assert_eq!(unfinished, Unfinished { requests: expect, unreadable: vec![] });
    }

    /// A query of before there were webhooks is still one; a delivery takes the place of its query.
    #[test]
    fn deliveries_are_accepted_work() {
        let dir = tempfile::tempdir().unwrap();
        let mut state = StateFile::open(&dir.path().join("state.db")).unwrap();
        let before = "{\"Query\":{\"url\":\"a\",\"client\":\"Exempt\"}}";
        state.connection.execute("INSERT INTO requests VALUES (1, 'a', ?1, 0)", [before]).unwrap();
        let delivery = Delivery {
            id: "1-2".to_owned(),
            webhook: "bot".to_owned(),
            answer: crate::proto::view::QueryView::sample_ended("i", "b"),
        };
        let deliveries = vec![delivery.clone()];
        state
            .record(&[query("b"), JournalEntry::EndedWith { key: "b".to_owned(), deliveries }], Timestamp(1))
            .unwrap();
        let expect = [request(query("a")), AcceptedRequest::Delivery(Box::new(delivery.clone()))];
        assert_eq!(state.unfinished().unwrap().requests, expect);
        state.record(&[ended(&JournalEntry::delivery_key(&delivery))], Timestamp(2)).unwrap();
        assert_eq!(state.unfinished().unwrap().requests, [request(query("a"))]);
    }

    #[test]
    fn an_entry_of_another_version_hides_no_other() {
        let dir = tempfile::tempdir().unwrap();
        let mut state = StateFile::open(&dir.path().join("state.db")).unwrap();
        state.connection.execute("INSERT INTO requests VALUES (1, 'old', '{\"Dance\":{}}', 0)", []).unwrap();
        state.record(&[query("a")], Timestamp(1)).unwrap();
        let unfinished = state.unfinished().unwrap();
        assert_eq!(unfinished.unreadable, ["old"]);
        assert_eq!(unfinished.requests, [request(query("a"))]);
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
