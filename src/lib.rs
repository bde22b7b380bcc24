//! Artists on Twitter Finder: finds the posts in which an artist published an artwork.
//!
//! The rooms in reading order; `docs/architecture.md` is the map, and `tests/it/rooms.rs` enforces
//! which room may use which.
#![deny(unsafe_code)]

pub mod cli;
pub mod commands;
pub mod daemon;

pub mod base;
pub mod config;
pub mod domain;
pub mod proto;
pub mod telemetry;

pub mod ipc;
pub mod sandbox;
pub mod supervisor;

pub mod broker;
pub mod fingerprint;
pub mod index;
pub mod store;
pub mod storekeeper;

pub mod api;
pub mod console;
pub mod front;

pub mod fetch;
pub mod links;
pub mod networks;
pub mod sites;
pub mod stages;

pub mod demo;
