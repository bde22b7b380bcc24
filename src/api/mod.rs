//! The public contract as JSON: what clients of the HTTP API, users of `--json` and webhooks send and get.
//!
//! Owns the requests, the answers, the error codes and every number that the API promises (`limits.rs`).
//! Called by `front`, by the console and by the sender of webhooks. Pure: built from plain values; never
//! reads a socket, never asks the broker. Fields and codes are added, never renamed or removed:
//! `golden/openapi.json` pins them.

pub mod account;
pub mod answers;
pub mod artist;
pub mod credit;
pub mod errors;
pub mod feed;
pub mod figures;
pub mod limits;
pub mod named_accounts;
pub mod names;
pub mod posts;
pub mod requests;
pub mod verdicts;
pub mod watches;

#[cfg(test)]
pub(crate) mod samples;
