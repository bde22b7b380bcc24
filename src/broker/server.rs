//! The loop that drives the state machine: hears containers, fronts, the storekeeper and the clock,
//! one event at a time, and carries out the effects. It waits for nobody: what a peer does not read
//! fast enough costs the peer its link, what the storekeeper cannot take at once is kept here and
//! slows the listings down.
#![expect(clippy::disallowed_methods, reason = "the loop reads the clock for the state")]

use std::collections::{HashMap, VecDeque};
use std::ops::ControlFlow;
use std::time::Duration;

use crossbeam_channel as queue;

use crate::base::StopSignal;
use crate::base::clock::{Monotonic, Timestamp};
use crate::base::ids::ContainerId;
use crate::broker::books::blob::BlobKey;
use crate::broker::books::site_layouts::{self, Change as SiteChange};
use crate::broker::rules::health;
use crate::broker::state::State;
use crate::broker::vocabulary::{Effect, Event, Now, Policy};
use crate::ipc::control::{Link, PeerEnd};
use crate::ipc::{Blob, Outbox, OutboxError, Parcel, pump};
use crate::proto::front::{BrokerToFront, FrontAnswer, FrontQuestion, FrontToBroker};
use crate::proto::stage::{BrokerToStage, StageToBroker};
use crate::storekeeper::orders::{FromStorekeeper, ToStorekeeper};
use crate::telemetry::events;

/// Messages that wait for the loop; beyond it, senders wait.
const EVENTS_CAPACITY: usize = 1024;
/// Messages that wait for a peer; beyond it, the peer has stopped reading.
const OUTBOX_CAPACITY: usize = 4096;
/// How long the loop sleeps at most while the storekeeper is behind.
const BACKLOG_PAUSE: Duration = Duration::from_millis(20);
/// How long the end waits for the storekeeper to take what is left.
const FLUSH_LIMIT: Duration = Duration::from_millis(800);

/// The two directions between the loop and the storekeeper.
#[derive(Debug)]
pub struct StoreLink {
    /// Bounded.
    pub orders: queue::Sender<ToStorekeeper>,
    /// Answers; as many as there are orders at most.
    pub reports: queue::Receiver<FromStorekeeper>,
}

/// Why the broker ended without being told to.
#[derive(Debug, thiserror::Error)]
pub enum BrokerError {
    #[error("the storekeeper cannot go on: {0}")]
    StoreBroken(String),
    #[error("the storekeeper has ended")]
    StoreGone,
    #[error("could not start a thread for a link")]
    Link(#[source] std::io::Error),
}

enum Peer {
    Stage(Outbox<BrokerToStage>),
    Front(Outbox<BrokerToFront>),
}

enum Heard {
    Stage(StageToBroker),
    Front(FrontToBroker, Option<Blob>),
    Closed,
}

/// What a link's thread hands to the loop: the container, the generation of its link, and what it said.
struct Message {
    from: ContainerId,
    link: u64,
    heard: Heard,
}

struct Server {
    state: State,
    peers: HashMap<ContainerId, (u64, Peer)>,
    last_link: u64,
    messages: queue::Sender<Message>,
    blobs: HashMap<BlobKey, Blob>,
    last_blob: u64,
    orders: queue::Sender<ToStorekeeper>,
    /// Orders that the storekeeper could not take yet, oldest first.
    backlog: VecDeque<ToStorekeeper>,
    effects: Vec<Effect>,
    died_at_work: Box<dyn Fn(ContainerId)>,
}

/// What the root is told, by whoever runs the broker.
pub struct Notices {
    /// The database is open.
    pub opened: Box<dyn FnOnce()>,
    /// A container ended while it had work.
    pub died_at_work: Box<dyn Fn(ContainerId)>,
}

/// Runs the broker until `stop` is set.
///
/// # Errors
/// When it cannot go on; the root starts another.
pub fn run(
    policy: Policy,
    store: StoreLink,
    links: &queue::Receiver<Link>,
    stop: &StopSignal,
    notices: Notices,
) -> Result<(), BrokerError> {
    let (messages, heard) = queue::bounded(EVENTS_CAPACITY);
    let (stopped, stopping) = queue::bounded::<()>(1);
    stop.when_set(move || drop(stopped));
    let Notices { opened, died_at_work } = notices;
    let mut server = Server {
        state: State::new(policy, now()),
        peers: HashMap::new(),
        last_link: 0,
        messages,
        blobs: HashMap::new(),
        last_blob: 0,
        orders: store.orders,
        backlog: VecDeque::new(),
        effects: Vec::new(),
        died_at_work,
    };
    let mut opened = Some(opened);
    // What is known of accepted work comes first: until the database is open, everybody waits, except that
    // fronts are told why if that takes longer.
    let mut early: VecDeque<Message> = VecDeque::new();
    let nobody = queue::never();
    loop {
        let heard = if early.len() < EVENTS_CAPACITY { &heard } else { &nobody };
        queue::select_biased! {
            recv(stopping) -> _ => return server.finish(),
            recv(store.reports) -> report => match report {
                Ok(FromStorekeeper::Broken { why }) => return Err(BrokerError::StoreBroken(why)),
                Ok(report) => {
                    let is_open = matches!(report, FromStorekeeper::Opened { .. });
                    server.handle(Event::FromStore(report));
                    if is_open && let Some(opened) = opened.take() {
                        opened();
                        std::mem::take(&mut early).into_iter().for_each(|message| server.on_message(message));
                    } else if opened.is_some() {
                        early = early.into_iter().filter_map(|message| server.on_early_message(message)).collect();
                    }
                }
                Err(_) => return Err(BrokerError::StoreGone),
            },
            recv(links) -> link => match link {
                Ok(link) => server.attach(link)?,
                Err(_) => return server.finish(),
            },
            recv(heard) -> message => {
                match message {
                    Ok(message) if opened.is_some() => early.extend(server.on_early_message(message)),
                    Ok(message) => server.on_message(message),
                    Err(_) => {}
                }
            },
            default(server.pause()) => server.handle(Event::Tick),
        }
    }
}

fn now() -> Now {
    Now { mono: Monotonic::now(), wall: Timestamp::now() }
}

impl Server {
    /// How long nothing is due.
    fn pause(&self) -> Duration {
        let wake = self.state.next_wake().map(|due| due.since(Monotonic::now()) + Duration::from_millis(1));
        let pause = wake.unwrap_or(Duration::from_secs(3600));
        if self.backlog.is_empty() { pause } else { pause.min(BACKLOG_PAUSE) }
    }

