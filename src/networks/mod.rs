//! The social networks on which artists publish: looking accounts up, listing their posts with
//! images, asking whether a post still exists. Owns each network's API: its limits, its credentials, its
//! wire types and its ways to fail. Called by the listing stage alone, which is the only role that
//! holds credentials; `original`, which needs none, by the indexing stage. It stores nothing and knows no queue.

mod asking;
pub mod bluesky;
mod delivery;
#[cfg(test)]
mod fake;
pub mod fxtwitter;
pub mod mastodon;
mod original;
pub mod sources;
pub mod twitter;

use std::ops::ControlFlow;
use std::time::Duration;

use crate::base::ids::{AccountKey, Network, PostKey};
use crate::base::{Reaction, Timestamp};
use crate::domain::accounts::{Account, AccountRef, Resolution};
use crate::domain::failure::FailureCode;
use crate::domain::posts::{ListedPost, PostOutcome, PostState};
use crate::domain::reads::{PaidReads, ReadWish};
use crate::domain::scans::{Cursor, ListingEnd};
use crate::fetch::FetchError;

pub use original::{fetch_original, image_called};

/// A listing by date starts this much before its cursor: posts are indexed late, and dates have whole seconds.
const OVERLAP: Duration = Duration::from_secs(86_400);

/// A page of a listing is delivered in pieces of at most this many posts, so that a piece fits into
/// one message between processes.
pub const MAX_POSTS_PER_PIECE: usize = 50;

/// What the program needs of a network. All calls block, and wait out the network's rate limits
/// through the `Waiter` that the client was made with.
pub trait NetworkClient: Send + Sync {
    fn network(&self) -> Network;

    /// Whether what is read by it is paid for.
    fn is_billed(&self) -> bool {
        false
    }

    /// What the network knows about these accounts: one answer each, in the order asked; that of an account
    /// which moved is followed by its successor's. Costs one user read for each account found, where reads
    /// cost something. A reference to another network is `Missing`.
    ///
    /// # Errors
    /// When some of them could not be asked about; then none is answered.
    fn resolve(&self, refs: &[AccountRef]) -> Result<Vec<Resolution>, NetworkError>;

    /// Lists the account's own posts with images, newest first, from the newest back to `cursor`, by
    /// the way that the cursor's kind names.
    ///
    /// `page` gets the posts in pieces of at most `MAX_POSTS_PER_PIECE`. A page without images is a call
    /// without posts. When `page` breaks, the work is no longer wanted, and the listing ends with `Stopping`.
    ///
    /// # Errors
    /// Any; the pieces delivered before remain valid, but the old cursor must be kept.
    fn list_posts(
        &self,
        account: &Account,
        cursor: &Cursor,
        page: &mut dyn FnMut(Vec<ListedPost>) -> ControlFlow<()>,
    ) -> Result<ListingEnd, NetworkError>;

    /// Lists what a search of the account has missed: like `list_posts` by a timeline's cursor, but posts that
    /// the search has listed need not be delivered again. The default lists everything.
    ///
    /// # Errors
    /// As `list_posts`.
    fn list_missed_posts(
        &self,
        account: &Account,
        cursor: &Cursor,
        _searched: &SearchedPosts,
        page: &mut dyn FnMut(Vec<ListedPost>) -> ControlFlow<()>,
    ) -> Result<ListingEnd, NetworkError> {
        self.list_posts(account, cursor, page)
    }

    /// Whether these posts can still be seen, in the order asked. What the network does not say
    /// clearly is `Unknown`.
    ///
    /// # Errors
    /// Only `Stopping`: a post whose state cannot be had is `Unknown`.
    fn check_posts(&self, posts: &[PostKey]) -> Result<Vec<PostState>, NetworkError>;

    /// What these posts show and whose they are, in the order asked. Costs one post read for each that is there,
    /// where reads cost something. The default is for networks where listing an account costs nothing: it leaves
    /// all unknown.
    ///
    /// # Errors
    /// When some of them could not be asked about; then none is answered.
    fn look_posts_up(&self, posts: &[PostKey]) -> Result<Vec<PostOutcome>, NetworkError> {
        Ok(vec![PostOutcome::Unknown; posts.len()])
    }

    /// Whether these accounts are still there, in the order asked: for removing those that are not, so what the
    /// network does not say in so many words is `Unknown`, also where it cannot be asked. Costs one user read for
    /// each account that is there, where reads cost something.
    ///
    /// # Errors
    /// Only `Stopping`.
    fn check_accounts(&self, accounts: &[Account]) -> Result<Vec<Presence>, NetworkError>;
}

/// What a network says of an account that it once showed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Presence {
    Present,
    /// It named the account, and said that there is none such. X says the same of a deactivated account, which
    /// it keeps for 30 days.
    Missing,
    Suspended,
    /// Its posts are for approved followers only.
    Private,
    Deactivated,
    /// There, but its owner asks not to be shown or indexed, and the settings respect that.
    OptedOut,
    /// `why` is for people.
    Unknown {
        why: String,
    },
}

impl Presence {
    fn unknown(why: impl ToString) -> Presence {
        Presence::Unknown { why: why.to_string() }
    }
}

/// What a search of an account has listed.
#[derive(Clone, Debug, Default)]
pub struct SearchedPosts {
    /// The cursor that it started from; `None` for all posts.
    pub since: Option<Timestamp>,
    /// The newest of its posts with images, as many as a timeline can show.
    pub ids: Vec<String>,
}

