//! `aotf db backup`, `restore` and `verify`, for people.

use std::io::{self, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use crate::base::Timestamp;
use crate::store::Location;
use crate::store::backup::{BackupError, Manifest, restore, rotate, verify, write};

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

/// Makes a backup within `folder`, then removes those older than `keep`.
pub fn backup(
    location: &Location,
    state: &Path,
    folder: &Path,
    keep: Option<Duration>,
    out: &mut dyn Write,
) -> Result<(), CommandError> {
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
    for old in keep.map(|keep| rotate::rotate(folder, keep, now)).transpose()?.unwrap_or_default() {
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
    folder: &Path,
    location: &Location,
    state: &Path,
    out: &mut dyn Write,
) -> Result<(), CommandError> {
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
        "{} accounts, {} posts, {} images, {} retries; {:.1} MB ({:.1} s)",
        extent.accounts,
        extent.posts,
        extent.images,
        extent.retries,
        bytes as f64 / 1e6,
        elapsed.as_secs_f64()
    )
}
