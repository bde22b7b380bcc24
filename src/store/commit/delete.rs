//! Deleting rows by the numbers in one of their columns.

use crate::store::engine::connection::Connection;
use crate::store::error::StoreError;
use crate::store::schema::Value;

/// Deletes the rows in whose column one of these numbers stands; how many they were.
pub fn delete(
    connection: &mut Connection,
    table: &str,
    column: &str,
    numbers: &[i64],
) -> Result<u64, StoreError> {
    /// Lists are filled up to this length, so that two statements do.
    const MANY: usize = 256;
    let mut deleted = 0;
    for chunk in numbers.chunks(MANY) {
        let mut values: Vec<Value> = chunk.iter().copied().map(Value::from).collect();
        if let (Some(last), true) = (chunk.last(), chunk.len() > 1) {
            values.resize(MANY, Value::from(*last));
        }
        let list = vec!["?"; values.len()].join(", ");
        deleted += connection.run(
            &format!("DELETE FROM {table} WHERE {column} IN ({list})"),
            &values,
            "delete rows",
        )?;
    }
    Ok(deleted)
}
