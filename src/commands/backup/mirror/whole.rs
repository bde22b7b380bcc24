//! A file in one piece, for services that take files no other way (WebDAV), without reading it into memory.
#![expect(unsafe_code, reason = "maps a file")]

use std::fs::File;
use std::io::{self, Read};

use bytes::Bytes;
use memmap2::Mmap;

use super::plan::LocalFile;

/// The file of a backup. Its pages come from the disk as they are sent.
///
/// # Errors
/// It cannot be read, or has not the size that it had.
pub fn map(file: &LocalFile) -> io::Result<Bytes> {
    if file.size == 0 {
        return Ok(Bytes::new());
    }
    let opened = File::open(&file.place)?;
    // SAFETY: backups bear their names only when they are finished, and are never changed or cut afterwards,
    // only removed as a whole, which leaves a mapped file as it is.
    let bytes = Bytes::from_owner(unsafe { Mmap::map(&opened) }?);
    match u64::try_from(bytes.len()) == Ok(file.size) {
        true => Ok(bytes),
        false => Err(io::Error::other("it has changed its size")),
    }
}

/// The beginning of a file that may change at any time: as much as there was when it was looked at.
///
/// # Errors
/// It cannot be read.
pub fn read(file: &LocalFile) -> io::Result<Bytes> {
    let mut bytes = Vec::new();
    File::open(&file.place)?.take(file.size).read_to_end(&mut bytes)?;
    Ok(bytes.into())
}
