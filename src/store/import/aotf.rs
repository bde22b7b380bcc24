//! Imports a database of the original AOTF, also while its server is running.
//!
//! The accounts are read before the posts and written after them: the original stores posts before the
//! cursor that stands for them, so every cursor we take over finds its posts in the file.

use jiff::tz::TimeZone;

use super::original::{FIRST, Original, PAGE_ROWS};
pub use super::original::{ImportError, Skipped, Undated};
use super::pages::{ImportedAccount, Page, Tally};
use crate::base::Timestamp;
use crate::base::ids::PostKey;
use crate::store::changes::{Change, Outcome};
use crate::store::error::StoreError;
use crate::store::interface::Store;

/// What was found, taken over and checked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Rows of the original.
    pub accounts: u64,
    pub posts: u64,
    pub retries: u64,
    /// Rows that were new here, or brought something new.
    pub new_accounts: u64,
    pub new_posts: u64,
    pub new_retries: u64,
    pub skipped: Skipped,
    /// Accounts with dates that cannot be read.
    pub undated: Undated,
    /// Posts that the original knows by their ids alone, added by hand to those that are tried again.
    pub wanted: Vec<PostKey>,
    /// All posts of the original as it has them.
    pub original: Tally,
    /// The same posts as they are stored here. Equal, unless a post was stored before, from
    /// another size of its images, or lost an image that the other database still has.
    pub here: Tally,
    /// Posts of the original that are not stored here. None, unless the import is wrong.
    pub missing_posts: u64,
}

impl Report {
    /// Every post that could be read is here, with the same fingerprints.
    pub fn is_exact(&self) -> bool {
        self.original == self.here
    }
}

/// How far an import is, for a progress bar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// False while posts are taken over, true while they are checked.
    pub checking: bool,
    /// 0 to 1000.
    pub permille: u16,
    pub posts: u64,
}

/// Imports the original into `store`, then reads both again and compares.
///
/// The original writes its dates in its server's local time: `zone` says which that was. Ids that
/// SQLite has rounded (above 2^63) cannot be restored: their rows are skipped and reported.
///
/// # Errors
/// Everything imported before stays, and does no harm: run it again to go on.
pub fn import(
    original: &mut dyn Original,
    zone: &TimeZone,
    store: &mut dyn Store,
    now: Timestamp,
    progress: &mut dyn FnMut(Progress),
) -> Result<Report, ImportError> {
    let mut report = Report::default();
    let accounts = original.accounts(&mut report.skipped)?;
    let accounts: Vec<ImportedAccount> =
        accounts.into_iter().map(|account| account.read(zone, &mut report.undated)).collect();
    report.accounts = original.count("accounts")?;
    let total = original.count("tweets")?;
    import_posts(original, total, store, now, &mut report, progress)?;
    report.new_retries = import_retries(original, zone, store, now, &mut report)?;
    for page in accounts.chunks(usize::try_from(PAGE_ROWS).unwrap_or(usize::MAX)) {
        report.new_accounts += write(store, Page::Accounts(page.to_vec()), now)?;
    }
    check(original, total, store, &mut report, progress)?;
    Ok(report)
}

fn import_posts(
    original: &mut dyn Original,
    total: u64,
    store: &mut dyn Store,
    now: Timestamp,
    report: &mut Report,
    progress: &mut dyn FnMut(Progress),
) -> Result<(), ImportError> {
    let mut after = FIRST;
    while let Some(page) = original.posts(after)? {
        after = page.last;
        report.posts += page.rows;
        page.skipped.into_iter().for_each(|why| report.skipped.add(why));
        for post in &page.posts {
            if let Some(posts) = report.undated.listed_again.get_mut(&post.account) {
                *posts += 1;
            }
        }
        report.new_posts += write(store, Page::Posts(page.posts), now)?;
        progress(Progress { checking: false, permille: permille(report.posts, total), posts: report.posts });
    }
    Ok(())
}

