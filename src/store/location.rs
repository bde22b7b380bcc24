//! Where a database is, from the settings, and how it is opened.

use std::path::Path;

use super::changes::RetryRule;
use super::database::Database;
use super::engine::address::{Access, Address, Place, without_password};
use super::engine::connection::Connection;
use super::error::StoreError;
use super::interface::Store;
use super::migrate::{self, Schema};
use super::table_io::TableIo;

/// Where a database is, and how to open it.
#[derive(Clone, Debug)]
pub struct Location {
    place: Place,
    rule: RetryRule,
}

impl Location {
    /// From the `database.url` of the settings. `sqlite:` paths are relative to `data_dir`.
    ///
    /// # Errors
    /// `UnknownEngine`, `Address`. Whether the database can be opened shows only then.
    pub fn parse(url: &str, data_dir: &Path, rule: RetryRule) -> Result<Location, StoreError> {
        if let Some(path) = url.strip_prefix("sqlite:").filter(|path| !path.is_empty()) {
            let path = path.strip_prefix("//").unwrap_or(path);
            return Ok(Location { place: Place::File(data_dir.join(path)), rule });
        }
        match Address::parse(url) {
            Some(Ok(address)) => Ok(Location { place: Place::Server(Box::new(address)), rule }),
            Some(Err(why)) => Err(StoreError::Address { why }),
            None => Err(StoreError::UnknownEngine { url: without_password(url) }),
        }
    }

    /// Which schema the database has; `None` where there is none yet. Changes nothing.
    ///
    /// # Errors
    /// It cannot be reached or read, was used with a newer program, or belongs to another one.
    pub fn schema(&self) -> Result<Option<Schema>, StoreError> {
        match &self.place {
            Place::File(file) if !file.exists() => Ok(None),
            Place::File(_) | Place::Server(_) => {
                migrate::schema(&mut Connection::open(&self.place, Access::Read)?).map(Some)
            }
        }
    }

    /// Opens the database, creates its file where there is none, and brings its schema up to date.
    ///
    /// # Errors
    /// Also when the database was used with a newer program, or belongs to another one.
    pub fn open(&self) -> Result<Box<dyn Store>, StoreError> {
        Ok(Box::new(self.open_database()?))
    }

    /// Opens a second connection that cannot write, to a database that `open` has prepared.
    pub fn open_reader(&self) -> Result<Box<dyn Store>, StoreError> {
        let connection = migrate::open_reader(&self.place)?;
        Ok(Box::new(Database { connection, rule: self.rule }))
    }

    pub(super) fn open_database(&self) -> Result<Database, StoreError> {
        Ok(Database { connection: migrate::open(&self.place)?, rule: self.rule })
    }

    /// Opens the database as rows of whole tables, up to date as with `open`.
    pub(super) fn open_tables(&self) -> Result<TableIo, StoreError> {
        Ok(TableIo::new(migrate::open(&self.place)?))
    }

    /// The address as it may be shown.
    pub fn place(&self) -> String {
        match &self.place {
            Place::File(file) => format!("sqlite:{}", file.display()),
            Place::Server(address) => address.place.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[track_caller]
    fn check(url: &str, expect: Option<&str>) {
        let rule = RetryRule { pause: Duration::from_secs(1), max_attempts: 1 };
        let file =
            Location::parse(url, Path::new("/data"), rule).ok().and_then(|location| match location.place {
                Place::File(file) => Some(file),
                Place::Server(_) => None,
            });
        assert_eq!(file.as_deref(), expect.map(Path::new), "{url}");
    }

    #[test]
    fn database_addresses() {
        check("sqlite:aotf.db", Some("/data/aotf.db"));
        check("sqlite:/var/lib/aotf.db", Some("/var/lib/aotf.db"));
        check("sqlite:///var/lib/aotf.db", Some("/var/lib/aotf.db"));
        check("sqlite://aotf.db", Some("/data/aotf.db"));
        check("sqlite:", None);
        check("oracle://u:secret@host/x", None);
    }

    #[test]
    fn a_password_is_not_shown() {
        let rule = RetryRule { pause: Duration::from_secs(1), max_attempts: 1 };
        let error = Location::parse("oracle://u:secret@host/x", Path::new("/"), rule).unwrap_err();
        assert!(!error.to_string().contains("secret"), "{error}");
        assert!(error.to_string().contains("oracle://...@host/x"), "{error}");
    }
}
