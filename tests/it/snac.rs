//! A server of the Fediverse that is not Mastodon's: the program against the real snac, where it is installed
//! (docs/adding-a-network.md). It speaks as much of Mastodon's API as apps need: no header `Link`, no
//! `max_id`, a count of posts that is always 0, its own name in `acct`, actors whose address does not say
//! that they are.

use std::ffi::OsString;
use std::io::Write;
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use aotf::demo::world::picture::ArtId;
use serde_json::Value;

use crate::daemon::{Daemon, Setup, free_port, wait_for};

const HOST: &str = "snac.test";

struct Snac {
    program: OsString,
    folder: tempfile::TempDir,
    port: u16,
    process: Option<Child>,
}

impl Snac {
    /// With the account `alice`.
    fn start() -> Snac {
        let program =
            std::env::var_os("AOTF_TEST_SNAC").expect("AOTF_TEST_SNAC names the executable of snac");
        let folder = tempfile::tempdir().unwrap();
        let mut snac = Snac { program, folder, port: free_port(), process: None };
        // Address, port, host name, prefix, mail address of its owner.
        snac.run("init", &[], &format!("127.0.0.1\n{}\n{HOST}\n\n\n", snac.port));
        snac.run("adduser", &["alice"], "");
        let data = snac.data();
        let server =
            Command::new(&snac.program).arg("httpd").arg(data).stderr(Stdio::null()).spawn().unwrap();
        snac.process = Some(server);
        wait_for("snac", || TcpStream::connect(("127.0.0.1", snac.port)).ok());
        snac
    }

    fn data(&self) -> std::path::PathBuf {
        self.folder.path().join("data")
    }

    fn run(&self, what: &str, arguments: &[&str], input: &str) {
        let mut command = Command::new(&self.program);
        command.arg(what).arg(self.data()).args(arguments);
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        assert!(child.wait().unwrap().success(), "snac {what}");
    }

    fn post(&self, text: &str, picture: Option<&Path>) {
        let mut arguments = vec!["alice", text];
        arguments.extend(picture.map(|path| path.to_str().unwrap()));
        self.run("note", &arguments, "");
    }

    fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
}

impl Drop for Snac {
    fn drop(&mut self) {
        if let Some(mut process) = self.process.take() {
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

#[test]
#[ignore = "needs AOTF_TEST_SNAC: docs/adding-a-network.md"]
fn an_account_on_a_server_that_is_not_mastodons() {
    let snac = Snac::start();
    let pictures = tempfile::tempdir().unwrap();
    let picture = |name: &str, art: ArtId| {
        let path = pictures.path().join(name);
        std::fs::write(&path, art.art().bytes).unwrap();
        path
    };
    let first = picture("first.jpg", ArtId::SwordInTheStone);
    let second = picture("second.jpg", ArtId::EileenVeryHappy);
    snac.post("one picture", Some(&first));
    // More than one page of any other server.
    for number in 0..45 {
        snac.post(&format!("no picture, {number}"), None);
    }
    let daemon = Daemon::start(Setup {
        top: "networks = ['mastodon']",
        upstreams: vec![(HOST, snac.url())],
        ..Setup::default()
    });
    let scan = |name: &str| daemon.scan(name);
    let found = |path: &Path| daemon.posts_with(path);
    let (code, told) = scan("alice@snac.test");
    assert_eq!(code, Some(0), "{told}");
    let posts = found(&first);
    assert!(matches!(&posts[..], [post] if post.starts_with("https://snac.test/alice/p/")), "{posts:?}");
    let known = daemon.command(&["account", "alice@snac.test", "--json"]);
    let known: Value = serde_json::from_slice(&known.stdout).unwrap();
    // It shows no more than its newest 256, and does not say how many there are.
    assert!(known.to_string().contains("latest 46"), "{known:#}");

    snac.post("one more", Some(&second));
    let output = daemon.command(&["scan", "alice@snac.test", "--whole", "--wait"]);
    assert!(output.status.success(), "{output:?}");
    assert_eq!(found(&second).len(), 1);
    let (code, told) = scan("nobody@snac.test");
    assert_eq!((code, told.contains("does not exist")), (Some(3), true), "{told}");
}
