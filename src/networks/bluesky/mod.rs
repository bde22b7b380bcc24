//! Bluesky, through the public API of its AppView, which wants no credential. An account's stable id is its
//! DID, a post's its `at://` URI. `client` asks one method, `listing` pages through the author's feed,
//! `records` through a window on the account's own server, `lookup` asks about accounts and posts, `embed`
//! picks the images of a post, `original` finds a file on the account's own server, `tid` reads the time out
//! of a record's key, `wire` is what the API sends.

mod client;
pub(super) mod embed;
mod listing;
mod lookup;
pub(super) mod original;
mod records;
#[cfg(test)]
mod tests;
mod tid;
mod wire;

pub use client::BlueskyClient;
