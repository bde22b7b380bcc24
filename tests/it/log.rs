//! What the daemon writes to the standard error: for a person, for the journal of systemd, for programs; and
//! which requests it tells of.

use std::fs::{self, File, OpenOptions};
use std::net::SocketAddr;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use aotf::demo::world::{Options, World};
use serde_json::Value;

use crate::daemon::{Daemon, Setup, binary, free_port, kill, wait_for, write_config};

/// A daemon whose standard error is a file, which stands for the journal's stream where it is `named` so.
struct Logged {
    daemon: Daemon,
    log: PathBuf,
}

impl Logged {
    fn start(setup: &Setup, is_journal: bool, variables: &[(&str, &str)]) -> Logged {
        let folder = tempfile::tempdir().unwrap();
        let world = World::start(Options::default()).unwrap();
        let address = SocketAddr::from(([127, 0, 0, 1], free_port()));
        let config = write_config(folder.path(), &world, address, setup);
        let log = folder.path().join("stderr");
        let mut command = binary();
        command.args(["serve", "--no-console", "--die-with-parent", "--config"]).arg(&config);
        command.env("AOTF_LOG__LEVEL", "info").envs(variables.iter().copied());
        write_to(&mut command, &log, is_journal);
        let root = command.stdout(Stdio::null()).spawn().unwrap();
        let mut daemon = Daemon { root, world, folder, address };
        daemon.wait_until_ready();
        Logged { daemon, log }
    }

    fn lines(&self) -> Vec<String> {
        // The last line may be half written.
        let text = fs::read_to_string(&self.log).unwrap();
        text.rsplit_once('\n').map_or("", |(whole, _)| whole).lines().map(str::to_owned).collect()
    }

    /// Waits for a line with all of these parts.
    #[track_caller]
    fn line_with(&self, parts: &[&str]) -> String {
        wait_for(&format!("a line with {parts:?}"), || {
            self.lines().into_iter().find(|line| parts.iter().all(|part| line.contains(part)))
        })
    }
}

/// Sends the standard error to the end of a file. As systemd does, the variable names it by device and inode;
/// where the file is not the journal, another one.
fn write_to(command: &mut Command, path: &Path, is_journal: bool) {
    let file: File = OpenOptions::new().create(true).append(true).open(path).unwrap();
    let about = file.metadata().unwrap();
    let inode = if is_journal { about.ino() } else { about.ino() + 1 };
    command.env("JOURNAL_STREAM", format!("{}:{inode}", about.dev())).stderr(file);
}

fn has_time(line: &str) -> bool {
    let is_date = |text: &str| text.len() == 10 && text.bytes().all(|b| b.is_ascii_digit() || b == b'-');
    line.split(|c: char| !(c.is_ascii_digit() || c == '-')).any(is_date)
}

#[test]
fn the_journal_gets_priorities_and_no_second_time() {
    let logged = Logged::start(&Setup::default(), true, &[]);
    let (victim, _) = logged.daemon.containers().into_iter().find(|(_, role)| role == "indexing").unwrap();
    kill(victim, "-KILL");
    let died = logged.line_with(&["container died"]);
    assert!(died.starts_with("<4>root["), "{died}");
    let again = logged.line_with(&["listens"]);
    assert!(again.starts_with("<6>front["), "every process knows where it writes: {again}");
    for line in logged.lines() {
        assert!(line.starts_with('<') && line.as_bytes().get(2) == Some(&b'>'), "{line}");
        assert!(!has_time(&line), "{line}");
    }
}

/// The variable is inherited by everything that a service starts, wherever that sends its output.
#[test]
fn elsewhere_lines_have_a_time_and_no_priority() {
    let logged = Logged::start(&Setup::default(), false, &[]);
    let line = logged.line_with(&["all containers are ready"]);
    assert!(line.starts_with("20") && has_time(&line), "{line}");
}

#[test]
fn objects_stay_objects_in_the_journal() {
    let logged = Logged::start(&Setup::default(), true, &[("AOTF_LOG__FORMAT", "json")]);
    logged.line_with(&["all containers are ready"]);
    for line in logged.lines() {
        let object: Value =
            serde_json::from_str(&line[3..]).unwrap_or_else(|error| panic!("{error}: {line}"));
        let priority = match object["level"].as_str().unwrap() {
            "ERROR" => "<3>",
            "WARN" => "<4>",
            _ => "<6>",
        };
        assert!(line.starts_with(priority), "{line}");
        assert!(object["timestamp"].is_string() && object["role"].is_string(), "{line}");
    }
}

/// What stops the daemon before it has a log is an error there too, on every line.
#[test]
fn a_wrong_configuration_is_an_error_on_every_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("parameters.toml");
    fs::write(&path, "data_dir = 1\n[http]\nbnid = 2\n").unwrap();
    for is_journal in [true, false] {
        let log = folder.path().join(format!("stderr-{is_journal}"));
        let mut command = binary();
        write_to(&mut command, &log, is_journal);
        let status = command.args(["serve", "--no-console", "--config"]).arg(&path).status().unwrap();
        assert_eq!(status.code(), Some(78));
        let text = fs::read_to_string(log).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        let start = if is_journal { "<3>" } else { "" };
        assert_eq!(lines.len(), 3, "{text}");
        assert!(lines[0].starts_with(&format!("{start}aotf: 2 problems")), "{text}");
        assert!(lines[1].starts_with(&format!("{start}  line 1: data_dir")), "{text}");
        assert!(lines[2].starts_with(&format!("{start}  line 3: http.bnid")), "{text}");
    }
}

