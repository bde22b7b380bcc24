//! What is due: leases that run out, answers that are forgotten, budgets of a new day, maintenance.

use std::time::Duration;

use crate::broker::books::items::Owner;
use crate::broker::rules::{admission, indexing, leasing, query_steps, reservations, scan_requests, scans};
use crate::broker::turn::Turn;
use crate::domain::reads::{PaidReads, Resource};
use crate::domain::scans::Priority;
use crate::proto::work::Work;
use crate::storekeeper::orders::ToStorekeeper;

/// Maintenance that was due while the network was lost looks again after this.
const LOOK_AGAIN: Duration = Duration::from_secs(60);

/// Does whatever is due by now.
pub fn on_time_passed(turn: &mut Turn) {
    for queue in turn.state.queues.values_mut() {
        queue.release(turn.now.mono);
    }
    leasing::expire(turn);
    if query_steps::forget_ended(turn) {
        scans::forget_ended(turn.state, turn.now);
        scan_requests::forget_ended(turn.state, turn.now);
    }
    ask_ledger_for_the_day(turn);
    if turn.state.budget_check.is_some_and(|due| due <= turn.now.mono) {
        check_budget(turn);
    }
    start_maintenance(turn);
}

/// The ledger is asked what it makes of a day that the clock cannot be right about.
fn ask_ledger_for_the_day(turn: &mut Turn) {
    if turn.state.spending.is_far_ahead(turn.now.wall) && !turn.state.ledger_asked {
        let reads = PaidReads { resource: Resource::Post, ids: Vec::new() };
        turn.state.spending.note(&reads, Vec::new());
        turn.state.ledger_asked = true;
        turn.send_to_store(ToStorekeeper::CountReads { reads });
    }
}

/// The day may have changed, or a scan may have cost less than was promised to it.
fn check_budget(turn: &mut Turn) {
    turn.state.budget_check = None;
    grant_reservations(turn);
    scans::begin_deferred(turn);
    if !turn.state.deferred_scans.is_empty() || turn.state.reservations.held().next().is_some() {
        admission::look_again_later(turn);
    }
}

/// Whatever happened may have left more for those who wait to read.
pub fn grant_reservations(turn: &mut Turn) {
    for woken in reservations::grant(turn) {
        indexing::on_woken(turn, woken);
    }
}

fn start_maintenance(turn: &mut Turn) {
    let is_lost = turn.state.connectivity.is_lost();
    let mut due = Vec::new();
    for (at, task, every) in &mut turn.state.maintenance_due {
        if *at <= turn.now.mono {
            *at = turn.now.mono.plus(if is_lost { (*every).min(LOOK_AGAIN) } else { *every });
            due.push(*task);
        }
    }
    for task in due.into_iter().filter(|_| !is_lost) {
        let owner = Owner::Maintenance(task);
        if !turn.state.is_under_way(&owner) {
            turn.enqueue(owner, Work::Maintain(task), Priority::Maintenance, 0);
        }
    }
}
