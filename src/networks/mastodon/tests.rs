//! The client against fake servers, whose every request is held against the published contract of Mastodon.

use std::sync::Arc;

use serde_json::{Value, json};
use url::Url;

use super::address;
use super::client::MastodonClient;
use crate::base::Timestamp;
use crate::base::ids::{AccountKey, Network, PostKey};
use crate::config::Mastodon;
use crate::domain::accounts::{Account, AccountRef, ResolutionOutcome};
use crate::domain::posts::{ListedPost, PostState};
use crate::domain::scans::{Coverage, Cursor, ListingEnd};
use crate::networks::client::{AccountLookup, PostLookup, Presence};
use crate::networks::error::NetworkError;
use crate::networks::fake::{Answer, FakeServers, FakeWaiter, fixture, list, parameter, reply};

mod posts;
mod relatives;
mod windows;

const ACTOR: &str = "https://art.example/users/ann";

/// Fails unless `url` is a request that Mastodon's contract allows.
#[track_caller]
fn check_request(url: &Url) {
    let Some(path) = url.path().strip_prefix("/api/").map(|path| format!("/api/{path}")) else { return };
    // Whether it is a Misskey, which Mastodon's contract knows nothing of.
    if path == "/api/meta" {
        return;
    }
    let contract = fixture("contracts/mastodon/openapi_shapes.json");
    let template = match path.split('/').collect::<Vec<_>>().as_slice() {
        ["", "api", "v1", "accounts", "lookup"] => "/api/v1/accounts/lookup",
        ["", "api", "v1", "accounts", _] => "/api/v1/accounts/{id}",
        ["", "api", "v1", "accounts", _, "statuses"] => "/api/v1/accounts/{id}/statuses",
        ["", "api", "v1", "statuses", _] => "/api/v1/statuses/{id}",
        other => panic!("{other:?}"),
    };
    let parameters = contract["paths"][template]["get"]["parameters"].as_array().expect("parameters").clone();
    for (name, value) in url.query_pairs() {
        let declared =
            parameters.iter().find(|parameter| parameter["name"] == *name && parameter["in"] == "query");
        let schema = &declared.unwrap_or_else(|| panic!("{url}: no parameter {name}"))["schema"];
        match schema["type"].as_str().unwrap() {
            "integer" => assert!(value.parse::<u32>().is_ok_and(|number| number <= 40), "{url}"),
            "boolean" => assert!(matches!(&*value, "true" | "false"), "{url}"),
            _ => {}
        }
    }
    for parameter in
        parameters.iter().filter(|parameter| parameter["in"] == "query" && parameter["required"] == true)
    {
        assert!(self::parameter(url, parameter["name"].as_str().unwrap()).is_some(), "{url}");
    }
}

struct World {
    servers: Arc<FakeServers>,
    client: MastodonClient,
}

impl World {
    fn new(answer: impl Fn(&Url) -> Answer + Send + Sync + 'static) -> World {
        World::with(Mastodon::default(), answer)
    }

    fn with(settings: Mastodon, answer: impl Fn(&Url) -> Answer + Send + Sync + 'static) -> World {
        let servers = FakeServers::new(move |url| {
            check_request(url);
            answer(url)
        });
        let client = MastodonClient::new(servers.clone(), &settings, Arc::new(FakeWaiter::default()));
        World { servers, client }
    }

    fn list(&self, cursor: Option<Timestamp>) -> Result<(Vec<ListedPost>, ListingEnd), NetworkError> {
        list(&self.client, &artist(), &Cursor::Search(cursor))
    }

    /// What was found for each name, in words.
    fn resolve(&self, names: &[&str]) -> Vec<String> {
        let refs: Vec<AccountRef> = names
            .iter()
            .map(|name| match name.starts_with("https://") {
                true => AccountRef::Id(AccountKey::new(Network::Mastodon, *name)),
                false => AccountRef::Handle { network: Network::Mastodon, handle: (*name).to_owned() },
            })
            .collect();
        let answers = self.client.resolve(&refs).unwrap();
        let told = answers.iter().map(|answer| match &answer.outcome {
            ResolutionOutcome::Readable(account) => format!("{} @{}", account.key.native, account.handle),
            other => other.refusal().unwrap().to_owned(),
        });
        told.collect()
    }
}

fn artist() -> Account {
    Account { key: AccountKey::new(Network::Mastodon, ACTOR), handle: "ann@art.example".into(), posts: None }
}

