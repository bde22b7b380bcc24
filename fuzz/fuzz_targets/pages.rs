//! Pages of sites: no answer panics a reader, takes more time or memory than its length allows, or breaks
//! what is promised of what is read. The first byte chooses a page that is read, the second the status, and
//! whether the body is repeated up to a megabyte; the rest is the body of every answer.
//! `AOTF_FUZZ_SITE=pixiv` keeps to the pages of one site.

#![no_main]

use std::sync::LazyLock;
use std::time::Duration;

use aotf::config::Secret;
use aotf::fetch::{Fetch, FetchError, Request, Response};
use aotf::sites::{Address, Credentials, Kind, Web, recognise};
use libfuzzer_sys::fuzz_target;

use cost::{Most, bounded};

mod cost;

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

/// What a body is repeated to.
const LONG: usize = 1 << 20;
/// What the shortest answer may cost: a reader asks for several, and its selectors are compiled for each.
const BASE: Most = Most { nanos: 50_000_000, memory_bytes: 8 << 20 };
/// The goal for ten megabytes is 150 ms and 32 MiB; a reader may be given the body several times.
const PER_BYTE: Most = Most { nanos: 150, memory_bytes: 40 };

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
    let (status, is_long) = (STATUSES[usize::from(*status) % STATUSES.len()], *status >= 248);
    let body = match is_long && !body.is_empty() {
        true => body.repeat(LONG / body.len() + 1).into(),
        false => bytes::Bytes::copy_from_slice(body),
    };
    let length = body.len();
    let answer = SameAnswer { status, body };
    let credentials = Credentials { tumblr_api_key: Some(Secret::new("key")), ..Credentials::default() };
    let (site, page) = recognise(&Address::parse(url).expect("a URL"));
    let site = site.expect("a page of a site");
    bounded(&Most::of(length, BASE, PER_BYTE), url, || {
        let web = Web::new(&answer, &credentials, 30, Duration::from_secs(60));
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
});
