//! Looking accounts up by handle or DID, and asking whether posts still exist.

use std::collections::{HashMap, HashSet};

use serde::Deserialize;

use super::client::{BlueskyClient, Refusal, refusal};
use super::wire::{Posts, Profile, Profiles};
use crate::base::ErrorChain;
use crate::base::ids::{AccountKey, MAX_KEY_BYTES, Network, PostKey};
use crate::domain::accounts::{Account, AccountRef, Resolution, ResolutionOutcome};
use crate::domain::posts::PostState;
use crate::networks::asking::{Effort, read_json, unreadable};
use crate::networks::client::{AccountLookup, PostLookup, Presence};
use crate::networks::error::NetworkError;

/// Accounts or posts in one request.
const BATCH: usize = 25;

/// A handle is the name of a host.
const LONGEST_HANDLE: usize = 253;

/// The handle of an account whose own does not lead back to it.
const INVALID_HANDLE: &str = "handle.invalid";

pub(super) const FOR_USERS_ONLY: &str = "asks to be shown to users of its network only";
pub(super) const DEACTIVATED: &str = "is deactivated";

impl AccountLookup for BlueskyClient {
    fn resolve(&self, refs: &[AccountRef]) -> Result<Vec<Resolution>, NetworkError> {
        let mut names: Vec<&str> = refs.iter().filter_map(actor).collect();
        names.sort_unstable();
        names.dedup();
        let mut known: HashMap<&str, ResolutionOutcome> = HashMap::new();
        for batch in names.chunks(BATCH) {
            let parameters: Vec<(&str, &str)> = batch.iter().map(|name| ("actors", *name)).collect();
            let (url, response) = self.call("app.bsky.actor.getProfiles", &parameters, Effort::LOOKUP)?;
            let profiles = match response.is_success() {
                true => read_json::<Profiles>(&url, &response)?.profiles,
                // One name that it does not like makes it refuse them all.
                false => Vec::new(),
            };
            let profiles: Vec<Profile> =
                profiles.into_iter().filter_map(|value| Profile::deserialize(value).ok()).collect();
            for name in batch {
                let found = profiles
                    .iter()
                    .find(|profile| profile.did == *name || profile.handle.eq_ignore_ascii_case(name));
                let outcome = match found {
                    Some(profile) => self.outcome_of(profile),
                    // The batch leaves out whatever it does not show; alone, it says why.
                    None => self.resolve_one(name)?,
                };
                known.insert(name, outcome);
            }
        }
        let outcome = |asked| actor(asked).and_then(|name| known.get(name).cloned());
        Ok(refs
            .iter()
            .map(|asked| Resolution {
                asked: asked.clone(),
                outcome: outcome(asked).unwrap_or(ResolutionOutcome::Missing),
            })
            .collect())
    }

    fn check_accounts(&self, accounts: &[Account]) -> Result<Vec<Presence>, NetworkError> {
        let mut found = vec![Presence::unknown("no DID"); accounts.len()];
        let asked: Vec<(usize, &str)> = accounts
            .iter()
            .enumerate()
            .filter(|(_, account)| account.key.network == Network::Bluesky)
            .filter(|(_, account)| account.key.native.starts_with("did:"))
            .map(|(index, account)| (index, account.key.native.as_str()))
            .collect();
        for batch in asked.chunks(BATCH) {
            let parameters: Vec<(&str, &str)> = batch.iter().map(|(_, did)| ("actors", *did)).collect();
            let profiles = match self.call("app.bsky.actor.getProfiles", &parameters, Effort::LOOKUP) {
                // A batch that it refuses for one of them is asked one by one, like those that it leaves out.
                Ok((url, response)) if response.is_success() => {
                    read_json::<Profiles>(&url, &response).map(|answer| answer.profiles)
                }
                Ok(_) => Ok(Vec::new()),
                Err(error) => Err(error),
            };
            let profiles: Vec<Profile> = match profiles {
                Ok(values) => values.iter().filter_map(|value| Profile::deserialize(value).ok()).collect(),
                Err(NetworkError::Stopping) => return Err(NetworkError::Stopping),
                Err(error) => {
                    let unknown = Presence::unknown(ErrorChain(&error));
                    batch.iter().for_each(|(index, _)| found[*index].clone_from(&unknown));
                    continue;
                }
            };
            for (index, did) in batch {
                found[*index] = match profiles.iter().find(|profile| profile.did == *did) {
                    Some(profile) => self.presence_of(profile),
                    None => match self.ask_presence(did) {
                        Err(NetworkError::Stopping) => return Err(NetworkError::Stopping),
                        Err(error) => Presence::unknown(ErrorChain(&error)),
                        Ok(presence) => presence,
                    },
                };
            }
        }
        Ok(found)
    }
}

