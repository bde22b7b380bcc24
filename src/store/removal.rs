//! Removes whole accounts: their posts, images, details, features and retries. Called by `aotf db prune`,
//! with the data folder to itself. Like `integrity.rs` it knows no engine.

use std::collections::HashMap;

use super::codec;
use super::error::StoreError;
use super::extent::Extent;
use super::location::Location;
use super::schema::{self, Kind, Value};
use super::table_io::TableIo;
use crate::base::Timestamp;
use crate::base::ids::{AccountKey, AccountNo};
use crate::domain::accounts::Account;

/// Accounts named in one statement. Of large ones that is a million rows, which takes seconds.
const ACCOUNTS_AT_A_TIME: usize = 20;

/// An account as `aotf db prune` looks at it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredAccount {
    pub no: AccountNo,
    /// With the handle that it was last seen with; empty where none was (imported accounts).
    pub account: Account,
    /// When it was last listed, by either listing or within a window: then it was there.
    pub listed_at: Option<Timestamp>,
}

/// What there is of some accounts, or was.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Stored {
    pub accounts: u64,
    pub posts: u64,
    pub images: u64,
    pub retries: u64,
}

/// All accounts, those first that were listed longest ago.
pub fn accounts(location: &Location) -> Result<Vec<StoredAccount>, StoreError> {
    use Kind::{Int, Text};
    let mut tables = location.open_tables()?;
    tables.begin_reading()?;
    let sql = "SELECT no, network, native, stated_posts, search_listed_at, timeline_listed_at, windows \
               FROM accounts";
    let mut found = Vec::new();
    for row in tables.question(sql, &[Int, Int, Text, Int, Int, Int, Text])? {
        let [Value::Int(Some(no)), Value::Int(Some(network)), Value::Text(Some(native)), rest @ ..] =
            &row[..]
        else {
            return Err(strange());
        };
        let int = |index: usize| match rest.get(index) {
            Some(Value::Int(value)) => *value,
            _ => None,
        };
        let windows = match rest.get(3) {
            Some(Value::Text(text)) => codec::windows(text.as_deref()),
            _ => Vec::new(),
        };
        let in_windows = windows.iter().map(|window| window.listed_at).max();
        let key = codec::account_key(*network, native.clone())?;
        let posts = int(0).and_then(|posts| u64::try_from(posts).ok());
        found.push(StoredAccount {
            no: codec::account_no(*no)?,
            account: Account { key, handle: String::new(), posts },
            listed_at: int(1).max(int(2)).map(Timestamp).max(in_windows),
        });
    }
    let mut handles: HashMap<i64, (i64, String)> = HashMap::new();
    tables.read(&schema::HANDLES, &mut |row| {
        if let [_, Value::Text(Some(handle)), Value::Int(Some(no)), _, Value::Int(Some(seen))] = &row[..] {
            let entry = handles.entry(*no).or_insert_with(|| (*seen, handle.clone()));
            if entry.0 < *seen {
                *entry = (*seen, handle.clone());
            }
        }
        std::ops::ControlFlow::Continue(())
    })?;
    for stored in &mut found {
        if let Some((_, handle)) = handles.remove(&i64::from(stored.no.0)) {
            stored.account.handle = handle;
        }
    }
    found.sort_by_key(|stored| (stored.listed_at, stored.no.0));
    Ok(found)
}

fn strange() -> StoreError {
    StoreError::Strange { what: "nothing where a value must be", value: "an account's row".to_owned() }
}

/// What is stored of each of these accounts, in the order asked. Posts without images are not counted.
pub fn sizes(location: &Location, accounts: &[AccountNo]) -> Result<Vec<Stored>, StoreError> {
    let mut tables = location.open_tables()?;
    tables.begin_reading()?;
    let mut sizes = Vec::with_capacity(accounts.len());
    for no in accounts {
        let of = format!("FROM images WHERE account = {}", no.0);
        let mut count = |sql: String| codec::size(tables.number(&sql)?);
        sizes.push(Stored {
            accounts: 1,
            posts: count(format!("SELECT count(DISTINCT post) {of}"))?,
            images: count(format!("SELECT count(*) {of}"))?,
            retries: count(format!("SELECT count(*) FROM retries WHERE post IN (SELECT post {of})"))?,
        });
    }
    Ok(sizes)
}

