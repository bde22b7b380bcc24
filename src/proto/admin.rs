//! Over the admin socket (a Unix socket in the data folder): one JSON object per line. The console
//! and the one-shot commands are its clients.

use serde::{Deserialize, Serialize};

use super::control::StacksWritten;
use super::view::{MetricView, ProblemView, QueryView, QueueView, ScanView, StatsView, WorkerView};
use crate::base::ids::Networks;
use crate::domain::accounts::AccountRecord;
use crate::domain::failure::FailureCode;

/// One command; answered by one or several `AdminReply`s, the last of which is not `Progress`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AdminCommand {
    /// `follow`: send the state at each change until the end.
    Query {
        url: String,
        #[serde(default)]
        networks: Networks,
        follow: bool,
    },
    Scan {
        handle: String,
        follow: bool,
    },
    /// `source`: a URL, or the path of a file that the client has read into `image_base64`.
    Search {
        source: String,
        image_base64: Option<String>,
        account: Option<String>,
        /// Also mirrored, turned by a quarter and upside down.
        #[serde(default)]
        turned: bool,
        #[serde(default)]
        networks: Networks,
        follow: bool,
    },
    Account {
        name: String,
    },
    Stats,
    Threads,
    Queues,
    Metrics,
    Health,
    Stacks,
    Stop,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AdminReply {
    /// More will follow.
    Progress(Box<AdminReply>),
    Query(QueryView),
    Scan(ScanView),
    Account(Vec<AccountRecord>),
    Stats(StatsView),
    Threads(Vec<WorkerView>),
    Queues(Vec<QueueView>),
    Metrics(Vec<MetricView>),
    Health(Vec<ProblemView>),
    Stacks(StacksWritten),
    Stopping,
    Refused {
        code: FailureCode,
        detail: String,
    },
    /// The daemon cannot answer now (its broker is restarting).
    Unavailable {
        detail: String,
    },
}
