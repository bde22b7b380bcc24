//! A bot for tests: the real process beside a real daemon, against a service that is played here.

use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ExitStatus, Stdio};

use crate::daemon::{Daemon, Setup, binary, encode, kill, wait_for};

/// A page whose artist is on three networks, and which is found.
pub const PAGE: &str = "https://danbooru.donmai.us/posts/7000001";

/// What the bots show to the daemon.
pub const KEY: &str = "the-key-of-the-bot";

/// The daemon knows the bots' key, and searches pictures for it alone.
pub fn daemon() -> Daemon {
    daemon_with("")
}

/// The same with these sections before all others.
pub fn daemon_with(top: &'static str) -> Daemon {
    Daemon::start(Setup {
        top,
        extra: "[limits]\nadvanced_ips = []\n[[api_keys]]\nname = \"bot\"\nadvanced = true\n\
            requests_per_second = 100\n\
            sha256 = \"51cef5367d8eb2fcf68b3756e70638dc082ff7775e3354deea058dd5647d4887\"\n",
        ..Setup::default()
    })
}

/// The credit as the API gives it.
pub fn credit(daemon: &Daemon, markup: &str, page: &str) -> String {
    let target = format!("/credit?markup={markup}&url={}", encode(page));
    wait_for("the credit", || {
        let (status, body) = daemon.http("GET", &target, &[], b"").unwrap();
        (status == 200).then(|| String::from_utf8(body).unwrap())
    })
}

/// The running process.
pub struct Bot {
    pub process: Child,
    log: PathBuf,
}

impl Bot {
    /// Writes a file with these lines below `[bots]`, and starts the bot with it.
    pub fn start(service: &str, folder: &Path, server: &str, key: Option<&str>, lines: &str) -> Bot {
        let (config, log) = (folder.join(format!("{service}.toml")), folder.join(format!("{service}.log")));
        let key = key.map(|key| format!("api_key = {key:?}\n")).unwrap_or_default();
        let text = format!(
            "data_dir = \"data\"\n[log]\nlevel = \"trace\"\n[bots]\nserver = {server:?}\n{key}{lines}\n"
        );
        fs::write(&config, text).unwrap();
        fs::set_permissions(&config, fs::Permissions::from_mode(0o600)).unwrap();
        let output = File::options().create(true).append(true).open(&log).unwrap();
        let process = binary()
            .args(["bot", service, "--config"])
            .arg(&config)
            .stdout(Stdio::null())
            .stderr(output)
            .spawn()
            .unwrap();
        Bot { process, log }
    }

    /// All that it has said.
    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
    }

    /// Tells it to stop, and waits for the end.
    pub fn stop(mut self) -> (ExitStatus, String) {
        kill(self.process.id(), "-TERM");
        let status = self.ended();
        (status, self.log())
    }

    pub fn ended(&mut self) -> ExitStatus {
        wait_for("the end of the bot", || self.process.try_wait().unwrap())
    }
}

impl Drop for Bot {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn without_a_token_there_is_no_bot() {
    let folder = tempfile::tempdir().unwrap();
    for (service, section) in [("telegram", "Telegram"), ("discord", "Discord")] {
        let mut bot = Bot::start(service, folder.path(), "http://127.0.0.1:1", None, "");
        assert_eq!(bot.ended().code(), Some(78));
        let told = bot.log();
        let expect = format!("there is no {section} bot: token or token_file is not set in [bots.{service}]");
        assert!(told.contains(&expect), "{told}");
    }
}
