//! All that the broker knows, from one event to the next: the books together. `rules/dispatch.rs` applies
//! events to it.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use crate::base::clock::Monotonic;
use crate::base::ids::{ContainerId, LeaseId, QueryId, ScanId};
use crate::base::roles::Stage;
use crate::broker::books::budget::Spending;
use crate::broker::books::connectivity::Connectivity;
use crate::broker::books::forgotten::Forgotten;
use crate::broker::books::items::{Item, Owner};
use crate::broker::books::kept::Kept;
use crate::broker::books::leases::Leases;
use crate::broker::books::limits::Limits;
use crate::broker::books::media_counts::MediaCounts;
use crate::broker::books::metrics::Metrics;
use crate::broker::books::party::Party;
use crate::broker::books::post_lags::PostLags;
use crate::broker::books::query::Query;
use crate::broker::books::queue::Queue;
use crate::broker::books::registry::Registry;
use crate::broker::books::reservations::Reservations;
use crate::broker::books::room::Room;
use crate::broker::books::scan::{Scan, ScanSubject};
use crate::broker::books::scan_request::ScanRequest;
use crate::broker::books::site_layouts::SiteLayouts;
use crate::broker::books::suspects::Suspects;
use crate::broker::books::troubles::Troubles;
use crate::broker::books::watches::Watches;
use crate::broker::vocabulary::{AwaitedPicture, Now, Pending, Policy};
use crate::domain::accounts::{Account, AccountState, LeftOutReason};
use crate::domain::failure::FailureCode;
use crate::domain::images::{IndexProgress, StoreCounts};
use crate::domain::scans::{Priority, Resumed};
use crate::proto::view::StoreSizes;
use crate::proto::work::MaintenanceTask;
use crate::storekeeper::orders::Ticket;

/// First look of maintenance after the start.
const MAINTENANCE_DELAY: Duration = Duration::from_secs(10);

/// The whole state of the broker.
#[derive(Debug)]
pub struct State {
    pub policy: Policy,
    pub queries: BTreeMap<QueryId, Query>,
    pub query_keys: HashMap<String, QueryId>,
    /// Page queries by their public id.
    pub query_ids: HashMap<String, QueryId>,
    /// Ended queries, until they are forgotten.
    pub kept: Kept,
    /// Fronts that listen to a query.
    pub followers: HashMap<QueryId, BTreeSet<ContainerId>>,
    /// Uploaded images in memory.
    pub uploads: usize,
    /// Pictures that are being made small, by their numbers.
    pub pictures: HashMap<u64, AwaitedPicture>,
    pub scans: BTreeMap<ScanId, Scan>,
    /// The running scan of an account, or of a window of it; at most one of each.
    pub running_scans: HashMap<ScanSubject, ScanId>,
    /// Scans that wait for the next day's budget.
    pub deferred_scans: BTreeSet<ScanId>,
    /// What scans of an earlier broker hand over, until they are begun again.
    pub resumed_scans: HashMap<ScanSubject, Resumed>,
    /// Scans that somebody asked for, by the account's name.
    pub scan_requests: HashMap<String, ScanRequest>,
    /// Accounts to be scanned again whose present handles are being looked up.
    pub updates: HashMap<u64, (Priority, Vec<(Account, AccountState)>)>,
    /// Pages of listings that can go on in their own worker alone: their acknowledgement is held back until
    /// there is room for more posts.
    pub held_pages: Vec<(ContainerId, LeaseId)>,
    /// Posts that are new and not stored yet.
    pub room: Room,
    /// What requests under way may read at most.
    pub reservations: Reservations,
    pub spending: Spending,
    /// The ledger was asked which day it is.
    pub ledger_asked: bool,
    /// Next time deferred scans and held pages are reconsidered.
    pub budget_check: Option<Monotonic>,
    pub queues: BTreeMap<Stage, Queue>,
    pub leases: Leases,
    pub registry: Registry,
    /// What is awaited from the storekeeper.
    pub pending: HashMap<Ticket, Pending>,
    pub limits: Limits,
    pub metrics: Metrics,
    pub counts: StoreCounts,
    /// How far the fingerprint index follows the database.
    pub index: IndexProgress,
    pub sizes: StoreSizes,
    /// Queries that failed, by code.
    pub failures: HashMap<FailureCode, u64>,
    /// Final answers that wait for their webhooks.
    pub deliveries: usize,
    pub troubles: Troubles,
    pub site_layouts: SiteLayouts,
    pub media_counts: MediaCounts,
    pub post_lags: PostLags,
    pub connectivity: Connectivity,
    pub forgotten: Forgotten,
    pub watches: Watches,
    /// Posts that were looked for since a listing did not show them.
    pub suspects: Suspects,
    /// When each maintenance task is due next, and how often.
    pub maintenance_due: Vec<(Monotonic, MaintenanceTask, Duration)>,
    /// Messages that made no sense, for the metrics.
    pub gossip_dropped: u64,
    last_id: u64,
}

