//! The client against fake servers, which refuse what Misskey's API does not know.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};

use super::client::MisskeyClient;
use crate::base::Timestamp;
use crate::base::ids::{AccountKey, Network, PostKey};
use crate::config;
use crate::domain::accounts::{Account, AccountRef, ResolutionOutcome};
use crate::domain::posts::{ListedPost, PostOutcome, PostState};
use crate::domain::scans::{Coverage, Cursor, ListingEnd, Window};
use crate::fetch::{Method, Request};
use crate::networks::client::{AccountLookup, PostLookup, Presence};
use crate::networks::dialects::OfFediverse;
use crate::networks::error::NetworkError;
use crate::networks::fake::{Answer, FakeServers, FakeWaiter, list, list_in_turns, reply};
use crate::networks::mastodon::MastodonClient;

mod across;

const HOST: &str = "key.example";
const ACTOR: &str = "https://key.example/users/9annannann";

/// A question, as far as the API knows it: the host, what follows `/api/`, and the body.
struct Asked {
    host: String,
    path: String,
    body: Value,
}

impl Asked {
    fn endpoint(&self) -> &str {
        self.path.strip_prefix("/api/").unwrap_or_default()
    }

    fn says(&self, name: &str) -> Option<&str> {
        self.body[name].as_str()
    }
}

/// Fails for a request that Misskey's API does not take.
#[track_caller]
fn read(request: &Request) -> Asked {
    let host = request.url.host_str().unwrap().to_owned();
    let path = request.url.path().to_owned();
    let Some(endpoint) = path.strip_prefix("/api/").filter(|path| !path.starts_with("v1/")) else {
        assert_eq!(request.method, Method::Get, "{request:?}");
        return Asked { host, path, body: Value::Null };
    };
    assert_eq!(request.method, Method::Post, "{request:?}");
    assert!(request.headers.iter().any(|header| *header == ("content-type", "application/json".to_owned())));
    let body: Value = serde_json::from_slice(request.body.as_ref().unwrap()).unwrap();
    let known: &[&str] = match endpoint {
        "users/show" => &["username", "host", "userId", "userIds"],
        "users/notes" => &[
            "userId",
            "limit",
            "withFiles",
            "withRenotes",
            "withReplies",
            "withChannelNotes",
            "untilId",
            "untilDate",
        ],
        "notes/show" => &["noteId"],
        "meta" => &[],
        other => panic!("{other}"),
    };
    for (name, value) in body.as_object().unwrap() {
        assert!(known.contains(&name.as_str()), "{endpoint}: {name}");
        assert!(name != "limit" || value.as_u64().is_some_and(|limit| (1..=100).contains(&limit)));
    }
    assert!(body["withReplies"] != true || body["withFiles"] != true, "BOTH_WITH_REPLIES_AND_WITH_FILES");
    Asked { host, path, body }
}

struct World {
    servers: Arc<FakeServers>,
    client: MisskeyClient,
    waiter: Arc<FakeWaiter>,
    /// The bodies of the requests for notes.
    notes: Arc<Mutex<Vec<Value>>>,
}

impl World {
    fn new(answer: impl Fn(&Asked) -> Answer + Send + Sync + 'static) -> World {
        World::with(config::Misskey::default(), answer)
    }

    fn with(settings: config::Misskey, answer: impl Fn(&Asked) -> Answer + Send + Sync + 'static) -> World {
        let notes = Arc::<Mutex<Vec<Value>>>::default();
        let seen = Arc::clone(&notes);
        let servers = FakeServers::answering(move |request| {
            let asked = read(request);
            if asked.endpoint() == "users/notes" {
                seen.lock().unwrap().push(asked.body.clone());
            }
            answer(&asked)
        });
        let waiter = Arc::new(FakeWaiter::default());
        let client = MisskeyClient::new(servers.clone(), &settings, waiter.clone());
        World { servers, client, waiter, notes }
    }

    /// A server with the artist and these notes, newest first.
    fn of(notes: Vec<Value>) -> World {
        World::new(move |asked| serve(asked, &notes))
    }

    fn list(&self, cursor: Option<Timestamp>) -> Result<(Vec<ListedPost>, ListingEnd), NetworkError> {
        list(&self.client, &artist(), &Cursor::Search(cursor))
    }

    fn resolve(&self, names: &[&str]) -> Vec<String> {
        told(&self.client, names)
    }

