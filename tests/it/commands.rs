//! One-shot commands against a running daemon, and those that need none.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::process::Stdio;

use aotf::demo::world::{Options, World};
use serde_json::Value;

use crate::daemon::{Daemon, Setup, binary, write_config};

#[track_caller]
fn json(output: &std::process::Output) -> Value {
    let text = String::from_utf8_lossy(&output.stdout);
    serde_json::from_str(text.lines().last().unwrap_or_default())
        .unwrap_or_else(|error| panic!("{error}: {text} {}", String::from_utf8_lossy(&output.stderr)))
}

#[test]
fn the_shell_asks_the_daemon() {
    let mut daemon = Daemon::start(Setup::default());
    let cases = daemon.world.known();
    let url = cases[0].url().unwrap();

    let found = daemon.command(&["query", url, "--wait", "--json"]);
    assert_eq!(found.status.code(), Some(0), "{found:?}");
    assert!(json(&found).to_string().contains("END"), "{found:?}");

    // Every page that was read on the way is counted by its site and outcome.
    let metrics = daemon.command(&["metrics", "--json"]);
    assert!(json(&metrics).to_string().contains(": ok\""), "{metrics:?}");

    let refused = daemon.command(&["query", "hello", "--wait"]);
    assert_eq!(refused.status.code(), Some(3), "{refused:?}");

    for name in ["stats", "threads", "queues", "metrics"] {
        let output = daemon.command(&[name]);
        assert!(output.status.success(), "{name}: {output:?}");
        assert!(!output.stdout.is_empty(), "{name} says nothing");
        let output = daemon.command(&[name, "--json"]);
        assert!(!json(&output).is_null(), "{name}");
    }

    let stopped = daemon.command(&["stop"]);
    assert!(stopped.status.success(), "{stopped:?}");
    assert!(daemon.root.wait().unwrap().success());
    let alone = daemon.command(&["stats"]);
    assert_eq!(alone.status.code(), Some(69), "{alone:?}");
}

#[test]
fn scan_indexes_an_account() {
    let daemon = Daemon::start(Setup::default());
    let account = daemon
        .world
        .facts()
        .accounts
        .iter()
        .find(|account| matches!(account.state, aotf::demo::world::facts::AccountState::Open))
        .unwrap();
    let output = daemon.command(&["scan", account.handle, "--wait"]);
    assert!(output.status.success(), "{output:?}");
    // Over HTTP the figures may be three seconds old.
    let stats = json(&daemon.command(&["stats", "--json"]));
    assert_eq!(stats["indexed_accounts_count"], 1, "{stats:#}");
    let known = json(&daemon.command(&["account", account.handle, "--json"]));
    let known = &known["accounts"][0];
    assert_eq!(known["account_id"], account.id.to_string(), "{known:#}");
    assert_eq!(known["search_coverage"], "complete", "{known:#}");
    assert!(known["timeline_coverage"] == "sampled" || known["timeline_coverage"] == "complete", "{known:#}");
    assert_eq!(known["handles"][0]["account_name"], account.handle, "{known:#}");
    assert_eq!(daemon.get(&format!("/account?name={}", account.id))["accounts"][0], *known);
    let unknown = daemon.command(&["account", "nobody_at_all"]);
    assert_eq!(unknown.status.code(), Some(1), "{unknown:?}");
    let nobody = daemon.command(&["scan", "nobody_at_all", "--wait"]);
    assert_eq!(nobody.status.code(), Some(3), "{nobody:?}");
}

#[test]
fn without_a_command_it_says_how_to_begin() {
    let output = binary().output().unwrap();
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(told.contains("aotf demo") && told.contains("aotf serve"), "{told}");
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn hash_prints_as_imagehash_does_and_says_what_it_cannot_read() {
    let folder = tempfile::tempdir().unwrap();
    let bad = folder.path().join("bad.jpg");
    std::fs::write(&bad, b"not an image").unwrap();
    let output = binary().arg("hash").arg(&bad).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("bad.jpg"), "{output:?}");
}

/// No request is made: nobody reads such a page.
#[test]
fn the_canary_reads_the_pages_of_the_configuration() {
    let run = |pages: &str| {
        let command = ["sites", "--json"];
        binary().args(command).env("AOTF_LINKS__CANARIES", pages).output().unwrap()
    };
    let output = run("https://example.com/a");
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    assert_eq!(json(&output)["outcome"], "no_reader");
    assert_eq!(run("example").status.code(), Some(78));
}

#[test]
fn the_index_is_measured_by_processes_beside_a_writer() {
    let words = [
        "bench",
        "index",
        "--size",
        "20000",
        "--inserts",
        "1000",
        "--readers",
        "2",
        "--seconds",
        "1",
        "--json",
    ];
    let output = binary().args(words).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let measured: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(measured["exact"], true);
    let searched = measured["while_inserting"]["searched"].as_array().unwrap();
    assert_eq!(searched.len(), 2);
    assert!(searched.iter().all(|one| one["searches"].as_u64() > Some(0)), "{measured}");
}

