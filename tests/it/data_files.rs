//! Files of the data folder that are damaged or lost: the program says what to do, and changes nothing.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::daemon::{Daemon, Setup, binary, wait_for};
use crate::databases::{Server, setup};

/// Status and output of a command with this configuration.
fn run(config: &Path, words: &[&str]) -> (Option<i32>, String) {
    let output = binary().args(words).arg("--config").arg(config).output().unwrap();
    (output.status.code(), String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned())
}

fn serve(config: &Path) -> (Option<i32>, String) {
    run(config, &["serve", "--no-console", "--die-with-parent"])
}

/// The finding of `aotf check` about this subject, if something has failed there.
fn failed(config: &Path, subject: &str) -> Option<String> {
    let (_, said) = run(config, &["check", "--offline", "--json"]);
    let found: Value = serde_json::from_str(&said).unwrap_or_else(|error| panic!("{error}: {said}"));
    let mut checks = found["checks"].as_array().unwrap().iter();
    let finding = checks.find(|finding| finding["check"] == subject).unwrap();
    (finding["verdict"] == "failed").then(|| format!("{}: {}", finding["what"], finding["remedy"]))
}

#[track_caller]
fn assert_has(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "{part:?} is missing in {text}");
    }
}

#[test]
fn a_damaged_state_file_says_what_to_do() {
    let daemon = Daemon::start(Setup::default());
    let url = daemon.world.known()[0].url().unwrap().to_owned();
    let first = daemon.query(&url);
    let (folder, world) = crate::queries::end(daemon);
    let (config, state) = (folder.path().join("parameters.toml"), folder.path().join("data/state.db"));
    assert_eq!(failed(&config, "state file"), None);
    let whole = fs::read(&state).unwrap();
    let mut holes = whole.clone();
    let second_half = holes.len() / 2;
    holes[second_half..].fill(0x55);
    for (bytes, found) in [
        (b"text ".repeat(2000), "not a database"),
        (holes, "the data is damaged"),
        (Vec::new(), "it is empty"),
    ] {
        fs::write(&state, &bytes).unwrap();
        let parts = [state.to_str().unwrap(), found, "move the file away", "aotf db restore"];
        let (code, said) = serve(&config);
        assert_eq!(code, Some(1), "{said}");
        assert_has(&said, &parts);
        assert_has(&failed(&config, "state file").unwrap(), &parts);
        assert_eq!(failed(&config, "database"), None, "each thing is said once");
        let (code, said) = run(&config, &["db", "verify"]);
        assert_eq!(code, Some(3), "{said}");
        assert_has(&said, &parts);
        let (code, said) = run(&config, &["db", "verify", "--json"]);
        let report: Value = serde_json::from_str(&said).unwrap();
        assert_eq!((code, &report["well"]), (Some(3), &false.into()), "{said}");
        assert_eq!(fs::read(&state).unwrap(), bytes, "nothing is changed");
    }

    // A folder of that name, and what a newer program has written.
    fs::remove_file(&state).unwrap();
    fs::create_dir(&state).unwrap();
    assert_has(&serve(&config).1, &["it is a folder"]);
    fs::remove_dir(&state).unwrap();
    fs::write(&state, &whole).unwrap();
    let newer = "INSERT INTO migrations VALUES (999, 'from the future', '')";
    rusqlite::Connection::open(&state).unwrap().execute_batch(newer).unwrap();
    assert_has(&serve(&config).1, &["it was used with a newer version", "upgrade this program"]);

    // What is said helps.
    for name in ["state.db", "state.db-wal", "state.db-shm"] {
        let _ = fs::rename(folder.path().join("data").join(name), folder.path().join(name));
    }
    let again = Daemon::start_in(folder, world, &Setup::default());
    assert_eq!(again.query(&url)["results"], first["results"]);
}

#[test]
fn a_damaged_database_says_what_to_do() {
    let daemon = Daemon::start(Setup::default());
    daemon.query(daemon.world.known()[0].url().unwrap());
    let (folder, _world) = crate::queries::end(daemon);
    let (config, database) = (folder.path().join("parameters.toml"), folder.path().join("data/aotf.db"));
    let whole = fs::read(&database).unwrap();
    let mut holes = whole.clone();
    let second_half = holes.len() / 2;
    holes[second_half..].fill(0x55);
    fs::write(&database, &holes).unwrap();
    let parts = [database.to_str().unwrap(), "damaged", "aotf db restore"];
    let (code, said) = run(&config, &["db", "verify"]);
    assert_eq!(code, Some(3), "{said}");
    assert_has(&said, &parts);
    fs::write(&database, b"text ".repeat(2000)).unwrap();
    let (code, said) = serve(&config);
    assert_eq!(code, Some(1), "{said}");
    assert_has(&said, &parts);
    assert_has(&failed(&config, "database").unwrap(), &parts);
    assert_eq!(fs::read(&database).unwrap(), b"text ".repeat(2000), "nothing is changed");

    fs::remove_file(&database).unwrap();
    fs::create_dir(&database).unwrap();
    assert_has(&serve(&config).1, &["it is a folder"]);
}

