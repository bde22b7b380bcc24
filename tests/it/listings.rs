//! Listings that are held up: by a limit of X, by the end of the broker.

use std::time::Duration;

use aotf::base::Timestamp;
use aotf::demo::world::crowd::{Artist, Misses};
use aotf::demo::world::{Endpoint, Options, Quirk, World};
use rusqlite::Connection;

use crate::daemon::{Daemon, Setup, kill, wait_for};

const ARTIST: Artist = Artist {
    id: 9_300_000_001,
    handle: "held_up",
    posts: 1000,
    one_image_in: 10,
    misses: Misses::Random(0.0),
    seed: 11,
};

fn start(extra: &'static str) -> Daemon {
    let world = World::start_with(Options::default(), |facts| {
        ARTIST.add_to(facts);
    });
    Daemon::start_in(tempfile::tempdir().unwrap(), world.unwrap(), &Setup { extra, ..Setup::default() })
}

/// What X would bill, in tenths of a cent.
fn billed(daemon: &Daemon) -> i64 {
    let state = Connection::open(daemon.folder.path().join("data/state.db")).unwrap();
    let sum = "SELECT coalesce(sum(count * CASE resource WHEN 1 THEN 5 ELSE 10 END), 0) FROM ledger";
    state.query_row(sum, [], |row| row.get(0)).unwrap()
}

/// Whether the cursors of the search and of the timeline are stored.
fn cursors(daemon: &Daemon) -> Option<(bool, bool)> {
    let database = Connection::open(daemon.folder.path().join("data/aotf.db")).unwrap();
    let sql = "SELECT search_cursor IS NOT NULL, timeline_cursor IS NOT NULL FROM accounts WHERE native = ?1";
    database.query_row(sql, [ARTIST.id.to_string()], |row| Ok((row.get(0)?, row.get(1)?))).ok()
}

#[test]
fn a_wait_for_a_limit_is_shown_and_can_be_interrupted() {
    let mut daemon = start("[twitter.budget]\ndaily_usd = 0\n[scan]\ntimeline = \"always\"\n");
    // Half past an hour: what is shown may be a second off.
    let reset = Timestamp::from_secs((Timestamp::now().secs() / 3600 + 1) * 3600 + 1800);
    daemon.world.exhaust_limit(Endpoint::Timeline, reset);
    assert!(daemon.command(&["scan", ARTIST.handle]).status.success());
    let until = &reset.to_rfc3339()[..14];
    let threads = wait_for("the wait to be shown", || {
        let threads = String::from_utf8(daemon.command(&["threads", "--json"]).stdout).unwrap();
        threads.contains("waits for users/:id/tweets until").then_some(threads)
    });
    assert!(threads.contains(&format!("waits for users/:id/tweets until {until}")), "{until}: {threads}");
    // Nobody waits an hour for the end: the process that waits leaves by itself.
    daemon.signal("-TERM");
    let status = wait_for("the end", || daemon.root.try_wait().unwrap());
    assert!(status.success(), "{status}");
}

#[test]
fn a_scan_that_lost_its_broker_pays_nothing_twice() {
    // What the search has found in media is not in the journal, so that a scan which goes on reads all of its
    // samples: here every scan does.
    let start = || {
        let daemon = start("");
        daemon.world.set_quirk(Quirk::MediaCountTooHigh, true);
        daemon
    };
    let quiet = start();
    assert!(quiet.command(&["scan", ARTIST.handle, "--wait", "--quiet"]).status.success());
    let price = billed(&quiet);
    let whole_timeline = i64::try_from(ARTIST.posts).unwrap() * 5;
    assert!(price < whole_timeline * 2 / 3, "samples cost less than the whole: {price}");
    drop(quiet);

    let daemon = start();
    let reset = Timestamp::now().plus(Duration::from_secs(3600));
    // The search comes to its end, the timeline does not begin.
    daemon.world.exhaust_limit(Endpoint::Timeline, reset);
    assert!(daemon.command(&["scan", ARTIST.handle]).status.success());
    wait_for("the end of the search", || (cursors(&daemon) == Some((true, false))).then_some(()));
    let broker = |daemon: &Daemon| daemon.containers().into_iter().find(|(_, role)| role == "broker");
    let (first, _) = broker(&daemon).unwrap();
    kill(first, "-KILL");
    wait_for("another broker", || broker(&daemon).filter(|(pid, _)| *pid != first));
    daemon.world.renew_limits();
    // Who waits for the window knows nothing of its renewal.
    let listing = daemon.containers().into_iter().find(|(_, role)| role == "listing").unwrap().0;
    kill(listing, "-KILL");
    wait_for("the end of the scan", || (cursors(&daemon) == Some((true, true))).then_some(()));
    wait_for("the ledger", || (billed(&daemon) == price).then_some(()));
    assert_eq!(daemon.world.served(Endpoint::Search), 1, "the search was not repeated");
}
