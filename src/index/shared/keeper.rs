//! What the writer does behind the storekeeper's back: the catalog of files, and the two threads
//! that seal full tails and merge segments.
#![expect(clippy::disallowed_methods, reason = "waits for a merge")]

use std::collections::HashSet;
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender};

use super::build;
use super::control::Control;
use super::error::IndexError;
use super::manifest::Manifest;
use super::segment::Segment;
use super::tail::Tail;
use crate::base::ErrorChain;
use crate::base::ids::FormId;

/// A segment is merged with all newer ones when it has fewer than this many times their images.
/// Larger means fewer segments to search and more merging: with 2, a search looks into about
/// log3(images / 8192) of them.
const MERGE_FACTOR: usize = 2;

/// All segments are read and compared with their checksums so long after the start, and then so often: a
/// second of processor time for a gigabyte.
const VERIFY_AFTER: Duration = if cfg!(test) { Duration::ZERO } else { Duration::from_secs(60) };
const VERIFY_EVERY: Duration = Duration::from_secs(24 * 3600);

/// The files in force, and the right to change them.
pub(super) struct Catalog {
    dir: PathBuf,
    control: Control,
    /// The number given last, to a file or a manifest.
    number: u64,
    segments: Vec<Arc<Segment>>,
    tails: Vec<u64>,
    /// Of the manifest in force; 0 before the first of this life.
    generation: u64,
    merging: bool,
}

impl Catalog {
    pub fn new(dir: &Path, control: Control, number: u64, segments: Vec<Arc<Segment>>) -> Catalog {
        Catalog {
            dir: dir.into(),
            control,
            number,
            segments,
            tails: Vec::new(),
            generation: 0,
            merging: false,
        }
    }

    /// A number for a new file.
    pub fn take_number(&mut self) -> u64 {
        self.number += 1;
        self.number
    }

    pub fn create_tail(&mut self) -> Result<Arc<Tail>, IndexError> {
        let number = self.take_number();
        Tail::create(&self.dir, number).map(Arc::new)
    }

    pub fn segments(&self) -> &[Arc<Segment>] {
        &self.segments
    }

    pub fn control(&self) -> &Control {
        &self.control
    }

    /// Puts a new state in force, tells the readers, and removes the files that it replaced: a
    /// reader that still has them mapped keeps them until it looks again.
    pub fn publish(&mut self, segments: Vec<Arc<Segment>>, tails: Vec<u64>) -> Result<(), IndexError> {
        let manifest = Manifest {
            generation: self.take_number(),
            segments: segments.iter().map(|segment| segment.number).collect(),
            tails,
        };
        manifest.store(&self.dir)?;
        self.control.publish(manifest.generation);
        self.generation = manifest.generation;
        let kept: HashSet<u64> = manifest.segments.iter().copied().collect();
        for segment in self.segments.iter().filter(|segment| !kept.contains(&segment.number)) {
            self.remove(&Segment::path(&self.dir, segment.number));
        }
        for &tail in self.tails.iter().filter(|tail| !manifest.tails.contains(tail)) {
            self.remove(&Tail::path(&self.dir, tail));
        }
        self.segments = segments;
        self.tails = manifest.tails;
        Ok(())
    }

    /// Whether control file, manifest and segments are as they were left: names and lengths, not contents.
    pub fn check(&self) -> Result<(), IndexError> {
        self.control.check(self.generation)?;
        Manifest::check(&self.dir, self.generation)?;
        match self.segments.iter().find(|segment| !segment.is_in_place()) {
            Some(segment) => {
                let why = "it was removed, replaced or cut short while it was open";
                Err(IndexError::damaged(segment.name(), why))
            }
            None => Ok(()),
        }
    }

    /// A file that cannot be removed is swept when the index is next opened.
    fn remove(&self, path: &Path) {
        if let Err(error) = fs::remove_file(path) {
            tracing::warn!(path = %path.display(), %error, "index file not removed");
        }
    }
}

/// The catalog among the writer and its threads. Held while a manifest is written and synced, never
/// while a segment is built.
pub(super) struct Keeper {
    catalog: Mutex<Catalog>,
    /// A merge has ended, or there is nothing to merge.
    merged: Condvar,
    give_up: AtomicBool,
    /// What reading the segments has found.
    damage: Mutex<Option<IndexError>>,
}

