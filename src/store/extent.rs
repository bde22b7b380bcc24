//! The sizes of a database, which each commit keeps up, and the highest numbers that it ever gave.

use super::codec;
use super::engine::connection::Connection;
use super::engine::dialect::Dialect;
use super::error::StoreError;
use super::schema::Value;
use super::statements;
use crate::domain::images::StoreCounts;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Extent {
    pub accounts: u64,
    pub posts: u64,
    pub images: u64,
    pub retries: u64,
    /// Backups of before have none.
    #[serde(default)]
    pub parts: u64,
    #[serde(default)]
    pub part_bytes: u64,
    pub last_account: i64,
    pub last_post: i64,
    pub last_image: i64,
}

impl Extent {
    pub fn counts(&self) -> StoreCounts {
        let Extent { accounts, posts, images, retries, parts, part_bytes, .. } = *self;
        StoreCounts { accounts, posts, images, retries, parts, part_bytes }
    }

    /// As the database has it.
    pub fn read(connection: &mut Connection) -> Result<Extent, StoreError> {
        read(connection, sql(connection.dialect()))
    }

    /// Within a transaction that is to write: other writers wait for its end, which keeps numbers in order.
    pub fn read_locked(connection: &mut Connection) -> Result<Extent, StoreError> {
        let dialect = connection.dialect();
        read(connection, &format!("{}{}", sql(dialect), dialect.for_update()))
    }

    /// Makes it the database's.
    pub fn store(&self, connection: &mut Connection) -> Result<(), StoreError> {
        let step = "store the sizes";
        let sizes = [self.accounts, self.posts, self.images, self.retries, self.parts, self.part_bytes]
            .map(codec::count);
        let last = [self.last_account, self.last_post, self.last_image];
        let (sizes, last) = (sizes.map(Value::from), last.map(Value::from));
        match connection.dialect() {
            Dialect::MySql | Dialect::Postgres => {
                connection.run(statements::STORE_EXTENT, &[&sizes[..], &last].concat(), step)?;
            }
            Dialect::Sqlite => {
                connection.run(statements::STORE_EXTENT_OF_FILE, &sizes, step)?;
                connection.run(statements::FORGET_SEQUENCES, &[], step)?;
                connection.run(statements::STORE_SEQUENCES, &last, step)?;
            }
        }
        Ok(())
    }
}

fn sql(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Sqlite => statements::EXTENT_OF_FILE,
        Dialect::MySql | Dialect::Postgres => statements::EXTENT,
    }
}

fn read(connection: &mut Connection, sql: &str) -> Result<Extent, StoreError> {
    let found = connection.list(sql, &[], "read the sizes", |row| {
        Ok(Extent {
            accounts: codec::size(row.number(0)?)?,
            posts: codec::size(row.number(1)?)?,
            images: codec::size(row.number(2)?)?,
            retries: codec::size(row.number(3)?)?,
            parts: codec::size(row.number(4)?)?,
            part_bytes: codec::size(row.number(5)?)?,
            last_account: row.number(6)?,
            last_post: row.number(7)?,
            last_image: row.number(8)?,
        })
    })?;
    found.first().copied().ok_or_else(|| StoreError::Strange {
        what: "no row of sizes",
        value: "the table `summary` is empty".to_owned(),
    })
}
