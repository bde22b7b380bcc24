//! `GET /query/events`: the answer of `/query`, pushed at each change until the end. The streams of searches
//! and of the page are made here too.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Extension, RawQuery, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream::{self, Stream};
use serde::Serialize;
use tokio::sync::{OwnedSemaphorePermit, watch};

use super::caller::Caller;
use super::error::HttpError;
use super::handed_on;
use super::limits::RateClass;
use super::query::{Choice, Started, is_set, start_query};
use super::state::Api;
use super::url_parameter;
use crate::api::answers::Answer;
use crate::api::errors::ErrorBody;
use crate::front::stopping::until_stopped;
use crate::proto::view::{QueryStatus, QueryView};

/// Comments sent in silence: proxies keep the connection, and a dead client is noticed.
pub(super) const HEARTBEAT: Duration = Duration::from_secs(15);

/// Follow a query: its answer, pushed at each change until the end
///
/// Server-sent events. Each event is the JSON of the answer, with the state's version as its id. The stream
/// is closed after the final one. A browser connects again by itself after any closing: with the final
/// version as `Last-Event-ID` it is told by 204 that nothing will follow.
#[utoipa::path(
    get, path = "/query/events", tag = "queries",
    params(
        ("url" = String, Query, description = "Address of the artwork's page",
            example = json!("https://www.artstation.com/artwork/70013")),
        ("networks" = Option<String>, Query, pattern = "^(twitter|bluesky|mastodon|misskey)(,(twitter|bluesky|mastodon|misskey))*$",
            description = "Only the artist's accounts on these, with commas between; before `url`",
            example = json!("bluesky,mastodon")),
        ("whole" = Option<bool>, Query,
            description = "1: the artist's accounts are scanned whole before the answer; before `url`"),
        ("first" = Option<bool>, Query,
            description = "1: the stream ends with the first post that shows the artwork itself; before `url`"),
        ("Last-Event-ID" = Option<String>, Header, description = "The last version that was heard"),
    ),
    responses(
        (status = 200, body = Answer, content_type = "text/event-stream",
            description = "Each event is the JSON of this answer"),
        (status = 204, description = "The final version was heard: nothing will follow"),
        (status = 400, body = ErrorBody), (status = 403, body = ErrorBody),
        (status = 429, body = ErrorBody), (status = 503, body = ErrorBody),
    )
)]
pub(super) async fn query_events(
    State(api): State<Arc<Api>>,
    Extension(caller): Extension<Caller>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, HttpError> {
    let place = place(&api)?;
    let query = query.unwrap_or_default();
    let url = url_parameter::from_query_string(&query);
    let choice = Choice::of(&api, &caller, &query)?;
    let started = start_query(&api, &caller, url, choice, RateClass::Events).await?;
    let until = if is_set(&query, "first") { Until::FirstHit } else { Until::End };
    Ok(follow(&api, started, &headers, place, until, Box::new(event_of)))
}

/// A place among the streams that may be open at the same time.
pub(super) fn place(api: &Api) -> Result<OwnedSemaphorePermit, HttpError> {
    api.streams.clone().try_acquire_owned().map_err(|_| HttpError::Busy)
}

/// What ends a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Until {
    End,
    /// The first post that shows the artwork itself, or the end.
    FirstHit,
}

/// How a state is written into an event.
pub(super) type Write = Box<dyn Fn(&Started) -> Event + Send>;

/// The stream of what was started, from the first state that the client has not heard yet to the end.
pub(super) fn follow(
    api: &Api,
    started: Started,
    headers: &HeaderMap,
    place: OwnedSemaphorePermit,
    until: Until,
    write: Write,
) -> Response {
    let started = if until == Until::FirstHit { started.at_first_hit() } else { started };
    let seen: Option<u64> =
        headers.get("last-event-id").and_then(|value| value.to_str().ok()?.trim().parse().ok());
    if let Started::Accepted(view) = &started
        && view.status == QueryStatus::End
        && seen == Some(view.version)
    {
        return StatusCode::NO_CONTENT.into_response();
    }
    let watched = match &started {
        Started::Accepted(view) if view.status != QueryStatus::End => {
            let mut watched = api.broker.follow(view.query);
            watched.mark_changed(); // what is there already counts too
            Some(watched)
        }
        Started::Accepted(_) | Started::Refused { .. } => None,
    };
    let stopped = api.stopped.clone();
    let is_public = api.http.public;
    let pushed =
        Pushed { first: Some(started), seen, watched, until, is_public, write, stopped, _place: place };
    let keep_alive = KeepAlive::new().interval(HEARTBEAT).text("heartbeat");
    let mut response = Sse::new(pushed.into_stream()).keep_alive(keep_alive).into_response();
    // Known to reverse proxies: pass events on at once.
    response.headers_mut().insert("x-accel-buffering", HeaderValue::from_static("no"));
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

struct Pushed {
    /// What the broker answered, sent first.
    first: Option<Started>,
    /// The version that the client has.
    seen: Option<u64>,
    /// `None` once nothing more will come.
    watched: Option<watch::Receiver<Option<QueryView>>>,
    until: Until,
    /// Strangers hear of it: see `handed_on.rs`.
    is_public: bool,
    write: Write,
    stopped: watch::Receiver<bool>,
    _place: OwnedSemaphorePermit,
}

impl Pushed {
    fn into_stream(self) -> impl Stream<Item = Result<Event, Infallible>> {
        stream::unfold(self, |mut pushed| async move {
            let event = pushed.next().await?;
            Some((Ok(event), pushed))
        })
    }

    async fn next(&mut self) -> Option<Event> {
        match self.first.take() {
            Some(Started::Accepted(view)) if self.seen == Some(view.version) => {}
            Some(Started::Accepted(view)) => return Some(self.event(view)),
            Some(refused) => return Some((self.write)(&refused)),
            None => {}
        }
        loop {
            let watched = self.watched.as_mut()?;
            tokio::select! {
                changed = watched.changed() => changed.ok()?,
                () = until_stopped(&mut self.stopped) => return None,
            }
            let view = watched.borrow_and_update().clone();
            if let Some(view) = view
                && self.seen.is_none_or(|seen| view.version > seen)
            {
                let view = if self.is_public { handed_on::view(view) } else { view };
                return Some(self.event(Box::new(view)));
            }
        }
    }

    fn event(&mut self, view: Box<QueryView>) -> Event {
        let view = if self.until == Until::FirstHit { Box::new(view.at_first_hit()) } else { view };
        let version = view.version;
        self.seen = Some(version);
        if view.status == QueryStatus::End {
            self.watched = None;
        }
        (self.write)(&Started::Accepted(view)).id(version.to_string())
    }
}

fn event_of(started: &Started) -> Event {
    event(&started.answer())
}

/// An event that holds an answer.
pub(super) fn event(answer: &impl Serialize) -> Event {
    let json = serde_json::to_string(answer).expect("an answer has only string keys");
    Event::default().data(json)
}
