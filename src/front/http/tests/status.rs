//! Figures, health, and metrics.

use std::sync::atomic::Ordering;

use serde_json::{Value, json};

use super::callers::api_key;
use super::world::World;
use crate::front::fake::{FakeBroker, sample_stats};
use crate::proto::front::FrontAnswer;
use crate::proto::view::ProblemView;

#[tokio::test]
async fn figures_are_cached_and_limits_are_the_callers_own() {
    let mut later = sample_stats();
    later.store.posts += 1;
    let world =
        World::new(FakeBroker::answering([FrontAnswer::Stats(sample_stats()), FrontAnswer::Stats(later)]))
            .await;
    let first = "{\"indexed_tweets_count\":1234,\"indexed_accounts_count\":3,\"processing_user_requests_count\":2,\
                 \"processing_scan_requests_count\":1,\"pending_tweets_count\":5,\
                 \"spent_today_usd\":1.25,\"spent_month_usd\":20.0,\"left_today_usd\":3.75,\"budget_day_usd\":5.0,\
                 \"budget_month_usd\":null,\"deferred_scans_count\":1,\"index_percent\":25,\
                 \"images_with_parts_count\":1500,\"parts_bytes\":2700000}";
    assert_eq!(world.get("/stats").await.body, first);
    world.clock.store(2999, Ordering::SeqCst);
    assert_eq!(world.get("/stats").await.body, first);
    world.clock.store(3000, Ordering::SeqCst);
    assert_eq!(world.get("/stats").await.json()["indexed_tweets_count"], 1235);
    assert_eq!(world.broker.asked().len(), 2);

    assert_eq!(
        world.get("/config").await.body,
        "{\"limit_per_ip_address\":10,\"ip_can_bypass_limit\":true,\"ip_can_use_advanced\":true,\
         \"update_accounts_frequency\":30,\"max_illust_url_size\":256,\"networks\":[\"bluesky\",\"mastodon\",\"misskey\"]}"
    );
    let other = world.get_as("192.0.2.1", "/config").await.json();
    assert_eq!(
        (&other["ip_can_bypass_limit"], &other["ip_can_use_advanced"]),
        (&false.into(), &false.into())
    );
}

#[tokio::test]
async fn what_is_spent_is_told_to_those_who_work_for_the_server() {
    let world = World::with(FakeBroker::default(), |settings| {
        settings.api_keys =
            vec![api_key("bot", "key-of-the-bot", true), api_key("app", "key-of-the-app", false)];
        settings.http.monitor_ips = vec!["198.51.100.7/32".parse().unwrap()];
        settings.limits.advanced_ips = vec!["198.51.100.8".parse().unwrap()];
    })
    .await;
    let stats = async |ip: &str, key: &str| {
        let key = if key.is_empty() { String::new() } else { format!("\r\nX-API-Key: {key}") };
        world.exchange(&format!("GET /stats HTTP/1.1\r\nX-Forwarded-For: {ip}{key}"), b"").await.json()
    };
    for (ip, key, told) in [
        ("192.0.2.1", "", false),
        ("198.51.100.7", "", true),
        ("198.51.100.8", "", true),
        ("192.0.2.1", "key-of-the-bot", true),
        ("192.0.2.1", "key-of-the-app", false),
        // Whoever shows a key is known by it, and no longer by the address.
        ("198.51.100.8", "key-of-the-app", false),
    ] {
        let stats = stats(ip, key).await;
        for (name, value) in [
            ("spent_today_usd", json!(1.25)),
            ("spent_month_usd", json!(20.0)),
            ("left_today_usd", json!(3.75)),
            ("budget_day_usd", json!(5.0)),
        ] {
            assert_eq!(stats[name], if told { value } else { Value::Null }, "{ip} {key}: {name}");
        }
        assert_eq!(
            (&stats["indexed_tweets_count"], &stats["deferred_scans_count"]),
            (&json!(1234), &json!(1))
        );
    }
}

