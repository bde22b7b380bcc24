//! Writes segments: from entries, or by merging adjacent segments.

use std::borrow::Cow;
use std::fs::{self, File};
use std::io::{BufWriter, ErrorKind, Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::error::IndexError;
use super::segment::{HEADER_BYTES, Images, Run, SECTION_ALIGN, Segment, Shape};
use crate::base::ids::FormId;
use crate::index::hamming::Entry;
use crate::index::layout::{position_bits_for, substrings_for};
use crate::index::multi::build_table;

/// Most images of one segment: positions are 32 bits, and one more must fit the counters.
pub(super) const MAX_IMAGES: usize = u32::MAX as usize;

/// Builds a segment of `entries`, which ascend by image and are not empty.
pub(super) fn from_entries(dir: &Path, number: u64, entries: &[Entry]) -> Result<Segment, IndexError> {
    let mut entries = Cow::Borrowed(entries);
    if !entries.is_sorted_by_key(|entry| entry.account) {
        entries.to_mut().sort_by_key(|entry| entry.account);
    }
    let codes: Vec<u64> = entries.iter().map(|entry| entry.fingerprint.0).collect();
    let images: Vec<u64> = entries.iter().map(|entry| entry.image.0).collect();
    let mut runs = Vec::new();
    let mut start = 0;
    for stretch in entries.chunk_by(|one, two| one.account == two.account) {
        let end = start + stretch.len();
        let account = stretch[0].account;
        runs.push(Run { account, codes: &codes[start..end], images: Images::Far(&images[start..end]) });
        start = end;
    }
    let first = images.iter().min().copied().unwrap_or(0);
    let last = images.iter().max().copied().unwrap_or(0);
    let never = AtomicBool::new(false);
    let built = write(dir, number, (FormId(first), FormId(last)), &runs, &never)?;
    Ok(built.expect("nobody asked to give up"))
}

/// Merges adjacent segments, oldest first, into one. `None` if `give_up` was set meanwhile; the
/// half-written file is gone then.
pub(super) fn merge(
    dir: &Path,
    number: u64,
    segments: &[Arc<Segment>],
    give_up: &AtomicBool,
) -> Result<Option<Segment>, IndexError> {
    let mut runs: Vec<Run> = segments.iter().flat_map(|segment| segment.runs()).collect();
    // Stable: within an account, older segments stay before newer ones, so images ascend.
    runs.sort_by_key(|run| run.account);
    let first = segments.iter().map(|segment| segment.shape.first).min();
    let last = segments.iter().map(|segment| segment.shape.last).max();
    let range = (first.unwrap_or(FormId(0)), last.unwrap_or(FormId(0)));
    write(dir, number, range, &runs, give_up)
}

/// What is left of a segment without the doomed entries, in the same range; `None` where nothing is.
pub(super) fn without(
    dir: &Path,
    number: u64,
    segment: &Segment,
    is_doomed: &dyn Fn(FormId) -> bool,
) -> Result<Option<Segment>, IndexError> {
    let mut runs = Vec::new();
    for run in segment.runs() {
        let mut start = 0;
        let doomed = |index: &usize| run.images.get(*index).is_none_or(is_doomed);
        for end in (0..run.codes.len()).filter(doomed).chain([run.codes.len()]) {
            if let (Some(codes), Some(images)) = (run.codes.get(start..end), run.images.slice(start..end))
                && !codes.is_empty()
            {
                runs.push(Run { account: run.account, codes, images });
            }
            start = end + 1;
        }
    }
    if runs.is_empty() {
        return Ok(None);
    }
    let range = (segment.shape.first, segment.shape.last);
    write(dir, number, range, &runs, &AtomicBool::new(false))
}

/// Writes and syncs a segment of `runs`, ordered by account, then image.
fn write(
    dir: &Path,
    number: u64,
    (first, last): (FormId, FormId),
    runs: &[Run],
    give_up: &AtomicBool,
) -> Result<Option<Segment>, IndexError> {
    let path = Segment::path(dir, number);
    let Err(source) = try_write(&path, (first, last), runs, give_up) else {
        return Segment::open(dir, number).map(Some);
    };
    // What is left of it would be swept at the next start; the space may be needed now.
    let _ = fs::remove_file(&path);
    if give_up.load(Ordering::Relaxed) {
        return Ok(None);
    }
    Err(IndexError::file("write", path)(source))
}

/// Fails with any error once `give_up` is set, within a fraction of a second.
fn try_write(
    path: &Path,
    (first, last): (FormId, FormId),
    runs: &[Run],
    give_up: &AtomicBool,
) -> std::io::Result<()> {
    let n_images = runs.iter().map(|run| run.codes.len()).sum();
    let mut codes: Vec<u64> = Vec::with_capacity(n_images);
    let (mut accounts, mut starts): (Vec<u32>, Vec<u32>) = (Vec::new(), Vec::new());
    for run in runs {
        if accounts.last() != Some(&run.account.0) {
            accounts.push(run.account.0);
            starts.push(codes.len() as u32);
        }
        codes.extend_from_slice(run.codes);
    }
    starts.push(n_images as u32);
    let substrings = substrings_for(n_images);
    let shape = Shape {
        n_images,
        n_accounts: accounts.len(),
        first,
        last,
        position_bits: position_bits_for(n_images, &substrings),
        substrings,
    };
    let mut file = SectionFile::create(path, give_up)?;
    file.section(codes.iter().map(|code| code.to_le_bytes()))?;
    let images = runs.iter().flat_map(|run| (0..run.codes.len()).filter_map(|index| run.images.get(index)));
    if shape.images_are_near() {
        file.section(images.map(|image| ((image.0 - first.0) as u32).to_le_bytes()))?;
    } else {
        file.section(images.map(|image| image.0.to_le_bytes()))?;
    }
    file.section(accounts.iter().map(|account| account.to_le_bytes()))?;
    file.section(starts.iter().map(|start| start.to_le_bytes()))?;
    for &substring in &shape.substrings {
        let go_on = || !give_up.load(Ordering::Relaxed);
        let table =
            build_table(&codes, substring, shape.position_bits, go_on).ok_or(ErrorKind::Interrupted)?;
        file.section(table.starts.iter().map(|start| start.to_le_bytes()))?;
        file.section(table.entries.iter().map(|entry| entry.to_le_bytes()))?;
    }
    file.finish(&shape)
}

/// Writes a file section by section, each on its own cache lines and with its checksum.
struct SectionFile<'a> {
    file: BufWriter<File>,
    end: usize,
    /// Up to where the file has been handed to the disk.
    synced: usize,
    sums: Vec<u32>,
    give_up: &'a AtomicBool,
}

