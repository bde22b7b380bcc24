//! The web page, and what is served under which method.

use super::world::{World, query_question};
use crate::base::ids::Networks;
use crate::domain::failure::FailureCode;
use crate::front::fake::FakeBroker;
use crate::front::http::router::ENDPOINTS;
use crate::proto::front::{Client, FrontAnswer, FrontQuestion};

#[tokio::test]
async fn methods_and_paths() {
    let world = World::new(FakeBroker::default()).await;
    world.get("/nothing").await.check_error(404, "NOT_FOUND");
    let reply = world.exchange("DELETE /query HTTP/1.1", b"").await;
    reply.check_error(405, "METHOD_NOT_ALLOWED");
    assert!(reply.head.contains("allow: get, head, post, options"), "{}", reply.head);
    let reply = world.exchange("OPTIONS /search HTTP/1.1", b"").await;
    assert_eq!((reply.status, reply.body.as_str()), (204, ""));
    assert!(reply.head.contains("allow: get, head, post, options"));
    assert!(!reply.head.contains("access-control"), "no other site may read answers");
    let reply = world.exchange("HEAD /query?url=https://a.example/ HTTP/1.1", b"").await;
    assert_eq!((reply.status, reply.body.as_str()), (200, ""));
    // Every endpoint that is listed is there.
    for path in ENDPOINTS.keys() {
        let status = world.exchange(&format!("HEAD {path} HTTP/1.1"), b"").await.status;
        let expect = match path.as_str() {
            // They say what they want to be told.
            "/queries" | "/page/events" | "/credit" => 400,
            // What is cancelled cannot be read.
            "/queries/{id}" | "/verdicts/{id}" | "/watches/{id}" | "/image" | "/verdict" => 405,
            // For keys that may.
            "/verdicts" | "/watches" => 403,
            // There is none of this name.
            "/feeds/{feed}" | "/feeds/{feed}/events" => 404,
            // Off.
            "/picture" => 404,
            _ => 200,
        };
        assert_eq!(status, expect, "{path}");
    }
}

#[tokio::test]
async fn the_page_is_for_browsers() {
    let world = World::new(FakeBroker::default()).await;
    let reply = world.get("/").await;
    assert!(reply.head.contains("content-type: text/plain"));
    assert!(reply.body.contains("/query?url="));

    let reply =
        world.exchange("GET / HTTP/1.1\r\nAccept: text/html,*/*;q=0.8\r\nAccept-Language: fr", b"").await;
    assert!(reply.head.contains("content-type: text/html"));
    assert!(reply.head.contains("content-security-policy: default-src 'none'; script-src 'self';"));
    assert!(reply.body.contains("<html lang=\"fr\">") && reply.body.contains("Trouver la publication"));
    for attribute in ["href=\"/assets/style.css", "src=\"/assets/app.js", "data-texts=\"/assets/texts.json"] {
        let (_, rest) = reply.body.split_once(attribute).expect(attribute);
        let (_, path) = attribute.split_once('"').unwrap();
        let (version, _) = rest.split_once('"').unwrap();
        let asset = world.get(&format!("{path}{version}")).await;
        assert_eq!(asset.status, 200, "{attribute}");
        assert!(asset.head.contains("immutable"));
    }

    let target = "/?url=https%3A%2F%2Fa.example%2Fart%2F1&lang=en";
    let reply = world.exchange(&format!("GET {target} HTTP/1.1\r\nAccept: text/html"), b"").await;
    assert!(reply.body.contains("Found: 3 posts"), "{}", reply.body);
    assert!(reply.body.contains("https://x.com/jane_paints/status/18446744073709551615"));
    assert_eq!(world.broker.asked()[1].0, known_question("https://a.example/art/1"));
    assert!(reply.head.contains("x-robots-tag: noindex"));
    let robots = world.get("/robots.txt").await;
    assert!(robots.body.contains("Disallow: /\n"), "{}", robots.body);
}

