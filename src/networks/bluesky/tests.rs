//! The client against a fake Bluesky, whose every request is held against the published lexicons.

use std::sync::Arc;

use serde_json::{Value, json};
use url::Url;

use super::client::BlueskyClient;
use crate::base::Timestamp;
use crate::base::ids::{AccountKey, Network, PostKey};
use crate::config::Bluesky;
use crate::domain::accounts::{Account, AccountRef, ResolutionOutcome};
use crate::domain::posts::{ListedImage, ListedPost, PostOutcome, PostState};
use crate::domain::scans::{Coverage, Cursor, ListingEnd, Window};
use crate::networks::client::{AccountLookup, PostLookup, Presence};
use crate::networks::error::NetworkError;
use crate::networks::fake::{Answer, FakeServers, FakeWaiter, fixture, list, parameter, reply};

const DID: &str = "did:plc:artist";

mod windows;

/// Fails unless `url` is a request that the method's lexicon allows.
#[track_caller]
fn check_request(url: &Url) {
    let method = url.path().strip_prefix("/xrpc/").expect("a method of the API");
    let lexicon = fixture(&format!("contracts/bluesky/{}.json", method.replace('.', "/")));
    let declared = &lexicon["defs"]["main"]["parameters"];
    for (name, value) in url.query_pairs() {
        let schema = &declared["properties"][&*name];
        assert!(schema.is_object(), "{url}: no parameter {name}");
        if schema["type"] == "integer" {
            let number: i64 = value.parse().expect("a number");
            assert!(
                number >= schema["minimum"].as_i64().unwrap()
                    && number <= schema["maximum"].as_i64().unwrap()
            );
        }
        if schema["type"] == "boolean" {
            assert!(matches!(&*value, "true" | "false"), "{url}");
        }
        if let Some(most) = schema["maxLength"].as_u64() {
            let count = url.query_pairs().filter(|(other, _)| *other == name).count();
            assert!(count as u64 <= most, "{url}: {count} of {name}");
        }
        if let Some(known) = schema["knownValues"].as_array() {
            assert!(known.iter().any(|known| *known == *value), "{url}: {name}={value}");
        }
    }
    for name in declared["required"].as_array().into_iter().flatten() {
        assert!(parameter(url, name.as_str().unwrap()).is_some(), "{url}: {name} is missing");
    }
}

struct World {
    servers: Arc<FakeServers>,
    waiter: Arc<FakeWaiter>,
    client: BlueskyClient,
}

impl World {
    fn new(answer: impl Fn(&Url) -> Answer + Send + Sync + 'static) -> World {
        World::with(Bluesky::default(), answer)
    }

    fn with(settings: Bluesky, answer: impl Fn(&Url) -> Answer + Send + Sync + 'static) -> World {
        let servers = FakeServers::new(move |url| {
            // The lexicon of what the account's own server answers is not at hand.
            let is_own = url.path().ends_with("/com.atproto.repo.listRecords");
            if url.host_str() != Some("plc.directory") && !is_own {
                check_request(url);
            }
            answer(url)
        });
        let waiter = Arc::new(FakeWaiter::default());
        let client = BlueskyClient::new(servers.clone(), &settings, waiter.clone());
        World { servers, waiter, client }
    }

    fn list(&self, cursor: Option<Timestamp>) -> Result<(Vec<String>, ListingEnd), NetworkError> {
        let (posts, end) = list(&self.client, &artist(), &Cursor::Search(cursor))?;
        Ok((
            posts.into_iter().map(|post| post.key.native.rsplit('/').next().unwrap().to_owned()).collect(),
            end,
        ))
    }
}

fn artist() -> Account {
    Account { key: AccountKey::new(Network::Bluesky, DID), handle: "ann.example".into(), posts: None }
}

/// Post `n` is made on the `n`-th day of 2024.
fn moment(n: u32) -> Timestamp {
    Timestamp(1_704_067_200_000).plus(std::time::Duration::from_secs(86_400) * n)
}

