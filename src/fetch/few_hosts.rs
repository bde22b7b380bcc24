//! The way out of a process that speaks to a few hosts, named when it starts, and to no other: whatever a
//! stranger's message or a host's own answer says, nobody else is connected to. Asynchronous, without retries
//! and redirects. No error of it holds an address: those of some services hold their key.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::{Bytes, BytesMut};
use reqwest::header;
use url::Url;

use super::error::StartError;
use super::exchange::{PublicOnly, build, build_trusting_nobody, client};
use super::upstreams::{Upstreams, host_header};
use crate::base::ErrorChain;
use crate::config::Settings;

/// What the server of RFC 6455 adds to the key of a handshake.
const WEB_SOCKET_GUID: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// The bytes below the frames of a WebSocket.
pub type WebSocketBytes = reqwest::Upgraded;

/// How a request begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    Get,
    Post,
    Put,
    Patch,
}

/// A request.
#[derive(Debug)]
pub struct Question {
    pub verb: Verb,
    pub url: Url,
    /// Names, in lower case, and values.
    pub headers: Vec<(&'static str, String)>,
    /// The type of the body, and the body.
    pub body: Option<(&'static str, Bytes)>,
    /// A longer answer is an error.
    pub max_bytes: usize,
    /// For everything, from the connection to the end of the body.
    pub timeout: Duration,
}

impl Question {
    /// Without a body.
    pub fn get(url: Url, max_bytes: usize, timeout: Duration) -> Question {
        Question { verb: Verb::Get, url, headers: Vec::new(), body: None, max_bytes, timeout }
    }

    /// With a body of JSON.
    pub fn json(
        verb: Verb,
        url: Url,
        body: &serde_json::Value,
        max_bytes: usize,
        timeout: Duration,
    ) -> Question {
        let body = Some(("application/json", Bytes::from(body.to_string())));
        Question { verb, url, headers: Vec::new(), body, max_bytes, timeout }
    }

    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Question {
        self.headers.push((name, value.into()));
        self
    }
}

/// What came back, whatever its status.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    /// When to ask again, where the host says it in seconds.
    pub retry_after: Option<Duration>,
    pub body: Bytes,
}

/// Why nothing came back.
#[derive(Debug, thiserror::Error)]
pub enum FewHostsError {
    #[error("{host} is none of the hosts that this process speaks to")]
    Forbidden { host: String },
    /// Nothing was sent.
    #[error("could not connect to {host}: {why}")]
    Unreachable { host: String, why: String },
    /// What was sent may have arrived.
    #[error("no answer from {host}: {why}")]
    NoAnswer { host: String, why: String },
    #[error("{host} did not answer within {} s", after.as_secs())]
    Timeout { host: String, after: Duration },
    #[error("the answer of {host} is larger than {limit} bytes")]
    TooBig { host: String, limit: usize },
    #[error("{host} does not open a WebSocket (status {status})")]
    NotUpgraded { host: String, status: u16 },
}

/// See the head of this file.
#[derive(Debug)]
pub struct FewHosts {
    public: reqwest::Client,
    upstream: reqwest::Client,
    upstreams: Upstreams,
    names: &'static [&'static str],
    own: Url,
}

