//! A worker is about to read what is billed: it is promised what the request may read at most, so that no
//! limit is passed whatever the answer holds. What it has really read settles the promise.

use crate::base::ids::{ContainerId, LeaseId};
use crate::broker::books::reservations::ReservationState;
use crate::broker::books::scan::Woken;
use crate::broker::rules::admission;
use crate::broker::turn::Turn;
use crate::domain::reads::{ReadWish, Reserved};
use crate::proto::stage::BrokerToStage;

pub fn on_wish(turn: &mut Turn, container: ContainerId, lease: LeaseId, wish: ReadWish) -> Vec<Woken> {
    if turn.state.leases.held(lease, container).is_none() {
        turn.state.gossip_dropped += 1;
        return Vec::new();
    }
    turn.renew(lease, container);
    turn.state.reservations.add(container, lease, wish);
    grant(turn)
}

/// Grants whatever fits the budget by now, and tells the workers. Returns what that means for waiting
/// queries.
pub fn grant(turn: &mut Turn) -> Vec<Woken> {
    if !turn.state.reservations.is_anyone_waiting() {
        return Vec::new();
    }
    let left = turn.state.spending.view(0, turn.now.wall).left_today();
    let spending = &turn.state.spending;
    let decided = turn.state.reservations.grant(left, |resource| spending.price(resource));
    let mut held = Vec::new();
    let mut refused = Vec::new();
    for (container, lease, state) in decided {
        match state {
            ReservationState::Granted(reads) => {
                turn.renew(lease, container);
                let reserved = Reserved::Granted { reads };
                turn.send_to_stage(container, BrokerToStage::Reserved { lease, reserved });
            }
            ReservationState::WaitsForOthers => {}
            ReservationState::WaitsForNextDay => match turn.state.listing_of(container, lease) {
                // It keeps its place: begun anew it would pay for its first pages again.
                Some(scan) => held.push(scan),
                None => refused.push((container, lease)),
            },
        }
    }
    for (container, lease) in refused {
        turn.state.reservations.release(container, lease);
        let reserved = Reserved::Refused { why: turn.state.spending.explain(turn.now.wall) };
        turn.send_to_stage(container, BrokerToStage::Reserved { lease, reserved });
    }
    held.into_iter().map(|scan| admission::hold(turn, scan)).collect()
}
