//! The world over real HTTP, as a client sees it.

use std::io::{Read, Write};
use std::net::TcpStream;

use serde_json::Value;

use super::*;

/// Status and body of a GET to `https://HOST/...`, sent to the world.
fn get(world: &World, url: &str, headers: &str) -> (u16, Vec<u8>) {
    let url = url::Url::parse(url).unwrap();
    let target = &url[url::Position::BeforePath..url::Position::AfterQuery];
    let mut stream = TcpStream::connect(world.address).unwrap();
    write!(
        stream,
        "GET {target} HTTP/1.1\r\nHost: {}\r\n{headers}Connection: close\r\n\r\n",
        url.host_str().unwrap()
    )
    .unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let end = answer.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
    let head = String::from_utf8_lossy(&answer[..end]).into_owned();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), answer[end + 4..].to_vec())
}

fn json(world: &World, url: &str) -> Value {
    let (status, body) = get(world, url, &format!("Authorization: Bearer {}\r\n", world.bearer_token()));
    assert_eq!(status, 200, "{url}");
    serde_json::from_slice(&body).unwrap()
}

#[test]
fn each_host_has_an_upstream_and_answers() {
    let world = World::start(Options::default()).unwrap();
    let upstreams = world.upstreams();
    for (url, status, endpoint) in [
        (
            "https://www.deviantart.com/demo-juniper/art/The-Witch-s-Kitchen-912000001",
            200,
            Endpoint::SitePage,
        ),
        ("https://www.deviantart.com/demo-juniper/about", 200, Endpoint::SitePage),
        ("https://www.deviantart.com/nobody-at-all", 404, Endpoint::SitePage),
        ("https://danbooru.donmai.us/posts/7000001.json", 200, Endpoint::SitePage),
        ("https://danbooru.donmai.us/posts/1.json", 404, Endpoint::SitePage),
        ("https://linktr.ee/demo_maple", 200, Endpoint::LinkPage),
        ("https://linktr.ee/nobody", 404, Endpoint::LinkPage),
        ("https://api.x.com/2/users?ids=1", 401, Endpoint::UsersById),
        ("https://publish.twitter.com/oembed?url=https://twitter.com/x/status/1", 404, Endpoint::PostOembed),
    ] {
        let before = world.served(endpoint);
        assert_eq!(get(&world, url, "").0, status, "{url}");
        assert_eq!(world.served(endpoint), before + 1);
        assert!(upstreams.contains_key(url::Url::parse(url).unwrap().host_str().unwrap()));
    }
    assert_eq!(get(&world, "https://example.org/", "").0, 404);
    assert_eq!(world.served(Endpoint::Unknown), 1);
}

#[test]
fn browsers_are_turned_away_by_the_booru() {
    let world = World::start(Options::default()).unwrap();
    let url = "https://danbooru.donmai.us/posts/7000001.json";
    assert_eq!(get(&world, url, "User-Agent: Mozilla/5.0\r\n").0, 403);
    assert_eq!(get(&world, url, "User-Agent: aotf/0.1\r\n").0, 200);
}

#[test]
fn an_artwork_leads_to_its_image_its_artist_and_the_post() {
    let world = World::start(Options::default()).unwrap();
    let page = "https://www.deviantart.com/demo-juniper/art/The-Witch-s-Kitchen-912000001";
    let about = json(&world, &format!("https://backend.deviantart.com/oembed?url={page}"));
    assert_eq!(about["author_name"], "demo-juniper");
    for field in ["url", "thumbnail_url"] {
        let (status, image) = get(&world, about[field].as_str().unwrap(), "");
        assert!(status == 200 && image.starts_with(&[0xff, 0xd8]), "{field}");
    }
    let untokened = about["url"].as_str().unwrap().split('?').next().unwrap().to_owned();
    assert_eq!(get(&world, &untokened, "").0, 401);
    let (_, profile) = get(&world, "https://www.deviantart.com/demo-juniper/about", "");
    assert!(String::from_utf8(profile).unwrap().contains("https://twitter.com/demo_juniper"));
    let Case { expect: cases::Expect::Post { post, .. }, .. } = &world.known()[0] else {
        panic!("a post is expected")
    };
    let posts = json(
        &world,
        &format!("https://api.x.com/2/tweets?ids={post}&expansions=attachments.media_keys&media.fields=url"),
    );
    let image = posts["includes"]["media"][0]["url"].as_str().unwrap();
    let (status, bytes) = get(&world, &image.replace(".jpg", "?format=jpg&name=small"), "");
    assert_eq!(status, 200);
    let served = picture::tests::decode_jpeg(&bytes);
    assert_eq!(served.width().max(served.height()), 680);
}

#[test]
fn the_booru_knows_artists_by_name_and_by_address() {
    let world = World::start(Options::default()).unwrap();
    let at = "https://danbooru.donmai.us/artists.json?only=id,name,urls";
    let found = json(&world, &format!("{at}&search[name]=demo_rowan"));
    assert_eq!(found[0]["urls"][0]["url"], "https://twitter.com/demo_rowan");
    assert_eq!(found[0]["urls"][2]["is_active"], false);
    let found = json(&world, &format!("{at}&search[url_matches]=https://x.com/Demo_Rowan/"));
    assert_eq!(found[0]["name"], "demo_rowan");
    assert_eq!(json(&world, &format!("{at}&search[name]=nobody")), serde_json::json!([]));
    let post = json(&world, "https://danbooru.donmai.us/posts/7000003.json");
    let (status, image) = get(&world, post["file_url"].as_str().unwrap(), "");
    assert!(status == 200 && image.starts_with(b"\x89PNG"));
    let (status, image) = get(&world, post["media_asset"]["variants"][0]["url"].as_str().unwrap(), "");
    assert!(status == 200 && image.starts_with(&[0xff, 0xd8]));
}

