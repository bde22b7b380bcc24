//! The commands, as a tree that mirrors the command line: a file for each command, with its arguments and
//! `run`, and a folder for each group of them. What `aotf demo` does is in the room `demo`, and the commands
//! to a running daemon are those of the console (`daemon/ask.rs`).
//!
//! Owns: arguments, output and exit statuses. Called by: the command line. Never: ends the process.

pub mod backup;
pub mod bench;
pub mod bot;
pub mod check;
pub mod compare;
pub mod daemon;
pub mod db;
pub mod hash;
pub mod helpers;
pub mod init;
pub mod links;
pub mod man;
mod settings;
mod signals;
pub mod sites;
pub mod status;
