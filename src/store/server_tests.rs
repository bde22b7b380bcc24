//! The contract on each server, and what only a server can show: plans, lost connections, migrations
//! of two programs at once.

use super::commit::apply::carry_out;
use super::commit::flush;
use super::commit::work::Work;
use super::contract::{DATES_IN_IDS, RULE, TestDatabase, contract_tests};
use super::database::Database;
use super::engine::dialect::Dialect;
use super::extent::Extent;
use super::test_server::{Kind, MySql, OnServer, Postgres};
use super::{Change, Store, statements};
use crate::base::ids::{AccountKey, ImageId, Network, PostKey};
use crate::base::{ErrorChain, Reaction, Timestamp};
use crate::domain::accounts::Account;
use crate::domain::images::StoreCounts;
use crate::domain::posts::{ImageState, IndexedImage, IndexedPost};
use crate::domain::verdicts::{Claim, Verdict};

mod mysql {
    use super::*;
    contract_tests!(OnServer<MySql>);
}

mod postgres {
    use super::*;
    contract_tests!(OnServer<Postgres>);
}

const NOW: Timestamp = Timestamp(1_790_000_000_000);

/// Each of these runs on both.
macro_rules! on_both {
    ($($name:ident)*) => {
        $(#[test]
        fn $name() {
            if OnServer::<MySql>::available() {
                checks::$name::<MySql>();
            }
            if OnServer::<Postgres>::available() {
                checks::$name::<Postgres>();
            }
        })*
    };
}

on_both!(
    every_statement_finds_its_rows_by_an_index
    a_database_of_the_future_is_refused
    a_database_of_another_program_is_refused_unchanged
    two_programs_starting_at_once_migrate_once
    posts_of_before_get_the_dates_in_their_ids
    a_lost_connection_is_opened_again
    a_connection_lost_within_a_change_takes_the_change_back
    writers_wait_for_each_other
    the_tables_are_as_they_are_described
    the_password_is_not_told
);

fn one_post(native: usize) -> Change {
    let image = IndexedImage::new("a.jpg", ImageState::Lost);
    let key = PostKey::new(Network::Twitter, native.to_string());
    let account = Account {
        key: AccountKey::new(Network::Twitter, (native % 50).to_string()),
        handle: format!("artist{}", native % 50),
        posts: None,
    };
    Change::Posts { account, posts: vec![IndexedPost::of_images(key, None, [image])] }
}

fn store<K: Kind>(database: &OnServer<K>) -> Database {
    database.location().open_database().unwrap()
}

/// Ends all other connections to the database, as a restart of the server does.
fn cut_connections<K: Kind>(database: &OnServer<K>) {
    let mut connection = database.connection();
    match connection.dialect() {
        Dialect::Sqlite => unreachable!("a file has no connections to cut"),
        Dialect::MySql => {
            let sql = "SELECT id FROM information_schema.processlist WHERE db = DATABASE() AND id <> CONNECTION_ID()";
            for id in connection.list(sql, &[], "list", |row| row.number(0)).unwrap() {
                connection.run(&format!("KILL {id}"), &[], "kill").unwrap();
            }
        }
        Dialect::Postgres => {
            let sql = "SELECT pg_terminate_backend(pid)::int::bigint FROM pg_stat_activity
                 WHERE datname = current_database() AND pid <> pg_backend_pid()";
            connection.list(sql, &[], "kill", |_| Ok(())).unwrap();
        }
    }
}

mod checks {
    use super::*;

