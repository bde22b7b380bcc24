//! The call stacks of running threads, also of those that spin or block: each is interrupted by a signal and
//! notes its own return addresses; their names are looked up afterwards, on the thread that asked.

#![expect(unsafe_code, reason = "handles signals, and reads the stack through its frames")]

use std::sync::atomic::{AtomicBool, AtomicI32, AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use crate::proto::control::ThreadState;

/// The signal that interrupts. Nothing else uses it.
const SIGNAL: i32 = libc::SIGUSR2;
/// Deeper calls are cut off.
const MAX_FRAMES: usize = 128;
/// A thread that has not answered by then does not get to run: it is stopped, or waits for the disk.
const ANSWER_LIMIT: Duration = Duration::from_millis(500);

/// Where an interrupted thread writes. Of fixed size, made before it is needed: a signal handler may
/// neither allocate nor wait.
static WANTED: AtomicI32 = AtomicI32::new(0);
static FRAMES: [AtomicUsize; MAX_FRAMES] = [const { AtomicUsize::new(0) }; MAX_FRAMES];
static DEPTH: AtomicUsize = AtomicUsize::new(0);
static DONE: AtomicBool = AtomicBool::new(false);
/// One thread at a time asks.
static ASKING: Mutex<()> = Mutex::new(());

/// Makes this process ready to be asked.
///
/// # Errors
/// The system refuses the signal handler.
pub fn install() -> std::io::Result<()> {
    static DONE: OnceLock<Result<(), std::io::ErrorKind>> = OnceLock::new();
    let done = DONE.get_or_init(|| register().map_err(|error| error.kind()));
    Ok((*done)?)
}

fn register() -> std::io::Result<()> {
    // What the unwinder loads on its first use is loaded now.
    backtrace::trace(|_| false);
    // SAFETY: `note_frames` only reads the own thread's number and stack, and writes to atomics: it neither
    // allocates, locks nor panics. The unwinder finds its tables without a lock (glibc 2.35, libgcc 12) or
    // with one that the same thread may take again (older ones).
    unsafe { signal_hook::low_level::register(SIGNAL, note_frames) }.map(|_| ())
}

fn note_frames() {
    if WANTED.load(Ordering::Acquire) != own_tid() {
        return;
    }
    let mut depth = 0;
    // SAFETY: the variant without a lock is needed in a signal handler; `ASKING` sees to it that one thread
    // at a time is asked, and nobody else in this program unwinds in a handler.
    unsafe {
        backtrace::trace_unsynchronized(|frame| {
            match FRAMES.get(depth) {
                Some(place) => place.store(frame.ip() as usize, Ordering::Relaxed),
                None => return false,
            }
            depth += 1;
            true
        });
    }
    DEPTH.store(depth, Ordering::Relaxed);
    DONE.store(true, Ordering::Release);
}

fn own_tid() -> i32 {
    rustix::thread::gettid().as_raw_nonzero().get()
}

/// The stacks of these threads of this process, as text. Takes milliseconds for each, and some memory and up
/// to a second the first time, when the program's symbols are read.
pub fn of(threads: &[ThreadState]) -> String {
    if let Err(error) = install() {
        return format!("  cannot be interrupted: {error}\n");
    }
    let _asking = ASKING.lock().unwrap_or_else(PoisonError::into_inner);
    // All threads first, so that they are seen at about the same time: symbols may take seconds.
    let seen: Vec<Option<Vec<usize>>> = threads.iter().map(|thread| frames_of(thread.tid)).collect();
    let mut text = String::new();
    for (thread, frames) in threads.iter().zip(seen) {
        text.push_str(&format!(
            "  thread {} {:?} {}, {} ms of processor time\n",
            thread.tid,
            thread.name,
            state_word(thread.state),
            thread.cpu_ms
        ));
        match frames {
            Some(frames) => show(&frames, &mut text),
            None => text.push_str("      does not answer\n"),
        }
    }
    text
}

fn state_word(state: char) -> &'static str {
    match state {
        'R' => "running",
        'S' => "sleeping",
        'D' => "waiting for the disk",
        'T' | 't' => "stopped",
        _ => "ending",
    }
}

fn frames_of(tid: i32) -> Option<Vec<usize>> {
    DONE.store(false, Ordering::Relaxed);
    DEPTH.store(0, Ordering::Relaxed);
    WANTED.store(tid, Ordering::Release);
    let asked = interrupt(tid);
    let deadline = Instant::now() + ANSWER_LIMIT;
    while asked && !DONE.load(Ordering::Acquire) && Instant::now() < deadline {
        std::thread::park_timeout(Duration::from_micros(200));
    }
    WANTED.store(0, Ordering::Release);
    let depth = DEPTH.load(Ordering::Relaxed);
    let done = DONE.load(Ordering::Acquire);
    done.then(|| FRAMES.iter().take(depth).map(|frame| frame.load(Ordering::Relaxed)).collect())
}

