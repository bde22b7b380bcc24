//! What was asked and answered while a page was read, kept so that the page can be read again without its
//! site: for reports, and for the fixtures that become of them. Nothing here touches the network or a file.

use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use url::Url;

use super::page::PageRead;
use super::{Credentials, Kind, Lead, SiteError, Web};
use crate::base::ErrorChain;
use crate::fetch::{Fetch, FetchError, Method, Request, Response};

/// Stands for a value that must not be kept.
pub const REDACTED: &str = "REDACTED";

/// Headers that say why an answer is what it is. All others, `set-cookie` first, are left out.
const HEADERS: &[&str] = &[
    "content-type",
    "location",
    "retry-after",
    "server",
    "cf-mitigated",
    "www-authenticate",
    "x-ratelimit-limit",
    "x-ratelimit-remaining",
    "x-ratelimit-reset",
    "x-rate-limit",
    "link",
];

/// A page with everything that was fetched to read it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Recording {
    pub url: String,
    pub site: String,
    /// RFC 3339.
    pub recorded: String,
    pub exchanges: Vec<Exchange>,
    /// What the reader makes of it.
    pub read: Reading,
}

/// One request with its answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exchange {
    pub method: String,
    pub url: String,
    /// 0 if there was none.
    pub status: u16,
    /// Where the answer came from after redirects.
    pub answered_by: String,
    pub headers: Vec<(String, String)>,
    /// The name of the file with the body, in the recording's folder; empty where the body is.
    pub file: String,
    /// Why there was no answer.
    pub failure: Option<String>,
    /// As UTF-8, whatever it was sent in.
    #[serde(skip)]
    pub body: String,
}

/// What came of reading a page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reading {
    /// `ok`, or the name of what went wrong.
    pub outcome: String,
    /// What went wrong, in a sentence; it names the field or the selector that is missing.
    pub error: Option<String>,
    /// Best first.
    pub images: Vec<String>,
    /// RFC 3339.
    pub published: Option<String>,
    pub links: Vec<Lead>,
    /// Parts that could not be read.
    pub problems: Vec<String>,
}

impl Reading {
    fn of(read: &Result<PageRead, SiteError>) -> Reading {
        let read_error = match read {
            Ok(read) => read.images.as_ref().and_then(|images| images.as_ref().err()),
            Err(error) => Some(error),
        };
        let page = read.as_ref().ok();
        let images = page.and_then(|page| page.images.as_ref()?.as_ref().ok());
        let problems = page.map(|page| page.problems.as_slice()).unwrap_or_default();
        Reading {
            outcome: read_error.map_or("ok", SiteError::outcome).to_owned(),
            error: read_error.map(|error| ErrorChain(error).to_string()),
            images: images.into_iter().flatten().map(|image| image.url.clone()).collect(),
            published: page.and_then(|page| page.published).map(|date| date.to_rfc3339()),
            links: page.map(|page| page.leads.clone()).unwrap_or_default(),
            problems: problems.iter().map(|error| ErrorChain(error).to_string()).collect(),
        }
    }
}

/// Reads the page at `url` by its site's reader; `None` where no reader has such pages.
pub fn read(url: &str, web: &Web) -> Option<Reading> {
    let (site, page) = super::recognise(&super::Address::parse(url)?);
    let (site, page) = super::readable_page(site, page);
    let mut reading = Reading::of(&super::read_page(site?, &page, web)?);
    let refused = web.take_refused_cookies();
    reading.problems.extend(refused.iter().map(|error| ErrorChain(error).to_string()));
    Some(reading)
}

/// True if a page at `url` can be read at all.
pub fn is_readable(url: &str) -> bool {
    let Some(address) = super::Address::parse(url) else { return false };
    let (site, page) = super::recognise(&address);
    let (site, page) = super::readable_page(site, page);
    site.is_some_and(|site| match page.kind {
        Kind::Artwork => site.artwork.is_some(),
        Kind::Profile | Kind::LinkPage | Kind::Account | Kind::Redirect => site.leads.is_some(),
        _ => false,
    })
}

/// Fetches by another `Fetch`, and keeps what was asked and answered.
pub struct Recorder<'a> {
    inner: &'a dyn Fetch,
    exchanges: Mutex<Vec<Exchange>>,
}

