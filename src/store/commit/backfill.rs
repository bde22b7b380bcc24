//! Adding the second stage's detail to images that were stored without it.

use std::collections::BTreeMap;

use super::rows::Print;
use super::work::Work;
use super::{load, parts};
use crate::base::Fingerprint;
use crate::base::ids::{AccountNo, ImageId};
use crate::domain::parts::{PARTS_VERSION, Parts};
use crate::store::backfill::{Completed, Seen, storable_parts};
use crate::store::engine::connection::Connection;
use crate::store::error::StoreError;
use crate::store::merge_rules::THUMBNAIL_BYTES;
use crate::store::schema::{self, Value};
use crate::store::{codec, statements};

/// An image that is searchable and has no detail.
struct Bare {
    post: i64,
    account: AccountNo,
    position: u8,
    name: String,
    fingerprint: Fingerprint,
}

/// What came before was written.
pub fn complete(
    connection: &mut Connection,
    work: &mut Work,
    images: &[(ImageId, Seen)],
) -> Result<Completed, StoreError> {
    let mut bare = find(connection, images)?;
    let mut done = Completed::default();
    let (mut sizes, mut details, mut marks) = (Vec::new(), Vec::new(), Vec::new());
    let mut features = Vec::new();
    for (image, seen) in images {
        let id = codec::image_no(*image);
        let mark = || vec![id.into(), work.now.0.into()];
        let facts = match seen {
            // It comes from a worker that is not ours to believe.
            Seen::Picture(facts) if facts.detail.thumbnail.len() != THUMBNAIL_BYTES => continue,
            Seen::Picture(facts) => Some(facts),
            Seen::Gone => None,
        };
        // Each once.
        let Some(old) = bare.remove(&id) else { continue };
        let Some(facts) = facts else {
            marks.push(mark());
            done.gone += 1;
            continue;
        };
        if !done.take_up(old.fingerprint, facts) {
            marks.push(mark());
        } else if facts.detail.trimmed.is_some() {
            // What a border frames is searchable under the image's number, and numbers in the index only
            // grow: such an image gets a new one.
            let print = Print { fingerprint: old.fingerprint, solid_ground: true, ..Print::seen(facts) };
            work.deleted_images.push(id);
            work.new_image(old.post, old.account, old.position, &old.name, Some(print))?;
        } else {
            features.extend(storable_parts(facts).map(|parts| (id, parts)));
            details.push(vec![
                id.into(),
                codec::phash256_bytes(facts.detail.phash256).to_vec().into(),
                facts.detail.thumbnail.clone().into(),
            ]);
            sizes.push(vec![
                id.into(),
                old.post.into(),
                i64::from(old.account.0).into(),
                i64::from(old.position).into(),
                old.name.as_str().into(),
                i64::from(facts.width).into(),
                i64::from(facts.height).into(),
                Some(codec::fingerprint_bytes(old.fingerprint)).into(),
                1.into(),
                None::<[u8; 8]>.into(),
            ]);
        }
    }
    connection.insert(&schema::IMAGES, &sizes, true)?;
    connection.insert(&schema::DETAILS, &details, false)?;
    connection.insert(&schema::UNAVAILABLE, &marks, true)?;
    replace_parts(connection, work, &features)?;
    Ok(done)
}

/// Stores the features of images that have none of this version; nothing else of them changes. What came
/// before was written.
pub fn add_parts(
    connection: &mut Connection,
    work: &mut Work,
    images: &[(ImageId, Seen)],
) -> Result<Completed, StoreError> {
    let ids: Vec<Value> = images.iter().map(|(image, _)| codec::image_no(*image).into()).collect();
    let (version, mut without) = ([vec![PARTS_VERSION].into()], BTreeMap::new());
    let (sql, step) = (statements::WITHOUT_PARTS, "look up images without features");
    load::in_lists(connection, sql, &version, &ids, step, |row| {
        if let Some(fingerprint) = row.array(1)?.map(codec::fingerprint) {
            without.insert(row.number(0)?, fingerprint);
        }
        Ok(())
    })?;
    let mut done = Completed::default();
    let (mut features, mut marks) = (Vec::new(), Vec::new());
    for (image, seen) in images {
        let id = codec::image_no(*image);
        // Each once.
        let Some(stored) = without.remove(&id) else { continue };
        match seen {
            Seen::Picture(facts) if done.is_same_picture(stored, facts) => {
                let storable = storable_parts(facts);
                done.parts += u64::from(storable.is_some());
                features.extend(storable.map(|parts| (id, parts)));
            }
            Seen::Picture(_) => marks.push(vec![id.into(), work.now.0.into()]),
            Seen::Gone => {
                done.gone += 1;
                marks.push(vec![id.into(), work.now.0.into()]);
            }
        }
    }
    connection.insert(&schema::UNAVAILABLE, &marks, true)?;
    replace_parts(connection, work, &features)?;
    Ok(done)
}

/// Stores features, in place of those of another version.
fn replace_parts(
    connection: &mut Connection,
    work: &mut Work,
    features: &[(i64, &Parts)],
) -> Result<(), StoreError> {
    let images: Vec<i64> = features.iter().map(|(image, _)| *image).collect();
    parts::remove(connection, &mut work.extent, &images)?;
    parts::add(connection, &mut work.extent, features)
}

fn find(connection: &mut Connection, images: &[(ImageId, Seen)]) -> Result<BTreeMap<i64, Bare>, StoreError> {
    let ids: Vec<Value> = images.iter().map(|(image, _)| codec::image_no(*image).into()).collect();
    let mut bare = BTreeMap::new();
    load::in_lists(connection, statements::BARE, &[], &ids, "look up images to complete", |row| {
        let Some(fingerprint) = row.array(5)?.map(codec::fingerprint) else { return Ok(()) };
        let image = Bare {
            post: row.number(1)?,
            account: codec::account_no(row.number(2)?)?,
            position: codec::small(row.number(3)?)?,
            name: row.string(4)?,
            fingerprint,
        };
        bare.insert(row.number(0)?, image);
        Ok(())
    })?;
    Ok(bare)
}
