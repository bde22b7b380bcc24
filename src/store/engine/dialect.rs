//! What differs between SQLite, MySQL and PostgreSQL: how a statement is written.

use std::borrow::Cow;
use std::fmt::Write;

use crate::store::schema::Table;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    Sqlite,
    /// MySQL from 8.0, MariaDB from 10.6.
    MySql,
    /// From 14.
    Postgres,
}

impl Dialect {
    /// A statement with `?` for its parameters, as this engine writes them. No text in our
    /// statements holds a question mark.
    pub fn phrase(self, sql: &str) -> Cow<'_, str> {
        match self {
            Dialect::Sqlite | Dialect::MySql => Cow::Borrowed(sql),
            Dialect::Postgres => {
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
                Dialect::MySql => {
                    sql.push_str(" ON DUPLICATE KEY UPDATE ");
                    sql.push_str(&set(&|name| format!("{name} = VALUES({name})")));
                }
                Dialect::Sqlite | Dialect::Postgres => {
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
            (Dialect::Sqlite, false) => "PRAGMA foreign_keys = ON",
            (Dialect::Sqlite, true) => "PRAGMA query_only = ON",
            (Dialect::MySql, false) => {
                "SET SESSION sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION',
                    innodb_lock_wait_timeout = 10, lock_wait_timeout = 10"
            }
            (Dialect::MySql, true) => "SET SESSION TRANSACTION READ ONLY",
            (Dialect::Postgres, false) => "SET lock_timeout = '10s'",
            (Dialect::Postgres, true) => "SET default_transaction_read_only = on",
        }
    }

    /// The present moment as text, RFC 3339.
    pub fn moment(self) -> &'static str {
        match self {
            Dialect::Sqlite => "strftime('%Y-%m-%dT%H:%M:%SZ', 'now')",
            Dialect::MySql => "DATE_FORMAT(UTC_TIMESTAMP(), '%Y-%m-%dT%H:%i:%sZ')",
            Dialect::Postgres => "to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')",
        }
    }

    /// Begins a transaction that writes. SQLite's takes its lock at once: it is waited for here, and nothing
    /// later can fail as busy.
    pub fn begin(self) -> &'static str {
        match self {
            Dialect::Sqlite => "BEGIN IMMEDIATE",
            Dialect::MySql | Dialect::Postgres => "BEGIN",
        }
    }

    /// What locks the row that a statement selects until the end of the transaction.
    pub fn for_update(self) -> &'static str {
        match self {
            // `BEGIN IMMEDIATE` has locked everything.
            Dialect::Sqlite => "",
            Dialect::MySql | Dialect::Postgres => " FOR UPDATE",
        }
    }

    /// Begins a transaction that sees one state of the database, whatever is written meanwhile.
    pub fn begin_snapshot(self) -> &'static str {
        match self {
            // The state is that of the first reading.
            Dialect::Sqlite => "BEGIN; SELECT count(*) FROM sqlite_schema",
            Dialect::MySql => "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY",
            Dialect::Postgres => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
        }
    }

    /// The tables that are in the database now: their number, and that of those named `migrations`.
    pub fn look_for_tables(self) -> &'static str {
        match self {
            Dialect::Sqlite => {
                "SELECT count(*), count(*) FILTER (WHERE name = 'migrations')
                 FROM sqlite_schema WHERE type = 'table'"
            }
            Dialect::MySql => {
                "SELECT COUNT(*), CAST(COALESCE(SUM(table_name = 'migrations'), 0) AS SIGNED)
                 FROM information_schema.tables WHERE table_schema = DATABASE()"
            }
            Dialect::Postgres => {
                "SELECT count(*), count(*) FILTER (WHERE tablename = 'migrations')
                 FROM pg_tables WHERE schemaname = current_schema()"
            }
        }
    }

    /// Takes and gives back the lock under which one program at a time changes the schema. SQLite needs none:
    /// its transactions shut out other writers.
    pub fn migration_lock(self) -> Option<(&'static str, &'static str)> {
        match self {
            Dialect::Sqlite => None,
            // Locks are of the whole server, hence the database's name.
            Dialect::MySql => Some((
                "SELECT GET_LOCK(CONCAT('aotf.', LEFT(DATABASE(), 50)), 60)",
                "SELECT RELEASE_LOCK(CONCAT('aotf.', LEFT(DATABASE(), 50)))",
            )),
            // Any number that other programs are unlikely to lock: "aotf" in ASCII.
            Dialect::Postgres => {
                Some(("SELECT pg_advisory_lock(1634694246)", "SELECT pg_advisory_unlock(1634694246)"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::schema;

    #[test]
    fn statements_are_written_as_each_engine_wants_them() {
        let sql = "SELECT a FROM b WHERE c = ? AND d = ?";
        assert_eq!(Dialect::MySql.phrase(sql), sql);
        assert_eq!(Dialect::Postgres.phrase(sql), "SELECT a FROM b WHERE c = $1 AND d = $2");
        assert_eq!(
            Dialect::Postgres.insert(&schema::RETRY_IMAGES, 2, true),
            "INSERT INTO retry_images (post, position, url, why) VALUES ($1, $2, $3, $4), ($5, $6, $7, $8) \
             ON CONFLICT (post, position) DO UPDATE SET url = excluded.url, why = excluded.why"
        );
        assert_eq!(
            Dialect::MySql.insert(&schema::RETRIES, 1, false),
            "INSERT INTO retries (post, attempts, last_tried, next_due) VALUES (?, ?, ?, ?)"
        );
    }
}
