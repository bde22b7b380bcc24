//! Maintenance: finds accounts whose turn it is and posts that are to be tried again or looked up, a few at a
//! time, and starts the work for them. The work itself waits behind everything that a user waits for.

use super::worker::{Lease, StageError, StageWorker, unexpected_answer, unexpected_work};
use crate::domain::scans::Priority;
use crate::proto::stage::{Answer, Question};
use crate::proto::work::{MaintenanceTask, StageOutput, Work};

/// Accounts taken up in one go: the rest of those that are due have their turn the next time, which
/// spreads the work.
const ACCOUNTS_AT_ONCE: u32 = 20;
const POSTS_AT_ONCE: u32 = 100;
/// Posts in one message, whose size is limited.
const POSTS_PER_MESSAGE: usize = 20;

pub struct Maintenance;

impl StageWorker for Maintenance {
    fn run(&mut self, work: Work, lease: &Lease<'_>) -> Result<StageOutput, StageError> {
        let Work::Maintain(task) = work else {
            return Err(unexpected_work(&work));
        };
        match task {
            MaintenanceTask::UpdateAccounts => {
                let accounts = accounts_due(task, lease)?;
                if !accounts.is_empty() {
                    let priority = Priority::Maintenance;
                    lease.ask(Question::StartScans { scans: accounts, priority })?;
                }
            }
            MaintenanceTask::ResetSearchCursors => {
                let keys: Vec<_> =
                    accounts_due(task, lease)?.into_iter().map(|(account, _)| account.key).collect();
                if !keys.is_empty() {
                    lease.ask(Question::ResetSearchCursors(keys))?;
                }
            }
            MaintenanceTask::RetryPosts => {
                let mut left = POSTS_AT_ONCE;
                while left > 0 {
                    let posts = match lease.ask(Question::RetriesDue { limit: left })? {
                        Answer::Retries(posts) => posts,
                        answer => return Err(unexpected_answer(&answer)),
                    };
                    if posts.is_empty() {
                        break;
                    }
                    left = left.saturating_sub(u32::try_from(posts.len()).unwrap_or(u32::MAX));
                    // As many as one message brought.
                    lease.ask(Question::RetryPosts(posts))?;
                }
                let wanted = match lease.ask(Question::WantedPostsDue { limit: POSTS_AT_ONCE })? {
                    Answer::WantedPosts(posts) => posts,
                    answer => return Err(unexpected_answer(&answer)),
                };
                for posts in wanted.chunks(POSTS_PER_MESSAGE) {
                    lease.ask(Question::LookUpPosts(posts.to_vec()))?;
                }
            }
        }
        Ok(StageOutput::Maintained)
    }
}

fn accounts_due(
    task: MaintenanceTask,
    lease: &Lease<'_>,
) -> Result<Vec<(crate::domain::accounts::Account, crate::domain::accounts::AccountState)>, StageError> {
    match lease.ask(Question::AccountsDue { task, limit: ACCOUNTS_AT_ONCE })? {
        Answer::Accounts(accounts) => Ok(accounts),
        answer => Err(unexpected_answer(&answer)),
    }
}
