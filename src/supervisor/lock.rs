//! One daemon per data folder.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;

/// Name of the lock file in the data folder.
const NAME: &str = "aotf.lock";

/// Why the data folder is not ours.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    #[error("could not create the data folder {path}")]
    Folder { path: PathBuf, source: io::Error },
    #[error("could not open the lock file {path}")]
    Open { path: PathBuf, source: io::Error },
    #[error("could not lock {path}")]
    Lock { path: PathBuf, source: io::Error },
    #[error("another daemon{} uses the data folder {data_dir}", with_pid(*pid))]
    Held { data_dir: PathBuf, pid: Option<u32> },
}

fn with_pid(pid: Option<u32>) -> String {
    pid.map(|pid| format!(" (process {pid})")).unwrap_or_default()
}

/// Held until dropped. The kernel drops it with the process, so a file that a killed daemon
/// left behind stops nobody.
#[derive(Debug)]
pub struct DataLock {
    _file: File,
}

impl DataLock {
    /// Creates the data folder (for its owner only) where it is missing, and locks it.
    ///
    /// # Errors
    /// `Held` names the process that holds it, where that can be read.
    pub fn acquire(data_dir: &Path) -> Result<DataLock, LockError> {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(data_dir)
            .map_err(|source| LockError::Folder { path: data_dir.to_owned(), source })?;
        let path = data_dir.join(NAME);
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            // What is written here must not land in the file that somebody has linked to.
            .custom_flags(OFlags::NOFOLLOW.bits().cast_signed())
            .open(&path)
            .map_err(|source| LockError::Open { path: path.clone(), source })?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut text = String::new();
                let pid = file.read_to_string(&mut text).ok().and_then(|_| text.trim().parse().ok());
                return Err(LockError::Held { data_dir: data_dir.to_owned(), pid });
            }
            Err(TryLockError::Error(source)) => return Err(LockError::Lock { path, source }),
        }
        // The lock is what counts; on a full disk the number that helps people is missing.
        let _ = write_pid(&mut file);
        Ok(DataLock { _file: file })
    }
}

fn write_pid(file: &mut File) -> io::Result<()> {
    file.set_len(0)?;
    file.seek(SeekFrom::Start(0))?;
    writeln!(file, "{}", std::process::id())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_daemon_is_told_who_was_first() {
        let dir = tempfile::tempdir().unwrap();
        let data_dir = dir.path().join("data");
        let first = DataLock::acquire(&data_dir).unwrap();
        let error = DataLock::acquire(&data_dir).unwrap_err();
        assert!(
            matches!(error, LockError::Held { pid: Some(pid), .. } if pid == std::process::id()),
            "{error}"
        );
        drop(first);
        DataLock::acquire(&data_dir).unwrap();
    }

    #[test]
    fn a_link_is_not_followed() {
        let dir = tempfile::tempdir().unwrap();
        let other = dir.path().join("other");
        std::fs::write(&other, "precious").unwrap();
        std::os::unix::fs::symlink(&other, dir.path().join(NAME)).unwrap();
        let error = DataLock::acquire(dir.path()).unwrap_err();
        assert!(matches!(error, LockError::Open { .. }), "{error}");
        assert_eq!(std::fs::read_to_string(other).unwrap(), "precious");
    }
}
