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
use crate::domain::posts::{ListedPost, PostOutcome, PostState};
use crate::domain::scans::{Coverage, Cursor};
use crate::networks::client::{AccountLookup, PostLister, PostLookup, Waiter};
use crate::networks::error::NetworkError;
use crate::networks::fake::{Answer, FakeServers, FakeWaiter, list, list_in_turns, parameter, reply};
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

/// The paid API lists a part and is used up; the other source goes on from the same cursor, and the next time
/// the paid API goes on from where the other stopped.
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
    let searched = crate::networks::SearchedPosts {
        since: None,
        ids: (60..=130).map(|id| id.to_string()).collect(),
        ..Default::default()
    };
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

/// What a server says whose every list has this status, and of an account with this profile.
fn refusing(status: u16, body: Value, profile: (u16, Value)) -> FxTwitterClient {
    let (client, _) = client(move |url| match url.path() {
        "/2/profile/id:42" => reply(profile.0, &[], &profile.1),
        _ => reply(status, &[], &body),
    });
    client
}

#[test]
fn a_list_that_is_refused_says_nothing_about_the_account() {
    let empty = || json!({"code": 404, "results": [], "cursor": {"top": null, "bottom": null}});
    let user = |more: Value| {
        let mut user = json!({"id": "42", "screen_name": "artist", "protected": false, "media_count": 9});
        user.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        (200, json!({"code": 200, "user": user}))
    };
    let (search, media) = (Cursor::Search(None), Cursor::Timeline(None));
    let error = |client: FxTwitterClient, cursor: &Cursor| list(&client, &artist(), cursor).err().unwrap();
    for status in [400, 401, 403, 404] {
        // Nobody is asked about the account.
        let nobody = (500, json!({}));
        assert!(matches!(error(refusing(status, empty(), nobody), &search), NetworkError::Refused { .. }));
    }
    assert!(matches!(error(refusing(404, empty(), user(json!({}))), &media), NetworkError::Refused { .. }));
    assert!(matches!(
        error(refusing(500, empty(), user(json!({}))), &media),
        NetworkError::Unreadable { .. }
    ));
    let private = refusing(404, empty(), user(json!({"protected": true})));
    assert!(matches!(error(private, &media), NetworkError::AccountPrivate { .. }));
    let missing = refusing(404, empty(), (404, json!({"code": 404})));
    assert!(matches!(error(missing, &media), NetworkError::AccountMissing { .. }));
    let suspended = refusing(404, empty(), (404, json!({"code": 404, "reason": "suspended"})));
    assert!(matches!(error(suspended, &media), NetworkError::AccountSuspended { .. }));
    // An account without media has such a list.
    let (posts, end) =
        list(&refusing(404, empty(), user(json!({"media_count": 0}))), &artist(), &media).unwrap();
    assert_eq!((posts.len(), end.cursor), (0, media.clone()));

    // On the second page; what came before remains.
    let (client, _) = client(|url| match (url.path(), parameter(url, "cursor")) {
        ("/2/search", None) => serve(url, 250),
        _ => reply(404, &[], &json!({"code": 404, "results": []})),
    });
    let mut delivered = 0;
    let outcome = client.list_posts(&artist(), &search, &mut |posts| {
        delivered += posts.len();
        ControlFlow::Continue(())
    });
    assert!(matches!(outcome, Err(NetworkError::Refused { .. })) && delivered == 100);
}

#[test]
fn an_answer_without_results_is_none() {
    for body in
        [json!({"code": 200}), json!({"code": 200, "results": null}), json!({"code": 500, "results": []})]
    {
        let (client, _) = client(move |_| reply(200, &[], &body));
        let error = list(&client, &artist(), &Cursor::Search(None)).err().unwrap();
        assert!(matches!(error, NetworkError::Unreadable { .. }), "{error}");
    }
}

#[test]
fn an_overload_behind_the_server_is_waited_out() {
    let count = std::sync::atomic::AtomicUsize::new(0);
    let servers =
        FakeServers::new(move |url| match count.fetch_add(1, std::sync::atomic::Ordering::SeqCst) {
            0 => reply(500, &[], &json!({"code": 500, "message": "DeadlineExceeded: Unspecified"})),
            _ => serve(url, 50),
        });
    let waiter = Arc::new(FakeWaiter::default());
    let mut settings = Settings::default().twitter;
    settings.fxtwitter.requests_per_second = 1000;
    let client = FxTwitterClient::new(servers, &settings, waiter.clone());
    assert_eq!(list(&client, &artist(), &Cursor::Timeline(None)).unwrap().0.len(), 50);
    assert!(
        waiter.waits().contains(&"profile/:name/media".to_owned()),
        "as for a limit: {:?}",
        waiter.waits()
    );
}

