//! The demo world's answers against what the networks publish: Bluesky's lexicons, Mastodon's OpenAPI
//! document. So that what is tested against the world is tested against the shapes of the real thing.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;

use aotf::demo::world::{Options, World};
use serde_json::Value;
use url::Url;

/// A published document; `None` for a lexicon that says nothing of what is tested.
fn contract(path: &str) -> Option<Value> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/contracts").join(path);
    let bytes = std::fs::read(path).ok()?;
    Some(serde_json::from_slice(&bytes).expect("a contract is JSON"))
}

/// The JSON that the world answers at `url`.
fn get(world: &World, url: &str) -> Value {
    let url = Url::parse(url).unwrap();
    let target = &url[url::Position::BeforePath..url::Position::AfterQuery];
    let address = world.base_url().trim_start_matches("http://").to_owned();
    let mut stream = TcpStream::connect(address).unwrap();
    let host = url.host_str().unwrap();
    write!(stream, "GET {target} HTTP/1.0\r\nHost: {host}\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let end = answer.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
    assert!(answer.starts_with(b"HTTP/1.0 200"), "{url}");
    serde_json::from_slice(&answer[end + 4..]).unwrap()
}

/// Checks a value against a definition of a lexicon. `home` is the lexicon's own name.
fn check_lexicon(home: &str, definition: &Value, value: &Value, at: &str) {
    match definition["type"].as_str().unwrap_or_default() {
        "ref" => follow(home, definition["ref"].as_str().unwrap(), value, at),
        "union" => {
            let kind = value["$type"].as_str();
            let refs = || definition["refs"].as_array().unwrap().iter().filter_map(Value::as_str);
            let named = kind
                .and_then(|kind| refs().find(|name| absolute(home, name).trim_end_matches("#main") == kind));
            match named {
                Some(name) => follow(home, name, value, at),
                // The only choice may be meant without its name.
                None if kind.is_none() && refs().count() == 1 => {
                    follow(home, refs().next().unwrap(), value, at)
                }
                None => assert!(
                    definition["closed"] != true && kind.is_some(),
                    "{at}: {kind:?} is none of the union"
                ),
            }
        }
        "object" => {
            assert!(value.is_object(), "{at} is no object: {value}");
            for name in definition["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
                assert!(!value[name].is_null(), "{at}.{name} is missing");
            }
            for (name, property) in definition["properties"].as_object().into_iter().flatten() {
                if let Some(value) = value.get(name).filter(|value| !value.is_null()) {
                    check_lexicon(home, property, value, &format!("{at}.{name}"));
                }
            }
        }
        "array" => {
            let items = value.as_array().unwrap_or_else(|| panic!("{at} is no array: {value}"));
            if let Some(most) = definition["maxLength"].as_u64() {
                assert!(items.len() as u64 <= most, "{at}: {} items", items.len());
            }
            for (index, item) in items.iter().enumerate() {
                check_lexicon(home, &definition["items"], item, &format!("{at}[{index}]"));
            }
        }
        "string" => {
            let text = value.as_str().unwrap_or_else(|| panic!("{at} is no text: {value}"));
            let fits = match definition["format"].as_str() {
                Some("did") => text.starts_with("did:"),
                Some("at-uri") => text.starts_with("at://"),
                Some("uri") => text.starts_with("at://") || Url::parse(text).is_ok(),
                Some("datetime") => aotf::base::Timestamp::parse_rfc3339(text).is_some(),
                Some("handle") => text.contains('.') && !text.contains(':'),
                _ => true,
            };
            assert!(fits, "{at}: {text:?} is no {}", definition["format"]);
        }
        "integer" => assert!(value.is_i64() || value.is_u64(), "{at} is no number: {value}"),
        "boolean" => assert!(value.is_boolean(), "{at} is neither true nor false: {value}"),
        // `unknown`, blobs and the like.
        _ => {}
    }
}

/// `#view` and `app.bsky.embed.images` as whole names.
fn absolute(home: &str, name: &str) -> String {
    match name.strip_prefix('#') {
        Some(local) => format!("{home}#{local}"),
        None if name.contains('#') => name.to_owned(),
        None => format!("{name}#main"),
    }
}

fn follow(home: &str, name: &str, value: &Value, at: &str) {
    let name = absolute(home, name);
    let (lexicon, definition) = name.split_once('#').unwrap();
    // Only the lexicons that matter here are at hand.
    let Some(document) = contract(&format!("bluesky/{}.json", lexicon.replace('.', "/"))) else {
        return;
    };
    check_lexicon(lexicon, &document["defs"][definition], value, at);
}

#[test]
fn the_worlds_bluesky_answers_as_the_lexicons_say() {
    let world = World::start(Options::default()).unwrap();
    let base = "https://public.api.bsky.app/xrpc";
    let rowan = "did:plc:demorowan000000000000000";
    let uri = world.facts().open_account("demo-rowan.bsky.social").unwrap().post_id(20);
    for (method, parameters) in [
        ("app.bsky.actor.getProfile", format!("actor={rowan}")),
        (
            "app.bsky.actor.getProfiles",
            format!("actors={rowan}&actors=demo-willow.bsky.social&actors=nobody.example"),
        ),
        ("app.bsky.feed.getAuthorFeed", format!("actor={rowan}&filter=posts_with_media&limit=100")),
        ("app.bsky.feed.getPosts", format!("uris={uri}")),
    ] {
        let document = contract(&format!("bluesky/{}.json", method.replace('.', "/"))).expect(method);
        let answer = get(&world, &format!("{base}/{method}?{parameters}"));
        check_lexicon(method, &document["defs"]["main"]["output"]["schema"], &answer, method);
    }
}

#[test]
fn the_worlds_own_server_of_an_account_lists_posts_below_a_key() {
    let world = World::start(Options::default()).unwrap();
    let rowan = world.facts().open_account("demo-rowan.bsky.social").unwrap();
    let posts: Vec<String> = (0..rowan.posts).rev().map(|number| rowan.post_id(number)).collect();
    let base =
        "https://pds.demo.example/xrpc/com.atproto.repo.listRecords?collection=app.bsky.feed.post&limit=30";
    let page = |cursor: &str| -> (Vec<String>, Option<String>) {
        let answer = get(&world, &format!("{base}&repo={}{cursor}", rowan.native));
        let records = answer["records"].as_array().unwrap().iter();
        let uris = records.map(|record| record["uri"].as_str().unwrap().to_owned()).collect();
        (uris, answer["cursor"].as_str().map(str::to_owned))
    };
    let mut listed = Vec::new();
    let mut next = Some(String::new());
    while let Some(cursor) = next.take() {
        let (uris, cursor) = page(&cursor);
        assert!(uris.len() <= 30);
        listed.extend(uris);
        next = cursor.map(|cursor| format!("&cursor={cursor}"));
    }
    assert!(!listed.is_empty() && listed.iter().all(|uri| posts.contains(uri)));
    let places: Vec<usize> =
        listed.iter().flat_map(|uri| posts.iter().position(|post| post == uri)).collect();
    assert!(
        places.is_sorted() && places.len() * 2 > posts.len(),
        "newest first, without reposts: {places:?}"
    );
    // From a key in the middle.
    let middle = listed[40].rsplit('/').next().unwrap();
    assert_eq!(page(&format!("&cursor={middle}")).0[0], listed[41]);
}

/// Checks a value against a schema of an OpenAPI document.
fn check_schema(document: &Value, schema: &Value, value: &Value, at: &str) {
    if let Some(reference) = schema["$ref"].as_str() {
        let target =
            document.pointer(reference.trim_start_matches('#')).expect("a reference leads somewhere");
        return check_schema(document, target, value, at);
    }
    if let Some(choices) = schema["oneOf"].as_array().or_else(|| schema["anyOf"].as_array()) {
        let null = choices.iter().any(|choice| choice["type"] == "null");
        if value.is_null() {
            return assert!(null, "{at} is null");
        }
        let others: Vec<&Value> = choices.iter().filter(|choice| choice["type"] != "null").collect();
        if let [only] = others.as_slice() {
            check_schema(document, only, value, at);
        }
        return;
    }
    let kinds: Vec<&str> = match &schema["type"] {
        Value::String(kind) => vec![kind],
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).collect(),
        _ => return,
    };
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    assert!(
        kinds.contains(&kind) || kind == "integer" && kinds.contains(&"number"),
        "{at}: {value} is no {kinds:?}"
    );
    if let (Some(allowed), false) = (schema["enum"].as_array(), value.is_null()) {
        assert!(allowed.contains(value), "{at}: {value} is none of {allowed:?}");
    }
    for name in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        assert!(value.get(name).is_some(), "{at}.{name} is missing");
    }
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        if let Some(value) = value.get(name) {
            check_schema(document, property, value, &format!("{at}.{name}"));
        }
    }
    for (index, item) in value.as_array().into_iter().flatten().enumerate() {
        check_schema(document, &schema["items"], item, &format!("{at}[{index}]"));
    }
}

