//! A database as rows of values, table by table: what backups and the care for a database stand on.
//! Every engine passes the same rows, so what one has written another can take.

use std::ops::ControlFlow;

use rusqlite::params_from_iter;
use rusqlite::types::{ToSqlOutput, ValueRef};

use super::StoreError;
use super::schema::{self, Kind, Table, Value};
use super::server::ServerStore;
use super::server::engine::Engine;
use super::sqlite::SqliteStore;
use super::sqlite::connection::Step;
use super::{codec, server};
use crate::domain::images::StoreCounts;

/// Rows that are written at a time.
pub const ROWS_PER_WRITE: usize = 4096;

/// Takes rows one by one; `Break` ends the reading.
pub type Take<'a> = dyn FnMut(Vec<Value>) -> ControlFlow<()> + 'a;

/// The sizes of a database, and the highest numbers that it ever gave.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Extent {
    pub accounts: u64,
    pub posts: u64,
    pub images: u64,
    pub retries: u64,
    pub last_account: i64,
    pub last_post: i64,
    pub last_image: i64,
}

impl Extent {
    pub fn new(counts: StoreCounts, [last_account, last_post, last_image]: [i64; 3]) -> Extent {
        let StoreCounts { accounts, posts, images, retries } = counts;
        Extent { accounts, posts, images, retries, last_account, last_post, last_image }
    }
}

/// One connection to a database, for reading or writing whole tables.
pub trait Dump: Send {
    /// From now on everything that is read is of one state of the database, whatever is written
    /// meanwhile.
    fn begin_reading(&mut self) -> Result<(), StoreError>;

    /// All rows of a table in the order of its key, passed on as they come.
    fn read(&mut self, table: &'static Table, take: &mut Take<'_>) -> Result<(), StoreError>;

    fn extent(&mut self) -> Result<Extent, StoreError>;

    /// A question with one number as its answer. The SQL is one that all engines understand.
    fn number(&mut self, sql: &str) -> Result<i64, StoreError>;

    /// The rows of such a question, of columns of these kinds.
    fn question(&mut self, sql: &str, kinds: &[Kind]) -> Result<Vec<Vec<Value>>, StoreError>;

    /// From now on everything that is written is one change, which `commit` ends. Dropped before, it
    /// leaves nothing.
    fn begin_writing(&mut self) -> Result<(), StoreError>;

    /// Adds rows. Tables are written in the order of [`schema::ALL`].
    fn write(&mut self, table: &'static Table, rows: &[Vec<Value>]) -> Result<(), StoreError>;

    /// A statement that all engines understand, within the change; how many rows it changed.
    fn run(&mut self, sql: &str) -> Result<u64, StoreError>;

    /// The sizes and highest numbers are these from now on.
    fn set_extent(&mut self, extent: &Extent) -> Result<(), StoreError>;

    fn commit(&mut self) -> Result<(), StoreError>;

    /// Like `begin_writing`, for the removal of accounts: until `commit_removing` an account's posts are found
    /// by an index, which the engine may not have otherwise.
    fn begin_removing(&mut self) -> Result<(), StoreError>;

    fn commit_removing(&mut self) -> Result<(), StoreError>;
}

/// Kept at all times, it would make every insertion dearer for something that is done once a month. MySQL makes
/// one for the foreign key anyway.
const INDEX_FOR_REMOVAL: &str = "CREATE INDEX posts_for_removal ON posts (account)";
const DROP_INDEX_FOR_REMOVAL: &str = "DROP INDEX posts_for_removal";

fn select(table: &Table) -> String {
    let key: Vec<&str> = table.columns.iter().take(table.key).map(|(name, _)| *name).collect();
    format!("SELECT {} FROM {} ORDER BY {}", table.column_list(), table.name, key.join(", "))
}

impl Dump for SqliteStore {
    fn begin_reading(&mut self) -> Result<(), StoreError> {
        // The state is that of the first reading.
        let step = "begin to read";
        self.connection().execute_batch("BEGIN").step(step)?;
        self.number("SELECT count(*) FROM migrations").map(|_| ())
    }

