//! What a person can do about a database whose data is at fault.

use super::engine::address::Place;
use super::error::StoreError;

const DAMAGED_FILE_REMEDY: &str = "stop the daemon, move the file away, with its -wal and -shm and the data folder's \
    state.db, and put a backup back with `aotf db restore BACKUP`; a database of another program: name another file in \
    [database] url, or take it over with `aotf db import`. Without a backup, `sqlite3 FILE .recover` saves what can be \
    read, and `aotf db create` begins with an empty one";

const DAMAGED_SERVER_REMEDY: &str = "repair it with the tools of the server, or put a backup back into an empty database \
    with `aotf db restore BACKUP`; a database of another program: name another one in [database] url, or take it over with \
    `aotf db import`";

/// The same error, with what can be done about it where the data is damaged or another program's.
pub fn explain(place: &Place, error: StoreError) -> StoreError {
    let remedy = match place {
        Place::File(_) => DAMAGED_FILE_REMEDY,
        Place::Server(_) => DAMAGED_SERVER_REMEDY,
    };
    error.with_remedy(&place.shown(), remedy)
}
