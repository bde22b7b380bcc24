//! What goes wrong with the protocol itself, as opposed to a request that fails: these have HTTP
//! statuses, and a small JSON body `{"error": CODE, "error_detail": TEXT}`.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use crate::front::broker::Unavailable;

/// Seconds after which a client may ask again when the broker is away or the server is full.
const RETRY_AFTER_SECS: u32 = 2;

#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    #[error("{0}")]
    Forbidden(Closed),
    #[error("this API key is not known here")]
    UnknownKey,
    #[error("there is no webhook {name:?} here")]
    UnknownWebhook { name: String },
    #[error("{why}")]
    BadRequest { why: String },
    #[error("there is nothing here")]
    NotFound,
    #[error("this method is not allowed here")]
    MethodNotAllowed,
    #[error("the body did not arrive in time")]
    BodyTimeout,
    #[error("the body could not be read")]
    BodyBroken { source: axum::Error },
    #[error("the body is larger than {limit} bytes")]
    TooLarge { limit: usize },
    #[error("more than {per_second} requests a second")]
    RateLimited { per_second: u32 },
    #[error("the server has as much to do as it can bear")]
    Busy,
    #[error("{why}")]
    NotNow { why: String },
    #[error("the service is restarting")]
    BrokerAway { source: Unavailable },
    #[error("the service did not answer in time")]
    BrokerSlow,
    /// The broker answered something else than was asked: a mistake of ours.
    #[error("unexpected answer inside the service")]
    Unexpected,
}

/// What is not open to everybody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Closed {
    #[error("this address may not search by image")]
    Search,
    #[error("this address may not name webhooks")]
    Webhooks,
    #[error("this address may not see the metrics (http.monitor_ips)")]
    Metrics,
}

/// The body of every answer that is about the protocol.
#[derive(Serialize, ToSchema)]
pub struct ErrorBody {
    /// A code that `/errors` explains.
    pub error: &'static str,
    /// What exactly went wrong, for people.
    pub error_detail: String,
}

impl HttpError {
    /// Codes and statuses, as `/errors` lists them.
    pub const CODES: &[(&str, u16)] = &[
        ("FORBIDDEN", 403),
        ("UNAUTHORIZED", 401),
        ("UNKNOWN_WEBHOOK", 400),
        ("BAD_REQUEST", 400),
        ("NOT_FOUND", 404),
        ("METHOD_NOT_ALLOWED", 405),
        ("REQUEST_TIMEOUT", 408),
        ("PAYLOAD_TOO_LARGE", 413),
        ("TOO_MANY_REQUESTS", 429),
        ("BUSY", 503),
        ("SERVICE_UNAVAILABLE", 503),
        ("INTERNAL_ERROR", 500),
    ];

    /// The code in the body: part of the API.
    pub fn code(&self) -> &'static str {
        match self {
            HttpError::Forbidden(_) => "FORBIDDEN",
            HttpError::UnknownKey => "UNAUTHORIZED",
            HttpError::UnknownWebhook { .. } => "UNKNOWN_WEBHOOK",
            HttpError::BadRequest { .. } | HttpError::BodyBroken { .. } => "BAD_REQUEST",
            HttpError::NotFound => "NOT_FOUND",
            HttpError::MethodNotAllowed => "METHOD_NOT_ALLOWED",
            HttpError::BodyTimeout => "REQUEST_TIMEOUT",
            HttpError::TooLarge { .. } => "PAYLOAD_TOO_LARGE",
            HttpError::RateLimited { .. } => "TOO_MANY_REQUESTS",
            HttpError::Busy => "BUSY",
            HttpError::NotNow { .. } | HttpError::BrokerAway { .. } | HttpError::BrokerSlow => {
                "SERVICE_UNAVAILABLE"
            }
            HttpError::Unexpected => "INTERNAL_ERROR",
        }
    }

    pub fn status(&self) -> StatusCode {
        let listed = HttpError::CODES.iter().find(|(code, _)| *code == self.code());
        listed
            .and_then(|(_, status)| StatusCode::from_u16(*status).ok())
            .unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    fn retry_after_secs(&self) -> Option<u32> {
        match self {
            HttpError::RateLimited { .. } => Some(1),
            HttpError::Busy
            | HttpError::NotNow { .. }
            | HttpError::BrokerAway { .. }
            | HttpError::BrokerSlow => Some(RETRY_AFTER_SECS),
            HttpError::Forbidden(_)
            | HttpError::UnknownKey
            | HttpError::UnknownWebhook { .. }
            | HttpError::BadRequest { .. }
            | HttpError::NotFound
            | HttpError::MethodNotAllowed
            | HttpError::BodyTimeout
            | HttpError::BodyBroken { .. }
            | HttpError::TooLarge { .. }
            | HttpError::Unexpected => None,
        }
    }
}

impl From<Unavailable> for HttpError {
    fn from(source: Unavailable) -> HttpError {
        HttpError::BrokerAway { source }
    }
}

impl IntoResponse for HttpError {
    fn into_response(self) -> Response {
        let body = ErrorBody { error: self.code(), error_detail: self.to_string() };
        let mut response = (self.status(), Json(body)).into_response();
        if let Some(secs) = self.retry_after_secs() {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(secs));
        }
        if self.status() == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_error_has_a_listed_status() {
        let broken = || axum::Error::new(std::io::Error::other("x"));
        for (error, status) in [
            (HttpError::Forbidden(Closed::Search), 403),
            (HttpError::UnknownKey, 401),
            (HttpError::UnknownWebhook { name: "x".to_owned() }, 400),
            (HttpError::BadRequest { why: "x".to_owned() }, 400),
            (HttpError::NotFound, 404),
            (HttpError::MethodNotAllowed, 405),
            (HttpError::BodyTimeout, 408),
            (HttpError::BodyBroken { source: broken() }, 400),
            (HttpError::TooLarge { limit: 1 }, 413),
            (HttpError::RateLimited { per_second: 1 }, 429),
            (HttpError::NotNow { why: "x".to_owned() }, 503),
            (HttpError::Busy, 503),
            (HttpError::BrokerAway { source: Unavailable }, 503),
            (HttpError::BrokerSlow, 503),
            (HttpError::Unexpected, 500),
        ] {
            assert_eq!(error.status().as_u16(), status, "{error:?}");
            assert!(HttpError::CODES.contains(&(error.code(), status)), "{error:?}");
        }
    }
}
