//! Who works on what, until when. Pure.

use std::collections::{BTreeSet, HashMap};

use crate::base::clock::Monotonic;
use crate::base::ids::{ContainerId, LeaseId, WorkerId};
use crate::base::roles::Stage;
use crate::broker::books::items::{Item, lease_time, stage_of};

/// A worker's hold on an item.
#[derive(Debug)]
pub struct Lease {
    pub item: Item,
    pub worker: WorkerId,
    /// What the worker said last about it.
    pub doing: Option<String>,
    /// When the worker got it.
    pub granted: Monotonic,
    /// Its listing has handed over a page.
    pub has_listed: bool,
    deadline: Monotonic,
}

/// All leases, by number and by deadline.
#[derive(Debug, Default)]
pub struct Leases {
    leases: HashMap<LeaseId, Lease>,
    deadlines: BTreeSet<(Monotonic, LeaseId)>,
    /// Leases that ran out, or whose work was cancelled, while their worker lives: its late report
    /// sets it free.
    revoked: HashMap<LeaseId, WorkerId>,
    last: u64,
}

impl Leases {
    /// Gives an item to a worker. Returns the lease and how long the worker may be silent.
    pub fn grant(&mut self, item: Item, worker: WorkerId, now: Monotonic) -> LeaseId {
        self.last += 1;
        let id = LeaseId(self.last);
        let deadline = now.plus(lease_time(&item.work));
        self.deadlines.insert((deadline, id));
        self.leases
            .insert(id, Lease { item, worker, doing: None, granted: now, has_listed: false, deadline });
        id
    }

    /// The lease, if this container holds it.
    pub fn held(&self, id: LeaseId, by: ContainerId) -> Option<&Lease> {
        self.leases.get(&id).filter(|lease| lease.worker.container == by)
    }

    /// The holder is alive: its lease begins anew.
    pub fn renew(&mut self, id: LeaseId, by: ContainerId, doing: Option<String>, now: Monotonic) -> bool {
        let Some(lease) = self.leases.get_mut(&id).filter(|lease| lease.worker.container == by) else {
            return false;
        };
        self.deadlines.remove(&(lease.deadline, id));
        lease.deadline = now.plus(lease_time(&lease.item.work));
        if doing.is_some() {
            lease.doing = doing;
        }
        self.deadlines.insert((lease.deadline, id));
        true
    }

    /// Ends a lease that this container holds.
    pub fn settle(&mut self, id: LeaseId, by: ContainerId) -> Option<Lease> {
        self.held(id, by)?;
        self.take(id)
    }

    /// The worker of a revoked lease, whose report came late.
    pub fn settle_revoked(&mut self, id: LeaseId, by: ContainerId) -> Option<WorkerId> {
        let worker = *self.revoked.get(&id)?;
        if worker.container != by {
            return None;
        }
        self.revoked.remove(&id)
    }

    /// Ends every lease whose deadline has passed.
    pub fn expire(&mut self, now: Monotonic) -> Vec<(LeaseId, Lease)> {
        let mut expired = Vec::new();
        while let Some(&(deadline, id)) = self.deadlines.first() {
            if deadline > now {
                break;
            }
            match self.take(id) {
                Some(lease) => {
                    self.revoked.insert(id, lease.worker);
                    expired.push((id, lease));
                }
                None => {
                    self.deadlines.pop_first();
                }
            }
        }
        expired
    }

    /// Ends the leases on the items that `select` chooses, in the order of their numbers. Their
    /// workers live, and are free again when they report.
    pub fn revoke(&mut self, select: impl Fn(&Item) -> bool) -> Vec<(LeaseId, Lease)> {
        let chosen = self.leases.iter().filter(|(_, lease)| select(&lease.item)).map(|(id, _)| *id);
        let mut chosen: Vec<LeaseId> = chosen.collect();
        chosen.sort_unstable();
        let mut ended = Vec::new();
        for id in chosen {
            if let Some(lease) = self.take(id) {
                self.revoked.insert(id, lease.worker);
                ended.push((id, lease));
            }
        }
        ended
    }

    /// Ends every lease of a container that is gone. Tells too whether a worker of it had not yet left what
    /// its lease had run out over.
    pub fn lose(&mut self, container: ContainerId) -> (Vec<Lease>, bool) {
        let has_hung = self.revoked.values().any(|worker| worker.container == container);
        self.revoked.retain(|_, worker| worker.container != container);
        let mut lost: Vec<LeaseId> = self
            .leases
            .iter()
            .filter(|(_, lease)| lease.worker.container == container)
            .map(|(id, _)| *id)
            .collect();
        lost.sort_unstable();
        (lost.into_iter().filter_map(|id| self.take(id)).collect(), has_hung)
    }

    pub fn next_deadline(&self) -> Option<Monotonic> {
        self.deadlines.first().map(|(deadline, _)| *deadline)
    }

    pub fn iter(&self) -> impl Iterator<Item = (LeaseId, &Lease)> {
        self.leases.iter().map(|(id, lease)| (*id, lease))
    }

    /// The lease, if this container holds it, to note something of its item.
    pub fn held_mut(&mut self, id: LeaseId, by: ContainerId) -> Option<&mut Lease> {
        self.leases.get_mut(&id).filter(|lease| lease.worker.container == by)
    }

    /// The items of one stage that are being worked on.
    pub fn of_stage(&self, stage: Stage) -> impl Iterator<Item = &Item> {
        self.leases.values().map(|lease| &lease.item).filter(move |item| stage_of(&item.work) == stage)
    }

    /// Changes the priority or the party of the leased items that `select` chooses.
    pub fn change(&mut self, select: impl Fn(&Item) -> bool, change: impl Fn(&mut Item)) {
        let items = self.leases.values_mut().map(|lease| &mut lease.item);
        items.filter(|item| select(item)).for_each(change);
    }

    fn take(&mut self, id: LeaseId) -> Option<Lease> {
        let lease = self.leases.remove(&id)?;
        self.deadlines.remove(&(lease.deadline, id));
        Some(lease)
    }
}
