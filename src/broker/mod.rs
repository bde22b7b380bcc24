//! The broker: holds every request, its queues, leases and limits, and decides what is next.
//!
//! Owns the state machine (`state` and its parts, all pure) and the loop that drives it (`server`).
//! Everybody else sees `client` only. It never waits for anybody: what it sends goes to bounded outboxes,
//! what must last goes to the storekeeper. It knows no SQL, no host, no pixel, and it must not panic.
#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing))]

mod books;
pub mod client;
mod rules;
pub mod server;
#[cfg(test)]
mod simulation;
pub mod state;

pub use books::budget;
