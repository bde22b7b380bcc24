//! The root of the process tree: starts, watches, restarts and stops every container, and nothing else.
//!
//! Owns: the lock of the data folder, the containers, their control links, the signals of the program.
//! Called by: `serve`, on the main thread, with the table of roles.
//! Never: holds a request, hears anything from outside, waits for a container (deadlines only), panics.
//!
//! ```text
//! signals, doors, control links, ends of threads --> one queue of events --> this loop --> tree.rs
//! ```

#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing))]

mod child;
mod lock;
mod memory;
mod redact;
mod restart;
mod slot;
mod spec;
mod stacks;
mod systemd;
mod tree;

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use crossbeam_channel as queue;
use rustix::process::Signal;
use signal_hook::consts::{SIGCHLD, SIGHUP, SIGINT, SIGTERM};

pub use lock::{DataLock, LockError};
pub use redact::{Secrets, settings_with};
pub use restart::RestartPolicy;
pub use spec::{ContainerSpec, Exit, Options, Restart, SupervisorError, Timing};

use crate::base::clock::Monotonic;
use crate::base::ids::ContainerId;
use crate::base::ids::Network;
use crate::config::Settings;
use crate::ipc::RecvError;
use crate::ipc::bootstrap::BootstrapError;
use crate::ipc::control::RootEnd;
use crate::proto::control::{ContainerToRoot, Hello, StacksWritten};
use crate::telemetry::error_log::ErrorLog;
use crate::telemetry::rotate::{self, Bounds};
use crate::telemetry::{events, faults};
use child::Ended;
use systemd::ServiceManager;
use tree::Tree;

/// Events that wait for the loop; the threads that bring more wait, and with them their containers.
const EVENTS_CAPACITY: usize = 1024;

/// What the loop hears.
enum Event {
    Signal(i32),
    /// A new process has said hello, or never will.
    Came(ContainerId, Result<(Hello, RootEnd), BootstrapError>),
    Said(ContainerId, ContainerToRoot),
    /// Its control link has closed.
    Deaf(ContainerId, RecvError),
    /// A collection of stacks has ended.
    StacksWritten(StacksWritten),
    /// A container that is a thread has ended.
    ThreadEnded(ContainerId, Ended),
}

/// Asks the kernel for a SIGTERM, and thus an end in order, when the process that started this one
/// ends: for a root that is itself a child (the demo, tests).
///
/// # Errors
/// When the kernel refuses.
pub fn die_with_parent() -> io::Result<()> {
    Ok(rustix::process::set_parent_process_death_signal(Some(Signal::TERM))?)
}

/// Says where artists are searched for, and what of it cannot work.
fn tell_networks(settings: &Settings) {
    let names: Vec<&str> = settings.networks.iter().map(|network| network.as_str()).collect();
    events::networks_on(&names.join(", "));
    match (settings.networks.contains(&Network::Twitter), settings.twitter.can_be_read()) {
        (true, false) => events::no_credentials(),
        (false, false) => events::twitter_is_off(),
        (_, true) => {}
    }
}

/// Runs the tree until something ends it. To be called once, on the main thread: the kernel kills the
/// containers when the thread that started them ends.
///
/// # Errors
/// When the tree could not be started, a role cannot work, or one was given up; all containers have
/// ended by then.
pub fn run(settings: &Settings, specs: &[ContainerSpec], options: Options) -> Result<Exit, SupervisorError> {
    let _lock = DataLock::acquire(&settings.data_dir).map_err(|source| SupervisorError::Lock { source })?;
    events::starting(env!("CARGO_PKG_VERSION"), &settings.data_dir);
    tell_networks(settings);
    if !settings.multiprocess {
        events::no_sandbox("multiprocess = false: all roles are one process");
    } else if !settings.sandbox.enabled {
        events::no_sandbox("[sandbox] enabled = false");
    }
    if let Some(file) = settings.log.file.clone() {
        keep_short(file).map_err(|source| SupervisorError::Thread { source })?;
    }
    let (sender, events) = queue::bounded(EVENTS_CAPACITY);
    listen_to_signals(sender.clone()).map_err(|source| SupervisorError::Signals { source })?;
    let manager = ServiceManager::new(options.notify_socket.clone());
    let error_log = ErrorLog::start(&settings.data_dir.join("logs"))
        .map_err(|source| SupervisorError::Thread { source })?;
    faults::collect({
        let (log, source) = (error_log.clone(), Arc::<str>::from(format!("root[{}]", std::process::id())));
        move |fault| log.record(Arc::clone(&source), fault)
    });
    let mut tree = Tree::new(settings, specs, options, manager, error_log, sender)
        .map_err(|source| SupervisorError::Settings { source })?;
    loop {
        if let Some(result) = tree.act(Monotonic::now()) {
            return result;
        }
        let wait = tree.next_deadline().since(Monotonic::now());
        if let Ok(event) = events.recv_timeout(wait) {
            tree.handle(event, Monotonic::now());
            // All that has happened comes before what is late: a root that was itself stopped
            // for a while must hear the heartbeats before it counts the silence.
            for event in events.try_iter().take(EVENTS_CAPACITY) {
                tree.handle(event, Monotonic::now());
            }
        }
    }
}

/// Empties the log file, to which all processes write, when it is long; on a thread that lives as long as the
/// daemon.
fn keep_short(file: PathBuf) -> io::Result<()> {
    const BOUNDS: Bounds = Bounds { max_bytes: 16 << 20, former: 4 };
    const LOOK: Duration = Duration::from_secs(60);
    let run = move || loop {
        if let Err(error) = rotate::empty(&file, BOUNDS) {
            events::log_not_rotated(&file, &error);
        }
        thread::park_timeout(LOOK);
    };
    thread::Builder::new().name("log-rotation".to_owned()).spawn(run).map(drop)
}

fn listen_to_signals(events: queue::Sender<Event>) -> io::Result<()> {
    let mut signals = signal_hook::iterator::Signals::new([SIGCHLD, SIGTERM, SIGINT, SIGHUP])?;
    thread::Builder::new().name("signals".to_owned()).spawn(move || {
        for signal in &mut signals {
            if events.send(Event::Signal(signal)).is_err() {
                return;
            }
        }
    })?;
    Ok(())
}
