//! The social networks on which artists publish: looking accounts up, listing their posts with images, asking
//! whether a post still exists. Owns each network's API: its limits, its credentials, its wire types and its
//! ways to fail. Called by the listing stage alone, which is the only role that holds credentials;
//! `original`, which needs none, by the indexing stage. It stores nothing and knows no queue.
//!
//! `client` says what a network must do, `error` how it may fail. One folder per network implements it, on
//! what they share: `asking` (one question to a server), `paging` (the loop over a listing's pages),
//! `delivery` (how a page is handed over), `fediverse` (what the networks of the Fediverse have in common).
//! `sources` puts several ways to read one network together, `dialects` the networks of the Fediverse.

mod asking;
pub mod bluesky;
mod client;
pub mod clients;
mod delivery;
mod dialects;
mod error;
#[cfg(test)]
mod fake;
mod fediverse;
pub mod fxtwitter;
pub mod mastodon;
pub mod misskey;
mod original;
mod paging;
pub mod sources;
pub mod twitter;

pub use client::{
    AccountLookup, Meter, NetworkClient, PageSink, PostLister, PostLookup, Presence, SearchedPosts, Turns,
    Waiter,
};
pub use error::{NetworkError, Stopping};
pub use original::{fetch_original, image_called};
