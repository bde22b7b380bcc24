//! Scans that somebody asks for by the account's name (`scan NAME`), and scans that an earlier broker had
//! begun.

use std::time::Duration;

use crate::base::ids::ScanId;
use crate::broker::books::items::Owner;
use crate::broker::books::party::Party;
use crate::broker::books::scan::{Running, ScanOutcome, journal_key};
use crate::broker::books::scan_request::{ScanRequest, ScanRequestState};
use crate::broker::rules::scans::{self, KEPT};
use crate::broker::rules::{admission, health};
use crate::broker::state::State;
use crate::broker::turn::Turn;
use crate::broker::vocabulary::{Asker, Effect, Now, Pending, ScanStart};
use crate::domain::accounts::{Account, LeftOutReason, Resolution, ResolutionOutcome};
use crate::domain::addresses::account_named;
use crate::domain::failure::FailureCode;
use crate::domain::scans::{Priority, Reach, Resumed};
use crate::proto::front::FrontAnswer;
use crate::proto::stage::{Answer, Question};
use crate::proto::view::{ScanState, ScanView};
use crate::proto::work::Work;
use crate::storekeeper::orders::JournalEntry;

/// A request that failed is tried anew when it is made again after this.
const FAILURE_SHOWN: Duration = Duration::from_secs(5);
/// The end of a scan is shown for this long; then a further `scan` scans anew.
const END_SHOWN: Duration = Duration::from_secs(60);

/// `scan NAME`: starts it, or shows the one that runs or has ended lately. `whole`: all posts are to be
/// listed.
pub fn ask(turn: &mut Turn, asker: Asker, name: &str, whole: bool) {
    let account = match account_named(name) {
        Ok(account) => account,
        Err(why) => {
            return turn.refuse_because(asker, FailureCode::InvalidTwitterAccount, why.to_owned());
        }
    };
    // One account is one request, however it is named.
    let handle = account.name().to_owned();
    if !is_shown(turn.state, &handle, whole, turn.now) {
        let network = std::iter::once(account.network());
        if let Some((code, detail)) = admission::look_up_refused(turn.state, network, turn.now) {
            return turn.refuse_because(asker, code, detail);
        }
        if let Some(why) = health::why_not_now(turn.state) {
            return turn.answer(asker, FrontAnswer::NotNow { why });
        }
        let request = ScanRequest { state: ScanRequestState::Resolving, whole, since: turn.now.mono };
        turn.state.scan_requests.insert(handle.clone(), request);
        let work = Work::Resolve { refs: vec![account] };
        turn.enqueue(Owner::ScanRequest(handle.clone()), work, Priority::User, 0);
    }
    match view(turn.state, &handle, turn.now) {
        Some(view) => turn.answer(asker, FrontAnswer::Scan(view)),
        None => turn.contradiction("a scan that was asked for cannot be shown"),
    }
}

/// Whether such a request is answered with what is there: one under way, or one that has ended a moment ago.
fn is_shown(state: &mut State, handle: &str, whole: bool, now: Now) -> bool {
    let Some(request) = state.scan_requests.get_mut(handle) else { return false };
    if whole && !request.whole {
        // One that has not begun yet can still become whole.
        request.whole = matches!(request.state, ScanRequestState::Resolving);
        return request.whole;
    }
    match &request.state {
        ScanRequestState::Resolving => true,
        ScanRequestState::Failed { .. } => now.mono.since(request.since) <= FAILURE_SHOWN,
        ScanRequestState::Scan(id) => state.scans.get(id).is_some_and(|scan| {
            let is_cancelled =
                matches!(scan.outcome(), Some(ScanOutcome::Failed { code: FailureCode::Cancelled, .. }));
            let shown = if is_cancelled { FAILURE_SHOWN } else { END_SHOWN };
            scan.ended().is_none_or(|at| now.mono.since(at) <= shown)
        }),
    }
}

pub fn on_resolved(turn: &mut Turn, handle: String, resolutions: Vec<Resolution>) {
    let code = FailureCode::InvalidTwitterAccount;
    match resolutions.into_iter().next().map(|resolution| resolution.outcome) {
        Some(ResolutionOutcome::Readable(account)) => {
            if let Some(reason) = turn.state.why_left_out(&account) {
                let why = reason.why();
                turn.note_blocked(&account, format!("scan {handle}"), why);
                return on_failed(turn, &handle, code, format!("the account {why}"));
            }
            let whole = turn.state.scan_requests.get(&handle).is_some_and(|request| request.whole);
            let handle = Some(handle);
            let (reach, priority, resumed) = (Reach::Whole, Priority::User, Resumed::default());
            let start = ScanStart { handle, account, reach, priority, resumed, whole };
            ask_where_it_starts(turn, start);
        }
        outcome => {
            let outcome = outcome.unwrap_or(ResolutionOutcome::Missing);
            let why = outcome.refusal().unwrap_or_default();
            on_failed(turn, &handle, code, format!("the account {why}"));
        }
    }
}

pub fn on_failed(turn: &mut Turn, handle: &str, code: FailureCode, why: String) {
    set_state(turn, handle, ScanRequestState::Failed { code, why });
}

fn set_state(turn: &mut Turn, handle: &str, state: ScanRequestState) {
    match turn.state.scan_requests.get_mut(handle) {
        Some(request) => request.state = state,
        None => turn.contradiction("a scan was looked up that nobody asked for"),
    }
}

/// A scan that an earlier broker had begun goes on.
pub fn resume(turn: &mut Turn, account: Account, reach: Reach, priority: Priority, resumed: Resumed) {
    if turn.state.forgotten.names_account(&account.key) {
        return turn.journal(JournalEntry::Ended { key: journal_key(&account.key, reach) });
    }
    ask_where_it_starts(turn, ScanStart { handle: None, account, reach, priority, resumed, whole: false });
}

