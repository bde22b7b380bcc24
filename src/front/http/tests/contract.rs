//! `/openapi.json` is true: every endpoint that is served is described and the other way round, and
//! what each answers has the described status and form.

use std::collections::BTreeSet;

use serde_json::Value;

use super::world::{Reply, World};
use crate::api::errors::{ErrorCode, codes};
use crate::api::limits;
use crate::api::samples::{sample_verdict, sample_watch};
use crate::base::ids::Network;
use crate::config;
use crate::domain::failure::FailureCode;
use crate::front::fake::FakeBroker;
use crate::front::http::router::{ENDPOINTS, pages};

/// The web page and its files, which are no part of the API.
fn is_of_the_page(path: &str) -> bool {
    pages().iter().any(|(own, ..)| *own == path)
}

/// What is wrong with `value` as a `schema` of `document`, if anything.
fn mismatch(document: &Value, schema: &Value, value: &Value, path: &str) -> Option<String> {
    if let Some(name) = schema["$ref"].as_str() {
        let target = document.pointer(name.trim_start_matches('#')).expect(name);
        return mismatch(document, target, value, path);
    }
    if let Some(parts) = schema["allOf"].as_array() {
        return parts.iter().find_map(|part| mismatch(document, part, value, path));
    }
    if let Some(choices) = schema["oneOf"].as_array() {
        let fits = choices.iter().any(|choice| mismatch(document, choice, value, path).is_none());
        return (!fits).then(|| format!("{path}: {value} is none of {choices:?}"));
    }
    if let Some(values) = schema["enum"].as_array()
        && !values.contains(value)
    {
        return Some(format!("{path}: {value} is none of {values:?}"));
    }
    let kinds: Vec<&str> = match &schema["type"] {
        Value::String(kind) => vec![kind],
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).collect(),
        _ => return None, // anything
    };
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_u64() || number.is_i64() => "integer",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    if !(kinds.contains(&kind) || kind == "integer" && kinds.contains(&"number")) {
        return Some(format!("{path}: {value} is not {kinds:?}"));
    }
    if let Value::Array(items) = value {
        return items
            .iter()
            .find_map(|item| mismatch(document, &schema["items"], item, &format!("{path}[]")));
    }
    let Value::Object(fields) = value else { return None };
    let required = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
    for name in required {
        if !fields.contains_key(name) {
            return Some(format!("{path}: {name} is missing"));
        }
    }
    let described = schema["properties"].as_object()?;
    described.iter().find_map(|(name, schema)| {
        let value = fields.get(name)?;
        mismatch(document, schema, value, &format!("{path}.{name}"))
    })
}

/// All names that the schema describes, those of its parts too.
fn described_names(document: &Value, schema: &Value, names: &mut BTreeSet<String>) {
    if let Some(name) = schema["$ref"].as_str() {
        return described_names(document, document.pointer(name.trim_start_matches('#')).unwrap(), names);
    }
    for part in schema["allOf"].as_array().into_iter().flatten() {
        described_names(document, part, names);
    }
    names.extend(schema["properties"].as_object().into_iter().flatten().map(|(name, _)| name.clone()));
}

#[track_caller]
fn check(document: &Value, method: &str, path: &str, reply: &Reply) {
    let about = format!("{method} {path}: {}", reply.status);
    let operation = &document["paths"][path][method.to_lowercase()];
    let response = &operation["responses"][reply.status.to_string()];
    assert!(response.is_object(), "{about} is not described");
    assert!(reply.head.contains("x-aotf-api-version: "), "{about}");
    let Some(content) = response["content"].as_object() else { return };
    let (kind, content) = content.iter().next().expect("some content");
    assert!(reply.head.contains(&format!("content-type: {kind}")), "{about}: not {kind}:\n{}", reply.head);
    let value = match kind.as_str() {
        "application/json" => reply.json(),
        "text/event-stream" => {
            let data = reply.body.lines().find_map(|line| line.strip_prefix("data: ")).expect("an event");
            serde_json::from_str(data).unwrap()
        }
        _ => return,
    };
    let wrong = mismatch(document, &content["schema"], &value, "");
    assert_eq!(wrong, None, "{about}");
    if let Value::Object(fields) = &value {
        let mut names = BTreeSet::new();
        described_names(document, &content["schema"], &mut names);
        let stray: Vec<_> =
            fields.keys().filter(|name| !names.is_empty() && !names.contains(*name)).collect();
        assert!(stray.is_empty(), "{about}: not described: {stray:?}");
    }
}

