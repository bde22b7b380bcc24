//! A listening Unix socket in the file system: opened over a stale one, closed with its file.

use std::fs;
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use tokio::net::UnixListener;

use crate::base::{ErrorChain, unix_socket};

#[derive(Debug, thiserror::Error)]
pub enum LocalSocketError {
    #[error("another daemon answers on {path}")]
    InUse { path: PathBuf },
    #[error("{path} is in the way: it is not a socket")]
    NotASocket { path: PathBuf },
    #[error("could not give the socket {path} to group {group}: the daemon's user must belong to it")]
    Group { path: PathBuf, group: u32, source: io::Error },
    #[error("could not create the socket {path}")]
    Create { path: PathBuf, source: io::Error },
}

/// The listening socket; its file is removed when it is dropped.
pub struct LocalSocket {
    listener: std::os::unix::net::UnixListener,
    path: PathBuf,
    /// Device and inode, so that a successor's socket is never removed.
    file: (u64, u64),
}

impl LocalSocket {
    /// Opens the socket with these permissions, replacing one that nobody listens on any more.
    ///
    /// # Errors
    /// Somebody does listen, something else has that name, or the folder cannot be written.
    pub fn open(path: &Path, mode: u32) -> Result<LocalSocket, LocalSocketError> {
        LocalSocket::open_for(path, mode, None)
    }

    /// The same; where there is a group, the socket is its, and its members may do what its owner may.
    ///
    /// # Errors
    /// Also when this user cannot give a file to that group.
    pub fn open_for(path: &Path, mode: u32, group: Option<u32>) -> Result<LocalSocket, LocalSocketError> {
        let create = |source| LocalSocketError::Create { path: path.to_owned(), source };
        match fs::symlink_metadata(path) {
            Ok(found) if !found.file_type().is_socket() => {
                return Err(LocalSocketError::NotASocket { path: path.to_owned() });
            }
            Ok(_) if unix_socket::connect(path).is_ok() => {
                return Err(LocalSocketError::InUse { path: path.to_owned() });
            }
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(source) => return Err(create(source)),
        }
        // Made under another name and moved over: at no time is there a socket of this name that
        // others may open, nor none where a stale one was.
        let fresh = path.with_extension("sock.new");
        match fs::remove_file(&fresh) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(create(error)),
            Ok(()) | Err(_) => {}
        }
        let listener = unix_socket::bind(&fresh).map_err(create)?;
        listener.set_nonblocking(true).map_err(create)?;
        fs::set_permissions(&fresh, fs::Permissions::from_mode(mode)).map_err(create)?;
        if let Some(group) = group {
            std::os::unix::fs::chown(&fresh, None, Some(group))
                .and_then(|()| {
                    fs::set_permissions(&fresh, fs::Permissions::from_mode(mode | (mode & 0o700) >> 3))
                })
                .map_err(|source| LocalSocketError::Group { path: path.to_owned(), group, source })?;
        }
        let made = fs::symlink_metadata(&fresh).map_err(create)?;
        fs::rename(&fresh, path).map_err(create)?;
        Ok(LocalSocket { listener, path: path.to_owned(), file: (made.dev(), made.ino()) })
    }

    /// Its connections, for a tokio runtime.
    ///
    /// # Errors
    /// No descriptor is left.
    pub fn listener(&self) -> io::Result<UnixListener> {
        self.listener.try_clone().and_then(UnixListener::from_std)
    }
}

impl Drop for LocalSocket {
    fn drop(&mut self) {
        let is_ours =
            fs::symlink_metadata(&self.path).is_ok_and(|found| (found.dev(), found.ino()) == self.file);
        if is_ours && let Err(error) = fs::remove_file(&self.path) {
            tracing::debug!(error = %ErrorChain(&error), "could not remove a socket");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_socket_is_private_and_replaces_only_a_stale_one() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("aotf.sock");
        let first = LocalSocket::open(&path, 0o600).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(matches!(LocalSocket::open(&path, 0o600), Err(LocalSocketError::InUse { .. })));
        drop(first);
        assert!(!path.exists());

        drop(std::os::unix::net::UnixListener::bind(&path).unwrap()); // as a killed daemon leaves it
        let second = LocalSocket::open(&path, 0o600).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        drop(second);

        // Any user may give a file to a group of its own.
        let group = fs::metadata(dir.path()).unwrap().gid();
        let third = LocalSocket::open_for(&path, 0o600, Some(group)).unwrap();
        let found = fs::metadata(&path).unwrap();
        assert_eq!((found.permissions().mode() & 0o777, found.gid()), (0o660, group));
        drop(third);

        fs::write(&path, "precious").unwrap();
        assert!(matches!(LocalSocket::open(&path, 0o600), Err(LocalSocketError::NotASocket { .. })));
        assert_eq!(fs::read_to_string(&path).unwrap(), "precious");
    }

    #[test]
    fn a_long_path_is_no_hindrance() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("d".repeat(200));
        fs::create_dir(&folder).unwrap();
        let path = folder.join("aotf.sock");
        let first = LocalSocket::open(&path, 0o600).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(matches!(LocalSocket::open(&path, 0o600), Err(LocalSocketError::InUse { .. })));
        drop(first);
        assert!(!path.exists());
    }
}