fn import_retries(
    original: &mut dyn Original,
    zone: &TimeZone,
    store: &mut dyn Store,
    now: Timestamp,
    report: &mut Report,
) -> Result<u64, ImportError> {
    let retries = original.retries(zone, &mut report.skipped)?;
    report.retries = original.count("reindex_tweets")?;
    let mut new = 0;
    for page in retries.chunks(usize::try_from(PAGE_ROWS).unwrap_or(usize::MAX)) {
        let keys: Vec<PostKey> = page.iter().map(|retry| retry.post.clone()).collect();
        for (key, found) in keys.iter().zip(store.fingerprints_of(&keys)?) {
            if found.is_none() {
                report.wanted.push(key.clone());
            }
        }
        new += write(store, Page::Retries(page.to_vec()), now)?;
    }
    Ok(new)
}

/// Reads all posts again, here and there.
fn check(
    original: &mut dyn Original,
    total: u64,
    store: &mut dyn Store,
    report: &mut Report,
    progress: &mut dyn FnMut(Progress),
) -> Result<(), ImportError> {
    let mut after = FIRST;
    while let Some(page) = original.posts(after)? {
        after = page.last;
        let keys: Vec<PostKey> = page.posts.iter().map(|post| post.key.clone()).collect();
        for (post, found) in page.posts.iter().zip(store.fingerprints_of(&keys)?) {
            report.original.add(&post.key, post.images.iter().map(|image| image.fingerprint));
            match found {
                Some(images) => report.here.add(&post.key, images),
                None => report.missing_posts += 1,
            }
        }
        progress(Progress {
            checking: true,
            permille: permille(report.original.posts, total),
            posts: report.original.posts,
        });
    }
    Ok(())
}

fn write(store: &mut dyn Store, page: Page, now: Timestamp) -> Result<u64, StoreError> {
    let committed = store.apply(&[Change::Import(page)], now)?;
    Ok(committed.outcomes.iter().fold(0, |sum, outcome| match outcome {
        Outcome::Imported { new } => sum + new,
        Outcome::Done
        | Outcome::Accounts(_)
        | Outcome::Retries(_)
        | Outcome::Completed(_)
        | Outcome::VerdictsKept(_)
        | Outcome::VerdictRemoved(_)
        | Outcome::Removed(_)
        | Outcome::Lifted(_) => sum,
    }))
}

