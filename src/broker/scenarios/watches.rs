//! Watches: accounts are found out, looked up and listed by plan, and whatever is stored of them is told.

use std::time::Duration;

use super::cancelling::{Broker, account};
use crate::base::Timestamp;
use crate::base::ids::{AccountKey, ContainerId, ImageId, LeaseId, Network, Networks, PostKey};
use crate::base::roles::{Role, Stage};
use crate::broker::vocabulary::Event;
use crate::domain::accounts::{AccountRef, AccountState, Resolution, ResolutionOutcome};
use crate::domain::scans::{Cursor, Reach};
use crate::domain::watches::{FeedEntry, FeedImage, FeedPost, Watch, WatchId};
use crate::proto::front::{FrontAnswer, FrontQuestion, WatchOrder, WatchView, WatchesAnswer};
use crate::proto::stage::{Answer, Question, StageToBroker};
use crate::proto::work::{LeaseOutcome, StageOutput, Work};
use crate::storekeeper::orders::{FromStorekeeper, ToStorekeeper};

const ID: WatchId = WatchId(7);
const HOOKS: ContainerId = ContainerId(6);
const BREATH: Duration = Duration::from_secs(5);
const HOUR: Duration = Duration::from_secs(3600);

impl Broker {
    /// The oldest question to the database that is not answered yet.
    fn asked(&mut self) -> Question {
        let place = self.orders.iter().position(|order| matches!(order, ToStorekeeper::Ask { .. }));
        match &self.orders[place.expect("the database is asked something")] {
            ToStorekeeper::Ask { question, .. } => question.clone(),
            _ => unreachable!(),
        }
    }

    fn database_says(&mut self, answer: Answer) {
        let place = self.orders.iter().position(|order| matches!(order, ToStorekeeper::Ask { .. })).unwrap();
        let ToStorekeeper::Ask { ticket, .. } = self.orders.remove(place) else { unreachable!() };
        self.handle(Event::FromStore(FromStorekeeper::Answered { ticket, answer }));
    }

    fn is_database_asked(&self) -> bool {
        self.orders.iter().any(|order| matches!(order, ToStorekeeper::Ask { .. }))
    }

    fn watches(&mut self, order: WatchOrder) -> Option<WatchesAnswer> {
        self.ask(FrontQuestion::Watches(order));
        self.said()
    }

    fn said(&mut self) -> Option<WatchesAnswer> {
        match self.answers.pop()? {
            FrontAnswer::Watches(answer) => Some(answer),
            other => panic!("{other:?}"),
        }
    }

    /// Begins a watch, up to where it is kept.
    fn begin(&mut self, subject: &str, webhook: Option<&str>) -> WatchView {
        let webhook = webhook.map(str::to_owned);
        let (who, name) = ("bot".to_owned(), subject.to_owned());
        let order = WatchOrder::Begin { id: ID, who, subject: name, networks: Networks::default(), webhook };
        assert_eq!(self.watches(order), None, "not before it is kept");
        assert!(matches!(self.asked(), Question::KeepWatch(watch) if watch.subject == subject));
        self.database_says(Answer::Done);
        match self.said() {
            Some(WatchesAnswer::Begun { watch, is_new: true }) => watch,
            other => panic!("{other:?}"),
        }
    }

    fn listed(&mut self) -> Vec<WatchView> {
        match self.watches(WatchOrder::List { who: None, after: None }) {
            Some(WatchesAnswer::List { watches, more: false }) => watches,
            other => panic!("{other:?}"),
        }
    }

    fn resolved(&mut self, outcome: ResolutionOutcome) {
        let (_, work) = self.leased.last().unwrap();
        let Work::Resolve { refs } = work else { panic!("{work:?}") };
        let asked = refs[0].clone();
        self.report(StageOutput::Resolved(vec![Resolution { asked, outcome }]));
    }

