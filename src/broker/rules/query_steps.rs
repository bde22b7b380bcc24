//! What every query does, on whichever way: it gets work and phases, searches, and ends.

use std::time::Duration;

use crate::base::ids::{AccountKey, Networks, QueryId};
use crate::broker::books::items::{ItemId, Owner};
use crate::broker::books::party::Party;
use crate::broker::books::query::{Head, Kind, Outcome, Phase, Pickup, Query};
use crate::broker::books::query_key;
use crate::broker::rules::views::query_view;
use crate::broker::rules::{deliveries, following};
use crate::broker::state::State;
use crate::broker::turn::{Turn, micros};
use crate::broker::vocabulary::{Effect, Pending};
use crate::domain::accounts::Standing;
use crate::domain::failure::FailureCode;
use crate::domain::images::{AnsweredPage, Detail, NotedPage, QueryImage, SearchScope};
use crate::domain::scans::Priority;
use crate::domain::wanted::Wanted;
use crate::proto::view::ResultView;
use crate::proto::work::Work;
use crate::storekeeper::orders::{JournalEntry, ToStorekeeper};

/// Answers are kept this long after success, failure, and a mistake of the user.
const KEPT_AFTER_SUCCESS: Duration = Duration::from_secs(3 * 3600);
const KEPT_AFTER_FAILURE: Duration = Duration::from_secs(3600);
const KEPT_AFTER_MISTAKE: Duration = Duration::from_secs(600);
/// As long as whoever polls must see it; then the same may be asked for anew.
const KEPT_AFTER_CANCEL: Duration = Duration::from_secs(60);
pub fn enqueue(turn: &mut Turn, id: QueryId, work: Work) -> ItemId {
    turn.enqueue(Owner::Query(id), work, Priority::User, 0)
}

pub fn enter(turn: &mut Turn, id: QueryId, phase: Phase) {
    let now = turn.now.mono;
    let Some(query) = turn.live(id) else { return };
    if let Some((left, spent)) = query.enter(phase, now) {
        turn.state.metrics.record(left.as_str(), micros(spent));
        following::notify(turn, id);
    }
}

// ---- its searches

/// Step 3: the search whose answer counts, among the artist's accounts and the posts that the page names.
pub fn search_accounts(turn: &mut Turn, id: QueryId) {
    let Some(query) = turn.live(id) else { return };
    let work = final_work(query, id);
    begin_search(turn, id, work);
}

/// The search of what is stored of the query's accounts. Parts are looked for in those of the artist alone:
/// of the others, only what the page names counts, and only where it shows the artwork itself.
pub fn final_work(query: &Query, id: QueryId) -> Work {
    let artists = query.facts.accounts.iter().map(|account| account.key.clone()).collect();
    search_in(query, id, stored_of(query), Some(SearchScope::Accounts(artists)))
}

/// The search of what is stored of the query's accounts so far. It is repeated while they are indexed, so it
/// looks for whole images alone.
pub fn preview_work(query: &Query, id: QueryId) -> Work {
    search_in(query, id, stored_of(query), None)
}

/// The artist's accounts, and those of the posts that the page names.
fn stored_of(query: &Query) -> SearchScope {
    let facts = &query.facts;
    let artists = facts.accounts.iter().map(|account| &account.key);
    let authors = facts.named.authors.iter().map(|author| &author.key);
    let authors = authors.filter(|key| facts.accounts.iter().all(|account| account.key != **key));
    let accounts: Vec<AccountKey> = artists.chain(authors).cloned().collect();
    SearchScope::Accounts(accounts)
}

fn search_in(query: &Query, id: QueryId, scope: SearchScope, parts_in: Option<SearchScope>) -> Work {
    let (image, turned) = match &query.head.kind {
        Kind::Page => (QueryImage::Urls(query.facts.images.clone()), false),
        Kind::Image { image, turned, .. } => (image.clone(), *turned),
    };
    let of_page = matches!(query.head.kind, Kind::Page);
    let pages = query.facts.pages.clone();
    Work::SearchImage { query: id, image, scope, of_page, turned, pages, parts_in }
}

