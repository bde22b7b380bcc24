//! The HTTP API and the web page. The endpoints: `routes.rs` (queries and figures), `batch.rs` (many
//! queries), `search.rs` (images), `events.rs` (pushed answers), `errors.rs`, `openapi.rs` (the API's
//! description, and for people), `prometheus.rs`, `page.rs` (the page). What goes out: `view.rs`, `error.rs`,
//! `finished.rs`. What comes in is guarded by `caller.rs` (who asks), `limits.rs`, `cors.rs`,
//! `url_parameter.rs`, `body.rs`, and the connections by `serve.rs`.
//!
//! An answer about a request is always HTTP 200 with all fields, whatever the request's fate, since
//! existing clients expect that; other statuses are about the protocol itself (`error.rs`).

mod batch;
mod body;
mod caller;
#[cfg(test)]
mod contract;
mod cors;
mod error;
mod errors;
mod events;
mod finished;
mod limits;
mod openapi;
mod page;
mod prometheus;
mod routes;
mod search;
pub mod serve;
#[cfg(test)]
mod tests;
mod texts;
mod url_parameter;

use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::{DefaultBodyLimit, Extension, Request, State};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use bytes::Bytes;
use tokio::sync::{Semaphore, watch};

use crate::base::clock::{Monotonic, Timestamp};
use crate::base::ids::Networks;
use crate::config::{self, Settings};
use crate::front::broker::Broker;
use crate::proto::front::{FrontAnswer, FrontQuestion};
use crate::proto::view::{ProblemView, StatsView};
use crate::telemetry::tasks;

use caller::Caller;
use error::HttpError;
use finished::FinishedAnswers;
use limits::{ConnectionTable, RateClass, RateTable};
use prometheus::Traffic;
use texts::Texts;

/// The broker answers from memory; this long means that it hangs or is being restarted.
const ASK_DEADLINE: Duration = Duration::from_secs(5);
/// `/stats` asks the broker at most this often.
const STATS_AGE: Duration = Duration::from_secs(3);
/// `/readyz` must tell the truth sooner, but is asked by strangers too.
const READY_AGE: Duration = Duration::from_secs(1);
/// For a body of JSON, which is small.
const JSON_DEADLINE: Duration = Duration::from_secs(10);
/// Questions that are with the broker at the same time. It answers tens of thousands a second: more than
/// these wait for something that hangs, and who comes then is better told so at once.
const MAX_ASKS: usize = 512;
/// Connections from one address at the same time, which browsers never come near.
const MAX_CONNECTIONS_PER_ADDRESS: usize = 256;
/// Raised when fields or endpoints are added; existing ones stay. In the header `X-AOTF-API-Version`.
const API_VERSION: &str = "1.1";
/// Image uploads in memory at the same time, each up to `max_image_bytes`.
const MAX_UPLOADS: usize = 4;

/// Who is at the other end of the connection; set by `serve.rs` on each request.
#[derive(Clone, Copy, Debug)]
pub struct Peer {
    /// Of the Unix socket: 127.0.0.1.
    pub ip: IpAddr,
    /// It came over the Unix socket.
    pub is_local_socket: bool,
}

/// Where the time comes from: the process's clock, or a test's.
type Clock = Box<dyn Fn() -> Monotonic + Send + Sync>;

