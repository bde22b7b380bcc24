//! What the broker does about what happened: one file per cause.

pub mod admission;
pub mod connectivity;
pub mod deaths;
pub mod deliveries;
pub mod health;
pub mod inspect;
pub mod queries;
pub mod reservations;
pub mod retries;
pub mod scans;
