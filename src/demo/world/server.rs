//! The world's HTTP server: one thread with its own runtime, which ends with its handle.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;
use std::time::Duration;

use axum::extract::{Request, State as Shared};
use axum::http::{Method, StatusCode, header};
use axum::response::Response;
use bytes::Bytes;
use futures_util::stream::{self, StreamExt};
use tokio::sync::oneshot;

use super::dispatch;
use super::exchange::{Answer, Body, Call};
use super::site::State;

/// Pictures are drawn by so many threads at once.
const DRAWING_THREADS: usize = 2;

/// A longer form is not read.
const MAX_FORM_BYTES: usize = 64 * 1024;

/// The world could not be started.
#[derive(Debug, thiserror::Error)]
pub enum WorldError {
    #[error("could not open a port on 127.0.0.1 for the demo world")]
    Bind { source: std::io::Error },
    #[error("could not start the thread of the demo world")]
    Start { source: std::io::Error },
}

pub struct Server {
    address: SocketAddr,
    stop: Option<oneshot::Sender<Infallible>>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// On this port of 127.0.0.1; 0 is any that is free.
    pub fn start(state: Arc<State>, port: u16) -> Result<Server, WorldError> {
        let listener = std::net::TcpListener::bind(("127.0.0.1", port))
            .and_then(|listener| listener.set_nonblocking(true).map(|()| listener))
            .map_err(|source| WorldError::Bind { source })?;
        let address = listener.local_addr().map_err(|source| WorldError::Bind { source })?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .max_blocking_threads(DRAWING_THREADS)
            .build()
            .map_err(|source| WorldError::Start { source })?;
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::Builder::new()
            .name("demo-world".to_owned())
            .spawn(move || {
                runtime.block_on(async {
                    tokio::select! {
                        () = serve(listener, state) => {}
                        _ = stopped => {}
                    }
                });
                runtime.shutdown_timeout(Duration::from_millis(200));
            })
            .map_err(|source| WorldError::Start { source })?;
        Ok(Server { address, stop: Some(stop), thread: Some(thread) })
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic of the server was printed by its thread.
            let _ = thread.join();
        }
    }
}

async fn serve(listener: std::net::TcpListener, state: Arc<State>) {
    match tokio::net::TcpListener::from_std(listener) {
        Ok(listener) => {
            let router = axum::Router::new().fallback(handle).with_state(state);
            // Only ends by being dropped: `axum::serve` returns no error.
            let _ = axum::serve(listener, router).await;
        }
        Err(error) => tracing::error!(%error, "the demo world cannot listen"),
    }
}

async fn handle(Shared(state): Shared<Arc<State>>, request: Request) -> Response {
    let latency = Duration::from_millis(state.latency_ms.load(Ordering::Relaxed));
    let answer = match read(request).await {
        Some(call) => {
            let answered = tokio::task::spawn_blocking(move || dispatch::answer(&state, &call)).await;
            answered.unwrap_or_else(|error| Answer::text(500, format!("the demo world failed: {error}\n")))
        }
        None => Answer::text(405, "this world is read-only\n"),
    };
    if !(latency + answer.delay).is_zero() {
        tokio::time::sleep(latency + answer.delay).await;
    }
    write(answer)
}

/// `None` for what is neither read nor a small form, or JSON of that size.
async fn read(request: Request) -> Option<Call> {
    let (parts, body) = request.into_parts();
    let pairs = |text: &[u8]| url::form_urlencoded::parse(text).into_owned().collect();
    let posted = match parts.method {
        Method::GET | Method::HEAD => None,
        Method::POST => Some(axum::body::to_bytes(body, MAX_FORM_BYTES).await.ok()?),
        _ => return None,
    };
    let kind = parts.headers.get("content-type").and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let (form, json) = match posted {
        Some(posted) if kind.starts_with("application/json") => {
            (None, Some(serde_json::from_slice(&posted).ok()?))
        }
        posted => (posted.map(|posted| pairs(&posted)), None),
    };
    let headers = parts.headers.iter();
    let headers =
        headers.filter_map(|(name, value)| Some((name.to_string(), value.to_str().ok()?.to_owned())));
    let headers: BTreeMap<String, String> = headers.collect();
    let host = headers.get("host").map(|host| host.to_lowercase()).unwrap_or_default();
    let (host, path) = addressed(host.split(':').next().unwrap_or_default(), parts.uri.path());
    Some(Call {
        host,
        path,
        query: pairs(parts.uri.query().unwrap_or_default().as_bytes()),
        headers,
        form,
        json,
    })
}

/// Host and path of a request. Programs that can be given an address, but send no other `Host`, name
/// the host first in the path: `http://127.0.0.1:PORT/danbooru.donmai.us/posts.json`.
fn addressed(host: &str, path: &str) -> (String, String) {
    let (first, rest) = path.trim_start_matches('/').split_once('/').unwrap_or_default();
    match dispatch::hosts().any(|known| known == first) && host.parse::<IpAddr>().is_ok() {
        true => (first.to_owned(), format!("/{rest}")),
        false => (host.to_owned(), path.to_owned()),
    }
}

fn write(answer: Answer) -> Response {
    let mut response = Response::builder()
        .status(StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR))
        .header(header::CONTENT_TYPE, answer.content_type);
    for (name, value) in answer.headers {
        response = response.header(name, value);
    }
    let body = match answer.body {
        Body::Whole(bytes) => axum::body::Body::from(bytes),
        Body::Zeros(len_bytes) => {
            response = response.header(header::CONTENT_LENGTH, len_bytes);
            zeros(len_bytes)
        }
        Body::Drip(bytes) => axum::body::Body::from_stream(stream::unfold(bytes, |mut bytes| async {
            if bytes.is_empty() {
                return None;
            }
            let first = bytes.split_to(1);
            tokio::time::sleep(Duration::from_secs(1)).await;
            Some((Ok::<_, Infallible>(first), bytes))
        })),
        Body::Endless { head, piece } => {
            let pieces = stream::iter([head]).chain(stream::repeat(piece));
            axum::body::Body::from_stream(pieces.map(Ok::<_, Infallible>))
        }
    };
    response.body(body).unwrap_or_else(|error| {
        let mut failed = Response::new(axum::body::Body::from(format!("no answer: {error}\n")));
        *failed.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
        failed
    })
}

/// Sent in pieces, so that a client that stops reading costs little.
fn zeros(len_bytes: u64) -> axum::body::Body {
    static PIECE: [u8; 65_536] = [0; 65_536];
    let pieces = len_bytes.div_ceil(PIECE.len() as u64);
    axum::body::Body::from_stream(stream::iter(0..pieces).map(move |piece| {
        let left = len_bytes - piece * PIECE.len() as u64;
        let size = usize::try_from(left).unwrap_or(usize::MAX).min(PIECE.len());
        Ok::<_, Infallible>(Bytes::from_static(&PIECE[..size]))
    }))
}
