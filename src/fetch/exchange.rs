//! One question and one answer: a request sent to where it is really to go, its answer read under
//! the limits of size and time. No retries, no redirects, no pacing.

use std::error::Error;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::BytesMut;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::Url;

use super::address;
use super::error::{FetchError, StartError};
use super::request::{Method, Request, Response};
use super::upstreams::{Upstreams, host_header};
use crate::base::ErrorChain;
use crate::config;

/// A connection that is not there after this long never will be.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Connections kept open without use, per host.
const IDLE_PER_HOST: usize = 4;

/// Sends requests: strangers' to public addresses only, those with an upstream wherever it is.
pub struct Exchange {
    public: reqwest::Client,
    upstream: reqwest::Client,
    upstreams: Upstreams,
    timeout: Duration,
}

impl Exchange {
    /// # Errors
    /// `StartError::Client` when the TLS library cannot be set up.
    pub fn new(settings: &config::Fetch, upstreams: Upstreams) -> Result<Exchange, StartError> {
        // A second start in the same process (roles as threads) finds it installed already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        // The stand-in is chosen by address: over HTTP/2 the host's name could not be kept apart from it.
        let upstream = || client(settings).http1_only();
        Ok(Exchange {
            public: build(|| client(settings).dns_resolver(PublicOnly))?,
            // Loading the authorities costs tens of milliseconds and megabytes.
            upstream: if upstreams.any_secure() {
                build(upstream)?
            } else {
                build_trusting_nobody(upstream)?
            },
            upstreams,
            timeout: settings.timeout,
        })
    }

    /// Asks `url` (which may have come from a redirect) with the rest of `request`.
    ///
    /// # Errors
    /// `Forbidden`, `Unreachable`, `Timeout`, `TooBig`, `BrokenOff`.
    pub async fn send(&self, request: &Request, url: &Url) -> Result<Response, FetchError> {
        match tokio::time::timeout(self.timeout, self.send_untimed(request, url)).await {
            Ok(outcome) => outcome,
            Err(_) => Err(FetchError::Timeout { url: url.to_string(), after: self.timeout }),
        }
    }

    async fn send_untimed(&self, request: &Request, url: &Url) -> Result<Response, FetchError> {
        let method = match request.method {
            Method::Get => reqwest::Method::GET,
            Method::Head => reqwest::Method::HEAD,
            Method::Post => reqwest::Method::POST,
        };
        let mut builder = match self.upstreams.redirect(url) {
            Some(target) => {
                self.upstream.request(method, target).header(reqwest::header::HOST, host_header(url))
            }
            None => {
                address::check_url(url).map_err(|why| FetchError::Forbidden { url: url.to_string(), why })?;
                self.public.request(method, url.clone())
            }
        };
        for (name, value) in &request.headers {
            builder = builder.header(*name, value);
        }
        if let Some(body) = &request.body {
            builder = builder.body(body.clone());
        }
        let response = builder.send().await.map_err(|error| tell(url, &error))?;
        read(request, url, response).await
    }
}

pub(super) fn client(settings: &config::Fetch) -> reqwest::ClientBuilder {
    reqwest::Client::builder()
        .user_agent(&settings.user_agent)
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .no_proxy()
        .referer(false)
        .connect_timeout(CONNECT_TIMEOUT.min(settings.timeout))
        .pool_max_idle_per_host(IDLE_PER_HOST)
}

/// Builds a client; on a machine without CA certificates one that trusts nobody, so that what needs
/// no TLS (the demo world) works there, and the rest fails with the reason.
pub(super) fn build(builder: impl Fn() -> reqwest::ClientBuilder) -> Result<reqwest::Client, StartError> {
    let with_roots = builder().build();
    let Err(error) = with_roots else { return with_roots.map_err(|source| StartError::Client { source }) };
    tracing::warn!(error = %ErrorChain(&error), "no certificate authorities: https will fail");
    build_trusting_nobody(builder)
}

pub(super) fn build_trusting_nobody(
    builder: impl Fn() -> reqwest::ClientBuilder,
) -> Result<reqwest::Client, StartError> {
    builder().tls_certs_only([]).build().map_err(|source| StartError::Client { source })
}

