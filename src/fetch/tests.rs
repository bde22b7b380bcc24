//! `HttpFetch` against a server on loopback, which it reaches through upstreams as the demo world is.

use std::collections::BTreeMap;
use std::io::Write;
use std::net::TcpListener;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use bytes::Bytes;

use super::request::MAX_TEXT_BYTES;
use super::test_server::{Reply, Seen, TestServer};
use super::*;
use crate::base::{Reaction, Timestamp};
use crate::config;

fn settings() -> config::Fetch {
    let mut settings = config::Settings::default().fetch;
    settings.max_per_second_per_host = 10_000;
    settings
}

/// Fetches `a.example.com` and `b.example.com` from `server`.
fn fetch_from(server: &TestServer, settings: &config::Fetch) -> HttpFetch {
    let hosts = ["a.example.com", "b.example.com"];
    let upstreams = hosts.iter().map(|host| ((*host).to_owned(), server.base_url())).collect();
    HttpFetch::start_with(settings, &upstreams, Duration::from_millis(1), Duration::ZERO).unwrap()
}

fn get(url: &str) -> Request {
    Request::get(url.parse().unwrap())
}

/// A path, and what is answered there.
type Answer = (&'static str, fn() -> Reply);

/// Answers each request with what the list says for its path.
fn scripted(list: &'static [Answer]) -> TestServer {
    TestServer::start(move |seen| {
        let found = list.iter().find(|(path, _)| *path == seen.target);
        found.map_or_else(|| Reply::status(404), |(_, reply)| reply())
    })
}

#[test]
fn an_upstream_sees_the_request_as_the_host_would() {
    let server = TestServer::start(|_| Reply::ok("hello").header("X-Thing", "1"));
    let fetch = fetch_from(&server, &settings());
    let response = fetch.fetch(get("https://a.example.com/a%20b?c=d%2Ce").header("x-own", "2")).unwrap();
    assert_eq!(response.status, 200);
    assert_eq!(response.url.as_str(), "https://a.example.com/a%20b?c=d%2Ce");
    assert_eq!(response.header("x-thing"), Some("1"));
    assert_eq!(response.text(), "hello");
    let seen = server.seen().remove(0);
    assert_eq!((seen.method.as_str(), seen.target.as_str()), ("GET", "/a%20b?c=d%2Ce"));
    assert_eq!(seen.header("host"), Some("a.example.com"));
    assert_eq!(seen.header("x-own"), Some("2"));
    assert_eq!(seen.header("user-agent"), Some(settings().user_agent.as_str()));
    assert!(seen.header("accept-encoding").is_some_and(|value| value.contains("gzip")));
}

#[test]
fn a_request_may_name_itself() {
    let server = TestServer::start(|_| Reply::ok(""));
    let fetch = fetch_from(&server, &settings());
    fetch.fetch(get("https://a.example.com:8443/").header("user-agent", "Other/1")).unwrap();
    let seen = server.seen().remove(0);
    let agents: Vec<_> = seen.headers.iter().filter(|(name, _)| name == "user-agent").collect();
    assert_eq!(agents, [&("user-agent".to_owned(), "Other/1".to_owned())]);
    assert_eq!(seen.header("host"), Some("a.example.com:8443"));
}

#[test]
fn text_is_read_by_its_charset() {
    let server = scripted(&[
        ("/latin", || Reply::ok(b"caf\xe9".to_vec()).header("content-type", "text/html; charset=ISO-8859-1")),
        ("/kana", || {
            Reply::ok(b"\x83\x65".to_vec()).header("content-type", "text/html;charset=\"Shift_JIS\"")
        }),
        ("/broken", || Reply::ok(b"caf\xe9".to_vec())),
    ]);
    let fetch = fetch_from(&server, &settings());
    let text = |path| fetch.fetch(get(&format!("https://a.example.com{path}"))).unwrap().text().into_owned();
    assert_eq!(text("/latin"), "café");
    assert_eq!(text("/kana"), "テ");
    assert_eq!(text("/broken"), "caf\u{fffd}");
}

#[test]
fn of_a_long_text_the_beginning_is_read() {
    let response = |charset: &str, body: Vec<u8>| Response {
        status: 200,
        url: "https://a.example.com/".parse().unwrap(),
        headers: vec![("content-type".to_owned(), format!("text/html;charset={charset}"))],
        body: body.into(),
    };
    let most = MAX_TEXT_BYTES;
    // What is no UTF-8 becomes three bytes for each, Latin-1 two.
    assert!(matches!(response("utf-8", vec![b'a'; most]).text(), std::borrow::Cow::Borrowed(_)));
    assert_eq!(response("utf-8", vec![b'a'; most + 1]).text().len(), most);
    assert_eq!(response("utf-8", "é".repeat(most).into_bytes()).text().len(), most);
    for (charset, byte, c) in [("utf-8", 0xff, '\u{fffd}'), ("windows-1252", 0xe9, 'é')] {
        let broken = response(charset, vec![byte; most]);
        let text = broken.text();
        assert!((most - 8..=most).contains(&text.len()) && text.chars().all(|found| found == c), "{charset}");
        assert_eq!(response(charset, vec![byte; 9]).text().chars().count(), 9);
    }
}

#[test]
fn redirects_are_followed_and_counted() {
    let server = scripted(&[
        ("/1", || Reply::status(301).header("location", "/2")),
        ("/2", || Reply::status(302).header("location", "https://b.example.com/3")),
        ("/3", || Reply::ok("there")),
        ("/loop", || Reply::status(302).header("location", "/loop")),
    ]);
    let fetch = fetch_from(&server, &settings());
    let response = fetch.fetch(get("https://a.example.com/1")).unwrap();
    assert_eq!((&*response.text(), response.url.as_str()), ("there", "https://b.example.com/3"));
    let response = fetch.fetch(get("https://a.example.com/1").max_redirects(0)).unwrap();
    assert_eq!((response.status, response.header("location")), (301, Some("/2")));
    let error = fetch.fetch(get("https://a.example.com/loop").max_redirects(3)).unwrap_err();
    assert!(matches!(error, FetchError::TooManyRedirects { limit: 3, .. }), "{error}");
    assert_eq!(server.seen().iter().filter(|seen| seen.target == "/loop").count(), 4);
}

#[test]
fn secrets_stay_with_their_host() {
    let server = TestServer::start(|seen| match seen.target.as_str() {
        "/here" => Reply::status(307).header("location", "/still-here"),
        "/still-here" => Reply::status(307).header("location", "https://b.example.com/there"),
        _ => Reply::ok(""),
    });
    let fetch = fetch_from(&server, &settings());
    let request =
        get("https://a.example.com/here").header("Authorization", "Bearer s").header("referer", "r");
    fetch.fetch(request).unwrap();
    let seen: Vec<_> = server
        .seen()
        .iter()
        .map(|seen| {
            (seen.target.clone(), seen.header("authorization").is_some(), seen.header("referer").is_some())
        })
        .collect();
    let expect = [("/here", true, true), ("/still-here", true, true), ("/there", false, true)];
    assert_eq!(seen, expect.map(|(path, secret, referer)| (path.to_owned(), secret, referer)));
}

#[test]
fn a_sent_form_leads_to_reading_its_result() {
    let server = TestServer::start(|seen| match seen.target.as_str() {
        "/form" => Reply::status(303).header("location", "/result"),
        "/again" => Reply::status(308).header("location", "/result"),
        _ => Reply::ok(""),
    });
    let fetch = fetch_from(&server, &settings());
    for path in ["/form", "/again"] {
        let mut request = get(&format!("https://a.example.com{path}"));
        request.method = Method::Post;
        request.body = Some(Bytes::from_static(b"a=b"));
        fetch.fetch(request).unwrap();
    }
    let seen: Vec<_> =
        server.seen().into_iter().map(|seen| (seen.method, seen.target, seen.body.len())).collect();
    let expect = [("POST", "/form", 3), ("GET", "/result", 0), ("POST", "/again", 3), ("POST", "/result", 3)];
    assert_eq!(seen, expect.map(|(method, path, length)| (method.to_owned(), path.to_owned(), length)));
}

#[test]
fn private_addresses_are_not_asked_whoever_sends_us_there() {
    let private = TestServer::start(|_| Reply::ok("secret"));
    let target = private.base_url();
    let server = TestServer::start(move |_| Reply::status(302).header("location", target.clone()));
    let fetch = fetch_from(&server, &settings());
    let port = private.base_url().rsplit(':').next().unwrap().to_owned();
    for url in [
        "https://a.example.com/".to_owned(),
        private.base_url(),
        format!("http://localhost:{port}/"),
        format!("http://[::ffff:127.0.0.1]:{port}/"),
        format!("http://2130706433:{port}/"),
        "file:///etc/passwd".to_owned(),
    ] {
        let error = fetch.fetch(get(&url)).unwrap_err();
        assert!(matches!(error, FetchError::Forbidden { .. }), "{url}: {error}");
        assert_eq!(error.reaction(), Reaction::GiveUp);
    }
    assert_eq!(private.seen().len(), 0);
}

#[test]
fn passing_faults_are_tried_again_and_then_returned() {
    let count = AtomicUsize::new(0);
    let server = TestServer::start(move |seen| match seen.target.as_str() {
        "/mends" if count.fetch_add(1, Ordering::SeqCst) < 2 => Reply::status(503),
        "/mends" => Reply::ok("well"),
        "/throttled" => Reply::status(429).header("retry-after", "0"),
        "/missing" => Reply::status(404),
        _ => Reply::status(500),
    });
    let fetch = fetch_from(&server, &settings());
    let asked = |path: &str| server.seen().iter().filter(|seen| seen.target == path).count();
    let status = |path: &str, retries| {
        let request = get(&format!("https://a.example.com{path}")).retries(retries);
        fetch.fetch(request).unwrap().status
    };
    assert_eq!((status("/mends", 3), asked("/mends")), (200, 3));
    assert_eq!((status("/broken", 2), asked("/broken")), (500, 3));
    assert_eq!((status("/throttled", 2), asked("/throttled")), (429, 3));
    assert_eq!((status("/missing", 2), asked("/missing")), (404, 1));
    assert_eq!((status("/once", 0), asked("/once")), (500, 1));
}

#[test]
fn a_long_pause_binds_everybody_at_that_host_only() {
    let server = TestServer::start(|seen| match seen.header("host") {
        Some("a.example.com") => Reply::status(429).header("retry-after", "1000"),
        _ => Reply::ok(""),
    });
    let fetch = fetch_from(&server, &settings());
    let before = Timestamp::now();
    for _ in 0..2 {
        let error = fetch.fetch(get("https://a.example.com/")).unwrap_err();
        let FetchError::Paused { host, until } = &error else { panic!("{error}") };
        assert_eq!(host, "a.example.com");
        assert!(until.since(before) >= Duration::from_secs(990), "{until}");
        assert_eq!(error.reaction(), Reaction::WaitUntil(*until));
    }
    assert_eq!(server.seen().len(), 1, "the second was not sent");
    assert_eq!(fetch.fetch(get("https://b.example.com/")).unwrap().status, 200);
}

#[test]
fn what_is_too_big_is_not_read() {
    let mut bomb = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    for _ in 0..64 {
        bomb.write_all(&[0; 1 << 20]).unwrap();
    }
    let bomb = bomb.finish().unwrap();
    assert!(bomb.len() < 100_000);
    let server = TestServer::start(move |seen| match seen.target.as_str() {
        "/bomb" => Reply::ok(bomb.clone()).header("content-encoding", "gzip"),
        "/declared" => Reply::Raw(b"HTTP/1.1 200 X\r\ncontent-length: 999999999\r\n\r\n".to_vec()),
        "/endless" => Reply::Raw([b"HTTP/1.1 200 X\r\n\r\n".as_slice(), &[b'x'; 300_000]].concat()),
        _ => Reply::ok(vec![b'x'; 100_000]),
    });
    let fetch = fetch_from(&server, &settings());
    for path in ["/bomb", "/declared", "/endless"] {
        let request = get(&format!("https://a.example.com{path}")).max_bytes(100_000);
        let error = fetch.fetch(request).unwrap_err();
        assert!(matches!(error, FetchError::TooBig { limit: 100_000, .. }), "{path}: {error}");
    }
    let exact = fetch.fetch(get("https://a.example.com/exact").max_bytes(100_000)).unwrap();
    assert_eq!(exact.body.len(), 100_000);
}

#[test]
fn a_head_has_no_body_to_be_too_big() {
    let server = TestServer::start(|_| Reply::ok(vec![b'x'; 5000]));
    let fetch = fetch_from(&server, &settings());
    let mut request = get("https://a.example.com/").max_bytes(10);
    request.method = Method::Head;
    let response = fetch.fetch(request).unwrap();
    assert_eq!((response.body.len(), response.header("content-length")), (0, Some("5000")));
}

#[test]
fn answers_that_break_off_are_tried_again() {
    let server = TestServer::start(|seen| match seen.target.as_str() {
        "/short" => Reply::Raw(b"HTTP/1.1 200 X\r\ncontent-length: 100\r\n\r\nonly this".to_vec()),
        "/silent" => Reply::Raw(Vec::new()),
        "/garbage" => Reply::Raw(b"what is HTTP?\r\n\r\n".to_vec()),
        _ => Reply::ok("this is not gzip").header("content-encoding", "gzip"),
    });
    let fetch = fetch_from(&server, &settings());
    for path in ["/short", "/silent", "/garbage", "/encoding"] {
        let error = fetch.fetch(get(&format!("https://a.example.com{path}")).retries(1)).unwrap_err();
        assert!(matches!(error, FetchError::BrokenOff { .. }), "{path}: {error:?}");
        assert_eq!(error.reaction(), Reaction::Backoff);
        assert_eq!(server.seen().iter().filter(|seen| seen.target == path).count(), 2, "{path}");
    }
}

#[test]
fn a_host_that_dawdles_is_left() {
    let server =
        TestServer::start(|_| Reply::Drip(b"HTTP/1.1 200 X\r\ncontent-length: 9999\r\n\r\n".to_vec()));
    let mut settings = settings();
    settings.timeout = Duration::from_millis(200);
    let fetch = fetch_from(&server, &settings);
    let error = fetch.fetch(get("https://a.example.com/").retries(0)).unwrap_err();
    assert!(matches!(error, FetchError::Timeout { .. }), "{error}");
    assert_eq!(error.reaction(), Reaction::Backoff);
}

#[test]
fn a_lost_network_is_unreachable() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let nobody = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let upstreams = BTreeMap::from([("a.example.com".to_owned(), nobody)]);
    let fetch =
        HttpFetch::start_with(&settings(), &upstreams, Duration::from_millis(1), Duration::ZERO).unwrap();
    let error = fetch.fetch(get("https://a.example.com/")).unwrap_err();
    assert!(matches!(&error, FetchError::Unreachable { host, .. } if host == "a.example.com"), "{error}");
    assert_eq!(error.reaction(), Reaction::Backoff);
}

