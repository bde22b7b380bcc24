//! Servers that are not as usual: with TLS, with a certificate of somebody else, and away when the daemon
//! starts.

use std::fs;
use std::io;
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread;

use aotf::demo::world::{Options, World};

use crate::certificates::Certificates;
use crate::daemon::{Daemon, Setup, binary, free_port, wait_for, write_config};
use crate::databases::Server;
use crate::needs::skipped;

/// A server of a test's own, which takes nobody without TLS.
struct Private {
    process: Child,
    /// Without a question mark and what follows.
    url: String,
    _folder: tempfile::TempDir,
    keys: Certificates,
}

impl Drop for Private {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn succeeds(command: &mut Command) -> bool {
    command.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}

fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|own| std::os::unix::fs::MetadataExt::uid(&own) == 0)
}

impl Private {
    /// `None`, and said loudly, where its programs are not installed.
    fn start(server: Server) -> Option<Private> {
        let folder = tempfile::tempdir().unwrap();
        let keys = Certificates::make(folder.path())?;
        let port = free_port();
        let started = match server {
            Server::MySql => Private::mariadb(folder.path(), &keys, port),
            Server::Postgres => Private::postgres(folder.path(), &keys, port),
        };
        let Some((process, url)) = started else {
            skipped("no server for tests of TLS; install mariadb-server and postgresql");
            return None;
        };
        let server = Private { process, url, _folder: folder, keys };
        wait_for("the server", || TcpStream::connect(("127.0.0.1", port)).ok());
        wait_for("the server's answer", || server.stats("").status.success().then_some(()));
        Some(server)
    }

    fn mariadb(folder: &Path, keys: &Certificates, port: u16) -> Option<(Child, String)> {
        let data = folder.join("data");
        let user = if is_root() { "--user=root" } else { "--skip-name-resolve" };
        let made = succeeds(
            Command::new("mariadb-install-db")
                .args(["--no-defaults", "--auth-root-authentication-method=normal", "--skip-test-db", user])
                .arg(format!("--datadir={}", data.display())),
        );
        if !made {
            return None;
        }
        let boot = folder.join("boot.sql");
        fs::write(&boot, "CREATE DATABASE aotf;\n").unwrap();
        let process = Command::new("/usr/sbin/mariadbd")
            .args(["--no-defaults", "--bind-address=127.0.0.1", "--require-secure-transport=ON", user])
            .arg(format!("--datadir={}", data.display()))
            .arg(format!("--socket={}", folder.join("socket").display()))
            .arg(format!("--pid-file={}", folder.join("pid").display()))
            .arg(format!("--port={port}"))
            .arg(format!("--ssl-cert={}", keys.certificate.display()))
            .arg(format!("--ssl-key={}", keys.key.display()))
            .arg(format!("--init-file={}", boot.display()))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .ok()?;
        Some((process, format!("mysql://root@localhost:{port}/aotf")))
    }

    fn postgres(folder: &Path, keys: &Certificates, port: u16) -> Option<(Child, String)> {
        let versions = fs::read_dir("/usr/lib/postgresql").ok()?.flatten().map(|entry| entry.path());
        let programs: PathBuf = versions.max()?.join("bin");
        // It refuses to run as root.
        let command = |program: &str| {
            let program = programs.join(program);
            match is_root() {
                true => {
                    let mut command = Command::new("runuser");
                    command.args(["-u", "postgres", "--"]).arg(program);
                    command
                }
                false => Command::new(program),
            }
        };
        if is_root() && !succeeds(Command::new("chown").args(["-R", "postgres"]).arg(folder)) {
            return None;
        }
        let data = folder.join("data");
        let made = succeeds(
            command("initdb")
                .current_dir(folder)
                .args(["-A", "trust", "-U", "postgres", "-N", "-D"])
                .arg(&data),
        );
        if !made {
            return None;
        }
        fs::write(
            data.join("pg_hba.conf"),
            "hostssl all all 127.0.0.1/32 trust\nhostssl all all ::1/128 trust\n",
        )
        .unwrap();
        let process = command("postgres")
            .current_dir(folder)
            .arg("-D")
            .arg(&data)
            .args(["-p", &port.to_string(), "-c", "listen_addresses=127.0.0.1", "-c", "ssl=on"])
            .args(["-c", &format!("unix_socket_directories={}", folder.display())])
            .args(["-c", &format!("ssl_cert_file={}", keys.certificate.display())])
            .args(["-c", &format!("ssl_key_file={}", keys.key.display())])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .ok()?;
        Some((process, format!("postgres://postgres@localhost:{port}/postgres")))
    }

