//! Carries out the broker's effects that must last. Owns the only writing connection to the
//! database, the journal of accepted work, and the writing end of the fingerprint index. Started and
//! spoken to by the broker's loop alone; it never decides what is to be done, and never waits for
//! the loop except while handing over an answer.
//!
//! Four threads, so that nothing urgent waits behind something slow:
//!
//! ```text
//! ToStorekeeper -> storekeeper -+-> writer   changes, many in one commit, then the index
//!                  (hands out)  +-> reader   questions and filters, beside a running commit
//!                               +-> journal  accepted and ended work, many in one commit
//! ```
//!
//! **Order.** Changes are carried out in the order sent, journal entries too. A question may
//! overtake changes that are not yet answered; it sees everything that was answered before it was
//! sent. What is answered `Stored` is durable *and* searchable.
//!
//! **When the database fails.** Locked, disk full, disk errors: changes wait and are tried again for
//! as long as it takes, while questions are answered `Unavailable`. The queues fill, and the listing
//! slows down. A database that is damaged, or that refuses what this program writes, ends it
//! (`Broken`): the broker's successor starts from what is durable.

use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded};

use self::halt::Halt;
use self::publish::{Index, IndexFailure};
use self::reports::{PanicWatch, Tell, broken};
use self::results::ResultsLog;
use self::writer::Awaited;
use crate::base::{ErrorChain, Timestamp};
use crate::config::Maintenance;
use crate::domain::parts::MAX_FURNITURE_BYTES;
use crate::proto::stage::{Answer, Question};
use crate::proto::work::MaintenanceTask;
use crate::store::state::StateFile;
use crate::store::{AccountTask, AccountsDue, Change, IndexEntry, Location, RetryRule, Store, StoreError};
use crate::storekeeper::orders::{FromStorekeeper, ToStorekeeper};

#[cfg(test)]
mod fakes;
mod halt;
mod journal;
mod journal_format;
#[cfg(test)]
mod kill_test;
pub mod open;
pub mod orders;
mod publish;
mod publish_codes;
mod reader;
mod reports;
mod results;
mod settings;
mod sizes;
mod surroundings;
#[cfg(test)]
mod tests;
mod trouble;
mod writer;

pub use publish::Publisher;
pub use publish_codes::{CodesWriter, is_behind};
pub use settings::{StorekeeperError, StorekeeperSettings};

/// Messages that may wait before the sender has to, and again before each of the three threads.
const QUEUE_LENGTH: usize = 1024;

/// A post of which an image failed is fetched this often at most, the first time included.
const MAX_ATTEMPTS: u32 = 10;

/// The queue to the storekeeper. A full one makes `try_send` fail: the broker keeps the message and
/// gives out less work until there is room.
pub fn channel() -> (Sender<ToStorekeeper>, Receiver<ToStorekeeper>) {
    bounded(QUEUE_LENGTH)
}

/// The running storekeeper.
pub struct StorekeeperHandle {
    thread: JoinHandle<()>,
    halt: Halt,
    ended: Receiver<()>,
}

impl StorekeeperHandle {
    /// Waits for the end after `ToStorekeeper::Stop` was sent, or all senders were dropped: what was
    /// sent before is written, unless the database is away just then. After `patience` it ends
    /// whatever it waits for. False if that was needed, or if a thread panicked.
    pub fn finish(self, patience: Duration) -> bool {
        let deadline = Instant::now() + patience;
        let in_time =
            !matches!(self.ended.recv_deadline(deadline), Err(crossbeam_channel::RecvTimeoutError::Timeout));
        self.halt.raise();
        self.thread.join().is_ok() && in_time
    }
}

/// The database behind the setting `database.url`, relative to `data_dir`.
///
/// # Errors
/// When the URL is of no engine that this program has.
pub fn location(url: &str, data_dir: &Path, maintenance: &Maintenance) -> Result<Location, StoreError> {
    Location::parse(url, data_dir, retry_rule(maintenance))
}

fn retry_rule(maintenance: &Maintenance) -> RetryRule {
    RetryRule { pause: maintenance.retry, max_attempts: MAX_ATTEMPTS }
}

/// The writing ends of the indexes.
pub struct Indexes<P> {
    pub images: P,
    /// `None` where there is to be none.
    pub codes: Option<CodesWriter>,
}