/// The requests that show each endpoint's answers: method, target, headers, body.
const REQUESTS: &[(&str, &str, &str, &str)] = &[
    ("GET", "/query?url=https://a.example/art/1", "", ""),
    ("GET", "/query?url=", "", ""),
    ("GET", "/query?webhook=nobody&url=https://a.example/", "", ""),
    ("GET", "/query?webhook=bot&url=https://a.example/", "\r\nX-Forwarded-For: 192.0.2.1", ""),
    ("POST", "/query", "\r\nContent-Type: text/plain", "https://a.example/art/1"),
    ("GET", "/credit?url=https://a.example/art/1", "", ""),
    ("GET", "/credit?markup=rtf&url=https://a.example/art/1", "", ""),
    ("GET", "/query/events?url=https://a.example/art/1", "", ""),
    ("GET", "/query/events?url=https://a.example/art/1", "\r\nLast-Event-ID: 9", ""),
    ("GET", "/artist?url=https://a.example/art/1", "", ""),
    ("GET", "/artist?resolve=0&networks=bluesky&url=https://a.example/art/1", "", ""),
    ("GET", "/artist?resolve=maybe&url=https://a.example/", "", ""),
    ("GET", "/artist", "", ""),
    ("POST", "/queries", "\r\nContent-Type: application/json", "{\"urls\":[\"https://a.example/\",\"\"]}"),
    ("POST", "/queries", "\r\nContent-Type: application/json", "{\"urls\":[]}"),
    ("GET", "/queries?ids=0123456789abcdef0123456789abcdef,x", "", ""),
    ("GET", "/queries", "", ""),
    ("DELETE", "/queries/0123456789abcdef0123456789abcdef", "\r\nX-API-Key: one-that-may-cancel", ""),
    ("DELETE", "/queries/0123456789abcdef0123456789abcdef", "", ""),
    ("GET", "/verdicts", "\r\nX-API-Key: one-that-may-cancel", ""),
    ("GET", "/verdicts?before=1790000000000-0123456789abcdef", "\r\nX-API-Key: one-that-may-cancel", ""),
    ("GET", "/verdicts?before=yesterday", "\r\nX-API-Key: one-that-may-cancel", ""),
    ("GET", "/verdicts", "", ""),
    (
        "POST",
        "/verdicts",
        "\r\nX-API-Key: one-that-may-cancel\r\nContent-Type: application/json",
        "{\"verdict\":\"not_artist\",\"account\":\"twitter:12\",\"why\":\"It reposts everybody.\"}",
    ),
    (
        "POST",
        "/verdicts",
        "\r\nX-API-Key: one-that-may-cancel\r\nContent-Type: application/json",
        "{\"verdict\":\"same\",\"account\":\"twitter:12\"}",
    ),
    ("POST", "/verdicts", "\r\nContent-Type: application/json", "{}"),
    ("DELETE", "/verdicts/VERDICT", "\r\nX-API-Key: one-that-may-cancel", ""),
    ("DELETE", "/verdicts/0123456789abcdef", "\r\nX-API-Key: one-that-may-cancel", ""),
    ("DELETE", "/verdicts/0123456789abcdef", "", ""),
    ("GET", "/watches", "\r\nX-API-Key: one-that-may-cancel", ""),
    ("GET", "/watches?after=WATCH", "\r\nX-API-Key: one-that-may-cancel", ""),
    ("GET", "/watches?after=yesterday", "\r\nX-API-Key: one-that-may-cancel", ""),
    ("GET", "/watches", "", ""),
    (
        "POST",
        "/watches",
        "\r\nX-API-Key: one-that-may-cancel\r\nContent-Type: application/json",
        "{\"subject\":\"@jane_paints\"}",
    ),
    (
        "POST",
        "/watches",
        "\r\nX-API-Key: one-that-may-cancel\r\nContent-Type: application/json",
        "{\"subject\":\"@jane_paints\",\"webhook\":\"nobody\"}",
    ),
    ("POST", "/watches", "\r\nContent-Type: application/json", "{}"),
    ("DELETE", "/watches/WATCH", "\r\nX-API-Key: one-that-may-cancel", ""),
    ("DELETE", "/watches/0123", "\r\nX-API-Key: one-that-may-cancel", ""),
    ("DELETE", "/watches/WATCH", "", ""),
    ("GET", "/feeds/WATCH.atom", "", ""),
    ("GET", "/feeds/WATCH.atom", "\r\nIf-None-Match: *", ""),
    ("GET", "/feeds/WATCH.atom?entries=0", "", ""),
    ("GET", "/feeds/WATCH", "", ""),
    ("GET", "/feeds/00000000000000000000000000000000.atom", "", ""),
    ("GET", "/feeds/WATCH/events", "\r\nLast-Event-ID: 1", ""),
    ("GET", "/feeds/00000000000000000000000000000000/events", "", ""),
    ("POST", "/search", "\r\nContent-Type: image/png", "png"),
    ("POST", "/search", "\r\nContent-Type: application/json", "{\"url\":\"https://i.example/a.png\"}"),
    ("POST", "/search", "\r\nContent-Type: application/json", "{}"),
    ("POST", "/search", "\r\nX-Forwarded-For: 192.0.2.1", "png"),
    ("GET", "/search?identifier=abc", "", ""),
    ("GET", "/search", "", ""),
    ("GET", "/search?identifier=abc", "\r\nX-Forwarded-For: 192.0.2.1", ""),
    ("GET", "/search/events?identifier=abc", "", ""),
    ("GET", "/search/events?identifier=abc", "\r\nLast-Event-ID: 9", ""),
    ("GET", "/search/events?identifier=abc", "\r\nX-Forwarded-For: 192.0.2.1", ""),
    ("GET", "/search/events", "", ""),
    ("GET", "/account?name=jane", "", ""),
    ("GET", "/stats", "", ""),
    ("GET", "/config", "", ""),
    ("GET", "/errors", "", ""),
    ("GET", "/openapi.json", "", ""),
    ("GET", "/docs", "", ""),
    ("GET", "/healthz", "", ""),
    ("GET", "/readyz", "", ""),
    ("GET", "/metrics", "", ""),
    ("GET", "/metrics", "\r\nX-Forwarded-For: 192.0.2.1", ""),
];

