//! `aotf db ...`: taking over, keeping and caring for the database.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use clap::Subcommand;

use crate::base::Timestamp;
use crate::base::ids::AccountKey;
use crate::config::Settings;
use crate::store::backup::rotate;
use crate::store::integrity::{self, Finding, Stats};
use crate::storekeeper::open::database;
use crate::supervisor::DataLock;

mod add;
mod backup;
mod complete;
mod import;
mod prune;
mod verify;

#[derive(Debug, Subcommand)]
pub enum Db {
    /// Take over the database of an Artists on Twitter Finder of 2022, also while its server is running,
    /// or an account's data export from X; may be repeated
    Import {
        /// Its SQLite file or mysql://USER:PASSWORD@HOST/DATABASE; or the export's folder or zip file
        source: String,
        /// Time zone of the old server's dates, such as Europe/Paris (default: this machine's)
        #[arg(long)]
        zone: Option<String>,
    },
    /// Write the database as an Artists on Twitter Finder of 2022 would have: a new SQLite file
    Export {
        file: PathBuf,
        /// Time zone of the dates in it (default: this machine's)
        #[arg(long)]
        zone: Option<String>,
    },
    /// Write a backup, also while the daemon is running
    Backup {
        /// The folder in which the backup's own folder is made (default: backups/ of the data folder)
        dir: Option<PathBuf>,
        /// Afterwards remove backups older than this, such as 6w, 30d or 12h; the newest always stays
        #[arg(long, value_name = "TIME", value_parser = rotate::length)]
        keep: Option<Duration>,
    },
    /// Put a backup back into the database of the configuration, which must be empty; any engine will do
    Restore { backup: PathBuf },
    /// Download images again of which only the fingerprint is known (imported ones), for what tells copies from
    /// look-alikes; also while the daemon is running. Costs nothing, and may be stopped and run again
    Complete(complete::CompleteArgs),
    /// Note posts of X of any account, by address or number: the daemon looks them up and indexes them (a paid read
    /// each); also while it is running
    Add(add::AddArgs),
    /// Show what refers to nothing any more, and remove it with --yes (then the daemon must not run)
    Cleanup {
        #[arg(long, visible_alias = "apply")]
        yes: bool,
    },
    /// Show accounts that their networks no longer have or that the blocklist names, and remove them with all
    /// their posts with --apply (then the daemon must not run)
    Prune(prune::PruneArgs),
    /// Figures: the biggest accounts, the oldest updates, retries, growth
    Stats {
        #[arg(long)]
        json: bool,
    },
    /// Check the database and the fingerprint index against each other; or, of a backup, that it is whole.
    /// The status is 0 if all is well, 3 if not
    Verify {
        /// A backup's folder (default: the database of the configuration)
        backup: Option<PathBuf>,
        /// One JSON object (not of backups)
        #[arg(long, conflicts_with = "backup")]
        json: bool,
    },
}

