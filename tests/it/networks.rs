//! Queries, scans and searches over several networks, through the real program.

use aotf::demo::world::{Endpoint, World};
use serde_json::Value;

use crate::daemon::{Daemon, Setup, WHOLE, encode};

fn post_of(world: &World, handle: &str, number: usize) -> String {
    world.facts().open_account(handle).unwrap().post_id(number)
}

fn find<'a>(list: &'a Value, network: &str) -> &'a Value {
    let items = list.as_array().unwrap();
    items
        .iter()
        .find(|item| item["network"] == network)
        .unwrap_or_else(|| panic!("nothing of {network}: {list:#}"))
}

#[test]
fn one_artist_on_three_networks() {
    let daemon = Daemon::start(Setup { extra: WHOLE, ..Setup::default() });
    let answer = daemon.query("https://www.artstation.com/artwork/70013");
    assert_eq!(answer["error"], Value::Null, "{answer:#}");
    // Existing clients see X alone.
    assert_eq!(answer["twitter_accounts"].as_array().unwrap().len(), 1, "{answer:#}");
    assert_eq!(answer["results"].as_array().unwrap().len(), 1, "{answer:#}");
    assert_eq!(answer["results"][0]["account_name"], "demo_rowan");

    let accounts = &answer["accounts"];
    assert_eq!(find(accounts, "twitter")["handle"], "demo_rowan");
    let bluesky = find(accounts, "bluesky");
    assert_eq!(bluesky["id"], "did:plc:demorowan000000000000000");
    assert_eq!(bluesky["url"], "https://bsky.app/profile/demo-rowan.bsky.social");
    // The page names an account that has moved; its successor is searched, too.
    let on_mastodon: Vec<&Value> =
        accounts.as_array().unwrap().iter().filter(|account| account["network"] == "mastodon").collect();
    let handles: Vec<&str> = on_mastodon.iter().filter_map(|account| account["handle"].as_str()).collect();
    assert_eq!(handles, ["demo_rowan@mastodon.social", "demo_rowan@mastodon.art"]);

    let posts = &answer["posts"];
    assert_eq!(find(posts, "bluesky")["id"], post_of(&daemon.world, "demo-rowan.bsky.social", 20));
    let mastodon = find(posts, "mastodon");
    let id = post_of(&daemon.world, "demo_rowan@mastodon.art", 15);
    assert_eq!(mastodon["id"], id);
    let number = id.rsplit('/').next().unwrap();
    assert_eq!(mastodon["url"], format!("https://mastodon.art/@demo_rowan/{number}"));
    assert_eq!(
        mastodon["image_url"],
        "https://files.mastodon.art/media_attachments/files/109300000000000005/15/original/00.jpg"
    );
    let distances: Vec<u64> =
        posts.as_array().unwrap().iter().map(|post| post["distance"].as_u64().unwrap()).collect();
    assert!(distances.is_sorted() && distances.len() == 3, "{posts:#}");
    let earliest: Vec<&Value> = posts
        .as_array()
        .unwrap()
        .iter()
        .filter(|post| post["earliest"] == true)
        .map(|post| &post["network"])
        .collect();
    assert_eq!(earliest, ["mastodon"], "{posts:#}");

    let shown = daemon.command(&["query", "https://www.artstation.com/artwork/70013", "--wait"]);
    let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
    for part in
        ["Bluesky", "@demo_rowan@mastodon.art", "https://bsky.app/profile/did:plc:demorowan", ", first"]
    {
        assert!(shown.contains(part), "{part:?} is missing: {shown}");
    }
}

#[test]
fn without_a_key_for_x_the_others_are_searched_and_the_start_says_so() {
    let daemon = Daemon::start(Setup { top: "networks = ['bluesky', 'mastodon']", ..Setup::default() });
    let answer = daemon.query("https://www.artstation.com/artwork/70013");
    assert_eq!(answer["error"], Value::Null, "{answer:#}");
    assert_eq!(answer["twitter_accounts"].as_array().unwrap().len(), 0, "{answer:#}");
    assert_eq!(answer["results"].as_array().unwrap().len(), 0, "{answer:#}");
    assert_eq!(answer["posts"].as_array().unwrap().len(), 2, "{answer:#}");
    for paid in [Endpoint::UsersByHandle, Endpoint::UsersById, Endpoint::Search, Endpoint::Timeline] {
        assert_eq!(daemon.world.served(paid), 0, "{paid:?}");
    }
    // The artist's only account is on X, which nobody reads here.
    let answer = daemon.query("https://www.artstation.com/artwork/70001");
    assert_eq!(answer["error"], "NO_TWITTER_ACCOUNT_FOUND", "{answer:#}");
}

