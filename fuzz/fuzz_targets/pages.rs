//! What the fuzz targets share. A target is a file of one line in `fuzz_targets/` and an entry in `Cargo.toml`; how to
//! run them: docs/adding-a-site.md.

use std::collections::HashMap;
use std::sync::LazyLock;
use std::time::Duration;

use aotf::config::Secret;
use aotf::fetch::{Fetch, FetchError, Request, Response};
use aotf::sites::{Address, Credentials, Kind, Web, recognise};

pub use libfuzzer_sys;

/// The target of the parsers of one site, by the name in `aotf::sites::SITES`.
#[macro_export]
macro_rules! parsers_of {
    ($site:literal) => {
        $crate::libfuzzer_sys::fuzz_target!(|data: &[u8]| $crate::read_page($site, data));
    };
}

/// A page of each kind that is read, by site.
static PAGES: LazyLock<HashMap<&str, Vec<&str>>> = LazyLock::new(|| {
    let mut pages: HashMap<&str, Vec<&str>> = HashMap::new();
    for page in include_str!("../../tests/fixtures/sites/readable.txt").lines() {
        let site = recognise(&Address::parse(page).expect("a URL")).0.expect("a page of a site");
        pages.entry(site.name).or_default().push(page);
    }
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

/// No answer panics a reader, and what is read keeps its promises. The first byte chooses the page among those of the
/// site, the second the status; the rest is the body of every answer.
pub fn read_page(site: &str, data: &[u8]) {
    let [page, status, body @ ..] = data else { return };
    let pages = &PAGES[site];
    let url = pages[usize::from(*page) % pages.len()];
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
}
