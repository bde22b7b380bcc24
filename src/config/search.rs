//! The section `[search]`: what is near enough to be a result.

use serde::{Deserialize, Serialize};

use super::section::section;

section! {
    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    pub struct Search {
        /// Largest Hamming distance of a result, in bits, 0 to 12.
        max_distance: u32 = 6, number(0..=12);
        /// How far candidates are looked for that are shown beside the results, classed by a closer look,
        /// within the artist's accounts. Bits; nothing is added where it is not greater than `max_distance`.
        candidate_distance_accounts: u32 = 10, number(0..=12);
        /// The same over the whole database, where only those are shown that the closer look confirms.
        candidate_distance_everything: u32 = 10, number(0..=12);
        /// Keeps, of each artwork's page that was answered, its address and what its picture looks like, so
        /// that a search by image leads from a post to the page of its artwork.
        remember_pages: bool = true, switch();
        /// Finds crops, screenshots and collages within accounts, by local features of the images: about 2 KB
        /// an image in the database, and some milliseconds when it is indexed. Off, they are neither computed
        /// nor searched; what is stored stays.
        parts: bool = true, switch();
        /// Finds them in the whole database too, for searches by an image alone. Needs `parts`, and an index
        /// of its own, which lies in memory and on disk: 1.2 KB an image, so 1.2 GB for a million.
        parts_everything: bool = false, switch();
        /// Most results of one query.
        max_results: u32 = 1000, number(1..=100_000);
    }
}

impl Search {
    /// Whether there is an index of the codes of local features.
    pub fn indexes_codes(&self) -> bool {
        self.parts && self.parts_everything
    }
}
