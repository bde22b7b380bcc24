//! What the storekeeper is started with, and why it may not start.

use std::path::PathBuf;

use crate::base::Reaction;
use crate::config::Maintenance;
use crate::index::shared::IndexError;
use crate::store::StoreError;

/// What the storekeeper needs to know.
#[derive(Clone)]
pub struct StorekeeperSettings {
    /// Where `state.db` is, and a database with a relative path.
    pub data_dir: PathBuf,
    /// The setting `database.url`. It may hold a password, so these settings are not printed.
    pub database_url: String,
    pub maintenance: Maintenance,
    /// Where the fingerprint index is, whose size is told.
    pub index_dir: PathBuf,
    /// The file of the results log; `None` where there is to be none.
    pub results_log: Option<PathBuf>,
}

/// Why the storekeeper could not start.
#[derive(Debug, thiserror::Error)]
pub enum StorekeeperError {
    #[error("could not prepare the database")]
    Database { source: StoreError },
    #[error("could not prepare the journal of accepted work")]
    Journal { source: StoreError },
    #[error("could not prepare the fingerprint index")]
    Index { source: IndexError },
    #[error("could not start a thread for the database")]
    Thread { source: std::io::Error },
}

impl StorekeeperError {
    /// Whether the surroundings may mend.
    pub fn reaction(&self) -> Reaction {
        match self {
            StorekeeperError::Database { source } | StorekeeperError::Journal { source } => source.reaction(),
            StorekeeperError::Index { source } => source.reaction(),
            StorekeeperError::Thread { .. } => Reaction::GiveUp,
        }
    }
}
