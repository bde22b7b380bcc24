//! Pages of artists' links that nothing is known of, and what accounts and pages say of each other, through
//! the real program.

use serde_json::Value;

use crate::daemon::{Daemon, Setup};

/// An artist whose profile names a page of their own, and no account.
const WORK: &str = "https://www.artstation.com/artwork/70023";
const PAGE: &str = "https://demo-rowan.example/";

fn account<'a>(answer: &'a Value, network: &str) -> &'a Value {
    let accounts = answer["accounts"].as_array().unwrap_or_else(|| panic!("{answer:#}"));
    accounts
        .iter()
        .find(|account| account["network"] == network)
        .unwrap_or_else(|| panic!("no account on {network}: {answer:#}"))
}

#[test]
fn a_page_of_unknown_make_is_read_if_the_operator_allows_it() {
    let daemon = Daemon::start(Setup { links: "unknown_pages = true", ..Setup::default() });
    let answer = daemon.query(WORK);
    assert_eq!(answer["error"], Value::Null, "{answer:#}");
    assert_eq!(answer["results"][0]["image_position"], "2/2", "{answer:#}");
    let on_x = account(&answer, "twitter");
    assert_eq!(
        (&on_x["handle"], &on_x["evidence"]),
        (&"demo_rowan".into(), &"profile_text".into()),
        "{answer:#}"
    );
    assert_eq!(on_x["chain"].as_array().unwrap().last().unwrap(), PAGE, "{answer:#}");
    // The page names it as its author's, and the account lists the page's host: it is as certain as the page,
    // which stands in a field of the profile.
    let fediverse = account(&answer, "mastodon");
    assert_eq!(
        (&fediverse["handle"], &fediverse["evidence"]),
        (&"demo_rowan@mastodon.art".into(), &"profile_field".into()),
        "{answer:#}"
    );
    assert_eq!(fediverse["chain"].as_array().unwrap().last().unwrap(), PAGE, "{answer:#}");
}

#[test]
fn a_page_of_unknown_make_is_not_asked_for_otherwise() {
    let daemon = Daemon::start(Setup::default());
    let answer = daemon.query(WORK);
    assert_eq!(answer["error"], "NO_TWITTER_ACCOUNT_FOUND", "{answer:#}");
    // The operator may name it alone.
    let listed = Daemon::start(Setup { links: "plain_pages = ['demo-rowan.example']", ..Setup::default() });
    let answer = listed.query(WORK);
    assert_eq!(account(&answer, "twitter")["handle"], "demo_rowan", "{answer:#}");
}
