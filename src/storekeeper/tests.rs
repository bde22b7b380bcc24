//! The whole storekeeper over a real database, with an index that only remembers, and with a store
//! and an index that fail when told to.

use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

use proptest::prelude::*;
use tempfile::TempDir;

use super::fakes::{FailingStore, FakeIndex, Fault};
use super::journal_format::tests::{GOLDEN, golden_requests, write_golden, write_odd};
use super::*;
use crate::base::Fingerprint;
use crate::base::ids::{AccountKey, AccountNo, AskId, ImageId, Network, PostKey};
use crate::domain::accounts::Account;
use crate::domain::forgotten::{Mark, Subject};
use crate::domain::images::IndexProgress;
use crate::domain::images::{Detail, ImageFacts, StoreCounts};
use crate::domain::parts::{self, MAX_FURNITURE_BYTES, MAX_PARTS_BYTES, PARTS_VERSION};
use crate::domain::posts::{ImageState, IndexedImage, IndexedPost, ListedImage, ListedPost};
use crate::domain::scans::{Coverage, Cursor, ListingEnd, Priority};
use crate::index::HammingIndex;
use crate::index::codes::image_of;
use crate::index::shared::{Reader, Status};
use crate::proto::MAX_MESSAGE_BYTES;
use crate::proto::front::Client;
use crate::proto::stage::{BrokerToStage, MAX_IMAGES_PER_QUESTION, MAX_PARTS_PER_QUESTION};
use crate::proto::view::QueryView;
use crate::proto::work::{Delivery, MaintenanceTask};
use crate::store::EngineFault;
use crate::storekeeper::orders::{AcceptedRequest, JournalEntry, StorePart, Ticket};

/// Longer than any step takes, even on a busy machine; a test that waits so long has failed.
const DEADLINE: Duration = Duration::from_secs(30);

/// A data folder with its index, and how a storekeeper over it misbehaves.
struct World {
    dir: TempDir,
    index: FakeIndex,
    /// There is an index of codes, a real one.
    with_codes: bool,
    write_fault: Fault,
    read_fault: Fault,
}

impl World {
    fn new() -> World {
        World {
            dir: tempfile::tempdir().unwrap(),
            index: FakeIndex::new(),
            with_codes: false,
            write_fault: Fault::default(),
            read_fault: Fault::default(),
        }
    }

    fn location(&self) -> Location {
        let rule = RetryRule { pause: Duration::ZERO, max_attempts: MAX_ATTEMPTS };
        Location::parse("sqlite:aotf.db", self.dir.path(), rule).unwrap()
    }

    fn codes_folder(&self) -> PathBuf {
        self.dir.path().join("codes")
    }

    fn start(&self) -> Running {
        let (said, heard) = crossbeam_channel::unbounded();
        let (to, orders) = channel();
        let failing = |inner, fault: &Fault| Box::new(FailingStore { inner, fault: Arc::clone(fault) });
        let parts = Parts {
            store: failing(self.location().open().unwrap(), &self.write_fault),
            reader: failing(self.location().open_reader().unwrap(), &self.read_fault),
            state: StateFile::open(&self.dir.path().join("state.db")).unwrap(),
            maintenance: maintenance(),
            results: None,
            tell: Arc::new(move |message| said.send(message).unwrap_or_default()),
            halt: Halt::default(),
        };
        let codes = self.with_codes.then(|| CodesWriter::open(&self.codes_folder()).unwrap().0);
        let indexes = Indexes { images: self.index.clone(), codes };
        let handle = launch(parts, indexes, orders).unwrap();
        Running { to, heard, handle }
    }
}

fn maintenance() -> Maintenance {
    let mut maintenance = crate::config::Settings::default().maintenance;
    maintenance.retry = Duration::ZERO;
    maintenance.auto_update = Some(Duration::ZERO);
    maintenance.strict_periods = true;
    maintenance
}

struct Running {
    to: Sender<ToStorekeeper>,
    heard: Receiver<FromStorekeeper>,
    handle: StorekeeperHandle,
}

impl Running {
    fn opened(self) -> (Running, StoreCounts, Vec<AcceptedRequest>) {
        match self.next() {
            FromStorekeeper::Opened { counts, unfinished, .. } => (self, counts, unfinished),
            other => panic!("not opened first: {other:?}"),
        }
    }

    fn send(&self, message: ToStorekeeper) {
        self.to.send_timeout(message, DEADLINE).unwrap();
    }

    #[track_caller]
    fn next(&self) -> FromStorekeeper {
        // Trouble has tests of its own; here it is what the others happen in.
        let said = || self.heard.recv_timeout(DEADLINE).expect("the storekeeper says something");
        std::iter::repeat_with(said)
            .find(|message| !matches!(message, FromStorekeeper::Trouble { .. }))
            .expect("it goes on for ever")
    }

    /// What is said next of the trouble of this part, before anything else is.
    #[track_caller]
    fn trouble(&self, wanted: StorePart) -> Option<String> {
        loop {
            match self.heard.recv_timeout(DEADLINE).expect("the trouble is told") {
                FromStorekeeper::Trouble { part, why } if part == wanted => return why,
                FromStorekeeper::Trouble { .. } => {}
                other => panic!("no trouble: {other:?}"),
            }
        }
    }

    #[track_caller]
    fn ask(&self, question: Question) -> Answer {
        self.send(ToStorekeeper::Ask { ticket: Ticket(4711), question });
        match self.next() {
            FromStorekeeper::Answered { ticket: Ticket(4711), answer } => answer,
            other => panic!("no answer: {other:?}"),
        }
    }

    #[track_caller]
    fn expect_stored(&self, ticket: u64) -> StoreCounts {
        match self.next() {
            FromStorekeeper::Stored { ticket: Ticket(found), counts } if found == ticket => counts,
            other => panic!("{ticket} was not stored: {other:?}"),
        }
    }

    /// Ends it in order; what it still said.
    fn stop(self) -> Vec<FromStorekeeper> {
        self.send(ToStorekeeper::Stop);
        assert!(self.handle.finish(DEADLINE), "ended in time");
        self.heard.try_iter().collect()
    }
}

