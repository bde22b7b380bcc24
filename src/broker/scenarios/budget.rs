//! No limit is passed, and what would pass it waits for the next day.

use std::time::Duration;

use crate::base::MicroUsd;
use crate::base::Timestamp;
use crate::base::clock::Monotonic;
use crate::base::ids::{AccountKey, AskId};
use crate::base::ids::{ContainerId, LeaseId, Network, Networks, ScanId};
use crate::base::roles::{Role, Stage};
use crate::broker::books::party::Party;
use crate::broker::rules::admission::waits_for_budget;
use crate::broker::rules::inspect::stats;
use crate::broker::rules::scans;
use crate::broker::state::State;
use crate::broker::turn::Turn;
use crate::broker::vocabulary::{Effect, Event, Now, Policy};
use crate::config::Budget;
use crate::domain::accounts::{Account, AccountState};
use crate::domain::failure::FailureCode;
use crate::domain::reads::PaidReads;
use crate::domain::reads::{Ledger, ReadCounts, ReadWish, Reserved, Resource};
use crate::domain::scans::{Priority, Reach};
use crate::proto::front::{BrokerToFront, Client, FrontAnswer, FrontQuestion};
use crate::proto::stage::{BrokerToStage, StageToBroker};
use crate::proto::view::SpendingView;
use crate::proto::work::Work;
use crate::storekeeper::orders::FromStorekeeper;

const LISTING: ContainerId = ContainerId(5);

struct Broker {
    state: State,
    now: Now,
}

impl Broker {
    /// At noon, with five dollars a day.
    fn new() -> Broker {
        let budget = Budget {
            daily: Some(MicroUsd::from_usd(5.0)),
            monthly: None,
            post_read: MicroUsd::from_usd(0.005),
            user_read: MicroUsd::from_usd(0.01),
        };
        let policy = Policy {
            max_processing_requests_per_ip: 1,
            budget: Some((Network::Twitter, budget)),
            ..Policy::plain()
        };
        let noon = Timestamp::parse_rfc3339("2026-05-15T12:00:00Z").unwrap();
        let now = Now { mono: Monotonic(0), wall: noon };
        let mut broker = Broker { state: State::new(policy, now), now };
        broker.join(LISTING);
        broker
    }

    fn join(&mut self, container: ContainerId) {
        let workers = vec![vec![Stage::SearchListing], vec![Stage::TimelineListing]];
        let hello = StageToBroker::Hello { role: Role::Listing, pid: 1, workers };
        self.handle(Event::FromStage(container, hello));
    }

    fn handle(&mut self, event: Event) -> Vec<Effect> {
        let mut effects = Vec::new();
        self.state.handle(event, self.now, &mut effects);
        effects
    }

    fn tell(&mut self, message: StageToBroker) -> Vec<Effect> {
        self.handle(Event::FromStage(LISTING, message))
    }

    /// Asks for the first scan of an account with so many posts.
    fn scan(&mut self, native: &str, posts: u64) -> ScanId {
        let key = AccountKey::new(Network::Twitter, native);
        let account = Account { key: key.clone(), handle: format!("a{native}"), posts: Some(posts) };
        let unknown = AccountState::unknown(key);
        let turn = &mut Turn { state: &mut self.state, now: self.now, effects: &mut Vec::new() };
        let id = scans::start(turn, account, unknown, Reach::Whole, Priority::User, None);
        // Each for another client, so that none waits for the end of another's.
        self.state.share_scan(id, &Party::Address(native.to_owned()));
        id
    }

    /// The listing worker's next lease.
    fn lease(&mut self) -> Option<(LeaseId, String)> {
        self.tell(StageToBroker::Ready { worker: 0 }).into_iter().find_map(|effect| match effect {
            Effect::ToStage {
                to: LISTING,
                message: BrokerToStage::Lease { lease, work: Work::ListPosts { account, .. }, .. },
                ..
            } => Some((lease, account.handle)),
            _ => None,
        })
    }

