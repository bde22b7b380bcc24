//! Who sent a request: the client's address behind proxies, its API key, and what these allow.

use std::net::IpAddr;

use axum::http::{HeaderMap, HeaderName, Method, header};

use super::browsers;
use super::error::HttpError;
use super::limits::LimitKey;
use super::peer::{Peer, is_trusted};
use crate::base::ids::Networks;
use crate::config::{self, ApiKey, ForwardedHeader, Http, Limits};
use crate::proto::front::Client;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_API_KEY: HeaderName = HeaderName::from_static("x-api-key");

/// Who sent a request, and what that allows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// `None` where a trusted proxy named none that can be read: such callers share one limit and
    /// have no rights of an address.
    pub ip: Option<IpAddr>,
    /// The API key that was shown: its limits count, and no longer those of the address.
    pub key: Option<KeyHolder>,
    /// Limits do not apply.
    pub unlimited: bool,
    /// May search by image, and name webhooks.
    pub advanced: bool,
    /// May cancel queries and searches.
    pub cancel: bool,
    /// May say what passes before every rule, and take it back.
    pub verdicts: bool,
    /// May watch artists.
    pub watches: bool,
    /// What its requests may be about.
    pub networks: Networks,
    /// May see `/metrics` and the details of `/readyz`.
    pub monitor: bool,
    /// A page of another site made the browser send this: nothing is begun for it.
    pub cross_site: bool,
}

/// What an API key allows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyHolder {
    /// Its place in the configuration.
    place: usize,
    name: String,
    pub requests_per_second: u32,
    pub max_processing_requests: u32,
}

impl KeyHolder {
    /// Its place in the configuration.
    pub fn place(&self) -> usize {
        self.place
    }

    /// As the configuration calls it.
    pub fn name(&self) -> &str {
        &self.name
    }
}

/// What limits count somebody by who has shown no key: also of requests that are refused because of the key
/// that they show.
pub fn limited_as(peer: Peer, headers: &HeaderMap, http: &Http) -> LimitKey {
    client_address(peer, headers, http).map_or(LimitKey::Unknown, LimitKey::of)
}

impl Caller {
    /// The caller behind `peer`.
    ///
    /// # Errors
    /// `UnknownKey` when a key is shown that is none: to go on without it would hide the mistake.
    pub fn identify(
        peer: Peer,
        (method, headers): (&Method, &HeaderMap),
        http: &Http,
        limits: &Limits,
        keys: &[ApiKey],
    ) -> Result<Caller, HttpError> {
        let ip = client_address(peer, headers, http);
        let is_one_of = |addresses: &[IpAddr]| ip.is_some_and(|ip| addresses.contains(&ip));
        let key = match shown_key(headers) {
            None => None,
            Some(shown) => Some(find_key(shown, keys).ok_or(HttpError::UnknownKey)?),
        };
        Ok(Caller {
            ip,
            unlimited: key.is_none() && is_one_of(&limits.unlimited_ips),
            advanced: key.map_or_else(|| is_one_of(&limits.advanced_ips), |(_, key)| key.advanced),
            cancel: key.is_some_and(|(_, key)| key.cancel),
            verdicts: key.is_some_and(|(_, key)| key.verdicts),
            watches: key.is_some_and(|(_, key)| key.watches),
            networks: key.map(|(_, key)| key.networks.clone()).unwrap_or_default(),
            monitor: ip.is_some_and(|ip| http.monitor_ips.iter().any(|net| net.contains(&ip))),
            // No page can show a key that it does not know.
            cross_site: key.is_none() && browsers::is_cross_site(peer, method, headers, http),
            key: key.map(|(place, key)| KeyHolder {
                place,
                name: key.name.clone(),
                requests_per_second: key.requests_per_second,
                max_processing_requests: key.max_processing_requests,
            }),
        })
    }

    /// True for those who work for the server: they may know what it spends.
    pub fn may_see_spending(&self) -> bool {
        self.advanced || self.monitor
    }

    /// What the broker limits this caller by.
    pub fn client(&self) -> Client {
        match &self.key {
            Some(key) => {
                Client::Key { name: key.name.clone(), max_processing_requests: key.max_processing_requests }
            }
            None if self.unlimited => Client::Exempt,
            None => Client::Limited { key: self.limit_key().to_string() },
        }
    }

    /// What its requests are counted by, and how many it may make a second where that is its own.
    pub fn rate(&self) -> (LimitKey, Option<u32>) {
        match &self.key {
            Some(key) => (LimitKey::ApiKey(key.place), Some(key.requests_per_second)),
            None => (self.limit_key(), None),
        }
    }

    fn limit_key(&self) -> LimitKey {
        self.ip.map_or(LimitKey::Unknown, LimitKey::of)
    }
}

