//! A daemon for tests: the real binary with its real processes, against a world on loopback.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

use aotf::demo::world::{Options, World};
use serde_json::Value;

/// Nothing in a test waits longer. Generous: machines are shared.
pub const DEADLINE: Duration = Duration::from_secs(240);

pub struct Daemon {
    pub root: Child,
    pub world: World,
    pub folder: tempfile::TempDir,
    pub address: SocketAddr,
}

/// Accounts are scanned whole at once, also those that were never scanned.
pub const WHOLE: &str = "[scan]\nwindows_days = []\n";

/// How a test's daemon differs from others.
#[derive(Default)]
pub struct Setup {
    /// Appended to the configuration file.
    pub extra: &'static str,
    /// Placed before its first table.
    pub top: &'static str,
    /// Lines of the section `[http]`.
    pub http: &'static str,
    /// Lines of the section `[fetch]`.
    pub fetch: &'static str,
    /// Lines of the section `[links]`.
    pub links: &'static str,
    /// The daemon's temporary files are in `temporary`, beside the data, and nobody else's are.
    pub own_temporary: bool,
    /// No key for X: what a server is without settings.
    pub keyless: bool,
    /// Hosts that something else than the world answers for: host and base URL.
    pub upstreams: Vec<(&'static str, String)>,
}

pub fn binary() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_aotf"));
    command.env_remove("AOTF_CONFIG").stdin(Stdio::null());
    command
}

/// A port for a server that starts later, and may stop and start again. Each call gives another, below those
/// that the kernel gives to outgoing connections and to listeners without a wish (from 32768 on Linux, 49152
/// on macOS): no connection of another test can sit on it when its server comes.
pub fn free_port() -> u16 {
    const FIRST: u16 = 12_000;
    const LAST: u16 = 32_000;
    static NEXT: OnceLock<AtomicU16> = OnceLock::new();
    // Two test runs at once begin at different ports.
    let next = NEXT.get_or_init(|| AtomicU16::new((std::process::id() % 200) as u16 * 100));
    (FIRST..LAST)
        .map(|_| FIRST + next.fetch_add(1, Ordering::Relaxed) % (LAST - FIRST))
        .find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok())
        .expect("a free port")
}

/// Waits until `ready` gives a value.
#[track_caller]
pub fn wait_for<T>(what: &str, ready: impl FnMut() -> Option<T>) -> T {
    wait_within(DEADLINE, what, ready)
}

/// As [`wait_for`], for what takes its time.
#[track_caller]
pub fn wait_within<T>(limit: Duration, what: &str, mut ready: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + limit;
    loop {
        if let Some(value) = ready() {
            return value;
        }
        assert!(Instant::now() < deadline, "waited too long for {what}");
        std::thread::park_timeout(Duration::from_millis(10));
    }
}

/// Writes a configuration file for the world, as its owner alone may read it.
pub fn write_config(folder: &Path, world: &World, address: SocketAddr, setup: &Setup) -> PathBuf {
    let credentials = match setup.keyless {
        true => String::new(),
        false => format!("[[twitter.credentials]]\nbearer_token = \"{}\"\n", world.bearer_token()),
    };
    // Tests of cookies write their own.
    let cookies = match setup.extra.contains("[links.cookies]") {
        true => String::new(),
        false => {
            world.cookies().map(|(site, cookie)| format!("[links.cookies]\n{site} = \"{cookie}\"\n")).concat()
        }
    };
    let mut text = format!(
        "data_dir = {:?}\n{}\n[http]\nbind = \"{address}\"\n{}\n[log]\nlevel = \"warn\"\n\
         [fetch]\nmax_per_second_per_host = 1000\n{}\n\
         {credentials}[links]\ntumblr_api_key = \"{}\"\n{}\n{}[upstreams]\n",
        folder.join("data"),
        setup.top,
        setup.http,
        setup.fetch,
        world.tumblr_api_key(),
        setup.links,
        cookies,
    );
    let others = setup.upstreams.iter().map(|(host, base)| ((*host).to_owned(), base.clone()));
    for (host, base) in world.upstreams().into_iter().chain(others).collect::<BTreeMap<_, _>>() {
        text.push_str(&format!("{host:?} = {base:?}\n"));
    }
    text.push_str(setup.extra);
    let path = folder.join("parameters.toml");
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    path
}

