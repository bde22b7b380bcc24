//! The words between the loop, the state machine and its rules: what happened, what is to be done about it,
//! what is awaited, what time it is, and what the settings say. Plain data.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::base::clock::{Monotonic, Timestamp};
use crate::base::ids::{AccountKey, AskId, ContainerId, LeaseId, Network, PostKey, QueryId, ScanId};
use crate::base::roles::Role;
use crate::broker::books::blob::BlobKey;
use crate::broker::books::relisted::Relisting;
use crate::broker::books::site_layouts::Change as SiteChange;
use crate::config::{Budget, NotInWindows, TimelinePolicy, WholePolicy};
use crate::domain::accounts::{Account, AccountRef};
use crate::domain::blocklist::Blocklist;
use crate::domain::failure::FailureCode;
use crate::domain::forgotten::Mark;
use crate::domain::scans::{ListingStep, Priority, Reach, Resumed};
use crate::domain::verdicts::Verdict;
use crate::domain::watches::{Watch, WatchId};
use crate::proto::front::{BrokerToFront, FrontQuestion};
use crate::proto::stage::{BrokerToStage, StageToBroker};
use crate::proto::view::ScanView;
use crate::proto::work::MaintenanceTask;
use crate::storekeeper::orders::{FromStorekeeper, ToStorekeeper};

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
    /// Posts that wait to be indexed, of all together (`books/room.rs` shares them out).
    pub max_pending_posts: usize,
    /// Accounts that are never scanned nor shown.
    pub blocklist: Blocklist,
    /// Maintenance tasks and how often each looks for something to do.
    pub maintenance: Vec<(MaintenanceTask, Duration)>,
    /// The network that bills for reads, with what may be spent there; `None` where none does.
    pub budget: Option<(Network, Budget)>,
    /// Whether timelines are listed beside the search.
    pub timeline: TimelinePolicy,
    /// How far around an artwork's date accounts are looked through, step by step; empty: they are scanned
    /// whole.
    pub windows: Vec<Duration>,
    /// Which accounts are indexed whole once their query is answered.
    pub whole: WholePolicy,
    /// What becomes of a query whose artwork is in no window.
    pub when_not_in_windows: NotInWindows,
    /// Accounts whose network bills for nothing are listed from their beginning again after this; `None`
    /// never.
    pub whole_listing: Option<Duration>,
    /// Posts that are gone from their network are removed.
    pub remove_deleted: bool,
    /// The accounts of a watch are listed this often.
    pub watch_every: Duration,
    /// Watches in all, and of one API key.
    pub max_watches: usize,
    pub max_watches_per_key: usize,
    /// Names of the webhooks there are.
    pub webhooks: Vec<String>,
    /// Those whose watches are listed and told: API keys that may, and the console.
    pub watchers: BTreeSet<String>,
    /// X is asked whether posts exist where that is not billed, before it is asked where it is.
    pub checks_x_freely: bool,
    /// Whether answers are noted in the results log.
    pub results_log: bool,
    /// Whether pages that were answered are kept, for searches by image.
    pub remember_pages: bool,
    /// Makes identifiers of direct searches unguessable; new for every run.
    pub salt: u64,
}

impl Policy {
    /// Whether an account of this network that was looked through in part is indexed whole afterwards.
    pub fn is_completed(&self, network: Network) -> bool {
        match self.whole {
            WholePolicy::Always => true,
            WholePolicy::Free => !self.is_billed(network),
            WholePolicy::Asked => false,
        }
    }

    /// Whether reads of this network are billed.
    pub fn is_billed(&self, network: Network) -> bool {
        self.budget.is_some_and(|(billed, _)| billed == network)
    }

    /// Whether what an update of this network's accounts misses is to be looked for: where dates are the
    /// authors' own, so that a new post may lie deep in the past, and looking costs nothing.
    pub fn may_list_anew(&self, network: Network) -> bool {
        match network {
            Network::Twitter => false,
            Network::Bluesky | Network::Mastodon | Network::Misskey => !self.is_billed(network),
        }
    }

    /// Whether posts of this network may be looked for though nobody has asked for them: where that costs
    /// nothing.
    pub fn may_look_for_posts(&self, network: Network) -> bool {
        !self.is_billed(network) || (network == Network::Twitter && self.checks_x_freely)
    }

    /// How timelines of this network are read: where reading costs nothing, nothing is to be saved.
    pub fn timeline_of(&self, network: Network) -> TimelinePolicy {
        if self.is_billed(network) { self.timeline } else { TimelinePolicy::Always }
    }
}

#[cfg(test)]
impl Policy {
    /// For tests: nothing is scarce, nothing is billed, nothing happens by itself.
    pub fn plain() -> Policy {
        Policy {
            max_processing_requests_per_ip: 5,
            max_processing_requests: 1000,
            max_kept_queries: 10,
            max_pending_posts: 1000,
            blocklist: Blocklist::default(),
            maintenance: Vec::new(),
            budget: None,
            timeline: TimelinePolicy::Always,
            windows: Vec::new(),
            whole: WholePolicy::Asked,
            when_not_in_windows: NotInWindows::Whole,
            whole_listing: None,
            remove_deleted: true,
            watch_every: Duration::from_secs(3600),
            max_watches: 1000,
            max_watches_per_key: 100,
            webhooks: vec!["bot".to_owned()],
            watchers: ["bot", "other", "console"].map(str::to_owned).into(),
            checks_x_freely: true,
            results_log: false,
            remember_pages: false,
            salt: 1,
        }
    }
}

