//! A root as a child of the test, with what its tree says and who belongs to it.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

use aotf::supervisor::Timing;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process, pidfd_open};
use tempfile::TempDir;

/// No case waits longer for anything.
pub const LONG: Duration = Duration::from_secs(60);

/// Deadlines that only a tree that hangs reaches, however busy the machine is.
pub const PATIENT: Timing = Timing {
    hello: Duration::from_secs(30),
    silence: Duration::from_secs(30),
    grace: Duration::from_secs(10),
    stop_broker: Duration::from_secs(10),
    stop_kill: Duration::from_secs(15),
    stop_end: Duration::from_secs(20),
};

/// Set for a root that is to find no Landlock.
pub const WITHOUT_LANDLOCK: &str = "TREE_TEST_WITHOUT_LANDLOCK";
/// Its log, in the data folder.
pub const LOG: &str = "log";

pub const LINKED_ROLES: [&str; 7] =
    ["front", "link-finder", "index-watcher", "reverse-search", "listing", "indexing", "maintenance"];

pub struct Daemon {
    pub root: Child,
    pub data_dir: TempDir,
    lines: Receiver<String>,
    /// Pids by role, in the order in which they said `ready`.
    pub pids: BTreeMap<String, Vec<u32>>,
    /// The roles that said `linked` since they were last waited for.
    linked: Vec<String>,
}

pub struct Setup {
    pub multiprocess: bool,
    pub fault: &'static str,
    pub notify_socket: Option<String>,
    /// What a container that tries to break out tries to connect to.
    pub target: String,
    pub timing: Timing,
    /// The kernel answers as one that has no Landlock; the log goes to [`LOG`].
    pub without_landlock: bool,
}

impl Default for Setup {
    fn default() -> Setup {
        Setup {
            multiprocess: true,
            fault: "",
            notify_socket: None,
            target: String::new(),
            timing: PATIENT,
            without_landlock: false,
        }
    }
}

impl Daemon {
    pub fn start(setup: Setup) -> Daemon {
        let data_dir = tempfile::tempdir().unwrap();
        std::fs::write(data_dir.path().join(crate::escape::SECRET), "sesame").unwrap();
        std::fs::create_dir_all(data_dir.path().join("data/index")).unwrap();
        std::fs::write(data_dir.path().join("data/index/one"), "").unwrap();
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
        Daemon { root, data_dir, lines, pids: BTreeMap::new(), linked: Vec::new() }
    }

    /// The next line that begins with these words.
    #[track_caller]
    pub fn wait_for(&mut self, start: &str) -> String {
        self.wait_for_all(&[start])
    }

    /// Until a line has begun with each of these, in any order: processes are not heard in the order in which
    /// things happen to them. The last such line.
    #[track_caller]
    pub fn wait_for_all(&mut self, starts: &[&str]) -> String {
        let mut missing = starts.to_vec();
        let deadline = Instant::now() + LONG;
        loop {
            let line = self.next_line(deadline).unwrap_or_else(|| panic!("nobody said {missing:?}"));
            if let Some(at) = missing.iter().position(|start| line.starts_with(start)) {
                missing.remove(at);
                if missing.is_empty() {
                    return line;
                }
            }
        }
    }

    /// Until this role has said `ready`, now or before.
    #[track_caller]
    pub fn wait_until_ready(&mut self, role: &str) {
        if !self.pids.contains_key(role) {
            self.wait_for(&format!("ready {role} "));
        }
    }

    /// Until every role that has a link with the broker has said `linked`, each as often as it has
    /// containers, since this was last waited for.
    #[track_caller]
    pub fn wait_for_links(&mut self) {
        let deadline = Instant::now() + LONG;
        loop {
            let mut missing: Vec<&str> = LINKED_ROLES.to_vec();
            missing.push("reverse-search");
            for role in &self.linked {
                if let Some(at) = missing.iter().position(|name| name == role) {
                    missing.remove(at);
                }
            }
            if missing.is_empty() {
                return self.linked.clear();
            }
            self.next_line(deadline).unwrap_or_else(|| panic!("no links for {missing:?}"));
        }
    }

    fn next_line(&mut self, deadline: Instant) -> Option<String> {
        let left = deadline.saturating_duration_since(Instant::now());
        let line = self.lines.recv_timeout(left).ok()?;
        let mut words = line.split(' ');
        match (words.next(), words.next()) {
            (Some("ready"), Some(role)) => {
                let pid = words.next().unwrap().parse().unwrap();
                self.pids.entry(role.to_owned()).or_default().push(pid);
            }
            (Some("linked"), Some(role)) => self.linked.push(role.to_owned()),
            _ => {}
        }
        Some(line)
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
    command.arg0("aotf").args([
        "root",
        data_dir,
        &setup.multiprocess.to_string(),
        &crate::roles::timing_text(&setup.timing),
    ]);
    command.env("TREE_TEST_FAULT", setup.fault).env(crate::escape::TARGET, &setup.target);
    if setup.without_landlock {
        command.env(WITHOUT_LANDLOCK, "1");
    }
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