/// With the key that the requests show.
async fn world_with_key() -> World {
    World::with(FakeBroker::default(), |settings| {
        let key = super::callers::api_key("one", "one-that-may-cancel", false);
        settings.api_keys = vec![config::ApiKey {
            cancel: true,
            verdicts: true,
            watches: true,
            requests_per_second: 100,
            ..key
        }];
    })
    .await
}

/// The path of a target as it is described.
fn described_path(target: &str) -> &str {
    let path = target.split('?').next().unwrap();
    match path {
        path if path.starts_with("/queries/") => "/queries/{id}",
        path if path.starts_with("/verdicts/") => "/verdicts/{id}",
        path if path.starts_with("/watches/") => "/watches/{id}",
        path if path.starts_with("/feeds/") && path.ends_with("/events") => "/feeds/{feed}/events",
        path if path.starts_with("/feeds/") => "/feeds/{feed}",
        path => path,
    }
}

#[tokio::test]
async fn what_is_described_is_what_is_answered() {
    let world = world_with_key().await;
    let document = world.get("/openapi.json").await.json();
    let mut walked = BTreeSet::new();
    for (method, target, headers, body) in REQUESTS {
        let target = target.replace("VERDICT", &sample_verdict().id.to_string());
        let target = target.replace("WATCH", &sample_watch().watch.id.to_string());
        let head = format!("{method} {target} HTTP/1.1{headers}");
        // The stream of a feed has no end.
        let reply = match target.ends_with("/events") && headers.contains("Last-Event-ID") {
            true => world.first_event(&head).await,
            false => world.exchange(&head, body.as_bytes()).await,
        };
        let path = described_path(&target);
        check(&document, method, path, &reply);
        if reply.status == 200 {
            walked.insert(format!("{} {path}", method.to_lowercase()));
        }
    }
    let mut described = BTreeSet::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        described.extend(methods.as_object().unwrap().keys().map(|method| format!("{method} {path}")));
    }
    assert_eq!(walked, described, "every described endpoint is walked");
    let mut served = BTreeSet::new();
    for (path, methods) in ENDPOINTS.iter().filter(|(path, _)| !is_of_the_page(path)) {
        for method in ["GET", "POST", "DELETE"] {
            let is_served = methods.to_str().unwrap().contains(method);
            served.extend(is_served.then(|| format!("{} {path}", method.to_lowercase())));
        }
    }
    assert_eq!(served, described, "every endpoint is described");
}