    fn read(&mut self, table: &'static Table, take: &mut Take<'_>) -> Result<(), StoreError> {
        let step = "read a table";
        let mut statement = self.connection().prepare(&select(table)).step(step)?;
        let mut rows = statement.query([]).step(step)?;
        while let Some(row) = rows.next().step(step)? {
            let values = table
                .columns
                .iter()
                .enumerate()
                .map(|(index, (_, kind))| sqlite_value(row, index, *kind))
                .collect::<rusqlite::Result<_>>()
                .step(step)?;
            if take(values).is_break() {
                return Ok(());
            }
        }
        Ok(())
    }

    fn extent(&mut self) -> Result<Extent, StoreError> {
        let counts = super::Store::counts(self)?;
        let mut last = [0; 3];
        for (last, table) in last.iter_mut().zip(["accounts", "posts", "images"]) {
            let sql = format!("SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = '{table}'");
            *last = self.number(&sql)?;
        }
        Ok(Extent::new(counts, last))
    }

    fn number(&mut self, sql: &str) -> Result<i64, StoreError> {
        self.connection().query_row(sql, [], |row| row.get(0)).step("read a number")
    }

    fn question(&mut self, sql: &str, kinds: &[Kind]) -> Result<Vec<Vec<Value>>, StoreError> {
        let values = |row: &rusqlite::Row<'_>| {
            kinds.iter().enumerate().map(|(index, kind)| sqlite_value(row, index, *kind)).collect()
        };
        self.connection()
            .prepare(sql)
            .and_then(|mut statement| statement.query_map([], values)?.collect())
            .step("ask the database")
    }

    fn begin_writing(&mut self) -> Result<(), StoreError> {
        self.connection().execute_batch("BEGIN IMMEDIATE").step("begin a change")
    }

    fn write(&mut self, table: &'static Table, rows: &[Vec<Value>]) -> Result<(), StoreError> {
        let step = "write a table";
        let places = vec!["?"; table.columns.len()].join(", ");
        let sql = format!("INSERT INTO {} ({}) VALUES ({places})", table.name, table.column_list());
        let mut statement = self.connection().prepare_cached(&sql).step(step)?;
        for row in rows {
            statement.execute(params_from_iter(row)).step(step)?;
        }
        Ok(())
    }

    fn run(&mut self, sql: &str) -> Result<u64, StoreError> {
        let changed = self.connection().execute(sql, []).step("change the database")?;
        Ok(u64::try_from(changed).unwrap_or(u64::MAX))
    }

    fn set_extent(&mut self, extent: &Extent) -> Result<(), StoreError> {
        let step = "store the sizes";
        let sizes = [extent.accounts, extent.posts, extent.images, extent.retries].map(codec::count);
        let sql = "UPDATE summary SET accounts = ?1, posts = ?2, images = ?3, retries = ?4";
        self.connection().execute(sql, sizes).step(step)?;
        let last = [extent.last_account, extent.last_post, extent.last_image];
        for (table, last) in ["accounts", "posts", "images"].into_iter().zip(last) {
            self.connection().execute("DELETE FROM sqlite_sequence WHERE name = ?1", [table]).step(step)?;
            self.connection()
                .execute("INSERT INTO sqlite_sequence (name, seq) VALUES (?1, ?2)", (table, last))
                .step(step)?;
        }
        Ok(())
    }

    fn commit(&mut self) -> Result<(), StoreError> {
        self.connection().execute_batch("COMMIT").step("commit a change")
    }

    fn begin_removing(&mut self) -> Result<(), StoreError> {
        self.begin_writing()?;
        self.run(INDEX_FOR_REMOVAL).map(|_| ())
    }

    fn commit_removing(&mut self) -> Result<(), StoreError> {
        self.run(DROP_INDEX_FOR_REMOVAL)?;
        self.commit()
    }
}