    fn stats(&self, parameters: &str) -> Output {
        let folder = tempfile::tempdir().unwrap();
        let config = folder.path().join("parameters.toml");
        let url = format!("{}{parameters}", self.url);
        fs::write(
            &config,
            format!("data_dir = {:?}\n[database]\nurl = {url:?}\n", folder.path().join("data")),
        )
        .unwrap();
        binary().args(["db", "stats", "--config"]).arg(&config).output().unwrap()
    }

    #[track_caller]
    fn check(&self, parameters: &str, refused: Option<&str>) {
        let output = self.stats(parameters);
        let told = String::from_utf8_lossy(&output.stderr).to_lowercase();
        assert_eq!(output.status.success(), refused.is_none(), "{parameters}: {told}");
        assert!(refused.is_none_or(|word| told.contains(word)), "{parameters}: {told}");
    }
}

#[test]
fn mysql_with_tls() {
    let Some(server) = Private::start(Server::MySql) else { return };
    let Certificates { authority, stranger, .. } = &server.keys;
    server.check("?ssl-mode=DISABLED", Some("denied"));
    server.check("?ssl-mode=REQUIRED", None);
    server.check(&format!("?ssl-mode=VERIFY_IDENTITY&ssl-ca={}", authority.display()), None);
    server.check(&format!("?ssl-mode=VERIFY_IDENTITY&ssl-ca={}", stranger.display()), Some("certificate"));
    server.check(&format!("?ssl-mode=VERIFY_CA&ssl-ca={}", stranger.display()), Some("certificate"));
}

#[test]
fn postgres_with_tls() {
    let Some(server) = Private::start(Server::Postgres) else { return };
    let Certificates { authority, stranger, .. } = &server.keys;
    server.check("?sslmode=disable", Some("no encryption"));
    server.check("?sslmode=require", None);
    server.check(&format!("?sslmode=verify-full&sslrootcert={}", authority.display()), None);
    server.check(&format!("?sslmode=verify-full&sslrootcert={}", stranger.display()), Some("certificate"));
    server.check(&format!("?sslmode=verify-ca&sslrootcert={}", stranger.display()), Some("certificate"));
}

/// Passes connections to `port` on to a server at `target`, until the test ends.
fn forward(port: u16, target: String) {
    let listener = TcpListener::bind(("127.0.0.1", port)).unwrap();
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let Ok(server) = TcpStream::connect(&target) else { continue };
            client.set_nodelay(true).and_then(|()| server.set_nodelay(true)).unwrap();
            for (from, to) in [(&client, &server), (&server, &client)] {
                let (mut from, mut to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
                thread::spawn(move || {
                    let _ = io::copy(&mut from, &mut to);
                    let _ = to.shutdown(Shutdown::Both);
                });
            }
        }
    });
}

/// A daemon whose database server is away says so and waits; when the server is there, it serves.
fn check_waiting(server: Server) {
    let Some(database) = server.database("waiting") else { return };
    let url = url::Url::parse(&database.url()).unwrap();
    let target = format!("{}:{}", url.host_str().unwrap(), url.port().unwrap());
    let mut away = url.clone();
    let port = free_port();
    away.set_host(Some("127.0.0.1")).unwrap();
    away.set_port(Some(port)).unwrap();

    let folder = tempfile::tempdir().unwrap();
    let world = World::start(Options::default()).unwrap();
    let address = std::net::SocketAddr::from(([127, 0, 0, 1], free_port()));
    let extra = format!("\n[database]\nurl = {:?}\n", away.as_str());
    let setup = Setup { extra: Box::leak(extra.into_boxed_str()), ..Setup::default() };
    let config = write_config(folder.path(), &world, address, &setup);
    let log = folder.path().join("log");
    let root = binary()
        .args(["serve", "--no-console", "--die-with-parent", "--config"])
        .arg(&config)
        .stdout(Stdio::null())
        .stderr(fs::File::create(&log).unwrap())
        .spawn()
        .unwrap();
    let mut daemon = Daemon { root, world, folder, address };
    wait_for("the word that the database is away", || {
        fs::read_to_string(&log).unwrap().contains("the database is not there yet").then_some(())
    });
    assert!(daemon.root.try_wait().unwrap().is_none(), "it waits");
    wait_for("readyz that says no", || {
        matches!(daemon.http("GET", "/readyz", &[], b""), Ok((503, _))).then_some(())
    });
    forward(port, target);
    daemon.wait_until_ready();
    let scanned = daemon.command(&["scan", "demo_hazel", "--wait"]);
    assert!(scanned.status.success(), "{scanned:?}");
    daemon.stats_when("the posts in the figures", |stats| stats["indexed_tweets_count"].as_u64() > Some(0));
}

#[test]
fn a_mysql_that_comes_later_is_waited_for() {
    check_waiting(Server::MySql);
}

#[test]
fn a_postgres_that_comes_later_is_waited_for() {
    check_waiting(Server::Postgres);
}
