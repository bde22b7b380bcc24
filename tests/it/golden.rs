//! Files that tests hold against the program (`AOTF_TEST_UPDATE=1 cargo test --test it` writes them anew),
//! and what scripts rely on.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::Stdio;

use serde_json::{Map, Value};

use crate::console::lightest_case;
use crate::daemon::{Daemon, Setup, binary};

#[track_caller]
pub fn check(path: &str, text: &str) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    if std::env::var_os("AOTF_TEST_UPDATE").is_some() {
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, text).unwrap();
        return;
    }
    let known = fs::read_to_string(&file).unwrap_or_default();
    let differs = known.lines().zip(text.lines()).find(|(known, new)| known != new);
    assert!(
        known == text,
        "{path} is another ({differs:?}); if that is meant: AOTF_TEST_UPDATE=1 cargo test --test it"
    );
}

#[test]
fn without_a_terminal_nothing_is_colored_and_quiet_says_nothing() {
    let daemon = Daemon::start(Setup::default());
    let (page, _) = lightest_case(&daemon.world);
    let loud = daemon.command(&["query", &page, "--wait"]);
    assert_eq!(loud.status.code(), Some(0), "{loud:?}");
    assert!(!loud.stdout.contains(&0x1b) && !loud.stdout.contains(&b'\r'), "{loud:?}");
    let quiet = daemon.command(&["query", &page, "--wait", "--quiet"]);
    assert_eq!(quiet.status.code(), Some(0), "{quiet:?}");
    assert!(quiet.stdout.is_empty() && quiet.stderr.is_empty(), "{quiet:?}");
    let socket = daemon.folder.path().join("data/aotf.sock");
    let by_socket = binary().args(["stats", "--json", "--socket"]).arg(&socket).output().unwrap();
    assert!(by_socket.status.success(), "{by_socket:?}");
    let nobody = binary().args(["stats", "--socket", "/nonexistent/aotf.sock"]).output().unwrap();
    assert_eq!(nobody.status.code(), Some(69));
    assert!(String::from_utf8_lossy(&nobody.stderr).contains("aotf serve"), "{nobody:?}");
}

/// `--help` of the command, and of every command below it.
fn add_help(command: &mut Vec<String>, text: &mut String) {
    let output = binary().args(&*command).arg("--help").env("COLUMNS", "100").output().unwrap();
    assert!(output.status.success(), "{command:?}: {output:?}");
    let help = String::from_utf8(output.stdout).unwrap();
    text.push_str(&format!("$ aotf {}\n{help}\n", [&command[..], &["--help".to_owned()]].concat().join(" ")));
    let mut lines = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    let list: Vec<&str> = lines.by_ref().take_while(|line| !line.is_empty()).collect();
    // A summary that is wrapped goes on further right.
    let names = list.iter().filter_map(|line| line.strip_prefix("  ").filter(|rest| !rest.starts_with(' ')));
    for name in names.filter_map(|rest| rest.split(' ').next()).filter(|name| *name != "help") {
        command.push(name.to_owned());
        add_help(command, text);
        command.pop();
    }
}

#[test]
fn help_of_every_command() {
    let mut text = String::new();
    add_help(&mut Vec::new(), &mut text);
    assert!(text.matches("$ aotf ").count() > 40, "{text}");
    check("tests/it/golden/help.txt", &text);
}

