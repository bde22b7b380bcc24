//! What other sites' pages may make a browser send here: no name of theirs reaches this server (DNS
//! rebinding), and nothing that costs work is started for them (cross-site request forgery).
//!
//! Sources: Fetch Metadata Request Headers (W3C), RFC 9110 section 7.2 (`Host`), RFC 6454 (`Origin`).

use std::net::IpAddr;

use axum::http::{HeaderMap, HeaderName, Method, Uri, header};

use super::error::HttpError;
use super::peer::Peer;
use crate::config::Http;

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
const SEC_FETCH_MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");
const SEC_FETCH_DEST: HeaderName = HeaderName::from_static("sec-fetch-dest");
/// `?1` where a click or a key of the user caused the navigation.
const SEC_FETCH_USER: HeaderName = HeaderName::from_static("sec-fetch-user");

/// What the userscript sends. A page of another site cannot: browsers ask a server before they send a header
/// of this kind across sites (the preflight of Fetch), and this server allows it to nobody.
const X_AOTF_USERSCRIPT: HeaderName = HeaderName::from_static("x-aotf-userscript");

/// Refuses a request for a host that is not this server.
///
/// # Errors
/// `BadRequest` for no `Host` or more than one, `Misdirected` for the name of somebody else.
pub fn check_host(peer: Peer, headers: &HeaderMap, uri: &Uri, http: &Http) -> Result<(), HttpError> {
    let mut hosts = headers.get_all(header::HOST).iter();
    let (Some(host), None) = (hosts.next(), hosts.next()) else {
        return Err(HttpError::BadRequest { why: "a request has one Host header".to_owned() });
    };
    // A proxy chooses the name itself; the names that browsers use end at it.
    if peer.is_proxy(http) {
        return Ok(());
    }
    let host = host.to_str().unwrap_or_default();
    // A request line with a whole URL overrules the header.
    let named = uri.authority().map(|authority| authority.as_str());
    for authority in [Some(host), named].into_iter().flatten() {
        if !is_own(authority, http) {
            return Err(HttpError::Misdirected { host: authority.chars().take(80).collect() });
        }
    }
    Ok(())
}

/// True for the addresses that the server listens on, the names of this machine for itself, and
/// `http.hosts`. Ports are not compared: containers and tunnels give others.
fn is_own(authority: &str, http: &Http) -> bool {
    let host = without_port(authority);
    let bound = http.bind.ip().to_canonical();
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    if let Ok(address) = address {
        let address = address.to_canonical();
        // No name server had a say in a request for an address.
        if address.is_loopback() || address == bound || bound.is_unspecified() {
            return true;
        }
    }
    let name = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
    name == "localhost"
        || name.ends_with(".localhost")
        || http.hosts.iter().any(|own| own == "*" || *own == name)
}

/// `name` of `name:3301`, `[::1]` of `[::1]:3301`.
fn without_port(authority: &str) -> &str {
    match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) && !open_bracket(host) => host,
        _ => authority,
    }
}

/// True within the brackets of an IPv6 address, whose colons divide no port.
fn open_bracket(host: &str) -> bool {
    host.starts_with('[') && !host.ends_with(']')
}

/// True for a request that a page of another site made the browser send, and that is not the user's
/// going to a page of this server. Programs that are no browsers say nothing of all this.
pub fn is_cross_site(peer: Peer, method: &Method, headers: &HeaderMap, http: &Http) -> bool {
    let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    let origin = text(header::ORIGIN);
    // Whose pages may read answers may cause them.
    if origin.is_some_and(|origin| http.cors_origins.iter().any(|own| own == "*" || own == origin)) {
        return false;
    }
    // What an extension sends for its user, browsers may call cross-site.
    if headers.contains_key(X_AOTF_USERSCRIPT) {
        return false;
    }
    match text(SEC_FETCH_SITE) {
        Some("same-origin" | "none") => false,
        Some(_) => {
            // A page can go elsewhere by itself, again and again; only a click is the user's.
            !(is_visit(method, headers) && text(SEC_FETCH_USER) == Some("?1"))
        }
        // Browsers leave the headers out where the connection is not to be trusted, and older ones always.
        // Behind a proxy the name that the browser used is not known.
        None => match (origin, text(header::HOST)) {
            (Some(origin), Some(host)) => !peer.is_proxy(http) && !is_same(origin, host),
            _ => false,
        },
    }
}

