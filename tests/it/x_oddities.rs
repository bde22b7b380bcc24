//! What clients of X meet beside good answers, through the real processes: nothing of it may pass for an
//! account without images, or for an account that does not exist.

use std::time::Duration;

use aotf::base::Timestamp;
use aotf::demo::world::facts::{MediaKind, Relation};
use aotf::demo::world::{Endpoint, Quirk};
use rusqlite::Connection;
use serde_json::Value;

use crate::daemon::{Daemon, Setup, wait_for};

fn start(extra: &'static str) -> Daemon {
    Daemon::start(Setup { extra, ..Setup::default() })
}

/// Of each stored post: its number, how many attachments it says it has, and the positions of its images.
fn stored(daemon: &Daemon) -> Vec<(String, u8, String)> {
    let database = Connection::open(daemon.folder.path().join("data/aotf.db")).unwrap();
    let mut rows = database
        .prepare(
            "SELECT p.native, p.image_count, (SELECT group_concat(position) FROM
                (SELECT position FROM images WHERE post = p.no ORDER BY position))
             FROM posts p ORDER BY p.native",
        )
        .unwrap();
    let found = rows.query_map([], |row| {
        Ok((row.get(0)?, row.get(1)?, row.get::<_, Option<String>>(2)?.unwrap_or_default()))
    });
    found.unwrap().map(Result::unwrap).collect()
}

/// The same of what there is: the artist's own posts with photos.
fn there_is(daemon: &Daemon, handle: &str) -> Vec<(String, u8, String)> {
    let facts = daemon.world.facts();
    let author = facts.account_by_handle(handle).unwrap();
    let mut posts: Vec<_> = facts
        .posts_of(author)
        .filter(|post| !matches!(post.relation, Relation::Repost(_) | Relation::BorrowsMedia(_)))
        .filter_map(|post| {
            let kinds = post.media.iter().map(|index| facts.media[*index].kind);
            let photos = (1..).zip(kinds).filter(|(_, kind)| *kind == MediaKind::Photo);
            let positions: Vec<String> = photos.map(|(position, _): (u8, _)| position.to_string()).collect();
            let count = u8::try_from(post.media.len()).unwrap();
            (!positions.is_empty()).then(|| (post.id.to_string(), count, positions.join(",")))
        })
        .collect();
    posts.sort();
    posts
}

fn stat(daemon: &Daemon, words: &[&str], name: &str) -> Value {
    let output = daemon.command(&[words, &["--json"]].concat());
    serde_json::from_slice::<Value>(&output.stdout).unwrap()[name].clone()
}

#[test]
fn media_that_is_missing_is_asked_for_until_it_comes() {
    let daemon = start("");
    let whole = there_is(&daemon, "demo_rowan");
    let several = whole.iter().filter(|(_, _, positions)| positions.contains(',')).count();
    assert!(several > 3);
    // The listing is not whole, and neither is a look-up.
    daemon.world.set_quirk(Quirk::MediaMissing, true);
    daemon.world.set_quirk(Quirk::MediaMissingOnLookUp, true);
    let (code, told) = daemon.scan("demo_rowan");
    assert_eq!(code, Some(0), "{told}");
    let partial = stored(&daemon);
    let counts = |posts: &[(String, u8, String)]| -> Vec<(String, u8)> {
        posts.iter().map(|(id, count, _)| (id.clone(), *count)).collect()
    };
    assert_eq!(counts(&partial), counts(&whole), "the post's own list counts");
    assert!(partial.iter().all(|(_, _, positions)| !positions.contains(',')), "{partial:?}");
    assert_eq!(stat(&daemon, &["db", "stats"], "wanted"), several);
    // What X gives later is added: posts are looked up after a start.
    daemon.world.set_quirk(Quirk::MediaMissingOnLookUp, false);
    let (folder, world) = crate::queries::end(daemon);
    // The first daemon may have looked them up in vain: their next turn is now, and not in some hours.
    let state = Connection::open(folder.path().join("data/state.db")).unwrap();
    state.execute("UPDATE wanted_posts SET next_due = 0", []).unwrap();
    drop(state);
    let daemon = Daemon::start_in(folder, world, &Setup::default());
    wait_for("the missing images", || (stored(&daemon) == whole).then_some(()));
    wait_for("nothing to be wanted", || (stat(&daemon, &["db", "stats"], "wanted") == 0).then_some(()));
}

#[test]
fn media_that_a_listing_lacks_comes_by_a_look_up_at_once() {
    let daemon = start("");
    daemon.world.set_quirk(Quirk::MediaMissing, true);
    let (code, told) = daemon.scan("demo_rowan");
    assert_eq!(code, Some(0), "{told}");
    assert_eq!(stored(&daemon), there_is(&daemon, "demo_rowan"));
    assert_eq!(stat(&daemon, &["db", "stats"], "wanted"), 0);
}

