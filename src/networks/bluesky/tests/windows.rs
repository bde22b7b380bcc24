//! Listings of a window: from the account's own server, and from the feed where that cannot be read.

use super::*;
use crate::networks::bluesky::tid;
use crate::networks::fake::list_in_turns;

/// Post `n` under the key of its day.
fn keyed(n: u32) -> Value {
    let mut entry = entry(n);
    entry["post"]["uri"] = uri(n).into();
    entry
}

fn uri(n: u32) -> String {
    format!("at://{DID}/app.bsky.feed.post/{}", tid::lowest_at(moment(n)))
}

/// As its author's server has it.
fn record(n: u32) -> Value {
    let image = json!({"$type": "blob", "ref": {"$link": format!("bafkreipicture{n}")}});
    json!({"uri": uri(n), "cid": "c", "value": {"$type": "app.bsky.feed.post", "text": "t",
        "createdAt": moment(n).to_rfc3339(),
        "embed": {"$type": "app.bsky.embed.images", "images": [{"alt": "", "image": image}]}}})
}

/// Everything of the account: its document, its own server with these records (newest first), the posts that
/// the AppView shows, and its feed.
fn serve_all(url: &Url, records: &[Value], shown: &[Value]) -> Answer {
    let method = url.path().strip_prefix("/xrpc/").unwrap_or_default();
    match (url.host_str().unwrap(), method) {
        ("plc.directory", _) => reply(
            200,
            &[],
            &json!({"id": DID, "service": [{"id": "#atproto_pds", "type": "AtprotoPersonalDataServer",
                "serviceEndpoint": "https://pds.example"}]}),
        ),
        ("pds.example", "com.atproto.repo.listRecords") => {
            assert_eq!(parameter(url, "repo").as_deref(), Some(DID));
            assert_eq!(parameter(url, "collection").as_deref(), Some("app.bsky.feed.post"));
            let limit: usize = parameter(url, "limit").unwrap().parse().unwrap();
            let cursor = parameter(url, "cursor").unwrap_or_else(|| "~".to_owned());
            let key = |record: &Value| record["uri"].as_str()?.rsplit('/').next().map(str::to_owned);
            let is_older = |record: &&Value| key(record).is_none_or(|key| key < cursor);
            let page: Vec<&Value> = records.iter().filter(is_older).take(limit).collect();
            let next = page.last().filter(|_| page.len() == limit).and_then(|last| key(last));
            reply(200, &[], &json!({"records": page, "cursor": next}))
        }
        (_, "app.bsky.feed.getPosts") => {
            let uris: Vec<String> = url.query_pairs().map(|(_, uri)| uri.into_owned()).collect();
            let posts = shown.iter().map(|entry| &entry["post"]);
            let posts: Vec<&Value> =
                posts.filter(|post| uris.iter().any(|uri| post["uri"] == uri.as_str())).collect();
            reply(200, &[], &json!({"posts": posts}))
        }
        (_, "app.bsky.feed.getAuthorFeed") => serve(url, shown, 100),
        other => panic!("{other:?}"),
    }
}

fn days(from: u32, to: u32) -> Window {
    Window { from: moment(from), to: moment(to) }
}

/// The days of the posts that are listed, and the end.
fn list_days(world: &World, window: Window) -> (Vec<u32>, ListingEnd) {
    let (posts, end) = list(&world.client, &artist(), &Cursor::Window(window)).unwrap();
    (posts.iter().map(day_of).collect(), end)
}

fn day_of(post: &ListedPost) -> u32 {
    let name = post.images[0].name.as_str();
    name.trim_start_matches("bafkreipicture").split('@').next().unwrap().parse().unwrap()
}

/// How often each method was asked.
fn asked(world: &World, method: &str) -> usize {
    world.servers.asked().iter().filter(|url| url.path().ends_with(method)).count()
}

#[test]
fn a_window_is_listed_from_the_accounts_own_server() {
    let all: Vec<u32> = (1..=2000).rev().collect();
    let (records, shown): (Vec<Value>, Vec<Value>) =
        (all.iter().map(|n| record(*n)).collect(), all.iter().map(|n| keyed(*n)).collect());
    let world = World::new(move |url| serve_all(url, &records, &shown));
    let (found, end) = list_days(&world, days(300, 310));
    assert_eq!(found, (300..=310).rev().collect::<Vec<u32>>(), "both ends are in it");
    assert_eq!((end.cursor, end.coverage), (Cursor::Window(days(300, 310)), Coverage::Complete));
    let counts = ["listRecords", "getPosts", "getAuthorFeed"].map(|method| asked(&world, method));
    assert_eq!((counts, world.servers.asked().len()), ([1, 1, 0], 3), "and the document");
    // As the feed lists them, name for name.
    let (by_window, _) = list(&world.client, &artist(), &Cursor::Window(days(300, 310))).unwrap();
    let (by_feed, _) = list(&world.client, &artist(), &Cursor::Search(None)).unwrap();
    let same: Vec<&ListedPost> = by_feed.iter().filter(|post| (300..=310).contains(&day_of(post))).collect();
    assert_eq!(by_window.iter().collect::<Vec<_>>(), same);
    // Left after each page, it loses nothing, and takes nothing twice.
    let window = Cursor::Window(days(300, 520));
    let (turns, posts, end) = list_in_turns(&world.client, &artist(), &window).unwrap();
    assert_eq!((turns, posts.iter().map(day_of).collect()), (3, (300..=520).rev().collect::<Vec<u32>>()));
    assert_eq!(end.cursor, window);
}

