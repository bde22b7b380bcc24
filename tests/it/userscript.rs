//! The userscript in a real browser, on pages of the demo's sites and of hostile ones. It runs where script
//! managers put it: in a world of its own, beside the page's scripts. The test is its script manager: it
//! carries out each request by itself, so that it sees everything that is asked, and of whom.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::time::{Duration, Instant};

use aotf::demo::world::{Options, World};
use aotf::sites::{self, supported};
use serde_json::{Value, json};

use crate::daemon::{Daemon, Setup, wait_for};
use crate::documents::read;
use crate::golden;
use crate::webdriver::{Browser, Profile};

const FILE: &str = "src/front/http/web/aotf.user.js";

/// What a script manager gives a script, for a script that is alone in its world. What is asked waits until
/// the test answers it.
const MANAGER: &str = "
    globalThis.kept = new Map(KEPT);
    globalThis.asked = [];
    globalThis.waiting = new Map();
    globalThis.menus = new Map();
    globalThis.copied = [];
    globalThis.typed = [];
    globalThis.alerts = [];
    let last = 0;
    const send = (request) => {
        const { method, url, headers, anonymous, redirect } = request;
        const id = ++last;
        waiting.set(id, request);
        asked.push({ id, method, url, headers, anonymous, redirect });
        return { abort() { waiting.delete(id); request.onabort(); } };
    };
    globalThis.take = () => asked.splice(0);
    globalThis.answer = (id, answer) => {
        const request = waiting.get(id);
        waiting.delete(id);
        if (request) answer ? request.onload(answer) : request.onerror({});
    };
    // Dialogs stand outside the page.
    globalThis.prompt = () => typed.shift() ?? null;
    globalThis.alert = (words) => alerts.push(words);
    if (OLD) {
        globalThis.GM_xmlhttpRequest = send;
        globalThis.GM_getValue = (name, otherwise) => kept.get(name) ?? otherwise;
        globalThis.GM_setValue = (name, value) => { kept.set(name, value); };
        globalThis.GM_registerMenuCommand = (label, action) => { menus.set(label, action); };
        globalThis.GM_setClipboard = (words) => { copied.push(words); };
    } else {
        globalThis.GM = {
            xmlHttpRequest: (request) => { send(request); },
            getValue: async (name, otherwise) => kept.get(name) ?? otherwise,
            setValue: async (name, value) => { kept.set(name, value); },
            registerMenuCommand: (label, action) => { menus.set(label, action); },
            setClipboard: async (words) => { copied.push(words); },
        };
    }
    // The root is closed to all others.
    const attach = Element.prototype.attachShadow;
    Element.prototype.attachShadow = function (how) {
        globalThis.mode = how.mode;
        return (globalThis.root = attach.call(this, how));
    };
    globalThis.button = () => root.querySelector('[aria-expanded]');
    globalThis.isShown = (element) => element.getClientRects().length > 0;
    globalThis.shown = () => isShown(root.querySelector('section')) ? root.querySelector('section').innerText : '';
";

/// How a script manager differs from others.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Manager {
    /// `GM_xmlhttpRequest` and its like: Tampermonkey, Violentmonkey.
    Old,
    /// `GM.xmlHttpRequest` and its like alone: Greasemonkey 4.
    Greasemonkey,
}

/// The script on a page.
struct Script<'t> {
    browser: &'t Browser,
    daemon: &'t Daemon,
    /// The world in which it runs.
    context: Value,
    /// What was asked of the daemon: path and headers.
    asked: Vec<(String, Value)>,
}