fn interrupt(tid: i32) -> bool {
    let pid = rustix::process::getpid().as_raw_nonzero().get();
    // SAFETY: a call of the kernel without pointers; a thread that has ended is an error, nothing else.
    unsafe { libc::syscall(libc::SYS_tgkill, pid, tid, SIGNAL) == 0 }
}

/// One line per call, the innermost first, without what the interruption itself called.
fn show(frames: &[usize], text: &mut String) {
    let mut calls: Vec<(Vec<String>, bool)> = Vec::new();
    for &address in frames.iter().filter(|address| **address > 0) {
        let mut lines = Vec::new();
        let mut is_handler = false;
        // The return address lies behind the call.
        backtrace::resolve((address - 1) as *mut _, |symbol| {
            let name = symbol.name().map_or_else(|| "?".to_owned(), |name| format!("{name:#}"));
            is_handler |= name.contains("signal_hook_registry") || name.contains("stacks::note_frames");
            match (symbol.filename(), symbol.lineno()) {
                (Some(file), Some(line)) => {
                    lines.push(format!("{name} at {}:{line}", shortened(&file.to_string_lossy())));
                }
                _ => lines.push(name),
            }
        });
        if lines.is_empty() {
            lines.push(format!("{address:#x}"));
        }
        calls.push((lines, is_handler));
    }
    // The handler's own calls, and the kernel's return from it.
    let begin = calls.iter().rposition(|(_, is_handler)| *is_handler).map_or(0, |last| last + 2);
    for (lines, _) in calls.into_iter().skip(begin) {
        for line in lines {
            text.push_str("      ");
            text.push_str(&line);
            text.push('\n');
        }
    }
}

/// Sources of others by package or library, without the folders of the machine that built them.
fn shortened(file: &str) -> &str {
    let after = |start: &str, parts: usize| {
        let (_, rest) = file.split_once(start)?;
        rest.splitn(parts + 1, '/').last()
    };
    after("/registry/src/", 1).or_else(|| after("/rustc/", 1)).unwrap_or(file)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn sources_of_others_are_shortened() {
        assert_eq!(shortened("/a/registry/src/index-1/tokio-1.0/src/lib.rs"), "tokio-1.0/src/lib.rs");
        assert_eq!(shortened("/rustc/59807/library/std/src/rt.rs"), "library/std/src/rt.rs");
        assert_eq!(shortened("/home/a/src/main.rs"), "/home/a/src/main.rs");
    }

    #[inline(never)]
    fn spins_until(stop: &AtomicBool) {
        while !stop.load(Ordering::Relaxed) {
            std::hint::spin_loop();
        }
    }

    #[inline(never)]
    fn blocks_until(ended: &mpsc::Receiver<()>) {
        assert!(ended.recv().is_err());
    }

    #[test]
    fn threads_that_spin_and_block_are_seen_with_names_and_lines() {
        let stop = Arc::new(AtomicBool::new(false));
        let (end, ended) = mpsc::channel::<()>();
        let (tids, told) = mpsc::channel();
        let spinner = std::thread::spawn({
            let (stop, tids) = (stop.clone(), tids.clone());
            move || {
                tids.send(own_tid()).unwrap();
                spins_until(&stop);
            }
        });
        let blocked = std::thread::spawn(move || {
            tids.send(own_tid()).unwrap();
            blocks_until(&ended);
        });
        let threads: Vec<ThreadState> = told
            .iter()
            .map(|tid| ThreadState { tid, name: "t".to_owned(), state: 'R', cpu_ms: 0 })
            .take(2)
            .collect();
        let deadline = Instant::now() + Duration::from_secs(60);
        loop {
            let text = of(&threads);
            if text.contains("spins_until") && text.contains("blocks_until") && text.contains("stacks.rs:") {
                break;
            }
            assert!(Instant::now() < deadline, "{text}");
        }
        stop.store(true, Ordering::Relaxed);
        drop(end);
        spinner.join().unwrap();
        blocked.join().unwrap();
        let gone = ThreadState { tid: i32::MAX, name: "gone".to_owned(), state: 'S', cpu_ms: 0 };
        assert!(of(&[gone]).contains("does not answer"));
    }
}
