//! Artists on Twitter Finder: finds the posts in which an artist published an artwork.
//!
//! The rooms in reading order; `docs/architecture.md` is the map, and `tests/it/rooms.rs` enforces
//! which room may use which.
#![deny(unsafe_code)]

pub mod base;
pub mod config;
pub mod proto;

pub mod commands;
pub mod fetch;
pub mod links;
pub mod sites;
