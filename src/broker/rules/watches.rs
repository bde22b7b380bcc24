//! Watches: artists whose new posts somebody wants to hear of. They are begun, listed and ended; their accounts
//! are found out, looked up now and then, and listed by plan; whatever is stored of them is told to the fronts,
//! whose feeds change by it, and to the watch's webhook.
//!
//! An account that was scanned whole is listed from its cursors on. Of any other only the time of the watch is
//! listed, as windows, and not all that was posted before.

use std::time::Duration;

use crate::base::Timestamp;
use crate::base::ids::{AccountKey, ImageId, Networks, QueryId};
use crate::broker::books::items::Owner;
use crate::broker::books::query::{Facts, Origin, Outcome, Phase, Query};
use crate::broker::books::query_key::page_key;
use crate::broker::books::scan::ScanOutcome;
use crate::broker::books::watches::{Errand, Telling, Watched};
use crate::broker::rules::{admission, scans, submissions};
use crate::broker::state::State;
use crate::broker::turn::Turn;
use crate::broker::vocabulary::{Asker, Effect, Pending};
use crate::domain::accounts::{
    Account, AccountRef, AccountState, LeftOutReason, Resolution, ResolutionOutcome, Standing,
};
use crate::domain::failure::FailureCode;
use crate::domain::forgotten::Subject as Forgotten;
use crate::domain::scans::{CoveredWindow, Priority, Reach, Window};
use crate::domain::wanted::Wanted;
use crate::domain::watches::{FeedEntry, MAX_ACCOUNTS, Subject, Watch, WatchId, WatchedAccount};
use crate::proto::MAX_MESSAGE_BYTES;
use crate::proto::front::{BrokerToFront, Client, FrontAnswer, WatchOrder, WatchView, WatchesAnswer};
use crate::proto::stage::{Answer, Question};
use crate::proto::work::{WatchedPost, Work};

/// Of an account that was never scanned whole, so much from before the watch is listed too: a feed that
/// begins empty tells nobody whether it works.
const LISTED_BEFORE: Duration = Duration::from_secs(7 * 24 * 3600);
/// What was listed last is listed once more: networks take a while until a new post is in their lists.
const OVERLAP: Duration = Duration::from_secs(600);
/// Parts of an account that one round lists. More are the next one's.
const MOST_PARTS: usize = 4;
/// Names change, and accounts go, seldom; X bills each look-up.
const LOOK_UP_EVERY: Duration = Duration::from_secs(7 * 24 * 3600);
/// So soon again where a network bills for nothing and the account could not be read, or be listed.
const LOOK_UP_AGAIN: Duration = Duration::from_secs(24 * 3600);
/// While the network is lost, the round is put off by this.
const LOOK_AGAIN: Duration = Duration::from_secs(60);

// ---- what people ask

pub fn ask(turn: &mut Turn, asker: Asker, order: WatchOrder) {
    match order {
        WatchOrder::Begin { id, who, subject, webhook } => begin(turn, asker, id, who, &subject, webhook),
        WatchOrder::List { who, after } => {
            let answer = list(turn.state, who.as_deref(), after);
            tell(turn, asker, answer);
        }
        WatchOrder::End { who, id } => match turn.state.watches.get(id) {
            Some(watched) if who.is_none_or(|who| who == watched.watch.who) => {
                turn.ask_store(Pending::WatchEnded { asker, id }, Question::EndWatch(id));
            }
            Some(_) | None => tell(turn, asker, WatchesAnswer::Unknown),
        },
    }
}

fn tell(turn: &mut Turn, asker: Asker, answer: WatchesAnswer) {
    turn.answer(asker, FrontAnswer::Watches(answer));
}

