//! The tail: the newest images, record by record, visible to readers as soon as they are written.
//!
//! A file of 64-bit words, read in place: a header, the number of records, then three columns of
//! `CAPACITY` words: codes, images, and account with checksum. A tail is filled once, from the
//! front, and never changed otherwise. A record's words are stored before the number that covers
//! it, so a reader that has seen the number sees whole records.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering, fence};

use super::error::IndexError;
use super::map::{self, SharedWords};
use crate::base::Fingerprint;
use crate::base::ids::{AccountNo, FormId};
use crate::index::collect::Collector;
use crate::index::hamming::Entry;
use crate::index::scan::scan;

/// Records of one tail. Scanned by every search: 64 KiB of codes, about two microseconds. In tests
/// few, so that few images are enough to fill, seal and merge.
pub const CAPACITY: usize = if cfg!(test) { 32 } else { 8192 };

const MAGIC: u64 = u64::from_le_bytes(*b"AOTFtai1");
const NUMBER: usize = 1;
const LEN: usize = 8;
const CODES: usize = 16;
const IMAGES: usize = CODES + CAPACITY;
const ACCOUNTS: usize = IMAGES + CAPACITY;
const WORDS: usize = ACCOUNTS + CAPACITY;
pub const LEN_BYTES: usize = 8 * WORDS;

/// One tail, mapped. The writer's is writable; [`Tail::push`] is for it alone.
pub struct Tail {
    pub number: u64,
    words: SharedWords,
}

impl Tail {
    pub fn path(dir: &Path, number: u64) -> PathBuf {
        dir.join(format!("{number:012}.tail"))
    }

    /// For the writer: an empty tail under a number not used before.
    pub fn create(dir: &Path, number: u64) -> Result<Tail, IndexError> {
        let path = Tail::path(dir, number);
        let file = File::options().read(true).write(true).create_new(true).open(&path);
        let file = file.map_err(IndexError::file("create", &path))?;
        if let Err(error) = map::extend(&file, LEN_BYTES as u64) {
            let _ = std::fs::remove_file(&path);
            return Err(IndexError::file("extend", &path)(error));
        }
        let words = SharedWords::open_writable(&file).map_err(IndexError::file("map", &path))?;
        words.words()[0].store(MAGIC, Ordering::Relaxed);
        words.words()[NUMBER].store(number, Ordering::Relaxed);
        Ok(Tail { number, words })
    }

    /// For readers: refuses a tail whose records do not all bear out their checksums, which is what
    /// a power failure may leave. (A killed writer leaves whole records.)
    pub fn open(dir: &Path, number: u64) -> Result<Tail, IndexError> {
        let tail = Tail::open_to_recover(dir, number)?;
        // Asked once: the writer may be adding records meanwhile.
        let len = tail.len();
        if tail.count_sound(len) < len {
            return Err(IndexError::damaged(Tail::path(dir, number), "a record fails its checksum"));
        }
        Ok(tail)
    }

    /// For the writer's recovery: the tail, whatever its records are.
    pub fn open_to_recover(dir: &Path, number: u64) -> Result<Tail, IndexError> {
        let path = Tail::path(dir, number);
        let len_bytes = std::fs::metadata(&path).map_err(IndexError::file("open", &path))?.len();
        if len_bytes != LEN_BYTES as u64 {
            return Err(IndexError::damaged(path, "it is cut short"));
        }
        let words = SharedWords::open(&path).map_err(IndexError::file("map", &path))?;
        let tail = Tail { number, words };
        let header = [0, NUMBER].map(|word| tail.words.words()[word].load(Ordering::Relaxed));
        if header != [MAGIC, number] {
            return Err(IndexError::damaged(path, "it is of another version or place"));
        }
        Ok(tail)
    }

