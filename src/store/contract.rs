//! What every engine must do: one suite of tests, as functions over a database that is new in each.
//! An engine runs them all with `contract_tests!`.

use std::time::Duration;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError, TestRunner};

use super::*;
use crate::base::ids::{AccountKey, AccountNo, ImageId, Network, Networks, PostKey};
use crate::base::{Fingerprint, Timestamp};
use crate::domain::accounts::{Account, AccountState};
use crate::domain::forgotten::{Removal, Removed, Subject, SubjectKind};
use crate::domain::images::{Detail, ImageFacts, StoreCounts};
use crate::domain::parts::{MAX_FURNITURE_BYTES, MAX_PARTS_BYTES, PARTS_VERSION, Parts};
use crate::domain::posts::{
    ImageRecord, ImageState, IndexedImage, IndexedPost, ListedImage, ListedPost, Place, RetryPost,
};
use crate::domain::scans::{Coverage, CoveredWindow, Cursor, ListingEnd, MediaCount, Window};
use crate::domain::verdicts::{Claim, KeptVerdicts, MAX_PER_PAGE, Verdict, VerdictId};
use crate::domain::watches::{FeedEntry, FeedImage, Watch, WatchId, WatchedAccount};

/// A new database of one engine, removed when dropped.
pub trait TestDatabase {
    /// Of random cases, so many are enough where each takes its time.
    const CASES: u32 = 24;

    fn new() -> Self;
    /// Whether this machine has what it takes. Says so loudly where not.
    fn available() -> bool {
        true
    }
    /// A connection to it. The first creates it; with [`RULE`].
    fn open(&self) -> Box<dyn Store>;
    fn open_reader(&self) -> Box<dyn Store>;
}

/// The rule with which test databases are opened.
pub const RULE: RetryRule = RetryRule { pause: Duration::from_secs(6 * 3600), max_attempts: 3 };

macro_rules! contract_tests {
    ($database:ty) => {
        $crate::store::contract::contract_tests!($database:
            an_unknown_account_has_no_cursors
            posts_are_stored_once
            an_id_of_x_dates_a_post_without_a_date
            what_is_committed_is_what_the_index_lacks
            ids_beyond_63_bits_survive
            a_missing_fingerprint_is_filled_in_under_a_new_number
            lost_is_final_unless_a_fingerprint_comes
            failed_images_are_retried_until_given_up
            what_a_network_did_not_give_is_added_later
            a_clock_that_was_ahead_makes_nobody_wait
            cursors_are_kept_apart_and_survive
            windows_are_kept_until_the_whole_is_known
            search_cursors_can_be_forgotten
            updates_come_when_it_is_their_turn
            a_handle_that_moved_is_told_once
            accounts_are_described_whole
            samples_are_not_the_whole
            strange_posts_do_no_harm
            readers_see_every_commit_and_cannot_write
            the_sizes_are_right
            grouping_changes_nothing
            repeating_changes_nothing
            reports_of_an_edited_post_only_add
            images_of_one_name_are_told_apart
            imports_add_and_never_overwrite
            images_are_completed_once_and_keep_their_fingerprints
            what_people_say_is_kept_found_by_its_key_and_taken_back
            no_page_has_more_verdicts_than_count
            the_images_of_posts_are_found_by_the_posts
            what_is_forgotten_never_comes_back
            what_is_gone_may_come_back
            an_unfinished_removal_is_found_again
            watches_are_kept_changed_and_ended
            a_feed_has_each_artwork_once
            features_lie_beside_their_images_and_go_with_them
            first_codes_are_read_in_the_order_of_their_images
            features_are_added_to_images_of_before
            common_features_are_kept_and_accounts_sampled
        );
    };
    ($database:ty: $($name:ident)*) => {
        $(#[test]
        fn $name() {
            if <$database as $crate::store::contract::TestDatabase>::available() {
                $crate::store::contract::$name::<$database>();
            }
        })*
    };
}
pub(super) use contract_tests;

const NOW: Timestamp = Timestamp(1_790_000_000_000);
const DAY: Duration = Duration::from_secs(86_400);

fn key(native: &str) -> AccountKey {
    AccountKey::new(Network::Twitter, native)
}

pub fn account(native: &str) -> Account {
    Account { key: key(native), handle: format!("artist{native}"), posts: Some(100) }
}

/// The fingerprint of an image that has a border.
const FRAMED: u64 = 77;

fn facts(fingerprint: u64) -> ImageFacts {
    ImageFacts {
        fingerprint: Fingerprint(fingerprint),
        solid_ground: true,
        width: 680,
        height: 480,
        detail: Detail {
            phash256: [fingerprint, 1, 2, u64::MAX],
            thumbnail: vec![7; 192],
            trimmed: (fingerprint == FRAMED).then_some(Fingerprint(1)),
        },
        parts: None,
    }
}

fn good(name: &str, fingerprint: u64) -> IndexedImage {
    IndexedImage::new(name, ImageState::Fingerprinted(facts(fingerprint)))
}

fn noisy(name: &str, fingerprint: u64) -> IndexedImage {
    let facts = ImageFacts { solid_ground: false, ..facts(fingerprint) };
    IndexedImage::new(name, ImageState::Fingerprinted(facts))
}

fn lost(name: &str) -> IndexedImage {
    IndexedImage::new(name, ImageState::Lost)
}

fn failed(name: &str) -> IndexedImage {
    let state = ImageState::Failed { url: format!("https://host/{name}"), why: "timeout".to_owned() };
    IndexedImage::new(name, state)
}

fn post(native: &str, images: Vec<IndexedImage>) -> IndexedPost {
    let key = PostKey::new(Network::Twitter, native);
    IndexedPost::of_images(key, Some(Timestamp(1_600_000_000_000)), images)
}

fn posts(native: &str, posts: Vec<IndexedPost>) -> Change {
    Change::Posts { account: account(native), posts }
}

fn listed(native: &str, names: &[&str]) -> ListedPost {
    let image = |name: &&str| ListedImage::new(*name, format!("https://host/{name}"));
    let key = PostKey::new(Network::Twitter, native);
    ListedPost::of_images(key, Some(Timestamp(1_600_000_000_000)), names.iter().map(image)).unwrap()
}

pub fn listing_end(cursor: Cursor) -> ListingEnd {
    ListingEnd {
        cursor,
        newest: None,
        oldest: None,
        coverage: Coverage::Complete,
        posts_read: 5,
        media: None,
    }
}

/// What was found, in short: post, position, count, name.
fn records(store: &mut dyn Store, ids: &[u64]) -> Vec<(u64, String, u8, u8, String)> {
    let ids: Vec<ImageId> = ids.iter().copied().map(ImageId).collect();
    let records = store.images(&ids).unwrap();
    let short = |r: ImageRecord| (r.image.0, r.post.native, r.position, r.count, r.name);
    records.into_iter().map(short).collect()
}

fn retries(committed: Committed) -> Vec<RetryPost> {
    match committed.outcomes.into_iter().next() {
        Some(Outcome::Retries(retries)) => retries,
        other => panic!("not retries: {other:?}"),
    }
}

fn accounts(committed: Committed) -> Vec<String> {
    match committed.outcomes.into_iter().next() {
        Some(Outcome::Accounts(list)) => list.into_iter().map(|(account, _)| account.key.native).collect(),
        other => panic!("not accounts: {other:?}"),
    }
}

pub fn an_unknown_account_has_no_cursors<D: TestDatabase>() {
    let database = D::new();
    let mut store = database.open();
    assert_eq!(store.account_states(&[key("1")]).unwrap(), [AccountState::unknown(key("1"))]);
    assert_eq!(store.account_numbers(&[key("1")]).unwrap(), []);
    assert_eq!(records(&mut *store, &[0, 1, u64::MAX]), []);
    assert_eq!(store.last_image().unwrap(), ImageId(0));
    assert_eq!(store.fingerprints_after(ImageId(0), 10).unwrap(), []);
    assert_eq!(store.fingerprints_after(ImageId(u64::MAX), 10).unwrap(), []);
    assert_eq!(store.counts().unwrap(), StoreCounts::default());
}

pub fn posts_are_stored_once<D: TestDatabase>() {
    let database = D::new();
    let mut store = database.open();
    let first = post("10", vec![good("a", 1), good("b", FRAMED)]);
    let committed = store.apply(&[posts("1", vec![first])], NOW).unwrap();
    let trimmed: Vec<_> = committed.entries.iter().map(|entry| entry.3).collect();
    assert_eq!(trimmed, [None, Some(Fingerprint(1))]);
    assert_eq!(store.fingerprints_after(ImageId(0), 9).unwrap(), committed.entries);
    // Another scan saw the same post, with other results and, against all rules, another author.
    let again = post("10", vec![good("a", 9), good("b", 9), good("c", 9)]);
    let committed = store.apply(&[posts("2", vec![again])], NOW).unwrap();
    assert_eq!(committed.entries, []);
    let expect = [(1, "10".to_owned(), 1, 2, "a".to_owned()), (2, "10".to_owned(), 2, 2, "b".to_owned())];
    assert_eq!(records(&mut *store, &[1, 2, 3]), expect);
    assert_eq!(records(&mut *store, &[2, 1]), [expect[1].clone(), expect[0].clone()], "in the order asked");
    let record = &store.images(&[ImageId(1)]).unwrap()[0];
    assert_eq!((&record.account, record.published), (&key("1"), Some(Timestamp(1_600_000_000_000))));
    assert_eq!(record.detail, Some(facts(1).detail), "as it was stored");
    assert_eq!(record.handle, Some(account("1").handle));
    let renamed = Account { handle: "renamed".to_owned(), ..account("1") };
    store.apply(&[Change::Posts { account: renamed, posts: Vec::new() }], NOW.plus(DAY)).unwrap();
    assert_eq!(store.images(&[ImageId(1)]).unwrap()[0].handle.as_deref(), Some("renamed"), "the latest");
    let asked = vec![listed("10", &["a"]), listed("11", &["x"]), listed("12", &["y"])];
    assert_eq!(store.missing(&asked).unwrap(), asked[1..]);
}

/// Ids of X, and the dates in them: none in what was counted, lies ahead of every clock, or is no number.
pub const DATES_IN_IDS: [(&str, Option<i64>); 6] = [
    ("1558553189766631429", Some(1_660_423_011_615)),
    ("30000000000000", Some(1_288_842_127_214)),
    ("29700859247", None),
    ("9223372036854775807", None),
    ("18446744073709551615", None),
    ("1558553189766631429x", None),
];

pub fn an_id_of_x_dates_a_post_without_a_date<D: TestDatabase>() {
    let database = D::new();
    let mut store = database.open();
    for (id, date) in DATES_IN_IDS {
        let undated = IndexedPost { published: None, ..post(id, vec![good("a", 1)]) };
        let committed = store.apply(&[posts("1", vec![undated])], NOW).unwrap();
        let record = &store.images(&[committed.images_after]).unwrap()[0];
        assert_eq!(record.published, date.map(Timestamp), "{id}");
    }
}

