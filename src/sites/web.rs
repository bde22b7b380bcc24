//! How a site's reader asks for pages: statuses become typed outcomes, and each search for links has
//! a budget of pages and time.
#![expect(clippy::disallowed_methods, reason = "bounds the time of a walk")]

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::Value;
use url::Url;

use super::claims::{self, Claim};
use super::error::{Missing, SiteError};
use super::read::text_at;
use super::{Address, Identified};
use crate::base::clock::Monotonic;
use crate::config::Secret;
use crate::fetch::json::{self, JsonError};
use crate::fetch::{Fetch, Request, Response};

/// Sent to the sites that refuse every other name (Pixiv, Fanbox, Skeb, ArtStation, Patreon, Fur Affinity).
const BROWSER: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";

/// Longest address that is asked for, in bytes: servers take no longer ones. What an error shows of one is
/// less.
const MAX_URL_BYTES: usize = 16 << 10;
const SHOWN_URL_BYTES: usize = 200;

/// What the operator gave for reading pages.
#[derive(Clone, Debug, Default)]
pub struct Credentials {
    /// `Cookie` header by site name, for what a site shows to its users only.
    pub cookies: BTreeMap<String, Secret>,
    /// Without it, blogs on Tumblr are not read.
    pub tumblr_api_key: Option<Secret>,
    /// What boorus ask for in an address of their API, such as `api_key=...&user_id=...`, by site name.
    pub api_keys: BTreeMap<String, Secret>,
}

/// The way to the network for the readers of one search for links. Shared by its threads.
pub struct Web<'a> {
    fetch: &'a dyn Fetch,
    credentials: &'a Credentials,
    max_pages: u32,
    started: Monotonic,
    time_limit: Duration,
    pages: Arc<AtomicU32>,
    /// Cookies that their site refused, each told once.
    refused: Arc<Mutex<Vec<SiteError>>>,
    /// The page whose claims are noted, by its host, and what was found.
    claims: Option<(String, Mutex<Vec<Claim>>)>,
}

