//! Multi-index hashing: finds all codes within a radius by looking into few buckets.
//!
//! Codes are cut into substrings, and each substring has a table from its value to all codes that
//! have it. A code within the radius must be close to the query in at least one substring (see
//! `share_out`), so it is enough to look into the buckets of nearby values. The idea is Norouzi,
//! Punjani and Fleet's ("Fast exact search in Hamming space with multi-index hashing").
//!
//! An entry of a table is 8 bytes: the position of the code, and in the bits left over as much of
//! the rest of the code as fits. Nearly all candidates are rejected by these bits alone, without
//! touching the code itself: what costs is the number of cache lines, not of comparisons.

use super::collect::Collector;
use super::hamming::{Answer, Entry, HammingIndex, distinct};
use super::layout::{self, Substring, flips, n_flips, position_bits_for, share_out, substrings_for};
use super::scan::scan;
use crate::base::Fingerprint;
use crate::base::ids::{AccountNo, FormId};

pub(crate) use layout::MAX_SUBSTRINGS;

/// Buckets whose memory is asked for ahead of their turn; more than a processor fetches at once.
const AHEAD: usize = 32;

/// Costs in nanoseconds, measured: looking into a bucket, comparing one of its entries, and
/// comparing one code of a plain scan. Only their ratios matter.
const BUCKET_COST: f64 = 15.0;
const ENTRY_COST: f64 = 1.0;
const SCAN_COST: f64 = if cfg!(test) { 1e9 } else { 0.7 }; // tests are to look into buckets

/// The table of one substring, borrowed from wherever it is stored.
#[derive(Clone, Copy)]
pub(crate) struct Table<'a> {
    pub substring: Substring,
    /// Where each bucket starts in `entries`, and after the last bucket its end.
    pub starts: &'a [u32],
    /// Rest of the code in the high bits, position in the low bits, by bucket, then position.
    pub entries: &'a [u64],
}

/// Codes and their tables, borrowed from wherever they are stored. Contents are trusted only so far
/// that wrong ones give wrong answers, never a panic.
#[derive(Clone, Copy)]
pub(crate) struct Tables<'a> {
    pub codes: &'a [u64],
    pub position_bits: u32,
    /// Every table that exists.
    pub tables: &'a [Table<'a>],
}

/// One bucket to look into.
#[derive(Clone, Copy, Default)]
struct Probe {
    table: u8,
    /// Distance of the bucket's substring from the query's.
    distance: u8,
    bucket: u32,
}

