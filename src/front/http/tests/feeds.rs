//! Feeds: kept until they change, and pushed when they do.

use serde_json::Value;

use super::world::World;
use crate::api::samples::{sample_entry, sample_watch};
use crate::base::ids::{ImageId, Network, PostKey};
use crate::domain::watches::FeedEntry;
use crate::front::fake::FakeBroker;
use crate::proto::front::{FrontAnswer, FrontQuestion, WatchesAnswer};

fn feed(entries: Vec<FeedEntry>) -> FrontAnswer {
    FrontAnswer::Feed { watch: sample_watch().watch, entries, next: None }
}

fn path() -> String {
    format!("/feeds/{}", sample_watch().watch.id)
}

fn later() -> FeedEntry {
    let mut entry = sample_entry();
    entry.posts.truncate(1);
    entry.posts[0].key = PostKey::new(Network::Twitter, "21");
    entry.changed = ImageId(12);
    entry
}

fn reads(world: &World) -> usize {
    let asked = world.broker.asked();
    asked.iter().filter(|(question, _)| matches!(question, FrontQuestion::Feed { .. })).count()
}

#[tokio::test]
async fn a_feed_is_read_once_until_it_changes() {
    let answers = [feed(vec![sample_entry()]), feed(vec![later(), sample_entry()])];
    let world = World::new(FakeBroker::answering(answers)).await;
    let target = path() + ".atom";
    let first = world.get(&target).await;
    let tag = first.head.lines().find_map(|line| line.strip_prefix("etag: ")).unwrap().trim().to_owned();
    for _ in 0..3 {
        let head = format!("GET {target} HTTP/1.1\r\nIf-None-Match: {tag}");
        let reply = world.exchange(&head, b"").await;
        assert_eq!((reply.status, reply.body.as_str()), (304, ""));
        assert!(reply.head.contains(&tag), "{}", reply.head);
    }
    assert_eq!(reads(&world), 1);
    // Something that nobody is to see may be gone from it.
    world.broker.change_feed(None);
    let second = world.get(&target).await;
    assert_eq!((second.body.matches("<entry>").count(), reads(&world)), (2, 2));
    assert_eq!(world.get(&format!("{target}?entries=1")).await.body.matches("<entry>").count(), 1);
    assert!(world.get(&format!("{target}?lang=fr")).await.body.contains("Nouvelles publications"));
    assert_eq!(reads(&world), 2);
}

#[tokio::test]
async fn pieces_are_put_together() {
    let piece = |entries, next| FrontAnswer::Feed { watch: sample_watch().watch, entries, next };
    // What was forgotten is left out of a piece: it says itself where the next begins.
    let answers = [piece(vec![later()], Some(3)), piece(vec![], Some(4)), piece(vec![sample_entry()], None)];
    let world = World::new(FakeBroker::answering(answers)).await;
    let reply = world.get(&(path() + ".atom")).await;
    assert_eq!((reply.body.matches("<entry>").count(), reads(&world)), (2, 3));
    let skips: Vec<u32> = world
        .broker
        .asked()
        .into_iter()
        .filter_map(|(question, _)| match question {
            FrontQuestion::Feed { skip, .. } => Some(skip),
            _ => None,
        })
        .collect();
    assert_eq!(skips, [0, 3, 4]);
}

#[tokio::test]
async fn what_is_new_is_pushed_and_a_watch_that_ends_ends_the_stream() {
    let answers = [
        feed(vec![sample_entry()]),
        feed(vec![later(), sample_entry()]),
        FrontAnswer::Watches(WatchesAnswer::Unknown),
    ];
    let world = World::new(FakeBroker::answering(answers)).await;
    let mut lines = world.lines(&format!("{}/events", path())).await;
    let mut next = async |wanted: &str| lines.next(wanted).await;
    assert!(next("content-type: ").await.unwrap().contains("text/event-stream"));
    // What was there before is no news; another feed's change is none of this one's.
    world.broker.change_feed(Some(crate::domain::watches::WatchId(1)));
    world.broker.change_feed(Some(sample_watch().watch.id));
    let data: Value = serde_json::from_str(&next("data: ").await.unwrap()).unwrap();
    assert_eq!(data["id"], "https://x.com/i/status/21");
    assert_eq!(next("id: ").await.as_deref(), Some("12"));
    world.broker.change_feed(None);
    assert_eq!(next("data: ").await, None, "nobody watches any more");
}

#[tokio::test]
async fn feeds_that_are_none_are_told() {
    let world = World::new(FakeBroker::default()).await;
    for target in ["/feeds/x.atom", "/feeds/0123", &path(), "/feeds/00000000000000000000000000000000.atom"] {
        let reply = world.get(target).await;
        assert_eq!((reply.status, reply.json()["error"].as_str()), (404, Some("NOT_FOUND")), "{target}");
    }
}
