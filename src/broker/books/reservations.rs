//! What requests under way may read at most, and what they are promised of a budget. Pure.

use crate::base::MicroUsd;
use crate::base::ids::{ContainerId, LeaseId};
use crate::domain::reads::{ReadWish, Resource};

/// The reservations of all workers; each has one at most, since it asks one thing at a time.
#[derive(Debug, Default)]
pub struct Reservations {
    /// In the order asked.
    all: Vec<Reservation>,
}

#[derive(Debug)]
struct Reservation {
    container: ContainerId,
    lease: LeaseId,
    wish: ReadWish,
    state: ReservationState,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReservationState {
    /// The requests of others may leave enough when they are settled.
    WaitsForOthers,
    /// Too little is left today, whatever the others really read.
    WaitsForNextDay,
    /// So many reads are promised.
    Granted(u64),
}

impl Reservations {
    /// Notes what a worker wants to read, in the place of what it wanted before.
    pub fn add(&mut self, container: ContainerId, lease: LeaseId, wish: ReadWish) {
        self.release(container, lease);
        self.all.push(Reservation { container, lease, wish, state: ReservationState::WaitsForOthers });
    }

    /// The worker's request is answered, or the worker is gone.
    pub fn release(&mut self, container: ContainerId, lease: LeaseId) {
        self.all.retain(|one| (one.container, one.lease) != (container, lease));
    }

    pub fn lose(&mut self, container: ContainerId) {
        self.all.retain(|one| one.container != container);
    }

    /// True when this worker waits for another day.
    pub fn waits_for_next_day(&self, container: ContainerId, lease: LeaseId) -> bool {
        self.held().any(|held| held == (container, lease))
    }

    /// The workers that wait for another day.
    pub fn held(&self) -> impl Iterator<Item = (ContainerId, LeaseId)> {
        let held = self.all.iter().filter(|one| one.state == ReservationState::WaitsForNextDay);
        held.map(|one| (one.container, one.lease))
    }

    pub fn is_anyone_waiting(&self) -> bool {
        self.all.iter().any(|one| !matches!(one.state, ReservationState::Granted(_)))
    }

    /// Grants whatever fits into what is `left` (`None`: no limit), and returns what it decided about all who
    /// wait. A request for a page may be granted fewer reads than it asked for.
    pub fn grant(
        &mut self,
        left: Option<MicroUsd>,
        price: impl Fn(Resource) -> MicroUsd,
    ) -> Vec<(ContainerId, LeaseId, ReservationState)> {
        let mut promised = self.all.iter().fold(MicroUsd(0), |sum, one| match one.state {
            ReservationState::Granted(reads) => sum.plus(price(one.wish.resource).times(reads)),
            ReservationState::WaitsForOthers | ReservationState::WaitsForNextDay => sum,
        });
        let mut decided = Vec::new();
        for one in &mut self.all {
            if matches!(one.state, ReservationState::Granted(_)) {
                continue;
            }
            let price = price(one.wish.resource);
            let fit = |free: MicroUsd| free.0.checked_div(price.0).unwrap_or(u64::MAX).min(one.wish.most);
            let now_fit = left.map_or(one.wish.most, |left| fit(left.minus(promised)));
            one.state = if now_fit >= one.wish.least {
                promised = promised.plus(price.times(now_fit));
                ReservationState::Granted(now_fit)
            } else if left.is_none_or(|left| fit(left) >= one.wish.least) {
                ReservationState::WaitsForOthers
            } else {
                ReservationState::WaitsForNextDay
            };
            decided.push((one.container, one.lease, one.state));
        }
        decided
    }
}
