//! The client against a fake X, whose every request is held against X's published contract.

mod contract;
mod listing;
mod lookup;
mod odd;
mod partial;
mod posts;
mod recorded;
mod refusals;

use std::ops::ControlFlow;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use serde_json::{Value, json};
use url::Url;

use super::TwitterClient;
use crate::base::Timestamp;
use crate::base::ids::{AccountKey, Network};
use crate::config;
use crate::domain::accounts::Account;
use crate::domain::posts::ListedPost;
use crate::domain::scans::{Cursor, ListingEnd};
use crate::fetch::test_server::{Reply, TestServer};
use crate::fetch::{Fetch, FetchError, HttpFetch, Request, Response};
use crate::networks::delivery::MAX_POSTS_PER_PIECE;
use crate::networks::{AccountLookup, NetworkError, PostLister, PostLookup, SearchedPosts, Stopping, Waiter};

/// A request as it reached the fake X.
#[derive(Clone, Debug)]
struct Asked {
    url: Url,
    /// The bearer token; empty without one.
    token: String,
}

impl Asked {
    fn path(&self) -> &str {
        self.url.path()
    }

    fn parameter(&self, name: &str) -> Option<String> {
        self.url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
    }
}

type Answer = Result<Response, FetchError>;

/// Answers as a test wants, and remembers what it was asked.
struct FakeX {
    answer: Box<dyn Fn(&Asked) -> Answer + Send + Sync>,
    asked: Mutex<Vec<Asked>>,
}

impl Fetch for FakeX {
    fn fetch(&self, request: Request) -> Answer {
        let token = request.headers.iter().find(|(name, _)| *name == "authorization");
        let token = token.and_then(|(_, value)| value.strip_prefix("Bearer ")).unwrap_or_default();
        let asked = Asked { url: request.url.clone(), token: token.to_owned() };
        if request.url.host_str() == Some("api.x.com") {
            assert!(!asked.token.is_empty(), "no credential for {}", request.url);
            contract::check_request(&request.url);
        }
        self.asked.lock().unwrap().push(asked.clone());
        (self.answer)(&asked)
    }

    fn fetch_all(&self, requests: Vec<Request>) -> Vec<Answer> {
        requests.into_iter().map(|request| self.fetch(request)).collect()
    }
}

/// Notes what is waited for, without waiting.
#[derive(Default)]
struct FakeWaiter {
    waits: Mutex<Vec<(Timestamp, String)>>,
    stops: bool,
}

impl Waiter for FakeWaiter {
    fn wait_until(&self, until: Timestamp, why: &str) -> Result<(), Stopping> {
        self.waits.lock().unwrap().push((until, why.to_owned()));
        if self.stops { Err(Stopping) } else { Ok(()) }
    }
}

/// A client of a fake X.
struct World {
    x: Arc<FakeX>,
    waiter: Arc<FakeWaiter>,
    client: TwitterClient,
}

impl World {
    /// With one credential, `token-0`.
    fn new(answer: impl Fn(&Asked) -> Answer + Send + Sync + 'static) -> World {
        World::with(1, |_| {}, answer)
    }

    fn with(
        credentials: usize,
        change: impl FnOnce(&mut config::Twitter),
        answer: impl Fn(&Asked) -> Answer + Send + Sync + 'static,
    ) -> World {
        let mut settings = config::Settings::default().twitter;
        settings.credentials = (0..credentials)
            .map(|index| config::TwitterCredential {
                bearer_token: config::Secret::new(format!("token-{index}")),
            })
            .collect();
        change(&mut settings);
        let x = Arc::new(FakeX { answer: Box::new(answer), asked: Mutex::default() });
        let waiter = Arc::new(FakeWaiter::default());
        let client = TwitterClient::new(x.clone(), &settings, waiter.clone());
        World { x, waiter, client }
    }

    fn asked(&self) -> Vec<Asked> {
        self.x.asked.lock().unwrap().clone()
    }

    /// How often each of the credentials asked.
    fn uses(&self) -> Vec<usize> {
        let tokens: Vec<String> = self.asked().into_iter().map(|asked| asked.token).collect();
        let most =
            tokens.iter().filter_map(|token| token.strip_prefix("token-")?.parse::<usize>().ok()).max();
        let count = |index| tokens.iter().filter(|token| **token == format!("token-{index}")).count();
        (0..=most.unwrap_or(0)).map(count).collect()
    }

    /// What was waited for.
    fn waits(&self) -> Vec<String> {
        self.waiter.waits.lock().unwrap().iter().map(|(_, why)| why.clone()).collect()
    }

    /// All that a listing delivers, its pieces put together.
    fn list(&self, account: &Account, cursor: &Cursor) -> Result<Listing, NetworkError> {
        let mut posts = Vec::new();
        let mut calls = 0;
        let end = self.client.list_posts(account, cursor, &mut |piece| {
            assert!(piece.len() <= MAX_POSTS_PER_PIECE);
            posts.extend(piece);
            calls += 1;
            ControlFlow::Continue(())
        })?;
        Ok(Listing { posts, calls, end })
    }
}

