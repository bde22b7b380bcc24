//! A scan: the indexing of one account, with the listing barrier. Pure.
//!
//! A scan lists the account's posts in two ways at once (`ListingStep`), each a work item of its own.
//! Pages of a listing are compared with the database; what is new goes to the indexing workers in
//! batches, and from them to the database. **The barrier:** the cursor of a step is sent to the database
//! only after its listing has ended and every new post that it produced, including those that the other
//! step produced first, is stored. So a crash at any instant can repeat work but never skip a post.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use crate::base::clock::Monotonic;
use crate::base::ids::{AccountKey, QueryId, ScanId};
use crate::base::{MicroUsd, Timestamp};
use crate::broker::books::party::Party;
use crate::broker::books::relisted::Relisted;
use crate::broker::books::searched::SearchedPosts;
use crate::config::TimelinePolicy;
use crate::domain::accounts::{Account, AccountState};
use crate::domain::failure::FailureCode;
use crate::domain::posts::ListedPost;
use crate::domain::scans::{
    Coverage, Cursor, EndedSearch, ListingEnd, ListingStep, Priority, Reach, Resumed, ScanDeaths, Searched,
    Window,
};
use crate::proto::work::Work;
use crate::storekeeper::orders::JournalEntry;

/// Weight of an account whose size the network does not tell.
const UNKNOWN_WEIGHT: u64 = 1000;

/// Posts that the journal calls suspects, of one scan: a few batches. Of more deaths at a time the oldest are
/// forgotten.
const MAX_SUSPECTS: usize = 64;

/// The indexing of one account.
#[derive(Debug)]
pub struct Scan {
    pub head: ScanHead,
    pub phase: ScanPhase,
}

/// What a scan is about: an account, and how much of it.
pub type ScanSubject = (AccountKey, Reach);

/// Names a scan in the journal.
pub fn journal_key(account: &AccountKey, reach: Reach) -> String {
    match reach {
        Reach::Whole => format!("scan {account}"),
        // No key of an account has a space.
        Reach::Window(Window { from, to }) => format!("scan {account} from {} to {}", from.0, to.0),
    }
}

/// Whose posts are indexed, and how far that came.
#[derive(Debug)]
pub struct ScanHead {
    pub account: Account,
    pub reach: Reach,
    /// Whose share of workers and of room it takes.
    pub party: Party,
    pub priority: Priority,
    pub started: Monotonic,
    /// Posts that the database did not have, each counted once though both listings may find it.
    pub listed: u64,
    /// Of those, stored.
    pub indexed: u64,
    /// The part of its window that was listed without a gap.
    pub covered: Option<Window>,
}

#[derive(Debug)]
pub enum ScanPhase {
    /// Listings are under way, or wait for their budget. Ends when each is stored or has failed.
    Running(Box<Running>),
    /// It can be asked for, for a while.
    Ended { at: Monotonic, outcome: ScanOutcome },
}

