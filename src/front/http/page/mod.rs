//! The web page. `GET /` shows it with what is known of its address; `POST /` and `POST /image` begin work
//! and lead to the address that shows it; `GET /page/events` tells the script of every change.
//!
//! Who only looks begins nothing: previews of links, crawlers, and whoever opens a shared address are shown
//! what is known, or the form filled in. Work is begun by sending a form, or by following a link from another
//! page, which browsers say of a click (`browsers::is_followed_link`).
//!
//! `render.rs` makes the HTML with `found.rs` (what was found), `artist.rs` (who made it), `help.rs` and
//! `markup.rs` (texts of strangers);
//! `pasted.rs` reads what people paste.

mod artist;
mod correct;
mod credit;
mod found;
mod help;
mod markup;
mod part;
mod pasted;
mod render;
mod searched;
mod verdicts;

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Extension, RawQuery, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::sse::Event;
use axum::response::{IntoResponse, Response};
use serde_json::json;
use url::form_urlencoded;

use super::artist::ask_artist;
use super::body;
use super::browsers::{is_followed_link, is_visit};
use super::caller::Caller;
use super::error::{Closed, HttpError};
use super::events;
use super::limits::RateClass;
use super::openapi::Description;
use super::own_address::OwnAddress;
use super::peer::Peer;
use super::query::{Choice, Started, ask_query, chosen_networks};
use super::search;
use super::state::Api;
use super::texts::Language;
use super::url_parameter;
use super::verdicts as verdicts_api;
use crate::api::limits::{MAX_URL_CHARS, STATS_AGE};
use crate::base::ids::Networks;
use crate::domain::credit::Markup;
use crate::domain::failure::FailureCode;
use crate::domain::wanted::Wanted;
use crate::proto::front::{FrontAnswer, FrontQuestion};
use correct::Said;
use render::{Help, Page, Parts, Shown, Subject, status_of};

/// What crawlers may read: the page and the documentation, no answers.
const ROBOTS: &str = "User-agent: *\nAllow: /$\nAllow: /docs$\nAllow: /assets/\nDisallow: /\n";

/// A form with a text of `MAX_TEXT_CHARS`, each of which may take nine bytes, percent-encoded.
const MAX_FORM_BYTES: usize = 20 * 1024;
const FORM_DEADLINE: Duration = Duration::from_secs(10);

pub(super) async fn root(
    State(api): State<Arc<Api>>,
    Extension(peer): Extension<Peer>,
    Extension(caller): Extension<Caller>,
    Extension(description): Extension<&'static Description>,
    RawQuery(query): RawQuery,
    method: Method,
    headers: HeaderMap,
) -> Response {
    let accepts_html = headers
        .get(header::ACCEPT)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|accept| accept.contains("text/html"));
    if !accepts_html {
        let headers = [VARY, (header::CONTENT_TYPE, "text/plain; charset=utf-8")];
        return (headers, description.text.as_str()).into_response();
    }
    let query = query.unwrap_or_default();
    let text = url_parameter::text_in(&query);
    let visit = Visit::of((&api, peer, &headers), &query, text.as_deref());
    // Another site may send its visitors here, click or not: what no click asks for begins nothing.
    let caller = Caller { cross_site: caller.cross_site && !is_visit(&method, &headers), ..caller };
    let state = match (&visit.subject.search, &visit.subject.url) {
        (Some(identifier), _) => known_search(&api, &caller, identifier).await,
        (None, Some(url)) => {
            let is_asked_for = is_followed_link(&method, &headers);
            page_query(&api, &caller, &visit.subject, url, is_asked_for).await
        }
        // A form without an address was sent, by a script or an old bookmark.
        (None, None) if text.is_some() => Shown::of(&FailureCode::NoUrlField.into()),
        (None, None) => Shown::Nothing,
    };
    visit.respond(&api, &caller, &text.unwrap_or_default(), &state).await
}

