//! Databases for tests on the servers of this machine, made and dropped by each test.

use std::cell::RefCell;
use std::io::Write;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use super::contract::{RULE, TestDatabase};
use super::engine::address::{Access, Address, Place};
use super::engine::connection::Connection;
use super::{Location, Store, schema};

/// A kind of server.
pub trait Kind: Sync + 'static {
    const VARIABLE: &'static str;
    const DEFAULT: &'static str;
    /// A fresh identity, in its SQL.
    const IDENTITY: &'static str;
    fn left_over() -> &'static std::thread::LocalKey<RefCell<LeftOver>>;
    fn answers() -> &'static OnceLock<bool>;
}

macro_rules! kind {
    ($name:ident, $variable:literal, $default:literal, $identity:literal) => {
        pub struct $name;
        impl Kind for $name {
            const VARIABLE: &'static str = $variable;
            const DEFAULT: &'static str = $default;
            const IDENTITY: &'static str = $identity;
            fn left_over() -> &'static std::thread::LocalKey<RefCell<LeftOver>> {
                thread_local!(static LEFT_OVER: RefCell<LeftOver> = const { RefCell::new(LeftOver::new($variable, $default)) });
                &LEFT_OVER
            }
            fn answers() -> &'static OnceLock<bool> {
                static ANSWERS: OnceLock<bool> = OnceLock::new();
                &ANSWERS
            }
        }
    };
}
kind!(MySql, "AOTF_TEST_MYSQL_URL", "mysql://root@127.0.0.1:3306/mysql", "md5(concat(uuid(), rand()))");
kind!(
    Postgres,
    "AOTF_TEST_POSTGRES_URL",
    "postgres://postgres@127.0.0.1:5432/postgres",
    "gen_random_uuid()::text"
);

fn url(variable: &str, default: &str) -> String {
    std::env::var(variable).unwrap_or_else(|_| default.to_owned())
}

/// The server's own database, from which others are made.
fn server_connection(url: &str) -> Result<Connection, String> {
    let address = Address::parse(url).ok_or("of no known server")??;
    Connection::open(&Place::Server(Box::new(address)), Access::Write)
        .map_err(|error| crate::base::ErrorChain(&error).to_string())
}

/// Databases that a test has done with. The next database of the same test is one of them, emptied,
/// since making one takes the servers a tenth of a second; they are dropped with the test's thread.
pub struct LeftOver {
    variable: &'static str,
    default: &'static str,
    names: Vec<String>,
}

impl LeftOver {
    const fn new(variable: &'static str, default: &'static str) -> LeftOver {
        LeftOver { variable, default, names: Vec::new() }
    }
}

impl Drop for LeftOver {
    fn drop(&mut self) {
        let (url, names) = (url(self.variable, self.default), std::mem::take(&mut self.names));
        if names.is_empty() {
            return;
        }
        // A thread that ends has no runtime any more.
        let _ = std::thread::spawn(move || {
            let mut connection = server_connection(&url).unwrap();
            for name in names {
                connection.run(&format!("DROP DATABASE IF EXISTS {name}"), &[], "drop a database").unwrap();
            }
        })
        .join();
    }
}

/// A database on a server.
pub struct OnServer<K: Kind> {
    name: String,
    kind: std::marker::PhantomData<K>,
}

impl<K: Kind> OnServer<K> {
    pub fn url(&self) -> String {
        let url = url(K::VARIABLE, K::DEFAULT);
        let (server, _) = url.rsplit_once('/').unwrap();
        format!("{server}/{}", self.name)
    }

    fn address(&self) -> Address {
        Address::parse(&self.url()).unwrap().unwrap()
    }

    pub fn location(&self) -> Location {
        Location::parse(&self.url(), std::path::Path::new("/nowhere"), RULE).unwrap()
    }

    /// A connection that may do anything.
    pub fn connection(&self) -> Connection {
        Connection::open(&Place::Server(Box::new(self.address())), Access::Write).unwrap()
    }

    /// Without any table.
    pub fn bare() -> OnServer<K> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("aotf_test_{}_{number}", std::process::id());
        let mut connection = server_connection(&url(K::VARIABLE, K::DEFAULT)).unwrap();
        connection.run(&format!("CREATE DATABASE {name}"), &[], "create a database").unwrap();
        OnServer { name, kind: std::marker::PhantomData }
    }

    fn empty(&self) {
        let mut connection = self.connection();
        for table in schema::ALL.iter().rev() {
            connection.run(&format!("DELETE FROM {}", table.name), &[], "empty").unwrap();
        }
        let sql = format!(
            "UPDATE summary SET identity = {}, accounts = 0, posts = 0, images = 0, retries = 0,
             last_account = 0, last_post = 0, last_image = 0",
            K::IDENTITY
        );
        connection.run(&sql, &[], "empty").unwrap();
    }
}

impl<K: Kind> TestDatabase for OnServer<K> {
    const CASES: u32 = 3;

    fn new() -> OnServer<K> {
        match K::left_over().with(|left_over| left_over.borrow_mut().names.pop()) {
            Some(name) => {
                let database = OnServer { name, kind: std::marker::PhantomData };
                // It may have been left without tables.
                drop(database.open());
                database.empty();
                database
            }
            None => OnServer::bare(),
        }
    }

    fn available() -> bool {
        *K::answers().get_or_init(|| match server_connection(&url(K::VARIABLE, K::DEFAULT)) {
            Ok(_) => true,
            Err(error) => {
                let why = format!("no database server for tests; set {} ({error})", K::VARIABLE);
                assert!(
                    std::env::var_os("AOTF_TEST_ALL").is_none(),
                    "SKIPPED although AOTF_TEST_ALL is set: {why}"
                );
                // Past the test runner, which keeps to itself what a passing test prints.
                let _ = writeln!(std::io::stderr(), "SKIPPED: {why}");
                false
            }
        })
    }

    fn open(&self) -> Box<dyn Store> {
        self.location().open().unwrap()
    }

    fn open_reader(&self) -> Box<dyn Store> {
        self.location().open_reader().unwrap()
    }
}

impl<K: Kind> Drop for OnServer<K> {
    fn drop(&mut self) {
        let name = std::mem::take(&mut self.name);
        K::left_over().with(|left_over| left_over.borrow_mut().names.push(name));
    }
}
