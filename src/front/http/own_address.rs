//! The address by which a caller reached this server, for what is made to lead back here: the bookmarklet,
//! the userscript.

use axum::http::{HeaderMap, HeaderName, header};

use super::peer::Peer;
use crate::config::{ForwardedHeader, Http};

const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// An origin, `https://aotf.example.org`, and what stands in it. Its characters are those of names and ports:
/// it can be written into a script or a page as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnAddress {
    is_https: bool,
    /// With its port, where the caller named one.
    authority: String,
}

impl OwnAddress {
    /// `None` where the header `Host` holds what is no host: nothing of that is repeated.
    pub fn of(peer: Peer, headers: &HeaderMap, http: &Http) -> Option<OwnAddress> {
        let authority = headers.get(header::HOST)?.to_str().ok()?;
        let is_plain = authority.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".:-[]".contains(&byte));
        let url = url::Url::parse(&format!("http://{authority}/")).ok().filter(|_| is_plain)?;
        url.host().filter(|_| url.path() == "/" && url.username().is_empty())?;
        Some(OwnAddress {
            is_https: peer.is_proxy(http) && forwarded_scheme(headers, http).as_deref() == Some("https"),
            authority: authority.to_ascii_lowercase(),
        })
    }

    pub fn origin(&self) -> String {
        format!("{}://{}", if self.is_https { "https" } else { "http" }, self.authority)
    }

    /// The host without its port.
    pub fn host(&self) -> &str {
        match self.authority.rsplit_once(':') {
            // The colons of an IPv6 address divide no port.
            Some((host, _)) if !host.starts_with('[') || host.ends_with(']') => host,
            _ => &self.authority,
        }
    }
}

/// How the caller reached the proxy, as the proxy says: of a list, its own word is the last. The header is
/// the one in which it names the caller, or its companion.
fn forwarded_scheme(headers: &HeaderMap, http: &Http) -> Option<String> {
    let last = |name: HeaderName| {
        let value = headers.get_all(name).iter().next_back()?.to_str().ok()?;
        Some(value.rsplit(',').next()?.trim().to_owned())
    };
    let scheme = match http.forwarded_header {
        ForwardedHeader::XForwardedFor => last(X_FORWARDED_PROTO)?,
        // for=192.0.2.1;proto=https
        ForwardedHeader::Forwarded => last(header::FORWARDED)?.split(';').find_map(|pair| {
            let (name, value) = pair.trim().split_once('=')?;
            name.trim().eq_ignore_ascii_case("proto").then(|| value.trim().trim_matches('"').to_owned())
        })?,
    };
    Some(scheme.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Settings;

    #[track_caller]
    fn check(peer: &str, lines: &[(&'static str, &str)], expect: Option<(&str, &str)>) {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(HeaderName::from_static(name), value.parse().unwrap());
        }
        let mut http = Settings::default().http;
        http.trusted_proxies = vec!["10.0.0.0/8".parse().unwrap()];
        if lines.iter().any(|(name, _)| *name == "forwarded") {
            http.forwarded_header = ForwardedHeader::Forwarded;
        }
        let peer = Peer { ip: peer.parse().unwrap(), is_local_socket: false };
        let found = OwnAddress::of(peer, &headers, &http);
        let found = found.as_ref().map(|found| (found.origin(), found.host()));
        assert_eq!(found.as_ref().map(|(origin, host)| (origin.as_str(), *host)), expect, "{lines:?}");
    }

    #[test]
    fn addresses_are_those_that_callers_used() {
        let stranger = "192.0.2.1";
        check(stranger, &[("host", "127.0.0.1:3301")], Some(("http://127.0.0.1:3301", "127.0.0.1")));
        check(stranger, &[("host", "[::1]:3301")], Some(("http://[::1]:3301", "[::1]")));
        check(stranger, &[("host", "[::1]")], Some(("http://[::1]", "[::1]")));
        check(
            stranger,
            &[("host", "AOTF.example.org")],
            Some(("http://aotf.example.org", "aotf.example.org")),
        );
        // Whoever is no proxy says nothing of schemes.
        let said = [("host", "a.example"), ("x-forwarded-proto", "https")];
        check(stranger, &said, Some(("http://a.example", "a.example")));
        check("10.0.0.1", &said, Some(("https://a.example", "a.example")));
        check(
            "10.0.0.1",
            &[("host", "a.example"), ("x-forwarded-proto", "https, http")],
            Some(("http://a.example", "a.example")),
        );
        check(
            "10.0.0.1",
            &[("host", "a.example"), ("forwarded", "for=192.0.2.1;Proto=\"HTTPS\"")],
            Some(("https://a.example", "a.example")),
        );
        check(
            "10.0.0.1",
            &[("host", "a.example"), ("forwarded", "for=192.0.2.1"), ("x-forwarded-proto", "https")],
            Some(("http://a.example", "a.example")),
        );
    }

    #[test]
    fn nothing_hostile_is_repeated() {
        check("192.0.2.1", &[], None);
        for host in [
            "",
            ":80",
            "a b",
            "a\"b",
            "a.example/x",
            "a.example\\x",
            "user@a.example",
            "a.example:port",
            "a.example:99999",
            "a.example?x",
            "a.example#x",
            "[::1",
            "<script>",
            "`${x}`",
            "a.example,b.example",
            "a'b",
            "a;b",
            "a%0ab",
        ] {
            check("192.0.2.1", &[("host", host)], None);
        }
    }
}
