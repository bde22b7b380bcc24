//! The process tree: who is there, how it ends, what happens when one of it dies.

use std::time::{Duration, Instant};

use crate::daemon::{Daemon, Setup, binary, containers_of, free_port, kill, runs, wait_for, write_config};

const ROLES: [&str; 8] = [
    "broker",
    "front",
    "index-watcher",
    "indexing",
    "link-finder",
    "listing",
    "maintenance",
    "reverse-search",
];

#[test]
fn every_role_is_a_process_and_ends_with_the_root() {
    for signal in ["-TERM", "-INT", "-HUP"] {
        let mut daemon = Daemon::start(Setup::default());
        let containers = daemon.containers();
        let mut roles: Vec<_> = containers.iter().map(|(_, role)| role.as_str()).collect();
        roles.sort_unstable();
        assert_eq!(roles, ROLES);
        let begun = Instant::now();
        daemon.signal(signal);
        let status = daemon.root.wait().unwrap();
        assert!(status.success(), "{signal}: {status}");
        // The promise is two seconds; a machine under load may add some.
        assert!(begun.elapsed() < Duration::from_secs(4), "{signal}: {:?}", begun.elapsed());
        for (pid, role) in containers {
            assert!(!runs(pid), "{signal}: {role} is left behind");
        }
    }
}

#[test]
fn nothing_is_left_when_the_root_is_killed() {
    let mut daemon = Daemon::start(Setup::default());
    let containers = daemon.containers();
    assert_eq!(containers.len(), ROLES.len());
    daemon.signal("-KILL");
    daemon.root.wait().unwrap();
    wait_for("all containers to end", || containers.iter().all(|(pid, _)| !runs(*pid)).then_some(()));
}

#[test]
fn a_killed_container_is_replaced_and_queries_go_on() {
    let daemon = Daemon::start(Setup::default());
    let cases = daemon.world.known();
    let url = cases[0].url().unwrap();
    let expected = daemon.query(url)["results"][0]["tweet_id"].clone();
    for role in ROLES {
        let (victim, _) = *daemon.containers().iter().find(|(_, name)| name == role).unwrap();
        kill(victim, "-KILL");
        wait_for(&format!("a new {role}"), || {
            daemon.containers().into_iter().find(|(pid, name)| name == role && *pid != victim)
        });
        // Another query each time (a fragment makes it another key), so that every stage has to work.
        let answer = wait_for("an answer", || {
            let answer = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                daemon.query(&format!("{url}#after-{role}"))
            }));
            answer.ok()
        });
        assert_eq!(answer["results"][0]["tweet_id"], expected, "after the death of {role}: {answer:#}");
    }
}

#[test]
fn a_second_daemon_on_the_same_data_is_refused() {
    let daemon = Daemon::start(Setup::default());
    let output = binary()
        .args(["serve", "--no-console", "--config"])
        .arg(daemon.config())
        .env("AOTF_HTTP__BIND", format!("127.0.0.1:{}", free_port()))
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success());
    assert!(told.contains(&daemon.root.id().to_string()), "the holder's pid is not named: {told}");
}

#[test]
fn a_port_in_use_is_named() {
    let daemon = Daemon::start(Setup::default());
    let folder = tempfile::tempdir().unwrap();
    let config = write_config(folder.path(), &daemon.world, daemon.address, &Setup::default());
    let output = binary().args(["serve", "--no-console", "--config"]).arg(config).output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success());
    assert!(told.contains(&daemon.address.port().to_string()), "{told}");
}

#[test]
fn a_bad_configuration_names_line_key_and_nearest_key() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("parameters.toml");
    std::fs::write(&path, "data_dir = \"d\"\n\n[http]\nbnid = \"127.0.0.1:1\"\n").unwrap();
    let output = binary().args(["serve", "--no-console", "--config"]).arg(&path).output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(78), "{told}");
    for part in ["4", "bnid", "bind"] {
        assert!(told.contains(part), "{part:?} is missing: {told}");
    }
}

#[test]
fn the_demo_finds_its_post_and_leaves_nothing() {
    let port = free_port().to_string();
    let output = binary().args(["demo", "--once", "--port", &port]).output().unwrap();
    let told = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}\n{errors}");
    assert!(told.contains("distance"), "{told}");
}

#[test]
fn nothing_is_left_when_the_demo_is_killed() {
    let mut demo = binary()
        .args(["demo", "--no-console", "--port", &free_port().to_string()])
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    // demo -> serve -> containers
    let root = wait_for("the demo's daemon", || {
        let children = std::fs::read_to_string(format!("/proc/{0}/task/{0}/children", demo.id())).ok()?;
        children.split_whitespace().find_map(|pid| {
            let pid = pid.parse().ok()?;
            (containers_of(pid).len() == ROLES.len()).then_some(pid)
        })
    });
    let containers = containers_of(root);
    demo.kill().unwrap();
    demo.wait().unwrap();
    wait_for("the daemon to end", || {
        (!runs(root) && containers.iter().all(|(pid, _)| !runs(*pid))).then_some(())
    });
}