    /// A watch of an account, up to where the database is asked how far it is listed.
    fn watching(&mut self, webhook: Option<&str>) {
        self.begin("a1", webhook);
        self.resolved(ResolutionOutcome::Readable(account("1")));
        assert!(matches!(self.asked(), Question::KeepWatch(watch) if watch.accounts.len() == 1));
        self.database_says(Answer::Done);
        if webhook.is_some() {
            self.feed_is(&[]);
        }
        assert_eq!(self.asked(), Question::AccountStates(vec![account("1").key]));
    }

    /// The database is asked for the feed, and says this.
    fn feed_is(&mut self, entries: &[FeedEntry]) {
        assert!(matches!(self.asked(), Question::Feed { skip: 0, .. }), "{:?}", self.asked());
        self.database_says(Answer::Feed { entries: entries.to_vec(), more: false });
    }

    /// What the webhook is being told.
    fn tells(&self) -> Option<(LeaseId, u64)> {
        match self.leased.last() {
            Some((lease, Work::Tell(post))) => Some((*lease, post.entry.changed.0)),
            _ => None,
        }
    }

    /// The webhook has heard it.
    fn hears(&mut self, lease: LeaseId) {
        self.leased.clear();
        let outcome = LeaseOutcome::Done(StageOutput::Delivered);
        self.handle(Event::FromStage(HOOKS, StageToBroker::Report { lease, outcome, elapsed_micros: 1 }));
    }

    /// A worker that tells webhooks.
    fn with_deliveries(&mut self) {
        let workers = vec![vec![Stage::Delivery]];
        let hello = StageToBroker::Hello { role: Role::Maintenance, pid: 2, workers };
        self.handle(Event::FromStage(HOOKS, hello));
        self.handle(Event::FromStage(HOOKS, StageToBroker::Ready { worker: 0 }));
    }

    fn pass(&mut self, by: Duration) {
        self.now.mono = self.now.mono.plus(by);
        self.now.wall = self.now.wall.plus(by);
        self.handle(Event::Tick);
    }

    fn reaches(&self) -> Vec<Reach> {
        self.state.running_scans.keys().map(|(_, reach)| *reach).collect()
    }
}

fn entry(native: &str, changed: u64, published: Timestamp) -> FeedEntry {
    let post = FeedPost {
        key: PostKey::new(Network::Twitter, native),
        account: account("1").key,
        handle: None,
        published: Some(published),
        stored: published,
        images: vec![FeedImage { position: 1, name: "a.jpg".to_owned(), size: None }],
    };
    FeedEntry { posts: vec![post], changed: ImageId(changed) }
}

#[test]
fn an_account_is_looked_up_and_the_time_of_the_watch_is_listed() {
    let mut broker = Broker::new();
    broker.watching(None);
    broker.database_says(Answer::AccountStates(vec![AccountState::unknown(account("1").key)]));
    let now = broker.now.wall;
    let [Reach::Window(window)] = broker.reaches()[..] else { panic!("{:?}", broker.reaches()) };
    assert_eq!((window.from, window.to), (now.minus(HOUR * 24 * 7), now), "not all that was posted before");
    // The scan is still under way: the next round adds none.
    broker.pass(HOUR);
    assert!(!broker.is_database_asked());
    assert_eq!(broker.reaches().len(), 1);
}

#[test]
fn an_account_that_was_scanned_whole_is_listed_from_its_cursor() {
    let mut broker = Broker::new();
    broker.watching(None);
    let now = broker.now.wall;
    let state = AccountState {
        search_cursor: Some(now.minus(HOUR)),
        search_listed_at: Some(now.minus(HOUR)),
        timeline_listed_at: Some(now.minus(HOUR)),
        ..AccountState::unknown(account("1").key)
    };
    broker.database_says(Answer::AccountStates(vec![state]));
    assert_eq!(broker.reaches(), [Reach::Whole]);
    let listed = broker.leased.iter().find_map(|(_, work)| match work {
        Work::ListPosts { cursor: Cursor::Search(since), .. } => Some(*since),
        _ => None,
    });
    assert_eq!(listed, Some(Some(now.minus(HOUR))));
}

