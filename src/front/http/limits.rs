//! How much of the server one caller may use: requests per second, connections at the same time. All
//! tables are bounded.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::base::clock::Monotonic;

/// What limits count by: an IPv4 address, the /64 that an IPv6 user owns as a whole, an API key by its
/// place in the configuration, or all of those whose address cannot be told together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LimitKey {
    Address(IpAddr),
    ApiKey(usize),
    Unknown,
}

impl LimitKey {
    pub fn of(ip: IpAddr) -> LimitKey {
        match ip.to_canonical() {
            IpAddr::V4(v4) => LimitKey::Address(v4.into()),
            IpAddr::V6(v6) => {
                let network = v6.to_bits() & (u128::MAX << 64);
                LimitKey::Address(Ipv6Addr::from_bits(network).into())
            }
        }
    }
}

impl std::fmt::Display for LimitKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            LimitKey::Address(IpAddr::V4(v4)) => write!(f, "{v4}"),
            LimitKey::Address(IpAddr::V6(v6)) => write!(f, "{v6}/64"),
            LimitKey::ApiKey(place) => write!(f, "key {place}"),
            LimitKey::Unknown => f.write_str("unknown"),
        }
    }
}

/// What is counted apart: the page opens the event stream right after its first answer, and that
/// must not count as asking twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RateClass {
    Query,
    /// Many queries in one request.
    Batch,
    Events,
    Page,
    /// Pictures of an answer, of which the page shows many at once.
    Picture,
    /// Feeds, of which a reader asks for many at once.
    Feed,
}

/// Early by this much still counts as on time: a client that asks once a second on its own clock
/// arrives now and then a little early.
const TOLERANCE_MS: u64 = 100;
/// Entries last a second; this many senders in one second are a flood, and newcomers are refused.
const MAX_RATE_ENTRIES: usize = 65_536;

/// Requests per second and address, as a leaky bucket (GCRA): one number per address, kept only as
/// long as it says something.
#[derive(Default)]
pub struct RateTable {
    /// When the bucket of each sender is empty again, in milliseconds of the monotonic clock.
    empty_at: Mutex<HashMap<(LimitKey, RateClass), u64>>,
}

impl RateTable {
    /// Counts a request of somebody who may make `per_second` of them (0: any number); false when it
    /// is one too many (which is then not counted).
    pub fn allows(&self, key: LimitKey, class: RateClass, per_second: u32, now: Monotonic) -> bool {
        let Some(interval) = 1000_u64.checked_div(u64::from(per_second)) else { return true };
        let interval = interval.max(1);
        let mut table = lock(&self.empty_at);
        if table.len() >= MAX_RATE_ENTRIES {
            table.retain(|_, empty_at| *empty_at > now.0);
        }
        let Some(empty_at) = table.get_mut(&(key, class)) else {
            if table.len() >= MAX_RATE_ENTRIES {
                return false;
            }
            table.insert((key, class), now.0 + interval);
            return true;
        };
        let room_for = interval * u64::from(per_second.saturating_sub(1)) + TOLERANCE_MS;
        if *empty_at > now.0 + room_for {
            return false;
        }
        *empty_at = (*empty_at).max(now.0) + interval;
        true
    }
}

/// Connections open at the same time, in all and per address.
pub struct ConnectionTable {
    max_total: usize,
    max_per_key: usize,
    refused: AtomicU64,
    open: Mutex<Open>,
}

#[derive(Default)]
struct Open {
    total: usize,
    by_key: HashMap<LimitKey, usize>,
}

/// A place for one connection, given back when dropped.
pub struct ConnectionPlace {
    table: Arc<ConnectionTable>,
    key: Option<LimitKey>,
}

impl ConnectionTable {
    pub fn new(max_total: usize, max_per_key: usize) -> Arc<ConnectionTable> {
        Arc::new(ConnectionTable {
            max_total,
            max_per_key,
            refused: AtomicU64::new(0),
            open: Mutex::default(),
        })
    }

    /// A place for a connection; `key` is `None` for peers that only the total limits (proxies stand
    /// for many clients). `None` when all places are taken.
    pub fn take(self: &Arc<Self>, key: Option<LimitKey>) -> Option<ConnectionPlace> {
        let place = self.try_take(key);
        if place.is_none() {
            self.refused.fetch_add(1, Ordering::Relaxed);
        }
        place
    }

