//! A front's side of its link to the broker.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::base::ids::{AskId, QueryId};
use crate::broker::client::link::{OUTBOX_CAPACITY, Unavailable};
use crate::domain::watches::WatchId;
use crate::ipc::{Blob, Endpoint, Outbox, Parcel, pump};
use crate::proto::front::{BrokerToFront, FrontAnswer, FrontQuestion, FrontToBroker};
use crate::proto::view::{QueryStatus, QueryView};

/// Receives an answer, on the thread that hears the broker: must be quick.
type Reply = Box<dyn FnOnce(Result<FrontAnswer, Unavailable>) + Send>;
/// Receives the states of a watched query; false when nobody listens any more.
type Listener = Box<dyn FnMut(&QueryView) -> bool + Send>;

/// Hears which watch's feed may have changed, `None` for any; false when it listens no more.
pub type FeedListener = Box<dyn FnMut(Option<WatchId>) -> bool + Send>;

/// A front's side of the link.
#[derive(Default)]
pub struct FrontClient {
    link: Mutex<FrontLink>,
}

#[derive(Default)]
struct FrontLink {
    outbox: Option<Outbox<FrontToBroker>>,
    number: u64,
    asks: HashMap<AskId, Reply>,
    last_ask: u64,
    listeners: HashMap<QueryId, Vec<Listener>>,
    /// Those outlive the link.
    feeds: Vec<FeedListener>,
}

impl FrontClient {
    pub fn new() -> Arc<FrontClient> {
        Arc::new(FrontClient::default())
    }

    /// Takes a new link into use.
    pub fn attach(self: &Arc<Self>, end: Endpoint<FrontToBroker, BrokerToFront>) {
        let (sender, receiver) = end.split();
        let outbox = Outbox::start(sender, "to-broker", OUTBOX_CAPACITY);
        let _ = outbox.send(FrontToBroker::Hello { pid: std::process::id() });
        self.detach();
        let number = {
            let mut link = self.lock();
            link.number += 1;
            link.outbox = Some(outbox);
            // This broker tells of feeds that it was asked for.
            link.feeds.retain_mut(|listener| listener(None));
            link.number
        };
        let hearing = Arc::clone(self);
        let losing = Arc::clone(self);
        pump(
            receiver,
            "from-broker",
            move |parcel| {
                hearing.on_message(parcel.message);
                std::ops::ControlFlow::Continue(())
            },
            move |_error| {
                if losing.lock().number == number {
                    losing.detach();
                }
            },
        );
    }

    /// Asks; `reply` is called exactly once, perhaps before this returns.
    pub fn ask(&self, question: FrontQuestion, blob: Option<Blob>, reply: Reply) {
        let (outbox, ask) = {
            let mut link = self.lock();
            link.last_ask += 1;
            let ask = AskId(link.last_ask);
            let outbox = link.outbox.clone();
            link.asks.insert(ask, reply);
            (outbox, ask)
        };
        let message = FrontToBroker::Ask { ask, question };
        let sent = outbox.is_some_and(|outbox| outbox.send(Parcel { message, blob }).is_ok());
        if !sent {
            // Overloaded or away: better refused quickly than kept waiting.
            let reply = self.lock().asks.remove(&ask);
            if let Some(reply) = reply {
                reply(Err(Unavailable));
            }
        }
    }

    /// Calls `listener` with the query's state now, at each change, and with its end, until it
    /// returns false. A lost link drops it. It must be quick and must not call this client.
    pub fn follow(&self, query: QueryId, listener: Listener) {
        let mut link = self.lock();
        let Some(outbox) = link.outbox.clone() else { return };
        link.listeners.entry(query).or_default().push(listener);
        drop(link);
        let _ = outbox.send(FrontToBroker::Follow { query });
    }

    /// Calls `listener` with each feed that may have changed, and with all of them when the link is lost,
    /// until it returns false. It must be quick and must not call this client.
    pub fn follow_feeds(&self, listener: FeedListener) {
        self.lock().feeds.push(listener);
    }

    fn on_message(&self, message: BrokerToFront) {
        match message {
            BrokerToFront::Answer { ask, answer } => {
                let reply = self.lock().asks.remove(&ask);
                if let Some(reply) = reply {
                    reply(Ok(answer));
                }
            }
            BrokerToFront::FeedChanged { watch } => {
                self.lock().feeds.retain_mut(|listener| listener(watch));
            }
            BrokerToFront::Changed { view } => {
                let ended = view.status == QueryStatus::End;
                let mut link = self.lock();
                let Some(listeners) = link.listeners.get_mut(&view.query) else { return };
                listeners.retain_mut(|listener| listener(&view) && !ended);
                if listeners.is_empty() {
                    link.listeners.remove(&view.query);
                    if let Some(outbox) = &link.outbox
                        && !ended
                    {
                        let _ = outbox.send(FrontToBroker::Unfollow { query: view.query });
                    }
                }
            }
        }
    }

    fn detach(&self) {
        let (asks, listeners) = {
            let mut link = self.lock();
            link.outbox = None;
            // What changes from now on, nobody tells.
            link.feeds.retain_mut(|listener| listener(None));
            (std::mem::take(&mut link.asks), std::mem::take(&mut link.listeners))
        };
        drop(listeners);
        for reply in asks.into_values() {
            reply(Err(Unavailable));
        }
    }

    fn lock(&self) -> MutexGuard<'_, FrontLink> {
        self.link.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
