//! What the root is told: which containers there are, how long it waits for what, and how it may end.

use std::ffi::OsString;
use std::io;
use std::time::Duration;

use super::lock::LockError;
use super::redact::Secrets;
use super::restart::RestartPolicy;
use crate::base::roles::Role;
use crate::config::{Memory, Settings};
use crate::ipc::container::RoleWork;
use crate::ipc::control::LinkKind;

/// A kind of container: what it runs, how many of it, what it is given, and what its end means.
#[derive(Clone, Copy, Debug)]
pub struct ContainerSpec {
    pub work: RoleWork,
    pub count: usize,
    pub link: LinkKind,
    pub restart: Restart,
    /// Its standard input is the root's.
    pub has_terminal: bool,
    pub secrets: &'static [Secrets],
    /// The setting that limits its memory.
    pub memory_mib: fn(&Memory) -> u32,
}

impl ContainerSpec {
    /// Bytes of private memory that one of it may have.
    pub fn memory_limit(&self, settings: &Settings) -> u64 {
        u64::from((self.memory_mib)(&settings.sandbox.memory)) << 20
    }
}

/// Which ends of a container are failures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Restart {
    /// Every one.
    Always,
    /// An end in order is the user's wish (the console).
    OnFailure,
}

/// What `serve` may set beside the settings.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The value of `NOTIFY_SOCKET`.
    pub notify_socket: Option<OsString>,
    /// How long the service manager waits for a sign of life before it ends the daemon (`WATCHDOG_USEC`).
    pub watchdog: Option<Duration>,
    pub restart_policy: RestartPolicy,
    pub timing: Timing,
}

/// How long the root waits before it acts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    /// For the hello of a new process.
    pub hello: Duration,
    /// Without a sign of life from a container, which gives one every second.
    pub silence: Duration,
    /// Between SIGTERM and SIGKILL for one that is ended alone.
    pub grace: Duration,
    /// Since the stop began: then the broker is told to stop, even if others have not ended.
    pub stop_broker: Duration,
    /// Since the stop began: then whoever is left is killed.
    pub stop_kill: Duration,
    /// Since the stop began: then the root ends whoever is left (threads cannot be killed).
    pub stop_end: Duration,
}

impl Default for Timing {
    fn default() -> Timing {
        Timing {
            hello: Duration::from_secs(10),
            silence: Duration::from_secs(10),
            grace: Duration::from_secs(2),
            stop_broker: Duration::from_millis(1000),
            stop_kill: Duration::from_millis(1500),
            stop_end: Duration::from_millis(1900),
        }
    }
}

/// An end in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exit {
    /// Who wanted it: `SIGTERM`, `console`, ...
    pub by: String,
}

/// Why the daemon could not start, or had to end.
#[derive(Debug, thiserror::Error)]
pub enum SupervisorError {
    #[error("could not get the data folder")]
    Lock { source: LockError },
    #[error("could not listen to signals")]
    Signals { source: io::Error },
    #[error("could not start a thread")]
    Thread { source: io::Error },
    #[error("could not write the settings for a container")]
    Settings { source: serde_json::Error },
    /// What it says is for the operator, who has to do something.
    #[error("{role} cannot work: {why}")]
    RoleCannotWork { role: Role, why: String },
    #[error("{role} failed {failures} times within {} s, last: {last}", within.as_secs())]
    GaveUp { role: Role, failures: usize, within: Duration, last: String },
}
