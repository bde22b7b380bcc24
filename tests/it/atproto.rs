//! Bluesky as it is: the program against the real servers, where they are installed
//! (docs/adding-a-network.md).

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use aotf::demo::world::picture::ArtId;
use serde_json::Value;

use crate::daemon::{Daemon, Setup};

/// The servers, and the accounts on them.
struct Bluesky {
    process: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    facts: Value,
}

impl Bluesky {
    fn start(pictures: &Path) -> Bluesky {
        let folder = std::env::var_os("AOTF_TEST_ATPROTO");
        let folder = folder.expect("AOTF_TEST_ATPROTO names a folder with @atproto/dev-env");
        let picture = |name: &str, art: ArtId| {
            let path = pictures.join(name);
            std::fs::write(&path, art.art().bytes).unwrap();
            path
        };
        let mut process = Command::new("node")
            .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/atproto.mjs"))
            .arg(folder)
            .arg(picture("first.jpg", ArtId::SwordInTheStone))
            .arg(picture("second.jpg", ArtId::EileenVeryHappy))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let input = process.stdin.take().unwrap();
        let output = BufReader::new(process.stdout.take().unwrap());
        let mut bluesky = Bluesky { process, input, output, facts: Value::Null };
        bluesky.facts = serde_json::from_str(&bluesky.line()).unwrap();
        bluesky
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        assert!(self.output.read_line(&mut line).unwrap() > 0, "the servers ended");
        line
    }

    /// Has something happen there.
    fn order(&mut self, what: &str) {
        writeln!(self.input, "{what}").unwrap();
        assert_eq!(self.line(), "ok\n", "{what}");
    }

    fn fact(&self, name: &str) -> &str {
        self.facts[name].as_str().unwrap()
    }
}

impl Drop for Bluesky {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
#[ignore = "needs AOTF_TEST_ATPROTO: docs/adding-a-network.md"]
fn an_account_on_the_real_servers() {
    let pictures = tempfile::tempdir().unwrap();
    let mut bluesky = Bluesky::start(pictures.path());
    let extra = "[bluesky]\napi_url = \"https://bsky.public.url\"\n";
    let upstreams =
        [("bsky.public.url", "appview"), ("plc.directory", "directory"), ("localhost", "accounts")]
            .map(|(host, name)| (host, bluesky.fact(name).to_owned()));
    let daemon = Daemon::start(Setup {
        top: "networks = ['bluesky']",
        extra,
        upstreams: upstreams.into(),
        ..Setup::default()
    });
    let scan = |name: &str| daemon.scan(name);
    let found = |picture: &str| daemon.posts_with(&pictures.path().join(picture));
    let (code, told) = scan("bluesky:alice.test");
    assert_eq!(code, Some(0), "{told}");
    assert_eq!(found("first.jpg"), [bluesky.fact("post")]);
    assert_eq!(found("second.jpg"), [""; 0], "what is reposted or quoted is somebody else's");

    bluesky.order("rename");
    bluesky.order("post");
    let (code, told) = scan("bluesky:alice-renamed.test");
    assert_eq!(code, Some(0), "{told}");
    assert_eq!(found("second.jpg").len(), 1);
    let known = daemon.command(&["account", bluesky.fact("alice"), "--json"]);
    let known: Value = serde_json::from_slice(&known.stdout).unwrap();
    assert!(
        known.to_string().contains("alice.test") && known.to_string().contains("alice-renamed"),
        "{known:#}"
    );

    bluesky.order("delete");
    assert_eq!(found("first.jpg"), [""; 0], "the post is gone");

    // What is imported with a date of before the network is dated by the network.
    bluesky.order("import");
    let output = daemon.command(&["scan", "bluesky:alice-renamed.test", "--whole", "--wait"]);
    assert!(output.status.success(), "{output:?}");
    let path = pictures.path().join("first.jpg");
    let output = daemon.command(&["search", path.to_str().unwrap(), "--wait", "--json"]);
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    let published = answer["posts"][0]["published"].as_str().unwrap();
    assert!(published > "2022-11", "{answer:#}");

    // Named in another way: asked again, a scan that has just ended is shown as it was.
    bluesky.order("hide");
    let (code, told) = scan(bluesky.fact("alice"));
    assert_eq!(
        (code, told.contains("asks to be shown to users of its network only")),
        (Some(3), true),
        "{told}"
    );
    bluesky.order("deactivate");
    let (code, told) = scan("bob.test");
    assert_eq!((code, told.contains("deactivated")), (Some(3), true), "{told}");
}
