//! The connections: how many there may be, how long they may take, and how they end.

use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::limits::{ConnectionPlace, ConnectionTable, LimitKey};
use super::{Api, Peer, router};
use crate::base::ErrorChain;
use crate::front::until_stopped;

/// Connections at the same time, in all.
const MAX_CONNECTIONS: usize = 4096;
/// And from one address (which browsers never come near).
pub(super) const MAX_CONNECTIONS_PER_ADDRESS: usize = 256;
/// From the first byte that is awaited to the end of a request's headers; also how long an idle
/// connection is kept.
const HEADER_DEADLINE: Duration = Duration::from_secs(15);
/// A connection whose peer takes nothing for this long is cut by the kernel.
const SEND_DEADLINE: Duration = Duration::from_secs(30);
/// Headers of a request, bytes.
const MAX_HEADER_BYTES: usize = 32 * 1024;
/// After a failed `accept` (out of descriptors), before the next.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

const FULL: &[u8] =
    b"HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\nRetry-After: 2\r\n\
    Content-Length: 16\r\nConnection: close\r\n\r\n{\"error\":\"BUSY\"}";

/// Serves the API on `listener` until `stopped` becomes true, then lets the exchanges in progress
/// end; the caller cuts what does not.
pub async fn serve(listener: TcpListener, api: Arc<Api>, mut stopped: watch::Receiver<bool>) {
    raise_descriptor_limit();
    let router = router(api.clone());
    let places = ConnectionTable::new(MAX_CONNECTIONS, MAX_CONNECTIONS_PER_ADDRESS);
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            () = until_stopped(&mut stopped) => break,
            Some(_) = connections.join_next() => {}
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => {
                    let ip = peer.ip();
                    match places.take(limited_by(&api, ip)) {
                        Some(place) => {
                            connections.spawn(converse(stream, ip, router.clone(), place, stopped.clone()));
                        }
                        None => refuse(&stream),
                    }
                }
                Err(error) => {
                    tracing::warn!(error = %ErrorChain(&error), "could not accept a connection");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
}

/// Proxies and exempt addresses are limited by the total alone.
fn limited_by(api: &Api, ip: IpAddr) -> Option<LimitKey> {
    let ip = ip.to_canonical();
    let exempt = api.http.trusted_proxies.iter().any(|net| net.contains(&ip))
        || api.limits.unlimited_ips.contains(&ip);
    (!exempt).then(|| LimitKey::of(ip))
}

/// Says why without waiting: what does not fit into the socket's buffer is not sent.
fn refuse(stream: &TcpStream) {
    let _ = stream.try_write(FULL);
}

async fn converse(
    stream: TcpStream,
    ip: IpAddr,
    router: Router,
    _place: ConnectionPlace,
    mut stopped: watch::Receiver<bool>,
) {
    if let Err(error) = prepare(&stream) {
        tracing::debug!(error = %ErrorChain(&error), "could not set up a connection");
        return;
    }
    let inner = TowerToHyperService::new(router);
    let service = service_fn(move |mut request: hyper::Request<Incoming>| {
        request.extensions_mut().insert(Peer(ip));
        inner.call(request)
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_DEADLINE)
        .max_buf_size(MAX_HEADER_BYTES)
        .serve_connection(TokioIo::new(stream), service);
    tokio::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = until_stopped(&mut stopped) => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%ip, error = %ErrorChain(&error), "connection ended early");
    }
}

fn prepare(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let millis = u32::try_from(SEND_DEADLINE.as_millis()).unwrap_or(u32::MAX);
    rustix::net::sockopt::set_tcp_user_timeout(stream, millis)?;
    Ok(())
}

/// The usual soft limit of 1024 descriptors is below `MAX_CONNECTIONS`. Where it cannot be raised, accepting
/// fails at times, and waits.
fn raise_descriptor_limit() {
    let wanted = MAX_CONNECTIONS as u64 + 256;
    let limit = getrlimit(Resource::Nofile);
    if limit.current.is_some_and(|current| current < wanted) {
        let current = limit.maximum.map_or(wanted, |maximum| maximum.min(wanted));
        let raised = Rlimit { current: Some(current), maximum: limit.maximum };
        if let Err(error) = setrlimit(Resource::Nofile, raised) {
            tracing::debug!(%error, "could not raise the limit of open files");
        }
    }
}
