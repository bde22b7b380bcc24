//! What the broker writes down: plain types that know no rule, no event and no clock.

pub mod blob;
pub mod budget;
pub mod connectivity;
pub mod forgotten;
pub mod items;
pub mod kept;
pub mod ladder;
pub mod leases;
pub mod limits;
pub mod media_counts;
pub mod metrics;
pub mod named_posts;
pub mod party;
pub mod post_lags;
pub mod preview;
pub mod query;
pub mod query_key;
pub mod queue;
pub mod registry;
pub mod reservations;
pub mod room;
pub mod scan;
pub mod scan_request;
pub mod searched;
pub mod site_layouts;
pub mod troubles;
