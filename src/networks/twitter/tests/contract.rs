//! Holds requests against the OpenAPI documents that X publishes, where they are at hand: their license keeps
//! them out of the repository.

use std::sync::OnceLock;

use serde_json::Value;
use url::Url;

use crate::base::{Timestamp, material};

/// The older contract, with `tweet.fields`, and the newer one, with `post.fields`.
const OLDER: &str = "openapi.2.159-xdk-2026-02-27.json";
const NEWER: &str = "openapi.2.167-xdk-2026-07-21.json";

/// Fails unless `url` is a request that X's published contract allows: the newer one if it uses its
/// names, the older one if it uses the older names, both where it uses neither.
#[track_caller]
pub fn check_request(url: &Url) {
    let Some((older, newer)) = documents() else { return };
    let uses = |name: &str| url.query_pairs().any(|(key, _)| key == name);
    if !uses("post.fields") {
        check_against(older, url);
    }
    if !uses("tweet.fields") {
        check_against(newer, url);
    }
}

/// Ignored where the documents are not at hand: no test of this folder holds its requests against them then.
#[test]
#[cfg_attr(not(material), ignore = "needs AOTF_TEST_MATERIAL")]
#[should_panic(expected = "no parameter usernames_")]
fn a_parameter_that_x_does_not_publish_fails_its_test() {
    check_request(&Url::parse("https://api.x.com/2/users/by?usernames_=ann").unwrap());
}

fn documents() -> Option<&'static (Value, Value)> {
    static DOCUMENTS: OnceLock<(Value, Value)> = OnceLock::new();
    let load = |name| {
        let bytes =
            std::fs::read(material::outside("../contracts/x").join(name)).expect("X's contract is there");
        serde_json::from_slice(&bytes).expect("a contract is JSON")
    };
    cfg!(material).then(|| DOCUMENTS.get_or_init(|| (load(OLDER), load(NEWER))))
}

#[track_caller]
fn check_against(document: &Value, url: &Url) {
    let operation = find_operation(document, url.path());
    let declared: Vec<&Value> = operation["parameters"]
        .as_array()
        .expect("an operation has parameters")
        .iter()
        .map(|parameter| follow(document, parameter))
        .collect();
    for (name, value) in url.query_pairs() {
        let parameter = declared
            .iter()
            .find(|parameter| parameter["in"] == "query" && parameter["name"] == *name)
            .unwrap_or_else(|| panic!("{url}: no parameter {name}"));
        check_value(document, follow(document, &parameter["schema"]), &name, &value);
    }
    for parameter in declared.iter().filter(|parameter| parameter["in"] == "query") {
        let name = parameter["name"].as_str().expect("a parameter has a name");
        let times = url.query_pairs().filter(|(key, _)| key == name).count();
        assert!(times <= 1, "{url}: {name} is given {times} times");
        assert!(times == 1 || parameter["required"] != true, "{url}: {name} is missing");
    }
}

#[track_caller]
fn check_value(document: &Value, schema: &Value, name: &str, value: &str) {
    let bound = |key: &str| schema[key].as_u64();
    match schema["type"].as_str() {
        Some("array") => {
            let items: Vec<&str> = value.split(',').collect();
            let count = u64::try_from(items.len()).unwrap();
            assert!(bound("minItems").is_none_or(|least| count >= least), "{name}: {count} items");
            assert!(bound("maxItems").is_none_or(|most| count <= most), "{name}: {count} items");
            for item in items {
                check_value(document, follow(document, &schema["items"]), name, item);
            }
        }
        Some("integer") => {
            let number: u64 = value.parse().unwrap_or_else(|_| panic!("{name}={value} is no number"));
            assert!(bound("minimum").is_none_or(|least| number >= least), "{name}={value}");
            assert!(bound("maximum").is_none_or(|most| number <= most), "{name}={value}");
        }
        Some("string") => {
            let length = u64::try_from(value.len()).unwrap();
            assert!(bound("minLength").is_none_or(|least| length >= least), "{name}={value}");
            assert!(bound("maxLength").is_none_or(|most| length <= most), "{name}={value}");
            if let Some(allowed) = schema["enum"].as_array() {
                assert!(allowed.iter().any(|one| one == value), "{name}: {value} is not allowed");
            }
            if schema["format"] == "date-time" {
                assert!(Timestamp::parse_rfc3339(value).is_some(), "{name}={value} is no date");
            }
            match schema["pattern"].as_str() {
                None => {}
                Some("^[0-9]{1,19}$") => {
                    assert!((1..=19).contains(&length) && value.bytes().all(|byte| byte.is_ascii_digit()));
                }
                Some("^[A-Za-z0-9_]{1,15}$") => {
                    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
                    assert!((1..=15).contains(&length) && value.bytes().all(allowed), "{name}={value}");
                }
                Some(other) => panic!("{name}: teach this test the pattern {other}"),
            }
        }
        other => panic!("{name}: teach this test the type {other:?}"),
    }
}

/// The GET of the path, of which `{...}` segments stand for anything.
#[track_caller]
fn find_operation<'a>(document: &'a Value, path: &str) -> &'a Value {
    let asked: Vec<&str> = path.split('/').collect();
    let matches = |template: &str| {
        let segments: Vec<&str> = template.split('/').collect();
        segments.len() == asked.len()
            && segments
                .iter()
                .zip(&asked)
                .all(|(segment, asked)| segment.starts_with('{') || segment == asked)
    };
    let paths = document["paths"].as_object().expect("a contract has paths");
    // A literal path passes before a template.
    let found =
        paths.get(path).or_else(|| paths.iter().find(|(template, _)| matches(template)).map(|(_, it)| it));
    let operation = &found.unwrap_or_else(|| panic!("no path {path}"))["get"];
    assert!(operation.is_object(), "{path} cannot be read");
    operation
}

fn follow<'a>(document: &'a Value, mut value: &'a Value) -> &'a Value {
    while let Some(reference) = value["$ref"].as_str() {
        value = document.pointer(reference.trim_start_matches('#')).expect("a reference leads somewhere");
    }
    value
}