fn begin(turn: &mut Turn, asker: Asker, id: WatchId, who: String, subject: &str, webhook: Option<String>) {
    let wrong = |turn: &mut Turn, why: String| tell(turn, asker, WatchesAnswer::Wrong { why });
    let meant = match Subject::named(subject) {
        Ok(meant) => meant,
        Err(why) => return wrong(turn, why),
    };
    if let Subject::Account(account) = &meant
        && turn.state.forgotten.names_ref(account)
    {
        return wrong(turn, format!("{account} {}", LeftOutReason::Forgotten.why()));
    }
    let of_theirs = || turn.state.watches.after(None).filter(|known| known.watch.who == who);
    let is_same =
        |known: &&Watched| known.watch.webhook == webhook && known.watch.meant().as_ref() == Some(&meant);
    let known = of_theirs().find(is_same).map(view);
    let theirs = of_theirs().count();
    if let Some(watch) = known {
        return tell(turn, asker, WatchesAnswer::Begun { watch, is_new: false });
    }
    if let Some(name) = webhook.as_ref().filter(|name| !turn.state.policy.webhooks.contains(name)) {
        return wrong(turn, format!("there is no webhook {name:?} here ([[webhooks]] names them)"));
    }
    let policy = &turn.state.policy;
    if turn.state.watches.len() >= policy.max_watches {
        let why = format!(
            "{} watches are kept here, which is as many as may be (watches.most): end one first",
            policy.max_watches
        );
        return wrong(turn, why);
    }
    if theirs >= policy.max_watches_per_key {
        let why = format!(
            "{who} has {theirs} watches, which is as many as one may have (watches.most_per_key): end one first"
        );
        return wrong(turn, why);
    }
    let subject = subject.trim().to_owned();
    let began = turn.now.wall;
    let watch = Watch { id, subject, who, began, webhook, told: ImageId(0), accounts: Vec::new() };
    let question = Question::KeepWatch(Box::new(watch.clone()));
    turn.ask_store(Pending::WatchBegun { asker, watch: Box::new(watch) }, question);
}

pub fn on_begun(turn: &mut Turn, asker: Asker, watch: Watch, answer: Answer) {
    if answer != Answer::Done {
        return not_now(turn, asker, answer);
    }
    let id = watch.id;
    turn.state.watches.add(Watched::new(watch, turn.now.mono));
    look_at(turn, id);
    if let Some(watched) = turn.state.watches.get(id) {
        let answer = WatchesAnswer::Begun { watch: view(watched), is_new: true };
        tell(turn, asker, answer);
    }
}

pub fn on_ended(turn: &mut Turn, asker: Asker, id: WatchId, answer: Answer) {
    if answer != Answer::Done {
        return not_now(turn, asker, answer);
    }
    match turn.state.watches.remove(id) {
        Some(Watched { watch, .. }) => {
            turn.drop_work(|owner| *owner == Owner::Watch(id));
            changed(turn, Some(id));
            tell(turn, asker, WatchesAnswer::Ended(watch));
        }
        None => tell(turn, asker, WatchesAnswer::Unknown),
    }
}

fn list(state: &State, who: Option<&str>, after: Option<WatchId>) -> WatchesAnswer {
    /// Of a view beside its watch.
    const NUMBERS: usize = 16;
    let mut bytes = 1024;
    let mut theirs =
        state.watches.after(after).filter(|known| who.is_none_or(|who| known.watch.who == who)).peekable();
    let mut watches: Vec<WatchView> = Vec::new();
    while let Some(watched) = theirs.peek() {
        bytes += watched.watch.len_bytes() + watched.problem.as_ref().map_or(0, String::len) + NUMBERS;
        if bytes > MAX_MESSAGE_BYTES && !watches.is_empty() {
            break;
        }
        watches.extend(theirs.next().map(view));
    }
    WatchesAnswer::List { watches, more: theirs.peek().is_some() }
}

fn view(watched: &Watched) -> WatchView {
    let is_looked_up = watched.errand != Errand::None && watched.watch.accounts.is_empty();
    WatchView { watch: watched.watch.clone(), is_looked_up, problem: watched.problem.clone() }
}

fn not_now(turn: &mut Turn, asker: Asker, answer: Answer) {
    let why = match answer {
        Answer::Unavailable(why) => why,
        _ => "it gave another answer than was asked for".to_owned(),
    };
    turn.answer(asker, FrontAnswer::NotNow { why: format!("the database cannot answer: {why}") });
}

