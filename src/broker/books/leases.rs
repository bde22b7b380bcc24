//! Who works on what, until when. Pure.

use std::collections::{BTreeSet, HashMap};

use crate::base::clock::Monotonic;
use crate::base::ids::{ContainerId, LeaseId, WorkerId};
use crate::broker::books::items::{Item, lease_time};

/// A worker's hold on an item.
#[derive(Debug)]
pub struct Lease {
    pub item: Item,
    pub worker: WorkerId,
    /// What the worker said last about it.
    pub doing: Option<String>,
    deadline: Monotonic,
}

/// All leases, by number and by deadline.
#[derive(Debug, Default)]
pub struct Leases {
    leases: HashMap<LeaseId, Lease>,
    deadlines: BTreeSet<(Monotonic, LeaseId)>,
    /// Leases that ran out while their worker lives: its late report sets it free.
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
        self.leases.insert(id, Lease { item, worker, doing: None, deadline });
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

    /// Ends every lease of a container that is gone.
    pub fn lose(&mut self, container: ContainerId) -> Vec<Lease> {
        self.revoked.retain(|_, worker| worker.container != container);
        let mut lost: Vec<LeaseId> = self
            .leases
            .iter()
            .filter(|(_, lease)| lease.worker.container == container)
            .map(|(id, _)| *id)
            .collect();
        lost.sort_unstable();
        lost.into_iter().filter_map(|id| self.take(id)).collect()
    }

    pub fn next_deadline(&self) -> Option<Monotonic> {
        self.deadlines.first().map(|(deadline, _)| *deadline)
    }

    pub fn iter(&self) -> impl Iterator<Item = (LeaseId, &Lease)> {
        self.leases.iter().map(|(id, lease)| (*id, lease))
    }

    /// Gives the leased items that `select` chooses a higher priority, for the case that they come back.
    pub fn raise(&mut self, priority: crate::domain::scans::Priority, select: impl Fn(&Item) -> bool) {
        for lease in self.leases.values_mut() {
            if select(&lease.item) && lease.item.priority > priority {
                lease.item.priority = priority;
            }
        }
    }

    fn take(&mut self, id: LeaseId) -> Option<Lease> {
        let lease = self.leases.remove(&id)?;
        self.deadlines.remove(&(lease.deadline, id));
        Some(lease)
    }
}
