//! Whether there is a network at all. One host that cannot be reached is that host's trouble; when none of a
//! few that are hardly ever down together can be connected to, the network is gone, and requests wait for it
//! instead of failing.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::future::select_ok;
use tokio::net::{TcpStream, lookup_host};
use tokio::sync::{Mutex, watch};
use tokio::time::Instant;
use url::Url;

use super::address;
use super::upstreams::Upstreams;
use crate::base::clock::Monotonic;
use crate::config;

/// A host that does not take a connection within this is not reached.
const CONNECT_LIMIT: Duration = Duration::from_secs(5);
/// The first pause between two looks whether the network is back; each further one is twice as long.
const FIRST_LOOK: Duration = Duration::from_millis(500);
const LONGEST_LOOK: Duration = Duration::from_secs(30);

/// The network is lost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loss {
    pub since: Monotonic,
    /// For people: the request that noticed it, and what was asked in vain.
    pub why: String,
}

/// Tells other threads about the network.
#[derive(Clone, Debug)]
pub struct NetworkWatch {
    lost: watch::Receiver<Option<Loss>>,
    losses: Arc<AtomicU64>,
}

impl NetworkWatch {
    /// The network is always there.
    pub fn of_none() -> NetworkWatch {
        NetworkWatch { lost: watch::channel(None).1, losses: Arc::default() }
    }

    /// The loss that lasts now.
    pub fn loss(&self) -> Option<Loss> {
        self.lost.borrow().clone()
    }

    /// How often it was lost so far: whether something was held up meanwhile.
    pub fn losses(&self) -> u64 {
        self.losses.load(Ordering::Relaxed)
    }
}

/// Lives on the runtime thread of a container.
pub(super) struct Reach {
    /// Host and port to connect to, and whether the address may be private (an upstream's).
    witnesses: Vec<(String, u16, bool)>,
    /// How long a loss is waited out; zero: not at all.
    patience: Duration,
    lost: watch::Sender<Option<Loss>>,
    losses: Arc<AtomicU64>,
    lost_at: Cell<Option<Instant>>,
    /// When somebody was reached last.
    reached: Cell<Option<Instant>>,
    /// One looks, for all that failed.
    looking: Mutex<()>,
}

impl Reach {
    pub fn new(
        settings: &config::Fetch,
        upstreams: &Upstreams,
        patience: Duration,
    ) -> (Rc<Reach>, NetworkWatch) {
        let witness = |host: &String| {
            let url: Url = format!("https://{host}/").parse().ok()?;
            let upstream = upstreams.redirect(&url);
            let is_upstream = upstream.is_some();
            let target = upstream.unwrap_or(url);
            Some((target.host_str()?.to_owned(), target.port_or_known_default()?, is_upstream))
        };
        let mut witnesses: Vec<_> = settings.witnesses.iter().filter_map(witness).collect();
        witnesses.sort();
        witnesses.dedup();
        let (lost, watched) = watch::channel(None);
        let losses = Arc::new(AtomicU64::new(0));
        let watch = NetworkWatch { lost: watched, losses: Arc::clone(&losses) };
        let (lost_at, reached, looking) = (Cell::new(None), Cell::new(None), Mutex::new(()));
        (Rc::new(Reach { witnesses, patience, lost, losses, lost_at, reached, looking }), watch)
    }

    /// A host has answered: there is a network.
    pub fn answered(&self) {
        self.reached.set(Some(Instant::now()));
        if self.lost_at.take().is_some() {
            self.lost.send_replace(None);
        }
    }

    /// Waits while the network is lost, as long as it is waited for.
    pub async fn wait_until_back(&self) {
        let Some(lost_at) = self.lost_at.get() else { return };
        let mut lost = self.lost.subscribe();
        let back = lost.wait_for(Option::is_none);
        // Either it is back, or requests fail from now on as any host's do.
        let _ = tokio::time::timeout_at(lost_at + self.patience, back).await;
    }

    /// An attempt that began at `begun` did not reach `host`: true when that is the network's fault and the
    /// request is to wait.
    pub async fn is_lost(self: &Rc<Self>, begun: Instant, host: &str, why: &str) -> bool {
        if self.witnesses.is_empty() || self.patience.is_zero() {
            return false;
        }
        let _one_looks = self.looking.lock().await;
        if let Some(lost_at) = self.lost_at.get() {
            return lost_at.elapsed() < self.patience;
        }
        if self.reached.get().is_some_and(|reached| reached >= begun) {
            return false;
        }
        if self.look().await {
            self.answered();
            return false;
        }
        self.lost_at.set(Some(Instant::now()));
        self.losses.fetch_add(1, Ordering::Relaxed);
        let hosts: Vec<&str> = self.witnesses.iter().map(|(host, _, _)| host.as_str()).collect();
        let why = format!("{host} is not reached ({why}), nor is any of {}", hosts.join(", "));
        tracing::warn!(why, "the network is lost: requests wait for it");
        self.lost.send_replace(Some(Loss { since: Monotonic::now(), why }));
        tokio::task::spawn_local(Rc::clone(self).look_until_back());
        true
    }

    async fn look_until_back(self: Rc<Self>) {
        let mut pause = FIRST_LOOK;
        while self.lost_at.get().is_some() {
            tokio::time::sleep(pause.mul_f64(0.75 + fastrand::f64() / 2.0)).await;
            pause = (pause * 2).min(LONGEST_LOOK);
            if self.look().await {
                self.answered();
            }
        }
        tracing::warn!("the network is back");
    }

    /// True when one of the witnesses takes a connection.
    async fn look(&self) -> bool {
        let connect = |(host, port, is_upstream): &(String, u16, bool)| {
            let (host, port, is_upstream) = (host.clone(), *port, *is_upstream);
            Box::pin(async move {
                let found = lookup_host((host.trim_matches(['[', ']']), port)).await?;
                let found = found.filter(|socket| is_upstream || address::is_public(socket.ip()));
                TcpStream::connect(&found.collect::<Vec<_>>()[..]).await.map(drop)
            })
        };
        let all = select_ok(self.witnesses.iter().map(connect));
        matches!(tokio::time::timeout(CONNECT_LIMIT, all).await, Ok(Ok(_)))
    }
}
