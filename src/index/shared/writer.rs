//! The one writer of an index.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, bounded};

use super::build;
use super::control::Control;
use super::error::IndexError;
use super::keeper::{Catalog, Keeper};
use super::manifest::Manifest;
use super::segment::Segment;
use super::tail::{self, Tail};
use crate::base::ids::FormId;
use crate::base::vital;
use crate::index::hamming::Entry;

/// A batch of at least this many images becomes a segment of its own at once, without passing
/// through the tail.
const BULK: usize = 4 * tail::CAPACITY;

/// How long a full tail may wait for the disk.
const SPARE_TIMEOUT: Duration = Duration::from_secs(30);

/// What the directory held.
#[derive(Debug)]
pub struct Opened {
    /// The greatest image in the index. What the database has beyond it must be appended: all of
    /// it where this is `None`.
    pub last: Option<FormId>,
    /// Why some or all of what was in the index is no longer, if so. `None` for a new index.
    pub lost: Option<IndexError>,
}

/// Appends images to an index. At most one per directory, among all processes; its lock ends with
/// it, however it ends.
pub struct Writer {
    dir: PathBuf,
    keeper: Arc<Keeper>,
    last: Option<FormId>,
    /// Being filled, and how far it is.
    active: Arc<Tail>,
    filled: usize,
    /// To be filled next, unless `sealing`.
    spare: Option<Arc<Tail>>,
    /// Full, and handed over to the sealing thread, which answers with the next spare.
    sealing: Option<Arc<Tail>>,
    full: Sender<Arc<Tail>>,
    spares: Receiver<Result<Arc<Tail>, IndexError>>,
    wake_merger: Sender<()>,
    threads: Vec<JoinHandle<()>>,
    _lock: File,
}

impl Writer {
    /// Opens the index in `dir`, which is created if it does not exist. What is damaged is dropped,
    /// with all images after it; files that belong to no state of the index are removed.
    ///
    /// # Errors
    ///
    /// `Locked` while another writer lives; `File` where the system refuses a file. Damage is not
    /// an error.
    pub fn open(dir: &Path) -> Result<(Writer, Opened), IndexError> {
        fs::create_dir_all(dir).map_err(IndexError::file("create", dir))?;
        let lock = lock(dir)?;
        let control = Control::create(dir)?;
        control.set_complete(false);
        let found = Found::load(dir)?;
        let number = found.number.max(control.generation());
        let mut catalog = Catalog::new(dir, control, number, found.segments);
        let mut segments = catalog.segments().to_vec();
        let (active, spare) = (catalog.create_tail()?, catalog.create_tail()?);
        if found.tail.len() < tail::CAPACITY / 2 {
            active.push(&found.tail);
        } else {
            let number = catalog.take_number();
            segments.push(Arc::new(build::from_entries(dir, number, &found.tail)?));
        }
        let last_sealed = segments.last().map(|segment| segment.shape.last);
        let last = found.tail.last().map(|entry| entry.image).or(last_sealed);
        catalog.publish(segments, vec![active.number, spare.number])?;
        sweep(dir, &catalog, &[active.number, spare.number])?;
        let writer = Writer::start(dir, lock, catalog, last, active, spare)?;
        Ok((writer, Opened { last, lost: found.lost }))
    }

    fn start(
        dir: &Path,
        lock: File,
        catalog: Catalog,
        last: Option<FormId>,
        active: Arc<Tail>,
        spare: Arc<Tail>,
    ) -> Result<Writer, IndexError> {
        let keeper = Arc::new(Keeper::new(catalog));
        // One tail is sealed at a time: neither channel ever holds more.
        let (full, full_tails) = bounded(1);
        let (fresh, spares) = bounded(1);
        let (wake_merger, wakes) = bounded(1);
        let sealer = {
            let (keeper, wake_merger) = (Arc::clone(&keeper), wake_merger.clone());
            move || keeper.seal_tails(&full_tails, &fresh, &wake_merger)
        };
        let merger = {
            let keeper = Arc::clone(&keeper);
            move || keeper.merge_segments(&wakes)
        };
        let threads = vec![spawn("index-sealer", dir, sealer)?, spawn("index-merger", dir, merger)?];
        let _ = wake_merger.try_send(());
        Ok(Writer {
            dir: dir.into(),
            keeper,
            last,
            filled: active.len(),
            active,
            spare: Some(spare),
            sealing: None,
            full,
            spares,
            wake_merger,
            threads,
            _lock: lock,
        })
    }

    /// Adds images; when this returns, every reader finds them. Searches see them in this order:
    /// never a later one without the earlier ones.
    ///
    /// Takes microseconds, and waits for the disk only when it is more than 8,192 images behind.
    /// Large batches (32,768 and more) are written as files first, about 2 million images a
    /// second: the way to build an index from nothing is batches of a million or more.
    ///
    /// # Errors
    ///
    /// `OutOfOrder` before anything is added. After any other error a part from the front may
    /// have been added: [`Writer::last`] tells how far, and the rest can be tried again.
    pub fn append(&mut self, entries: &[Entry]) -> Result<(), IndexError> {
        let mut last = self.last;
        for entry in entries {
            if let Some(last) = last.filter(|&last| last >= entry.image) {
                return Err(IndexError::OutOfOrder { image: entry.image, last });
            }
            last = Some(entry.image);
        }
        if entries.len() >= BULK {
            return self.append_bulk(entries);
        }
        let mut rest = entries;
        while !rest.is_empty() {
            let n_added = self.active.push(rest);
            self.filled += n_added;
            if let Some(entry) = rest[..n_added].last() {
                self.last = Some(entry.image);
            }
            rest = &rest[n_added..];
            if !rest.is_empty() {
                self.next_tail()?;
            }
        }
        Ok(())
    }

