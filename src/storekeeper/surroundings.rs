//! What is the matter with the disk. SQLite says of one that is full, or that the system has made read-only
//! after an error, only that there was an I/O error.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::storekeeper::orders::FromStorekeeper;

/// For the end of a reason; empty where the disk of the data folder is well. Makes a file without a name
/// there: a file system that made itself read-only is not always marked so.
pub fn of_disk(data_dir: &Path) -> &'static str {
    /// Less than any file here needs.
    const NOTHING: u64 = 64 * 1024;
    if tempfile::tempfile_in(data_dir).is_err_and(|error| error.kind() == ErrorKind::ReadOnlyFilesystem) {
        return " (the file system of the data folder is read-only)";
    }
    let Ok(disk) = rustix::fs::statvfs(data_dir) else { return "" };
    match disk.f_bavail.saturating_mul(disk.f_frsize) < NOTHING {
        true => " (the disk of the data folder is full)",
        false => "",
    }
}

/// Tells of trouble with what is the matter with the disk.
pub fn explaining(
    data_dir: PathBuf,
    tell: impl Fn(FromStorekeeper) + Send + Sync,
) -> impl Fn(FromStorekeeper) + Send + Sync {
    move |message| {
        tell(match message {
            FromStorekeeper::Trouble { part, why: Some(why) } => {
                FromStorekeeper::Trouble { part, why: Some(why + of_disk(&data_dir)) }
            }
            other => other,
        });
    }
}