impl FewHosts {
    /// `names` are reached over HTTPS at public addresses, or where an upstream of the settings says; one
    /// that begins with a dot stands for all names that end so. `own` is our own server, wherever it is.
    ///
    /// # Errors
    /// An upstream is no server's address, or the TLS library cannot be set up.
    pub fn new(
        settings: &Settings,
        names: &'static [&'static str],
        own: Url,
    ) -> Result<FewHosts, StartError> {
        // Somebody else in this process may have installed it.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let upstreams = Upstreams::parse(&settings.upstreams)?;
        // A WebSocket begins as HTTP/1.1, and so few requests gain nothing by HTTP/2.
        let upstream = || client(&settings.fetch).http1_only();
        let trusts_nobody = !upstreams.any_secure() && own.scheme() != "https";
        Ok(FewHosts {
            public: build(|| client(&settings.fetch).http1_only().dns_resolver(PublicOnly))?,
            upstream: if trusts_nobody { build_trusting_nobody(upstream)? } else { build(upstream)? },
            upstreams,
            names,
            own,
        })
    }

    /// Whether this address may be asked.
    pub fn may_ask(&self, url: &Url) -> bool {
        self.is_own(url) || self.is_named(url)
    }

    fn is_own(&self, url: &Url) -> bool {
        url.origin() == self.own.origin()
    }

    fn is_named(&self, url: &Url) -> bool {
        let host = url.host_str().unwrap_or_default();
        let is_one = |name: &&str| match name.strip_prefix('.') {
            Some(_) => host.ends_with(*name),
            None => host == *name,
        };
        url.scheme() == "https"
            && url.port().is_none()
            && url.username().is_empty()
            && url.password().is_none()
            && self.names.iter().any(is_one)
    }

    /// Sends a request, to one of the hosts.
    ///
    /// # Errors
    /// There is no whole answer. A status that tells of a failure is an answer.
    pub async fn ask(&self, question: Question) -> Result<Reply, FewHostsError> {
        let (host, after) = (host_of(&question.url), question.timeout);
        match tokio::time::timeout(after, self.ask_untimed(question)).await {
            Ok(outcome) => outcome,
            Err(_) => Err(FewHostsError::Timeout { host, after }),
        }
    }

    async fn ask_untimed(&self, question: Question) -> Result<Reply, FewHostsError> {
        let Question { verb, url, headers, body, max_bytes, timeout: _ } = question;
        let host = host_of(&url);
        let mut builder = self.builder(verb, &url)?;
        for (name, value) in headers {
            builder = builder.header(name, value);
        }
        if let Some((kind, body)) = body {
            builder = builder.header(header::CONTENT_TYPE, kind).body(body);
        }
        let mut response = builder.send().await.map_err(|error| no_answer(&host, error))?;
        let too_big = || FewHostsError::TooBig { host: host.clone(), limit: max_bytes };
        if response.content_length().is_some_and(|length| length > max_bytes as u64) {
            return Err(too_big());
        }
        let mut read = BytesMut::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| no_answer(&host, error))? {
            if read.len().saturating_add(chunk.len()) > max_bytes {
                return Err(too_big());
            }
            read.extend_from_slice(&chunk);
        }
        let retry_after = response.headers().get(header::RETRY_AFTER);
        let retry_after = retry_after.and_then(|value| value.to_str().ok()?.trim().parse::<f64>().ok());
        let retry_after = retry_after.and_then(|secs| Duration::try_from_secs_f64(secs).ok());
        Ok(Reply { status: response.status().as_u16(), retry_after, body: read.freeze() })
    }

    /// Opens a WebSocket (RFC 6455) at an `https` address; its frames are the caller's.
    ///
    /// # Errors
    /// The host does not agree within `timeout`.
    pub async fn open_web_socket(
        &self,
        url: &Url,
        timeout: Duration,
    ) -> Result<WebSocketBytes, FewHostsError> {
        let host = host_of(url);
        let opened = async {
            let key = BASE64.encode(rand_key());
            let builder = self
                .builder(Verb::Get, url)?
                .header(header::CONNECTION, "Upgrade")
                .header(header::UPGRADE, "websocket")
                .header(header::SEC_WEBSOCKET_VERSION, "13")
                .header(header::SEC_WEBSOCKET_KEY, &key);
            let response = builder.send().await.map_err(|error| no_answer(&host, error))?;
            let status = response.status().as_u16();
            let accepted = response.headers().get(header::SEC_WEBSOCKET_ACCEPT);
            if status != 101 || accepted.is_none_or(|value| value.as_bytes() != accept_of(&key).as_bytes()) {
                return Err(FewHostsError::NotUpgraded { host: host.clone(), status });
            }
            response.upgrade().await.map_err(|error| no_answer(&host, error))
        };
        match tokio::time::timeout(timeout, opened).await {
            Ok(outcome) => outcome,
            Err(_) => Err(FewHostsError::Timeout { host: host.clone(), after: timeout }),
        }
    }

    fn builder(&self, verb: Verb, url: &Url) -> Result<reqwest::RequestBuilder, FewHostsError> {
        let method = match verb {
            Verb::Get => reqwest::Method::GET,
            Verb::Post => reqwest::Method::POST,
            Verb::Put => reqwest::Method::PUT,
            Verb::Patch => reqwest::Method::PATCH,
        };
        if self.is_own(url) {
            return Ok(self.upstream.request(method, url.clone()));
        }
        if !self.is_named(url) {
            return Err(FewHostsError::Forbidden { host: host_of(url) });
        }
        Ok(match self.upstreams.redirect(url) {
            Some(target) => self.upstream.request(method, target).header(header::HOST, host_header(url)),
            None => self.public.request(method, url.clone()),
        })
    }
}

fn host_of(url: &Url) -> String {
    url.host_str().unwrap_or("no host").to_owned()
}

