//! What differs between MySQL and PostgreSQL: how a statement is written, and what an error means.

use std::borrow::Cow;
use std::fmt::Write;

use sqlx::mysql::MySqlDatabaseError;

use crate::store::error::{EngineError, EngineFault};
use crate::store::migrate::Migration;
use crate::store::schema::Table;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    /// MySQL from 8.0, MariaDB from 10.6.
    MySql,
    /// From 14.
    Postgres,
}

impl Engine {
    pub fn migrations(self) -> &'static [Migration] {
        match self {
            Engine::MySql => &[
                Migration {
                    number: 1,
                    name: "first tables",
                    sql: include_str!("../../../migrations/mysql/0001_first_tables.sql"),
                },
                Migration {
                    number: 2,
                    name: "images by account",
                    sql: include_str!("../../../migrations/mysql/0002_images_by_account.sql"),
                },
                Migration {
                    number: 3,
                    name: "unavailable images",
                    sql: include_str!("../../../migrations/mysql/0003_unavailable_images.sql"),
                },
            ],
            Engine::Postgres => &[
                Migration {
                    number: 1,
                    name: "first tables",
                    sql: include_str!("../../../migrations/postgres/0001_first_tables.sql"),
                },
                Migration {
                    number: 2,
                    name: "images by account",
                    sql: include_str!("../../../migrations/postgres/0002_images_by_account.sql"),
                },
                Migration {
                    number: 3,
                    name: "unavailable images",
                    sql: include_str!("../../../migrations/postgres/0003_unavailable_images.sql"),
                },
            ],
        }
    }

    /// A statement with `?` for its parameters, as this engine writes them. No text in our
    /// statements holds a question mark.
    pub fn phrase(self, sql: &str) -> Cow<'_, str> {
        match self {
            Engine::MySql => Cow::Borrowed(sql),
            Engine::Postgres => {
                let mut phrased = String::with_capacity(sql.len() + 16);
                let mut parts = sql.split('?');
                phrased.push_str(parts.next().unwrap_or_default());
                for (number, part) in (1_usize..).zip(parts) {
                    write!(phrased, "${number}{part}").expect("a string takes everything");
                }
                Cow::Owned(phrased)
            }
        }
    }

    /// `INSERT` of so many rows; with `replacing`, a row of the same key is written anew.
    pub fn insert(self, table: &Table, rows: usize, replacing: bool) -> String {
        let row = format!("({})", vec!["?"; table.columns.len()].join(", "));
        let mut sql = format!("INSERT INTO {} ({}) VALUES ", table.name, table.column_list());
        sql.push_str(&vec![row.as_str(); rows].join(", "));
        if replacing {
            let (key, rest) = table.columns.split_at(table.key);
            let set = |how: &dyn Fn(&str) -> String| {
                rest.iter().map(|(name, _)| how(name)).collect::<Vec<_>>().join(", ")
            };
            match self {
                Engine::MySql => {
                    sql.push_str(" ON DUPLICATE KEY UPDATE ");
                    sql.push_str(&set(&|name| format!("{name} = VALUES({name})")));
                }
                Engine::Postgres => {
                    let key = key.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
                    sql.push_str(&format!(" ON CONFLICT ({key}) DO UPDATE SET "));
                    sql.push_str(&set(&|name| format!("{name} = excluded.{name}")));
                }
            }
        }
        self.phrase(&sql).into_owned()
    }

    /// What makes a new connection fit for us. Locks are not waited for longer than ten seconds: the
    /// caller tries again, and can be stopped in between.
    pub fn session(self, read_only: bool) -> &'static str {
        match (self, read_only) {
            (Engine::MySql, false) => {
                "SET SESSION sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION',
                    innodb_lock_wait_timeout = 10, lock_wait_timeout = 10"
            }
            (Engine::MySql, true) => "SET SESSION TRANSACTION READ ONLY",
            (Engine::Postgres, false) => "SET lock_timeout = '10s'",
            (Engine::Postgres, true) => "SET default_transaction_read_only = on",
        }
    }

    /// The present moment as text, RFC 3339.
    pub fn moment(self) -> &'static str {
        match self {
            Engine::MySql => "DATE_FORMAT(UTC_TIMESTAMP(), '%Y-%m-%dT%H:%i:%sZ')",
            Engine::Postgres => "to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')",
        }
    }

    /// Begins a transaction that sees one state of the database, whatever is written meanwhile.
    pub fn begin_snapshot(self) -> &'static str {
        match self {
            Engine::MySql => "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY",
            Engine::Postgres => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
        }
    }

    /// The tables that are in the database now: their number, and that of those named `migrations`.
    pub fn look_for_tables(self) -> &'static str {
        match self {
            Engine::MySql => {
                "SELECT COUNT(*), CAST(COALESCE(SUM(table_name = 'migrations'), 0) AS SIGNED)
                 FROM information_schema.tables WHERE table_schema = DATABASE()"
            }
            Engine::Postgres => {
                "SELECT count(*), count(*) FILTER (WHERE tablename = 'migrations')
                 FROM pg_tables WHERE schemaname = current_schema()"
            }
        }
    }
}

