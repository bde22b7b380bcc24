//! What only the SQLite engine can show: query plans, files after a crash, foreign files.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use rusqlite::Connection;
use tempfile::TempDir;

use super::commit::apply::carry_out;
use super::commit::work::Work;
use super::commit::{flush, load};
use super::contract::{DATES_IN_IDS, RULE, TestDatabase, contract_tests};
use super::database::Database;
use super::extent::Extent;
use super::{Change, Location, Store, statements};
use crate::base::ids::{AccountKey, ImageId, Network, PostKey};
use crate::base::{ErrorChain, Timestamp};
use crate::domain::accounts::Account;
use crate::domain::posts::{ImageState, IndexedImage, IndexedPost};
use crate::domain::scans::{Coverage, Cursor, ListingEnd};

struct TempFile {
    dir: TempDir,
}

impl TempFile {
    fn path(&self) -> PathBuf {
        self.dir.path().join("aotf.db")
    }

    fn location(&self) -> Location {
        location(&self.path())
    }

    fn store(&self) -> Database {
        self.location().open_database().unwrap()
    }

    /// Another program with the file.
    fn other(&self) -> Connection {
        Connection::open(self.path()).unwrap()
    }

    /// The files as they are now, elsewhere: what another process finds after this one is killed.
    fn after_kill(&self) -> TempFile {
        let copy = TempFile::new();
        for file in std::fs::read_dir(self.dir.path()).unwrap() {
            let file = file.unwrap();
            // The shared-memory file is remade from the log.
            if !file.file_name().to_string_lossy().ends_with("-shm") {
                std::fs::copy(file.path(), copy.dir.path().join(file.file_name())).unwrap();
            }
        }
        copy
    }
}

impl TestDatabase for TempFile {
    fn new() -> TempFile {
        TempFile { dir: tempfile::tempdir().unwrap() }
    }

    fn open(&self) -> Box<dyn Store> {
        Box::new(self.store())
    }

    fn open_reader(&self) -> Box<dyn Store> {
        self.location().open_reader().unwrap()
    }
}

contract_tests!(TempFile);

fn location(file: &Path) -> Location {
    Location::parse(&format!("sqlite:{}", file.display()), Path::new("/nowhere"), RULE).unwrap()
}

/// The number that a statement of the store's own connection gives.
fn number(store: &mut Database, sql: &str) -> i64 {
    store.connection.list(sql, &[], "ask", |row| row.number(0)).unwrap()[0]
}

const NOW: Timestamp = Timestamp(1_790_000_000_000);

fn account() -> Account {
    Account { key: AccountKey::new(Network::Twitter, "1"), handle: "a".to_owned(), posts: None }
}

fn one_post(native: usize) -> Change {
    let image = IndexedImage::new("a.jpg", ImageState::Lost);
    let key = PostKey::new(Network::Twitter, native.to_string());
    Change::Posts { account: account(), posts: vec![IndexedPost::of_images(key, None, [image])] }
}

#[test]
fn every_statement_finds_its_rows_by_an_index() {
    let file = TempFile::new();
    drop(file.store());
    let file = file.other();
    let mut slow = Vec::new();
    let updates = [
        ("VISITED_IN_THE_FUTURE", statements::VISITED_IN_THE_FUTURE),
        ("DUE_TOO_LATE", statements::DUE_TOO_LATE),
    ];
    for (name, sql) in statements::ALL.iter().chain(&updates) {
        let sql = sql.replace('@', "?, ?, ?");
        let mut plan = file.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
        let parameters = vec![rusqlite::types::Null; plan.parameter_count()];
        let steps: Vec<String> = plan
            .query_map(rusqlite::params_from_iter(parameters), |row| row.get(3))
            .unwrap()
            .collect::<rusqlite::Result<_>>()
            .unwrap();
        // A sort is harmless where the rows to be sorted are few: an owner's names, one open turn.
        if steps.iter().any(|step| step.starts_with("SCAN")) {
            slow.push(format!("{name}: {steps:?}"));
        }
    }
    assert!(statements::ALL.len() > 20);
    assert!(slow.is_empty(), "{slow:#?}");
}

#[test]
fn a_commit_is_all_there_after_a_kill_and_an_unfinished_one_is_not() {
    let file = TempFile::new();
    let mut store = file.store();
    let big: Vec<Change> = (0..3000).map(one_post).collect();
    store.apply(&big, NOW).unwrap();
    {
        let transaction = store.connection.begin().unwrap();
        let extent = Extent::read_locked(transaction.connection).unwrap();
        let mut work = Work::new(RULE, NOW, extent);
        let changes: Vec<Change> = (3000..9000).map(one_post).collect();
        load::concerned(transaction.connection, &mut work, &changes).unwrap();
        for change in &changes {
            carry_out(transaction.connection, &mut work, change).unwrap();
        }
        flush::flush(transaction.connection, &mut work).unwrap();
        work.extent.store(transaction.connection).unwrap();
        assert_eq!(work.extent.posts, 9000);
        let survivor = file.after_kill();
        assert_eq!(survivor.store().counts().unwrap().posts, 3000);
    }
    let survivor = file.after_kill();
    let mut found = survivor.store();
    assert_eq!((found.counts().unwrap().posts, found.last_image().unwrap()), (3000, ImageId(3000)));
    // Numbers go on where they were.
    let committed = found.apply(&[one_post(5000)], NOW).unwrap();
    assert_eq!(committed.images_after, ImageId(3001));
}

