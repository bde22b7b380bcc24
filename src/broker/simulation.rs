//! The state machine against a simulated world: workers that die, fall silent, report late or twice,
//! a storekeeper that answers when it likes, users that ask at any moment. Whatever the order of
//! events, at the end every request has ended, every question was answered once, and no cursor was
//! stored before the posts that its listing produced.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::time::Duration;

use fastrand::Rng;
use proptest::prelude::*;

use crate::base::MicroUsd;
use crate::base::clock::{Monotonic, Timestamp};
use crate::base::ids::{
    AccountKey, AskId, ContainerId, ImageId, LeaseId, Network, Networks, PostKey, QueryId,
};
use crate::base::roles::{Role, Stage};
use crate::broker::books::blob::BlobKey;
use crate::broker::books::items::{Item, Owner};
use crate::broker::books::party::Party;
use crate::broker::books::query::Query;
use crate::broker::books::query_key;
use crate::broker::books::scan::{Running, Scan};
use crate::broker::books::watches::{Telling, Watched};
use crate::broker::state::State;
use crate::broker::vocabulary::{Effect, Event, Now, Policy};
use crate::config::{Budget, NotInWindows, TimelinePolicy, WholePolicy};
use crate::domain::accounts::*;
use crate::domain::blocklist::Blocklist;
use crate::domain::failure::FailureCode;
use crate::domain::images::*;
use crate::domain::posts::*;
use crate::domain::scans::*;
use crate::domain::watches::{FeedEntry, FeedPost, Watch, WatchId};
use crate::proto::front::{BrokerToFront, Client, FrontAnswer, FrontQuestion, WatchOrder};
use crate::proto::stage::{Answer, BrokerToStage, Question, StageToBroker};
use crate::proto::view::{QueryStatus, QueryView, ScanState, ScanView};
use crate::proto::work::*;
use crate::storekeeper::orders::{AcceptedRequest, FromStorekeeper, JournalEntry, ToStorekeeper};

const FRONT: ContainerId = ContainerId(1);
const STAGES: [(Role, &[&[Stage]]); 6] = [
    (Role::LinkFinder, &[&[Stage::LinkFinder], &[Stage::LinkFinder], &[Stage::LinkFinder]]),
    (Role::IndexWatcher, &[&[Stage::IndexWatcher]]),
    (Role::ReverseSearch, &[&[Stage::ReverseSearch], &[Stage::ReverseSearch]]),
    (Role::Listing, &[&[Stage::SearchListing], &[Stage::TimelineListing], &[Stage::Lookup]]),
    (Role::Indexing, &[&[Stage::Indexing], &[Stage::Indexing], &[Stage::Indexing]]),
    (Role::Maintenance, &[&[Stage::Delivery], &[Stage::Maintenance]]),
];

/// A worker's side of a lease.
struct Held {
    lease: LeaseId,
    worker: u16,
    work: Work,
    /// Posts of a listing sent so far.
    sent: usize,
    /// A page was sent and not yet accepted.
    waits: bool,
    /// The listing is to be left.
    is_to_leave: bool,
    /// It will never report.
    silent: bool,
}

struct World {
    rng: Rng,
    state: State,
    now: u64,
    /// The wall clock, apart from the other: it jumps.
    wall: i64,
    containers: BTreeMap<ContainerId, (Role, Vec<Held>)>,
    next_container: u32,
    /// Leases taken away from workers that still believe in them.
    late: Vec<(ContainerId, LeaseId, u16)>,
    store: VecDeque<ToStorekeeper>,
    database: HashMap<AccountKey, HashSet<String>>,
    states: HashMap<AccountKey, AccountState>,
    journal: BTreeMap<String, AcceptedRequest>,
    /// Posts on the network, per account.
    truth: HashMap<AccountKey, Vec<String>>,
    asked: BTreeSet<AskId>,
    queries: BTreeSet<QueryId>,
    blobs: BTreeSet<BlobKey>,
    faults: bool,
    last_views: BTreeMap<QueryId, QueryView>,
    listing_failed: bool,
    /// How often a listing was left, to go on in another turn.
    paused: usize,
    /// How often each final answer reached its webhook.
    delivered: HashMap<String, u32>,
    /// Whose new posts somebody wants to hear of, as the database has them.
    watches: BTreeMap<WatchId, Watch>,
    /// What webhooks were told by watches.
    told: BTreeSet<String>,
    /// Which questions were to cancel something.
    cancels: BTreeSet<AskId>,
    /// Queries that were said to be cancelled, by their public ids, until they are asked anew.
    cancelled: BTreeMap<String, QueryId>,
    /// How many scans were said to be cancelled.
    cancelled_scans: usize,
    /// Posts noted by their ids alone that were forgotten again.
    settled: BTreeSet<PostKey>,
    /// Windows that were stored.
    windows: usize,
    policy: Policy,
    /// Events that the state machines of this world were given, and how many of these there were.
    events: u64,
    brokers: u64,
}

