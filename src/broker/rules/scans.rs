//! Scans: the indexing of one account, with the listing barrier. Pure; part of `State`.
//!
//! A scan lists the account's posts in two ways at once (`ListingStep`), each a work item of its own.
//! Pages of a listing are compared with the database; what is new goes to the indexing workers in
//! batches, and from them to the database. **The barrier:** the cursor of a step is sent to the database
//! only after its listing has ended and every new post that it produced, including those that the other
//! step produced first, is stored. So a crash at any instant can repeat work but never skip a post.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use crate::base::MicroUsd;
use crate::base::clock::Monotonic;
use crate::base::ids::{AccountKey, AskId, ContainerId, LeaseId, Network, QueryId, ScanId};
use crate::broker::books::items::Owner;
use crate::broker::books::searched::SearchedPosts;
use crate::broker::state::{BATCH_IMAGES, BATCH_POSTS, Effect, Now, Pending, State, cursor_fits, native_ids};
use crate::config::TimelinePolicy;
use crate::domain::accounts::{Account, AccountRef, AccountState, Resolution, ResolutionOutcome};
use crate::domain::addresses::account_named;
use crate::domain::failure::FailureCode;
use crate::domain::posts::{IndexedPost, ListedPost};
use crate::domain::scans::{Coverage, Cursor, EndedSearch, ListingEnd, ListingStep, Priority, Searched};
use crate::proto::front::FrontAnswer;
use crate::proto::stage::{Answer, Question};
use crate::proto::view::{ScanState, ScanView};
use crate::proto::work::Work;
use crate::storekeeper::orders::{AcceptedRequest, JournalEntry, ToStorekeeper};

/// How long an ended scan can be asked for.
const KEPT: Duration = Duration::from_secs(24 * 3600);
/// Weight of an account whose size the network does not tell.
const UNKNOWN_WEIGHT: u64 = 1000;

/// The indexing of one account.
#[derive(Debug)]
pub struct Scan {
    pub account: Account,
    pub priority: Priority,
    /// Where the account stood when the scan was asked for.
    before: AccountState,
    /// In the order of `ListingStep::ALL`.
    steps: [Step; 2],
    /// What its search has listed, for the spot checks of the timeline.
    searched: SearchedPosts,
    /// New posts on their way to the database, with the steps that listed each (`step_bit`).
    in_flight: HashMap<String, u8>,
    /// Queries that wait for the end.
    pub(in crate::broker) waiting: BTreeSet<QueryId>,
    /// Of the budget, what is promised to this scan and not spent yet.
    pub(in crate::broker) reserved: MicroUsd,
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
    /// The scan waits for its budget, or the timeline for the search.
    #[default]
    Waiting,
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

/// Somebody asked for a scan by name.
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

    /// True when the search lists all posts: the first time, and after its cursor was reset.
    pub(in crate::broker) fn lists_anew(&self) -> bool {
        self.before.search_cursor.is_none()
    }

    /// True when an earlier broker has seen its search to the end.
    pub(in crate::broker) fn has_searched(&self) -> bool {
        let [search, _] = &self.steps;
        matches!(search.state, StepState::Stored)
    }

    pub(in crate::broker) fn weight(&self) -> u64 {
        self.account.posts.unwrap_or(UNKNOWN_WEIGHT)
    }

    /// True when this listing has ended and all it stands for is stored.
    fn is_past_barrier(&self, step: ListingStep) -> bool {
        let [search, timeline] = &self.steps;
        let (own, other) = match step {
            ListingStep::Search => (search, timeline),
            ListingStep::Timeline => (timeline, search),
        };
        let StepState::Listed(end) = &own.state else { return false };
        let nothing_left = |step: &Step| step.pages == 0 && step.posts == 0;
        // A timeline of which only samples were read stands for what the search has listed as well.
        let rests_on_other = match end.coverage {
            Coverage::Sampled | Coverage::Skipped => true,
            Coverage::Complete | Coverage::LimitedTo(_) => false,
        };
        nothing_left(own) && (!rests_on_other || nothing_left(other))
    }

