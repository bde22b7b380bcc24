//! Reads what a commit is concerned with: accounts, handles and posts, many with one statement.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use super::rows::{AccountRow, HandleRow, Kept, PostRow, Retry};
use super::work::Work;
use crate::base::ids::{AccountKey, AccountNo, Network, PostKey};
use crate::domain::accounts::Account;
use crate::domain::forgotten::Mark;
use crate::store::changes::Change;
use crate::store::engine::connection::Connection;
use crate::store::engine::row::Row;
use crate::store::error::StoreError;
use crate::store::import::pages::Page;
use crate::store::merge_rules::Stored;
use crate::store::schema::Value;
use crate::store::{codec, statements};

/// Values in one `IN (...)`. Above a thousand, MariaDB makes a table of them.
const MOST_VALUES: usize = 512;

/// Runs a statement, with `@` for a list of values, in as many pieces as it takes. Lists are filled up
/// with their last value to one of a few lengths, so that few different statements are prepared.
pub fn in_lists(
    connection: &mut Connection,
    sql: &str,
    first: &[Value],
    values: &[Value],
    step: &'static str,
    mut take: impl FnMut(&Row<'_>) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    for chunk in values.chunks(MOST_VALUES) {
        let Some(last) = chunk.last() else { continue };
        let length = [1, 8, 64].into_iter().find(|length| *length >= chunk.len()).unwrap_or(MOST_VALUES);
        let mut all = first.to_vec();
        all.extend_from_slice(chunk);
        all.resize(first.len() + length, last.clone());
        let sql = sql.replace('@', &vec!["?"; length].join(", "));
        connection.each(&sql, &all, step, &mut take)?;
    }
    Ok(())
}

/// The natives of each network, each once.
pub fn by_network<'a>(keys: impl IntoIterator<Item = (Network, &'a str)>) -> Vec<(Network, Vec<Value>)> {
    let mut sorted: BTreeMap<Network, BTreeSet<&str>> = BTreeMap::new();
    for (network, native) in keys {
        sorted.entry(network).or_default().insert(native);
    }
    sorted
        .into_iter()
        .map(|(network, natives)| (network, natives.into_iter().map(Value::from).collect()))
        .collect()
}

/// What changes are about.
#[derive(Default)]
struct Concerned<'a> {
    accounts: Vec<&'a AccountKey>,
    handles: Vec<(Network, &'a str)>,
    posts: Vec<&'a PostKey>,
}

impl<'a> Concerned<'a> {
    fn account(&mut self, account: &'a Account) {
        self.accounts.push(&account.key);
        if !account.handle.is_empty() {
            self.handles.push((account.key.network, &account.handle));
        }
    }

    fn add(&mut self, change: &'a Change) {
        match change {
            Change::Posts { account, posts } => {
                self.account(account);
                self.posts.extend(posts.iter().map(|post| &post.key));
            }
            Change::Cursor { account, .. } => self.account(account),
            Change::CountUse { accounts } | Change::ForgetSearchCursors { accounts } => {
                self.accounts.extend(accounts);
            }
            Change::Import(Page::Posts(posts)) => {
                self.accounts.extend(posts.iter().map(|post| &post.account));
                self.posts.extend(posts.iter().map(|post| &post.key));
            }
            Change::Import(Page::Retries(retries)) => {
                self.posts.extend(retries.iter().map(|retry| &retry.post));
            }
            Change::Import(Page::Accounts(accounts)) => {
                self.accounts.extend(accounts.iter().map(|account| &account.key));
            }
            // These look for rows themselves.
            Change::TakeAccounts { .. }
            | Change::TakeRetries { .. }
            | Change::Complete(_)
            | Change::AddParts(_)
            | Change::KeepFurniture(_)
            | Change::KeepVerdicts(_)
            | Change::RemoveVerdict(_)
            | Change::KeepWatch(_)
            | Change::EndWatch(_)
            | Change::Forget { .. }
            | Change::Lift(_)
            | Change::RemovePosts(_)
            | Change::ForgetRemovedImages { .. } => {}
        }
    }
}

