//! Real addresses of artists brought to one form, and what all sites must bear.

use proptest::prelude::*;

use super::*;
use crate::base::csv::records;
use crate::fetch::{Fetch, FetchError, Request, Response};

/// Asserts what a URL is, its id and its normalised form.
#[track_caller]
pub(super) fn check_identify(url: &str, kind: Kind, id: &str, normalised: &str) {
    let found = identify(url);
    assert_eq!((found.kind, found.id.as_deref()), (kind, Some(id)), "{url}");
    assert_eq!(found.url.as_deref(), Some(normalised), "{url}");
    // The normalised form means the same page; an id may change its spelling.
    let again = identify(normalised);
    assert_eq!((again.kind, again.url.as_deref()), (kind, Some(normalised)), "{url}");
}

/// Asserts that a URL is of this kind.
#[track_caller]
pub(super) fn none(url: &str, kind: Kind) {
    assert_eq!(identify(url).kind, kind, "{url}");
}

/// Asserts which account a URL of an account names; `None` if it is no account.
#[track_caller]
pub(super) fn check_account(url: &str, account: Option<&str>) {
    let found = identify(url);
    let named = found.account.filter(|_| found.kind == Kind::Account).map(|account| account.to_string());
    assert_eq!(named.as_deref(), account, "{url}");
}

const PROFILE_CASES: &str = include_str!("../../tests/fixtures/urls/profile_cases.csv");

#[test]
fn a_look_alike_host_is_no_site() {
    for host in HOSTS {
        let bare = host.strip_prefix("www.").unwrap_or(host);
        for url in
            [format!("https://{host}.evil.example/a/art/b-1"), format!("https://evil.example/{host}/posts/1")]
        {
            assert_eq!(identify(&url).kind, Kind::Unsupported, "{url}");
        }
        // Where a name in front of the host is a user of the site, only the first kind can be told.
        if bare.matches('.').count() == 1 {
            let url = format!("https://evil-{bare}/posts/1");
            assert_eq!(identify(&url).kind, Kind::Unsupported, "{url}");
        }
    }
}

/// What two URLs of one page or account have in common.
pub(super) fn meaning(url: &str) -> String {
    let found = identify(url);
    // A page of works stands for the page of their artist.
    let artist = found.artist.filter(|_| found.kind == Kind::Other);
    found.account.map(|account| account.to_string()).or(artist).or(found.url).unwrap_or_default()
}

#[test]
fn real_urls_of_artists_are_brought_to_one_form() {
    let rows = records(PROFILE_CASES);
    let sites =
        ["deviantart", "pixiv", "twitter", "mastodon", "bluesky", "linktree", "carrd", "patreon", "other"];
    let mut wrong = Vec::new();
    let mut checked = 0;
    for row in rows.iter().filter(|row| sites.contains(&row["site"].as_str())) {
        let (url, case) = (row["url"].as_str(), row["case"].as_str());
        let expected = row["expected_profile_or_normalised"].as_str();
        let right = match case {
            "valid_url" => Address::parse(url).is_some(),
            "invalid_url" => Address::parse(url).is_none(),
            "aotf_validate_account" => {
                let found = identify(url);
                let is_one = matches!(found.kind, Kind::Profile | Kind::LinkPage | Kind::Account);
                let id = found.id.as_deref().filter(|_| is_one).unwrap_or("(none)");
                id == row["expected_username_or_id"]
            }
            "artist_url_normalised" if row["site"] == "other" => continue,
            "artist_url_normalised" => meaning(url) == meaning(expected),
            "normalised:LinktreeUrl" => meaning(url) == meaning(expected),
            case if case.ends_with("ArtistUrl") && case.starts_with("normalised:") => {
                meaning(url) == meaning(expected)
            }
            "normalised:PixivStaccUrl" | "normalised:PixivPostUrl" | "normalised:PatreonPostUrl" => {
                meaning(url) == meaning(expected)
            }
            _ => continue,
        };
        checked += 1;
        if !right {
            wrong.push(format!("{case} {url}: expected {expected:?}, got {:?}", meaning(url)));
        }
    }
    assert!(wrong.is_empty(), "{} of {checked} wrong:\n{}", wrong.len(), wrong.join("\n"));
    assert!(checked > 60, "{checked}");
}

/// Artists whom others know by another name than the address has.
pub(super) const RENAMED: [&str; 3] =
    ["_by_mikoto_chan.jpg", "pixiv.net/fanbox/creator/1539728/", "poipiku.com/16109/"];

