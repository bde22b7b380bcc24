//! The outside world, as far as the daemon sees it: artwork sites, link pages, the network's API and
//! image hosts, in one HTTP server on a loopback port that tells hosts apart by the `Host` header.
//!
//! Owns its facts (`cast`), its picture files and one thread. Called by the demo, by integration tests
//! and by benchmarks. Never reaches out, never writes a file, keeps no state but counters, rate-limit
//! windows and the files it made. Sites are pure functions from a request to an answer.

pub mod cases;
mod cast;
pub mod crowd;
mod exchange;
pub mod facts;
mod images;
pub mod networks;
pub mod picture;
mod server;
mod sites;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use self::cases::Case;
use self::exchange::{Answer, Call};
use self::facts::Facts;
use self::images::Images;
use self::networks::twitter as x;
use self::sites::{danbooru, deviantart, linktree};
use crate::base::Timestamp;

/// What a request asks for, for counting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Endpoint {
    DeviantartPage,
    DeviantartOembed,
    DeviantartImage,
    DanbooruPage,
    DanbooruImage,
    /// A page or answer of an artwork site in `sites`.
    GalleryPage,
    GalleryImage,
    /// A page or answer of Linktree or of another link page.
    LinkPage,
    UsersByHandle,
    UsersById,
    Timeline,
    Search,
    PostsById,
    Usage,
    PostOembed,
    PostImage,
    /// Profiles on Bluesky that are looked up together. One alone is a `LinkPage`.
    BlueskyAccounts,
    BlueskyFeed,
    BlueskyPosts,
    /// Where an account's own server is, and a file from it.
    BlueskyDocument,
    BlueskyBlob,
    MastodonAccounts,
    MastodonStatuses,
    MastodonPosts,
    /// Of Bluesky or Mastodon.
    OpenImage,
    /// The second source for X.
    FxTwitter,
    /// A host or API path that does not exist here.
    Unknown,
}

impl Endpoint {
    pub const ALL: [Endpoint; 27] = [
        Endpoint::DeviantartPage,
        Endpoint::DeviantartOembed,
        Endpoint::DeviantartImage,
        Endpoint::DanbooruPage,
        Endpoint::DanbooruImage,
        Endpoint::GalleryPage,
        Endpoint::GalleryImage,
        Endpoint::LinkPage,
        Endpoint::UsersByHandle,
        Endpoint::UsersById,
        Endpoint::Timeline,
        Endpoint::Search,
        Endpoint::PostsById,
        Endpoint::Usage,
        Endpoint::PostOembed,
        Endpoint::PostImage,
        Endpoint::BlueskyAccounts,
        Endpoint::BlueskyFeed,
        Endpoint::BlueskyPosts,
        Endpoint::BlueskyDocument,
        Endpoint::BlueskyBlob,
        Endpoint::MastodonAccounts,
        Endpoint::MastodonStatuses,
        Endpoint::MastodonPosts,
        Endpoint::OpenImage,
        Endpoint::FxTwitter,
        Endpoint::Unknown,
    ];
}

/// A site in a file of its own: the hosts that it plays, and how they answer.
struct Site {
    hosts: &'static [&'static str],
    answer: fn(&Facts, &Images, &Call) -> (Endpoint, Answer),
}

/// The sites that are tables' entries.
fn sites() -> impl Iterator<Item = &'static Site> {
    sites::SITES.iter().chain(networks::SITES)
}

/// The other hosts that the world plays.
const HOSTS: &[&str] = &[
    "www.deviantart.com",
    "deviantart.com",
    "backend.deviantart.com",
    deviantart::IMAGE_HOST,
    "danbooru.donmai.us",
    "cdn.donmai.us",
    "linktr.ee",
    "api.x.com",
    "api.twitter.com",
    "publish.twitter.com",
    "publish.x.com",
    "pbs.twimg.com",
];

/// The running world. Ends with its value: the port is closed, its thread joined.
pub struct World {
    address: SocketAddr,
    state: Arc<State>,
    /// Gone while the world is unplugged.
    server: Mutex<Option<server::Server>>,
}

/// How the world should behave.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// Waited before every answer.
    pub latency: Duration,
}

/// The world could not be started.
#[derive(Debug, thiserror::Error)]
pub enum WorldError {
    #[error("could not open a port on 127.0.0.1 for the demo world")]
    Bind { source: std::io::Error },
    #[error("could not start the thread of the demo world")]
    Start { source: std::io::Error },
}

impl World {
    /// Starts on a free port of 127.0.0.1; answers from the moment this returns.
    pub fn start(options: Options) -> Result<World, WorldError> {
        World::start_with(options, |_| {})
    }

    /// The same with more in it.
    pub fn start_with(options: Options, populate: impl FnOnce(&mut Facts)) -> Result<World, WorldError> {
        let mut facts = cast::build();
        populate(&mut facts);
        facts.finish();
        let state = Arc::new(State {
            facts,
            images: Images::default(),
            limits: x::Limits::default(),
            latency_ms: AtomicU64::new(0),
            served: Default::default(),
        });
        let server = server::Server::start(Arc::clone(&state), 0)?;
        let world = World { address: server.address(), state, server: Mutex::new(Some(server)) };
        world.set_latency(options.latency);
        Ok(world)
    }

