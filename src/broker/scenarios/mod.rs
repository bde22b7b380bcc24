//! The state machine in situations that are worth a test of their own; `simulation.rs` has the rest.

mod artist;
mod budget;
mod cancelling;
mod connectivity;
mod deaths;
mod fairness;
mod forgetting;
mod health;
mod looking;
mod questions;
mod scan_deaths;
mod searching;
mod verdicts;
mod watches;
mod whole;
