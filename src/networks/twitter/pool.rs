//! Which credential asks next. Each has its own window per endpoint, of which only X's headers tell
//! the truth; a credential is used evenly with the others, and left alone while it is used up or refused.
//! Pure: time comes in.

use std::collections::HashMap;
use std::time::Duration;

use crate::base::Timestamp;
use crate::base::clock::Monotonic;

/// Where the API can be asked. Each has windows of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Endpoint {
    UsersByName,
    UsersById,
    Timeline,
    Search,
    Posts,
}

impl Endpoint {
    /// As X's documentation names it.
    pub fn as_str(self) -> &'static str {
        match self {
            Endpoint::UsersByName => "users/by",
            Endpoint::UsersById => "users",
            Endpoint::Timeline => "users/:id/tweets",
            Endpoint::Search => "tweets/search/all",
            Endpoint::Posts => "tweets",
        }
    }
}

/// A credential that was refused is tried again after this: its owner may have mended it.
const REFUSED_FOR: Duration = Duration::from_secs(15 * 60);

/// A used-up allowance is asked about again after this: more may have been paid for.
const CAPPED_FOR: Duration = Duration::from_secs(3600);

/// A 429 without a usable header: the first time, and twice as long each further time in a row, so that the
/// usual window of a quarter of an hour passes.
const UNSPECIFIED_LIMIT: Duration = Duration::from_secs(60);
const LONGEST_UNSPECIFIED: Duration = Duration::from_secs(15 * 60);

/// No window of X is longer than a day; a header that says more, or that the window has ended already, comes
/// from a wrong clock.
const LONGEST_WINDOW: Duration = Duration::from_secs(24 * 3600);

/// Why a credential cannot be used for a while.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Wrong, or not allowed to use the endpoint.
    Unauthorized(String),
    /// Its paid allowance is used up.
    Capped(String),
}

/// What to do about a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Choice {
    /// Ask with this credential; its use has been counted.
    Use(usize),
    /// All that are left have to wait; this one the shortest.
    Wait { credential: usize, until: Monotonic },
    /// None is left; the last was refused so.
    Refused { credential: usize, refusal: Refusal },
    /// The caller has excluded all.
    Exhausted,
}

/// The credentials' windows. A credential is its index in the configuration.
#[derive(Debug)]
pub struct Pool {
    credentials: usize,
    /// Least time between two searches with one credential, which X demands beside its windows.
    search_interval: Duration,
    windows: HashMap<(usize, Endpoint), Window>,
}

#[derive(Debug, Default)]
struct Window {
    uses: u64,
    /// Requests left before `reset`, as the headers said, less those sent since.
    remaining: Option<u64>,
    reset: Option<Monotonic>,
    /// Not before this, whatever remains.
    next: Option<Monotonic>,
    refused: Option<(Refusal, Monotonic)>,
    /// 429s in a row that did not say for how long.
    unspecified: u32,
}

/// The rate-limit headers of an answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Headers {
    pub remaining: Option<u64>,
    /// From the answer's own date to the reset, so that a wrong local clock does no harm; from the local
    /// clock where that makes no sense; `None` where neither does.
    pub resets_in: Option<Duration>,
}

impl Headers {
    /// Reads `x-rate-limit-remaining` and `-reset` (Unix seconds) against `Date`, or `now` without one.
    pub fn read(header: impl Fn(&str) -> Option<String>, now: Timestamp) -> Headers {
        let number = |name| header(name).and_then(|value| value.trim().parse::<u64>().ok());
        let date = header("date").and_then(|value| Timestamp::parse_http_date(&value));
        let reset = number("x-rate-limit-reset").and_then(|secs| i64::try_from(secs).ok());
        let resets_in = reset.map(Timestamp::from_secs).and_then(|reset| {
            let clocks = date.into_iter().chain([now]);
            let mut left = clocks.map(|clock| reset.since(clock));
            left.find(|left| !left.is_zero() && *left <= LONGEST_WINDOW)
        });
        Headers { remaining: number("x-rate-limit-remaining"), resets_in }
    }
}

impl Pool {
    pub fn new(credentials: usize, search_interval: Duration) -> Pool {
        Pool { credentials, search_interval, windows: HashMap::new() }
    }

