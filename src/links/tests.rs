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

const ON_MASTODON: &str = "https://mastodon.art/api/v1/accounts/lookup?acct=ann";
const ON_BLUESKY: &str = "https://public.api.bsky.app/xrpc/app.bsky.actor.getProfile?actor=ann.example";
const ACTOR: &str = "https://mastodon.art/users/ann";

/// A profile on Mastodon whose fields name these pages.
fn put_mastodon(web: &mut FakeWeb, fields: &[(&str, Option<&str>)]) {
    let field = |(page, verified_at): &(&str, Option<&str>)| json!({"name": "me", "value": format!("<a href='{page}'>x</a>"), "verified_at": verified_at});
    let profile = json!({"note": "", "fields": fields.iter().map(field).collect::<Vec<_>>()});
    web.put(ON_MASTODON, 200, profile.to_string());
}

fn put_bluesky(web: &mut FakeWeb, description: &str, website: Option<&str>) {
    let profile =
        json!({"did": "did:plc:1", "handle": "ann.example", "description": description, "website": website});
    web.put(ON_BLUESKY, 200, profile.to_string());
}

const MASTODON: &str = "mastodon:@ann@mastodon.art";
const BLUESKY: &str = "bluesky:@ann.example";

#[track_caller]
fn check_open(web: &FakeWeb, settings: LinkSettings, expect: &[(&str, Evidence)]) -> Trace {
    let settings = LinkSettings { networks: vec![Network::Mastodon, Network::Bluesky], ..settings };
    let (found, trace) = find_traced(POST, web, &settings);
    let found = found.unwrap();
    let found: Vec<_> =
        found.candidates.iter().map(|known| (known.account.to_string(), known.evidence)).collect();
    let expect: Vec<_> = expect.iter().map(|(account, grade)| ((*account).to_owned(), *grade)).collect();
    assert_eq!(found, expect, "{:?}", web.asked());
    trace
}

#[test]
fn an_account_that_a_page_names_and_that_names_it_is_as_certain_as_the_page() {
    let page = |head: &str| format!("<head>{head}</head><a href='https://a.example/'>a</a>");
    let creator = page("<meta name='fediverse:creator' content='@Ann@mastodon.art'>");
    let me = page("<link rel='me' href='https://mastodon.art/@ann'>");
    let anchor = "<a rel='me' href='https://mastodon.art/@ann'>a</a>";
    let plain = "<a href='https://mastodon.art/@ann'>a</a>";
    let actor =
        |domain: &str| json!({"preferredUsername": "ann", "attributionDomains": [domain]}).to_string();
    let web = |page: &str| {
        let mut web = with_post("");
        put_artist(&mut web, &["https://ann.carrd.co/"]);
        web.put("https://ann.carrd.co/", 200, page);
        web
    };
    let check = |web: &FakeWeb, max_depth: u8, expect| {
        check_open(web, LinkSettings { max_depth, ..LinkSettings::default() }, &[(MASTODON, expect)]);
    };
    // However far the walk goes: the question is no step of it.
    for max_depth in [2, 3] {
        for html in [&creator, &me, anchor] {
            let mut named = web(html);
            check(&named, max_depth, Evidence::ProfileText);
            put_mastodon(&mut named, &[("https://ann.carrd.co", Some("2020-01-01T00:00:00Z"))]);
            check(&named, max_depth, Evidence::Curated);
            put_mastodon(&mut named, &[("http://www.ann.carrd.co/", None)]);
            check(&named, max_depth, Evidence::Curated);
            put_mastodon(&mut named, &[("https://bob.carrd.co/", Some("2020-01-01T00:00:00Z"))]);
            check(&named, max_depth, Evidence::ProfileText);
        }
    }
    // By the domains that the account lists: of the mark that is meant for it alone.
    let mut listed = web(&creator);
    listed.put(ACTOR, 200, actor("ann.carrd.co"));
    check(&listed, 2, Evidence::Curated);
    assert!(!listed.asked().contains(&ON_MASTODON.to_owned()), "{:?}", listed.asked());
    listed.put(ACTOR, 200, actor("carrd.co"));
    check(&listed, 2, Evidence::ProfileText);
    let mut other = web(&me);
    other.put(ACTOR, 200, actor("ann.carrd.co"));
    check(&other, 2, Evidence::ProfileText);
    // A link that is no claim is nothing to be confirmed, but by the network itself.
    let mut linked = web(plain);
    put_mastodon(&mut linked, &[("https://ann.carrd.co", None)]);
    check(&linked, 3, Evidence::ProfileText);
    put_mastodon(&mut linked, &[("https://ann.carrd.co", Some("2020-01-01T00:00:00Z"))]);
    check(&linked, 3, Evidence::Curated);
}

