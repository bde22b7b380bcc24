//! `aotf db complete`: downloads images again of which only the fingerprint is known (imported ones), and
//! stores what the second stage needs of them; then those whose local features are not known, and stores
//! these. Beside a running daemon or without one, as an import.
//!
//! Bounded: a page of images at a time. Resumable: what is done is not found again. What is decoded is
//! decoded in a process of its own (`helpers/complete_worker.rs`).

use std::io::{self, BufRead, BufReader, IsTerminal, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};

use crate::base::ids::ImageId;
use crate::base::roles::Role;
use crate::base::{ErrorChain, Reaction, StopSignal, Timestamp, counted, shown};
use crate::commands::helpers::complete_worker::{Asked, Seen};
use crate::commands::signals::stop_on_signals;
use crate::config::Settings;
use crate::daemon::roles::settings_for;
use crate::domain::posts::ImageState;
use crate::networks;
use crate::store::backfill::{self, BareImage, Completed};
use crate::store::backup::rotate;
use crate::store::{Change, Outcome, Store, StoreError};
use crate::storekeeper;
use crate::storekeeper::open::database;

/// Images that are downloaded at the same time and stored with one commit. Each may be as large as the
/// settings allow, and is in memory until it is decoded.
const PAGE: u32 = 16;

/// A database that is locked, or away, is waited for this often.
const ATTEMPTS: u32 = 30;
const PAUSE: Duration = Duration::from_secs(1);

#[derive(Debug, Args)]
pub struct CompleteArgs {
    /// End after so many images
    #[arg(long, value_name = "N")]
    limit: Option<u64>,
    /// End after this time, such as 8h or 2d
    #[arg(long = "for", value_name = "TIME", value_parser = rotate::length)]
    time: Option<Duration>,
    /// One JSON object
    #[arg(long)]
    json: bool,
}

/// What one run did.
#[derive(Debug, Default, serde::Serialize)]
struct Report {
    images: u64,
    #[serde(flatten)]
    done: Completed,
    /// Could not be had now; the next run asks again.
    failed: u64,
    /// The first reason for that.
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
    /// No image was left that lacks something and that this run had not asked for.
    finished: bool,
    seconds: f64,
}

/// Completes images until none is left, the budget is used up, or a signal comes.
///
/// # Errors
/// The database or the hosts cannot be reached. What was completed before is stored.
pub fn run(args: &CompleteArgs, settings: &Settings, out: &mut dyn Write) -> anyhow::Result<()> {
    let mut store = database(settings)?.open()?;
    let stop = stop_on_signals()?;
    let mut worker = Worker::start(settings)?;
    let style = ProgressStyle::with_template("{spinner} {pos} images  {per_sec}  {msg}  {elapsed}");
    let bar = match io::stderr().is_terminal() {
        true => {
            ProgressBar::new_spinner().with_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()))
        }
        false => ProgressBar::hidden(),
    };
    let start = Instant::now();
    let mut report = Report::default();
    let ended = complete(
        args,
        settings,
        &mut *store,
        &mut worker,
        &stop,
        &mut |report| {
            bar.set_position(report.images);
            let Completed { completed, parts, .. } = report.done;
            bar.set_message(format!("{completed} completed, {parts} with features"));
        },
        &mut report,
    );
    bar.finish_and_clear();
    if report.done.parts > 0 {
        storekeeper::is_behind(&settings.codes_dir())
            .context("the features are stored, but the index of their codes does not know")?;
    }
    report.seconds = start.elapsed().as_secs_f64();
    match args.json {
        true => writeln!(out, "{}", shown::json(&report)?)?,
        false => tell(&report, out)?,
    }
    ended
}

/// What the images lack that are looked for: those without detail come first, and get their features with it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Lacks {
    Detail,
    Parts,
}

