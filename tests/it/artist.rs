//! Who made an artwork, and nothing more: what is answered, what it costs, and that nothing is scanned for
//! it.

use aotf::demo::world::Endpoint;
use serde_json::{Value, json};

use crate::daemon::{Daemon, Setup, containers_of, encode, kill, wait_for};

/// An artist who is on X and on two other networks.
const PAGE: &str = "https://www.artstation.com/artwork/70013";

fn target(parameters: &str, page: &str) -> String {
    format!("/artist?{parameters}url={}", encode(page))
}

/// The final answer.
fn artist(daemon: &Daemon, parameters: &str, page: &str) -> Value {
    wait_for("the artist", || {
        let answer = daemon.get(&target(parameters, page));
        (answer["status"] == "END" || answer["status"].is_null()).then_some(answer)
    })
}

fn states(accounts: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    accounts.as_array().unwrap().iter().map(|one| (text(&one["handle"]), text(&one["state"]))).collect()
}

/// Listings and pictures that were served: nothing of that is needed to know an artist.
fn scanned(daemon: &Daemon) -> usize {
    [Endpoint::Search, Endpoint::Timeline, Endpoint::PostImage, Endpoint::SiteImage, Endpoint::BlueskyFeed]
        .map(|endpoint| daemon.world.served(endpoint))
        .iter()
        .map(|served| usize::try_from(*served).unwrap())
        .sum()
}

#[test]
fn an_artist_is_known_without_a_scan() {
    let daemon = Daemon::start(Setup::default());
    // As the pages name them: no network is asked, and the price is told.
    let named = artist(&daemon, "resolve=0&", PAGE);
    assert_eq!(
        (&named["error"], &named["resolve"], &named["cost_usd"]),
        (&Value::Null, &json!(false), &json!(0.0))
    );
    assert!(named["estimate_usd"].as_f64().unwrap() >= 0.01, "{named:#}");
    assert!(
        states(&named["accounts"]).contains(&("demo_rowan".to_owned(), "not_asked".to_owned())),
        "{named:#}"
    );
    assert_eq!(daemon.world.served(Endpoint::UsersByHandle), 0);

    let known = artist(&daemon, "", PAGE);
    assert_eq!(known["error"], Value::Null, "{known:#}");
    let on_x = known["accounts"].as_array().unwrap().iter().find(|one| one["network"] == "twitter").unwrap();
    assert_eq!((&on_x["handle"], &on_x["state"]), (&json!("demo_rowan"), &json!("confirmed")), "{known:#}");
    assert!(on_x["evidence"].is_string() && on_x["id"].is_string(), "{known:#}");
    assert_eq!(on_x["chain"][0], PAGE, "{known:#}");
    assert!(known["cost_usd"].as_f64().unwrap() <= known["estimate_usd"].as_f64().unwrap(), "{known:#}");
    let spent =
        wait_for("the ledger", || daemon.get("/stats")["spent_today_usd"].as_f64().filter(|usd| *usd > 0.0));
    assert!(spent <= known["estimate_usd"].as_f64().unwrap(), "{spent}");
    assert_eq!((scanned(&daemon), &daemon.get("/stats")["indexed_accounts_count"]), (0, &json!(0)));

    // The same in the shell.
    let output = daemon.command(&["artist", PAGE, "--wait", "--json"]);
    assert!(output.status.success(), "{output:?}");
    let shell: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&shell["accounts"], &shell["id"]), (&known["accounts"], &known["id"]));
    let told = String::from_utf8(daemon.command(&["artist", PAGE, "--wait"]).stdout).unwrap();
    assert!(told.contains("@demo_rowan on X is there: https://x.com/demo_rowan\n"), "{told}");

    // And the credit, which names no post.
    let (status, credit) = daemon.http("GET", &target("format=credit&", PAGE), &[], b"").unwrap();
    let credit = String::from_utf8(credit).unwrap();
    assert!(
        status == 200 && credit.contains("https://x.com/demo_rowan") && !credit.contains("/status/"),
        "{credit}"
    );
    let shell = String::from_utf8(daemon.command(&["artist", PAGE, "--credit"]).stdout).unwrap();
    assert_eq!(shell, credit + "\n");
    assert_eq!(scanned(&daemon), 0);
}

#[test]
fn a_query_for_the_posts_answers_who_asks_for_the_artist() {
    let daemon = Daemon::start(Setup::default());
    let posts = daemon.query(PAGE);
    let [pages, looked_up] = [Endpoint::SitePage, Endpoint::UsersByHandle].map(|of| daemon.world.served(of));
    let answer = daemon.get(&target("", PAGE));
    assert_eq!((&answer["status"], &answer["id"]), (&json!("END"), &posts["id"]), "at once: {answer:#}");
    assert_eq!(answer["accounts"].as_array().unwrap().len(), posts["accounts"].as_array().unwrap().len());
    assert_eq!((&answer["cost_usd"], &answer["resolve"]), (&json!(0.0), &json!(true)));
    assert_eq!(daemon.get(&target("resolve=0&", PAGE))["accounts"], answer["accounts"]);
    assert_eq!(daemon.world.served(Endpoint::SitePage), pages);
    assert_eq!(daemon.world.served(Endpoint::UsersByHandle), looked_up);
}

