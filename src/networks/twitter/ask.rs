//! One question to the API until it is answered: picks the credential, waits out windows, tries again
//! after passing faults, and says what a refusal means for what was asked about.

use std::time::Duration;

use url::Url;

use super::client::TwitterClient;
use super::pool::{Choice, Endpoint, Headers, Refusal};
use super::problem::{self, Meaning};
use super::wire::Answer;
use crate::base::clock::Monotonic;
use crate::base::ids::Network;
use crate::base::{Reaction, Timestamp};
use crate::domain::reads::{PaidReads, ReadWish, Resource};
use crate::fetch::{Request, Response};
use crate::networks::asking::{Effort, Faults, LIMIT_RETRIES, MAX_ANSWER_BYTES};
use crate::networks::error::NetworkError;

/// A listing that gives up starts from its beginning and pays again, so it does not give up lightly.
const EFFORT: Effort = Effort::LISTING;

/// Waits for every window: none is longer.
pub(super) const PATIENT: Duration = EFFORT.patience;

/// One question.
pub(super) struct Question<'a> {
    pub endpoint: Endpoint,
    pub url: Url,
    /// The account that the whole question is about, so that a problem with it can be told from one
    /// with something expanded.
    pub subject: Option<&'a str>,
    /// A longer wait for a window is `RateLimited` instead.
    pub patience: Duration,
    pub reads: Reads,
}

/// How many billed things an answer may hold.
#[derive(Clone, Copy, Debug)]
pub(super) enum Reads {
    /// Those that the URL names.
    Named(usize),
    /// A page of a listing, whose `max_results` is still to be chosen.
    Page { least: u32, most: u32 },
}

/// What X says to a question.
#[derive(Debug)]
pub(super) enum Said {
    Answer(Answer),
    /// The subject does not exist.
    Missing,
    /// The subject is a suspended account.
    Suspended,
    /// The subject is shown to no credential.
    Hidden,
    /// The request is wrong; the parameters that X names as the cause.
    Invalid {
        parameters: Vec<String>,
        why: String,
    },
}

impl TwitterClient {
    /// Asks, blocking. Credentials in `hidden_from` are not used; those that may not see the subject are
    /// added to it, so that the next question about the same subject need not find out again.
    pub(super) fn ask(
        &self,
        question: &Question<'_>,
        hidden_from: &mut Vec<usize>,
    ) -> Result<Said, NetworkError> {
        let endpoint = question.endpoint;
        let mut faults = Faults::default();
        let mut limits = 0;
        while let Some(credential) = self.next_credential(question, hidden_from)? {
            let url = self.reserve(question)?;
            let outcome = self.fetch.fetch(self.request(url, credential));
            if outcome.is_err() {
                self.count(endpoint, None);
            }
            let response = match outcome {
                Ok(response) => response,
                Err(error) if error.reaction() == Reaction::Backoff && faults.may_retry(EFFORT) => {
                    faults.pause(&*self.waiter, endpoint.as_str())?;
                    continue;
                }
                Err(error) => return Err(error.into()),
            };
            let now = Monotonic::now();
            let headers = Headers::read(|name| response.header(name).map(str::to_owned), Timestamp::now());
            self.pool().learn(credential, endpoint, headers, now);
            let answer = interpret(&response, question.subject);
            self.count(endpoint, answer.as_ref().ok());
            let answer = match answer {
                Ok(answer) => {
                    self.pool().answered(credential, endpoint);
                    return Ok(Said::Answer(answer));
                }
                Err(problem) => problem,
            };
            match answer.meaning {
                Meaning::NotFound if question.subject.is_some() => return Ok(Said::Missing),
                Meaning::Suspended if question.subject.is_some() => return Ok(Said::Suspended),
                Meaning::NotVisible if question.subject.is_some() => hidden_from.push(credential),
                Meaning::Invalid => {
                    return Ok(Said::Invalid { parameters: answer.parameters, why: answer.why });
                }
                Meaning::NotFound | Meaning::Suspended | Meaning::NotVisible => {
                    return Err(NetworkError::Refused { endpoint: endpoint.as_str(), why: answer.why });
                }
                Meaning::Unauthorized => {
                    self.pool().refuse(credential, endpoint, Refusal::Unauthorized(answer.why), now);
                }
                Meaning::UsageCapped => {
                    self.pool().refuse(credential, endpoint, Refusal::Capped(answer.why), now);
                }
                Meaning::RateLimited => {
                    let pause = self.pool().limited(credential, endpoint, headers, now);
                    limits += 1;
                    if limits > LIMIT_RETRIES {
                        let until = Timestamp::now().plus(pause);
                        return Err(NetworkError::RateLimited { endpoint: endpoint.as_str(), until });
                    }
                }
                Meaning::Fault if faults.may_retry(EFFORT) => {
                    faults.pause(&*self.waiter, endpoint.as_str())?;
                }
                Meaning::Fault => {
                    return Err(NetworkError::Unreadable { url: question.url.to_string(), why: answer.why });
                }
            }
        }
        Ok(Said::Hidden)
    }

