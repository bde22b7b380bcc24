//! Answers that X really gave, read by the client.

use std::path::PathBuf;

use super::*;
use crate::base::material;
use crate::domain::accounts::{AccountRef, ResolutionOutcome};

/// The body of a recording.
fn recorded(file: PathBuf) -> Value {
    let bytes = std::fs::read(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let mut recording: Value = serde_json::from_slice(&bytes).unwrap();
    // Some recordings are lists of exchanges, some hold the exchange, some the body alone.
    if let Some(first) = recording.get_mut(0) {
        recording = first.take();
    }
    match recording.pointer_mut("/response/body") {
        Some(body) => body.take(),
        None => recording,
    }
}

/// A recording of the test material: long, with many people's posts.
fn long(name: &str) -> PathBuf {
    material::outside("fixtures/x").join(name)
}

/// A recording that is short enough for the repository.
fn short(name: &str) -> PathBuf {
    material::fixture("x").join(name)
}

fn body_of(recording: &str) -> Value {
    let recording: Value = serde_json::from_str(recording).unwrap();
    recording["response"]["body"].clone()
}

#[test]
fn users_by_id() {
    let body = recorded(short("academictwitteR_users_25f017.json"));
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
#[cfg_attr(not(material), ignore = "needs AOTF_TEST_MATERIAL")]
fn a_timeline_with_reposts_videos_and_errors() {
    let mut body = recorded(long("twarc_withheld_3_users_id_tweets.json"));
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

/// Reads a recording as if it were the listing of an account, and asserts how many posts it reads.
#[track_caller]
fn check_read(file: PathBuf, expect: u64) {
    let mut body = recorded(file.clone());
    if let Some(meta) = body["meta"].as_object_mut() {
        meta.remove("next_token");
    }
    // Some were asked for without any fields, which we ask for: without dates they would be doubted.
    for post in body["data"].as_array_mut().unwrap() {
        let post = post.as_object_mut().unwrap();
        post.entry("created_at").or_insert_with(|| date(1).into());
    }
    let world = World::new(move |_| ok(&body));
    let account = Account { key: AccountKey::new(Network::Twitter, "1"), ..artist() };
    let listing = world.list(&account, &Cursor::Search(None)).unwrap();
    assert_eq!(listing.end.posts_read, expect, "{}", file.display());
}

#[test]
fn every_short_recorded_page_can_be_read() {
    check_read(short("tweepy_client_search_all_tweets.json"), 10);
    check_read(short("tweepy_asyncclient_get_users_tweets.json"), 2);
    check_read(short("twitter-v2-rs_example_with_media_photo.json"), 1);
}

#[test]
#[cfg_attr(not(material), ignore = "needs AOTF_TEST_MATERIAL")]
fn every_long_recorded_page_can_be_read() {
    check_read(long("academictwitteR_tweets_search_all_5522e5.json"), 221);
    check_read(long("academictwitteR_tweets_search_all_7984fa.json"), 20);
    check_read(long("academictwitteR_users_id_tweets_34739420_d24b15.json"), 44);
    check_read(long("academictwitteR_users_id_tweets_460255655_d24b15.json"), 97);
    check_read(long("twarc_brexit_0_search_recent.json"), 100);
    check_read(long("twarc_kpop_0_search_recent.json"), 100);
    // Shortened by those who published it.
    check_read(long("twarc_withheld_4_search_all.json"), 112);
}

#[test]
#[cfg_attr(not(material), ignore = "needs AOTF_TEST_MATERIAL")]
fn a_recorded_post_with_a_photo_is_listed_under_its_author() {
    let mut body = recorded(long("twarc_kpop_0_search_recent.json"));
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
