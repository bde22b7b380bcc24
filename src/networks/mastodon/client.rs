//! The client of a server of the Fediverse.

use std::sync::Arc;

use url::Url;

use crate::config;
use crate::fetch::{Fetch, Response};
use crate::networks::asking::{Asker, Effort};
use crate::networks::client::Waiter;
use crate::networks::error::NetworkError;

/// Asks servers of the Fediverse. Clones share what the servers' headers said; make one client per
/// container and give each worker a clone with its own waiter (`with_waiter`).
#[derive(Clone)]
pub struct MastodonClient {
    asker: Asker,
    pub(super) settings: config::Mastodon,
}

impl MastodonClient {
    pub fn new(
        fetch: Arc<dyn Fetch>,
        settings: &config::Mastodon,
        waiter: Arc<dyn Waiter>,
    ) -> MastodonClient {
        MastodonClient { asker: Asker::new(fetch, waiter), settings: settings.clone() }
    }

    /// The same client for another worker, which waits in its own way.
    pub fn with_waiter(&self, waiter: Arc<dyn Waiter>) -> MastodonClient {
        MastodonClient { asker: self.asker.with_waiter(waiter), settings: self.settings.clone() }
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