/// Written between two syncs: small steps keep the disk free for others, and the last sync short.
const SYNC_BYTES: usize = 32 << 20;

impl SectionFile<'_> {
    fn create<'a>(path: &Path, give_up: &'a AtomicBool) -> std::io::Result<SectionFile<'a>> {
        let mut file = BufWriter::with_capacity(1 << 16, File::create_new(path)?);
        file.write_all(&[0; HEADER_BYTES])?;
        Ok(SectionFile { file, end: HEADER_BYTES, synced: 0, sums: Vec::new(), give_up })
    }

    fn section<const N: usize>(&mut self, numbers: impl Iterator<Item = [u8; N]>) -> std::io::Result<()> {
        let padding = self.end.next_multiple_of(SECTION_ALIGN) - self.end;
        self.write(&[0; SECTION_ALIGN][..padding])?;
        let mut hasher = crc32fast::Hasher::new();
        let mut block = Vec::with_capacity(1 << 14);
        for number in numbers {
            block.extend_from_slice(&number);
            if block.len() + N > block.capacity() {
                hasher.update(&block);
                self.write(&block)?;
                block.clear();
            }
        }
        hasher.update(&block);
        self.write(&block)?;
        self.sums.push(hasher.finalize());
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.file.write_all(bytes)?;
        self.end += bytes.len();
        if self.end - self.synced >= SYNC_BYTES {
            self.file.flush()?;
            self.file.get_ref().sync_data()?;
            self.synced = self.end;
        }
        if self.give_up.load(Ordering::Relaxed) {
            return Err(ErrorKind::Interrupted.into());
        }
        Ok(())
    }

    fn finish(mut self, shape: &Shape) -> std::io::Result<()> {
        debug_assert_eq!(shape.sections().last().map(|section| section.end), Some(self.end));
        self.file.seek(SeekFrom::Start(0))?;
        self.file.write_all(&shape.to_header(&self.sums))?;
        self.file.flush()?;
        self.file.get_ref().sync_all()
    }
}