/// A page is recorded as the program reads it: its reader's values stay, nothing of the operator's does,
/// nothing is overwritten. `AOTF_TEST_UPDATE` keeps the folder as a fixture.
#[test]
fn a_page_is_recorded_for_a_report() {
    use std::fs;

    let folder = tempfile::tempdir().unwrap();
    let world = World::start(Options::default()).unwrap();
    let setup =
        Setup { extra: "[links.cookies]\nfuraffinity = \"a=sesame-1; b=sesame-2\"\n", ..Setup::default() };
    let config = write_config(folder.path(), &world, ([127, 0, 0, 1], 0).into(), &setup);
    let cases = world.known();
    let work =
        cases.iter().find_map(|case| case.url().filter(|url| url.contains("furaffinity.net/view/"))).unwrap();
    let report = folder.path().join("report");
    let record = |url: &str, dir: &std::path::Path| {
        let mut command = binary();
        command.args(["sites", "record", url]).arg(dir).arg("--config").arg(&config);
        command.output().unwrap()
    };

    let output = record(work, &report);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(said.starts_with("ok  https://www.furaffinity.net/view/"), "{said}");
    let text: String = fs::read_dir(&report)
        .unwrap()
        .map(|entry| fs::read_to_string(entry.unwrap().path()).unwrap())
        .collect();
    assert!(!text.contains("sesame") && !text.contains("Enjoy,") && text.contains("Xxxxx,"), "{text}");
    let recording: Value =
        serde_json::from_str(&fs::read_to_string(report.join("recording.json")).unwrap()).unwrap();
    assert_eq!(recording["exchanges"][0]["status"], 200, "{recording:#}");
    assert_eq!(recording["read"]["links"][0]["place"], "artist", "{recording:#}");
    assert!(
        recording["read"]["images"][0].as_str().unwrap().contains("d.furaffinity.net/art/"),
        "{recording:#}"
    );
    let told = fs::read_to_string(report.join("report.md")).unwrap();
    assert!(told.contains("## What was asked and answered") && told.contains("status 200"), "{told}");

    let again = record(work, &report);
    assert_eq!(again.status.code(), Some(1), "{again:?}");
    assert!(String::from_utf8_lossy(&again.stderr).contains("is not empty"), "{again:?}");
    // A page that could not be read is recorded too, with what stood in the way.
    let missing = folder.path().join("missing");
    let output = record("https://www.furaffinity.net/view/1/", &missing);
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    let told = fs::read_to_string(missing.join("report.md")).unwrap();
    assert!(told.starts_with("# furaffinity: gone"), "{told}");

    if std::env::var_os("AOTF_TEST_UPDATE").is_some() {
        let fixture =
            std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/recorded/furaffinity-demo");
        fs::create_dir_all(&fixture).unwrap();
        for entry in fs::read_dir(&report).unwrap() {
            let entry = entry.unwrap();
            fs::copy(entry.path(), fixture.join(entry.file_name())).unwrap();
        }
    }
}

/// The addresses of a table are judged, and summed up for each site.
#[test]
fn a_table_of_addresses_is_judged() {
    let folder = tempfile::tempdir().unwrap();
    let table = folder.path().join("table.csv");
    let run = |rows: &str| {
        std::fs::write(&table, format!("site,url,kind,id\n{rows}")).unwrap();
        binary().args(["sites", "identify", "--json", "--table"]).arg(&table).output().unwrap()
    };
    let right = run("twitter,https://x.com/ann,profile,ann\nnew,https://new.example/1,artwork,1\n");
    assert_eq!(right.status.code(), Some(0), "{right:?}");
    assert_eq!((&json(&right)["all"]["right"], &json(&right)["all"]["not_read"]), (&1.into(), &1.into()));
    let wrong = run("twitter,https://x.com/ann,artwork,\n");
    assert_eq!(wrong.status.code(), Some(3), "{wrong:?}");
    assert_eq!(json(&wrong)["sites"]["twitter"]["wrong"], 1);
    let none = run("twitter,https://x.com/ann,person,\n");
    assert_eq!(none.status.code(), Some(1), "{none:?}");
    assert!(
        String::from_utf8_lossy(&none.stderr).contains("it must be artwork, profile or other"),
        "{none:?}"
    );
}

#[test]
fn images_come_from_standard_input_too() {
    let image = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/images/flying.avif");
    let run = |arguments: &[&str], input: Stdio| {
        let output = binary().args(arguments).stdin(input).output().unwrap();
        (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
    };
    let file = || Stdio::from(File::open(image).unwrap());
    let (status, named) = run(&["hash", image], Stdio::null());
    assert_eq!(status, Some(0), "{named}");
    assert_eq!(run(&["hash", "-"], file()), (Some(0), named.replace(image, "-")));
    let (status, compared) = run(&["compare", "-", image], file());
    assert!(status == Some(0) && compared.contains("distance              0 of 64"), "{compared}");
    assert_eq!(run(&["hash", "-"], Stdio::null()), (Some(1), String::new()), "nothing is no image");
}

#[test]
fn networks_that_were_chosen_are_told_without_a_warning() {
    let told = |settings: &str| {
        let folder = tempfile::tempdir().unwrap();
        let config = folder.path().join("parameters.toml");
        let data = folder.path().join("data");
        std::fs::write(&config, format!("data_dir = {data:?}\n{settings}\n[http]\nbind = '127.0.0.1:0'\n"))
            .unwrap();
        let mut daemon = binary()
            .args(["serve", "--no-console", "--die-with-parent", "--config"])
            .arg(&config)
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // What is told of the networks stands before what is told of the first process.
        let lines = BufReader::new(daemon.stderr.take().unwrap()).lines().map_while(Result::ok);
        let told: Vec<String> = lines.take_while(|line| !line.contains("container started")).collect();
        daemon.kill().unwrap();
        daemon.wait().unwrap();
        told.join("\n")
    };
    let chosen = told("networks = ['bluesky']");
    assert!(chosen.contains("networks that are searched") && !chosen.contains("is off"), "{chosen}");
    let left_open = told("");
    assert!(left_open.contains("X (Twitter) is off"), "{left_open}");
}
