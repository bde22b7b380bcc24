//! Where a database is, and what a connection to it may do.

use std::path::PathBuf;
use std::str::FromStr;

use sqlx::ConnectOptions;
use sqlx::mysql::MySqlConnectOptions;
use sqlx::postgres::PgConnectOptions;

use super::dialect::Dialect;

/// Prepared statements kept per connection: each of ours, in a few sizes.
const KEPT_STATEMENTS: usize = 256;

/// Where a database is.
#[derive(Clone, Debug)]
pub enum Place {
    File(PathBuf),
    Server(Box<Address>),
}

impl Place {
    /// The address as it may be shown.
    pub fn shown(&self) -> String {
        match self {
            Place::File(file) => format!("sqlite:{}", file.display()),
            Place::Server(address) => address.place.clone(),
        }
    }
}

/// What a connection may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Everything; a file that does not exist is created.
    Write,
    Read,
}

/// Where a server is, and how to speak to it. Not printed: it holds the password.
#[derive(Clone)]
pub struct Address {
    pub options: Options,
    /// The address as it may be shown.
    pub place: String,
}

#[derive(Clone)]
pub enum Options {
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
        let place = without_password(url);
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

    pub fn dialect(&self) -> Dialect {
        match self.options {
            Options::MySql(_) => Dialect::MySql,
            Options::Postgres(_) => Dialect::Postgres,
        }
    }
}

impl std::fmt::Debug for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Address").field("place", &self.place).finish_non_exhaustive()
    }
}

/// The address as it may be shown: what stands between the scheme and `@` is left out.
pub fn without_password(url: &str) -> String {
    match (url.find("://"), url.rfind('@')) {
        (Some(scheme), Some(at)) if scheme < at => {
            format!("{}...{}", &url[..scheme + 3], &url[at..])
        }
        _ => url.to_owned(),
    }
}
