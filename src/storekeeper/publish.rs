//! After the commit: hands new fingerprints to the shared index, and brings the index in step with
//! the database at start. The index is derived data: whenever there is doubt, the database is read.

use std::error::Error;

use super::halt::Halt;
use crate::base::Reaction;
use crate::base::ids::ImageId;
use crate::index;
use crate::store::state::StateFile;
use crate::store::{Committed, IndexEntry, Store, StoreError};

/// The writing end of the fingerprint index. It may be behind the database; it is never to hold
/// what the database does not.
pub trait Publisher: Send {
    /// The number of the last image it holds.
    fn last(&self) -> Option<ImageId>;

    /// Adds entries, whose numbers grow and lie beyond `last`. When it returns, searches find them.
    ///
    /// # Errors
    /// Some of the entries may have been added: `last` tells how far it came.
    fn append(&mut self, entries: &[IndexEntry]) -> Result<(), Box<dyn Error + Send + Sync>>;

    /// Forgets everything: the entries belong to another database.
    fn clear(&mut self) -> Result<(), Box<dyn Error + Send + Sync>>;

    /// Tells searchers whether all that the database holds is here. It is not before this is said.
    fn set_complete(&mut self, complete: bool);
}

impl Publisher for index::shared::Writer {
    fn last(&self) -> Option<ImageId> {
        index::shared::Writer::last(self)
    }

    fn append(&mut self, entries: &[IndexEntry]) -> Result<(), Box<dyn Error + Send + Sync>> {
        let entries: Vec<index::Entry> = entries
            .iter()
            .map(|&(image, account, fingerprint)| index::Entry { image, account, fingerprint })
            .collect();
        Ok(index::shared::Writer::append(self, &entries)?)
    }

    fn clear(&mut self) -> Result<(), Box<dyn Error + Send + Sync>> {
        Ok(index::shared::Writer::clear(self)?)
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
    #[error("could not empty the fingerprint index")]
    Clear { source: Box<dyn Error + Send + Sync> },
    #[error("stopped while the index was catching up with the database")]
    Stopped,
}

impl IndexFailure {
    /// Trying again may help. The index itself is not worth ending for: it can always be remade.
    pub fn may_pass(&self) -> bool {
        match self {
            IndexFailure::Store(error) => error.reaction() != Reaction::GiveUp,
            IndexFailure::Append { .. } | IndexFailure::Clear { .. } | IndexFailure::Stopped => true,
        }
    }
}

/// Fingerprints read from the database at a time: 24 MB, and half a second. An index is made from
/// nothing in large pieces faster than in small ones.
const CHUNK: u32 = 1_000_000;

/// The index, and how far it is known to follow the database.
pub struct Index<P> {
    publisher: P,
    halt: Halt,
    /// Of the images up to this one, the index holds all that are searchable.
    covered: ImageId,
}

impl<P: Publisher> Index<P> {
    pub fn new(publisher: P, halt: Halt) -> Index<P> {
        let covered = publisher.last().unwrap_or(ImageId(0));
        Index { publisher, halt, covered }
    }

    /// Makes sure that what the index holds comes from this database. One that was made from
    /// another, or from a later state than this (a backup was put back), gives images to the wrong
    /// posts: it is emptied.
    pub fn attach(&mut self, store: &mut dyn Store, state: &mut StateFile) -> Result<(), IndexFailure> {
        let identity = store.identity()?;
        let known = state.index_source()?;
        let ahead = self.publisher.last().unwrap_or(ImageId(0)) > store.last_image()?;
        let foreign = known.as_deref() != Some(&identity) && self.publisher.last().is_some();
        if ahead || foreign {
            tracing::warn!(ahead, foreign, "the fingerprint index belongs to another database: it is remade");
            self.publisher.clear().map_err(|source| IndexFailure::Clear { source })?;
        }
        if known.as_deref() != Some(&identity) {
            state.set_index_source(&identity)?;
        }
        self.covered = self.publisher.last().unwrap_or(ImageId(0));
        Ok(())
    }

    /// Adds everything that the database has beyond what the index holds; how many entries that were.
    /// A stop ends it between two chunks.
    pub fn catch_up(&mut self, store: &mut dyn Store) -> Result<u64, IndexFailure> {
        let last = store.last_image()?;
        let mut added = 0;
        if last <= self.covered {
            self.publisher.set_complete(true);
            return Ok(added);
        }
        loop {
            if self.halt.is_raised() {
                return Err(IndexFailure::Stopped);
            }
            let entries = store.fingerprints_after(self.covered, CHUNK)?;
            self.append(&entries)?;
            added += u64::try_from(entries.len()).unwrap_or(u64::MAX);
            if entries.len() < usize::try_from(CHUNK).unwrap_or(usize::MAX) {
                // What lies between is not searchable. What came after `last` was read is found again.
                self.covered = self.covered.max(last);
                self.publisher.set_complete(true);
                return Ok(added);
            }
        }
    }

    /// Publishes what was committed. Where somebody else has written meanwhile (an import beside the
    /// running program), that too.
    pub fn follow(&mut self, committed: &Committed, store: &mut dyn Store) -> Result<(), IndexFailure> {
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

    fn append(&mut self, entries: &[IndexEntry]) -> Result<(), IndexFailure> {
        let Some((last, ..)) = entries.last() else { return Ok(()) };
        match self.publisher.append(entries) {
            Ok(()) => {
                self.covered = *last;
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
