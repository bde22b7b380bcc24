//! What can go wrong with the files of the index.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use crate::base::Reaction;
use crate::base::ids::FormId;

/// An operation on the index failed. Nothing that was searchable before has been lost by it.
#[derive(Clone, Debug, thiserror::Error)]
pub enum IndexError {
    /// Another process, or another writer of this one, has the directory.
    #[error("another writer holds the index {dir}")]
    Locked { dir: PathBuf },
    /// The operating system refused a file: no space, no permission, no such directory.
    #[error("could not {action} {path}")]
    File { action: &'static str, path: PathBuf, source: Arc<io::Error> },
    /// A file is not what its name says: cut short, changed, or of another version.
    #[error("index file {path} is unusable: {why}")]
    Damaged { path: PathBuf, why: &'static str },
    /// Images must be appended in ascending order, each once.
    #[error("image {image} does not come after {last}, the last one in the index")]
    OutOfOrder { image: FormId, last: FormId },
    /// The background thread did not answer in time, or ended: the index takes no more images
    /// until it is opened again.
    #[error("the index's background thread does not answer")]
    KeeperLost,
}

impl IndexError {
    /// For `map_err`: the file operation that failed.
    pub(super) fn file(
        action: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(io::Error) -> IndexError {
        move |source| IndexError::File { action, path: path.into(), source: Arc::new(source) }
    }

    pub(super) fn damaged(path: impl Into<PathBuf>, why: &'static str) -> IndexError {
        IndexError::Damaged { path: path.into(), why }
    }

    /// Whether the surroundings may mend: a disk that is full gets room.
    pub fn reaction(&self) -> Reaction {
        match self {
            IndexError::File { source, .. } => match source.kind() {
                io::ErrorKind::StorageFull
                | io::ErrorKind::QuotaExceeded
                | io::ErrorKind::ReadOnlyFilesystem => Reaction::Backoff,
                _ => Reaction::GiveUp,
            },
            IndexError::Locked { .. }
            | IndexError::Damaged { .. }
            | IndexError::OutOfOrder { .. }
            | IndexError::KeeperLost => Reaction::GiveUp,
        }
    }

    /// The file was not there.
    pub(super) fn is_missing(&self) -> bool {
        matches!(self, IndexError::File { source, .. } if source.kind() == io::ErrorKind::NotFound)
    }
}
