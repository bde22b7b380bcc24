//! X through a server with the API of FxTwitter, version 2: a second source, which wants no key and bills nothing. It
//! lists by the same cursors as the paid API (a date, a post's number), so that either goes on where the other
//! stopped. `listing` pages, `wire` is what such a server sends.

mod listing;
#[cfg(test)]
mod tests;
mod wire;

use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use url::Url;

use self::wire::{ProfileAnswer, StatusAnswer, User};
use super::asking::{Asker, Effort, read_json, unreadable};
use super::{NetworkClient, NetworkError, Presence, Waiter};
use crate::base::clock::Monotonic;
use crate::base::ids::{AccountKey, Network, PostKey};
use crate::base::{ErrorChain, Timestamp};
use crate::config;
use crate::domain::accounts::{Account, AccountRef, Resolution, ResolutionOutcome};
use crate::domain::posts::{ListedPost, PostOutcome, PostState};
use crate::domain::scans::{Cursor, ListingEnd};
use crate::fetch::{Fetch, Response};

const PROFILE: &str = "profile";
const STATUS: &str = "status/:id";

/// Asks one such server. Clones share its pace; make one client per container and give each worker a clone with
/// its own waiter (`with_waiter`).
#[derive(Clone)]
pub struct FxTwitterClient {
    asker: Asker,
    waiter: Arc<dyn Waiter>,
    settings: config::FxTwitter,
    image_size: String,
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
    fn call(
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

    fn look_post_up(&self, post: &PostKey) -> Result<PostOutcome, NetworkError> {
        let nothing = |why: &str| Ok(PostOutcome::Nothing { why: why.to_owned() });
        if !is_number(post) {
            return nothing("has no number of X");
        }
        let (url, response) = self.call(&format!("status/{}", post.native), STATUS, &[], Effort::LOOKUP)?;
        let status = match response.status {
            200..=299 => read_json::<StatusAnswer>(&url, &response)?.status,
            401 | 404 | 410 => return nothing("is gone, or cannot be seen by everybody"),
            status => {
                return Err(NetworkError::Refused { endpoint: STATUS, why: format!("status {status}") });
            }
        };
        if status.reposted_by.is_some() {
            return nothing("repeats another's post");
        }
        let handle = status.author.screen_name.as_deref().unwrap_or_default().to_ascii_lowercase();
        let key = AccountKey::new(Network::Twitter, status.author.id.clone());
        match self.listed_post(status) {
            Some(post) => Ok(PostOutcome::Found { author: Account { key, handle, posts: None }, post }),
            None => nothing("has no images"),
        }
    }

    fn resolve_one(&self, asked: &AccountRef) -> Result<ResolutionOutcome, NetworkError> {
        let plain = |text: &str, extra: u8| {
            (1..=20).contains(&text.len())
                && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == extra)
        };
        let name = match asked {
            AccountRef::Handle { network: Network::Twitter, handle } if plain(handle, b'_') => handle.clone(),
            AccountRef::Id(AccountKey { network: Network::Twitter, native }) if plain(native, b'0') => {
                format!("id:{native}")
            }
            AccountRef::Handle { .. } | AccountRef::Id(_) => return Ok(ResolutionOutcome::Missing),
        };
        let (url, response) = self.call(&format!("profile/{name}"), PROFILE, &[], Effort::LOOKUP)?;
        let answer = read_json::<ProfileAnswer>(&url, &response);
        match (response.status, answer) {
            (_, Ok(answer)) if answer.reason.as_deref() == Some("suspended") => {
                Ok(ResolutionOutcome::Suspended)
            }
            (200..=299, Ok(ProfileAnswer { user: Some(user), .. })) => Ok(outcome_of(user)),
            (200..=299, Ok(_)) => Err(unreadable(&url, "no user in the answer")),
            (200..=299, Err(error)) => Err(error),
            (404, _) => Ok(ResolutionOutcome::Missing),
            (status, _) => Err(NetworkError::Refused { endpoint: PROFILE, why: format!("status {status}") }),
        }
    }
}

/// Its id can stand in an address of this API.
fn is_number(post: &PostKey) -> bool {
    post.network == Network::Twitter
        && (1..=20).contains(&post.native.len())
        && post.native.bytes().all(|byte| byte.is_ascii_digit())
}

fn outcome_of(user: User) -> ResolutionOutcome {
    if user.protected == Some(true) {
        return ResolutionOutcome::Private;
    }
    ResolutionOutcome::Readable(Account {
        key: AccountKey::new(Network::Twitter, user.id),
        handle: user.screen_name.to_ascii_lowercase(),
        posts: user.statuses,
    })
}

impl NetworkClient for FxTwitterClient {
    fn network(&self) -> Network {
        Network::Twitter
    }

    fn resolve(&self, refs: &[AccountRef]) -> Result<Vec<Resolution>, NetworkError> {
        let resolve =
            |asked: &AccountRef| Ok(Resolution { asked: asked.clone(), outcome: self.resolve_one(asked)? });
        refs.iter().map(resolve).collect()
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
        let mut states = vec![PostState::Unknown; posts.len()];
        for (state, post) in states.iter_mut().zip(posts) {
            if !is_number(post) {
                continue;
            }
            match self.call(&format!("status/{}", post.native), STATUS, &[], Effort::CHECK) {
                Ok((_, response)) => {
                    *state = match response.status {
                        200..=299 => PostState::Visible,
                        401 | 404 | 410 => PostState::Gone,
                        _ => PostState::Unknown,
                    };
                }
                Err(NetworkError::Stopping) => return Err(NetworkError::Stopping),
                // The next post would meet the same.
                Err(error) => {
                    tracing::debug!(%error, "posts not checked");
                    break;
                }
            }
        }
        Ok(states)
    }

    fn look_posts_up(&self, posts: &[PostKey]) -> Result<Vec<PostOutcome>, NetworkError> {
        posts.iter().map(|post| self.look_post_up(post)).collect()
    }

    /// That an account is gone, X itself must say: this server shows only what X shows it.
    fn check_accounts(&self, accounts: &[Account]) -> Result<Vec<Presence>, NetworkError> {
        let mut found = Vec::with_capacity(accounts.len());
        for account in accounts {
            found.push(match self.resolve_one(&AccountRef::Id(account.key.clone())) {
                Ok(ResolutionOutcome::Readable(other)) if other.key == account.key => Presence::Present,
                Ok(ResolutionOutcome::Private) => Presence::Private,
                Ok(_) => Presence::unknown("FxTwitter does not show it"),
                Err(NetworkError::Stopping) => return Err(NetworkError::Stopping),
                Err(error) => Presence::unknown(ErrorChain(&error)),
            });
        }
        Ok(found)
    }
}