pub fn search(turn: &mut Turn, id: QueryId, scope: SearchScope) {
    let Some(query) = turn.live(id) else { return };
    let work = search_in(query, id, scope.clone(), Some(scope));
    begin_search(turn, id, work);
}

fn begin_search(turn: &mut Turn, id: QueryId, work: Work) {
    let item = enqueue(turn, id, work);
    enter(turn, id, Phase::Searching(Pickup::Queued(item)));
    following::notify(turn, id);
}

// ---- its end

pub fn fail(turn: &mut Turn, id: QueryId, code: FailureCode, why: String) {
    end(turn, id, Outcome::Failed { code, why, named: Vec::new() });
}

pub fn end(turn: &mut Turn, id: QueryId, outcome: Outcome) {
    if let Some(entry) = end_unwritten(turn, id, outcome) {
        turn.journal(entry);
    }
}

/// Ends the query here and now, whatever is under way for it. Returns what must be written down
/// before anybody is told; `None` for a direct search, of which nothing is.
pub fn cancel(turn: &mut Turn, id: QueryId, why: String) -> Option<JournalEntry> {
    abandon(turn, id, FailureCode::Cancelled, why)
}

/// The same, for another reason.
pub fn abandon(turn: &mut Turn, id: QueryId, code: FailureCode, why: String) -> Option<JournalEntry> {
    turn.drop_work(|owner| *owner == Owner::Query(id));
    for pending in turn.state.pending.values_mut() {
        if let Pending::SearchStart { query, .. }
        | Pending::SearchKnown { query, .. }
        | Pending::NamedPosts { query }
        | Pending::NamedPostStored { query } = pending
            && *query == id
        {
            *pending = Pending::Dropped;
        }
    }
    end_unwritten(turn, id, Outcome::Failed { code, why, named: Vec::new() })
}

/// Ends the query; what is left is to write that down, for a page's.
fn end_unwritten(turn: &mut Turn, id: QueryId, outcome: Outcome) -> Option<JournalEntry> {
    let query = turn.live(id)?;
    let is_artist = query.head.wanted.is_artist();
    let lacks_look_up = query.head.wanted == Wanted::Artist
        && query.facts.others.iter().any(|other| matches!(other.standing, Standing::Unasked { .. }));
    let kept = match &outcome {
        // A network that could not be asked may be asked soon.
        Outcome::Found { .. } if lacks_look_up => KEPT_AFTER_MISTAKE,
        Outcome::Found { .. } => KEPT_AFTER_SUCCESS,
        Outcome::Failed { code: FailureCode::Cancelled, .. } => KEPT_AFTER_CANCEL,
        Outcome::Failed { code, .. } if code.is_users_mistake() => KEPT_AFTER_MISTAKE,
        // The budget may be raised, or the day end.
        Outcome::Failed { code: FailureCode::ApiBudgetExhausted, .. } => KEPT_AFTER_MISTAKE,
        Outcome::Failed { .. } => KEPT_AFTER_FAILURE,
    };
    let (is_page, upload) = match &mut query.head.kind {
        Kind::Page => (true, None),
        Kind::Image { upload, .. } => (false, upload.take()),
    };
    let (client, started) = (query.head.origin.client.clone(), query.head.started);
    if let Outcome::Failed { code, .. } = &outcome {
        *turn.state.failures.entry(*code).or_default() += 1;
    }
    if let Outcome::Found { results, .. } = &outcome
        && is_page
        && !is_artist
    {
        note_lag(turn, id, results);
        remember_page(turn, id);
    }
    enter(turn, id, Phase::Ended(outcome));
    let measured = if is_artist { "query: artist" } else { "query: whole" };
    turn.state.metrics.record(measured, micros(turn.now.mono.since(started)));
    if turn.state.policy.results_log
        && !is_artist
        && let Some(view) = query_view(turn.state, id, turn.now)
    {
        turn.send_to_store(ToStorekeeper::NoteResult { view: Box::new(view) });
    }
    turn.state.limits.release(&client);
    if let Some(upload) = upload {
        turn.state.uploads = turn.state.uploads.saturating_sub(1);
        turn.effects.push(Effect::DropBlob(upload));
    }
    let entry = if is_page { deliveries::end_with_deliveries(turn, id) } else { None };
    if turn.state.queries.get(&id).is_some_and(|query| query.head.is_outdated) {
        make_outdated(turn.state, id);
    }
    turn.state.followers.remove(&id);
    turn.state.kept.keep(id, Party::of(&client), turn.now.mono, turn.now.mono.plus(kept));
    entry
}

