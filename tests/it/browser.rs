//! The web page in a real browser, against the daemon and the demo world.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Instant;

use aotf::demo::world::cases::SAMPLE;
use aotf::demo::world::{Options, World};
use base64::Engine as _;
use serde_json::{Value, json};

use crate::daemon::{DEADLINE, Daemon, Setup, WHOLE, encode, wait_for};
use crate::faults::{Host, Mode, pages};
use crate::webdriver::{Browser, Profile};

const UNSUPPORTED: &str = "https://unsupported.example.org/art/1";

fn page(daemon: &Daemon, rest: &str) -> String {
    format!("http://{}/{rest}", daemon.address)
}

/// Its artist has few posts, which are soon indexed.
const KNOWN: &str = "https://danbooru.donmai.us/posts/7000007";

/// A daemon that shows pictures at once.
fn with_pictures() -> Setup {
    Setup {
        top: "[page]\npictures = true\nsource_url = \"https://git.example.org/aotf\"\n",
        ..Setup::default()
    }
}

/// The page does not scroll sideways at the narrowest width that it is made for.
fn check_narrow(browser: &Browser, what: &str) {
    let width = browser.width_of_content(320);
    assert!(width <= 320, "{what}: {width} pixels are needed where there are 320");
}

/// What is found is shown before the end, which the title tells.
fn wait_for_end(browser: &Browser) {
    wait_for("the end", || browser.text_of("title").starts_with("Found: ").then_some(()));
}

#[test]
fn a_query_is_shown_live_and_errors_are_explained() {
    let Some(browser) = Browser::open(Profile::default()) else { return };
    let daemon = Daemon::start(with_pictures());
    browser.go(&page(&daemon, ""));
    browser.wait_for_text("#stats", "indexed");
    browser.shoot("start");
    check_narrow(&browser, "start");
    // Pasted as people paste.
    browser.write("#url", &format!("look: {}", KNOWN.trim_start_matches("https://")));
    browser.click("button.go");
    browser.wait_for_text(".card", "Open the post");
    wait_for_end(&browser);
    assert_eq!(browser.texts(".steps li.done").len(), 3);
    let link = browser.attribute(".card a.button", "href").unwrap();
    assert!(link.starts_with("https://x.com/demo_hazel/status/"), "{link}");
    assert!(browser.texts(".group .tag")[0].len() > 3);
    assert!(browser.texts(".accounts")[0].contains("@demo_hazel"));
    // The address of the page shows the answer again: it can be shared, and begins nothing.
    let address = browser.script("return location.search", &[]);
    assert!(address.as_str().unwrap().contains(&encode_component(KNOWN)), "{address}");
    // The pictures are there, made small by this server, and beside each other on demand.
    let shown = wait_for("the pictures", || {
        let widths = browser.script(
            "return [...document.querySelectorAll('.artwork img, .card > img')].map((i) => i.naturalWidth)",
            &[],
        );
        let widths: Vec<u64> = widths.as_array()?.iter().filter_map(Value::as_u64).collect();
        (widths.len() >= 2 && widths.iter().all(|width| *width > 0)).then_some(widths)
    });
    assert!(shown.iter().all(|width| *width <= 480), "{shown:?}");
    browser.shoot("found");
    check_narrow(&browser, "found");
    browser.click(".card .compare summary");
    wait_for("both pictures side by side", || {
        let count = browser.script(
            "return [...document.querySelectorAll('.pair img')].filter((i) => i.naturalWidth > 0).length",
            &[],
        );
        (count.as_u64()? >= 2).then_some(())
    });
    browser.shoot("compared");
    // On a wide screen they have its width, and nothing scrolls sideways.
    const PAIR: &str = "
        const shown = [...document.querySelectorAll('.compare[open] .pair img')];
        return {
            pictures: shown.map((i) => [i.naturalWidth, i.clientWidth]),
            tops: shown.map((i) => i.getBoundingClientRect().top),
            needed: document.documentElement.scrollWidth,
        };";
    let pair = browser.script_at_width(1920, PAIR);
    assert!(pair["needed"].as_u64().unwrap() <= 1920, "{pair}");
    assert_eq!(pair["tops"][0], pair["tops"][1], "beside each other: {pair}");
    for picture in pair["pictures"].as_array().unwrap() {
        let [natural, shown] = [0, 1].map(|place| picture[place].as_u64().unwrap());
        // Half of the window, but for what is around the pictures.
        assert!(natural > 0 && shown >= natural.min(880), "{pair}");
    }
    // Nothing was loaded from elsewhere, and nothing was refused by the page's own policy.
    let loaded =
        browser.script("return performance.getEntriesByType('resource').map((entry) => entry.name)", &[]);
    let own = page(&daemon, "");
    for address in loaded.as_array().unwrap() {
        assert!(address.as_str().unwrap().starts_with(&own), "{address}");
    }
    // The skip link only skips.
    let before = browser.script("return performance.timeOrigin", &[]);
    browser.script("document.querySelector('.skip').click()", &[]);
    assert_eq!(browser.script("return document.activeElement.id", &[]), json!("result"));
    assert_eq!(browser.script("return performance.timeOrigin", &[]), before);
    assert_eq!(browser.texts(".compare[open]").len(), 1, "what was opened stays so");

    browser.go(&page(&daemon, &format!("?url={}", encode(UNSUPPORTED))));
    browser.wait_for_text("#ready", "press “Find the post”");
    browser.click("button.go");
    browser.wait_for_text(".error", "not supported");
    browser.shoot("error");
    check_narrow(&browser, "error");
    // A blank form says so, beside the field.
    browser.go(&page(&daemon, ""));
    browser.click("button.go");
    browser.wait_for_text(".error", "No address was given");
    assert_eq!(browser.attribute("#url", "aria-invalid").as_deref(), Some("true"));
}