/// Removes these accounts with all that is stored of them, all or none, and says how much it was. An account
/// that has another key by now (another program was at work) is left alone.
pub fn remove(location: &Location, accounts: &[(AccountNo, AccountKey)]) -> Result<Stored, StoreError> {
    let mut tables = location.open_tables()?;
    tables.begin_removing()?;
    let mut removed = Stored::default();
    let (mut parts, mut part_bytes) = (0, 0);
    for some in accounts.chunks(ACCOUNTS_AT_A_TIME) {
        let numbers = some.iter().map(|(no, _)| no.0.to_string()).collect::<Vec<_>>().join(", ");
        let same = still_the_same(&mut tables, some, &numbers)?;
        if same.is_empty() {
            continue;
        }
        let posts = format!("SELECT no FROM posts WHERE account IN ({same})");
        let of_them = format!("image IN (SELECT id FROM images WHERE post IN ({posts}))");
        for size in tables.sizes_of_parts(&of_them)? {
            parts += size.rows;
            part_bytes += size.bytes;
        }
        let mut delete = |what: String| tables.run(&format!("DELETE FROM {what}"));
        delete(format!("retry_images WHERE post IN ({posts})"))?;
        removed.retries += delete(format!("retries WHERE post IN ({posts})"))?;
        delete(format!("details WHERE {of_them}"))?;
        delete(format!("parts WHERE {of_them}"))?;
        removed.images += delete(format!("images WHERE post IN ({posts})"))?;
        removed.posts += delete(format!("posts WHERE account IN ({same})"))?;
        delete(format!("handles WHERE account IN ({same})"))?;
        removed.accounts += delete(format!("accounts WHERE no IN ({same})"))?;
    }
    let kept = tables.extent()?;
    tables.set_extent(&Extent {
        accounts: kept.accounts.saturating_sub(removed.accounts),
        posts: kept.posts.saturating_sub(removed.posts),
        images: kept.images.saturating_sub(removed.images),
        retries: kept.retries.saturating_sub(removed.retries),
        parts: kept.parts.saturating_sub(parts),
        part_bytes: kept.part_bytes.saturating_sub(part_bytes),
        ..kept
    })?;
    tables.commit_removing()?;
    Ok(removed)
}

