//! A row that was read, whatever the engine; columns by their place in the statement.

use sqlx::mysql::MySqlRow;
use sqlx::postgres::PgRow;

use super::faults::unreadable;
use crate::store::error::StoreError;
use crate::store::schema::{Kind, Value};

pub enum Row<'a> {
    Sqlite(&'a rusqlite::Row<'a>),
    MySql(MySqlRow),
    Postgres(PgRow),
}

macro_rules! column {
    ($row:expr, $index:expr) => {
        match $row {
            Row::Sqlite(row) => row.get($index).map_err(unreadable),
            // Unchecked, since MySQL has no text that is binary; the tables say what is what.
            Row::MySql(row) => sqlx::Row::try_get_unchecked(row, $index).map_err(unreadable),
            Row::Postgres(row) => sqlx::Row::try_get_unchecked(row, $index).map_err(unreadable),
        }
    };
}

impl Row<'_> {
    pub fn int(&self, index: usize) -> Result<Option<i64>, StoreError> {
        column!(self, index)
    }

    pub fn text(&self, index: usize) -> Result<Option<String>, StoreError> {
        column!(self, index)
    }

    pub fn bytes(&self, index: usize) -> Result<Option<&[u8]>, StoreError> {
        match self {
            Row::Sqlite(row) => {
                row.get_ref(index).and_then(|value| Ok(value.as_blob_or_null()?)).map_err(unreadable)
            }
            Row::MySql(row) => sqlx::Row::try_get_unchecked(row, index).map_err(unreadable),
            Row::Postgres(row) => sqlx::Row::try_get_unchecked(row, index).map_err(unreadable),
        }
    }

    /// A number that is never NULL.
    pub fn number(&self, index: usize) -> Result<i64, StoreError> {
        self.int(index)?.ok_or_else(|| null(index))
    }

    /// A text that is never NULL.
    pub fn string(&self, index: usize) -> Result<String, StoreError> {
        self.text(index)?.ok_or_else(|| null(index))
    }

    /// Bytes of a column of fixed length.
    pub fn array<const N: usize>(&self, index: usize) -> Result<Option<[u8; N]>, StoreError> {
        self.bytes(index)?
            .map(|bytes| {
                bytes.try_into().map_err(|_| StoreError::Strange {
                    what: "bytes of another length",
                    value: format!("{} instead of {N} in column {index}", bytes.len()),
                })
            })
            .transpose()
    }

    /// The columns at the front, of these kinds.
    pub fn values(&self, kinds: impl IntoIterator<Item = Kind>) -> Result<Vec<Value>, StoreError> {
        let value = |(index, kind)| {
            Ok(match kind {
                Kind::Int => Value::Int(self.int(index)?),
                Kind::Text => Value::Text(self.text(index)?),
                Kind::Bytes => Value::Bytes(self.bytes(index)?.map(<[u8]>::to_vec)),
            })
        };
        kinds.into_iter().enumerate().map(value).collect()
    }
}

fn null(index: usize) -> StoreError {
    StoreError::Strange { what: "nothing where a value must be", value: format!("column {index}") }
}