#[test]
fn a_server_that_cannot_prove_itself_is_unreachable() {
    let server = TestServer::start(|_| Reply::ok("no TLS here"));
    let secure = server.base_url().replace("http:", "https:");
    let upstreams = BTreeMap::from([("a.example.com".to_owned(), secure)]);
    let fetch =
        HttpFetch::start_with(&settings(), &upstreams, Duration::from_millis(1), Duration::ZERO).unwrap();
    let error = fetch.fetch(get("https://a.example.com/").retries(0)).unwrap_err();
    assert!(matches!(error, FetchError::Unreachable { .. }), "{error}");
}

#[test]
fn a_host_gets_no_more_than_its_share_at_once() {
    const SHARE: usize = 3;
    let gate = Arc::new((Mutex::new(0), Condvar::new()));
    let server = TestServer::start(move |seen: &Seen| {
        // The first wait for each other, so that the share is known to be used up.
        let (arrived, changed) = &*gate;
        *arrived.lock().unwrap() += 1;
        changed.notify_all();
        let waited = changed
            .wait_timeout_while(arrived.lock().unwrap(), Duration::from_secs(30), |arrived| *arrived < SHARE)
            .unwrap();
        assert!(!waited.1.timed_out());
        Reply::ok(seen.target.clone())
    });
    let mut settings = settings();
    settings.max_concurrent_per_host = u32::try_from(SHARE).unwrap();
    let fetch = fetch_from(&server, &settings);
    let requests = (0..40).map(|n| get(&format!("https://a.example.com/{n}"))).collect();
    let answers: Vec<_> =
        fetch.fetch_all(requests).into_iter().map(|answer| answer.unwrap().text().into_owned()).collect();
    assert_eq!(answers, (0..40).map(|n| format!("/{n}")).collect::<Vec<_>>(), "in the order asked");
    assert_eq!(server.most_in_flight(), SHARE);
}

