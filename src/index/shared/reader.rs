//! Searching an index that another process may be writing.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::thread;

use super::control::Control;
use super::error::IndexError;
use super::manifest::Manifest;
use super::segment::Segment;
use super::tail::Tail;
use crate::base::ids::AccountNo;
use crate::base::{ErrorChain, Fingerprint};
use crate::index::collect::Collector;
use crate::index::hamming::{Answer, Entry, HammingIndex, distinct};

/// How often a manifest that is replaced while its files are opened is read again.
const MAX_ATTEMPTS: usize = 16;

/// What a merge has written at least, for it to be brought into the page table before it is used. In
/// tests anything, so that small merges go this way.
const WORTH_WARMING_BYTES: usize = if cfg!(test) { 1 } else { 8 << 20 };

/// What a reader can say about the index it follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// No writer has been there yet: every answer is empty.
    Missing,
    /// The writer is filling up from the database: answers are right, but images may be missing.
    Filling,
    /// The index holds all that the database holds.
    Complete,
}

/// Searches an index. Follows its writer by itself: every search looks at one shared word, and maps
/// new files when that has changed. Clones share the maps; any number of threads may search.
#[derive(Clone)]
pub struct Reader(Arc<Following>);

struct Following {
    dir: PathBuf,
    control: RwLock<Option<Arc<Control>>>,
    /// Replaced as a whole; held for the copying of a pointer.
    view: RwLock<Arc<View>>,
    /// Held by the one thread that brings the view up to date.
    following: Mutex<()>,
    /// The last generation that it has dealt with, even if the view has not come to it.
    dealt_with: AtomicU64,
    /// The newest state could not be opened: images may be missing from the view.
    is_behind: AtomicBool,
}

/// A state of the index, mapped. Stays complete while it is not the newest, until the writer has
/// filled its last tail: later ones are published before the writer uses them.
#[derive(Default)]
struct View {
    generation: u64,
    segments: Vec<Arc<Segment>>,
    tails: Vec<Arc<Tail>>,
}

impl Reader {
    /// Follows the index in `dir`, which need not exist yet.
    ///
    /// # Errors
    ///
    /// An index that is there and cannot be opened.
    pub fn open(dir: &Path) -> Result<Reader, IndexError> {
        let reader = Reader(Arc::new(Following {
            dir: dir.into(),
            control: RwLock::default(),
            view: RwLock::default(),
            following: Mutex::new(()),
            dealt_with: AtomicU64::new(0),
            is_behind: AtomicBool::new(false),
        }));
        reader.0.refresh()?;
        Ok(reader)
    }

    /// Whether the index can be relied upon to hold everything.
    pub fn status(&self) -> Status {
        // Follows first: whether it can, is part of the answer.
        drop(self.0.view());
        let is_behind = self.0.is_behind.load(Ordering::Relaxed);
        match self.0.control() {
            Ok(Some(control)) if control.is_complete() && !is_behind => Status::Complete,
            Ok(Some(control)) if control.generation() > 0 => Status::Filling,
            Ok(_) | Err(_) => Status::Missing,
        }
    }

    /// How many images the index holds.
    pub fn len(&self) -> u64 {
        let view = self.0.view();
        let sealed: usize = view.segments.iter().map(|segment| segment.shape.n_images).sum();
        let open: usize = view.tails.iter().map(|tail| tail.len()).sum();
        (sealed + open) as u64
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Makes the first searches as fast as the later ones: enters what is in memory into this
    /// process's page table, and has the rest read. Searches are right without it. Worth doing on a
    /// thread of its own at start; what is merged later is taken care of.
    pub fn warm_up(&self) {
        self.0.view().segments.iter().for_each(|segment| segment.warm_up());
    }

    /// Shows every image, in no particular order. For comparing with the database.
    pub fn for_each(&self, mut show: impl FnMut(Entry)) {
        let view = self.0.view();
        let lens = view.tail_lens();
        view.segments.iter().flat_map(|segment| segment.entries()).for_each(&mut show);
        for (tail, len) in view.tails.iter().zip(lens) {
            tail.entries(len).for_each(&mut show);
        }
    }

    /// Reads every segment and compares its checksums. Takes as long as reading the files.
    ///
    /// # Errors
    ///
    /// `Damaged` names the first file found wrong.
    pub fn verify(&self) -> Result<(), IndexError> {
        self.0.view().segments.iter().try_for_each(|segment| segment.verify())
    }
}

impl HammingIndex for Reader {
    fn within(&self, query: Fingerprint, radius: u32, limit: usize) -> Answer {
        let view = self.0.view();
        let mut collector = Collector::new(radius, limit);
        let lens = view.tail_lens();
        for segment in &view.segments {
            segment.within(query.0, &mut collector);
        }
        for (tail, len) in view.tails.iter().zip(lens) {
            tail.within(len, query.0, None, &mut collector);
        }
        collector.finish()
    }

