//! Who may ask what, and how often: addresses, keys, webhooks, networks, other sites.

use std::sync::atomic::Ordering;

use super::world::{World, query_question};
use crate::base::ids::{Network, Networks};
use crate::config;
use crate::front::fake::{Asked, FakeBroker};
use crate::proto::front::{Client, FrontQuestion};

#[tokio::test]
async fn one_address_asks_once_a_second() {
    let world = World::new(FakeBroker::default()).await;
    let target = "/query?url=https://a.example/";
    let limited = |key: &str| Client::Limited { key: key.to_owned() };
    assert_eq!(world.get_as("2001:db8::1", target).await.status, 200);
    assert_eq!(world.last_asked().0, query_question("https://a.example/", limited("2001:db8::/64")));
    let reply = world.get_as("2001:db8::2", target).await;
    reply.check_error(429, "TOO_MANY_REQUESTS");
    assert!(reply.head.contains("retry-after: 1"));
    assert_eq!(world.get_as("192.0.2.1", target).await.status, 200, "another address");
    // Looking for a server, and figures, cost nothing.
    assert_eq!(world.get_as("192.0.2.1", "/query?url=").await.status, 200);
    assert_eq!(world.get_as("192.0.2.1", "/stats").await.status, 200);
    // The page opens its stream right after it was loaded.
    assert_eq!(world.get_as("192.0.2.1", &format!("/query/events{}", &target[6..])).await.status, 200);
    world.clock.store(1000, Ordering::SeqCst);
    assert_eq!(world.get_as("2001:db8::1", target).await.status, 200);
    for _ in 0..5 {
        assert_eq!(world.get(target).await.status, 200, "exempt");
    }
}

pub(super) fn api_key(name: &str, key: &str, advanced: bool) -> config::ApiKey {
    config::ApiKey {
        name: name.to_owned(),
        sha256: config::sha256(key.as_bytes()),
        requests_per_second: 2,
        max_processing_requests: 5,
        networks: Networks::default(),
        advanced,
        cancel: advanced,
        verdicts: advanced,
        watches: advanced,
        credit: config::CreditTemplates::default(),
    }
}

fn webhook(name: &str) -> config::Webhook {
    config::Webhook {
        name: name.to_owned(),
        url: "https://bot.example/".to_owned(),
        secret: config::Secret::new(""),
    }
}

#[tokio::test]
async fn an_api_key_has_its_own_limits_and_rights() {
    let world = World::with(FakeBroker::default(), |settings| {
        settings.api_keys =
            vec![api_key("bot", "key-of-the-bot", true), api_key("app", "key-of-the-app", false)];
    })
    .await;
    let ask = async |key: &str, target: &str| {
        let head =
            format!("GET {target} HTTP/1.1\r\nX-Forwarded-For: 192.0.2.1\r\nAuthorization: Bearer {key}");
        world.exchange(&head, b"").await
    };
    let target = "/query?url=https://b.example/";
    for expect in [200, 200, 429] {
        assert_eq!(ask("key-of-the-bot", target).await.status, expect);
    }
    let client = Client::Key { name: "bot".to_owned(), max_processing_requests: 5 };
    assert_eq!(world.broker.asked()[0].0, query_question("https://b.example/", client));
    assert_eq!(ask("key-of-the-app", target).await.status, 200, "another key");
    assert_eq!(world.get_as("192.0.2.1", target).await.status, 200, "the address by itself");
    assert_eq!(ask("key-of-the-bot", "/config").await.json()["ip_can_use_advanced"], true);
    assert_eq!(ask("key-of-the-bot", "/config").await.json()["limit_per_ip_address"], 5);
    world.clock.store(5000, Ordering::SeqCst);
    assert_eq!(ask("key-of-the-bot", "/search?identifier=abc").await.status, 200);
    ask("key-of-the-app", "/search?identifier=abc").await.check_error(403, "FORBIDDEN");
    let wrong = ask("no-such-key", "/stats").await;
    wrong.check_error(401, "UNAUTHORIZED");
    assert!(wrong.head.contains("www-authenticate: bearer"));
}

