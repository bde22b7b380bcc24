//! The way of a query, from the artwork's page (or an image) to the found posts.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::base::ids::{AccountKey, Network, PostKey, QueryId, ScanId};
use crate::broker::books::blob::BlobKey;
use crate::broker::books::items::{ItemId, Owner};
use crate::broker::books::party::Party;
use crate::broker::books::query::{Kind, Origin, Outcome, Phase, Pickup, Query};
use crate::broker::books::scan::{ScanOutcome, Woken};
use crate::broker::rules::views::query_view;
use crate::broker::rules::{admission, deliveries, scans, watching};
use crate::broker::turn::{Turn, micros};
use crate::broker::vocabulary::{Effect, Pending};
use crate::domain::accounts::{
    Account, AccountRecord, AccountRef, LinksFound, NoImage, Resolution, ResolutionOutcome,
};
use crate::domain::failure::FailureCode;
use crate::domain::images::{FoundImage, QueryImage, SearchScope};
use crate::domain::posts::PostState;
use crate::domain::scans::Priority;
use crate::proto::stage::{Answer, Question};
use crate::proto::work::{ScanPlan, SearchFound, Work};
use crate::storekeeper::orders::{JournalEntry, ToStorekeeper};

/// Answers are kept this long after success, failure, and a mistake of the user.
const KEPT_AFTER_SUCCESS: Duration = Duration::from_secs(3 * 3600);
const KEPT_AFTER_FAILURE: Duration = Duration::from_secs(3600);
const KEPT_AFTER_MISTAKE: Duration = Duration::from_secs(600);
/// As long as whoever polls must see it; then the same may be asked for anew.
const KEPT_AFTER_CANCEL: Duration = Duration::from_secs(60);
/// References that are resolved in one look-up, and posts checked in one.
const LOOKUP_BATCH: usize = 100;

// ---- its beginning

/// Adds a query, which is to be begun or ended at once. `subject` is the URL as asked, or the identifier of a
/// direct search.
pub fn add(turn: &mut Turn, subject: String, key: String, kind: Kind, origin: Origin) -> QueryId {
    let id = QueryId(turn.state.next_number());
    turn.state.query_keys.insert(key.clone(), id);
    let query = Query::new(subject, key, kind, origin, turn.now.mono);
    if let Kind::Page = query.head.kind {
        turn.state.query_ids.insert(query.head.public_id.clone(), id);
    }
    turn.state.queries.insert(id, query);
    id
}

/// Step 1: the artwork's page is to be read.
pub fn find_links(turn: &mut Turn, id: QueryId) {
    let Some(url) = turn.live(id).map(|query| query.head.subject.clone()) else { return };
    let item = enqueue(turn, id, Work::FindLinks { query: id, url });
    enter(turn, id, Phase::FindingLinks(Pickup::Queued(item)));
}

/// A direct search: in an account, which must be indexed, or in everything.
///
/// An account of X that is named by its stable id is looked for in the database first: X could say
/// nothing that matters, bills for it, and may be switched off. Names move from one account to
/// another, and owners on other networks may wish to be left out, so that the network is asked
/// there.
pub fn search_directly(turn: &mut Turn, id: QueryId, account: Option<AccountRef>) {
    match account {
        None => search(turn, id, SearchScope::Everything),
        Some(asked) if is_id_on_twitter(&asked) => look_in_database(turn, id, asked, None),
        Some(asked) => ask_network(turn, id, asked),
    }
}

fn is_id_on_twitter(asked: &AccountRef) -> bool {
    matches!(asked, AccountRef::Id(AccountKey { network: Network::Twitter, .. }))
}

fn look_in_database(turn: &mut Turn, id: QueryId, asked: AccountRef, refusal: Option<(FailureCode, String)>) {
    enter(turn, id, Phase::CheckingAccount);
    let question = Question::Accounts(asked.clone());
    turn.ask_store(Pending::SearchKnown { query: id, asked, refusal }, question);
}

