//! What people and programs touch: the HTTP API and the web page (`http/`), and the admin socket
//! (`admin.rs`).
//!
//! Owns the listening sockets and the connections; holds no request of its own: every question
//! goes to the broker, every answer comes from there. Called by the role table (`run`). Never connects out,
//! opens no database, decodes no image, and never decides what a query does.

pub mod admin;
pub mod broker;
pub mod descriptors;
mod heap;
pub mod http;
pub mod local_socket;
mod port_holder;
mod stopping;
mod watch_ids;

#[cfg(test)]
pub(crate) mod fake;

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::watch;

pub use broker::{Broker, Root, Unavailable};
pub use port_holder::{PortHolder, find as find_port_holder};

use crate::config::Settings;
use local_socket::{LocalSocket, LocalSocketError};

/// Open exchanges get this long to end after a stop was asked for; then they are cut.
const GRACE: Duration = Duration::from_millis(600);
/// The admin socket is for the daemon's own user, and for a group where the settings name one; the socket of
/// the API is also for its group, in which the proxy can be.
const ADMIN_MODE: u32 = 0o600;
const HTTP_MODE: u32 = 0o660;
/// Tasks that hold a thread after that (there should be none) are left behind.
const RUNTIME_SHUTDOWN: Duration = Duration::from_millis(200);

/// Why `front` cannot do its work.
#[derive(Debug, thiserror::Error)]
pub enum FrontError {
    #[error(
        "port {} is in use{}: set another one under [http] bind, or end that program",
        addr.port(),
        describe_holder(holder.as_ref())
    )]
    PortInUse { addr: SocketAddr, holder: Option<PortHolder> },
    #[error("could not listen on {addr}")]
    Listen { addr: SocketAddr, source: io::Error },
    #[error("could not open the admin socket ([admin] socket; else aotf.sock in data_dir)")]
    Admin { source: LocalSocketError },
    #[error("could not open the HTTP socket ([http] unix_socket)")]
    HttpSocket { source: LocalSocketError },
    #[error("could not start the asynchronous runtime")]
    Runtime { source: io::Error },
    /// A mistake of ours: it panicked.
    #[error("the server of {what} has ended")]
    ServerEnded { what: &'static str },
}

impl FrontError {
    /// True where starting again at once changes nothing.
    pub fn is_fatal(&self) -> bool {
        match self {
            FrontError::PortInUse { .. } | FrontError::Listen { .. } => true,
            FrontError::Admin { .. } | FrontError::HttpSocket { .. } => true,
            FrontError::Runtime { .. } | FrontError::ServerEnded { .. } => false,
        }
    }
}

fn describe_holder(holder: Option<&PortHolder>) -> String {
    holder.map_or_else(String::new, |holder| format!(" by {holder}"))
}

/// Where the admin socket is: in the data folder, unless the settings name another place.
pub fn admin_socket(settings: &Settings) -> PathBuf {
    settings.admin.socket.clone().unwrap_or_else(|| settings.data_dir.join("aotf.sock"))
}

/// The listening sockets: opened while the process may still do so.
pub struct Sockets {
    http: std::net::TcpListener,
    local_http: Option<LocalSocket>,
    admin: LocalSocket,
}

/// Opens what the front listens on.
///
/// # Errors
/// A port in use names its holder.
pub fn open(settings: &Settings) -> Result<Sockets, FrontError> {
    let addr = settings.http.bind;
    let http = std::net::TcpListener::bind(addr).map_err(|source| match source.kind() {
        io::ErrorKind::AddrInUse => FrontError::PortInUse { addr, holder: port_holder::find(addr.port()) },
        _ => FrontError::Listen { addr, source },
    })?;
    http.set_nonblocking(true).map_err(|source| FrontError::Listen { addr, source })?;
    let admin = LocalSocket::open_for(&admin_socket(settings), ADMIN_MODE, settings.admin.group)
        .map_err(|source| FrontError::Admin { source })?;
    let local_http = match &settings.http.unix_socket {
        None => None,
        Some(path) => {
            Some(LocalSocket::open(path, HTTP_MODE).map_err(|source| FrontError::HttpSocket { source })?)
        }
    };
    Ok(Sockets { http, local_http, admin })
}