/// What all endpoints share.
pub struct Api {
    broker: Arc<dyn Broker>,
    http: config::Http,
    limits: config::Limits,
    maintenance: config::Maintenance,
    keys: Vec<config::ApiKey>,
    /// Those that this server searches.
    networks: Networks,
    /// Names of those that may be told final answers.
    webhooks: Vec<String>,
    max_image_bytes: usize,
    rate: RateTable,
    connections: Arc<ConnectionTable>,
    traffic: Traffic,
    finished: FinishedAnswers,
    asks: Semaphore,
    uploads: Semaphore,
    streams: Arc<Semaphore>,
    problems: Mutex<Option<(Monotonic, Vec<ProblemView>)>>,
    stats: Mutex<Option<(Monotonic, StatsView)>>,
    texts: Texts,
    started: Timestamp,
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
            keys: settings.api_keys.clone(),
            networks: Networks::of(settings.networks.iter().copied()).unwrap_or_default(),
            webhooks: settings.webhooks.iter().map(|webhook| webhook.name.clone()).collect(),
            max_image_bytes: usize::try_from(settings.fetch.max_image_bytes).unwrap_or(usize::MAX),
            rate: RateTable::default(),
            connections: ConnectionTable::new(
                usize::try_from(settings.http.max_connections).unwrap_or(usize::MAX),
                MAX_CONNECTIONS_PER_ADDRESS,
            ),
            traffic: Traffic::default(),
            finished: FinishedAnswers::default(),
            asks: Semaphore::new(MAX_ASKS),
            uploads: Semaphore::new(MAX_UPLOADS),
            streams: Arc::new(Semaphore::new(
                usize::try_from(settings.http.max_event_streams).unwrap_or(usize::MAX >> 3),
            )),
            stats: Mutex::new(None),
            problems: Mutex::new(None),
            texts: Texts::embedded(),
            started: Timestamp::now(),
            now,
            stopped,
        })
    }

    async fn ask(
        &self,
        question: FrontQuestion,
        attachment: Option<Bytes>,
    ) -> Result<FrontAnswer, HttpError> {
        let _place = self.asks.try_acquire().map_err(|_| HttpError::Busy)?;
        let asking = tasks::named("asks the broker", self.broker.ask(question, attachment));
        match tokio::time::timeout(ASK_DEADLINE, asking).await {
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

    /// What is wrong, as it was a moment ago.
    async fn problems(&self) -> Result<Vec<ProblemView>, HttpError> {
        let now = (self.now)();
        let kept = self.problems.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((at, problems)) = kept
            && now.since(at) < READY_AGE
        {
            return Ok(problems);
        }
        let FrontAnswer::Health(problems) = self.ask(FrontQuestion::Health, None).await? else {
            return Err(HttpError::Unexpected);
        };
        *self.problems.lock().unwrap_or_else(PoisonError::into_inner) = Some((now, problems.clone()));
        Ok(problems)
    }

    /// Counts a request that will cost the broker something.
    fn count(&self, caller: &Caller, class: RateClass) -> Result<(), HttpError> {
        let (key, own) = caller.rate();
        let per_second = own.unwrap_or(self.limits.requests_per_second);
        if caller.unlimited || self.rate.allows(key, class, per_second, (self.now)()) {
            Ok(())
        } else {
            Err(HttpError::RateLimited { per_second })
        }
    }
}

/// The endpoints and the methods they take.
const ENDPOINTS: &[(&str, &str)] = &[
    ("/", "GET, HEAD, OPTIONS"),
    ("/query", "GET, HEAD, POST, OPTIONS"),
    ("/query/events", "GET, HEAD, OPTIONS"),
    ("/queries", "GET, HEAD, POST, OPTIONS"),
    ("/search", "GET, HEAD, POST, OPTIONS"),
    ("/errors", "GET, HEAD, OPTIONS"),
    ("/openapi.json", "GET, HEAD, OPTIONS"),
    ("/docs", "GET, HEAD, OPTIONS"),
    ("/metrics", "GET, HEAD, OPTIONS"),
    ("/account", "GET, HEAD, OPTIONS"),
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
    // Forms are limited field by field; this bounds what stands between the fields.
    let form_limit = DefaultBodyLimit::max(api.max_image_bytes.saturating_add(64 * 1024));
    Router::new()
        .route("/", get(page::root))
        .route("/query", get(routes::query_get).post(routes::query_post))
        .route("/query/events", get(events::query_events))
        .route("/queries", get(batch::queries_get).post(batch::queries_post))
        .route("/search", get(search::search_get).post(search::search_post).layer(form_limit))
        .route("/account", get(routes::account))
        .route("/errors", get(errors::errors))
        .route("/openapi.json", get(openapi::openapi_json))
        .route("/docs", get(openapi::docs))
        .route("/metrics", get(prometheus::metrics))
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

/// Around every endpoint: finds out who calls, answers OPTIONS, completes the headers, and counts.
async fn around(
    State(api): State<Arc<Api>>,
    Extension(peer): Extension<Peer>,
    mut request: Request,
    next: Next,
) -> Response {
    let begun = Instant::now();
    let endpoint = ENDPOINTS.iter().find(|(path, _)| *path == request.uri().path());
    let methods = endpoint.map(|(_, methods)| *methods);
    let is_options = request.method() == Method::OPTIONS;
    let origin = match api.http.cors_origins.is_empty() {
        true => None,
        false => cors::allowed_origin(request.headers(), &api.http.cors_origins),
    };
    // Browsers ask what they may send without the key that they will send.
    let mut response = if is_options && methods.is_some() {
        StatusCode::NO_CONTENT.into_response()
    } else {
        match Caller::identify(peer, request.headers(), &api.http, &api.limits, &api.keys) {
            Ok(caller) => {
                request.extensions_mut().insert(caller);
                next.run(request).await
            }
            Err(error) => error.into_response(),
        }
    };
    let status = response.status();
    let headers = response.headers_mut();
    if let Some(methods) = methods
        && (is_options || status == StatusCode::METHOD_NOT_ALLOWED)
    {
        headers.insert(header::ALLOW, HeaderValue::from_static(methods));
    }
    if let Some(origin) = origin {
        cors::allow(headers, origin, methods.filter(|_| is_options));
    }
    for (name, value) in &DEFAULT_HEADERS {
        headers.entry(name).or_insert_with(|| value.clone());
    }
    let path = endpoint.map_or("other", |(path, _)| *path);
    api.traffic.count(path, status.as_u16(), begun.elapsed());
    response
}

/// Set where an endpoint has not set its own.
static DEFAULT_HEADERS: [(HeaderName, HeaderValue); 8] = [
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'")),
    (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    (HeaderName::from_static("cross-origin-opener-policy"), HeaderValue::from_static("same-origin")),
    (
        HeaderName::from_static("permissions-policy"),
        HeaderValue::from_static("camera=(), geolocation=(), microphone=()"),
    ),
    (HeaderName::from_static("x-aotf-api-version"), HeaderValue::from_static(API_VERSION)),
];
