//! How a query is shown.

use crate::base::MicroUsd;
use crate::base::ids::{AccountKey, QueryId};
use crate::base::roles::Stage;
use crate::broker::books::preview::Preview;
use crate::broker::books::query::{Facts, Outcome, Phase};
use crate::broker::state::State;
use crate::broker::vocabulary::Now;
use crate::domain::accounts::{Account, AccountState};
use crate::domain::images::FoundImage;
use crate::domain::verdicts::{Effect, Verdict};
use crate::proto::view::{QueryView, SearchedView, VerdictView};

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
    let mut error = None;
    let [results, similar, named_posts] = match &query.phase {
        Phase::Ended(Outcome::Found { results, similar, named }) => [results, similar, named].map(Vec::clone),
        Phase::Ended(Outcome::Failed { code, why, named }) => {
            error = Some((*code, why.clone()));
            [Vec::new(), Vec::new(), named.clone()]
        }
        _ => {
            let Preview { found, similar, named, .. } = &facts.preview;
            let views = |images: &Vec<FoundImage>| {
                images.iter().map(|image| facts.result_view(image.clone())).collect()
            };
            [found, similar, named].map(views)
        }
    };
    let scans = || facts.scans.iter().filter_map(|scan| state.scans.get(scan));
    let total = || scans().map(|scan| scan.head.account.posts).sum::<Option<u64>>();
    Some(QueryView {
        query: id,
        id: head.public_id.clone(),
        subject: head.subject.clone(),
        wanted: head.wanted,
        status: query.status(),
        has_first_time_scan: facts.first_time,
        accounts: facts.accounts.iter().map(|account| facts.account_view(account)).collect(),
        others: facts.others.clone(),
        look_up: facts.look_up,
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
        published: facts.published,
        named_posts,
        elsewhere: facts.elsewhere.clone(),
        artwork_pages: facts.artwork_pages.clone(),
        searched: searched(facts),
        looking: facts.ladder.window().filter(|_| matches!(query.phase, Phase::Indexing { .. })),
        cost: facts.cost,
        rest: rest(state, facts),
        verdicts: verdicts(facts, !query.is_live()),
        parts: facts.parts,
    })
}

/// How much of each account the query has searched.
fn searched(facts: &Facts) -> Vec<SearchedView> {
    let climbers = || facts.ladder.accounts().map(|(_, state)| state);
    let states = facts
        .accounts
        .iter()
        .filter_map(|account| climbers().chain(&facts.scanned_before).find(|state| state.key == account.key));
    let view = |state: &AccountState| SearchedView {
        account: state.key.clone(),
        whole_at: state.scanned_at(),
        windows: if state.scanned_at().is_some() { Vec::new() } else { state.windows.clone() },
    };
    states.map(view).collect()
}

/// Verdicts in a view, and bytes of their texts: they travel beside all that was found.
const MAX_VERDICTS: usize = 20;
const MAX_VERDICT_BYTES: usize = 6 * 1024;

/// What people said that has acted, or that contradicts each other. Beyond what fits, the reasons are left
/// out: they are in the list of all.
fn verdicts(facts: &Facts, is_over: bool) -> Vec<VerdictView> {
    let mut bytes = 0;
    let view = |(verdict, effect): (&Verdict, Effect)| {
        bytes += verdict.handle.len() + verdict.why.len();
        let text = |text: &String| if bytes <= MAX_VERDICT_BYTES { text.clone() } else { String::new() };
        VerdictView {
            id: verdict.id,
            claim: verdict.claim.clone(),
            handle: text(&verdict.handle),
            at: verdict.at,
            why: text(&verdict.why),
            effect,
        }
    };
    let is_shown = |key: &AccountKey| facts.accounts.iter().any(|account| account.key == *key);
    facts.rulings.told(is_over, is_shown).into_iter().take(MAX_VERDICTS).map(view).collect()
}

/// What scanning the rest of the accounts will probably cost.
fn rest(state: &State, facts: &Facts) -> Option<MicroUsd> {
    let left = facts.ladder.accounts().filter(|(_, state)| state.scanned_at().is_none());
    let price = |account: &Account| match state.policy.is_billed(account.key.network) {
        true => state.spending.estimate(account.posts, state.policy.timeline),
        false => MicroUsd(0),
    };
    left.map(|(account, _)| price(account)).reduce(MicroUsd::plus)
}

/// How long an item at this place of a queue will wait, judged by the mean so far; `None` before anything was
/// measured, or without workers.
fn estimated_wait_ms(state: &State, stage: Stage, position: u32) -> Option<u64> {
    let mean = state.metrics.mean_micros(&format!("{stage}: work"))?;
    let workers = u64::try_from(state.registry.workers_of(stage)).unwrap_or(u64::MAX);
    let rounds = (u64::from(position) + 1).div_ceil(workers.max(1));
    (workers > 0).then(|| (mean.saturating_mul(rounds) / 1000).max(1))
}