/// Delay, half an answer, a refusal: nothing is proven, nothing is lost, and no problem is told.
#[test]
fn an_account_that_cannot_be_asked_is_what_it_was() {
    for (status, body) in [
        (0, ""),
        (401, "{\"error\":\"x\"}"),
        (403, "<html>"),
        (429, ""),
        (500, ""),
        (200, ""),
        (200, "{\"note\""),
        (200, "[]"),
    ] {
        let mut web = with_post("");
        put_artist(&mut web, &["https://ann.carrd.co/"]);
        web.put(
            "https://ann.carrd.co/",
            200,
            "<meta name='fediverse:creator' content='@ann@mastodon.art'><a href='https://a.example/'>a</a>",
        );
        web.put(ON_MASTODON, status, body);
        web.put(ACTOR, status, body);
        let trace = check_open(&web, LinkSettings::default(), &[(MASTODON, Evidence::ProfileText)]);
        assert_eq!(trace.problems, [""; 0], "{status} {body}");
    }
}

#[test]
fn a_creator_is_of_the_fediverse_whatever_its_server() {
    let mut web = with_post("");
    put_artist(&mut web, &["https://ann.carrd.co/"]);
    let page = "<meta name='fediverse:creator' content='@Ann@art.example'><a href='https://a.example/'>a</a>";
    web.put("https://ann.carrd.co/", 200, page);
    check_open(&web, LinkSettings::default(), &[("mastodon:@ann@art.example", Evidence::ProfileText)]);
    let asked = web.asked();
    assert!(asked.contains(&"https://art.example/users/ann".to_owned()), "{asked:?}");
}

/// A site's own accounts stand on all of its pages.
#[test]
fn on_a_page_of_many_members_only_what_is_confirmed_counts() {
    const MEMBER: &str = "https://inkbunny.net/ann";
    let member = include_str!("../../tests/fixtures/sites/inkbunny/member_made.html");
    let web = |head: &str| {
        let mut web = with_post("");
        put_artist(&mut web, &[MEMBER]);
        web.put(MEMBER, 200, format!("{head}{member}"));
        web
    };
    let on_member = |web: &FakeWeb, expect: &[(&str, Evidence)]| {
        let settings = LinkSettings { networks: vec![Network::Mastodon], ..LinkSettings::default() };
        let found = find(POST, web, &settings).unwrap();
        let found: Vec<_> =
            found.candidates.iter().map(|known| (known.account.to_string(), known.evidence)).collect();
        let expect: Vec<_> = expect.iter().map(|(account, grade)| ((*account).to_owned(), *grade)).collect();
        assert_eq!(found, expect, "{:?}", web.asked());
    };
    let me = "<link rel=me href='https://mastodon.art/@ann'>";
    let mut claimed = web(me);
    on_member(&claimed, &[]);
    put_mastodon(&mut claimed, &[("https://inkbunny.net/", Some("2020-01-01T00:00:00Z"))]);
    on_member(&claimed, &[]);
    put_mastodon(&mut claimed, &[(MEMBER, None)]);
    on_member(&claimed, &[(MASTODON, Evidence::Curated)]);
    let creator = |name: &str| format!("<meta name='fediverse:creator' content='{name}'>");
    let mut created = web(&creator("@ann@mastodon.art"));
    on_member(&created, &[(MASTODON, Evidence::ProfileText)]);
    // Everybody's domain proves nothing.
    let actor = json!({"preferredUsername": "ann", "attributionDomains": ["inkbunny.net"]});
    created.put(ACTOR, 200, actor.to_string());
    on_member(&created, &[(MASTODON, Evidence::ProfileText)]);
    on_member(&web(&creator("@inkbunny@mastodon.art")), &[]);
    on_member(&web(&creator("@news@inkbunny.net")), &[]);
}

