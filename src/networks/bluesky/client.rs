//! The client of Bluesky's API, and what its refusals mean.

use std::sync::Arc;

use url::Url;

use super::wire::Problem;
use crate::config;
use crate::fetch::{Fetch, Response, json};
use crate::networks::asking::{Asker, Effort, unreadable};
use crate::networks::client::Waiter;
use crate::networks::error::NetworkError;

// Why an account cannot be read, as the end of a sentence.
pub(super) const FOR_USERS_ONLY: &str = "asks to be shown to users of its network only";
pub(super) const DEACTIVATED: &str = "is deactivated";

/// Asks Bluesky. Clones share what its headers said; make one client per container and give each worker a
/// clone with its own waiter (`with_waiter`).
#[derive(Clone)]
pub struct BlueskyClient {
    asker: Asker,
    pub(super) settings: config::Bluesky,
}

impl BlueskyClient {
    pub fn new(fetch: Arc<dyn Fetch>, settings: &config::Bluesky, waiter: Arc<dyn Waiter>) -> BlueskyClient {
        BlueskyClient { asker: Asker::new(fetch, waiter), settings: settings.clone() }
    }

    /// The same client for another worker, which waits in its own way.
    pub fn with_waiter(&self, waiter: Arc<dyn Waiter>) -> BlueskyClient {
        BlueskyClient { asker: self.asker.with_waiter(waiter), settings: self.settings.clone() }
    }

    /// Asks one method of the API.
    pub(super) fn call(
        &self,
        method: &'static str,
        parameters: &[(&str, &str)],
        effort: Effort,
    ) -> Result<(Url, Response), NetworkError> {
        let base = format!("{}/xrpc/{method}", self.settings.api_url.trim_end_matches('/'));
        let url = Url::parse_with_params(&base, parameters).map_err(|error| NetworkError::Refused {
            endpoint: method,
            why: format!("bluesky.api_url {:?} is not a URL: {error}", self.settings.api_url),
        })?;
        let response = self.asker.ask(&url, method, effort)?;
        Ok((url, response))
    }

    /// Asks whoever has this address. `endpoint` names the question for people.
    pub(super) fn ask(
        &self,
        url: &Url,
        endpoint: &'static str,
        effort: Effort,
    ) -> Result<Response, NetworkError> {
        self.asker.ask(url, endpoint, effort)
    }
}

/// What the API's refusals mean, by the name of the error and its text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    Missing,
    TakenDown,
    Deactivated,
    /// A block between the account and whoever asks.
    Blocked,
    /// The request itself.
    Other,
}

/// Reads an answer that is no success: what it means, and its words.
pub(super) fn refusal(url: &Url, response: &Response) -> Result<(Refusal, String), NetworkError> {
    let Ok(problem) = json::parse::<Problem>(&response.body) else {
        return Err(unreadable(url, format!("status {}", response.status)));
    };
    let (error, message) = (problem.error.unwrap_or_default(), problem.message.unwrap_or_default());
    let is_missing = |text: &str| {
        ["Profile not found", "Actor not found", "Could not find", "Unable to resolve handle"]
            .iter()
            .any(|known| text.starts_with(known))
    };
    let refusal = match error.as_str() {
        "AccountTakedown" | "RepoTakendown" | "AccountSuspended" | "RepoSuspended" => Refusal::TakenDown,
        "AccountDeactivated" | "RepoDeactivated" => Refusal::Deactivated,
        "BlockedActor" | "BlockedByActor" => Refusal::Blocked,
        "NotFound" | "HandleNotFound" | "ActorNotFound" | "RepoNotFound" => Refusal::Missing,
        _ if is_missing(&message) => Refusal::Missing,
        _ => Refusal::Other,
    };
    Ok((refusal, format!("status {}: {error}: {message}", response.status)))
}
