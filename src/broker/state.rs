//! The broker's state machine: `(now, event)` in, effects out. No I/O, no clock, no random number,
//! no panic: what a peer says is gossip, and anything unknown in it is dropped and counted.
//!
//! This file owns what all requests share: tickets, queues, leases, workers. `queries.rs` and
//! `scans.rs` are the two kinds of requests; `inspect.rs` shows the state to people.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::time::Duration;

use crate::base::clock::{Monotonic, Timestamp};
use crate::base::ids::{
    AccountKey, AskId, ContainerId, LeaseId, Network, PostKey, QueryId, ScanId, WorkerId,
};
use crate::base::roles::{Role, Stage};
use crate::broker::books::budget::Spending;
use crate::broker::books::items::{Item, ItemId, Owner, patience, rest, stage_of};
use crate::broker::books::leases::{Lease, Leases};
use crate::broker::books::limits::Limits;
use crate::broker::books::metrics::Metrics;
use crate::broker::books::queue::Queue;
use crate::broker::books::registry::Registry;
use crate::broker::rules::connectivity::{self, NetworkState};
use crate::broker::rules::deaths::REST;
use crate::broker::rules::health::Troubles;
use crate::broker::rules::queries::Query;
use crate::broker::rules::reservations::Reservations;
use crate::broker::rules::scans::{Scan, ScanRequest};
use crate::config::{Budget, TimelinePolicy};
use crate::domain::accounts::{Account, AccountState};
use crate::domain::failure::FailureCode;
use crate::domain::images::{IndexProgress, StoreCounts};
use crate::domain::posts::{ImageState, IndexedImage, IndexedPost, ListedPost, PostState};
use crate::domain::reads::{PaidReads, Resource};
use crate::domain::scans::{Cursor, EndedSearch, ListingStep, Priority};
use crate::proto::front::{BrokerToFront, FrontAnswer, FrontQuestion};
use crate::proto::stage::{Answer, BrokerToStage, Question, StageToBroker};
use crate::proto::view::StoreSizes;
use crate::proto::work::{LeaseOutcome, MaintenanceTask, StageOutput, Work};
use crate::storekeeper::orders::{AcceptedRequest, FromStorekeeper, Ticket, ToStorekeeper};

/// This moment, on both clocks: the one that never jumps, and the one that people read.
#[derive(Clone, Copy, Debug)]
pub struct Now {
    pub mono: Monotonic,
    pub wall: Timestamp,
}

/// What the state machine must know of the settings.
#[derive(Clone, Debug)]
pub struct Policy {
    pub max_processing_requests_per_ip: u32,
    /// Queries in progress, of all clients together; beyond it new ones are turned away.
    pub max_processing_requests: usize,
    pub max_kept_queries: usize,
    /// Listing pauses while this many posts wait to be indexed.
    pub max_pending_posts: usize,
    /// Native ids of accounts, or handles with `@`, in lower case.
    pub blocklist: HashSet<String>,
    /// Maintenance tasks and how often each looks for something to do.
    pub maintenance: Vec<(MaintenanceTask, Duration)>,
    /// The network that bills for reads, with what may be spent there; `None` where none does.
    pub budget: Option<(Network, Budget)>,
    /// Whether timelines are listed beside the search.
    pub timeline: TimelinePolicy,
    /// Whether answers are noted in the results log.
    pub results_log: bool,
    /// Makes identifiers of direct searches unguessable; new for every run.
    pub salt: u64,
}

#[cfg(test)]
impl Policy {
    /// For tests: nothing is scarce, nothing is billed, nothing happens by itself.
    pub(in crate::broker) fn plain() -> Policy {
        Policy {
            max_processing_requests_per_ip: 5,
            max_processing_requests: 1000,
            max_kept_queries: 10,
            max_pending_posts: 1000,
            blocklist: HashSet::new(),
            maintenance: Vec::new(),
            budget: None,
            timeline: TimelinePolicy::Always,
            results_log: false,
            salt: 1,
        }
    }
}

/// What happened.
#[derive(Clone, Debug)]
pub enum Event {
    /// A container said something over its link.
    FromStage(ContainerId, StageToBroker),
    /// A link closed: the container died, or got a new link.
    StageLost(ContainerId),
    /// A front asked. `attached` tells that the image it speaks of lies ready under `blob`.
    FrontAsked {
        front: ContainerId,
        ask: AskId,
        question: FrontQuestion,
        blob: Option<BlobKey>,
    },
    /// A front process attached itself.
    FrontJoined {
        pid: u32,
    },
    Watch(ContainerId, QueryId),
    Unwatch(ContainerId, QueryId),
    FrontLost(ContainerId),
    FromStore(FromStorekeeper),
    /// Time passed; due at the latest when `State::next_wake` said.
    Tick,
}