#[test]
fn stopping_ends_every_wait_at_once() {
    let server = TestServer::start(|seen| match seen.target.as_str() {
        "/paused" => Reply::status(503).header("retry-after", "50"),
        _ => Reply::Drip(b"HTTP/1.1 200 X\r\ncontent-length: 99999\r\n\r\n".to_vec()),
    });
    let fetch = Arc::new(fetch_from(&server, &settings()));
    let waiting: Vec<_> = ["https://a.example.com/slow", "https://b.example.com/paused"]
        .into_iter()
        .map(|url| {
            let fetch = Arc::clone(&fetch);
            std::thread::spawn(move || fetch.fetch(get(url)))
        })
        .collect();
    server.wait_for(2);
    fetch.stop();
    for thread in waiting {
        let error = thread.join().unwrap().unwrap_err();
        assert!(matches!(error, FetchError::Stopping), "{error}");
        assert_eq!(error.reaction(), Reaction::Stop);
    }
    let late = fetch.fetch(get("https://a.example.com/late")).unwrap_err();
    assert!(matches!(late, FetchError::Stopping), "{late}");
    assert_eq!(server.seen().len(), 2);
}

#[test]
fn a_request_shows_no_secrets() {
    let request = get("https://a.example.com/").header("authorization", "Bearer secret");
    let shown = format!("{request:?}");
    assert!(shown.contains("authorization") && !shown.contains("secret"), "{shown}");
}

