//! What is forgotten is gone from the first moment on: its scans end, answers that name it are dropped, and nothing
//! begins that is about it.

use std::time::Duration;

use super::cancelling::{Broker, account, links};
use crate::base::Timestamp;
use crate::base::ids::{AccountKey, ImageId, Network, Networks, PostKey};
use crate::broker::vocabulary::Event;
use crate::domain::accounts::{
    AccountRecord, AccountRef, AccountState, Resolution, ResolutionOutcome, SeenHandle,
};
use crate::domain::failure::FailureCode;
use crate::domain::forgotten::{Mark, Removal, Removed, Subject, SubjectKind, Tombstone};
use crate::domain::images::{FoundImage, MatchClass, Variant};
use crate::domain::posts::PostState;
use crate::domain::scans::{Priority, Reach};
use crate::proto::front::{Client, FrontAnswer, FrontQuestion};
use crate::proto::stage::{Answer, Question};
use crate::proto::view::{ForgettingView, QueryView};
use crate::proto::work::{ScanPlan, SearchFound, StageOutput, Work};
use crate::storekeeper::orders::{AcceptedRequest, FromStorekeeper, Ticket, ToStorekeeper};

fn record(native: &str) -> AccountRecord {
    let account = account(native);
    let seen = SeenHandle { handle: account.handle, first_seen: Timestamp(1), last_seen: Timestamp(2) };
    AccountRecord {
        state: AccountState::unknown(account.key),
        known_since: Timestamp(1),
        search_coverage: None,
        timeline_coverage: None,
        newest_seen: None,
        oldest_seen: None,
        posts_read: 0,
        stated_media: None,
        found_media: None,
        uses: 0,
        last_used_at: None,
        handles: vec![seen],
    }
}

impl Broker {
    fn forget(&mut self, what: &str) {
        self.orders.clear();
        self.ask(FrontQuestion::Forget { what: what.to_owned(), note: "n".to_owned() });
    }

    /// The database answers the question that was asked last.
    fn answer(&mut self, answer: Answer) {
        let asked = self.orders.iter().rev().find_map(|order| match order {
            ToStorekeeper::Ask { ticket, .. } => Some(*ticket),
            _ => None,
        });
        let ticket = asked.expect("nothing was asked");
        self.handle(Event::FromStore(FromStorekeeper::Answered { ticket, answer }));
    }

    /// The order to remove something that was given last.
    fn removal(&mut self) -> Option<(Ticket, Subject)> {
        let place = self.orders.iter().position(|order| matches!(order, ToStorekeeper::Forget { .. }))?;
        match self.orders.remove(place) {
            ToStorekeeper::Forget { ticket, subject, .. } => Some((ticket, subject)),
            _ => None,
        }
    }

    fn removed(&mut self, ticket: Ticket, posts: u64, more: bool) {
        let removal = Removal { removed: Removed { posts, ..Removed::default() }, more, since: None };
        let counts = Default::default();
        self.handle(Event::FromStore(FromStorekeeper::Removed { ticket, removal, counts }));
    }

    fn told(&mut self) -> ForgettingView {
        match self.answers.pop() {
            Some(FrontAnswer::Forgetting(view)) => view,
            other => panic!("{other:?}"),
        }
    }

