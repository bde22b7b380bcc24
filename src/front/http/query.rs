//! `GET` and `POST /query`: start a query for an artwork's page, or see where it is. The other ways to ask
//! (the page, event streams, batches) start their queries here too.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::body::Body;
use axum::extract::{Extension, RawQuery, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;

use super::body;
use super::caller::Caller;
use super::error::{Closed, HttpError};
use super::limits::RateClass;
use super::state::Api;
use super::texts::Language;
use super::url_parameter::{self, MAX_URL_BODY_BYTES};
use crate::api::answers::Answer;
use crate::api::credit::credit_of;
use crate::api::errors::ErrorBody;
use crate::api::requests::QueryForm;
use crate::base::ids::Networks;
use crate::domain::credit::{Credit, Markup, Template};
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

    /// Whether no posts are looked for.
    pub(super) fn is_about_artist_alone(&self) -> bool {
        matches!(self, Started::Accepted(view) if view.wanted.is_artist())
    }

    pub(super) fn has_ended(&self) -> bool {
        matches!(self, Started::Accepted(view) if view.status == QueryStatus::End)
    }

    /// For who wants no more than the first post that shows the artwork: with it, the query has ended.
    pub(super) fn at_first_hit(self) -> Started {
        match self {
            Started::Accepted(view) => Started::Accepted(Box::new(view.at_first_hit())),
            refused @ Started::Refused { .. } => refused,
        }
    }
}

impl From<FailureCode> for Started {
    fn from(code: FailureCode) -> Started {
        Started::Refused { code, detail: String::new() }
    }
}

/// Which of the artist's accounts a query is about, and how much of them.
#[derive(Clone, Debug)]
pub(super) struct Choice {
    pub networks: Networks,
    /// They are to be scanned whole before it is answered.
    pub whole: bool,
}

impl Choice {
    /// As the parameters before the URL say.
    pub(super) fn of(api: &Api, caller: &Caller, query: &str) -> Result<Choice, HttpError> {
        let networks = url_parameter::named_before_url(query, "networks");
        let networks = chosen_networks(api, caller, networks.as_deref())?;
        Ok(Choice { networks, whole: is_set(query, "whole") })
    }
}

/// Whether a switch among the parameters before the URL is on.
pub(super) fn is_set(query: &str, name: &str) -> bool {
    url_parameter::named_before_url(query, name).is_some_and(|value| body::is_yes(&value))
}

/// Starts the query for `url`, or joins the one there is. A request without a usable URL costs
/// nothing and is not counted: clients ask without one to see whether a server is there.
pub(super) async fn start_query(
    api: &Api,
    caller: &Caller,
    url: Result<String, FailureCode>,
    choice: Choice,
    class: RateClass,
) -> Result<Started, HttpError> {
    match url {
        Ok(url) => {
            api.count(caller, class)?;
            ask_query(api, caller, url, choice, None).await
        }
        Err(code) => Ok(code.into()),
    }
}

/// The same for a request that has been counted.
pub(super) async fn ask_query(
    api: &Api,
    caller: &Caller,
    url: String,
    choice: Choice,
    webhook: Option<String>,
) -> Result<Started, HttpError> {
    let Choice { networks, whole } = choice;
    let question = FrontQuestion::Query { url, client: caller.client(), networks, whole, webhook };
    started_by(api, question).await
}

