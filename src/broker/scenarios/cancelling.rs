//! What is cancelled ends at once, is written down before that is said, and takes nothing of others
//! along.

use crate::base::clock::Monotonic;
use crate::base::ids::{AccountKey, AskId, ContainerId, LeaseId, Network, Networks, QueryId, ScanId};
use crate::base::roles::{Role, Stage};
use crate::base::{MicroUsd, Timestamp};
use crate::broker::rules::admission::waits_for_budget;
use crate::broker::rules::inspect::{stats, threads};
use crate::broker::rules::scans;
use crate::broker::state::State;
use crate::broker::turn::Turn;
use crate::broker::vocabulary::{Effect, Event, Now, Policy};
use crate::config::Budget;
use crate::domain::accounts::{
    Account, AccountRef, AccountState, Candidate, Evidence, LinksFound, Resolution, ResolutionOutcome,
};
use crate::domain::failure::FailureCode;
use crate::domain::images::ImageSource;
use crate::domain::reads::{PaidReads, Resource};
use crate::domain::scans::{Priority, Reach};
use crate::proto::front::{BrokerToFront, Client, FrontAnswer, FrontQuestion};
use crate::proto::stage::{BrokerToStage, StageToBroker};
use crate::proto::view::{QueryView, ScanState};
use crate::proto::work::{LeaseOutcome, ScanPlan, StageOutput, Work};
use crate::storekeeper::orders::{FromStorekeeper, JournalEntry, StorePart, Ticket, ToStorekeeper};

const WORKERS: ContainerId = ContainerId(5);
const FRONT: ContainerId = ContainerId(9);

/// A broker, and one process whose workers do what the test says.
pub(super) struct Broker {
    pub state: State,
    pub now: Now,
    pub leased: Vec<(LeaseId, Work)>,
    pub revoked: Vec<LeaseId>,
    pub answers: Vec<FrontAnswer>,
    /// Orders to the database, which nobody carries out.
    pub orders: Vec<ToStorekeeper>,
    journal: Vec<(Ticket, JournalEntry)>,
    asks: u64,
}

impl Broker {
    /// With five dollars a day.
    pub fn new() -> Broker {
        let budget = Budget {
            daily: Some(MicroUsd::from_usd(5.0)),
            monthly: None,
            post_read: MicroUsd::from_usd(0.005),
            user_read: MicroUsd::from_usd(0.01),
        };
        let policy = Policy { budget: Some((Network::Twitter, budget)), ..Policy::plain() };
        let noon = Timestamp::parse_rfc3339("2026-05-15T12:00:00Z").unwrap();
        let now = Now { mono: Monotonic(0), wall: noon };
        let (leased, revoked, answers, journal, orders) = Default::default();
        let mut broker = Broker {
            state: State::new(policy, now),
            now,
            leased,
            revoked,
            answers,
            orders,
            journal,
            asks: 0,
        };
        let stages = [
            Stage::LinkFinder,
            Stage::Lookup,
            Stage::IndexWatcher,
            Stage::SearchListing,
            Stage::ReverseSearch,
        ];
        let workers: Vec<_> = stages.into_iter().flat_map(|stage| [vec![stage], vec![stage]]).collect();
        let count = workers.len();
        broker.tell(StageToBroker::Hello { role: Role::Listing, pid: 1, workers });
        (0..count).for_each(|worker| broker.tell(StageToBroker::Ready { worker: worker as u16 }));
        broker
    }

    fn tell(&mut self, message: StageToBroker) {
        self.handle(Event::FromStage(WORKERS, message));
    }

    pub fn handle(&mut self, event: Event) {
        let mut effects = Vec::new();
        self.state.handle(event, self.now, &mut effects);
        self.take(effects);
    }