    #[track_caller]
    fn refused(&mut self) -> String {
        match self.answers.pop() {
            Some(FrontAnswer::Refused { detail, .. }) => detail,
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn an_account_is_forgotten_piece_by_piece_and_does_not_come_back() {
    let mut broker = Broker::new();
    broker.index("1", &["1", "2"]);
    broker.index("2", &["1"]);
    broker.write_down();
    broker.answers.clear();
    broker.forget("@a1");
    assert!(broker.is_running("1"), "whose name it is, the database tells");
    broker.answer(Answer::AccountRecords(vec![record("1")]));
    let view = broker.told();
    assert_eq!((view.handle.as_deref(), view.scans, view.has_ended), (Some("a1"), 1, false));
    assert!(!broker.is_running("1") && broker.is_running("2"), "the other one's scan goes on");
    let subject = Subject::Account(account("1").key);
    assert!(broker.orders.contains(&ToStorekeeper::ForgetNotes { subject: subject.clone() }));
    let ended = broker.write_down();
    assert!(ended.contains(&"scan twitter:1".to_owned()), "{ended:?}");
    assert!(ended.contains(&"https://site.example/2".to_owned()), "it was about nobody else: {ended:?}");
    // Asked again meanwhile, it is the same removal.
    let (ticket, removing) = broker.removal().unwrap();
    assert_eq!(removing, subject);
    broker.forget("1");
    broker.answer(Answer::AccountRecords(vec![record("1")]));
    assert!(!broker.told().has_ended && broker.removal().is_none());
    broker.removed(ticket, 5, true);
    let (ticket, _) = broker.removal().expect("the next piece");
    broker.ask(FrontQuestion::Lift { what: "1".to_owned() });
    assert!(broker.refused().contains("still being removed"));
    broker.removed(ticket, 3, false);
    assert!(broker.removal().is_none());
    broker.ask(FrontQuestion::Forgetting { mark: subject.mark() });
    let view = broker.told();
    assert_eq!((view.removed.posts, view.has_ended), (8, true));

    // The page of the account alone says plainly why it shows nothing; nothing is looked up for it.
    broker.now.mono = broker.now.mono.plus(Duration::from_secs(7200));
    broker.handle(Event::Tick);
    let url = "https://site.example/2".to_owned();
    let (networks, client) = (Default::default(), Client::Exempt);
    broker.ask(FrontQuestion::Query { url, client, networks, whole: false, webhook: None });
    broker.write_down();
    broker.report(StageOutput::Links(Box::new(links(&["1"]))));
    broker.ask(FrontQuestion::Query {
        url: "https://site.example/2".to_owned(),
        client: Client::Exempt,
        networks: Default::default(),
        whole: false,
        webhook: None,
    });
    broker.write_down();
    let view = broker.answered();
    assert_eq!(view.error, Some(FailureCode::NoValidTwitterAccountFound));
    assert!(view.error_detail.contains("at the wish of its owner"), "{}", view.error_detail);

    // Lifted, it may be scanned again.
    let mark = subject.mark();
    broker.ask(FrontQuestion::Lift { what: mark.to_string()[..12].to_owned() });
    let Some(ToStorekeeper::Lift { ticket, .. }) = broker.orders.pop() else { panic!() };
    broker.handle(Event::FromStore(FromStorekeeper::Lifted { ticket, was_there: true }));
    assert_eq!(broker.answers.pop(), Some(FrontAnswer::Lifted { mark }));
    broker.ask(FrontQuestion::Lift { what: mark.to_string()[..12].to_owned() });
    assert!(broker.refused().contains("No mark begins so"));
    broker.index("3", &["1"]);
    assert!(broker.is_running("1"));
}

#[test]
fn an_answer_that_names_a_forgotten_post_is_dropped() {
    let mut broker = Broker::new();
    let found = |native: &str| found_image("1", native);
    for (page, native) in [("1", "77"), ("2", "78")] {
        broker.answered_with(page, "1", vec![found(native)]);
    }
    broker.answers.clear();
    broker.forget("https://x.com/a1/status/77");
    let view = broker.told();
    assert_eq!((view.answers, view.scans), (1, 0));
    for (page, is_known) in [("1", false), ("2", true)] {
        let url = format!("https://site.example/{page}");
        broker.ask(FrontQuestion::KnownQuery { url, networks: Default::default(), whole: false });
        let answer = broker.answers.pop();
        assert_eq!(matches!(answer, Some(FrontAnswer::Query(_))), is_known, "{page}: {answer:?}");
    }
    // Until its row is gone, a search still finds it: it is not shown.
    broker.answered_with("3", "1", vec![found("77"), found("79")]);
    let posts: Vec<String> =
        broker.last_view("3").results.into_iter().map(|result| result.post.native).collect();
    assert_eq!(posts, ["79"]);
}

#[test]
fn what_cannot_be_told_is_asked_for() {
    let mut broker = Broker::new();
    broker.forget("@nobody");
    broker.answer(Answer::AccountRecords(vec![]));
    assert!(broker.refused().contains("https://x.com/i/user/ID"));
    broker.forget("@a1");
    broker.answer(Answer::AccountRecords(vec![record("1"), record("2")]));
    let why = broker.refused();
    assert!(why.contains("twitter:1, twitter:2"), "{why}");
    broker.forget("no name at all");
    assert!(broker.refused().contains("give a name of X"));
    broker.forget("@a1");
    broker.answer(Answer::Unavailable("w".to_owned()));
    assert!(matches!(broker.answers.pop(), Some(FrontAnswer::NotNow { .. })));
    // Who has the name now may be somebody else.
    broker.forget("@former");
    broker.answer(Answer::AccountRecords(vec![record("1")]));
    assert!(broker.refused().contains("has another name now"));
    // An id is enough, known or not.
    broker.forget("https://x.com/i/user/4711");
    broker.answer(Answer::AccountRecords(vec![]));
    assert_eq!(broker.told().handle, None);
    assert_eq!(broker.removal().unwrap().1, Subject::Account(AccountKey::new(Network::Twitter, "4711")));
    // A post of Bluesky by its author's name.
    broker.forget("https://bsky.app/profile/a1/post/3k");
    broker.refused();
    broker.forget("https://bsky.app/profile/a1.example/post/3k");
    let mut author = record("1");
    author.state.key = AccountKey::new(Network::Bluesky, "did:plc:a");
    author.handles[0].handle = "A1.example".to_owned();
    broker.answer(Answer::AccountRecords(vec![author]));
    let post = PostKey::new(Network::Bluesky, "at://did:plc:a/app.bsky.feed.post/3k");
    assert_eq!(broker.told().subject, Subject::Post(post));
    broker.ask(FrontQuestion::Forget { what: "1".to_owned(), note: "n".repeat(201) });
    assert!(broker.refused().contains("200 bytes"));
    for (what, expect) in [
        ("abcdefabcdef", "No mark begins so"),
        ("https://x.com/i/user/5", "It is not forgotten"),
        ("@a1", "no name is kept"),
    ] {
        broker.ask(FrontQuestion::Lift { what: what.to_owned() });
        let why = broker.refused();
        assert!(why.contains(expect), "{what}: {why}");
    }
}

#[test]
fn marks_are_listed_and_known_after_a_start() {
    let mut broker = Broker::new();
    let mark = Mark::of_account(&account("1").key);
    broker.handle(Event::FromStore(FromStorekeeper::Opened {
        counts: Default::default(),
        unfinished: vec![AcceptedRequest::Scan {
            account: account("1"),
            reach: Reach::Whole,
            priority: Priority::User,
            searched: None,
            deaths: Default::default(),
        }],
        ledger: Default::default(),
        index: Default::default(),
        marks: vec![mark],
        removals_left: vec![account("1").key],
        watches: vec![],
    }));
    assert_eq!(broker.removal().unwrap().1, Subject::Account(account("1").key), "it goes on");
    assert_eq!(broker.write_down(), ["scan twitter:1"], "nor is it scanned again");
    broker.ask(FrontQuestion::Tombstones { after: None });
    let asked = broker.orders.iter().any(|order| {
        matches!(order, ToStorekeeper::Ask { question: Question::Tombstones { after: None }, .. })
    });
    assert!(asked);
    let tombstone = Tombstone {
        mark,
        kind: SubjectKind::Account,
        network: Network::Twitter,
        at: Timestamp(1),
        note: String::new(),
    };
    broker.answer(Answer::Tombstones(vec![tombstone.clone()]));
    let expect = FrontAnswer::Tombstones { tombstones: vec![tombstone], more: false };
    assert_eq!(broker.answers.pop(), Some(expect));
}

#[test]
fn posts_that_are_gone_are_removed_where_that_is_wanted() {
    for wanted in [true, false] {
        let mut broker = Broker::new();
        broker.state.policy.remove_deleted = wanted;
        broker.checked_with("1", "1", vec![found_image("1", "77")], PostState::Deleted);
        let removed = broker.orders.iter().find_map(|order| match order {
            ToStorekeeper::RemovePosts { posts, .. } => Some(posts.clone()),
            _ => None,
        });
        let expect = wanted.then(|| vec![PostKey::new(Network::Twitter, "77")]);
        assert_eq!(removed, expect);
        assert_eq!(broker.last_view("1").results.len(), 0);
    }
}

impl Broker {
    /// A query about this page, of the artist with this account, that found these images.
    fn answered_with(&mut self, page: &str, native: &str, images: Vec<FoundImage>) {
        self.checked_with(page, native, images, PostState::Visible);
    }

    fn checked_with(&mut self, page: &str, native: &str, images: Vec<FoundImage>, state: PostState) {
        let url = format!("https://site.example/{page}");
        let (networks, client) = (Networks::default(), Client::Exempt);
        self.ask(FrontQuestion::Query { url, client, networks, whole: false, webhook: None });
        self.write_down();
        self.report(StageOutput::Links(Box::new(links(&[native]))));
        let account = account(native);
        let asked = AccountRef::Id(account.key.clone());
        let outcome = ResolutionOutcome::Readable(account.clone());
        self.report(StageOutput::Resolved(vec![Resolution { asked, outcome }]));
        let mut known = AccountState::unknown(account.key);
        known.search_listed_at = Some(Timestamp(1));
        self.report(StageOutput::Plan(ScanPlan {
            scans: vec![],
            up_to_date: vec![known],
            first_time: false,
            verdicts: vec![],
        }));
        // What is stored is looked at, then searched.
        let found = SearchFound { images, ..SearchFound::default() };
        self.report(StageOutput::Found(found.clone()));
        self.report(StageOutput::Found(found));
        let checked = self.leased.last().and_then(|(_, work)| match work {
            Work::CheckPosts { posts } => Some(posts.len()),
            _ => None,
        });
        self.report(StageOutput::Checked(vec![state; checked.expect("posts are checked")]));
        self.write_down();
    }

    fn last_view(&mut self, page: &str) -> QueryView {
        let url = format!("https://site.example/{page}");
        self.ask(FrontQuestion::KnownQuery { url, networks: Networks::default(), whole: false });
        self.answered()
    }
}

/// An image of a post of this account.
fn found_image(account: &str, post: &str) -> FoundImage {
    FoundImage {
        image: ImageId(1),
        post: PostKey::new(Network::Twitter, post),
        account: AccountKey::new(Network::Twitter, account),
        handle: None,
        position: 1,
        count: 1,
        name: "a.jpg".to_owned(),
        published: None,
        distance: 0,
        variant: Variant::AsIs,
        class: MatchClass::Identical,
        second_stage: None,
        part: None,
        said_same: false,
    }
}
