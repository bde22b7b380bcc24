//! What the budget admits: which scans may begin, and what becomes of those that would pass a limit. They
//! wait for the next day, and queries do not wait for them.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::base::MicroUsd;
use crate::base::ids::{ContainerId, LeaseId, Network, QueryId, ScanId};
use crate::broker::books::items::Owner;
use crate::broker::books::scan::{Running, Scan, Woken};
use crate::broker::state::State;
use crate::broker::turn::Turn;
use crate::broker::vocabulary::Now;
use crate::domain::failure::FailureCode;
use crate::domain::reads::{Ledger, PaidReads};
use crate::domain::scans::Reach;
use crate::storekeeper::orders::ToStorekeeper;

/// The wall clock may jump, so that the next day is not waited for in one piece.
const LOOK_AGAIN: Duration = Duration::from_secs(600);

/// Promises a scan what it will probably cost. False where that does not fit: it may not begin.
pub fn admit(turn: &mut Turn, id: ScanId) -> bool {
    let state = &mut *turn.state;
    let Some(scan) = state.scans.get(&id).filter(|scan| scan.running().is_some()) else {
        turn.contradiction("a scan that does not run asks for a budget");
        return false;
    };
    if !state.policy.is_billed(scan.head.account.key.network) {
        return true;
    }
    let price = price_of_scan(state, scan, turn.now);
    if !state.spending.admits(price, reserved(state), turn.now.wall) {
        return false;
    }
    if let Some((_, running)) = turn.running(id) {
        running.reserved = price;
    }
    true
}

/// What this scan will probably cost, where its network bills for reads.
fn price_of_scan(state: &State, scan: &Scan, now: Now) -> MicroUsd {
    let Some(running) = scan.running() else { return MicroUsd(0) };
    let account = &scan.head.account;
    match scan.head.reach {
        Reach::Window(window) => state.spending.estimate_window(account, window, now.wall),
        Reach::Whole if running.lists_anew() && !running.has_searched() => {
            state.spending.estimate(account.posts, state.policy.timeline)
        }
        // What is new since the last scan is not known, and mostly little.
        Reach::Whole => MicroUsd(0),
    }
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
    let price = turn.state.spending.price_of(&reads);
    let owner = turn.state.leases.held(lease, from).map(|lease| lease.item.owner.clone());
    let queries: Vec<QueryId> = match owner {
        Some(Owner::Listing(scan, _)) => match turn.running(scan) {
            Some((_, running)) => {
                running.reserved = running.reserved.minus(price);
                running.waiting.iter().copied().collect()
            }
            None => Vec::new(),
        },
        Some(Owner::Query(query)) => vec![query],
        _ => Vec::new(),
    };
    for query in &queries {
        if let Some(query) = turn.live(*query) {
            query.facts.cost = query.facts.cost.plus(price);
        }
    }
    if reads.ids.is_empty() {
        return;
    }
    turn.state.spending.note(&reads, queries);
    // Money spent is counted, whoever holds the lease by now.
    turn.send_to_store(ToStorekeeper::CountReads { reads });
}

/// The ledger has counted reads: what had been billed that day already was not billed for these queries.
pub fn on_billed(turn: &mut Turn, ledger: Ledger, billed: &[u32]) {
    for (query, saved) in turn.state.spending.learn(ledger, billed) {
        if let Some(query) = turn.live(query) {
            query.facts.cost = query.facts.cost.minus(saved);
        }
    }
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
            let price = state.scans.get(&id).map(|scan| price_of_scan(state, scan, now)).unwrap_or_default();
            let left = state.spending.view(0, now.wall).left_today().unwrap_or_default();
            let left = left.minus(reserved(state));
            format!("it costs about {price}, and {left} are left today")
        }
    };
    let why = format!("The scan of @{handle} waits for another day: {why}. Ask again later.");
    (FailureCode::ApiBudgetExhausted, why)
}