fn entry(n: u32) -> Value {
    json!({"post": {
        "uri": format!("at://{DID}/app.bsky.feed.post/{n}"), "cid": "c",
        "author": {"did": DID, "handle": "ann.example"},
        "record": {"$type": "app.bsky.feed.post", "text": "t", "createdAt": moment(n).to_rfc3339()},
        "embed": {"$type": "app.bsky.embed.images#view", "images": [{
            "thumb": format!("https://cdn.bsky.app/img/feed_thumbnail/plain/{DID}/bafkreipicture{n}@jpeg"),
            "fullsize": format!("https://cdn.bsky.app/img/feed_fullsize/plain/{DID}/bafkreipicture{n}@jpeg"),
            "alt": ""}]},
        "indexedAt": moment(n).to_rfc3339(),
    }})
}

fn feed(entries: &[Value], cursor: Option<&str>) -> Answer {
    reply(200, &[], &json!({"feed": entries, "cursor": cursor}))
}

fn problem(error: &str, message: &str) -> Answer {
    reply(400, &[], &json!({"error": error, "message": message}))
}

/// Serves `entries` in pages of so many; the cursor is the index.
fn serve(url: &Url, entries: &[Value], size: usize) -> Answer {
    let start = parameter(url, "cursor").map_or(0, |cursor| cursor.parse().unwrap());
    let end = entries.len().min(start + size);
    feed(&entries[start..end], (end < entries.len()).then(|| end.to_string()).as_deref())
}

#[test]
fn a_listing_pages_to_the_end_and_an_update_stops_at_its_cursor() {
    let entries: Vec<Value> = (1..=250).rev().map(entry).collect();
    let world = World::new(move |url| serve(url, &entries, 100));
    let (posts, end) = world.list(None).unwrap();
    assert_eq!((posts.len(), world.servers.asked().len(), end.posts_read), (250, 3, 250));
    assert_eq!(end.cursor, Cursor::Search(Some(moment(250))));
    assert_eq!((end.oldest, end.coverage), (Some(moment(1)), Coverage::Complete));
    let (_, end) = world.list(Some(moment(249))).unwrap();
    assert_eq!(world.servers.asked().len(), 4, "one page holds all that is new");
    assert_eq!(end.cursor, Cursor::Search(Some(moment(250))));
}

#[test]
fn only_own_posts_with_images_count() {
    let mut repost = entry(9);
    repost["reason"] = json!({"$type": "app.bsky.feed.defs#reasonRepost"});
    let mut own_repost = entry(2);
    own_repost["reason"] = json!({"$type": "app.bsky.feed.defs#reasonRepost"});
    let mut others = entry(8);
    others["post"]["author"]["did"] = "did:plc:other".into();
    let mut words = entry(7);
    words["post"].as_object_mut().unwrap().remove("embed");
    let mut pinned = entry(1);
    pinned["reason"] = json!({"$type": "app.bsky.feed.defs#reasonPin"});
    let entries =
        [pinned, repost, own_repost, others, words, entry(6), json!({"odd": 1}), entry(2), entry(1)];
    let world = World::new(move |url| serve(url, &entries, 100));
    let (posts, end) = world.list(None).unwrap();
    assert_eq!(posts, ["1", "6", "2"], "the pinned one once");
    assert_eq!(end.cursor, Cursor::Search(Some(moment(7))));
}

#[test]
fn an_empty_page_is_not_the_end() {
    let world = World::new(|url| match parameter(url, "cursor").as_deref() {
        None => feed(&[entry(9)], Some("a")),
        Some("a") => feed(&[], Some("b")),
        Some("b") => feed(&[entry(5)], Some("b")),
        Some(other) => panic!("{other}"),
    });
    assert_eq!(world.list(None).unwrap().0, ["9", "5"], "and the same cursor twice is");
    let world = World::new(|url| {
        let next = parameter(url, "cursor").map_or(0, |cursor| cursor.parse::<u32>().unwrap() + 1);
        feed(&[], Some(&next.to_string()))
    });
    assert_eq!(world.list(None).unwrap().0.len(), 0);
    assert!(world.servers.asked().len() < 30, "empty pages for ever");
}