fn account(host: &str, user: &str) -> Value {
    json!({"id": "42", "username": user, "acct": user, "url": format!("https://{host}/@{user}"),
        "uri": format!("https://{host}/users/{user}"), "statuses_count": 9, "noindex": false, "indexable": true})
}

fn moment(n: u32) -> Timestamp {
    Timestamp(1_704_067_200_000).plus(std::time::Duration::from_secs(86_400) * n)
}

fn picture(n: u32) -> Value {
    json!({"id": n.to_string(), "type": "image", "url": format!("https://files.art.example/original/{n}.png"),
        "preview_url": format!("https://files.art.example/small/{n}.png"), "remote_url": null})
}

fn status(n: u32) -> Value {
    json!({"id": n.to_string(), "uri": format!("{ACTOR}/statuses/{n}"), "created_at": moment(n).to_rfc3339(),
        "account": {"id": "42"}, "reblog": null, "media_attachments": [picture(n)]})
}

/// A server with the artist and these posts, newest first.
fn serve(url: &Url, statuses: &[Value]) -> Answer {
    if url.path() == "/api/v1/accounts/lookup" {
        return reply(200, &[], &account("art.example", "ann"));
    }
    assert_eq!(url.path(), "/api/v1/accounts/42/statuses");
    let max_id: u64 = parameter(url, "max_id").map_or(u64::MAX, |id| id.parse().unwrap());
    let number = |status: &Value| status["id"].as_str().map_or(0, |id| id.parse::<u64>().unwrap());
    let page: Vec<&Value> = statuses.iter().filter(|status| number(status) < max_id).take(40).collect();
    let link = page.last().map(|last| {
        let base = "https://art.example/api/v1/accounts/42/statuses";
        format!("<{base}?limit=40&max_id={}>; rel=\"next\", <{base}?min_id=1>; rel=\"prev\"", number(last))
    });
    let headers: Vec<(&str, &str)> = link.iter().map(|link| ("link", link.as_str())).collect();
    reply(200, &headers, &json!(page))
}

#[test]
fn a_listing_pages_to_the_end_and_an_update_stops_at_its_cursor() {
    let statuses: Vec<Value> = (1..=100).rev().map(status).collect();
    let world = World::new(move |url| serve(url, &statuses));
    let (posts, end) = world.list(None).unwrap();
    assert_eq!((posts.len(), end.posts_read, end.coverage), (100, 100, Coverage::Complete));
    // The look-up, three pages, and empty ones behind the last.
    assert!(world.servers.asked().len() <= 9, "{:?}", world.servers.asked());
    assert_eq!((end.cursor, end.oldest), (Cursor::Search(Some(moment(100))), Some(moment(1))));
    assert_eq!(posts[0].key.native, format!("{ACTOR}/statuses/100"));
    let image = &posts[0].images[0];
    assert_eq!(image.name, "https://files.art.example/original/100.png");
    assert_eq!(image.url, "https://files.art.example/small/100.png");
    let before = world.servers.asked().len();
    world.list(Some(moment(99))).unwrap();
    assert_eq!(world.servers.asked().len() - before, 2, "one page holds all that is new");
}

#[test]
fn only_the_accounts_own_pictures_count() {
    let mut reblog = status(9);
    reblog["reblog"] = status(3);
    let mut others = status(8);
    others["account"]["id"] = "43".into();
    let mut liar = status(7);
    liar["uri"] = "https://elsewhere.example/users/bob/statuses/1".into();
    let mut mixed = status(6);
    let long = format!("https://files.art.example/{}", "x".repeat(2048));
    mixed["media_attachments"] = json!([{"id": "0", "type": "image", "url": long},
        {"id": "1", "type": "video", "url": "https://files.art.example/v.mp4"},
        {"id": "2", "type": "gifv", "url": "u"}, {"id": "3", "type": "unknown", "url": null}, picture(6),
        {"id": "4", "type": "image", "url": "javascript:alert(1)"}, 7]);
    let mut scattered = status(5);
    scattered["media_attachments"] = (0..15)
        .map(|n| json!({"id": "1", "type": "image", "url": format!("https://files{n}.example/p.png")}))
        .collect();
    let world = World::with(Mastodon { image_size: "original".into(), ..Mastodon::default() }, move |url| {
        serve(
            url,
            &[
                reblog.clone(),
                others.clone(),
                liar.clone(),
                mixed.clone(),
                scattered.clone(),
                json!({"odd": 1}),
            ],
        )
    });
    let (posts, end) = world.list(None).unwrap();
    let images: Vec<usize> = posts.iter().map(|post| post.images.len()).collect();
    // Files of one server lie on few hosts: that of the first picture, and three of the scattered ones.
    assert_eq!(images, [1, 3], "{posts:#?}");
    assert_eq!(posts[0].images[0].url, "https://files.art.example/original/6.png");
    assert_eq!(end.cursor, Cursor::Search(Some(moment(6))));
}