    /// Connections that are open now.
    pub fn open(&self) -> usize {
        lock(&self.open).total
    }

    /// Connections that found no place so far.
    pub fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    fn try_take(self: &Arc<Self>, key: Option<LimitKey>) -> Option<ConnectionPlace> {
        let mut open = lock(&self.open);
        if open.total >= self.max_total {
            return None;
        }
        if let Some(key) = key {
            let of_key = open.by_key.entry(key).or_default();
            if *of_key >= self.max_per_key {
                return None;
            }
            *of_key += 1;
        }
        open.total += 1;
        Some(ConnectionPlace { table: self.clone(), key })
    }
}

impl Drop for ConnectionPlace {
    fn drop(&mut self) {
        let mut open = lock(&self.table.open);
        open.total = open.total.saturating_sub(1);
        if let Some(key) = self.key
            && let Some(of_key) = open.by_key.get_mut(&key)
        {
            *of_key -= 1;
            if *of_key == 0 {
                open.by_key.remove(&key);
            }
        }
    }
}

/// The tables are whole after every statement, so a panic elsewhere does not spoil them.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ipv6_counts_by_network() {
        let key = |ip: &str| LimitKey::of(ip.parse().unwrap()).to_string();
        assert_eq!(key("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::/64");
        assert_eq!(key("192.0.2.1"), "192.0.2.1");
        assert_eq!(key("::ffff:192.0.2.1"), "192.0.2.1");
    }

    /// Requests at these milliseconds, and which of them pass.
    #[track_caller]
    fn check_rate(per_second: u32, at_ms: &[u64], expect: &[bool]) {
        let table = RateTable::default();
        let key = LimitKey::of("192.0.2.1".parse().unwrap());
        let passed: Vec<bool> =
            at_ms.iter().map(|ms| table.allows(key, RateClass::Query, per_second, Monotonic(*ms))).collect();
        assert_eq!(passed, expect, "{at_ms:?}");
    }

    #[test]
    fn requests_per_second() {
        check_rate(1, &[0, 10, 1000], &[true, false, true]);
        check_rate(1, &[0, 950, 2000, 2950], &[true, true, true, true]); // a client that is early at times
        check_rate(1, &[0, 950, 1900, 2850], &[true, true, true, false]); // and one that always is
        check_rate(1, &[0, 850], &[true, false]);
        check_rate(2, &[0, 1, 2, 500, 501], &[true, true, false, true, false]);
        check_rate(0, &[0, 0, 0], &[true, true, true]);
        check_rate(1, &[5000, 60_000, 60_001], &[true, true, false]); // silence saves nothing up
    }

    #[test]
    fn senders_and_classes_are_apart_and_the_table_is_bounded() {
        let table = RateTable::default();
        let now = Monotonic(0);
        let key = |number: u32| LimitKey::of(IpAddr::from(number.to_be_bytes()));
        assert!(table.allows(key(1), RateClass::Query, 1, now));
        assert!(table.allows(key(1), RateClass::Events, 1, now));
        for number in 2..MAX_RATE_ENTRIES as u32 {
            assert!(table.allows(key(number), RateClass::Query, 1, now));
        }
        assert!(!table.allows(key(u32::MAX), RateClass::Query, 1, now), "full");
        assert!(table.allows(key(u32::MAX), RateClass::Query, 1, Monotonic(1001)), "and free a second later");
        assert_eq!(lock(&table.empty_at).len(), 1);
    }

    #[test]
    fn connections_are_counted_and_given_back() {
        let table = ConnectionTable::new(3, 2);
        let key = |ip: &str| Some(LimitKey::of(ip.parse().unwrap()));
        let first = table.take(key("192.0.2.1")).unwrap();
        let _second = table.take(key("192.0.2.1")).unwrap();
        assert!(table.take(key("192.0.2.1")).is_none());
        let _proxy = table.take(None).unwrap();
        assert!(table.take(key("192.0.2.2")).is_none(), "the total");
        drop(first);
        assert!(table.take(key("192.0.2.1")).is_some());
        assert_eq!(lock(&table.open).by_key.len(), 1);
    }
}