#[test]
fn dates_of_the_future_and_of_before_the_network_are_not_believed() {
    let mut future = entry(10);
    future["post"]["record"]["createdAt"] = "2099-01-01T00:00:00Z".into();
    let mut imported = entry(9);
    imported["post"]["record"]["createdAt"] = "2015-01-01T00:00:00Z".into();
    let answer = vec![future, imported];
    let servers = FakeServers::new(move |url| serve(url, &answer, 100));
    let client = BlueskyClient::new(servers, &Bluesky::default(), Arc::new(FakeWaiter::default()));
    let (posts, end) = list(&client, &artist(), &Cursor::Search(None)).unwrap();
    assert_eq!((posts[0].published, posts[1].published), (Some(moment(10)), Some(moment(9))));
    assert_eq!(end.cursor, Cursor::Search(Some(moment(10))));
}

#[test]
fn where_no_date_can_be_believed_the_key_of_the_record_tells_it() {
    let with = |key: &str, created: &str, indexed: Option<&str>| {
        let mut entry = entry(9);
        entry["post"]["uri"] = format!("at://{DID}/app.bsky.feed.post/{key}").into();
        entry["post"]["record"]["createdAt"] = created.into();
        entry["post"]["indexedAt"] = indexed.map_or(Value::Null, Value::from);
        let world = World::new(move |_| feed(&[entry.clone()], None));
        let (posts, end) = list(&world.client, &artist(), &Cursor::Search(None)).unwrap();
        (posts[0].published.unwrap().to_rfc3339(), end.cursor)
    };
    let (imported, written) = ("2015-03-01T00:00:00Z", "2024-09-15T08:24:53Z");
    // An AppView without a day of its own leaves it out, or repeats the author's date.
    assert_eq!(with("3l46kshfnjt2t", imported, None).0, written);
    assert_eq!(with("3l46kshfnjt2t", imported, Some(imported)).0, written);
    assert_eq!(with("3l46kshfnjt2t", imported, Some("2024-10-01T00:00:00Z")).0, "2024-10-01T00:00:00Z");
    assert_eq!(with("3l46kshfnjt2t", "yesterday", None).0, written);
    // A key that tells nothing: the author's word is all there is.
    assert_eq!(with("self", imported, None).0, imported);
    // A plausible date is the author's to choose.
    assert_eq!(with("3l46kshfnjt2t", "2023-05-01T00:00:00Z", None).0, "2023-05-01T00:00:00Z");
    // A date to come does not hide what is posted until then.
    let (_, cursor) = with("3l46kshfnjt2t", "2199-01-01T00:00:00Z", None);
    assert!(matches!(cursor, Cursor::Search(Some(cursor)) if cursor <= Timestamp::now()));
}

#[test]
fn a_server_that_makes_up_its_answers_comes_to_an_end() {
    // A new name for the next page each time.
    let world = World::new(|url| {
        let page = parameter(url, "cursor").map_or(0, |cursor| cursor.parse::<u32>().unwrap());
        feed(&[entry(5)], Some(&(page + 1).to_string()))
    });
    let (_, end) = world.list(None).unwrap();
    assert_eq!((end.coverage, world.servers.asked().len()), (Coverage::LimitedTo(10_000), 10_000));
    // The same name again: what would follow is not known.
    let world = World::new(|_| feed(&[entry(5)], Some("same")));
    assert_eq!(world.list(None).unwrap().1.coverage, Coverage::LimitedTo(2));
    // A name that no request can carry.
    let world = World::new(|_| feed(&[entry(5)], Some(&"c".repeat(100_000))));
    assert_eq!(world.list(None).unwrap().1.coverage, Coverage::LimitedTo(1));
    // Twenty thousand posts in a page, fields of other types, ids that cannot be stored.
    let mut odd = entry(7);
    odd["post"]["indexedAt"] = 17.into();
    odd["post"]["author"]["labels"] = "none".into();
    odd["post"]["author"]["postsCount"] = (-1).into();
    let mut long = entry(8);
    long["post"]["uri"] = format!("at://{DID}/app.bsky.feed.post/{}", "k".repeat(600)).into();
    let mut entries: Vec<Value> = (0..20_000).map(|_| entry(3)).collect();
    entries.extend([odd, long]);
    let world = World::new(move |_| feed(&entries, None));
    let (posts, end) = world.list(None).unwrap();
    assert_eq!((posts.len(), end.posts_read, end.coverage), (20_001, 20_002, Coverage::Complete));
}

