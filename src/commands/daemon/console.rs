//! `aotf console`: the console of a running daemon.

use std::process::ExitCode;

use clap::Args;

use super::Daemon;
use crate::console;

#[derive(Debug, Args)]
pub struct ConsoleArgs {
    #[command(flatten)]
    daemon: Daemon,
}

/// # Errors
/// The terminal cannot be used, or the configuration does not say where the daemon is.
pub fn run(args: &ConsoleArgs) -> anyhow::Result<ExitCode> {
    let daemon = &args.daemon;
    console::run(&daemon.socket()?, None, &daemon.outside(), &console::AtWork::default())?;
    Ok(ExitCode::SUCCESS)
}
