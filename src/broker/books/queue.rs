//! The queue of one stage: who is next. Pure.
//!
//! Work that a user waits for passes before maintenance. Within a priority the clients (`Party`) have turns,
//! those first who hold the fewest workers, and of each client's work its requests have turns in the same
//! way. So however much one client or one account has waiting, another's work is next. Among requests whose
//! turn it is the lighter account goes first, with ageing: an item's place is the time it came plus a
//! handicap for its weight, so that a heavy one is overtaken for a bounded time only.
//!
//! A client takes a further worker only while more are free than it holds: of `n` workers it holds half
//! alone, and something is left for whoever comes next, however long the work of the first may take.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::Hash;
use std::time::Duration;

use crate::base::clock::Monotonic;
use crate::broker::books::items::{Item, ItemId, Request};
use crate::broker::books::party::Party;
use crate::domain::scans::Priority;

/// Handicap per post that the account is expected to have.
const HANDICAP_PER_POST: Duration = Duration::from_millis(10);
/// The heaviest account waits no longer than this behind lighter ones that came after it.
const MAX_HANDICAP: Duration = Duration::from_secs(600);

/// Place among the items of one request; smaller is served first. `ItemId` makes places distinct and keeps
/// the order of arrival among equals.
type Place = (Monotonic, ItemId);

/// Items that wait for a worker of one stage.
#[derive(Debug, Default)]
pub struct Queue {
    items: HashMap<ItemId, (Place, Item)>,
    lanes: BTreeMap<(Priority, Party), Lane>,
    turns: Turns<Party>,
    /// Items that must not be leased before a moment.
    delayed: BTreeMap<(Monotonic, ItemId), Item>,
}

/// What one client has waiting. There while it has.
#[derive(Debug, Default)]
struct Lane {
    requests: BTreeMap<Request, BTreeSet<Place>>,
    turns: Turns<Request>,
}

/// The workers of a stage: how many are free, and how many each holds.
#[derive(Debug, Default)]
pub struct Shares {
    pub free: usize,
    parties: HashMap<Party, usize>,
    requests: HashMap<Request, usize>,
}

impl Shares {
    pub fn of<'a>(free: usize, leased: impl Iterator<Item = &'a Item>) -> Shares {
        let mut shares = Shares { free, ..Shares::default() };
        for item in leased {
            *shares.parties.entry(item.party.clone()).or_default() += 1;
            *shares.requests.entry(item.owner.request()).or_default() += 1;
        }
        shares
    }

    fn of_party(&self, party: &Party) -> usize {
        self.parties.get(party).copied().unwrap_or(0)
    }

    fn of_request(&self, request: Request) -> usize {
        self.requests.get(&request).copied().unwrap_or(0)
    }

    /// True if this client may take one more worker.
    pub fn may_take(&self, party: &Party) -> bool {
        self.of_party(party) < self.free
    }
}

/// Turns of equal length (start-time fair queueing): whoever was served comes after all who wait now.
#[derive(Debug)]
struct Turns<K> {
    /// The next turn of each that is ahead of the others.
    next: HashMap<K, u64>,
    /// The turn that was taken last; whoever comes now has it too.
    now: u64,
}

impl<K> Default for Turns<K> {
    fn default() -> Turns<K> {
        Turns { next: HashMap::new(), now: 0 }
    }
}

impl<K: Clone + Eq + Hash> Turns<K> {
    fn of(&self, key: &K) -> u64 {
        self.next.get(key).copied().unwrap_or(0).max(self.now)
    }

    fn take(&mut self, key: &K) {
        let now = self.of(key);
        self.next.insert(key.clone(), now + 1);
        self.now = now;
        self.next.retain(|_, next| *next > now);
    }
}

impl Lane {
    /// The request whose turn it is, of those whose next item is admitted, and that item's place.
    fn first(&self, shares: &Shares, admits: impl Fn(ItemId) -> bool) -> Option<(Request, Place)> {
        let firsts = self.requests.iter().filter_map(|(request, places)| Some((*request, *places.first()?)));
        firsts
            .filter(|(_, (_, id))| admits(*id))
            .min_by_key(|(request, place)| (shares.of_request(*request), self.turns.of(request), *place))
    }

    fn len(&self) -> usize {
        self.requests.values().map(BTreeSet::len).sum()
    }

    /// Items that came before this place.
    fn before(&self, place: Place) -> usize {
        self.requests.values().map(|places| places.range(..place).count()).sum()
    }
}

impl Queue {
    /// Adds an item at the place that its priority, weight and time of arrival give it.
    pub fn push(&mut self, item: Item) {
        let handicap = HANDICAP_PER_POST
            .saturating_mul(u32::try_from(item.weight).unwrap_or(u32::MAX))
            .min(MAX_HANDICAP);
        let place = (item.arrived.plus(handicap), item.id);
        let lane = self.lanes.entry((item.priority, item.party.clone())).or_default();
        lane.requests.entry(item.owner.request()).or_default().insert(place);
        self.items.insert(item.id, (place, item));
    }