#[test]
fn refusals_of_a_listing() {
    let check = |error: &'static str, message: &'static str, expect: fn(&NetworkError) -> bool| {
        let error = World::new(move |_| problem(error, message)).list(None).err().unwrap();
        assert!(expect(&error), "{error}");
    };
    check("InvalidRequest", "Profile not found", |error| {
        matches!(error, NetworkError::AccountMissing { .. })
    });
    check("AccountTakedown", "Account has been suspended", |error| {
        matches!(error, NetworkError::AccountSuspended { .. })
    });
    check("AccountDeactivated", "Account is deactivated", |error| {
        matches!(error, NetworkError::AccountClosed { .. })
    });
    check("BlockedByActor", "x", |error| matches!(error, NetworkError::Blocked { .. }));
    check("InvalidRequest", "bad cursor", |error| matches!(error, NetworkError::Refused { .. }));
    let shy = World::new(|_| {
        let mut entry = entry(3);
        entry["post"]["author"]["labels"] = json!([{"val": "!no-unauthenticated"}]);
        feed(&[entry], None)
    });
    assert!(matches!(shy.list(None), Err(NetworkError::AccountClosed { .. })));
}

#[test]
fn limits_are_waited_out_and_faults_pass() {
    let count = std::sync::atomic::AtomicU32::new(0);
    let world = World::new(move |_| {
        let reset = Timestamp::now().plus(std::time::Duration::from_secs(60)).secs().to_string();
        match count.fetch_add(1, std::sync::atomic::Ordering::Relaxed) {
            0 => reply(429, &[("ratelimit-remaining", "0"), ("ratelimit-reset", &reset)], &json!({})),
            1 => reply(502, &[], &json!("upstream")),
            2 => reply(
                200,
                &[("ratelimit-remaining", "0"), ("ratelimit-reset", &reset)],
                &json!({"feed": [entry(2)], "cursor": "x"}),
            ),
            _ => feed(&[entry(1)], None),
        }
    });
    assert_eq!(world.list(None).unwrap().0, ["2", "1"]);
    let method = "app.bsky.feed.getAuthorFeed";
    assert_eq!(world.waiter.waits(), [method, &format!("{method}, which failed"), method]);
}

fn profile(did: &str, handle: &str) -> Value {
    json!({"did": did, "handle": handle, "postsCount": 7})
}

