//! `aotf sites`: what a URL is, and which sites can be read now.

use std::io::{self, Write};
use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::settings::ConfigFile;
use super::status::{self, NOT_SO};
use crate::fetch::HttpFetch;
use crate::links::LinkSettings;

mod check;
mod identify;
mod record;
mod table;

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct SitesArgs {
    #[command(subcommand)]
    what: Option<Sites>,
    /// One JSON object per page
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    config: ConfigFile,
}

#[derive(Debug, Subcommand)]
enum Sites {
    /// Say what addresses are, without fetching anything (also from standard input, one per line)
    Identify(identify::IdentifyArgs),
    /// The same with pages of your own
    Check(check::CheckArgs),
    /// Read a page as the program does, and write what its site's reader saw into a folder, for a report or a
    /// test
    Record(record::RecordArgs),
}

/// Identifies addresses; or reads pages, those of the configuration or others, and says which of their sites
/// work: the status is 3 where one does not.
///
/// # Errors
/// The configuration is wrong, standard input cannot be read, or `out` not be written.
pub fn run(args: SitesArgs, out: &mut impl Write) -> anyhow::Result<ExitCode> {
    let (urls, json, config) = match args.what {
        Some(Sites::Identify(args)) => {
            let right = identify::run(&args, io::stdin().lock(), out)?;
            return Ok(status::of_answer(right, NOT_SO));
        }
        Some(Sites::Record(args)) => {
            let settings = args.config.load()?;
            let fetch = HttpFetch::start(&settings.fetch, &settings.upstreams)?;
            let read = record::run(&args, &fetch, &settings, out)?;
            return Ok(status::of_answer(read, NOT_SO));
        }
        Some(Sites::Check(args)) => (Some(args.urls), args.json, args.config),
        None => (None, args.json, args.config),
    };
    let settings = config.load()?;
    let fetch = HttpFetch::start(&settings.fetch, &settings.upstreams)?;
    let urls = urls.unwrap_or_else(|| settings.links.canaries.clone());
    let work = check::check(&urls, &fetch, &LinkSettings::of(&settings), json, out)?;
    Ok(status::of_answer(work, NOT_SO))
}
