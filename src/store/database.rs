//! A database of any engine, as the trait `Store` promises it. What a commit does is in `commit/`; here is
//! what is read back.

use std::collections::{HashMap, HashSet};

use super::backfill::BareImage;
use super::changes::{Change, CodesEntry, Committed, IndexEntry, PartsEntry, RetryRule, StoredPost};
use super::commit::apply::apply;
use super::commit::load;
use super::commit::verdicts;
use super::commit::watches;
use super::commit::work::Work;
use super::engine::address::Place;
use super::engine::connection::Connection;
use super::engine::row::Row;
use super::error::StoreError;
use super::extent::Extent;
use super::interface::Store;
use super::schema::Value;
use super::{codec, feed, migrate, remedy, statements};
use crate::base::ids::{AccountKey, AccountNo, ImageId, Network, PostKey};
use crate::base::{Fingerprint, Timestamp};
use crate::domain::accounts::{AccountRecord, AccountState, SeenHandle};
use crate::domain::forgotten::{Mark, SubjectKind, Tombstone};
use crate::domain::images::{Detail, StoreCounts};
use crate::domain::parts::{PARTS_VERSION, Parts};
use crate::domain::posts::{ImageRecord, ListedImage, ListedPost};
use crate::domain::verdicts::{Verdict, VerdictId};
use crate::domain::watches::{FeedEntry, Watch};
use crate::fingerprint::parts::first_codes;

/// An account's newest images among which one with features is looked for.
const SAMPLED_IMAGES: i64 = 32;

/// An open database, with the newest schema.
pub struct Database {
    pub(super) connection: Connection,
    pub(super) rule: RetryRule,
    pub(super) place: Place,
}

impl Store for Database {
    fn apply(&mut self, changes: &[Change], now: Timestamp) -> Result<Committed, StoreError> {
        self.connection.check_standing()?;
        let committed = apply(&mut self.connection, self.rule, changes, now)?;
        // Meanwhile it may have gone. The changes can be carried out again: they are there, or they are not.
        self.connection.check_standing()?;
        Ok(committed)
    }

    fn check_standing(&mut self) -> Result<(), StoreError> {
        self.connection.check_standing()?;
        match &self.place {
            Place::File(_) => migrate::find_schema(&self.place),
            // Every statement of a server's connection asks the server.
            Place::Server(_) => Ok(()),
        }
    }

    fn explain(&self, error: StoreError) -> StoreError {
        remedy::explain(&self.place, error)
    }

    fn account_states(&mut self, keys: &[AccountKey]) -> Result<Vec<AccountState>, StoreError> {
        let found = self.accounts(keys)?;
        let state = |key: &AccountKey| match found.accounts.get(key) {
            Some(account) => account.row.state(),
            None => Ok(AccountState::unknown(key.clone())),
        };
        keys.iter().map(state).collect()
    }

    fn account_record(&mut self, key: &AccountKey) -> Result<Option<AccountRecord>, StoreError> {
        let found = self.accounts(std::slice::from_ref(key))?;
        let Some(account) = found.accounts.get(key) else { return Ok(None) };
        let (no, step) = ([i64::from(account.row.no.0).into()], "read an account's handles");
        let handles = self.connection.list(statements::HANDLES_OF_ACCOUNT, &no, step, |row| {
            Ok(SeenHandle {
                handle: row.string(0)?,
                first_seen: Timestamp(row.number(1)?),
                last_seen: Timestamp(row.number(2)?),
            })
        })?;
        account.row.record(handles).map(Some)
    }

    fn accounts_called(&mut self, network: Network, handle: &str) -> Result<Vec<AccountKey>, StoreError> {
        let asked = [codec::network_no(network).into(), handle.into()];
        self.connection.list(statements::OWNERS_OF_HANDLE, &asked, "look up a handle", |row| {
            codec::account_key(row.number(0)?, row.string(1)?)
        })
    }

    fn account_numbers(&mut self, keys: &[AccountKey]) -> Result<Vec<(AccountKey, AccountNo)>, StoreError> {
        let found = self.accounts(keys)?;
        let number = |key: &AccountKey| Some((key.clone(), found.accounts.get(key)?.row.no));
        Ok(keys.iter().filter_map(number).collect())
    }

    fn images(&mut self, ids: &[ImageId]) -> Result<Vec<ImageRecord>, StoreError> {
        let values: Vec<Value> = ids.iter().map(|id| codec::image_no(*id).into()).collect();
        let mut found: HashMap<ImageId, ImageRecord> = HashMap::new();
        load::in_lists(
            &mut self.connection,
            statements::IMAGE_RECORDS,
            &[],
            &values,
            "look up images",
            |row| {
                let record = image_record(row)?;
                found.insert(record.image, record);
                Ok(())
            },
        )?;
        Ok(ids.iter().filter_map(|id| found.get(id).cloned()).collect())
    }

