//! Servers whose every answer a test decides, for the clients that need no credential.

use std::ops::ControlFlow;
use std::sync::{Arc, Mutex};

use serde_json::Value;
use url::Url;

use super::client::{PostLister, Turns, Waiter};
use super::error::{NetworkError, Stopping};
use crate::base::{Timestamp, material};
use crate::domain::accounts::Account;
use crate::domain::posts::ListedPost;
use crate::domain::scans::{Cursor, Hold, ListingEnd, ListingPlace};
use crate::fetch::{Fetch, FetchError, Request, Response};

pub type Answer = Result<Response, FetchError>;

/// Answers as a test wants, and remembers what it was asked.
pub struct FakeServers {
    answer: Box<dyn Fn(&Request) -> Answer + Send + Sync>,
    asked: Mutex<Vec<Url>>,
}

impl FakeServers {
    pub fn new(answer: impl Fn(&Url) -> Answer + Send + Sync + 'static) -> Arc<FakeServers> {
        FakeServers::answering(move |request| answer(&request.url))
    }

    /// Those that are asked by more than addresses.
    pub fn answering(answer: impl Fn(&Request) -> Answer + Send + Sync + 'static) -> Arc<FakeServers> {
        Arc::new(FakeServers { answer: Box::new(answer), asked: Mutex::default() })
    }

    pub fn asked(&self) -> Vec<Url> {
        self.asked.lock().unwrap().clone()
    }
}

impl Fetch for FakeServers {
    fn fetch(&self, request: Request) -> Answer {
        // A key is for the API that it belongs to.
        let is_free = request.url.host_str() != Some("api.x.com");
        assert!(!is_free || request.headers.iter().all(|(name, _)| *name != "authorization"), "{request:?}");
        self.asked.lock().unwrap().push(request.url.clone());
        (self.answer)(&request)
    }

    fn fetch_all(&self, requests: Vec<Request>) -> Vec<Answer> {
        requests.into_iter().map(|request| self.fetch(request)).collect()
    }
}

/// Notes what is waited for, without waiting.
#[derive(Default)]
pub struct FakeWaiter {
    waits: Mutex<Vec<String>>,
}

impl FakeWaiter {
    pub fn waits(&self) -> Vec<String> {
        self.waits.lock().unwrap().clone()
    }
}

impl Waiter for FakeWaiter {
    fn wait_until(&self, _: Timestamp, why: &str) -> Result<(), Stopping> {
        self.waits.lock().unwrap().push(why.to_owned());
        Ok(())
    }
}

pub fn reply(status: u16, headers: &[(&str, &str)], body: &Value) -> Answer {
    Ok(Response {
        status,
        url: "https://fake.example/".parse().unwrap(),
        headers: headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        body: body.to_string().into(),
    })
}

pub fn parameter(url: &Url, name: &str) -> Option<String> {
    url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
}

/// All that a listing delivers, its pieces put together.
pub fn list(
    client: &dyn PostLister,
    account: &Account,
    cursor: &Cursor,
) -> Result<(Vec<ListedPost>, ListingEnd), NetworkError> {
    let mut posts = Vec::new();
    let end = client.list_posts(account, cursor, &mut |piece| {
        posts.extend(piece);
        ControlFlow::Continue(())
    })?;
    Ok((posts, end))
}

/// Wants a listing to be left after each of the network's pages.
#[derive(Default)]
pub struct Impatient {
    place: Option<ListingPlace>,
    pub posts: Vec<ListedPost>,
}

impl Turns for Impatient {
    fn place(&self) -> Option<&ListingPlace> {
        self.place.as_ref()
    }

    fn take(&mut self, posts: Vec<ListedPost>, hold: Hold) -> ControlFlow<()> {
        self.posts.extend(posts);
        match hold {
            Hold::At(place) => {
                self.place = Some(*place);
                ControlFlow::Break(())
            }
            Hold::Never | Hold::Here => ControlFlow::Continue(()),
        }
    }
}

/// As `list`, each page in a turn of its own, which another worker takes; also the number of turns.
pub fn list_in_turns(
    client: &dyn PostLister,
    account: &Account,
    cursor: &Cursor,
) -> Result<(usize, Vec<ListedPost>, ListingEnd), NetworkError> {
    let mut turns = Impatient::default();
    for turn in 1.. {
        match client.list_in_turns(account, cursor, &mut turns) {
            Err(NetworkError::Stopping) => {}
            end => return Ok((turn, turns.posts, end?)),
        }
    }
    unreachable!()
}

/// A document of `tests/fixtures/`.
pub fn fixture(path: &str) -> Value {
    let path = material::fixture(path);
    let bytes = std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_slice(&bytes).expect("a fixture is JSON")
}
