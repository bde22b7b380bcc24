//! The journal's thread: writes down accepted and ended work, and what was billed, everything that waits in
//! one commit, so that one flush of the disk serves many clients. Keeps the posts that are to be looked up.

use std::sync::Arc;

use crossbeam_channel::Receiver;

use super::halt::{Halt, Patience};
use super::results::ResultsLog;
use super::trouble::Trouble;
use super::{Tell, broken};
use crate::base::ids::PostKey;
use crate::base::{ErrorChain, Reaction, Timestamp};
use crate::domain::reads::PaidReads;
use crate::proto::stage::Answer;
use crate::proto::view::QueryView;
use crate::store::state::StateFile;
use crate::store::{RetryRule, StoreError};
use crate::storekeeper::orders::{FromStorekeeper, JournalEntry, StorePart, Ticket};

/// Entries in one commit.
const MAX_ENTRIES: usize = 1024;

pub enum Order {
    Entry { ticket: Ticket, entry: JournalEntry },
    Reads(PaidReads),
    TakeWanted { ticket: Ticket, limit: u32 },
    SettleWanted(Vec<PostKey>),
    Result(Box<QueryView>),
}

pub struct Journal {
    state: StateFile,
    retry: RetryRule,
    results: Option<ResultsLog>,
    tell: Tell,
    halt: Halt,
    trouble: Trouble,
}

impl Journal {
    pub fn new(
        state: StateFile,
        retry: RetryRule,
        results: Option<ResultsLog>,
        tell: Tell,
        halt: Halt,
    ) -> Journal {
        let trouble = Trouble::new(StorePart::Journal, Arc::clone(&tell));
        Journal { state, retry, results, tell, halt, trouble }
    }

    /// Until the queue closes, or the file is lost.
    pub fn run(mut self, orders: &Receiver<Order>) {
        while let Ok(first) = orders.recv() {
            let mut tickets = Vec::new();
            let mut entries = Vec::new();
            let mut reads = Vec::new();
            let mut results = Vec::new();
            let mut wanted = Vec::new();
            let mut settled = Vec::new();
            for order in std::iter::once(first).chain(orders.try_iter().take(MAX_ENTRIES - 1)) {
                match order {
                    Order::Entry { ticket, entry } => {
                        tickets.push(ticket);
                        entries.push(entry);
                    }
                    Order::Reads(more) => reads.push(more),
                    Order::Result(view) => results.push(*view),
                    Order::TakeWanted { ticket, limit } => wanted.push((ticket, limit)),
                    Order::SettleWanted(posts) => settled.extend(posts),
                }
            }
            if !entries.is_empty() && self.insist(|state| state.record(&entries, Timestamp::now())).is_none()
            {
                return;
            }
            for ticket in tickets {
                (self.tell)(FromStorekeeper::Journaled { ticket });
            }
            if let Some(log) = self.results.as_mut().filter(|_| !results.is_empty()) {
                log.append(&results, Timestamp::now());
            }
            if !reads.is_empty() {
                let Some(ledger) = self.insist(|state| state.count_reads(&reads, Timestamp::now())) else {
                    return;
                };
                (self.tell)(FromStorekeeper::Billed { ledger, orders: reads.len() });
            }
            if !settled.is_empty() && self.insist(|state| state.settle_wanted(&settled)).is_none() {
                return;
            }
            for (ticket, limit) in wanted {
                let rule = self.retry;
                let taken = self.insist(|state| state.take_wanted(limit, &rule, Timestamp::now()));
                let Some(posts) = taken else { return };
                (self.tell)(FromStorekeeper::Answered { ticket, answer: Answer::WantedPosts(posts) });
            }
        }
    }

    /// Does it, however long it takes. `None` when it cannot be done and never will.
    fn insist<T>(&mut self, mut act: impl FnMut(&mut StateFile) -> Result<T, StoreError>) -> Option<T> {
        let mut patience = Patience::new();
        loop {
            let error = match act(&mut self.state) {
                Ok(done) => {
                    self.trouble.is_over();
                    return Some(done);
                }
                Err(error) => error,
            };
            if error.reaction() == Reaction::GiveUp {
                broken(&self.tell, &error);
                return None;
            }
            tracing::warn!(error = %ErrorChain(&error), "the journal has to wait");
            self.trouble.begins(&error);
            if self.halt.pause(patience.next_pause()) {
                return None;
            }
        }
    }
}
