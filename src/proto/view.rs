//! What people and programs are shown: the state of requests, queues, workers, figures. Built by
//! the broker, rendered by `front`.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::base::ids::{AccountKey, PostKey, QueryId};
use crate::base::roles::{Role, Stage};
use crate::base::{MicroUsd, Timestamp};
use crate::domain::accounts::{Elsewhere, Evidence, OtherAccount};
use crate::domain::failure::FailureCode;
use crate::domain::forgotten::{Removed, Subject};
use crate::domain::images::{FoundPage, IndexProgress, MatchClass, SecondStage, StoreCounts, Variant};
use crate::domain::parts::{PartMatch, PartsState};
use crate::domain::reads::ReadCounts;
use crate::domain::scans::{CoveredWindow, Window};
use crate::domain::verdicts::{Claim, Effect, VerdictId};
use crate::domain::wanted::Wanted;

/// How far the removal of something is that was forgotten.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForgettingView {
    pub subject: Subject,
    /// As the account was called last; none where it was not known.
    pub handle: Option<String>,
    /// So far.
    pub removed: Removed,
    /// Answers that named it, and scans of it, which were dropped.
    pub answers: u32,
    pub scans: u32,
    /// It was marked before.
    pub is_marked_before: bool,
    /// Nothing of it is left in the database.
    pub has_ended: bool,
}

/// Where a query is. The names are those of the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum QueryStatus {
    WaitLinkFinder,
    LinkFinder,
    WaitIndexAccounts,
    IndexAccounts,
    WaitReverseSearch,
    ReverseSearch,
    End,
}

impl QueryStatus {
    pub const ALL: [QueryStatus; 7] = [
        QueryStatus::WaitLinkFinder,
        QueryStatus::LinkFinder,
        QueryStatus::WaitIndexAccounts,
        QueryStatus::IndexAccounts,
        QueryStatus::WaitReverseSearch,
        QueryStatus::ReverseSearch,
        QueryStatus::End,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            QueryStatus::WaitLinkFinder => "WAIT_LINK_FINDER",
            QueryStatus::LinkFinder => "LINK_FINDER",
            QueryStatus::WaitIndexAccounts => "WAIT_INDEX_ACCOUNTS_TWEETS",
            QueryStatus::IndexAccounts => "INDEX_ACCOUNTS_TWEETS",
            QueryStatus::WaitReverseSearch => "WAIT_IMAGE_REVERSE_SEARCH",
            QueryStatus::ReverseSearch => "IMAGE_REVERSE_SEARCH",
            QueryStatus::End => "END",
        }
    }
}

impl fmt::Display for QueryStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The state of a query or of a direct search.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueryView {
    pub query: QueryId,
    /// Names the query to users: the same page has the same, whenever and wherever it is asked for.
    pub id: String,
    /// What was asked: the URL, or the identifier of a direct search.
    pub subject: String,
    /// What was asked for.
    pub wanted: Wanted,
    pub status: QueryStatus,
    pub has_first_time_scan: bool,
    pub accounts: Vec<AccountView>,
    /// Accounts that are named and cannot be read, were not asked about, or are left out.
    pub others: Vec<OtherAccount>,
    /// What looking up its accounts costs at most; `None` before they are known.
    pub look_up: Option<MicroUsd>,
    /// Closest first. While posts are still being indexed: those of the answer so far, not yet checked.
    pub results: Vec<ResultView>,
    /// Farther ones than a result may be, by class, then distance.
    pub similar: Vec<ResultView>,
    pub error: Option<FailureCode>,
    /// What exactly went wrong, for people. Empty unless `error` is set.
    pub error_detail: String,
    /// The artwork's image, once known.
    pub image_url: Option<String>,
    /// Steps entered so far, with the milliseconds spent in each (the present one: until now).
    pub steps: Vec<(QueryStatus, u64)>,
    /// Requests before this one in its present queue.
    pub queue_position: Option<u32>,
    /// How long it will wait there, judged by how long such work took so far.
    pub estimated_wait_ms: Option<u64>,
    /// The network is lost: nothing moves until it is back.
    pub waits_for_network: bool,
    /// New posts with images that the scans of this query have listed and indexed so far.
    pub posts_listed: u64,
    pub posts_indexed: u64,
    /// A listing goes on, so `posts_listed` may still grow.
    pub still_listing: bool,
    /// Posts, of any kind, that the networks say the scanned accounts have; `None` where one does not say.
    pub posts_total: Option<u64>,
    /// Grows with every change, so that a listener can tell what is new.
    pub version: u64,
    /// When the artist published the work, where the site tells.
    pub published: Option<Timestamp>,
    /// Posts that the artwork's page names and that show it, of accounts that nothing else confirms: reposts,
    /// perhaps, so they are no results.
    pub named_posts: Vec<ResultView>,
    /// The artist's pages on sites that are not searched.
    pub elsewhere: Vec<Elsewhere>,
    /// Artworks' pages that were answered before, with the picture of a direct search; likest first.
    pub artwork_pages: Vec<FoundPage>,
    /// What of each account was searched, in the order of `accounts`.
    pub searched: Vec<SearchedView>,
    /// What is being looked through around the artwork's date.
    pub looking: Option<Window>,
    /// What was billed for it; of what was read this moment at most, until the ledger has counted it.
    pub cost: MicroUsd,
    /// What scanning the rest of its accounts will probably cost; `None` where nothing is left of them.
    pub rest: Option<MicroUsd>,
    /// What people said that has acted, or that contradicts what others said.
    pub verdicts: Vec<VerdictView>,
    /// Whether images were looked for that share a part with the artwork.
    pub parts: PartsState,
}

