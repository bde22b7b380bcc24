//! Maintenance: finds accounts whose turn it is and posts that are to be tried again or looked up, a few at a
//! time, and starts the work for them. The work itself waits behind everything that a user waits for.

use std::time::Duration;

use aotf_parts::Furniture;

use super::worker::{Lease, StageError, StageWorker, unexpected_answer, unexpected_work};
use crate::base::Timestamp;
use crate::base::ids::AccountNo;
use crate::domain::parts::Parts;
use crate::domain::scans::Priority;
use crate::proto::stage::{Answer, MAX_PARTS_PER_QUESTION, Question};
use crate::proto::work::{MaintenanceTask, StageOutput, Work};

/// Accounts taken up in one go: the rest of those that are due have their turn the next time, which
/// spreads the work.
const ACCOUNTS_AT_ONCE: u32 = 20;
const POSTS_AT_ONCE: u32 = 100;
/// Posts in one message, whose size is limited.
const POSTS_PER_MESSAGE: usize = 20;

/// Accounts of which an image is looked at to find what many have in common: 2 KB each.
const SAMPLED_ACCOUNTS: usize = 2048;
/// Accounts that are asked about at most, many of which may have no features yet.
const WALKED_ACCOUNTS: usize = 100_000;
/// With fewer, chance would tell what is common.
const LEAST_SAMPLED: usize = 200;
/// What apps look like changes slowly.
const FURNITURE_KEPT: Duration = Duration::from_secs(7 * 24 * 3600);

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
            MaintenanceTask::FindFurniture => {
                find_furniture(&|question| lease.ask(question), Timestamp::now())?
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

/// Finds out which features many artists' images have in common, where that is not known, or was found out
/// long ago.
fn find_furniture(
    ask: &dyn Fn(Question) -> Result<Answer, StageError>,
    now: Timestamp,
) -> Result<(), StageError> {
    match ask(Question::Furniture)? {
        Answer::Furniture(Some((at, bytes)))
            if now.since(at) < FURNITURE_KEPT && Furniture::from_bytes(&bytes).is_some() =>
        {
            return Ok(());
        }
        Answer::Furniture(_) => {}
        answer => return Err(unexpected_answer(&answer)),
    }
    let mut sample = Sample::default();
    let mut after = AccountNo(0);
    for _ in 0..WALKED_ACCOUNTS / MAX_PARTS_PER_QUESTION {
        let limit = MAX_PARTS_PER_QUESTION as u32;
        let (parts, next) = match ask(Question::PartsSample { after, limit })? {
            Answer::PartsSample { parts, next } => (parts, next),
            answer => return Err(unexpected_answer(&answer)),
        };
        parts.into_iter().for_each(|(_, parts)| sample.add(parts));
        match next {
            Some(next) if next > after => after = next,
            _ => break,
        }
    }
    let sample = sample.taken;
    if sample.len() < LEAST_SAMPLED {
        return Ok(());
    }
    let furniture = Furniture::of(&sample);
    tracing::info!(
        images = sample.len(),
        features = furniture.len(),
        "found the features that images of many accounts have in common"
    );
    ask(Question::KeepFurniture(furniture.to_bytes()))?;
    Ok(())
}

/// Takes some of the images that it is given, evenly spread over all: the more there are, the fewer it takes.
#[derive(Default)]
struct Sample {
    taken: Vec<Parts>,
    n_given: usize,
    /// Each image of a number that is divisible by two to this power is taken.
    halvings: u32,
}

impl Sample {
    fn add(&mut self, parts: Parts) {
        if self.n_given.is_multiple_of(1 << self.halvings) {
            self.taken.push(parts);
        }
        self.n_given += 1;
        if self.taken.len() > SAMPLED_ACCOUNTS {
            let mut at = 0;
            self.taken.retain(|_| {
                at += 1;
                at % 2 == 1
            });
            self.halvings += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;
    use crate::domain::parts::PARTS_VERSION;

    /// What is stored of an image with these codes, as `aotf_parts` writes it.
    fn parts(codes: &[u64]) -> Parts {
        let mut bytes = vec![PARTS_VERSION, 100, 0, 100, 0, 1, 1, 0, codes.len() as u8];
        codes.iter().for_each(|code| {
            bytes.extend([1, 2, 3, 4]);
            bytes.extend(code.to_le_bytes());
        });
        Parts(bytes)
    }

    /// What becomes kept over a database of so many accounts, which has this list already.
    fn kept(accounts: u32, known: Option<(Timestamp, Vec<u8>)>, now: Timestamp) -> Option<Vec<u8>> {
        let kept = RefCell::new(None);
        let ask = |question| {
            Ok(match question {
                Question::Furniture => Answer::Furniture(known.clone()),
                Question::PartsSample { after, limit } => {
                    let numbers = (after.0 + 1..=accounts).take(limit as usize);
                    let own = |no: u32| u64::from(no).wrapping_mul(0x9e37_79b9_7f4a_7c15);
                    let parts: Vec<(AccountNo, Parts)> =
                        numbers.map(|no| (AccountNo(no), parts(&[own(no), 0xf00d]))).collect();
                    let next = parts.last().map(|(no, _)| *no).filter(|no| no.0 < accounts);
                    Answer::PartsSample { parts, next }
                }
                Question::KeepFurniture(bytes) => {
                    kept.replace(Some(bytes));
                    Answer::Done
                }
                other => panic!("{other:?}"),
            })
        };
        find_furniture(&ask, now).unwrap();
        kept.into_inner()
    }

    #[test]
    fn what_many_accounts_have_in_common_is_found_once_a_week() {
        let now = Timestamp(0).plus(2 * FURNITURE_KEPT);
        assert_eq!(kept(150, None, now), None, "too few accounts");
        let bytes = kept(300, None, now).unwrap();
        let furniture = Furniture::from_bytes(&bytes).unwrap();
        assert!(furniture.has(0xf00d) && furniture.len() == 1, "{furniture:?}");
        assert!(kept(9_000, None, now).is_some());
        let long_ago = now.minus(FURNITURE_KEPT);
        assert_eq!(kept(300, Some((now, bytes.clone())), now), None, "it is known");
        assert!(kept(300, Some((long_ago, bytes)), now).is_some(), "it is old");
        assert!(kept(300, Some((now, vec![9])), now).is_some(), "another program wrote it");
    }

    #[test]
    fn a_sample_is_spread_over_all_and_bounded() {
        for n in [0, 5, SAMPLED_ACCOUNTS, SAMPLED_ACCOUNTS + 1, 9 * SAMPLED_ACCOUNTS] {
            let mut sample = Sample::default();
            (0..n as u64).for_each(|at| sample.add(Parts(at.to_le_bytes().to_vec())));
            let taken: Vec<u64> = sample
                .taken
                .iter()
                .map(|parts| u64::from_le_bytes(parts.0[..].try_into().expect("eight bytes went in")))
                .collect();
            assert!(taken.len() <= SAMPLED_ACCOUNTS && taken.len() >= n.min(SAMPLED_ACCOUNTS / 2), "{n}");
            let step = 1 << sample.halvings;
            assert!(taken.iter().zip(0..).all(|(at, place)| *at == place * step), "{n}: {taken:?}");
        }
    }
}
