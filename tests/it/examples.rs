//! The examples of the API's documents are run as they stand there, against the demo world. Only the server's
//! address is that of the test, and in the reference and the README the artwork's page and the account.

use std::fs;
use std::io::{BufRead, BufReader, ErrorKind};
use std::process::{Child, Command, Output, Stdio};

use aotf::demo::world::cases::SAMPLE;

use crate::console::lightest_case;
use crate::daemon::{Daemon, Setup, binary, free_port, wait_for};
use crate::documents::read;
use crate::needs::skipped;
use crate::webdriver::{Browser, Profile};

const SERVER: &str = "http://127.0.0.1:3301";
const PAGE: &str = "https://www.deviantart.com/nopeys/art/Azula-847851539";
const ACCOUNT: &str = "nopeys1";

/// The blocks of a document in one language.
fn blocks(document: &str, language: &str) -> Vec<String> {
    let text = read(document);
    let begin = format!("\n```{language}\n");
    let found: Vec<String> =
        text.split(&begin).skip(1).map(|rest| rest.split("\n```").next().unwrap().to_owned()).collect();
    assert!(!found.is_empty(), "{document} has no example in {language}: does the test still understand it?");
    found
}

/// A daemon that has answered for the page that the examples ask for, and what stands for their names.
struct World {
    daemon: Daemon,
    page: String,
    account: &'static str,
    id: String,
}

impl World {
    fn start() -> World {
        let daemon = Daemon::start(Setup::default());
        let (page, account) = lightest_case(&daemon.world);
        let id = daemon.query(&page)["id"].as_str().unwrap().to_owned();
        fs::write(daemon.folder.path().join("artwork.png"), SAMPLE.art().bytes).unwrap();
        World { daemon, page, account, id }
    }

    /// The example for this world.
    fn adapted(&self, example: &str) -> String {
        let server = format!("http://{}", self.daemon.address);
        let own = example.replace(SERVER, &server).replace(PAGE, &self.page).replace(ACCOUNT, self.account);
        own.replace("8d7f...,51c0...", &self.id)
    }

