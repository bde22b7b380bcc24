//! Accounts that are listed from their beginning: on order, once in a while, and where an update has missed
//! posts.

use std::time::Duration;

use crate::base::Timestamp;
use crate::base::clock::Monotonic;
use crate::base::ids::{AccountKey, AskId, ContainerId, ImageId, LeaseId, Network, PostKey};
use crate::base::roles::{Role, Stage};
use crate::broker::rules::scans;
use crate::broker::state::State;
use crate::broker::turn::Turn;
use crate::broker::vocabulary::{Effect, Event, Now, Policy};
use crate::config::{Budget, Settings};
use crate::domain::accounts::{Account, AccountRef, AccountState, Resolution, ResolutionOutcome};
use crate::domain::failure::FailureCode;
use crate::domain::images::StoreCounts;
use crate::domain::posts::{ListedPost, Place, PostState};
use crate::domain::scans::{Coverage, Cursor, Hold, ListingEnd, Priority, Reach};
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

/// A post of the artist's, of a day of this month.
fn post_of(day: i64) -> (PostKey, Timestamp) {
    let date = Timestamp::parse_rfc3339("2026-05-01T00:00:00Z").unwrap();
    let date = Timestamp(date.0 + (day - 1) * 86_400_000);
    (PostKey::new(Network::Bluesky, format!("at://did:plc:a/app.bsky.feed.post/{day}")), date)
}

impl Broker {
    /// The listing shows the posts of these days; none of them is new.
    fn page(&mut self, lease: LeaseId, days: &[i64]) {
        let listed = |(key, date): (PostKey, Timestamp)| ListedPost::of(key, Some(date), [Place::Missing]);
        let posts = days.iter().filter_map(|day| listed(post_of(*day))).collect();
        self.tell(StageToBroker::Page { lease, posts, hold: Hold::Never });
        let ticket = self.orders.iter().rev().find_map(|order| match order {
            ToStorekeeper::FilterNew { ticket, .. } => Some(*ticket),
            _ => None,
        });
        self.handle(Event::FromStore(FromStorekeeper::NewPosts { ticket: ticket.unwrap(), posts: vec![] }));
    }

    /// The database is asked what it has of the account, and has the posts of these days.
    fn has_stored(&mut self, days: &[i64]) -> bool {
        let at = self.orders.iter().position(|order| {
            matches!(order, ToStorekeeper::Ask { question: Question::StoredPosts { .. }, .. })
        });
        let Some(ToStorekeeper::Ask { ticket, .. }) = at.map(|at| self.orders.remove(at)) else {
            return false;
        };
        let stored = days.iter().zip(1..).map(|(day, image)| {
            let (post, date) = post_of(*day);
            (ImageId(image), post.native, Some(date))
        });
        self.answer(ticket, Answer::StoredPosts(stored.collect()));
        true
    }

    /// The posts that a worker looks for.
    fn looks_for(&mut self) -> Option<(LeaseId, Vec<PostKey>)> {
        let at = self.leased.iter().position(|(_, work)| matches!(work, Work::CheckPosts { .. }))?;
        match self.leased.remove(at) {
            (lease, Work::CheckPosts { posts }) => Some((lease, posts)),
            _ => None,
        }
    }

    fn removed(&self) -> Vec<PostKey> {
        let removed = self.orders.iter().filter_map(|order| match order {
            ToStorekeeper::RemovePosts { posts, .. } => Some(posts.clone()),
            _ => None,
        });
        removed.flatten().collect()
    }
}

fn posts(days: &[i64]) -> Vec<PostKey> {
    days.iter().map(|day| post_of(*day).0).collect()
}

#[test]
fn what_a_listing_should_have_shown_is_looked_for_and_its_network_decides() {
    let mut broker = Broker::new();
    let state = known(Network::Bluesky, 1, broker.now.wall);
    broker.start(state.clone());
    let (lease, _) = broker.cursor();
    broker.page(lease, &[9, 8]);
    broker.page(lease, &[6, 3]);
    broker.end(lease, 95);
    // 10 is newer than what was listed, 2 is older, and the ends themselves tell nothing.
    assert!(broker.has_stored(&[2, 3, 4, 5, 6, 7, 8, 9, 10]));
    let (lease, asked) = broker.looks_for().unwrap();
    assert_eq!(
        asked,
        posts(&[4, 5, 7, 9]),
        "with one that is there, beside which those that are not are told"
    );
    let states = [PostState::Deleted, PostState::Gone, PostState::Unknown, PostState::Visible];
    broker.report(lease, StageOutput::Checked(states.to_vec()));
    assert_eq!(broker.removed(), posts(&[4]), "what its network says clearly is gone, and nothing else");
    // The next time, only that of which nobody could tell is looked for.
    broker.store_cursor();
    broker.start(state);
    let (lease, _) = broker.cursor();
    broker.page(lease, &[9, 3]);
    broker.end(lease, 95);
    assert!(broker.has_stored(&[3, 5, 7, 9]));
    assert_eq!(broker.looks_for().map(|(_, asked)| asked), Some(posts(&[7, 9])));
}

#[test]
fn nothing_is_looked_for_that_nobody_should_have_seen() {
    #[derive(Debug, PartialEq)]
    enum Case {
        /// Nothing was listed: the account is closed, perhaps.
        Empty,
        /// It is listed for the first time.
        First,
        /// The operator keeps what is gone.
        Kept,
        /// To look for posts is billed.
        Billed,
    }
    for case in [Case::Empty, Case::First, Case::Kept, Case::Billed] {
        let mut broker = Broker::new();
        let now = broker.now.wall;
        broker.state.policy.remove_deleted = case != Case::Kept;
        if case == Case::Billed {
            let budget = Budget { daily: None, monthly: None, ..Settings::default().twitter.budget };
            broker.state.policy.budget = Some((Network::Bluesky, budget));
        }
        broker.start(match case {
            Case::First => AccountState::unknown(AccountKey::new(Network::Bluesky, "did:plc:a")),
            _ => known(Network::Bluesky, 1, now),
        });
        let (lease, _) = broker.cursor();
        if case != Case::Empty {
            broker.page(lease, &[9, 3]);
        }
        broker.end(lease, 95);
        assert!(!broker.has_stored(&[5]), "{case:?}");
    }
}
