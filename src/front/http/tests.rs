//! The API over real connections, in front of a fake broker.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::JoinHandle;

use super::*;
use crate::base::ids::Network;
use crate::domain::failure::FailureCode;
use crate::front::fake::{Asked, FakeBroker, sample_stats, sample_view, sample_view_at};
use crate::proto::front::Client;
use crate::proto::view::QueryStatus;

/// A server on loopback. Clients are whom they say they are in `X-Forwarded-For`; without it they
/// are 127.0.0.1, which may do everything.
pub(super) struct World {
    pub(super) broker: Arc<FakeBroker>,
    pub(super) addr: SocketAddr,
    clock: Arc<AtomicU64>,
    stop: watch::Sender<bool>,
    server: JoinHandle<()>,
}

impl World {
    pub(super) async fn new(broker: FakeBroker) -> World {
        World::with(broker, |_| {}).await
    }

    /// With other settings than the default.
    pub(super) async fn with(broker: FakeBroker, change: impl FnOnce(&mut Settings)) -> World {
        let mut settings = Settings::default();
        change(&mut settings);
        settings.http.trusted_proxies = vec!["127.0.0.1/32".parse().unwrap()];
        settings.fetch.max_image_bytes = 1000;
        let broker = Arc::new(broker);
        let clock = Arc::new(AtomicU64::new(0));
        let (stop, stopped) = watch::channel(false);
        let now = clock.clone();
        let now = Box::new(move || Monotonic(now.load(Ordering::SeqCst)));
        let api = Api::with_clock(&settings, broker.clone(), stopped.clone(), now);
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let addr = listener.local_addr().unwrap();
        let server = tokio::spawn(serve::serve(listener, None, api, stopped));
        World { broker, addr, clock, stop, server }
    }

    /// Sends a request (its head without the empty line) and reads the whole response.
    pub(super) async fn exchange(&self, head: &str, body: &[u8]) -> Reply {
        let mut stream = TcpStream::connect(self.addr).await.unwrap();
        let mut request = format!("{head}\r\nHost: a\r\nConnection: close\r\n").into_bytes();
        if !body.is_empty() {
            request.extend(format!("Content-Length: {}\r\n", body.len()).into_bytes());
        }
        request.extend(b"\r\n");
        request.extend(body);
        stream.write_all(&request).await.unwrap();
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).await.unwrap();
        Reply::parse(&String::from_utf8(bytes).unwrap())
    }

    pub(super) async fn get(&self, target: &str) -> Reply {
        self.exchange(&format!("GET {target} HTTP/1.1"), b"").await
    }

    pub(super) async fn get_as(&self, ip: &str, target: &str) -> Reply {
        self.exchange(&format!("GET {target} HTTP/1.1\r\nX-Forwarded-For: {ip}"), b"").await
    }

    fn last_asked(&self) -> Asked {
        self.broker.asked().last().expect("the broker was asked").clone()
    }
}

pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) head: String,
    pub(super) body: String,
}

impl Reply {
    pub(super) fn parse(text: &str) -> Reply {
        let (head, body) = text.split_once("\r\n\r\n").expect("a whole response");
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Reply { status, head: head.to_ascii_lowercase(), body: body.to_owned() }
    }

    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("no JSON: {}", self.body))
    }

    #[track_caller]
    pub(super) fn check_error(&self, status: u16, code: &str) {
        assert_eq!((self.status, self.json()["error"].as_str()), (status, Some(code)), "{}", self.body);
    }
}

fn query_question(url: &str, client: Client) -> FrontQuestion {
    FrontQuestion::Query { url: url.to_owned(), client, networks: Networks::default(), webhook: None }
}

