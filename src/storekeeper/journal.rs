//! The journal's thread: writes down accepted and ended work, everything that waits in one commit,
//! so that one flush of the disk serves many clients.

use crossbeam_channel::Receiver;

use super::halt::{Halt, Patience};
use super::{Tell, broken};
use crate::base::{ErrorChain, Reaction, Timestamp};
use crate::proto::store::{FromStorekeeper, JournalEntry, Ticket};
use crate::store::state::StateFile;

/// Entries in one commit.
const MAX_ENTRIES: usize = 1024;

pub struct Order {
    pub ticket: Ticket,
    pub entry: JournalEntry,
}

pub struct Journal {
    state: StateFile,
    tell: Tell,
    halt: Halt,
}

impl Journal {
    pub fn new(state: StateFile, tell: Tell, halt: Halt) -> Journal {
        Journal { state, tell, halt }
    }

    /// Until the queue closes, or the file is lost.
    pub fn run(mut self, orders: &Receiver<Order>) {
        while let Ok(first) = orders.recv() {
            let mut tickets = vec![first.ticket];
            let mut entries = vec![first.entry];
            for Order { ticket, entry } in orders.try_iter().take(MAX_ENTRIES - 1) {
                tickets.push(ticket);
                entries.push(entry);
            }
            if !self.record(&entries) {
                return;
            }
            for ticket in tickets {
                (self.tell)(FromStorekeeper::Journaled { ticket });
            }
        }
    }

    /// False when it cannot be done and never will.
    fn record(&mut self, entries: &[JournalEntry]) -> bool {
        let mut patience = Patience::new();
        while let Err(error) = self.state.record(entries, Timestamp::now()) {
            if error.reaction() == Reaction::GiveUp {
                broken(&self.tell, &error);
                return false;
            }
            tracing::warn!(error = %ErrorChain(&error), entries = entries.len(), "the journal has to wait");
            if self.halt.pause(patience.next_pause()) {
                return false;
            }
        }
        true
    }
}