impl<'t> Script<'t> {
    /// Runs the daemon's file on the page that is open, with what the script manager kept for it.
    fn on_page(
        browser: &'t Browser,
        daemon: &'t Daemon,
        manager: Manager,
        kept: &[(&str, &str)],
    ) -> Script<'t> {
        let (status, file) = daemon.http("GET", "/aotf.user.js", &[], b"").unwrap();
        assert_eq!(status, 200);
        let tree = browser.cdp("Page.getFrameTree", json!({}));
        let frame = &tree["frameTree"]["frame"]["id"];
        let world = json!({ "frameId": frame, "worldName": "script manager" });
        let context = browser.cdp("Page.createIsolatedWorld", world)["executionContextId"].clone();
        let script = Script { browser, daemon, context, asked: Vec::new() };
        let manager = MANAGER
            .replace("KEPT", &json!(kept).to_string())
            .replace("OLD", &(manager == Manager::Old).to_string());
        script.run(&format!("{{ {manager} }}"));
        script.run(&String::from_utf8(file).unwrap());
        script
    }

    /// The value of an expression in the script's world.
    #[track_caller]
    fn run(&self, expression: &str) -> Value {
        let evaluated = self.browser.cdp(
            "Runtime.evaluate",
            json!({ "expression": expression, "contextId": self.context, "returnByValue": true, "awaitPromise": true }),
        );
        assert!(evaluated.get("exceptionDetails").is_none(), "{expression}: {evaluated:#}");
        evaluated["result"]["value"].clone()
    }

    /// What it asks now, if anything. Nobody but the daemon is ever asked.
    fn take(&mut self) -> Vec<(Value, String)> {
        let asked = self.run("take()");
        let origin = format!("http://{}", self.daemon.address);
        let mut taken = Vec::new();
        for request in asked.as_array().unwrap() {
            let url = request["url"].as_str().unwrap();
            let path = url.strip_prefix(&origin).unwrap_or_else(|| panic!("asks {url}")).to_owned();
            assert_eq!(request["method"], "GET");
            assert_eq!((&request["anonymous"], &request["redirect"]), (&json!(true), &json!("error")));
            self.asked.push((path.clone(), request["headers"].clone()));
            taken.push((request["id"].clone(), path));
        }
        taken
    }

    fn answer(&self, id: &Value, answer: &Value) {
        self.run(&format!("answer({id}, {answer})"));
    }

    /// Has the daemon answer what is asked now, as a browser's extension would ask it.
    fn serve(&mut self) {
        for (id, path) in self.take() {
            let (_, headers) = self.asked.last().unwrap();
            let mut headers: Vec<(&str, &str)> = headers
                .as_object()
                .unwrap()
                .iter()
                .map(|(name, value)| (name.as_str(), value.as_str().unwrap()))
                .collect();
            headers.extend([("Sec-Fetch-Site", "cross-site"), ("Sec-Fetch-Mode", "cors")]);
            let (status, body) = self.daemon.http("GET", &path, &headers, b"").unwrap();
            let words = String::from_utf8(body).unwrap();
            self.answer(&id, &json!({ "status": status, "responseText": words, "responseHeaders": "" }));
        }
    }

    /// Waits until the panel shows this, while the daemon answers; all that the panel shows.
    #[track_caller]
    fn wait_for(&mut self, part: &str) -> String {
        wait_for(&format!("{part:?} in the panel"), || {
            self.serve();
            let shown = self.run("shown()").as_str().unwrap().to_owned();
            shown.contains(part).then_some(shown)
        })
    }

    /// A click of the mouse on an element of the panel, as a person makes it.
    fn click(&self, element: &str) {
        let place = self.run(&format!(
            "(() => {{ const box = ({element}).getBoundingClientRect(); return [box.x + box.width / 2, box.y + box.height / 2]; }})()"
        ));
        for kind in ["mousePressed", "mouseReleased"] {
            let event =
                json!({ "type": kind, "x": place[0], "y": place[1], "button": "left", "clickCount": 1 });
            self.browser.cdp("Input.dispatchMouseEvent", event);
        }
    }

    fn press(&self) {
        self.click("button()");
    }

    fn key(&self, key: &str) {
        for kind in ["keyDown", "keyUp"] {
            self.browser.cdp("Input.dispatchKeyEvent", json!({ "type": kind, "key": key, "code": key }));
        }
    }

    /// Chooses an entry of the script manager's menu, and types this into the dialog.
    fn choose(&self, label: &str, typed: &str) {
        self.run(&format!("typed.push({}); menus.get({})()", json!(typed), json!(label)));
    }

    fn is_offered(&self) -> bool {
        self.run("typeof root === 'object' && isShown(button())") == json!(true)
    }
}

/// A browser for which each of these hosts is at its address, and all others at `others`.
fn browser_at(profile: Profile, hosts: &[(&str, SocketAddr)], others: SocketAddr) -> Option<Browser> {
    let rules = hosts.iter().map(|(host, address)| format!("MAP {host} {address}, ")).collect::<String>();
    // What is served here has no certificates.
    let switches = [
        format!("--host-resolver-rules={rules}MAP * {others}"),
        "--disable-features=HttpsUpgrades,HttpsFirstBalancedModeAutoEnable".to_owned(),
    ];
    Browser::open_with(profile, &switches)
}

