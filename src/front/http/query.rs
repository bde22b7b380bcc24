//! `GET` and `POST /query`: start a query for an artwork's page, or see where it is. The other ways to ask
//! (the page, event streams, batches) start their queries here too.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::body::Body;
use axum::extract::{Extension, RawQuery, State};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;

use super::body;
use super::caller::Caller;
use super::error::{Closed, HttpError};
use super::limits::RateClass;
use super::state::Api;
use super::url_parameter::{self, MAX_URL_BODY_BYTES};
use crate::api::answers::Answer;
use crate::api::errors::ErrorBody;
use crate::api::requests::QueryForm;
use crate::base::ids::Networks;
use crate::domain::failure::FailureCode;
use crate::proto::front::{FrontAnswer, FrontQuestion};
use crate::proto::view::{QueryStatus, QueryView};

/// A URL is one packet or two.
const URL_BODY_DEADLINE: Duration = Duration::from_secs(5);

/// What became of a question about a query.
pub(super) enum Started {
    Accepted(Box<QueryView>),
    Refused { code: FailureCode, detail: String },
}

impl Started {
    pub(super) fn answer(&self) -> Answer {
        match self {
            Started::Accepted(view) => Answer::from(&**view),
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
    networks: Networks,
    class: RateClass,
) -> Result<Started, HttpError> {
    match url {
        Ok(url) => {
            api.count(caller, class)?;
            ask_query(api, caller, url, networks, None).await
        }
        Err(code) => Ok(code.into()),
    }
}

/// The same for a request that has been counted.
pub(super) async fn ask_query(
    api: &Api,
    caller: &Caller,
    url: String,
    networks: Networks,
    webhook: Option<String>,
) -> Result<Started, HttpError> {
    match api.ask(FrontQuestion::Query { url, client: caller.client(), networks, webhook }, None).await? {
        FrontAnswer::Query(view) => Ok(Started::Accepted(Box::new(view))),
        FrontAnswer::Refused { code, detail } => Ok(Started::Refused { code, detail }),
        FrontAnswer::Overloaded => Err(HttpError::Busy),
        FrontAnswer::NotNow { why } => Err(HttpError::NotNow { why }),
        _ => Err(HttpError::Unexpected),
    }
}

/// A webhook that the caller may name, and that there is.
pub(super) fn checked_webhook(
    api: &Api,
    caller: &Caller,
    name: Option<String>,
) -> Result<Option<String>, HttpError> {
    match name {
        None => Ok(None),
        Some(_) if !caller.advanced => Err(HttpError::Forbidden(Closed::Webhooks)),
        Some(name) if api.webhooks.contains(&name) => Ok(Some(name)),
        Some(name) => Err(HttpError::UnknownWebhook { name }),
    }
}

/// The networks that a request is about: those asked for (names with commas between), of those that the
/// caller may ask for, of those that there are. All of the latter are the same as no choice.
pub(super) fn chosen_networks(
    api: &Api,
    caller: &Caller,
    asked: Option<&str>,
) -> Result<Networks, HttpError> {
    let bad = |why: String| HttpError::BadRequest { why: format!("networks: {why}") };
    let asked = asked.map(Networks::from_names).transpose().map_err(bad)?.unwrap_or_default();
    let Some(allowed) = caller.networks.that_are_in(&api.networks) else {
        return Err(bad(format!(
            "the key is for {}, this server searches {}",
            caller.networks, api.networks
        )));
    };
    match asked.that_are_in(&allowed) {
        Some(chosen) if chosen == api.networks => Ok(Networks::default()),
        Some(chosen) => Ok(chosen),
        None => Err(bad(format!("{asked} cannot be searched here, only {allowed}"))),
    }
}

/// Start a query for an artwork's page, or see where it is
///
/// Ask again until `status` is `END`, once a second at most, or follow `/query/events`. The URL need not
/// be percent-encoded when it is the last parameter.
#[utoipa::path(
    get, path = "/query", tag = "queries",
    params(
        ("url" = String, Query, description = "Address of the artwork's page, 256 characters at most",
            example = json!("https://www.artstation.com/artwork/70013")),
        ("networks" = Option<String>, Query,
            description = "Only the artist's accounts on these: twitter, bluesky, mastodon, with commas between; \
                before `url`",
            example = json!("bluesky,mastodon")),
        ("webhook" = Option<String>, Query,
            description = "The webhook that gets the final answer; before `url`"),
    ),
    responses(
        (status = 200, body = Answer, description = "The state of the query, or `error`"),
        (status = 400, body = ErrorBody), (status = 403, body = ErrorBody),
        (status = 429, body = ErrorBody), (status = 503, body = ErrorBody),
    )
)]
pub(super) async fn query_get(
    State(api): State<Arc<Api>>,
    Extension(caller): Extension<Caller>,
    RawQuery(query): RawQuery,
) -> Result<Response, HttpError> {
    let query = query.unwrap_or_default();
    answer_query(&api, &caller, url_parameter::from_query_string(&query), &query).await
}

/// The same with the URL in the body
#[utoipa::path(
    post, path = "/query", tag = "queries",
    params(
        ("networks" = Option<String>, Query,
            description = "Only the artist's accounts on these, with commas between",
            example = json!("bluesky,mastodon")),
        ("webhook" = Option<String>, Query, description = "The webhook that gets the final answer"),
    ),
    request_body(description = "The URL, or a form with `url`", content(
        (String = "text/plain", example = json!("https://www.artstation.com/artwork/70013")),
        (QueryForm = "application/x-www-form-urlencoded"),
    )),
    responses(
        (status = 200, body = Answer),
        (status = 400, body = ErrorBody), (status = 403, body = ErrorBody), (status = 413, body = ErrorBody),
        (status = 429, body = ErrorBody), (status = 503, body = ErrorBody),
    )
)]
pub(super) async fn query_post(
    State(api): State<Arc<Api>>,
    Extension(caller): Extension<Caller>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, HttpError> {
    let body = body::read(&headers, body, MAX_URL_BODY_BYTES, URL_BODY_DEADLINE).await?;
    answer_query(&api, &caller, url_parameter::from_body(&body), &query.unwrap_or_default()).await
}

async fn answer_query(
    api: &Api,
    caller: &Caller,
    url: Result<String, FailureCode>,
    query: &str,
) -> Result<Response, HttpError> {
    let webhook = checked_webhook(api, caller, url_parameter::named_before_url(query, "webhook"))?;
    let networks =
        chosen_networks(api, caller, url_parameter::named_before_url(query, "networks").as_deref())?;
    let url = match url {
        Ok(url) => url,
        Err(code) => return Ok(Json(Started::from(code).answer()).into_response()),
    };
    api.count(caller, RateClass::Query)?;
    let now = (api.now)();
    // No URL holds a line break.
    let asked =
        if networks.are_all() { Cow::Borrowed(&url) } else { Cow::Owned(format!("{networks}\n{url}")) };
    if webhook.is_none()
        && let Some(answer) = api.finished.get(&asked, now)
    {
        return Ok(json_response(answer));
    }
    let started = ask_query(api, caller, url.clone(), networks, webhook).await?;
    let answer = started.answer();
    let json = Bytes::from(serde_json::to_vec(&answer).expect("an answer has only string keys"));
    if answer.status == Some(QueryStatus::End.as_str()) {
        api.finished.keep(&asked, json.clone(), now);
    }
    Ok(json_response(json))
}

fn json_response(json: Bytes) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], json).into_response()
}
