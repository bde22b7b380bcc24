//! The API over real connections, in front of a fake broker.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::base::clock::Monotonic;
use crate::base::ids::Networks;
use crate::config::Settings;
use crate::front::fake::{Asked, FakeBroker};
use crate::front::http::serve;
use crate::front::http::state::Api;
use crate::proto::front::{Client, FrontQuestion};

/// A server on loopback. Clients are whom they say they are in `X-Forwarded-For`; without it they
/// are 127.0.0.1, which may do everything.
pub(super) struct World {
    pub(super) broker: Arc<FakeBroker>,
    pub(super) addr: SocketAddr,
    pub(super) clock: Arc<AtomicU64>,
    pub(super) stop: watch::Sender<bool>,
    pub(super) server: JoinHandle<()>,
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
        let mut request = format!("{head}\r\nHost: a\r\nConnection: close\r\n").into_bytes();
        if !body.is_empty() {
            request.extend(format!("Content-Length: {}\r\n", body.len()).into_bytes());
        }
        request.extend(b"\r\n");
        request.extend(body);
        self.send(&request).await
    }

    /// Sends these bytes, and reads the whole response.
    pub(super) async fn send(&self, request: &[u8]) -> Reply {
        let mut stream = TcpStream::connect(self.addr).await.unwrap();
        stream.write_all(request).await.unwrap();
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).await.unwrap();
        Reply::parse(&String::from_utf8(bytes).unwrap())
    }

    /// The response to a `GET`, line by line as it arrives.
    pub(super) async fn lines(&self, target: &str) -> ReplyLines {
        let mut stream = TcpStream::connect(self.addr).await.unwrap();
        let head = format!("GET {target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
        stream.write_all(head.as_bytes()).await.unwrap();
        ReplyLines(BufReader::new(stream).lines())
    }

    /// A stream up to the end of its first event.
    pub(super) async fn first_event(&self, head: &str) -> Reply {
        let mut stream = TcpStream::connect(self.addr).await.unwrap();
        stream.write_all(format!("{head}\r\nHost: a\r\n\r\n").as_bytes()).await.unwrap();
        let mut text = String::new();
        while !text.rsplit_once("data: ").is_some_and(|(_, data)| data.contains("\n\n")) {
            let mut bytes = [0; 4096];
            let count = stream.read(&mut bytes).await.unwrap();
            assert!(count > 0, "no event: {text}");
            text += std::str::from_utf8(&bytes[..count]).unwrap();
        }
        Reply::parse(&text)
    }

    pub(super) async fn get(&self, target: &str) -> Reply {
        self.exchange(&format!("GET {target} HTTP/1.1"), b"").await
    }

    pub(super) async fn get_as(&self, ip: &str, target: &str) -> Reply {
        self.exchange(&format!("GET {target} HTTP/1.1\r\nX-Forwarded-For: {ip}"), b"").await
    }

    pub(super) fn last_asked(&self) -> Asked {
        self.broker.asked().last().expect("the broker was asked").clone()
    }
}

/// A response that is still arriving.
pub(super) struct ReplyLines(Lines<BufReader<TcpStream>>);

impl ReplyLines {
    /// What follows `prefix` in the next line that begins so; `None` once the response has ended.
    pub(super) async fn next(&mut self, prefix: &str) -> Option<String> {
        loop {
            let line = self.0.next_line().await.unwrap()?;
            if let Some(value) = line.strip_prefix(prefix) {
                return Some(value.to_owned());
            }
        }
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

pub(super) fn query_question(url: &str, client: Client) -> FrontQuestion {
    FrontQuestion::Query {
        url: url.to_owned(),
        client,
        networks: Networks::default(),
        whole: false,
        webhook: None,
    }
}
