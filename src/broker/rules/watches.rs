//! Watches: artists whose new posts somebody wants to hear of. They are begun, listed and ended; their
//! accounts are found out, looked up now and then, and listed by plan; whatever is stored of them is told to
//! the fronts, whose feeds change by it, and to the watch's webhook.
//!
//! An account that was scanned whole is listed from its cursors on. Of any other only the time of the watch
//! is listed, as windows, and not all that was posted before.

use std::time::Duration;

use crate::base::Timestamp;
use crate::base::ids::{AccountKey, ImageId, QueryId};
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
/// Queries for the artists of pages that run for watches at the same time, and how long the next one waits.
const MAX_ARTISTS: usize = 4;
const TURN: Duration = Duration::from_secs(5);
/// A feed is read for its webhook once in so long.
const BREATH: Duration = Duration::from_secs(5);
/// Things to tell a webhook that are kept from one reading of the feed.
const MAX_NEWS: usize = 20;
/// While the network is lost, or the database, the round is put off by this.
const LOOK_AGAIN: Duration = Duration::from_secs(60);

// ---- what people ask

pub fn ask(turn: &mut Turn, asker: Asker, order: WatchOrder) {
    match order {
        WatchOrder::Begin { id, who, subject, networks, webhook } => {
            let (began, told) = (turn.now.wall, ImageId(0));
            let subject = subject.trim().to_owned();
            begin(
                turn,
                asker,
                Watch { id, subject, who, began, networks, webhook, told, accounts: Vec::new() },
            );
        }
        WatchOrder::List { who, after } => {
            let answer = list(turn.state, who.as_deref(), after);
            tell(turn, asker, answer);
        }
        WatchOrder::End { who, id } => end(turn, asker, who, id),
    }
}

fn tell(turn: &mut Turn, asker: Asker, answer: WatchesAnswer) {
    turn.answer(asker, FrontAnswer::Watches(answer));
}

fn begin(turn: &mut Turn, asker: Asker, watch: Watch) {
    let meant = match Subject::named(&watch.subject) {
        Ok(meant) => meant,
        Err(why) => return tell(turn, asker, WatchesAnswer::Wrong { why }),
    };
    let is_same = |known: &&Watched| {
        let known = &known.watch;
        let is_theirs =
            (&known.who, &known.webhook, &known.networks) == (&watch.who, &watch.webhook, &watch.networks);
        is_theirs && known.meant().as_ref() == Some(&meant)
    };
    let known = turn.state.watches.after(None).find(is_same).map(|known| known.watch.id);
    if let Some(known) = known.and_then(|known| turn.state.watches.get_mut(known)) {
        match &mut known.begun_by {
            // Whoever is told of it finds it again after a crash.
            Some(waiting) => waiting.push((asker, false)),
            None => {
                let watch = view(known);
                tell(turn, asker, WatchesAnswer::Begun { watch, is_new: false });
            }
        }
        return;
    }
    if let Some(why) = why_not(turn.state, &watch, &meant) {
        return tell(turn, asker, WatchesAnswer::Wrong { why });
    }
    let question = Question::KeepWatch(Box::new(watch.clone()));
    turn.ask_store(Pending::WatchBegun(watch.id), question);
    // It counts from now on, so that many that are begun at once pass no limit.
    let due = turn.now.mono.plus(turn.state.policy.watch_every);
    let begun_by = Some(vec![(asker, true)]);
    turn.state.watches.add(Watched { begun_by, ..Watched::new(watch, due) });
}

/// Why this cannot be watched, for people.
fn why_not(state: &State, watch: &Watch, meant: &Subject) -> Option<String> {
    let Watch { who, webhook, networks, .. } = watch;
    let policy = &state.policy;
    if let Subject::Account(account) = meant {
        if state.forgotten.names_ref(account) {
            return Some(format!("{account} {}", LeftOutReason::Forgotten.why()));
        }
        if !networks.have_any(account.may_be_on()) {
            return Some(format!(
                "{account} is on {}, and only {networks} can be watched",
                account.network()
            ));
        }
    }
    if let Some(name) = webhook.as_ref().filter(|name| !policy.webhooks.contains(name)) {
        return Some(format!("there is no webhook {name:?} here ([[webhooks]] names them)"));
    }
    let theirs = state.watches.after(None).filter(|known| known.watch.who == *who).count();
    if state.watches.len() >= policy.max_watches {
        return Some(format!(
            "{} watches are kept here, which is as many as may be (watches.most): end one first",
            policy.max_watches
        ));
    }
    (theirs >= policy.max_watches_per_key).then(|| {
        format!(
            "{who} has {theirs} watches, which is as many as one may have (watches.most_per_key): end one first"
        )
    })
}