/// Opens the database and the journal and starts the threads.
///
/// The first message `from` gets is `Opened`, after a moment. An index that lacks more than a hundred
/// thousand images then is made beside the other work (in half a minute for ten million), and `Indexing`
/// says how far it is.
/// `from` is called from several threads, one call at a time each, and should not block for long.
///
/// # Errors
/// When the database or the journal cannot be opened, or were made by a newer program.
pub fn start(
    settings: StorekeeperSettings,
    indexes: Indexes<impl Publisher<Entry = IndexEntry> + 'static>,
    to: Receiver<ToStorekeeper>,
    from: impl Fn(FromStorekeeper) + Send + Sync + 'static,
) -> Result<StorekeeperHandle, StorekeeperError> {
    let database = |source| StorekeeperError::Database { source };
    let location =
        location(&settings.database_url, &settings.data_dir, &settings.maintenance).map_err(database)?;
    let halt = Halt::default();
    let tell: Tell = Arc::new(surroundings::explaining(settings.data_dir.clone(), from));
    let sizes = sizes::Sizes::new(&settings);
    sizes::start(sizes, Arc::clone(&tell), halt.clone())
        .map_err(|source| StorekeeperError::Thread { source })?;
    let parts = Parts {
        store: location.open().map_err(database)?,
        reader: location.open_reader().map_err(database)?,
        state: StateFile::open(&settings.data_dir.join("state.db"))
            .map_err(|source| StorekeeperError::Journal { source })?,
        maintenance: settings.maintenance,
        results: settings.results_log.as_deref().map(ResultsLog::new),
        tell,
        halt,
    };
    launch(parts, indexes, to)
}

/// Everything opened, before the threads divide it among them.
struct Parts {
    store: Box<dyn Store>,
    reader: Box<dyn Store>,
    state: StateFile,
    maintenance: Maintenance,
    results: Option<ResultsLog>,
    tell: Tell,
    halt: Halt,
}

fn launch(
    parts: Parts,
    indexes: Indexes<impl Publisher<Entry = IndexEntry> + 'static>,
    to: Receiver<ToStorekeeper>,
) -> Result<StorekeeperHandle, StorekeeperError> {
    let halt = parts.halt.clone();
    let (ending, ended) = bounded(0);
    let thread = std::thread::Builder::new()
        .name("storekeeper".to_owned())
        .spawn(move || {
            // Dropped at the end, however that comes, which `finish` hears.
            let _ending: Sender<()> = ending;
            run(parts, indexes, &to);
        })
        .map_err(|source| StorekeeperError::Thread { source })?;
    Ok(StorekeeperHandle { thread, halt, ended })
}

/// Catches up, says so, and hands out messages until the end.
fn run(
    parts: Parts,
    indexes: Indexes<impl Publisher<Entry = IndexEntry> + 'static>,
    to: &Receiver<ToStorekeeper>,
) {
    let Parts { mut store, reader, mut state, maintenance, results, tell, halt } = parts;
    let _watch = PanicWatch { tell: Arc::clone(&tell) };
    let mut index = Index::new(indexes.images, halt.clone());
    let mut codes = indexes.codes.map(|codes| Index::new(codes, halt.clone()));
    let opened = loop {
        match open(&mut *store, &mut state, &mut index, codes.as_mut()) {
            Ok(opened) => break opened,
            Err(failure) if failure.may_pass() => {
                tracing::warn!(error = %ErrorChain(&failure), "the index cannot follow the database yet");
                if halt.pause(Duration::from_secs(1)) {
                    return;
                }
            }
            Err(failure) => return broken(&tell, &failure),
        }
    };
    tell(opened);
    let (to_writer, for_writer) = bounded(QUEUE_LENGTH);
    let (to_reader, for_reader) = bounded(QUEUE_LENGTH);
    let (to_journal, for_journal) = bounded(QUEUE_LENGTH);
    // Both are closed here, one after the other. Connections that close at the same time may each take the
    // other for a user of the log, and a log that stays belongs to the file: who copies the file alone, or
    // puts another in its place, would lose by it.
    let mut writer = writer::Writer::new(store, index, codes, Arc::clone(&tell), halt.clone());
    let mut reader = reader::Reader::new(reader, Arc::clone(&tell));
    let (write, read) = (&mut writer, &mut reader);
    let journal =
        journal::Journal::new(state, retry_rule(&maintenance), results, Arc::clone(&tell), halt.clone());
    std::thread::scope(|scope| {
        let watched = |part: Box<dyn FnOnce() + Send>| {
            let watch = PanicWatch { tell: Arc::clone(&tell) };
            move || {
                let _watch = watch;
                part();
            }
        };
        for (name, part) in [
            ("store-writer", Box::new(move || write.run(&for_writer)) as Box<dyn FnOnce() + Send>),
            ("store-reader", Box::new(move || read.run(&for_reader))),
            ("store-journal", Box::new(move || journal.run(&for_journal))),
        ] {
            let builder = std::thread::Builder::new().name(name.to_owned());
            if let Err(source) = builder.spawn_scoped(scope, watched(part)) {
                return broken(&tell, &StorekeeperError::Thread { source });
            }
        }
        hand_out(to, &maintenance, &to_writer, &to_reader, &to_journal);
        // The queues close, and nobody waits for better times any more: each part finishes what it has.
        halt.raise();
        drop((to_writer, to_reader, to_journal));
    });
}