#[tokio::test]
async fn refusals_have_the_described_form_too() {
    let document = World::new(FakeBroker::default()).await.get("/openapi.json").await.json();
    let away = World::new(FakeBroker::away()).await;
    for (method, path, body) in [
        ("GET", "/query?url=https://a.example/", ""),
        ("GET", "/query/events?url=https://a.example/", ""),
        ("POST", "/queries", "{\"urls\":[\"https://a.example/\"]}"),
        ("GET", "/queries?ids=a", ""),
        ("POST", "/search", "x"),
        ("GET", "/search?identifier=a", ""),
        ("GET", "/search/events?identifier=a", ""),
        ("GET", "/stats", ""),
        ("GET", "/readyz", ""),
    ] {
        let kind = if body.starts_with('{') { "\r\nContent-Type: application/json" } else { "" };
        let reply = away.exchange(&format!("{method} {path} HTTP/1.1{kind}"), body.as_bytes()).await;
        assert_eq!(reply.status, 503, "{method} {path}");
        check(&document, method, path.split('?').next().unwrap(), &reply);
    }
}

/// Below `/api`, where the original's public server had it, all is answered as it is described.
#[tokio::test]
async fn everything_is_answered_below_the_originals_path_too() {
    let world = world_with_key().await;
    let document = world.get("/api/openapi.json").await.json();
    assert_eq!(document, world.get("/openapi.json").await.json());
    for (method, target, headers, body) in REQUESTS {
        let head = format!("{method} /api{target} HTTP/1.1{headers}");
        let reply = world.exchange(&head, body.as_bytes()).await;
        check(&document, method, described_path(target), &reply);
        assert_eq!(reply.status, world.exchange(&head.replacen("/api", "", 1), body.as_bytes()).await.status);
    }
    for root in ["/api", "/api/"] {
        let reply = world.get(root).await;
        assert!(reply.status == 200 && reply.body.contains("/query?url=URL"), "{}", reply.body);
    }
    for nothing in ["/apiquery?url=x", "/api/api/query?url=x", "/api/nothing"] {
        world.get(nothing).await.check_error(404, "NOT_FOUND");
    }
    let options = world.exchange("OPTIONS /api/search HTTP/1.1", b"").await;
    assert!(
        options.status == 204 && options.head.contains("allow: get, head, post, options"),
        "{}",
        options.head
    );
    // One endpoint in the figures, whichever the path.
    let figures = world.get("/metrics").await.body;
    assert!(!figures.contains("path=\"/api"), "{figures}");
}

