//! After the commit: hands new fingerprints to the shared index, and brings the index in step with
//! the database at start. The index is derived data: whenever there is doubt, the database is read.
//!
//! The index of codes (`publish_codes.rs`) follows the database in the same way.

use std::collections::HashSet;
use std::error::Error;
use std::io;

use super::halt::Halt;
use crate::base::Reaction;
use crate::base::ids::{FormId, ImageId};
use crate::domain::images::IndexProgress;
use crate::index;
use crate::store::{Committed, IndexEntry, Store, StoreError};

/// What an index holds of an image.
pub trait Indexed: Sized {
    /// Images read from the database at a time. An index is made from nothing in large pieces faster than in
    /// small ones.
    const CHUNK: u32;

    /// Images that are added before the daemon is ready. Of an index that lacks more, all is left to the
    /// writer.
    const AT_START: u64;

    /// Goes with the identity of the database from which an index was made: one whose entries were numbered
    /// otherwise is remade.
    const NUMBERING: &str;

    fn image(&self) -> ImageId;

    /// Up to `limit` of what the database has beyond the image `after`, by increasing number. Fewer than
    /// `limit` means that there are no more at present.
    ///
    /// # Errors
    /// As the database.
    fn read(store: &mut dyn Store, after: ImageId, limit: u32) -> Result<Vec<Self>, StoreError>;
}

impl Indexed for IndexEntry {
    /// 40 MB, and half a second.
    const CHUNK: u32 = if cfg!(test) { 8 } else { 1_000_000 };
    /// A tenth of a second.
    const AT_START: u64 = if cfg!(test) { 8 } else { 100_000 };
    /// Once it was by images alone.
    const NUMBERING: &str = "by forms";

    fn image(&self) -> ImageId {
        self.0
    }

    fn read(store: &mut dyn Store, after: ImageId, limit: u32) -> Result<Vec<IndexEntry>, StoreError> {
        store.fingerprints_after(after, limit)
    }
}

/// The writing end of an index. It may be behind the database; it is never to hold what the database does
/// not.
pub trait Publisher: Send {
    type Entry: Indexed;

    /// It holds all that is searchable of the images up to this one; `None` for nothing at all.
    fn last(&self) -> Option<ImageId>;

    /// Adds entries, whose numbers grow; those that are there already are passed over. When it
    /// returns, searches find them.
    ///
    /// # Errors
    /// Some of the entries may have been added: `last` tells how far it came.
    fn append(&mut self, entries: &[Self::Entry]) -> Result<(), Box<dyn Error + Send + Sync>>;

    /// Forgets everything: the entries belong to another database.
    fn clear(&mut self) -> Result<(), Box<dyn Error + Send + Sync>>;

    /// Takes images out of it; how many entries they had.
    ///
    /// # Errors
    /// Some of them may be left: the same can be asked again.
    fn remove(&mut self, images: &HashSet<ImageId>) -> Result<u64, Box<dyn Error + Send + Sync>>;

    /// Whether its files are as they were left.
    ///
    /// # Errors
    /// A foreign hand or the disk has changed them: it is to be opened anew.
    fn check(&mut self) -> Result<(), Box<dyn Error + Send + Sync>>;

    /// Tells searchers whether all that the database holds is here. It is not before this is said.
    fn set_complete(&mut self, complete: bool);
}

impl Publisher for index::shared::Writer {
    type Entry = IndexEntry;

    fn last(&self) -> Option<ImageId> {
        let last = index::shared::Writer::last(self)?;
        // What ends with an image as it is may lack that image's trimmed form.
        let lacking = u64::from(!last.is_trimmed());
        Some(ImageId(last.image().0.saturating_sub(lacking)))
    }

    fn append(&mut self, entries: &[IndexEntry]) -> Result<(), Box<dyn Error + Send + Sync>> {
        let last = index::shared::Writer::last(self);
        let entries: Vec<index::Entry> = entries
            .iter()
            .flat_map(|&(image, account, fingerprint, trimmed)| {
                let whole = index::Entry { image: FormId::whole(image), account, fingerprint };
                let trimmed = trimmed.map(|fingerprint| index::Entry {
                    image: FormId::trimmed(image),
                    account,
                    fingerprint,
                });
                std::iter::once(whole).chain(trimmed)
            })
            .filter(|entry| last.is_none_or(|last| last < entry.image))
            .collect();
        Ok(index::shared::Writer::append(self, &entries)?)
    }

    fn clear(&mut self) -> Result<(), Box<dyn Error + Send + Sync>> {
        Ok(index::shared::Writer::clear(self)?)
    }

    fn remove(&mut self, images: &HashSet<ImageId>) -> Result<u64, Box<dyn Error + Send + Sync>> {
        Ok(index::shared::Writer::remove(self, &|form| images.contains(&form.image()))?)
    }

