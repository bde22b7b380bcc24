//! The engines behind a server: MySQL, MariaDB and PostgreSQL, one code for all of them. `engine.rs`
//! holds what differs, `link.rs` the connection, `work.rs` what a commit does, in memory.
//!
//! A commit reads what it is about, decides, and writes the difference, each in few statements. The
//! row of `summary` is locked from its beginning to its end, which keeps writers apart: numbers are
//! given out in the order of commits, as the trait demands.

use std::collections::HashMap;

use self::link::{Address, Link};
use self::work::Work;
use super::backfill::BareImage;
use super::schema::Value;
use super::{
    AccountTask, AccountsDue, Change, Committed, IndexEntry, Outcome, RetryRule, Schema, Store, StoreError,
    codec,
};
use crate::base::ids::{AccountKey, AccountNo, ImageId, Network, PostKey};
use crate::base::{Fingerprint, Timestamp};
use crate::domain::accounts::{Account, AccountRecord, AccountState, SeenHandle};
use crate::domain::images::{Detail, StoreCounts};
use crate::domain::posts::{ImageRecord, ListedImage, ListedPost, RetryPost};

mod completing;
pub(super) mod engine;
pub(super) mod flush;
pub(super) mod link;
pub(super) mod load;
mod migrating;
#[cfg(test)]
mod server_tests;
mod work;

/// A connection to a database on a server.
pub struct ServerStore {
    link: Link,
    rule: RetryRule,
}

impl ServerStore {
    /// Connects, and brings the schema up to date.
    pub fn open(address: &Address, rule: RetryRule) -> Result<ServerStore, StoreError> {
        let mut link = Link::open(address.clone(), false)?;
        migrating::migrate(&mut link)?;
        Ok(ServerStore { link, rule })
    }

    pub(super) fn link(&mut self) -> &mut Link {
        &mut self.link
    }

    /// Which schema the database has. Changes nothing.
    pub fn schema(address: &Address) -> Result<Schema, StoreError> {
        let mut link = Link::open(address.clone(), true)?;
        let known = link.engine().migrations().last().map_or(0, |migration| migration.number);
        let pending = migrating::pending(&mut link)?.first();
        Ok(Schema { found: pending.map_or(known, |migration| migration.number - 1), known })
    }

    /// Connects to a database that has the newest schema, for reading only.
    pub fn open_reader(address: &Address, rule: RetryRule) -> Result<ServerStore, StoreError> {
        let mut link = Link::open(address.clone(), true)?;
        migrating::pending(&mut link)?;
        Ok(ServerStore { link, rule })
    }
}

const IMAGE_RECORDS: &str = "SELECT i.id, p.network, p.native, a.native, i.position, p.image_count, i.name,
        p.published, d.phash256, d.thumbnail, i.trimmed
     FROM images i JOIN posts p ON p.no = i.post JOIN accounts a ON a.no = i.account
        LEFT JOIN details d ON d.image = i.id
     WHERE i.id IN (@)";

const FINGERPRINTS_AFTER: &str = "SELECT id, account, fingerprint, trimmed FROM images
     WHERE id > ? AND solid_ground = 1 ORDER BY id LIMIT ?";
const FINGERPRINTS_OF_ACCOUNT: &str = "SELECT id, account, fingerprint, trimmed FROM images
     WHERE account = ? AND id > ? AND solid_ground = 1 ORDER BY id LIMIT ?";

const IDENTITY: &str = "SELECT identity FROM summary WHERE only_row = 1";

const UPDATES_DUE: &str = "SELECT network, native, visited_at, no FROM accounts WHERE visited_at < ? ORDER BY visited_at, no LIMIT ?";
const UPDATES_DUE_BY_TURN: &str = "SELECT network, native, visited_at, no FROM accounts
     WHERE turn BETWEEN ? AND ? AND visited_at < ? ORDER BY visited_at, no LIMIT ?";
const RESETS_DUE: &str = "SELECT network, native, search_reset_at, no FROM accounts
     WHERE search_reset_at < ? AND search_cursor IS NOT NULL ORDER BY search_reset_at, no LIMIT ?";
const RESETS_DUE_BY_TURN: &str = "SELECT network, native, search_reset_at, no FROM accounts
     WHERE turn BETWEEN ? AND ? AND search_reset_at < ? AND search_cursor IS NOT NULL
     ORDER BY search_reset_at, no LIMIT ?";

/// What a clock that was ahead has written.
const VISITED_IN_THE_FUTURE: &str = "UPDATE accounts SET visited_at = ? WHERE visited_at > ?";
const DUE_TOO_LATE: &str = "UPDATE retries SET next_due = ? WHERE next_due > ?";

