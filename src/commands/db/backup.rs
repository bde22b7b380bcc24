//! `aotf db backup` and `aotf db restore`, and the check of a backup, for people.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};

use crate::base::{Timestamp, counted};
use crate::store::Location;
use crate::store::backup::{BackupError, Manifest, restore, rotate, verify, write};

#[derive(Debug, Args)]
pub struct BackupArgs {
    /// The folder in which the backup's own folder is made (default: backups/ of the data folder)
    dir: Option<PathBuf>,
    /// Afterwards remove backups older than this, such as 6w, 30d or 12h; the newest always stays
    #[arg(long, value_name = "TIME", value_parser = rotate::length)]
    keep: Option<Duration>,
}

#[derive(Debug, Args)]
pub struct RestoreArgs {
    backup: PathBuf,
}

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    #[error(transparent)]
    Backup(#[from] BackupError),
    #[error("could not write the report")]
    Report(#[from] io::Error),
}

/// A bar on the terminal, if there is one.
fn bar() -> ProgressBar {
    let style = ProgressStyle::with_template("{prefix:10} [{bar:30}] {percent:>3} %  {pos} rows  {elapsed}");
    ProgressBar::new(0).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

fn show(bar: &ProgressBar, what: &str, done: u64, total: u64) {
    bar.set_prefix(what.trim_end_matches(".zst").to_owned());
    bar.set_length(total.max(done));
    bar.set_position(done);
}

/// Makes a backup, within `default_folder` if no other is named, then removes old ones if that was asked for.
pub fn backup(
    args: &BackupArgs,
    location: &Location,
    state: &Path,
    default_folder: &Path,
    out: &mut dyn Write,
) -> Result<(), CommandError> {
    let folder = args.dir.as_deref().unwrap_or(default_folder);
    let start = Instant::now();
    let bar = bar();
    let now = Timestamp::now();
    let made =
        write::write(location, state, folder, now, &mut |what, done, total| show(&bar, what, done, total));
    bar.finish_and_clear();
    let made = made?;
    let manifest = verify::manifest(&made)?;
    writeln!(out, "{}", made.display())?;
    tell(&manifest, start.elapsed(), out)?;
    for old in args.keep.map(|keep| rotate::rotate(folder, keep, now)).transpose()?.unwrap_or_default() {
        writeln!(out, "removed: {}", old.display())?;
    }
    Ok(())
}

/// Reads a backup from beginning to end and says whether it is whole.
pub fn check(folder: &Path, out: &mut dyn Write) -> Result<(), CommandError> {
    let start = Instant::now();
    let bar = bar();
    let manifest = verify::verify(folder, &mut |what, done, total| show(&bar, what, done, total));
    bar.finish_and_clear();
    let manifest = manifest?;
    writeln!(out, "{}: whole, of {}", folder.display(), manifest.created_at)?;
    tell(&manifest, start.elapsed(), out)?;
    Ok(())
}

/// Puts a backup back into the database of the configuration, which is empty.
pub fn put_back(
    args: &RestoreArgs,
    location: &Location,
    state: &Path,
    out: &mut dyn Write,
) -> Result<(), CommandError> {
    let folder = &args.backup;
    let start = Instant::now();
    let bar = bar();
    let manifest =
        restore::restore(folder, location, state, &mut |what, done, total| show(&bar, what, done, total));
    bar.finish_and_clear();
    let manifest = manifest?;
    writeln!(out, "{}: put back into {}", folder.display(), location.place())?;
    tell(&manifest, start.elapsed(), out)?;
    Ok(())
}

fn tell(manifest: &Manifest, elapsed: Duration, out: &mut dyn Write) -> io::Result<()> {
    let extent = &manifest.extent;
    let bytes: u64 = manifest.files.iter().map(|file| file.bytes).sum();
    writeln!(
        out,
        "{}, {}, {}, {}; {:.1} MB ({:.1} s)",
        counted(extent.accounts, "account"),
        counted(extent.posts, "post"),
        counted(extent.images, "image"),
        counted(extent.retries, "retry"),
        bytes as f64 / 1e6,
        elapsed.as_secs_f64()
    )
}
