//! A broker and a root for tests: they answer what they were told to, and remember what was asked.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use tokio::sync::{Notify, oneshot, watch};

use super::broker::{Broker, FeedListener, Root, Unavailable};
use crate::api::samples::{
    sample_entry, sample_forgetting, sample_metric, sample_record, sample_tombstone, sample_verdict,
    sample_watch,
};
use crate::base::ids::QueryId;
use crate::base::roles::Role;
use crate::domain::failure::FailureCode;
use crate::domain::watches::WatchId;
use crate::proto::control::StacksWritten;
use crate::proto::front::{
    FrontAnswer, FrontQuestion, VerdictOrder, VerdictsAnswer, WatchOrder, WatchesAnswer,
};
use crate::proto::view::{CountersView, MediaCountsView, PostLagsView, QueryView, SitePagesView};

pub use crate::api::samples::{sample_artist, sample_stats, sample_view, sample_view_at};

/// What was asked, and the size of what came with it.
pub type Asked = (FrontQuestion, Option<usize>);

#[derive(Default)]
pub struct FakeBroker {
    asked: Mutex<Vec<Asked>>,
    /// Answers in order; the last one is repeated. Empty: a default for each kind of question.
    answers: Mutex<Vec<Result<FrontAnswer, Unavailable>>>,
    watched: Mutex<HashMap<QueryId, watch::Sender<Option<QueryView>>>>,
    watch_began: Notify,
    feeds: Mutex<Vec<FeedListener>>,
}

impl FakeBroker {
    pub fn answering(answers: impl IntoIterator<Item = FrontAnswer>) -> FakeBroker {
        let broker = FakeBroker::default();
        *lock(&broker.answers) = answers.into_iter().map(Ok).collect();
        broker
    }

    /// No broker is attached.
    pub fn away() -> FakeBroker {
        let broker = FakeBroker::default();
        *lock(&broker.answers) = vec![Err(Unavailable)];
        broker
    }

    pub fn asked(&self) -> Vec<Asked> {
        lock(&self.asked).clone()
    }

    /// Waits until somebody watches the query, then shows this state to all who do.
    pub async fn publish(&self, view: QueryView) {
        loop {
            let began = self.watch_began.notified();
            if let Some(sender) = lock(&self.watched).get(&view.query) {
                sender.send_replace(Some(view));
                return;
            }
            began.await;
        }
    }

    /// The feed of this watch, or any, may have changed.
    pub fn change_feed(&self, watch: Option<WatchId>) {
        lock(&self.feeds).retain_mut(|listener| listener(watch));
    }

    /// Drops the senders, as a lost broker does.
    pub fn lose_watches(&self) {
        lock(&self.watched).clear();
    }
}

impl Broker for FakeBroker {
    fn ask(
        &self,
        question: FrontQuestion,
        attachment: Option<Bytes>,
    ) -> BoxFuture<'static, Result<FrontAnswer, Unavailable>> {
        lock(&self.asked).push((question.clone(), attachment.map(|bytes| bytes.len())));
        let mut answers = lock(&self.answers);
        let answer = match answers.len() {
            0 => Ok(default_answer(&question)),
            1 => answers[0].clone(),
            _ => answers.remove(0),
        };
        Box::pin(async move { answer })
    }

    fn follow(&self, query: QueryId) -> watch::Receiver<Option<QueryView>> {
        let receiver = lock(&self.watched).entry(query).or_insert_with(|| watch::channel(None).0).subscribe();
        self.watch_began.notify_waiters();
        receiver
    }

    fn follow_feeds(&self, listener: FeedListener) {
        lock(&self.feeds).push(listener);
    }
}

