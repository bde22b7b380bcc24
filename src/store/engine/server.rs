//! One connection to a database server: opened when it is needed, and again after it was lost. It runs its
//! own small runtime on the caller's thread.

use std::future::Future;
use std::time::{Duration, Instant};

use futures_util::TryStreamExt;
use sqlx::mysql::MySqlArguments;
use sqlx::postgres::PgArguments;
use sqlx::{Arguments, AssertSqlSafe, ConnectOptions, MySqlConnection, PgConnection};
use tokio::runtime::Runtime;

use super::address::{Access, Address, Options};
use super::dialect::Dialect;
use super::faults::of_server;
use super::row::Row;
use crate::store::error::{EngineError, EngineFault, StoreError};
use crate::store::schema::{Table, Value};

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

/// The sizes of one `INSERT`: few enough that each is prepared once. The largest stays below 65,535
/// parameters.
const ROWS_PER_INSERT: [usize; 9] = [1024, 512, 256, 128, 64, 32, 16, 4, 1];

/// What one `INSERT` may hold, bytes, unless it is one row: a record of TLS, which has 16 KiB. sqlx leaves
/// Nagle's algorithm on, so that the end of what takes two waits until the server acknowledges the beginning,
/// which it puts off for 40 ms.
const BYTES_PER_INSERT: usize = 15 * 1024;

/// A connection, opened again after it was lost.
pub struct ServerConnection {
    address: Address,
    access: Access,
    runtime: Runtime,
    driver: Option<Driver>,
    used: Instant,
    /// Between `begin` and its end, a lost connection is not replaced: what was done is lost with it.
    in_transaction: bool,
}

