//! A small HTTP server on loopback whose every answer a test decides, down to the bytes.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

/// A request as it arrived.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    pub method: String,
    /// Path and query.
    pub target: String,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Seen {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// What a test answers.
pub enum Reply {
    /// A complete answer.
    Full { status: u16, headers: Vec<(&'static str, String)>, body: Vec<u8> },
    /// These bytes, then the connection is closed.
    Raw(Vec<u8>),
    /// These bytes, then one more now and then, for ever.
    Drip(Vec<u8>),
}

impl Reply {
    pub fn ok(body: impl Into<Vec<u8>>) -> Reply {
        Reply::Full { status: 200, headers: Vec::new(), body: body.into() }
    }

    pub fn status(status: u16) -> Reply {
        Reply::Full { status, headers: Vec::new(), body: Vec::new() }
    }

    pub fn header(self, name: &'static str, value: impl Into<String>) -> Reply {
        match self {
            Reply::Full { status, mut headers, body } => {
                headers.push((name, value.into()));
                Reply::Full { status, headers, body }
            }
            other => other,
        }
    }
}

/// Listens until dropped.
pub struct TestServer {
    address: SocketAddr,
    state: Arc<State>,
}

struct State {
    handler: Box<dyn Fn(&Seen) -> Reply + Send + Sync>,
    seen: Mutex<Vec<Seen>>,
    arrived: Condvar,
    in_flight: AtomicUsize,
    most_in_flight: AtomicUsize,
    stopped: AtomicBool,
}

impl TestServer {
    pub fn start(handler: impl Fn(&Seen) -> Reply + Send + Sync + 'static) -> TestServer {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(State {
            handler: Box::new(handler),
            seen: Mutex::default(),
            arrived: Condvar::new(),
            in_flight: AtomicUsize::new(0),
            most_in_flight: AtomicUsize::new(0),
            stopped: AtomicBool::new(false),
        });
        let server = TestServer { address, state: Arc::clone(&state) };
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                if state.stopped.load(Ordering::SeqCst) {
                    break;
                }
                let state = Arc::clone(&state);
                // A client that goes away in the middle is part of some tests.
                std::thread::spawn(move || stream.and_then(|stream| serve(stream, &state)));
            }
        });
        server
    }

    pub fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// All requests so far.
    pub fn seen(&self) -> Vec<Seen> {
        self.state.seen.lock().unwrap().clone()
    }

    /// Returns once `count` requests have arrived.
    pub fn wait_for(&self, count: usize) {
        let seen = self.state.seen.lock().unwrap();
        let limit = Duration::from_secs(30);
        let waited = self.state.arrived.wait_timeout_while(seen, limit, |seen| seen.len() < count).unwrap();
        assert!(!waited.1.timed_out(), "{count} requests did not arrive");
    }

    pub fn most_in_flight(&self) -> usize {
        self.state.most_in_flight.load(Ordering::SeqCst)
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        self.state.stopped.store(true, Ordering::SeqCst);
        // Wakes the listener.
        let _ = TcpStream::connect(self.address);
    }
}

fn serve(stream: TcpStream, state: &State) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let mut words = line.split_whitespace();
    let mut seen = Seen {
        method: words.next().unwrap_or_default().to_owned(),
        target: words.next().unwrap_or_default().to_owned(),
        ..Seen::default()
    };
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Ok(());
        }
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        seen.headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let length = seen.header("content-length").and_then(|value| value.parse().ok()).unwrap_or(0);
    seen.body.resize(length, 0);
    reader.read_exact(&mut seen.body)?;

    let in_flight = state.in_flight.fetch_add(1, Ordering::SeqCst) + 1;
    state.most_in_flight.fetch_max(in_flight, Ordering::SeqCst);
    state.seen.lock().unwrap().push(seen.clone());
    state.arrived.notify_all();
    let reply = (state.handler)(&seen);
    state.in_flight.fetch_sub(1, Ordering::SeqCst);
    send(stream, &seen, reply, state)
}

fn send(mut stream: TcpStream, seen: &Seen, reply: Reply, state: &State) -> std::io::Result<()> {
    match reply {
        Reply::Full { status, headers, body } => {
            let mut head = format!("HTTP/1.1 {status} X\r\nconnection: close\r\n");
            for (name, value) in headers {
                head.push_str(&format!("{name}: {value}\r\n"));
            }
            head.push_str(&format!("content-length: {}\r\n\r\n", body.len()));
            stream.write_all(head.as_bytes())?;
            if seen.method != "HEAD" {
                stream.write_all(&body)?;
            }
            Ok(())
        }
        Reply::Raw(bytes) => stream.write_all(&bytes),
        Reply::Drip(bytes) => {
            stream.write_all(&bytes)?;
            while !state.stopped.load(Ordering::SeqCst) {
                stream.write_all(b"x")?;
                std::thread::sleep(Duration::from_millis(20));
            }
            Ok(())
        }
    }
}