/// It is kept, or could not be.
pub fn on_begun(turn: &mut Turn, id: WatchId, answer: Answer) {
    let Some(watched) = turn.state.watches.get_mut(id) else { return };
    let waiting = watched.begun_by.take().unwrap_or_default();
    if answer != Answer::Done {
        turn.state.watches.remove(id);
        for (asker, _) in waiting {
            not_now(turn, asker, answer.clone());
        }
        return;
    }
    look_at(turn, id);
    let Some(watch) = turn.state.watches.get(id).map(view) else { return };
    for (asker, is_new) in waiting {
        tell(turn, asker, WatchesAnswer::Begun { watch: watch.clone(), is_new });
    }
}

fn end(turn: &mut Turn, asker: Asker, who: Option<String>, id: WatchId) {
    let known = turn.state.watches.get(id).filter(|watched| watched.is_kept());
    if known.is_none_or(|known| who.is_some_and(|who| who != known.watch.who)) {
        return tell(turn, asker, WatchesAnswer::Unknown);
    }
    // At once: what is kept of it after this would bring it back.
    let Some(Watched { watch, .. }) = remove(turn, id) else { return };
    turn.ask_store(Pending::WatchEnded { asker, watch: Box::new(watch) }, Question::EndWatch(id));
}

/// Takes the watch, and what is under way for it, out of memory.
fn remove(turn: &mut Turn, id: WatchId) -> Option<Watched> {
    let watched = turn.state.watches.remove(id)?;
    turn.drop_work(|owner| *owner == Owner::Watch(id));
    changed(turn, Some(id));
    Some(watched)
}

pub fn on_ended(turn: &mut Turn, asker: Asker, watch: Watch, answer: Answer) {
    if answer == Answer::Done {
        return tell(turn, asker, WatchesAnswer::Ended(watch));
    }
    // It is there as before.
    turn.state.watches.add(Watched::new(watch, turn.now.mono));
    not_now(turn, asker, answer);
}