#[test]
fn who_the_artist_is_takes_one_button_and_leads_on_to_the_post() {
    let Some(browser) = Browser::open(Profile::default()) else { return };
    let daemon = Daemon::start(Setup::default());
    browser.go(&page(&daemon, "?lang=en"));
    browser.write("#url", KNOWN);
    browser.click("#ask-artist");
    browser.wait_for_text("#accounts", "@demo_hazel");
    assert!(browser.text_of("title").starts_with("The artist: "), "{}", browser.text_of("title"));
    assert!(browser.texts("#accounts")[0].contains("known to curators"), "{:?}", browser.texts("#accounts"));
    assert_eq!((browser.texts(".steps li").len(), browser.texts(".card").len()), (1, 0));
    assert_eq!(daemon.get("/stats")["indexed_accounts_count"], 0);
    browser.shoot("artist");
    check_narrow(&browser, "artist");
    // The bookmarklet's way, for an address that asks for the artist.
    browser.go("about:blank");
    let other = "https://www.artstation.com/artwork/70013";
    browser.go(&page(&daemon, &format!("?lang=fr&artist=1&url={}#go", encode(other))));
    browser.wait_for_text("#accounts", "@demo_rowan");
    assert!(browser.text_of("title").starts_with("L'artiste\u{a0}: "), "{}", browser.text_of("title"));
    // And on to the post.
    browser.go(&page(&daemon, &format!("?lang=en&artist=1&url={}", encode(KNOWN))));
    browser.click("#posts button");
    browser.wait_for_text(".card", "Open the post");
}

fn encode_component(text: &str) -> String {
    encode(text).replace("%2D", "-").replace("%2E", ".").replace("%5F", "_").replace("%27", "'")
}