/// A front asks for a feed.
pub fn ask_feed(turn: &mut Turn, asker: Asker, id: WatchId, skip: u32) {
    turn.state.watches.fronts.insert(asker.front);
    match turn.state.watches.get(id) {
        Some(watched) => {
            let accounts = listed(turn.state, &watched.watch);
            turn.ask_store(Pending::FeedRead { asker, watch: id, skip }, Question::Feed { accounts, skip });
        }
        None => tell(turn, asker, WatchesAnswer::Unknown),
    }
}

pub fn on_feed_read(turn: &mut Turn, asker: Asker, id: WatchId, skip: u32, answer: Answer) {
    let Answer::Feed { mut entries, more } = answer else { return not_now(turn, asker, answer) };
    let Some(watched) = turn.state.watches.get(id) else {
        return tell(turn, asker, WatchesAnswer::Unknown);
    };
    let watch = watched.watch.clone();
    let read = u32::try_from(entries.len()).unwrap_or(u32::MAX);
    let next = (more && read > 0).then(|| skip.saturating_add(read));
    drop_forgotten(turn.state, &mut entries);
    turn.answer(asker, FrontAnswer::Feed { watch, entries, next });
}

/// What is being removed is still in the database.
fn drop_forgotten(state: &State, entries: &mut Vec<FeedEntry>) {
    for entry in entries.iter_mut() {
        entry.posts.retain(|post| {
            !state.forgotten.names_account(&post.account) && !state.forgotten.names_post(&post.key)
        });
    }
    entries.retain(|entry| !entry.posts.is_empty());
}

/// The accounts whose posts a watch shows.
fn listed(state: &State, watch: &Watch) -> Vec<AccountKey> {
    let keys = watch.accounts.iter().map(|account| &account.key);
    keys.filter(|key| !state.forgotten.names_account(key)).cloned().collect()
}

// ---- their accounts

/// What was watched before this broker began.
pub fn resume(turn: &mut Turn, watches: Vec<Watch>) {
    let every = turn.state.policy.watch_every;
    let mut watches = watches;
    for watch in &mut watches {
        // This broker's predecessor may have ended between the mark and this.
        watch.accounts.retain(|account| !turn.state.forgotten.names_account(&account.key));
    }
    let count = u32::try_from(watches.len().max(1)).unwrap_or(u32::MAX);
    for (place, watch) in (0..).zip(watches) {
        // Spread over a round: a restart would have all of them listed at once.
        let due = turn.now.mono.plus(every * place / count);
        let (id, has_webhook) = (watch.id, watch.webhook.is_some());
        turn.state.watches.add(Watched::new(watch, due));
        if has_webhook {
            // What was stored just before the end may not have been told.
            on_news(turn, id);
        }
    }
}

/// Looks at what is due, and takes up what queries have found out for watches.
pub fn on_time_passed(turn: &mut Turn) {
    for (watch, query) in turn.state.watches.awaiting_artists() {
        if turn.state.queries.get(&query).is_none_or(|query| !query.is_live()) {
            on_artist(turn, watch, query);
        }
    }
    if turn.state.watches.next_due().is_some_and(|due| due <= turn.now.mono) {
        for id in turn.state.watches.due_by(turn.now.mono) {
            look_at(turn, id);
        }
    }
}

/// A round of this watch: its accounts are looked up, where that is due, or else listed.
fn look_at(turn: &mut Turn, id: WatchId) {
    let is_lost = turn.state.connectivity.is_lost();
    let every = turn.state.policy.watch_every;
    let Some(watched) = turn.state.watches.get_mut(id) else { return };
    watched.due = turn.now.mono.plus(if is_lost { LOOK_AGAIN.min(every) } else { every });
    if is_lost || watched.errand != Errand::None {
        return;
    }
    let watch = watched.watch.clone();
    let refs = match (watch.accounts.is_empty(), watch.meant()) {
        (true, Some(Subject::Page(_))) => return ask_for_artist(turn, id, watch.subject),
        (true, Some(Subject::Account(account))) => vec![account],
        (true, None) => return turn.contradiction("a watch is kept of what is no subject"),
        (false, _) => {
            let due = watch.accounts.iter().filter(|account| is_look_up_due(turn.state, account, turn));
            due.map(|account| AccountRef::Id(account.key.clone())).collect()
        }
    };
    let networks = refs.iter().map(AccountRef::network);
    if let Some((_, why)) = admission::look_up_refused(turn.state, networks, turn.now) {
        if let Some(watched) = turn.state.watches.get_mut(id)
            && watched.watch.accounts.is_empty()
        {
            watched.problem = Some(why);
        }
        return list_accounts(turn, id);
    }
    match refs.is_empty() {
        true => list_accounts(turn, id),
        false => look_up(turn, id, refs),
    }
}