/// What exists only while a scan runs.
#[derive(Debug)]
pub struct Running {
    /// Where the account stood when the scan was asked for.
    before: AccountState,
    /// In the order of `ListingStep::ALL`.
    steps: [Step; 3],
    /// What its search has listed, for the spot checks of the timeline.
    pub searched: SearchedPosts,
    /// What the search, or the listing of a window, has shown of an account that was listed before.
    relisted: Option<Relisted>,
    /// New posts on their way to the database, with the steps that listed each (`step_bit`).
    in_flight: HashMap<String, u8>,
    /// Queries that wait for the end.
    pub waiting: BTreeSet<QueryId>,
    /// The cursor of the search, since what that has listed is in the journal.
    kept_until: Option<Option<Timestamp>>,
    /// Workers that were lost over its work, also before this broker began it again.
    deaths: ScanDeaths,
    /// Somebody else than queries wants it too: a command, maintenance, or an earlier broker's
    /// journal.
    pub is_wanted_anyway: bool,
    /// Of the budget, what is promised to this scan and not spent yet.
    pub reserved: MicroUsd,
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

/// What a scan did for the queries that wait for it. Whoever moves a scan passes this on to them.
#[derive(Debug)]
#[must_use = "queries wait for it"]
pub enum Woken {
    Nobody,
    /// The scan moved on: these queries show other figures.
    Progressed(Vec<QueryId>),
    /// The scan ended, or is held for another day: these queries wait for it no longer.
    Released(ScanId, BTreeSet<QueryId>),
}

/// What a cancelled scan leaves behind.
#[derive(Debug)]
pub struct Cancelled {
    /// Queries that waited for it.
    pub waiting: BTreeSet<QueryId>,
    /// New posts that were on their way to the database.
    pub posts_waiting: usize,
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

fn step_bit(step: ListingStep) -> u8 {
    match step {
        ListingStep::Search => 1,
        ListingStep::Timeline => 2,
        ListingStep::Window => 4,
    }
}

impl Scan {
    /// A scan of which no listing has begun. Where an earlier broker has seen its search to the end, all that
    /// it listed is stored, so that the scan goes on with the timeline.
    pub fn new(head: ScanHead, before: AccountState, resumed: Resumed) -> Scan {
        let is_known = before.search_listed_at.is_some() || !before.windows.is_empty();
        let mut running = Running {
            // What an earlier broker has listed is not known.
            relisted: (is_known && resumed.searched.is_none()).then(Relisted::default),
            before,
            steps: Default::default(),
            searched: SearchedPosts::default(),
            in_flight: HashMap::new(),
            waiting: BTreeSet::new(),
            kept_until: None,
            deaths: resumed.deaths,
            is_wanted_anyway: false,
            reserved: MicroUsd(0),
        };
        let has = head.listings();
        for step in ListingStep::ALL.iter().filter(|step| !has.contains(step)) {
            // A listing that the scan does not have has nothing to wait for.
            running.step_mut(*step).state = StepState::Stored;
        }
        if let Some(ended) = resumed.searched {
            running.kept_until = Some(ended.until);
            running.before.search_cursor = ended.since;
            running.searched = SearchedPosts::of_ids(ended.ids);
            running.step_mut(ListingStep::Search).state = StepState::Stored;
        }
        Scan { head, phase: ScanPhase::Running(Box::new(running)) }
    }

    pub fn running(&self) -> Option<&Running> {
        match &self.phase {
            ScanPhase::Running(running) => Some(running),
            ScanPhase::Ended { .. } => None,
        }
    }

    pub fn running_mut(&mut self) -> Option<&mut Running> {
        match &mut self.phase {
            ScanPhase::Running(running) => Some(running),
            ScanPhase::Ended { .. } => None,
        }
    }

    pub fn outcome(&self) -> Option<&ScanOutcome> {
        match &self.phase {
            ScanPhase::Running(_) => None,
            ScanPhase::Ended { outcome, .. } => Some(outcome),
        }
    }

    /// When it ended, if it has.
    pub fn ended(&self) -> Option<Monotonic> {
        match &self.phase {
            ScanPhase::Running(_) => None,
            ScanPhase::Ended { at, .. } => Some(*at),
        }
    }

    /// True while more posts may be listed.
    pub fn is_listing(&self) -> bool {
        self.running().is_some_and(|running| running.steps.iter().any(Step::may_list_more))
    }

    /// Ends the scan here and now, if it runs.
    pub fn cancel(&mut self, why: String, now: Monotonic) -> Option<Cancelled> {
        let ScanPhase::Running(running) = &mut self.phase else { return None };
        let cancelled = Cancelled {
            waiting: std::mem::take(&mut running.waiting),
            posts_waiting: running.in_flight.len(),
        };
        let outcome = ScanOutcome::Failed { code: FailureCode::Cancelled, why };
        self.phase = ScanPhase::Ended { at: now, outcome };
        Some(cancelled)
    }

    /// Ends the scan if nothing of it is under way any more. Returns the queries that waited for it.
    pub fn end_if_settled(&mut self, now: Monotonic) -> Option<BTreeSet<QueryId>> {
        let listings = self.head.listings().len();
        let running = self.running_mut()?;
        if !running.is_settled() {
            return None;
        }
        let waiting = std::mem::take(&mut running.waiting);
        let outcome = running.outcome(listings);
        self.phase = ScanPhase::Ended { at: now, outcome };
        Some(waiting)
    }
}

impl ScanHead {
    /// What it is about: of one subject at most one scan runs.
    pub fn subject(&self) -> ScanSubject {
        (self.account.key.clone(), self.reach)
    }

