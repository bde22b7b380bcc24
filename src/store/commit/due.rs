//! Hands out what is due: accounts to be listed again, posts of which an image is to be tried again.

use std::collections::HashMap;

use super::load;
use super::work::Work;
use crate::base::ids::AccountKey;
use crate::domain::accounts::{Account, AccountState};
use crate::domain::posts::{ListedPost, RetryPost};
use crate::store::changes::{AccountTask, AccountsDue};
use crate::store::engine::connection::Connection;
use crate::store::engine::row::Row;
use crate::store::error::StoreError;
use crate::store::schema::Value;
use crate::store::{codec, statements};

/// Of the addresses of the posts that are handed out at once, which travel in one message.
const MOST_RETRY_BYTES: usize = 40 * 1024;

pub fn take_accounts(
    connection: &mut Connection,
    work: &mut Work,
    due: &AccountsDue,
    limit: u32,
) -> Result<Vec<(Account, AccountState)>, StoreError> {
    let step = "find accounts that are due";
    let now = Value::from(work.now.0);
    connection.run(statements::VISITED_IN_THE_FUTURE, &[now.clone(), now], "mend dates of the future")?;
    let (at_any_turn, by_turn) = match due.task {
        AccountTask::Update => (statements::UPDATES_DUE, statements::UPDATES_DUE_BY_TURN),
        AccountTask::ResetSearchCursor => (statements::RESETS_DUE, statements::RESETS_DUE_BY_TURN),
    };
    let last = [Value::from(due.before.0), i64::from(limit).into()];
    let read = |row: &Row<'_>| {
        let key = codec::account_key(row.number(0)?, row.string(1)?)?;
        Ok((row.number(2)?, row.number(3)?, key))
    };
    let mut due_ones: Vec<(i64, i64, AccountKey)> = Vec::new();
    match &due.turns {
        None => due_ones.extend(connection.list(at_any_turn, &last, step, read)?),
        Some(turns) => {
            for range in turns {
                let mut values: Vec<Value> =
                    [*range.start(), *range.end()].map(|turn| i64::from(turn).into()).to_vec();
                values.extend_from_slice(&last);
                due_ones.extend(connection.list(by_turn, &values, step, read)?);
            }
        }
    }
    due_ones.sort_by_key(|(since, no, _)| (*since, *no));
    due_ones.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    load::accounts(connection, work, &due_ones.iter().map(|(_, _, key)| key).collect::<Vec<_>>())?;
    let numbers: Vec<Value> = due_ones.iter().map(|(_, no, _)| Value::from(*no)).collect();
    let mut handles: HashMap<i64, String> = HashMap::new();
    load::in_lists(connection, statements::LATEST_HANDLES, &[], &numbers, "look up handles", |row| {
        handles.insert(row.number(0)?, row.string(1)?);
        Ok(())
    })?;
    let mut accounts = Vec::with_capacity(due_ones.len());
    for (_, no, key) in due_ones {
        if due.task == AccountTask::Update {
            work.mark_visited(&key);
        }
        let Some(found) = work.accounts.get(&key) else { continue };
        let posts = found.row.stated_posts.map(codec::size).transpose()?;
        let handle = handles.remove(&no).unwrap_or_default();
        accounts.push((Account { key, handle, posts }, found.row.state()?));
    }
    Ok(accounts)
}

pub fn take_retries(
    connection: &mut Connection,
    work: &mut Work,
    limit: u32,
) -> Result<Vec<RetryPost>, StoreError> {
    let latest = work.now.plus(work.rule.pause);
    connection.run(
        statements::DUE_TOO_LATE,
        &[work.now.0.into(), latest.0.into()],
        "mend dates of the future",
    )?;
    let values = [Value::from(work.now.0), i64::from(limit).into()];
    let due = connection.list(statements::RETRIES_DUE, &values, "find posts to be tried again", |row| {
        let account = codec::account_key(row.number(2)?, row.string(3)?)?;
        Ok((row.number(0)?, codec::moment(row.int(1)?), account))
    })?;
    let numbers: Vec<i64> = due.iter().map(|(no, _, _)| *no).collect();
    let keys = load::posts_by_no(connection, work, &numbers)?;
    let mut retries = Vec::with_capacity(due.len());
    let mut bytes = 0;
    for (no, published, account) in due {
        let Some(key) = keys.get(&no) else { continue };
        bytes += 100 + key.native.len() + account.native.len() + work.retry_bytes(key);
        if bytes > MOST_RETRY_BYTES && !retries.is_empty() {
            break; // the rest stays due
        }
        let (images, places) = work.hand_out(key);
        let post = ListedPost { key: key.clone(), published, images, places, incomplete: false };
        retries.push(RetryPost { account, post });
    }
    Ok(retries)
}