fn permille(done: u64, total: u64) -> u16 {
    let permille = u128::from(done) * 1000 / u128::from(total.max(1));
    u16::try_from(permille.min(1000)).expect("not beyond 1000")
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::ops::ControlFlow;
    use std::path::{Path, PathBuf};
    use std::time::Duration;

    use rusqlite::Connection;
    use tempfile::TempDir;

    use super::*;
    use crate::base::ids::{AccountKey, ImageId, Network};
    use crate::base::{ErrorChain, Fingerprint, material};
    use crate::domain::accounts::Account;
    use crate::domain::images::StoreCounts;
    use crate::domain::scans::{Coverage, Cursor, ListingEnd};
    use crate::store::import::aotf_sqlite::SqliteOriginal;
    use crate::store::schema::{self, Value};
    use crate::store::{Location, RetryRule};

    const NOW: Timestamp = Timestamp(1_790_000_000_000);

    /// A folder with an empty database of ours, and a place for one of theirs.
    struct Place {
        dir: TempDir,
        store: Box<dyn Store>,
    }

    impl Place {
        fn new() -> Place {
            let dir = tempfile::tempdir().unwrap();
            let rule = RetryRule { pause: Duration::from_secs(60), max_attempts: 10 };
            let store = Location::parse("sqlite:aotf.db", dir.path(), rule).unwrap().open().unwrap();
            Place { dir, store }
        }

        fn theirs(&self) -> PathBuf {
            self.dir.path().join("theirs.db")
        }

        #[track_caller]
        fn import(&mut self, file: &Path) -> Report {
            self.import_in("Europe/Paris", file)
        }

        #[track_caller]
        fn import_in(&mut self, zone: &str, file: &Path) -> Report {
            let zone = TimeZone::get(zone).unwrap();
            import(&mut SqliteOriginal::open(file).unwrap(), &zone, &mut *self.store, NOW, &mut |_| ())
                .unwrap()
        }

        /// Every row of every table.
        fn rows(&self) -> Vec<Vec<Value>> {
            let rule = RetryRule { pause: Duration::from_secs(60), max_attempts: 10 };
            let location = Location::parse("sqlite:aotf.db", self.dir.path(), rule).unwrap();
            let mut tables = location.open_tables().unwrap();
            let mut rows = Vec::new();
            for table in schema::ALL {
                tables
                    .read(table, &mut |row| {
                        rows.push(row);
                        ControlFlow::Continue(())
                    })
                    .unwrap();
            }
            rows
        }
    }

    fn twitter(native: &str) -> PostKey {
        PostKey::new(Network::Twitter, native)
    }

    /// A database as the original creates it.
    fn create(path: &Path) -> Connection {
        let connection = Connection::open(path).unwrap();
        connection
            .execute_batch(
                "CREATE TABLE accounts (account_id UNSIGNED BIGINT PRIMARY KEY,
                    last_SearchAPI_indexing_api_date CHAR(10), last_SearchAPI_indexing_local_date DATETIME,
                    last_SearchAPI_indexing_cursor_reset_date DATETIME,
                    last_TimelineAPI_indexing_tweet_id UNSIGNED BIGINT,
                    last_TimelineAPI_indexing_local_date DATETIME, last_use DATETIME,
                    uses_count UNSIGNED BIGINT DEFAULT 0 NOT NULL);
                 CREATE TABLE tweets (account_id UNSIGNED BIGINT NOT NULL,
                    tweet_id UNSIGNED BIGINT PRIMARY KEY, image_1_name VARCHAR(19), image_1_hash BINARY(8),
                    image_2_name VARCHAR(19), image_2_hash BINARY(8), image_3_name VARCHAR(19),
                    image_3_hash BINARY(8), image_4_name VARCHAR(19), image_4_hash BINARY(8));
                 CREATE TABLE reindex_tweets (tweet_id UNSIGNED BIGINT PRIMARY KEY,
                    account_id UNSIGNED BIGINT, image_1_url VARCHAR(48), image_2_url VARCHAR(48),
                    image_3_url VARCHAR(48), image_4_url VARCHAR(48), last_retry_date DATETIME,
                    retries_count UNSIGNED TINYINT DEFAULT 0 NOT NULL);",
            )
            .unwrap();
        connection
    }

    /// A database that the classes of AOTF 2022 have written.
    fn sample() -> PathBuf {
        material::fixture("aotf/sample.db")
    }

    #[test]
    fn a_genuine_database_is_taken_over_whole() {
        let file = sample();
        let mut place = Place::new();
        let before = std::fs::read(&file).unwrap();
        let report = place.import(&file);
        assert_eq!((report.accounts, report.posts, report.retries), (21, 2003, 20));
        assert_eq!((report.new_accounts, report.new_posts, report.new_retries), (21, 2003, 19));
        assert_eq!(report.original, report.here);
        assert_eq!((report.here.images, report.here.fingerprints), (2956, 2956 - 41));
        assert_eq!(report.missing_posts, 0);
        assert_eq!(report.skipped, Skipped::default());
        // A retry without anything but an id, added by hand.
        assert_eq!(report.wanted, [twitter("1610000000000000001")]);
        assert_eq!(std::fs::read(&file).unwrap(), before, "the original is untouched");
        // 21 accounts, and one that has posts but no row.
        let counts =
            StoreCounts { accounts: 22, posts: 2003, images: 2956, retries: 19, ..StoreCounts::default() };
        assert_eq!(place.store.counts().unwrap(), counts);
        assert_eq!(place.store.fingerprints_after(ImageId(0), 9999).unwrap().len(), 2915);

        // Every fingerprint is what ImageHash computed.
        let mut expect: HashMap<String, Vec<Option<Fingerprint>>> = HashMap::new();
        let table = std::fs::read_to_string(material::fixture("aotf/fingerprints.csv")).unwrap();
        for line in table.lines().skip(1) {
            let cells: Vec<&str> = line.split(',').collect();
            let images = expect.entry(cells[0].to_owned()).or_default();
            let position: usize = cells[1].parse().unwrap();
            images.resize(images.len().max(position), None);
            images[position - 1] = (!cells[3].is_empty()).then(|| cells[2].parse().unwrap());
        }
        assert_eq!(expect.len(), 2003);
        let (keys, images): (Vec<PostKey>, Vec<_>) =
            expect.into_iter().map(|(native, images)| (twitter(&native), Some(images))).unzip();
        assert_eq!(place.store.fingerprints_of(&keys).unwrap(), images);

        // Cursors, with dates in the server's time.
        let state = place.store.account_states(&[AccountKey::new(Network::Twitter, "12")]).unwrap().remove(0);
        assert_eq!(state.search_cursor, Timestamp::parse_rfc3339("2022-12-10T00:00:00Z"));
        assert_eq!(state.search_listed_at, Timestamp::parse_rfc3339("2022-01-11T05:51:40+01:00"));
        assert_eq!(state.timeline_cursor.as_deref(), Some("1601521778598236423"));

        // Again: nothing new, nothing changed.
        let again = place.import(&file);
        assert_eq!((again.new_accounts, again.new_posts, again.new_retries), (0, 0, 0));
        assert_eq!((again.original, again.here), (report.original, report.here));
        assert_eq!(place.store.counts().unwrap(), counts);
    }

    #[test]
    fn a_second_import_in_the_right_zone_puts_the_dates_right() {
        let file = sample();
        let mut right = Place::new();
        right.import(&file);
        // Earlier and later than the truth.
        for wrong in ["Asia/Tokyo", "America/Los_Angeles"] {
            let mut place = Place::new();
            place.import_in(wrong, &file);
            assert!(place.rows() != right.rows());
            let mended = place.import(&file);
            assert_eq!((mended.new_accounts, mended.new_posts), (21, 0));
            assert!(place.rows() == right.rows(), "{wrong}");
            let again = place.import(&file);
            assert_eq!((again.new_accounts, again.new_posts, again.new_retries), (0, 0, 0));
        }

        // What was listed here since is not touched.
        let mut place = Place::new();
        place.import_in("Asia/Tokyo", &file);
        let account = Account {
            key: AccountKey::new(Network::Twitter, "12"),
            handle: "jane".to_owned(),
            posts: Some(1),
        };
        let end = ListingEnd {
            cursor: Cursor::Search(Timestamp::parse_rfc3339("2022-12-10T00:00:00Z")),
            newest: None,
            oldest: None,
            coverage: Coverage::Complete,
            posts_read: 1,
            media: None,
        };
        place.store.apply(&[Change::Cursor { account, end }], NOW).unwrap();
        place.import(&file);
        let key = AccountKey::new(Network::Twitter, "12");
        assert_eq!(place.store.account_states(&[key]).unwrap()[0].search_listed_at, Some(NOW));
    }

    #[test]
    fn an_interrupted_import_goes_on() {
        let file = sample();
        let (mut whole, mut halves) = (Place::new(), Place::new());
        let mut original = SqliteOriginal::open(&file).unwrap();
        let mut report = Report::default();
        original.last_row = 700;
        import_posts(&mut original, 700, &mut *halves.store, NOW, &mut report, &mut |_| ()).unwrap();
        assert_eq!(report.new_posts, 700);
        let rest = halves.import(&file);
        assert_eq!(rest.new_posts, 2003 - 700);
        assert_eq!(rest.here, whole.import(&file).here);
        assert_eq!(halves.store.counts().unwrap(), whole.store.counts().unwrap());
    }

    #[test]
    fn a_server_is_read_as_the_file_is() {
        use crate::store::contract::TestDatabase;
        use crate::store::import::aotf_mysql::MySqlOriginal;
        use crate::store::test_server::{MySql, OnServer};

        if !OnServer::<MySql>::available() {
            return;
        }
        let file = sample();
        let dump = material::fixture("aotf/sample.sql");
        let theirs = OnServer::<MySql>::bare();
        let mut server = theirs.connection();
        // A collation of MySQL 8 that MariaDB does not know; the columns have their own.
        let dump = std::fs::read_to_string(dump).unwrap().replace("utf8mb4_0900_ai_ci", "utf8mb4_bin");
        server.command(dump.leak(), "load").unwrap();
        // An id that SQLite would have rounded.
        let big = u64::MAX.to_string();
        let sql =
            format!("INSERT INTO tweets (account_id, tweet_id, image_1_name) VALUES ({big}, {big}, 'x.jpg')");
        server.run(&sql, &[], "add").unwrap();
        let paris = TimeZone::get("Europe/Paris").unwrap();
        let (mut from_file, mut from_server) = (Place::new(), Place::new());
        let expect = from_file.import(&file);
        let mut original = MySqlOriginal::open(&theirs.url()).unwrap();
        // What comes later is for the next run.
        let later = "INSERT INTO tweets (account_id, tweet_id, image_1_name) VALUES (12, 13, 'later.jpg')";
        server.run(later, &[], "add").unwrap();
        let report = import(&mut original, &paris, &mut *from_server.store, NOW, &mut |_| ()).unwrap();
        assert_eq!(report.posts, expect.posts + 1);
        assert!(report.is_exact() && report.missing_posts == 0, "{report:?}");
        let rest = Report { posts: expect.posts, new_posts: expect.new_posts, ..report.clone() };
        let tallies = (expect.original, expect.here);
        assert_eq!(Report { original: tallies.0, here: tallies.1, ..rest }, expect);
        assert_eq!(report.here.fingerprints, expect.here.fingerprints);
        let stored = from_server.store.fingerprints_of(&[twitter(&big), twitter("13")]).unwrap();
        assert_eq!(stored, [Some(vec![None]), None], "the largest id survives");
        let key = AccountKey::new(Network::Twitter, "12");
        let states = [&mut from_file.store, &mut from_server.store]
            .map(|store| store.account_states(std::slice::from_ref(&key)).unwrap().remove(0));
        assert_eq!(states[0], states[1]);
        drop(original);
        let mut original = MySqlOriginal::open(&theirs.url()).unwrap();
        let again = import(&mut original, &paris, &mut *from_server.store, NOW, &mut |_| ()).unwrap();
        assert_eq!((again.new_posts, again.new_accounts), (1, 0));
        // Its transaction holds the tables.
        drop(original);
        server.run("DROP TABLE accounts, tweets, reindex_tweets", &[], "drop").unwrap();
    }

    #[test]
    fn progress_comes_to_its_end_twice() {
        let file = sample();
        let mut place = Place::new();
        let mut steps = Vec::new();
        import(
            &mut SqliteOriginal::open(&file).unwrap(),
            &TimeZone::UTC,
            &mut *place.store,
            NOW,
            &mut |step| steps.push(step),
        )
        .unwrap();
        let ends: Vec<(bool, u64)> = steps
            .iter()
            .filter(|step| step.permille == 1000)
            .map(|step| (step.checking, step.posts))
            .collect();
        assert_eq!(ends, [(false, 2003), (true, 2003)]);
    }

    #[test]
    fn the_original_may_go_on_writing() {
        let mut place = Place::new();
        let theirs = create(&place.theirs());
        let hash = [0x53, 0xA3, 0xF2, 0xB4, 0xB4, 0x5E, 0x66, 0x09];
        let insert = |post: i64, hash: Option<[u8; 8]>| {
            let sql = "INSERT INTO tweets (account_id, tweet_id, image_1_name, image_1_hash) VALUES (5, ?1, 'a.jpg', ?2)";
            theirs.execute(sql, (post, hash)).unwrap();
        };
        insert(1, Some(hash));
        insert(2, None);
        theirs.execute_batch("BEGIN IMMEDIATE").unwrap();
        insert(3, Some(hash));
        let file = place.theirs();
        assert_eq!(place.import(&file).new_posts, 2);
        theirs.execute("UPDATE tweets SET image_1_hash = ?1 WHERE tweet_id = 2", [hash]).unwrap();
        theirs.execute_batch("COMMIT").unwrap();
        let report = place.import(&file);
        assert_eq!(report.new_posts, 2, "one more, and one that has its fingerprint now");
        assert!(report.is_exact());
        let found = place.store.fingerprints_of(&[twitter("2")]).unwrap();
        assert_eq!(found, [Some(vec![Some("90667a2d2d4fc5ca".parse().unwrap())])]);
    }

    #[test]
    fn the_later_listing_wins() {
        let mut place = Place::new();
        let theirs = create(&place.theirs());
        let file = place.theirs();
        let insert = |search: &str, timeline: i64, listed: &str, uses: i64| {
            let sql = "INSERT OR REPLACE INTO accounts VALUES (5, ?1, ?3, ?3, ?2, ?3, ?3, ?4)";
            theirs.execute(sql, (search, timeline, listed, uses)).unwrap();
        };
        let key = AccountKey::new(Network::Twitter, "5");
        let cursor = |place: &mut Place| {
            place.store.account_states(std::slice::from_ref(&key)).unwrap().remove(0).timeline_cursor.unwrap()
        };
        insert("2022-01-01", 10, "2022-01-01 00:00:00", 3);
        assert_eq!(place.import(&file).new_accounts, 1);
        assert_eq!(cursor(&mut place), "10");
        insert("2022-02-01", 20, "2022-02-01 00:00:00", 4);
        assert_eq!(place.import(&file).new_accounts, 1);
        assert_eq!(cursor(&mut place), "20");
        insert("2021-01-01", 5, "2021-01-01 00:00:00", 1);
        assert_eq!(place.import(&file).new_accounts, 0);
        assert_eq!(cursor(&mut place), "20");
    }

    #[test]
    fn rows_that_cannot_be_taken_over_are_reported() {
        let mut place = Place::new();
        let file = place.theirs();
        create(&file)
            .execute_batch(
                "INSERT INTO tweets (account_id, tweet_id, image_1_name) VALUES (5, 9223372036854775808, 'a.jpg');
                 INSERT INTO tweets (account_id, tweet_id, image_1_name, image_1_hash) VALUES (5, 2, 'a.jpg', x'00');
                 INSERT INTO tweets (account_id, tweet_id, image_1_name, image_1_hash) VALUES (5, 3, 'a.jpg', 'text');
                 INSERT INTO tweets (account_id, tweet_id, image_1_name, image_1_hash) VALUES (5, 4, 'a.jpg', x'0000000000000000');
                 INSERT INTO accounts (account_id, last_use) VALUES (-1, 'yesterday');",
            )
            .unwrap();
        let report = place.import(&file);
        assert_eq!((report.posts, report.new_posts, report.skipped.count), (4, 1, 4));
        assert!(report.is_exact());
        assert_eq!(place.store.fingerprints_after(ImageId(0), 9).unwrap(), [], "all black: matches nothing");
    }

    #[test]
    fn dates_that_are_none_cost_no_cursor_that_can_be_read() {
        let mut place = Place::new();
        let file = place.theirs();
        create(&file)
            .execute_batch(
                "INSERT INTO tweets (account_id, tweet_id, image_1_name) VALUES (5, 1, 'a.jpg');
                 INSERT INTO tweets (account_id, tweet_id, image_1_name) VALUES (6, 2, 'a.jpg');
                 INSERT INTO tweets (account_id, tweet_id, image_1_name) VALUES (6, 3, 'a.jpg');
                 INSERT INTO accounts (account_id, last_SearchAPI_indexing_api_date, last_SearchAPI_indexing_local_date,
                    last_TimelineAPI_indexing_tweet_id, last_TimelineAPI_indexing_local_date)
                 VALUES (5, '2022-01-10', '0000-00-00 00:00:00', 1, 0),
                    (6, '2022-13-10', '2022-01-11 05:51:40', 3, '2022-01-11 05:51:40');",
            )
            .unwrap();
        let report = place.import(&file);
        assert_eq!((report.undated.count, report.skipped.count), (2, 0), "{report:?}");
        let five = "the account 5: search of \"0000-00-00 00:00:00\", timeline of \"0\"";
        assert_eq!(report.undated.examples, [five, "the account 6: search up to \"2022-13-10\""]);
        let [kept, lost] = ["5", "6"].map(|native| AccountKey::new(Network::Twitter, native));
        assert_eq!(report.undated.listed_again, [(lost.clone(), 2)].into());
        let states = place.store.account_states(&[kept, lost]).unwrap();
        assert_eq!(states[0].search_cursor, Timestamp::parse_rfc3339("2022-01-10T00:00:00Z"));
        assert_eq!(states[0].timeline_cursor.as_deref(), Some("1"));
        assert_eq!((states[1].search_cursor, states[1].timeline_cursor.as_deref()), (None, Some("3")));
    }

    #[test]
    fn other_files_are_refused_by_name() {
        let place = Place::new();
        let ours = place.dir.path().join("aotf.db");
        let text = place.dir.path().join("notes.txt");
        std::fs::write(&text, "hello, this is no database, but long enough to be looked at").unwrap();
        for (file, expect) in [
            (ours, "no database of the original"),
            (text, "not a database"),
            (place.dir.path().join("none.db"), "none.db"),
        ] {
            let error = SqliteOriginal::open(&file).err().unwrap();
            let text = ErrorChain(&error).to_string();
            assert!(text.contains(expect), "{text}");
        }
    }
}
