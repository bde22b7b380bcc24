//! How a query is shown.

use crate::base::ids::QueryId;
use crate::base::roles::Stage;
use crate::broker::books::query::{Outcome, Phase};
use crate::broker::state::State;
use crate::broker::vocabulary::Now;
use crate::proto::view::QueryView;

/// `None`: there is no such query, or none any more.
pub fn query_view(state: &State, id: QueryId, now: Now) -> Option<QueryView> {
    let query = state.queries.get(&id)?;
    let (head, facts) = (&query.head, &query.facts);
    let waiting = query.phase.waiting_item();
    let position = waiting.and_then(|(stage, item)| state.queues.get(&stage)?.position(item));
    let queue_position = position.map(|position| u32::try_from(position).unwrap_or(u32::MAX));
    let estimated_wait_ms = waiting
        .zip(queue_position)
        .and_then(|((stage, _), position)| estimated_wait_ms(state, stage, position));
    let (results, similar, error) = match &query.phase {
        Phase::Ended(Outcome::Found { results, similar }) => (results.clone(), similar.clone(), None),
        Phase::Ended(Outcome::Failed { code, why }) => (Vec::new(), Vec::new(), Some((*code, why.clone()))),
        _ => (Vec::new(), Vec::new(), None),
    };
    let scans = || facts.scans.iter().filter_map(|scan| state.scans.get(scan));
    let total = || scans().map(|scan| scan.head.account.posts).sum::<Option<u64>>();
    Some(QueryView {
        query: id,
        id: head.public_id.clone(),
        subject: head.subject.clone(),
        status: query.status(),
        has_first_time_scan: facts.first_time,
        accounts: facts.accounts.iter().map(|account| facts.account_view(account)).collect(),
        results,
        similar,
        error: error.as_ref().map(|(code, _)| *code),
        error_detail: error.map(|(_, why)| why).unwrap_or_default(),
        image_url: facts.images.first().map(|image| image.url.clone()),
        steps: query.steps(now.mono),
        queue_position,
        estimated_wait_ms,
        waits_for_network: query.is_live() && state.connectivity.is_lost(),
        posts_listed: scans().map(|scan| scan.head.listed).sum(),
        posts_indexed: scans().map(|scan| scan.head.indexed).sum(),
        still_listing: scans().any(|scan| scan.is_listing()),
        posts_total: if facts.scans.is_empty() { None } else { total() },
        version: head.version,
    })
}

/// How long an item at this place of a queue will wait, judged by the mean so far; `None` before anything was
/// measured, or without workers.
fn estimated_wait_ms(state: &State, stage: Stage, position: u32) -> Option<u64> {
    let mean = state.metrics.mean_micros(&format!("{stage}: work"))?;
    let workers = u64::try_from(state.registry.workers_of(stage)).unwrap_or(u64::MAX);
    let rounds = (u64::from(position) + 1).div_ceil(workers.max(1));
    (workers > 0).then(|| (mean.saturating_mul(rounds) / 1000).max(1))
}
