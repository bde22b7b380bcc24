//! The client of a server of the Fediverse.

use std::sync::Arc;

use url::Url;

use super::wire::Account as WireAccount;
use crate::config;
use crate::fetch::{Fetch, Response};
use crate::networks::asking::{Asker, Effort};
use crate::networks::client::Waiter;
use crate::networks::error::NetworkError;
use crate::networks::fediverse::address::Name;
use crate::networks::fediverse::software::Softwares;

/// The endpoint that knows an account by its name.
pub(super) const LOOKUP: &str = "accounts/lookup";

// Why an account cannot be read, as the end of a sentence.
pub(super) const LOGIN_NEEDED: &str = "is on a server that shows nothing without login";
pub(super) const NOT_INDEXED: &str = "asks not to be indexed";

/// What a server says about a name.
pub(super) enum Told {
    Account(Box<WireAccount>),
    /// It says that it knows nobody of this name.
    Nobody,
    /// It answers as no server of this kind does.
    Silent,
    Suspended,
    LoginNeeded,
    /// The account of this name is there, on a server that has Misskey's API.
    OfMisskey(Name),
    /// The account is there, on a server that cannot be read: `why` continues the sentence `the account ...`.
    Unreadable {
        why: String,
    },
}

/// Asks servers of the Fediverse. Clones share what the servers' headers said, and what software they run;
/// make one client per container and give each worker a clone with its own waiter (`with_waiter`).
#[derive(Clone)]
pub struct MastodonClient {
    pub(super) asker: Asker,
    pub(super) settings: config::Mastodon,
    softwares: Softwares,
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

    /// What is known of servers' softwares, to be shared with another client.
    pub fn softwares(&self) -> &Softwares {
        &self.softwares
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
