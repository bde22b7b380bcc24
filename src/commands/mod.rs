//! The commands, as a tree that mirrors the command line: one file per command, with its arguments and what it
//! does with them.
//!
//! Owns: their output. Called by: the command line. Never: reads the configuration or ends the process (each
//! command returns its exit status).

pub mod backup;
pub mod bench;
pub mod check;
pub mod db;
pub mod hash;
pub mod helpers;
pub mod init;
pub mod links;
pub mod man;
mod signals;
pub mod sites;
