//! Looking accounts and posts up, one question each.

use super::client::FxTwitterClient;
use super::status::listed_post;
use super::wire::{ProfileAnswer, StatusAnswer, User};
use crate::base::ErrorChain;
use crate::base::ids::{AccountKey, Network, PostKey};
use crate::domain::accounts::{Account, AccountRef, Resolution, ResolutionOutcome};
use crate::domain::posts::{PostOutcome, PostState};
use crate::networks::asking::{Effort, read_json, unreadable};
use crate::networks::client::{AccountLookup, PostLookup, Presence};
use crate::networks::error::NetworkError;

const PROFILE: &str = "profile";
const STATUS: &str = "status/:id";

/// What such a server says of an account.
pub(super) enum Profile {
    User(User),
    Suspended,
    /// It shows none: X has none such, or did not answer it.
    Missing,
}

impl AccountLookup for FxTwitterClient {
    fn resolve(&self, refs: &[AccountRef]) -> Result<Vec<Resolution>, NetworkError> {
        let resolve =
            |asked: &AccountRef| Ok(Resolution { asked: asked.clone(), outcome: self.resolve_one(asked)? });
        refs.iter().map(resolve).collect()
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

impl PostLookup for FxTwitterClient {
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
                        // Another's word: what it does not show is not shown here, and kept.
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
}

impl FxTwitterClient {
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
        match listed_post(status, &self.image_size) {
            Some(post) => Ok(PostOutcome::Found { author: Account { key, handle, posts: None }, post }),
            None => nothing("has no images"),
        }
    }

    /// What such a server says of an account that is known by its number.
    pub(super) fn profile_of(&self, account: &Account) -> Result<Profile, NetworkError> {
        self.profile(&format!("id:{}", account.key.native))
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
        Ok(match self.profile(&name)? {
            Profile::User(user) => outcome_of(user),
            Profile::Suspended => ResolutionOutcome::Suspended,
            Profile::Missing => ResolutionOutcome::Missing,
        })
    }

    /// `name` is a handle, or `id:` and a number.
    fn profile(&self, name: &str) -> Result<Profile, NetworkError> {
        let (url, response) = self.call(&format!("profile/{name}"), PROFILE, &[], Effort::LOOKUP)?;
        let answer = read_json::<ProfileAnswer>(&url, &response);
        match (response.status, answer) {
            (_, Ok(answer)) if answer.reason.as_deref() == Some("suspended") => Ok(Profile::Suspended),
            (200..=299, Ok(ProfileAnswer { user: Some(user), .. })) => Ok(Profile::User(user)),
            (200..=299, Ok(_)) => Err(unreadable(&url, "no user in the answer")),
            (200..=299, Err(error)) => Err(error),
            (404, _) => Ok(Profile::Missing),
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
