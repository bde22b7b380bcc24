//! X (Twitter), by its API v2. A question passes `ask` (credential, window, retries), which reads `pool`
//! (whose turn it is) and `problem` (what a refusal means); `listing`, `lookup` and `posts` ask; `fields`
//! knows the two names that a post's fields are asked by; `media` picks the images; `progress` says how far a
//! listing came, and when it has come to an earlier one; `usage` asks whether a key works; `known` remembers
//! what was said of accounts lately; `wire` is what X sends.

mod ask;
mod client;
mod doubt;
mod fields;
mod known;
mod listing;
mod lookup;
pub(super) mod media;
mod media_count;
mod pool;
mod posts;
mod problem;
pub(super) mod progress;
mod samples;
#[cfg(test)]
mod tests;
mod usage;
mod wire;

pub use client::TwitterClient;
pub use usage::{KeyState, Usage, check_key};