fn is_look_up_due(state: &State, account: &WatchedAccount, turn: &Turn) -> bool {
    let age = turn.now.wall.since(account.looked_up);
    let is_in_doubt = account.unreadable.is_some() || has_failed_since(state, account, turn);
    let is_free = !state.policy.is_billed(account.key.network);
    // A date of the future was written while the clock was wrong.
    account.looked_up > turn.now.wall
        || age >= LOOK_UP_EVERY
        || is_in_doubt && is_free && age >= LOOK_UP_AGAIN
}

/// A scan of it has failed since it was looked up: it may be gone, or closed.
fn has_failed_since(state: &State, account: &WatchedAccount, turn: &Turn) -> bool {
    let age = turn.now.wall.since(account.looked_up);
    let mut ended = state.scans.values().filter(|scan| scan.head.account.key == account.key);
    ended.any(|scan| {
        let has_failed = matches!(scan.outcome(), Some(ScanOutcome::Failed { .. }));
        has_failed && scan.ended().is_some_and(|at| turn.now.mono.since(at) < age)
    })
}

fn look_up(turn: &mut Turn, id: WatchId, refs: Vec<AccountRef>) {
    if let Some(watched) = turn.state.watches.get_mut(id) {
        watched.errand = Errand::LookUp;
        let priority = match watched.watch.accounts.is_empty() {
            true => Priority::User,
            false => Priority::Maintenance,
        };
        turn.enqueue(Owner::Watch(id), Work::Resolve { refs }, priority, 0);
    }
}

/// The query that finds the artist of the page, the one that runs or has ended lately, or a new one.
fn ask_for_artist(turn: &mut Turn, id: WatchId, page: String) {
    let (networks, wanted) = (Networks::default(), Wanted::Artist);
    let Some(key) = page_key(&page, &networks, wanted) else {
        return turn.contradiction("the page of a watch is no URL");
    };
    if !turn.state.query_keys.contains_key(&key) {
        let origin = Origin { client: Client::Exempt, networks };
        submissions::resume_page(turn, page, wanted, Vec::new(), origin, 0);
    }
    let query = turn.state.query_keys.get(&key).copied();
    if let (Some(query), Some(watched)) = (query, turn.state.watches.get_mut(id)) {
        watched.errand = Errand::Artist(query);
    }
}

/// Such a query has ended.
fn on_artist(turn: &mut Turn, id: WatchId, query: QueryId) {
    let found =
        turn.state.queries.get(&query).map(|query| artists_accounts(turn.state, query, turn.now.wall));
    let Some(watched) = turn.state.watches.get_mut(id) else { return };
    watched.errand = Errand::None;
    // A query that is gone is asked again with the next round.
    let Some(found) = found else { return };
    watched.problem = None;
    match found {
        Ok(accounts) => {
            for account in accounts {
                watched.watch.learn(account);
            }
            keep(turn, id);
            list_accounts(turn, id);
        }
        Err(why) => watched.problem = Some(why),
    }
}

