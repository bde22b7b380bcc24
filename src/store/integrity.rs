//! The care for a database: what refers to nothing, what the sizes should be, and figures for operators.
//! Called by `aotf db verify`, `cleanup` and `stats`. It knows no engine: its statements are plain SQL.

use std::path::Path;

use super::codec;
use super::error::StoreError;
use super::extent::Extent;
use super::location::Location;
use super::schema::{Kind, Value};
use super::state::StateFile;
use super::table_io::{SizeOfParts, TableIo};
use crate::base::Timestamp;
use crate::base::ids::AccountKey;
use crate::domain::parts::{PARTS_VERSION, Parts};

/// An account that nothing was ever stored of is forgotten after this, ms: thirty days.
const EMPTY_FOR: i64 = 30 * 86_400_000;

/// Something that should not be, or need not be.
struct Rule {
    about: &'static str,
    table: &'static str,
    /// A condition on the rows of the table. `@` is the moment before which an empty account is old.
    condition: &'static str,
    /// The rows are wrong, and not merely of no use.
    wrong: bool,
    /// A clean-up removes them. What it does not remove, somebody has to look at.
    removable: bool,
}

/// In the order in which rows are removed.
const RULES: &[Rule] = &[
    Rule {
        about: "failed images of no post, or of none that is retried",
        table: "retry_images",
        condition: "NOT EXISTS (SELECT 1 FROM retries WHERE retries.post = retry_images.post)
            OR NOT EXISTS (SELECT 1 FROM posts WHERE posts.no = retry_images.post)",
        wrong: true,
        removable: true,
    },
    Rule {
        about: "retries of no post",
        table: "retries",
        condition: "NOT EXISTS (SELECT 1 FROM posts WHERE posts.no = retries.post)",
        wrong: true,
        removable: true,
    },
    Rule {
        about: "retries without an image to be tried",
        table: "retries",
        condition: "NOT EXISTS (SELECT 1 FROM retry_images WHERE retry_images.post = retries.post)",
        wrong: true,
        removable: true,
    },
    Rule {
        about: "details of no image",
        table: "details",
        condition: "NOT EXISTS (SELECT 1 FROM images WHERE images.id = details.image)",
        wrong: true,
        removable: true,
    },
    Rule {
        about: "details of images of no post",
        table: "details",
        condition: "EXISTS (SELECT 1 FROM images WHERE images.id = details.image
            AND NOT EXISTS (SELECT 1 FROM posts WHERE posts.no = images.post))",
        wrong: true,
        removable: true,
    },
    Rule {
        about: "features of no image",
        table: "parts",
        condition: "NOT EXISTS (SELECT 1 FROM images WHERE images.id = parts.image)",
        wrong: true,
        removable: true,
    },
    Rule {
        about: "features of images of no post",
        table: "parts",
        condition: "EXISTS (SELECT 1 FROM images WHERE images.id = parts.image
            AND NOT EXISTS (SELECT 1 FROM posts WHERE posts.no = images.post))",
        wrong: true,
        removable: true,
    },
    Rule {
        about: "images of no post",
        table: "images",
        condition: "NOT EXISTS (SELECT 1 FROM posts WHERE posts.no = images.post)",
        wrong: true,
        removable: true,
    },
    Rule {
        about: "images of another account than their post",
        table: "images",
        condition: "EXISTS (SELECT 1 FROM posts WHERE posts.no = images.post AND posts.account <> images.account)",
        wrong: true,
        removable: false,
    },
    Rule {
        about: "images at a position that their post does not have",
        table: "images",
        condition: "EXISTS (SELECT 1 FROM posts WHERE posts.no = images.post
            AND (images.position < 1 OR images.position > posts.image_count))",
        wrong: true,
        removable: false,
    },
    Rule {
        about: "marks of images that are not there any more",
        table: "unavailable",
        condition: "NOT EXISTS (SELECT 1 FROM images WHERE images.id = unavailable.image)",
        wrong: false,
        removable: true,
    },
    Rule {
        // Fewer is well: videos have a place, and no row.
        about: "posts with more images than they say",
        table: "posts",
        condition: "image_count < (SELECT count(*) FROM images WHERE images.post = posts.no)",
        wrong: true,
        removable: false,
    },
    Rule {
        about: "posts of no account",
        table: "posts",
        condition: "NOT EXISTS (SELECT 1 FROM accounts WHERE accounts.no = posts.account)",
        wrong: true,
        removable: false,
    },
    Rule {
        about: "handles of no account",
        table: "handles",
        condition: "NOT EXISTS (SELECT 1 FROM accounts WHERE accounts.no = handles.account)",
        wrong: true,
        removable: true,
    },
    Rule {
        about: "handles of accounts of which nothing is stored",
        table: "handles",
        condition: "EXISTS (SELECT 1 FROM accounts WHERE accounts.no = handles.account
            AND search_listed_at IS NULL AND timeline_listed_at IS NULL AND windows IS NULL AND uses = 0 AND known_since < @
            AND accounts.no NOT IN (SELECT account FROM posts))",
        wrong: false,
        removable: true,
    },
    Rule {
        about: "accounts of which nothing is stored, known for 30 days",
        table: "accounts",
        condition: "search_listed_at IS NULL AND timeline_listed_at IS NULL AND windows IS NULL AND uses = 0 AND known_since < @
            AND accounts.no NOT IN (SELECT account FROM posts)
            AND NOT EXISTS (SELECT 1 FROM handles WHERE handles.account = accounts.no)",
        wrong: false,
        removable: true,
    },
];