    fn pages(&self) -> Vec<Value> {
        self.notes.lock().unwrap().clone()
    }
}

/// What was found for each name, in words.
fn told(client: &dyn AccountLookup, names: &[&str]) -> Vec<String> {
    let refs: Vec<AccountRef> = names
        .iter()
        .map(|name| match name.starts_with("https://") {
            true => AccountRef::Id(AccountKey::new(Network::Misskey, *name)),
            false => AccountRef::Handle { network: Network::Misskey, handle: (*name).to_owned() },
        })
        .collect();
    words(client, &refs)
}

fn words(client: &dyn AccountLookup, refs: &[AccountRef]) -> Vec<String> {
    let answers = client.resolve(refs).unwrap();
    let words = answers.iter().map(|answer| match &answer.outcome {
        ResolutionOutcome::Readable(account) => format!("{} @{}", account.key, account.handle),
        other => other.refusal().unwrap().to_owned(),
    });
    words.collect()
}

fn artist() -> Account {
    Account { key: AccountKey::new(Network::Misskey, ACTOR), handle: "ann@key.example".into(), posts: None }
}

fn user(name: &str) -> Value {
    json!({"id": format!("9{name:0<9}"), "username": name, "host": null, "notesCount": 9, "isSuspended": false,
        "movedTo": null, "requireSigninToViewContents": false, "makeNotesHiddenBefore": null})
}

fn ann() -> Value {
    let mut ann = user("Ann");
    ann["id"] = "9annannann".into();
    ann
}

fn moment(n: u32) -> Timestamp {
    Timestamp(1_704_067_200_000).plus(Duration::from_secs(86_400) * n)
}

fn picture(n: u32) -> Value {
    let address = |form: &str| format!("https://files.key.example/{form}-{n}.webp");
    json!({"id": format!("9f{n}"), "type": "image/webp", "size": 123, "isSensitive": false,
        "url": address("webpublic"), "thumbnailUrl": address("thumbnail")})
}

/// Ids are in the order of the notes, and tell no time.
fn id(n: u32) -> String {
    format!("9note{n:05}")
}

fn note(n: u32) -> Value {
    json!({"id": id(n), "createdAt": moment(n).to_rfc3339(), "userId": "9annannann", "text": "a drawing",
        "user": {"id": "9annannann", "username": "Ann", "host": null}, "visibility": "public", "renoteId": null,
        "files": [picture(n)]})
}

fn refused(status: u16, code: &str) -> Answer {
    reply(status, &[], &json!({"error": {"message": "m", "code": code, "id": "i", "kind": "client"}}))
}

fn serve(asked: &Asked, notes: &[Value]) -> Answer {
    assert_eq!(asked.host, HOST);
    match asked.endpoint() {
        "users/show" => reply(200, &[], &ann()),
        "users/notes" => {
            assert_eq!(asked.says("userId"), Some("9annannann"));
            if asked.says("untilId").is_some() && asked.body.get("withRenotes").is_none() {
                return refused(500, "INTERNAL_ERROR");
            }
            let until = asked.body["untilDate"].as_i64().map(Timestamp);
            let date = |note: &Value| Timestamp::parse_rfc3339(note["createdAt"].as_str().unwrap()).unwrap();
            let is_wanted = |note: &&Value| {
                asked.says("untilId").is_none_or(|id| note["id"].as_str().unwrap() < id)
                    && until.is_none_or(|until| date(note) < until)
            };
            let page: Vec<&Value> = notes.iter().filter(is_wanted).take(100).collect();
            // The limit counts before the filter.
            let kept = page.into_iter().filter(|note| note["left_out"] != true);
            reply(200, &[], &kept.cloned().collect())
        }
        _ => reply(404, &[], &json!({"error": {"code": "UNKNOWN_API_ENDPOINT"}})),
    }
}

