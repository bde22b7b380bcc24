//! The broker: holds every request, its queues, leases and limits, and decides what is next.
//!
//! Pure, each knowing only those before it: `books/` what is written down, `vocabulary` the words (events,
//! effects), `state` the books together, `turn` one event being applied, `rules/` what is done about it, one
//! file per cause. `server` is the loop that drives this machine; `client` is all that others see. The broker
//! never waits for anybody: what it sends goes to bounded outboxes, what must last goes to the storekeeper.
//! It knows no SQL, no host, no pixel, and it must not panic.
#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing))]

mod books;
pub mod client;
mod rules;
#[cfg(test)]
mod scenarios;
pub mod server;
#[cfg(test)]
mod simulation;
mod state;
mod turn;
mod vocabulary;

pub use books::budget;
pub use vocabulary::Policy;
