//! What the broker shows of itself: figures, workers, queues. Pure; part of `State`.

use crate::base::ids::WorkerId;
use crate::base::roles::Stage;
use crate::broker::books::items::Owner;
use crate::broker::books::registry::WorkerState;
use crate::broker::state::{Now, State};
use crate::domain::failure::FailureCode;
use crate::domain::scans::Priority;
use crate::proto::view::{CountersView, QueryStatus, QueueView, StatsView, WorkerView};

impl State {
    pub(in crate::broker) fn stats(&self, now: Now) -> StatsView {
        let live = self.queries.values().filter(|query| query.status != QueryStatus::End);
        StatsView {
            store: self.counts,
            index: self.index,
            queries_in_progress: live.count() as u64,
            scans_in_progress: self.running_scans.len() as u64,
            posts_pending: self.pending_posts as u64,
            sizes: self.sizes,
            spending: self.spending.view(self.deferred_scans.len() as u64, now.wall),
        }
    }

    pub(in crate::broker) fn counters(&self) -> CountersView {
        let count = |code: &FailureCode| Some((*code, *self.failures.get(code)?));
        CountersView {
            failures: FailureCode::ALL.iter().filter_map(count).collect(),
            starts: self.registry().starts().collect(),
            deliveries_waiting: self.deliveries as u64,
            messages_dropped: self.gossip_dropped,
        }
    }

    /// How long an item at this place of a queue will wait, judged by the mean so far; `None` before
    /// anything was measured, or without workers.
    pub(in crate::broker) fn estimated_wait_ms(&self, stage: Stage, position: u32) -> Option<u64> {
        let mean = self.metrics.mean_micros(&format!("{stage}: work"))?;
        let rounds = (u64::from(position) + 1).div_ceil((self.registry().workers_of(stage) as u64).max(1));
        (self.registry().workers_of(stage) > 0).then(|| (mean.saturating_mul(rounds) / 1000).max(1))
    }

    pub(in crate::broker) fn threads(&self, now: Now) -> Vec<WorkerView> {
        let mut views = Vec::new();
        for (id, container) in self.registry().iter() {
            for (index, worker) in container.workers.iter().enumerate() {
                let index = u16::try_from(index).unwrap_or(u16::MAX);
                let lease = match worker.state {
                    WorkerState::Leased(lease) => self.lease_of(lease, id),
                    WorkerState::Ready | WorkerState::Away => None,
                };
                debug_assert!(lease.is_none_or(|lease| lease.worker == WorkerId { container: id, index }));
                let doing = match worker.state {
                    WorkerState::Ready => None,
                    WorkerState::Away => Some("does not answer".to_owned()),
                    WorkerState::Leased(lease) if self.reservations.waits_for_next_day(id, lease) => {
                        Some(format!("waits for the next day's budget, until {}", now.wall.next_utc_day()))
                    }
                    WorkerState::Leased(_) if self.network.is_lost_for(id) => {
                        lease.map(|lease| format!("waits for the network: {}", lease.item.work.describe()))
                    }
                    WorkerState::Leased(_) => {
                        lease.map(|lease| lease.doing.clone().unwrap_or_else(|| lease.item.work.describe()))
                    }
                };
                views.push(WorkerView {
                    role: container.role,
                    pid: container.pid,
                    worker: index,
                    stages: worker.stages.clone(),
                    doing,
                    request: lease.and_then(|lease| self.request_of(&lease.item.owner)),
                    since_ms: u64::try_from(now.mono.since(worker.since).as_millis()).unwrap_or(u64::MAX),
                    attempt: lease.map_or(0, |lease| lease.item.deaths + 1),
                });
            }
        }
        views
    }

    pub(in crate::broker) fn queue_views(&self, now: Now) -> Vec<QueueView> {
        Stage::ALL
            .into_iter()
            .map(|stage| {
                let queue = self.queue(stage);
                let waiting = |priority| queue.map_or(0, |queue| queue.len_of(priority)) as u64;
                let leased = self
                    .leases()
                    .iter()
                    .filter(|(_, lease)| crate::broker::books::items::stage_of(&lease.item.work) == stage)
                    .count();
                let oldest = queue.and_then(|queue| queue.oldest());
                QueueView {
                    stage,
                    waiting_user: waiting(Priority::User),
                    waiting_maintenance: waiting(Priority::Maintenance),
                    leased: leased as u64,
                    oldest_ms: oldest
                        .map_or(0, |at| u64::try_from(now.mono.since(at).as_millis()).unwrap_or(u64::MAX)),
                }
            })
            .collect()
    }

    /// The request that a work item belongs to, for people.
    pub(in crate::broker) fn request_of(&self, owner: &Owner) -> Option<String> {
        match owner {
            Owner::Query(id) => self.queries.get(id).map(|query| query.subject.clone()),
            Owner::ScanRequest(handle) => Some(format!("scan @{handle}")),
            Owner::Listing(id, _) | Owner::Batch(id) => {
                self.scans.get(id).map(|scan| format!("scan @{}", scan.account.handle))
            }
            Owner::Updates(_) => Some("updates".to_owned()),
            Owner::Retries => Some("retries".to_owned()),
            Owner::Delivery(id) => Some(format!("delivery {id}")),
            Owner::Maintenance(_) => None,
        }
    }
}