/// Reads everything that the changes are about.
pub fn concerned(connection: &mut Connection, work: &mut Work, changes: &[Change]) -> Result<(), StoreError> {
    let mut concerned = Concerned::default();
    changes.iter().for_each(|change| concerned.add(change));
    let marks = concerned.accounts.iter().map(|key| Mark::of_account(key));
    let marks = marks.chain(concerned.posts.iter().map(|key| Mark::of_post(key)));
    load_marks(connection, work, marks)?;
    accounts(connection, work, &concerned.accounts)?;
    handles(connection, work, &concerned.handles)?;
    for (network, natives) in by_network(concerned.posts.iter().map(|key| (key.network, key.native.as_str())))
    {
        let network_no = Value::from(codec::network_no(network));
        let mut found = Vec::new();
        in_lists(connection, statements::POSTS_BY_KEY, &[network_no], &natives, "look up posts", |row| {
            let key = PostKey { network, native: row.string(1)? };
            let account = codec::account_no(row.number(2)?)?;
            found.push((key, row.number(0)?, account, codec::small(row.number(3)?)?));
            Ok(())
        })?;
        posts(connection, work, found)?;
    }
    Ok(())
}

/// Which of these marks are in the database. Where there is none at all, as in most databases, that is found
/// out by one question.
fn load_marks(
    connection: &mut Connection,
    work: &mut Work,
    marks: impl Iterator<Item = Mark>,
) -> Result<(), StoreError> {
    let step = "look for marks";
    let mut is_any = false;
    connection.each(statements::ANY_MARK, &[], step, |_| {
        is_any = true;
        Ok(())
    })?;
    if !is_any {
        return Ok(());
    }
    let marks: HashSet<Mark> = marks.collect();
    let values: Vec<Value> = marks.iter().map(|mark| Value::from(mark.0.to_vec())).collect();
    in_lists(connection, statements::MARKS_AMONG, &[], &values, step, |row| {
        work.marks.extend(row.array(0)?.map(Mark));
        Ok(())
    })
}

/// Reads the accounts of these keys that the work does not know yet.
pub fn accounts(
    connection: &mut Connection,
    work: &mut Work,
    keys: &[&AccountKey],
) -> Result<(), StoreError> {
    let unknown = keys.iter().filter(|key| !work.accounts.contains_key(**key));
    for (network, natives) in by_network(unknown.map(|key| (key.network, key.native.as_str()))) {
        let network_no = Value::from(codec::network_no(network));
        in_lists(
            connection,
            statements::ACCOUNTS_BY_KEY,
            &[network_no],
            &natives,
            "look up accounts",
            |row| {
                let account = account_row(row)?;
                work.keys.insert(account.no, account.key.clone());
                work.accounts.insert(account.key.clone(), Kept::read(account));
                Ok(())
            },
        )?;
    }
    Ok(())
}

fn account_row(row: &Row<'_>) -> Result<AccountRow, StoreError> {
    Ok(AccountRow {
        no: codec::account_no(row.number(0)?)?,
        key: codec::account_key(row.number(1)?, row.string(2)?)?,
        known_since: row.number(3)?,
        stated_posts: row.int(4)?,
        search_cursor: row.int(5)?,
        search_listed_at: row.int(6)?,
        search_coverage: row.text(7)?,
        search_reset_at: row.int(8)?,
        timeline_cursor: row.text(9)?,
        timeline_listed_at: row.int(10)?,
        timeline_coverage: row.text(11)?,
        newest_seen: row.int(12)?,
        oldest_seen: row.int(13)?,
        posts_read: row.number(14)?,
        visited_at: row.number(15)?,
        last_used_at: row.int(16)?,
        uses: row.number(17)?,
        windows: row.text(18)?,
        stated_media: row.int(19)?,
        found_media: row.int(20)?,
    })
}