fn address_of(world: &World) -> SocketAddr {
    world.base_url().trim_start_matches("http://").trim_end_matches('/').parse().unwrap()
}

/// Answers every request with one page, and these headers.
fn serve_page(headers: &str, page: &str) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let answer = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: text/html; charset=utf-8\r\n{headers}connection: close\r\n\
         content-length: {}\r\n\r\n{page}",
        page.len()
    );
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { continue };
            let answer = answer.clone();
            std::thread::spawn(move || {
                let _ = stream.read(&mut [0; 8192]);
                let _ = stream.write_all(answer.as_bytes());
            });
        }
    });
    address
}

#[test]
fn the_file_in_the_documents_is_the_one_that_is_served() {
    golden::check("docs/aotf.user.js", &read(FILE));
    // A site is matched where a page of it is known, and nowhere else.
    let file = read(FILE);
    let matched = file.lines().filter_map(|line| line.strip_prefix("// @match"));
    let matched: Vec<&str> = matched
        .map(|line| line.trim().strip_prefix("https://").unwrap().strip_suffix("/*").unwrap())
        .collect();
    let (_, pages) = file.split_once("const PAGES = [\n").unwrap();
    let (pages, _) = pages.split_once("    ]").unwrap();
    let mut hosts = Vec::new();
    for page in pages.lines() {
        let (host, _) = page.trim().trim_matches(['"', ',']).split_once('/').unwrap();
        if hosts.last() != Some(&host) {
            hosts.push(host);
        }
    }
    assert_eq!(matched, hosts);
    // One script manager knows the names of the first kind, another those of the second.
    let granted = |name: &str| file.contains(&format!("// @grant        {name}\n"));
    for name in ["getValue", "setValue", "registerMenuCommand", "setClipboard"] {
        assert!(granted(&format!("GM_{name}")) && granted(&format!("GM.{name}")), "{name}");
    }
    assert!(granted("GM_xmlhttpRequest") && granted("GM.xmlHttpRequest"));
}

/// Which pages are offered is written down twice: as patterns in the file, and in the readers of the sites.
#[test]
fn the_button_is_offered_on_the_pages_of_artworks_alone() {
    let Some(browser) = Browser::open(Profile::default()) else { return };
    let file = read(FILE);
    let code = &file[file.find("    const PAGES = [").unwrap()..file.find("    const TEXTS = ").unwrap()];
    let work_at = |urls: &[String]| -> Vec<Option<String>> {
        let ask = format!(
            "{code} return arguments[0].map((url) => {{ try {{ return workAt(new URL(url)); }} catch {{ return null; }} }});"
        );
        serde_json::from_value(browser.script(&ask, &[json!(urls)])).unwrap()
    };
    // Real addresses.
    let mut urls = BTreeSet::new();
    for table in ["url_cases", "url_cases_2", "url_cases_3"] {
        let table = read(&format!("tests/fixtures/urls/{table}.csv"));
        for row in csv::Reader::from_reader(table.as_bytes()).records() {
            urls.insert(row.unwrap()[1].to_owned());
        }
    }
    let is_read = |url: &str| {
        let (site, page) = sites::recognise(&sites::Address::parse(url)?);
        let is_read = page.kind == sites::Kind::Artwork && site.is_some_and(|site| site.artwork.is_some());
        is_read.then_some(page)
    };
    let urls: Vec<String> = urls.into_iter().collect();
    let mut names = BTreeSet::new();
    for (url, offered) in urls.iter().zip(work_at(&urls)) {
        let Some(offered) = offered else { continue };
        // What the daemon is asked about is the page's artwork, without the rest of its address.
        let page = is_read(url).unwrap_or_else(|| panic!("{url} is offered as {offered}"));
        assert_eq!(is_read(&offered).map(|page| page.url), Some(page.url), "{url} is offered as {offered}");
        names.extend(page.site.map(sites::title));
    }
    // Each artwork that is known there, at the address that its site has for it today.
    // A journal is a text; the others are addresses that lead on to these.
    let moved = ["/journal/", "posts?md5=", "s=list&md5=", "/pic-", "post/show?md5=", "sta.sh", "/stash/"];
    let works: BTreeSet<String> = urls.iter().filter_map(|url| is_read(url)?.url).collect();
    let works: Vec<String> =
        works.into_iter().filter(|url| !moved.iter().any(|part| url.contains(part))).collect();
    let missed: Vec<_> = works.iter().zip(work_at(&works)).filter(|(_, offered)| offered.is_none()).collect();
    assert!(missed.is_empty() && works.len() > 100, "not offered: {missed:#?}");
    // Pages of sites of which the tables have none.
    let others = [
        "https://realbooru.com/index.php?page=post&s=view&id=1",
        "https://xbooru.com/index.php?page=post&s=view&id=1",
        "https://lolibooru.moe/post/show/1/tags",
        "https://www.sakugabooru.com/post/show/1",
        "https://manebooru.art/images/1",
        "https://ponerpics.org/images/1",
        "https://tantabus.ai/images/1",
        "https://cara.app/post/00000000-0000-4000-8000-000001720001",
        "https://e926.net/posts/1",
        "https://sofurry.com/s/aB3dE6gH",
    ];
    let others = others.map(str::to_owned);
    for (url, offered) in others.iter().zip(work_at(&others)) {
        assert_eq!(offered.as_ref(), Some(url));
        names.extend(is_read(url).and_then(|page| page.site).map(sites::title));
    }
    let works = BTreeSet::from_iter(supported().works);
    assert_eq!(works.difference(&names).collect::<Vec<_>>(), Vec::<&String>::new(), "sites without a page");
}