/// It asks the server that it came from, and no other.
#[tokio::test]
async fn the_userscript_leads_back_to_where_it_came_from() {
    let world = World::new(FakeBroker::default()).await;
    // The test's connection is that of a trusted proxy.
    let get = "GET /aotf.user.js HTTP/1.1\r\nX-Forwarded-Proto: https";
    let reply = world.exchange(get, b"").await;
    assert_eq!(reply.status, 200);
    assert!(reply.head.contains("content-type: text/javascript"), "{}", reply.head);
    for line in [
        "// @connect      a\n",
        "// @updateURL    https://a/aotf.user.js\n",
        "// @downloadURL  https://a/aotf.user.js\n",
        "    const OWN_SERVER = \"https://a\";\n",
    ] {
        assert!(reply.body.contains(line), "{line}");
    }
    assert!(!reply.body.contains("127.0.0.1"));
    assert_eq!(questions(&world), []);
    // And the bookmarklet with it.
    let page = world.exchange("GET / HTTP/1.1\r\nAccept: text/html\r\nX-Forwarded-Proto: https", b"").await;
    assert!(page.body.contains("javascript:open(&quot;https://a/?lang"), "{}", page.body);
    assert!(page.body.contains("href=\"/aotf.user.js\""), "{}", page.body);
}