impl World {
    fn new(seed: u64) -> World {
        let mut rng = Rng::with_seed(seed);
        let policy = Policy {
            max_processing_requests_per_ip: 3,
            max_processing_requests: 12,
            max_kept_queries: 1000,
            max_pending_posts: rng.usize(1..40),
            blocklist: Blocklist::from_iter(["3"]),
            maintenance: vec![(MaintenanceTask::RetryPosts, Duration::from_secs(600))],
            budget: rng.bool().then_some((
                Network::Twitter,
                Budget { daily: None, monthly: None, post_read: MicroUsd(5000), user_read: MicroUsd(10_000) },
            )),
            timeline: [TimelinePolicy::Adaptive, TimelinePolicy::Always, TimelinePolicy::Never]
                [rng.usize(..3)],
            windows: [vec![], vec![DAY * 7, DAY * 30]][rng.usize(..2)].clone(),
            whole: [WholePolicy::Always, WholePolicy::Free, WholePolicy::Asked][rng.usize(..3)],
            when_not_in_windows: [NotInWindows::Whole, NotInWindows::Stop][rng.usize(..2)],
            whole_listing: None,
            remove_deleted: rng.bool(),
            watch_every: Duration::from_secs(3600),
            max_watches: 20,
            max_watches_per_key: 10,
            webhooks: vec!["hook".to_owned()],
            watchers: BTreeSet::from(["console".to_owned()]),
            checks_x_freely: rng.bool(),
            results_log: rng.bool(),
            remember_pages: rng.bool(),
            salt: seed,
        };
        let truth = (0..6u32).map(|number| {
            let posts = (0..rng.usize(0..120)).map(|post| format!("{number}{post:04}")).collect();
            (AccountKey::new(Network::Twitter, number.to_string()), posts)
        });
        let truth = truth.collect();
        let now = Now { mono: Monotonic(0), wall: Timestamp(0) };
        let mut world = World {
            state: State::new(policy.clone(), now),
            policy,
            events: 0,
            brokers: 1,
            rng,
            now: 0,
            wall: 1_700_000_000_000,
            containers: BTreeMap::new(),
            next_container: 10,
            late: Vec::new(),
            store: VecDeque::new(),
            database: HashMap::new(),
            states: HashMap::new(),
            journal: BTreeMap::new(),
            truth,
            asked: BTreeSet::new(),
            queries: BTreeSet::new(),
            blobs: BTreeSet::new(),
            faults: true,
            last_views: BTreeMap::new(),
            listing_failed: false,
            windows: 0,
            paused: 0,
            delivered: HashMap::new(),
            watches: BTreeMap::new(),
            told: BTreeSet::new(),
            cancels: BTreeSet::new(),
            cancelled: BTreeMap::new(),
            cancelled_scans: 0,
            settled: BTreeSet::new(),
        };
        for (role, _) in STAGES {
            world.start_container(role);
        }
        world
    }

    fn now(&self) -> Now {
        let wall = self.wall.saturating_add(i64::try_from(self.now).unwrap());
        Now { mono: Monotonic(self.now), wall: Timestamp(wall) }
    }

    fn tell(&mut self, event: Event) {
        let now = self.now();
        let mut effects = Vec::new();
        self.events += 1;
        self.state.handle(event, now, &mut effects);
        for effect in effects {
            self.carry_out(effect);
        }
        // Now and then: it looks at everything.
        if self.events.is_multiple_of(11) {
            self.check_fairness();
        }
    }

    /// No client waits while another has more than its share.
    fn check_fairness(&self) {
        for stage in Stage::ALL {
            let mut held = HashMap::<&Party, usize>::new();
            for item in self.state.leases.of_stage(stage) {
                *held.entry(&item.party).or_default() += 1;
            }
            // A scan may have come to another client with what it holds.
            let stays = !matches!(stage, Stage::Indexing | Stage::SearchListing | Stage::TimelineListing);
            let half = self.state.registry.workers_of(stage).div_ceil(2);
            assert!(!stays || held.values().all(|held| *held <= half), "{stage}: {held:?} of 2 * {half}");
            let Some(queue) = self.state.queues.get(&stage) else { continue };
            if self.state.registry.ready_for(stage) == 0 {
                continue;
            }
            let of_others = queue.iter().filter(|item| !held.contains_key(&item.party));
            for item in of_others.filter(|item| queue.position(item.id).is_some()) {
                assert!(!self.has_room(item), "{stage}: {:?} waits for nothing", item.owner);
            }
        }
        let mut waiting = HashMap::<&Party, usize>::new();
        for scan in self.state.scans.values() {
            let posts = scan.running().map_or(0, Running::posts_waiting);
            *waiting.entry(&scan.head.party).or_default() += posts;
        }
        assert!(waiting.iter().all(|(party, posts)| self.state.room.of(party) == *posts), "{waiting:?}");
        assert_eq!(self.state.room.total(), waiting.values().sum::<usize>());
    }

    fn has_room(&self, item: &Item) -> bool {
        let Owner::Listing(scan, _) = item.owner else { return true };
        let posts = self.state.scans.get(&scan).and_then(Scan::running).map_or(0, Running::posts_waiting);
        self.state.room.is_there_again(&item.party, posts, self.policy.max_pending_posts)
    }