fn complete(
    args: &CompleteArgs,
    settings: &Settings,
    store: &mut dyn Store,
    worker: &mut Worker<'_>,
    stop: &StopSignal,
    progress: &mut dyn FnMut(&Report),
    report: &mut Report,
) -> anyhow::Result<()> {
    let start = Instant::now();
    let mut lacks = Lacks::Detail;
    let mut after = ImageId(0);
    while !stop.is_set() && args.time.is_none_or(|time| start.elapsed() < time) {
        let left = args.limit.map_or(u64::MAX, |limit| limit.saturating_sub(report.images));
        let page = u32::try_from(left).unwrap_or(u32::MAX).min(PAGE);
        if page == 0 {
            break;
        }
        let images = patiently(stop, || match lacks {
            Lacks::Detail => store.bare_images(after, page),
            Lacks::Parts => store.images_without_parts(after, page),
        })?;
        let Some(last) = images.last() else {
            if lacks == Lacks::Detail && settings.search.parts {
                (lacks, after) = (Lacks::Parts, ImageId(0));
                continue;
            }
            report.finished = true;
            break;
        };
        after = last.image;
        report.images += u64::try_from(images.len()).unwrap_or(u64::MAX);
        let seen = look_at(settings, worker, &images, report)?;
        let change = match lacks {
            Lacks::Detail => [Change::Complete(seen)],
            Lacks::Parts => [Change::AddParts(seen)],
        };
        let committed = patiently(stop, || store.apply(&change, Timestamp::now()))?;
        for outcome in committed.outcomes {
            if let Outcome::Completed(done) = outcome {
                report.done.add(done);
            }
        }
        progress(report);
    }
    Ok(())
}

/// What is to be stored of these images. What cannot be had now is counted and left out.
fn look_at(
    settings: &Settings,
    worker: &mut Worker<'_>,
    images: &[BareImage],
    report: &mut Report,
) -> anyhow::Result<Vec<(ImageId, backfill::Seen)>> {
    let mut seen = Vec::with_capacity(images.len());
    let (mut ids, mut asked) = (Vec::new(), Vec::new());
    for BareImage { image, account, name } in images {
        match networks::image_called(name, account, settings) {
            Some(listed) => {
                ids.push(*image);
                asked.push(Asked { network: account.network, image: listed });
            }
            // Nobody can be asked for it.
            None => seen.push((*image, backfill::Seen::Gone)),
        }
    }
    for (id, state) in ids.into_iter().zip(worker.look_at(&asked)?) {
        match state {
            ImageState::Fingerprinted(facts) => seen.push((id, backfill::Seen::Picture(facts))),
            ImageState::Lost => seen.push((id, backfill::Seen::Gone)),
            ImageState::Failed { url, why } => {
                report.failed += 1;
                report.why.get_or_insert_with(|| format!("{url}: {why}"));
            }
        }
    }
    Ok(seen)
}

/// Waits for a database that is locked by another program, or away for a moment.
fn patiently<T>(stop: &StopSignal, mut work: impl FnMut() -> Result<T, StoreError>) -> Result<T, StoreError> {
    let mut attempt = 1;
    loop {
        match work() {
            Err(error) if error.reaction() != Reaction::GiveUp && attempt < ATTEMPTS && !stop.wait(PAUSE) => {
                tracing::warn!(error = %ErrorChain(&error), "the database has to wait");
                attempt += 1;
            }
            result => return result,
        }
    }
}

/// The process that downloads and decodes; another one after it died of an image.
struct Worker<'a> {
    settings: &'a Settings,
    process: Process,
}

