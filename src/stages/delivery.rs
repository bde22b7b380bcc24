//! Final answers, and what watches have heard of, to webhooks: signed, sent, and tried again while the
//! receiver cannot take them.
//!
//! ```text
//! POST the webhook's URL            body: the JSON that GET /query answers, or what a watch has heard of
//! X-AOTF-Event: answer              which of the two: `answer`, or `post`
//! X-AOTF-Delivery: 19a3f-2c         the same for every attempt: a repetition is known by it
//! X-AOTF-Timestamp: 1789000000      when this attempt was made, seconds since 1970
//! X-AOTF-Signature: sha256=HEX      HMAC-SHA256, by the webhook's secret, of "TIMESTAMP.BODY"
//! ```

use std::sync::Arc;

use bytes::Bytes;
use ring::hmac;
use url::Url;

use super::worker::{Lease, StageError, StageWorker, unexpected_work};
use crate::base::{Reaction, Timestamp};
use crate::config::Webhook;
use crate::domain::failure::FailureCode;
use crate::fetch::{Fetch, Method, Request};
use crate::proto::view::QueryView;
use crate::proto::work::{StageOutput, WatchedPost, Work};

/// What a receiver answers is not read beyond this; its status is what counts.
const MAX_REPLY_BYTES: u64 = 64 * 1024;

/// Where one webhook's answers go.
pub struct Receiver {
    pub webhook: Webhook,
    /// A way out that may reach the webhook's own host, also a private one: its address is the
    /// operator's, not a stranger's.
    pub fetch: Arc<dyn Fetch>,
}

/// How a body is made of what a watch has heard of.
pub type WritePost = Arc<dyn Fn(&WatchedPost) -> Vec<u8> + Send + Sync>;

/// Delivers one answer at a time.
pub struct Deliveries {
    pub receivers: Arc<Vec<Receiver>>,
    /// The answer as the HTTP API gives it.
    pub answer: fn(&QueryView) -> Vec<u8>,
    /// What a watch has heard of, as the streams of events give it.
    pub post: WritePost,
}

impl StageWorker for Deliveries {
    fn run(&mut self, work: Work, _lease: &Lease<'_>) -> Result<StageOutput, StageError> {
        let told = match &work {
            Work::Deliver(delivery) => {
                self.tell(&delivery.webhook, &delivery.id, "answer", (self.answer)(&delivery.answer))
            }
            Work::Tell(post) => self.tell(&post.webhook, &post.id(), "post", (self.post)(post)),
            _ => return Err(unexpected_work(&work)),
        };
        told.map(|()| StageOutput::Delivered)
    }
}

impl Deliveries {
    fn tell(&self, name: &str, id: &str, event: &str, body: Vec<u8>) -> Result<(), StageError> {
        let given_up = |why: String| StageError::failed(FailureCode::ProcessingError, why);
        let named = |receiver: &&Receiver| receiver.webhook.name == name;
        let Some(receiver) = self.receivers.iter().find(named) else {
            return Err(given_up(format!("there is no webhook {name} any more")));
        };
        let url = Url::parse(&receiver.webhook.url).map_err(|error| given_up(error.to_string()))?;
        let timestamp = (Timestamp::now().0 / 1000).to_string();
        let signature = signature(receiver.webhook.secret.reveal(), &timestamp, &body);
        let mut request = Request::get(url)
            .header("content-type", "application/json")
            .header("x-aotf-event", event)
            .header("x-aotf-delivery", id)
            .header("x-aotf-timestamp", timestamp)
            .header("x-aotf-signature", signature)
            .max_bytes(MAX_REPLY_BYTES)
            .max_redirects(0)
            // The broker tries again, for a day, and others are told meanwhile.
            .retries(0);
        request.method = Method::Post;
        request.body = Some(Bytes::from(body));
        let response = receiver.fetch.fetch(request).map_err(|error| match error.reaction() {
            Reaction::Stop => StageError::Left,
            Reaction::GiveUp => given_up(error.to_string()),
            Reaction::Backoff | Reaction::WaitUntil(_) | Reaction::RetryAfter(_) => {
                StageError::soon(error.to_string())
            }
        })?;
        match response.status {
            200..300 => Ok(()),
            408 | 425 | 429 | 500.. => Err(StageError::soon(format!("it answered {}", response.status))),
            status => Err(given_up(format!("the webhook {name} answered {status}"))),
        }
    }
}

/// `sha256=HEX`: HMAC-SHA256 of `timestamp.body`.
fn signature(secret: &str, timestamp: &str, body: &[u8]) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    let mut context = hmac::Context::with_key(&key);
    context.update(timestamp.as_bytes());
    context.update(b".");
    context.update(body);
    let tag = context.sign();
    let hex: String = tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256={hex}")
}

