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

use std::path::PathBuf;
use std::process::ExitCode;

pub use session::DemoError;

/// Arguments of `aotf demo`.
#[derive(Clone, Debug, PartialEq, Eq, clap::Args)]
pub struct DemoArgs {
    /// Exit after the first answer: status 0 only if it is the expected post
    #[arg(long)]
    pub once: bool,
    /// Stay without a console until a signal comes, also on a terminal
    #[arg(long)]
    pub no_console: bool,
    /// Port of the daemon's HTTP API on 127.0.0.1; 0 takes a free one
    #[arg(long, value_name = "PORT", default_value_t = 3301)]
    pub port: u16,
    /// Keep settings, database and log in this folder instead of a temporary one
    #[arg(long, value_name = "DIR")]
    pub keep: Option<PathBuf>,
    /// Milliseconds that the world waits before each of its answers
    #[arg(long, value_name = "MS", default_value_t = 0)]
    pub latency_ms: u64,
}

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