/// What became of a question that starts a query.
pub(super) async fn started_by(api: &Api, question: FrontQuestion) -> Result<Started, HttpError> {
    match api.ask(question, None).await? {
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
        ("networks" = Option<String>, Query, pattern = "^(twitter|bluesky|mastodon|misskey)(,(twitter|bluesky|mastodon|misskey))*$",
            description = "Only the artist's accounts on these: twitter, bluesky, mastodon, misskey, with commas between; \
                before `url`",
            example = json!("bluesky,mastodon")),
        ("whole" = Option<bool>, Query,
            description = "1: the artist's accounts are scanned whole before the answer, not only around the \
                artwork's date; before `url`"),
        ("first" = Option<bool>, Query,
            description = "1: the answer is `END` with the first post that shows the artwork itself, though more \
                may be found; before `url`"),
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
        ("networks" = Option<String>, Query, pattern = "^(twitter|bluesky|mastodon|misskey)(,(twitter|bluesky|mastodon|misskey))*$",
            description = "Only the artist's accounts on these, with commas between",
            example = json!("bluesky,mastodon")),
        ("whole" = Option<bool>, Query,
            description = "1: the artist's accounts are scanned whole before the answer, not only around the \
                artwork's date"),
        ("first" = Option<bool>, Query,
            description = "1: the answer is `END` with the first post that shows the artwork itself, though more \
                may be found"),
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

/// The credit for an artwork, as text to copy
///
/// The posts that show the artwork, then the artist's links, and nothing else. Starts the query as `GET
/// /query` does; ask again until it is no 202. `/query` with `format=credit` answers the same: the two are
/// described apart, so that what is generated from this description knows the type of each answer.
#[utoipa::path(
    get, path = "/credit", tag = "queries",
    params(
        ("url" = String, Query, description = "Address of the artwork's page, 256 characters at most",
            example = json!("https://www.artstation.com/artwork/70013")),
        ("markup" = Option<String>, Query, pattern = "^(plain|markdown|html)$",
            description = "How the credit is marked up; before `url`"),
        ("lang" = Option<String>, Query, pattern = "^(en|fr)$",
            description = "The language of the credit; before `url`"),
        ("networks" = Option<String>, Query, pattern = "^(twitter|bluesky|mastodon|misskey)(,(twitter|bluesky|mastodon|misskey))*$",
            description = "Only the artist's accounts on these: twitter, bluesky, mastodon, misskey, with commas between; \
                before `url`",
            example = json!("bluesky,mastodon")),
        ("whole" = Option<bool>, Query,
            description = "1: the artist's accounts are scanned whole before the answer, not only around the \
                artwork's date; before `url`"),
        ("first" = Option<bool>, Query,
            description = "1: the answer is `END` with the first post that shows the artwork itself, though more \
                may be found; before `url`"),
    ),
    responses(
        (status = 200, body = String, content_type = "text/plain"),
        (status = 202, body = String, content_type = "text/plain", description = "The search goes on"),
        (status = 400, body = ErrorBody), (status = 403, body = ErrorBody),
        (status = 404, body = ErrorBody, description = "Nobody to credit"),
        (status = 429, body = ErrorBody), (status = 503, body = ErrorBody),
    )
)]
pub(super) async fn credit_get(
    State(api): State<Arc<Api>>,
    Extension(caller): Extension<Caller>,
    RawQuery(query): RawQuery,
) -> Result<Response, HttpError> {
    let query = query.unwrap_or_default();
    let form = CreditForm::marked_up(&query)?;
    answer_with(&api, &caller, url_parameter::from_query_string(&query), &query, Some(form)).await
}

async fn answer_query(
    api: &Api,
    caller: &Caller,
    url: Result<String, FailureCode>,
    query: &str,
) -> Result<Response, HttpError> {
    answer_with(api, caller, url, query, CreditForm::of(query)?).await
}

