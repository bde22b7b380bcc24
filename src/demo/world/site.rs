//! What a site is to the world: hosts, and a function from a request to an answer. And what all sites share.

use std::collections::HashMap;
use std::sync::atomic::AtomicU64;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::endpoint::Endpoint;
use super::exchange::{Answer, Call};
use super::facts::Facts;
use super::hostile::HostileHosts;
use super::images::Images;
use super::limits::Limits;
use super::quirks::Quirks;

/// One row of the table of sites. A site whose pages and files are on different hosts has a row for each.
pub struct Site {
    pub hosts: &'static [&'static str],
    pub endpoint: fn(&Call) -> Endpoint,
    /// May draw pictures, which takes some milliseconds of CPU.
    pub answer: fn(&State, &Call) -> Answer,
}

impl Site {
    /// The pages of an artwork site, or its API.
    pub const fn pages(hosts: &'static [&'static str], answer: fn(&State, &Call) -> Answer) -> Site {
        Site { hosts, endpoint: |_| Endpoint::SitePage, answer }
    }

    /// The image host of an artwork site.
    pub const fn files(hosts: &'static [&'static str], answer: fn(&State, &Call) -> Answer) -> Site {
        Site { hosts, endpoint: |_| Endpoint::SiteImage, answer }
    }

    /// Pages of links.
    pub const fn links(hosts: &'static [&'static str], answer: fn(&State, &Call) -> Answer) -> Site {
        Site { hosts, endpoint: |_| Endpoint::LinkPage, answer }
    }
}

/// What all requests share.
#[derive(Debug, Default)]
pub struct State {
    pub facts: Facts,
    pub images: Images,
    pub limits: Limits,
    pub quirks: Quirks,
    pub hostile: HostileHosts,
    pub latency_ms: AtomicU64,
    served: Mutex<HashMap<Endpoint, u64>>,
}

impl State {
    pub fn new(facts: Facts) -> State {
        State { facts, ..State::default() }
    }

    pub fn count(&self, endpoint: Endpoint) {
        *self.counters().entry(endpoint).or_default() += 1;
    }

    /// Requests counted so far.
    pub fn served(&self, endpoint: Endpoint) -> u64 {
        self.counters().get(&endpoint).copied().unwrap_or_default()
    }

    fn counters(&self) -> MutexGuard<'_, HashMap<Endpoint, u64>> {
        // A panic while the map was held cannot have left it half changed.
        self.served.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
