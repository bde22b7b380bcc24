//! Scans: the indexing of one account, with the listing barrier. Pure; part of `State`.
//!
//! A scan lists the account's posts in two ways at once (`ListingStep`), each a work item of its own.
//! Pages of a listing are compared with the database; what is new goes to the indexing workers in
//! batches, and from them to the database. **The barrier:** the cursor of a step is sent to the database
//! only after its listing has ended and every new post that it produced, including those that the other
//! step produced first, is stored. So a crash at any instant can repeat work but never skip a post.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use super::items::Owner;
use super::state::{BATCH_POSTS, Effect, Now, Pending, State, cursor_fits, native_ids};
use crate::base::clock::Monotonic;
use crate::base::ids::{AskId, ContainerId, LeaseId, Network, QueryId, ScanId};
use crate::proto::data::{
    Account, AccountRef, AccountState, IndexedPost, ListedPost, ListingEnd, ListingStep, Priority,
    Resolution, ResolutionOutcome, Work,
};
use crate::proto::failure::FailureCode;
use crate::proto::front::FrontAnswer;
use crate::proto::stage::{Answer, Question};
use crate::proto::store::{AcceptedRequest, JournalEntry, ToStorekeeper};
use crate::proto::view::{ScanState, ScanView};

/// How long an ended scan can be asked for.
const KEPT: Duration = Duration::from_secs(24 * 3600);
/// Weight of an account whose size the network does not tell.
const UNKNOWN_WEIGHT: u64 = 1000;

/// The indexing of one account.
#[derive(Debug)]
pub struct Scan {
    pub account: Account,
    pub priority: Priority,
    /// In the order of `ListingStep::ALL`.
    steps: [Step; 2],
    /// New posts on their way to the database, with the steps that listed each (`step_bit`).
    in_flight: HashMap<String, u8>,
    /// Queries that wait for the end.
    waiting: BTreeSet<QueryId>,
    pub started: Monotonic,
    /// Posts that the database did not have, each counted once though both listings may find it.
    pub listed: u64,
    /// Of those, stored.
    pub indexed: u64,
    pub outcome: Option<ScanOutcome>,
    ended: Option<Monotonic>,
}

/// How a scan ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ScanOutcome {
    /// Both listings, or the one that the network allows, are complete and stored.
    Done,
    Failed {
        code: FailureCode,
        why: String,
    },
}

#[derive(Debug, Default)]
struct Step {
    state: StepState,
    /// Pages being compared with the database.
    pages: usize,
    /// New posts of this step that are not stored yet.
    posts: usize,
}

#[derive(Debug, Default)]
enum StepState {
    #[default]
    Listing,
    /// The listing has ended; its cursor waits for the posts.
    Listed(ListingEnd),
    /// The cursor is on its way to the database.
    StoringCursor,
    Stored,
    Failed {
        code: FailureCode,
        why: String,
    },
}

/// Somebody asked for a scan by handle.
#[derive(Debug)]
pub struct ScanRequest {
    state: ScanRequestState,
    since: Monotonic,
}

#[derive(Debug)]
enum ScanRequestState {
    Resolving,
    Scan(ScanId),
    Failed { code: FailureCode, why: String },
}

fn step_bit(step: ListingStep) -> u8 {
    match step {
        ListingStep::Search => 1,
        ListingStep::Timeline => 2,
    }
}

impl Scan {
    fn step_mut(&mut self, step: ListingStep) -> &mut Step {
        let [search, timeline] = &mut self.steps;
        match step {
            ListingStep::Search => search,
            ListingStep::Timeline => timeline,
        }
    }

    fn weight(&self) -> u64 {
        self.account.posts.unwrap_or(UNKNOWN_WEIGHT)
    }

    fn is_settled(&self) -> bool {
        self.in_flight.is_empty()
            && self.steps.iter().all(|step| {
                step.pages == 0 && matches!(step.state, StepState::Stored | StepState::Failed { .. })
            })
    }
}

