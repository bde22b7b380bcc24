//! Posts and listings that kill their workers are given up, also when brokers end in between.

use std::collections::VecDeque;

use crate::base::Timestamp;
use crate::base::clock::Monotonic;
use crate::base::ids::{AccountKey, ContainerId, LeaseId, Network, PostKey};
use crate::base::roles::{Role, Stage};
use crate::broker::books::items::MAX_DEATHS;
use crate::broker::books::scan::ScanOutcome;
use crate::broker::state::State;
use crate::broker::vocabulary::{Effect, Event, Now, Policy};
use crate::domain::accounts::{Account, AccountState};
use crate::domain::failure::FailureCode;
use crate::domain::images::{IndexProgress, StoreCounts};
use crate::domain::posts::{ImageState, IndexedImage, IndexedPost, ListedImage, ListedPost};
use crate::domain::scans::{Coverage, Cursor, Hold, ListingEnd, Priority, Reach, ScanDeaths};
use crate::proto::stage::{Answer, BrokerToStage, Question, StageToBroker};
use crate::proto::work::{LeaseOutcome, StageOutput, Work};
use crate::storekeeper::orders::{AcceptedRequest, FromStorekeeper, JournalEntry, ToStorekeeper};

const LISTING: u32 = 1000;
const INDEXING: u32 = 2000;
const POSTS: usize = 12;

/// What kills the worker that gets it.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Poison {
    Listing,
    /// One of the posts.
    Post,
}

/// A broker that goes on with one scan, and a process of each kind, which is replaced when it dies.
struct World {
    state: State,
    now: u64,
    poison: Poison,
    todo: VecDeque<Effect>,
    /// The process of each kind now.
    processes: [u32; 2],
    deaths: u32,
    /// The broker ends with this death; what it has written down by then is all that is left.
    ends_with: u32,
    /// What the journal says of the scan now.
    journal: Option<AcceptedRequest>,
    stored: Vec<IndexedPost>,
}

fn artist() -> Account {
    let key = AccountKey::new(Network::Mastodon, "artist");
    Account { key, handle: "artist".to_owned(), posts: None }
}

fn accepted() -> AcceptedRequest {
    let (account, priority) = (artist(), Priority::User);
    AcceptedRequest::Scan {
        account,
        reach: Reach::Whole,
        priority,
        searched: None,
        deaths: ScanDeaths::default(),
    }
}

impl World {
    /// Until nothing is left to do, with what a broker before this one has left.
    fn run(poison: Poison, ends_with: u32, left: AcceptedRequest) -> World {
        let state = State::new(Policy::plain(), Now { mono: Monotonic(0), wall: Timestamp(0) });
        let mut world = World {
            state,
            now: 0,
            poison,
            todo: VecDeque::new(),
            processes: [LISTING, INDEXING],
            deaths: 0,
            ends_with,
            journal: None,
            stored: Vec::new(),
        };
        world.handle(Event::FromStore(FromStorekeeper::Opened {
            counts: StoreCounts::default(),
            unfinished: vec![left],
            ledger: Default::default(),
            index: IndexProgress::default(),
            marks: Vec::new(),
            removals_left: Vec::new(),
            watches: Vec::new(),
        }));
        world.start(LISTING);
        world.start(INDEXING);
        for _ in 0..200 {
            world.settle();
            if world.deaths == ends_with {
                break;
            }
            world.now += 100;
            world.handle(Event::Tick);
        }
        world
    }

    fn start(&mut self, process: u32) {
        let (role, stage) = match process < INDEXING {
            true => (Role::Listing, Stage::SearchListing),
            false => (Role::Indexing, Stage::Indexing),
        };
        self.tell(process, StageToBroker::Hello { role, pid: 1, workers: vec![vec![stage]; 2] });
        for worker in 0..2 {
            self.tell(process, StageToBroker::Ready { worker });
        }
    }

    fn handle(&mut self, event: Event) {
        let mut effects = Vec::new();
        let now = Now { mono: Monotonic(self.now), wall: Timestamp(0) };
        self.state.handle(event, now, &mut effects);
        self.todo.extend(effects);
    }

    fn tell(&mut self, from: u32, message: StageToBroker) {
        self.handle(Event::FromStage(ContainerId(from), message));
    }

    fn settle(&mut self) {
        while let Some(effect) = self.todo.pop_front() {
            match effect {
                Effect::ToStore(order @ ToStorekeeper::Journal { .. }) => self.store(order),
                _ if self.deaths == self.ends_with => {}
                // What was sent to a process that died meanwhile is lost.
                Effect::ToStage { to, message, .. } if self.processes.contains(&to.0) => {
                    self.work(to.0, message);
                }
                Effect::ToStore(order) => self.store(order),
                Effect::Contradiction(what) => panic!("{what}"),
                _ => {}
            }
        }
    }

