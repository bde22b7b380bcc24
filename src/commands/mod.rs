//! What the one-shot commands that need no daemon do, once the command line is parsed: one file per
//! command.
//!
//! Owns: their output. Called by: the command line. Never: parses arguments, reads the
//! configuration, ends the process (each command returns its exit status).

pub mod bench_accuracy;
pub mod bench_fingerprint;
pub mod bench_index;
pub mod bench_ipc;
pub mod bench_links;
pub mod bench_listing;
pub mod bench_networks;
pub mod bench_store;
pub mod check;
pub mod db;
mod db_add;
pub mod db_complete;
pub mod db_verify;
pub mod hash;
pub mod init;
pub mod links;
pub mod man;
pub mod mirror;
pub mod prune;
pub mod signals;
pub mod sites;
pub mod thumbnails;