    /// Chooses the least used credential that may ask `endpoint` now, none of `excluded`.
    pub fn choose(&mut self, endpoint: Endpoint, excluded: &[usize], now: Monotonic) -> Choice {
        let mut best: Option<(u64, usize)> = None;
        let mut shortest: Option<(Duration, usize)> = None;
        let mut refused = None;
        for credential in (0..self.credentials).filter(|index| !excluded.contains(index)) {
            let window = self.windows.entry((credential, endpoint)).or_default();
            if let Some((refusal, until)) = &window.refused {
                if now < *until {
                    refused = Some(Choice::Refused { credential, refusal: refusal.clone() });
                    continue;
                }
                window.refused = None;
            }
            let pause = window.pause(now);
            if pause.is_zero() {
                if best.is_none_or(|(uses, _)| window.uses < uses) {
                    best = Some((window.uses, credential));
                }
            } else if shortest.is_none_or(|(other, _)| pause < other) {
                shortest = Some((pause, credential));
            }
        }
        if let Some((_, credential)) = best {
            let window = self.windows.entry((credential, endpoint)).or_default();
            window.uses += 1;
            window.remaining = window.remaining.map(|remaining| remaining.saturating_sub(1));
            window.next = (endpoint == Endpoint::Search).then(|| now.plus(self.search_interval));
            return Choice::Use(credential);
        }
        match shortest {
            Some((pause, credential)) => Choice::Wait { credential, until: now.plus(pause) },
            None => refused.unwrap_or(Choice::Exhausted),
        }
    }

    /// Learns from an answer's headers.
    pub fn learn(&mut self, credential: usize, endpoint: Endpoint, headers: Headers, now: Monotonic) {
        let window = self.windows.entry((credential, endpoint)).or_default();
        if let Some(remaining) = headers.remaining {
            window.remaining = Some(remaining);
            window.reset = Some(now.plus(headers.resets_in.unwrap_or(UNSPECIFIED_LIMIT)));
        }
    }

    /// The credential was given an answer.
    pub fn answered(&mut self, credential: usize, endpoint: Endpoint) {
        self.windows.entry((credential, endpoint)).or_default().unspecified = 0;
    }

    /// The credential was told to wait. Returns for how long.
    pub fn limited(
        &mut self,
        credential: usize,
        endpoint: Endpoint,
        headers: Headers,
        now: Monotonic,
    ) -> Duration {
        let window = self.windows.entry((credential, endpoint)).or_default();
        let pause = headers.resets_in.unwrap_or_else(|| {
            let doubled = UNSPECIFIED_LIMIT.saturating_mul(1 << window.unspecified.min(10));
            window.unspecified = window.unspecified.saturating_add(1);
            doubled.min(LONGEST_UNSPECIFIED)
        });
        let pause = pause.max(Duration::from_secs(1));
        window.remaining = Some(0);
        window.reset = Some(now.plus(pause));
        pause
    }

    /// A wait for this credential until `until` has ended: whoever waited out the time knows it better than a
    /// clock that may have been stopped with the machine. What another worker learned meanwhile stays.
    pub fn waited(&mut self, credential: usize, endpoint: Endpoint, until: Monotonic) {
        let Some(window) = self.windows.get_mut(&(credential, endpoint)) else { return };
        if window.remaining == Some(0) && window.reset.is_some_and(|reset| reset <= until) {
            window.remaining = None;
            window.reset = None;
        }
        window.next = window.next.filter(|next| *next > until);
    }

    /// The credential was refused: it is left alone for a while.
    pub fn refuse(&mut self, credential: usize, endpoint: Endpoint, refusal: Refusal, now: Monotonic) {
        let until = now.plus(match refusal {
            Refusal::Unauthorized(_) => REFUSED_FOR,
            Refusal::Capped(_) => CAPPED_FOR,
        });
        self.windows.entry((credential, endpoint)).or_default().refused = Some((refusal, until));
    }
}