#[test]
fn a_query_may_choose_its_networks() {
    let daemon = Daemon::start(Setup { extra: WHOLE, ..Setup::default() });
    let page = "https://www.artstation.com/artwork/70013";
    let shown = daemon.command(&["query", page, "--wait", "--json", "--networks", "mastodon,bluesky"]);
    assert!(shown.status.success(), "{shown:?}");
    let answer: Value = serde_json::from_slice(&shown.stdout).unwrap();
    let networks = |list: &Value| -> Vec<String> {
        let mut networks: Vec<String> = list
            .as_array()
            .unwrap()
            .iter()
            .map(|item| item["network"].as_str().unwrap().to_owned())
            .collect();
        networks.sort();
        networks
    };
    assert_eq!(networks(&answer["accounts"]), ["bluesky", "mastodon", "mastodon"], "{answer:#}");
    assert_eq!(networks(&answer["posts"]), ["bluesky", "mastodon"], "{answer:#}");
    for paid in [Endpoint::UsersByHandle, Endpoint::UsersById, Endpoint::Search, Endpoint::Timeline] {
        assert_eq!(daemon.world.served(paid), 0, "{paid:?}: nobody asked for X");
    }
    // The whole answer is another query's, whatever was asked for before.
    assert_eq!(networks(&daemon.query(page)["posts"]), ["bluesky", "mastodon", "twitter"]);
    let target = format!("/query?networks=twitter&url={}", encode(page));
    let on_x = crate::daemon::wait_for("the end of the query", || {
        let answer = daemon.get(&target);
        (answer["status"] == "END").then_some(answer)
    });
    assert_eq!(networks(&on_x["posts"]), ["twitter"], "{on_x:#}");
    // The artist is on X alone.
    let elsewhere = daemon.command(&[
        "query",
        "https://www.artstation.com/artwork/70001",
        "--wait",
        "--networks",
        "mastodon",
    ]);
    assert_eq!(elsewhere.status.code(), Some(1), "{elsewhere:?}");
    let told = String::from_utf8_lossy(&elsewhere.stdout) + String::from_utf8_lossy(&elsewhere.stderr);
    assert!(told.contains("None of the accounts found is on mastodon"), "{told}");
    // A search over everything leaves posts on others out.
    let image = daemon.folder.path().join("picture");
    std::fs::write(&image, aotf::demo::world::picture::ArtId::SwordInTheStone.art().bytes).unwrap();
    let search = |networks: &[&str]| {
        let found =
            daemon.command(&[&["search", image.to_str().unwrap(), "--wait", "--json"], networks].concat());
        let found: Value = serde_json::from_slice(&found.stdout).unwrap();
        found["posts"].as_array().unwrap().iter().map(|post| post["network"].to_string()).collect::<Vec<_>>()
    };
    let everywhere = search(&[]);
    assert!(everywhere.iter().any(|network| network != "\"bluesky\""), "{everywhere:?}");
    let chosen = search(&["--networks", "bluesky"]);
    assert!(!chosen.is_empty() && chosen.iter().all(|network| network == "\"bluesky\""), "{chosen:?}");
}