/// Rows that a rule is about.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Finding {
    pub about: &'static str,
    pub rows: u64,
    pub removable: bool,
}

/// What the rows refer to, and whether the sizes that are kept are the counted ones.
///
/// # Errors
/// When the database cannot be read.
pub fn check_references(location: &Location) -> Result<Vec<Finding>, StoreError> {
    let mut tables = location.open_tables()?;
    tables.begin_reading()?;
    let mut found = Vec::new();
    for rule in RULES.iter().filter(|rule| rule.wrong) {
        found.extend(count(&mut tables, rule, 0)?);
    }
    let windows = tables.question("SELECT windows FROM accounts WHERE windows IS NOT NULL", &[Kind::Text])?;
    let is_none = |row: &&Vec<Value>| match row.first() {
        Some(Value::Text(Some(text))) => codec::windows_of(text).is_err(),
        _ => true,
    };
    let rows = windows.iter().filter(is_none).count() as u64;
    if rows > 0 {
        // They count as unknown, and are written anew with the next one.
        found.push(Finding { about: "windows of accounts that are none", rows, removable: false });
    }
    let (kept, counted) = (tables.extent()?, counted(&mut tables)?);
    if kept != counted {
        found.push(Finding {
            about: "kept sizes that differ from the counted ones",
            rows: 1,
            removable: true,
        });
    }
    Ok(found)
}

/// Images whose features this program cannot compare: of another version, or of a length that none have. They
/// are no damage: they count as missing, and are computed anew like those that are.
///
/// # Errors
/// When the database cannot be read.
pub fn other_parts(location: &Location) -> Result<u64, StoreError> {
    let found = location.open_tables()?.sizes_of_parts("true")?;
    let is_current = |size: &&SizeOfParts| {
        let each = usize::try_from(size.bytes / size.rows.max(1)).unwrap_or(usize::MAX);
        size.version == Some(PARTS_VERSION) && Parts::can_have(each)
    };
    Ok(found.iter().filter(|size| !is_current(size)).map(|size| size.rows).sum())
}