#[test]
fn what_was_found_is_shown_on_the_artworks_page() {
    let world = World::start(Options::default()).unwrap();
    let address = address_of(&world);
    let daemon = Daemon::start_in(tempfile::tempdir().unwrap(), world, &Setup::default());
    let Some(browser) = browser_at(Profile::default(), &[], address) else { return };
    for (page, manager, handle) in [
        ("http://www.furaffinity.net/view/54000001/", Manager::Old, "@demo_rowan (X)"),
        ("http://poipiku.com/16601/1660001.html", Manager::Greasemonkey, "@demo_juniper (X)"),
        ("http://www.newgrounds.com/art/view/demo-rowan/1400001", Manager::Old, "@demo_rowan (X)"),
    ] {
        browser.go(page);
        let mut script = Script::on_page(&browser, &daemon, manager, &[]);
        assert!(script.is_offered(), "{page}");
        // Nothing is asked before somebody presses the button; a script of the page cannot.
        browser.script("document.documentElement.lastElementChild.click()", &[]);
        script.run("button().click()");
        assert_eq!(script.take(), []);
        script.press();
        let shown = script.wait_for("Found: ");
        script.wait_for("Copy the credit");
        let shown = script.wait_for("All of it").max(shown);
        assert!(shown.contains(handle), "{page}: {shown}");
        let link = script.run("root.querySelector('li a').href");
        assert!(link.as_str().unwrap().starts_with("https://x.com/"), "{link}");
        assert_eq!(script.run("root.querySelector('li a').rel"), "noopener noreferrer");
        browser.shoot(&format!("userscript-{}", handle.trim_matches(['@', ')']).replace(" (", "-")));
        // It asks for the artwork, and sends no key where it has none.
        let (path, headers) = &script.asked[0];
        assert!(path.starts_with("/query?url=https%3A%2F%2F"), "{path}");
        assert_eq!(headers, &json!({ "X-AOTF-Userscript": "1" }));
        // The credit, with one press.
        script.click(
            "[...root.querySelectorAll('button')].find((button) => button.textContent === 'Copy the credit')",
        );
        script.wait_for("Copied.");
        let copied = script.run("copied[0]");
        assert!(copied.as_str().unwrap().contains(link.as_str().unwrap()), "{copied}");
        // Escape closes, and leads back to where the person was.
        script.key("Escape");
        assert_eq!(script.run("shown()"), "");
        assert_eq!(
            script.run("root.activeElement === button() && button().getAttribute('aria-expanded')"),
            "false"
        );
        // Once more by the keyboard.
        script.key("Enter");
    }
}

