//! What the one-shot commands that need no daemon do, once the command line is parsed.
//!
//! Owns: their output. Called by: the command line. Never: parses arguments, ends the process
//! (each command returns its exit status).

pub mod bench_index;
pub mod hash;
//! What the command line does by itself, without a daemon: one file per command.

pub mod bench_index;
//! The one-shot commands: each takes what was typed and writes to the given output. Called by `cli`
//! only. They parse no arguments, read no configuration and never exit the process.

pub mod links;
pub mod sites;
