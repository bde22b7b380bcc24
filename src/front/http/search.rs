//! `POST` and `GET /search`: search by an image, for those who may.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Extension, RawQuery, Request, State};
use axum::http::HeaderMap;
use axum::response::Response;
use bytes::Bytes;

use super::body::{self, JSON_DEADLINE, SearchForm};
use super::caller::Caller;
use super::error::{Closed, HttpError};
use super::events;
use super::limits::RateClass;
use super::query::{Started, chosen_networks};
use super::state::Api;
use super::url_parameter;
use crate::api::answers::{Answer, SearchAnswer};
use crate::api::errors::ErrorBody;
use crate::api::limits::MAX_IMAGE_URL_CHARS;
use crate::api::requests::{ImageFile, SearchByUrl, SearchForm as DescribedForm};
use crate::domain::failure::FailureCode;
use crate::proto::front::{FrontAnswer, FrontQuestion};

/// A URL of an image, which can be longer than that of a page, and a name.
const MAX_JSON_BYTES: usize = 8 * 1024;

/// Start a search by image
///
/// The body is the image itself (as `application/octet-stream` or with its own content type), or a form
/// with the file in `image` or the image's address in `url`; JSON with the fields of the form but `image`
/// is read too. The answer has an `identifier`, by which `GET /search` shows how far the search is; ask
/// until `status` is `END`, or follow `/search/events`.
#[utoipa::path(
    post, path = "/search", tag = "search",
    params(
        ("account_name" = Option<String>, Query, description = "Look in the posts of this account only",
            example = json!("demo-rowan.bsky.social")),
        ("networks" = Option<String>, Query, pattern = "^(twitter|bluesky|mastodon|misskey)(,(twitter|bluesky|mastodon|misskey))*$",
            description = "Look in posts on these only: twitter, bluesky, mastodon, misskey, with commas between",
            example = json!("bluesky,mastodon")),
        ("turned" = Option<bool>, Query,
            description = "Also look for the image mirrored, turned by a quarter and upside down"),
    ),
    request_body(content(
        (inline(ImageFile) = "application/octet-stream"),
        (DescribedForm = "multipart/form-data"),
    )),
    responses(
        (status = 200, body = SearchAnswer, description = "Accepted, or refused with `error`"),
        (status = 400, body = ErrorBody), (status = 403, body = ErrorBody), (status = 413, body = ErrorBody),
        (status = 415, body = ErrorBody),
        (status = 429, body = ErrorBody), (status = 503, body = ErrorBody),
    )
)]
pub(super) async fn search_post(
    State(api): State<Arc<Api>>,
    Extension(caller): Extension<Caller>,
    RawQuery(query): RawQuery,
    request: Request,
) -> Result<Json<SearchAnswer>, HttpError> {
    if !caller.advanced {
        return Err(HttpError::Forbidden(Closed::Search));
    }
    api.count(&caller, RateClass::Query)?;
    let form = read_search(&api, request).await?;
    start(&api, &caller, form, &query.unwrap_or_default()).await.map(Json)
}

/// Starts the search that a form asks for; what it leaves open stands in `parameters`, a query string.
pub(super) async fn start(
    api: &Api,
    caller: &Caller,
    form: SearchForm,
    parameters: &str,
) -> Result<SearchAnswer, HttpError> {
    let account_name = form
        .account_name
        .or_else(|| url_parameter::named(parameters, "account_name"))
        .map(|name| name.trim().trim_start_matches('@').to_owned())
        .filter(|name| !name.is_empty());
    let chosen = form.networks.or_else(|| url_parameter::named(parameters, "networks"));
    let networks = chosen_networks(api, caller, chosen.as_deref())?;
    let client = caller.client();
    let turned =
        form.turned || url_parameter::named(parameters, "turned").is_some_and(|value| body::is_yes(&value));
    let (question, image) = match (form.image.filter(|image| !image.is_empty()), form.url) {
        (Some(image), _) => {
            let len_bytes = image.len() as u64;
            (FrontQuestion::SearchImage { len_bytes, account_name, turned, networks, client }, Some(image))
        }
        (None, Some(url)) => match checked_url(&url) {
            Ok(url) => (FrontQuestion::SearchUrl { url, account_name, turned, networks, client }, None),
            Err(code) => return Ok(refused(code, String::new())),
        },
        (None, None) => return Ok(refused(FailureCode::ImageMissing, String::new())),
    };
    search_answer(api.ask(question, image).await?)
}