/// The form was sent: begins the query, and leads to the address that shows it.
pub(super) async fn submitted(
    State(api): State<Arc<Api>>,
    Extension(peer): Extension<Peer>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let read = body::read(&headers, body, MAX_FORM_BYTES, FORM_DEADLINE).await;
    let form = read.as_ref().map(|body| String::from_utf8_lossy(body).into_owned()).unwrap_or_default();
    let field = |name: &str| {
        form_urlencoded::parse(form.as_bytes())
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.into_owned())
    };
    let text = field("url").unwrap_or_default();
    let visit = Visit { is_posted: true, ..Visit::of((&api, peer, &headers), &form, Some(&text)) };
    let state = match (read, &visit.subject.url) {
        (Err(error), _) => Shown::Failed(error),
        (Ok(_), None) => Shown::of(&FailureCode::NoUrlField.into()),
        (Ok(_), Some(url)) => match start(&api, &caller, &visit.subject, url).await {
            Ok(Started::Accepted(_)) => return visit.lead_to_answer(),
            Ok(refused) => Shown::of(&refused),
            Err(error) => Shown::Failed(error),
        },
    };
    visit.respond(&api, &caller, &text, &state).await
}

/// An image was sent, or the address of one: begins the search, and leads to the address that shows it.
pub(super) async fn submitted_image(
    State(api): State<Arc<Api>>,
    Extension(peer): Extension<Peer>,
    Extension(caller): Extension<Caller>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    request: Request,
) -> Response {
    let query = query.unwrap_or_default();
    let mut visit = Visit { is_posted: true, ..Visit::of((&api, peer, &headers), &query, None) };
    let started = async {
        if !caller.advanced {
            return Err(HttpError::Forbidden(Closed::Search));
        }
        api.count(&caller, RateClass::Query)?;
        let form = search::read_search(&api, request).await?;
        search::start(&api, &caller, form, &query).await
    };
    let answer = match started.await {
        Ok(answer) => answer,
        Err(error) => return visit.respond(&api, &caller, "", &Shown::Failed(error)).await,
    };
    if let Some(identifier) = answer.identifier {
        visit.subject.search = Some(identifier);
        return visit.lead_to_answer();
    }
    let state = Shown::Answer { answer: Box::new(answer.answer), view: None };
    visit.respond(&api, &caller, "", &state).await
}

/// Somebody with a key that may says what is wrong with an answer: it is kept, and the page is asked for
/// anew.
pub(super) async fn submitted_verdict(
    State(api): State<Arc<Api>>,
    Extension(peer): Extension<Peer>,
    Extension(caller): Extension<Caller>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let query = query.unwrap_or_default();
    let read = body::read(&headers, body, MAX_FORM_BYTES, FORM_DEADLINE).await;
    let form = read.as_ref().map(|body| String::from_utf8_lossy(body).into_owned()).unwrap_or_default();
    let field = |name: &str| {
        let mut fields = form_urlencoded::parse(form.as_bytes());
        fields.find(|(key, _)| key == name).map(|(_, value)| value.into_owned()).unwrap_or_default()
    };
    let url = field("url");
    let visit = Visit { is_posted: true, ..Visit::of((&api, peer, &headers), &query, Some(&url)) };
    let said = Said { what: field("said"), account: field("account"), why: field("why"), key: field("key") };
    let kept = async {
        read?;
        // First: whoever guesses keys is counted.
        api.count(&caller, RateClass::Query)?;
        let page = visit.subject.url.as_deref().unwrap_or_default();
        let who = api.who_may_say(&said.key)?;
        let saying = said.saying(page).map_err(|why| HttpError::BadRequest { why: why.to_owned() })?;
        verdicts_api::say(&api, who, saying).await
    };
    if let Err(error) = kept.await {
        return visit.respond(&api, &caller, &url, &Shown::Failed(error)).await;
    }
    // What was answered before is not shown any more. Where the limits say no, the page offers it.
    if let Some(url) = &visit.subject.url {
        let _ = begin(&api, &caller, &visit.subject, url).await;
    }
    visit.lead_to_answer()
}