impl<'a> Recorder<'a> {
    pub fn new(inner: &'a dyn Fetch) -> Recorder<'a> {
        Recorder { inner, exchanges: Mutex::default() }
    }

    /// In the order of the answers.
    pub fn into_exchanges(self) -> Vec<Exchange> {
        self.exchanges.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    fn keep(&self, method: Method, url: &Url, answer: &Result<Response, FetchError>) {
        let exchange = Exchange::of(method, url, answer);
        self.exchanges.lock().unwrap_or_else(PoisonError::into_inner).push(exchange);
    }
}

impl Fetch for Recorder<'_> {
    fn fetch(&self, request: Request) -> Result<Response, FetchError> {
        let (method, url) = (request.method, request.url.clone());
        let answer = self.inner.fetch(request);
        self.keep(method, &url, &answer);
        answer
    }

    fn fetch_all(&self, requests: Vec<Request>) -> Vec<Result<Response, FetchError>> {
        let asked: Vec<(Method, Url)> =
            requests.iter().map(|request| (request.method, request.url.clone())).collect();
        let answers = self.inner.fetch_all(requests);
        for ((method, url), answer) in asked.iter().zip(&answers) {
            self.keep(*method, url, answer);
        }
        answers
    }
}

impl Exchange {
    fn of(method: Method, url: &Url, answer: &Result<Response, FetchError>) -> Exchange {
        let mut exchange = Exchange {
            method: method_name(method).to_owned(),
            url: url.to_string(),
            status: 0,
            answered_by: url.to_string(),
            headers: Vec::new(),
            file: String::new(),
            failure: None,
            body: String::new(),
        };
        match answer {
            Err(error) => exchange.failure = Some(ErrorChain(error).to_string()),
            Ok(response) => {
                exchange.status = response.status;
                exchange.answered_by = response.url.to_string();
                let kept = response.headers.iter().filter(|(name, _)| HEADERS.contains(&name.as_str()));
                exchange.headers = kept.cloned().collect();
                exchange.body = response.text().into_owned();
                for (_, value) in exchange.headers.iter_mut().filter(|(name, _)| name == "content-type") {
                    // The body is kept in UTF-8.
                    let kind = value.split(';').next().unwrap_or_default().trim();
                    *value = format!("{kind}; charset=utf-8");
                }
            }
        }
        exchange
    }
}

fn method_name(method: Method) -> &'static str {
    match method {
        Method::Get => "GET",
        Method::Head => "HEAD",
        Method::Post => "POST",
    }
}

/// Answers requests with what was recorded: the last answer to the same address, since an earlier one to the
/// same was not what its reader wanted. What was not recorded is not there.
pub struct Replay<'a>(pub &'a [Exchange]);

impl Replay<'_> {
    /// Reads the recorded page again, without credentials.
    pub fn read(&self, url: &str) -> Option<Reading> {
        let credentials = Credentials {
            tumblr_api_key: Some(crate::config::Secret::new(REDACTED)),
            ..Credentials::default()
        };
        read(url, &Web::new(self, &credentials, u32::MAX, std::time::Duration::MAX))
    }
}

impl Fetch for Replay<'_> {
    fn fetch(&self, request: Request) -> Result<Response, FetchError> {
        let method = method_name(request.method);
        let asked = without_secrets(&request.url);
        let same = |exchange: &&Exchange| {
            exchange.method == method
                && Url::parse(&exchange.url).is_ok_and(|url| without_secrets(&url) == asked)
        };
        let unreachable = || FetchError::Unreachable {
            host: request.url.host_str().unwrap_or_default().to_owned(),
            why: "it was not recorded".to_owned(),
        };
        let exchange = self.0.iter().rev().find(same).filter(|exchange| exchange.status != 0);
        let exchange = exchange.ok_or_else(unreachable)?;
        Ok(Response {
            status: exchange.status,
            url: Url::parse(&exchange.answered_by).unwrap_or_else(|_| request.url.clone()),
            headers: exchange.headers.clone(),
            body: exchange.body.clone().into(),
        })
    }

    fn fetch_all(&self, requests: Vec<Request>) -> Vec<Result<Response, FetchError>> {
        requests.into_iter().map(|request| self.fetch(request)).collect()
    }
}

/// Parameters that an operator's key is sent in, whether it is there, left out or redacted.
const KEY_PARAMETERS: &[&str] = &["api_key", "user_id", "login", "key", "sid"];

fn without_secrets(url: &Url) -> (String, Vec<(String, String)>) {
    let kept = url.query_pairs().into_owned();
    let kept = kept.filter(|(key, value)| value != REDACTED && !KEY_PARAMETERS.contains(&key.as_str()));
    let mut kept: Vec<(String, String)> = kept.collect();
    kept.sort();
    let mut page = url.clone();
    page.set_query(None);
    page.set_fragment(None);
    (page.to_string(), kept)
}