/// How a client waits: visibly, and so that it can be interrupted. One per worker.
pub trait Waiter: Send + Sync {
    /// Returns at `until`, or at once if that has passed. `why` is for people, such as `users/:id/tweets`.
    /// The time left is to be measured once, when called: a clock that is set back must not prolong it.
    ///
    /// # Errors
    /// `Stopping`, as soon as the program stops or the work is no longer wanted.
    fn wait_until(&self, until: Timestamp, why: &str) -> Result<(), Stopping>;
}

/// Allows and hears what is read from a network that bills for it.
pub trait Meter: Send + Sync {
    /// Called before each request: how much it may read, from the wish's least to its most. Waits where a listing
    /// may go on later.
    ///
    /// # Errors
    /// `OverBudget`, or `Stopping`.
    fn reserve(&self, wish: ReadWish) -> Result<u64, NetworkError>;

    /// Called once after each request, before what its answer holds is handed on; without reads when it failed.
    fn paid(&self, reads: PaidReads);
}

/// The wait was interrupted: give the work back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the program is stopping")]
pub struct Stopping;

/// Why a network did not do what was asked.
#[derive(Clone, Debug, thiserror::Error)]
pub enum NetworkError {
    /// It refused again and again although its own limits were kept.
    #[error("{endpoint} takes no more requests until {until}")]
    RateLimited { endpoint: &'static str, until: Timestamp },
    /// Paid reads, or a plan's allowance, are used up: waiting for a rate limit's end does not help.
    #[error("the paid allowance of the API is used up: {why}")]
    UsageCapped { why: String },
    /// The limits that this server's owner has set would be passed.
    #[error("the budget does not allow the request: {why}")]
    OverBudget { why: String },
    /// No credential may use this endpoint; the last of them was refused so.
    #[error("credential {credential} is not accepted by {endpoint}: {why}")]
    Unauthorized { credential: usize, endpoint: &'static str, why: String },
    #[error("account {account} does not exist")]
    AccountMissing { account: AccountKey },
    #[error("account {account} shows its posts to approved followers only")]
    AccountPrivate { account: AccountKey },
    #[error("account {account} is suspended")]
    AccountSuspended { account: AccountKey },
    /// Its owner or its server does not want it to be read: opted out, deactivated, behind a login.
    #[error("account {account} {why}")]
    AccountClosed { account: AccountKey, why: String },
    /// It is public, but shows its posts to none of our credentials.
    #[error("account {account} blocks every credential")]
    Blocked { account: AccountKey },
    /// The network found the request itself wrong.
    #[error("{endpoint} refused the request: {why}")]
    Refused { endpoint: &'static str, why: String },
    /// The answer is not what the network's contract promises.
    #[error("the answer of {url} cannot be read: {why}")]
    Unreadable { url: String, why: String },
    #[error(transparent)]
    Fetch(FetchError),
    #[error("the program is stopping")]
    Stopping,
    #[error("no credential for {network} is configured")]
    NoCredentials { network: Network },
}

impl NetworkError {
    /// What a caller should do with the work.
    pub fn reaction(&self) -> Reaction {
        match self {
            NetworkError::RateLimited { until, .. } => Reaction::WaitUntil(*until),
            NetworkError::Unreadable { .. } => Reaction::Backoff,
            NetworkError::UsageCapped { .. }
            | NetworkError::OverBudget { .. }
            | NetworkError::Unauthorized { .. }
            | NetworkError::AccountMissing { .. }
            | NetworkError::AccountPrivate { .. }
            | NetworkError::AccountSuspended { .. }
            | NetworkError::AccountClosed { .. }
            | NetworkError::Blocked { .. }
            | NetworkError::Refused { .. }
            | NetworkError::NoCredentials { .. } => Reaction::GiveUp,
            NetworkError::Fetch(error) => error.reaction(),
            NetworkError::Stopping => Reaction::Stop,
        }
    }

    /// What a user is told when the work is given up because of this.
    pub fn failure_code(&self) -> FailureCode {
        match self {
            NetworkError::AccountMissing { .. }
            | NetworkError::AccountPrivate { .. }
            | NetworkError::AccountSuspended { .. }
            | NetworkError::AccountClosed { .. } => FailureCode::NoValidTwitterAccountFound,
            NetworkError::Blocked { .. } => FailureCode::BlockedByTwitterAccount,
            NetworkError::UsageCapped { .. } | NetworkError::OverBudget { .. } => {
                FailureCode::ApiBudgetExhausted
            }
            NetworkError::RateLimited { .. }
            | NetworkError::Unauthorized { .. }
            | NetworkError::Refused { .. }
            | NetworkError::Unreadable { .. }
            | NetworkError::Fetch(_)
            | NetworkError::Stopping
            | NetworkError::NoCredentials { .. } => FailureCode::ProcessingError,
        }
    }
}

impl From<FetchError> for NetworkError {
    fn from(error: FetchError) -> NetworkError {
        match error {
            FetchError::Stopping => NetworkError::Stopping,
            error => NetworkError::Fetch(error),
        }
    }
}

impl From<Stopping> for NetworkError {
    fn from(_: Stopping) -> NetworkError {
        NetworkError::Stopping
    }
}

/// Where a listing by date begins.
///
/// # Errors
/// `Refused` for the cursor of a listing that the network does not have.
fn list_start(cursor: &Cursor, endpoint: &'static str) -> Result<Option<Timestamp>, NetworkError> {
    match cursor {
        Cursor::Search(since) => Ok(*since),
        Cursor::Timeline(_) => {
            Err(NetworkError::Refused { endpoint, why: "it has no listing by post number".to_owned() })
        }
    }
}
