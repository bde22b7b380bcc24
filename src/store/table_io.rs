//! A database as rows of values, table by table: what backups and the care for a database stand on.
//! Every engine passes the same rows, so what one has written another can take.

use std::ops::ControlFlow;

use super::codec;
use super::engine::connection::Connection;
use super::engine::dialect::Dialect;
use super::error::StoreError;
use super::extent::Extent;
use super::schema::{self, Kind, Table, Value};

/// Rows that are written at a time.
pub const ROWS_PER_WRITE: usize = 4096;

/// Kept at all times, it would make every insertion dearer for something that is done once a month. MySQL
/// makes one for the foreign key anyway.
const INDEX_FOR_REMOVAL: &str = "CREATE INDEX posts_for_removal ON posts (account)";
const DROP_INDEX_FOR_REMOVAL: &str = "DROP INDEX posts_for_removal";

fn select(table: &Table) -> String {
    let key: Vec<&str> = table.columns.iter().take(table.key).map(|(name, _)| *name).collect();
    format!("SELECT {} FROM {} ORDER BY {}", table.column_list(), table.name, key.join(", "))
}

/// Rows of `parts` that have the same first byte and length.
pub struct SizeOfParts {
    /// `None` where there is no byte at all.
    pub version: Option<u8>,
    pub rows: u64,
    /// Of all of them together.
    pub bytes: u64,
}

/// One connection to a database, for reading or writing whole tables.
pub struct TableIo {
    connection: Connection,
}

impl TableIo {
    pub fn new(connection: Connection) -> TableIo {
        TableIo { connection }
    }

    /// From now on everything that is read is of one state of the database, whatever is written
    /// meanwhile.
    pub fn begin_reading(&mut self) -> Result<(), StoreError> {
        self.connection.begin_reading()
    }

    /// All rows of a table in the order of its key, passed on as they come; `Break` ends the reading.
    pub fn read(
        &mut self,
        table: &'static Table,
        take: &mut dyn FnMut(Vec<Value>) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        self.connection.each(&select(table), &[], "read a table", |row| {
            match take(row.values(table.columns.iter().map(|(_, kind)| *kind))?) {
                ControlFlow::Continue(()) => Ok(()),
                ControlFlow::Break(()) => Err(StoreError::Interrupted),
            }
        })
    }

    pub fn extent(&mut self) -> Result<Extent, StoreError> {
        Extent::read(&mut self.connection)
    }

    /// A question with one number as its answer. The SQL is one that all engines understand.
    pub fn number(&mut self, sql: &str) -> Result<i64, StoreError> {
        let found = self.connection.list(sql, &[], "read a number", |row| row.number(0))?;
        Ok(found.first().copied().unwrap_or(0))
    }

    /// The rows of such a question, of columns of these kinds.
    pub fn question(&mut self, sql: &str, kinds: &[Kind]) -> Result<Vec<Vec<Value>>, StoreError> {
        self.connection.list(sql, &[], "ask the database", |row| row.values(kinds.iter().copied()))
    }

    /// What the features take whose rows in `parts` fulfil the condition, by their first byte and their
    /// length.
    pub fn sizes_of_parts(&mut self, condition: &str) -> Result<Vec<SizeOfParts>, StoreError> {
        // The products are numbers of 64 bits in every engine, which sums and lengths are not.
        let sql = format!(
            "SELECT substr(features, 1, 1), count(*), count(*) * length(features) FROM parts \
             WHERE {condition} GROUP BY substr(features, 1, 1), length(features)"
        );
        self.connection.list(&sql, &[], "measure features", |row| {
            Ok(SizeOfParts {
                version: row.bytes(0)?.and_then(|bytes| bytes.first().copied()),
                rows: codec::size(row.number(1)?)?,
                bytes: codec::size(row.number(2)?)?,
            })
        })
    }

    /// From now on everything that is written is one change, which `commit` ends. Dropped before, it
    /// leaves nothing.
    pub fn begin_writing(&mut self) -> Result<(), StoreError> {
        self.connection.begin_writing()
    }

    /// Adds rows. Tables are written in the order of [`schema::ALL`].
    pub fn write(&mut self, table: &'static Table, rows: &[Vec<Value>]) -> Result<(), StoreError> {
        self.connection.insert(table, rows, false)
    }

    /// A statement that all engines understand, within the change; how many rows it changed.
    pub fn run(&mut self, sql: &str) -> Result<u64, StoreError> {
        self.connection.run(sql, &[], "change the database")
    }

    /// The sizes and highest numbers are these from now on.
    pub fn set_extent(&mut self, extent: &Extent) -> Result<(), StoreError> {
        extent.store(&mut self.connection)
    }

    pub fn commit(&mut self) -> Result<(), StoreError> {
        self.connection.commit()
    }

    /// Like `begin_writing`, for the removal of accounts: until `commit_removing` an account's posts are
    /// found by an index, which the engine may not have otherwise.
    pub fn begin_removing(&mut self) -> Result<(), StoreError> {
        self.begin_writing()?;
        self.run_unless_mysql(INDEX_FOR_REMOVAL)
    }

    pub fn commit_removing(&mut self) -> Result<(), StoreError> {
        self.run_unless_mysql(DROP_INDEX_FOR_REMOVAL)?;
        self.commit()
    }

    fn run_unless_mysql(&mut self, sql: &str) -> Result<(), StoreError> {
        match self.connection.dialect() {
            Dialect::MySql => Ok(()),
            Dialect::Sqlite | Dialect::Postgres => self.run(sql).map(|_| ()),
        }
    }

    /// Nothing was ever stored in it.
    pub fn is_empty(&mut self) -> Result<bool, StoreError> {
        for table in schema::ALL {
            if self.number(&format!("SELECT count(*) FROM {}", table.name))? > 0 {
                return Ok(false);
            }
        }
        Ok(true)
    }
}
