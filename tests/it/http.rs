//! The HTTP API through the real processes: webhooks, batches, the Unix socket, metrics, and what a
//! crowd of slow clients does to others.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::sync::mpsc;
use std::time::Instant;

use aotf::demo::world::cases::SAMPLE;
use serde_json::{Value, json};

use crate::daemon::{DEADLINE, Daemon, Setup, WHOLE, encode, free_port, kill, wait_for};

/// A page whose artist has few posts, which are soon indexed.
const SMALL: &str = "https://danbooru.donmai.us/posts/7000007";

/// A webhook's receiver: hands over each request's headers (names in lower case) and body; answers with
/// the statuses in turn, the last one again and again.
struct Receiver {
    port: u16,
    received: mpsc::Receiver<(String, Vec<u8>)>,
}

impl Receiver {
    fn start(port: u16, statuses: &'static [u16]) -> Receiver {
        let listener = TcpListener::bind(("127.0.0.1", port)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let (sender, received) = mpsc::channel();
        std::thread::spawn(move || {
            for (number, stream) in listener.incoming().flatten().enumerate() {
                let status = statuses[number.min(statuses.len() - 1)];
                if let Some(request) = answer(stream, status)
                    && sender.send(request).is_err()
                {
                    return;
                }
            }
        });
        Receiver { port, received }
    }

    fn next(&self) -> (String, Value) {
        let (head, body) = self.received.recv_timeout(DEADLINE).expect("an answer is delivered");
        (head, serde_json::from_slice(&body).unwrap())
    }
}

fn answer(stream: TcpStream, status: u16) -> Option<(String, Vec<u8>)> {
    let mut reader = BufReader::new(stream);
    let (mut head, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
        let line = line.trim_end().to_owned();
        if line.is_empty() {
            break;
        }
        let lower = line.to_ascii_lowercase();
        if let Some(value) = lower.strip_prefix("content-length: ") {
            length = value.parse().ok()?;
        }
        // Values stay as they are: a signature is told apart by its case.
        match line.split_once(": ") {
            Some((name, value)) => head += &format!("{}: {value}\n", name.to_ascii_lowercase()),
            None => head += &format!("{line}\n"),
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let reply = format!("HTTP/1.1 {status} X\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    reader.get_mut().write_all(reply.as_bytes()).ok()?;
    Some((head, body))
}

fn webhook_setup(port: u16) -> Setup {
    let text = format!(
        "[[webhooks]]\nname = \"bot\"\nurl = \"http://127.0.0.1:{port}/found?by=aotf\"\n\
         secret = \"a-secret-of-the-two\"\n"
    );
    Setup { extra: Box::leak(text.into_boxed_str()), ..Setup::default() }
}

#[test]
fn a_webhook_gets_the_final_answer_once() {
    let receiver = Receiver::start(0, &[503, 200]);
    let daemon = Daemon::start(webhook_setup(receiver.port));
    let url = SMALL.to_owned();
    let target = format!("/query?webhook=bot&url={url}");
    let begun = daemon.get(&target);
    let (head, answer) = receiver.next();
    assert!(head.starts_with("POST /found?by=aotf "), "{head}");
    assert_eq!(
        (&answer["status"], &answer["url"], &answer["id"]),
        (&json!("END"), &json!(url), &begun["id"])
    );
    assert!(answer["results"][0]["tweet_id"].is_string(), "{answer:#}");
    for header in ["x-aotf-signature: sha256=", "x-aotf-timestamp: ", "content-type: application/json"] {
        assert!(head.contains(header), "{header} is missing in\n{head}");
    }
    // It was told that the receiver could not take it: the same delivery comes again.
    let id = |head: &str| head.lines().find(|line| line.starts_with("x-aotf-delivery: ")).unwrap().to_owned();
    let (again, second) = receiver.next();
    assert_eq!((id(&again), second), (id(&head), answer));
    // Who asks again, after the end too, gets no second one; what comes next is of another query.
    let ended = wait_for("the end", || Some(daemon.get(&target)).filter(|answer| answer["status"] == "END"));
    assert_eq!(ended["id"], begun["id"]);
    daemon.get("/query?webhook=bot&url=no-url-at-all");
    assert_eq!(receiver.next().1["error"], "NOT_AN_URL");
    wait_for("an empty queue", || {
        metrics(&daemon).contains("\naotf_webhook_deliveries_waiting 0\n").then_some(())
    });
}

/// The broker is killed between the end of the query and the delivery; the receiver comes later.
#[test]
fn a_restart_loses_no_delivery() {
    let port = free_port();
    let daemon = Daemon::start(webhook_setup(port));
    let url = SMALL.to_owned();
    daemon.get(&format!("/query?webhook=bot&url={url}"));
    let ended = daemon.query(&url);
    wait_for("a delivery that waits", || {
        metrics(&daemon).contains("\naotf_webhook_deliveries_waiting 1\n").then_some(())
    });
    let broker = daemon.containers().into_iter().find(|(_, role)| role == "broker").unwrap().0;
    kill(broker, "-KILL");
    let receiver = Receiver::start(port, &[204]);
    let (_, answer) = receiver.next();
    assert_eq!((&answer["id"], &answer["results"]), (&ended["id"], &ended["results"]));
    wait_for("an empty queue", || {
        metrics(&daemon).contains("\naotf_webhook_deliveries_waiting 0\n").then_some(())
    });
}

fn metrics(daemon: &Daemon) -> String {
    let (status, body) = daemon.http("GET", "/metrics", &[], b"").unwrap();
    assert_eq!(status, 200);
    String::from_utf8(body).unwrap()
}

#[test]
fn batches_images_and_figures_through_processes() {
    let daemon = Daemon::start(Setup { extra: WHOLE, ..Setup::default() });
    let mut urls: Vec<String> =
        daemon.world.known().iter().filter_map(|case| case.url()).take(2).map(str::to_owned).collect();
    // Of the artist whose artwork the sample is.
    urls.push("https://danbooru.donmai.us/posts/7000001".to_owned());
    let body = json!({ "urls": urls }).to_string();
    let (status, reply) =
        daemon.http("POST", "/queries", &[("Content-Type", "application/json")], body.as_bytes()).unwrap();
    assert_eq!(status, 200);
    let reply: Value = serde_json::from_slice(&reply).unwrap();
    let ids: Vec<&str> =
        reply["queries"].as_array().unwrap().iter().map(|entry| entry["id"].as_str().unwrap()).collect();
    let target = format!("/queries?ids={}", ids.join(","));
    let ended = wait_for("the end of all", || {
        let reply = daemon.get(&target);
        let ended = reply["queries"].as_array().unwrap().iter().all(|entry| entry["status"] == "END");
        ended.then_some(reply)
    });
    for (entry, url) in ended["queries"].as_array().unwrap().iter().zip(&urls) {
        assert_eq!(entry["url"], *url);
        assert_eq!(entry["results"], daemon.query(url)["results"]);
    }

    // The same image as a body, as a form, and by the address that the query found.
    let image = SAMPLE.art().bytes;
    let expect = found(&daemon, "image/png", image);
    assert!(expect["results"][0]["tweet_id"].is_string(), "{expect:#}");
    let mut form = b"--X\r\nContent-Disposition: form-data; name=\"image\"; filename=\"a\"\r\n\r\n".to_vec();
    form.extend(image);
    form.extend(b"\r\n--X--\r\n");
    assert_eq!(found(&daemon, "multipart/form-data; boundary=X", &form)["results"], expect["results"]);
    let address = &ended["queries"][0]["image_url"];
    let by_url = found(&daemon, "application/json", json!({ "url": address }).to_string().as_bytes());
    assert_eq!(
        (&by_url["error"], by_url["results"][0]["distance"].is_u64()),
        (&Value::Null, true),
        "{by_url:#}"
    );
    let gone = json!({ "url": format!("{}.gone", address.as_str().unwrap()) }).to_string();
    let refused = found(&daemon, "application/json", gone.as_bytes());
    assert_eq!(refused["error"], "CANNOT_GET_IMAGE", "{refused:#}");
    // Nobody makes the server ask its own network.
    for private in ["http://127.0.0.1:22/", "http://169.254.169.254/latest", "http://localhost/a.png"] {
        let refused = found(&daemon, "application/json", json!({ "url": private }).to_string().as_bytes());
        assert_eq!(refused["error"], "CANNOT_GET_IMAGE", "{private}: {refused:#}");
    }

    let text = metrics(&daemon);
    for metric in
        ["aotf_step_duration_seconds_bucket{step=\"LINK_FINDER\"", "aotf_posts ", "aotf_database_bytes "]
    {
        assert!(text.contains(metric), "{metric} is missing in\n{text}");
    }
    let restarts = |daemon: &Daemon| {
        let text = metrics(daemon);
        let line = text.lines().find(|line| line.starts_with("aotf_process_starts_total{role=\"indexing\"}"));
        line.and_then(|line| line.rsplit(' ').next()?.parse::<u64>().ok())
    };
    assert_eq!(restarts(&daemon), Some(1));
    let indexing = daemon.containers().into_iter().find(|(_, role)| role == "indexing").unwrap().0;
    kill(indexing, "-KILL");
    wait_for("the restart in the metrics", || restarts(&daemon).filter(|count| *count == 2));
}

fn found(daemon: &Daemon, content_type: &str, body: &[u8]) -> Value {
    let (status, reply) = daemon.http("POST", "/search", &[("content-type", content_type)], body).unwrap();
    assert_eq!(status, 200, "{}", String::from_utf8_lossy(&reply));
    let begun: Value = serde_json::from_slice(&reply).unwrap();
    let target = format!("/search?identifier={}", begun["identifier"].as_str().unwrap());
    wait_for("the end of the search", || Some(daemon.get(&target)).filter(|answer| answer["status"] == "END"))
}

#[test]
fn the_unix_socket_is_served() {
    let daemon = Daemon::start(Setup { http: "unix_socket = \"http.sock\"", ..Setup::default() });
    let mut stream = UnixStream::connect(daemon.folder.path().join("http.sock")).unwrap();
    stream
        .write_all(
            b"GET /config HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nX-Forwarded-For: 192.0.2.1\r\n\r\n",
        )
        .unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    assert!(text.starts_with("HTTP/1.1 200") && text.contains("\"ip_can_bypass_limit\":false"), "{text}");
}

fn raise_descriptor_limit() -> rustix::process::Rlimit {
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    let raised = rustix::process::Rlimit { current: limit.maximum, maximum: limit.maximum };
    let _ = rustix::process::setrlimit(rustix::process::Resource::Nofile, raised);
    limit
}

/// Thousands of clients that never finish what they say, from many addresses, and one that asks without
/// pause: another is answered.
#[test]
fn a_crowd_of_slow_clients_and_a_flood_leave_others_served() {
    let daemon = Daemon::start(Setup::default());
    let wanted = 5000;
    let limit = raise_descriptor_limit();
    let may =
        limit.maximum.map_or(wanted, |most| usize::try_from(most).unwrap_or(wanted).saturating_sub(500));
    let crowd = wanted.min(may);
    if crowd < wanted {
        eprintln!(
            "SMALLER: this machine allows {may} open files, so {crowd} slow clients instead of {wanted}"
        );
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let server = daemon.address;
    runtime.block_on(async {
        let mut slow = Vec::with_capacity(crowd);
        for number in 0..crowd {
            // 250 from each address: fewer than one address may have.
            let mut stream = connect_from(u8::try_from(number / 250 + 2).unwrap(), server).await;
            let beginning: &[u8] = match number % 3 {
                0 => b"",
                1 => b"GET /query?url=",
                _ => b"POST /query HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\nx",
            };
            tokio::io::AsyncWriteExt::write_all(&mut stream, beginning).await.unwrap();
            slow.push(stream);
        }
        let flood = tokio::spawn(async move {
            loop {
                let _ = request(100, server, "/query?url=https://danbooru.donmai.us/posts/1").await;
            }
        });
        let begun = Instant::now();
        let mut refused = 0;
        for _ in 0..50 {
            let (status, _) = tokio::time::timeout(DEADLINE, request(200, server, "/stats")).await.unwrap();
            assert_eq!(status, 200);
            let (status, _) =
                tokio::time::timeout(DEADLINE, request(100, server, "/query?url=x")).await.unwrap();
            refused += usize::from(status == 429 || status == 503);
        }
        assert!(refused > 40, "the flood is held back, {refused} of 50");
        assert!(begun.elapsed() < DEADLINE);
        flood.abort();
        drop(slow);
    });
    let text = metrics(&daemon);
    assert!(text.contains("aotf_http_requests_total{path=\"/query\",status=\"429\"}"), "{text}");
    // What was taken by the crowd is given back.
    wait_for("the end of the crowd's connections", || {
        let text = metrics(&daemon);
        let line = text.lines().find(|line| line.starts_with("aotf_http_connections "))?.to_owned();
        line.rsplit(' ').next()?.parse::<u32>().ok().filter(|open| *open < 100)
    });
}

/// What the front took for thousands of connections it gives back when they are gone.
#[test]
fn memory_for_a_crowd_is_given_back() {
    const CROWD: usize = 2000;
    let daemon = Daemon::start(Setup::default());
    raise_descriptor_limit();
    let front = daemon.containers().into_iter().find(|(_, role)| role == "front").unwrap().0;
    let resident_kib = || -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{front}/status")).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    };
    let server = daemon.address;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let crowd = |count: usize| {
        runtime.block_on(async {
            use tokio::io::{AsyncReadExt, AsyncWriteExt};
            let mut open = Vec::with_capacity(count);
            for number in 0..count {
                let mut stream = connect_from(u8::try_from(number / 250 + 2).unwrap(), server).await;
                stream.write_all(b"GET /config HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
                assert!(stream.read(&mut [0; 4096]).await.unwrap() > 0);
                open.push(stream);
            }
            open
        })
    };
    // What a server needs once stays: caches, threads, tables.
    drop(crowd(100));
    let before = resident_kib();
    let open = crowd(CROWD);
    let during = resident_kib();
    assert!(during > before + 8 * CROWD as u64, "{before} KiB, {during} KiB with the crowd");
    drop(open);
    wait_for("the memory of the crowd", || (resident_kib() < before + (during - before) / 3).then_some(()));
}

async fn connect_from(last: u8, server: SocketAddr) -> tokio::net::TcpStream {
    let deadline = Instant::now() + DEADLINE;
    loop {
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.bind(SocketAddr::from(([127, 0, 0, last], 0))).unwrap();
        match socket.connect(server).await {
            Ok(stream) => return stream,
            Err(error) => assert!(Instant::now() < deadline, "could not connect: {error}"),
        }
    }
}

async fn request(last: u8, server: SocketAddr, target: &str) -> (u16, String) {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut stream = connect_from(last, server).await;
    let head = format!("GET {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    let _ = stream.write_all(head.as_bytes()).await;
    let mut bytes = Vec::new();
    let _ = stream.read_to_end(&mut bytes).await;
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let status = text.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
    (status, text)
}

/// Strangers get ids and addresses; the operator, in the shell, the whole answer.
#[test]
fn a_public_server_hands_on_ids() {
    let daemon = Daemon::start(Setup {
        http: "public = true\n",
        top: "[page]\ncontact_url = \"mailto:operator@example.org\"\n",
        ..Setup::default()
    });
    let answer = daemon.query(SMALL);
    let post = &answer["posts"][0];
    let id = post["id"].as_str().unwrap();
    assert_eq!(post["url"], format!("https://x.com/i/status/{id}"), "{answer:#}");
    assert_eq!(
        (&post["image_url"], &post["thumbnail_url"], &post["handle"]),
        (&json!(""), &json!(""), &Value::Null)
    );
    assert_eq!((&post["class"], &post["distance"]), (&json!("identical"), &json!(0)));
    assert_eq!(answer["results"][0]["image_url"], "");
    let account = &answer["twitter_accounts"][0];
    assert_eq!(account["url"], format!("https://x.com/i/user/{}", account["account_id"].as_str().unwrap()));
    let page = format!("/?lang=en&url={}", encode(SMALL));
    for (target, accept) in [(page.as_str(), "text/html"), (&format!("/credit?url={}", encode(SMALL)), "*/*")]
    {
        let (status, body) = daemon.http("GET", target, &[("accept", accept)], b"").unwrap();
        let text = String::from_utf8(body).unwrap();
        assert_eq!(status, 200, "{target}: {text}");
        assert!(text.contains(&format!("https://x.com/i/status/{id}")), "{target}: {text}");
        for told in ["pbs.twimg.com", "x.com/demo_hazel", "@demo_hazel"] {
            assert!(!text.contains(told), "{target} tells {told}: {text}");
        }
    }
    let whole = daemon.command(&["query", SMALL, "--wait", "--json"]);
    let whole: Value = serde_json::from_slice(&whole.stdout).unwrap();
    assert_eq!(whole["posts"][0]["handle"], "demo_hazel", "{whole:#}");
    assert!(whole["posts"][0]["image_url"].as_str().unwrap().contains("pbs.twimg.com"));
}
