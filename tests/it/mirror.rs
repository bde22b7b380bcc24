//! `aotf backup mirror` to a folder and to real servers: FTP with and without TLS, SFTP, WebDAV, S3.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use crate::certificates::Certificates;
use crate::daemon::{binary, wait_for};
use crate::needs::skipped;

/// A data folder with backups of random bytes.
struct Source {
    folder: tempfile::TempDir,
    config: PathBuf,
    /// Of the environment, for the program.
    variables: Vec<(&'static str, PathBuf)>,
}

impl Source {
    fn new() -> Source {
        let folder = tempfile::tempdir().unwrap();
        let config = folder.path().join("parameters.toml");
        fs::write(&config, format!("data_dir = {:?}\n", folder.path().join("data"))).unwrap();
        fs::create_dir_all(folder.path().join("data/backups")).unwrap();
        Source { folder, config, variables: Vec::new() }
    }

    fn backups(&self) -> PathBuf {
        self.folder.path().join("data/backups")
    }

    fn add(&self, backup: &str, files: &[(&str, usize)]) {
        let folder = self.backups().join(backup);
        fs::create_dir_all(&folder).unwrap();
        for (name, size) in files {
            let bytes: Vec<u8> = (0..*size).map(|n| u8::try_from(n * 31 % 251).unwrap()).collect();
            fs::write(folder.join(name), bytes).unwrap();
        }
    }