    fn carry_out(&mut self, effect: Effect) {
        match effect {
            Effect::ToStage { to, message, blob } => {
                if let Some(blob) = blob {
                    assert!(self.blobs.contains(&blob), "a lease speaks of dropped bytes");
                }
                let Some((_, held)) = self.containers.get_mut(&to) else { return };
                match message {
                    BrokerToStage::Lease { worker, lease, work, .. } => {
                        assert!(held.iter().all(|held| held.worker != worker), "two leases for one worker");
                        let silent = self.faults && self.rng.u8(..) < 12;
                        let sent = match &work {
                            Work::ListPosts { place: Some(place), .. } => place.next.parse().unwrap(),
                            _ => 0,
                        };
                        let (waits, is_to_leave) = (false, false);
                        held.push(Held { lease, worker, work, sent, waits, is_to_leave, silent });
                    }
                    BrokerToStage::PageAccepted { lease } => {
                        for held in held.iter_mut().filter(|held| held.lease == lease) {
                            held.waits = false;
                        }
                    }
                    BrokerToStage::PageHeld { lease } => {
                        for held in held.iter_mut().filter(|held| held.lease == lease) {
                            assert!(held.waits, "a listing is to be left where it cannot");
                            (held.waits, held.is_to_leave) = (false, true);
                        }
                    }
                    BrokerToStage::Revoked { lease } => {
                        if let Some(index) = held.iter().position(|held| held.lease == lease) {
                            let revoked = held.remove(index);
                            self.late.push((to, lease, revoked.worker));
                        }
                    }
                    BrokerToStage::Answer { .. } | BrokerToStage::Reserved { .. } => {}
                }
            }
            Effect::ToFront { to, message } => {
                assert_eq!(to, FRONT);
                match message {
                    BrokerToFront::FeedChanged { .. } => {}
                    BrokerToFront::Answer { ask, answer } => {
                        assert!(self.asked.remove(&ask), "answered twice: {ask}");
                        if let FrontAnswer::Scan(ScanView {
                            account: Some(account),
                            state: ScanState::Failed { code: FailureCode::Cancelled, .. },
                            ..
                        }) = &answer
                            && self.cancels.contains(&ask)
                        {
                            self.cancelled_scans += 1;
                            let is_begun_anew =
                                self.state.running_scans.keys().any(|(running, _)| running == account);
                            let is_written = self.journal.contains_key(&format!("scan {account}"));
                            assert!(is_begun_anew || !is_written, "{account} would come back");
                        }
                        // What a query for posts knows of the artist is told of it, and is not its state.
                        let is_own = |view: &QueryView| {
                            let query = self.state.queries.get(&view.query);
                            query.is_none_or(|query| query.head.wanted == view.wanted)
                        };
                        if let FrontAnswer::Query(view) | FrontAnswer::Search { view, .. } = answer
                            && is_own(&view)
                        {
                            match view.error {
                                Some(FailureCode::Cancelled) => {
                                    self.cancelled.insert(view.id.clone(), view.query);
                                }
                                _ => drop(self.cancelled.remove(&view.id)),
                            }
                            self.queries.insert(view.query);
                            self.last_views.insert(view.query, view);
                        }
                    }
                    BrokerToFront::Changed { view } => {
                        if let Some(last) = self.last_views.get(&view.query) {
                            assert!(last.status <= view.status, "a query went backwards");
                        }
                        self.last_views.insert(view.query, view);
                    }
                }
            }
            Effect::ToStore(message) => self.store.push_back(message),
            Effect::DropBlob(blob) => assert!(self.blobs.remove(&blob), "bytes dropped twice"),
            Effect::Contradiction(what) => panic!("{what}"),
            Effect::WorkFailed { .. }
            | Effect::WorkerLost { .. }
            | Effect::DiedAtWork(_)
            | Effect::AccountBlocked { .. }
            | Effect::SiteChanged { .. } => {}
        }
    }

    fn start_container(&mut self, role: Role) {
        let id = ContainerId(self.next_container);
        self.next_container += 1;
        self.containers.insert(id, (role, Vec::new()));
        let (_, workers) = STAGES.into_iter().find(|(known, _)| *known == role).unwrap();
        let stages = workers.iter().map(|stages| stages.to_vec()).collect();
        self.tell(Event::FromStage(id, StageToBroker::Hello { role, pid: 1, workers: stages }));
        for worker in 0..workers.len() {
            self.tell(Event::FromStage(id, StageToBroker::Ready { worker: worker as u16 }));
        }
    }

    fn ask(&mut self, question: FrontQuestion, blob: Option<BlobKey>) {
        let ask = AskId(self.rng.u64(..));
        if let FrontQuestion::Cancel { .. } | FrontQuestion::CancelQuery { .. } = question {
            self.cancels.insert(ask);
        }
        self.asked.insert(ask);
        self.blobs.extend(blob);
        self.tell(Event::FrontAsked { front: FRONT, ask, question, blob });
    }

    /// Something is cancelled: what is under way, what has ended, or what never was.
    fn user_cancels(&mut self) {
        let known: Vec<&QueryView> = self.last_views.values().collect();
        let what = match (self.rng.u8(0..4), known.as_slice()) {
            (0, _) | (_, []) => format!("@user{}", self.rng.u8(0..8)),
            (1, known) => known[self.rng.usize(..known.len())].subject.clone(),
            (_, known) => known[self.rng.usize(..known.len())].id.clone(),
        };
        let question = match self.rng.bool() {
            true => FrontQuestion::Cancel { what },
            false => FrontQuestion::CancelQuery { id: what },
        };
        self.ask(question, None);
    }

    /// Somebody begins to watch an account or the artist of a page, or watches no longer.
    fn user_watches(&mut self) {
        let number = self.rng.u8(0..8);
        let subject = match self.rng.bool() {
            true => format!("@user{number}"),
            false => format!("https://site.example/{number}/0"),
        };
        let order = match (self.rng.u8(0..4), self.watches.keys().next()) {
            (0, Some(&id)) => WatchOrder::End { who: None, id },
            _ => WatchOrder::Begin {
                id: WatchId(u128::from(self.rng.u64(..))),
                who: "console".to_owned(),
                subject,
                networks: Networks::default(),
                webhook: self.rng.bool().then(|| "hook".to_owned()),
            },
        };
        self.ask(FrontQuestion::Watches(order), None);
    }

    /// The feed of these accounts: each post that is stored, published in a future that is always news.
    fn feed(&self, accounts: &[AccountKey]) -> Vec<FeedEntry> {
        let stored = accounts.iter().flat_map(|key| {
            let posts = self.database.get(key).into_iter().flatten();
            posts.map(move |post| FeedEntry {
                posts: vec![FeedPost {
                    key: PostKey::new(Network::Twitter, post.clone()),
                    account: key.clone(),
                    handle: None,
                    published: Some(Timestamp(i64::MAX)),
                    stored: Timestamp(0),
                    images: Vec::new(),
                }],
                changed: ImageId(post.parse().unwrap_or_default()),
            })
        });
        stored.collect()
    }