#[tokio::test]
async fn readiness_tells_what_is_wrong() {
    let what = "the database has to wait: /srv/aotf is full";
    let problem = |blocking| ProblemView { what: what.to_owned(), since_ms: 7, blocking };
    let health = |problems| FrontAnswer::Health(problems);
    let answers = [health(vec![]), health(vec![problem(false)]), health(vec![problem(true)])];
    let world = World::new(FakeBroker::answering(answers)).await;
    let ready = world.get_as("192.0.2.1", "/readyz").await;
    assert_eq!((ready.status, ready.body.as_str()), (200, "{\"status\":\"ready\",\"problems\":[]}"));
    assert_eq!(
        world.get_as("192.0.2.1", "/readyz").await.json()["problems"],
        serde_json::json!([]),
        "kept for a moment"
    );
    world.clock.store(1000, Ordering::SeqCst);
    let unwell = world.get_as("192.0.2.1", "/readyz").await;
    assert_eq!(
        (unwell.status, &unwell.json()["problems"][0]["what"]),
        (200, &"the database has to wait".into())
    );
    world.clock.store(2000, Ordering::SeqCst);
    let blocked = world.get_as("192.0.2.1", "/readyz").await;
    assert_eq!((blocked.status, &blocked.json()["status"]), (503, &"not ready".into()));
}

#[tokio::test]
async fn metrics_and_details_are_for_those_who_watch() {
    let world = World::new(FakeBroker::default()).await;
    world.get_as("192.0.2.1", "/metrics").await.check_error(403, "FORBIDDEN");
    assert_eq!(world.get_as("192.0.2.1", "/readyz").await.body, "{\"status\":\"ready\",\"problems\":[]}");
    let ready = world.get("/readyz").await.json();
    assert_eq!(ready["details"]["database_bytes"], 4096);

    world.get("/query?url=").await;
    let text = world.get("/metrics").await.body;
    for line in [
        "aotf_broker_up 1",
        "aotf_http_requests_total{path=\"/query\",status=\"200\"} 1",
        "aotf_http_requests_total{path=\"/metrics\",status=\"403\"} 1",
        "aotf_posts 1234",
        "aotf_database_bytes 4096",
        "aotf_query_errors_total{code=\"NOT_AN_URL\"} 2",
        "aotf_process_starts_total{role=\"listing\"} 3",
        "aotf_webhook_deliveries_waiting 1",
        "aotf_site_pages{site=\"furaffinity\",outcome=\"changed\"} 5",
        "aotf_site_changed{site=\"furaffinity\"} 1",
        "aotf_found_posts_total{distance=\"named\"} 3",
        "aotf_found_posts_total{distance=\"7 days\"} 4",
        "aotf_media_counts_total{outcome=\"contradicted\"} 1",
        "aotf_media_counts_trusted 0",
        "aotf_api_spent_usd{period=\"day\"} 1.25",
        "aotf_api_left_usd{period=\"day\"} 3.75",
        "aotf_api_reads{kind=\"posts\",period=\"month\"} 3900",
        "aotf_step_duration_seconds_bucket{step=\"LINK_FINDER\",le=\"0.001\"} 1",
        "aotf_step_duration_seconds_bucket{step=\"LINK_FINDER\",le=\"+Inf\"} 3",
        "aotf_step_duration_seconds_sum{step=\"LINK_FINDER\"} 0.006",
        "aotf_step_duration_seconds_count{step=\"LINK_FINDER\"} 3",
    ] {
        assert!(text.lines().any(|found| found == line), "{line} is missing in\n{text}");
    }
    assert!(!text.contains("{}"), "{text}");

    // What the dashboard and the rules read is there, and what is there is explained.
    let names = |text: &str| -> std::collections::BTreeSet<String> {
        let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
        let names = words.filter(|word| word.starts_with("aotf_"));
        names
            .map(|name| {
                ["_bucket", "_sum", "_count"].iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name)
            })
            .map(str::to_owned)
            .collect()
    };
    let measured = names(&text);
    for (file, content) in [
        ("grafana-dashboard.json", include_str!("../../../../config/grafana-dashboard.json")),
        ("prometheus-alerts.yml", include_str!("../../../../config/prometheus-alerts.yml")),
    ] {
        let unknown: Vec<String> = names(content).difference(&measured).cloned().collect();
        assert!(unknown.is_empty(), "{file} reads what is not measured: {unknown:?}");
    }
    let explained = names(include_str!("../../../../docs/operations.md"));
    let unexplained: Vec<&String> = measured.difference(&explained).collect();
    assert!(unexplained.is_empty(), "not in docs/operations.md: {unexplained:?}");

    let away = World::new(FakeBroker::away()).await.get("/metrics").await;
    assert_eq!(away.status, 200);
    assert!(away.body.contains("aotf_broker_up 0") && !away.body.contains("aotf_posts "), "{}", away.body);
}
