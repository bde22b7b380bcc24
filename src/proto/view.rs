//! What people and programs are shown: the state of requests, queues, workers, figures. Built by
//! the broker, rendered by `front`.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::data::{Evidence, MatchClass, SecondStage, StoreCounts, Variant};
use super::failure::FailureCode;
use super::roles::{Role, Stage};
use crate::base::Timestamp;
use crate::base::ids::{AccountKey, PostKey, QueryId};

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
    /// What was asked: the URL, or the identifier of a direct search.
    pub subject: String,
    pub status: QueryStatus,
    pub has_first_time_scan: bool,
    pub accounts: Vec<AccountView>,
    /// Closest first. Filled at the end.
    pub results: Vec<ResultView>,
    /// Farther ones than a result may be, by class, then distance. Filled at the end.
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
    /// New posts with images that the scans of this query have listed and indexed so far.
    pub posts_listed: u64,
    pub posts_indexed: u64,
    /// Grows with every change, so that a listener can tell what is new.
    pub version: u64,
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
    /// As stored: on X what follows `/media/`.
    pub image_name: String,
    pub published: Option<Timestamp>,
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
    /// Posts the network says the account has.
    pub posts_total: Option<u64>,
    pub elapsed_ms: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ScanState {
    Resolving,
    Running,
    Done,
    Failed { code: FailureCode, detail: String },
}

/// `/stats`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatsView {
    pub store: StoreCounts,
    pub queries_in_progress: u64,
    pub scans_in_progress: u64,
    /// Listed but not yet stored.
    pub posts_pending: u64,
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
}