    /// The greatest image added so far, in this life or an earlier one.
    pub fn last(&self) -> Option<FormId> {
        self.last
    }

    /// Tells readers whether the index holds everything that the database holds. False from
    /// opening until the storekeeper has appended what was missing.
    pub fn set_complete(&self, complete: bool) {
        self.keeper.lock().control().set_complete(complete);
    }

    /// Removes every image, for when the index turns out not to belong to the database.
    pub fn clear(&mut self) -> Result<(), IndexError> {
        self.set_complete(false);
        self.finish_sealing()?;
        self.restart(|segments| segments.clear())?;
        self.last = None;
        Ok(())
    }

    /// Takes the entries that are doomed out of the files; how many there were. Takes as long as writing the
    /// segments that hold some of them, a second for some millions of entries, and as much room on the disk
    /// until it is done.
    pub fn remove(&mut self, is_doomed: &dyn Fn(FormId) -> bool) -> Result<u64, IndexError> {
        self.finish_sealing()?;
        let all = self.active.len();
        let kept: Vec<Entry> = self.active.entries(all).filter(|entry| !is_doomed(entry.image)).collect();
        if kept.len() < all {
            let mut catalog = self.keeper.lock();
            let (active, spare) = (catalog.create_tail()?, catalog.create_tail()?);
            active.push(&kept);
            let segments = catalog.segments().to_vec();
            catalog.publish(segments, vec![active.number, spare.number])?;
            drop(catalog);
            (self.active, self.spare, self.filled) = (active, Some(spare), kept.len());
        }
        let removed = (all - kept.len()) as u64 + self.keeper.remove(is_doomed)?;
        // Segments that have become small may be due to be merged.
        let _ = self.wake_merger.try_send(());
        Ok(removed)
    }

    /// Whether the files on the disk are those that are open, of their lengths, and the tails sound. The
    /// segments' contents are read by a thread of the index soon after the start, and once a day.
    ///
    /// # Errors
    /// `Damaged`: the index is to be opened anew, and what it lacks then to be appended.
    pub fn check(&self) -> Result<(), IndexError> {
        self.keeper.check()?;
        self.active.check(&self.dir, self.filled)?;
        match &self.spare {
            Some(spare) => spare.check(&self.dir, 0),
            None => Ok(()),
        }
    }

    /// Waits until the background threads have nothing to do; false if `timeout` passed first, or
    /// the disk refuses. For measurements and tests: searches are exact at any time.
    pub fn settle(&mut self, timeout: Duration) -> bool {
        self.finish_sealing().is_ok() && self.keeper.settle(timeout)
    }

    /// Size of the index on disk and, once used, in memory.
    pub fn len_bytes(&self) -> u64 {
        let segments: usize = self.keeper.lock().segments().iter().map(|segment| segment.len_bytes()).sum();
        (segments + 2 * tail::LEN_BYTES) as u64
    }

    /// Goes on to the spare tail and has the full one sealed.
    fn next_tail(&mut self) -> Result<(), IndexError> {
        self.finish_sealing()?;
        let spare = self.spare.take().ok_or(IndexError::KeeperLost)?;
        let full = std::mem::replace(&mut self.active, spare);
        self.filled = 0;
        self.sealing = Some(Arc::clone(&full));
        self.full.send(full).map_err(|_| IndexError::KeeperLost)
    }

    /// Waits for the tail that is being sealed. After an error it is handed over again.
    fn finish_sealing(&mut self) -> Result<(), IndexError> {
        let Some(sealing) = &self.sealing else { return Ok(()) };
        match self.spares.recv_timeout(SPARE_TIMEOUT) {
            Ok(Ok(spare)) => {
                self.spare = Some(spare);
                self.sealing = None;
                Ok(())
            }
            Ok(Err(error)) => {
                self.full.send(Arc::clone(sealing)).map_err(|_| IndexError::KeeperLost)?;
                Err(error)
            }
            Err(_) => Err(IndexError::KeeperLost),
        }
    }

    /// Builds segments of what is in the tail and `entries`, and starts with empty tails.
    fn append_bulk(&mut self, entries: &[Entry]) -> Result<(), IndexError> {
        self.finish_sealing()?;
        let mut all = Cow::Borrowed(entries);
        if self.active.len() > 0 {
            all = self.active.entries(self.active.len()).chain(entries.iter().copied()).collect();
        }
        let mut built = Vec::new();
        for part in all.chunks(build::MAX_IMAGES) {
            let number = self.keeper.lock().take_number();
            built.push(Arc::new(build::from_entries(&self.dir, number, part)?));
        }
        // Merges may have replaced segments meanwhile: these come after what there is now.
        self.restart(|segments| segments.extend(built))?;
        self.last = entries.last().map(|entry| entry.image);
        Ok(())
    }

