//! `aotf db import`, with progress and report, for people.

use std::io::{self, IsTerminal, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};

use super::zone::{ZoneError, zone_or_ask};
use crate::base::{MicroUsd, Timestamp, counted};
use crate::store::import::aotf::{self, ImportError, Progress, Report};
use crate::store::import::aotf_mysql::MySqlOriginal;
use crate::store::import::aotf_sqlite::SqliteOriginal;
use crate::store::import::archive::{self, ArchiveError};
use crate::store::import::original::Original;
use crate::store::state::StateFile;
use crate::store::{Location, StoreError};

/// The progress line is renewed this often.
const RENEW: Duration = Duration::from_millis(200);

/// Characters of the progress bar.
const BAR_WIDTH: usize = 30;

#[derive(Debug, Args)]
pub struct ImportArgs {
    /// Its SQLite file or mysql://USER:PASSWORD@HOST/DATABASE; or the export's folder or zip file
    source: String,
    /// Time zone of the old server's dates, such as Europe/Paris, or local for this machine's;
    /// without it, you are asked. Imported again with another, dates are put right. Not needed for
    /// an export of X
    #[arg(long)]
    zone: Option<String>,
}

/// Why the command failed.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    #[error(transparent)]
    Zone(#[from] ZoneError),
    #[error(transparent)]
    Database(#[from] StoreError),
    #[error(transparent)]
    Import(#[from] ImportError),
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    #[error("could not write the report")]
    Report { source: io::Error },
    #[error("{missing} posts of the original were not stored; please report this")]
    Incomplete { missing: u64 },
}

/// Imports a data export of X, with its report.
fn run_archive(path: &Path, database: &Location, out: &mut dyn Write) -> Result<(), CommandError> {
    let mut store = database.open()?;
    let style = ProgressStyle::with_template("importing [{bar:30}] {percent:>3} %  {pos} posts  {elapsed}");
    let bar = ProgressBar::new(0).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    let report = archive::import(path, &mut *store, Timestamp::now(), &mut |done, all| {
        bar.set_length(all);
        bar.set_position(done);
    });
    bar.finish_and_clear();
    let report = report?;
    let archive::Report { handle, posts, with_images, new_posts, images, missing, unreadable, .. } = &report;
    let mut tell = || {
        writeln!(
            out,
            "@{handle}: {}, {with_images} of them with images; {new_posts} new here",
            counted(*posts, "post")
        )?;
        writeln!(
            out,
            "{}, {missing} not in the export (downloaded later), {unreadable} unreadable",
            counted(*images, "image")
        )?;
        if report.outdated + report.odd > 0 {
            let archive::Report { outdated, odd, .. } = report;
            writeln!(
                out,
                "left out: {outdated} deleted posts and earlier versions, {odd} entries of an unknown form"
            )?;
        }
        Ok(())
    };
    tell().map_err(|source| CommandError::Report { source })
}

/// Imports an AOTF database or an account's data export, and writes the report to `out`. Posts that are known
/// by their ids alone are noted in the state file; what is to be read again costs `post_read` a post. The
/// progress goes to standard error, if that is a terminal.
pub fn run(
    args: &ImportArgs,
    database: &Location,
    state: &Path,
    post_read: MicroUsd,
    out: &mut dyn Write,
) -> Result<(), CommandError> {
    let ImportArgs { source, zone } = args;
    if archive::is_archive(Path::new(source)) {
        return run_archive(Path::new(source), database, out);
    }
    let zone = zone_or_ask(zone.as_deref())?;
    let mut original: Box<dyn Original> = match source.contains("://") {
        true => Box::new(MySqlOriginal::open(source)?),
        false => Box::new(SqliteOriginal::open(Path::new(source))?),
    };
    let mut store = database.open()?;
    let start = Instant::now();
    let terminal = io::stderr().is_terminal();
    let mut renewed = None;
    let report = aotf::import(&mut *original, &zone, &mut *store, Timestamp::now(), &mut |progress| {
        let due = renewed.is_none_or(|last: Instant| last.elapsed() >= RENEW) || progress.permille == 1000;
        if terminal && due {
            renewed = Some(Instant::now());
            eprint!("\r{}", bar(progress));
        }
    })?;
    if terminal {
        eprintln!();
    }
    if !report.wanted.is_empty() {
        StateFile::open(state)?.want_posts(&report.wanted)?;
    }
    tell(&report, post_read, start.elapsed(), out).map_err(|source| CommandError::Report { source })?;
    match report.missing_posts {
        0 => Ok(()),
        missing => Err(CommandError::Incomplete { missing }),
    }
}

fn bar(progress: Progress) -> String {
    let filled = usize::from(progress.permille) * BAR_WIDTH / 1000;
    format!(
        "{} [{}{}] {:3} %  {}",
        if progress.checking { "checking " } else { "importing" },
        "#".repeat(filled),
        " ".repeat(BAR_WIDTH - filled),
        progress.permille / 10,
        counted(progress.posts, "post")
    )
}

fn tell(report: &Report, post_read: MicroUsd, elapsed: Duration, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "{:9}  {:>12}  {:>12}", "", "found", "new here")?;
    for (name, found, new) in [
        ("accounts", report.accounts, report.new_accounts),
        ("posts", report.posts, report.new_posts),
        ("retries", report.retries, report.new_retries),
    ] {
        writeln!(out, "{name:9}  {found:>12}  {new:>12}")?;
    }
    if report.skipped.count > 0 {
        writeln!(out, "{} could not be taken over:", counted(report.skipped.count, "row"))?;
        for example in &report.skipped.examples {
            writeln!(out, "  {example}")?;
        }
    }
    let undated = &report.undated;
    if undated.count > 0 {
        writeln!(out, "accounts with dates that cannot be read: {}", undated.count)?;
        for example in &undated.examples {
            writeln!(out, "  {example}")?;
        }
        let posts = undated.listed_again.values().sum();
        match undated.listed_again.len() {
            0 => writeln!(out, "their cursors can be, so nothing of them is listed again")?,
            count => writeln!(
                out,
                "{count} of them are searched from the start again when they are updated, their {posts} posts at least: \
                 about {}, within the budget; the others' cursors are kept",
                post_read.times(posts)
            )?,
        }
    }
    if !report.wanted.is_empty() {
        let count = report.wanted.len();
        writeln!(
            out,
            "posts known by their ids alone: {count}; the daemon will look them up (a paid read each)"
        )?;
    }
    writeln!(out, "original: {}", report.original)?;
    writeln!(out, "here:     {}", report.here)?;
    let verdict = if report.is_exact() {
        "checked: every fingerprint is the same"
    } else if report.missing_posts == 0 {
        "checked: all posts are here; some were stored before with other fingerprints, which stay"
    } else {
        "checked: posts are missing"
    };
    writeln!(out, "{verdict} ({:.1} s)", elapsed.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::ids::{AccountKey, Network, PostKey};
    use crate::store::RetryRule;
    use crate::store::import::aotf::Skipped;

    #[test]
    fn the_report_says_what_was_found_and_checked() {
        let mut report = Report { accounts: 21, posts: 2003, new_posts: 3, ..Report::default() };
        report.skipped = Skipped { count: 30, examples: vec!["the post 7".to_owned()] };
        let text = |report: &Report| {
            let mut out = Vec::new();
            tell(report, MicroUsd(5_000), Duration::from_millis(1500), &mut out).unwrap();
            String::from_utf8(out).unwrap()
        };
        let found = text(&report);
        assert!(found.contains("posts              2003             3\n"), "{found}");
        assert!(found.contains("30 rows could not be taken over:\n  the post 7\n"), "{found}");
        assert!(found.ends_with("checked: every fingerprint is the same (1.5 s)\n"), "{found}");
        report.undated.count = 2;
        report.undated.examples = vec!["the account 12: search of \"0000-00-00\"".to_owned()];
        let found = text(&report);
        let named =
            "accounts with dates that cannot be read: 2\n  the account 12: search of \"0000-00-00\"\n";
        assert!(found.contains(named) && found.contains("nothing of them is listed again\n"), "{found}");
        report.undated.listed_again.insert(AccountKey::new(Network::Twitter, "12"), 340);
        assert!(text(&report).contains("\n1 of them are searched from the start again"), "{}", text(&report));
        assert!(text(&report).contains("their 340 posts at least: about $1.70,"), "{}", text(&report));
        report.wanted = vec![PostKey::new(Network::Twitter, "1")];
        assert!(text(&report).contains("posts known by their ids alone: 1;"));
        report.here.posts = 1;
        assert!(text(&report).contains("which stay"));
        report.missing_posts = 1;
        assert!(text(&report).contains("posts are missing"));
    }

    #[test]
    fn the_bar_fills() {
        let progress = |permille| bar(Progress { checking: false, permille, posts: 5 });
        assert_eq!(progress(0), format!("importing [{}]   0 %  5 posts", " ".repeat(30)));
        assert_eq!(progress(1000), format!("importing [{}] 100 %  5 posts", "#".repeat(30)));
        assert_eq!(progress(500).matches('#').count(), 15);
    }

    #[test]
    fn an_unknown_zone_is_refused_before_anything_is_opened() {
        let dir = tempfile::tempdir().unwrap();
        let rule = RetryRule { pause: Duration::ZERO, max_attempts: 1 };
        let database = Location::parse("sqlite:aotf.db", dir.path(), rule).unwrap();
        let args = ImportArgs { source: "x.db".to_owned(), zone: Some("Mars/Base".to_owned()) };
        let error = run(&args, &database, &dir.path().join("state.db"), MicroUsd(5_000), &mut Vec::new())
            .unwrap_err();
        assert!(error.to_string().contains("Mars/Base"), "{error}");
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
    }
}