#[tokio::test]
async fn a_hostile_host_is_written_into_no_script() {
    let world = World::new(FakeBroker::default()).await;
    for host in ["\"+alert(1)+\"", "a'b", "</script>", "a/*", "${x}", "a\\b", ""] {
        let get = format!("GET /aotf.user.js HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        let reply = world.send(get.as_bytes()).await;
        assert_eq!(reply.status, 400, "{host}: {}", reply.body);
    }
}

fn known_question(url: &str) -> FrontQuestion {
    FrontQuestion::KnownQuery { url: url.to_owned(), networks: Networks::default(), whole: false }
}

/// What the broker was asked for, beside figures.
fn questions(world: &World) -> Vec<FrontQuestion> {
    let asked = world.broker.asked().into_iter().map(|(question, _)| question);
    asked.filter(|question| !matches!(question, FrontQuestion::Stats)).collect()
}

#[tokio::test]
async fn who_only_looks_begins_nothing() {
    let unknown = FrontAnswer::Refused { code: FailureCode::NoSuchRequest, detail: "not known".to_owned() };
    let world = World::new(FakeBroker::answering([unknown])).await;
    let url = "/?lang=en&url=https%3A%2F%2Fa.example%2Fart%2F1";
    for headers in [
        "",
        // An address that was typed, or opened by a program that drives a browser.
        "\r\nSec-Fetch-Site: none\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: document\r\nSec-Fetch-User: ?1",
        // A prefetch of a link.
        "\r\nSec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: document\r\n\
         Sec-Fetch-User: ?1\r\nSec-Purpose: prefetch",
    ] {
        let reply = world.exchange(&format!("GET {url} HTTP/1.1\r\nAccept: text/html{headers}"), b"").await;
        assert_eq!(reply.status, 200);
        assert!(
            reply.body.contains("value=\"https://a.example/art/1\"") && reply.body.contains("data-ready")
        );
    }
    assert!(questions(&world).iter().all(|asked| *asked == known_question("https://a.example/art/1")));
    // A click on another page.
    let click = "Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: document\r\n\
                 Sec-Fetch-User: ?1";
    world.exchange(&format!("GET {url} HTTP/1.1\r\nAccept: text/html\r\n{click}"), b"").await;
    assert_eq!(questions(&world).last(), Some(&query_question("https://a.example/art/1", Client::Exempt)));
    // The stream of changes starts nothing either.
    let stream = world.get("/page/events?url=https%3A%2F%2Fa.example%2Fart%2F1").await;
    assert!(stream.body.contains("data: {\"title\""), "{}", stream.body);
    assert_eq!(questions(&world).last(), Some(&known_question("https://a.example/art/1")));
}

#[tokio::test]
async fn the_form_begins_what_was_pasted_and_leads_to_its_answer() {
    let world = World::new(FakeBroker::default()).await;
    let head = "POST / HTTP/1.1\r\nContent-Type: application/x-www-form-urlencoded";
    let post = async |body: &str| world.exchange(head, body.as_bytes()).await;
    let reply =
        post("url=Look+at+this+%28www.a.example%2Fart%2F1%29.&lang=fr&networks=twitter,bluesky").await;
    assert_eq!(reply.status, 303, "{}", reply.body);
    let address = "/?lang=fr&networks=twitter%2cbluesky&url=https%3a%2f%2fwww.a.example%2fart%2f1";
    assert!(reply.head.contains(&format!("location: {address}")), "{}", reply.head);
    let FrontQuestion::Query { url, .. } = world.last_asked().0 else { panic!() };
    assert_eq!(url, "https://www.a.example/art/1");
    // The other button of the form asks for the artist alone.
    let reply = post("url=https%3A%2F%2Fa.example%2Fart%2F1&lang=en&artist=1").await;
    assert!(
        reply.head.contains("location: /?lang=en&artist=1&url=https%3a%2f%2fa.example"),
        "{}",
        reply.head
    );
    assert!(
        matches!(world.last_asked().0, FrontQuestion::Artist { resolve: true, .. }),
        "{:?}",
        world.last_asked()
    );
    let page = "GET /?lang=en&artist=1&url=https%3A%2F%2Fa.example%2Fart%2F1 HTTP/1.1\r\nAccept: text/html";
    let reply = world.exchange(page, b"").await;
    assert!(reply.body.contains("The artist: 5 accounts"), "{}", reply.body);
    let known = |asked: &FrontQuestion| matches!(asked, FrontQuestion::KnownArtist { resolve: true, .. });
    assert!(questions(&world).last().is_some_and(known));
    // A blank form says so.
    for blank in ["url=&lang=en", "url=+%0A&lang=en", "lang=en"] {
        let reply = post(blank).await;
        assert_eq!(reply.status, 200);
        assert!(
            reply.body.contains("No address was given") && reply.body.contains("aria-invalid"),
            "{blank}"
        );
    }
    // Pages of other sites send no forms here.
    let asked = questions(&world).len();
    let reply = world
        .exchange(
            &format!("{head}\r\nOrigin: https://evil.example\r\nSec-Fetch-Site: cross-site"),
            b"url=https://a.example/",
        )
        .await;
    assert_eq!(reply.status, 403);
    assert!(post(&format!("url={}", "x".repeat(30_000))).await.body.contains("error"));
    assert_eq!(questions(&world).len(), asked);
    let long = format!("url=https://a.example/{}&lang=en", "x".repeat(300));
    assert!(post(&long).await.body.contains("longer than 256 characters"));
}

/// Browsers call the way from a form to its answer a click: it is the visitor's one request.
#[tokio::test]
async fn a_form_and_its_answer_count_as_one_request() {
    let world = World::new(FakeBroker::default()).await;
    let visitor = "X-Forwarded-For: 192.0.2.1\r\nSec-Fetch-Site: same-origin\r\nSec-Fetch-Mode: navigate\r\n\
                   Sec-Fetch-Dest: document\r\nSec-Fetch-User: ?1";
    let head = format!("POST / HTTP/1.1\r\nContent-Type: application/x-www-form-urlencoded\r\n{visitor}");
    let url = "url=https%3A%2F%2Fa.example%2Fart%2F1";
    assert_eq!(world.exchange(&head, url.as_bytes()).await.status, 303);
    let get = format!("GET /?{url} HTTP/1.1\r\nAccept: text/html\r\n{visitor}");
    assert_eq!(world.exchange(&get, b"").await.status, 200);
    assert_eq!(world.exchange(&head, url.as_bytes()).await.status, 429, "another form is another request");
}

#[tokio::test]
async fn a_search_by_image_has_an_address_for_those_who_may() {
    let world = World::new(FakeBroker::default()).await;
    let form = "--X\r\nContent-Disposition: form-data; name=\"image\"; filename=\"a.png\"\r\n\r\npixels\r\n--X--\r\n";
    let head = "POST /image?lang=fr HTTP/1.1\r\nContent-Type: multipart/form-data; boundary=X";
    let reply = world.exchange(head, form.as_bytes()).await;
    assert_eq!(reply.status, 303, "{}", reply.body);
    assert!(reply.head.contains("location: /?lang=fr&search=abc"), "{}", reply.head);
    let get = "GET /?lang=en&search=abc HTTP/1.1\r\nAccept: text/html";
    let reply = world.exchange(get, b"").await;
    assert!(reply.body.contains("Found: 3 posts"), "{}", reply.body);
    assert_eq!(world.broker.asked()[1].0, FrontQuestion::SearchState { identifier: "abc".to_owned() });
    assert!(reply.body.contains("href=\"/?lang=fr&amp;search=abc\""), "the switch keeps it");
    // Others are told why not.
    let asked = world.broker.asked().len();
    let reply = world.exchange(&format!("{get}\r\nX-Forwarded-For: 192.0.2.1"), b"").await;
    assert_eq!(reply.status, 403);
    assert!(reply.body.contains("Your address may not do this") && !reply.body.contains("id=\"file\""));
    let reply = world.exchange(&format!("{head}\r\nX-Forwarded-For: 192.0.2.1"), form.as_bytes()).await;
    assert_eq!(reply.status, 403);
    let questions = world.broker.asked().into_iter().skip(asked).map(|(question, _)| question);
    assert!(questions.into_iter().all(|question| question == FrontQuestion::Stats));
    let empty = world.exchange(head, b"--X--\r\n").await;
    assert!(empty.body.contains("Aucune image n&apos;a été envoyée"), "{}", empty.body);
}

#[tokio::test]
async fn who_holds_a_key_says_on_the_page_what_is_wrong() {
    let keys = [("may", "a-key-that-may-say", true), ("may-not", "a-key-that-may-not", false)];
    let world = World::with(FakeBroker::default(), |settings| {
        settings.limits.requests_per_second = 1000;
        settings.api_keys = keys.map(|(name, key, may)| super::callers::api_key(name, key, may)).into();
    })
    .await;
    let page = "https://a.example/art/1";
    let html = "\r\nAccept: text/html";
    let shown = world.exchange(&format!("GET /?url={page} HTTP/1.1{html}"), b"").await;
    let value = "<option value=\"not_artist twitter:783214\">";
    assert!(shown.body.contains("id=\"correct\"") && shown.body.contains(value), "{}", shown.body);
    assert!(shown.body.contains("action=\"/verdict?lang=en\""), "{}", shown.body);
    let send = async |said: &str, key: &str| {
        let body = format!("url={page}&said={said}&account=&why=a+bot&key={key}");
        let head = format!(
            "POST /verdict?lang=fr HTTP/1.1{html}\r\nContent-Type: application/x-www-form-urlencoded"
        );
        world.exchange(&head, body.as_bytes()).await
    };
    let kept = send("not_artist+twitter:783214", "a-key-that-may-say").await;
    assert_eq!(kept.status, 303, "{}", kept.body);
    assert!(kept.head.contains("location: /?lang=fr&url="), "{}", kept.head);
    let said = world.broker.asked().into_iter().find_map(|(question, _)| match question {
        FrontQuestion::Verdicts(order) => Some(order),
        _ => None,
    });
    let saying = crate::proto::front::Saying::Account {
        account: "twitter:783214".to_owned(),
        is_artists: false,
        page: Some(page.to_owned()),
        why: "a bot".to_owned(),
    };
    assert_eq!(said, Some(crate::proto::front::VerdictOrder::Say { who: "may".to_owned(), saying }));
    // The query is begun anew.
    assert!(matches!(world.last_asked().0, FrontQuestion::Query { .. }));
    for (said, key, status) in [
        ("not_artist+twitter:783214", "a-key-of-nobody", 401),
        ("not_artist+twitter:783214", "a-key-that-may-not", 403),
        ("", "a-key-that-may-say", 400),
        ("another", "a-key-that-may-say", 400),
    ] {
        let asked = world.broker.asked().len();
        let refused = send(said, key).await;
        assert_eq!((refused.status, world.broker.asked().len() - asked <= 1), (status, true), "{said} {key}");
        assert!(!refused.body.contains(key), "a key is not shown again");
    }
    let closed = World::new(FakeBroker::default()).await;
    let shown = closed.exchange(&format!("GET /?url={page} HTTP/1.1{html}"), b"").await;
    assert!(!shown.body.contains("id=\"correct\""), "nobody may say anything here");
}
