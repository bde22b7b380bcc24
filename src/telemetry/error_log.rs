//! `logs/errors.log`: what should not happen, with what is needed to find out why. Written by one thread
//! of the root for all processes. A fault that repeats is written once and counted from then on.

use std::collections::HashMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel as queue;

use super::rotate::{self, Bounds};
use crate::base::{ErrorChain, Shown, Timestamp};
use crate::proto::control::Fault;

const BOUNDS: Bounds = Bounds { max_bytes: 4 << 20, former: 4 };
/// Faults that wait to be written; more are lost, which is counted.
const CAPACITY: usize = 256;
/// Different faults that are told apart; beyond it, counting begins anew.
const MAX_KINDS: usize = 500;
/// How often counts are written.
const COUNT_PERIOD: Duration = Duration::from_secs(600);

/// The way in. Clones share it; the thread ends with the last one.
#[derive(Clone, Debug)]
pub struct ErrorLog(queue::Sender<(Arc<str>, Fault)>);

impl ErrorLog {
    /// Starts the thread that writes `errors.log` in this folder.
    ///
    /// # Errors
    /// When the system has no thread left.
    pub fn start(folder: &Path) -> std::io::Result<ErrorLog> {
        let (sender, faults) = queue::bounded(CAPACITY);
        let path = folder.join("errors.log");
        std::thread::Builder::new().name("error-log".to_owned()).spawn(move || write(path, &faults))?;
        Ok(ErrorLog(sender))
    }

    /// Records a fault of a process, `role[pid]`. Never blocks: a flood of faults loses some.
    pub fn record(&self, source: impl Into<Arc<str>>, fault: Fault) {
        let _ = self.0.try_send((source.into(), fault));
    }
}

fn write(path: PathBuf, faults: &queue::Receiver<(Arc<str>, Fault)>) {
    let mut kinds = Kinds::default();
    let mut next_count = Instant::now() + COUNT_PERIOD;
    loop {
        let text = match faults.recv_deadline(next_count) {
            Ok((source, fault)) => kinds.tell(&source, &fault, Timestamp::now()),
            Err(queue::RecvTimeoutError::Timeout) => {
                next_count = Instant::now() + COUNT_PERIOD;
                kinds.tell_counts(Timestamp::now())
            }
            Err(queue::RecvTimeoutError::Disconnected) => {
                append(&path, &kinds.tell_counts(Timestamp::now()));
                return;
            }
        };
        append(&path, &text);
    }
}

fn append(path: &Path, text: &str) {
    if text.is_empty() {
        return;
    }
    let written = rotate::open(path, BOUNDS).and_then(|mut file| file.write_all(text.as_bytes()));
    if let Err(error) = written {
        // Not an error event: that would come back here.
        tracing::warn!(error = %ErrorChain(&error), path = %path.display(), "the error log cannot be written");
    }
}

/// What was seen, and how often since it was last told. Pure.
#[derive(Default)]
struct Kinds(HashMap<(String, String, String), Kind>);

struct Kind {
    repeats: u64,
    told: u64,
}

impl Kinds {
    /// The text for a fault: all of it the first time, nothing later.
    fn tell(&mut self, source: &str, fault: &Fault, now: Timestamp) -> String {
        let role = source.split('[').next().unwrap_or_default();
        let key = (role.to_owned(), fault.place.clone(), without_numbers(&fault.what));
        if let Some(kind) = self.0.get_mut(&key) {
            kind.repeats += 1;
            return String::new();
        }
        let mut text = String::new();
        if self.0.len() >= MAX_KINDS {
            text = self.tell_counts(now);
            self.0.clear();
        }
        self.0.insert(key, Kind { repeats: 0, told: 0 });
        text.push_str(&format!("{now} {source} thread={}", Shown(&fault.thread)));
        if let Some(work) = &fault.work {
            text.push_str(&format!(" work={work:?}"));
        }
        text.push_str(&format!("\n  {}\n  at {}\n", Shown(&fault.what), fault.place));
        for line in fault.trace.lines() {
            text.push_str(&format!("  {}\n", Shown(line)));
        }
        text
    }

    /// One line for each fault that repeated since the last time.
    fn tell_counts(&mut self, now: Timestamp) -> String {
        let mut text = String::new();
        for ((role, place, what), kind) in &mut self.0 {
            if kind.repeats > kind.told {
                let count = kind.repeats;
                text.push_str(&format!(
                    "{now} {role} repeated {count} times so far, at {place}: {}\n",
                    Shown(what)
                ));
                kind.told = count;
            }
        }
        text
    }
}

/// Two errors that differ in a number are one.
fn without_numbers(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    for c in text.chars() {
        let c = if c.is_ascii_digit() { '#' } else { c };
        if c != '#' || !kept.ends_with('#') {
            kept.push(c);
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(what: &str) -> Fault {
        Fault {
            thread: "indexing-0".into(),
            work: Some("index 8 posts of @jane".into()),
            what: what.into(),
            place: "src/a.rs:7".into(),
            trace: "0: main".into(),
        }
    }

    #[test]
    fn the_thousandth_repeat_is_counted_not_written() {
        let mut kinds = Kinds::default();
        let first = kinds.tell("indexing[1]", &fault("post 17 is strange"), Timestamp(0));
        for part in ["indexing[1]", "indexing-0", "@jane", "post 17", "src/a.rs:7", "0: main"] {
            assert!(first.contains(part), "{first}");
        }
        for number in 0..1000 {
            let again = kinds.tell("indexing[2]", &fault(&format!("post {number} is strange")), Timestamp(0));
            assert_eq!(again, "");
        }
        assert_ne!(kinds.tell("listing[3]", &fault("post 17 is strange"), Timestamp(0)), "");
        let counts = kinds.tell_counts(Timestamp(0));
        assert_eq!(counts.lines().count(), 1);
        assert!(counts.contains("repeated 1000 times"), "{counts}");
        assert_eq!(kinds.tell_counts(Timestamp(0)), "");
    }

    #[test]
    fn kinds_are_bounded() {
        let mut kinds = Kinds::default();
        for number in 0..2 * MAX_KINDS {
            let name: String =
                number.to_string().bytes().map(|digit| (digit + b'A' - b'0') as char).collect();
            assert_ne!(kinds.tell("x[1]", &fault(&name), Timestamp(0)), "");
            assert!(kinds.0.len() <= MAX_KINDS);
        }
    }

    #[test]
    fn what_is_recorded_is_in_the_file() {
        let dir = tempfile::tempdir().unwrap();
        let log = ErrorLog::start(&dir.path().join("logs")).unwrap();
        log.record("front[9]", fault("odd"));
        let path = dir.path().join("logs/errors.log");
        let deadline = Instant::now() + Duration::from_secs(60);
        while !std::fs::read_to_string(&path).is_ok_and(|text| text.contains("front[9]")) {
            assert!(Instant::now() < deadline, "nothing was written");
            std::thread::yield_now();
        }
    }
}
