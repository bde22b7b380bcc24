//! The wish to end, as every thread of a process sees it.
#![expect(clippy::disallowed_methods, reason = "waits")]

use std::fmt;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Set once, never cleared; clones share it. No pause in the program is longer than a `wait` on it,
/// which is what makes every sleep interruptible.
#[derive(Clone, Default)]
pub struct StopSignal(Arc<Shared>);

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    set: bool,
    callbacks: Vec<Box<dyn FnOnce() + Send>>,
}

impl StopSignal {
    /// Not set.
    pub fn new() -> StopSignal {
        StopSignal::default()
    }

    /// Sets it, wakes all who wait, and runs the callbacks on this thread. Again: nothing.
    pub fn set(&self) {
        let callbacks = {
            let mut state = self.lock();
            state.set = true;
            std::mem::take(&mut state.callbacks)
        };
        self.0.changed.notify_all();
        for callback in callbacks {
            callback();
        }
    }

    pub fn is_set(&self) -> bool {
        self.lock().set
    }

    /// Waits until it is set, at most `limit`; true when it is set.
    pub fn wait(&self, limit: Duration) -> bool {
        // A limit beyond the clock's range is as good as a day: callers loop.
        let deadline = Instant::now().checked_add(limit).unwrap_or_else(|| Instant::now() + DAY);
        let mut state = self.lock();
        while !state.set {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            state = match self.0.changed.wait_timeout(state, left) {
                Ok((state, _)) => state,
                Err(poisoned) => poisoned.into_inner().0,
            };
        }
        true
    }

    /// Waits until it is set, without limit: for threads that have nothing else to do.
    pub fn wait_forever(&self) {
        while !self.wait(DAY) {}
    }

    /// Runs `callback` when it is set; at once, on this thread, when it is already. For waking what
    /// waits on something else (a queue, an async task). Must be quick: it runs on the thread that
    /// sets the signal.
    pub fn when_set(&self, callback: impl FnOnce() + Send + 'static) {
        {
            let mut state = self.lock();
            if !state.set {
                state.callbacks.push(Box::new(callback));
                return;
            }
        }
        callback();
    }

    /// No code panics while it holds the lock, so a poisoned one is whole.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

const DAY: Duration = Duration::from_secs(86_400);

impl fmt::Debug for StopSignal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StopSignal({})", self.is_set())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::thread;

    use super::*;

    #[test]
    fn wakes_who_waits_and_calls_back_once() {
        let stop = StopSignal::new();
        assert!(!stop.wait(Duration::from_millis(1)));
        let (called, calls) = mpsc::channel();
        let (early, late) = (called.clone(), called);
        stop.when_set(move || early.send("early").unwrap());
        let waiter = thread::spawn({
            let stop = stop.clone();
            move || stop.wait(Duration::MAX)
        });
        stop.set();
        stop.set();
        assert!(waiter.join().unwrap() && stop.is_set());
        stop.when_set(move || late.send("late").unwrap());
        assert_eq!(calls.into_iter().collect::<Vec<_>>(), ["early", "late"]);
    }
}
