//! What a public server hands on: whatever is asked for, and however.

use super::world::World;
use crate::api::samples::sample_record;
use crate::base::ids::Network;
use crate::config::Settings;
use crate::front::fake::{FakeBroker, sample_view, sample_view_at};
use crate::proto::front::FrontAnswer;
use crate::proto::view::QueryStatus;

fn public(settings: &mut Settings) {
    settings.http.public = true;
    settings.page.contact_url = Some("mailto:operator@a.example".to_owned());
}

/// What X and the other networks say of the sample's posts, and this program does not find out by itself.
fn told_by_networks() -> Vec<String> {
    let view = sample_view();
    let mut told = vec!["pbs.twimg.com".to_owned(), "cdn.bsky.app".to_owned()];
    told.extend(view.results.iter().chain(&view.similar).map(|result| result.image_name.clone()));
    for account in view.accounts.iter().filter(|account| account.key.network == Network::Twitter) {
        let name = &account.handle;
        told.extend([format!("\"{name}\""), format!("@{name}"), format!("x.com/{name}")]);
    }
    told
}

#[track_caller]
fn check(about: &str, text: &str) {
    for told in told_by_networks() {
        assert!(!text.contains(&told), "{about} tells {told}: {text}");
    }
}

#[tokio::test]
async fn no_way_tells_more_than_ids() {
    let ways: [(&str, &str); 8] = [
        ("GET /query?url=https://a.example/art/1", ""),
        ("GET /query?first=1&url=https://a.example/art/1", ""),
        ("GET /query/events?url=https://a.example/art/1", ""),
        ("GET /credit?url=https://a.example/art/1", ""),
        ("GET /queries?ids=0123456789abcdef0123456789abcdef", ""),
        ("GET /artist?url=https://a.example/art/1", ""),
        ("GET /?url=https%3A%2F%2Fa.example%2Fart%2F1&pictures=1", "\r\nAccept: text/html"),
        ("GET /page/events?url=https%3A%2F%2Fa.example%2Fart%2F1", ""),
    ];
    let whole = World::new(FakeBroker::default()).await;
    let world = World::with(FakeBroker::default(), public).await;
    for (way, headers) in ways {
        let request = format!("{way} HTTP/1.1{headers}");
        let reply = world.exchange(&request, b"").await;
        assert_eq!(reply.status, 200, "{way}: {}", reply.body);
        check(way, &reply.body);
        let known = whole.exchange(&request, b"").await.body;
        let told = told_by_networks().iter().filter(|told| known.contains(*told)).count();
        assert!(told > 0 || way.contains("/artist"), "{way}: there is something to leave out: {known}");
        // What was found is there all the same.
        let posts = ["/status/18446744073709551615", "Answer", "accounts"];
        assert!(posts.iter().any(|post| reply.body.contains(post)), "{way}: {}", reply.body);
    }
    let reply = world.get("/query?url=https://a.example/art/1").await.json();
    assert_eq!(reply["posts"][0]["image_url"], "");
    assert!(reply["posts"][0]["class"].is_string() && reply["posts"][0]["distance"].is_number());
    assert_eq!(reply["results"][0]["url"], "https://x.com/i/status/18446744073709551615");
    assert_eq!(reply["twitter_accounts"][0]["url"], "https://x.com/i/user/783214");
}

#[tokio::test]
async fn a_search_and_an_account_tell_no_more() {
    let world = World::with(FakeBroker::default(), public).await;
    let search = world.get("/search?identifier=abc").await;
    check("a search", &search.body);
    assert_eq!(search.json()["posts"].as_array().map(Vec::len), Some(sample_view().results.len()));
    let record = FrontAnswer::Account(vec![sample_record()]);
    let world = World::with(FakeBroker::answering([record]), public).await;
    let account = world.get("/account?name=jane_paints").await.json();
    let known = &account["accounts"][0];
    assert_eq!(known["network"], "twitter", "{account:#}");
    assert_eq!(known["account_id"], sample_record().state.key.native);
    for field in [
        "account_name",
        "stated_posts",
        "newest_post_seen",
        "oldest_post_seen",
        "stated_media",
        "found_media",
    ] {
        assert!(known[field].is_null(), "{field}: {known:#}");
    }
    assert_eq!(known["handles"].as_array().map(Vec::len), Some(0));
}

/// What changes while somebody listens takes the same way out.
#[tokio::test]
async fn later_events_tell_no_more() {
    let begun = FrontAnswer::Query(sample_view_at(QueryStatus::IndexAccounts, 1));
    for path in ["/query/events", "/page/events"] {
        let world = World::with(FakeBroker::answering([begun.clone()]), public).await;
        let mut end = sample_view();
        end.version = 9;
        let target = format!("{path}?url=https%3A%2F%2Fa.example%2Fart%2F1");
        let (stream, ()) = tokio::join!(world.get(&target), world.broker.publish(end));
        assert!(stream.body.contains("18446744073709551615"), "{path}: {}", stream.body);
        check(path, &stream.body);
    }
}
