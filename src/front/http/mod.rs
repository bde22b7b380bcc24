//! The HTTP API and the web page. `routes.rs` has the endpoints, `events.rs` the pushed answers,
//! `page.rs` the page; `view.rs` and `error.rs` are what goes out, `url_parameter.rs` and
//! `limits.rs` guard what comes in, `serve.rs` the connections.
//!
//! An answer about a request is always HTTP 200 with all fields, whatever the request's fate, since
//! existing clients expect that; other statuses are about the protocol itself (`error.rs`).

mod error;
mod events;
mod limits;
mod page;
mod routes;
pub mod serve;
#[cfg(test)]
mod tests;
mod texts;
mod url_parameter;
pub mod view;

use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::extract::{Extension, Request, State};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use bytes::Bytes;
use tokio::sync::{Semaphore, watch};

use crate::base::clock::Monotonic;
use crate::config::{self, Settings};
use crate::front::broker::Broker;
use crate::proto::front::{FrontAnswer, FrontQuestion};
use crate::proto::view::StatsView;

use error::HttpError;
use limits::{Caller, LimitKey, RateClass, RateTable};
use texts::Texts;

/// The broker answers from memory; this long means that it hangs or is being restarted.
const ASK_DEADLINE: Duration = Duration::from_secs(5);
/// `/stats` asks the broker at most this often.
const STATS_AGE: Duration = Duration::from_secs(3);
/// `/readyz` must tell the truth sooner, but is asked by strangers too.
const READY_AGE: Duration = Duration::from_secs(1);
/// Image uploads in memory at the same time, each up to `max_image_bytes`.
const MAX_UPLOADS: usize = 4;
/// Event streams open at the same time.
const MAX_EVENT_STREAMS: usize = 3000;

/// The address at the other end of the connection; set by `serve.rs` on each request.
#[derive(Clone, Copy, Debug)]
pub struct Peer(pub IpAddr);

/// Where the time comes from: the process's clock, or a test's.
type Clock = Box<dyn Fn() -> Monotonic + Send + Sync>;

/// What all endpoints share.
pub struct Api {
    broker: Arc<dyn Broker>,
    http: config::Http,
    limits: config::Limits,
    maintenance: config::Maintenance,
    max_image_bytes: usize,
    rate: RateTable,
    uploads: Semaphore,
    streams: Arc<Semaphore>,
    stats: Mutex<Option<(Monotonic, StatsView)>>,
    texts: Texts,
    now: Clock,
    /// Becomes true when the process ends: streams close.
    stopped: watch::Receiver<bool>,
}

impl Api {
    pub fn new(settings: &Settings, broker: Arc<dyn Broker>, stopped: watch::Receiver<bool>) -> Arc<Api> {
        Api::with_clock(settings, broker, stopped, Box::new(Monotonic::now))
    }

    fn with_clock(
        settings: &Settings,
        broker: Arc<dyn Broker>,
        stopped: watch::Receiver<bool>,
        now: Clock,
    ) -> Arc<Api> {
        Arc::new(Api {
            broker,
            http: settings.http.clone(),
            limits: settings.limits.clone(),
            maintenance: settings.maintenance.clone(),
            max_image_bytes: usize::try_from(settings.fetch.max_image_bytes).unwrap_or(usize::MAX),
            rate: RateTable::new(settings.limits.requests_per_second),
            uploads: Semaphore::new(MAX_UPLOADS),
            streams: Arc::new(Semaphore::new(MAX_EVENT_STREAMS)),
            stats: Mutex::new(None),
            texts: Texts::embedded(),
            now,
            stopped,
        })
    }

    async fn ask(
        &self,
        question: FrontQuestion,
        attachment: Option<Bytes>,
    ) -> Result<FrontAnswer, HttpError> {
        match tokio::time::timeout(ASK_DEADLINE, self.broker.ask(question, attachment)).await {
            Ok(answer) => Ok(answer?),
            Err(_) => Err(HttpError::BrokerSlow),
        }
    }

