//! What the tree promises.

use std::os::unix::net::UnixDatagram;
use std::time::Duration;

use aotf::ipc::{OutboxError, bootstrap};
use aotf::proto::control::RootToContainer;
use aotf::supervisor::Timing;
use rustix::process::Signal;

use crate::daemon::{Daemon, LINKED_ROLES, LOG, LONG, PATIENT, Pidfd, Setup, root_command, send_signal};

pub const ALL: &[(&str, fn())] = &[
    ("roles_are_processes_under_their_names", roles_are_processes_under_their_names),
    ("every_signal_ends_the_tree_in_order", every_signal_ends_the_tree_in_order),
    ("a_stop_during_the_start_ends_the_tree", a_stop_during_the_start_ends_the_tree),
    ("a_container_may_ask_for_the_end", a_container_may_ask_for_the_end),
    ("nobody_outlives_a_killed_root", nobody_outlives_a_killed_root),
    ("a_killed_container_is_replaced_and_linked", a_killed_container_is_replaced_and_linked),
    ("a_killed_broker_is_replaced_and_all_are_linked_anew", a_killed_broker_is_replaced),
    ("a_frozen_container_is_replaced", a_frozen_container_is_replaced),
    ("a_container_that_always_dies_ends_the_daemon", a_container_that_always_dies),
    ("a_container_that_always_fails_says_why", a_container_that_always_fails),
    ("a_fatal_failure_ends_the_daemon_at_once", a_fatal_failure_ends_the_daemon_at_once),
    ("a_stubborn_container_is_killed_in_time", a_stubborn_container_is_killed_in_time),
    ("a_console_that_leaves_is_not_replaced", a_console_that_leaves_is_not_replaced),
    ("a_second_daemon_is_refused", a_second_daemon_is_refused),
    ("the_service_manager_is_told", the_service_manager_is_told),
    ("roles_as_threads_work_alike", roles_as_threads_work_alike),
    ("a_thread_that_panics_is_replaced", a_thread_that_panics_is_replaced),
    ("a_panic_is_written_down_with_its_circumstances", a_panic_is_written_down),
    ("a_container_that_leaks_is_killed", a_container_that_leaks_is_killed),
    ("confined_containers_cannot_get_out", confined_containers_cannot_get_out),
    ("a_kernel_without_landlock_is_told_once", a_kernel_without_landlock_is_told_once),
    ("a_killed_peer_frees_a_full_outbox", a_killed_peer_frees_a_full_outbox),
];

/// A stop that takes longer was none in order: somebody had to be killed.
const STOP_LIMIT: Duration = PATIENT.stop_kill;

/// For containers that do not end: everybody else has time to, and they are waited for no longer than needed.
const STUBBORN: Timing = Timing {
    stop_broker: Duration::from_millis(300),
    stop_kill: Duration::from_secs(4),
    stop_end: Duration::from_secs(5),
    ..PATIENT
};

fn linked(setup: Setup) -> Daemon {
    let mut daemon = Daemon::start(setup);
    daemon.wait_for_links();
    daemon
}

#[track_caller]
fn check_stop(daemon: &mut Daemon, expect_line: &str, expect_status: i32) {
    let (status, elapsed) = daemon.wait_for_end();
    daemon.wait_for(expect_line);
    assert_eq!(status.code(), Some(expect_status));
    assert!(elapsed < STOP_LIMIT, "the stop took {elapsed:?}");
}

fn roles_are_processes_under_their_names() {
    let mut daemon = linked(Setup::default());
    for role in LINKED_ROLES.into_iter().chain(["broker"]) {
        daemon.wait_until_ready(role);
        let pid = daemon.pid_of(role);
        let command = std::fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap();
        assert!(command.starts_with(&format!("aotf\0container\0{role}\0")), "{command:?}");
        let name = std::fs::read_to_string(format!("/proc/{pid}/comm")).unwrap();
        assert_eq!(name.trim(), role);
    }
    daemon.signal_root(Signal::TERM);
    check_stop(&mut daemon, "exit SIGTERM", 0);
}

