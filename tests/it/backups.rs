//! `aotf db backup` beside a running daemon, and a daemon on what was put back.

use std::fs;
use std::path::Path;

use crate::daemon::{Daemon, Setup, binary};
use crate::databases::{Server, setup};

#[track_caller]
fn db(config: &Path, words: &[&str], works: bool) -> String {
    let output = binary().arg("db").args(words).arg("--config").arg(config).output().unwrap();
    let told =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.success(), works, "db {words:?}: {told}");
    told
}

#[test]
fn a_daemon_goes_on_from_a_backup_on_another_engine() {
    let daemon = Daemon::start(Setup::default());
    let url = daemon.world.known()[0].url().unwrap().to_owned();
    let first = daemon.query(&url);
    assert_eq!(first["has_first_time_scan"], true, "{first:#}");
    let config = daemon.config();
    let backups = daemon.folder.path().join("backups");
    let told = db(&config, &["backup", backups.to_str().unwrap(), "--keep", "6w"], true);
    let made = told.lines().next().unwrap().to_owned();
    assert!(db(&config, &["verify", &made], true).contains("whole"));
    assert!(db(&config, &["stats"], true).contains("Most posts"));
    assert!(db(&config, &["cleanup"], true).contains("nothing to clean up"));
    // What needs the data folder for itself says so.
    for words in [["restore", &made].as_slice(), &["cleanup", "--yes"]] {
        let refused = db(&config, words, false);
        assert!(refused.contains("stop the daemon first"), "{refused}");
    }

    let (folder, world) = crate::queries::end(daemon);
    let refused = db(&folder.path().join("parameters.toml"), &["restore", &made], false);
    assert!(refused.contains("not empty"), "{refused}");
    fs::remove_dir_all(folder.path().join("data")).unwrap();
    let server = Server::Postgres.database("backup");
    let setup = server.as_ref().map_or_else(Setup::default, setup);
    let address = std::net::SocketAddr::from(([127, 0, 0, 1], crate::daemon::free_port()));
    let config = crate::daemon::write_config(folder.path(), &world, address, &setup);
    db(&config, &["restore", &made], true);
    let again = Daemon::start_in(folder, world, &setup);
    let second = again.query(&url);
    assert_eq!(second["has_first_time_scan"], false, "nothing is scanned anew: {second:#}");
    assert_eq!(second["results"], first["results"]);
}
