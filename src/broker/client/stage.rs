//! A container's side of its link to the broker, shared by its workers.
#![expect(clippy::disallowed_methods, reason = "measures the silence of the broker")]

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crossbeam_channel as queue;

use crate::base::StopSignal;
use crate::base::clock::Monotonic;
use crate::base::ids::{AskId, LeaseId};
use crate::base::roles::{Role, Stage};
use crate::broker::client::link::{OUTBOX_CAPACITY, Unavailable};
use crate::domain::failure::FailureCode;
use crate::domain::posts::ListedPost;
use crate::domain::reads::{PaidReads, ReadWish, Reserved};
use crate::domain::scans::{Hold, Priority};
use crate::ipc::{Blob, Endpoint, Outbox, OutboxError, Parcel, pump};
use crate::proto::stage::{Answer, BrokerToStage, Question, StageToBroker};
use crate::proto::work::{LeaseOutcome, Work};

/// How long a worker waits for room before it takes the broker for lost.
const SEND_LIMIT: Duration = Duration::from_secs(10);
/// How long an answer of the database may take.
const ASK_LIMIT: Duration = Duration::from_secs(60);
/// How often a worker that waits for the broker says that it lives.
const SIGN_OF_LIFE: Duration = Duration::from_secs(20);

/// A lease, as its worker receives it.
#[derive(Debug)]
pub struct Granted {
    pub lease: LeaseHandle,
    pub attempt: u32,
    pub priority: Priority,
    pub work: Work,
    /// Bulk bytes that belong to the work.
    pub blob: Option<Blob>,
}

/// A container's side of the link, shared by its workers.
#[derive(Debug)]
pub struct StageClient {
    role: Role,
    stages: Vec<Vec<Stage>>,
    link: Mutex<StageLink>,
    /// Signalled when a page is accepted, a lease revoked, or the link lost.
    changed: Condvar,
    /// One channel per worker.
    grants: Vec<queue::Sender<Granted>>,
    stop: StopSignal,
}

#[derive(Debug, Default)]
struct StageLink {
    outbox: Option<Outbox<StageToBroker>>,
    /// Generation of the current link. Leases from earlier generations are void.
    number: u64,
    /// Workers that wait for work.
    idle: Vec<bool>,
    /// What the others work on, by worker.
    tasks: HashMap<u16, Task>,
    /// Leases held, with the pages not yet accepted. A revoked lease is missing.
    leases: HashMap<LeaseId, u32>,
    /// Listings that are to be left, until their workers do.
    paused: HashSet<LeaseId>,
    /// Answers to reservations, until their workers take them.
    reserved: HashMap<LeaseId, Reserved>,
    asks: HashMap<AskId, queue::Sender<Answer>>,
    last_ask: u64,
}

/// A worker's item, also after its lease is no longer held.
#[derive(Debug)]
struct Task {
    lease: LeaseId,
    work: String,
    revoked: Option<Monotonic>,
}

impl StageClient {
    /// A client for a container whose worker `i` takes work of `stages[i]`, and the channels on which
    /// the workers receive it.
    pub fn new(
        role: Role,
        stages: Vec<Vec<Stage>>,
        stop: StopSignal,
    ) -> (Arc<StageClient>, Vec<queue::Receiver<Granted>>) {
        // One lease per worker: one place is enough.
        let (grants, receivers) = stages.iter().map(|_| queue::bounded(1)).unzip();
        let idle = vec![true; stages.len()];
        let link = Mutex::new(StageLink { idle, ..StageLink::default() });
        let client = StageClient { role, stages, link, changed: Condvar::new(), grants, stop };
        let client = Arc::new(client);
        client.stop.when_set({
            let client = Arc::downgrade(&client);
            move || {
                if let Some(client) = client.upgrade() {
                    client.changed.notify_all();
                }
            }
        });
        (client, receivers)
    }

    /// Takes a new link into use: says hello, and which workers wait.
    pub fn attach(self: &Arc<Self>, end: Endpoint<StageToBroker, BrokerToStage>) {
        let (sender, receiver) = end.split();
        let outbox = Outbox::start(sender, "to-broker", OUTBOX_CAPACITY);
        let number = {
            let mut link = self.lock();
            link.forget();
            link.number += 1;
            let hello = StageToBroker::Hello {
                role: self.role,
                pid: std::process::id(),
                workers: self.stages.clone(),
            };
            let idle = link.idle.iter().enumerate().filter(|(_, idle)| **idle);
            let ready = idle.map(|(worker, _)| StageToBroker::Ready { worker: number_of(worker) });
            // A link that closes meanwhile is noticed by its receiver.
            for message in std::iter::once(hello).chain(ready) {
                let _ = outbox.send(message);
            }
            link.outbox = Some(outbox);
            link.number
        };
        self.changed.notify_all();
        let hearing = Arc::clone(self);
        let losing = Arc::clone(self);
        pump(
            receiver,
            "from-broker",
            move |parcel| {
                hearing.on_message(number, parcel);
                std::ops::ControlFlow::Continue(())
            },
            move |_error| losing.on_closed(number),
        );
    }