/// Answers about the query: its credit, or all of it.
async fn answer_with(
    api: &Api,
    caller: &Caller,
    url: Result<String, FailureCode>,
    query: &str,
    credit: Option<CreditForm>,
) -> Result<Response, HttpError> {
    let webhook = checked_webhook(api, caller, url_parameter::named_before_url(query, "webhook"))?;
    let choice = Choice::of(api, caller, query)?;
    let url = match url {
        Ok(url) => url,
        Err(code) if credit.is_some() => {
            return Err(HttpError::BadRequest { why: code.explanation().to_owned() });
        }
        Err(code) => return Ok(Json(Started::from(code).answer()).into_response()),
    };
    api.count(caller, RateClass::Query)?;
    if let Some(form) = credit {
        let started = ask_query(api, caller, url.clone(), choice, webhook).await?;
        let started = if is_set(query, "first") { started.at_first_hit() } else { started };
        let answer = started.answer();
        if !answer.is_final() {
            return Ok(credit_comes_later());
        }
        let error = answer.error.map(|code| (code, answer.error_detail.as_str()));
        return form.respond(api, caller, &credit_of(&answer, Some(&url)), error);
    }
    let now = (api.now)();
    // The URL is last: what strangers put into it may hold anything.
    let asked = format!("query\n{}\n{}\n{url}", choice.networks, choice.whole);
    if webhook.is_none()
        && let Some(answer) = api.finished.get(&asked, now)
    {
        return Ok(json_response(answer));
    }
    let started = ask_query(api, caller, url.clone(), choice, webhook).await?;
    let has_ended = started.has_ended();
    let started = if is_set(query, "first") { started.at_first_hit() } else { started };
    let json = Bytes::from(serde_json::to_vec(&started.answer()).expect("an answer has only string keys"));
    if has_ended {
        api.finished.keep(&asked, json.clone(), now);
    }
    Ok(json_response(json))
}

/// A credit is asked for instead of the answer.
pub(super) struct CreditForm {
    markup: Markup,
    language: Language,
}

impl CreditForm {
    /// `None` where the answer itself is asked for.
    pub(super) fn of(query: &str) -> Result<Option<CreditForm>, HttpError> {
        match url_parameter::named_before_url(query, "format").as_deref() {
            None | Some("json") => Ok(None),
            Some("credit") => CreditForm::marked_up(query).map(Some),
            Some(other) => {
                Err(HttpError::BadRequest { why: format!("format: {other:?} is none of json, credit") })
            }
        }
    }

    fn marked_up(query: &str) -> Result<CreditForm, HttpError> {
        let value = |name| url_parameter::named_before_url(query, name);
        let bad = |why: String| HttpError::BadRequest { why };
        let markup = value("markup").map_or(Ok(Markup::default()), |name| name.parse());
        let language = value("lang").unwrap_or_else(|| Language::English.code().to_owned());
        let known = Language::from_code(&language);
        Ok(CreditForm {
            markup: markup.map_err(|why| bad(format!("markup: {why}")))?,
            language: known.ok_or_else(|| bad(format!("lang: {language:?} is none of en, fr")))?,
        })
    }

    /// The credit that a final answer gives, and 404 with the answer's error where it names nobody.
    pub(super) fn respond(
        &self,
        api: &Api,
        caller: &Caller,
        credit: &Credit,
        error: Option<(&str, &str)>,
    ) -> Result<Response, HttpError> {
        if credit.is_empty() {
            return Err(match error {
                // As soon as an earlier query has ended.
                Some(("YOUR_IP_HAS_MAX_PROCESSING_REQUESTS", detail)) => {
                    HttpError::NotNow { why: detail.to_owned() }
                }
                Some((code, detail)) => {
                    HttpError::NobodyToCredit { why: format!("nobody to credit: {code}: {detail}") }
                }
                None => HttpError::NobodyToCredit {
                    why: "nobody to credit: neither a post nor a page of the artist's is known".to_owned(),
                },
            });
        }
        let own = api.own_credit(caller, self.markup);
        let template = Template::or_built_in(own, self.markup, self.language.code());
        // Always plain: it is text to copy, and no page of this server.
        Ok(template.fill(credit, self.markup).into_response())
    }
}

/// There is no credit before the end.
pub(super) fn credit_comes_later() -> Response {
    let wait = [(header::RETRY_AFTER, "1")];
    (StatusCode::ACCEPTED, wait, "The search goes on: ask again.\n").into_response()
}

pub(super) fn json_response(json: Bytes) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], json).into_response()
}