impl Daemon {
    pub fn start(setup: Setup) -> Daemon {
        let folder = tempfile::tempdir().unwrap();
        let world = World::start(Options::default()).unwrap();
        Daemon::start_in(folder, world, &setup)
    }

    /// Starts on the data that an earlier daemon left in `folder`.
    pub fn start_in(folder: tempfile::TempDir, world: World, setup: &Setup) -> Daemon {
        let address = SocketAddr::from(([127, 0, 0, 1], free_port()));
        let config = write_config(folder.path(), &world, address, setup);
        let temporary = setup.own_temporary.then(|| folder.path().join("temporary"));
        let root = Daemon::command_for(&config)
            .envs(temporary.map(|temporary| ("TMPDIR", temporary)))
            .spawn()
            .unwrap();
        let mut daemon = Daemon { root, world, folder, address };
        daemon.wait_until_ready();
        daemon
    }

    pub fn spawn(config: &Path) -> Child {
        Daemon::command_for(config).spawn().unwrap()
    }

    fn command_for(config: &Path) -> Command {
        let mut command = binary();
        command
            .args(["serve", "--no-console", "--die-with-parent", "--config"])
            .arg(config)
            .stdout(Stdio::null());
        command
    }

    pub fn wait_until_ready(&mut self) {
        let deadline = Instant::now() + DEADLINE;
        loop {
            if let Some(status) = self.root.try_wait().unwrap() {
                panic!("the daemon ended at its start: {status}");
            }
            if matches!(self.http("GET", "/readyz", &[], b""), Ok((200, _))) {
                return;
            }
            assert!(Instant::now() < deadline, "the daemon does not get ready");
            std::thread::park_timeout(Duration::from_millis(10));
        }
    }

    /// What `/stats` says once it fits: it may tell the figures of some seconds ago.
    #[track_caller]
    pub fn stats_when(&self, what: &str, fits: impl Fn(&Value) -> bool) -> Value {
        wait_for(what, || Some(self.get("/stats")).filter(&fits))
    }

    pub fn config(&self) -> PathBuf {
        self.folder.path().join("parameters.toml")
    }

