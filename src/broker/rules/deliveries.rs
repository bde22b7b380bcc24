//! Final answers for webhooks: each is a work item of its own, journalled in the same entry as the end
//! of its query, so that a crash neither loses nor doubles it.

use crate::base::ids::QueryId;
use crate::broker::books::items::Owner;
use crate::broker::rules::views::query_view;
use crate::broker::turn::Turn;
use crate::broker::vocabulary::Effect;
use crate::domain::scans::Priority;
use crate::proto::work::{Delivery, Work};
use crate::storekeeper::orders::{AcceptedRequest, JournalEntry};

/// Answers that wait for their receivers at most; each holds a whole answer in memory. Beyond it new ones
/// are given up, loudly: a receiver has been away for hours then.
const MAX_DELIVERIES: usize = 1000;

/// A known query is to be told to one more webhook: what is to be written down before that is
/// promised. `None` where it was promised before.
pub fn add_webhook(turn: &mut Turn, id: QueryId, webhook: String) -> Option<JournalEntry> {
    let query = turn.state.queries.get_mut(&id)?;
    if !query.head.webhooks.insert(webhook.clone()) {
        return None;
    }
    if query.is_live() {
        return Some(query.accepted());
    }
    let delivery = delivery(turn, id, webhook)?;
    let key = JournalEntry::delivery_key(&delivery);
    let request = AcceptedRequest::Delivery(Box::new(delivery.clone()));
    start(turn, delivery);
    Some(JournalEntry::Accepted { key, request })
}

/// Starts the deliveries of a query that has just ended; the journal's entry for both.
pub fn end_with_deliveries(turn: &mut Turn, id: QueryId) -> Option<JournalEntry> {
    let head = &turn.state.queries.get(&id)?.head;
    let (key, webhooks) = (head.key.clone(), head.webhooks.clone());
    let deliveries: Vec<Delivery> =
        webhooks.into_iter().filter_map(|webhook| delivery(turn, id, webhook)).collect();
    if deliveries.is_empty() {
        return Some(JournalEntry::Ended { key });
    }
    for delivery in &deliveries {
        start(turn, delivery.clone());
    }
    Some(JournalEntry::EndedWith { key, deliveries })
}

fn delivery(turn: &mut Turn, id: QueryId, webhook: String) -> Option<Delivery> {
    let answer = query_view(turn.state, id, turn.now)?;
    // Numbers begin anew with every broker, the calendar does not.
    let id = format!("{:x}-{:x}", turn.now.wall.0, turn.state.next_number());
    Some(Delivery { id, webhook, answer })
}

pub fn start(turn: &mut Turn, delivery: Delivery) {
    turn.state.deliveries += 1;
    if turn.state.deliveries > MAX_DELIVERIES {
        turn.effects.push(Effect::WorkFailed {
            work: format!("deliver an answer to the webhook {}", delivery.webhook),
            why: format!("{MAX_DELIVERIES} answers wait for their webhooks already"),
        });
        return on_ended(turn, &delivery);
    }
    let owner = Owner::Delivery(delivery.id.clone());
    turn.enqueue(owner, Work::Deliver(Box::new(delivery)), Priority::User, 0);
}

/// The receiver has it, or it is given up.
pub fn on_ended(turn: &mut Turn, delivery: &Delivery) {
    turn.state.deliveries = turn.state.deliveries.saturating_sub(1);
    turn.journal(JournalEntry::Ended { key: JournalEntry::delivery_key(delivery) });
}
