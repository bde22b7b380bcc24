//! The first minutes with the program: no configuration, `init`, the first start.

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

use crate::daemon::{Daemon, Setup, binary, free_port};
use crate::terminal::Terminal;

const TOKEN: &str = "AAAAAAAAAAAAAAAAAAAAAsecret%3Dtoken";

/// Runs the program in a folder; `input` is its standard input.
fn run_in(folder: &Path, words: &[&str], input: &str) -> Output {
    let mut child = binary()
        .args(words)
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A program that does not want it may be gone already.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait_with_output().unwrap()
}

#[test]
fn without_configuration_serve_says_what_it_needs() {
    let folder = tempfile::tempdir().unwrap();
    let output = run_in(folder.path(), &["serve"], "");
    assert_eq!(output.status.code(), Some(78), "{output:?}");
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(told.lines().count(), 5, "{told}");
    for word in ["aotf init", "aotf demo", "token"] {
        assert!(told.contains(word), "{told}");
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "nothing is left behind");
}

#[test]
fn init_takes_over_the_parameters_of_the_original() {
    let folder = tempfile::tempdir().unwrap();
    let old = folder.path().join("old/server");
    fs::create_dir_all(old.join("tweet_finder")).unwrap();
    let parameters = old.join("parameters.py");
    // With what people add to such a file.
    let text = "#!/usr/bin/python3\n# coding: utf-8\n\n\"\"\"\nENABLE_MULTIPROCESSING = True\n\"\"\"\n\
        ENABLE_MULTIPROCESSING = False\nAPI_KEY = \"hush1\"\nAPI_SECRET = 'hush2'\n\
        TWITTER_API_KEYS = [ {\n  \"OAUTH_TOKEN\" : \"hush3\",\n  \"AUTH_TOKEN\" : \"hush4\"\n} ]\n\
        USE_MYSQL_INSTEAD_OF_SQLITE = True\nMYSQL_USERNAME = \"aotf\"\nMYSQL_PASSWORD = \"hush5\"\n\
        MYSQL_DATABASE_NAME = \"Artists\"\nHTTP_SERVER_PORT = 3399\nDEBUG = False\n\
        DAYS_WITHOUT_UPDATE_TO_AUTO_UPDATE = 45 # days\nRESET_SEARCHAPI_CURSORS_PERIOD = None\n\
        ADVANCED_IP_ADDRESSES = [ \"127.0.0.1\", # here\n  \"192.0.2.7\" ]\nENABLE_LOGGING = True\n\
        MAX_PROCESSING_REQUESTS_PER_IP_ADDRESS = 2 * 5\nMY_OWN = \"hush6\"\n\
        from os import chmod, remove\nremove(__file__)\n";
    fs::write(&parameters, text).unwrap();
    fs::write(old.join("tweet_finder/blacklist.py"), "BLACKLIST = [\n  12, # @a_bot\n  807095 ]\n").unwrap();

    let output = run_in(folder.path(), &["init", "--yes", "--from", "old/server/parameters.py"], "");
    assert!(output.status.success(), "{output:?}");
    assert_eq!(fs::read_to_string(&parameters).unwrap(), text, "nothing of it was run");
    let told = String::from_utf8(output.stdout).unwrap();
    assert!(!told.contains("hush"), "{told}");
    for line in [
        "line   7  ENABLE_MULTIPROCESSING -> multiprocess = false",
        "HTTP_SERVER_PORT -> [http] bind = \"127.0.0.1:3399\"",
        "[limits] advanced_ips = [\"127.0.0.1\", \"192.0.2.7\"]",
        "MAX_PROCESSING_REQUESTS_PER_IP_ADDRESS: not taken over, since it is computed",
        "MY_OWN: not known, so it was not taken over",
        "`remove ...`: no assignment",
        "aotf db import mysql://aotf:PASSWORD@localhost:3306/Artists --zone ZONE",
        "blacklist.py: 2 accounts, to the blocklist",
    ] {
        assert!(told.contains(line), "{line:?} is missing in {told}");
    }
    let written = fs::read_to_string(folder.path().join("parameters.toml")).unwrap();
    assert!(!written.contains("hush"));
    let written: toml::Table = written.parse().unwrap();
    let of = |section: &str, key: &str| written[section][key].clone();
    assert_eq!(written["multiprocess"].as_bool(), Some(false));
    assert_eq!(of("http", "bind").as_str(), Some("127.0.0.1:3399"));
    assert_eq!(of("maintenance", "auto_update_days").as_integer(), Some(45));
    assert_eq!(of("maintenance", "search_cursor_reset_days").as_integer(), Some(0));
    assert_eq!(of("log", "results_log").as_bool(), Some(true));
    assert_eq!(of("scan", "blocklist").as_str(), Some("blocklist.txt"));
    let blocklist = fs::read_to_string(folder.path().join("blocklist.txt")).unwrap();
    assert!(blocklist.ends_with("12 # @a_bot\n807095\n"), "{blocklist}");

    // Neither file is replaced unasked.
    fs::remove_file(folder.path().join("parameters.toml")).unwrap();
    let again = run_in(folder.path(), &["init", "--yes", "--from", "old/server/parameters.py"], "");
    assert!(!again.status.success() && !folder.path().join("parameters.toml").exists(), "{again:?}");
}

