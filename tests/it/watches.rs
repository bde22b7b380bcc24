//! Watches through the real processes: accounts are listed, and new posts come out as a feed, as events and
//! at a webhook. The network is this test's own, so that it can publish.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};

use crate::daemon::{DEADLINE, Daemon, Setup, kill, wait_for};
use crate::needs::skipped;

const KEY: (&str, &str) = ("x-api-key", "a-key-that-may-watch");
const DID: &str = "did:plc:watched0000000000000000";
const HANDLE: &str = "watched.example";

/// A post: its key, when it was published, and the file that is its picture.
type Posts = Arc<Mutex<Vec<(String, String, &'static str)>>>;

/// A network with one account, as `getProfiles` and `getAuthorFeed` of Bluesky tell it.
struct OneAccount {
    address: String,
    posts: Posts,
}

impl OneAccount {
    fn start() -> OneAccount {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let posts = Posts::default();
        let told = Arc::clone(&posts);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let told = Arc::clone(&told);
                std::thread::spawn(move || serve(stream, &told));
            }
        });
        OneAccount { address, posts }
    }

    fn publish(&self, key: &str, file: &'static str) {
        let output = Command::new("date").args(["-u", "+%Y-%m-%dT%H:%M:%S.%3NZ"]).output().unwrap();
        let now = String::from_utf8(output.stdout).unwrap().trim().to_owned();
        self.posts.lock().unwrap().push((key.to_owned(), now, file));
    }
}

/// One request after the other on a connection.
fn serve(stream: TcpStream, posts: &Posts) -> Option<()> {
    let mut reader = BufReader::new(stream);
    loop {
        let mut request = String::new();
        reader.read_line(&mut request).ok().filter(|read| *read > 0)?;
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
            if line.trim().is_empty() {
                break;
            }
        }
        let target = request.split(' ').nth(1)?.to_owned();
        let (status, kind, body) = answer(&target, posts);
        let head =
            format!("HTTP/1.1 {status} X\r\ncontent-type: {kind}\r\ncontent-length: {}\r\n\r\n", body.len());
        reader.get_mut().write_all(&[head.as_bytes(), &body].concat()).ok()?;
    }
}

fn answer(target: &str, posts: &Posts) -> (u16, &'static str, Vec<u8>) {
    let json = |value: Value| (200, "application/json", value.to_string().into_bytes());
    let posts = posts.lock().unwrap();
    if target.contains("app.bsky.actor.getProfile") {
        let profile = json!({ "did": DID, "handle": HANDLE, "labels": [], "postsCount": posts.len(),
            "createdAt": "2023-07-01T12:00:00.000Z", "indexedAt": "2023-07-01T12:00:00.000Z" });
        return match target.contains("getProfiles") {
            true => json(json!({ "profiles": [profile] })),
            false => json(profile),
        };
    }
    if target.contains("app.bsky.feed.getAuthorFeed") {
        let posts = posts.iter().rev().map(|(key, at, file)| {
            let image = |preset: &str| format!("https://cdn.bsky.app/img/{preset}/plain/{DID}/{file}@jpeg");
            json!({ "post": {
                "uri": format!("at://{DID}/app.bsky.feed.post/{key}"),
                "cid": format!("bafyrei{key}"),
                "author": { "did": DID, "handle": HANDLE, "labels": [] },
                "record": { "$type": "app.bsky.feed.post", "text": "new", "createdAt": at },
                "embed": { "$type": "app.bsky.embed.images#view", "images": [{
                    "thumb": image("feed_thumbnail"), "fullsize": image("feed_fullsize"), "alt": "",
                    "aspectRatio": { "width": 4, "height": 3 } }] },
                "replyCount": 0, "repostCount": 0, "likeCount": 0, "quoteCount": 0,
                "indexedAt": at, "labels": [],
            } })
        });
        return json(json!({ "feed": posts.collect::<Value>() }));
    }
    let file = target.rsplit('/').next().unwrap_or_default().split('@').next().unwrap_or_default();
    let path = format!("{}/src/demo/assets/{file}.jpg", env!("CARGO_MANIFEST_DIR"));
    match std::fs::read(path) {
        Ok(bytes) => (200, "image/jpeg", bytes),
        Err(_) => (404, "text/plain", b"not found".to_vec()),
    }
}

