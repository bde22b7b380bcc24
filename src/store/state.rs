//! The state file beside the database (`state.db`): accepted work that has not ended. Always SQLite,
//! whatever the database is, so that accepting work does not depend on a server.

use std::path::Path;

use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};

use super::error::StoreError;
use super::migrate::Migration;
use super::sqlite::connection::{self, Step};
use crate::base::Timestamp;
use crate::proto::store::{AcceptedRequest, JournalEntry};

const MIGRATIONS: &[Migration] = &[Migration {
    number: 1,
    name: "requests",
    sql: include_str!("../../migrations/state/0001_requests.sql"),
}];

const CACHE_KIB: i64 = 1024;

/// The open state file.
pub struct StateFile {
    connection: Connection,
}

/// Accepted work found at start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unfinished {
    /// In the order of acceptance.
    pub requests: Vec<AcceptedRequest>,
    /// Keys of entries that this program cannot read: it is older or newer than their writer.
    pub unreadable: Vec<String>,
}

impl StateFile {
    /// Opens or creates the file. Commits are durable, as the room's first page tells.
    pub fn open(path: &Path) -> Result<StateFile, StoreError> {
        Ok(StateFile { connection: connection::open(path, MIGRATIONS, CACHE_KIB)? })
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
                    let json = serde_json::to_string(request).expect("a plain value has a JSON form");
                    transaction
                        .prepare_cached(
                            "INSERT INTO requests (key, request, accepted_at) VALUES (?1, ?2, ?3)
                             ON CONFLICT (key) DO UPDATE SET request = excluded.request",
                        )
                        .and_then(|mut statement| statement.execute(params![key, json, now.0]))
                        .step(step)?;
                }
                JournalEntry::Ended { key } => {
                    transaction
                        .prepare_cached("DELETE FROM requests WHERE key = ?1")
                        .and_then(|mut statement| statement.execute([key]))
                        .step(step)?;
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::ids::{AccountKey, Network};
    use crate::proto::data::{Account, Priority};
    use crate::proto::front::Client;

    fn query(url: &str) -> JournalEntry {
        let request = AcceptedRequest::Query { url: url.to_owned(), client: Client::Exempt };
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
            request: AcceptedRequest::Scan { account, priority },
        }
    }

    fn ended(key: &str) -> JournalEntry {
        JournalEntry::Ended { key: key.to_owned() }
    }

    fn request(entry: JournalEntry) -> AcceptedRequest {
        match entry {
            JournalEntry::Accepted { request, .. } => request,
            JournalEntry::Ended { key } => panic!("{key} ended"),
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