/// Names bulk bytes that the loop keeps for the state machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BlobKey(pub u64);

/// What is to be done. The loop carries effects out in order.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    ToStage {
        to: ContainerId,
        message: BrokerToStage,
        blob: Option<BlobKey>,
    },
    ToFront {
        to: ContainerId,
        message: BrokerToFront,
    },
    ToStore(ToStorekeeper),
    /// Nobody needs these bytes any more.
    DropBlob(BlobKey),
    /// A work item took too many workers with it, or failed unexpectedly: for the log.
    WorkFailed {
        work: String,
        why: String,
    },
    /// A container ended, or fell silent, over a work item: for the log.
    WorkerLost {
        role: Role,
        pid: u32,
        container: ContainerId,
        /// What it did, and for which request.
        work: String,
        request: Option<String>,
        why: &'static str,
    },
}

/// Why the answer to a ticket is awaited.
#[derive(Debug)]
pub(in crate::broker) enum Pending {
    /// A page of a listing is being compared with the database.
    Filter {
        scan: ScanId,
        step: ListingStep,
        container: ContainerId,
        lease: LeaseId,
    },
    /// Posts of a scan are being stored.
    Posts {
        scan: ScanId,
        posts: Vec<String>,
    },
    /// Posts that were indexed apart from any scan are being stored.
    PostsApart(Vec<PostKey>),
    Cursor {
        scan: ScanId,
        step: ListingStep,
    },
    /// A stage's question was passed on.
    StageAsk {
        container: ContainerId,
        ask: AskId,
    },
    /// Where an account stands that is to be scanned on somebody's order.
    ScanStart {
        handle: Option<String>,
        account: Account,
        priority: Priority,
        searched: Option<EndedSearch>,
    },
    /// Whether an account is indexed in which an image is to be searched.
    SearchStart {
        query: QueryId,
        account: Account,
    },
    /// A front asked what is known of accounts.
    AccountRecords {
        front: ContainerId,
        ask: AskId,
    },
    /// An accepted query is being written down; then it is answered.
    Accepted {
        askers: Vec<(ContainerId, AskId)>,
        query: QueryId,
    },
}

/// The whole state of the broker.
#[derive(Debug)]
pub struct State {
    pub(in crate::broker) policy: Policy,
    pub(in crate::broker) queries: BTreeMap<QueryId, Query>,
    pub(in crate::broker) query_keys: HashMap<String, QueryId>,
    /// Page queries by their public id.
    pub(in crate::broker) query_ids: HashMap<String, QueryId>,
    /// Ended queries by the moment they are forgotten.
    pub(in crate::broker) query_expiry: BTreeSet<(Monotonic, QueryId)>,
    pub(in crate::broker) watchers: HashMap<QueryId, BTreeSet<ContainerId>>,
    pub(in crate::broker) attached: usize,
    pub(in crate::broker) scans: BTreeMap<ScanId, Scan>,
    /// The running scan of an account; at most one.
    pub(in crate::broker) running_scans: HashMap<AccountKey, ScanId>,
    /// Searches that an earlier broker has seen to the end, until their scans are begun again.
    pub(in crate::broker) resumed_searches: HashMap<AccountKey, EndedSearch>,
    pub(in crate::broker) scan_requests: HashMap<String, ScanRequest>,
    /// Accounts to be scanned again whose present handles are being looked up.
    pub(in crate::broker) updates: HashMap<u64, (Priority, Vec<(Account, AccountState)>)>,
    /// Pages whose acknowledgement is held back until fewer posts are pending.
    pub(in crate::broker) held_pages: Vec<(ContainerId, LeaseId)>,
    /// What requests under way may read at most.
    pub(in crate::broker) reservations: Reservations,
    /// Posts that are new and not stored yet, of all scans.
    pub(in crate::broker) pending_posts: usize,
    pub(in crate::broker) spending: Spending,
    /// The ledger was asked which day it is.
    ledger_asked: bool,
    /// Scans that wait for the next day's budget.
    pub(in crate::broker) deferred_scans: BTreeSet<ScanId>,
    /// When it is looked again whether they may begin, or held pages go on.
    pub(in crate::broker) budget_check: Option<Monotonic>,
    pub(in crate::broker) queues: BTreeMap<Stage, Queue>,
    leases: Leases,
    registry: Registry,
    pub(in crate::broker) pending: HashMap<Ticket, Pending>,
    pub(in crate::broker) limits: Limits,
    pub(in crate::broker) metrics: Metrics,
    pub(in crate::broker) counts: StoreCounts,
    /// How far the fingerprint index follows the database.
    pub(in crate::broker) index: IndexProgress,
    pub(in crate::broker) sizes: StoreSizes,
    /// Queries that failed, by code.
    pub(in crate::broker) failures: HashMap<FailureCode, u64>,
    /// Final answers that wait for their webhooks.
    pub(in crate::broker) deliveries: usize,
    pub(in crate::broker) troubles: Troubles,
    pub(in crate::broker) network: NetworkState,
    /// When each maintenance task is due next.
    maintenance_due: Vec<(Monotonic, MaintenanceTask, Duration)>,
    last_id: u64,
    /// Messages that made no sense, for the metrics.
    pub(in crate::broker) gossip_dropped: u64,
}