#[test]
fn accounts_are_looked_up_together_and_the_absent_alone() {
    let world = World::new(|url| match url.path() {
        "/xrpc/app.bsky.actor.getProfiles" => {
            let mut shy = profile("did:plc:shy", "shy.example");
            shy["labels"] = json!([{"val": "!no-unauthenticated", "src": "did:plc:shy"}]);
            reply(
                200,
                &[],
                &json!({"profiles": [profile(DID, "Ann.example"), shy, {"odd": 1},
                profile("did:plc:lost", "handle.invalid")]}),
            )
        }
        "/xrpc/app.bsky.actor.getProfile" => match parameter(url, "actor").unwrap().as_str() {
            "gone.example" => problem("InvalidRequest", "Profile not found"),
            "down.example" => problem("AccountTakedown", "Account has been suspended"),
            "off.example" => problem("AccountDeactivated", "Account is deactivated"),
            other => panic!("{other}"),
        },
        other => panic!("{other}"),
    });
    let handle = |handle: &str| AccountRef::Handle { network: Network::Bluesky, handle: handle.into() };
    let id = |did: &str| AccountRef::Id(AccountKey::new(Network::Bluesky, did));
    let refs = [
        handle("ann.example"),
        id(DID),
        handle("shy.example"),
        handle("gone.example"),
        handle("down.example"),
        handle("off.example"),
        id("did:plc:lost"),
        handle("no handle at all"),
        id("did:key:z"),
        AccountRef::Handle { network: Network::Twitter, handle: "ann".into() },
    ];
    let answers = world.client.resolve(&refs).unwrap();
    assert!(answers.iter().map(|answer| &answer.asked).eq(&refs));
    let told: Vec<String> = answers
        .iter()
        .map(|answer| match &answer.outcome {
            ResolutionOutcome::Readable(account) => {
                format!("{} @{} {:?}", account.key, account.handle, account.posts)
            }
            other => other.refusal().unwrap().to_owned(),
        })
        .collect();
    assert_eq!(told[0], "bluesky:did:plc:artist @ann.example Some(7)");
    assert_eq!(told[1], told[0]);
    assert_eq!(
        told[2..],
        [
            "asks to be shown to users of its network only",
            "does not exist",
            "is suspended",
            "is deactivated",
            "bluesky:did:plc:lost @did:plc:lost Some(7)",
            "does not exist",
            "does not exist",
            "does not exist",
        ]
    );
    assert_eq!(world.servers.asked().len(), 4);
    let settings = Bluesky { respect_no_unauthenticated: false, ..Bluesky::default() };
    let open = World::with(settings, |_| {
        let mut shy = profile("did:plc:shy", "shy.example");
        shy["labels"] = json!([{"val": "!no-unauthenticated"}]);
        reply(200, &[], &json!({"profiles": [shy]}))
    });
    let answer = open.client.resolve(&[handle("shy.example")]).unwrap();
    assert!(matches!(answer[0].outcome, ResolutionOutcome::Readable(_)), "an operator may decide otherwise");
}

#[test]
fn posts_that_are_not_shown_are_gone() {
    let world = World::new(|url| {
        let uris = url.query_pairs().map(|(_, value)| json!({"uri": value}));
        reply(
            200,
            &[],
            &json!({"posts": uris.filter(|post| post["uri"] != "at://did:plc:a/x/3").collect::<Value>()}),
        )
    });
    let mut posts: Vec<PostKey> =
        (0..60).map(|n| PostKey::new(Network::Bluesky, format!("at://did:plc:a/x/{n}"))).collect();
    posts.push(PostKey::new(Network::Twitter, "1"));
    let states = world.client.check_posts(&posts).unwrap();
    assert_eq!(world.servers.asked().len(), 3, "25 at a time");
    assert_eq!(
        (states[2], states[3], states[60]),
        (PostState::Visible, PostState::Deleted, PostState::Unknown)
    );
    let empty = World::new(|_| reply(200, &[], &json!({ "posts": [] })));
    assert_eq!(
        empty.client.check_posts(&posts[..2]).unwrap(),
        [PostState::Gone; 2],
        "it may be its own fault"
    );
    let broken = World::new(|_| reply(500, &[], &json!({})));
    assert_eq!(broken.client.check_posts(&posts[..2]).unwrap(), [PostState::Unknown; 2]);
}

#[test]
fn the_file_itself_is_on_the_accounts_own_server() {
    let servers = FakeServers::new(|url| match url.host_str().unwrap() {
        "plc.directory" => reply(
            200,
            &[],
            &json!({"id": "did:plc:artist", "alsoKnownAs": ["at://ann.example"], "service": [{"id": "#atproto_pds",
                "type": "AtprotoPersonalDataServer", "serviceEndpoint": "https://pds.example"}]}),
        ),
        "pds.example" => {
            check_request(url);
            reply(200, &[], &json!("the picture"))
        }
        other => panic!("{other}"),
    });
    let url = format!("https://cdn.bsky.app/img/feed_fullsize/plain/{DID}/bafkreipicture1@jpeg");
    let image = ListedImage::new("bafkreipicture1", url);
    let fetched = crate::networks::fetch_original(Network::Bluesky, &image, &*servers, 1000);
    assert!(fetched.unwrap().unwrap().is_success());
    let expect =
        "https://pds.example/xrpc/com.atproto.sync.getBlob?did=did%3Aplc%3Aartist&cid=bafkreipicture1";
    assert_eq!(servers.asked()[1].as_str(), expect);
}

