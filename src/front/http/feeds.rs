//! `/feeds/ID.atom` and `/feeds/ID/events`: what watches have heard of. Readers of feeds hold no keys: whoever
//! knows the id, which cannot be guessed, may read.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Extension, Path, RawQuery, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use tokio::sync::{OwnedSemaphorePermit, broadcast, watch};
use tokio::time::Instant;

use super::atom;
use super::caller::Caller;
use super::error::HttpError;
use super::events::{HEARTBEAT, event, place};
use super::kept_feeds::{Feed, MAX_ENTRIES, Newness};
use super::limits::RateClass;
use super::state::Api;
use super::texts::Language;
use super::url_parameter;
use crate::api::errors::ErrorBody;
use crate::api::feed::{FeedEntryAnswer, credit_of_entry};
use crate::base::clock::Monotonic;
use crate::base::ids::ImageId;
use crate::domain::credit::Markup;
use crate::domain::watches::{FeedEntry, WatchId};
use crate::front::stopping::until_stopped;
use crate::proto::front::{FrontAnswer, FrontQuestion, WatchesAnswer};

/// Entries of a feed where nobody says otherwise.
const ENTRIES: usize = 50;
/// Readers need not ask more often.
const MAX_AGE: &str = "public, max-age=300";
/// Of a feed that changes all the time, streams are told once in so long.
const BREATH: Duration = Duration::from_secs(1);
/// A stream looks by itself so often: the broker may have been away.
const LOOK: Duration = Duration::from_secs(300);