fn ask_network(turn: &mut Turn, id: QueryId, asked: AccountRef) {
    let network = std::iter::once(asked.network());
    match admission::look_up_refused(turn.state, network, turn.now) {
        Some(refusal) => without_network(turn, id, asked, refusal),
        None => {
            let item = enqueue(turn, id, Work::Resolve { refs: vec![asked] });
            enter(turn, id, Phase::ResolvingAccount(item));
        }
    }
}

/// The account's network cannot be asked: the search goes on with what is known of it, or ends for
/// that reason.
fn without_network(turn: &mut Turn, id: QueryId, asked: AccountRef, refusal: (FailureCode, String)) {
    match is_id_on_twitter(&asked) {
        // The database was asked before.
        true => fail(turn, id, refusal.0, refusal.1),
        false => look_in_database(turn, id, asked, Some(refusal)),
    }
}

fn is_number(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

/// What is known of the account of a direct search, without its network.
pub fn on_account_records(
    turn: &mut Turn,
    id: QueryId,
    asked: AccountRef,
    refusal: Option<(FailureCode, String)>,
    answer: Answer,
) {
    let records = match answer {
        Answer::AccountRecords(records) => records,
        _ => Vec::new(),
    };
    let indexed = records.iter().find(|record| record.is_indexed()).map(AccountRecord::account);
    match (indexed, refusal) {
        (Some(account), _) => {
            let key = account.key.clone();
            if let Some(why) = turn.blocked(&account, id) {
                return fail(turn, id, FailureCode::InvalidTwitterAccount, format!("The account {why}."));
            }
            if let Some(query) = turn.live(id) {
                query.facts.accounts = vec![account];
            }
            search(turn, id, SearchScope::Accounts(vec![key]));
        }
        (None, None) => ask_network(turn, id, asked),
        (None, Some(refusal)) => match &asked {
            // Digits alone may be a name, and are an id more often.
            AccountRef::Handle { network: Network::Twitter, handle } if is_number(handle) => {
                let by_id = AccountRef::Id(AccountKey::new(Network::Twitter, handle.as_str()));
                look_in_database(turn, id, by_id, Some(refusal));
            }
            asked => {
                let hint = match asked {
                    AccountRef::Handle { network: Network::Twitter, .. } => {
                        " Imported accounts have no name here until they are scanned: give their id, \
                         https://x.com/i/user/ID."
                    }
                    AccountRef::Handle { .. } | AccountRef::Id(_) => "",
                };
                let (code, why) = refusal;
                fail(turn, id, code, format!("{why} Nor is an account of this name indexed.{hint}"));
            }
        },
    }
}

fn enqueue(turn: &mut Turn, id: QueryId, work: Work) -> ItemId {
    turn.enqueue(Owner::Query(id), work, Priority::User, 0)
}

fn enter(turn: &mut Turn, id: QueryId, phase: Phase) {
    let now = turn.now.mono;
    let Some(query) = turn.live(id) else { return };
    if let Some((left, spent)) = query.enter(phase, now) {
        turn.state.metrics.record(left.as_str(), micros(spent));
        watching::notify(turn, id);
    }
}

/// A worker took the query's work item. Returns the bulk bytes that must travel with it.
pub fn on_taken(turn: &mut Turn, id: QueryId) -> Option<BlobKey> {
    let query = turn.live(id)?;
    let (taken, blob) = match (&query.phase, &query.head.kind) {
        (Phase::FindingLinks(_), _) => (Phase::FindingLinks(Pickup::Taken), None),
        (Phase::PlanningScans(_), _) => (Phase::PlanningScans(Pickup::Taken), None),
        (Phase::Searching(_), Kind::Page) => (Phase::Searching(Pickup::Taken), None),
        (Phase::Searching(_), Kind::Image { upload, .. }) => (Phase::Searching(Pickup::Taken), *upload),
        // Look-ups are parts of a step.
        (
            Phase::Accepted
            | Phase::Resolving { .. }
            | Phase::ResolvingAccount(_)
            | Phase::CheckingAccount
            | Phase::Indexing { .. }
            | Phase::Checking { .. }
            | Phase::Ended(_),
            _,
        ) => return None,
    };
    enter(turn, id, taken);
    blob
}

// ---- its steps

/// Step 1, first half: the page is read.
pub fn on_links(turn: &mut Turn, id: QueryId, links: LinksFound) {
    let Some(query) = turn.live(id) else { return };
    let Phase::FindingLinks(_) = query.phase else {
        return turn.contradiction("links were found for a query that looks for none");
    };
    query.facts.images = links.images;
    query.facts.no_image = links.no_image;
    query.facts.published = links.published;
    query.facts.candidates = links.candidates;
    let code = FailureCode::NoTwitterAccountFound;
    if query.facts.candidates.is_empty() {
        let why = format!("{} ({} pages were read.)", code.explanation(), links.pages);
        return fail(turn, id, code, why);
    }
    let networks = query.head.origin.networks.clone();
    let candidates = query.facts.candidates.iter().map(|candidate| candidate.account.clone());
    let mut refs: Vec<AccountRef> = candidates.filter(|asked| networks.has(asked.network())).collect();
    if refs.is_empty() {
        return fail(turn, id, code, format!("None of the accounts found is on {networks}."));
    }
    let asked = refs.iter().map(AccountRef::network);
    if let Some((code, why)) = admission::look_up_refused(turn.state, asked, turn.now) {
        // The other networks cost nothing: the query goes on without the one that does.
        refs.retain(|asked| !turn.state.policy.is_billed(asked.network()));
        if refs.is_empty() {
            return fail(turn, id, code, why);
        }
    }
    for batch in refs.chunks(LOOKUP_BATCH) {
        enqueue(turn, id, Work::Resolve { refs: batch.to_vec() });
    }
    let batches_left = refs.len().div_ceil(LOOKUP_BATCH);
    enter(turn, id, Phase::Resolving { batches_left, resolutions: Vec::new() });
    watching::notify(turn, id);
}

/// Accounts were looked up: a batch of an artwork's candidates, or the account of a direct search.
pub fn on_resolved(turn: &mut Turn, id: QueryId, resolved: Vec<Resolution>) {
    let Some(query) = turn.live(id) else { return };
    match &mut query.phase {
        Phase::Resolving { batches_left, resolutions } => {
            resolutions.extend(resolved);
            *batches_left = batches_left.saturating_sub(1);
            if *batches_left == 0 {
                let resolutions = std::mem::take(resolutions);
                plan_scans(turn, id, resolutions);
            }
        }
        Phase::ResolvingAccount(_) => {
            let resolved = resolved.into_iter().next();
            let (asked, outcome) = resolved.map(|one| (one.asked, one.outcome)).unzip();
            match outcome {
                Some(ResolutionOutcome::Readable(account)) => {
                    if let Some(why) = turn.blocked(&account, id) {
                        let code = FailureCode::InvalidTwitterAccount;
                        return fail(turn, id, code, format!("The account {why}."));
                    }
                    let Some(query) = turn.live(id) else { return };
                    query.facts.accounts = vec![account.clone()];
                    enter(turn, id, Phase::CheckingAccount);
                    let question = Question::AccountStates(vec![account.key.clone()]);
                    turn.ask_store(Pending::SearchStart { query: id, account: account.key }, question);
                }
                outcome => {
                    let code = FailureCode::InvalidTwitterAccount;
                    let outcome = outcome.unwrap_or(ResolutionOutcome::Missing);
                    let why = format!("The account {}.", outcome.refusal().unwrap_or_default());
                    match (outcome, asked) {
                        (ResolutionOutcome::Unasked { .. }, Some(asked)) => {
                            without_network(turn, id, asked, (code, why));
                        }
                        _ => fail(turn, id, code, why),
                    }
                }
            }
        }
        _ => turn.contradiction("accounts were looked up for a query that asks for none"),
    }
}

/// Step 1, second half: the accounts are verified with their networks. Begins step 2.
fn plan_scans(turn: &mut Turn, id: QueryId, resolutions: Vec<Resolution>) {
    let mut dropped = Vec::new();
    let mut accounts: Vec<Account> = Vec::new();
    for resolution in resolutions {
        match resolution.outcome {
            ResolutionOutcome::Readable(account) => {
                if accounts.iter().all(|known| known.key != account.key) {
                    accounts.push(account);
                }
            }
            outcome => {
                let why = outcome.refusal().unwrap_or_default();
                dropped.push(format!("{} {why}", resolution.asked));
            }
        }
    }
    accounts.retain(|account| match turn.blocked(account, id) {
        None => true,
        Some(why) => {
            dropped.push(format!("{}:@{} {why}", account.key.network, account.handle));
            false
        }
    });
    let Some(query) = turn.live(id) else { return };
    query.facts.accounts = accounts.clone();
    if let Some(NoImage { code, why }) = query.facts.no_image.clone() {
        // The accounts are the whole answer: scanning them would find nothing without a picture to look for.
        return fail(turn, id, code, why);
    }
    if accounts.is_empty() {
        let why = format!("None of the artist's accounts can be read: {}.", dropped.join(", "));
        return fail(turn, id, FailureCode::NoValidTwitterAccountFound, why);
    }
    let published = query.facts.published;
    let item = enqueue(turn, id, Work::PlanScans { query: id, accounts, published });
    enter(turn, id, Phase::PlanningScans(Pickup::Queued(item)));
}

/// Step 2: it is known which accounts must be scanned first.
pub fn on_plan(turn: &mut Turn, id: QueryId, plan: ScanPlan) {
    let Some(query) = turn.live(id) else { return };
    let Phase::PlanningScans(_) = query.phase else {
        return turn.contradiction("scans were planned for a query that needs none");
    };
    query.facts.first_time = plan.first_time;
    let indexed_already = plan.scans.len() < query.facts.accounts.len()
        || plan.scans.iter().any(|(_, state)| state.scanned_at().is_some());
    let mut waiting = BTreeSet::new();
    let mut started = Vec::new();
    for (account, state) in plan.scans {
        let scan = scans::start(turn, account, state, Priority::User, Some(id));
        started.push(scan);
        if !admission::waits_for_budget(turn.state, scan) {
            waiting.insert(scan);
        }
    }
    if let Some(query) = turn.live(id) {
        query.facts.scans = started;
    }
    enter(turn, id, Phase::Indexing { waiting, indexed_already });
    watching::notify(turn, id);
    search_if_scanned(turn, id);
}

/// A scan moved: those who wait for it are told, or go on.
pub fn on_woken(turn: &mut Turn, woken: Woken) {
    match woken {
        Woken::Nobody => {}
        Woken::Progressed(queries) => {
            for query in queries {
                watching::notify(turn, query);
            }
        }
        Woken::Released(scan, queries) => {
            for query in queries {
                on_scan_ended(turn, query, scan);
            }
        }
    }
}

/// A query may have gone on without this scan, where the budget held it.
fn on_scan_ended(turn: &mut Turn, id: QueryId, scan: ScanId) {
    let Some(query) = turn.live(id) else { return };
    if let Phase::Indexing { waiting, .. } = &mut query.phase {
        waiting.remove(&scan);
        search_if_scanned(turn, id);
    }
}

/// Begins step 3 once no scan is waited for, if one of them, or an earlier one, has found anything.
fn search_if_scanned(turn: &mut Turn, id: QueryId) {
    let Some(query) = turn.state.queries.get(&id) else { return };
    let Phase::Indexing { waiting, indexed_already } = &query.phase else { return };
    if !waiting.is_empty() {
        return;
    }
    let mut failure = None;
    let mut succeeded = *indexed_already;
    for scan in &query.facts.scans {
        match turn.state.scans.get(scan).and_then(|scan| scan.outcome()) {
            Some(ScanOutcome::Failed { code, why }) => failure = Some((*code, why.clone())),
            None if admission::waits_for_budget(turn.state, *scan) => {
                failure = Some(admission::why_deferred(turn.state, *scan, turn.now));
            }
            Some(ScanOutcome::Done) | None => succeeded = true,
        }
    }
    match failure {
        Some((code, why)) if !succeeded => fail(turn, id, code, why),
        _ => {
            let accounts = query.facts.accounts.iter().map(|account| account.key.clone()).collect();
            search(turn, id, SearchScope::Accounts(accounts));
        }
    }
}

fn search(turn: &mut Turn, id: QueryId, scope: SearchScope) {
    let Some(query) = turn.live(id) else { return };
    let (image, turned) = match &query.head.kind {
        Kind::Page => (QueryImage::Urls(query.facts.images.clone()), false),
        Kind::Image { image, turned, .. } => (image.clone(), *turned),
    };
    let item = enqueue(turn, id, Work::SearchImage { query: id, image, scope, turned });
    enter(turn, id, Phase::Searching(Pickup::Queued(item)));
    watching::notify(turn, id);
}

/// It is known whether the account of a direct search is indexed.
pub fn on_account_known(turn: &mut Turn, id: QueryId, account: AccountKey, answer: Answer) {
    match answer {
        Answer::AccountStates(states) => {
            let indexed = states
                .iter()
                .any(|state| state.search_listed_at.is_some() || state.timeline_listed_at.is_some());
            if indexed {
                return search(turn, id, SearchScope::Accounts(vec![account]));
            }
            let code = FailureCode::TwitterAccountNotIndexed;
            fail(turn, id, code, code.explanation().to_owned());
        }
        _ => fail(turn, id, FailureCode::ProcessingError, "the database could not be read".to_owned()),
    }
}

/// Step 3, first half: the stored images that resemble the artwork.
pub fn on_found(turn: &mut Turn, id: QueryId, found: SearchFound) {
    let Some(query) = turn.live(id) else { return };
    let Phase::Searching(_) = query.phase else {
        return turn.contradiction("images were found for a query that looks for none");
    };
    if found.low_quality {
        let why =
            "The image has nothing to be recognised by (one colour, a gradient, or symmetric).".to_owned();
        return fail(turn, id, FailureCode::ErrorDuringReverseSearch, why);
    }
    let SearchFound { images: mut found, mut similar, .. } = found;
    let networks = &query.head.origin.networks;
    found.retain(|image| networks.has(image.post.network));
    similar.retain(|image| networks.has(image.post.network));
    let posts: BTreeSet<PostKey> = found.iter().chain(&similar).map(|image| image.post.clone()).collect();
    let posts: Vec<PostKey> = posts.into_iter().collect();
    let accounts = query.facts.accounts.iter().map(|account| account.key.clone()).collect();
    turn.send_to_store(ToStorekeeper::CountUse { accounts });
    for batch in posts.chunks(LOOKUP_BATCH) {
        enqueue(turn, id, Work::CheckPosts { posts: batch.to_vec() });
    }
    let batches_left = posts.len().div_ceil(LOOKUP_BATCH);
    enter(turn, id, Phase::Checking { batches_left, gone: BTreeSet::new(), found, similar });
    end_if_checked(turn, id);
}

/// Step 3, second half: a batch of the found posts was checked. Posts that are gone are left out.
pub fn on_checked(turn: &mut Turn, id: QueryId, states: Vec<(PostKey, PostState)>) {
    let Some(query) = turn.live(id) else { return };
    let Phase::Checking { batches_left, gone, .. } = &mut query.phase else {
        return turn.contradiction("posts were checked for a query that has found none");
    };
    gone.extend(states.into_iter().filter(|(_, state)| *state == PostState::Gone).map(|(post, _)| post));
    *batches_left = batches_left.saturating_sub(1);
    end_if_checked(turn, id);
}

fn end_if_checked(turn: &mut Turn, id: QueryId) {
    let Some(query) = turn.live(id) else { return };
    let Phase::Checking { batches_left: 0, gone, found, similar } = &mut query.phase else { return };
    found.retain(|image| !gone.contains(&image.post));
    found.sort_by(|a, b| rank(a).cmp(&rank(b)));
    // These stay in the order of the search: by class, then distance.
    similar.retain(|image| !gone.contains(&image.post));
    let views = |images: &mut Vec<FoundImage>| {
        std::mem::take(images).into_iter().map(|image| query.facts.result_view(image)).collect()
    };
    let outcome = Outcome::Found { results: views(found), similar: views(similar) };
    end(turn, id, outcome);
}

/// The order of the original: distance, images in the post, age; within a post the later image first.
fn rank(image: &FoundImage) -> impl Ord {
    let FoundImage { distance, count, post, position, .. } = image;
    (*distance, *count, post.network, post.age_order(), std::cmp::Reverse(*position))
}

/// A worker was lost over work of this query: that is written down, for the case that the broker ends too.
pub fn on_death(turn: &mut Turn, id: QueryId, deaths: u32) {
    let Some(query) = turn.live(id).filter(|query| query.head.deaths < deaths) else { return };
    query.head.deaths = deaths;
    if let Kind::Page = query.head.kind {
        let entry = query.accepted();
        turn.journal(entry);
    }
}

// ---- its end

/// A work item of the query was given up.
pub fn on_work_failed(turn: &mut Turn, id: QueryId, work: &Work, code: FailureCode, why: String) {
    if let Work::CheckPosts { posts } = work {
        // Whether they can still be seen is a refinement: they are shown.
        let states = posts.iter().map(|post| (post.clone(), PostState::Unknown)).collect();
        return on_checked(turn, id, states);
    }
    let Some(query) = turn.live(id) else { return };
    if let (Phase::ResolvingAccount(_), Work::Resolve { refs }) = (&query.phase, work)
        && let [asked] = refs.as_slice()
    {
        return without_network(
            turn,
            id,
            asked.clone(),
            (code, format!("The account could not be looked up: {why}.")),
        );
    }
    let code = match (&query.head.kind, code) {
        // An image that cannot be fetched is the mistake of whoever gave its address, and the site's trouble
        // where a page led to it.
        (Kind::Image { .. }, FailureCode::ErrorDuringReverseSearch) => FailureCode::CannotGetImage,
        (_, code) => code,
    };
    fail(turn, id, code, why);
}

pub fn fail(turn: &mut Turn, id: QueryId, code: FailureCode, why: String) {
    end(turn, id, Outcome::Failed { code, why });
}

fn end(turn: &mut Turn, id: QueryId, outcome: Outcome) {
    if let Some(entry) = end_unwritten(turn, id, outcome) {
        turn.journal(entry);
    }
}

/// Ends the query here and now, whatever is under way for it. Returns what must be written down
/// before anybody is told; `None` for a direct search, of which nothing is.
pub fn cancel(turn: &mut Turn, id: QueryId, why: String) -> Option<JournalEntry> {
    turn.drop_work(|owner| *owner == Owner::Query(id));
    for pending in turn.state.pending.values_mut() {
        if matches!(pending, Pending::SearchStart { query, .. } | Pending::SearchKnown { query, .. } if *query == id)
        {
            *pending = Pending::Dropped;
        }
    }
    end_unwritten(turn, id, Outcome::Failed { code: FailureCode::Cancelled, why })
}

/// Ends the query; what is left is to write that down, for a page's.
fn end_unwritten(turn: &mut Turn, id: QueryId, outcome: Outcome) -> Option<JournalEntry> {
    let query = turn.live(id)?;
    let kept = match &outcome {
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
    enter(turn, id, Phase::Ended(outcome));
    turn.state.metrics.record("query: whole", micros(turn.now.mono.since(started)));
    if turn.state.policy.results_log
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
    turn.state.watchers.remove(&id);
    turn.state.kept.keep(id, Party::of(&client), turn.now.mono, turn.now.mono.plus(kept));
    entry
}

/// Forgets queries whose time is over, or that are too many. True if there were any.
pub fn forget_ended(turn: &mut Turn) -> bool {
    let state = &mut *turn.state;
    let mut forgotten = false;
    while let Some(id) = state.kept.take_due(turn.now.mono, state.policy.max_kept_queries) {
        if let Some(query) = state.queries.remove(&id) {
            state.query_keys.remove(&query.head.key);
            state.query_ids.remove(&query.head.public_id);
        }
        state.watchers.remove(&id);
        forgotten = true;
    }
    forgotten
}
