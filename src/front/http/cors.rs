//! Which other sites' pages may read answers: only what the configuration names, and by default none.

use axum::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ORIGIN, VARY,
};
use axum::http::{HeaderMap, HeaderValue};

/// The origin to allow, if the request comes from a page of one that may read answers.
pub fn allowed_origin(headers: &HeaderMap, origins: &[String]) -> Option<HeaderValue> {
    let origin = headers.get(ORIGIN)?;
    if origins.iter().any(|allowed| allowed == "*") {
        return Some(HeaderValue::from_static("*"));
    }
    origins.iter().any(|allowed| allowed.as_bytes() == origin.as_bytes()).then(|| origin.clone())
}

/// Says so in the answer; `methods` where the browser asks before it sends.
pub fn allow(answer: &mut HeaderMap, origin: HeaderValue, methods: Option<&HeaderValue>) {
    if origin != "*" {
        answer.append(VARY, HeaderValue::from_static("Origin"));
    }
    answer.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    let exposed = HeaderValue::from_static("Retry-After, X-AOTF-API-Version");
    answer.insert(ACCESS_CONTROL_EXPOSE_HEADERS, exposed);
    if let Some(methods) = methods {
        answer.insert(ACCESS_CONTROL_ALLOW_METHODS, methods.clone());
        let headers = HeaderValue::from_static("Authorization, Content-Type, Last-Event-ID, X-API-Key");
        answer.insert(ACCESS_CONTROL_ALLOW_HEADERS, headers);
        answer.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("86400"));
    }
}