#[test]
fn a_page_that_names_many_accounts_costs_a_few_requests() {
    let mut web = with_post("");
    put_artist(&mut web, &["https://ann.carrd.co/"]);
    let claims: String =
        (0..500).map(|n| format!("<a rel=me href='https://mastodon.art/@a{n}'>a</a>")).collect();
    web.put("https://ann.carrd.co/", 200, claims);
    let settings = LinkSettings { networks: vec![Network::Mastodon], ..LinkSettings::default() };
    let _ = find(POST, &web, &settings).unwrap();
    assert_eq!(web.asked().len(), 3 + mutual::MAX_QUESTIONS, "{:?}", web.asked());
}

#[test]
fn accounts_of_two_networks_that_name_each_other_are_one_persons() {
    let both = |first: Evidence, second: Evidence| vec![(BLUESKY, first), (MASTODON, second)];
    let check = |description: &str,
                 website: Option<&str>,
                 back: &[(&str, Option<&str>)],
                 expect: &[(&str, Evidence)]| {
        let mut web = with_post("");
        put_artist(&mut web, &["https://bsky.app/profile/ann.example"]);
        put_bluesky(&mut web, description, website);
        put_mastodon(&mut web, back);
        check_open(&web, LinkSettings { max_depth: 2, ..LinkSettings::default() }, expect);
    };
    let (on_mastodon, on_bluesky) = ("https://mastodon.art/@ann", "https://bsky.app/profile/ann.example");
    let curated = both(Evidence::Curated, Evidence::Curated);
    check("me: https://mastodon.art/@ann", None, &[(on_bluesky, None)], &curated);
    check("", Some(on_mastodon), &[(on_bluesky, None)], &curated);
    let one_way = both(Evidence::Curated, Evidence::ProfileText);
    check("me: https://mastodon.art/@ann", None, &[("https://bsky.app/profile/bob.example", None)], &one_way);
    check("me: https://mastodon.art/@ann", None, &[], &one_way);
    // Texts that name each other are those of friends.
    let mut web = with_post("");
    put_artist(&mut web, &["https://bsky.app/profile/ann.example"]);
    put_bluesky(&mut web, "me: https://mastodon.art/@ann", None);
    let note = json!({"note": "<p>me: https://bsky.app/profile/ann.example</p>", "fields": []});
    web.put(ON_MASTODON, 200, note.to_string());
    check_open(&web, LinkSettings::default(), &one_way);
}

#[test]
fn a_handle_that_is_the_artists_domain_is_as_certain_as_the_link_to_it() {
    let mut web = with_post("");
    put_artist(&mut web, &["https://ann.example", "https://ann.carrd.co/"]);
    let links = |account: &str| format!("<a href='https://bsky.app/profile/{account}'>a</a>");
    web.put("https://ann.carrd.co/", 200, links("ann.example"));
    check_open(&web, LinkSettings::default(), &[(BLUESKY, Evidence::Curated)]);
    web.put("https://ann.carrd.co/", 200, links("ann.example.evil.example"));
    check_open(
        &web,
        LinkSettings::default(),
        &[("bluesky:@ann.example.evil.example", Evidence::ProfileText)],
    );
    // A page of the host that is not all of it.
    put_artist(&mut web, &["https://ann.example/friends", "https://ann.carrd.co/"]);
    web.put("https://ann.carrd.co/", 200, links("ann.example"));
    check_open(&web, LinkSettings::default(), &[(BLUESKY, Evidence::ProfileText)]);
}

#[test]
fn a_host_that_is_read_tells_its_handle() {
    let mut web = with_post("");
    put_artist(&mut web, &["https://ann.example"]);
    web.put("https://ann.example", 200, "<a href='https://ko-fi.com/ann'>a</a>");
    let listed = || LinkSettings { plain_pages: vec!["ann.example".into()], ..LinkSettings::default() };
    check_open(&web, listed(), &[]);
    web.put("https://ann.example/.well-known/atproto-did", 200, "did:plc:1");
    let by_did = ON_BLUESKY.replace("ann.example", "did%3Aplc%3A1");
    web.put(&by_did, 200, json!({"did": "did:plc:1", "handle": "ann.example"}).to_string());
    check_open(&web, listed(), &[(BLUESKY, Evidence::Curated)]);
    web.put(&by_did, 200, json!({"did": "did:plc:1", "handle": "bob.example"}).to_string());
    check_open(&web, listed(), &[]);
    // Nobody reads the page: nobody asks its host.
    assert_eq!(with_asked(&web, LinkSettings::default(), ".well-known"), 0);
}

