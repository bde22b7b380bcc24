//! An HTTP server on loopback that plays a service of others: each request is answered by what a test
//! decides, or its connection is taken over.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::Value;

/// A request as it came.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    pub method: String,
    /// Path and query.
    pub target: String,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Asked {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The body, `null` where it is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

/// What a request gets.
pub enum Answer {
    Json(u16, Value),
    /// With further headers.
    JsonWith(u16, Vec<(&'static str, String)>, Value),
    Bytes(Vec<u8>),
    /// Somebody speaks another protocol on this connection, on a thread of its own.
    Taken(Box<dyn FnOnce(TcpStream) + Send>),
}

/// Serves until it is dropped.
pub struct FakeService {
    address: SocketAddr,
    stopped: Arc<AtomicBool>,
}

impl FakeService {
    pub fn start(answer: impl Fn(&Asked) -> Answer + Send + Sync + 'static) -> FakeService {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let stopped = Arc::new(AtomicBool::new(false));
        let (answer, stop) = (Arc::new(answer), Arc::clone(&stopped));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                if stop.load(Ordering::SeqCst) {
                    break;
                }
                let answer = Arc::clone(&answer);
                // Who goes away in the middle is part of some tests.
                std::thread::spawn(move || serve(stream?, &*answer));
            }
        });
        FakeService { address, stopped }
    }

    pub fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for FakeService {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::SeqCst);
        // Wakes the listener.
        let _ = TcpStream::connect(self.address);
    }
}

fn serve(stream: TcpStream, answer: &dyn Fn(&Asked) -> Answer) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut line = String::new();
    if reader.read_line(&mut line)? == 0 {
        // A request that was given up before it was sent, as a sign of life when the answer is there.
        return Ok(());
    }
    let mut words = line.split_whitespace().map(str::to_owned);
    let mut asked = Asked {
        method: words.next().unwrap_or_default(),
        target: words.next().unwrap_or_default(),
        ..Asked::default()
    };
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        asked.headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let length = asked.header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    asked.body.resize(length, 0);
    reader.read_exact(&mut asked.body)?;
    match answer(&asked) {
        Answer::Json(status, body) => {
            send(stream, status, &[], "application/json", body.to_string().as_bytes())
        }
        Answer::JsonWith(status, headers, body) => {
            send(stream, status, &headers, "application/json", body.to_string().as_bytes())
        }
        Answer::Bytes(body) => send(stream, 200, &[], "application/octet-stream", &body),
        Answer::Taken(take) => {
            take(stream);
            Ok(())
        }
    }
}

fn send(
    mut stream: TcpStream,
    status: u16,
    headers: &[(&str, String)],
    kind: &str,
    body: &[u8],
) -> std::io::Result<()> {
    let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let length = if status == 204 { String::new() } else { format!("content-length: {}\r\n", body.len()) };
    let head =
        format!("HTTP/1.1 {status} X\r\nconnection: close\r\ncontent-type: {kind}\r\n{headers}{length}\r\n");
    stream.write_all(head.as_bytes())?;
    if status != 204 { stream.write_all(body) } else { Ok(()) }
}

/// The fields of `sent` that are none of `known`.
pub fn unknown_fields(sent: &Value, known: &[&str]) -> Vec<String> {
    let fields = sent.as_object().into_iter().flatten();
    fields.map(|(name, _)| name.clone()).filter(|name| !known.contains(&name.as_str())).collect()
}
