//! The queue of one stage: who is next. Pure.
//!
//! Work that a user waits for passes before maintenance. Within a priority the lighter account goes
//! first, with ageing: an item's place is the time it came plus a handicap for its weight, so that a
//! heavy one is overtaken for a bounded time only and never starved.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use crate::base::clock::Monotonic;
use crate::broker::books::items::{Item, ItemId};
use crate::domain::scans::Priority;

/// Handicap per post that the account is expected to have.
const HANDICAP_PER_POST: Duration = Duration::from_millis(10);
/// The heaviest account waits no longer than this behind lighter ones that came after it.
const MAX_HANDICAP: Duration = Duration::from_secs(600);

/// Place in the queue; smaller is served first. `ItemId` makes places distinct and keeps the order
/// of arrival among equals.
type Place = (Priority, Monotonic, ItemId);

/// Items that wait for a worker of one stage.
#[derive(Debug, Default)]
pub struct Queue {
    items: HashMap<ItemId, (Place, Item)>,
    order: BTreeSet<Place>,
    /// Items that must not be leased before a moment.
    delayed: BTreeMap<(Monotonic, ItemId), Item>,
}

impl Queue {
    /// Adds an item at the place that its priority, weight and time of arrival give it.
    pub fn push(&mut self, item: Item) {
        let handicap = HANDICAP_PER_POST
            .saturating_mul(u32::try_from(item.weight).unwrap_or(u32::MAX))
            .min(MAX_HANDICAP);
        let place = (item.priority, item.arrived.plus(handicap), item.id);
        self.order.insert(place);
        self.items.insert(item.id, (place, item));
    }

    /// Adds an item that stays out of reach until `due`.
    pub fn push_delayed(&mut self, item: Item, due: Monotonic) {
        self.delayed.insert((due, item.id), item);
    }

    /// Takes the next item.
    pub fn pop(&mut self) -> Option<Item> {
        let (_, _, id) = self.order.pop_first()?;
        self.items.remove(&id).map(|(_, item)| item)
    }

    /// Brings delayed items whose time has come into reach.
    pub fn release(&mut self, now: Monotonic) {
        while let Some(entry) = self.delayed.first_entry() {
            if entry.key().0 > now {
                break;
            }
            let item = entry.remove();
            self.push(item);
        }
    }

    /// When the next delayed item comes into reach.
    pub fn next_release(&self) -> Option<Monotonic> {
        self.delayed.keys().next().map(|(due, _)| *due)
    }

    /// Gives the items that `select` chooses a higher priority, waiting or delayed.
    pub fn raise(&mut self, priority: Priority, select: impl Fn(&Item) -> bool) {
        let chosen: Vec<ItemId> = self
            .items
            .values()
            .filter(|(_, item)| item.priority > priority && select(item))
            .map(|(_, item)| item.id)
            .collect();
        for id in chosen {
            if let Some((place, mut item)) = self.items.remove(&id) {
                self.order.remove(&place);
                item.priority = priority;
                self.push(item);
            }
        }
        for item in self.delayed.values_mut() {
            if item.priority > priority && select(item) {
                item.priority = priority;
            }
        }
    }

    /// 0-based place of an item among those in reach; `None` if it is not waiting.
    pub fn position(&self, id: ItemId) -> Option<usize> {
        let (place, _) = self.items.get(&id)?;
        Some(self.order.range(..*place).count())
    }

    pub fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    /// Waiting and delayed items of this priority.
    pub fn len_of(&self, priority: Priority) -> usize {
        self.items.values().filter(|(_, item)| item.priority == priority).count()
            + self.delayed.values().filter(|item| item.priority == priority).count()
    }

    /// When the longest-waiting item came.
    pub fn oldest(&self) -> Option<Monotonic> {
        let waiting = self.items.values().map(|(_, item)| item.arrived);
        waiting.chain(self.delayed.values().map(|item| item.arrived)).min()
    }

    /// Every item, in no particular order.
    pub fn iter(&self) -> impl Iterator<Item = &Item> {
        self.items.values().map(|(_, item)| item).chain(self.delayed.values())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::broker::books::items::Owner;
    use crate::proto::work::{MaintenanceTask, Work};

    fn item(id: u64, priority: Priority, weight: u64, arrived_ms: u64) -> Item {
        Item {
            id: ItemId(id),
            owner: Owner::Maintenance(MaintenanceTask::RetryPosts),
            work: Work::Maintain(MaintenanceTask::RetryPosts),
            priority,
            weight,
            arrived: Monotonic(arrived_ms),
            deaths: 0,
        }
    }

    fn drain(queue: &mut Queue) -> Vec<u64> {
        std::iter::from_fn(|| queue.pop()).map(|item| item.id.0).collect()
    }

    #[test]
    fn users_pass_maintenance_and_light_passes_heavy() {
        let mut queue = Queue::default();
        queue.push(item(1, Priority::Maintenance, 0, 0));
        queue.push(item(2, Priority::User, 5000, 0));
        queue.push(item(3, Priority::User, 10, 5));
        queue.push(item(4, Priority::User, 10, 5));
        assert_eq!(queue.position(ItemId(2)), Some(2));
        assert_eq!(drain(&mut queue), [3, 4, 2, 1]);
    }

    #[test]
    fn a_heavy_item_is_overtaken_for_a_bounded_time() {
        let mut queue = Queue::default();
        queue.push(item(1, Priority::User, u64::MAX, 0));
        queue.push(item(2, Priority::User, 0, 600_001));
        assert_eq!(drain(&mut queue), [1, 2]);
    }

    #[test]
    fn a_delayed_item_waits_and_can_be_raised() {
        let mut queue = Queue::default();
        queue.push_delayed(item(1, Priority::Maintenance, 0, 0), Monotonic(100));
        queue.push(item(2, Priority::Maintenance, 0, 0));
        queue.raise(Priority::User, |item| item.id == ItemId(1));
        queue.release(Monotonic(99));
        assert_eq!(queue.next_release(), Some(Monotonic(100)));
        assert_eq!(queue.position(ItemId(1)), None);
        queue.release(Monotonic(100));
        assert_eq!(drain(&mut queue), [1, 2]);
    }
}
