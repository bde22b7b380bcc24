//! Clients of the HTTP API: those of `clients/` with their crawlers, and what public generators make of
//! `/openapi.json`, each against the real program.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use aotf::demo::world::cases::SAMPLE;
use aotf::demo::world::{Endpoint, Options, World};
use serde_json::Value;

use crate::daemon::{Daemon, Setup, WHOLE};
use crate::needs::skipped;

/// A page of an artist on three networks, and the artist's name on one of them; that account shows `SAMPLE`
/// too.
const PAGE: &str = "https://www.artstation.com/artwork/70013";
const ACCOUNT: &str = "demo-rowan.bsky.social";
/// A key that allows one request a second, and nothing that is not for everybody.
const PLAIN_KEY: &str = "a plain key of the tests";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Where `tests/setup/install-client-generators.sh` puts what it installs.
fn tool(path: &str) -> Option<PathBuf> {
    let tools = root().join("target/test-tools");
    let tool = tools.join(path);
    if tools.join("installed").exists() && tool.exists() {
        return Some(tool);
    }
    skipped(format!("{path} is not installed: sh tests/setup/install-client-generators.sh"));
    None
}

fn is_there(program: &str, arguments: &[&str]) -> bool {
    let run = Command::new(program).args(arguments).stdout(Stdio::null()).stderr(Stdio::null()).status();
    run.is_ok_and(|status| status.success())
}

fn python() -> bool {
    let there = is_there("python3", &["-c", "import sys; sys.exit(sys.version_info < (3, 9))"]);
    if !there {
        skipped("python3 (3.9 or later) is not installed; the Python client was not tried");
    }
    there
}

fn node() -> bool {
    let there = is_there("node", &["-e", "fetch"]);
    if !there {
        skipped("node (18 or later) is not installed; the JavaScript client was not tried");
    }
    there
}

/// What a program prints, and what it warns of; it must end well.
#[track_caller]
fn run_and_hear(command: &mut Command) -> (String, String) {
    let output = command.stdin(Stdio::null()).output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    let warned = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{command:?}\n{told}\n{warned}");
    (told, warned)
}

/// What a program prints; it must end well.
#[track_caller]
fn run(command: &mut Command) -> String {
    run_and_hear(command).0
}

/// A daemon that knows the plain key, and the picture to search by.
fn daemon() -> (Daemon, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let digest = aotf::config::sha256(PLAIN_KEY.as_bytes());
    let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    let keys =
        format!("[[api_keys]]\nname = \"plain\"\nsha256 = \"{digest}\"\nrequests_per_second = 1\n{WHOLE}");
    let picture = folder.path().join("artwork.jpg");
    fs::write(&picture, SAMPLE.art().bytes).unwrap();
    let world = World::start(Options::default()).unwrap();
    let extra = Box::leak(keys.into_boxed_str());
    // What is spent is told to addresses that may watch, whichever key they show: here none is one.
    let setup = Setup { extra, http: "monitor_ips = []", ..Setup::default() };
    let daemon = Daemon::start_in(folder, world, &setup);
    // So that its accounts are indexed, whichever test comes first.
    daemon.query(PAGE);
    (daemon, picture)
}

/// With what the clients' tests read.
fn test_of_client(program: &str, folder: &str, daemon: &Daemon, picture: &Path) -> Command {
    let mut command = Command::new(program);
    command
        .current_dir(root().join("clients").join(folder))
        .env("PYTHONPATH", "src")
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("AOTF_TEST_SERVER", format!("http://{}", daemon.address))
        .env("AOTF_TEST_PAGE", PAGE)
        .env("AOTF_TEST_ACCOUNT", ACCOUNT)
        .env("AOTF_TEST_IMAGE", picture)
        .env("AOTF_TEST_PLAIN_KEY", PLAIN_KEY);
    command
}

#[test]
fn the_clients_pass_their_tests_against_the_daemon() {
    let (python, node) = (python(), node());
    if !python && !node {
        return;
    }
    let (daemon, picture) = daemon();
    if python {
        let mut tests = test_of_client("python3", "python", &daemon, &picture);
        run(tests.args(["-W", "error", "-m", "unittest", "discover", "-s", "tests"]));
    }
    if node {
        let mut tests = test_of_client("node", "javascript", &daemon, &picture);
        let told = run(tests.args(["--test", "test/"]));
        assert!(told.contains("skipped 0"), "{told}");
    }
}

