//! Whether what lies at a database's path is still what was opened. A file that was moved away, removed or
//! replaced takes along what is written to it, and no statement fails.

use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// What SQLite keeps beside the file while it is open.
const BESIDE: [&str; 2] = ["-wal", "-shm"];

/// The files of an open database, as they were found.
#[derive(Debug)]
pub struct Standing {
    file: Known,
    /// The file grows, and is never made shorter by this program.
    len_bytes: u64,
    beside: [Known; 2],
}

#[derive(Debug)]
struct Known {
    path: PathBuf,
    /// Device and number; `None` while it has not been there.
    node: Option<(u64, u64)>,
}

/// What became of the files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Displaced {
    /// Nothing lies at the path any more, or something else does. It can be put back.
    File { found: &'static str },
    /// It is shorter than it was.
    CutShort { was: u64, is: u64 },
    /// Nothing, or something else, lies where one of the files beside it was: what is open is whole, and
    /// SQLite writes it to the file itself when it closes it.
    Beside { path: PathBuf },
}

impl Standing {
    /// Of a file that was just opened.
    pub fn of(path: &Path) -> Standing {
        let found = fs::metadata(path).ok();
        let beside = BESIDE.map(|suffix| {
            let mut name = path.as_os_str().to_owned();
            name.push(suffix);
            Known { path: PathBuf::from(name), node: None }
        });
        Standing {
            file: Known { path: path.to_owned(), node: found.as_ref().map(node) },
            len_bytes: found.map_or(0, |found| found.len()),
            beside,
        }
    }

    /// Three look-ups of names. The file itself is not opened: to close it again would end SQLite's locks,
    /// which belong to the process.
    pub fn check(&mut self) -> Result<(), Displaced> {
        let found = self.file.check().map_err(|found| Displaced::File { found })?;
        let is = found.map_or(0, |found| found.len());
        if is < self.len_bytes {
            return Err(Displaced::CutShort { was: self.len_bytes, is });
        }
        self.len_bytes = is;
        for known in &mut self.beside {
            known.check().map_err(|_| Displaced::Beside { path: known.path.clone() })?;
        }
        Ok(())
    }

    /// It is whole, though it is shorter than it was.
    pub fn accept_length(&mut self, len_bytes: u64) {
        self.len_bytes = len_bytes;
    }
}

impl Known {
    fn check(&mut self) -> Result<Option<Metadata>, &'static str> {
        match (fs::metadata(&self.path).ok(), self.node) {
            (found, None) => {
                self.node = found.as_ref().map(node);
                Ok(found)
            }
            (Some(found), Some(known)) if node(&found) == known => Ok(Some(found)),
            (Some(_), Some(_)) => Err("another file lies in its place"),
            (None, Some(_)) => Err("it was moved away or removed"),
        }
    }
}

fn node(found: &Metadata) -> (u64, u64) {
    (found.dev(), found.ino())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_becomes_of_the_files_is_seen() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.db");
        let wal = dir.path().join("a.db-wal");
        fs::write(&path, "four").unwrap();
        let mut standing = Standing::of(&path);
        assert_eq!(standing.check(), Ok(()));
        fs::write(&wal, "").unwrap();
        fs::write(&path, "and more").unwrap();
        assert_eq!(standing.check(), Ok(()), "it grew, and its log was made");

        fs::rename(&path, dir.path().join("away")).unwrap();
        assert_eq!(standing.check(), Err(Displaced::File { found: "it was moved away or removed" }));
        fs::write(&path, "another file, longer").unwrap();
        assert_eq!(standing.check(), Err(Displaced::File { found: "another file lies in its place" }));
        fs::rename(dir.path().join("away"), &path).unwrap();
        assert_eq!(standing.check(), Ok(()), "it was put back");

        fs::rename(&wal, dir.path().join("away")).unwrap();
        assert_eq!(standing.check(), Err(Displaced::Beside { path: wal.clone() }));
        fs::rename(dir.path().join("away"), &wal).unwrap();
        fs::write(&path, "cut").unwrap();
        assert_eq!(standing.check(), Err(Displaced::CutShort { was: 8, is: 3 }));
    }
}
