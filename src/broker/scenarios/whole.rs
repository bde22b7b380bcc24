//! Accounts that are listed from their beginning: on order, once in a while, and where an update has missed
//! posts.

use std::time::Duration;

use crate::base::Timestamp;
use crate::base::clock::Monotonic;
use crate::base::ids::{AccountKey, AskId, ContainerId, LeaseId, Network};
use crate::base::roles::{Role, Stage};
use crate::broker::rules::scans;
use crate::broker::state::State;
use crate::broker::turn::Turn;
use crate::broker::vocabulary::{Effect, Event, Now, Policy};
use crate::domain::accounts::{Account, AccountRef, AccountState, Resolution, ResolutionOutcome};
use crate::domain::failure::FailureCode;
use crate::domain::images::StoreCounts;
use crate::domain::scans::{Coverage, Cursor, ListingEnd, Priority, Reach};
use crate::proto::front::{BrokerToFront, FrontAnswer, FrontQuestion};
use crate::proto::stage::{Answer, BrokerToStage, Question, StageToBroker};
use crate::proto::view::ScanState;
use crate::proto::work::{LeaseOutcome, StageOutput, Work};
use crate::storekeeper::orders::{FromStorekeeper, Ticket, ToStorekeeper};

const DAY: Duration = Duration::from_secs(86_400);
const LISTING: ContainerId = ContainerId(5);
const FRONT: ContainerId = ContainerId(9);

struct Broker {
    state: State,
    now: Now,
    /// What the storekeeper was told and has not answered.
    orders: Vec<ToStorekeeper>,
    told: Vec<FrontAnswer>,
    leased: Vec<(LeaseId, Work)>,
}

impl Broker {
    fn new() -> Broker {
        let policy = Policy { whole_listing: Some(DAY * 90), ..Policy::plain() };
        let wall = Timestamp::parse_rfc3339("2026-05-15T12:00:00Z").unwrap();
        let now = Now { mono: Monotonic(0), wall };
        let (orders, told, leased) = Default::default();
        let mut broker = Broker { state: State::new(policy, now), now, orders, told, leased };
        let workers = vec![vec![Stage::SearchListing], vec![Stage::Lookup]];
        broker.tell(StageToBroker::Hello { role: Role::Listing, pid: 1, workers });
        broker.ready();
        broker
    }

    fn tell(&mut self, message: StageToBroker) {
        self.handle(Event::FromStage(LISTING, message));
    }

    fn ready(&mut self) {
        (0..2).for_each(|worker| self.tell(StageToBroker::Ready { worker }));
    }

    fn handle(&mut self, event: Event) {
        let mut effects = Vec::new();
        self.state.handle(event, self.now, &mut effects);
        self.take(effects);
    }

