//! Time. The only caller of the system's clocks; everything else is handed a value.
#![expect(clippy::disallowed_methods, reason = "the clock")]

use std::fmt;
use std::sync::OnceLock;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

/// A moment of wall-clock time: milliseconds since 1970-01-01T00:00:00Z, without leap seconds.
/// For dates that people and networks see; never for measuring or waiting, since it can jump.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Timestamp(pub i64);

/// Milliseconds of a day.
const DAY_MS: i64 = 86_400_000;

impl Timestamp {
    /// This moment, by the system's clock.
    pub fn now() -> Timestamp {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }

    /// False for a moment before this program existed: a machine without a battery for its clock begins in
    /// 1970, or on the day that its system was made, until the network has told it the time.
    pub fn is_plausible(self) -> bool {
        /// 2020-01-01, rather too early than too late.
        const BEGINNING: Timestamp = Timestamp(1_577_836_800_000);
        self >= BEGINNING
    }

    /// From whole seconds since 1970 (UTC).
    pub fn from_secs(secs: i64) -> Timestamp {
        Timestamp(secs.saturating_mul(1000))
    }

    /// Whole seconds since 1970 (UTC), rounded down.
    pub fn secs(self) -> i64 {
        self.0.div_euclid(1000)
    }

    /// Parses RFC 3339 / ISO 8601 with an offset or `Z`, such as `2020-07-02T09:32:31+09:00`.
    pub fn parse_rfc3339(text: &str) -> Option<Timestamp> {
        let parsed: jiff::Timestamp = text.trim().parse().ok()?;
        Some(Timestamp(parsed.as_millisecond()))
    }

    /// Parses the date of an HTTP or mail header, such as `Fri, 07 Oct 2022 23:07:41 GMT`.
    pub fn parse_http_date(text: &str) -> Option<Timestamp> {
        let parsed = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(text.trim()).ok()?;
        Some(Timestamp(parsed.as_millisecond()))
    }

    /// `2020-07-02T00:32:31Z`: whole seconds, the form that the X API takes and gives.
    pub fn to_rfc3339(self) -> String {
        match jiff::Timestamp::from_second(self.secs()) {
            Ok(moment) => moment.to_string(),
            Err(_) => format!("@{}", self.secs()),
        }
    }

    /// The UTC day it lies in, counted from 1970-01-01.
    pub fn utc_day(self) -> i64 {
        self.0.div_euclid(DAY_MS)
    }

    /// When this UTC day, counted from 1970-01-01, began.
    pub fn of_utc_day(day: i64) -> Timestamp {
        Timestamp(day.saturating_mul(DAY_MS))
    }

    /// When the next UTC day begins.
    pub fn next_utc_day(self) -> Timestamp {
        Timestamp(self.utc_day().saturating_add(1).saturating_mul(DAY_MS))
    }

    /// The first UTC day of its month, counted from 1970-01-01.
    pub fn utc_month_start(self) -> i64 {
        let date = jiff::Timestamp::from_second(self.secs()).map(|moment| {
            let date = moment.to_zoned(jiff::tz::TimeZone::UTC).date();
            i64::from(date.day())
        });
        self.utc_day() - date.map_or(0, |day| day - 1)
    }

    /// Later by `by`, saturating.
    pub fn plus(self, by: Duration) -> Timestamp {
        Timestamp(self.0.saturating_add(i64::try_from(by.as_millis()).unwrap_or(i64::MAX)))
    }

    /// Earlier by `by`, saturating.
    pub fn minus(self, by: Duration) -> Timestamp {
        Timestamp(self.0.saturating_sub(i64::try_from(by.as_millis()).unwrap_or(i64::MAX)))
    }

    /// How long ago `earlier` was; zero if it lies in the future.
    pub fn since(self, earlier: Timestamp) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_rfc3339())
    }
}

/// A moment on this process's monotonic clock: milliseconds since the process first asked.
/// Never sent to another process; never goes backwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Monotonic(pub u64);

impl Monotonic {
    /// This moment.
    pub fn now() -> Monotonic {
        static START: OnceLock<Instant> = OnceLock::new();
        let start = START.get_or_init(Instant::now);
        Monotonic(millis(start.elapsed()))
    }

    /// Later by `by`, saturating.
    pub fn plus(self, by: Duration) -> Monotonic {
        Monotonic(self.0.saturating_add(millis(by)))
    }

    /// How long ago `earlier` was; zero if it lies in the future.
    pub fn since(self, earlier: Monotonic) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }
}

/// Whole milliseconds, saturating.
pub fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// The processor time that this thread has used. For measuring work: what other threads and other
/// programs do meanwhile does not count.
pub fn thread_cpu_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), u32::try_from(time.tv_nsec).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_go_there_and_back() {
        let moment = Timestamp::parse_rfc3339("2020-07-02T09:32:31+09:00").unwrap();
        assert_eq!(moment.to_rfc3339(), "2020-07-02T00:32:31Z");
        assert_eq!(Timestamp::parse_rfc3339("2020-07-02T00:32:31.000Z"), Some(moment));
        assert_eq!(Timestamp::parse_rfc3339("yesterday"), None);
        assert_eq!(Timestamp::parse_http_date("Thu, 02 Jul 2020 00:32:31 GMT"), Some(moment));
        assert_eq!(Timestamp::parse_http_date("in a minute"), None);
    }

    #[test]
    fn days_and_months_are_those_of_utc() {
        let moment = Timestamp::parse_rfc3339("2024-03-01T00:30:00+01:00").unwrap();
        assert_eq!(moment.next_utc_day().to_rfc3339(), "2024-03-01T00:00:00Z");
        assert_eq!(moment.utc_day() - moment.utc_month_start(), 28);
        assert_eq!(moment.next_utc_day().utc_month_start(), moment.next_utc_day().utc_day());
        assert_eq!(Timestamp(-1).utc_day(), -1);
    }
}
