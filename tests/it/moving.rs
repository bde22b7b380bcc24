//! Moving from the original: what was imported is found without a key for X, and what cannot be is
//! explained.

use std::fs;

use serde_json::{Value, json};

use crate::daemon::{Daemon, Setup, WHOLE, wait_for};

/// The original's database, by way of an export; then a daemon on it for which X is switched off.
#[test]
fn an_imported_account_is_searched_without_x() {
    let daemon = Daemon::start(Setup { extra: WHOLE, ..Setup::default() });
    let (page, handle) = crate::console::lightest_case(&daemon.world);
    let found = daemon.query(&page);
    let id = found["results"][0]["account_id"].as_str().unwrap().to_owned();
    let post = found["results"][0]["tweet_id"].clone();
    let picture = found["image_url"].as_str().unwrap().to_owned();
    let old = daemon.folder.path().join("old.db");
    let old = old.to_str().unwrap().to_owned();
    let run = |daemon: &Daemon, words: &[&str]| daemon.command(words);
    let exported = run(&daemon, &["db", "export", &old, "--zone", "Europe/Paris"]);
    assert!(exported.status.success(), "{exported:?}");

    // Nobody to ask, and no zone: an import says what it needs.
    let (folder, world) = crate::queries::end(daemon);
    fs::remove_dir_all(folder.path().join("data")).unwrap();
    let import = |zone: &[&str]| {
        let mut command = crate::daemon::binary();
        command
            .args(["db", "import", &old])
            .args(zone)
            .arg("--config")
            .arg(folder.path().join("parameters.toml"));
        command.output().unwrap()
    };
    let refused = import(&[]);
    assert!(!refused.status.success(), "{refused:?}");
    assert!(String::from_utf8_lossy(&refused.stderr).contains("--zone Europe/Paris"), "{refused:?}");
    let imported = import(&["--zone", "Europe/Paris"]);
    assert!(imported.status.success(), "{imported:?}");

    let setup = Setup { top: "networks = [\"bluesky\", \"mastodon\"]", ..Setup::default() };
    let daemon = Daemon::start_in(folder, world, &setup);
    let search = |account: &str| -> Value {
        let output = run(&daemon, &["search", &picture, account, "--wait", "--json"]);
        serde_json::from_slice(&output.stdout).unwrap()
    };
    // By its id, in each form.
    for account in [format!("https://x.com/i/user/{id}"), id] {
        let answer = search(&account);
        assert_eq!(answer["posts"][0]["id"], post, "{account}: {answer:#}");
    }
    // Its name was never seen here, and X cannot be asked.
    let answer = search(handle);
    assert_eq!(answer["error"], "INVALID_TWITTER_ACCOUNT", "{answer:#}");
    let why = answer["error_detail"].as_str().unwrap();
    assert!(why.contains("switched off") && why.contains("https://x.com/i/user/ID"), "{why}");
    let answer = search("https://x.com/i/user/999999999999");
    let why = answer["error_detail"].as_str().unwrap();
    assert!(why.contains("switched off") && !why.contains("does not exist"), "{why}");
    // Nor can a post be looked up, whose picture is to be searched.
    let body = json!({ "url": format!("https://x.com/i/status/{}", post.as_str().unwrap()) }).to_string();
    let headers = [("content-type", "application/json")];
    let (status, begun) = daemon.http("POST", "/search", &headers, body.as_bytes()).unwrap();
    let begun: Value = serde_json::from_slice(&begun).unwrap();
    assert_eq!(status, 200, "{begun:#}");
    let target = format!("/search?identifier={}", begun["identifier"].as_str().unwrap());
    let answer = wait_for("the end of the search", || {
        Some(daemon.get(&target)).filter(|answer| answer["status"] == "END")
    });
    assert_eq!(answer["error"], "CANNOT_GET_IMAGE", "{answer:#}");
    let why = answer["error_detail"].as_str().unwrap();
    assert!(why.contains("it is on a network that is switched off here (twitter: "), "{why}");
}
