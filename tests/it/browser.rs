//! The web page in a real browser, against the daemon and the demo world.

use aotf::demo::world::cases::SAMPLE;
use base64::Engine as _;
use serde_json::{Value, json};

use crate::daemon::{Daemon, Setup, encode, wait_for};
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
    assert!(browser.text_of("title").starts_with("Found: "), "{}", browser.text_of("title"));
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
    let daemon = Daemon::start(Setup::default());
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
    let daemon = Daemon::start(with_pictures());
    browser.go(&page(&daemon, ""));
    browser.write("#url", KNOWN);
    browser.click("button.go");
    // The page loads itself again until the query has ended.
    browser.wait_for_text(".card", "Open the post");
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
