//! The client of the API: its settings, its credentials and how it waits.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use url::Url;

use super::fields::NameInUse;
use super::known::Known;
use super::pool::{Endpoint, Pool};
use crate::config;
use crate::fetch::Fetch;
use crate::networks::client::{Meter, Waiter};
use crate::networks::error::NetworkError;

/// Asks X. Clones share the credentials' windows; make one client per container and give each worker a
/// clone with its own waiter (`with_waiter`).
#[derive(Clone)]
pub struct TwitterClient {
    pub(super) fetch: Arc<dyn Fetch>,
    pub(super) settings: config::Twitter,
    pub(super) waiter: Arc<dyn Waiter>,
    pub(super) meter: Option<Arc<dyn Meter>>,
    pub(super) fields_name: NameInUse,
    /// Locked only to decide or to note, never while asking or waiting.
    pool: Arc<Mutex<Pool>>,
    /// Locked for a moment, never while asking.
    known: Arc<Mutex<Known>>,
}

impl TwitterClient {
    /// Without credentials, every call but `check_posts` fails with `NoCredentials`.
    pub fn new(fetch: Arc<dyn Fetch>, settings: &config::Twitter, waiter: Arc<dyn Waiter>) -> TwitterClient {
        let pool = Arc::new(Mutex::new(Pool::new(settings.credentials.len(), settings.search_interval)));
        let fields_name = NameInUse::new(&settings.fields_parameter);
        let known = Arc::default();
        TwitterClient { fetch, settings: settings.clone(), waiter, meter: None, fields_name, pool, known }
    }

    /// The same client for another worker, which waits in its own way.
    pub fn with_waiter(&self, waiter: Arc<dyn Waiter>) -> TwitterClient {
        TwitterClient { waiter, ..self.clone() }
    }

    /// The same client, which reports what it reads.
    pub fn with_meter(&self, meter: Arc<dyn Meter>) -> TwitterClient {
        TwitterClient { meter: Some(meter), ..self.clone() }
    }

    pub(super) fn pool(&self) -> MutexGuard<'_, Pool> {
        // A panic elsewhere leaves at worst one request uncounted.
        self.pool.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The URL of an endpoint below `/2/` with its parameters, percent-encoded throughout.
    pub(super) fn url(
        &self,
        endpoint: Endpoint,
        path: &str,
        parameters: &[(&str, &str)],
    ) -> Result<Url, NetworkError> {
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
