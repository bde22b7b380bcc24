//! When a request is asked again: pauses between attempts, and what a `Retry-After` binds. Pure.

use std::time::Duration;

use crate::base::Timestamp;

/// A host that asks for a longer pause than this is not waited for inside a request.
pub const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// However long a host asks to be left alone, it is tried again after this.
pub const LONGEST_PAUSE: Duration = Duration::from_secs(3600);

/// The first pause between two attempts; each further one is twice as long.
pub const FIRST_PAUSE: Duration = Duration::from_millis(500);

/// Longest pause between two attempts.
const LONGEST_BACKOFF: Duration = Duration::from_secs(20);

/// The pause after failed attempt number `attempt` (from 0): `first` doubled each time, up to 20 s, of which
/// a random half is left out (`random` in 0..1) so that many callers do not come back at the same moment.
pub fn backoff(first: Duration, attempt: u8, random: f64) -> Duration {
    let full = first.saturating_mul(1_u32 << attempt.min(16)).min(LONGEST_BACKOFF);
    full.mul_f64(1.0 - random / 2.0)
}

/// True for answers that another attempt may better: too many requests, and faults of the server.
pub fn is_passing(status: u16) -> bool {
    status == 429 || (500..600).contains(&status) && status != 501
}

/// How long a `Retry-After` value asks to wait: seconds, or a date. `None` if it is neither.
pub fn retry_after(value: &str, now: Timestamp) -> Option<Duration> {
    let value = value.trim();
    if let Ok(secs) = value.parse::<u64>() {
        return Some(Duration::from_secs(secs).min(LONGEST_PAUSE));
    }
    Some(Timestamp::parse_http_date(value)?.since(now).min(LONGEST_PAUSE))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_and_keep_their_bounds() {
        let first = Duration::from_millis(500);
        let secs = |attempt, random| backoff(first, attempt, random).as_secs_f64();
        assert_eq!(secs(0, 0.0), 0.5);
        assert_eq!(secs(1, 0.0), 1.0);
        assert_eq!(secs(2, 0.5), 1.5);
        assert_eq!(secs(2, 1.0), 1.0);
        assert_eq!(secs(255, 0.0), 20.0);
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now = Timestamp::parse_http_date("Thu, 02 Jul 2020 00:32:31 GMT").unwrap();
        let check = |value, expect: Option<u64>| {
            assert_eq!(retry_after(value, now), expect.map(Duration::from_secs), "{value}");
        };
        check("7", Some(7));
        check(" 0 ", Some(0));
        check("Thu, 02 Jul 2020 00:33:01 GMT", Some(30));
        check("Thu, 02 Jul 2020 00:00:00 GMT", Some(0));
        check("999999999", Some(3600));
        check("soon", None);
        check("-1", None);
    }

    #[test]
    fn which_answers_may_pass() {
        for (status, passing) in
            [(200, false), (404, false), (429, true), (500, true), (501, false), (503, true)]
        {
            assert_eq!(is_passing(status), passing, "{status}");
        }
    }
}
