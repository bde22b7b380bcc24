//! The features of images: stored and removed with their images, and counted among the sizes.

use super::delete::delete;
use super::load::in_lists;
use crate::domain::parts::Parts;
use crate::store::engine::connection::Connection;
use crate::store::error::StoreError;
use crate::store::extent::Extent;
use crate::store::schema::{self, Value};
use crate::store::{codec, statements};

/// Stores the features of images that have none.
pub fn add(
    connection: &mut Connection,
    extent: &mut Extent,
    parts: &[(i64, &Parts)],
) -> Result<(), StoreError> {
    let row = |(image, parts): &(i64, &Parts)| vec![Value::from(*image), parts.0.clone().into()];
    let rows: Vec<Vec<Value>> = parts.iter().map(row).collect();
    connection.insert(&schema::PARTS, &rows, false)?;
    extent.parts += parts.len() as u64;
    extent.part_bytes += parts.iter().map(|(_, parts)| parts.0.len() as u64).sum::<u64>();
    Ok(())
}

/// Removes the features of these images, as far as they have any.
pub fn remove(connection: &mut Connection, extent: &mut Extent, images: &[i64]) -> Result<(), StoreError> {
    let values: Vec<Value> = images.iter().copied().map(Value::from).collect();
    let (mut rows, mut bytes) = (0, 0);
    in_lists(connection, statements::SIZES_OF_PARTS, &[], &values, "measure features", |row| {
        rows += codec::size(row.number(0)?)?;
        bytes += codec::size(row.number(1)?)?;
        Ok(())
    })?;
    if rows > 0 {
        delete(connection, "parts", "image", images)?;
        extent.parts = extent.parts.saturating_sub(rows);
        extent.part_bytes = extent.part_bytes.saturating_sub(bytes);
    }
    Ok(())
}
