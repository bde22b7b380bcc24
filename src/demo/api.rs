//! The demo as a client of the daemon's HTTP API. Reads answers leniently: what is missing is empty.

use std::time::Duration;

use serde::Deserialize;

/// For one request other than the stream of events.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);
/// Between two questions where the daemon does not push.
const POLL_PERIOD: Duration = Duration::from_millis(50);

/// The answer of `/query`, as far as the demo shows it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Answer {
    /// `null` where the query was refused.
    pub status: Option<String>,
    pub twitter_accounts: Vec<AccountEntry>,
    pub results: Vec<ResultEntry>,
    pub error: Option<String>,
    pub error_detail: Option<String>,
    pub steps: Vec<StepEntry>,
    pub posts_indexed: Option<u64>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct AccountEntry {
    pub account_name: String,
    pub account_id: String,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct ResultEntry {
    pub tweet_id: String,
    pub account_id: String,
    /// `2/4`.
    pub image_position: String,
    /// In bits.
    pub distance: u32,
    pub account_name: Option<String>,
    pub url: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct StepEntry {
    /// A status such as `LINK_FINDER`.
    pub step: String,
    pub ms: u64,
}

impl Answer {
    /// Nothing more will come.
    pub fn is_final(&self) -> bool {
        self.error.is_some() || self.status.as_deref() == Some("END")
    }

    /// Time spent in a step, if the daemon says so.
    pub fn step_ms(&self, step: &str) -> Option<u64> {
        self.steps.iter().find(|entry| entry.step == step).map(|entry| entry.ms)
    }
}

/// The daemon did not answer as it should.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    #[error("could not prepare requests to the daemon")]
    Client { source: reqwest::Error },
    #[error("the daemon did not answer {url}")]
    Request { url: String, source: reqwest::Error },
    #[error("the daemon answered {url} with status {status}: {body}")]
    Status { url: String, status: u16, body: String },
    #[error("the daemon's answer to {url} cannot be read: {body}")]
    Unreadable { url: String, body: String, source: serde_json::Error },
}

/// A client of the daemon at one address.
pub struct Api {
    client: reqwest::Client,
    base: String,
}

impl Api {
    /// For `http://127.0.0.1:{port}`, whatever proxies the environment names.
    pub fn new(port: u16) -> Result<Api, ApiError> {
        // Fails where one is installed already, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client =
            reqwest::Client::builder().no_proxy().build().map_err(|source| ApiError::Client { source })?;
        Ok(Api { client, base: format!("http://127.0.0.1:{port}") })
    }

    /// Without a closing slash.
    pub fn base(&self) -> &str {
        &self.base
    }

    /// True once the daemon can take queries.
    pub async fn is_ready(&self) -> bool {
        let answer = self.client.get(format!("{}/readyz", self.base)).timeout(REQUEST_TIMEOUT).send().await;
        answer.is_ok_and(|answer| answer.status().as_u16() == 200)
    }

    /// Asks for a page and follows the query to its end; `each` sees every answer, the last one too.
    pub async fn follow(&self, page: &str, mut each: impl FnMut(&Answer)) -> Result<Answer, ApiError> {
        let answer = self.ask(page).await?;
        each(&answer);
        if answer.is_final() {
            return Ok(answer);
        }
        if let Some(answer) = self.listen(page, &mut each).await? {
            return Ok(answer);
        }
        loop {
            tokio::time::sleep(POLL_PERIOD).await;
            let answer = self.ask(page).await?;
            each(&answer);
            if answer.is_final() {
                return Ok(answer);
            }
        }
    }

    async fn ask(&self, page: &str) -> Result<Answer, ApiError> {
        let url = self.address("query", page);
        let failed = |source| ApiError::Request { url: url.clone(), source };
        let answer = self.client.get(&url).timeout(REQUEST_TIMEOUT).send().await.map_err(failed)?;
        let status = answer.status().as_u16();
        let body = answer.text().await.map_err(failed)?;
        if status != 200 {
            return Err(ApiError::Status { url, status, body });
        }
        read(&url, &body)
    }

    /// The stream of events to its final answer; `None` if the daemon has no such stream or it broke off.
    async fn listen(&self, page: &str, each: &mut impl FnMut(&Answer)) -> Result<Option<Answer>, ApiError> {
        let url = self.address("query/events", page);
        let Ok(mut stream) = self.client.get(&url).send().await else { return Ok(None) };
        let content_type = stream.headers().get("content-type").and_then(|value| value.to_str().ok());
        let pushes = content_type.is_some_and(|value| value.starts_with("text/event-stream"));
        if stream.status().as_u16() != 200 || !pushes {
            return Ok(None);
        }
        let mut events = Events::default();
        while let Ok(Some(chunk)) = stream.chunk().await {
            for event in events.push(&chunk) {
                let answer = read(&url, &event)?;
                each(&answer);
                if answer.is_final() {
                    return Ok(Some(answer));
                }
            }
        }
        Ok(None)
    }

    fn address(&self, endpoint: &str, page: &str) -> String {
        let page: String = url::form_urlencoded::byte_serialize(page.as_bytes()).collect();
        format!("{}/{endpoint}?url={page}", self.base)
    }
}

fn read(url: &str, body: &str) -> Result<Answer, ApiError> {
    serde_json::from_str(body).map_err(|source| ApiError::Unreadable {
        url: url.to_owned(),
        body: body.chars().take(200).collect(),
        source,
    })
}

/// Server-sent events out of pieces of any size.
#[derive(Default)]
struct Events {
    /// What came since the last line end.
    line: Vec<u8>,
    data: Vec<String>,
}

impl Events {
    /// The data of the events that this piece completes.
    fn push(&mut self, piece: &[u8]) -> Vec<String> {
        let mut complete = Vec::new();
        for byte in piece {
            if *byte != b'\n' {
                self.line.push(*byte);
                continue;
            }
            let line = String::from_utf8_lossy(&self.line).into_owned();
            self.line.clear();
            let line = line.trim_end_matches('\r');
            if let Some(data) = line.strip_prefix("data:") {
                self.data.push(data.strip_prefix(' ').unwrap_or(data).to_owned());
            } else if line.is_empty() && !self.data.is_empty() {
                complete.push(std::mem::take(&mut self.data).join("\n"));
            }
        }
        complete
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_come_in_any_pieces() {
        let stream = b": comment\r\nid: 1\r\ndata: {\"a\":\r\ndata: 1}\r\n\r\nevent: x\ndata:2\n\n\n";
        for size in [1, 3, 1000] {
            let mut events = Events::default();
            let got: Vec<String> = stream.chunks(size).flat_map(|piece| events.push(piece)).collect();
            assert_eq!(got, ["{\"a\":\n1}", "2"]);
        }
    }

    #[test]
    fn answers_are_read_leniently() {
        let answer = read("u", r#"{"status":null,"error":"NOT_AN_URL","results":[],"news":7}"#).unwrap();
        assert!(answer.is_final());
        let text = r#"{"status":"END","twitter_accounts":[{"account_name":"a","account_id":"1","chain":[]}],
            "results":[{"tweet_id":"2","account_id":"1","image_position":"1/4","distance":2,"account_name":null}],
            "error":null,"error_detail":null,"steps":[{"step":"LINK_FINDER","ms":12}],"posts_indexed":null}"#;
        let answer = read("u", text).unwrap();
        assert_eq!(answer.step_ms("LINK_FINDER"), Some(12));
        assert_eq!(answer.results[0].distance, 2);
        assert!(read("u", "<html>").is_err());
    }
}
