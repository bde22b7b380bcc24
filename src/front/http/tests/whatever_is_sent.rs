//! Whatever is sent gets an answer.

use proptest::prelude::*;
use serde_json::Value;

use super::world::World;
use crate::front::fake::FakeBroker;
use crate::front::http::router::ENDPOINTS;

/// Targets between what is meant and nonsense.
fn target() -> impl Strategy<Value = String> {
    let path = prop_oneof![
        8 => prop::sample::select(ENDPOINTS.keys().cloned().collect::<Vec<_>>()),
        2 => "/[!-~]{0,40}",
    ];
    let name =
        prop::sample::select(vec!["url", "ids", "identifier", "account_name", "lang", "webhook", "v", ""]);
    let value = prop_oneof!["[!-~]{0,300}", "https?://[!-~]{0,80}", "(%[0-9A-Fa-f]{2}|[a-z,&=+]){0,60}"];
    (path, prop::collection::vec((name, value), 0..4)).prop_map(|(path, pairs)| {
        let query: Vec<String> = pairs.iter().map(|(name, value)| format!("{name}={value}")).collect();
        if query.is_empty() { path } else { format!("{path}?{}", query.join("&")) }
    })
}

fn header() -> impl Strategy<Value = String> {
    let name = prop::sample::select(vec![
        "Accept",
        "Accept-Language",
        "Authorization",
        "Content-Type",
        "Forwarded",
        "Last-Event-ID",
        "Origin",
        "X-API-Key",
        "X-Forwarded-For",
    ]);
    let value = prop_oneof![
        3 => "[ -~]{0,80}",
        1 => prop::sample::select(vec![
            "text/html".to_owned(), "multipart/form-data; boundary=X".to_owned(), "application/json".to_owned(),
            "Bearer x".to_owned(), "192.0.2.1".to_owned(), "fr".to_owned(), "9".to_owned(),
        ]),
    ];
    (name, value).prop_map(|(name, value)| format!("\r\n{name}: {value}"))
}

fn body() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        Just(Vec::new()),
        prop::collection::vec(any::<u8>(), 0..1500),
        "--X\r\n(Content-Disposition: form-data; name=\"(url|image)\"\r\n\r\n)?[ -~]{0,50}(\r\n--X--)?"
            .prop_map(String::into_bytes),
        "\\{\"(url|urls)\": ?(\"[a-z:/.]{0,30}\"|\\[\"[a-z:/.]{0,30}\"\\])\\}".prop_map(String::into_bytes),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    /// Every request gets a whole response of a known status; none is a fault of the server, and what
    /// is not a page, an asset or a text is JSON.
    #[test]
    fn is_answered(
        method in prop::sample::select(vec!["GET", "POST", "HEAD", "OPTIONS", "PUT", "DELETE", "PATCH", "TRACE"]),
        target in target(),
        headers in prop::collection::vec(header(), 0..4),
        body in body(),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let reply = runtime.block_on(async {
            let world = World::new(FakeBroker::default()).await;
            let head = format!("{method} {target} HTTP/1.1{}", headers.concat());
            world.exchange(&head, &body).await
        });
        let known = [200, 204, 303, 400, 401, 403, 404, 405, 413, 415, 429];
        prop_assert!(known.contains(&reply.status), "{}\n{}", reply.head, reply.body);
        if reply.head.contains("content-type: application/json") && method != "HEAD" {
            prop_assert!(serde_json::from_str::<Value>(&reply.body).is_ok(), "{}", reply.body);
        }
        // hyper itself answers what is no HTTP.
        if reply.status != 400 || !reply.body.is_empty() {
            prop_assert!(reply.head.contains("x-content-type-options: nosniff"), "{}", reply.head);
        }
    }
}
