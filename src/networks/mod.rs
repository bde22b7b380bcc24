//! The social networks on which artists publish: looking accounts up, listing their posts with
//! images, asking whether a post still exists. Owns each network's API: its limits, its credentials, its
//! wire types and its ways to fail. Called by the listing stage alone, which is the only role that
//! holds credentials. It stores nothing, downloads no image, and knows no queue.

pub mod twitter;

use std::ops::ControlFlow;

use crate::base::ids::{AccountKey, Network, PostKey};
use crate::base::{Reaction, Timestamp};
use crate::fetch::FetchError;
use crate::proto::data::{Account, AccountRef, Cursor, ListedPost, ListingEnd, PostState, Resolution};
use crate::proto::failure::FailureCode;

/// A page of a listing is delivered in pieces of at most this many posts, so that a piece fits into
/// one message between processes.
pub const MAX_POSTS_PER_PIECE: usize = 50;

/// What the program needs of a network. All calls block, and wait out the network's rate limits
/// through the `Waiter` that the client was made with.
pub trait NetworkClient: Send + Sync {
    fn network(&self) -> Network;

    /// What the network knows about these accounts: one answer each, in the order asked. Costs one
    /// user read for each account found. A reference to another network is `Missing`.
    ///
    /// # Errors
    /// When some of them could not be asked about; then none is answered.
    fn resolve(&self, refs: &[AccountRef]) -> Result<Vec<Resolution>, NetworkError>;

    /// Lists the account's own posts with images, newest first, from the newest back to `cursor`, by
    /// the way that the cursor's kind names.
    ///
    /// `page` gets the posts in pieces of at most `MAX_POSTS_PER_PIECE`, and the number of posts that were
    /// read (and paid for) since its last call. A page without images is a call without posts. When
    /// `page` breaks, the listing ends with `Stopping`.
    ///
    /// # Errors
    /// Any; the pieces delivered before remain valid, but the old cursor must be kept.
    fn list_posts(
        &self,
        account: &Account,
        cursor: &Cursor,
        page: &mut dyn FnMut(Vec<ListedPost>, u64) -> ControlFlow<()>,
    ) -> Result<ListingEnd, NetworkError>;

    /// Whether these posts can still be seen, in the order asked. What the network does not say
    /// clearly is `Unknown`.
    ///
    /// # Errors
    /// Only `Stopping`: a post whose state cannot be had is `Unknown`.
    fn check_posts(&self, posts: &[PostKey]) -> Result<Vec<PostState>, NetworkError>;
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
    /// No credential may use this endpoint; the last of them was refused so.
    #[error("credential {credential} is not accepted by {endpoint}: {why}")]
    Unauthorized { credential: usize, endpoint: &'static str, why: String },
    #[error("account {account} does not exist")]
    AccountMissing { account: AccountKey },
    #[error("account {account} shows its posts to approved followers only")]
    AccountPrivate { account: AccountKey },
    #[error("account {account} is suspended")]
    AccountSuspended { account: AccountKey },
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
            | NetworkError::Unauthorized { .. }
            | NetworkError::AccountMissing { .. }
            | NetworkError::AccountPrivate { .. }
            | NetworkError::AccountSuspended { .. }
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
            | NetworkError::AccountSuspended { .. } => FailureCode::NoValidTwitterAccountFound,
            NetworkError::Blocked { .. } => FailureCode::BlockedByTwitterAccount,
            NetworkError::RateLimited { .. }
            | NetworkError::UsageCapped { .. }
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