/// First look of maintenance after the start.
const MAINTENANCE_DELAY: Duration = Duration::from_secs(10);
/// Posts handed to an indexing worker at once. Small, so that a batch that fails or is lost costs little.
pub(in crate::broker) const BATCH_POSTS: usize = 8;
/// Images in such a batch, unless one post has more: what is found out about one is a third of a kilobyte.
pub(in crate::broker) const BATCH_IMAGES: usize = 48;

impl State {
    pub fn new(policy: Policy, now: Now) -> State {
        let maintenance_due =
            policy.maintenance.iter().map(|(task, every)| (now.mono.plus(MAINTENANCE_DELAY), *task, *every));
        State {
            maintenance_due: maintenance_due.collect(),
            spending: Spending::new(policy.budget.map(|(_, budget)| budget)),
            ledger_asked: false,
            deferred_scans: BTreeSet::new(),
            budget_check: None,
            reservations: Reservations::default(),
            policy,
            queries: BTreeMap::new(),
            query_keys: HashMap::new(),
            query_ids: HashMap::new(),
            query_expiry: BTreeSet::new(),
            watchers: HashMap::new(),
            attached: 0,
            scans: BTreeMap::new(),
            running_scans: HashMap::new(),
            resumed_searches: HashMap::new(),
            scan_requests: HashMap::new(),
            updates: HashMap::new(),
            held_pages: Vec::new(),
            pending_posts: 0,
            queues: BTreeMap::new(),
            leases: Leases::default(),
            registry: Registry::default(),
            pending: HashMap::new(),
            limits: Limits::default(),
            metrics: Metrics::default(),
            counts: StoreCounts::default(),
            index: IndexProgress::default(),
            sizes: StoreSizes::default(),
            failures: HashMap::new(),
            deliveries: 0,
            troubles: Troubles::default(),
            network: NetworkState::default(),
            last_id: 0,
            gossip_dropped: 0,
        }
    }

    /// Applies one event and appends what is to be done about it.
    pub fn handle(&mut self, event: Event, now: Now, effects: &mut Vec<Effect>) {
        match event {
            Event::FromStage(from, message) => self.hear_stage(from, message, now, effects),
            Event::StageLost(container) => self.lose_container(container, now, effects),
            Event::FrontAsked { front, ask, question, blob } => {
                self.answer_front(front, ask, question, blob, now, effects);
            }
            Event::FrontJoined { pid } => self.registry.note_start(Role::Front, pid),
            Event::Watch(front, query) => self.watch(front, query, now, effects),
            Event::Unwatch(front, query) => self.unwatch(front, query),
            Event::FrontLost(front) => {
                for listeners in self.watchers.values_mut() {
                    listeners.remove(&front);
                }
                self.watchers.retain(|_, listeners| !listeners.is_empty());
            }
            Event::FromStore(message) => self.hear_store(message, now, effects),
            Event::Tick => {}
        }
        self.pass_time(now, effects);
        // Whatever happened may have left more for those who wait.
        self.grant_reservations(now, effects);
        self.dispatch(now, effects);
    }