/// See how far a search by image is
#[utoipa::path(
    get, path = "/search", tag = "search",
    params(("identifier" = String, Query, description = "What `POST /search` answered with",
        example = json!("6f1ed002ab559585"))),
    responses(
        (status = 200, body = SearchAnswer),
        (status = 403, body = ErrorBody), (status = 429, body = ErrorBody), (status = 503, body = ErrorBody),
    )
)]
pub(super) async fn search_get(
    State(api): State<Arc<Api>>,
    Extension(caller): Extension<Caller>,
    RawQuery(query): RawQuery,
) -> Result<Json<SearchAnswer>, HttpError> {
    if !caller.advanced {
        return Err(HttpError::Forbidden(Closed::Search));
    }
    let Some(identifier) = url_parameter::named(&query.unwrap_or_default(), "identifier") else {
        return Ok(Json(refused(FailureCode::IdentifierMissing, String::new())));
    };
    api.count(&caller, RateClass::Query)?;
    search_answer(api.ask(FrontQuestion::SearchState { identifier }, None).await?).map(Json)
}

/// Follow a search by image: its answer, pushed at each change until the end
///
/// As `/query/events`, with the answers of `/search`, for those who may search by image.
#[utoipa::path(
    get, path = "/search/events", tag = "search",
    params(
        ("identifier" = String, Query, description = "What `POST /search` answered with",
            example = json!("6f1ed002ab559585")),
        ("Last-Event-ID" = Option<String>, Header, description = "The last version that was heard"),
    ),
    responses(
        (status = 200, body = SearchAnswer, content_type = "text/event-stream",
            description = "Each event is the JSON of this answer"),
        (status = 204, description = "The final version was heard: nothing will follow"),
        (status = 403, body = ErrorBody), (status = 429, body = ErrorBody), (status = 503, body = ErrorBody),
    )
)]
pub(super) async fn search_events(
    State(api): State<Arc<Api>>,
    Extension(caller): Extension<Caller>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, HttpError> {
    if !caller.advanced {
        return Err(HttpError::Forbidden(Closed::Search));
    }
    let place = events::place(&api)?;
    let identifier = url_parameter::named(&query.unwrap_or_default(), "identifier");
    let started = match &identifier {
        None => Started::from(FailureCode::IdentifierMissing),
        Some(identifier) => {
            api.count(&caller, RateClass::Events)?;
            let question = FrontQuestion::SearchState { identifier: identifier.clone() };
            match api.ask(question, None).await? {
                FrontAnswer::Search { view, .. } => Started::Accepted(Box::new(view)),
                FrontAnswer::Refused { code, detail } => Started::Refused { code, detail },
                FrontAnswer::NotNow { why } => return Err(HttpError::NotNow { why }),
                _ => return Err(HttpError::Unexpected),
            }
        }
    };
    let write = move |started: &Started| {
        let identifier = match started {
            Started::Accepted(_) => identifier.clone(),
            Started::Refused { .. } => None,
        };
        events::event(&SearchAnswer { answer: started.answer(), identifier })
    };
    Ok(events::follow(&api, started, &headers, place, events::Until::End, Box::new(write)))
}

/// What is searched, as a body, a form or JSON.
pub(super) async fn read_search(api: &Api, request: Request) -> Result<SearchForm, HttpError> {
    let deadline = api.http.body_timeout;
    let kind = body::content_type(request.headers());
    if kind == "application/json" {
        let (head, content) = request.into_parts();
        let wanted: SearchByUrl =
            body::read_json(&head.headers, content, MAX_JSON_BYTES, JSON_DEADLINE).await?;
        let SearchByUrl { url, account_name, turned, networks } = wanted;
        let networks = networks.map(|names| names.join(","));
        return Ok(SearchForm { image: None, url: Some(url), account_name, turned, networks });
    }
    let _place = api.uploads.try_acquire().map_err(|_| HttpError::Busy)?;
    if kind == "multipart/form-data" {
        return body::read_form(request, api.max_image_bytes, deadline).await;
    }
    let (head, content) = request.into_parts();
    let image: Bytes = body::read(&head.headers, content, api.max_image_bytes, deadline).await?;
    Ok(SearchForm { image: Some(image), ..SearchForm::default() })
}

/// Whether it leads anywhere is found out where it is fetched.
fn checked_url(url: &str) -> Result<String, FailureCode> {
    match url.trim() {
        "" => Err(FailureCode::ImageMissing),
        url if url.chars().count() > MAX_IMAGE_URL_CHARS => Err(FailureCode::UrlTooLong),
        url => match url::Url::parse(url) {
            Ok(parsed) if matches!(parsed.scheme(), "http" | "https") => Ok(url.to_owned()),
            Ok(_) | Err(_) => Err(FailureCode::NotAnUrl),
        },
    }
}

fn search_answer(answer: FrontAnswer) -> Result<SearchAnswer, HttpError> {
    match answer {
        FrontAnswer::Search { identifier, view } => {
            Ok(SearchAnswer { answer: Answer::from(&view), identifier: Some(identifier) })
        }
        FrontAnswer::Refused { code, detail } => Ok(refused(code, detail)),
        FrontAnswer::Overloaded => Err(HttpError::Busy),
        FrontAnswer::NotNow { why } => Err(HttpError::NotNow { why }),
        _ => Err(HttpError::Unexpected),
    }
}

fn refused(code: FailureCode, detail: String) -> SearchAnswer {
    SearchAnswer { answer: Answer::refused(code, detail), identifier: None }
}
