//! `/artist`.

use serde_json::{Value, json};

use super::world::World;
use crate::base::ids::Networks;
use crate::domain::failure::FailureCode;
use crate::front::fake::{FakeBroker, sample_artist, sample_view};
use crate::proto::front::{Client, FrontAnswer, FrontQuestion};
use crate::proto::view::{QueryStatus, QueryView};

fn question(resolve: bool) -> FrontQuestion {
    FrontQuestion::Artist {
        url: "https://a.example/art/1".to_owned(),
        client: Client::Exempt,
        networks: Networks::default(),
        resolve,
    }
}

#[tokio::test]
async fn an_artist_is_answered_field_for_field() {
    let world = World::new(FakeBroker::default()).await;
    let reply = world.get("/artist?url=https://a.example/art/1").await;
    let golden: Value = serde_json::from_str(include_str!("../../../api/golden/artist_end.json")).unwrap();
    assert_eq!((reply.status, reply.json()), (200, golden));
    assert_eq!(world.last_asked().0, question(true));
    // The other question is another one, and an ended one does not wake the broker again.
    let named = world.get("/artist?resolve=0&url=https://a.example/art/1").await.json();
    assert_eq!((world.last_asked().0, &named["resolve"]), (question(false), &json!(false)));
    world.get("/artist?resolve=false&url=https://a.example/art/1").await;
    world.get("/api/artist?resolve=yes&url=https://a.example/art/1").await;
    assert_eq!(world.broker.asked().len(), 2);
}

#[tokio::test]
async fn what_is_no_usable_request_is_said() {
    let world = World::new(FakeBroker::default()).await;
    let long = format!("/artist?url=https://a.example/{}", "x".repeat(300));
    for (target, code) in
        [("/artist", "NO_URL_FIELD"), ("/artist?url=", "NO_URL_FIELD"), (&*long, "URL_TOO_LONG")]
    {
        let reply = world.get_as("192.0.2.1", target).await;
        assert_eq!((reply.status, &reply.json()["error"]), (200, &json!(code)), "{target}");
        assert_eq!(reply.json()["accounts"], json!([]), "always all fields");
    }
    for target in ["resolve=maybe", "resolve=2", "networks=myspace", "format=xml", "format=credit&lang=de"] {
        let reply = world.get(&format!("/artist?{target}&url=https://a.example/")).await;
        reply.check_error(400, "BAD_REQUEST");
    }
    // `resolve` behind the address is the address's own.
    let behind = world.get("/artist?url=https://a.example/?resolve=maybe").await;
    assert_eq!(behind.status, 200);
    assert_eq!(world.broker.asked().len(), 1);
    let refused =
        FrontAnswer::Refused { code: FailureCode::YourIpHasMaxProcessingRequests, detail: "10".to_owned() };
    let world = World::new(FakeBroker::answering([refused])).await;
    let reply = world.get("/artist?url=https://a.example/").await.json();
    assert_eq!(
        (&reply["error"], &reply["status"]),
        (&json!("YOUR_IP_HAS_MAX_PROCESSING_REQUESTS"), &Value::Null)
    );
}

#[tokio::test]
async fn limits_are_those_of_queries() {
    let world = World::new(FakeBroker::default()).await;
    assert_eq!(world.get_as("192.0.2.1", "/query?url=https://a.example/").await.status, 200);
    world.get_as("192.0.2.1", "/artist?url=https://a.example/").await.check_error(429, "TOO_MANY_REQUESTS");
    let head = "GET /artist?url=https://a.example/ HTTP/1.1\r\nSec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: no-cors";
    world.exchange(head, b"").await.check_error(403, "FORBIDDEN");
    let world = World::new(FakeBroker::away()).await;
    world.get("/artist?url=https://a.example/").await.check_error(503, "SERVICE_UNAVAILABLE");
}

#[tokio::test]
async fn a_credit_comes_with_the_end() {
    let begun = QueryView { status: QueryStatus::LinkFinder, ..sample_artist() };
    let nobody = QueryView {
        status: QueryStatus::End,
        accounts: vec![],
        others: vec![],
        elsewhere: vec![],
        error: Some(FailureCode::NoTwitterAccountFound),
        ..sample_artist()
    };
    let answers = [begun, sample_artist(), nobody].map(FrontAnswer::Query);
    let world = World::new(FakeBroker::answering(answers)).await;
    let target = "/artist?format=credit&url=https://a.example/art/1";
    let reply = world.get(target).await;
    assert!(reply.status == 202 && reply.head.contains("retry-after: 1"), "{}", reply.head);
    let reply = world.get(target).await;
    assert!(reply.status == 200 && reply.head.contains("text/plain"), "{}", reply.head);
    assert!(reply.body.starts_with("Artist:\nhttps://x.com/jane_paints\n"), "{}", reply.body);
    world.get(target).await.check_error(404, "NOT_FOUND");
}

#[tokio::test]
async fn among_other_queries_it_says_what_it_is() {
    for (view, expect) in [(sample_artist(), true), (sample_view(), false)] {
        let world = World::new(FakeBroker::answering([FrontAnswer::Query(view)])).await;
        let reply = world.get("/queries?ids=0123456789abcdef0123456789abcdef").await.json();
        assert_eq!(reply["queries"][0]["artist_alone"], expect, "{reply:#}");
    }
}
