//! `aotf console`: the console of a running daemon.

use std::process::ExitCode;

use clap::Args;

use super::Daemon;
use crate::console;

#[derive(Debug, Args)]
pub struct ConsoleArgs {
    #[command(flatten)]
    daemon: Daemon,
    /// Whoever starts this ends the daemon after it
    #[arg(long, hide = true)]
    ends_daemon: bool,
}

/// # Errors
/// The terminal cannot be used, or the configuration does not say where the daemon is.
pub fn run(args: &ConsoleArgs) -> anyhow::Result<ExitCode> {
    let daemon = &args.daemon;
    let bond = if args.ends_daemon { console::Bond::EndsWithIt } else { console::Bond::Attached };
    console::run(&daemon.socket()?, bond, None, &daemon.outside(), &console::AtWork::default())?;
    Ok(ExitCode::SUCCESS)
}
