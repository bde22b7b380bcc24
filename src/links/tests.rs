//! The walk over a faked web: whole searches, from an artwork's URL to accounts.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Duration;

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::base::ids::Network;
use crate::domain::accounts::Evidence;
use crate::fetch::{FetchError, Request, Response};
use crate::sites::Credentials;

fn find(url: &str, fetch: &dyn Fetch, settings: &LinkSettings) -> Result<LinksFound, LinkError> {
    find_traced(url, fetch, settings).0
}

/// A `Fetch` over a table of pages; anything else is a 404. Remembers what it was asked.
pub(crate) struct FakeWeb {
    pages: HashMap<String, (u16, String)>,
    asked: Mutex<Vec<String>>,
}

impl FakeWeb {
    pub(crate) fn new(pages: &[(&str, &str)]) -> FakeWeb {
        let mut web = FakeWeb { pages: HashMap::new(), asked: Mutex::default() };
        for (url, body) in pages {
            web.put(url, 200, *body);
        }
        web
    }

    /// A status in the 300s has its target for a body.
    pub(crate) fn put(&mut self, url: &str, status: u16, body: impl Into<String>) {
        let url = url::Url::parse(url).unwrap().to_string();
        self.pages.insert(url, (status, body.into()));
    }

    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

impl Fetch for FakeWeb {
    fn fetch(&self, request: Request) -> Result<Response, FetchError> {
        self.asked.lock().unwrap().push(request.url.to_string());
        let mut headers = vec![];
        let (status, body) = match self.pages.get(request.url.as_str()) {
            Some((status @ 300..=399, target)) => {
                headers.push(("location".to_owned(), target.clone()));
                (*status, String::new())
            }
            // How a test makes a host fail.
            Some((0, _)) => {
                let host = request.url.host_str().unwrap_or_default().to_owned();
                return Err(FetchError::Unreachable { host, why: "refused".into() });
            }
            Some((status, body)) => (*status, body.clone()),
            None => (404, "not found".to_owned()),
        };
        Ok(Response { status, url: request.url, headers, body: body.into() })
    }