/// Asks the database where a scan starts.
fn ask_where_it_starts(turn: &mut Turn, start: ScanStart) {
    let question = Question::AccountStates(vec![start.account.key.clone()]);
    turn.ask_store(Pending::ScanStart(Box::new(start)), question);
}

/// The database told where a scan starts, or could not.
pub fn on_start_known(turn: &mut Turn, start: ScanStart, answer: Answer) {
    let ScanStart { handle, account, reach, priority, mut resumed, whole } = start;
    if turn.state.forgotten.names_account(&account.key) {
        // Since the database was asked.
        if let Some(handle) = handle {
            let why = format!("the account {}", LeftOutReason::Forgotten.why());
            on_failed(turn, &handle, FailureCode::InvalidTwitterAccount, why);
        }
        return;
    }
    let subject = (account.key.clone(), reach);
    let state = match answer {
        Answer::AccountStates(states) => states.into_iter().next(),
        _ => None,
    };
    match (state, handle) {
        (Some(mut state), handle) => {
            if whole {
                match (lists_anew(turn.state, &account), handle.as_deref()) {
                    (Some(false), Some(handle)) => {
                        let why = "its scan is under way already, and lists only what is new: ask for all of it \
                            when that has ended";
                        return on_failed(turn, handle, FailureCode::ProcessingError, why.to_owned());
                    }
                    (Some(_), _) => {}
                    (None, _) => {
                        turn.state.resumed_scans.remove(&subject);
                        scans::forget_cursor(turn, &mut state);
                    }
                }
            }
            // Unless its cursor is in the database, posts of it may be missing there.
            resumed.searched = resumed.searched.filter(|ended| ended.until == state.search_cursor);
            if resumed != Resumed::default() {
                turn.state.resumed_scans.insert(subject, resumed);
            }
            let id = scans::start(turn, account, state, reach, priority, None);
            if let Some(handle) = handle {
                turn.state.share_scan(id, &Party::Exempt);
                set_state(turn, &handle, ScanRequestState::Scan(id));
            }
        }
        (None, Some(handle)) => {
            let why = "the database could not be read".to_owned();
            on_failed(turn, &handle, FailureCode::ProcessingError, why);
        }
        // A resumed scan: listing everything anew is dear, so it is not started blind. It stays in
        // the journal; a query that needs it asks again.
        (None, None) => turn.effects.push(Effect::WorkFailed {
            work: format!("resume the scan of {}", account.key),
            why: "the database could not be read".to_owned(),
        }),
    }
}

/// Whether the scan of the account that is under way, if one is, lists it from its beginning.
fn lists_anew(state: &State, account: &Account) -> Option<bool> {
    let subject = (account.key.clone(), Reach::Whole);
    let running = state.running_scans.get(&subject).and_then(|id| state.scans.get(id)?.running());
    running.map(Running::lists_anew)
}

/// How a scan that somebody asked for is shown, by the name that it was asked for.
pub fn view(state: &State, handle: &str, now: Now) -> Option<ScanView> {
    match &state.scan_requests.get(handle)?.state {
        ScanRequestState::Resolving => Some(bare_view(handle, ScanState::Resolving)),
        ScanRequestState::Failed { code, why } => {
            Some(bare_view(handle, ScanState::Failed { code: *code, detail: why.clone() }))
        }
        ScanRequestState::Scan(id) => view_of_scan(state, *id, Some(handle), now),
    }
}

/// How a scan is shown; under the account's own name where no other is given.
pub fn view_of_scan(state: &State, id: ScanId, handle: Option<&str>, now: Now) -> Option<ScanView> {
    let scan = state.scans.get(&id)?;
    let account = &scan.head.account;
    let shown = match scan.outcome() {
        None if admission::waits_for_budget(state, id) => {
            ScanState::Deferred { detail: admission::why_deferred(state, id, now).1 }
        }
        None => ScanState::Running,
        Some(ScanOutcome::Done) => ScanState::Done,
        Some(ScanOutcome::Failed { code, why }) => ScanState::Failed { code: *code, detail: why.clone() },
    };
    let elapsed = scan.ended().unwrap_or(now.mono).since(scan.head.started);
    Some(ScanView {
        account: Some(account.key.clone()),
        posts_listed: scan.head.listed,
        posts_indexed: scan.head.indexed,
        still_listing: scan.is_listing(),
        posts_total: account.posts,
        elapsed_ms: u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX),
        ..bare_view(handle.unwrap_or(&account.handle), shown)
    })
}

/// A scan that was cancelled before it had begun.
pub fn cancelled_view(handle: &str, why: &str) -> ScanView {
    bare_view(handle, ScanState::Failed { code: FailureCode::Cancelled, detail: why.to_owned() })
}

fn bare_view(handle: &str, state: ScanState) -> ScanView {
    ScanView {
        handle: handle.to_owned(),
        account: None,
        state,
        posts_listed: 0,
        posts_indexed: 0,
        still_listing: false,
        posts_total: None,
        elapsed_ms: 0,
    }
}

/// Drops requests that failed long ago, or whose scan is gone.
pub fn forget_ended(state: &mut State, now: Now) {
    let scans = &state.scans;
    state.scan_requests.retain(|_, request| match &request.state {
        ScanRequestState::Resolving => true,
        ScanRequestState::Scan(id) => scans.contains_key(id),
        ScanRequestState::Failed { .. } => now.mono.since(request.since) < KEPT,
    });
}