/// Finds what can be removed, and removes it if `really`; in one change.
pub fn clean_up(location: &Location, really: bool, now: Timestamp) -> Result<Vec<Finding>, StoreError> {
    let old = now.0.saturating_sub(EMPTY_FOR);
    let mut tables = location.open_tables()?;
    tables.begin_writing()?;
    let mut found = Vec::new();
    for rule in RULES.iter().filter(|rule| rule.removable) {
        // Rows go in any case, since later rules see what earlier ones leave; without `commit` all stay.
        let condition = rule.condition.replace('@', &old.to_string());
        let rows = tables.run(&format!("DELETE FROM {} WHERE {condition}", rule.table))?;
        if rows > 0 {
            found.push(Finding { about: rule.about, rows, removable: true });
        }
    }
    let (kept, counted) = (tables.extent()?, counted(&mut tables)?);
    if kept != counted {
        tables.set_extent(&counted)?;
        if found.is_empty() {
            let about = "kept sizes that differ from the counted ones";
            found.push(Finding { about, rows: 1, removable: true });
        }
    }
    if really {
        tables.commit()?;
    }
    Ok(found)
}

fn count(tables: &mut TableIo, rule: &Rule, old: i64) -> Result<Option<Finding>, StoreError> {
    let condition = rule.condition.replace('@', &old.to_string());
    let sql = format!("SELECT count(*) FROM {} WHERE {condition}", rule.table);
    let rows = codec::size(tables.number(&sql)?)?;
    Ok((rows > 0).then_some(Finding { about: rule.about, rows, removable: rule.removable }))
}

/// The sizes as they are; the highest numbers as they were, or higher.
fn counted(tables: &mut TableIo) -> Result<Extent, StoreError> {
    let kept = tables.extent()?;
    let parts = tables.sizes_of_parts("true")?;
    let mut count = |table: &str| codec::size(tables.number(&format!("SELECT count(*) FROM {table}"))?);
    Ok(Extent {
        accounts: count("accounts")?,
        posts: count("posts")?,
        images: count("images")?,
        retries: count("retries")?,
        parts: parts.iter().map(|size| size.rows).sum(),
        part_bytes: parts.iter().map(|size| size.bytes).sum(),
        ..kept
    })
}

/// Figures for operators.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Stats {
    pub accounts: u64,
    pub posts: u64,
    pub images: u64,
    pub retries: u64,
    /// Images whose local features are known, and what these take.
    pub parts: u64,
    pub part_bytes: u64,
    /// Images without a fingerprint.
    pub lost_images: u64,
    /// Retries that were given up.
    pub given_up: u64,
    /// Posts noted by their ids alone, and how many of them were given up.
    pub wanted: u64,
    pub wanted_given_up: u64,
    /// Retries by attempts so far.
    pub retries_by_attempts: Vec<(u64, u64)>,
    /// The accounts with most posts.
    pub biggest: Vec<(AccountKey, u64)>,
    /// The accounts that were listed longest ago.
    pub oldest: Vec<(AccountKey, Timestamp)>,
    /// Posts stored on each of the last UTC days on which any were, the newest first.
    pub growth: Vec<(Timestamp, u64)>,
}

/// Accounts and days that the figures name.
const NAMED: u32 = 10;