#[test]
fn links_that_are_only_looked_at_begin_nothing_and_the_bookmarklet_takes_one_click() {
    let Some(browser) = Browser::open(Profile::default()) else { return };
    let daemon = Daemon::start(Setup::default());
    let asked = || daemon.get("/stats")["processing_user_requests_count"].as_u64();
    browser.go(&page(&daemon, &format!("?lang=en&url={}", encode(KNOWN))));
    browser.wait_for_text("#ready", "Nothing has been searched yet");
    browser.shoot("ready");
    assert_eq!(browser.attribute("#url", "value").as_deref(), Some(KNOWN));
    assert_eq!(asked(), Some(0));
    // As the bookmarklet opens it.
    browser.go("about:blank");
    browser.go(&page(&daemon, &format!("?lang=en&url={}#go", encode(KNOWN))));
    browser.wait_for_text(".card", "Open the post");
    assert_eq!(browser.script("return location.hash", &[]), json!(""));
}

#[test]
fn an_image_is_dropped_and_searched_and_its_answer_has_an_address() {
    let Some(browser) = Browser::open(Profile::default()) else { return };
    let daemon = Daemon::start(Setup { extra: WHOLE, ..Setup::default() });
    daemon.query("https://danbooru.donmai.us/posts/7000001");
    browser.go(&page(&daemon, ""));
    browser.wait_for_text("#by-image", "search by an image");
    let image = base64::engine::general_purpose::STANDARD.encode(SAMPLE.art().bytes);
    browser.script(
        "const bytes = Uint8Array.from(atob(arguments[0]), (c) => c.charCodeAt(0));
         const transfer = new DataTransfer();
         transfer.items.add(new File([bytes], 'a.jpg', { type: 'image/jpeg' }));
         document.dispatchEvent(new DragEvent('drop', { dataTransfer: transfer, bubbles: true, cancelable: true }));",
        &[json!(image)],
    );
    browser.wait_for_text(".card", "Open the post");
    let link = browser.attribute(".card a.button", "href").unwrap();
    assert!(link.starts_with("https://x.com/"), "{link}");
    // Whose post it is, the database knows.
    assert!(browser.texts(".card .who")[0].starts_with("@demo_"), "{:?}", browser.texts(".card .who"));
    // The user's own image stands beside what was found, and shows: the page's policy allows it.
    let own = "return document.querySelector('.artwork img')?.naturalWidth > 0";
    wait_for("the own image", || (browser.script(own, &[]) == json!(true)).then_some(()));
    assert_eq!(browser.texts(".steps li").len(), 1);
    browser.shoot("dropped");
    // Loaded again, and in another language, it is still there.
    browser.script("location.reload()", &[]);
    browser.wait_for_text(".card", "Open the post");
    browser.click("nav a");
    browser.wait_for_text(".card", "Ouvrir la publication");
    wait_for("the own image", || (browser.script(own, &[]) == json!(true)).then_some(()));
    // A thumbnail that is dragged from another page leads to the page that it links to.
    browser.script(
        "const transfer = new DataTransfer();
         transfer.setData('text/uri-list', arguments[0]);
         transfer.setData('text/html', `<a href=\"${arguments[0]}\"><img src=\"https://a.example/thumb\"></a>`);
         document.dispatchEvent(new DragEvent('drop', { dataTransfer: transfer, bubbles: true, cancelable: true }));",
        &[json!(KNOWN)],
    );
    browser.wait_for_text(".accounts", "@demo_hazel");
}

#[test]
fn the_page_speaks_french_to_a_french_browser() {
    let Some(browser) = Browser::open(Profile { language: Some("fr"), ..Profile::default() }) else { return };
    let daemon = Daemon::start(Setup::default());
    browser.go(&page(&daemon, ""));
    assert_eq!(browser.attribute("html", "lang").as_deref(), Some("fr"));
    browser.shoot("french-start");
    check_narrow(&browser, "French");
    browser.write("#url", UNSUPPORTED);
    browser.click("button.go");
    browser.wait_for_text(".error", "n'est pas supporté");
    browser.click("#error-detail summary");
    browser.wait_for_text("#error-detail p", "n'est sur aucun site supporté");
    browser.shoot("french");
    // The switch keeps the query.
    browser.click("nav a");
    browser.wait_for_text(".error", "not supported");
    assert_eq!(browser.attribute("html", "lang").as_deref(), Some("en"));
}

