//! Writing accounts: who they are, their handles, cursors and turns.

use rusqlite::{Connection, OptionalExtension, params};

use super::connection::Step;
use super::sql;
use super::writing::Writing;
use crate::base::Timestamp;
use crate::base::ids::{AccountKey, AccountNo, Network};
use crate::domain::accounts::{Account, AccountRecord, AccountState, SeenHandle};
use crate::domain::scans::{Coverage, Cursor, ListingEnd};
use crate::store::merge_rules::covered;
use crate::store::schedule::turn_of;
use crate::store::{AccountTask, AccountsDue, MovedHandle, StoreError, codec};

impl Writing<'_> {
    /// The account's number; a row for it where there is none; its handle and size as of now.
    pub(super) fn upsert_account(&mut self, account: &Account) -> Result<AccountNo, StoreError> {
        if let Some((no, handle)) = self.known.get(&account.key)
            && *handle == account.handle
        {
            return Ok(*no);
        }
        let no = self.find_or_insert(account)?;
        if !account.handle.is_empty() {
            self.note_handle(account, no)?;
        }
        self.known.insert(account.key.clone(), (no, account.handle.clone()));
        Ok(no)
    }

    fn find_or_insert(&mut self, account: &Account) -> Result<AccountNo, StoreError> {
        let step = "store an account";
        let Account { key, posts, .. } = account;
        let stated = posts.map(codec::count);
        let found: Option<(i64, Option<i64>)> = self
            .connection
            .prepare_cached(sql::FIND_ACCOUNT)
            .and_then(|mut statement| {
                statement
                    .query_row(params![codec::network_no(key.network), key.native], |row| {
                        Ok((row.get(0)?, row.get(1)?))
                    })
                    .optional()
            })
            .step(step)?;
        if let Some((no, stored)) = found {
            if stated.is_some() && stated != stored {
                self.run(sql::UPDATE_STATED_POSTS, params![no, stated], step)?;
            }
            return codec::account_no(no);
        }
        let turn = turn_of(key);
        let row = params![codec::network_no(key.network), key.native, self.now.0, stated, turn];
        self.run(sql::INSERT_ACCOUNT, row, step)?;
        self.counts.accounts += 1;
        codec::account_no(self.connection.last_insert_rowid())
    }

    /// Writes that the account has this handle now, and notes whom it was taken over from.
    fn note_handle(&mut self, account: &Account, no: AccountNo) -> Result<(), StoreError> {
        let step = "store a handle";
        let network = codec::network_no(account.key.network);
        let owner: Option<(i64, i64)> = self
            .connection
            .prepare_cached(sql::FIND_OWNER)
            .and_then(|mut statement| {
                statement
                    .query_row(params![network, account.handle, no.0], |row| Ok((row.get(0)?, row.get(1)?)))
                    .optional()
            })
            .step(step)?;
        self.run(sql::UPSERT_HANDLE, params![network, account.handle, no.0, self.now.0], step)?;
        if let Some((owner, _)) = owner
            && owner != i64::from(no.0)
        {
            let from = self
                .connection
                .prepare_cached(sql::ACCOUNT_KEY)
                .and_then(|mut statement| {
                    statement.query_row([owner], |row| Ok((row.get(0)?, row.get::<_, String>(1)?)))
                })
                .step(step)?;
            self.moved_handles.push(MovedHandle {
                handle: account.handle.clone(),
                from: codec::account_key(from.0, from.1)?,
                to: account.key.clone(),
            });
        }
        Ok(())
    }

    pub(super) fn store_cursor(&mut self, account: &Account, end: &ListingEnd) -> Result<(), StoreError> {
        let step = "store a cursor";
        let no = self.upsert_account(account)?;
        let before: (bool, bool, Option<String>, Option<String>) = self
            .connection
            .prepare_cached(sql::LISTING_STATE)
            .and_then(|mut statement| {
                statement.query_row([no.0], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))
            })
            .step(step)?;
        let (had_search, had_timeline, search_coverage, timeline_coverage) = before;
        let newest = end.newest.map(|moment| moment.0);
        let oldest = end.oldest.map(|moment| moment.0);
        let read = codec::count(end.posts_read);
        match &end.cursor {
            Cursor::Search(cursor) => {
                let coverage = covered(had_search, search_coverage.as_deref(), end.coverage)?;
                let row =
                    params![no.0, cursor.map(|date| date.0), self.now.0, coverage, newest, oldest, read];
                self.run(sql::STORE_SEARCH_END, row, step)
            }
            Cursor::Timeline(cursor) => {
                let coverage = covered(had_timeline, timeline_coverage.as_deref(), end.coverage)?;
                let row = params![no.0, cursor, self.now.0, coverage, newest, oldest, read];
                self.run(sql::STORE_TIMELINE_END, row, step)
            }
        }
    }

    pub(super) fn count_use(&mut self, accounts: &[AccountKey]) -> Result<(), StoreError> {
        for key in accounts {
            let row = params![codec::network_no(key.network), key.native, self.now.0];
            self.run(sql::COUNT_USE, row, "count the use of an account")?;
        }
        Ok(())
    }

    pub(super) fn forget_search_cursors(&mut self, accounts: &[AccountKey]) -> Result<(), StoreError> {
        for key in accounts {
            let row = params![codec::network_no(key.network), key.native, self.now.0];
            self.run(sql::FORGET_SEARCH_CURSOR, row, "forget a search cursor")?;
        }
        Ok(())
    }

    pub(super) fn take_accounts(
        &mut self,
        due: &AccountsDue,
        limit: u32,
    ) -> Result<Vec<(Account, AccountState)>, StoreError> {
        self.run(sql::VISITED_IN_THE_FUTURE, [self.now.0], "mend dates of the future")?;
        let mut found = self.accounts_due(due, limit)?;
        found.sort_by_key(|(no, since)| (*since, *no));
        found.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        let mut accounts = Vec::with_capacity(found.len());
        for (no, _) in found {
            if due.task == AccountTask::Update {
                self.run(sql::MARK_VISITED, params![no, self.now.0], "mark an account as visited")?;
            }
            accounts.push(self.whole_account(no)?);
        }
        Ok(accounts)
    }

    /// Numbers of accounts, each with the moment the task was last done for it.
    fn accounts_due(&self, due: &AccountsDue, limit: u32) -> Result<Vec<(i64, i64)>, StoreError> {
        let step = "find accounts that are due";
        let (at_any_turn, by_turn) = match due.task {
            AccountTask::Update => (sql::UPDATES_DUE, sql::UPDATES_DUE_BY_TURN),
            AccountTask::ResetSearchCursor => (sql::RESETS_DUE, sql::RESETS_DUE_BY_TURN),
        };
        let pair = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?));
        let Some(turns) = &due.turns else {
            return self
                .connection
                .prepare_cached(at_any_turn)
                .and_then(|mut statement| statement.query_map(params![due.before.0, limit], pair)?.collect())
                .step(step);
        };
        let mut found = Vec::new();
        for range in turns {
            let chunk: Vec<(i64, i64)> = self
                .connection
                .prepare_cached(by_turn)
                .and_then(|mut statement| {
                    statement
                        .query_map(params![range.start(), range.end(), due.before.0, limit], pair)?
                        .collect()
                })
                .step(step)?;
            found.extend(chunk);
        }
        Ok(found)
    }

    fn whole_account(&self, no: i64) -> Result<(Account, AccountState), StoreError> {
        let step = "read an account";
        let mut statement = self.connection.prepare_cached(sql::WHOLE_ACCOUNT).step(step)?;
        let mut rows = statement.query([no]).step(step)?;
        let row = rows.next().step(step)?.ok_or(rusqlite::Error::QueryReturnedNoRows).step(step)?;
        let key = codec::account_key(row.get(0).step(step)?, row.get(1).step(step)?)?;
        let posts = row.get::<_, Option<i64>>(2).step(step)?.map(codec::size).transpose()?;
        let handle = row.get::<_, Option<String>>(3).step(step)?.unwrap_or_default();
        let state = account_state(row, 4, key.clone()).step(step)?;
        Ok((Account { key, handle, posts }, state))
    }
}

