//! What can go wrong with a database, the same for every engine.

use std::error::Error;

use std::path::PathBuf;

use super::engine::standing::Displaced;
use crate::base::{ErrorChain, Reaction};

const DISPLACED_REMEDY: &str = "put it back where it was, with its -wal and -shm, and the daemon goes on by itself; \
    or stop the daemon, move what is left of them away, and put a backup back with `aotf db restore BACKUP`. How a removed file can still be saved while \
    the daemon runs: docs/reliability.md";

/// An operation of the store that failed, with its cause as `source`.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error(
        "no database engine knows the address {url:?}: it starts with \"sqlite:\", \"mysql://\" or \"postgres://\""
    )]
    UnknownEngine { url: String },
    #[error("the database's address cannot be used: {why}")]
    Address { why: String },
    #[error("could not open the database {place}")]
    Open { place: String, source: EngineError },
    #[error(transparent)]
    Migrate(#[from] MigrateError),
    #[error("could not {step} in the database")]
    Statement { step: &'static str, source: EngineError },
    /// A database or state file that is missing, or is not (any more) what it has to be. Only a person
    /// can decide what is to become of it: this program removes nothing.
    #[error("{place} cannot be used: {found}. What to do: {remedy}")]
    Unusable { place: String, found: String, remedy: String },
    /// What lies at the file's path is not what is open: what is written now would be lost. It may be put
    /// back.
    #[error("{place} is not the file that is open: {found}. What to do: {DISPLACED_REMEDY}")]
    Displaced { place: String, found: &'static str },
    /// A file that SQLite keeps beside the database was removed or replaced. Nothing is lost once the
    /// database is closed and opened again.
    #[error("{} was removed or replaced while it was open: the database is closed and opened again", .path.display())]
    Beside { path: PathBuf },
    /// Whoever took the rows wanted no more.
    #[error("reading was ended")]
    Interrupted,
    /// A value that this program never writes: the database was changed by something else.
    #[error("the database holds {what}, which cannot be: {value}")]
    Strange { what: &'static str, value: String },
}

impl StoreError {
    /// `Backoff` where waiting may help (locked, full disk, server away), `GiveUp` where it cannot.
    pub fn reaction(&self) -> Reaction {
        match self {
            StoreError::Open { source, .. }
            | StoreError::Statement { source, .. }
            | StoreError::Migrate(MigrateError::Apply { source, .. } | MigrateError::Read { source }) => {
                source.reaction()
            }
            StoreError::Displaced { .. } => Reaction::Backoff,
            StoreError::Unusable { .. }
            | StoreError::Beside { .. }
            | StoreError::Interrupted
            | StoreError::UnknownEngine { .. }
            | StoreError::Address { .. }
            | StoreError::Migrate(_)
            | StoreError::Strange { .. } => Reaction::GiveUp,
        }
    }
}

impl StoreError {
    /// The data itself is at fault, whatever is tried again: nothing gets better until a person has acted.
    pub fn needs_a_person(&self) -> bool {
        match self {
            StoreError::Open { source, .. }
            | StoreError::Statement { source, .. }
            | StoreError::Migrate(MigrateError::Apply { source, .. } | MigrateError::Read { source }) => {
                source.fault == EngineFault::Damaged
            }
            StoreError::Unusable { .. } | StoreError::Displaced { .. } | StoreError::Strange { .. } => true,
            StoreError::Beside { .. }
            | StoreError::Interrupted
            | StoreError::UnknownEngine { .. }
            | StoreError::Address { .. }
            | StoreError::Migrate(_) => false,
        }
    }

    /// What became of an open file.
    pub(super) fn displaced(place: &str, displaced: Displaced) -> StoreError {
        let place = place.to_owned();
        match displaced {
            Displaced::File { found } => StoreError::Displaced { place, found },
            Displaced::Beside { path } => StoreError::Beside { path },
            Displaced::CutShort { was, is } => {
                let found = format!("it was cut short while it was open, from {was} bytes to {is}");
                let source = EngineError::new(EngineFault::Damaged, found);
                StoreError::Statement { step: "find all of the file", source }
            }
        }
    }

    /// The same, as `Unusable` where the data is damaged or another program's; other errors as they are.
    pub(super) fn with_remedy(self, place: &str, remedy: &str) -> StoreError {
        let found = match &self {
            StoreError::Open { source, .. }
            | StoreError::Statement { source, .. }
            | StoreError::Migrate(MigrateError::Apply { source, .. } | MigrateError::Read { source })
                if source.fault == EngineFault::Damaged =>
            {
                ErrorChain(source).to_string()
            }
            StoreError::Migrate(MigrateError::Foreign { .. }) => "it belongs to another program".to_owned(),
            _ => return self,
        };
        StoreError::Unusable { place: place.to_owned(), found, remedy: remedy.to_owned() }
    }
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

/// What an engine's own error means for the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EngineFault {
    /// Another process holds a lock.
    Busy,
    /// Disk full, disk error, out of memory, server away: the surroundings have to mend first.
    Surroundings,
    /// The data cannot be read any more.
    Damaged,
    /// The statement does not fit this database: a mistake in this program, or a foreign hand.
    Misfit,
}

impl EngineFault {
    fn as_str(self) -> &'static str {
        match self {
            EngineFault::Busy => "locked by another process",
            EngineFault::Surroundings => "disk, memory or connection failed",
            EngineFault::Damaged => "the data is damaged (`aotf db verify` looks at all of it)",
            EngineFault::Misfit => "refused by the database",
        }
    }
}

/// An error of a database engine, classified.
#[derive(Debug, thiserror::Error)]
#[error("{}", fault.as_str())]
pub struct EngineError {
    pub fault: EngineFault,
    source: Box<dyn Error + Send + Sync>,
}

impl EngineError {
    pub(crate) fn new(fault: EngineFault, source: impl Into<Box<dyn Error + Send + Sync>>) -> EngineError {
        EngineError { fault, source: source.into() }
    }

    fn reaction(&self) -> Reaction {
        match self.fault {
            EngineFault::Busy | EngineFault::Surroundings => Reaction::Backoff,
            EngineFault::Damaged | EngineFault::Misfit => Reaction::GiveUp,
        }
    }
}