#[test]
fn a_failed_change_takes_back_those_before_it() {
    let file = TempFile::new();
    let mut store = file.store();
    store.apply(&[one_post(1)], NOW).unwrap();
    file.other().execute_batch("ALTER TABLE handles RENAME TO hidden").unwrap();
    let other = Account { key: AccountKey::new(Network::Twitter, "2"), ..account() };
    let other = Change::Posts { account: other, posts: Vec::new() };
    let unnamed = Change::Posts { account: Account { handle: String::new(), ..account() }, posts: vec![] };
    let error = store.apply(&[unnamed, one_post(2), other], NOW).unwrap_err();
    assert_eq!(error.reaction(), crate::base::Reaction::GiveUp);
    assert!(ErrorChain(&error).to_string().contains("no such table"), "{}", ErrorChain(&error));
    file.other().execute_batch("ALTER TABLE hidden RENAME TO handles").unwrap();
    assert_eq!(store.counts().unwrap().posts, 1);
    assert_eq!(store.apply(&[one_post(2)], NOW).unwrap().counts.posts, 2);
}

#[test]
fn the_kept_sizes_equal_the_counted_ones() {
    let file = TempFile::new();
    let mut store = file.store();
    let changes: Vec<Change> = (0..50).map(|number| one_post(number % 30)).collect();
    store.apply(&changes, NOW).unwrap();
    let counted: [i64; 3] = ["accounts", "posts", "images"]
        .map(|table| number(&mut store, &format!("SELECT count(*) FROM {table}")));
    assert_eq!(counted, [1, 30, 30]);
    let counts = store.counts().unwrap();
    assert_eq!([counts.accounts, counts.posts, counts.images], [1, 30, 30]);
}

#[test]
fn the_file_is_durable_and_readable_by_others() {
    let file = TempFile::new();
    let mut store = file.store();
    assert_eq!(number(&mut store, "PRAGMA synchronous"), 2, "FULL, as the room promises");
    assert_eq!(number(&mut store, "PRAGMA foreign_keys"), 1);
    let mode = store.connection.list("PRAGMA journal_mode", &[], "ask", |row| row.string(0)).unwrap();
    assert_eq!(mode, ["wal"]);
}

#[test]
fn a_database_of_the_future_is_refused_unchanged() {
    let file = TempFile::new();
    drop(file.store());
    file.other().execute("INSERT INTO migrations VALUES (12, 'later', '')", []).unwrap();
    let error = file.location().open().err().unwrap();
    assert!(error.to_string().contains("schema 12"), "{error}");
    assert!(file.location().open_reader().is_err());
}

#[test]
fn posts_of_before_get_the_dates_in_their_ids() {
    let file = TempFile::new();
    drop(file.store());
    let other = file.other();
    let mut sql = "INSERT INTO accounts (no, network, native, known_since, visited_at, turn)
                   VALUES (1, 1, '1', 0, 0, 0);"
        .to_owned();
    for (id, _) in DATES_IN_IDS {
        write!(sql, "INSERT INTO posts VALUES (NULL, 1, '{id}', 1, NULL, 0, 1);").unwrap();
    }
    sql += "INSERT INTO posts VALUES (NULL, 2, '1558553189766631429', 1, NULL, 0, 1);
            INSERT INTO posts VALUES (NULL, 1, '1558553189766631430', 1, 7, 0, 1);
            ALTER TABLE accounts DROP COLUMN windows; ALTER TABLE accounts DROP COLUMN stated_media;
            ALTER TABLE accounts DROP COLUMN found_media; DROP TABLE tombstones; DROP TABLE removed_images;
            DROP TABLE verdicts; DROP TABLE watches; DROP TABLE parts; DROP TABLE furniture;
            ALTER TABLE summary DROP COLUMN parts;
            ALTER TABLE summary DROP COLUMN part_bytes; DELETE FROM migrations WHERE number >= 4;";
    other.execute_batch(&sql).unwrap();
    let mut store = file.store();
    let dates = store.connection.list("SELECT published FROM posts ORDER BY no", &[], "", |row| row.int(0));
    let expect: Vec<_> = DATES_IN_IDS.map(|(_, date)| date).into_iter().chain([None, Some(7)]).collect();
    assert_eq!(dates.unwrap(), expect);
}