const LATEST_HANDLES: &str =
    "SELECT account, handle FROM handles WHERE account IN (@) ORDER BY account, last_seen, handle";

const HANDLES_OF_ACCOUNT: &str =
    "SELECT handle, first_seen, last_seen FROM handles WHERE account = ? ORDER BY last_seen DESC, handle";

const OWNERS_OF_HANDLE: &str = "SELECT a.network, a.native FROM handles h JOIN accounts a ON a.no = h.account
     WHERE h.network = ? AND h.handle = ? ORDER BY h.last_seen DESC, a.no DESC";

const RETRIES_DUE: &str = "SELECT r.post, p.published, a.network, a.native
     FROM retries r JOIN posts p ON p.no = r.post JOIN accounts a ON a.no = p.account
     WHERE r.next_due <= ? ORDER BY r.next_due, r.post LIMIT ?";

const FAILED_IMAGES: &str = "SELECT r.post, i.name FROM retries r JOIN retry_images f ON f.post = r.post
     JOIN images i ON i.post = f.post AND i.position = f.position
     WHERE r.post IN (@) AND r.next_due IS NOT NULL";

/// All that run per post, image or question, for the test that looks at their plans.
#[cfg(test)]
const STATEMENTS: &[&str] = &[
    IMAGE_RECORDS,
    FINGERPRINTS_AFTER,
    FINGERPRINTS_OF_ACCOUNT,
    UPDATES_DUE,
    UPDATES_DUE_BY_TURN,
    RESETS_DUE,
    RESETS_DUE_BY_TURN,
    LATEST_HANDLES,
    HANDLES_OF_ACCOUNT,
    OWNERS_OF_HANDLE,
    RETRIES_DUE,
    FAILED_IMAGES,
    completing::BARE_IMAGES,
    completing::BARE,
    load::ACCOUNTS_BY_KEY,
    load::ACCOUNT_KEYS,
    load::HANDLES,
    load::POSTS_BY_KEY,
    load::POSTS_BY_NO,
    load::IMAGES_OF_POSTS,
    load::RETRIES_OF_POSTS,
    load::RETRY_IMAGES,
];

impl Store for ServerStore {
    fn apply(&mut self, changes: &[Change], now: Timestamp) -> Result<Committed, StoreError> {
        let rule = self.rule;
        let transaction = self.link.begin("BEGIN")?;
        let summary = load::summary(transaction.link, true)?;
        let mut work = Work::new(rule, now, summary);
        load::concerned(transaction.link, &mut work, changes)?;
        let mut outcomes = Vec::with_capacity(changes.len());
        for change in changes {
            outcomes.push(carry_out(transaction.link, &mut work, change)?);
        }
        flush::flush(transaction.link, &mut work)?;
        if work.summary != summary {
            flush::store_extent(transaction.link, &work.summary.extent())?;
        }
        transaction.commit()?;
        if has_outgrown_its_statistics(summary.last_post, work.summary.last_post) {
            self.analyze();
        }
        Ok(Committed {
            outcomes,
            entries: work.entries,
            images_before: codec::image_id(summary.last_image)?,
            images_after: codec::image_id(work.summary.last_image)?,
            moved_handles: work.moved_handles,
            counts: work.summary.counts,
        })
    }

    fn account_states(&mut self, keys: &[AccountKey]) -> Result<Vec<AccountState>, StoreError> {
        let found = self.accounts(keys)?;
        let state = |key: &AccountKey| match found.accounts.get(key) {
            Some(account) => account.row.state(),
            None => AccountState::unknown(key.clone()),
        };
        Ok(keys.iter().map(state).collect())
    }

    fn account_record(&mut self, key: &AccountKey) -> Result<Option<AccountRecord>, StoreError> {
        let found = self.accounts(std::slice::from_ref(key))?;
        let Some(account) = found.accounts.get(key) else { return Ok(None) };
        let mut handles = Vec::new();
        let no = [i64::from(account.row.no.0).into()];
        self.link.each(HANDLES_OF_ACCOUNT, &no, "read an account's handles", |row| {
            handles.push(SeenHandle {
                handle: row.string(0)?,
                first_seen: Timestamp(row.number(1)?),
                last_seen: Timestamp(row.number(2)?),
            });
            Ok(())
        })?;
        account.row.record(handles).map(Some)
    }

