//! How fast each host is asked: the table of hosts with rules of their own, and the token bucket
//! that spaces requests. Pure: time comes in.

use std::time::Duration;

use tokio::time::Instant;

use crate::config;

/// What one host is asked at most.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limits {
    /// Requests in flight.
    pub concurrent: usize,
    /// Requests started per second, on average.
    pub per_second: f64,
}

/// How a host differs from the settings.
enum Rule {
    /// Never more than these, however generous the settings are.
    AtMost { concurrent: usize, per_second: f64 },
    /// A content network made for browsers that open dozens of images at once: this many times the
    /// requests per second and, at most, twice those in flight.
    Times(f64),
}

/// What many sites ask of programs, or what those that read them have settled on.
const EACH_SECOND: Rule = Rule::AtMost { concurrent: 1, per_second: 1.0 };

/// Domains with rules of their own; they hold for subdomains too.
const RULES: &[(&str, Rule)] = &[
    // One request per second is the pace its operators ask for; two are cut off.
    ("e621.net", EACH_SECOND),
    ("e926.net", EACH_SECOND),
    ("furaffinity.net", EACH_SECOND),
    ("pixiv.net", EACH_SECOND),
    ("weasyl.com", EACH_SECOND),
    ("itaku.ee", EACH_SECOND),
    ("sofurry.com", EACH_SECOND),
    ("newgrounds.com", EACH_SECOND),
    ("hentai-foundry.com", EACH_SECOND),
    ("zerochan.net", EACH_SECOND),
    ("nijie.info", EACH_SECOND),
    ("poipiku.com", EACH_SECOND),
    ("yande.re", EACH_SECOND),
    ("konachan.com", EACH_SECOND),
    ("sakugabooru.com", EACH_SECOND),
    ("lolibooru.moe", EACH_SECOND),
    ("twibooru.org", EACH_SECOND),
    // No limit is told; the largest of Misskey's servers keeps programs out that are in a hurry.
    ("misskey.io", Rule::AtMost { concurrent: 1, per_second: 0.5 }),
    ("misskey.art", EACH_SECOND),
    ("misskey.design", EACH_SECOND),
    ("sushi.ski", EACH_SECOND),
    ("nijimiss.moe", EACH_SECOND),
    ("oekakiskey.com", EACH_SECOND),
    // Pixiv's image host is lenient, but counts towards the same visitor.
    ("pximg.net", Rule::AtMost { concurrent: 2, per_second: 4.0 }),
    ("donmai.us", Rule::AtMost { concurrent: 2, per_second: 5.0 }),
    ("pbs.twimg.com", Rule::Times(5.0)),
];

impl Limits {
    /// The limits of `host`, a name in lower case.
    pub fn of(host: &str, settings: &config::Fetch) -> Limits {
        let general = Limits {
            concurrent: usize::try_from(settings.max_concurrent_per_host.max(1)).unwrap_or(usize::MAX),
            per_second: f64::from(settings.max_per_second_per_host.max(1)),
        };
        let rule = RULES.iter().find(|(domain, _)| {
            host.strip_suffix(domain).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
        });
        match rule {
            None => general,
            Some((_, Rule::AtMost { concurrent, per_second })) => Limits {
                concurrent: general.concurrent.min(*concurrent),
                per_second: general.per_second.min(*per_second),
            },
            Some((_, Rule::Times(factor))) => Limits {
                concurrent: general.concurrent.saturating_mul(2),
                per_second: general.per_second * factor,
            },
        }
    }
}

/// A token bucket in the form of the generic cell rate algorithm: one moment is its whole state.
#[derive(Debug)]
pub struct Pace {
    /// Between two requests, on average.
    interval: Duration,
    /// How far ahead of the average a burst may run: half a second's worth of requests.
    tolerance: Duration,
    /// When the bucket would be full again.
    full_at: Option<Instant>,
}

impl Pace {
    pub fn new(per_second: f64) -> Pace {
        let interval = Duration::from_secs_f64(1.0 / per_second);
        let burst = (per_second / 2.0).floor().max(1.0);
        Pace { interval, tolerance: interval.mul_f64(burst - 1.0), full_at: None }
    }

    /// Takes a token: the request may start at the returned moment, `now` or later.
    pub fn reserve(&mut self, now: Instant) -> Instant {
        let full_at = self.full_at.map_or(now, |moment| moment.max(now));
        self.full_at = Some(full_at + self.interval);
        full_at.checked_sub(self.tolerance).map_or(now, |moment| moment.max(now))
    }

    /// Between two requests, on average.
    pub fn interval(&self) -> Duration {
        self.interval
    }

    /// When the bucket is full again: from then on, forgetting this pace changes nothing. `None` before the
    /// first request.
    pub fn rested_at(&self) -> Option<Instant> {
        self.full_at
    }
}

/// How long the last of so many requests to `host` waits at least, where nobody asked it lately and all
/// are wanted at once: what its pace adds to the answer of a page that needs them.
pub fn least_wait(host: &str, requests: u32, settings: &config::Fetch) -> Duration {
    let mut pace = Pace::new(Limits::of(host, settings).per_second);
    let now = Instant::now();
    let last = (0..requests).map(|_| pace.reserve(now)).last();
    last.map_or(Duration::ZERO, |start| start.saturating_duration_since(now))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(host: &str) -> Limits {
        Limits::of(host, &config::Settings::default().fetch)
    }

    #[test]
    fn hosts_have_their_rules() {
        assert_eq!(limits("www.example.com"), Limits { concurrent: 8, per_second: 20.0 });
        assert_eq!(limits("e621.net"), Limits { concurrent: 1, per_second: 1.0 });
        assert_eq!(limits("www.pixiv.net").per_second, 1.0);
        assert_eq!(limits("notpixiv.net").per_second, 20.0);
        assert_eq!(limits("pbs.twimg.com"), Limits { concurrent: 16, per_second: 100.0 });
    }

    #[test]
    fn waits_follow_from_the_pace() {
        let check = |host: &str, requests, expect: u64| {
            let wait = least_wait(host, requests, &config::Settings::default().fetch);
            assert_eq!(wait, Duration::from_millis(expect), "{host}");
        };
        check("e621.net", 0, 0);
        check("e621.net", 1, 0);
        check("e621.net", 3, 2000);
        check("www.example.com", 10, 0);
        check("www.example.com", 12, 100);
    }

    #[test]
    fn settings_slower_than_a_rule_win() {
        let mut settings = config::Settings::default().fetch;
        settings.max_per_second_per_host = 2;
        settings.max_concurrent_per_host = 1;
        assert_eq!(Limits::of("i.pximg.net", &settings), Limits { concurrent: 1, per_second: 2.0 });
    }

    #[test]
    fn a_slow_host_is_asked_once_per_interval() {
        let start = Instant::now();
        let mut pace = Pace::new(1.0);
        for n in 0..5 {
            assert_eq!(pace.reserve(start), start + Duration::from_secs(n));
        }
        let later = start + Duration::from_secs(60);
        assert!(pace.rested_at().is_some_and(|moment| moment <= later));
        assert_eq!(pace.reserve(later), later);
    }

    #[test]
    fn a_burst_passes_at_once_and_the_average_holds() {
        let start = Instant::now();
        let mut pace = Pace::new(20.0);
        let starts: Vec<_> = (0..50).map(|_| pace.reserve(start) - start).collect();
        assert_eq!(starts.iter().filter(|wait| wait.is_zero()).count(), 10);
        assert_eq!(starts[49], Duration::from_millis(40 * 50));
    }
}
