//! One commit from its beginning to its end.

use super::work::Work;
use super::{backfill, due, flush, forget, load, verdicts, watches};
use crate::base::Timestamp;
use crate::domain::forgotten::Removal;
use crate::store::changes::{Change, Committed, Outcome, RetryRule};
use crate::store::engine::connection::Connection;
use crate::store::engine::dialect::Dialect;
use crate::store::error::StoreError;
use crate::store::extent::Extent;
use crate::store::{codec, schema, statements};

/// See `Store::apply`.
pub fn apply(
    connection: &mut Connection,
    rule: RetryRule,
    changes: &[Change],
    now: Timestamp,
) -> Result<Committed, StoreError> {
    let transaction = connection.begin()?;
    let before = Extent::read_locked(transaction.connection)?;
    let mut work = Work::new(rule, now, before);
    load::concerned(transaction.connection, &mut work, changes)?;
    let mut outcomes = Vec::with_capacity(changes.len());
    for change in changes {
        outcomes.push(carry_out(transaction.connection, &mut work, change)?);
    }
    flush::flush(transaction.connection, &mut work)?;
    if work.extent != before {
        work.extent.store(transaction.connection)?;
    }
    transaction.commit()?;
    if has_outgrown_its_statistics(before.last_post, work.extent.last_post) {
        analyze(connection);
    }
    Ok(Committed {
        outcomes,
        entries: work.entries,
        images_before: codec::image_id(before.last_image)?,
        images_after: codec::image_id(work.extent.last_image)?,
        moved_handles: work.moved_handles,
        counts: work.extent.counts(),
    })
}

/// Carries out one change, in memory; what it needs to look for itself is read after what came before
/// was written.
pub fn carry_out(
    connection: &mut Connection,
    work: &mut Work,
    change: &Change,
) -> Result<Outcome, StoreError> {
    match change {
        Change::Posts { account, posts } => work.store_posts(account, posts)?,
        Change::Cursor { account, end } => work.store_cursor(account, end)?,
        Change::CountUse { accounts } => work.count_use(accounts),
        Change::ForgetSearchCursors { accounts } => work.forget_search_cursors(accounts),
        Change::Import(page) => return Ok(Outcome::Imported { new: work.import(page)? }),
        Change::Complete(images) => {
            flush::flush(connection, work)?;
            return Ok(Outcome::Completed(backfill::complete(connection, work, images)?));
        }
        Change::AddParts(images) => {
            flush::flush(connection, work)?;
            return Ok(Outcome::Completed(backfill::add_parts(connection, work, images)?));
        }
        Change::KeepFurniture(features) => {
            let row = vec![1.into(), work.now.0.into(), features.clone().into()];
            connection.insert(&schema::FURNITURE, &[row], true)?;
        }
        Change::KeepVerdicts(said) => {
            return Ok(Outcome::VerdictsKept(verdicts::keep(connection, said)?));
        }
        Change::RemoveVerdict(id) => {
            return Ok(Outcome::VerdictRemoved(verdicts::remove(connection, *id)?));
        }
        Change::KeepWatch(watch) => watches::keep(connection, watch)?,
        Change::EndWatch(id) => watches::end(connection, *id)?,
        Change::Forget { subject, note } => {
            return Ok(Outcome::Removed(forget::forget(connection, work, subject, note)?));
        }
        Change::RemovePosts(posts) => {
            let removed = forget::remove_posts(connection, work, posts)?;
            return Ok(Outcome::Removed(Removal { removed, ..Removal::default() }));
        }
        Change::Lift(mark) => return Ok(Outcome::Lifted(forget::lift(connection, work, *mark)?)),
        Change::ForgetRemovedImages { up_to } => {
            let last = [codec::image_no(*up_to).into()];
            connection.run(statements::REMOVED_FROM_INDEX, &last, "note what the index has lost")?;
        }
        Change::TakeAccounts { due, limit } => {
            flush::flush(connection, work)?;
            return Ok(Outcome::Accounts(due::take_accounts(connection, work, due, *limit)?));
        }
        Change::TakeRetries { limit } => {
            flush::flush(connection, work)?;
            return Ok(Outcome::Retries(due::take_retries(connection, work, *limit)?));
        }
    }
    Ok(Outcome::Done)
}

/// When the posts have doubled. PostgreSQL plans by what it counted last, which it does by itself once a
/// minute: of a table that was empty then, it looks 512 posts up by reading all that have come since.
fn has_outgrown_its_statistics(before: i64, after: i64) -> bool {
    const SMALL: i64 = 512;
    after >= SMALL && before.max(1).ilog2() < after.max(1).ilog2()
}

/// Has the server count what its plans are made by, as it would soon do by itself; so a failure is none.
fn analyze(connection: &mut Connection) {
    if connection.dialect() == Dialect::Postgres
        && let Err(error) = connection.command("ANALYZE accounts, handles, posts, images", "count for plans")
    {
        tracing::debug!(%error, "the tables were not analyzed");
    }
}