#[test]
fn init_without_questions_writes_a_private_file_once() {
    let folder = tempfile::tempdir().unwrap();
    let flags = ["init", "--data-dir", "elsewhere", "--bind", "127.0.0.1:8123", "--token-file", "-"];
    let output = run_in(folder.path(), &flags, &format!("Bearer {TOKEN}\n"));
    assert!(output.status.success(), "{output:?}");
    assert!(!String::from_utf8_lossy(&output.stdout).contains(TOKEN), "{output:?}");
    let path = folder.path().join("parameters.toml");
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let text = fs::read_to_string(&path).unwrap();
    let written: toml::Table = text.parse().unwrap();
    assert_eq!(written["data_dir"].as_str(), Some("elsewhere"));
    assert_eq!(written["http"]["bind"].as_str(), Some("127.0.0.1:8123"));
    assert_eq!(written["twitter"]["credentials"][0]["bearer_token"].as_str(), Some(TOKEN));

    let again = run_in(folder.path(), &["init", "--no-token"], "");
    assert_eq!(again.status.code(), Some(1), "{again:?}");
    assert!(String::from_utf8_lossy(&again.stderr).contains("--force"), "{again:?}");
    assert_eq!(fs::read_to_string(&path).unwrap(), text, "as it was");

    let forced = run_in(folder.path(), &["init", "--no-token", "--force"], "");
    assert!(forced.status.success(), "{forced:?}");
    assert!(!fs::read_to_string(&path).unwrap().contains(TOKEN));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing else is left behind");

    let wrong = run_in(folder.path(), &["init", "--force", "--token-file", "-"], "two words\n");
    assert_eq!(wrong.status.code(), Some(1), "{wrong:?}");
}

#[test]
fn init_asks_on_a_terminal_and_never_shows_the_token() {
    let folder = tempfile::tempdir().unwrap();
    let mut command: Command = binary();
    command.arg("init").current_dir(folder.path());
    let mut terminal = Terminal::start(command, 100);
    terminal.wait_until_shows("[data]:");
    terminal.send("my data\r");
    terminal.wait_until_shows("[127.0.0.1:3301]:");
    terminal.send("8123\r");
    terminal.wait_until_shows("such as 127.0.0.1:3301.");
    terminal.send("127.0.0.1:8123\r");
    terminal.wait_until_shows("[none yet]:");
    terminal.send(&format!("oops\x15{TOKEN}x\x7f\r"));
    terminal.wait_until_shows("[5]:");
    terminal.send("much\r");
    terminal.wait_until_shows("such as 2.50.");
    terminal.send("2.50\r");
    terminal.wait_until_shows("aotf serve");
    assert!(terminal.wait_for_end().success());
    assert!(!terminal.raw().contains("AAAA"), "{}", terminal.raw());
    let text = fs::read_to_string(folder.path().join("parameters.toml")).unwrap();
    let written: toml::Table = text.parse().unwrap();
    assert_eq!(written["data_dir"].as_str(), Some("my data"));
    assert_eq!(written["twitter"]["credentials"][0]["bearer_token"].as_str(), Some(TOKEN));
    assert_eq!(written["twitter"]["budget"]["daily_usd"].as_float(), Some(2.5));
}

