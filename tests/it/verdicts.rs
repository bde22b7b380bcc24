//! What people say of accounts and pictures, through the command line, the API and the page.

use std::fs;
use std::time::Duration;

use aotf::demo::world::cases::Expect;
use serde_json::{Value, json};

use crate::daemon::{Daemon, Setup, encode, wait_for};

const KEYS: &str = "[[api_keys]]\nname = \"may\"\nsha256 = \"MAY\"\nverdicts = true\nrequests_per_second = 100\n\
                    [[api_keys]]\nname = \"may-not\"\nsha256 = \"NOT\"\n";

/// Runs `aotf verdict ... --json`; its exit status and its answer.
#[track_caller]
fn verdict(daemon: &Daemon, words: &[&str]) -> (i32, Value) {
    let output = daemon.command(&[&["verdict"], words, &["--json"]].concat());
    let text = String::from_utf8_lossy(&output.stdout);
    let answer = serde_json::from_str(text.trim()).unwrap_or(Value::Null);
    (output.status.code().unwrap_or(-1), answer)
}

#[track_caller]
fn say(daemon: &Daemon, words: &[&str]) -> String {
    let (status, answer) = verdict(daemon, words);
    assert_eq!(status, 0, "{words:?}: {answer:#}");
    answer["verdict"]["id"].as_str().unwrap().to_owned()
}

#[track_caller]
fn take_back(daemon: &Daemon, id: &str) {
    let (status, answer) = verdict(daemon, &["remove", id]);
    assert_eq!((status, answer["verdict"]["id"].as_str()), (0, Some(id)), "{answer:#}");
}

fn effects(answer: &Value) -> Vec<(String, String)> {
    let verdicts = answer["verdicts"].as_array().unwrap().iter();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    verdicts.map(|said| (text(&said["verdict"]), text(&said["effect"]))).collect()
}

fn effect(kind: &str, effect: &str) -> (String, String) {
    (kind.to_owned(), effect.to_owned())
}

/// A page whose artist's post is found on X: its address, the post and the account.
fn known_page(daemon: &Daemon) -> (String, String, String) {
    let cases = daemon.world.known();
    let case = cases.iter().find_map(|case| match case.expect {
        Expect::Post { post, account, .. } => {
            Some((case.url()?.to_owned(), post.to_string(), account.to_string()))
        }
        _ => None,
    });
    case.unwrap()
}

fn has_post(answer: &Value, post: &str) -> bool {
    answer["posts"].as_array().unwrap().iter().any(|found| found["id"] == post)
}

#[test]
fn a_persons_word_about_pictures_sticks_until_it_is_taken_back() {
    let daemon = Daemon::start(Setup::default());
    let (url, post, _) = known_page(&daemon);
    let answer = daemon.query(&url);
    assert!(has_post(&answer, &post) && effects(&answer).is_empty(), "{answer:#}");
    let address = answer["posts"][0]["url"].as_str().unwrap().to_owned();

    // The kept answer is not shown again.
    let different = say(&daemon, &["different", &url, &address, "--why", "<script>alert(1)</script>"]);
    let answer = daemon.query(&url);
    assert!(!has_post(&answer, &post), "{answer:#}");
    assert_eq!(effects(&answer), [effect("different", "left_out")]);
    assert_eq!(answer["verdicts"][0]["why"], "<script>alert(1)</script>");
    assert!(answer["verdicts"][0].get("by").is_none(), "who said it is not everybody's business");
    let target = format!("/?url={}", encode(&url));
    let (status, page) = daemon.http("GET", &target, &[("accept", "text/html")], b"").unwrap();
    let page = String::from_utf8_lossy(&page);
    assert!(status == 200 && page.contains("does not show this artwork"), "{page}");
    assert!(!page.contains("<script>alert") && page.contains("&lt;script&gt;alert"), "{page}");

    // Two that contradict each other: both are kept and told, none acts.
    let (status, said) = verdict(&daemon, &["same", &url, &format!("twitter:{post}"), "--why", "It is."]);
    assert_eq!((status, said["conflicts"][0]["id"].as_str()), (0, Some(different.as_str())), "{said:#}");
    let same = said["verdict"]["id"].as_str().unwrap().to_owned();
    let answer = daemon.query(&url);
    assert!(has_post(&answer, &post) && answer["posts"][0]["said_same"] == false, "{answer:#}");
    assert_eq!(effects(&answer), [effect("same", "conflict"), effect("different", "conflict")]);
    let (_, list) = verdict(&daemon, &["list"]);
    let listed = list["verdicts"].as_array().unwrap();
    assert!(listed.len() == 2 && listed.iter().all(|one| one["conflict"] == true), "{list:#}");

    take_back(&daemon, &different);
    let answer = daemon.query(&url);
    assert_eq!((&answer["posts"][0]["id"], &answer["posts"][0]["said_same"]), (&json!(post), &json!(true)));
    assert_eq!(effects(&answer), [effect("same", "first")]);
    take_back(&daemon, &same);
    let answer = daemon.query(&url);
    assert!(has_post(&answer, &post) && effects(&answer).is_empty(), "{answer:#}");
    let (status, unknown) = verdict(&daemon, &["remove", &same]);
    assert_eq!((status, unknown["error"].as_str()), (1, Some("NOT_FOUND")));
}

