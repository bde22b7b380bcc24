//! The writer's thread: puts all changes that wait into one commit, in order, then publishes the new
//! fingerprints, then answers. One flush of the disk serves them all.

use std::sync::Arc;

use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError};

use super::halt::{Halt, Patience};
use super::publish::{Index, IndexFailure, Publisher};
use super::publish_codes::CodesWriter;
use super::reports::{Tell, broken};
use super::trouble::Trouble;
use crate::base::{ErrorChain, Reaction, Timestamp};
use crate::proto::stage::Answer;
use crate::store::{Change, Committed, IndexEntry, Outcome, Store, StoreError};
use crate::storekeeper::orders::{FromStorekeeper, StorePart, Ticket};

/// So often it looks whether somebody else has written (an import beside the running program), whose images
/// are to be searchable too, and whether the files are still those that were opened.
pub const LOOK_EVERY: Duration = Duration::from_secs(10);

/// After a failure to add to the index that is being made.
const INDEX_PAUSE: Duration = Duration::from_secs(1);

/// After one that only a person can mend.
const DAMAGE_PAUSE: Duration = Duration::from_secs(30);

/// The index loses what it holds of removed images this often; at once after what somebody wished.
const PURGE_EVERY: Duration = Duration::from_secs(3600);

/// Removed images in one pass through the index.
const PURGED_AT_A_TIME: u32 = 1_000_000;

/// Changes in one commit.
const MAX_CHANGES: usize = 512;

pub struct Order {
    pub change: Change,
    pub awaited: Awaited,
}

/// What the broker waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Awaited {
    Nothing,
    Stored(Ticket),
    Answer(Ticket),
    /// That something was removed, or a mark lifted: like what is stored, it is tried for as long as it
    /// takes.
    Removed(Ticket),
}

pub struct Writer<P> {
    store: Box<dyn Store>,
    index: Index<P>,
    /// Of local features. It serves searches that go on without it: nobody waits for it.
    codes: Option<Index<CodesWriter>>,
    tell: Tell,
    halt: Halt,
    /// What commits meet.
    trouble: Trouble,
    /// What is found while there is nothing to commit.
    displaced: Trouble,
    damage: Trouble,
    looked_at: Instant,
    /// When the index is to lose what it holds of removed images.
    purge_at: Instant,
}

/// Nothing more can be written, and the broker was told if it did not ask for it.
#[derive(Debug)]
pub struct Ended;

impl<P: Publisher<Entry = IndexEntry>> Writer<P> {
    pub fn new(
        store: Box<dyn Store>,
        index: Index<P>,
        codes: Option<Index<CodesWriter>>,
        tell: Tell,
        halt: Halt,
    ) -> Writer<P> {
        let trouble = Trouble::new(StorePart::Database, Arc::clone(&tell));
        let displaced = Trouble::new(StorePart::Database, Arc::clone(&tell));
        let damage = Trouble::new(StorePart::Data, Arc::clone(&tell));
        let now = Instant::now();
        // What was removed before the last end, and is in the index still, goes first.
        Writer { store, index, codes, tell, halt, trouble, displaced, damage, looked_at: now, purge_at: now }
    }

    /// Until the queue closes and all of it is written, or nothing more can be.
    ///
    /// While the index lacks much, changes are written between the pieces that are added to it: they are
    /// durable at once, searchable among their account's posts, and in the index when it comes to them.
    pub fn run(&mut self, orders: &Receiver<Order>) {
        // An error has been told to the broker.
        while let Ok(true) = self.turn(orders) {}
    }

