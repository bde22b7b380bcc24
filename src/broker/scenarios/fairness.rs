//! What one client or one account has going delays nobody else.

use std::collections::{HashMap, VecDeque};

use crate::base::Timestamp;
use crate::base::clock::Monotonic;
use crate::base::ids::{AccountKey, AskId, ContainerId, LeaseId, Network, Networks, PostKey, ScanId};
use crate::base::roles::{Role, Stage};
use crate::broker::books::items::MAX_LISTING_FAILURES;
use crate::broker::books::party::Party;
use crate::broker::books::scan::ScanOutcome;
use crate::broker::rules::scans;
use crate::broker::state::State;
use crate::broker::turn::Turn;
use crate::broker::vocabulary::{Effect, Event, Now, Policy};
use crate::domain::accounts::{Account, AccountState};
use crate::domain::images::StoreCounts;
use crate::domain::posts::{ImageState, IndexedImage, IndexedPost, ListedImage, ListedPost};
use crate::domain::scans::{Coverage, Cursor, Hold, ListingEnd, ListingPlace, Priority, Reach};
use crate::proto::front::{Client, FrontQuestion};
use crate::proto::stage::{BrokerToStage, StageToBroker};
use crate::proto::work::{LeaseOutcome, StageOutput, Work};
use crate::storekeeper::orders::{FromStorekeeper, ToStorekeeper};

const FRONT: ContainerId = ContainerId(9);
const FINDER: ContainerId = ContainerId(4);
const LISTING: ContainerId = ContainerId(5);
const INDEXING: ContainerId = ContainerId(6);
const WORKERS: usize = 4;
const PAGE: usize = 40;

/// A broker whose workers and storekeeper do at once what they are given; but posts of an endless account are
/// indexed only when that is allowed.
struct World {
    state: State,
    now: u64,
    todo: VecDeque<Effect>,
    images_come: bool,
    /// Indexing of endless accounts that is under way.
    stuck: Vec<(LeaseId, Work)>,
    /// By account, where its listing was taken up, each time.
    turns: HashMap<String, Vec<u32>>,
    /// Pages that were asked for links.
    pages: Vec<String>,
}

impl World {
    fn new() -> World {
        let policy = Policy { max_pending_posts: 400, max_processing_requests_per_ip: 10, ..Policy::plain() };
        let state = State::new(policy, Now { mono: Monotonic(0), wall: Timestamp(0) });
        let mut world = World {
            state,
            now: 0,
            todo: VecDeque::new(),
            images_come: false,
            stuck: Vec::new(),
            turns: HashMap::new(),
            pages: Vec::new(),
        };
        for (id, role, stage) in [
            (FINDER, Role::LinkFinder, Stage::LinkFinder),
            (LISTING, Role::Listing, Stage::SearchListing),
            (INDEXING, Role::Indexing, Stage::Indexing),
        ] {
            let workers = vec![vec![stage]; WORKERS];
            world.tell(id, StageToBroker::Hello { role, pid: 1, workers });
            for worker in 0..WORKERS {
                world.tell(id, StageToBroker::Ready { worker: worker as u16 });
            }
        }
        world
    }

    fn handle(&mut self, event: Event) {
        let mut effects = Vec::new();
        let now = Now { mono: Monotonic(self.now), wall: Timestamp(0) };
        self.state.handle(event, now, &mut effects);
        self.todo.extend(effects);
    }

    fn tell(&mut self, from: ContainerId, message: StageToBroker) {
        self.handle(Event::FromStage(from, message));
    }

    fn report(&mut self, from: ContainerId, lease: LeaseId, outcome: LeaseOutcome) {
        self.tell(from, StageToBroker::Report { lease, outcome, elapsed_micros: 1 });
    }