fn every_signal_ends_the_tree_in_order() {
    for (signal, name) in [(Signal::TERM, "SIGTERM"), (Signal::INT, "SIGINT"), (Signal::HUP, "SIGHUP")] {
        let mut daemon = linked(Setup::default());
        // A terminal sends it to all of the group; containers must not end by themselves.
        for pid in daemon.pids.values().flatten().filter(|_| signal != Signal::TERM) {
            send_signal(*pid, signal);
        }
        daemon.signal_root(signal);
        daemon.wait_for("ends broker ");
        check_stop(&mut daemon, &format!("exit {name}"), 0);
    }
}

fn a_stop_during_the_start_ends_the_tree() {
    let mut daemon = Daemon::start(Setup::default());
    daemon.wait_for("ready ");
    daemon.signal_root(Signal::TERM);
    check_stop(&mut daemon, "exit SIGTERM", 0);
}

fn a_container_may_ask_for_the_end() {
    let mut daemon = Daemon::start(Setup { fault: "console=stop", ..Setup::default() });
    check_stop(&mut daemon, "exit somebody", 0);
}

fn nobody_outlives_a_killed_root() {
    let mut daemon = linked(Setup::default());
    daemon.signal_root(Signal::KILL);
    let (status, _) = daemon.wait_for_end();
    assert!(!status.success());
}

fn a_killed_container_is_replaced_and_linked() {
    let mut daemon = linked(Setup::default());
    let pid = daemon.pid_of("listing");
    send_signal(pid, Signal::KILL);
    daemon.wait_for_all(&["lost listing ", "linked listing "]);
    assert_ne!(daemon.pid_of("listing"), pid);
    // No zombie: the root has reaped it.
    assert!(Pidfd::of(pid).is_none());
    daemon.signal_root(Signal::TERM);
    check_stop(&mut daemon, "exit SIGTERM", 0);
}

fn a_killed_broker_is_replaced() {
    let mut daemon = linked(Setup::default());
    for _ in 0..2 {
        daemon.wait_until_ready("broker");
        send_signal(daemon.pid_of("broker"), Signal::KILL);
        daemon.wait_for_links();
    }
    daemon.signal_root(Signal::TERM);
    check_stop(&mut daemon, "exit SIGTERM", 0);
}

fn a_frozen_container_is_replaced() {
    let timing =
        Timing { silence: Duration::from_millis(2500), grace: Duration::from_millis(300), ..PATIENT };
    let mut daemon = linked(Setup { timing, ..Setup::default() });
    let pid = daemon.pid_of("indexing");
    send_signal(pid, Signal::STOP);
    daemon.wait_for("linked indexing ");
    assert!(Pidfd::of(pid).is_none());
    daemon.signal_root(Signal::TERM);
    check_stop(&mut daemon, "exit SIGTERM", 0);
}

fn a_container_that_always_dies() {
    let mut daemon = Daemon::start(Setup { fault: "indexing=die", ..Setup::default() });
    let line = daemon.wait_for("error ");
    assert!(line.contains("indexing failed 5 times within 120 s, last: killed by signal 6"), "{line}");
    assert_eq!(daemon.wait_for_end().0.code(), Some(1));
}

fn a_container_that_always_fails() {
    let mut daemon = Daemon::start(Setup { fault: "listing=fail", ..Setup::default() });
    let line = daemon.wait_for("error ");
    assert!(line.ends_with("last: exit status 1: cannot work: some reason"), "{line}");
    assert_eq!(daemon.wait_for_end().0.code(), Some(1));
}

fn a_fatal_failure_ends_the_daemon_at_once() {
    let mut daemon = Daemon::start(Setup { fault: "front=fatal", ..Setup::default() });
    check_stop(&mut daemon, "error front cannot work: cannot open port 3301: in use", 1);
}

