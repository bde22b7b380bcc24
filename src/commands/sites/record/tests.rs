//! A page is recorded, read again, and holds nothing that it should not.

use std::collections::BTreeMap;

use super::*;
use crate::config::Secret;
use crate::fetch::{FetchError, Request, Response};

/// A profile of Fur Affinity as a member sees it.
const PROFILE: &str = r#"<html><head><meta name="csrf-token" content="0123456789abcdef"></head><body>
<a id="my-username" href="/user/reader/">Reader</a>
<userpage-nav-header><a href="/user/ann/">Ann</a></userpage-nav-header>
<div class="userpage-profile">Write to ann@mail.example, friend of <a href="/user/bob/">Bob</a></div>
<div class="user-contact-item"><div class="user-contact-user-info"><strong class="highlight">Twitter</strong><br>
<a href="https://twitter.com/ann_fa">ann_fa</a></div></div></body></html>"#;

struct Site(&'static str);

impl Fetch for Site {
    fn fetch(&self, request: Request) -> Result<Response, FetchError> {
        let cookie = request.headers.iter().find(|(name, _)| *name == "Cookie");
        assert!(cookie.is_some_and(|(_, value)| value == "a=sesame-1; b=sesame-2"), "{request:?}");
        let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let headers = vec![
            header("content-type", "text/html"),
            header("set-cookie", "b=sesame-3"),
            header("x-reader", "reader"),
        ];
        Ok(Response { status: 200, url: request.url, headers, body: self.0.into() })
    }

    fn fetch_all(&self, requests: Vec<Request>) -> Vec<Result<Response, FetchError>> {
        requests.into_iter().map(|request| self.fetch(request)).collect()
    }
}

/// Records into a new folder; what was said, and the files.
fn record(body: &'static str) -> (String, bool, BTreeMap<String, String>) {
    let mut settings = Settings::default();
    let cookies = [("furaffinity".to_owned(), Secret::new("a=sesame-1; b=sesame-2"))];
    settings.links.cookies = cookies.into();
    let folder = tempfile::tempdir().unwrap();
    let args = |dir: PathBuf| RecordArgs {
        url: "https://www.furaffinity.net/user/ann/".to_owned(),
        dir,
        config: ConfigFile::default(),
    };
    let dir = folder.path().join("report");
    let mut said = Vec::new();
    let read = run(&args(dir.clone()), &Site(body), &settings, &mut said).unwrap();
    let again = run(&args(dir.clone()), &Site(body), &settings, &mut Vec::new()).unwrap_err();
    assert!(again.to_string().contains("is not empty"), "{again}");
    let files = fs::read_dir(&dir).unwrap().map(|entry| entry.unwrap().path());
    let files = files.map(|path| {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        (name, fs::read_to_string(path).unwrap())
    });
    (String::from_utf8(said).unwrap(), read, files.collect())
}

#[test]
fn what_the_reader_needs_stays_and_nothing_else() {
    let (said, read, files) = record(PROFILE);
    assert!(read && said.starts_with("ok  https://www.furaffinity.net/user/ann/"), "{said}");
    let page = &files["1-www.furaffinity.net.html"];
    assert!(page.contains("ann_fa") && page.contains("class=\"userpage-profile\""), "{page}");
    assert!(page.contains("/user/xxx/"), "{page}");
    for (name, text) in &files {
        for secret in ["sesame", "0123456789abcdef", "mail.example", "bob", "Bob", "reader/", "Reader"] {
            assert!(!text.contains(secret), "{secret} is in {name}:\n{text}");
        }
    }
    assert!(
        files["report.md"].contains("- link (profile_field): <https://twitter.com/ann_fa>"),
        "{}",
        files["report.md"]
    );
    let mut recording: Recording = serde_json::from_str(&files["recording.json"]).unwrap();
    for exchange in &mut recording.exchanges {
        exchange.body = files[&exchange.file].clone();
    }
    assert_eq!(recording::Replay(&recording.exchanges).read(&recording.url), Some(recording.read));
}

#[test]
fn a_page_that_is_not_understood_keeps_its_structure() {
    let page =
        "<html><body class=\"new\"><div id=\"who\"><a href=\"/artist/ann/\">Ann</a></div></body></html>";
    let (said, read, files) = record(page);
    assert!(!read && said.starts_with("layout_changed"), "{said}");
    let expected =
        "<html><body class=\"new\"><div id=\"who\"><a href=\"/artist/xxx/\">Xxx</a></div></body></html>";
    assert_eq!(files["1-www.furaffinity.net.html"], expected);
    assert!(files["report.md"].starts_with("# furaffinity: layout_changed"), "{}", files["report.md"]);
}

#[test]
fn a_page_that_nobody_reads_is_refused() {
    let args = RecordArgs {
        url: "https://www.furaffinity.net/search/".to_owned(),
        dir: PathBuf::from("never-made"),
        config: ConfigFile::default(),
    };
    let error = run(&args, &Site(""), &Settings::default(), &mut Vec::new()).unwrap_err();
    assert!(error.to_string().contains("is of no page that this program reads"), "{error}");
    assert!(!Path::new("never-made").exists());
}