impl State {
    /// Starts the scan of an account, or joins the running one and raises its priority.
    pub(super) fn start_scan(
        &mut self,
        account: Account,
        state: &AccountState,
        priority: Priority,
        waiter: Option<QueryId>,
        now: Now,
        effects: &mut Vec<Effect>,
    ) -> ScanId {
        if let Some(&id) = self.running_scans.get(&account.key) {
            let mut raised = false;
            if let Some(scan) = self.scans.get_mut(&id) {
                scan.waiting.extend(waiter);
                raised = scan.priority > priority;
                scan.priority = scan.priority.min(priority);
            }
            if raised {
                self.raise(priority, |owner| match owner {
                    Owner::Listing(scan, _) | Owner::Batch(scan) => *scan == id,
                    Owner::Query(_) | Owner::ScanRequest(_) | Owner::Retries | Owner::Maintenance(_) => false,
                });
            }
            return id;
        }
        let id = ScanId(self.next_number());
        let scan = Scan {
            account: account.clone(),
            priority,
            steps: Default::default(),
            in_flight: HashMap::new(),
            waiting: waiter.into_iter().collect(),
            started: now.mono,
            listed: 0,
            indexed: 0,
            outcome: None,
            ended: None,
        };
        let weight = scan.weight();
        self.scans.insert(id, scan);
        self.running_scans.insert(account.key.clone(), id);
        let request = AcceptedRequest::Scan { account: account.clone(), priority };
        self.journal(JournalEntry::Accepted { key: scan_key(&account), request }, effects);
        for step in ListingStep::ALL {
            let work = Work::ListPosts { scan: id, account: account.clone(), cursor: state.cursor(step) };
            self.enqueue(Owner::Listing(id, step), work, priority, weight, now);
        }
        id
    }

    /// A listing found posts: the database is asked which of them are new.
    pub(super) fn page_listed(
        &mut self,
        from: ContainerId,
        lease: LeaseId,
        posts: Vec<ListedPost>,
        now: Now,
        effects: &mut Vec<Effect>,
    ) {
        let owner = self.lease_of(lease, from).map(|lease| lease.item.owner.clone());
        let Some(Owner::Listing(id, step)) = owner else {
            self.gossip_dropped += 1;
            return;
        };
        self.renew(lease, from, now);
        let Some(scan) = self.scans.get_mut(&id) else { return };
        scan.step_mut(step).pages += 1;
        let account = scan.account.clone();
        let ticket = self.expect(Pending::Filter { scan: id, step, container: from, lease });
        effects.push(Effect::ToStore(ToStorekeeper::FilterNew { ticket, account, posts }));
        self.scan_changed(id, now, effects);
    }

    /// The new posts of a page go to the indexing workers, unless they are on their way already.
    pub(super) fn posts_filtered(
        &mut self,
        id: ScanId,
        step: ListingStep,
        page: (ContainerId, LeaseId),
        posts: Vec<ListedPost>,
        now: Now,
        effects: &mut Vec<Effect>,
    ) {
        let Some(scan) = self.scans.get_mut(&id) else { return };
        let bit = step_bit(step);
        let mut new = Vec::new();
        for post in posts {
            let steps = scan.in_flight.entry(post.key.native.clone()).or_insert(0);
            if *steps & bit != 0 {
                continue; // listed twice by this step: an edge of pages, or a listing begun anew
            }
            if *steps == 0 {
                new.push(post);
            }
            *steps |= bit;
            scan.step_mut(step).posts += 1;
        }
        let entry = scan.step_mut(step);
        entry.pages = entry.pages.saturating_sub(1);
        let (account, priority, weight) = (scan.account.clone(), scan.priority, scan.weight());
        scan.listed += new.len() as u64;
        self.pending_posts += new.len();
        for batch in new.chunks(BATCH_POSTS) {
            let work = Work::IndexPosts { scan: id, step, account: account.clone(), posts: batch.to_vec() };
            self.enqueue(Owner::Batch(id), work, priority, weight, now);
        }
        if self.pending_posts < self.policy.max_pending_posts {
            accept_page(page, effects);
        } else {
            self.held_pages.push(page);
        }
        self.pass_barrier(id, step, now, effects);
    }

    /// Posts come back from an indexing worker and go to the database.
    pub(super) fn indexed(
        &mut self,
        scan: Option<ScanId>,
        account: Account,
        posts: Vec<IndexedPost>,
        effects: &mut Vec<Effect>,
    ) {
        let ticket = self.expect(Pending::Posts { scan, posts: native_ids(&posts) });
        effects.push(Effect::ToStore(ToStorekeeper::StorePosts { ticket, account, posts }));
    }