    /// When `Event::Tick` is due at the latest; `None`: nothing depends on time now.
    pub fn next_wake(&self) -> Option<Monotonic> {
        let releases = self.queues.values().filter_map(Queue::next_release);
        let maintenance = self.maintenance_due.iter().map(|(due, _, _)| *due);
        releases
            .chain(maintenance)
            .chain(self.leases.next_deadline())
            .chain(self.query_expiry.first().map(|(due, _)| *due))
            .chain(self.budget_check)
            .min()
    }

    // ---- time

    fn pass_time(&mut self, now: Now, effects: &mut Vec<Effect>) {
        for queue in self.queues.values_mut() {
            queue.release(now.mono);
        }
        // Whoever waits for the network is silent meanwhile.
        if self.leases.next_deadline().is_some_and(|due| due <= now.mono) {
            let waiting: Vec<ContainerId> = self.network.containers().collect();
            for container in waiting {
                self.renew_all(container, now);
            }
        }
        for (id, lease) in self.leases.expire(now.mono) {
            let who = self.registry.identity(lease.worker.container);
            self.tell_worker_lost(who, &lease, "its lease ran out", effects);
            self.registry.set_away(lease.worker, now.mono);
            self.reservations.release(lease.worker.container, id);
            effects.push(Effect::ToStage {
                to: lease.worker.container,
                message: BrokerToStage::Revoked { lease: id },
                blob: None,
            });
            self.item_survived_its_worker(lease.item, "its lease ran out", now, effects);
        }
        self.forget_ended(now);
        if self.spending.is_far_ahead(now.wall) && !self.ledger_asked {
            let reads = PaidReads { resource: Resource::Post, ids: Vec::new() };
            self.spending.note(&reads);
            self.ledger_asked = true;
            effects.push(Effect::ToStore(ToStorekeeper::CountReads { reads }));
        }
        if self.budget_check.is_some_and(|due| due <= now.mono) {
            self.check_budget(now, effects);
        }
        for index in 0..self.maintenance_due.len() {
            let Some((due, task, every)) = self.maintenance_due.get(index).copied() else { break };
            if due > now.mono {
                continue;
            }
            let is_lost = self.network.is_lost();
            if let Some(entry) = self.maintenance_due.get_mut(index) {
                entry.0 = now.mono.plus(if is_lost { every.min(connectivity::LOOK_AGAIN) } else { every });
            }
            if is_lost {
                continue;
            }
            let owner = Owner::Maintenance(task);
            if !self.is_under_way(&owner) {
                self.enqueue(owner, Work::Maintain(task), Priority::Maintenance, 0, now);
            }
        }
    }

    fn is_under_way(&self, owner: &Owner) -> bool {
        let queued = self.queues.values().flat_map(Queue::iter).any(|item| item.owner == *owner);
        queued || self.leases.iter().any(|(_, lease)| lease.item.owner == *owner)
    }

    // ---- queues and leases

    pub(in crate::broker) fn next_number(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }

    pub(in crate::broker) fn expect(&mut self, pending: Pending) -> Ticket {
        let ticket = Ticket(self.next_number());
        self.pending.insert(ticket, pending);
        ticket
    }

    /// Puts new work into its queue.
    pub(in crate::broker) fn enqueue(
        &mut self,
        owner: Owner,
        work: Work,
        priority: Priority,
        weight: u64,
        now: Now,
    ) -> ItemId {
        let id = ItemId(self.next_number());
        let stage = stage_of(&work);
        let item = Item { id, owner, work, priority, weight, arrived: now.mono, deaths: 0 };
        self.queues.entry(stage).or_default().push(item);
        id
    }

    /// Gives all work of these owners a higher priority, wherever it is.
    pub(in crate::broker) fn raise(&mut self, priority: Priority, select: impl Fn(&Owner) -> bool) {
        for queue in self.queues.values_mut() {
            queue.raise(priority, |item| select(&item.owner));
        }
        self.leases.raise(priority, |item| select(&item.owner));
    }

    pub(in crate::broker) fn queue_position(&self, stage: Stage, item: ItemId) -> Option<usize> {
        self.queues.get(&stage)?.position(item)
    }

    pub(in crate::broker) fn queue(&self, stage: Stage) -> Option<&Queue> {
        self.queues.get(&stage)
    }

    pub(in crate::broker) fn leases(&self) -> &Leases {
        &self.leases
    }

    pub(in crate::broker) fn registry(&self) -> &Registry {
        &self.registry
    }

