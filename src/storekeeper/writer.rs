//! The writer's thread: puts all changes that wait into one commit, in order, then publishes the new
//! fingerprints, then answers. One flush of the disk serves them all.

use std::sync::Arc;

use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError};

use super::halt::{Halt, Patience};
use super::publish::{Index, Publisher};
use super::reports::{Tell, broken};
use super::trouble::Trouble;
use crate::base::{ErrorChain, Reaction, Timestamp};
use crate::proto::stage::Answer;
use crate::store::{Change, Committed, Outcome, Store};
use crate::storekeeper::orders::{FromStorekeeper, StorePart, Ticket};

/// While nothing is to be written, this often it looks whether somebody else has written (an import
/// beside the running program), whose images are to be searchable too.
const LOOK_EVERY: Duration = Duration::from_secs(10);

/// After a failure to add to the index that is being made.
const INDEX_PAUSE: Duration = Duration::from_secs(1);

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
}

pub struct Writer<P> {
    store: Box<dyn Store>,
    index: Index<P>,
    tell: Tell,
    halt: Halt,
    trouble: Trouble,
}

/// Nothing more can be written, and the broker was told if it did not ask for it.
struct Ended;

impl<P: Publisher> Writer<P> {
    pub fn new(store: Box<dyn Store>, index: Index<P>, tell: Tell, halt: Halt) -> Writer<P> {
        let trouble = Trouble::new(StorePart::Database, Arc::clone(&tell));
        Writer { store, index, tell, halt, trouble }
    }

    /// Until the queue closes and all of it is written, or nothing more can be.
    ///
    /// While the index lacks much, changes are written between the pieces that are added to it: they are
    /// durable at once, searchable among their account's posts, and in the index when it comes to them.
    pub fn run(mut self, orders: &Receiver<Order>) {
        loop {
            let patience = match self.index.progress().is_complete() {
                true => LOOK_EVERY,
                false => self.make_index(),
            };
            match orders.recv_timeout(patience) {
                Ok(first) => {
                    let mut batch = Batch::default();
                    batch.push(first);
                    batch.fill(orders);
                    if self.write(batch, orders).is_err() {
                        return;
                    }
                }
                Err(RecvTimeoutError::Timeout) if patience == LOOK_EVERY => self.look(),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    /// Adds the next piece of what the index lacks; how long orders may be waited for after it.
    fn make_index(&mut self) -> Duration {
        match self.index.advance(&mut *self.store) {
            Ok(_) => {
                self.tell_progress();
                Duration::ZERO
            }
            Err(failure) => {
                tracing::warn!(error = %ErrorChain(&failure), "the index has to wait");
                INDEX_PAUSE
            }
        }
    }

    fn tell_progress(&self) {
        let progress = self.index.progress();
        if progress.is_complete() {
            tracing::info!(images = progress.total, "the fingerprint index is complete");
        }
        (self.tell)(FromStorekeeper::Indexing { progress });
    }

    /// Publishes what others have written. What fails here is met again, and told, by the next commit.
    pub fn look(&mut self) {
        match self.index.catch_up(&mut *self.store) {
            Ok(0) => {}
            Ok(added) => tracing::info!(fingerprints = added, "another program's images are searchable now"),
            Err(failure) => tracing::warn!(error = %ErrorChain(&failure), "the index has to wait"),
        }
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
                Err(error) => error,
            };
            let why = ErrorChain(&error).to_string();
            if error.reaction() == Reaction::GiveUp {
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
            tracing::warn!(error = why, changes = batch.changes.len(), "the database has to wait");
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
            if !failure.may_pass() {
                broken(&self.tell, &failure);
                return Err(Ended);
            }
            tracing::warn!(error = %ErrorChain(&failure), "the index has to wait");
            if self.halt.pause(patience.next_pause()) {
                return Err(Ended);
            }
        }
        let counts = committed.counts;
        for (awaited, outcome) in batch.awaited.iter().zip(committed.outcomes) {
            match *awaited {
                Awaited::Nothing => {}
                Awaited::Stored(ticket) => (self.tell)(FromStorekeeper::Stored { ticket, counts }),
                Awaited::Answer(ticket) => {
                    let answer = match outcome {
                        // No question imports or completes anything.
                        Outcome::Done | Outcome::Imported { .. } | Outcome::Completed(_) => Answer::Done,
                        Outcome::Accounts(accounts) => Answer::Accounts(accounts),
                        Outcome::Retries(posts) => Answer::Retries(posts),
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
                Awaited::Nothing | Awaited::Stored(_) => self.push(Order { change, awaited }),
            }
        }
        self.changes.is_empty()
    }
}