/// `Authorization: Bearer KEY`, or `X-API-Key: KEY`.
fn shown_key(headers: &HeaderMap) -> Option<&[u8]> {
    let bearer = headers.get(header::AUTHORIZATION).and_then(|value| {
        let (scheme, key) = value.as_bytes().split_at_checked(7)?;
        scheme.eq_ignore_ascii_case(b"bearer ").then(|| key.trim_ascii())
    });
    bearer.or_else(|| headers.get(X_API_KEY).map(|value| value.as_bytes().trim_ascii()))
}

fn find_key<'k>(shown: &[u8], keys: &'k [ApiKey]) -> Option<(usize, &'k ApiKey)> {
    let digest = config::sha256(shown);
    keys.iter().enumerate().find(|(_, key)| key.sha256 == digest)
}

/// The header is believed as far as trusted proxies wrote it: the right-most address that is not one
/// of them is the client. `None` if what a trusted proxy wrote is no plain address: the proxy's own, which
/// may have rights, does not stand for it.
fn client_address(peer: Peer, headers: &HeaderMap, http: &Http) -> Option<IpAddr> {
    let mut address = peer.ip.to_canonical();
    let mut believed = peer.is_proxy(http);
    let (name, parse): (_, fn(&str) -> Option<IpAddr>) = match http.forwarded_header {
        ForwardedHeader::XForwardedFor => (X_FORWARDED_FOR, parse_address),
        ForwardedHeader::Forwarded => (header::FORWARDED, parse_forwarded),
    };
    // Bytes that are no text are no address either.
    let values = headers.get_all(name).iter().map(|value| value.to_str().unwrap_or("?"));
    let entries: Vec<&str> = values.flat_map(|value| value.split(',')).collect();
    for entry in entries.iter().rev() {
        if !believed {
            break;
        }
        address = parse(entry)?;
        believed = is_trusted(address, http);
    }
    Some(address)
}

/// `for=192.0.2.1;proto=https`, `For="[2001:db8::1]:4711"` (RFC 7239).
fn parse_forwarded(entry: &str) -> Option<IpAddr> {
    entry.split(';').find_map(|pair| {
        let (name, value) = pair.trim().split_once('=')?;
        name.trim().eq_ignore_ascii_case("for").then(|| parse_address(value.trim().trim_matches('"')))?
    })
}