#[tokio::test]
async fn a_query_is_answered_field_for_field() {
    let world = World::new(FakeBroker::default()).await;
    let reply = world.get("/query?url=https://a.example/p?a=1&b=2+3").await;
    assert_eq!(reply.status, 200);
    let golden: Value = serde_json::from_str(include_str!("../../api/golden/query_end.json")).unwrap();
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
         \"image_url\":null,\"steps\":[],\"queue_position\":null,\"estimated_wait_ms\":null,\"waits_for_network\":false,\"posts_listed\":0,\"posts_indexed\":0,\"accounts\":[],\"posts\":[],\"similar_posts\":[]}"
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
async fn search_is_for_those_who_may() {
    let world = World::new(FakeBroker::default()).await;
    let head = "POST /search?account_name=%40jane&turned=1 HTTP/1.1\r\nContent-Type: image/png";
    let reply = world.exchange(head, &[7; 999]).await;
    assert_eq!((reply.status, reply.json()["identifier"].as_str()), (200, Some("abc")));
    assert_eq!(reply.json()["results"].as_array().unwrap().len(), 2);
    let question = FrontQuestion::SearchImage {
        len_bytes: 999,
        account_name: Some("jane".to_owned()),
        networks: Networks::default(),
        turned: true,
        client: Client::Exempt,
    };
    assert_eq!(world.last_asked(), (question, Some(999)));
    assert_eq!(world.exchange("POST /search HTTP/1.1", b"").await.json()["error"], "IMAGE_MISSING");
    world.exchange("POST /search HTTP/1.1", &[7; 1001]).await.check_error(413, "PAYLOAD_TOO_LARGE");
    let chunked = b"3e9\r\n".iter().chain(&[7; 0x3e9]).chain(b"\r\n0\r\n\r\n").copied().collect::<Vec<_>>();
    let mut stream = TcpStream::connect(world.addr).await.unwrap();
    stream
        .write_all(
            b"POST /search HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n",
        )
        .await
        .unwrap();
    stream.write_all(&chunked).await.unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    Reply::parse(&text).check_error(413, "PAYLOAD_TOO_LARGE");

    assert_eq!(world.get("/search?identifier=abc").await.json()["identifier"], "abc");
    assert_eq!(world.last_asked().0, FrontQuestion::SearchState { identifier: "abc".to_owned() });
    assert_eq!(world.get("/search").await.json()["error"], "IDENTIFIER_MISSING");
    assert_eq!(world.get("/search").await.json()["identifier"], Value::Null);

    world.get_as("192.0.2.1", "/search?identifier=abc").await.check_error(403, "FORBIDDEN");
    let head = "POST /search HTTP/1.1\r\nX-Forwarded-For: 192.0.2.1";
    world.exchange(head, b"x").await.check_error(403, "FORBIDDEN");
}

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
async fn figures_are_cached_and_limits_are_the_callers_own() {
    let mut later = sample_stats();
    later.store.posts += 1;
    let world =
        World::new(FakeBroker::answering([FrontAnswer::Stats(sample_stats()), FrontAnswer::Stats(later)]))
            .await;
    let first = "{\"indexed_tweets_count\":1234,\"indexed_accounts_count\":3,\"processing_user_requests_count\":2,\
                 \"processing_scan_requests_count\":1,\"pending_tweets_count\":5,\
                 \"spent_today_usd\":1.25,\"spent_month_usd\":20.0,\"left_today_usd\":3.75,\"deferred_scans_count\":1,\
                 \"index_percent\":25}";
    assert_eq!(world.get("/stats").await.body, first);
    world.clock.store(2999, Ordering::SeqCst);
    assert_eq!(world.get("/stats").await.body, first);
    world.clock.store(3000, Ordering::SeqCst);
    assert_eq!(world.get("/stats").await.json()["indexed_tweets_count"], 1235);
    assert_eq!(world.broker.asked().len(), 2);

    assert_eq!(
        world.get("/config").await.body,
        "{\"limit_per_ip_address\":10,\"ip_can_bypass_limit\":true,\"ip_can_use_advanced\":true,\
         \"update_accounts_frequency\":30,\"max_illust_url_size\":256,\"networks\":[\"bluesky\",\"mastodon\"]}"
    );
    let other = world.get_as("192.0.2.1", "/config").await.json();
    assert_eq!(
        (&other["ip_can_bypass_limit"], &other["ip_can_use_advanced"]),
        (&false.into(), &false.into())
    );
}

#[tokio::test]
async fn readiness_tells_what_is_wrong() {
    let problem = |blocking| ProblemView { what: "the disk is full".to_owned(), since_ms: 7, blocking };
    let health = |problems| FrontAnswer::Health(problems);
    let answers = [health(vec![]), health(vec![problem(false)]), health(vec![problem(true)])];
    let world = World::new(FakeBroker::answering(answers)).await;
    let ready = world.get_as("192.0.2.1", "/readyz").await;
    assert_eq!((ready.status, ready.body.as_str()), (200, "{\"status\":\"ready\",\"problems\":[]}"));
    assert_eq!(
        world.get_as("192.0.2.1", "/readyz").await.json()["problems"],
        serde_json::json!([]),
        "kept for a moment"
    );
    world.clock.store(1000, Ordering::SeqCst);
    let unwell = world.get_as("192.0.2.1", "/readyz").await;
    assert_eq!((unwell.status, &unwell.json()["problems"][0]["what"]), (200, &"the disk is full".into()));
    world.clock.store(2000, Ordering::SeqCst);
    let blocked = world.get_as("192.0.2.1", "/readyz").await;
    assert_eq!((blocked.status, &blocked.json()["status"]), (503, &"not ready".into()));
}

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
    for (path, _) in ENDPOINTS {
        let status = world.exchange(&format!("HEAD {path} HTTP/1.1"), b"").await.status;
        // It says which ids it wants to be told.
        assert_eq!(status, if *path == "/queries" { 400 } else { 200 }, "{path}");
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

#[tokio::test]
async fn changes_are_pushed_until_the_end() {
    let begun = sample_view_at(QueryStatus::LinkFinder, 1);
    let world = World::new(FakeBroker::answering([FrontAnswer::Query(begun)])).await;
    let stream = TcpStream::connect(world.addr).await.unwrap();
    let (reader, mut writer) = stream.into_split();
    writer
        .write_all(
            b"GET /query/events?url=https://a.example/ HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
        )
        .await
        .unwrap();
    let mut lines = BufReader::new(reader).lines();
    let mut next = async |wanted: &str| loop {
        let line = lines.next_line().await.unwrap()?;
        if let Some(value) = line.strip_prefix(wanted) {
            return Some(value.to_owned());
        }
    };
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

#[tokio::test]
async fn half_open_connections_of_one_address_leave_others_served() {
    let world = World::new(FakeBroker::default()).await;
    let connect_as = async |ip: [u8; 4]| {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(SocketAddr::from((ip, 0))).unwrap();
        socket.connect(world.addr).await.unwrap()
    };
    let mut half_open = Vec::new();
    for _ in 0..MAX_CONNECTIONS_PER_ADDRESS {
        let mut stream = connect_as([127, 0, 0, 2]).await;
        stream.write_all(b"GET /query?url=").await.unwrap();
        half_open.push(stream);
    }
    let mut text = String::new();
    connect_as([127, 0, 0, 2]).await.read_to_string(&mut text).await.unwrap();
    Reply::parse(&text).check_error(503, "BUSY");

    let mut other = connect_as([127, 0, 0, 3]).await;
    other.write_all(b"GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await.unwrap();
    text.clear();
    other.read_to_string(&mut text).await.unwrap();
    assert_eq!(Reply::parse(&text).status, 200);
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

fn api_key(name: &str, key: &str, advanced: bool) -> config::ApiKey {
    config::ApiKey {
        name: name.to_owned(),
        sha256: config::sha256(key.as_bytes()),
        requests_per_second: 2,
        max_processing_requests: 5,
        networks: Networks::default(),
        advanced,
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
    assert_eq!(world.exchange("POST /queries HTTP/1.1", body).await.status, 200);
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
    const ALL: &str = "twitter,bluesky,mastodon";
    check("GET /query?networks=bluesky&url=https://a.example/1 HTTP/1.1", b"", "bluesky").await;
    // Another answer than the one that was just kept.
    check("GET /query?url=https://a.example/1 HTTP/1.1", b"", ALL).await;
    check("GET /query?networks=mastodon,%20twitter,bluesky&url=https://a.example/2 HTTP/1.1", b"", ALL).await;
    check("GET /query?url=https://a.example/?networks=x&networks=y HTTP/1.1", b"", ALL).await;
    check("GET /query/events?networks=twitter&url=https://a.example/ HTTP/1.1", b"", "twitter").await;
    check("GET /?networks=twitter&url=https://a.example/ HTTP/1.1\r\nAccept: text/html", b"", "twitter")
        .await;
    check("POST /query?networks=mastodon HTTP/1.1", b"https://a.example/3", "mastodon").await;
    let batch = b"{\"urls\":[\"https://a.example/\"],\"networks\":[\"bluesky\"]}";
    check("POST /queries HTTP/1.1", batch, "bluesky").await;
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
    assert_eq!(world.get("/query?networks=mastodon,bluesky&url=https://a.example/").await.status, 200);
    assert_eq!(world.last_asked().0, query_question("https://a.example/", Client::Exempt));
    world.get("/query?networks=twitter&url=https://a.example/").await.check_error(400, "BAD_REQUEST");
    let config = world.get("/config").await.json();
    assert_eq!(config["networks"], serde_json::json!(["bluesky", "mastodon"]));
}

#[tokio::test]
async fn many_queries_at_once() {
    let world = World::new(FakeBroker::default()).await;
    let body = b"{\"urls\":[\"https://a.example/1\",\" \",\"https://a.example/2\"]}";
    let reply = world.exchange("POST /queries HTTP/1.1\r\nX-Forwarded-For: 192.0.2.1", body).await;
    let queries = reply.json()["queries"].clone();
    let urls: Vec<&str> =
        queries.as_array().unwrap().iter().map(|entry| entry["url"].as_str().unwrap()).collect();
    assert_eq!(urls, ["https://a.example/1", " ", "https://a.example/2"]);
    assert_eq!((&queries[0]["status"], &queries[1]["error"]), (&"END".into(), &"NO_URL_FIELD".into()));
    assert_eq!(world.broker.asked().len(), 2);
    let again = world.exchange("POST /queries HTTP/1.1\r\nX-Forwarded-For: 192.0.2.1", body).await;
    again.check_error(429, "TOO_MANY_REQUESTS");

    let reply = world.get("/queries?ids=a%2Cb,c").await.json();
    let ids: Vec<_> = reply["queries"].as_array().unwrap().iter().map(|entry| entry["id"].clone()).collect();
    assert_eq!(ids, ["a", "b", "c"]);
    let many = |count: usize| format!("{{\"urls\":[{}]}}", vec!["\"https://a.example/\""; count].join(","));
    assert_eq!(world.exchange("POST /queries HTTP/1.1", many(100).as_bytes()).await.status, 200);
    for body in [many(101), many(0), "{}".to_owned(), "[]".to_owned(), "{\"urls\":[1]}".to_owned()] {
        world.exchange("POST /queries HTTP/1.1", body.as_bytes()).await.check_error(400, "BAD_REQUEST");
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
async fn an_image_comes_as_a_body_a_form_or_an_address() {
    let world = World::new(FakeBroker::default()).await;
    let form = |fields: &str| format!("{}--X--\r\n", fields.replace('\n', "\r\n")).into_bytes();
    let head = "POST /search HTTP/1.1\r\nContent-Type: multipart/form-data; boundary=X";
    let field = |name: &str, value: &str| {
        format!("--X\nContent-Disposition: form-data; name=\"{name}\"\n\n{value}\n")
    };
    let file = "--X\nContent-Disposition: form-data; name=\"f\"; filename=\"a.png\"\nContent-Type: image/png\n\npixels\n";
    let image = |account: Option<&str>, turned, len_bytes| FrontQuestion::SearchImage {
        len_bytes,
        account_name: account.map(str::to_owned),
        networks: Networks::default(),
        turned,
        client: Client::Exempt,
    };
    let by_url = |account: Option<&str>, turned| FrontQuestion::SearchUrl {
        url: "https://i.example/a.png".to_owned(),
        account_name: account.map(str::to_owned),
        networks: Networks::default(),
        turned,
        client: Client::Exempt,
    };
    let reply = world.exchange(head, &form(&(field("account_name", "@jane") + file))).await;
    assert_eq!((reply.status, reply.json()["identifier"].as_str()), (200, Some("abc")), "{}", reply.body);
    assert_eq!(world.last_asked(), (image(Some("jane"), false, 6), Some(6)));
    world.exchange(head, &form(&(field("image", "four") + &field("turned", "on")))).await;
    assert_eq!(world.last_asked(), (image(None, true, 4), Some(4)));
    world.exchange(head, &form(&field("url", "https://i.example/a.png"))).await;
    assert_eq!(world.last_asked().0, by_url(None, false));
    let json = "POST /search HTTP/1.1\r\nContent-Type: application/json; charset=utf-8";
    let body = b"{\"url\":\"https://i.example/a.png\",\"account_name\":\"jane\"}";
    assert_eq!(world.exchange(json, body).await.status, 200);
    assert_eq!(world.last_asked().0, by_url(Some("jane"), false));
    let body = b"{\"url\":\"https://i.example/a.png\",\"turned\":true}";
    assert_eq!(world.exchange(json, body).await.status, 200);
    assert_eq!(world.last_asked().0, by_url(None, true));

    let asked = world.broker.asked().len();
    for (head, body, status, code) in [
        (head, form(""), 200, "IMAGE_MISSING"),
        (head, form(&field("image", "")), 200, "IMAGE_MISSING"),
        (head, form(&field("image", &"x".repeat(1001))), 413, "PAYLOAD_TOO_LARGE"),
        (head, form(&field("url", &"x".repeat(5000))), 413, "PAYLOAD_TOO_LARGE"),
        (
            head,
            b"--X\r\nContent-Disposition: form-data; name=\"image\"\r\n\r\nno end".to_vec(),
            400,
            "BAD_REQUEST",
        ),
        ("POST /search HTTP/1.1\r\nContent-Type: multipart/form-data", b"x".to_vec(), 400, "BAD_REQUEST"),
        (json, b"{\"url\":\"ftp://i.example/\"}".to_vec(), 200, "NOT_AN_URL"),
        (json, b"{\"url\":\"\"}".to_vec(), 200, "IMAGE_MISSING"),
        (json, b"{\"uri\":\"\"}".to_vec(), 400, "BAD_REQUEST"),
    ] {
        let about = String::from_utf8_lossy(&body[..body.len().min(80)]).into_owned();
        let reply = world.exchange(head, &body).await;
        assert_eq!((reply.status, reply.json()["error"].as_str()), (status, Some(code)), "{about}");
    }
    assert_eq!(world.broker.asked().len(), asked);
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

#[tokio::test]
async fn too_much_is_said_at_once() {
    let world = World::new(FakeBroker::answering([FrontAnswer::Overloaded])).await;
    let reply = world.get("/query?url=https://a.example/").await;
    reply.check_error(503, "BUSY");
    assert!(reply.head.contains("retry-after: 2"));
    world.exchange("POST /search HTTP/1.1", b"x").await.check_error(503, "BUSY");
}

#[tokio::test]
async fn metrics_and_details_are_for_those_who_watch() {
    let world = World::new(FakeBroker::default()).await;
    world.get_as("192.0.2.1", "/metrics").await.check_error(403, "FORBIDDEN");
    assert_eq!(world.get_as("192.0.2.1", "/readyz").await.body, "{\"status\":\"ready\",\"problems\":[]}");
    let ready = world.get("/readyz").await.json();
    assert_eq!(ready["details"]["database_bytes"], 4096);

    world.get("/query?url=").await;
    let text = world.get("/metrics").await.body;
    for line in [
        "aotf_broker_up 1",
        "aotf_http_requests_total{path=\"/query\",status=\"200\"} 1",
        "aotf_http_requests_total{path=\"/metrics\",status=\"403\"} 1",
        "aotf_posts 1234",
        "aotf_database_bytes 4096",
        "aotf_query_errors_total{code=\"NOT_AN_URL\"} 2",
        "aotf_process_starts_total{role=\"listing\"} 3",
        "aotf_webhook_deliveries_waiting 1",
        "aotf_api_spent_usd{period=\"day\"} 1.25",
        "aotf_api_left_usd{period=\"day\"} 3.75",
        "aotf_api_reads{kind=\"posts\",period=\"month\"} 3900",
        "aotf_step_duration_seconds_bucket{step=\"LINK_FINDER\",le=\"0.001\"} 1",
        "aotf_step_duration_seconds_bucket{step=\"LINK_FINDER\",le=\"+Inf\"} 3",
        "aotf_step_duration_seconds_sum{step=\"LINK_FINDER\"} 0.006",
        "aotf_step_duration_seconds_count{step=\"LINK_FINDER\"} 3",
    ] {
        assert!(text.lines().any(|found| found == line), "{line} is missing in\n{text}");
    }
    assert!(!text.contains("{}"), "{text}");

    // What the dashboard and the rules read is there, and what is there is explained.
    let names = |text: &str| -> std::collections::BTreeSet<String> {
        let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
        let names = words.filter(|word| word.starts_with("aotf_"));
        names
            .map(|name| {
                ["_bucket", "_sum", "_count"].iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name)
            })
            .map(str::to_owned)
            .collect()
    };
    let measured = names(&text);
    for (file, content) in [
        ("grafana-dashboard.json", include_str!("../../../config/grafana-dashboard.json")),
        ("prometheus-alerts.yml", include_str!("../../../config/prometheus-alerts.yml")),
    ] {
        let unknown: Vec<String> = names(content).difference(&measured).cloned().collect();
        assert!(unknown.is_empty(), "{file} reads what is not measured: {unknown:?}");
    }
    let explained = names(include_str!("../../../docs/operations.md"));
    let unexplained: Vec<&String> = measured.difference(&explained).collect();
    assert!(unexplained.is_empty(), "not in docs/operations.md: {unexplained:?}");

    let away = World::new(FakeBroker::away()).await.get("/metrics").await;
    assert_eq!(away.status, 200);
    assert!(away.body.contains("aotf_broker_up 0") && !away.body.contains("aotf_posts "), "{}", away.body);
}

#[tokio::test]
async fn slow_requests_are_cut() {
    let world = World::with(FakeBroker::default(), |settings| {
        settings.http.header_timeout = Duration::from_millis(200);
        settings.http.body_timeout = Duration::from_millis(200);
    })
    .await;
    let until_closed = async |request: &str| {
        let mut stream = TcpStream::connect(world.addr).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut text = String::new();
        let read = stream.read_to_string(&mut text);
        tokio::time::timeout(Duration::from_secs(30), read).await.expect("the server closes").unwrap();
        text
    };
    until_closed("").await; // says nothing
    until_closed("GET /healthz HTTP/1.1\r\nHost:").await; // never ends its headers
    let idle = until_closed("GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n").await; // asks once, then idles
    assert!(idle.starts_with("HTTP/1.1 200"), "{idle}");
    let body = "POST /search HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 100\r\n\r\nx";
    Reply::parse(&until_closed(body).await).check_error(408, "REQUEST_TIMEOUT");
}

#[tokio::test]
async fn the_unix_socket_serves_the_same() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("http.sock");
    let (stop, stopped) = watch::channel(false);
    let broker = Arc::new(FakeBroker::default());
    let api = Api::new(&Settings::default(), broker.clone(), stopped.clone());
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let local = crate::front::local_socket::LocalSocket::open(&path, 0o660).unwrap();
    let server = tokio::spawn(serve::serve(listener, Some(local), api, stopped));
    let mut stream = tokio::net::UnixStream::connect(&path).await.unwrap();
    let request = "GET /query?url=https://a.example/ HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\
        X-Forwarded-For: 127.0.0.1, 192.0.2.7\r\n\r\n";
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    assert_eq!(Reply::parse(&text).status, 200);
    let client = Client::Limited { key: "192.0.2.7".to_owned() };
    assert_eq!(broker.asked()[0].0, query_question("https://a.example/", client));
    stop.send(true).unwrap();
    server.await.unwrap();
    assert!(!path.exists(), "the socket goes with its server");
}

mod whatever_is_sent {
    use proptest::prelude::*;

    use super::*;

    /// Targets between what is meant and nonsense.
    fn target() -> impl Strategy<Value = String> {
        let path = prop_oneof![
            8 => prop::sample::select(ENDPOINTS.iter().map(|(path, _)| (*path).to_owned()).collect::<Vec<_>>()),
            2 => "/[!-~]{0,40}",
        ];
        let name = prop::sample::select(vec![
            "url",
            "ids",
            "identifier",
            "account_name",
            "lang",
            "webhook",
            "v",
            "",
        ]);
        let value = prop_oneof!["[!-~]{0,300}", "https?://[!-~]{0,80}", "(%[0-9A-Fa-f]{2}|[a-z,&=+]){0,60}"];
        (path, prop::collection::vec((name, value), 0..4)).prop_map(|(path, pairs)| {
            let query: Vec<String> = pairs.iter().map(|(name, value)| format!("{name}={value}")).collect();
            if query.is_empty() { path } else { format!("{path}?{}", query.join("&")) }
        })
    }

    fn header() -> impl Strategy<Value = String> {
        let name = prop::sample::select(vec![
            "Accept",
            "Accept-Language",
            "Authorization",
            "Content-Type",
            "Forwarded",
            "Last-Event-ID",
            "Origin",
            "X-API-Key",
            "X-Forwarded-For",
        ]);
        let value = prop_oneof![
            3 => "[ -~]{0,80}",
            1 => prop::sample::select(vec![
                "text/html".to_owned(), "multipart/form-data; boundary=X".to_owned(), "application/json".to_owned(),
                "Bearer x".to_owned(), "192.0.2.1".to_owned(), "fr".to_owned(), "9".to_owned(),
            ]),
        ];
        (name, value).prop_map(|(name, value)| format!("\r\n{name}: {value}"))
    }

    fn body() -> impl Strategy<Value = Vec<u8>> {
        prop_oneof![
            Just(Vec::new()),
            prop::collection::vec(any::<u8>(), 0..1500),
            "--X\r\n(Content-Disposition: form-data; name=\"(url|image)\"\r\n\r\n)?[ -~]{0,50}(\r\n--X--)?"
                .prop_map(String::into_bytes),
            "\\{\"(url|urls)\": ?(\"[a-z:/.]{0,30}\"|\\[\"[a-z:/.]{0,30}\"\\])\\}"
                .prop_map(String::into_bytes),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

        /// Every request gets a whole response of a known status; none is a fault of the server, and what
        /// is not a page, an asset or a text is JSON.
        #[test]
        fn is_answered(
            method in prop::sample::select(vec!["GET", "POST", "HEAD", "OPTIONS", "PUT", "DELETE", "PATCH", "TRACE"]),
            target in target(),
            headers in prop::collection::vec(header(), 0..4),
            body in body(),
        ) {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            let reply = runtime.block_on(async {
                let world = World::new(FakeBroker::default()).await;
                let head = format!("{method} {target} HTTP/1.1{}", headers.concat());
                world.exchange(&head, &body).await
            });
            let known = [200, 204, 400, 401, 403, 404, 405, 413, 429];
            prop_assert!(known.contains(&reply.status), "{}\n{}", reply.head, reply.body);
            if reply.head.contains("content-type: application/json") && method != "HEAD" {
                prop_assert!(serde_json::from_str::<Value>(&reply.body).is_ok(), "{}", reply.body);
            }
            // hyper itself answers what is no HTTP.
            if reply.status != 400 || !reply.body.is_empty() {
                prop_assert!(reply.head.contains("x-content-type-options: nosniff"), "{}", reply.head);
            }
        }
    }
}
