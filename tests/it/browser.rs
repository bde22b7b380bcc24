//! The web page in a real browser, against the daemon and the demo world.

use aotf::demo::world::cases::SAMPLE;
use base64::Engine as _;
use serde_json::json;

use crate::daemon::{Daemon, Setup, encode};
use crate::webdriver::{Browser, Profile};

const UNSUPPORTED: &str = "https://unsupported.example.org/art/1";

fn page(daemon: &Daemon, rest: &str) -> String {
    format!("http://{}/{rest}", daemon.address)
}

/// Its artist has few posts, which are soon indexed.
const KNOWN: &str = "https://danbooru.donmai.us/posts/7000007";

#[test]
fn a_query_is_shown_live_and_errors_are_explained() {
    let Some(browser) = Browser::open(Profile::default()) else { return };
    let daemon = Daemon::start(Setup::default());
    browser.go(&page(&daemon, ""));
    browser.wait_for_text("#stats", "indexed");
    browser.shoot("start");
    // Each headline that a screen reader would say.
    browser.script(
        "window.said = []; new MutationObserver(() => said.push(document.getElementById('announce').textContent))
            .observe(document.getElementById('announce'), { childList: true });",
        &[],
    );
    browser.write("#url", KNOWN);
    browser.click("button.go");
    browser.wait_for_text(".card", "Open the post");
    let said = browser.script("return said", &[]);
    let said: Vec<&str> = said.as_array().unwrap().iter().filter_map(|text| text.as_str()).collect();
    assert!(said.len() >= 2 && said.last().unwrap().starts_with("Found: "), "{said:?}");
    assert_eq!(browser.texts(".steps li.done").len(), 3);
    let link = browser.attribute(".card a.button", "href").unwrap();
    assert!(link.starts_with("https://x.com/demo_hazel/status/"), "{link}");
    assert!(browser.texts(".card .tag")[0].len() > 3);
    assert!(browser.texts(".accounts")[0].contains("@demo_hazel"));
    // Nothing was loaded from elsewhere, and nothing was refused by the page's own policy.
    let loaded =
        browser.script("return performance.getEntriesByType('resource').map((entry) => entry.name)", &[]);
    let own = page(&daemon, "");
    for address in loaded.as_array().unwrap() {
        assert!(address.as_str().unwrap().starts_with(&own), "{address}");
    }
    // The address of the page is that of the query: it can be shared, and starts it.
    let address = browser.script("return location.search", &[]);
    assert!(address.as_str().unwrap().contains(&encode_component(KNOWN)), "{address}");
    show_pictures(&browser);
    browser.shoot("found");
    browser.script("showImages = false; render()", &[]);

    browser.go(&page(&daemon, &format!("?url={}", encode(UNSUPPORTED))));
    browser.wait_for_text(".error", "not supported");
    browser.shoot("error");
    // Back leads to the query before, which is there again.
    browser.script("history.back()", &[]);
    browser.wait_for_text(".card", "Open the post");
}

/// Pictures for the eye: those of the demo world are not on the web.
fn show_pictures(browser: &Browser) {
    browser.script(
        "const draw = (hue) => { const c = document.createElement('canvas'); c.width = 480; c.height = 600;
            const g = c.getContext('2d'); g.fillStyle = `hsl(${hue} 45% 55%)`; g.fillRect(0, 0, 480, 600);
            g.fillStyle = `hsl(${hue + 40} 60% 75%)`; g.beginPath(); g.arc(240, 260, 150, 0, 7); g.fill();
            return c.toDataURL(); };
         shown.answer.image_url = draw(200);
         for (const post of shown.answer.results.concat(shown.answer.similar)) post.thumbnail_url = draw(205);
         showImages = true; render();",
        &[],
    );
}

fn encode_component(text: &str) -> String {
    encode(text).replace("%2D", "-").replace("%2E", ".").replace("%5F", "_").replace("%27", "'")
}

#[test]
fn an_image_is_dropped_and_searched() {
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
    // The user's own image stands beside what was found, and shows: the page's policy allows it.
    let shown = browser.script("return document.querySelector('.artwork img')?.src.startsWith('blob:')", &[]);
    assert_eq!(shown, json!(true));
    assert_eq!(browser.texts(".steps li").len(), 1);
    browser.shoot("dropped");
}

#[test]
fn the_page_speaks_french_to_a_french_browser() {
    let Some(browser) = Browser::open(Profile { language: Some("fr"), ..Profile::default() }) else { return };
    let daemon = Daemon::start(Setup::default());
    browser.go(&page(&daemon, ""));
    assert_eq!(browser.attribute("html", "lang").as_deref(), Some("fr"));
    browser.write("#url", UNSUPPORTED);
    browser.click("button.go");
    browser.wait_for_text(".error", "n'est pas supporté");
    browser.shoot("french");
    // The switch keeps the query.
    browser.click("#switch");
    browser.wait_for_text(".error", "not supported");
    assert_eq!(browser.attribute("html", "lang").as_deref(), Some("en"));
}

#[test]
fn the_query_works_without_javascript() {
    let Some(browser) = Browser::open(Profile { no_javascript: true, ..Profile::default() }) else { return };
    let daemon = Daemon::start(Setup::default());
    browser.go(&page(&daemon, ""));
    assert_eq!(browser.texts("#by-image"), [""], "what needs JavaScript is not shown");
    browser.write("#url", KNOWN);
    browser.click("button.go");
    // The page loads itself again until the query has ended.
    browser.wait_for_text(".card", "Open the post");
    assert!(browser.attribute(".card a", "href").unwrap().starts_with("https://x.com/demo_hazel/status/"));
    assert_eq!(browser.texts(".steps li.done").len(), 3);
    browser.shoot("without-javascript");
}
