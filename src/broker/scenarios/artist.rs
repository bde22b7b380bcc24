//! Queries for the artist alone: they end with the accounts, scan nothing, and ask nobody what is known.

use std::time::Duration;

use crate::base::clock::Monotonic;
use crate::base::ids::{AccountKey, AskId, ContainerId, LeaseId, Network, Networks};
use crate::base::roles::{Role, Stage};
use crate::base::{MicroUsd, Timestamp};
use crate::broker::state::State;
use crate::broker::vocabulary::{Effect, Event, Now, Policy};
use crate::config::Budget;
use crate::domain::accounts::{
    Account, AccountRef, Candidate, Evidence, LeftOut, LeftOutReason, LinksFound, NoImage, Resolution,
    ResolutionOutcome, Standing,
};
use crate::domain::blocklist::Blocklist;
use crate::domain::failure::FailureCode;
use crate::domain::images::{ImageSource, IndexProgress, StoreCounts};
use crate::domain::reads::{Ledger, PaidReads, ReadCounts, Resource};
use crate::proto::front::{BrokerToFront, Client, FrontAnswer, FrontQuestion};
use crate::proto::stage::{BrokerToStage, StageToBroker};
use crate::proto::view::{QueryStatus, QueryView};
use crate::proto::work::{LeaseOutcome, StageOutput, Work};
use crate::storekeeper::orders::{AcceptedRequest, FromStorekeeper, JournalEntry, Ticket, ToStorekeeper};

const WORKERS: ContainerId = ContainerId(5);
const FRONT: ContainerId = ContainerId(9);
const PAGE: &str = "https://site.example/1";

struct Broker {
    state: State,
    now: Now,
    leased: Vec<(LeaseId, Work)>,
    answers: Vec<FrontAnswer>,
    journal: Vec<JournalEntry>,
    asks: u64,
}

impl Broker {
    /// With five dollars a day for X; one account of it is on the operator's blocklist.
    fn new() -> Broker {
        let budget = Budget {
            daily: Some(MicroUsd::from_usd(5.0)),
            monthly: None,
            post_read: MicroUsd::from_usd(0.005),
            user_read: MicroUsd::from_usd(0.01),
        };
        let policy = Policy {
            budget: Some((Network::Twitter, budget)),
            blocklist: Blocklist::from_iter(["@blocked"]),
            max_processing_requests_per_ip: 1,
            ..Policy::plain()
        };
        let noon = Timestamp::parse_rfc3339("2026-05-15T12:00:00Z").unwrap();
        let now = Now { mono: Monotonic(0), wall: noon };
        let (leased, answers, journal) = Default::default();
        let mut broker = Broker { state: State::new(policy, now), now, leased, answers, journal, asks: 0 };
        let stages = [Stage::LinkFinder, Stage::Lookup, Stage::IndexWatcher, Stage::SearchListing];
        let workers: Vec<_> = stages.into_iter().flat_map(|stage| [vec![stage], vec![stage]]).collect();
        let count = workers.len();
        broker.tell(StageToBroker::Hello { role: Role::Listing, pid: 1, workers });
        (0..count).for_each(|worker| broker.tell(StageToBroker::Ready { worker: worker as u16 }));
        broker
    }

    fn tell(&mut self, message: StageToBroker) {
        self.handle(Event::FromStage(WORKERS, message));
    }

    /// What is to be written down is written down at once.
    fn handle(&mut self, event: Event) {
        let mut effects = Vec::new();
        self.state.handle(event, self.now, &mut effects);
        let mut written = Vec::new();
        for effect in effects {
            match effect {
                Effect::ToStore(ToStorekeeper::Journal { ticket, entry }) => {
                    self.journal.push(entry);
                    written.push(ticket);
                }
                Effect::ToStage { message: BrokerToStage::Lease { lease, work, .. }, .. } => {
                    self.leased.push((lease, work));
                }
                Effect::ToFront { message: BrokerToFront::Answer { answer, .. }, .. } => {
                    self.answers.push(answer);
                }
                Effect::Contradiction(what) => panic!("{what}"),
                _ => {}
            }
        }
        for ticket in written.into_iter().filter(|ticket| *ticket != Ticket(0)) {
            self.handle(Event::FromStore(FromStorekeeper::Journaled { ticket }));
        }
    }