impl<'a> Web<'a> {
    pub fn new(
        fetch: &'a dyn Fetch,
        credentials: &'a Credentials,
        max_pages: u32,
        time_limit: Duration,
    ) -> Web<'a> {
        Web {
            fetch,
            credentials,
            max_pages,
            started: Monotonic::now(),
            time_limit,
            pages: Arc::default(),
            refused: Arc::default(),
            claims: None,
        }
    }

    /// The same search's way to the network, for the reader of one page: it notes what that page claims.
    pub fn noting_claims(&self, page: &Identified) -> Web<'a> {
        let host = Address::parse(page.address()).map(|address| address.host().to_owned());
        Web {
            pages: Arc::clone(&self.pages),
            refused: Arc::clone(&self.refused),
            claims: host.map(|host| (host, Mutex::default())),
            ..*self
        }
    }

    /// What the pages on the host claim that were read since.
    pub fn into_claims(self) -> Vec<Claim> {
        let claims =
            self.claims.map(|(_, claims)| claims.into_inner().unwrap_or_else(PoisonError::into_inner));
        claims.unwrap_or_default()
    }

    fn note_claims(&self, response: &Response) {
        let Some((host, noted)) = &self.claims else { return };
        let is_there = Address::from_url(response.url.clone()).is_some_and(|address| address.host() == host);
        let found = if is_there { claims::claims_of(response) } else { Vec::new() };
        let mut noted = noted.lock().unwrap_or_else(PoisonError::into_inner);
        for claim in found {
            if noted.len() < claims::MAX_CLAIMS && !noted.contains(&claim) {
                noted.push(claim);
            }
        }
    }

    /// Requests made so far.
    pub fn pages(&self) -> u32 {
        self.pages.load(Ordering::Relaxed).min(self.max_pages)
    }

    /// What the operator gave.
    pub fn credentials(&self) -> &Credentials {
        self.credentials
    }

    /// The `Cookie` header that the operator set for this site.
    pub fn cookie(&self, site: &str) -> Option<&str> {
        self.credentials.cookies.get(site).map(Secret::reveal)
    }

    /// The key that the operator set for this site's API.
    pub fn api_key(&self, site: &str) -> Option<&str> {
        self.credentials.api_keys.get(site).map(Secret::reveal)
    }

    /// A GET of this URL, which the program wrote itself or checked.
    ///
    /// # Errors
    /// `Gone` when the text is no URL: nothing can stand there. `LayoutChanged` when it is longer than any
    /// real one: a part of it is a site's own word, and each copy of it would take as much again.
    pub fn request(&self, url: &str) -> Result<Request, SiteError> {
        if url.len() > MAX_URL_BYTES {
            let url = format!("{}...", &url[..url.floor_char_boundary(SHOWN_URL_BYTES)]);
            return Err(Missing::new("an address of a usual length").on(&url));
        }
        Url::parse(url).map(Request::get).map_err(|_| SiteError::Gone { url: url.to_owned() })
    }

    /// The same under a browser's name, with the operator's cookies of `site`.
    pub fn request_as_browser(&self, url: &str, site: &str) -> Result<Request, SiteError> {
        Ok(self.with_cookie(self.request(url)?.header("User-Agent", BROWSER), site))
    }

    /// Adds the operator's cookies of `site`, if there are any.
    pub fn with_cookie(&self, request: Request, site: &str) -> Request {
        match self.cookie(site) {
            Some(cookie) => request.header("Cookie", cookie),
            None => request,
        }
    }

    /// Carries out one request and judges its status: what comes back is a success.
    pub fn send(&self, request: Request) -> Result<Response, SiteError> {
        judge(self.send_raw(request)?)
    }

    /// A page as a browser sees it that has the operator's cookies of `site`.
    pub fn page(&self, url: &str, site: &str) -> Result<Response, SiteError> {
        self.send(self.request_as_browser(url, site)?)
    }

    /// Carries out one request; any status comes back.
    pub fn send_raw(&self, request: Request) -> Result<Response, SiteError> {
        let url = request.url.to_string();
        self.spend(&url)?;
        let anonymous = anonymous(&request, self.credentials);
        let response = self.fetch.fetch(request).map_err(|source| SiteError::Fetch { url, source })?;
        let response = self.unless_cookie_refused(response, anonymous)?;
        self.note_claims(&response);
        Ok(response)
    }

    /// A site that answers an expired cookie with 401 refuses with it also what it shows to everybody: it is
    /// asked again without one.
    fn unless_cookie_refused(
        &self,
        response: Response,
        anonymous: Option<Request>,
    ) -> Result<Response, SiteError> {
        let Some(request) = anonymous.filter(|_| response.status == 401) else { return Ok(response) };
        let url = request.url.to_string();
        let why = "the cookies that are set for this site were refused (status 401), so it was asked without them: \
                   renew them in [links.cookies]";
        let refusal = SiteError::LoginNeeded { url: url.clone(), why: why.to_owned() };
        let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        let host = request.url.host_str();
        let told = |known: &SiteError| matches!(known, SiteError::LoginNeeded { url, .. } if Url::parse(url).is_ok_and(|url| url.host_str() == host));
        if !refused.iter().any(told) {
            refused.push(refusal);
        }
        drop(refused);
        self.spend(&url)?;
        self.fetch.fetch(request).map_err(|source| SiteError::Fetch { url, source })
    }

    /// The cookies that were refused since they were last taken.
    pub fn refused_cookies(&self) -> Vec<SiteError> {
        self.refused.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The same, each once.
    pub fn take_refused_cookies(&self) -> Vec<SiteError> {
        std::mem::take(&mut *self.refused.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Carries out both requests at once; any status comes back.
    pub fn send_both(
        &self,
        first: Request,
        second: Request,
    ) -> (Result<Response, SiteError>, Result<Response, SiteError>) {
        let urls = [first.url.to_string(), second.url.to_string()];
        for url in &urls {
            if let Err(error) = self.spend(url) {
                return (Err(error.clone()), Err(error));
            }
        }
        let without_cookies = [&first, &second].map(|request| anonymous(request, self.credentials));
        let answers = self.fetch.fetch_all(vec![first, second]).into_iter().zip(urls).zip(without_cookies);
        let mut answers = answers.map(|((answer, url), anonymous)| {
            let response = answer.map_err(|source| SiteError::Fetch { url, source })?;
            let response = self.unless_cookie_refused(response, anonymous)?;
            self.note_claims(&response);
            Ok(response)
        });
        let mut next = || answers.next().expect("fetch_all answers every request, in order");
        (next(), next())
    }

    /// One request whose answer is JSON.
    pub fn json(&self, request: Request) -> Result<Value, SiteError> {
        read_json(&self.send(request)?)
    }

    /// The same where also the answer "there is no such thing" is JSON: a web page in its place says that the
    /// address of the API is not what it was.
    pub fn json_throughout(&self, request: Request) -> Result<Value, SiteError> {
        json_throughout(self.send_raw(request)?)
    }

    fn spend(&self, url: &str) -> Result<(), SiteError> {
        if Monotonic::now().since(self.started) >= self.time_limit {
            return Err(SiteError::OutOfTime { url: url.to_owned(), limit: self.time_limit });
        }
        if self.pages.fetch_add(1, Ordering::Relaxed) >= self.max_pages {
            return Err(SiteError::TooManyPages { url: url.to_owned(), limit: self.max_pages });
        }
        Ok(())
    }
}

/// The same request without the operator's cookies, where it has some.
fn anonymous(request: &Request, credentials: &Credentials) -> Option<Request> {
    let is_theirs = |name: &str, value: &str| {
        name.eq_ignore_ascii_case("cookie")
            && credentials.cookies.values().any(|cookie| cookie.reveal() == value)
    };
    request.headers.iter().any(|(name, value)| is_theirs(name, value)).then(|| {
        let mut request = request.clone();
        request.headers.retain(|(name, value)| !is_theirs(name, value));
        request
    })
}

/// Sorts an answer by its status, as most sites mean it: what comes back is a success.
pub fn judge(response: Response) -> Result<Response, SiteError> {
    let url = response.url.to_string();
    match response.status {
        _ if is_challenge(&response) => Err(SiteError::Blocked { url, status: response.status }),
        200..=299 => match login_page(&response.url) {
            Some(why) => Err(SiteError::LoginNeeded { url, why }),
            None => Ok(response),
        },
        404 | 410 | 451 => Err(SiteError::Gone { url }),
        401 => Err(SiteError::LoginNeeded { url, why: "status 401".to_owned() }),
        403 => match refusal(&response) {
            // A guard answers with a page; an API that answers in its own form knows who asks.
            Some(why) => Err(SiteError::LoginNeeded { url, why: format!("status 403: {why}") }),
            None => Err(SiteError::Blocked { url, status: 403 }),
        },
        status => Err(SiteError::Unavailable { url, status }),
    }
}

/// A page to log in at, to which a site sends those who may not see what they asked for: `/login`,
/// `/users/login`.
fn login_page(url: &Url) -> Option<String> {
    const NAMES: [&str; 7] = ["login", "log-in", "log_in", "login.php", "signin", "sign-in", "sign_in"];
    let parts: Vec<&str> = url.path_segments()?.filter(|part| !part.is_empty()).collect();
    let is_login = |name: &&str| NAMES.contains(&name.to_ascii_lowercase().as_str());
    // A member may be called so: `/user/login`.
    let found = match parts.as_slice() {
        [first, ..] if is_login(first) => true,
        ["users" | "accounts" | "account" | "auth" | "session", second, ..] => is_login(second),
        _ => false,
    };
    found.then(|| format!("the site sent us to {}{}", url.host_str().unwrap_or_default(), url.path()))
}

/// What an API says of its refusal, where it answers in JSON.
fn refusal(response: &Response) -> Option<String> {
    let answer: Value = json::parse(&response.body).ok()?;
    let said =
        ["message", "error_description", "reason", "error", "error.name", "error.text", "detail", "meta.msg"]
            .iter()
            .find_map(|field| text_at(&answer, field));
    answer.is_object().then(|| said.unwrap_or("no reason given").chars().take(200).collect())
}

/// The same of an answer that has come.
pub fn json_throughout(response: Response) -> Result<Value, SiteError> {
    no_page_says_gone(&response)?;
    read_json(&judge(response)?)
}

/// An answer 404 with a web page, where the site documents JSON.
pub fn no_page_says_gone(response: &Response) -> Result<(), SiteError> {
    let is_page = response.body.trim_ascii_start().starts_with(b"<");
    match response.status {
        404 | 410 if is_page && !is_challenge(response) => {
            let what = format!("a JSON answer (a web page came, status {})", response.status);
            Err(Missing::new(what).on(response.url.to_string()))
        }
        _ => Ok(()),
    }
}

/// A guard's page in place of the content. Cloudflare's passive beacon
/// (`/cdn-cgi/challenge-platform/scripts/jsd/`), which stands on pages that are served, is none.
fn is_challenge(response: &Response) -> bool {
    /// What only the page of a challenge has: its title, its form, its settings, its script.
    const MARKS: [&[u8]; 9] = [
        b"<title>Just a moment...</title>",
        b"<title>Attention Required! | Cloudflare</title>",
        b"id=\"challenge-form\"",
        b"window._cf_chl_opt",
        b"/orchestrate/chl_page/",
        b"<title>DDoS-Guard</title>",
        // Anubis, which stands before many small servers and answers 200.
        b"id=\"anubis_challenge\"",
        // HUMAN (PerimeterX) and DataDome.
        b"<title>Access to this page has been denied",
        b"https://geo.captcha-delivery.com/",
    ];
    // Cloudflare's, and that of Amazon's firewall, which answers 202 or 405.
    let told =
        [("cf-mitigated", "challenge"), ("x-amzn-waf-action", "challenge"), ("x-amzn-waf-action", "captcha")];
    if told
        .iter()
        .any(|(name, what)| response.header(name).is_some_and(|value| value.eq_ignore_ascii_case(what)))
    {
        return true;
    }
    let start = &response.body[..response.body.len().min(16 * 1024)];
    MARKS.iter().any(|mark| start.windows(mark.len()).any(|window| window == *mark))
}

/// Parses an answer that ought to be JSON. A web page in its place is a block, other text a changed layout.
pub fn read_json(response: &Response) -> Result<Value, SiteError> {
    let url = response.url.to_string();
    let body = response.body.trim_ascii_start();
    let begins =
        |text: &str| body.len() >= text.len() && body[..text.len()].eq_ignore_ascii_case(text.as_bytes());
    match json::parse(&response.body) {
        Ok(value) => Ok(value),
        Err(error @ JsonError::TooLarge) => Err(Missing::new(format!("a JSON answer ({error})")).on(url)),
        Err(_) if begins("<?xml") => Err(Missing::new("a JSON answer (XML came)").on(url)),
        Err(_) if body.starts_with(b"<") => Err(SiteError::Blocked { url, status: response.status }),
        Err(_) if body.is_empty() => Err(Missing::new("a JSON answer (it is empty)").on(url)),
        Err(_) => Err(Missing::new("a JSON answer").on(url)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fetch::FetchError;

    fn response(status: u16, url: &str, headers: &[(&str, &str)], body: &'static str) -> Response {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Response { status, url: Url::parse(url).unwrap(), headers, body: body.into() }
    }

    #[test]
    fn an_address_longer_than_any_is_not_copied() {
        let (fetch, credentials) = (NoFetch, Credentials::default());
        let web = Web::new(&fetch, &credentials, 1, Duration::from_secs(1));
        let front = "https://a.example/";
        let asked = |bytes: usize| web.request(&format!("{front}{}", "é".repeat((bytes - front.len()) / 2)));
        assert!(asked(MAX_URL_BYTES).is_ok());
        let error = asked(MAX_URL_BYTES + 2).unwrap_err();
        assert_eq!(error.outcome(), "layout_changed");
        assert!(error.to_string().len() < 2 * SHOWN_URL_BYTES, "{error}");
    }

    struct NoFetch;

    impl Fetch for NoFetch {
        fn fetch(&self, _: Request) -> Result<Response, FetchError> {
            Err(FetchError::Stopping)
        }

        fn fetch_all(&self, requests: Vec<Request>) -> Vec<Result<Response, FetchError>> {
            requests.into_iter().map(|request| self.fetch(request)).collect()
        }
    }

    #[track_caller]
    fn check(status: u16, url: &str, headers: &[(&str, &str)], body: &'static str, outcome: &str) {
        let judged = judge(response(status, url, headers, body));
        assert_eq!(judged.map_or_else(|error| error.outcome(), |_| "ok"), outcome, "{status} {url} {body}");
    }

    #[test]
    fn guards_are_told_from_what_is_served() {
        let page = "https://a.example/x";
        let challenge = include_str!("../../tests/fixtures/sites/hubs/challenge_made.html");
        check(200, page, &[], challenge, "blocked");
        check(200, page, &[], include_str!("../../tests/fixtures/sites/hubs/beacon_made.html"), "ok");
        check(503, page, &[("cf-mitigated", "challenge")], "", "blocked");
        check(202, page, &[("x-amzn-waf-action", "challenge")], "", "blocked");
        check(405, page, &[("x-amzn-waf-action", "captcha")], "", "blocked");
        check(
            200,
            page,
            &[],
            r#"<script id="anubis_challenge" type="application/json">{}</script>"#,
            "blocked",
        );
        check(403, page, &[], "<title>Access to this page has been denied.</title>", "blocked");
        check(403, page, &[], "<html>Request blocked.", "blocked");
        check(403, page, &[], r#"{"success":false,"message":"Access denied"}"#, "login_needed");
        check(503, page, &[], "<html>down", "unavailable");
        check(200, page, &[], "<p>an essay on anubis_challenge</p>", "ok");
    }

    #[test]
    fn a_page_to_log_in_at_is_not_what_was_asked_for() {
        check(200, "https://www.deviantart.com/users/login", &[], "<html>", "login_needed");
        check(200, "https://a.example/login?next=/x", &[], "<html>", "login_needed");
        check(200, "https://www.furaffinity.net/user/login/", &[], "<html>", "ok");
    }

    #[test]
    fn what_is_no_json_is_named() {
        let outcome =
            |body: &'static str| read_json(&response(200, "https://a.example/", &[], body)).unwrap_err();
        assert_eq!(outcome("<!DOCTYPE html><p>").outcome(), "blocked");
        assert!(outcome("<?xml version='1.0'?><posts/>").to_string().contains("XML came"));
        assert!(outcome(" ").to_string().contains("it is empty"));
        let missing = no_page_says_gone(&response(404, "https://a.example/api", &[], "<html>")).unwrap_err();
        assert_eq!(missing.outcome(), "layout_changed");
        assert!(no_page_says_gone(&response(404, "https://a.example/api", &[], "{}")).is_ok());
    }
}