    fn user_acts(&mut self) {
        match self.rng.u8(0..24) {
            0 | 1 => return self.user_cancels(),
            2 => return self.user_watches(),
            _ => {}
        }
        let number = self.rng.u8(0..8);
        let client = match self.rng.u8(0..3) {
            0 => Client::Exempt,
            other => Client::Limited { key: other.to_string() },
        };
        match self.rng.u8(0..10) {
            0 => {
                let url = "not a url".into();
                let networks = Networks::default();
                self.ask(FrontQuestion::Query { url, client, networks, whole: false, webhook: None }, None);
            }
            1 => {
                let whole = self.rng.bool();
                self.ask(FrontQuestion::Scan { handle: format!("@User{number}"), whole }, None)
            }
            2 => self.ask(FrontQuestion::Threads, None),
            3 => {
                let blob = BlobKey(self.rng.u64(..));
                let account_name = self.rng.bool().then(|| format!("user{number}"));
                self.ask(
                    FrontQuestion::SearchImage {
                        len_bytes: 1,
                        account_name,
                        turned: false,
                        networks: Networks::default(),
                        client,
                    },
                    Some(blob),
                );
            }
            4 => {
                if let Some(&query) = self.queries.iter().next_back() {
                    self.tell(Event::Follow(FRONT, query));
                }
            }
            _ => {
                let url = format!("https://site.example/{number}/{}", self.rng.u8(0..3));
                let webhook = self.rng.bool().then(|| "hook".to_owned());
                let networks = match self.rng.u8(0..8) {
                    0 => Networks::of([Network::Twitter]),
                    1 => Networks::of([Network::Bluesky, Network::Mastodon]),
                    _ => None,
                };
                let networks = networks.unwrap_or_default();
                let question = match self.rng.u8(0..6) {
                    0 => FrontQuestion::Artist { url, client, networks, resolve: self.rng.bool() },
                    1 => FrontQuestion::KnownArtist { url, networks, resolve: self.rng.bool() },
                    _ => FrontQuestion::Query { url, client, networks, whole: false, webhook },
                };
                self.ask(question, None);
            }
        }
    }

    fn outcome(&mut self, work: &Work) -> LeaseOutcome {
        if self.faults {
            match self.rng.u8(0..40) {
                0..4 => return LeaseOutcome::Retry { after_ms: self.rng.u64(0..20_000), why: "w".into() },
                4 => {
                    self.listing_failed |= matches!(work, Work::ListPosts { .. });
                    return LeaseOutcome::Failed { code: FailureCode::ProcessingError, why: "w".into() };
                }
                5 => {
                    self.listing_failed |= matches!(work, Work::ListPosts { .. });
                    return LeaseOutcome::Done(StageOutput::Maintained);
                }
                _ => {}
            }
        }
        LeaseOutcome::Done(match work {
            Work::FindLinks { url, .. } => {
                let number: u32 = url.split('/').nth(3).unwrap().parse().unwrap();
                let handles = [format!("user{number}"), format!("user{}", (number + 1) % 8)];
                let candidates = handles.into_iter().filter(|_| number != 7).map(|handle| Candidate {
                    account: AccountRef::Handle { network: Network::Twitter, handle },
                    evidence: Evidence::ProfileField,
                    chain: vec![url.clone()],
                });
                StageOutput::Links(Box::new(LinksFound {
                    page_url: "https://site.example/1".to_owned(),
                    site: "s".into(),
                    images: vec![ImageSource::plain("i")],
                    no_image: None,
                    published: (number != 5).then(|| day(number * 11)),
                    candidates: candidates.collect(),
                    named_posts: (0..self.rng.u8(..3))
                        .map(|_| PostKey::new(Network::Twitter, self.rng.u64(..1000).to_string()))
                        .collect(),
                    elsewhere: Vec::new(),
                    left_out: Vec::new(),
                    pages: 1,
                    artists_pages: Vec::new(),
                    verdicts: Vec::new(),
                }))
            }
            Work::Resolve { refs } => {
                let resolve = |asked: &AccountRef| {
                    let (key, handle) = match asked {
                        AccountRef::Handle { handle, .. } => {
                            let native = handle.trim_start_matches("user");
                            (AccountKey::new(Network::Twitter, native), handle.clone())
                        }
                        AccountRef::Id(key) => (key.clone(), format!("user{}", key.native)),
                    };
                    let outcome = match self.truth.get(&key) {
                        None => ResolutionOutcome::Private,
                        Some(posts) => ResolutionOutcome::Readable(Account {
                            key,
                            handle,
                            posts: Some(posts.len() as u64),
                        }),
                    };
                    Resolution { asked: asked.clone(), outcome }
                };
                StageOutput::Resolved(refs.iter().map(resolve).collect())
            }
            Work::PlanScans { accounts, .. } => {
                let scans = accounts.iter().filter_map(|account| {
                    let unknown = AccountState::unknown(account.key.clone());
                    let state = self.states.get(&account.key).cloned().unwrap_or(unknown);
                    (state.scanned_at().is_none() || self.rng.bool()).then(|| (account.clone(), state))
                });
                StageOutput::Plan(ScanPlan {
                    scans: scans.collect(),
                    up_to_date: vec![],
                    ..ScanPlan::default()
                })
            }
            Work::SearchImage { scope, query, .. } => {
                let query = self.state.queries.get(query);
                let number: Option<u32> =
                    query.and_then(|query| query.head.subject.split('/').nth(3)?.parse().ok());
                let images = match scope {
                    SearchScope::Everything => Vec::new(),
                    SearchScope::Accounts(keys) => keys
                        .iter()
                        .flat_map(|key| {
                            self.database.get(key).into_iter().flatten().map(move |post| (key, post))
                        })
                        .take(150)
                        .map(|(key, post)| FoundImage {
                            image: ImageId(1),
                            post: PostKey::new(Network::Twitter, post.clone()),
                            account: key.clone(),
                            handle: Some("a".into()),
                            position: 1,
                            count: 1,
                            name: "n".into(),
                            published: None,
                            distance: 0,
                            variant: Variant::AsIs,
                            class: match number.is_some_and(|number| date_of(post) == day(number * 11 + 9)) {
                                true => MatchClass::Recompressed,
                                false => MatchClass::EditedOrVariant,
                            },
                            second_stage: None,
                            part: None,
                            said_same: false,
                        })
                        .collect(),
                };
                StageOutput::Found(SearchFound { images, ..SearchFound::default() })
            }
            Work::CheckPosts { posts } => StageOutput::Checked(vec![PostState::Visible; posts.len()]),
            Work::IndexPosts { posts, .. } => {
                let indexed = posts.iter().map(|post| {
                    let image = IndexedImage::new("n", ImageState::Lost);
                    let indexed = IndexedPost::of_images(post.key.clone(), None, [image]);
                    IndexedPost { incomplete: post.incomplete, ..indexed }
                });
                StageOutput::Indexed(indexed.collect())
            }
            Work::ListPosts { cursor, .. } => {
                let cursor = match cursor {
                    Cursor::Search(_) => Cursor::Search(Some(Timestamp(self.now as i64))),
                    Cursor::Timeline(_) => Cursor::Timeline(Some(self.now.to_string())),
                    Cursor::Window(window) => Cursor::Window(*window),
                };
                StageOutput::Listed(ListingEnd {
                    cursor,
                    newest: None,
                    oldest: None,
                    coverage: Coverage::Complete,
                    posts_read: 0,
                    media: None,
                })
            }
            Work::LookUpPosts { posts } => {
                let outcome = |post: &PostKey| match post.native.parse::<u64>().unwrap() % 4 {
                    0 => PostOutcome::Nothing { why: "is gone".into() },
                    1 => PostOutcome::Unknown,
                    _ => PostOutcome::Found {
                        author: Account { key: author_of_wanted(), handle: String::new(), posts: None },
                        post: listed(post.clone()),
                    },
                };
                let answer = |post: &PostKey| LookedUpPost { post: post.clone(), outcome: outcome(post) };
                StageOutput::LookedUp(posts.iter().map(answer).collect())
            }
            Work::ShrinkPicture { .. } => StageOutput::Picture(vec![7]),
            Work::Maintain(_) => StageOutput::Maintained,
            Work::Tell(post) => {
                self.told.insert(post.id());
                StageOutput::Delivered
            }
            Work::Deliver(delivery) => {
                *self.delivered.entry(delivery.id.clone()).or_default() += 1;
                StageOutput::Delivered
            }
        })
    }