    fn work(&mut self, to: u32, message: BrokerToStage) {
        let is_poison = |post: &ListedPost| post.key.native == "poison";
        match message {
            BrokerToStage::Lease { work: Work::ListPosts { .. }, .. } if self.poison == Poison::Listing => {
                self.die(to);
            }
            BrokerToStage::Lease { work: Work::IndexPosts { posts, .. }, .. }
                if posts.iter().any(is_poison) && self.poison == Poison::Post =>
            {
                self.die(to);
            }
            BrokerToStage::Lease { lease, work: Work::ListPosts { .. }, .. } => {
                let name = |number: usize| if number == 5 { "poison".to_owned() } else { number.to_string() };
                let posts = (0..POSTS).map(|number| {
                    let key = PostKey::new(Network::Mastodon, name(number));
                    ListedPost::of_images(key, None, [ListedImage::new("n", "u")]).unwrap()
                });
                let posts = posts.collect();
                self.tell(to, StageToBroker::Page { lease, posts, hold: Hold::Never });
            }
            BrokerToStage::PageAccepted { lease } => {
                let cursor = Cursor::Search(Some(Timestamp(1)));
                let (newest, oldest, coverage) = (None, None, Coverage::Complete);
                let end =
                    ListingEnd { cursor, newest, oldest, coverage, posts_read: POSTS as u64, media: None };
                self.report(to, lease, StageOutput::Listed(end));
            }
            BrokerToStage::Lease { lease, work: Work::IndexPosts { posts, .. }, .. } => {
                let lost = || IndexedImage::new("n", ImageState::Lost);
                let indexed = posts.into_iter().map(|post| IndexedPost::of_images(post.key, None, [lost()]));
                self.report(to, lease, StageOutput::Indexed(indexed.collect()));
            }
            _ => {}
        }
    }

    fn die(&mut self, process: u32) {
        self.deaths += 1;
        self.processes = self.processes.map(|known| known + u32::from(known == process));
        self.handle(Event::StageLost(ContainerId(process)));
        self.start(process + 1);
    }

    fn report(&mut self, from: u32, lease: LeaseId, output: StageOutput) {
        let outcome = LeaseOutcome::Done(output);
        self.tell(from, StageToBroker::Report { lease, outcome, elapsed_micros: 1 });
    }

    fn store(&mut self, order: ToStorekeeper) {
        let counts = StoreCounts::default();
        let done = match order {
            ToStorekeeper::Ask { ticket, question: Question::AccountStates(keys) } => {
                let states = keys.into_iter().map(AccountState::unknown).collect();
                FromStorekeeper::Answered { ticket, answer: Answer::AccountStates(states) }
            }
            ToStorekeeper::FilterNew { ticket, posts, .. } => FromStorekeeper::NewPosts { ticket, posts },
            ToStorekeeper::StorePosts { ticket, posts, .. } => {
                self.stored.extend(posts);
                FromStorekeeper::Stored { ticket, counts }
            }
            ToStorekeeper::StoreCursor { ticket, .. } => FromStorekeeper::Stored { ticket, counts },
            ToStorekeeper::Journal { entry, .. } => {
                match entry {
                    JournalEntry::Accepted { request, .. } => self.journal = Some(request),
                    JournalEntry::Ended { .. } => self.journal = None,
                    other => panic!("{other:?}"),
                }
                return;
            }
            _ => return,
        };
        self.handle(Event::FromStore(done));
    }

    fn outcome(&self) -> Option<&ScanOutcome> {
        self.state.scans.values().find_map(|scan| scan.outcome())
    }
}

/// How many processes die over a scan in all, if the broker ends after each so many of the deaths; and the
/// last broker, with the end of it.
fn deaths_in_all(poison: Poison, ends_with: u32) -> (u32, World) {
    let (mut left, mut deaths) = (accepted(), 0);
    for _ in 0..10 {
        let world = World::run(poison, ends_with, left);
        deaths += world.deaths;
        match &world.journal {
            Some(request) => left = request.clone(),
            None => return (deaths, world),
        }
    }
    panic!("no broker comes to an end");
}

#[test]
fn a_post_that_kills_is_given_up_whatever_brokers_live_meanwhile() {
    for ends_with in [u32::MAX, 2, 1] {
        let (deaths, world) = deaths_in_all(Poison::Post, ends_with);
        assert_eq!(deaths, MAX_DEATHS, "ends with {ends_with}");
        assert_eq!(world.outcome(), Some(&ScanOutcome::Done));
        let given_up = |post: &&IndexedPost| {
            post.images.iter().any(|image| matches!(image.state, ImageState::Failed { .. }))
        };
        let names: Vec<_> = world.stored.iter().filter(given_up).map(|post| &post.key.native).collect();
        assert_eq!(names, ["poison"], "ends with {ends_with}");
        assert_eq!(world.stored.len(), POSTS);
    }
}

#[test]
fn a_listing_that_kills_is_given_up_whatever_brokers_live_meanwhile() {
    for ends_with in [u32::MAX, 2, 1] {
        let (deaths, world) = deaths_in_all(Poison::Listing, ends_with);
        assert_eq!(deaths, MAX_DEATHS, "ends with {ends_with}");
        let Some(ScanOutcome::Failed { code, .. }) = world.outcome() else { panic!("{:?}", world.outcome()) };
        assert_eq!(*code, FailureCode::ProcessingError);
    }
}

#[test]
fn posts_are_suspects_until_they_are_stored() {
    let world = World::run(Poison::Post, 1, accepted());
    let Some(AcceptedRequest::Scan { deaths, .. }) = &world.journal else { panic!("{:?}", world.journal) };
    assert_eq!((deaths.search, deaths.timeline), (0, 0));
    // The batch in which it was.
    assert_eq!(deaths.posts.len(), 8, "{deaths:?}");
    let world = World::run(Poison::Post, 1, world.journal.unwrap());
    let Some(AcceptedRequest::Scan { deaths, .. }) = &world.journal else { panic!("{:?}", world.journal) };
    let most = deaths.posts.iter().max_by_key(|(_, deaths)| *deaths);
    assert_eq!(most, Some(&("poison".to_owned(), 2)), "{deaths:?}");
}
