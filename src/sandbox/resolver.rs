//! The list of name servers may be replaced by another file while a process runs, when the network
//! changes. A confined process was given the old file and may not open the new one.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Where the C library looks for name servers.
const PATH: &str = "/etc/resolv.conf";

/// Which file it was, by device and number; `None` where there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ResolverFile(Option<(u64, u64)>);

impl ResolverFile {
    /// The file of now.
    pub fn now() -> ResolverFile {
        ResolverFile::at(Path::new(PATH))
    }

    /// True when it is another file than it was: names can no longer be resolved, and the process is to
    /// be started anew.
    pub fn was_replaced(self) -> bool {
        ResolverFile::now() != self
    }

    fn at(path: &Path) -> ResolverFile {
        ResolverFile(std::fs::metadata(path).ok().map(|file| (file.dev(), file.ino())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_in_place_is_no_replacement() {
        let dir = tempfile::tempdir().unwrap();
        let (path, other) = (dir.path().join("resolv.conf"), dir.path().join("new"));
        assert_eq!(ResolverFile::at(&path), ResolverFile(None));
        std::fs::write(&path, "nameserver 127.0.0.1").unwrap();
        let first = ResolverFile::at(&path);
        std::fs::write(&path, "nameserver 127.0.0.2").unwrap();
        assert_eq!(ResolverFile::at(&path), first);
        std::fs::write(&other, "nameserver 127.0.0.3").unwrap();
        std::fs::rename(&other, &path).unwrap();
        assert_ne!(ResolverFile::at(&path), first);
    }
}
