//! Faults outside of the program: what the daemon says of them, that it loses nothing, and that it goes on by
//! itself when they are over.

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aotf::demo::world::cases::Expect;
use aotf::demo::world::{Options, World};
use serde_json::Value;

use crate::daemon::{Daemon, Setup, WHOLE, encode, free_port, kill, wait_for, wait_within, write_config};
use crate::needs::{not_here, skipped};

/// Work is put off five times, with its pauses, before that is told.
const SLOW: Duration = Duration::from_secs(240);

/// Addresses of pages on this host of which a post is found, each of another artist where there are several.
pub fn pages(world: &World, host: &str) -> Vec<String> {
    let found = world.known().into_iter().filter(|case| matches!(case.expect, Expect::Post { .. }));
    let urls = found.filter_map(|case| case.url().map(str::to_owned));
    urls.filter(|url| url.contains(host)).collect()
}

/// Status and body of `/readyz`.
pub fn readiness(daemon: &Daemon) -> Option<(u16, String)> {
    let (status, body) = daemon.http("GET", "/readyz", &[], b"").ok()?;
    Some((status, String::from_utf8_lossy(&body).into_owned()))
}

pub fn wait_until_well(daemon: &Daemon) {
    wait_for("all to be well", || {
        readiness(daemon).filter(|(status, body)| *status == 200 && body.contains("\"problems\":[]"))
    });
}

#[track_caller]
pub fn assert_found(answer: &Value) {
    assert!(answer["results"][0]["tweet_id"].is_string(), "{answer:#}");
}

#[test]
fn a_locked_database_is_told_and_its_query_goes_on_when_it_is_free() {
    let daemon = Daemon::start(Setup::default());
    let url = daemon.world.known()[0].url().unwrap().to_owned();
    let lock = rusqlite::Connection::open(daemon.folder.path().join("data/aotf.db")).unwrap();
    lock.execute_batch("BEGIN IMMEDIATE").unwrap();
    daemon.begin(&url);
    let told = wait_for("the trouble to be told", || {
        readiness(&daemon).filter(|(status, _)| *status == 503).map(|(_, body)| body)
    });
    assert!(told.contains("database has to wait") && told.contains("locked"), "{told}");
    let health = daemon.command(&["health"]);
    assert!(!health.status.success());
    assert!(String::from_utf8_lossy(&health.stderr).contains("locked"), "{health:?}");
    lock.execute_batch("ROLLBACK").unwrap();
    assert_found(&daemon.query(&url));
    wait_until_well(&daemon);
}

/// A small file system of its own for the data folder.
pub struct SmallDisk {
    folder: PathBuf,
}

impl SmallDisk {
    /// `None`, and said loudly, where this user may not mount.
    fn mount(folder: &Path) -> Option<SmallDisk> {
        fs::create_dir_all(folder).unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=24m,mode=700", "aotf-test"])
            .arg(folder)
            .stderr(Stdio::null())
            .status();
        if mounted.is_ok_and(|status| status.success()) {
            return Some(SmallDisk { folder: folder.to_owned() });
        }
        not_here(format!(
            "no file system can be mounted on {} (who runs this is not root)",
            folder.display()
        ));
        None
    }

    /// Takes all room that is left.
    fn fill(&self) {
        let mut ballast =
            fs::OpenOptions::new().append(true).create(true).open(self.folder.join("ballast")).unwrap();
        for piece in [1 << 16, 1 << 12, 1] {
            while ballast.write_all(&vec![0; piece]).is_ok() {}
        }
    }

    fn make_room(&self) {
        fs::remove_file(self.folder.join("ballast")).unwrap();
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // At once, though the last processes of a killed daemon may still be ending.
        let unmounted = Command::new("umount").arg("--lazy").arg(&self.folder).status();
        assert!(std::thread::panicking() || unmounted.is_ok_and(|status| status.success()));
        // What the daemon's own folder could not remove while this was mounted.
        if let Some(parent) = self.folder.parent() {
            let _ = fs::remove_dir_all(parent);
        }
    }
}

