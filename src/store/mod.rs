//! The database: the only room with SQL. Owns the schema (`migrations/`), the engines, and the state
//! file beside the database. Called by the storekeeper's threads and by the `aotf db` commands, never
//! by a stage. It never decides what is to be stored or when, never reads a clock, and never touches
//! the fingerprint index.
//!
//! One `Store`, several engines: `contract` is the suite that each of them passes.
//!
//! # What a commit promises
//!
//! When [`Store::apply`] returns, its changes are on the disk: SQLite runs in WAL mode with
//! `synchronous = FULL`, so they survive `kill -9` and a power cut, as far as the disk tells the
//! truth about flushing. The cheaper `NORMAL` would keep the file consistent, but a power cut could
//! take back the last commits, whose image numbers the fingerprint index already holds and the
//! database would then give to other images. One flush per commit is made affordable by putting many
//! changes into one.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::base::ids::{AccountKey, AccountNo, ImageId, Network, PostKey};
use crate::base::{Fingerprint, Timestamp};
use crate::domain::accounts::{Account, AccountRecord, AccountState};
use crate::domain::images::StoreCounts;
use crate::domain::posts::{ImageRecord, IndexedPost, ListedPost, RetryPost};
use crate::domain::scans::ListingEnd;

pub mod backfill;
pub mod backup;
mod codec;
#[cfg(test)]
mod contract;
mod error;
pub mod import;
pub mod integrity;
mod ledger;
pub mod liveness;
mod merge_rules;
pub mod migrate;
mod noted_posts;
pub mod removal;
mod schedule;
mod schema;
mod server;
mod sqlite;
pub mod state;
mod table_io;
#[cfg(test)]
mod test_server;

pub use error::{EngineError, EngineFault, StoreError};

/// One connection to the database. Blocking; used by one thread at a time. Other connections, also
/// of other processes, may be open beside it.
///
/// Implementors: image and account numbers grow with every insertion, are never used again, and
/// *become visible in increasing order*: what a reader sees beyond a number it knows is all there
/// will ever be between. Concurrent writers must therefore be kept apart.
pub trait Store: Send {
    /// Carries out `changes` in order, all or none, and returns when they are durable.
    ///
    /// # Errors
    /// Nothing was changed. `StoreError::reaction` says whether the same call may succeed later.
    fn apply(&mut self, changes: &[Change], now: Timestamp) -> Result<Committed, StoreError>;

    /// What is known of each account, in the order asked; unknown accounts have no cursors.
    fn account_states(&mut self, keys: &[AccountKey]) -> Result<Vec<AccountState>, StoreError>;

    /// All that is known of one account; `None` for an unknown one.
    fn account_record(&mut self, key: &AccountKey) -> Result<Option<AccountRecord>, StoreError>;

    /// The accounts that were seen under this handle, whoever was seen with it last first.
    fn accounts_called(&mut self, network: Network, handle: &str) -> Result<Vec<AccountKey>, StoreError>;

    /// The numbers of these accounts, in the order asked; unknown accounts are left out.
    fn account_numbers(&mut self, keys: &[AccountKey]) -> Result<Vec<(AccountKey, AccountNo)>, StoreError>;

    /// The images of these numbers, in the order asked; unknown numbers are left out.
    fn images(&mut self, ids: &[ImageId]) -> Result<Vec<ImageRecord>, StoreError>;

    /// Of these posts, those that are worth fetching, in the order given: posts that are not stored,
    /// and posts of which an image failed and is still retried, reduced to the failed images.
    fn missing(&mut self, posts: &[ListedPost]) -> Result<Vec<ListedPost>, StoreError>;

    /// For each post, in the order asked, the fingerprints of its images by position, `None` where an
    /// image has none; `None` for a post that is not stored.
    fn fingerprints_of(
        &mut self,
        posts: &[PostKey],
    ) -> Result<Vec<Option<Vec<Option<Fingerprint>>>>, StoreError>;

    /// Up to `limit` searchable images beyond the image `after`, in the order of their numbers.
    /// Fewer than `limit` means that there are no more at present.
    fn fingerprints_after(&mut self, after: ImageId, limit: u32) -> Result<Vec<IndexEntry>, StoreError>;

    /// The same of one account's images alone.
    fn fingerprints_of_account(
        &mut self,
        account: AccountNo,
        after: ImageId,
        limit: u32,
    ) -> Result<Vec<IndexEntry>, StoreError>;

    /// Up to `limit` images beyond the image `after` that are searchable, lack second-stage detail and may
    /// still be had, in the order of their numbers.
    fn bare_images(&mut self, after: ImageId, limit: u32) -> Result<Vec<backfill::BareImage>, StoreError>;