    fn command(&self, target: &str, more: &[&str]) -> Command {
        let mut command = binary();
        command.args(["backup", "mirror", target, "--config"]).arg(&self.config).args(more);
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    #[track_caller]
    fn mirror(&self, target: &str, more: &[&str]) -> String {
        let Output { status, stdout, stderr } = self.command(target, more).output().unwrap();
        let text = format!("{}{}", String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
        assert!(status.success(), "{text}");
        text
    }
}

/// All files below a folder, by path.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let Ok(entries) = fs::read_dir(folder) else { return found };
    for entry in entries {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() {
            found.extend(files(&path).into_iter().map(|(below, bytes)| (format!("{name}/{below}"), bytes)));
        } else {
            found.insert(name, fs::read(&path).unwrap());
        }
    }
    found
}

/// A server in Python, which ends with this.
struct Server {
    process: Child,
    port: String,
}

impl Server {
    /// `None`, and said loudly, where no Python has this module.
    fn start(module: &str, package: &str, script: &str, words: &[&std::ffi::OsStr]) -> Option<Server> {
        let python = std::env::var("AOTF_TEST_PYTHON").ok();
        let candidates = python.into_iter().chain(["python3".to_owned(), "/usr/bin/python3".to_owned()]);
        let has_module = |python: &String| {
            let import = format!("import {module}");
            let check = Command::new(python).args(["-c", &import]).stderr(Stdio::null()).status();
            check.is_ok_and(|status| status.success())
        };
        let Some(python) = candidates.into_iter().find(has_module) else {
            skipped(format!("no server for tests; install {package}, or set AOTF_TEST_PYTHON"));
            return None;
        };
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(script);
        let mut process = Command::new(python)
            .arg(script)
            .args(words)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut port = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut port).unwrap();
        Some(Server { process, port: port.trim().to_owned() })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

struct Ftp {
    _server: Server,
    folder: tempfile::TempDir,
    url: String,
}

impl Ftp {
    fn start(options: &[&str]) -> Option<Ftp> {
        let folder = tempfile::tempdir().unwrap();
        let mut words = vec![folder.path().as_os_str()];
        words.extend(options.iter().map(std::ffi::OsStr::new));
        let (module, package) = match options {
            [_, _, _certificate] => ("pyftpdlib, OpenSSL", "python3-pyftpdlib and python3-openssl"),
            _ => ("pyftpdlib", "python3-pyftpdlib"),
        };
        let server = Server::start(module, package, "ftp_server.py", &words)?;
        let url = format!("ftp://me:sesame@127.0.0.1:{}/", server.port);
        Some(Ftp { _server: server, folder, url })
    }
}

/// Starts a server that listens on this port; `None`, and said loudly, where it is not installed.
fn start_program(program: &str, package: &str, words: &[&str], port: u16) -> Option<Killed> {
    let started = Command::new(program).args(words).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    let Ok(process) = started else {
        skipped(format!("no {program} for tests; install {package}"));
        return None;
    };
    let server = Killed(process);
    wait_for(program, || std::net::TcpStream::connect(("127.0.0.1", port)).ok());
    Some(server)
}

struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Sends, sends nothing again, follows what is new and what is gone.
fn check_in_step(source: &Source, target: &str, folder: &Path) {
    source.add("aotf-2026-01-01T00-00-00Z", &[("manifest.json", 300), ("posts.zst", 400_000)]);
    source.add("aotf-2026-01-02T00-00-00Z", &[("manifest.json", 310), ("posts.zst", 20), ("images.zst", 9)]);
    source.add("aotf-2026-01-03T00-00-00Z.partial", &[("posts.zst", 5)]);
    let told = source.mirror(target, &[]);
    assert!(told.contains("5 files sent"), "{told}");
    assert!(!told.contains("sesame"), "{told}");
    let mut expect = files(&source.backups());
    expect.retain(|path, _| !path.contains(".partial"));
    assert!(files(folder) == expect, "{:?}", files(folder).keys());
    let told = source.mirror(target, &["--workers", "1"]);
    assert!(told.contains("0 files sent") && told.contains("0 removed"), "{told}");
    // Another's files stay.
    fs::write(folder.join("holiday.jpg"), "x").unwrap();
    fs::remove_dir_all(source.backups().join("aotf-2026-01-01T00-00-00Z")).unwrap();
    source.add("aotf-2026-01-04T00-00-00Z", &[("manifest.json", 5)]);
    let told = source.mirror(target, &[]);
    assert!(told.contains("1 file sent") && told.contains("2 removed"), "{told}");
    let mut expect = files(&source.backups());
    expect.retain(|path, _| !path.contains(".partial"));
    expect.insert("holiday.jpg".to_owned(), b"x".to_vec());
    assert!(files(folder) == expect, "{:?}", files(folder).keys());
}

#[test]
fn a_folder_is_kept_in_step() {
    let (source, target) = (Source::new(), tempfile::tempdir().unwrap());
    check_in_step(&source, target.path().to_str().unwrap(), target.path());
}

#[test]
fn an_ftp_server_is_kept_in_step() {
    let Some(ftp) = Ftp::start(&["0"]) else { return };
    check_in_step(&Source::new(), &ftp.url, ftp.folder.path());
}

#[test]
fn an_ftp_server_with_tls_is_kept_in_step_and_a_strangers_is_not() {
    let keys = tempfile::tempdir().unwrap();
    let Some(keys) = Certificates::make(keys.path()).zip(Some(keys)) else { return };
    let Some(ftp) = Ftp::start(&["0", "0", keys.0.both.to_str().unwrap()]) else { return };
    let url = ftp.url.replace("ftp://", "ftps://").replace("127.0.0.1", "localhost");
    let mut source = Source::new();
    source.variables = vec![("SSL_CERT_FILE", keys.0.stranger.clone())];
    source.add("aotf-2026-01-01T00-00-00Z", &[("manifest.json", 300)]);
    let refused = source.command(&url, &[]).output().unwrap();
    let told = String::from_utf8_lossy(&refused.stdout).into_owned();
    assert!(told.contains("certificate") && refused.status.code() == Some(3), "{refused:?}");
    source.variables = vec![("SSL_CERT_FILE", keys.0.authority.clone())];
    check_in_step(&source, &url, ftp.folder.path());
}

#[test]
fn an_ssh_server_is_kept_in_step() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    for key in ["host", "user"] {
        let made =
            Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f", &path(key)]).status();
        if !made.is_ok_and(|status| status.success()) {
            return skipped("no ssh-keygen for tests; install openssh-client");
        }
    }
    fs::rename(path("user.pub"), path("authorized")).unwrap();
    let port = crate::daemon::free_port();
    let config = format!(
        "Port {port}\nListenAddress 127.0.0.1\nHostKey {}\nAuthorizedKeysFile {}\nPidFile none\nStrictModes no\n\
         UsePAM no\nPasswordAuthentication no\nSubsystem sftp internal-sftp\n",
        path("host"),
        path("authorized")
    );
    fs::write(path("config"), config).unwrap();
    // Where root starts it, it gives up rights in this folder, which its start elsewhere makes.
    let _ = fs::create_dir_all("/run/sshd");
    let words = ["-D", "-e", "-f", &path("config")];
    let Some(_server) = start_program("/usr/sbin/sshd", "openssh-server", &words, port) else { return };
    // The same ssh, with a list of known hosts of its own.
    let bin = folder.path().join("bin");
    fs::create_dir(&bin).unwrap();
    let ssh = format!("#!/bin/sh\nexec /usr/bin/ssh -o UserKnownHostsFile={} \"$@\"\n", path("known"));
    fs::write(bin.join("ssh"), ssh).unwrap();
    fs::set_permissions(bin.join("ssh"), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let mut source = Source::new();
    let system = std::env::var_os("PATH").unwrap_or_default();
    let paths = std::iter::once(bin.clone()).chain(std::env::split_paths(&system));
    source.variables = vec![("PATH", std::env::join_paths(paths).unwrap().into())];
    let target = folder.path().join("target");
    fs::create_dir(&target).unwrap();
    let user = Command::new("id").arg("-un").output().unwrap().stdout;
    let (user, target_path) = (String::from_utf8(user).unwrap(), target.display());
    let url = format!(
        "sftp://{}@127.0.0.1:{port}{target_path}?key={}&known_hosts_strategy=add",
        user.trim(),
        path("user")
    );
    check_in_step(&source, &url, &target);
}

#[test]
fn a_webdav_server_is_kept_in_step() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let target = folder.path().join("target");
    fs::create_dir(&target).unwrap();
    fs::write(path("users"), "me:sesame\n").unwrap();
    let port = crate::daemon::free_port();
    let config = format!(
        "server.document-root = {:?}\nserver.port = {port}\nserver.bind = \"127.0.0.1\"\n\
         server.modules = (\"mod_auth\", \"mod_authn_file\", \"mod_webdav\")\nserver.upload-dirs = ({:?})\n\
         webdav.activate = \"enable\"\nwebdav.is-readonly = \"disable\"\nauth.backend = \"plain\"\n\
         auth.backend.plain.userfile = {:?}\n\
         auth.require = (\"/\" => (\"method\" => \"basic\", \"realm\" => \"x\", \"require\" => \"valid-user\"))\n",
        target.display().to_string(),
        folder.path().display().to_string(),
        path("users")
    );
    fs::write(path("config"), config).unwrap();
    let words = ["-D", "-f", &path("config")];
    let package = "lighttpd and lighttpd-mod-webdav";
    let Some(_server) = start_program("/usr/sbin/lighttpd", package, &words, port) else { return };
    let source = Source::new();
    check_in_step(&source, &format!("webdav://me:sesame@127.0.0.1:{port}/"), &target);
    // More than one chunk, to a service that takes a file in one piece only.
    source.add("aotf-2026-01-05T00-00-00Z", &[("manifest.json", 1), ("posts.zst", 20_000_000)]);
    source.mirror(&format!("webdav://me:sesame@127.0.0.1:{port}/"), &[]);
    let sent = files(&target)["aotf-2026-01-05T00-00-00Z/posts.zst"].len();
    assert_eq!(sent, 20_000_000);
}

#[test]
#[ignore = "needs moto[server] and boto3: AOTF_TEST_PYTHON names a Python that has them"]
fn a_bucket_is_kept_in_step() {
    let Some(server) = Server::start("moto.server, boto3", "moto[server] with pip", "s3_server.py", &[])
    else {
        return;
    };
    let source = Source::new();
    let port = &server.port;
    let target = format!("s3://ID:sesame@bucket/mirror?region=us-east-1&endpoint=http://127.0.0.1:{port}");
    source.add("aotf-2026-01-01T00-00-00Z", &[("manifest.json", 300), ("posts.zst", 9_000_000)]);
    let told = source.mirror(&target, &[]);
    assert!(told.contains("2 files sent") && !told.contains("sesame"), "{told}");
    let told = source.mirror(&target, &[]);
    assert!(told.contains("0 files sent") && told.contains("0 removed"), "{told}");
    source.add("aotf-2026-01-02T00-00-00Z", &[("manifest.json", 310)]);
    fs::remove_dir_all(source.backups().join("aotf-2026-01-01T00-00-00Z")).unwrap();
    let told = source.mirror(&target, &[]);
    assert!(told.contains("1 file sent") && told.contains("2 removed"), "{told}");
}

#[test]
fn logs_go_along_if_asked_and_are_sent_again_when_they_grow() {
    let (source, target) = (Source::new(), tempfile::tempdir().unwrap());
    let place = target.path().to_str().unwrap();
    source.add("aotf-2026-01-01T00-00-00Z", &[("manifest.json", 300)]);
    let logs = source.folder.path().join("data/logs");
    fs::create_dir_all(&logs).unwrap();
    fs::write(logs.join("results.jsonl"), "{}\n").unwrap();
    fs::write(source.folder.path().join("data/state.db"), "secret").unwrap();
    assert!(source.mirror(place, &[]).contains("1 file sent"));
    let told = source.mirror(place, &["--logs"]);
    assert!(told.contains("1 file sent") && told.contains("0 removed"), "{told}");
    assert!(source.mirror(place, &["--logs"]).contains("0 files sent"));
    fs::write(logs.join("results.jsonl"), "{}\n{}\n").unwrap();
    assert!(source.mirror(place, &["--logs"]).contains("1 file sent"));
    let there = files(target.path());
    assert_eq!(there["aotf-data/logs/results.jsonl"], b"{}\n{}\n");
    assert_eq!(there.len(), 2, "{:?}", there.keys());
    assert!(source.mirror(place, &[]).contains("0 removed"), "what is not asked for is not gone");
}

#[test]
fn stopped_in_the_middle_it_leaves_no_half_file_and_goes_on_later() {
    // 40 kB a second: the large file takes far longer than the test waits.
    let Some(ftp) = Ftp::start(&["0", "40000"]) else { return };
    let source = Source::new();
    let backup = "aotf-2026-01-01T00-00-00Z";
    source.add(backup, &[("manifest.json", 300), ("posts.zst", 4_000_000)]);
    let mut running = source.command(&ftp.url, &[]).spawn().unwrap();
    let half = wait_for("half a file", || {
        let found = files(ftp.folder.path());
        let large = found.values().map(Vec::len).filter(|len| *len > 20_000).count();
        (large > 0).then_some(found)
    });
    let begun = Instant::now();
    let stopped = Command::new("kill").args(["-TERM", &running.id().to_string()]).status().unwrap();
    assert!(stopped.success());
    let status = running.wait().unwrap();
    // Within a second on a machine that has nothing else to do.
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
    assert_eq!(status.code(), Some(3), "not all is in step");
    let large = format!("{backup}/posts.zst");
    assert!(!half.contains_key(&large) && !files(ftp.folder.path()).contains_key(&large));
    drop(running);

    // Elsewhere, without the brake: the rest is sent, and what was half is gone.
    let quick = Ftp::start(&["0"]).unwrap();
    let left = files(ftp.folder.path());
    for (path, bytes) in &left {
        let path = quick.folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
    source.mirror(&quick.url, &[]);
    assert!(
        files(quick.folder.path()) == files(&source.backups()),
        "{:?}",
        files(quick.folder.path()).keys()
    );
}

#[test]
fn a_watching_mirror_sends_what_is_new() {
    let (source, target) = (Source::new(), tempfile::tempdir().unwrap());
    source.add("aotf-2026-01-01T00-00-00Z", &[("manifest.json", 300)]);
    let mut running = source.command(target.path().to_str().unwrap(), &["--watch"]).spawn().unwrap();
    let in_step = || (files(target.path()) == files(&source.backups())).then_some(());
    wait_for("the first backup", in_step);
    source.add("aotf-2026-01-02T00-00-00Z", &[("manifest.json", 300)]);
    wait_for("the second backup", in_step);
    Command::new("kill").args(["-TERM", &running.id().to_string()]).status().unwrap();
    // 3 where it was about to compare once more.
    assert!(matches!(running.wait().unwrap().code(), Some(0 | 3)));
}

#[test]
fn a_target_that_does_not_answer_is_told_without_its_password() {
    let source = Source::new();
    source.add("aotf-2026-01-01T00-00-00Z", &[("manifest.json", 300)]);
    let port = crate::daemon::free_port();
    let output = source.command(&format!("ftp://me:sesame@127.0.0.1:{port}/"), &[]).output().unwrap();
    let told = format!("{output:?}");
    assert_eq!(output.status.code(), Some(3), "{told}");
    assert!(told.contains("cannot be reached") && !told.contains("sesame"), "{told}");
}