/// How many of a search's requests have this in their address.
fn with_asked(web: &FakeWeb, settings: LinkSettings, part: &str) -> usize {
    let before = web.asked().len();
    let settings = LinkSettings { networks: vec![Network::Bluesky, Network::Twitter], ..settings };
    let _ = find(POST, web, &settings);
    web.asked()[before..].iter().filter(|url| url.contains(part)).count()
}

#[test]
fn the_copy_of_an_account_is_left_out_beside_its_original() {
    let mut web = with_post("");
    let copy = "https://bsky.app/profile/ann-paints.mastodon.art.ap.brid.gy";
    put_artist(&mut web, &[copy, "https://ann.carrd.co/"]);
    web.put("https://ann.carrd.co/", 200, "<a href='https://mastodon.art/@ann_paints'>a</a>");
    check_open(&web, LinkSettings::default(), &[("mastodon:@ann_paints@mastodon.art", Evidence::Curated)]);
    put_artist(&mut web, &[copy]);
    check_open(
        &web,
        LinkSettings::default(),
        &[("bluesky:@ann-paints.mastodon.art.ap.brid.gy", Evidence::Curated)],
    );
}

const TWO_LINKS: &str =
    "<a href='https://x.com/ann'>Twitter</a><a href='https://www.pixiv.net/users/7'>Pixiv</a>";

#[test]
fn a_page_of_unknown_make_is_read_where_the_operator_allows_it() {
    let mut web = with_post("");
    put_artist(&mut web, &["https://links.example/ann"]);
    web.put("https://links.example/ann", 200, TWO_LINKS);
    let allowed = || LinkSettings { unknown_pages: true, ..LinkSettings::default() };
    assert_eq!(with_asked(&web, LinkSettings::default(), "links.example"), 0);
    let (found, trace) = find_traced(POST, &web, &allowed());
    let found = found.unwrap();
    let candidate = &found.candidates[0];
    assert_eq!(
        (candidate.account.to_string().as_str(), candidate.evidence),
        ("twitter:@ann", Evidence::ProfileText)
    );
    assert_eq!(candidate.chain.last().unwrap(), "https://links.example/ann");
    assert_eq!(trace.problems, [""; 0]);
    // What is no link page, and what cannot be read, hides nothing.
    for (status, body, outcome) in [
        (200, "<p>an essay on <a href='https://x.com/ann'>ann</a></p>", "no_link_page"),
        (200, "", "no_link_page"),
        (404, "", "gone"),
        (500, "", "unavailable"),
        (0, "", "fetch_failed"),
        (200, "<title>Just a moment...</title>", "blocked"),
    ] {
        web.put("https://links.example/ann", status, body);
        let (found, trace) = find_traced(POST, &web, &allowed());
        assert_eq!(found.unwrap().candidates, [], "{body}");
        assert_eq!(trace.steps.last().unwrap().outcome, outcome, "{body}");
        assert_eq!(trace.problems, [""; 0], "{body}");
    }
}