#[test]
fn the_search_goes_by_the_name_that_the_account_has() {
    let unnamed = Account { handle: String::new(), ..artist() };
    let (client, servers) = client(|url| match url.path() {
        "/2/profile/id:42" => {
            reply(200, &[], &json!({"code": 200, "user": {"id": "42", "screen_name": "artist"}}))
        }
        _ => serve(url, 50),
    });
    assert_eq!(list(&client, &unnamed, &Cursor::Search(None)).unwrap().0.len(), 50);
    let query = parameter(servers.asked().last().unwrap(), "q").unwrap();
    assert_eq!(query, "from:artist filter:images");

    // Somebody else has it now.
    let (client, _) = self::client(|_| {
        let mut others = status(9);
        others["author"]["id"] = "43".into();
        reply(200, &[], &json!({"code": 200, "results": [others], "cursor": {"bottom": null}}))
    });
    let error = list(&client, &artist(), &Cursor::Search(None)).err().unwrap();
    assert!(matches!(error, NetworkError::Refused { .. }), "{error}");
}

#[test]
fn videos_have_their_place() {
    let photo = |name: &str| json!({"type": "photo", "url": format!("https://pbs.twimg.com/media/{name}.jpg?name=orig")});
    let video = json!({"type": "video", "url": "https://video.twimg.com/ext_tw_video/1.mp4"});
    let mut mixed = status(9);
    mixed["media"] = json!({"all": [video, photo("a"), {"type": "gif", "url": "https://video.twimg.com/tweet_video/1.mp4"}, photo("b")],
        "photos": [photo("a"), photo("b")], "videos": [video]});
    let mut bare = status(8);
    bare["media"] = json!({"all": [{"type": "photo"}, photo("c")], "photos": [photo("c")]});
    let body = json!({"code": 200, "results": [mixed, bare], "cursor": {"bottom": null}});
    let (client, _) = client(move |_| reply(200, &[], &body));
    let (posts, _) = list(&client, &artist(), &Cursor::Timeline(None)).unwrap();
    let places = |post: &ListedPost| -> (Vec<(u8, String)>, u8, bool) {
        let images = post.images.iter().map(|image| (image.position, image.name.clone())).collect();
        (images, post.places, post.incomplete)
    };
    assert_eq!(places(&posts[0]), (vec![(2, "a.jpg".into()), (4, "b.jpg".into())], 4, false));
    assert_eq!(places(&posts[1]), (vec![(2, "c.jpg".into())], 2, true));
}

#[test]
fn pages_that_go_in_a_circle_end_and_odd_numbers_do_not_become_the_cursor() {
    let count = std::sync::atomic::AtomicUsize::new(0);
    let (client, servers) = client(move |_| {
        let next = count.fetch_add(1, std::sync::atomic::Ordering::SeqCst).to_string();
        let mut future = status(7);
        future["id"] = "9223372036854775807".into();
        let mut undated = status(6);
        undated["created_timestamp"] = i64::MAX.into();
        let results = json!([status(9), future, undated]);
        reply(200, &[], &json!({"code": 200, "results": results, "cursor": {"bottom": next}}))
    });
    let (_, end) = list(&client, &artist(), &Cursor::Timeline(None)).unwrap();
    assert_eq!((end.cursor, servers.asked().len()), (Cursor::Timeline(Some("9".into())), 6));
    assert_eq!(end.coverage, Coverage::LimitedTo(18));
    assert!(end.newest.unwrap() <= Timestamp::now());
}

#[test]
fn a_listing_that_is_left_goes_on_with_the_same_source() {
    let servers = FakeServers::new(|url| match url.host_str() {
        Some("api.x.com") => {
            let capped =
                json!({"title": "UsageCapExceeded", "type": "https://api.x.com/2/problems/usage-capped"});
            reply(429, &[], &capped)
        }
        _ => serve(url, 330),
    });
    let mut settings = Settings::default().twitter;
    settings.credentials = vec![config::TwitterCredential { bearer_token: config::Secret::new("token") }];
    let waiter: Arc<dyn Waiter> = Arc::new(FakeWaiter::default());
    let free = FxTwitterClient::new(servers.clone(), &settings, Arc::clone(&waiter));
    let sources = Sources::new(
        Network::Twitter,
        vec![Box::new(TwitterClient::new(servers.clone(), &settings, waiter)), Box::new(free.clone())],
    );
    for cursor in [Cursor::Timeline(None), Cursor::Search(None)] {
        let (whole, whole_end) = list(&free, &artist(), &cursor).unwrap();
        let paid = || servers.asked().iter().filter(|url| url.host_str() == Some("api.x.com")).count();
        let before = paid();
        let (turns, posts, end) = list_in_turns(&sources, &artist(), &cursor).unwrap();
        assert_eq!((turns, posts.len(), end), (4, whole.len(), whole_end));
        assert_eq!(paid() - before, 1, "the source that cannot is asked once");
    }
}
