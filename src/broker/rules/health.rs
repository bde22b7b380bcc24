//! Whether the service is well, and if not, why. Pure; part of `State`.

use std::collections::BTreeMap;

use crate::base::clock::Monotonic;
use crate::base::roles::Stage;
use crate::broker::state::{Effect, Now, Pending, State};
use crate::proto::front::FrontAnswer;
use crate::proto::view::ProblemView;
use crate::proto::work::LeaseOutcome;
use crate::storekeeper::orders::StorePart;

/// So often in a row must a kind of work be put off before it is told: one site that is down is none.
const PUT_OFF_IN_A_ROW: u32 = 5;

/// What is wrong now.
#[derive(Debug, Default)]
pub struct Troubles {
    store: BTreeMap<StorePart, (Monotonic, String)>,
    put_off: BTreeMap<Stage, PutOff>,
}

#[derive(Debug)]
struct PutOff {
    times: u32,
    since: Monotonic,
    why: String,
}

impl Troubles {
    /// A part of the storekeeper has to wait, or no longer.
    pub fn of_store(&mut self, part: StorePart, why: Option<String>, now: Monotonic) {
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

    /// A worker reported: the outside world is not ready, or is.
    pub fn of_work(&mut self, stage: Stage, outcome: &LeaseOutcome, now: Monotonic) {
        match outcome {
            // Given back because the program stops or the lease is gone: nobody's trouble.
            LeaseOutcome::Retry { after_ms: 0, .. } => {}
            LeaseOutcome::Retry { why, .. } => {
                let fresh = || PutOff { times: 0, since: now, why: String::new() };
                let put_off = self.put_off.entry(stage).or_insert_with(fresh);
                put_off.times = put_off.times.saturating_add(1);
                put_off.why.clone_from(why);
            }
            LeaseOutcome::Done(_) | LeaseOutcome::Failed { .. } => drop(self.put_off.remove(&stage)),
        }
    }
}

impl State {
    /// Why nothing new can be accepted now: it could not be written down.
    pub(in crate::broker) fn why_not_now(&self) -> Option<String> {
        let why = self.troubles.why_waits(StorePart::Journal)?;
        Some(format!("nothing new can be accepted: {} has to wait: {why}", StorePart::Journal.as_str()))
    }

    /// What those are told who come before the database is open, if that is more than a moment away.
    pub(in crate::broker) fn why_not_open(&self) -> Option<String> {
        let why = self.troubles.why_waits(StorePart::Database)?;
        Some(format!("{} has to wait: {why}", StorePart::Database.as_str()))
    }

    /// The journal has to wait: whoever waits for it is told. What they asked for stays, and is accepted once it
    /// is written down; asking again finds it.
    pub(in crate::broker) fn turn_away_who_waits(&mut self, effects: &mut Vec<Effect>) {
        let Some(why) = self.why_not_now() else { return };
        let waiting = self.pending.values_mut().filter_map(|pending| match pending {
            Pending::Accepted { askers, .. } => Some(std::mem::take(askers)),
            _ => None,
        });
        for (front, ask) in waiting.flatten().collect::<Vec<_>>() {
            self.tell_front(front, ask, FrontAnswer::NotNow { why: why.clone() }, effects);
        }
    }

