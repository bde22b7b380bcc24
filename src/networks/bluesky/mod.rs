//! Bluesky, through the public API of its AppView, which wants no credential. An account's stable id is its
//! DID, a post's its `at://` URI. `listing` pages through the author's feed, `lookup` asks about accounts and
//! posts, `embed` picks the images of a post, `original` finds a file on the account's own server, `wire` is
//! what the API sends.

mod embed;
mod listing;
mod lookup;
mod original;
#[cfg(test)]
mod tests;
mod wire;

pub(super) use embed::image_called;

use std::ops::ControlFlow;
use std::sync::Arc;

use url::Url;

use super::asking::{Asker, Effort, unreadable};
use super::{NetworkClient, NetworkError, Presence, Waiter};
use crate::base::ids::{Network, PostKey};
use crate::config;
use crate::domain::accounts::{Account, AccountRef, Resolution};
use crate::domain::posts::{ListedPost, PostState};
use crate::domain::scans::{Cursor, ListingEnd};
use crate::fetch::{Fetch, Response};

pub(super) use original::original;

/// Asks Bluesky. Clones share what its headers said; make one client per container and give each worker a
/// clone with its own waiter (`with_waiter`).
#[derive(Clone)]
pub struct BlueskyClient {
    asker: Asker,
    settings: config::Bluesky,
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
    fn call(
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
}

/// What the API's refusals mean, by the name of the error and its text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Refusal {
    Missing,
    TakenDown,
    Deactivated,
    /// A block between the account and whoever asks.
    Blocked,
    /// The request itself.
    Other,
}

/// Reads an answer that is no success: what it means, and its words.
fn refusal(url: &Url, response: &Response) -> Result<(Refusal, String), NetworkError> {
    let Ok(problem) = serde_json::from_slice::<wire::Problem>(&response.body) else {
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

impl NetworkClient for BlueskyClient {
    fn network(&self) -> Network {
        Network::Bluesky
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

    fn check_posts(&self, posts: &[PostKey]) -> Result<Vec<PostState>, NetworkError> {
        self.check_existence(posts)
    }

    fn check_accounts(&self, accounts: &[Account]) -> Result<Vec<Presence>, NetworkError> {
        self.check_presence(accounts)
    }
}
