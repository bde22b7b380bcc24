//! `POST` and `GET /queries`: many queries in one request, for programs that go through lists.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::{Extension, Path, RawQuery, State};
use axum::http::HeaderMap;
use futures_util::StreamExt;
use futures_util::stream;

use super::body::{self, JSON_DEADLINE};
use super::caller::Caller;
use super::error::{Closed, HttpError};
use super::limits::RateClass;
use super::query::{Choice, Started, ask_query, checked_webhook, chosen_networks};
use super::state::Api;
use super::url_parameter::{self, MAX_URL_BODY_BYTES};
use crate::api::answers::{Answer, BatchAnswer, BatchEntry};
use crate::api::errors::ErrorBody;
use crate::api::limits::MAX_BATCH;
use crate::api::requests::BatchRequest;
use crate::proto::front::{FrontAnswer, FrontQuestion};

/// A list of the longest URLs.
const MAX_BODY_BYTES: usize = MAX_BATCH * (MAX_URL_BODY_BYTES + 8) + 1024;
/// Questions of one request that the broker has at the same time: others want to ask too.
const AT_ONCE: usize = 8;

/// Start up to 100 queries
///
/// Each is started, or joins the query there is, as `GET /query` does; entries stand in the order of the
/// URLs.
#[utoipa::path(
    post, path = "/queries", tag = "queries",
    request_body(content = BatchRequest, example = json!({
        "urls": ["https://www.artstation.com/artwork/70013", "https://www.artstation.com/artwork/70014"],
    })),
    responses(
        (status = 200, body = BatchAnswer),
        (status = 400, body = ErrorBody), (status = 403, body = ErrorBody), (status = 413, body = ErrorBody),
        (status = 415, body = ErrorBody),
        (status = 429, body = ErrorBody), (status = 503, body = ErrorBody),
    )
)]
pub(super) async fn queries_post(
    State(api): State<Arc<Api>>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<BatchAnswer>, HttpError> {
    let wanted: BatchRequest = body::read_json(&headers, body, MAX_BODY_BYTES, JSON_DEADLINE).await?;
    check_len("urls", wanted.urls.len())?;
    let webhook = checked_webhook(&api, &caller, wanted.webhook)?;
    let chosen = wanted.networks.map(|names| names.join(","));
    let networks = chosen_networks(&api, &caller, chosen.as_deref())?;
    let choice = Choice { networks, whole: wanted.whole };
    api.count(&caller, RateClass::Batch)?;
    let asked = stream::iter(wanted.urls).map(|url| {
        let (api, caller, choice, webhook) = (&api, &caller, choice.clone(), webhook.clone());
        async move {
            let started = match url_parameter::checked(&url) {
                Ok(url) => ask_query(api, caller, url, choice, webhook).await?,
                Err(code) => code.into(),
            };
            Ok(BatchEntry { url: Some(url), artist_alone: false, answer: started.answer() })
        }
    });
    collect(asked.buffered(AT_ONCE)).await
}

/// See how far many queries are
#[utoipa::path(
    get, path = "/queries", tag = "queries",
    params(("ids" = String, Query, pattern = "[^, ]", description = "Up to 100 `id`s of queries, with commas between",
        example = json!("0123456789abcdef0123456789abcdef"))),
    responses(
        (status = 200, body = BatchAnswer),
        (status = 400, body = ErrorBody), (status = 429, body = ErrorBody), (status = 503, body = ErrorBody),
    )
)]
pub(super) async fn queries_get(
    State(api): State<Arc<Api>>,
    Extension(caller): Extension<Caller>,
    RawQuery(query): RawQuery,
) -> Result<Json<BatchAnswer>, HttpError> {
    let ids = url_parameter::named(&query.unwrap_or_default(), "ids").unwrap_or_default();
    let ids: Vec<String> =
        ids.split(',').map(str::trim).filter(|id| !id.is_empty()).map(str::to_owned).collect();
    check_len("ids", ids.len())?;
    api.count(&caller, RateClass::Batch)?;
    let asked = stream::iter(ids).map(|id| {
        let api = &api;
        async move {
            let question = FrontQuestion::QueryState { id: id.clone() };
            let (url, started) = match api.ask(question, None).await? {
                FrontAnswer::Query(view) => (Some(view.subject.clone()), Started::Accepted(Box::new(view))),
                FrontAnswer::Refused { code, detail } => (None, Started::Refused { code, detail }),
                _ => return Err(HttpError::Unexpected),
            };
            // So that whoever asked knows which one is meant.
            let answer = Answer { id: Some(id), ..started.answer() };
            Ok(BatchEntry { url, artist_alone: started.is_about_artist_alone(), answer })
        }
    });
    collect(asked.buffered(AT_ONCE)).await
}

/// Cancel a query or a search
///
/// It ends at once with `CANCELLED`, for everybody who asked for it, and does not come back after a restart.
/// One that has ended stays as it is. Only for API keys that may (`cancel = true`).
#[utoipa::path(
    delete, path = "/queries/{id}", tag = "queries",
    params(("id" = String, Path, description = "The `id` of a query, or the `identifier` of a search")),
    responses(
        (status = 200, body = BatchEntry, description = "How it stands now, or `error`"),
        (status = 403, body = ErrorBody), (status = 429, body = ErrorBody), (status = 503, body = ErrorBody),
    )
)]
pub(super) async fn query_delete(
    State(api): State<Arc<Api>>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
) -> Result<Json<BatchEntry>, HttpError> {
    if !caller.cancel {
        return Err(HttpError::Forbidden(Closed::Cancelling));
    }
    api.count(&caller, RateClass::Query)?;
    let (url, started) = match api.ask(FrontQuestion::CancelQuery { id: id.clone() }, None).await? {
        FrontAnswer::Query(view) | FrontAnswer::Search { view, .. } => {
            (Some(view.subject.clone()), Started::Accepted(Box::new(view)))
        }
        FrontAnswer::Refused { code, detail } => (None, Started::Refused { code, detail }),
        FrontAnswer::NotNow { why } => return Err(HttpError::NotNow { why }),
        _ => return Err(HttpError::Unexpected),
    };
    let artist_alone = started.is_about_artist_alone();
    Ok(Json(BatchEntry { url, artist_alone, answer: Answer { id: Some(id), ..started.answer() } }))
}

fn check_len(name: &str, len: usize) -> Result<(), HttpError> {
    match len {
        1..=MAX_BATCH => Ok(()),
        0 => Err(HttpError::BadRequest { why: format!("{name}: give at least one") }),
        _ => Err(HttpError::BadRequest { why: format!("{len} are too many: {MAX_BATCH} at most") }),
    }
}

async fn collect(
    asked: impl stream::Stream<Item = Result<BatchEntry, HttpError>>,
) -> Result<Json<BatchAnswer>, HttpError> {
    let entries: Vec<Result<BatchEntry, HttpError>> = asked.collect().await;
    let queries = entries.into_iter().collect::<Result<_, _>>()?;
    Ok(Json(BatchAnswer { queries }))
}
