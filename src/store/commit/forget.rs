//! Removing what somebody wishes to be forgotten, and what its network no longer has: a piece in each commit,
//! beside the daemon's other work.

use std::collections::HashSet;

use super::delete::delete;
use super::work::Work;
use super::{flush, load, parts};
use crate::base::Timestamp;
use crate::base::ids::{AccountKey, AccountNo, PostKey};
use crate::domain::forgotten::{Mark, Removal, Removed, Subject, SubjectKind};
use crate::store::engine::connection::Connection;
use crate::store::error::StoreError;
use crate::store::schema::{self, Value};
use crate::store::{codec, statements};

/// Images whose posts are removed in one commit.
const IMAGES_AT_A_TIME: i64 = 2000;

/// Posts without images are found by reading all posts, so more of them are taken at once.
const POSTS_WITHOUT_IMAGES_AT_A_TIME: i64 = 20_000;

/// Leaves the mark, and removes a piece of what is stored.
pub fn forget(
    connection: &mut Connection,
    work: &mut Work,
    subject: &Subject,
    note: &str,
) -> Result<Removal, StoreError> {
    flush::flush(connection, work)?;
    let mark = subject.mark();
    let account = match subject {
        Subject::Account(key) => account_no(connection, key)?,
        Subject::Post(_) => None,
    };
    let value = Value::from(mark.0.to_vec());
    let found =
        connection.list(statements::TOMBSTONE, std::slice::from_ref(&value), "look for a mark", |row| {
            Ok(Timestamp(row.number(0)?))
        })?;
    let since = found.first().copied();
    let removing = account.map(|no| i64::from(no.0));
    if since.is_some() && removing.is_some() {
        let begun = [removing.into(), value.clone()];
        connection.run(statements::REMOVAL_BEGUN, &begun, "note the beginning of a removal")?;
    }
    if since.is_none() {
        let at = work.now;
        let kind = match subject.kind() {
            SubjectKind::Account => 1_i64,
            SubjectKind::Post => 2,
        };
        let row = vec![
            value.clone(),
            kind.into(),
            codec::network_no(subject.network()).into(),
            at.0.into(),
            note.into(),
            removing.into(),
        ];
        connection.insert(&schema::TOMBSTONES, &[row], true)?;
    }
    work.marks.insert(mark);
    forget_verdicts_about(connection, subject)?;
    let (removed, more) = match (subject, account) {
        (Subject::Account(_), Some(no)) => remove_of_account(connection, work, no)?,
        (Subject::Account(_), None) => (Removed::default(), false),
        (Subject::Post(key), _) => (remove_posts(connection, work, std::slice::from_ref(key))?, false),
    };
    if !more {
        connection.run(statements::REMOVAL_ENDED, &[value], "note the end of a removal")?;
    }
    Ok(Removal { removed, more, since })
}

/// True where there was such a mark.
pub fn lift(connection: &mut Connection, work: &mut Work, mark: Mark) -> Result<bool, StoreError> {
    work.marks.remove(&mark);
    Ok(connection.run(statements::LIFT, &[mark.0.to_vec().into()], "lift a mark")? > 0)
}

/// Removes these posts, as far as they are stored.
pub fn remove_posts(
    connection: &mut Connection,
    work: &mut Work,
    posts: &[PostKey],
) -> Result<Removed, StoreError> {
    flush::flush(connection, work)?;
    let mut numbers = Vec::new();
    for (network, natives) in load::by_network(posts.iter().map(|post| (post.network, post.native.as_str())))
    {
        let network_no = Value::from(codec::network_no(network));
        let sql = statements::POSTS_BY_KEY;
        load::in_lists(connection, sql, &[network_no], &natives, "look up posts", |row| {
            numbers.push(row.number(0)?);
            Ok(())
        })?;
    }
    remove_numbered(connection, work, &numbers)
}

/// What people said of the account itself, or of pictures of the post.
fn forget_verdicts_about(connection: &mut Connection, subject: &Subject) -> Result<(), StoreError> {
    let (network, native, sql) = match subject {
        Subject::Account(key) => (key.network, &key.native, statements::FORGET_VERDICTS_ON_ACCOUNT),
        Subject::Post(key) => (key.network, &key.native, statements::FORGET_VERDICTS_ON_POST),
    };
    let asked = [codec::network_no(network).into(), native.as_str().into()];
    connection.run(sql, &asked, "forget verdicts").map(drop)
}

