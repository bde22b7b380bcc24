//! What the data takes on disk, looked up now and then on a thread of its own: a slow disk holds up
//! nobody but it.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::halt::Halt;
use super::reports::Tell;
use super::settings::StorekeeperSettings;
use crate::proto::view::StoreSizes;
use crate::storekeeper::orders::FromStorekeeper;

/// Figures for a graph: no finer than what reads them.
const PERIOD: Duration = Duration::from_secs(15);

/// Where to look.
pub struct Sizes {
    /// The database and its journals; `None` where it is on a server, which knows its own size.
    database: Option<PathBuf>,
    index_dir: PathBuf,
}

impl Sizes {
    pub fn new(settings: &StorekeeperSettings) -> Sizes {
        let file = settings.database_url.strip_prefix("sqlite:");
        let file = file.map(|file| settings.data_dir.join(file.strip_prefix("//").unwrap_or(file)));
        Sizes { database: file, index_dir: settings.index_dir.clone() }
    }

    fn measure(&self) -> StoreSizes {
        StoreSizes {
            database_bytes: self.database.as_deref().and_then(database_bytes),
            index_bytes: folder_bytes(&self.index_dir).ok(),
        }
    }
}

/// Looks at once, then every `PERIOD` until `halt` is raised.
pub fn start(sizes: Sizes, tell: Tell, halt: Halt) -> io::Result<()> {
    let watch = move || {
        loop {
            tell(FromStorekeeper::Sizes(sizes.measure()));
            if halt.pause(PERIOD) {
                return;
            }
        }
    };
    std::thread::Builder::new()
        .name("store-sizes".to_owned())
        .spawn(Box::new(watch) as Box<dyn FnOnce() + Send>)?;
    Ok(())
}

/// The file with what SQLite keeps beside it.
fn database_bytes(file: &Path) -> Option<u64> {
    let bytes = |suffix: &str| {
        let mut name = file.as_os_str().to_owned();
        name.push(suffix);
        std::fs::metadata(PathBuf::from(name)).map(|found| found.len())
    };
    let beside = ["-wal", "-shm"].into_iter().filter_map(|suffix| bytes(suffix).ok()).sum::<u64>();
    bytes("").ok().map(|file| file + beside)
}

fn folder_bytes(folder: &Path) -> io::Result<u64> {
    let mut sum = 0;
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        // What vanishes meanwhile takes nothing any more.
        sum += match entry.metadata() {
            Ok(found) if found.is_file() => found.len(),
            Ok(found) if found.is_dir() => folder_bytes(&entry.path()).unwrap_or(0),
            _ => 0,
        };
    }
    Ok(sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_summed_and_what_is_not_there_is_unknown() {
        let dir = tempfile::tempdir().unwrap();
        let sizes = Sizes { database: Some(dir.path().join("a.db")), index_dir: dir.path().join("index") };
        assert_eq!(sizes.measure(), StoreSizes::default());
        std::fs::create_dir_all(dir.path().join("index/codes")).unwrap();
        for (name, len) in [("a.db", 100), ("a.db-wal", 20), ("index/1", 3), ("index/codes/2", 4)] {
            std::fs::write(dir.path().join(name), vec![0; len]).unwrap();
        }
        let expect = StoreSizes { database_bytes: Some(120), index_bytes: Some(7) };
        assert_eq!(sizes.measure(), expect);
        let server = Sizes { database: None, ..sizes };
        assert_eq!(server.measure().database_bytes, None);
    }
}