/// The accounts that a query has found, those too that cannot be read now; or why there are none.
fn artists_accounts(state: &State, query: &Query, now: Timestamp) -> Result<Vec<WatchedAccount>, String> {
    let Facts { accounts, others, .. } = &query.facts;
    let accounts = accounts.iter().filter(|account| !state.forgotten.names_account(&account.key));
    let readable = accounts.map(|account| WatchedAccount {
        key: account.key.clone(),
        handle: account.handle.clone(),
        unreadable: state.why_left_out(account).map(|reason| reason.why().to_owned()),
        looked_up: now,
    });
    let others = others.iter().filter_map(|other| match &other.candidate.account {
        AccountRef::Id(key)
            if matches!(other.standing, Standing::Private | Standing::Closed { .. })
                && !state.forgotten.names_account(key) =>
        {
            let unreadable = Some(other.standing.why().to_owned());
            Some(WatchedAccount { key: key.clone(), handle: String::new(), unreadable, looked_up: now })
        }
        _ => None,
    });
    let found: Vec<WatchedAccount> = readable.chain(others).take(MAX_ACCOUNTS).collect();
    match (&query.phase, found.is_empty()) {
        (_, false) => Ok(found),
        (Phase::Ended(Outcome::Failed { code, why, .. }), true) => {
            Err(if why.is_empty() { code.explanation().to_owned() } else { why.clone() })
        }
        (_, true) => Err("The page leads to no account that can be read.".to_owned()),
    }
}

/// Networks have told of accounts of this watch.
pub fn on_resolved(turn: &mut Turn, id: WatchId, resolutions: Vec<Resolution>) {
    let now = turn.now.wall;
    let mut news = Vec::new();
    let mut problem = None;
    for Resolution { asked, outcome } in resolutions {
        let known = match &asked {
            AccountRef::Id(key) => Some(key.clone()),
            AccountRef::Handle { .. } => None,
        };
        let unasked = matches!(outcome, ResolutionOutcome::Unasked { .. });
        match (outcome.readable(), known) {
            (Ok(found), _) if turn.state.forgotten.names_account(&found.key) => {
                problem = Some(sentence(&asked, LeftOutReason::Forgotten.why()));
            }
            (Ok(found), known) => {
                if let Some(old) = known.filter(|old| *old != found.key) {
                    news.push((old, None, Some(format!("has moved to @{}", found.handle))));
                }
                let left_out = turn.state.why_left_out(&found).map(|reason| reason.why().to_owned());
                news.push((found.key, Some(found.handle), left_out));
            }
            // Nothing is known of it that was not known before.
            (Err(standing), Some(_)) if unasked => problem = Some(sentence(&asked, standing.why())),
            (Err(standing), Some(key)) => news.push((key, None, Some(standing.why().to_owned()))),
            (Err(standing), None) => problem = Some(sentence(&asked, standing.why())),
        }
    }
    let Some(watched) = turn.state.watches.get_mut(id) else { return };
    watched.errand = Errand::None;
    watched.problem = problem;
    if watched.watch.accounts.is_empty() && news.is_empty() {
        // A name that is nobody's is asked about seldom: X bills that too.
        watched.due = turn.now.mono.plus(LOOK_UP_AGAIN);
        return;
    }
    for (key, handle, unreadable) in news {
        let known = watched.watch.accounts.iter().find(|known| known.key == key);
        let handle = handle.or_else(|| known.map(|known| known.handle.clone())).unwrap_or_default();
        watched.watch.learn(WatchedAccount { key, handle, unreadable, looked_up: now });
    }
    keep(turn, id);
    list_accounts(turn, id);
}

fn sentence(asked: &AccountRef, why: &str) -> String {
    format!("The account {asked} {why}.")
}

/// The accounts could not be looked up: with the next round they are again.
pub fn on_work_failed(turn: &mut Turn, id: WatchId, work: &Work, why: String) {
    match work {
        Work::Tell(post) => on_told(turn, id, post.entry.changed),
        _ => {
            if let Some(watched) = turn.state.watches.get_mut(id) {
                watched.errand = Errand::None;
                watched.problem = Some(format!("The accounts could not be looked up: {why}."));
            }
        }
    }
}

fn keep(turn: &mut Turn, id: WatchId) {
    let Some(watched) = turn.state.watches.get(id) else { return };
    let question = Question::KeepWatch(Box::new(watched.watch.clone()));
    turn.ask_store(Pending::WatchKept, question);
}

