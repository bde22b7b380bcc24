//! A segment: an immutable file of images in order of account, with the tables to search them.
//!
//! A header of 512 bytes, then the sections that [`Shape`] lays out, each on a cache line of its
//! own: codes, images, accounts, where each account starts, and for each substring where its
//! buckets start and its entries. Opening maps the file and looks at the header and the length
//! only; [`Segment::verify`] reads it all.

use std::ops::Range;
use std::path::{Path, PathBuf};

use super::error::IndexError;
use super::map::{FileMap, Plain};
use crate::base::Fingerprint;
use crate::base::ids::{AccountNo, FormId};
use crate::index::collect::Collector;
use crate::index::hamming::Entry;
use crate::index::layout::{MAX_SUBSTRINGS, Substring};
use crate::index::multi::{Table, Tables};
use crate::index::scan::scan;

const MAGIC: u64 = u64::from_le_bytes(*b"AOTFseg1");
pub(super) const HEADER_BYTES: usize = 512;
/// Sections of a segment with the most tables: four columns and two per table.
const MAX_SECTIONS: usize = 4 + 2 * MAX_SUBSTRINGS;
pub(super) const SECTION_ALIGN: usize = 64;

/// Everything from which the places of the sections follow, and what the header says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Shape {
    pub n_images: usize,
    pub n_accounts: usize,
    /// The smallest and the greatest image.
    pub first: FormId,
    pub last: FormId,
    pub position_bits: u32,
    pub substrings: Vec<Substring>,
}

impl Shape {
    /// Images are stored in 4 bytes, as differences to the first, where they fit.
    pub fn images_are_near(&self) -> bool {
        self.last.0 - self.first.0 <= u64::from(u32::MAX)
    }

    /// Length of each section in bytes, in the order of the file.
    pub fn section_lens(&self) -> Vec<usize> {
        let image_bytes = if self.images_are_near() { 4 } else { 8 };
        let columns =
            [8 * self.n_images, image_bytes * self.n_images, 4 * self.n_accounts, 4 * (self.n_accounts + 1)];
        let tables = self.substrings.iter().flat_map(|s| [4 * (s.buckets() + 1), 8 * self.n_images]);
        columns.into_iter().chain(tables).collect()
    }

    /// Where each section lies in the file; the last one's end is the end of the file.
    pub fn sections(&self) -> Vec<Range<usize>> {
        let mut end: usize = HEADER_BYTES;
        let place = |len| {
            let start = end.next_multiple_of(SECTION_ALIGN);
            end = start + len;
            start..end
        };
        self.section_lens().into_iter().map(place).collect()
    }

    /// The header: magic, shape, checksum of each section, zeros, checksum of the header.
    pub fn to_header(&self, sums: &[u32]) -> [u8; HEADER_BYTES] {
        let mut words = vec![
            MAGIC,
            self.n_images as u64,
            self.n_accounts as u64,
            self.first.0,
            self.last.0,
            u64::from(self.position_bits),
            self.substrings.len() as u64,
        ];
        for i in 0..MAX_SUBSTRINGS {
            let substring =
                self.substrings.get(i).map_or(0, |s| u64::from(s.shift) << 32 | u64::from(s.width));
            words.push(substring);
        }
        words.extend((0..MAX_SECTIONS).map(|i| sums.get(i).copied().map_or(0, u64::from)));
        let mut header = [0; HEADER_BYTES];
        for (bytes, word) in header.as_chunks_mut::<8>().0.iter_mut().zip(words) {
            *bytes = word.to_le_bytes();
        }
        let sum = u64::from(crc32fast::hash(&header[..HEADER_BYTES - 8]));
        header[HEADER_BYTES - 8..].copy_from_slice(&sum.to_le_bytes());
        header
    }

    fn from_header(header: &[u8; HEADER_BYTES]) -> Result<(Shape, Vec<u32>), &'static str> {
        let words: Vec<u64> = header.as_chunks::<8>().0.iter().map(|b| u64::from_le_bytes(*b)).collect();
        if words[0] != MAGIC {
            return Err("it is of another version");
        }
        let sum = u64::from(crc32fast::hash(&header[..HEADER_BYTES - 8]));
        if words[HEADER_BYTES / 8 - 1] != sum {
            return Err("its header fails its checksum");
        }
        let n_substrings = (words[6] as usize).min(MAX_SUBSTRINGS);
        let substring = |word: &u64| Substring { shift: (word >> 32) as u32, width: *word as u32 };
        let shape = Shape {
            n_images: words[1] as usize,
            n_accounts: words[2] as usize,
            first: FormId(words[3]),
            last: FormId(words[4]),
            position_bits: words[5] as u32,
            substrings: words[7..7 + n_substrings].iter().map(substring).collect(),
        };
        let sums = words[7 + MAX_SUBSTRINGS..].iter().take(4 + 2 * n_substrings);
        Ok((shape, sums.map(|&sum| sum as u32).collect()))
    }
}

/// The images of a stretch of a segment.
#[derive(Clone, Copy)]
pub(super) enum Images<'a> {
    /// Differences to a base.
    Near {
        base: u64,
        offsets: &'a [u32],
    },
    Far(&'a [u64]),
}

impl<'a> Images<'a> {
    pub fn get(self, index: usize) -> Option<FormId> {
        match self {
            Images::Near { base, offsets } => offsets.get(index).map(|&o| FormId(base + u64::from(o))),
            Images::Far(images) => images.get(index).copied().map(FormId),
        }
    }

