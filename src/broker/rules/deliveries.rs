//! Final answers for webhooks: each is a work item of its own, journalled in the same entry as the end
//! of its query, so that a crash neither loses nor doubles it. Pure; part of `State`.

use crate::base::ids::QueryId;
use crate::broker::books::items::Owner;
use crate::broker::state::{Effect, Now, State};
use crate::domain::scans::Priority;
use crate::proto::view::QueryStatus;
use crate::proto::work::{Delivery, Work};
use crate::storekeeper::orders::{AcceptedRequest, JournalEntry};

/// Answers that wait for their receivers at most; each holds a whole answer in memory. Beyond it new ones
/// are given up, loudly: a receiver has been away for hours then.
const MAX_DELIVERIES: usize = 1000;

impl State {
    /// A known query is to be told to one more webhook: what is to be written down before that is
    /// promised. `None` where it was promised before.
    pub(in crate::broker) fn add_webhook(
        &mut self,
        id: QueryId,
        webhook: String,
        now: Now,
        effects: &mut Vec<Effect>,
    ) -> Option<JournalEntry> {
        let query = self.queries.get_mut(&id)?;
        if !query.webhooks.insert(webhook.clone()) {
            return None;
        }
        if query.status != QueryStatus::End {
            return Some(query.accepted());
        }
        let delivery = self.delivery(id, webhook, now)?;
        let key = JournalEntry::delivery_key(&delivery);
        let entry =
            JournalEntry::Accepted { key, request: AcceptedRequest::Delivery(Box::new(delivery.clone())) };
        self.start_delivery(delivery, now, effects);
        Some(entry)
    }

    /// Starts the deliveries of a query that has just ended; the journal's entry for both.
    pub(in crate::broker) fn end_with_deliveries(
        &mut self,
        id: QueryId,
        key: String,
        now: Now,
        effects: &mut Vec<Effect>,
    ) -> JournalEntry {
        let webhooks = self.queries.get(&id).map(|query| query.webhooks.clone()).unwrap_or_default();
        let deliveries: Vec<Delivery> =
            webhooks.into_iter().filter_map(|webhook| self.delivery(id, webhook, now)).collect();
        if deliveries.is_empty() {
            return JournalEntry::Ended { key };
        }
        for delivery in &deliveries {
            self.start_delivery(delivery.clone(), now, effects);
        }
        JournalEntry::EndedWith { key, deliveries }
    }

    fn delivery(&mut self, id: QueryId, webhook: String, now: Now) -> Option<Delivery> {
        let answer = self.query_view(id, now)?;
        // Numbers begin anew with every broker, the calendar does not.
        let id = format!("{:x}-{:x}", now.wall.0, self.next_number());
        Some(Delivery { id, webhook, answer })
    }

    pub(in crate::broker) fn start_delivery(
        &mut self,
        delivery: Delivery,
        now: Now,
        effects: &mut Vec<Effect>,
    ) {
        self.deliveries += 1;
        if self.deliveries > MAX_DELIVERIES {
            effects.push(Effect::WorkFailed {
                work: format!("deliver an answer to the webhook {}", delivery.webhook),
                why: format!("{MAX_DELIVERIES} answers wait for their webhooks already"),
            });
            return self.delivery_ended(&delivery, effects);
        }
        let owner = Owner::Delivery(delivery.id.clone());
        self.enqueue(owner, Work::Deliver(Box::new(delivery)), Priority::User, 0, now);
    }

    /// Taken by its receiver, or given up.
    pub(in crate::broker) fn delivery_ended(&mut self, delivery: &Delivery, effects: &mut Vec<Effect>) {
        self.deliveries = self.deliveries.saturating_sub(1);
        self.journal(JournalEntry::Ended { key: JournalEntry::delivery_key(delivery) }, effects);
    }
}