#[test]
fn a_key_is_sent_to_its_server_and_what_goes_wrong_is_told() {
    let world = World::start(Options::default()).unwrap();
    let address = address_of(&world);
    let daemon = Daemon::start_in(tempfile::tempdir().unwrap(), world, &Setup::default());
    let french = Profile { language: Some("fr"), ..Profile::default() };
    let Some(browser) = browser_at(french, &[], address) else { return };
    browser.go("http://www.furaffinity.net/view/59999999/");
    let mut script = Script::on_page(&browser, &daemon, Manager::Old, &[]);
    assert_eq!(script.run("button().textContent"), "Trouver la publication de l'artiste");
    // No such work: in the words of the API, in French too.
    script.press();
    let shown = script.wait_for("(");
    assert!(shown.contains("n'est pas la page d'une œuvre") || shown.contains("page"), "{shown}");
    // The key goes with every request from now on.
    script.choose("Clé d'API", "no good\u{7f}");
    assert_eq!(script.run("alerts.length"), 1);
    script.choose("Clé d'API", "sesame");
    script.key("Escape");
    script.press();
    let shown = script.wait_for("Réessayer");
    let (path, headers) = script.asked.last().unwrap();
    assert!(path.starts_with("/query?url="), "{path}");
    assert_eq!(headers["Authorization"], "Bearer sesame");
    // What the codes mean was asked once, without a key.
    let meanings = script.asked.iter().filter(|(path, _)| path == "/errors");
    assert_eq!(
        meanings.map(|(_, headers)| headers["Authorization"].clone()).collect::<Vec<_>>(),
        [Value::Null]
    );
    assert!(shown.contains("("), "in both languages: {shown}");
    browser.shoot("userscript-french");
    // To another server it is not sent.
    script.choose("Adresse du serveur", "javascript:alert(1)");
    assert_eq!(script.run("alerts.length"), 2);
    script.choose("Adresse du serveur", "http://127.0.0.1:9/elsewhere");
    script.press();
    let asked = wait_for("a request", || {
        Some(script.run("take()")).filter(|asked| asked.as_array().is_some_and(|asked| !asked.is_empty()))
    });
    assert!(asked[0]["url"].as_str().unwrap().starts_with("http://127.0.0.1:9/query?url="), "{asked}");
    assert_eq!(asked[0]["headers"], json!({ "X-AOTF-Userscript": "1" }));
    script.answer(&asked[0]["id"], &Value::Null);
    script.wait_for("Le serveur http://127.0.0.1:9 ne répond pas");
    // Nonsense from it is told.
    script.click("[...root.querySelectorAll('button')].at(-2)");
    for (answer, expect) in [
        (json!({ "status": 200, "responseText": "<html>" }), "illisible"),
        (
            json!({ "status": 200, "responseText": "{\"status\": null, \"error\": \"A\", \"error_detail\": \"so many\"}" }),
            "so many",
        ),
        (json!({ "status": 200, "responseText": "7" }), "illisible"),
        (
            json!({ "status": 200, "responseText": "{\"status\": \"END\", \"posts\": 7, \"accounts\": {\"a\": 1}}" }),
            "Aucune",
        ),
    ] {
        let asked = wait_for("a request", || {
            Some(script.run("take()")).filter(|asked| asked.as_array().is_some_and(|asked| !asked.is_empty()))
        });
        script.answer(&asked[0]["id"], &answer);
        let shown = script.wait_for(expect);
        // What was not accepted, or not understood, can be asked for again.
        assert_eq!(shown.contains("Réessayer"), expect != "Aucune", "{shown}");
        script.press();
        script.press();
    }
}

