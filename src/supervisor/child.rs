//! Birth and death of one container: as a process, or as a thread that stands for one.

use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::thread;

use rustix::process::{Pid, Signal, kill_process};

use super::spec::ContainerSpec;
use crate::base::{ErrorChain, panic_text};
use crate::ipc::container::{RoleWork, run_on_thread};
use crate::ipc::control::ContainerEnd;

/// How a container ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// Its role's work returned without an error.
    pub in_order: bool,
    /// For people: `exit status 1`, `signal 9`, `panicked: ...`.
    pub how: String,
}

/// A running container. Not reaped by a drop: the supervisor does that.
#[derive(Debug)]
pub enum Child {
    Process(std::process::Child),
    /// Cannot be killed; it tells its end itself.
    Thread,
}

impl Child {
    /// Runs this executable again as `container ROLE DOOR ROOT_PID`. Only to be called by a thread
    /// that lives as long as the daemon: the kernel kills the child when that *thread* ends.
    ///
    /// # Errors
    /// When the system cannot start another process.
    pub fn spawn_process(spec: &ContainerSpec, door: &str, data_dir: &Path) -> io::Result<Child> {
        // After an upgrade `current_exe` names a file that is gone; this link never does.
        let mut command = Command::new("/proc/self/exe");
        command
            .arg0("aotf")
            .args(["container", spec.work.role.as_str(), door, &std::process::id().to_string()])
            // The only folder in which a confined broker may make a temporary file.
            .env("SQLITE_TMPDIR", data_dir);
        for (name, _) in std::env::vars_os().filter(|(name, _)| is_roots_own(name)) {
            command.env_remove(name);
        }
        if !spec.has_terminal {
            command.stdin(Stdio::null());
        }
        Ok(Child::Process(command.spawn()?))
    }

    /// Runs the role on a thread; `ended` is called there, last.
    ///
    /// # Errors
    /// When the system cannot start another thread.
    pub fn spawn_thread(
        work: RoleWork,
        end: ContainerEnd,
        ended: impl FnOnce(Ended) + Send + 'static,
    ) -> io::Result<Child> {
        thread::Builder::new().name(work.role.as_str().to_owned()).spawn(move || {
            let result = catch_unwind(AssertUnwindSafe(|| {
                run_on_thread(work, end).map_err(|error| ErrorChain(&*error).to_string())
            }));
            ended(match result {
                Ok(Ok(())) => Ended { in_order: true, how: "returned".to_owned() },
                Ok(Err(how)) => Ended { in_order: false, how },
                Err(panic) => Ended { in_order: false, how: format!("panicked: {}", panic_text(&*panic)) },
            });
        })?;
        Ok(Child::Thread)
    }

    /// Of a process.
    pub fn pid(&self) -> Option<u32> {
        match self {
            Child::Process(child) => Some(child.id()),
            Child::Thread => None,
        }
    }

    /// Asks a process to end (SIGTERM). It may have ended already.
    pub fn terminate(&mut self) {
        // Of one that is reaped the number may be another's by now.
        if self.try_reap().is_some() {
            return;
        }
        let Some(pid) = self.pid().and_then(|pid| i32::try_from(pid).ok()).and_then(Pid::from_raw) else {
            return;
        };
        // An error means that it has ended.
        let _ = kill_process(pid, Signal::TERM);
    }

    /// Ends a process (SIGKILL). It may have ended already.
    pub fn kill(&mut self) {
        if let Child::Process(child) = self {
            // An error means that it has ended.
            let _ = child.kill();
        }
    }

    /// Reaps a process that has ended. Never blocks.
    pub fn try_reap(&mut self) -> Option<Ended> {
        let Child::Process(child) = self else { return None };
        match child.try_wait() {
            Ok(status) => status.map(describe),
            // Somebody else reaped it: it has ended, nobody knows how.
            Err(error) => Some(Ended { in_order: false, how: error.to_string() }),
        }
    }
}

/// Settings, among them keys, that a container is told as far as it needs them; and what the service
/// manager told the root alone.
fn is_roots_own(name: &OsStr) -> bool {
    const NAMES: [&str; 4] = ["NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID", "CREDENTIALS_DIRECTORY"];
    name.as_bytes().starts_with(b"AOTF_") || NAMES.iter().any(|own| name == *own)
}

fn describe(status: ExitStatus) -> Ended {
    let how = match (status.signal(), status.code()) {
        (Some(signal), _) => format!("killed by signal {signal}"),
        (None, Some(code)) => format!("exit status {code}"),
        (None, None) => status.to_string(),
    };
    Ended { in_order: status.success(), how }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(status: i32, in_order: bool, how: &str) {
        assert_eq!(describe(ExitStatus::from_raw(status)), Ended { in_order, how: how.to_owned() });
    }

    #[test]
    fn ends_are_told() {
        check(0, true, "exit status 0");
        check(1 << 8, false, "exit status 1");
        check(9, false, "killed by signal 9");
    }
}