fn setup(network: &OneAccount, webhook: u16) -> Setup {
    // printf %s a-key-that-may-watch | sha256sum
    let keys = format!(
        "[[api_keys]]\nname = \"watcher\"\nkey_file = \"key\"\nwatches = true\nrequests_per_second = 1000\n\
         [[webhooks]]\nname = \"bot\"\nurl = \"http://127.0.0.1:{webhook}/told\"\nsecret = \"a-secret-of-the-two\"\n"
    );
    Setup {
        extra: Box::leak(keys.into_boxed_str()),
        upstreams: vec![
            ("public.api.bsky.app", network.address.clone()),
            ("cdn.bsky.app", network.address.clone()),
        ],
        ..Setup::default()
    }
}

fn start(network: &OneAccount, webhook: u16) -> Daemon {
    let folder = tempfile::tempdir().unwrap();
    let key = folder.path().join("key");
    std::fs::write(&key, KEY.1).unwrap();
    std::fs::set_permissions(&key, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let world = aotf::demo::world::World::start(aotf::demo::world::Options::default()).unwrap();
    Daemon::start_in(folder, world, &setup(network, webhook))
}

fn ask(daemon: &Daemon, method: &str, target: &str, body: &Value) -> (u16, Value) {
    let headers = [KEY, ("content-type", "application/json")];
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let (status, answer) = daemon.http(method, target, &headers, body.as_bytes()).unwrap();
    (status, serde_json::from_slice(&answer).unwrap())
}

fn feed(daemon: &Daemon, path: &str) -> String {
    let (status, body) = daemon.http("GET", path, &[], b"").unwrap();
    assert_eq!(status, 200, "{}", String::from_utf8_lossy(&body));
    String::from_utf8(body).unwrap()
}

fn entries(feed: &str) -> usize {
    feed.matches("<entry>").count()
}

/// A webhook's receiver: hands over head and body of each request.
fn receiver() -> (u16, mpsc::Receiver<(String, Value)>) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let (sender, received) = mpsc::channel();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let mut reader = BufReader::new(stream);
            let (mut head, mut length) = (String::new(), 0);
            loop {
                let mut line = String::new();
                if reader.read_line(&mut line).unwrap_or(0) == 0 || line.trim().is_empty() {
                    break;
                }
                let lower = line.to_ascii_lowercase();
                if let Some(value) = lower.strip_prefix("content-length: ") {
                    length = value.trim().parse().unwrap();
                }
                head += &lower;
            }
            let mut body = vec![0; length];
            if reader.read_exact(&mut body).is_err() || length == 0 {
                continue;
            }
            let reply = b"HTTP/1.1 204 X\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
            let _ = reader.get_mut().write_all(reply);
            let _ = sender.send((head, serde_json::from_slice(&body).unwrap()));
        }
    });
    (port, received)
}

/// The events of a stream, each with its id.
fn events(daemon: &Daemon, path: &str, last: Option<&str>) -> mpsc::Receiver<(String, Value)> {
    let mut stream = TcpStream::connect(daemon.address).unwrap();
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    let last = last.map_or_else(String::new, |last| format!("last-event-id: {last}\r\n"));
    let request = format!("GET {path} HTTP/1.1\r\nhost: {}\r\n{last}\r\n", daemon.address);
    stream.write_all(request.as_bytes()).unwrap();
    let (sender, received) = mpsc::channel();
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).unwrap();
    assert!(line.contains(" 200 "), "{line}");
    std::thread::spawn(move || {
        let mut data = Value::Null;
        for line in reader.lines().map_while(Result::ok) {
            if let Some(text) = line.strip_prefix("data: ") {
                data = serde_json::from_str(text).unwrap();
            }
            if let Some(id) = line.strip_prefix("id: ")
                && sender.send((id.to_owned(), data.take())).is_err()
            {
                return;
            }
        }
    });
    received
}