#[test]
fn it_asks_as_seldom_as_the_server_wants_and_ends_with_the_panel() {
    let daemon = Daemon::start(Setup::default());
    let page = serve_page("", "<!DOCTYPE html><html><body></body></html>");
    let Some(browser) = browser_at(Profile::default(), &[], page) else { return };
    browser.go("http://danbooru.donmai.us/posts/7000001");
    let mut script = Script::on_page(&browser, &daemon, Manager::Old, &[]);
    script.press();
    let next = |script: &mut Script<'_>| {
        let (id, path) = wait_for("a request", || script.take().into_iter().next());
        assert!(path.starts_with("/query?"), "{path}");
        id
    };
    let answers = [
        // While posts are being read, what is found is shown.
        (
            200,
            "",
            json!({ "status": "INDEX_ACCOUNTS_TWEETS", "posts_listed": 9, "posts_indexed": 4,
            "posts": [{ "network": "twitter", "url": "https://x.com/a/status/1", "class": "identical" }] }),
            "Found: 1 post Looking through the artist's posts… Posts looked through: 4 of 9",
            1,
        ),
        (
            200,
            "",
            json!({ "status": "WAIT_LINK_FINDER", "queue_position": 3, "waits_for_network": true }),
            "lost its network, and goes on when it is back. Requests before this one: 3",
            1,
        ),
        (
            429,
            "retry-after: 3\r\n",
            json!({ "error": "TOO_MANY_REQUESTS", "error_detail": "slow down" }),
            "slow down",
            3,
        ),
    ];
    let mut id = next(&mut script);
    for (status, headers, answer, expect, seconds) in answers {
        let answered = Instant::now();
        let answer =
            json!({ "status": status, "responseText": answer.to_string(), "responseHeaders": headers });
        script.answer(&id, &answer);
        wait_for(expect, || script.run("shown()").as_str().unwrap().contains(expect).then_some(()));
        id = next(&mut script);
        let passed = answered.elapsed();
        assert!(passed >= Duration::from_secs(seconds), "{expect}: asked again after {passed:?}");
    }
    // Whoever closes the panel waits for nothing.
    script.press();
    wait_for("the end of the request", || (script.run("waiting.size") == json!(0)).then_some(()));
    assert_eq!((script.take(), script.run("shown()")), (Vec::new(), json!("")));
}

/// A page that has made everything that a script uses its own, and allows nothing.
const HOSTILE: &str = "<!DOCTYPE html><html><head><title>Hostile</title><script nonce=\"n\">
    window.seen = [];
    window.called = 0;
    const note = (...what) => { try { seen.push(what.map(String).join(' ')); } catch {} };
    for (const kind of [Array, String, Map, Set, Promise, RegExp, Date, Element, Node, Document, EventTarget, URL, URLSearchParams]) {
        for (const name of Object.getOwnPropertyNames(kind.prototype)) {
            const found = Object.getOwnPropertyDescriptor(kind.prototype, name);
            if (typeof found.value !== 'function' || name === 'constructor' || !found.writable) continue;
            const own = found.value;
            if (/^(push|map|join|toString|call|apply|add)$/.test(name)) continue;
            kind.prototype[name] = function (...args) { note(name, ...args); return own.apply(this, args); };
        }
    }
    window.fetch = () => { called += 1; throw new Error('no'); };
    XMLHttpRequest.prototype.open = () => { called += 1; };
    for (const kind of ['keydown', 'click', 'focusin']) {
        addEventListener(kind, (event) => note('composed', event.composedPath().map((node) => node.outerHTML ?? node)), true);
    }
    window.GM_getValue = window.GM_xmlhttpRequest = () => { called += 1; };
</script></head><body><h1>A page</h1></body></html>";