    fn take(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::ToStore(order) => self.orders.push(order),
                Effect::ToFront { message: BrokerToFront::Answer { answer, .. }, .. } => {
                    self.told.push(answer);
                }
                Effect::ToStage { message: BrokerToStage::Lease { lease, work, .. }, .. } => {
                    self.leased.push((lease, work));
                }
                _ => {}
            }
        }
    }

    fn start(&mut self, state: AccountState) {
        let (account, mut effects) = (artist(&state.key), Vec::new());
        let turn = &mut Turn { state: &mut self.state, now: self.now, effects: &mut effects };
        scans::start(turn, account, state, Reach::Whole, Priority::Maintenance, None);
        self.take(effects);
        self.ready();
    }

    /// The cursor of the listing that a worker was given.
    fn cursor(&mut self) -> (LeaseId, Cursor) {
        match self.leased.pop() {
            Some((lease, Work::ListPosts { cursor, .. })) => (lease, cursor),
            other => panic!("{other:?}"),
        }
    }

    fn report(&mut self, lease: LeaseId, output: StageOutput) {
        let outcome = LeaseOutcome::Done(output);
        self.tell(StageToBroker::Report { lease, outcome, elapsed_micros: 1 });
        self.ready();
    }

    /// The listing ends, having come across so many posts.
    fn end(&mut self, lease: LeaseId, posts_read: u64) {
        let cursor = Cursor::Search(Some(self.now.wall));
        let (newest, oldest, coverage) = (None, None, Coverage::Complete);
        self.report(
            lease,
            StageOutput::Listed(ListingEnd { cursor, newest, oldest, coverage, posts_read, media: None }),
        );
    }

    /// Whether the database was told to forget the cursor, which is then forgotten here too.
    fn forgot(&mut self) -> bool {
        let is_it = |order: &ToStorekeeper| {
            matches!(order, ToStorekeeper::Ask { question: Question::ResetSearchCursors(_), .. })
        };
        let before = self.orders.len();
        self.orders.retain(|order| !is_it(order));
        self.orders.len() < before
    }

    fn scan(&mut self, whole: bool) -> FrontAnswer {
        let question = FrontQuestion::Scan { handle: "ann.example".into(), whole };
        self.handle(Event::FrontAsked { front: FRONT, ask: AskId(1), question, blob: None });
        self.ready();
        self.told.pop().unwrap()
    }

    /// The network and the database say where the account stands.
    fn look_up(&mut self, state: &AccountState) {
        let (lease, refs) = match self.leased.pop() {
            Some((lease, Work::Resolve { refs })) => (lease, refs),
            other => panic!("{other:?}"),
        };
        let outcome = ResolutionOutcome::Readable(artist(&state.key));
        let resolved =
            refs.into_iter().map(|asked: AccountRef| Resolution { asked, outcome: outcome.clone() });
        self.report(lease, StageOutput::Resolved(resolved.collect()));
        let ticket = self.orders.iter().rev().find_map(|order| match order {
            ToStorekeeper::Ask { ticket, question: Question::AccountStates(_) } => Some(*ticket),
            _ => None,
        });
        self.answer(ticket.unwrap(), Answer::AccountStates(vec![state.clone()]));
    }

    fn answer(&mut self, ticket: Ticket, answer: Answer) {
        self.handle(Event::FromStore(FromStorekeeper::Answered { ticket, answer }));
        self.ready();
    }

    fn store_cursor(&mut self) {
        let ticket = self.orders.iter().rev().find_map(|order| match order {
            ToStorekeeper::StoreCursor { ticket, .. } => Some(*ticket),
            _ => None,
        });
        let stored = FromStorekeeper::Stored { ticket: ticket.unwrap(), counts: StoreCounts::default() };
        self.handle(Event::FromStore(stored));
    }
}

/// As the network describes it now.
fn artist(key: &AccountKey) -> Account {
    Account { key: key.clone(), handle: "ann.example".into(), posts: Some(1000) }
}

/// An account whose posts were 900, listed anew so many days ago.
fn known(network: Network, days: u32, now: Timestamp) -> AccountState {
    AccountState {
        search_cursor: Some(now.minus(DAY * 30)),
        search_listed_at: Some(now.minus(DAY * 30)),
        listed_anew_at: Some(now.minus(DAY * days)),
        stated_posts: Some(900),
        ..AccountState::unknown(AccountKey::new(network, "did:plc:a"))
    }
}

#[test]
fn once_in_a_while_an_account_is_listed_from_its_beginning() {
    let check = |network, days, whole_listing: Option<Duration>, expect: bool| {
        let mut broker = Broker::new();
        broker.state.policy.whole_listing = whole_listing;
        broker.start(known(network, days, broker.now.wall));
        let (_, cursor) = broker.cursor();
        assert_eq!((cursor == Cursor::Search(None), broker.forgot()), (expect, expect), "{network} {days}");
    };
    let period = Some(DAY * 90);
    check(Network::Bluesky, 91, period, true);
    check(Network::Mastodon, 91, period, true);
    check(Network::Bluesky, 89, period, false);
    check(Network::Bluesky, 3000, None, false);
    // The dates of its posts are not its authors' to choose.
    check(Network::Twitter, 91, period, false);

    // Noted while the clock was years ahead: that day is not waited for.
    for (ahead, expect) in [(DAY * 1000, true), (Duration::from_secs(60), false)] {
        let mut broker = Broker::new();
        broker.state.policy.whole_listing = period;
        let now = broker.now.wall;
        broker
            .start(AccountState { listed_anew_at: Some(now.plus(ahead)), ..known(Network::Bluesky, 1, now) });
        assert_eq!(broker.cursor().1 == Cursor::Search(None), expect, "{ahead:?}");
    }
}