#[test]
fn a_full_disk_loses_no_accepted_work_and_is_told() {
    let folder = tempfile::tempdir().unwrap();
    // Declared before the daemon: unmounted after its end.
    let Some(disk) = SmallDisk::mount(&folder.path().join("data")) else { return };
    let world = World::start(Options::default()).unwrap();
    let daemon = Daemon::start_in(folder, world, &Setup::default());
    let page = daemon.world.known()[0].url().unwrap().to_owned();
    let expect = daemon.query(&page)["results"][0]["tweet_id"].clone();
    assert!(expect.is_string());
    wait_until_well(&daemon);

    disk.fill();
    // The journal may write over what it has written before: for a while, there is room for some.
    let mut accepted = Vec::new();
    let (number, refusal) = wait_for("a query to be refused", || {
        let number = accepted.len();
        let target = format!("/query?url={}", encode(&format!("{page}#full-{number}")));
        let (status, body) = daemon.http("GET", &target, &[], b"").ok()?;
        if status == 200 {
            accepted.push(number);
            return None;
        }
        Some((number, (status, String::from_utf8_lossy(&body).into_owned())))
    });
    let (status, said) = refusal;
    assert_eq!(status, 503, "{said}");
    assert!(
        said.contains("SERVICE_UNAVAILABLE") && said.contains("journal of accepted queries has to wait"),
        "{said}"
    );
    assert!(said.contains("full"), "the reason is missing: {said}");
    let (status, told) =
        wait_for("the trouble to be told", || readiness(&daemon).filter(|(status, _)| *status == 503));
    assert!(
        status == 503 && told.contains("journal of accepted queries has to wait") && told.contains("full"),
        "{told}"
    );
    let health = daemon.command(&["health"]);
    assert!(!health.status.success());
    assert!(String::from_utf8_lossy(&health.stderr).contains("full"), "{health:?}");

    // Nor does it help to lose the broker meanwhile.
    let (broker, _) = daemon.containers().into_iter().find(|(_, role)| role == "broker").unwrap();
    kill(broker, "-KILL");
    wait_for("another broker", || {
        daemon.containers().into_iter().find(|(pid, role)| role == "broker" && *pid != broker)
    });
    disk.make_room();
    for number in accepted.into_iter().chain([number]) {
        let answer = daemon.query(&format!("{page}#full-{number}"));
        assert_eq!(answer["results"][0]["tweet_id"], expect, "{number}: {answer:#}");
    }
    wait_until_well(&daemon);
    let verify = daemon.command(&["db", "verify"]);
    assert!(verify.status.success(), "{verify:?}");
}

#[test]
fn a_disk_that_is_full_at_the_start_is_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let Some(disk) = SmallDisk::mount(&folder.path().join("data")) else { return };
    let world = World::start(Options::default()).unwrap();
    let address = SocketAddr::from(([127, 0, 0, 1], free_port()));
    let page = world.known()[0].url().unwrap().to_owned();
    let config = write_config(folder.path(), &world, address, &Setup::default());
    disk.fill();
    let mut daemon = Daemon { root: Daemon::spawn(&config), world, folder, address };
    let told = |daemon: &Daemon| {
        let (_, told) =
            wait_for("the trouble to be told", || readiness(daemon).filter(|(status, _)| *status == 503));
        assert!(told.contains("has to wait") && told.to_lowercase().contains("full"), "{told}");
        broker_of(daemon)
    };
    let broker = told(&daemon);
    disk.make_room();
    daemon.wait_until_ready();
    assert_eq!(broker_of(&daemon), broker, "it was the same process that waited");
    assert_found(&daemon.query(&page));

    // The same with the files of an earlier run.
    daemon.signal("-TERM");
    daemon.root.wait().unwrap();
    disk.fill();
    daemon.root = Daemon::spawn(&config);
    told(&daemon);
    disk.make_room();
    daemon.wait_until_ready();
    assert_found(&daemon.query(&page));
    wait_until_well(&daemon);
}

fn broker_of(daemon: &Daemon) -> u32 {
    daemon.containers().into_iter().find(|(_, role)| role == "broker").unwrap().0
}

/// A MariaDB of this test alone, which it may stop.
struct MariaDb {
    folder: tempfile::TempDir,
    port: u16,
    process: Option<Child>,
}

impl MariaDb {
    /// Not started yet. `None`, and said loudly, where there is none.
    fn new() -> Option<MariaDb> {
        let folder = tempfile::tempdir().unwrap();
        let made = Command::new("mariadb-install-db")
            .args([
                "--no-defaults",
                "--auth-root-authentication-method=normal",
                "--skip-test-db",
                "--user=root",
            ])
            .arg(format!("--datadir={}", folder.path().join("db").display()))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        if !made.is_ok_and(|status| status.success()) {
            skipped("no MariaDB can be set up here (mariadb-install-db)");
            return None;
        }
        Some(MariaDb { folder, port: free_port(), process: None })
    }

