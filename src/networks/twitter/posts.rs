//! Single posts by number: whether they can still be seen, what they show, and whose they are.

use std::time::Duration;

use serde::Deserialize;
use url::Url;

use super::ask::{PATIENT, Question, Reads};
use super::client::TwitterClient;
use super::fields::FieldsName;
use super::lookup::{BATCH, is_id};
use super::media;
use super::pool::Endpoint;
use super::problem::{self, Meaning};
use super::wire::{Answer, Post};
use crate::base::Timestamp;
use crate::base::ids::{AccountKey, Network, PostKey};
use crate::domain::accounts::{Account, AccountRef, ResolutionOutcome};
use crate::domain::posts::{ListedPost, PostOutcome, PostState};
use crate::fetch::{FetchError, Request, Response, json};
use crate::networks::client::{AccountLookup, PostLookup};
use crate::networks::error::NetworkError;

const GONE: &str = "is gone, or cannot be seen by everybody";

/// A user waits for the answer: an unchecked post is better than a late one.
const CHECK_PATIENCE: Duration = Duration::from_secs(5);

/// An oEmbed answer is a few hundred bytes of text.
const MAX_OEMBED_BYTES: u64 = 256 * 1024;

/// How long an answer about posts is waited for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Patience {
    /// It is a refinement only.
    Short,
    Long,
}

/// What the free endpoint says about a post.
enum Embedded {
    /// It is there; its author's handle, in lower case.
    By(String),
    Gone,
    /// It may be there: some posts cannot be embedded.
    Unknown,
}

/// The part of its answer that is read.
#[derive(Deserialize)]
struct Embed {
    author_url: String,
}

impl PostLookup for TwitterClient {
    fn check_posts(&self, posts: &[PostKey]) -> Result<Vec<PostState>, NetworkError> {
        let mut states = vec![PostState::Unknown; posts.len()];
        let open = |states: &[PostState]| -> Vec<(usize, String)> {
            posts
                .iter()
                .enumerate()
                .zip(states)
                .filter(|((_, post), state)| {
                    **state == PostState::Unknown && post.network == Network::Twitter && is_id(&post.native)
                })
                .map(|((index, post), _)| (index, post.native.clone()))
                .collect()
        };
        if self.settings.oembed_first {
            let asked = open(&states);
            let requests = asked.iter().map(|(_, id)| oembed_request(id)).collect();
            for ((index, _), outcome) in asked.iter().zip(self.fetch.fetch_all(requests)) {
                states[*index] = match outcome {
                    Ok(response) if response.is_success() => PostState::Visible,
                    Ok(response) if matches!(response.status, 404 | 410) => {
                        match json::names_error(&response.body) {
                            true => PostState::Deleted,
                            false => PostState::Gone,
                        }
                    }
                    Err(FetchError::Stopping) => return Err(NetworkError::Stopping),
                    Ok(_) | Err(_) => PostState::Unknown,
                };
            }
        }
        if self.settings.credentials.is_empty() {
            return Ok(states);
        }
        for batch in open(&states).chunks(BATCH) {
            let ids: Vec<&str> = batch.iter().map(|(_, id)| id.as_str()).collect();
            match self.read_ids(&ids) {
                Ok(answer) => {
                    for (index, id) in batch {
                        states[*index] = state_of(id, &answer);
                    }
                }
                Err(NetworkError::Stopping) => return Err(NetworkError::Stopping),
                Err(error) => {
                    // The posts are shown unchecked; the next batch would meet the same.
                    tracing::debug!(%error, posts = ids.len(), "posts not checked");
                    break;
                }
            }
        }
        Ok(states)
    }

    /// The free endpoint tells whether a post is there and its author's handle, the paid one the rest. The
    /// newer contract has the author as an expansion only, which is paid for: there the handle is looked up
    /// instead.
    fn look_posts_up(&self, posts: &[PostKey]) -> Result<Vec<PostOutcome>, NetworkError> {
        let nothing = |why: &str| PostOutcome::Nothing { why: why.to_owned() };
        let mut outcomes = vec![PostOutcome::Unknown; posts.len()];
        let mut asked = Vec::new();
        for (index, post) in posts.iter().enumerate() {
            match post.network == Network::Twitter && is_id(&post.native) {
                true => asked.push((index, post.native.as_str())),
                false => outcomes[index] = nothing("has no number of X"),
            }
        }
        let requests = asked.iter().map(|(_, id)| oembed_request(id)).collect();
        let mut open = Vec::new();
        for ((index, id), response) in asked.into_iter().zip(self.fetch.fetch_all(requests)) {
            match embedded(response)? {
                Embedded::By(handle) => open.push((index, id, handle)),
                Embedded::Gone => outcomes[index] = nothing(GONE),
                Embedded::Unknown => open.push((index, id, String::new())),
            }
        }
        for batch in open.chunks(BATCH) {
            let ids: Vec<&str> = batch.iter().map(|(_, id, _)| *id).collect();
            let answer = self.read_posts(&ids, Patience::Long)?;
            for (index, id, handle) in batch {
                outcomes[*index] = match state_of(id, &answer) {
                    PostState::Visible => self.outcome_of_post(id, handle, &answer)?,
                    PostState::Deleted | PostState::Gone => nothing(GONE),
                    PostState::Unknown => PostOutcome::Unknown,
                };
            }
        }
        Ok(outcomes)
    }
}

