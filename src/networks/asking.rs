//! One question to a server that is asked without a credential (Bluesky, a Fediverse server): keeps the
//! limits that its headers state, tries again after passing faults, and leaves to the network what an answer
//! means. Beside it, the windows that all workers share.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::de::{DeserializeOwned, IgnoredAny, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use serde_json::value::RawValue;
use url::Url;

use super::client::Waiter;
use super::error::{NetworkError, Stopping};
use crate::base::clock::Monotonic;
use crate::base::{Reaction, Timestamp};
use crate::fetch::json::{self, JsonError};
use crate::fetch::{Fetch, FetchError, Method, Request, Response, backoff};

/// The first pause after a fault; each further one is twice as long, and up to half of it is left out.
const FAULT_PAUSE: Duration = Duration::from_millis(1500);
/// How often a server may say "too many requests" although its windows were kept.
pub(super) const LIMIT_RETRIES: u32 = 5;
/// A 429 that does not say for how long.
const UNSPECIFIED_LIMIT: Duration = Duration::from_secs(60);
/// No window of these servers is longer than a day; a header that says more is wrong.
const LONGEST_WINDOW: Duration = Duration::from_secs(24 * 3600);
/// Hosts whose windows are remembered; strangers name hosts, so the table is bounded.
const MAX_HOSTS: usize = 1000;
/// An error's message is short.
const MOST_MESSAGE_BYTES: usize = 2000;
/// Largest answer: a page of 500 posts with all that hangs on them is well below 2 MB.
pub(super) const MAX_ANSWER_BYTES: u64 = 8 * 1024 * 1024;

/// The faults that one question has met.
#[derive(Debug, Default)]
pub(super) struct Faults(u8);

impl Faults {
    pub fn may_retry(&self, effort: Effort) -> bool {
        self.0 < effort.fault_retries
    }

    /// Waits before the next attempt, longer after each fault.
    ///
    /// # Errors
    /// When the wait is interrupted.
    pub fn pause(&mut self, waiter: &dyn Waiter, endpoint: &str) -> Result<(), Stopping> {
        let pause = backoff(FAULT_PAUSE, self.0, fastrand::f64());
        self.0 = self.0.saturating_add(1);
        waiter.wait_until(Timestamp::now().plus(pause), &format!("{endpoint}, which failed"))
    }
}

/// Asks servers without credentials. Clones share the windows.
#[derive(Clone)]
pub(super) struct Asker {
    fetch: Arc<dyn Fetch>,
    waiter: Arc<dyn Waiter>,
    /// Locked only to look or to note, never while asking or waiting.
    windows: Arc<Mutex<Windows>>,
}

/// How much a question is worth.
#[derive(Clone, Copy, Debug)]
pub(super) struct Effort {
    /// Attempts after the first when the server has a fault or is not reached.
    pub fault_retries: u8,
    /// A longer wait for a window is `RateLimited` instead.
    pub patience: Duration,
}

impl Effort {
    /// For a listing, which starts from its beginning when it gives up.
    pub const LISTING: Effort = Effort { fault_retries: 4, patience: Duration::from_secs(2 * 24 * 3600) };
    /// For a look-up that a user waits for.
    pub const LOOKUP: Effort = Effort { fault_retries: 1, patience: Duration::from_secs(300) };
    /// For what is a refinement only.
    pub const CHECK: Effort = Effort { fault_retries: 0, patience: Duration::from_secs(5) };
}

impl Asker {
    pub fn new(fetch: Arc<dyn Fetch>, waiter: Arc<dyn Waiter>) -> Asker {
        Asker { fetch, waiter, windows: Arc::default() }
    }

    /// The same asker for another worker, which waits in its own way.
    pub fn with_waiter(&self, waiter: Arc<dyn Waiter>) -> Asker {
        Asker { waiter, ..self.clone() }
    }