/// `192.0.2.1`, `192.0.2.1:443`, `2001:db8::1` or `[2001:db8::1]:443`; zones, names and words are no address.
fn parse_address(entry: &str) -> Option<IpAddr> {
    let entry = entry.trim();
    // A zone is of the machine that wrote it; `SocketAddr` would read it and pass over it.
    if entry.contains('%') {
        return None;
    }
    let ip = entry
        .parse::<IpAddr>()
        .ok()
        .or_else(|| entry.parse::<std::net::SocketAddr>().ok().map(|addr| addr.ip()))
        .or_else(|| entry.strip_prefix('[')?.strip_suffix(']')?.parse().ok())?;
    Some(ip.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Settings;

    #[track_caller]
    fn check_client(peer: &str, forwarded: &[&str], expect: &str) {
        let mut headers = HeaderMap::new();
        for value in forwarded {
            headers.append(X_FORWARDED_FOR, value.parse().unwrap());
        }
        let trusted = vec!["10.0.0.0/8".parse().unwrap(), "fd00::/8".parse().unwrap()];
        let http = Http { trusted_proxies: trusted, ..Settings::default().http };
        let peer = Peer { ip: peer.parse().unwrap(), is_local_socket: false };
        let found = client_address(peer, &headers, &http);
        assert_eq!(found, expect.parse::<IpAddr>().ok(), "{peer:?} {forwarded:?}");
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
        for unreadable in [
            "unknown",
            "",
            " ",
            "127.0.0.1,",
            "127.0.0.1, junk",
            "unix:",
            "client.example",
            "192.0.2.1:",
            "192.0.2.1:http",
            "192.0.2.1:99999",
            "fe80::1%eth0",
            "[fe80::1%2]:80",
            "[2001:db8::1",
            "[192.0.2.1]x",
            "0300.0.2.1",
            "192.0.2",
            "3221225985",
        ] {
            check_client("10.0.0.1", &[unreadable], "nobody in particular");
            check_client("10.0.0.1", &["127.0.0.1", unreadable], "nobody in particular");
        }
        check_client("::ffff:10.0.0.1", &["[2001:db8::7]:443"], "2001:db8::7");
        check_client("fd00::1", &["198.51.100.7:1234"], "198.51.100.7");
        check_client("10.0.0.1", &["::ffff:127.0.0.1"], "127.0.0.1");
    }

    #[test]
    fn only_the_configured_header_counts() {
        let mut http = Settings::default().http;
        http.trusted_proxies = vec!["10.0.0.0/8".parse().unwrap()];
        http.forwarded_header = ForwardedHeader::Forwarded;
        let check = |forwarded: &str, expect: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::FORWARDED, forwarded.parse().unwrap());
            // What the client says of itself and the proxy passes on.
            headers.insert(X_FORWARDED_FOR, "127.0.0.1".parse().unwrap());
            let peer = Peer { ip: "10.0.0.1".parse().unwrap(), is_local_socket: false };
            let found = client_address(peer, &headers, &http);
            assert_eq!(found, expect.parse::<IpAddr>().ok(), "{forwarded}");
        };
        check("for=198.51.100.7;proto=https;by=10.0.0.1", "198.51.100.7");
        check("For=\"[2001:db8::7]:4711\"", "2001:db8::7");
        check("for=127.0.0.1, for=198.51.100.7", "198.51.100.7");
        check("for=198.51.100.7, For=10.9.9.9:80", "198.51.100.7");
        check("for=_hidden, for=198.51.100.7", "198.51.100.7");
        for unreadable in
            ["for=unknown", "for=_hidden", "proto=https", "for=", "for=\"[fe80::1%25eth0]\"", "127.0.0.1"]
        {
            check(unreadable, "nobody in particular");
        }
    }

    #[test]
    fn the_local_socket_is_a_proxy() {
        let http = Settings::default().http;
        let mut headers = HeaderMap::new();
        headers.insert(X_FORWARDED_FOR, "127.0.0.1, 198.51.100.7".parse().unwrap());
        let peer = Peer { ip: "127.0.0.1".parse().unwrap(), is_local_socket: true };
        assert_eq!(client_address(peer, &headers, &http), "198.51.100.7".parse::<IpAddr>().ok());
        assert_eq!(client_address(peer, &HeaderMap::new(), &http), Some(peer.ip));
    }

    #[test]
    fn who_cannot_be_told_has_no_rights() {
        let mut settings = Settings::default();
        settings.http.trusted_proxies = vec!["127.0.0.1/32".parse().unwrap()];
        let mut headers = HeaderMap::new();
        headers.insert(X_FORWARDED_FOR, "unknown".parse().unwrap());
        let peer = Peer { ip: "127.0.0.1".parse().unwrap(), is_local_socket: false };
        let request = (&Method::GET, &headers);
        let caller = Caller::identify(peer, request, &settings.http, &settings.limits, &[]).unwrap();
        assert!(!caller.unlimited && !caller.advanced && !caller.monitor);
        assert_eq!(caller.client(), Client::Limited { key: "unknown".to_owned() });
    }

    #[test]
    fn a_key_brings_its_own_rights() {
        let settings = Settings::default();
        let key = |name: &str, key: &str, advanced| ApiKey {
            name: name.to_owned(),
            sha256: config::sha256(key.as_bytes()),
            requests_per_second: 5,
            max_processing_requests: 7,
            networks: Networks::default(),
            advanced,
            cancel: advanced,
            verdicts: advanced,
            watches: advanced,
            credit: config::CreditTemplates::default(),
        };
        let keys = [key("one", "key-of-one", true), key("two", "key-of-two", false)];
        let identify = |ip: &str, name: HeaderName, value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(name, value.parse().unwrap());
            let peer = Peer { ip: ip.parse().unwrap(), is_local_socket: false };
            Caller::identify(peer, (&Method::GET, &headers), &settings.http, &settings.limits, &keys)
        };
        let one = identify("192.0.2.1", header::AUTHORIZATION, "bearer key-of-one").unwrap();
        assert!(one.advanced && one.cancel && one.verdicts && one.watches && !one.unlimited && !one.monitor);
        assert_eq!(one.rate(), (LimitKey::ApiKey(0), Some(5)));
        let two = identify("127.0.0.1", X_API_KEY, "key-of-two").unwrap();
        assert!(
            !two.advanced && !two.cancel && !two.verdicts && !two.watches && !two.unlimited,
            "the key counts, not the address"
        );
        assert_eq!(two.client(), Client::Key { name: "two".to_owned(), max_processing_requests: 7 });
        for (name, value) in [
            (header::AUTHORIZATION, "Bearer key-of-nobody"),
            (header::AUTHORIZATION, "Bearer "),
            (X_API_KEY, ""),
        ] {
            assert!(matches!(identify("127.0.0.1", name, value), Err(HttpError::UnknownKey)), "{value}");
        }
        // For somebody else, a proxy for instance.
        let basic = identify("192.0.2.1", header::AUTHORIZATION, "Basic a2V5").unwrap();
        assert_eq!(basic.key, None);
    }
}
