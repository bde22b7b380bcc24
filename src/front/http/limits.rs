//! Who a caller is, and how much of the server one caller may use: the client's address behind
//! proxies, requests per second, connections at the same time. All tables are bounded.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::http::{HeaderMap, HeaderName};
use ipnet::IpNet;

use crate::base::clock::Monotonic;
use crate::config::{Http, Limits};
use crate::proto::front::Client;

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// Who sent a request, and what that allows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    pub ip: IpAddr,
    /// Limits do not apply.
    pub unlimited: bool,
    /// May search by image.
    pub advanced: bool,
}

impl Caller {
    /// The caller behind `peer`. `X-Forwarded-For` is believed as far as trusted proxies wrote it: the
    /// right-most address that is not one of them is the client.
    pub fn identify(peer: IpAddr, headers: &HeaderMap, http: &Http, limits: &Limits) -> Caller {
        let ip = client_address(canonical(peer), headers, &http.trusted_proxies);
        Caller {
            ip,
            unlimited: limits.unlimited_ips.contains(&ip),
            advanced: limits.advanced_ips.contains(&ip),
        }
    }

    /// What the broker limits this caller by.
    pub fn client(&self) -> Client {
        if self.unlimited {
            Client::Exempt
        } else {
            Client::Limited { key: LimitKey::of(self.ip).to_string() }
        }
    }
}

fn client_address(peer: IpAddr, headers: &HeaderMap, trusted: &[IpNet]) -> IpAddr {
    let is_trusted = |ip: IpAddr| trusted.iter().any(|net| net.contains(&ip));
    let mut address = peer;
    let forwarded: Vec<&str> = headers
        .get_all(FORWARDED_FOR)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .collect();
    for entry in forwarded.iter().rev() {
        if !is_trusted(address) {
            break;
        }
        // An entry that is no address was not written by a proxy that can be trusted.
        let Some(next) = parse_address(entry) else { break };
        address = next;
    }
    address
}

/// `192.0.2.1`, `192.0.2.1:443`, `2001:db8::1` or `[2001:db8::1]:443`.
fn parse_address(entry: &str) -> Option<IpAddr> {
    let entry = entry.trim();
    let ip = entry
        .parse::<IpAddr>()
        .ok()
        .or_else(|| entry.parse::<std::net::SocketAddr>().ok().map(|addr| addr.ip()))
        .or_else(|| entry.strip_prefix('[')?.strip_suffix(']')?.parse().ok())?;
    Some(canonical(ip))
}

/// IPv4 addresses in their own form, also where a socket for both kinds shows them as IPv6.
fn canonical(ip: IpAddr) -> IpAddr {
    ip.to_canonical()
}

/// What limits count by: an IPv4 address, or the /64 that an IPv6 user owns as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LimitKey(IpAddr);

impl LimitKey {
    pub fn of(ip: IpAddr) -> LimitKey {
        match canonical(ip) {
            IpAddr::V4(v4) => LimitKey(v4.into()),
            IpAddr::V6(v6) => {
                let network = v6.to_bits() & (u128::MAX << 64);
                LimitKey(Ipv6Addr::from_bits(network).into())
            }
        }
    }
}

impl std::fmt::Display for LimitKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            IpAddr::V4(v4) => write!(f, "{v4}"),
            IpAddr::V6(v6) => write!(f, "{v6}/64"),
        }
    }
}

/// What is counted apart: the page opens the event stream right after its first answer, and that
/// must not count as asking twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RateClass {
    Query,
    Events,
    Page,
}

/// Early by this much still counts as on time: a client that asks once a second on its own clock
/// arrives now and then a little early.
const TOLERANCE_MS: u64 = 100;
/// Entries last a second; this many senders in one second are a flood, and newcomers are refused.
const MAX_RATE_ENTRIES: usize = 65_536;