    fn take(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::ToStore(ToStorekeeper::Journal { ticket, entry }) => {
                    self.journal.push((ticket, entry))
                }
                Effect::ToStage { message: BrokerToStage::Lease { lease, work, .. }, .. } => {
                    self.leased.push((lease, work));
                }
                Effect::ToStage { message: BrokerToStage::Revoked { lease }, .. } => self.revoked.push(lease),
                Effect::ToFront { message: BrokerToFront::Answer { answer, .. }, .. } => {
                    self.answers.push(answer);
                }
                Effect::Contradiction(what) => panic!("{what}"),
                Effect::ToStore(order) => self.orders.push(order),
                _ => {}
            }
        }
    }

    pub fn ask(&mut self, question: FrontQuestion) {
        self.asks += 1;
        self.handle(Event::FrontAsked { front: FRONT, ask: AskId(self.asks), question, blob: None });
    }

    /// Asks for the page of the artist with these accounts, up to where their scans are under way.
    pub fn index(&mut self, page: &str, natives: &[&str]) -> QueryId {
        let url = format!("https://site.example/{page}");
        let (networks, client) = (Networks::default(), Client::Exempt);
        self.ask(FrontQuestion::Query { url, client, networks, whole: false, webhook: None });
        self.write_down();
        let query = self.answered().query;
        let accounts: Vec<Account> = natives.iter().map(|native| account(native)).collect();
        self.report(StageOutput::Links(Box::new(links(natives))));
        let resolved = accounts.iter().map(|account| Resolution {
            asked: AccountRef::Id(account.key.clone()),
            outcome: ResolutionOutcome::Readable(account.clone()),
        });
        self.report(StageOutput::Resolved(resolved.collect()));
        let scans =
            accounts.iter().map(|account| (account.clone(), AccountState::unknown(account.key.clone())));
        self.report(StageOutput::Plan(ScanPlan {
            scans: scans.collect(),
            up_to_date: vec![],
            first_time: true,
            verdicts: vec![],
        }));
        query
    }

    /// The worker of the newest lease reports, unless it lists posts.
    pub fn report(&mut self, output: StageOutput) {
        let is_listing = |work: &Work| matches!(work, Work::ListPosts { .. });
        let newest = self.leased.iter().rposition(|(_, work)| !is_listing(work)).unwrap();
        let (lease, _) = self.leased.remove(newest);
        let outcome = LeaseOutcome::Done(output);
        self.tell(StageToBroker::Report { lease, outcome, elapsed_micros: 1 });
    }

    /// Maintenance scans an account.
    pub fn update(&mut self, native: &str) -> ScanId {
        let mut effects = Vec::new();
        let turn = &mut Turn { state: &mut self.state, now: self.now, effects: &mut effects };
        let account = account(native);
        let unknown = AccountState::unknown(account.key.clone());
        let id = scans::start(turn, account, unknown, Reach::Whole, Priority::Maintenance, None);
        self.take(effects);
        id
    }

    fn cancel(&mut self, what: &str) {
        self.ask(FrontQuestion::Cancel { what: what.to_owned() });
    }

    /// All that waits for the disk is there. Returns the keys that ended by it.
    pub fn write_down(&mut self) -> Vec<String> {
        let mut ended = Vec::new();
        for (ticket, entry) in std::mem::take(&mut self.journal) {
            if let JournalEntry::Ended { key } = entry {
                ended.push(key);
            }
            if ticket != Ticket(0) {
                self.handle(Event::FromStore(FromStorekeeper::Journaled { ticket }));
            }
        }
        ended
    }

    pub fn answered(&mut self) -> QueryView {
        match self.answers.pop() {
            Some(FrontAnswer::Query(view) | FrontAnswer::Search { view, .. }) => view,
            other => panic!("{other:?}"),
        }
    }

    pub fn is_running(&self, native: &str) -> bool {
        self.state.running_scans.contains_key(&(AccountKey::new(Network::Twitter, native), Reach::Whole))
    }
}

/// What a page leads to: these accounts.
pub(super) fn links(natives: &[&str]) -> LinksFound {
    let candidate = |native: &&str| Candidate {
        account: AccountRef::Id(account(native).key),
        evidence: Evidence::ProfileField,
        chain: vec![],
    };
    LinksFound {
        page_url: "https://site.example/1".to_owned(),
        site: "s".into(),
        images: vec![ImageSource::plain("i")],
        no_image: None,
        published: None,
        candidates: natives.iter().map(candidate).collect(),
        named_posts: Vec::new(),
        elsewhere: Vec::new(),
        left_out: Vec::new(),
        pages: 1,
        artists_pages: Vec::new(),
        verdicts: Vec::new(),
    }
}

