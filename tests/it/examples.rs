//! The examples of the API's documents are run as they stand there, against the demo world. Only the server's
//! address, the artwork's page and the account are those of the test.

use std::fs;
use std::io::ErrorKind;
use std::process::{Command, Output, Stdio};

use aotf::demo::world::cases::SAMPLE;

use crate::console::lightest_case;
use crate::daemon::{Daemon, Setup, wait_for};
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
        for name in ["picture.png", "artwork.png"] {
            fs::write(daemon.folder.path().join(name), SAMPLE.art().bytes).unwrap();
        }
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

#[test]
fn the_examples_for_curl_are_answered() {
    let (curl, jq) = (is_there("curl", &["--version"]), is_there("jq", &["--version"]));
    if !curl || !jq {
        return skipped("curl or jq is not installed; the examples for curl were not run");
    }
    let world = World::start();
    let mut requests = 0;
    for document in ["README.md", "README.fr.md", "docs/api-guide.md", "docs/http-api.md"] {
        for block in blocks(document, "sh").iter().filter(|block| block.contains("curl ")) {
            requests += block.matches("curl ").count();
            // A status that says no is an error here.
            let script = format!("curl() {{ command curl --fail-with-body --max-time 60 \"$@\"; }}\n{block}");
            let told = world.run("sh", &["-eu", "-c"], &world.adapted(&script)).unwrap();
            assert!(
                told.contains("status") || told.trim_start().starts_with('['),
                "{document}: {block}\n{told}"
            );
        }
    }
    assert!(requests > 8, "only {requests} requests were found");
}

#[test]
fn the_examples_in_python_find_the_posts() {
    if !is_there("python3", &["-c", "import requests"]) {
        return skipped("python3 with requests is not installed; the examples in Python were not run");
    }
    let world = World::start();
    let guide =
        blocks("docs/api-guide.md", "python").join("\n") + "\nprint(answer['error'], answer['status'])";
    let told = world.run("python3", &["-c"], &world.adapted(&guide)).unwrap();
    let first = told.lines().next().unwrap_or_default();
    assert!(first.contains(&format!("https://x.com/{}/status/", world.account)), "{told}");
    assert!(told.lines().last().unwrap().starts_with("None "), "the search was accepted: {told}");

    let [asking, webhooks] = &blocks("docs/http-api.md", "python")[..] else { panic!("other examples") };
    let call = format!("{asking}\nprint(find({PAGE:?})['results'][0]['url'])");
    let told = world.run("python3", &["-c"], &world.adapted(&call)).unwrap();
    assert!(told.starts_with("https://x.com/"), "{told}");
    let check = format!(
        "{webhooks}\nnow = str(int(time.time()))\n\
         sign = lambda secret: 'sha256=' + hmac.new(secret, now.encode() + b'.body', hashlib.sha256).hexdigest()\n\
         told = lambda secret: {{'X-AOTF-Timestamp': now, 'X-AOTF-Signature': sign(secret)}}\n\
         print(is_genuine(told(b's'), b'body', b's'), is_genuine(told(b'other'), b'body', b's'))"
    );
    assert_eq!(world.run("python3", &["-c"], &check).unwrap().trim(), "True False");
}

#[test]
fn the_example_for_node_finds_the_posts() {
    if !is_there("node", &["-e", "fetch"]) {
        return skipped("node (18 or later) is not installed; the examples in JavaScript were not run");
    }
    let world = World::start();
    let scripts = blocks("docs/api-guide.md", "javascript");
    let find = scripts.iter().find(|script| script.contains("async function find")).unwrap();
    let call = format!("{find}\nfind({PAGE:?}).then((results) => console.log(results[0].url));");
    let told = world.run("node", &["-e"], &world.adapted(&call)).unwrap();
    assert!(told.starts_with(&format!("https://x.com/{}/status/", world.account)), "{told}");
}

#[test]
fn the_example_for_browsers_follows_a_query() {
    let Some(browser) = Browser::open(Profile::default()) else { return };
    let world = World::start();
    let scripts = blocks("docs/api-guide.md", "javascript");
    let follow = scripts.iter().find(|script| script.contains("EventSource")).unwrap();
    browser.go(&format!("http://{}/", world.daemon.address));
    let call = format!(
        "{follow}\nwindow.told = []; follow({PAGE:?}, (answer) => told.push(answer.results.length));"
    );
    browser.script(&world.adapted(&call), &[]);
    wait_for("the answer in the browser", || {
        let told = browser.script("return window.told", &[]);
        told.as_array().and_then(|told| told.last()?.as_u64()).filter(|count| *count > 0)
    });
}

#[test]
fn the_bookmarklet_and_the_userscript_open_the_page_with_the_query() {
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
    let shows_the_post = || {
        browser.wait_for_text(".card", "Open the post");
        let link = browser.attribute(".card a.button", "href").unwrap();
        assert!(link.starts_with(&format!("https://x.com/{}/status/", world.account)), "{link}");
    };
    let start = format!("http://{}/healthz", world.daemon.address);
    browser.go(&start);
    let bookmarklet = example("javascript:");
    browser.script(bookmarklet.trim().strip_prefix("javascript:").unwrap(), &[]);
    browser.switch_to_window(2);
    shows_the_post();

    browser.go(&start);
    browser.script(&example("==UserScript=="), &[]);
    browser.click("button");
    browser.switch_to_window(3);
    shows_the_post();
}
