//! Whether a key works, by the one question that reads no post and no user, and so costs nothing: how much
//! the key's project has read.

use serde::Deserialize;
use serde_json::Value;
use url::Url;

use super::problem::{self, Meaning};
use super::wire::Answer;
use crate::base::Timestamp;
use crate::config::Secret;
use crate::fetch::{Fetch, FetchError, Request, json};

/// What X says of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyState {
    Works(Usage),
    /// Wrong, withdrawn, or of an app that may not use the API.
    Refused {
        why: String,
    },
    /// All that was paid for has been read.
    UsedUp {
        why: String,
    },
    /// Asked too often lately; the key itself was not refused.
    Limited,
    /// Anything else that X may answer.
    Odd {
        why: String,
    },
}

/// What the key's project has read in this billing period; `None` where X does not say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Posts.
    pub read: Option<u64>,
    /// Posts that may be read.
    pub cap: Option<u64>,
    /// Day of the month on which the period ends.
    pub reset_day: Option<u64>,
}

/// Asks X about one key, once. Also gives X's time, by which the machine's clock can be judged.
///
/// # Errors
/// X could not be asked.
pub fn check_key(
    fetch: &dyn Fetch,
    api_url: &str,
    key: &Secret,
) -> Result<(KeyState, Option<Timestamp>), FetchError> {
    let address = format!("{api_url}/2/usage/tweets?usage.fields=cap_reset_day,project_cap,project_usage");
    let url = Url::parse(&address)
        .map_err(|error| FetchError::Forbidden { url: address.clone(), why: error.to_string() })?;
    let request = Request::get(url)
        .header("authorization", format!("Bearer {}", key.reveal()))
        .max_redirects(0)
        .retries(0);
    let response = fetch.fetch(request)?;
    let date = response.header("date").and_then(Timestamp::parse_http_date);
    Ok((state_of(response.status, &response.body), date))
}

fn state_of(status: u16, body: &[u8]) -> KeyState {
    if (200..300).contains(&status) {
        return match json::parse::<Envelope>(body) {
            Ok(Envelope { data }) => KeyState::Works(Usage {
                read: number(&data.project_usage),
                cap: number(&data.project_cap),
                reset_day: number(&data.cap_reset_day),
            }),
            Err(error) => KeyState::Odd { why: format!("not the API's answer: {error}") },
        };
    }
    let answer: Option<Answer> = json::parse(body).ok();
    let why = problem::explain(status, answer.as_ref());
    match problem::of_answer(status, answer.as_ref()) {
        Meaning::Unauthorized | Meaning::NotVisible => KeyState::Refused { why },
        Meaning::UsageCapped => KeyState::UsedUp { why },
        Meaning::RateLimited => KeyState::Limited,
        Meaning::NotFound | Meaning::Suspended | Meaning::Invalid | Meaning::Fault => KeyState::Odd { why },
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Envelope {
    data: Fields,
}

/// Numbers, which X sends as text here and as numbers there.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Fields {
    project_usage: Value,
    project_cap: Value,
    cap_reset_day: Value,
}

fn number(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_str()?.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(status: u16, body: &str, expect: &KeyState) {
        assert_eq!(&state_of(status, body.as_bytes()), expect, "{body}");
    }

    #[test]
    fn what_x_says_of_a_key() {
        let usage = Usage { read: Some(51_200), cap: Some(2_000_000), reset_day: Some(8) };
        let both_forms = r#"{"data":{"cap_reset_day":8,"project_cap":"2000000","project_usage":51200}}"#;
        check(200, both_forms, &KeyState::Works(usage));
        check(200, "{}", &KeyState::Works(Usage::default()));
        check(
            401,
            r#"{"title":"Unauthorized"}"#,
            &KeyState::Refused { why: "status 401: Unauthorized".into() },
        );
        let not_enrolled = r#"{"type":"https://api.twitter.com/2/problems/client-forbidden","detail":"d"}"#;
        check(403, not_enrolled, &KeyState::Refused { why: "status 403: d".into() });
        let capped = r#"{"title":"UsageCapExceeded"}"#;
        check(429, capped, &KeyState::UsedUp { why: "status 429: UsageCapExceeded".into() });
        check(429, "", &KeyState::Limited);
        check(503, "<html>", &KeyState::Odd { why: "status 503".into() });
        assert!(matches!(state_of(200, b"<html>"), KeyState::Odd { .. }));
    }
}
