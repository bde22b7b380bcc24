//! Why `aotf init` wrote nothing.

use std::io;
use std::path::PathBuf;

use crate::config::ConfigError;

/// Questions are asked again this often before it is given up: the answers may come from a script.
pub const ATTEMPTS: usize = 5;

/// Why no parameter file was written.
#[derive(Debug, thiserror::Error)]
pub enum InitError {
    #[error("{} exists already; --force replaces it", path.display())]
    Exists { path: PathBuf },
    #[error("the folder {} does not exist; make it first, or name another file with --config", path.display())]
    NoFolder { path: PathBuf },
    #[error("could not read the token from {}", path.display())]
    ReadToken { path: PathBuf, source: io::Error },
    #[error("what {} holds is no token: it is empty, or has spaces in it", path.display())]
    NoToken { path: PathBuf },
    #[error("could not read the original's parameters, {}", path.display())]
    ReadOriginal { path: PathBuf, source: io::Error },
    #[error("could not ask")]
    Ask { source: io::Error },
    #[error("given up after {ATTEMPTS} answers that cannot be used; nothing was written")]
    NoAnswer,
    #[error("stopped; nothing was written")]
    Stopped,
    #[error("could not write {}", path.display())]
    Write { path: PathBuf, source: io::Error },
    #[error(transparent)]
    Refused(#[from] ConfigError),
}