    /// The scan of an account for this client; one whose name begins with `endless` never ends.
    fn scan(&mut self, client: &str, name: &str) -> ScanId {
        let key = AccountKey::new(Network::Mastodon, name);
        let account = Account { key: key.clone(), handle: name.to_owned(), posts: None };
        let mut effects = Vec::new();
        let now = Now { mono: Monotonic(self.now), wall: Timestamp(0) };
        let turn = &mut Turn { state: &mut self.state, now, effects: &mut effects };
        let id = scans::start(turn, account, AccountState::unknown(key), Reach::Whole, Priority::User, None);
        self.todo.extend(effects);
        self.state.share_scan(id, &Party::Address(client.to_owned()));
        self.handle(Event::Tick);
        id
    }

    /// Until nobody has anything to do.
    fn settle(&mut self) {
        for _ in 0..100_000 {
            match self.todo.pop_front() {
                Some(Effect::ToStage { to, message, .. }) => self.work(to, message),
                Some(Effect::ToStore(order)) => self.store(order),
                Some(_) => {}
                None => return,
            }
        }
        panic!("no end");
    }

    fn work(&mut self, to: ContainerId, message: BrokerToStage) {
        match message {
            BrokerToStage::Lease { lease, work: Work::ListPosts { account, place, .. }, .. } => {
                let from = place.map_or(0, |place| place.pages);
                self.turns.entry(account.handle.clone()).or_default().push(from);
                self.page(lease, &account.handle, from);
            }
            BrokerToStage::PageAccepted { lease } => {
                let Some(held) = self.state.leases.held(lease, LISTING) else { return };
                let Work::ListPosts { account, place, .. } = &held.item.work else { return };
                match place {
                    Some(place) => {
                        let (name, from) = (account.handle.clone(), place.pages);
                        self.page(lease, &name, from);
                    }
                    None => {
                        let end = ListingEnd {
                            cursor: Cursor::Search(Some(Timestamp(1))),
                            newest: None,
                            oldest: None,
                            coverage: Coverage::Complete,
                            posts_read: 1,
                            media: None,
                        };
                        self.report(LISTING, lease, LeaseOutcome::Done(StageOutput::Listed(end)));
                    }
                }
            }
            BrokerToStage::PageHeld { lease } => self.report(LISTING, lease, LeaseOutcome::Paused),
            BrokerToStage::Lease { lease, work, .. } if to == INDEXING => {
                let Work::IndexPosts { account, .. } = &work else { panic!("{work:?}") };
                match account.handle.starts_with("endless") && !self.images_come {
                    true => self.stuck.push((lease, work)),
                    false => self.index(lease, work),
                }
            }
            BrokerToStage::Lease { work: Work::FindLinks { url, .. }, .. } => self.pages.push(url),
            _ => {}
        }
    }

    fn page(&mut self, lease: LeaseId, name: &str, number: u32) {
        let is_endless = name.starts_with("endless");
        let posts = (0..if is_endless { PAGE } else { 3 }).map(|post| {
            let key = PostKey::new(Network::Mastodon, format!("{name}/{number}/{post}"));
            ListedPost::of_images(key, None, [ListedImage::new("n", "u")]).unwrap()
        });
        let posts = posts.collect();
        let hold = match is_endless {
            true => Hold::At(Box::new(ListingPlace { pages: number + 1, ..ListingPlace::default() })),
            false => Hold::Never,
        };
        self.tell(LISTING, StageToBroker::Page { lease, posts, hold });
    }

    fn index(&mut self, lease: LeaseId, work: Work) {
        let Work::IndexPosts { posts, .. } = work else { panic!("{work:?}") };
        let lost = || IndexedImage::new("n", ImageState::Lost);
        let indexed = posts.into_iter().map(|post| IndexedPost::of_images(post.key, None, [lost()]));
        self.report(INDEXING, lease, LeaseOutcome::Done(StageOutput::Indexed(indexed.collect())));
    }

    fn store(&mut self, order: ToStorekeeper) {
        let counts = StoreCounts::default();
        let done = match order {
            ToStorekeeper::FilterNew { ticket, posts, .. } => FromStorekeeper::NewPosts { ticket, posts },
            ToStorekeeper::StorePosts { ticket, .. } | ToStorekeeper::StoreCursor { ticket, .. } => {
                FromStorekeeper::Stored { ticket, counts }
            }
            ToStorekeeper::Journal { ticket, .. } if ticket.0 > 0 => FromStorekeeper::Journaled { ticket },
            _ => return,
        };
        self.handle(Event::FromStore(done));
    }

