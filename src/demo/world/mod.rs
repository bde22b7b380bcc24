//! The outside world, as far as the daemon sees it: artwork sites, link pages, the network's API and
//! image hosts, in one HTTP server on a loopback port that tells hosts apart by the `Host` header.
//!
//! Owns its facts (`cast`), its picture files and one thread. Called by the demo, by integration tests
//! and by benchmarks. Never reaches out, never writes a file, keeps no state but counters, rate-limit
//! windows and the files it made. Sites are pure functions from a request to an answer.

pub mod cases;
mod cast;
pub mod crowd;
mod dispatch;
mod endpoint;
mod exchange;
pub mod facts;
pub mod hostile;
mod ids;
mod images;
mod limits;
mod networks;
pub mod picture;
mod quirks;
mod server;
mod site;
mod sites;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

pub use endpoint::Endpoint;
pub use quirks::Quirk;
pub use server::WorldError;

use self::cases::Case;
use self::facts::Facts;
use self::hostile::Hostile;
use self::site::State;
use crate::base::Timestamp;

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
        let state = Arc::new(State::new(facts));
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
        dispatch::hosts().map(|host| (host.to_owned(), self.base_url())).collect()
    }

    /// The token that the network's API accepts.
    pub fn bearer_token(&self) -> &'static str {
        networks::twitter::BEARER_TOKEN
    }

    /// The key that the API of Tumblr accepts.
    pub fn tumblr_api_key(&self) -> &'static str {
        sites::tumblr::API_KEY
    }

    /// The `Cookie` headers, by site, without which some sites show nothing.
    pub fn cookies(&self) -> [(&'static str, &'static str); 1] {
        [("nijie", sites::nijie::COOKIE)]
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

    /// The API of X is odd in this way, or no longer.
    pub fn set_quirk(&self, quirk: Quirk, on: bool) {
        self.state.quirks.set(quirk, on);
    }

    /// This host is hostile, or no longer.
    pub fn set_hostile(&self, host: &str, what: Option<Hostile>) {
        self.state.hostile.set(host, what);
    }

    /// Hosts to which a cookie, a key or a token was sent.
    pub fn secrets_sent(&self) -> Vec<String> {
        self.state.hostile.secrets()
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
        self.state.served(endpoint)
    }
}

#[cfg(test)]
mod tests;