#[test]
fn a_listing_pages_to_the_end_though_its_pages_are_short() {
    // Of each three notes one is left out by the server, after it has counted.
    let notes: Vec<Value> = (1..=250)
        .rev()
        .map(|n| {
            let mut note = note(n);
            note["left_out"] = (n % 3 == 0).into();
            note
        })
        .collect();
    let world = World::of(notes);
    let (posts, end) = world.list(None).unwrap();
    assert_eq!((posts.len(), end.posts_read, end.coverage), (167, 167, Coverage::Complete));
    assert_eq!((end.cursor, end.oldest), (Cursor::Search(Some(moment(250))), Some(moment(1))));
    assert_eq!(posts[0].key.native, format!("https://key.example/notes/{}", id(250)));
    let image = &posts[0].images[0];
    assert_eq!(image.name, "https://files.key.example/webpublic-250.webp");
    assert_eq!(image.url, "https://files.key.example/thumbnail-250.webp");
    let pages = world.pages();
    assert_eq!(pages.len(), 4, "the last of them is empty: {pages:?}");
    assert!(pages.iter().all(|page| page["withRenotes"] == false && page["withChannelNotes"] == true));
    assert_eq!((pages[0].get("untilId"), &pages[1]["untilId"]), (None, &json!(id(151))));
    // An update stops where it knows the notes.
    world.list(Some(moment(240))).unwrap();
    assert_eq!(world.pages().len() - pages.len(), 1);
    // Left after each page, it loses nothing.
    let (turns, again, _) = list_in_turns(&world.client, &artist(), &Cursor::Search(None)).unwrap();
    assert_eq!((turns, again), (4, posts));
}

#[test]
fn only_the_accounts_own_pictures_for_everybody_count() {
    let with = |n: u32, change: fn(&mut Value)| {
        let mut note = note(n);
        change(&mut note);
        note
    };
    let world = World::of(vec![
        with(12, |note| {
            note["renoteId"] = "9x".into();
            note["text"] = Value::Null;
            note["files"] = json!([]);
            note["renote"] = json!({"id": "9x", "userId": "9other", "files": [picture(99)]});
        }),
        // A quote has files of its own, and shows another's.
        with(11, |note| {
            note["renoteId"] = "9x".into();
            note["renote"] = json!({"id": "9x", "userId": "9other", "files": [picture(99)]});
        }),
        with(10, |note| {
            note["isHidden"] = true.into();
            note["files"] = json!([]);
        }),
        with(9, |note| note["visibility"] = "followers".into()),
        with(8, |note| note["visibility"] = "home".into()),
        with(7, |note| note["userId"] = "9other".into()),
        with(6, |note| note["deletedAt"] = "2025-01-01T00:00:00Z".into()),
        with(5, |note| {
            let files = note["files"].as_array_mut().unwrap();
            files.insert(0, json!({"type": "video/mp4", "url": "https://files.key.example/v.mp4"}));
            files.push(json!({"type": "image/png", "url": "javascript:alert(1)"}));
            files.push(json!({"type": "image/png", "url": "https://files.key.example/p.png?sensitive=true",
                "thumbnailUrl": null, "isSensitive": true}));
            files.push(json!(7));
        }),
        with(4, |note| note["id"] = "9/../x".into()),
        json!("no note"),
    ]);
    let (posts, end) = world.list(None).unwrap();
    let found: Vec<(&str, Vec<(u8, &str)>)> = posts
        .iter()
        .map(|post| {
            let images = post.images.iter().map(|image| (image.position, image.url.as_str()));
            (post.key.native.rsplit('/').next().unwrap(), images.collect())
        })
        .collect();
    let sensitive = "https://files.key.example/p.png?sensitive=true";
    assert_eq!(
        found,
        [
            ("9note00011", vec![(1, "https://files.key.example/thumbnail-11.webp")]),
            ("9note00008", vec![(1, "https://files.key.example/thumbnail-8.webp")]),
            ("9note00005", vec![(2, "https://files.key.example/thumbnail-5.webp"), (4, sensitive)]),
        ]
    );
    assert_eq!((posts[2].places, end.posts_read), (5, 10));
    let large = config::Misskey { image_size: "fullsize".into(), ..config::Misskey::default() };
    let world = World::with(large, |asked| serve(asked, &[note(1)]));
    assert_eq!(world.list(None).unwrap().0[0].images[0].url, "https://files.key.example/webpublic-1.webp");
}

