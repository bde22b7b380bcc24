//! Queries, one and many.

use std::sync::atomic::Ordering;

use serde_json::{Value, json};

use super::callers::api_key;
use super::world::{World, query_question};
use crate::api::answers::Answer;
use crate::config::CreditTemplates;
use crate::domain::failure::FailureCode;
use crate::front::fake::{FakeBroker, sample_view, sample_view_at};
use crate::proto::front::{Client, FrontAnswer};
use crate::proto::view::QueryStatus;

#[tokio::test]
async fn a_query_is_answered_field_for_field() {
    let world = World::new(FakeBroker::default()).await;
    let reply = world.get("/query?url=https://a.example/p?a=1&b=2+3").await;
    assert_eq!(reply.status, 200);
    let golden: Value = serde_json::from_str(include_str!("../../../api/golden/query_end.json")).unwrap();
    assert_eq!(reply.json(), golden);
    assert_eq!(world.last_asked().0, query_question("https://a.example/p?a=1&b=2+3", Client::Exempt));
    assert!(reply.head.contains("content-type: application/json"));
    assert!(reply.head.contains("x-content-type-options: nosniff"));
    assert!(reply.head.contains("cache-control: no-store"));

    let reply = world
        .exchange(
            "POST /query HTTP/1.1\r\nContent-Type: text/plain;charset=UTF-8",
            b"https://a.example/art/1",
        )
        .await;
    assert_eq!(reply.json(), golden);
    assert_eq!(world.last_asked().0, query_question("https://a.example/art/1", Client::Exempt));
}

#[tokio::test]
async fn requests_without_a_usable_url_are_answers_too() {
    let world = World::new(FakeBroker::default()).await;
    let long = "x".repeat(300);
    for (target, code) in [
        ("/query", "NO_URL_FIELD"),
        ("/query?url=", "NO_URL_FIELD"),
        (&format!("/query?url=https://a.example/{long}"), "URL_TOO_LONG"),
        ("/query/events?url=", "NO_URL_FIELD"),
    ] {
        let reply = world.get_as("192.0.2.1", target).await;
        assert_eq!(reply.status, 200, "{target}");
        assert!(reply.body.contains(&format!("\"error\":\"{code}\"")), "{target}: {}", reply.body);
    }
    let reply = world.get("/query?url=").await;
    assert_eq!(
        reply.body,
        "{\"status\":null,\"has_first_time_scan\":false,\"twitter_accounts\":[],\"results\":[],\"error\":\"NO_URL_FIELD\",\"id\":null,\"similar\":[],\
         \"error_detail\":\"No URL was given: put the address of the artwork's page in the field \\\"url\\\".\",\
         \"image_url\":null,\"steps\":[],\"queue_position\":null,\"estimated_wait_ms\":null,\"waits_for_network\":false,\"posts_listed\":0,\"posts_indexed\":0,\"accounts\":[],\"posts\":[],\"similar_posts\":[],\
         \"published\":null,\"named_posts\":[],\"elsewhere\":[],\"artwork_pages\":[],\"other_accounts\":[],\"searched\":[],\"complete\":false,\"looking\":null,\"cost_usd\":0.0,\
         \"rest_usd\":null,\"verdicts\":[],\"parts\":{\"state\":\"off\",\"images_without\":0}}"
    );
    let reply = world.exchange("POST /query HTTP/1.1", long.as_bytes()).await;
    assert_eq!(reply.json()["error"], "URL_TOO_LONG");
    world
        .exchange("POST /query HTTP/1.1", "x".repeat(1025).as_bytes())
        .await
        .check_error(413, "PAYLOAD_TOO_LARGE");
    assert_eq!(world.broker.asked(), vec![]);
}

#[tokio::test]
async fn what_the_broker_refuses_is_an_answer() {
    let refused = FrontAnswer::Refused {
        code: FailureCode::YourIpHasMaxProcessingRequests,
        detail: "10 of 10".to_owned(),
    };
    let world = World::new(FakeBroker::answering([refused])).await;
    let reply = world.get("/query?url=https://a.example/").await;
    assert_eq!(reply.status, 200);
    assert_eq!(reply.json()["error"], "YOUR_IP_HAS_MAX_PROCESSING_REQUESTS");
    assert_eq!(reply.json()["error_detail"], "10 of 10");
    assert_eq!(reply.json()["status"], Value::Null);
}