/// What is said while a query runs counts for that query from its next search on.
#[test]
fn what_is_said_of_a_running_query_counts_for_it() {
    let daemon = Daemon::start(Setup::default());
    let (url, post, _) = known_page(&daemon);
    daemon.world.set_latency(Duration::from_millis(700));
    let begun = daemon.get(&format!("/query?url={}", encode(&url)));
    assert_ne!(begun["status"], "END");
    let id = begun["id"].as_str().unwrap();
    say(&daemon, &["different", &url, &format!("twitter:{post}")]);
    let target = format!("/queries?ids={id}");
    assert_ne!(daemon.get(&target)["queries"][0]["status"], "END", "it was said in time");
    daemon.world.set_latency(Duration::ZERO);
    let answer = wait_for("the end of the query", || {
        let answer = daemon.get(&target)["queries"][0].take();
        (answer["status"] == "END").then_some(answer)
    });
    assert!(!has_post(&answer, &post), "{answer:#}");
    assert_eq!(effects(&answer), [effect("different", "left_out")]);
}

#[test]
fn a_persons_word_about_accounts_sticks() {
    let daemon = Daemon::start(Setup::default());
    let (url, post, account) = known_page(&daemon);
    // The database has never seen the account.
    let account = format!("twitter:{account}");
    let not = say(&daemon, &["not-artist", &account, "--why", "It reposts everybody"]);
    let answer = daemon.query(&url);
    assert!(!has_post(&answer, &post), "{answer:#}");
    assert_eq!(effects(&answer), [effect("not_artist", "left_out")], "{answer:#}");
    let accounts = answer["accounts"].as_array().unwrap();
    assert!(accounts.iter().all(|one| format!("twitter:{}", one["id"].as_str().unwrap()) != account));
    if accounts.is_empty() {
        let detail = answer["error_detail"].as_str().unwrap();
        assert_eq!(answer["error"], "NO_VALID_TWITTER_ACCOUNT_FOUND", "{answer:#}");
        assert!(
            detail.contains("a person said so on 20") && detail.contains("It reposts everybody"),
            "{detail}"
        );
    }

    // For this page, somebody says the opposite: none acts.
    let artist = say(&daemon, &["artist", &account, "--page", &url]);
    let answer = daemon.query(&url);
    assert!(has_post(&answer, &post), "{answer:#}");
    assert_eq!(effects(&answer), [effect("artist", "conflict"), effect("not_artist", "conflict")]);
    take_back(&daemon, &not);
    let answer = daemon.query(&url);
    assert_eq!(effects(&answer), [effect("artist", "added")]);
    let by_a_person = answer["accounts"].as_array().unwrap().iter().find(|one| one["evidence"] == "person");
    let by_a_person = by_a_person.unwrap_or_else(|| panic!("{answer:#}"));
    assert_eq!(format!("twitter:{}", by_a_person["id"].as_str().unwrap()), account);
    take_back(&daemon, &artist);

    // An account to which no page leads, by a name that is known now, since it was scanned.
    let others = daemon.world.facts();
    let other = others
        .accounts
        .iter()
        .find(|one| {
            matches!(one.state, aotf::demo::world::facts::AccountState::Open)
                && format!("twitter:{}", one.id) != account
        })
        .unwrap();
    let unknown = daemon.command(&["verdict", "artist", "nobody_at_all", "--page", &url]);
    let told = String::from_utf8_lossy(&unknown.stderr).into_owned();
    assert!(unknown.status.code() == Some(3) && told.contains("https://x.com/i/user/ID"), "{told}");
    assert_eq!(daemon.scan(other.handle).0, Some(0));
    say(&daemon, &["artist", other.handle, "--page", &url, "--why", "She told me"]);
    let answer = daemon.query(&url);
    let first = &answer["accounts"][0];
    assert_eq!(
        (&first["handle"], &first["evidence"]),
        (&json!(other.handle), &json!("person")),
        "{answer:#}"
    );
    assert!(has_post(&answer, &post), "the others stay");
}