    fn ask(&mut self, question: FrontQuestion) -> FrontAnswer {
        self.asks += 1;
        self.handle(Event::FrontAsked { front: FRONT, ask: AskId(self.asks), question, blob: None });
        self.answers.pop().expect("it is answered at once")
    }

    #[track_caller]
    fn view(&mut self, question: FrontQuestion) -> QueryView {
        match self.ask(question) {
            FrontAnswer::Query(view) => view,
            other => panic!("{other:?}"),
        }
    }

    #[track_caller]
    fn artist(&mut self, resolve: bool) -> QueryView {
        self.view(artist(PAGE, resolve))
    }

    fn posts(&mut self) -> QueryView {
        let (url, networks) = (PAGE.to_owned(), Networks::default());
        self.view(FrontQuestion::Query { url, client: Client::Exempt, networks, whole: false, webhook: None })
    }

    /// The worker that has this work ends it.
    #[track_caller]
    fn report(&mut self, is_it: impl Fn(&Work) -> bool, outcome: LeaseOutcome) {
        let place = self.leased.iter().position(|(_, work)| is_it(work)).expect("a worker has it");
        let (lease, _) = self.leased.remove(place);
        self.tell(StageToBroker::Report { lease, outcome, elapsed_micros: 1 });
    }

    #[track_caller]
    fn find(&mut self, candidates: &[AccountRef]) {
        let found = LeaseOutcome::Done(StageOutput::Links(Box::new(links(candidates))));
        self.report(|work| matches!(work, Work::FindLinks { .. }), found);
    }

    #[track_caller]
    fn resolve(&mut self, network: Network, outcomes: Vec<(AccountRef, ResolutionOutcome)>) {
        let resolved = outcomes.into_iter().map(|(asked, outcome)| Resolution { asked, outcome }).collect();
        self.report(is_look_up(network), LeaseOutcome::Done(StageOutput::Resolved(resolved)));
    }

    fn spend(&mut self, usd: f64) {
        let today = ReadCounts { posts: (usd / 0.005) as u64, users: 0 };
        let ledger = Ledger { day: self.now.wall.utc_day(), today, month: today };
        self.handle(Event::FromStore(FromStorekeeper::Billed { ledger, billed: vec![] }));
    }

    fn pass(&mut self, time: Duration) {
        self.now = Now { mono: self.now.mono.plus(time), wall: self.now.wall.plus(time) };
        self.handle(Event::Tick);
    }

    /// Nothing but the reading of pages and look-ups was ever begun.
    fn assert_nothing_scanned(&self) {
        assert!(self.state.scans.is_empty());
        let others = self
            .leased
            .iter()
            .find(|(_, work)| !matches!(work, Work::FindLinks { .. } | Work::Resolve { .. }));
        assert!(others.is_none(), "{others:?}");
    }
}

fn artist(url: &str, resolve: bool) -> FrontQuestion {
    let client = Client::Limited { key: "192.0.2.1".into() };
    FrontQuestion::Artist { url: url.to_owned(), client, networks: Networks::default(), resolve }
}

fn is_look_up(network: Network) -> impl Fn(&Work) -> bool {
    move |work| matches!(work, Work::Resolve { refs } if refs[0].network() == network)
}

fn on_x(handle: &str) -> AccountRef {
    AccountRef::Handle { network: Network::Twitter, handle: handle.to_owned() }
}

fn on_bluesky(handle: &str) -> AccountRef {
    AccountRef::Handle { network: Network::Bluesky, handle: handle.to_owned() }
}

fn readable(asked: &AccountRef) -> (AccountRef, ResolutionOutcome) {
    let key = AccountKey::new(asked.network(), format!("id of {}", asked.name()));
    // It was renamed since: the reason is that of the name under which it was found.
    let account = Account { key, handle: format!("new_{}", asked.name()), posts: Some(3) };
    (asked.clone(), ResolutionOutcome::Readable(account))
}