#[test]
fn the_page_works_without_javascript() {
    let Some(browser) = Browser::open(Profile { no_javascript: true, ..Profile::default() }) else { return };
    let daemon = Daemon::start(Setup { extra: WHOLE, ..with_pictures() });
    browser.go(&page(&daemon, ""));
    browser.write("#url", KNOWN);
    browser.click("button.go");
    // The page loads itself again until the query has ended.
    browser.wait_for_text(".card", "Open the post");
    wait_for_end(&browser);
    assert!(
        browser.attribute(".card a.button", "href").unwrap().starts_with("https://x.com/demo_hazel/status/")
    );
    assert_eq!(browser.texts(".steps li.done").len(), 3);
    assert!(browser.attribute(".card > img", "src").unwrap().contains("/picture?"));
    browser.shoot("without-javascript");
    // An image is sent by the form.
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.jpg");
    std::fs::write(&file, SAMPLE.art().bytes).unwrap();
    daemon.query("https://danbooru.donmai.us/posts/7000001");
    browser.go(&page(&daemon, ""));
    browser.write("#file", file.to_str().unwrap());
    browser.click("#by-image button");
    browser.wait_for_text(".card", "Open the post");
    // The artist alone.
    browser.go(&page(&daemon, ""));
    browser.write("#url", "https://www.artstation.com/artwork/70013");
    browser.click("#ask-artist");
    browser.wait_for_text("#accounts", "@demo_rowan");
}

/// Names and addresses as long as any, right to left, and an error with all of them.
#[test]
fn nothing_scrolls_sideways_whatever_strangers_are_called() {
    let Some(browser) = Browser::open(Profile::default()) else { return };
    let daemon = Daemon::start(Setup::default());
    daemon.query(KNOWN);
    browser.go(&page(&daemon, &format!("?url={}", encode(KNOWN))));
    browser.wait_for_text(".card", "Open the post");
    browser.script(
        "const long = '@' + 'abcdefghijklmnopqrstuvwxyz'.repeat(6);
         for (const name of document.querySelectorAll('.who bdi, .accounts bdi')) name.textContent = long;
         document.querySelector('.accounts .why').textContent = 'שלום '.repeat(40) + long;
         const box = document.createElement('div');
         box.className = 'error';
         box.innerHTML = `<h2>${long}</h2><details open><summary>X</summary><p>https://${long}</p></details>`;
         document.getElementById('result').prepend(box);
         for (const details of document.querySelectorAll('details')) details.open = true;",
        &[],
    );
    check_narrow(&browser, "long names");
    browser.shoot("long-names");
}

/// A daemon one of whose sites never answers, and the page of an artwork there: a query for it goes on until
/// it is cancelled.
fn with_an_endless_query(setup: Setup) -> (Daemon, String, Host) {
    const SILENT: &str = "www.artstation.com";
    let world = World::start(Options::default()).unwrap();
    let silent = Host::start(&world, Mode::Silent);
    let endless = pages(&world, SILENT)[0].clone();
    let setup = Setup { fetch: "timeout_secs = 600", upstreams: vec![(SILENT, silent.url())], ..setup };
    (Daemon::start_in(tempfile::tempdir().unwrap(), world, &setup), endless, silent)
}

fn cancel(daemon: &Daemon, url: &str) {
    let cancelled = daemon.command(&["cancel", url]);
    assert!(cancelled.status.success(), "{cancelled:?}");
}