impl Tables<'_> {
    /// Offers every code within the collector's reach once, in any order:
    /// `offer(collector, position, distance)`.
    pub fn within(
        &self,
        query: u64,
        collector: &mut Collector,
        mut offer: impl FnMut(&mut Collector, usize, u32),
    ) {
        let substrings: Vec<Substring> = self.tables.iter().map(|table| table.substring).collect();
        let cost = |i: usize, distance: u32| {
            let Substring { width, .. } = substrings[i];
            let per_bucket = match distance {
                // Counted, not estimated: what thousands of images share (a blank page) makes
                // buckets so long that any other way of sharing out the radius is cheaper.
                0 => self.tables[i].bucket(substrings[i].of(query)).len() as f64,
                _ => self.codes.len() as f64 / substrings[i].buckets() as f64,
            };
            n_flips(width, distance) * (BUCKET_COST + per_bucket * ENTRY_COST)
        };
        let shares = share_out(collector.reach(), &substrings, cost)
            .filter(|shares| shares.total_cost < self.codes.len() as f64 * SCAN_COST);
        let Some(shares) = shares else {
            return scan(self.codes, query, collector, offer);
        };
        let probes = (0..self.tables.len()).flat_map(|i| {
            let substring = substrings[i];
            let center = substring.of(query);
            shares.distances(i).flat_map(move |distance| {
                flips(substring.width, distance).map(move |flip| Probe {
                    table: i as u8,
                    distance: distance as u8,
                    bucket: center ^ flip,
                })
            })
        });
        let found = |collector: &mut Collector, table: usize, position: usize| {
            let Some(&code) = self.codes.get(position) else { return };
            let differing = code ^ query;
            // Tables are probed in order: what an earlier one has shown is not shown again.
            let seen = (0..table).any(|i| substrings[i].of(differing).count_ones() < shares.distances(i).end);
            if !seen {
                offer(collector, position, differing.count_ones());
            }
        };
        #[cfg(target_arch = "x86_64")]
        if is_x86_feature_detected!("popcnt") {
            #[expect(unsafe_code, reason = "the processor has just been asked")]
            // SAFETY: the processor has just been found to count bits.
            return unsafe { self.probe_popcnt(query, probes, collector, found) };
        }
        self.probe(query, probes, collector, found);
    }

    /// The same, compiled for processors that count bits in one instruction.
    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "popcnt")]
    fn probe_popcnt(
        &self,
        query: u64,
        probes: impl Iterator<Item = Probe>,
        collector: &mut Collector,
        found: impl FnMut(&mut Collector, usize, usize),
    ) {
        self.probe(query, probes, collector, found);
    }

    /// Looks into all buckets of `probes`; `found(collector, table, position)` for each entry whose
    /// stored bits are near enough. Memory is asked for two steps ahead of its use: first where
    /// the bucket starts, then its entries, then the codes of what was found.
    #[inline(always)]
    fn probe(
        &self,
        query: u64,
        mut probes: impl Iterator<Item = Probe>,
        collector: &mut Collector,
        mut found: impl FnMut(&mut Collector, usize, usize),
    ) {
        let rest_mask = u64::MAX << self.position_bits;
        let wanted: [u64; MAX_SUBSTRINGS] = std::array::from_fn(|i| {
            self.tables.get(i).map_or(0, |table| table.substring.rest(query) << self.position_bits)
        });
        let mut near: Vec<(u8, u32)> = Vec::new();
        let mut asked = Vec::with_capacity(AHEAD);
        let mut located: Vec<(Probe, &[u64])> = Vec::with_capacity(AHEAD);
        loop {
            let fresh: &mut Vec<Probe> = &mut Vec::with_capacity(AHEAD);
            for probe in probes.by_ref().take(AHEAD) {
                prefetch(self.tables[usize::from(probe.table)].starts, probe.bucket as usize);
                fresh.push(probe);
            }
            for (probe, entries) in located.drain(..) {
                let table = usize::from(probe.table);
                let reach = collector.reach().saturating_sub(u32::from(probe.distance));
                for &entry in entries {
                    if ((entry ^ wanted[table]) & rest_mask).count_ones() <= reach {
                        let position = (entry & !rest_mask) as u32;
                        prefetch(self.codes, position as usize);
                        near.push((probe.table, position));
                    }
                }
            }
            for (table, position) in near.drain(..) {
                found(collector, usize::from(table), position as usize);
            }
            for probe in asked.drain(..) {
                let probe: Probe = probe;
                let table = &self.tables[usize::from(probe.table)];
                let entries = table.bucket(probe.bucket);
                if !entries.is_empty() {
                    prefetch(entries, 0);
                    prefetch(entries, 8);
                    located.push((probe, entries));
                }
            }
            std::mem::swap(&mut asked, fresh);
            if asked.is_empty() && located.is_empty() {
                return;
            }
        }
    }
}

impl<'a> Table<'a> {
    fn bucket(&self, bucket: u32) -> &'a [u64] {
        let bucket = bucket as usize;
        match (self.starts.get(bucket), self.starts.get(bucket + 1)) {
            (Some(&start), Some(&end)) => self.entries.get(start as usize..end as usize).unwrap_or(&[]),
            _ => &[],
        }
    }
}

