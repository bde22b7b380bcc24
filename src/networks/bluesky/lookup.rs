//! Looking accounts up by handle or DID, and asking whether posts still exist.

use std::collections::{HashMap, HashSet};

use serde::Deserialize;
use serde_json::Value;

use super::client::{BlueskyClient, DEACTIVATED, FOR_USERS_ONLY, Refusal, refusal};
use super::listing::listed_own;
use super::wire::{Post, Posts, Profile, Profiles};
use crate::base::ErrorChain;
use crate::base::ids::{AccountKey, MAX_KEY_BYTES, Network, PostKey};
use crate::domain::accounts::{Account, AccountRef, Resolution, ResolutionOutcome};
use crate::domain::posts::{PostOutcome, PostState};
use crate::networks::asking::{Effort, read_json, unreadable};
use crate::networks::client::{AccountLookup, PostLookup, Presence};
use crate::networks::error::NetworkError;

/// Accounts or posts in one request.
pub(super) const BATCH: usize = 25;

/// A record's key, at most.
const LONGEST_RECORD_KEY: usize = 512;

/// A handle is the name of a host.
const LONGEST_HANDLE: usize = 253;

/// The handle of an account whose own does not lead back to it.
const INVALID_HANDLE: &str = "handle.invalid";

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
                        // An answer without any of them may be the service's own fault.
                        states[*index] = match visible.contains(&posts[*index].native) {
                            true => PostState::Visible,
                            false if visible.is_empty() => PostState::Gone,
                            false => PostState::Deleted,
                        };
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

    /// Handles are asked for first: the API knows posts by the DID alone. A post that is deleted or hidden is
    /// left out of its answer.
    fn look_posts_up(&self, posts: &[PostKey]) -> Result<Vec<PostOutcome>, NetworkError> {
        let nothing = |why: &str| PostOutcome::Nothing { why: why.to_owned() };
        let named: Vec<Option<(AccountRef, &str)>> = posts.iter().map(record).collect();
        let mut handles: Vec<AccountRef> = named
            .iter()
            .flatten()
            .map(|(author, _)| author.clone())
            .filter(|author| matches!(author, AccountRef::Handle { .. }))
            .collect();
        handles.sort_unstable();
        handles.dedup();
        let authors = if handles.is_empty() { Vec::new() } else { self.resolve(&handles)? };
        let mut outcomes = vec![PostOutcome::Unknown; posts.len()];
        let mut asked: Vec<(usize, String)> = Vec::new();
        for (index, named) in named.into_iter().enumerate() {
            let Some((author, key)) = named else {
                outcomes[index] = nothing("has an address that is none of Bluesky");
                continue;
            };
            let did = match &author {
                AccountRef::Id(author) => author.native.clone(),
                AccountRef::Handle { .. } => {
                    match authors.iter().find(|found| found.asked == author).map(|found| &found.outcome) {
                        Some(ResolutionOutcome::Readable(account)) => account.key.native.clone(),
                        found => {
                            outcomes[index] = by_refused(found);
                            continue;
                        }
                    }
                }
            };
            asked.push((index, format!("at://{did}/app.bsky.feed.post/{key}")));
        }
        for batch in asked.chunks(BATCH) {
            let found = self.ask_posts(batch.iter().map(|(_, uri)| uri.as_str()), Effort::LOOKUP)?;
            let found: Vec<Post> = found.iter().filter_map(|post| Post::deserialize(post).ok()).collect();
            for (index, uri) in batch {
                outcomes[*index] = match found.iter().find(|post| post.uri == *uri) {
                    Some(post) => self.outcome_of_post(post),
                    None => nothing("is gone, or cannot be seen by everybody"),
                };
            }
        }
        Ok(outcomes)
    }
}

impl BlueskyClient {
    fn outcome_of_post(&self, post: &Post) -> PostOutcome {
        match self.outcome_of(&post.author) {
            ResolutionOutcome::Readable(author) => {
                match listed_own(post, &author, self.settings.is_full_size()) {
                    Some(post) => PostOutcome::Found { author, post },
                    None => PostOutcome::Nothing { why: "has no images".to_owned() },
                }
            }
            refused => by_refused(Some(&refused)),
        }
    }

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
        let posts = self.ask_posts(uris, Effort::CHECK)?;
        Ok(posts.iter().filter_map(|post| Some(post.get("uri")?.as_str()?.to_owned())).collect())
    }

    /// These posts, at most `BATCH`, as far as they are shown.
    pub(super) fn ask_posts<'a>(
        &self,
        uris: impl Iterator<Item = &'a str>,
        effort: Effort,
    ) -> Result<Vec<Value>, NetworkError> {
        let parameters: Vec<(&str, &str)> = uris.map(|uri| ("uris", uri)).collect();
        let (url, response) = self.call("app.bsky.feed.getPosts", &parameters, effort)?;
        if !response.is_success() {
            return Err(unreadable(&url, format!("status {}", response.status)));
        }
        Ok(read_json::<Posts>(&url, &response)?.posts)
    }
}

/// Of a post whose author's account cannot be read.
fn by_refused(author: Option<&ResolutionOutcome>) -> PostOutcome {
    let why = author.and_then(ResolutionOutcome::refusal).unwrap_or("cannot be found");
    PostOutcome::Nothing { why: format!("is by an account that {why}") }
}

/// Author and key of a post, `at://author/app.bsky.feed.post/key`, where both can stand in a question.
fn record(post: &PostKey) -> Option<(AccountRef, &str)> {
    let rest = post.native.strip_prefix("at://").filter(|_| post.network == Network::Bluesky)?;
    let (author, key) = rest.split_once("/app.bsky.feed.post/")?;
    let author = match author.starts_with("did:") {
        true => AccountRef::Id(AccountKey::new(Network::Bluesky, author)),
        false => AccountRef::Handle { network: Network::Bluesky, handle: author.to_ascii_lowercase() },
    };
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b".-_:~".contains(&byte);
    let fits = (1..=LONGEST_RECORD_KEY).contains(&key.len()) && key.bytes().all(is_plain);
    (fits && actor(&author).is_some()).then_some((author, key))
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