fn account(native: u64) -> Account {
    Account {
        key: AccountKey::new(Network::Twitter, native.to_string()),
        handle: format!("artist{native}"),
        posts: None,
    }
}

fn image(name: &str, fingerprint: u64) -> IndexedImage {
    let detail = Detail { phash256: [0; 4], thumbnail: vec![0; 192], trimmed: None };
    let fingerprint = Fingerprint(fingerprint);
    let facts = ImageFacts { fingerprint, solid_ground: true, width: 1, height: 1, detail, parts: None };
    IndexedImage::new(name, ImageState::Fingerprinted(facts))
}

fn failed(name: &str) -> IndexedImage {
    let state = ImageState::Failed { url: format!("https://host/{name}"), why: "x".to_owned() };
    IndexedImage::new(name, state)
}

/// One post with these images, of the account 1.
fn store(ticket: u64, native: u64, images: Vec<IndexedImage>) -> ToStorekeeper {
    let key = PostKey::new(Network::Twitter, native.to_string());
    let posts = vec![IndexedPost::of_images(key, None, images)];
    ToStorekeeper::StorePosts { ticket: Ticket(ticket), account: account(1), posts }
}

/// The same as others write it.
fn change(native: u64, fingerprint: u64) -> Change {
    match store(0, native, vec![image("a", fingerprint)]) {
        ToStorekeeper::StorePosts { account, posts, .. } => Change::Posts { account, posts },
        other => panic!("{other:?}"),
    }
}

fn cursor(ticket: u64, native: u64, cursor: u64) -> ToStorekeeper {
    let end = ListingEnd {
        cursor: Cursor::Timeline(Some(cursor.to_string())),
        newest: None,
        oldest: None,
        coverage: Coverage::Complete,
        posts_read: 1,
        media: None,
    };
    ToStorekeeper::StoreCursor { ticket: Ticket(ticket), account: account(native), end }
}

fn listed(native: u64) -> ListedPost {
    let key = PostKey::new(Network::Twitter, native.to_string());
    ListedPost::of_images(key, None, [ListedImage::new("a", "https://host/a")]).unwrap()
}

fn filter(ticket: u64, posts: Vec<ListedPost>) -> ToStorekeeper {
    ToStorekeeper::FilterNew { ticket: Ticket(ticket), account: account(1), posts }
}

fn a_query(url: &str) -> AcceptedRequest {
    AcceptedRequest::Query {
        url: url.to_owned(),
        networks: Default::default(),
        client: Client::Exempt,
        webhooks: vec![],
        whole: false,
        deaths: 0,
    }
}

fn states(native: u64) -> Question {
    Question::AccountStates(vec![account(native).key])
}

#[test]
fn what_is_told_as_stored_is_durable_and_searchable() {
    let world = World::new();
    let (running, counts, unfinished) = world.start().opened();
    assert_eq!((counts, unfinished), (StoreCounts::default(), vec![]));
    assert!(world.index.complete.load(Ordering::SeqCst));
    running.send(store(1, 10, vec![image("a", 5), failed("b")]));
    let counts = running.expect_stored(1);
    assert_eq!(
        counts,
        StoreCounts { accounts: 1, posts: 1, images: 2, retries: 1, ..StoreCounts::default() }
    );
    assert_eq!(world.index.ids(), [1]);
    assert_eq!(world.location().open_reader().unwrap().counts().unwrap(), counts);
    running.send(filter(2, vec![listed(10), listed(11)]));
    assert_eq!(running.next(), FromStorekeeper::NewPosts { ticket: Ticket(2), posts: vec![listed(11)] });
    running.send(cursor(3, 1, 10));
    running.expect_stored(3);
    let Answer::AccountStates(found) = running.ask(states(1)) else { panic!() };
    assert_eq!(found[0].timeline_cursor.as_deref(), Some("10"));
    assert_eq!(running.stop(), []);
}

#[test]
fn what_is_forgotten_leaves_database_index_and_notes() {
    let world = World::new();
    let (running, ..) = world.start().opened();
    for (ticket, native) in [(1, 10), (2, 11)] {
        running.send(store(ticket, native, vec![image("a", native), image("b", native)]));
        running.expect_stored(ticket);
    }
    assert_eq!(world.index.ids(), [1, 2, 3, 4]);
    let mut file = StateFile::open(&world.dir.path().join("state.db")).unwrap();
    let (ten, eleven) = (PostKey::new(Network::Twitter, "10"), PostKey::new(Network::Twitter, "11"));
    file.want_posts(&[ten.clone(), eleven]).unwrap();
    let wanted = file.count_wanted().unwrap().0;

    let subject = Subject::Post(ten.clone());
    running.send(ToStorekeeper::ForgetNotes { subject: subject.clone() });
    running.send(ToStorekeeper::Forget { ticket: Ticket(3), subject, note: "n".to_owned() });
    let removed = |removed| match removed {
        FromStorekeeper::Removed { removal, counts, .. } => {
            (removal.removed.posts, removal.more, counts.images)
        }
        other => panic!("{other:?}"),
    };
    assert_eq!(removed(running.next()), (1, false, 2));
    running.send(store(4, 10, vec![image("a", 10)]));
    running.expect_stored(4);
    // The index loses them at once, and is told to have: a later order is carried out after that.
    running.send(store(5, 12, vec![image("c", 12)]));
    running.expect_stored(5);
    wait_until(|| world.index.ids() == [3, 4, 5]);
    wait_until(|| world.location().open_reader().unwrap().removed_images(9).unwrap().is_empty());
    wait_until(|| {
        StateFile::open(&world.dir.path().join("state.db")).unwrap().count_wanted().unwrap().0 == wanted - 1
    });

    // What its network no longer has is gone from the database at once, from the index with time.
    running.send(ToStorekeeper::RemovePosts {
        ticket: Ticket(6),
        posts: vec![PostKey::new(Network::Twitter, "12")],
    });
    assert_eq!(removed(running.next()), (1, false, 2));
    let Answer::Tombstones(marks) = running.ask(Question::Tombstones { after: None }) else { panic!() };
    assert_eq!(marks.len(), 1);
    assert_eq!(running.stop(), []);
    assert_eq!(world.index.ids(), [3, 4, 5]);

    // At the next start, too; and the mark is known.
    let running = world.start();
    let FromStorekeeper::Opened { marks, removals_left, .. } = running.next() else { panic!() };
    assert_eq!((marks, removals_left), (vec![Mark::of_post(&ten)], vec![]));
    wait_until(|| world.index.ids() == [3, 4]);
    running.send(ToStorekeeper::Lift { ticket: Ticket(7), mark: Mark::of_post(&ten) });
    assert_eq!(running.next(), FromStorekeeper::Lifted { ticket: Ticket(7), was_there: true });
    running.stop();
}

