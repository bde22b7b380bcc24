//! Backups: a folder each, in a form that no engine owns. A manifest, and for each table a file of
//! compressed lines, which other programs can read as well (`zstd -dc posts.zst | head`):
//!
//! ```text
//! aotf-2026-11-21T05-30-00Z/manifest.json    sizes, checksums, where it comes from
//!                           accounts.zst     {"table":"accounts","columns":["no","network",...]}
//!                           ...              [1,1,"12",1790000000000,null,...]
//!                           state.requests.zst
//! ```
//!
//! Written under another name first and renamed when all of it is on the disk, so a folder with the
//! final name is a whole backup. Bytes are in Base64.

use std::io;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::error::StoreError;
use super::extent::Extent;

mod lines;
pub mod restore;
pub mod rotate;
#[cfg(test)]
mod tests;
pub mod verify;
pub mod write;

/// The form of the backups that this program writes and the newest that it reads.
const FORMAT: u32 = 1;

const MANIFEST: &str = "manifest.json";

/// A backup's name begins with this; the moment follows.
const PREFIX: &str = "aotf-";

/// What is not finished bears this at the end of its name.
const UNFINISHED: &str = ".partial";

/// What a backup says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    pub format: u32,
    /// The version of the program that wrote it.
    pub program: String,
    /// RFC 3339.
    pub created_at: String,
    /// Where it comes from, without secrets.
    pub database: String,
    pub extent: Extent,
    /// In the order in which they are put back.
    pub files: Vec<FileEntry>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileEntry {
    pub name: String,
    pub rows: u64,
    /// Of the file as it is, compressed.
    pub bytes: u64,
    /// Likewise, in hexadecimal digits.
    pub sha256: String,
}

/// Why a backup could not be made, checked or put back.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("could not {what} {path}")]
    File { what: &'static str, path: PathBuf, source: io::Error },
    #[error("{path} is no backup: its manifest cannot be read")]
    Manifest { path: PathBuf, source: serde_json::Error },
    #[error("{path} was written by a newer version of this program (format {format}); upgrade first")]
    Newer { path: PathBuf, format: u32 },
    #[error("{path} is damaged: {what}")]
    Damaged { path: PathBuf, what: String },
    #[error("the database {place} is not empty: a backup is put back into a new one")]
    NotEmpty { place: String },
    #[error("{text:?} is no length of time; write such as 6w, 30d or 12h")]
    Length { text: String },
}

impl BackupError {
    fn file(what: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> BackupError {
        let path = path.into();
        move |source| BackupError::File { what, path, source }
    }
}

/// Told how far the work is: what it is at, rows done, rows in all.
pub type Progress<'a> = dyn FnMut(&str, u64, u64) + 'a;
