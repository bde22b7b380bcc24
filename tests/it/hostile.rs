//! What strangers' servers can cost: hostile sites, networks and image hosts take a query of their own along, and
//! nothing else. The same processes serve all of this file's queries to the end.

use std::collections::BTreeMap;

use aotf::demo::world::cases::Expect;
use aotf::demo::world::hostile::{HOSTILE, Hostile};
use aotf::demo::world::{Options, World};
use serde_json::Value;

use crate::daemon::{Daemon, Setup, wait_for};
use crate::fairness::is_over;
use crate::faults::{assert_found, pages};

/// Peaks that no process may pass beside what it has at rest: below the limits of `[sandbox.memory_mib]`.
const MOST_MIB: u64 = 160;
const PAGE_BYTES: usize = 10 << 20;

/// Private memory at its peak, in MiB, and the process, by role. Pids show that none was replaced.
fn processes(daemon: &Daemon) -> BTreeMap<String, (u32, u64)> {
    let peak = |pid: u32| {
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        let line = status.lines().find(|line| line.starts_with("VmHWM:"));
        line.and_then(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok()).unwrap_or(0) / 1024
    };
    daemon.containers().into_iter().map(|(pid, role)| (role, (pid, peak(pid)))).collect()
}

/// All go on as the same processes, and none has grown beyond the limit.
#[track_caller]
fn assert_unharmed(daemon: &Daemon, before: &BTreeMap<String, (u32, u64)>) {
    let now = processes(daemon);
    for (role, (pid, peak)) in before {
        let (now_pid, now_peak) = now[role];
        assert_eq!(*pid, now_pid, "{role} was replaced");
        assert!(now_peak < peak + MOST_MIB, "{role} has taken {now_peak} MiB, {peak} at rest");
    }
}

/// Impatient towards hosts, so that what hangs is given up within a second.
const IMPATIENT: &str = "timeout_secs = 1\nmax_concurrent_per_host = 32";

/// A page of each site, and of each kind of link page.
fn tours(world: &World) -> Vec<String> {
    let tours = world.known().into_iter().filter(|case| case.tour.is_some());
    tours.filter_map(|case| case.url().map(str::to_owned)).collect()
}

/// A good page of another host than those that are hostile.
fn honest(world: &World, hostile: &[&str]) -> String {
    let found = world.known().into_iter().filter(|case| matches!(case.expect, Expect::Post { .. }));
    let mut urls = found.filter_map(|case| case.url().map(str::to_owned));
    urls.find(|url| hostile.iter().all(|host| !url.contains(host))).unwrap()
}

#[test]
fn hostile_pages_of_all_sites_end_and_harm_nobody() {
    let world = World::start(Options::default()).unwrap();
    let urls = tours(&world);
    let honest = honest(&world, &[]);
    let setup = Setup {
        extra: "[limits]\nrequests_per_second = 1000\nmax_processing_requests_per_ip = 1000\n",
        ..Setup::default()
    };
    let daemon = Daemon::start_in(tempfile::tempdir().unwrap(), world, &setup);
    assert_found(&daemon.query(&honest));
    let before = processes(&daemon);
    // Each page is another one for each site: what costs most stands in `docs/performance.md`.
    let hosts: Vec<String> = daemon.world.upstreams().into_keys().collect();
    let is_of_images = |host: &str| {
        ["cdn", "files", "static", "img", "pbs", "metapix", "pximg", "wix"]
            .iter()
            .any(|part| host.contains(part))
    };
    for round in 0..3 {
        for (number, host) in hosts.iter().enumerate().filter(|(_, host)| !is_of_images(host)) {
            let page = &HOSTILE[(number * 7 + round * 17) % HOSTILE.len()];
            daemon.world.set_hostile(host, Some(Hostile::Page(page.name, PAGE_BYTES)));
        }
        for url in &urls {
            daemon.begin(&format!("{url}#{round}"));
        }
        for url in &urls {
            wait_for(&format!("the end of {url}"), || {
                let target = format!("/query?url={}", crate::daemon::encode(&format!("{url}#{round}")));
                let (_, body) = daemon.http("GET", &target, &[], b"").ok()?;
                serde_json::from_slice::<Value>(&body).ok().filter(is_over)
            });
        }
    }
    for host in &hosts {
        daemon.world.set_hostile(host, None);
    }
    assert_found(&daemon.query(&format!("{honest}#again")));
    assert_unharmed(&daemon, &before);
}

#[test]
fn hostile_servers_cost_their_own_query_alone() {
    const SITE: &str = "www.artstation.com";
    const FILES: &str = "cdna.artstation.com";
    let world = World::start(Options::default()).unwrap();
    let page = pages(&world, SITE)[0].clone();
    let honest = honest(&world, &[SITE]);
    let setup = Setup {
        fetch: IMPATIENT,
        extra: "[limits]\nrequests_per_second = 1000\nmax_processing_requests_per_ip = 1000\n",
        ..Setup::default()
    };
    let daemon = Daemon::start_in(tempfile::tempdir().unwrap(), world, &setup);
    assert_found(&daemon.query(&honest));
    let before = processes(&daemon);
    let attacks = [
        Hostile::Drip,
        Hostile::Flood,
        Hostile::Gzip,
        Hostile::Brotli,
        Hostile::Redirects,
        Hostile::OddTypes,
        Hostile::HugeNumbers,
        Hostile::Silent,
    ];
    for host in [SITE, FILES] {
        for attack in attacks {
            daemon.world.set_hostile(host, Some(attack));
            let url = format!("{page}#{host}-{attack:?}");
            daemon.begin(&url);
            // It is still under way, or has failed: another's is answered.
            assert_found(&daemon.query(&format!("{honest}#{host}-{attack:?}")));
            let patient = matches!(attack, Hostile::Drip | Hostile::Silent);
            // What times out is tried again for three minutes, which are not waited for.
            if !patient {
                let answer = daemon.query(&url);
                assert!(is_over(&answer), "{answer:#}");
                let is_odd = matches!(attack, Hostile::OddTypes | Hostile::HugeNumbers);
                assert!(is_odd || !answer["error"].is_null() || host == FILES, "{attack:?}: {answer:#}");
            }
        }
        daemon.world.set_hostile(host, None);
    }
    assert_unharmed(&daemon, &before);
}

#[test]
fn secrets_stay_with_the_host_that_they_are_for() {
    const SITE: &str = "www.deviantart.com";
    const OTHER: &str = "www.furaffinity.net";
    let world = World::start(Options::default()).unwrap();
    let page = pages(&world, SITE)[0].clone();
    let extra = "[links.cookies]\ndeviantart = \"auth=secret\"\n";
    let daemon = Daemon::start_in(tempfile::tempdir().unwrap(), world, &Setup { extra, ..Setup::default() });
    assert_found(&daemon.query(&page));
    let own = |secrets: &[String]| secrets.iter().any(|host| host == SITE);
    assert!(own(&daemon.world.secrets_sent()), "{:?}", daemon.world.secrets_sent());
    daemon.world.set_hostile(SITE, Some(Hostile::LeadsTo(OTHER)));
    daemon.world.set_hostile("api.x.com", Some(Hostile::LeadsTo(OTHER)));
    daemon.begin(&format!("{page}#again"));
    let told = daemon.command(&["scan", "--wait", "demo_maple"]);
    assert!(!told.status.success(), "{told:?}");
    let secrets = daemon.world.secrets_sent();
    let allowed = [SITE, "api.x.com", "api.tumblr.com"];
    assert!(secrets.iter().all(|host| allowed.contains(&host.as_str())), "{secrets:?}");
}