    /// Has the meter allow the request. Returns its URL, of a page with the size that may be read.
    fn reserve(&self, question: &Question<'_>) -> Result<Url, NetworkError> {
        let (least, most) = match question.reads {
            Reads::Named(count) => {
                let count = u64::try_from(count).unwrap_or(u64::MAX);
                (count, count)
            }
            Reads::Page { least, most } => (u64::from(least), u64::from(most)),
        };
        let wish = ReadWish { resource: billed_by(question.endpoint), least, most };
        let granted = self.meter.as_ref().map_or(Ok(most), |meter| meter.reserve(wish))?;
        let mut url = question.url.clone();
        if let Reads::Page { .. } = question.reads {
            url.query_pairs_mut().append_pair("max_results", &granted.clamp(least, most).to_string());
        }
        Ok(url)
    }

    /// Reports to the meter what the answer holds, nothing where there is none. Media come along with their
    /// posts without a price.
    fn count(&self, endpoint: Endpoint, answer: Option<&Answer>) {
        let Some(meter) = &self.meter else { return };
        let id = |value: serde_json::Value| value.get("id")?.as_str()?.parse().ok();
        let data = answer.into_iter().flat_map(Answer::read).flatten();
        meter.paid(PaidReads { resource: billed_by(endpoint), ids: data.filter_map(id).collect() });
    }

    /// Waits until a credential may ask; `None` when the subject is hidden from all that there are.
    fn next_credential(
        &self,
        question: &Question<'_>,
        hidden_from: &[usize],
    ) -> Result<Option<usize>, NetworkError> {
        let endpoint = question.endpoint;
        loop {
            let now = Monotonic::now();
            let choice = self.pool().choose(endpoint, hidden_from, now);
            match choice {
                Choice::Use(credential) => return Ok(Some(credential)),
                Choice::Wait { credential, until } => {
                    let pause = until.since(now);
                    let moment = Timestamp::now().plus(pause);
                    if pause > question.patience {
                        return Err(NetworkError::RateLimited { endpoint: endpoint.as_str(), until: moment });
                    }
                    self.waiter.wait_until(moment, endpoint.as_str())?;
                    self.pool().waited(credential, endpoint, until);
                }
                Choice::Refused { refusal: Refusal::Capped(why), .. } => {
                    return Err(NetworkError::UsageCapped { why });
                }
                Choice::Refused { credential, refusal: Refusal::Unauthorized(why) } => {
                    let endpoint = endpoint.as_str();
                    return Err(NetworkError::Unauthorized { credential, endpoint, why });
                }
                Choice::Exhausted if hidden_from.is_empty() => {
                    return Err(NetworkError::NoCredentials { network: Network::Twitter });
                }
                Choice::Exhausted => return Ok(None),
            }
        }
    }

    /// The request with its credential. Retries are left to `ask`: each attempt needs its window.
    fn request(&self, url: Url, credential: usize) -> Request {
        let token = self
            .settings
            .credentials
            .get(credential)
            .map(|credential| credential.bearer_token.reveal())
            .unwrap_or_default();
        Request::get(url)
            .header("authorization", format!("Bearer {token}"))
            .max_bytes(MAX_ANSWER_BYTES)
            .max_redirects(0)
            .retries(0)
    }
}

/// What the answers of an endpoint are billed by.
fn billed_by(endpoint: Endpoint) -> Resource {
    match endpoint {
        Endpoint::UsersByName | Endpoint::UsersById => Resource::User,
        Endpoint::Timeline | Endpoint::Search | Endpoint::Posts => Resource::Post,
    }
}

/// A response that is not usable as an answer.
struct Trouble {
    meaning: Meaning,
    why: String,
    parameters: Vec<String>,
}

/// Reads an answer, and tells what it means when it does not hold what was asked for.
fn interpret(response: &Response, subject: Option<&str>) -> Result<Answer, Trouble> {
    // Its posts and its users are weighed one by one.
    let parsed: Result<Answer, _> = serde_json::from_slice(&response.body);
    let trouble = |meaning, why| Trouble { meaning, why, parameters: Vec::new() };
    match parsed {
        Ok(answer) if response.is_success() => match about_subject(&answer, subject) {
            Some(meaning) => Err(trouble(meaning, problem::explain(response.status, Some(&answer)))),
            None => Ok(answer),
        },
        Ok(answer) => {
            let named = answer.errors.iter().filter_map(|problem| problem.parameters.as_ref());
            Err(Trouble {
                meaning: problem::of_answer(response.status, Some(&answer)),
                why: problem::explain(response.status, Some(&answer)),
                parameters: named.flat_map(|parameters| parameters.keys().cloned()).collect(),
            })
        }
        Err(error) if response.is_success() => {
            let what =
                if response.body.trim_ascii_start().starts_with(b"<") { "HTML" } else { "not the JSON" };
            Err(trouble(Meaning::Fault, format!("{what} where the API's answer was expected: {error}")))
        }
        // The pages in front of the API answer 404 and 403 with HTML, which says nothing about the subject.
        Err(_) => {
            let meaning = match problem::of_answer(response.status, None) {
                Meaning::NotFound => Meaning::Fault,
                meaning => meaning,
            };
            Err(trouble(meaning, problem::explain(response.status, None)))
        }
    }
}

/// The problem with the subject itself, in an answer that holds nothing else. An answer with data, or with
/// the `meta` of an empty page, is an answer; its errors are about things expanded from it.
fn about_subject(answer: &Answer, subject: Option<&str>) -> Option<Meaning> {
    let subject = subject?;
    if answer.data.is_some() || answer.meta.is_some() {
        return None;
    }
    let own = answer.errors.iter().find(|problem| problem::concerns(problem, subject))?;
    problem::meaning_of(own)
}