#[test]
fn a_date_to_come_does_not_hide_what_is_posted_until_then() {
    let mut future = status(9);
    future["created_at"] = "2199-01-01T00:00:00.000Z".into();
    let world = World::new(move |url| serve(url, &[future.clone()]));
    let (_, end) = world.list(None).unwrap();
    assert!(matches!(end.cursor, Cursor::Search(Some(cursor)) if cursor <= Timestamp::now()));
}

#[test]
fn refusals_of_a_listing() {
    let check = |lookup: (u16, Value), statuses: u16, expect: fn(&NetworkError) -> bool| {
        let world = World::new(move |url| match url.path() {
            "/api/v1/accounts/lookup" => reply(lookup.0, &[], &lookup.1),
            _ => reply(statuses, &[], &json!({"error": "e"})),
        });
        let error = world.list(None).err().unwrap();
        assert!(expect(&error), "{error}");
    };
    let known = || (200, account("art.example", "ann"));
    check(known(), 401, |error| matches!(error, NetworkError::AccountClosed { .. }));
    check(known(), 404, |error| matches!(error, NetworkError::AccountMissing { .. }));
    check(known(), 410, |error| matches!(error, NetworkError::AccountSuspended { .. }));
    check(known(), 422, |error| matches!(error, NetworkError::Refused { .. }));
    let nobody = || (404, json!({"error": "Record not found"}));
    check(nobody(), 200, |error| matches!(error, NetworkError::AccountMissing { .. }));
    // Not in the API's words: it says nothing about the account.
    check((404, json!({})), 200, |error| matches!(error, NetworkError::Refused { .. }));
    check((401, json!({})), 200, |error| matches!(error, NetworkError::AccountClosed { .. }));
    let mut shy = account("art.example", "ann");
    shy["indexable"] = false.into();
    check((200, shy), 200, |error| matches!(error, NetworkError::AccountClosed { .. }));
    let mut without_media = account("art.example", "ann");
    without_media["show_media"] = false.into();
    check((200, without_media), 200, |error| matches!(error, NetworkError::AccountClosed { .. }));
    let somebody = (200, account("art.example", "other"));
    check(somebody, 200, |error| matches!(error, NetworkError::AccountMissing { .. }));
}