/// A recorded answer of the network's own tests, whose masked ids are made into ids again.
fn recorded(name: &str) -> Vec<Value> {
    fn unmask(value: &mut Value) {
        match value {
            Value::String(text) => {
                *text = text.replace("https://bsky.public.url/", "https://cdn.bsky.app/");
                // In paths the same account has the next number.
                for number in 0..9 {
                    let (masked, own) =
                        (format!("plain/user({})", number + 1), format!("plain/user({number})"));
                    *text = text.replace(&masked, &own);
                }
                for (mask, prefix) in
                    [("user(", "did:plc:user"), ("cids(", "bafkreipicture"), ("record(", "record")]
                {
                    while let Some((before, rest)) = text.split_once(mask) {
                        let Some((number, after)) = rest.split_once(')') else { break };
                        *text = format!("{before}{prefix}{number}{after}");
                    }
                }
            }
            Value::Array(items) => items.iter_mut().for_each(unmask),
            Value::Object(fields) => {
                fields.values_mut().for_each(unmask);
                let did = fields.get("author").and_then(|author| author["did"].as_str()).map(str::to_owned);
                if let (Some(did), Some(Value::String(uri))) = (did, fields.get_mut("uri")) {
                    *uri = format!("at://{did}/app.bsky.feed.post/{uri}");
                }
            }
            _ => {}
        }
    }
    let mut value = fixture(&format!("bluesky/{name}.json"))["value"].take();
    unmask(&mut value);
    match value {
        Value::Array(entries) => entries,
        post => vec![json!({"post": post})],
    }
}

#[test]
fn recorded_answers_are_read() {
    for (name, author, entries, expect) in [
        ("author-feed_01", 0, 4, vec![]),
        ("author-feed_03", 2, 3, vec![2]),
        ("author-feed_05", 0, 12, vec![]),
        ("author-feed_07", 0, 3, vec![]),
        ("posts_01", 0, 1, vec![1]),
        ("posts_02", 0, 1, vec![2]),
        ("posts_04", 0, 1, vec![]),
    ] {
        let recorded = recorded(name);
        assert_eq!(recorded.len(), entries, "{name}");
        let servers = FakeServers::new(move |_| feed(&recorded, None));
        let client = BlueskyClient::new(servers, &Bluesky::default(), Arc::new(FakeWaiter::default()));
        let key = AccountKey::new(Network::Bluesky, format!("did:plc:user{author}"));
        let (posts, end) = list(&client, &Account { key, ..artist() }, &Cursor::Search(None)).unwrap();
        let images: Vec<usize> = posts.iter().map(|post| post.images.len()).collect();
        assert_eq!(images, expect, "{name}");
        assert_eq!(end.posts_read, entries as u64, "{name}");
    }
}

#[test]
fn an_account_is_missing_only_where_the_network_says_so() {
    let names = ["there", "gone", "banned", "off", "users-only", "odd"];
    let account = |name: &str| Account {
        key: AccountKey::new(Network::Bluesky, format!("did:plc:{name}")),
        handle: String::new(),
        posts: None,
    };
    let asked: Vec<Account> = names.map(account).to_vec();
    let world = World::new(|url| {
        let profile =
            |name: &str| json!({"did": format!("did:plc:{name}"), "handle": format!("{name}.example")});
        if url.path().ends_with("getProfiles") {
            let mut hidden = profile("users-only");
            hidden["labels"] =
                json!([{"val": "!no-unauthenticated", "src": "did:plc:users-only", "uri": "u", "cts": "c"}]);
            return reply(200, &[], &json!({"profiles": [profile("there"), hidden]}));
        }
        match parameter(url, "actor").unwrap().as_str() {
            "did:plc:gone" => problem("InvalidRequest", "Profile not found"),
            "did:plc:banned" => problem("AccountTakedown", "Account has been suspended"),
            "did:plc:off" => problem("AccountDeactivated", "Account is deactivated"),
            _ => problem("InvalidRequest", "Something else"),
        }
    });
    let found = world.client.check_accounts(&asked).unwrap();
    let expect = [
        Presence::Present,
        Presence::Missing,
        Presence::Suspended,
        Presence::Deactivated,
        Presence::OptedOut,
    ];
    assert_eq!(found[..5], expect);
    assert!(matches!(found[5], Presence::Unknown { .. }), "{found:?}");
    let down = World::new(|_| reply(502, &[], &json!({})));
    let found = down.client.check_accounts(&asked).unwrap();
    assert!(found.iter().all(|presence| matches!(presence, Presence::Unknown { .. })), "{found:?}");
}

