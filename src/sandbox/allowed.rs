//! A confined process was given files and folders that were there at its start, and may not open what
//! replaces them: the list of name servers when the network changes, the folder of the index when it was
//! removed.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Where the C library looks for name servers.
const RESOLVER: &str = "/etc/resolv.conf";

/// Which file or folder lies at a path, by device and number; `None` where there is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AllowedFile {
    path: PathBuf,
    node: Option<(u64, u64)>,
}

impl AllowedFile {
    /// The list of name servers of now.
    pub fn resolver() -> AllowedFile {
        AllowedFile::at(Path::new(RESOLVER))
    }

    /// What lies there now.
    pub fn at(path: &Path) -> AllowedFile {
        let node = std::fs::metadata(path).ok().map(|file| (file.dev(), file.ino()));
        AllowedFile { path: path.to_owned(), node }
    }

    /// True when another lies there than did: the process is to be started anew.
    pub fn was_replaced(&self) -> bool {
        AllowedFile::at(&self.path) != *self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_in_place_is_no_replacement() {
        let dir = tempfile::tempdir().unwrap();
        let (path, other) = (dir.path().join("resolv.conf"), dir.path().join("new"));
        assert!(!AllowedFile::at(&path).was_replaced());
        let none = AllowedFile::at(&path);
        std::fs::write(&path, "nameserver 127.0.0.1").unwrap();
        assert!(none.was_replaced());
        let first = AllowedFile::at(&path);
        std::fs::write(&path, "nameserver 127.0.0.2").unwrap();
        assert!(!first.was_replaced());
        std::fs::write(&other, "nameserver 127.0.0.3").unwrap();
        std::fs::rename(&other, &path).unwrap();
        assert!(first.was_replaced());
    }
}
