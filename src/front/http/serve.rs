//! The connections: how many there may be, how long they may take, and how they end.

use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::limits::{ConnectionPlace, LimitKey};
use super::peer::Peer;
use super::router::router;
use super::state::Api;
use crate::base::ErrorChain;
use crate::front::heap::{self, Crowd};
use crate::front::local_socket::LocalSocket;
use crate::front::stopping::until_stopped;
use crate::telemetry::{events, tasks};

/// A connection whose peer takes nothing for this long is cut by the kernel.
const SEND_DEADLINE: Duration = Duration::from_secs(30);
/// Headers of a request, bytes.
const MAX_HEADER_BYTES: usize = 32 * 1024;
/// After a failed `accept` (out of descriptors), before the next.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

const FULL: &[u8] =
    b"HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\nRetry-After: 2\r\n\
    Content-Length: 16\r\nConnection: close\r\n\r\n{\"error\":\"BUSY\"}";

/// Serves the API on `listener`, and on the Unix socket if there is one, until `stopped` becomes true. Then
/// it lets the exchanges in progress end; the caller cuts those that do not.
pub async fn serve(
    listener: TcpListener,
    local: Option<LocalSocket>,
    api: Arc<Api>,
    mut stopped: watch::Receiver<bool>,
) {
    let local_listener = match local.as_ref().map(LocalSocket::listener).transpose() {
        Ok(listener) => listener,
        Err(error) => {
            tracing::error!(error = %ErrorChain(&error), "the Unix socket cannot be served");
            None
        }
    };
    let router = router(api.clone());
    let places = &api.connections;
    let header_timeout = api.http.header_timeout;
    let mut connections = JoinSet::new();
    let mut crowd = Crowd::default();
    loop {
        tokio::select! {
            () = until_stopped(&mut stopped) => break,
            Some(_) = connections.join_next() => {
                if crowd.has_gone(connections.len()) {
                    tokio::task::spawn_blocking(heap::give_back);
                }
            }
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => {
                    let ip = peer.ip();
                    let Some(place) = places.take(limited_by(&api, ip)) else {
                        events::connection_refused(api.logs_requests, LimitKey::of(ip));
                        let _ = stream.try_write(FULL);
                        continue;
                    };
                    if let Err(error) = prepare(&stream) {
                        tracing::debug!(error = %ErrorChain(&error), "could not set up a connection");
                        continue;
                    }
                    let conversation = Conversation { router: router.clone(), place, header_timeout };
                    let peer = Peer { ip, is_local_socket: false };
                    let hold = conversation.hold(stream, peer, stopped.clone());
                    connections.spawn(tasks::named(format!("connection of {ip}"), hold));
                    crowd.has_gone(connections.len());
                }
                Err(error) => accept_later(&error).await,
            },
            accepted = accept_local(local_listener.as_ref()) => match accepted {
                Ok(stream) => {
                    // A proxy stands for many clients: only the total limits it.
                    let Some(place) = places.take(None) else {
                        events::connection_refused(api.logs_requests, "the Unix socket");
                        let _ = stream.try_write(FULL);
                        continue;
                    };
                    let conversation = Conversation { router: router.clone(), place, header_timeout };
                    let peer = Peer { ip: Ipv4Addr::LOCALHOST.into(), is_local_socket: true };
                    let hold = conversation.hold(stream, peer, stopped.clone());
                    connections.spawn(tasks::named("connection over the Unix socket", hold));
                    crowd.has_gone(connections.len());
                }
                Err(error) => accept_later(&error).await,
            }
        }
    }
    drop((listener, local));
    while connections.join_next().await.is_some() {}
}

/// Proxies and exempt addresses are limited by the total alone.
fn limited_by(api: &Api, ip: IpAddr) -> Option<LimitKey> {
    let ip = ip.to_canonical();
    let exempt = api.http.trusted_proxies.iter().any(|net| net.contains(&ip))
        || api.limits.unlimited_ips.contains(&ip);
    (!exempt).then(|| LimitKey::of(ip))
}

/// The next connection over the Unix socket; never, where there is none.
async fn accept_local(listener: Option<&UnixListener>) -> io::Result<UnixStream> {
    match listener {
        Some(listener) => listener.accept().await.map(|(stream, _)| stream),
        None => std::future::pending().await,
    }
}

async fn accept_later(error: &io::Error) {
    tracing::warn!(error = %ErrorChain(error), "could not accept a connection");
    tokio::time::sleep(ACCEPT_PAUSE).await;
}

/// What a connection needs, whatever it came over.
struct Conversation {
    router: Router,
    place: ConnectionPlace,
    /// From the first byte that is awaited to the end of a request's headers; also how long an idle
    /// connection is kept.
    header_timeout: Duration,
}

impl Conversation {
    async fn hold(
        self,
        stream: impl AsyncRead + AsyncWrite + Unpin,
        peer: Peer,
        mut stopped: watch::Receiver<bool>,
    ) {
        let Conversation { router, place, header_timeout } = self;
        let inner = TowerToHyperService::new(router);
        let service = service_fn(move |mut request: hyper::Request<Incoming>| {
            request.extensions_mut().insert(peer);
            inner.call(request)
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(header_timeout)
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
        drop(place);
        if let Err(error) = ended {
            tracing::debug!(?peer, error = %ErrorChain(&error), "connection ended early");
        }
    }
}

fn prepare(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let millis = u32::try_from(SEND_DEADLINE.as_millis()).unwrap_or(u32::MAX);
    rustix::net::sockopt::set_tcp_user_timeout(stream, millis)?;
    Ok(())
}