#[test]
fn a_window_is_asked_for_by_its_date() {
    let notes: Vec<Value> = (1..=900).rev().map(note).collect();
    let world = World::of(notes);
    let window = Window { from: moment(300), to: moment(310) };
    let (posts, end) = list(&world.client, &artist(), &Cursor::Window(window)).unwrap();
    let days: Vec<u32> =
        posts.iter().map(|post| post.key.native.rsplit("note").next().unwrap().parse().unwrap()).collect();
    assert_eq!(days, (300..=310).rev().collect::<Vec<u32>>(), "both ends are in it");
    assert_eq!((end.cursor, end.coverage), (Cursor::Window(window), Coverage::Complete));
    let pages = world.pages();
    assert_eq!((pages.len(), pages[0]["untilDate"].as_i64()), (1, Some(moment(310).0 + 1000)));
    // The pages behind the first go on from its notes.
    let window = Window { from: moment(50), to: moment(310) };
    let (posts, _) = list(&world.client, &artist(), &Cursor::Window(window)).unwrap();
    assert_eq!(posts.len(), 261);
    assert!(world.pages()[2].get("untilDate").is_none() && world.pages()[2].get("untilId").is_some());
    assert!(matches!(
        list(&world.client, &artist(), &Cursor::Timeline(None)),
        Err(NetworkError::Refused { .. })
    ));
}

#[test]
fn old_notes_are_hidden_as_their_author_wishes() {
    let notes: Vec<Value> = (1..=300).rev().map(note).collect();
    let world = World::new(move |asked| {
        if asked.endpoint() == "users/show" {
            let mut ann = ann();
            ann["makeNotesHiddenBefore"] = (moment(250).0 / 1000).into();
            return reply(200, &[], &ann);
        }
        // A fork that does not hide them itself.
        serve(asked, &notes)
    });
    let (posts, end) = world.list(None).unwrap();
    assert_eq!((posts.len(), end.coverage, world.pages().len()), (51, Coverage::Complete, 1));
}

#[test]
fn a_fork_without_a_parameter_is_asked_with_fewer() {
    let notes: Vec<Value> = (1..=150).rev().map(note).collect();
    let world = World::new(move |asked| {
        match asked.endpoint() == "users/notes" && asked.body.get("withChannelNotes").is_some() {
            true => refused(400, "INVALID_PARAM"),
            false => {
                let mut known =
                    Asked { host: asked.host.clone(), path: asked.path.clone(), body: asked.body.clone() };
                if asked.endpoint() == "users/notes" {
                    known.body["withRenotes"] = false.into();
                }
                serve(&known, &notes)
            }
        }
    });
    let (posts, _) = world.list(None).unwrap();
    assert_eq!((posts.len(), world.pages().len()), (150, 4), "once, then without");
    let world = World::new(|asked| match asked.endpoint() {
        "users/show" => reply(200, &[], &ann()),
        _ => refused(400, "INVALID_PARAM"),
    });
    assert!(matches!(world.list(None), Err(NetworkError::Refused { .. })));
}

#[test]
fn accounts_are_found_by_name_and_by_id() {
    let world = World::new(|asked| {
        let found = |user: Value| reply(200, &[], &user);
        match (asked.says("username"), asked.says("userId")) {
            (Some("ann"), _) | (_, Some("9annannann")) => found(ann()),
            (Some("banned"), _) => {
                let mut user = user("banned");
                user["isSuspended"] = true.into();
                found(user)
            }
            (Some("shy"), _) => {
                let mut user = user("shy");
                user["requireSigninToViewContents"] = true.into();
                found(user)
            }
            (Some("odd"), _) => {
                let mut user = user("odd");
                user["id"] = "../../x".into();
                found(user)
            }
            (None, None) => reply(404, &[], &json!("no page")),
            _ => refused(404, "NO_SUCH_USER"),
        }
    });
    let gone = world.resolve(&["nobody@key.example"]);
    assert_eq!(gone, ["does not exist, or is on a server that shows nobody without login"]);
    assert_eq!(
        world.resolve(&["ann@key.example", ACTOR, "nobody@key.example", "banned@key.example"]),
        [
            "misskey:https://key.example/users/9annannann @ann@key.example",
            "misskey:https://key.example/users/9annannann @ann@key.example",
            "does not exist",
            "is suspended",
        ]
    );
    assert_eq!(
        world.resolve(&["shy@key.example", "odd@key.example", "no name", "https://key.example/@ann"]),
        [
            "asks to be shown to users who are logged in only",
            "does not exist",
            "does not exist",
            "does not exist",
        ]
    );
}

