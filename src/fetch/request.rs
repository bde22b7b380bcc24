//! What is asked and what is answered.

use std::borrow::Cow;
use std::fmt;

use bytes::Bytes;
use url::Url;

use super::error::FetchError;

/// Fetches, blocking the calling thread. Callers are workers, which are plain threads; the real
/// implementation drives all its requests on one runtime thread of the container.
pub trait Fetch: Send + Sync {
    /// Carries out one request, with the pauses and retries that its host needs.
    ///
    /// Any HTTP status is a `Response`: only the caller knows what a 404 means. 429 and 5xx are
    /// retried first, as `request.retries` says, and then returned like any other. A `Retry-After` of up
    /// to a minute is waited out, by everybody who asks that host; a longer one is `Paused`.
    ///
    /// # Errors
    /// When there is no complete response. `FetchError::reaction` says what to do.
    fn fetch(&self, request: Request) -> Result<Response, FetchError>;

    /// Carries out many requests at once, within the limits of their hosts. Answers in the order asked.
    fn fetch_all(&self, requests: Vec<Request>) -> Vec<Result<Response, FetchError>>;
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    Get,
    Head,
    Post,
}

/// One request, complete.
#[derive(Clone)]
pub struct Request {
    pub method: Method,
    pub url: Url,
    /// Beside those that every request has (`User-Agent`, `Accept-Encoding`, `Host`). A `User-Agent`
    /// here replaces the configured one.
    pub headers: Vec<(&'static str, String)>,
    pub body: Option<Bytes>,
    /// A longer response is `FetchError::TooBig`; read no further.
    pub max_bytes: u64,
    /// Redirects to follow, each checked like a first request; 0 returns the 3xx itself.
    pub max_redirects: u8,
    /// Attempts after the first for connection failures, 429 and 5xx.
    pub retries: u8,
}

/// Without the values of its headers, which may be secrets, and without its body.
impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let headers: Vec<&str> = self.headers.iter().map(|(name, _)| *name).collect();
        f.debug_struct("Request")
            .field("method", &self.method)
            .field("url", &self.url.as_str())
            .field("headers", &headers)
            .finish_non_exhaustive()
    }
}

/// Pages from strangers are refused beyond this.
pub const MAX_PAGE_BYTES: u64 = 10 * 1024 * 1024;
/// What is read of a body as text. The largest real pages, which carry their state in a script, have about
/// two million bytes; every further one costs each pass over the page its time.
pub const MAX_TEXT_BYTES: usize = 4 << 20;

impl Request {
    /// A GET of a page or an API answer: 10 MiB, 5 redirects, 3 retries.
    pub fn get(url: Url) -> Request {
        Request {
            method: Method::Get,
            url,
            headers: Vec::new(),
            body: None,
            max_bytes: MAX_PAGE_BYTES,
            max_redirects: 5,
            retries: 3,
        }
    }

    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Request {
        self.headers.push((name, value.into()));
        self
    }

    pub fn max_bytes(mut self, max_bytes: u64) -> Request {
        self.max_bytes = max_bytes;
        self
    }

    pub fn max_redirects(mut self, max_redirects: u8) -> Request {
        self.max_redirects = max_redirects;
        self
    }

    pub fn retries(mut self, retries: u8) -> Request {
        self.retries = retries;
        self
    }
}

/// A complete response.
#[derive(Clone, Debug)]
pub struct Response {
    pub status: u16,
    /// Where it came from after redirects (as asked for, not the upstream).
    pub url: Url,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    /// Decompressed.
    pub body: Bytes,
}

impl Response {
    /// The first header of this name (given in lower case).
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The body as text, by the charset of the header (UTF-8 without one); malformed bytes are replaced. Of a
    /// text that takes more than `MAX_TEXT_BYTES` in UTF-8, the beginning.
    pub fn text(&self) -> Cow<'_, str> {
        let charset = self
            .header("content-type")
            .and_then(|value| value.split(';').find_map(|part| part.trim().strip_prefix("charset=")))
            .and_then(|label| encoding_rs::Encoding::for_label(label.trim_matches(['"', '\'']).as_bytes()))
            .unwrap_or(encoding_rs::UTF_8);
        // A byte order mark says more about a body than its header does.
        let (charset, mark) = encoding_rs::Encoding::for_bom(&self.body).unwrap_or((charset, 0));
        let body = &self.body[mark..];
        if charset == encoding_rs::UTF_8
            && let Ok(text) = std::str::from_utf8(body)
        {
            return Cow::Borrowed(&text[..text.floor_char_boundary(MAX_TEXT_BYTES)]);
        }
        // One byte may become three: the decoder stops where the text is full.
        let mut decoder = charset.new_decoder_without_bom_handling();
        let room = decoder.max_utf8_buffer_length(body.len()).unwrap_or(MAX_TEXT_BYTES).min(MAX_TEXT_BYTES);
        let mut text = String::with_capacity(room);
        let _ = decoder.decode_to_string(body, &mut text, true);
        Cow::Owned(text)
    }
}

impl<F: Fetch + ?Sized> Fetch for std::sync::Arc<F> {
    fn fetch(&self, request: Request) -> Result<Response, FetchError> {
        (**self).fetch(request)
    }

    fn fetch_all(&self, requests: Vec<Request>) -> Vec<Result<Response, FetchError>> {
        (**self).fetch_all(requests)
    }
}