    fn post_authors(&mut self, posts: &[PostKey]) -> Result<Vec<(PostKey, AccountKey)>, StoreError> {
        let mut stored: HashMap<PostKey, i64> = HashMap::new();
        let step = "look up the authors of posts";
        let named = posts.iter().map(|post| (post.network, post.native.as_str()));
        for (network, natives) in load::by_network(named) {
            let network_no = Value::from(codec::network_no(network));
            let sql = statements::POSTS_BY_KEY;
            load::in_lists(&mut self.connection, sql, &[network_no], &natives, step, |row| {
                stored.insert(PostKey { network, native: row.string(1)? }, row.number(2)?);
                Ok(())
            })?;
        }
        let numbers: Vec<Value> = stored.values().copied().map(Value::from).collect();
        let mut authors: HashMap<i64, AccountKey> = HashMap::new();
        load::in_lists(&mut self.connection, statements::ACCOUNT_KEYS, &[], &numbers, step, |row| {
            authors.insert(row.number(0)?, codec::account_key(row.number(1)?, row.string(2)?)?);
            Ok(())
        })?;
        let author = |post: &PostKey| Some((post.clone(), authors.get(stored.get(post)?)?.clone()));
        Ok(posts.iter().filter_map(author).collect())
    }

    fn missing(&mut self, posts: &[ListedPost]) -> Result<Vec<ListedPost>, StoreError> {
        let keys: Vec<PostKey> = posts.iter().map(|post| post.key.clone()).collect();
        let numbers = self.post_numbers(&keys)?;
        let values: Vec<Value> = numbers.values().copied().map(Value::from).collect();
        let mut retried: HashMap<i64, Vec<String>> = HashMap::new();
        load::in_lists(
            &mut self.connection,
            statements::FAILED_IMAGES,
            &[],
            &values,
            "look up failed images",
            |row| {
                retried.entry(row.number(0)?).or_default().push(row.string(1)?);
                Ok(())
            },
        )?;
        let unknown = self.images_unknown(posts, &numbers, &values)?;
        let still_missing = |post: &ListedPost| {
            let Some(no) = numbers.get(&post.key) else { return Some(post.clone()) };
            let is_wanted = |image: &&ListedImage| {
                let failed = retried.get(no).is_some_and(|failed| failed.contains(&image.name));
                failed || unknown.contains(&(*no, image.position))
            };
            let images: Vec<ListedImage> = post.images.iter().filter(is_wanted).cloned().collect();
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
        let images = load::images_of(&mut self.connection, &values)?;
        let prints = |key: &PostKey| {
            let no = numbers.get(key)?;
            let images = images.get(no).map(Vec::as_slice).unwrap_or_default();
            Some(images.iter().map(|image| image.fingerprint).collect())
        };
        Ok(posts.iter().map(prints).collect())
    }

    fn fingerprints_after(&mut self, after: ImageId, limit: u32) -> Result<Vec<IndexEntry>, StoreError> {
        self.index_entries(
            statements::FINGERPRINTS_AFTER,
            &[codec::image_no(after).into(), i64::from(limit).into()],
        )
    }

    fn fingerprints_of_account(
        &mut self,
        account: AccountNo,
        after: ImageId,
        limit: u32,
    ) -> Result<Vec<IndexEntry>, StoreError> {
        let values = [i64::from(account.0).into(), codec::image_no(after).into(), i64::from(limit).into()];
        self.index_entries(statements::FINGERPRINTS_OF_ACCOUNT, &values)
    }

    fn parts_of_account(
        &mut self,
        account: AccountNo,
        after: ImageId,
        limit: u32,
    ) -> Result<Vec<PartsEntry>, StoreError> {
        let values = [i64::from(account.0).into(), codec::image_no(after).into(), i64::from(limit).into()];
        self.connection.list(statements::PARTS_OF_ACCOUNT, &values, "read an account's features", |row| {
            let fingerprint = searchable_fingerprint(row, 1)?;
            let trimmed = row.array(2)?.map(codec::fingerprint);
            Ok((codec::image_id(row.number(0)?)?, fingerprint, trimmed, parts_in(row, 3)?))
        })
    }

    fn parts(&mut self, ids: &[ImageId]) -> Result<Vec<(ImageId, Parts)>, StoreError> {
        let values: Vec<Value> = ids.iter().map(|id| codec::image_no(*id).into()).collect();
        let mut found: HashMap<ImageId, Parts> = HashMap::new();
        let (sql, step) = (statements::PARTS_OF_IMAGES, "look up the features of images");
        load::in_lists(&mut self.connection, sql, &[], &values, step, |row| {
            if let Some(parts) = parts_in(row, 1)? {
                found.insert(codec::image_id(row.number(0)?)?, parts);
            }
            Ok(())
        })?;
        Ok(ids.iter().filter_map(|id| Some((*id, found.get(id)?.clone()))).collect())
    }

    fn codes_after(&mut self, after: ImageId, limit: u32) -> Result<Vec<CodesEntry>, StoreError> {
        let values = [codec::image_no(after).into(), i64::from(limit).into()];
        self.connection.list(statements::PARTS_AFTER, &values, "read the features", |row| {
            let parts = if row.number(2)? == 1 { parts_in(row, 3)? } else { None };
            let codes = parts.map_or_else(Vec::new, |parts| first_codes(&parts.0));
            Ok((codec::image_id(row.number(0)?)?, codec::account_no(row.number(1)?)?, codes))
        })
    }

    fn parts_sample(
        &mut self,
        after: AccountNo,
        limit: u32,
    ) -> Result<Vec<(AccountNo, Option<Parts>)>, StoreError> {
        let (step, values) = ("sample the features", [i64::from(after.0).into(), i64::from(limit).into()]);
        let accounts = self
            .connection
            .list(statements::ACCOUNTS_AFTER, &values, step, |row| codec::account_no(row.number(0)?))?;
        let mut images = Vec::with_capacity(accounts.len());
        for account in &accounts {
            let values = [i64::from(account.0).into(), SAMPLED_IMAGES.into()];
            let newest = self.connection.list(statements::NEWEST_IMAGES, &values, step, |row| row.int(1))?;
            images.push(newest.into_iter().flatten().next().map(codec::image_id).transpose()?);
        }
        let known: Vec<ImageId> = images.iter().flatten().copied().collect();
        let mut parts: HashMap<ImageId, Parts> = self.parts(&known)?.into_iter().collect();
        let sample = accounts.into_iter().zip(images);
        Ok(sample.map(|(account, image)| (account, image.and_then(|image| parts.remove(&image)))).collect())
    }

    fn furniture(&mut self) -> Result<Option<(Timestamp, Vec<u8>)>, StoreError> {
        let found = self.connection.list(statements::FURNITURE, &[], "read the common features", |row| {
            Ok((Timestamp(row.number(0)?), row.bytes(1)?.unwrap_or_default().to_vec()))
        })?;
        Ok(found.into_iter().next())
    }

    fn stored_posts(
        &mut self,
        account: AccountNo,
        after: ImageId,
        limit: u32,
    ) -> Result<Vec<StoredPost>, StoreError> {
        let values = [i64::from(account.0).into(), codec::image_no(after).into(), i64::from(limit).into()];
        self.connection.list(statements::STORED_POSTS, &values, "list the posts of an account", |row| {
            let published = row.int(2)?.map(Timestamp);
            Ok((codec::image_id(row.number(0)?)?, row.string(1)?, published))
        })
    }

    fn bare_images(&mut self, after: ImageId, limit: u32) -> Result<Vec<BareImage>, StoreError> {
        let values = [codec::image_no(after).into(), i64::from(limit).into()];
        self.connection.list(statements::BARE_IMAGES, &values, "look for images without detail", bare_image)
    }

    fn images_without_parts(&mut self, after: ImageId, limit: u32) -> Result<Vec<BareImage>, StoreError> {
        let values = [codec::image_no(after).into(), vec![PARTS_VERSION].into(), i64::from(limit).into()];
        let step = "look for images without features";
        self.connection.list(statements::IMAGES_WITHOUT_PARTS, &values, step, bare_image)
    }

    fn verdicts(&mut self, pages: &[String], accounts: &[AccountKey]) -> Result<Vec<Verdict>, StoreError> {
        verdicts::holding(&mut self.connection, pages, accounts)
    }

    fn verdicts_before(
        &mut self,
        before: (Timestamp, VerdictId),
        limit: u32,
    ) -> Result<Vec<(Verdict, bool)>, StoreError> {
        verdicts::before(&mut self.connection, before, limit)
    }

    fn images_of_posts(&mut self, posts: &[PostKey]) -> Result<Vec<(PostKey, u8, IndexEntry)>, StoreError> {
        let mut found = Vec::new();
        let step = "look up the images of posts";
        for (network, natives) in load::by_network(posts.iter().map(|key| (key.network, key.native.as_str())))
        {
            let first = [Value::from(codec::network_no(network))];
            let sql = statements::IMAGES_OF_KEYED_POSTS;
            load::in_lists(&mut self.connection, sql, &first, &natives, step, |row| {
                let Some(fingerprint) = row.array(4)?.map(codec::fingerprint) else { return Ok(()) };
                let trimmed = row.array(5)?.map(codec::fingerprint);
                let (image, account) = (codec::image_id(row.number(2)?)?, codec::account_no(row.number(3)?)?);
                let post = PostKey { network, native: row.string(0)? };
                found.push((post, codec::small(row.number(1)?)?, (image, account, fingerprint, trimmed)));
                Ok(())
            })?;
        }
        Ok(found)
    }

    fn watches(&mut self) -> Result<Vec<Watch>, StoreError> {
        watches::all(&mut self.connection)
    }

    fn feed(&mut self, accounts: &[AccountKey]) -> Result<Vec<FeedEntry>, StoreError> {
        let numbers = self.account_numbers(accounts)?;
        feed::entries(&mut self.connection, &numbers)
    }

    fn last_image(&mut self) -> Result<ImageId, StoreError> {
        codec::image_id(Extent::read(&mut self.connection)?.last_image)
    }

    fn tombstones(&mut self, after: Option<Mark>, limit: u32) -> Result<Vec<Tombstone>, StoreError> {
        // No mark is less than all zeros, and none is that.
        let after = after.unwrap_or(Mark([0; 32])).0.to_vec();
        let asked = [after.into(), i64::from(limit).into()];
        self.connection.list(statements::TOMBSTONES_AFTER, &asked, "list the marks", |row| {
            let mark = row.array(0)?.map(Mark).ok_or_else(|| StoreError::Strange {
                what: "a tombstone without a mark",
                value: String::new(),
            })?;
            let kind = match row.number(1)? {
                1 => SubjectKind::Account,
                _ => SubjectKind::Post,
            };
            let (network, at) = (codec::network_of(row.number(2)?)?, Timestamp(row.number(3)?));
            Ok(Tombstone { mark, kind, network, at, note: row.string(4)? })
        })
    }

    fn marks(&mut self) -> Result<Vec<Mark>, StoreError> {
        let found = self.connection.list(statements::ALL_MARKS, &[], "read the marks", |row| row.array(0))?;
        Ok(found.into_iter().flatten().map(Mark).collect())
    }

    fn removals_left(&mut self) -> Result<Vec<AccountKey>, StoreError> {
        self.connection.list(statements::REMOVALS_LEFT, &[], "look for unfinished removals", |row| {
            codec::account_key(row.number(0)?, row.string(1)?)
        })
    }

    fn removed_images(&mut self, limit: u32) -> Result<Vec<ImageId>, StoreError> {
        let limit = [i64::from(limit).into()];
        self.connection.list(statements::REMOVED_IMAGES, &limit, "look for removed images", |row| {
            codec::image_id(row.number(0)?)
        })
    }

    fn counts(&mut self) -> Result<StoreCounts, StoreError> {
        Ok(Extent::read(&mut self.connection)?.counts())
    }

    fn wrong_lengths(&mut self) -> Result<u64, StoreError> {
        let step = "count wrong lengths";
        let found = self.connection.list(statements::WRONG_LENGTHS, &[], step, |row| row.number(0))?;
        codec::size(found.first().copied().unwrap_or(0))
    }

    fn identity(&mut self) -> Result<String, StoreError> {
        let step = "read the database's identity";
        let found = self.connection.list(statements::IDENTITY, &[], step, |row| row.string(0))?;
        found.into_iter().next().ok_or_else(|| StoreError::Strange {
            what: "no identity",
            value: "the table `summary` is empty".to_owned(),
        })
    }
}

impl Database {
    fn index_entries(&mut self, sql: &str, values: &[Value]) -> Result<Vec<IndexEntry>, StoreError> {
        self.connection.list(sql, values, "read the fingerprints", |row| {
            Ok((
                codec::image_id(row.number(0)?)?,
                codec::account_no(row.number(1)?)?,
                searchable_fingerprint(row, 2)?,
                row.array(3)?.map(codec::fingerprint),
            ))
        })
    }