#[test]
fn whoever_is_not_for_search_engines_is_left_out() {
    let answer = |asked: &Asked| match asked.endpoint() {
        "" => {
            assert_eq!(asked.path, "/@ann");
            let mut page = reply(200, &[], &Value::Null).unwrap();
            page.body = "<html><head><meta name=\"robots\" content=\"noindex\"></head>".into();
            Ok(page)
        }
        _ => reply(200, &[], &ann()),
    };
    assert_eq!(World::new(answer).resolve(&["ann@key.example"]), ["asks not to be indexed"]);
    let settings = config::Misskey { respect_noindex: false, ..config::Misskey::default() };
    let world = World::with(settings, answer);
    assert!(world.resolve(&["ann@key.example"])[0].starts_with("misskey:"));
    assert_eq!(world.servers.asked().len(), 1);
}

#[test]
fn refusals_have_their_outcomes() {
    let check = |answer: fn() -> Answer, looked_up: &str, listed: fn(&NetworkError) -> bool| {
        let world = World::new(move |_| answer());
        let found = world.resolve(&["ann@key.example"]);
        assert!(found[0].contains(looked_up), "{found:?}");
        let error = world.list(None).unwrap_err();
        assert!(listed(&error), "{error}");
    };
    let is_closed = |error: &NetworkError| matches!(error, NetworkError::AccountClosed { .. });
    let is_refused = |error: &NetworkError| matches!(error, NetworkError::Refused { .. });
    check(|| refused(401, "CREDENTIAL_REQUIRED"), "shows nothing without login", is_closed);
    check(|| refused(400, "SIGNIN_REQUIRED"), "shows nothing without login", is_closed);
    // It may show nobody to visitors.
    check(|| refused(404, "NO_SUCH_USER"), "shows nobody without login", is_closed);
    check(|| reply(418, &[], &json!({})), "lets no programs in", is_refused);
    let guard = || {
        let mut answer = reply(403, &[], &json!(null)).unwrap();
        answer.body = "<!DOCTYPE html><title>Just a moment...</title>".into();
        Ok(answer)
    };
    check(guard, "lets no programs in", is_refused);
    check(|| refused(400, "SOMETHING_ELSE"), "SOMETHING_ELSE", is_refused);
    check(|| reply(404, &[], &json!(null)), "does not answer as Misskey does", is_refused);
    check(
        || refused(429, "RATE_LIMIT_EXCEEDED"),
        "takes no more requests",
        |error| matches!(error, NetworkError::RateLimited { .. }),
    );
}

#[test]
fn a_limit_is_waited_out() {
    let refusals = Mutex::new(2);
    let world = World::new(move |asked| {
        let mut left = refusals.lock().unwrap();
        if asked.endpoint() == "users/notes" && *left > 0 {
            *left -= 1;
            return refused(429, "RATE_LIMIT_EXCEEDED");
        }
        serve(asked, &[note(1)])
    });
    assert_eq!(world.list(None).unwrap().0.len(), 1);
    assert_eq!(world.waiter.waits(), ["users/notes"; 2]);
}

#[test]
fn an_account_is_missing_only_where_its_server_shows_others() {
    let world = World::new(|asked| match asked.host.as_str() {
        "down.example" => reply(503, &[], &json!({})),
        "closed.example" => reply(200, &[], &json!([])),
        _ if asked.path == "/@unlisted" => {
            let mut page = reply(200, &[], &Value::Null).unwrap();
            page.body = "<meta name=\"robots\" content=\"noindex\">".into();
            Ok(page)
        }
        _ if asked.path == "/@x" => reply(404, &[], &Value::Null),
        _ => {
            let ids: Vec<&str> =
                asked.body["userIds"].as_array().unwrap().iter().map(|id| id.as_str().unwrap()).collect();
            assert!(ids.len() <= 25);
            let mut shown = Vec::new();
            for (id, change) in
                [("9here", ""), ("9shy", "requireSigninToViewContents"), ("9bad", "isSuspended")]
            {
                let mut user = user("x");
                user["id"] = id.into();
                user[change] = true.into();
                shown.extend(ids.contains(&id).then_some(user));
            }
            let mut unlisted = user("unlisted");
            unlisted["id"] = "9unlisted".into();
            shown.extend(ids.contains(&"9unlisted").then_some(unlisted));
            reply(200, &[], &shown.into())
        }
    });
    let account = |uri: &str| Account {
        key: AccountKey::new(Network::Misskey, uri),
        handle: String::new(),
        posts: None,
    };
    let asked = [
        "https://key.example/users/9here",
        "https://down.example/users/9a",
        "https://key.example/users/9gone",
        "https://key.example/users/9shy",
        "https://key.example/users/9bad",
        "https://closed.example/users/9a",
        "https://key.example/@ann",
        "https://key.example/users/9unlisted",
    ];
    let found = world.client.check_accounts(&asked.map(account)).unwrap();
    let is_unknown = |index: usize| matches!(found[index], Presence::Unknown { .. });
    assert_eq!((&found[0], &found[2]), (&Presence::Present, &Presence::Missing));
    assert_eq!((&found[3], &found[4]), (&Presence::OptedOut, &Presence::Suspended));
    assert_eq!(found[7], Presence::OptedOut);
    assert!(is_unknown(1) && is_unknown(5) && is_unknown(6), "{found:?}");
    let asked = world.servers.asked();
    let of_key = asked.iter().filter(|url| url.host_str() == Some("key.example"));
    let of_api = of_key.filter(|url| url.path().starts_with("/api/")).count();
    assert_eq!(of_api, 1, "all of one server at once");
}

