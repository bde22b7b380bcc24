//! One connection to a database server, blocking: opened when it is needed, and again after it was
//! lost. It runs its own small runtime on the caller's thread.

use std::future::Future;
use std::str::FromStr;
use std::time::{Duration, Instant};

use futures_util::TryStreamExt;
use sqlx::mysql::{MySqlArguments, MySqlConnectOptions, MySqlRow};
use sqlx::postgres::{PgArguments, PgConnectOptions, PgRow};
use sqlx::{Arguments, AssertSqlSafe, ConnectOptions, MySqlConnection, PgConnection};
use tokio::runtime::Runtime;

use super::engine::{Engine, classify};
use crate::store::StoreError;
use crate::store::error::{EngineError, EngineFault};
use crate::store::schema::Value;

/// A server that does not answer a new connection by then is away.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// The longest that one statement may take. A page of a million fingerprints takes seconds.
const STATEMENT_TIMEOUT: Duration = Duration::from_secs(300);

/// For what has deadlines within.
const NO_LIMIT: Duration = Duration::MAX;

/// A connection unused for this long is asked whether it still stands before it is trusted: servers
/// are restarted, close idle connections (after eight hours, by MySQL's default), and firewalls forget
/// them.
const TRUSTED_FOR: Duration = Duration::from_secs(1);

/// Prepared statements kept per connection: each of ours, in a few sizes.
const KEPT_STATEMENTS: usize = 256;

/// Where a server is, and how to speak to it. Not printed: it holds the password.
#[derive(Clone)]
pub struct Address {
    options: Options,
    /// The address as it may be shown.
    pub place: String,
}

#[derive(Clone)]
enum Options {
    MySql(MySqlConnectOptions),
    Postgres(PgConnectOptions),
}

impl Address {
    /// `None` if the URL is of neither engine.
    ///
    /// # Errors
    /// What is wrong with it, without its secrets.
    pub fn parse(url: &str) -> Option<Result<Address, String>> {
        let (scheme, _) = url.split_once("://")?;
        let place = super::super::without_password(url);
        let options = match scheme {
            "mysql" | "mariadb" => MySqlConnectOptions::from_str(url).map(|options| {
                let options = options
                    .statement_cache_capacity(KEPT_STATEMENTS)
                    .pipes_as_concat(false)
                    .no_engine_substitution(false)
                    .timezone(None);
                (options.get_database().is_some(), Options::MySql(options.disable_statement_logging()))
            }),
            "postgres" | "postgresql" => PgConnectOptions::from_str(url).map(|options| {
                let options = options.statement_cache_capacity(KEPT_STATEMENTS).application_name("aotf");
                (options.get_database().is_some(), Options::Postgres(options.disable_statement_logging()))
            }),
            _ => return None,
        };
        Some(match options {
            Ok((true, options)) => Ok(Address { options, place }),
            Ok((false, _)) => Err(format!("{place} names no database: it ends with /NAME")),
            Err(error) => Err(format!("{place}: {error}")),
        })
    }

    pub fn engine(&self) -> Engine {
        match self.options {
            Options::MySql(_) => Engine::MySql,
            Options::Postgres(_) => Engine::Postgres,
        }
    }
}

impl std::fmt::Debug for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Address").field("place", &self.place).finish_non_exhaustive()
    }
}

enum Connection {
    MySql(MySqlConnection),
    Postgres(PgConnection),
}

/// A row that was read.
pub enum Row {
    MySql(MySqlRow),
    Postgres(PgRow),
}

macro_rules! column {
    ($row:expr, $index:expr) => {
        match $row {
            // Unchecked, since MySQL has no text that is binary; the tables say what is what.
            Row::MySql(row) => sqlx::Row::try_get_unchecked(row, $index),
            Row::Postgres(row) => sqlx::Row::try_get_unchecked(row, $index),
        }
    };
}

impl Row {
    pub fn int(&self, index: usize) -> Result<Option<i64>, StoreError> {
        column!(self, index).map_err(unreadable)
    }

    pub fn text(&self, index: usize) -> Result<Option<String>, StoreError> {
        column!(self, index).map_err(unreadable)
    }

    pub fn bytes(&self, index: usize) -> Result<Option<Vec<u8>>, StoreError> {
        column!(self, index).map_err(unreadable)
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
                let len = bytes.len();
                bytes.try_into().map_err(|_| StoreError::Strange {
                    what: "bytes of another length",
                    value: format!("{len} instead of {N} in column {index}"),
                })
            })
            .transpose()
    }
}

fn unreadable(error: sqlx::Error) -> StoreError {
    StoreError::Statement { step: "read a value", source: EngineError::new(EngineFault::Misfit, error) }
}

fn null(index: usize) -> StoreError {
    StoreError::Strange { what: "nothing where a value must be", value: format!("column {index}") }
}

