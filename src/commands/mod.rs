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
pub mod hash;
pub mod links;
pub mod sites;