#[test]
fn wrong_upstreams_are_named() {
    let upstreams = BTreeMap::from([("a.example.com".to_owned(), "127.0.0.1:9100".to_owned())]);
    let error = HttpFetch::start(&settings(), &upstreams).unwrap_err();
    assert!(error.to_string().contains("a.example.com"), "{error}");
}

/// An address of this machine at which nobody listens (now).
fn closed_address() -> std::net::SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

/// Fetches `a.example.com` and `b.example.com` from these addresses, waiting so long for a network that one
/// of them stands for.
fn patient(a: &str, b: &str, witness: &str, wait: Duration) -> HttpFetch {
    let upstreams = [("a.example.com".to_owned(), a.to_owned()), ("b.example.com".to_owned(), b.to_owned())];
    let mut settings = settings();
    settings.witnesses = vec![witness.to_owned()];
    HttpFetch::start_with(&settings, &upstreams.into(), Duration::from_millis(1), wait).unwrap()
}

const LONG: Duration = Duration::from_secs(3600);

#[test]
fn one_host_that_is_down_is_no_lost_network() {
    let server = TestServer::start(|_| Reply::ok("there"));
    let down = format!("http://{}", closed_address());
    let fetch = patient(&server.base_url(), &down, "a.example.com", LONG);
    let error = fetch.fetch(get("https://b.example.com/").retries(1)).unwrap_err();
    assert!(matches!(error, FetchError::Unreachable { .. }), "{error}");
    assert_eq!((fetch.network().loss(), fetch.network().losses()), (None, 0));
    assert_eq!(fetch.fetch(get("https://a.example.com/")).unwrap().text(), "there");
}

