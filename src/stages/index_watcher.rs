//! Step 2: which accounts must be scanned before their posts can be searched.

use std::time::Duration;

use super::worker::{Lease, StageError, StageWorker, unexpected_answer, unexpected_work, verdicts_of};
use crate::base::Timestamp;
use crate::domain::accounts::{Account, AccountState};
use crate::proto::stage::{Answer, Question};
use crate::proto::work::{ScanPlan, StageOutput, Work};

/// A date further in the future than this is no difference between clocks.
const CLOCKS_DIFFER: Duration = Duration::from_secs(24 * 3600);

/// Decides by what the database knows of each account.
pub struct IndexWatcher {
    /// An account is scanned again for an artwork newer than its last scan minus this.
    pub margin: Duration,
}

impl StageWorker for IndexWatcher {
    fn run(&mut self, work: Work, lease: &Lease<'_>) -> Result<StageOutput, StageError> {
        let Work::PlanScans { accounts, published, pages, .. } = work else {
            return Err(unexpected_work(&work));
        };
        let keys: Vec<_> = accounts.iter().map(|account| account.key.clone()).collect();
        let verdicts = verdicts_of(pages, keys.clone(), lease)?;
        match lease.ask(Question::AccountStates(keys))? {
            Answer::AccountStates(states) if states.len() == accounts.len() => {
                let known = accounts.into_iter().zip(states).collect();
                let plan = plan(known, published, self.margin, Timestamp::now());
                Ok(StageOutput::Plan(ScanPlan { verdicts, ..plan }))
            }
            answer => Err(unexpected_answer(&answer)),
        }
    }
}

/// An account that was never scanned whole is scanned; one that was is scanned again if the artwork may
/// have been posted since, with a margin for artists who post later than they publish. An artwork without
/// a date counts as published now, so its accounts are scanned once per margin.
fn plan(
    accounts: Vec<(Account, AccountState)>,
    published: Option<Timestamp>,
    margin: Duration,
    now: Timestamp,
) -> ScanPlan {
    let mut first_time = false;
    let (scans, up_to_date): (Vec<_>, Vec<_>) =
        accounts.into_iter().partition(|(_, state)| match state.scanned_at() {
            None => {
                first_time |= !state.is_indexed();
                true
            }
            // That date was written while the clock was wrong: nothing can be told from it.
            Some(scanned) if scanned > now.plus(CLOCKS_DIFFER) => true,
            Some(scanned) => match published {
                Some(published) => published > scanned.minus(margin),
                None => now > scanned.plus(margin),
            },
        });
    let up_to_date = up_to_date.into_iter().map(|(_, state)| state).collect();
    ScanPlan { scans, up_to_date, first_time, verdicts: Vec::new() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::ids::{AccountKey, Network};

    const DAY: Duration = Duration::from_secs(86_400);

    #[track_caller]
    fn check(scanned_days_ago: Option<u32>, published_days_ago: Option<u32>, expect: (bool, bool)) {
        let now = Timestamp::parse_rfc3339("2026-01-01T00:00:00Z").unwrap();
        let key = AccountKey::new(Network::Twitter, "1");
        let mut state = AccountState::unknown(key.clone());
        state.search_listed_at = scanned_days_ago.map(|days| now.minus(DAY * days));
        state.timeline_listed_at = state.search_listed_at;
        let account = Account { key, handle: "a".into(), posts: None };
        let published = published_days_ago.map(|days| now.minus(DAY * days));
        let plan = plan(vec![(account, state)], published, DAY * 7, now);
        assert_eq!((!plan.scans.is_empty(), plan.first_time), expect);
    }

    #[test]
    fn scans_what_may_hold_the_artwork() {
        check(None, Some(400), (true, true));
        check(None, None, (true, true));
        check(Some(100), Some(400), (false, false));
        check(Some(100), Some(106), (true, false));
        check(Some(100), Some(107), (false, false));
        check(Some(100), Some(1), (true, false));
        check(Some(3), None, (false, false));
        check(Some(8), None, (true, false));
    }

    #[test]
    fn half_a_scan_is_completed_but_is_not_the_first() {
        let key = AccountKey::new(Network::Twitter, "1");
        let mut state = AccountState::unknown(key.clone());
        state.timeline_listed_at = Some(Timestamp(0));
        let account = Account { key, handle: "a".into(), posts: None };
        let plan = plan(vec![(account, state)], Some(Timestamp(0)), DAY, Timestamp(0));
        assert_eq!((plan.scans.len(), plan.first_time), (1, false));
    }
}
