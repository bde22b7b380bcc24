//! Under a load of queries and scans, random processes are killed, stopped and starved. Afterwards every
//! accepted query has ended with what a quiet run finds, every scan has stored what a quiet run stores, the
//! database is whole, and nothing is left: no process, no shared memory, no temporary file.
//!
//! The seed is printed; `AOTF_CHAOS_SEED=N cargo test --test it chaos` runs it again.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::{Duration, Instant};

use aotf::base::Timestamp;
use aotf::demo::world::cases::Expect;
use aotf::demo::world::crowd::{Artist, Misses};
use aotf::demo::world::facts::{MediaKind, Relation};
use aotf::demo::world::hostile::Hostile;
use aotf::demo::world::{Options, World};
use aotf::domain::posts::snowflake_time;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::daemon::{Daemon, Setup, encode, runs, wait_for};
use crate::fairness::{BEHIND_A_PROXY, HONEST, HOSTILE, ask, follow, is_over};
use crate::faults::assert_found;

const CHAOS: Duration = Duration::from_secs(12);
/// A role that fails ten times in two minutes is given up, as it should be.
const MAX_KILLS_PER_ROLE: u32 = 6;
const PAGES: usize = 5;

/// Accounts that are scanned, of whom no query asks.
const ARTISTS: [Artist; 3] = {
    const fn artist(id: u64, handle: &'static str) -> Artist {
        Artist { id, handle, posts: 90, one_image_in: 2, misses: Misses::Random(0.2), seed: id }
    }
    [
        artist(9_100_000_001, "chaos_one"),
        artist(9_100_000_002, "chaos_two"),
        artist(9_100_000_003, "chaos_three"),
    ]
};

fn seed() -> u64 {
    std::env::var("AOTF_CHAOS_SEED")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or_else(|| fastrand::u64(..))
}

fn signal(pid: u32, signal: Signal) {
    // It may have ended meanwhile.
    if let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
        let _ = kill_process(pid, signal);
    }
}

/// What counts of an answer: the posts found, the accounts, and the error.
fn essence(answer: &Value) -> String {
    let posts: Vec<&Value> =
        answer["results"].as_array().unwrap().iter().map(|result| &result["tweet_id"]).collect();
    format!("{:?} {posts:?}", answer["error"])
}

/// Pages of three artists: one whose account must be scanned whole, since a post of theirs is unknown to the
/// search, and two that are looked through around the artwork's date.
fn pages(daemon: &Daemon) -> Vec<String> {
    let cases = daemon.world.known();
    let found = cases.iter().filter(|case| matches!(case.expect, Expect::Post { .. }));
    found.filter_map(|case| case.url().map(str::to_owned)).skip(2).take(PAGES).collect()
}

/// Starts a query; true if it was accepted.
fn accepted(daemon: &Daemon, url: &str) -> bool {
    let Ok((200, body)) = daemon.http("GET", &format!("/query?url={}", encode(url)), &[], b"") else {
        return false;
    };
    serde_json::from_slice::<Value>(&body).is_ok_and(|answer| answer["status"].is_string())
}

fn start() -> Daemon {
    let world = World::start_with(Options::default(), |facts| {
        for artist in &ARTISTS {
            artist.add_to(facts);
        }
    });
    let extra = "[twitter.budget]\ndaily_usd = 0\nmonthly_usd = 0\n[scan]\ntimeline = \"always\"\n";
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("temporary")).unwrap();
    Daemon::start_in(folder, world.unwrap(), &Setup { extra, own_temporary: true, ..Setup::default() })
}

/// Follows a scan to its end; one that lost three workers is given up, as it should be, and the next
/// completes it.
fn finish_scan(daemon: &Daemon, artist: &Artist) {
    wait_for(&format!("the scan of @{} to end", artist.handle), || {
        daemon.world.renew_limits();
        daemon.command(&["scan", artist.handle, "--wait", "--quiet"]).status.success().then_some(())
    });
}

/// The posts of the artists in the database.
fn stored(database: &Path) -> BTreeSet<(String, String)> {
    let connection = rusqlite::Connection::open(database).unwrap();
    let sql = "SELECT accounts.native, posts.native FROM posts JOIN accounts ON posts.account = accounts.no";
    let mut statement = connection.prepare(sql).unwrap();
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap().map(Result::unwrap);
    let artists: BTreeSet<String> = ARTISTS.iter().map(|artist| artist.id.to_string()).collect();
    rows.filter(|(account, _)| artists.contains(account)).collect()
}