    /// The server's answer, of any status but 429 and 5xx. `endpoint` names the question for people.
    ///
    /// # Errors
    /// `RateLimited`, `Fetch`, `Stopping`, or `Unreadable` for a fault that did not pass.
    pub fn ask(&self, url: &Url, endpoint: &'static str, effort: Effort) -> Result<Response, NetworkError> {
        self.ask_with(&Request::get(url.clone()).header("accept", "application/json"), endpoint, effort)
    }

    /// The same of a request of the network's own.
    ///
    /// # Errors
    /// As `ask`.
    pub fn ask_with(
        &self,
        request: &Request,
        endpoint: &'static str,
        effort: Effort,
    ) -> Result<Response, NetworkError> {
        let url = &request.url;
        let host = url.host_str().unwrap_or_default();
        let mut faults = Faults::default();
        let mut limits = 0;
        loop {
            self.wait_for_window(host, endpoint, effort.patience)?;
            let request = request.clone().max_bytes(MAX_ANSWER_BYTES).retries(0);
            let response = match self.fetch.fetch(request) {
                Ok(response) => response,
                Err(FetchError::Paused { until, .. }) => {
                    self.close(host, until.since(Timestamp::now()));
                    continue;
                }
                Err(error) if error.reaction() == Reaction::Backoff && faults.may_retry(effort) => {
                    faults.pause(&*self.waiter, endpoint)?;
                    continue;
                }
                Err(error) => return Err(error.into()),
            };
            let window = Window::read(&response, Timestamp::now());
            if let Some(resets_in) = window.resets_in.filter(|_| window.remaining == Some(0)) {
                self.close(host, resets_in);
            }
            match response.status {
                _ if is_overload(&response) => {
                    let pause = window.resets_in.unwrap_or(UNSPECIFIED_LIMIT).max(Duration::from_secs(1));
                    self.close(host, pause);
                    limits += 1;
                    if limits > LIMIT_RETRIES {
                        return Err(NetworkError::RateLimited {
                            endpoint,
                            until: Timestamp::now().plus(pause),
                        });
                    }
                }
                500..=599 if faults.may_retry(effort) => faults.pause(&*self.waiter, endpoint)?,
                500..=599 => return Err(unreadable(url, format!("status {}", response.status))),
                _ => return Ok(response),
            }
        }
    }

    fn wait_for_window(
        &self,
        host: &str,
        endpoint: &'static str,
        patience: Duration,
    ) -> Result<(), NetworkError> {
        loop {
            let now = Monotonic::now();
            let Some(until) = self.windows().closed_until(host, now) else { return Ok(()) };
            let pause = until.since(now);
            let moment = Timestamp::now().plus(pause);
            if pause > patience {
                return Err(NetworkError::RateLimited { endpoint, until: moment });
            }
            self.waiter.wait_until(moment, endpoint)?;
            self.windows().waited(host, until);
        }
    }

    fn close(&self, host: &str, pause: Duration) {
        let now = Monotonic::now();
        self.windows().close(host, now.plus(pause), now);
    }

    fn windows(&self) -> MutexGuard<'_, Windows> {
        // A panic elsewhere leaves at worst one limit unknown.
        self.windows.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Too many requests: the server's own, or those of a server behind it, which its message names.
fn is_overload(response: &Response) -> bool {
    let names_it =
        |name: &[u8]| response.body.windows(name.len()).take(MOST_MESSAGE_BYTES).any(|part| part == name);
    let is_error = response.status >= 400;
    response.status == 429 || is_error && (names_it(b"DeadlineExceeded") || names_it(b"OverCapacity"))
}

/// A question that is put as JSON.
pub(super) fn post_json(url: Url, body: &Value) -> Request {
    let request = Request::get(url).header("accept", "application/json");
    let body = Some(body.to_string().into());
    Request { method: Method::Post, body, ..request.header("content-type", "application/json") }
}

pub(super) fn unreadable(url: &Url, why: impl ToString) -> NetworkError {
    NetworkError::Unreadable { url: url.to_string(), why: why.to_string() }
}

/// The body of an answer as JSON.
///
/// # Errors
/// `Unreadable`, which says so when it is a web page.
pub(super) fn read_json<T: DeserializeOwned>(url: &Url, response: &Response) -> Result<T, NetworkError> {
    json::parse(&response.body).map_err(|error| no_answer(url, response, error))
}

fn no_answer(url: &Url, response: &Response, error: impl fmt::Display) -> NetworkError {
    let is_page = response.body.trim_ascii_start().starts_with(b"<");
    let what = if is_page { "a web page" } else { "not the JSON" };
    unreadable(url, format!("{what} where the API's answer was expected: {error}"))
}

/// Entries that are taken of one list: servers that do not page give all they have at once.
const MAX_ENTRIES: usize = 25_000;

/// The entries of a list, each read when its turn comes, so that one odd entry does not spoil the others and
/// the values of all never exist at once. Those behind the first `MAX_ENTRIES` are counted.
#[derive(Debug, Default)]
pub(super) struct Entries {
    kept: Vec<Box<RawValue>>,
    left_out: usize,
}

impl Entries {
    /// With those that are left out.
    pub fn len(&self) -> usize {
        self.kept.len() + self.left_out
    }

