//! What the broker shows of itself: figures, workers, queues.

use crate::base::ids::WorkerId;
use crate::base::roles::Stage;
use crate::broker::books::items::{Owner, stage_of};
use crate::broker::books::registry::WorkerState;
use crate::broker::rules::admission;
use crate::broker::state::State;
use crate::broker::vocabulary::Now;
use crate::domain::failure::FailureCode;
use crate::domain::scans::Priority;
use crate::proto::view::{CountersView, QueueView, StatsView, WorkerView};

pub fn stats(state: &State, now: Now) -> StatsView {
    let live = state.queries.values().filter(|query| query.is_live());
    StatsView {
        store: state.counts,
        index: state.index,
        queries_in_progress: live.count() as u64,
        scans_in_progress: state.running_scans.len() as u64,
        posts_pending: state.room.total() as u64,
        sizes: state.sizes,
        spending: state.spending.view(admission::count_waiting(state), now.wall),
    }
}

pub fn counters(state: &State, now: Now) -> CountersView {
    let count = |code: &FailureCode| Some((*code, *state.failures.get(code)?));
    CountersView {
        failures: FailureCode::ALL.iter().filter_map(count).collect(),
        starts: state.registry.starts().collect(),
        deliveries_waiting: state.deliveries as u64,
        messages_dropped: state.gossip_dropped,
        sites: state.site_layouts.views(now.mono),
        media_counts: state.media_counts.view(),
        post_lags: state.post_lags.view(),
    }
}

pub fn threads(state: &State, now: Now) -> Vec<WorkerView> {
    let mut views = Vec::new();
    for (id, container) in state.registry.iter() {
        for (index, worker) in container.workers.iter().enumerate() {
            let index = u16::try_from(index).unwrap_or(u16::MAX);
            let lease = match worker.state {
                WorkerState::Leased(lease) => state.leases.held(lease, id),
                WorkerState::Ready | WorkerState::Away | WorkerState::Leaving => None,
            };
            debug_assert!(lease.is_none_or(|lease| lease.worker == WorkerId { container: id, index }));
            let doing = match worker.state {
                WorkerState::Ready => None,
                WorkerState::Away => Some("does not answer".to_owned()),
                WorkerState::Leaving => Some("leaves what was cancelled".to_owned()),
                WorkerState::Leased(lease) if state.reservations.waits_for_next_day(id, lease) => {
                    Some(format!("waits for the next day's budget, until {}", now.wall.next_utc_day()))
                }
                WorkerState::Leased(_) if state.connectivity.is_lost_for(id) => {
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
                request: lease.and_then(|lease| request_of(state, &lease.item.owner)),
                since_ms: u64::try_from(now.mono.since(worker.since).as_millis()).unwrap_or(u64::MAX),
                attempt: lease.map_or(0, |lease| lease.item.deaths + 1),
            });
        }
    }
    views
}

pub fn queue_views(state: &State, now: Now) -> Vec<QueueView> {
    Stage::ALL
        .into_iter()
        .map(|stage| {
            let queue = state.queues.get(&stage);
            let waiting = |priority| queue.map_or(0, |queue| queue.len_of(priority)) as u64;
            let leased = state.leases.iter().filter(|(_, lease)| stage_of(&lease.item.work) == stage).count();
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
pub fn request_of(state: &State, owner: &Owner) -> Option<String> {
    match owner {
        Owner::Query(id) => state.queries.get(id).map(|query| query.head.subject.clone()),
        Owner::ScanRequest(handle) => Some(format!("scan @{handle}")),
        Owner::Listing(id, _) | Owner::Batch(id) => {
            state.scans.get(id).map(|scan| format!("scan @{}", scan.head.account.handle))
        }
        Owner::Updates(_) => Some("updates".to_owned()),
        Owner::Retries => Some("retries".to_owned()),
        Owner::Watch(id) => Some(format!("watch {}", state.watches.get(*id)?.watch.subject)),
        Owner::Delivery(id) => Some(format!("delivery {id}")),
        Owner::Picture { .. } => Some("pictures".to_owned()),
        Owner::Maintenance(_) => None,
    }
}
