//! The client of such a server, which asks no faster than the settings allow.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use url::Url;

use crate::base::Timestamp;
use crate::base::clock::Monotonic;
use crate::config;
use crate::fetch::{Fetch, Response};
use crate::networks::asking::{Asker, Effort};
use crate::networks::client::Waiter;
use crate::networks::error::NetworkError;

/// Asks one such server. Clones share its pace; make one client per container and give each worker a clone
/// with its own waiter (`with_waiter`).
#[derive(Clone)]
pub struct FxTwitterClient {
    asker: Asker,
    waiter: Arc<dyn Waiter>,
    settings: config::FxTwitter,
    pub(super) image_size: String,
    /// Before this no request starts. Locked only to take a turn, never while waiting.
    next: Arc<Mutex<Monotonic>>,
}

impl FxTwitterClient {
    pub fn new(
        fetch: Arc<dyn Fetch>,
        settings: &config::Twitter,
        waiter: Arc<dyn Waiter>,
    ) -> FxTwitterClient {
        FxTwitterClient {
            asker: Asker::new(fetch, Arc::clone(&waiter)),
            waiter,
            settings: settings.fxtwitter.clone(),
            image_size: settings.image_size.clone(),
            next: Arc::new(Mutex::new(Monotonic(0))),
        }
    }

    /// The same client for another worker, which waits in its own way.
    pub fn with_waiter(&self, waiter: Arc<dyn Waiter>) -> FxTwitterClient {
        FxTwitterClient { asker: self.asker.with_waiter(Arc::clone(&waiter)), waiter, ..self.clone() }
    }

    /// Asks below `/2/`, no faster than the settings allow.
    pub(super) fn call(
        &self,
        path: &str,
        endpoint: &'static str,
        parameters: &[(&str, &str)],
        effort: Effort,
    ) -> Result<(Url, Response), NetworkError> {
        let base = format!("{}/2/{path}", self.settings.base_url.trim_end_matches('/'));
        let url = match parameters {
            [] => Url::parse(&base),
            parameters => Url::parse_with_params(&base, parameters),
        };
        let url = url.map_err(|error| NetworkError::Refused {
            endpoint,
            why: format!("twitter.fxtwitter.base_url {:?} is not a URL: {error}", self.settings.base_url),
        })?;
        self.wait_for_turn(endpoint)?;
        let response = self.asker.ask(&url, endpoint, effort)?;
        Ok((url, response))
    }

    fn wait_for_turn(&self, endpoint: &str) -> Result<(), NetworkError> {
        let interval = Duration::from_secs(1) / self.settings.requests_per_second.max(1);
        let now = Monotonic::now();
        let turn = {
            let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
            let turn = (*next).max(now);
            *next = turn.plus(interval);
            turn
        };
        let pause = turn.since(now);
        if !pause.is_zero() {
            self.waiter.wait_until(Timestamp::now().plus(pause), endpoint)?;
        }
        Ok(())
    }
}
