//! `aotf bot`: answers in the chats of other services, until it is told to stop.

use std::process::ExitCode;

use clap::{Args, Subcommand};

use crate::base::journal;
use crate::base::{ErrorChain, StopSignal};
use crate::bots::{self, BotError, Service};
use crate::commands::settings::ConfigFile;
use crate::commands::signals::stop_on_signals;
use crate::commands::status::EX_CONFIG;
use crate::telemetry;

#[derive(Debug, Args)]
pub struct BotArgs {
    #[command(subcommand)]
    which: Which,
    #[command(flatten)]
    config: ConfigFile,
}

#[derive(Clone, Copy, Debug, Subcommand)]
enum Which {
    /// Answer in Telegram; needs [bots.telegram] token_file
    Telegram,
    /// Answer in Discord; needs [bots.discord] token_file
    Discord,
}

/// # Errors
/// The configuration is wrong, or the service shuts the bot out.
pub fn run(args: &BotArgs) -> anyhow::Result<ExitCode> {
    let settings = args.config.load()?;
    let service = match args.which {
        Which::Telegram => Service::Telegram,
        Which::Discord => Service::Discord,
    };
    if let Err(error) = service.token(&settings) {
        return ended(error);
    }
    // First, so that the sandbox has a log to tell what this kernel lacks.
    telemetry::init(service.process(), &bots::discreet(&settings.log))?;
    if let Err(error) = bots::confine(&settings) {
        return ended(error);
    }
    let stop: StopSignal = stop_on_signals()?;
    match bots::run(service, &settings, &stop) {
        Ok(()) => Ok(ExitCode::SUCCESS),
        Err(error) => ended(error),
    }
}

/// Who would fail again at once is not started again: the status is that of a wrong configuration.
fn ended(error: BotError) -> anyhow::Result<ExitCode> {
    if !error.is_configuration() {
        return Err(error.into());
    }
    journal::print_error(&format!("aotf: {}\n", ErrorChain(&error)));
    Ok(ExitCode::from(EX_CONFIG))
}
