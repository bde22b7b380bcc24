//! What strangers' servers can cost: hostile sites, networks and image hosts take a query of their own along,
//! and nothing else. The same processes serve all of this file's queries to the end.

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
/// A tenth of what is read of a page at most: unoptimized readers take a minute of a whole one (`aotf bench
/// pages` measures those).
const PAGE_BYTES: usize = 1 << 20;

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

/// Impatient towards hosts. Not more: the world draws its pictures when they are asked for first, and one
/// that is not there in time counts as failed.
const IMPATIENT: &str = "timeout_secs = 10\nmax_concurrent_per_host = 32";

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
    // Each site sends another page, and in the second round another one again.
    let hosts: Vec<String> = daemon.world.upstreams().into_keys().collect();
    let is_of_images = |host: &str| {
        ["cdn", "files", "static", "img", "pbs", "metapix", "pximg", "wix"]
            .iter()
            .any(|part| host.contains(part))
    };
    for round in 0..2 {
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

/// The account that each network's API is asked for, its hosts, and the endpoint that lists its posts.
const ACCOUNTS: [(&str, &str); 4] = [
    ("api.x.com", "demo_maple"),
    ("public.api.bsky.app", "demo-atlas.bsky.social"),
    ("mastodon.art", "@demo_atlas@mastodon.art"),
    ("demo-misskey.example", "misskey:demo_atlas@demo-misskey.example"),
];

#[test]
fn hostile_networks_end_their_own_scans_alone() {
    let world = World::start(Options::default()).unwrap();
    let honest = honest(&world, &[]);
    let setup = Setup {
        fetch: IMPATIENT,
        extra: "[limits]\nrequests_per_second = 1000\n[twitter.budget]\ndaily_usd = 0\nmonthly_usd = 0\n",
        ..Setup::default()
    };
    let daemon = Daemon::start_in(tempfile::tempdir().unwrap(), world, &setup);
    assert_found(&daemon.query(&honest));
    let before = processes(&daemon);
    let attacks = [
        Hostile::OddTypes,
        Hostile::HugeNumbers,
        Hostile::Page("json: numbers", 8 << 20),
        Hostile::Page("json: objects", 8 << 20),
        Hostile::Page("json: members", 8 << 20),
        Hostile::Page("json: each list longer, each another", 8 << 20),
        Hostile::Redirects,
        Hostile::Gzip,
        Hostile::Brotli,
    ];
    for attack in attacks {
        for (host, _) in ACCOUNTS {
            daemon.world.set_hostile(host, Some(attack));
        }
        for (_, account) in ACCOUNTS {
            daemon.world.renew_limits();
            // Whether it is refused, fails or waits: nobody waits for it here.
            daemon.command(&["scan", account]);
        }
        for (host, _) in ACCOUNTS {
            daemon.world.set_hostile(host, None);
        }
        assert_found(&daemon.query(&format!("{honest}#{attack:?}")));
    }
    assert_unharmed(&daemon, &before);
}

#[test]
fn endless_accounts_of_every_network_leave_their_workers() {
    let world = World::start(Options::default()).unwrap();
    let honest = honest(&world, &[]);
    let setup = Setup {
        fetch: "timeout_secs = 600",
        extra: "[limits]\nrequests_per_second = 1000\n[scan]\nmax_pending_posts = 200\ntimeline = \"always\"\n\
                [twitter]\nsearch_interval_ms = 0\n[twitter.budget]\ndaily_usd = 0\nmonthly_usd = 0\n",
        ..Setup::default()
    };
    let daemon = Daemon::start_in(tempfile::tempdir().unwrap(), world, &setup);
    assert_found(&daemon.query(&honest));
    let before = processes(&daemon);
    for host in ["pbs.twimg.com", "cdn.bsky.app", "files.mastodon.art", "files.demo-misskey.example"] {
        daemon.world.set_hostile(host, Some(Hostile::Silent));
    }
    // As many on a page as the API allows, and far more.
    daemon.world.set_hostile("api.x.com", Some(Hostile::EndlessPosts(100)));
    daemon.world.set_hostile("public.api.bsky.app", Some(Hostile::EndlessPosts(3000)));
    daemon.world.set_hostile("mastodon.art", Some(Hostile::EndlessPosts(3000)));
    daemon.world.set_hostile("demo-misskey.example", Some(Hostile::EndlessPosts(3000)));
    for (_, account) in ACCOUNTS {
        let told = daemon.command(&["scan", account]);
        assert!(told.status.success(), "{told:?}");
    }
    let listings = || -> Vec<Value> {
        let told = daemon.command(&["queues", "--json"]);
        let stages: Value = serde_json::from_slice(&told.stdout).unwrap_or_default();
        let is_listing =
            |stage: &&Value| stage["queue"].as_str().is_some_and(|name| name.ends_with("listing"));
        stages.as_array().into_iter().flatten().filter(is_listing).cloned().collect()
    };
    wait_for("all listings to wait for room without a worker", || {
        let listings = listings();
        let sum = |field: &str| listings.iter().filter_map(|stage| stage[field].as_u64()).sum::<u64>();
        (sum("leased") == 0 && sum("waiting_user") + sum("waiting_maintenance") >= 5).then_some(())
    });
    daemon.world.set_hostile("api.x.com", None);
    daemon.world.set_hostile("pbs.twimg.com", None);
    assert_unharmed(&daemon, &before);
}