    fn ask(&mut self, client: &str, number: u64) {
        let question = FrontQuestion::Query {
            url: format!("https://{client}.example/{number}"),
            client: Client::Limited { key: client.to_owned() },
            whole: false,
            webhook: None,
            networks: Networks::default(),
        };
        self.handle(Event::FrontAsked { front: FRONT, ask: AskId(number), question, blob: None });
        self.settle();
    }
}

#[test]
fn endless_accounts_leave_their_workers_and_room_for_others() {
    let mut world = World::new();
    for number in 0..10 {
        world.scan("hostile", &format!("endless{number}"));
    }
    world.settle();
    assert_eq!(world.state.registry.ready_for(Stage::SearchListing), WORKERS, "no worker waits with them");
    let waiting = world.state.room.total();
    assert!((400..400 + WORKERS * PAGE).contains(&waiting), "{waiting} posts wait");
    assert_eq!(world.stuck.len(), WORKERS / 2);
    // A quarter of the room each, in whole pages.
    assert_eq!(world.turns.len(), 4);

    let honest = world.scan("honest", "artist");
    world.settle();
    assert_eq!(world.state.scans[&honest].outcome(), Some(&ScanOutcome::Done));
    assert_eq!(world.stuck.len(), WORKERS / 2, "nothing of the others has moved");

    // Their images come, slowly: they go on where they were left, and all have turns.
    world.now += 60_000;
    for _ in 0..200 {
        let Some((lease, work)) = world.stuck.pop() else { break };
        world.index(lease, work);
        world.settle();
    }
    let endless = world.turns.keys().filter(|name| name.starts_with("endless"));
    assert_eq!(endless.count(), 10);
    for (name, turns) in &world.turns {
        assert_eq!(turns[0], 0);
        assert!(turns.is_sorted() && turns.iter().skip(1).all(|page| *page > 0), "{name}: {turns:?}");
    }
    assert!(world.turns.values().any(|turns| turns.len() > 1), "{:?}", world.turns);
}

/// Pages without a single image take no room, and yet their listing does not keep its worker.
#[test]
fn a_listing_leaves_its_worker_after_its_turn() {
    let mut world = World::new();
    let key = |name: &str| AccountKey::new(Network::Mastodon, name);
    // All workers list, each for another client, and one more waits.
    for number in 0..=WORKERS {
        let name = format!("silent{number}");
        let account = Account { key: key(&name), handle: name.clone(), posts: None };
        let now = Now { mono: Monotonic(0), wall: Timestamp(0) };
        let turn = &mut Turn { state: &mut world.state, now, effects: &mut Vec::new() };
        let id = scans::start(
            turn,
            account,
            AccountState::unknown(key(&name)),
            Reach::Whole,
            Priority::User,
            None,
        );
        world.state.share_scan(id, &Party::Address(name));
        world.handle(Event::Tick);
    }
    let (lease, owner) =
        world.state.leases.iter().map(|(id, lease)| (id, lease.item.owner.clone())).next().unwrap();
    world.todo.clear();
    let page = |world: &mut World, now: u64| {
        world.now = now;
        let place = ListingPlace { next: "p".into(), pages: 1, ..ListingPlace::default() };
        let hold = Hold::At(Box::new(place));
        world.tell(LISTING, StageToBroker::Page { lease, posts: vec![], hold });
        while let Some(effect) = world.todo.pop_front() {
            match effect {
                Effect::ToStore(order) => world.store(order),
                Effect::ToStage { message: BrokerToStage::PageAccepted { .. }, .. } => return true,
                Effect::ToStage { message: BrokerToStage::PageHeld { .. }, .. } => return false,
                _ => {}
            }
        }
        panic!("no answer to a page");
    };
    assert!(page(&mut world, 5_000));
    assert!(!page(&mut world, 11_000));
    world.report(LISTING, lease, LeaseOutcome::Paused);
    let leased: Vec<_> = world.state.leases.iter().map(|(_, lease)| lease.item.owner.clone()).collect();
    assert_eq!(leased.len(), WORKERS);
    assert!(!leased.contains(&owner), "it waits for its next turn");
}

