//! Answers that X really gave, read by the client.

use super::*;
use crate::domain::accounts::{AccountRef, ResolutionOutcome};

/// The body of a recording; `None`, loudly, where the material is not at hand.
fn recorded(name: &str) -> Option<Value> {
    let path = contract::material().join("fixtures/x").join(name);
    let Ok(bytes) = std::fs::read(&path) else {
        eprintln!("SKIPPED: no recording at {}", path.display());
        return None;
    };
    let mut recording: Value = serde_json::from_slice(&bytes).unwrap();
    // Some recordings are lists of exchanges, some hold the exchange, some the body alone.
    if let Some(first) = recording.get_mut(0) {
        recording = first.take();
    }
    match recording.pointer_mut("/response/body") {
        Some(body) => Some(body.take()),
        None => Some(recording),
    }
}

fn body_of(recording: &str) -> Value {
    let recording: Value = serde_json::from_str(recording).unwrap();
    recording["response"]["body"].clone()
}

#[test]
fn users_by_id() {
    let Some(body) = recorded("academictwitteR_users_25f017.json") else { return };
    let world = World::new(move |_| ok(&body));
    let refs = ["1085578910853746688", "2758518175", "34739420"]
        .map(|id| AccountRef::Id(AccountKey::new(Network::Twitter, id)));
    let resolved = world.client.resolve(&refs).unwrap();
    let ResolutionOutcome::Readable(first) = &resolved[0].outcome else { panic!("{resolved:?}") };
    assert_eq!((first.handle.as_str(), first.posts), ("larawolfers", Some(438)));
    assert!(resolved.iter().all(|one| matches!(one.outcome, ResolutionOutcome::Readable(_))), "{resolved:?}");
}

#[test]
fn a_timeline_of_an_account_that_is_not_there() {
    let body = body_of(include_str!(
        "../../../../tests/fixtures/x/academictwitteR_users_id_tweets_1405327120163872777_d24b15.json"
    ));
    let world = World::new(move |_| ok(&body));
    let account = Account { key: AccountKey::new(Network::Twitter, "1405327120163872777"), ..artist() };
    let error = world.list(&account, &Cursor::Timeline(None)).err().unwrap();
    assert!(matches!(error, NetworkError::AccountMissing { .. }), "{error}");
}

#[test]
fn a_timeline_with_reposts_videos_and_errors() {
    let Some(mut body) = recorded("twarc_withheld_3_users_id_tweets.json") else { return };
    body["meta"].as_object_mut().unwrap().remove("next_token");
    let world = World::new(move |_| ok(&body));
    let account = Account {
        key: AccountKey::new(Network::Twitter, "2351222345"),
        handle: "phillynefl".to_owned(),
        posts: None,
    };
    let listing = world.list(&account, &Cursor::Timeline(None)).unwrap();
    // Of 100 posts 18 have media; 15 of them are reposts, one is an animated image.
    assert_eq!(listing.ids(), ["1256945149231484928", "1255161920123961344", "1254825061472702467"]);
    assert_eq!(listing.posts[0].images[0].name, "EXGQ8XgXkAA5YQF.jpg");
    assert_eq!(listing.end.posts_read, 100);
    assert_eq!(listing.end.cursor, Cursor::Timeline(Some("1257786232978968578".to_owned())));
}

/// Reads a recording as if it were the listing of account `id`, and returns how many posts it read.
fn read_all(name: &str, id: &str) -> Option<u64> {
    let mut body = recorded(name)?;
    if let Some(meta) = body["meta"].as_object_mut() {
        meta.remove("next_token");
    }
    let world = World::new(move |_| ok(&body));
    let account = Account { key: AccountKey::new(Network::Twitter, id), ..artist() };
    Some(world.list(&account, &Cursor::Search(None)).unwrap().end.posts_read)
}

#[test]
fn every_recorded_page_can_be_read() {
    for (name, expect) in [
        ("academictwitteR_tweets_search_all_5522e5.json", 221),
        ("academictwitteR_tweets_search_all_7984fa.json", 20),
        ("academictwitteR_users_id_tweets_34739420_d24b15.json", 44),
        ("academictwitteR_users_id_tweets_460255655_d24b15.json", 97),
        ("tweepy_client_search_all_tweets.json", 10),
        ("tweepy_asyncclient_get_users_tweets.json", 2),
        ("twarc_brexit_0_search_recent.json", 100),
        ("twarc_kpop_0_search_recent.json", 100),
        // Shortened by those who published it.
        ("twarc_withheld_4_search_all.json", 112),
        ("twitter-v2-rs_example_with_media_photo.json", 1),
    ] {
        if let Some(read) = read_all(name, "1") {
            assert_eq!(read, expect, "{name}");
        }
    }
}

#[test]
fn a_recorded_post_with_a_photo_is_listed_under_its_author() {
    let Some(mut body) = recorded("twarc_kpop_0_search_recent.json") else { return };
    body["meta"].as_object_mut().unwrap().remove("next_token");
    let world = World::new(move |_| ok(&body));
    let account = Account {
        key: AccountKey::new(Network::Twitter, "1413141881983172615"),
        handle: "xtxxzinfo".to_owned(),
        posts: None,
    };
    let listing = world.list(&account, &Cursor::Search(None)).unwrap();
    assert_eq!(listing.posts.len(), 4);
    assert_eq!(
        listing.posts[0].images[0].url,
        "https://pbs.twimg.com/media/E_50iIlUcBIcU0j?format=jpg&name=small"
    );
}