    /// Of these accounts, those that exist.
    fn accounts(&mut self, keys: &[AccountKey]) -> Result<Work, StoreError> {
        let mut work = Work::new(self.rule, Timestamp(0), Extent::default());
        load::accounts(&mut self.connection, &mut work, &keys.iter().collect::<Vec<_>>())?;
        Ok(work)
    }

    /// Positions of listed images that stored posts lack altogether, since their network did not give them
    /// before: by the post's number. `values` are the numbers of all that are stored.
    fn images_unknown(
        &mut self,
        posts: &[ListedPost],
        numbers: &HashMap<PostKey, i64>,
        values: &[Value],
    ) -> Result<HashSet<(i64, u8)>, StoreError> {
        let mut counts: HashMap<i64, i64> = HashMap::new();
        let statement = statements::COUNTS_OF_IMAGES;
        load::in_lists(&mut self.connection, statement, &[], values, "count the images of posts", |row| {
            counts.insert(row.number(0)?, row.number(1)?);
            Ok(())
        })?;
        let numbered = |post: &'_ ListedPost| numbers.get(&post.key).copied();
        let has_more = |post: &&ListedPost| {
            let stored = numbered(post).map(|no| counts.get(&no).copied().unwrap_or(0));
            stored.is_some_and(|stored| i64::try_from(post.images.len()).is_ok_and(|listed| listed > stored))
        };
        let grown: Vec<&ListedPost> = posts.iter().filter(has_more).collect();
        let asked: Vec<Value> = grown.iter().filter_map(|post| numbered(post)).map(Value::from).collect();
        let stored = load::images_of(&mut self.connection, &asked)?;
        let mut unknown = HashSet::new();
        for post in grown {
            let Some(no) = numbered(post) else { continue };
            let known = stored.get(&no).map(Vec::as_slice).unwrap_or_default();
            let lacks = |image: &&ListedImage| {
                known.iter().all(|old| old.name != image.name && old.position != image.position)
            };
            unknown.extend(post.images.iter().filter(lacks).map(|image| (no, image.position)));
        }
        Ok(unknown)
    }