#[tokio::test]
async fn without_a_broker() {
    let world = World::new(FakeBroker::away()).await;
    for target in
        ["/query?url=https://a.example/", "/query/events?url=https://a.example/", "/stats", "/readyz"]
    {
        let reply = world.get(target).await;
        reply.check_error(503, "SERVICE_UNAVAILABLE");
        assert!(reply.head.contains("retry-after: 2"), "{target}");
    }
    assert_eq!(world.get("/healthz").await.status, 200);
    assert_eq!(world.get("/config").await.status, 200);
    let page = world.exchange("GET /?url=https://a.example/ HTTP/1.1\r\nAccept: text/html", b"").await;
    assert_eq!(page.status, 503);
    assert!(page.body.contains("restarting") && page.body.contains("http-equiv=\"refresh\""));
}

#[tokio::test]
async fn an_ended_query_does_not_wake_the_broker_again() {
    let begun = FrontAnswer::Query(sample_view_at(QueryStatus::LinkFinder, 1));
    let world = World::new(FakeBroker::answering([begun, FrontAnswer::Query(sample_view())])).await;
    let target = "/query?url=https://a.example/art/1";
    assert_eq!(world.get(target).await.json()["status"], "LINK_FINDER");
    for _ in 0..3 {
        assert_eq!(world.get(target).await.json()["status"], "END");
    }
    assert_eq!(world.broker.asked().len(), 2);
    world.clock.store(3000, Ordering::SeqCst);
    assert_eq!(world.get(target).await.json()["status"], "END");
    assert_eq!(world.broker.asked().len(), 3);
    // It is counted all the same.
    assert_eq!(world.get_as("192.0.2.1", target).await.status, 200);
    assert_eq!(world.get_as("192.0.2.1", target).await.status, 429);
}

/// A URL may hold a line break: the answer that is kept for it is that of no other question.
#[tokio::test]
async fn no_url_passes_for_another_question() {
    let world = World::new(FakeBroker::default()).await;
    let all = "twitter,bluesky,mastodon,misskey";
    for (placed, target) in [
        (format!("artist%0A{all}%0Atrue%0Ahttps://a.example/art/1"), "/artist?url=https://a.example/art/1"),
        (format!("{all}%0Atrue%0Ahttps://a.example/art/1"), "/query?whole=1&url=https://a.example/art/1"),
    ] {
        world.get(&format!("/query?url={placed}")).await;
        let asked = world.broker.asked().len();
        world.get(target).await;
        assert_eq!(world.broker.asked().len(), asked + 1, "{target} is asked for itself");
    }
}

#[tokio::test]
async fn too_much_is_said_at_once() {
    let world = World::new(FakeBroker::answering([FrontAnswer::Overloaded])).await;
    let reply = world.get("/query?url=https://a.example/").await;
    reply.check_error(503, "BUSY");
    assert!(reply.head.contains("retry-after: 2"));
    world.exchange("POST /search HTTP/1.1", b"x").await.check_error(503, "BUSY");
}

#[tokio::test]
async fn many_queries_at_once() {
    let world = World::new(FakeBroker::default()).await;
    let body = b"{\"urls\":[\"https://a.example/1\",\" \",\"https://a.example/2\"]}";
    let reply = world
        .exchange(
            "POST /queries HTTP/1.1\r\nContent-Type: application/json\r\nX-Forwarded-For: 192.0.2.1",
            body,
        )
        .await;
    let queries = reply.json()["queries"].clone();
    let urls: Vec<&str> =
        queries.as_array().unwrap().iter().map(|entry| entry["url"].as_str().unwrap()).collect();
    assert_eq!(urls, ["https://a.example/1", " ", "https://a.example/2"]);
    assert_eq!((&queries[0]["status"], &queries[1]["error"]), (&"END".into(), &"NO_URL_FIELD".into()));
    assert_eq!(world.broker.asked().len(), 2);
    let again = world
        .exchange(
            "POST /queries HTTP/1.1\r\nContent-Type: application/json\r\nX-Forwarded-For: 192.0.2.1",
            body,
        )
        .await;
    again.check_error(429, "TOO_MANY_REQUESTS");

    let reply = world.get("/queries?ids=a%2Cb,c").await.json();
    let ids: Vec<_> = reply["queries"].as_array().unwrap().iter().map(|entry| entry["id"].clone()).collect();
    assert_eq!(ids, ["a", "b", "c"]);
    let many = |count: usize| format!("{{\"urls\":[{}]}}", vec!["\"https://a.example/\""; count].join(","));
    assert_eq!(
        world
            .exchange("POST /queries HTTP/1.1\r\nContent-Type: application/json", many(100).as_bytes())
            .await
            .status,
        200
    );
    for body in [many(101), many(0), "{}".to_owned(), "[]".to_owned(), "{\"urls\":[1]}".to_owned()] {
        world
            .exchange("POST /queries HTTP/1.1\r\nContent-Type: application/json", body.as_bytes())
            .await
            .check_error(400, "BAD_REQUEST");
    }
    world.get(&format!("/queries?ids={}", vec!["a"; 101].join(","))).await.check_error(400, "BAD_REQUEST");

    let unknown = FrontAnswer::Refused { code: FailureCode::NoSuchRequest, detail: String::new() };
    let world = World::new(FakeBroker::answering([unknown])).await;
    let reply = world.get("/queries?ids=a").await.json();
    let entry = &reply["queries"][0];
    assert_eq!(
        (&entry["id"], &entry["error"], &entry["url"]),
        (&"a".into(), &"NO_SUCH_REQUEST".into(), &Value::Null)
    );
}