#[test]
fn init_is_stopped_by_ctrl_c_while_it_hides_what_is_typed() {
    let folder = tempfile::tempdir().unwrap();
    let mut command: Command = binary();
    let flags = ["init", "--data-dir", "d", "--bind", "127.0.0.1:8123"];
    command.args(flags).current_dir(folder.path());
    let mut terminal = Terminal::start(command, 100);
    terminal.wait_until_shows("[none yet]:");
    terminal.send("AAAA\x03");
    terminal.wait_until_shows("nothing was written");
    assert_eq!(terminal.wait_for_end().code(), Some(1));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

fn findings(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"))
}

fn verdict(findings: &Value, check: &str) -> String {
    let all = findings["checks"].as_array().unwrap();
    let found = all.iter().find(|finding| finding["check"] == check);
    found.unwrap_or_else(|| panic!("{check}: {findings:#}"))["verdict"].as_str().unwrap().to_owned()
}

#[test]
fn check_beside_a_running_daemon_finds_all_in_order() {
    let daemon = Daemon::start(Setup::default());
    let output = daemon.command(&["check", "--json"]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let found = findings(&output);
    for check in ["configuration", "data folder", "database", "index", "port", "key for X", "clock"] {
        assert_eq!(verdict(&found, check), "ok", "{found:#}");
    }
    assert_eq!(found["ok"], true);
    assert_eq!(daemon.world.served(aotf::demo::world::Endpoint::Usage), 1, "one call for one key");
    assert_eq!(daemon.world.served(aotf::demo::world::Endpoint::PostsById), 0, "nothing that costs");

    let text = daemon.command(&["check"]);
    let told = String::from_utf8(text.stdout).unwrap();
    assert!(told.contains("51200 of 2000000 posts read") && told.contains("cost nothing"), "{told}");
    assert!(told.ends_with("Everything is in order.\n") || told.contains("to look at"), "{told}");
    assert!(!told.contains('\x1b'), "no colors in a pipe: {told:?}");
}

#[test]
fn check_names_every_problem_with_its_remedy() {
    let folder = tempfile::tempdir().unwrap();
    let other = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = other.local_addr().unwrap().port();
    let check = |bind: u16, data: &str| {
        let text = format!("data_dir = {data:?}\n[http]\nbind = \"127.0.0.1:{bind}\"\n");
        fs::write(folder.path().join("parameters.toml"), text).unwrap();
        run_in(folder.path(), &["check", "--json", "--offline"], "")
    };
    let well = check(free_port(), "data");
    assert_eq!(well.status.code(), Some(0), "{well:?}");
    assert!(!folder.path().join("data").exists(), "checking makes nothing");

    let bad = check(port, "/proc/nowhere");
    assert_eq!(bad.status.code(), Some(78), "{bad:?}");
    let found = findings(&bad);
    assert_eq!(verdict(&found, "port"), "failed");
    assert_eq!(verdict(&found, "data folder"), "failed");
    let all = found["checks"].as_array().unwrap();
    assert!(
        all.iter().all(|finding| (finding["verdict"] == "ok") == finding["remedy"].is_null()),
        "{found:#}"
    );

    fs::write(folder.path().join("parameters.toml"), "dada_dir = 1\n[htp]\n").unwrap();
    let wrong = run_in(folder.path(), &["check"], "");
    assert_eq!(wrong.status.code(), Some(78), "{wrong:?}");
    let told = String::from_utf8(wrong.stdout).unwrap();
    assert!(told.contains("data_dir") && told.contains("htp"), "{told}");
}

#[test]
fn check_tells_a_refused_key() {
    let daemon = Daemon::start(Setup::default());
    let text = fs::read_to_string(daemon.config()).unwrap();
    fs::write(daemon.config(), text.replace(daemon.world.bearer_token(), "stolen")).unwrap();
    let output = daemon.command(&["check", "--json"]);
    assert_eq!(output.status.code(), Some(78), "{output:?}");
    assert_eq!(verdict(&findings(&output), "key for X"), "failed");
    assert!(!String::from_utf8_lossy(&output.stdout).contains("stolen"), "{output:?}");
}