/// What another thread does soon.
#[track_caller]
fn wait_until(mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + DEADLINE;
    while !is_so() {
        assert!(Instant::now() < deadline, "it did not come to be so");
        std::thread::yield_now();
    }
}

/// An image with as many bytes of features.
fn featured(name: &str, bytes: usize) -> IndexedImage {
    let mut image = image(name, 5);
    if let ImageState::Fingerprinted(facts) = &mut image.state {
        facts.parts = Some(parts::Parts(vec![PARTS_VERSION; bytes]));
    }
    image
}

#[test]
fn features_come_in_answers_of_one_message() {
    let world = World::new();
    let (running, ..) = world.start().opened();
    // Of an account whose first images were stored before there were features.
    for post in 0..20 {
        running.send(store(post, 100 + post, (0..10).map(|n| image(&format!("{n}"), 5)).collect()));
        running.expect_stored(post);
    }
    for post in 20..30 {
        let bytes = if post % 2 == 0 { MAX_PARTS_BYTES } else { 700 };
        running.send(store(post, 100 + post, (0..10).map(|n| featured(&format!("{n}"), bytes)).collect()));
        running.expect_stored(post);
    }
    let (mut found, mut after, mut questions) = (Vec::new(), ImageId(0), 0);
    loop {
        let answer = running.ask(Question::AccountParts { account: AccountNo(1), after });
        let message = BrokerToStage::Answer { ask: AskId(u64::MAX), answer: answer.clone() };
        assert!(postcard::to_stdvec(&message).unwrap().len() < MAX_MESSAGE_BYTES);
        let Answer::AccountParts { images, next } = answer else { panic!() };
        found.extend(images.iter().map(|(image, ..)| image.0));
        questions += 1;
        match next {
            Some(next) => after = next,
            None => break,
        }
    }
    assert_eq!(found, (201..=300).collect::<Vec<_>>());
    assert!(questions <= 4, "{questions} questions");
    let nobody = running.ask(Question::AccountParts { account: AccountNo(9), after: ImageId(0) });
    assert_eq!(nobody, Answer::AccountParts { images: vec![], next: None });

    let ids = [5, 300, 201].map(ImageId).to_vec();
    let Answer::PartsOf(parts) = running.ask(Question::PartsOf(ids)) else { panic!() };
    assert_eq!(parts.iter().map(|(image, _)| image.0).collect::<Vec<_>>(), [300, 201]);
    let many = (201..=300).map(ImageId).collect();
    let Answer::PartsOf(parts) = running.ask(Question::PartsOf(many)) else { panic!() };
    assert_eq!(parts.len(), MAX_PARTS_PER_QUESTION);

    assert_eq!(running.ask(Question::Furniture), Answer::Furniture(None));
    let list = vec![7; MAX_FURNITURE_BYTES];
    assert_eq!(running.ask(Question::KeepFurniture(list.clone())), Answer::Done);
    let longer = Question::KeepFurniture(vec![7; MAX_FURNITURE_BYTES + 1]);
    assert!(matches!(running.ask(longer), Answer::Unavailable(_)));
    let Answer::Furniture(Some((_, kept))) = running.ask(Question::Furniture) else { panic!() };
    assert_eq!(kept, list);
    let sample = |limit| match running.ask(Question::PartsSample { after: AccountNo(0), limit }) {
        Answer::PartsSample { parts, next } => (parts.len(), next),
        other => panic!("{other:?}"),
    };
    assert_eq!((sample(1), sample(u32::MAX)), ((1, Some(AccountNo(1))), (1, None)));
    running.stop();
}

#[test]
fn questions_are_answered() {
    let world = World::new();
    let (running, ..) = world.start().opened();
    running.send(store(1, 10, vec![image("a", 5), failed("b")]));
    running.expect_stored(1);
    running.send(ToStorekeeper::CountUse { accounts: vec![account(1).key] });
    let key = account(1).key;
    let numbers = running.ask(Question::AccountNumbers(vec![key.clone()]));
    assert_eq!(numbers, Answer::AccountNumbers(vec![(key.clone(), AccountNo(1))]));
    let asked = Question::Images(vec![ImageId(1), ImageId(9)]);
    let Answer::Images { records: images, looked_up } = running.ask(asked) else { panic!() };
    assert_eq!((images.len(), images[0].count, looked_up), (1, 2, 2));
    let many = running.ask(Question::Images(vec![ImageId(1); 5000]));
    assert!(matches!(many, Answer::Images { records, .. } if records.len() == MAX_IMAGES_PER_QUESTION));
    let Answer::Retries(retries) = running.ask(Question::RetriesDue { limit: 5 }) else { panic!() };
    assert_eq!((retries.len(), retries[0].post.images[0].name.as_str()), (1, "b"));
    let due = |task| Question::AccountsDue { task, limit: 5 };
    let reset = running.ask(due(MaintenanceTask::ResetSearchCursors));
    assert_eq!(reset, Answer::Accounts(vec![]));
    assert_eq!(running.ask(due(MaintenanceTask::RetryPosts)), Answer::Accounts(vec![]));
    assert_eq!(running.ask(Question::ResetSearchCursors(vec![key])), Answer::Done);
    let order = Question::StartScans { scans: vec![], priority: Priority::Maintenance };
    assert!(matches!(running.ask(order), Answer::Unavailable(_)));
    running.stop();
}

