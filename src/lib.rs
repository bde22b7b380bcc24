//! Artists on Twitter Finder: finds the posts in which an artist published an artwork.
//!
//! The rooms in reading order; `docs/architecture.md` is the map, and `tests/it/rooms.rs` enforces
//! which room may use which.
//!
//! Rooms that act measure, wait and stamp what they do; all others are told the time and the dice
//! (`clippy.toml`).

pub mod cli;
#[expect(clippy::disallowed_methods, reason = "measures and stamps what it does")]
pub mod commands;
#[expect(clippy::disallowed_methods, reason = "draws the salt of ids")]
pub mod daemon;

pub mod base;
pub mod config;
pub mod domain;
pub mod proto;
#[expect(clippy::disallowed_methods, reason = "stamps events")]
pub mod telemetry;

pub mod ipc;
pub mod sandbox;
#[expect(clippy::disallowed_methods, reason = "the root's loop")]
pub mod supervisor;

pub mod broker;
pub mod fingerprint;
pub mod index;
#[expect(clippy::disallowed_methods, reason = "measures its connections")]
pub mod store;
#[expect(clippy::disallowed_methods, reason = "stamps what it writes")]
pub mod storekeeper;

pub mod api;
#[expect(clippy::disallowed_methods, reason = "waits and measures")]
pub mod bots;
#[expect(clippy::disallowed_methods, reason = "draws progress")]
pub mod console;
#[expect(clippy::disallowed_methods, reason = "measures its answers")]
pub mod front;

#[expect(clippy::disallowed_methods, reason = "waits and measures")]
pub mod fetch;
pub mod links;
#[expect(clippy::disallowed_methods, reason = "keeps to the limits of servers")]
pub mod networks;
pub mod sites;
#[expect(clippy::disallowed_methods, reason = "stamps what it reports")]
pub mod stages;
pub mod text;

#[expect(clippy::disallowed_methods, reason = "plays the world")]
pub mod demo;