    /// One worker moves on. False if none can.
    fn worker_acts(&mut self) -> bool {
        let able: Vec<(ContainerId, usize)> = self
            .containers
            .iter()
            .flat_map(|(id, (_, held))| {
                let able = |held: &Held| !held.silent && !held.waits;
                held.iter().enumerate().filter(move |(_, held)| able(held)).map(|(index, _)| (*id, index))
            })
            .collect();
        if able.is_empty() {
            return false;
        }
        let (container, index) = able[self.rng.usize(..able.len())];
        let held = &mut self.containers.get_mut(&container).unwrap().1[index];
        let (lease, worker, work) = (held.lease, held.worker, held.work.clone());
        if held.is_to_leave {
            self.paused += 1;
            self.containers.get_mut(&container).unwrap().1.retain(|held| held.worker != worker);
            let outcome = LeaseOutcome::Paused;
            self.tell(Event::FromStage(
                container,
                StageToBroker::Report { lease, outcome, elapsed_micros: 1 },
            ));
            return true;
        }
        if let Work::ListPosts { account, cursor, .. } = &work {
            let posts: Vec<&String> = match cursor {
                Cursor::Window(window) => {
                    self.truth[&account.key].iter().filter(|post| window.holds(date_of(post))).collect()
                }
                Cursor::Search(_) | Cursor::Timeline(_) => self.truth[&account.key].iter().collect(),
            };
            if held.sent < posts.len() {
                let page: Vec<_> =
                    posts.iter().skip(held.sent).take(25).map(|post| (*post).clone()).collect();
                held.sent += page.len();
                held.waits = true;
                let place = ListingPlace { next: held.sent.to_string(), ..ListingPlace::default() };
                let hold = match cursor {
                    Cursor::Timeline(_) => Hold::Here,
                    Cursor::Search(_) | Cursor::Window(_) if held.sent == posts.len() => Hold::Never,
                    Cursor::Search(_) | Cursor::Window(_) => Hold::At(Box::new(place)),
                };
                let posts = page.into_iter().map(|native| listed(PostKey::new(Network::Twitter, native)));
                let posts = posts.collect();
                self.tell(Event::FromStage(container, StageToBroker::Page { lease, posts, hold }));
                return true;
            }
        }
        if let Work::Maintain(_) = &work {
            let posts =
                (0..3).map(|_| PostKey::new(Network::Twitter, self.rng.u64(..1000).to_string())).collect();
            let question = Question::LookUpPosts(posts);
            self.tell(Event::FromStage(container, StageToBroker::Ask { ask: AskId(self.events), question }));
        }
        let outcome = self.outcome(&work);
        self.containers.get_mut(&container).unwrap().1.retain(|held| held.worker != worker);
        let report = StageToBroker::Report { lease, outcome, elapsed_micros: 1 };
        self.tell(Event::FromStage(container, report.clone()));
        if self.faults && self.rng.u8(0..20) == 0 {
            self.tell(Event::FromStage(container, report)); // said twice
        }
        true
    }

