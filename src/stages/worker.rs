//! One worker: takes leases, runs its stage on them inside a catch for panics, reports.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel as queue;

use crate::base::clock::millis;
use crate::base::ids::AccountKey;
use crate::base::{StopSignal, panic_text};
use crate::broker::client::{Granted, LeaseHandle, StageClient, Taken, Unavailable};
use crate::domain::failure::FailureCode;
use crate::domain::posts::ListedPost;
use crate::domain::scans::{Hold, Priority};
use crate::domain::verdicts::Verdict;
use crate::fetch;
use crate::ipc::Blob;
use crate::proto::stage::{Answer, Question};
use crate::proto::work::{LeaseOutcome, StageOutput, Work};
use crate::telemetry::{events, faults};

/// A stage's work on one item after the other.
pub trait StageWorker {
    /// Does the work. What is left half done is done again by another worker, so every effect on
    /// the outside must bear being repeated.
    ///
    /// # Errors
    /// `StageError` says whether the work is to be tried again, or its request fails.
    fn run(&mut self, work: Work, lease: &Lease<'_>) -> Result<StageOutput, StageError>;
}

/// Why work was not finished.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StageError {
    /// The outside world was not ready.
    #[error("{why}")]
    Retry { after: Duration, why: String },
    /// The request fails with this code.
    #[error("{code}: {why}")]
    Failed { code: FailureCode, why: String },
    /// The lease is gone or the program stops: somebody else will do it.
    #[error("the work was left to others")]
    Left,
    /// A listing that is to go on later, from the place that it has come to.
    #[error("the listing was left for a while")]
    Paused,
}

impl StageError {
    pub fn failed(code: FailureCode, why: impl Into<String>) -> StageError {
        StageError::Failed { code, why: why.into() }
    }

    /// Try again in a few seconds.
    pub fn soon(why: impl Into<String>) -> StageError {
        StageError::Retry { after: Duration::from_secs(5), why: why.into() }
    }
}

impl From<Unavailable> for StageError {
    fn from(_: Unavailable) -> StageError {
        StageError::Left
    }
}

/// A worker's hold on its item: the way to the broker while it works.
pub struct Lease<'a> {
    client: &'a StageClient,
    handle: LeaseHandle,
    /// Bulk bytes that belong to the work.
    pub blob: Option<Blob>,
    /// Workers that were lost over this item, plus one.
    pub attempt: u32,
}

impl Lease<'_> {
    /// Names the lease towards the broker's client.
    pub(super) fn handle(&self) -> LeaseHandle {
        self.handle
    }

    /// Says what the worker does; prolongs the lease.
    ///
    /// # Errors
    /// When the lease is no longer held.
    pub fn doing(&self, what: impl Into<String>) -> Result<(), StageError> {
        Ok(self.client.doing(self.handle, what.into())?)
    }

    /// Hands over a page of a listing; waits until the broker wants more.
    ///
    /// # Errors
    /// `Left` when the lease is no longer held, `Paused` when the listing is to be left here.
    pub fn page(&self, posts: Vec<ListedPost>, hold: Hold) -> Result<(), StageError> {
        match self.client.page(self.handle, posts, hold)? {
            Taken::GoOn => Ok(()),
            Taken::Leave => Err(StageError::Paused),
        }
    }

    /// Asks the database.
    ///
    /// # Errors
    /// `Left` when the broker is away, `Retry` when the database cannot answer now.
    pub fn ask(&self, question: Question) -> Result<Answer, StageError> {
        match self.client.ask(question)? {
            Answer::Unavailable(why) => Err(StageError::soon(format!("the database cannot answer: {why}"))),
            answer => Ok(answer),
        }
    }

    /// Runs a part of the step and reports how long it took.
    pub fn measure<T>(&self, step: &str, part: impl FnOnce() -> T) -> T {
        let begun = Instant::now();
        let result = part();
        self.client.measured(step, begun.elapsed());
        result
    }

    /// Reports a part of the step that was measured elsewhere.
    pub fn measured(&self, step: &str, took: Duration) {
        self.client.measured(step, took);
    }
}