/// The digest is of `open-sesame-key`.
const REQUESTS: Setup = Setup {
    extra: "[[api_keys]]\nname = \"bot\"\n\
        sha256 = \"e890dca2136e7fa067fac117c66851736c78d170486a58ec5f920a1ce2814ef0\"\n",
    top: "",
    http: "trusted_proxies = [\"127.0.0.1\"]",
    links: "",
    fetch: "",
    own_temporary: false,
    keyless: false,
    upstreams: Vec::new(),
};

#[test]
fn requests_are_logged_for_whom_limits_count_them_and_without_secrets() {
    let logged =
        Logged::start(&REQUESTS, true, &[("AOTF_LOG__LEVEL", "warn"), ("AOTF_LOG__REQUESTS", "true")]);
    let ask =
        |target: &str, headers: &[(&str, &str)]| logged.daemon.http("GET", target, headers, b"").unwrap().0;
    let v4 = ("x-forwarded-for", "192.0.2.7");
    let v6 = ("x-forwarded-for", "2001:db8:1:2:3::4");
    ask("/query?url=https://a.example/?token=sesame&key=sesame", &[v4]);
    let line = logged.line_with(&["path=\"/query\""]);
    assert!(line.starts_with("<6>front["), "{line}");
    for part in ["aotf::requests", "method=\"GET\"", "status=200", " ms=", "client=192.0.2.7"] {
        assert!(line.contains(part), "{part}: {line}");
    }
    assert_eq!(ask("/stats", &[v6, ("x-api-key", "sesame")]), 401);
    logged.line_with(&["path=\"/stats\"", "status=401", "client=2001:db8:1:2::/64"]);
    assert_eq!(ask("/stats?key=sesame", &[v4, ("authorization", "Bearer open-sesame-key")]), 200);
    logged.line_with(&["path=\"/stats\"", "status=200", "client=192.0.2.7", "key=\"bot\""]);
    assert_eq!(ask("/query%3Fkey=sesame", &[("x-forwarded-for", "junk")]), 404);
    logged.line_with(&["path=\"/query...\"", "status=404", "client=unknown"]);
    assert_eq!(ask("/metrics?key=sesame", &[v4]), 403);
    logged.line_with(&["path=\"/metrics\"", "status=403", "client=192.0.2.7"]);
    let text = logged.lines().join("\n");
    for secret in ["sesame", "a.example", "open-"] {
        assert!(!text.contains(secret), "{text}");
    }
    assert!(!text.contains("container ready"), "everything else keeps its level: {text}");
}

#[test]
fn requests_are_not_logged_unless_it_is_wanted() {
    let logged = Logged::start(&Setup::default(), false, &[]);
    assert_eq!(logged.daemon.http("GET", "/stats", &[], b"").unwrap().0, 200);
    logged.line_with(&["all containers are ready"]);
    assert!(logged.lines().iter().all(|line| !line.contains("aotf::requests")), "{:?}", logged.lines());
    let logged = Logged::start(&Setup::default(), false, &[("AOTF_LOG__LEVEL", "debug")]);
    assert_eq!(logged.daemon.http("GET", "/stats", &[], b"").unwrap().0, 200);
    let line = logged.line_with(&["aotf::requests", "path=\"/stats\""]);
    assert!(line.contains("DEBUG"), "{line}");
}

/// Whoever starts the daemon with open rights (as many service managers do) still keeps what it makes to
/// himself.
#[test]
fn the_data_folder_and_all_in_it_are_private() {
    let folder = tempfile::tempdir().unwrap();
    let world = World::start(Options::default()).unwrap();
    let address = SocketAddr::from(([127, 0, 0, 1], free_port()));
    let config = write_config(folder.path(), &world, address, &Setup::default());
    let mut command = Command::new("sh");
    let script = "umask 000; exec \"$@\"";
    command.args([
        "-c",
        script,
        "sh",
        env!("CARGO_BIN_EXE_aotf"),
        "serve",
        "--no-console",
        "--die-with-parent",
    ]);
    let root = command.arg("--config").arg(config).stdin(Stdio::null()).spawn().unwrap();
    let mut daemon = Daemon { root, world, folder, address };
    daemon.wait_until_ready();
    let url = daemon.world.known()[0].url().unwrap().to_owned();
    daemon.begin(&url);
    assert!(daemon.command(&["stacks"]).status.success());
    let mut folders = vec![daemon.folder.path().join("data")];
    let mut seen = 0;
    while let Some(path) = folders.pop() {
        // What is temporary may go meanwhile.
        let Ok(about) = fs::symlink_metadata(&path) else { continue };
        assert_eq!(about.permissions().mode() & 0o077, 0, "{}", path.display());
        seen += 1;
        if about.is_dir() {
            folders.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        }
    }
    assert!(seen > 8, "{seen} files");
}
