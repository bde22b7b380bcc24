//! Answers that are pushed.

use serde_json::Value;
use tokio::net::TcpStream;

use super::world::World;
use crate::domain::failure::FailureCode;
use crate::front::fake::{FakeBroker, sample_view, sample_view_at};
use crate::proto::front::FrontAnswer;
use crate::proto::view::QueryStatus;

#[tokio::test]
async fn changes_are_pushed_until_the_end() {
    let begun = sample_view_at(QueryStatus::LinkFinder, 1);
    let world = World::new(FakeBroker::answering([FrontAnswer::Query(begun)])).await;
    let mut lines = world.lines("/query/events?url=https://a.example/").await;
    let mut next = async |wanted: &str| lines.next(wanted).await;
    assert!(next("content-type: ").await.unwrap().contains("text/event-stream"));
    let status = |data: Option<String>| {
        serde_json::from_str::<Value>(&data.unwrap()).unwrap()["status"].as_str().unwrap().to_owned()
    };
    assert_eq!(status(next("data: ").await), "LINK_FINDER");
    assert_eq!(next("id: ").await.unwrap(), "1");
    world.broker.publish(sample_view_at(QueryStatus::LinkFinder, 1)).await; // nothing new
    world.broker.publish(sample_view_at(QueryStatus::IndexAccounts, 2)).await;
    assert_eq!(status(next("data: ").await), "INDEX_ACCOUNTS_TWEETS");
    world.broker.publish(sample_view()).await;
    assert_eq!(status(next("data: ").await), "END");
    assert_eq!(next("data: ").await, None, "closed after the end");
}

#[tokio::test]
async fn a_stream_that_has_told_all_is_not_taken_up_again() {
    let world = World::new(FakeBroker::default()).await;
    let head = "GET /query/events?url=https://a.example/ HTTP/1.1\r\nLast-Event-ID: ";
    assert_eq!(world.exchange(&format!("{head}9"), b"").await.status, 204);
    let reply = world.exchange(&format!("{head}8"), b"").await;
    assert_eq!(reply.status, 200);
    assert!(reply.body.contains("\"status\":\"END\""));
}

/// The stream of a search: the answers of `/search`, with the identifier that was asked for.
#[tokio::test]
async fn a_search_by_image_is_followed_too() {
    let search = |view| FrontAnswer::Search { identifier: "abc".to_owned(), view };
    let begun = sample_view_at(QueryStatus::WaitReverseSearch, 1);
    let world = World::new(FakeBroker::answering([search(begun)])).await;
    let (reply, ()) = tokio::join!(world.get("/search/events?identifier=abc"), async {
        world.broker.publish(sample_view_at(QueryStatus::ReverseSearch, 2)).await;
        world.broker.publish(sample_view()).await;
    });
    let events: Vec<Value> = reply
        .body
        .lines()
        .filter_map(|line| line.strip_prefix("data: "))
        .map(|data| serde_json::from_str(data).unwrap())
        .collect();
    let last = events.last().unwrap();
    assert_eq!((&last["status"], &last["identifier"]), (&"END".into(), &"abc".into()), "{}", reply.body);
    assert_eq!(events[0]["status"], "WAIT_IMAGE_REVERSE_SEARCH");
    assert_eq!(last["posts"].as_array().unwrap().len(), 3);

    let world = World::new(FakeBroker::answering([FrontAnswer::Refused {
        code: FailureCode::NoSuchRequest,
        detail: String::new(),
    }]))
    .await;
    for (target, code) in
        [("/search/events?identifier=x", "NO_SUCH_REQUEST"), ("/search/events", "IDENTIFIER_MISSING")]
    {
        let reply = world.get(target).await;
        let refusal = format!("\"error\":\"{code}\"");
        assert!(reply.status == 200 && reply.body.contains(&refusal), "{}", reply.body);
        assert!(reply.body.contains("\"identifier\":null"), "{}", reply.body);
    }
    world.get_as("192.0.2.1", "/search/events?identifier=x").await.check_error(403, "FORBIDDEN");
}

#[tokio::test]
async fn a_lost_broker_and_a_stop_end_the_streams() {
    let begun = sample_view_at(QueryStatus::LinkFinder, 1);
    let world = World::new(FakeBroker::answering([FrontAnswer::Query(begun.clone())])).await;
    let target = "/query/events?url=https://a.example/";
    let (reply, ()) = tokio::join!(world.get(target), async {
        world.broker.publish(begun.clone()).await;
        world.broker.lose_watches();
    });
    assert!(reply.body.contains("LINK_FINDER"));

    let (reply, ()) = tokio::join!(world.get(target), async {
        world.broker.publish(begun.clone()).await;
        world.stop.send(true).unwrap();
    });
    assert!(reply.body.contains("LINK_FINDER"));
    world.server.await.unwrap();
    assert!(TcpStream::connect(world.addr).await.is_err(), "nobody listens any more");
}