/// The same, all the way over HTTP.
#[test]
fn a_listing_over_the_wire() {
    let server = TestServer::start(|seen| {
        assert_eq!(seen.header("host"), Some("api.x.com"));
        assert_eq!(seen.header("authorization"), Some("Bearer token-0"));
        let url: Url = format!("https://api.x.com{}", seen.target).parse().unwrap();
        let posts: Vec<Value> = (0..130).rev().map(|n| photo_post(1000 + n)).collect();
        let answer = serve_pages(&Asked { url, token: String::new() }, &posts).unwrap();
        Reply::ok(answer.body.to_vec()).header("x-rate-limit-remaining", "7")
    });
    let mut settings = config::Settings::default();
    let bearer_token = config::Secret::new("token-0");
    settings.twitter.credentials = vec![config::TwitterCredential { bearer_token }];
    let upstreams = [("api.x.com".to_owned(), server.base_url())].into();
    let fetch = HttpFetch::start(&settings.fetch, &upstreams).unwrap();
    let client = TwitterClient::new(Arc::new(fetch), &settings.twitter, Arc::new(FakeWaiter::default()));
    let mut listed = 0;
    let end = client.list_posts(&artist(), &Cursor::Timeline(None), &mut |posts| {
        listed += posts.len();
        ControlFlow::Continue(())
    });
    assert_eq!((listed, end.unwrap().posts_read), (130, 130));
}

struct Listing {
    posts: Vec<ListedPost>,
    calls: usize,
    end: ListingEnd,
}

impl Listing {
    fn ids(&self) -> Vec<&str> {
        self.posts.iter().map(|post| post.key.native.as_str()).collect()
    }
}

fn artist() -> Account {
    Account { key: AccountKey::new(Network::Twitter, "42"), handle: "artist".to_owned(), posts: Some(500) }
}

fn reply(status: u16, headers: &[(&str, &str)], body: impl Into<Bytes>) -> Answer {
    Ok(Response {
        status,
        url: "https://api.x.com/".parse().unwrap(),
        headers: headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        body: body.into(),
    })
}

fn ok(body: &Value) -> Answer {
    reply(200, &[], body.to_string())
}

/// A problem as the body of an error answer.
fn problem(status: u16, kind: &str) -> Answer {
    let body = json!({"title": "T", "detail": "D", "type": format!("https://api.x.com/2/problems/{kind}")});
    reply(status, &[], body.to_string())
}

/// A post of the artist with one photo.
fn photo_post(id: u64) -> Value {
    json!({
        "id": id.to_string(), "author_id": "42", "created_at": date(id), "text": "t",
        "attachments": {"media_keys": [format!("3_{id}")]},
        "edit_history_tweet_ids": [id.to_string()],
    })
}

/// A post of the artist without anything attached.
fn text_post(id: u64) -> Value {
    json!({"id": id.to_string(), "author_id": "42", "created_at": date(id), "text": "t"})
}

/// Post `id` is published `id` seconds after this.
const EPOCH: i64 = 1_700_000_000;

fn moment(id: u64) -> Timestamp {
    Timestamp::from_secs(EPOCH + i64::try_from(id).unwrap())
}

fn date(id: u64) -> String {
    moment(id).to_rfc3339()
}

/// A page as X sends it: the media of its posts expanded beside them.
fn page(posts: &[Value], next: Option<&str>) -> Value {
    let keys = posts.iter().filter_map(|post| post["attachments"]["media_keys"].as_array()).flatten();
    let media: Vec<Value> = keys
        .filter_map(Value::as_str)
        .map(|key| match key.split_once('_') {
            Some(("3", name)) => json!({"media_key": key, "type": "photo",
                "url": format!("https://pbs.twimg.com/media/{name:0>15}.jpg")}),
            Some(("7", _)) => json!({"media_key": key, "type": "video"}),
            _ => json!({"media_key": key, "type": "animated_gif"}),
        })
        .collect();
    let mut body = json!({"meta": {"result_count": posts.len()}});
    if !posts.is_empty() {
        body["data"] = posts.into();
    }
    if !media.is_empty() {
        body["includes"] = json!({"media": media});
    }
    if let Some(next) = next {
        body["meta"]["next_token"] = next.into();
    }
    body
}

/// Pages through `posts` (newest first) as the two listings of X do.
fn serve_pages(asked: &Asked, posts: &[Value]) -> Answer {
    let size: usize = asked.parameter("max_results").unwrap().parse().unwrap();
    let token = asked.parameter("next_token").or_else(|| asked.parameter("pagination_token"));
    let start: usize = token.map_or(0, |token| token.strip_prefix('t').unwrap().parse().unwrap());
    let end = (start + size).min(posts.len());
    let next = (end < posts.len()).then(|| format!("t{end}"));
    ok(&page(&posts[start..end], next.as_deref()))
}
