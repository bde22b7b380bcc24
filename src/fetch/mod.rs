//! The only way out: every request to another machine goes through a `Fetch`. It owns pacing and
//! concurrency per host, retries, time and size limits, the guard against private addresses, TLS,
//! and the table of upstreams. Called by the stages through `sites`, `links` and `networks`. It never
//! interprets what it fetched, but for the bounds of its text and its JSON (`json`).
//!
//! A request passes, hop by hop: `address` (may it be asked at all?), `host` (when?, at its `pace`),
//! `upstreams` (where really?), `exchange` (one question, one answer, under limits), `reach` (is there a
//! network at all?),
//! `retry` (again?). `http` holds them together on one runtime thread per container. `few_hosts` is the way
//! out of a process that speaks to a few named hosts and to no other.

mod address;
mod error;
mod exchange;
pub mod few_hosts;
mod host;
mod http;
pub mod json;
mod pace;
mod reach;
mod request;
mod retry;
#[cfg(test)]
pub(crate) mod test_server;
#[cfg(test)]
mod tests;
mod upstreams;

pub use error::{FetchError, StartError};
pub use host::in_background;
pub use http::HttpFetch;
pub use pace::least_wait;
pub use reach::{Loss, NetworkWatch};
pub use request::{Fetch, MAX_PAGE_BYTES, Method, Request, Response};
pub use retry::backoff;