/// What somebody said, and what became of it in an answer. Who said it is not told to everybody.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerdictView {
    pub id: VerdictId,
    pub claim: Claim,
    /// What the account was called then; empty where nobody knew.
    pub handle: String,
    pub at: Timestamp,
    pub why: String,
    pub effect: Effect,
}

/// How much of an account was searched.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SearchedView {
    pub account: AccountKey,
    /// All of it, as its network showed it then.
    pub whole_at: Option<Timestamp>,
    /// Or what was published in these spans of time. By date.
    pub windows: Vec<CoveredWindow>,
}

impl SearchedView {
    pub fn is_complete(&self) -> bool {
        self.whole_at.is_some()
    }
}

impl QueryView {
    /// A search by an image, and not a query for a page: its subject is its identifier.
    pub fn is_direct_search(&self) -> bool {
        self.subject == self.id
    }

    /// Whether each of its accounts was searched whole.
    pub fn is_complete(&self) -> bool {
        !self.searched.is_empty() && self.searched.iter().all(SearchedView::is_complete)
    }

    /// For who waits for the first post that shows the artwork itself: with it, the query has ended.
    pub fn at_first_hit(mut self) -> QueryView {
        if self.results.iter().any(ResultView::shows_artwork) {
            self.status = QueryStatus::End;
        }
        self
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountView {
    pub key: AccountKey,
    pub handle: String,
    pub evidence: Option<Evidence>,
    /// The pages that led to it, the artwork's page first.
    pub chain: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResultView {
    pub post: PostKey,
    pub account: AccountKey,
    /// The account's handle where the query knows it.
    pub handle: Option<String>,
    /// 1-based.
    pub position: u8,
    pub count: u8,
    pub distance: u32,
    pub variant: Variant,
    pub class: MatchClass,
    /// The numbers behind the class; `None` where the distance alone decided.
    pub second_stage: Option<SecondStage>,
    /// What it shares with the artwork, where that was looked for and is not all of either.
    pub part: Option<PartMatch>,
    /// As stored: on X what follows `/media/`.
    pub image_name: String,
    pub published: Option<Timestamp>,
    /// A person said that it shows the artwork.
    pub said_same: bool,
}

impl ResultView {
    /// Whether it is the artwork itself, by a person's word or by its class.
    pub fn shows_artwork(&self) -> bool {
        self.said_same || self.class.shows_artwork()
    }
}

/// The state of a scan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScanView {
    pub handle: String,
    /// Unknown until the handle is resolved.
    pub account: Option<AccountKey>,
    pub state: ScanState,
    pub posts_listed: u64,
    pub posts_indexed: u64,
    /// A listing goes on, so `posts_listed` may still grow.
    pub still_listing: bool,
    /// Posts the network says the account has.
    pub posts_total: Option<u64>,
    pub elapsed_ms: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ScanState {
    Resolving,
    Running,
    /// It waits for the next day's budget.
    Deferred {
        detail: String,
    },
    Done,
    Failed {
        code: FailureCode,
        detail: String,
    },
}

/// What reads of networks that bill for them have cost, by UTC day and month.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpendingView {
    pub today: MicroUsd,
    pub month: MicroUsd,
    /// `None` is without limit.
    pub daily_limit: Option<MicroUsd>,
    pub monthly_limit: Option<MicroUsd>,
    /// What was read for it, each thing once a day.
    pub reads_today: ReadCounts,
    pub reads_month: ReadCounts,
    /// Scans that wait for the next day, since a limit would be passed.
    pub scans_waiting: u64,
}

impl SpendingView {
    /// What may be spent today: the rest of the day's limit, or of the month's if that is less.
    pub fn left_today(&self) -> Option<MicroUsd> {
        let day = self.daily_limit.map(|limit| limit.minus(self.today));
        let month = self.monthly_limit.map(|limit| limit.minus(self.month));
        day.into_iter().chain(month).min()
    }
}

/// `/stats`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatsView {
    pub store: StoreCounts,
    pub spending: SpendingView,
    /// How far the fingerprint index follows the database.
    pub index: IndexProgress,
    pub queries_in_progress: u64,
    pub scans_in_progress: u64,
    /// Listed but not yet stored.
    pub posts_pending: u64,
    pub sizes: StoreSizes,
}

/// What the data takes on disk; `None` where it is not known (yet).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoreSizes {
    pub database_bytes: Option<u64>,
    pub index_bytes: Option<u64>,
}