fn links(candidates: &[AccountRef]) -> LinksFound {
    let candidate = |account: &AccountRef| Candidate {
        account: account.clone(),
        evidence: Evidence::ProfileField,
        chain: vec![PAGE.to_owned()],
    };
    LinksFound {
        page_url: "https://site.example/1".to_owned(),
        site: "s".into(),
        images: vec![ImageSource::plain("i")],
        no_image: None,
        published: None,
        candidates: candidates.iter().map(candidate).collect(),
        named_posts: Vec::new(),
        elsewhere: Vec::new(),
        left_out: vec![LeftOut { candidate: candidate(&on_x("pixiv")), reason: LeftOutReason::SitesOwn }],
        pages: 1,
        artists_pages: Vec::new(),
        verdicts: Vec::new(),
    }
}

/// What is said of the accounts that cannot be read.
fn others(view: &QueryView) -> Vec<(&str, Standing)> {
    view.others.iter().map(|other| (other.candidate.account.name(), other.standing.clone())).collect()
}

const SITES_OWN: (&str, Standing) = ("pixiv", Standing::LeftOut(LeftOutReason::SitesOwn));

#[test]
fn it_ends_with_the_accounts_and_scans_nothing() {
    let mut broker = Broker::new();
    assert_eq!(broker.artist(true).status, QueryStatus::LinkFinder);
    let names = [on_x("a"), on_x("gone"), on_x("blocked"), on_bluesky("a.example")];
    broker.find(&names);
    let view = broker.artist(true);
    assert_eq!((view.status, view.look_up), (QueryStatus::LinkFinder, Some(MicroUsd(30_000))));
    let (lease, _) = broker.leased.iter().find(|(_, work)| is_look_up(Network::Twitter)(work)).unwrap();
    let reads = PaidReads { resource: Resource::User, ids: vec![1, 2, 3] };
    broker.tell(StageToBroker::Paid { lease: *lease, reads });
    let gone = (names[1].clone(), ResolutionOutcome::Missing);
    let mut blocked = readable(&names[2]);
    if let ResolutionOutcome::Readable(account) = &mut blocked.1 {
        account.handle = "blocked".into();
    }
    broker.resolve(Network::Twitter, vec![readable(&names[0]), gone, blocked]);
    broker.resolve(Network::Bluesky, vec![readable(&names[3])]);
    let view = broker.artist(true);
    assert_eq!((view.status, view.error, view.cost), (QueryStatus::End, None, MicroUsd(30_000)));
    let named: Vec<_> = view.accounts.iter().map(|one| (one.handle.as_str(), one.evidence)).collect();
    let because = Some(Evidence::ProfileField);
    assert_eq!(named, [("new_a", because), ("new_a.example", because)]);
    let blocked = ("blocked", Standing::LeftOut(LeftOutReason::Blocklist));
    assert_eq!(others(&view), [SITES_OWN, ("gone", Standing::Missing), blocked]);
    broker.assert_nothing_scanned();
    let [JournalEntry::Accepted { key, request }, JournalEntry::Ended { key: ended }] = &*broker.journal
    else {
        panic!("{:?}", broker.journal)
    };
    assert_eq!((key, key.as_str()), (ended, "https://site.example/1 artist"));
    assert!(matches!(request, AcceptedRequest::Artist { resolve: true, .. }), "{request:?}");
}

#[test]
fn as_pages_name_them_nobody_is_asked() {
    let mut broker = Broker::new();
    broker.artist(false);
    broker.find(&[on_x("a"), on_x("blocked"), on_bluesky("a.example")]);
    let view = broker.artist(false);
    assert_eq!((view.status, view.error), (QueryStatus::End, None));
    assert_eq!((view.look_up, view.cost), (Some(MicroUsd(20_000)), MicroUsd(0)));
    let unasked = Standing::Unasked { why: "was not looked up (resolve=0)".into() };
    let blocked = ("blocked", Standing::LeftOut(LeftOutReason::Blocklist));
    assert_eq!(others(&view), [SITES_OWN, ("a", unasked.clone()), blocked, ("a.example", unasked)]);
    assert!(broker.leased.is_empty(), "{:?}", broker.leased);
    // Who wants more is told more.
    assert_eq!(broker.artist(true).status, QueryStatus::LinkFinder);
}

