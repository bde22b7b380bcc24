//! Posts and their images: stored once, filled in where a fingerprint was missing, and read back.

use rusqlite::{Connection, OptionalExtension, Params, params};

use super::connection::Step;
use super::writing::Writing;
use super::{rows, sql};
use crate::base::ids::{AccountNo, ImageId};
use crate::proto::data::{ImageFacts, ImageRecord, ImageState, IndexedImage, IndexedPost, ListedPost};
use crate::store::{IndexEntry, StoreError};

/// More images than a post of any network has; what lies beyond would not fit a position.
const MOST_IMAGES: usize = u8::MAX as usize;

/// The place of an image.
#[derive(Clone, Copy)]
struct Slot {
    post: i64,
    account: AccountNo,
    /// 1-based.
    position: u8,
}

/// An image of a stored post.
struct Stored {
    id: i64,
    position: u8,
    name: String,
    /// Has no fingerprint.
    blank: bool,
}

impl Writing<'_> {
    /// Runs a statement that returns no rows.
    pub(super) fn run(
        &self,
        statement: &str,
        row: impl Params,
        step: &'static str,
    ) -> Result<(), StoreError> {
        self.connection
            .prepare_cached(statement)
            .and_then(|mut statement| statement.execute(row))
            .map(|_| ())
            .step(step)
    }

    pub(super) fn store_post(&mut self, account: AccountNo, post: &IndexedPost) -> Result<(), StoreError> {
        let found: Option<(i64, i64)> = self
            .connection
            .prepare_cached(sql::FIND_POST)
            .and_then(|mut statement| {
                statement
                    .query_row(params![rows::network_no(post.key.network), post.key.native], |row| {
                        Ok((row.get(0)?, row.get(1)?))
                    })
                    .optional()
            })
            .step("look up a post")?;
        match found {
            Some((no, owner)) => self.fill_in(no, rows::account_no(owner)?, post),
            None => self.insert_post(account, post),
        }
    }

    fn insert_post(&mut self, account: AccountNo, post: &IndexedPost) -> Result<(), StoreError> {
        let images = post.images.get(..MOST_IMAGES).unwrap_or(&post.images);
        let row = params![
            rows::network_no(post.key.network),
            post.key.native,
            account.0,
            post.published.map(|date| date.0),
            self.now.0,
            u8::try_from(images.len()).expect("no more than MOST_IMAGES"),
        ];
        self.run(sql::INSERT_POST, row, "store a post")?;
        self.counts.posts += 1;
        let no = self.connection.last_insert_rowid();
        let mut failed = Vec::new();
        for (position, image) in (1..=u8::MAX).zip(images) {
            let slot = Slot { post: no, account, position };
            match &image.state {
                ImageState::Fingerprinted(facts) => self.insert_image(slot, &image.name, Some(facts))?,
                ImageState::Lost => self.insert_image(slot, &image.name, None)?,
                ImageState::Failed { url, why } => {
                    self.insert_image(slot, &image.name, None)?;
                    failed.push((position, url.as_str(), why.as_str()));
                }
            }
            self.counts.images += 1;
        }
        self.start_retries(no, &failed)
    }

    /// The post is stored: fills in the fingerprints it lacks. What is known of an image only ever
    /// grows from failed to lost to fingerprinted, so the order of repeated reports does not matter.
    fn fill_in(&mut self, no: i64, account: AccountNo, post: &IndexedPost) -> Result<(), StoreError> {
        let mut stored = self.stored_images(no)?;
        if !stored.iter().any(|image| image.blank) {
            return Ok(());
        }
        let by_place = post.images.len() == stored.len()
            && post.images.iter().zip(&stored).all(|(new, old)| new.name == old.name);
        for (index, IndexedImage { name, state }) in post.images.iter().enumerate() {
            let place = match by_place {
                true => Some(index),
                false => stored.iter().position(|image| image.blank && image.name == *name),
            };
            let Some(image) = place.and_then(|place| stored.get_mut(place)) else { continue };
            // Cleared, so that the next report of this name goes to the next image of this name.
            if !std::mem::take(&mut image.blank) {
                continue;
            }
            match state {
                ImageState::Fingerprinted(facts) => {
                    self.run(sql::DELETE_IMAGE, [image.id], "replace an image")?;
                    let slot = Slot { post: no, account, position: image.position };
                    self.insert_image(slot, name, Some(facts))?;
                    self.end_retry(no, slot.position)?;
                }
                ImageState::Lost => self.end_retry(no, image.position)?,
                ImageState::Failed { url, why } => self.renew_retry(no, image.position, url, why)?,
            }
        }
        self.close_retries(no)
    }

    /// In the order of their positions.
    fn stored_images(&self, post: i64) -> Result<Vec<Stored>, StoreError> {
        self.connection
            .prepare_cached(sql::IMAGES_OF_POST)
            .and_then(|mut statement| {
                statement
                    .query_map([post], |row| {
                        let (id, position, name) = (row.get(0)?, row.get(1)?, row.get(2)?);
                        Ok(Stored { id, position, name, blank: row.get(3)? })
                    })?
                    .collect()
            })
            .step("look up a post's images")
    }

    fn insert_image(&mut self, slot: Slot, name: &str, facts: Option<&ImageFacts>) -> Result<(), StoreError> {
        let step = "store an image";
        let row = params![
            slot.post,
            slot.account.0,
            slot.position,
            name,
            facts.map(|facts| facts.width),
            facts.map(|facts| facts.height),
            facts.map(|facts| rows::fingerprint_bytes(facts.fingerprint)),
            facts.map(|facts| facts.solid_ground),
            facts.and_then(|facts| facts.detail.trimmed).map(rows::fingerprint_bytes),
        ];
        self.run(sql::INSERT_IMAGE, row, step)?;
        let Some(facts) = facts else { return Ok(()) };
        let id = self.connection.last_insert_rowid();
        // A detail of another size comes from a worker that is not ours to believe; the image is
        // found without it.
        if facts.detail.thumbnail.len() == 192 {
            let mut phash256 = [0_u8; 32];
            for (bytes, word) in phash256.chunks_exact_mut(8).zip(facts.detail.phash256) {
                bytes.copy_from_slice(&word.to_be_bytes());
            }
            self.run(sql::INSERT_DETAIL, params![id, phash256, facts.detail.thumbnail], step)?;
        }
        if facts.solid_ground {
            self.entries.push((rows::image_id(id)?, slot.account, facts.fingerprint));
        }
        Ok(())
    }
}