#[test]
fn the_worlds_mastodon_answers_as_its_contract_says() {
    let world = World::start(Options::default()).unwrap();
    let document = contract("mastodon/openapi_shapes.json").expect("Mastodon's contract");
    let schema = |path: &str| {
        document["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]["schema"].clone()
    };
    let lookup = "/api/v1/accounts/lookup";
    let account = get(&world, &format!("https://mastodon.art{lookup}?acct=demo_rowan"));
    check_schema(&document, &schema(lookup), &account, "account");
    let moved = get(&world, &format!("https://mastodon.social{lookup}?acct=demo_rowan"));
    check_schema(&document, &schema(lookup), &moved, "moved account");
    assert_eq!(moved["moved"]["acct"], "demo_rowan@mastodon.art");
    let id = account["id"].as_str().unwrap();
    let statuses =
        get(&world, &format!("https://mastodon.art/api/v1/accounts/{id}/statuses?only_media=true&limit=40"));
    check_schema(&document, &schema("/api/v1/accounts/{id}/statuses"), &statuses, "statuses");
    let id = statuses[0]["id"].as_str().unwrap();
    let status = get(&world, &format!("https://mastodon.art/api/v1/statuses/{id}"));
    check_schema(&document, &schema("/api/v1/statuses/{id}"), &status, "status");
}