    /// The highest number that an image ever had; 0 before the first.
    fn last_image(&mut self) -> Result<ImageId, StoreError>;

    /// The sizes, without counting.
    fn counts(&mut self) -> Result<StoreCounts, StoreError>;

    /// How many fingerprints and details have another length than they must have, which only a
    /// foreign hand or a damaged file can bring about. Reads every row.
    fn wrong_lengths(&mut self) -> Result<u64, StoreError>;

    /// Random text, made with the database: no other database has it.
    fn identity(&mut self) -> Result<String, StoreError>;
}

/// What is searchable of one image: its fingerprint, and where it has a uniform border, that of what
/// the border frames.
pub type IndexEntry = (ImageId, AccountNo, Fingerprint, Option<Fingerprint>);

/// A change of the database. What brings facts (`Posts`, `Cursor`, `ForgetSearchCursors`) is idempotent: carried
/// out twice, it leaves the same rows, except that the posts read are counted again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Posts of this account, whose images were fetched. A stored post stays as it is, except that
    /// missing fingerprints are filled in (images are matched by name, so failed images alone will do).
    Posts { account: Account, posts: Vec<IndexedPost> },
    /// A listing ended, and all it found is stored.
    Cursor { account: Account, end: ListingEnd },
    /// These accounts were searched. Unknown ones are ignored.
    CountUse { accounts: Vec<AccountKey> },
    /// Search is to list these accounts from the beginning. Unknown ones are ignored.
    ForgetSearchCursors { accounts: Vec<AccountKey> },
    /// Hands out accounts whose turn it is, the longest waiting first. A date that lies in the future was written
    /// while the clock was wrong; it becomes the present one first, so that nobody waits for it.
    TakeAccounts { due: AccountsDue, limit: u32 },
    /// Hands out posts to be tried again, the longest waiting first. Each counts as an attempt now,
    /// whatever comes of it, and is not handed out again before the pause has passed. One that is due later than
    /// that was written while the clock was wrong, and is due now.
    TakeRetries { limit: u32 },
    /// Takes over what another program has stored; what is stored already stays, as with `Posts`.
    Import(import::Page),
    /// Adds the second stage's detail to images that lack it; their fingerprints stay.
    Complete(Vec<(ImageId, backfill::Seen)>),
}

/// Which accounts [`Change::TakeAccounts`] means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountsDue {
    pub task: AccountTask,
    /// Those for whom the task was last done before this.
    pub before: Timestamp,
    /// And whose turn is in one of these ranges; `None` for any turn.
    pub turns: Option<Vec<std::ops::RangeInclusive<u16>>>,
}

impl AccountsDue {
    /// Accounts for whom the task was not done for a period, each when its turn in the round comes,
    /// which spreads them over the period. `at_once` takes all that wait, whoever's turn it is.
    ///
    /// An account that misses its turn waits for the next: ask at least once in 1/32 of the period.
    pub fn of_period(task: AccountTask, period: Duration, at_once: bool, now: Timestamp) -> AccountsDue {
        if at_once {
            return AccountsDue { task, before: now.minus(period), turns: None };
        }
        // What was done a little late in the last round is not to miss this one.
        let before = now.minus(period.saturating_sub(schedule::open_for(period)));
        AccountsDue { task, before, turns: Some(schedule::open_turns(now, period)) }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccountTask {
    /// List again. Handing out counts as done, so an account that cannot be listed any more does not
    /// come up before its next turn.
    Update,
    /// Forget the search cursor, with [`Change::ForgetSearchCursors`].
    ResetSearchCursor,
}

/// What [`Store::apply`] did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Committed {
    /// One for each change, in order.
    pub outcomes: Vec<Outcome>,
    /// What the index lacks now, by increasing number.
    pub entries: Vec<IndexEntry>,
    /// The highest image number before and after.
    pub images_before: ImageId,
    pub images_after: ImageId,
    /// Handles that turned up with another account than before.
    pub moved_handles: Vec<MovedHandle>,
    pub counts: StoreCounts,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    Done,
    /// The handle is empty where none was ever seen (imported accounts).
    Accounts(Vec<(Account, AccountState)>),
    Retries(Vec<RetryPost>),
    /// Of an imported page, so many rows were new.
    Imported {
        new: u64,
    },
    Completed(backfill::Completed),
}

/// A handle that changed hands: links to it that are older mean another person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MovedHandle {
    pub handle: String,
    pub from: AccountKey,
    pub to: AccountKey,
}

/// When failed images are tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryRule {
    pub pause: Duration,
    /// The first fetch included; after that many the post stays in the table, but is left alone.
    pub max_attempts: u32,
}

/// A database's schema: the number of its last migration, and of the last one this program has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schema {
    pub found: u32,
    pub known: u32,
}

