//! A front submits a page or an image: it joins a known query, or becomes a new one, or is turned away. And
//! what an earlier broker had accepted is begun again.

use crate::base::ids::{Networks, QueryId};
use crate::broker::books::query::{Kind, Origin, Query};
use crate::broker::books::query_key::{key_of_no_url, page_key, search_key};
use crate::broker::rules::views::query_view;
use crate::broker::rules::{artist, deliveries, following, health, queries, query_steps};
use crate::broker::state::State;
use crate::broker::turn::Turn;
use crate::broker::vocabulary::{Asker, Effect, Pending};
use crate::domain::accounts::AccountRef;
use crate::domain::addresses::account_named;
use crate::domain::failure::FailureCode;
use crate::domain::wanted::Wanted;
use crate::proto::front::{Client, FrontAnswer, MAX_URL_CHARS};
use crate::proto::view::QueryView;
use crate::storekeeper::orders::{JournalEntry, ToStorekeeper};

/// Uploaded images that wait in memory at once (20 MiB each at most).
const MAX_UPLOADS: usize = 16;

/// An artwork's page, and what is wanted of it. `webhook`: who gets the final answer.
pub fn submit_page(
    turn: &mut Turn,
    asker: Asker,
    url: &str,
    wanted: Wanted,
    webhook: Option<String>,
    origin: Origin,
) {
    let url = url.trim();
    if url.is_empty() {
        return turn.refuse(asker, FailureCode::NoUrlField);
    }
    if url.chars().count() > MAX_URL_CHARS {
        return turn.refuse(asker, FailureCode::UrlTooLong);
    }
    let page = page_key(url, &origin.networks, wanted);
    let is_url = page.is_some();
    let key = page.unwrap_or_else(|| key_of_no_url(url, wanted));
    if let Some(query) = turn.state.query_keys.get(&key).copied() {
        turn.state.kept.asked(query, turn.now.mono);
        return match webhook.and_then(|webhook| deliveries::add_webhook(turn, query, webhook)) {
            Some(entry) => answer_once_written(turn, asker, query, entry),
            None => answer_when_written(turn, asker, query),
        };
    }
    if let Some(view) = known_otherwise(turn, url, &origin.networks, wanted) {
        return turn.answer(asker, FrontAnswer::Query(view));
    }
    if let Some(why) = health::why_not_now(turn.state) {
        return turn.answer(asker, FrontAnswer::NotNow { why });
    }
    if is_overloaded(turn.state, &origin.client) {
        return turn.answer(asker, FrontAnswer::Overloaded);
    }
    if !admit(turn.state, &origin.client) {
        return turn.refuse(asker, FailureCode::YourIpHasMaxProcessingRequests);
    }
    let id = queries::add(turn, url.to_owned(), key, Kind::Page, origin);
    if let Some(query) = turn.live(id) {
        query.head.webhooks.extend(webhook);
        query.head.wanted = wanted;
    }
    if !is_url {
        let code = FailureCode::NotAnUrl;
        query_steps::fail(turn, id, code, code.explanation().to_owned());
        return show(turn, asker, id);
    }
    queries::find_links(turn, id);
    if let Some(entry) = turn.live(id).map(|query| query.accepted()) {
        answer_once_written(turn, asker, id, entry);
    }
}

/// The query for a page as far as there is one, which is what those who only look are shown.
pub fn show_known_page(turn: &mut Turn, asker: Asker, url: &str, wanted: Wanted, networks: &Networks) {
    let url = url.trim();
    let key = page_key(url, networks, wanted).unwrap_or_else(|| key_of_no_url(url, wanted));
    if let Some(query) = turn.state.query_keys.get(&key).copied() {
        turn.state.kept.asked(query, turn.now.mono);
        return answer_when_written(turn, asker, query);
    }
    match known_otherwise(turn, url, networks, wanted) {
        Some(view) => turn.answer(asker, FrontAnswer::Query(view)),
        None => turn.refuse(asker, FailureCode::NoSuchRequest),
    }
}

/// What another query for the page knows already.
fn known_otherwise(turn: &mut Turn, url: &str, networks: &Networks, wanted: Wanted) -> Option<QueryView> {
    let (query, view) = artist::known_otherwise(turn.state, url, networks, wanted, turn.now)?;
    turn.state.kept.asked(query, turn.now.mono);
    Some(view)
}

/// An image, to be searched directly: everywhere, or in the account of this name.
pub fn submit_image(turn: &mut Turn, asker: Asker, kind: Kind, account_name: Option<&str>, origin: Origin) {
    let upload = match kind {
        Kind::Image { upload, .. } => upload,
        Kind::Page => None,
    };
    let networks = &origin.networks;
    let account = account_name.map(account_named).transpose().map_err(str::to_owned);
    let account = account.and_then(|account| match account {
        Some(account) if !networks.have_any(account.may_be_on()) => {
            Err(format!("{account} is on {}, the search is about {networks} alone", account.network()))
        }
        account => Ok(account),
    });
    match admit_image(turn.state, upload.is_some(), account, &origin.client) {
        Ok(account) => {
            turn.state.uploads += usize::from(upload.is_some());
            let identifier = new_identifier(turn.state);
            let id = queries::add(turn, identifier.clone(), search_key(&identifier), kind, origin);
            queries::search_directly(turn, id, account);
            show(turn, asker, id);
        }
        Err(refusal) => {
            turn.effects.extend(upload.map(Effect::DropBlob));
            turn.answer(asker, *refusal);
        }
    }
}

