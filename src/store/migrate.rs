//! Numbered migrations: which are still to be applied, and when a database must be refused.
//! The engines apply them, each under its own lock.

use super::error::EngineError;

/// One step of a schema, never changed after a release.
#[derive(Clone, Copy, Debug)]
pub struct Migration {
    /// 1, 2, 3 ... without gaps.
    pub number: u32,
    pub name: &'static str,
    /// One or several statements.
    pub sql: &'static str,
}

/// Why a database's schema cannot be used or brought up to date.
#[derive(Debug, thiserror::Error)]
pub enum MigrateError {
    #[error(
        "the database {place} has schema {found}, this program knows schemas up to {known}: \
         it was used with a newer version; upgrade this program, or restore a backup of that time"
    )]
    Newer { place: String, found: u32, known: u32 },
    #[error(
        "{place} is a database of another program (it has tables, but no `migrations` among them); \
         name another file, or import it with `aotf db import`"
    )]
    Foreign { place: String },
    #[error("could not read which migrations the database has")]
    Read { source: EngineError },
    #[error("could not apply migration {number} ({name})")]
    Apply { number: u32, name: &'static str, source: EngineError },
}

/// The migrations that a database at schema `found` lacks, in order. 0 is an empty database.
///
/// # Errors
/// `Newer` when the database was written by a newer program.
pub fn pending<'a>(place: &str, found: u32, known: &'a [Migration]) -> Result<&'a [Migration], MigrateError> {
    let newest = known.last().map_or(0, |migration| migration.number);
    if found > newest {
        return Err(MigrateError::Newer { place: place.to_owned(), found, known: newest });
    }
    let first = known.iter().position(|migration| migration.number > found).unwrap_or(known.len());
    Ok(known.get(first..).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: [Migration; 3] = [
        Migration { number: 1, name: "one", sql: "" },
        Migration { number: 2, name: "two", sql: "" },
        Migration { number: 3, name: "three", sql: "" },
    ];

    #[track_caller]
    fn check(found: u32, expect: Option<&[u32]>) {
        let numbers = pending("x.db", found, &KNOWN)
            .ok()
            .map(|list| list.iter().map(|migration| migration.number).collect::<Vec<_>>());
        assert_eq!(numbers.as_deref(), expect, "schema {found}");
    }

    #[test]
    fn only_what_is_missing_is_applied() {
        check(0, Some(&[1, 2, 3]));
        check(2, Some(&[3]));
        check(3, Some(&[]));
        check(4, None);
    }

    #[test]
    fn the_refusal_of_a_newer_database_says_what_to_do() {
        let message = pending("x.db", 7, &KNOWN).unwrap_err().to_string();
        assert!(message.contains("schema 7") && message.contains("up to 3"), "{message}");
        assert!(message.contains("upgrade this program"), "{message}");
    }
}