    /// Runs a program on a text in the folder that holds the pictures; `None`, and a loud word, where there
    /// is no such program.
    #[track_caller]
    fn run(&self, program: &str, arguments: &[&str], text: &str) -> Option<String> {
        let run = Command::new(program)
            .args(arguments)
            .arg(text)
            .current_dir(self.daemon.folder.path())
            .stdin(Stdio::null())
            .output();
        match run {
            Ok(Output { status, stdout, stderr }) => {
                let (told, errors) = (String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
                assert!(status.success(), "{program}: {text}\n{told}\n{errors}");
                Some(told.into_owned())
            }
            Err(error) if error.kind() == ErrorKind::NotFound => {
                skipped(format!("{program} is not installed; the examples for it were not run"));
                None
            }
            Err(error) => panic!("{program}: {error}"),
        }
    }
}

fn is_there(program: &str, arguments: &[&str]) -> bool {
    let run = Command::new(program).args(arguments).stdout(Stdio::null()).stderr(Stdio::null()).status();
    run.is_ok_and(|status| status.success())
}

/// The guide on a server that nobody gave a key: X is not searched, and everything works. The pages are the
/// guide's own.
struct Guide {
    world: World,
}

impl Guide {
    fn start() -> Guide {
        let daemon = Daemon::start(Setup { keyless: true, ..Setup::default() });
        fs::create_dir(daemon.folder.path().join("demo")).unwrap();
        fs::write(daemon.folder.path().join("demo/artwork.jpg"), SAMPLE.art().bytes).unwrap();
        Guide { world: World { daemon, page: PAGE.to_owned(), account: ACCOUNT, id: String::new() } }
    }
}

const GUIDE: &str = "docs/api-guide.md";
/// The artwork that the guide asks for.
const GUIDE_PAGE: &str = "https://www.artstation.com/artwork/70013";

fn has_curl_and_jq() -> bool {
    let there = is_there("curl", &["--version"]) && is_there("jq", &["--version"]);
    if !there {
        skipped("curl or jq is not installed; the examples for curl were not run");
    }
    there
}

/// A script in which a status that says no is an error.
fn strict(script: &str) -> String {
    format!("curl() {{ command curl --fail-with-body --max-time 200 \"$@\"; }}\n{script}")
}

#[test]
fn the_examples_for_curl_are_answered() {
    if !has_curl_and_jq() {
        return;
    }
    let world = World::start();
    let mut requests = 0;
    for document in ["README.md", "README.fr.md", "docs/http-api.md"] {
        let examples = blocks(document, "sh");
        // Those of webhooks have a test of their own.
        let of_curl = examples.iter().filter(|block| block.contains("curl ") && !block.contains("webhook="));
        for block in of_curl {
            requests += block.matches("curl ").count();
            let told = world.run("sh", &["-eu", "-c"], &world.adapted(&strict(block))).unwrap();
            let is_credit = told.contains("Artist:") || told.contains("The search goes on");
            let is_right = match block.contains("/credit?") {
                true => is_credit,
                false => told.contains("status") || told.trim_start().starts_with('['),
            };
            assert!(is_right, "{document}: {block}\n{told}");
        }
    }
    assert!(requests > 6, "only {requests} requests were found");
}

#[test]
fn the_guide_for_curl_works_without_keys() {
    if !has_curl_and_jq() {
        return;
    }
    let Guide { world } = Guide::start();
    let examples = blocks(GUIDE, "sh");
    let mut told = String::new();
    for block in examples.iter().filter(|block| block.contains("curl ")) {
        told += &world.run("sh", &["-eu", "-c"], &world.adapted(&strict(block))).unwrap();
    }
    // The query, its events to the end, the picture's posts.
    assert!(told.contains("\"posts\":[]"), "{told}");
    assert!(told.contains("\"status\":\"END\""), "{told}");
    assert!(told.contains("bluesky 0 identical https://bsky.app/profile/did:plc:demorowan"), "{told}");
    let description = fs::read(world.daemon.folder.path().join("openapi.json")).unwrap();
    let description: serde_json::Value = serde_json::from_slice(&description).unwrap();
    assert_eq!(description["openapi"], "3.1.0");
}

#[test]
fn the_guide_in_python_works_without_keys() {
    if !has_requests() {
        return;
    }
    let Guide { world } = Guide::start();
    let guide = blocks(GUIDE, "python").join("\n");
    let told = world.run("python3", &["-c"], &world.adapted(&guide)).unwrap();
    let lines: Vec<&str> = told.lines().collect();
    // The posts of the page, what the bot says, the posts of the picture, the pages at once.
    let found = |line: &str, network: &str| line.starts_with(&format!("{network} 0 identical https://"));
    assert!(lines.len() == 6 && found(lines[0], "bluesky") && found(lines[1], "mastodon"), "{told}");
    assert!(
        lines[2].starts_with("https://bsky.app/profile/")
            && lines[2].ends_with(" by @demo-rowan.bsky.social"),
        "{told}"
    );
    assert!(found(lines[3], "bluesky"), "{told}");
    assert!(lines[4..].contains(&format!("{GUIDE_PAGE} None 2").as_str()), "{told}");
    assert!(lines[4..].contains(&"https://www.artstation.com/artwork/70014 None 1"), "{told}");
}

fn has_requests() -> bool {
    let there = is_there("python3", &["-c", "import requests"]);
    if !there {
        skipped("python3 with requests is not installed; the examples in Python were not run");
    }
    there
}

#[test]
fn the_reference_in_python_finds_the_posts() {
    if !has_requests() {
        return;
    }
    let world = World::start();
    let examples = blocks("docs/http-api.md", "python");
    let call = format!("{}\nprint(find({PAGE:?})['posts'][0]['url'])", examples[0]);
    let told = world.run("python3", &["-c"], &world.adapted(&call)).unwrap();
    assert!(told.starts_with("https://x.com/"), "{told}");
}

/// What the reference says about trying a webhook, word for word: its receiver, its demo, its two requests.
#[test]
fn a_webhook_is_tried_with_the_demo_as_the_reference_says() {
    if !has_curl_and_jq() || !is_there("python3", &["--version"]) {
        return skipped("python3 is not installed; no webhook was tried with the demo");
    }
    let folder = tempfile::tempdir().unwrap();
    let (port, receiver_port) = (free_port(), free_port());
    let adapted = |example: &str| {
        let own = example.replace("127.0.0.1:3301", &format!("127.0.0.1:{port}"));
        let own = own.replace("127.0.0.1:3302", &format!("127.0.0.1:{receiver_port}"));
        own.replace("(\"127.0.0.1\", 3302)", &format!("(\"127.0.0.1\", {receiver_port})"))
    };
    let receiver =
        blocks("docs/http-api.md", "python").into_iter().find(|block| block.contains("serve_forever"));
    let mut receiver = Stopped(
        Command::new("python3")
            .args(["-c", &adapted(&receiver.unwrap())])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap(),
    );
    let mut lines = BufReader::new(receiver.0.stdout.take().unwrap()).lines();

    let shell = blocks("docs/http-api.md", "sh");
    let demo = shell.iter().find(|block| block.starts_with("aotf demo --webhook ")).unwrap();
    let demo = adapted(demo.split(" #").next().unwrap());
    let log = fs::File::create(folder.path().join("demo.log")).unwrap();
    let _demo = Stopped(
        binary()
            .args(demo.split_whitespace().skip(1))
            .args(["--no-console", "--port", &port.to_string()])
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap(),
    );
    let address = format!("127.0.0.1:{port}");
    wait_for("the demo", || std::net::TcpStream::connect(&address).ok());

    let requests = adapted(shell.iter().find(|block| block.contains("webhook=demo")).unwrap());
    let ask = || {
        let run =
            Command::new("sh").args(["-eu", "-c", &strict(&requests)]).stdin(Stdio::null()).output().unwrap();
        assert!(run.status.success(), "{run:?}");
        String::from_utf8(run.stdout).unwrap()
    };
    // Until the demo's daemon is ready it says so, with a status that is an error here.
    let ready = || Command::new("curl").args(["-sf", &format!("http://{address}/readyz")]).output().unwrap();
    wait_for("the demo's daemon", || ready().status.success().then_some(()));
    ask();
    let mut told = vec![lines.next().unwrap().unwrap(), lines.next().unwrap().unwrap()];
    let delivery = |line: &String| line.split(' ').next().unwrap().to_owned();
    told.sort_by_key(|line| line.contains("NOT_AN_ARTWORK_PAGE"));
    let [found, refused] = &told[..] else { panic!("{told:?}") };
    assert!(found.contains(&format!(" {GUIDE_PAGE} None https://x.com/demo_rowan/status/")), "{found}");
    assert!(
        refused.ends_with(" https://www.deviantart.com/demo-juniper/gallery NOT_AN_ARTWORK_PAGE"),
        "{refused}"
    );
    assert_ne!(delivery(found), delivery(refused));
    // The same requests again print nothing: what comes next is of a page that was not asked for before.
    let again = ask();
    assert!(again.contains("\"status\":\"END\""), "{again}");
    let next = format!("http://{address}/query?webhook=demo&url=no-url-at-all");
    assert!(Command::new("curl").args(["-sf", &next]).output().unwrap().status.success());
    assert!(lines.next().unwrap().unwrap().ends_with(" no-url-at-all NOT_AN_URL"));
}

/// A program that is ended with this value.
struct Stopped(Child);

impl Drop for Stopped {
    fn drop(&mut self) {
        // The demo stops what it has started when it is asked to.
        let _ = Command::new("kill").args(["-TERM", &self.0.id().to_string()]).status();
        let _ = self.0.wait();
    }
}

#[test]
fn the_example_for_node_finds_the_posts() {
    if !is_there("node", &["-e", "fetch"]) {
        return skipped("node (18 or later) is not installed; the examples in JavaScript were not run");
    }
    let Guide { world } = Guide::start();
    let scripts = blocks(GUIDE, "javascript");
    let find = scripts.iter().find(|script| script.contains("async function find")).unwrap();
    let call = format!("{find}\nfind({GUIDE_PAGE:?}).then((posts) => console.log(posts[0].url));");
    let told = world.run("node", &["-e"], &world.adapted(&call)).unwrap();
    assert!(told.starts_with("https://bsky.app/profile/did:plc:demorowan"), "{told}");
}

#[test]
fn the_example_for_browsers_follows_a_query() {
    let Some(browser) = Browser::open(Profile::default()) else { return };
    let Guide { world } = Guide::start();
    let scripts = blocks(GUIDE, "javascript");
    let follow = scripts.iter().find(|script| script.contains("EventSource")).unwrap();
    browser.go(&format!("http://{}/", world.daemon.address));
    let call = format!(
        "{follow}\nwindow.told = []; follow({GUIDE_PAGE:?}, (answer) => told.push(answer.posts.length));"
    );
    browser.script(&world.adapted(&call), &[]);
    wait_for("the answer in the browser", || {
        let told = browser.script("return window.told", &[]);
        told.as_array().and_then(|told| told.last()?.as_u64()).filter(|count| *count > 0)
    });
}

#[test]
fn the_bookmarklet_opens_the_page_with_the_query() {
    let Some(browser) = Browser::open(Profile::default()) else { return };
    let world = World::start();
    let scripts = blocks("docs/http-api.md", "javascript");
    // The demo world's artworks are on no host that a browser could open: their address stands for the
    // window's.
    let example = |part: &str| {
        let script = scripts.iter().find(|script| script.contains(part)).unwrap();
        let page = format!("{:?}", world.page);
        assert!(script.contains("location.href"), "{script}");
        world.adapted(script).replace("location.href", &page)
    };
    let start = format!("http://{}/healthz", world.daemon.address);
    browser.go(&start);
    let bookmarklet = example("javascript:");
    browser.script(bookmarklet.trim().strip_prefix("javascript:").unwrap(), &[]);
    browser.switch_to_window(2);
    browser.wait_for_text(".card", "Open the post");
    let link = browser.attribute(".card a.button", "href").unwrap();
    assert!(link.starts_with(&format!("https://x.com/{}/status/", world.account)), "{link}");
}
