//! A broker and a root for tests: they answer what they were told to, and remember what was asked.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use tokio::sync::{Notify, oneshot, watch};

use super::broker::{Broker, Root, Unavailable};
use crate::base::ids::{AccountKey, Network, PostKey, QueryId};
use crate::base::roles::Role;
use crate::base::{MicroUsd, Timestamp};
use crate::domain::accounts::Evidence;
use crate::domain::failure::FailureCode;
use crate::domain::images::{IndexProgress, MatchClass, SecondStage, StoreCounts, Variant};
use crate::domain::reads::ReadCounts;
use crate::proto::control::StacksWritten;
use crate::proto::front::{FrontAnswer, FrontQuestion};
use crate::proto::view::{
    AccountView, CountersView, MetricView, QueryStatus, QueryView, ResultView, SpendingView, StatsView,
    StoreSizes,
};

/// What was asked, and the size of what came with it.
pub type Asked = (FrontQuestion, Option<usize>);

#[derive(Default)]
pub struct FakeBroker {
    asked: Mutex<Vec<Asked>>,
    /// Answers in order; the last one is repeated. Empty: a default for each kind of question.
    answers: Mutex<Vec<Result<FrontAnswer, Unavailable>>>,
    watched: Mutex<HashMap<QueryId, watch::Sender<Option<QueryView>>>>,
    watch_began: Notify,
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

    fn watch(&self, query: QueryId) -> watch::Receiver<Option<QueryView>> {
        let receiver = lock(&self.watched).entry(query).or_insert_with(|| watch::channel(None).0).subscribe();
        self.watch_began.notify_waiters();
        receiver
    }
}