/// One crawler: its name without the ending, the host that it asks, what it searches for, and the pages that
/// it should ask for, in order.
const CRAWLS: &[(&str, &str, &[&str], &[&str])] = &[
    (
        "crawl_danbooru_tag",
        "danbooru.donmai.us",
        &["original"],
        &["https://danbooru.donmai.us/posts/7000007", "https://danbooru.donmai.us/posts/7000006"],
    ),
    ("crawl_derpibooru_search", "furbooru.org", &["safe, smiling"], &["https://furbooru.org/images/240001"]),
    (
        "crawl_deviantart_popular",
        "backend.deviantart.com",
        &[],
        &[
            "https://www.deviantart.com/demo-briar/art/Leave-Me-Alone-912000014",
            "https://www.deviantart.com/demo-cedar/art/Old-Times-912000013",
            "https://www.deviantart.com/demo-willow/art/My-Cave-912000012",
        ],
    ),
    (
        "crawl_deviantart_search",
        "backend.deviantart.com",
        &["giggle"],
        &["https://www.deviantart.com/demo-maple/art/Giggle-912000010"],
    ),
];

/// Each crawler is stopped after one page and started again; what is done is not done twice.
#[test]
fn the_crawlers_go_on_where_they_were_stopped() {
    let mut programs = Vec::new();
    if python() {
        programs.push(("python3", "python", "py"));
    }
    if node() {
        programs.push(("node", "javascript", "js"));
    }
    if programs.is_empty() {
        return;
    }
    let daemon = Daemon::start(Setup::default());
    let server = format!("http://{}", daemon.address);
    for (program, folder, ending) in programs {
        for (crawler, host, subject, expect) in CRAWLS {
            let record = daemon.folder.path().join(format!("{folder}-{crawler}.jsonl"));
            let site = format!("{}/{host}", daemon.world.base_url());
            let crawl = |limit: usize| {
                let mut command = test_of_client(program, folder, &daemon, Path::new(""));
                command.arg(format!("examples/{crawler}.{ending}")).args(*subject);
                command.args(["--server", &server, "--site", &site, "--pause", "0", "--record"]).arg(&record);
                // One at a time: they end in the order in which they are asked for.
                let told = run(command.args(["--in-progress", "1", "--limit", &limit.to_string()]));
                let pages = told.lines().filter(|line| line.starts_with("https://"));
                pages.map(|line| line.split(' ').next().unwrap().to_owned()).collect::<Vec<_>>()
            };
            assert_eq!(crawl(1), expect[..1], "{folder}/{crawler}");
            // As a kill in the middle of a line leaves it.
            let mut text = fs::read_to_string(&record).unwrap();
            text.push_str("{\"page\": \"https://half");
            fs::write(&record, text).unwrap();
            let asked = daemon.world.served(Endpoint::SitePage);
            let rest = crawl(expect.len() - 1 + usize::from(expect.len() == 1));
            assert_eq!(rest, expect[1..], "{folder}/{crawler}");
            assert!(daemon.world.served(Endpoint::SitePage) > asked, "{folder}/{crawler} asked the site");
            let lines = fs::read_to_string(&record).unwrap();
            let entries: Vec<Value> =
                lines.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
            let done: Vec<&str> = entries.iter().filter_map(|entry| entry["page"].as_str()).collect();
            assert_eq!(done, *expect, "{folder}/{crawler}: {lines}");
            let of_pages = entries.iter().filter(|entry| entry["page"].is_string());
            assert!(
                of_pages.clone().all(|entry| entry["cost_usd"].is_number()),
                "{folder}/{crawler}: {lines}"
            );
        }
    }
    let found = fs::read_to_string(daemon.folder.path().join("python-crawl_deviantart_search.jsonl"));
    if let Ok(found) = found {
        assert!(found.contains("https://x.com/demo_maple/status/"), "{found}");
    }
}

