//! Answer first, index later: what a query looks through, what it says of that, and what a second one need
//! not read.

use aotf::demo::world::Endpoint;
use serde_json::Value;

use crate::daemon::{Daemon, Setup, encode, wait_for};
use crate::faults::assert_found;

fn searched<'a>(answer: &'a Value, network: &str) -> &'a Value {
    let all = answer["searched"].as_array().unwrap();
    all.iter().find(|one| one["network"] == network).unwrap_or_else(|| panic!("{answer:#}"))
}

/// A page whose artist posted the work on X, and on no network that costs nothing, within days.
const PAGE: &str = "https://danbooru.donmai.us/posts/7000001";

#[test]
fn a_new_artist_is_looked_through_around_the_artworks_date() {
    let daemon = Daemon::start(Setup::default());
    let searches = || daemon.world.served(Endpoint::Search);
    let first = daemon.query(PAGE);
    assert_found(&first);
    let on_x = searched(&first, "twitter");
    assert_eq!((&on_x["complete"], &first["complete"]), (&false.into(), &false.into()), "{first:#}");
    let windows = on_x["windows"].as_array().unwrap();
    assert!(!windows.is_empty() && first["rest_usd"].as_f64().unwrap() > 0.0, "{first:#}");
    assert!(first["looking"].is_null(), "{first:#}");
    let cost = first["cost_usd"].as_f64().unwrap();
    assert!(cost > 0.0 && cost < first["rest_usd"].as_f64().unwrap() + 0.05, "{first:#}");

    // The window is covered: nothing is listed again.
    let before = searches();
    let again = daemon.query(&format!("{PAGE}#again"));
    assert_eq!(again["posts"], first["posts"]);
    assert_eq!(searches(), before);

    // Who wants all of it gets all of it, and the same posts among it.
    let target = format!("/query?whole=1&url={}", encode(PAGE));
    let whole = wait_for("the whole", || {
        let answer = daemon.get(&target);
        (answer["status"] == "END").then_some(answer)
    });
    assert_eq!((&whole["complete"], &whole["rest_usd"]), (&true.into(), &Value::Null), "{whole:#}");
    let posts = whole["posts"].as_array().unwrap();
    assert!(first["posts"].as_array().unwrap().iter().all(|post| posts.contains(post)), "{whole:#}");
    assert!(searches() > before);

    // What was covered in parts is known as a whole now, also to a query that asks for no more.
    let known = daemon.query(&format!("{PAGE}#known"));
    assert_eq!(searched(&known, "twitter")["windows"], Value::Array(vec![]), "{known:#}");
}

#[test]
fn the_first_hit_ends_the_wait_of_who_asks_for_no_more() {
    let daemon = Daemon::start(Setup::default());
    let (status, events) = daemon
        .http("GET", &format!("/query/events?first=1&url={}", encode(PAGE)), &[], b"")
        .expect("the stream ends");
    assert_eq!(status, 200);
    let events = String::from_utf8(events).unwrap();
    let last = events.lines().rev().find_map(|line| line.strip_prefix("data:")).unwrap();
    let last: Value = serde_json::from_str(last).unwrap();
    assert_eq!(last["status"], "END", "{last:#}");
    let class = last["posts"][0]["class"].as_str().unwrap();
    assert!(["identical", "recompressed"].contains(&class), "{last:#}");
    let output = daemon.command(&["query", PAGE, "--wait", "--first", "--json"]);
    assert!(output.status.success(), "{output:?}");
    assert_found(&serde_json::from_slice(&output.stdout).unwrap());
}

#[test]
fn what_costs_nothing_is_indexed_whole_afterwards() {
    let daemon = Daemon::start(Setup { top: "networks = ['bluesky', 'mastodon']", ..Setup::default() });
    let page = "https://www.artstation.com/artwork/70013";
    let answer = daemon.query(page);
    assert_eq!(answer["error"], Value::Null, "{answer:#}");
    let account = "https://mastodon.art/users/demo_rowan";
    wait_for("the whole account", || {
        let known = daemon.get("/account?name=demo_rowan@mastodon.art");
        let known = known["accounts"].as_array()?.iter().find(|one| one["account_id"] == account)?;
        (known["search_coverage"] == "complete" && known["windows"] == Value::Array(vec![])).then_some(())
    });
}

#[test]
fn a_credit_is_the_same_to_programs_and_in_the_shell() {
    let top = "[credit]\nhtml = '<i>by {artist}</i>'";
    let daemon = Daemon::start(Setup { top, ..Setup::default() });
    let output = daemon.command(&["query", PAGE, "--credit"]);
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    let answer = daemon.query(PAGE);
    let post = answer["posts"][0]["url"].as_str().unwrap();
    assert!(text.starts_with("Posts:\nhttps://") && text.contains(&format!("\n{post}\n")), "{text}");
    let links: Vec<&str> =
        answer["accounts"].as_array().unwrap().iter().map(|one| one["url"].as_str().unwrap()).collect();
    assert!(text.contains(&format!("\n\nArtist:\n{}\n", links.join("\n"))), "{text}");
    let credit = |parameters: &str| {
        let target = format!("/query?format=credit{parameters}&url={}", encode(PAGE));
        let (status, body) = daemon.http("GET", &target, &[], b"").unwrap();
        assert_eq!(status, 200, "{target}");
        String::from_utf8(body).unwrap()
    };
    assert_eq!(credit("") + "\n", text);
    let handle = answer["accounts"][0]["handle"].as_str().unwrap();
    assert_eq!(credit("&markup=html"), format!("<i>by {handle}</i>"));
    assert!(credit("&markup=markdown&lang=fr").contains(&format!("]({post})")));
    // Nobody is there to be credited, which is told with the reason.
    let nobody = daemon.command(&["query", "https://a.example/", "--credit"]);
    assert!(!nobody.status.success() && nobody.stdout.is_empty(), "{nobody:?}");
}
