//! What keeps the storekeeper and the stages from their work. Pure.

use std::collections::BTreeMap;

use crate::base::clock::Monotonic;
use crate::base::roles::Stage;
use crate::proto::view::ProblemView;
use crate::proto::work::LeaseOutcome;
use crate::storekeeper::orders::StorePart;

/// Consecutive deferrals before a stage is reported as unhealthy; one failing site is not enough.
pub const DEFERRALS_IN_A_ROW: u32 = 5;

#[derive(Debug, Default)]
pub struct Troubles {
    store: BTreeMap<StorePart, (Monotonic, String)>,
    deferred: BTreeMap<Stage, Deferrals>,
}

/// Work of one stage that was put off again and again.
#[derive(Debug)]
struct Deferrals {
    times: u32,
    since: Monotonic,
    why: String,
}

impl Troubles {
    /// Notes that a part of the storekeeper has to wait, or no longer.
    pub fn note_store(&mut self, part: StorePart, why: Option<String>, now: Monotonic) {
        match why {
            Some(why) => {
                let entry = self.store.entry(part).or_insert_with(|| (now, String::new()));
                entry.1 = why;
            }
            None => drop(self.store.remove(&part)),
        }
    }

    /// Why this part of the storekeeper has to wait, if it does.
    pub fn why_waits(&self, part: StorePart) -> Option<&str> {
        self.store.get(&part).map(|(_, why)| why.as_str())
    }

    /// Notes a worker's report: the outside world is not ready, or is.
    pub fn note_work(&mut self, stage: Stage, outcome: &LeaseOutcome, now: Monotonic) {
        match outcome {
            // Given back because the program stops or the lease is gone: nobody's trouble.
            LeaseOutcome::Retry { after_ms: 0, .. } => {}
            LeaseOutcome::Retry { why, .. } => {
                let fresh = || Deferrals { times: 0, since: now, why: String::new() };
                let deferred = self.deferred.entry(stage).or_insert_with(fresh);
                deferred.times = deferred.times.saturating_add(1);
                deferred.why.clone_from(why);
            }
            LeaseOutcome::Done(_) | LeaseOutcome::Paused | LeaseOutcome::Failed { .. } => {
                drop(self.deferred.remove(&stage))
            }
        }
    }

    /// What the storekeeper waits for.
    pub fn of_store(&self, now: Monotonic) -> impl Iterator<Item = ProblemView> {
        self.store.iter().map(move |(part, (since, why))| ProblemView {
            what: format!("{}: {why}", part.as_str()),
            since_ms: millis(*since, now),
            blocking: true,
        })
    }

    /// Which stages put their work off again and again.
    pub fn of_work(&self, now: Monotonic) -> impl Iterator<Item = ProblemView> {
        let often = self.deferred.iter().filter(|(_, deferred)| deferred.times >= DEFERRALS_IN_A_ROW);
        often.map(move |(stage, deferred)| ProblemView {
            what: format!("{stage} was put off {} times in a row: {}", deferred.times, deferred.why),
            since_ms: millis(deferred.since, now),
            blocking: false,
        })
    }
}

fn millis(since: Monotonic, now: Monotonic) -> u64 {
    u64::try_from(now.since(since).as_millis()).unwrap_or(u64::MAX)
}