    /// Brings waiting work and waiting workers together.
    fn dispatch(&mut self, now: Now, effects: &mut Vec<Effect>) {
        for stage in Stage::ALL {
            while self.queues.get(&stage).is_some_and(|queue| !queue.is_empty()) {
                let Some(worker) = self.registry.take_ready(stage) else { break };
                let Some(item) = self.queues.get_mut(&stage).and_then(Queue::pop) else { break };
                if !self.may_share(&item, worker.container) {
                    self.registry.give_back(worker);
                    let due = now.mono.plus(REST);
                    self.queues.entry(stage).or_default().push_delayed(item, due);
                    continue;
                }
                let work = item.work.clone();
                let owner = item.owner.clone();
                let attempt = item.deaths + 1;
                let waited = now.mono.since(item.arrived);
                let lease = self.leases.grant(item, worker, now.mono);
                self.registry.set_leased(worker, lease, now.mono);
                self.metrics.record(&format!("{stage}: wait"), micros(waited));
                let blob = match &owner {
                    Owner::Query(query) => self.started(*query, &work, now, effects),
                    _ => None,
                };
                effects.push(Effect::ToStage {
                    to: worker.container,
                    message: BrokerToStage::Lease { worker: worker.index, lease, attempt, work },
                    blob,
                });
            }
        }
    }

    fn hear_stage(&mut self, from: ContainerId, message: StageToBroker, now: Now, effects: &mut Vec<Effect>) {
        match message {
            StageToBroker::Hello { role, pid, workers } => self.hello(from, role, pid, workers, now, effects),
            StageToBroker::Ready { worker } => {
                self.registry.set_ready(WorkerId { container: from, index: worker }, now.mono);
            }
            StageToBroker::Report { lease, outcome, elapsed_micros } => {
                self.settle(from, lease, outcome, elapsed_micros, now, effects);
            }
            StageToBroker::Page { lease, posts } => {
                self.page_listed(from, lease, posts, now, effects);
            }
            StageToBroker::Doing { lease, what } => {
                if !self.leases.renew(lease, from, Some(what), now.mono) {
                    self.gossip_dropped += 1;
                }
            }
            StageToBroker::Ask { ask, question } => self.answer_stage(from, ask, question, now, effects),
            StageToBroker::Reserve { lease, wish } => self.reserve(from, lease, wish, now, effects),
            StageToBroker::Paid { lease, reads } => self.paid(from, lease, reads, effects),
            StageToBroker::Network { lost } => self.network_changed(from, lost, now, effects),
            StageToBroker::Measured { step, micros } => self.metrics.record(&step, micros),
        }
    }

    fn hello(
        &mut self,
        from: ContainerId,
        role: Role,
        pid: u32,
        workers: Vec<Vec<Stage>>,
        now: Now,
        effects: &mut Vec<Effect>,
    ) {
        // A second Hello means that the container forgot what it had.
        self.lose_container(from, now, effects);
        self.registry.join(from, role, pid, workers, now.mono);
    }

    pub(in crate::broker) fn lease_of(&self, lease: LeaseId, by: ContainerId) -> Option<&Lease> {
        self.leases.held(lease, by)
    }

    /// All that this container holds it goes on holding.
    pub(in crate::broker) fn renew_all(&mut self, container: ContainerId, now: Now) {
        let held = self.leases.iter().filter(|(_, lease)| lease.worker.container == container);
        let held: Vec<LeaseId> = held.map(|(id, _)| id).collect();
        for lease in held {
            self.leases.renew(lease, container, None, now.mono);
        }
    }

    pub(in crate::broker) fn renew(&mut self, lease: LeaseId, by: ContainerId, now: Now) {
        self.leases.renew(lease, by, None, now.mono);
    }

