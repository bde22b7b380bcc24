//! Answers that are kept for whoever asks again: until when, whose they are, and when they were last asked
//! for. Pure.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use crate::base::clock::Monotonic;
use crate::base::ids::QueryId;
use crate::broker::books::party::Party;

/// A client that polls asks again within this; an answer that was not asked for in this time is not polled.
const POLLED_WITHIN: Duration = Duration::from_secs(60);
/// Polled answers are kept beyond the limit, up to this many times as many: a crowd of addresses that poll
/// for ever must not fill the memory.
const HARD_LIMIT: usize = 2;

/// The answers of all clients.
#[derive(Debug, Default)]
pub struct Kept {
    by_id: HashMap<QueryId, Entry>,
    by_due: BTreeSet<(Monotonic, QueryId)>,
    /// The answers of each client, in the order in which they were last asked for.
    by_client: HashMap<Party, BTreeSet<(Monotonic, QueryId)>>,
    /// Before this, all that are too many are polled: looking for others is useless.
    next_look: Option<Monotonic>,
}

#[derive(Debug)]
struct Entry {
    due: Monotonic,
    client: Party,
    asked: Monotonic,
}

impl Kept {
    /// An answer of this client is kept from now until `due`.
    pub fn keep(&mut self, id: QueryId, client: Party, now: Monotonic, due: Monotonic) {
        self.forget(id);
        self.by_due.insert((due, id));
        self.by_client.entry(client.clone()).or_default().insert((now, id));
        self.by_id.insert(id, Entry { due, client, asked: now });
    }

    /// Somebody asked for it. What is not kept (yet) is nothing.
    pub fn asked(&mut self, id: QueryId, now: Monotonic) {
        let Some(entry) = self.by_id.get_mut(&id) else { return };
        if let Some(of_client) = self.by_client.get_mut(&entry.client) {
            of_client.remove(&(entry.asked, id));
            of_client.insert((now, id));
        }
        entry.asked = now;
    }

    /// When the next one is due.
    pub fn next_due(&self) -> Option<Monotonic> {
        self.by_due.first().map(|(due, _)| *due)
    }

    /// Takes one answer that is to be forgotten now: whose time is over, or, where more than `max` are kept,
    /// the one least recently asked for of the client who has the most, unless it is polled.
    pub fn take_due(&mut self, now: Monotonic, max: usize) -> Option<QueryId> {
        let expired = self.by_due.first().filter(|(due, _)| *due <= now).map(|(_, id)| *id);
        let id = expired.or_else(|| self.superfluous(now, max))?;
        self.forget(id);
        Some(id)
    }

    fn superfluous(&mut self, now: Monotonic, max: usize) -> Option<QueryId> {
        let is_full = self.by_id.len() > max.saturating_mul(HARD_LIMIT);
        // This is asked at each event of the broker, and looks at all clients.
        if self.by_id.len() <= max || self.next_look.is_some_and(|next| now < next) && !is_full {
            return None;
        }
        // The number decides between clients with as many, so that the order of a hash map decides nothing.
        let oldest = || self.by_client.values().filter_map(|of| of.first().map(|&first| (of.len(), first)));
        let unpolled = oldest().filter(|(_, (asked, _))| now.since(*asked) >= POLLED_WITHIN);
        let most = unpolled.max_by_key(|&(len, (asked, id))| (len, std::cmp::Reverse((asked, id))));
        let least_recent = || oldest().min_by_key(|&(_, first)| first);
        if let Some((_, (_, id))) = most.or_else(|| is_full.then(least_recent).flatten()) {
            return Some(id);
        }
        // Asking for an answer, keeping and forgetting one only put this off.
        self.next_look = least_recent().map(|(_, (asked, _))| asked.plus(POLLED_WITHIN));
        None
    }