impl Keeper {
    pub fn new(catalog: Catalog) -> Keeper {
        Keeper {
            catalog: Mutex::new(catalog),
            merged: Condvar::new(),
            give_up: AtomicBool::new(false),
            damage: Mutex::default(),
        }
    }

    pub fn lock(&self) -> MutexGuard<'_, Catalog> {
        // Whoever panicked inside has at worst left files that no manifest names.
        self.catalog.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends a merge that is under way.
    pub fn give_up(&self) {
        self.give_up.store(true, Ordering::Relaxed);
    }

    /// Body of the sealing thread: for each full tail, makes it a segment and answers with an empty
    /// tail that readers know already. After an error the tail is still in force, and may be
    /// handed over again.
    pub fn seal_tails(
        &self,
        full: &Receiver<Arc<Tail>>,
        spares: &Sender<Result<Arc<Tail>, IndexError>>,
        wake_merger: &Sender<()>,
    ) {
        for tail in full {
            if spares.send(self.seal(&tail)).is_err() {
                return;
            }
            // Full means the merger has been told already.
            let _ = wake_merger.try_send(());
        }
    }

    fn seal(&self, tail: &Tail) -> Result<Arc<Tail>, IndexError> {
        let mut catalog = self.lock();
        let (dir, number, spare) = (catalog.dir.clone(), catalog.take_number(), catalog.create_tail()?);
        drop(catalog);
        let entries: Vec<_> = tail.entries(tail.len()).collect();
        let sealed = build::from_entries(&dir, number, &entries).and_then(|segment| {
            let mut catalog = self.lock();
            let mut segments = catalog.segments.clone();
            segments.push(Arc::new(segment));
            let kept = catalog.tails.iter().copied().filter(|&number| number != tail.number);
            let tails = kept.chain([spare.number]).collect();
            catalog.publish(segments, tails)
        });
        if let Err(error) = sealed {
            let _ = fs::remove_file(Tail::path(&dir, spare.number));
            let _ = fs::remove_file(Segment::path(&dir, number));
            return Err(error);
        }
        Ok(spare)
    }

