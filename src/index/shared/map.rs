//! Files as memory. The only place that maps, and that looks at mapped bytes as numbers.
//!
//! Numbers are stored as the machine has them, and the machine is little-endian.
#![expect(unsafe_code, reason = "maps files")]

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::ops::Range;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::atomic::AtomicU64;

use memmap2::{Advice, Mmap, MmapOptions, MmapRaw};

#[cfg(not(target_endian = "little"))]
compile_error!("the index's files are little-endian and read in place");

/// An immutable file, mapped for reading.
pub struct FileMap {
    map: Mmap,
    node: Node,
}

/// A file of the system, whatever its name: device and number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Node(u64, u64);

impl Node {
    fn of(file: &File) -> io::Result<Node> {
        file.metadata().map(|found| Node(found.dev(), found.ino()))
    }

    /// Whether this file, of this length, still has the name: a mapping of one that was removed or replaced
    /// shows what nobody else sees, and of one that was cut short ends the process.
    pub fn lies_at(self, path: &Path, len_bytes: u64) -> bool {
        std::fs::metadata(path)
            .is_ok_and(|found| Node(found.dev(), found.ino()) == self && found.len() == len_bytes)
    }
}

/// A number that can be read in place: every pattern of bits is a valid value.
pub trait Plain: Copy + sealed::Sealed {}
impl Plain for u32 {}
impl Plain for u64 {}

mod sealed {
    pub trait Sealed {}
    impl Sealed for u32 {}
    impl Sealed for u64 {}
}

impl FileMap {
    /// Maps the whole file. An empty file is an error.
    pub fn open(path: &Path) -> io::Result<FileMap> {
        let file = File::open(path)?;
        let node = Node::of(&file)?;
        // SAFETY: the index's files of this kind are never changed or cut after they got their
        // name in a manifest; the writer's lock and the data directory's permissions uphold it.
        let map = unsafe { Mmap::map(&file) }?;
        Ok(FileMap { map, node })
    }

    pub fn bytes(&self) -> &[u8] {
        &self.map
    }

    pub fn node(&self) -> Node {
        self.node
    }

    /// The numbers in a range of bytes; `None` if it leaves the file or is not aligned.
    pub fn numbers<T: Plain>(&self, bytes: Range<usize>) -> Option<&[T]> {
        let bytes = self.map.get(bytes)?;
        // SAFETY: `Plain` is implemented for integers alone, which any bytes are valid for.
        let (before, numbers, after) = unsafe { bytes.align_to::<T>() };
        (before.is_empty() && after.is_empty()).then_some(numbers)
    }

    /// Enters all pages that are in memory into this process's page table, so that the first
    /// searches do not stumble over each; starts reading the others. Failure costs only speed.
    pub fn warm_up(&self) {
        if self.map.advise(Advice::PopulateRead).is_err() {
            let _ = self.map.advise(Advice::WillNeed);
        }
    }
}

/// Makes a file longer, with room on the disk for all of it: a page of a mapping that finds none ends the
/// process (SIGBUS) instead of failing.
pub fn extend(file: &File, len_bytes: u64) -> io::Result<()> {
    use rustix::fs::{FallocateFlags, fallocate};
    use rustix::io::Errno;

    match fallocate(file, FallocateFlags::empty(), 0, len_bytes) {
        Ok(()) => return Ok(()),
        // Not every file system can; zeros that are written take room too.
        Err(Errno::OPNOTSUPP | Errno::NOSYS) => {}
        Err(error) => return Err(error.into()),
    }
    let begin = file.metadata()?.len();
    let mut end = file;
    end.seek(SeekFrom::Start(begin))?;
    io::copy(&mut io::repeat(0).take(len_bytes.saturating_sub(begin)), &mut end)?;
    Ok(())
}

/// A file of 64-bit words that one process writes while others read, all of them in place.
pub struct SharedWords {
    map: MmapRaw,
    node: Node,
}

impl SharedWords {
    /// Maps a file for writing too.
    pub fn open_writable(file: &File) -> io::Result<SharedWords> {
        Ok(SharedWords { map: MmapRaw::map_raw(file)?, node: Node::of(file)? })
    }

    /// Maps a file for reading only.
    pub fn open(path: &Path) -> io::Result<SharedWords> {
        let file = File::open(path)?;
        Ok(SharedWords { map: MmapOptions::new().map_raw_read_only(&file)?, node: Node::of(&file)? })
    }

    /// Whether the mapped file still lies there, as long as it was.
    pub fn lie_at(&self, path: &Path) -> bool {
        self.node.lies_at(path, self.map.len() as u64)
    }

    /// All words. On a mapping for reading only: load with `Relaxed` (and a fence where order
    /// matters), never store; a store ends the process.
    pub fn words(&self) -> &[AtomicU64] {
        let (start, len_bytes) = (self.map.as_ptr(), self.map.len());
        // SAFETY: the mapping is `len_bytes` long, begins on a page, and lives as long as `self`;
        // every access in every process is atomic, and the file is never made shorter.
        unsafe { std::slice::from_raw_parts(start.cast(), len_bytes / 8) }
    }
}

/// Words that nobody will write any more, as plain numbers.
///
/// # Safety
///
/// Their last store happened before this call (by a fence or an acquiring load), and there will be
/// no other while the slice lives.
pub unsafe fn settled(words: &[AtomicU64]) -> &[u64] {
    // SAFETY: `AtomicU64` has the size, alignment and bits of `u64`; by the caller's promise no
    // store runs beside these reads.
    unsafe { std::slice::from_raw_parts(words.as_ptr().cast(), words.len()) }
}
