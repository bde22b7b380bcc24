//! The broker: holds every request, its queues, leases and limits, and decides what is next.
//!
//! Owns the state machine (`state` and its parts, all pure) and the loop that drives it (`server`).
//! Everybody else sees `client` only. It never waits for anybody: what it sends goes to bounded outboxes,
//! what must last goes to the storekeeper. It knows no SQL, no host, no pixel, and it must not panic.
#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing))]

mod admission;
pub mod budget;
pub mod client;
mod deaths;
mod deliveries;
mod health;
mod inspect;
mod items;
mod leases;
mod limits;
mod metrics;
mod network;
mod queries;
mod queue;
mod registry;
mod reservations;
mod retries;
mod scans;
mod searched;
pub mod server;
#[cfg(test)]
mod simulation;
pub mod state;
