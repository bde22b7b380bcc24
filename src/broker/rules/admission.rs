//! What the budget admits: which scans may begin, and what becomes of those that would pass a limit. They
//! wait for the next day, and queries do not wait for them.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::base::MicroUsd;
use crate::base::ids::{ContainerId, LeaseId, Network, ScanId};
use crate::broker::books::scan::{Running, Scan, ScanPhase, Woken};
use crate::broker::state::State;
use crate::broker::turn::Turn;
use crate::broker::vocabulary::Now;
use crate::domain::failure::FailureCode;
use crate::domain::reads::PaidReads;
use crate::storekeeper::orders::ToStorekeeper;

/// The wall clock may jump, so that the next day is not waited for in one piece.
const LOOK_AGAIN: Duration = Duration::from_secs(600);

/// Promises a scan what it will probably cost. False where that does not fit: it may not begin.
pub fn admit(turn: &mut Turn, id: ScanId) -> bool {
    let reserved = reserved(turn.state);
    let (policy, spending) = (&turn.state.policy, &turn.state.spending);
    let Some(Scan { head, phase: ScanPhase::Running(running) }) = turn.state.scans.get_mut(&id) else {
        turn.contradiction("a scan that does not run asks for a budget");
        return false;
    };
    if policy.is_billed(head.account.key.network) {
        let price = match running.lists_anew() && !running.has_searched() {
            true => spending.estimate(head.account.posts, policy.timeline),
            // What is new since the last scan is not known, and mostly little.
            false => MicroUsd(0),
        };
        if !spending.admits(price, reserved, turn.now.wall) {
            return false;
        }
        running.reserved = price;
    }
    true
}

/// Has a new scan wait for the next day.
pub fn defer(turn: &mut Turn, id: ScanId) {
    turn.state.deferred_scans.insert(id);
    look_again_later(turn);
    if let Some((_, running)) = turn.running(id) {
        running.waiting.clear();
    }
}

/// The next request of a listing has to wait for the next day. Queries do not: they go on without the scan,
/// or end.
pub fn hold(turn: &mut Turn, id: ScanId) -> Woken {
    look_again_later(turn);
    match turn.running(id) {
        Some((_, running)) => Woken::Released(id, std::mem::take(&mut running.waiting)),
        None => Woken::Nobody,
    }
}

pub fn look_again_later(turn: &mut Turn) {
    let until_next_day = turn.now.wall.next_utc_day().since(turn.now.wall);
    let due = turn.now.mono.plus(until_next_day.min(LOOK_AGAIN) + Duration::from_secs(1));
    turn.state.budget_check = Some(turn.state.budget_check.map_or(due, |earlier| earlier.min(due)));
}

/// A worker read what is billed.
pub fn on_paid(turn: &mut Turn, from: ContainerId, lease: LeaseId, reads: PaidReads) {
    turn.state.reservations.release(from, lease);
    if let Some(scan) = turn.state.listing_of(from, lease) {
        let price = turn.state.spending.price_of(&reads);
        if let Some((_, running)) = turn.running(scan) {
            running.reserved = running.reserved.minus(price);
        }
    }
    if reads.ids.is_empty() {
        return;
    }
    turn.state.spending.note(&reads);
    // Money spent is counted, whoever holds the lease by now.
    turn.send_to_store(ToStorekeeper::CountReads { reads });
}

/// What is promised to the scans under way, and not spent yet.
fn reserved(state: &State) -> MicroUsd {
    let running = state.running_scans.values().filter_map(|id| state.scans.get(id)?.running());
    running.fold(MicroUsd(0), |sum, Running { reserved, .. }| sum.plus(*reserved))
}

/// True for a scan that the budget keeps from going on.
pub fn waits_for_budget(state: &State, id: ScanId) -> bool {
    state.deferred_scans.contains(&id) || held_scans(state).any(|held| held == id)
}

/// How many scans the budget keeps from going on: those that have not begun, and those that were under way
/// when a limit was reached.
pub fn count_waiting(state: &State) -> u64 {
    let waiting: BTreeSet<ScanId> = state.deferred_scans.iter().copied().chain(held_scans(state)).collect();
    waiting.len() as u64
}

/// Those of which a listing waits at the limit.
fn held_scans(state: &State) -> impl Iterator<Item = ScanId> {
    state.reservations.held().filter_map(|(container, lease)| state.listing_of(container, lease))
}

/// Why accounts on these networks cannot be looked up now.
pub fn look_up_refused(
    state: &State,
    mut networks: impl Iterator<Item = Network>,
    now: Now,
) -> Option<(FailureCode, String)> {
    let billed = networks.any(|network| state.policy.is_billed(network));
    (billed && state.spending.is_spent(now.wall)).then(|| {
        let why = format!("Accounts cannot be looked up: {}.", state.spending.explain(now.wall));
        (FailureCode::ApiBudgetExhausted, why)
    })
}

/// Why a query cannot wait for this scan, for people.
pub fn why_deferred(state: &State, id: ScanId, now: Now) -> (FailureCode, String) {
    let account = state.scans.get(&id).map(|scan| &scan.head.account);
    let handle = account.map(|account| account.handle.as_str()).unwrap_or_default();
    let has_begun = !state.deferred_scans.contains(&id);
    let why = match has_begun || state.spending.is_spent(now.wall) {
        true => state.spending.explain(now.wall),
        false => {
            let posts = account.and_then(|account| account.posts);
            let price = state.spending.estimate(posts, state.policy.timeline);
            let left = state.spending.view(0, now.wall).left_today().unwrap_or_default();
            let left = left.minus(reserved(state));
            format!("its first scan costs about {price}, and {left} are left today")
        }
    };
    let why = format!("The scan of @{handle} waits for another day: {why}. Ask again later.");
    (FailureCode::ApiBudgetExhausted, why)
}
