//! `aotf db ...`: taking over, keeping and caring for the database.

use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use anyhow::Context;
use clap::{Args, Subcommand};

use super::settings::ConfigFile;
use super::status::{self, NOT_SO};
use crate::config::Settings;
use crate::storekeeper::open::{database, new_database, state_file};
use crate::supervisor::DataLock;

mod add;
mod backup;
mod cleanup;
mod complete;
mod export;
mod import;
mod prune;
mod stats;
mod verify;
mod zone;

#[derive(Debug, Args)]
pub struct DbArgs {
    #[command(subcommand)]
    what: Db,
    #[command(flatten)]
    config: ConfigFile,
}

#[derive(Debug, Subcommand)]
enum Db {
    /// Take over the database of an Artists on Twitter Finder of 2022, also while its server is running,
    /// or an account's data export from X; may be repeated
    Import(import::ImportArgs),
    /// Write the database as an Artists on Twitter Finder of 2022 would have: a new SQLite file
    Export(export::ExportArgs),
    /// Write a backup, also while the daemon is running
    Backup(backup::BackupArgs),
    /// Make an empty database where the one of this data folder is lost: the daemon does not do that by
    /// itself, since all that was indexed would be gone without a word
    Create,
    /// Put a backup back into the database of the configuration, which must be empty; any engine will do
    Restore(backup::RestoreArgs),
    /// Download images again of which only the fingerprint is known (imported ones), for what tells copies
    /// from look-alikes; also while the daemon is running. Costs nothing, and may be stopped and run again
    Complete(complete::CompleteArgs),
    /// Note posts of X of any account, by address or number: the daemon looks them up and indexes them (a
    /// paid read each); also while it is running
    Add(add::AddArgs),
    /// Show what refers to nothing any more, and remove it with --yes (then the daemon must not run)
    Cleanup(cleanup::CleanupArgs),
    /// Show accounts that their networks no longer have or that the blocklist names, and remove them with all
    /// their posts with --apply (then the daemon must not run)
    Prune(prune::PruneArgs),
    /// Figures: the biggest accounts, the oldest updates, retries, growth
    Stats(stats::StatsArgs),
    /// Check the database and the fingerprint index against each other; or, of a backup, that it is whole.
    /// The status is 0 if all is well, 3 if not
    Verify(verify::VerifyArgs),
}

/// Runs a command on the database of the configuration; the status is 3 if what was checked is not well.
///
/// # Errors
/// The configuration is wrong, the database cannot be reached, or the daemon runs where it must not.
pub fn run(args: &DbArgs, out: &mut impl Write) -> anyhow::Result<ExitCode> {
    let settings = &args.config.load()?;
    let state = state_file(settings);
    match &args.what {
        Db::Import(args) => {
            make_data_dir(settings)?;
            import::run(args, &database(settings)?, &state, settings.twitter.budget.post_read, out)?;
        }
        Db::Export(args) => export::run(args, &database(settings)?, &state, out)?,
        Db::Backup(args) => {
            make_data_dir(settings)?;
            let default_folder = settings.data_dir.join("backups");
            backup::backup(args, &database(settings)?, &state, &default_folder, out)?;
        }
        Db::Create => {
            make_data_dir(settings)?;
            let _lock = lock(settings)?;
            create(settings, out)?;
        }
        Db::Restore(args) => {
            let _lock = lock(settings)?;
            backup::put_back(args, &new_database(settings)?, &state, out)?;
        }
        Db::Add(args) => {
            make_data_dir(settings)?;
            add::run(args, &state, out)?;
        }
        Db::Complete(args) => complete::run(args, settings, out)?,
        Db::Cleanup(args) => {
            let _lock = if args.yes { Some(lock(settings)?) } else { None };
            cleanup::run(args, &database(settings)?, out)?;
        }
        Db::Prune(args) => {
            let _lock = if args.apply { Some(lock(settings)?) } else { None };
            make_data_dir(settings)?;
            prune::run(args, settings, &state, out)?;
        }
        Db::Stats(args) => stats::run(args, &database(settings)?, &state, out)?,
        Db::Verify(args) => return Ok(status::of_answer(verify::run(args, settings, out)?, NOT_SO)),
    }
    Ok(ExitCode::SUCCESS)
}

fn create(settings: &Settings, out: &mut impl Write) -> anyhow::Result<()> {
    let database = new_database(settings)?;
    if let Some(schema) = database.schema()? {
        anyhow::bail!(
            "{} is there already, with schema {}: nothing was done",
            database.place(),
            schema.found
        );
    }
    database.open()?;
    writeln!(
        out,
        "{}: made, and empty. The daemon indexes accounts again as they are asked for.",
        database.place()
    )?;
    Ok(())
}

/// The daemon is not running, and does not start before this is dropped.
fn lock(settings: &Settings) -> anyhow::Result<DataLock> {
    DataLock::acquire(&settings.data_dir)
        .context("this needs the data folder for itself: stop the daemon first")
}

fn make_data_dir(settings: &Settings) -> anyhow::Result<()> {
    let path: &Path = &settings.data_dir;
    std::fs::create_dir_all(path)
        .with_context(|| format!("could not make the data folder {}", path.display()))
}
