//! The section `[workers]`: how many threads of each kind of work one client can have at work.

use serde::{Deserialize, Serialize};

use super::section::section;

section! {
    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    pub struct Workers {
        link_finder: u16 = 4, number(1..=256);
        index_watcher: u16 = 1, number(1..=256);
        reverse_search: u16 = 2, number(1..=256);
        /// For each of the two listings.
        listing: u16 = 2, number(1..=256);
        /// Look-ups with a network (handles, existence of posts), in the listing role.
        lookup: u16 = 2, number(1..=256);
        indexing: u16 = 2, number(1..=256);
    }
}

/// Threads for so many at work: as many again are there for other clients, so that nobody waits for the end
/// of what one asked for (`broker/books/queue.rs`: a client takes half of all).
pub fn threads(at_work: u16) -> usize {
    usize::from(at_work.max(1)) * 2
}