/// What the server's error means for the caller.
pub fn classify(error: sqlx::Error) -> EngineError {
    use sqlx::Error;
    let fault = match &error {
        Error::Database(told) => match told.try_downcast_ref::<MySqlDatabaseError>() {
            Some(told) => mysql_fault(told.number()),
            None => postgres_fault(told.code().as_deref().unwrap_or_default()),
        },
        Error::Io(_) | Error::Tls(_) | Error::Protocol(_) | Error::WorkerCrashed => EngineFault::Surroundings,
        _ => EngineFault::Misfit,
    };
    EngineError::new(fault, error)
}

/// By the server's error numbers, which MySQL and MariaDB share below 1800.
fn mysql_fault(number: u16) -> EngineFault {
    match number {
        // ER_LOCK_WAIT_TIMEOUT, ER_LOCK_DEADLOCK
        1205 | 1213 => EngineFault::Busy,
        // Disk full, table full; out of memory; too many connections; shutting down; killed;
        // read-only for now (a replica that is being promoted)
        1021 | 1114 | 1037 | 1038 | 1040 | 1041 | 1053 | 1077 | 1079 | 1203 | 1290 | 1317 | 1836 | 1927 => {
            EngineFault::Surroundings
        }
        // Crashed or corrupt tables
        1034 | 1035 | 1194 | 1195 | 1712 => EngineFault::Damaged,
        _ => EngineFault::Misfit,
    }
}

/// By SQLSTATE.
fn postgres_fault(code: &str) -> EngineFault {
    match code {
        // serialization_failure, deadlock_detected, lock_not_available
        "40001" | "40P01" | "55P03" => EngineFault::Busy,
        "XX001" | "XX002" => EngineFault::Damaged,
        // Connection, resources (disk full, memory, too many connections), shut down, system error
        _ if ["08", "53", "57", "58"].iter().any(|class| code.starts_with(class)) => {
            EngineFault::Surroundings
        }
        _ => EngineFault::Misfit,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::schema;

    #[test]
    fn statements_are_written_as_each_engine_wants_them() {
        let sql = "SELECT a FROM b WHERE c = ? AND d = ?";
        assert_eq!(Engine::MySql.phrase(sql), sql);
        assert_eq!(Engine::Postgres.phrase(sql), "SELECT a FROM b WHERE c = $1 AND d = $2");
        assert_eq!(
            Engine::Postgres.insert(&schema::RETRY_IMAGES, 2, true),
            "INSERT INTO retry_images (post, position, url, why) VALUES ($1, $2, $3, $4), ($5, $6, $7, $8) \
             ON CONFLICT (post, position) DO UPDATE SET url = excluded.url, why = excluded.why"
        );
        assert_eq!(
            Engine::MySql.insert(&schema::RETRIES, 1, false),
            "INSERT INTO retries (post, attempts, last_tried, next_due) VALUES (?, ?, ?, ?)"
        );
    }

    #[test]
    fn faults_of_the_servers() {
        for (number, fault) in [
            (1213, EngineFault::Busy),
            (1040, EngineFault::Surroundings),
            (1194, EngineFault::Damaged),
            (1146, EngineFault::Misfit),
        ] {
            assert_eq!(mysql_fault(number), fault, "{number}");
        }
        for (code, fault) in [
            ("40P01", EngineFault::Busy),
            ("57P01", EngineFault::Surroundings),
            ("53100", EngineFault::Surroundings),
            ("XX001", EngineFault::Damaged),
            ("42P01", EngineFault::Misfit),
        ] {
            assert_eq!(postgres_fault(code), fault, "{code}");
        }
    }
}