#[test]
fn accounts_of_every_kind() {
    let world = World::new(|url| {
        let host = url.host_str().unwrap();
        if url.path() == "/.well-known/webfinger" {
            assert_eq!(parameter(url, "resource").as_deref(), Some("acct:jo@name.example"), "{url}");
            return reply(
                200,
                &[],
                &json!({"subject": "acct:jo@name.example", "links": [
                {"rel": "http://webfinger.net/rel/profile-page", "href": "https://social.name.example/@jo"},
                {"rel": "self", "type": "application/activity+json", "href": "https://social.name.example/users/jo"}]}),
            );
        }
        let user = parameter(url, "acct").unwrap();
        let known = account(host, &user);
        let with = |field: &str, value: Value| {
            let mut account = known.clone();
            account[field] = value;
            reply(200, &[], &account)
        };
        match (host, user.as_str()) {
            ("name.example", _) => reply(404, &[], &json!("a page")),
            ("closed.example", _) => {
                reply(401, &[], &json!({"error": "This API requires an authenticated user"}))
            }
            (_, "gone") => reply(410, &[], &json!({})),
            (_, "down") => with("suspended", true.into()),
            (_, "shy") => with("noindex", true.into()),
            (_, "quiet") => with("indexable", false.into()),
            (_, "tabless") => with("show_media", false.into()),
            (_, "liar") => with("uri", "https://mastodon.social/users/famous".into()),
            ("pleroma.example", _) => reply(
                200,
                &[],
                &json!({"id": "9qXyZ", "acct": "kim", "url": "https://pleroma.example/users/kim",
                    "pleroma": {"ap_id": "https://pleroma.example/users/kim"}}),
            ),
            (_, "mover") => with("moved", account("new.example", "mover@new.example")),
            ("new.example", "moved") => panic!("followed twice"),
            _ => reply(200, &[], &known),
        }
    });
    assert_eq!(
        world.resolve(&[
            "ann@art.example",
            "https://art.example/users/ann",
            "jo@name.example",
            "kim@pleroma.example"
        ]),
        [
            "https://art.example/users/ann @ann@art.example",
            "https://art.example/users/ann @ann@art.example",
            "https://social.name.example/users/jo @jo@social.name.example",
            "https://pleroma.example/users/kim @kim@pleroma.example",
        ]
    );
    assert_eq!(
        world.resolve(&[
            "ann@closed.example",
            "gone@art.example",
            "down@art.example",
            "shy@art.example",
            "quiet@art.example",
            "tabless@art.example",
            "liar@art.example",
            "no name",
            "ann@10.0.0.1"
        ]),
        [
            "is on a server that shows nothing without login",
            "is suspended",
            "is suspended",
            "asks not to be indexed",
            "asks not to be indexed",
            "asks not to be indexed",
            "does not exist",
            "does not exist",
            "does not exist"
        ]
    );
    let settings = Mastodon { respect_noindex: false, respect_indexable: false, ..Mastodon::default() };
    let open = World::with(settings, |url| {
        let mut shy = account(url.host_str().unwrap(), "shy");
        shy["noindex"] = true.into();
        shy["indexable"] = false.into();
        shy["show_media"] = false.into();
        reply(200, &[], &shy)
    });
    assert_eq!(open.resolve(&["shy@art.example"]), ["https://art.example/users/shy @shy@art.example"]);
}

#[test]
fn a_moved_account_is_followed_once_and_keeps_its_old_posts() {
    let world = World::new(|url| {
        let host = url.host_str().unwrap();
        let mut account = account(host, "ann");
        // Each server says that she has moved to the next one, for ever.
        let next = if host == "one.example" { "two.example" } else { "three.example" };
        account["moved"] = self::account(next, "ann");
        account["moved"]["acct"] = format!("ann@{next}").into();
        reply(200, &[], &account)
    });
    assert_eq!(
        world.resolve(&["ann@one.example"]),
        ["https://one.example/users/ann @ann@one.example", "https://two.example/users/ann @ann@two.example"]
    );
    assert_eq!(world.servers.asked().len(), 2);
}

#[test]
fn a_page_full_of_names_does_not_open_many_servers_and_a_dead_one_spoils_nothing() {
    let world = World::new(|url| match url.host_str().unwrap() {
        "dead.example" => {
            let host = "dead.example".to_owned();
            Err(crate::fetch::FetchError::Unreachable { host, why: "refused".into() })
        }
        host => reply(200, &[], &account(host, &parameter(url, "acct").unwrap())),
    });
    let names: Vec<String> = std::iter::once("ann@dead.example".to_owned())
        .chain((0..40).map(|n| format!("ann@s{n}.example")))
        .collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let told = world.resolve(&names);
    assert!(told[0].starts_with("could not be looked up"), "{}", told[0]);
    assert_eq!(told.iter().filter(|told| told.contains("/users/ann")).count(), 9);
    assert!(told[40].contains("10 other servers"), "{}", told[40]);
    let mut hosts: Vec<_> =
        world.servers.asked().iter().map(|url| url.host_str().unwrap().to_owned()).collect();
    hosts.sort();
    hosts.dedup();
    assert_eq!(hosts.len(), 10);
}

#[test]
fn posts_are_asked_of_their_own_server() {
    let world = World::new(|url| match (url.host_str().unwrap(), url.path()) {
        ("art.example", "/api/v1/statuses/1") => reply(200, &[], &status(1)),
        ("art.example", "/api/v1/statuses/2") => reply(404, &[], &json!({"error": "Record not found"})),
        // Its server has become a site of another kind.
        ("parked.example", _) => reply(404, &[], &json!("no such page")),
        ("closed.example", _) => reply(401, &[], &json!({})),
        other => panic!("{other:?}"),
    });
    let post = |uri: &str| PostKey::new(Network::Mastodon, uri);
    let posts = [
        post(&format!("{ACTOR}/statuses/1")),
        post("https://art.example/ap/users/42/statuses/2"),
        post("https://parked.example/users/ann/statuses/2"),
        post("https://closed.example/users/ann/statuses/3"),
        post("https://pleroma.example/objects/5f2b"),
        PostKey::new(Network::Twitter, "1"),
    ];
    let states = world.client.check_posts(&posts).unwrap();
    let unknown = PostState::Unknown;
    assert_eq!(states, [PostState::Visible, PostState::Deleted, PostState::Gone, unknown, unknown, unknown]);
}