    /// What is wrong; nothing when all is well.
    pub(in crate::broker) fn problems(&self, now: Now) -> Vec<ProblemView> {
        let millis = |since| u64::try_from(now.mono.since(since).as_millis()).unwrap_or(u64::MAX);
        let store = self.troubles.store.iter().map(|(part, (since, why))| ProblemView {
            what: format!("{} has to wait: {why}", part.as_str()),
            since_ms: millis(*since),
            blocking: true,
        });
        let put_off = self.troubles.put_off.iter().filter(|(_, put_off)| put_off.times >= PUT_OFF_IN_A_ROW);
        let put_off = put_off.map(|(stage, put_off)| ProblemView {
            what: format!("{stage} was put off {} times in a row: {}", put_off.times, put_off.why),
            since_ms: millis(put_off.since),
            blocking: false,
        });
        let served = |stage: &Stage| {
            let mut workers = self.registry().iter().flat_map(|(_, container)| &container.workers);
            workers.any(|worker| worker.stages.contains(stage))
        };
        // Webhooks have a worker only where some are configured.
        let wanted = |stage: &Stage| *stage != Stage::Delivery || self.deliveries > 0;
        let unserved =
            Stage::ALL.into_iter().filter(|stage| wanted(stage) && !served(stage)).map(|stage| ProblemView {
                what: format!("no worker for {stage}: its process is being started"),
                since_ms: 0,
                blocking: false,
            });
        let index = (!self.index.is_complete()).then(|| ProblemView {
            what: format!(
                "the fingerprint index is being made, {} % are there: searches of everything wait",
                self.index.percent()
            ),
            since_ms: 0,
            blocking: false,
        });
        store.chain(self.network.problem(now.mono)).chain(put_off).chain(unserved).chain(index).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Timestamp;
    use crate::broker::state::{Effect, Event, Policy};
    use crate::domain::images::IndexProgress;
    use crate::storekeeper::orders::FromStorekeeper;

    fn at(mono: u64) -> Now {
        Now { mono: Monotonic(mono), wall: Timestamp(0) }
    }

    fn state() -> State {
        State::new(Policy::plain(), at(0))
    }

    #[test]
    fn trouble_of_the_database_is_told_until_it_is_over() {
        let mut state = state();
        let mut effects: Vec<Effect> = Vec::new();
        let blocking = |state: &State, now| -> Vec<ProblemView> {
            state.problems(at(now)).into_iter().filter(|problem| problem.blocking).collect()
        };
        let mut hear = |state: &mut State, why: Option<&str>, now| {
            let why = why.map(str::to_owned);
            let message = FromStorekeeper::Trouble { part: StorePart::Database, why };
            state.handle(Event::FromStore(message), at(now), &mut effects);
        };
        hear(&mut state, Some("disk full"), 1000);
        hear(&mut state, Some("disk still full"), 5000);
        let told = blocking(&state, 6000);
        let what = "the database has to wait: disk still full".to_owned();
        assert_eq!(told, [ProblemView { what, since_ms: 5000, blocking: true }]);
        hear(&mut state, None, 7000);
        assert_eq!(blocking(&state, 8000), []);
        assert_eq!(
            state.problems(at(8000)).len(),
            Stage::ALL.len() - 1,
            "nobody works, and nothing is to be delivered"
        );
    }

    #[test]
    fn an_index_that_is_being_made_is_told_until_it_is_complete() {
        let mut state = state();
        let mut told = |done| {
            let progress = IndexProgress { done, total: 200 };
            let message = FromStorekeeper::Indexing { progress };
            state.handle(Event::FromStore(message), at(0), &mut Vec::new());
            let problems = state.problems(at(1)).into_iter();
            problems
                .filter(|problem| problem.what.contains("fingerprint index"))
                .map(|problem| problem.what)
                .collect::<Vec<_>>()
        };
        assert_eq!(
            told(50),
            ["the fingerprint index is being made, 25 % are there: searches of everything wait"]
        );
        assert_eq!(told(200), [""; 0]);
    }

    #[test]
    fn work_that_is_put_off_again_and_again_is_told() {
        let mut state = state();
        let stage = Stage::SearchListing;
        let put_off = |state: &mut State, outcome: LeaseOutcome| {
            state.troubles.of_work(stage, &outcome, Monotonic(10));
            state.problems(at(20)).into_iter().filter(|problem| problem.what.contains("put off")).count()
        };
        let retry = |after_ms| LeaseOutcome::Retry { after_ms, why: "status 500".to_owned() };
        for times in 1..10 {
            assert_eq!(put_off(&mut state, retry(5)), usize::from(times >= PUT_OFF_IN_A_ROW));
        }
        let done = LeaseOutcome::Done(crate::proto::work::StageOutput::Maintained);
        assert_eq!(put_off(&mut state, done), 0);
        for _ in 1..10 {
            assert_eq!(put_off(&mut state, retry(0)), 0);
        }
    }
}
