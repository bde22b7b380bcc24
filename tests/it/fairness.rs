//! What one client has going delays nobody else: the honest one's answer comes while the hostile ones' work
//! is still under way. Nothing is timed: what is hostile never ends.

use std::io::Write;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use aotf::demo::world::{Options, World};
use serde_json::{Value, json};

use crate::daemon::{Daemon, Setup, encode, wait_for};
use crate::faults::{Host, Mode, assert_found, pages, read_head};

/// Tests speak as the proxy that tells who asks.
pub const BEHIND_A_PROXY: &str = "trusted_proxies = ['127.0.0.1']";
pub const HOSTILE: &str = "192.0.2.1";
pub const HONEST: &str = "192.0.2.2";

/// The state of a query, asked for by this client.
pub fn ask(daemon: &Daemon, client: &str, url: &str) -> Value {
    let target = format!("/query?url={}", encode(url));
    let (status, body) = daemon.http("GET", &target, &[("x-forwarded-for", client)], b"").unwrap();
    assert_eq!(status, 200, "{}", String::from_utf8_lossy(&body));
    serde_json::from_slice(&body).unwrap()
}

pub fn is_over(answer: &Value) -> bool {
    answer["status"] == "END" || (answer["status"].is_null() && !answer["error"].is_null())
}

pub fn follow(daemon: &Daemon, client: &str, url: &str) -> Value {
    wait_for(&format!("the end of {url}"), || Some(ask(daemon, client, url)).filter(is_over))
}

#[test]
fn ten_queries_on_silent_pages_hold_up_nobody_else() {
    const SILENT: &str = "www.artstation.com";
    let world = World::start(Options::default()).unwrap();
    let silent = Host::start(&world, Mode::Silent);
    let page = pages(&world, SILENT)[0].clone();
    let well = pages(&world, "www.deviantart.com")[0].clone();
    let setup = Setup {
        http: BEHIND_A_PROXY,
        // Longer than this test: they never end.
        fetch: "timeout_secs = 600",
        upstreams: vec![(SILENT, silent.url())],
        extra: "[limits]\nrequests_per_second = 1000\n",
        ..Setup::default()
    };
    let daemon = Daemon::start_in(tempfile::tempdir().unwrap(), world, &setup);
    let hostile: Vec<String> = (0..10).map(|number| format!("{page}?{number}")).collect();
    for url in &hostile {
        assert!(!is_over(&ask(&daemon, HOSTILE, url)));
    }
    wait_for("the workers to be taken", || (silent.asked() >= 4).then_some(()));
    assert_found(&follow(&daemon, HONEST, &well));
    for url in &hostile {
        assert!(!is_over(&ask(&daemon, HOSTILE, url)), "{url}");
    }
    assert_eq!(silent.asked(), 4, "one client has as many pages read at once as are configured");
}

/// A Fediverse server on which every account posts pictures without end.
struct Endless {
    address: SocketAddr,
    pages: Arc<AtomicUsize>,
    over: Arc<AtomicBool>,
}

const SERVER: &str = "endless.example";
const FILES: &str = "files.endless.example";

impl Endless {
    fn start() -> Endless {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let server =
            Endless { address: listener.local_addr().unwrap(), pages: Arc::default(), over: Arc::default() };
        let (pages, over) = (Arc::clone(&server.pages), Arc::clone(&server.over));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                if over.load(Ordering::SeqCst) {
                    return;
                }
                let pages = Arc::clone(&pages);
                std::thread::spawn(move || {
                    let mut stream = stream.unwrap();
                    let Some(head) = read_head(&mut stream) else { return };
                    let head = String::from_utf8(head).unwrap();
                    let target = head.split(' ').nth(1).unwrap();
                    let (body, link) = answer(target, &pages);
                    // A client that has left misses nothing.
                    let _ = write!(
                        stream,
                        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n{link}content-length: {}\r\n\
                         connection: close\r\n\r\n{body}",
                        body.len()
                    );
                });
            }
        });
        server
    }
}

impl Drop for Endless {
    fn drop(&mut self) {
        self.over.store(true, Ordering::SeqCst);
        drop(TcpStream::connect(self.address));
    }
}

/// The body, and a line of the head that names the next page.
fn answer(target: &str, pages: &AtomicUsize) -> (String, String) {
    let url = url::Url::parse(&format!("https://{SERVER}{target}")).unwrap();
    let parameter =
        |name: &str| url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned());
    let account = |name: &str| {
        json!({
            "id": name, "username": name, "acct": name, "display_name": name, "note": "", "fields": [],
            "url": format!("https://{SERVER}/@{name}"), "uri": format!("https://{SERVER}/users/{name}"),
            "statuses_count": 7, "discoverable": true, "indexable": true, "noindex": false,
        })
    };
    if url.path().ends_with("/lookup") {
        return (account(&parameter("acct").unwrap()).to_string(), String::new());
    }
    pages.fetch_add(1, Ordering::SeqCst);
    let name = url.path().split('/').nth(4).unwrap();
    let newest: u64 = parameter("max_id").map_or(1 << 40, |id| id.parse().unwrap());
    let posts: Vec<Value> = (1..=40)
        .map(|back| {
            let id = newest - back;
            let image = format!("https://{FILES}/{name}/{id}.png");
            json!({
                "id": id.to_string(), "uri": format!("https://{SERVER}/users/{name}/statuses/{id}"),
                "created_at": "2024-05-01T00:00:00.000Z", "account": account(name), "reblog": null,
                "media_attachments": [{ "id": "1", "type": "image", "url": image, "preview_url": image }],
            })
        })
        .collect();
    let next = format!("https://{SERVER}{}?max_id={}", url.path(), newest - 40);
    (json!(posts).to_string(), format!("link: <{next}>; rel=\"next\"\r\n"))
}

#[test]
fn endless_accounts_hold_up_no_first_scan() {
    let world = World::start(Options::default()).unwrap();
    let endless = Endless::start();
    let files = Host::start(&world, Mode::Silent);
    let page = pages(&world, "www.deviantart.com")[0].clone();
    let setup = Setup {
        http: BEHIND_A_PROXY,
        fetch: "timeout_secs = 600",
        upstreams: vec![(SERVER, format!("http://{}", endless.address)), (FILES, files.url())],
        extra: "[limits]\nrequests_per_second = 1000\n[scan]\nmax_pending_posts = 200\n",
        ..Setup::default()
    };
    let daemon = Daemon::start_in(tempfile::tempdir().unwrap(), world, &setup);
    for number in 0..8 {
        let told = daemon.command(&["scan", &format!("@endless{number}@{SERVER}")]);
        assert!(told.status.success(), "{told:?}");
    }
    let queues = || String::from_utf8(daemon.command(&["queues", "--json"]).stdout).unwrap();
    wait_for("their images to be asked for", || (files.asked() >= 8).then_some(()));
    // All they may have waits, and their listings have left their workers.
    let stages = wait_for("the listings to pause", || {
        let stages: Value = serde_json::from_str(&queues()).unwrap();
        let is_listing = |stage: &&Value| stage["queue"] == "search_listing";
        let listing =
            stages.as_array()?.iter().find(is_listing).unwrap_or_else(|| panic!("{stages}")).clone();
        (listing["leased"] == 0 && listing["waiting_user"].as_u64() >= Some(4)).then_some(listing)
    });
    assert!(endless.pages.load(Ordering::SeqCst) <= 8 + 2, "{stages}");
    let answer = follow(&daemon, HONEST, &page);
    assert_found(&answer);
    assert_eq!(answer["has_first_time_scan"], true, "{answer:#}");
}