    /// Names it in the journal.
    pub fn journal_key(&self) -> String {
        journal_key(&self.account.key, self.reach)
    }

    /// The journal's entry for its end.
    pub fn ended_entry(&self) -> JournalEntry {
        JournalEntry::Ended { key: self.journal_key() }
    }

    /// The listings of which it consists.
    pub fn listings(&self) -> &'static [ListingStep] {
        match self.reach {
            Reach::Whole => ListingStep::of(self.account.key.network),
            Reach::Window(_) => &[ListingStep::Window],
        }
    }

    pub fn weight(&self) -> u64 {
        self.account.posts.unwrap_or(UNKNOWN_WEIGHT)
    }
}

impl Running {
    fn step_mut(&mut self, step: ListingStep) -> &mut Step {
        let [search, timeline, window] = &mut self.steps;
        match step {
            ListingStep::Search => search,
            ListingStep::Timeline => timeline,
            ListingStep::Window => window,
        }
    }

    /// True when the search lists all posts: the first time, and after its cursor was reset.
    pub fn lists_anew(&self) -> bool {
        self.before.search_cursor.is_none()
    }

    /// Makes the search list all posts from here on.
    pub fn list_anew(&mut self, now: Timestamp) {
        self.before.search_cursor = None;
        self.before.listed_anew_at = Some(now);
        self.searched = SearchedPosts::default();
        self.relisted = self.relisted.take().map(|_| Relisted::default());
        self.kept_until = None;
    }

    /// True when the network counts many more posts than at the last listing, and this update, which has
    /// ended so, has not come across them: they lie deeper, with dates that their author chose. What has no
    /// images counts too and is never listed, so it is not concluded again and again.
    pub fn misses_posts(&self, stated: Option<u64>, end: &ListingEnd, now: Timestamp) -> bool {
        /// Posts without images, of an artist, between two listings.
        const USUAL: u64 = 20;
        const PAUSE: Duration = Duration::from_secs(7 * 86_400);
        let (Some(stated), Some(before)) = (stated, self.before.stated_posts) else { return false };
        let unseen = stated.saturating_sub(before).saturating_sub(end.posts_read);
        let is_long_ago = self.before.listed_anew_at.is_none_or(|at| at <= now.minus(PAUSE));
        !self.lists_anew() && unseen > USUAL && is_long_ago
    }

    /// True when an earlier broker has seen its search to the end.
    pub fn has_searched(&self) -> bool {
        let [search, _, _] = &self.steps;
        matches!(search.state, StepState::Stored)
    }

    /// A listing begins; returns what it is to list.
    pub fn begin(&mut self, reach: Reach, step: ListingStep) -> Cursor {
        self.step_mut(step).state = StepState::Listing;
        match (reach, step) {
            (Reach::Window(window), _) => Cursor::Window(window),
            (Reach::Whole, ListingStep::Timeline) => Cursor::Timeline(self.before.timeline_cursor.clone()),
            (Reach::Whole, ListingStep::Search | ListingStep::Window) => {
                Cursor::Search(self.before.search_cursor)
            }
        }
    }

    /// A listing ended.
    pub fn end(&mut self, step: ListingStep, end: ListingEnd) {
        self.step_mut(step).state = StepState::Listed(end);
    }

    /// A listing was given up.
    pub fn fail(&mut self, step: ListingStep, code: FailureCode, why: String) {
        self.step_mut(step).state = StepState::Failed { code, why };
    }

    /// A listing's cursor, and so all that it stands for, is in the database.
    pub fn cursor_stored(&mut self, step: ListingStep) {
        self.step_mut(step).state = StepState::Stored;
    }

    /// A listing found a page of posts, which is now compared with the database.
    pub fn add_page(&mut self, step: ListingStep, posts: &[ListedPost]) {
        self.step_mut(step).pages += 1;
        if step == ListingStep::Search {
            self.searched.extend(posts);
        }
        // A timeline has gaps, or no end.
        if let Some(relisted) = self.relisted.as_mut().filter(|_| step != ListingStep::Timeline) {
            relisted.extend(posts);
        }
    }

    /// What this listing, which has come to its end, has shown of an account that was listed before.
    pub fn take_relisted(&mut self, step: ListingStep) -> Option<Relisted> {
        self.relisted.take_if(|_| step != ListingStep::Timeline)
    }