#[test]
fn an_update_that_missed_posts_is_followed_by_a_whole_listing() {
    let check = |network, days: u32, read: u64, expect: bool| {
        let mut broker = Broker::new();
        broker.start(known(network, days, broker.now.wall));
        let (lease, cursor) = broker.cursor();
        assert!(matches!(cursor, Cursor::Search(Some(_))));
        broker.end(lease, read);
        assert_eq!(broker.forgot(), expect, "{network} {days} {read}");
        let stored = broker.orders.iter().any(|order| matches!(order, ToStorekeeper::StoreCursor { .. }));
        assert_eq!(stored, !expect, "the cursor waits for the whole");
        if expect {
            let (lease, cursor) = broker.cursor();
            assert_eq!(cursor, Cursor::Search(None));
            broker.end(lease, 950);
            assert!(!broker.forgot(), "once is enough");
            broker.store_cursor();
            assert!(broker.state.running_scans.is_empty());
        }
    };
    // Of a hundred more posts than before, the update has come across two.
    check(Network::Bluesky, 30, 2, true);
    check(Network::Mastodon, 30, 2, true);
    check(Network::Bluesky, 30, 85, false);
    check(Network::Bluesky, 6, 2, false);
    check(Network::Twitter, 30, 2, false);
}

#[test]
fn an_account_is_listed_from_its_beginning_on_order() {
    let mut broker = Broker::new();
    let state = known(Network::Bluesky, 1, broker.now.wall);
    broker.scan(true);
    broker.look_up(&state);
    assert!(broker.forgot());
    let (lease, cursor) = broker.cursor();
    assert_eq!(cursor, Cursor::Search(None));
    // Asked for in any way, it is shown.
    for whole in [true, false] {
        let FrontAnswer::Scan(view) = broker.scan(whole) else { panic!() };
        assert_eq!(view.state, ScanState::Running);
    }
    broker.end(lease, 950);
    broker.store_cursor();
    let FrontAnswer::Scan(view) = broker.scan(true) else { panic!() };
    assert_eq!(view.state, ScanState::Done);
}

#[test]
fn a_scan_that_lists_less_is_not_taken_for_a_whole_one() {
    let mut broker = Broker::new();
    let state = known(Network::Bluesky, 1, broker.now.wall);
    broker.scan(false);
    // As long as it has not begun, it can become whole.
    broker.scan(true);
    broker.look_up(&state);
    assert_eq!(broker.cursor().1, Cursor::Search(None));

    let mut broker = Broker::new();
    broker.scan(false);
    broker.look_up(&state);
    assert!(!broker.forgot());
    let (lease, _) = broker.cursor();
    broker.scan(true);
    broker.look_up(&state);
    let FrontAnswer::Scan(view) = broker.scan(true) else { panic!() };
    let ScanState::Failed { code, detail } = view.state else { panic!("{view:?}") };
    assert_eq!(code, FailureCode::ProcessingError);
    assert!(detail.contains("under way already"), "{detail}");
    // Once that has ended, the whole is listed although the end would still be shown.
    broker.end(lease, 95);
    broker.store_cursor();
    broker.now.mono = broker.now.mono.plus(Duration::from_secs(10));
    broker.scan(true);
    broker.look_up(&state);
    assert_eq!(broker.cursor().1, Cursor::Search(None));
}