/// All that is known of one account.
pub fn account_record(
    connection: &Connection,
    key: &AccountKey,
) -> Result<Option<AccountRecord>, StoreError> {
    let step = "read an account's record";
    let mut statement = connection.prepare_cached(sql::ACCOUNT_RECORD).step(step)?;
    let mut found = statement.query(params![codec::network_no(key.network), key.native]).step(step)?;
    let Some(row) = found.next().step(step)? else { return Ok(None) };
    let coverage = |column| -> Result<Option<Coverage>, StoreError> {
        row.get::<_, Option<String>>(column).step(step)?.map(|text| codec::coverage_of(&text)).transpose()
    };
    let mut statement = connection.prepare_cached(sql::HANDLES_OF_ACCOUNT).step(step)?;
    let no: i64 = row.get(0).step(step)?;
    let handles = statement
        .query_map([no], |row| {
            Ok(SeenHandle {
                handle: row.get(0)?,
                first_seen: Timestamp(row.get(1)?),
                last_seen: Timestamp(row.get(2)?),
            })
        })
        .and_then(Iterator::collect)
        .step(step)?;
    Ok(Some(AccountRecord {
        known_since: Timestamp(row.get(1).step(step)?),
        stated_posts: row.get::<_, Option<i64>>(2).step(step)?.map(codec::size).transpose()?,
        search_coverage: coverage(3)?,
        timeline_coverage: coverage(4)?,
        newest_seen: codec::moment(row.get(5).step(step)?),
        oldest_seen: codec::moment(row.get(6).step(step)?),
        posts_read: codec::size(row.get(7).step(step)?)?,
        uses: codec::size(row.get(8).step(step)?)?,
        last_used_at: codec::moment(row.get(9).step(step)?),
        state: account_state(row, 10, key.clone()).step(step)?,
        handles,
    }))
}

/// Whoever was seen with this handle, the last first.
pub fn accounts_called(
    connection: &Connection,
    network: Network,
    handle: &str,
) -> Result<Vec<AccountKey>, StoreError> {
    let step = "look up a handle";
    let owners: Vec<(i64, String)> = connection
        .prepare_cached(sql::OWNERS_OF_HANDLE)
        .and_then(|mut statement| {
            let pair = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?));
            statement.query_map(params![codec::network_no(network), handle], pair)?.collect()
        })
        .step(step)?;
    owners.into_iter().map(|(network, native)| codec::account_key(network, native)).collect()
}

/// The four columns of an account's state, from `first` on.
pub fn account_state(
    row: &rusqlite::Row<'_>,
    first: usize,
    key: AccountKey,
) -> rusqlite::Result<AccountState> {
    Ok(AccountState {
        key,
        search_cursor: codec::moment(row.get(first)?),
        timeline_cursor: row.get(first + 1)?,
        search_listed_at: codec::moment(row.get(first + 2)?),
        timeline_listed_at: codec::moment(row.get(first + 3)?),
    })
}
