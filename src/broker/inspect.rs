//! What the broker shows of itself: figures, workers, queues. Pure; part of `State`.

use super::items::Owner;
use super::registry::WorkerState;
use super::state::{Now, State};
use crate::base::ids::WorkerId;
use crate::proto::data::Priority;
use crate::proto::roles::Stage;
use crate::proto::view::{QueryStatus, QueueView, StatsView, WorkerView};

impl State {
    pub(super) fn stats(&self) -> StatsView {
        let live = self.queries.values().filter(|query| query.status != QueryStatus::End);
        StatsView {
            store: self.counts,
            queries_in_progress: live.count() as u64,
            scans_in_progress: self.running_scans.len() as u64,
            posts_pending: self.pending_posts as u64,
        }
    }

    pub(super) fn threads(&self, now: Now) -> Vec<WorkerView> {
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

    pub(super) fn queue_views(&self, now: Now) -> Vec<QueueView> {
        Stage::ALL
            .into_iter()
            .map(|stage| {
                let queue = self.queue(stage);
                let waiting = |priority| queue.map_or(0, |queue| queue.len_of(priority)) as u64;
                let leased = self
                    .leases()
                    .iter()
                    .filter(|lease| super::items::stage_of(&lease.item.work) == stage)
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
    fn request_of(&self, owner: &Owner) -> Option<String> {
        match owner {
            Owner::Query(id) => self.queries.get(id).map(|query| query.subject.clone()),
            Owner::ScanRequest(handle) => Some(format!("scan @{handle}")),
            Owner::Listing(id, _) | Owner::Batch(id) => {
                self.scans.get(id).map(|scan| format!("scan @{}", scan.account.handle))
            }
            Owner::Retries => Some("retries".to_owned()),
            Owner::Maintenance(_) => None,
        }
    }
}