    /// The storekeeper carries out its next order. False if it has none.
    fn store_acts(&mut self) -> bool {
        let Some(message) = self.store.pop_front() else { return false };
        let counts = StoreCounts::default();
        let answer = match message {
            ToStorekeeper::FilterNew { ticket, account, mut posts } => {
                let known = self.database.entry(account.key).or_default();
                posts.retain(|post| !known.contains(&post.key.native));
                FromStorekeeper::NewPosts { ticket, posts }
            }
            ToStorekeeper::StorePosts { ticket, account, posts } => {
                let known = self.database.entry(account.key).or_default();
                known.extend(posts.into_iter().map(|post| post.key.native));
                FromStorekeeper::Stored { ticket, counts }
            }
            ToStorekeeper::StoreCursor { ticket, account, end } => {
                let stored = self.database.get(&account.key);
                for post in &self.truth[&account.key] {
                    if matches!(end.cursor, Cursor::Window(window) if !window.holds(date_of(post))) {
                        continue;
                    }
                    assert!(
                        stored.is_some_and(|stored| stored.contains(post)),
                        "the cursor came before post {post}"
                    );
                }
                let unknown = AccountState::unknown(account.key.clone());
                let state = self.states.entry(account.key).or_insert(unknown);
                match end.cursor {
                    Cursor::Search(date) => {
                        state.search_cursor = date;
                        state.search_listed_at = date;
                    }
                    Cursor::Timeline(post) => {
                        state.timeline_cursor = post;
                        state.timeline_listed_at = Some(Timestamp(0));
                    }
                    Cursor::Window(window) => {
                        self.windows += 1;
                        let listed_at = Timestamp(self.wall.saturating_add(self.now as i64));
                        state.windows.push(CoveredWindow { window, listed_at });
                    }
                }
                FromStorekeeper::Stored { ticket, counts }
            }
            ToStorekeeper::Ask { ticket, question } => {
                let answer = match question {
                    Question::AccountStates(keys) => {
                        let state = |key: AccountKey| {
                            self.states.get(&key).cloned().unwrap_or(AccountState::unknown(key))
                        };
                        Answer::AccountStates(keys.into_iter().map(state).collect())
                    }
                    Question::StoredPosts { account, .. } => {
                        let stored = self.database.get(&account).into_iter().flatten().zip(1..);
                        let told =
                            stored.map(|(post, image)| (ImageId(image), post.clone(), Some(date_of(post))));
                        Answer::StoredPosts(told.collect())
                    }
                    Question::PostAuthors(posts) => {
                        let author = |post: PostKey| {
                            let mut authors =
                                self.database.iter().filter(|(_, posts)| posts.contains(&post.native));
                            let (key, _) = authors.next()?;
                            Some((post, Account { key: key.clone(), handle: "a".into(), posts: None }))
                        };
                        Answer::PostAuthors(posts.into_iter().filter_map(author).collect())
                    }
                    Question::KeepWatch(watch) => {
                        self.watches.insert(watch.id, *watch);
                        Answer::Done
                    }
                    Question::EndWatch(id) => {
                        self.watches.remove(&id);
                        Answer::Done
                    }
                    Question::Feed { accounts, skip } => {
                        let entries: Vec<FeedEntry> = self.feed(&accounts);
                        let skip = usize::try_from(skip).unwrap();
                        let more = entries.len() > skip + 5;
                        Answer::Feed { entries: entries.into_iter().skip(skip).take(5).collect(), more }
                    }
                    other => Answer::Unavailable(format!("{other:?}")),
                };
                FromStorekeeper::Answered { ticket, answer }
            }
            ToStorekeeper::Journal { ticket, entry } => {
                match entry {
                    JournalEntry::Accepted { key, request } => self.journal.insert(key, request),
                    JournalEntry::Ended { key } => self.journal.remove(&key),
                    JournalEntry::EndedWith { key, deliveries } => {
                        for delivery in deliveries {
                            let key = JournalEntry::delivery_key(&delivery);
                            self.journal.insert(key, AcceptedRequest::Delivery(Box::new(delivery)));
                        }
                        self.journal.remove(&key)
                    }
                };
                FromStorekeeper::Journaled { ticket }
            }
            ToStorekeeper::WantPosts { posts } => {
                assert!(posts.iter().all(lacks_an_image), "{posts:?}");
                return true;
            }
            ToStorekeeper::SettleWanted { posts } => {
                for post in posts {
                    let is_open = post.native.parse::<u64>().unwrap() % 4 != 0 && lacks_an_image(&post);
                    assert!(!is_open, "{} lacks an image still", post.native);
                    match post.native.parse::<u64>().unwrap() % 4 {
                        0 => {}
                        1 => panic!("{} is forgotten although nobody knows what it is", post.native),
                        _ => {
                            let stored = self.database.get(&author_of_wanted());
                            let is_stored = stored.is_some_and(|stored| stored.contains(&post.native));
                            assert!(is_stored, "{} is forgotten before it is stored", post.native);
                        }
                    }
                    self.settled.insert(post);
                }
                return true;
            }
            ToStorekeeper::RemovePosts { ticket, .. } => {
                let counts = StoreCounts::default();
                FromStorekeeper::Removed { ticket, removal: Default::default(), counts }
            }
            // Nobody wishes anything here.
            ToStorekeeper::Forget { .. }
            | ToStorekeeper::Lift { .. }
            | ToStorekeeper::ForgetNotes { .. }
            | ToStorekeeper::CountUse { .. }
            | ToStorekeeper::CountReads { .. }
            | ToStorekeeper::NoteResult { .. }
            | ToStorekeeper::NotePage { .. }
            | ToStorekeeper::Stop => {
                return true;
            }
        };
        self.tell(Event::FromStore(answer));
        true
    }