/// Who shows no key is served too; each way to show one is named.
#[tokio::test]
async fn keys_and_uploads_are_described() {
    let document = World::new(FakeBroker::default()).await.get("/openapi.json").await.json();
    assert_eq!(document["security"], serde_json::json!([{}, { "bearer": [] }, { "api_key": [] }]));
    let schemes = &document["components"]["securitySchemes"];
    assert_eq!(
        (&schemes["bearer"]["scheme"], &schemes["api_key"]["name"]),
        (&"bearer".into(), &"X-API-Key".into())
    );
    let bodies = &document["paths"]["/search"]["post"]["requestBody"]["content"];
    assert_eq!(bodies["application/octet-stream"]["schema"]["format"], "binary");
    let form = bodies["multipart/form-data"]["schema"]["$ref"].as_str().unwrap();
    let form = document.pointer(form.trim_start_matches('#')).unwrap();
    assert_eq!(form["properties"]["image"]["format"], "binary");
    let example = &document["paths"]["/query"]["get"]["responses"]["200"]["content"]["application/json"];
    assert_eq!(mismatch(&document, &example["schema"], &example["example"], ""), None);
    for path in ["/query", "/search", "/stats"] {
        let after = &document["paths"][path]["get"]["responses"]["503"]["headers"]["Retry-After"];
        assert_eq!(after["schema"]["type"], "integer", "{path}");
    }
}

/// The description as it was last released: a difference is a change of the public contract.
#[tokio::test]
async fn the_description_is_the_pinned_one() {
    let document = World::new(FakeBroker::default()).await.get("/openapi.json").await.json();
    let text = serde_json::to_string_pretty(&document).unwrap() + "\n";
    if std::env::var_os("AOTF_TEST_UPDATE").is_some() {
        std::fs::write(concat!(env!("CARGO_MANIFEST_DIR"), "/src/api/golden/openapi.json"), &text).unwrap();
        return;
    }
    let pinned = include_str!("../../../api/golden/openapi.json");
    let differs = pinned.lines().zip(text.lines()).find(|(pinned, now)| pinned != now);
    assert!(text == pinned, "/openapi.json differs from src/api/golden/openapi.json: {differs:?}");
}

/// Patterns, help and the clients' types name the networks, where the compiler does not find them.
#[test]
fn the_texts_name_every_network() {
    for text in [
        include_str!("../../../api/golden/openapi.json"),
        include_str!("../../../api/requests.rs"),
        include_str!("../../../proto/command.rs"),
        include_str!("../../../../parameters.sample.toml"),
        include_str!("../../../../clients/javascript/index.d.ts"),
        include_str!("../../../../clients/javascript/examples/crawling.js"),
        include_str!("../../../../clients/python/src/aotf_client/_types.py"),
        include_str!("../../../../clients/python/examples/crawling.py"),
    ] {
        let lists = text.lines().filter(|line| line.contains("twitter") && line.contains("bluesky"));
        let lacking: Vec<&str> = lists
            .filter(|line| !Network::ALL.iter().all(|network| line.contains(network.as_str())))
            .collect();
        assert!(lacking.is_empty(), "{lacking:#?}");
    }
}

