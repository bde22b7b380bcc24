//! Whether the service is well, and if not, why.

use crate::base::roles::Stage;
use crate::broker::state::State;
use crate::broker::turn::Turn;
use crate::broker::vocabulary::{Now, Pending};
use crate::proto::front::FrontAnswer;
use crate::proto::view::ProblemView;
use crate::storekeeper::orders::StorePart;

/// Why nothing new can be accepted now: it could not be written down.
pub fn why_not_now(state: &State) -> Option<String> {
    let why = state.troubles.why_waits(StorePart::Journal)?;
    Some(format!("nothing new can be accepted: {}: {why}", StorePart::Journal.as_str()))
}

/// The answer to those who come before the database is open, if that is more than a moment away.
pub fn why_not_open(state: &State) -> Option<String> {
    let why = state.troubles.why_waits(StorePart::Database)?;
    Some(format!("{}: {why}", StorePart::Database.as_str()))
}

/// While the journal has to wait, so does everybody whose request is to be written down: they are told. What
/// they asked for stays, and is accepted (or cancelled) once it is written down; asking again finds it.
pub fn turn_away_who_waits(turn: &mut Turn) {
    let Some(why) = why_not_now(turn.state) else { return };
    let waiting = turn.state.pending.values_mut().filter_map(|pending| match pending {
        Pending::Accepted { askers, .. } => Some(std::mem::take(askers)),
        Pending::ScanCancelled { asker, .. } => {
            let asker = *asker;
            *pending = Pending::Dropped;
            Some(vec![asker])
        }
        _ => None,
    });
    for asker in waiting.flatten().collect::<Vec<_>>() {
        turn.answer(asker, FrontAnswer::NotNow { why: why.clone() });
    }
}

/// What is wrong; nothing when all is well.
pub fn problems(state: &State, now: Now) -> Vec<ProblemView> {
    let minor = |what| ProblemView { what, since_ms: 0, blocking: false };
    let served = |stage: &Stage| state.registry.workers_of(*stage) > 0;
    // Webhooks have a worker only where some are configured.
    let needed = |stage: &Stage| *stage != Stage::Delivery || state.deliveries > 0;
    let unserved = Stage::ALL.into_iter().filter(|stage| needed(stage) && !served(stage));
    let unserved =
        unserved.map(|stage| minor(format!("no worker for {stage}: its process is being started")));
    let index = (!state.index.is_complete()).then(|| {
        let percent = state.index.percent();
        minor(format!(
            "the fingerprint index is being made, {percent} % are there: searches of everything wait"
        ))
    });
    let store = state.troubles.of_store(now.mono);
    let network = state.connectivity.problem(now.mono);
    let sites = state.site_layouts.problems(now.mono);
    store
        .chain(network)
        .chain(state.troubles.of_work(now.mono))
        .chain(sites)
        .chain(unserved)
        .chain(index)
        .collect()
}