fn default_answer(question: &FrontQuestion) -> FrontAnswer {
    match question {
        FrontQuestion::Query { .. }
        | FrontQuestion::KnownQuery { .. }
        | FrontQuestion::QueryState { .. }
        | FrontQuestion::Cancel { .. }
        | FrontQuestion::CancelQuery { .. } => FrontAnswer::Query(sample_view()),
        FrontQuestion::Artist { .. } | FrontQuestion::KnownArtist { .. } => {
            FrontAnswer::Query(sample_artist())
        }
        FrontQuestion::SearchImage { .. }
        | FrontQuestion::SearchUrl { .. }
        | FrontQuestion::SearchState { .. } => {
            FrontAnswer::Search { identifier: "abc".to_owned(), view: sample_view() }
        }
        FrontQuestion::Account { .. } => FrontAnswer::Account(vec![sample_record()]),
        FrontQuestion::Picture { .. } => {
            FrontAnswer::Picture { image: "https://a.example/art/1.png".to_owned(), jpeg: b"jpeg".to_vec() }
        }
        FrontQuestion::Stats => FrontAnswer::Stats(sample_stats()),
        FrontQuestion::Threads => FrontAnswer::Threads(Vec::new()),
        FrontQuestion::Queues => FrontAnswer::Queues(Vec::new()),
        FrontQuestion::Metrics { .. } => {
            FrontAnswer::Metrics { steps: vec![sample_metric()], more: false, counters: None }
        }
        FrontQuestion::Counters => FrontAnswer::Counters(CountersView {
            failures: vec![(FailureCode::NotAnUrl, 2)],
            starts: vec![(Role::Listing, 3)],
            deliveries_waiting: 1,
            messages_dropped: 4,
            sites: vec![SitePagesView {
                site: "furaffinity".to_owned(),
                read: 2,
                changed: 5,
                is_broken: true,
            }],
            media_counts: MediaCountsView {
                equal: 7,
                more_stated: 5,
                fewer_stated: 2,
                contradicted: 1,
                is_trusted: false,
            },
            post_lags: PostLagsView { named: 3, within: [9, 4, 2, 1], beyond: 1, undated: 2 },
        }),
        FrontQuestion::Health => FrontAnswer::Health(Vec::new()),
        FrontQuestion::Verdicts(order) => FrontAnswer::Verdicts(match order {
            VerdictOrder::Say { .. } => {
                VerdictsAnswer::Said { verdict: sample_verdict(), is_new: true, against: Vec::new() }
            }
            VerdictOrder::Take { verdicts } => VerdictsAnswer::Taken {
                new: u32::try_from(verdicts.len()).unwrap(),
                known: 0,
                against: Vec::new(),
            },
            VerdictOrder::Remove { id } if *id == sample_verdict().id => {
                VerdictsAnswer::Removed(sample_verdict())
            }
            VerdictOrder::Remove { .. } => VerdictsAnswer::Unknown,
            VerdictOrder::List { .. } => {
                VerdictsAnswer::List { verdicts: vec![(sample_verdict(), true)], more: true }
            }
        }),
        FrontQuestion::Watches(order) => FrontAnswer::Watches(match order {
            WatchOrder::Begin { .. } => WatchesAnswer::Begun { watch: sample_watch(), is_new: true },
            WatchOrder::List { .. } => WatchesAnswer::List { watches: vec![sample_watch()], more: false },
            WatchOrder::End { id, .. } if *id == sample_watch().watch.id => {
                WatchesAnswer::Ended(sample_watch().watch)
            }
            WatchOrder::End { .. } => WatchesAnswer::Unknown,
        }),
        FrontQuestion::Feed { watch, .. } if *watch == sample_watch().watch.id => {
            FrontAnswer::Feed { watch: sample_watch().watch, entries: vec![sample_entry()], next: None }
        }
        FrontQuestion::Feed { .. } => FrontAnswer::Watches(WatchesAnswer::Unknown),
        FrontQuestion::Tombstones { .. } => {
            FrontAnswer::Tombstones { tombstones: vec![sample_tombstone()], more: false }
        }
        FrontQuestion::Lift { .. } => FrontAnswer::Lifted { mark: sample_tombstone().mark },
        FrontQuestion::Forget { .. } | FrontQuestion::Forgetting { .. } => {
            FrontAnswer::Forgetting(sample_forgetting())
        }
        FrontQuestion::Scan { .. } => {
            FrontAnswer::Refused { code: FailureCode::InvalidTwitterAccount, detail: String::new() }
        }
    }
}

#[derive(Default)]
pub struct FakeRoot {
    pub stops: Mutex<Vec<String>>,
}

impl Root for FakeRoot {
    fn request_stop(&self, by: &str) {
        lock(&self.stops).push(by.to_owned());
    }

    fn stacks(&self) -> oneshot::Receiver<StacksWritten> {
        let (told, written) = oneshot::channel();
        let _ = told.send(StacksWritten::Failed { why: "no disk".to_owned() });
        written
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap()
}