    fn on_message(&self, number: u64, parcel: Parcel<BrokerToStage>) {
        let mut link = self.lock();
        if link.number != number {
            return;
        }
        match parcel.message {
            BrokerToStage::Lease { worker, lease, attempt, priority, work } => {
                link.leases.insert(lease, 0);
                if let Some(idle) = link.idle.get_mut(usize::from(worker)) {
                    *idle = false;
                }
                link.tasks.insert(worker, Task { lease, work: work.describe(), revoked: None });
                let handle = LeaseHandle { lease, link: number, worker };
                let granted = Granted { lease: handle, attempt, priority, work, blob: parcel.blob };
                // The place is free, since the broker gives a worker one lease at a time.
                if let Some(grants) = self.grants.get(usize::from(worker)) {
                    let _ = grants.try_send(granted);
                }
            }
            BrokerToStage::PageAccepted { lease } => {
                if let Some(pages) = link.leases.get_mut(&lease) {
                    *pages = pages.saturating_sub(1);
                }
            }
            BrokerToStage::PageHeld { lease } => {
                if link.leases.contains_key(&lease) {
                    link.paused.insert(lease);
                }
            }
            BrokerToStage::Reserved { lease, reserved } => {
                if link.leases.contains_key(&lease) {
                    link.reserved.insert(lease, reserved);
                }
            }
            BrokerToStage::Revoked { lease } => {
                link.leases.remove(&lease);
                link.reserved.remove(&lease);
                link.paused.remove(&lease);
                for task in link.tasks.values_mut().filter(|task| task.lease == lease) {
                    task.revoked = Some(Monotonic::now());
                }
            }
            BrokerToStage::Answer { ask, answer } => {
                if let Some(asker) = link.asks.remove(&ask) {
                    let _ = asker.try_send(answer);
                }
            }
        }
        drop(link);
        self.changed.notify_all();
    }

    fn on_closed(&self, number: u64) {
        let mut link = self.lock();
        if link.number == number {
            link.forget();
        }
        drop(link);
        self.changed.notify_all();
    }

