//! Around every endpoint: finds out who calls, answers `OPTIONS`, completes the headers, counts, and logs.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use axum::extract::{Extension, Request, State};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::caller::{Caller, limited_as};
use super::cors;
use super::peer::Peer;
use super::state::Api;
use crate::api::limits;
use crate::telemetry::events;

/// The path of each endpoint, and the methods it takes as the header `Allow` names them.
pub type Endpoints = BTreeMap<String, HeaderValue>;

/// Each endpoint of the API answers below this too: there the original had it behind its proxy, and
/// clients have it written into them.
pub(super) const PREFIX: &str = "/api";

/// The path of an endpoint as it is described, whether it was asked for below the prefix or not.
fn described_path(path: &str) -> &str {
    match path.strip_prefix(PREFIX) {
        Some(rest) if rest.starts_with('/') => rest,
        Some(_) | None => path,
    }
}

pub(super) async fn around(
    State((api, endpoints)): State<(Arc<Api>, &'static Endpoints)>,
    Extension(peer): Extension<Peer>,
    mut request: Request,
    next: Next,
) -> Response {
    let begun = Instant::now();
    let endpoint = endpoint_of(endpoints, described_path(request.uri().path()));
    let methods = endpoint.map(|(_, methods)| methods);
    let is_options = request.method() == Method::OPTIONS;
    let asked = Asked::of(&request);
    let client = limited_as(peer, request.headers(), &api.http);
    let mut key = None;
    let origin = match api.http.cors_origins.is_empty() {
        true => None,
        false => cors::allowed_origin(request.headers(), &api.http.cors_origins),
    };
    // Browsers ask what they may send without the key that they will send.
    let mut response = if is_options && methods.is_some() {
        StatusCode::NO_CONTENT.into_response()
    } else {
        match api.identify(peer, (request.method(), request.uri()), request.headers()) {
            Ok(caller) => {
                key = caller.key.as_ref().map(|key| key.name().to_owned());
                request.extensions_mut().insert::<Caller>(caller);
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
        headers.insert(header::ALLOW, methods.clone());
    }
    if let Some(origin) = origin {
        cors::allow(headers, origin, methods.filter(|_| is_options));
    }
    for (name, value) in &DEFAULT_HEADERS {
        headers.entry(name).or_insert_with(|| value.clone());
    }
    let path = endpoint.map_or("other", |(path, _)| path);
    let took = begun.elapsed();
    api.traffic.count(path, status.as_u16(), took);
    events::request_answered(
        api.logs_requests,
        (asked.method, &asked.path),
        status.as_u16(),
        took,
        client,
        key.as_deref(),
    );
    response
}

/// A request as the log shows it: without anything in which a client may have put a secret.
#[derive(Debug, PartialEq, Eq)]
struct Asked {
    method: &'static str,
    path: String,
}

impl Asked {
    fn of(request: &Request) -> Asked {
        let known = [
            Method::GET,
            Method::HEAD,
            Method::POST,
            Method::OPTIONS,
            Method::PUT,
            Method::PATCH,
            Method::DELETE,
            Method::CONNECT,
            Method::TRACE,
        ];
        let names = ["GET", "HEAD", "POST", "OPTIONS", "PUT", "PATCH", "DELETE", "CONNECT", "TRACE"];
        let mut pairs = known.iter().zip(names);
        let method = pairs.find(|(method, _)| *method == request.method()).map_or("other", |(_, name)| name);
        Asked { method, path: shown_path(request.uri().path()) }
    }
}

/// Longest path in the log, bytes: longer than any of ours.
const MAX_SHOWN_PATH: usize = 64;

/// Whoever knows the name of a feed can read it.
const FEEDS: &str = "/feeds/";

/// The path up to where it stops to look like one, or names a feed. A query that was escaped or begun wrongly
/// (`/query%3Fkey=...`, `/query&key=...`) is part of the path, and may hold a key.
fn shown_path(path: &str) -> String {
    if described_path(path).starts_with(FEEDS) {
        return format!("{FEEDS}...");
    }
    let path = &without_long_ids(path);
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-".contains(&byte);
    let plain = path.bytes().take(MAX_SHOWN_PATH).take_while(|byte| is_plain(*byte)).count();
    match path.split_at_checked(plain) {
        Some((whole, "")) => whole.to_owned(),
        Some((start, _)) => format!("{start}..."),
        None => String::new(),
    }
}

/// The path up to the first name of 32 hexadecimal digits, such as feeds have, with or without dashes: also
/// where it was asked for in the wrong place.
fn without_long_ids(path: &str) -> String {
    const DIGITS: usize = 32;
    let (mut from, mut digits) = (0, 0);
    for (place, c) in path.char_indices() {
        match c {
            c if c.is_ascii_hexdigit() => digits += 1,
            '-' if digits > 0 => {}
            _ => (from, digits) = (place + c.len_utf8(), 0),
        }
        if digits >= DIGITS {
            // A sign that ends what looks like a path.
            return format!("{}\u{2026}", path.get(..from).unwrap_or_default());
        }
    }
    path.to_owned()
}

/// The endpoint of this path: by its whole name, or with something in the places that it leaves open
/// (`/queries/{id}`).
fn endpoint_of<'e>(endpoints: &'e Endpoints, path: &str) -> Option<(&'e String, &'e HeaderValue)> {
    let is_it = |endpoint: &str| {
        let is_open = |segment: &str| segment.starts_with('{') && segment.ends_with('}');
        let mut pairs = endpoint.split('/').zip(path.split('/'));
        endpoint.split('/').count() == path.split('/').count()
            && pairs.all(|(known, asked)| known == asked || is_open(known) && !asked.is_empty())
    };
    endpoints.get_key_value(path).or_else(|| endpoints.iter().find(|(endpoint, _)| is_it(endpoint)))
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
    (HeaderName::from_static("x-aotf-api-version"), HeaderValue::from_static(limits::VERSION)),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(path: &str, expect: &str) {
        assert_eq!(shown_path(path), expect, "{path}");
    }

    #[test]
    fn paths_are_logged_without_what_may_be_secret() {
        check("/", "/");
        check("/query/events", "/query/events");
        check("/.git/wp-login.php", "/.git/wp-login.php");
        check("/query%3Fkey=sesame", "/query...");
        check("/query&key=sesame", "/query...");
        check("/https://jane:sesame@example.com/", "/https...");
        check("/画家", "/...");
        check("/feeds/0123456789abcdef0123456789abcdef.atom", "/feeds/...");
        check("/api/feeds/0123456789abcdef0123456789abcdef/events", "/feeds/...");
        check("/watches/0123456789abcdef0123456789abcdef", "/watches/...");
        check("//feeds/0123456789ABCDEF0123456789abcdef.atom", "//feeds/...");
        check("/feed/01234567-89ab-cdef-0123-456789abcdef", "/feed/...");
        check(&format!("/{}", "z".repeat(1000)), &format!("/{}...", "z".repeat(MAX_SHOWN_PATH - 1)));
    }

    #[test]
    fn every_endpoint_is_logged_whole() {
        for path in super::super::router::ENDPOINTS.keys().filter(|path| !path.starts_with(FEEDS)) {
            let path = path.replace("{id}", "0123456789abcdef");
            check(&path, &path);
        }
    }

    #[test]
    fn methods_that_strangers_make_up_are_not_repeated() {
        let asked = |method: &str| {
            let request = Request::builder().method(method).uri("/query?url=a&key=sesame");
            Asked::of(&request.body(axum::body::Body::empty()).unwrap())
        };
        assert_eq!(asked("GET"), Asked { method: "GET", path: "/query".to_owned() });
        assert_eq!(asked("SESAME").method, "other");
    }
}