/// The numbers that the texts promise are those that are kept.
#[tokio::test]
async fn the_texts_name_the_limits() {
    let document = World::new(FakeBroker::default()).await.get("/openapi.json").await.body;
    let manual = include_str!("../../../../docs/http-api.md");
    let page = format!("{} characters", limits::MAX_URL_CHARS);
    let batch = format!("p to {}", limits::MAX_BATCH);
    let age = limits::STATS_AGE.as_secs();
    for (text, promise) in [
        (&*document, &page),
        (manual, &page),
        (&document, &format!("{batch} queries")),
        (&document, &format!("{batch} `id`s")),
        (&document, &format!("pages, {} at most", limits::MAX_BATCH)),
        (manual, &format!("{batch} queries")),
        (&document, &format!("up to {age} seconds old")),
        (manual, &format!("up to {age} s old")),
    ] {
        assert!(text.contains(promise), "{promise:?} is not said");
    }
}

/// The codes that the API can answer are all in its list, and each is said in both languages.
#[tokio::test]
async fn every_code_is_explained() {
    let world = World::new(FakeBroker::default()).await;
    let list = world.get("/errors").await.json();
    let entries = list.as_array().unwrap();
    assert_eq!(entries.len(), FailureCode::ALL.len() + ErrorCode::ALL.len());
    for entry in entries {
        let code = entry["code"].as_str().unwrap();
        for language in ["en", "fr"] {
            let meaning = entry["meaning"][language].as_str().unwrap();
            assert!(meaning.len() > 10 && !meaning.starts_with("error."), "{code} {language}: {meaning}");
        }
    }
}

/// The page shows every endpoint and every code, and fetches nothing from elsewhere.
#[tokio::test]
async fn the_documentation_page_is_complete_and_alone() {
    let world = World::new(FakeBroker::default()).await;
    let page = world.get("/docs").await;
    assert!(page.head.contains("content-security-policy: default-src 'none'; style-src 'self'"));
    for path in ENDPOINTS.keys().filter(|path| !is_of_the_page(path)) {
        assert!(page.body.contains(&format!(" {path}</code>")), "{path}");
    }
    for (code, _) in codes() {
        assert!(page.body.contains(code), "{code}");
    }
    for attribute in page.body.split(" href=\"").skip(1).chain(page.body.split(" src=\"").skip(1)) {
        assert!(attribute.starts_with(['/', '#']), "{}", &attribute[..attribute.len().min(60)]);
    }
}

/// `/docs` is in the language of the address, else in the browser's; what programs read is the same in both.
#[tokio::test]
async fn the_documentation_page_speaks_the_readers_language() {
    let world = World::new(FakeBroker::default()).await;
    let english = world.get("/docs").await;
    assert!(english.head.contains("vary: accept-language"), "{}", english.head);
    assert!(english.body.contains("<html lang=\"en\">"));
    assert!(english.body.contains("<a href=\"/docs?lang=fr\" hreflang=\"fr\" lang=\"fr\">Français</a>"));
    assert!(!english.body.contains("<span lang="), "English on an English page is not marked");
    let french = world.get("/docs?lang=fr").await;
    assert!(french.body.contains("<html lang=\"fr\">"));
    for text in [
        "<strong>Lancer une recherche par image</strong>",
        "<small>facultatif</small>",
        "<dt>sinon</dt>",
        "Codes d'erreur",
        "Cette clé d'API n'est pas connue ici.",
    ] {
        assert!(french.body.contains(&text.replace('\'', "&apos;")), "{text}");
    }
    // What is said of fields is not translated, and is marked as English for those who hear the page.
    assert!(french.body.contains("<span lang=\"en\">When it was posted, RFC 3339.</span>"));
    assert!(
        ![">docs.", " docs."].iter().any(|key| french.body.contains(key)),
        "a word of the frame is missing"
    );
    let code = |page: &str| page.matches("<code>").count();
    assert_eq!(code(&english.body), code(&french.body));
    let by_browser = world.exchange("GET /docs HTTP/1.1\r\nAccept-Language: fr-CH, en;q=0.5", b"").await;
    assert_eq!(by_browser.body, french.body);
    let chosen = world.exchange("GET /docs?lang=en HTTP/1.1\r\nAccept-Language: fr", b"").await;
    assert_eq!(chosen.body, english.body);
}
