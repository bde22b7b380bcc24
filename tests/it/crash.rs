//! Processes killed in the middle of scans: whatever dies when, afterwards the database holds what an
//! undisturbed scan finds, and at no moment is a cursor ahead of its posts.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use aotf::demo::world::crowd::{Artist, Misses};
use aotf::demo::world::{Options, World};
use rusqlite::{Connection, OpenFlags};

use crate::daemon::{Daemon, Setup, binary, containers_of, free_port, kill, wait_for, write_config};

/// Set to repeat a run.
const SEED: &str = "AOTF_CRASH_SEED";
/// Daemons, one after the other on each thread, and kills in the life of each: fewer of one role than the
/// supervisor takes for a program that cannot work.
const DAEMONS: usize = 6;
const KILLS: usize = 17;
const VICTIMS: [&str; 3] = ["listing", "indexing", "broker"];
const MOST_OF_ONE_ROLE: usize = 7;

const ARTISTS: [Artist; 4] = {
    const fn artist(id: u64, handle: &'static str, misses: Misses) -> Artist {
        Artist { id, handle, posts: 130, one_image_in: 2, misses, seed: id }
    }
    [
        artist(9_000_000_001, "crash_one", Misses::Random(0.0)),
        artist(9_000_000_002, "crash_two", Misses::Random(0.2)),
        artist(9_000_000_003, "crash_three", Misses::Stretches(0.3, 10)),
        artist(9_000_000_004, "crash_four", Misses::Random(0.3)),
    ]
};

/// What the network holds of one account: all posts with images, and those that its search knows.
struct Truth {
    all: BTreeSet<String>,
    searchable: BTreeSet<String>,
}

fn truth_of(world: &World, artist: &Artist) -> Truth {
    let facts = world.facts();
    let author = facts.account_by_id(artist.id).unwrap();
    let shown = || facts.posts_of(author).filter(|post| !post.media.is_empty());
    Truth {
        all: shown().map(|post| post.id.to_string()).collect(),
        searchable: shown().filter(|post| !post.missed_by_search).map(|post| post.id.to_string()).collect(),
    }
}

/// The cursors of an account and its posts, of one moment. `None` before there is a database, or an account.
fn stored(database: &Path, artist: &Artist) -> Option<(bool, bool, BTreeSet<String>)> {
    let connection = Connection::open_with_flags(database, OpenFlags::SQLITE_OPEN_READ_ONLY).ok()?;
    connection.busy_timeout(Duration::from_secs(10)).ok()?;
    let reading = connection.unchecked_transaction().ok()?;
    let (no, search, timeline) = reading
        .query_row(
            "SELECT no, search_cursor IS NOT NULL, timeline_cursor IS NOT NULL FROM accounts WHERE native = ?1",
            [artist.id.to_string()],
            |row| Ok((row.get::<_, i64>(0)?, row.get(1)?, row.get(2)?)),
        )
        .ok()?;
    let mut statement = reading.prepare("SELECT native FROM posts WHERE account = ?1").unwrap();
    let posts = statement.query_map([no], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    Some((search, timeline, posts))
}

#[track_caller]
fn check_cursors(database: &Path, artist: &Artist, truth: &Truth, about: &str) {
    let Some((search, timeline, posts)) = stored(database, artist) else { return };
    let missing = |wanted: &BTreeSet<String>| wanted.difference(&posts).count();
    let handle = artist.handle;
    assert!(!search || missing(&truth.searchable) == 0, "{about}: @{handle}: the search cursor is ahead");
    assert!(!timeline || missing(&truth.all) == 0, "{about}: @{handle}: the timeline cursor is ahead");
}

/// One daemon: scans begin, processes die, scans end.
fn one_daemon(world: &World, number: usize, seed: u64) -> usize {
    let about = format!("{SEED}={seed}, daemon {number}");
    let mut rng = fastrand::Rng::with_seed(seed ^ (number as u64) << 32);
    let folder = tempfile::tempdir().unwrap();
    let extra = match number % 2 {
        0 => "[twitter.budget]\ndaily_usd = 0\nmonthly_usd = 0\n[scan]\ntimeline = \"adaptive\"\n",
        _ => {
            "[twitter.budget]\ndaily_usd = 0\nmonthly_usd = 0\n[scan]\ntimeline = \"always\"\nmax_pending_posts = 100\n"
        }
    };
    let address = SocketAddr::from(([127, 0, 0, 1], free_port()));
    let config = write_config(folder.path(), world, address, &Setup { extra, ..Setup::default() });
    let database = folder.path().join("data/aotf.db");
    let truths: Vec<Truth> = ARTISTS.iter().map(|artist| truth_of(world, artist)).collect();
    let mut root = Ended(Daemon::spawn(&config));
    let command = |words: &[&str]| {
        let (name, rest) = words.split_first().unwrap();
        binary().arg(name).arg("--config").arg(&config).args(rest).output().unwrap()
    };
    for artist in &ARTISTS {
        wait_for(&format!("{about}: a scan is accepted"), || {
            command(&["scan", artist.handle]).status.success().then_some(())
        });
    }
    let mut killed = [0; VICTIMS.len()];
    let deadline = Instant::now() + Duration::from_secs(240);
    while killed.iter().sum::<usize>() < KILLS && Instant::now() < deadline {
        std::thread::park_timeout(Duration::from_millis(rng.u64(10..250)));
        world.renew_limits();
        let victim = rng.usize(..VICTIMS.len());
        let running = containers_of(root.0.id()).into_iter().find(|(_, role)| role == VICTIMS[victim]);
        if let (Some((pid, _)), true) = (running, killed[victim] < MOST_OF_ONE_ROLE) {
            kill(pid, "-KILL");
            killed[victim] += 1;
        }
        for (artist, truth) in ARTISTS.iter().zip(&truths) {
            check_cursors(&database, artist, truth, &about);
        }
        assert!(root.0.try_wait().unwrap().is_none(), "{about}: the daemon gave up");
    }
    for (artist, truth) in ARTISTS.iter().zip(&truths) {
        // A listing that lost three workers is given up, as it should be; the next scan completes it.
        wait_for(&format!("{about}: the scan of @{} ends", artist.handle), || {
            world.renew_limits();
            let output = command(&["scan", artist.handle, "--wait", "--quiet"]);
            output.status.success().then_some(())
        });
        let posts = stored(&database, artist).unwrap().2;
        let odd: Vec<_> = posts.symmetric_difference(&truth.all).collect();
        assert!(
            odd.is_empty(),
            "{about}: @{} has {} posts too many or too few: {odd:?}",
            artist.handle,
            odd.len()
        );
    }
    killed.iter().sum()
}

/// Ends the daemon, whatever becomes of the test.
struct Ended(std::process::Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_hundred_kills_lose_no_post_and_no_cursor_runs_ahead() {
    let seed = std::env::var(SEED)
        .ok()
        .and_then(|seed| seed.parse().ok())
        .unwrap_or_else(|| fastrand::u64(..1 << 32));
    println!("{SEED}={seed}");
    let world = World::start_with(Options::default(), |facts| {
        for artist in &ARTISTS {
            artist.add_to(facts);
        }
    })
    .unwrap();
    let kills: usize = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..2)
            .map(|thread| {
                let world = &world;
                let numbers = (0..DAEMONS).filter(move |number| number % 2 == thread);
                scope.spawn(move || numbers.map(|number| one_daemon(world, number, seed)).sum::<usize>())
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    assert!(kills >= DAEMONS * KILLS * 9 / 10, "only {kills} processes were killed");
}
