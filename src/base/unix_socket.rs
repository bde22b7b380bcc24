//! Unix sockets whose path is longer than an address of the system can be.

use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags};

/// The longest path in the address of a socket, in bytes: `sun_path` of unix(7) has 108, the last of them
/// zero.
pub const MAX_PATH_BYTES: usize = 107;

/// Connects to the socket at this path, however long that is.
///
/// # Errors
/// Nobody listens there, or the name of the file alone is too long.
pub fn connect(path: &Path) -> io::Result<UnixStream> {
    with_short_path(path, |path| UnixStream::connect(path))
}

/// Makes a listening socket at this path, however long that is.
///
/// # Errors
/// Something is at that path, the folder cannot be written, or the name of the file alone is too long.
pub fn bind(path: &Path) -> io::Result<UnixListener> {
    with_short_path(path, |path| UnixListener::bind(path))
}

/// The kernel's own link to the open folder stands for the folder's path.
fn with_short_path<T>(path: &Path, act: impl FnOnce(&Path) -> io::Result<T>) -> io::Result<T> {
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else { return act(path) };
    if path.as_os_str().len() <= MAX_PATH_BYTES {
        return act(path);
    }
    let folder = rustix::fs::open(folder, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
    act(&PathBuf::from(format!("/proc/self/fd/{}", folder.as_raw_fd())).join(name))
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};

    use super::*;

    #[track_caller]
    fn check(path: &Path) {
        let listener = bind(path).unwrap();
        let mut client = connect(path).unwrap();
        client.write_all(b"x").unwrap();
        let mut got = [0];
        listener.accept().unwrap().0.read_exact(&mut got).unwrap();
        assert_eq!(&got, b"x");
        assert!(path.exists());
        assert!(bind(path).is_err(), "there is one");
    }

    #[test]
    fn paths_of_any_length_can_be_used() {
        let dir = tempfile::tempdir().unwrap();
        let rest = MAX_PATH_BYTES - dir.path().as_os_str().len() - "//s".len();
        for more in [0, 1, 150] {
            let folder = dir.path().join("d".repeat(rest + more));
            std::fs::create_dir(&folder).unwrap();
            check(&folder.join("s"));
        }
        let deep = (0..20).fold(dir.path().to_owned(), |path, _| path.join("d".repeat(100)));
        std::fs::create_dir_all(&deep).unwrap();
        check(&deep.join("aotf.sock"));
        assert!(connect(&deep.join("nobody.sock")).is_err());
        assert!(bind(&deep.join("n".repeat(120))).is_err(), "the name alone is too long");
    }
}