/// How far the earliest post that shows the artwork lies from the date of its page.
fn note_lag(turn: &mut Turn, id: QueryId, results: &[ResultView]) {
    let State { queries, post_lags, .. } = &mut *turn.state;
    let Some(Query { facts, .. }) = queries.get(&id) else { return };
    let shown = results.iter().filter(|post| post.shows_artwork());
    let is_named = |post: &ResultView| facts.named.known.contains(&post.post);
    let earliest = |post: &&ResultView| (!is_named(post), post.published.is_none(), post.published);
    if let Some(post) = shown.min_by_key(earliest) {
        post_lags.note(facts.published, post.published, is_named(post));
    }
}

/// The page of a query that has its answer, and what its picture looks like.
fn remember_page(turn: &mut Turn, id: QueryId) {
    if !turn.state.policy.remember_pages {
        return;
    }
    let answered_at = turn.now.wall;
    let Some(Query { facts, .. }) = turn.state.queries.get(&id) else { return };
    // As its site names it: what was asked may hold what is nobody else's business.
    let Some((url, picture)) = facts.page_url.clone().zip(facts.picture.as_deref()) else { return };
    let Some(key) = query_key::page_key(&url, &Networks::default(), Wanted::Posts) else { return };
    let detail = Detail { trimmed: None, ..picture.detail.clone() };
    let fingerprint = picture.fingerprint;
    let accounts = facts.accounts.iter().chain(&facts.named.authors);
    let accounts = accounts.map(|account| account.key.clone()).collect();
    let page = AnsweredPage { url, fingerprint, detail, answered_at };
    let page = Box::new(NotedPage { key, page, accounts });
    turn.send_to_store(ToStorekeeper::NotePage { page });
}

/// Whoever asks for the same begins a new query: another one may have its names by now.
pub fn forget_names(state: &mut State, id: QueryId, head: &Head) {
    if state.query_keys.get(&head.key) == Some(&id) {
        state.query_keys.remove(&head.key);
    }
    if state.query_ids.get(&head.public_id) == Some(&id) {
        state.query_ids.remove(&head.public_id);
    }
}

/// People have said something that the query may not know. Who has asked for it sees its end; who asks for
/// its page afterwards begins it anew.
pub fn make_outdated(state: &mut State, id: QueryId) {
    let Some(query) = state.queries.get_mut(&id) else { return };
    query.head.is_outdated = true;
    if !query.is_live() && state.query_keys.get(&query.head.key) == Some(&id) {
        state.query_keys.remove(&query.head.key);
    }
}

/// Forgets a query that has ended.
pub fn forget(state: &mut State, id: QueryId) {
    if let Some(query) = state.queries.remove(&id) {
        forget_names(state, id, &query.head);
    }
    state.kept.forget(id);
    state.followers.remove(&id);
}

/// Forgets queries whose time is over, or that are too many. True if there were any.
pub fn forget_ended(turn: &mut Turn) -> bool {
    let state = &mut *turn.state;
    let mut forgotten = false;
    while let Some(id) = state.kept.take_due(turn.now.mono, state.policy.max_kept_queries) {
        forget(state, id);
        forgotten = true;
    }
    forgotten
}