/// The entry of the table of upstreams that lets requests reach the webhook's own host, whatever its
/// address.
pub fn upstream(webhook: &Webhook) -> Option<(String, String)> {
    let url = Url::parse(&webhook.url).ok()?;
    Some((url.host_str()?.to_owned(), url.origin().ascii_serialization()))
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::config::Secret;
    use crate::fetch::{FetchError, Response};
    use crate::proto::work::Delivery;

    /// Answers with a status, or not at all (0), and keeps what was sent.
    struct FakeReceiver {
        status: u16,
        sent: Mutex<Vec<Request>>,
    }

    impl Fetch for FakeReceiver {
        fn fetch(&self, request: Request) -> Result<Response, FetchError> {
            let url = request.url.clone();
            self.sent.lock().unwrap().push(request);
            match self.status {
                0 => Err(FetchError::Unreachable { host: "bot".to_owned(), why: "down".to_owned() }),
                status => Ok(Response { status, url, headers: vec![], body: Bytes::new() }),
            }
        }

        fn fetch_all(&self, _requests: Vec<Request>) -> Vec<Result<Response, FetchError>> {
            panic!("answers are delivered one by one")
        }
    }

    fn delivery() -> Delivery {
        let answer = QueryView::sample_ended("i", "u");
        Delivery { id: "1-2".to_owned(), webhook: "bot".to_owned(), answer }
    }

    fn deliver(status: u16, name: &str) -> (Result<(), StageError>, Vec<Request>) {
        let receiver = Arc::new(FakeReceiver { status, sent: Mutex::default() });
        let webhook = Webhook {
            name: name.to_owned(),
            url: "http://127.0.0.1:8000/hook?a=1".to_owned(),
            secret: Secret::new("a secret of the two"),
        };
        let receivers = vec![Receiver { webhook, fetch: Arc::clone(&receiver) as _ }];
        let deliveries = Deliveries {
            receivers: Arc::new(receivers),
            answer: |view| view.id.clone().into_bytes(),
            post: Arc::new(|post| post.subject.clone().into_bytes()),
        };
        let Delivery { id, webhook, answer } = delivery();
        let outcome = deliveries.tell(&webhook, &id, "answer", (deliveries.answer)(&answer));
        let sent = std::mem::take(&mut *receiver.sent.lock().unwrap());
        (outcome, sent)
    }

    #[test]
    fn an_answer_is_signed_and_posted_once() {
        let (outcome, sent) = deliver(204, "bot");
        assert_eq!(outcome, Ok(()));
        let [request] = &sent[..] else { panic!("{sent:?}") };
        assert_eq!((request.method, request.url.as_str()), (Method::Post, "http://127.0.0.1:8000/hook?a=1"));
        assert_eq!(
            (request.body.as_deref(), request.max_redirects, request.retries),
            (Some(&b"i"[..]), 0, 0)
        );
        let header = |name: &str| {
            request.headers.iter().find(|(key, _)| *key == name).map(|(_, value)| value.clone()).unwrap()
        };
        assert_eq!(
            (header("x-aotf-delivery"), header("x-aotf-event")),
            ("1-2".to_owned(), "answer".to_owned())
        );
        let expect = signature("a secret of the two", &header("x-aotf-timestamp"), b"i");
        assert_eq!(header("x-aotf-signature"), expect);
    }

    #[test]
    fn the_signature_is_hmac_sha256_of_timestamp_dot_body() {
        // printf '17.{"a":1}' | openssl dgst -sha256 -hmac key
        let expect = "sha256=d3ba6f10f19da4394710a748dca6f7e47d0e9b749037df9a7f34f40df5063979";
        assert_eq!(signature("key", "17", br#"{"a":1}"#), expect);
    }

    #[test]
    fn what_a_receiver_answers_decides() {
        for status in [0, 408, 429, 500, 503] {
            let outcome = deliver(status, "bot").0;
            assert!(matches!(outcome, Err(StageError::Retry { .. })), "{status}: {outcome:?}");
        }
        for status in [301, 400, 404, 410] {
            let outcome = deliver(status, "bot").0;
            assert!(matches!(outcome, Err(StageError::Failed { .. })), "{status}: {outcome:?}");
        }
        let (outcome, sent) = deliver(200, "another");
        assert!(matches!(outcome, Err(StageError::Failed { .. })) && sent.is_empty());
    }

    #[test]
    fn a_webhook_may_be_on_this_machine() {
        let webhook = |url: &str| Webhook {
            name: "bot".to_owned(),
            url: url.to_owned(),
            secret: Secret::new(String::new()),
        };
        let check = |url: &str, expect: (&str, &str)| {
            assert_eq!(upstream(&webhook(url)), Some((expect.0.to_owned(), expect.1.to_owned())), "{url}");
        };
        check("http://127.0.0.1:8000/hook?a=1", ("127.0.0.1", "http://127.0.0.1:8000"));
        check("https://bot.example/x", ("bot.example", "https://bot.example"));
    }
}
