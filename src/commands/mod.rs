//! What the one-shot commands that need no daemon do, once the command line is parsed.
//!
//! Owns: their output. Called by: the command line. Never: parses arguments, ends the process
//! (each command returns its exit status).

pub mod bench_fingerprint;
pub mod hash;