    /// Ends a lease and says that the worker waits for the next.
    pub fn report(&self, handle: LeaseHandle, outcome: LeaseOutcome, elapsed: Duration) {
        let mut link = self.lock();
        if let Some(idle) = link.idle.get_mut(usize::from(handle.worker)) {
            *idle = true;
        }
        link.tasks.remove(&handle.worker);
        link.leases.remove(&handle.lease);
        link.reserved.remove(&handle.lease);
        link.paused.remove(&handle.lease);
        let message = if link.number == handle.link {
            let elapsed_micros = u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX);
            StageToBroker::Report { lease: handle.lease, outcome, elapsed_micros }
        } else {
            // This broker never gave that lease: only the worker's readiness is news.
            StageToBroker::Ready { worker: handle.worker }
        };
        let outbox = link.outbox.clone();
        drop(link);
        let Some(outbox) = outbox else { return };
        if let Err(OutboxError::Unsendable { .. }) = outbox.send_within(message, SEND_LIMIT) {
            // Silence would be taken for a worker that hangs.
            let why = "what it found is too long for a message".to_owned();
            let outcome = LeaseOutcome::Failed { code: FailureCode::ProcessingError, why };
            let report = StageToBroker::Report { lease: handle.lease, outcome, elapsed_micros: 0 };
            let _ = outbox.send_within(report, SEND_LIMIT);
        }
    }

    /// Asks the database, through the broker; waits for the answer.
    ///
    /// # Errors
    /// When the broker is away, or the program stops.
    pub fn ask(&self, question: Question) -> Result<Answer, Unavailable> {
        let (answered, answer) = queue::bounded(1);
        let (outbox, ask) = {
            let mut link = self.lock();
            link.last_ask += 1;
            let ask = AskId(link.last_ask);
            link.asks.insert(ask, answered);
            (link.outbox.clone(), ask)
        };
        let sent = send(outbox, StageToBroker::Ask { ask, question });
        let answer = match sent {
            Ok(()) => answer.recv_timeout(ASK_LIMIT).map_err(|_| Unavailable),
            Err(Unavailable) => Err(Unavailable),
        };
        self.lock().asks.remove(&ask);
        answer
    }

    /// Sends a page of a listing and waits until the broker wants more, or wants the listing to be left at
    /// the place that `hold` names.
    ///
    /// # Errors
    /// When the lease is no longer held, or the program stops: the listing is to be left.
    pub fn page(
        &self,
        handle: LeaseHandle,
        posts: Vec<ListedPost>,
        hold: Hold,
    ) -> Result<Taken, Unavailable> {
        let outbox = {
            let mut link = self.lock();
            let pages = link.leases.get_mut(&handle.lease).ok_or(Unavailable)?;
            *pages += 1;
            link.outbox.clone()
        };
        send(outbox, StageToBroker::Page { lease: handle.lease, posts, hold })?;
        self.wait_for(handle, "waits until fewer posts are to be indexed", |link| {
            if link.paused.remove(&handle.lease) {
                return Some(Taken::Leave);
            }
            (link.leases.get(&handle.lease) == Some(&0)).then_some(Taken::GoOn)
        })
    }

    /// Says what the holder of a lease does, which also prolongs the lease.
    ///
    /// # Errors
    /// When the lease is no longer held: the work is to be left.
    pub fn doing(&self, handle: LeaseHandle, what: String) -> Result<(), Unavailable> {
        let outbox = {
            let link = self.lock();
            if link.number != handle.link || !link.leases.contains_key(&handle.lease) {
                return Err(Unavailable);
            }
            link.outbox.clone()
        };
        send(outbox, StageToBroker::Doing { lease: handle.lease, what })
    }

    /// Asks how much the next request may read, and waits until the broker knows: until the next day, where
    /// the day's budget is spent.
    ///
    /// # Errors
    /// When the lease is no longer held, or the program stops.
    pub fn reserve(&self, handle: LeaseHandle, wish: ReadWish) -> Result<Reserved, Unavailable> {
        let outbox = {
            let mut link = self.lock();
            if link.number != handle.link || !link.leases.contains_key(&handle.lease) {
                return Err(Unavailable);
            }
            link.reserved.remove(&handle.lease);
            link.outbox.clone()
        };
        send(outbox, StageToBroker::Reserve { lease: handle.lease, wish })?;
        let what = "waits for what may be read by the budget";
        self.wait_for(handle, what, |link| link.reserved.remove(&handle.lease))
    }

    /// Waits until `ready` has something, and says now and then that the worker lives.
    fn wait_for<T>(
        &self,
        handle: LeaseHandle,
        what: &str,
        ready: impl Fn(&mut StageLink) -> Option<T>,
    ) -> Result<T, Unavailable> {
        let mut link = self.lock();
        loop {
            if self.stop.is_set() || link.number != handle.link || !link.leases.contains_key(&handle.lease) {
                return Err(Unavailable);
            }
            if let Some(value) = ready(&mut link) {
                return Ok(value);
            }
            let (guard, timeout) =
                self.changed.wait_timeout(link, SIGN_OF_LIFE).unwrap_or_else(PoisonError::into_inner);
            link = guard;
            if timeout.timed_out() {
                let outbox = link.outbox.clone();
                drop(link);
                send(outbox, StageToBroker::Doing { lease: handle.lease, what: what.to_owned() })?;
                link = self.lock();
            }
        }
    }

    /// Tells what was read from a network that bills for it.
    pub fn paid(&self, handle: LeaseHandle, reads: PaidReads) {
        let outbox = self.lock().outbox.clone();
        // What a lost broker does not hear is missing in its ledger, as if it had died an instant later.
        let _ = send(outbox, StageToBroker::Paid { lease: handle.lease, reads });
    }

    /// Reports how long a part of a step took. Lost without harm when the broker is away.
    pub fn measured(&self, step: &str, took: Duration) {
        let outbox = self.lock().outbox.clone();
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let _ = send(outbox, StageToBroker::Measured { step: step.to_owned(), micros });
    }

    /// Tells whether this container has a network.
    ///
    /// # Errors
    /// When the broker is away.
    pub fn network(&self, lost: Option<String>) -> Result<(), Unavailable> {
        let outbox = self.lock().outbox.clone();
        send(outbox, StageToBroker::Network { lost })
    }

    /// A worker that has not left its item so long after its lease was taken away, and the item: it spins, or
    /// waits for what will never come.
    pub fn hanging(&self, patience: Duration) -> Option<(u16, String)> {
        let now = Monotonic::now();
        let is_over = |task: &Task| task.revoked.is_some_and(|revoked| now.since(revoked) > patience);
        let link = self.lock();
        link.tasks.iter().find(|(_, task)| is_over(task)).map(|(worker, task)| (*worker, task.work.clone()))
    }

    fn lock(&self) -> MutexGuard<'_, StageLink> {
        self.link.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl StageLink {
    /// The link is no more: its leases are void, its questions unanswered.
    fn forget(&mut self) {
        self.outbox = None;
        self.leases.clear();
        self.reserved.clear();
        self.paused.clear();
        self.asks.clear(); // wakes the askers
    }
}

/// What the broker wants of a listing after a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    GoOn,
    /// It is to be left between two pages; it goes on later.
    Leave,
}

/// Names a held lease towards the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LeaseHandle {
    lease: LeaseId,
    link: u64,
    worker: u16,
}

fn send(outbox: Option<Outbox<StageToBroker>>, message: StageToBroker) -> Result<(), Unavailable> {
    outbox.ok_or(Unavailable)?.send_within(message, SEND_LIMIT).map_err(|_| Unavailable)
}

fn number_of(worker: usize) -> u16 {
    u16::try_from(worker).unwrap_or(u16::MAX)
}