/// The library's own text begins with the address, which may hold a key.
fn no_answer(host: &str, error: reqwest::Error) -> FewHostsError {
    let error = error.without_url();
    let (host, why) = (host.to_owned(), ErrorChain(&error).to_string());
    match error.is_connect() {
        true => FewHostsError::Unreachable { host, why },
        false => FewHostsError::NoAnswer { host, why },
    }
}

/// Proves no more than that the other side has read the request: RFC 6455 keeps nothing secret by it.
fn rand_key() -> [u8; 16] {
    fastrand::u128(..).to_be_bytes()
}

fn accept_of(key: &str) -> String {
    let joined = format!("{key}{WEB_SOCKET_GUID}");
    let digest = ring::digest::digest(&ring::digest::SHA1_FOR_LEGACY_USE_ONLY, joined.as_bytes());
    BASE64.encode(digest.as_ref())
}

#[cfg(test)]
mod tests {
    use super::super::test_server::{Reply as Served, TestServer};
    use super::*;

    const NAMES: &[&str] = &["api.example.org", ".gateway.example.org"];

    fn hosts(own: &str, upstream: Option<&str>) -> FewHosts {
        let mut settings = Settings::default();
        let upstream = upstream.map(|base| ("api.example.org".to_owned(), base.to_owned()));
        settings.upstreams.extend(upstream);
        FewHosts::new(&settings, NAMES, own.parse().unwrap()).unwrap()
    }

    #[test]
    fn only_the_named_hosts_may_be_asked() {
        let hosts = hosts("http://127.0.0.1:3301", None);
        let check = |url: &str, expect: bool| {
            assert_eq!(hosts.may_ask(&url.parse().unwrap()), expect, "{url}");
        };
        check("https://api.example.org/bot1:a/getMe", true);
        check("https://eu1.gateway.example.org/?v=10", true);
        check("http://127.0.0.1:3301/credit?url=a", true);
        for url in [
            "http://api.example.org/",
            "https://api.example.org:8443/",
            "https://api.example.org.evil.example/",
            "https://evil.example/api.example.org",
            "https://evilgateway.example.org/",
            "https://gateway.example.org/",
            "https://a:b@api.example.org/",
            "https://127.0.0.1:3301/",
            "http://127.0.0.1:3302/",
            "http://localhost:3301/",
            "file:///etc/passwd",
        ] {
            check(url, false);
        }
    }

    #[tokio::test(flavor = "current_thread")]
    async fn answers_have_limits_and_errors_no_address() {
        let server = TestServer::start(|seen| match seen.target.as_str() {
            "/slow" => Served::Drip(b"HTTP/1.1 200 X\r\ncontent-length: 9999\r\n\r\n".to_vec()),
            "/away" => Served::status(302).header("location", "http://127.0.0.1:9/"),
            _ => Served::ok("x".repeat(100)).header("retry-after", "2"),
        });
        let hosts = hosts("http://127.0.0.1:1", Some(&server.base_url()));
        let get = |path: &str, max_bytes: usize, timeout: Duration| {
            let url = format!("https://api.example.org{path}").parse().unwrap();
            hosts.ask(Question::get(url, max_bytes, timeout))
        };
        let long = Duration::from_secs(20);
        let reply = get("/", 100, long).await.unwrap();
        assert_eq!((reply.status, reply.body.len()), (200, 100));
        assert_eq!(reply.retry_after, Some(Duration::from_secs(2)));
        assert_eq!(server.seen()[0].header("host"), Some("api.example.org"));
        let reply = get("/away", 100, long).await.unwrap();
        assert_eq!(reply.status, 302, "nobody is led elsewhere");
        for (path, max_bytes, timeout, expect) in [
            ("/secret", 99, long, "the answer of api.example.org is larger than 99 bytes"),
            ("/slow", 100, long, "the answer of api.example.org is larger than 100 bytes"),
            ("/slow", 9999, Duration::from_millis(50), "api.example.org did not answer within 0 s"),
        ] {
            let error = get(path, max_bytes, timeout).await.unwrap_err();
            assert_eq!(error.to_string(), expect);
        }
        let nobody = hosts.ask(Question::get("http://127.0.0.1:1/secret".parse().unwrap(), 1, long)).await;
        let told = nobody.unwrap_err().to_string();
        assert!(told.starts_with("could not connect to 127.0.0.1: ") && !told.contains("secret"), "{told}");
        let strange = hosts.ask(Question::get("https://evil.example/".parse().unwrap(), 1, long)).await;
        assert!(matches!(strange, Err(FewHostsError::Forbidden { .. })));
    }

    /// The example of RFC 6455, section 1.3.
    #[test]
    fn the_answer_to_a_handshake_is_known() {
        assert_eq!(accept_of("dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    }
}
