//! From each engine into each other, and back.

use std::fs;
use std::path::Path;
use std::time::Duration;

use tempfile::TempDir;

use super::*;
use crate::base::Timestamp;
use crate::base::ids::{AccountKey, ImageId, Network, Networks, PostKey};
use crate::domain::accounts::Account;
use crate::domain::forgotten::Subject;
use crate::domain::images::{Detail, ImageFacts};
use crate::domain::parts::{PARTS_VERSION, Parts};
use crate::domain::posts::{ImageState, IndexedImage, IndexedPost};
use crate::domain::reads::{PaidReads, Resource};
use crate::domain::scans::{Coverage, Cursor, ListingEnd};
use crate::domain::verdicts::{Claim, Verdict};
use crate::domain::watches::{Watch, WatchId, WatchedAccount};
use crate::store::contract::{RULE, TestDatabase};
use crate::store::schema::{self, Value};
use crate::store::state::{JournalChange, JournalRow, StateFile};
use crate::store::test_server::{MySql, OnServer, Postgres};
use crate::store::{Change, Location, Store};

const NOW: Timestamp = Timestamp(1_790_000_000_000);

fn sqlite(dir: &TempDir) -> Location {
    Location::parse("sqlite:aotf.db", dir.path(), RULE).unwrap()
}

fn quiet(_: &str, _: u64, _: u64) {}

fn account(native: u64) -> Account {
    let key = AccountKey::new(Network::Twitter, native.to_string());
    Account { key, handle: format!("artist é {native}"), posts: Some(7) }
}

fn image(name: &str, number: u64) -> IndexedImage {
    let detail = Detail { phash256: [number, 1, u64::MAX, 0], thumbnail: vec![9; 192], trimmed: None };
    let fingerprint = crate::base::Fingerprint(u64::MAX - number);
    // Not of all images.
    let parts = (!number.is_multiple_of(3)).then(|| Parts([PARTS_VERSION, 0, 255].repeat(600)));
    let facts = ImageFacts { fingerprint, solid_ground: true, width: 5, height: 6, detail, parts };
    IndexedImage::new(name, ImageState::Fingerprinted(facts))
}

fn post(number: u64) -> Change {
    let failed = ImageState::Failed { url: "https://host/b".to_owned(), why: "timeout".to_owned() };
    let mut images = vec![image("a.jpg", number)];
    if number.is_multiple_of(7) {
        images.push(IndexedImage::new("b.jpg", failed));
        images.push(IndexedImage::new("c.jpg", ImageState::Lost));
    }
    let key = PostKey::new(Network::Twitter, (u64::MAX - number).to_string());
    let published = Some(Timestamp(1_600_000_000_000));
    Change::Posts {
        account: account(number % 5),
        posts: vec![IndexedPost::of_images(key, published, images)],
    }
}

/// A database with something in every table, and gaps in its numbers.
fn fill(store: &mut dyn Store) {
    let posts: Vec<Change> = (0..300).map(post).collect();
    store.apply(&posts, NOW).unwrap();
    let key = PostKey::new(Network::Twitter, u64::MAX.to_string());
    let images = vec![image("b.jpg", 1)];
    let retried =
        Change::Posts { account: account(0), posts: vec![IndexedPost::of_images(key, None, images)] };
    let cursor = Cursor::Timeline(Some(u64::MAX.to_string()));
    let (newest, oldest, coverage) = (Some(NOW), Some(Timestamp(5)), Coverage::LimitedTo(3200));
    let end = ListingEnd { cursor, newest, oldest, coverage, posts_read: 100, media: None };
    let claim = Claim::Account { account: account(1).key, is_artists: false };
    let said = Verdict::new(claim, Some("https://a.example/1"), "bot", NOW, "\u{201c}she says so\u{201d}");
    let said = Change::KeepVerdicts(vec![said.unwrap()]);
    let subject = Subject::Post(PostKey::new(Network::Bluesky, "at://did:plc:a/app.bsky.feed.post/1"));
    let forgotten = Change::Forget { subject, note: "a letter".to_owned() };
    let watched = Change::KeepWatch(Box::new(Watch {
        id: WatchId(u128::MAX),
        subject: "https://a.example/\u{e9}".to_owned(),
        who: "bot".to_owned(),
        began: NOW,
        networks: Networks::default(),
        webhook: None,
        told: ImageId(5),
        accounts: vec![WatchedAccount {
            key: account(1).key,
            handle: "a\"b".to_owned(),
            unreadable: None,
            looked_up: NOW,
        }],
    }));
    let cursor = Change::Cursor { account: account(1), end };
    let common = Change::KeepFurniture(vec![PARTS_VERSION, 0, 255]);
    store.apply(&[retried, cursor, said, forgotten, watched, common], NOW).unwrap();
}

