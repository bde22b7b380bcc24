//! Answers of queries that have ended, kept as they go out: many ask again and again for what cannot
//! change any more, and need not wake the broker for it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::sync::watch;

use crate::base::clock::Monotonic;
use crate::base::ids::QueryId;
use crate::front::broker::{Broker, FeedListener, Unavailable};
use crate::proto::front::{FrontAnswer, FrontQuestion, VerdictsAnswer};
use crate::proto::view::QueryView;

/// So long may an answer outlive its query's being forgotten by the broker.
const AGE: Duration = Duration::from_secs(3);
/// Bytes kept, and what one answer may take of them.
const MAX_BYTES: usize = 8 * 1024 * 1024;
const MAX_ANSWER_BYTES: usize = 64 * 1024;

/// Final answers by what was asked for: a URL, or that and the networks that were chosen.
#[derive(Default)]
pub struct FinishedAnswers(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    answers: HashMap<String, (Monotonic, Bytes)>,
    bytes: usize,
}

impl FinishedAnswers {
    pub fn get(&self, url: &str, now: Monotonic) -> Option<Bytes> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (at, answer) = kept.answers.get(url)?;
        (now.since(*at) < AGE).then(|| answer.clone())
    }

    /// Forgets all of them: they may be final no longer.
    pub fn clear(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Kept::default();
    }

    /// Keeps a final answer. When there is no room, what is too old goes, and then everything.
    pub fn keep(&self, url: &str, answer: Bytes, now: Monotonic) {
        let size = url.len() + answer.len();
        if size > MAX_ANSWER_BYTES {
            return;
        }
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.bytes + size > MAX_BYTES {
            kept.answers.retain(|_, (at, _)| now.since(*at) < AGE);
            kept.bytes = kept.answers.iter().map(|(url, (_, answer))| url.len() + answer.len()).sum();
        }
        if kept.bytes + size > MAX_BYTES {
            *kept = Kept::default();
        }
        if let Some((_, old)) = kept.answers.insert(url.to_owned(), (now, answer)) {
            kept.bytes -= url.len() + old.len();
        }
        kept.bytes += size;
    }
}

/// The broker, of whose final answers none is kept on here once people have said something new: whoever asks
/// again is to see it act.
pub struct WithVerdicts {
    pub broker: Arc<dyn Broker>,
    pub finished: Arc<FinishedAnswers>,
}

impl Broker for WithVerdicts {
    fn ask(
        &self,
        question: FrontQuestion,
        attachment: Option<Bytes>,
    ) -> BoxFuture<'static, Result<FrontAnswer, Unavailable>> {
        let answer = self.broker.ask(question, attachment);
        let finished = Arc::clone(&self.finished);
        async move {
            let answer = answer.await;
            let changes = |answer: &VerdictsAnswer| match answer {
                VerdictsAnswer::Said { .. } | VerdictsAnswer::Taken { .. } | VerdictsAnswer::Removed(_) => {
                    true
                }
                VerdictsAnswer::List { .. } | VerdictsAnswer::Wrong { .. } | VerdictsAnswer::Unknown => false,
            };
            if let Ok(FrontAnswer::Verdicts(said)) = &answer
                && changes(said)
            {
                finished.clear();
            }
            answer
        }
        .boxed()
    }

    fn follow(&self, query: QueryId) -> watch::Receiver<Option<QueryView>> {
        self.broker.follow(query)
    }

    fn follow_feeds(&self, listener: FeedListener) {
        self.broker.follow_feeds(listener);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_kept_for_a_moment_and_within_bounds() {
        let finished = FinishedAnswers::default();
        let answer = |len: usize| Bytes::from(vec![b'x'; len]);
        finished.keep("u", answer(3), Monotonic(0));
        assert_eq!(finished.get("u", Monotonic(2999)), Some(answer(3)));
        assert_eq!(finished.get("u", Monotonic(3000)), None);
        assert_eq!(finished.get("v", Monotonic(0)), None);
        finished.keep("big", answer(MAX_ANSWER_BYTES), Monotonic(0));
        assert_eq!(finished.get("big", Monotonic(0)), None);
        for number in 0..1000 {
            finished.keep(&number.to_string(), answer(60_000), Monotonic(number));
            let kept = finished.0.lock().unwrap();
            assert!(kept.bytes <= MAX_BYTES);
            let real: usize = kept.answers.iter().map(|(url, (_, answer))| url.len() + answer.len()).sum();
            assert_eq!(kept.bytes, real);
        }
    }
}
