//! Writes what a commit has changed, many rows with one statement.

use super::link::Link;
use super::work::{AccountRow, NewImage, Work, storable_detail, turn};
use crate::store::schema::{self, Table, Value};
use crate::store::table_io::Extent;
use crate::store::{StoreError, codec};

/// The sizes of one `INSERT`: few enough that each is prepared once. The largest stays below 65,535 parameters.
const ROWS_PER_INSERT: [usize; 9] = [1024, 512, 256, 128, 64, 32, 16, 4, 1];

/// What one `INSERT` may hold, bytes, unless it is one row: a record of TLS, which has 16 KiB. sqlx leaves Nagle's algorithm on, so that the
/// end of what takes two waits until the server acknowledges the beginning, which it puts off for 40 ms.
const BYTES_PER_INSERT: usize = 15 * 1024;

/// Writes everything, in an order in which every row finds what it refers to.
pub fn flush(link: &mut Link, work: &mut Work) -> Result<(), StoreError> {
    delete(link, "images", "id", &work.deleted_images)?;
    let changed = work.accounts.values().filter(|account| account.changed);
    let mut accounts: Vec<Vec<Value>> = changed.map(|account| account_values(&account.row)).collect();
    // In the order of their numbers, which tables keep them in.
    accounts.sort_by_key(|row| match row.first() {
        Some(Value::Int(no)) => *no,
        _ => None,
    });
    insert(link, &schema::ACCOUNTS, &accounts, true)?;
    insert(link, &schema::HANDLES, &handle_values(work), true)?;
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
    insert(link, &schema::POSTS, &posts, false)?;
    let images: Vec<Vec<Value>> = work.new_images.values().map(image_values).collect();
    insert(link, &schema::IMAGES, &images, false)?;
    let details: Vec<Vec<Value>> = work.new_images.values().filter_map(detail_values).collect();
    insert(link, &schema::DETAILS, &details, false)?;
    flush_retries(link, work)?;
    work.written();
    Ok(())
}

/// Retries are few: those that changed are written anew.
fn flush_retries(link: &mut Link, work: &Work) -> Result<(), StoreError> {
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
    delete(link, "retry_images", "post", &numbers)?;
    delete(link, "retries", "post", &numbers)?;
    insert(link, &schema::RETRIES, &retries, false)?;
    insert(link, &schema::RETRY_IMAGES, &images, false)
}

/// Writes the sizes and the highest numbers.
pub fn store_extent(link: &mut Link, extent: &Extent) -> Result<(), StoreError> {
    let sizes = [extent.accounts, extent.posts, extent.images, extent.retries].map(codec::count);
    let last = [extent.last_account, extent.last_post, extent.last_image];
    let row: Vec<Value> = sizes.into_iter().chain(last).map(Value::from).collect();
    let sql = "UPDATE summary SET accounts = ?, posts = ?, images = ?, retries = ?, last_account = ?,
            last_post = ?, last_image = ? WHERE only_row = 1";
    link.run(sql, &row, "store the sizes").map(|_| ())
}

/// Inserts rows in as few statements as they fit in; with `replacing`, rows of the same key are written
/// anew.
pub fn insert(
    link: &mut Link,
    table: &Table,
    mut rows: &[Vec<Value>],
    replacing: bool,
) -> Result<(), StoreError> {
    while !rows.is_empty() {
        let fits = |chunk: &[Vec<Value>]| bytes_of(chunk) <= BYTES_PER_INSERT;
        let size = ROWS_PER_INSERT.into_iter().find(|size| rows.get(..*size).is_some_and(fits)).unwrap_or(1);
        let (chunk, rest) = rows.split_at(size);
        let sql = link.engine().insert(table, size, replacing);
        link.run_phrased(sql, &chunk.concat(), "insert rows")?;
        rows = rest;
    }
    Ok(())
}

/// What these rows take in a message, about.
fn bytes_of(rows: &[Vec<Value>]) -> usize {
    /// A number, or the length of what follows; and its type.
    const EACH: usize = 14;
    let bytes = |value: &Value| match value {
        Value::Text(Some(text)) => text.len(),
        Value::Bytes(Some(bytes)) => bytes.len(),
        Value::Text(None) | Value::Bytes(None) | Value::Int(_) => 0,
    };
    rows.iter().flatten().map(|value| EACH + bytes(value)).sum()
}

fn delete(link: &mut Link, table: &str, column: &str, numbers: &[i64]) -> Result<(), StoreError> {
    /// Lists are filled up to this length, so that two statements do.
    const MANY: usize = 256;
    for chunk in numbers.chunks(MANY) {
        let mut values: Vec<Value> = chunk.iter().copied().map(Value::from).collect();
        if let (Some(last), true) = (chunk.last(), chunk.len() > 1) {
            values.resize(MANY, Value::from(*last));
        }
        let list = vec!["?"; values.len()].join(", ");
        link.run(&format!("DELETE FROM {table} WHERE {column} IN ({list})"), &values, "delete rows")?;
    }
    Ok(())
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
        turn(row).into(),
        row.last_used_at.into(),
        row.uses.into(),
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
    let detail = image.print.as_ref().and_then(storable_detail)?;
    Some(vec![
        image.id.into(),
        codec::phash256_bytes(detail.phash256).to_vec().into(),
        detail.thumbnail.clone().into(),
    ])
}