#[test]
fn wanted_posts_are_told_until_they_are_settled() {
    let world = World::new();
    let posts = [1, 2].map(|native| PostKey::new(Network::Twitter, native.to_string()));
    let (running, ..) = world.start().opened();
    let due = Question::WantedPostsDue { limit: 5 };
    assert_eq!(running.ask(due.clone()), Answer::WantedPosts(vec![]));
    // Somebody else notes them, as `aotf db add` does beside the running program.
    let mut state = StateFile::open(&world.dir.path().join("state.db")).unwrap();
    assert_eq!(state.want_posts(&posts).unwrap(), 2);
    assert_eq!(running.ask(due.clone()), Answer::WantedPosts(posts.to_vec()));
    running.send(ToStorekeeper::SettleWanted { posts: posts[..1].to_vec() });
    assert_eq!(running.ask(due), Answer::WantedPosts(posts[1..].to_vec()));
    running.stop();
    assert_eq!(state.count_wanted().unwrap(), (1, 0));
}

#[test]
fn accepted_work_is_found_again_until_it_ended() {
    let world = World::new();
    let (running, ..) = world.start().opened();
    let request = |n: u64| a_query(&format!("u{n}"));
    let accepted = |n: u64| JournalEntry::Accepted { key: format!("k{n}"), request: request(n) };
    let mut entries: Vec<JournalEntry> = (0..500).map(accepted).collect();
    entries.extend((0..500).filter(|n| n % 100 != 7).map(|n| JournalEntry::Ended { key: format!("k{n}") }));
    let count = entries.len();
    for (ticket, entry) in (0..).zip(entries) {
        running.send(ToStorekeeper::Journal { ticket: Ticket(ticket), entry });
    }
    for ticket in 0..u64::try_from(count).unwrap() {
        assert_eq!(running.next(), FromStorekeeper::Journaled { ticket: Ticket(ticket) });
    }
    running.stop();
    let (running, _, unfinished) = world.start().opened();
    assert_eq!(unfinished, [7, 107, 207, 307, 407].map(request));
    running.stop();
}

/// As an upgrade finds it: what any earlier program had accepted is begun again.
#[test]
fn accepted_work_of_every_earlier_program_is_found() {
    for (version, dump) in (1..).zip(GOLDEN) {
        let world = World::new();
        write_golden(dump, &world.dir.path().join("state.db"));
        let (running, _, unfinished) = world.start().opened();
        assert_eq!(unfinished, golden_requests(version));
        running.stop();
    }
}