impl TwitterClient {
    /// Whether posts are there, and nothing else of them.
    fn read_ids(&self, ids: &[&str]) -> Result<Answer, NetworkError> {
        let endpoint = Endpoint::Posts;
        let url = self.url(endpoint, endpoint.as_str(), &[("ids", &ids.join(","))])?;
        let reads = Reads::Named(ids.len());
        self.answer_only(&Question { endpoint, url, subject: None, patience: CHECK_PATIENCE, reads })
    }

    /// What these posts show.
    pub(super) fn read_posts(&self, ids: &[&str], patience: Patience) -> Result<Answer, NetworkError> {
        let endpoint = Endpoint::Posts;
        let patience = match patience {
            Patience::Short => CHECK_PATIENCE,
            Patience::Long => PATIENT,
        };
        let ids_asked = ids.join(",");
        let question = |name: FieldsName| {
            let parameters = [
                ("ids", ids_asked.as_str()),
                (name.parameter(), name.fields()),
                ("expansions", "attachments.media_keys"),
                ("media.fields", "media_key,type,url"),
            ];
            let url = self.url(endpoint, endpoint.as_str(), &parameters)?;
            Ok(Question { endpoint, url, subject: None, patience, reads: Reads::Named(ids.len()) })
        };
        // Any post may be without attachments.
        let (said, _) = self.ask_for_posts(&question, &mut false, &mut Vec::new())?;
        self.only_answer(endpoint, said)
    }

    /// `handle` is empty where it is not known.
    fn outcome_of_post(&self, id: &str, handle: &str, answer: &Answer) -> Result<PostOutcome, NetworkError> {
        let Some(post) = answer.read::<Post>().flatten().find(|post| post.id == id) else {
            return Ok(PostOutcome::Unknown);
        };
        let nothing = |why: &str| Ok(PostOutcome::Nothing { why: why.to_owned() });
        if post.is_repost() {
            return nothing("repeats another's post");
        }
        let media = answer.includes.as_ref().map(|includes| &*includes.media).unwrap_or_default();
        let attached = media::attached(&post, media, handle, &self.settings.image_size);
        let published = post.created_at.as_deref().and_then(Timestamp::parse_rfc3339);
        let key = PostKey::new(Network::Twitter, post.id.clone());
        let Some(listed) = ListedPost::of(key, published, attached) else {
            return nothing("has no images of its author's own");
        };
        let author = match post.author_id {
            Some(native) => Account {
                key: AccountKey::new(Network::Twitter, native),
                handle: handle.to_owned(),
                posts: None,
            },
            None if handle.is_empty() => return Ok(PostOutcome::Unknown),
            None => {
                let asked = AccountRef::Handle { network: Network::Twitter, handle: handle.to_owned() };
                match self.resolve(&[asked])?.pop().map(|resolution| resolution.outcome) {
                    Some(ResolutionOutcome::Readable(account)) => account,
                    // Renamed or closed just now.
                    Some(_) | None => return Ok(PostOutcome::Unknown),
                }
            }
        };
        Ok(PostOutcome::Found { author, post: listed })
    }
}

/// The free endpoint that says whether a post can be embedded, which is whether it can be seen.
fn oembed_request(id: &str) -> Request {
    let post = format!("https://twitter.com/i/status/{id}");
    let url = Url::parse_with_params(
        "https://publish.twitter.com/oembed",
        [("url", post.as_str()), ("omit_script", "true"), ("dnt", "true")],
    )
    .expect("a constant URL with parameters is a URL");
    Request::get(url).max_bytes(MAX_OEMBED_BYTES).retries(1)
}

fn state_of(id: &str, answer: &Answer) -> PostState {
    let is_it = |value: serde_json::Value| value.get("id").and_then(|found| found.as_str()) == Some(id);
    if answer.read().flatten().any(is_it) {
        return PostState::Visible;
    }
    let own = answer.errors.iter().find(|problem| problem::concerns(problem, id));
    match own.and_then(problem::meaning_of) {
        Some(Meaning::NotFound) => PostState::Deleted,
        Some(Meaning::Suspended | Meaning::NotVisible) => PostState::Gone,
        Some(_) | None => PostState::Unknown,
    }
}

fn embedded(response: Result<Response, FetchError>) -> Result<Embedded, NetworkError> {
    Ok(match response {
        Ok(response) if response.is_success() => json::parse::<Embed>(&response.body)
            .ok()
            .and_then(|embed| Url::parse(&embed.author_url).ok())
            .and_then(|url| Some(url.path_segments()?.next()?.to_ascii_lowercase()))
            .map_or(Embedded::Unknown, Embedded::By),
        Ok(response) if matches!(response.status, 404 | 410) => Embedded::Gone,
        Err(FetchError::Stopping) => return Err(NetworkError::Stopping),
        Ok(_) | Err(_) => Embedded::Unknown,
    })
}
