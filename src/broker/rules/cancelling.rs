//! Queries, searches and scans that somebody wants no more. They end at once with `CANCELLED`: what
//! waits for a worker is dropped, workers leave what they have, and what they report of it still is
//! dropped. What is stored stays, and so does what was billed.
//!
//! Whoever cancels is answered when the end is written down, so that nothing that was cancelled
//! comes back after a crash.

use crate::base::ids::{QueryId, ScanId};
use crate::broker::books::items::Owner;
use crate::broker::books::query_key::{is_about_page, page_key, search_key};
use crate::broker::books::scan::journal_key;
use crate::broker::books::scan_request::ScanRequestState;
use crate::broker::rules::{health, indexing, query_steps, scan_requests, scans, submissions};
use crate::broker::turn::Turn;
use crate::broker::vocabulary::{Asker, Pending};
use crate::domain::accounts::{Account, AccountRef};
use crate::domain::addresses::account_named;
use crate::domain::failure::FailureCode;
use crate::domain::wanted::Wanted;
use crate::proto::front::FrontAnswer;
use crate::proto::view::ScanView;
use crate::storekeeper::orders::{JournalEntry, ToStorekeeper};

/// What the scan of an account that was cancelled itself says.
const WHY: &str = "The scan was cancelled.";

/// `cancel WHAT`: a query by its id or its page, a search by its identifier, or the scan of an
/// account.
pub fn ask(turn: &mut Turn, asker: Asker, what: &str) {
    let what = what.trim();
    if let Some(query) = query_of_id(turn, what) {
        return cancel_query(turn, asker, query);
    }
    if let Some(query) = take_queries_of_page(turn, what) {
        return cancel_query(turn, asker, query);
    }
    if let Ok(account) = account_named(what)
        && cancel_scan(turn, asker, &account)
    {
        return;
    }
    let why = "Nothing of that name is under way: give a query's id or its page's address, a search's \
        identifier, or the name of an account that is being scanned.";
    turn.refuse_because(asker, FailureCode::NoSuchRequest, why.to_owned());
}

/// A query or a search by its id alone.
pub fn ask_by_id(turn: &mut Turn, asker: Asker, id: &str) {
    match query_of_id(turn, id) {
        Some(query) => cancel_query(turn, asker, query),
        None => turn.refuse(asker, FailureCode::NoSuchRequest),
    }
}

fn query_of_id(turn: &Turn, id: &str) -> Option<QueryId> {
    let ids = &turn.state.query_ids;
    ids.get(id).or_else(|| turn.state.query_keys.get(&search_key(id))).copied()
}

/// The query of this page. Where there are several, about other networks or for the artist alone, all but the
/// last are cancelled already.
fn take_queries_of_page(turn: &mut Turn, url: &str) -> Option<QueryId> {
    let page = page_key(url, &Default::default(), Wanted::Posts)?;
    let of_page = turn.state.query_keys.iter().filter(|(key, _)| is_about_page(key, &page));
    let mut of_page: Vec<QueryId> = of_page.map(|(_, query)| *query).collect();
    // Those that have ended first: the answer is about one that was under way, if one was.
    of_page.sort_unstable_by_key(|id| (turn.live(*id).is_some(), *id));
    let last = of_page.pop();
    for query in of_page {
        if let Some(entry) = end_query(turn, query) {
            turn.journal(entry);
        }
    }
    last
}

/// One that has ended stays as it is, which the answer shows.
fn cancel_query(turn: &mut Turn, asker: Asker, id: QueryId) {
    match end_query(turn, id) {
        Some(entry) => submissions::answer_once_written(turn, asker, id, entry),
        None => submissions::answer_when_written(turn, asker, id),
    }
    // Where nothing can be written down now, that is said; the end holds, and is written down later.
    health::turn_away_who_waits(turn);
}

/// Ends a query, and those of its scans that nobody else wants. Their ends are written down before
/// the query's.
fn end_query(turn: &mut Turn, id: QueryId) -> Option<JournalEntry> {
    let its_scans = turn.live(id)?.facts.scans.clone();
    let mut stopped = Vec::new();
    let mut left = Vec::new();
    for scan in its_scans {
        let handle = handle_of(turn, scan);
        if scans::leave(turn, scan, id)
            && let Some((entry, _)) =
                scans::cancel(turn, scan, "The query it was for was cancelled.".to_owned())
        {
            turn.journal(entry);
            stopped.extend(handle);
        } else if turn.state.scans.get(&scan).is_some_and(|scan| scan.running().is_some()) {
            left.extend(handle);
        }
    }
    let mut why = FailureCode::Cancelled.explanation().to_owned();
    if !stopped.is_empty() {
        why += &format!(" So was the scan of {}.", stopped.join(", "));
    }
    if !left.is_empty() {
        why += &format!(" The scan of {} goes on, since it is wanted otherwise.", left.join(", "));
    }
    query_steps::cancel(turn, id, why)
}