    /// The database has told which posts of a page are new. Returns those that are not on their way already.
    pub fn add_new_posts(&mut self, step: ListingStep, posts: Vec<ListedPost>) -> Vec<ListedPost> {
        let bit = step_bit(step);
        let mut new = Vec::new();
        for post in posts {
            let steps = self.in_flight.entry(post.key.native.clone()).or_insert(0);
            if *steps & bit != 0 {
                continue; // listed twice by this step: an edge of pages, or a listing begun anew
            }
            if *steps == 0 {
                new.push(post);
            }
            *steps |= bit;
            self.step_mut(step).posts += 1;
        }
        let entry = self.step_mut(step);
        entry.pages = entry.pages.saturating_sub(1);
        new
    }

    /// New posts that are on their way to the database.
    pub fn posts_waiting(&self) -> usize {
        self.in_flight.len()
    }

    /// These posts are in the database. Returns how many of them were on their way.
    pub fn posts_stored(&mut self, posts: &[String]) -> usize {
        let mut stored = 0;
        for post in posts {
            self.deaths.posts.retain(|(suspect, _)| suspect != post);
            let Some(steps) = self.in_flight.remove(post) else { continue };
            stored += 1;
            for step in ListingStep::ALL {
                if steps & step_bit(step) != 0 {
                    let entry = self.step_mut(step);
                    entry.posts = entry.posts.saturating_sub(1);
                }
            }
        }
        stored
    }

    /// The search has come to its end, well or not: decides what a timeline that waited for it does.
    /// `counts_are_trusted`: an equal count of the account's media may shorten it.
    pub fn timeline_after_search(
        &mut self,
        policy: TimelinePolicy,
        counts_are_trusted: bool,
    ) -> TimelineStart {
        let cursor = Cursor::Timeline(self.before.timeline_cursor.clone());
        let [search, timeline, _] = &mut self.steps;
        if !matches!(timeline.state, StepState::Waiting) {
            return TimelineStart::Stays;
        }
        let searched = match &search.state {
            StepState::Waiting | StepState::Listing => return TimelineStart::Stays,
            // What is wrong with the account itself, the timeline would only say again.
            StepState::Failed { code, why } if is_of_the_account(*code) => {
                timeline.state = StepState::Failed { code: *code, why: why.clone() };
                return TimelineStart::Stays;
            }
            StepState::Failed { .. } => None,
            StepState::Listed(_) | StepState::StoringCursor | StepState::Stored => {
                let since = self.before.search_cursor;
                // An update says nothing of all that the account has.
                let media = self.searched.media().filter(|_| since.is_none());
                Some(Searched { since, media, counts_are_trusted })
            }
        };
        match policy {
            TimelinePolicy::Adaptive => TimelineStart::Begins(searched),
            // It waited only because an earlier broker had seen the search to its end.
            TimelinePolicy::Always => TimelineStart::Begins(None),
            TimelinePolicy::Never => {
                timeline.state = match &search.state {
                    StepState::Failed { code, why } => StepState::Failed { code: *code, why: why.clone() },
                    _ => StepState::Listed(ListingEnd {
                        cursor,
                        newest: None,
                        oldest: None,
                        coverage: Coverage::Skipped,
                        posts_read: 0,
                        media: None,
                    }),
                };
                TimelineStart::Stays
            }
        }
    }

    /// The barrier: what a listing that has ended is to store, once all it stands for is stored.
    pub fn pass_barrier(&mut self, step: ListingStep) -> Option<ListingEnd> {
        if !self.is_past_barrier(step) {
            return None;
        }
        let entry = self.step_mut(step);
        match std::mem::replace(&mut entry.state, StepState::StoringCursor) {
            StepState::Listed(end) => Some(end),
            other => {
                entry.state = other;
                None
            }
        }
    }

    /// True when this listing has ended and all it stands for is stored.
    fn is_past_barrier(&self, step: ListingStep) -> bool {
        let [search, timeline, window] = &self.steps;
        let (own, other) = match step {
            ListingStep::Search => (search, timeline),
            ListingStep::Timeline => (timeline, search),
            ListingStep::Window => (window, search),
        };
        let StepState::Listed(end) = &own.state else { return false };
        // A timeline of which only samples were read stands for what the search has listed as well.
        let rests_on_other = match end.coverage {
            Coverage::Sampled | Coverage::Skipped => true,
            Coverage::Complete | Coverage::LimitedTo(_) => false,
        };
        own.has_nothing_left() && (!rests_on_other || other.has_nothing_left())
    }