/// As a downgrade finds it, or a damaged file: the rest is begun, and nothing is lost.
#[test]
fn what_cannot_be_read_hides_no_other_work_and_stays() {
    let world = World::new();
    let path = world.dir.path().join("state.db");
    let mut state = StateFile::open(&path).unwrap();
    let odd = [("newer", r#"{"version":99,"dance":{}}"#), ("damaged", r#"{"Query":{"url":"#)];
    write_odd(&path, &odd);
    let request = golden_requests(1).swap_remove(0);
    for _ in 0..2 {
        let (running, ..) = world.start().opened();
        let entry = JournalEntry::Accepted { key: "k".to_owned(), request: request.clone() };
        running.send(ToStorekeeper::Journal { ticket: Ticket(1), entry });
        assert_eq!(running.next(), FromStorekeeper::Journaled { ticket: Ticket(1) });
        running.stop();
        let (running, _, unfinished) = world.start().opened();
        assert_eq!(unfinished, std::slice::from_ref(&request));
        running.stop();
    }
    let kept: Vec<_> = state.accepted().unwrap().into_iter().map(|row| (row.key, row.request)).collect();
    assert_eq!(kept[..2], odd.map(|(key, row)| (key.to_owned(), row.to_owned())));
}

/// A delivery takes the place of its query.
#[test]
fn deliveries_are_accepted_work() {
    let world = World::new();
    let (running, ..) = world.start().opened();
    let delivery = Delivery {
        id: "1-2".to_owned(),
        webhook: "bot".to_owned(),
        answer: QueryView::sample_ended("i", "b"),
    };
    let request = golden_requests(1).swap_remove(0);
    let key = JournalEntry::delivery_key(&delivery);
    let write = |running: &Running, entry| {
        running.send(ToStorekeeper::Journal { ticket: Ticket(1), entry });
        assert_eq!(running.next(), FromStorekeeper::Journaled { ticket: Ticket(1) });
    };
    write(&running, JournalEntry::Accepted { key: "b".to_owned(), request });
    let deliveries = vec![delivery.clone()];
    write(&running, JournalEntry::EndedWith { key: "b".to_owned(), deliveries });
    running.stop();
    let (running, _, unfinished) = world.start().opened();
    assert_eq!(unfinished, [AcceptedRequest::Delivery(Box::new(delivery))]);
    write(&running, JournalEntry::Ended { key });
    running.stop();
    let (running, _, unfinished) = world.start().opened();
    assert_eq!(unfinished, []);
    running.stop();
}

#[test]
fn the_index_catches_up_with_what_it_missed() {
    let world = World::new();
    let (running, ..) = world.start().opened();
    running.send(store(1, 10, vec![image("a", 5), image("b", 6)]));
    running.expect_stored(1);
    // Somebody else writes, as `aotf db import` does beside the running program.
    let mut other = world.location().open().unwrap();
    other.apply(&[change(20, 7)], Timestamp(0)).unwrap();
    running.send(store(2, 30, vec![image("a", 8)]));
    running.expect_stored(2);
    assert_eq!(world.index.fingerprints(), [5, 6, 7, 8]);
    running.stop();
    // And while it does not run.
    other.apply(&[change(40, 9)], Timestamp(0)).unwrap();
    world.start().opened().0.stop();
    assert_eq!(world.index.fingerprints(), [5, 6, 7, 8, 9]);
    // An index that was lost, or is behind.
    world.index.entries.lock().unwrap().truncate(2);
    world.start().opened().0.stop();
    assert_eq!(world.index.fingerprints(), [5, 6, 7, 8, 9]);
}

#[test]
fn an_index_that_fails_at_start_is_waited_for() {
    let world = World::new();
    let (running, ..) = world.start().opened();
    running.send(store(1, 10, vec![image("a", 5), image("b", 6)]));
    running.expect_stored(1);
    running.stop();
    world.index.entries.lock().unwrap().clear();
    world.index.failing.store(true, Ordering::SeqCst);
    let running = world.start();
    world.index.failures.1.recv_timeout(DEADLINE).unwrap();
    assert!(!running.handle.finish(Duration::ZERO), "without a stop it ends only when told twice");
    assert_eq!(running.heard.try_iter().count(), 0, "not open");
    world.index.failing.store(false, Ordering::SeqCst);
    world.start().opened().0.stop();
    assert_eq!(world.index.fingerprints(), [5, 6], "each once");
}

#[test]
fn what_others_write_becomes_searchable_by_itself() {
    let world = World::new();
    let mut other = world.location().open().unwrap();
    let index = Index::new(world.index.clone(), Halt::default());
    let (said, heard) = crossbeam_channel::unbounded();
    let tell: Tell = Arc::new(move |message| said.send(message).unwrap_or_default());
    let store = world.location().open().unwrap();
    let mut writer = writer::Writer::new(store, index, None, tell, Halt::default());
    other.apply(&[change(20, 7)], Timestamp(0)).unwrap();
    writer.look().unwrap();
    assert_eq!(world.index.fingerprints(), [7]);
    writer.look().unwrap();
    assert_eq!(world.index.fingerprints(), [7]);
    assert!(heard.is_empty());
}

#[test]
fn an_index_of_another_database_is_remade() {
    let world = World::new();
    let (running, ..) = world.start().opened();
    running.send(store(1, 10, vec![image("a", 5)]));
    running.expect_stored(1);
    running.stop();
    // Ahead of the database: a backup was put back.
    world.index.entries.lock().unwrap().push((ImageId(99), AccountNo(1), Fingerprint(9), None));
    world.start().opened().0.stop();
    assert_eq!(world.index.fingerprints(), [5]);
    // Another database under the same name.
    for file in ["aotf.db", "aotf.db-wal", "aotf.db-shm"] {
        let _ = std::fs::remove_file(world.dir.path().join(file));
    }
    let (running, counts, _) = world.start().opened();
    assert_eq!((counts, world.index.ids()), (StoreCounts::default(), vec![]));
    running.stop();
}

#[test]
fn changes_wait_for_a_locked_database_and_questions_do_not() {
    let world = World::new();
    let (running, ..) = world.start().opened();
    *world.write_fault.lock().unwrap() = Some(EngineFault::Busy);
    running.send(store(1, 10, vec![image("a", 5)]));
    assert!(matches!(running.ask(states(1)), Answer::AccountStates(_)), "reading goes on");
    let refused = running.ask(Question::RetriesDue { limit: 1 });
    assert!(matches!(&refused, Answer::Unavailable(why) if why.contains("told to fail")), "{refused:?}");
    running.send(store(2, 11, vec![image("a", 6)]));
    *world.write_fault.lock().unwrap() = None;
    running.expect_stored(1);
    assert_eq!(running.expect_stored(2).posts, 2);
    // And the other way round.
    *world.read_fault.lock().unwrap() = Some(EngineFault::Surroundings);
    running.send(filter(3, vec![listed(10), listed(12)]));
    assert!(matches!(running.ask(states(1)), Answer::Unavailable(_)));
    running.send(store(4, 13, vec![]));
    running.expect_stored(4);
    *world.read_fault.lock().unwrap() = None;
    assert_eq!(running.next(), FromStorekeeper::NewPosts { ticket: Ticket(3), posts: vec![listed(12)] });
    running.stop();
}

#[test]
fn a_stop_does_not_wait_for_a_database_that_is_away() {
    let world = World::new();
    let (running, ..) = world.start().opened();
    *world.write_fault.lock().unwrap() = Some(EngineFault::Surroundings);
    running.send(store(1, 10, vec![image("a", 5)]));
    assert!(matches!(running.ask(Question::RetriesDue { limit: 1 }), Answer::Unavailable(_)));
    let start = Instant::now();
    assert_eq!(running.stop(), [], "and nothing is told as stored that is not");
    assert!(start.elapsed() < Duration::from_secs(5));
    *world.write_fault.lock().unwrap() = None;
    let (running, counts, _) = world.start().opened();
    assert_eq!(counts.posts, 0);
    running.stop();
}

#[test]
fn a_question_that_the_database_refuses_harms_nothing_else() {
    let world = World::new();
    let (running, ..) = world.start().opened();
    *world.write_fault.lock().unwrap() = Some(EngineFault::Misfit);
    for number in 0..50 {
        running.send(store(number, number, vec![]));
        let question = Question::RetriesDue { limit: 1 };
        running.send(ToStorekeeper::Ask { ticket: Ticket(1000 + number), question });
    }
    let said = running.stop();
    let stored = said.iter().filter(|said| matches!(said, FromStorekeeper::Stored { .. })).count();
    let refused = |said: &&FromStorekeeper| {
        matches!(said, FromStorekeeper::Answered { answer: Answer::Unavailable(_), .. })
    };
    assert_eq!((said.len(), stored, said.iter().filter(refused).count()), (100, 50, 50));
}

#[test]
fn a_database_that_is_damaged_while_it_is_open_is_told_and_written_to_no_more() {
    let world = World::new();
    let (running, ..) = world.start().opened();
    *world.write_fault.lock().unwrap() = Some(EngineFault::Damaged);
    running.send(store(1, 10, vec![image("a", 5)]));
    running.send(store(2, 11, vec![image("a", 6)]));
    let why = running.trouble(StorePart::Database).unwrap();
    for part in ["damaged", "aotf.db cannot be used", "aotf db restore"] {
        assert!(why.contains(part), "{part:?} is missing in {why}");
    }
    let refused = running.ask(Question::RetriesDue { limit: 1 });
    assert!(matches!(&refused, Answer::Unavailable(why) if why.contains("aotf db restore")), "{refused:?}");
    assert_eq!(world.index.ids(), [] as [u64; 0], "neither is stored");
    // What cannot be read is told for good, also once something else can be read again.
    *world.read_fault.lock().unwrap() = Some(EngineFault::Damaged);
    assert!(matches!(running.ask(states(1)), Answer::Unavailable(why) if why.contains("aotf db restore")));
    *world.read_fault.lock().unwrap() = None;
    assert!(matches!(running.ask(states(1)), Answer::AccountStates(_)));
    *world.write_fault.lock().unwrap() = None;
    running.expect_stored(1);
    running.expect_stored(2);
    let said = running.stop();
    let over = |said: &FromStorekeeper| {
        matches!(said, FromStorekeeper::Trouble { part: StorePart::Data, why: None })
    };
    assert!(!said.iter().any(over), "{said:?}");
    // At the start it ends.
    *world.write_fault.lock().unwrap() = Some(EngineFault::Damaged);
    let running = world.start();
    assert!(matches!(running.next(), FromStorekeeper::Broken { why } if why.contains("damaged")));
    assert!(running.handle.finish(DEADLINE));
}

#[test]
fn files_that_are_moved_away_are_told_and_go_on_when_they_are_back() {
    let world = World::new();
    let (running, ..) = world.start().opened();
    running.send(store(1, 10, vec![image("a", 5)]));
    running.expect_stored(1);
    let file = |name: &str| world.dir.path().join(name);
    let entry = |key: &str| JournalEntry::Accepted { key: key.to_owned(), request: a_query(key) };
    let order = |ticket, key| ToStorekeeper::Journal { ticket: Ticket(ticket), entry: entry(key) };
    running.send(order(2, "a"));
    assert_eq!(running.next(), FromStorekeeper::Journaled { ticket: Ticket(2) });

    std::fs::rename(file("aotf.db"), file("away.db")).unwrap();
    running.send(store(3, 11, vec![image("b", 6)]));
    let why = running.trouble(StorePart::Database).unwrap();
    for part in [file("aotf.db").to_str().unwrap(), "moved away or removed", "put it back"] {
        assert!(why.contains(part), "{part:?} is missing in {why}");
    }
    std::fs::rename(file("state.db"), file("away-state.db")).unwrap();
    running.send(order(4, "b"));
    let why = running.trouble(StorePart::Journal).unwrap();
    assert!(why.contains(file("state.db").to_str().unwrap()) && why.contains("put it back"), "{why}");
    assert!(!file("aotf.db").exists() && !file("state.db").exists(), "nothing is made anew");
    // Another file is not ours.
    std::fs::copy(file("away.db"), file("aotf.db")).unwrap();
    let another = |why: Option<String>| why.filter(|why| why.contains("another file lies in its place"));
    while another(running.trouble(StorePart::Database)).is_none() {}

    std::fs::rename(file("away-state.db"), file("state.db")).unwrap();
    assert_eq!(running.next(), FromStorekeeper::Journaled { ticket: Ticket(4) });
    std::fs::rename(file("away.db"), file("aotf.db")).unwrap();
    assert_eq!(running.expect_stored(3).posts, 2);
    assert_eq!(world.index.fingerprints(), [5, 6]);
    running.stop();
    let (running, counts, unfinished) = world.start().opened();
    assert_eq!((counts.posts, unfinished.len()), (2, 2));
    running.stop();
}

#[test]
fn a_database_that_is_cut_short_is_told() {
    let world = World::new();
    let (running, ..) = world.start().opened();
    running.send(store(1, 10, vec![image("a", 5)]));
    running.expect_stored(1);
    // Once it was closed, all is in the file, and nothing in its log.
    running.stop();
    assert!(!world.dir.path().join("aotf.db-wal").exists());
    let (running, ..) = world.start().opened();
    let file = std::fs::File::options().write(true).open(world.dir.path().join("aotf.db")).unwrap();
    assert!(file.metadata().unwrap().len() > 8192);
    file.set_len(8192).unwrap();
    running.send(store(3, 11, vec![image("b", 6)]));
    let why = running.trouble(StorePart::Database).unwrap();
    assert!(why.contains("it was cut short while it was open") && why.contains("aotf db restore"), "{why}");
    let said = running.stop();
    assert!(!said.iter().any(|said| matches!(said, FromStorekeeper::Stored { .. })), "{said:?}");
}

/// What is open is whole: to close it writes it to the file.
#[test]
fn a_log_that_was_removed_ends_it_and_nothing_is_lost() {
    let world = World::new();
    let (running, ..) = world.start().opened();
    for number in 0..20 {
        running.send(store(number, number, vec![image("a", number)]));
        running.expect_stored(number);
    }
    std::fs::remove_file(world.dir.path().join("aotf.db-wal")).unwrap();
    running.send(store(20, 20, vec![image("a", 20)]));
    assert!(matches!(running.next(), FromStorekeeper::Broken { why } if why.contains("aotf.db-wal")));
    running.stop();
    let (running, counts, _) = world.start().opened();
    assert_eq!(counts.posts, 20);
    running.stop();
}

#[test]
fn nothing_is_told_as_stored_before_it_is_searchable() {
    let world = World::new();
    let (running, ..) = world.start().opened();
    world.index.failing.store(true, Ordering::SeqCst);
    running.send(store(1, 10, (0..4).map(|n| image(&n.to_string(), n)).collect()));
    running.send(filter(2, vec![listed(11)]));
    assert!(matches!(running.next(), FromStorekeeper::NewPosts { .. }), "others go on");
    world.index.failures.1.recv_timeout(DEADLINE).unwrap();
    assert!(running.heard.is_empty());
    assert!(!world.index.complete.load(Ordering::SeqCst));
    world.index.failing.store(false, Ordering::SeqCst);
    running.expect_stored(1);
    assert!(world.index.complete.load(Ordering::SeqCst));
    assert_eq!(world.index.fingerprints(), [0, 1, 2, 3], "each once");
    running.stop();
}

#[test]
fn a_panic_is_told() {
    let world = World::new();
    let (running, ..) = world.start().opened();
    world.index.panicking.store(true, Ordering::SeqCst);
    running.send(store(1, 10, vec![image("a", 1)]));
    assert!(matches!(running.next(), FromStorekeeper::Broken { why } if why.contains("panicked")));
    running.send(ToStorekeeper::Stop);
    assert!(!running.handle.finish(DEADLINE));
}

#[test]
fn everything_sent_before_a_stop_is_stored() {
    let world = World::new();
    let (running, ..) = world.start().opened();
    for number in 0..300 {
        running.send(store(number, number, vec![image("a", number)]));
    }
    let said = running.stop();
    let tickets: Vec<u64> = said
        .iter()
        .map(|message| match message {
            FromStorekeeper::Stored { ticket, .. } => ticket.0,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(tickets, (0..300).collect::<Vec<_>>());
    assert_eq!(world.index.ids().len(), 300);
}

#[test]
fn a_missing_folder_and_an_unknown_engine_are_named() {
    let check = |database_url: &str, data_dir: &Path, expect: &str| {
        let settings = StorekeeperSettings {
            data_dir: data_dir.to_owned(),
            database_url: database_url.to_owned(),
            maintenance: maintenance(),
            index_dir: data_dir.join("index"),
            results_log: None,
        };
        let indexes = Indexes { images: FakeIndex::new(), codes: None };
        let error = start(settings, indexes, channel().1, |_| ()).err().unwrap();
        let text = ErrorChain(&error).to_string();
        assert!(text.contains(expect), "{text}");
    };
    let dir = tempfile::tempdir().unwrap();
    check("sqlite:aotf.db", &dir.path().join("none"), "none/aotf.db");
    check("oracle://host/x", dir.path(), "oracle://host/x");
    std::fs::create_dir(dir.path().join("state.db")).unwrap();
    check("sqlite:aotf.db", dir.path(), "journal");
}

/// What a random run sends.
#[derive(Clone, Debug)]
enum Step {
    Store { post: u64, images: u64, failing: bool },
    Cursor { account: u64, cursor: u64 },
    Filter { post: u64 },
}

fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (0..10_u64, 0..4_u64, any::<bool>())
            .prop_map(|(post, images, failing)| Step::Store { post, images, failing }),
        1 => (0..3_u64, 0..9_u64).prop_map(|(account, cursor)| Step::Cursor { account, cursor }),
        1 => (0..10_u64).prop_map(|post| Step::Filter { post }),
    ]
}

fn message(ticket: u64, step: &Step) -> ToStorekeeper {
    match *step {
        Step::Store { post, images, failing } => {
            let images = (0..images).map(|n| match failing && n == 1 {
                true => failed(&n.to_string()),
                false => image(&n.to_string(), post * 10 + n),
            });
            store(ticket, post, images.collect())
        }
        Step::Cursor { account, cursor: value } => cursor(ticket, account, value),
        Step::Filter { post } => filter(ticket, vec![listed(post)]),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]

    /// Sent all at once, with questions in between, the database and the index become what they
    /// become one by one, and every ticket is answered once.
    #[test]
    fn any_interleaving_equals_the_sequence(steps in prop::collection::vec(any_step(), 1..40)) {
        let (at_once, one_by_one) = (World::new(), World::new());
        let (running, ..) = at_once.start().opened();
        let (patient, ..) = one_by_one.start().opened();
        for (ticket, step) in (0..).zip(&steps) {
            running.send(message(ticket, step));
            patient.send(message(ticket, step));
            patient.next();
        }
        let mut answered: Vec<u64> = running
            .stop()
            .into_iter()
            .map(|said| match said {
                FromStorekeeper::Stored { ticket, .. } | FromStorekeeper::NewPosts { ticket, .. } => ticket.0,
                other => panic!("{other:?}"),
            })
            .collect();
        patient.stop();
        answered.sort_unstable();
        prop_assert_eq!(answered, (0..).take(steps.len()).collect::<Vec<u64>>());
        let picture = |world: &World| {
            let mut store = world.location().open_reader().unwrap();
            let keys: Vec<AccountKey> = (0..4).map(|n| account(n).key).collect();
            let states: Vec<_> = store
                .account_states(&keys)
                .unwrap()
                .into_iter()
                .map(|state| (state.timeline_cursor, state.timeline_listed_at.is_some()))
                .collect();
            let ids: Vec<ImageId> = (0..200).map(ImageId).collect();
            let images = store.images(&ids).unwrap();
            let missing = store.missing(&(0..10).map(listed).collect::<Vec<_>>()).unwrap();
            (states, images, missing, store.counts().unwrap())
        };
        prop_assert_eq!(picture(&at_once), picture(&one_by_one));
        let all = at_once.location().open_reader().unwrap().fingerprints_after(ImageId(0), 1000).unwrap();
        prop_assert_eq!(&*at_once.index.entries.lock().unwrap(), &all);
        prop_assert_eq!(&*one_by_one.index.entries.lock().unwrap(), &all);
    }
}

/// In tests a piece of the index is eight images.
#[test]
fn a_lost_index_is_made_beside_the_other_work() {
    let world = World::new();
    let mut other = world.location().open().unwrap();
    other.apply(&(0..30).map(|native| change(native, native)).collect::<Vec<_>>(), Timestamp(0)).unwrap();
    let running = world.start();
    let nothing = IndexProgress { done: 0, total: 30 };
    match running.next() {
        FromStorekeeper::Opened { counts, index, .. } => assert_eq!((counts.images, index), (30, nothing)),
        other => panic!("not opened first: {other:?}"),
    }
    running.send(store(1, 40, vec![image("a", 99)]));
    let (mut progress, mut stored) = (Vec::new(), false);
    while !progress.last().is_some_and(|last: &IndexProgress| last.is_complete()) || !stored {
        match running.next() {
            FromStorekeeper::Indexing { progress: now } => progress.push(now),
            FromStorekeeper::Stored { .. } => stored = true,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(progress[0].done, 8);
    assert!(progress.is_sorted_by_key(|progress| progress.done), "{progress:?}");
    running.stop();
    assert_eq!(world.index.fingerprints(), (0..30).chain([99]).collect::<Vec<_>>());
    assert!(world.index.complete.load(Ordering::SeqCst));
}

#[test]
fn an_account_is_read_without_the_index() {
    let world = World::new();
    let (running, ..) = world.start().opened();
    running.send(store(1, 10, vec![image("a", 5), image("b", 6)]));
    running.expect_stored(1);
    let ToStorekeeper::StorePosts { posts, .. } = store(2, 20, vec![image("a", 7)]) else { unreachable!() };
    running.send(ToStorekeeper::StorePosts { ticket: Ticket(2), account: account(2), posts });
    running.expect_stored(2);
    let number = |native| match running.ask(Question::AccountNumbers(vec![account(native).key])) {
        Answer::AccountNumbers(numbers) => numbers[0].1,
        other => panic!("{other:?}"),
    };
    let ask = |native, after| -> Vec<(u64, u64)> {
        let question = Question::AccountFingerprints { account: number(native), after: ImageId(after) };
        match running.ask(question) {
            Answer::Fingerprints(found) => found.iter().map(|(id, print, _)| (id.0, print.0)).collect(),
            other => panic!("{other:?}"),
        }
    };
    let expect = [(1, 5), (2, 6)];
    assert_eq!(ask(1, 0), expect);
    assert_eq!(ask(1, 1), expect[1..]);
    assert_eq!(ask(2, 0), [(3, 7)]);
    running.stop();
}

/// An image with features of these codes, and otherwise like all others.
fn image_with(name: &str, codes: &[u64]) -> IndexedImage {
    let mut picture = image(name, 5);
    if let ImageState::Fingerprinted(facts) = &mut picture.state {
        facts.parts = Some(parts_of(codes));
    }
    picture
}

/// A little picture of one pixel, and keypoints that all lie in one place.
fn parts_of(codes: &[u64]) -> parts::Parts {
    let head = [PARTS_VERSION, 1, 0, 1, 0, 1, 1, 0, codes.len() as u8];
    let points = codes.iter().flat_map(|code| [0; 4].into_iter().chain(code.to_le_bytes()));
    parts::Parts(head.into_iter().chain(points).collect())
}

/// The images that have this code, as a searching process finds them in the index of codes.
fn with_code(world: &World, code: u64) -> Vec<u64> {
    let reader = Reader::open(&world.codes_folder()).unwrap();
    let found = reader.within(Fingerprint(code), 0, 99).neighbors;
    found.iter().map(|neighbor| image_of(neighbor.image).0).collect()
}

fn is_complete(world: &World) -> bool {
    Reader::open(&world.codes_folder()).unwrap().status() == Status::Complete
}

#[test]
fn codes_are_searchable_when_their_images_are_stored() {
    let world = World { with_codes: true, ..World::new() };
    let (running, ..) = world.start().opened();
    running.send(store(1, 10, vec![image_with("a", &[7, 8]), image("b", 5), image_with("c", &[8, !7])]));
    running.expect_stored(1);
    assert!(is_complete(&world));
    assert_eq!(
        (with_code(&world, 7), with_code(&world, 8), with_code(&world, !7)),
        (vec![1], vec![1, 3], vec![3])
    );
    // Another program stores some, which the next commit brings in, too.
    let mut other = world.location().open().unwrap();
    let posts = store(0, 11, vec![image_with("a", &[8, 9])]);
    let ToStorekeeper::StorePosts { account, posts, .. } = posts else { panic!("{posts:?}") };
    other.apply(&[Change::Posts { account, posts }], Timestamp(0)).unwrap();
    running.send(store(2, 12, vec![image_with("a", &[8])]));
    running.expect_stored(2);
    assert_eq!(with_code(&world, 8), [1, 3, 4, 5]);
    // What is forgotten leaves it.
    let subject = Subject::Post(PostKey::new(Network::Twitter, "10"));
    running.send(ToStorekeeper::Forget { ticket: Ticket(3), subject, note: String::new() });
    wait_until(|| with_code(&world, 8) == [4, 5]);
    running.send(ToStorekeeper::Stop);
    assert!(running.handle.finish(DEADLINE));
}

/// In tests a piece of the index is eight images.
#[test]
fn an_index_of_codes_is_made_of_what_is_stored_and_made_anew_where_it_was_lost() {
    let mut world = World::new();
    let (running, ..) = world.start().opened();
    for native in 0..30 {
        running.send(store(native, native, vec![image_with("a", &[native << 32, native << 32 | 1])]));
        running.expect_stored(native);
    }
    running.stop();
    // It is turned on later.
    world.with_codes = true;
    let is_whole = |world: &World| {
        is_complete(world) && (0..30).all(|native| with_code(world, native << 32) == [native + 1])
    };
    let (running, ..) = world.start().opened();
    wait_until(|| is_whole(&world));
    running.stop();
    let files = || {
        let files = std::fs::read_dir(world.codes_folder()).unwrap().map(|file| file.unwrap().path());
        files.filter(|file| file.extension().is_some()).collect::<Vec<_>>()
    };
    for damage in ["removed", "cut short"] {
        for file in files() {
            match damage {
                "removed" => std::fs::remove_file(file).unwrap(),
                _ => std::fs::write(file, "x").unwrap(),
            }
        }
        let (running, ..) = world.start().opened();
        wait_until(|| is_whole(&world));
        running.stop();
    }
    // One that holds all goes on with what is new.
    let (running, ..) = world.start().opened();
    assert!(is_whole(&world));
    running.send(store(40, 40, vec![image_with("a", &[40 << 32])]));
    running.expect_stored(40);
    assert_eq!(with_code(&world, 40 << 32), [31]);
    running.stop();
}

#[test]
fn features_that_are_stored_after_their_images_get_into_the_index_of_codes() {
    let world = World { with_codes: true, ..World::new() };
    let (running, ..) = world.start().opened();
    running.send(store(1, 10, vec![image("a", 5), image_with("b", &[8])]));
    running.expect_stored(1);
    running.stop();
    let ImageState::Fingerprinted(facts) = image_with("a", &[8, 9]).state else { panic!() };
    let late = [(ImageId(1), crate::store::backfill::Seen::Picture(facts))];
    world.location().open().unwrap().apply(&[Change::AddParts(late.to_vec())], Timestamp(0)).unwrap();
    is_behind(&world.codes_folder()).unwrap();
    // Once more, when nothing is noted.
    is_behind(&world.codes_folder()).unwrap();
    let (running, ..) = world.start().opened();
    assert_eq!((with_code(&world, 8), with_code(&world, 9)), (vec![1, 2], vec![1]));
    assert!(is_complete(&world));
    running.stop();
}
