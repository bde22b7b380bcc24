//! The codes of answers that are about the protocol itself, each with its HTTP status, and their JSON. What
//! becomes of a query has codes of its own (`FailureCode`), which come with status 200.

use std::borrow::Cow;

use serde::Serialize;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::Schema;
use utoipa::{PartialSchema, ToSchema};

use super::names::one_of;
use crate::domain::failure::FailureCode;

/// Why a request was not served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorCode {
    Forbidden,
    Unauthorized,
    UnknownWebhook,
    BadRequest,
    NotFound,
    MethodNotAllowed,
    RequestTimeout,
    PayloadTooLarge,
    UnsupportedMediaType,
    MisdirectedRequest,
    TooManyRequests,
    Busy,
    ServiceUnavailable,
    InternalError,
}

impl ErrorCode {
    /// In the order in which `/errors` lists them.
    pub const ALL: [ErrorCode; 14] = [
        ErrorCode::Forbidden,
        ErrorCode::Unauthorized,
        ErrorCode::UnknownWebhook,
        ErrorCode::BadRequest,
        ErrorCode::NotFound,
        ErrorCode::MethodNotAllowed,
        ErrorCode::RequestTimeout,
        ErrorCode::PayloadTooLarge,
        ErrorCode::UnsupportedMediaType,
        ErrorCode::MisdirectedRequest,
        ErrorCode::TooManyRequests,
        ErrorCode::Busy,
        ErrorCode::ServiceUnavailable,
        ErrorCode::InternalError,
    ];

    /// The code in the body.
    pub fn as_str(self) -> &'static str {
        self.entry().0
    }

    /// The HTTP status.
    pub fn status(self) -> u16 {
        self.entry().1
    }

    fn entry(self) -> (&'static str, u16) {
        match self {
            ErrorCode::Forbidden => ("FORBIDDEN", 403),
            ErrorCode::Unauthorized => ("UNAUTHORIZED", 401),
            ErrorCode::UnknownWebhook => ("UNKNOWN_WEBHOOK", 400),
            ErrorCode::BadRequest => ("BAD_REQUEST", 400),
            ErrorCode::NotFound => ("NOT_FOUND", 404),
            ErrorCode::MethodNotAllowed => ("METHOD_NOT_ALLOWED", 405),
            ErrorCode::RequestTimeout => ("REQUEST_TIMEOUT", 408),
            ErrorCode::PayloadTooLarge => ("PAYLOAD_TOO_LARGE", 413),
            ErrorCode::UnsupportedMediaType => ("UNSUPPORTED_MEDIA_TYPE", 415),
            ErrorCode::MisdirectedRequest => ("MISDIRECTED_REQUEST", 421),
            ErrorCode::TooManyRequests => ("TOO_MANY_REQUESTS", 429),
            ErrorCode::Busy => ("BUSY", 503),
            ErrorCode::ServiceUnavailable => ("SERVICE_UNAVAILABLE", 503),
            ErrorCode::InternalError => ("INTERNAL_ERROR", 500),
        }
    }
}

/// Stands for the name of an `ErrorCode` in the types of answers.
pub struct ErrorCodeName;

impl PartialSchema for ErrorCodeName {
    fn schema() -> RefOr<Schema> {
        let about = "Why a request was not served; each comes with its own HTTP status.";
        one_of(about, ErrorCode::ALL.into_iter().map(ErrorCode::as_str))
    }
}

impl ToSchema for ErrorCodeName {
    fn name() -> Cow<'static, str> {
        "ErrorCode".into()
    }
}

/// The body of every answer that is about the protocol.
#[derive(Serialize, ToSchema)]
pub struct ErrorBody {
    /// A code that `/errors` explains.
    #[schema(value_type = ErrorCodeName)]
    pub error: &'static str,
    /// What exactly went wrong, for people.
    pub error_detail: String,
}

/// One code.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct ErrorEntry {
    pub code: &'static str,
    /// HTTP status with which it comes: 200 for the codes of a query's answer.
    pub status: u16,
    pub meaning: Meaning,
}

/// What a code means and what to do, in a sentence or two.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Meaning {
    pub en: String,
    pub fr: String,
}

/// Every code of the API with the HTTP status it comes with, those of answers about queries first.
pub fn codes() -> impl Iterator<Item = (&'static str, u16)> {
    let answers = FailureCode::ALL.iter().map(|code| (code.as_str(), 200));
    answers.chain(ErrorCode::ALL.into_iter().map(ErrorCode::entry))
}