#[test]
fn many_queries_of_one_client_leave_half_of_the_workers() {
    let mut world = World::new();
    for number in 0..10 {
        world.ask("hostile", number);
    }
    assert_eq!(world.pages.len(), WORKERS / 2);
    world.ask("honest", 100);
    assert_eq!(world.pages.last().unwrap(), "https://honest.example/100");
    world.ask("another", 101);
    assert_eq!(world.pages.last().unwrap(), "https://another.example/101");
    assert_eq!(world.pages.len(), WORKERS);
}

#[test]
fn a_scan_takes_the_share_of_the_client_with_less_to_do() {
    let mut world = World::new();
    let artist = world.scan("hostile", "endless0");
    for number in 1..5 {
        world.scan("hostile", &format!("endless{number}"));
    }
    world.settle();
    let party = |world: &World| world.state.scans[&artist].head.party.clone();
    let (hostile, honest) = (Party::Address("hostile".into()), Party::Address("honest".into()));
    assert_eq!(party(&world), hostile);
    let (before, mine) = (world.state.room.of(&hostile), world.state.scans[&artist].running().unwrap());
    let mine = mine.posts_waiting();
    assert!(mine > 0);
    world.state.share_scan(artist, &honest);
    assert_eq!(party(&world), honest);
    assert_eq!((world.state.room.of(&hostile), world.state.room.of(&honest)), (before - mine, mine));
    // Whoever has more going cannot take it back.
    world.state.share_scan(artist, &hostile);
    assert_eq!(party(&world), honest);
}

/// A server that gives a page now and then, and fails in between, ends its listing at last: what was listed
/// counts.
#[test]
fn a_listing_that_fails_again_and_again_ends_where_it_is() {
    let mut world = World::new();
    let id = world.scan("hostile", "flaky");
    let mut turns = 0;
    let mut stored = None;
    while world.state.scans[&id].outcome().is_none() {
        while let Some(effect) = world.todo.pop_front() {
            match effect {
                Effect::ToStore(order) => {
                    if let ToStorekeeper::StoreCursor { end, .. } = &order {
                        stored = Some(end.clone());
                    }
                    world.store(order);
                }
                Effect::ToStage {
                    message: BrokerToStage::Lease { lease, work: Work::ListPosts { place, .. }, .. },
                    ..
                } => {
                    turns += 1;
                    assert!(turns <= MAX_LISTING_FAILURES + 1, "no end");
                    // Once it does not come further, and begins anew.
                    let is_stuck = turns == 50;
                    let pages = place.map_or(0, |place| place.pages) + 1;
                    let place = ListingPlace {
                        next: "p".to_owned(),
                        pages,
                        posts_read: 40 * u64::from(pages),
                        newest: Some(Timestamp(7)),
                        ..ListingPlace::default()
                    };
                    if !is_stuck {
                        let hold = Hold::At(Box::new(place));
                        world.tell(LISTING, StageToBroker::Page { lease, posts: vec![], hold });
                    }
                    let why = "status 500".to_owned();
                    world.report(LISTING, lease, LeaseOutcome::Retry { after_ms: 5000, why });
                }
                _ => {}
            }
        }
        world.now += 5001;
        world.handle(Event::Tick);
    }
    assert_eq!(world.state.scans[&id].outcome(), Some(&ScanOutcome::Done));
    assert_eq!(turns, MAX_LISTING_FAILURES + 1);
    let end = stored.unwrap();
    assert_eq!(end.cursor, Cursor::Search(Some(Timestamp(7))));
    // The 51 pages of the second time are more than the 49 of the first.
    assert_eq!((end.coverage, end.posts_read), (Coverage::LimitedTo(51 * 40), 51 * 40));
}