    /// Starts it and waits until it answers.
    fn start(&mut self) {
        let file = |name: &str| self.folder.path().join(name).display().to_string();
        let process = Command::new("mariadbd")
            .args([
                "--no-defaults",
                "--bind-address=127.0.0.1",
                "--user=root",
                "--innodb-buffer-pool-size=32M",
            ])
            .arg(format!("--port={}", self.port))
            .arg(format!("--datadir={}", file("db")))
            .arg(format!("--socket={}", file("socket")))
            .arg(format!("--pid-file={}", file("pid")))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        self.process = Some(process);
        let url = format!("mysql://root@127.0.0.1:{}/mysql", self.port);
        wait_for("the database server", || {
            crate::databases::Server::MySql.run(&url, "CREATE DATABASE IF NOT EXISTS faults").ok()
        });
    }

    /// As a crash of its machine does.
    fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().unwrap();
            process.wait().unwrap();
        }
    }
}

impl Drop for MariaDb {
    fn drop(&mut self) {
        if let Some(process) = &mut self.process {
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

#[test]
fn a_database_server_that_is_away_is_waited_for() {
    let Some(mut server) = MariaDb::new() else { return };
    let folder = tempfile::tempdir().unwrap();
    let world = World::start(Options::default()).unwrap();
    let address = SocketAddr::from(([127, 0, 0, 1], free_port()));
    let extra = format!("{WHOLE}\n[database]\nurl = \"mysql://root@127.0.0.1:{}/faults\"\n", server.port);
    let setup = Setup { extra: extra.leak(), ..Setup::default() };
    let root = Daemon::spawn(&write_config(folder.path(), &world, address, &setup));
    let mut daemon = Daemon { root, world, folder, address };
    let page = daemon.world.known()[0].url().unwrap().to_owned();

    // It is not there yet.
    let (_, told) = wait_for("the reason to be told", || {
        readiness(&daemon).filter(|(status, body)| *status == 503 && body.contains("database has to wait"))
    });
    assert!(told.contains("problems"), "{told}");
    let (status, body) = daemon.http("GET", &format!("/query?url={}", encode(&page)), &[], b"").unwrap();
    let said = String::from_utf8_lossy(&body);
    assert!(status == 503 && said.contains("database has to wait"), "{status} {said}");
    server.start();
    daemon.wait_until_ready();

    // It dies in the middle of a scan.
    daemon.world.set_latency(Duration::from_millis(200));
    daemon.begin(&page);
    wait_for("the scan to be under way", || {
        (daemon.get("/stats")["pending_tweets_count"].as_u64() > Some(0)).then_some(())
    });
    server.kill();
    let (_, told) =
        wait_for("the trouble to be told", || readiness(&daemon).filter(|(status, _)| *status == 503));
    assert!(told.contains("database has to wait"), "{told}");
    assert!(!daemon.command(&["health"]).status.success());
    server.start();
    daemon.world.set_latency(Duration::ZERO);
    assert_found(&daemon.query(&page));
    wait_until_well(&daemon);
    let verify = daemon.command(&["db", "verify"]);
    assert!(verify.status.success(), "{verify:?}");
}

/// How a host answers.
#[derive(Clone, Copy, Debug)]
pub enum Mode {
    /// As the world does.
    Well,
    /// With this status, at once.
    Status(u16),
    /// Never, though it accepts connections.
    Silent,
    /// With the beginning of an answer, then nothing.
    Half,
}

/// A host of the world that misbehaves as it is told.
pub struct Host {
    address: SocketAddr,
    mode: Arc<Mutex<Mode>>,
    asked: Arc<AtomicUsize>,
    over: Arc<AtomicBool>,
}

impl Host {
    pub fn start(world: &World, mode: Mode) -> Host {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let host = Host {
            address: listener.local_addr().unwrap(),
            mode: Arc::new(Mutex::new(mode)),
            asked: Arc::default(),
            over: Arc::default(),
        };
        let upstream = world.base_url().trim_start_matches("http://").to_owned();
        let (mode, asked, over) = (Arc::clone(&host.mode), Arc::clone(&host.asked), Arc::clone(&host.over));
        std::thread::spawn(move || {
            // Connections that are left open, until the host is gone.
            let held = Arc::new(Mutex::new(Vec::new()));
            for stream in listener.incoming() {
                if over.load(Ordering::SeqCst) {
                    return;
                }
                let (mode, asked, held) = (Arc::clone(&mode), Arc::clone(&asked), Arc::clone(&held));
                let upstream = upstream.clone();
                std::thread::spawn(move || {
                    let mut stream = stream.unwrap();
                    let Some(head) = read_head(&mut stream) else { return };
                    let mode = *mode.lock().unwrap();
                    asked.fetch_add(1, Ordering::SeqCst);
                    // A client that has left misses nothing.
                    let _ = match mode {
                        Mode::Well => relay(&head, &upstream, &mut stream),
                        Mode::Status(status) => write!(
                            stream,
                            "HTTP/1.1 {status} Trouble\r\ncontent-length: 2\r\nconnection: close\r\n\r\nno"
                        ),
                        Mode::Silent => {
                            held.lock().unwrap().push(stream);
                            Ok(())
                        }
                        Mode::Half => {
                            let begun = write!(
                                stream,
                                "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 5000\r\n\r\n<html>"
                            );
                            held.lock().unwrap().push(stream);
                            begun
                        }
                    };
                });
            }
        });
        host
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    fn set(&self, mode: Mode) {
        *self.mode.lock().unwrap() = mode;
    }

    /// Requests that have arrived.
    pub fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        self.over.store(true, Ordering::SeqCst);
        drop(TcpStream::connect(self.address));
    }
}

/// A request without a body, up to its empty line.
pub fn read_head(stream: &mut TcpStream) -> Option<Vec<u8>> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        if stream.read(&mut byte).ok()? == 0 {
            return None;
        }
        head.push(byte[0]);
    }
    Some(head)
}

/// One request and its answer; then the connection is closed, so that the next request sees the mode of its
/// time.
fn relay(head: &[u8], upstream: &str, client: &mut TcpStream) -> std::io::Result<()> {
    let mut server = TcpStream::connect(upstream)?;
    server.write_all(&head[..head.len() - 2])?;
    server.write_all(b"connection: close\r\n\r\n")?;
    std::io::copy(&mut server, client).map(drop)
}

#[test]
fn hosts_that_do_not_answer_hold_up_nobody_else() {
    const SILENT: &str = "www.artstation.com";
    const HALF: &str = "danbooru.donmai.us";
    let world = World::start(Options::default()).unwrap();
    let silent = Host::start(&world, Mode::Silent);
    let half = Host::start(&world, Mode::Half);
    let page = |host| pages(&world, host).first().unwrap_or_else(|| panic!("no page of {host}")).clone();
    let waiting = [page(SILENT), page(HALF)];
    let well = page("www.deviantart.com");
    let setup = Setup {
        // Longer than the world takes to draw a picture.
        fetch: "timeout_secs = 5",
        upstreams: vec![
            (SILENT, silent.url()),
            (HALF, half.url()),
            // A name that no name service knows.
            ("www.pixiv.net", "http://no-such-host.invalid:80".to_owned()),
        ],
        ..Setup::default()
    };
    let unnamed = page("www.pixiv.net");
    let daemon = Daemon::start_in(tempfile::tempdir().unwrap(), world, &setup);
    for url in waiting.iter().chain([&unnamed]) {
        daemon.begin(url);
    }
    // What cannot be resolved fails at once: these are the first to be put off five times.
    daemon.begin(&format!("{unnamed}#again"));
    daemon.begin(&format!("{unnamed}#and-again"));
    wait_for("both to be asked", || (silent.asked() > 0 && half.asked() > 0).then_some(()));
    assert_found(&daemon.query(&well));
    // Each is given up after its time, and asked again.
    wait_for("both to be asked again", || (silent.asked() > 1 && half.asked() > 1).then_some(()));
    let (status, told) = wait_within(SLOW, "the reason to be told", || {
        readiness(&daemon).filter(|(_, body)| body.contains("put off") && body.contains("link_finder"))
    });
    // Others can be searched for: queries are still accepted.
    assert_eq!(status, 200, "{told}");
    silent.set(Mode::Well);
    half.set(Mode::Well);
    for url in &waiting {
        assert_found(&daemon.query(url));
    }
    let state = daemon.get(&format!("/query?url={}", encode(&unnamed)));
    // It is tried for three minutes.
    let over = state["status"] == "END";
    assert!(!over || state["error"] == "PROCESSING_ERROR", "{state:#}");
}

#[test]
fn an_api_that_answers_500_is_waited_for_and_told() {
    let world = World::start(Options::default()).unwrap();
    let api = Host::start(&world, Mode::Status(500));
    let urls: Vec<String> = pages(&world, "").into_iter().take(4).collect();
    let upstreams = vec![("api.x.com", api.url()), ("api.twitter.com", api.url())];
    let setup = Setup { upstreams, ..Setup::default() };
    let daemon = Daemon::start_in(tempfile::tempdir().unwrap(), world, &setup);
    for url in &urls {
        daemon.begin(url);
    }
    let (status, told) = wait_within(SLOW, "the reason to be told", || {
        readiness(&daemon).filter(|(_, body)| body.contains("put off") && body.contains("500"))
    });
    assert_eq!(status, 200, "queries are still accepted: {told}");
    let health = daemon.command(&["health"]);
    assert!(String::from_utf8_lossy(&health.stderr).contains("put off"), "{health:?}");
    api.set(Mode::Well);
    for url in &urls {
        assert_found(&daemon.query(url));
    }
    wait_until_well(&daemon);
}

#[test]
fn what_kills_three_workers_fails_alone() {
    const HOST: &str = "www.artstation.com";
    let world = World::start(Options::default()).unwrap();
    // Who works on the poison waits for this host, and is killed then.
    let host = Host::start(&world, Mode::Silent);
    let setup = Setup { upstreams: vec![(HOST, host.url())], ..Setup::default() };
    let poison = pages(&world, HOST)[0].clone();
    let well = pages(&world, "www.deviantart.com")[0].clone();
    let daemon = Daemon::start_in(tempfile::tempdir().unwrap(), world, &setup);
    // More deaths than a role may die without work.
    for number in 0..4 {
        let poison = format!("{poison}?{number}");
        daemon.begin(&poison);
        for death in 1..=3 {
            let asked = number * 3 + death;
            wait_for(&format!("worker {asked} to begin"), || (host.asked() >= asked).then_some(()));
            let (victim, _) =
                daemon.containers().into_iter().find(|(_, role)| role == "link-finder").unwrap();
            kill(victim, "-KILL");
            wait_for("its successor", || {
                daemon.containers().into_iter().find(|(pid, role)| role == "link-finder" && *pid != victim)
            });
        }
        let answer = daemon.query(&poison);
        assert_eq!(answer["error"], "PROCESSING_ERROR", "{answer:#}");
        assert_eq!(host.asked(), number * 3 + 3, "nobody else was given it");
    }
    assert_found(&daemon.query(&well));
}

/// The whole daemon is killed between the second death and the third.
#[test]
fn what_kills_is_remembered_by_the_next_daemon() {
    const HOST: &str = "www.artstation.com";
    let world = World::start(Options::default()).unwrap();
    let host = Host::start(&world, Mode::Silent);
    let setup = Setup { upstreams: vec![(HOST, host.url())], ..Setup::default() };
    let poison = pages(&world, HOST)[0].clone();
    let mut daemon = Daemon::start_in(tempfile::tempdir().unwrap(), world, &setup);
    daemon.begin(&poison);
    for death in 1..=2 {
        wait_for(&format!("worker {death} to begin"), || (host.asked() >= death).then_some(()));
        let (victim, _) = daemon.containers().into_iter().find(|(_, role)| role == "link-finder").unwrap();
        kill(victim, "-KILL");
        // It has been charged with the death when it is given to another.
        wait_for("another to begin", || (host.asked() > death).then_some(()));
    }
    daemon.root.kill().unwrap();
    daemon.root.wait().unwrap();
    daemon.root = Daemon::spawn(&daemon.config());
    daemon.wait_until_ready();
    wait_for("the last to begin", || (host.asked() >= 4).then_some(()));
    let (victim, _) = daemon.containers().into_iter().find(|(_, role)| role == "link-finder").unwrap();
    kill(victim, "-KILL");
    let answer = daemon.query(&poison);
    assert_eq!(answer["error"], "PROCESSING_ERROR", "{answer:#}");
    assert_eq!(host.asked(), 4, "nobody else was given it");
}
