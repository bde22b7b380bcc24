//! X as it is: the program against X's own simulator, where it is installed (docs/adding-a-network.md). It
//! has gaps, and what is asserted here rests on them: its search matches the query as text and does not page;
//! timelines of users that it read from a file are empty; and it names nothing that it leaves out.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use aotf::demo::world::facts::MediaKind;
use aotf::demo::world::{Options, World};
use serde_json::{Value, json};

use crate::daemon::{Daemon, Setup, wait_for};

const ARTIST: &str = "7300000001";
/// Video, photo, and a photo that the simulator does not have.
const MIXED: &str = "1558553189766631429";
/// One photo, passed on from nobody.
const PLAIN: &str = "1558553189766631999";

struct Simulator {
    process: Child,
    base: String,
}

impl Simulator {
    fn start(home: &Path, state: &Value) -> Simulator {
        let from = |name: &str| {
            PathBuf::from(
                std::env::var_os(name).unwrap_or_else(|| panic!("{name}: docs/adding-a-network.md")),
            )
        };
        let (program, document) = (from("AOTF_TEST_X_SIMULATOR"), from("AOTF_TEST_X_OPENAPI"));
        std::fs::create_dir_all(home.join(".playground")).unwrap();
        std::fs::write(home.join(".playground/state.json"), state.to_string()).unwrap();
        let document = serde_json::from_slice(&std::fs::read(document).unwrap()).unwrap();
        let cache = home.join(".playground-openapi-cache.json");
        std::fs::write(cache, with_parameters(document).to_string()).unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let process = Command::new(program)
            .args(["start", "--host", "127.0.0.1", "--port", &port.to_string()])
            .env("HOME", home)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let simulator = Simulator { process, base: format!("http://127.0.0.1:{port}") };
        wait_for("the simulator", || std::net::TcpStream::connect(("127.0.0.1", port)).ok());
        simulator
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The document with its parameters in place: the simulator does not follow references to them.
fn with_parameters(mut document: Value) -> Value {
    let shared = document["components"]["parameters"].clone();
    let operations = document["paths"].as_object_mut().unwrap().values_mut();
    for operation in operations.flat_map(|path| path.as_object_mut().unwrap().values_mut()) {
        for parameter in operation["parameters"].as_array_mut().into_iter().flatten() {
            let name = parameter["$ref"].as_str().and_then(|place| place.rsplit('/').next());
            if let Some(name) = name.map(str::to_owned) {
                *parameter = shared[name].clone();
            }
        }
    }
    document
}

/// One artist with two posts, whose photos are those of the demo's world.
fn state(first: &str, second: &str) -> Value {
    // The search finds what holds the query's text.
    let text = format!("from:{ARTIST} has:images -is:retweet");
    let post = |id: &str, created: &str, keys: &[&str]| {
        json!({"id": id, "text": text, "author_id": ARTIST, "created_at": created, "public_metrics": {},
            "edit_history_tweet_ids": [id], "attachments": {"media_keys": keys}})
    };
    let media = |id: &str, key: &str, kind: &str, name: &str| {
        json!({"id": id, "media_key": key, "type": kind, "state": "succeeded", "created_at": "2022-08-13T20:36:51Z",
            "url": format!("https://pbs.twimg.com/media/{name}.jpg")})
    };
    json!({
        "users": {ARTIST: {"id": ARTIST, "name": "S", "username": "sim_artist", "created_at": "2020-01-01T00:00:00Z",
            "public_metrics": {"tweet_count": 2}}},
        "tweets": {
            MIXED: post(MIXED, "2022-08-13T20:36:51Z", &["7_1", "3_2", "3_9"]),
            PLAIN: post(PLAIN, "2022-08-13T20:36:51Z", &["3_3"]),
        },
        "media": {"1": media("1", "7_1", "video", first), "2": media("2", "3_2", "photo", first),
            "3": media("3", "3_3", "photo", second)},
        "exported_at": "2026-01-01T00:00:00Z",
    })
}

#[test]
#[ignore = "needs AOTF_TEST_X_SIMULATOR: docs/adding-a-network.md"]
fn an_account_on_the_simulator() {
    let world = World::start(Options::default()).unwrap();
    let photos = world.facts().media.iter().filter(|media| media.kind == MediaKind::Photo && !media.gone);
    let names: Vec<String> = photos.take(2).map(|media| media.name.clone()).collect();
    let home = tempfile::tempdir().unwrap();
    let simulator = Simulator::start(home.path(), &state(&names[0], &names[1]));
    let daemon = Daemon::start_in(
        tempfile::tempdir().unwrap(),
        world,
        &Setup {
            top: "networks = ['twitter']",
            upstreams: vec![("api.x.com", simulator.base.clone())],
            ..Setup::default()
        },
    );
    let scan = |name: &str| {
        let output = daemon.command(&["scan", name, "--wait"]);
        let told =
            String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        (output.status.code(), told)
    };
    let (code, told) = scan("sim_artist");
    assert_eq!(code, Some(0), "{told}");

    let database = rusqlite::Connection::open(daemon.folder.path().join("data/aotf.db")).unwrap();
    let mut rows = database
        .prepare(
            "SELECT p.native, p.image_count, i.position, i.name FROM posts p JOIN images i ON i.post = p.no
             WHERE i.fingerprint IS NOT NULL ORDER BY p.native",
        )
        .unwrap();
    let stored: Vec<(String, u8, u8, String)> = rows
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    let expect = [
        // It heeds `tweet.fields` alone, and says nothing when it is asked by the other name.
        (MIXED.to_owned(), 3, 2, format!("{}.jpg", names[0])),
        (PLAIN.to_owned(), 1, 1, format!("{}.jpg", names[1])),
    ];
    assert_eq!(stored, expect);
    // The photo that it does not have is to be looked up.
    let stats = daemon.command(&["db", "stats", "--json"]);
    let stats: Value = serde_json::from_slice(&stats.stdout).unwrap();
    assert_eq!(stats["wanted"], 1, "{stats:#}");
    // Users that it does not know are left out without a word.
    let (code, told) = scan("nobody_there");
    assert_eq!((code, told.contains("left out of X's answer")), (Some(3), true), "{told}");
    // Two posts, read several times, and one user; the other costs nothing.
    let stats = daemon.stats_when("the ledger", |stats| stats["spent_today_usd"] != 0.0);
    assert_eq!(stats["spent_today_usd"], 0.02, "{stats:#}");
    // And whether a key works is asked of it, too.
    let check = daemon.command(&["check"]);
    let told = String::from_utf8_lossy(&check.stdout).into_owned();
    assert!(!told.contains("refused"), "{told}");
}