pub fn what_is_committed_is_what_the_index_lacks<D: TestDatabase>() {
    let database = D::new();
    let mut store = database.open();
    let mut told = Vec::new();
    let mut last = ImageId(0);
    for number in 0..5_u64 {
        let images = vec![good("a", number), lost("b"), noisy("c", 99), good("d", u64::MAX - number)];
        let change = posts(&(number % 2).to_string(), vec![post(&number.to_string(), images)]);
        let committed = store.apply(&[change], NOW).unwrap();
        assert_eq!(committed.images_before, last);
        last = committed.images_after;
        told.extend(committed.entries);
    }
    assert_eq!(store.last_image().unwrap(), last);
    assert!(told.windows(2).all(|pair| pair[0].0 < pair[1].0), "{told:?}");
    assert_eq!(told.len(), 10);
    assert_eq!(told[9].2, Fingerprint(u64::MAX - 4), "the top bit survives");
    assert_eq!(store.fingerprints_after(ImageId(0), 100).unwrap(), told);
    assert_eq!(store.fingerprints_after(ImageId(0), 3).unwrap(), told[..3]);
    assert_eq!(store.fingerprints_after(told[2].0, 100).unwrap(), told[3..]);
    let numbers = store.account_numbers(&[key("1"), key("7"), key("0")]).unwrap();
    assert_eq!(numbers, [(key("1"), told[2].1), (key("0"), told[0].1)]);
    let of_first: Vec<_> = told.iter().filter(|entry| entry.1 == told[0].1).copied().collect();
    let mut of_account = |after, limit| store.fingerprints_of_account(told[0].1, after, limit).unwrap();
    assert_eq!(of_account(ImageId(0), 100), of_first);
    assert_eq!(of_account(of_first[1].0, 2), of_first[2..4]);
    // Its posts are told by all of their images, those too that cannot be searched.
    let stored = store.stored_posts(told[0].1, ImageId(0), 100).unwrap();
    let posts: Vec<&str> = stored.iter().map(|(_, post, _)| post.as_str()).collect();
    assert_eq!(posts, ["0", "0", "0", "0", "2", "2", "2", "2", "4", "4", "4", "4"]);
    assert!(stored.iter().all(|(.., published)| *published == Some(Timestamp(1_600_000_000_000))));
    assert_eq!(store.stored_posts(told[0].1, stored[2].0, 3).unwrap(), stored[3..6]);
}

pub fn ids_beyond_63_bits_survive<D: TestDatabase>() {
    let database = D::new();
    let mut store = database.open();
    let big = "18446744073709551615";
    let end = listing_end(Cursor::Timeline(Some(big.to_owned())));
    let changes = [
        posts(big, vec![post(big, vec![good("a", 1)])]),
        Change::Cursor { account: Account { posts: Some(u64::MAX), ..account(big) }, end },
    ];
    store.apply(&changes, NOW).unwrap();
    let record = &store.images(&[ImageId(1)]).unwrap()[0];
    assert_eq!((record.post.native.as_str(), record.account.native.as_str()), (big, big));
    assert_eq!(store.account_states(&[key(big)]).unwrap()[0].timeline_cursor.as_deref(), Some(big));
    // The same id on another network is another account.
    let other = AccountKey::new(Network::Mastodon, big);
    assert_eq!(store.account_numbers(&[other]).unwrap(), []);
}

pub fn a_missing_fingerprint_is_filled_in_under_a_new_number<D: TestDatabase>() {
    let database = D::new();
    let mut store = database.open();
    let first = post("10", vec![failed("a"), good("b", 2), lost("c")]);
    store.apply(&[posts("1", vec![first, post("11", vec![good("x", 3)])])], NOW).unwrap();
    assert_eq!(store.counts().unwrap().retries, 1);
    // A retry brings the failed image alone.
    let committed = store.apply(&[posts("1", vec![post("10", vec![good("a", 5)])])], NOW).unwrap();
    let [(id, number, fingerprint, _)] = committed.entries[..] else { panic!("{committed:?}") };
    assert!(id > committed.images_before && fingerprint == Fingerprint(5));
    assert_eq!(store.account_numbers(&[key("1")]).unwrap(), [(key("1"), number)]);
    assert_eq!(records(&mut *store, &[1]), [], "the old number is gone");
    assert_eq!(records(&mut *store, &[id.0]), [(id.0, "10".to_owned(), 1, 3, "a".to_owned())]);
    let expect = StoreCounts { accounts: 1, posts: 2, images: 4, retries: 0, ..StoreCounts::default() };
    assert_eq!(store.counts().unwrap(), expect);
    let found = store.fingerprints_after(ImageId(0), 9).unwrap();
    assert_eq!(found.iter().map(|entry| entry.2.0).collect::<Vec<_>>(), [2, 3, 5]);
    // A forced run may fill in what was lost; a stored fingerprint stays.
    let forced = post("10", vec![good("a", 77), good("b", 77), good("c", 6)]);
    let committed = store.apply(&[posts("1", vec![forced])], NOW).unwrap();
    assert_eq!(committed.entries.iter().map(|entry| entry.2.0).collect::<Vec<_>>(), [6]);
    assert_eq!(store.counts().unwrap(), expect);
}

pub fn lost_is_final_unless_a_fingerprint_comes<D: TestDatabase>() {
    let database = D::new();
    let mut store = database.open();
    let run = |store: &mut dyn Store, image| {
        store.apply(&[posts("1", vec![post("10", vec![image])])], NOW).unwrap().counts.retries
    };
    assert_eq!(run(&mut *store, failed("a")), 1);
    assert_eq!(run(&mut *store, failed("a")), 1);
    assert_eq!(run(&mut *store, lost("a")), 0);
    assert_eq!(run(&mut *store, failed("a")), 0, "a late report of a failure starts no retries");
    assert_eq!(store.missing(&[listed("10", &["a"])]).unwrap(), []);
    run(&mut *store, good("a", 1));
    assert_eq!(store.fingerprints_after(ImageId(0), 9).unwrap().len(), 1);
}

pub fn failed_images_are_retried_until_given_up<D: TestDatabase>() {
    let database = D::new();
    let mut store = database.open();
    let take =
        |store: &mut dyn Store, now| retries(store.apply(&[Change::TakeRetries { limit: 10 }], now).unwrap());
    let broken = vec![good("a", 1), failed("b"), lost("c"), failed("d")];
    store.apply(&[posts("1", vec![post("10", broken.clone())])], NOW).unwrap();
    let wanted = vec![listed("10", &["a", "b", "c", "d"])];
    // Each in its place.
    let mut failed = wanted[0].clone();
    failed.images.retain(|image| matches!(image.name.as_str(), "b" | "d"));
    let expect = RetryPost { account: key("1"), post: failed };
    assert_eq!(store.missing(&wanted).unwrap(), std::slice::from_ref(&expect.post));
    assert_eq!(take(&mut *store, NOW), [], "not before the pause");
    let second = NOW.plus(RULE.pause);
    assert_eq!(take(&mut *store, second), std::slice::from_ref(&expect));
    assert_eq!(take(&mut *store, second), [], "handed out once");
    // It failed again, and the report came twice: still the second attempt.
    store.apply(&[posts("1", vec![post("10", broken.clone())])], second).unwrap();
    store.apply(&[posts("1", vec![post("10", broken)])], second).unwrap();
    let third = second.plus(RULE.pause);
    assert_eq!(take(&mut *store, third), [expect], "the last of three");
    assert_eq!(take(&mut *store, third.plus(RULE.pause * 100)), [], "given up");
    assert_eq!(store.missing(&wanted).unwrap(), []);
    assert_eq!(store.counts().unwrap().retries, 1, "kept for the operator to see");
    // What arrives after all is welcome.
    let done = post("10", vec![good("b", 2), lost("d")]);
    let committed = store.apply(&[posts("1", vec![done])], third).unwrap();
    assert_eq!((committed.entries.len(), committed.counts.retries), (1, 0));
}

pub fn what_a_network_did_not_give_is_added_later<D: TestDatabase>() {
    let database = D::new();
    let mut store = database.open();
    // A video, an image, and two images that were named and not given.
    let at = |position, image: IndexedImage| IndexedImage { position, ..image };
    let partial = |native, images: Vec<IndexedImage>, places| {
        vec![IndexedPost { images, places, incomplete: true, ..post(native, vec![]) }]
    };
    let first = partial("10", vec![at(2, good("b", 2))], 4);
    store.apply(&[posts("1", first)], NOW).unwrap();
    assert_eq!(records(&mut *store, &[1]), [(1, "10".to_owned(), 2, 4, "b".to_owned())]);
    // One as an older version stored it, which counted what it saw.
    store.apply(&[posts("1", vec![post("11", vec![good("x", 3)])])], NOW).unwrap();

    // Both are worth fetching again, reduced to what is new.
    let places = |attached: [&str; 4]| {
        attached.map(|name| match name {
            "" => Place::Other,
            name => Place::Image(ListedImage::new(name, format!("https://host/{name}"))),
        })
    };
    let listed = |native: &str, attached| {
        ListedPost::of(PostKey::new(Network::Twitter, native), None, places(attached)).unwrap()
    };
    let wanted = [listed("10", ["", "b", "c", "d"]), listed("11", ["x", "", "y", ""])];
    let missing = store.missing(&wanted).unwrap();
    let names: Vec<Vec<(u8, &str)>> = missing
        .iter()
        .map(|post| post.images.iter().map(|image| (image.position, image.name.as_str())).collect())
        .collect();
    assert_eq!(names, [vec![(3, "c"), (4, "d")], vec![(3, "y")]]);
    let change = posts("1", partial("10", vec![at(3, good("c", 5)), at(4, failed("d"))], 4));
    let committed = store.apply(std::slice::from_ref(&change), NOW).unwrap();
    assert_eq!((committed.entries.len(), committed.counts.images, committed.counts.retries), (1, 4, 1));
    let grown = posts("1", partial("11", vec![at(3, good("y", 6))], 4));
    store.apply(&[grown], NOW).unwrap();
    let stored = records(&mut *store, &[2, 3, 4, 5]);
    let stored: Vec<_> =
        stored.iter().map(|(_, post, position, count, name)| (&**post, *position, *count, &**name)).collect();
    assert_eq!(stored, [("11", 1, 4, "x"), ("10", 3, 4, "c"), ("10", 4, 4, "d"), ("11", 3, 4, "y")]);

    // Said twice, nothing changes; what stands in a taken place is another's.
    let counts = store.counts().unwrap();
    store.apply(&[change], NOW).unwrap();
    store.apply(&[posts("1", vec![post("11", vec![good("other", 9)])])], NOW).unwrap();
    assert_eq!(store.counts().unwrap(), counts);
    assert_eq!(store.missing(&[listed("11", ["x", "", "y", ""])]).unwrap(), []);
    // The failed one has its turn like any other.
    let due = NOW.plus(RULE.pause);
    let [retry] = &retries(store.apply(&[Change::TakeRetries { limit: 9 }], due).unwrap())[..] else {
        panic!()
    };
    assert_eq!((retry.post.images[0].position, retry.post.places), (4, 4));
}