    /// True while more posts may be listed.
    pub(in crate::broker) fn is_listing(&self) -> bool {
        let mut states = self.steps.iter().map(|step| &step.state);
        self.outcome.is_none() && states.any(|state| matches!(state, StepState::Waiting | StepState::Listing))
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
    pub(in crate::broker) fn start_scan(
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
                    Owner::Query(_)
                    | Owner::ScanRequest(_)
                    | Owner::Updates(_)
                    | Owner::Retries
                    | Owner::Maintenance(_)
                    | Owner::Delivery(_) => false,
                });
            }
            return id;
        }
        let id = ScanId(self.next_number());
        let ended = self.resumed_searches.remove(&account.key);
        let mut scan = Scan {
            account: account.clone(),
            priority,
            before: state.clone(),
            steps: Default::default(),
            searched: SearchedPosts::default(),
            reserved: MicroUsd(0),
            in_flight: HashMap::new(),
            waiting: waiter.into_iter().collect(),
            started: now.mono,
            listed: 0,
            indexed: 0,
            outcome: None,
            ended: None,
        };
        for step in
            ListingStep::ALL.iter().filter(|step| !ListingStep::of(account.key.network).contains(step))
        {
            // A listing that the network does not have has nothing to wait for.
            scan.step_mut(*step).state = StepState::Stored;
        }
        if let Some(ended) = ended.clone() {
            // All that it listed is stored: the scan goes on with the timeline.
            scan.before.search_cursor = ended.since;
            scan.searched = SearchedPosts::of_ids(ended.ids);
            scan.step_mut(ListingStep::Search).state = StepState::Stored;
        }
        self.scans.insert(id, scan);
        self.running_scans.insert(account.key.clone(), id);
        let request = AcceptedRequest::Scan { account: account.clone(), priority, searched: ended };
        self.journal(JournalEntry::Accepted { key: scan_key(&account), request }, effects);
        self.admit_scan(id, now);
        id
    }

    /// Puts the first work of an admitted scan into its queues.
    pub(in crate::broker) fn begin_scan(&mut self, id: ScanId, now: Now) {
        let has_searched = self.scans.get(&id).is_some_and(Scan::has_searched);
        if has_searched {
            self.continue_with_timeline(id, now);
            return;
        }
        self.begin_listing(id, ListingStep::Search, None, now);
        let network = self.scans.get(&id).map(|scan| scan.account.key.network);
        let network = network.filter(|network| ListingStep::of(*network).contains(&ListingStep::Timeline));
        match network.map(|network| self.timeline_policy(network)) {
            Some(TimelinePolicy::Always) => self.begin_listing(id, ListingStep::Timeline, None, now),
            // It follows the search.
            Some(TimelinePolicy::Adaptive | TimelinePolicy::Never) | None => {}
        }
    }

    /// Where reading costs nothing, nothing is to be saved.
    fn timeline_policy(&self, network: Network) -> TimelinePolicy {
        if self.is_billed(network) { self.policy.timeline } else { TimelinePolicy::Always }
    }

    fn begin_listing(&mut self, id: ScanId, step: ListingStep, searched: Option<Searched>, now: Now) {
        let Some(scan) = self.scans.get_mut(&id) else { return };
        scan.step_mut(step).state = StepState::Listing;
        let (account, priority, weight) = (scan.account.clone(), scan.priority, scan.weight());
        let work = Work::ListPosts { scan: id, account, cursor: scan.before.cursor(step), searched };
        self.enqueue(Owner::Listing(id, step), work, priority, weight, now);
    }

    /// The search has come to its end, well or not: a timeline that waited for it goes on.
    fn continue_with_timeline(&mut self, id: ScanId, now: Now) {
        let Some(scan) = self.scans.get_mut(&id) else { return };
        let [search, timeline] = &mut scan.steps;
        if !matches!(timeline.state, StepState::Waiting) {
            return;
        }
        let searched = match &search.state {
            StepState::Waiting | StepState::Listing => return,
            // What is wrong with the account itself, the timeline would only say again.
            StepState::Failed { code, why } if is_of_the_account(*code) => {
                timeline.state = StepState::Failed { code: *code, why: why.clone() };
                return;
            }
            StepState::Failed { .. } => None,
            StepState::Listed(_) | StepState::StoringCursor | StepState::Stored => {
                Some(Searched { since: scan.before.search_cursor })
            }
        };
        let network = scan.account.key.network;
        match self.timeline_policy(network) {
            TimelinePolicy::Never => {}
            TimelinePolicy::Adaptive => return self.begin_listing(id, ListingStep::Timeline, searched, now),
            // It waited only because an earlier broker had seen the search to its end.
            TimelinePolicy::Always => return self.begin_listing(id, ListingStep::Timeline, None, now),
        }
        let Some(scan) = self.scans.get_mut(&id) else { return };
        let cursor = scan.before.cursor(ListingStep::Timeline);
        let [search, timeline] = &mut scan.steps;
        timeline.state = match &search.state {
            StepState::Failed { code, why } => StepState::Failed { code: *code, why: why.clone() },
            _ => StepState::Listed(ListingEnd {
                cursor,
                newest: None,
                oldest: None,
                coverage: Coverage::Skipped,
                posts_read: 0,
            }),
        };
    }

    /// What the search of a scan has listed, from the `from`-th post on, newest first.
    pub(in crate::broker) fn searched_posts(&self, id: ScanId, from: u32) -> Answer {
        match self.scans.get(&id) {
            Some(scan) => Answer::SearchedPosts(scan.searched.part(from)),
            None => Answer::Unavailable("there is no such scan any more".to_owned()),
        }
    }

    /// A listing found posts: the database is asked which of them are new.
    pub(in crate::broker) fn page_listed(
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
        if step == ListingStep::Search {
            scan.searched.extend(&posts);
        }
        let account = scan.account.clone();
        let ticket = self.expect(Pending::Filter { scan: id, step, container: from, lease });
        effects.push(Effect::ToStore(ToStorekeeper::FilterNew { ticket, account, posts }));
        self.scan_changed(id, now, effects);
    }

    /// The new posts of a page go to the indexing workers, unless they are on their way already.
    pub(in crate::broker) fn posts_filtered(
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
        for posts in batches(new) {
            let work = Work::IndexPosts { scan: id, step, account: account.clone(), posts };
            self.enqueue(Owner::Batch(id), work, priority, weight, now);
        }
        if self.pending_posts < self.policy.max_pending_posts {
            accept_page(page, effects);
        } else {
            self.held_pages.push(page);
        }
        self.pass_barrier(id, now, effects);
    }

    /// Posts come back from an indexing worker and go to the database.
    pub(in crate::broker) fn indexed(
        &mut self,
        scan: ScanId,
        account: Account,
        posts: Vec<IndexedPost>,
        effects: &mut Vec<Effect>,
    ) {
        let ticket = self.expect(Pending::Posts { scan, posts: native_ids(&posts) });
        effects.push(Effect::ToStore(ToStorekeeper::StorePosts { ticket, account, posts }));
    }

    /// Posts are in the database and can be searched.
    pub(in crate::broker) fn posts_stored(
        &mut self,
        id: ScanId,
        posts: &[String],
        now: Now,
        effects: &mut Vec<Effect>,
    ) {
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
        self.pass_barrier(id, now, effects);
        self.scan_changed(id, now, effects);
    }

    /// A listing came to its end.
    pub(in crate::broker) fn listed(
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
        self.continue_with_timeline(id, now);
        self.pass_barrier(id, now, effects);
    }

    pub(in crate::broker) fn listing_failed(
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
        self.continue_with_timeline(id, now);
        self.pass_barrier(id, now, effects);
    }

    /// The barrier: stores each cursor once nothing of its listing is outstanding.
    fn pass_barrier(&mut self, id: ScanId, now: Now, effects: &mut Vec<Effect>) {
        for step in ListingStep::ALL {
            let Some(scan) = self.scans.get_mut(&id) else { return };
            if !scan.is_past_barrier(step) {
                continue;
            }
            let entry = scan.step_mut(step);
            let state = std::mem::replace(&mut entry.state, StepState::StoringCursor);
            if let StepState::Listed(end) = state {
                let account = scan.account.clone();
                self.keep_search(id, &end.cursor, effects);
                let ticket = self.expect(Pending::Cursor { scan: id, step });
                effects.push(Effect::ToStore(ToStorekeeper::StoreCursor { ticket, account, end }));
            }
        }
        self.end_scan_if_settled(id, now, effects);
    }

    /// A search is about to pass the barrier while its timeline is still to be read: what it listed is kept for
    /// the case that this broker ends, since the next search would start behind it and the samples know nothing.
    fn keep_search(&mut self, id: ScanId, cursor: &Cursor, effects: &mut Vec<Effect>) {
        let Cursor::Search(until) = cursor else { return };
        let Some(scan) = self.scans.get(&id) else { return };
        let [_, timeline] = &scan.steps;
        if !matches!(timeline.state, StepState::Waiting | StepState::Listing) {
            return;
        }
        let searched =
            EndedSearch { since: scan.before.search_cursor, until: *until, ids: scan.searched.ids() };
        let (account, priority) = (scan.account.clone(), scan.priority);
        let key = scan_key(&account);
        let request = AcceptedRequest::Scan { account, priority, searched: Some(searched) };
        self.journal(JournalEntry::Accepted { key, request }, effects);
    }

    pub(in crate::broker) fn cursor_stored(
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
        let of_the_account = failures.iter().position(|(code, _)| is_of_the_account(*code));
        let all_failed = failures.len() == ListingStep::of(scan.account.key.network).len();
        let outcome = match of_the_account.or(all_failed.then_some(0)) {
            Some(index) => {
                let (code, why) = failures.swap_remove(index);
                ScanOutcome::Failed { code, why }
            }
            None => ScanOutcome::Done,
        };
        scan.outcome = Some(outcome);
        scan.ended = Some(now.mono);
        scan.reserved = MicroUsd(0);
        scan.searched = SearchedPosts::default();
        let waiting = std::mem::take(&mut scan.waiting);
        let account = scan.account.clone();
        self.metrics.record("scan: whole", crate::broker::state::micros(now.mono.since(scan.started)));
        self.running_scans.remove(&account.key);
        self.journal(JournalEntry::Ended { key: scan_key(&account) }, effects);
        for query in waiting {
            self.scan_ended_for(query, id, now, effects);
        }
        // What it did not spend is free for others.
        if !self.deferred_scans.is_empty() {
            self.check_budget(now, effects);
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

    // ---- scans whose turn it is

    /// Scans accounts again, under the handles that they have now: they may have been renamed, or were
    /// imported without a handle.
    pub(in crate::broker) fn start_updates(
        &mut self,
        scans: Vec<(Account, AccountState)>,
        priority: Priority,
        now: Now,
        effects: &mut Vec<Effect>,
    ) {
        let networks = scans.iter().map(|(account, _)| account.key.network);
        if self.look_up_refused(networks, now).is_some() {
            // The scans keep their place until there is money for them.
            for (account, state) in scans {
                self.start_scan(account, &state, priority, None, now, effects);
            }
            return;
        }
        let refs = scans.iter().map(|(account, _)| AccountRef::Id(account.key.clone())).collect();
        let number = self.next_number();
        self.updates.insert(number, (priority, scans));
        self.enqueue(Owner::Updates(number), Work::Resolve { refs }, priority, 0, now);
    }

    /// Accounts that are gone, or show nothing, are left alone until their next turn.
    pub(in crate::broker) fn updates_resolved(
        &mut self,
        number: u64,
        resolutions: &[Resolution],
        now: Now,
        effects: &mut Vec<Effect>,
    ) {
        let Some((priority, scans)) = self.updates.remove(&number) else { return };
        for (account, state) in scans {
            let found = resolutions.iter().find_map(|resolution| match &resolution.outcome {
                ResolutionOutcome::Readable(found) if found.key == account.key => Some(found.clone()),
                _ => None,
            });
            if let Some(found) = found.filter(|found| !self.is_blocklisted(found)) {
                self.start_scan(found, &state, priority, None, now, effects);
            }
        }
    }

    /// `account NAME`: what the database knows.
    pub(in crate::broker) fn ask_account(
        &mut self,
        front: ContainerId,
        ask: AskId,
        name: &str,
        effects: &mut Vec<Effect>,
    ) {
        let name = name.trim();
        let is_id = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_digit());
        let account = match is_id {
            true => AccountRef::Id(AccountKey::new(Network::Twitter, name)),
            false => match account_named(name) {
                Ok(account) => account,
                Err(why) => {
                    let code = FailureCode::InvalidTwitterAccount;
                    let answer = FrontAnswer::Refused { code, detail: why.to_owned() };
                    return self.tell_front(front, ask, answer, effects);
                }
            },
        };
        let ticket = self.expect(Pending::AccountRecords { front, ask });
        let question = Question::Accounts(account);
        effects.push(Effect::ToStore(ToStorekeeper::Ask { ticket, question }));
    }

    // ---- scans that somebody asks for by handle

    /// `scan NAME`: starts it, or shows the one that runs or has ended lately.
    pub(in crate::broker) fn ask_scan(
        &mut self,
        front: ContainerId,
        ask: AskId,
        name: &str,
        now: Now,
        effects: &mut Vec<Effect>,
    ) {
        let account = match account_named(name) {
            Ok(account) => account,
            Err(why) => {
                let code = FailureCode::InvalidTwitterAccount;
                let answer = FrontAnswer::Refused { code, detail: why.to_owned() };
                self.tell_front(front, ask, answer, effects);
                return;
            }
        };
        // One account is one request, however it is named.
        let handle = account.name().to_owned();
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
        if (ended || !self.scan_requests.contains_key(&handle))
            && let Some((code, detail)) = self.look_up_refused(std::iter::once(account.network()), now)
        {
            return self.tell_front(front, ask, FrontAnswer::Refused { code, detail }, effects);
        }
        if ended || !self.scan_requests.contains_key(&handle) {
            if let Some(why) = self.why_not_now() {
                return self.tell_front(front, ask, FrontAnswer::NotNow { why }, effects);
            }
            let request = ScanRequest { state: ScanRequestState::Resolving, since: now.mono };
            self.scan_requests.insert(handle.clone(), request);
            let work = Work::Resolve { refs: vec![account] };
            self.enqueue(Owner::ScanRequest(handle.clone()), work, Priority::User, 0, now);
        }
        if let Some(view) = self.scan_view(&handle, now) {
            self.tell_front(front, ask, FrontAnswer::Scan(view), effects);
        }
    }

    pub(in crate::broker) fn scan_resolved(
        &mut self,
        handle: String,
        resolutions: Vec<Resolution>,
        effects: &mut Vec<Effect>,
    ) {
        match resolutions.into_iter().next().map(|resolution| resolution.outcome) {
            Some(ResolutionOutcome::Readable(account)) if !self.is_blocklisted(&account) => {
                self.ask_scan_state(Some(handle), account, Priority::User, None, effects);
            }
            outcome => {
                let outcome = outcome.unwrap_or(ResolutionOutcome::Missing);
                let why = outcome.refusal().unwrap_or("is on this server's blocklist");
                let why = format!("the account {why}");
                self.scan_request_failed(&handle, FailureCode::InvalidTwitterAccount, why);
            }
        }
    }

    pub(in crate::broker) fn scan_request_failed(&mut self, handle: &str, code: FailureCode, why: String) {
        if let Some(request) = self.scan_requests.get_mut(handle) {
            request.state = ScanRequestState::Failed { code, why };
        }
    }

    /// Asks the database where a scan of this account starts.
    pub(in crate::broker) fn ask_scan_state(
        &mut self,
        handle: Option<String>,
        account: Account,
        priority: Priority,
        searched: Option<EndedSearch>,
        effects: &mut Vec<Effect>,
    ) {
        let question = Question::AccountStates(vec![account.key.clone()]);
        let ticket = self.expect(Pending::ScanStart { handle, account, priority, searched });
        effects.push(Effect::ToStore(ToStorekeeper::Ask { ticket, question }));
    }

    pub(in crate::broker) fn scan_states_known(
        &mut self,
        handle: Option<String>,
        account: Account,
        (priority, searched): (Priority, Option<EndedSearch>),
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
                // Unless its cursor is in the database, posts of it may be missing there.
                if let Some(ended) = searched.filter(|ended| ended.until == state.search_cursor) {
                    self.resumed_searches.insert(account.key.clone(), ended);
                }
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
            still_listing: false,
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
                view.still_listing = scan.is_listing();
                view.posts_total = scan.account.posts;
                let until = scan.ended.unwrap_or(now.mono);
                view.elapsed_ms = u64::try_from(until.since(scan.started).as_millis()).unwrap_or(u64::MAX);
                view.state = match &scan.outcome {
                    None if self.waits_for_budget(*id) => {
                        ScanState::Deferred { detail: self.why_deferred(*id, now).1 }
                    }
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
    pub(in crate::broker) fn forget_scans(&mut self, now: Now) {
        self.scans.retain(|_, scan| scan.ended.is_none_or(|at| now.mono.since(at) < KEPT));
        let scans = &self.scans;
        self.scan_requests.retain(|_, request| match &request.state {
            ScanRequestState::Resolving => true,
            ScanRequestState::Scan(id) => scans.contains_key(id),
            ScanRequestState::Failed { .. } => now.mono.since(request.since) < KEPT,
        });
    }

    pub(in crate::broker) fn is_blocklisted(&self, account: &Account) -> bool {
        self.policy.blocklist.contains(&account.key.native)
            || self.policy.blocklist.contains(&format!("@{}", account.handle))
    }
}

/// Posts as they are handed to indexing workers: few, and with few enough images for one message.
fn batches(posts: Vec<ListedPost>) -> Vec<Vec<ListedPost>> {
    let mut batches: Vec<Vec<ListedPost>> = Vec::new();
    let mut images = 0;
    for post in posts {
        match batches.last_mut() {
            Some(batch) if batch.len() < BATCH_POSTS && images + post.images.len() <= BATCH_IMAGES => {
                images += post.images.len();
                batch.push(post);
            }
            _ => {
                images = post.images.len();
                batches.push(vec![post]);
            }
        }
    }
    batches
}

/// What is wrong with the account itself holds for both listings; what is wrong with this server's ways to
/// read, for one.
fn is_of_the_account(code: FailureCode) -> bool {
    !matches!(code, FailureCode::ProcessingError | FailureCode::ApiBudgetExhausted)
}

fn accept_page((to, lease): (ContainerId, LeaseId), effects: &mut Vec<Effect>) {
    use crate::proto::stage::BrokerToStage;
    effects.push(Effect::ToStage { to, message: BrokerToStage::PageAccepted { lease }, blob: None });
}

fn scan_key(account: &Account) -> String {
    format!("scan {}", account.key)
}