/// Reads who has, or had, these handles.
fn handles(
    connection: &mut Connection,
    work: &mut Work,
    handles: &[(Network, &str)],
) -> Result<(), StoreError> {
    let mut owners = BTreeSet::new();
    for (network, natives) in by_network(handles.iter().copied()) {
        let network_no = Value::from(codec::network_no(network));
        in_lists(connection, statements::HANDLES, &[network_no], &natives, "look up handles", |row| {
            let owner = codec::account_no(row.number(1)?)?;
            let handle = HandleRow { first_seen: row.number(2)?, last_seen: row.number(3)? };
            owners.insert(owner);
            let holders = work.handles.entry((network, row.string(0)?)).or_default();
            holders.insert(owner, Kept::read(handle));
            Ok(())
        })?;
    }
    let unknown: Vec<Value> = owners
        .into_iter()
        .filter(|owner| !work.keys.contains_key(owner))
        .map(|owner| Value::from(i64::from(owner.0)))
        .collect();
    in_lists(connection, statements::ACCOUNT_KEYS, &[], &unknown, "look up the owners of handles", |row| {
        let key = codec::account_key(row.number(1)?, row.string(2)?)?;
        work.keys.insert(codec::account_no(row.number(0)?)?, key);
        Ok(())
    })
}

/// Reads the posts of these numbers that the work does not know yet; the keys of all of them.
pub fn posts_by_no(
    connection: &mut Connection,
    work: &mut Work,
    numbers: &[i64],
) -> Result<HashMap<i64, PostKey>, StoreError> {
    let mut keys = HashMap::new();
    let mut found = Vec::new();
    let values: Vec<Value> = numbers.iter().copied().map(Value::from).collect();
    in_lists(connection, statements::POSTS_BY_NO, &[], &values, "look up posts", |row| {
        let (no, key) = (row.number(0)?, codec::post_key(row.number(1)?, row.string(2)?)?);
        keys.insert(no, key.clone());
        if !work.posts.contains_key(&key) {
            found.push((key, no, codec::account_no(row.number(3)?)?, codec::small(row.number(4)?)?));
        }
        Ok(())
    })?;
    posts(connection, work, found)?;
    Ok(keys)
}

/// Reads the images and retries of these posts: by key, their number, account and count of attachments.
fn posts(
    connection: &mut Connection,
    work: &mut Work,
    found: Vec<(PostKey, i64, AccountNo, u8)>,
) -> Result<(), StoreError> {
    let numbers: Vec<Value> = found.iter().map(|(_, no, _, _)| Value::from(*no)).collect();
    let mut images = images_of(connection, &numbers)?;
    let mut retries: HashMap<i64, Retry> = HashMap::new();
    in_lists(connection, statements::RETRIES_OF_POSTS, &[], &numbers, "look up retries", |row| {
        let attempts = u32::try_from(row.number(1)?).unwrap_or(u32::MAX);
        let (last_tried, next_due) = (row.number(2)?, row.int(3)?);
        retries.insert(row.number(0)?, Retry { attempts, last_tried, next_due, images: BTreeMap::new() });
        Ok(())
    })?;
    let retried: Vec<Value> = retries.keys().copied().map(Value::from).collect();
    in_lists(connection, statements::RETRY_IMAGES, &[], &retried, "look up failed images", |row| {
        if let Some(retry) = retries.get_mut(&row.number(0)?) {
            retry.images.insert(codec::small(row.number(1)?)?, (row.string(2)?, row.string(3)?));
        }
        Ok(())
    })?;
    for (key, no, account, image_count) in found {
        let images = images.remove(&no).unwrap_or_default();
        let retry = Kept::read(retries.remove(&no));
        work.posts.insert(key, PostRow { no, account, image_count, images, retry });
    }
    Ok(())
}

/// The images of these posts, in the order of their positions.
pub fn images_of(
    connection: &mut Connection,
    posts: &[Value],
) -> Result<HashMap<i64, Vec<Stored>>, StoreError> {
    let mut images: HashMap<i64, Vec<Stored>> = HashMap::new();
    in_lists(connection, statements::IMAGES_OF_POSTS, &[], posts, "look up the images of posts", |row| {
        images.entry(row.number(0)?).or_default().push(Stored {
            id: row.number(1)?,
            position: codec::small(row.number(2)?)?,
            name: row.string(3)?,
            fingerprint: row.array(4)?.map(codec::fingerprint),
        });
        Ok(())
    })?;
    Ok(images)
}