fn list(state: &State, who: Option<&str>, after: Option<WatchId>) -> WatchesAnswer {
    /// Of a view beside its watch.
    const NUMBERS: usize = 16;
    let mut bytes = 1024;
    let is_theirs = |known: &&Watched| known.is_kept() && who.is_none_or(|who| known.watch.who == who);
    let mut theirs = state.watches.after(after).filter(is_theirs).peekable();
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

/// The accounts whose posts a watch shows: none that is private or gone, left out, or forgotten; and none at
/// all where nobody may watch any more.
fn listed(state: &State, watch: &Watch) -> Vec<AccountKey> {
    if rests(state, watch) {
        return Vec::new();
    }
    let is_shown = |watched: &&WatchedAccount| {
        let account = Account { key: watched.key.clone(), handle: watched.handle.clone(), posts: None };
        watched.unreadable.is_none() && state.why_left_out(&account).is_none()
    };
    watch.accounts.iter().filter(is_shown).map(|watched| watched.key.clone()).collect()
}

/// The key that began it is gone, or may watch no more.
fn rests(state: &State, watch: &Watch) -> bool {
    !state.policy.watchers.contains(&watch.who)
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
    let State { watches, queries, .. } = &mut *turn.state;
    watches.artists.retain(|query| queries.get(query).is_some_and(Query::is_live));
    for (watch, query) in turn.state.watches.awaiting_artists() {
        if turn.state.queries.get(&query).is_none_or(|query| !query.is_live()) {
            on_artist(turn, watch, query);
        }
    }
    let now = turn.now.mono;
    if turn.state.watches.next_due().is_some_and(|due| due <= now) {
        for id in turn.state.watches.ids_where(|watched| watched.due <= now) {
            look_at(turn, id);
        }
        let has_news = |watched: &Watched| watched.news_due.is_some_and(|due| due <= now);
        for id in turn.state.watches.ids_where(has_news) {
            read_news(turn, id);
        }
    }
}

/// A round of this watch: its accounts are looked up, where that is due, or else listed.
fn look_at(turn: &mut Turn, id: WatchId) {
    let is_lost = turn.state.connectivity.is_lost();
    let every = turn.state.policy.watch_every;
    let Some(watched) = turn.state.watches.get_mut(id).filter(|watched| watched.is_kept()) else { return };
    watched.due = turn.now.mono.plus(if is_lost { LOOK_AGAIN.min(every) } else { every });
    if is_lost || watched.errand != Errand::None {
        return;
    }
    let watch = watched.watch.clone();
    if rests(turn.state, &watch) {
        if let Some(watched) = turn.state.watches.get_mut(id) {
            let why = "The API key that began it is gone, or may watch no more (watches = true): it rests.";
            watched.problem = Some(why.to_owned());
        }
        return;
    }
    let refs = match (watch.accounts.is_empty(), watch.meant()) {
        (true, Some(Subject::Page(_))) => return ask_for_artist(turn, id, watch),
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
        turn.enqueue(Owner::Watch(id), Work::Resolve { refs }, Priority::Maintenance, 0);
    }
}

/// The query that finds the artist of the page, the one that runs or has ended lately, or a new one. Few at a
/// time are begun for watches: nobody's limit counts them.
fn ask_for_artist(turn: &mut Turn, id: WatchId, Watch { subject: page, networks, .. }: Watch) {
    let wanted = Wanted::Artist;
    let Some(key) = page_key(&page, &networks, wanted) else {
        return turn.contradiction("the page of a watch is no URL");
    };
    if !turn.state.query_keys.contains_key(&key) {
        if turn.state.watches.artists.len() >= MAX_ARTISTS {
            if let Some(watched) = turn.state.watches.get_mut(id) {
                watched.due = turn.now.mono.plus(TURN);
            }
            return;
        }
        let origin = Origin { client: Client::Exempt, networks };
        submissions::begin_for_house(turn, page, &key, wanted, origin);
        turn.state.watches.artists.extend(turn.state.query_keys.get(&key));
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
            on_accounts_known(turn, id);
        }
        Err(why) => {
            watched.problem = Some(why);
            // A page that leads to nobody is asked about seldom.
            watched.due = turn.now.mono.plus(LOOK_UP_AGAIN);
        }
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
    let Some(Watched { watch: Watch { networks, .. }, .. }) = turn.state.watches.get(id) else { return };
    let networks = networks.clone();
    for Resolution { asked, outcome } in resolutions {
        let known = match &asked {
            AccountRef::Id(key) => Some(key.clone()),
            AccountRef::Handle { .. } => None,
        };
        let unasked = matches!(outcome, ResolutionOutcome::Unasked { .. });
        match (outcome.readable(), known) {
            (Ok(found), _) if turn.state.forgotten.names_account(&found.key) => {
                // It was watched by its name.
                return on_forgotten_subject(turn, id);
            }
            (Ok(found), None) if !networks.has(found.key.network) => {
                problem = Some(sentence(&asked, LeftOutReason::OtherNetwork.why()));
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
    on_accounts_known(turn, id);
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

/// What is known of its accounts has changed, and with it the feed: some of it may be stored already.
fn on_accounts_known(turn: &mut Turn, id: WatchId) {
    keep(turn, id);
    changed(turn, Some(id));
    on_news(turn, id);
    list_accounts(turn, id);
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
    let Some(watched) = turn.state.watches.get_mut(id) else { return };
    watched.problem = None;
    let watch = watched.watch.clone();
    for state in states {
        let Some(known) = watch.accounts.iter().find(|account| account.key == state.key) else { continue };
        let account =
            Account { key: known.key.clone(), handle: known.handle.clone(), posts: state.stated_posts };
        if is_being_scanned(turn.state, &account.key) || turn.state.why_left_out(&account).is_some() {
            continue;
        }
        let failure = last_failure(turn.state, &account.key);
        if let (Some((_, why, _)), Some(watched)) = (&failure, turn.state.watches.get_mut(id)) {
            watched.problem = Some(format!("The last listing of @{} failed: {why}.", account.handle));
        }
        // The fault may be in the way to list a window: then the whole is the only way, if it costs nothing.
        let is_free = !turn.state.policy.is_billed(account.key.network);
        let has_no_windows =
            matches!(failure, Some((FailureCode::ProcessingError, _, Reach::Window(_)))) && is_free;
        for reach in reaches(&state, has_no_windows, watch.began, turn.now.wall) {
            scans::start(turn, account.clone(), state.clone(), reach, Priority::Maintenance, None);
        }
    }
}

/// Why the last scan of this account failed, and of how much of it; `None` where it did not.
fn last_failure(state: &State, account: &AccountKey) -> Option<(FailureCode, String, Reach)> {
    let ended =
        state.scans.values().filter(|scan| scan.head.account.key == *account && scan.ended().is_some());
    let last = ended.max_by_key(|scan| scan.ended())?;
    match last.outcome()? {
        ScanOutcome::Failed { code, why } => Some((*code, why.clone(), last.head.reach)),
        ScanOutcome::Done => None,
    }
}

/// What of the account is to be listed.
fn reaches(account: &AccountState, has_no_windows: bool, began: Timestamp, now: Timestamp) -> Vec<Reach> {
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
pub fn feeds_changed(turn: &mut Turn) {
    if turn.state.watches.len() > 0 {
        changed(turn, None);
    }
}

/// Fronts keep feeds until they hear this.
fn changed(turn: &mut Turn, watch: Option<WatchId>) {
    for front in turn.state.watches.fronts.clone() {
        let message = BrokerToFront::FeedChanged { watch };
        turn.effects.push(Effect::ToFront { to: front, message });
    }
}

/// There may be something that the webhook has not heard of. While an account is being scanned that is so all
/// the time, and reading a feed is work.
fn on_news(turn: &mut Turn, id: WatchId) {
    let now = turn.now.mono;
    let Some(watched) = turn.state.watches.get_mut(id) else { return };
    if watched.watch.webhook.is_none() || !watched.is_kept() {
        return;
    }
    let due = watched.news_read.map_or(now, |read| read.plus(BREATH)).max(now);
    watched.news_due = Some(watched.news_due.map_or(due, |known| known.min(due)));
    if due <= now {
        read_news(turn, id);
    }
}

/// Reads the feed, unless the webhook is being told: then later.
fn read_news(turn: &mut Turn, id: WatchId) {
    let now = turn.now.mono;
    let Some(watched) = turn.state.watches.get_mut(id) else { return };
    if watched.telling != Telling::Idle {
        watched.news_due = Some(now.plus(BREATH));
        return;
    }
    watched.news_due = None;
    watched.news_read = Some(now);
    watched.news.clear();
    watched.telling = Telling::Reading;
    read_on(turn, id, 0);
}

fn read_on(turn: &mut Turn, id: WatchId, skip: u32) {
    let Some(watched) = turn.state.watches.get(id) else { return };
    let accounts = listed(turn.state, &watched.watch);
    turn.ask_store(Pending::WatchNews { id, skip }, Question::Feed { accounts, skip });
}

/// A piece of the feed: of what the webhook has not heard of, the earliest is told first.
pub fn on_news_read(turn: &mut Turn, id: WatchId, skip: u32, answer: Answer) {
    let now = turn.now.mono;
    let watched = turn.state.watches.get_mut(id).filter(|watched| watched.telling == Telling::Reading);
    let Some(watched) = watched else { return };
    let Answer::Feed { entries, more } = answer else {
        watched.telling = Telling::Idle;
        watched.news_due = Some(now.plus(LOOK_AGAIN));
        return;
    };
    let read = u32::try_from(entries.len()).unwrap_or(u32::MAX);
    let (told, began) = (watched.watch.told, watched.watch.began);
    // Entries come by their dates, and what joins an old one may be new: all of them are read.
    let news = entries.into_iter().filter(|entry| entry.is_news(told, began));
    let mut all: Vec<FeedEntry> = watched.news.drain(..).chain(news).collect();
    all.sort_by_key(|entry| entry.changed);
    if all.len() > MAX_NEWS {
        all.truncate(MAX_NEWS);
        watched.news_due = Some(now.plus(BREATH));
    }
    watched.news = all.into();
    if more && read > 0 {
        return read_on(turn, id, skip.saturating_add(read));
    }
    watched.telling = Telling::Idle;
    tell_next(turn, id);
}

/// Tells the webhook of the next thing.
fn tell_next(turn: &mut Turn, id: WatchId) {
    loop {
        let Some(watched) = turn.state.watches.get_mut(id) else { return };
        let (Some(entry), Some(webhook)) = (watched.news.pop_front(), watched.watch.webhook.clone()) else {
            return;
        };
        let mut entries = vec![entry];
        drop_forgotten(turn.state, &mut entries);
        let (Some(entry), Some(watched)) = (entries.pop(), turn.state.watches.get_mut(id)) else { continue };
        watched.telling = Telling::Under(Box::new(entry.clone()));
        let subject = watched.watch.subject.clone();
        let post = WatchedPost { watch: id, subject, webhook, entry };
        turn.enqueue(Owner::Watch(id), Work::Tell(Box::new(post)), Priority::User, 0);
        return;
    }
}

/// The webhook has heard of it, or it is given up. There may be more.
pub fn on_told(turn: &mut Turn, id: WatchId, changed: ImageId) {
    let Some(watched) = turn.state.watches.get_mut(id) else { return };
    if !matches!(&watched.telling, Telling::Under(entry) if entry.changed == changed) {
        return;
    }
    watched.watch.told = watched.watch.told.max(changed);
    watched.telling = Telling::Idle;
    keep(turn, id);
    tell_next(turn, id);
}

// ---- what is forgotten

/// Takes what is forgotten out of watches. A watch of nothing else ends.
pub fn on_forgotten(turn: &mut Turn, subject: &Forgotten) {
    // What is on its way to a webhook and tells of it is read again without.
    let is_told = |watched: &Watched| match &watched.telling {
        Telling::Under(entry) => entry.posts.iter().any(|post| match subject {
            Forgotten::Account(key) => post.account == *key,
            Forgotten::Post(key) => post.key == *key,
        }),
        Telling::Idle | Telling::Reading => false,
    };
    for id in turn.state.watches.ids_where(is_told) {
        let Some(watched) = turn.state.watches.get_mut(id) else { continue };
        watched.telling = Telling::Idle;
        watched.news_due = Some(turn.now.mono);
        // A look-up goes with it, and is begun again.
        if watched.errand == Errand::LookUp {
            (watched.errand, watched.due) = (Errand::None, turn.now.mono);
        }
        turn.drop_work(|owner| *owner == Owner::Watch(id));
    }
    if let Forgotten::Account(key) = subject {
        for id in turn.state.watches.of_account(key) {
            let Some(watched) = turn.state.watches.get_mut(id) else { continue };
            watched.watch.accounts.retain(|account| account.key != *key);
            let is_of_it_alone = matches!(watched.watch.meant(), Some(Subject::Account(_)));
            match is_of_it_alone && watched.watch.accounts.is_empty() {
                true => on_forgotten_subject(turn, id),
                false => keep(turn, id),
            }
        }
    }
    changed(turn, None);
}

/// A watch of what is forgotten ends; of a page's artist, it goes on without the account.
fn on_forgotten_subject(turn: &mut Turn, id: WatchId) {
    let Some(watched) = turn.state.watches.get_mut(id) else { return };
    if let Some(Subject::Page(_)) = watched.watch.meant() {
        (watched.errand, watched.problem) = (Errand::None, None);
        return;
    }
    remove(turn, id);
    turn.ask_store(Pending::WatchKept, Question::EndWatch(id));
}