pub(super) fn account(native: &str) -> Account {
    let key = AccountKey::new(Network::Twitter, native);
    // Those with a 9 cost three dollars.
    let posts = if native.starts_with('9') { 600 } else { 10 };
    Account { key, handle: format!("a{native}"), posts: Some(posts) }
}

#[test]
fn a_query_ends_once_that_is_written_down() {
    let mut broker = Broker::new();
    let url = "https://site.example/1".to_owned();
    let (networks, client) = (Networks::default(), Client::Exempt);
    broker.ask(FrontQuestion::Query { url: url.clone(), client, networks, whole: false, webhook: None });
    // Before its acceptance is on the disk: whoever asked is told of the end, and not too early
    // either.
    broker.cancel("http://www.site.example/1/");
    let [accepted, ended] = <[_; 2]>::try_from(std::mem::take(&mut broker.journal)).unwrap();
    assert!(matches!((&accepted.1, &ended.1), (JournalEntry::Accepted { .. }, JournalEntry::Ended { .. })));
    broker.handle(Event::FromStore(FromStorekeeper::Journaled { ticket: accepted.0 }));
    assert!(broker.answers.is_empty(), "{:?}", broker.answers);
    broker.handle(Event::FromStore(FromStorekeeper::Journaled { ticket: ended.0 }));
    for view in [broker.answered(), broker.answered()] {
        assert_eq!((view.subject, view.error), (url.clone(), Some(FailureCode::Cancelled)));
    }
    // The worker was told; what it says of it still is dropped, and it is free.
    let (lease, _) = broker.leased.pop().unwrap();
    assert_eq!(broker.revoked, [lease]);
    let doing: Vec<_> =
        threads(&broker.state, broker.now).into_iter().filter_map(|view| view.doing).collect();
    assert_eq!(doing, ["leaves what was cancelled"]);
    let outcome = LeaseOutcome::Retry { after_ms: 0, why: "given back".into() };
    broker.tell(StageToBroker::Report { lease, outcome, elapsed_micros: 1 });
    assert!(threads(&broker.state, broker.now).iter().all(|view| view.doing.is_none()));
    assert!(broker.leased.is_empty());
    // Again changes nothing, and an unknown one is refused.
    broker.cancel(&url);
    assert_eq!(broker.answered().error, Some(FailureCode::Cancelled));
    broker.cancel("https://site.example/2");
    let refused = broker.answers.pop();
    assert!(matches!(refused, Some(FrontAnswer::Refused { code: FailureCode::NoSuchRequest, .. })));
    assert!(broker.journal.is_empty());
    // After a minute it begins anew.
    broker.now.mono = Monotonic(60_001);
    broker.handle(Event::Tick);
    let (networks, client) = (Networks::default(), Client::Exempt);
    broker.ask(FrontQuestion::Query { url, client, networks, whole: false, webhook: None });
    broker.write_down();
    assert_eq!(broker.answered().error, None);
    assert_eq!(broker.leased.len(), 1);
}

#[test]
fn a_query_takes_along_what_nobody_else_wants() {
    let mut broker = Broker::new();
    broker.update("2");
    let first = broker.index("1", &["1", "2", "3"]);
    broker.index("2", &["3"]);
    broker.write_down();
    broker.cancel("https://site.example/1");
    let ended = broker.write_down();
    assert_eq!(ended, ["scan twitter:1", "https://site.example/1"], "the query last");
    let view = broker.answered();
    assert_eq!(view.query, first);
    assert!(view.error_detail.contains("scan of @a1."), "{}", view.error_detail);
    assert!(view.error_detail.contains("scan of @a2, @a3 goes on"), "{}", view.error_detail);
    let running: Vec<bool> = ["1", "2", "3"].iter().map(|native| broker.is_running(native)).collect();
    assert_eq!(running, [false, true, true]);
    // With the second query, the last scan for queries alone ends.
    broker.cancel("https://site.example/2");
    assert!(!broker.is_running("3") && broker.is_running("2"));
}