/// It could not be kept as it is now: what is lost by that is found out again.
pub fn on_kept(turn: &mut Turn, answer: Answer) {
    if let Answer::Unavailable(why) = answer {
        turn.effects.push(Effect::WorkFailed { work: "keep a watch".to_owned(), why });
    }
}

// ---- their listings

/// Asks where the accounts that can be read stand.
fn list_accounts(turn: &mut Turn, id: WatchId) {
    let Some(watched) = turn.state.watches.get(id) else { return };
    let readable = watched.watch.accounts.iter().filter(|account| account.unreadable.is_none());
    let keys: Vec<AccountKey> = readable
        .map(|account| account.key.clone())
        .filter(|key| !turn.state.forgotten.names_account(key) && !is_being_scanned(turn.state, key))
        .collect();
    if !keys.is_empty() {
        turn.ask_store(Pending::WatchStates(id), Question::AccountStates(keys));
    }
}

/// Also one that waits for its budget: each round would add another.
fn is_being_scanned(state: &State, account: &AccountKey) -> bool {
    state.running_scans.keys().any(|(key, _)| key == account)
}

pub fn on_states(turn: &mut Turn, id: WatchId, answer: Answer) {
    let Answer::AccountStates(states) = answer else { return };
    let Some(watched) = turn.state.watches.get(id) else { return };
    let watch = watched.watch.clone();
    for state in states {
        let Some(known) = watch.accounts.iter().find(|account| account.key == state.key) else { continue };
        let account =
            Account { key: known.key.clone(), handle: known.handle.clone(), posts: state.stated_posts };
        if is_being_scanned(turn.state, &account.key) || turn.state.why_left_out(&account).is_some() {
            continue;
        }
        for reach in reaches(turn.state, &state, watch.began, turn.now.wall) {
            scans::start(turn, account.clone(), state.clone(), reach, Priority::Maintenance, None);
        }
    }
}

/// What of the account is to be listed.
fn reaches(state: &State, account: &AccountState, began: Timestamp, now: Timestamp) -> Vec<Reach> {
    // The fault may be in the way to list a window: then the whole is the only way.
    let has_no_windows = state.scans.values().any(|scan| {
        let code = FailureCode::ProcessingError;
        let has_failed =
            matches!(scan.outcome(), Some(ScanOutcome::Failed { code: known, .. }) if *known == code);
        has_failed && scan.head.account.key == account.key && matches!(scan.head.reach, Reach::Window(_))
    });
    if account.scanned_at().is_some() || has_no_windows {
        return vec![Reach::Whole];
    }
    let known: Vec<Window> = account.windows.iter().filter_map(CoveredWindow::known).collect();
    let wanted = Window { from: began.minus(LISTED_BEFORE), to: now };
    let newest_first = wanted.without(&known).into_iter().rev();
    let with_overlap = |part: Window| Window { from: part.from.minus(OVERLAP).max(wanted.from), to: part.to };
    newest_first.take(MOST_PARTS).map(|part| Reach::Window(with_overlap(part))).collect()
}

// ---- what is told

/// Posts of this account are stored.
pub fn on_stored(turn: &mut Turn, account: &AccountKey) {
    for id in turn.state.watches.of_account(account) {
        changed(turn, Some(id));
        on_news(turn, id);
    }
}

/// Posts were stored or removed, nobody knows whose.
pub fn on_any_stored(turn: &mut Turn) {
    if turn.state.watches.len() == 0 {
        return;
    }
    changed(turn, None);
    for id in turn.state.watches.ids_where(|watched| watched.watch.webhook.is_some()) {
        on_news(turn, id);
    }
}

/// Fronts keep feeds until they hear this.
fn changed(turn: &mut Turn, watch: Option<WatchId>) {
    for front in turn.state.watches.fronts.clone() {
        let message = BrokerToFront::FeedChanged { watch };
        turn.effects.push(Effect::ToFront { to: front, message });
    }
}

/// Reads the feed for what the webhook has not heard of.
fn on_news(turn: &mut Turn, id: WatchId) {
    let Some(watched) = turn.state.watches.get_mut(id) else { return };
    if watched.watch.webhook.is_none() {
        return;
    }
    if watched.telling != Telling::Idle {
        watched.has_news = true;
        return;
    }
    watched.has_news = false;
    watched.telling = Telling::Reading(None);
    read_on(turn, id, 0);
}