/// How many windows of accounts on X the database holds, and the posts within them that it lacks though the
/// search knows them.
fn lacking_in_windows(daemon: &Daemon) -> (usize, Vec<u64>) {
    let connection = rusqlite::Connection::open(daemon.folder.path().join("data/aotf.db")).unwrap();
    let sql = "SELECT native, windows FROM accounts WHERE network = 1 AND windows IS NOT NULL";
    let mut statement = connection.prepare(sql).unwrap();
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    let rows: Vec<(String, String)> = rows.map(Result::unwrap).collect();
    let mut posts = connection.prepare("SELECT native FROM posts WHERE network = 1").unwrap();
    let stored: BTreeSet<String> =
        posts.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    let facts = daemon.world.facts();
    let (mut count, mut lacking) = (0, Vec::new());
    for (account, windows) in rows {
        let author = facts.account_by_id(account.parse().unwrap()).unwrap();
        for window in windows.split(' ') {
            count += 1;
            let (span, _) = window.split_once('@').unwrap();
            let (from, to) = span.split_once('_').unwrap();
            let (from, to): (i64, i64) = (from.parse().unwrap(), to.parse().unwrap());
            let is_photo = |media: &usize| facts.media[*media].kind == MediaKind::Photo;
            let shown = facts.posts_of(author).filter(|post| {
                let moment = snowflake_time(&post.id.to_string()).unwrap();
                let is_inside = (Timestamp(from)..=Timestamp(to)).contains(&moment);
                let is_own =
                    matches!(post.relation, Relation::None | Relation::Quote(_) | Relation::Reply(_));
                is_inside && is_own && !post.missed_by_search && post.media.iter().any(is_photo)
            });
            lacking.extend(shown.map(|post| post.id).filter(|id| !stored.contains(&id.to_string())));
        }
    }
    (count, lacking)
}

/// The names of the files in the data folder, without those that SQLite keeps while a database is open;
/// numbers, which the files of the index count up in, are zeros.
fn files(daemon: &Daemon) -> Vec<String> {
    fn walk(folder: &Path, below: &str, names: &mut BTreeSet<String>) {
        for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
            let name = format!("{below}/{}", entry.file_name().to_string_lossy());
            match entry.file_type().unwrap().is_dir() {
                true => walk(&entry.path(), &name, names),
                false => drop(names.insert(name)),
            }
        }
    }
    let mut names = BTreeSet::new();
    walk(&daemon.folder.path().join("data"), "", &mut names);
    // Errors are written down where there were any.
    names.retain(|name| !name.ends_with("-wal") && !name.ends_with("-shm") && name != "/logs/errors.log");
    let without_numbers = |name: &String| name.replace(|char: char| char.is_ascii_digit(), "0");
    names.iter().map(without_numbers).collect()
}

/// Names of shared memory that the processes of the daemon have open: what would outlive them.
fn named_shared_memory(daemon: &Daemon) -> Vec<String> {
    let maps =
        daemon.containers().into_iter().map(|(pid, _)| std::fs::read_to_string(format!("/proc/{pid}/maps")));
    let maps: Vec<String> = maps.filter_map(Result::ok).collect();
    maps.iter()
        .flat_map(|map| map.lines())
        .filter(|line| line.contains(" /dev/shm/"))
        .map(str::to_owned)
        .collect()
}

fn stop(daemon: &mut Daemon) {
    daemon.signal("-TERM");
    assert!(daemon.root.wait().unwrap().success());
}