fn admit_image(
    state: &mut State,
    is_upload: bool,
    account: Result<Option<AccountRef>, String>,
    client: &Client,
) -> Result<Option<AccountRef>, Box<FrontAnswer>> {
    let code = FailureCode::YourIpHasMaxProcessingRequests;
    if is_upload && state.uploads >= MAX_UPLOADS {
        let detail = format!("{MAX_UPLOADS} uploaded images are being searched; try again soon");
        return Err(Box::new(FrontAnswer::Refused { code, detail }));
    }
    if is_overloaded(state, client) {
        return Err(Box::new(FrontAnswer::Overloaded));
    }
    let account = account.map_err(|detail| {
        let code = FailureCode::InvalidTwitterAccount;
        Box::new(FrontAnswer::Refused { code, detail })
    })?;
    if !admit(state, client) {
        return Err(Box::new(FrontAnswer::Refused { code, detail: code.explanation().to_owned() }));
    }
    Ok(account)
}

/// True when there is no room for one more query of a stranger. Who is exempt from limits is from this too.
fn is_overloaded(state: &State, client: &Client) -> bool {
    *client != Client::Exempt && state.limits.total() >= state.policy.max_processing_requests
}

/// Counts one more request of this client, unless it has as many in progress as it may.
fn admit(state: &mut State, client: &Client) -> bool {
    state.limits.admit(client, state.policy.max_processing_requests_per_ip)
}

/// Unguessable: the number is mixed with a salt that only this run knows (SplitMix64's finisher).
fn new_identifier(state: &mut State) -> String {
    let number = state.next_number();
    let mut mixed = state.policy.salt ^ number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    format!("{:016x}{number:x}", mixed ^ (mixed >> 31))
}

/// Starts a query that was accepted before the broker was restarted.
pub fn resume_page(
    turn: &mut Turn,
    url: String,
    wanted: Wanted,
    webhooks: Vec<String>,
    origin: Origin,
    deaths: u32,
) {
    let Some(key) = page_key(&url, &origin.networks, wanted) else {
        return turn.contradiction("a query was accepted of what is no URL");
    };
    // The journal may know one page under two keys, where an older version normalized less.
    if turn.state.query_keys.contains_key(&key) {
        return;
    }
    turn.state.limits.admit_again(&origin.client);
    let id = queries::add(turn, url, key, Kind::Page, origin);
    if let Some(query) = turn.live(id) {
        query.head.webhooks.extend(webhooks);
        query.head.wanted = wanted;
        query.head.deaths = deaths;
    }
    queries::find_links(turn, id);
    following::notify(turn, id);
}

/// Starts a query that this program wants for itself. It is written down like any other: others may join it,
/// and are told that it is under way.
pub fn begin_for_house(turn: &mut Turn, url: String, key: &str, wanted: Wanted, origin: Origin) {
    resume_page(turn, url, wanted, Vec::new(), origin, 0);
    let Some(id) = turn.state.query_keys.get(key).copied() else { return };
    if let Some(entry) = turn.live(id).map(|query| query.accepted()) {
        write_down(turn, Vec::new(), id, entry);
    }
}

// ---- what its asker is told

/// "Accepted" is said only once it is written down.
pub fn answer_once_written(turn: &mut Turn, asker: Asker, query: QueryId, entry: JournalEntry) {
    write_down(turn, vec![asker], query, entry);
}

fn write_down(turn: &mut Turn, askers: Vec<Asker>, query: QueryId, entry: JournalEntry) {
    let ticket = turn.expect(Pending::Accepted { askers, query });
    if let Some(query) = turn.state.queries.get_mut(&query) {
        query.head.being_written = Some(ticket);
    }
    turn.send_to_store(ToStorekeeper::Journal { ticket, entry });
}

/// Answers with the state of a query, once its acceptance is written down: whoever was told of it finds it
/// again after a crash.
pub fn answer_when_written(turn: &mut Turn, asker: Asker, id: QueryId) {
    let ticket = turn.state.queries.get(&id).and_then(|query| query.head.being_written);
    match ticket.and_then(|ticket| turn.state.pending.get_mut(&ticket)) {
        Some(Pending::Accepted { askers, .. }) => {
            askers.push(asker);
            health::turn_away_who_waits(turn);
        }
        Some(_) | None => show(turn, asker, id),
    }
}

/// Answers with the state of a query.
pub fn show(turn: &mut Turn, asker: Asker, id: QueryId) {
    let kind = turn.state.queries.get(&id).map(|Query { head, .. }| &head.kind);
    let answer = match (query_view(turn.state, id, turn.now), kind) {
        (None, _) => return turn.refuse(asker, FailureCode::NoSuchRequest),
        (Some(view), Some(Kind::Image { .. })) => {
            FrontAnswer::Search { identifier: view.subject.clone(), view }
        }
        (Some(view), _) => FrontAnswer::Query(view),
    };
    turn.answer(asker, answer);
}