#[test]
fn a_file_of_another_program_is_refused_unchanged() {
    let file = TempFile::new();
    let other = file.other();
    other.execute_batch("CREATE TABLE tweets (tweet_id UNSIGNED BIGINT PRIMARY KEY)").unwrap();
    drop(other);
    let before = std::fs::read(file.path()).unwrap();
    let error = file.location().open().err().unwrap();
    assert!(error.to_string().contains("aotf db import"), "{error}");
    assert_eq!(std::fs::read(file.path()).unwrap(), before);
    std::fs::write(file.path(), [b'x'; 4096]).unwrap();
    let error = file.location().open().err().unwrap();
    assert_eq!(error.reaction(), crate::base::Reaction::GiveUp, "{}", ErrorChain(&error));
}

#[test]
fn a_folder_that_does_not_exist_is_named() {
    let file = TempFile::new();
    let error = location(&file.dir.path().join("no/such/x.db")).open().err().unwrap();
    assert!(error.to_string().contains("no/such/x.db"), "{error}");
}

#[test]
fn two_programs_starting_at_once_migrate_once() {
    let file = TempFile::new();
    let location = file.location();
    std::thread::scope(|scope| {
        let opening: Vec<_> = (0..6).map(|_| scope.spawn(|| location.open().map(drop))).collect();
        for thread in opening {
            thread.join().unwrap().unwrap();
        }
    });
    let mut store = file.store();
    assert_eq!(store.counts().unwrap().posts, 0);
}

#[test]
fn a_lock_of_another_process_is_no_loss() {
    let file = TempFile::new();
    let mut store = file.store();
    assert_eq!(number(&mut store, "PRAGMA busy_timeout = 0"), 0);
    let other = file.other();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let error = store.apply(&[one_post(1)], NOW).unwrap_err();
    assert_eq!(error.reaction(), crate::base::Reaction::Backoff);
    assert_eq!(store.counts().unwrap().posts, 0, "reading goes on");
    other.execute_batch("ROLLBACK").unwrap();
    assert_eq!(store.apply(&[one_post(1)], NOW).unwrap().counts.posts, 1);
}

#[test]
fn a_full_disk_is_no_loss() {
    let file = TempFile::new();
    let mut store = file.store();
    store.apply(&[one_post(1)], NOW).unwrap();
    let before = number(&mut store, "PRAGMA max_page_count = 1");
    let many: Vec<Change> = (2..2000).map(one_post).collect();
    let error = store.apply(&many, NOW).unwrap_err();
    assert_eq!(error.reaction(), crate::base::Reaction::Backoff, "{}", ErrorChain(&error));
    assert_eq!(store.counts().unwrap().posts, 1);
    let sql = format!("PRAGMA max_page_count = {}", before * 100);
    number(&mut store, &sql);
    assert_eq!(store.apply(&many, NOW).unwrap().counts.posts, 1999);
}

#[test]
fn what_the_listings_covered_is_kept() {
    let file = TempFile::new();
    let mut store = file.store();
    let mut check = |cursor: Cursor, dates: (i64, i64), coverage, expect: (Option<&str>, i64, i64)| {
        let (newest, oldest) = (Some(Timestamp(dates.1)), Some(Timestamp(dates.0)));
        let end = ListingEnd { cursor, newest, oldest, coverage, posts_read: 5, media: None };
        store.apply(&[Change::Cursor { account: account(), end }], NOW).unwrap();
        let sql = "SELECT timeline_coverage, oldest_seen, newest_seen FROM accounts";
        let found =
            store.connection.list(sql, &[], "ask", |row| Ok((row.text(0)?, row.number(1)?, row.number(2)?)));
        let (coverage, oldest, newest) = found.unwrap().remove(0);
        assert_eq!((coverage.as_deref(), oldest, newest), expect);
    };
    let timeline = || Cursor::Timeline(Some("9".to_owned()));
    let limited = Coverage::LimitedTo(3200);
    check(timeline(), (50, 60), limited, (Some("latest 3200"), 50, 60));
    // From the cursor on it is complete, but what came before stays out of sight.
    check(timeline(), (60, 70), Coverage::Complete, (Some("latest 3200"), 50, 70));
    check(Cursor::Search(None), (10, 65), Coverage::Complete, (Some("latest 3200"), 10, 70));
    check(Cursor::Timeline(None), (60, 70), Coverage::Complete, (Some("latest 3200"), 10, 70));
    check(timeline(), (60, 70), Coverage::Complete, (Some("complete"), 10, 70));
}

#[test]
fn fingerprints_of_another_length_are_counted() {
    let file = TempFile::new();
    let mut store = file.store();
    store.apply(&[one_post(1), one_post(2)], NOW).unwrap();
    assert_eq!(store.wrong_lengths().unwrap(), 0);
    // As a foreign hand might: the table itself refuses it.
    let sql = "UPDATE images SET fingerprint = x'01020304'";
    assert!(store.connection.run(sql, &[], "damage").is_err());
    store.connection.command("PRAGMA ignore_check_constraints = ON", "damage").unwrap();
    store.connection.run(sql, &[], "damage").unwrap();
    assert_eq!(store.wrong_lengths().unwrap(), 2);
}