fn a_stubborn_container_is_killed_in_time() {
    let mut daemon =
        Daemon::start(Setup { fault: "maintenance=stubborn", timing: STUBBORN, ..Setup::default() });
    daemon.wait_for("stubborn ");
    daemon.wait_until_ready("broker");
    daemon.signal_root(Signal::TERM);
    daemon.wait_for("ends broker ");
    check_stop(&mut daemon, "exit SIGTERM", 0);
}

fn a_console_that_leaves_is_not_replaced() {
    let mut daemon = Daemon::start(Setup { fault: "console=leave", ..Setup::default() });
    daemon.wait_for("leaves console ");
    daemon.wait_for_links();
    daemon.signal_root(Signal::TERM);
    check_stop(&mut daemon, "exit SIGTERM", 0);
}

fn a_second_daemon_is_refused() {
    let daemon = linked(Setup::default());
    let data_dir = daemon.data_dir.path().join("data");
    let second = root_command(data_dir.to_str().unwrap(), &Setup::default()).output().unwrap();
    let said = String::from_utf8(second.stdout).unwrap();
    assert!(said.contains(&format!("another daemon (process {})", daemon.root.id())), "{said}");
    assert_eq!(second.status.code(), Some(1));
}

fn the_service_manager_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(LONG)).unwrap();
    let receive = || {
        let mut buffer = [0; 200];
        let len = socket.recv(&mut buffer).unwrap();
        String::from_utf8_lossy(&buffer[..len]).into_owned()
    };
    let notify_socket = Some(path.to_str().unwrap().to_owned());
    let daemon = Daemon::start(Setup { notify_socket, ..Setup::default() });
    assert_eq!(receive(), "READY=1\nSTATUS=serving with 10 containers");
    // Fed again and again.
    for _ in 0..3 {
        assert_eq!(receive(), "WATCHDOG=1");
    }
    let told = || std::iter::repeat_with(receive).find(|message| message != "WATCHDOG=1").unwrap();
    daemon.signal_root(Signal::HUP);
    let refused = told();
    assert!(refused.contains("SIGHUP changed nothing") && refused.contains("restart"), "{refused}");
    daemon.signal_root(Signal::TERM);
    assert_eq!(told(), "STOPPING=1\nSTATUS=stopping: SIGTERM");
}

fn roles_as_threads_work_alike() {
    let mut daemon = linked(Setup { multiprocess: false, ..Setup::default() });
    assert_eq!(daemon.pid_of("listing"), daemon.root.id());
    daemon.signal_root(Signal::TERM);
    check_stop(&mut daemon, "exit SIGTERM", 0);
    let mut daemon = Daemon::start(Setup {
        multiprocess: false,
        fault: "maintenance=stubborn",
        timing: STUBBORN,
        ..Setup::default()
    });
    daemon.wait_for("stubborn ");
    daemon.signal_root(Signal::TERM);
    check_stop(&mut daemon, "exit SIGTERM", 0);
}

fn a_thread_that_panics_is_replaced() {
    let fault = "listing=panic-once";
    let mut daemon = linked(Setup { multiprocess: false, fault, ..Setup::default() });
    assert!(daemon.data_dir.path().join("data/panicked").exists());
    daemon.signal_root(Signal::TERM);
    check_stop(&mut daemon, "exit SIGTERM", 0);
}