    fn attach(&mut self, link: Link) -> Result<(), BrokerError> {
        let Link::Peer { container, role, end } = link else {
            return Ok(()); // ends of others are never sent to the broker
        };
        self.lose(container);
        self.last_link += 1;
        let number = self.last_link;
        let messages = self.messages.clone();
        let gone = self.messages.clone();
        let closed = move |_error| {
            // The loop may have ended: then nobody needs to know.
            let _ = gone.send(Message { from: container, link: number, heard: Heard::Closed });
        };
        let pass = move |heard| match messages.send(Message { from: container, link: number, heard }) {
            Ok(()) => ControlFlow::Continue(()),
            Err(_) => ControlFlow::Break(()),
        };
        let name = format!("{role}");
        let peer = match end {
            PeerEnd::Stage(end) => {
                let (sender, receiver) = end.split();
                let outbox = Outbox::try_start(sender, &name, OUTBOX_CAPACITY).map_err(BrokerError::Link)?;
                pump(
                    receiver,
                    &name,
                    move |parcel: Parcel<StageToBroker>| pass(Heard::Stage(parcel.message)),
                    closed,
                );
                Peer::Stage(outbox)
            }
            PeerEnd::Front(end) => {
                let (sender, receiver) = end.split();
                let outbox = Outbox::try_start(sender, &name, OUTBOX_CAPACITY).map_err(BrokerError::Link)?;
                pump(
                    receiver,
                    &name,
                    move |parcel: Parcel<FrontToBroker>| pass(Heard::Front(parcel.message, parcel.blob)),
                    closed,
                );
                Peer::Front(outbox)
            }
        };
        self.peers.insert(container, (number, peer));
        Ok(())
    }

    fn on_message(&mut self, message: Message) {
        let Message { from, link, heard } = message;
        if self.peers.get(&from).is_none_or(|(current, _)| *current != link) {
            return; // an old link's last words
        }
        match heard {
            Heard::Stage(message) => self.handle(Event::FromStage(from, message)),
            Heard::Front(FrontToBroker::Hello { pid }, _) => self.handle(Event::FrontJoined { pid }),
            Heard::Front(FrontToBroker::Follow { query }, _) => self.handle(Event::Follow(from, query)),
            Heard::Front(FrontToBroker::Unfollow { query }, _) => self.handle(Event::Unfollow(from, query)),
            Heard::Front(FrontToBroker::Ask { ask, question }, blob) => {
                let blob = match question {
                    FrontQuestion::SearchImage { .. } => blob.map(|blob| self.keep(blob)),
                    _ => None,
                };
                self.handle(Event::FrontAsked { front: from, ask, question, blob });
            }
            Heard::Closed => self.lose(from),
        }
    }

