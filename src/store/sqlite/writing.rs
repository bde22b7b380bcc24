//! One transaction in progress: carries out changes and adds up what the caller must know of them.

use std::collections::HashMap;

use rusqlite::{Connection, OptionalExtension, Params};

use super::connection::Step;
use super::sql;
use crate::base::Timestamp;
use crate::base::ids::{AccountKey, AccountNo, ImageId};
use crate::domain::images::StoreCounts;
use crate::store::{Change, Committed, IndexEntry, MovedHandle, Outcome, RetryRule, StoreError, codec};

/// The work of one `apply`. Dropped without `finish`, it leaves the transaction to be rolled back.
pub struct Writing<'a> {
    pub(super) connection: &'a Connection,
    pub(super) rule: RetryRule,
    pub(super) now: Timestamp,
    /// Accounts that this transaction has brought up to date, with the handle it did it for.
    pub(super) known: HashMap<AccountKey, (AccountNo, String)>,
    pub(super) counts: StoreCounts,
    pub(super) entries: Vec<IndexEntry>,
    pub(super) moved_handles: Vec<MovedHandle>,
    counts_before: StoreCounts,
    images_before: ImageId,
}

impl<'a> Writing<'a> {
    /// `connection` is within a transaction that shuts out other writers.
    pub fn begin(
        connection: &'a Connection,
        rule: RetryRule,
        now: Timestamp,
    ) -> Result<Writing<'a>, StoreError> {
        let counts = counts(connection)?;
        Ok(Writing {
            connection,
            rule,
            now,
            known: HashMap::new(),
            counts,
            entries: Vec::new(),
            moved_handles: Vec::new(),
            counts_before: counts,
            images_before: last_image(connection)?,
        })
    }

    pub fn carry_out(&mut self, change: &Change) -> Result<Outcome, StoreError> {
        match change {
            Change::Posts { account, posts } => {
                let no = self.upsert_account(account)?;
                for post in posts {
                    self.store_post(no, post)?;
                }
            }
            Change::Cursor { account, end } => self.store_cursor(account, end)?,
            Change::CountUse { accounts } => self.count_use(accounts)?,
            Change::ForgetSearchCursors { accounts } => self.forget_search_cursors(accounts)?,
            Change::TakeAccounts { due, limit } => {
                return Ok(Outcome::Accounts(self.take_accounts(due, *limit)?));
            }
            Change::Import(page) => return Ok(Outcome::Imported { new: self.import(page)? }),
            Change::Complete(images) => return Ok(Outcome::Completed(self.complete(images)?)),
            Change::TakeRetries { limit } => return Ok(Outcome::Retries(self.take_retries(*limit)?)),
        }
        Ok(Outcome::Done)
    }

    /// Runs a statement that returns no rows.
    pub(super) fn run(&self, sql: &str, row: impl Params, step: &'static str) -> Result<(), StoreError> {
        self.count_run(sql, row, step).map(|_| ())
    }

    /// The same, telling how many rows it changed.
    pub(super) fn count_run(
        &self,
        sql: &str,
        row: impl Params,
        step: &'static str,
    ) -> Result<usize, StoreError> {
        self.connection.prepare_cached(sql).and_then(|mut statement| statement.execute(row)).step(step)
    }

    /// Writes the sizes. The transaction is still to be committed.
    pub fn finish(self, outcomes: Vec<Outcome>) -> Result<Committed, StoreError> {
        if self.counts != self.counts_before {
            let StoreCounts { accounts, posts, images, retries } = self.counts;
            let row = [accounts, posts, images, retries].map(codec::count);
            self.run(sql::STORE_SUMMARY, row, "store the sizes")?;
        }
        Ok(Committed {
            outcomes,
            entries: self.entries,
            images_before: self.images_before,
            images_after: last_image(self.connection)?,
            moved_handles: self.moved_handles,
            counts: self.counts,
        })
    }
}

/// The sizes as last committed, or as this transaction found them.
pub fn counts(connection: &Connection) -> Result<StoreCounts, StoreError> {
    let [accounts, posts, images, retries] = connection
        .prepare_cached(sql::SUMMARY)
        .and_then(|mut statement| {
            statement.query_row([], |row| Ok([row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?]))
        })
        .step("read the sizes")?;
    Ok(StoreCounts {
        accounts: codec::size(accounts)?,
        posts: codec::size(posts)?,
        images: codec::size(images)?,
        retries: codec::size(retries)?,
    })
}

pub fn last_image(connection: &Connection) -> Result<ImageId, StoreError> {
    let last: Option<i64> = connection
        .prepare_cached(sql::LAST_IMAGE)
        .and_then(|mut statement| statement.query_row([], |row| row.get(0)).optional())
        .step("read the last image number")?;
    codec::image_id(last.unwrap_or(0))
}