    fn check(&mut self) -> Result<(), Box<dyn Error + Send + Sync>> {
        Ok(index::shared::Writer::check(self)?)
    }

    fn set_complete(&mut self, complete: bool) {
        index::shared::Writer::set_complete(self, complete);
    }
}

/// Why the index does not follow the database.
#[derive(Debug, thiserror::Error)]
pub enum IndexFailure {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("could not add to the fingerprint index")]
    Append { source: Box<dyn Error + Send + Sync> },
    #[error("could not take removed images out of the fingerprint index")]
    Remove { source: Box<dyn Error + Send + Sync> },
    #[error("could not empty the fingerprint index")]
    Clear { source: Box<dyn Error + Send + Sync> },
    #[error("could not note from which database the index of codes is made")]
    Note { source: io::Error },
    #[error("the files of the fingerprint index were changed by somebody else: it is opened anew")]
    Changed { source: Box<dyn Error + Send + Sync> },
    #[error("stopped while the index was catching up with the database")]
    Stopped,
}

impl IndexFailure {
    /// Trying again may help. The index itself is not worth ending for: it can always be remade.
    pub fn may_pass(&self) -> bool {
        match self {
            IndexFailure::Store(error) => error.reaction() != Reaction::GiveUp,
            IndexFailure::Changed { .. } => false,
            IndexFailure::Append { .. }
            | IndexFailure::Remove { .. }
            | IndexFailure::Clear { .. }
            | IndexFailure::Note { .. }
            | IndexFailure::Stopped => true,
        }
    }

    /// The database is at fault, and nothing gets better until a person has acted.
    pub fn needs_a_person(&self) -> bool {
        match self {
            IndexFailure::Store(error) => error.needs_a_person(),
            IndexFailure::Append { .. }
            | IndexFailure::Remove { .. }
            | IndexFailure::Clear { .. }
            | IndexFailure::Changed { .. }
            | IndexFailure::Note { .. }
            | IndexFailure::Stopped => false,
        }
    }
}

/// An index, and how far it is known to follow the database.
pub struct Index<P> {
    pub(super) publisher: P,
    halt: Halt,
    /// Of the images up to this one, the index holds all that are searchable.
    covered: ImageId,
    /// The newest image of a database of which more is missing here than is added in passing; else 0.
    goal: ImageId,
}

impl<P: Publisher> Index<P> {
    pub fn new(publisher: P, halt: Halt) -> Index<P> {
        let covered = publisher.last().unwrap_or(ImageId(0));
        Index { publisher, halt, covered, goal: ImageId(0) }
    }

    /// Makes sure that what the index holds comes from this database, given what is noted as its source. One
    /// that was made from another, or from a later state than this (a backup was put back), gives images to
    /// the wrong posts: it is emptied. The source to note, where that is another.
    pub fn attach(
        &mut self,
        store: &mut dyn Store,
        known: Option<&str>,
    ) -> Result<Option<String>, IndexFailure> {
        let source = format!("{} {}", store.identity()?, P::Entry::NUMBERING);
        let ahead = self.publisher.last().unwrap_or(ImageId(0)) > store.last_image()?;
        let foreign = known != Some(&source) && self.publisher.last().is_some();
        if ahead || foreign {
            let index = P::Entry::NUMBERING;
            tracing::warn!(
                index,
                ahead,
                foreign,
                "an index is of another database, or another state of it: it is remade"
            );
            self.publisher.clear().map_err(|source| IndexFailure::Clear { source })?;
        }
        let is_other = known != Some(&source);
        if ahead || is_other {
            self.covered = self.publisher.last().unwrap_or(ImageId(0));
        }
        Ok(is_other.then_some(source))
    }

    /// Whether its files are as they were left.
    pub fn check(&mut self) -> Result<(), IndexFailure> {
        self.publisher.check().map_err(|source| IndexFailure::Changed { source })
    }

    /// How much of the database it holds.
    pub fn progress(&self) -> IndexProgress {
        IndexProgress { done: self.covered.0, total: self.covered.max(self.goal).0 }
    }

    /// At the start of the daemon: adds what is missing if that is little, and else only finds out how much
    /// it is; how many entries were added.
    pub fn begin(&mut self, store: &mut dyn Store) -> Result<u64, IndexFailure> {
        let last = store.last_image()?;
        if last.0.saturating_sub(self.covered.0) <= P::Entry::AT_START {
            return self.advance(store);
        }
        self.goal = last;
        Ok(0)
    }