    /// Puts changed segments in force, and empty tails. Nothing is being sealed.
    fn restart(&mut self, change: impl FnOnce(&mut Vec<Arc<Segment>>)) -> Result<(), IndexError> {
        let mut catalog = self.keeper.lock();
        let (active, spare) = (catalog.create_tail()?, catalog.create_tail()?);
        let mut segments = catalog.segments().to_vec();
        change(&mut segments);
        catalog.publish(segments, vec![active.number, spare.number])?;
        drop(catalog);
        (self.active, self.spare, self.filled) = (active, Some(spare), 0);
        let _ = self.wake_merger.try_send(());
        Ok(())
    }
}

impl Drop for Writer {
    /// Ends the threads; a merge under way is abandoned within about a second.
    fn drop(&mut self) {
        self.keeper.give_up();
        // Dropping the senders ends the loops of both threads.
        self.full = bounded(0).0;
        self.spares = bounded(0).1;
        self.wake_merger = bounded(0).0;
        for thread in self.threads.drain(..) {
            // A thread that panicked has said so; there is nothing left to save.
            let _ = thread.join();
        }
    }
}

/// What can be used of a directory's files.
#[derive(Default)]
struct Found {
    segments: Vec<Arc<Segment>>,
    /// The images of the tails, after those of the segments.
    tail: Vec<Entry>,
    lost: Option<IndexError>,
    /// No file or manifest has a greater number.
    number: u64,
}

impl Found {
    fn load(dir: &Path) -> Result<Found, IndexError> {
        let mut found = Found::default();
        for (number, _) in numbered_files(dir)? {
            found.number = found.number.max(number);
        }
        let manifest = match Manifest::load(dir) {
            Ok(manifest) => manifest.unwrap_or_default(),
            Err(error) => return found.cut_short(error),
        };
        found.number = found.number.max(manifest.generation);
        let mut last = None;
        for &number in &manifest.segments {
            match Segment::open(dir, number) {
                Ok(segment) => {
                    last = Some(segment.shape.last);
                    found.segments.push(Arc::new(segment));
                }
                Err(error) => return found.cut_short(error),
            }
        }
        for &number in &manifest.tails {
            let tail = match Tail::open_to_recover(dir, number) {
                Ok(tail) => tail,
                Err(error) => return found.cut_short(error),
            };
            let n_sound = tail.count_sound(tail.len());
            for entry in tail.entries(n_sound) {
                if last.is_some_and(|last| entry.image <= last) {
                    return found.cut_short(IndexError::damaged(dir, "its tails are out of order"));
                }
                last = Some(entry.image);
                found.tail.push(entry);
            }
            // What follows a gap cannot be used: the database fills up from the last image.
            if n_sound < tail::CAPACITY {
                break;
            }
        }
        Ok(found)
    }

    /// Keeps what was found so far, if `error` tells of damage and not of a refusal.
    fn cut_short(mut self, error: IndexError) -> Result<Found, IndexError> {
        if matches!(error, IndexError::Damaged { .. }) || error.is_missing() {
            self.lost = Some(error);
            Ok(self)
        } else {
            Err(error)
        }
    }
}

fn lock(dir: &Path) -> Result<File, IndexError> {
    let path = dir.join("writer.lock");
    let file = File::create(&path).map_err(IndexError::file("create", &path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(IndexError::Locked { dir: dir.into() }),
        Err(TryLockError::Error(source)) => Err(IndexError::file("lock", path)(source)),
    }
}

/// Removes segments and tails that are not in force: left by a crash, or dropped as damaged.
fn sweep(dir: &Path, catalog: &Catalog, tails: &[u64]) -> Result<(), IndexError> {
    let segments = catalog.segments().iter().map(|segment| segment.number);
    let kept: HashSet<u64> = segments.chain(tails.iter().copied()).collect();
    for (number, path) in numbered_files(dir)? {
        if !kept.contains(&number) {
            fs::remove_file(&path).map_err(IndexError::file("remove", path))?;
        }
    }
    Ok(())
}

/// The segments and tails in a directory, whether in force or not.
fn numbered_files(dir: &Path) -> Result<Vec<(u64, PathBuf)>, IndexError> {
    let mut files = Vec::new();
    for item in fs::read_dir(dir).map_err(IndexError::file("list", dir))? {
        let path = item.map_err(IndexError::file("list", dir))?.path();
        let ours = path.extension().is_some_and(|extension| extension == "segment" || extension == "tail");
        let number = path.file_stem().and_then(|stem| stem.to_str()).and_then(|stem| stem.parse().ok());
        if let (true, Some(number)) = (ours, number) {
            files.push((number, path));
        }
    }
    Ok(files)
}

fn spawn(name: &str, dir: &Path, body: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, IndexError> {
    vital::spawn(name, body).map_err(IndexError::file("start a thread for", dir))
}
