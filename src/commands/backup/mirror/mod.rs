//! `aotf backup mirror`: keeps a folder elsewhere in step with the backups and, if asked, with the logs.
//!
//! `target.rs` says where, `plan.rs` decides what is to be done (pure), `work.rs` does it, `whole.rs` reads
//! files for services that want them in one piece.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail};
use clap::Args;

use self::work::Outcome;
use crate::base::counted;
use crate::commands::signals::stop_on_signals;
use crate::config::text_file;

mod plan;
mod target;
mod whole;
mod work;

/// While watching, the local folder is looked at this often.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// While watching, the other side is compared again after this at the latest, since others may change it.
const COMPARE_EVERY: Duration = Duration::from_secs(600);

#[derive(Debug, Args)]
pub struct MirrorArgs {
    /// ftp://, ftps://, sftp://, webdav://, webdavs://USER:PASSWORD@HOST/FOLDER, s3://BUCKET/FOLDER, or a
    /// folder
    #[arg(required_unless_present = "target_file")]
    target: Option<String>,
    /// A file that holds the target, which then shows in no list of processes
    #[arg(long, value_name = "FILE", conflicts_with = "target")]
    target_file: Option<PathBuf>,
    /// The backups (default: backups/ of the data folder)
    #[arg(long, value_name = "DIR")]
    source: Option<PathBuf>,
    /// Also the logs of the data folder, with the results log: into `aotf-data/logs`
    #[arg(long)]
    logs: bool,
    /// Files that are sent at the same time
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=64))]
    workers: u16,
    /// Stay, and send new backups as they are made
    #[arg(long)]
    watch: bool,
}

/// A target is a line; anything longer is the wrong file.
const MAX_TARGET_BYTES: u64 = 64 * 1024;

/// Brings the target in step; with `--watch`, until a signal comes. True if everything is in step.
pub fn run(args: &MirrorArgs, data_dir: &Path, out: &mut impl Write) -> anyhow::Result<bool> {
    let target = match (&args.target, &args.target_file) {
        (Some(target), _) => target.clone(),
        (None, Some(file)) => text_file::read_or_stdin(file, MAX_TARGET_BYTES)
            .with_context(|| format!("could not read {}", file.display()))?
            .trim()
            .to_owned(),
        (None, None) => bail!("no target"),
    };
    let source = args.source.clone().unwrap_or_else(|| data_dir.join("backups"));
    let target = target::Target::open(&target)?;
    let stop = stop_on_signals()?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .context("could not prepare the runtime")?;
    let mut seen = None;
    loop {
        let mut local = plan::backups(&source)
            .with_context(|| format!("could not read the backups in {}", source.display()))?;
        if args.logs {
            let logs = plan::logs(data_dir);
            local.extend(logs.with_context(|| format!("could not read the logs in {}", data_dir.display()))?);
        }
        if seen.as_ref().is_none_or(|(files, at): &(_, std::time::Instant)| {
            *files != local || at.elapsed() > COMPARE_EVERY
        }) {
            let outcome = runtime.block_on(work::run(&local, &target, args.workers, &stop));
            let in_step = tell(&outcome, &target.place, out)?;
            if !args.watch || stop.is_set() {
                runtime.shutdown_background();
                return Ok(in_step);
            }
            // What failed is tried again at the next look.
            seen = in_step.then(|| (local, std::time::Instant::now()));
        }
        if stop.wait(LOOK_EVERY) {
            return Ok(true);
        }
    }
}

fn tell(outcome: &Outcome, place: &str, out: &mut impl Write) -> anyhow::Result<bool> {
    match outcome {
        Outcome::Unreachable(error) => writeln!(out, "{place} cannot be reached: {error}")?,
        Outcome::Stopped { left } => {
            writeln!(
                out,
                "Stopped, with {} left to be sent. Run it again to go on.",
                counted(*left, "file")
            )?;
        }
        Outcome::Done { sent, bytes, removed, failed, seconds } => {
            for (name, error) in failed {
                writeln!(out, "{name}: {error}")?;
            }
            let megabytes = *bytes as f64 / 1e6;
            writeln!(
                out,
                "{} sent ({megabytes:.1} MB in {seconds:.1} s), {removed} removed",
                counted(*sent, "file")
            )?;
            if !failed.is_empty() {
                writeln!(
                    out,
                    "{} failed; nothing was removed. Run it again.",
                    counted(failed.len(), "file")
                )?;
            }
            return Ok(failed.is_empty());
        }
    }
    Ok(false)
}