fn a_panic_is_written_down() {
    let mut daemon = linked(Setup { fault: "indexing=panic-aside", ..Setup::default() });
    let path = daemon.data_dir.path().join("data/logs/errors.log");
    let deadline = std::time::Instant::now() + LONG;
    let text = loop {
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        if text.contains("poisonous") || std::time::Instant::now() > deadline {
            break text;
        }
        std::thread::yield_now();
    };
    let source =
        format!("indexing[{}] thread=worker-7 work=\"a poisonous picture\"", daemon.pid_of("indexing"));
    // The names of functions are known inside of the sandbox too.
    for part in [&source, "panic: the decoder stumbled", "at tests/tree/roles.rs:", "role_main"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    daemon.signal_root(Signal::TERM);
    check_stop(&mut daemon, "exit SIGTERM", 0);
}

fn a_container_that_leaks_is_killed() {
    let mut daemon = Daemon::start(Setup { fault: "indexing=leak", ..Setup::default() });
    let line = daemon.wait_for("error ");
    assert!(line.contains("MiB of memory, 128 are allowed"), "{line}");
    assert_eq!(daemon.wait_for_end().0.code(), Some(1));
}

fn confined_containers_cannot_get_out() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let fault = "broker=break-out,front=break-out,link-finder=break-out,index-watcher=break-out,\
                 reverse-search=break-out,listing=break-out,indexing=break-out,maintenance=break-out";
    let target = listener.local_addr().unwrap().to_string();
    let mut daemon = Daemon::start(Setup { fault, target, ..Setup::default() });
    let mut told = std::collections::BTreeMap::new();
    while told.len() < 8 {
        let line = daemon.wait_for("escapes ");
        let words: Vec<&str> = line.split(' ').collect();
        told.insert(words[1].to_owned(), words[2].to_owned());
    }
    // A socket for datagrams is how names are resolved.
    let fetching = "read-names,connect,datagram,thread";
    for (role, may) in [
        ("broker", "write-data,remove-data,read-index,thread"),
        ("front", "thread"),
        ("index-watcher", "thread"),
        ("maintenance", "thread"),
        ("link-finder", fetching),
        ("listing", fetching),
        ("indexing", fetching),
        ("reverse-search", "read-index,read-names,connect,datagram,thread"),
    ] {
        assert_eq!(told[role], may, "{role}");
    }
    daemon.signal_root(Signal::TERM);
    check_stop(&mut daemon, "exit SIGTERM", 0);
}

fn a_kernel_without_landlock_is_told_once() {
    let fault = "indexing=break-out";
    let mut daemon = Daemon::start(Setup { fault, without_landlock: true, ..Setup::default() });
    let line = daemon.wait_for("escapes indexing ");
    let may: Vec<&str> = line.split([' ', ',']).collect();
    // Files are open, as is told; the rest of the sandbox holds.
    assert!(may.contains(&"read-secret"), "{line}");
    for held in ["program", "signal", "listen", "files", "memory"] {
        assert!(!may.contains(&held), "{held}: {line}");
    }
    daemon.wait_for_links();
    let log = std::fs::read_to_string(daemon.data_dir.path().join("data").join(LOG)).unwrap();
    assert_eq!(log.matches("the sandbox is incomplete").count(), 1, "{log}");
    assert!(log.contains("this kernel has no Landlock"), "{log}");
    daemon.signal_root(Signal::TERM);
    check_stop(&mut daemon, "exit SIGTERM", 0);
}

/// A container of the test itself, which is stopped and then killed while it is written to.
fn a_killed_peer_frees_a_full_outbox() {
    let (came, comes) = std::sync::mpsc::channel();
    let door = bootstrap::open(move |result| came.send(result).unwrap()).unwrap();
    let own_pid = std::process::id().to_string();
    let mut child = std::process::Command::new("/proc/self/exe")
        .args(["container", "maintenance", door.name(), &own_pid])
        .spawn()
        .unwrap();
    let (hello, root_end) = comes.recv_timeout(LONG).unwrap().unwrap();
    assert_eq!(hello.pid, child.id());
    send_signal(child.id(), Signal::STOP);
    let (outbox, mut receiver) = root_end.start("to-container").unwrap();
    let error = loop {
        if let Err(error) = outbox.order(RootToContainer::Stop) {
            // The writer may still be filling the socket: full for good is full after a while.
            if matches!(error, OutboxError::Full) && !outbox.flush(Duration::from_millis(100)) {
                break error;
            }
        }
    };
    assert!(matches!(error, OutboxError::Full), "{error}");
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(receiver.recv().is_err());
    while !matches!(outbox.order(RootToContainer::Stop), Err(OutboxError::Closed)) {
        std::thread::yield_now();
    }
}