/// Brings the indexes in step with the database, and reads what the broker starts from.
fn open<P: Publisher<Entry = IndexEntry>>(
    store: &mut dyn Store,
    state: &mut StateFile,
    index: &mut Index<P>,
    codes: Option<&mut Index<CodesWriter>>,
) -> Result<FromStorekeeper, IndexFailure> {
    if let Some(source) = index.attach(store, state.index_source()?.as_deref())? {
        state.set_index_source(&source)?;
    }
    // Little is added before anybody is heard; much is added by the writer, beside its other work.
    let added = index.begin(store)?;
    let progress = index.progress();
    if !progress.is_complete() {
        tracing::info!(images = progress.total, "the fingerprint index is being made");
    } else if added > 0 {
        tracing::info!(fingerprints = added, "the index caught up with the database");
    }
    if let Some(codes) = codes {
        codes.begin_codes(store)?;
        if !codes.progress().is_complete() {
            tracing::info!(images = codes.progress().total, "the index of codes is being made");
        }
    }
    let counts = store.counts()?;
    let unfinished = journal::unfinished(state)?;
    let ledger = state.ledger(Timestamp::now())?;
    let (marks, removals_left, watches) = (store.marks()?, store.removals_left()?, store.watches()?);
    Ok(FromStorekeeper::Opened { counts, unfinished, ledger, index: progress, marks, removals_left, watches })
}

/// Gives each message to the thread it is for, until `Stop` or until a thread has ended.
fn hand_out(
    to: &Receiver<ToStorekeeper>,
    maintenance: &Maintenance,
    writer: &Sender<writer::Order>,
    reader: &Sender<reader::Order>,
    journal: &Sender<journal::Order>,
) {
    let write = |change, awaited| writer.send(writer::Order { change, awaited }).is_ok();
    for message in to {
        let taken = match message {
            ToStorekeeper::StorePosts { ticket, account, posts } => {
                write(Change::Posts { account, posts }, Awaited::Stored(ticket))
            }
            ToStorekeeper::StoreCursor { ticket, account, end } => {
                write(Change::Cursor { account, end }, Awaited::Stored(ticket))
            }
            ToStorekeeper::CountUse { accounts } => write(Change::CountUse { accounts }, Awaited::Nothing),
            ToStorekeeper::FilterNew { ticket, posts, .. } => {
                reader.send(reader::Order::Filter { ticket, posts }).is_ok()
            }
            ToStorekeeper::Journal { ticket, entry } => {
                journal.send(journal::Order::Entry { ticket, entry }).is_ok()
            }
            ToStorekeeper::Forget { ticket, subject, note } => {
                write(Change::Forget { subject, note }, Awaited::Removed(ticket))
            }
            ToStorekeeper::Lift { ticket, mark } => write(Change::Lift(mark), Awaited::Removed(ticket)),
            ToStorekeeper::RemovePosts { ticket, posts } => {
                write(Change::RemovePosts(posts), Awaited::Removed(ticket))
            }
            ToStorekeeper::ForgetNotes { subject } => journal.send(journal::Order::Forget(subject)).is_ok(),
            ToStorekeeper::NoteResult { view } => journal.send(journal::Order::Result(view)).is_ok(),
            ToStorekeeper::WantPosts { posts } => journal.send(journal::Order::Want(posts)).is_ok(),
            ToStorekeeper::SettleWanted { posts } => {
                journal.send(journal::Order::SettleWanted(posts)).is_ok()
            }
            ToStorekeeper::NotePage { page } => journal.send(journal::Order::Page(page)).is_ok(),
            ToStorekeeper::CountReads { reads } => journal.send(journal::Order::Reads(reads)).is_ok(),
            ToStorekeeper::Ask { ticket, question: Question::WantedPostsDue { limit } } => {
                journal.send(journal::Order::TakeWanted { ticket, limit }).is_ok()
            }
            ToStorekeeper::Ask { ticket, question: Question::PagesLike { fingerprints, radius } } => {
                journal.send(journal::Order::FindPages { ticket, fingerprints, radius }).is_ok()
            }
            ToStorekeeper::Ask { ticket, question } => match sort(question, maintenance, Timestamp::now()) {
                Sorted::Change(change) => write(change, Awaited::Answer(ticket)),
                Sorted::Read(question) => reader.send(reader::Order::Ask { ticket, question }).is_ok(),
                Sorted::Known(answer) => reader.send(reader::Order::Say { ticket, answer }).is_ok(),
            },
            ToStorekeeper::Stop => return,
        };
        if !taken {
            return;
        }
    }
}

