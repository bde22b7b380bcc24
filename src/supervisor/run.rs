//! The root's loop, and the threads that bring it what it hears.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use crossbeam_channel as queue;
use rustix::process::Signal;
use signal_hook::consts::{SIGCHLD, SIGHUP, SIGINT, SIGTERM};

use super::incoming::Incoming;
use super::lock::DataLock;
use super::spec::{ContainerSpec, Exit, Options, SupervisorError};
use super::tree::Tree;
use crate::base::clock::Monotonic;
use crate::base::ids::Network;
use crate::base::signals::CaughtSignals;
use crate::config::Settings;
use crate::telemetry::error_log::ErrorLog;
use crate::telemetry::rotate::{self, Bounds};
use crate::telemetry::{events, faults};

/// Events that wait for the loop; the threads that bring more wait, and with them their containers.
const EVENTS_CAPACITY: usize = 1024;

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
    if settings.twitter.can_be_read() {
        return;
    }
    if settings.networks.contains(&Network::Twitter) {
        events::no_credentials();
    } else if !settings.networks_are_chosen {
        events::twitter_is_off();
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
    let signals = CaughtSignals::catch(&[SIGCHLD, SIGTERM, SIGINT, SIGHUP]);
    let told = sender.clone();
    signals
        .and_then(|signals| signals.tell(move |signal| told.send(Incoming::Signal(signal)).is_ok()))
        .map_err(|source| SupervisorError::Signals { source })?;
    let error_log = ErrorLog::start(&settings.data_dir.join("logs"))
        .map_err(|source| SupervisorError::Thread { source })?;
    faults::collect({
        let (log, source) = (error_log.clone(), Arc::<str>::from(format!("root[{}]", std::process::id())));
        move |fault| log.record(Arc::clone(&source), fault)
    });
    let mut tree = Tree::new(settings, specs, options, error_log, sender)
        .map_err(|source| SupervisorError::Settings { source })?;
    loop {
        if let Some(result) = tree.pass_time(Monotonic::now()) {
            return result;
        }
        let now = Monotonic::now();
        let wait = tree.next_deadline(now).since(now);
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
