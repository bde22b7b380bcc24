//! How many posts wait to be indexed and stored, and whose: where there is room for more. Pure.
//!
//! What all may have waiting together (`scan.max_pending_posts`) is shared between the clients that have
//! some, and each client's share between its scans. So neither a client nor an account takes the room of
//! another.

use std::collections::HashMap;

use crate::broker::books::party::Party;

/// No share is smaller, so that every scan moves: about a page of a listing.
const LEAST: usize = 50;
/// Scans of one client that may each have an equal part of its share waiting.
const SCANS_PER_SHARE: usize = 4;

/// Posts that are new and not stored yet, of all scans.
#[derive(Debug, Default)]
pub struct Room {
    posts: HashMap<Party, usize>,
}

impl Room {
    /// Counts posts of this party's scans that are on their way now.
    pub fn take(&mut self, party: &Party, posts: usize) {
        if posts > 0 {
            *self.posts.entry(party.clone()).or_default() += posts;
        }
    }

    /// Takes posts that have been stored off the count.
    pub fn give_back(&mut self, party: &Party, posts: usize) {
        if let Some(waiting) = self.posts.get_mut(party) {
            *waiting = waiting.saturating_sub(posts);
            if *waiting == 0 {
                self.posts.remove(party);
            }
        }
    }

    pub fn total(&self) -> usize {
        self.posts.values().sum()
    }

    /// Whether a scan of which `waiting` posts are on their way may list more; `max` is what all may have.
    pub fn is_there(&self, party: &Party, waiting: usize, max: usize) -> bool {
        let share = self.share(party, max);
        self.of(party) < share && waiting < part_of_scan(share)
    }

    /// Whether a listing may begin, or go on in another worker: not before there is room for some time.
    pub fn is_there_again(&self, party: &Party, waiting: usize, max: usize) -> bool {
        let share = self.share(party, max);
        self.of(party) < share && waiting <= part_of_scan(share) / 2
    }

    /// Posts on their way, of the scans of this party.
    pub fn of(&self, party: &Party) -> usize {
        self.posts.get(party).copied().unwrap_or(0)
    }

    fn share(&self, party: &Party, max: usize) -> usize {
        let parties = self.posts.len() + usize::from(!self.posts.contains_key(party));
        (max / parties).max(max.min(LEAST))
    }
}

fn part_of_scan(share: usize) -> usize {
    (share / SCANS_PER_SHARE).max(share.min(LEAST))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(name: &str) -> Party {
        Party::Address(name.to_owned())
    }

    #[test]
    fn one_scan_or_client_takes_its_part_alone() {
        let mut room = Room::default();
        let (one, other) = (client("1"), client("2"));
        assert!(room.is_there(&one, 499, 2000) && !room.is_there(&one, 500, 2000));
        room.take(&one, 2000);
        // Its share is taken, whatever a scan of it has; another's begins.
        assert!(!room.is_there(&one, 0, 2000) && room.is_there(&other, 0, 2000));
        room.take(&other, 999);
        assert!(room.is_there(&other, 0, 2000));
        room.take(&other, 1);
        assert!(!room.is_there(&other, 0, 2000));
        room.give_back(&one, 1001);
        assert!(room.is_there(&one, 0, 2000) && !room.is_there(&other, 0, 2000));
        room.give_back(&one, 999);
        assert!(room.is_there(&other, 0, 2000));
        room.give_back(&other, 1000);
        assert_eq!((room.total(), room.posts.len()), (0, 0));
    }

    #[test]
    fn a_listing_goes_on_when_half_of_its_posts_are_stored() {
        let room = Room::default();
        let one = client("1");
        assert!(room.is_there_again(&one, 250, 2000) && !room.is_there_again(&one, 251, 2000));
    }

    #[test]
    fn whoever_has_nothing_waiting_may_list_however_many_others_there_are() {
        for max in [1, 30, 100, 2000] {
            let mut room = Room::default();
            for name in 0..500 {
                let party = client(&name.to_string());
                assert!(room.is_there(&party, 0, max) && room.is_there_again(&party, 0, max), "{max} {name}");
                room.take(&party, 100);
                assert!(!room.is_there(&party, 100, max) || max > 100, "{max} {name}");
            }
        }
    }
}