/// Who, or what of whom, is to be forgotten, before the database has told who that is.
#[derive(Clone, Debug)]
pub struct NameAsked {
    /// The name that was given; names change hands.
    pub handle: Option<String>,
    /// What was given means this as an id.
    pub otherwise: Option<AccountKey>,
    /// The post of the account that is meant, and not the account.
    pub record: Option<String>,
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
    Follow(ContainerId, QueryId),
    Unfollow(ContainerId, QueryId),
    FrontLost(ContainerId),
    FromStore(FromStorekeeper),
    /// Time passed; due at the latest when `State::next_wake` said.
    Tick,
}

/// What is to be done. The loop carries effects out in order.
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::large_enum_variant, reason = "the few of one event are carried out at once")]
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
    /// The blocklist kept an account from being scanned or shown: for the log.
    AccountBlocked {
        account: String,
        /// What led to it.
        request: String,
        why: &'static str,
    },
    /// A site's pages look different from what their reader knows, or are understood again: for the log.
    SiteChanged {
        site: String,
        change: SiteChange,
    },
    /// This container ended while it had work: the work is at fault, as far as anybody knows.
    DiedAtWork(ContainerId),
    /// The books contradict each other, which is a fault of this program: for the log.
    Contradiction(&'static str),
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

/// Who waits for an answer: a question of a front.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asker {
    pub front: ContainerId,
    pub ask: AskId,
}

/// What somebody says of an account whose id is being looked up.
#[derive(Clone, Debug)]
pub struct VerdictSaying {
    /// As they named it.
    pub named: String,
    pub is_artists: bool,
    pub page: Option<String>,
    pub who: String,
    pub why: String,
}

/// A picture that is being made small, and who waits for it.
#[derive(Clone, Debug)]
pub struct AwaitedPicture {
    pub asker: Asker,
    /// The address of the image as the answer names it.
    pub image: String,
}

/// Why the answer to a ticket of the storekeeper is awaited.
#[derive(Debug)]
pub enum Pending {
    /// A page of a listing is being compared with the database.
    Filter {
        scan: ScanId,
        step: ListingStep,
        page: ListedPage,
    },
    /// Posts of a scan are being stored.
    Posts {
        scan: ScanId,
        posts: Vec<String>,
    },
    /// Posts that were indexed apart from any scan are being stored.
    PostsApart {
        account: AccountKey,
        posts: Vec<PostKey>,
    },
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
    ScanStart(Box<ScanStart>),
    /// An account's search cursor is being forgotten: nothing waits for that.
    CursorForgotten,
    /// What the answer was for was cancelled.
    Dropped,
    /// Whether an account is indexed in which an image is to be searched.
    SearchStart {
        query: QueryId,
        account: AccountKey,
    },
    /// What is known of such an account without its network; `refusal` is why the network does not
    /// tell, where it was asked.
    SearchKnown {
        query: QueryId,
        asked: AccountRef,
        refusal: Option<(FailureCode, String)>,
    },
    /// Which of the posts that a query's page names are stored.
    NamedPosts {
        query: QueryId,
    },
    /// One of them is being stored.
    NamedPostStored {
        query: QueryId,
    },
    /// A front asked what is known of accounts.
    AccountRecords(Asker),
    /// Whose the name is of which somebody says something.
    VerdictAccount {
        asker: Asker,
        saying: Box<VerdictSaying>,
    },
    /// Verdicts are being kept.
    VerdictsKept {
        asker: Asker,
        verdicts: Vec<Verdict>,
        /// One, of which all is to be told.
        is_one: bool,
    },
    VerdictRemoved(Asker),
    VerdictsListed(Asker),
    /// A front asked to forget an account of this name.
    ForgetAccount {
        asker: Asker,
        name: NameAsked,
        note: String,
    },
    /// Somebody's watch is being kept: then whoever asked for it is told.
    WatchBegun(WatchId),
    /// What is newly known of a watch is being kept.
    WatchKept,
    /// It is being ended.
    WatchEnded {
        asker: Asker,
        watch: Box<Watch>,
    },
    /// A front asked for a feed.
    FeedRead {
        asker: Asker,
        watch: WatchId,
        skip: u32,
    },
    /// How far the accounts of a watch are listed.
    WatchStates(WatchId),
    /// What the webhook of a watch has not heard of.
    WatchNews {
        id: WatchId,
        skip: u32,
    },
    /// A front asked for the marks.
    Tombstones(Asker),
    /// A piece of what bears this mark is being removed.
    Forgotten(Mark),
    /// Posts that are gone from their network are being removed.
    GoneRemoved,
    /// What is stored of an account that was listed again.
    StoredPosts(Box<Relisting>),
    /// This mark is being lifted.
    Lifted {
        asker: Asker,
        mark: Mark,
    },
    /// That a query was accepted, or cancelled, is being written down; then its state is the
    /// answer.
    Accepted {
        askers: Vec<Asker>,
        query: QueryId,
    },
    /// That a scan was cancelled is being written down; then this is the answer.
    ScanCancelled {
        asker: Asker,
        view: Box<ScanView>,
    },
}

/// A page of a listing, for the answer to the worker that handed it over.
#[derive(Clone, Copy, Debug)]
pub struct ListedPage {
    pub container: ContainerId,
    pub lease: LeaseId,
    pub way: Way,
}

/// What becomes of a listing where there is no room for more posts.
#[derive(Clone, Copy, Debug)]
pub enum Way {
    /// It goes on: what follows belongs to what was handed over.
    GoesOn,
    /// Its worker leaves it, since another can go on.
    Leaves,
    /// Its worker waits with it.
    Waits,
}

/// A scan of which only the database's word is missing where it starts.
#[derive(Debug)]
pub struct ScanStart {
    /// The name by which somebody asked for it.
    pub handle: Option<String>,
    pub account: Account,
    pub reach: Reach,
    pub priority: Priority,
    pub resumed: Resumed,
    /// All posts are to be listed, not only those that are new.
    pub whole: bool,
}
