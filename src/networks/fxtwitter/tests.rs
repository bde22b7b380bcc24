//! The client against a fake server, alone and behind the paid API.

use std::ops::ControlFlow;
use std::sync::Arc;

use serde_json::{Value, json};
use url::Url;

use super::client::FxTwitterClient;
use crate::base::Timestamp;
use crate::base::ids::{AccountKey, Network, PostKey};
use crate::config::{self, Settings};
use crate::domain::accounts::{Account, AccountRef, ResolutionOutcome};
use crate::domain::posts::{PostOutcome, PostState};
use crate::domain::scans::Cursor;
use crate::networks::client::{AccountLookup, PostLister, PostLookup, Waiter};
use crate::networks::error::NetworkError;
use crate::networks::fake::{Answer, FakeServers, FakeWaiter, list, parameter, reply};
use crate::networks::sources::Sources;
use crate::networks::twitter::TwitterClient;

fn artist() -> Account {
    Account { key: AccountKey::new(Network::Twitter, "42"), handle: "artist".into(), posts: Some(300) }
}

fn status(n: u64) -> Value {
    json!({"type": "status", "id": n.to_string(), "author": {"id": "42", "screen_name": "artist"},
        "created_timestamp": 1_700_000_000 + n, "reposted_by": null,
        "media": {"photos": [{"type": "photo", "url": format!("https://pbs.twimg.com/media/name{n}.jpg?name=orig")},
            {"type": "gif", "url": "https://pbs.twimg.com/tweet_video_thumb/x.jpg"}]}})
}

/// Serves statuses `newest` down to 1 in pages of 100; odd entries stand among them.
fn serve(url: &Url, newest: u64) -> Answer {
    assert_eq!(url.host_str(), Some("api.fxtwitter.com"), "{url}");
    assert_eq!(parameter(url, "count").as_deref(), Some("100"));
    let start = parameter(url, "cursor").map_or(newest, |cursor| cursor.parse().unwrap());
    let end = start.saturating_sub(100);
    let mut results: Vec<Value> = (end + 1..=start).rev().map(status).collect();
    let mut others = status(9000);
    others["author"]["id"] = "43".into();
    let mut repost = status(9001);
    repost["reposted_by"] = json!({"id": "42"});
    results.extend([
        json!({"type": "tombstone", "reason": "deleted"}),
        others,
        repost,
        json!({"type": "status"}),
    ]);
    let bottom = (end > 0).then(|| end.to_string());
    reply(200, &[], &json!({"code": 200, "results": results, "cursor": {"top": null, "bottom": bottom}}))
}

fn client(answer: impl Fn(&Url) -> Answer + Send + Sync + 'static) -> (FxTwitterClient, Arc<FakeServers>) {
    let servers = FakeServers::new(answer);
    let settings = Settings::default().twitter;
    (FxTwitterClient::new(servers.clone(), &settings, Arc::new(FakeWaiter::default())), servers)
}

#[test]
fn both_listings_page_to_the_end_and_updates_stop_at_their_cursor() {
    let (client, servers) = client(|url| {
        let path = url.path();
        assert!(path == "/2/search" || path == "/2/profile/id:42/media", "{path}");
        serve(url, 250)
    });
    let (posts, end) = list(&client, &artist(), &Cursor::Timeline(None)).unwrap();
    assert_eq!((posts.len(), servers.asked().len()), (250, 3));
    assert_eq!(end.cursor, Cursor::Timeline(Some("250".into())));
    assert_eq!((posts[0].images.len(), posts[0].images[0].name.as_str()), (1, "name250.jpg"));
    list(&client, &artist(), &Cursor::Timeline(Some("249".into()))).unwrap();
    assert_eq!(servers.asked().len(), 4);
    let (posts, end) = list(&client, &artist(), &Cursor::Search(None)).unwrap();
    assert_eq!((posts.len(), end.cursor), (250, Cursor::Search(Some(Timestamp::from_secs(1_700_000_250)))));
    let query = parameter(servers.asked().last().unwrap(), "q").unwrap();
    assert_eq!(query, "from:artist filter:images");
}

