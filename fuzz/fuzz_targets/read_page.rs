//! Every reader of a page: no answer panics, and what is read keeps its promises. The first byte of an input
//! chooses the page out of `tests/fixtures/sites/readable.txt`, the second the status, the rest is the body
//! of every answer. With `AOTF_FUZZ_PAGE=potofu` only the pages whose URL holds that text are read.

#![no_main]

use std::sync::LazyLock;
use std::time::Duration;

use aotf::config::Secret;
use aotf::fetch::{Fetch, FetchError, Request, Response};
use aotf::sites::{Address, Credentials, Kind, Web, recognise};
use libfuzzer_sys::fuzz_target;

static PAGES: LazyLock<Vec<&str>> = LazyLock::new(|| {
    let wanted = std::env::var("AOTF_FUZZ_PAGE").unwrap_or_default();
    let pages: Vec<&str> = include_str!("../../tests/fixtures/sites/readable.txt")
        .lines()
        .filter(|page| page.contains(&wanted))
        .collect();
    assert!(!pages.is_empty(), "no page holds {wanted:?}");
    pages
});

const STATUSES: [u16; 8] = [200, 200, 200, 301, 403, 404, 429, 500];

/// Answers every request alike.
struct SameAnswer {
    status: u16,
    body: bytes::Bytes,
}

impl Fetch for SameAnswer {
    fn fetch(&self, request: Request) -> Result<Response, FetchError> {
        // A redirect leads where the body says.
        let target = String::from_utf8_lossy(&self.body).into_owned();
        let headers = vec![("location".to_owned(), target)];
        Ok(Response { status: self.status, url: request.url, headers, body: self.body.clone() })
    }

    fn fetch_all(&self, requests: Vec<Request>) -> Vec<Result<Response, FetchError>> {
        requests.into_iter().map(|request| self.fetch(request)).collect()
    }
}

fuzz_target!(|data: &[u8]| {
    let [page, status, body @ ..] = data else { return };
    let url = PAGES[usize::from(*page) % PAGES.len()];
    let status = STATUSES[usize::from(*status) % STATUSES.len()];
    let answer = SameAnswer { status, body: bytes::Bytes::copy_from_slice(body) };
    let key = Some(Secret::new("key"));
    let credentials = Credentials { tumblr_api_key: key, ..Credentials::default() };
    let web = Web::new(&answer, &credentials, 30, Duration::from_secs(60));
    let (site, page) = recognise(&Address::parse(url).expect("a URL"));
    let site = site.expect("a page of a site");
    match (page.kind, site.artwork, site.leads) {
        (Kind::Artwork, Some(artwork), _) => {
            if let Ok(Ok(images)) = artwork(&page, &web).map(|artwork| artwork.images) {
                assert!(!images.is_empty(), "{url}");
            }
        }
        (_, _, Some(leads)) => drop(leads(&page, &web)),
        (_, _, None) => panic!("{url} has no reader"),
    }
});
