//! What can be asked of a commit, and what it answers.

use std::time::Duration;

use super::{backfill, import, schedule};
use crate::base::ids::{AccountKey, AccountNo, ImageId, PostKey};
use crate::base::{Fingerprint, Timestamp};
use crate::domain::accounts::{Account, AccountState};
use crate::domain::forgotten::{Mark, Removal, Subject};
use crate::domain::images::StoreCounts;
use crate::domain::parts::Parts;
use crate::domain::posts::{IndexedPost, RetryPost};
use crate::domain::scans::ListingEnd;
use crate::domain::verdicts::{KeptVerdicts, Verdict, VerdictId};
use crate::domain::watches::{Watch, WatchId};

/// What is searchable of one image: its fingerprint, and where it has a uniform border, that of what
/// the border frames.
pub type IndexEntry = (ImageId, AccountNo, Fingerprint, Option<Fingerprint>);

/// A searchable image with its fingerprints, and its features where they are known.
pub type PartsEntry = (ImageId, Fingerprint, Option<Fingerprint>, Option<Parts>);

/// An image that has features, with its first codes (`fingerprint::parts::first_codes`). It has none where
/// it is not searchable, or where they are of another version.
pub type CodesEntry = (ImageId, AccountNo, Vec<u64>);

/// An image, with its post's id and date.
pub type StoredPost = (ImageId, String, Option<Timestamp>);

/// A change of the database. What brings facts (`Posts`, `Cursor`, `ForgetSearchCursors`) is idempotent:
/// carried out twice, it leaves the same rows, except that the posts read are counted again.
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
    /// Hands out accounts whose turn it is, the longest waiting first. A date that lies in the future was
    /// written while the clock was wrong; it becomes the present one first, so that nobody waits for it.
    TakeAccounts { due: AccountsDue, limit: u32 },
    /// Hands out posts to be tried again, the longest waiting first. Each counts as an attempt now,
    /// whatever comes of it, and is not handed out again before the pause has passed. One that is due later
    /// than that was written while the clock was wrong, and is due now.
    TakeRetries { limit: u32 },
    /// Takes over what another program has stored; what is stored already stays, as with `Posts`.
    Import(import::pages::Page),
    /// People said this: all of it is kept, or none. What is said already stays as it is.
    KeepVerdicts(Vec<Verdict>),
    /// Somebody takes back what was said.
    RemoveVerdict(VerdictId),
    /// Keeps this watch, in place of what is kept of it.
    KeepWatch(Box<Watch>),
    /// Nobody wants to hear of it any more. Of one that is not known: nothing.
    EndWatch(WatchId),
    /// Adds the second stage's detail to images that lack it; their fingerprints stay.
    Complete(Vec<(ImageId, backfill::Seen)>),
    /// Adds local features to images that have none of this version; nothing else of them changes.
    AddParts(Vec<(ImageId, backfill::Seen)>),
    /// The features that many accounts have in common are these from now on.
    KeepFurniture(Vec<u8>),
    /// Leaves a mark, which keeps this from ever being stored again, and removes some of what is stored of
    /// it. To be repeated until nothing is left (`Removal::more`): one commit of all would hold up the
    /// others.
    Forget { subject: Subject, note: String },
    /// What bears this mark may be stored again.
    Lift(Mark),
    /// Removes these posts; nothing keeps them from coming back.
    RemovePosts(Vec<PostKey>),
    /// The index holds nothing more of the removed images up to this one.
    ForgetRemovedImages { up_to: ImageId },
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

/// What [`Store::apply`](super::Store::apply) did.
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
    VerdictsKept(KeptVerdicts),
    /// The verdict that is no more; `None` where there was none of this id.
    VerdictRemoved(Option<Verdict>),
    Removed(Removal),
    /// Whether there was such a mark.
    Lifted(bool),
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