    /// Before the database is open: gives back what has to wait for it. A question whose answer is more than
    /// a moment away is answered with the reason.
    fn on_early_message(&mut self, message: Message) -> Option<Message> {
        let Message { from, heard: Heard::Front(FrontToBroker::Ask { ask, question }, _), .. } = &message
        else {
            return Some(message);
        };
        let Some(why) = health::why_not_open(&self.state) else { return Some(message) };
        let is_about_us = matches!(
            question,
            FrontQuestion::Health
                | FrontQuestion::Stats
                | FrontQuestion::Threads
                | FrontQuestion::Queues
                | FrontQuestion::Metrics { .. }
                | FrontQuestion::Counters
        );
        if is_about_us {
            self.on_message(message);
        } else if let Some((_, Peer::Front(outbox))) = self.peers.get(from) {
            let answer = FrontAnswer::NotNow { why };
            // A front that does not read asks again.
            let _ = outbox.send(BrokerToFront::Answer { ask: *ask, answer });
        }
        None
    }

    fn keep(&mut self, blob: Blob) -> BlobKey {
        self.last_blob += 1;
        let key = BlobKey(self.last_blob);
        self.blobs.insert(key, blob);
        key
    }

    /// The container's link is no more.
    fn lose(&mut self, container: ContainerId) {
        match self.peers.remove(&container) {
            Some((_, Peer::Stage(_))) => self.handle(Event::StageLost(container)),
            Some((_, Peer::Front(_))) => self.handle(Event::FrontLost(container)),
            None => {}
        }
    }

    fn handle(&mut self, event: Event) {
        self.state.handle(event, now(), &mut self.effects);
        let mut lost = Vec::new();
        for effect in std::mem::take(&mut self.effects) {
            match effect {
                Effect::ToStage { to, message, blob } => {
                    let blob = blob.and_then(|key| self.blobs.get(&key).cloned());
                    if let Some((_, Peer::Stage(outbox))) = self.peers.get(&to)
                        && let Err(error) = outbox.send(Parcel { message, blob })
                    {
                        lost.push((to, error));
                    }
                }
                Effect::ToFront { to, message } => {
                    if let Some((_, Peer::Front(outbox))) = self.peers.get(&to)
                        && let Err(error) = outbox.send(message)
                    {
                        lost.push((to, error));
                    }
                }
                Effect::ToStore(order) => self.backlog.push_back(order),
                Effect::DropBlob(key) => drop(self.blobs.remove(&key)),
                Effect::Contradiction(what) => events::contradiction(what),
                Effect::SiteChanged { site, change: SiteChange::Broken { changed, pages } } => {
                    events::site_changed(&site, &site_layouts::told(&site, changed, pages));
                }
                Effect::AccountBlocked { account, request, why } => {
                    events::account_blocked(&account, &request, why);
                }
                Effect::SiteChanged { site, change: SiteChange::Mended } => events::site_mended(&site),
                Effect::DiedAtWork(container) => (self.died_at_work)(container),
                Effect::WorkFailed { work, why } => events::work_failed(&work, &why),
                Effect::WorkerLost { role, pid, container, work, request, why } => {
                    events::worker_lost(role, pid, container, &work, request.as_deref(), why);
                }
            }
        }
        self.feed_store();
        for (container, error) in lost {
            match error {
                // The message is at fault, not the peer: its answer is missing, its link stays.
                OutboxError::Unsendable { .. } => events::message_unsendable(container, &error),
                OutboxError::Full | OutboxError::Closed => {
                    events::peer_lost(container, &error);
                    self.lose(container);
                }
            }
        }
    }

    fn feed_store(&mut self) {
        while let Some(order) = self.backlog.pop_front() {
            match self.orders.try_send(order) {
                Ok(()) => {}
                // When it is gone, the loop learns it from its closed reports.
                Err(queue::TrySendError::Full(order) | queue::TrySendError::Disconnected(order)) => {
                    self.backlog.push_front(order);
                    return;
                }
            }
        }
    }

    /// The end in order: the storekeeper gets what is left, and is told to end.
    fn finish(mut self) -> Result<(), BrokerError> {
        let deadline = std::time::Instant::now() + FLUSH_LIMIT;
        self.backlog.push_back(ToStorekeeper::Stop);
        for order in self.backlog {
            if self.orders.send_deadline(order, deadline).is_err() {
                break;
            }
        }
        Ok(())
    }
}
