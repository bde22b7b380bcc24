//! The start of the storekeeper, which waits for a database that is not there yet, and for a disk that is
//! full.

use std::path::PathBuf;
use std::time::Duration;

use crossbeam_channel::Receiver;

use super::surroundings::of_disk;
use super::{Indexes, Publisher, StorekeeperError, StorekeeperHandle, StorekeeperSettings, location, start};
use crate::base::{ErrorChain, Reaction, StopSignal};
use crate::config::Settings;
use crate::index::shared::IndexError;
use crate::store::state::StateFile;
use crate::store::{IndexEntry, Location, StoreError};
use crate::storekeeper::orders::{FromStorekeeper, StorePart, ToStorekeeper};

/// The state file of a data folder.
pub fn state_file(settings: &Settings) -> PathBuf {
    settings.data_dir.join("state.db")
}

/// The database that these settings name. Where the state file belongs to a database, it is not made anew.
///
/// # Errors
/// When the URL is of no engine that this program has, or the state file cannot be read.
pub fn database(settings: &Settings) -> Result<Location, StoreError> {
    let state = StateFile::look(&state_file(settings))?;
    match state.is_some_and(|state| state.has_database) {
        true => Ok(new_database(settings)?.that_exists()),
        false => new_database(settings),
    }
}

/// The database that these settings name, which may be made now.
///
/// # Errors
/// When the URL is of no engine that this program has.
pub fn new_database(settings: &Settings) -> Result<Location, StoreError> {
    location(&settings.database.url, &settings.data_dir, &settings.maintenance)
}

/// Waits until the indexes, the database and the journal can be opened, since a server may start later than
/// this program and a full disk may get room, says meanwhile what it waits for, and starts the storekeeper.
/// `None` if the program was stopped meanwhile.
///
/// # Errors
/// When waiting is useless.
pub fn open_patiently<P: Publisher<Entry = IndexEntry> + 'static>(
    settings: &Settings,
    stop: &StopSignal,
    open_indexes: impl Fn() -> Result<Indexes<P>, IndexError>,
    taken: Receiver<ToStorekeeper>,
    tell: impl Fn(FromStorekeeper) + Send + Sync + 'static,
) -> Result<Option<StorekeeperHandle>, StorekeeperError> {
    const PAUSE: Duration = Duration::from_secs(2);
    let journal = state_file(settings);
    let mut waited = false;
    let open = || {
        let counts = database(settings).and_then(|database| database.open()?.counts());
        let counts = counts.map_err(|source| StorekeeperError::Database { source })?;
        StateFile::refuse_cut_off(&journal, &counts)
            .and_then(|()| StateFile::open(&journal))
            .map_err(|source| StorekeeperError::Journal { source })?;
        open_indexes().map_err(|source| StorekeeperError::Index { source })
    };
    let indexes = loop {
        let error = match open() {
            Ok(indexes) => break indexes,
            Err(error) => error,
        };
        if error.reaction() == Reaction::GiveUp {
            return Err(error);
        }
        let why = format!("{}{}", ErrorChain(&error), of_disk(&settings.data_dir));
        tracing::warn!(error = why, "the database is not there yet; waiting for it");
        tell(FromStorekeeper::Trouble { part: StorePart::Database, why: Some(why) });
        waited = true;
        if stop.wait(PAUSE) {
            return Ok(None);
        }
    };
    if waited {
        tell(FromStorekeeper::Trouble { part: StorePart::Database, why: None });
    }
    let parameters = StorekeeperSettings {
        data_dir: settings.data_dir.clone(),
        database_url: settings.database.url.clone(),
        maintenance: settings.maintenance.clone(),
        index_dir: settings.index_dir(),
        results_log: settings.log.results_log.then(|| settings.data_dir.join("logs/results.jsonl")),
    };
    start(parameters, indexes, taken, tell).map(Some)
}
