//! Collects where every thread of every process is, and appends it to a file. On a thread of its own:
//! the loop only hands the pieces over.

use std::collections::HashSet;
use std::io::{self, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crossbeam_channel as queue;

use crate::base::Timestamp;
use crate::base::ids::ContainerId;
use crate::base::roles::Role;
use crate::proto::control::{StacksWritten, ThreadState};
use crate::telemetry::rotate::{self, Bounds};
use crate::telemetry::{stacks, tasks};

/// How long processes are waited for.
#[derive(Clone, Copy)]
struct Limits {
    /// A process of which nothing was heard by then is written down as silent.
    answer: Duration,
    /// One that has answered reads its symbols, the first time: seconds on a machine that has much
    /// to do. It is waited for as long as it says something in so long.
    quiet: Duration,
    /// In any case the collection ends by then. Whoever asked waits a little longer
    /// (`front/admin.rs`).
    whole: Duration,
}

const LIMITS: Limits =
    Limits { answer: Duration::from_secs(5), quiet: Duration::from_secs(20), whole: Duration::from_secs(60) };
/// Pieces that wait to be put together; a process sends a few.
const CAPACITY: usize = 1024;
const BOUNDS: Bounds = Bounds { max_bytes: 16 << 20, former: 2 };

/// A process that was asked.
pub(super) struct Asked {
    pub(super) container: ContainerId,
    pub(super) role: Role,
    pub(super) pid: u32,
    /// Threads that it was asked about; 0 where it could not be.
    pub(super) threads: usize,
}

/// A collection under way.
#[derive(Debug)]
pub(super) struct Collection {
    pub(super) dump: u64,
    pieces: queue::Sender<Piece>,
}

#[derive(Debug)]
struct Piece {
    from: ContainerId,
    text: String,
    last: bool,
}

impl Collection {
    /// Begins one; `written` is called at its end, from its thread.
    ///
    /// # Errors
    /// When the system has no thread left.
    pub(super) fn start(
        dump: u64,
        path: PathBuf,
        asked: Vec<Asked>,
        written: impl FnOnce(StacksWritten) + Send + 'static,
    ) -> io::Result<Collection> {
        let (pieces, incoming) = queue::bounded(CAPACITY);
        std::thread::Builder::new().name("stacks".to_owned()).spawn(move || {
            // Reading symbols is much code of others; its end must be told in any case.
            let collected = catch_unwind(AssertUnwindSafe(|| put_together(&asked, &incoming, &path, LIMITS)));
            let failed = |why| StacksWritten::Failed { why };
            written(match collected {
                Ok((text, done)) => match write(&path, &text) {
                    Ok(()) => done,
                    Err(error) => failed(format!("could not write {}: {error}", path.display())),
                },
                Err(_) => failed("the stacks could not be read; see logs/errors.log".to_owned()),
            });
        })?;
        Ok(Collection { dump, pieces })
    }

    /// Hands over what a container sent.
    pub(super) fn add(&self, from: ContainerId, text: String, last: bool) {
        // When the collection has ended, the piece came too late.
        let _ = self.pieces.try_send(Piece { from, text, last });
    }
}

fn put_together(
    asked: &[Asked],
    incoming: &queue::Receiver<Piece>,
    path: &Path,
    limits: Limits,
) -> (String, StacksWritten) {
    let end = Instant::now() + limits.whole;
    let own_pid = std::process::id();
    let own = threads_of(own_pid);
    let mut texts: Vec<String> = asked.iter().map(|_| String::new()).collect();
    let mut missing: Vec<ContainerId> =
        asked.iter().filter(|one| one.threads > 0).map(|one| one.container).collect();
    let mut text = format!("==== {}\nroot[{own_pid}]\n", Timestamp::now());
    text.push_str(&stacks::of(&own));
    text.push_str(&tasks::tree());
    // When each is given up. Counted from here: this process had its own symbols to read.
    let mut due: Vec<(ContainerId, Instant)> =
        missing.drain(..).map(|container| (container, Instant::now() + limits.answer)).collect();
    let mut heard = HashSet::new();
    while let Some(next) = due.iter().map(|(_, due)| *due).min() {
        match incoming.recv_deadline(next.min(end)) {
            Ok(piece) => {
                let of = asked.iter().zip(&mut texts).find(|(one, _)| one.container == piece.from);
                if let Some((_, text)) = of {
                    text.push_str(&piece.text);
                    heard.insert(piece.from);
                }
                if piece.last {
                    due.retain(|(container, _)| *container != piece.from);
                }
                for (_, due) in due.iter_mut().filter(|(container, _)| *container == piece.from) {
                    *due = Instant::now() + limits.quiet;
                }
            }
            Err(queue::RecvTimeoutError::Timeout) => {
                let now = Instant::now();
                let (over, waited): (Vec<_>, Vec<_>) =
                    due.into_iter().partition(|(_, due)| *due <= now || end <= now);
                missing.extend(over.into_iter().map(|(container, _)| container));
                due = waited;
            }
            Err(queue::RecvTimeoutError::Disconnected) => break,
        }
    }
    missing.extend(due.into_iter().map(|(container, _)| container));
    let mut silent = Vec::new();
    for (one, said) in asked.iter().zip(texts) {
        let name = format!("{}[{}]", one.role, one.pid);
        text.push_str(&format!("{name}\n{said}"));
        if one.threads == 0 || missing.contains(&one.container) {
            let why =
                if heard.contains(&one.container) { "did not finish in time" } else { "does not answer" };
            text.push_str(&format!("  {why}\n"));
            silent.push(name);
        }
    }
    let threads = own.len() + asked.iter().map(|one| one.threads).sum::<usize>();
    let done = StacksWritten::Done {
        path: path.display().to_string(),
        processes: u32::try_from(asked.len() + 1).unwrap_or(u32::MAX),
        threads: u32::try_from(threads).unwrap_or(u32::MAX),
        silent,
    };
    (text, done)
}

fn write(path: &Path, text: &str) -> io::Result<()> {
    rotate::open(path, BOUNDS)?.write_all(text.as_bytes())
}

/// The threads of a process as the system shows them; none where it has ended.
pub(super) fn threads_of(pid: u32) -> Vec<ThreadState> {
    let Ok(entries) = std::fs::read_dir(format!("/proc/{pid}/task")) else { return Vec::new() };
    let threads = entries.flatten().filter_map(|entry| {
        let tid = entry.file_name().to_str()?.parse().ok()?;
        read_stat(tid, &std::fs::read_to_string(entry.path().join("stat")).ok()?)
    });
    threads.collect()
}

/// `tid (name) S ...`; the 14th and 15th fields are the processor time in hundredths of a second.
fn read_stat(tid: i32, stat: &str) -> Option<ThreadState> {
    let (before, after) = stat.rsplit_once(')')?;
    let (_, name) = before.split_once('(')?;
    let fields: Vec<&str> = after.split_whitespace().collect();
    let ticks = |field: usize| fields.get(field).and_then(|text| text.parse::<u64>().ok());
    Some(ThreadState {
        tid,
        name: name.to_owned(),
        state: fields.first()?.chars().next()?,
        cpu_ms: (ticks(11)? + ticks(12)?).saturating_mul(10),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_are_read_from_the_system() {
        let stat = "7 (a) b) R 1 2 3 4 5 6 7 8 9 10 150 50 13 14";
        let expect = ThreadState { tid: 7, name: "a) b".to_owned(), state: 'R', cpu_ms: 2000 };
        assert_eq!(read_stat(7, stat), Some(expect));
        assert_eq!(read_stat(7, "7 (a"), None);
        let own = rustix::thread::gettid().as_raw_nonzero().get();
        assert!(threads_of(std::process::id()).iter().any(|thread| thread.tid == own));
        assert_eq!(threads_of(u32::MAX), []);
    }

    #[test]
    fn who_reads_symbols_is_waited_for() {
        let asked = |number: u32| Asked {
            container: ContainerId(number),
            role: Role::Listing,
            pid: number,
            threads: 1,
        };
        let (pieces, incoming) = queue::bounded(8);
        let say = |number: u32, text: &str, last| {
            pieces.send(Piece { from: ContainerId(number), text: text.to_owned(), last }).unwrap();
        };
        say(4, "", false);
        let answer = Duration::from_millis(100);
        let limits = Limits { answer, quiet: Duration::from_secs(60), whole: Duration::from_secs(120) };
        let slow = pieces.clone();
        let reader = std::thread::spawn(move || {
            // Long after the other one was given up.
            std::thread::park_timeout(answer * 5);
            slow.send(Piece { from: ContainerId(4), text: "  there\n".to_owned(), last: true }).unwrap();
        });
        let (text, done) = put_together(&[asked(4), asked(5)], &incoming, Path::new("f"), limits);
        reader.join().unwrap();
        assert!(text.contains("listing[4]\n  there\nlisting[5]\n  does not answer\n"), "{text}");
        assert!(matches!(done, StacksWritten::Done { silent, .. } if silent == ["listing[5]"]));
    }

    #[test]
    fn who_does_not_answer_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("logs/stacktrace.log");
        let asked = |number: u32, threads| Asked {
            container: ContainerId(number),
            role: Role::Listing,
            pid: number,
            threads,
        };
        let (told, tells) = queue::bounded(1);
        let written = move |done| told.send(done).unwrap();
        let collection = Collection::start(1, path.clone(), vec![asked(4, 2), asked(5, 0)], written).unwrap();
        collection.add(ContainerId(4), "  thread 1 ".to_owned(), false);
        collection.add(ContainerId(9), "stranger".to_owned(), true);
        collection.add(ContainerId(4), "spins\n".to_owned(), true);
        let StacksWritten::Done { processes, silent, .. } =
            tells.recv_timeout(Duration::from_secs(60)).unwrap()
        else {
            panic!("not written")
        };
        assert_eq!((processes, silent), (3, vec!["listing[5]".to_owned()]));
        let text = std::fs::read_to_string(path).unwrap();
        assert!(text.contains("listing[4]\n  thread 1 spins\nlisting[5]\n  does not answer\n"), "{text}");
    }
}
