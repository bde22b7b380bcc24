//! What a request may read at most is promised to it before it is sent, so that no limit is passed whatever the
//! answer holds; what it has really read settles the promise. Pure; part of `State`.

use crate::base::MicroUsd;
use crate::base::ids::{ContainerId, LeaseId, ScanId};
use crate::broker::books::items::Owner;
use crate::broker::state::{Effect, Now, State};
use crate::domain::reads::{ReadWish, Reserved};
use crate::proto::stage::BrokerToStage;

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
enum ReservationState {
    /// The requests of others may leave enough when they are settled.
    WaitsForOthers,
    /// Too little is left today, whatever the others really read.
    WaitsForNextDay,
    /// So many reads are promised.
    Granted(u64),
}

impl Reservations {
    /// The worker's request is answered, or the worker is gone.
    pub fn release(&mut self, container: ContainerId, lease: LeaseId) {
        self.all.retain(|one| (one.container, one.lease) != (container, lease));
    }

    pub fn lose(&mut self, container: ContainerId) {
        self.all.retain(|one| one.container != container);
    }

    /// True when this worker waits for another day.
    pub fn waits_for_next_day(&self, container: ContainerId, lease: LeaseId) -> bool {
        self.all.iter().any(|one| {
            (one.container, one.lease) == (container, lease) && one.state == ReservationState::WaitsForNextDay
        })
    }

    /// The workers that wait for another day.
    pub fn held(&self) -> impl Iterator<Item = (ContainerId, LeaseId)> {
        let held = self.all.iter().filter(|one| one.state == ReservationState::WaitsForNextDay);
        held.map(|one| (one.container, one.lease))
    }

    fn is_anyone_waiting(&self) -> bool {
        self.all.iter().any(|one| !matches!(one.state, ReservationState::Granted(_)))
    }
}

impl State {
    /// A worker is about to send a request that is billed.
    pub(in crate::broker) fn reserve(
        &mut self,
        container: ContainerId,
        lease: LeaseId,
        wish: ReadWish,
        now: Now,
        effects: &mut Vec<Effect>,
    ) {
        if self.lease_of(lease, container).is_none() {
            self.gossip_dropped += 1;
            return;
        }
        self.renew(lease, container, now);
        self.reservations.release(container, lease);
        let state = ReservationState::WaitsForOthers;
        self.reservations.all.push(Reservation { container, lease, wish, state });
        self.grant_reservations(now, effects);
    }

    /// Grants what can be granted by now. Of a page fewer posts are promised where more do not fit.
    pub(in crate::broker) fn grant_reservations(&mut self, now: Now, effects: &mut Vec<Effect>) {
        if !self.reservations.is_anyone_waiting() {
            return;
        }
        let left = self.spending.view(0, now.wall).left_today();
        let price = |wish: &ReadWish| self.spending.price(wish.resource);
        let mut promised = self.reservations.all.iter().fold(MicroUsd(0), |sum, one| match one.state {
            ReservationState::Granted(reads) => sum.plus(price(&one.wish).times(reads)),
            ReservationState::WaitsForOthers | ReservationState::WaitsForNextDay => sum,
        });
        let mut decided = Vec::new();
        for (index, one) in self.reservations.all.iter().enumerate() {
            if matches!(one.state, ReservationState::Granted(_)) {
                continue;
            }
            let price = price(&one.wish);
            let fit = |free: MicroUsd| free.0.checked_div(price.0).unwrap_or(u64::MAX).min(one.wish.most);
            let now_fit = left.map_or(one.wish.most, |left| fit(left.minus(promised)));
            let state = if now_fit >= one.wish.least {
                promised = promised.plus(price.times(now_fit));
                ReservationState::Granted(now_fit)
            } else if left.is_none_or(|left| fit(left) >= one.wish.least) {
                ReservationState::WaitsForOthers
            } else {
                ReservationState::WaitsForNextDay
            };
            decided.push((index, state));
        }
        let mut refused = Vec::new();
        let mut held = Vec::new();
        for (index, state) in decided {
            let Some((container, lease)) = self.reservations.all.get_mut(index).map(|one| {
                one.state = state;
                (one.container, one.lease)
            }) else {
                continue;
            };
            match state {
                ReservationState::Granted(reads) => {
                    self.renew(lease, container, now);
                    tell(container, lease, Reserved::Granted { reads }, effects);
                }
                ReservationState::WaitsForOthers => {}
                ReservationState::WaitsForNextDay => match self.listing_of(container, lease) {
                    // It keeps its place: begun anew it would pay for its first pages again.
                    Some(scan) => held.push(scan),
                    None => refused.push((container, lease)),
                },
            }
        }
        for (container, lease) in refused {
            self.reservations.release(container, lease);
            let why = self.spending.explain(now.wall);
            tell(container, lease, Reserved::Refused { why }, effects);
        }
        for scan in held {
            self.hold_over_budget(scan, now, effects);
        }
    }

    /// The scan whose listing this lease is on.
    pub(in crate::broker) fn listing_of(&self, container: ContainerId, lease: LeaseId) -> Option<ScanId> {
        match self.lease_of(lease, container)?.item.owner {
            Owner::Listing(scan, _) => Some(scan),
            _ => None,
        }
    }
}

fn tell(to: ContainerId, lease: LeaseId, reserved: Reserved, effects: &mut Vec<Effect>) {
    effects.push(Effect::ToStage { to, message: BrokerToStage::Reserved { lease, reserved }, blob: None });
}
