//! Files that the parameters name: where they are looked for, and who may read them.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::text_file;

/// A key or a blocklist is shorter; anything longer is the wrong file.
pub(super) const MAX_FILE_BYTES: u64 = 16 * 1024 * 1024;

/// What the names of files relate to.
pub(super) struct Files {
    /// The parameter file, if there is one.
    pub(super) parameters: Option<PathBuf>,
    /// Where systemd puts credentials: looked through first.
    pub(super) credentials: Option<PathBuf>,
}

impl Files {
    /// Beside the parameter file.
    pub(super) fn beside(&self, name: impl AsRef<Path>) -> PathBuf {
        let folder = self.parameters.as_deref().and_then(Path::parent).unwrap_or(Path::new(""));
        folder.join(name)
    }

    /// A file that the parameters name: absolute, a credential of systemd, or beside the parameter
    /// file.
    pub(super) fn find(&self, name: &str) -> PathBuf {
        let credential = self.credentials.as_ref().map(|folder| folder.join(name));
        credential.filter(|path| path.exists()).unwrap_or_else(|| self.beside(name))
    }

    /// The text of a file that holds a secret alone.
    pub(super) fn read_secret(&self, name: &str) -> Result<String, String> {
        let path = self.find(name);
        match readable_by_others(&path) {
            Some(what) => Err(what),
            None => read(&path).map(|text| text.trim().to_owned()),
        }
    }
}

pub(super) fn read(path: &Path) -> Result<String, String> {
    text_file::read(path, MAX_FILE_BYTES)
        .map_err(|error| format!("could not read {}: {error}", path.display()))
}

/// Where the engines of containers put secrets: on no disk, and in the eyes of that container alone, but for
/// every user there unless they are told otherwise.
const CONTAINER_SECRETS: &str = "/run/secrets";

/// What to do about a file with secrets that everybody on the machine can read.
pub(super) fn readable_by_others(path: &Path) -> Option<String> {
    if path.starts_with(CONTAINER_SECRETS) {
        return None;
    }
    let mode = std::fs::metadata(path).ok()?.permissions().mode();
    let path = path.display();
    (mode & 0o004 != 0)
        .then(|| format!("{path} holds secrets and others can read it; mend with: chmod o-rwx {path}"))
}
