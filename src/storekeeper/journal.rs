//! The journal's thread: writes down accepted and ended work, and what was billed, everything that waits in
//! one commit, so that one flush of the disk serves many clients. Keeps the posts that are to be looked up, and
//! the pages that were answered.

use std::sync::Arc;

use crossbeam_channel::{Receiver, RecvTimeoutError};

use super::halt::{Halt, Patience};
use super::journal_format::{decode, encode};
use super::reports::{Tell, broken};
use super::results::ResultsLog;
use super::trouble::Trouble;
use super::writer::LOOK_EVERY;
use crate::base::ids::PostKey;
use crate::base::{ErrorChain, Fingerprint, Reaction, Timestamp};
use crate::domain::forgotten::Subject;
use crate::domain::images::NotedPage;
use crate::domain::reads::PaidReads;
use crate::proto::stage::{Answer, MAX_PAGES_PER_ANSWER};
use crate::proto::view::QueryView;
use crate::proto::work::Delivery;
use crate::store::state::{JournalChange, JournalRow, StateFile};
use crate::store::{Counted, RetryRule, StoreError};
use crate::storekeeper::orders::{AcceptedRequest, FromStorekeeper, JournalEntry, StorePart, Ticket};

/// Entries in one commit.
const MAX_ENTRIES: usize = 1024;

pub enum Order {
    Entry { ticket: Ticket, entry: JournalEntry },
    Reads(PaidReads),
    Want(Vec<PostKey>),
    TakeWanted { ticket: Ticket, limit: u32 },
    SettleWanted(Vec<PostKey>),
    Result(Box<QueryView>),
    Page(Box<NotedPage>),
    FindPages { ticket: Ticket, fingerprints: Vec<Fingerprint>, radius: u32 },
    Forget(Subject),
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
        loop {
            let first = match orders.recv_timeout(LOOK_EVERY) {
                Ok(first) => first,
                // While nothing is written, it looks whether the file still lies where it was opened.
                Err(RecvTimeoutError::Timeout) => match self.insist(|_| Ok(())) {
                    Some(()) => continue,
                    None => return,
                },
                Err(RecvTimeoutError::Disconnected) => return,
            };
            let mut tickets = Vec::new();
            let mut entries = Vec::new();
            let mut reads = Vec::new();
            let mut results = Vec::new();
            let mut wanted = Vec::new();
            let (mut noted, mut settled) = (Vec::new(), Vec::new());
            let (mut pages, mut asked_pages) = (Vec::new(), Vec::new());
            let mut forgotten = Vec::new();
            for order in std::iter::once(first).chain(orders.try_iter().take(MAX_ENTRIES - 1)) {
                match order {
                    Order::Entry { ticket, entry } => {
                        tickets.push(ticket);
                        entries.push(entry);
                    }
                    Order::Reads(more) => reads.push(more),
                    Order::Result(view) => results.push(*view),
                    Order::TakeWanted { ticket, limit } => wanted.push((ticket, limit)),
                    Order::Want(posts) => noted.extend(posts),
                    Order::Page(page) => pages.push(*page),
                    Order::FindPages { ticket, fingerprints, radius } => {
                        asked_pages.push((ticket, fingerprints, radius));
                    }
                    Order::SettleWanted(posts) => settled.extend(posts),
                    Order::Forget(subject) => forgotten.push(subject),
                }
            }
            let changes: Vec<JournalChange> = entries.iter().flat_map(changes).collect();
            let record = |state: &mut StateFile| {
                state.record(&changes, Timestamp::now())?;
                // Before it is told as written down. To write the same once more changes nothing.
                state.check_standing()
            };
            if !changes.is_empty() && self.insist(record).is_none() {
                return;
            }
            for ticket in tickets {
                (self.tell)(FromStorekeeper::Journaled { ticket });
            }
            if let Some(log) = self.results.as_mut().filter(|_| !results.is_empty()) {
                log.append(&results, Timestamp::now());
            }
            if !reads.is_empty() {
                let Some(counted) = self.insist(|state| state.count_reads(&reads, Timestamp::now())) else {
                    return;
                };
                let Counted { ledger, billed } = counted;
                (self.tell)(FromStorekeeper::Billed { ledger, billed });
            }
            if !noted.is_empty() && self.insist(|state| state.note_posts(&noted)).is_none() {
                return;
            }
            if !settled.is_empty() && self.insist(|state| state.settle_wanted(&settled)).is_none() {
                return;
            }
            if !pages.is_empty() && self.insist(|state| state.note_pages(&pages)).is_none() {
                return;
            }
            for (ticket, fingerprints, radius) in asked_pages {
                let found =
                    self.insist(|state| state.pages_like(&fingerprints, radius, MAX_PAGES_PER_ANSWER));
                let Some(found) = found else { return };
                (self.tell)(FromStorekeeper::Answered { ticket, answer: Answer::Pages(found) });
            }
            if !forgotten.is_empty() {
                let (mut accounts, mut posts) = (Vec::new(), Vec::new());
                for subject in &forgotten {
                    match subject {
                        Subject::Account(key) => accounts.push(key.clone()),
                        Subject::Post(key) => posts.push(key.clone()),
                    }
                }
                let forget = |state: &mut StateFile| {
                    state.forget_heard(&accounts)?;
                    state.forget_pages_of(&accounts)?;
                    state.settle_wanted(&posts)
                };
                if self.insist(forget).is_none() {
                    return;
                }
                if let Some(log) = &mut self.results {
                    log.forget(&forgotten);
                }
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
            let done = self.state.check_standing().and_then(|()| act(&mut self.state));
            let error = match done {
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
            if !error.needs_a_person() {
                tracing::warn!(error = %ErrorChain(&error), "the journal has to wait");
            }
            self.trouble.begins(&error);
            if self.halt.pause(patience.next_pause()) {
                return None;
            }
        }
    }
}

/// What an entry changes in the file. All of it is one commit, so no crash comes between an end and its
/// deliveries.
fn changes(entry: &JournalEntry) -> Vec<JournalChange> {
    let put = |key: String, request: &AcceptedRequest| {
        JournalChange::Put(JournalRow { key, request: encode(request) })
    };
    let remove = |key: &String| JournalChange::Remove { key: key.clone() };
    match entry {
        JournalEntry::Accepted { key, request } => vec![put(key.clone(), request)],
        JournalEntry::Ended { key } => vec![remove(key)],
        JournalEntry::EndedWith { key, deliveries } => {
            let delivery = |delivery: &Delivery| {
                let request = AcceptedRequest::Delivery(Box::new(delivery.clone()));
                put(JournalEntry::delivery_key(delivery), &request)
            };
            std::iter::once(remove(key)).chain(deliveries.iter().map(delivery)).collect()
        }
    }
}

/// The accepted work that has not ended. What cannot be read stays in the file, and is told.
///
/// # Errors
/// When the file cannot be read at all.
pub fn unfinished(state: &mut StateFile) -> Result<Vec<AcceptedRequest>, StoreError> {
    let mut requests = Vec::new();
    for JournalRow { key, request } in state.accepted()? {
        match decode(&request) {
            Ok(request) => requests.push(request),
            Err(error) => {
                tracing::error!(key, %error, "accepted work in state.db is passed over, and kept there");
            }
        }
    }
    Ok(requests)
}