/// Asks for the cache line of an element ahead of its use. Any index is fine.
#[inline(always)]
fn prefetch<T>(slice: &[T], index: usize) {
    #[cfg(target_arch = "x86_64")]
    #[expect(unsafe_code, reason = "an instruction that has no safe name")]
    // SAFETY: a prefetch reads nothing that the program can see and cannot fault, whatever the
    // address; the address is made without claiming that it lies inside the slice.
    unsafe {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        _mm_prefetch::<_MM_HINT_T0>(slice.as_ptr().wrapping_add(index).cast());
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = (slice, index);
}

/// A table in memory, as it is built and then written out.
pub(crate) struct BuiltTable {
    pub substring: Substring,
    pub starts: Vec<u32>,
    pub entries: Vec<u64>,
}

/// Codes between two looks at whether to go on building; a few milliseconds.
const BUILD_BLOCK: usize = 1 << 16;

/// Builds the table of one substring. The number of codes fits 32 bits. Needs 8 bytes per code and
/// 4 per bucket. `None` once `go_on` says no.
pub(crate) fn build_table(
    codes: &[u64],
    substring: Substring,
    position_bits: u32,
    go_on: impl Fn() -> bool,
) -> Option<BuiltTable> {
    let mut starts = vec![0_u32; substring.buckets() + 1];
    // One place late, so that what counts here is where a bucket starts after the sums, and where
    // it ends, which is where the next one starts, once it has been filled.
    let cursors = &mut starts[1..];
    for block in codes.chunks(BUILD_BLOCK) {
        for &code in block {
            cursors[substring.of(code) as usize] += 1;
        }
        if !go_on() {
            return None;
        }
    }
    let mut sum = 0;
    for cursor in cursors.iter_mut() {
        let count = *cursor;
        *cursor = sum;
        sum += count;
    }
    let mut entries = vec![0_u64; codes.len()];
    let mut positions = 0_u64..;
    for block in codes.chunks(BUILD_BLOCK) {
        for (&code, position) in block.iter().zip(&mut positions) {
            let cursor = &mut cursors[substring.of(code) as usize];
            entries[*cursor as usize] = substring.rest(code) << position_bits | position;
            *cursor += 1;
        }
        if !go_on() {
            return None;
        }
    }
    Some(BuiltTable { substring, starts, entries })
}

/// Multi-index hashing over codes in this process's own memory: for sets that live no longer than
/// the process, and to test the method apart from files.
pub struct MultiIndex {
    codes: Vec<u64>,
    images: Vec<FormId>,
    accounts: Vec<AccountNo>,
    position_bits: u32,
    tables: Vec<BuiltTable>,
}

impl MultiIndex {
    /// Indexes `entries`, fewer than 2^32.
    pub fn new(entries: &[Entry]) -> MultiIndex {
        MultiIndex::with_substrings(entries, &substrings_for(entries.len()))
    }

    fn with_substrings(entries: &[Entry], substrings: &[Substring]) -> MultiIndex {
        let mut entries = entries.to_vec();
        entries.sort_by_key(|entry| (entry.account, entry.image));
        let codes: Vec<u64> = entries.iter().map(|entry| entry.fingerprint.0).collect();
        let position_bits = position_bits_for(codes.len(), substrings);
        let table = |&substring: &Substring| build_table(&codes, substring, position_bits, || true);
        MultiIndex {
            tables: substrings.iter().filter_map(table).collect(),
            images: entries.iter().map(|entry| entry.image).collect(),
            accounts: entries.iter().map(|entry| entry.account).collect(),
            codes,
            position_bits,
        }
    }
}

impl HammingIndex for MultiIndex {
    fn within(&self, query: Fingerprint, radius: u32, limit: usize) -> Answer {
        let tables: Vec<Table> = self
            .tables
            .iter()
            .map(|t| Table { substring: t.substring, starts: &t.starts, entries: &t.entries })
            .collect();
        let mut collector = Collector::new(radius, limit);
        Tables { codes: &self.codes, position_bits: self.position_bits, tables: &tables }.within(
            query.0,
            &mut collector,
            |collector, position, distance| collector.offer(self.images[position], distance),
        );
        collector.finish()
    }

    fn within_accounts(
        &self,
        query: Fingerprint,
        accounts: &[AccountNo],
        radius: u32,
        limit: usize,
    ) -> Answer {
        let mut collector = Collector::new(radius, limit);
        for account in distinct(accounts) {
            let first = self.accounts.partition_point(|&other| other < account);
            let end = self.accounts.partition_point(|&other| other <= account);
            scan(&self.codes[first..end], query.0, &mut collector, |collector, index, distance| {
                collector.offer(self.images[first + index], distance);
            });
        }
        collector.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fulfills_the_contract() {
        super::super::contract::check(MultiIndex::new);
    }

    #[test]
    fn fulfills_the_contract_with_three_substrings_that_leave_bits_out() {
        let substrings = [(0, 11), (21, 11), (42, 12)].map(|(shift, width)| Substring { shift, width });
        super::super::contract::check(|entries| MultiIndex::with_substrings(entries, &substrings));
    }

    #[test]
    fn finds_all_with_the_substrings_of_a_large_set() {
        let mut random = fastrand::Rng::with_seed(3);
        let center = random.u64(..);
        let near = |image| {
            let code = (0..random.u32(0..9)).fold(center, |code, _| code ^ 1 << random.u32(0..64));
            let (image, account) = (FormId(image), AccountNo(0));
            Entry { image, account, fingerprint: Fingerprint(code) }
        };
        let entries: Vec<Entry> = (0..5000).map(near).collect();
        let index = MultiIndex::with_substrings(&entries, &substrings_for(100_000_000));
        let mut oracle = super::super::flat::FlatIndex::new();
        oracle.extend(&entries);
        for (radius, entry) in (0..=12).cycle().zip(&entries[..40]) {
            let query = entry.fingerprint;
            assert_eq!(index.within(query, radius, 5000), oracle.within(query, radius, 5000));
        }
    }
}