#[test]
fn a_hostile_page_learns_nothing_and_strangers_words_stay_words() {
    let daemon = Daemon::start(Setup::default());
    let policy = "content-security-policy: default-src 'none'; script-src 'nonce-n'; style-src 'none'; \
                  require-trusted-types-for 'script'; trusted-types 'none'\r\n";
    let Some(browser) = browser_at(Profile::default(), &[], serve_page(policy, HOSTILE)) else { return };
    browser.go("http://danbooru.donmai.us/posts/7000001?q=private+search");
    let origin = format!("http://{}", daemon.address);
    let kept = [(&*format!("key {origin}"), "sesame-of-the-server")];
    let mut script = Script::on_page(&browser, &daemon, Manager::Old, &kept);
    script.press();
    let asked = wait_for("a request", || Some(script.take()).filter(|asked| !asked.is_empty()));
    assert_eq!(script.asked[0].1["Authorization"], "Bearer sesame-of-the-server");
    // Not what else stands in the address.
    assert_eq!(asked[0].1, "/query?url=https%3A%2F%2Fdanbooru.donmai.us%2Fposts%2F7000001");
    let markup = "<img src=x onerror=\"window.pwned = 1\"><script>window.pwned = 1</script>";
    let answer = json!({
        "status": "END", "error": null, "error_detail": "",
        "accounts": [{ "network": "twitter", "handle": "b", "url": "https://x.com/b" }],
        "posts": [
            { "network": "twitter", "handle": markup, "url": "https://x.com/a/status/1", "class": "identical", "published": "2024-06-09T22:48:00Z" },
            { "network": markup, "handle": "script", "url": "javascript:window.pwned = 1", "class": "constructor", "published": markup },
        ],
    });
    script.answer(
        &asked[0].0,
        &json!({ "status": 200, "responseText": answer.to_string(), "responseHeaders": "" }),
    );
    let shown = script.wait_for("Found: 2 posts");
    assert!(shown.contains(markup) && shown.contains("identical, Jun 9, 2024"), "{shown}");
    assert!(!shown.contains("native code"), "{shown}");
    assert_eq!(script.run("root.querySelectorAll('img, script').length"), 0);
    let links = script.run("[...root.querySelectorAll('a')].map((link) => link.protocol)");
    assert_eq!(links, json!(["https:", "http:"]));
    // Styles hold although the page allows none.
    assert_eq!(script.run("getComputedStyle(root.host).position"), "fixed");
    browser.shoot("userscript-hostile");
    script.key("Escape");
    // The page has seen one empty element, and nothing of what is in it.
    let seen = browser.script("return seen", &[]).to_string();
    for secret in ["sesame", "query?url", "Found", "@b", "pwned"] {
        assert!(!seen.contains(secret), "{secret}: {seen}");
    }
    assert_eq!(browser.script("return [window.pwned ?? null, window.called]", &[]), json!([null, 0]));
    assert_eq!(script.run("mode"), "closed");
    let host = "const host = document.documentElement.lastElementChild; return [host.tagName, host.shadowRoot, host.innerHTML]";
    assert_eq!(browser.script(host, &[]), json!(["DIV", null, ""]));
}

#[test]
fn the_button_goes_with_a_page_that_changes_without_being_loaded() {
    let daemon = Daemon::start(Setup::default());
    let page = serve_page("", "<!DOCTYPE html><html><body><h1>Gallery</h1></body></html>");
    let Some(browser) = browser_at(Profile::default(), &[], page) else { return };
    for has_api in [true, false] {
        browser.go("http://danbooru.donmai.us/");
        let tree = browser.cdp("Page.getFrameTree", json!({}));
        let world = json!({ "frameId": tree["frameTree"]["frame"]["id"], "worldName": "script manager" });
        let context = browser.cdp("Page.createIsolatedWorld", world)["executionContextId"].clone();
        if !has_api {
            let old = json!({ "expression": "Object.defineProperty(globalThis, 'navigation', { value: undefined })", "contextId": context });
            browser.cdp("Runtime.evaluate", old);
        }
        let mut script = Script::on_page(&browser, &daemon, Manager::Old, &[]);
        assert!(!script.is_offered());
        let go = |path: &str| browser.script("history.pushState(null, '', arguments[0])", &[json!(path)]);
        go("/posts/7000001");
        wait_for("the button", || script.is_offered().then_some(()));
        script.press();
        let asked = wait_for("a request", || Some(script.take()).filter(|asked| !asked.is_empty()));
        assert!(asked[0].1.ends_with("7000001"), "{asked:?}");
        // Whoever goes on is shown nothing of what was left, and nobody asks for it any more.
        go("/posts/7000002");
        wait_for("the end of the request", || (script.run("waiting.size") == json!(0)).then_some(()));
        assert!(script.is_offered());
        assert_eq!(script.run("shown()"), "");
        assert_eq!(script.take(), []);
        script.press();
        let asked = wait_for("a request", || Some(script.take()).filter(|asked| !asked.is_empty()));
        assert!(asked[0].1.ends_with("7000002"), "{asked:?}");
        go("/wiki_pages/1");
        wait_for("no button", || (!script.is_offered()).then_some(()));
        // A page that draws itself anew takes the button with it, once.
        go("/posts/7000003");
        wait_for("the button", || script.is_offered().then_some(()));
        script.press();
        let asked = wait_for("a request", || Some(script.take()).filter(|asked| !asked.is_empty()));
        browser.script("document.documentElement.replaceChildren(document.createElement('body'))", &[]);
        wait_for("the button again", || script.is_offered().then_some(()));
        // What was asked goes on.
        script.answer(&asked[0].0, &json!({ "status": 200, "responseText": "{\"status\": \"END\"}" }));
        script.wait_for("No post with this picture was found");
    }
}