    fn fetch_all(&self, requests: Vec<Request>) -> Vec<Result<Response, FetchError>> {
        requests.into_iter().map(|request| self.fetch(request)).collect()
    }
}

const POST: &str = "https://danbooru.donmai.us/posts/1";

fn with_post(source: &str) -> FakeWeb {
    let mut web = FakeWeb::new(&[]);
    let post = json!({
        "id": 1, "created_at": "2023-03-17T03:50:48.762-04:00", "source": source, "md5": "x",
        "tag_string_artist": "ann", "file_url": "https://cdn.donmai.us/original/1.jpg", "pixiv_id": null
    });
    web.put(&format!("{POST}.json"), 200, post.to_string());
    web
}

fn put_artist(web: &mut FakeWeb, urls: &[&str]) {
    let urls: Vec<_> = urls.iter().map(|url| json!({"url": url, "is_active": true})).collect();
    web.put(
        "https://danbooru.donmai.us/artists.json?search[name]=ann\
         &only=id,name,is_deleted,is_banned,other_names,group_name,urls",
        200,
        json!([{"id": 5, "name": "ann", "urls": urls}]).to_string(),
    );
}

fn put_linktree(web: &mut FakeWeb, user: &str, urls: &[&str]) {
    let links: Vec<_> = urls.iter().map(|url| json!({"url": url})).collect();
    let state = json!({"props": {"pageProps": {"account": {"username": user, "links": links}}}});
    let html = format!("<script id=\"__NEXT_DATA__\" type=\"application/json\">{state}</script>");
    web.put(&format!("https://linktr.ee/{user}"), 200, html);
}

fn search(web: &FakeWeb) -> Result<LinksFound, LinkError> {
    let settings =
        LinkSettings { plain_pages: vec!["ann.example".into()], max_pages: 12, ..LinkSettings::default() };
    find(POST, web, &settings)
}

#[track_caller]
fn check(web: &FakeWeb, expect: &[(&str, Evidence)]) -> LinksFound {
    let found = search(web).unwrap();
    let accounts: Vec<(String, Evidence)> = found
        .candidates
        .iter()
        .map(|candidate| (candidate.account.to_string(), candidate.evidence))
        .collect();
    let expect: Vec<_> = expect.iter().map(|(account, grade)| ((*account).to_owned(), *grade)).collect();
    assert_eq!(accounts, expect);
    found
}

#[test]
fn curated_accounts_and_those_of_link_pages_are_found() {
    let mut web = with_post("");
    put_artist(
        &mut web,
        &[
            "https://twitter.com/Ann_Art",
            "https://linktr.ee/ann",
            "https://twitter.com/pixiv",
            "https://other.example/",
        ],
    );
    put_linktree(
        &mut web,
        "ann",
        &["https://x.com/ann_art", "https://x.com/ann_sketch/status/12", "https://linktr.ee/ann"],
    );
    let found = check(
        &web,
        &[("twitter:@ann_art", Evidence::Curated), ("twitter:@ann_sketch", Evidence::ProfileText)],
    );
    assert_eq!(
        found.candidates[1].chain,
        [POST, "https://danbooru.donmai.us/artists/show_or_new?name=ann", "https://linktr.ee/ann"]
    );
    assert_eq!((found.pages, found.site.as_str()), (3, "danbooru"));
}

#[test]
fn an_unknown_server_of_the_fediverse_is_asked_whether_it_is_one() {
    let mut web = with_post("");
    put_artist(
        &mut web,
        &["https://art.example/@Ann", "https://videos.example/@ann", "https://medium.com/@ann"],
    );
    let answer = json!({"subject": "acct:ann@art.example", "links": [
        {"rel": "self", "type": "application/activity+json", "href": "https://social.art.example/users/ann"}]});
    let asks = |host: &str| format!("https://{host}/.well-known/webfinger?resource=acct%3Aann%40{host}");
    web.put(&asks("art.example"), 200, answer.to_string());
    let profile = json!({"note": "", "fields": []});
    web.put("https://art.example/api/v1/accounts/lookup?acct=ann", 200, profile.to_string());
    let settings = LinkSettings { networks: vec![Network::Mastodon], ..LinkSettings::default() };
    let found = find(POST, &web, &settings).unwrap();
    let candidates: Vec<_> =
        found.candidates.iter().map(|known| (known.account.to_string(), known.evidence)).collect();
    assert_eq!(candidates, [("mastodon:@ann@art.example".to_owned(), Evidence::Curated)]);
    assert_eq!(found.candidates[0].chain.last().unwrap(), "https://art.example/@ann");
    let asked = web.asked();
    assert!(asked.contains(&asks("videos.example")), "{asked:?}");
    assert!(!asked.iter().any(|url| url.contains("medium.com")), "{asked:?}");
}

#[test]
fn the_source_of_a_copy_names_no_account() {
    let mut web = with_post("https://twitter.com/reposter/status/99");
    put_artist(&mut web, &["https://twitter.com/someone/status/5"]);
    check(&web, &[]);
}

#[test]
fn sources_are_followed_only_when_nothing_stronger_was_found() {
    let source = "https://danbooru.donmai.us/posts/2";
    let other = json!({"id": 2, "tag_string_artist": "bob", "source": "", "file_url": "https://cdn.donmai.us/original/2.jpg"});
    let bob = "https://danbooru.donmai.us/artists.json?search[name]=bob\
               &only=id,name,is_deleted,is_banned,other_names,group_name,urls";
    let mut web = with_post(source);
    put_artist(&mut web, &["https://twitter.com/ann"]);
    web.put(&format!("{source}.json"), 200, other.to_string());
    web.put(bob, 200, json!([{"urls": [{"url": "https://twitter.com/bob"}]}]).to_string());
    check(&web, &[("twitter:@ann", Evidence::Curated)]);
    assert_eq!(web.asked().len(), 2, "{:?}", web.asked());
    put_artist(&mut web, &[]);
    check(&web, &[("twitter:@bob", Evidence::WorkText)]);
}

#[test]
fn short_links_are_resolved_and_judged_by_where_they_stand() {
    let mut web = with_post("");
    put_artist(
        &mut web,
        &[
            "https://t.co/abc",
            "https://t.co/loop",
            "https://ann.example/me",
            "https://www.pixiv.net/stacc/ann",
        ],
    );
    let user = json!({"error": false, "body": {"userId": "7", "webpage": null, "comment": "",
        "social": {"twitter": {"url": "https://x.com/ann3"}}}});
    web.put("https://pixiv.me/ann", 302, "https://www.pixiv.net/en/users/7");
    web.put("https://www.pixiv.net/ajax/user/7?full=1&lang=en", 200, user.to_string());
    web.put("https://t.co/abc", 301, "https://twitter.com/ann");
    web.put("https://t.co/loop", 301, "https://t.co/loop");
    web.put("https://ann.example/me", 200, "<a href='//mobile.twitter.com/Ann2'>me</a><a href='/x'>x</a>");
    check(
        &web,
        &[
            ("twitter:@ann", Evidence::Curated),
            ("twitter:@ann3", Evidence::Curated),
            ("twitter:@ann2", Evidence::ProfileText),
        ],
    );
}

#[test]
fn the_walk_ends_at_its_depth() {
    let mut web = with_post("");
    put_artist(&mut web, &["https://linktr.ee/a"]);
    put_linktree(&mut web, "a", &["https://linktr.ee/b", "https://ann.example/1"]);
    web.put("https://ann.example/1", 200, "<a href='https://x.com/too_far'>");
    check(&web, &[]);
}

/// Without a key a blog is as good as an unknown site, not a problem; with it, it is a page like any other.
#[test]
fn a_site_that_wants_a_key_is_read_with_it_alone() {
    let mut web = with_post("");
    put_artist(&mut web, &["https://ann.tumblr.com/"]);
    let blog = json!({"response": {"blog": {"description": "https://x.com/ann_art"}}});
    web.put("https://api.tumblr.com/v2/blog/ann/info?api_key=sesame", 200, blog.to_string());
    assert_eq!(search(&web).unwrap().candidates, []);
    let credentials =
        Credentials { tumblr_api_key: Some(crate::config::Secret::new("sesame")), ..Credentials::default() };
    let (found, trace) = find_traced(POST, &web, &LinkSettings { credentials, ..LinkSettings::default() });
    let candidate = found.unwrap().candidates.remove(0);
    assert_eq!(candidate.evidence, Evidence::ProfileText);
    assert_eq!(candidate.chain.last().unwrap(), "https://www.tumblr.com/ann");
    assert!(!format!("{trace:?}").contains("sesame"));
}

#[test]
fn a_page_that_cannot_be_read_is_never_silent() {
    let mut web = with_post("");
    put_artist(&mut web, &["https://linktr.ee/ann"]);
    web.put("https://linktr.ee/ann", 200, "<html>redesigned</html>");
    let error = search(&web).unwrap_err();
    assert_eq!(error.failure_code(), FailureCode::ProcessingError);
    assert_eq!(
        crate::base::ErrorChain(&error).to_string(),
        "no account was found, and not every page could be read: \
         the layout of https://linktr.ee/ann has changed: script#__NEXT_DATA__ is missing"
    );
    // With an account found, it is only told.
    put_artist(&mut web, &["https://linktr.ee/ann", "https://twitter.com/ann"]);
    check(&web, &[("twitter:@ann", Evidence::Curated)]);
    let (_, trace) = find_traced(POST, &web, &LinkSettings::default());
    assert_eq!(trace.problems.len(), 1);
    // A page that is gone hides nothing.
    put_artist(&mut web, &["https://linktr.ee/gone"]);
    check(&web, &[]);
}

#[test]
fn pages_and_time_are_bounded() {
    let mut web = with_post("");
    let many: Vec<String> = (0..40).map(|n| format!("https://linktr.ee/u{n}")).collect();
    put_artist(&mut web, &many.iter().map(String::as_str).collect::<Vec<_>>());
    for n in 0..40 {
        put_linktree(&mut web, &format!("u{n}"), &[]);
    }
    let error = search(&web).unwrap_err();
    assert_eq!(error.page_error().unwrap().outcome(), "too_many_pages");
    assert_eq!(web.asked().len(), 12);
    let settings = LinkSettings { time_limit: Duration::ZERO, ..LinkSettings::default() };
    let error = find(POST, &web, &settings).unwrap_err();
    assert_eq!(error.page_error().unwrap().outcome(), "out_of_time");
}

#[track_caller]
fn check_failure(url: &str, web: &FakeWeb, code: FailureCode) {
    let error = find(url, web, &LinkSettings::default()).unwrap_err();
    assert_eq!(error.failure_code(), code, "{url}: {error}");
}

#[test]
fn every_mistake_has_its_code() {
    let mut web = FakeWeb::new(&[]);
    check_failure("not a url", &web, FailureCode::NotAnUrl);
    check_failure("https://example.com/1", &web, FailureCode::UnsupportedWebsite);
    check_failure("https://x.com/ann/status/12", &web, FailureCode::UnsupportedWebsite);
    check_failure("https://linktr.ee/ann", &web, FailureCode::UnsupportedWebsite);
    check_failure("https://danbooru.donmai.us/posts?tags=x", &web, FailureCode::NotAnArtworkPage);
    check_failure("https://www.deviantart.com/ann", &web, FailureCode::NotAnArtworkPage);
    check_failure("https://danbooru.donmai.us/posts/404", &web, FailureCode::NotAnArtworkPage);
    web.put("https://danbooru.donmai.us/posts/3.json", 403, "<html>challenge</html>");
    check_failure("https://danbooru.donmai.us/posts/3", &web, FailureCode::ProcessingError);
    web.put("https://danbooru.donmai.us/posts/4.json", 0, "");
    check_failure("https://danbooru.donmai.us/posts/4", &web, FailureCode::ProcessingError);
}

#[test]
fn a_source_whose_picture_is_hidden_still_leads_to_its_artist() {
    let mut web = with_post("https://www.pixiv.net/artworks/5");
    put_artist(&mut web, &[]);
    let work = json!({"error": false, "body": {"userId": "7", "urls": {"original": null, "regular": null}}});
    web.put("https://www.pixiv.net/ajax/illust/5", 200, work.to_string());
    let user = json!({"error": false, "body": {"userId": "7", "webpage": null, "comment": "",
        "social": {"twitter": {"url": "https://twitter.com/ann"}}}});
    web.put("https://www.pixiv.net/ajax/user/7?full=1&lang=en", 200, user.to_string());
    check(&web, &[("twitter:@ann", Evidence::WorkText)]);
}

/// Both are said: the accounts that were found, and that there is no picture to search for.
#[test]
fn a_hidden_picture_keeps_no_account_back() {
    let mut web = FakeWeb::new(&[]);
    let work = json!({"error": false, "body": {"userId": "7", "urls": {"original": null, "regular": null}}});
    let pages = json!({"error": false, "body": [{"urls": {"original": null, "regular": null}}]});
    let user = |social: serde_json::Value| {
        json!({"error": false, "body": {"userId": "7", "social": social, "webpage": null, "comment": ""}})
            .to_string()
    };
    let url = "https://www.pixiv.net/artworks/5";
    let profile = "https://www.pixiv.net/ajax/user/7?full=1&lang=en";
    web.put("https://www.pixiv.net/ajax/illust/5", 200, work.to_string());
    web.put("https://www.pixiv.net/ajax/illust/5/pages", 200, pages.to_string());
    web.put(profile, 200, user(json!({"twitter": {"url": "https://twitter.com/ann"}})));
    let (found, trace) = find_traced(url, &web, &LinkSettings::default());
    let found = found.unwrap();
    assert_eq!(found.candidates[0].account.to_string(), "twitter:@ann");
    assert_eq!(found.candidates[0].evidence, Evidence::ProfileField);
    let no_image = found.no_image.unwrap();
    assert!(found.images.is_empty() && no_image.why.contains("PHPSESSID"), "{no_image:?}");
    assert_eq!(no_image.code, FailureCode::ProcessingError);
    let outcomes: Vec<_> = trace.steps.iter().map(|step| step.outcome).collect();
    assert_eq!(outcomes, ["login_needed", READ]);
    // Without an account the picture is the answer, as it would have been without the walk.
    web.put(profile, 200, user(json!([])));
    let error = find(url, &web, &LinkSettings::default()).unwrap_err();
    assert_eq!(error.page_error().unwrap().outcome(), "login_needed");
    // A profile that cannot be reached now may have one: it is tried again.
    web.put(profile, 0, "");
    let error = find(url, &web, &LinkSettings::default()).unwrap_err();
    assert!(matches!(error, LinkError::Incomplete { .. }), "{error}");
    // What was deleted is no artwork's page any more.
    let placeholder = "https://s.pximg.net/common/images/limit_unknown_360.png";
    let work = json!({"error": false, "body": {"userId": "7", "urls": {"original": placeholder}}});
    web.put("https://www.pixiv.net/ajax/illust/5", 200, work.to_string());
    let error = find(url, &web, &LinkSettings::default()).unwrap_err();
    assert_eq!(error.failure_code(), FailureCode::NotAnArtworkPage);
}

/// A cookie that is refused is why a login is asked for: that is told, in place of "set a cookie".
#[test]
fn a_refused_cookie_is_the_reason_that_is_told() {
    struct Expired(FakeWeb);
    impl Fetch for Expired {
        fn fetch(&self, request: Request) -> Result<Response, FetchError> {
            let refused = request.headers.iter().any(|(name, _)| *name == "Cookie");
            let url = request.url.clone();
            match (refused, self.0.fetch(request)) {
                (true, _) => {
                    Ok(Response { status: 401, url, headers: vec![], body: r#"{"error":true}"#.into() })
                }
                (false, answer) => answer,
            }
        }

        fn fetch_all(&self, requests: Vec<Request>) -> Vec<Result<Response, FetchError>> {
            requests.into_iter().map(|request| self.fetch(request)).collect()
        }
    }
    let mut web = FakeWeb::new(&[]);
    let work = json!({"error": false, "body": {"userId": "7", "urls": {"original": null}}});
    web.put("https://www.pixiv.net/ajax/illust/5", 200, work.to_string());
    let pages = json!({"error": false, "body": [{"urls": {"original": null}}]});
    web.put("https://www.pixiv.net/ajax/illust/5/pages", 200, pages.to_string());
    let cookies = [("pixiv".to_owned(), crate::config::Secret::new("PHPSESSID=1_old"))].into();
    let credentials = Credentials { cookies, ..Credentials::default() };
    let settings = LinkSettings { credentials, ..LinkSettings::default() };
    let (result, trace) = find_traced("https://www.pixiv.net/artworks/5", &Expired(web), &settings);
    let told = crate::base::ErrorChain(&result.unwrap_err()).to_string();
    assert!(told.contains("were refused") && !told.contains("1_old"), "{told}");
    assert_eq!(
        trace.problems.iter().filter(|problem| problem.contains("were refused")).count(),
        1,
        "{trace:#?}"
    );
}

const COPE: &str = "https://www.deviantart.com/pachunka/art/Cope-145564099";

fn deviantart() -> FakeWeb {
    let mut web = FakeWeb::new(&[]);
    let oembed = "https://backend.deviantart.com/oembed?url=\
                  https%3A%2F%2Fwww.deviantart.com%2Fpachunka%2Fart%2FCope-145564099";
    web.put(oembed, 200, include_str!("../../tests/fixtures/sites/deviantart/oembed_cope.json"));
    web.put(COPE, 200, include_str!("../../tests/fixtures/sites/deviantart/page_cope.html"));
    web.put(
        "https://www.deviantart.com/pachunka/about",
        200,
        include_str!("../../tests/fixtures/sites/deviantart/about_made.html"),
    );
    web.put("https://pachunka.carrd.co/", 200, "<a href='https://x.com/pachunka_two'>x</a>");
    put_linktree(&mut web, "pachunka", &[]);
    web
}

#[test]
fn a_deviation_leads_over_the_profile_to_link_pages() {
    let web = deviantart();
    let found = find(COPE, &web, &LinkSettings::default()).unwrap();
    let accounts: Vec<_> =
        found.candidates.iter().map(|found| (found.account.to_string(), found.evidence)).collect();
    assert_eq!(
        accounts,
        [
            ("twitter:@pachunka_art".to_owned(), Evidence::ProfileField),
            ("twitter:@pachunka_two".to_owned(), Evidence::ProfileText)
        ]
    );
    assert_eq!(
        found.candidates[1].chain,
        [COPE, "https://www.deviantart.com/pachunka", "https://pachunka.carrd.co/"]
    );
    // The work itself (two at once), the profile, two link pages (at once); nothing twice.
    assert_eq!((found.pages, web.asked().len()), (5, 5));
}

#[test]
fn a_pixiv_work_leads_to_its_artist() {
    let mut web = FakeWeb::new(&[]);
    let id = "67487303";
    web.put(
        &format!("https://www.pixiv.net/ajax/illust/{id}"),
        200,
        include_str!("../../tests/fixtures/sites/pixiv/illust_67487303.json"),
    );
    let page =
        |n: u8| json!({"urls": {"original": format!("https://i.pximg.net/img-original/{id}_p{n}.png")}});
    let pages = json!({"error": false, "body": [page(0), page(1)]});
    web.put(&format!("https://www.pixiv.net/ajax/illust/{id}/pages"), 200, pages.to_string());
    web.put(
        "https://www.pixiv.net/ajax/user/264716?full=1&lang=en",
        200,
        include_str!("../../tests/fixtures/sites/pixiv/user_made.json"),
    );
    web.put("https://made-up.carrd.co/", 200, "<a href='https://a.example/'>x</a>");
    let found = find("https://www.pixiv.net/en/artworks/67487303#2", &web, &LinkSettings::default()).unwrap();
    assert_eq!(found.images[0].url, "https://i.pximg.net/img-original/67487303_p1.png");
    assert_eq!(found.candidates.len(), 1, "{:?}", found.candidates);
    assert_eq!(found.candidates[0].evidence, Evidence::ProfileField);
}

#[test]
fn a_merged_image_leads_to_the_kept_one() {
    let mut web = FakeWeb::new(&[]);
    let merged = json!({"image": {"id": 9, "duplicate_of": 1, "hidden_from_users": true}});
    web.put("https://derpibooru.org/api/v1/json/images/9?filter_id=56027", 200, merged.to_string());
    web.put(
        "https://derpibooru.org/api/v1/json/images/1?filter_id=56027",
        200,
        include_str!("../../tests/fixtures/sites/philomena/image_1.json"),
    );
    web.put(
        "https://derpibooru.org/tags/artist-colon-speccysy?filter_id=56027",
        200,
        include_str!("../../tests/fixtures/sites/philomena/tag_made.html"),
    );
    web.put("https://www.deviantart.com/made-up/about", 404, "");
    let found = find("https://derpibooru.org/images/9", &web, &LinkSettings::default()).unwrap();
    assert_eq!(found.images[0].url, "https://derpicdn.net/img/view/2012/1/2/1.png");
    assert_eq!(found.candidates[0].account.to_string(), "twitter:@made_up");
    assert_eq!(found.candidates[0].evidence, Evidence::Curated);
}

#[test]
fn curators_are_asked_last_and_only_where_allowed() {
    let mut web = deviantart();
    web.put(
        "https://www.deviantart.com/pachunka/about",
        200,
        r#"<script>window.__INITIAL_STATE__ = JSON.parse("{\"about\":{\"socialLinks\":[]}}");</script>"#,
    );
    let asked = find(COPE, &web, &LinkSettings::default()).unwrap();
    assert!(asked.candidates.is_empty());
    let whose = "https%3A%2F%2Fwww.deviantart.com%2Fpachunka";
    web.put(
        &format!(
            "https://danbooru.donmai.us/artists.json?search[url_matches]={whose}\
             &only=id,name,is_deleted,is_banned,other_names,group_name,urls"
        ),
        200,
        json!([{"id": 1, "urls": [{"url": "https://twitter.com/pachunka_art"}]}]).to_string(),
    );
    web.put(&format!("https://e621.net/artists.json?search[url_matches]={whose}"), 200, r#"{"artists":[]}"#);
    let settings = LinkSettings { ask_curators: true, ..LinkSettings::default() };
    let found = find(COPE, &web, &settings).unwrap();
    assert_eq!(found.candidates.len(), 1);
    assert_eq!(found.candidates[0].evidence, Evidence::Curated);
    assert_eq!(
        found.candidates[0].chain,
        [COPE.to_owned(), format!("https://danbooru.donmai.us/artists?search[url_matches]={whose}")]
    );
}

proptest! {
    /// Whatever the pages link to: the walk ends, asks for no page twice, keeps its bounds, and every account
    /// has a way that was really walked.
    #[test]
    fn every_walk_is_bounded(
        links in prop::collection::vec(prop::collection::vec((0u8..4, 0usize..12), 0..6), 12),
        max_pages in 1u32..20,
        max_depth in 0u8..4,
    ) {
        let url = |(kind, n): &(u8, usize)| match kind {
            0 => format!("https://linktr.ee/u{n}"),
            1 => format!("https://x.com/a{n}"),
            2 => format!("https://t.co/c{n}"),
            _ => format!("https://x.com/a{n}/status/5"),
        };
        let mut web = with_post("");
        for (n, targets) in links.iter().enumerate() {
            let targets: Vec<String> = targets.iter().map(url).collect();
            let targets: Vec<&str> = targets.iter().map(String::as_str).collect();
            put_linktree(&mut web, &format!("u{n}"), &targets);
            web.put(&format!("https://t.co/c{n}"), 301, *targets.first().unwrap_or(&"https://t.co/c0"));
        }
        put_artist(&mut web, &["https://linktr.ee/u0", "https://linktr.ee/u1", "https://t.co/c2"]);
        let settings = LinkSettings { max_pages, max_depth, ..LinkSettings::default() };
        let (result, trace) = find_traced(POST, &web, &settings);
        let mut asked = web.asked();
        prop_assert!(asked.len() <= max_pages as usize);
        asked.sort();
        let all = asked.len();
        asked.dedup();
        prop_assert_eq!(asked.len(), all, "a page was asked for twice");
        if let Ok(found) = result {
            for candidate in &found.candidates {
                let short_links = candidate.chain.iter().filter(|page| page.contains("//t.co/")).count();
                prop_assert!(candidate.chain.len() - short_links <= usize::from(max_depth) + 1, "{:?}", candidate.chain);
                for page in &candidate.chain {
                    prop_assert!(trace.steps.iter().any(|step| step.url == *page && step.outcome == READ));
                }
            }
        }
    }
}
