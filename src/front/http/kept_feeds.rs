//! Feeds, kept as they were read until the broker says that they have changed: many readers ask for the same
//! again and again, and none of them need wake the database for it.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::broadcast;

use crate::base::clock::Monotonic;
use crate::domain::watches::{FeedEntry, Watch, WatchId};
use crate::front::broker::Broker;

/// So many feeds may be asked for in the place of one request: a reader follows many.
pub(super) const PER_REQUEST: u32 = 20;

/// A feed is read again after this, whatever the broker says.
const AGE: Duration = Duration::from_secs(600);
/// While an account is being scanned its feed changes all the time: readers are content with one so old.
const PATIENCE: Duration = Duration::from_secs(1);
/// What feeds may take in memory, in bytes as they are sent; of more, all are dropped.
const MAX_BYTES: usize = 24 * 1024 * 1024;
/// What an entry takes with its form as it is sent, of what it takes alone.
const BYTES_WRITTEN: usize = 8;
/// Entries of one feed that are read. All feeds are made of at most so many posts.
pub(super) const MAX_ENTRIES: usize = 1000;
/// Changes that a stream may have to catch up with; more are told as "any".
const CHANGES: usize = 64;

/// A feed as it was read.
pub(super) struct Feed {
    pub watch: Watch,
    /// The newest first.
    pub entries: Vec<FeedEntry>,
    read_at: Monotonic,
    /// The last form in which it went out, by what was asked for.
    written: Mutex<Option<(String, Written)>>,
}

/// A feed as it is sent.
#[derive(Clone)]
pub(super) struct Written {
    pub body: Bytes,
    /// A strong entity tag, with its quotation marks.
    pub tag: String,
}

/// A feed's place.
#[derive(Default)]
struct Slot {
    /// Whoever reads it holds this, so that many who ask at once have it read once.
    feed: tokio::sync::Mutex<Option<(u64, Arc<Feed>)>>,
    /// Changes that were told so far. A feed is kept with what it was before it was read: whoever reads may
    /// leave in the middle.
    changes: AtomicU64,
    bytes: AtomicUsize,
}

type Slots = Arc<Mutex<HashMap<WatchId, Arc<Slot>>>>;

pub(super) struct KeptFeeds {
    slots: Slots,
    changes: broadcast::Sender<Option<WatchId>>,
}

impl KeptFeeds {
    pub fn new(broker: &dyn Broker) -> KeptFeeds {
        let slots = Slots::default();
        let (changes, _) = broadcast::channel(CHANGES);
        let (hearing, telling) = (Arc::downgrade(&slots), changes.clone());
        broker.follow_feeds(Box::new(move |watch| {
            let Some(slots) = hearing.upgrade() else { return false };
            let mut slots = slots.lock().unwrap_or_else(PoisonError::into_inner);
            match watch {
                Some(watch) => {
                    if let Some(slot) = slots.get(&watch) {
                        slot.changes.fetch_add(1, Ordering::SeqCst);
                    }
                }
                // Something may be gone that nobody is to see any more.
                None => slots.clear(),
            }
            // Nobody may be listening.
            let _ = telling.send(watch);
            true
        }));
        KeptFeeds { slots, changes }
    }

    /// The changes from now on; `None` stands for any feed.
    pub fn changes(&self) -> broadcast::Receiver<Option<WatchId>> {
        self.changes.subscribe()
    }

    /// The feed of this watch as it is kept or, where that is too old, as `read` gives it; `None` where it
    /// gives none. Many who ask at once have it read once.
    pub async fn get<E>(
        &self,
        id: WatchId,
        newness: Newness,
        now: Monotonic,
        read: impl Future<Output = Result<Option<Feed>, E>>,
    ) -> Result<Option<Arc<Feed>>, E> {
        let slot = self.slot(id);
        let mut kept = slot.feed.lock().await;
        // What changes while it is read has it read again.
        let changes = slot.changes.load(Ordering::SeqCst);
        if let Some((then, feed)) = kept.as_ref() {
            let age = now.since(feed.read_at);
            if age < AGE && (*then == changes || newness == Newness::Lately && age < PATIENCE) {
                return Ok(Some(Arc::clone(feed)));
            }
        }
        let feed = match read.await {
            Ok(Some(feed)) => Arc::new(feed),
            other => {
                drop(kept);
                self.drop_slot(id);
                return other.map(|_| None);
            }
        };
        let bytes = feed.entries.iter().map(FeedEntry::len_bytes).sum::<usize>() * BYTES_WRITTEN;
        *kept = Some((changes, Arc::clone(&feed)));
        drop(kept);
        self.note_size(id, bytes);
        Ok(Some(feed))
    }

    fn slot(&self, id: WatchId) -> Arc<Slot> {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(slots.entry(id).or_default())
    }

