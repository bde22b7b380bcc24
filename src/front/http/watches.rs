//! `/watches`: artists whose new posts somebody wants to hear of, for API keys that may.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::{Extension, Path, RawQuery, State};
use axum::http::HeaderMap;

use super::body::{self, JSON_DEADLINE};
use super::caller::Caller;
use super::error::{Closed, HttpError};
use super::query::chosen_networks;
use super::state::Api;
use super::url_parameter;
use crate::api::errors::ErrorBody;
use crate::api::watches::{BegunWatch, WatchAnswer, WatchRequest, WatchesList};
use crate::domain::watches::WatchId;
use crate::front::watch_ids::new_watch_id;
use crate::proto::front::{FrontAnswer, FrontQuestion, WatchOrder, WatchesAnswer};

/// A subject and a name, each as long as it may be.
const MAX_BODY_BYTES: usize = 8 * 1024;

/// List the artists that are watched with this key
///
/// Only for API keys that may (`watches = true`).
#[utoipa::path(
    get, path = "/watches", tag = "watches",
    params(("after" = Option<String>, Query, pattern = "^[0-9a-f]{32}$",
        description = "The `next` of an answer: those that follow",
        example = json!("0123456789abcdef0123456789abcdef"))),
    responses(
        (status = 200, body = WatchesList),
        (status = 400, body = ErrorBody), (status = 403, body = ErrorBody), (status = 429, body = ErrorBody),
        (status = 503, body = ErrorBody),
    )
)]
pub(super) async fn watches_get(
    State(api): State<Arc<Api>>,
    Extension(caller): Extension<Caller>,
    RawQuery(query): RawQuery,
) -> Result<Json<WatchesList>, HttpError> {
    let who = permit(&api, &caller)?;
    let after = url_parameter::named(&query.unwrap_or_default(), "after");
    let after = after
        .map(|text| {
            let why = || "after: give the \"next\" of an earlier answer as it stands there".to_owned();
            WatchId::parse(&text).ok_or_else(|| HttpError::BadRequest { why: why() })
        })
        .transpose()?;
    match ask(&api, WatchOrder::List { who: Some(who), after }).await? {
        WatchesAnswer::List { watches, more } => Ok(Json(WatchesList::of(&watches, more))),
        _ => Err(HttpError::Unexpected),
    }
}

/// Watch an artist: hear of new posts
///
/// The accounts are listed again and again, within the server's budget, and what is new comes out as an Atom feed,
/// as a stream of events and, where one is named, at a webhook. Of an artwork's page, the accounts of its artist are
/// watched on all networks. The same again by the same key is one watch. Only for API keys that may
/// (`watches = true`).
#[utoipa::path(
    post, path = "/watches", tag = "watches",
    request_body(content = WatchRequest,
        example = json!({ "subject": "https://www.artstation.com/artwork/70013" })),
    responses(
        (status = 200, body = BegunWatch, description = "It is kept, or was there before"),
        (status = 400, body = ErrorBody), (status = 403, body = ErrorBody), (status = 413, body = ErrorBody),
        (status = 415, body = ErrorBody), (status = 429, body = ErrorBody), (status = 503, body = ErrorBody),
    )
)]
pub(super) async fn watches_post(
    State(api): State<Arc<Api>>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<BegunWatch>, HttpError> {
    let who = permit(&api, &caller)?;
    let WatchRequest { subject, webhook } =
        body::read_json(&headers, body, MAX_BODY_BYTES, JSON_DEADLINE).await?;
    if let Some(name) = webhook.as_ref().filter(|name| !api.webhooks.contains(name)) {
        return Err(HttpError::UnknownWebhook { name: name.clone() });
    }
    // What the key is about, of what this server searches.
    let networks = chosen_networks(&api, &caller, None)?;
    match ask(&api, WatchOrder::Begin { id: new_watch_id(), who, subject, networks, webhook }).await? {
        WatchesAnswer::Begun { watch, is_new } => {
            Ok(Json(BegunWatch { watch: WatchAnswer::from(&watch), new: is_new }))
        }
        _ => Err(HttpError::Unexpected),
    }
}

/// Watch an artist no longer
///
/// Its feed is gone with it. What is indexed stays. Only for API keys that may (`watches = true`), and only their
/// own.
#[utoipa::path(
    delete, path = "/watches/{id}", tag = "watches",
    params(("id" = String, Path, description = "The `id` of a watch")),
    responses(
        (status = 200, body = WatchAnswer, description = "What was ended"),
        (status = 403, body = ErrorBody), (status = 404, body = ErrorBody), (status = 429, body = ErrorBody),
        (status = 503, body = ErrorBody),
    )
)]
pub(super) async fn watch_delete(
    State(api): State<Arc<Api>>,
    Extension(caller): Extension<Caller>,
    Path(named): Path<String>,
) -> Result<Json<WatchAnswer>, HttpError> {
    let who = permit(&api, &caller)?;
    let Some(id) = WatchId::parse(&named) else { return Err(HttpError::NoWatch { id: named }) };
    match ask(&api, WatchOrder::End { who: Some(who), id }).await? {
        WatchesAnswer::Ended(watch) => Ok(Json(WatchAnswer::of(&watch))),
        WatchesAnswer::Unknown => Err(HttpError::NoWatch { id: named }),
        _ => Err(HttpError::Unexpected),
    }
}

/// The name of the key, if it may.
fn permit(api: &Api, caller: &Caller) -> Result<String, HttpError> {
    api.count_key(caller, caller.watches, Closed::Watches)
}

async fn ask(api: &Api, order: WatchOrder) -> Result<WatchesAnswer, HttpError> {
    match api.ask(FrontQuestion::Watches(order), None).await? {
        FrontAnswer::Watches(WatchesAnswer::Wrong { why }) => Err(HttpError::BadRequest { why }),
        FrontAnswer::Watches(answer) => Ok(answer),
        FrontAnswer::NotNow { why } => Err(HttpError::NotNow { why }),
        _ => Err(HttpError::Unexpected),
    }
}