#[test]
fn few_pages_of_unknown_make_are_read_and_only_the_artists() {
    let allowed = || LinkSettings { unknown_pages: true, ..LinkSettings::default() };
    let mut web = with_post("");
    let many: Vec<String> = (0..20).map(|n| format!("https://links{n}.example/")).collect();
    put_artist(&mut web, &many.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(with_asked(&web, allowed(), "links"), walk::MAX_UNKNOWN);
    // One page is one, however often it is named.
    put_artist(
        &mut web,
        &[
            "https://links.example/",
            "https://links.example",
            "https://b.links.example/",
            "https://c.links.example/",
        ],
    );
    assert_eq!(with_asked(&web, allowed(), "links.example"), 3);
    // The source of a copy, and what is no page.
    let mut web = with_post("https://links.example/ann");
    put_artist(&mut web, &["https://links.example/a.zip", "https://10.0.0.1/", "https://links.example:81/"]);
    assert_eq!(with_asked(&web, allowed(), "links.example"), 0);
}

/// A message box is no link page, unless the operator says so.
#[test]
fn a_recognised_page_is_read_if_it_is_listed() {
    let mut web = with_post("");
    put_artist(&mut web, &["https://marshmallow-qa.com/ann"]);
    web.put("https://marshmallow-qa.com/ann", 200, TWO_LINKS);
    let found = find(POST, &web, &LinkSettings { unknown_pages: true, ..LinkSettings::default() }).unwrap();
    assert_eq!((found.candidates.len(), found.elsewhere[0].site.as_str()), (0, "Marshmallow"));
    let plain_pages = vec!["marshmallow-qa.com".into()];
    let found = find(POST, &web, &LinkSettings { plain_pages, ..LinkSettings::default() }).unwrap();
    assert_eq!(found.candidates[0].account.to_string(), "twitter:@ann");
}

#[test]
fn pages_that_are_not_searched_are_told_within_bounds() {
    let told = |urls: &[&str], source: &str| {
        let mut web = with_post(source);
        put_artist(&mut web, &[urls, &["https://x.com/ann"]].concat());
        let found = find(POST, &web, &LinkSettings::default()).unwrap();
        found.elsewhere.into_iter().map(|page| (page.site, page.url, page.evidence)).collect::<Vec<_>>()
    };
    let instagram = ("Instagram".to_owned(), "https://www.instagram.com/ann/".to_owned(), Evidence::Curated);
    let urls =
        ["https://instagram.com/ann?hl=en", "https://www.instagram.com/ann/reels/", "https://vimeo.com/ann"];
    assert_eq!(told(&urls, "https://www.tiktok.com/@bob"), [instagram], "once, and no source of a copy");
    let work = "https://ann.newgrounds.com/art";
    assert_eq!(
        told(&[work], ""),
        [("Newgrounds".to_owned(), "https://ann.newgrounds.com/".to_owned(), Evidence::Curated)]
    );
    assert_eq!(told(&[&format!("https://www.instagram.com/{}/", "a".repeat(199))], ""), []);
    let many: Vec<String> = (0..50).map(|n| format!("https://www.tiktok.com/@ann{n}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    assert_eq!(told(&many, "").len(), walk::MAX_ELSEWHERE);
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

const ALL_NETWORKS: [Network; 4] = Network::ALL;

/// A post of e621 with these sources, which knows no artist.
fn with_sources(sources: &[&str], description: &str) -> FakeWeb {
    let mut web = FakeWeb::new(&[]);
    let post = json!({"post": {"id": 1, "file": {"url": "https://static1.e621.net/1.png", "ext": "png"},
        "tags": {"artist": []}, "sources": sources, "description": description}});
    web.put("https://e621.net/posts/1.json", 200, post.to_string());
    web
}

fn named_by(url: &str, web: &FakeWeb, networks: &[Network]) -> Vec<String> {
    let settings = LinkSettings { networks: networks.to_vec(), ..LinkSettings::default() };
    let found = find(url, web, &settings).unwrap();
    found.named_posts.iter().map(ToString::to_string).collect()
}

#[test]
fn what_names_a_post_and_what_does_not() {
    let check = |source: &str, expect: &[&str]| {
        let web = with_sources(&[source], "");
        assert_eq!(named_by("https://e621.net/posts/1", &web, &ALL_NETWORKS), expect, "{source}");
    };
    for same in [
        "https://twitter.com/Ann/status/12?s=20",
        "https://x.com/ann/status/12/photo/2",
        "https://fxtwitter.com/ann/status/12/en",
        "https://d.vxtwitter.com/ann/status/12.jpg",
        "https://nitter.net/ann/status/12#m",
        "https://x.com/i/web/status/12",
        "x.com/ann/status/0012",
        "https://www.deviantart.com/users/outgoing?https://twitter.com/ann/status/12",
        "https://href.li/?https://x.com/ann/status/12",
        "https://x.com/i/flow/login?redirect_after_login=%2Fann%2Fstatus%2F12",
    ] {
        check(same, &["twitter:12"]);
    }
    check(
        "https://bsky.app/profile/Ann.example/post/3kkvo4d4jd32g?ref=1",
        &["bluesky:at://ann.example/app.bsky.feed.post/3kkvo4d4jd32g"],
    );
    check(
        "https://fxbsky.app/profile/did:plc:3jog/post/3kkvo4d4jd32g",
        &["bluesky:at://did:plc:3jog/app.bsky.feed.post/3kkvo4d4jd32g"],
    );
    check("https://pawoo.net/web/@ann/1945?x#y", &["mastodon:https://pawoo.net/@ann/1945"]);
    check("https://misskey.io/notes/9bxaf592x6", &["misskey:https://misskey.io/notes/9bxaf592x6"]);
    for none in [
        "",
        "my own head",
        "https://x.com/ann",
        "https://x.com/ann/status/",
        "https://x.com/ann/status/twelve",
        "https://x.com/ann/status/99999999999999999999",
        "https://x.com.evil.example/ann/status/12",
        "https://pbs.twimg.com/media/EBGbJe_U8AA4Ekb?format=jpg&name=orig",
        "https://cdn.bsky.app/img/feed_fullsize/plain/did:plc:3/b@jpeg",
        "https://bsky.app/profile/ann.example",
        "https://bsky.app/profile/ann.example/post/%2e%2e%2f",
        "https://bsky.app/profile/nobody/post/3kkvo4d4jd32g",
        "https://img.pawoo.net/media_attachments/files/001/small/c4.png",
        "https://pawoo.net/@ann",
        "https://art.example/@ann/12",
        // Of a page's other copies none is a post.
        "https://danbooru.donmai.us/posts/9",
        "https://www.tumblr.com/ann/12",
    ] {
        check(none, &[]);
    }
}

/// Each reader that can name one, with what a page of its site looks like.
#[test]
fn every_reader_names_the_posts_of_its_page() {
    let check = |page: &str, answers: &[(&str, &str)], expect: &[&str]| {
        let web = FakeWeb::new(answers);
        assert_eq!(named_by(page, &web, &ALL_NETWORKS), expect, "{page}");
    };
    // Recorded.
    check(
        "https://danbooru.donmai.us/posts/6148688",
        &[(
            "https://danbooru.donmai.us/posts/6148688.json",
            include_str!("../../tests/fixtures/sites/danbooru/post_6148688.json"),
        )],
        &["twitter:1616064514683985925"],
    );
    check(
        "https://gelbooru.com/index.php?page=post&s=view&id=8329156",
        &[(
            "https://gelbooru.com/index.php?page=dapi&s=post&q=index&json=1&id=8329156",
            include_str!("../../tests/fixtures/sites/gelbooru/dapi_post.json"),
        )],
        &["twitter:1635274396700143617"],
    );
    check(
        "https://e621.net/posts/3937749",
        &[("https://e621.net/posts/3937749.json", include_str!("../../tests/fixtures/sites/e621/post.json"))],
        &["twitter:1636768230336348160"],
    );
    // Made to the documented shapes.
    check(
        "https://realbooru.com/index.php?page=post&s=view&id=1",
        &[(
            "https://realbooru.com/index.php?page=post&s=view&id=1",
            include_str!("../../tests/fixtures/sites/gelbooru/realbooru_made.html"),
        )],
        &["twitter:1"],
    );
    let text = "On X: https://x.com/ann/status/1 and https://bsky.app/profile/ann.example/post/3k";
    let (on_x, on_bluesky) = ("twitter:1", "bluesky:at://ann.example/app.bsky.feed.post/3k");
    let image = json!({"image": {"id": 1, "view_url": "https://derpicdn.net/1.png", "tags": [],
        "source_urls": ["https://x.com/ann/status/3", "https://x.com/ann/status/2"],
        "description": "[here](https://x.com/ann/status/1) \u{2014} https://x.com/ann/status/2"}});
    check(
        "https://derpibooru.org/images/1",
        &[("https://derpibooru.org/api/v1/json/images/1?filter_id=56027", &image.to_string())],
        &["twitter:3", "twitter:2", "twitter:1"],
    );
    let markup = format!(
        "On X: <a href=\"/jump.php?https%3A%2F%2Fx.com%2Fann%2Fstatus%2F1\">here</a><br>{}",
        "https://bsky.app/profile/ann.example/post/3k"
    );
    let work = json!({"error": false, "body": {"userId": "7", "description": markup,
        "urls": {"original": "https://i.pximg.net/img-original/1_p0.png"}}});
    check(
        "https://www.pixiv.net/artworks/1",
        &[
            ("https://www.pixiv.net/ajax/illust/1", &work.to_string()),
            (
                "https://www.pixiv.net/ajax/user/7?full=1&lang=en",
                include_str!("../../tests/fixtures/sites/pixiv/user_made.json"),
            ),
        ],
        &[on_x, on_bluesky],
    );
    let project = json!({"user": {"username": "ann"}, "description": format!("<p>{text}</p>"),
        "assets": [{"asset_type": "image", "image_url": "https://cdna.artstation.com/large/1.jpg"}]});
    check(
        "https://www.artstation.com/artwork/aB1",
        &[("https://www.artstation.com/projects/aB1.json", &project.to_string())],
        &[on_x, on_bluesky],
    );
    let state = json!({"@@entities": {"deviation": {"1": {"type": "image", "author": {"username": "ann"},
        "media": {"baseUri": "https://images.example/1.png", "token": ["a", "b"]}}},
        "deviationExtended": {"1": {"descriptionText": {"html": {"markup":
            "<a href=\"https://www.deviantart.com/users/outgoing?https://x.com/ann/status/1\">X</a>"}}}}}});
    let state = serde_json::to_string(&state.to_string()).unwrap();
    check(
        "https://www.deviantart.com/ann/art/Fox-1",
        &[(
            "https://www.deviantart.com/ann/art/Fox-1",
            &format!("<script>window.__INITIAL_STATE__ = JSON.parse({state});</script>"),
        )],
        &[on_x],
    );
    let view = include_str!("../../tests/fixtures/sites/furaffinity/view_2026_made.html");
    let mark = "<div class=\"submission-description-text user-submitted-links\">";
    assert!(view.contains(mark));
    check(
        "https://www.furaffinity.net/view/1234567/",
        &[(
            "https://www.furaffinity.net/view/1234567/",
            &view.replacen(mark, &format!("{mark}{text}<br>"), 1),
        )],
        &[on_x, on_bluesky],
    );
    let submission = json!({"submissions": [{"submission_id": "1", "username": "ann", "description": text,
        "files": [{"submission_file_order": "0", "file_url_full": "https://ib.metapix.net/1.png"}]}]});
    check(
        "https://inkbunny.net/s/1",
        &[
            ("https://inkbunny.net/api_login.php", "{\"sid\": \"s\"}"),
            (
                "https://inkbunny.net/api_submissions.php?sid=s&submission_ids=1&show_description=yes",
                &submission.to_string(),
            ),
        ],
        &[on_x, on_bluesky],
    );
}

/// A named post is told, and leads to nobody: neither to its author, nor to what stands beside it.
#[test]
fn a_named_post_is_evidence_of_nothing() {
    let web = with_sources(
        &["https://x.com/bob/status/1"],
        "https://x.com/bob/status/2, https://x.com/carol, https://linktr.ee/bob, \
         https://danbooru.donmai.us/posts/9, https://t.co/abc",
    );
    let found = find("https://e621.net/posts/1", &web, &LinkSettings::default()).unwrap();
    assert_eq!((found.candidates, found.named_posts.len()), (Vec::new(), 2));
    assert_eq!(web.asked().len(), 1, "{:?}", web.asked());
}

#[test]
fn posts_are_named_once_in_order_and_only_on_networks_that_are_asked_for() {
    let many: Vec<String> = (1..=30).map(|n| format!("https://x.com/ann/status/{n}")).collect();
    let mut sources = vec!["https://bsky.app/profile/a.b/post/3k", "https://fxtwitter.com/other/status/2"];
    sources.extend(many.iter().map(String::as_str));
    let named = named_by("https://e621.net/posts/1", &with_sources(&sources, ""), &[Network::Twitter]);
    let expect: Vec<String> =
        [2, 1].into_iter().chain(3..=20).map(|number| format!("twitter:{number}")).collect();
    assert_eq!(named, expect);
}

/// Short links on the artwork's page are asked where they lead when they are followed anyway; posts on
/// farther pages are not the artwork's.
#[test]
fn posts_behind_short_links_count_and_those_of_farther_pages_do_not() {
    let mut web = with_post("https://t.co/abc");
    put_artist(&mut web, &["https://linktr.ee/ann", "https://x.com/ann/status/5", "https://t.co/far"]);
    put_linktree(&mut web, "ann", &["https://x.com/ann/status/6"]);
    web.put("https://t.co/far", 301, "https://x.com/ann/status/7");
    web.put("https://t.co/abc", 301, "https://bit.ly/abc");
    web.put("https://bit.ly/abc", 301, "https://x.com/bob/status/8");
    assert_eq!(named_by(POST, &web, &ALL_NETWORKS), [""; 0]);
    // Nothing stronger leads to an account: the source is followed.
    put_artist(&mut web, &["https://t.co/far"]);
    assert_eq!(named_by(POST, &web, &ALL_NETWORKS), ["twitter:8"]);
}