/// The connection.
pub struct Link {
    address: Address,
    read_only: bool,
    runtime: Runtime,
    connection: Option<Connection>,
    used: Instant,
    /// Between `begin` and its end, a lost connection is not replaced: what was done is lost with it.
    in_transaction: bool,
}

impl Link {
    /// Connects.
    pub fn open(address: Address, read_only: bool) -> Result<Link, StoreError> {
        let place = address.place.clone();
        let opening = |source| StoreError::Open { place: place.clone(), source };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| opening(EngineError::new(EngineFault::Surroundings, error)))?;
        let mut link = Link {
            address,
            read_only,
            runtime,
            connection: None,
            used: Instant::now(),
            in_transaction: false,
        };
        link.connect().map_err(opening)?;
        Ok(link)
    }

    pub fn engine(&self) -> Engine {
        self.address.engine()
    }

    pub fn place(&self) -> &str {
        &self.address.place
    }

    fn connect(&mut self) -> Result<(), EngineError> {
        let options = self.address.options.clone();
        let (engine, read_only) = (self.engine(), self.read_only);
        let connecting = async {
            let mut connection = match options {
                Options::MySql(options) => Connection::MySql(options.connect().await?),
                Options::Postgres(options) => Connection::Postgres(options.connect().await?),
            };
            connection.command(engine.session(false)).await?;
            if read_only {
                connection.command(engine.session(true)).await?;
            }
            Ok(connection)
        };
        self.connection = Some(wait(&self.runtime, CONNECT_TIMEOUT, connecting).map_err(classify)?);
        self.used = Instant::now();
        Ok(())
    }

    /// The connection, which stood a moment ago.
    fn ready(&mut self) -> Result<(), EngineError> {
        if self.in_transaction {
            return match self.connection {
                Some(_) => Ok(()),
                None => Err(EngineError::new(EngineFault::Surroundings, "the connection was lost")),
            };
        }
        if self.used.elapsed() > TRUSTED_FOR
            && let Some(connection) = &mut self.connection
            && wait(&self.runtime, CONNECT_TIMEOUT, connection.command("SELECT 1")).is_err()
        {
            self.connection = None;
        }
        if self.connection.is_none() { self.connect() } else { Ok(()) }
    }

    /// Does `work` on the connection. After an error of the connection itself it is given up.
    fn with<T>(
        &mut self,
        step: &'static str,
        limit: Duration,
        work: impl AsyncFnOnce(&mut Connection) -> Result<T, sqlx::Error>,
    ) -> Result<T, StoreError> {
        let done = self.ready().and_then(|()| {
            let connection = self.connection.as_mut().expect("ready connects");
            let done = wait(&self.runtime, limit, work(connection)).map_err(classify);
            self.used = Instant::now();
            done
        });
        done.map_err(|source| {
            if source.fault != EngineFault::Misfit {
                self.connection = None;
            }
            StoreError::Statement { step, source }
        })
    }

    /// One statement, or several, without parameters and without rows.
    pub fn command(&mut self, sql: &'static str, step: &'static str) -> Result<(), StoreError> {
        self.with(step, STATEMENT_TIMEOUT, async |connection| connection.command(sql).await)
    }

    /// Runs a statement; how many rows it changed.
    pub fn run(&mut self, sql: &str, values: &[Value], step: &'static str) -> Result<u64, StoreError> {
        let sql = self.engine().phrase(sql).into_owned();
        self.run_phrased(sql, values, step)
    }

    /// The same, for a statement that is written for the engine already.
    pub fn run_phrased(
        &mut self,
        sql: String,
        values: &[Value],
        step: &'static str,
    ) -> Result<u64, StoreError> {
        self.with(step, STATEMENT_TIMEOUT, async |connection| match connection {
            Connection::MySql(connection) => {
                let query = sqlx::query_with(AssertSqlSafe(sql), mysql_arguments(values)?);
                query.execute(connection).await.map(|done| done.rows_affected())
            }
            Connection::Postgres(connection) => {
                let query = sqlx::query_with(AssertSqlSafe(sql), postgres_arguments(values)?);
                query.execute(connection).await.map(|done| done.rows_affected())
            }
        })
    }

    /// The rows of a statement.
    pub fn rows(&mut self, sql: &str, values: &[Value], step: &'static str) -> Result<Vec<Row>, StoreError> {
        let mut rows = Vec::new();
        self.each(sql, values, step, |row| {
            rows.push(row);
            Ok(())
        })?;
        Ok(rows)
    }

    /// Passes the rows of a statement on as they come, without keeping them.
    pub fn each(
        &mut self,
        sql: &str,
        values: &[Value],
        step: &'static str,
        mut take: impl FnMut(Row) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let sql = self.engine().phrase(sql).into_owned();
        // However long all rows take: what must not be waited for is the next.
        let taken = self.with(step, NO_LIMIT, async |connection| {
            match connection {
                Connection::MySql(connection) => {
                    let query = sqlx::query_with(AssertSqlSafe(sql), mysql_arguments(values)?);
                    let mut rows = query.fetch(connection);
                    while let Some(row) = in_time(rows.try_next()).await? {
                        if let Err(error) = take(Row::MySql(row)) {
                            return Ok(Err(error));
                        }
                    }
                }
                Connection::Postgres(connection) => {
                    let query = sqlx::query_with(AssertSqlSafe(sql), postgres_arguments(values)?);
                    let mut rows = query.fetch(connection);
                    while let Some(row) = in_time(rows.try_next()).await? {
                        if let Err(error) = take(Row::Postgres(row)) {
                            return Ok(Err(error));
                        }
                    }
                }
            }
            Ok(Ok(()))
        })?;
        if taken.is_err() {
            // Rows that nobody reads are still on their way.
            self.connection = None;
        }
        taken
    }

    /// From now on everything that is read is of one state of the database, until the connection ends.
    /// Once that is lost, so is the state, and nothing more can be read.
    pub fn begin_reading(&mut self) -> Result<(), StoreError> {
        self.command(self.engine().begin_snapshot(), "begin to read")?;
        self.in_transaction = true;
        // PostgreSQL's state is that of the first question.
        self.command("SELECT 1", "begin to read")
    }

    /// From now on everything that is written is one change, which `commit` ends.
    pub fn begin_writing(&mut self) -> Result<(), StoreError> {
        self.command("BEGIN", "begin a change")?;
        self.in_transaction = true;
        Ok(())
    }

    /// Ends what `begin_writing` began.
    pub fn commit(&mut self) -> Result<(), StoreError> {
        self.command("COMMIT", "commit a change")?;
        self.in_transaction = false;
        Ok(())
    }

    /// Begins a transaction. Dropped without `commit`, it is rolled back.
    pub fn begin(&mut self, sql: &'static str) -> Result<Transaction<'_>, StoreError> {
        self.command(sql, "begin a change")?;
        self.in_transaction = true;
        Ok(Transaction { link: self })
    }
}