#[test]
fn troubles_are_as_told() {
    let world = World::start(Options::default()).unwrap();
    let (_, cut) = get(&world, "https://danbooru.donmai.us/posts/7000006.json", "");
    assert!(serde_json::from_slice::<Value>(&cut).is_err());
    let big = json(&world, "https://danbooru.donmai.us/posts/7000005.json");
    assert_eq!(big["file_url"], big["large_file_url"]);
    let (status, bytes) = get(&world, big["file_url"].as_str().unwrap(), "");
    assert_eq!((status, bytes.len() as u64), (200, images::TOO_BIG_BYTES));
    let fallback = json(&world, "https://danbooru.donmai.us/posts/7000004.json");
    assert!(get(&world, fallback["large_file_url"].as_str().unwrap(), "").1.len() < 1_000_000);
}

#[test]
fn latency_and_limits_can_be_set() {
    let world = World::start(Options { latency: Duration::from_millis(30) }).unwrap();
    let started = std::time::Instant::now();
    let users = "https://api.x.com/2/users?ids=3300000002";
    json(&world, users);
    assert!(started.elapsed() >= Duration::from_millis(30));
    world.set_latency(Duration::ZERO);
    world.exhaust_limit(Endpoint::UsersById, Timestamp::now().plus(Duration::from_secs(60)));
    let token = format!("Authorization: Bearer {}\r\n", world.bearer_token());
    assert_eq!(get(&world, users, &token).0, 429);
}

const BROWSER: &str = "User-Agent: Mozilla/5.0\r\n";

#[test]
fn every_site_answers_its_page_and_refuses_what_the_real_one_refuses() {
    let world = World::start(Options::default()).unwrap();
    let check = |url: &str, headers: &str, status: u16| {
        assert_eq!(get(&world, url, headers).0, status, "{url} {headers:?}");
    };
    for (url, browser, program) in [
        ("https://www.pixiv.net/ajax/illust/118000001", 200, 403),
        ("https://www.pixiv.net/ajax/illust/1", 404, 403),
        ("https://derpibooru.org/api/v1/json/images/3200001", 403, 200),
        ("https://furbooru.org/tags/artist-colon-demo-dash-aspen", 403, 200),
        ("https://e621.net/posts/4500001.json", 403, 200),
        ("https://www.artstation.com/projects/70001.json", 200, 403),
        ("https://www.furaffinity.net/view/54000001/", 200, 403),
        ("https://inkbunny.net/demorowan", 200, 200),
        ("https://demo-maple.carrd.co/", 200, 200),
        ("https://ko-fi.com/demomaple", 200, 403),
        ("https://www.patreon.com/demoaspen", 200, 403),
        ("https://api.potofu.me/users/demo-hazel", 200, 200),
        ("https://lit.link/demohazel", 200, 200),
        ("https://public.api.bsky.app/xrpc/app.bsky.actor.getProfile?actor=demo-rowan.bsky.social", 200, 200),
        ("https://public.api.bsky.app/xrpc/app.bsky.actor.getProfile?actor=nobody.bsky.social", 400, 400),
        ("https://mastodon.art/api/v1/accounts/lookup?acct=demo_rowan", 200, 200),
        ("https://api.tumblr.com/v2/blog/demo-aspen/info?api_key=demo-tumblr-key", 200, 200),
        ("https://api.tumblr.com/v2/blog/demo-aspen/info?api_key=other", 401, 401),
        ("https://t.co/demoAspen1", 200, 301),
    ] {
        check(url, BROWSER, browser);
        check(url, "User-Agent: aotf/0.1\r\n", program);
    }
    let fanbox = "https://api.fanbox.cc/creator.get?creatorId=demo-juniper";
    check(fanbox, BROWSER, 400);
    check(fanbox, &format!("{BROWSER}Origin: https://www.fanbox.cc\r\n"), 200);
    let skeb = "https://skeb.jp/api/users/demo_juniper";
    let polite = format!("{BROWSER}Authorization: Bearer null\r\n");
    check(skeb, BROWSER, 403);
    check(skeb, &polite, 429);
    check(skeb, &format!("{polite}Cookie: request_key=demo2key\r\n"), 200);
}

#[test]
fn every_work_elsewhere_has_a_picture_and_a_member() {
    let world = World::start(Options::default()).unwrap();
    let referer = "Referer: https://www.pixiv.net/\r\n";
    let pages = get(&world, "https://www.pixiv.net/ajax/illust/118000001/pages", BROWSER).1;
    let pages: Value = serde_json::from_slice(&pages).unwrap();
    for size in ["small", "regular", "original"] {
        let url = pages["body"][1]["urls"][size].as_str().unwrap();
        assert_eq!(get(&world, url, "").0, 403, "{url}");
        let (status, image) = get(&world, url, referer);
        assert!(status == 200 && image.starts_with(&[0xff, 0xd8]), "{url}");
    }
    for work in &world.facts().works {
        assert_eq!(work.pictures.is_empty(), work.merged_into.is_some(), "{}", work.id);
        let known = world.facts().members.iter();
        let known = known.filter(|member| member.gallery == work.gallery && member.name == work.artist);
        // A work without an artist's name has a source instead.
        assert_eq!(known.count(), usize::from(!work.artist.is_empty()), "{}", work.id);
        assert!(!work.artist.is_empty() || !work.source.is_empty(), "{}", work.id);
    }
}