/// Where an address names the artist, it is the one whom others found on the page.
#[test]
fn real_urls_of_works_and_files_name_their_artists() {
    let tables = [PROFILE_CASES, include_str!("../../tests/fixtures/urls/profile_cases_2.csv")];
    let (mut wrong, mut named) = (Vec::new(), 0);
    for row in tables.iter().flat_map(|table| records(table)) {
        let url = row["url"].as_str();
        let expected = row["expected_profile_or_normalised"].split_whitespace().next().unwrap_or_default();
        let of_work = matches!(row["case"].as_str(), "artwork_to_profile" | "parse_attributes");
        let artist = identify(url).artist.filter(|_| of_work && !expected.is_empty());
        let Some(artist) = artist.filter(|_| !RENAMED.iter().any(|part| url.contains(part))) else {
            continue;
        };
        named += 1;
        if meaning(&artist) != meaning(expected) {
            wrong.push(format!("{url}: expected {expected}, got {artist}"));
        }
    }
    assert!(wrong.is_empty(), "{} of {named} wrong:\n{}", wrong.len(), wrong.join("\n"));
    assert!(named > 20, "{named}");
}

proptest! {
    #[test]
    fn no_text_panics(text in "\\PC{0,80}") {
        let _ = identify(&text);
    }

    #[test]
    fn no_url_panics(
        site in 0..HOSTS.len(),
        path in "(/[a-z0-9._@:%#!?=&+-]{0,12}){0,5}",
        tail in "([?#][a-z0-9=&%!/]{0,20})?",
    ) {
        let url = format!("https://{}{path}{tail}", HOSTS[site]);
        let found = identify(&url);
        // Normalising is idempotent, whatever the URL.
        let normalised = found.url.clone().unwrap_or_default();
        prop_assert_eq!(identify(&normalised).url.unwrap_or_default(), normalised);
    }
}

/// Answers every request with the same bytes.
struct SameAnswer {
    status: u16,
    body: bytes::Bytes,
}

impl Fetch for SameAnswer {
    fn fetch(&self, request: Request) -> Result<Response, FetchError> {
        let headers = vec![("location".to_owned(), request.url.to_string())];
        Ok(Response { status: self.status, url: request.url, headers, body: self.body.clone() })
    }

    fn fetch_all(&self, requests: Vec<Request>) -> Vec<Result<Response, FetchError>> {
        requests.into_iter().map(|request| self.fetch(request)).collect()
    }
}

/// A page of each kind that each site reads, one URL in each line; the fuzz targets read them too.
const READABLE: &str = include_str!("../../tests/fixtures/sites/readable.txt");

/// Credentials without which some pages are not asked for.
fn with_key() -> Credentials {
    Credentials { tumblr_api_key: Some(crate::config::Secret::new("key")), ..Credentials::default() }
}

/// Reads a page whatever its kind.
fn read_page(url: &str, web: &Web) -> Result<(), SiteError> {
    let (site, page) = recognise(&Address::parse(url).unwrap());
    let site = site.unwrap();
    match (page.kind, site.artwork, site.leads) {
        (Kind::Artwork, Some(artwork), _) => {
            artwork(&page, web)?.images.map(|images| assert!(!images.is_empty()))
        }
        (_, _, Some(leads)) => leads(&page, web).map(|_| ()),
        _ => panic!("{url} has no reader"),
    }
}

/// Recorded and made bodies, to be cut and mixed up.
const BODIES: &[&str] = &[
    include_str!("../../tests/fixtures/sites/deviantart/oembed_cope.json"),
    include_str!("../../tests/fixtures/sites/deviantart/page_cope.html"),
    include_str!("../../tests/fixtures/sites/deviantart/about_made.html"),
    include_str!("../../tests/fixtures/sites/danbooru/post_6148688.json"),
    include_str!("../../tests/fixtures/sites/danbooru/artists_made.json"),
    include_str!("../../tests/fixtures/sites/pixiv/illust_67487303.json"),
    include_str!("../../tests/fixtures/sites/pixiv/user_made.json"),
    include_str!("../../tests/fixtures/sites/philomena/image_1.json"),
    include_str!("../../tests/fixtures/sites/philomena/tag_made.html"),
    include_str!("../../tests/fixtures/sites/linktree/kaiserlol.html"),
];