#[test]
fn what_is_no_subjector_too_much_is_refused() {
    let mut broker = Broker::new();
    broker.state.policy.max_watches_per_key = 1;
    let begin = |subject: &str, webhook: Option<&str>, who: &str| WatchOrder::Begin {
        id: WatchId(8),
        who: who.to_owned(),
        subject: subject.to_owned(),
        networks: Networks::default(),
        webhook: webhook.map(str::to_owned),
    };
    let refused = |broker: &mut Broker, order, expect: &str| match broker.watches(order) {
        Some(WatchesAnswer::Wrong { why }) => assert!(why.contains(expect), "{why}"),
        other => panic!("{other:?}"),
    };
    refused(&mut broker, begin("two words", None, "bot"), "address of an artwork's page");
    refused(&mut broker, begin("a1", Some("nobody"), "bot"), "no webhook");
    broker.begin("a1", None);
    refused(&mut broker, begin("a2", None, "bot"), "watches.most_per_key");
    let Some(WatchesAnswer::Begun { watch, is_new: false }) = broker.watches(begin("@A1", None, "bot"))
    else {
        panic!("the same is one watch")
    };
    assert_eq!(watch.watch.id, ID);
    broker.state.policy.max_watches = 1;
    refused(&mut broker, begin("a2", None, "other"), "(watches.most)");
}

#[test]
fn only_their_own_are_ended_by_keys() {
    let mut broker = Broker::new();
    broker.begin("a1", None);
    let end = |who: Option<&str>| WatchOrder::End { who: who.map(str::to_owned), id: ID };
    assert_eq!(broker.watches(end(Some("other"))), Some(WatchesAnswer::Unknown));
    let list = WatchOrder::List { who: Some("other".to_owned()), after: None };
    assert_eq!(broker.watches(list), Some(WatchesAnswer::List { watches: vec![], more: false }));
    assert_eq!(broker.watches(end(Some("bot"))), None);
    assert_eq!(broker.asked(), Question::EndWatch(ID));
    broker.database_says(Answer::Done);
    assert!(matches!(broker.said(), Some(WatchesAnswer::Ended(watch)) if watch.id == ID));
    assert_eq!(broker.listed(), []);
    broker.ask(FrontQuestion::Feed { watch: ID, skip: 0 });
    assert_eq!(broker.said(), Some(WatchesAnswer::Unknown));
}

#[test]
fn an_account_that_is_not_there_is_told_and_asked_about_seldom() {
    let mut broker = Broker::new();
    broker.begin("a1", None);
    broker.resolved(ResolutionOutcome::Missing);
    let listed = broker.listed();
    assert!(listed[0].problem.as_ref().unwrap().contains("does not exist"), "{listed:?}");
    broker.pass(HOUR * 2);
    assert!(broker.leased.is_empty());
    broker.pass(HOUR * 24);
    broker.resolved(ResolutionOutcome::Readable(account("1")));
    assert_eq!(broker.listed()[0].watch.accounts.len(), 1);
}

#[test]
fn an_account_that_goes_or_moves_is_told() {
    let mut broker = Broker::new();
    broker.watching(None);
    let whole = AccountState {
        search_listed_at: Some(broker.now.wall),
        timeline_listed_at: Some(broker.now.wall),
        ..AccountState::unknown(account("1").key)
    };
    broker.database_says(Answer::AccountStates(vec![whole]));
    let scan = *broker.state.running_scans.values().next().unwrap();
    assert!(broker.state.scans.contains_key(&scan));
    broker.ask(FrontQuestion::Cancel { what: "a1".to_owned() });
    broker.write_down();
    broker.answers.clear();
    broker.pass(HOUR * 24 * 8);
    broker.resolved(ResolutionOutcome::Readable(account("2")));
    let accounts = broker.listed()[0].watch.accounts.clone();
    assert_eq!(accounts[0].unreadable.as_deref(), Some("has moved to @a2"));
    assert_eq!((accounts[1].key.clone(), accounts[1].unreadable.clone()), (account("2").key, None));
    broker.database_says(Answer::Done);
    assert_eq!(broker.asked(), Question::AccountStates(vec![account("2").key]), "where it is now");
}