fn sqlite_value(row: &rusqlite::Row<'_>, index: usize, kind: Kind) -> rusqlite::Result<Value> {
    Ok(match kind {
        Kind::Int => Value::Int(row.get(index)?),
        Kind::Text => Value::Text(row.get(index)?),
        Kind::Bytes => Value::Bytes(row.get(index)?),
    })
}

impl rusqlite::ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        let value = match self {
            Value::Int(Some(value)) => ValueRef::Integer(*value),
            Value::Text(Some(value)) => ValueRef::Text(value.as_bytes()),
            Value::Bytes(Some(value)) => ValueRef::Blob(value),
            Value::Int(None) | Value::Text(None) | Value::Bytes(None) => ValueRef::Null,
        };
        Ok(ToSqlOutput::Borrowed(value))
    }
}

impl Dump for ServerStore {
    fn begin_reading(&mut self) -> Result<(), StoreError> {
        self.link().begin_reading()
    }

    fn read(&mut self, table: &'static Table, take: &mut Take<'_>) -> Result<(), StoreError> {
        self.link().each(&select(table), &[], "read a table", |row| {
            let kinds = table.columns.iter().map(|(_, kind)| *kind);
            match take(server_values(&row, kinds)?) {
                ControlFlow::Continue(()) => Ok(()),
                ControlFlow::Break(()) => Err(StoreError::Interrupted),
            }
        })
    }

    fn extent(&mut self) -> Result<Extent, StoreError> {
        let summary = server::load::summary(self.link(), false)?;
        Ok(Extent::new(summary.counts, [summary.last_account, summary.last_post, summary.last_image]))
    }

    fn number(&mut self, sql: &str) -> Result<i64, StoreError> {
        let found = self.link().rows(sql, &[], "read a number")?;
        found.first().map_or(Ok(0), |row| row.number(0))
    }

    fn question(&mut self, sql: &str, kinds: &[Kind]) -> Result<Vec<Vec<Value>>, StoreError> {
        let found = self.link().rows(sql, &[], "ask the database")?;
        found.iter().map(|row| server_values(row, kinds.iter().copied())).collect()
    }

    fn begin_writing(&mut self) -> Result<(), StoreError> {
        self.link().begin_writing()
    }

    fn write(&mut self, table: &'static Table, rows: &[Vec<Value>]) -> Result<(), StoreError> {
        server::flush::insert(self.link(), table, rows, false)
    }

    fn run(&mut self, sql: &str) -> Result<u64, StoreError> {
        self.link().run(sql, &[], "change the database")
    }

    fn set_extent(&mut self, extent: &Extent) -> Result<(), StoreError> {
        server::flush::store_extent(self.link(), extent)
    }

    fn commit(&mut self) -> Result<(), StoreError> {
        self.link().commit()
    }

    fn begin_removing(&mut self) -> Result<(), StoreError> {
        self.begin_writing()?;
        match self.link().engine() {
            Engine::MySql => Ok(()),
            Engine::Postgres => self.run(INDEX_FOR_REMOVAL).map(|_| ()),
        }
    }

    fn commit_removing(&mut self) -> Result<(), StoreError> {
        if self.link().engine() == Engine::Postgres {
            self.run(DROP_INDEX_FOR_REMOVAL)?;
        }
        self.commit()
    }
}

fn server_values(
    row: &server::link::Row,
    kinds: impl Iterator<Item = Kind>,
) -> Result<Vec<Value>, StoreError> {
    kinds
        .enumerate()
        .map(|(index, kind)| {
            Ok(match kind {
                Kind::Int => Value::Int(row.int(index)?),
                Kind::Text => Value::Text(row.text(index)?),
                Kind::Bytes => Value::Bytes(row.bytes(index)?),
            })
        })
        .collect()
}

/// Nothing was ever stored in it.
pub fn is_empty(dump: &mut dyn Dump) -> Result<bool, StoreError> {
    for table in schema::ALL {
        if dump.number(&format!("SELECT count(*) FROM {}", table.name))? > 0 {
            return Ok(false);
        }
    }
    Ok(true)
}