#[test]
fn without_budget_the_others_are_asked_and_that_is_said() {
    let mut broker = Broker::new();
    broker.spend(5.0);
    broker.artist(true);
    let names = [on_x("a"), on_bluesky("a.example")];
    broker.find(&names);
    broker.resolve(Network::Bluesky, vec![readable(&names[1])]);
    let view = broker.artist(true);
    assert_eq!((view.status, view.error, view.accounts.len()), (QueryStatus::End, None, 1));
    let Some(("a", Standing::Unasked { why })) = others(&view).into_iter().nth(1) else { panic!("{view:?}") };
    assert!(why.starts_with("was not looked up: $5.00 of the $5.00 for this day are spent"), "{why}");
    // The day may end, or the budget be raised: this is not kept for long.
    broker.pass(Duration::from_secs(601));
    assert_eq!(broker.artist(true).status, QueryStatus::LinkFinder);
    broker.find(&names[..1]);
    let view = broker.artist(true);
    assert_eq!(
        (view.status, view.error, view.accounts.len()),
        (QueryStatus::End, None, 0),
        "X alone: {view:?}"
    );
}

#[test]
fn a_network_that_cannot_be_asked_spoils_nothing() {
    let mut broker = Broker::new();
    broker.artist(true);
    let names = [on_x("a"), on_bluesky("a.example")];
    broker.find(&names);
    let failed = LeaseOutcome::Failed { code: FailureCode::ProcessingError, why: "no key".into() };
    broker.report(is_look_up(Network::Twitter), failed);
    broker.resolve(Network::Bluesky, vec![(names[1].clone(), ResolutionOutcome::Private)]);
    let view = broker.artist(true);
    assert_eq!((view.status, view.error), (QueryStatus::End, None));
    let unasked = Standing::Unasked { why: "could not be looked up (no key)".into() };
    assert_eq!(others(&view), [SITES_OWN, ("a", unasked), ("a.example", Standing::Private)]);
}

#[test]
fn where_nobody_is_left_it_is_an_error_that_says_why() {
    let mut broker = Broker::new();
    broker.artist(true);
    broker.find(&[]);
    let view = broker.artist(true);
    assert_eq!(view.error, Some(FailureCode::NoTwitterAccountFound), "{view:?}");

    broker.view(artist("https://site.example/2", true));
    broker.find(&[on_x("a")]);
    broker.resolve(Network::Twitter, vec![(on_x("a"), ResolutionOutcome::Suspended)]);
    let view = broker.view(artist("https://site.example/2", true));
    assert_eq!(view.error, Some(FailureCode::NoValidTwitterAccountFound));
    assert_eq!(view.error_detail, "None of the artist's accounts can be named: twitter:@a is suspended.");

    // A picture that is hidden from visitors hides no artist.
    broker.view(artist("https://site.example/3", true));
    let no_image = NoImage { code: FailureCode::ProcessingError, why: "log in".into() };
    let hidden = LinksFound { images: vec![], no_image: Some(no_image), ..links(&[on_x("a")]) };
    let hidden = LeaseOutcome::Done(StageOutput::Links(Box::new(hidden)));
    broker.report(|work| matches!(work, Work::FindLinks { .. }), hidden);
    broker.resolve(Network::Twitter, vec![readable(&on_x("a"))]);
    let view = broker.view(artist("https://site.example/3", true));
    assert_eq!((view.status, view.error, view.accounts.len()), (QueryStatus::End, None, 1));
    broker.assert_nothing_scanned();

    for text in ["hello", "ftp://a.example/"] {
        let view = broker.view(artist(text, true));
        assert_eq!((view.status, view.error), (QueryStatus::End, Some(FailureCode::NotAnUrl)), "{text}");
        assert!(view.wanted.is_artist());
    }
}