#[test]
fn a_notification_comes_when_it_is_done_for_whoever_wants_it() {
    let Some(browser) = Browser::open(Profile::default()) else { return };
    let (daemon, endless, _silent) = with_an_endless_query(Setup::default());
    // The system's notifications, and what the user answers the browser, are the test's.
    browser.before_pages(
        "window.told = [];
         window.Notification = class {
             static permission = 'default';
             static async requestPermission() { return (this.permission = 'granted'); }
             constructor(title) { told.push(title); }
         };",
    );
    browser.go(&page(&daemon, ""));
    assert_eq!(browser.texts("#notify button"), [""], "there is nothing to wait for");
    browser.write("#url", &endless);
    browser.click("button.go");
    browser.wait_for_text("#notify button", "Tell me when it is done");
    browser.click("#notify button");
    browser.wait_for_text("#notify span", "You will be told");
    assert_eq!(browser.script("return told", &[]), json!([]));
    cancel(&daemon, &endless);
    browser.wait_for_text(".error", "It was cancelled");
    let told = wait_for("the notification", || {
        Some(browser.script("return told", &[])).filter(|told| *told != json!([]))
    });
    assert_eq!(told, json!([browser.text_of("title")]));
    assert_eq!(browser.texts("#notify button"), [""], "it is over");
}

#[test]
fn focus_and_what_was_opened_survive_updates() {
    /// Shows what the server would send next: the same, each part of it changed or none; what is then
    /// focused, open and new.
    const UPDATE: &str = "
        const [isChanged] = arguments;
        return fetch(location.href, { headers: { Accept: 'text/html' } })
            .then((answer) => answer.text())
            .then((text) => {
                const fresh = new DOMParser().parseFromString(text, 'text/html').getElementById('result');
                const old = new Set(document.getElementById('result').children);
                if (isChanged) for (const part of fresh.children) part.dataset.changed = 'yes';
                show(fresh.innerHTML);
                const parts = [...document.getElementById('result').children];
                return {
                    focused: document.activeElement.outerHTML,
                    open: [...document.querySelectorAll('#result details[open]')].map((details) => details.id),
                    kept: parts.filter((part) => old.has(part)).length,
                    parts: parts.length,
                };
            });";
    let Some(browser) = Browser::open(Profile::default()) else { return };
    let daemon = Daemon::start(with_pictures());
    daemon.query(KNOWN);
    browser.go(&page(&daemon, &format!("?url={}", encode(KNOWN))));
    browser.wait_for_text(".card", "Open the post");
    browser.click(".card .compare summary");
    browser.click(".accounts details summary");
    let opened = browser
        .script("return [...document.querySelectorAll('#result details[open]')].map((d) => d.id)", &[]);
    assert_eq!(opened.as_array().unwrap().len(), 2, "{opened}");
    let focused = browser.script(
        "const link = document.querySelector('.card a.button'); link.focus(); return link.outerHTML",
        &[],
    );
    for is_changed in [false, true] {
        let after = browser.script(UPDATE, &[json!(is_changed)]);
        assert_eq!((&after["focused"], &after["open"]), (&focused, &opened), "changed: {is_changed}");
        let kept = if is_changed { &json!(0) } else { &after["parts"] };
        assert_eq!(&after["kept"], kept, "changed: {is_changed}");
    }
    // What was opened again is filled again.
    wait_for("both pictures side by side", || {
        let count = browser.script(
            "return [...document.querySelectorAll('.pair img')].filter((i) => i.naturalWidth > 0).length",
            &[],
        );
        (count.as_u64()? >= 2).then_some(())
    });
}

/// Visitors from this machine are limited like others, to one query at a time.
const ONE_AT_A_TIME: &str = "[limits]\nunlimited_ips = []\nmax_processing_requests_per_ip = 1\n";

/// The seconds that the page still counts down.
fn left(browser: &Browser) -> Option<u64> {
    browser.text_of("#again [role=timer]").trim_end_matches(" s").parse().ok()
}