/// Requests of all kinds that the description allows, and of kinds that it does not, thousands of them at
/// need: no fault of the server (5xx), no status that is not described for the operation, no answer that is
/// not as described.
#[test]
fn the_server_does_what_its_description_says() {
    let Some(schemathesis) = tool("python/bin/schemathesis") else { return };
    const KEY: &str = "a key that may do everything";
    let digest = aotf::config::sha256(KEY.as_bytes());
    let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    let extra = format!(
        "[[api_keys]]\nname = \"all\"\nsha256 = \"{digest}\"\nadvanced = true\ncancel = true\nverdicts = true\nwatches = true\n\
         requests_per_second = 100000\nmax_processing_requests = 10000\n"
    );
    let daemon = Daemon::start(Setup { extra: Box::leak(extra.into_boxed_str()), ..Setup::default() });
    let mut described = daemon.get("/openapi.json");
    // What is read here as OpenAPI 3.2 has it: an event is described apart from its stream.
    described["openapi"] = "3.2.0".into();
    // Feeds have names that nobody can guess, and their streams have no end.
    let watch = daemon.command(&["watch", "demo-rowan.bsky.social", "--json"]);
    let watch: Value = serde_json::from_slice(&watch.stdout).unwrap();
    let feed = watch["feed"].as_str().unwrap().trim_start_matches("/feeds/");
    described["paths"]["/feeds/{feed}"]["get"]["parameters"][0]["schema"] =
        serde_json::json!({ "type": "string", "enum": [feed] });
    described["paths"].as_object_mut().unwrap().remove("/feeds/{feed}/events").unwrap();
    let paths = described["paths"].as_object_mut().unwrap().values_mut();
    let mut operations = 0;
    for operation in paths.flat_map(|methods| methods.as_object_mut().unwrap().values_mut()) {
        let responses = operation["responses"].as_object_mut().unwrap();
        operations += 1;
        // It stands for any other status.
        responses.remove("default").unwrap();
        for content in responses.values_mut().filter_map(|response| response.get_mut("content")) {
            let Some(stream) = content.get_mut("text/event-stream") else { continue };
            let answer = stream.as_object_mut().unwrap().remove("schema").unwrap();
            let data = serde_json::json!({
                "type": "string", "contentMediaType": "application/json", "contentSchema": answer,
            });
            stream["itemSchema"] =
                serde_json::json!({ "type": "object", "required": ["data"], "properties": { "data": data } });
        }
    }
    let file = daemon.folder.path().join("described.json");
    fs::write(&file, described.to_string()).unwrap();
    let mut test = Command::new(schemathesis);
    test.current_dir(daemon.folder.path()).args(["run", "--url", &format!("http://{}", daemon.address)]);
    test.args(["--header", &format!("X-API-Key: {KEY}"), "--max-examples", "20"]);
    test.args(["--generation-deterministic", "--continue-on-failure", "--suppress-health-check", "all"]);
    // What is missing or odd is answered with an error's code and status 200, as the original does; whether a
    // webhook is there, no description says.
    test.args(["--exclude-checks", "negative_data_rejection,positive_data_acceptance"]);
    // Nor does it say which texts name an account or a page: most that are made up do not.
    test.args(["--warnings", "missing_auth,missing_test_data"]);
    let told = run(test.arg(&file));
    let tested = format!("Tested: {operations}\n");
    assert!(operations > 15 && told.contains(&tested) && told.contains("No issues found"), "{told}");
}

/// `/openapi.json` as a file.
fn description(daemon: &Daemon) -> PathBuf {
    let (status, body) = daemon.http("GET", "/api/openapi.json", &[], b"").unwrap();
    assert_eq!(status, 200);
    let file = daemon.folder.path().join("openapi.json");
    fs::write(&file, body).unwrap();
    file
}