    /// The figures, at most `max_age` old.
    async fn stats(&self, max_age: Duration) -> Result<StatsView, HttpError> {
        let now = (self.now)();
        let kept = *self.stats.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((at, stats)) = kept
            && now.since(at) < max_age
        {
            return Ok(stats);
        }
        let FrontAnswer::Stats(stats) = self.ask(FrontQuestion::Stats, None).await? else {
            return Err(HttpError::Unexpected);
        };
        *self.stats.lock().unwrap_or_else(PoisonError::into_inner) = Some((now, stats));
        Ok(stats)
    }

    /// Counts a request that will cost the broker something.
    fn count(&self, caller: &Caller, class: RateClass) -> Result<(), HttpError> {
        if caller.unlimited || self.rate.allows(LimitKey::of(caller.ip), class, (self.now)()) {
            Ok(())
        } else {
            Err(HttpError::RateLimited { per_second: self.rate.per_second() })
        }
    }
}

/// The endpoints and the methods they take.
const ENDPOINTS: &[(&str, &str)] = &[
    ("/", "GET, HEAD, OPTIONS"),
    ("/query", "GET, HEAD, POST, OPTIONS"),
    ("/query/events", "GET, HEAD, OPTIONS"),
    ("/search", "GET, HEAD, POST, OPTIONS"),
    ("/stats", "GET, HEAD, OPTIONS"),
    ("/config", "GET, HEAD, OPTIONS"),
    ("/healthz", "GET, HEAD, OPTIONS"),
    ("/readyz", "GET, HEAD, OPTIONS"),
    (page::STYLE_PATH, "GET, HEAD, OPTIONS"),
    (page::SCRIPT_PATH, "GET, HEAD, OPTIONS"),
    (page::TEXTS_PATH, "GET, HEAD, OPTIONS"),
];

/// All endpoints. Requests must carry a `Peer` extension.
pub fn router(api: Arc<Api>) -> Router {
    Router::new()
        .route("/", get(page::root))
        .route("/query", get(routes::query_get).post(routes::query_post))
        .route("/query/events", get(events::query_events))
        .route("/search", get(routes::search_get).post(routes::search_post))
        .route("/stats", get(routes::stats))
        .route("/config", get(routes::config))
        .route("/healthz", get(routes::healthz))
        .route("/readyz", get(routes::readyz))
        .route(page::STYLE_PATH, get(page::style))
        .route(page::SCRIPT_PATH, get(page::script))
        .route(page::TEXTS_PATH, get(page::texts))
        .fallback(async || HttpError::NotFound)
        .method_not_allowed_fallback(async || HttpError::MethodNotAllowed)
        .layer(middleware::from_fn_with_state(api.clone(), around))
        .with_state(api)
}

/// Around every endpoint: finds out who calls, answers OPTIONS, and completes the headers.
async fn around(
    State(api): State<Arc<Api>>,
    Extension(Peer(peer)): Extension<Peer>,
    mut request: Request,
    next: Next,
) -> Response {
    let caller = Caller::identify(peer, request.headers(), &api.http, &api.limits);
    request.extensions_mut().insert(caller);
    let methods =
        ENDPOINTS.iter().find(|(path, _)| *path == request.uri().path()).map(|(_, methods)| *methods);
    let mut response = match methods {
        Some(_) if request.method() == Method::OPTIONS => StatusCode::NO_CONTENT.into_response(),
        _ => next.run(request).await,
    };
    let status = response.status();
    let headers = response.headers_mut();
    if let Some(methods) = methods
        && (status == StatusCode::NO_CONTENT || status == StatusCode::METHOD_NOT_ALLOWED)
    {
        headers.insert(header::ALLOW, HeaderValue::from_static(methods));
    }
    for (name, value) in DEFAULT_HEADERS {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    response
}

/// Set where an endpoint has not set its own.
const DEFAULT_HEADERS: &[(HeaderName, &str)] = &[
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
    (header::CACHE_CONTROL, "no-store"),
];