#[test]
fn accounts_and_posts_are_looked_up() {
    let (client, _) = client(|url| match url.path() {
        "/2/profile/artist" | "/2/profile/id:42" => reply(
            200,
            &[],
            &json!({"code": 200, "user": {"id": "42", "screen_name": "Artist", "statuses": 300, "protected": false}}),
        ),
        "/2/profile/shy" => reply(
            200,
            &[],
            &json!({"code": 200, "user": {"id": "1", "screen_name": "shy", "protected": true}}),
        ),
        "/2/profile/down" => reply(404, &[], &json!({"code": 404, "reason": "suspended"})),
        "/2/status/1" => reply(200, &[], &json!({"code": 200, "status": {}})),
        "/2/status/2" => reply(404, &[], &json!({"code": 404})),
        "/2/status/3" => reply(400, &[], &json!({"code": 400})),
        _ => reply(404, &[], &json!({"code": 404, "message": "NOT_FOUND"})),
    });
    let handle = |handle: &str| AccountRef::Handle { network: Network::Twitter, handle: handle.into() };
    let refs = [
        handle("artist"),
        AccountRef::Id(artist().key),
        handle("shy"),
        handle("down"),
        handle("nobody"),
        handle("../../x"),
    ];
    let outcomes: Vec<_> = client.resolve(&refs).unwrap().into_iter().map(|one| one.outcome).collect();
    let readable = ResolutionOutcome::Readable(artist());
    let (private, suspended, missing) =
        (ResolutionOutcome::Private, ResolutionOutcome::Suspended, ResolutionOutcome::Missing);
    assert_eq!(outcomes, [readable.clone(), readable, private, suspended, missing.clone(), missing]);
    let posts = ["1", "2", "3", "x"].map(|id| PostKey::new(Network::Twitter, id));
    let states = client.check_posts(&posts).unwrap();
    assert_eq!(states, [PostState::Visible, PostState::Gone, PostState::Unknown, PostState::Unknown]);
}

#[test]
fn a_server_that_is_somebodys_is_asked_slowly() {
    let servers = FakeServers::new(|url| serve(url, 500));
    let waiter = Arc::new(FakeWaiter::default());
    let client = FxTwitterClient::new(servers.clone(), &Settings::default().twitter, waiter.clone());
    list(&client, &artist(), &Cursor::Timeline(None)).unwrap();
    assert_eq!(servers.asked().len(), 5);
    // The first goes at once; the fake's waits take no time, so each further one has to wait.
    assert_eq!(waiter.waits().len(), 4);
}

/// The paid API lists a part and is used up; the other source goes on from the same cursor, and the next time the
/// paid API goes on from where the other stopped.
#[test]
fn an_account_listed_by_one_source_continues_with_another() {
    let servers = FakeServers::new(|url| match url.host_str() {
        Some("api.x.com") => {
            let capped =
                json!({"title": "UsageCapExceeded", "type": "https://api.x.com/2/problems/usage-capped"});
            reply(429, &[], &capped)
        }
        _ => serve(url, 130),
    });
    let mut settings = Settings::default().twitter;
    let bearer_token = config::Secret::new("token");
    let sources = |settings: &config::Twitter| {
        let waiter: Arc<dyn Waiter> = Arc::new(FakeWaiter::default());
        Sources::new(
            Network::Twitter,
            vec![
                Box::new(TwitterClient::new(servers.clone(), settings, Arc::clone(&waiter))),
                Box::new(FxTwitterClient::new(servers.clone(), settings, waiter)),
            ],
        )
    };
    let (posts, end) = list(&sources(&settings), &artist(), &Cursor::Timeline(Some("100".into()))).unwrap();
    assert!(posts.iter().any(|post| post.key.native == "101"));
    assert_eq!(end.cursor, Cursor::Timeline(Some("130".into())));
    settings.credentials = vec![config::TwitterCredential { bearer_token }];
    let (_, end) = list(&sources(&settings), &artist(), &end.cursor).unwrap();
    assert_eq!(end.cursor, Cursor::Timeline(Some("130".into())));
    let paid = servers.asked().iter().filter(|url| url.host_str() == Some("api.x.com")).count();
    assert_eq!(paid, 1, "the paid API was asked first, and once");
    let none = Sources::new(Network::Twitter, vec![]);
    assert!(matches!(none.resolve(&[]), Err(NetworkError::NoCredentials { .. })));
}