    /// Asks to read a page of search. What the worker is told by that, if it is told.
    fn reserve(&mut self, container: ContainerId, lease: LeaseId) -> Option<Reserved> {
        let wish = ReadWish { resource: Resource::Post, least: 10, most: 500 };
        let effects = self.handle(Event::FromStage(container, StageToBroker::Reserve { lease, wish }));
        told(effects).into_iter().find(|(told, _)| *told == lease).map(|(_, reserved)| reserved)
    }

    fn read(&mut self, container: ContainerId, lease: LeaseId, ids: Vec<u64>) -> Vec<Effect> {
        let reads = PaidReads { resource: Resource::Post, ids };
        self.handle(Event::FromStage(container, StageToBroker::Paid { lease, reads }))
    }

    fn billed(&mut self, posts: u64) {
        let today = ReadCounts { posts, users: 0 };
        let ledger = Ledger { day: self.now.wall.utc_day(), today, month: today };
        self.handle(Event::FromStore(FromStorekeeper::Billed { ledger, billed: vec![0] }));
    }

    /// Lets time pass on both clocks and sees what that does.
    fn pass(&mut self, time: Duration) -> Vec<Effect> {
        let mut effects = Vec::new();
        let end = self.now.mono.plus(time);
        while let Some(due) = self.state.next_wake().filter(|due| *due <= end) {
            let step = due.since(self.now.mono);
            self.now = Now { mono: due, wall: self.now.wall.plus(step) };
            effects.extend(self.handle(Event::Tick));
        }
        effects
    }

    fn spending(&self) -> SpendingView {
        stats(&self.state, self.now).spending
    }
}

#[test]
fn a_query_costs_what_was_billed_for_it() {
    let mut broker = Broker::new();
    let (url, networks) = ("https://a.example/1".to_owned(), Networks::default());
    let question =
        FrontQuestion::Query { url, client: Client::Exempt, networks, whole: false, webhook: None };
    broker.handle(Event::FrontAsked { front: ContainerId(9), ask: AskId(1), question, blob: None });
    let query = *broker.state.queries.keys().next().unwrap();
    let scan = broker.scan("1", 600);
    let turn = &mut Turn { state: &mut broker.state, now: broker.now, effects: &mut Vec::new() };
    turn.running(scan).unwrap().1.waiting.insert(query);
    let (lease, _) = broker.lease().unwrap();
    let cost = |broker: &Broker| broker.state.queries[&query].facts.cost;
    broker.read(LISTING, lease, (0..100).collect());
    assert_eq!(cost(&broker), MicroUsd::from_usd(0.5), "at most");
    broker.read(LISTING, lease, (0..100).collect());
    assert_eq!(cost(&broker), MicroUsd::from_usd(1.0));
    let today = ReadCounts { posts: 100, users: 0 };
    let ledger = Ledger { day: broker.now.wall.utc_day(), today, month: today };
    broker.handle(Event::FromStore(FromStorekeeper::Billed { ledger, billed: vec![100, 0] }));
    assert_eq!(cost(&broker), MicroUsd::from_usd(0.5), "the second time was not billed");
}

#[test]
fn a_scan_that_would_pass_the_limit_waits_for_the_next_day() {
    let mut broker = Broker::new();
    let first = broker.scan("1", 600);
    let second = broker.scan("2", 600);
    assert!(!waits_for_budget(&broker.state, first) && waits_for_budget(&broker.state, second));
    assert_eq!(broker.spending().scans_waiting, 1);
    // Three dollars are promised to the first: the last of them are free for others once it is read.
    let (lease, _) = broker.lease().unwrap();
    let ids = (0..600).collect();
    broker.tell(StageToBroker::Paid { lease, reads: PaidReads { resource: Resource::Post, ids } });
    broker.billed(600);
    broker.pass(Duration::from_secs(1200));
    assert!(waits_for_budget(&broker.state, second), "two dollars are left");
    broker.pass(Duration::from_secs(12 * 3600));
    assert!(!waits_for_budget(&broker.state, second));
    assert_eq!(broker.spending().today, MicroUsd(0));
}

/// What workers were told about their reservations.
fn told(effects: Vec<Effect>) -> Vec<(LeaseId, Reserved)> {
    let reserved = |effect| match effect {
        Effect::ToStage { message: BrokerToStage::Reserved { lease, reserved }, .. } => {
            Some((lease, reserved))
        }
        _ => None,
    };
    effects.into_iter().filter_map(reserved).collect()
}