#[test]
fn a_lost_database_is_not_silently_a_new_one() {
    let daemon = Daemon::start(Setup::default());
    let url = daemon.world.known()[0].url().unwrap().to_owned();
    let first = daemon.query(&url);
    assert_eq!(first["has_first_time_scan"], true, "{first:#}");
    let (folder, world) = crate::queries::end(daemon);
    let (config, database) = (folder.path().join("parameters.toml"), folder.path().join("data/aotf.db"));
    fs::remove_file(&database).unwrap();
    let parts = [database.to_str().unwrap(), "there is no database", "aotf db restore", "aotf db create"];
    for empty in [false, true] {
        if empty {
            fs::write(&database, "").unwrap();
        }
        let (code, said) = serve(&config);
        assert_eq!(code, Some(1), "{said}");
        assert_has(&said, &parts);
        assert_has(&failed(&config, "database").unwrap(), &parts);
        for words in [["db", "stats"], ["db", "backup"], ["db", "cleanup"]] {
            let (code, said) = run(&config, &words);
            assert_eq!(code, Some(1), "{words:?}: {said}");
            assert_has(&said, &parts);
        }
        assert_eq!(run(&config, &["db", "verify"]).0, Some(3));
        assert_eq!(database.metadata().map_or(0, |file| file.len()), 0, "no database was made");
    }

    let (code, said) = run(&config, &["db", "create"]);
    assert_eq!(code, Some(0), "{said}");
    let (code, said) = run(&config, &["db", "create"]);
    assert_eq!(code, Some(1), "{said}");
    assert_has(&said, &["is there already"]);
    let again = Daemon::start_in(folder, world, &Setup::default());
    let second = again.query(&url);
    assert_eq!(second["has_first_time_scan"], true, "it begins anew: {second:#}");
    assert_eq!(second["results"], first["results"]);
}

fn check_empty_database_of(server: Server) {
    let (Some(known), Some(empty)) = (server.database("known"), server.database("empty")) else { return };
    let daemon = Daemon::start(setup(&known));
    daemon.query(daemon.world.known()[0].url().unwrap());
    let (folder, world) = crate::queries::end(daemon);
    let address = std::net::SocketAddr::from(([127, 0, 0, 1], crate::daemon::free_port()));
    let config = crate::daemon::write_config(folder.path(), &world, address, &setup(&empty));
    let (code, said) = serve(&config);
    assert_eq!(code, Some(1), "{said}");
    assert_has(&said, &["or an empty one", "aotf db create"]);
    assert_eq!(run(&config, &["db", "create"]).0, Some(0));
    let daemon = Daemon::start_in(folder, world, &setup(&empty));
    // The same of one that was emptied.
    let (folder, _world) = crate::queries::end(daemon);
    empty.make_anew();
    let (code, said) = serve(&config);
    assert_eq!(code, Some(1), "{said}");
    assert_has(&said, &["or an empty one", "aotf db create"]);
    assert_has(&failed(&config, "database").unwrap(), &["aotf db create"]);
    drop(folder);
}

#[test]
fn an_empty_database_of_postgresql_is_not_silently_filled_anew() {
    check_empty_database_of(Server::Postgres);
}

#[test]
fn an_empty_database_of_mariadb_is_not_silently_filled_anew() {
    check_empty_database_of(Server::MySql);
}

/// Longer than an address of a socket can be.
#[test]
fn a_data_folder_may_have_any_path() {
    let folder = tempfile::Builder::new().prefix(&"long".repeat(40)).tempdir().unwrap();
    let world = aotf::demo::world::World::start(aotf::demo::world::Options::default()).unwrap();
    let daemon = Daemon::start_in(folder, world, &Setup::default());
    let socket = daemon.folder.path().join("data/aotf.sock");
    assert!(socket.as_os_str().len() > 150 && socket.exists());
    let output = daemon.command(&["stats"]);
    assert!(output.status.success(), "{output:?}");
    // Ready is who takes queries; some of its processes may still be starting.
    wait_for("health", || {
        binary().args(["health", "--socket"]).arg(&socket).status().unwrap().success().then_some(())
    });
}

#[test]
fn the_admin_socket_lies_where_the_settings_say() {
    let extra = "[admin]\nsocket = \"run/admin.sock\"\n";
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("run")).unwrap();
    let world = aotf::demo::world::World::start(aotf::demo::world::Options::default()).unwrap();
    let mut daemon = Daemon::start_in(folder, world, &Setup { extra, ..Setup::default() });
    assert!(daemon.folder.path().join("run/admin.sock").exists());
    assert!(!daemon.folder.path().join("data/aotf.sock").exists());
    for words in [["stats"], ["metrics"]] {
        let output = daemon.command(&words);
        assert!(output.status.success(), "{words:?}: {output:?}");
    }
    wait_for("health", || daemon.command(&["health"]).status.success().then_some(()));
    // The check sees by it that the daemon runs.
    assert_eq!(failed(&daemon.config(), "sockets"), None);
    assert_eq!(failed(&daemon.config(), "port"), None);
    let output = daemon.command(&["stop"]);
    assert!(output.status.success(), "{output:?}");
    assert!(daemon.root.wait().unwrap().success());

    // Nobody makes the folder: that is a service manager's business.
    fs::remove_dir_all(daemon.folder.path().join("run")).unwrap();
    let (code, said) = serve(&daemon.config());
    assert_eq!(code, Some(1), "{said}");
    assert_has(&said, &["[admin] socket", "run/admin.sock"]);
    assert_has(&failed(&daemon.config(), "sockets").unwrap(), &["[admin] socket", "RuntimeDirectory"]);
}
