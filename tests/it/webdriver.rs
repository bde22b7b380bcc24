//! A real browser for tests: headless Chromium, spoken to through its driver's WebDriver protocol
//! (JSON over HTTP), as far as these tests need it.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

use base64::Engine as _;
use serde_json::{Value, json};

use crate::daemon::{DEADLINE, read_response, wait_for};
use crate::needs::skipped;

/// One browser window, closed with this value.
pub struct Browser {
    driver: Child,
    port: u16,
    session: String,
}

/// How a browser differs from others.
#[derive(Clone, Copy, Default)]
pub struct Profile {
    /// Such as `fr`.
    pub language: Option<&'static str>,
    pub no_javascript: bool,
}

impl Browser {
    /// `None` where this machine has no Chromium with its driver, which is said loudly.
    pub fn open(profile: Profile) -> Option<Browser> {
        Browser::open_with(profile, &[])
    }

    /// The same with more of Chromium's switches.
    pub fn open_with(profile: Profile, switches: &[String]) -> Option<Browser> {
        let spawned = Command::new("chromedriver")
            .arg("--port=0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn();
        let mut driver = match spawned {
            Ok(driver) => driver,
            Err(error) => {
                skipped(format!("no browser test without chromedriver (Debian: chromium-driver): {error}"));
                return None;
            }
        };
        // "ChromeDriver was started successfully on port 41234."
        let mut lines = BufReader::new(driver.stdout.take().unwrap()).lines();
        let port = lines.find_map(|line| {
            let line = line.ok()?;
            line.contains("started successfully")
                .then(|| line.trim_end_matches('.').rsplit(' ').next()?.parse().ok())?
        });
        let mut browser =
            Browser { driver, port: port.expect("the driver says its port"), session: String::new() };
        let mut prefs = json!({ "intl.accept_languages": profile.language.unwrap_or("en") });
        if profile.no_javascript {
            prefs["profile.managed_default_content_settings.javascript"] = json!(2);
        }
        let args = [
            "--headless=new",
            "--no-sandbox",
            "--disable-dev-shm-usage",
            "--disable-gpu",
            "--hide-scrollbars",
        ];
        let args: Vec<&str> = args.into_iter().chain(switches.iter().map(String::as_str)).collect();
        let options = json!({ "args": args, "prefs": prefs });
        let wanted = json!({ "capabilities": { "alwaysMatch": { "goog:chromeOptions": options } } });
        let answer = browser.send("POST", "/session", &wanted);
        browser.session = answer["sessionId"].as_str().expect("a session").to_owned();
        Some(browser)
    }

    pub fn go(&self, url: &str) {
        self.order("/url", json!({ "url": url }));
    }

    /// What a script returns.
    pub fn script(&self, script: &str, arguments: &[Value]) -> Value {
        self.order("/execute/sync", json!({ "script": script, "args": arguments }))
    }

    /// Waits until an element of this selector has a text that contains `part`; the text.
    #[track_caller]
    pub fn wait_for_text(&self, selector: &str, part: &str) -> String {
        wait_for(&format!("{part:?} in {selector}"), || {
            let texts = self.texts(selector);
            texts.into_iter().find(|text| text.contains(part))
        })
    }

    /// The visible texts of all elements of this selector. Needs no JavaScript of the page.
    pub fn texts(&self, selector: &str) -> Vec<String> {
        let text = |element: &String| self.ask(&format!("/element/{element}/text"));
        self.elements(selector)
            .iter()
            .filter_map(|element| text(element)?.as_str().map(str::to_owned))
            .collect()
    }

    pub fn attribute(&self, selector: &str, name: &str) -> Option<String> {
        let element = self.elements(selector).into_iter().next()?;
        self.ask(&format!("/element/{element}/attribute/{name}"))?.as_str().map(str::to_owned)
    }

    /// The text of an element, shown or not. Needs JavaScript of the driver only.
    pub fn text_of(&self, selector: &str) -> String {
        let text =
            self.script("return document.querySelector(arguments[0])?.textContent ?? ''", &[json!(selector)]);
        text.as_str().unwrap_or_default().to_owned()
    }

    /// The width that the page's content needs in a window of this width, in pixels.
    pub fn width_of_content(&self, width: u32) -> u64 {
        let needed = self.script_at_width(width, "return document.documentElement.scrollWidth");
        needed.as_u64().unwrap_or_default()
    }

    /// What a script returns in a window of this width, in pixels.
    pub fn script_at_width(&self, width: u32, script: &str) -> Value {
        let size = json!({ "width": width, "height": 900, "deviceScaleFactor": 1, "mobile": false });
        self.cdp("Emulation.setDeviceMetricsOverride", size);
        let returned = self.script(script, &[]);
        self.cdp("Emulation.clearDeviceMetricsOverride", json!({}));
        returned
    }

    /// Runs a script in each page that is opened from now on, before the page's own.
    pub fn before_pages(&self, script: &str) {
        self.cdp("Page.addScriptToEvaluateOnNewDocument", json!({ "source": script }));
    }

    pub fn click(&self, selector: &str) {
        let element = self.element(selector);
        self.order(&format!("/element/{element}/click"), json!({}));
    }

    /// Goes on in the window that was opened last, once there are so many.
    #[track_caller]
    pub fn switch_to_window(&self, count: usize) {
        let newest = wait_for("another window", || {
            let windows = self.ask("/window/handles")?;
            let windows = windows.as_array().filter(|windows| windows.len() == count)?;
            windows.last()?.as_str().map(str::to_owned)
        });
        self.order("/window", json!({ "handle": newest }));
    }

    pub fn write(&self, selector: &str, text: &str) {
        let element = self.element(selector);
        self.order(&format!("/element/{element}/value"), json!({ "text": text }));
    }

    /// The page as a picture, if the variable `AOTF_SHOTS` names a folder for them: at three widths, in
    /// both themes.
    pub fn shoot(&self, name: &str) {
        let Some(folder) = std::env::var_os("AOTF_SHOTS") else { return };
        for width in [320, 375, 768, 1440] {
            for theme in ["light", "dark"] {
                self.cdp(
                    "Emulation.setEmulatedMedia",
                    json!({
                        "features": [{ "name": "prefers-color-scheme", "value": theme }]
                    }),
                );
                self.cdp(
                    "Emulation.setDeviceMetricsOverride",
                    json!({
                        "width": width, "height": 900, "deviceScaleFactor": 1, "mobile": false
                    }),
                );
                let picture = self.ask("/screenshot").expect("a picture");
                let bytes =
                    base64::engine::general_purpose::STANDARD.decode(picture.as_str().unwrap()).unwrap();
                let file = format!("{name}-{width}-{theme}.png");
                std::fs::write(std::path::Path::new(&folder).join(file), bytes).unwrap();
            }
        }
    }

    /// What a command of the DevTools protocol answers.
    pub fn cdp(&self, command: &str, parameters: Value) -> Value {
        self.order("/goog/cdp/execute", json!({ "cmd": command, "params": parameters }))
    }

    fn element(&self, selector: &str) -> String {
        wait_for(selector, || self.elements(selector).into_iter().next())
    }

    fn elements(&self, selector: &str) -> Vec<String> {
        let found = self.order("/elements", json!({ "using": "css selector", "value": selector }));
        let id = |element: &Value| Some(element.as_object()?.values().next()?.as_str()?.to_owned());
        found.as_array().into_iter().flatten().filter_map(id).collect()
    }

    fn order(&self, path: &str, body: Value) -> Value {
        self.send("POST", &format!("/session/{}{path}", self.session), &body)
    }

    /// `None` when the element is gone meanwhile.
    fn ask(&self, path: &str) -> Option<Value> {
        let answer = self.exchange("GET", &format!("/session/{}{path}", self.session), b"");
        (answer.0 == 200).then_some(answer.1)
    }

    #[track_caller]
    fn send(&self, method: &str, path: &str, body: &Value) -> Value {
        let (status, answer) = self.exchange(method, path, body.to_string().as_bytes());
        assert_eq!(status, 200, "{method} {path}: {answer:#}");
        answer
    }

    fn exchange(&self, method: &str, path: &str, body: &[u8]) -> (u16, Value) {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(body).unwrap();
        let (status, body) = read_response(stream).unwrap();
        let answer: Value = serde_json::from_slice(&body).unwrap();
        (status, answer["value"].clone())
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        if !self.session.is_empty() {
            // Ends the browser; its driver alone would leave it behind.
            let _ = self.exchange("DELETE", &format!("/session/{}", self.session), b"");
        }
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}
