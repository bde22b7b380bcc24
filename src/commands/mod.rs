//! What the command line does by itself, without a daemon: one file per command.

pub mod bench_index;
