//! One event being applied: the state, the moment, and what is to be done. What every rule does, it does
//! through this.

use std::time::Duration;

use crate::base::ids::{ContainerId, LeaseId, QueryId, ScanId};
use crate::broker::books::items::{Item, ItemId, Owner, stage_of};
use crate::broker::books::query::Query;
use crate::broker::books::scan::{Running, Scan, ScanHead, ScanPhase};
use crate::broker::state::State;
use crate::broker::vocabulary::{Asker, Effect, Now, Pending};
use crate::domain::accounts::{Account, LeftOutReason};
use crate::domain::failure::FailureCode;
use crate::domain::scans::Priority;
use crate::proto::front::{BrokerToFront, FrontAnswer};
use crate::proto::stage::{BrokerToStage, Question};
use crate::proto::work::Work;
use crate::storekeeper::orders::{JournalEntry, Ticket, ToStorekeeper};

pub struct Turn<'a> {
    pub state: &'a mut State,
    pub now: Now,
    pub effects: &'a mut Vec<Effect>,
}

impl Turn<'_> {
    /// Puts new work into its queue.
    pub fn enqueue(&mut self, owner: Owner, work: Work, priority: Priority, weight: u64) -> ItemId {
        let id = ItemId(self.state.next_number());
        let stage = stage_of(&work);
        let party = self.state.party_of(&owner);
        // What killed workers of an earlier broker is not new.
        let deaths = match &owner {
            Owner::Query(query) => self.state.queries.get(query).map_or(0, |query| query.head.deaths),
            Owner::Listing(scan, _) | Owner::Batch(scan) => {
                let running = self.state.scans.get(scan).and_then(Scan::running);
                running.map_or(0, |running| running.deaths_over(&work))
            }
            Owner::ScanRequest(_)
            | Owner::Updates(_)
            | Owner::Retries
            | Owner::Maintenance(_)
            | Owner::Delivery(_)
            | Owner::Watch(_)
            | Owner::Picture { .. } => 0,
        };
        let arrived = self.now.mono;
        let item = Item {
            id,
            owner,
            party,
            work,
            priority,
            weight,
            arrived,
            deaths,
            has_hung: false,
            failures: 0,
            reached: None,
        };
        self.state.queues.entry(stage).or_default().push(item);
        id
    }

    /// The holder of a lease is alive: the lease begins anew.
    pub fn renew(&mut self, lease: LeaseId, by: ContainerId) {
        self.state.leases.renew(lease, by, None, self.now.mono);
    }

    /// All that this container holds it goes on holding.
    pub fn renew_all(&mut self, container: ContainerId) {
        let held = self.state.leases.iter().filter(|(_, lease)| lease.worker.container == container);
        let held: Vec<LeaseId> = held.map(|(id, _)| id).collect();
        for lease in held {
            self.renew(lease, container);
        }
    }

    /// Drops the work of these owners, wherever it is. Workers that hold some are told to leave it,
    /// and what they report of it still is dropped.
    pub fn drop_work(&mut self, is_dropped: impl Fn(&Owner) -> bool) {
        let is_dropped = |item: &Item| is_dropped(&item.owner);
        for queue in self.state.queues.values_mut() {
            queue.drop_all(is_dropped);
        }
        for (id, lease) in self.state.leases.revoke(is_dropped) {
            let container = lease.worker.container;
            self.state.registry.set_leaving(lease.worker, self.now.mono);
            self.state.reservations.release(container, id);
            self.state.held_pages.retain(|held| *held != (container, id));
            self.send_to_stage(container, BrokerToStage::Revoked { lease: id });
        }
    }

    // ---- what is to be done

    pub fn send_to_stage(&mut self, to: ContainerId, message: BrokerToStage) {
        self.effects.push(Effect::ToStage { to, message, blob: None });
    }

    pub fn answer(&mut self, asker: Asker, answer: FrontAnswer) {
        let message = BrokerToFront::Answer { ask: asker.ask, answer };
        self.effects.push(Effect::ToFront { to: asker.front, message });
    }

    /// Answers that what was asked for is not accepted, in the words that the code stands for.
    pub fn refuse(&mut self, asker: Asker, code: FailureCode) {
        self.refuse_because(asker, code, code.explanation().to_owned());
    }

    pub fn refuse_because(&mut self, asker: Asker, code: FailureCode, detail: String) {
        self.answer(asker, FrontAnswer::Refused { code, detail });
    }

    pub fn send_to_store(&mut self, order: ToStorekeeper) {
        self.effects.push(Effect::ToStore(order));
    }

    /// A ticket for an order to the storekeeper, whose answer is awaited for this reason.
    pub fn expect(&mut self, pending: Pending) -> Ticket {
        let ticket = Ticket(self.state.next_number());
        self.state.pending.insert(ticket, pending);
        ticket
    }

    /// Asks the database; `pending` says what the answer is for.
    pub fn ask_store(&mut self, pending: Pending, question: Question) {
        let ticket = self.expect(pending);
        self.send_to_store(ToStorekeeper::Ask { ticket, question });
    }

    /// Has something written down, and waits for nothing: the answer to this ticket is dropped.
    pub fn journal(&mut self, entry: JournalEntry) {
        self.send_to_store(ToStorekeeper::Journal { ticket: Ticket(0), entry });
    }

    /// Why the account is left out, by the blocklist or since it is forgotten, which is noted for the log with the query that led to it; `None`
    /// where it is not.
    pub fn blocked(&mut self, account: &Account, query: QueryId) -> Option<LeftOutReason> {
        let reason = self.state.why_left_out(account)?;
        let request = self.state.queries.get(&query).map(|query| query.head.subject.clone());
        self.note_blocked(account, request.unwrap_or_default(), reason.why());
        Some(reason)
    }

    pub fn note_blocked(&mut self, account: &Account, request: String, why: &'static str) {
        if self.state.forgotten.names_account(&account.key) {
            // The log is no place for who wished to be forgotten.
            return;
        }
        let account = format!("{} (@{})", account.key, account.handle);
        self.effects.push(Effect::AccountBlocked { account, request, why });
    }

    // ---- what must be there

    /// A query that something is under way for. `None` where it has ended meanwhile, or nobody knows it any
    /// more.
    pub fn live(&mut self, id: QueryId) -> Option<&mut Query> {
        self.state.queries.get_mut(&id).filter(|query| query.is_live())
    }

    /// A scan that something is under way for, so that it cannot have ended.
    pub fn running(&mut self, id: ScanId) -> Option<(&mut ScanHead, &mut Running)> {
        match self.state.scans.get_mut(&id) {
            Some(scan) => match &mut scan.phase {
                ScanPhase::Running(running) => Some((&mut scan.head, running)),
                ScanPhase::Ended { .. } => {
                    self.effects.push(Effect::Contradiction("a scan ended while work of it was under way"));
                    None
                }
            },
            None => {
                self.effects.push(Effect::Contradiction("work is under way for a scan that is not known"));
                None
            }
        }
    }

    /// Reports a state that cannot be: logged, and a failure of the simulation.
    pub fn contradiction(&mut self, what: &'static str) {
        self.effects.push(Effect::Contradiction(what));
    }
}

/// Whole microseconds, saturating.
pub fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