/// Everything in a database, as rows.
fn everything(location: &Location) -> Vec<(&'static str, Vec<Vec<Value>>)> {
    let mut tables = location.open_tables().unwrap();
    schema::ALL
        .iter()
        .map(|table| {
            let mut rows = Vec::new();
            tables
                .read(table, &mut |row| {
                    rows.push(row);
                    std::ops::ControlFlow::Continue(())
                })
                .unwrap();
            (table.name, rows)
        })
        .collect()
}

fn back_up(location: &Location, state: &Path, folder: &Path) -> PathBuf {
    let made = write::write(location, state, folder, NOW, &mut quiet).unwrap();
    let manifest = verify::verify(&made, &mut quiet).unwrap();
    assert!(!fs::read_to_string(made.join(MANIFEST)).unwrap().contains("sesame"));
    assert_eq!(manifest.extent.posts, 300);
    made
}

/// From SQLite through each server that is here, back into SQLite: the same rows everywhere.
#[test]
fn a_backup_of_one_engine_is_put_back_into_any_other() {
    let (first, last) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let state_path = first.path().join("state.db");
    let mut state = StateFile::open(&state_path).unwrap();
    let row = JournalRow { key: "scan 1".to_owned(), request: r#"{"anything":["\"é"]}"#.to_owned() };
    state.record(&[JournalChange::Put(row)], NOW).unwrap();
    state.count_reads(&[PaidReads { resource: Resource::Post, ids: vec![u64::MAX, 5] }], NOW).unwrap();
    let ledger = state.ledger(NOW).unwrap();
    let mut store = sqlite(&first).open().unwrap();
    fill(&mut *store);
    let expect = everything(&sqlite(&first));
    assert!(expect.iter().all(|(_, rows)| !rows.is_empty()));

    let mysql = OnServer::<MySql>::available().then(OnServer::<MySql>::new);
    let postgres = OnServer::<Postgres>::available().then(OnServer::<Postgres>::new);
    let mut ways = vec![sqlite(&first)];
    ways.extend(mysql.as_ref().map(OnServer::location));
    ways.extend(postgres.as_ref().map(OnServer::location));
    ways.push(sqlite(&last));
    let mut state_path = state_path;
    for (number, pair) in ways.windows(2).enumerate() {
        let backups = first.path().join(format!("backups{number}"));
        let made = back_up(&pair[0], &state_path, &backups);
        state_path = match number + 2 == ways.len() {
            true => last.path().join("state.db"),
            false => first.path().join(format!("state{number}.db")),
        };
        let identity = pair[1].open().unwrap().identity().unwrap();
        restore::restore(&made, &pair[1], &state_path, &mut quiet).unwrap();
        assert_eq!(everything(&pair[1]), expect, "{}", pair[1].place());
        assert_eq!(pair[1].open().unwrap().identity().unwrap(), identity, "a database of its own");
        let again = restore::restore(&made, &pair[1], &state_path, &mut quiet).unwrap_err();
        assert!(again.to_string().contains("not empty"), "{again}");
    }
    // Work goes on as in the first: the same numbers, the same accepted work, the same money spent.
    let (mut state, mut first_state) = (StateFile::open(&state_path).unwrap(), state);
    assert_eq!(state.accepted().unwrap(), first_state.accepted().unwrap());
    assert_eq!(state.ledger(NOW).unwrap(), ledger);
    assert_eq!(state.index_source().unwrap(), None);
    let mut restored = ways.last().unwrap().open().unwrap();
    let key = account(1).key;
    let keys = std::slice::from_ref(&key);
    assert_eq!(restored.account_states(keys).unwrap(), store.account_states(keys).unwrap());
    let next = [post(1000), post(7)];
    assert_eq!(restored.apply(&next, NOW).unwrap(), store.apply(&next, NOW).unwrap());
    assert_eq!(everything(&sqlite(&first)), everything(&sqlite(&last)));
}

#[test]
fn a_backup_is_of_one_moment() {
    fn check(location: &Location) {
        let mut store = location.open().unwrap();
        fill(&mut *store);
        let mut tables = location.open_tables().unwrap();
        tables.begin_reading().unwrap();
        store.apply(&[post(5000)], NOW).unwrap();
        let extent = tables.extent().unwrap();
        let mut rows = 0;
        tables
            .read(&schema::POSTS, &mut |_| {
                rows += 1;
                std::ops::ControlFlow::Continue(())
            })
            .unwrap();
        assert_eq!((extent.posts, rows), (300, 300), "{}", location.place());
        assert_eq!(store.counts().unwrap().posts, 301);
    }
    let dir = tempfile::tempdir().unwrap();
    check(&sqlite(&dir));
    if OnServer::<MySql>::available() {
        check(&OnServer::<MySql>::new().location());
    }
    if OnServer::<Postgres>::available() {
        check(&OnServer::<Postgres>::new().location());
    }
}

#[test]
fn damage_is_found_and_nothing_of_it_is_put_back() {
    let dir = tempfile::tempdir().unwrap();
    fill(&mut *sqlite(&dir).open().unwrap());
    let made = back_up(&sqlite(&dir), &dir.path().join("state.db"), &dir.path().join("backups"));
    let check = |name: &str, damage: &dyn Fn(&mut Vec<u8>)| {
        let path = made.join(name);
        let whole = fs::read(&path).unwrap();
        let mut bytes = whole.clone();
        damage(&mut bytes);
        fs::write(&path, bytes).unwrap();
        let error = verify::verify(&made, &mut quiet).unwrap_err();
        let target = tempfile::tempdir().unwrap();
        let state = target.path().join("state.db");
        assert!(restore::restore(&made, &sqlite(&target), &state, &mut quiet).is_err(), "{name}: {error}");
        assert!(everything(&sqlite(&target)).iter().all(|(_, rows)| rows.is_empty()), "{name}: {error}");
        fs::write(&path, whole).unwrap();
    };
    check("posts.zst", &|bytes| bytes.truncate(bytes.len() - 5));
    check("images.zst", &|bytes| {
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
    });
    check("parts.zst", &|bytes| bytes.truncate(bytes.len() / 2));
    check("accounts.zst", &|bytes| bytes.clear());
    check(MANIFEST, &|bytes| bytes.truncate(10));
    check(MANIFEST, &|bytes| {
        let text = String::from_utf8(bytes.clone()).unwrap();
        *bytes = text.replace("posts.zst", "../posts.zst").into_bytes();
    });
    check(MANIFEST, &|bytes| {
        let text = String::from_utf8(bytes.clone()).unwrap();
        *bytes = text.replace("\"format\": 1", "\"format\": 2").into_bytes();
    });
    verify::verify(&made, &mut quiet).unwrap();
}

/// Its manifest knows no sizes of features, and it has no files of the tables that came later.
#[test]
fn a_backup_of_before_there_were_features_is_put_back() {
    let (dir, target) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut store = sqlite(&dir).open().unwrap();
    store.apply(&[post(0), post(3), post(9)], NOW).unwrap();
    assert_eq!(store.counts().unwrap().parts, 0);
    let made = write::write(
        &sqlite(&dir),
        &dir.path().join("state.db"),
        &dir.path().join("backups"),
        NOW,
        &mut quiet,
    );
    let made = made.unwrap();
    let path = made.join(MANIFEST);
    let mut manifest: serde_json::Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    for size in ["parts", "part_bytes"] {
        assert!(manifest["extent"].as_object_mut().unwrap().remove(size).is_some());
    }
    let later = ["parts.zst", "furniture.zst"];
    let files = manifest["files"].as_array_mut().unwrap();
    files.retain(|file| !later.contains(&file["name"].as_str().unwrap()));
    later.iter().for_each(|name| fs::remove_file(made.join(name)).unwrap());
    fs::write(&path, manifest.to_string()).unwrap();
    verify::verify(&made, &mut quiet).unwrap();
    restore::restore(&made, &sqlite(&target), &target.path().join("state.db"), &mut quiet).unwrap();
    assert_eq!(everything(&sqlite(&target)), everything(&sqlite(&dir)));
}

#[test]
fn what_fails_leaves_no_backup() {
    let dir = tempfile::tempdir().unwrap();
    let missing = Location::parse("sqlite:none/such.db", dir.path(), RULE).unwrap();
    let backups = dir.path().join("backups");
    assert!(write::write(&missing, &dir.path().join("state.db"), &backups, NOW, &mut quiet).is_err());
    assert_eq!(fs::read_dir(&backups).unwrap().count(), 0);
    assert_eq!(rotate::rotate(&backups, Duration::from_secs(1), NOW).unwrap(), [] as [PathBuf; 0]);
}