    /// The search has ended with this cursor. True if its timeline is still to be read: then what it has
    /// listed is kept for the case that this broker ends, since the next search would start behind it and the
    /// samples know nothing.
    pub fn keep_search(&mut self, cursor: &Cursor) -> bool {
        let Cursor::Search(until) = cursor else { return false };
        let [_, timeline, _] = &self.steps;
        if !timeline.may_list_more() {
            return false;
        }
        self.kept_until = Some(*until);
        true
    }

    /// What a broker after this one is to know of the scan.
    pub fn to_resume(&self) -> Resumed {
        let searched = self.kept_until.map(|until| EndedSearch {
            since: self.before.search_cursor,
            until,
            ids: self.searched.ids(),
        });
        Resumed { searched, deaths: self.deaths.clone() }
    }

    /// Workers that were lost over this work.
    pub fn deaths_over(&self, work: &Work) -> u32 {
        match work {
            Work::ListPosts { cursor, .. } => self.deaths.of_listing(cursor.step()),
            Work::IndexPosts { posts, .. } => {
                posts.iter().map(|post| self.deaths_of_post(&post.key.native)).max().unwrap_or(0)
            }
            _ => 0,
        }
    }

    /// Workers that were lost over this post.
    pub fn deaths_of_post(&self, native: &str) -> u32 {
        let suspect = self.deaths.posts.iter().find(|(suspect, _)| suspect == native);
        suspect.map_or(0, |(_, deaths)| *deaths)
    }

    /// So many workers were lost over this work by now. False if that was known.
    pub fn note_deaths(&mut self, work: &Work, deaths: u32) -> bool {
        if self.deaths_over(work) >= deaths {
            return false;
        }
        match work {
            Work::ListPosts { cursor, .. } => *self.deaths.of_listing_mut(cursor.step()) = deaths,
            Work::IndexPosts { posts, .. } => {
                for post in posts {
                    self.deaths.posts.retain(|(suspect, _)| *suspect != post.key.native);
                    self.deaths.posts.push((post.key.native.clone(), deaths));
                }
                let superfluous = self.deaths.posts.len().saturating_sub(MAX_SUSPECTS);
                self.deaths.posts.drain(..superfluous);
            }
            _ => return false,
        }
        true
    }

    fn is_settled(&self) -> bool {
        self.in_flight.is_empty()
            && self.steps.iter().all(|step| {
                step.pages == 0 && matches!(step.state, StepState::Stored | StepState::Failed { .. })
            })
    }

    /// One of the two listings may be closed to this server (full-archive search has a price of its own):
    /// what the other one found is worth having. What is wrong with the account itself (it blocks us, it is
    /// gone) holds for both, even if the search just found nothing.
    fn outcome(&self, listings: usize) -> ScanOutcome {
        let failures = self.steps.iter().filter_map(|step| match &step.state {
            StepState::Failed { code, why } => Some((*code, why)),
            _ => None,
        });
        let of_the_account = failures.clone().find(|(code, _)| is_of_the_account(*code));
        let all_failed = failures.clone().count() == listings;
        match of_the_account.or(failures.clone().next().filter(|_| all_failed)) {
            Some((code, why)) => ScanOutcome::Failed { code, why: why.clone() },
            None => ScanOutcome::Done,
        }
    }
}

impl Step {
    /// No page or post of it is on its way to the database.
    fn has_nothing_left(&self) -> bool {
        self.pages == 0 && self.posts == 0
    }

    fn may_list_more(&self) -> bool {
        matches!(self.state, StepState::Waiting | StepState::Listing)
    }
}

/// What a timeline does when the search has come to its end.
#[derive(Debug)]
pub enum TimelineStart {
    /// It runs already, or is not to be read.
    Stays,
    /// It is to be read; only as far as it holds posts that this search missed, if there was one.
    Begins(Option<Searched>),
}

/// What is wrong with the account itself holds for both listings; what is wrong with this server's ways to
/// read, for one.
fn is_of_the_account(code: FailureCode) -> bool {
    !matches!(code, FailureCode::ProcessingError | FailureCode::ApiBudgetExhausted)
}