#[test]
fn at_the_limit_a_listing_is_held_until_the_next_day() {
    let mut broker = Broker::new();
    let scan = broker.scan("1", 3200);
    assert!(!waits_for_budget(&broker.state, scan), "dearer than a day, but the whole day is left");
    let (lease, handle) = broker.lease().unwrap();
    assert_eq!(handle, "a1");
    broker.billed(991);
    assert_eq!(broker.reserve(LISTING, lease), None, "nine are left, and no page is so small");
    assert!(waits_for_budget(&broker.state, scan));
    assert_eq!(broker.spending().scans_waiting, 1, "it waits as one that has not begun does");
    let other = broker.scan("2", 600);
    assert!(waits_for_budget(&broker.state, other));
    assert_eq!(broker.spending().scans_waiting, 2);
    let mut granted = None;
    for _ in 0..13 * 60 {
        // As the worker does while it waits.
        broker.tell(StageToBroker::Doing { lease, what: "waits".into() });
        granted = granted.or_else(|| told(broker.pass(Duration::from_secs(60))).pop());
        assert!(granted.is_none() || broker.now.wall.utc_day() > 20_588, "not before midnight");
        broker.now = Now {
            mono: broker.now.mono.plus(Duration::from_secs(60)),
            wall: broker.now.wall.plus(Duration::from_secs(60)),
        };
    }
    assert_eq!(granted, Some((lease, Reserved::Granted { reads: 500 })));
    assert!(!waits_for_budget(&broker.state, scan));
}

#[test]
fn what_others_may_read_is_not_promised_twice() {
    let mut broker = Broker::new();
    for account in ["1", "2"] {
        broker.scan(account, 100);
    }
    let (first, _) = broker.lease().unwrap();
    let other = ContainerId(6);
    broker.join(other);
    let ready = Event::FromStage(other, StageToBroker::Ready { worker: 0 });
    let second = broker.handle(ready).into_iter().find_map(|effect| match effect {
        Effect::ToStage { message: BrokerToStage::Lease { lease, .. }, .. } => Some(lease),
        _ => None,
    });
    let second = second.unwrap();
    broker.billed(480);
    assert_eq!(broker.reserve(LISTING, first), Some(Reserved::Granted { reads: 500 }));
    assert_eq!(broker.reserve(other, second), Some(Reserved::Granted { reads: 20 }), "a smaller page");
    assert_eq!(told(broker.read(other, second, (0..15).collect())), []);
    assert_eq!(broker.reserve(other, second), None, "five are left beside what the first may read");
    // The first read less than it might have: what is left goes to the other.
    let effects = broker.read(LISTING, first, (100..110).collect());
    assert_eq!(told(effects), [(second, Reserved::Granted { reads: 495 })]);
    // A process that dies gives back what it was promised.
    assert_eq!(broker.reserve(LISTING, first), None);
    let effects = broker.handle(Event::StageLost(other));
    assert_eq!(told(effects), [(first, Reserved::Granted { reads: 495 })]);
    assert_eq!(broker.spending().today, MicroUsd::from_usd(505.0 * 0.005));
}

#[test]
fn a_look_up_that_does_not_fit_is_refused() {
    let mut broker = Broker::new();
    let container = ContainerId(7);
    let workers = vec![vec![Stage::Lookup]];
    let hello = StageToBroker::Hello { role: Role::Listing, pid: 2, workers };
    broker.handle(Event::FromStage(container, hello));
    let question = FrontQuestion::Scan { handle: "someone".into(), whole: false };
    broker.handle(Event::FrontAsked { front: ContainerId(9), ask: AskId(1), question, blob: None });
    let effects = broker.handle(Event::FromStage(container, StageToBroker::Ready { worker: 0 }));
    let lease = effects.into_iter().find_map(|effect| match effect {
        Effect::ToStage { message: BrokerToStage::Lease { lease, .. }, .. } => Some(lease),
        _ => None,
    });
    let lease = lease.unwrap();
    broker.billed(999);
    let wish = ReadWish { resource: Resource::User, least: 1, most: 1 };
    let effects = broker.handle(Event::FromStage(container, StageToBroker::Reserve { lease, wish }));
    let [(_, Reserved::Refused { why })] = &told(effects)[..] else { panic!("it is not refused") };
    assert!(why.contains("2026-05-16T00:00:00Z"), "{why}");
}