/// Serves HTTP and the admin socket on a runtime of its own, until `stop` resolves; returns within
/// a second of that. `ready` is called once, when both are served.
///
/// # Errors
/// The system has no thread or descriptor left. Nothing that a client does ends it.
pub fn run(
    settings: &Settings,
    sockets: Sockets,
    broker: Arc<dyn Broker>,
    root: Arc<dyn Root>,
    ready: impl FnOnce() + Send,
    stop: impl Future<Output = ()> + Send,
) -> Result<(), FrontError> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .thread_name("front")
        .enable_all()
        .build()
        .map_err(|source| FrontError::Runtime { source })?;
    let result = runtime.block_on(serve(settings, sockets, broker, root, ready, stop));
    runtime.shutdown_timeout(RUNTIME_SHUTDOWN);
    result
}

async fn serve(
    settings: &Settings,
    sockets: Sockets,
    broker: Arc<dyn Broker>,
    root: Arc<dyn Root>,
    ready: impl FnOnce() + Send,
    stop: impl Future<Output = ()> + Send,
) -> Result<(), FrontError> {
    let addr = settings.http.bind;
    let listener =
        TcpListener::from_std(sockets.http).map_err(|source| FrontError::Listen { addr, source })?;

    let (stopping, stopped) = watch::channel(false);
    let api = http::Api::new(settings, broker, stopped.clone());
    let broker = api.broker();
    let mut web = tokio::spawn(http::serve::serve(listener, sockets.local_http, api, stopped.clone()));
    let mut admin = tokio::spawn(admin::serve(
        sockets.admin,
        broker,
        root,
        usize::try_from(settings.fetch.max_image_bytes).unwrap_or(usize::MAX),
        stopped,
    ));
    tracing::info!(http = %addr, "front listens");
    ready();
    tokio::select! {
        () = stop => {}
        // Neither ends by itself.
        _ = &mut web => return Err(FrontError::ServerEnded { what: "HTTP" }),
        _ = &mut admin => return Err(FrontError::ServerEnded { what: "the admin socket" }),
    }
    // Both tasks hold a receiver; if they are gone there is nobody to tell.
    let _ = stopping.send(true);
    let _ = tokio::time::timeout(GRACE, async { tokio::join!(web, admin) }).await;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::front::fake::{FakeBroker, FakeRoot};

    fn settings(dir: &std::path::Path, port: u16) -> Settings {
        let mut settings = Settings { data_dir: dir.to_owned(), ..Settings::default() };
        settings.http.bind = SocketAddr::from(([127, 0, 0, 1], port));
        settings
    }

    #[test]
    fn runs_until_it_is_stopped() {
        let dir = tempfile::tempdir().unwrap();
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let settings = settings(dir.path(), 0);
        let socket = admin_socket(&settings);
        // Ready is what ends it: the whole life of the process in one test.
        run(
            &settings,
            open(&settings).unwrap(),
            Arc::new(FakeBroker::default()),
            Arc::new(FakeRoot::default()),
            || {
                assert!(socket.exists());
                stop.send(()).unwrap();
            },
            async { stopped.await.unwrap() },
        )
        .unwrap();
        assert!(!socket.exists(), "the socket goes with its server");
    }

    #[test]
    fn a_used_port_names_its_holder() {
        let dir = tempfile::tempdir().unwrap();
        let other = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = other.local_addr().unwrap();
        let Err(error) = open(&settings(dir.path(), addr.port())) else { panic!("two listen") };
        let FrontError::PortInUse { addr: named, holder } = &error else { panic!("{error:?}") };
        assert_eq!(*named, addr);
        assert_eq!(holder.as_ref().map(|holder| holder.pid), Some(std::process::id()));
        assert!(error.to_string().contains(&addr.port().to_string()), "{error}");
        assert!(error.is_fatal());
    }
}