    /// Adds an item that stays out of reach until `due`.
    pub fn push_delayed(&mut self, item: Item, due: Monotonic) {
        self.delayed.insert((due, item.id), item);
    }

    /// Takes the next item of those that may be had now.
    pub fn pop(&mut self, shares: &Shares, admits: impl Fn(&Item) -> bool) -> Option<Item> {
        let is_admitted = |id| self.items.get(&id).is_some_and(|(_, item)| admits(item));
        let lanes = self.lanes.iter().filter(|((_, party), _)| shares.may_take(party));
        let firsts = lanes.filter_map(|((priority, party), lane)| {
            let (_, (_, id)) = lane.first(shares, is_admitted)?;
            let (_, item) = self.items.get(&id)?;
            Some(((*priority, shares.of_party(party), self.turns.of(party), item.arrived, id), party))
        });
        let ((.., id), party) = firsts.min_by_key(|(key, _)| *key)?;
        let party = party.clone();
        self.turns.take(&party);
        let item = self.remove(id)?;
        if let Some(lane) = self.lanes.get_mut(&(item.priority, party)) {
            lane.turns.take(&item.owner.request());
        }
        Some(item)
    }

    fn remove(&mut self, id: ItemId) -> Option<Item> {
        let (place, item) = self.items.remove(&id)?;
        let key = (item.priority, item.party.clone());
        if let Some(lane) = self.lanes.get_mut(&key) {
            let request = item.owner.request();
            if let Some(places) = lane.requests.get_mut(&request) {
                places.remove(&place);
                if places.is_empty() {
                    lane.requests.remove(&request);
                }
            }
            if lane.requests.is_empty() {
                self.lanes.remove(&key);
            }
        }
        Some(item)
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

    /// Changes the priority or the party of the items that `select` chooses, waiting or delayed.
    pub fn change(&mut self, select: impl Fn(&Item) -> bool, change: impl Fn(&mut Item)) {
        let chosen: Vec<ItemId> =
            self.items.values().filter(|(_, item)| select(item)).map(|(_, item)| item.id).collect();
        for id in chosen {
            if let Some(mut item) = self.remove(id) {
                change(&mut item);
                self.push(item);
            }
        }
        self.delayed.values_mut().filter(|item| select(item)).for_each(change);
    }

    /// Drops the items that `select` chooses, waiting or delayed.
    pub fn drop_all(&mut self, select: impl Fn(&Item) -> bool) {
        let chosen: Vec<ItemId> =
            self.items.values().filter(|(_, item)| select(item)).map(|(_, item)| item.id).collect();
        for id in chosen {
            self.remove(id);
        }
        self.delayed.retain(|_, item| !select(item));
    }

    /// 0-based place of an item among those in reach, as far as turns can be foreseen; `None` if it is not
    /// waiting.
    pub fn position(&self, id: ItemId) -> Option<usize> {
        let (place, item) = self.items.get(&id)?;
        let own = (item.priority, item.party.clone());
        let before = self.lanes.get(&own)?.before(*place);
        let turn = (self.turns.of(&item.party), item.arrived);
        let ahead = self.lanes.iter().map(|((priority, party), lane)| {
            if (*priority, party) == (own.0, &own.1) {
                return before;
            }
            if *priority != own.0 {
                return if *priority < own.0 { lane.len() } else { 0 };
            }
            let first = lane.requests.values().filter_map(|places| Some(places.first()?.0)).min();
            let is_first = first.is_some_and(|first| (self.turns.of(party), first) < turn);
            lane.len().min(before + usize::from(is_first))
        });
        Some(ahead.sum())
    }

    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
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
    use proptest::prelude::*;

    use super::*;
    use crate::base::ids::ScanId;
    use crate::broker::books::items::Owner;
    use crate::proto::work::{MaintenanceTask, Work};

    fn item(id: u64, priority: Priority, weight: u64, arrived_ms: u64) -> Item {
        Item {
            id: ItemId(id),
            owner: Owner::Maintenance(MaintenanceTask::RetryPosts),
            party: Party::House,
            work: Work::Maintain(MaintenanceTask::RetryPosts),
            priority,
            weight,
            arrived: Monotonic(arrived_ms),
            deaths: 0,
            has_hung: false,
            failures: 0,
            reached: None,
        }
    }

    /// An item of a client's scan, which came `id` milliseconds after the start.
    fn of_scan(id: u64, client: u8, scan: u64) -> Item {
        let (party, owner) = (Party::Address(client.to_string()), Owner::Batch(ScanId(scan)));
        Item { party, owner, ..item(id, Priority::User, 0, id) }
    }

    fn plenty() -> Shares {
        Shares { free: 1000, ..Shares::default() }
    }

    fn drain(queue: &mut Queue) -> Vec<u64> {
        std::iter::from_fn(|| queue.pop(&plenty(), |_| true)).map(|item| item.id.0).collect()
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
        queue.change(|item| item.id == ItemId(1), |item| item.priority = Priority::User);
        queue.release(Monotonic(99));
        assert_eq!(queue.next_release(), Some(Monotonic(100)));
        assert_eq!(queue.position(ItemId(1)), None);
        queue.release(Monotonic(100));
        assert_eq!(drain(&mut queue), [1, 2]);
    }

    #[test]
    fn dropped_items_are_gone_wherever_they_wait() {
        let mut queue = Queue::default();
        queue.push(of_scan(1, 1, 10));
        queue.push(of_scan(2, 1, 11));
        queue.push_delayed(of_scan(3, 1, 10), Monotonic(5));
        queue.push_delayed(of_scan(4, 2, 12), Monotonic(5));
        queue.drop_all(|item| matches!(item.owner, Owner::Batch(ScanId(10 | 12))));
        queue.release(Monotonic(5));
        assert_eq!(drain(&mut queue), [2]);
        assert!(queue.is_empty() && queue.lanes.is_empty() && queue.next_release().is_none());
    }

    #[test]
    fn clients_and_their_scans_have_turns() {
        let mut queue = Queue::default();
        // The first client has two scans with much to do, the others come later with little.
        for id in 0..4 {
            queue.push(of_scan(id, 1, 10));
        }
        for id in 4..6 {
            queue.push(of_scan(id, 1, 11));
        }
        queue.push(of_scan(6, 2, 20));
        queue.push(of_scan(7, 3, 30));
        assert_eq!(queue.position(ItemId(6)), Some(1));
        assert_eq!(queue.position(ItemId(3)), Some(5));
        assert_eq!(drain(&mut queue), [0, 6, 7, 4, 1, 5, 2, 3]);
        assert!(queue.lanes.is_empty() && queue.is_empty());
    }

    #[test]
    fn whoever_holds_workers_comes_after_who_holds_none_and_leaves_some() {
        let (mut queue, held) = (Queue::default(), [of_scan(1, 1, 10), of_scan(2, 1, 10)]);
        queue.push(of_scan(3, 1, 10));
        let taken = |queue: &mut Queue, free| {
            queue.pop(&Shares::of(free, held.iter()), |_| true).map(|item| item.id.0)
        };
        assert_eq!(taken(&mut queue, 2), None, "as many are free as it holds");
        queue.push(of_scan(4, 2, 20));
        assert_eq!(taken(&mut queue, 2), Some(4));
        assert_eq!(taken(&mut queue, 3), Some(3));
        queue.push(of_scan(5, 2, 20));
        assert_eq!(taken(&mut queue, 0), None);
    }

    #[test]
    fn what_is_not_admitted_keeps_its_place_and_stops_nobody() {
        let mut queue = Queue::default();
        for (id, scan) in [(1, 10), (2, 11), (3, 11)] {
            queue.push(of_scan(id, 1, scan));
        }
        let of_another = |item: &Item| item.owner != Owner::Batch(ScanId(10));
        let taken: Vec<u64> =
            std::iter::from_fn(|| queue.pop(&plenty(), of_another).map(|item| item.id.0)).collect();
        assert_eq!((taken, drain(&mut queue)), (vec![2, 3], vec![1]));
    }

    proptest! {
        /// Whatever comes and in which order: between two turns of a client that waits, no other has more
        /// than one, and everything is served.
        #[test]
        fn nobody_is_served_twice_while_another_waits(
            events in proptest::collection::vec((any::<bool>(), 0_u8..5, 0_u64..3), 1..200),
        ) {
            let (mut queue, mut waiting) = (Queue::default(), HashMap::<Party, usize>::new());
            // How often each other was served since this one was, while it waited.
            let mut passed = HashMap::<(Party, Party), usize>::new();
            let mut came = 0_u64;
            let pops = events.len();
            let pops = std::iter::repeat_n((false, 0, 0), pops);
            for (comes, client, scan) in events.into_iter().chain(pops) {
                if comes {
                    came += 1;
                    let item = of_scan(came, client, u64::from(client) * 10 + scan);
                    *waiting.entry(item.party.clone()).or_default() += 1;
                    queue.push(item);
                    continue;
                }
                let Some(item) = queue.pop(&plenty(), |_| true) else {
                    prop_assert!(waiting.is_empty());
                    continue;
                };
                let party = item.party;
                let left = waiting.get_mut(&party).unwrap();
                *left -= 1;
                if *left == 0 {
                    waiting.remove(&party);
                }
                passed.retain(|(waits, _), _| *waits != party && waiting.contains_key(waits));
                for other in waiting.keys().filter(|other| **other != party) {
                    let times = passed.entry((other.clone(), party.clone())).or_default();
                    *times += 1;
                    prop_assert!(*times <= 2, "{other:?} waits while {party:?} is served");
                }
            }
            prop_assert!(queue.is_empty() && queue.lanes.is_empty());
        }
    }
}
