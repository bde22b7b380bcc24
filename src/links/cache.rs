//! A cache of pages, shared by the workers of the link finder: many queries for one artist read the same
//! profile and link pages within minutes.
#![expect(clippy::disallowed_methods, reason = "pages are kept for a time")]

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::base::clock::Monotonic;
use crate::fetch::{Fetch, FetchError, Method, Request, Response};

/// Bounds of a `CachedFetch`.
#[derive(Clone, Copy, Debug)]
pub struct CacheLimits {
    /// Bodies of all pages kept, in bytes; the oldest page goes first.
    pub max_bytes: usize,
    /// A page is fetched anew after this.
    pub max_age: Duration,
}

impl Default for CacheLimits {
    fn default() -> CacheLimits {
        CacheLimits { max_bytes: 32 * 1024 * 1024, max_age: Duration::from_secs(300) }
    }
}

/// A `Fetch` that remembers the pages that another `Fetch` fetched.
///
/// Only GETs are kept, by URL and headers (so that what one user's cookie opened is shown to no other
/// request), and only answers that say something about the page: 2xx, 3xx, 404 and 410. Two callers that
/// ask for the same page at the same moment both fetch it.
pub struct CachedFetch<F> {
    inner: F,
    limits: CacheLimits,
    pages: Mutex<Pages>,
}

#[derive(Default)]
struct Pages {
    kept: HashMap<String, (Monotonic, Response)>,
    /// Oldest first. A page kept anew stands here twice; its first mention is void.
    order: VecDeque<(Monotonic, String)>,
    bytes: usize,
}

impl<F: Fetch> CachedFetch<F> {
    pub fn new(inner: F, limits: CacheLimits) -> CachedFetch<F> {
        CachedFetch { inner, limits, pages: Mutex::default() }
    }

    fn lock(&self) -> MutexGuard<'_, Pages> {
        // The pages are consistent after every statement, so a panic elsewhere leaves nothing broken.
        self.pages.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn kept(&self, key: &str, now: Monotonic) -> Option<Response> {
        let pages = self.lock();
        let (kept_at, response) = pages.kept.get(key)?;
        (now.since(*kept_at) < self.limits.max_age).then(|| response.clone())
    }

    fn keep(&self, key: String, response: &Response, now: Monotonic) {
        let size = response.body.len();
        let telling = matches!(response.status, 200..=399 | 404 | 410);
        if !telling || size > self.limits.max_bytes {
            return;
        }
        let mut pages = self.lock();
        if let Some((_, old)) = pages.kept.insert(key.clone(), (now, response.clone())) {
            pages.bytes -= old.body.len();
        }
        pages.bytes += size;
        pages.order.push_back((now, key));
        while let Some((kept_at, oldest)) = pages.order.front().cloned() {
            let stale = now.since(kept_at) >= self.limits.max_age;
            // One entry per kilobyte bounds the pages without a body too.
            let crowded =
                pages.bytes > self.limits.max_bytes || pages.order.len() > self.limits.max_bytes / 1024 + 1;
            if !stale && !crowded {
                break;
            }
            pages.order.pop_front();
            if pages.kept.get(&oldest).is_some_and(|(at, _)| *at == kept_at)
                && let Some((_, gone)) = pages.kept.remove(&oldest)
            {
                pages.bytes -= gone.body.len();
            }
        }
    }
}

/// `None` for what is never kept.
fn key(request: &Request) -> Option<String> {
    if request.method != Method::Get {
        return None;
    }
    let mut key = format!("{} {}", request.max_redirects, request.url);
    for (name, value) in &request.headers {
        key.push_str(&format!("\n{name}: {value}"));
    }
    Some(key)
}

impl<F: Fetch> Fetch for CachedFetch<F> {
    fn fetch(&self, request: Request) -> Result<Response, FetchError> {
        let key = key(&request);
        if let Some(response) = key.as_ref().and_then(|key| self.kept(key, Monotonic::now())) {
            return Ok(response);
        }
        let response = self.inner.fetch(request)?;
        if let Some(key) = key {
            self.keep(key, &response, Monotonic::now());
        }
        Ok(response)
    }

    fn fetch_all(&self, requests: Vec<Request>) -> Vec<Result<Response, FetchError>> {
        let now = Monotonic::now();
        let keys: Vec<Option<String>> = requests.iter().map(key).collect();
        let mut answers: Vec<Option<Result<Response, FetchError>>> =
            keys.iter().map(|key| key.as_ref().and_then(|key| self.kept(key, now)).map(Ok)).collect();
        let (missing, to_fetch): (Vec<usize>, Vec<Request>) =
            requests.into_iter().enumerate().filter(|(index, _)| answers[*index].is_none()).unzip();
        for (index, answer) in missing.into_iter().zip(self.inner.fetch_all(to_fetch)) {
            if let (Ok(response), Some(key)) = (&answer, &keys[index]) {
                self.keep(key.clone(), response, Monotonic::now());
            }
            answers[index] = Some(answer);
        }
        answers.into_iter().map(|answer| answer.expect("fetch_all answers every request")).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::FakeWeb;
    use super::*;

    fn get(url: &str) -> Request {
        Request::get(url::Url::parse(url).unwrap())
    }

    #[test]
    fn a_page_is_fetched_once() {
        let cache = CachedFetch::new(FakeWeb::new(&[("https://a.example/", "a")]), CacheLimits::default());
        for _ in 0..3 {
            assert_eq!(cache.fetch(get("https://a.example/")).unwrap().text(), "a");
        }
        let answers = cache.fetch_all(vec![get("https://b.example/"), get("https://a.example/")]);
        assert_eq!(answers[0].as_ref().unwrap().status, 404);
        assert_eq!(answers[1].as_ref().unwrap().text(), "a");
        assert_eq!(cache.inner.asked(), ["https://a.example/", "https://b.example/"]);
        // Another cookie is another page.
        cache.fetch(get("https://a.example/").header("Cookie", "x")).unwrap();
        assert_eq!(cache.inner.asked().len(), 3);
    }

    #[test]
    fn it_stays_within_its_bounds() {
        let limits = CacheLimits { max_bytes: 2048, max_age: Duration::from_millis(50) };
        let cache = CachedFetch::new(FakeWeb::new(&[]), limits);
        let body = |len: usize| Response {
            status: 200,
            url: url::Url::parse("https://a.example/").unwrap(),
            headers: vec![],
            body: vec![0; len].into(),
        };
        cache.keep("1".into(), &body(1500), Monotonic(0));
        cache.keep("2".into(), &body(1500), Monotonic(1));
        assert!(cache.kept("1", Monotonic(2)).is_none() && cache.kept("2", Monotonic(2)).is_some());
        assert!(cache.kept("2", Monotonic(60)).is_none());
        cache.keep("3".into(), &body(5000), Monotonic(3));
        assert!(cache.kept("3", Monotonic(3)).is_none());
        assert_eq!(cache.lock().bytes, 1500);
    }
}
