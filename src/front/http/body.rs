//! Reading what clients send: whole bodies under a limit and a deadline, forms and JSON.

use std::time::Duration;

use axum::body::Body;
use axum::extract::multipart::{Multipart, MultipartError};
use axum::extract::{FromRequest, Request};
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::{HeaderMap, StatusCode};
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use serde::de::DeserializeOwned;

use super::error::HttpError;

/// A body of JSON is small, so it arrives within this.
pub const JSON_DEADLINE: Duration = Duration::from_secs(10);
/// Fields of a form that are looked at: four are known, browsers and libraries add few.
const MAX_FIELDS: usize = 16;
/// A field that holds a text.
const MAX_TEXT_BYTES: usize = 4096;

/// A whole body of at most `limit` bytes. One that says it is longer is refused unread, one that
/// turns out longer as soon as it does.
pub async fn read(
    headers: &HeaderMap,
    body: Body,
    limit: usize,
    deadline: Duration,
) -> Result<Bytes, HttpError> {
    let announced = announced_len(headers);
    if announced.is_some_and(|len| len > limit) {
        return Err(HttpError::TooLarge { limit });
    }
    let read = async {
        let mut whole = BytesMut::with_capacity(announced.unwrap_or(0).min(64 * 1024));
        let mut pieces = body.into_data_stream();
        while let Some(piece) = pieces.next().await {
            let piece = piece.map_err(|source| HttpError::BodyBroken { source })?;
            if whole.len() + piece.len() > limit {
                return Err(HttpError::TooLarge { limit });
            }
            whole.extend_from_slice(&piece);
        }
        Ok(whole.freeze())
    };
    tokio::time::timeout(deadline, read).await.map_err(|_| HttpError::BodyTimeout)?
}

/// A JSON body of at most `limit` bytes, which says that it is JSON: a page of another site can send any
/// text with another type without the browser asking first.
pub async fn read_json<T: DeserializeOwned>(
    headers: &HeaderMap,
    body: Body,
    limit: usize,
    deadline: Duration,
) -> Result<T, HttpError> {
    if content_type(headers) != "application/json" {
        return Err(HttpError::NotJson);
    }
    let bytes = read(headers, body, limit, deadline).await?;
    serde_json::from_slice(&bytes).map_err(|error| HttpError::BadRequest {
        why: format!("the body is not the JSON expected here: {error}"),
    })
}

/// What a form of `POST /search` holds.
#[derive(Default)]
pub struct SearchForm {
    pub image: Option<Bytes>,
    pub url: Option<String>,
    pub account_name: Option<String>,
    pub turned: bool,
    /// Names with commas between.
    pub networks: Option<String>,
}

/// Whether the value of a switch turns it on: `1`, `true`, `on`, anything but a plain no.
pub fn is_yes(value: &str) -> bool {
    !matches!(value, "" | "0" | "false" | "no")
}

/// A `multipart/form-data` body: the file in `image` (or in whichever field holds one), `url`,
/// `account_name`, `turned`, `networks`; other fields are passed over.
pub async fn read_form(request: Request, limit: usize, deadline: Duration) -> Result<SearchForm, HttpError> {
    if announced_len(request.headers()).is_some_and(|len| len > limit + MAX_TEXT_BYTES) {
        return Err(HttpError::TooLarge { limit });
    }
    let read = async {
        let mut parts = Multipart::from_request(request, &()).await.map_err(|rejection| {
            HttpError::BadRequest { why: format!("the form cannot be read: {rejection}") }
        })?;
        let mut form = SearchForm::default();
        for _ in 0..MAX_FIELDS {
            let Some(mut field) = parts.next_field().await.map_err(|error| broken(error, limit))? else {
                break;
            };
            let is_file = field.file_name().is_some() || field.name() == Some("image");
            let name = field.name().unwrap_or_default().to_owned();
            let most = if is_file { limit } else { MAX_TEXT_BYTES };
            let mut content = BytesMut::new();
            while let Some(piece) = field.chunk().await.map_err(|error| broken(error, limit))? {
                if content.len() + piece.len() > most {
                    return Err(HttpError::TooLarge { limit: most });
                }
                content.extend_from_slice(&piece);
            }
            let text =
                || Some(String::from_utf8_lossy(&content).trim().to_owned()).filter(|text| !text.is_empty());
            match name.as_str() {
                // The first file counts; a second would be in memory beside it.
                _ if is_file && form.image.is_none() => form.image = Some(content.freeze()),
                "url" => form.url = text(),
                "account_name" => form.account_name = text(),
                "networks" => form.networks = text(),
                "turned" => form.turned = text().is_some_and(|text| is_yes(&text)),
                _ => {}
            }
        }
        Ok(form)
    };
    tokio::time::timeout(deadline, read).await.map_err(|_| HttpError::BodyTimeout)?
}

fn broken(error: MultipartError, limit: usize) -> HttpError {
    match error.status() {
        StatusCode::PAYLOAD_TOO_LARGE => HttpError::TooLarge { limit },
        _ => HttpError::BadRequest { why: format!("the form cannot be read: {}", error.body_text()) },
    }
}

/// The media type without its parameters, in lower case.
pub fn content_type(headers: &HeaderMap) -> String {
    let value = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

fn announced_len(headers: &HeaderMap) -> Option<usize> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}