#[test]
fn accounts_are_named_in_the_ways_of_their_networks() {
    let daemon = Daemon::start(Setup::default());
    for name in [
        "bluesky:demo-sorrel.bsky.social",
        "@demo_rowan@mastodon.art",
        "https://mastodon.art/@demo_rowan",
        "demo_rowan@demo-names.example",
    ] {
        let output = daemon.command(&["scan", name, "--wait"]);
        assert!(output.status.success(), "{name}: {output:?}");
    }
    let stats = daemon.command(&["stats", "--json"]);
    let stats: Value = serde_json::from_slice(&stats.stdout).unwrap();
    assert_eq!(stats["indexed_accounts_count"], 2, "{stats:#}");
    for (name, why) in [
        ("demo-willow.bsky.social", "asks to be shown to users of its network only"),
        ("demo-cedar.bsky.social", "is suspended"),
        ("demo-nobody.bsky.social", "does not exist"),
        ("demo_willow@mastodon.art", "asks not to be indexed"),
        ("anybody@baraag.net", "shows nothing without login"),
        ("somewhere:else", "name.example"),
    ] {
        let (code, told) = daemon.scan(name);
        assert_eq!((code, told.contains(why)), (Some(3), true), "{name}: {told}");
    }
    // A search by image within one account, which a name on any network says.
    let image = daemon.folder.path().join("picture");
    std::fs::write(&image, aotf::demo::world::picture::ArtId::EileenVeryHappy.art().bytes).unwrap();
    let output =
        daemon.command(&["search", image.to_str().unwrap(), "demo-sorrel.bsky.social", "--wait", "--json"]);
    assert!(output.status.success(), "{output:?}");
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(found["posts"][0]["id"], post_of(&daemon.world, "demo-sorrel.bsky.social", 30), "{found:#}");
}

/// The page names an account on a host that nothing is known of. It answers as no Mastodon does, and says
/// that it is a Misskey.
#[test]
fn an_artist_on_a_server_that_turns_out_to_be_a_misskey() {
    let daemon =
        Daemon::start(Setup { top: "networks = ['bluesky', 'mastodon', 'misskey']", ..Setup::default() });
    let page = "https://www.artstation.com/artwork/70024";
    let elsewhere = daemon.command(&["query", page, "--wait", "--networks", "mastodon"]);
    let told = String::from_utf8_lossy(&elsewhere.stdout) + String::from_utf8_lossy(&elsewhere.stderr);
    assert_eq!(elsewhere.status.code(), Some(1), "{told}");
    assert!(told.contains("@demo_linden@demo-misskey.example is on misskey"), "{told}");

    let shown = daemon.command(&["query", page, "--wait", "--json", "--whole", "--networks", "misskey"]);
    let answer: Value = serde_json::from_slice(&shown.stdout).unwrap();
    assert_eq!(answer["error"], Value::Null, "{answer:#}");
    let account = find(&answer["accounts"], "misskey");
    assert_eq!(account["id"], "https://demo-misskey.example/users/9dlinden01");
    assert_eq!(account["url"], "https://demo-misskey.example/@demo_linden");
    let post = find(&answer["posts"], "misskey");
    assert_eq!(post["id"], post_of(&daemon.world, "demo_linden@demo-misskey.example", 150));
    assert_eq!((&post["url"], &post["image_position"]), (&post["id"], &"2/2".into()), "{post:#}");
    let image = "https://files.demo-misskey.example/9dlinden01/150/webpublic-01.jpg?sensitive=true";
    assert_eq!(post["image_url"], image);
    // Three pages, each shorter than its limit, and a request that was one too many. What is older is hidden.
    assert_eq!(daemon.world.served(Endpoint::MisskeyNotes), 4);
    let known = daemon.command(&["account", "demo_linden@demo-misskey.example", "--json"]);
    let known: Value = serde_json::from_slice(&known.stdout).unwrap();
    assert_eq!(known["accounts"][0]["search_coverage"], "complete", "{known:#}");

    let shown = daemon.command(&["query", page, "--wait"]);
    let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
    assert!(shown.contains("Misskey") && shown.contains("@demo_linden@demo-misskey.example"), "{shown}");
}

