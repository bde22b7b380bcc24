//! Queries for the artist alone: they end where those for posts begin to scan. And which other query knows
//! the artist already, so that nothing need be asked.

use crate::base::MicroUsd;
use crate::base::ids::{Networks, QueryId};
use crate::broker::books::query::{Facts, Outcome, Phase, Query};
use crate::broker::books::query_key::page_key;
use crate::broker::rules::query_steps;
use crate::broker::rules::views::query_view;
use crate::broker::state::State;
use crate::broker::turn::Turn;
use crate::broker::vocabulary::Now;
use crate::domain::accounts::{
    AccountRef, LeftOutReason, OtherAccount, Resolution, ResolutionOutcome, Standing,
};
use crate::domain::failure::FailureCode;
use crate::domain::wanted::Wanted;
use crate::proto::view::{QueryStatus, QueryView};

/// A fault in words is said of each account.
const MAX_WHY_CHARS: usize = 160;

// ---- its end

/// The accounts are known as pages name them, and no network is to be asked.
pub fn end_as_named(turn: &mut Turn, id: QueryId, refs: &[AccountRef]) {
    for asked in refs {
        let is_forgotten = turn.state.forgotten.names_ref(asked);
        let reason = is_forgotten.then_some(LeftOutReason::Forgotten);
        let standing = match reason.or_else(|| turn.state.policy.blocklist.reason_of_ref(asked)) {
            Some(reason) => Standing::LeftOut(reason),
            None => Standing::Unasked { why: "was not looked up (resolve=0)".to_owned() },
        };
        let Some(query) = turn.live(id) else { return };
        query.facts.note_other(asked, standing);
    }
    end(turn, id);
}

/// It is known of the accounts what can be known now.
pub fn end(turn: &mut Turn, id: QueryId) {
    let Some(query) = turn.live(id) else { return };
    let outcome = match nobody(&query.facts) {
        Some((code, why)) => Outcome::Failed { code, why, named: Vec::new() },
        None => Outcome::Found { results: Vec::new(), similar: Vec::new(), named: Vec::new() },
    };
    query_steps::end(turn, id, outcome);
}

/// Why there is no account to name, though pages name some; `None` where there is one.
fn nobody(facts: &Facts) -> Option<(FailureCode, String)> {
    if !facts.accounts.is_empty() || facts.others.iter().any(|other| other.standing.may_be_there()) {
        return None;
    }
    let is_told = |standing: &Standing| match standing {
        Standing::LeftOut(reason) => match reason {
            LeftOutReason::SitesOwn | LeftOutReason::Copy | LeftOutReason::Weaker => false,
            LeftOutReason::Blocklist
            | LeftOutReason::Organization
            | LeftOutReason::OtherNetwork
            | LeftOutReason::Person
            | LeftOutReason::Forgotten => true,
        },
        _ => true,
    };
    let others = facts.others.iter().filter(|other| is_told(&other.standing));
    let others = others.map(|other| format!("{} {}", other.candidate.account, other.standing.why()));
    let why =
        format!("None of the artist's accounts can be named: {}.", others.collect::<Vec<_>>().join(", "));
    Some((FailureCode::NoValidTwitterAccountFound, why))
}

/// Networks could not be asked: what the pages say of these accounts is the answer.
pub fn unasked(refs: &[AccountRef], why: &str) -> Vec<Resolution> {
    let why: String = why.chars().take(MAX_WHY_CHARS).collect();
    let outcome = ResolutionOutcome::Unasked { why: format!("could not be looked up ({why})") };
    refs.iter().map(|asked| Resolution { asked: asked.clone(), outcome: outcome.clone() }).collect()
}

// ---- who knows it already

/// What another query for this page knows of the artist, as the answer; `None` where nobody knows it, or
/// where more could be known by asking.
pub fn known_otherwise(
    state: &State,
    url: &str,
    networks: &Networks,
    wanted: Wanted,
    now: Now,
) -> Option<(QueryId, QueryView)> {
    let known = wanted.known_to().iter().find_map(|other| {
        let id = *state.query_keys.get(&page_key(url, networks, *other)?)?;
        state.queries.get(&id).filter(|query| knows_all(state, query)).map(|query| (id, query))
    });
    let (id, query) = known?;
    Some((id, as_artist(query, query_view(state, id, now)?, wanted)))
}

/// True where the accounts are known as well as they can be, and that is written down or over. What the
/// budget kept from being asked may be asked now; a network that is switched off stays so.
fn knows_all(state: &State, query: &Query) -> bool {
    let may_be_asked = |other: &OtherAccount| {
        let is_unasked = matches!(other.standing, Standing::Unasked { .. });
        is_unasked && state.policy.is_billed(other.candidate.account.network())
    };
    let all_were_asked = !query.facts.others.iter().any(may_be_asked);
    let names_nobody = matches!(
        &query.phase,
        Phase::Ended(Outcome::Failed { code: FailureCode::NoTwitterAccountFound, .. })
    );
    let is_known = query.facts.is_resolved && all_were_asked || names_nobody;
    let is_written = query.head.being_written.is_none_or(|ticket| !state.pending.contains_key(&ticket));
    is_known && is_written
}

/// The part of a query's state that is about the artist, which cost nothing more.
fn as_artist(query: &Query, view: QueryView, wanted: Wanted) -> QueryView {
    let failure = match query.facts.is_resolved {
        true => nobody(&query.facts),
        false => view.error.map(|code| (code, view.error_detail.clone())),
    };
    let steps = view.steps.into_iter().filter(|(step, _)| *step <= QueryStatus::LinkFinder);
    QueryView {
        wanted,
        status: QueryStatus::End,
        has_first_time_scan: false,
        error: failure.as_ref().map(|(code, _)| *code),
        error_detail: failure.map(|(_, why)| why).unwrap_or_default(),
        steps: steps.collect(),
        results: Vec::new(),
        similar: Vec::new(),
        named_posts: Vec::new(),
        searched: Vec::new(),
        looking: None,
        cost: MicroUsd(0),
        rest: None,
        queue_position: None,
        estimated_wait_ms: None,
        waits_for_network: false,
        posts_listed: 0,
        posts_indexed: 0,
        still_listing: false,
        posts_total: None,
        ..view
    }
}
