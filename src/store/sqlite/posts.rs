//! Posts and their images: stored once, filled in where a fingerprint was missing, and read back.

use rusqlite::{Connection, OptionalExtension, params};

use super::connection::Step;
use super::sql;
use super::writing::Writing;
use crate::base::ids::{AccountNo, ImageId, PostKey};
use crate::base::{Fingerprint, Timestamp};
use crate::domain::images::{Detail, ImageFacts};
use crate::domain::posts::{ImageRecord, ImageState, IndexedImage, IndexedPost, ListedPost};
use crate::store::merge_rules::{MOST_IMAGES, Stored, THUMBNAIL_BYTES, pair_up};
use crate::store::{IndexEntry, StoreError, codec};

/// The place of an image.
#[derive(Clone, Copy)]
pub struct Slot {
    pub post: i64,
    pub account: AccountNo,
    /// 1-based.
    pub position: u8,
}

/// What is known of an image's pixels: all of it when we have seen them, the fingerprint alone when
/// somebody else has.
#[derive(Clone, Copy)]
pub struct Print<'a> {
    pub fingerprint: Fingerprint,
    pub solid_ground: bool,
    pub size: Option<(u32, u32)>,
    pub detail: Option<&'a Detail>,
}

impl<'a> From<&'a ImageFacts> for Print<'a> {
    fn from(facts: &'a ImageFacts) -> Print<'a> {
        Print {
            fingerprint: facts.fingerprint,
            solid_ground: facts.solid_ground,
            size: Some((facts.width, facts.height)),
            detail: Some(&facts.detail),
        }
    }
}

impl Writing<'_> {
    pub(super) fn store_post(&mut self, account: AccountNo, post: &IndexedPost) -> Result<(), StoreError> {
        match find_post(self.connection, &post.key)? {
            Some((no, owner)) => self.fill_in(no, owner, post),
            None => self.insert_post(account, post),
        }
    }

    fn insert_post(&mut self, account: AccountNo, post: &IndexedPost) -> Result<(), StoreError> {
        let images = post.images.get(..MOST_IMAGES).unwrap_or(&post.images);
        let no = self.insert_post_row(account, &post.key, post.published, images.len())?;
        let mut failed = Vec::new();
        for (position, image) in (1..=u8::MAX).zip(images) {
            let slot = Slot { post: no, account, position };
            match &image.state {
                ImageState::Fingerprinted(facts) => {
                    self.insert_image(slot, &image.name, Some(facts.into()))?
                }
                ImageState::Lost => self.insert_image(slot, &image.name, None)?,
                ImageState::Failed { url, why } => {
                    self.insert_image(slot, &image.name, None)?;
                    failed.push((position, url.as_str(), why.as_str()));
                }
            }
        }
        self.start_retries(no, &failed)
    }

    /// Writes a post without its images, of which `image_count` are to follow; its number.
    pub(super) fn insert_post_row(
        &mut self,
        account: AccountNo,
        key: &PostKey,
        published: Option<Timestamp>,
        image_count: usize,
    ) -> Result<i64, StoreError> {
        let row = params![
            codec::network_no(key.network),
            key.native,
            account.0,
            published.map(|date| date.0),
            self.now.0,
            u8::try_from(image_count).expect("no more than MOST_IMAGES"),
        ];
        self.run(sql::INSERT_POST, row, "store a post")?;
        self.counts.posts += 1;
        self.counts.images += u64::try_from(image_count).expect("a small number");
        Ok(self.connection.last_insert_rowid())
    }

    /// The post is stored: fills in the fingerprints it lacks. What is known of an image only ever
    /// grows from failed to lost to fingerprinted, so the order of repeated reports does not matter.
    fn fill_in(&mut self, no: i64, account: AccountNo, post: &IndexedPost) -> Result<(), StoreError> {
        let stored = stored_images(self.connection, no)?;
        if stored.iter().all(|image| image.fingerprint.is_some()) {
            return Ok(());
        }
        let places = pair_up(&stored, post.images.iter().map(|image| image.name.as_str()));
        for (place, IndexedImage { state, .. }) in places.into_iter().zip(&post.images) {
            let Some(image) = place.and_then(|place| stored.get(place)) else { continue };
            match state {
                ImageState::Fingerprinted(facts) => {
                    let slot = Slot { post: no, account, position: image.position };
                    self.fill_blank(slot, image, facts.into())?;
                }
                ImageState::Lost => self.end_retry(no, image.position)?,
                ImageState::Failed { url, why } => self.renew_retry(no, image.position, url, why)?,
            }
        }
        self.close_retries(no)
    }

    /// Gives a stored image its fingerprint, and with it a new number.
    pub(super) fn fill_blank(
        &mut self,
        slot: Slot,
        old: &Stored,
        print: Print<'_>,
    ) -> Result<(), StoreError> {
        self.run(sql::DELETE_IMAGE, [old.id], "replace an image")?;
        self.insert_image(slot, &old.name, Some(print))?;
        self.end_retry(slot.post, slot.position)
    }

    /// Writes one image; `None` where it has no fingerprint.
    pub(super) fn insert_image(
        &mut self,
        slot: Slot,
        name: &str,
        print: Option<Print<'_>>,
    ) -> Result<(), StoreError> {
        let step = "store an image";
        let size = print.and_then(|print| print.size);
        let detail = print.and_then(|print| print.detail);
        let row = params![
            slot.post,
            slot.account.0,
            slot.position,
            name,
            size.map(|(width, _)| width),
            size.map(|(_, height)| height),
            print.map(|print| codec::fingerprint_bytes(print.fingerprint)),
            print.map(|print| print.solid_ground),
            detail.and_then(|detail| detail.trimmed).map(codec::fingerprint_bytes),
        ];
        self.run(sql::INSERT_IMAGE, row, step)?;
        let Some(print) = print else { return Ok(()) };
        let id = self.connection.last_insert_rowid();
        // A thumbnail of another size comes from a worker that is not ours to believe; the image is
        // found without it.
        if let Some(detail) = detail.filter(|detail| detail.thumbnail.len() == THUMBNAIL_BYTES) {
            let phash256 = codec::phash256_bytes(detail.phash256);
            self.run(sql::INSERT_DETAIL, params![id, phash256, detail.thumbnail], step)?;
        }
        if print.solid_ground {
            let trimmed = detail.and_then(|detail| detail.trimmed);
            self.entries.push((codec::image_id(id)?, slot.account, print.fingerprint, trimmed));
        }
        Ok(())
    }
}