/// True where the browser is to show what is answered as a page of its own.
pub fn is_visit(method: &Method, headers: &HeaderMap) -> bool {
    let is = |name: HeaderName, value: &str| headers.get(name).is_some_and(|found| found == value);
    method == Method::GET && is(SEC_FETCH_MODE, "navigate") && is(SEC_FETCH_DEST, "document")
}

/// True where the browser says that a person left another page for this one: they clicked a link, a button or
/// a bookmarklet there. An address that was typed, pasted or opened by another program says nothing of that,
/// and neither do previews, prefetches and crawlers: they only look.
pub fn is_followed_link(method: &Method, headers: &HeaderMap) -> bool {
    let is = |name: HeaderName, value: &str| headers.get(name).is_some_and(|found| found == value);
    is_visit(method, headers)
        && is(SEC_FETCH_USER, "?1")
        && ["cross-site", "same-site", "same-origin"].iter().any(|site| is(SEC_FETCH_SITE, site))
        && !headers.contains_key("sec-purpose")
        && !headers.contains_key("purpose")
}

/// True if a page of `origin` was loaded from `host`.
fn is_same(origin: &str, host: &str) -> bool {
    let Some((scheme, authority)) = origin.split_once("://") else { return false };
    let default_port = if scheme == "https" { ":443" } else { ":80" };
    let plain = |authority: &str| authority.trim_end_matches(default_port).to_ascii_lowercase();
    plain(authority) == plain(host)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Settings;

    const STRANGER: Peer =
        Peer { ip: IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1)), is_local_socket: false };

    fn http(bind: &str) -> Http {
        let hosts = vec!["aotf.example.org".to_owned()];
        let trusted_proxies = vec!["10.0.0.0/8".parse().unwrap()];
        Http { bind: bind.parse().unwrap(), hosts, trusted_proxies, ..Settings::default().http }
    }

    fn headers(lines: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(HeaderName::from_static(name), value.parse().unwrap());
        }
        headers
    }

    #[test]
    fn hosts() {
        let on_loopback = http("127.0.0.1:3301");
        let on_all = http("[::]:3301");
        let on_one = http("192.0.2.7:3301");
        let path: Uri = "/query".parse().unwrap();
        for (settings, host, expect) in [
            (&on_loopback, "127.0.0.1:3301", true),
            (&on_loopback, "localhost:3301", true),
            (&on_loopback, "LOCALHOST.", true),
            (&on_loopback, "aotf.localhost:8080", true),
            (&on_loopback, "[::1]:3301", true),
            (&on_loopback, "[::1]", true),
            (&on_loopback, "[::ffff:127.0.0.1]:3301", true),
            (&on_loopback, "AOTF.example.org", true),
            (&on_loopback, "aotf.example.org.:443", true),
            (&on_loopback, "192.0.2.7", false),
            (&on_loopback, "evil.example", false),
            (&on_loopback, "evil.example:3301", false),
            (&on_loopback, "localhost.evil.example", false),
            (&on_loopback, "evillocalhost", false),
            (&on_loopback, "xaotf.example.org", false),
            (&on_loopback, "127.0.0.1.evil.example", false),
            (&on_loopback, "127.0.0.1@evil.example", false),
            (&on_loopback, "", false),
            (&on_loopback, ":3301", false),
            (&on_loopback, "[", false),
            (&on_all, "192.0.2.99:3301", true),
            (&on_all, "[2001:db8::1]", true),
            (&on_all, "myserver", false),
            (&on_one, "192.0.2.7", true),
            (&on_one, "192.0.2.8", false),
        ] {
            let found = check_host(STRANGER, &headers(&[("host", host)]), &path, settings);
            assert_eq!(found.is_ok(), expect, "{host}");
        }
        let none = check_host(STRANGER, &headers(&[]), &path, &on_all);
        assert!(matches!(none, Err(HttpError::BadRequest { .. })));
        let two = headers(&[("host", "localhost"), ("host", "localhost")]);
        assert!(matches!(check_host(STRANGER, &two, &path, &on_all), Err(HttpError::BadRequest { .. })));
        let whole: Uri = "http://evil.example/query".parse().unwrap();
        let named = check_host(STRANGER, &headers(&[("host", "localhost")]), &whole, &on_all);
        assert!(matches!(named, Err(HttpError::Misdirected { .. })));
        // Proxies name whom they like.
        let proxy = Peer { ip: "10.1.2.3".parse().unwrap(), is_local_socket: false };
        check_host(proxy, &headers(&[("host", "public.example")]), &path, &on_loopback).unwrap();
        let any = Http { hosts: vec!["*".to_owned()], ..http("127.0.0.1:1") };
        check_host(STRANGER, &headers(&[("host", "public.example")]), &path, &any).unwrap();
    }

    #[test]
    fn who_only_looks() {
        let click = [
            ("sec-fetch-user", "?1"),
            ("sec-fetch-mode", "navigate"),
            ("sec-fetch-dest", "document"),
            ("sec-fetch-site", "cross-site"),
        ];
        assert!(is_followed_link(&Method::GET, &headers(&click)));
        assert!(!is_followed_link(&Method::HEAD, &headers(&click)));
        assert!(!is_followed_link(&Method::GET, &headers(&[])), "a program, or an old browser");
        for (name, value) in [
            ("sec-fetch-user", "?0"),
            ("sec-fetch-mode", "no-cors"),
            ("sec-fetch-dest", "iframe"),
            // Typed or pasted, opened from a chat, by a browser that a program drives.
            ("sec-fetch-site", "none"),
        ] {
            let mut other: HeaderMap = headers(&click);
            other.insert(name, value.parse().unwrap());
            assert!(!is_followed_link(&Method::GET, &other), "{name}: {value}");
        }
        for purpose in [("sec-purpose", "prefetch;prerender"), ("purpose", "prefetch")] {
            let early: Vec<_> = click.into_iter().chain([purpose]).collect();
            assert!(!is_followed_link(&Method::GET, &headers(&early)), "{purpose:?}");
        }
    }

    #[test]
    fn requests_that_other_sites_cause() {
        let mut settings = http("127.0.0.1:3301");
        settings.cors_origins = vec!["https://friend.example".to_owned()];
        let (get, post) = (Method::GET, Method::POST);
        let navigation = [("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "document")];
        let check = |method: &Method, lines: &[(&'static str, &str)], expect: bool| {
            let mut all = vec![("host", "localhost:3301")];
            all.extend(lines);
            let found = is_cross_site(STRANGER, method, &headers(&all), &settings);
            assert_eq!(found, expect, "{method} {lines:?}");
        };
        check(&get, &[], false); // no browser
        check(&get, &[("sec-fetch-site", "same-origin")], false);
        check(&get, &[("sec-fetch-site", "none")], false); // typed, or a bookmark
        check(&get, &[("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "no-cors")], true);
        // A page of another port of this machine.
        check(&get, &[("sec-fetch-site", "same-site"), ("sec-fetch-mode", "cors")], true);
        check(&get, &[("sec-fetch-site", "something new")], true);
        let click = ("sec-fetch-user", "?1");
        check(&get, &[("sec-fetch-site", "cross-site"), navigation[0], navigation[1], click], false);
        // `location.href = ...`, a refresh, a redirect.
        check(&get, &[("sec-fetch-site", "cross-site"), navigation[0], navigation[1]], true);
        check(&post, &[("sec-fetch-site", "cross-site"), navigation[0], navigation[1]], true);
        let frame = [("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "iframe")];
        check(&get, &[("sec-fetch-site", "cross-site"), frame[0], frame[1], click], true);
        check(&post, &[("sec-fetch-site", "cross-site"), ("origin", "https://friend.example")], false);
        check(&post, &[("sec-fetch-site", "cross-site"), ("origin", "https://evil.example")], true);
        let script = ("x-aotf-userscript", "1");
        check(&get, &[("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "cors"), script], false);
        check(&post, &[("origin", "http://localhost:3301")], false);
        check(&post, &[("origin", "http://localhost:8000")], true);
        check(&post, &[("origin", "null")], true);
        let lines = [("host", "aotf.example.org"), ("origin", "https://aotf.example.org:443")];
        assert!(!is_cross_site(STRANGER, &post, &headers(&lines), &settings));
        // A proxy that names its own upstream.
        let proxy = Peer { ip: "10.1.2.3".parse().unwrap(), is_local_socket: false };
        let lines = [("host", "127.0.0.1:3301"), ("origin", "https://aotf.example.org")];
        assert!(!is_cross_site(proxy, &post, &headers(&lines), &settings));
    }
}
