//! The table of upstreams: where requests for a host are really sent (tests, the demo world, an
//! egress proxy). Scheme and authority are replaced; path, query and the `Host` header stay.

use std::collections::BTreeMap;

use url::Url;

use super::error::StartError;

/// Host, in lower case, to the base URL of its stand-in.
#[derive(Clone, Debug, Default)]
pub struct Upstreams(BTreeMap<String, Url>);

impl Upstreams {
    /// # Errors
    /// `StartError::Upstream` when a target is not `http://host[:port]` or `https://host[:port]`.
    pub fn parse(table: &BTreeMap<String, String>) -> Result<Upstreams, StartError> {
        let mut parsed = BTreeMap::new();
        for (host, target) in table {
            let refuse =
                |why: String| StartError::Upstream { host: host.clone(), target: target.clone(), why };
            let url: Url = target.parse().map_err(|error: url::ParseError| refuse(error.to_string()))?;
            if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
                return Err(refuse("it must be http://HOST:PORT or https://HOST:PORT".to_owned()));
            }
            if url.path() != "/" || url.query().is_some() || url.fragment().is_some() {
                return Err(refuse("it may not have a path: the request's own is kept".to_owned()));
            }
            parsed.insert(host.trim_end_matches('.').to_ascii_lowercase(), url);
        }
        Ok(Upstreams(parsed))
    }

    /// True when a target speaks TLS.
    pub fn any_secure(&self) -> bool {
        self.0.values().any(|target| target.scheme() == "https")
    }

    /// The URL to ask instead of `url`, if its host has an upstream.
    pub fn redirect(&self, url: &Url) -> Option<Url> {
        let host = url.host_str()?.trim_end_matches('.');
        let mut target = self.0.get(host)?.clone();
        target.set_path(url.path());
        target.set_query(url.query());
        Some(target)
    }
}

/// What the `Host` header of a request for `url` says.
pub fn host_header(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    match url.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(host: &str, target: &str) -> BTreeMap<String, String> {
        BTreeMap::from([(host.to_owned(), target.to_owned())])
    }

    #[track_caller]
    fn check(url: &str, expect: Option<&str>) {
        let upstreams = Upstreams::parse(&table("API.x.com", "http://127.0.0.1:9100")).unwrap();
        let redirected = upstreams.redirect(&url.parse().unwrap());
        assert_eq!(redirected.as_ref().map(Url::as_str), expect, "{url}");
    }

    #[test]
    fn only_scheme_and_authority_are_replaced() {
        check("https://api.x.com/2/users?ids=1%2C2", Some("http://127.0.0.1:9100/2/users?ids=1%2C2"));
        check("https://api.x.com:8443/a%20b", Some("http://127.0.0.1:9100/a%20b"));
        check("https://api.x.com./a", Some("http://127.0.0.1:9100/a"));
        check("https://x.com/2/users", None);
        check("https://api.x.com.example.org/", None);
    }

    #[test]
    fn targets_that_are_no_server_are_refused() {
        for target in ["nonsense", "ftp://a/", "http://127.0.0.1:1/path", "unix:/run/x"] {
            assert!(Upstreams::parse(&table("a.com", target)).is_err(), "{target}");
        }
    }
}