struct Process {
    child: Child,
    questions: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Worker<'_> {
    fn start(settings: &Settings) -> anyhow::Result<Worker<'_>> {
        Ok(Worker { settings, process: Process::start(settings)? })
    }

    /// What became of each image. One that ends the process is lost.
    fn look_at(&mut self, asked: &[Asked]) -> anyhow::Result<Vec<ImageState>> {
        if let Some(states) = self.ask(asked)? {
            return Ok(states);
        }
        let mut states = Vec::with_capacity(asked.len());
        for one in asked {
            match self.ask(std::slice::from_ref(one))? {
                Some(alone) => states.extend(alone),
                None => states.push(ImageState::Lost),
            }
        }
        Ok(states)
    }

    /// `None` if the process died of it; then there is a new one.
    fn ask(&mut self, asked: &[Asked]) -> anyhow::Result<Option<Vec<ImageState>>> {
        if asked.is_empty() {
            return Ok(Some(Vec::new()));
        }
        match self.process.ask(asked) {
            Ok(Seen::Images(states)) if states.len() == asked.len() => Ok(Some(states)),
            Ok(Seen::Images(_)) => bail!("the process that downloads images answered something else"),
            Ok(Seen::NoNetwork { why }) => {
                bail!("the images' hosts cannot be reached ({why}); run it again to go on")
            }
            Err(error) => {
                tracing::warn!(%error, images = asked.len(), "the process that decodes images has died");
                self.process = Process::start(self.settings)?;
                Ok(None)
            }
        }
    }
}

impl Process {
    fn start(settings: &Settings) -> anyhow::Result<Process> {
        let why = "could not start the process that downloads images";
        let mut child = Command::new("/proc/self/exe")
            .arg("complete-worker")
            // Ctrl-C is for this process, which ends it.
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context(why)?;
        let (Some(questions), Some(answers)) = (child.stdin.take(), child.stdout.take()) else { bail!(why) };
        let mut process = Process { child, questions, answers: BufReader::new(answers) };
        let told = settings_for(Role::Indexing, settings);
        process.write(&told).context(why)?;
        Ok(process)
    }

    fn write(&mut self, line: &impl serde::Serialize) -> io::Result<()> {
        serde_json::to_writer(&mut self.questions, line)?;
        self.questions.write_all(b"\n")?;
        self.questions.flush()
    }

    fn ask(&mut self, asked: &[Asked]) -> io::Result<Seen> {
        self.write(&asked)?;
        let mut line = String::new();
        if self.answers.read_line(&mut line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(serde_json::from_str(&line)?)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may be in the middle of a download. Both fail only where it has ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn tell(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let Report { images, done, failed, why, finished, seconds } = report;
    let Completed { completed, framed, other_fingerprint, parts, other_picture, gone } = done;
    writeln!(out, "{} in {seconds:.1} s", counted(*images, "image"))?;
    let line = |out: &mut dyn Write, count: &u64, what: &str| match count {
        0 => Ok(()),
        count => writeln!(out, "{count:>12}  {what}"),
    };
    line(out, completed, "completed")?;
    line(out, framed, "of these in a border: what it frames is searchable now")?;
    line(
        out,
        other_fingerprint,
        "of these with another fingerprint than computed now: the stored one stays",
    )?;
    line(out, parts, "with features now, by which crops and screenshots of them are found")?;
    line(out, gone, "gone; not asked for again")?;
    line(out, other_picture, "show another picture than was stored; not asked for again")?;
    line(out, failed, "could not be had now; the next run asks again")?;
    if let Some(why) = why {
        writeln!(out, "{:>14}{why}", "")?;
    }
    match (finished, failed) {
        (true, 0) => writeln!(out, "Nothing is left to complete."),
        (true, _) => writeln!(out, "Only what could not be had is left."),
        (false, _) => writeln!(out, "There may be more: run it again to go on."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_report_says_what_is_left() {
        let text = |report: &Report| {
            let mut out = Vec::new();
            tell(report, &mut out).unwrap();
            String::from_utf8(out).unwrap()
        };
        let mut report = Report { images: 3, finished: true, ..Report::default() };
        report.done = Completed { completed: 2, framed: 1, parts: 3, ..Completed::default() };
        let told = text(&report);
        assert!(told.contains("           3  with features now"), "{told}");
        assert!(told.contains("           2  completed\n           1  of these in a border"), "{told}");
        assert!(!told.contains("gone") && told.ends_with("Nothing is left to complete.\n"), "{told}");
        report.failed = 1;
        report.why = Some("https://host/a: status 500".to_owned());
        assert!(text(&report).contains("https://host/a: status 500\nOnly what could not be had"));
        report.finished = false;
        assert!(text(&report).ends_with("run it again to go on.\n"));
    }
}