    pub fn every_statement_finds_its_rows_by_an_index<K: Kind>() {
        let database = OnServer::<K>::new();
        let mut store = store(&database);
        if store.connection.dialect() == Dialect::MySql {
            // While the server counts the rows of its own accord, a table passes for empty.
            for sql in [
                "ALTER TABLE accounts STATS_AUTO_RECALC = 0",
                "ALTER TABLE posts STATS_AUTO_RECALC = 0",
                "ALTER TABLE images STATS_AUTO_RECALC = 0",
                "ALTER TABLE verdicts STATS_AUTO_RECALC = 0",
            ] {
                store.connection.command(sql, "leave the counting to the test").unwrap();
            }
        }
        let many: Vec<Change> = (0..4000).map(one_post).collect();
        store.apply(&many, NOW).unwrap();
        let said = (0..4000).map(|number: i64| {
            let account = AccountKey::new(Network::Twitter, number.to_string());
            let page = format!("https://a.example/{}", number / 10);
            let claim = Claim::Account { account, is_artists: true };
            Verdict::new(claim, Some(&page), "bot", Timestamp(number), "").unwrap()
        });
        store.apply(&[Change::KeepVerdicts(said.collect())], NOW).unwrap();
        let connection = &mut store.connection;
        let dialect = connection.dialect();
        match dialect {
            Dialect::Sqlite => unreachable!("a server has none of it"),
            // Whoever knows no sizes takes small tables for cheap to read whole.
            Dialect::MySql => drop(
                connection
                    .list("ANALYZE TABLE accounts, posts, images, verdicts", &[], "analyze", |_| Ok(()))
                    .unwrap(),
            ),
            Dialect::Postgres => {
                connection.command("ANALYZE", "analyze").unwrap();
                connection.command("SET enable_seqscan = off", "forbid what can be avoided").unwrap();
            }
        }
        let mut slow = Vec::new();
        for (name, sql) in statements::ALL {
            let sql = sql.replace('@', "?, ?, ?").replace("id < ?", "id < '1'").replace("<> ?", "<> '1'");
            let filled = match ["native IN (", "native = ?", "handle IN (", "handle = ?"]
                .iter()
                .any(|text| sql.contains(text))
            {
                _ if sql.contains("page IN (") || sql.contains("verdicts WHERE id IN (") => {
                    sql.replace('?', "'1'")
                }
                true => sql.replacen('?', "1", 1).replace('?', "'1'"),
                false => sql.replace('?', "1"),
            };
            // MySQL says in column 3 how the rows are reached.
            let column = if dialect == Dialect::MySql { 3 } else { 0 };
            let plan = connection
                .list(&format!("EXPLAIN {filled}"), &[], "explain", |row| row.text(column))
                .unwrap_or_else(|error| panic!("{name}: {}", ErrorChain(&error)));
            let plan: Vec<String> = plan.into_iter().map(Option::unwrap_or_default).collect();
            assert!(!plan.is_empty());
            // ALL: every row; index: all of an index.
            if plan.iter().any(|step| step == "ALL" || step == "index" || step.contains("Seq Scan")) {
                slow.push(format!("{name}: {plan:?}"));
            }
        }
        assert!(slow.is_empty(), "{slow:#?}");
    }

    pub fn a_database_of_the_future_is_refused<K: Kind>() {
        let database = OnServer::<K>::bare();
        drop(store(&database));
        database.connection().run("INSERT INTO migrations VALUES (12, 'later', '')", &[], "").unwrap();
        let error = database.location().open_database().err().unwrap();
        assert!(error.to_string().contains("schema 12"), "{error}");
        assert!(database.location().open_reader().is_err());
        database.connection().run("DELETE FROM migrations WHERE number = 12", &[], "").unwrap();
    }

    pub fn a_database_of_another_program_is_refused_unchanged<K: Kind>() {
        let database = OnServer::<K>::bare();
        database.connection().run("CREATE TABLE tweets (tweet_id BIGINT PRIMARY KEY)", &[], "").unwrap();
        let error = database.location().open_database().err().unwrap();
        assert!(error.to_string().contains("aotf db import"), "{error}");
        assert_eq!(error.reaction(), Reaction::GiveUp);
        database.connection().run("DROP TABLE tweets", &[], "").unwrap();
        assert_eq!(store(&database).counts().unwrap().posts, 0, "nothing else was made");
    }

    pub fn two_programs_starting_at_once_migrate_once<K: Kind>() {
        let database = OnServer::<K>::bare();
        let location = database.location();
        std::thread::scope(|scope| {
            let opening: Vec<_> = (0..4).map(|_| scope.spawn(|| location.open().map(drop))).collect();
            for thread in opening {
                thread.join().unwrap().unwrap();
            }
        });
        let sql = "SELECT number FROM migrations ORDER BY number";
        let applied = database.connection().list(sql, &[], "", |row| row.number(0)).unwrap();
        let known = database.location().schema().unwrap().unwrap().known;
        assert_eq!(applied, (1..=i64::from(known)).collect::<Vec<_>>());
    }