/// The next event, of what the network has published by now. An account is listed when somebody begins to
/// watch it, and not again within the hour.
fn heard_now(daemon: &Daemon, heard: &mpsc::Receiver<(String, Value)>) -> (String, Value) {
    wait_for("an event", || {
        let output = daemon.command(&["watch", HANDLE, "--json"]);
        // The broker may have just been killed.
        let begun: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
        let event = heard.recv_timeout(Duration::from_secs(5)).ok();
        daemon.command(&["watch", "--end", begun["id"].as_str().unwrap_or_default()]);
        event
    })
}

/// What xmllint says of a feed, by the grammar of RFC 4287.
fn is_valid(feed: &str) -> Result<(), String> {
    let grammar = format!("{}/tests/fixtures/atom/atom.rng", env!("CARGO_MANIFEST_DIR"));
    let mut child = Command::new("xmllint")
        .args(["--noout", "--nonet", "--relaxng", &grammar, "-"])
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(feed.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    match output.status.success() {
        true => Ok(()),
        false => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
    }
}

#[test]
fn new_posts_come_out_as_a_feed_as_events_and_at_the_webhook() {
    let network = OneAccount::start();
    let (port, told) = receiver();
    network.publish("3kold", "p0006");
    let mut daemon = start(&network, port);

    let (status, refused) = ask(&daemon, "POST", "/watches", &json!({ "subject": "two words" }));
    assert_eq!((status, refused["error"].as_str()), (400, Some("BAD_REQUEST")), "{refused}");
    let body = json!({ "subject": format!("https://bsky.app/profile/{HANDLE}"), "webhook": "bot" });
    let (status, begun) = ask(&daemon, "POST", "/watches", &body);
    assert_eq!((status, &begun["new"]), (200, &json!(true)), "{begun}");
    let id = begun["id"].as_str().unwrap().to_owned();
    let (path, stream) = (begun["feed"].as_str().unwrap(), begun["events"].as_str().unwrap());
    let (_, again) = ask(&daemon, "POST", "/watches", &body);
    assert_eq!((&again["id"], &again["new"]), (&begun["id"], &json!(false)));

    // What was there before is listed, and no news.
    wait_for("the first entry", || (entries(&feed(&daemon, path)) == 1).then_some(()));
    let (_, list) = ask(&daemon, "GET", "/watches", &Value::Null);
    assert_eq!(list["watches"][0]["accounts"][0]["handle"], HANDLE, "{list}");
    let heard = events(&daemon, stream, None);
    let before = feed(&daemon, path);

    network.publish("3knew", "p0034");
    let (event, entry) = heard_now(&daemon, &heard);
    let post = format!("https://bsky.app/profile/{DID}/post/3knew");
    assert_eq!((entry["id"].as_str(), entry["posts"].as_array().unwrap().len()), (Some(post.as_str()), 1));
    assert!(entry["credit"].as_str().unwrap().contains(&post), "{entry}");
    let (head, news) = told.recv_timeout(DEADLINE).unwrap();
    assert_eq!((news["watch"].as_str(), &news["entry"]["id"]), (Some(id.as_str()), &entry["id"]), "{news}");
    for header in ["x-aotf-event: post", "x-aotf-signature: sha256=", &format!("x-aotf-delivery: {id}-")] {
        assert!(head.contains(header), "{header} is missing in\n{head}");
    }
    let after = feed(&daemon, path);
    assert!(entries(&after) == 2 && after != before, "{after}");
    assert!(after.contains("https://cdn.bsky.app/img/feed_fullsize/plain/"), "{after}");

    // The same picture once more is no new artwork.
    network.publish("3kagain", "p0034");
    let (_, joined) = heard_now(&daemon, &heard);
    assert_eq!((&joined["id"], joined["posts"].as_array().unwrap().len()), (&entry["id"], 2), "{joined}");
    assert_eq!(told.recv_timeout(DEADLINE).unwrap().1["entry"], joined);
    assert_eq!(entries(&feed(&daemon, path)), 2);
    // After a break, what was missed comes; here too.
    let (_, missed) = events(&daemon, stream, Some(&event)).recv_timeout(DEADLINE).unwrap();
    assert_eq!(missed, joined);

    // The broker goes, and all goes on.
    let broker = daemon.containers().into_iter().find(|(_, role)| role == "broker").unwrap().0;
    kill(broker, "-KILL");
    daemon.wait_until_ready();
    network.publish("3kthird", "p0042");
    let (_, third) = heard_now(&daemon, &heard);
    assert_eq!(told.recv_timeout(DEADLINE).unwrap().1["entry"]["id"], third["id"]);
    assert_eq!(entries(&feed(&daemon, path)), 3);

    match Command::new("xmllint").arg("--version").output() {
        Ok(_) => is_valid(&feed(&daemon, path)).unwrap(),
        Err(_) => skipped("xmllint is not installed; no feed was held to the grammar"),
    }

    // What is forgotten is in no feed from that moment on.
    let output = daemon.command(&["forget", &post]);
    assert!(output.status.success(), "{output:?}");
    assert!(!feed(&daemon, path).contains(&post));
    let output = daemon.command(&["forget", DID]);
    assert!(output.status.success(), "{output:?}");
    assert_eq!(daemon.http("GET", path, &[], b"").unwrap().0, 404, "a watch of nothing else ends");
    assert!(told.try_recv().is_err(), "nothing is told twice");
}

#[test]
fn watches_are_begun_listed_and_ended_by_the_command() {
    let network = OneAccount::start();
    let daemon = start(&network, 9);
    let run = |words: &[&str]| -> (i32, Value) {
        let output = daemon.command(&[&["watch"], words, &["--json"]].concat());
        let text = String::from_utf8_lossy(&output.stdout);
        (output.status.code().unwrap(), serde_json::from_str(text.trim()).unwrap_or(Value::Null))
    };
    let (status, begun) = run(&[HANDLE]);
    assert_eq!((status, &begun["new"], &begun["by"]), (0, &json!(true), &json!("console")), "{begun}");
    let id = begun["id"].as_str().unwrap();
    let accounts = wait_for("its account", || {
        let (_, list) = run(&["--list"]);
        Some(list["watches"][0]["accounts"].clone()).filter(|accounts| accounts[0].is_object())
    });
    assert_eq!((&accounts[0]["id"], &accounts[0]["unreadable"]), (&json!(DID), &Value::Null));
    assert_eq!(
        ask(&daemon, "DELETE", &format!("/watches/{id}"), &Value::Null).0,
        404,
        "it is somebody else's"
    );
    for (words, expect) in [
        (vec!["no such thing"], 3),
        (vec![HANDLE, "--webhook", "nobody"], 3),
        (vec!["--end", "0123"], 3),
        (vec!["--end", "00000000000000000000000000000000"], 1),
    ] {
        let (status, answer) = run(&words);
        assert!(status == expect && answer["error_detail"].is_string(), "{words:?}: {status} {answer}");
    }
    let (status, ended) = run(&["--end", id]);
    assert_eq!((status, ended["id"].as_str()), (0, Some(id)), "{ended}");
    assert_eq!(run(&["--list"]).1["watches"], json!([]));
    let shown = daemon.command(&["watch", "--list"]);
    assert!(String::from_utf8_lossy(&shown.stdout).contains("Nobody is watched"), "{shown:?}");
}
