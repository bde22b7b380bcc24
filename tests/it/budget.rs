//! What reads cost: counted as they are billed, shown, and kept within the budget.

use std::time::Duration;

use aotf::base::Timestamp;
use aotf::demo::world::crowd::{Artist, Misses};
use aotf::demo::world::{Endpoint, Options, World};
use serde_json::Value;

use crate::daemon::{Daemon, Setup, wait_for};

fn stats(daemon: &Daemon) -> Value {
    let output = daemon.command(&["stats", "--json"]);
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn a_day_that_is_spent_ends_queries_and_keeps_scans() {
    // An account, and nearly all is left: a scan that costs more begins.
    let extra = "[twitter.budget]\ndaily_usd = 0.11\n[scan]\nwindows_days = []\n";
    let daemon = Daemon::start(Setup { extra, ..Setup::default() });
    let cases = daemon.world.known();
    let mut urls = cases.iter().filter_map(|case| case.url());
    let answer = daemon.query(urls.next().unwrap());
    assert_eq!(answer["error"], "API_BUDGET_EXHAUSTED", "{answer:#}");
    assert!(answer["error_detail"].as_str().unwrap().contains("demo_juniper"), "{answer:#}");
    let stats = wait_for("the ledger", || {
        let stats = stats(&daemon);
        (stats["left_today_usd"] == 0.0).then_some(stats)
    });
    // To the cent: a page that would pass the limit was asked for smaller.
    assert_eq!(stats["spent_today_usd"], 0.11, "{stats:#}");

    // The scan holds its place; who asks for another account is told at once.
    assert!(stats["processing_scan_requests_count"] == 1, "{stats:#}");
    assert_eq!(stats["deferred_scans_count"], 1, "{stats:#}");
    wait_for("the metrics, which may be some seconds old", || {
        let (_, metrics) = daemon.http("GET", "/metrics", &[], b"").unwrap();
        String::from_utf8(metrics).unwrap().contains("\naotf_scans_waiting_for_budget 1\n").then_some(())
    });
    let threads = String::from_utf8(daemon.command(&["threads"]).stdout).unwrap();
    assert!(threads.contains("next day's budget"), "{threads}");
    let refused = daemon.command(&["scan", "demo_rowan", "--wait"]);
    assert_eq!(refused.status.code(), Some(3), "{refused:?}");
    assert!(String::from_utf8_lossy(&refused.stderr).contains("API_BUDGET_EXHAUSTED"), "{refused:?}");
    let asked_before = daemon.world.served(aotf::demo::world::Endpoint::UsersByHandle);
    let other = daemon
        .query(cases.iter().filter_map(|case| case.url()).find(|url| url.contains("demo-maple")).unwrap());
    assert_eq!(other["error"], "API_BUDGET_EXHAUSTED", "{other:#}");
    assert_eq!(daemon.world.served(aotf::demo::world::Endpoint::UsersByHandle), asked_before);
}

/// Several scans at once, in several workers, until nothing is left: what the ledger holds never passes the
/// limit.
#[test]
fn several_workers_stay_within_the_limit_together() {
    let extra = "[twitter.budget]\ndaily_usd = 0.5\n[workers]\nlisting = 4\n[scan]\ntimeline = \"always\"\n";
    let folder = tempfile::tempdir().unwrap();
    let artists = [1, 2, 3, 4].map(|number| Artist {
        id: 9_100_000_000 + number,
        handle: ["within_one", "within_two", "within_three", "within_four"][number as usize - 1],
        posts: 130,
        one_image_in: 2,
        misses: Misses::Random(0.0),
        seed: number,
    });
    let world = World::start_with(Options::default(), |facts| {
        for artist in &artists {
            artist.add_to(facts);
        }
    })
    .unwrap();
    let daemon = Daemon::start_in(folder, world, &Setup { extra, ..Setup::default() });
    let ledger = daemon.folder.path().join("data/state.db");
    let spent = || {
        let state = rusqlite::Connection::open(&ledger).unwrap();
        let sum = "SELECT coalesce(sum(count * CASE resource WHEN 1 THEN 5 ELSE 10 END), 0) FROM ledger";
        state.query_row(sum, [], |row| row.get::<_, i64>(0)).unwrap()
    };
    for artist in &artists {
        daemon.command(&["scan", artist.handle]);
    }
    // One account alone has posts for $0.65, which its two listings ask for in pages of $2.50 and $0.50.
    wait_for("the limit", || {
        let now = spent();
        assert!(now <= 500, "{now} tenths of a cent");
        (stats(&daemon)["left_today_usd"].as_f64()? < 0.05).then_some(())
    });
    let threads = wait_for("the listings to wait", || {
        let threads = String::from_utf8(daemon.command(&["threads"]).stdout).unwrap();
        threads.contains("next day's budget").then_some(threads)
    });
    let now = spent();
    assert!((450..=500).contains(&now), "{now} tenths of a cent: {threads}");
}

#[test]
fn reads_are_counted_once_a_day_and_over_restarts() {
    let daemon = Daemon::start(Setup::default());
    assert!(daemon.command(&["scan", "demo_hazel", "--wait"]).status.success());
    let first = stats(&daemon);
    let spent = first["spent_today_usd"].as_f64().unwrap();
    // One account, and 40 posts at most, though search and timeline read some of them twice.
    assert!((0.1..=0.21).contains(&spent), "{first:#}");
    let broker = daemon.containers().into_iter().find(|(_, role)| role == "broker").unwrap().0;
    crate::daemon::kill(broker, "-KILL");
    let after = wait_for("the next broker's figures", || {
        let output = daemon.command(&["stats", "--json"]);
        serde_json::from_slice::<Value>(&output.stdout).ok().filter(|stats| stats["spent_today_usd"].is_f64())
    });
    assert_eq!(after["spent_today_usd"], first["spent_today_usd"], "{after:#}");
}

/// A key has 300 look-ups in a quarter of an hour, for everybody.
#[test]
fn repeated_queries_for_an_artist_need_no_look_up() {
    let daemon = Daemon::start(Setup::default());
    let url = daemon.world.known()[0].url().unwrap().to_owned();
    crate::faults::assert_found(&daemon.query(&url));
    let asked = daemon.world.served(Endpoint::UsersByHandle);
    assert!(asked > 0, "the artist was looked up");
    daemon.world.exhaust_limit(Endpoint::UsersByHandle, Timestamp::now().plus(Duration::from_secs(900)));
    for number in 0..3 {
        crate::faults::assert_found(&daemon.query(&format!("{url}#{number}")));
    }
    assert_eq!(daemon.world.served(Endpoint::UsersByHandle), asked);
}