fn read_on(turn: &mut Turn, id: WatchId, skip: u32) {
    let Some(watched) = turn.state.watches.get(id) else { return };
    let accounts = listed(turn.state, &watched.watch);
    turn.ask_store(Pending::WatchNews { id, skip }, Question::Feed { accounts, skip });
}

/// A piece of the feed: the earliest thing that the webhook has not heard of is told first.
pub fn on_news_read(turn: &mut Turn, id: WatchId, skip: u32, answer: Answer) {
    let (mut entries, more) = match answer {
        Answer::Feed { entries, more } => (entries, more),
        // With whatever is stored next, it is read again.
        _ => {
            if let Some(watched) = turn.state.watches.get_mut(id) {
                watched.telling = Telling::Idle;
            }
            return;
        }
    };
    let read = u32::try_from(entries.len()).unwrap_or(u32::MAX);
    drop_forgotten(turn.state, &mut entries);
    let Some(watched) = turn.state.watches.get_mut(id) else { return };
    let Telling::Reading(best) = &mut watched.telling else { return };
    let (told, began) = (watched.watch.told, watched.watch.began);
    // Entries come by their first date, and what joins an old one may be new: all of them are read.
    for entry in entries.into_iter().filter(|entry| entry.is_news(told, began)) {
        if best.as_ref().is_none_or(|best| entry.changed < best.changed) {
            *best = Some(Box::new(entry));
        }
    }
    if more && read > 0 {
        return read_on(turn, id, skip.saturating_add(read));
    }
    match (best.take(), watched.watch.webhook.clone()) {
        (Some(entry), Some(webhook)) => {
            watched.telling = Telling::Under(entry.changed);
            let subject = watched.watch.subject.clone();
            let post = WatchedPost { watch: id, subject, webhook, entry: *entry };
            turn.enqueue(Owner::Watch(id), Work::Tell(Box::new(post)), Priority::User, 0);
        }
        _ => {
            watched.telling = Telling::Idle;
            if watched.has_news {
                on_news(turn, id);
            }
        }
    }
}

/// The webhook has heard of it, or it is given up. There may be more.
pub fn on_told(turn: &mut Turn, id: WatchId, changed: ImageId) {
    let Some(watched) = turn.state.watches.get_mut(id) else { return };
    if watched.telling != Telling::Under(changed) {
        return;
    }
    watched.watch.told = watched.watch.told.max(changed);
    watched.telling = Telling::Idle;
    keep(turn, id);
    on_news(turn, id);
}

// ---- what is forgotten

/// Takes what is forgotten out of watches. A watch of nothing else ends.
pub fn on_forgotten(turn: &mut Turn, subject: &Forgotten) {
    // What is on its way to a webhook may tell of it: it is read again without.
    for id in turn.state.watches.ids_where(|watched| watched.telling != Telling::Idle) {
        let Some(watched) = turn.state.watches.get_mut(id) else { continue };
        if matches!(watched.telling, Telling::Under(_)) {
            watched.telling = Telling::Idle;
            // A look-up goes with it, and is begun again.
            if watched.errand == Errand::LookUp {
                (watched.errand, watched.due) = (Errand::None, turn.now.mono);
            }
            turn.drop_work(|owner| *owner == Owner::Watch(id));
            on_news(turn, id);
        }
    }
    if let Forgotten::Account(key) = subject {
        for id in turn.state.watches.of_account(key) {
            let Some(watched) = turn.state.watches.get_mut(id) else { continue };
            watched.watch.accounts.retain(|account| account.key != *key);
            let is_of_it_alone = matches!(watched.watch.meant(), Some(Subject::Account(_)));
            if is_of_it_alone && watched.watch.accounts.is_empty() {
                turn.state.watches.remove(id);
                turn.drop_work(|owner| *owner == Owner::Watch(id));
                turn.ask_store(Pending::WatchKept, Question::EndWatch(id));
            } else {
                keep(turn, id);
            }
        }
    }
    changed(turn, None);
}
