//! The network is gone for a while: work waits, says so, and goes on by itself; nothing fails because of it.

use aotf::demo::world::crowd::{Artist, Misses};
use aotf::demo::world::{Options, World};
use serde_json::Value;

use crate::daemon::{Daemon, Setup, encode, wait_for};

const ARTIST: Artist = Artist {
    id: 9_200_000_001,
    handle: "cut_off",
    posts: 120,
    one_image_in: 2,
    misses: Misses::Random(0.1),
    seed: 7,
};

fn start() -> Daemon {
    let world = World::start_with(Options::default(), |facts| {
        ARTIST.add_to(facts);
    });
    let world = world.unwrap();
    let setup = Setup { extra: "[scan]\ntimeline = \"always\"\n", ..Setup::default() };
    Daemon::start_in(tempfile::tempdir().unwrap(), world, &setup)
}

fn stats(daemon: &Daemon) -> Value {
    serde_json::from_slice(&daemon.command(&["stats", "--json"]).stdout).unwrap()
}

/// Posts of which an image failed.
fn retries(daemon: &Daemon) -> i64 {
    let database = rusqlite::Connection::open(daemon.folder.path().join("data/aotf.db")).unwrap();
    database.query_row("SELECT count(*) FROM retries", [], |row| row.get(0)).unwrap()
}

/// Waits until the service says that the network is lost. New queries are accepted all the same.
fn wait_for_loss(daemon: &Daemon) {
    wait_for("the loss to be told", || {
        let ready = daemon.get("/readyz");
        assert_eq!(ready["status"], "ready", "{ready:#}");
        ready["problems"].to_string().contains("the network is lost").then_some(())
    });
}

fn wait_for_return(daemon: &Daemon) {
    wait_for("the return to be told", || {
        (!daemon.get("/readyz")["problems"].to_string().contains("the network is lost")).then_some(())
    });
}

/// What a query has found, without what depends on when it was asked.
fn found(answer: &Value) -> Value {
    serde_json::json!({ "error": answer["error"], "accounts": answer["accounts"], "posts": answer["posts"] })
}

fn stored(daemon: &Daemon) -> Vec<String> {
    let database = rusqlite::Connection::open(daemon.folder.path().join("data/aotf.db")).unwrap();
    let sql = "SELECT posts.native FROM posts JOIN accounts ON posts.account = accounts.no
               WHERE accounts.native = ?1 ORDER BY 1";
    let mut statement = database.prepare(sql).unwrap();
    statement.query_map([ARTIST.id.to_string()], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
}

#[test]
fn a_scan_goes_on_where_the_network_left_it() {
    let daemon = start();
    // Slow enough to be met in the middle.
    daemon.world.set_latency(std::time::Duration::from_millis(15));
    assert!(daemon.command(&["scan", ARTIST.handle]).status.success());
    for _ in 0..2 {
        let before = stats(&daemon)["indexed_tweets_count"].as_u64().unwrap();
        wait_for("posts to arrive", || {
            (stats(&daemon)["indexed_tweets_count"].as_u64()? > before).then_some(())
        });
        daemon.world.unplug();
        wait_for_loss(&daemon);
        let threads = String::from_utf8(daemon.command(&["threads"]).stdout).unwrap();
        assert!(threads.contains("waits for the network"), "{threads}");
        daemon.world.plug_in().unwrap();
        wait_for_return(&daemon);
    }
    daemon.world.set_latency(std::time::Duration::ZERO);
    let scan = daemon.command(&["scan", ARTIST.handle, "--wait", "--quiet"]);
    assert!(scan.status.success(), "{scan:?}");
    let facts = daemon.world.facts();
    let author = facts.account_by_id(ARTIST.id).unwrap();
    let mut all: Vec<String> = facts
        .posts_of(author)
        .filter(|post| !post.media.is_empty())
        .map(|post| post.id.to_string())
        .collect();
    all.sort();
    assert_eq!(stored(&daemon), all);
    assert_eq!(retries(&daemon), 0);
}

#[test]
fn queries_wait_for_the_network_and_end_as_ever() {
    let quiet = start();
    let urls: Vec<String> =
        quiet.world.known().iter().filter_map(|case| case.url().map(str::to_owned)).take(2).collect();
    let expect: Vec<Value> = urls.iter().map(|url| found(&quiet.query(url))).collect();
    drop(quiet);

    let daemon = start();
    daemon.world.set_latency(std::time::Duration::from_millis(30));
    // One is met on its way, one begins without a network.
    daemon.begin(&urls[0]);
    let target = format!("/query?url={}", encode(&urls[0]));
    wait_for("the query to be on its way", || {
        (daemon.get(&target)["image_url"] != Value::Null).then_some(())
    });
    daemon.world.unplug();
    daemon.begin(&urls[1]);
    wait_for_loss(&daemon);
    let waiting = daemon.get(&target);
    assert_eq!(
        (&waiting["waits_for_network"], &waiting["error"]),
        (&true.into(), &Value::Null),
        "{waiting:#}"
    );
    daemon.world.plug_in().unwrap();
    daemon.world.set_latency(std::time::Duration::ZERO);
    for (url, expect) in urls.iter().zip(&expect) {
        let answer = daemon.query(url);
        assert_eq!(&found(&answer), expect, "{url}");
        assert_eq!(answer["waits_for_network"], false, "{answer:#}");
    }
    assert_eq!(retries(&daemon), 0);
}