#[test]
fn accounts_on_misskey_that_are_not_to_be_read_and_those_that_are_elsewhere() {
    let daemon = Daemon::start(Setup { top: "networks = ['mastodon', 'misskey']", ..Setup::default() });
    for (name, why) in [
        ("demo_willow@demo-misskey.example", "to users who are logged in only"),
        ("misskey:demo_birch@demo-misskey.example", "asks not to be indexed"),
        ("misskey:demo_cedar@demo-misskey.example", "does not exist"),
        ("demo_nobody@demo-misskey.example", "does not exist"),
    ] {
        let (code, told) = daemon.scan(name);
        assert_eq!((code, told.contains(why)), (Some(3), true), "{name}: {told}");
    }
    // As another server knows an account of mastodon.art.
    let output = daemon.command(&["scan", "https://misskey.design/users/9dremote01", "--wait"]);
    assert!(output.status.success(), "{output:?}");
    assert!(daemon.world.served(Endpoint::MastodonStatuses) > 0);
    // Who moved is searched where they were and where they are.
    let answer = daemon.command(&["scan", "@demo_linden@misskey.art", "--wait"]);
    assert!(answer.status.success(), "{answer:?}");
    let stats = daemon.command(&["stats", "--json"]);
    let stats: Value = serde_json::from_slice(&stats.stdout).unwrap();
    assert_eq!(stats["indexed_accounts_count"], 2, "{stats:#}");
}

#[test]
fn an_account_is_listed_from_its_beginning_on_order() {
    let daemon = Daemon::start(Setup { top: "networks = ['bluesky', 'mastodon']", ..Setup::default() });
    for (name, endpoint) in [
        ("demo-rowan.bsky.social", Endpoint::BlueskyFeed),
        ("demo_rowan@mastodon.art", Endpoint::MastodonStatuses),
    ] {
        let pages = |arguments: &[&str]| {
            let before = daemon.world.served(endpoint);
            let output = daemon.command(&[&["scan", name, "--wait"], arguments].concat());
            assert!(output.status.success(), "{output:?}");
            daemon.world.served(endpoint) - before
        };
        let first = pages(&[]);
        assert!(first > 1, "{name} has one page only");
        assert_eq!(pages(&[]), 0, "{name}: a scan that has just ended is shown as it was");
        assert_eq!(pages(&["--whole"]), first, "{name}: all of its pages");
        assert_eq!(pages(&["--whole"]), 0, "{name}: which has just ended");
        let known = daemon.command(&["account", name, "--json"]);
        let known: Value = serde_json::from_slice(&known.stdout).unwrap();
        assert_eq!(known["accounts"][0]["search_coverage"], "complete", "{known:#}");
    }
}

#[test]
fn an_image_that_the_cdn_lost_comes_from_the_accounts_own_server() {
    let daemon = Daemon::start(Setup::default());
    let scanned = daemon.command(&["scan", "demo-rowan.bsky.social", "--wait"]);
    assert!(scanned.status.success(), "{scanned:?}");
    assert_eq!(daemon.world.served(Endpoint::BlueskyBlob), 2, "the two pictures of that post");
    let target = format!("/search?account_name={}", encode("demo-rowan.bsky.social"));
    let picture = aotf::demo::world::picture::ArtId::SwordInTheStone.art().bytes;
    let (status, body) = daemon.http("POST", &target, &[], picture).unwrap();
    assert_eq!(status, 200);
    let begun: Value = serde_json::from_slice(&body).unwrap();
    let target = format!("/search?identifier={}", begun["identifier"].as_str().unwrap());
    let found = crate::daemon::wait_for("the end of the search", || {
        let answer = daemon.get(&target);
        (answer["status"] == "END").then_some(answer)
    });
    assert_eq!(found["posts"][0]["id"], post_of(&daemon.world, "demo-rowan.bsky.social", 60), "{found:#}");
    assert_eq!(found["posts"][0]["image_position"], "2/2");
}

#[test]
fn x_can_be_read_by_a_second_source() {
    let daemon = Daemon::start(Setup {
        top: "networks = ['twitter']",
        extra: "[twitter.fxtwitter]\nenabled = true\npreferred = true\nrequests_per_second = 1000\n",
        ..Setup::default()
    });
    let answer = daemon.query("https://www.artstation.com/artwork/70001");
    assert_eq!(answer["error"], Value::Null, "{answer:#}");
    assert_eq!(answer["results"][0]["account_name"], "demo_rowan", "{answer:#}");
    assert!(daemon.world.served(Endpoint::FxTwitter) > 3);
    for paid in [Endpoint::UsersByHandle, Endpoint::UsersById, Endpoint::Search, Endpoint::Timeline] {
        assert_eq!(daemon.world.served(paid), 0, "{paid:?}");
    }
}