    /// It is kept no longer.
    pub fn forget(&mut self, id: QueryId) {
        let Some(entry) = self.by_id.remove(&id) else { return };
        self.by_due.remove(&(entry.due, id));
        if let Some(of_client) = self.by_client.get_mut(&entry.client) {
            of_client.remove(&(entry.asked, id));
            if of_client.is_empty() {
                self.by_client.remove(&entry.client);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HOUR: u64 = 3_600_000;

    fn client(name: &str) -> Party {
        Party::Address(name.to_owned())
    }

    fn forgotten(kept: &mut Kept, now: u64, max: usize) -> Vec<u64> {
        std::iter::from_fn(|| kept.take_due(Monotonic(now), max)).map(|id| id.0).collect()
    }

    #[test]
    fn who_has_the_most_loses_the_oldest() {
        let mut kept = Kept::default();
        kept.keep(QueryId(1), client("honest"), Monotonic(0), Monotonic(3 * HOUR));
        for number in 0..10 {
            // Mistakes are kept for a shorter time than answers; that makes none of them the first to go.
            let due = Monotonic(HOUR + number);
            kept.keep(QueryId(10 + number), client("flood"), Monotonic(1000 * number), due);
        }
        kept.asked(QueryId(10), Monotonic(100_000));
        assert_eq!(forgotten(&mut kept, 200_000, 8), [11, 12, 13]);
        assert_eq!(forgotten(&mut kept, HOUR + 4, 8), [10, 14], "their time is over");
        assert_eq!(kept.next_due(), Some(Monotonic(HOUR + 5)));
    }

    #[test]
    fn what_is_polled_stays() {
        let mut kept = Kept::default();
        for number in 1..=6 {
            kept.keep(QueryId(number), client("one"), Monotonic(0), Monotonic(HOUR));
        }
        for number in 1..=5 {
            kept.asked(QueryId(number), Monotonic(90_000));
        }
        assert_eq!(forgotten(&mut kept, 100_000, 3), [6], "five are polled, twice three are bearable");
        kept.keep(QueryId(7), client("two"), Monotonic(100_000), Monotonic(HOUR));
        kept.keep(QueryId(8), client("two"), Monotonic(100_001), Monotonic(HOUR));
        assert_eq!(forgotten(&mut kept, 100_002, 3), [1]);
        assert_eq!(forgotten(&mut kept, 200_000, 3), [2, 3, 4], "nobody asks any more");
    }

    #[test]
    fn nobody_is_looked_at_before_one_can_be_superfluous() {
        let mut kept = Kept::default();
        for number in 1..=5 {
            kept.keep(QueryId(number), client(&number.to_string()), Monotonic(number), Monotonic(HOUR));
        }
        assert_eq!(forgotten(&mut kept, 1000, 3), [0; 0]);
        assert_eq!(kept.next_look, Some(Monotonic(60_001)), "the first of them is polled no longer");
        // Had it been looked at meanwhile, the moment would be a later one.
        kept.asked(QueryId(1), Monotonic(2000));
        assert_eq!(forgotten(&mut kept, 60_000, 3), [0; 0]);
        assert_eq!(kept.next_look, Some(Monotonic(60_001)));
        // More than twice as many are too many at any time.
        kept.keep(QueryId(6), client("6"), Monotonic(60_000), Monotonic(HOUR));
        kept.keep(QueryId(7), client("7"), Monotonic(60_000), Monotonic(HOUR));
        assert_eq!(forgotten(&mut kept, 60_000, 3), [2]);
        assert_eq!(forgotten(&mut kept, 60_003, 3), [3]);
        assert_eq!(forgotten(&mut kept, 60_003, 3), [0; 0]);
        assert_eq!(kept.next_look, Some(Monotonic(60_004)));
    }

    proptest! {
        #[test]
        fn the_books_agree(steps in prop::collection::vec((0_u8..4, 0_u64..20, 0_u64..3), 0..80)) {
            let mut kept = Kept::default();
            let mut now = 0;
            for (step, id, who) in steps {
                now += 7_000;
                match step {
                    0 | 1 => {
                        let due = Monotonic(now + 40_000 * who);
                        kept.keep(QueryId(id), client(&who.to_string()), Monotonic(now), due);
                    }
                    2 => kept.asked(QueryId(id), Monotonic(now)),
                    _ => drop(forgotten(&mut kept, now, 4)),
                }
                prop_assert_eq!(kept.by_id.len(), kept.by_due.len());
                let listed: usize = kept.by_client.values().map(BTreeSet::len).sum();
                prop_assert_eq!(kept.by_id.len(), listed);
            }
            forgotten(&mut kept, now, 4);
            prop_assert!(kept.by_id.len() <= 8);
            forgotten(&mut kept, now + HOUR, 4);
            prop_assert!(kept.by_id.is_empty() && kept.by_client.is_empty());
        }
    }
}