    pub fn slice(self, range: Range<usize>) -> Option<Images<'a>> {
        match self {
            Images::Near { base, offsets } => {
                offsets.get(range).map(|offsets| Images::Near { base, offsets })
            }
            Images::Far(images) => images.get(range).map(Images::Far),
        }
    }
}

/// All images of one account in one segment, ascending.
#[derive(Clone, Copy)]
pub(super) struct Run<'a> {
    pub account: AccountNo,
    pub codes: &'a [u64],
    pub images: Images<'a>,
}

/// A segment, mapped.
pub(super) struct Segment {
    pub number: u64,
    pub shape: Shape,
    sums: Vec<u32>,
    sections: Vec<Range<usize>>,
    map: FileMap,
    path: PathBuf,
}

impl Segment {
    pub fn path(dir: &Path, number: u64) -> PathBuf {
        dir.join(format!("{number:012}.segment"))
    }

    /// Maps a segment. Costs the same whatever its size.
    pub fn open(dir: &Path, number: u64) -> Result<Segment, IndexError> {
        let path = Segment::path(dir, number);
        let map = FileMap::open(&path).map_err(IndexError::file("map", &path))?;
        let Some((header, _)) = map.bytes().split_first_chunk::<HEADER_BYTES>() else {
            return Err(IndexError::damaged(path, "it is cut short"));
        };
        let (shape, sums) = Shape::from_header(header).map_err(|why| IndexError::damaged(&path, why))?;
        let sections = shape.sections();
        if sections.last().map(|section| section.end) != Some(map.bytes().len()) {
            return Err(IndexError::damaged(path, "its length does not fit its header"));
        }
        Ok(Segment { number, shape, sums, sections, map, path })
    }

    /// Whether the file still lies where it was opened, as long as it was.
    pub fn is_in_place(&self) -> bool {
        self.map.node().lies_at(&self.path, self.map.bytes().len() as u64)
    }

    pub fn name(&self) -> &Path {
        &self.path
    }

    /// Reads the whole file and compares its checksums.
    pub fn verify(&self) -> Result<(), IndexError> {
        for (section, &sum) in self.sections.iter().zip(&self.sums) {
            if crc32fast::hash(&self.map.bytes()[section.clone()]) != sum {
                return Err(IndexError::damaged(&self.path, "a section fails its checksum"));
            }
        }
        Ok(())
    }

    /// Makes the first searches as fast as the later ones.
    pub fn warm_up(&self) {
        self.map.warm_up();
    }

    pub fn len_bytes(&self) -> usize {
        self.map.bytes().len()
    }

    /// Offers every image within the collector's reach.
    pub fn within(&self, query: u64, collector: &mut Collector) {
        let none = Table { substring: Substring { shift: 0, width: 0 }, starts: &[], entries: &[] };
        let mut tables = [none; MAX_SUBSTRINGS];
        for (i, (table, &substring)) in tables.iter_mut().zip(&self.shape.substrings).enumerate() {
            let (starts, entries) = (self.numbers(4 + 2 * i), self.numbers(5 + 2 * i));
            *table = Table { substring, starts, entries };
        }
        let tables = Tables {
            codes: self.codes(),
            position_bits: self.shape.position_bits,
            tables: &tables[..self.shape.substrings.len()],
        };
        let images = self.images();
        tables.within(query, collector, |collector, position, distance| {
            if let Some(image) = images.get(position) {
                collector.offer(image, distance);
            }
        });
    }

    /// Offers those of `accounts`, each named once.
    pub fn within_accounts(&self, query: u64, accounts: &[AccountNo], collector: &mut Collector) {
        for &account in accounts {
            let Ok(index) = self.accounts().binary_search(&account.0) else { continue };
            let Some(run) = self.run(index) else { continue };
            scan(run.codes, query, collector, |collector, index, distance| {
                if let Some(image) = run.images.get(index) {
                    collector.offer(image, distance);
                }
            });
        }
    }

    /// The images of every account, accounts ascending.
    pub fn runs(&self) -> impl Iterator<Item = Run<'_>> {
        (0..self.shape.n_accounts).filter_map(|index| self.run(index))
    }

    /// Every image, in order of account.
    pub fn entries(&self) -> impl Iterator<Item = Entry> {
        self.runs().flat_map(|run| {
            run.codes.iter().enumerate().filter_map(move |(index, &code)| {
                let image = run.images.get(index)?;
                Some(Entry { image, account: run.account, fingerprint: Fingerprint(code) })
            })
        })
    }

    fn run(&self, index: usize) -> Option<Run<'_>> {
        let starts: &[u32] = self.numbers(3);
        let stretch = *starts.get(index)? as usize..*starts.get(index + 1)? as usize;
        Some(Run {
            account: AccountNo(*self.accounts().get(index)?),
            codes: self.codes().get(stretch.clone())?,
            images: self.images().slice(stretch)?,
        })
    }

    fn codes(&self) -> &[u64] {
        self.numbers(0)
    }

    fn images(&self) -> Images<'_> {
        match self.shape.images_are_near() {
            true => Images::Near { base: self.shape.first.0, offsets: self.numbers(1) },
            false => Images::Far(self.numbers(1)),
        }
    }

    fn accounts(&self) -> &[u32] {
        self.numbers(2)
    }

    /// A section as numbers; empty if there is no such section, which `open` rules out.
    fn numbers<T: Plain>(&self, section: usize) -> &[T] {
        self.sections.get(section).and_then(|range| self.map.numbers(range.clone())).unwrap_or(&[])
    }
}
