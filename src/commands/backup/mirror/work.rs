//! Carries a plan out: several files at a time, ended at any moment, never leaving half a file under a
//! backup's name.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use indicatif::{ProgressBar, ProgressStyle};
use opendal::{ErrorKind, Operator};
use tokio::io::AsyncReadExt;
use tokio::sync::Notify;

use super::plan::{Local, LocalFile, PARTIAL, Plan, Remote, RemoteFile, is_data};
use super::target::Target;
use super::whole;
use crate::base::StopSignal;

/// Sent at a time. The smallest part that S3 takes is 5 MiB.
const CHUNK: usize = 8 << 20;

/// A file that failed is tried so often.
const ATTEMPTS: u32 = 3;

/// Between two attempts.
const PAUSE: Duration = Duration::from_secs(1);

/// One command of the other side takes no longer.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(120);

/// A file that is sent with one command gets a second for so many bytes.
const SLOWEST: u64 = 50_000;

/// What became of it.
pub enum Outcome {
    Unreachable(String),
    Stopped { left: usize },
    Done { sent: usize, bytes: u64, removed: usize, failed: Vec<(String, String)>, seconds: f64 },
}

/// What the workers share.
struct Shared {
    operator: Operator,
    /// High before low.
    queue: Mutex<VecDeque<(String, LocalFile)>>,
    failed: Mutex<Vec<(String, String)>>,
    sent: Mutex<(usize, u64)>,
    /// Files that are still to be sent.
    left: Arc<AtomicUsize>,
    bar: ProgressBar,
}

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Compares both sides and brings the target in step with `local`.
pub async fn run(local: &Local, target: &Target, workers: u16, stop: &StopSignal) -> Outcome {
    let begun = Instant::now();
    let stopped = Arc::new(Notify::new());
    let notify = Arc::clone(&stopped);
    stop.when_set(move || notify.notify_one());
    let left = Arc::new(AtomicUsize::new(local.len()));
    let work = async {
        let (remote, partial) = match remote_files(&target.operator).await {
            Ok(found) => found,
            Err(error) => return Outcome::Unreachable(error),
        };
        let plan = Plan::new(local, &remote);
        // What an earlier run was stopped at.
        for path in partial {
            let _ = command(target.operator.delete(&path)).await;
        }
        left.store(plan.high.len() + plan.low.len(), Ordering::Relaxed);
        let total = plan.high.iter().chain(&plan.low).map(|(_, file)| file.size).sum();
        let style = ProgressStyle::with_template(
            "{prefix} [{bar:30}] {bytes}/{total_bytes}  {binary_bytes_per_sec}  {msg}",
        );
        let bar = ProgressBar::new(total).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        bar.set_prefix("sending");
        bar.enable_steady_tick(Duration::from_millis(200));
        let shared = Arc::new(Shared {
            operator: target.operator.clone(),
            queue: Mutex::new(plan.high.into_iter().chain(plan.low).collect()),
            failed: Mutex::default(),
            sent: Mutex::default(),
            left: Arc::clone(&left),
            bar,
        });
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..workers {
            tasks.spawn(work_off(Arc::clone(&shared)));
        }
        while tasks.join_next().await.is_some() {}
        shared.bar.finish_and_clear();
        let mut failed = std::mem::take(&mut *locked(&shared.failed));
        let mut removed = 0;
        // Only when everything is there: what is removed here may be all that the other side has.
        if failed.is_empty() {
            for path in plan.remove {
                match command(target.operator.delete(&path)).await {
                    Ok(()) => removed += 1,
                    Err(error) => failed.push((path, error)),
                }
            }
        }
        let (sent, bytes) = *locked(&shared.sent);
        Outcome::Done { sent, bytes, removed, failed, seconds: begun.elapsed().as_secs_f64() }
    };
    // Dropped when it is stopped, and the workers with it: what they are at stays under another name.
    tokio::select! {
        outcome = work => outcome,
        () = stopped.notified() => Outcome::Stopped { left: left.load(Ordering::Relaxed) },
    }
}

/// The finished files on the other side, and what was left unfinished.
async fn remote_files(operator: &Operator) -> Result<(Remote, Vec<String>), String> {
    let (mut files, mut partial) = (Remote::new(), Vec::new());
    let mut folders = VecDeque::from(["/".to_owned()]);
    while let Some(folder) = folders.pop_front() {
        let entries = match tokio::time::timeout(COMMAND_TIMEOUT, operator.list(&folder)).await {
            Ok(Ok(entries)) => entries,
            Ok(Err(error)) if error.kind() == ErrorKind::NotFound => continue,
            Ok(Err(error)) => return Err(error.to_string()),
            Err(_) => return Err("no answer".to_owned()),
        };
        for entry in entries {
            let path = entry.path().trim_start_matches('/').to_owned();
            if entry.metadata().is_dir() {
                // A folder lists itself on some services. Others than backups are not ours to look into.
                if path.starts_with("aotf-") && format!("/{path}") != folder && path != folder {
                    folders.push_back(path);
                }
            } else if is_partial(&path) {
                partial.push(path);
            } else {
                let mut facts = entry.metadata().clone();
                if facts.content_length() == 0 {
                    facts = command(operator.stat(&path)).await?;
                }
                let modified = facts.last_modified().map(SystemTime::from);
                files.insert(path, RemoteFile { size: facts.content_length(), modified });
            }
        }
    }
    Ok((files, partial))
}