    /// For the writer: whether the file is as it was left, with `len` whole records.
    pub fn check(&self, dir: &Path, len: usize) -> Result<(), IndexError> {
        let path = Tail::path(dir, self.number);
        if !self.words.lie_at(&path) {
            return Err(IndexError::damaged(path, "it was removed, replaced or cut short while it was open"));
        }
        let header = [0, NUMBER].map(|word| self.words.words()[word].load(Ordering::Relaxed));
        if header != [MAGIC, self.number] || self.len() != len || self.count_sound(len) < len {
            return Err(IndexError::damaged(path, "it was overwritten"));
        }
        Ok(())
    }

    /// How many of the first `len` records, from the front, bear out their checksums.
    pub fn count_sound(&self, len: usize) -> usize {
        let sound = |&index: &usize| {
            let [code, image, account] = self.record(index);
            account >> 32 == u64::from(checksum(self.number, code, image, account as u32))
        };
        (0..len).take_while(sound).count()
    }

    /// Number of records. Those before it are whole and will never change.
    pub fn len(&self) -> usize {
        // On memory mapped for reading only relaxed loads are defined; the fence makes it acquire.
        let len = self.words.words()[LEN].load(Ordering::Relaxed);
        fence(Ordering::Acquire);
        usize::try_from(len).map_or(CAPACITY, |len| len.min(CAPACITY))
    }

    /// For the writer: adds as many of `entries` as there is room for, and returns their number.
    /// They become visible all at once.
    pub fn push(&self, entries: &[Entry]) -> usize {
        let words = self.words.words();
        let first = self.len();
        let entries = &entries[..entries.len().min(CAPACITY - first)];
        for (index, entry) in (first..).zip(entries) {
            let (code, image, account) = (entry.fingerprint.0, entry.image.0, entry.account.0);
            let sum = checksum(self.number, code, image, account);
            words[CODES + index].store(code, Ordering::Relaxed);
            words[IMAGES + index].store(image, Ordering::Relaxed);
            words[ACCOUNTS + index].store(u64::from(sum) << 32 | u64::from(account), Ordering::Relaxed);
        }
        // Publishes the records: whoever sees this length sees them.
        words[LEN].store((first + entries.len()) as u64, Ordering::Release);
        entries.len()
    }

    /// The first `len` records, which must not exceed [`Tail::len`].
    pub fn entries(&self, len: usize) -> impl Iterator<Item = Entry> {
        (0..len.min(self.len())).map(|index| {
            let [code, image, account] = self.record(index);
            Entry { image: FormId(image), account: AccountNo(account as u32), fingerprint: Fingerprint(code) }
        })
    }

    /// Offers the neighbors among the first `len` records, of these accounts (ascending) if given.
    pub fn within(&self, len: usize, query: u64, accounts: Option<&[AccountNo]>, collector: &mut Collector) {
        let words = self.words.words();
        scan(self.codes(len), query, collector, |collector, index, distance| {
            let account = AccountNo(words[ACCOUNTS + index].load(Ordering::Relaxed) as u32);
            if accounts.is_none_or(|wanted| wanted.binary_search(&account).is_ok()) {
                let image = words[IMAGES + index].load(Ordering::Relaxed);
                collector.offer(FormId(image), distance);
            }
        });
    }

    #[expect(unsafe_code, reason = "reads atomics as plain numbers")]
    fn codes(&self, len: usize) -> &[u64] {
        let codes: &[AtomicU64] = &self.words.words()[CODES..CODES + len.min(self.len())];
        // SAFETY: these records lie before the published length, which `len()` has acquired: they
        // were stored before it, and `push` writes only behind it.
        unsafe { map::settled(codes) }
    }

    fn record(&self, index: usize) -> [u64; 3] {
        [CODES, IMAGES, ACCOUNTS].map(|column| self.words.words()[column + index].load(Ordering::Relaxed))
    }
}

/// Of one record; the tail's number makes it worthless in any other tail.
fn checksum(tail: u64, code: u64, image: u64, account: u32) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    for word in [tail, code, image, u64::from(account)] {
        hasher.update(&word.to_le_bytes());
    }
    hasher.finalize()
}
