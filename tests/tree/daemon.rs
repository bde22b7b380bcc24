//! A root as a child of the test, with what its tree says and who belongs to it.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process, pidfd_open};
use tempfile::TempDir;

/// No case waits longer for anything.
pub const LONG: Duration = Duration::from_secs(20);

pub const LINKED_ROLES: [&str; 7] =
    ["front", "link-finder", "index-watcher", "reverse-search", "listing", "indexing", "maintenance"];

pub struct Daemon {
    pub root: Child,
    pub data_dir: TempDir,
    lines: Receiver<String>,
    /// Pids by role, in the order in which they said `ready`.
    pub pids: BTreeMap<String, Vec<u32>>,
}

pub struct Setup {
    pub multiprocess: bool,
    pub fault: &'static str,
    pub notify_socket: Option<String>,
}

impl Default for Setup {
    fn default() -> Setup {
        Setup { multiprocess: true, fault: "", notify_socket: None }
    }
}

impl Daemon {
    pub fn start(setup: Setup) -> Daemon {
        let data_dir = tempfile::tempdir().unwrap();
        let mut command = root_command(data_dir.path().join("data").to_str().unwrap(), &setup);
        let mut root = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
        let stdout = root.stdout.take().unwrap();
        let (said, lines) = mpsc::channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines() {
                if said.send(line.unwrap()).is_err() {
                    return;
                }
            }
        });
        Daemon { root, data_dir, lines, pids: BTreeMap::new() }
    }

    /// The next line that begins with these words.
    #[track_caller]
    pub fn wait_for(&mut self, start: &str) -> String {
        let deadline = Instant::now() + LONG;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let line = self.lines.recv_timeout(left).unwrap_or_else(|_| panic!("nobody said {start:?}"));
            self.note(&line);
            if line.starts_with(start) {
                return line;
            }
        }
    }

    /// Until every role that has a link with the broker has said `linked`.
    #[track_caller]
    pub fn wait_for_links(&mut self) {
        let mut missing: Vec<&str> = LINKED_ROLES.to_vec();
        missing.push("reverse-search");
        while !missing.is_empty() {
            let line = self.wait_for("linked ");
            let role = line.split(' ').nth(1).unwrap().to_owned();
            if let Some(at) = missing.iter().position(|name| *name == role) {
                missing.remove(at);
            }
        }
    }

    fn note(&mut self, line: &str) {
        let mut words = line.split(' ');
        if words.next() == Some("ready") {
            let role = words.next().unwrap().to_owned();
            self.pids.entry(role).or_default().push(words.next().unwrap().parse().unwrap());
        }
    }

    pub fn pid_of(&self, role: &str) -> u32 {
        *self.pids[role].last().unwrap()
    }

    pub fn signal_root(&self, signal: Signal) {
        send_signal(self.root.id(), signal);
    }

    /// Waits for the root's end; every process that it ever had must have ended then.
    #[track_caller]
    pub fn wait_for_end(&mut self) -> (ExitStatus, Duration) {
        let started = Instant::now();
        let watch: Vec<(u32, Pidfd)> =
            self.pids.values().flatten().filter_map(|pid| Some((*pid, Pidfd::of(*pid)?))).collect();
        Pidfd::of(self.root.id()).expect("the root is not reaped yet").wait_for_end();
        let status = self.root.wait().unwrap();
        let elapsed = started.elapsed();
        for (_, child) in watch.iter().filter(|(pid, _)| *pid != self.root.id()) {
            child.wait_for_end();
        }
        (status, elapsed)
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // A case that failed must not leave a tree behind.
        let _ = self.root.kill();
        let _ = self.root.wait();
    }
}

pub fn root_command(data_dir: &str, setup: &Setup) -> Command {
    let mut command = Command::new("/proc/self/exe");
    command.arg0("aotf").args(["root", data_dir, &setup.multiprocess.to_string()]);
    command.env("AOTF_TEST_FAULT", setup.fault);
    if let Some(socket) = &setup.notify_socket {
        command.env("NOTIFY_SOCKET", socket);
    }
    command
}

pub fn send_signal(pid: u32, signal: Signal) {
    kill_process(Pid::from_raw(pid.try_into().unwrap()).unwrap(), signal).unwrap();
}

/// A process that can be waited for without being its parent.
pub struct Pidfd(rustix::fd::OwnedFd);

impl Pidfd {
    /// `None` when it has ended already.
    pub fn of(pid: u32) -> Option<Pidfd> {
        let pid = Pid::from_raw(pid.try_into().unwrap()).unwrap();
        pidfd_open(pid, PidfdFlags::empty()).ok().map(Pidfd)
    }

    #[track_caller]
    pub fn wait_for_end(&self) {
        let limit = Timespec { tv_sec: LONG.as_secs().try_into().unwrap(), tv_nsec: 0 };
        let mut fds = [PollFd::new(&self.0, PollFlags::IN)];
        assert_eq!(poll(&mut fds, Some(&limit)).unwrap(), 1, "a process does not end");
    }
}
