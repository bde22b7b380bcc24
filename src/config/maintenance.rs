//! The section `[maintenance]`: what is done again after some time.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::section::section;
use super::values::{DAY, HOUR};

section! {
    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    pub struct Maintenance {
        /// Accounts are scanned again after this; `None` never.
        auto_update: Option<Duration> = Some(30 * DAY), duration_or_never(DAY, 3650) as "auto_update_days";
        /// The search cursor is forgotten after this; `None` never.
        search_cursor_reset: Option<Duration> =
            Some(365 * DAY), duration_or_never(DAY, 3650) as "search_cursor_reset_days";
        /// Accounts on networks that cost nothing are listed from their beginning again after this, for posts
        /// that came with an old date; `None` never.
        whole_listing: Option<Duration> = Some(90 * DAY), duration_or_never(DAY, 3650) as "whole_listing_days";
        /// Posts of which an image failed are tried again this often.
        retry: Duration = 6 * HOUR, duration(HOUR, 1..=8760) as "retry_hours";
        /// After a long stop, catch up at once instead of spreading the updates.
        strict_periods: bool = false, switch();
    }
}