/// What X's search has missed is looked for where reading costs nothing, although the paid API is preferred.
#[test]
fn gaps_are_filled_without_paying() {
    let servers = FakeServers::new(|url| match url.host_str() {
        Some("api.x.com") => panic!("nothing is to be paid for: {url}"),
        _ => serve(url, 130),
    });
    let mut settings = Settings::default().twitter;
    settings.credentials = vec![config::TwitterCredential { bearer_token: config::Secret::new("token") }];
    let waiter: Arc<dyn Waiter> = Arc::new(FakeWaiter::default());
    let sources = Sources::new(
        Network::Twitter,
        vec![
            Box::new(TwitterClient::new(servers.clone(), &settings, Arc::clone(&waiter))),
            Box::new(FxTwitterClient::new(servers.clone(), &settings, waiter)),
        ],
    );
    let searched =
        crate::networks::SearchedPosts { since: None, ids: (60..=130).map(|id| id.to_string()).collect() };
    let mut posts = 0;
    let end = sources.list_missed_posts(&artist(), &Cursor::Timeline(None), &searched, &mut |page| {
        posts += page.len();
        ControlFlow::Continue(())
    });
    assert_eq!((posts, end.unwrap().cursor), (130, Cursor::Timeline(Some("130".into()))));
}

#[test]
fn single_posts_are_looked_up_without_paying() {
    let servers = FakeServers::new(|url| match (url.host_str(), url.path()) {
        (Some("api.fxtwitter.com"), "/2/status/1") => {
            reply(200, &[], &json!({"code": 200, "status": status(1)}))
        }
        (Some("api.fxtwitter.com"), "/2/status/2") => reply(404, &[], &json!({"code": 404})),
        (Some("api.fxtwitter.com"), "/2/status/3") => {
            let mut video = status(3);
            video["media"] = json!({"videos": []});
            reply(200, &[], &json!({"code": 200, "status": video}))
        }
        (Some("api.fxtwitter.com"), _) => reply(403, &[], &json!({"code": 403})),
        _ => panic!("nothing is to be paid for: {url}"),
    });
    let mut settings = Settings::default().twitter;
    settings.credentials = vec![config::TwitterCredential { bearer_token: config::Secret::new("token") }];
    let waiter: Arc<dyn Waiter> = Arc::new(FakeWaiter::default());
    let free = FxTwitterClient::new(servers.clone(), &settings, Arc::clone(&waiter));
    let posts =
        |ids: &[&str]| -> Vec<PostKey> { ids.iter().map(|id| PostKey::new(Network::Twitter, *id)).collect() };
    let sources = Sources::new(
        Network::Twitter,
        vec![Box::new(TwitterClient::new(servers.clone(), &settings, waiter)), Box::new(free.clone())],
    );
    let outcomes = sources.look_posts_up(&posts(&["1", "2", "3", "../4"])).unwrap();
    let [PostOutcome::Found { author, post }, others @ ..] = &outcomes[..] else { panic!("{outcomes:?}") };
    assert_eq!((&author.key, author.handle.as_str()), (&artist().key, "artist"));
    assert_eq!((post.key.native.as_str(), post.images.len()), ("1", 1));
    assert_eq!(post.published, Some(Timestamp::from_secs(1_700_000_001)));
    assert!(others.iter().all(|outcome| matches!(outcome, PostOutcome::Nothing { .. })), "{outcomes:?}");
    assert!(matches!(free.look_posts_up(&posts(&["5"])), Err(NetworkError::Refused { .. })));
    let alone = Sources::new(Network::Twitter, vec![Box::new(free)]);
    assert!(matches!(alone.look_posts_up(&posts(&["5"])), Err(NetworkError::Refused { .. })));
}