#[test]
fn a_page_is_watched_by_the_accounts_of_its_artist() {
    let mut broker = Broker::new();
    let view = broker.begin("https://site.example/1", None);
    assert!(view.is_looked_up);
    let links = super::cancelling::links(&["1", "2"]);
    broker.report(StageOutput::Links(Box::new(links)));
    let resolved = ["1", "2"].map(|native| Resolution {
        asked: AccountRef::Id(account(native).key),
        outcome: match native {
            "1" => ResolutionOutcome::Readable(account("1")),
            _ => ResolutionOutcome::Private,
        },
    });
    broker.report(StageOutput::Resolved(resolved.into()));
    let accounts = broker.listed()[0].watch.accounts.clone();
    let told: Vec<(&str, Option<&str>)> =
        accounts.iter().map(|account| (account.key.native.as_str(), account.unreadable.as_deref())).collect();
    assert_eq!(told, [("1", None), ("2", Some("is private"))]);
    broker.database_says(Answer::Done);
    assert_eq!(broker.asked(), Question::AccountStates(vec![account("1").key]));
}

#[test]
fn a_webhook_is_told_of_one_thing_after_the_other_and_of_none_twice() {
    let mut broker = Broker::new();
    broker.with_deliveries();
    broker.watching(Some("bot"));
    broker.database_says(Answer::AccountStates(vec![]));
    let now = broker.now.wall;
    let feed = vec![entry("3", 30, now), entry("2", 20, now), entry("1", 10, now.minus(HOUR))];
    let stored = |broker: &mut Broker| {
        let mut effects = Vec::new();
        let turn = &mut crate::broker::turn::Turn {
            state: &mut broker.state,
            now: broker.now,
            effects: &mut effects,
        };
        crate::broker::rules::watches::on_stored(turn, &account("1").key);
        for effect in effects {
            if let crate::broker::vocabulary::Effect::ToStore(order) = effect {
                broker.orders.push(order);
            }
        }
    };
    stored(&mut broker);
    assert!(!broker.is_database_asked(), "the feed was read just now");
    broker.pass(BREATH);
    assert!(matches!(broker.asked(), Question::Feed { skip: 0, .. }));
    broker.database_says(Answer::Feed { entries: feed[..2].to_vec(), more: true });
    assert!(matches!(broker.asked(), Question::Feed { skip: 2, .. }));
    broker.database_says(Answer::Feed { entries: feed[2..].to_vec(), more: false });
    // What was published before the watch began is no news.
    let (lease, changed) = broker.tells().unwrap();
    assert_eq!(changed, 20);
    // Meanwhile more is stored.
    stored(&mut broker);
    broker.hears(lease);
    assert!(matches!(broker.asked(), Question::KeepWatch(watch) if watch.told == ImageId(20)));
    broker.database_says(Answer::Done);
    let (lease, changed) = broker.tells().unwrap();
    assert_eq!(changed, 30);
    broker.hears(lease);
    broker.database_says(Answer::Done);
    broker.pass(BREATH);
    broker.feed_is(&feed);
    assert_eq!(broker.tells(), None);
}