    /// Posts are in the database and can be searched.
    pub(super) fn posts_stored(
        &mut self,
        scan: Option<ScanId>,
        posts: &[String],
        now: Now,
        effects: &mut Vec<Effect>,
    ) {
        let Some(id) = scan else { return };
        let Some(scan) = self.scans.get_mut(&id) else { return };
        let mut stored = 0;
        for post in posts {
            let Some(steps) = scan.in_flight.remove(post) else { continue };
            stored += 1;
            for step in ListingStep::ALL {
                if steps & step_bit(step) != 0 {
                    let entry = scan.step_mut(step);
                    entry.posts = entry.posts.saturating_sub(1);
                }
            }
        }
        scan.indexed += stored as u64;
        self.pending_posts = self.pending_posts.saturating_sub(stored);
        if self.pending_posts < self.policy.max_pending_posts {
            for page in std::mem::take(&mut self.held_pages) {
                self.renew(page.1, page.0, now);
                accept_page(page, effects);
            }
        }
        for step in ListingStep::ALL {
            self.pass_barrier(id, step, now, effects);
        }
        self.scan_changed(id, now, effects);
    }

    /// A listing came to its end.
    pub(super) fn listed(
        &mut self,
        id: ScanId,
        step: ListingStep,
        end: ListingEnd,
        now: Now,
        effects: &mut Vec<Effect>,
    ) {
        if !cursor_fits(&end.cursor, step) {
            let why = "its listing ended with the cursor of another kind of listing".to_owned();
            self.listing_failed(id, step, FailureCode::ProcessingError, why, now, effects);
            return;
        }
        if let Some(scan) = self.scans.get_mut(&id) {
            scan.step_mut(step).state = StepState::Listed(end);
        }
        self.pass_barrier(id, step, now, effects);
    }

    pub(super) fn listing_failed(
        &mut self,
        id: ScanId,
        step: ListingStep,
        code: FailureCode,
        why: String,
        now: Now,
        effects: &mut Vec<Effect>,
    ) {
        if let Some(scan) = self.scans.get_mut(&id) {
            scan.step_mut(step).state = StepState::Failed { code, why };
        }
        self.pass_barrier(id, step, now, effects);
    }

    /// The barrier: stores the cursor once nothing of its listing is outstanding.
    fn pass_barrier(&mut self, id: ScanId, step: ListingStep, now: Now, effects: &mut Vec<Effect>) {
        let Some(scan) = self.scans.get_mut(&id) else { return };
        let entry = scan.step_mut(step);
        if entry.pages == 0 && entry.posts == 0 && matches!(entry.state, StepState::Listed(_)) {
            let state = std::mem::replace(&mut entry.state, StepState::StoringCursor);
            if let StepState::Listed(end) = state {
                let account = scan.account.clone();
                let ticket = self.expect(Pending::Cursor { scan: id, step });
                effects.push(Effect::ToStore(ToStorekeeper::StoreCursor { ticket, account, end }));
            }
        }
        self.end_scan_if_settled(id, now, effects);
    }

    pub(super) fn cursor_stored(
        &mut self,
        id: ScanId,
        step: ListingStep,
        now: Now,
        effects: &mut Vec<Effect>,
    ) {
        if let Some(scan) = self.scans.get_mut(&id) {
            scan.step_mut(step).state = StepState::Stored;
        }
        self.end_scan_if_settled(id, now, effects);
    }