    fn settle(
        &mut self,
        from: ContainerId,
        lease: LeaseId,
        outcome: LeaseOutcome,
        elapsed_micros: u64,
        now: Now,
        effects: &mut Vec<Effect>,
    ) {
        self.reservations.release(from, lease);
        let Some(settled) = self.leases.settle(lease, from) else {
            // The lease ran out and someone else has the work; but the worker is free again.
            self.gossip_dropped += 1;
            if let Some(worker) = self.leases.settle_revoked(lease, from) {
                self.registry.set_ready(worker, now.mono);
            }
            return;
        };
        self.registry.set_ready(settled.worker, now.mono);
        let item = settled.item;
        self.metrics.record(&format!("{}: work", stage_of(&item.work)), elapsed_micros);
        self.troubles.of_work(stage_of(&item.work), &outcome, now.mono);
        match outcome {
            LeaseOutcome::Done(output) => self.finished(item, output, now, effects),
            LeaseOutcome::Retry { after_ms, why } => {
                if self.network.age_of(&item, now.mono) > patience(&item.work) {
                    self.fail_item(item, FailureCode::ProcessingError, why, now, effects);
                } else {
                    let age = now.mono.since(item.arrived);
                    let due = now.mono.plus(rest(&item.work, age, Duration::from_millis(after_ms)));
                    let stage = stage_of(&item.work);
                    self.queues.entry(stage).or_default().push_delayed(item, due);
                }
            }
            LeaseOutcome::Failed { code, why } => self.fail_item(item, code, why, now, effects),
        }
    }

    /// A work item is done; its output goes to its owner. An output of another kind than the work
    /// asks for fails the item.
    fn finished(&mut self, item: Item, output: StageOutput, now: Now, effects: &mut Vec<Effect>) {
        match (item.owner.clone(), &item.work, output) {
            (Owner::Query(query), Work::FindLinks { .. }, StageOutput::Links(links)) => {
                self.links_found(query, links, now, effects);
            }
            (Owner::Query(query), Work::Resolve { .. }, StageOutput::Resolved(resolutions)) => {
                self.resolved(query, resolutions, now, effects);
            }
            (Owner::Query(query), Work::PlanScans { .. }, StageOutput::Plan(plan)) => {
                self.planned(query, plan, now, effects);
            }
            (Owner::Query(query), Work::SearchImage { .. }, StageOutput::Found(found)) => {
                self.found(query, found, now, effects);
            }
            (Owner::Query(query), Work::CheckPosts { posts }, StageOutput::Checked(states))
                if posts.len() == states.len() =>
            {
                let states = posts.iter().cloned().zip(states).collect();
                self.checked(query, states, now, effects);
            }
            (Owner::Updates(number), Work::Resolve { .. }, StageOutput::Resolved(resolutions)) => {
                self.updates_resolved(number, &resolutions, now, effects);
            }
            (Owner::ScanRequest(handle), Work::Resolve { .. }, StageOutput::Resolved(resolutions)) => {
                self.scan_resolved(handle, resolutions, effects);
            }
            (Owner::Listing(scan, step), Work::ListPosts { .. }, StageOutput::Listed(end)) => {
                self.listed(scan, step, end, now, effects);
            }
            (Owner::Batch(scan), Work::IndexPosts { account, .. }, StageOutput::Indexed(posts)) => {
                self.indexed(scan, account.clone(), posts, effects);
            }
            (Owner::Retries, Work::IndexPosts { account, .. }, StageOutput::Indexed(posts)) => {
                self.indexed_apart(account.clone(), posts, effects);
            }
            (Owner::Retries, Work::LookUpPosts { .. }, StageOutput::LookedUp(posts)) => {
                self.posts_looked_up(posts, now, effects);
            }
            (Owner::Maintenance(_), Work::Maintain(_), StageOutput::Maintained) => {}
            (Owner::Delivery(_), Work::Deliver(delivery), StageOutput::Delivered) => {
                self.delivery_ended(delivery, effects);
            }
            (_, _, _) => {
                let why = "its worker reported the result of some other kind of work".to_owned();
                self.fail_item(item, FailureCode::ProcessingError, why, now, effects);
            }
        }
    }

    fn tell_worker_lost(
        &self,
        who: Option<(Role, u32)>,
        lease: &Lease,
        why: &'static str,
        effects: &mut Vec<Effect>,
    ) {
        let Some((role, pid)) = who else { return };
        effects.push(Effect::WorkerLost {
            role,
            pid,
            container: lease.worker.container,
            work: lease.item.work.describe(),
            request: self.request_of(&lease.item.owner),
            why,
        });
    }