    fn fault(&mut self) {
        if self.rng.u8(..) < 16 {
            return self.kill_the_broker();
        }
        match self.rng.u8(0..5) {
            4 => {
                // By seconds, days, decades; once in a while as far as it goes.
                let far = [1000, 86_400_000 * 3, 86_400_000 * 9000, i64::MAX / 2][self.rng.usize(..4)];
                self.wall = self.rng.i64(-far..=far).max(-far);
                self.tell(Event::Tick);
            }
            0 => {
                let ids: Vec<_> = self.containers.keys().copied().collect();
                let id = ids[self.rng.usize(..ids.len())];
                let (role, _) = self.containers.remove(&id).unwrap();
                self.late.retain(|(container, _, _)| *container != id);
                self.tell(Event::StageLost(id));
                self.start_container(role);
            }
            1 => {
                self.now += self.rng.u64(0..200_000);
                self.tell(Event::Tick);
            }
            2 => self.wake_a_late_worker(),
            _ => {
                let ids: Vec<_> = self.containers.keys().copied().collect();
                let id = ids[self.rng.usize(..ids.len())];
                let nonsense = StageToBroker::Doing { lease: LeaseId(self.rng.u64(..50)), what: "w".into() };
                self.tell(Event::FromStage(id, nonsense));
            }
        }
    }

    /// The broker's process is killed between any two events: what the storekeeper had not written is lost,
    /// what it had is found by the successor, which the containers turn to.
    fn kill_the_broker(&mut self) {
        for _ in 0..self.rng.usize(..=self.store.len()) {
            // Written, but nobody is left to be told.
            self.store_acts_for_nobody();
        }
        // Whoever was told that a query is under way finds it again.
        for view in self.last_views.values().filter(|view| view.subject.starts_with("https://")) {
            let query = self.state.queries.get(&view.query);
            let under_way = query.is_some_and(Query::is_live);
            let written = |request: &AcceptedRequest| match request {
                AcceptedRequest::Query { url, .. } => !view.wanted.is_artist() && *url == view.subject,
                AcceptedRequest::Artist { url, .. } => view.wanted.is_artist() && *url == view.subject,
                _ => false,
            };
            assert!(
                !under_way || self.journal.values().any(written),
                "{} was accepted and is lost",
                view.subject
            );
        }
        // And what was said to be cancelled does not come back by itself.
        for (public_id, query) in &self.cancelled {
            let is_asked_anew =
                |(id, other): (&QueryId, &Query)| id != query && other.head.public_id == *public_id;
            assert!(
                self.state.queries.iter().any(is_asked_anew)
                    || !self.journal.keys().any(|key| query_key::public_id(key) == *public_id),
                "{public_id} was cancelled and comes back"
            );
        }
        self.cancelled.clear();
        self.store.clear();
        self.asked.clear();
        self.blobs.clear();
        self.queries.clear();
        self.last_views.clear();
        self.late.clear();
        self.brokers += 1;
        let now = self.now();
        // Identifiers of the dead one are not used again.
        self.policy.salt = self.policy.salt.wrapping_add(self.brokers);
        self.state = State::new(self.policy.clone(), now);
        let unfinished = self.journal.values().cloned().collect();
        let opened = FromStorekeeper::Opened {
            counts: StoreCounts::default(),
            unfinished,
            ledger: Default::default(),
            index: IndexProgress::default(),
            marks: Vec::new(),
            removals_left: Vec::new(),
            watches: self.watches.values().cloned().collect(),
        };
        self.tell(Event::FromStore(opened));
        let roles: Vec<Role> = self.containers.values().map(|(role, _)| *role).collect();
        self.containers.clear();
        for role in roles {
            self.start_container(role);
        }
    }

    /// As `store_acts`, but the answer is not heard.
    fn store_acts_for_nobody(&mut self) {
        match self.store.pop_front() {
            Some(ToStorekeeper::StorePosts { account, posts, .. }) => {
                let known = self.database.entry(account.key).or_default();
                known.extend(posts.into_iter().map(|post| post.key.native));
            }
            Some(ToStorekeeper::Journal { entry: JournalEntry::Accepted { key, request }, .. }) => {
                self.journal.insert(key, request);
            }
            Some(ToStorekeeper::Journal { entry: JournalEntry::Ended { key }, .. }) => {
                self.journal.remove(&key);
            }
            Some(ToStorekeeper::Journal { entry: JournalEntry::EndedWith { key, deliveries }, .. }) => {
                for delivery in deliveries {
                    let key = JournalEntry::delivery_key(&delivery);
                    self.journal.insert(key, AcceptedRequest::Delivery(Box::new(delivery)));
                }
                self.journal.remove(&key);
            }
            Some(_) | None => {}
        }
    }

    /// A worker whose lease was revoked reports at last.
    fn wake_a_late_worker(&mut self) {
        if let Some((container, lease, _)) = self.late.pop() {
            let outcome = LeaseOutcome::Retry { after_ms: 1, why: "late".into() };
            self.tell(Event::FromStage(
                container,
                StageToBroker::Report { lease, outcome, elapsed_micros: 1 },
            ));
        }
    }

    /// Without further faults everything comes to its end.
    fn come_to_rest(&mut self) {
        self.faults = false;
        for _ in 0..200_000 {
            let moved = self.store_acts() | self.worker_acts();
            if moved {
                continue;
            }
            self.wake_a_late_worker();
            if self.unfinished().is_empty() && self.asked.is_empty() && self.store.is_empty() {
                return;
            }
            // Silent workers are only found out by the time that passes.
            let next = self.state.next_wake().expect("work is left but nothing will ever happen").0;
            self.now = self.now.max(next);
            self.tell(Event::Tick);
        }
        panic!("not at rest: {:?}, unanswered {:?}", self.unfinished(), self.asked);
    }

    fn unfinished(&self) -> Vec<QueryId> {
        let live = self.state.queries.iter().filter(|(_, query)| query.is_live());
        let mut unfinished: Vec<_> = live.map(|(id, _)| *id).collect();
        unfinished.extend((self.state.deliveries > 0).then_some(QueryId(0)));
        let watched = self.state.watches.after(None);
        let is_told_more = |one: &&Watched| one.telling != Telling::Idle || one.news_due.is_some();
        unfinished.extend(watched.filter(is_told_more).map(|_| QueryId(0)));
        unfinished.extend(self.state.running_scans.values().map(|scan| QueryId(scan.0)));
        unfinished
    }
}

