//! The client of a server of the Fediverse.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use url::Url;

use crate::config;
use crate::fetch::{Fetch, Response};
use crate::networks::asking::{Asker, Effort};
use crate::networks::client::Waiter;
use crate::networks::error::NetworkError;

/// Asks servers of the Fediverse. Clones share what the servers' headers said, and what software they run; make
/// one client per container and give each worker a clone with its own waiter (`with_waiter`).
#[derive(Clone)]
pub struct MastodonClient {
    asker: Asker,
    pub(super) settings: config::Mastodon,
    pub(super) softwares: Softwares,
}

impl MastodonClient {
    pub fn new(
        fetch: Arc<dyn Fetch>,
        settings: &config::Mastodon,
        waiter: Arc<dyn Waiter>,
    ) -> MastodonClient {
        MastodonClient {
            asker: Asker::new(fetch, waiter),
            settings: settings.clone(),
            softwares: Softwares::default(),
        }
    }

    /// The same client for another worker, which waits in its own way.
    pub fn with_waiter(&self, waiter: Arc<dyn Waiter>) -> MastodonClient {
        MastodonClient { asker: self.asker.with_waiter(waiter), ..self.clone() }
    }

    /// Asks a server's API. `host` is one that `address` accepted.
    pub(super) fn call(
        &self,
        host: &str,
        path: &str,
        endpoint: &'static str,
        parameters: &[(&str, &str)],
        effort: Effort,
    ) -> Result<(Url, Response), NetworkError> {
        let base = format!("https://{host}{path}");
        let url = match parameters {
            [] => Url::parse(&base),
            parameters => Url::parse_with_params(&base, parameters),
        };
        let url = url.map_err(|error| NetworkError::Refused { endpoint, why: format!("{base}: {error}") })?;
        let response = self.asker.ask(&url, endpoint, effort)?;
        Ok((url, response))
    }
}

/// Servers whose software is remembered; strangers name servers, so the table is bounded.
const MAX_SOFTWARES: usize = 1000;

/// Which software servers run that do not speak Mastodon's API. Clones share what is known.
#[derive(Clone, Default)]
pub(super) struct Softwares(Arc<Mutex<HashMap<String, String>>>);

impl Softwares {
    pub fn get(&self, host: &str) -> Option<String> {
        // A panic elsewhere leaves at worst one server unknown.
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(host).cloned()
    }

    pub fn note(&self, host: &str, name: &str) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MAX_SOFTWARES {
            known.clear();
        }
        known.insert(host.to_owned(), name.to_owned());
    }
}
