//! `aotf demo`: the program shown at work, without keys, network or settings.
//!
//! Owns the self-contained outside world (`world`), a temporary data folder, and two child processes:
//! the daemon that works against the world, and the console. Called by the command line; `world` alone
//! also by integration tests and benchmarks. Speaks to the daemon as any client does, through its HTTP
//! API and its command line; never uses another room of the daemon.

mod api;
pub mod folder;
mod process;
mod progress;
mod session;
mod show;
pub mod world;

use std::process::ExitCode;

pub use session::{DemoArgs, DemoError};

/// Runs the demo to its end. What it shows goes to standard output; an error is for the caller to print.
///
/// Status 0 when all went well, also when a signal or `stop` ended it afterwards; 1 when only one
/// query was wanted and its post was not found; 130 when a signal came before the result.
///
/// # Errors
/// The world or the daemon could not be started, or the daemon did not answer. Nothing is left behind.
pub fn run(args: DemoArgs) -> anyhow::Result<ExitCode> {
    Ok(session::run(&args)?)
}