/// The newest posts of a watch, as an Atom feed
///
/// One entry for each artwork, with all posts that show it, its images and the credit. Ids stay the same. Answers
/// 304 to who has it already (`If-None-Match`). Needs no key: whoever knows the address may read it.
#[utoipa::path(
    get, path = "/feeds/{feed}", tag = "watches",
    params(
        ("feed" = String, Path, pattern = "^[0-9a-f]{32}\\.atom$",
            description = "The id of the watch, and `.atom`", example = json!("0123456789abcdef0123456789abcdef.atom")),
        ("entries" = Option<u32>, Query, minimum = 1, maximum = 1000, description = "Entries at most; 50"),
        ("lang" = Option<String>, Query, pattern = "^(en|fr)$", description = "The language of its words: en or fr"),
        ("If-None-Match" = Option<String>, Header, description = "The `ETag` of an earlier answer"),
    ),
    responses(
        (status = 200, body = String, content_type = "application/atom+xml", description = "The feed"),
        (status = 304, description = "It is what `If-None-Match` names"),
        (status = 400, body = ErrorBody), (status = 404, body = ErrorBody), (status = 429, body = ErrorBody),
        (status = 503, body = ErrorBody),
    )
)]
pub(super) async fn feed(
    State(api): State<Arc<Api>>,
    Extension(caller): Extension<Caller>,
    Path(name): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, HttpError> {
    let id = name.strip_suffix(".atom").and_then(WatchId::parse);
    let id = id.ok_or_else(|| HttpError::NoFeed { name: name.clone() })?;
    let query = query.unwrap_or_default();
    let entries = entries_in(&query)?;
    let language = url_parameter::named(&query, "lang").and_then(|code| Language::from_code(&code));
    let language = language.unwrap_or(Language::English);
    api.count(&caller, RateClass::Feed)?;
    let feed = feed_of(&api, id, Newness::Lately).await?.ok_or(HttpError::NoFeed { name })?;
    let asked = format!("{entries} {}", language.code());
    let written = feed.written(&asked, || {
        let credit = api.credit_of(&feed.watch.who, Markup::Html);
        let form = atom::Form { language, entries, credit };
        atom::feed(&feed.watch, &feed.entries, &form)
    });
    let tag = HeaderValue::from_str(&written.tag).unwrap_or(HeaderValue::from_static("\"\""));
    let cached = [(header::ETAG, tag), (header::CACHE_CONTROL, HeaderValue::from_static(MAX_AGE))];
    if names_tag(&headers, &written.tag) {
        return Ok((StatusCode::NOT_MODIFIED, cached).into_response());
    }
    let kind = [(header::CONTENT_TYPE, "application/atom+xml; charset=utf-8")];
    Ok((cached, kind, written.body).into_response())
}

/// The feed of this watch; `None` where there is none.
async fn feed_of(api: &Api, id: WatchId, newness: Newness) -> Result<Option<Arc<Feed>>, HttpError> {
    let now = (api.now)();
    api.feeds.get(id, newness, now, read(api, id, now)).await
}

/// All pieces of it.
async fn read(api: &Api, id: WatchId, now: Monotonic) -> Result<Option<Feed>, HttpError> {
    let mut all: Vec<FeedEntry> = Vec::new();
    let mut skip = 0;
    loop {
        match api.ask(FrontQuestion::Feed { watch: id, skip }, None).await? {
            FrontAnswer::Feed { watch, entries, next } => {
                all.extend(entries);
                match next.filter(|next| *next > skip && all.len() < MAX_ENTRIES) {
                    Some(next) => skip = next,
                    None => return Ok(Some(Feed::new(watch, all, now))),
                }
            }
            FrontAnswer::Watches(WatchesAnswer::Unknown) => return Ok(None),
            FrontAnswer::NotNow { why } => return Err(HttpError::NotNow { why }),
            _ => return Err(HttpError::Unexpected),
        }
    }
}

fn entries_in(query: &str) -> Result<usize, HttpError> {
    let Some(text) = url_parameter::named(query, "entries") else { return Ok(ENTRIES) };
    let fits = text.parse().ok().filter(|entries| (1..=MAX_ENTRIES).contains(entries));
    fits.ok_or_else(|| HttpError::BadRequest {
        why: format!("entries: {text:?} is no number from 1 to {MAX_ENTRIES}"),
    })
}

/// Whether `If-None-Match` names this tag, by weak comparison (RFC 9110, section 13.1.2).
fn names_tag(headers: &HeaderMap, tag: &str) -> bool {
    let values = headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    let mut named = values.flat_map(|value| value.split(','));
    named.any(|known| {
        let known = known.trim();
        known == "*" || known.strip_prefix("W/").unwrap_or(known) == tag
    })
}

/// Follow a watch: each new artwork, or new post of one, as it is found
///
/// Server-sent events, each with the JSON of an entry; the same `id` in it again means that the entry has changed.
/// Only posts that were published since the watch began. After a break, `Last-Event-ID` brings what was missed;
/// without it the stream begins with what comes from now on. Needs no key: whoever knows the id may listen.
#[utoipa::path(
    get, path = "/feeds/{feed}/events", tag = "watches",
    params(
        ("feed" = String, Path, pattern = "^[0-9a-f]{32}$", description = "The id of the watch",
            example = json!("0123456789abcdef0123456789abcdef")),
        ("Last-Event-ID" = Option<String>, Header, description = "The last event that was heard"),
    ),
    responses(
        (status = 200, body = FeedEntryAnswer, content_type = "text/event-stream",
            description = "Each event is the JSON of this entry"),
        (status = 404, body = ErrorBody), (status = 429, body = ErrorBody), (status = 503, body = ErrorBody),
    )
)]
pub(super) async fn feed_events(
    State(api): State<Arc<Api>>,
    Extension(caller): Extension<Caller>,
    Path(name): Path<String>,
    headers: HeaderMap,
) -> Result<Response, HttpError> {
    let id = WatchId::parse(&name).ok_or_else(|| HttpError::NoFeed { name: name.clone() })?;
    let place = place(&api)?;
    api.count(&caller, RateClass::Feed)?;
    // First: what changes while the feed is read is heard.
    let changes = api.feeds.changes();
    let feed = feed_of(&api, id, Newness::Now).await?.ok_or(HttpError::NoFeed { name })?;
    let last = headers.get("last-event-id").and_then(|value| value.to_str().ok()?.trim().parse().ok());
    let newest = feed.entries.iter().map(|entry| entry.changed).max().unwrap_or(ImageId(0));
    // Beyond the newest is nothing: the database may have been put back from a backup.
    let heard = last.map_or(newest, |last| ImageId(last).min(newest));
    let stopped = api.stopped.clone();
    let now = Instant::now();
    let listener = Listener {
        api,
        id,
        heard,
        waiting: Vec::new(),
        changes,
        is_changed: true,
        read_at: now,
        stopped,
        _place: place,
    };
    let events = stream::unfold(listener, |mut listener| async move {
        let event = listener.next().await?;
        Some((Ok::<_, Infallible>(event), listener))
    });
    let keep_alive = KeepAlive::new().interval(HEARTBEAT).text("heartbeat");
    let mut response = Sse::new(events).keep_alive(keep_alive).into_response();
    response.headers_mut().insert("x-accel-buffering", HeaderValue::from_static("no"));
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

struct Listener {
    api: Arc<Api>,
    id: WatchId,
    heard: ImageId,
    /// What is to be told, the next last.
    waiting: Vec<Event>,
    changes: broadcast::Receiver<Option<WatchId>>,
    is_changed: bool,
    read_at: Instant,
    stopped: watch::Receiver<bool>,
    _place: OwnedSemaphorePermit,
}

impl Listener {
    /// The next event; `None` ends the stream: the watch was ended, or the process is.
    async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.waiting.pop() {
                return Some(event);
            }
            if !self.is_changed {
                self.is_changed = self.hears_of_change().await?;
                continue;
            }
            self.is_changed = false;
            match feed_of(&self.api, self.id, Newness::Now).await {
                Ok(Some(feed)) => {
                    self.read_at = Instant::now();
                    let (began, heard) = (feed.watch.began, self.heard);
                    let mut news: Vec<&FeedEntry> =
                        feed.entries.iter().filter(|entry| entry.is_news(heard, began)).collect();
                    news.sort_by_key(|entry| std::cmp::Reverse(entry.changed));
                    if let Some(last) = news.first() {
                        self.heard = last.changed;
                    }
                    let template = self.api.credit_of(&feed.watch.who, Markup::Plain);
                    self.waiting = news
                        .iter()
                        .map(|entry| {
                            let credit = credit_of_entry(entry, Some(&feed.watch));
                            let answer = FeedEntryAnswer::of(entry, &credit, template);
                            event(&answer).id(entry.changed.0.to_string())
                        })
                        .collect();
                }
                Ok(None) => return None,
                // The broker is away: it is heard of when it is back, and looked for by itself.
                Err(_) => self.read_at = Instant::now(),
            }
        }
    }

    /// True once the feed may have changed; `None` at the end.
    async fn hears_of_change(&mut self) -> Option<bool> {
        let (breath, look) = (self.read_at + BREATH, self.read_at + LOOK);
        tokio::select! {
            () = until_stopped(&mut self.stopped) => None,
            () = tokio::time::sleep_until(look) => Some(true),
            changed = self.changes.recv() => {
                let is_ours = match changed {
                    Ok(watch) => watch.is_none_or(|watch| watch == self.id),
                    Err(broadcast::error::RecvError::Lagged(_)) => true,
                    Err(broadcast::error::RecvError::Closed) => return None,
                };
                if is_ours {
                    tokio::select! {
                        () = until_stopped(&mut self.stopped) => return None,
                        () = tokio::time::sleep_until(breath) => {}
                    }
                }
                Some(is_ours)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_compared_weakly() {
        let check = |value: &str, expect: bool| {
            let mut headers = HeaderMap::new();
            headers.insert(header::IF_NONE_MATCH, value.parse().unwrap());
            assert_eq!(names_tag(&headers, "\"a\""), expect, "{value}");
        };
        check("\"a\"", true);
        check("\"b\", W/\"a\"", true);
        check("*", true);
        check("\"b\"", false);
        check("a", false);
        assert!(!names_tag(&HeaderMap::new(), "\"a\""));
    }

    #[test]
    fn numbers_of_entries_are_checked() {
        for (query, expect) in [("", Some(50)), ("entries=1", Some(1)), ("a=b&entries=1000", Some(1000))] {
            assert_eq!(entries_in(query).ok(), expect, "{query}");
        }
        for query in ["entries=0", "entries=1001", "entries=-1", "entries=x"] {
            assert!(matches!(entries_in(query), Err(HttpError::BadRequest { .. })), "{query}");
        }
    }
}
