//! Counts of requests in windows of a quarter of an hour, for the API that has such limits.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Duration;

use super::endpoint::Endpoint;
use crate::base::Timestamp;

const WINDOW: Duration = Duration::from_secs(15 * 60);

/// Counts requests in windows, which begin with their first request.
#[derive(Debug, Default)]
pub struct Limits {
    windows: Mutex<HashMap<Endpoint, (Timestamp, u32)>>,
}

/// After one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    pub limit: u32,
    pub remaining: u32,
    pub reset: Timestamp,
    /// This request was one too many.
    pub exceeded: bool,
}

impl Limits {
    /// Counts one request to an endpoint that takes `limit` of them in a window.
    pub fn count(&self, endpoint: Endpoint, limit: u32, now: Timestamp) -> Window {
        // A panic while the map was held cannot have left it half changed.
        let mut windows = self.windows.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let (started, used) = windows.entry(endpoint).or_insert((now, 0));
        if now >= started.plus(WINDOW) {
            (*started, *used) = (now, 0);
        }
        *used = used.saturating_add(1);
        Window {
            limit,
            remaining: limit.saturating_sub(*used),
            reset: started.plus(WINDOW),
            exceeded: *used > limit,
        }
    }

    /// All windows begin anew.
    pub fn renew(&self) {
        self.windows.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clear();
    }

    /// The rest of the window's requests are taken away: the next one is answered with 429 until `reset`.
    pub fn exhaust(&self, endpoint: Endpoint, reset: Timestamp) {
        let mut windows = self.windows.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        windows.insert(endpoint, (reset.minus(WINDOW), u32::MAX));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_ends_after_a_quarter_of_an_hour() {
        let limits = Limits::default();
        let start = Timestamp::from_secs(1_000);
        for _ in 0..300 {
            assert!(!limits.count(Endpoint::Search, 300, start).exceeded);
        }
        let over = limits.count(Endpoint::Search, 300, start);
        assert!(over.exceeded && over.remaining == 0);
        assert_eq!(over.reset, start.plus(WINDOW));
        assert!(!limits.count(Endpoint::Timeline, 10_000, start).exceeded);
        assert!(!limits.count(Endpoint::Search, 300, start.plus(WINDOW)).exceeded);
        limits.exhaust(Endpoint::Search, start.plus(WINDOW + Duration::from_secs(3)));
        assert!(limits.count(Endpoint::Search, 300, start.plus(WINDOW)).exceeded);
        assert!(!limits.count(Endpoint::Search, 300, start.plus(WINDOW + Duration::from_secs(3))).exceeded);
    }
}