    /// One HTTP request: status and body.
    pub fn http(
        &self,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> std::io::Result<(u16, Vec<u8>)> {
        let mut stream = TcpStream::connect(self.address)?;
        stream.set_read_timeout(Some(DEADLINE))?;
        let mut request =
            format!("{method} {target} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n", self.address);
        for (name, value) in headers {
            request.push_str(&format!("{name}: {value}\r\n"));
        }
        request.push_str(&format!("content-length: {}\r\n\r\n", body.len()));
        stream.write_all(request.as_bytes())?;
        stream.write_all(body)?;
        read_response(stream)
    }

    /// `GET` of a JSON answer.
    #[track_caller]
    pub fn get(&self, target: &str) -> Value {
        let (status, body) = self.http("GET", target, &[], b"").unwrap();
        assert_eq!(status, 200, "{target}: {}", String::from_utf8_lossy(&body));
        serde_json::from_slice(&body).unwrap()
    }

    /// Starts a query, as soon as the limits admit it, and leaves it.
    #[track_caller]
    pub fn begin(&self, url: &str) {
        let target = format!("/query?url={}", encode(url));
        wait_for(&format!("the beginning of the query for {url}"), || {
            let (status, _) = self.http("GET", &target, &[], b"").unwrap();
            (status != 429).then_some(())
        });
    }

    /// Starts a query and follows it to its end.
    #[track_caller]
    pub fn query(&self, url: &str) -> Value {
        let target = format!("/query?url={}", encode(url));
        wait_for(&format!("the end of the query for {url}"), || {
            let (status, body) = self.http("GET", &target, &[], b"").ok()?;
            if status == 503 {
                return None; // the broker is being restarted
            }
            assert_eq!(status, 200, "{target}: {}", String::from_utf8_lossy(&body));
            let answer: Value = serde_json::from_slice(&body).unwrap();
            let over =
                answer["status"] == "END" || (answer["status"].is_null() && !answer["error"].is_null());
            over.then_some(answer)
        })
    }

    /// A one-shot command of the program against this daemon.
    pub fn command(&self, words: &[&str]) -> Output {
        let (name, rest) = words.split_first().unwrap();
        binary().arg(name).arg("--config").arg(self.config()).args(rest).output().unwrap()
    }

    /// Scans an account to the end: the command's status, and all that it said.
    pub fn scan(&self, name: &str) -> (Option<i32>, String) {
        let output = self.command(&["scan", name, "--wait"]);
        let said = [output.stdout, output.stderr].concat();
        (output.status.code(), String::from_utf8_lossy(&said).into_owned())
    }

    /// The ids of the posts that a search for this picture finds.
    #[track_caller]
    pub fn posts_with(&self, picture: &Path) -> Vec<String> {
        let output = self.command(&["search", picture.to_str().unwrap(), "--wait", "--json"]);
        let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(answer["error"], Value::Null, "{answer:#}");
        let posts = answer["posts"].as_array().unwrap();
        posts.iter().map(|post| post["id"].as_str().unwrap().to_owned()).collect()
    }

    /// Processes below the root: pid and role.
    pub fn containers(&self) -> Vec<(u32, String)> {
        containers_of(self.root.id())
    }

    pub fn signal(&self, signal: &str) {
        kill(self.root.id(), signal);
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.root.kill();
        let _ = self.root.wait();
    }
}

pub fn kill(pid: u32, signal: &str) {
    let status = Command::new("kill").args([signal, &pid.to_string()]).status().unwrap();
    assert!(status.success(), "kill {signal} {pid}");
}

/// The container processes whose parent is `root`.
pub fn containers_of(root: u32) -> Vec<(u32, String)> {
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else {
            continue;
        };
        let stat = fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
        let parent = stat.rsplit(')').next().and_then(|rest| rest.split_whitespace().nth(1));
        if parent != Some(root.to_string().as_str()) {
            continue;
        }
        let line = fs::read_to_string(entry.path().join("cmdline")).unwrap_or_default();
        let words: Vec<&str> = line.split('\0').collect();
        if let Some(at) = words.iter().position(|word| *word == "container") {
            found.push((pid, words[at + 1].to_owned()));
        }
    }
    found
}

/// True while a process of this number runs (a zombie does not).
pub fn runs(pid: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let state = stat.rsplit(')').next().and_then(|rest| rest.split_whitespace().next());
    state.is_some_and(|state| state != "Z" && state != "X")
}

pub fn read_response(stream: TcpStream) -> std::io::Result<(u16, Vec<u8>)> {
    let bad = || std::io::Error::other("not an HTTP response");
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let status = line.split(' ').nth(1).and_then(|status| status.parse().ok()).ok_or_else(bad)?;
    let mut length = None;
    loop {
        let mut header = String::new();
        if reader.read_line(&mut header)? == 0 {
            return Err(bad());
        }
        let header = header.trim().to_ascii_lowercase();
        if header.is_empty() {
            break;
        }
        if let Some(value) = header.strip_prefix("content-length:") {
            length = value.trim().parse::<usize>().ok();
        }
    }
    let mut body = Vec::new();
    match length {
        Some(length) => {
            body.resize(length, 0);
            reader.read_exact(&mut body)?;
        }
        None => {
            reader.read_to_end(&mut body)?;
        }
    }
    Ok((status, body))
}

/// Percent-encodes all but letters and digits.
pub fn encode(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => (byte as char).to_string(),
            other => format!("%{other:02X}"),
        })
        .collect()
}