/// The numbers of those that have the keys they are thought to have, with commas between.
fn still_the_same(
    tables: &mut TableIo,
    accounts: &[(AccountNo, AccountKey)],
    numbers: &str,
) -> Result<String, StoreError> {
    let sql = format!("SELECT no, network, native FROM accounts WHERE no IN ({numbers})");
    let mut same = Vec::new();
    for row in tables.question(&sql, &[Kind::Int, Kind::Int, Kind::Text])? {
        let [Value::Int(Some(no)), Value::Int(Some(network)), Value::Text(Some(native))] = &row[..] else {
            return Err(strange());
        };
        let found = (codec::account_no(*no)?, codec::account_key(*network, native.clone())?);
        if accounts.contains(&found) {
            same.push(no.to_string());
        }
    }
    Ok(same.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Fingerprint;
    use crate::base::ids::{Network, PostKey};
    use crate::domain::images::{Detail, ImageFacts};
    use crate::domain::parts::{PARTS_VERSION, Parts};
    use crate::domain::posts::{ImageState, IndexedImage, IndexedPost};
    use crate::domain::scans::{Coverage, Cursor, ListingEnd, Window};
    use crate::store::Change;
    use crate::store::contract::{RULE, TestDatabase};
    use crate::store::integrity::check_references;
    use crate::store::test_server::{MySql, OnServer, Postgres};

    const NOW: Timestamp = Timestamp(1_790_000_000_000);

    fn key(account: u32) -> AccountKey {
        AccountKey::new(Network::Twitter, account.to_string())
    }

    fn seen() -> ImageState {
        ImageState::Fingerprinted(ImageFacts {
            fingerprint: Fingerprint(7),
            solid_ground: true,
            width: 1,
            height: 1,
            detail: Detail { phash256: [0; 4], thumbnail: vec![0; 192], trimmed: None },
            parts: Some(Parts(vec![PARTS_VERSION; 5])),
        })
    }

    fn post(number: u32, account: u32) -> Change {
        let failed = ImageState::Failed { url: "u".to_owned(), why: "w".to_owned() };
        Change::Posts {
            account: Account { key: key(account), handle: format!("h{account}"), posts: Some(9) },
            posts: vec![IndexedPost::of_images(
                PostKey::new(Network::Twitter, number.to_string()),
                None,
                [IndexedImage::new("a", failed), IndexedImage::new("b", seen())],
            )],
        }
    }

    fn check(location: &Location) {
        let mut store = location.open().unwrap();
        let changes: Vec<Change> = (0..90).map(|number| post(number, number % 30)).collect();
        store.apply(&changes, NOW).unwrap();
        let found = accounts(location).unwrap();
        assert_eq!(found.len(), 30);
        assert!(
            found.iter().all(|stored| stored.account.handle == format!("h{}", stored.account.key.native))
        );
        assert!(found.iter().all(|stored| stored.account.posts == Some(9) && stored.listed_at.is_none()));
        // More than one statement's, and one that is another's by now.
        let gone: Vec<(AccountNo, AccountKey)> =
            found.iter().take(25).map(|stored| (stored.no, stored.account.key.clone())).collect();
        let one = Stored { accounts: 1, posts: 3, images: 6, retries: 3 };
        assert_eq!(sizes(location, &[gone[0].0, AccountNo(4_000_000)]).unwrap()[0], one);
        let mut asked = gone.clone();
        asked.push((found[29].no, key(4711)));
        let removed = remove(location, &asked).unwrap();
        assert_eq!(removed, Stored { accounts: 25, posts: 75, images: 150, retries: 75 });
        assert_eq!(check_references(location).unwrap(), []);
        let counts = store.counts().unwrap();
        assert_eq!((counts.accounts, counts.posts, counts.images, counts.retries), (5, 15, 30, 15));
        assert_eq!((counts.parts, counts.part_bytes), (15, 75));
        assert_eq!(accounts(location).unwrap(), found[25..]);
        assert_eq!(remove(location, &gone).unwrap(), Stored::default(), "once is enough");
        // An account of which a window was listed was there then, though it was never listed whole.
        let window = Window { from: Timestamp(0), to: NOW };
        let cursor = Cursor::Window(window);
        let end = ListingEnd {
            cursor,
            newest: None,
            oldest: None,
            coverage: Coverage::Complete,
            posts_read: 1,
            media: None,
        };
        let account = found[29].account.clone();
        store.apply(&[Change::Cursor { account, end }], NOW).unwrap();
        let last_listed = accounts(location).unwrap().pop().unwrap();
        assert_eq!((last_listed.no, last_listed.listed_at), (found[29].no, Some(NOW)));
        // Numbers are not given again, and what was removed may come back.
        let last = store.last_image().unwrap();
        store.apply(&changes, NOW).unwrap();
        assert_eq!(accounts(location).unwrap().len(), 30);
        assert_eq!(store.last_image().unwrap().0, last.0 + 150);
        assert_eq!(check_references(location).unwrap(), []);
    }

    #[test]
    fn accounts_go_with_all_that_is_stored_of_them() {
        let dir = tempfile::tempdir().unwrap();
        check(&Location::parse("sqlite:aotf.db", dir.path(), RULE).unwrap());
        if OnServer::<MySql>::available() {
            check(&OnServer::<MySql>::new().location());
        }
        if OnServer::<Postgres>::available() {
            check(&OnServer::<Postgres>::new().location());
        }
    }
}
