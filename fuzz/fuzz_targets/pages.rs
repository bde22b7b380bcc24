//! Pages of sites: no answer panics a reader, and what is read keeps its promises. The first byte chooses a
//! page that is read, the second the status; the rest is the body of every answer. `AOTF_FUZZ_SITE=pixiv`
//! keeps to the pages of one site.

#![no_main]

use std::sync::LazyLock;
use std::time::Duration;

use aotf::config::Secret;
use aotf::fetch::{Fetch, FetchError, Request, Response};
use aotf::sites::{Address, Credentials, Kind, Web, recognise};
use libfuzzer_sys::fuzz_target;

/// A page of each kind that is read. The corpus names them by their lines: new ones come last.
static PAGES: LazyLock<Vec<&str>> = LazyLock::new(|| {
    let only = std::env::var("AOTF_FUZZ_SITE").ok();
    let is_wanted = |page: &&str| {
        let site = recognise(&Address::parse(page).expect("a URL")).0.expect("a page of a site");
        only.as_ref().is_none_or(|only| only == site.name)
    };
    let pages: Vec<&str> =
        include_str!("../../tests/fixtures/sites/readable.txt").lines().filter(is_wanted).collect();
    assert!(!pages.is_empty(), "no site is called {only:?}");
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