/// The changes of what the page shows, for its script: each event is JSON with the `html` of the result, the
/// `title` of the page, the `headline` for screen readers, whether it is the `end`, and where another try
/// helps, after how many seconds (`retry_secs`).
pub(super) async fn page_events(
    State(api): State<Arc<Api>>,
    Extension(peer): Extension<Peer>,
    Extension(caller): Extension<Caller>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, HttpError> {
    let place = events::place(&api)?;
    let query = query.unwrap_or_default();
    let text = url_parameter::text_in(&query);
    let visit = Visit::of((&api, peer, &headers), &query, text.as_deref());
    api.count(&caller, RateClass::Events)?;
    let question = match (&visit.subject.search, &visit.subject.url) {
        (Some(_), _) if !caller.advanced => return Err(HttpError::Forbidden(Closed::Search)),
        (Some(identifier), _) => FrontQuestion::SearchState { identifier: identifier.clone() },
        (None, Some(url)) => visit.subject.known_question(&api, &caller, url)?,
        (None, None) => return Err(HttpError::BadRequest { why: "there is nothing to follow".to_owned() }),
    };
    let started = known(&api, question).await?;
    let (following, caller) = (api.clone(), caller.clone());
    let write = move |started: &Started| {
        let page = visit.page(&following, &caller);
        let state = Shown::of(started);
        let Parts { headline, html } = page.parts(&state);
        // The script shows these as text: nothing in them is HTML any more.
        let headline = htmlize::unescape(headline);
        let title = format!("{headline} · {}", htmlize::unescape(page.text("title")));
        let json = json!({
            "title": title,
            "headline": headline,
            "html": html,
            "end": !state.is_running(),
            "retry_secs": page.retry_secs(&state),
        });
        Event::default().data(json.to_string())
    };
    Ok(events::follow(&api, started, &headers, place, events::Until::End, Box::new(write)))
}

pub(super) async fn robots() -> Response {
    let headers =
        [(header::CONTENT_TYPE, "text/plain; charset=utf-8"), (header::CACHE_CONTROL, "max-age=86400")];
    (headers, ROBOTS).into_response()
}

const VARY: (HeaderName, &str) = (header::VARY, "Accept, Accept-Language");

/// The query for a page, begun or only looked at. What is there already is looked at in both cases: a form
/// that was sent leads here, which browsers call a click too, and it must not count as asking twice.
async fn page_query(api: &Api, caller: &Caller, subject: &Subject, url: &str, is_asked_for: bool) -> Shown {
    let started = async {
        let question = subject.known_question(api, caller, url)?;
        api.count(caller, RateClass::Page)?;
        match known(api, question).await? {
            Started::Refused { code: FailureCode::NoSuchRequest, .. } if is_asked_for => {
                start(api, caller, subject, url).await
            }
            known => Ok(known),
        }
    };
    match started.await {
        Ok(Started::Refused { code: FailureCode::NoSuchRequest, .. }) => Shown::Ready,
        Ok(started) => Shown::of(&started),
        Err(error) => Shown::Failed(error),
    }
}

async fn start(api: &Api, caller: &Caller, subject: &Subject, url: &str) -> Result<Started, HttpError> {
    subject.choice(api, caller)?;
    if url.chars().count() > MAX_URL_CHARS {
        return Ok(FailureCode::UrlTooLong.into());
    }
    api.count(caller, RateClass::Query)?;
    begin(api, caller, subject, url).await
}

/// The same for a request that was counted.
async fn begin(api: &Api, caller: &Caller, subject: &Subject, url: &str) -> Result<Started, HttpError> {
    let Choice { networks, whole } = subject.choice(api, caller)?;
    let url = url.to_owned();
    match subject.wanted.is_artist() {
        true => ask_artist(api, caller, url, networks, subject.wanted.resolves()).await,
        false => ask_query(api, caller, url, Choice { networks, whole }, None).await,
    }
}

async fn known_search(api: &Api, caller: &Caller, identifier: &str) -> Shown {
    let known = async {
        if !caller.advanced {
            return Err(HttpError::Forbidden(Closed::Search));
        }
        api.count(caller, RateClass::Page)?;
        known(api, FrontQuestion::SearchState { identifier: identifier.to_owned() }).await
    };
    match known.await {
        Ok(started) => Shown::of(&started),
        Err(error) => Shown::Failed(error),
    }
}

/// The state of what there is.
async fn known(api: &Api, question: FrontQuestion) -> Result<Started, HttpError> {
    match api.ask(question, None).await? {
        FrontAnswer::Query(view) | FrontAnswer::Search { view, .. } => Ok(Started::Accepted(Box::new(view))),
        FrontAnswer::Refused { code, detail } => Ok(Started::Refused { code, detail }),
        FrontAnswer::Overloaded => Err(HttpError::Busy),
        FrontAnswer::NotNow { why } => Err(HttpError::NotNow { why }),
        _ => Err(HttpError::Unexpected),
    }
}

/// What a request for the page is about, and in which language.
struct Visit {
    language: Language,
    subject: Subject,
    /// It is a form that was sent.
    is_posted: bool,
    /// The address by which the visitor reached this server; empty where it is none.
    origin: String,
}

impl Subject {
    /// Which accounts the query is about, for this caller.
    fn choice(&self, api: &Api, caller: &Caller) -> Result<Choice, HttpError> {
        let networks = chosen_networks(api, caller, self.networks.as_deref())?;
        Ok(Choice { networks, whole: self.wanted.is_whole() })
    }

    /// Asks for what there is, and begins nothing.
    fn known_question(&self, api: &Api, caller: &Caller, url: &str) -> Result<FrontQuestion, HttpError> {
        let Choice { networks, whole } = self.choice(api, caller)?;
        let url = url.to_owned();
        Ok(match self.wanted.is_artist() {
            true => FrontQuestion::KnownArtist { url, networks, resolve: self.wanted.resolves() },
            false => FrontQuestion::KnownQuery { url, networks, whole },
        })
    }
}

impl Visit {
    /// From the query string or the form, with the pasted text in it.
    fn of((api, peer, headers): (&Api, Peer, &HeaderMap), parameters: &str, text: Option<&str>) -> Visit {
        let named = |name: &str| url_parameter::named_before_url(parameters, name);
        let is_set = |name: &str| named(name).is_some_and(|value| body::is_yes(&value));
        let language = named("lang")
            .and_then(|code| Language::from_code(&code))
            .unwrap_or_else(|| Language::accepted(headers));
        let url = text.map(pasted::address_in).filter(|url| !url.is_empty());
        let own = OwnAddress::of(peer, headers, &api.http);
        Visit {
            language,
            subject: Subject {
                url,
                search: named("search"),
                networks: named("networks"),
                wanted: match is_set("artist") {
                    true => Wanted::Artist,
                    false => Wanted::posts(is_set("whole")),
                },
                pictures: is_set("pictures"),
            },
            is_posted: false,
            origin: own.map(|own| own.origin()).unwrap_or_default(),
        }
    }

    fn page<'a>(&self, api: &'a Api, caller: &'a Caller) -> Page<'a> {
        let asked = self.subject.networks.as_deref().and_then(|names| Networks::from_names(names).ok());
        let networks = asked.unwrap_or_default().that_are_in(&api.networks);
        Page {
            texts: &api.texts,
            language: self.language,
            subject: self.subject.clone(),
            is_posted: self.is_posted,
            networks: networks.unwrap_or_else(|| api.networks.clone()),
            by_image: caller.advanced,
            own_credits: Markup::ALL.map(|markup| api.own_credit(caller, markup)),
            help: Help {
                page: &api.page,
                limits: &api.limits,
                caller,
                origin: self.origin.clone(),
                has_correctors: api.has_correctors(),
            },
        }
    }

    async fn respond(&self, api: &Api, caller: &Caller, text: &str, state: &Shown) -> Response {
        let stats = api.stats(STATS_AGE).await.ok();
        let html = self.page(api, caller).render(text, state, stats);
        let policy = (header::CONTENT_SECURITY_POLICY, policy(self.shows_others_pictures(api)));
        let headers = [VARY, (header::CONTENT_TYPE, "text/html; charset=utf-8"), policy];
        let mut response = (status_of(state), headers, html).into_response();
        if !matches!(state, Shown::Nothing) {
            let name = HeaderName::from_static("x-robots-tag");
            response.headers_mut().insert(name, HeaderValue::from_static("noindex, nofollow"));
        }
        response
    }

    /// Pictures come from the sites that host them.
    fn shows_others_pictures(&self, api: &Api) -> bool {
        !api.page.pictures && (self.subject.url.is_some() || self.subject.search.is_some())
    }

    /// To where the answer is shown: that can be loaded again, shared and kept.
    fn lead_to_answer(&self) -> Response {
        let address = format!("/?{}", self.subject.parameters(self.language));
        (StatusCode::SEE_OTHER, [(header::LOCATION, address)]).into_response()
    }
}

/// Nothing but this server's own files; images of artworks and posts come from many hosts, and only
/// once the user asks for them.
fn policy(shows_others_pictures: bool) -> &'static str {
    match shows_others_pictures {
        true => {
            "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
             img-src 'self' data: https:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
        }
        false => {
            "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
             img-src 'self' data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
        }
    }
}

#[cfg(test)]
mod tests;