#[test]
fn dates_of_either_kind_count_and_only_what_the_app_view_shows() {
    // Brought from elsewhere: the key of day 20, the date of day 5.
    let mut imported = record(20);
    imported["value"]["createdAt"] = moment(5).to_rfc3339().into();
    let mut words = record(19);
    words["value"].as_object_mut().unwrap().remove("embed");
    let mut quote = record(18);
    let media = quote["value"]["embed"].take();
    quote["value"]["embed"] = json!({"$type": "app.bsky.embed.recordWithMedia", "media": media});
    let mut others = record(16);
    others["uri"] = others["uri"].as_str().unwrap().replace(DID, "did:plc:other").into();
    let records = vec![imported, words, quote, record(17), others, json!({"odd": 1}), record(15)];
    // Post 17 is hidden.
    let shown: Vec<Value> = [20, 19, 18, 16, 15].map(keyed).into();
    let world = World::new(move |url| serve_all(url, &records, &shown));
    assert_eq!(list_days(&world, days(15, 20)).0, [20, 18, 15]);
    assert_eq!(list_days(&world, days(18, 30)).0, [20, 18], "a window that reaches into days to come");
    // The beginning of the window is not passed by the key, and the date lies in it.
    let mut late = record(20);
    late["value"]["createdAt"] = moment(5).to_rfc3339().into();
    let world = World::new(move |url| serve_all(url, &[late.clone()], &[keyed(20)]));
    assert_eq!(list_days(&world, days(4, 30)).0, [20]);
    assert_eq!(asked(&world, "getAuthorFeed"), 0);
}

#[test]
fn an_owner_who_asks_not_to_be_shown_is_respected() {
    let mut shy = keyed(9);
    shy["post"]["author"]["labels"] = json!([{"val": "!no-unauthenticated"}]);
    let world = World::new(move |url| serve_all(url, &[record(9)], &[shy.clone()]));
    let error = list(&world.client, &artist(), &Cursor::Window(days(1, 20))).err().unwrap();
    assert!(matches!(error, NetworkError::AccountClosed { .. }), "{error}");
}

#[test]
fn where_the_own_server_cannot_be_read_the_feed_is() {
    let shown: Vec<Value> = (1..=250).rev().map(keyed).collect();
    let check = |answer: fn(&Url) -> Option<Answer>| {
        let shown = shown.clone();
        let records: Vec<Value> = (1..=250).rev().map(record).collect();
        let world = World::new(move |url| answer(url).unwrap_or_else(|| serve_all(url, &records, &shown)));
        let (found, end) = list_days(&world, days(30, 135));
        let mut once = found.clone();
        once.dedup();
        once.sort_unstable();
        once.dedup();
        assert_eq!(once, (30..=135).collect::<Vec<u32>>());
        assert_eq!((end.cursor, end.coverage), (Cursor::Window(days(30, 135)), Coverage::Complete));
        assert!(asked(&world, "getAuthorFeed") > 0);
        assert!(world.servers.asked().len() < 20, "{:#?}", world.servers.asked());
    };
    let is_records = |url: &Url| url.host_str() == Some("pds.example");
    check(|url| (url.host_str() == Some("plc.directory")).then(|| reply(404, &[], &json!({}))));
    check(|url| {
        let service = json!([{"type": "AtprotoPersonalDataServer", "serviceEndpoint": "http://pds.example"}]);
        (url.host_str() == Some("plc.directory")).then(|| reply(200, &[], &json!({"service": service})))
    });
    check(|url| (url.host_str() == Some("pds.example")).then(|| problem("RepoDeactivated", "no")));
    check(|url| (url.host_str() == Some("pds.example")).then(|| reply(500, &[], &json!("down"))));
    check(|url| {
        (url.host_str() == Some("pds.example")).then(|| reply(200, &[], &json!({"records": [7, {}]})))
    });
    // It takes no notice of where it is asked to begin.
    check(|url| {
        let newest: Vec<Value> = (1..=250).rev().take(100).map(record).collect();
        (url.host_str() == Some("pds.example"))
            .then(|| reply(200, &[], &json!({"records": newest, "cursor": "x"})))
    });
    // It fails in the middle.
    check(|url| {
        let is_later = parameter(url, "cursor").is_some_and(|cursor| cursor < tid::lowest_at(moment(60)));
        (url.host_str() == Some("pds.example") && is_later).then(|| reply(500, &[], &json!("down")))
    });
    // It makes posts up, or lists the same again under another cursor.
    check(|url| {
        let made_up = |n: u32| {
            let mut record = record(n);
            let key = tid::lowest_at(moment(n).plus(std::time::Duration::from_millis(1)));
            record["uri"] = format!("at://{DID}/app.bsky.feed.post/{key}").into();
            record
        };
        let page: Vec<Value> = (31..=131).rev().map(made_up).collect();
        (url.host_str() == Some("pds.example"))
            .then(|| reply(200, &[], &json!({"records": page, "cursor": "x"})))
    });
    check(|url| {
        let page: Vec<Value> = (120..=135).rev().map(record).collect();
        let cursor = format!("{}x", parameter(url, "cursor").unwrap_or_default());
        (url.host_str() == Some("pds.example"))
            .then(|| reply(200, &[], &json!({"records": page, "cursor": cursor})))
    });
    let endless = World::new(move |url| match is_records(url) {
        true => {
            let next = parameter(url, "cursor").unwrap();
            let page = next.strip_prefix('p').map_or(0, |page| page.parse::<u32>().unwrap());
            reply(200, &[], &json!({"records": [], "cursor": format!("p{}", page + 1)}))
        }
        false => serve_all(url, &[], &[]),
    });
    assert!(list_days(&endless, days(1, 9)).0.is_empty());
    assert!(endless.servers.asked().len() < 30, "empty pages for ever");
}