/// What people said of pictures of these posts.
fn forget_verdicts_on(connection: &mut Connection, posts: &[i64]) -> Result<(), StoreError> {
    let values: Vec<Value> = posts.iter().copied().map(Value::from).collect();
    let mut said = Vec::new();
    load::in_lists(
        connection,
        statements::VERDICTS_ON_POSTS,
        &[],
        &values,
        "find verdicts to forget",
        |row| {
            said.push(Value::from(row.string(0)?.as_str()));
            Ok(())
        },
    )?;
    for id in said {
        connection.run(statements::REMOVE_VERDICT, &[id], "forget a verdict")?;
    }
    Ok(())
}

fn account_no(connection: &mut Connection, key: &AccountKey) -> Result<Option<AccountNo>, StoreError> {
    let asked = [codec::network_no(key.network).into(), key.native.as_str().into()];
    let sql = statements::ACCOUNTS_BY_KEY.replace('@', "?");
    let found =
        connection.list(&sql, &asked, "look up an account", |row| codec::account_no(row.number(0)?))?;
    Ok(found.first().copied())
}

/// A piece of the account's posts; with the last one the account itself.
fn remove_of_account(
    connection: &mut Connection,
    work: &mut Work,
    no: AccountNo,
) -> Result<(Removed, bool), StoreError> {
    let account = Value::from(i64::from(no.0));
    let mut posts = |sql: &str, limit: i64| {
        connection.list(sql, &[account.clone(), limit.into()], "find an account's posts", |row| row.number(0))
    };
    let mut numbers = posts(statements::POSTS_WITH_IMAGES_OF_ACCOUNT, IMAGES_AT_A_TIME)?;
    numbers.sort_unstable();
    numbers.dedup();
    if numbers.is_empty() {
        numbers = posts(statements::OTHER_POSTS_OF_ACCOUNT, POSTS_WITHOUT_IMAGES_AT_A_TIME)?;
    }
    if !numbers.is_empty() {
        forget_verdicts_on(connection, &numbers)?;
        return Ok((remove_numbered(connection, work, &numbers)?, true));
    }
    connection.run(statements::HANDLES_TO_FORGET, std::slice::from_ref(&account), "forget handles")?;
    let accounts = connection.run(statements::FORGET_ACCOUNT, &[account], "forget an account")?;
    work.drop_account(no);
    work.extent.accounts = work.extent.accounts.saturating_sub(accounts);
    Ok((Removed { accounts, ..Removed::default() }, false))
}

/// Everything was written before.
fn remove_numbered(
    connection: &mut Connection,
    work: &mut Work,
    numbers: &[i64],
) -> Result<Removed, StoreError> {
    let values: Vec<Value> = numbers.iter().copied().map(Value::from).collect();
    let mut images = Vec::new();
    load::in_lists(connection, statements::IMAGES_TO_REMOVE, &[], &values, "find images to remove", |row| {
        images.push(row.number(0)?);
        Ok(())
    })?;
    images.sort_unstable();
    let rows: Vec<Vec<Value>> = images.iter().map(|image| vec![Value::from(*image)]).collect();
    // First: what is searchable and in no table would stay in the index.
    connection.insert(&schema::REMOVED_IMAGES, &rows, false)?;
    delete(connection, "details", "image", &images)?;
    parts::remove(connection, &mut work.extent, &images)?;
    delete(connection, "unavailable", "image", &images)?;
    let removed_images = delete(connection, "images", "id", &images)?;
    delete(connection, "retry_images", "post", numbers)?;
    let retries = delete(connection, "retries", "post", numbers)?;
    let posts = delete(connection, "posts", "no", numbers)?;
    work.drop_posts(&numbers.iter().copied().collect());
    // Those that this commit has added are written, and removed again.
    let gone: HashSet<i64> = images.iter().copied().collect();
    work.entries.retain(|(image, ..)| !gone.contains(&codec::image_no(*image)));
    let extent = &mut work.extent;
    extent.posts = extent.posts.saturating_sub(posts);
    extent.images = extent.images.saturating_sub(removed_images);
    extent.retries = extent.retries.saturating_sub(retries);
    Ok(Removed { accounts: 0, posts, images: removed_images, retries })
}