#[test]
fn notes_are_asked_of_their_own_server() {
    let world = World::new(|asked| match asked.says("noteId") {
        Some("9note00001") => reply(200, &[], &note(1)),
        Some("9hidden") => {
            let mut note = note(2);
            note["isHidden"] = true.into();
            reply(200, &[], &note)
        }
        Some("9login") => refused(400, "SIGNIN_REQUIRED"),
        _ => refused(400, "NO_SUCH_NOTE"),
    });
    let post = |uri: &str| PostKey::new(Network::Misskey, uri);
    let posts = [
        post("https://key.example/notes/9note00001"),
        post("https://key.example/notes/9gone"),
        post("https://key.example/notes/9hidden"),
        post("https://key.example/notes/9login"),
        post("https://key.example/@ann"),
        PostKey::new(Network::Mastodon, "https://key.example/notes/9note00001"),
    ];
    let states = world.client.check_posts(&posts).unwrap();
    let unknown = PostState::Unknown;
    assert_eq!(states, [PostState::Visible, PostState::Deleted, PostState::Gone, unknown, unknown, unknown]);
}

#[test]
fn a_note_is_found_by_its_page_as_a_listing_lists_it() {
    let world = World::new(|asked| match (asked.host.as_str(), asked.says("noteId")) {
        (_, None) => serve(asked, &[note(7)]),
        // Another server shows it, too.
        ("far.example", Some(_)) => {
            let mut note = note(7);
            note["user"]["host"] = HOST.into();
            note["uri"] = format!("https://key.example/notes/{}", id(7)).into();
            reply(200, &[], &note)
        }
        (_, Some("9renote")) => {
            let mut note = note(8);
            note["renoteId"] = "9x".into();
            note["text"] = Value::Null;
            note["files"] = json!([]);
            reply(200, &[], &note)
        }
        (_, Some("9text")) => {
            let mut note = note(9);
            note["files"] = json!([]);
            reply(200, &[], &note)
        }
        (_, Some("9note00007")) => reply(200, &[], &note(7)),
        (_, Some(_)) => refused(400, "NO_SUCH_NOTE"),
    });
    let look_up = |address: &str| {
        let key = PostKey::new(Network::Misskey, address);
        world.client.look_posts_up(&[key]).unwrap().remove(0)
    };
    let (listed, _) = world.list(None).unwrap();
    for address in ["https://key.example/notes/9note00007", "https://far.example/notes/9far"] {
        let PostOutcome::Found { author, post } = look_up(address) else { panic!("{address}") };
        assert_eq!((&author.key, &post), (&artist().key, &listed[0]));
    }
    let nothing = |address: &str| match look_up(address) {
        PostOutcome::Nothing { why } => why,
        other => panic!("{other:?}"),
    };
    assert_eq!(nothing("https://key.example/notes/9renote"), "repeats another's note");
    assert_eq!(nothing("https://key.example/notes/9text"), "has no images");
    assert_eq!(nothing("https://key.example/notes/9gone"), "is gone, or cannot be seen by everybody");
    assert_eq!(nothing("https://key.example/@ann"), "has an address that does not tell its id");
}

#[test]
fn a_recorded_account_is_read() {
    // Of a server of 2023, with what newer ones no longer have.
    let recorded = crate::networks::fake::fixture("sites/misskey/users_show_v11.json");
    let world = World::new(move |_| reply(200, &[], &recorded));
    assert_eq!(
        world.resolve(&["exampleartist@key.example"]),
        ["misskey:https://key.example/users/9gzexample @exampleartist@key.example"]
    );
}