#[test]
fn every_reader_tells_an_unknown_page_from_an_empty_one() {
    let credentials = with_key();
    for url in READABLE.lines() {
        for body in ["", "{}", "[]", "null", "<html><p>redesigned</p></html>", "{\"error\":true}"] {
            let answer = SameAnswer { status: 200, body: body.into() };
            let web = Web::new(&answer, &credentials, 30, std::time::Duration::from_secs(60));
            let result = read_page(url, &web);
            // `[]` is a booru's honest answer that nobody wrote an entry.
            let honest =
                (url.contains("artists/show_or_new") || url.contains("/artist?name=")) && body.contains('[');
            assert!(result.is_err() || honest, "{url} read {body:?} as a page");
        }
    }
}

/// Answers nothing, and remembers whether a cookie came with a request.
#[derive(Default)]
struct CookieWatch(std::sync::atomic::AtomicBool);

impl Fetch for CookieWatch {
    fn fetch(&self, request: Request) -> Result<Response, FetchError> {
        if request.headers.iter().any(|(name, value)| *name == "Cookie" && value.contains("watched=1")) {
            self.0.store(true, std::sync::atomic::Ordering::Relaxed);
        }
        Err(FetchError::Stopping)
    }

    fn fetch_all(&self, requests: Vec<Request>) -> Vec<Result<Response, FetchError>> {
        requests.into_iter().map(|request| self.fetch(request)).collect()
    }
}

/// A cookie that an operator may set is sent, and to pages of its own site only.
#[test]
fn cookies_go_to_their_sites() {
    let cookie = crate::config::Secret::new("watched=1");
    let mut sent = std::collections::BTreeSet::new();
    for &site in crate::config::COOKIE_SITES {
        let cookies = [(site.to_owned(), cookie.clone())].into();
        let credentials = Credentials { cookies, ..with_key() };
        for url in READABLE.lines() {
            let watch = CookieWatch::default();
            let _ = read_page(url, &Web::new(&watch, &credentials, 30, std::time::Duration::from_secs(60)));
            if watch.0.into_inner() {
                let read_by = recognise(&Address::parse(url).unwrap()).0.unwrap().name;
                assert_eq!(read_by, site, "{url}");
                sent.insert(site);
            }
        }
    }
    assert_eq!(sent.into_iter().collect::<Vec<_>>(), crate::config::COOKIE_SITES);
}

/// Every folder of `tests/fixtures/recorded/`, as `aotf sites record` wrote it, is read as it says.
#[test]
fn recorded_pages_are_read_as_they_were() {
    let folder = crate::base::material::fixture("recorded");
    let mut checked = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let folder = entry.unwrap().path();
        let text = std::fs::read_to_string(folder.join("recording.json")).unwrap();
        let mut recording: recording::Recording = serde_json::from_str(&text).unwrap();
        for exchange in recording.exchanges.iter_mut().filter(|exchange| !exchange.file.is_empty()) {
            exchange.body = std::fs::read_to_string(folder.join(&exchange.file)).unwrap();
        }
        let read = recording::Replay(&recording.exchanges).read(&recording.url);
        assert_eq!(read.as_ref(), Some(&recording.read), "{}", folder.display());
        checked += 1;
    }
    assert!(checked > 0);
}

/// `aotf sites` has a page of every site that can be read, but for those without a lasting page.
#[test]
fn every_site_has_a_canary() {
    let canaries = crate::config::Links::default().canaries;
    let read: Vec<&str> = canaries
        .iter()
        .map(|url| {
            let (site, page) = recognise(&Address::parse(url).unwrap());
            let site = site.unwrap_or_else(|| panic!("{url} is of no site"));
            let readable = match page.kind {
                Kind::Artwork => site.artwork.is_some(),
                Kind::Profile | Kind::LinkPage | Kind::Account => site.leads.is_some(),
                _ => false,
            };
            assert!(readable, "{url} has no reader");
            site.name
        })
        .collect();
    for site in SITES.iter().filter(|site| site.artwork.is_some() || site.leads.is_some()) {
        // Short links come and go; of the others no page is known that is there to stay.
        let without = [
            redirect::SITE.name,
            cara::SITE.name,
            sofurry::SITE.name,
            instabio::SITE.name,
            biosite::SITE.name,
            linkme::SITE.name,
            littly::SITE.name,
            pronouns::SITE.name,
        ];
        assert!(read.contains(&site.name) || without.contains(&site.name), "{}", site.name);
    }
    // Sites that run the same program are changed and closed one by one.
    let identified: Vec<&str> = canaries.iter().filter_map(|url| identify(url).site).collect();
    for booru in super::gelbooru::names().chain(super::philomena::names()).chain(super::moebooru::names()) {
        assert!(identified.contains(&booru), "{booru}");
    }
}