    /// One turn of it; false when the queue has closed.
    fn turn(&mut self, orders: &Receiver<Order>) -> Result<bool, Ended> {
        let patience = match self.index.progress().is_complete() {
            true => self.make_codes()?.unwrap_or_else(|| {
                LOOK_EVERY
                    .saturating_sub(self.looked_at.elapsed())
                    .min(self.purge_at.saturating_duration_since(Instant::now()))
            }),
            false => self.make_index()?,
        };
        match orders.recv_timeout(patience) {
            Ok(first) => {
                let mut batch = Batch::default();
                batch.push(first);
                batch.fill(orders);
                self.write(batch, orders)?;
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return Ok(false),
        }
        if self.looked_at.elapsed() >= LOOK_EVERY && self.index.progress().is_complete() {
            self.look()?;
            self.looked_at = Instant::now();
        }
        if Instant::now() >= self.purge_at && self.index.progress().is_complete() {
            self.purge_at = Instant::now() + PURGE_EVERY;
            self.purge();
        }
        Ok(true)
    }

    /// Takes removed images out of the files of the index. Searches go on, and find nothing of them in the
    /// database meanwhile. What fails is tried again the next time.
    fn purge(&mut self) {
        loop {
            let start = Instant::now();
            let images = match self.store.removed_images(PURGED_AT_A_TIME) {
                Ok(images) => images,
                Err(error) => return drop(self.note(error.into())),
            };
            let Some(last) = images.last().copied() else { return };
            let of_codes = self.codes.as_mut().map_or(Ok(0), |codes| codes.remove(&images));
            match self.index.remove(&images).and_then(|entries| Ok((entries, of_codes?))) {
                Ok((entries, codes)) => tracing::info!(
                    images = images.len(), entries, codes, elapsed = ?start.elapsed(),
                    "removed images are no longer in the index"
                ),
                Err(failure) => return drop(self.note(failure)),
            }
            let settled = Change::ForgetRemovedImages { up_to: last };
            if let Err(error) = self.store.apply(&[settled], Timestamp::now()) {
                return drop(self.note(error.into()));
            }
        }
    }

    /// Adds the next piece of what the index lacks; how long orders may be waited for after it.
    fn make_index(&mut self) -> Result<Duration, Ended> {
        self.check_index()?;
        match self.index.advance(&mut *self.store) {
            Ok(_) => {
                self.tell_progress();
                Ok(Duration::ZERO)
            }
            Err(failure) => Ok(self.pause_after(failure)),
        }
    }

    /// The same for the index of codes; `None` where it lacks nothing.
    fn make_codes(&mut self) -> Result<Option<Duration>, Ended> {
        if self.codes.as_ref().is_none_or(|codes| codes.progress().is_complete()) {
            return Ok(None);
        }
        self.check_index()?;
        let Some(codes) = &mut self.codes else { return Ok(None) };
        match codes.advance(&mut *self.store) {
            Ok(_) => {
                let progress = codes.progress();
                if progress.is_complete() {
                    tracing::info!(images = progress.total, "the index of codes is complete");
                }
                Ok(Some(Duration::ZERO))
            }
            Err(failure) => Ok(Some(self.pause_after(failure))),
        }
    }

    fn pause_after(&mut self, failure: IndexFailure) -> Duration {
        match self.note(failure).needs_a_person() {
            true => DAMAGE_PAUSE,
            false => INDEX_PAUSE,
        }
    }

    /// An index whose files were changed ends this broker: its successor opens what is left of them, and
    /// takes what they lost from the database.
    fn check_index(&mut self) -> Result<(), Ended> {
        let of_codes = self.codes.as_mut().map_or(Ok(()), Index::check);
        self.index.check().and(of_codes).map_err(|failure| {
            broken(&self.tell, &failure);
            Ended
        })
    }

    fn tell_progress(&self) {
        let progress = self.index.progress();
        if progress.is_complete() {
            tracing::info!(images = progress.total, "the fingerprint index is complete");
        }
        (self.tell)(FromStorekeeper::Indexing { progress });
    }

    /// Looks after the files, and publishes what others have written. What else fails here is met again, and
    /// told, by the next commit.
    pub fn look(&mut self) -> Result<(), Ended> {
        match self.store.check_standing().map_err(|error| self.store.explain(error)) {
            Ok(()) => self.displaced.is_over(),
            Err(error @ StoreError::Beside { .. }) => {
                broken(&self.tell, &error);
                return Err(Ended);
            }
            Err(error) if error.needs_a_person() => {
                self.displaced.begins(&error);
                return Ok(());
            }
            Err(error) => {
                tracing::warn!(error = %ErrorChain(&error), "the database could not be looked at");
                return Ok(());
            }
        }
        self.check_index()?;
        match self.index.catch_up(&mut *self.store) {
            Ok(0) => {}
            Ok(added) => tracing::info!(fingerprints = added, "another program's images are searchable now"),
            Err(failure) => drop(self.note(failure)),
        }
        if let Some(codes) = self.codes.as_mut().filter(|codes| codes.progress().is_complete())
            && let Err(failure) = codes.begin_codes(&mut *self.store)
        {
            self.note(failure);
        }
        Ok(())
    }

    /// The index does not follow the database now, for this reason, which is given back as it was told.
    fn note(&mut self, failure: IndexFailure) -> IndexFailure {
        let failure = match failure {
            IndexFailure::Store(error) => IndexFailure::Store(self.store.explain(error)),
            other => other,
        };
        tracing::warn!(error = %ErrorChain(&failure), "the index has to wait");
        if let IndexFailure::Store(error) = &failure
            && error.needs_a_person()
        {
            self.damage.begins(error);
        }
        failure
    }

    /// Writes the batch, however long it takes. Meanwhile it grows by what comes in, except for
    /// questions: they are answered that there is no answer now.
    fn write(&mut self, mut batch: Batch, orders: &Receiver<Order>) -> Result<(), Ended> {
        let mut patience = Patience::new();
        loop {
            let start = Instant::now();
            let error = match self.store.apply(&batch.changes, Timestamp::now()) {
                Ok(committed) => {
                    self.trouble.is_over();
                    let (changes, fingerprints) = (batch.changes.len(), committed.entries.len());
                    tracing::debug!(changes, fingerprints, elapsed = ?start.elapsed(), "committed");
                    return self.publish(&batch, committed);
                }
                Err(error) => self.store.explain(error),
            };
            if let StoreError::Beside { .. } = error {
                broken(&self.tell, &error);
                return Err(Ended);
            }
            let why = ErrorChain(&error).to_string();
            // Nothing more is written to a database that is damaged or displaced, until a person has acted.
            if error.reaction() == Reaction::GiveUp && !error.needs_a_person() {
                return match batch.split() {
                    // One of them is at fault: it alone shall bear it.
                    Some(singles) => singles.into_iter().try_for_each(|single| self.write(single, orders)),
                    None if batch.refuse_questions(&self.tell, &why) => Ok(()),
                    None => {
                        broken(&self.tell, &error);
                        Err(Ended)
                    }
                };
            }
            if !error.needs_a_person() {
                tracing::warn!(error = why, changes = batch.changes.len(), "the database has to wait");
            }
            self.trouble.begins(&error);
            if batch.refuse_questions(&self.tell, &why) {
                return Ok(());
            }
            if self.halt.pause(patience.next_pause()) {
                return Err(Ended);
            }
            batch.fill(orders);
        }
    }

    /// Makes the commit searchable, then tells of it.
    fn publish(&mut self, batch: &Batch, committed: Committed) -> Result<(), Ended> {
        for moved in &committed.moved_handles {
            tracing::warn!(
                handle = moved.handle, from = %moved.from, to = %moved.to,
                "a handle moved to another account"
            );
        }
        let mut patience = Patience::new();
        while let Err(failure) = self.index.follow(&committed, &mut *self.store) {
            let failure = self.note(failure);
            if !failure.may_pass() && !failure.needs_a_person() {
                broken(&self.tell, &failure);
                return Err(Ended);
            }
            if self.halt.pause(patience.next_pause()) {
                return Err(Ended);
            }
        }
        if let Some(codes) = &mut self.codes
            && let Err(failure) = codes.follow_codes(&mut *self.store)
        {
            self.note(failure);
        }
        let counts = committed.counts;
        for ((awaited, change), outcome) in batch.awaited.iter().zip(&batch.changes).zip(committed.outcomes) {
            let is_wish = matches!(change, Change::Forget { .. });
            match *awaited {
                Awaited::Nothing => {}
                Awaited::Removed(ticket) => match outcome {
                    Outcome::Lifted(was_there) => (self.tell)(FromStorekeeper::Lifted { ticket, was_there }),
                    Outcome::Removed(removal) => {
                        // At once where somebody asked for it; not again for each piece, nor for each post
                        // that its network has lost.
                        if is_wish && !removal.more {
                            self.purge_at = Instant::now();
                        }
                        (self.tell)(FromStorekeeper::Removed { ticket, removal, counts });
                    }
                    _ => tracing::error!("a removal came to something else"),
                },
                Awaited::Stored(ticket) => (self.tell)(FromStorekeeper::Stored { ticket, counts }),
                Awaited::Answer(ticket) => {
                    let answer = match outcome {
                        // No question imports or completes anything.
                        Outcome::Done
                        | Outcome::Imported { .. }
                        | Outcome::Completed(_)
                        | Outcome::Removed(_)
                        | Outcome::Lifted(_) => Answer::Done,
                        Outcome::Accounts(accounts) => Answer::Accounts(accounts),
                        Outcome::Retries(posts) => Answer::Retries(posts),
                        Outcome::VerdictsKept(kept) => Answer::VerdictsKept(kept),
                        Outcome::VerdictRemoved(verdict) => Answer::VerdictRemoved(verdict),
                    };
                    (self.tell)(FromStorekeeper::Answered { ticket, answer });
                }
            }
        }
        Ok(())
    }
}

/// Changes for one commit, each with what is awaited of it.
#[derive(Default)]
struct Batch {
    changes: Vec<Change>,
    awaited: Vec<Awaited>,
}

impl Batch {
    fn push(&mut self, order: Order) {
        self.changes.push(order.change);
        self.awaited.push(order.awaited);
    }

