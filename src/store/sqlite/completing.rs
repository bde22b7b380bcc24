//! Adding the second stage's detail to images that were stored without it.

use rusqlite::{Connection, OptionalExtension, params};

use super::connection::Step;
use super::posts::{Print, Slot};
use super::sql;
use super::writing::Writing;
use crate::base::ids::ImageId;
use crate::domain::images::ImageFacts;
use crate::store::backfill::{BareImage, Completed, Seen};
use crate::store::merge_rules::THUMBNAIL_BYTES;
use crate::store::{StoreError, codec};

impl Writing<'_> {
    pub(super) fn complete(&mut self, images: &[(ImageId, Seen)]) -> Result<Completed, StoreError> {
        let mut done = Completed::default();
        for (image, seen) in images {
            let Some((slot, name, stored)) = self.find_bare(*image)? else { continue };
            match seen {
                Seen::Gone => {
                    self.mark_unavailable(*image)?;
                    done.gone += 1;
                }
                // It comes from a worker that is not ours to believe.
                Seen::Picture(facts) if facts.detail.thumbnail.len() != THUMBNAIL_BYTES => {}
                Seen::Picture(facts) => match done.take_up(stored, facts) {
                    true => self.add_detail(
                        *image,
                        slot,
                        &name,
                        Print { fingerprint: stored, ..facts.into() },
                        facts,
                    )?,
                    false => self.mark_unavailable(*image)?,
                },
            }
        }
        Ok(done)
    }

    /// An image that is searchable and has no detail: its place, name and fingerprint.
    fn find_bare(
        &self,
        image: ImageId,
    ) -> Result<Option<(Slot, String, crate::base::Fingerprint)>, StoreError> {
        let step = "look up an image to complete";
        let found = self
            .connection
            .prepare_cached(sql::BARE_IMAGE)
            .and_then(|mut statement| {
                statement
                    .query_row([codec::image_no(image)], |row| {
                        let account: i64 = row.get(1)?;
                        let fingerprint: [u8; 8] = row.get(4)?;
                        Ok((row.get(0)?, account, row.get(2)?, row.get(3)?, codec::fingerprint(fingerprint)))
                    })
                    .optional()
            })
            .step(step)?;
        let Some((post, account, position, name, fingerprint)) = found else { return Ok(None) };
        let slot = Slot { post, account: codec::account_no(account)?, position };
        Ok(Some((slot, name, fingerprint)))
    }

    /// What a border frames is searchable under the image's number, and numbers in the index only grow: such an
    /// image gets a new one.
    fn add_detail(
        &mut self,
        image: ImageId,
        slot: Slot,
        name: &str,
        print: Print<'_>,
        facts: &ImageFacts,
    ) -> Result<(), StoreError> {
        let step = "complete an image";
        let id = codec::image_no(image);
        if facts.detail.trimmed.is_some() {
            self.run(sql::DELETE_IMAGE, [id], step)?;
            return self.insert_image(slot, name, Some(Print { solid_ground: true, ..print }));
        }
        self.run(sql::SET_SIZE, params![id, facts.width, facts.height], step)?;
        let phash256 = codec::phash256_bytes(facts.detail.phash256);
        self.run(sql::INSERT_DETAIL, params![id, phash256, facts.detail.thumbnail], step)
    }

    fn mark_unavailable(&self, image: ImageId) -> Result<(), StoreError> {
        self.run(sql::MARK_UNAVAILABLE, params![codec::image_no(image), self.now.0], "mark an image")
    }
}

/// See `Store::bare_images`.
pub fn bare_images(
    connection: &Connection,
    after: ImageId,
    limit: u32,
) -> Result<Vec<BareImage>, StoreError> {
    let step = "look for images without detail";
    let mut statement = connection.prepare_cached(sql::BARE_IMAGES).step(step)?;
    let mut found = statement.query(params![codec::image_no(after), limit]).step(step)?;
    let mut images = Vec::new();
    while let Some(row) = found.next().step(step)? {
        let (id, network) = (row.get(0).step(step)?, row.get(1).step(step)?);
        images.push(BareImage {
            image: codec::image_id(id)?,
            account: codec::account_key(network, row.get(2).step(step)?)?,
            name: row.get(3).step(step)?,
        });
    }
    Ok(images)
}