/// Runs a command on the database of these settings; false if what was checked is not well.
pub fn run(command: &Db, settings: &Settings, out: &mut impl Write) -> anyhow::Result<bool> {
    let state = settings.data_dir.join("state.db");
    match command {
        Db::Import { source, zone } => {
            make_data_dir(settings)?;
            import::run(source, zone.as_deref(), &database(settings)?, &state, out)?;
        }
        Db::Export { file, zone } => {
            import::run_export(file, zone.as_deref(), &database(settings)?, out)?;
        }
        Db::Backup { dir, keep } => {
            let folder = dir.clone().unwrap_or_else(|| settings.data_dir.join("backups"));
            make_data_dir(settings)?;
            backup::backup(&database(settings)?, &state, &folder, *keep, out)?;
        }
        Db::Restore { backup } => {
            let _lock = lock(settings)?;
            backup::put_back(backup, &database(settings)?, &state, out)?;
        }
        Db::Add(args) => {
            make_data_dir(settings)?;
            add::add(args, &state, out)?;
        }
        Db::Complete(args) => complete::run(args, settings, out)?,
        Db::Cleanup { yes } => {
            let _lock = if *yes { Some(lock(settings)?) } else { None };
            let found = integrity::clean_up(&database(settings)?, *yes, Timestamp::now())?;
            tell_cleanup(&found, *yes, out)?;
        }
        Db::Prune(args) => {
            let _lock = if args.apply { Some(lock(settings)?) } else { None };
            make_data_dir(settings)?;
            prune::prune(args, settings, &state, out)?;
        }
        Db::Stats { json } => {
            let stats = integrity::stats(&database(settings)?, &state)?;
            match json {
                true => writeln!(out, "{}", serde_json::to_string(&stats)?)?,
                false => tell_stats(&stats, out)?,
            }
        }
        Db::Verify { backup: Some(backup), .. } => backup::check(backup, out)?,
        Db::Verify { backup: None, json } => {
            let database = database(settings)?;
            let wrong = integrity::check_references(&database)?;
            if !json {
                tell_references(&wrong, out)?;
            }
            let index = verify::verify(&database, &settings.index_dir(), &wrong, *json, out)?;
            return Ok(index && wrong.is_empty());
        }
    }
    Ok(true)
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

fn tell_references(wrong: &[Finding], out: &mut impl Write) -> io::Result<()> {
    if wrong.is_empty() {
        return writeln!(out, "database: every row refers to what is there");
    }
    writeln!(out, "database:")?;
    for Finding { about, rows, removable } in wrong {
        let what = if *removable { "`aotf db cleanup` removes them" } else { "put a backup back" };
        writeln!(out, "  {rows:>12}  {about} ({what})")?;
    }
    Ok(())
}

fn tell_cleanup(found: &[Finding], done: bool, out: &mut impl Write) -> io::Result<()> {
    if found.is_empty() {
        return writeln!(out, "There is nothing to clean up.");
    }
    for Finding { about, rows, .. } in found {
        writeln!(out, "{rows:>12}  {about}")?;
    }
    match done {
        true => writeln!(out, "Removed."),
        false => writeln!(out, "Nothing was changed; --yes removes this."),
    }
}

fn tell_stats(stats: &Stats, out: &mut impl Write) -> io::Result<()> {
    let Stats { accounts, posts, images, retries, lost_images, given_up, wanted, wanted_given_up, .. } =
        stats;
    writeln!(
        out,
        "{accounts} accounts, {posts} posts, {images} images ({lost_images} without a fingerprint)"
    )?;
    let list = |out: &mut dyn Write, title: &str, lines: Vec<(String, String)>| -> io::Result<()> {
        if lines.is_empty() {
            return Ok(());
        }
        writeln!(out, "\n{title}")?;
        lines.iter().try_for_each(|(name, value)| writeln!(out, "  {name:<32}{value:>24}"))
    };
    let sizes = |(key, posts): &(AccountKey, u64)| (format!("{key}"), posts.to_string());
    list(out, "Most posts", stats.biggest.iter().map(sizes).collect())?;
    let dates = |(key, moment): &(AccountKey, Timestamp)| (format!("{key}"), moment.to_rfc3339());
    list(out, "Listed longest ago", stats.oldest.iter().map(dates).collect())?;
    let days = |(day, posts): &(Timestamp, u64)| {
        let day: String = day.to_rfc3339().chars().take(10).collect();
        (day, posts.to_string())
    };
    list(out, "Posts stored per day", stats.growth.iter().map(days).collect())?;
    let attempts = |(attempts, posts): &(u64, u64)| (format!("after {attempts} attempts"), posts.to_string());
    let title = format!("Retries: {retries}, of which {given_up} were given up");
    list(out, &title, stats.retries_by_attempts.iter().map(attempts).collect())?;
    if *wanted > 0 {
        writeln!(out, "\nPosts to be looked up: {wanted}, of which {wanted_given_up} were given up")?;
    }
    Ok(())
}
