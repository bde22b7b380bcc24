//! The section `[watches]`: artists whose new posts somebody wants to hear of.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::section::section;
use super::values::MINUTE;

section! {
    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    pub struct Watches {
        /// The accounts of a watch are listed this often.
        every: Duration = 60 * MINUTE, duration(MINUTE, 1..=10_080) as "every_minutes";
        /// Watches in all.
        most: u32 = 1000, number(0..=10_000);
        /// Watches of one API key, and of the console.
        most_per_key: u32 = 100, number(0..=10_000);
    }
}
