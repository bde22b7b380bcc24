//! The Fediverse, through the API of Mastodon, which its relatives (Pleroma, Akkoma, glitch-soc) speak too. An
//! account's stable id is its actor's URI, a post's its own. An account is always asked of its home server:
//! others know only part of its posts. Every server is a stranger's: what it says is bounded, believed about
//! its own accounts and posts only, and no server makes us ask many others.
//!
//! `address` says which server and which name, `lookup` asks about accounts and posts, `listing` pages through
//! an account's posts, `wire` is what servers send.

mod address;
mod listing;
mod lookup;
#[cfg(test)]
mod tests;
mod wire;

use std::ops::ControlFlow;
use std::sync::Arc;

use url::Url;

use super::asking::{Asker, Effort};
use super::{NetworkClient, NetworkError, Presence, Waiter};
use crate::base::ids::{Network, PostKey};
use crate::config;
use crate::domain::accounts::{Account, AccountRef, Resolution};
use crate::domain::posts::{ListedPost, PostState};
use crate::domain::scans::{Cursor, ListingEnd};
use crate::fetch::{Fetch, Response};

/// Asks servers of the Fediverse. Clones share what the servers' headers said; make one client per
/// container and give each worker a clone with its own waiter (`with_waiter`).
#[derive(Clone)]
pub struct MastodonClient {
    asker: Asker,
    settings: config::Mastodon,
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
    fn call(
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

impl NetworkClient for MastodonClient {
    fn network(&self) -> Network {
        Network::Mastodon
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