#[test]
fn verdicts_go_into_a_file_and_back() {
    let daemon = Daemon::start(Setup::default());
    let mut ids = Vec::new();
    for number in 0..3 {
        let account = format!("twitter:{number}");
        ids.push(say(&daemon, &["not-artist", &account, "--why", "It reposts everybody"]));
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("verdicts.jsonl");
    let path = file.to_str().unwrap();
    let exported = verdict(&daemon, &["export", path]);
    assert_eq!((exported.0, &exported.1["verdicts"]), (0, &json!(3)));
    let text = fs::read_to_string(&file).unwrap();
    assert_eq!(text.lines().count(), 3);
    for id in &ids {
        take_back(&daemon, id);
    }
    // More than one answer lists, and than one message takes.
    let template: Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
    let mut all = text.clone();
    for number in 0..300 {
        let mut line = template.clone();
        line["account"] = json!(format!("twitter:{}", 1000 + number));
        line["why"] = json!("\u{753b}".repeat(100));
        all += &format!("{line}\n");
    }
    fs::write(&file, &all).unwrap();
    let bad = folder.path().join("bad.jsonl");
    fs::write(&bad, format!("{text}{{\"verdict\":\"perhaps\"}}\n")).unwrap();
    let refused = daemon.command(&["verdict", "import", bad.to_str().unwrap()]);
    let told = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(refused.status.code() == Some(3) && told.contains("line 4"), "{told}");
    assert_eq!(verdict(&daemon, &["list"]).1["verdicts"], json!([]), "nothing is half done");
    for (new, known) in [(303, 0), (0, 303)] {
        let (status, taken) = verdict(&daemon, &["import", path]);
        assert_eq!((status, &taken["new"], &taken["known"]), (0, &json!(new), &json!(known)), "{taken:#}");
    }
    let again = folder.path().join("again.jsonl");
    let exported = verdict(&daemon, &["export", again.to_str().unwrap()]);
    assert_eq!(exported.1["verdicts"], json!(303));
    let sorted = |text: &str| {
        let without_id = |line: &str| {
            let mut line: Value = serde_json::from_str(line).unwrap();
            line["id"] = Value::Null;
            line.to_string()
        };
        let mut lines: Vec<String> = text.lines().map(without_id).collect();
        lines.sort();
        lines
    };
    assert_eq!(sorted(&fs::read_to_string(again).unwrap()), sorted(&all));
}

#[test]
fn keys_that_may_say_it_over_http() {
    let digest = |key: &str| {
        use sha2::Digest as _;
        sha2::Sha256::digest(key).iter().map(|byte| format!("{byte:02x}")).collect::<String>()
    };
    let keys = KEYS
        .replace("MAY", &digest("a-key-that-may-say-it"))
        .replace("NOT", &digest("a-key-that-may-not-do"));
    let daemon = Daemon::start(Setup { extra: keys.leak(), ..Setup::default() });
    let ask = |method: &str, target: &str, key: &str, body: Value| {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let headers = [("x-api-key", key), ("content-type", "application/json")];
        let (status, answer) = daemon.http(method, target, &headers, body.as_bytes()).unwrap();
        (status, serde_json::from_slice::<Value>(&answer).unwrap_or(Value::Null))
    };
    let may = "a-key-that-may-say-it";
    let said = json!({ "verdict": "not_artist", "account": "https://x.com/i/user/12", "why": "It reposts." });
    for (method, target) in
        [("GET", "/verdicts"), ("POST", "/verdicts"), ("DELETE", "/verdicts/0123456789abcdef")]
    {
        assert_eq!(ask(method, target, "a-key-that-may-not-do", said.clone()).0, 403, "{method} {target}");
        let (status, _) =
            daemon.http(method, target, &[("content-type", "application/json")], b"{}").unwrap();
        assert_eq!(status, 403);
    }
    let (status, answer) = ask("POST", "/verdicts", may, said.clone());
    assert_eq!(
        (status, &answer["new"], &answer["verdict"]["by"]),
        (200, &json!(true), &json!("may")),
        "{answer:#}"
    );
    assert_eq!(ask("POST", "/verdicts", may, said).1["new"], false);
    for (wrong, expect) in [
        (json!({ "verdict": "artist", "account": "twitter:12" }), "for a page"),
        (json!({ "verdict": "artist", "account": "two words", "page": "https://a.example/" }), "give a name"),
        (json!({ "verdict": "not_artist", "account": "@nobody_known" }), "give its id"),
        (json!({ "verdict": "not_artist", "account": "12", "why": "x".repeat(501) }), "501 characters"),
        (json!({ "verdict": "not_artist", "account": "12", "why": "a\nb" }), "one line"),
        (json!({ "verdict": "same", "post": "twitter:1" }), "page"),
        (json!({ "verdict": "same", "post": "https://a.example/", "page": "https://a.example/" }), "a post"),
        (json!({ "verdict": "same", "account": "12" }), "about a post"),
        (json!({ "verdict": "perhaps" }), "unknown variant"),
    ] {
        let (status, answer) = ask("POST", "/verdicts", may, wrong.clone());
        let told = answer["error_detail"].as_str().unwrap_or_default();
        assert!(status == 400 && told.contains(expect), "{wrong}: {status} {told}");
    }
    let (_, list) = ask("GET", "/verdicts", may, Value::Null);
    assert_eq!((list["verdicts"].as_array().unwrap().len(), &list["next"]), (1, &Value::Null), "{list:#}");
    let id = list["verdicts"][0]["id"].as_str().unwrap();
    assert_eq!(ask("DELETE", &format!("/verdicts/{id}"), may, Value::Null).0, 200);
    assert_eq!(ask("DELETE", &format!("/verdicts/{id}"), may, Value::Null).0, 404);
}

/// The form of the page, as a browser sends it without a script.
#[test]
fn what_is_wrong_is_said_on_the_page_with_a_key() {
    let digest = aotf::config::sha256(b"a-key-that-may-say-it");
    let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    let keys = KEYS.replace("MAY", &digest).replace("NOT", &"0".repeat(64));
    let daemon = Daemon::start(Setup { extra: keys.leak(), ..Setup::default() });
    let (url, post, _) = known_page(&daemon);
    assert!(has_post(&daemon.query(&url), &post));
    let target = format!("/?url={}", encode(&url));
    let page = || {
        let (status, page) = daemon.http("GET", &target, &[("accept", "text/html")], b"").unwrap();
        assert_eq!(status, 200);
        String::from_utf8(page).unwrap()
    };
    let choice = format!("different twitter:{post}");
    assert!(page().contains(&format!("<option value=\"{choice}\">")), "{}", page());
    let send = |key: &str| {
        let said =
            format!("url={}&said={}&account=&why=Another+one&key={key}", encode(&url), encode(&choice));
        let headers = [("content-type", "application/x-www-form-urlencoded"), ("accept", "text/html")];
        daemon.http("POST", "/verdict?lang=en", &headers, said.as_bytes()).unwrap().0
    };
    assert_eq!(send("a-key-of-nobody"), 401);
    let kept = wait_for("a turn", || Some(send("a-key-that-may-say-it")).filter(|status| *status != 429));
    assert_eq!(kept, 303);
    let answer = daemon.query(&url);
    assert!(!has_post(&answer, &post), "{answer:#}");
    assert_eq!(effects(&answer), [effect("different", "left_out")]);
    let shown = page();
    assert!(shown.contains("Another one") && !shown.contains(&choice), "{shown}");
    let (_, list) = verdict(&daemon, &["list"]);
    assert_eq!(list["verdicts"][0]["by"], "may", "{list:#}");
}