/// Without a terminal the console reads its commands from what is piped into it, and its lines are 100
/// columns wide.
#[test]
fn help_of_the_console() {
    let topics: Vec<&str> = aotf::console::line::commands().map(|command| command.get_name()).collect();
    let folder = tempfile::tempdir().unwrap();
    let run = |input: String| {
        let mut child = binary()
            .args(["console", "--socket"])
            .arg(folder.path().join("aotf.sock"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let mut text = format!("> help\n{}\n", run("help\n".to_owned()));
    for topic in topics {
        let shown = run(format!("help {topic}\n"));
        assert!(shown.contains("Example") && shown.contains(topic), "{shown}");
        text.push_str(&format!("> help {topic}\n{shown}\n"));
    }
    check("tests/it/golden/console_help.txt", &text);
}

/// Fields whose values are of this run: times, processes, sizes, and names that are drawn.
const OF_THIS_RUN: &[&str] = &[
    "ms",
    "elapsed_ms",
    "since_ms",
    "oldest_ms",
    "pid",
    "id",
    "path",
    "processes",
    "threads",
    "known_since",
    "listed_at",
    "whole_at",
    "first_seen",
    "last_seen",
    "search_listed_at",
    "timeline_listed_at",
];

/// The value with what is of this run replaced by its kind. The same command prints the same then.
fn normalized(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let mut result = Map::new();
            for (name, value) in fields {
                // An account's and a post's id is the world's; a query's is drawn.
                let drawn =
                    name != "id" || value.as_str().is_some_and(|id| id.len() >= 16 && !id.contains(':'));
                let of_this_run = OF_THIS_RUN.contains(&name.as_str()) && drawn;
                let value = if of_this_run { kind(value) } else { normalized(value) };
                result.insert(name.clone(), of_the_moment(name).unwrap_or(value));
            }
            Value::Object(result)
        }
        Value::Array(items) => items.iter().map(normalized).collect(),
        other => other.clone(),
    }
}

/// Fields that have a value at one moment and none at another.
fn of_the_moment(name: &str) -> Option<Value> {
    match name {
        "doing" | "request" | "remedy" => Some("<string or null>".into()),
        "silent" => Some("<strings>".into()),
        _ => None,
    }
}

/// A scalar as the name of its kind; of an object or an array, all fields so. Equal items are one.
fn kind(value: &Value) -> Value {
    let name = match value {
        Value::Null => return Value::Null,
        Value::Bool(_) => "<boolean>",
        Value::Number(_) => "<number>",
        Value::String(_) => "<string>",
        Value::Object(fields) => {
            let kinds = fields.iter().map(|(name, value)| (name, of_the_moment(name).unwrap_or(kind(value))));
            return kinds.map(|(name, kind)| (name.clone(), kind)).collect();
        }
        Value::Array(items) => {
            let mut kinds: Vec<Value> = items.iter().map(kind).collect();
            kinds.dedup();
            return kinds.into();
        }
    };
    name.into()
}

/// What `--json` prints is a contract with scripts: fields are added, never renamed or taken away.
#[test]
fn json_of_the_commands() {
    let mut daemon = Daemon::start(Setup::default());
    let (page, account) = lightest_case(&daemon.world);
    let picture = daemon.folder.path().join("no picture.png");
    fs::write(&picture, b"no picture").unwrap();
    let picture = picture.to_str().unwrap();
    let mut text = String::new();
    let mut add = |daemon: &Daemon, words: &[&str], normalize: fn(&Value) -> Value| {
        let output = daemon.command(&[words, &["--json"]].concat());
        let printed = String::from_utf8(output.stdout).unwrap();
        // Those that need no daemon are read by people too.
        let is_broken_up = ["links", "check"].contains(&words[0]);
        assert!(is_broken_up || printed.lines().count() == 1, "{words:?}: {printed:?} {:?}", output.stderr);
        let value = normalize(&serde_json::from_str(&printed).unwrap());
        let words = words.join(" ").replace(picture, "PICTURE").replace(&page, "PAGE");
        let status = output.status.code().unwrap();
        text.push_str(&format!("$ aotf {words} --json     # exit status {status}\n{value:#}\n\n"));
    };
    add(&daemon, &["query", &page, "--wait"], normalized);
    add(&daemon, &["query", "hello"], normalized);
    add(&daemon, &["scan", account, "--wait"], normalized);
    add(&daemon, &["scan", "nobody_at_all", "--wait"], normalized);
    add(&daemon, &["search", picture, "--wait"], normalized);
    add(&daemon, &["account", account], normalized);
    add(&daemon, &["account", "nobody_at_all"], normalized);
    add(&daemon, &["health"], normalized);
    // How many workers and steps there are is the machine's affair.
    for name in ["stats", "threads", "queues", "metrics", "version"] {
        add(&daemon, &[name], kind);
    }
    add(&daemon, &["stacks"], normalized);
    add(&daemon, &["check"], kind);
    add(&daemon, &["links", &page], normalized);
    add(&daemon, &["stop"], normalized);
    assert!(daemon.root.wait().unwrap().success());
    check("tests/it/golden/json.txt", &text);
}

#[test]
fn manual_pages_for_every_command() {
    let folder = tempfile::tempdir().unwrap();
    let output = binary().arg("man").arg(folder.path()).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    for page in ["aotf.1", "aotf-query.1", "aotf-db-backup.1"] {
        let text = fs::read_to_string(folder.path().join(page)).unwrap();
        assert!(text.contains(".TH"), "{page}: {text}");
    }
    assert!(!folder.path().join("aotf-container.1").exists());
}
