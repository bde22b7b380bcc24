//! `/verdicts`: what people say of accounts and pictures, for API keys that may.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::{Extension, Path, RawQuery, State};
use axum::http::HeaderMap;

use super::body::{self, JSON_DEADLINE};
use super::caller::Caller;
use super::error::{Closed, HttpError};
use super::state::Api;
use super::url_parameter;
use crate::api::errors::ErrorBody;
use crate::api::verdicts::{VerdictAnswer, VerdictLine, VerdictRequest, VerdictsList, cursor_named};
use crate::domain::verdicts::{Kind, VerdictId};
use crate::proto::front::{FrontAnswer, FrontQuestion, Saying, VerdictOrder, VerdictsAnswer};

/// A page, a post and a reason, each as long as it may be.
const MAX_BODY_BYTES: usize = 16 * 1024;

/// List what people say of accounts and pictures
///
/// Newest first, at most 50 at a time. Only for API keys that may (`verdicts = true`).
#[utoipa::path(
    get, path = "/verdicts", tag = "verdicts",
    params(("before" = Option<String>, Query, pattern = "^-?[0-9]+-[0-9a-f]{16}$",
        description = "The `next` of an answer: those that were said before",
        example = json!("1790000000000-0123456789abcdef"))),
    responses(
        (status = 200, body = VerdictsList),
        (status = 400, body = ErrorBody), (status = 403, body = ErrorBody), (status = 429, body = ErrorBody),
        (status = 503, body = ErrorBody),
    )
)]
pub(super) async fn verdicts_get(
    State(api): State<Arc<Api>>,
    Extension(caller): Extension<Caller>,
    RawQuery(query): RawQuery,
) -> Result<Json<VerdictsList>, HttpError> {
    permit(&api, &caller)?;
    let before = url_parameter::named(&query.unwrap_or_default(), "before");
    let before = before
        .map(|text| {
            let why = || "before: give the \"next\" of an earlier answer as it stands there".to_owned();
            cursor_named(&text).ok_or_else(|| HttpError::BadRequest { why: why() })
        })
        .transpose()?;
    match ask(&api, VerdictOrder::List { before }).await? {
        VerdictsAnswer::List { verdicts, more } => Ok(Json(VerdictsList::of(&verdicts, more))),
        _ => Err(HttpError::Unexpected),
    }
}

/// Say whose an account is, or whether two pictures are the same
///
/// It passes before every rule, for the page that it names: `artist` adds an account, `not_artist` leaves one
/// out, `different` leaves a post out, `same` puts it first. Answers show it where it acts. Verdicts that
/// contradict each other are both kept, and none of them acts. A query that runs takes it into account from
/// its next step on; whoever asks for the page afterwards begins it anew. Only for API keys that may
/// (`verdicts = true`); the name of the key is kept with it.
#[utoipa::path(
    post, path = "/verdicts", tag = "verdicts",
    request_body(content = VerdictRequest, example = json!({
        "verdict": "not_artist", "account": "twitter:12", "page": "https://www.artstation.com/artwork/70013",
        "why": "It reposts everybody.",
    })),
    responses(
        (status = 200, body = VerdictAnswer, description = "It is kept, or was said before"),
        (status = 400, body = ErrorBody), (status = 403, body = ErrorBody), (status = 413, body = ErrorBody),
        (status = 415, body = ErrorBody), (status = 429, body = ErrorBody), (status = 503, body = ErrorBody),
    )
)]
pub(super) async fn verdicts_post(
    State(api): State<Arc<Api>>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<VerdictAnswer>, HttpError> {
    let who = permit(&api, &caller)?;
    let wanted: VerdictRequest = body::read_json(&headers, body, MAX_BODY_BYTES, JSON_DEADLINE).await?;
    let saying = saying(wanted).map_err(|why| HttpError::BadRequest { why: why.to_owned() })?;
    match ask(&api, VerdictOrder::Say { who, saying }).await? {
        VerdictsAnswer::Said { verdict, is_new, against } => Ok(Json(VerdictAnswer {
            verdict: VerdictLine::from(&verdict),
            new: is_new,
            conflicts: against.iter().map(VerdictLine::from).collect(),
        })),
        _ => Err(HttpError::Unexpected),
    }
}

/// Take back what was said
///
/// What others say stays. Only for API keys that may (`verdicts = true`), whoever said it.
#[utoipa::path(
    delete, path = "/verdicts/{id}", tag = "verdicts",
    params(("id" = String, Path, description = "The `id` of a verdict")),
    responses(
        (status = 200, body = VerdictAnswer, description = "What was taken back"),
        (status = 403, body = ErrorBody), (status = 404, body = ErrorBody), (status = 429, body = ErrorBody),
        (status = 503, body = ErrorBody),
    )
)]
pub(super) async fn verdict_delete(
    State(api): State<Arc<Api>>,
    Extension(caller): Extension<Caller>,
    Path(named): Path<String>,
) -> Result<Json<VerdictAnswer>, HttpError> {
    permit(&api, &caller)?;
    let Some(id) = VerdictId::parse(&named) else { return Err(HttpError::NoVerdict { id: named }) };
    match ask(&api, VerdictOrder::Remove { id }).await? {
        VerdictsAnswer::Removed(verdict) => {
            let verdict = VerdictLine::from(&verdict);
            Ok(Json(VerdictAnswer { verdict, new: false, conflicts: Vec::new() }))
        }
        VerdictsAnswer::Unknown => Err(HttpError::NoVerdict { id: named }),
        _ => Err(HttpError::Unexpected),
    }
}

/// The name of the key, if it may.
fn permit(api: &Api, caller: &Caller) -> Result<String, HttpError> {
    api.count_key(caller, caller.verdicts, Closed::Verdicts)
}

fn saying(wanted: VerdictRequest) -> Result<Saying, &'static str> {
    let VerdictRequest { verdict, account, post, image, page, why } = wanted;
    match (verdict, account, post) {
        (kind @ (Kind::Artist | Kind::NotArtist), Some(account), None) => {
            Ok(Saying::Account { account, is_artists: kind == Kind::Artist, page, why })
        }
        (kind @ (Kind::Same | Kind::Different), None, Some(post)) => {
            let page = page.ok_or("page: give the address of the artwork's page")?;
            Ok(Saying::Picture { page, post, image, is_same: kind == Kind::Same, why })
        }
        (Kind::Artist | Kind::NotArtist, ..) => {
            Err("artist and not_artist are about an account: give account, and no post")
        }
        (Kind::Same | Kind::Different, ..) => {
            Err("same and different are about a post: give post, and no account")
        }
    }
}

/// Keeps what somebody says, from the page.
pub(super) async fn say(api: &Api, who: String, saying: Saying) -> Result<(), HttpError> {
    ask(api, VerdictOrder::Say { who, saying }).await.map(drop)
}

async fn ask(api: &Api, order: VerdictOrder) -> Result<VerdictsAnswer, HttpError> {
    match api.ask(FrontQuestion::Verdicts(order), None).await? {
        FrontAnswer::Verdicts(VerdictsAnswer::Wrong { why }) => Err(HttpError::BadRequest { why }),
        FrontAnswer::Verdicts(answer) => Ok(answer),
        FrontAnswer::NotNow { why } => Err(HttpError::NotNow { why }),
        _ => Err(HttpError::Unexpected),
    }
}