#[test]
fn what_was_accepted_survives_chaos() {
    let seed = seed();
    println!("AOTF_CHAOS_SEED={seed}");
    let mut rng = fastrand::Rng::with_seed(seed);
    let mut quiet = start();
    let expect: BTreeMap<String, String> =
        pages(&quiet).into_iter().map(|url| (url.clone(), essence(&quiet.query(&url)))).collect();
    assert_eq!(expect.len(), PAGES);
    ARTISTS.iter().for_each(|artist| finish_scan(&quiet, artist));
    stop(&mut quiet);
    let expect_stored = stored(&quiet.folder.path().join("data/aotf.db"));
    assert!(expect_stored.len() > 100, "too little to scan");
    let expect_files = files(&quiet);
    drop(quiet);

    let mut daemon = start();
    // Scans that are under way all the while.
    daemon.world.set_latency(Duration::from_millis(5));
    for artist in &ARTISTS {
        wait_for("a scan to be accepted", || {
            daemon.command(&["scan", artist.handle]).status.success().then_some(())
        });
    }
    let urls: Vec<&String> = expect.keys().collect();
    let mut promised: Vec<(String, &String)> = Vec::new();
    let mut kills: BTreeMap<String, u32> = BTreeMap::new();
    let mut seen: Vec<u32> = Vec::new();
    let end = Instant::now() + CHAOS;
    while Instant::now() < end {
        daemon.world.renew_limits();
        // A fragment makes another query of the same page.
        let page = urls[rng.usize(..urls.len())];
        let url = format!("{page}#chaos-{}", promised.len());
        if accepted(&daemon, &url) {
            promised.push((url, page));
        }
        let containers = daemon.containers();
        seen.extend(containers.iter().map(|(pid, _)| *pid));
        let Some((victim, role)) = containers.get(rng.usize(..containers.len().max(1))) else { continue };
        match rng.u8(..10) {
            0..3 if kills.get(role).is_none_or(|kills| *kills < MAX_KILLS_PER_ROLE) => {
                *kills.entry(role.clone()).or_default() += 1;
                signal(*victim, Signal::KILL);
            }
            // Frozen for a while, shorter than what the supervisor bears, or starved.
            3..6 => {
                signal(*victim, Signal::STOP);
                std::thread::park_timeout(Duration::from_millis(rng.u64(..700)));
                signal(*victim, Signal::CONT);
            }
            _ => std::thread::park_timeout(Duration::from_millis(rng.u64(..300))),
        }
    }
    println!("{} queries accepted, killed: {kills:?}", promised.len());
    assert!(promised.len() >= 5 && kills.values().sum::<u32>() >= 3, "too little happened");
    for (url, page) in &promised {
        let answer = daemon.query(url);
        assert_eq!(essence(&answer), expect[*page], "seed {seed}, {url}: {answer:#}");
    }
    ARTISTS.iter().for_each(|artist| finish_scan(&daemon, artist));
    wait_for("all to be at rest", || {
        let stats = daemon.get("/stats");
        (stats["processing_user_requests_count"] == 0 && stats["pending_tweets_count"] == 0).then_some(())
    });
    seen.extend(daemon.containers().iter().map(|(pid, _)| *pid));
    assert_eq!(named_shared_memory(&daemon), Vec::<String>::new(), "seed {seed}");
    stop(&mut daemon);
    assert!(seen.iter().all(|pid| !runs(*pid)), "seed {seed}: a process is left");
    let verify =
        crate::daemon::binary().args(["db", "verify", "--config"]).arg(daemon.config()).output().unwrap();
    assert!(verify.status.success(), "seed {seed}: {verify:?}");
    let now_stored = stored(&daemon.folder.path().join("data/aotf.db"));
    let odd: Vec<_> = now_stored.symmetric_difference(&expect_stored).collect();
    assert!(odd.is_empty(), "seed {seed}: posts too many or too few: {odd:?}");
    let (windows, lacking) = lacking_in_windows(&daemon);
    assert!(windows > 0, "the queries looked through no window");
    assert!(lacking.is_empty(), "seed {seed}: marked as looked through and not stored: {lacking:?}");
    let now_files = files(&daemon);
    assert_eq!(now_files, expect_files, "seed {seed}: other files are left than after a quiet run");
    let temporary: Vec<_> = std::fs::read_dir(daemon.folder.path().join("temporary")).unwrap().collect();
    assert!(temporary.is_empty(), "seed {seed}: {temporary:?}");
}

/// A hostile client keeps ten queries of silent pages under way, which never end, another one asks for
/// answers of ten megabytes, and workers are killed: the honest client's query is answered before any of the
/// ten. Nothing is timed.
#[test]
fn an_honest_client_is_served_amid_attacks_and_deaths() {
    const SILENT: &str = "www.artstation.com";
    const HEAVY: &str = "danbooru.donmai.us";
    const ANOTHER: &str = "192.0.2.3";
    let world = World::start(Options::default()).unwrap();
    let silent = crate::faults::pages(&world, SILENT)[0].clone();
    let heavy = crate::faults::pages(&world, HEAVY)[0].clone();
    let honest = crate::faults::pages(&world, "www.deviantart.com")[0].clone();
    let setup = Setup {
        http: BEHIND_A_PROXY,
        // Longer than this test: they never end.
        fetch: "timeout_secs = 600",
        extra: "[limits]\nrequests_per_second = 1000\nmax_processing_requests_per_ip = 10\n",
        ..Setup::default()
    };
    let daemon = Daemon::start_in(tempfile::tempdir().unwrap(), world, &setup);
    assert_found(&follow(&daemon, HONEST, &honest));
    daemon.world.set_hostile(SILENT, Some(Hostile::Silent));
    daemon.world.set_hostile(HEAVY, Some(Hostile::Page("json: each text of addresses", 10 << 20)));
    let hostile: Vec<String> = (0..10).map(|number| format!("{silent}?{number}")).collect();
    for url in &hostile {
        assert!(!is_over(&ask(&daemon, HOSTILE, url)));
    }
    // A query that takes three workers with it is given up: each role dies twice at the most.
    for (round, victim) in ["link-finder", "reverse-search", "listing", "link-finder"].iter().enumerate() {
        let (pid, _) =
            wait_for("the victim", || daemon.containers().into_iter().find(|(_, role)| role == victim));
        signal(pid, Signal::KILL);
        for number in 0..5 {
            ask(&daemon, ANOTHER, &format!("{heavy}?{round}={number}"));
        }
        assert_found(&follow(&daemon, HONEST, &format!("{honest}#{round}")));
        for url in &hostile {
            assert!(!is_over(&ask(&daemon, HOSTILE, url)), "{victim}: {url}");
        }
    }
}
