//! The index of the codes of local features (`search.parts_everything`): filled from the features in the
//! database, in the order of their images.
//!
//! It follows the database like the index of fingerprints, with one difference: features may be stored later
//! than their images (`aotf db complete`), behind what is indexed. Whoever stores such features takes the
//! note of its source away ([`is_behind`]), and it is remade.

use std::collections::HashSet;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::{fs, io};

use super::publish::{Index, IndexFailure, Indexed, Publisher};
use crate::base::ids::ImageId;
use crate::index::codes::{entries, image_of, whole_up_to};
use crate::index::shared::{IndexError, Opened, Writer};
use crate::store::{CodesEntry, Store, StoreError};

impl Indexed for CodesEntry {
    /// 80 MB are read of the database, half a second, and 10 MB kept of them: with their entries, what the
    /// other index takes for one piece.
    const CHUNK: u32 = if cfg!(test) { 8 } else { 40_000 };
    const AT_START: u64 = if cfg!(test) { 8 } else { 10_000 };
    const NUMBERING: &str = "32 codes each";

    fn image(&self) -> ImageId {
        self.0
    }

    fn read(store: &mut dyn Store, after: ImageId, limit: u32) -> Result<Vec<CodesEntry>, StoreError> {
        store.codes_after(after, limit)
    }
}

/// The writing end of the index of codes.
pub struct CodesWriter {
    writer: Writer,
    folder: PathBuf,
}

impl CodesWriter {
    /// Opens the index in `folder`, which is created if it does not exist.
    ///
    /// # Errors
    /// As [`Writer::open`].
    pub fn open(folder: &Path) -> Result<(CodesWriter, Opened), IndexError> {
        let (writer, opened) = Writer::open(folder)?;
        Ok((CodesWriter { writer, folder: folder.to_owned() }, opened))
    }
}

/// From which database the index in this folder is made, by its own word.
fn source_file(folder: &Path) -> PathBuf {
    folder.join("source")
}

/// Features were stored of images that the index in `folder` has passed: it is remade, by a running daemon
/// within seconds.
///
/// # Errors
/// The note of its source cannot be removed.
pub fn is_behind(folder: &Path) -> io::Result<()> {
    match fs::remove_file(source_file(folder)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

impl Publisher for CodesWriter {
    type Entry = CodesEntry;

    fn last(&self) -> Option<ImageId> {
        self.writer.last().map(whole_up_to)
    }

    fn append(&mut self, images: &[CodesEntry]) -> Result<(), Box<dyn Error + Send + Sync>> {
        let last = self.writer.last();
        let all = images.iter().flat_map(|(image, account, codes)| entries(*image, *account, codes));
        let new: Vec<_> = all.filter(|entry| last.is_none_or(|last| last < entry.image)).collect();
        Ok(self.writer.append(&new)?)
    }

    fn clear(&mut self) -> Result<(), Box<dyn Error + Send + Sync>> {
        Ok(self.writer.clear()?)
    }

    fn remove(&mut self, images: &HashSet<ImageId>) -> Result<u64, Box<dyn Error + Send + Sync>> {
        Ok(self.writer.remove(&|entry| images.contains(&image_of(entry)))?)
    }

    fn check(&mut self) -> Result<(), Box<dyn Error + Send + Sync>> {
        Ok(self.writer.check()?)
    }

    fn set_complete(&mut self, complete: bool) {
        self.writer.set_complete(complete);
    }
}

impl Index<CodesWriter> {
    /// Makes sure that what the index holds comes from this database, with all features of the images that it
    /// has passed, and adds what is missing, if that is little; how many images were added.
    pub fn begin_codes(&mut self, store: &mut dyn Store) -> Result<u64, IndexFailure> {
        let file = source_file(&self.publisher.folder);
        // Whatever is wrong with the note, there is none.
        let known = fs::read_to_string(&file).ok();
        if let Some(source) = self.attach(store, known.as_deref())? {
            // Before the features are read: what is stored after that takes the note away again.
            fs::write(&file, source).map_err(|source| IndexFailure::Note { source })?;
        }
        self.begin(store)
    }

    /// Adds what the database has got meanwhile. One that is still being made is left to the writer.
    pub fn follow_codes(&mut self, store: &mut dyn Store) -> Result<(), IndexFailure> {
        if self.progress().is_complete() {
            self.catch_up(store)?;
        }
        Ok(())
    }
}