    fn accounts_called(&mut self, network: Network, handle: &str) -> Result<Vec<AccountKey>, StoreError> {
        let mut owners = Vec::new();
        let asked = [codec::network_no(network).into(), handle.into()];
        self.link.each(OWNERS_OF_HANDLE, &asked, "look up a handle", |row| {
            owners.push(codec::account_key(row.number(0)?, row.string(1)?)?);
            Ok(())
        })?;
        Ok(owners)
    }

    fn account_numbers(&mut self, keys: &[AccountKey]) -> Result<Vec<(AccountKey, AccountNo)>, StoreError> {
        let found = self.accounts(keys)?;
        let number = |key: &AccountKey| Some((key.clone(), found.accounts.get(key)?.row.no));
        Ok(keys.iter().filter_map(number).collect())
    }

    fn images(&mut self, ids: &[ImageId]) -> Result<Vec<ImageRecord>, StoreError> {
        let values: Vec<Value> = ids.iter().map(|id| codec::image_no(*id).into()).collect();
        let mut found: HashMap<ImageId, ImageRecord> = HashMap::new();
        load::in_lists(&mut self.link, IMAGE_RECORDS, &[], &values, "look up images", |row| {
            let record = image_record(row)?;
            found.insert(record.image, record);
            Ok(())
        })?;
        Ok(ids.iter().filter_map(|id| found.get(id).cloned()).collect())
    }

    fn missing(&mut self, posts: &[ListedPost]) -> Result<Vec<ListedPost>, StoreError> {
        let keys: Vec<PostKey> = posts.iter().map(|post| post.key.clone()).collect();
        let numbers = self.post_numbers(&keys)?;
        let values: Vec<Value> = numbers.values().copied().map(Value::from).collect();
        let mut retried: HashMap<i64, Vec<String>> = HashMap::new();
        load::in_lists(&mut self.link, FAILED_IMAGES, &[], &values, "look up failed images", |row| {
            retried.entry(row.number(0)?).or_default().push(row.string(1)?);
            Ok(())
        })?;
        let still_missing = |post: &ListedPost| {
            let Some(no) = numbers.get(&post.key) else { return Some(post.clone()) };
            let failed = retried.get(no)?;
            let images: Vec<ListedImage> =
                post.images.iter().filter(|image| failed.contains(&image.name)).cloned().collect();
            (!images.is_empty()).then(|| ListedPost { images, ..post.clone() })
        };
        Ok(posts.iter().filter_map(still_missing).collect())
    }

    fn fingerprints_of(
        &mut self,
        posts: &[PostKey],
    ) -> Result<Vec<Option<Vec<Option<Fingerprint>>>>, StoreError> {
        let numbers = self.post_numbers(posts)?;
        let values: Vec<Value> = numbers.values().copied().map(Value::from).collect();
        let images = load::images_of(&mut self.link, &values)?;
        let prints = |key: &PostKey| {
            let no = numbers.get(key)?;
            let images = images.get(no).map(Vec::as_slice).unwrap_or_default();
            Some(images.iter().map(|image| image.fingerprint).collect())
        };
        Ok(posts.iter().map(prints).collect())
    }

    fn fingerprints_after(&mut self, after: ImageId, limit: u32) -> Result<Vec<IndexEntry>, StoreError> {
        self.index_entries(FINGERPRINTS_AFTER, &[codec::image_no(after).into(), i64::from(limit).into()])
    }

    fn fingerprints_of_account(
        &mut self,
        account: AccountNo,
        after: ImageId,
        limit: u32,
    ) -> Result<Vec<IndexEntry>, StoreError> {
        let values = [i64::from(account.0).into(), codec::image_no(after).into(), i64::from(limit).into()];
        self.index_entries(FINGERPRINTS_OF_ACCOUNT, &values)
    }

    fn bare_images(&mut self, after: ImageId, limit: u32) -> Result<Vec<BareImage>, StoreError> {
        let mut images = Vec::new();
        let values = [codec::image_no(after).into(), i64::from(limit).into()];
        self.link.each(completing::BARE_IMAGES, &values, "look for images without detail", |row| {
            images.push(BareImage {
                image: codec::image_id(row.number(0)?)?,
                account: codec::account_key(row.number(1)?, row.string(2)?)?,
                name: row.string(3)?,
            });
            Ok(())
        })?;
        Ok(images)
    }

    fn last_image(&mut self) -> Result<ImageId, StoreError> {
        codec::image_id(load::summary(&mut self.link, false)?.last_image)
    }

    fn counts(&mut self) -> Result<StoreCounts, StoreError> {
        Ok(load::summary(&mut self.link, false)?.counts)
    }