/// Workers of several processes read, fail, die; the ledger answers when it likes. Whatever happens, no more
/// than the day's limit is read.
#[test]
fn no_order_of_requests_passes_the_limit() {
    for seed in 0..300 {
        let mut rng = fastrand::Rng::with_seed(seed);
        let mut broker = Broker::new();
        let containers = [ContainerId(6), ContainerId(7), ContainerId(8)];
        for account in 0..6 {
            broker.scan(&account.to_string(), 10);
        }
        let mut leases: Vec<(ContainerId, LeaseId, Option<u64>)> = Vec::new();
        let (mut read, mut unsettled, mut ledger) = (0, std::collections::VecDeque::new(), 0);
        for step in 0..400_u64 {
            let effects = match rng.u8(..10) {
                0 => {
                    let container = containers[rng.usize(..3)];
                    leases.retain(|(holder, _, _)| *holder != container);
                    let mut effects = broker.handle(Event::StageLost(container));
                    broker.join(container);
                    for worker in 0..2 {
                        let ready = Event::FromStage(container, StageToBroker::Ready { worker });
                        effects.extend(broker.handle(ready));
                    }
                    effects
                }
                1..3 if !unsettled.is_empty() => {
                    ledger += unsettled.pop_front().unwrap_or(0);
                    let today = ReadCounts { posts: ledger, users: 0 };
                    let ledger = Ledger { day: broker.now.wall.utc_day(), today, month: today };
                    broker.handle(Event::FromStore(FromStorekeeper::Billed { ledger, billed: vec![0] }))
                }
                _ if leases.is_empty() => continue,
                choice => {
                    let index = rng.usize(..leases.len());
                    let (container, lease, granted) = leases[index];
                    match granted {
                        None => {
                            let most = rng.u64(10..=500);
                            let wish = ReadWish { resource: Resource::Post, least: 10, most };
                            broker.handle(Event::FromStage(container, StageToBroker::Reserve { lease, wish }))
                        }
                        Some(most) => {
                            leases[index].2 = None;
                            let count = if choice < 5 { 0 } else { rng.u64(..=most) };
                            read += count;
                            if count > 0 {
                                unsettled.push_back(count);
                            }
                            let ids = (0..count).map(|id| step << 20 | id).collect();
                            broker.read(container, lease, ids)
                        }
                    }
                }
            };
            for effect in effects {
                match effect {
                    Effect::ToStage { to, message: BrokerToStage::Lease { lease, .. }, .. } => {
                        leases.push((to, lease, None));
                    }
                    Effect::ToStage {
                        message: BrokerToStage::Reserved { lease, reserved: Reserved::Granted { reads } },
                        ..
                    } => {
                        for held in leases.iter_mut().filter(|held| held.1 == lease) {
                            held.2 = Some(reads);
                        }
                    }
                    _ => {}
                }
            }
            assert!(read <= 1000, "seed {seed}: {read} posts were read for $5");
        }
        assert!(read > 900, "seed {seed}: only {read} posts could be read");
    }
}

#[test]
fn with_nothing_left_no_account_is_looked_up() {
    let mut broker = Broker::new();
    broker.billed(1000);
    let question = FrontQuestion::Scan { handle: "someone".into(), whole: false };
    let asked = Event::FrontAsked { front: ContainerId(9), ask: AskId(1), question, blob: None };
    let refused = broker.handle(asked).into_iter().find_map(|effect| match effect {
        Effect::ToFront { message: BrokerToFront::Answer { answer, .. }, .. } => Some(answer),
        _ => None,
    });
    let Some(FrontAnswer::Refused { code, detail }) = refused else { panic!("{refused:?}") };
    assert_eq!(code, FailureCode::ApiBudgetExhausted);
    assert!(detail.contains("2026-05-16T00:00:00Z"), "{detail}");
}
