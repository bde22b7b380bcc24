//! Around every endpoint: finds out who calls, answers `OPTIONS`, completes the headers, and counts.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use axum::extract::{Extension, Request, State};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::caller::Caller;
use super::cors;
use super::peer::Peer;
use super::state::Api;
use crate::api::limits;

/// The path of each endpoint, and the methods it takes as the header `Allow` names them.
pub type Endpoints = BTreeMap<String, HeaderValue>;

pub(super) async fn around(
    State((api, endpoints)): State<(Arc<Api>, &'static Endpoints)>,
    Extension(peer): Extension<Peer>,
    mut request: Request,
    next: Next,
) -> Response {
    let begun = Instant::now();
    let endpoint = endpoint_of(endpoints, request.uri().path());
    let methods = endpoint.map(|(_, methods)| methods);
    let is_options = request.method() == Method::OPTIONS;
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
    api.traffic.count(path, status.as_u16(), begun.elapsed());
    response
}

/// The endpoint of this path: by its whole name, or by the folder that it is in (`/queries/{id}`).
fn endpoint_of<'e>(endpoints: &'e Endpoints, path: &str) -> Option<(&'e String, &'e HeaderValue)> {
    let in_folder = || {
        let (folder, _) =
            path.rsplit_once('/').filter(|(folder, name)| !folder.is_empty() && !name.is_empty())?;
        let is_it = |endpoint: &str| {
            let parameter = endpoint.strip_prefix(folder).and_then(|rest| rest.strip_prefix("/{"));
            parameter.is_some_and(|parameter| parameter.ends_with('}'))
        };
        endpoints.iter().find(|(endpoint, _)| is_it(endpoint))
    };
    endpoints.get_key_value(path).or_else(in_folder)
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