#[tokio::test]
async fn a_webhook_is_named_by_those_who_may() {
    let world = World::with(FakeBroker::default(), |settings| settings.webhooks = vec![webhook("bot")]).await;
    let asked = |webhook: Option<&str>| FrontQuestion::Query {
        url: "https://a.example/?x=1&y=2".to_owned(),
        client: Client::Exempt,
        networks: Networks::default(),
        whole: false,
        webhook: webhook.map(str::to_owned),
    };
    let target = "/query?webhook=bot&url=https://a.example/?x=1&y=2";
    assert_eq!(world.get(target).await.status, 200);
    assert_eq!(world.last_asked().0, asked(Some("bot")));
    // It was answered already, but who names a webhook has to be written down.
    assert_eq!(world.get(target).await.status, 200);
    assert_eq!(world.broker.asked().len(), 2);
    world.get_as("192.0.2.1", target).await.check_error(403, "FORBIDDEN");
    world.get("/query?webhook=cat&url=https://a.example/").await.check_error(400, "UNKNOWN_WEBHOOK");
    let reply = world.exchange("POST /query?webhook=bot HTTP/1.1", b"https://a.example/?x=1&y=2").await;
    assert_eq!((reply.status, world.last_asked().0), (200, asked(Some("bot"))));
    let body = b"{\"urls\":[\"https://a.example/?x=1&y=2\"],\"webhook\":\"bot\"}";
    assert_eq!(
        world.exchange("POST /queries HTTP/1.1\r\nContent-Type: application/json", body).await.status,
        200
    );
    assert_eq!(world.last_asked().0, asked(Some("bot")));
}

#[tokio::test]
async fn networks_are_chosen_by_request_and_by_key() {
    let world = World::with(FakeBroker::default(), |settings| {
        settings.networks = Network::ALL.to_vec();
        let networks = Networks::from_names("bluesky,mastodon").unwrap();
        settings.api_keys = vec![config::ApiKey { networks, ..api_key("free", "key-of-the-free-one", true) }];
    })
    .await;
    let chosen = |(question, _): &Asked| match question {
        FrontQuestion::Query { networks, .. }
        | FrontQuestion::SearchImage { networks, .. }
        | FrontQuestion::SearchUrl { networks, .. } => Some(networks.to_string()),
        // The page shows figures too.
        _ => None,
    };
    let check = async |request: &str, body: &[u8], expect: &str| {
        assert_eq!(world.exchange(request, body).await.status, 200, "{request}");
        let last = world.broker.asked().iter().rev().find_map(chosen);
        assert_eq!(last.as_deref(), Some(expect), "{request}");
    };
    const ALL: &str = "twitter,bluesky,mastodon,misskey";
    check("GET /query?networks=bluesky&url=https://a.example/1 HTTP/1.1", b"", "bluesky").await;
    // Another answer than the one that was just kept.
    check("GET /query?url=https://a.example/1 HTTP/1.1", b"", ALL).await;
    let all = "GET /query?networks=mastodon,%20twitter,bluesky,misskey&url=https://a.example/2 HTTP/1.1";
    check(all, b"", ALL).await;
    check("GET /query?url=https://a.example/?networks=x&networks=y HTTP/1.1", b"", ALL).await;
    check("GET /query/events?networks=twitter&url=https://a.example/ HTTP/1.1", b"", "twitter").await;
    check("GET /?networks=twitter&url=https://a.example/ HTTP/1.1\r\nAccept: text/html", b"", "twitter")
        .await;
    check("POST /query?networks=mastodon HTTP/1.1", b"https://a.example/3", "mastodon").await;
    let batch = b"{\"urls\":[\"https://a.example/\"],\"networks\":[\"bluesky\"]}";
    check("POST /queries HTTP/1.1\r\nContent-Type: application/json", batch, "bluesky").await;
    check("POST /search?networks=bluesky HTTP/1.1\r\nContent-Type: image/png", b"x", "bluesky").await;
    let by_url = b"{\"url\":\"https://a.example/a.png\",\"networks\":[\"twitter\"]}";
    check("POST /search HTTP/1.1\r\nContent-Type: application/json", by_url, "twitter").await;
    let form = b"--b\r\nContent-Disposition: form-data; name=\"url\"\r\n\r\nhttps://a.example/a.png\r\n\
        --b\r\nContent-Disposition: form-data; name=\"networks\"\r\n\r\nmastodon\r\n--b--\r\n";
    check("POST /search HTTP/1.1\r\nContent-Type: multipart/form-data; boundary=b", form, "mastodon").await;

    let by_key = |target: &str| format!("GET {target} HTTP/1.1\r\nX-API-Key: key-of-the-free-one");
    check(&by_key("/query?url=https://a.example/4"), b"", "bluesky,mastodon").await;
    check(&by_key("/query?networks=twitter,mastodon&url=https://a.example/5"), b"", "mastodon").await;
    let none = world.exchange(&by_key("/query?networks=twitter&url=https://a.example/"), b"").await;
    none.check_error(400, "BAD_REQUEST");
    assert!(none.body.contains("twitter cannot be searched here, only bluesky,mastodon"), "{}", none.body);
    let config = world.exchange(&by_key("/config"), b"").await.json();
    assert_eq!(config["networks"], serde_json::json!(["bluesky", "mastodon"]));
    for names in ["orkut", "%2C", "Twitter"] {
        let target = format!("/query?networks={names}&url=https://a.example/");
        world.get(&target).await.check_error(400, "BAD_REQUEST");
    }
}