fn default_answer(question: &FrontQuestion) -> FrontAnswer {
    match question {
        FrontQuestion::Query { .. } | FrontQuestion::QueryState { .. } => FrontAnswer::Query(sample_view()),
        FrontQuestion::SearchImage { .. }
        | FrontQuestion::SearchUrl { .. }
        | FrontQuestion::SearchState { .. } => {
            FrontAnswer::Search { identifier: "abc".to_owned(), view: sample_view() }
        }
        FrontQuestion::Account { .. } => {
            FrontAnswer::Account(vec![crate::api::account::tests::sample_record()])
        }
        FrontQuestion::Stats => FrontAnswer::Stats(sample_stats()),
        FrontQuestion::Threads => FrontAnswer::Threads(Vec::new()),
        FrontQuestion::Queues => FrontAnswer::Queues(Vec::new()),
        FrontQuestion::Metrics { .. } => FrontAnswer::Metrics { steps: vec![sample_metric()], more: false },
        FrontQuestion::Counters => FrontAnswer::Counters(CountersView {
            failures: vec![(FailureCode::NotAnUrl, 2)],
            starts: vec![(Role::Listing, 3)],
            deliveries_waiting: 1,
            messages_dropped: 4,
        }),
        FrontQuestion::Health => FrontAnswer::Health(Vec::new()),
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

pub fn sample_metric() -> MetricView {
    MetricView {
        step: "LINK_FINDER".to_owned(),
        count: 3,
        mean_micros: 2_000,
        p50_micros: 2_000,
        p95_micros: 3_000,
        p99_micros: 3_000,
        sum_micros: 6_000,
        at_most: vec![0, 1, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3],
    }
}

pub fn sample_stats() -> StatsView {
    StatsView {
        store: StoreCounts { accounts: 3, posts: 1234, images: 2000, retries: 0 },
        index: IndexProgress { done: 500, total: 2000 },
        queries_in_progress: 2,
        scans_in_progress: 1,
        posts_pending: 5,
        sizes: StoreSizes { database_bytes: Some(4096), index_bytes: Some(512) },
        spending: SpendingView {
            today: MicroUsd(1_250_000),
            month: MicroUsd(20_000_000),
            daily_limit: Some(MicroUsd(5_000_000)),
            monthly_limit: None,
            reads_today: ReadCounts { posts: 240, users: 5 },
            reads_month: ReadCounts { posts: 3900, users: 50 },
            scans_waiting: 1,
        },
    }
}

/// A query that has found one post.
pub fn sample_view() -> QueryView {
    let account = AccountKey::new(Network::Twitter, "783214");
    let bluesky = AccountKey::new(Network::Bluesky, "did:plc:abc");
    QueryView {
        query: QueryId(7),
        id: "0123456789abcdef0123456789abcdef".to_owned(),
        subject: "https://a.example/art/1".to_owned(),
        status: QueryStatus::End,
        has_first_time_scan: true,
        accounts: vec![
            AccountView {
                key: account.clone(),
                handle: "jane_paints".to_owned(),
                evidence: Some(Evidence::ProfileField),
                chain: vec!["https://a.example/art/1".to_owned(), "https://a.example/jane".to_owned()],
            },
            AccountView {
                key: bluesky.clone(),
                handle: "jane.example".to_owned(),
                evidence: None,
                chain: vec![],
            },
        ],
        results: vec![
            ResultView {
                post: PostKey::new(Network::Twitter, "18446744073709551615"),
                account: account.clone(),
                handle: Some("jane_paints".to_owned()),
                position: 1,
                count: 4,
                distance: 0,
                variant: Variant::AsIs,
                class: MatchClass::Recompressed,
                second_stage: Some(SecondStage { distance256: 4, thumbnail_centilevels: 85 }),
                image_name: "FcvniV_yKc3SOQ.jpg".to_owned(),
                published: Timestamp::parse_rfc3339("2022-09-16T10:00:00Z"),
            },
            ResultView {
                post: PostKey::new(Network::Twitter, "20"),
                account,
                handle: None,
                position: 2,
                count: 2,
                distance: 5,
                variant: Variant::Trimmed,
                class: MatchClass::Similar,
                second_stage: None,
                image_name: "https://i.example/b.png".to_owned(),
                published: None,
            },
            ResultView {
                post: PostKey::new(Network::Bluesky, "at://did:plc:abc/app.bsky.feed.post/3k"),
                account: bluesky,
                handle: None,
                position: 1,
                count: 1,
                distance: 1,
                variant: Variant::OnWhite,
                class: MatchClass::Identical,
                second_stage: None,
                image_name: "bafkreiabc".to_owned(),
                published: Timestamp::parse_rfc3339("2022-09-15T10:00:00Z"),
            },
        ],
        similar: vec![ResultView {
            post: PostKey::new(Network::Twitter, "21"),
            account: AccountKey::new(Network::Twitter, "783214"),
            handle: Some("jane_paints".to_owned()),
            position: 1,
            count: 1,
            distance: 8,
            variant: Variant::AsIs,
            class: MatchClass::EditedOrVariant,
            second_stage: Some(SecondStage { distance256: 30, thumbnail_centilevels: 1250 }),
            image_name: "c.png".to_owned(),
            published: None,
        }],
        error: None,
        error_detail: String::new(),
        image_url: Some("https://a.example/art/1.png".to_owned()),
        steps: vec![
            (QueryStatus::WaitLinkFinder, 1),
            (QueryStatus::LinkFinder, 1250),
            (QueryStatus::WaitIndexAccounts, 0),
            (QueryStatus::IndexAccounts, 65_000),
            (QueryStatus::WaitReverseSearch, 2),
            (QueryStatus::ReverseSearch, 34),
        ],
        queue_position: None,
        estimated_wait_ms: None,
        waits_for_network: false,
        posts_listed: 412,
        posts_indexed: 412,
        still_listing: false,
        posts_total: Some(9000),
        version: 9,
    }
}

/// The same query in an earlier state.
pub fn sample_view_at(status: QueryStatus, version: u64) -> QueryView {
    let mut view = sample_view();
    view.steps.retain(|(step, _)| *step <= status);
    view.status = status;
    view.results.clear();
    view.similar.clear();
    view.posts_indexed = 100;
    view.still_listing = status < QueryStatus::WaitReverseSearch;
    view.version = version;
    view
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap()
}
