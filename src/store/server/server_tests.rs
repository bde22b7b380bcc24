//! The contract on each server, and what only a server can show: plans, lost connections, migrations
//! of two programs at once.

use super::*;
use crate::base::ids::Network;
use crate::base::{ErrorChain, Reaction};
use crate::domain::posts::{ImageState, IndexedImage, IndexedPost};
use crate::store::contract::{RULE, TestDatabase, contract_tests};
use crate::store::test_server::{Kind, MySql, OnServer, Postgres};

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
    a_lost_connection_is_opened_again
    a_connection_lost_within_a_change_takes_the_change_back
    writers_wait_for_each_other
    the_tables_are_as_they_are_described
    the_password_is_not_told
);

fn one_post(native: usize) -> Change {
    let image = IndexedImage { name: "a.jpg".to_owned(), state: ImageState::Lost };
    let key = PostKey::new(Network::Twitter, native.to_string());
    let account = Account {
        key: AccountKey::new(Network::Twitter, (native % 50).to_string()),
        handle: format!("artist{}", native % 50),
        posts: None,
    };
    Change::Posts { account, posts: vec![IndexedPost { key, published: None, images: vec![image] }] }
}

fn store<K: Kind>(database: &OnServer<K>) -> ServerStore {
    ServerStore::open(&database.address(), RULE).unwrap()
}

/// Ends all other connections to the database, as a restart of the server does.
fn cut_connections<K: Kind>(database: &OnServer<K>) {
    let mut link = database.link();
    match link.engine() {
        engine::Engine::MySql => {
            let sql = "SELECT id FROM information_schema.processlist WHERE db = DATABASE() AND id <> CONNECTION_ID()";
            for row in link.rows(sql, &[], "list").unwrap() {
                link.run(&format!("KILL {}", row.number(0).unwrap()), &[], "kill").unwrap();
            }
        }
        engine::Engine::Postgres => {
            let sql = "SELECT pg_terminate_backend(pid)::int::bigint FROM pg_stat_activity
                 WHERE datname = current_database() AND pid <> pg_backend_pid()";
            link.rows(sql, &[], "kill").unwrap();
        }
    }
}

mod checks {
    use super::*;

    pub fn every_statement_finds_its_rows_by_an_index<K: Kind>() {
        let database = OnServer::<K>::new();
        let mut store = store(&database);
        let many: Vec<Change> = (0..4000).map(one_post).collect();
        store.apply(&many, NOW).unwrap();
        let link = &mut store.link;
        let engine = link.engine();
        match engine {
            // Whoever knows no sizes takes small tables for cheap to read whole.
            engine::Engine::MySql => {
                drop(link.rows("ANALYZE TABLE accounts, posts, images", &[], "analyze").unwrap())
            }
            engine::Engine::Postgres => {
                link.command("ANALYZE", "analyze").unwrap();
                link.command("SET enable_seqscan = off", "forbid what can be avoided").unwrap();
            }
        }
        let mut slow = Vec::new();
        for sql in STATEMENTS {
            let sql = sql.replace('@', "?, ?, ?");
            let filled =
                match ["native IN (", "handle IN (", "handle = ?"].iter().any(|text| sql.contains(text)) {
                    true => sql.replacen('?', "1", 1).replace('?', "'1'"),
                    false => sql.replace('?', "1"),
                };
            // MySQL says in column 3 how the rows are reached.
            let column = if engine == engine::Engine::MySql { 3 } else { 0 };
            let rows = link.rows(&format!("EXPLAIN {filled}"), &[], "explain").unwrap();
            let plan: Vec<String> =
                rows.iter().map(|row| row.text(column).unwrap().unwrap_or_default()).collect();
            assert!(!plan.is_empty());
            // ALL: every row; index: all of an index.
            if plan.iter().any(|step| step == "ALL" || step == "index" || step.contains("Seq Scan")) {
                slow.push(format!("{sql}: {plan:?}"));
            }
        }
        assert!(slow.is_empty(), "{slow:#?}");
    }

    pub fn a_database_of_the_future_is_refused<K: Kind>() {
        let database = OnServer::<K>::bare();
        drop(store(&database));
        database.link().run("INSERT INTO migrations VALUES (7, 'later', '')", &[], "").unwrap();
        let error = ServerStore::open(&database.address(), RULE).err().unwrap();
        assert!(error.to_string().contains("schema 7"), "{error}");
        assert!(ServerStore::open_reader(&database.address(), RULE).is_err());
        database.link().run("DELETE FROM migrations WHERE number = 7", &[], "").unwrap();
    }

    pub fn a_database_of_another_program_is_refused_unchanged<K: Kind>() {
        let database = OnServer::<K>::bare();
        database.link().run("CREATE TABLE tweets (tweet_id BIGINT PRIMARY KEY)", &[], "").unwrap();
        let error = ServerStore::open(&database.address(), RULE).err().unwrap();
        assert!(error.to_string().contains("aotf db import"), "{error}");
        assert_eq!(error.reaction(), Reaction::GiveUp);
        database.link().run("DROP TABLE tweets", &[], "").unwrap();
        assert_eq!(store(&database).counts().unwrap().posts, 0, "nothing else was made");
    }

    pub fn two_programs_starting_at_once_migrate_once<K: Kind>() {
        let database = OnServer::<K>::bare();
        let address = database.address();
        std::thread::scope(|scope| {
            let opening: Vec<_> =
                (0..4).map(|_| scope.spawn(|| ServerStore::open(&address, RULE).map(drop))).collect();
            for thread in opening {
                thread.join().unwrap().unwrap();
            }
        });
        let applied = database.link().rows("SELECT number FROM migrations", &[], "").unwrap();
        assert_eq!(applied.len(), store(&database).link.engine().migrations().len());
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
            let transaction = store.link.begin("BEGIN").unwrap();
            let summary = load::summary(transaction.link, true).unwrap();
            let mut work = Work::new(RULE, NOW, summary);
            carry_out(transaction.link, &mut work, &one_post(1)).unwrap();
            flush::flush(transaction.link, &mut work).unwrap();
            cut_connections(&database);
            let error = flush::store_extent(transaction.link, &work.summary.extent()).unwrap_err();
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
                        let mut store = ServerStore::open(&database.address(), RULE).unwrap();
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
        let schema = match store.link.engine() {
            engine::Engine::MySql => "DATABASE()",
            engine::Engine::Postgres => "current_schema()",
        };
        for table in crate::store::schema::ALL {
            let sql = format!(
                "SELECT column_name FROM information_schema.columns
                 WHERE table_schema = {schema} AND table_name = '{}' ORDER BY ordinal_position",
                table.name
            );
            let found = store.link.rows(&sql, &[], "list columns").unwrap();
            let found: Vec<String> = found.iter().map(|row| row.string(0).unwrap()).collect();
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
