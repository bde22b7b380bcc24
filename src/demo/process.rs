//! Child processes that are watched by a thread each, and end with their value.

use std::io;
use std::os::fd::OwnedFd;
use std::process::{Command, ExitStatus};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use tokio::sync::mpsc;

/// After SIGTERM and before SIGKILL: the daemon promises to end in less.
const GRACE: Duration = Duration::from_secs(2);

/// What the demo waits for beside its own work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// SIGINT, SIGTERM or SIGHUP.
    Signal,
    DaemonEnded(Option<ExitStatus>),
    ConsoleEnded,
}

/// A running child. Dropping it stops it.
pub struct Process {
    /// Names the child even when its number was given to another.
    handle: OwnedFd,
    ended: Arc<Ended>,
}

#[derive(Default)]
struct Ended {
    /// Set once; the status is missing if it could not be learned.
    status: Mutex<Option<Option<ExitStatus>>>,
    changed: Condvar,
}

impl Ended {
    fn set(&self, status: Option<ExitStatus>) {
        *self.status.lock().unwrap_or_else(PoisonError::into_inner) = Some(status);
        self.changed.notify_all();
    }

    /// True if it ended before the deadline.
    fn wait(&self, at_most: Duration) -> bool {
        let status = self.status.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.changed.wait_timeout_while(status, at_most, |status| status.is_none());
        waited.unwrap_or_else(PoisonError::into_inner).0.is_some()
    }
}

impl Process {
    /// Starts the child; `on_end` makes the event that is sent once, when it has ended.
    ///
    /// # Errors
    /// It could not be started, or not watched: then it is not running.
    pub fn spawn(
        mut command: Command,
        events: mpsc::Sender<Event>,
        on_end: fn(Option<ExitStatus>) -> Event,
    ) -> io::Result<Process> {
        let mut child = command.spawn()?;
        let handle = match pidfd_open(Pid::from_child(&child), PidfdFlags::empty()) {
            Ok(handle) => handle,
            Err(error) => {
                child.kill()?;
                child.wait()?;
                return Err(error.into());
            }
        };
        let ended = Arc::new(Ended::default());
        let watched = Arc::clone(&ended);
        let watching = std::thread::Builder::new().name("demo-child".to_owned()).spawn(move || {
            let status = child.wait().ok();
            watched.set(status);
            // Nobody listens any more when the demo is ending.
            let _ = events.blocking_send(on_end(status));
        });
        if let Err(error) = watching {
            pidfd_send_signal(&handle, Signal::KILL)?;
            return Err(error);
        }
        Ok(Process { handle, ended })
    }

    /// True if it ends by itself before the deadline.
    pub fn wait(&self, at_most: Duration) -> bool {
        self.ended.wait(at_most)
    }

    /// Asks it to end, and kills it where it does not listen. Takes at most three seconds.
    pub fn stop(&self) {
        if self.wait(Duration::ZERO) {
            return;
        }
        // An error means that it has just ended.
        let _ = pidfd_send_signal(&self.handle, Signal::TERM);
        if !self.wait(GRACE) {
            let _ = pidfd_send_signal(&self.handle, Signal::KILL);
            self.wait(Duration::from_secs(1));
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.stop();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spawn(script: &str) -> (Process, mpsc::Receiver<Event>) {
        let (sender, events) = mpsc::channel(4);
        let mut command = Command::new("/bin/sh");
        command.args(["-c", script]);
        (Process::spawn(command, sender, Event::DaemonEnded).unwrap(), events)
    }

    #[test]
    fn an_end_is_told_with_its_status() {
        let (process, mut events) = spawn("exit 3");
        let Some(Event::DaemonEnded(Some(status))) = events.blocking_recv() else { panic!("it ended") };
        assert_eq!(status.code(), Some(3));
        assert!(process.wait(Duration::ZERO));
    }

    #[test]
    fn dropping_stops_it() {
        let (process, mut events) = spawn("exec sleep 600");
        assert!(!process.wait(Duration::ZERO));
        drop(process);
        let Some(Event::DaemonEnded(Some(status))) = events.blocking_recv() else { panic!("it ended") };
        assert!(status.code().is_none(), "by a signal");
    }
}
