//! For tests: an index that only remembers, and a store that fails when told to.

use std::collections::HashSet;
use std::error::Error;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use crossbeam_channel::{Receiver, Sender};

use super::Publisher;
use crate::base::ids::{AccountKey, AccountNo, ImageId, Network, PostKey};
use crate::base::{Fingerprint, Timestamp};
use crate::domain::accounts::{AccountRecord, AccountState};
use crate::domain::forgotten::{Mark, Tombstone};
use crate::domain::images::StoreCounts;
use crate::domain::parts::Parts;
use crate::domain::posts::{ImageRecord, ListedPost};
use crate::domain::verdicts::{Verdict, VerdictId};
use crate::domain::watches::{FeedEntry, Watch};
use crate::store::backfill::BareImage;
use crate::store::{
    Change, CodesEntry, Committed, EngineError, EngineFault, IndexEntry, PartsEntry, Store, StoreError,
    StoredPost,
};

/// An index that survives its storekeeper, as the files of the real one do.
#[derive(Clone)]
pub struct FakeIndex {
    pub entries: Arc<Mutex<Vec<IndexEntry>>>,
    /// Half of each append goes in, then it fails.
    pub failing: Arc<AtomicBool>,
    pub panicking: Arc<AtomicBool>,
    pub complete: Arc<AtomicBool>,
    /// One for each time that it became incomplete.
    pub failures: (Sender<()>, Receiver<()>),
}

impl FakeIndex {
    pub fn new() -> FakeIndex {
        FakeIndex {
            entries: Arc::default(),
            failing: Arc::default(),
            panicking: Arc::default(),
            complete: Arc::default(),
            failures: crossbeam_channel::unbounded(),
        }
    }

    pub fn ids(&self) -> Vec<u64> {
        self.entries.lock().unwrap().iter().map(|entry| entry.0.0).collect()
    }

    pub fn fingerprints(&self) -> Vec<u64> {
        self.entries.lock().unwrap().iter().map(|entry| entry.2.0).collect()
    }
}

impl Publisher for FakeIndex {
    type Entry = IndexEntry;

    fn last(&self) -> Option<ImageId> {
        self.entries.lock().unwrap().last().map(|entry| entry.0)
    }

    fn append(&mut self, entries: &[IndexEntry]) -> Result<(), Box<dyn Error + Send + Sync>> {
        assert!(!self.panicking.load(Ordering::SeqCst), "told to panic");
        let failing = self.failing.load(Ordering::SeqCst);
        let mut all = self.entries.lock().unwrap();
        let part = if failing { &entries[..entries.len() / 2] } else { entries };
        for entry in part {
            assert!(all.last().is_none_or(|last| last.0 < entry.0), "out of order: {entry:?}");
            all.push(*entry);
        }
        if failing {
            return Err("told to fail".into());
        }
        Ok(())
    }

    fn clear(&mut self) -> Result<(), Box<dyn Error + Send + Sync>> {
        self.entries.lock().unwrap().clear();
        Ok(())
    }

    fn remove(&mut self, images: &HashSet<ImageId>) -> Result<u64, Box<dyn Error + Send + Sync>> {
        let mut entries = self.entries.lock().unwrap();
        let before = entries.len();
        entries.retain(|(image, ..)| !images.contains(image));
        Ok((before - entries.len()) as u64)
    }

    fn check(&mut self) -> Result<(), Box<dyn Error + Send + Sync>> {
        Ok(())
    }

    fn set_complete(&mut self, complete: bool) {
        self.complete.store(complete, Ordering::SeqCst);
        if !complete {
            self.failures.0.send(()).expect("the index holds the other end");
        }
    }
}

/// Which fault every call of a [`FailingStore`] meets, if any; `Misfit` only for handing out retries.
pub type Fault = Arc<Mutex<Option<EngineFault>>>;

/// A real store behind a fault that can be switched.
pub struct FailingStore {
    pub inner: Box<dyn Store>,
    pub fault: Fault,
}

impl FailingStore {
    fn reach(&mut self) -> Result<&mut dyn Store, StoreError> {
        match *self.fault.lock().unwrap() {
            None => Ok(&mut *self.inner),
            Some(fault) => {
                let source = EngineError::new(fault, "told to fail");
                Err(StoreError::Statement { step: "do anything", source })
            }
        }
    }
}

