//! The control file: one page that tells readers which manifest is the newest.
//!
//! Created once and never replaced, since readers keep it mapped. Word 0 names the format, word 8
//! is the generation of the newest manifest, word 16 says whether the index holds everything the
//! database holds. The words written at run time have a cache line each.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::atomic::{Ordering, fence};

use super::error::IndexError;
use super::map::{self, SharedWords};

const MAGIC: u64 = u64::from_le_bytes(*b"AOTFctl1");
const LEN_BYTES: u64 = 4096;
const GENERATION: usize = 8;
const COMPLETE: usize = 16;

pub struct Control {
    words: SharedWords,
    path: PathBuf,
}

impl Control {
    fn path(dir: &Path) -> PathBuf {
        dir.join("control")
    }

    /// For the writer: creates the file if there is none, mends it in place if it is damaged.
    pub fn create(dir: &Path) -> Result<Control, IndexError> {
        let path = Control::path(dir);
        let file: File = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(IndexError::file("create", &path))?;
        let len_bytes = file.metadata().map_err(IndexError::file("examine", &path))?.len();
        if len_bytes < LEN_BYTES {
            map::extend(&file, LEN_BYTES).map_err(IndexError::file("extend", &path))?;
        }
        let words = SharedWords::open_writable(&file).map_err(IndexError::file("map", &path))?;
        words.words()[0].store(MAGIC, Ordering::Release);
        Ok(Control { words, path })
    }

    /// For readers. A file that its writer has not finished creating counts as damaged.
    pub fn open(dir: &Path) -> Result<Control, IndexError> {
        let path = Control::path(dir);
        let len_bytes = std::fs::metadata(&path).map_err(IndexError::file("open", &path))?.len();
        if len_bytes < LEN_BYTES {
            return Err(IndexError::damaged(path, "it is cut short"));
        }
        let words = SharedWords::open(&path).map_err(IndexError::file("map", &path))?;
        let control = Control { words, path };
        match control.load(0) {
            MAGIC => Ok(control),
            _ => Err(IndexError::damaged(control.path, "it is of another version")),
        }
    }

    /// Whether this is the file that others find.
    pub fn is_in_place(&self) -> bool {
        self.words.lie_at(&self.path)
    }

    /// For the writer: whether the file is as it was left.
    pub fn check(&self, generation: u64) -> Result<(), IndexError> {
        if !self.is_in_place() {
            let why = "it was removed, replaced or cut short while it was open";
            return Err(IndexError::damaged(&self.path, why));
        }
        if (self.load(0), self.generation()) != (MAGIC, generation) {
            return Err(IndexError::damaged(&self.path, "it was overwritten"));
        }
        Ok(())
    }

    /// The newest manifest's; 0 before the first. Whatever the writer stored before it published
    /// the generation is visible after this.
    pub fn generation(&self) -> u64 {
        self.load(GENERATION)
    }

    /// Writer only: after the manifest has its name.
    pub fn publish(&self, generation: u64) {
        self.words.words()[GENERATION].store(generation, Ordering::Release);
    }

    pub fn is_complete(&self) -> bool {
        self.load(COMPLETE) == 1
    }

    /// Writer only.
    pub fn set_complete(&self, complete: bool) {
        self.words.words()[COMPLETE].store(u64::from(complete), Ordering::Release);
    }

    fn load(&self, word: usize) -> u64 {
        // On memory mapped for reading only relaxed loads are defined; the fence makes it acquire.
        let value = self.words.words()[word].load(Ordering::Relaxed);
        fence(Ordering::Acquire);
        value
    }
}