    /// `http://127.0.0.1:PORT`, without a closing slash.
    pub fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// For the settings' `[upstreams]`: every host of the world, sent here.
    pub fn upstreams(&self) -> BTreeMap<String, String> {
        let hosts = HOSTS.iter().chain(sites().flat_map(|site| site.hosts));
        hosts.map(|host| ((*host).to_owned(), self.base_url())).collect()
    }

    /// The token that the network's API accepts.
    pub fn bearer_token(&self) -> &'static str {
        x::BEARER_TOKEN
    }

    /// The key that the API of Tumblr accepts.
    pub fn tumblr_api_key(&self) -> &'static str {
        sites::tumblr::API_KEY
    }

    /// What there is, for comparing with what was found.
    pub fn facts(&self) -> &Facts {
        &self.state.facts
    }

    /// What can be asked and what should be answered; the first is the demo's own query.
    pub fn known(&self) -> Vec<Case> {
        cases::all(&self.state.facts)
    }

    /// Draws every picture of the network in the size that is indexed: for measuring the daemon alone.
    pub fn draw_all(&self) {
        let photos = self.state.facts.media.iter();
        for media in photos.filter(|media| media.kind == facts::MediaKind::Photo && !media.gone) {
            self.state.images.prepare(media.picture);
        }
    }

    /// Waited before every answer from now on.
    pub fn set_latency(&self, latency: Duration) {
        let millis = u64::try_from(latency.as_millis()).unwrap_or(u64::MAX);
        self.state.latency_ms.store(millis, Ordering::Relaxed);
    }

    /// The API answers 429 at this endpoint until `reset`.
    pub fn exhaust_limit(&self, endpoint: Endpoint, reset: Timestamp) {
        self.state.limits.exhaust(endpoint, reset);
    }

    /// All windows of the API's limits begin anew.
    pub fn renew_limits(&self) {
        self.state.limits.renew();
    }

    /// Nothing can be reached: connections end where they are, new ones are refused.
    pub fn unplug(&self) {
        drop(self.server.lock().unwrap_or_else(PoisonError::into_inner).take());
    }

    /// Everything can be reached again, where it was.
    ///
    /// # Errors
    /// Somebody else took the port.
    pub fn plug_in(&self) -> Result<(), WorldError> {
        let mut server = self.server.lock().unwrap_or_else(PoisonError::into_inner);
        if server.is_none() {
            *server = Some(server::Server::start(Arc::clone(&self.state), self.address.port())?);
        }
        Ok(())
    }

    /// Requests answered so far.
    pub fn served(&self, endpoint: Endpoint) -> u64 {
        self.state.served[endpoint as usize].load(Ordering::Relaxed)
    }
}

/// What all requests share.
struct State {
    facts: Facts,
    images: Images,
    limits: x::Limits,
    latency_ms: AtomicU64,
    served: [AtomicU64; Endpoint::ALL.len()],
}

impl State {
    /// Answers one request. Draws pictures, so it may take some milliseconds of CPU.
    fn answer(&self, call: &Call, now: Timestamp) -> Answer {
        let (endpoint, answer) = self.dispatch(call, now);
        self.served[endpoint as usize].fetch_add(1, Ordering::Relaxed);
        answer
    }

    fn dispatch(&self, call: &Call, now: Timestamp) -> (Endpoint, Answer) {
        let (facts, images) = (&self.facts, &self.images);
        if call.form.is_some() && call.host != "inkbunny.net" {
            return (Endpoint::Unknown, Answer::text(405, "nothing here takes a form\n"));
        }
        if let Some(site) = sites().find(|site| site.hosts.contains(&call.host.as_str())) {
            return (site.answer)(facts, images, call);
        }
        match call.host.as_str() {
            "www.deviantart.com" | "deviantart.com" => {
                (Endpoint::DeviantartPage, deviantart::page(facts, call))
            }
            "backend.deviantart.com" => (Endpoint::DeviantartOembed, deviantart::oembed(facts, call)),
            deviantart::IMAGE_HOST => (Endpoint::DeviantartImage, deviantart::image(facts, images, call)),
            "danbooru.donmai.us" => (Endpoint::DanbooruPage, danbooru::page(facts, call)),
            "cdn.donmai.us" => (Endpoint::DanbooruImage, danbooru::image(facts, images, call)),
            "linktr.ee" => (Endpoint::LinkPage, linktree::page(facts, call)),
            "api.x.com" | "api.twitter.com" => {
                let endpoint = x::endpoint(&call.path).unwrap_or(Endpoint::Unknown);
                (endpoint, x::answer(facts, &self.limits, call, now))
            }
            "publish.twitter.com" | "publish.x.com" => (Endpoint::PostOembed, x::oembed(facts, call)),
            "pbs.twimg.com" => (Endpoint::PostImage, images::network(facts, images, call)),
            host => (Endpoint::Unknown, Answer::text(404, format!("this world has no host {host:?}\n"))),
        }
    }
}

#[cfg(test)]
mod tests;
