//! `aotf forget`, and posts that their network no longer has.

use aotf::demo::world::cases::{Ask, Expect};
use aotf::demo::world::{Options, World};
use serde_json::Value;

use crate::daemon::{Daemon, Setup, binary, wait_for};

fn json(daemon: &Daemon, words: &[&str]) -> Value {
    let output = daemon.command(words);
    assert!(output.status.success(), "{words:?}: {output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

fn count(daemon: &Daemon, sql: &str) -> u32 {
    let database = rusqlite::Connection::open(daemon.folder.path().join("data/aotf.db")).unwrap();
    database.query_row(sql, [], |row| row.get(0)).unwrap()
}

/// Entries of the index that the database knows nothing of.
fn stale(daemon: &Daemon) -> u64 {
    let verified =
        binary().args(["db", "verify", "--json", "--config"]).arg(daemon.config()).output().unwrap();
    let report: Value = serde_json::from_slice(&verified.stdout).unwrap();
    assert_eq!(
        (&report["missing"]["count"], &report["different"]["count"]),
        (&0.into(), &0.into()),
        "{report:#}"
    );
    report["stale"]["count"].as_u64().unwrap()
}

/// An artwork whose page leads to an account of X, which has posted it: the page, the post, and the account's id and
/// handle.
fn on_x(world: &World) -> (String, String, String, &'static str) {
    let found = world.known().iter().find_map(|case| match (&case.ask, &case.expect) {
        (Ask::Query(url), Expect::Post { post, account, handle, .. }) => {
            Some((url.to_string(), post.to_string(), account.to_string(), *handle))
        }
        _ => None,
    });
    found.unwrap()
}

fn names_post(answer: &Value, post: &str) -> bool {
    answer["results"].as_array().unwrap().iter().any(|result| result["tweet_id"] == post)
}

/// The answer without it: for three seconds the front repeats the last one.
fn without(daemon: &Daemon, url: &str, post: &str) -> Value {
    wait_for("an answer without the post", || {
        Some(daemon.query(url)).filter(|answer| !names_post(answer, post))
    })
}

#[test]
fn an_account_is_forgotten_while_the_daemon_runs_and_stays_so() {
    let daemon = Daemon::start(Setup::default());
    let (url, post, id, handle) = on_x(&daemon.world);
    let first = daemon.query(&url);
    assert!(names_post(&first, &post), "{first:#}");
    let of_account = format!(
        "SELECT count(*) FROM images WHERE account = (SELECT no FROM accounts WHERE native = '{id}')"
    );
    assert!(count(&daemon, &of_account) > 0);

    let unknown = daemon.command(&["forget", "nobody_of_this_name"]);
    assert_eq!(unknown.status.code(), Some(3), "{unknown:?}");
    assert!(String::from_utf8_lossy(&unknown.stderr).contains("https://x.com/i/user/ID"), "{unknown:?}");

    let forgotten = json(&daemon, &["forget", &format!("@{handle}"), "--note", "a letter", "--json"]);
    assert_eq!((&forgotten["id"], &forgotten["ended"]), (&id.as_str().into(), &true.into()), "{forgotten:#}");
    assert!(forgotten["posts_removed"].as_u64() > Some(0), "{forgotten:#}");
    assert_eq!(forgotten["answers_dropped"], 1, "{forgotten:#}");
    // Neither rows nor names.
    assert_eq!(count(&daemon, &format!("SELECT count(*) FROM accounts WHERE native = '{id}'")), 0);
    assert_eq!(count(&daemon, &format!("SELECT count(*) FROM handles WHERE handle = '{handle}'")), 0);
    assert_eq!(count(&daemon, &format!("SELECT count(*) FROM posts WHERE native = '{post}'")), 0);
    wait_for("the index to lose it", || (stale(&daemon) == 0).then_some(()));

    // The same page, asked again, does not show it, and it is not scanned for it.
    let again = without(&daemon, &url, &post);
    assert!(
        again["twitter_accounts"].as_array().unwrap().iter().all(|known| known["account_id"] != id.as_str())
    );
    let scan = daemon.command(&["scan", handle, "--wait"]);
    assert_eq!(scan.status.code(), Some(3), "{scan:?}");
    assert!(String::from_utf8_lossy(&scan.stderr).contains("at the wish of its owner"), "{scan:?}");
    assert_eq!(count(&daemon, &format!("SELECT count(*) FROM accounts WHERE native = '{id}'")), 0);

    // Twice does no harm; the list shows it; a restart changes nothing.
    let twice = json(&daemon, &["forget", &id, "--json"]);
    assert_eq!(
        (&twice["was_forgotten_before"], &twice["posts_removed"]),
        (&true.into(), &0.into()),
        "{twice:#}"
    );
    let list = json(&daemon, &["forget", "--list", "--json"]);
    assert_eq!(list.as_array().unwrap().len(), 1, "{list:#}");
    assert_eq!((&list[0]["note"], &list[0]["mark"]), (&"a letter".into(), &forgotten["mark"]), "{list:#}");
    let (folder, world) = crate::queries::end(daemon);
    let daemon = Daemon::start_in(folder, world, &Setup::default());
    assert!(!names_post(&daemon.query(&url), &post));

    // Lifted, it is found again.
    let mark = forgotten["mark"].as_str().unwrap();
    let lifted = json(&daemon, &["forget", "--undo", &mark[..12], "--json"]);
    assert_eq!(lifted["lifted"], mark, "{lifted:#}");
    assert_eq!(daemon.command(&["forget", "--undo", &mark[..12]]).status.code(), Some(3));
    assert!(daemon.command(&["scan", handle, "--wait"]).status.success());
    // The answer without it is kept for a while.
    let (folder, world) = crate::queries::end(daemon);
    let daemon = Daemon::start_in(folder, world, &Setup::default());
    assert!(names_post(&daemon.query(&url), &post));
}

#[test]
fn a_post_is_forgotten_and_its_account_stays() {
    let daemon = Daemon::start(Setup::default());
    let (url, post, id, handle) = on_x(&daemon.world);
    assert!(names_post(&daemon.query(&url), &post));
    let address = format!("https://x.com/{handle}/status/{post}");
    let forgotten = json(&daemon, &["forget", &address, "--json"]);
    assert_eq!(
        (&forgotten["kind"], &forgotten["posts_removed"]),
        (&"post".into(), &1.into()),
        "{forgotten:#}"
    );
    without(&daemon, &url, &post);
    // Listed again, whole, it is not stored again.
    assert!(daemon.command(&["scan", handle, "--whole", "--wait"]).status.success());
    assert_eq!(count(&daemon, &format!("SELECT count(*) FROM posts WHERE native = '{post}'")), 0);
    assert_eq!(count(&daemon, &format!("SELECT count(*) FROM accounts WHERE native = '{id}'")), 1);
    let told = daemon.command(&["forget", "--list"]);
    let told = String::from_utf8_lossy(&told.stdout).into_owned();
    assert!(told.contains("post on twitter"), "{told}");
}

#[test]
fn a_post_that_is_gone_is_removed_unless_the_operator_keeps_it() {
    for (extra, kept) in [("", 0), ("[compliance]\nremove_deleted = false\n", 1)] {
        let daemon = Daemon::start(Setup::default());
        let (url, post, ..) = on_x(&daemon.world);
        assert!(names_post(&daemon.query(&url), &post));
        let (folder, _) = crate::queries::end(daemon);
        let world = World::start_with(Options::default(), |facts| {
            facts.posts.retain(|other| other.id.to_string() != post);
        })
        .unwrap();
        let daemon = Daemon::start_in(folder, world, &Setup { extra, ..Setup::default() });
        assert!(!names_post(&daemon.query(&url), &post), "it is not shown");
        let sql = format!("SELECT count(*) FROM posts WHERE native = '{post}'");
        // What is stored after it was ordered is stored after it was done.
        assert!(daemon.command(&["scan", "demo_hazel", "--wait"]).status.success());
        assert_eq!(count(&daemon, &sql), kept);
        let list = json(&daemon, &["forget", "--list", "--json"]);
        assert_eq!(list.as_array().unwrap().len(), 0, "it may come back: {list:#}");
    }
}

/// Nobody has to find it: its account is listed again, from the beginning.
#[test]
fn a_post_that_is_gone_is_noticed_when_its_account_is_listed_again() {
    let daemon = Daemon::start(Setup::default());
    let (_, post, _, handle) = on_x(&daemon.world);
    let scan = |daemon: &Daemon| {
        let scanned = daemon.command(&["scan", handle, "--whole", "--wait"]);
        assert!(scanned.status.success(), "{scanned:?}");
    };
    scan(&daemon);
    let stored = count(&daemon, "SELECT count(*) FROM posts");
    let sql = format!("SELECT count(*) FROM posts WHERE native = '{post}'");
    assert_eq!(count(&daemon, &sql), 1);
    // All of its posts are still there.
    scan(&daemon);
    let (folder, _) = crate::queries::end(daemon);
    let world = World::start_with(Options::default(), |facts| {
        facts.posts.retain(|other| other.id.to_string() != post);
    })
    .unwrap();
    let daemon = Daemon::start_in(folder, world, &Setup::default());
    scan(&daemon);
    wait_for("the removal", || (count(&daemon, &sql) == 0).then_some(()));
    assert_eq!(count(&daemon, "SELECT count(*) FROM posts"), stored - 1, "and no other");
}

/// The same on the networks that cost nothing, each of which says in its own way that a post is gone.
#[test]
fn every_network_says_of_a_suspected_post_whether_it_is_gone() {
    /// A post with pictures, in the middle of each account.
    const DELETED: usize = 12;
    let accounts = ["demo-sorrel.bsky.social", "demo_rowan@mastodon.art", "demo_rowan@misskey.design"];
    let scan = |daemon: &Daemon, account: &str| {
        let scanned = daemon.command(&["scan", account, "--whole", "--wait"]);
        assert!(scanned.status.success(), "{account}: {scanned:?}");
    };
    let daemon = Daemon::start(Setup::default());
    accounts.iter().for_each(|account| scan(&daemon, account));
    let stored = count(&daemon, "SELECT count(*) FROM posts");
    let mut gone = Vec::new();
    let (folder, _) = crate::queries::end(daemon);
    let world = World::start_with(Options::default(), |facts| {
        for account in facts.open_accounts.iter_mut().filter(|one| accounts.contains(&one.handle)) {
            gone.push(account.post_id(DELETED));
            account.deleted = Some(DELETED);
        }
    })
    .unwrap();
    let daemon = Daemon::start_in(folder, world, &Setup::default());
    assert_eq!(gone.len(), accounts.len());
    for post in &gone {
        assert_eq!(
            count(&daemon, &format!("SELECT count(*) FROM posts WHERE native = '{post}'")),
            1,
            "{post}"
        );
    }
    accounts.iter().for_each(|account| scan(&daemon, account));
    for post in &gone {
        let sql = format!("SELECT count(*) FROM posts WHERE native = '{post}'");
        wait_for(&format!("the removal of {post}"), || (count(&daemon, &sql) == 0).then_some(()));
    }
    assert_eq!(count(&daemon, "SELECT count(*) FROM posts"), stored - 3, "and no others");
}