    fn within_accounts(
        &self,
        query: Fingerprint,
        accounts: &[AccountNo],
        radius: u32,
        limit: usize,
    ) -> Answer {
        let accounts = distinct(accounts);
        let view = self.0.view();
        let mut collector = Collector::new(radius, limit);
        let lens = view.tail_lens();
        for segment in &view.segments {
            segment.within_accounts(query.0, &accounts, &mut collector);
        }
        for (tail, len) in view.tails.iter().zip(lens) {
            tail.within(len, query.0, Some(&accounts), &mut collector);
        }
        collector.finish()
    }
}

impl Following {
    /// The state to search. Where a newer one cannot be opened, the one before.
    fn view(self: &Arc<Self>) -> Arc<View> {
        // First, since it may find that the view is of another index.
        let newest = self.control().ok().flatten().map_or(0, |control| control.generation());
        let view = self.current();
        if newest <= view.generation {
            return view;
        }
        drop(view);
        // One thread maps, which takes less than a millisecond; the others wait for it.
        let _following = self.following.lock().unwrap_or_else(PoisonError::into_inner);
        if self.dealt_with.load(Ordering::Relaxed) < newest {
            match self.refresh() {
                Ok(generation) => {
                    self.dealt_with.store(generation, Ordering::Relaxed);
                    self.is_behind.store(false, Ordering::Relaxed);
                }
                Err(error) => {
                    self.dealt_with.store(newest, Ordering::Relaxed);
                    self.is_behind.store(true, Ordering::Relaxed);
                    tracing::warn!(error = %ErrorChain(&error), "index not followed");
                }
            }
        }
        self.current()
    }

    fn current(&self) -> Arc<View> {
        Arc::clone(&self.view.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The control file; none while no writer has created it. One that was removed or replaced is opened
    /// again: the mapped one would say for ever that there is nothing new.
    fn control(&self) -> Result<Option<Arc<Control>>, IndexError> {
        let known = self.control.read().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(control) = known.as_ref().filter(|control| control.is_in_place()) {
            return Ok(Some(Arc::clone(control)));
        }
        let control = match Control::open(&self.dir) {
            Ok(control) => Arc::new(control),
            // Until its writer has seen that.
            Err(error) if error.is_missing() => return Ok(known),
            Err(error) => return Err(error),
        };
        *self.control.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&control));
        if known.is_some() {
            // Another index, it may be, whose numbers mean other files.
            *self.view.write().unwrap_or_else(PoisonError::into_inner) = Arc::default();
            self.dealt_with.store(0, Ordering::Relaxed);
        }
        Ok(Some(control))
    }

    /// Maps the newest state and goes over to it, at once or soon; returns its generation.
    fn refresh(self: &Arc<Self>) -> Result<u64, IndexError> {
        let Some(control) = self.control()? else { return Ok(0) };
        if control.generation() == 0 {
            return Ok(0);
        }
        let mut attempts = 0;
        loop {
            let old = self.current();
            match View::load(&self.dir, &old) {
                Ok(view) => {
                    let generation = view.generation;
                    self.go_over(&old, Arc::new(view));
                    return Ok(generation);
                }
                // Its files were replaced between reading the manifest and opening them.
                Err(error) if error.is_missing() && attempts < MAX_ATTEMPTS => attempts += 1,
                Err(error) => return Err(error),
            }
        }
    }

    /// Replaces the view, but after a merge only when the merged segment is warm: until then the
    /// old view holds the same images, and its pages are in the page table already.
    fn go_over(self: &Arc<Self>, old: &View, view: Arc<View>) {
        let cold: Vec<Arc<Segment>> = view.segments_not_in(old).cloned().collect();
        let size: usize = cold.iter().map(|segment| segment.len_bytes()).sum();
        if !view.only_merges(old) || size < WORTH_WARMING_BYTES {
            return self.adopt(view);
        }
        let (following, warm) = (Arc::clone(self), Arc::clone(&view));
        let warmer = move || {
            cold.iter().for_each(|segment| segment.warm_up());
            following.adopt(warm);
        };
        let thread = thread::Builder::new().name("index-warmer".into());
        if thread.spawn(warmer).is_err() {
            self.adopt(view);
        }
    }

    fn adopt(&self, view: Arc<View>) {
        let mut current = self.view.write().unwrap_or_else(PoisonError::into_inner);
        if current.generation < view.generation {
            *current = view;
        }
    }
}

impl View {
    /// Opens what the manifest names; takes over what `old` has open already.
    fn load(dir: &Path, old: &View) -> Result<View, IndexError> {
        let manifest = Manifest::load(dir)?.unwrap_or_default();
        let segment = |&number: &u64| match old.segments.iter().find(|segment| segment.number == number) {
            Some(segment) => Ok(Arc::clone(segment)),
            None => Segment::open(dir, number).map(Arc::new),
        };
        let tail = |&number: &u64| match old.tails.iter().find(|tail| tail.number == number) {
            Some(tail) => Ok(Arc::clone(tail)),
            None => Tail::open(dir, number).map(Arc::new),
        };
        Ok(View {
            generation: manifest.generation,
            segments: manifest.segments.iter().map(segment).collect::<Result<_, _>>()?,
            tails: manifest.tails.iter().map(tail).collect::<Result<_, _>>()?,
        })
    }

    fn segments_not_in(&self, old: &View) -> impl Iterator<Item = &Arc<Segment>> {
        let known = |number| old.segments.iter().any(|segment| segment.number == number);
        self.segments.iter().filter(move |segment| !known(segment.number))
    }

    /// Whether this view holds exactly what `old` holds: a merge alone leaves the tails as they are,
    /// and whatever adds or removes images does not.
    fn only_merges(&self, old: &View) -> bool {
        !self.tails.is_empty()
            && self.tails.iter().map(|tail| tail.number).eq(old.tails.iter().map(|tail| tail.number))
    }

    /// How many records of each tail to search. The newest tail is asked first: what is seen of it
    /// was written when the older ones were full, so the lengths tell a prefix of what was
    /// appended, whatever the writer does meanwhile.
    fn tail_lens(&self) -> Vec<usize> {
        let mut lens: Vec<usize> = self.tails.iter().rev().map(|tail| tail.len()).collect();
        lens.reverse();
        lens
    }
}
