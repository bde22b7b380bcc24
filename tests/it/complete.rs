//! `aotf db complete`: what was imported from the original program gets what its images lacked.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::daemon::{Daemon, Setup, WHOLE, binary};

#[track_caller]
fn db(config: &Path, words: &[&str]) -> String {
    let output = binary().arg("db").args(words).arg("--config").arg(config).output().unwrap();
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "db {words:?}: {told}{}", String::from_utf8_lossy(&output.stderr));
    told
}

#[track_caller]
fn complete(config: &Path, words: &[&str]) -> Value {
    let told = db(config, &[&["complete", "--json"], words].concat());
    serde_json::from_str(&told).unwrap()
}

#[test]
fn imported_images_are_completed_beside_the_daemon() {
    let daemon = Daemon::start(Setup { extra: WHOLE, ..Setup::default() });
    let url = daemon.world.known()[0].url().unwrap().to_owned();
    let first = daemon.query(&url);
    assert!(first["results"][0]["distance256"].is_number(), "{first:#}");
    let config = daemon.config();
    let old = daemon.folder.path().join("old.db");
    db(&config, &["export", old.to_str().unwrap(), "--zone", "UTC"]);
    let (folder, world) = crate::queries::end(daemon);

    // The old schema has no place for the second stage.
    fs::remove_dir_all(folder.path().join("data")).unwrap();
    db(&config, &["import", old.to_str().unwrap(), "--zone", "UTC"]);
    let daemon = Daemon::start_in(folder, world, &Setup { extra: WHOLE, ..Setup::default() });
    let config = daemon.config();
    let imported = daemon.query(&url);
    assert_eq!(imported["results"][0]["tweet_id"], first["results"][0]["tweet_id"]);
    assert_eq!(imported["results"][0]["distance256"], Value::Null, "{imported:#}");

    let begun = complete(&config, &["--limit", "3"]);
    assert_eq!((&begun["images"], &begun["completed"]), (&3.into(), &3.into()), "{begun}");
    assert_eq!(begun["finished"], false);
    let ended = complete(&config, &["--for", "1h"]);
    assert_eq!(ended["finished"], true, "{ended}");
    assert!(ended["completed"].as_u64().unwrap() > 3, "{ended}");
    assert_eq!((&ended["failed"], &ended["other_picture"]), (&0.into(), &0.into()), "{ended}");
    // What is done, or gone, is not asked for again.
    let again = complete(&config, &[]);
    assert_eq!((&again["images"], &again["finished"]), (&0.into(), &true.into()), "{again}");
    assert!(db(&config, &["complete"]).contains("Nothing is left to complete."));

    // The daemon keeps what it has answered for a while: the next one looks anew.
    let (folder, world) = crate::queries::end(daemon);
    let daemon = Daemon::start_in(folder, world, &Setup::default());
    let completed = daemon.query(&url);
    for field in ["tweet_id", "distance", "class", "distance256"] {
        assert_eq!(completed["results"][0][field], first["results"][0][field], "{completed:#}");
    }
    assert_eq!(completed["has_first_time_scan"], false);
    let verified = db(&daemon.config(), &["verify"]);
    assert!(verified.contains("The index says what the database says."), "{verified}");
}
