//! How fetching fails, and what follows from it.

use std::time::Duration;

use crate::base::{Reaction, Timestamp};

/// Why fetching could not be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error("the upstream {target:?} of {host} cannot be used: {why}")]
    Upstream { host: String, target: String, why: String },
    #[error("could not set up the HTTP client")]
    Client { source: reqwest::Error },
    #[error("could not start the thread that fetches")]
    Thread { source: std::io::Error },
}

/// Why there is no response.
#[derive(Clone, Debug, thiserror::Error)]
pub enum FetchError {
    #[error("{url} is not an address this program may fetch: {why}")]
    Forbidden { url: String, why: String },
    #[error("could not connect to {host}: {why}")]
    Unreachable { host: String, why: String },
    #[error("{url} did not answer within {} s", after.as_secs())]
    Timeout { url: String, after: Duration },
    #[error("{url} is larger than {limit} bytes")]
    TooBig { url: String, limit: u64 },
    #[error("{url} redirects more than {limit} times")]
    TooManyRedirects { url: String, limit: u8 },
    #[error("the answer of {url} broke off: {why}")]
    BrokenOff { url: String, why: String },
    #[error("{host} wants no requests until {until}")]
    Paused { host: String, until: Timestamp },
    #[error("the program is stopping")]
    Stopping,
}

impl FetchError {
    pub fn reaction(&self) -> Reaction {
        match self {
            FetchError::Forbidden { .. }
            | FetchError::TooBig { .. }
            | FetchError::TooManyRedirects { .. } => Reaction::GiveUp,
            FetchError::Unreachable { .. } | FetchError::Timeout { .. } | FetchError::BrokenOff { .. } => {
                Reaction::Backoff
            }
            FetchError::Paused { until, .. } => Reaction::WaitUntil(*until),
            FetchError::Stopping => Reaction::Stop,
        }
    }
}