#[test]
fn accounts_that_cannot_be_read_are_told_with_what_is_known() {
    let daemon = Daemon::start(Setup::default());
    let cases = daemon.world.known();
    let page = |about: &str| cases.iter().find(|case| case.about == about).unwrap().url().unwrap();
    let gone = artist(&daemon, "", page("private, suspended and missing accounts"));
    let of_x = states(&gone["accounts"]);
    for state in ["private", "suspended", "missing"] {
        assert!(of_x.iter().any(|(_, found)| found == state), "{gone:#}");
    }
    // One is private, so that there is somebody to go to.
    assert_eq!(gone["error"], Value::Null, "{gone:#}");
    // A query for its posts fails, and tells the same on the page.
    let posts = daemon.query(page("private, suspended and missing accounts"));
    assert_eq!(posts["error"], "NO_VALID_TWITTER_ACCOUNT_FOUND", "{posts:#}");
    assert_eq!(states(&posts["other_accounts"]), of_x, "{posts:#}");
    let (_, html) = daemon
        .http(
            "GET",
            &format!("/?url={}", encode(page("private, suspended and missing accounts"))),
            &[("Accept", "text/html")],
            b"",
        )
        .unwrap();
    let html = String::from_utf8(html).unwrap();
    assert!(html.contains("id=\"others\"") && html.contains("demo<wbr>_cedar"), "{html}");

    for (page, code) in [
        ("https://a.example/", "UNSUPPORTED_WEBSITE"),
        ("https://www.deviantart.com/demo-juniper/gallery", "NOT_AN_ARTWORK_PAGE"),
        ("https://x.com/demo_rowan", "UNSUPPORTED_WEBSITE"),
        ("hello", "NOT_AN_URL"),
        ("", "NO_URL_FIELD"),
    ] {
        let answer = artist(&daemon, "", page);
        assert_eq!(answer["error"], code, "{page}: {answer:#}");
        assert!(!answer["error_detail"].as_str().unwrap().is_empty(), "{page}");
    }
    let (status, body) = daemon.http("GET", &target("resolve=maybe&", PAGE), &[], b"").unwrap();
    let body = String::from_utf8(body).unwrap();
    assert!(status == 400 && body.contains("resolve: \\\"maybe\\\" is neither 0"), "{body}");
}

#[test]
fn a_spent_budget_leaves_the_names() {
    let extra = "[twitter.budget]\ndaily_usd = 0.005\n";
    let daemon = Daemon::start(Setup { extra, ..Setup::default() });
    // A look-up costs more than is left, so that none is sent.
    let answer = artist(&daemon, "", PAGE);
    assert_eq!((&answer["error"], &answer["cost_usd"]), (&Value::Null, &json!(0.0)), "{answer:#}");
    let accounts = answer["accounts"].as_array().unwrap();
    let on_x = accounts.iter().find(|one| one["network"] == "twitter").unwrap();
    assert_eq!((&on_x["handle"], &on_x["state"]), (&json!("demo_rowan"), &json!("not_asked")), "{answer:#}");
    assert!(on_x["detail"].as_str().unwrap().contains("$0.005"), "{answer:#}");
    assert!(
        accounts.iter().any(|one| one["network"] != "twitter" && one["state"] == "confirmed"),
        "{answer:#}"
    );
    assert_eq!(daemon.world.served(Endpoint::UsersByHandle), 0);
}

/// Whoever was told that it is under way is answered after the broker, and then everything, was killed.
#[test]
fn a_question_for_the_artist_survives_kills() {
    let mut daemon = Daemon::start(Setup::default());
    let slow = daemon.world.known();
    let slow = slow.iter().find(|case| case.about == "a site that takes ten seconds").unwrap();
    let slow = slow.url().unwrap().to_owned();
    let begun = daemon.get(&target("", &slow));
    assert_ne!(begun["status"], "END", "{begun:#}");
    let broker = |daemon: &Daemon| {
        let containers = containers_of(daemon.root.id());
        containers.into_iter().find(|(_, role)| role == "broker").map(|(pid, _)| pid)
    };
    let first = broker(&daemon).unwrap();
    kill(first, "-KILL");
    wait_for("another broker", || broker(&daemon).filter(|pid| *pid != first));
    let state = |daemon: &Daemon| {
        let (status, body) =
            daemon.http("GET", &format!("/queries?ids={}", begun["id"].as_str().unwrap()), &[], b"").ok()?;
        let body: Value = serde_json::from_slice(&body).ok()?;
        (status == 200 && body["queries"][0]["status"].is_string()).then(|| body["queries"][0].clone())
    };
    wait_for("the query under its id", || state(&daemon));
    daemon.signal("-KILL");
    let _ = daemon.root.wait();
    daemon.root = Daemon::spawn(&daemon.config());
    daemon.wait_until_ready();
    let ended = wait_for("the end, for who asks by the id alone", || {
        state(&daemon).filter(|query| query["status"] == "END")
    });
    assert_eq!(ended["error"], Value::Null, "{ended:#}");
    assert_eq!(artist(&daemon, "", &slow)["accounts"][0]["handle"], "demo_juniper");
    assert_eq!(scanned(&daemon), 0);
}