#[test]
fn what_is_forgotten_on_its_way_to_a_webhook_is_told_no_further() {
    let mut broker = Broker::new();
    broker.with_deliveries();
    broker.begin("a1", Some("bot"));
    broker.resolved(ResolutionOutcome::Readable(account("1")));
    broker.database_says(Answer::Done);
    let now = broker.now.wall;
    broker.feed_is(&[entry("2", 20, now), entry("1", 10, now)]);
    broker.database_says(Answer::AccountStates(vec![]));
    let (lease, changed) = broker.tells().unwrap();
    assert_eq!(changed, 10);
    broker.ask(FrontQuestion::Forget { what: "https://x.com/a1/status/1".to_owned(), note: String::new() });
    broker.write_down();
    assert!(broker.revoked.contains(&lease), "{:?}", broker.orders);
    // The other is told all the same: the feed is read again.
    broker.feed_is(&[entry("2", 20, now), entry("1", 10, now)]);
    // It was told before the worker heard that it is not to.
    broker.hears(lease);
    assert_eq!(broker.tells().map(|(_, changed)| changed), Some(20), "the row is being removed still");
}

#[test]
fn what_is_forgotten_is_watched_no_longer() {
    let mut broker = Broker::new();
    broker.watching(None);
    broker.database_says(Answer::AccountStates(vec![]));
    broker.ask(FrontQuestion::Forget { what: "twitter:1".to_owned(), note: String::new() });
    broker.database_says(Answer::AccountRecords(vec![]));
    broker.answers.clear();
    assert_eq!(broker.listed(), [], "a watch of nothing else ends");
    assert!(
        broker
            .orders
            .iter()
            .any(|order| matches!(order, ToStorekeeper::Ask { question: Question::EndWatch(ID), .. }))
    );
}

#[test]
fn watches_go_on_after_a_start() {
    let mut broker = Broker::new();
    let watch = |id: u128, webhook: Option<&str>| Watch {
        id: WatchId(id),
        subject: "a1".to_owned(),
        who: "bot".to_owned(),
        began: broker.now.wall,
        networks: Networks::default(),
        webhook: webhook.map(str::to_owned),
        told: ImageId(5),
        accounts: vec![crate::domain::watches::WatchedAccount {
            key: AccountKey::new(Network::Twitter, "1"),
            handle: "a1".to_owned(),
            unreadable: None,
            looked_up: broker.now.wall,
        }],
    };
    let watches = vec![watch(1, None), watch(2, Some("bot")), watch(3, None), watch(4, None)];
    broker.handle(Event::FromStore(FromStorekeeper::Opened {
        counts: Default::default(),
        unfinished: vec![],
        ledger: Default::default(),
        index: Default::default(),
        marks: vec![],
        removals_left: vec![],
        watches,
    }));
    assert!(matches!(broker.asked(), Question::Feed { .. }), "what was stored just before may not be told");
    broker.database_says(Answer::Feed { entries: vec![], more: false });
    // The rounds are spread over an hour.
    broker.pass(Duration::from_secs(1));
    assert_eq!(broker.asked(), Question::AccountStates(vec![account("1").key]));
    broker.database_says(Answer::AccountStates(vec![]));
    assert!(!broker.is_database_asked());
    broker.pass(HOUR / 4);
    assert!(broker.is_database_asked());
}

#[test]
fn what_is_begun_counts_before_it_is_kept() {
    let mut broker = Broker::new();
    broker.state.policy.max_watches_per_key = 1;
    let begin = |id, subject: &str| WatchOrder::Begin {
        id: WatchId(id),
        who: "bot".to_owned(),
        subject: subject.to_owned(),
        networks: Networks::default(),
        webhook: None,
    };
    assert_eq!(broker.watches(begin(1, "a1")), None);
    assert!(matches!(broker.watches(begin(2, "a2")), Some(WatchesAnswer::Wrong { .. })));
    assert_eq!(broker.watches(begin(3, "a1")), None, "waits for the first");
    assert_eq!(broker.listed(), [], "it may not be kept");
    broker.database_says(Answer::Done);
    let said: Vec<_> = [broker.said(), broker.said()]
        .map(|answer| match answer {
            Some(WatchesAnswer::Begun { watch, is_new }) => (watch.watch.id, is_new),
            other => panic!("{other:?}"),
        })
        .into();
    assert_eq!(said, [(WatchId(1), false), (WatchId(1), true)]);
}