#[tokio::test]
async fn a_credit_is_text_to_copy() {
    let world = World::new(FakeBroker::default()).await;
    let reply = world.get("/query?format=credit&url=https://a.example/p").await;
    assert_eq!(reply.status, 200);
    assert!(reply.head.contains("content-type: text/plain; charset=utf-8"), "{}", reply.head);
    let answer = Answer::from(&sample_view());
    assert!(reply.body.starts_with(&format!("Posts:\n{}\n", answer.posts[0].url)), "{}", reply.body);
    assert!(reply.body.contains(&format!("\n\nArtist:\n{}\n", answer.accounts[0].url)), "{}", reply.body);
    assert_eq!(world.get("/credit?url=https://a.example/p").await.body, reply.body);
    let french = world.get("/credit?markup=markdown&lang=fr&url=https://a.example/p").await;
    assert!(french.body.starts_with("**Publications\u{a0}:** [X](https://x.com/"), "{}", french.body);
    for (parameters, why) in [
        ("format=xml", "format: "),
        ("format=credit&markup=rtf", "markup: "),
        ("format=credit&lang=de", "lang: "),
    ] {
        let reply = world.get(&format!("/query?{parameters}&url=https://a.example/p")).await;
        reply.check_error(400, "BAD_REQUEST");
        assert!(reply.body.contains(why), "{}", reply.body);
    }
    world.get("/credit?url=").await.check_error(400, "BAD_REQUEST");
    let json = world.get("/query?url=https://a.example/?format=credit").await;
    assert!(json.head.contains("content-type: application/json"), "it belongs to the page's address");
}

#[tokio::test]
async fn a_credit_comes_with_the_end_and_of_somebody() {
    let running = FrontAnswer::Query(sample_view_at(QueryStatus::LinkFinder, 1));
    let mut nobody = sample_view();
    nobody.accounts.clear();
    nobody.results.clear();
    nobody.elsewhere.clear();
    nobody.error = Some(FailureCode::NoTwitterAccountFound);
    let refused = FrontAnswer::Refused {
        code: FailureCode::YourIpHasMaxProcessingRequests,
        detail: "10 of 10".to_owned(),
    };
    let answers = [running, FrontAnswer::Query(nobody), refused];
    let world = World::new(FakeBroker::answering(answers)).await;
    let target = "/query?format=credit&url=https://a.example/p";
    let reply = world.get(target).await;
    assert_eq!(reply.status, 202);
    assert!(reply.head.contains("retry-after: 1"), "{}", reply.head);
    let reply = world.get(target).await;
    reply.check_error(404, "NOT_FOUND");
    assert!(reply.body.contains("NO_TWITTER_ACCOUNT_FOUND"), "{}", reply.body);
    world.get(target).await.check_error(503, "SERVICE_UNAVAILABLE");
}

#[tokio::test]
async fn a_key_credits_in_its_own_words() {
    let template = |text: &str| -> CreditTemplates {
        serde_json::from_value(json!({ "plain": text, "markdown": null, "html": null })).unwrap()
    };
    let mut key = api_key("bot", "key-of-the-bot", false);
    key.credit = template("by {artist}");
    let world = World::with(FakeBroker::default(), |settings| {
        settings.credit = template("ours: {account}");
        settings.api_keys = vec![key, api_key("other", "key-of-another", false)];
    })
    .await;
    let credit = async |key: &str| {
        let head = format!("GET /query?format=credit&url=https://a.example/p HTTP/1.1{key}");
        world.exchange(&head, b"").await.body
    };
    let answer = Answer::from(&sample_view());
    assert_eq!(credit("\r\nX-Api-Key: key-of-the-bot").await, format!("by {}", answer.accounts[0].handle));
    let ours = format!("ours: {}", answer.accounts[0].url);
    assert_eq!(credit("\r\nX-Api-Key: key-of-another").await, ours);
    assert_eq!(credit("").await, ours);
}
