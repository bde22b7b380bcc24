//! The API over real connections, in front of a fake broker.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::JoinHandle;

use super::*;
use crate::front::fake::{Asked, FakeBroker, sample_stats, sample_view, sample_view_at};
use crate::proto::failure::FailureCode;
use crate::proto::front::Client;
use crate::proto::view::QueryStatus;

/// A server on loopback. Clients are whom they say they are in `X-Forwarded-For`; without it they
/// are 127.0.0.1, which may do everything.
struct World {
    broker: Arc<FakeBroker>,
    addr: SocketAddr,
    clock: Arc<AtomicU64>,
    stop: watch::Sender<bool>,
    server: JoinHandle<()>,
}

impl World {
    async fn new(broker: FakeBroker) -> World {
        let mut settings = Settings::default();
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
        let server = tokio::spawn(serve::serve(listener, api, stopped));
        World { broker, addr, clock, stop, server }
    }

    /// Sends a request (its head without the empty line) and reads the whole response.
    async fn exchange(&self, head: &str, body: &[u8]) -> Reply {
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

    async fn get(&self, target: &str) -> Reply {
        self.exchange(&format!("GET {target} HTTP/1.1"), b"").await
    }

    async fn get_as(&self, ip: &str, target: &str) -> Reply {
        self.exchange(&format!("GET {target} HTTP/1.1\r\nX-Forwarded-For: {ip}"), b"").await
    }

    fn last_asked(&self) -> Asked {
        self.broker.asked().last().expect("the broker was asked").clone()
    }
}

struct Reply {
    status: u16,
    head: String,
    body: String,
}

impl Reply {
    fn parse(text: &str) -> Reply {
        let (head, body) = text.split_once("\r\n\r\n").expect("a whole response");
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Reply { status, head: head.to_ascii_lowercase(), body: body.to_owned() }
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("no JSON: {}", self.body))
    }

    #[track_caller]
    fn check_error(&self, status: u16, code: &str) {
        assert_eq!((self.status, self.json()["error"].as_str()), (status, Some(code)), "{}", self.body);
    }
}

fn query_question(url: &str, client: Client) -> FrontQuestion {
    FrontQuestion::Query { url: url.to_owned(), client }
}

#[tokio::test]
async fn a_query_is_answered_field_for_field() {
    let world = World::new(FakeBroker::default()).await;
    let reply = world.get("/query?url=https://a.example/p?a=1&b=2+3").await;
    assert_eq!(reply.status, 200);
    let golden: Value = serde_json::from_str(include_str!("golden/query_end.json")).unwrap();
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
        "{\"status\":null,\"has_first_time_scan\":false,\"twitter_accounts\":[],\"results\":[],\"error\":\"NO_URL_FIELD\",\"similar\":[],\
         \"error_detail\":\"No URL was given: put the address of the artwork's page in the field \\\"url\\\".\",\
         \"image_url\":null,\"steps\":[],\"queue_position\":null,\"posts_listed\":0,\"posts_indexed\":0}"
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
    let head = "POST /search?account_name=%40jane HTTP/1.1\r\nContent-Type: image/png";
    let reply = world.exchange(head, &[7; 999]).await;
    assert_eq!((reply.status, reply.json()["identifier"].as_str()), (200, Some("abc")));
    assert_eq!(reply.json()["results"].as_array().unwrap().len(), 2);
    let question = FrontQuestion::SearchImage {
        len_bytes: 999,
        account_name: Some("jane".to_owned()),
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
                 \"processing_scan_requests_count\":1,\"pending_tweets_count\":5}";
    assert_eq!(world.get("/stats").await.body, first);
    world.clock.store(2999, Ordering::SeqCst);
    assert_eq!(world.get("/stats").await.body, first);
    world.clock.store(3000, Ordering::SeqCst);
    assert_eq!(world.get("/stats").await.json()["indexed_tweets_count"], 1235);
    assert_eq!(world.get("/readyz").await.status, 200);
    assert_eq!(world.broker.asked().len(), 2);

    assert_eq!(
        world.get("/config").await.body,
        "{\"limit_per_ip_address\":10,\"ip_can_bypass_limit\":true,\"ip_can_use_advanced\":true,\
         \"update_accounts_frequency\":30,\"max_illust_url_size\":256}"
    );
    let other = world.get_as("192.0.2.1", "/config").await.json();
    assert_eq!(
        (&other["ip_can_bypass_limit"], &other["ip_can_use_advanced"]),
        (&false.into(), &false.into())
    );
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
        assert_eq!(world.exchange(&format!("HEAD {path} HTTP/1.1"), b"").await.status, 200, "{path}");
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
    assert!(reply.body.contains("Found: 2 posts"), "{}", reply.body);
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
    for _ in 0..serve::MAX_CONNECTIONS_PER_ADDRESS {
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