    /// The numbers of these posts, as far as they are stored.
    fn post_numbers(&mut self, keys: &[PostKey]) -> Result<HashMap<PostKey, i64>, StoreError> {
        let mut numbers = HashMap::new();
        for (network, natives) in load::by_network(keys.iter().map(|key| (key.network, key.native.as_str())))
        {
            let first = [Value::from(codec::network_no(network))];
            load::in_lists(
                &mut self.connection,
                statements::POSTS_BY_KEY,
                &first,
                &natives,
                "look up posts",
                |row| {
                    numbers.insert(PostKey { network, native: row.string(1)? }, row.number(0)?);
                    Ok(())
                },
            )?;
        }
        Ok(numbers)
    }
}

/// The fingerprint in this column, of an image whose number is in the first.
fn searchable_fingerprint(row: &Row<'_>, column: usize) -> Result<Fingerprint, StoreError> {
    row.array(column)?.map(codec::fingerprint).ok_or_else(|| StoreError::Strange {
        what: "an image that is searchable without a fingerprint",
        value: row.number(0).map(|id| id.to_string()).unwrap_or_default(),
    })
}

fn bare_image(row: &Row<'_>) -> Result<BareImage, StoreError> {
    Ok(BareImage {
        image: codec::image_id(row.number(0)?)?,
        account: codec::account_key(row.number(1)?, row.string(2)?)?,
        name: row.string(3)?,
    })
}

/// The features in this column. What cannot be any, by its length, is none.
fn parts_in(row: &Row<'_>, column: usize) -> Result<Option<Parts>, StoreError> {
    let fits = |bytes: &&[u8]| Parts::can_have(bytes.len());
    Ok(row.bytes(column)?.filter(fits).map(|bytes| Parts(bytes.to_vec())))
}

fn image_record(row: &Row<'_>) -> Result<ImageRecord, StoreError> {
    let network = row.number(1)?;
    let trimmed = row.array(10)?.map(codec::fingerprint);
    let detail = row.array(8)?.zip(row.bytes(9)?).map(|(phash256, thumbnail)| Detail {
        phash256: codec::phash256(phash256),
        thumbnail: thumbnail.to_vec(),
        trimmed,
    });
    Ok(ImageRecord {
        image: codec::image_id(row.number(0)?)?,
        post: codec::post_key(network, row.string(2)?)?,
        account: codec::account_key(network, row.string(3)?)?,
        handle: row.text(11)?,
        position: codec::small(row.number(4)?)?,
        count: codec::small(row.number(5)?)?,
        name: row.string(6)?,
        published: codec::moment(row.int(7)?),
        detail,
    })
}