    fn end_scan_if_settled(&mut self, id: ScanId, now: Now, effects: &mut Vec<Effect>) {
        let Some(scan) = self.scans.get_mut(&id) else { return };
        if scan.outcome.is_some() || !scan.is_settled() {
            return;
        }
        let mut failures = Vec::new();
        for step in &scan.steps {
            if let StepState::Failed { code, why } = &step.state {
                failures.push((*code, why.clone()));
            }
        }
        // One of the two listings may be closed to this server (full-archive search has a price of its
        // own): what the other one found is worth having. What is wrong with the account itself (it
        // blocks us, it is gone) holds for both, even if the search just found nothing.
        let of_the_account = failures.iter().position(|(code, _)| *code != FailureCode::ProcessingError);
        let all_failed = failures.len() == scan.steps.len();
        let outcome = match of_the_account.or(all_failed.then_some(0)) {
            Some(index) => {
                let (code, why) = failures.swap_remove(index);
                ScanOutcome::Failed { code, why }
            }
            None => ScanOutcome::Done,
        };
        scan.outcome = Some(outcome);
        scan.ended = Some(now.mono);
        let waiting = std::mem::take(&mut scan.waiting);
        let account = scan.account.clone();
        self.metrics.record("scan: whole", super::state::micros(now.mono.since(scan.started)));
        self.running_scans.remove(&account.key);
        self.journal(JournalEntry::Ended { key: scan_key(&account) }, effects);
        for query in waiting {
            self.scan_ended_for(query, id, now, effects);
        }
    }

    /// Tells the queries that wait for a scan that it moved on.
    fn scan_changed(&mut self, id: ScanId, now: Now, effects: &mut Vec<Effect>) {
        let waiting: Vec<QueryId> =
            self.scans.get(&id).map(|scan| scan.waiting.iter().copied().collect()).unwrap_or_default();
        for query in waiting {
            self.query_changed(query, now, effects);
        }
    }

    // ---- scans that somebody asks for by handle

    /// `scan NAME`: starts it, or shows the one that runs or has ended lately.
    pub(super) fn ask_scan(
        &mut self,
        front: ContainerId,
        ask: AskId,
        handle: &str,
        now: Now,
        effects: &mut Vec<Effect>,
    ) {
        let handle = handle.trim().trim_start_matches('@').to_ascii_lowercase();
        let valid = !handle.is_empty()
            && handle.len() <= 253
            && handle.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-' | '@'));
        if !valid {
            let code = FailureCode::InvalidTwitterAccount;
            let detail = "a name is made of letters, digits and underscores".to_owned();
            self.tell_front(front, ask, FrontAnswer::Refused { code, detail }, effects);
            return;
        }
        let ended = self.scan_requests.get(&handle).is_some_and(|request| match &request.state {
            ScanRequestState::Resolving => false,
            ScanRequestState::Failed { .. } => now.mono.since(request.since) > Duration::from_secs(5),
            ScanRequestState::Scan(id) => {
                let ended = self.scans.get(id).map(|scan| scan.ended);
                match ended {
                    None => true,
                    Some(None) => false,
                    // Seen once after its end, then a further `scan` scans anew.
                    Some(Some(at)) => now.mono.since(at) > Duration::from_secs(60),
                }
            }
        });
        if ended || !self.scan_requests.contains_key(&handle) {
            let request = ScanRequest { state: ScanRequestState::Resolving, since: now.mono };
            self.scan_requests.insert(handle.clone(), request);
            let account = AccountRef::Handle { network: Network::Twitter, handle: handle.clone() };
            let work = Work::Resolve { refs: vec![account] };
            self.enqueue(Owner::ScanRequest(handle.clone()), work, Priority::User, 0, now);
        }
        if let Some(view) = self.scan_view(&handle, now) {
            self.tell_front(front, ask, FrontAnswer::Scan(view), effects);
        }
    }

    pub(super) fn scan_resolved(
        &mut self,
        handle: String,
        resolutions: Vec<Resolution>,
        effects: &mut Vec<Effect>,
    ) {
        match resolutions.into_iter().next().map(|resolution| resolution.outcome) {
            Some(ResolutionOutcome::Readable(account)) if !self.is_blocklisted(&account) => {
                self.ask_scan_state(Some(handle), account, Priority::User, effects);
            }
            outcome => {
                let why = match outcome {
                    Some(ResolutionOutcome::Private) => "the account is private",
                    Some(ResolutionOutcome::Suspended) => "the account is suspended",
                    Some(ResolutionOutcome::Readable(_)) => "the account is on this server's blocklist",
                    Some(ResolutionOutcome::Missing) | None => "there is no account of this name",
                };
                self.scan_request_failed(&handle, FailureCode::InvalidTwitterAccount, why.to_owned());
            }
        }
    }

