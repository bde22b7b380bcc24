//! `aotf serve`: the daemon.

use std::io::{self, IsTerminal};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use clap::Args;

use crate::commands::settings::ConfigFile;
use crate::commands::status::EX_CONFIG;
use crate::daemon::roles;
use crate::{config, supervisor, telemetry};

#[derive(Debug, Args)]
pub struct ServeArgs {
    #[command(flatten)]
    config: ConfigFile,
    /// No console, even on a terminal
    #[arg(long)]
    no_console: bool,
    /// End when the process that started this one ends
    #[arg(long, hide = true)]
    die_with_parent: bool,
}

/// Runs the daemon until it is told to stop.
///
/// # Errors
/// The configuration is wrong, or the daemon cannot start.
pub fn run(args: &ServeArgs) -> anyhow::Result<ExitCode> {
    if args.die_with_parent {
        supervisor::die_with_parent().context("could not tie this process to its parent")?;
    }
    let loaded = args.config.load_with_origin()?;
    if !loaded.is_configured() {
        return Ok(ask_for_configuration());
    }
    let mut settings = loaded.settings;
    let with_console = !args.no_console && io::stdin().is_terminal() && io::stdout().is_terminal();
    if with_console {
        // Log lines would tear the prompt.
        let file = settings.data_dir.join("logs/aotf.log");
        println!("The log is written to {}.", file.display());
        settings.log.file = Some(file);
        if !settings.twitter.can_be_read() {
            println!("No key for X is configured: X is not searched.");
        }
    }
    telemetry::init("root", &settings.log)?;
    let options = supervisor::Options {
        notify_socket: std::env::var_os("NOTIFY_SOCKET"),
        watchdog: watchdog(std::env::var("WATCHDOG_USEC").ok(), std::env::var("WATCHDOG_PID").ok()),
        ..supervisor::Options::default()
    };
    supervisor::run(&settings, &roles::specs(with_console), options)?;
    Ok(ExitCode::SUCCESS)
}

/// A daemon that nobody has configured would run, and find nothing: what it needs, in five lines.
fn ask_for_configuration() -> ExitCode {
    let [here, system] = config::LOOKED_UP;
    eprintln!("aotf: not configured: no ./{here}, no {system}, and $AOTF_CONFIG is not set.");
    eprintln!(
        "It needs a folder for its data and an address to listen on; to search X too, a token for X's API."
    );
    eprintln!("  aotf init    asks for these and writes {here}");
    eprintln!(
        "  aotf demo    shows everything in a world of its own, without keys, network or configuration"
    );
    eprintln!("Keys can also come from the environment: AOTF_DATA_DIR=/var/lib/aotf AOTF_HTTP__PORT=3301");
    ExitCode::from(EX_CONFIG)
}

/// How often the service manager wants a sign of life, if it does, and from this process.
fn watchdog(period_micros: Option<String>, for_pid: Option<String>) -> Option<Duration> {
    let is_for_us = for_pid.is_none_or(|pid| pid == std::process::id().to_string());
    let micros = period_micros?.parse().ok().filter(|micros| *micros > 0 && is_for_us)?;
    Some(Duration::from_micros(micros))
}
