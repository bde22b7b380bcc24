//! The endpoints that answer with JSON.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::body::Body;
use axum::extract::{Extension, RawQuery, State};
use axum::http::HeaderMap;
use axum::http::header::CONTENT_LENGTH;
use axum::response::{IntoResponse, Response};
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use serde_json::json;

use super::error::HttpError;
use super::limits::{Caller, RateClass};
use super::url_parameter::{self, MAX_URL_BODY_BYTES};
use super::view::{Answer, ConfigAnswer, SearchAnswer, StatsAnswer};
use super::{Api, READY_AGE, STATS_AGE};
use crate::proto::failure::FailureCode;
use crate::proto::front::{FrontAnswer, FrontQuestion};
use crate::proto::view::QueryView;

/// A URL is one packet or two.
const URL_BODY_DEADLINE: Duration = Duration::from_secs(5);
/// 20 MiB in this time is 350 KiB a second.
const IMAGE_BODY_DEADLINE: Duration = Duration::from_secs(60);

/// What became of a question about a query.
pub(super) enum Started {
    Accepted(QueryView),
    Refused { code: FailureCode, detail: String },
}

impl Started {
    pub(super) fn answer(&self) -> Answer {
        match self {
            Started::Accepted(view) => Answer::from(view),
            Started::Refused { code, detail } => Answer::refused(*code, detail.clone()),
        }
    }
}

impl From<FailureCode> for Started {
    fn from(code: FailureCode) -> Started {
        Started::Refused { code, detail: String::new() }
    }
}

/// Starts the query for `url`, or joins the one there is. A request without a usable URL costs
/// nothing and is not counted: clients ask without one to see whether a server is there.
pub(super) async fn start_query(
    api: &Api,
    caller: &Caller,
    url: Result<String, FailureCode>,
    class: RateClass,
) -> Result<Started, HttpError> {
    let url = match url {
        Ok(url) => url,
        Err(code) => return Ok(code.into()),
    };
    api.count(caller, class)?;
    match api.ask(FrontQuestion::Query { url, client: caller.client() }, None).await? {
        FrontAnswer::Query(view) => Ok(Started::Accepted(view)),
        FrontAnswer::Refused { code, detail } => Ok(Started::Refused { code, detail }),
        _ => Err(HttpError::Unexpected),
    }
}

pub(super) async fn query_get(
    State(api): State<Arc<Api>>,
    Extension(caller): Extension<Caller>,
    RawQuery(query): RawQuery,
) -> Result<Json<Answer>, HttpError> {
    let url = url_parameter::from_query_string(&query.unwrap_or_default());
    Ok(Json(start_query(&api, &caller, url, RateClass::Query).await?.answer()))
}

pub(super) async fn query_post(
    State(api): State<Arc<Api>>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Answer>, HttpError> {
    let body = read_body(&headers, body, MAX_URL_BODY_BYTES, URL_BODY_DEADLINE).await?;
    let url = url_parameter::from_body(&body);
    Ok(Json(start_query(&api, &caller, url, RateClass::Query).await?.answer()))
}

pub(super) async fn search_post(
    State(api): State<Arc<Api>>,
    Extension(caller): Extension<Caller>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<SearchAnswer>, HttpError> {
    if !caller.advanced {
        return Err(HttpError::Forbidden);
    }
    api.count(&caller, RateClass::Query)?;
    let image = {
        let _place = api.uploads.try_acquire().map_err(|_| HttpError::Busy)?;
        read_body(&headers, body, api.max_image_bytes, IMAGE_BODY_DEADLINE).await?
    };
    if image.is_empty() {
        return Ok(Json(search_refused(FailureCode::ImageMissing, String::new())));
    }
    let account_name = url_parameter::named(&query.unwrap_or_default(), "account_name")
        .map(|name| name.trim_start_matches('@').to_owned())
        .filter(|name| !name.is_empty());
    let question =
        FrontQuestion::SearchImage { len_bytes: image.len() as u64, account_name, client: caller.client() };
    search_answer(api.ask(question, Some(image)).await?)
}

pub(super) async fn search_get(
    State(api): State<Arc<Api>>,
    Extension(caller): Extension<Caller>,
    RawQuery(query): RawQuery,
) -> Result<Json<SearchAnswer>, HttpError> {
    if !caller.advanced {
        return Err(HttpError::Forbidden);
    }
    let Some(identifier) = url_parameter::named(&query.unwrap_or_default(), "identifier") else {
        return Ok(Json(search_refused(FailureCode::IdentifierMissing, String::new())));
    };
    api.count(&caller, RateClass::Query)?;
    search_answer(api.ask(FrontQuestion::SearchState { identifier }, None).await?)
}

fn search_answer(answer: FrontAnswer) -> Result<Json<SearchAnswer>, HttpError> {
    match answer {
        FrontAnswer::Search { identifier, view } => {
            Ok(Json(SearchAnswer { answer: Answer::from(&view), identifier: Some(identifier) }))
        }
        FrontAnswer::Refused { code, detail } => Ok(Json(search_refused(code, detail))),
        _ => Err(HttpError::Unexpected),
    }
}

fn search_refused(code: FailureCode, detail: String) -> SearchAnswer {
    SearchAnswer { answer: Answer::refused(code, detail), identifier: None }
}

pub(super) async fn stats(State(api): State<Arc<Api>>) -> Result<Json<StatsAnswer>, HttpError> {
    Ok(Json(api.stats(STATS_AGE).await?.into()))
}

pub(super) async fn config(
    State(api): State<Arc<Api>>,
    Extension(caller): Extension<Caller>,
) -> Json<ConfigAnswer> {
    Json(ConfigAnswer::new(&api.limits, &api.maintenance, caller.unlimited, caller.advanced))
}

/// This process answers.
pub(super) async fn healthz() -> Response {
    Json(json!({ "status": "ok" })).into_response()
}

/// The service can take queries: the broker answers.
pub(super) async fn readyz(State(api): State<Arc<Api>>) -> Result<Response, HttpError> {
    api.stats(READY_AGE).await?;
    Ok(Json(json!({ "status": "ready" })).into_response())
}

/// A whole body of at most `limit` bytes. One that says it is longer is refused unread, one that
/// turns out longer as soon as it does.
async fn read_body(
    headers: &HeaderMap,
    body: Body,
    limit: usize,
    deadline: Duration,
) -> Result<Bytes, HttpError> {
    let announced = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
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