/// A stored post's number, and that of its account.
pub fn find_post(connection: &Connection, key: &PostKey) -> Result<Option<(i64, AccountNo)>, StoreError> {
    let found: Option<(i64, i64)> = connection
        .prepare_cached(sql::FIND_POST)
        .and_then(|mut statement| {
            statement
                .query_row(params![codec::network_no(key.network), key.native], |row| {
                    Ok((row.get(0)?, row.get(1)?))
                })
                .optional()
        })
        .step("look up a post")?;
    found.map(|(no, owner)| Ok((no, codec::account_no(owner)?))).transpose()
}

/// The images of a stored post, in the order of their positions.
pub fn stored_images(connection: &Connection, post: i64) -> Result<Vec<Stored>, StoreError> {
    connection
        .prepare_cached(sql::IMAGES_OF_POST)
        .and_then(|mut statement| {
            statement
                .query_map([post], |row| {
                    let (id, position, name) = (row.get(0)?, row.get(1)?, row.get(2)?);
                    let bytes: Option<[u8; 8]> = row.get(3)?;
                    Ok(Stored { id, position, name, fingerprint: bytes.map(codec::fingerprint) })
                })?
                .collect()
        })
        .step("look up a post's images")
}

/// See `Store::images`.
pub fn images(connection: &Connection, ids: &[ImageId]) -> Result<Vec<ImageRecord>, StoreError> {
    let step = "look up an image";
    let mut statement = connection.prepare_cached(sql::IMAGE_RECORD).step(step)?;
    let mut records = Vec::with_capacity(ids.len());
    for id in ids {
        let found = statement
            .query_row([codec::image_no(*id)], |row| {
                let network: i64 = row.get(0)?;
                let post: String = row.get(1)?;
                let account: String = row.get(2)?;
                let position: i64 = row.get(3)?;
                let count: i64 = row.get(4)?;
                let phash256: Option<[u8; 32]> = row.get(7)?;
                let thumbnail: Option<Vec<u8>> = row.get(8)?;
                let trimmed: Option<[u8; 8]> = row.get(9)?;
                let detail = phash256.zip(thumbnail).map(|(phash256, thumbnail)| Detail {
                    phash256: codec::phash256(phash256),
                    thumbnail,
                    trimmed: trimmed.map(codec::fingerprint),
                });
                Ok((network, post, account, position, count, row.get(5)?, row.get(6)?, detail))
            })
            .optional()
            .step(step)?;
        let Some((network, post, account, position, count, name, published, detail)) = found else {
            continue;
        };
        records.push(ImageRecord {
            image: *id,
            post: codec::post_key(network, post)?,
            account: codec::account_key(network, account)?,
            position: codec::small(position)?,
            count: codec::small(count)?,
            name,
            published: codec::moment(published),
            detail,
        });
    }
    Ok(records)
}

