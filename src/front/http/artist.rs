//! `GET /artist`: who made an artwork, and nothing more. The page starts its queries for the artist here too.

use std::sync::Arc;

use axum::extract::{Extension, RawQuery, State};
use axum::response::Response;
use bytes::Bytes;

use super::caller::Caller;
use super::error::HttpError;
use super::limits::RateClass;
use super::query::{CreditForm, Started, chosen_networks, credit_comes_later, json_response, started_by};
use super::state::Api;
use super::url_parameter;
use crate::api::artist::ArtistAnswer;
use crate::api::credit::credit_of_artist;
use crate::api::errors::ErrorBody;
use crate::base::ids::Networks;
use crate::proto::front::FrontQuestion;

/// Find the artist of an artwork, without looking for posts
///
/// The accounts to which the artwork's page leads, each with the reason and with what its network says of it,
/// those that are left out, and the artist's other pages. Nothing is scanned, searched or indexed. Ask again
/// until `status` is `END`, once a second at most. A query for the posts that knows the accounts answers at
/// once.
#[utoipa::path(
    get, path = "/artist", tag = "queries",
    params(
        ("url" = String, Query, description = "Address of the artwork's page, 256 characters at most",
            example = json!("https://www.artstation.com/artwork/70013")),
        ("resolve" = Option<bool>, Query,
            description = "0: the accounts are not looked up with their networks, which costs nothing; before `url`"),
        ("networks" = Option<String>, Query, pattern = "^(twitter|bluesky|mastodon|misskey)(,(twitter|bluesky|mastodon|misskey))*$",
            description = "Only the artist's accounts on these, with commas between; before `url`",
            example = json!("bluesky,mastodon")),
    ),
    responses(
        (status = 200, body = ArtistAnswer, description = "What is known of the artist, or `error`"),
        (status = 400, body = ErrorBody), (status = 403, body = ErrorBody),
        (status = 429, body = ErrorBody), (status = 503, body = ErrorBody),
    )
)]
pub(super) async fn artist(
    State(api): State<Arc<Api>>,
    Extension(caller): Extension<Caller>,
    RawQuery(query): RawQuery,
) -> Result<Response, HttpError> {
    let query = query.unwrap_or_default();
    let resolve = resolve_in(&query)?;
    let networks = url_parameter::named_before_url(&query, "networks");
    let networks = chosen_networks(&api, &caller, networks.as_deref())?;
    let credit = CreditForm::of(&query)?;
    let url = match url_parameter::from_query_string(&query) {
        Ok(url) => url,
        Err(code) => {
            let answer = ArtistAnswer::refused(code, String::new(), resolve);
            return Ok(json_response(to_json(&answer)));
        }
    };
    api.count(&caller, RateClass::Query)?;
    let now = (api.now)();
    // The URL is last: what strangers put into it may hold anything.
    let asked = format!("artist\n{networks}\n{resolve}\n{url}");
    if credit.is_none()
        && let Some(answer) = api.finished.get(&asked, now)
    {
        return Ok(json_response(answer));
    }
    let started = ask_artist(&api, &caller, url.clone(), networks, resolve).await?;
    let answer = match &started {
        Started::Accepted(view) => ArtistAnswer::of(view, resolve),
        Started::Refused { code, detail } => ArtistAnswer::refused(*code, detail.clone(), resolve),
    };
    match credit {
        Some(_) if !answer.is_final() => Ok(credit_comes_later()),
        Some(form) => {
            let error = answer.error.map(|code| (code, answer.error_detail.as_str()));
            form.respond(&api, &caller, &credit_of_artist(&answer, &url), error)
        }
        None => {
            let json = to_json(&answer);
            if started.has_ended() {
                api.finished.keep(&asked, json.clone(), now);
            }
            Ok(json_response(json))
        }
    }
}

/// Starts the query for the artist, or joins the one there is. The request has been counted.
pub(super) async fn ask_artist(
    api: &Api,
    caller: &Caller,
    url: String,
    networks: Networks,
    resolve: bool,
) -> Result<Started, HttpError> {
    let question = FrontQuestion::Artist { url, client: caller.client(), networks, resolve };
    started_by(api, question).await
}

/// Whether accounts are to be looked up. It may cost money, so that nothing is guessed.
fn resolve_in(query: &str) -> Result<bool, HttpError> {
    match url_parameter::named_before_url(query, "resolve").as_deref() {
        None | Some("1" | "true" | "yes") => Ok(true),
        Some("0" | "false" | "no") => Ok(false),
        Some(other) => {
            let why = format!(
                "resolve: {other:?} is neither 0 (accounts as the pages name them, which costs nothing) nor 1 \
                 (looked up with their networks)"
            );
            Err(HttpError::BadRequest { why })
        }
    }
}

fn to_json(answer: &ArtistAnswer) -> Bytes {
    Bytes::from(serde_json::to_vec(answer).expect("an answer has only string keys"))
}