impl Window {
    fn pause(&self, now: Monotonic) -> Duration {
        let window = match (self.remaining, self.reset) {
            (Some(0), Some(reset)) => reset.since(now),
            _ => Duration::ZERO,
        };
        window.max(self.next.map_or(Duration::ZERO, |next| next.since(now)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1000;
    const A_SECOND: Duration = Duration::from_secs(1);

    fn left(remaining: u64, secs: u64) -> Headers {
        Headers { remaining: Some(remaining), resets_in: Some(Duration::from_secs(secs)) }
    }

    #[test]
    fn credentials_are_used_evenly() {
        let mut pool = Pool::new(3, A_SECOND);
        let mut uses = [0; 3];
        for _ in 0..30 {
            let Choice::Use(credential) = pool.choose(Endpoint::Timeline, &[], Monotonic(0)) else {
                panic!()
            };
            uses[credential] += 1;
        }
        assert_eq!(uses, [10, 10, 10]);
    }

    #[test]
    fn a_used_up_window_is_left_alone_until_its_reset() {
        let mut pool = Pool::new(2, A_SECOND);
        let now = Monotonic(5 * SECOND);
        pool.learn(0, Endpoint::Timeline, left(0, 60), now);
        assert_eq!(pool.choose(Endpoint::Timeline, &[], now), Choice::Use(1));
        assert_eq!(pool.choose(Endpoint::UsersById, &[], now), Choice::Use(0), "windows are per endpoint");
        pool.learn(1, Endpoint::Timeline, left(0, 30), now);
        let wait = Choice::Wait { credential: 1, until: Monotonic(35 * SECOND) };
        assert_eq!(pool.choose(Endpoint::Timeline, &[], now), wait);
        assert_eq!(pool.choose(Endpoint::Timeline, &[], Monotonic(35 * SECOND)), Choice::Use(1));
    }

    #[test]
    fn two_workers_do_not_share_the_last_request_of_a_window() {
        let mut pool = Pool::new(1, A_SECOND);
        pool.learn(0, Endpoint::Timeline, left(1, 60), Monotonic(0));
        assert_eq!(pool.choose(Endpoint::Timeline, &[], Monotonic(0)), Choice::Use(0));
        assert!(matches!(pool.choose(Endpoint::Timeline, &[], Monotonic(0)), Choice::Wait { .. }));
        pool.waited(0, Endpoint::Timeline, Monotonic(60 * SECOND));
        assert_eq!(pool.choose(Endpoint::Timeline, &[], Monotonic(0)), Choice::Use(0));
    }

    #[test]
    fn search_keeps_a_second_between_requests() {
        let mut pool = Pool::new(1, A_SECOND);
        assert_eq!(pool.choose(Endpoint::Search, &[], Monotonic(0)), Choice::Use(0));
        let wait = |until| Choice::Wait { credential: 0, until: Monotonic(until) };
        assert_eq!(pool.choose(Endpoint::Search, &[], Monotonic(400)), wait(1000));
        assert_eq!(pool.choose(Endpoint::Search, &[], Monotonic(500)), wait(1000), "a second worker");
        pool.waited(0, Endpoint::Search, Monotonic(1000));
        assert_eq!(pool.choose(Endpoint::Search, &[], Monotonic(1000)), Choice::Use(0));
        pool.waited(0, Endpoint::Search, Monotonic(1000));
        assert_eq!(pool.choose(Endpoint::Search, &[], Monotonic(1000)), wait(2000), "it waits once more");
    }

    #[test]
    fn refused_credentials_come_back() {
        let mut pool = Pool::new(2, A_SECOND);
        let refusal = Refusal::Unauthorized("w".into());
        pool.refuse(0, Endpoint::Search, refusal.clone(), Monotonic(0));
        assert_eq!(pool.choose(Endpoint::Search, &[], Monotonic(0)), Choice::Use(1));
        let none_left = Choice::Refused { credential: 0, refusal };
        assert_eq!(pool.choose(Endpoint::Search, &[1], Monotonic(0)), none_left);
        assert_eq!(pool.choose(Endpoint::Search, &[1], Monotonic(901 * SECOND)), Choice::Use(0));
        assert_eq!(pool.choose(Endpoint::Search, &[0, 1], Monotonic(0)), Choice::Exhausted);
    }

    #[track_caller]
    fn check_headers(headers: &[(&str, &str)], expect: Headers) {
        let read =
            |name: &str| headers.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
        assert_eq!(Headers::read(read, Timestamp::from_secs(1_665_184_000)), expect);
    }

    #[test]
    fn the_reset_is_read_against_the_answers_own_date() {
        let date = ("date", "Fri, 07 Oct 2022 23:07:41 GMT");
        let reset = ("x-rate-limit-reset", "1665184961");
        let remaining = ("x-rate-limit-remaining", "1499");
        check_headers(&[date, reset, remaining], left(1499, 900));
        check_headers(&[reset, remaining], left(1499, 961));
        // A reset in a far future, or in the past, is of a wrong clock.
        let unknown = Headers { remaining: Some(1499), resets_in: None };
        check_headers(&[date, ("x-rate-limit-reset", "9999999999"), remaining], unknown);
        check_headers(&[date, ("x-rate-limit-reset", "1"), remaining], unknown);
        // The answer's date is wrong, by days: the local clock makes sense.
        check_headers(&[("date", "Mon, 10 Oct 2022 23:07:41 GMT"), reset, remaining], left(1499, 961));
        check_headers(&[("date", "Mon, 03 Oct 2022 23:07:41 GMT"), reset, remaining], left(1499, 961));
        check_headers(&[date], Headers::default());
    }

    #[test]
    fn limits_that_do_not_say_for_how_long_grow_until_an_answer_comes() {
        let mut pool = Pool::new(1, A_SECOND);
        let limited =
            |pool: &mut Pool| pool.limited(0, Endpoint::Timeline, Headers::default(), Monotonic(0)).as_secs();
        let pauses: Vec<u64> = (0..6).map(|_| limited(&mut pool)).collect();
        assert_eq!(pauses, [60, 120, 240, 480, 900, 900]);
        pool.answered(0, Endpoint::Timeline);
        assert_eq!(limited(&mut pool), 60);
    }
}