    pub fn posts_of_before_get_the_dates_in_their_ids<K: Kind>() {
        let database = OnServer::<K>::bare();
        drop(store(&database));
        let mut connection = database.connection();
        let mut run = |sql: &str| connection.run(sql, &[], "").unwrap();
        run("INSERT INTO accounts (no, network, native, known_since, posts_read, visited_at, turn, uses)
             VALUES (1, 1, '1', 0, 0, 0, 0, 0)");
        for (no, (id, _)) in (1..).zip(DATES_IN_IDS) {
            run(&format!("INSERT INTO posts VALUES ({no}, 1, '{id}', 1, NULL, 0, 1)"));
        }
        run("INSERT INTO posts VALUES (20, 2, '1558553189766631429', 1, NULL, 0, 1)");
        run("INSERT INTO posts VALUES (21, 1, '1558553189766631430', 1, 7, 0, 1)");
        for column in ["windows", "stated_media", "found_media"] {
            run(&format!("ALTER TABLE accounts DROP COLUMN {column}"));
        }
        for column in ["parts", "part_bytes"] {
            run(&format!("ALTER TABLE summary DROP COLUMN {column}"));
        }
        run("DROP TABLE parts");
        run("DROP TABLE furniture");
        run("DROP TABLE verdicts");
        run("DROP TABLE watches");
        run("DROP TABLE tombstones");
        run("DROP TABLE removed_images");
        run("DELETE FROM migrations WHERE number >= 4");
        let mut store = store(&database);
        let dates =
            store.connection.list("SELECT published FROM posts ORDER BY no", &[], "", |row| row.int(0));
        let expect: Vec<Option<i64>> =
            DATES_IN_IDS.map(|(_, date)| date).into_iter().chain([None, Some(7)]).collect();
        assert_eq!(dates.unwrap(), expect);
        store.connection.run("DELETE FROM posts", &[], "").unwrap();
        store.connection.run("DELETE FROM accounts", &[], "").unwrap();
    }

    pub fn a_lost_connection_is_opened_again<K: Kind>() {
        let database = OnServer::<K>::new();
        let mut store = store(&database);
        store.apply(&[one_post(1)], NOW).unwrap();
        cut_connections(&database);
        // A connection that was used a moment ago is not looked at before it is used again.
        if let Err(error) = store.apply(&[one_post(2)], NOW) {
            assert_eq!(error.reaction(), Reaction::Backoff, "{}", ErrorChain(&error));
        }
        assert_eq!(store.apply(&[one_post(2)], NOW).unwrap().counts.posts, 2);
        cut_connections(&database);
        if let Err(error) = store.counts() {
            assert_eq!(error.reaction(), Reaction::Backoff, "{}", ErrorChain(&error));
        }
        assert_eq!(store.counts().unwrap().posts, 2);
    }

    pub fn a_connection_lost_within_a_change_takes_the_change_back<K: Kind>() {
        let database = OnServer::<K>::new();
        let mut store = store(&database);
        {
            let transaction = store.connection.begin().unwrap();
            let extent = Extent::read_locked(transaction.connection).unwrap();
            let mut work = Work::new(RULE, NOW, extent);
            carry_out(transaction.connection, &mut work, &one_post(1)).unwrap();
            flush::flush(transaction.connection, &mut work).unwrap();
            cut_connections(&database);
            let error = work.extent.store(transaction.connection).unwrap_err();
            assert_eq!(error.reaction(), Reaction::Backoff, "{}", ErrorChain(&error));
            // What was done is lost: nothing may go on as if it were not.
            let error = transaction.commit().unwrap_err();
            assert_eq!(error.reaction(), Reaction::Backoff, "{}", ErrorChain(&error));
        }
        assert_eq!(store.counts().unwrap(), StoreCounts::default());
        assert_eq!(store.apply(&[one_post(1)], NOW).unwrap().counts.posts, 1);
    }

    pub fn writers_wait_for_each_other<K: Kind>() {
        let database = OnServer::<K>::new();
        drop(store(&database));
        let mut told: Vec<(ImageId, ImageId)> = std::thread::scope(|scope| {
            let database = &database;
            let writing: Vec<_> = (0..4_usize)
                .map(|writer| {
                    scope.spawn(move || {
                        let mut store = database.location().open_database().unwrap();
                        let apply = |round| {
                            let committed = store.apply(&[one_post(writer * 100 + round)], NOW).unwrap();
                            (committed.images_before, committed.images_after)
                        };
                        (0..10_usize).map(apply).collect::<Vec<_>>()
                    })
                })
                .collect();
            writing.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
        });
        told.sort();
        let expect: Vec<_> = (0..40).map(|n| (ImageId(n), ImageId(n + 1))).collect();
        assert_eq!(told, expect, "each number once, in the order of commits");
    }

    pub fn the_tables_are_as_they_are_described<K: Kind>() {
        let database = OnServer::<K>::new();
        let mut store = store(&database);
        let schema = match store.connection.dialect() {
            Dialect::Sqlite => unreachable!("a server has none of it"),
            Dialect::MySql => "DATABASE()",
            Dialect::Postgres => "current_schema()",
        };
        for table in crate::store::schema::ALL {
            let sql = format!(
                "SELECT column_name FROM information_schema.columns
                 WHERE table_schema = {schema} AND table_name = '{}' ORDER BY ordinal_position",
                table.name
            );
            let found = store.connection.list(&sql, &[], "list columns", |row| row.string(0)).unwrap();
            assert_eq!(found.join(", "), table.column_list(), "{}", table.name);
        }
    }

    pub fn the_password_is_not_told<K: Kind>() {
        let (scheme, rest) = K::DEFAULT.split_once("://").unwrap();
        let (_, host) = rest.split_once('@').unwrap();
        let url = format!("{scheme}://nobody:sesame@{}", host.replace(char::is_numeric, "1"));
        let location = crate::store::Location::parse(&url, std::path::Path::new("/"), RULE).unwrap();
        let error = location.open().err().unwrap();
        let told = format!("{location:?} {} {error:?}", ErrorChain(&error));
        assert!(!told.contains("sesame"), "{told}");
        assert!(told.contains(&format!("{scheme}://...@")), "{told}");
    }
}
