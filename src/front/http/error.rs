//! What goes wrong with the protocol itself, as opposed to a request that fails: these have HTTP
//! statuses, and a small JSON body `{"error": CODE, "error_detail": TEXT}`.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::front::broker::Unavailable;

/// Seconds after which a client may ask again when the broker is away or the server is full.
const RETRY_AFTER_SECS: u32 = 2;

#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    #[error("this address may not search by image")]
    Forbidden,
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
    #[error("more than {per_second} requests a second from one address")]
    RateLimited { per_second: u32 },
    #[error("too many exchanges of this kind at the same time")]
    Busy,
    #[error("the service is restarting")]
    BrokerAway { source: Unavailable },
    #[error("the service did not answer in time")]
    BrokerSlow,
    /// The broker answered something else than was asked: a mistake of ours.
    #[error("unexpected answer inside the service")]
    Unexpected,
}

#[derive(Serialize)]
struct Body {
    error: &'static str,
    error_detail: String,
}

impl HttpError {
    pub fn status(&self) -> StatusCode {
        match self {
            HttpError::Forbidden => StatusCode::FORBIDDEN,
            HttpError::NotFound => StatusCode::NOT_FOUND,
            HttpError::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            HttpError::BodyTimeout => StatusCode::REQUEST_TIMEOUT,
            HttpError::BodyBroken { .. } => StatusCode::BAD_REQUEST,
            HttpError::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            HttpError::RateLimited { .. } => StatusCode::TOO_MANY_REQUESTS,
            HttpError::Busy | HttpError::BrokerAway { .. } | HttpError::BrokerSlow => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            HttpError::Unexpected => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// The code in the body: part of the API.
    pub fn code(&self) -> &'static str {
        match self {
            HttpError::Forbidden => "FORBIDDEN",
            HttpError::NotFound => "NOT_FOUND",
            HttpError::MethodNotAllowed => "METHOD_NOT_ALLOWED",
            HttpError::BodyTimeout => "REQUEST_TIMEOUT",
            HttpError::BodyBroken { .. } => "BAD_REQUEST",
            HttpError::TooLarge { .. } => "PAYLOAD_TOO_LARGE",
            HttpError::RateLimited { .. } => "TOO_MANY_REQUESTS",
            HttpError::Busy => "BUSY",
            HttpError::BrokerAway { .. } | HttpError::BrokerSlow => "SERVICE_UNAVAILABLE",
            HttpError::Unexpected => "INTERNAL_ERROR",
        }
    }

    fn retry_after_secs(&self) -> Option<u32> {
        match self {
            HttpError::RateLimited { .. } => Some(1),
            HttpError::Busy | HttpError::BrokerAway { .. } | HttpError::BrokerSlow => Some(RETRY_AFTER_SECS),
            HttpError::Forbidden
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
        let body = Body { error: self.code(), error_detail: self.to_string() };
        let mut response = (self.status(), Json(body)).into_response();
        if let Some(secs) = self.retry_after_secs() {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(secs));
        }
        response
    }
}
