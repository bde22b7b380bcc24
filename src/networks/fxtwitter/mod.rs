//! X through a server with the API of FxTwitter, version 2: a second source, which wants no key and bills
//! nothing. It lists by the same cursors as the paid API (a date, a post's number), so that either goes on
//! where the other stopped. `client` asks, `listing` pages, `lookup` asks about accounts and posts, `status`
//! reads a post, `wire` is what such a server sends.

mod client;
mod listing;
mod lookup;
mod status;
#[cfg(test)]
mod tests;
mod wire;

pub use client::FxTwitterClient;