    fn wrong_lengths(&mut self) -> Result<u64, StoreError> {
        let sql = "SELECT
            (SELECT COUNT(*) FROM images WHERE LENGTH(fingerprint) <> 8 OR LENGTH(trimmed) <> 8)
          + (SELECT COUNT(*) FROM details WHERE LENGTH(phash256) <> 32 OR LENGTH(thumbnail) <> 192)";
        let found = self.link.rows(sql, &[], "count wrong lengths")?;
        codec::size(found.first().map_or(Ok(0), |row| row.number(0))?)
    }

    fn identity(&mut self) -> Result<String, StoreError> {
        let found = self.link.rows(IDENTITY, &[], "read the database's identity")?;
        match found.first() {
            Some(row) => row.string(0),
            None => Err(StoreError::Strange { what: "no identity", value: String::new() }),
        }
    }
}

/// When the posts have doubled. PostgreSQL plans by what it counted last, which it does by itself once a minute:
/// of a table that was empty then, it looks 512 posts up by reading all that have come since.
fn has_outgrown_its_statistics(before: i64, after: i64) -> bool {
    const SMALL: i64 = 512;
    after >= SMALL && before.max(1).ilog2() < after.max(1).ilog2()
}

impl ServerStore {
    /// Has the server count what its plans are made by, as it would soon do by itself; so a failure is none.
    fn analyze(&mut self) {
        if self.link.engine() == engine::Engine::Postgres
            && let Err(error) =
                self.link.command("ANALYZE accounts, handles, posts, images", "count for plans")
        {
            tracing::debug!(%error, "the tables were not analyzed");
        }
    }

    fn index_entries(&mut self, sql: &str, values: &[Value]) -> Result<Vec<IndexEntry>, StoreError> {
        let mut entries = Vec::new();
        self.link.each(sql, values, "read the fingerprints", |row| {
            let fingerprint = row.array(2)?.map(codec::fingerprint).ok_or_else(|| StoreError::Strange {
                what: "an image that is searchable without a fingerprint",
                value: row.number(0).map(|id| id.to_string()).unwrap_or_default(),
            })?;
            entries.push((
                codec::image_id(row.number(0)?)?,
                codec::account_no(row.number(1)?)?,
                fingerprint,
                row.array(3)?.map(codec::fingerprint),
            ));
            Ok(())
        })?;
        Ok(entries)
    }

    /// Of these accounts, those that exist.
    fn accounts(&mut self, keys: &[AccountKey]) -> Result<Work, StoreError> {
        let summary =
            work::Summary { counts: StoreCounts::default(), last_account: 0, last_post: 0, last_image: 0 };
        let mut work = Work::new(self.rule, Timestamp(0), summary);
        load::accounts(&mut self.link, &mut work, &keys.iter().collect::<Vec<_>>())?;
        Ok(work)
    }

    /// The numbers of these posts, as far as they are stored.
    fn post_numbers(&mut self, keys: &[PostKey]) -> Result<HashMap<PostKey, i64>, StoreError> {
        let mut numbers = HashMap::new();
        for (network, natives) in load::by_network(keys.iter().map(|key| (key.network, key.native.as_str())))
        {
            let first = [Value::from(codec::network_no(network))];
            load::in_lists(&mut self.link, load::POSTS_BY_KEY, &first, &natives, "look up posts", |row| {
                numbers.insert(PostKey { network, native: row.string(1)? }, row.number(0)?);
                Ok(())
            })?;
        }
        Ok(numbers)
    }
}

/// Carries out one change, in memory; what it needs to look for itself is read after what came before
/// was written.
fn carry_out(link: &mut Link, work: &mut Work, change: &Change) -> Result<Outcome, StoreError> {
    match change {
        Change::Posts { account, posts } => work.store_posts(account, posts)?,
        Change::Cursor { account, end } => work.store_cursor(account, end)?,
        Change::CountUse { accounts } => work.count_use(accounts),
        Change::ForgetSearchCursors { accounts } => work.forget_search_cursors(accounts),
        Change::Import(page) => return Ok(Outcome::Imported { new: work.import(page)? }),
        Change::Complete(images) => {
            flush::flush(link, work)?;
            return Ok(Outcome::Completed(completing::complete(link, work, images)?));
        }
        Change::TakeAccounts { due, limit } => {
            flush::flush(link, work)?;
            return Ok(Outcome::Accounts(take_accounts(link, work, due, *limit)?));
        }
        Change::TakeRetries { limit } => {
            flush::flush(link, work)?;
            return Ok(Outcome::Retries(take_retries(link, work, *limit)?));
        }
    }
    Ok(Outcome::Done)
}