#[test]
fn requests_wait_for_a_lost_network_and_go_on() {
    let address = closed_address();
    let base = format!("http://{address}");
    let fetch = Arc::new(patient(&base, &base, "a.example.com", LONG));
    let network = fetch.network();
    // Without a single retry: waiting is none.
    let waiting = std::thread::spawn({
        let fetch = Arc::clone(&fetch);
        let requests = (0..20).map(|n| get(&format!("https://b.example.com/{n}")).retries(0)).collect();
        move || fetch.fetch_all(requests)
    });
    while network.loss().is_none() {
        std::thread::yield_now();
    }
    assert!(network.loss().unwrap().why.contains("b.example.com"), "{:?}", network.loss());
    let listener = TcpListener::bind(address).unwrap();
    let serving = std::thread::spawn(move || {
        // The look whether the network is back connects and says nothing.
        let mut answered = 0;
        while answered < 20 {
            let (mut stream, _) = listener.accept().unwrap();
            let mut buffer = [0; 4096];
            if std::io::Read::read(&mut stream, &mut buffer).unwrap_or(0) > 0 {
                let _ =
                    stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok");
                answered += 1;
            }
        }
    });
    let answers = waiting.join().unwrap();
    assert!(answers.iter().all(|answer| answer.as_ref().is_ok_and(|answer| answer.text() == "ok")));
    serving.join().unwrap();
    assert_eq!((network.loss(), network.losses()), (None, 1));
}

#[test]
fn a_network_that_stays_lost_is_not_waited_for_for_ever() {
    let base = format!("http://{}", closed_address());
    let fetch = patient(&base, &base, "a.example.com", Duration::from_millis(1));
    let error = fetch.fetch(get("https://b.example.com/").retries(0)).unwrap_err();
    assert!(matches!(error, FetchError::Unreachable { .. }), "{error}");
    assert!(fetch.network().loss().is_some());
    // And the end of the program is never waited for.
    let fetch = Arc::new(patient(&base, &base, "a.example.com", LONG));
    let waiting = std::thread::spawn({
        let fetch = Arc::clone(&fetch);
        move || fetch.fetch(get("https://b.example.com/"))
    });
    while fetch.network().loss().is_none() {
        std::thread::yield_now();
    }
    fetch.stop();
    assert!(matches!(waiting.join().unwrap(), Err(FetchError::Stopping)));
}
