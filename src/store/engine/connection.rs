//! One connection to a database of any engine, blocking, and the transactions on it.

use super::address::{Access, Place};
use super::dialect::Dialect;
use super::row::Row;
use super::server::ServerConnection;
use super::sqlite::SqliteFile;
use crate::store::error::StoreError;
use crate::store::schema::{Table, Value};

/// A connection. Statements are written with `?` for their parameters.
pub enum Connection {
    File(Box<SqliteFile>),
    Server(Box<ServerConnection>),
}

impl Connection {
    pub fn open(place: &Place, access: Access) -> Result<Connection, StoreError> {
        Ok(match place {
            Place::File(path) => Connection::File(Box::new(SqliteFile::open(path, access)?)),
            Place::Server(address) => {
                Connection::Server(Box::new(ServerConnection::open((**address).clone(), access)?))
            }
        })
    }

    pub fn dialect(&self) -> Dialect {
        match self {
            Connection::File(_) => Dialect::Sqlite,
            Connection::Server(server) => server.dialect(),
        }
    }

    /// The address as it may be shown.
    pub fn place(&self) -> &str {
        match self {
            Connection::File(file) => file.place(),
            Connection::Server(server) => server.place(),
        }
    }

    /// Whether all of a file can be read. Servers check their own files.
    pub fn check_pages(&self) -> Result<(), StoreError> {
        match self {
            Connection::File(file) => file.check_pages(),
            Connection::Server(_) => Ok(()),
        }
    }

    /// Whether a file still lies where it was opened, so that what is written to it can be found again.
    pub fn check_standing(&mut self) -> Result<(), StoreError> {
        match self {
            Connection::File(file) => file.check_standing(),
            Connection::Server(_) => Ok(()),
        }
    }

    /// From now on a commit is on the disk when it returns. Servers see to that themselves.
    pub fn make_durable(&self) -> Result<(), StoreError> {
        match self {
            Connection::File(file) => file.make_durable(),
            Connection::Server(_) => Ok(()),
        }
    }

    /// One statement, or several, without parameters and without rows.
    pub fn command(&mut self, sql: &'static str, step: &'static str) -> Result<(), StoreError> {
        match self {
            Connection::File(file) => file.command(sql, step),
            Connection::Server(server) => server.command(sql, step),
        }
    }

    /// Runs a statement; how many rows it changed.
    pub fn run(&mut self, sql: &str, values: &[Value], step: &'static str) -> Result<u64, StoreError> {
        match self {
            Connection::File(file) => file.run(sql, values, step),
            Connection::Server(server) => server.run(sql, values, step),
        }
    }

    /// Inserts rows; with `replacing`, rows of the same key are written anew.
    pub fn insert(&mut self, table: &Table, rows: &[Vec<Value>], replacing: bool) -> Result<(), StoreError> {
        match self {
            Connection::File(file) => file.insert(table, rows, replacing),
            Connection::Server(server) => server.insert(table, rows, replacing),
        }
    }

    /// Passes the rows of a statement on as they come, without keeping them.
    pub fn each(
        &mut self,
        sql: &str,
        values: &[Value],
        step: &'static str,
        mut take: impl FnMut(&Row<'_>) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        match self {
            Connection::File(file) => file.each(sql, values, step, &mut take),
            Connection::Server(server) => server.each(sql, values, step, &mut take),
        }
    }

    /// The rows of a statement, as `read` understands them.
    pub fn list<T>(
        &mut self,
        sql: &str,
        values: &[Value],
        step: &'static str,
        mut read: impl FnMut(&Row<'_>) -> Result<T, StoreError>,
    ) -> Result<Vec<T>, StoreError> {
        let mut found = Vec::new();
        self.each(sql, values, step, |row| {
            found.push(read(row)?);
            Ok(())
        })?;
        Ok(found)
    }

    /// From now on everything that is read is of one state of the database, until the connection ends.
    /// Once that is lost, so is the state, and nothing more can be read.
    pub fn begin_reading(&mut self) -> Result<(), StoreError> {
        self.command(self.dialect().begin_snapshot(), "begin to read")?;
        self.hold(true);
        // PostgreSQL's state is that of the first question.
        self.command("SELECT 1", "begin to read")
    }

    /// From now on everything that is written is one change, which `commit` ends.
    pub fn begin_writing(&mut self) -> Result<(), StoreError> {
        self.command(self.dialect().begin(), "begin a change")?;
        self.hold(true);
        Ok(())
    }

    /// Ends what `begin_writing` began.
    pub fn commit(&mut self) -> Result<(), StoreError> {
        self.command("COMMIT", "commit a change")?;
        self.hold(false);
        Ok(())
    }

    /// Begins a transaction. Dropped without `commit`, it is rolled back.
    pub fn begin(&mut self) -> Result<Transaction<'_>, StoreError> {
        self.begin_writing()?;
        Ok(Transaction { connection: self })
    }

    /// While a transaction is held, a lost connection to a server is not replaced.
    fn hold(&mut self, held: bool) {
        match self {
            Connection::File(_) => {}
            Connection::Server(server) => server.hold(held),
        }
    }
}

/// A transaction on a connection.
pub struct Transaction<'a> {
    pub connection: &'a mut Connection,
}

impl Transaction<'_> {
    pub fn commit(self) -> Result<(), StoreError> {
        self.connection.commit()
    }
}

impl Drop for Transaction<'_> {
    fn drop(&mut self) {
        match self.connection {
            Connection::File(file) => file.roll_back(),
            Connection::Server(server) => server.roll_back(),
        }
    }
}