    /// What is kept is dropped where it takes too much.
    fn note_size(&self, id: WatchId, bytes: usize) {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(slot) = slots.get(&id) {
            slot.bytes.store(bytes, Ordering::Relaxed);
        }
        let all: usize = slots.values().map(|slot| slot.bytes.load(Ordering::Relaxed)).sum();
        if all > MAX_BYTES {
            slots.retain(|known, _| *known == id);
        }
    }

    fn drop_slot(&self, id: WatchId) {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
    }
}

/// How new a feed has to be.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Newness {
    /// A moment ago is new enough.
    Lately,
    /// With all that the broker has told of.
    Now,
}

impl Feed {
    pub fn new(watch: Watch, entries: Vec<FeedEntry>, read_at: Monotonic) -> Feed {
        Feed { watch, entries, read_at, written: Mutex::default() }
    }

    /// The feed as it goes out, made by `write` unless it went out so before.
    pub(super) fn written(&self, asked: &str, write: impl FnOnce() -> String) -> Written {
        let mut last = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((known, written)) = last.as_ref()
            && known == asked
        {
            return written.clone();
        }
        let body = Bytes::from(write());
        let digest = ring::digest::digest(&ring::digest::SHA256, &body);
        let hex: String = digest.as_ref().iter().take(16).map(|byte| format!("{byte:02x}")).collect();
        let written = Written { body, tag: format!("\"{hex}\"") };
        *last = Some((asked.to_owned(), written.clone()));
        written
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::samples::{sample_entry, sample_watch};
    use crate::front::fake::FakeBroker;

    fn feed(entries: usize, at: Monotonic) -> Feed {
        Feed::new(sample_watch().watch, vec![sample_entry(); entries], at)
    }

    async fn get(feeds: &KeptFeeds, newness: Newness, at: u64, entries: usize) -> usize {
        let (id, now) = (sample_watch().watch.id, Monotonic(at));
        let read = async { Ok::<_, ()>(Some(feed(entries, now))) };
        feeds.get(id, newness, now, read).await.unwrap().unwrap().entries.len()
    }

    #[tokio::test]
    async fn a_feed_is_kept_until_it_changes_and_not_for_ever() {
        let broker = FakeBroker::default();
        let feeds = KeptFeeds::new(&broker);
        assert_eq!(get(&feeds, Newness::Now, 0, 1).await, 1);
        assert_eq!(get(&feeds, Newness::Now, 10, 2).await, 1);
        broker.change_feed(Some(sample_watch().watch.id));
        assert_eq!(get(&feeds, Newness::Lately, 999, 2).await, 1, "a moment ago is new enough");
        assert_eq!(get(&feeds, Newness::Lately, 1000, 2).await, 2);
        broker.change_feed(Some(sample_watch().watch.id));
        assert_eq!(get(&feeds, Newness::Now, 1001, 3).await, 3);
        assert_eq!(get(&feeds, Newness::Lately, 1001 + 600_000, 4).await, 4);
        broker.change_feed(None);
        assert_eq!(get(&feeds, Newness::Lately, 1001 + 600_000, 5).await, 5, "something may be gone");
    }

    #[tokio::test]
    async fn whoever_leaves_while_it_is_read_leaves_no_old_feed_behind() {
        let broker = FakeBroker::default();
        let feeds = KeptFeeds::new(&broker);
        assert_eq!(get(&feeds, Newness::Now, 0, 1).await, 1);
        broker.change_feed(Some(sample_watch().watch.id));
        let never = std::future::pending::<Result<Option<Feed>, ()>>();
        let left = feeds.get(sample_watch().watch.id, Newness::Now, Monotonic(1), never);
        assert!(futures_util::FutureExt::now_or_never(left).is_none());
        assert_eq!(get(&feeds, Newness::Now, 2, 2).await, 2);
    }

    #[tokio::test]
    async fn feeds_take_no_more_than_they_may() {
        let broker = FakeBroker::default();
        let feeds = KeptFeeds::new(&broker);
        for number in 0..200_u32 {
            let id = WatchId(u128::from(number));
            let read = async { Ok::<_, ()>(Some(feed(1000, Monotonic(0)))) };
            feeds.get(id, Newness::Now, Monotonic(0), read).await.unwrap();
            let slots = feeds.slots.lock().unwrap();
            let all: usize = slots.values().map(|slot| slot.bytes.load(Ordering::Relaxed)).sum();
            assert!(all <= MAX_BYTES, "{all}");
        }
        // Of what there is not, nothing is kept.
        let id = WatchId(u128::MAX);
        assert!(
            feeds.get(id, Newness::Now, Monotonic(0), async { Ok::<_, ()>(None) }).await.unwrap().is_none()
        );
        assert!(!feeds.slots.lock().unwrap().contains_key(&id));
    }
}