    /// An item is given up; its owner is told.
    pub(in crate::broker) fn fail_item(
        &mut self,
        item: Item,
        code: FailureCode,
        why: String,
        now: Now,
        effects: &mut Vec<Effect>,
    ) {
        if code == FailureCode::ProcessingError {
            effects.push(Effect::WorkFailed { work: item.work.describe(), why: why.clone() });
        }
        match item.owner.clone() {
            Owner::Query(query) => match &item.work {
                Work::CheckPosts { posts } => {
                    // Whether they can still be seen is a refinement: they are shown.
                    let states = posts.iter().map(|post| (post.clone(), PostState::Unknown)).collect();
                    self.checked(query, states, now, effects);
                }
                _ => self.end_query(query, Some((self.code_for(query, code), why)), now, effects),
            },
            Owner::ScanRequest(handle) => self.scan_request_failed(&handle, code, why),
            // Their turn comes again.
            Owner::Updates(number) => drop(self.updates.remove(&number)),
            Owner::Listing(scan, step) => self.listing_failed(scan, step, code, why, now, effects),
            Owner::Batch(_) | Owner::Retries => {
                if !self.split_batch(&item)
                    && let Work::IndexPosts { account, posts, .. } = &item.work
                {
                    let posts = posts.iter().map(|post| given_up(post, &why)).collect();
                    match item.owner {
                        Owner::Batch(scan) => self.indexed(scan, account.clone(), posts, effects),
                        _ => self.indexed_apart(account.clone(), posts, effects),
                    }
                }
            }
            Owner::Maintenance(_) => {}
            Owner::Delivery(_) => {
                if let Work::Deliver(delivery) = &item.work {
                    self.delivery_ended(delivery, effects);
                }
            }
        }
    }

    fn lose_container(&mut self, container: ContainerId, now: Now, effects: &mut Vec<Effect>) {
        let who = self.registry.identity(container);
        self.registry.leave(container);
        self.held_pages.retain(|(holder, _)| *holder != container);
        self.reservations.lose(container);
        self.network_changed(container, None, now, effects);
        for lease in self.leases.lose(container) {
            self.tell_worker_lost(who, &lease, "its process ended", effects);
            self.item_survived_its_worker(lease.item, "its process ended", now, effects);
        }
    }

    // ---- questions of stages

    fn answer_stage(
        &mut self,
        from: ContainerId,
        ask: AskId,
        question: Question,
        now: Now,
        effects: &mut Vec<Effect>,
    ) {
        match question {
            Question::StartScans { scans, priority } => self.start_updates(scans, priority, now, effects),
            Question::RetryPosts(posts) => self.retry_posts(posts, now),
            Question::LookUpPosts(posts) => self.look_posts_up(posts, now),
            Question::SearchedPosts { scan, from: first } => {
                let answer = self.searched_posts(scan, first);
                let message = BrokerToStage::Answer { ask, answer };
                effects.push(Effect::ToStage { to: from, message, blob: None });
                return;
            }
            question @ (Question::AccountStates(_)
            | Question::Images(_)
            | Question::Accounts(_)
            | Question::AccountNumbers(_)
            | Question::AccountFingerprints { .. }
            | Question::AccountsDue { .. }
            | Question::RetriesDue { .. }
            | Question::WantedPostsDue { .. }
            | Question::ResetSearchCursors(_)) => {
                let ticket = self.expect(Pending::StageAsk { container: from, ask });
                effects.push(Effect::ToStore(ToStorekeeper::Ask { ticket, question }));
                return;
            }
        }
        let message = BrokerToStage::Answer { ask, answer: Answer::Done };
        effects.push(Effect::ToStage { to: from, message, blob: None });
    }

    // ---- the storekeeper

