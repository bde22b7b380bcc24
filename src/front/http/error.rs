//! What goes wrong with the protocol itself, as opposed to a request that fails: these have HTTP
//! statuses, and a small JSON body `{"error": CODE, "error_detail": TEXT}`.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::api::errors::{ErrorBody, ErrorCode};
use crate::api::limits::{RATE_LIMITED_RETRY_AFTER_SECS, RETRY_AFTER_SECS};
use crate::base::counted;
use crate::front::broker::Unavailable;

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
    #[error("this server is not {host:?}: its operator can name further hosts in http.hosts")]
    Misdirected { host: String },
    #[error("the body must be JSON, and its Content-Type application/json")]
    NotJson,
    #[error("there is nothing here")]
    NotFound,
    #[error("{why}")]
    NobodyToCredit { why: String },
    #[error("there is no verdict {id:?}: GET /verdicts lists those there are")]
    NoVerdict { id: String },
    #[error("there is no watch {id:?}: GET /watches lists yours")]
    NoWatch { id: String },
    #[error(
        "there is no feed {name:?}: the watch may have been ended; GET /watches tells the addresses of feeds"
    )]
    NoFeed { name: String },
    #[error("this method is not allowed here")]
    MethodNotAllowed,
    #[error("the body did not arrive in time")]
    BodyTimeout,
    #[error("the body could not be read")]
    BodyBroken { source: axum::Error },
    #[error("the body is larger than {limit} bytes")]
    TooLarge { limit: usize },
    #[error("more than {} a second", counted(*per_second, "request"))]
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
    #[error("only an API key that may can cancel (cancel = true in its [[api_keys]])")]
    Cancelling,
    #[error("only an API key that may can see and give verdicts (verdicts = true in its [[api_keys]])")]
    Verdicts,
    #[error("only an API key that may can watch artists (watches = true in its [[api_keys]])")]
    Watches,
    #[error("this address may not see the metrics (http.monitor_ips)")]
    Metrics,
    #[error("a page of another site may not ask this (http.cors_origins)")]
    OtherSites,
}

impl HttpError {
    /// The code in the body: part of the API.
    pub fn code(&self) -> ErrorCode {
        match self {
            HttpError::Forbidden(_) => ErrorCode::Forbidden,
            HttpError::UnknownKey => ErrorCode::Unauthorized,
            HttpError::UnknownWebhook { .. } => ErrorCode::UnknownWebhook,
            HttpError::BadRequest { .. } | HttpError::BodyBroken { .. } => ErrorCode::BadRequest,
            HttpError::Misdirected { .. } => ErrorCode::MisdirectedRequest,
            HttpError::NotJson => ErrorCode::UnsupportedMediaType,
            HttpError::NotFound
            | HttpError::NobodyToCredit { .. }
            | HttpError::NoVerdict { .. }
            | HttpError::NoWatch { .. }
            | HttpError::NoFeed { .. } => ErrorCode::NotFound,
            HttpError::MethodNotAllowed => ErrorCode::MethodNotAllowed,
            HttpError::BodyTimeout => ErrorCode::RequestTimeout,
            HttpError::TooLarge { .. } => ErrorCode::PayloadTooLarge,
            HttpError::RateLimited { .. } => ErrorCode::TooManyRequests,
            HttpError::Busy => ErrorCode::Busy,
            HttpError::NotNow { .. } | HttpError::BrokerAway { .. } | HttpError::BrokerSlow => {
                ErrorCode::ServiceUnavailable
            }
            HttpError::Unexpected => ErrorCode::InternalError,
        }
    }

    pub fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.code().status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    fn retry_after_secs(&self) -> Option<u32> {
        match self {
            HttpError::RateLimited { .. } => Some(RATE_LIMITED_RETRY_AFTER_SECS),
            HttpError::Busy
            | HttpError::NotNow { .. }
            | HttpError::BrokerAway { .. }
            | HttpError::BrokerSlow => Some(RETRY_AFTER_SECS),
            HttpError::Forbidden(_)
            | HttpError::UnknownKey
            | HttpError::UnknownWebhook { .. }
            | HttpError::BadRequest { .. }
            | HttpError::Misdirected { .. }
            | HttpError::NotJson
            | HttpError::NotFound
            | HttpError::NobodyToCredit { .. }
            | HttpError::NoVerdict { .. }
            | HttpError::NoWatch { .. }
            | HttpError::NoFeed { .. }
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
        let body = ErrorBody { error: self.code().as_str(), error_detail: self.to_string() };
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
            (HttpError::Misdirected { host: "x".to_owned() }, 421),
            (HttpError::NotJson, 415),
            (HttpError::NotFound, 404),
            (HttpError::NobodyToCredit { why: String::new() }, 404),
            (HttpError::NoVerdict { id: String::new() }, 404),
            (HttpError::NoWatch { id: String::new() }, 404),
            (HttpError::NoFeed { name: String::new() }, 404),
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
            assert!(ErrorCode::ALL.contains(&error.code()), "{error:?}");
        }
    }
}
