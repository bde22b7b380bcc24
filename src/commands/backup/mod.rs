//! `aotf backup ...`: backups that are kept elsewhere.

use std::io::Write;
use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::settings::ConfigFile;
use super::status::{self, NOT_SO};

mod mirror;

#[derive(Debug, Args)]
pub struct BackupArgs {
    #[command(subcommand)]
    what: Backup,
    #[command(flatten)]
    config: ConfigFile,
}

#[derive(Debug, Subcommand)]
enum Backup {
    /// Send new backups to a folder elsewhere, and remove there what was removed here; may be stopped at any
    /// moment and run again. The status is 0 if all is in step, 3 if not
    Mirror(mirror::MirrorArgs),
}

/// # Errors
/// The configuration is wrong, or the folder elsewhere cannot be reached.
pub fn run(args: &BackupArgs, out: &mut impl Write) -> anyhow::Result<ExitCode> {
    let data_dir = args.config.load()?.data_dir;
    let Backup::Mirror(mirror) = &args.what;
    Ok(status::of_answer(mirror::run(mirror, &data_dir, out)?, NOT_SO))
}