#[test]
fn a_cancelled_scan_gives_back_its_promise_and_not_what_was_paid() {
    let mut broker = Broker::new();
    let query = broker.index("1", &["91"]);
    let next = broker.update("92");
    assert!(waits_for_budget(&broker.state, next), "six dollars are more than five");
    let (lease, _) = broker.leased.last().cloned().unwrap();
    broker.write_down();
    broker.cancel("@A91");
    assert!(broker.answers.is_empty(), "not before it is written down");
    assert!(!waits_for_budget(&broker.state, next), "what was promised to the other is free");
    assert_eq!(broker.revoked, [lease]);
    // What its worker read an instant before is billed all the same.
    let reads = PaidReads { resource: Resource::Post, ids: (0..100).collect() };
    broker.tell(StageToBroker::Paid { lease, reads });
    assert_eq!(stats(&broker.state, broker.now).spending.today, MicroUsd::from_usd(0.5));
    let ended = broker.write_down();
    assert!(ended.contains(&"scan twitter:91".to_owned()), "{ended:?}");
    match broker.answers.pop() {
        Some(FrontAnswer::Scan(view)) => {
            let is_it = matches!(view.state, ScanState::Failed { code: FailureCode::Cancelled, .. });
            assert!(is_it && view.handle == "a91", "{view:?}");
        }
        other => panic!("{other:?}"),
    }
    // The query that waited for it alone ends with it.
    let view = crate::broker::rules::views::query_view(&broker.state, query, broker.now).unwrap();
    assert_eq!(view.error, Some(FailureCode::Cancelled));
    // Its late page makes no sense any more, and nothing comes of it.
    broker.tell(StageToBroker::Page { lease, posts: vec![], hold: crate::domain::scans::Hold::Never });
    broker.cancel("@a92");
    assert!(!broker.is_running("92"));
}

#[test]
fn an_account_that_is_being_looked_up_is_not_scanned_any_more() {
    let mut broker = Broker::new();
    broker.ask(FrontQuestion::Scan { handle: "a1".into(), whole: false });
    broker.cancel("a1");
    match broker.answers.as_slice() {
        [FrontAnswer::Scan(begun), FrontAnswer::Scan(cancelled)] => {
            assert_eq!(begun.state, ScanState::Resolving);
            let is_it = matches!(cancelled.state, ScanState::Failed { code: FailureCode::Cancelled, .. });
            assert!(is_it, "{cancelled:?}");
        }
        other => panic!("{other:?}"),
    }
    let resolved = Resolution {
        asked: AccountRef::Handle { network: Network::Twitter, handle: "a1".into() },
        outcome: ResolutionOutcome::Readable(account("1")),
    };
    broker.report(StageOutput::Resolved(vec![resolved]));
    assert!(broker.journal.is_empty() && !broker.is_running("1"));
}

#[test]
fn while_nothing_can_be_written_down_that_is_said() {
    let mut broker = Broker::new();
    broker.index("1", &["1"]);
    broker.write_down();
    let trouble = FromStorekeeper::Trouble { part: StorePart::Journal, why: Some("full".into()) };
    broker.handle(Event::FromStore(trouble));
    for what in ["https://site.example/1", "a1"] {
        broker.cancel(what);
        let told = broker.answers.pop();
        let is_known = what.starts_with("https");
        match told {
            Some(FrontAnswer::NotNow { .. }) => assert!(is_known),
            // The query took its scan along.
            Some(FrontAnswer::Refused { code: FailureCode::NoSuchRequest, .. }) => assert!(!is_known),
            other => panic!("{what}: {other:?}"),
        }
    }
    assert!(!broker.is_running("1"));
    assert_eq!(broker.write_down(), ["scan twitter:1", "https://site.example/1"]);
    assert!(broker.answers.is_empty());
}