/// Who answers a question.
enum Sorted {
    /// The writer, since answering changes something.
    Change(Change),
    Read(reader::Read),
    /// Nobody has to look.
    Known(Answer),
}

fn sort(question: Question, maintenance: &Maintenance, now: Timestamp) -> Sorted {
    let due = |task, period: Option<Duration>, limit| match period {
        None => Sorted::Known(Answer::Accounts(Vec::new())),
        Some(period) => Sorted::Change(Change::TakeAccounts {
            due: AccountsDue::of_period(task, period, maintenance.strict_periods, now),
            limit,
        }),
    };
    match question {
        Question::AccountStates(keys) => Sorted::Read(reader::Read::AccountStates(keys)),
        Question::Images(ids) => Sorted::Read(reader::Read::Images(ids)),
        Question::Accounts(asked) => Sorted::Read(reader::Read::Accounts(asked)),
        Question::Tombstones { after } => Sorted::Read(reader::Read::Tombstones { after }),
        Question::PostAuthors(posts) => Sorted::Read(reader::Read::PostAuthors(posts)),
        Question::AccountNumbers(keys) => Sorted::Read(reader::Read::AccountNumbers(keys)),
        Question::AccountFingerprints { account, after } => {
            Sorted::Read(reader::Read::AccountFingerprints { account, after })
        }
        Question::AccountParts { account, after } => {
            Sorted::Read(reader::Read::AccountParts { account, after })
        }
        Question::PartsSample { after, limit } => Sorted::Read(reader::Read::PartsSample { after, limit }),
        Question::Furniture => Sorted::Read(reader::Read::Furniture),
        Question::KeepFurniture(features) if features.len() > MAX_FURNITURE_BYTES => {
            tracing::error!(bytes = features.len(), "the list of common features is too long to be kept");
            Sorted::Known(Answer::Unavailable("the list of common features is too long".to_owned()))
        }
        Question::KeepFurniture(features) => Sorted::Change(Change::KeepFurniture(features)),
        Question::PartsOf(ids) => Sorted::Read(reader::Read::PartsOf(ids)),
        Question::ResetSearchCursors(accounts) => Sorted::Change(Change::ForgetSearchCursors { accounts }),
        Question::Verdicts { pages, accounts } => Sorted::Read(reader::Read::Verdicts { pages, accounts }),
        Question::PostImages(posts) => Sorted::Read(reader::Read::PostImages(posts)),
        Question::StoredPosts { account, after } => {
            Sorted::Read(reader::Read::StoredPosts { account, after })
        }
        Question::VerdictsBefore(before) => Sorted::Read(reader::Read::VerdictsBefore(before)),
        Question::KeepVerdicts(verdicts) => Sorted::Change(Change::KeepVerdicts(verdicts)),
        Question::RemoveVerdict(id) => Sorted::Change(Change::RemoveVerdict(id)),
        Question::Feed { accounts, skip } => Sorted::Read(reader::Read::Feed { accounts, skip }),
        Question::KeepWatch(watch) => Sorted::Change(Change::KeepWatch(watch)),
        Question::EndWatch(id) => Sorted::Change(Change::EndWatch(id)),
        Question::RetriesDue { limit } => Sorted::Change(Change::TakeRetries { limit }),
        Question::AccountsDue { task: MaintenanceTask::UpdateAccounts, limit } => {
            due(AccountTask::Update, maintenance.auto_update, limit)
        }
        Question::AccountsDue { task: MaintenanceTask::ResetSearchCursors, limit } => {
            due(AccountTask::ResetSearchCursor, maintenance.search_cursor_reset, limit)
        }
        // Retries are of posts; `RetriesDue` asks for them. Furniture is of all accounts.
        Question::AccountsDue {
            task: MaintenanceTask::RetryPosts | MaintenanceTask::FindFurniture, ..
        } => Sorted::Known(Answer::Accounts(Vec::new())),
        Question::StartScans { .. }
        | Question::RetryPosts(_)
        | Question::LookUpPosts(_)
        | Question::SearchedPosts { .. }
        | Question::WantedPostsDue { .. }
        | Question::PagesLike { .. } => {
            tracing::error!("a question for another part came to the storekeeper's database");
            Sorted::Known(Answer::Unavailable("it is not for the database".to_owned()))
        }
    }
}
