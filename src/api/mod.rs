//! The public contract as JSON: the answers that clients of the HTTP API, users of `--json` and webhooks get.
//! Pure: built from plain values, never reads a socket or asks the broker.

pub mod account;
pub mod answers;