    pub fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }

    pub fn is_cut(&self) -> bool {
        self.left_out > 0
    }

    /// What could be read of each of those that are kept, in their order.
    pub fn read<T: DeserializeOwned>(&self) -> impl DoubleEndedIterator<Item = Result<T, JsonError>> {
        self.kept.iter().map(|text| json::parse(text.get().as_bytes()))
    }
}

impl<'de> Deserialize<'de> for Entries {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Entries, D::Error> {
        struct List;

        impl<'de> Visitor<'de> for List {
            type Value = Entries;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Entries, A::Error> {
                let mut entries = Entries::default();
                while entries.kept.len() < MAX_ENTRIES {
                    let Some(text) = list.next_element()? else { return Ok(entries) };
                    entries.kept.push(text);
                }
                while list.next_element::<IgnoredAny>()?.is_some() {
                    entries.left_out += 1;
                }
                Ok(entries)
            }
        }

        from.deserialize_seq(List)
    }
}

/// The list of entries that an answer holds, or is. Its entries are weighed one by one.
///
/// # Errors
/// As `read_json`.
pub(super) fn read_list<T: DeserializeOwned>(url: &Url, response: &Response) -> Result<T, NetworkError> {
    serde_json::from_slice(&response.body).map_err(|error| no_answer(url, response, error))
}

/// A field that a stranger's server may leave out: what is of another type counts as left out, so that one
/// odd field does not spoil the whole.
///
/// # Errors
/// None of its own: what is no JSON fails before.
pub(super) fn lenient<'de, D: Deserializer<'de>, T: DeserializeOwned>(
    from: D,
) -> Result<Option<T>, D::Error> {
    Value::deserialize(from).map(|value| serde_json::from_value(value).ok())
}

/// An id that some servers send as a number.
///
/// # Errors
/// For what is neither text nor a number.
pub(super) fn id_text<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    match Value::deserialize(from)? {
        Value::String(id) => Ok(id),
        Value::Number(id) => Ok(id.to_string()),
        _ => Err(serde::de::Error::custom("an id is text or a number")),
    }
}

/// What an answer's headers say about the requests that are left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Window {
    remaining: Option<u64>,
    /// From the answer's own date, so that a wrong local clock does no harm.
    resets_in: Option<Duration>,
}

impl Window {
    /// `RateLimit-*` with Unix seconds (Bluesky), `X-RateLimit-*` with a date (Mastodon), `Retry-After` with
    /// seconds (Sharkey).
    fn read(response: &Response, now: Timestamp) -> Window {
        let header = |name: &str| {
            response.header(name).or_else(|| response.header(&format!("x-{name}"))).map(str::trim)
        };
        let date = response.header("date").and_then(Timestamp::parse_http_date).unwrap_or(now);
        let resets_in = header("ratelimit-reset").and_then(|value| match value.parse::<i64>() {
            // A few servers count from now, as a later draft of the header has it.
            Ok(secs) if (0..1_000_000_000).contains(&secs) => Some(Duration::from_secs(secs.unsigned_abs())),
            Ok(secs) => Some(Timestamp::from_secs(secs).since(date)),
            Err(_) => Timestamp::parse_rfc3339(value).map(|moment| moment.since(date)),
        });
        let wished = || response.header("retry-after")?.trim().parse().ok().map(Duration::from_secs);
        Window {
            remaining: header("ratelimit-remaining").and_then(|value| value.parse().ok()),
            resets_in: resets_in.or_else(wished).map(|pause| pause.min(LONGEST_WINDOW)),
        }
    }
}