    pub(super) fn scan_request_failed(&mut self, handle: &str, code: FailureCode, why: String) {
        if let Some(request) = self.scan_requests.get_mut(handle) {
            request.state = ScanRequestState::Failed { code, why };
        }
    }

    /// Asks the database where a scan of this account starts.
    pub(super) fn ask_scan_state(
        &mut self,
        handle: Option<String>,
        account: Account,
        priority: Priority,
        effects: &mut Vec<Effect>,
    ) {
        let question = Question::AccountStates(vec![account.key.clone()]);
        let ticket = self.expect(Pending::ScanStart { handle, account, priority });
        effects.push(Effect::ToStore(ToStorekeeper::Ask { ticket, question }));
    }

    pub(super) fn scan_states_known(
        &mut self,
        handle: Option<String>,
        account: Account,
        priority: Priority,
        answer: Answer,
        now: Now,
        effects: &mut Vec<Effect>,
    ) {
        let state = match answer {
            Answer::AccountStates(states) => states.into_iter().next(),
            _ => None,
        };
        match (state, handle) {
            (Some(state), handle) => {
                let id = self.start_scan(account, &state, priority, None, now, effects);
                if let Some(request) = handle.and_then(|handle| self.scan_requests.get_mut(&handle)) {
                    request.state = ScanRequestState::Scan(id);
                }
            }
            (None, Some(handle)) => {
                let why = "the database could not be read".to_owned();
                self.scan_request_failed(&handle, FailureCode::ProcessingError, why);
            }
            // A resumed scan: listing everything anew is dear, so it is not started blind. It stays in
            // the journal; a query that needs it asks again.
            (None, None) => effects.push(Effect::WorkFailed {
                work: format!("resume the scan of {}", account.key),
                why: "the database could not be read".to_owned(),
            }),
        }
    }

    fn scan_view(&self, handle: &str, now: Now) -> Option<ScanView> {
        let request = self.scan_requests.get(handle)?;
        let mut view = ScanView {
            handle: handle.to_owned(),
            account: None,
            state: ScanState::Resolving,
            posts_listed: 0,
            posts_indexed: 0,
            posts_total: None,
            elapsed_ms: 0,
        };
        match &request.state {
            ScanRequestState::Resolving => {}
            ScanRequestState::Failed { code, why } => {
                view.state = ScanState::Failed { code: *code, detail: why.clone() };
            }
            ScanRequestState::Scan(id) => {
                let scan = self.scans.get(id)?;
                view.account = Some(scan.account.key.clone());
                view.posts_listed = scan.listed;
                view.posts_indexed = scan.indexed;
                view.posts_total = scan.account.posts;
                let until = scan.ended.unwrap_or(now.mono);
                view.elapsed_ms = u64::try_from(until.since(scan.started).as_millis()).unwrap_or(u64::MAX);
                view.state = match &scan.outcome {
                    None => ScanState::Running,
                    Some(ScanOutcome::Done) => ScanState::Done,
                    Some(ScanOutcome::Failed { code, why }) => {
                        ScanState::Failed { code: *code, detail: why.clone() }
                    }
                };
            }
        }
        Some(view)
    }

    /// Drops scans that ended long ago, and requests whose scan is gone.
    pub(super) fn forget_scans(&mut self, now: Now) {
        self.scans.retain(|_, scan| scan.ended.is_none_or(|at| now.mono.since(at) < KEPT));
        let scans = &self.scans;
        self.scan_requests.retain(|_, request| match &request.state {
            ScanRequestState::Resolving => true,
            ScanRequestState::Scan(id) => scans.contains_key(id),
            ScanRequestState::Failed { .. } => now.mono.since(request.since) < KEPT,
        });
    }

    pub(super) fn is_blocklisted(&self, account: &Account) -> bool {
        self.policy.blocklist.contains(&account.key.native)
            || self.policy.blocklist.contains(&format!("@{}", account.handle))
    }
}

fn accept_page((to, lease): (ContainerId, LeaseId), effects: &mut Vec<Effect>) {
    use crate::proto::stage::BrokerToStage;
    effects.push(Effect::ToStage { to, message: BrokerToStage::PageAccepted { lease }, blob: None });
}

fn scan_key(account: &Account) -> String {
    format!("scan {}", account.key)
}