fn take_accounts(
    link: &mut Link,
    work: &mut Work,
    due: &AccountsDue,
    limit: u32,
) -> Result<Vec<(Account, AccountState)>, StoreError> {
    let step = "find accounts that are due";
    let now = Value::from(work.now.0);
    link.run(VISITED_IN_THE_FUTURE, &[now.clone(), now], "mend dates of the future")?;
    let (at_any_turn, by_turn) = match due.task {
        AccountTask::Update => (UPDATES_DUE, UPDATES_DUE_BY_TURN),
        AccountTask::ResetSearchCursor => (RESETS_DUE, RESETS_DUE_BY_TURN),
    };
    let last = [Value::from(due.before.0), i64::from(limit).into()];
    let mut found = Vec::new();
    match &due.turns {
        None => found.extend(link.rows(at_any_turn, &last, step)?),
        Some(turns) => {
            for range in turns {
                let mut values: Vec<Value> =
                    [*range.start(), *range.end()].map(|turn| i64::from(turn).into()).to_vec();
                values.extend_from_slice(&last);
                found.extend(link.rows(by_turn, &values, step)?);
            }
        }
    }
    let mut due_ones = Vec::new();
    for row in found {
        let key = codec::account_key(row.number(0)?, row.string(1)?)?;
        due_ones.push((row.number(2)?, row.number(3)?, key));
    }
    due_ones.sort_by_key(|(since, no, _)| (*since, *no));
    due_ones.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    load::accounts(link, work, &due_ones.iter().map(|(_, _, key)| key).collect::<Vec<_>>())?;
    let numbers: Vec<Value> = due_ones.iter().map(|(_, no, _)| Value::from(*no)).collect();
    let mut handles: HashMap<i64, String> = HashMap::new();
    load::in_lists(link, LATEST_HANDLES, &[], &numbers, "look up handles", |row| {
        handles.insert(row.number(0)?, row.string(1)?);
        Ok(())
    })?;
    let mut accounts = Vec::with_capacity(due_ones.len());
    for (_, no, key) in due_ones {
        if due.task == AccountTask::Update {
            work.mark_visited(&key);
        }
        let Some(found) = work.accounts.get(&key) else { continue };
        let posts = found.row.stated_posts.map(codec::size).transpose()?;
        let handle = handles.remove(&no).unwrap_or_default();
        accounts.push((Account { key, handle, posts }, found.row.state()));
    }
    Ok(accounts)
}

fn take_retries(link: &mut Link, work: &mut Work, limit: u32) -> Result<Vec<RetryPost>, StoreError> {
    let latest = work.now.plus(work.rule.pause);
    link.run(DUE_TOO_LATE, &[work.now.0.into(), latest.0.into()], "mend dates of the future")?;
    let values = [Value::from(work.now.0), i64::from(limit).into()];
    let mut due = Vec::new();
    for row in link.rows(RETRIES_DUE, &values, "find posts to be tried again")? {
        let account = codec::account_key(row.number(2)?, row.string(3)?)?;
        due.push((row.number(0)?, codec::moment(row.int(1)?), account));
    }
    let numbers: Vec<i64> = due.iter().map(|(no, _, _)| *no).collect();
    let keys = load::posts_by_no(link, work, &numbers)?;
    let mut retries = Vec::with_capacity(due.len());
    for (no, published, account) in due {
        let Some(key) = keys.get(&no) else { continue };
        let images = work.hand_out(key).into_iter().map(|(name, url)| ListedImage { name, url }).collect();
        retries.push(RetryPost { account, post: ListedPost { key: key.clone(), published, images } });
    }
    Ok(retries)
}

fn image_record(row: &link::Row) -> Result<ImageRecord, StoreError> {
    let network = row.number(1)?;
    let trimmed = row.array(10)?.map(codec::fingerprint);
    let detail = row.array(8)?.zip(row.bytes(9)?).map(|(phash256, thumbnail)| Detail {
        phash256: codec::phash256(phash256),
        thumbnail,
        trimmed,
    });
    Ok(ImageRecord {
        image: codec::image_id(row.number(0)?)?,
        post: codec::post_key(network, row.string(2)?)?,
        account: codec::account_key(network, row.string(3)?)?,
        position: codec::small(row.number(4)?)?,
        count: codec::small(row.number(5)?)?,
        name: row.string(6)?,
        published: codec::moment(row.int(7)?),
        detail,
    })
}