/// See `Store::missing`.
pub fn missing(connection: &Connection, posts: &[ListedPost]) -> Result<Vec<ListedPost>, StoreError> {
    let step = "look up posts";
    let mut find_retry = connection.prepare_cached(sql::FIND_RETRY).step(step)?;
    let mut failed_images = connection.prepare_cached(sql::RETRY_IMAGES).step(step)?;
    let mut missing = Vec::new();
    for post in posts {
        let Some((no, _)) = find_post(connection, &post.key)? else {
            missing.push(post.clone());
            continue;
        };
        let next_due: Option<Option<i64>> =
            find_retry.query_row([no], |row| row.get(0)).optional().step(step)?;
        if let Some(Some(_)) = next_due {
            let failed: Vec<String> =
                failed_images.query_map([no], |row| row.get(0)).and_then(Iterator::collect).step(step)?;
            let images: Vec<_> =
                post.images.iter().filter(|image| failed.contains(&image.name)).cloned().collect();
            if !images.is_empty() {
                missing.push(ListedPost { images, ..post.clone() });
            }
        }
    }
    Ok(missing)
}

/// See `Store::fingerprints_after`.
pub fn fingerprints_after(
    connection: &Connection,
    after: ImageId,
    limit: u32,
) -> Result<Vec<IndexEntry>, StoreError> {
    index_entries(connection, sql::FINGERPRINTS_AFTER, params![codec::image_no(after), limit])
}

/// See `Store::fingerprints_of_account`.
pub fn fingerprints_of_account(
    connection: &Connection,
    account: AccountNo,
    after: ImageId,
    limit: u32,
) -> Result<Vec<IndexEntry>, StoreError> {
    let parameters = params![account.0, codec::image_no(after), limit];
    index_entries(connection, sql::FINGERPRINTS_OF_ACCOUNT, parameters)
}

fn index_entries(
    connection: &Connection,
    sql: &str,
    parameters: impl rusqlite::Params,
) -> Result<Vec<IndexEntry>, StoreError> {
    let step = "read the fingerprints";
    let mut statement = connection.prepare_cached(sql).step(step)?;
    let mut rows = statement.query(parameters).step(step)?;
    let mut entries = Vec::new();
    while let Some(row) = rows.next().step(step)? {
        let (id, account, bytes) = (row.get(0).step(step)?, row.get(1).step(step)?, row.get(2).step(step)?);
        let trimmed: Option<[u8; 8]> = row.get(3).step(step)?;
        entries.push((
            codec::image_id(id)?,
            codec::account_no(account)?,
            codec::fingerprint(bytes),
            trimmed.map(codec::fingerprint),
        ));
    }
    Ok(entries)
}

/// See `Store::fingerprints_of`.
pub fn fingerprints_of(
    connection: &Connection,
    posts: &[PostKey],
) -> Result<Vec<Option<Vec<Option<Fingerprint>>>>, StoreError> {
    let mut found = Vec::with_capacity(posts.len());
    for key in posts {
        let Some((no, _)) = find_post(connection, key)? else {
            found.push(None);
            continue;
        };
        let images = stored_images(connection, no)?;
        found.push(Some(images.into_iter().map(|image| image.fingerprint).collect()));
    }
    Ok(found)
}