impl ServerConnection {
    /// Connects.
    pub fn open(address: Address, access: Access) -> Result<ServerConnection, StoreError> {
        let place = address.place.clone();
        let opening = |source| StoreError::Open { place: place.clone(), source };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| opening(EngineError::new(EngineFault::Surroundings, error)))?;
        let mut connection = ServerConnection {
            address,
            access,
            runtime,
            driver: None,
            used: Instant::now(),
            in_transaction: false,
        };
        connection.connect().map_err(opening)?;
        Ok(connection)
    }

    pub fn dialect(&self) -> Dialect {
        self.address.dialect()
    }

    pub fn place(&self) -> &str {
        &self.address.place
    }

    fn connect(&mut self) -> Result<(), EngineError> {
        let options = self.address.options.clone();
        let (dialect, access) = (self.dialect(), self.access);
        let connecting = async {
            let mut driver = match options {
                Options::MySql(options) => Driver::MySql(options.connect().await?),
                Options::Postgres(options) => Driver::Postgres(options.connect().await?),
            };
            driver.command(dialect.session(false)).await?;
            if access == Access::Read {
                driver.command(dialect.session(true)).await?;
            }
            Ok(driver)
        };
        self.driver = Some(wait(&self.runtime, CONNECT_TIMEOUT, connecting).map_err(of_server)?);
        self.used = Instant::now();
        Ok(())
    }

    /// The connection stands, or stood a moment ago.
    fn ready(&mut self) -> Result<(), EngineError> {
        if self.in_transaction {
            return match self.driver {
                Some(_) => Ok(()),
                None => Err(EngineError::new(EngineFault::Surroundings, "the connection was lost")),
            };
        }
        if self.used.elapsed() > TRUSTED_FOR
            && let Some(driver) = &mut self.driver
            && wait(&self.runtime, CONNECT_TIMEOUT, driver.command("SELECT 1")).is_err()
        {
            self.driver = None;
        }
        if self.driver.is_none() { self.connect() } else { Ok(()) }
    }

    /// Does `work` on the connection. After an error of the connection itself it is given up.
    fn with<T>(
        &mut self,
        step: &'static str,
        limit: Duration,
        work: impl AsyncFnOnce(&mut Driver) -> Result<T, sqlx::Error>,
    ) -> Result<T, StoreError> {
        let done = self.ready().and_then(|()| {
            let driver = self.driver.as_mut().expect("ready connects");
            let done = wait(&self.runtime, limit, work(driver)).map_err(of_server);
            self.used = Instant::now();
            done
        });
        done.map_err(|source| {
            if source.fault != EngineFault::Misfit {
                self.driver = None;
            }
            StoreError::Statement { step, source }
        })
    }

    pub fn command(&mut self, sql: &'static str, step: &'static str) -> Result<(), StoreError> {
        self.with(step, STATEMENT_TIMEOUT, async |driver| driver.command(sql).await)
    }

    pub fn run(&mut self, sql: &str, values: &[Value], step: &'static str) -> Result<u64, StoreError> {
        let sql = self.dialect().phrase(sql).into_owned();
        self.run_phrased(sql, values, step)
    }

    /// The same, for a statement that is written for the engine already.
    fn run_phrased(&mut self, sql: String, values: &[Value], step: &'static str) -> Result<u64, StoreError> {
        self.with(step, STATEMENT_TIMEOUT, async |driver| match driver {
            Driver::MySql(connection) => {
                let query = sqlx::query_with(AssertSqlSafe(sql), mysql_arguments(values)?);
                query.execute(connection).await.map(|done| done.rows_affected())
            }
            Driver::Postgres(connection) => {
                let query = sqlx::query_with(AssertSqlSafe(sql), postgres_arguments(values)?);
                query.execute(connection).await.map(|done| done.rows_affected())
            }
        })
    }

    /// In as few statements as the rows fit in, since each costs a journey to the server.
    pub fn insert(
        &mut self,
        table: &Table,
        mut rows: &[Vec<Value>],
        replacing: bool,
    ) -> Result<(), StoreError> {
        while !rows.is_empty() {
            let fits = |chunk: &[Vec<Value>]| bytes_of(chunk) <= BYTES_PER_INSERT;
            let size =
                ROWS_PER_INSERT.into_iter().find(|size| rows.get(..*size).is_some_and(fits)).unwrap_or(1);
            let (chunk, rest) = rows.split_at(size);
            let sql = self.dialect().insert(table, size, replacing);
            self.run_phrased(sql, &chunk.concat(), "insert rows")?;
            rows = rest;
        }
        Ok(())
    }

    pub fn each(
        &mut self,
        sql: &str,
        values: &[Value],
        step: &'static str,
        take: &mut dyn FnMut(&Row<'_>) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let sql = self.dialect().phrase(sql).into_owned();
        // However long all rows take: what must not be waited for is the next.
        let taken = self.with(step, NO_LIMIT, async |driver| {
            match driver {
                Driver::MySql(connection) => {
                    let query = sqlx::query_with(AssertSqlSafe(sql), mysql_arguments(values)?);
                    let mut rows = query.fetch(connection);
                    while let Some(row) = in_time(rows.try_next()).await? {
                        if let Err(error) = take(&Row::MySql(row)) {
                            return Ok(Err(error));
                        }
                    }
                }
                Driver::Postgres(connection) => {
                    let query = sqlx::query_with(AssertSqlSafe(sql), postgres_arguments(values)?);
                    let mut rows = query.fetch(connection);
                    while let Some(row) = in_time(rows.try_next()).await? {
                        if let Err(error) = take(&Row::Postgres(row)) {
                            return Ok(Err(error));
                        }
                    }
                }
            }
            Ok(Ok(()))
        })?;
        if taken.is_err() {
            // Rows that nobody reads are still on their way.
            self.driver = None;
        }
        taken
    }

    /// Between a transaction's beginning and its end, a lost connection is not replaced.
    pub fn hold(&mut self, held: bool) {
        self.in_transaction = held;
    }

    /// Takes an unfinished transaction back, if there is one.
    pub fn roll_back(&mut self) {
        if !self.in_transaction {
            return;
        }
        if self.driver.is_some() && self.command("ROLLBACK", "take back a change").is_err() {
            self.driver = None;
        }
        self.in_transaction = false;
    }
}

/// The connection itself.
enum Driver {
    MySql(MySqlConnection),
    Postgres(PgConnection),
}

impl Driver {
    async fn command(&mut self, sql: &'static str) -> Result<(), sqlx::Error> {
        match self {
            Driver::MySql(connection) => sqlx::raw_sql(sql).execute(connection).await.map(|_| ()),
            Driver::Postgres(connection) => sqlx::raw_sql(sql).execute(connection).await.map(|_| ()),
        }
    }
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
