//! Misskey and its forks (Sharkey, Firefish, Iceshrimp ...). An account's stable id is its actor's URI,
//! `https://server/users/id`, a note's its own, `https://server/notes/id`: both are made of the server and
//! its own id. As elsewhere in the Fediverse, an account is asked of its home server, and every server is a
//! stranger's.
//!
//! `client` asks one server, `address` says which server and which id, `lookup` asks about accounts and
//! notes,
//! `listing` pages through an account's notes, `wire` is what servers send.

mod address;
mod client;
mod listing;
mod lookup;
#[cfg(test)]
mod tests;
mod wire;

pub use client::MisskeyClient;