/// Where a database is, and how to open it.
#[derive(Clone, Debug)]
pub struct Location {
    engine: Place,
    rule: RetryRule,
}

#[derive(Clone, Debug)]
enum Place {
    File(PathBuf),
    Server(Box<server::link::Address>),
}

impl Location {
    /// From the `database.url` of the settings. `sqlite:` paths are relative to `data_dir`.
    ///
    /// # Errors
    /// `UnknownEngine`, `Address`. Whether the database can be opened shows only then.
    pub fn parse(url: &str, data_dir: &Path, rule: RetryRule) -> Result<Location, StoreError> {
        if let Some(path) = url.strip_prefix("sqlite:").filter(|path| !path.is_empty()) {
            let path = path.strip_prefix("//").unwrap_or(path);
            return Ok(Location { engine: Place::File(data_dir.join(path)), rule });
        }
        match server::link::Address::parse(url) {
            Some(Ok(address)) => Ok(Location { engine: Place::Server(Box::new(address)), rule }),
            Some(Err(why)) => Err(StoreError::Address { why }),
            None => Err(StoreError::UnknownEngine { url: without_password(url) }),
        }
    }

    /// Which schema the database has; `None` where there is none yet. Changes nothing.
    ///
    /// # Errors
    /// It cannot be reached or read, was used with a newer program, or belongs to another one.
    pub fn schema(&self) -> Result<Option<Schema>, StoreError> {
        match &self.engine {
            Place::File(file) if !file.exists() => Ok(None),
            Place::File(file) => sqlite::schema(file).map(Some),
            Place::Server(address) => server::ServerStore::schema(address).map(Some),
        }
    }

    /// Opens the database, creates its file where there is none, and brings its schema up to date.
    ///
    /// # Errors
    /// Also when the database was used with a newer program, or belongs to another one.
    pub fn open(&self) -> Result<Box<dyn Store>, StoreError> {
        Ok(match &self.engine {
            Place::File(file) => Box::new(sqlite::SqliteStore::open(file, self.rule)?),
            Place::Server(address) => Box::new(server::ServerStore::open(address, self.rule)?),
        })
    }

    /// Opens the database as rows of whole tables, up to date as with `open`.
    fn open_dump(&self) -> Result<Box<dyn table_io::Dump>, StoreError> {
        Ok(match &self.engine {
            Place::File(file) => Box::new(sqlite::SqliteStore::open(file, self.rule)?),
            Place::Server(address) => Box::new(server::ServerStore::open(address, self.rule)?),
        })
    }

    /// The address as it may be shown.
    pub fn place(&self) -> String {
        match &self.engine {
            Place::File(file) => format!("sqlite:{}", file.display()),
            Place::Server(address) => address.place.clone(),
        }
    }

    /// Opens a second connection that cannot write, to a database that `open` has prepared.
    pub fn open_reader(&self) -> Result<Box<dyn Store>, StoreError> {
        Ok(match &self.engine {
            Place::File(file) => Box::new(sqlite::SqliteStore::open_reader(file, self.rule)?),
            Place::Server(address) => Box::new(server::ServerStore::open_reader(address, self.rule)?),
        })
    }
}

/// The address as it may be shown: what stands between the scheme and `@` is left out.
fn without_password(url: &str) -> String {
    match (url.find("://"), url.rfind('@')) {
        (Some(scheme), Some(at)) if scheme < at => {
            format!("{}...{}", &url[..scheme + 3], &url[at..])
        }
        _ => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(url: &str, expect: Option<&str>) {
        let rule = RetryRule { pause: Duration::from_secs(1), max_attempts: 1 };
        let file =
            Location::parse(url, Path::new("/data"), rule).ok().and_then(|location| match location.engine {
                Place::File(file) => Some(file),
                Place::Server(_) => None,
            });
        assert_eq!(file.as_deref(), expect.map(Path::new), "{url}");
    }

    #[test]
    fn database_addresses() {
        check("sqlite:aotf.db", Some("/data/aotf.db"));
        check("sqlite:/var/lib/aotf.db", Some("/var/lib/aotf.db"));
        check("sqlite:///var/lib/aotf.db", Some("/var/lib/aotf.db"));
        check("sqlite://aotf.db", Some("/data/aotf.db"));
        check("sqlite:", None);
        check("oracle://u:secret@host/x", None);
    }

    #[test]
    fn a_password_is_not_shown() {
        let rule = RetryRule { pause: Duration::from_secs(1), max_attempts: 1 };
        let error = Location::parse("oracle://u:secret@host/x", Path::new("/"), rule).unwrap_err();
        assert!(!error.to_string().contains("secret"), "{error}");
        assert!(error.to_string().contains("oracle://...@host/x"), "{error}");
    }
}