fn handle_of(turn: &Turn, scan: ScanId) -> Option<String> {
    turn.state.scans.get(&scan).map(|scan| format!("@{}", scan.head.account.handle))
}

/// Cancels the scan of this account, wherever it is, and those of its windows. False if there is none.
fn cancel_scan(turn: &mut Turn, asker: Asker, account: &AccountRef) -> bool {
    let why = WHY;
    let running = turn.state.running_scans.values().copied();
    let mut running: Vec<ScanId> = running
        .filter(|id| turn.state.scans.get(id).is_some_and(|scan| is_named(&scan.head.account, account)))
        .collect();
    running.sort_unstable();
    if let Some(first) = running.first().copied() {
        let cancelled: Vec<_> =
            running.into_iter().filter_map(|scan| scans::cancel(turn, scan, why.to_owned())).collect();
        let (mut entries, woken): (Vec<_>, Vec<_>) = cancelled.into_iter().unzip();
        let Some(last) = entries.pop() else { return false };
        entries.into_iter().for_each(|entry| turn.journal(entry));
        let view = scan_requests::view_of_scan(turn.state, first, None, turn.now);
        let view = view.unwrap_or_else(|| scan_requests::cancelled_view(account.name(), why));
        answer_once_written(turn, asker, view, last);
        woken.into_iter().for_each(|woken| indexing::on_woken(turn, woken));
        return true;
    }
    let name = account.name().to_owned();
    let (is_starting, mut resumed) = drop_start(turn, account);
    let is_looked_up = drop_request(turn, &name, why);
    let view = scan_requests::cancelled_view(&name, why);
    let last = resumed.pop();
    resumed.into_iter().for_each(|entry| turn.journal(entry));
    match last {
        Some(entry) => answer_once_written(turn, asker, view, entry),
        // Nothing of it was written down.
        None if is_starting || is_looked_up => turn.answer(asker, FrontAnswer::Scan(view)),
        None => return false,
    }
    true
}

fn answer_once_written(turn: &mut Turn, asker: Asker, view: ScanView, entry: JournalEntry) {
    let ticket = turn.expect(Pending::ScanCancelled { asker, view: Box::new(view) });
    turn.send_to_store(ToStorekeeper::Journal { ticket, entry });
    health::turn_away_who_waits(turn);
}

/// Drops the scans of this account that the database was asked where to start. True if there were
/// any; the ends of those that an earlier broker had begun, which are to be written down.
pub fn drop_start(turn: &mut Turn, account: &AccountRef) -> (bool, Vec<JournalEntry>) {
    let (mut found, mut resumed) = (false, Vec::new());
    let mut requests = Vec::new();
    for pending in turn.state.pending.values_mut() {
        let Pending::ScanStart(start) = pending else { continue };
        if !is_named(&start.account, account) {
            continue;
        }
        found = true;
        match start.handle.take() {
            Some(handle) => requests.push(handle),
            None => resumed.push(JournalEntry::Ended { key: journal_key(&start.account.key, start.reach) }),
        }
        *pending = Pending::Dropped;
    }
    // Under whatever name it was asked for.
    for handle in requests {
        drop_request(turn, &handle, WHY);
    }
    (found, resumed)
}

/// Drops a request that has not become a scan yet.
fn drop_request(turn: &mut Turn, name: &str, why: &str) -> bool {
    let now = turn.now.mono;
    let Some(request) = turn.state.scan_requests.get_mut(name) else { return false };
    if !matches!(request.state, ScanRequestState::Resolving) {
        return false;
    }
    request.state = ScanRequestState::Failed { code: FailureCode::Cancelled, why: why.to_owned() };
    request.since = now;
    turn.drop_work(|owner| matches!(owner, Owner::ScanRequest(handle) if handle == name));
    true
}

fn is_named(account: &Account, by: &AccountRef) -> bool {
    match by {
        AccountRef::Id(key) => account.key == *key,
        AccountRef::Handle { network, handle } => {
            account.key.network == *network && account.handle.eq_ignore_ascii_case(handle)
        }
    }
}