#[test]
fn single_posts_are_found_by_handle_or_did_as_a_listing_lists_them() {
    let mut shy = entry(3);
    shy["post"]["author"]["labels"] = json!([{"val": "!no-unauthenticated"}]);
    let mut words = entry(4);
    words["post"].as_object_mut().unwrap().remove("embed");
    let known = [entry(9), shy, words];
    let world = World::new(move |url| match url.path().strip_prefix("/xrpc/").unwrap() {
        "app.bsky.actor.getProfiles" => {
            let asked: Vec<String> = url.query_pairs().map(|(_, name)| name.into_owned()).collect();
            assert_eq!(asked, ["ann.example", "nobody.example"], "each handle once");
            reply(200, &[], &json!({"profiles": [{"did": DID, "handle": "ann.example"}]}))
        }
        "app.bsky.actor.getProfile" => problem("InvalidRequest", "Profile not found"),
        "app.bsky.feed.getPosts" => {
            let uris: Vec<String> = url.query_pairs().map(|(_, uri)| uri.into_owned()).collect();
            let posts = known.iter().map(|entry| &entry["post"]);
            let shown: Vec<&Value> =
                posts.filter(|post| uris.iter().any(|uri| post["uri"] == uri.as_str())).collect();
            reply(200, &[], &json!({"posts": shown}))
        }
        "app.bsky.feed.getAuthorFeed" => serve(url, &[entry(9)], 100),
        other => panic!("{other}"),
    });
    let key = |author: &str, key: &str| {
        PostKey::new(Network::Bluesky, format!("at://{author}/app.bsky.feed.post/{key}"))
    };
    let named = [
        key("Ann.Example", "9"),
        key(DID, "9"),
        key(DID, "3"),
        key(DID, "4"),
        key("ann.example", "gone"),
        key("nobody.example", "9"),
        key("ann.example", "9/../x"),
        key("no handle", "9"),
        key("did:key:z6", "9"),
        key(DID, &"k".repeat(513)),
        PostKey::new(Network::Mastodon, "https://art.example/@ann/7"),
    ];
    let outcomes = world.client.look_posts_up(&named).unwrap();
    let (listed, _) = list(&world.client, &artist(), &Cursor::Search(None)).unwrap();
    let found = PostOutcome::Found { author: artist(), post: listed[0].clone() };
    assert_eq!(outcomes[..2], [found.clone(), found]);
    let why: Vec<&str> = outcomes[2..]
        .iter()
        .map(|outcome| match outcome {
            PostOutcome::Nothing { why } => why.as_str(),
            PostOutcome::Found { .. } | PostOutcome::Unknown => panic!("{outcome:?}"),
        })
        .collect();
    let odd = "has an address that is none of Bluesky";
    assert_eq!(
        why,
        [
            "is by an account that asks to be shown to users of its network only",
            "has no images",
            "is gone, or cannot be seen by everybody",
            "is by an account that does not exist",
            odd,
            odd,
            odd,
            odd,
            odd,
        ]
    );
    let world = World::new(|_| problem("InvalidRequest", "Error: no"));
    assert!(world.client.look_posts_up(&[key(DID, "9")]).is_err(), "it could not be asked about");
    assert_eq!(world.client.look_posts_up(&[]).unwrap(), []);
}