    /// Adds the next piece of what the database has beyond what the index holds; how many entries that
    /// were. `progress` tells whether there is more.
    pub fn advance(&mut self, store: &mut dyn Store) -> Result<u64, IndexFailure> {
        let last = store.last_image()?;
        if last <= self.covered {
            self.goal = ImageId(0);
            self.publisher.set_complete(true);
            return Ok(0);
        }
        if self.halt.is_raised() {
            return Err(IndexFailure::Stopped);
        }
        let entries = P::Entry::read(store, self.covered, P::Entry::CHUNK)?;
        self.append(&entries)?;
        if entries.len() < usize::try_from(P::Entry::CHUNK).unwrap_or(usize::MAX) {
            // What lies between is not searchable. What came after `last` was read is found again.
            self.covered = self.covered.max(last);
            self.goal = ImageId(0);
            self.publisher.set_complete(true);
        } else {
            // Where exactly this much was missing, the next piece is found to be empty.
            self.goal = ImageId(last.0.max(self.covered.0 + 1));
        }
        Ok(u64::try_from(entries.len()).unwrap_or(u64::MAX))
    }

    /// Adds everything; how many entries that were. A stop ends it between two pieces.
    pub fn catch_up(&mut self, store: &mut dyn Store) -> Result<u64, IndexFailure> {
        let mut added = self.advance(store)?;
        while !self.progress().is_complete() {
            added += self.advance(store)?;
        }
        Ok(added)
    }

    /// Takes images out of it whose rows are gone; how many entries they had. Until then searches find them,
    /// and nothing in the database.
    pub fn remove(&mut self, images: &[ImageId]) -> Result<u64, IndexFailure> {
        let images: HashSet<ImageId> = images.iter().copied().collect();
        self.publisher.remove(&images).map_err(|source| IndexFailure::Remove { source })
    }

    fn append(&mut self, entries: &[P::Entry]) -> Result<(), IndexFailure> {
        let Some(last) = entries.last() else { return Ok(()) };
        match self.publisher.append(entries) {
            Ok(()) => {
                self.covered = last.image();
                Ok(())
            }
            Err(source) => {
                // Some may be in: the next attempt reads on from there.
                self.covered = self.publisher.last().unwrap_or(ImageId(0));
                self.publisher.set_complete(false);
                Err(IndexFailure::Append { source })
            }
        }
    }
}

impl<P: Publisher<Entry = IndexEntry>> Index<P> {
    /// Publishes what was committed. Where somebody else has written meanwhile (an import beside the
    /// running program), that too.
    pub fn follow(&mut self, committed: &Committed, store: &mut dyn Store) -> Result<(), IndexFailure> {
        if !self.progress().is_complete() {
            // Still being made: the writer goes on with it, and comes to these.
            return Ok(());
        }
        if committed.images_before == self.covered {
            self.append(&committed.entries)?;
            self.publisher.set_complete(true);
        } else {
            // Somebody else's images come first, or an append failed halfway through these.
            self.catch_up(store)?;
        }
        self.covered = self.covered.max(committed.images_after);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Fingerprint;
    use crate::base::ids::AccountNo;
    use crate::index::HammingIndex;
    use crate::index::shared::{Reader, Writer};

    fn entry(image: u64, trimmed: Option<u64>) -> IndexEntry {
        (ImageId(image), AccountNo(1), Fingerprint(image << 32), trimmed.map(Fingerprint))
    }

    #[test]
    fn both_forms_of_an_image_are_found() {
        let folder = tempfile::tempdir().unwrap();
        let (mut writer, _) = Writer::open(folder.path()).unwrap();
        assert_eq!(Publisher::last(&writer), None);
        Publisher::append(&mut writer, &[entry(1, None), entry(2, Some(0xff))]).unwrap();
        assert_eq!(Publisher::last(&writer), Some(ImageId(2)));
        // It may have ended between the forms of image 3, so that is asked for again.
        Publisher::append(&mut writer, &[entry(3, None)]).unwrap();
        assert_eq!(Publisher::last(&writer), Some(ImageId(2)));
        Publisher::append(&mut writer, &[entry(2, Some(0xff)), entry(3, Some(0xf0f0)), entry(4, None)])
            .unwrap();
        assert_eq!(Publisher::last(&writer), Some(ImageId(3)));
        let reader = Reader::open(folder.path()).unwrap();
        assert_eq!(reader.len(), 6);
        for (code, expect) in [
            (2 << 32, FormId::whole(ImageId(2))),
            (0xff, FormId::trimmed(ImageId(2))),
            (0xf0f0, FormId::trimmed(ImageId(3))),
        ] {
            let found = reader.within(Fingerprint(code), 0, 9).neighbors;
            assert_eq!(found.iter().map(|neighbor| neighbor.image).collect::<Vec<_>>(), [expect]);
        }
    }
}
