//! Queries from the HTTP request to the found post, through all processes.

use aotf::demo::world::cases::{Ask, Case, Expect};
use serde_json::Value;

use crate::daemon::{Daemon, Setup};

/// Every page that the demo world lists answers what it says, error codes included.
#[track_caller]
fn check_all_cases(daemon: &Daemon) {
    let mut checked = 0;
    let cases = daemon.world.known();
    // All at once: the slow site, and those that are asked once a second, then wait beside the others.
    cases.iter().filter_map(Case::url).for_each(|url| daemon.begin(url));
    for case in cases {
        let Ask::Query(url) = &case.ask else { continue };
        let answer = daemon.query(url);
        check_form(&answer);
        let about = format!("{} ({url}): {answer:#}", case.about);
        match case.expect {
            Expect::Post { post, account, handle, position, within } => {
                assert_eq!(answer["error"], Value::Null, "{about}");
                let first = &answer["results"][0];
                assert_eq!(first["tweet_id"], post.to_string(), "{about}");
                assert_eq!(first["account_id"], account.to_string(), "{about}");
                assert_eq!(first["image_position"], position, "{about}");
                assert!(first["distance"].as_u64().unwrap() <= u64::from(within), "{about}");
                let accounts = answer["twitter_accounts"].as_array().unwrap();
                assert!(accounts.iter().any(|known| known["account_name"] == handle), "{about}");
            }
            Expect::Elsewhere { network, post, handle, within } => {
                assert_eq!(answer["error"], Value::Null, "{about}");
                let first = &answer["posts"][0];
                assert_eq!((&first["network"], &first["id"]), (&network.into(), &post.into()), "{about}");
                assert_eq!(first["handle"], handle, "{about}");
                assert!(first["distance"].as_u64().unwrap() <= u64::from(within), "{about}");
                assert_eq!(answer["results"].as_array().unwrap().len(), 0, "{about}");
            }
            Expect::Nothing => {
                assert_eq!(answer["error"], Value::Null, "{about}");
                assert_eq!(answer["results"].as_array().unwrap().len(), 0, "{about}");
            }
            Expect::Error(code) => assert_eq!(answer["error"], code, "{about}"),
        }
        checked += 1;
    }
    assert!(checked >= 10, "only {checked} cases were checked");
}

/// All fields that existing clients read are there, of the right type.
#[track_caller]
fn check_form(answer: &Value) {
    assert!(answer["status"].is_string() || answer["status"].is_null(), "{answer:#}");
    assert!(answer["has_first_time_scan"].is_boolean(), "{answer:#}");
    assert!(answer["error"].is_string() || answer["error"].is_null(), "{answer:#}");
    for account in answer["twitter_accounts"].as_array().unwrap() {
        assert!(account["account_name"].is_string() && account["account_id"].is_string(), "{answer:#}");
    }
    for result in answer["results"].as_array().unwrap() {
        assert!(result["tweet_id"].is_string() && result["account_id"].is_string(), "{answer:#}");
        assert!(result["image_position"].is_string() && result["distance"].is_u64(), "{answer:#}");
    }
}

#[test]
fn every_case_of_the_world_through_processes() {
    let daemon = Daemon::start(Setup::default());
    check_all_cases(&daemon);
    // A second pass is answered from what is known, and in the same way.
    check_all_cases(&daemon);
    daemon.stats_when("the posts in the figures", |stats| stats["indexed_tweets_count"].as_u64() > Some(100));
    daemon.stats_when("no query to be left", |stats| stats["processing_user_requests_count"] == 0);
}

/// A picture that visitors are not shown is no reason to keep the artist's accounts back; nothing is scanned
/// for it.
#[test]
fn a_hidden_work_is_answered_with_its_artists_accounts() {
    let daemon = Daemon::start(Setup::default());
    let answer = daemon.query("https://www.pixiv.net/artworks/118000002");
    check_form(&answer);
    assert_eq!(answer["error"], "PROCESSING_ERROR", "{answer:#}");
    assert!(answer["error_detail"].as_str().unwrap().contains("PHPSESSID"), "{answer:#}");
    let account = &answer["twitter_accounts"][0];
    assert_eq!(account["account_name"], "demo_juniper", "{answer:#}");
    assert_eq!(account["chain"][1], "https://www.pixiv.net/users/9000001", "{answer:#}");
    assert_eq!(answer["image_url"], Value::Null, "{answer:#}");
    let stats =
        daemon.stats_when("no query to be left", |stats| stats["processing_user_requests_count"] == 0);
    assert_eq!(stats["indexed_accounts_count"], 0, "{stats:#}");
}

#[test]
fn every_case_of_the_world_through_threads() {
    let daemon = Daemon::start(Setup { top: "multiprocess = false", ..Setup::default() });
    assert_eq!(daemon.containers(), []);
    check_all_cases(&daemon);
}

#[test]
fn what_is_indexed_outlives_the_daemon() {
    let daemon = Daemon::start(Setup::default());
    let url = daemon.world.known()[0].url().unwrap().to_owned();
    let first = daemon.query(&url);
    assert_eq!(first["has_first_time_scan"], true, "{first:#}");
    let Daemon { .. } = &daemon;
    let (folder, world) = end(daemon);
    let again = Daemon::start_in(folder, world, &Setup::default());
    let second = again.query(&url);
    assert_eq!(second["has_first_time_scan"], false, "{second:#}");
    assert_eq!(second["results"][0]["tweet_id"], first["results"][0]["tweet_id"]);
}

/// Ends a daemon and keeps its world and its data.
pub fn end(mut daemon: Daemon) -> (tempfile::TempDir, aotf::demo::world::World) {
    use aotf::demo::world::{Options, World};
    daemon.signal("-TERM");
    assert!(daemon.root.wait().unwrap().success());
    let folder = std::mem::replace(&mut daemon.folder, tempfile::tempdir().unwrap());
    let world = std::mem::replace(&mut daemon.world, World::start(Options::default()).unwrap());
    (folder, world)
}