#[test]
fn an_image_that_is_withheld_leaves_its_place_empty() {
    let daemon = start("");
    daemon.world.set_quirk(Quirk::ImagesWithheld, true);
    let (code, told) = daemon.scan("demo_rowan");
    assert_eq!(code, Some(0), "{told}");
    let stored = stored(&daemon);
    assert!(stored.iter().any(|(_, count, positions)| *count == 2 && positions == "1"), "{stored:?}");
    let checked = daemon.command(&["db", "verify"]);
    assert!(checked.status.success(), "{checked:?}");
}

#[test]
fn either_name_of_the_fields_will_do() {
    for quirk in [Quirk::PostFieldsOnly, Quirk::TweetFieldsOnly] {
        let daemon = start("");
        daemon.world.set_quirk(quirk, true);
        let (code, told) = daemon.scan("demo_rowan");
        assert_eq!(code, Some(0), "{told}");
        assert_eq!(stored(&daemon), there_is(&daemon, "demo_rowan"), "{quirk:?}");
    }
    let daemon = start("[twitter.budget]\ndaily_usd = 0\n");
    daemon.world.set_quirk(Quirk::PostFieldsOnly, true);
    daemon.world.set_quirk(Quirk::TweetFieldsOnly, true);
    assert!(daemon.command(&["scan", "demo_rowan"]).status.success());
    wait_for("several tries", || (daemon.world.served(Endpoint::Search) >= 2).then_some(()));
    assert_eq!(stored(&daemon), []);
    let cursors = Connection::open(daemon.folder.path().join("data/aotf.db")).unwrap();
    let listed = "SELECT count(*) FROM accounts WHERE search_listed_at IS NOT NULL";
    let listed: u32 = cursors.query_row(listed, [], |row| row.get(0)).unwrap();
    assert_eq!(listed, 0, "an answer that shows nothing is no listing");
}

#[test]
fn rows_of_empty_pages_are_passed() {
    let daemon = start("[scan]\ntimeline = \"always\"\n");
    daemon.world.set_quirk(Quirk::EmptyPages, true);
    let (code, told) = daemon.scan("demo_rowan");
    assert_eq!(code, Some(0), "{told}");
    assert_eq!(stored(&daemon), there_is(&daemon, "demo_rowan"));
    assert!(daemon.world.served(Endpoint::Timeline) > 14, "pages of the timeline, and empty ones");
}

#[test]
fn two_versions_of_a_post_are_one() {
    let daemon = start("[scan]\ntimeline = \"never\"\n");
    daemon.world.set_quirk(Quirk::LateEdits, true);
    let (code, told) = daemon.scan("demo_rowan");
    assert_eq!(code, Some(0), "{told}");
    let found = stored(&daemon);
    let facts = daemon.world.facts();
    let is_missed = |id: &str| facts.post(id.parse().unwrap()).unwrap().missed_by_search;
    let mut there_is = there_is(&daemon, "demo_rowan");
    there_is.retain(|(id, _, _)| !is_missed(id));
    let newest = there_is.last().unwrap().0.parse::<u64>().unwrap();
    assert_eq!(found.last().unwrap().0, (newest + 1).to_string(), "its newest version");
    assert!(found.iter().all(|(id, _, _)| *id != newest.to_string()), "and no other");
}

#[test]
fn a_limit_with_a_wrong_clock_is_waited_out_for_a_minute() {
    for quirk in [Quirk::ResetInThePast, Quirk::ResetInAFarFuture] {
        let daemon = start("[scan]\ntimeline = \"always\"\n");
        daemon.world.set_quirk(quirk, true);
        daemon.world.exhaust_limit(Endpoint::Timeline, Timestamp::now().plus(Duration::from_secs(3600)));
        let begun = Timestamp::now();
        assert!(daemon.command(&["scan", "demo_rowan"]).status.success());
        let threads = wait_for("the wait to be shown", || {
            let threads = String::from_utf8(daemon.command(&["threads", "--json"]).stdout).unwrap();
            threads.contains("waits for users/:id/tweets until").then_some(threads)
        });
        let (_, until) = threads.split_once("users/:id/tweets until ").unwrap();
        let until = Timestamp::parse_rfc3339(until.split(['"', ' ', ',']).next().unwrap()).unwrap();
        let wait = until.since(begun).as_secs();
        assert!((50..=300).contains(&wait), "{quirk:?}: {wait} s");
        assert_eq!(daemon.world.served(Endpoint::Timeline), 1, "it is not asked meanwhile");
    }
}

#[test]
fn a_user_left_out_is_not_said_to_be_missing() {
    let daemon = start("");
    daemon.world.set_quirk(Quirk::UsersLeftOut, true);
    let (code, told) = daemon.scan("demo_rowan");
    assert_eq!(code, Some(3), "{told}");
    assert!(told.contains("left out of X's answer") && !told.contains("account does not exist\n"), "{told}");
    assert_eq!(daemon.world.served(Endpoint::UsersByHandle), 2, "asked once more");
}