#[test]
fn a_page_that_has_to_wait_counts_down_and_tries_again_by_itself() {
    let Some(browser) = Browser::open(Profile::default()) else { return };
    let (daemon, endless, _silent) = with_an_endless_query(Setup { top: ONE_AT_A_TIME, ..Setup::default() });
    let languages = [
        ("en", KNOWN, "as many requests in progress", "tries again by itself in", "Open the post"),
        (
            "fr",
            "https://danbooru.donmai.us/posts/7000001",
            "autant de requêtes en cours",
            "réessaie d'elle-même dans",
            "Ouvrir la publication",
        ),
    ];
    for (language, artwork, refused, tries_again, found) in languages {
        // In another tab of the same visitor. What was cancelled does not begin anew at once: each language
        // has its own.
        let endless = format!("{endless}{language}");
        daemon.begin(&endless);
        browser.go(&page(&daemon, &format!("?lang={language}")));
        browser.write("#url", artwork);
        browser.click("button.go");
        browser.wait_for_text(".error", refused);
        browser.wait_for_text("#again", tries_again);
        browser.shoot(&format!("waiting-{language}"));
        check_narrow(&browser, "waiting");
        let first = left(&browser).expect("it says how long");
        assert!(first <= 20, "{first}");
        let later = wait_for("the countdown", || left(&browser).filter(|left| *left < first));
        // It has been refused once more, and counts from the beginning.
        wait_for("another countdown", || left(&browser).filter(|left| *left > later));
        // What is typed meanwhile is not what was asked.
        browser.write("#url", " and something else");
        cancel(&daemon, &endless);
        browser.wait_for_text(".card", found);
        let address = browser.script("return location.search", &[]);
        assert!(address.as_str().unwrap().ends_with(&encode_component(artwork)), "{address}");
        assert_eq!(browser.texts("#again"), Vec::<String>::new());
    }
}

#[test]
fn who_asked_too_often_waits_a_moment_and_who_asked_in_vain_not_at_all() {
    let Some(browser) = Browser::open(Profile::default()) else { return };
    let limits = "[limits]\nunlimited_ips = []\nrequests_per_second = 1\n";
    let daemon = Daemon::start(Setup { top: limits, ..Setup::default() });
    // How often the page asks the server for something, and what it plans.
    browser.before_pages(
        "window.asked = []; window.planned = 0;
         const [fetched, planned] = [window.fetch, window.setTimeout];
         window.fetch = (address, request) => { asked.push(String(address)); return fetched(address, request); };
         window.setTimeout = (what, ms) => { window.planned += 1; return planned(what, ms); };",
    );
    browser.go(&page(&daemon, ""));
    browser.write("#url", UNSUPPORTED);
    browser.click("button.go");
    browser.wait_for_text(".error", "not supported");
    assert!(!browser.texts(".error")[0].contains("again by itself"));
    assert_eq!(browser.texts("#again"), Vec::<String>::new());
    // Its texts are all that the page's script has loaded, and ever will.
    let asked = wait_for("the page's script", || {
        Some(browser.script("return asked", &[])).filter(|asked| *asked != json!([]))
    });
    assert!(asked[0].as_str().unwrap().contains("texts.json") && asked[1].is_null(), "{asked}");
    assert_eq!(browser.script("return window.planned", &[]), json!(0), "nothing is planned");

    browser.go(&page(&daemon, ""));
    browser.write("#url", KNOWN);
    // Somebody behind the same address asks all the time.
    let is_enough = AtomicBool::new(false);
    let refused_times = AtomicUsize::new(0);
    let target = format!("/query?url={}", encode("https://danbooru.donmai.us/posts/7000001"));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let begun = Instant::now();
            while !is_enough.load(Ordering::Relaxed) && begun.elapsed() < DEADLINE {
                if matches!(daemon.http("GET", &target, &[], b""), Ok((429, _))) {
                    refused_times.fetch_add(1, Ordering::Relaxed);
                }
            }
        });
        wait_for("the limit", || (refused_times.load(Ordering::Relaxed) > 0).then_some(()));
        browser.click("button.go");
        let refused = wait_for("the answer to the form", || {
            browser.texts(".error").into_iter().chain(browser.texts("#steps")).next()
        });
        is_enough.store(true, Ordering::Relaxed);
        assert!(refused.contains("Too many requests from your address"), "{refused}");
    });
    assert!(left(&browser).is_some_and(|left| left <= 5));
    browser.wait_for_text(".card", "Open the post");
}