impl State {
    pub fn new(policy: Policy, now: Now) -> State {
        let maintenance_due =
            policy.maintenance.iter().map(|(task, every)| (now.mono.plus(MAINTENANCE_DELAY), *task, *every));
        State {
            maintenance_due: maintenance_due.collect(),
            spending: Spending::new(policy.budget.map(|(_, budget)| budget)),
            policy,
            queries: BTreeMap::new(),
            query_keys: HashMap::new(),
            query_ids: HashMap::new(),
            kept: Kept::default(),
            followers: HashMap::new(),
            uploads: 0,
            pictures: HashMap::new(),
            scans: BTreeMap::new(),
            running_scans: HashMap::new(),
            deferred_scans: BTreeSet::new(),
            resumed_scans: HashMap::new(),
            scan_requests: HashMap::new(),
            updates: HashMap::new(),
            held_pages: Vec::new(),
            room: Room::default(),
            reservations: Reservations::default(),
            ledger_asked: false,
            budget_check: None,
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
            site_layouts: SiteLayouts::default(),
            media_counts: MediaCounts::default(),
            post_lags: PostLags::default(),
            connectivity: Connectivity::default(),
            forgotten: Forgotten::default(),
            watches: Watches::default(),
            suspects: Suspects::default(),
            gossip_dropped: 0,
            last_id: 0,
        }
    }

    /// Why this account is neither scanned nor shown, as the end of a sentence; `None` where it may be.
    pub fn why_left_out(&self, account: &Account) -> Option<LeftOutReason> {
        let is_forgotten = self.forgotten.names_account(&account.key);
        let reason = is_forgotten.then_some(LeftOutReason::Forgotten);
        reason.or_else(|| self.policy.blocklist.reason(account))
    }

    /// When `Event::Tick` is due at the latest; `None`: nothing depends on time now.
    pub fn next_wake(&self) -> Option<Monotonic> {
        let releases = self.queues.values().filter_map(Queue::next_release);
        let maintenance = self.maintenance_due.iter().map(|(due, _, _)| *due);
        releases
            .chain(maintenance)
            .chain(self.leases.next_deadline())
            .chain(self.kept.next_due())
            .chain(self.budget_check)
            .chain(self.watches.next_due())
            .min()
    }

    /// A number that was not given before: for queries, scans, items and tickets alike.
    pub fn next_number(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }

    /// True while work of this owner is queued or leased.
    pub fn is_under_way(&self, owner: &Owner) -> bool {
        let queued = self.queues.values().flat_map(Queue::iter).any(|item| item.owner == *owner);
        queued || self.leases.iter().any(|(_, lease)| lease.item.owner == *owner)
    }

    /// Gives all work of these owners a higher priority, wherever it is.
    pub fn raise(&mut self, priority: Priority, select: impl Fn(&Owner) -> bool) {
        let select = |item: &Item| item.priority > priority && select(&item.owner);
        self.change(select, |item| item.priority = priority);
    }

    /// Changes the items that `select` chooses, wherever they are.
    pub fn change(&mut self, select: impl Fn(&Item) -> bool, change: impl Fn(&mut Item)) {
        for queue in self.queues.values_mut() {
            queue.change(&select, &change);
        }
        self.leases.change(select, change);
    }

    /// Whose work of this owner is.
    pub fn party_of(&self, owner: &Owner) -> Party {
        match owner {
            Owner::Query(query) => match self.queries.get(query) {
                Some(query) => Party::of(&query.head.origin.client),
                None => Party::House,
            },
            Owner::Listing(scan, _) | Owner::Batch(scan) => {
                self.scans.get(scan).map_or(Party::House, |scan| scan.head.party.clone())
            }
            // Asked for at the console or with the right to do so.
            Owner::ScanRequest(_) => Party::Exempt,
            Owner::Picture { party, .. } => party.clone(),
            Owner::Updates(_)
            | Owner::Retries
            | Owner::Maintenance(_)
            | Owner::Delivery(_)
            | Owner::Watch(_) => Party::House,
        }
    }

    /// A scan is for this client too: it takes the share of whichever of the two has fewer scans under way.
    /// So neither loses by what else the other one asks.
    pub fn share_scan(&mut self, id: ScanId, party: &Party) {
        let Some(scan) = self.scans.get(&id) else { return };
        let scans_of = |party: &Party| {
            let running = self.running_scans.values().filter_map(|id| self.scans.get(id));
            running.filter(|scan| scan.head.party == *party).count()
        };
        let present = scan.head.party.clone();
        if present == *party || scans_of(party) + 1 >= scans_of(&present) && present != Party::House {
            return;
        }
        let waiting = scan.running().map_or(0, |running| running.posts_waiting());
        self.room.give_back(&present, waiting);
        self.room.take(party, waiting);
        if let Some(scan) = self.scans.get_mut(&id) {
            scan.head.party = party.clone();
        }
        let is_of_scan =
            |item: &Item| matches!(item.owner, Owner::Listing(scan, _) | Owner::Batch(scan) if scan == id);
        self.change(is_of_scan, |item| item.party = party.clone());
    }

    /// The scan whose listing this lease is on.
    pub fn listing_of(&self, container: ContainerId, lease: LeaseId) -> Option<ScanId> {
        match self.leases.held(lease, container)?.item.owner {
            Owner::Listing(scan, _) => Some(scan),
            _ => None,
        }
    }
}