/// What the server answers, written as a value of the type, is one: no field is missing, none is unknown.
#[test]
fn the_types_of_the_javascript_client_name_every_field() {
    let Some(compiler) = tool("node/node_modules/.bin/tsc") else { return };
    let (daemon, _) = daemon();
    let found = daemon.query(PAGE);
    let of_batch = daemon.get(&format!("/queries?ids={}", found["id"].as_str().unwrap()));
    let known = daemon.get(&format!("/account?name={ACCOUNT}"));
    let mut program = format!(
        "import type * as aotf from {:?};\n",
        root().join("clients/javascript/index.js").to_str().unwrap()
    );
    for (kind, value) in [
        ("Answer", &found),
        ("BatchEntry", &of_batch["queries"][0]),
        ("ArtistAnswer", &daemon.get(&format!("/artist?url={PAGE}"))),
        ("KnownAccount", &known["accounts"][0]),
        ("Stats", &daemon.get("/stats")),
        ("Config", &daemon.get("/config")),
        ("ErrorEntry[]", &daemon.get("/errors")),
    ] {
        program.push_str(&format!("{{ const value: aotf.{kind} = {value}; void value; }}\n"));
    }
    let folder = daemon.folder.path();
    fs::write(folder.join("package.json"), "{\"type\": \"module\"}").unwrap();
    fs::write(folder.join("check.ts"), program).unwrap();
    let mut compile = Command::new(compiler);
    compile.current_dir(folder).args(["--strict", "--noEmit", "--target", "es2022", "--module", "nodenext"]);
    run(compile.arg("check.ts"));
}

#[test]
fn the_description_makes_a_python_client_that_works() {
    let Some(generator) = tool("python/bin/openapi-python-client") else { return };
    let Some(validator) = tool("python/bin/openapi-spec-validator") else { return };
    let (daemon, picture) = daemon();
    let description = description(&daemon);
    run(Command::new(validator).arg("--errors").arg("all").arg(&description));
    let folder = daemon.folder.path();
    // Without the tools that make the code pretty.
    fs::write(folder.join("config.yml"), "post_hooks: []\n").unwrap();
    let mut generate = Command::new(generator);
    generate.current_dir(folder).args(["generate", "--meta", "none", "--output-path", "generated"]);
    let (_, warned) = run_and_hear(generate.args(["--config", "config.yml", "--path"]).arg(&description));
    // It knows no bodies of plain text, and sends the form that is described beside it.
    let unsupported: Vec<&str> = warned.lines().filter(|line| line.starts_with("Unsupported")).collect();
    assert_eq!(unsupported, ["Unsupported content type text/plain"], "{warned}");
    // Feeds are for others.
    assert!(warned.contains("Unsupported content_type application/atom+xml"), "{warned}");
    assert!(warned.matches("WARNING").count() == 2 && !warned.contains("ERROR"), "{warned}");
    let script = root().join("tests/fixtures/clients/drive.py");
    let mut drive = Command::new(root().join("target/test-tools/python/bin/python"));
    drive.current_dir(folder).env("PYTHONPATH", folder).env("PYTHONDONTWRITEBYTECODE", "1").arg(script);
    let told = run(drive.args([&format!("http://{}", daemon.address), PAGE]).arg(&picture).arg(PLAIN_KEY));
    assert_eq!(told, "generated client: ok\n");
}

#[test]
fn the_description_makes_a_typescript_client_that_works() {
    let Some(generator) = tool("node/node_modules/.bin/openapi-ts") else { return };
    let Some(compiler) = tool("node/node_modules/.bin/tsc") else { return };
    if !node() {
        return;
    }
    let (daemon, picture) = daemon();
    let description = description(&daemon);
    let folder = daemon.folder.path();
    // Node wants the names of files in imports, and to be told that they are modules.
    let output = "output: { path: \"client\", module: { extension: \".js\" } }";
    let config = format!("export default {{ input: {description:?}, {output} }};");
    fs::write(folder.join("openapi-ts.config.mjs"), config).unwrap();
    fs::write(folder.join("package.json"), "{\"type\": \"module\"}").unwrap();
    run(Command::new(generator).current_dir(folder));
    fs::copy(root().join("tests/fixtures/clients/drive.ts"), folder.join("drive.ts")).unwrap();
    let mut compile = Command::new(compiler);
    compile.current_dir(folder).args([
        "--strict",
        "--target",
        "es2022",
        "--skipLibCheck",
        "--module",
        "nodenext",
    ]);
    compile.arg("--typeRoots").arg(root().join("target/test-tools/node/node_modules/@types"));
    run(compile.args(["--types", "node", "--outDir", "built", "drive.ts"]));
    let mut drive = Command::new("node");
    drive.current_dir(folder).arg("built/drive.js");
    let told = run(drive.args([&format!("http://{}", daemon.address), PAGE]).arg(&picture).arg(PLAIN_KEY));
    assert_eq!(told, "generated client: ok\n");
}