impl PostLookup for BlueskyClient {
    /// Posts that are deleted or hidden are left out of the answer; so are those of accounts that are gone.
    fn check_posts(&self, posts: &[PostKey]) -> Result<Vec<PostState>, NetworkError> {
        let mut states = vec![PostState::Unknown; posts.len()];
        let asked: Vec<usize> = (0..posts.len())
            .filter(|index| {
                let post = &posts[*index];
                post.network == Network::Bluesky && post.native.starts_with("at://did:")
            })
            .collect();
        for batch in asked.chunks(BATCH) {
            match self.visible(batch.iter().map(|index| posts[*index].native.as_str())) {
                Ok(visible) => {
                    for index in batch {
                        let is_visible = visible.contains(&posts[*index].native);
                        states[*index] = if is_visible { PostState::Visible } else { PostState::Gone };
                    }
                }
                Err(NetworkError::Stopping) => return Err(NetworkError::Stopping),
                Err(error) => {
                    // The posts are shown unchecked; the next batch would meet the same.
                    tracing::debug!(%error, posts = batch.len(), "posts not checked");
                    break;
                }
            }
        }
        Ok(states)
    }
}

impl BlueskyClient {
    fn resolve_one(&self, name: &str) -> Result<ResolutionOutcome, NetworkError> {
        let method = "app.bsky.actor.getProfile";
        let (url, response) = self.call(method, &[("actor", name)], Effort::LOOKUP)?;
        if response.is_success() {
            return Ok(self.outcome_of(&read_json(&url, &response)?));
        }
        let (meaning, why) = refusal(&url, &response)?;
        Ok(match meaning {
            Refusal::Missing => ResolutionOutcome::Missing,
            Refusal::TakenDown => ResolutionOutcome::Suspended,
            Refusal::Deactivated => ResolutionOutcome::Closed { why: DEACTIVATED.to_owned() },
            Refusal::Blocked => ResolutionOutcome::Private,
            // A name of the wrong form.
            Refusal::Other if response.status == 400 => ResolutionOutcome::Missing,
            Refusal::Other => return Err(NetworkError::Refused { endpoint: method, why }),
        })
    }

    /// Alone, it says why an account is left out.
    fn ask_presence(&self, did: &str) -> Result<Presence, NetworkError> {
        let (url, response) = self.call("app.bsky.actor.getProfile", &[("actor", did)], Effort::LOOKUP)?;
        if response.is_success() {
            return Ok(self.presence_of(&read_json(&url, &response)?));
        }
        let (meaning, why) = refusal(&url, &response)?;
        Ok(match meaning {
            Refusal::Missing => Presence::Missing,
            Refusal::TakenDown => Presence::Suspended,
            Refusal::Deactivated => Presence::Deactivated,
            Refusal::Blocked => Presence::Private,
            Refusal::Other => Presence::unknown(why),
        })
    }

    fn presence_of(&self, profile: &Profile) -> Presence {
        match self.settings.respect_no_unauthenticated && profile.is_for_users_only() {
            true => Presence::OptedOut,
            false => Presence::Present,
        }
    }

    fn outcome_of(&self, profile: &Profile) -> ResolutionOutcome {
        if self.settings.respect_no_unauthenticated && profile.is_for_users_only() {
            return ResolutionOutcome::Closed { why: FOR_USERS_ONLY.to_owned() };
        }
        if profile.did.len() > MAX_KEY_BYTES {
            let why = format!("has an id of more than {MAX_KEY_BYTES} bytes, which cannot be stored");
            return ResolutionOutcome::Closed { why };
        }
        let handle = match profile.handle.to_ascii_lowercase() {
            handle if handle.is_empty() || handle.len() > LONGEST_HANDLE || handle == INVALID_HANDLE => {
                profile.did.clone()
            }
            handle => handle,
        };
        ResolutionOutcome::Readable(Account {
            key: AccountKey::new(Network::Bluesky, profile.did.clone()),
            handle,
            posts: profile.posts_count,
        })
    }

    /// Those of these posts that are shown.
    fn visible<'a>(&self, uris: impl Iterator<Item = &'a str>) -> Result<HashSet<String>, NetworkError> {
        let parameters: Vec<(&str, &str)> = uris.map(|uri| ("uris", uri)).collect();
        let (url, response) = self.call("app.bsky.feed.getPosts", &parameters, Effort::CHECK)?;
        if !response.is_success() {
            return Err(unreadable(&url, format!("status {}", response.status)));
        }
        let posts = read_json::<Posts>(&url, &response)?.posts;
        Ok(posts.iter().filter_map(|post| Some(post.get("uri")?.as_str()?.to_owned())).collect())
    }
}

/// What the API takes for an account; `None` for a reference that cannot be one of Bluesky.
fn actor(asked: &AccountRef) -> Option<&str> {
    let name = match asked {
        AccountRef::Handle { network: Network::Bluesky, handle } => handle.as_str(),
        AccountRef::Id(AccountKey { network: Network::Bluesky, native }) => native.as_str(),
        AccountRef::Handle { .. } | AccountRef::Id(_) => return None,
    };
    let plain = |extra: &[u8]| name.bytes().all(|byte| byte.is_ascii_alphanumeric() || extra.contains(&byte));
    let is_did = name.starts_with("did:plc:") || name.starts_with("did:web:");
    let fits = if is_did { plain(b":.-_%") } else { name.contains('.') && plain(b".-") };
    (fits && name.len() <= LONGEST_HANDLE && !name.starts_with('.') && !name.ends_with('.')).then_some(name)
}