pub fn a_clock_that_was_ahead_makes_nobody_wait<D: TestDatabase>() {
    let database = D::new();
    let mut store = database.open();
    // Ten years ahead, an account was listed and an image failed.
    let wrong = NOW.plus(DAY * 3650);
    store.apply(&[posts("1", vec![post("10", vec![failed("a")])])], wrong).unwrap();
    let search = listing_end(Cursor::Search(Some(Timestamp(7))));
    store.apply(&[Change::Cursor { account: account("1"), end: search }], wrong).unwrap();
    let take =
        |store: &mut dyn Store, now| retries(store.apply(&[Change::TakeRetries { limit: 10 }], now).unwrap());
    assert_eq!(take(&mut *store, NOW).len(), 1, "tried at once");
    assert_eq!(take(&mut *store, NOW), [], "and not again before the pause");
    assert_eq!(take(&mut *store, NOW.plus(RULE.pause)).len(), 1);
    let updates = |store: &mut dyn Store, now: Timestamp| {
        let due = AccountsDue::of_period(AccountTask::Update, DAY * 30, true, now);
        match store.apply(&[Change::TakeAccounts { due, limit: 10 }], now).unwrap().outcomes.pop() {
            Some(Outcome::Accounts(accounts)) => accounts.len(),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(updates(&mut *store, NOW), 0, "it was listed just now, as far as anybody can tell");
    assert_eq!(updates(&mut *store, NOW.plus(DAY * 31)), 1, "its next update comes after a period");
}

pub fn cursors_are_kept_apart_and_survive<D: TestDatabase>() {
    let database = D::new();
    let mut store = database.open();
    let later = NOW.plus(DAY);
    let search = listing_end(Cursor::Search(Some(Timestamp(7))));
    let timeline = listing_end(Cursor::Timeline(Some("99".to_owned())));
    store.apply(&[Change::Cursor { account: account("1"), end: search }], NOW).unwrap();
    store.apply(&[Change::Cursor { account: account("1"), end: timeline }], later).unwrap();
    drop(store);
    let mut store = database.open();
    let states = store.account_states(&[key("2"), key("1")]).unwrap();
    assert_eq!(states[0], AccountState::unknown(key("2")));
    let expect = AccountState {
        key: key("1"),
        search_cursor: Some(Timestamp(7)),
        timeline_cursor: Some("99".to_owned()),
        search_listed_at: Some(NOW),
        timeline_listed_at: Some(later),
        listed_anew_at: Some(NOW),
        stated_posts: account("1").posts,
        windows: Vec::new(),
    };
    assert_eq!(states[1], expect);
    assert_eq!(states[1].search_cursor, Some(Timestamp(7)));
    // A listing that found nothing has no cursor, but it has ended.
    let nothing = listing_end(Cursor::Timeline(None));
    store.apply(&[Change::Cursor { account: account("3"), end: nothing }], NOW).unwrap();
    let state = store.account_states(&[key("3")]).unwrap().remove(0);
    assert_eq!((state.timeline_cursor, state.timeline_listed_at), (None, Some(NOW)));
}

pub fn windows_are_kept_until_the_whole_is_known<D: TestDatabase>() {
    let database = D::new();
    let mut store = database.open();
    let window = |from: u32, to: u32| Window { from: NOW.minus(DAY * from), to: NOW.minus(DAY * to) };
    let list = |store: &mut dyn Store, window, now| {
        let end = listing_end(Cursor::Window(window));
        store.apply(&[Change::Cursor { account: account("1"), end }], now).unwrap();
    };
    list(&mut *store, window(30, 20), NOW);
    list(&mut *store, window(9, 7), NOW.plus(DAY));
    drop(store);
    let mut store = database.open();
    let state = |store: &mut dyn Store| store.account_states(&[key("1")]).unwrap().remove(0);
    let covered = |window, listed_at| CoveredWindow { window, listed_at };
    let apart = [covered(window(30, 20), NOW), covered(window(9, 7), NOW.plus(DAY))];
    assert_eq!(state(&mut *store).windows, apart);
    assert_eq!((state(&mut *store).scanned_at(), state(&mut *store).is_indexed()), (None, true));
    list(&mut *store, window(21, 8), NOW.plus(DAY));
    assert_eq!(state(&mut *store).windows, [covered(window(30, 7), NOW.plus(DAY))]);
    // An account that nobody asked for the whole of is not updated by itself.
    let due = AccountsDue { task: AccountTask::Update, before: NOW.plus(DAY * 99), turns: None };
    let committed = store.apply(&[Change::TakeAccounts { due, limit: 9 }], NOW.plus(DAY * 99)).unwrap();
    assert_eq!(accounts(committed), [""; 0]);
    let cut = ListingEnd { coverage: Coverage::LimitedTo(9), ..listing_end(Cursor::Search(Some(NOW))) };
    store.apply(&[Change::Cursor { account: account("1"), end: cut }], NOW.plus(DAY)).unwrap();
    assert_eq!(state(&mut *store).windows.len(), 1, "what lies deeper is known by the window alone");
    let whole = listing_end(Cursor::Search(Some(NOW)));
    store.apply(&[Change::Cursor { account: account("1"), end: whole }], NOW.plus(DAY)).unwrap();
    assert_eq!(state(&mut *store).windows, []);
}

pub fn search_cursors_can_be_forgotten<D: TestDatabase>() {
    let database = D::new();
    let mut store = database.open();
    let end = listing_end(Cursor::Search(Some(Timestamp(7))));
    let changes = ["1", "2"].map(|n| Change::Cursor { account: account(n), end: end.clone() });
    store.apply(&changes, NOW).unwrap();
    let due = |before| Change::TakeAccounts {
        due: AccountsDue { task: AccountTask::ResetSearchCursor, before, turns: None },
        limit: 9,
    };
    assert_eq!(accounts(store.apply(&[due(NOW)], NOW).unwrap()), [""; 0]);
    let year = NOW.plus(DAY * 365);
    assert_eq!(accounts(store.apply(&[due(year)], year).unwrap()), ["1", "2"]);
    assert_eq!(accounts(store.apply(&[due(year)], year).unwrap()), ["1", "2"], "asking does nothing yet");
    let forget = Change::ForgetSearchCursors { accounts: vec![key("1"), key("7")] };
    store.apply(&[forget], year).unwrap();
    assert_eq!(accounts(store.apply(&[due(year)], year).unwrap()), ["2"]);
    let state = store.account_states(&[key("1")]).unwrap().remove(0);
    assert_eq!((state.search_cursor, state.search_listed_at), (None, Some(NOW)));
    assert_eq!(store.counts().unwrap().accounts, 2, "an unknown account is not made by forgetting");
}

pub fn updates_come_when_it_is_their_turn<D: TestDatabase>() {
    let database = D::new();
    let mut store = database.open();
    let names: Vec<String> = (0..40).map(|n: u32| (n * 7919).to_string()).collect();
    let end = listing_end(Cursor::Search(None));
    let changes: Vec<Change> =
        names.iter().map(|n| Change::Cursor { account: account(n), end: end.clone() }).collect();
    store.apply(&changes, NOW).unwrap();
    let take = |store: &mut dyn Store, now: Timestamp, at_once, limit| {
        let due = AccountsDue::of_period(AccountTask::Update, DAY * 30, at_once, now);
        accounts(store.apply(&[Change::TakeAccounts { due, limit }], now).unwrap())
    };
    assert_eq!(take(&mut *store, NOW.plus(DAY * 29), true, 99), [""; 0], "too early");
    // All come once in the round after the period, spread over it.
    let mut seen = Vec::new();
    let mut most = 0;
    for step in 1..=400_u32 {
        let now = NOW.plus(DAY * 30 + DAY * 30 * step / 400);
        let came = take(&mut *store, now, false, 99);
        most = most.max(came.len());
        seen.extend(came);
    }
    let mut expect = names;
    assert!(
        seen.len() <= 40 + 3,
        "one whose turn was just passing may come again at the end: {}",
        seen.len()
    );
    seen.sort();
    seen.dedup();
    expect.sort();
    assert_eq!(seen, expect);
    assert!(most <= 8, "{most} at once");
    // At any turn: the longest waiting first.
    let late = NOW.plus(DAY * 100);
    let some = take(&mut *store, late, true, 3);
    assert_eq!(some.len(), 3);
    assert_eq!(take(&mut *store, late, true, 99).len(), 37, "handed out once");
    // The account comes with its handle and cursors.
    let due = AccountsDue { task: AccountTask::Update, before: late.plus(DAY), turns: None };
    let committed = store.apply(&[Change::TakeAccounts { due, limit: 1 }], late.plus(DAY)).unwrap();
    let Some(Outcome::Accounts(list)) = committed.outcomes.first() else { panic!("{committed:?}") };
    assert_eq!(list[0].0, account(&list[0].0.key.native));
    assert_eq!(list[0].1.search_listed_at, Some(NOW));
}

pub fn a_handle_that_moved_is_told_once<D: TestDatabase>() {
    let database = D::new();
    let mut store = database.open();
    let touch = |native: &str, handle: &str| Change::Posts {
        account: Account { key: key(native), handle: handle.to_owned(), posts: None },
        posts: Vec::new(),
    };
    let mut now = NOW;
    let mut run = |native: &str, handle: &str| {
        now = now.plus(DAY);
        let moved = store.apply(&[touch(native, handle)], now).unwrap().moved_handles;
        moved.into_iter().map(|m| (m.handle, m.from.native, m.to.native)).collect::<Vec<_>>()
    };
    let moved = |handle: &str, from: &str, to: &str| vec![(handle.into(), from.into(), to.into())];
    assert_eq!(run("1", "cat"), []);
    assert_eq!(run("1", "cat"), []);
    assert_eq!(run("1", "dog"), [], "a new name of the same account");
    assert_eq!(run("2", "cat"), moved("cat", "1", "2"));
    assert_eq!(run("2", "cat"), []);
    assert_eq!(run("1", "cat"), moved("cat", "2", "1"), "and back");
    assert_eq!(run("2", ""), [], "no handle known");
    let listed = |native: &str| Change::Cursor {
        account: Account { key: key(native), handle: String::new(), posts: None },
        end: listing_end(Cursor::Search(None)),
    };
    store.apply(&[listed("1"), listed("2")], now).unwrap();
    let due = AccountsDue { task: AccountTask::Update, before: now.plus(DAY), turns: None };
    let committed = store.apply(&[Change::TakeAccounts { due, limit: 9 }], now).unwrap();
    let Some(Outcome::Accounts(list)) = committed.outcomes.first() else { panic!("{committed:?}") };
    let handles: Vec<&str> = list.iter().map(|(account, _)| account.handle.as_str()).collect();
    assert_eq!(handles, ["cat", "cat"], "the last that each was seen with");
}

pub fn accounts_are_described_whole<D: TestDatabase>() {
    let database = D::new();
    let mut store = database.open();
    assert_eq!(store.account_record(&key("1")).unwrap(), None);
    assert_eq!(store.accounts_called(Network::Twitter, "cat").unwrap(), []);
    let called = |native: &str, handle: &str| Account {
        key: key(native),
        handle: handle.to_owned(),
        posts: Some(4000),
    };
    let search = ListingEnd {
        coverage: Coverage::Complete,
        newest: Some(Timestamp(50)),
        oldest: Some(Timestamp(20)),
        posts_read: 3,
        media: None,
        ..listing_end(Cursor::Search(Some(Timestamp(50))))
    };
    let timeline = ListingEnd {
        coverage: Coverage::LimitedTo(3200),
        newest: Some(Timestamp(60)),
        oldest: Some(Timestamp(30)),
        posts_read: 4,
        media: Some(MediaCount { stated: 90, found: 88, missed: 1 }),
        ..listing_end(Cursor::Timeline(Some("9".to_owned())))
    };
    let later = NOW.plus(DAY);
    store.apply(&[Change::Cursor { account: called("1", "cat"), end: search }], NOW).unwrap();
    store.apply(&[Change::Cursor { account: called("1", "dog"), end: timeline }], later).unwrap();
    store.apply(&[Change::CountUse { accounts: vec![key("1")] }], later).unwrap();
    let after = later.plus(DAY);
    store.apply(&[Change::Posts { account: called("2", "cat"), posts: Vec::new() }], after).unwrap();

    assert_eq!(store.accounts_called(Network::Twitter, "cat").unwrap(), [key("2"), key("1")]);
    assert_eq!(store.accounts_called(Network::Bluesky, "cat").unwrap(), []);
    let record = store.account_record(&key("1")).unwrap().unwrap();
    assert_eq!(record.state, store.account_states(&[key("1")]).unwrap().remove(0));
    let coverage = (record.search_coverage, record.timeline_coverage);
    assert_eq!(coverage, (Some(Coverage::Complete), Some(Coverage::LimitedTo(3200))));
    assert_eq!((record.newest_seen, record.oldest_seen), (Some(Timestamp(60)), Some(Timestamp(20))));
    assert_eq!((record.posts_read, record.state.stated_posts, record.known_since), (7, Some(4000), NOW));
    assert_eq!((record.stated_media, record.found_media), (Some(90), Some(88)));
    assert_eq!((record.uses, record.last_used_at), (1, Some(later)));
    let handles: Vec<_> =
        record.handles.iter().map(|seen| (seen.handle.as_str(), seen.first_seen, seen.last_seen)).collect();
    assert_eq!(handles, [("dog", later, later), ("cat", NOW, NOW)]);
    let other = store.account_record(&key("2")).unwrap().unwrap();
    assert_eq!((other.search_coverage, other.newest_seen), (None, None));
}

/// What both listings of a kind cover together: samples never make a whole.
pub fn samples_are_not_the_whole<D: TestDatabase>() {
    let database = D::new();
    let mut store = database.open();
    let mut timeline = |native: &str, cursor: &str, coverage| {
        let end = ListingEnd { coverage, ..listing_end(Cursor::Timeline(Some(cursor.to_owned()))) };
        store.apply(&[Change::Cursor { account: account(native), end }], NOW).unwrap();
        store.account_record(&key(native)).unwrap().unwrap().timeline_coverage
    };
    assert_eq!(timeline("1", "5", Coverage::Sampled), Some(Coverage::Sampled));
    assert_eq!(timeline("1", "6", Coverage::Complete), Some(Coverage::Sampled));
    assert_eq!(timeline("2", "5", Coverage::Complete), Some(Coverage::Complete));
    assert_eq!(timeline("2", "5", Coverage::Skipped), Some(Coverage::Skipped));
    assert_eq!(timeline("3", "5", Coverage::LimitedTo(3200)), Some(Coverage::LimitedTo(3200)));
    assert_eq!(timeline("3", "6", Coverage::Sampled), Some(Coverage::LimitedTo(3200)));
}

pub fn strange_posts_do_no_harm<D: TestDatabase>() {
    let database = D::new();
    let mut store = database.open();
    let many = (0..300).map(|n| good(&n.to_string(), n)).collect();
    let mut odd = good("odd", 5);
    if let ImageState::Fingerprinted(facts) = &mut odd.state {
        facts.detail.thumbnail = vec![1; 5];
    }
    let twins = vec![failed("same"), failed("same"), good("", 3)];
    let change = posts(
        "1",
        vec![post("1", vec![]), post("2", many), post("", vec![odd]), post("4", twins), post("1", vec![])],
    );
    let committed = store.apply(&[change], NOW).unwrap();
    assert_eq!(
        committed.counts,
        StoreCounts { accounts: 1, posts: 4, images: 255 + 4, retries: 1, ..StoreCounts::default() }
    );
    let last = store.images(&[ImageId(255)]).unwrap().remove(0);
    assert_eq!((last.position, last.count), (255, 255));
    // Images of the same name are filled in one after the other.
    for expect in [1, 0] {
        let committed = store.apply(&[posts("1", vec![post("4", vec![good("same", 8)])])], NOW).unwrap();
        assert_eq!((committed.entries.len(), committed.counts.retries), (1, expect));
    }
    assert_eq!(store.missing(&[]).unwrap(), []);
    assert_eq!(store.apply(&[], NOW).unwrap().counts, store.counts().unwrap());
}

pub fn readers_see_every_commit_and_cannot_write<D: TestDatabase>() {
    let database = D::new();
    let mut store = database.open();
    let mut reader = database.open_reader();
    for number in 1..4_u64 {
        let change = posts("1", vec![post(&number.to_string(), vec![good("a", number)])]);
        store.apply(&[change], NOW).unwrap();
        assert_eq!(reader.counts().unwrap().posts, number);
        assert_eq!(reader.last_image().unwrap(), ImageId(number));
    }
    assert_eq!(reader.identity().unwrap(), store.identity().unwrap());
    assert_ne!(D::new().open().identity().unwrap(), store.identity().unwrap());
    assert!(reader.apply(&[posts("1", vec![post("9", vec![])])], NOW).is_err());
    assert_eq!(store.counts().unwrap().posts, 3);
}

pub fn the_sizes_are_right<D: TestDatabase>() {
    let database = D::new();
    let mut store = database.open();
    let search = listing_end(Cursor::Search(None));
    let use_them = Change::CountUse { accounts: vec![key("1"), key("404")] };
    let changes = [
        posts("1", vec![post("1", vec![good("a", 1), lost("b")]), post("2", vec![failed("c")])]),
        Change::Cursor { account: account("2"), end: search },
        use_them,
        posts("1", vec![post("2", vec![good("c", 1)])]),
        posts("3", vec![post("3", vec![failed("d"), failed("e")])]),
    ];
    let committed = store.apply(&changes, NOW).unwrap();
    let expect = StoreCounts { accounts: 3, posts: 3, images: 5, retries: 1, ..StoreCounts::default() };
    assert_eq!((committed.counts, store.counts().unwrap()), (expect, expect));
    drop(store);
    assert_eq!(database.open().counts().unwrap(), expect);
}

/// Everything the trait can tell about what the generated changes may have done.
fn picture(store: &mut dyn Store) -> String {
    let ids: Vec<ImageId> = (0..400).map(ImageId).collect();
    let natives: Vec<String> = (0..12).map(|n: u32| n.to_string()).collect();
    let keys: Vec<AccountKey> = natives.iter().map(|n| key(n)).collect();
    let asked: Vec<ListedPost> = natives.iter().map(|n| listed(n, &["a", "b", "c"])).collect();
    format!(
        "{:#?} {:#?} {:#?} {:#?} {:#?} {:#?}",
        store.images(&ids).unwrap(),
        store.account_states(&keys).unwrap(),
        store.account_numbers(&keys).unwrap(),
        store.missing(&asked).unwrap(),
        store.fingerprints_after(ImageId(0), 1000).unwrap(),
        store.counts().unwrap(),
    )
}

/// Up to three images, each of another name.
fn any_images() -> impl Strategy<Value = Vec<IndexedImage>> {
    prop::sample::subsequence(vec!["a", "b", "c"], 0..=3).prop_flat_map(|names| {
        let kinds = prop::collection::vec(0..6_u64, names.len());
        kinds
            .prop_map(move |kinds| names.iter().zip(kinds).map(|(name, kind)| any_kind(name, kind)).collect())
    })
}

fn any_kind(name: &str, kind: u64) -> IndexedImage {
    match kind {
        0 => lost(name),
        1 | 2 => failed(name),
        3 => noisy(name, 3),
        fingerprint => good(name, fingerprint),
    }
}

fn any_change() -> impl Strategy<Value = Change> {
    let account_native = 0..4_u32;
    let some_posts = prop::collection::vec((0..12_u32, any_images()), 0..4);
    prop_oneof![
        4 => (account_native.clone(), some_posts).prop_map(|(native, list)| {
            let list = list.into_iter().map(|(native, images)| post(&native.to_string(), images));
            posts(&native.to_string(), list.collect())
        }),
        1 => (account_native.clone(), any::<bool>(), 0..5_i64).prop_map(|(native, search, cursor)| {
            let cursor = match search {
                true => Cursor::Search(Some(Timestamp(cursor))),
                false => Cursor::Timeline(Some(cursor.to_string())),
            };
            Change::Cursor { account: account(&native.to_string()), end: listing_end(cursor) }
        }),
        1 => account_native.prop_map(|native| {
            Change::ForgetSearchCursors { accounts: vec![key(&native.to_string())] }
        }),
    ]
}

fn for_any_changes<D: TestDatabase>(check: impl Fn(Vec<Change>, Vec<usize>) -> Result<(), TestCaseError>) {
    let input = (prop::collection::vec(any_change(), 1..20), prop::collection::vec(1..6_usize, 20));
    let config = Config { cases: D::CASES, failure_persistence: None, ..Config::default() };
    TestRunner::new(config).run(&input, |(changes, groups)| check(changes, groups)).unwrap();
}

/// However changes are grouped into commits, and whoever reads in between, the result is that of
/// one commit for each.
pub fn grouping_changes_nothing<D: TestDatabase>() {
    for_any_changes::<D>(|changes, groups| {
        let (one_by_one, grouped) = (D::new(), D::new());
        let (mut expect, mut store) = (one_by_one.open(), grouped.open());
        let mut reader = grouped.open_reader();
        let mut told = Vec::new();
        for change in &changes {
            expect.apply(std::slice::from_ref(change), NOW).unwrap();
        }
        let mut rest = &changes[..];
        for size in groups {
            let (group, later) = rest.split_at(size.min(rest.len()));
            told.extend(store.apply(group, NOW).unwrap().entries);
            prop_assert_eq!(&reader.fingerprints_after(ImageId(0), 1000).unwrap(), &told);
            rest = later;
        }
        prop_assert_eq!(picture(&mut *store), picture(&mut *expect));
        Ok(())
    });
}

/// Work is done at least once: any report that comes again, however late, changes nothing. That holds for
/// reports that agree on the places of a post's images, which a post that was edited in between breaks: see
/// [`reports_of_an_edited_post_only_add`].
pub fn repeating_changes_nothing<D: TestDatabase>() {
    for_any_changes::<D>(|mut changes, again| {
        changes.retain(|change| matches!(change, Change::Posts { .. }));
        changes.iter_mut().for_each(put_in_their_places);
        let (once, repeated) = (D::new(), D::new());
        let (mut expect, mut store) = (once.open(), repeated.open());
        for (index, change) in changes.iter().enumerate() {
            expect.apply(std::slice::from_ref(change), NOW).unwrap();
            store.apply(std::slice::from_ref(change), NOW).unwrap();
            let late = index.saturating_sub(again.get(index).copied().unwrap_or(0));
            let committed = store.apply(&changes[late..=index], NOW).unwrap();
            prop_assert_eq!(committed.entries, vec![]);
        }
        prop_assert_eq!(picture(&mut *store), picture(&mut *expect));
        Ok(())
    });
}

/// Gives each image the place that its name has in every report.
fn put_in_their_places(change: &mut Change) {
    let Change::Posts { posts, .. } = change else { return };
    for post in posts {
        for image in &mut post.images {
            image.position = match image.name.as_str() {
                "a" => 1,
                "b" => 2,
                _ => 3,
            };
        }
        post.places = post.images.last().map_or(0, |image| image.position);
    }
}

/// A report whose image found its place taken says nothing at first. Once another report has put the image
/// elsewhere, the first one fills it in when it comes again.
pub fn reports_of_an_edited_post_only_add<D: TestDatabase>() {
    let database = D::new();
    let mut store = database.open();
    let early = posts("1", vec![post("4", vec![good("a", 7)])]);
    let before = posts("1", vec![post("4", vec![good("c", 1)])]);
    let edited = posts("1", vec![post("4", vec![good("b", 2), failed("a")])]);
    let mut entries = |change: &Change| {
        let committed = store.apply(std::slice::from_ref(change), NOW).unwrap();
        (committed.entries.len(), committed.counts.images, committed.counts.retries)
    };
    assert_eq!(entries(&before), (1, 1, 0));
    assert_eq!(entries(&early), (0, 1, 0), "its place is taken");
    assert_eq!(entries(&edited), (0, 2, 1));
    assert_eq!(entries(&early), (1, 2, 0));
    for change in [&before, &early, &edited] {
        assert_eq!(entries(change), (0, 2, 0));
    }
}

/// Two images of one name in a post are told apart by their places, where a report has all of them.
pub fn images_of_one_name_are_told_apart<D: TestDatabase>() {
    let database = D::new();
    let mut store = database.open();
    let twins = posts("1", vec![post("4", vec![good("same", 1), failed("same"), good("", 3)])]);
    store.apply(std::slice::from_ref(&twins), NOW).unwrap();
    let committed = store.apply(&[twins], NOW).unwrap();
    assert_eq!((committed.entries.len(), committed.counts.retries), (0, 1));
    let mended = posts("1", vec![post("4", vec![good("same", 1), good("same", 2), good("", 3)])]);
    let committed = store.apply(&[mended], NOW).unwrap();
    assert_eq!(committed.entries.iter().map(|entry| entry.2.0).collect::<Vec<_>>(), [2]);
    let id = committed.entries[0].0.0;
    assert_eq!(records(&mut *store, &[id]), [(id, "4".to_owned(), 2, 3, "same".to_owned())]);
}

pub fn imports_add_and_never_overwrite<D: TestDatabase>() {
    use import::pages::{ImportedImage, ImportedPost, ImportedRetry, Page};

    let database = D::new();
    let mut store = database.open();
    let solid = 0x5555_5555_5555_5555;
    let imported = |native: &str, prints: &[Option<u64>]| ImportedPost {
        key: PostKey::new(Network::Twitter, native),
        account: key("1"),
        images: ["a", "b"]
            .iter()
            .zip(prints)
            .map(|(name, print)| ImportedImage {
                name: (*name).to_owned(),
                fingerprint: print.map(Fingerprint),
            })
            .collect(),
    };
    store.apply(&[posts("1", vec![post("10", vec![good("a", 1), failed("b")])])], NOW).unwrap();
    let page = Page::Posts(vec![
        imported("10", &[Some(solid), Some(!solid)]),
        imported("11", &[Some(solid), None]),
        imported("12", &[Some(0)]),
    ]);
    let committed = store.apply(&[Change::Import(page.clone())], NOW).unwrap();
    assert_eq!(committed.outcomes, [Outcome::Imported { new: 3 }]);
    assert_eq!(committed.entries.iter().map(|entry| entry.2.0).collect::<Vec<_>>(), [!solid, solid]);
    assert_eq!(
        committed.counts,
        StoreCounts { accounts: 1, posts: 3, images: 5, retries: 0, ..StoreCounts::default() }
    );
    let keys = ["10", "11", "12", "13"].map(|native| PostKey::new(Network::Twitter, native));
    let print = |bits| Some(Fingerprint(bits));
    let expect =
        [Some(vec![print(1), print(!solid)]), Some(vec![print(solid), None]), Some(vec![print(0)]), None];
    assert_eq!(store.fingerprints_of(&keys).unwrap(), expect);
    let again = store.apply(&[Change::Import(page)], NOW).unwrap();
    assert_eq!((again.outcomes, again.entries), (vec![Outcome::Imported { new: 0 }], vec![]));

    // Only of the image that is missing, once, and only of a stored post.
    let retry = |native: &str, attempts| ImportedRetry {
        post: PostKey::new(Network::Twitter, native),
        urls: vec![Some("https://host/a".to_owned()), Some("https://host/b".to_owned())],
        attempts,
        last_tried: Some(Timestamp(5)),
    };
    let page = Page::Retries(vec![retry("10", 1), retry("11", 2), retry("11", 2), retry("99", 1)]);
    let committed = store.apply(&[Change::Import(page)], NOW).unwrap();
    assert_eq!(committed.outcomes, [Outcome::Imported { new: 1 }]);
    let take =
        |store: &mut dyn Store, now| retries(store.apply(&[Change::TakeRetries { limit: 9 }], now).unwrap());
    let failed = &listed("11", &["a", "b"]).images[1..];
    assert_eq!(take(&mut *store, NOW.plus(RULE.pause))[0].post.images, failed);
    assert_eq!(take(&mut *store, NOW.plus(RULE.pause * 9)), [], "that was the third attempt");
}

pub fn images_are_completed_once_and_keep_their_fingerprints<D: TestDatabase>() {
    use backfill::{Completed, Seen};
    use import::pages::{ImportedImage, ImportedPost, Page};

    let database = D::new();
    let mut store = database.open();
    let solid = 0x5555_5555_5555_5555_u64;
    // Four that can be completed, one that matches nothing, one without a fingerprint.
    let prints = [Some(solid), Some(solid << 1), Some(solid ^ 0xf00f), Some(!0 << 32), Some(0), None];
    let images = ["a", "b", "c", "d", "e", "f"]
        .iter()
        .zip(prints)
        .map(|(name, print)| ImportedImage { name: (*name).to_owned(), fingerprint: print.map(Fingerprint) });
    let imported = ImportedPost {
        key: PostKey::new(Network::Twitter, "10"),
        account: key("1"),
        images: images.collect(),
    };
    store
        .apply(
            &[posts("1", vec![post("9", vec![good("x", 7)])]), Change::Import(Page::Posts(vec![imported]))],
            NOW,
        )
        .unwrap();
    let bare = |store: &mut dyn Store| store.bare_images(ImageId(0), 100).unwrap();
    let found = bare(&mut *store);
    assert_eq!(found.iter().map(|image| image.name.as_str()).collect::<Vec<_>>(), ["a", "b", "c", "d"]);
    assert!(found.iter().all(|image| image.account == key("1")));
    let [a, b, c, d] = [0, 1, 2, 3].map(|place: usize| found[place].image);
    // Pages go on where the one before ended.
    assert_eq!(store.bare_images(ImageId(0), 2).unwrap(), found[..2]);
    assert_eq!(store.bare_images(b, 2).unwrap(), found[2..]);

    let picture = |fingerprint: u64, trimmed: Option<u64>| {
        let mut facts = facts(fingerprint);
        facts.detail.trimmed = trimmed.map(Fingerprint);
        Seen::Picture(facts)
    };
    let change = Change::Complete(vec![
        (a, picture(solid, None)),
        (a, picture(solid, None)),
        // One bit off, in a border, and not sure of itself.
        (b, picture((solid << 1) ^ 1, Some(99))),
        (c, picture(!solid, None)),
        (d, Seen::Gone),
        (ImageId(1), picture(7, None)),
        (ImageId(9_999), Seen::Gone),
    ]);
    let before = store.counts().unwrap();
    let committed = store.apply(std::slice::from_ref(&change), NOW).unwrap();
    let expect =
        Completed { completed: 2, framed: 1, other_fingerprint: 1, other_picture: 1, gone: 1, parts: 0 };
    assert_eq!(committed.outcomes, [Outcome::Completed(expect)]);
    // Only the one with a border is new to the index, under a new number.
    let moved = committed.images_after;
    assert!(moved > committed.images_before);
    let stored = Fingerprint(solid << 1);
    assert_eq!(
        committed.entries.iter().map(|entry| (entry.0, entry.2, entry.3)).collect::<Vec<_>>(),
        [(moved, stored, Some(Fingerprint(99)))]
    );
    assert_eq!(store.images(&[b]).unwrap(), []);
    let records = store.images(&[a, moved, c, d]).unwrap();
    let details: Vec<_> =
        records.iter().map(|record| record.detail.as_ref().map(|detail| detail.trimmed)).collect();
    assert_eq!(details, [Some(None), Some(Some(Fingerprint(99))), None, None]);
    assert_eq!(records.iter().map(|record| record.name.as_str()).collect::<Vec<_>>(), ["a", "b", "c", "d"]);
    assert_eq!(records.iter().map(|record| record.position).collect::<Vec<_>>(), [1, 2, 3, 4]);
    let key = PostKey::new(Network::Twitter, "10");
    assert_eq!(
        store.fingerprints_of(&[key]).unwrap(),
        [Some(prints.map(|print| print.map(Fingerprint)).to_vec())]
    );
    assert_eq!(store.counts().unwrap(), before);
    assert_eq!(store.wrong_lengths().unwrap(), 0);

    // What is complete, gone or another picture is neither asked for nor changed again.
    assert_eq!(bare(&mut *store), []);
    let again = store.apply(&[change], NOW).unwrap();
    let expect = Completed { other_picture: 1, gone: 1, ..Completed::default() };
    assert_eq!((again.outcomes, again.entries), (vec![Outcome::Completed(expect)], vec![]));
    assert_eq!(bare(&mut *store), []);

    // A thumbnail of another size is not stored, and what lacks it is asked for again.
    let imported = ImportedPost {
        key: PostKey::new(Network::Twitter, "11"),
        account: AccountKey::new(Network::Twitter, "1"),
        images: vec![ImportedImage { name: "g".to_owned(), fingerprint: Some(Fingerprint(solid)) }],
    };
    store.apply(&[Change::Import(Page::Posts(vec![imported]))], NOW).unwrap();
    let g = bare(&mut *store)[0].image;
    let mut odd = facts(solid);
    odd.detail.thumbnail.pop();
    let change = Change::Complete(vec![(g, Seen::Picture(odd))]);
    assert_eq!(store.apply(&[change], NOW).unwrap().outcomes, [Outcome::Completed(Completed::default())]);
    assert_eq!(bare(&mut *store).len(), 1);
}

const PAGE: &str = "https://a.example/art/1";

fn said(claim: Claim, page: Option<&str>, who: &str, at: i64) -> Verdict {
    Verdict::new(claim, page, who, Timestamp(at), "\u{201c}\u{753b}\u{201d}").unwrap()
}

fn of_account(native: &str, is_artists: bool) -> Claim {
    Claim::Account { account: key(native), is_artists }
}

fn of_post(native: &str, is_same: bool) -> Claim {
    Claim::Picture { post: PostKey::new(Network::Twitter, native), image: Some(2), is_same }
}

fn kept(store: &mut dyn Store, verdicts: Vec<Verdict>) -> KeptVerdicts {
    match store.apply(&[Change::KeepVerdicts(verdicts)], NOW).unwrap().outcomes.remove(0) {
        Outcome::VerdictsKept(kept) => kept,
        other => panic!("{other:?}"),
    }
}

fn listed_verdicts(store: &mut dyn Store, limit: u32) -> Vec<(VerdictId, bool)> {
    let mut all = Vec::new();
    let mut before = (Timestamp(i64::MAX), VerdictId(u64::MAX));
    loop {
        let page = store.verdicts_before(before, limit).unwrap();
        let Some((last, _)) = page.last() else { return all };
        before = (last.at, last.id);
        all.extend(page.iter().map(|(verdict, conflict)| (verdict.id, *conflict)));
    }
}

pub fn what_people_say_is_kept_found_by_its_key_and_taken_back<D: TestDatabase>() {
    let database = D::new();
    let mut store = database.open();
    let nowhere = said(of_account("1", false), None, "a", 1);
    let here = said(of_account("1", true), Some(PAGE), "b", 2);
    let pictures = said(of_post("1", true), Some(PAGE), "b", 2);
    let elsewhere = said(of_account("1", true), Some("https://a.example/art/2"), "b", 3);
    let others = said(of_account("2", false), None, "a", 4);
    // Accounts that were never seen can be spoken of.
    let first = kept(&mut *store, vec![nowhere.clone(), here.clone()]);
    let KeptVerdicts::Kept { new: 2, known: 0, against } = first else { panic!("{first:?}") };
    assert_eq!(against.len(), 2, "they contradict each other");
    let rest = vec![pictures.clone(), elsewhere.clone(), others.clone(), others.clone()];
    let KeptVerdicts::Kept { new: 3, known: 1, against } = kept(&mut *store, rest.clone()) else { panic!() };
    assert_eq!(against.iter().map(|verdict| verdict.id).collect::<Vec<_>>(), [nowhere.id]);
    let again = Verdict { why: "other words".to_owned(), at: NOW, ..pictures.clone() };
    let KeptVerdicts::Kept { new: 0, known: 1, .. } = kept(&mut *store, vec![again]) else { panic!() };

    let mut reader = database.open_reader();
    let mut found = |pages: &[&str], accounts: &[&str]| {
        let pages: Vec<String> = pages.iter().map(|page| (*page).to_owned()).collect();
        let accounts: Vec<AccountKey> = accounts.iter().map(|native| key(native)).collect();
        let mut found = reader.verdicts(&pages, &accounts).unwrap();
        found.sort_by_key(|verdict| (verdict.at, verdict.claim.kind()));
        found
    };
    assert_eq!(found(&[PAGE], &[]), [here.clone(), pictures.clone()], "as it was said first");
    assert_eq!(found(&[], &["1", "3"]), std::slice::from_ref(&nowhere), "not what holds for pages");
    assert_eq!(found(&["https://a.example/art/3"], &["3"]), []);
    assert_eq!(found(&[PAGE, "https://a.example/art/2"], &["1", "2"]).len(), 5);

    for limit in [1, 2, 9] {
        let listed = listed_verdicts(&mut *store, limit);
        let of = |verdict: &Verdict| listed.iter().position(|(id, _)| *id == verdict.id).unwrap();
        assert_eq!(listed.len(), 5);
        assert!(of(&others) == 0 && of(&elsewhere) == 1 && of(&nowhere) == 4, "newest first: {listed:?}");
        let conflicts: Vec<bool> =
            [&nowhere, &here, &elsewhere, &pictures, &others].map(|verdict| listed[of(verdict)].1).into();
        assert_eq!(conflicts, [true, true, true, false, false], "{limit}");
    }

    let remove = |store: &mut dyn Store, id| match store
        .apply(&[Change::RemoveVerdict(id)], NOW)
        .unwrap()
        .outcomes
        .remove(0)
    {
        Outcome::VerdictRemoved(removed) => removed,
        other => panic!("{other:?}"),
    };
    assert_eq!(remove(&mut *store, nowhere.id), Some(nowhere.clone()));
    assert_eq!(remove(&mut *store, nowhere.id), None);
    assert_eq!(found(&[], &["1"]), []);
    assert!(listed_verdicts(&mut *store, 9).iter().all(|(_, conflict)| !conflict));
}

pub fn no_page_has_more_verdicts_than_count<D: TestDatabase>() {
    let database = D::new();
    let mut store = database.open();
    let many = |count: usize, page: Option<&str>| -> Vec<Verdict> {
        let one = |number: usize| match page {
            Some(_) => said(of_post(&number.to_string(), false), page, "a", 1),
            None => said(of_account("7", false), None, &format!("who{number}"), 1),
        };
        (0..count).map(one).collect()
    };
    for page in [Some(PAGE), None] {
        let full = kept(&mut *store, many(MAX_PER_PAGE + 1, page));
        assert!(matches!(full, KeptVerdicts::Full { .. }), "{full:?}");
        let all = kept(&mut *store, many(MAX_PER_PAGE, page));
        let most = u32::try_from(MAX_PER_PAGE).unwrap();
        assert!(
            matches!(all, KeptVerdicts::Kept { new, known: 0, .. } if new == most),
            "nothing of it was kept"
        );
        let more = kept(&mut *store, vec![many(MAX_PER_PAGE + 1, page).pop().unwrap()]);
        let about = page.map_or_else(|| key("7").to_string(), str::to_owned);
        assert_eq!(more, KeptVerdicts::Full { about });
        let again = kept(&mut *store, many(MAX_PER_PAGE, page));
        assert!(matches!(again, KeptVerdicts::Kept { new: 0, known, .. } if known == most));
    }
}

pub fn the_images_of_posts_are_found_by_the_posts<D: TestDatabase>() {
    let database = D::new();
    let mut store = database.open();
    let first = post("10", vec![good("a", 1), noisy("b", 2), lost("c"), good("d", FRAMED)]);
    store.apply(&[posts("1", vec![first, post("11", vec![good("x", 3)])])], NOW).unwrap();
    let asked = ["10", "12"].map(|native| PostKey::new(Network::Twitter, native));
    let mut found = store.images_of_posts(&asked).unwrap();
    found.sort_by_key(|(_, position, _)| *position);
    let short: Vec<_> =
        found.iter().map(|(post, position, entry)| (post, *position, entry.2, entry.3)).collect();
    let expect =
        [(&asked[0], 1, Fingerprint(1), None), (&asked[0], 4, Fingerprint(FRAMED), Some(Fingerprint(1)))];
    assert_eq!(short, expect);
    let other = PostKey::new(Network::Mastodon, "10");
    assert_eq!(store.images_of_posts(&[other]).unwrap(), []);
}

fn forget(store: &mut dyn Store, subject: &Subject) -> Removal {
    let mut all = Removal::default();
    for piece in 0.. {
        let change = Change::Forget { subject: subject.clone(), note: "n".to_owned() };
        let committed = store.apply(&[change], NOW).unwrap();
        let Some(Outcome::Removed(removal)) = committed.outcomes.into_iter().next() else {
            panic!("no removal")
        };
        all.removed.add(removal.removed);
        all.since = if piece == 0 { removal.since } else { all.since };
        if !removal.more {
            return all;
        }
        assert!(piece < 100, "it goes on for ever");
    }
    all
}

pub fn what_is_forgotten_never_comes_back<D: TestDatabase>() {
    use import::pages::{ImportedAccount, ImportedPost, Page};
    let database = D::new();
    let mut store = database.open();
    let many = (0..30).map(|n| post(&format!("1{n:02}"), vec![good("a", 1), failed("b"), lost("c")]));
    let changes = [
        posts("1", many.clone().collect()),
        posts("1", vec![post("130", vec![])]),
        posts("2", vec![post("20", vec![good("a", 5)]), post("21", vec![good("a", 6)])]),
        Change::Cursor { account: account("1"), end: listing_end(Cursor::Search(Some(NOW))) },
    ];
    store.apply(&changes, NOW).unwrap();
    let bare = store.bare_images(ImageId(0), 10).unwrap();
    assert_eq!(bare, []);
    let subject = Subject::Account(key("1"));
    let removal = forget(&mut *store, &subject);
    let removed = Removed { accounts: 1, posts: 31, images: 90, retries: 30 };
    assert_eq!(removal, Removal { removed, more: false, since: None });
    assert_eq!(store.account_record(&key("1")).unwrap(), None);
    assert_eq!(store.accounts_called(Network::Twitter, "artist1").unwrap(), []);
    let left = StoreCounts { accounts: 1, posts: 2, images: 2, retries: 0, ..StoreCounts::default() };
    assert_eq!(store.counts().unwrap(), left);
    // The index is to lose all of them.
    let images = store.removed_images(1000).unwrap();
    assert_eq!(images.len(), 90);
    assert_eq!(store.images(&images).unwrap(), []);
    let up_to = images[49];
    store.apply(&[Change::ForgetRemovedImages { up_to }], NOW).unwrap();
    assert_eq!(store.removed_images(1000).unwrap(), images[50..]);

    // By no path: scans, cursors, imports; in one commit with the wish, before it or after.
    let page = Page::Posts(vec![ImportedPost {
        key: PostKey::new(Network::Twitter, "100"),
        account: key("1"),
        images: vec![],
    }]);
    let imported = Page::Accounts(vec![ImportedAccount {
        key: key("1"),
        search_cursor: None,
        search_listed_at: Some(NOW),
        search_reset_at: None,
        timeline_cursor: None,
        timeline_listed_at: None,
        last_used_at: None,
        uses: 1,
    }]);
    let committed =
        store.apply(&[changes[0].clone(), changes[3].clone(), Change::Import(page)], NOW).unwrap();
    assert_eq!((committed.entries.len(), committed.counts), (0, left));
    assert_eq!(committed.outcomes[2], Outcome::Imported { new: 0 });
    let committed = store.apply(&[Change::Import(imported)], NOW).unwrap();
    assert_eq!((committed.outcomes[0].clone(), committed.counts), (Outcome::Imported { new: 0 }, left));
    let again = forget(&mut *store, &subject);
    assert_eq!(again, Removal { removed: Removed::default(), more: false, since: Some(NOW) });
    let three = Subject::Account(key("3"));
    let batch = [
        posts("3", vec![post("30", vec![good("a", 7)])]),
        Change::Forget { subject: three.clone(), note: String::new() },
        posts("3", vec![post("30", vec![good("a", 7)]), post("31", vec![good("a", 7)])]),
    ];
    let committed = store.apply(&batch, NOW).unwrap();
    assert_eq!(committed.entries, [], "they are removed before anybody could search them");
    forget(&mut *store, &three);
    assert_eq!(store.counts().unwrap(), left);

    // One post; its account stays.
    let one = Subject::Post(PostKey::new(Network::Twitter, "20"));
    let removal = forget(&mut *store, &one);
    assert_eq!(removal.removed, Removed { accounts: 0, posts: 1, images: 1, retries: 0 });
    let both = posts("2", vec![post("20", vec![good("a", 5)]), post("22", vec![good("a", 6)])]);
    assert_eq!(store.apply(std::slice::from_ref(&both), NOW).unwrap().entries.len(), 1);
    // What is not known is marked all the same.
    let unknown = Subject::Post(PostKey::new(Network::Bluesky, "at://did:plc:a/app.bsky.feed.post/1"));
    assert_eq!(forget(&mut *store, &unknown), Removal::default());

    let all = store.tombstones(None, 10).unwrap();
    assert_eq!(all.len(), 4);
    assert!(all.is_sorted_by_key(|tombstone| tombstone.mark));
    assert_eq!(store.tombstones(Some(all[1].mark), 1).unwrap(), all[2..3]);
    let mine = all.iter().find(|tombstone| tombstone.mark == subject.mark()).unwrap();
    let expect = (SubjectKind::Account, Network::Twitter, NOW, "n");
    assert_eq!((mine.kind, mine.network, mine.at, mine.note.as_str()), expect);
    let mut marks = store.marks().unwrap();
    marks.sort_unstable();
    assert_eq!(marks, all.iter().map(|tombstone| tombstone.mark).collect::<Vec<_>>());

    // Lifted, it may come back.
    for was_there in [true, false] {
        let committed = store.apply(&[Change::Lift(one.mark())], NOW).unwrap();
        assert_eq!(committed.outcomes, [Outcome::Lifted(was_there)]);
    }
    assert_eq!(store.apply(&[both], NOW).unwrap().entries.len(), 1);
}

pub fn what_is_gone_may_come_back<D: TestDatabase>() {
    let database = D::new();
    let mut store = database.open();
    let change =
        posts("1", vec![post("10", vec![good("a", 1), failed("b")]), post("11", vec![good("a", 2)])]);
    store.apply(std::slice::from_ref(&change), NOW).unwrap();
    let gone = vec![PostKey::new(Network::Twitter, "10"), PostKey::new(Network::Twitter, "99")];
    // In one commit with what brings it back, whose rows are found gone.
    let batch = [Change::RemovePosts(gone.clone()), change.clone(), Change::RemovePosts(gone)];
    let committed = store.apply(&batch, NOW).unwrap();
    let removed = Removed { accounts: 0, posts: 1, images: 2, retries: 1 };
    let removal = Outcome::Removed(Removal { removed, ..Removal::default() });
    assert_eq!(committed.outcomes, [removal.clone(), Outcome::Done, removal]);
    assert_eq!((committed.entries.len(), committed.counts.posts, committed.counts.images), (0, 1, 1));
    assert_eq!(store.tombstones(None, 10).unwrap(), []);
    let committed = store.apply(&[change], NOW).unwrap();
    assert_eq!((committed.entries.len(), committed.counts.posts), (1, 2));
    assert_eq!(store.removed_images(10).unwrap().len(), 4);
}

pub fn an_unfinished_removal_is_found_again<D: TestDatabase>() {
    let database = D::new();
    let mut store = database.open();
    store.apply(&[posts("1", vec![post("10", vec![good("a", 1)])])], NOW).unwrap();
    let subject = Subject::Account(key("1"));
    let first = Change::Forget { subject: subject.clone(), note: String::new() };
    let committed = store.apply(&[first], NOW).unwrap();
    assert!(matches!(committed.outcomes[0], Outcome::Removed(Removal { more: true, .. })), "{committed:?}");
    drop(store);
    let mut store = database.open();
    assert_eq!(store.removals_left().unwrap(), [key("1")]);
    forget(&mut *store, &subject);
    assert_eq!(store.removals_left().unwrap(), []);
}

fn watch(id: u128, accounts: Vec<WatchedAccount>) -> Watch {
    Watch {
        id: WatchId(id),
        subject: "https://a.example/\u{1f3a8}?a=%20'\"".to_owned(),
        who: "bot".to_owned(),
        began: Timestamp(NOW.0 + i64::try_from(id % 10).unwrap()),
        networks: Networks::of([Network::Mastodon, Network::Bluesky]).unwrap(),
        webhook: id.is_multiple_of(2).then(|| "bot".to_owned()),
        told: ImageId(u64::try_from(id % 10).unwrap()),
        accounts,
    }
}

pub fn watches_are_kept_changed_and_ended<D: TestDatabase>() {
    let database = D::new();
    let mut store = database.open();
    let account = WatchedAccount {
        key: AccountKey::new(Network::Mastodon, "https://a.example/users/jane"),
        handle: "jane@a.example".to_owned(),
        unreadable: Some("is \"private\"".to_owned()),
        looked_up: NOW,
    };
    let (one, two) = (watch(u128::MAX - 1, vec![account]), watch(3, vec![]));
    let keep = |watch: &Watch| Change::KeepWatch(Box::new(watch.clone()));
    store.apply(&[keep(&one), keep(&two), keep(&one)], NOW).unwrap();
    let mut both = [one.clone(), two.clone()];
    both.sort_by_key(|watch| watch.began);
    assert_eq!(database.open_reader().watches().unwrap(), both);
    let changed = Watch { told: ImageId(1 << 40), accounts: vec![], ..one.clone() };
    store.apply(&[keep(&changed), Change::EndWatch(two.id), Change::EndWatch(WatchId(9))], NOW).unwrap();
    assert_eq!(store.watches().unwrap(), [changed]);
}

pub fn a_feed_has_each_artwork_once<D: TestDatabase>() {
    let database = D::new();
    let mut store = database.open();
    let dated = |native: &str, at: Option<i64>, images| {
        let key = PostKey::new(Network::Twitter, native);
        IndexedPost::of_images(key, at.map(Timestamp), images)
    };
    store
        .apply(
            &[
                posts("1", vec![dated("10", Some(NOW.0 - 30), vec![good("a", 1), failed("b")])]),
                posts("1", vec![dated("11", Some(NOW.0 - 20), vec![good("c", 0xffff_ffff)])]),
                posts("1", vec![dated("12", None, vec![lost("d")])]),
                posts("1", vec![dated("13", Some(NOW.0 - 5), vec![])]),
                // The same picture elsewhere.
                posts("2", vec![dated("20", Some(NOW.0 - 10), vec![good("e", 0xffff_ffff)])]),
                posts("3", vec![dated("30", Some(NOW.0), vec![good("f", 1)])]),
            ],
            NOW,
        )
        .unwrap();
    let short = |store: &mut dyn Store, accounts: &[&str]| -> Vec<Vec<String>> {
        let keys: Vec<AccountKey> = accounts.iter().map(|native| key(native)).collect();
        let entry = |entry: FeedEntry| entry.posts.into_iter().map(|post| post.key.native).collect();
        store.feed(&keys).unwrap().into_iter().map(entry).collect()
    };
    // A post without a date is as new as its storing; one without images is none.
    assert_eq!(short(&mut *store, &["1"]), [vec!["12"], vec!["11"], vec!["10"]]);
    assert_eq!(short(&mut *store, &["1", "2"]), [vec!["12"], vec!["11", "20"], vec!["10"]]);
    assert_eq!(short(&mut *store, &["9"]), Vec::<Vec<String>>::new());
    let entries = database.open_reader().feed(&[key("1"), key("2")]).unwrap();
    let [undated, shared, failed] = entries.as_slice() else { panic!("{entries:?}") };
    assert_eq!(
        (undated.changed, undated.posts[0].published),
        (ImageId(0), None),
        "nothing can be seen of it"
    );
    assert_eq!(shared.posts[1].handle.as_deref(), Some("artist2"));
    assert_eq!(shared.posts[0].images, [FeedImage { position: 1, name: "c".into(), size: Some((680, 480)) }]);
    assert_eq!(
        failed.posts[0].images.iter().map(|image| image.size).collect::<Vec<_>>(),
        [Some((680, 480)), None]
    );
    // An image that is read at last is new.
    let (before, last) = (failed.changed, shared.changed);
    store.apply(&[posts("1", vec![dated("10", None, vec![good("b", 5)])])], NOW).unwrap();
    let entries = store.feed(&[key("1"), key("2")]).unwrap();
    assert!(entries[2].changed > before && entries[2].changed > last, "{entries:?}");
    store.apply(&[Change::RemovePosts(vec![PostKey::new(Network::Twitter, "11")])], NOW).unwrap();
    assert_eq!(short(&mut *store, &["1", "2"]), [vec!["12"], vec!["20"], vec!["10"]]);
}

/// An image with features of this version that end in `tag`.
fn featured(name: &str, fingerprint: u64, tag: u8) -> IndexedImage {
    let facts = ImageFacts { parts: Some(features(tag)), ..facts(fingerprint) };
    IndexedImage::new(name, ImageState::Fingerprinted(facts))
}

fn features(tag: u8) -> Parts {
    Parts(vec![PARTS_VERSION, 0, 255, tag])
}

/// Those of the account of this number, as a search reads them.
fn parts_of(store: &mut dyn Store, account: u32) -> Vec<(u64, Option<Parts>)> {
    let found = store.parts_of_account(AccountNo(account), ImageId(0), 100).unwrap();
    found.into_iter().map(|(image, _, _, parts)| (image.0, parts)).collect()
}

fn part_sizes(store: &mut dyn Store) -> (u64, u64) {
    let counts = store.counts().unwrap();
    (counts.parts, counts.part_bytes)
}

pub fn features_lie_beside_their_images_and_go_with_them<D: TestDatabase>() {
    let database = D::new();
    let mut store = database.open();
    let sized = |name: &str, bytes: usize| {
        let parts = Some(Parts(vec![PARTS_VERSION; bytes]));
        IndexedImage::new(name, ImageState::Fingerprinted(ImageFacts { parts, ..facts(3) }))
    };
    let images = vec![featured("a", 1, 1), good("b", 2), failed("c"), sized("d", MAX_PARTS_BYTES)];
    // A worker is not ours to believe.
    let odd = vec![sized("e", MAX_PARTS_BYTES + 1), sized("f", 0), featured("g", FRAMED, 7)];
    let other = posts("2", vec![post("20", vec![featured("a", 9, 9)])]);
    let first = posts("1", vec![post("10", images), post("11", odd)]);
    store.apply(&[first.clone(), other], NOW).unwrap();
    let whole = Parts(vec![PARTS_VERSION; MAX_PARTS_BYTES]);
    let expect = [
        (1, Some(features(1))),
        (2, None),
        (4, Some(whole.clone())),
        (5, None),
        (6, None),
        (7, Some(features(7))),
    ];
    assert_eq!(parts_of(&mut *store, 1), expect);
    assert_eq!(part_sizes(&mut *store), (4, 12 + MAX_PARTS_BYTES as u64));
    // Pages go on where the one before ended, with what a search needs besides.
    let page = store.parts_of_account(AccountNo(1), ImageId(2), 1).unwrap();
    assert_eq!(page, [(ImageId(4), Fingerprint(3), None, Some(whole))]);
    let framed = store.parts_of_account(AccountNo(1), ImageId(6), 9).unwrap();
    assert_eq!(framed[0].2, Some(Fingerprint(1)));
    assert_eq!(store.parts_of_account(AccountNo(77), ImageId(0), 9).unwrap(), []);
    let asked = [7, 2, 1, 999].map(ImageId);
    assert_eq!(store.parts(&asked).unwrap(), [(ImageId(7), features(7)), (ImageId(1), features(1))]);

    // The image that failed gets its fingerprint, and with it another number; repeating changes nothing.
    let filled = posts("1", vec![post("10", vec![featured("c", 5, 5)])]);
    for change in [filled.clone(), first, filled] {
        store.apply(&[change], NOW).unwrap();
        assert_eq!(parts_of(&mut *store, 1)[6..], [(9, Some(features(5)))]);
        assert_eq!(part_sizes(&mut *store), (5, 16 + MAX_PARTS_BYTES as u64));
    }
    // One post is gone, one account is forgotten.
    store.apply(&[Change::RemovePosts(vec![PostKey::new(Network::Twitter, "10")])], NOW).unwrap();
    assert_eq!(parts_of(&mut *store, 1), expect[3..]);
    assert_eq!(part_sizes(&mut *store), (2, 8));
    forget(&mut *store, &Subject::Account(key("1")));
    assert_eq!(part_sizes(&mut *store), (1, 4));
    assert_eq!(store.parts(&[7, 8].map(ImageId)).unwrap(), [(ImageId(8), features(9))]);
}

pub fn first_codes_are_read_in_the_order_of_their_images<D: TestDatabase>() {
    let database = D::new();
    let mut store = database.open();
    let with = |name: &str, parts: Vec<u8>| {
        let facts = ImageFacts { parts: Some(Parts(parts)), ..facts(3) };
        IndexedImage::new(name, ImageState::Fingerprinted(facts))
    };
    // A little picture of one pixel, and keypoints that all lie in one place.
    let parts = |codes: &[u64]| {
        let points = codes.iter().flat_map(|code| [0; 4].into_iter().chain(code.to_le_bytes()));
        let head = [PARTS_VERSION, 1, 0, 1, 0, 1, 1, 0, codes.len() as u8];
        head.into_iter().chain(points).collect::<Vec<u8>>()
    };
    let many: Vec<u64> = (1..=128).collect();
    let images = vec![
        with("a", parts(&many)),
        good("b", 2),
        with("c", parts(&[7, u64::MAX])),
        with("d", vec![PARTS_VERSION; 40]),
    ];
    let other = posts("2", vec![post("20", vec![with("a", parts(&[8]))])]);
    store.apply(&[posts("1", vec![post("10", images)]), other], NOW).unwrap();
    let expect = [
        (ImageId(1), AccountNo(1), many[..32].to_vec()),
        (ImageId(3), AccountNo(1), vec![7, u64::MAX]),
        // What is damaged has none, and still counts: a page that is not full is the last one.
        (ImageId(4), AccountNo(1), Vec::new()),
        (ImageId(5), AccountNo(2), vec![8]),
    ];
    assert_eq!(store.codes_after(ImageId(0), 100).unwrap(), expect);
    assert_eq!(store.codes_after(ImageId(1), 2).unwrap(), expect[1..3]);
    assert_eq!(store.codes_after(ImageId(5), 9).unwrap(), []);
}

pub fn features_are_added_to_images_of_before<D: TestDatabase>() {
    use backfill::{Completed, Seen};
    use import::pages::{ImportedImage, ImportedPost, Page};
    let database = D::new();
    let mut store = database.open();
    let solid = 0x5555_5555_5555_5555_u64;
    let old = Parts(vec![PARTS_VERSION + 1; 100]);
    let of_before = ImageFacts { parts: Some(old.clone()), ..facts(solid ^ 3) };
    let images = vec![
        good("a", solid),
        IndexedImage::new("b", ImageState::Fingerprinted(of_before)),
        featured("c", solid ^ 7, 7),
        noisy("d", 1),
        good("e", !solid),
        good("f", solid ^ 15),
    ];
    let bare = |name: &str, fingerprint| ImportedImage {
        name: name.to_owned(),
        fingerprint: Some(Fingerprint(fingerprint)),
    };
    let imported = ImportedPost {
        key: PostKey::new(Network::Twitter, "11"),
        account: key("1"),
        images: vec![bare("g", solid), bare("h", solid << 1)],
    };
    let page = Change::Import(Page::Posts(vec![imported]));
    store.apply(&[posts("1", vec![post("10", images)]), page], NOW).unwrap();
    let lacking = |store: &mut dyn Store, after, limit| -> Vec<(u64, String)> {
        let found = store.images_without_parts(ImageId(after), limit).unwrap();
        assert!(found.iter().all(|image| image.account == key("1")));
        found.into_iter().map(|image| (image.image.0, image.name)).collect()
    };
    let named = |image: u64, name: &str| (image, name.to_owned());
    // Not those without detail: they get it first, and their features with it.
    let expect = [named(1, "a"), named(2, "b"), named(5, "e"), named(6, "f")];
    assert_eq!(lacking(&mut *store, 0, 9), expect);
    assert_eq!(lacking(&mut *store, 1, 2), expect[1..3]);

    let seen = |fingerprint: u64, tag: u8| {
        Seen::Picture(ImageFacts { parts: Some(features(tag)), ..facts(fingerprint) })
    };
    let plain = |fingerprint| Seen::Picture(facts(fingerprint));
    let before = store.fingerprints_after(ImageId(0), 99).unwrap();
    let change = Change::AddParts(vec![
        // One bit off.
        (ImageId(1), seen(solid ^ 1, 1)),
        (ImageId(1), seen(solid, 11)),
        (ImageId(2), seen(solid ^ 3, 2)),
        (ImageId(3), seen(solid ^ 7, 33)),
        (ImageId(5), seen(solid, 5)),
        (ImageId(6), Seen::Gone),
        (ImageId(999), seen(solid, 9)),
    ]);
    let committed = store.apply(std::slice::from_ref(&change), NOW).unwrap();
    let done = Completed { parts: 2, other_picture: 1, gone: 1, ..Completed::default() };
    assert_eq!((committed.outcomes, committed.entries), (vec![Outcome::Completed(done)], vec![]));
    let expect = [(ImageId(1), features(1)), (ImageId(2), features(2)), (ImageId(3), features(7))];
    let asked = [1, 2, 3, 5, 6].map(ImageId);
    assert_eq!(store.parts(&asked).unwrap(), expect);
    assert_eq!(part_sizes(&mut *store), (3, 12));
    assert_eq!(store.fingerprints_after(ImageId(0), 99).unwrap(), before, "fingerprints stay");
    // Nobody asks again for what is there, gone, or another picture.
    assert_eq!(lacking(&mut *store, 0, 9), []);
    let again = store.apply(&[change], NOW).unwrap();
    let done = Completed { other_picture: 1, gone: 1, ..Completed::default() };
    assert_eq!(again.outcomes, [Outcome::Completed(done)]);
    assert_eq!(store.parts(&asked).unwrap(), expect);

    // With the detail come the features, also where the image gets another number.
    let framed = ImageFacts {
        parts: Some(features(8)),
        detail: Detail { trimmed: Some(Fingerprint(99)), ..facts(1).detail },
        ..facts(solid << 1)
    };
    let change = Change::Complete(vec![(ImageId(7), seen(solid, 4)), (ImageId(8), Seen::Picture(framed))]);
    let committed = store.apply(&[change], NOW).unwrap();
    let done = Completed { completed: 2, framed: 1, parts: 2, ..Completed::default() };
    assert_eq!(committed.outcomes, [Outcome::Completed(done)]);
    let asked = [7, 8, 9].map(ImageId);
    assert_eq!(store.parts(&asked).unwrap(), [(ImageId(7), features(4)), (ImageId(9), features(8))]);
    assert_eq!(part_sizes(&mut *store), (5, 20));
    // A picture of which no features came is asked for again.
    store.apply(&[posts("1", vec![post("12", vec![good("i", solid)])])], NOW).unwrap();
    let change = Change::AddParts(vec![(ImageId(10), plain(solid))]);
    assert_eq!(store.apply(&[change], NOW).unwrap().outcomes, [Outcome::Completed(Completed::default())]);
    assert_eq!(lacking(&mut *store, 0, 9), [named(10, "i")]);
}

pub fn common_features_are_kept_and_accounts_sampled<D: TestDatabase>() {
    let database = D::new();
    let mut store = database.open();
    assert_eq!(store.furniture().unwrap(), None);
    assert_eq!(store.parts_sample(AccountNo(0), 9).unwrap(), []);
    let later = Timestamp(NOW.0 + 1);
    for (list, at) in [(vec![1, 0, 255], NOW), (vec![9; MAX_FURNITURE_BYTES], later), (vec![], later)] {
        store.apply(&[Change::KeepFurniture(list.clone())], at).unwrap();
        assert_eq!(store.furniture().unwrap(), Some((at, list)));
    }
    // One of the newest images of each that has any, and where to go on.
    let change = [
        posts("1", vec![post("10", vec![featured("a", 1, 1), featured("b", 2, 2), good("c", 3)])]),
        posts("2", vec![post("20", vec![good("a", 4)])]),
        posts("3", vec![post("30", vec![featured("a", 5, 5)])]),
        posts("4", vec![]),
    ];
    store.apply(&change, NOW).unwrap();
    let expect = [
        (AccountNo(1), Some(features(2))),
        (AccountNo(2), None),
        (AccountNo(3), Some(features(5))),
        (AccountNo(4), None),
    ];
    assert_eq!(store.parts_sample(AccountNo(0), 9).unwrap(), expect);
    assert_eq!(store.parts_sample(AccountNo(1), 2).unwrap(), expect[1..3]);
}