async fn read(request: &Request, url: &Url, mut response: reqwest::Response) -> Result<Response, FetchError> {
    let too_big = || FetchError::TooBig { url: url.to_string(), limit: request.max_bytes };
    let status = response.status().as_u16();
    let headers = response
        .headers()
        .iter()
        .map(|(name, value)| {
            (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
        })
        .collect();
    let mut body = BytesMut::new();
    if request.method != Method::Head {
        // Absent for a compressed body, whose size shows only while it is read.
        if response.content_length().is_some_and(|length| length > request.max_bytes) {
            return Err(too_big());
        }
        while let Some(chunk) = response.chunk().await.map_err(|error| tell(url, &error))? {
            let length = u64::try_from(body.len().saturating_add(chunk.len())).unwrap_or(u64::MAX);
            if length > request.max_bytes {
                return Err(too_big());
            }
            body.extend_from_slice(&chunk);
        }
    }
    Ok(Response { status, url: url.clone(), headers, body: body.freeze() })
}

/// Says what a failed exchange means: whether there was a host at all decides what is done about it.
fn tell(url: &Url, error: &reqwest::Error) -> FetchError {
    let mut cause: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(inner) = cause {
        if let Some(NoPublicAddress(why)) = inner.downcast_ref() {
            return FetchError::Forbidden { url: url.to_string(), why: why.clone() };
        }
        cause = inner.source();
    }
    // The library's own text starts with the URL, which the variants name already.
    let why = error.source().map_or_else(|| error.to_string(), |cause| ErrorChain(cause).to_string());
    if error.is_builder() {
        FetchError::Forbidden { url: url.to_string(), why }
    } else if error.is_connect() {
        FetchError::Unreachable { host: url.host_str().unwrap_or_default().to_owned(), why }
    } else {
        FetchError::BrokenOff { url: url.to_string(), why }
    }
}

/// Every address of a name is private, or reserved.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct NoPublicAddress(String);

/// The system's name service, without the addresses that strangers may not make us ask. What it
/// answers is what is connected to, so a name cannot change its mind in between.
pub(super) struct PublicOnly;

impl Resolve for PublicOnly {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            Ok(public_only(name.as_str(), found)?)
        })
    }
}

/// Keeps the public addresses of `name`; it is an error when all that it has are not.
fn public_only(name: &str, found: Vec<SocketAddr>) -> Result<Addrs, NoPublicAddress> {
    let refused = found.iter().find_map(|socket| address::check_address(socket.ip()).err());
    let public: Vec<_> = found.into_iter().filter(|socket| address::is_public(socket.ip())).collect();
    match refused {
        Some(why) if public.is_empty() => Err(NoPublicAddress(format!("{name} leads nowhere public: {why}"))),
        _ => Ok(Box::new(public.into_iter())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(found: &[&str], expect: Option<&[&str]>) {
        let parse = |list: &[&str]| -> Vec<SocketAddr> {
            list.iter().map(|ip| SocketAddr::new(ip.parse().unwrap(), 0)).collect()
        };
        let kept =
            public_only("a.example.com", parse(found)).ok().map(|addresses| addresses.collect::<Vec<_>>());
        assert_eq!(kept, expect.map(parse));
    }

    #[test]
    fn private_answers_of_the_name_service_are_dropped() {
        check(&["93.184.215.14"], Some(&["93.184.215.14"]));
        check(&["127.0.0.1", "93.184.215.14"], Some(&["93.184.215.14"]));
        check(&["127.0.0.1"], None);
        check(&["::1", "fd00::1", "::ffff:10.0.0.1"], None);
        check(&["169.254.169.254"], None);
        check(&[], Some(&[]));
    }

    /// The name passes for one that no rule about names has refused.
    #[tokio::test(flavor = "current_thread")]
    async fn a_name_that_leads_home_is_not_connected_to() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let url: Url = format!("http://localhost:{port}/").parse().unwrap();
        let exchange = Exchange::new(&config::Settings::default().fetch, Upstreams::default()).unwrap();
        let error = exchange.public.get(url.clone()).send().await.unwrap_err();
        let error = tell(&url, &error);
        assert!(
            matches!(&error, FetchError::Forbidden { why, .. } if why.contains("leads nowhere public")),
            "{error}"
        );
        listener.set_nonblocking(true).unwrap();
        assert!(listener.accept().is_err(), "nobody called");
    }
}
