//! What the broker writes down: plain types that know no rule and nobody else.

pub mod budget;
pub mod items;
pub mod leases;
pub mod limits;
pub mod metrics;
pub mod queue;
pub mod registry;
pub mod searched;
