//! The SQLite engine: one file in WAL mode, one writer at a time, readers that never wait for it.

use std::path::Path;

use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};

use self::connection::Step;
use self::writing::Writing;
use super::backfill::BareImage;
use super::migrate::Migration;
use super::{Change, Committed, IndexEntry, RetryRule, Schema, Store, StoreError, codec};
use crate::base::ids::{AccountKey, AccountNo, ImageId, Network, PostKey};
use crate::base::{Fingerprint, Timestamp};
use crate::domain::accounts::{AccountRecord, AccountState};
use crate::domain::images::StoreCounts;
use crate::domain::posts::{ImageRecord, ListedPost};

mod accounts;
mod completing;
pub(super) mod connection;
#[cfg(test)]
mod file_tests;
mod importing;
mod posts;
mod retries;
mod sql;
mod writing;

const MIGRATIONS: &[Migration] = &[
    Migration {
        number: 1,
        name: "first tables",
        sql: include_str!("../../../migrations/sqlite/0001_first_tables.sql"),
    },
    Migration {
        number: 2,
        name: "images by account",
        sql: include_str!("../../../migrations/sqlite/0002_images_by_account.sql"),
    },
    Migration {
        number: 3,
        name: "unavailable images",
        sql: include_str!("../../../migrations/sqlite/0003_unavailable_images.sql"),
    },
];

/// Pages kept in memory: the writer needs the upper levels of its indexes, readers ask for little.
const WRITER_CACHE_KIB: i64 = 16 * 1024;
const READER_CACHE_KIB: i64 = 4 * 1024;

/// Which schema an existing file has. Changes nothing.
pub fn schema(path: &Path) -> Result<Schema, StoreError> {
    let found = connection::schema_of(path, MIGRATIONS)?;
    Ok(Schema { found, known: MIGRATIONS.last().map_or(0, |migration| migration.number) })
}

/// A connection to an SQLite database.
pub struct SqliteStore {
    connection: Connection,
    rule: RetryRule,
}

impl SqliteStore {
    /// Opens or creates the file and brings its schema up to date.
    pub fn open(path: &Path, rule: RetryRule) -> Result<SqliteStore, StoreError> {
        Ok(SqliteStore { connection: connection::open(path, MIGRATIONS, WRITER_CACHE_KIB)?, rule })
    }

    pub(super) fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Opens a file that has the newest schema, for reading only.
    pub fn open_reader(path: &Path, rule: RetryRule) -> Result<SqliteStore, StoreError> {
        Ok(SqliteStore { connection: connection::open_reader(path, MIGRATIONS, READER_CACHE_KIB)?, rule })
    }
}

impl SqliteStore {
    /// For an answer that takes many statements: one lock of the file instead of one for each, and one state.
    fn read_together(&mut self) -> Result<rusqlite::Transaction<'_>, StoreError> {
        self.connection.transaction().step("begin to read")
    }
}

impl Store for SqliteStore {
    fn apply(&mut self, changes: &[Change], now: Timestamp) -> Result<Committed, StoreError> {
        // Immediate: the lock is waited for here, and nothing later can fail as busy.
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .step("begin a change")?;
        let mut writing = Writing::begin(&transaction, self.rule, now)?;
        let mut outcomes = Vec::with_capacity(changes.len());
        for change in changes {
            outcomes.push(writing.carry_out(change)?);
        }
        let committed = writing.finish(outcomes)?;
        transaction.commit().step("commit a change")?;
        Ok(committed)
    }

    fn account_states(&mut self, keys: &[AccountKey]) -> Result<Vec<AccountState>, StoreError> {
        let step = "look up an account's cursors";
        let mut statement = self.connection.prepare_cached(sql::ACCOUNT_STATE).step(step)?;
        let mut states = Vec::with_capacity(keys.len());
        for key in keys {
            let found = statement
                .query_row(params![codec::network_no(key.network), key.native], |row| {
                    accounts::account_state(row, 0, key.clone())
                })
                .optional()
                .step(step)?;
            states.push(found.unwrap_or_else(|| AccountState::unknown(key.clone())));
        }
        Ok(states)
    }

    fn account_record(&mut self, key: &AccountKey) -> Result<Option<AccountRecord>, StoreError> {
        accounts::account_record(&self.connection, key)
    }

    fn accounts_called(&mut self, network: Network, handle: &str) -> Result<Vec<AccountKey>, StoreError> {
        accounts::accounts_called(&self.connection, network, handle)
    }

    fn account_numbers(&mut self, keys: &[AccountKey]) -> Result<Vec<(AccountKey, AccountNo)>, StoreError> {
        let step = "look up an account's number";
        let mut statement = self.connection.prepare_cached(sql::FIND_ACCOUNT).step(step)?;
        let mut numbers = Vec::with_capacity(keys.len());
        for key in keys {
            let found: Option<i64> = statement
                .query_row(params![codec::network_no(key.network), key.native], |row| row.get(0))
                .optional()
                .step(step)?;
            if let Some(no) = found {
                numbers.push((key.clone(), codec::account_no(no)?));
            }
        }
        Ok(numbers)
    }

    fn images(&mut self, ids: &[ImageId]) -> Result<Vec<ImageRecord>, StoreError> {
        posts::images(&self.connection, ids)
    }

    fn missing(&mut self, posts: &[ListedPost]) -> Result<Vec<ListedPost>, StoreError> {
        posts::missing(&*self.read_together()?, posts)
    }

    fn fingerprints_of(
        &mut self,
        posts: &[PostKey],
    ) -> Result<Vec<Option<Vec<Option<Fingerprint>>>>, StoreError> {
        posts::fingerprints_of(&*self.read_together()?, posts)
    }

    fn fingerprints_after(&mut self, after: ImageId, limit: u32) -> Result<Vec<IndexEntry>, StoreError> {
        posts::fingerprints_after(&self.connection, after, limit)
    }

    fn fingerprints_of_account(
        &mut self,
        account: AccountNo,
        after: ImageId,
        limit: u32,
    ) -> Result<Vec<IndexEntry>, StoreError> {
        posts::fingerprints_of_account(&self.connection, account, after, limit)
    }

    fn bare_images(&mut self, after: ImageId, limit: u32) -> Result<Vec<BareImage>, StoreError> {
        completing::bare_images(&self.connection, after, limit)
    }

    fn last_image(&mut self) -> Result<ImageId, StoreError> {
        writing::last_image(&self.connection)
    }

    fn counts(&mut self) -> Result<StoreCounts, StoreError> {
        writing::counts(&self.connection)
    }

    fn wrong_lengths(&mut self) -> Result<u64, StoreError> {
        let step = "check the lengths of the fingerprints";
        let count = |sql| self.connection.query_row(sql, [], |row| row.get(0)).step(step);
        let images: i64 = count(sql::WRONG_FINGERPRINTS)?;
        let details: i64 = count(sql::WRONG_DETAILS)?;
        codec::size(images.saturating_add(details))
    }

    fn identity(&mut self) -> Result<String, StoreError> {
        self.connection.query_row(sql::IDENTITY, [], |row| row.get(0)).step("read the database's identity")
    }
}