    /// Body of the merging thread: whenever woken, merges until nothing is due; now and then reads it all.
    pub fn merge_segments(&self, wake: &Receiver<()>) {
        let mut verify_at = Instant::now() + VERIFY_AFTER;
        loop {
            match wake.recv_deadline(verify_at) {
                Ok(()) => self.merge_what_is_due(),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            if Instant::now() >= verify_at {
                self.verify_segments();
                verify_at = Instant::now() + VERIFY_EVERY;
            }
        }
    }

    fn merge_what_is_due(&self) {
        loop {
            let due = self.merge_once();
            self.lock().merging = false;
            self.merged.notify_all();
            match due {
                Ok(true) => {}
                Ok(false) => return,
                Err(error) => {
                    tracing::warn!(error = %ErrorChain(&error), "index segments not merged");
                    return;
                }
            }
        }
    }

    /// Compares the checksums of all segments. A damaged one is removed, so that whoever opens the index next
    /// takes what it held from the database; until then searches find in it what they can.
    fn verify_segments(&self) {
        let segments = self.lock().segments.clone();
        for segment in segments {
            if self.give_up.load(Ordering::Relaxed) {
                return;
            }
            if let Err(error) = segment.verify() {
                let _ = fs::remove_file(segment.name());
                *self.damage.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
                return;
            }
        }
    }

    /// Whether the files are as they were left; of their contents, what was read lately.
    pub fn check(&self) -> Result<(), IndexError> {
        match self.damage.lock().unwrap_or_else(PoisonError::into_inner).take() {
            Some(error) => Err(error),
            None => self.lock().check(),
        }
    }

    /// Does the merge that is due; false if there is none, or no time for it.
    fn merge_once(&self) -> Result<bool, IndexError> {
        let mut catalog = self.lock();
        let sizes: Vec<usize> = catalog.segments.iter().map(|segment| segment.shape.n_images).collect();
        let Some(due) = due_merge(&sizes) else { return Ok(false) };
        let inputs = catalog.segments[due].to_vec();
        let (dir, number) = (catalog.dir.clone(), catalog.take_number());
        catalog.merging = true;
        drop(catalog);
        let Some(merged) = build::merge(&dir, number, &inputs, &self.give_up)? else { return Ok(false) };
        let mut catalog = self.lock();
        // Meanwhile newer segments may have come, or the index may have been cleared.
        let place = catalog
            .segments
            .windows(inputs.len())
            .position(|window| window.iter().zip(&inputs).all(|(one, other)| one.number == other.number));
        let published = match place {
            None => Ok(()),
            Some(start) => {
                let mut segments = catalog.segments.clone();
                segments.splice(start..start + inputs.len(), [Arc::new(merged)]);
                let tails = catalog.tails.clone();
                catalog.publish(segments, tails)
            }
        };
        if place.is_none() || published.is_err() {
            let _ = fs::remove_file(Segment::path(&dir, number));
        }
        published.map(|()| true)
    }

    /// Takes the doomed entries out of the segments, and says how many those were: each segment that holds
    /// some is written anew, and takes the place of the old one. Searches go on in what there is.
    pub fn remove(&self, is_doomed: &dyn Fn(FormId) -> bool) -> Result<u64, IndexError> {
        let mut removed = 0;
        loop {
            let segments = self.lock().segments.clone();
            let holds = |segment: &&Arc<Segment>| segment.entries().any(|entry| is_doomed(entry.image));
            let Some(old) = segments.iter().find(holds) else { return Ok(removed) };
            let (dir, number) = {
                let mut catalog = self.lock();
                (catalog.dir.clone(), catalog.take_number())
            };
            let new = build::without(&dir, number, old, is_doomed)?;
            let left = new.as_ref().map_or(0, |segment| segment.shape.n_images);
            let mut catalog = self.lock();
            // A merge may have taken it meanwhile: then what that made is looked at.
            let place = catalog.segments.iter().position(|segment| segment.number == old.number);
            let published = match place {
                None => Ok(()),
                Some(place) => {
                    let mut segments = catalog.segments.clone();
                    segments.splice(place..=place, new.map(Arc::new));
                    let tails = catalog.tails.clone();
                    removed += (old.shape.n_images - left) as u64;
                    catalog.publish(segments, tails)
                }
            };
            if place.is_none() || published.is_err() {
                let _ = fs::remove_file(Segment::path(&dir, number));
            }
            published?;
        }
    }

    /// Waits until no merge is due or under way; false when `timeout` passed first.
    pub fn settle(&self, timeout: Duration) -> bool {
        let deadline = Instant::now() + timeout;
        let mut catalog = self.lock();
        loop {
            let sizes: Vec<usize> = catalog.segments.iter().map(|segment| segment.shape.n_images).collect();
            if !catalog.merging && due_merge(&sizes).is_none() {
                return true;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            let waited = self.merged.wait_timeout(catalog, left).unwrap_or_else(PoisonError::into_inner);
            catalog = waited.0;
        }
    }
}

/// Which adjacent segments to merge, given their sizes, oldest first: from the oldest that is small
/// beside all that came after it, to the newest.
fn due_merge(sizes: &[usize]) -> Option<Range<usize>> {
    let mut newer = 0_usize;
    let mut due = None;
    for (index, &size) in sizes.iter().enumerate().rev() {
        if newer > 0 && size < MERGE_FACTOR * newer && size + newer <= build::MAX_IMAGES {
            due = Some(index..sizes.len());
        }
        newer += size;
    }
    due
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(sizes: &[usize], expect: Option<Range<usize>>) {
        assert_eq!(due_merge(sizes), expect, "{sizes:?}");
    }

    #[test]
    fn merges_what_is_small_beside_its_successors() {
        check(&[], None);
        check(&[8], None);
        check(&[8, 8], Some(0..2));
        check(&[16, 8], None);
        check(&[15, 8], Some(0..2));
        check(&[100, 20, 8], None);
        check(&[100, 20, 15], Some(1..3));
        check(&[100, 40, 15], Some(0..3));
        check(&[build::MAX_IMAGES, 5, 5], Some(1..3));
    }
}