#[test]
fn what_could_not_be_kept_is_watched_by_nobody() {
    let mut broker = Broker::new();
    let order = WatchOrder::Begin {
        id: ID,
        who: "bot".to_owned(),
        subject: "a1".to_owned(),
        networks: Networks::default(),
        webhook: None,
    };
    assert_eq!(broker.watches(order), None);
    broker.database_says(Answer::Unavailable("the disk is full".to_owned()));
    assert!(matches!(broker.answers.pop(), Some(FrontAnswer::NotNow { why }) if why.contains("disk")));
    assert_eq!(broker.listed(), []);
    broker.begin("a1", None);
}

#[test]
fn what_is_looked_up_meanwhile_does_not_bring_an_ended_watch_back() {
    let mut broker = Broker::new();
    broker.begin("a1", None);
    assert_eq!(broker.watches(WatchOrder::End { who: None, id: ID }), None);
    let lease = broker.leased.last().unwrap().0;
    assert!(broker.revoked.contains(&lease));
    broker.resolved(ResolutionOutcome::Readable(account("1")));
    broker.database_says(Answer::Done);
    assert!(matches!(broker.said(), Some(WatchesAnswer::Ended(_))));
    assert!(!broker.is_database_asked(), "{:?}", broker.orders);
}

#[test]
fn a_key_watches_on_its_networks_only() {
    let mut broker = Broker::new();
    let order = |subject: &str| WatchOrder::Begin {
        id: ID,
        who: "bot".to_owned(),
        subject: subject.to_owned(),
        networks: Networks::of([Network::Mastodon]).unwrap(),
        webhook: None,
    };
    let Some(WatchesAnswer::Wrong { why }) = broker.watches(order("@a1")) else { panic!("X is not theirs") };
    assert!(why.contains("mastodon"), "{why}");
    assert_eq!(broker.watches(order("https://site.example/1")), None);
    broker.database_says(Answer::Done);
    broker.write_down();
    broker.report(StageOutput::Links(Box::new(super::cancelling::links(&["1"]))));
    broker.answers.clear();
    broker.pass(HOUR);
    assert_eq!(broker.listed()[0].watch.accounts, [], "and not through a page either");
}

#[test]
fn a_watch_rests_when_its_key_may_watch_no_more() {
    let mut broker = Broker::new();
    broker.watching(Some("bot"));
    broker.database_says(Answer::AccountStates(vec![]));
    broker.state.policy.watchers.retain(|name| name != "bot");
    broker.pass(HOUR * 24 * 8);
    assert!(broker.leased.is_empty() || !broker.is_database_asked());
    assert!(broker.listed()[0].problem.as_ref().unwrap().contains("rests"));
    broker.ask(FrontQuestion::Feed { watch: ID, skip: 0 });
    assert_eq!(broker.asked(), Question::Feed { accounts: vec![], skip: 0 });
}

#[test]
fn accounts_that_are_private_or_may_not_be_indexed_are_not_shown() {
    let mut broker = Broker::new();
    broker.watching(None);
    broker.database_says(Answer::AccountStates(vec![]));
    let shown = |broker: &mut Broker| {
        broker.ask(FrontQuestion::Feed { watch: ID, skip: 0 });
        let Question::Feed { accounts, .. } = broker.asked() else { panic!("{:?}", broker.asked()) };
        broker.database_says(Answer::Feed { entries: vec![], more: false });
        broker.answers.clear();
        accounts.len()
    };
    assert_eq!(shown(&mut broker), 1);
    broker.leased.clear();
    broker.pass(HOUR * 24 * 8);
    broker.resolved(ResolutionOutcome::Private);
    broker.database_says(Answer::Done);
    assert_eq!(shown(&mut broker), 0);
}