/// A transaction on a link.
pub struct Transaction<'a> {
    pub link: &'a mut Link,
}

impl Transaction<'_> {
    pub fn commit(self) -> Result<(), StoreError> {
        self.link.commit()
    }
}

impl Drop for Transaction<'_> {
    fn drop(&mut self) {
        if !self.link.in_transaction {
            return;
        }
        if self.link.connection.is_some() && self.link.command("ROLLBACK", "take back a change").is_err() {
            self.link.connection = None;
        }
        self.link.in_transaction = false;
    }
}

impl Connection {
    async fn command(&mut self, sql: &'static str) -> Result<(), sqlx::Error> {
        match self {
            Connection::MySql(connection) => sqlx::raw_sql(sql).execute(connection).await.map(|_| ()),
            Connection::Postgres(connection) => sqlx::raw_sql(sql).execute(connection).await.map(|_| ()),
        }
    }
}

fn wait<T>(
    runtime: &Runtime,
    limit: Duration,
    work: impl Future<Output = Result<T, sqlx::Error>>,
) -> Result<T, sqlx::Error> {
    runtime.block_on(within(limit, work))
}

async fn in_time<T>(work: impl Future<Output = Result<T, sqlx::Error>>) -> Result<T, sqlx::Error> {
    within(STATEMENT_TIMEOUT, work).await
}

async fn within<T>(
    limit: Duration,
    work: impl Future<Output = Result<T, sqlx::Error>>,
) -> Result<T, sqlx::Error> {
    match tokio::time::timeout(limit, work).await {
        Ok(done) => done,
        Err(_) => Err(sqlx::Error::Io(std::io::Error::new(
            std::io::ErrorKind::TimedOut,
            format!("no answer from the database within {} s", limit.as_secs()),
        ))),
    }
}

fn mysql_arguments(values: &[Value]) -> Result<MySqlArguments, sqlx::Error> {
    let mut arguments = MySqlArguments::default();
    for value in values {
        match value {
            Value::Int(value) => arguments.add(*value),
            Value::Text(value) => arguments.add(value.as_deref().map(str::as_bytes)),
            Value::Bytes(value) => arguments.add(value.as_deref()),
        }
        .map_err(sqlx::Error::Encode)?;
    }
    Ok(arguments)
}

fn postgres_arguments(values: &[Value]) -> Result<PgArguments, sqlx::Error> {
    let mut arguments = PgArguments::default();
    for value in values {
        match value {
            Value::Int(value) => arguments.add(*value),
            // PostgreSQL's texts cannot hold the character 0, which nobody means to send.
            Value::Text(Some(value)) if value.contains('\0') => {
                arguments.add(value.replace('\0', "\u{fffd}"))
            }
            Value::Text(value) => arguments.add(value.as_deref()),
            Value::Bytes(value) => arguments.add(value.as_deref()),
        }
        .map_err(sqlx::Error::Encode)?;
    }
    Ok(arguments)
}
