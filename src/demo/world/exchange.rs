//! One request and its answer, free of any HTTP library: what the sites are written against.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use serde_json::Value;

/// A GET (or HEAD) request, or the POST of a form or of JSON.
#[derive(Clone, Debug, Default)]
pub struct Call {
    /// As asked for, without a port: lower case.
    pub host: String,
    pub path: String,
    /// Decoded, in the order given.
    pub query: Vec<(String, String)>,
    /// By name in lower case, those that are text.
    pub headers: BTreeMap<String, String>,
    /// The fields of a form that was posted; `None` for a GET.
    pub form: Option<Vec<(String, String)>>,
    /// What was posted as JSON.
    pub json: Option<Value>,
}

impl Call {
    /// The first value of a query parameter.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }

    /// Whether the client poses as a browser, which some sites demand and others refuse.
    pub fn is_browser(&self) -> bool {
        self.header("user-agent").is_some_and(|agent| agent.starts_with("Mozilla/"))
    }

    /// The parts of the path between slashes, without empty ones.
    pub fn segments(&self) -> Vec<&str> {
        self.path.split('/').filter(|part| !part.is_empty()).collect()
    }
}

#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    pub content_type: &'static str,
    pub headers: Vec<(&'static str, String)>,
    pub body: Body,
    /// Waited before the answer, beside the world's own latency.
    pub delay: Duration,
}

#[derive(Clone, Debug)]
pub enum Body {
    Whole(Bytes),
    /// This many zero bytes, made while they are sent.
    Zeros(u64),
    /// Byte by byte, one in a second.
    Drip(Bytes),
    /// `piece` again and again, behind `head`.
    Endless {
        head: Bytes,
        piece: Bytes,
    },
}

impl Answer {
    fn new(status: u16, content_type: &'static str, body: impl Into<Bytes>) -> Answer {
        Answer {
            status,
            content_type,
            headers: Vec::new(),
            body: Body::Whole(body.into()),
            delay: Duration::ZERO,
        }
    }

    pub fn json(status: u16, value: &Value) -> Answer {
        Answer::new(status, "application/json; charset=utf-8", value.to_string())
    }

    pub fn html(status: u16, page: String) -> Answer {
        Answer::new(status, "text/html; charset=utf-8", page)
    }

    pub fn xml(document: String) -> Answer {
        Answer::new(200, "application/rss+xml; charset=utf-8", document)
    }

    pub fn image(content_type: &'static str, bytes: Bytes) -> Answer {
        Answer::new(200, content_type, bytes)
    }

    pub fn text(status: u16, text: impl Into<String>) -> Answer {
        Answer::new(status, "text/plain; charset=utf-8", text.into())
    }

    /// What a site's guard answers to clients that it does not like.
    pub fn challenge() -> Answer {
        let page = "<!DOCTYPE html><html><head><title>Just a moment...</title></head></html>";
        Answer::html(403, page.to_owned())
    }

    pub fn not_found() -> Answer {
        Answer::html(404, "<!DOCTYPE html><html><head><title>Not found</title></head></html>".to_owned())
    }

    /// An image of so many bytes that begins like no image at all: whoever reads it to the end is wrong.
    pub fn huge(len_bytes: u64) -> Answer {
        let mut answer = Answer::new(200, "image/jpeg", Bytes::new());
        answer.body = Body::Zeros(len_bytes);
        answer
    }

    pub fn redirect(to: String) -> Answer {
        Answer::new(301, "text/html; charset=utf-8", String::new()).with_header("location", to)
    }

    pub fn with_header(mut self, name: &'static str, value: impl Into<String>) -> Answer {
        self.headers.push((name, value.into()));
        self
    }

    pub fn after(mut self, delay: Duration) -> Answer {
        self.delay = delay;
        self
    }

    /// Only the first half of the body, as when a server gives up while it writes.
    pub fn cut_short(mut self) -> Answer {
        if let Body::Whole(bytes) = &mut self.body {
            bytes.truncate(bytes.len() / 2);
        }
        self
    }
}
