//! X (Twitter), by its API v2. A question passes `ask` (credential, window, retries), which reads
//! `pool` (whose turn it is) and `problem` (what a refusal means); `listing`, `lookup` and `posts` ask; `media`
//! picks the images; `usage` asks whether a key works; `wire` is what X sends.

mod ask;
mod listing;
mod lookup;
mod media;
mod pool;
mod posts;
mod problem;
mod samples;
#[cfg(test)]
mod tests;
mod usage;
mod wire;

pub(super) use media::image;
pub use usage::{KeyState, Usage, check_key};

use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use url::Url;

use self::pool::{Endpoint, Pool};
use super::{Meter, NetworkClient, NetworkError, Presence, SearchedPosts, Waiter};
use crate::base::ids::{Network, PostKey};
use crate::config;
use crate::domain::accounts::{Account, AccountRef, Resolution};
use crate::domain::posts::{ListedPost, PostOutcome, PostState};
use crate::domain::scans::{Cursor, ListingEnd};
use crate::fetch::Fetch;

pub(super) use media::image as image_of;

/// Waits for every window: none is longer.
const PATIENT: Duration = Duration::from_secs(2 * 24 * 3600);

/// Asks X. Clones share the credentials' windows; make one client per container and give each worker a
/// clone with its own waiter (`with_waiter`).
#[derive(Clone)]
pub struct TwitterClient {
    fetch: Arc<dyn Fetch>,
    settings: config::Twitter,
    waiter: Arc<dyn Waiter>,
    meter: Option<Arc<dyn Meter>>,
    /// Locked only to decide or to note, never while asking or waiting.
    pool: Arc<Mutex<Pool>>,
}

impl TwitterClient {
    /// Without credentials, every call but `check_posts` fails with `NoCredentials`.
    pub fn new(fetch: Arc<dyn Fetch>, settings: &config::Twitter, waiter: Arc<dyn Waiter>) -> TwitterClient {
        let pool = Arc::new(Mutex::new(Pool::new(settings.credentials.len(), settings.search_interval)));
        TwitterClient { fetch, settings: settings.clone(), waiter, meter: None, pool }
    }

    /// The same client for another worker, which waits in its own way.
    pub fn with_waiter(&self, waiter: Arc<dyn Waiter>) -> TwitterClient {
        TwitterClient { waiter, ..self.clone() }
    }

    /// The same client, which tells what it reads.
    pub fn with_meter(&self, meter: Arc<dyn Meter>) -> TwitterClient {
        TwitterClient { meter: Some(meter), ..self.clone() }
    }

    fn pool(&self) -> MutexGuard<'_, Pool> {
        // A panic elsewhere leaves at worst one request uncounted.
        self.pool.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The URL of an endpoint below `/2/` with its parameters, percent-encoded throughout.
    fn url(&self, endpoint: Endpoint, path: &str, parameters: &[(&str, &str)]) -> Result<Url, NetworkError> {
        let base = format!("{}/2/{path}", self.settings.api_url.trim_end_matches('/'));
        let mut url = Url::parse(&base).map_err(|error| NetworkError::Refused {
            endpoint: endpoint.as_str(),
            why: format!("twitter.api_url {:?} is not a URL: {error}", self.settings.api_url),
        })?;
        url.query_pairs_mut().extend_pairs(parameters);
        // Form encoding writes a space as a plus sign, which not every server reads back as one.
        let query = url.query().unwrap_or_default().replace('+', "%20");
        url.set_query(Some(&query));
        Ok(url)
    }
}

impl NetworkClient for TwitterClient {
    fn network(&self) -> Network {
        Network::Twitter
    }

    fn is_billed(&self) -> bool {
        true
    }

    fn resolve(&self, refs: &[AccountRef]) -> Result<Vec<Resolution>, NetworkError> {
        self.resolve_accounts(refs)
    }

    fn list_posts(
        &self,
        account: &Account,
        cursor: &Cursor,
        page: &mut dyn FnMut(Vec<ListedPost>) -> ControlFlow<()>,
    ) -> Result<ListingEnd, NetworkError> {
        self.list(account, cursor, page)
    }

    fn list_missed_posts(
        &self,
        account: &Account,
        cursor: &Cursor,
        searched: &SearchedPosts,
        page: &mut dyn FnMut(Vec<ListedPost>) -> ControlFlow<()>,
    ) -> Result<ListingEnd, NetworkError> {
        self.list_missed(account, cursor, searched, page)
    }

    fn check_posts(&self, posts: &[PostKey]) -> Result<Vec<PostState>, NetworkError> {
        self.check_existence(posts)
    }

    fn look_posts_up(&self, posts: &[PostKey]) -> Result<Vec<PostOutcome>, NetworkError> {
        self.look_up_posts(posts)
    }

    fn check_accounts(&self, accounts: &[Account]) -> Result<Vec<Presence>, NetworkError> {
        self.check_presence(accounts)
    }
}