impl Store for FailingStore {
    fn apply(&mut self, changes: &[Change], now: Timestamp) -> Result<Committed, StoreError> {
        let asked = changes.iter().any(|change| matches!(change, Change::TakeRetries { .. }));
        if *self.fault.lock().unwrap() == Some(EngineFault::Misfit) && !asked {
            return self.inner.apply(changes, now);
        }
        self.reach()?.apply(changes, now)
    }
    fn check_standing(&mut self) -> Result<(), StoreError> {
        self.reach()?.check_standing()
    }
    fn explain(&self, error: StoreError) -> StoreError {
        self.inner.explain(error)
    }
    fn account_states(&mut self, keys: &[AccountKey]) -> Result<Vec<AccountState>, StoreError> {
        self.reach()?.account_states(keys)
    }
    fn account_record(&mut self, key: &AccountKey) -> Result<Option<AccountRecord>, StoreError> {
        self.reach()?.account_record(key)
    }
    fn accounts_called(&mut self, network: Network, handle: &str) -> Result<Vec<AccountKey>, StoreError> {
        self.reach()?.accounts_called(network, handle)
    }
    fn account_numbers(&mut self, keys: &[AccountKey]) -> Result<Vec<(AccountKey, AccountNo)>, StoreError> {
        self.reach()?.account_numbers(keys)
    }
    fn images(&mut self, ids: &[ImageId]) -> Result<Vec<ImageRecord>, StoreError> {
        self.reach()?.images(ids)
    }
    fn bare_images(&mut self, after: ImageId, limit: u32) -> Result<Vec<BareImage>, StoreError> {
        self.reach()?.bare_images(after, limit)
    }
    fn images_without_parts(&mut self, after: ImageId, limit: u32) -> Result<Vec<BareImage>, StoreError> {
        self.reach()?.images_without_parts(after, limit)
    }
    fn missing(&mut self, posts: &[ListedPost]) -> Result<Vec<ListedPost>, StoreError> {
        self.reach()?.missing(posts)
    }
    fn post_authors(&mut self, posts: &[PostKey]) -> Result<Vec<(PostKey, AccountKey)>, StoreError> {
        self.reach()?.post_authors(posts)
    }

    fn fingerprints_of(
        &mut self,
        posts: &[PostKey],
    ) -> Result<Vec<Option<Vec<Option<Fingerprint>>>>, StoreError> {
        self.reach()?.fingerprints_of(posts)
    }
    fn fingerprints_after(&mut self, after: ImageId, limit: u32) -> Result<Vec<IndexEntry>, StoreError> {
        self.reach()?.fingerprints_after(after, limit)
    }
    fn fingerprints_of_account(
        &mut self,
        account: AccountNo,
        after: ImageId,
        limit: u32,
    ) -> Result<Vec<IndexEntry>, StoreError> {
        self.reach()?.fingerprints_of_account(account, after, limit)
    }
    fn parts_of_account(
        &mut self,
        account: AccountNo,
        after: ImageId,
        limit: u32,
    ) -> Result<Vec<PartsEntry>, StoreError> {
        self.reach()?.parts_of_account(account, after, limit)
    }
    fn parts(&mut self, ids: &[ImageId]) -> Result<Vec<(ImageId, Parts)>, StoreError> {
        self.reach()?.parts(ids)
    }
    fn codes_after(&mut self, after: ImageId, limit: u32) -> Result<Vec<CodesEntry>, StoreError> {
        self.reach()?.codes_after(after, limit)
    }
    fn parts_sample(
        &mut self,
        after: AccountNo,
        limit: u32,
    ) -> Result<Vec<(AccountNo, Option<Parts>)>, StoreError> {
        self.reach()?.parts_sample(after, limit)
    }
    fn furniture(&mut self) -> Result<Option<(Timestamp, Vec<u8>)>, StoreError> {
        self.reach()?.furniture()
    }
    fn stored_posts(
        &mut self,
        account: AccountNo,
        after: ImageId,
        limit: u32,
    ) -> Result<Vec<StoredPost>, StoreError> {
        self.reach()?.stored_posts(account, after, limit)
    }
    fn verdicts(&mut self, pages: &[String], accounts: &[AccountKey]) -> Result<Vec<Verdict>, StoreError> {
        self.reach()?.verdicts(pages, accounts)
    }
    fn verdicts_before(
        &mut self,
        before: (Timestamp, VerdictId),
        limit: u32,
    ) -> Result<Vec<(Verdict, bool)>, StoreError> {
        self.reach()?.verdicts_before(before, limit)
    }
    fn images_of_posts(&mut self, posts: &[PostKey]) -> Result<Vec<(PostKey, u8, IndexEntry)>, StoreError> {
        self.reach()?.images_of_posts(posts)
    }
    fn watches(&mut self) -> Result<Vec<Watch>, StoreError> {
        self.reach()?.watches()
    }
    fn feed(&mut self, accounts: &[AccountKey]) -> Result<Vec<FeedEntry>, StoreError> {
        self.reach()?.feed(accounts)
    }
    fn last_image(&mut self) -> Result<ImageId, StoreError> {
        self.reach()?.last_image()
    }
    fn tombstones(&mut self, after: Option<Mark>, limit: u32) -> Result<Vec<Tombstone>, StoreError> {
        self.reach()?.tombstones(after, limit)
    }
    fn marks(&mut self) -> Result<Vec<Mark>, StoreError> {
        self.reach()?.marks()
    }
    fn removals_left(&mut self) -> Result<Vec<AccountKey>, StoreError> {
        self.reach()?.removals_left()
    }
    fn removed_images(&mut self, limit: u32) -> Result<Vec<ImageId>, StoreError> {
        self.reach()?.removed_images(limit)
    }
    fn counts(&mut self) -> Result<StoreCounts, StoreError> {
        self.reach()?.counts()
    }
    fn wrong_lengths(&mut self) -> Result<u64, StoreError> {
        self.reach()?.wrong_lengths()
    }
    fn identity(&mut self) -> Result<String, StoreError> {
        self.reach()?.identity()
    }
}