/// Reads the figures of a database, and of the state file at `state` if there is one. Some of them read every
/// post.
pub fn stats(location: &Location, state: &Path) -> Result<Stats, StoreError> {
    use Kind::{Int, Text};
    let (wanted, wanted_given_up) = match state.exists() {
        true => StateFile::open(state)?.count_wanted()?,
        false => (0, 0),
    };
    let mut tables = location.open_tables()?;
    tables.begin_reading()?;
    let extent = tables.extent()?;
    let int = |row: &[Value], index: usize| match row.get(index) {
        Some(Value::Int(Some(value))) => *value,
        _ => 0,
    };
    let key = |row: &[Value]| -> Result<AccountKey, StoreError> {
        match row.get(1) {
            Some(Value::Text(Some(native))) => codec::account_key(int(row, 0), native.clone()),
            _ => codec::account_key(int(row, 0), String::new()),
        }
    };
    let biggest = tables.question(
        &format!(
            "SELECT a.network, a.native, p.size FROM
                (SELECT account, count(*) AS size FROM posts GROUP BY account ORDER BY size DESC LIMIT {NAMED}) p
             JOIN accounts a ON a.no = p.account ORDER BY p.size DESC, a.no"
        ),
        &[Int, Text, Int],
    )?;
    let oldest = tables.question(
        &format!("SELECT network, native, visited_at FROM accounts ORDER BY visited_at, no LIMIT {NAMED}"),
        &[Int, Text, Int],
    )?;
    let growth = tables.question(
        &format!(
            "SELECT stored_at - stored_at % 86400000 AS day, count(*) FROM posts
             GROUP BY stored_at - stored_at % 86400000 ORDER BY day DESC LIMIT {NAMED}"
        ),
        &[Int, Int],
    )?;
    let attempts = tables.question(
        "SELECT attempts, count(*) FROM retries GROUP BY attempts ORDER BY attempts",
        &[Int, Int],
    )?;
    Ok(Stats {
        accounts: extent.accounts,
        posts: extent.posts,
        images: extent.images,
        retries: extent.retries,
        parts: extent.parts,
        part_bytes: extent.part_bytes,
        wanted,
        wanted_given_up,
        lost_images: codec::size(tables.number("SELECT count(*) FROM images WHERE fingerprint IS NULL")?)?,
        given_up: codec::size(tables.number("SELECT count(*) FROM retries WHERE next_due IS NULL")?)?,
        retries_by_attempts: attempts
            .iter()
            .map(|row| Ok((codec::size(int(row, 0))?, codec::size(int(row, 1))?)))
            .collect::<Result<_, StoreError>>()?,
        biggest: biggest
            .iter()
            .map(|row| Ok((key(row)?, codec::size(int(row, 2))?)))
            .collect::<Result<_, StoreError>>()?,
        oldest: oldest
            .iter()
            .map(|row| Ok((key(row)?, Timestamp(int(row, 2)))))
            .collect::<Result<_, StoreError>>()?,
        growth: growth
            .iter()
            .map(|row| Ok((Timestamp(int(row, 0)), codec::size(int(row, 1))?)))
            .collect::<Result<_, StoreError>>()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Fingerprint;
    use crate::base::ids::{Network, PostKey};
    use crate::domain::accounts::Account;
    use crate::domain::images::{Detail, ImageFacts};
    use crate::domain::posts::{ImageState, IndexedImage, IndexedPost};
    use crate::store::Change;
    use crate::store::contract::{RULE, TestDatabase};
    use crate::store::test_server::{MySql, OnServer, Postgres};

    const NOW: Timestamp = Timestamp(1_790_000_000_000);

    fn post(number: u32, account: u32) -> Change {
        let key = AccountKey::new(Network::Twitter, account.to_string());
        let state = ImageState::Failed { url: "u".to_owned(), why: "w".to_owned() };
        let post_key = PostKey::new(Network::Twitter, number.to_string());
        Change::Posts {
            account: Account { key, handle: format!("h{account}"), posts: None },
            posts: vec![IndexedPost::of_images(post_key, None, [IndexedImage::new("a", state)])],
        }
    }

    /// `unchained` lets a foreign hand delete what is referred to.
    fn check(location: &Location, unchained: &mut dyn FnMut(&str)) {
        let mut store = location.open().unwrap();
        let mut changes: Vec<Change> = (0..6).map(|number| post(number, number % 2)).collect();
        let Change::Posts { account, .. } = post(0, 77) else { unreachable!() };
        changes.push(Change::Posts { account, posts: Vec::new() });
        store.apply(&changes, NOW).unwrap();
        assert_eq!(check_references(location).unwrap(), []);
        assert_eq!(clean_up(location, true, NOW).unwrap(), [], "a new account stays");
        let figures = stats(location, Path::new("no-state.db")).unwrap();
        assert_eq!((figures.posts, figures.lost_images, figures.retries), (6, 6, 6));
        assert_eq!(figures.biggest.iter().map(|(_, posts)| *posts).collect::<Vec<_>>(), [3, 3]);
        assert_eq!(figures.oldest.len(), 3);
        assert_eq!(figures.growth, [(Timestamp(NOW.0 - NOW.0 % 86_400_000), 6)]);
        assert_eq!(figures.retries_by_attempts, [(1, 6)]);

        unchained("DELETE FROM posts WHERE native = '3'");
        let about: Vec<&str> = check_references(location).unwrap().iter().map(|found| found.about).collect();
        let expect = [
            "failed images of no post, or of none that is retried",
            "retries of no post",
            "images of no post",
            "kept sizes that differ from the counted ones",
        ];
        assert_eq!(about, expect);
        let later = Timestamp(NOW.0 + 2 * EMPTY_FOR);
        let would = clean_up(location, false, later).unwrap();
        assert_eq!(clean_up(location, false, later).unwrap(), would, "nothing was done");
        let done = clean_up(location, true, later).unwrap();
        assert!(done.len() >= 4, "{done:?}");
        assert_eq!(check_references(location).unwrap(), []);
        assert_eq!(clean_up(location, false, later).unwrap(), []);
        let counts = store.counts().unwrap();
        assert_eq!((counts.accounts, counts.posts, counts.images, counts.retries), (2, 5, 5, 5));

        // Features of another version are no damage; those of an image that is not there are.
        let facts = |version| ImageFacts {
            fingerprint: Fingerprint(7),
            solid_ground: true,
            width: 1,
            height: 1,
            detail: Detail { phash256: [0; 4], thumbnail: vec![0; 192], trimmed: None },
            parts: Some(Parts(vec![version, 1, 2])),
        };
        let Change::Posts { account, mut posts } = post(100, 1) else { unreachable!() };
        posts[0].images[0].state = ImageState::Fingerprinted(facts(PARTS_VERSION + 1));
        let Change::Posts { posts: more, .. } = post(101, 1) else { unreachable!() };
        posts.extend(more);
        posts[1].images[0].state = ImageState::Fingerprinted(facts(PARTS_VERSION));
        store.apply(&[Change::Posts { account, posts }], NOW).unwrap();
        assert_eq!((check_references(location).unwrap(), other_parts(location).unwrap()), (vec![], 1));
        let figures = stats(location, Path::new("no-state.db")).unwrap();
        assert_eq!((figures.parts, figures.part_bytes), (2, 6));
        unchained("UPDATE parts SET image = 999 WHERE image = (SELECT max(id) FROM images)");
        let about: Vec<&str> = check_references(location).unwrap().iter().map(|found| found.about).collect();
        assert_eq!(about, ["features of no image"]);
        assert_eq!(clean_up(location, true, NOW).unwrap().len(), 1);
        assert_eq!(check_references(location).unwrap(), []);
        let counts = store.counts().unwrap();
        assert_eq!((counts.parts, counts.part_bytes), (1, 3));
    }

    #[test]
    fn what_refers_to_nothing_is_found_and_removed() {
        let dir = tempfile::tempdir().unwrap();
        let location = Location::parse("sqlite:aotf.db", dir.path(), RULE).unwrap();
        check(&location, &mut |sql| {
            let other = rusqlite::Connection::open(dir.path().join("aotf.db")).unwrap();
            other.pragma_update(None, "foreign_keys", false).unwrap();
            other.execute(sql, []).unwrap();
        });
        if OnServer::<MySql>::available() {
            let database = OnServer::<MySql>::new();
            check(&database.location(), &mut |sql| {
                let mut server = database.connection();
                server.run("SET foreign_key_checks = 0", &[], "").unwrap();
                server.run(sql, &[], "").unwrap();
            });
        }
        if OnServer::<Postgres>::available() {
            let database = OnServer::<Postgres>::new();
            check(&database.location(), &mut |sql| {
                let mut server = database.connection();
                server.run("SET session_replication_role = replica", &[], "").unwrap();
                server.run(sql, &[], "").unwrap();
            });
        }
    }
}