    fn hear_store(&mut self, message: FromStorekeeper, now: Now, effects: &mut Vec<Effect>) {
        let (ticket, message) = match message {
            FromStorekeeper::Opened { counts, unfinished, ledger, index } => {
                self.counts = counts;
                self.index = index;
                self.spending.learn(ledger, 0);
                self.resume(unfinished, now, effects);
                return;
            }
            FromStorekeeper::Indexing { progress } => {
                self.index = progress;
                return;
            }
            FromStorekeeper::Billed { ledger, orders } => {
                self.ledger_asked = false;
                return self.spending.learn(ledger, orders);
            }
            FromStorekeeper::Trouble { part, why } => {
                self.troubles.of_store(part, why, now.mono);
                return self.turn_away_who_waits(effects);
            }
            // The loop ends the process; there is nothing to decide.
            FromStorekeeper::Broken { .. } => return,
            FromStorekeeper::Sizes(sizes) => {
                self.sizes = sizes;
                return;
            }
            FromStorekeeper::NewPosts { ticket, .. }
            | FromStorekeeper::Stored { ticket, .. }
            | FromStorekeeper::Answered { ticket, .. }
            | FromStorekeeper::Journaled { ticket } => (ticket, message),
        };
        if let FromStorekeeper::Stored { counts, .. } = &message {
            self.counts = *counts;
        }
        match (self.pending.remove(&ticket), message) {
            (
                Some(Pending::Filter { scan, step, container, lease }),
                FromStorekeeper::NewPosts { posts, .. },
            ) => self.posts_filtered(scan, step, (container, lease), posts, now, effects),
            (Some(Pending::Posts { scan, posts }), FromStorekeeper::Stored { .. }) => {
                self.posts_stored(scan, &posts, now, effects);
            }
            (Some(Pending::PostsApart(posts)), FromStorekeeper::Stored { .. }) => {
                effects.push(Effect::ToStore(ToStorekeeper::SettleWanted { posts }));
            }
            (Some(Pending::Cursor { scan, step }), FromStorekeeper::Stored { .. }) => {
                self.cursor_stored(scan, step, now, effects);
            }
            (Some(Pending::StageAsk { container, ask }), FromStorekeeper::Answered { answer, .. }) => {
                let message = BrokerToStage::Answer { ask, answer };
                effects.push(Effect::ToStage { to: container, message, blob: None });
            }
            (
                Some(Pending::ScanStart { handle, account, priority, searched }),
                FromStorekeeper::Answered { answer, .. },
            ) => self.scan_states_known(handle, account, (priority, searched), answer, now, effects),
            (Some(Pending::SearchStart { query, account }), FromStorekeeper::Answered { answer, .. }) => {
                self.search_states_known(query, account, answer, now, effects);
            }
            (Some(Pending::AccountRecords { front, ask }), FromStorekeeper::Answered { answer, .. }) => {
                let answer = match answer {
                    Answer::AccountRecords(records) => FrontAnswer::Account(records),
                    _ => FrontAnswer::Refused {
                        code: FailureCode::ProcessingError,
                        detail: "the database could not be read".to_owned(),
                    },
                };
                self.tell_front(front, ask, answer, effects);
            }
            (Some(Pending::Accepted { askers, query }), FromStorekeeper::Journaled { .. }) => {
                for (front, ask) in askers {
                    self.answer_with_query(front, ask, query, now, effects);
                }
            }
            (None, _) => self.gossip_dropped += 1,
            (Some(_), _) => self.gossip_dropped += 1,
        }
    }

    /// Starts again what was accepted before the broker was restarted.
    fn resume(&mut self, unfinished: Vec<AcceptedRequest>, now: Now, effects: &mut Vec<Effect>) {
        for request in unfinished {
            match request {
                AcceptedRequest::Query { url, networks, client, webhooks } => {
                    self.resume_query(&url, networks, client, webhooks, now, effects);
                }
                AcceptedRequest::Delivery(delivery) => self.start_delivery(*delivery, now, effects),
                AcceptedRequest::Scan { account, priority, searched } => {
                    self.ask_scan_state(None, account, priority, searched, effects);
                }
            }
        }
    }

    pub(in crate::broker) fn tell_front(
        &self,
        to: ContainerId,
        ask: AskId,
        answer: FrontAnswer,
        effects: &mut Vec<Effect>,
    ) {
        effects.push(Effect::ToFront { to, message: BrokerToFront::Answer { ask, answer } });
    }
}

/// A post that could not be worked on: its images are recorded as failed, so that it is stored and
/// tried again later instead of holding up its scan.
fn given_up(post: &ListedPost, why: &str) -> IndexedPost {
    let images = post.images.iter().map(|image| IndexedImage {
        name: image.name.clone(),
        state: ImageState::Failed { url: image.url.clone(), why: why.to_owned() },
    });
    IndexedPost { key: post.key.clone(), published: post.published, images: images.collect() }
}

/// Whole microseconds, saturating.
pub(in crate::broker) fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

/// The step a cursor belongs to, and the native ids of posts: small shorthands of this room.
pub(in crate::broker) fn native_ids(posts: &[IndexedPost]) -> Vec<String> {
    posts.iter().map(|post| post.key.native.clone()).collect()
}

/// Posts by key, as `checked` takes them.
pub(in crate::broker) type PostStates = Vec<(PostKey, PostState)>;

/// A listing's starting point is always of its own kind.
pub(in crate::broker) fn cursor_fits(cursor: &Cursor, step: ListingStep) -> bool {
    cursor.step() == step
}