/// What people say that holds for one of these pages, and for all pages about one of these accounts.
///
/// # Errors
/// As `Lease::ask`.
pub fn verdicts_of(
    pages: Vec<String>,
    accounts: Vec<AccountKey>,
    lease: &Lease<'_>,
) -> Result<Vec<Verdict>, StageError> {
    match lease.ask(Question::Verdicts { pages, accounts })? {
        Answer::Verdicts(verdicts) => Ok(verdicts),
        answer => Err(unexpected_answer(&answer)),
    }
}

/// The answer has another shape than the question asks for: a fault of this program.
pub fn unexpected_answer(answer: &Answer) -> StageError {
    StageError::failed(FailureCode::ProcessingError, format!("unexpected answer of the database: {answer:?}"))
}

/// The work has another kind than the worker takes: a fault of this program.
pub fn unexpected_work(work: &Work) -> StageError {
    StageError::failed(FailureCode::ProcessingError, format!("unexpected work: {}", work.describe()))
}

/// After a panic the worker pauses, longer each time in a row, so that a fault that repeats at once
/// does not eat the machine.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// Works until the container is to stop.
pub(super) fn run(
    mut stage: Box<dyn StageWorker>,
    client: &Arc<StageClient>,
    grants: &queue::Receiver<Granted>,
    stop: &StopSignal,
) {
    let (stopped, stopping) = queue::bounded::<()>(1);
    stop.when_set(move || drop(stopped));
    let mut pause = FIRST_PAUSE;
    loop {
        let granted = queue::select_biased! {
            recv(stopping) -> _ => return,
            recv(grants) -> granted => match granted {
                Ok(granted) => granted,
                Err(_) => return,
            },
        };
        let begun = Instant::now();
        let Granted { lease: handle, attempt, priority, work, blob } = granted;
        let lease = Lease { client, handle, blob, attempt };
        let description = work.describe();
        let span = tracing::debug_span!("lease", work = %description, attempt);
        faults::working_on(Some(description.clone()));
        let run = || match priority {
            Priority::User => stage.run(work, &lease),
            Priority::Maintenance => fetch::in_background(|| stage.run(work, &lease)),
        };
        let result = span.in_scope(|| catch_unwind(AssertUnwindSafe(run)));
        let outcome = match result {
            Ok(result) => {
                pause = FIRST_PAUSE;
                outcome_of(result)
            }
            Err(panic) => {
                let why = format!("the worker panicked: {}", panic_text(&*panic));
                events::worker_panicked(&description, &why);
                if stop.wait(pause) {
                    return;
                }
                pause = (pause * 2).min(LONGEST_PAUSE);
                LeaseOutcome::Failed { code: FailureCode::ProcessingError, why }
            }
        };
        faults::working_on(None);
        client.report(handle, outcome, begun.elapsed());
    }
}

fn outcome_of(result: Result<StageOutput, StageError>) -> LeaseOutcome {
    match result {
        Ok(output) => LeaseOutcome::Done(output),
        Err(StageError::Retry { after, why }) => {
            LeaseOutcome::Retry { after_ms: millis(after), why: shortened(why) }
        }
        Err(StageError::Failed { code, why }) => LeaseOutcome::Failed { code, why: shortened(why) },
        Err(StageError::Paused) => LeaseOutcome::Paused,
        Err(StageError::Left) => LeaseOutcome::Retry { after_ms: 0, why: "given back".to_owned() },
    }
}

/// Errors may quote what strangers sent.
fn shortened(mut why: String) -> String {
    const LONGEST: usize = 1000;
    if why.len() > LONGEST {
        why.truncate(why.floor_char_boundary(LONGEST));
        why.push_str(" ...");
    }
    why
}