#[tokio::test]
async fn all_networks_of_a_server_are_no_choice() {
    let world = World::new(FakeBroker::default()).await;
    assert_eq!(
        world.get("/query?networks=misskey,mastodon,bluesky&url=https://a.example/").await.status,
        200
    );
    assert_eq!(world.last_asked().0, query_question("https://a.example/", Client::Exempt));
    world.get("/query?networks=twitter&url=https://a.example/").await.check_error(400, "BAD_REQUEST");
    let config = world.get("/config").await.json();
    assert_eq!(config["networks"], serde_json::json!(["bluesky", "mastodon", "misskey"]));
}

#[tokio::test]
async fn other_sites_read_answers_only_where_configured() {
    let ask = async |world: &World, method: &str, origin: &str| {
        world.exchange(&format!("{method} /query?url= HTTP/1.1\r\nOrigin: {origin}"), b"").await.head
    };
    let world = World::with(FakeBroker::default(), |settings| {
        settings.http.cors_origins = vec!["https://friend.example".to_owned()];
    })
    .await;
    let answer = ask(&world, "GET", "https://friend.example").await;
    assert!(answer.contains("access-control-allow-origin: https://friend.example"), "{answer}");
    assert!(answer.contains("vary: origin") && !answer.contains("allow-methods"));
    let preflight = ask(&world, "OPTIONS", "https://friend.example").await;
    assert!(preflight.starts_with("http/1.1 204"));
    assert!(preflight.contains("access-control-allow-methods: get, head, post, options"));
    assert!(preflight.contains("access-control-allow-headers: authorization, content-type"));
    for origin in ["https://friend.example.evil.example", "http://friend.example", "null"] {
        assert!(!ask(&world, "GET", origin).await.contains("access-control-allow-origin"), "{origin}");
    }
    let world =
        World::with(FakeBroker::default(), |settings| settings.http.cors_origins = vec!["*".to_owned()])
            .await;
    assert!(ask(&world, "GET", "https://any.example").await.contains("access-control-allow-origin: *"));
}

#[tokio::test]
async fn other_sites_begin_nothing() {
    let world = World::new(FakeBroker::default()).await;
    let cross = "Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: no-cors\r\nSec-Fetch-Dest: image";
    let json = "Content-Type: application/json\r\n";
    for (request, body) in [
        ("GET /query?url=https://a.example/1", ""),
        ("GET /query/events?url=https://a.example/2", ""),
        ("GET /?url=https://a.example/3", ""),
        ("POST /query", "https://a.example/4"),
        ("POST /queries", "{\"urls\":[\"https://a.example/5\"]}"),
        ("POST /search", "{\"url\":\"https://a.example/6.png\"}"),
        ("GET /queries?ids=a", ""),
    ] {
        let head = format!("{request} HTTP/1.1\r\n{json}Accept: text/html\r\n{cross}");
        assert_eq!(world.exchange(&head, body.as_bytes()).await.status, 403, "{request}");
    }
    assert!(world.broker.asked().iter().all(|(question, _)| *question == FrontQuestion::Stats));
    let navigation = "Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: document";
    let head = format!("GET /?url=https://a.example/ HTTP/1.1\r\nAccept: text/html\r\n{navigation}");
    assert_eq!(world.exchange(&head, b"").await.status, 200, "a link to the page");
    // What is only looked at stays open, to monitors among others.
    assert_eq!(world.exchange(&format!("GET /healthz HTTP/1.1\r\n{cross}"), b"").await.status, 200);
}

#[tokio::test]
async fn json_says_that_it_is() {
    let world = World::new(FakeBroker::default()).await;
    let body = b"{\"urls\":[\"https://a.example/\"]}";
    for kind in ["", "Content-Type: text/plain\r\n", "Content-Type: application/x-www-form-urlencoded\r\n"] {
        let reply = world.exchange(&format!("POST /queries HTTP/1.1\r\n{kind}X-Is: a-test"), body).await;
        reply.check_error(415, "UNSUPPORTED_MEDIA_TYPE");
    }
    let kind = "Content-Type: application/json; charset=utf-8";
    assert_eq!(world.exchange(&format!("POST /queries HTTP/1.1\r\n{kind}"), body).await.status, 200);
}