/// The key stands in the request's URL; whatever goes wrong, it is not told.
#[test]
fn a_key_stands_in_no_error() {
    let page = "https://www.tumblr.com/a";
    let credentials =
        Credentials { tumblr_api_key: Some(crate::config::Secret::new("sesame")), ..Credentials::default() };
    for status in [200, 401, 403, 404, 429, 500] {
        let answer = SameAnswer { status, body: "{}".into() };
        let web = Web::new(&answer, &credentials, 30, std::time::Duration::from_secs(60));
        let error = read_page(page, &web).unwrap_err();
        let told = format!("{error:?} {}", crate::base::ErrorChain(&error));
        assert!(told.contains(page) && !told.contains("sesame"), "{told}");
    }
    let watch = CookieWatch::default();
    let web = Web::new(&watch, &credentials, 0, std::time::Duration::from_secs(60));
    assert!(!format!("{:?}", read_page(page, &web).unwrap_err()).contains("sesame"));
}

proptest! {
    #[test]
    fn no_answer_panics(
        url in prop::sample::select(READABLE.lines().collect::<Vec<_>>()),
        body in prop::sample::select(BODIES),
        status in prop::sample::select(&[200u16, 200, 200, 200, 301, 400, 403, 404, 429, 500][..]),
        cut in 0usize..10_000,
        noise in prop::collection::vec((0usize..10_000, any::<u8>()), 0..12),
    ) {
        let mut bytes = body.as_bytes().to_vec();
        bytes.truncate(cut.max(1));
        for (at, byte) in noise {
            let at = at % bytes.len();
            bytes[at] = byte;
        }
        let answer = SameAnswer { status, body: bytes.into() };
        let credentials = with_key();
        let _ = read_page(url, &Web::new(&answer, &credentials, 30, std::time::Duration::from_secs(60)));
    }
}

const HOSTS: &[&str] = &[
    "www.deviantart.com",
    "fav.me",
    "a.deviantart.com",
    "danbooru.donmai.us",
    "linktr.ee",
    "x.com",
    "twitter.com",
    "t.co",
    "www.pixiv.net",
    "i.pximg.net",
    "pixiv.me",
    "derpibooru.org",
    "furbooru.org",
    "a.carrd.co",
    "ko-fi.com",
    "bsky.app",
    "a.bsky.social",
    "pawoo.net",
    "skeb.jp",
    "e621.net",
    "www.artstation.com",
    "a.artstation.com",
    "www.furaffinity.net",
    "gelbooru.com",
    "inkbunny.net",
    "a.fanbox.cc",
    "www.patreon.com",
    "www.tumblr.com",
    "a.tumblr.com",
    "potofu.me",
    "lit.link",
    "linkbio.co",
    "instabio.cc",
    "bio.site",
    "link.me",
    "litt.ly",
    "pronouns.page",
    "throne.com",
    "vgen.co",
    "link.inpock.co.kr",
    "a.drr.ac",
    "linktree.com",
    "privatter.net",
    "marshmallow-qa.com",
    "peing.net",
    "odaibako.net",
    "wavebox.me",
    "ofuse.me",
    "www.weasyl.com",
    "cdn.weasyl.com",
    "yande.re",
    "files.yande.re",
    "konachan.com",
    "lolibooru.moe",
    "twibooru.org",
    "www.newgrounds.com",
    "a.newgrounds.com",
    "art.ngfiles.com",
    "itaku.ee",
    "sofurry.com",
    "a.sofurry.com",
    "www.hentai-foundry.com",
    "pictures.hentai-foundry.com",
    "www.zerochan.net",
    "static.zerochan.net",
    "booth.pm",
    "a.booth.pm",
    "booth.pximg.net",
    "fantia.jp",
    "poipiku.com",
    "img.poipiku.com",
    "seiga.nicovideo.jp",
    "www.nicovideo.jp",
    "nico.ms",
    "cara.app",
    "toyhou.se",
    "xfolio.jp",
    "nijie.info",
    "sp.nijie.info",
    "pic.nijie.net",
];
