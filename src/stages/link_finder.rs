//! Step 1: from the artwork's page to its images, its date, and the accounts that may be the artist's.

use std::sync::Arc;
use std::time::Duration;

use super::worker::{Lease, StageError, StageWorker, unexpected_work};
use crate::base::{ErrorChain, Reaction, Timestamp};
use crate::fetch::Fetch;
use crate::links::{self, LinkSettings};
use crate::proto::data::{StageOutput, Work};

/// Candidates beyond this are dropped, weakest evidence first: no artist has as many accounts, and a
/// message has a size.
const MAX_CANDIDATES: usize = 40;
/// Pages of a chain that are kept: its beginning says where it started, its end names the account.
const MAX_CHAIN: usize = 6;

pub struct LinkFinder {
    pub fetch: Arc<dyn Fetch>,
    pub settings: LinkSettings,
}

impl StageWorker for LinkFinder {
    fn run(&mut self, work: Work, _lease: &Lease<'_>) -> Result<StageOutput, StageError> {
        let Work::FindLinks { url, .. } = work else {
            return Err(unexpected_work(&work));
        };
        match links::find(&url, &*self.fetch, &self.settings) {
            Ok(mut found) => {
                found.candidates.truncate(MAX_CANDIDATES);
                for candidate in &mut found.candidates {
                    candidate.chain.truncate(MAX_CHAIN);
                }
                Ok(StageOutput::Links(found))
            }
            Err(error) => {
                let why = ErrorChain(&error).to_string();
                Err(match error.reaction() {
                    Reaction::GiveUp => StageError::failed(error.failure_code(), why),
                    Reaction::Stop => StageError::Left,
                    reaction => StageError::Retry { after: pause(reaction), why },
                })
            }
        }
    }
}

/// How long to wait after an error that may pass.
pub(super) fn pause(reaction: Reaction) -> Duration {
    const SOON: Duration = Duration::from_secs(5);
    match reaction {
        Reaction::WaitUntil(until) => until.since(Timestamp::now()).max(SOON),
        Reaction::RetryAfter(after) => after,
        Reaction::Backoff | Reaction::GiveUp | Reaction::Stop => SOON,
    }
}
