//! Work meets workers: who takes what, and what becomes of the leases of workers that fall silent or end.

use std::time::Duration;

use crate::base::ids::{ContainerId, WorkerId};
use crate::base::roles::{Role, Stage};
use crate::broker::books::items::{Item, MAX_DEATHS, Owner};
use crate::broker::books::leases::Lease;
use crate::broker::books::queue::Shares;
use crate::broker::books::registry::Container;
use crate::broker::books::scan::{Running, Scan};
use crate::broker::rules::deaths::Loss;
use crate::broker::rules::{connectivity, deaths, inspect, outcomes, queries, scans};
use crate::broker::state::State;
use crate::broker::turn::{Turn, micros};
use crate::broker::vocabulary::Effect;
use crate::domain::failure::FailureCode;
use crate::proto::stage::BrokerToStage;

/// A suspect rests for so long when another is in the process that could take it.
const SUSPECT_REST: Duration = Duration::from_millis(500);

pub fn on_hello(turn: &mut Turn, from: ContainerId, role: Role, pid: u32, workers: Vec<Vec<Stage>>) {
    // A second Hello means that the container forgot what it had.
    on_container_lost(turn, from);
    turn.state.registry.join(from, Container::new(role, pid, workers, turn.now.mono));
}

pub fn on_ready(turn: &mut Turn, from: ContainerId, worker: u16) {
    turn.state.registry.set_ready(WorkerId { container: from, index: worker }, turn.now.mono);
}

pub fn on_container_lost(turn: &mut Turn, container: ContainerId) {
    let who = turn.state.registry.identity(container);
    turn.state.registry.leave(container);
    turn.state.held_pages.retain(|(holder, _)| *holder != container);
    turn.state.reservations.lose(container);
    connectivity::on_change(turn, container, None);
    let (held, has_hung) = turn.state.leases.lose(container);
    if has_hung || !held.is_empty() {
        turn.effects.push(Effect::DiedAtWork(container));
    }
    for lease in held {
        on_worker_lost(turn, who, lease, Loss::Died);
    }
}

/// Takes their work from workers that were silent for too long.
pub fn expire(turn: &mut Turn) {
    // Whoever waits for the network is silent meanwhile.
    if turn.state.leases.next_deadline().is_some_and(|due| due <= turn.now.mono) {
        let waiting: Vec<ContainerId> = turn.state.connectivity.containers().collect();
        for container in waiting {
            turn.renew_all(container);
        }
    }
    for (id, lease) in turn.state.leases.expire(turn.now.mono) {
        let container = lease.worker.container;
        let who = turn.state.registry.identity(container);
        turn.state.registry.set_away(lease.worker, turn.now.mono);
        turn.state.reservations.release(container, id);
        turn.send_to_stage(container, BrokerToStage::Revoked { lease: id });
        on_worker_lost(turn, who, lease, Loss::Hung);
    }
}

fn on_worker_lost(turn: &mut Turn, who: Option<(Role, u32)>, lease: Lease, loss: Loss) {
    let Lease { item, worker, .. } = lease;
    match who {
        Some((role, pid)) => turn.effects.push(Effect::WorkerLost {
            role,
            pid,
            container: worker.container,
            work: item.work.describe(),
            request: inspect::request_of(turn.state, &item.owner),
            why: loss.as_str(),
        }),
        None => turn.contradiction("a container that is not known held a lease"),
    }
    match item.owner {
        Owner::Query(query) => queries::on_death(turn, query, item.deaths + 1),
        Owner::Listing(scan, _) | Owner::Batch(scan) => {
            scans::on_death(turn, scan, &item.work, item.deaths + 1);
        }
        // Not accepted work: what is lost of it has its turn again, or is asked for again.
        Owner::ScanRequest(_)
        | Owner::Updates(_)
        | Owner::Retries
        | Owner::Maintenance(_)
        | Owner::Delivery(_)
        | Owner::Watch(_)
        | Owner::Picture { .. } => {}
    }
    if let Some((item, why)) = deaths::requeue(turn.state, item, loss) {
        outcomes::fail(turn, item, FailureCode::ProcessingError, why);
    }
}

/// Brings waiting work and waiting workers together.
pub fn hand_out(turn: &mut Turn) {
    for stage in Stage::ALL {
        while let Some(item) = next(turn.state, stage) {
            if item.deaths >= MAX_DEATHS {
                // An earlier broker ended just when it had found that out.
                let why = format!("{MAX_DEATHS} workers were lost over it");
                outcomes::fail(turn, item, FailureCode::ProcessingError, why);
                continue;
            }
            let Some(worker) = turn.state.registry.take_ready(stage) else { break };
            let now = turn.now.mono;
            if !deaths::may_share(turn.state, &item, worker.container) {
                turn.state.registry.give_back(worker);
                let due = now.plus(SUSPECT_REST);
                turn.state.queues.entry(stage).or_default().push_delayed(item, due);
                continue;
            }
            let (owner, work) = (item.owner.clone(), item.work.clone());
            let (attempt, priority, waited) = (item.deaths + 1, item.priority, now.since(item.arrived));
            let lease = turn.state.leases.grant(item, worker, now);
            turn.state.registry.set_leased(worker, lease, now);
            turn.state.metrics.record(&format!("{stage}: wait"), micros(waited));
            let blob = match owner {
                Owner::Query(query) => queries::on_taken(turn, query),
                _ => None,
            };
            let message = BrokerToStage::Lease { worker: worker.index, lease, attempt, priority, work };
            turn.effects.push(Effect::ToStage { to: worker.container, message, blob });
        }
    }
}

/// The next item of a stage for which there is a worker; listings only where there is room for their posts.
fn next(state: &mut State, stage: Stage) -> Option<Item> {
    let State { queues, registry, leases, scans, room, policy, .. } = state;
    let queue = queues.get_mut(&stage).filter(|queue| !queue.is_empty())?;
    let free = registry.ready_for(stage);
    if free == 0 {
        return None;
    }
    let shares = Shares::of(free, leases.of_stage(stage));
    queue.pop(&shares, |item| match item.owner {
        Owner::Listing(scan, _) => {
            let running = scans.get(&scan).and_then(Scan::running);
            let waiting = running.map_or(0, Running::posts_waiting);
            room.is_there_again(&item.party, waiting, policy.max_pending_posts)
        }
        _ => true,
    })
}