const DAY: Duration = Duration::from_secs(86_400);

/// So long before the world began.
fn day(days: u32) -> Timestamp {
    Timestamp(0).minus(DAY * days)
}

/// When a post of the truth was published: one a day, the first one last.
fn date_of(post: &str) -> Timestamp {
    day(post.get(1..).and_then(|number| number.parse().ok()).unwrap_or_default())
}

/// A post of one image, beside which another is missing in some.
fn listed(key: PostKey) -> ListedPost {
    let image = Place::Image(ListedImage::new("n", "u"));
    let other = if lacks_an_image(&key) { Place::Missing } else { Place::Other };
    ListedPost::of(key, None, [image, other]).expect("it has an image")
}

fn lacks_an_image(post: &PostKey) -> bool {
    post.native.ends_with('3')
}

/// Nobody else has this account.
fn author_of_wanted() -> AccountKey {
    AccountKey::new(Network::Twitter, "99")
}

fn run(seed: u64, events: usize) -> World {
    let mut world = World::new(seed);
    for _ in 0..events {
        world.now += world.rng.u64(0..50);
        match world.rng.u8(0..100) {
            0..10 => world.user_acts(),
            10..14 => world.fault(),
            14..50 => {
                world.store_acts();
            }
            _ => {
                world.worker_acts();
            }
        }
    }
    world.come_to_rest();
    world
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn no_order_of_events_loses_or_hangs_a_request(seed: u64, events in 0usize..3000) {
        let world = run(seed, events);
        prop_assert!(world.journal.is_empty(), "left in the journal: {:?}", world.journal);
        prop_assert!(world.blobs.is_empty(), "bytes kept for nobody: {:?}", world.blobs);
        prop_assert_eq!(world.state.room.total(), 0);
        prop_assert_eq!(world.state.deliveries, 0);
        prop_assert!(world.state.held_pages.is_empty());
        prop_assert!(world.state.pending.is_empty(), "awaited for ever: {:?}", world.state.pending);
        // What webhooks have not heard of a watch they hear no more: it was stored before what they heard
        // last.
        for watch in world.watches.values().filter(|watch| watch.webhook.is_some()) {
            let accounts: Vec<AccountKey> =
                watch.accounts.iter().map(|account| account.key.clone()).collect();
            let last = world.feed(&accounts).into_iter().map(|entry| entry.changed).max();
            prop_assert!(last.is_none_or(|last| watch.told >= last), "{watch:?}");
        }
        if !world.listing_failed {
            for (account, state) in &world.states {
                if state.scanned_at().is_some() {
                    let stored = world.database.get(account).map_or(0, HashSet::len);
                    prop_assert_eq!(stored, world.truth[account].len());
                }
            }
        }
    }
}

/// Many long lives with fixed seeds: a change of what happens shows as a failure that comes back.
#[test]
fn a_million_events_lose_nothing() {
    let lives = |seeds: std::ops::Range<u64>, events: u64| {
        let (mut done, mut brokers) = (0, 0);
        for seed in seeds {
            let world = run(0x5eed << 32 | seed, 3000);
            assert!(world.journal.is_empty(), "seed {seed}: left in the journal: {:?}", world.journal);
            assert!(world.state.pending.is_empty(), "seed {seed}: awaited for ever");
            assert_eq!(world.state.room.total(), 0, "seed {seed}");
            done += world.events;
            brokers += world.brokers;
            if done >= events {
                break;
            }
        }
        (done, brokers)
    };
    let halves = std::thread::scope(|scope| {
        let other = scope.spawn(|| lives(1 << 16..2 << 16, 500_000));
        [lives(0..1 << 16, 500_000), other.join().unwrap()]
    });
    let events: u64 = halves.iter().map(|(events, _)| events).sum();
    let brokers: u64 = halves.iter().map(|(_, brokers)| brokers).sum();
    assert!(events >= 1_000_000 && brokers > 1000, "{events} events, {brokers} brokers");
}

/// The simulation reaches the states it is meant to shake.
#[test]
fn the_simulation_covers_what_matters() {
    let mut ended_well = 0;
    let mut artists = 0;
    let mut results = 0;
    let mut delivered = 0;
    let (mut watched, mut told) = (0, 0);
    let mut settled = 0;
    let mut paused = 0;
    let mut windows = 0;
    let mut named = 0;
    let mut cancelled_scans = 0;
    let mut errors = HashSet::new();
    for seed in 0..150 {
        let world = run(seed, 2000);
        for query in world.last_views.values() {
            ended_well += usize::from(query.error.is_none() && query.status == QueryStatus::End);
            artists += usize::from(query.wanted.is_artist() && query.status == QueryStatus::End);
            results += query.results.len();
            named += query.named_posts.len();
            errors.extend(query.error.map(|code| code.as_str()));
        }
        delivered += world.delivered.len();
        watched += world.watches.values().filter(|watch| !watch.accounts.is_empty()).count();
        told += world.told.len();
        settled += world.settled.len();
        paused += world.paused;
        windows += world.windows;
        cancelled_scans += world.cancelled_scans;
    }
    assert!(cancelled_scans > 50, "{cancelled_scans}");
    assert!(paused > 100, "{paused}");
    assert!(windows > 100, "{windows}");
    eprintln!("{named} named posts");
    assert!(ended_well > 50, "{ended_well}");
    assert!(artists > 50, "{artists}");
    assert!(results > 1000, "{results}");
    assert!(delivered > 50, "{delivered}");
    assert!(watched > 50 && told > 50, "{watched} {told}");
    assert!(settled > 20, "{settled}");
    for code in
        ["NOT_AN_URL", "NO_TWITTER_ACCOUNT_FOUND", "PROCESSING_ERROR", "INVALID_TWITTER_ACCOUNT", "CANCELLED"]
    {
        assert!(errors.contains(code), "{code} never happened: {errors:?}");
    }
}