/// Requests per second and address, as a leaky bucket (GCRA): one number per address, kept only as
/// long as it says something.
pub struct RateTable {
    per_second: u32,
    /// When the bucket of each sender is empty again, in milliseconds of the monotonic clock.
    empty_at: Mutex<HashMap<(LimitKey, RateClass), u64>>,
}

impl RateTable {
    /// `per_second` 0 means no limit.
    pub fn new(per_second: u32) -> RateTable {
        RateTable { per_second, empty_at: Mutex::new(HashMap::new()) }
    }

    pub fn per_second(&self) -> u32 {
        self.per_second
    }

    /// Counts a request; false when it is one too many (which is then not counted).
    pub fn allows(&self, key: LimitKey, class: RateClass, now: Monotonic) -> bool {
        let Some(interval) = 1000_u64.checked_div(u64::from(self.per_second)) else { return true };
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
        let room_for = interval * u64::from(self.per_second.saturating_sub(1)) + TOLERANCE_MS;
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
        Arc::new(ConnectionTable { max_total, max_per_key, open: Mutex::default() })
    }

    /// A place for a connection; `key` is `None` for peers that only the total limits (proxies stand
    /// for many clients). `None` when all places are taken.
    pub fn take(self: &Arc<Self>, key: Option<LimitKey>) -> Option<ConnectionPlace> {
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

    #[track_caller]
    fn check_client(peer: &str, forwarded: &[&str], expect: &str) {
        let mut headers = HeaderMap::new();
        for value in forwarded {
            headers.append(FORWARDED_FOR, value.parse().unwrap());
        }
        let trusted: Vec<IpNet> = vec!["10.0.0.0/8".parse().unwrap(), "fd00::/8".parse().unwrap()];
        let found = client_address(canonical(peer.parse().unwrap()), &headers, &trusted);
        assert_eq!(found, expect.parse::<IpAddr>().unwrap(), "{peer} {forwarded:?}");
    }

    #[test]
    fn clients_behind_proxies() {
        check_client("192.0.2.1", &[], "192.0.2.1");
        check_client("192.0.2.1", &["198.51.100.7"], "192.0.2.1"); // not from a proxy of ours
        check_client("10.0.0.1", &["198.51.100.7"], "198.51.100.7");
        check_client("10.0.0.1", &["127.0.0.1, 198.51.100.7"], "198.51.100.7"); // what the client claims
        check_client("10.0.0.1", &["198.51.100.7, 10.9.9.9"], "198.51.100.7"); // two proxies
        check_client("10.0.0.1", &["127.0.0.1", "198.51.100.7"], "198.51.100.7"); // two headers
        check_client("10.0.0.1", &["10.2.2.2"], "10.2.2.2");
        check_client("10.0.0.1", &["unknown"], "10.0.0.1");
        check_client("10.0.0.1", &["127.0.0.1, junk"], "10.0.0.1");
        check_client("::ffff:10.0.0.1", &["[2001:db8::7]:443"], "2001:db8::7");
        check_client("fd00::1", &["198.51.100.7:1234"], "198.51.100.7");
        check_client("10.0.0.1", &["::ffff:127.0.0.1"], "127.0.0.1");
    }

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
        let table = RateTable::new(per_second);
        let key = LimitKey::of("192.0.2.1".parse().unwrap());
        let passed: Vec<bool> =
            at_ms.iter().map(|ms| table.allows(key, RateClass::Query, Monotonic(*ms))).collect();
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
        let table = RateTable::new(1);
        let now = Monotonic(0);
        let key = |number: u32| LimitKey::of(IpAddr::from(number.to_be_bytes()));
        assert!(table.allows(key(1), RateClass::Query, now));
        assert!(table.allows(key(1), RateClass::Events, now));
        for number in 2..MAX_RATE_ENTRIES as u32 {
            assert!(table.allows(key(number), RateClass::Query, now));
        }
        assert!(!table.allows(key(u32::MAX), RateClass::Query, now), "full");
        assert!(table.allows(key(u32::MAX), RateClass::Query, Monotonic(1001)), "and free a second later");
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