#[test]
fn who_asked_for_posts_has_the_answer_already() {
    let mut broker = Broker::new();
    let posts = broker.posts();
    let known = FrontQuestion::KnownArtist { url: PAGE.into(), networks: Networks::default(), resolve: true };
    let unknown = broker.ask(known.clone());
    assert!(matches!(unknown, FrontAnswer::Refused { code: FailureCode::NoSuchRequest, .. }), "{unknown:?}");
    let names = [on_x("a"), on_bluesky("gone.example")];
    broker.find(&names);
    let gone = (names[1].clone(), ResolutionOutcome::Missing);
    let all = |work: &Work| matches!(work, Work::Resolve { .. });
    let resolved = [readable(&names[0]), gone].map(|(asked, outcome)| Resolution { asked, outcome });
    broker.report(all, LeaseOutcome::Done(StageOutput::Resolved(resolved.to_vec())));
    // It goes on with its scans, which are nothing to who wants the artist.
    let journal = broker.journal.len();
    for resolve in [true, false] {
        let view = broker.artist(resolve);
        assert_eq!((view.status, view.error, &view.id), (QueryStatus::End, None, &posts.id));
        assert_eq!((view.accounts.len(), view.wanted.resolves(), view.cost), (1, resolve, MicroUsd(0)));
        assert_eq!(others(&view), [SITES_OWN, ("gone.example", Standing::Missing)]);
    }
    assert_eq!(broker.view(known).status, QueryStatus::End);
    assert_eq!((broker.state.queries.len(), broker.journal.len()), (1, journal));
    // On some networks it is another question.
    let on_x = Networks::of([Network::Twitter]).unwrap();
    let client = Client::Exempt;
    let view = broker.view(FrontQuestion::Artist { url: PAGE.into(), client, networks: on_x, resolve: true });
    assert_eq!(view.status, QueryStatus::LinkFinder);
}

#[test]
fn what_the_budget_kept_from_a_query_is_asked_for_the_artist() {
    let mut broker = Broker::new();
    broker.spend(5.0);
    broker.posts();
    broker.find(&[on_x("a")]);
    assert_eq!(broker.posts().error, Some(FailureCode::ApiBudgetExhausted));
    assert_eq!(broker.artist(true).status, QueryStatus::LinkFinder, "the pages name it all the same");
}

#[test]
fn limits_are_those_of_every_query() {
    let mut broker = Broker::new();
    broker.artist(true);
    let second = broker.ask(artist("https://site.example/2", false));
    let code = FailureCode::YourIpHasMaxProcessingRequests;
    assert!(matches!(&second, FrontAnswer::Refused { code: found, .. } if *found == code), "{second:?}");
    broker.find(&[]);
    broker.view(artist("https://site.example/2", false));
}

#[test]
fn it_goes_on_after_the_broker_died_and_can_be_cancelled() {
    let mut broker = Broker::new();
    broker.artist(false);
    let [JournalEntry::Accepted { request, .. }] = &*broker.journal else { panic!("{:?}", broker.journal) };
    let unfinished = vec![request.clone()];
    let mut next = Broker::new();
    next.handle(Event::FromStore(FromStorekeeper::Opened {
        counts: StoreCounts::default(),
        unfinished,
        ledger: Ledger::default(),
        index: IndexProgress::default(),
        marks: Vec::new(),
        removals_left: Vec::new(),
        watches: Vec::new(),
    }));
    next.find(&[on_x("a")]);
    assert_eq!((next.artist(false).status, next.state.queries.len()), (QueryStatus::End, 1));

    broker.ask(FrontQuestion::Cancel { what: PAGE.to_owned() });
    let view = broker.artist(false);
    assert_eq!((view.status, view.error), (QueryStatus::End, Some(FailureCode::Cancelled)));
}