/// Which hosts want no requests before when. Pure: time comes in.
#[derive(Debug, Default)]
struct Windows(HashMap<String, Monotonic>);

impl Windows {
    fn closed_until(&self, host: &str, now: Monotonic) -> Option<Monotonic> {
        self.0.get(host).copied().filter(|until| *until > now)
    }

    /// A longer pause stays.
    fn close(&mut self, host: &str, until: Monotonic, now: Monotonic) {
        if self.0.len() >= MAX_HOSTS && !self.0.contains_key(host) {
            self.0.retain(|_, until| *until > now);
            if self.0.len() >= MAX_HOSTS {
                return; // the host will say it again
            }
        }
        let entry = self.0.entry(host.to_owned()).or_insert(until);
        *entry = (*entry).max(until);
    }

    /// A wait until `until` has ended: whoever waited knows it better than a clock that was stopped with the
    /// machine. What another worker learned meanwhile stays.
    fn waited(&mut self, host: &str, until: Monotonic) {
        if self.0.get(host).is_some_and(|known| *known <= until) {
            self.0.remove(host);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(headers: &[(&str, &str)], remaining: Option<u64>, secs: Option<u64>) {
        let response = Response {
            status: 200,
            url: "https://a.example/".parse().unwrap(),
            headers: headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
            body: bytes::Bytes::new(),
        };
        let expect = Window { remaining, resets_in: secs.map(Duration::from_secs) };
        assert_eq!(Window::read(&response, Timestamp::from_secs(1_760_000_000)), expect, "{headers:?}");
    }

    #[test]
    fn limits_are_read_in_every_form() {
        let date = ("date", "Thu, 09 Oct 2025 08:53:20 GMT");
        check(&[("ratelimit-remaining", "2999"), ("ratelimit-reset", "1760000100")], Some(2999), Some(100));
        check(
            &[date, ("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "2025-10-09T08:55:00.000Z")],
            Some(0),
            Some(100),
        );
        check(&[("ratelimit-reset", "30")], None, Some(30));
        check(&[("retry-after", "7"), ("x-ratelimit-remaining", "0")], Some(0), Some(7));
        check(&[("retry-after", "Thu, 09 Oct 2025 08:55:00 GMT")], None, None);
        check(&[("ratelimit-reset", "9999999999")], None, Some(86_400));
        check(&[("ratelimit-reset", "soon"), ("ratelimit-remaining", "-1")], None, None);
        check(&[], None, None);
    }

    #[test]
    fn windows_are_per_host_and_bounded() {
        let mut windows = Windows::default();
        let now = Monotonic(0);
        windows.close("a.example", Monotonic(50), now);
        windows.close("a.example", Monotonic(10), now);
        assert_eq!(windows.closed_until("a.example", now), Some(Monotonic(50)));
        assert_eq!(windows.closed_until("b.example", now), None);
        assert_eq!(windows.closed_until("a.example", Monotonic(50)), None);
        windows.waited("a.example", Monotonic(20));
        assert_eq!(windows.closed_until("a.example", now), Some(Monotonic(50)), "another worker's news");
        windows.waited("a.example", Monotonic(50));
        assert_eq!(windows.closed_until("a.example", now), None);
        for host in 0..3 * MAX_HOSTS {
            windows.close(&host.to_string(), Monotonic(100), now);
        }
        assert_eq!(windows.0.len(), MAX_HOSTS);
        windows.close("late.example", Monotonic(200), Monotonic(150));
        assert_eq!(windows.0.len(), 1);
    }
}
