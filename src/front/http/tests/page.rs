//! The web page, and what is served under which method.

use super::world::{World, query_question};
use crate::front::fake::FakeBroker;
use crate::front::http::router::ENDPOINTS;
use crate::proto::front::Client;

#[tokio::test]
async fn methods_and_paths() {
    let world = World::new(FakeBroker::default()).await;
    world.get("/nothing").await.check_error(404, "NOT_FOUND");
    let reply = world.exchange("DELETE /query HTTP/1.1", b"").await;
    reply.check_error(405, "METHOD_NOT_ALLOWED");
    assert!(reply.head.contains("allow: get, head, post, options"), "{}", reply.head);
    let reply = world.exchange("OPTIONS /search HTTP/1.1", b"").await;
    assert_eq!((reply.status, reply.body.as_str()), (204, ""));
    assert!(reply.head.contains("allow: get, head, post, options"));
    assert!(!reply.head.contains("access-control"), "no other site may read answers");
    let reply = world.exchange("HEAD /query?url=https://a.example/ HTTP/1.1", b"").await;
    assert_eq!((reply.status, reply.body.as_str()), (200, ""));
    // Every endpoint that is listed is there.
    for path in ENDPOINTS.keys() {
        let status = world.exchange(&format!("HEAD {path} HTTP/1.1"), b"").await.status;
        let expect = match path.as_str() {
            // It says which ids it wants to be told.
            "/queries" => 400,
            // What is cancelled cannot be read.
            "/queries/{id}" => 405,
            _ => 200,
        };
        assert_eq!(status, expect, "{path}");
    }
}

#[tokio::test]
async fn the_page_is_for_browsers() {
    let world = World::new(FakeBroker::default()).await;
    let reply = world.get("/").await;
    assert!(reply.head.contains("content-type: text/plain"));
    assert!(reply.body.contains("/query?url="));

    let reply =
        world.exchange("GET / HTTP/1.1\r\nAccept: text/html,*/*;q=0.8\r\nAccept-Language: fr", b"").await;
    assert!(reply.head.contains("content-type: text/html"));
    assert!(reply.head.contains("content-security-policy: default-src 'none'; script-src 'self';"));
    assert!(reply.body.contains("<html lang=\"fr\">") && reply.body.contains("Trouver le tweet"));
    for attribute in ["href=\"/assets/style.css", "src=\"/assets/app.js", "data-texts=\"/assets/texts.json"] {
        let (_, rest) = reply.body.split_once(attribute).expect(attribute);
        let (_, path) = attribute.split_once('"').unwrap();
        let (version, _) = rest.split_once('"').unwrap();
        let asset = world.get(&format!("{path}{version}")).await;
        assert_eq!(asset.status, 200, "{attribute}");
        assert!(asset.head.contains("immutable"));
    }

    let target = "/?url=https%3A%2F%2Fa.example%2Fart%2F1&lang=en";
    let reply = world.exchange(&format!("GET {target} HTTP/1.1\r\nAccept: text/html"), b"").await;
    assert!(reply.body.contains("Found: 3 posts"), "{}", reply.body);
    assert!(reply.body.contains("https://x.com/jane_paints/status/18446744073709551615"));
    assert_eq!(world.broker.asked()[1].0, query_question("https://a.example/art/1", Client::Exempt));
}