/// See `Store::images`.
pub fn images(connection: &Connection, ids: &[ImageId]) -> Result<Vec<ImageRecord>, StoreError> {
    let step = "look up an image";
    let mut statement = connection.prepare_cached(sql::IMAGE_RECORD).step(step)?;
    let mut records = Vec::with_capacity(ids.len());
    for id in ids {
        let found = statement
            .query_row([rows::image_no(*id)], |row| {
                let network: i64 = row.get(0)?;
                let post: String = row.get(1)?;
                let account: String = row.get(2)?;
                let position: i64 = row.get(3)?;
                let count: i64 = row.get(4)?;
                Ok((network, post, account, position, count, row.get(5)?, row.get(6)?))
            })
            .optional()
            .step(step)?;
        let Some((network, post, account, position, count, name, published)) = found else { continue };
        records.push(ImageRecord {
            image: *id,
            post: rows::post_key(network, post)?,
            account: rows::account_key(network, account)?,
            position: rows::small(position)?,
            count: rows::small(count)?,
            name,
            published: rows::moment(published),
        });
    }
    Ok(records)
}

/// See `Store::missing`.
pub fn missing(connection: &Connection, posts: &[ListedPost]) -> Result<Vec<ListedPost>, StoreError> {
    let step = "look up posts";
    let mut find_post = connection.prepare_cached(sql::FIND_POST).step(step)?;
    let mut find_retry = connection.prepare_cached(sql::FIND_RETRY).step(step)?;
    let mut failed_images = connection.prepare_cached(sql::RETRY_IMAGES).step(step)?;
    let mut missing = Vec::new();
    for post in posts {
        let no: Option<i64> = find_post
            .query_row(params![rows::network_no(post.key.network), post.key.native], |row| row.get(0))
            .optional()
            .step(step)?;
        let Some(no) = no else {
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
    let step = "read the fingerprints";
    let mut statement = connection.prepare_cached(sql::FINGERPRINTS_AFTER).step(step)?;
    let mut rows = statement.query(params![rows::image_no(after), limit]).step(step)?;
    let mut entries = Vec::new();
    while let Some(row) = rows.next().step(step)? {
        let (id, account, bytes) = (row.get(0).step(step)?, row.get(1).step(step)?, row.get(2).step(step)?);
        entries.push((rows::image_id(id)?, rows::account_no(account)?, rows::fingerprint(bytes)));
    }
    Ok(entries)
}
