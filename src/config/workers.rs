//! The section `[workers]`: threads per kind of work.

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