/// Our name for what is unfinished, or that of OpenDAL's FTP (`posts.zst.bryIt2Fn`, outside of the folder).
fn is_partial(path: &str) -> bool {
    let random = |end: &str| end.len() == 8 && end.bytes().all(|byte| byte.is_ascii_alphanumeric());
    path.ends_with(PARTIAL)
        || path.rsplit_once('.').is_some_and(|(name, end)| {
            random(end) && (name.ends_with(".zst") || name.ends_with("manifest.json"))
        })
}

async fn work_off(shared: Arc<Shared>) {
    loop {
        let next = locked(&shared.queue).pop_front();
        let Some((path, file)) = next else { return };
        shared.bar.set_message(path.clone());
        let mut result = Ok(());
        for attempt in 0..ATTEMPTS {
            if attempt > 0 {
                tokio::time::sleep(PAUSE).await;
            }
            result = send(&shared, &path, &file).await;
            if result.is_ok() {
                break;
            }
        }
        match result {
            Ok(()) => {
                let mut sent = locked(&shared.sent);
                *sent = (sent.0 + 1, sent.1 + file.size);
                shared.left.fetch_sub(1, Ordering::Relaxed);
            }
            Err(error) => locked(&shared.failed).push((path, error)),
        }
    }
}

/// Sends one file. Under another name first where the service can rename; S3 shows nothing before the
/// end, and OpenDAL's FTP renames by itself.
async fn send(shared: &Shared, path: &str, local: &LocalFile) -> Result<(), String> {
    let renames = shared.operator.info().capability().rename;
    let first = if renames { format!("{path}{PARTIAL}") } else { path.to_owned() };
    match shared.operator.info().capability().write_can_multi {
        true => send_in_chunks(shared, &first, local).await?,
        false => send_whole(shared, &first, path, local).await?,
    }
    // Whatever the service has said of it.
    let arrived = command(shared.operator.stat(&first)).await?.content_length();
    if arrived != local.size {
        let _ = command(shared.operator.delete(&first)).await;
        return Err(format!("{arrived} of {} bytes arrived", local.size));
    }
    if renames {
        // Some services do not rename over what is there: a file of another size, from a broken run.
        if command(shared.operator.exists(path)).await? {
            command(shared.operator.delete(path)).await?;
        }
        command(shared.operator.rename(&first, path)).await?;
    }
    Ok(())
}

async fn send_in_chunks(shared: &Shared, name: &str, local: &LocalFile) -> Result<(), String> {
    let file = tokio::fs::File::open(&local.place).await.map_err(|error| error.to_string())?;
    // A log may grow meanwhile; the rest of it is for the next time.
    let mut file = file.take(local.size);
    let mut writer = command(shared.operator.writer_with(name).chunk(CHUNK)).await?;
    loop {
        let mut chunk = Vec::with_capacity(CHUNK);
        let limit = u64::try_from(CHUNK).unwrap_or(u64::MAX);
        let read =
            (&mut file).take(limit).read_to_end(&mut chunk).await.map_err(|error| error.to_string())?;
        if read == 0 {
            break;
        }
        command(writer.write(chunk)).await?;
        shared.bar.inc(u64::try_from(read).unwrap_or(0));
    }
    command(writer.close()).await.map(|_| ())
}

/// With one command, which may take as long as a slow line needs.
async fn send_whole(shared: &Shared, name: &str, path: &str, local: &LocalFile) -> Result<(), String> {
    let bytes = if is_data(path) { whole::read(local) } else { whole::map(local) };
    let bytes = bytes.map_err(|error| error.to_string())?;
    let limit = COMMAND_TIMEOUT + Duration::from_secs(local.size / SLOWEST);
    in_time(limit, shared.operator.write(name, bytes)).await?;
    shared.bar.inc(local.size);
    Ok(())
}

/// One command of the other side, with a deadline.
async fn command<T>(work: impl IntoFuture<Output = opendal::Result<T>>) -> Result<T, String> {
    in_time(COMMAND_TIMEOUT, work).await
}

async fn in_time<T>(
    limit: Duration,
    work: impl IntoFuture<Output = opendal::Result<T>>,
) -> Result<T, String> {
    match tokio::time::timeout(limit, work).await {
        Ok(done) => done.map_err(|error| error.to_string()),
        Err(_) => Err(format!("no answer within {} s", limit.as_secs())),
    }
}