/// What has happened since the broker started, counted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CountersView {
    /// Queries and searches that ended with an error, by its code.
    pub failures: Vec<(FailureCode, u64)>,
    /// Processes that reported to this broker: one more than expected is a restart.
    pub starts: Vec<(Role, u64)>,
    /// Final answers that their webhooks have not taken yet.
    pub deliveries_waiting: u64,
    /// Messages of containers that made no sense.
    pub messages_dropped: u64,
    /// Pages of the last day, by site; at most 200 sites.
    pub sites: Vec<SitePagesView>,
    pub media_counts: MediaCountsView,
    pub post_lags: PostLagsView,
}

/// What networks said of accounts' media after whole searches, beside what those had found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MediaCountsView {
    /// Accounts of which as many were found as their network said.
    pub equal: u64,
    /// The network says more: posts were missed, or it counts what is no longer there.
    pub more_stated: u64,
    /// The network says fewer.
    pub fewer_stated: u64,
    /// Of the equal ones, those whose timeline showed all the same that the search had missed posts.
    pub contradicted: u64,
    /// Equal counts shorten the reading of timelines.
    pub is_trusted: bool,
}

/// The bounds of `PostLagsView::within`.
pub const LAG_BOUNDS_DAYS: [u32; 4] = [1, 7, 30, 180];

/// Queries that found the artwork, by how far the earliest post lies from the date of the page, before or
/// after it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PostLagsView {
    /// The page itself named the post.
    pub named: u64,
    /// Within so many days, and not within fewer.
    pub within: [u64; LAG_BOUNDS_DAYS.len()],
    pub beyond: u64,
    /// The page or the post has no date.
    pub undated: u64,
}

/// What came of a site's pages in the last day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SitePagesView {
    pub site: String,
    pub read: u32,
    /// They are there, but look different from what their reader knows.
    pub changed: u32,
    /// So many that operators are warned.
    pub is_broken: bool,
}

/// Something that keeps the service from being well.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProblemView {
    /// For people.
    pub what: String,
    pub since_ms: u64,
    /// New queries are not answered as long as it lasts.
    pub blocking: bool,
}

/// One worker, for `threads`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkerView {
    pub role: Role,
    pub pid: u32,
    pub worker: u16,
    pub stages: Vec<Stage>,
    /// `None` waits for work.
    pub doing: Option<String>,
    pub request: Option<String>,
    pub since_ms: u64,
    pub attempt: u32,
}

/// One queue, for `queues`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueueView {
    pub stage: Stage,
    /// Waiting, of users and of maintenance.
    pub waiting_user: u64,
    pub waiting_maintenance: u64,
    pub leased: u64,
    pub oldest_ms: u64,
}

/// One measured step, for `metrics`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MetricView {
    pub step: String,
    pub count: u64,
    pub mean_micros: u64,
    pub p50_micros: u64,
    pub p95_micros: u64,
    pub p99_micros: u64,
    pub sum_micros: u64,
    /// How many took at most as long as each of [`METRIC_BOUNDS_MICROS`].
    pub at_most: Vec<u64>,
}

/// Upper bounds of the buckets that are shown to Prometheus: from what a look into memory takes to
/// what the first scan of an artist takes.
pub const METRIC_BOUNDS_MICROS: [u64; 12] = [
    100,
    1_000,
    5_000,
    25_000,
    100_000,
    500_000,
    1_000_000,
    5_000_000,
    30_000_000,
    120_000_000,
    600_000_000,
    3_600_000_000,
];

#[cfg(test)]
impl QueryView {
    /// A query that ended and found nothing, for tests that want only some of its fields.
    pub fn sample_ended(id: &str, subject: &str) -> QueryView {
        QueryView {
            query: QueryId(1),
            id: id.to_owned(),
            subject: subject.to_owned(),
            wanted: Wanted::Posts,
            status: QueryStatus::End,
            has_first_time_scan: false,
            accounts: vec![],
            others: vec![],
            look_up: None,
            results: vec![],
            similar: vec![],
            error: None,
            error_detail: String::new(),
            image_url: None,
            steps: vec![],
            queue_position: None,
            estimated_wait_ms: None,
            waits_for_network: false,
            posts_listed: 0,
            posts_indexed: 0,
            still_listing: false,
            posts_total: None,
            version: 1,
            published: None,
            named_posts: vec![],
            elsewhere: vec![],
            artwork_pages: vec![],
            searched: vec![],
            looking: None,
            cost: MicroUsd(0),
            rest: None,
            verdicts: vec![],
            parts: PartsState::Off,
        }
    }
}