#[test]
fn recorded_answers_are_read() {
    let recorded = fixture("mastodon/media_post_multiple.json");
    let exchanges = recorded.as_array().unwrap();
    let posted = exchanges.iter().filter(|exchange| {
        exchange["request"]["uri"].as_str().is_some_and(|uri| uri.ends_with("/api/v1/statuses"))
    });
    let mut status = posted.map(|exchange| exchange["response"]["body"].clone()).next().expect("a status");
    assert!(status["media_attachments"].as_array().is_some_and(|media| media.len() > 1), "{status:#}");
    // Recorded on a machine of its own: its names are made into a public server's.
    let text = status.to_string().replace("http://localhost:3000", "https://art.example");
    status = serde_json::from_str(&text).unwrap();
    let uri = status["uri"].as_str().unwrap().to_owned();
    let mut known = status["account"].clone();
    known["indexable"] = true.into();
    let actor = known["uri"].as_str().unwrap().to_owned();
    let world = World::new(move |url| match url.path() {
        "/api/v1/accounts/lookup" => reply(200, &[], &known),
        _ => reply(200, &[], &json!([status])),
    });
    let account = Account {
        key: AccountKey::new(Network::Mastodon, actor),
        handle: "mastodonpy_test@art.example".into(),
        posts: None,
    };
    let (posts, _) = list(&world.client, &account, &Cursor::Search(None)).unwrap();
    assert_eq!(posts[0].key.native, uri);
    assert!(posts[0].images.len() > 1, "{posts:?}");
    assert!(address::status_id(&uri).is_some(), "{uri}");
}

#[test]
fn an_account_is_missing_only_where_its_server_says_so() {
    let known = |host: &str, user: &str| Account {
        key: AccountKey::new(Network::Mastodon, format!("https://{host}/users/{user}")),
        handle: format!("{user}@{host}"),
        posts: None,
    };
    let world = World::new(|url| {
        let host = url.host_str().unwrap().to_owned();
        let user = parameter(url, "acct").unwrap();
        let with = |name: &str, value: Value| {
            let mut account = account(&host, &user);
            account[name] = value;
            reply(200, &[], &account)
        };
        match (host.as_str(), user.as_str()) {
            ("down.example", _) => reply(503, &[], &json!({})),
            ("sold.example", _) => {
                let mut answer = reply(404, &[], &json!(null)).unwrap();
                answer.body = "<html>This domain is for sale".into();
                Ok(answer)
            }
            (_, "gone") => reply(404, &[], &json!({"error": "Record not found"})),
            (_, "shut") => reply(403, &[], &json!({"error": "This method requires an authenticated user"})),
            (_, "banned") => with("suspended", json!(true)),
            (_, "shy") => with("noindex", json!(true)),
            (_, "reborn") => with("uri", json!("https://art.example/users/other")),
            _ => with("id", json!("1")),
        }
    });
    let asked = [
        known("art.example", "ann"),
        known("art.example", "gone"),
        known("art.example", "banned"),
        known("art.example", "shy"),
        known("art.example", "reborn"),
        known("art.example", "shut"),
        known("sold.example", "gone"),
        known("down.example", "a"),
        known("down.example", "b"),
        Account {
            key: AccountKey::new(Network::Mastodon, "https://a.example/ap/1"),
            handle: String::new(),
            posts: None,
        },
    ];
    let found = world.client.check_accounts(&asked).unwrap();
    let expect = [Presence::Present, Presence::Missing, Presence::Suspended, Presence::OptedOut];
    assert_eq!(found[..4], expect);
    assert!(found[4..].iter().all(|presence| matches!(presence, Presence::Unknown { .. })), "{found:?}");
    let of_silent =
        world.servers.asked().iter().filter(|url| parameter(url, "acct").as_deref() == Some("b")).count();
    assert_eq!(of_silent, 0, "a server that cannot be asked is not asked again");
}
