//! Writes what a commit has changed, many rows with one statement.

use super::delete::delete;
use super::parts;
use super::rows::{AccountRow, NewImage};
use super::work::Work;
use crate::domain::parts::Parts;
use crate::store::codec;
use crate::store::engine::connection::Connection;
use crate::store::error::StoreError;
use crate::store::schedule::turn_of;
use crate::store::schema::{self, Value};
use crate::store::statements;

/// Writes everything, in an order in which every row finds what it refers to.
pub fn flush(connection: &mut Connection, work: &mut Work) -> Result<(), StoreError> {
    parts::remove(connection, &mut work.extent, &work.deleted_images)?;
    delete(connection, "images", "id", &work.deleted_images)?;
    let changed = work.accounts.values().filter(|account| account.changed);
    let mut accounts: Vec<Vec<Value>> = changed.map(|account| account_values(&account.row)).collect();
    // In the order of their numbers, which tables keep them in.
    accounts.sort_by_key(|row| match row.first() {
        Some(Value::Int(no)) => *no,
        _ => None,
    });
    connection.insert(&schema::ACCOUNTS, &accounts, true)?;
    connection.insert(&schema::HANDLES, &handle_values(work), true)?;
    let posts: Vec<Vec<Value>> = work
        .new_posts
        .iter()
        .map(|post| {
            vec![
                post.no.into(),
                codec::network_no(post.key.network).into(),
                post.key.native.as_str().into(),
                i64::from(post.account.0).into(),
                post.published.into(),
                work.now.0.into(),
                i64::from(post.image_count).into(),
            ]
        })
        .collect();
    connection.insert(&schema::POSTS, &posts, false)?;
    for (no, count) in &work.raised_counts {
        let values = [Value::from(i64::from(*count)), Value::from(*no)];
        connection.run(statements::RAISE_COUNT, &values, "count the attachments of a post anew")?;
    }
    let images: Vec<Vec<Value>> = work.new_images.values().map(image_values).collect();
    connection.insert(&schema::IMAGES, &images, false)?;
    let details: Vec<Vec<Value>> = work.new_images.values().filter_map(detail_values).collect();
    connection.insert(&schema::DETAILS, &details, false)?;
    let features: Vec<(i64, &Parts)> = work.new_images.values().filter_map(parts_of).collect();
    parts::add(connection, &mut work.extent, &features)?;
    flush_retries(connection, work)?;
    work.written();
    Ok(())
}

/// Retries are few: those that changed are written anew.
fn flush_retries(connection: &mut Connection, work: &Work) -> Result<(), StoreError> {
    let (mut numbers, mut retries, mut images) = (Vec::new(), Vec::new(), Vec::new());
    for post in work.posts.values().filter(|post| post.retry.changed) {
        numbers.push(post.no);
        let Some(retry) = &post.retry.row else { continue };
        retries.push(vec![
            post.no.into(),
            i64::from(retry.attempts).into(),
            retry.last_tried.into(),
            retry.next_due.into(),
        ]);
        for (position, (url, why)) in &retry.images {
            let position = i64::from(*position);
            images.push(vec![post.no.into(), position.into(), url.as_str().into(), why.as_str().into()]);
        }
    }
    delete(connection, "retry_images", "post", &numbers)?;
    delete(connection, "retries", "post", &numbers)?;
    connection.insert(&schema::RETRIES, &retries, false)?;
    connection.insert(&schema::RETRY_IMAGES, &images, false)
}

fn account_values(row: &AccountRow) -> Vec<Value> {
    vec![
        i64::from(row.no.0).into(),
        codec::network_no(row.key.network).into(),
        row.key.native.as_str().into(),
        row.known_since.into(),
        row.stated_posts.into(),
        row.search_cursor.into(),
        row.search_listed_at.into(),
        row.search_coverage.as_deref().into(),
        row.search_reset_at.into(),
        row.timeline_cursor.as_deref().into(),
        row.timeline_listed_at.into(),
        row.timeline_coverage.as_deref().into(),
        row.newest_seen.into(),
        row.oldest_seen.into(),
        row.posts_read.into(),
        row.visited_at.into(),
        i64::from(turn_of(&row.key)).into(),
        row.last_used_at.into(),
        row.uses.into(),
        row.windows.as_deref().into(),
        row.stated_media.into(),
        row.found_media.into(),
    ]
}

fn handle_values(work: &Work) -> Vec<Vec<Value>> {
    let mut values = Vec::new();
    for ((network, handle), holders) in &work.handles {
        for (account, kept) in holders.iter().filter(|(_, kept)| kept.changed) {
            values.push(vec![
                codec::network_no(*network).into(),
                handle.as_str().into(),
                i64::from(account.0).into(),
                kept.row.first_seen.into(),
                kept.row.last_seen.into(),
            ]);
        }
    }
    values
}

fn image_values(image: &NewImage) -> Vec<Value> {
    let print = image.print.as_ref();
    let size = print.and_then(|print| print.size);
    let trimmed = print.and_then(|print| print.detail.as_ref()).and_then(|detail| detail.trimmed);
    vec![
        image.id.into(),
        image.post.into(),
        i64::from(image.account.0).into(),
        i64::from(image.position).into(),
        image.name.as_str().into(),
        size.map(|(width, _)| i64::from(width)).into(),
        size.map(|(_, height)| i64::from(height)).into(),
        print.map(|print| codec::fingerprint_bytes(print.fingerprint)).into(),
        print.map(|print| i64::from(print.solid_ground)).into(),
        trimmed.map(codec::fingerprint_bytes).into(),
    ]
}

fn detail_values(image: &NewImage) -> Option<Vec<Value>> {
    let detail = image.print.as_ref()?.storable_detail()?;
    Some(vec![
        image.id.into(),
        codec::phash256_bytes(detail.phash256).to_vec().into(),
        detail.thumbnail.clone().into(),
    ])
}

fn parts_of(image: &NewImage) -> Option<(i64, &Parts)> {
    Some((image.id, image.print.as_ref()?.storable_parts()?))
}
