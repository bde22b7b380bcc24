//! The Fediverse, through the API of Mastodon, which its relatives (Pleroma, Akkoma, glitch-soc, snac) speak
//! too. An account's stable id is its actor's URI, a post's its own. An account is always asked of its home
//! server: others know only part of its posts. Every server is a stranger's: what it says is bounded,
//! believed about its own accounts and posts only, and no server makes us ask many others.
//!
//! `client` asks one server, `address` says which server and which name, `lookup` asks about accounts and
//! posts, `listing` pages through an account's posts, `wire` is what servers send. What is not Mastodon's
//! alone is in
//! `fediverse`.

mod address;
mod client;
mod listing;
mod lookup;
#[cfg(test)]
mod tests;
mod wire;

pub use client::MastodonClient;