    /// Takes what waits, as far as it fits.
    fn fill(&mut self, orders: &Receiver<Order>) {
        let room = MAX_CHANGES.saturating_sub(self.changes.len());
        orders.try_iter().take(room).for_each(|order| self.push(order));
    }

    /// Each change by itself; `None` if there is only one, or none.
    fn split(&mut self) -> Option<Vec<Batch>> {
        if self.changes.len() <= 1 {
            return None;
        }
        let pairs = self.changes.drain(..).zip(self.awaited.drain(..));
        Some(pairs.map(|(change, one)| Batch { changes: vec![change], awaited: vec![one] }).collect())
    }

    /// Answers all questions with `Unavailable` and drops them. True if nothing else is left.
    fn refuse_questions(&mut self, tell: &Tell, why: &str) -> bool {
        let orders = self.changes.drain(..).zip(self.awaited.drain(..)).collect::<Vec<_>>();
        for (change, awaited) in orders {
            match awaited {
                Awaited::Answer(ticket) => {
                    let answer = Answer::Unavailable(why.to_owned());
                    tell(FromStorekeeper::Answered { ticket, answer });
                }
                Awaited::Nothing | Awaited::Stored(_) | Awaited::Removed(_) => {
                    self.push(Order { change, awaited })
                }
            }
        }
        self.changes.is_empty()
    }
}
