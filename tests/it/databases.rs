//! The daemon on each database server of this machine.

use sqlx::{AssertSqlSafe, Connection, Executor};

use crate::daemon::{Daemon, Setup};
use crate::needs::skipped;

/// A kind of server.
#[derive(Clone, Copy)]
pub enum Server {
    MySql,
    Postgres,
}

/// A database of its own, dropped with this.
pub struct Database {
    server: Server,
    name: String,
}

impl Server {
    fn url(self) -> String {
        let (variable, default) = match self {
            Server::MySql => ("AOTF_TEST_MYSQL_URL", "mysql://root@127.0.0.1:3306/mysql"),
            Server::Postgres => ("AOTF_TEST_POSTGRES_URL", "postgres://postgres@127.0.0.1:5432/postgres"),
        };
        std::env::var(variable).unwrap_or_else(|_| default.to_owned())
    }

    /// One statement on the database at `url`.
    pub fn run(self, url: &str, sql: &str) -> Result<(), sqlx::Error> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            match self {
                Server::MySql => {
                    let mut connection = sqlx::MySqlConnection::connect(url).await?;
                    connection.execute(sqlx::raw_sql(AssertSqlSafe(sql.to_owned()))).await.map(|_| ())
                }
                Server::Postgres => {
                    let mut connection = sqlx::PgConnection::connect(url).await?;
                    connection.execute(sqlx::raw_sql(AssertSqlSafe(sql.to_owned()))).await.map(|_| ())
                }
            }
        })
    }

    /// `None`, and said loudly, where no such server answers.
    pub fn database(self, name: &str) -> Option<Database> {
        let name = format!("aotf_it_{name}_{}", std::process::id());
        match self.run(&self.url(), &format!("CREATE DATABASE {name}")) {
            Ok(()) => Some(Database { server: self, name }),
            Err(error) => {
                skipped(format!("no database at {}: {error}", self.url()));
                None
            }
        }
    }
}

impl Database {
    pub fn url(&self) -> String {
        let url = self.server.url();
        format!("{}/{}", url.rsplit_once('/').unwrap().0, self.name)
    }

    /// Takes all tables out of it.
    pub fn make_anew(&self) {
        self.cut_connections();
        for sql in [format!("DROP DATABASE {}", self.name), format!("CREATE DATABASE {}", self.name)] {
            self.server.run(&self.server.url(), &sql).unwrap();
        }
    }

    /// Ends all connections to it, as a restart of the server does.
    fn cut_connections(&self) {
        let sql = match self.server {
            Server::MySql => format!(
                // A connection may end by itself meanwhile.
                "BEGIN NOT ATOMIC
                    DECLARE CONTINUE HANDLER FOR 1094 BEGIN END;
                    FOR c IN (SELECT id FROM information_schema.processlist WHERE db = '{}') DO
                        KILL c.id;
                    END FOR;
                 END",
                self.name
            ),
            Server::Postgres => format!(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{}'",
                self.name
            ),
        };
        self.server.run(&self.server.url(), &sql).unwrap();
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let force = match self.server {
            Server::MySql => "",
            Server::Postgres => " WITH (FORCE)",
        };
        let sql = format!("DROP DATABASE IF EXISTS {}{force}", self.name);
        if let Err(error) = self.server.run(&self.server.url(), &sql) {
            eprintln!("{} could not be dropped: {error}", self.name);
        }
    }
}

pub fn setup(database: &Database) -> Setup {
    let extra = format!("\n[database]\nurl = {:?}\n", database.url());
    Setup { extra: Box::leak(extra.into_boxed_str()), ..Setup::default() }
}

/// A query is answered, also after the server has cut all connections, and also by the next daemon.
fn check_world_on(server: Server) {
    let Some(database) = server.database("world") else { return };
    let daemon = Daemon::start(setup(&database));
    let cases = daemon.world.known();
    let urls: Vec<String> = cases.iter().filter_map(|case| case.url().map(str::to_owned)).take(2).collect();
    let first = daemon.query(&urls[0]);
    assert_eq!(first["has_first_time_scan"], true, "{first:#}");
    assert!(first["results"][0]["tweet_id"].is_string(), "{first:#}");
    assert!(!daemon.folder.path().join("data/aotf.db").exists(), "everything is on the server");
    daemon.stats_when("the posts in the figures", |stats| stats["indexed_tweets_count"].as_u64() > Some(0));

    database.cut_connections();
    let second = daemon.query(&urls[1]);
    assert_eq!(second["status"], "END", "{second:#}");

    let (folder, world) = crate::queries::end(daemon);
    let again = Daemon::start_in(folder, world, &setup(&database));
    let third = again.query(&urls[0]);
    assert_eq!(third["has_first_time_scan"], false, "{third:#}");
    assert_eq!(third["results"][0]["tweet_id"], first["results"][0]["tweet_id"]);
}

#[test]
fn the_world_on_mysql() {
    check_world_on(Server::MySql);
}

#[test]
fn the_world_on_postgres() {
    check_world_on(Server::Postgres);
}
