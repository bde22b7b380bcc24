//! Why a network did not do what was asked, and what follows from it.

use crate::base::ids::{AccountKey, Network};
use crate::base::{Reaction, Timestamp};
use crate::domain::failure::FailureCode;
use crate::fetch::FetchError;

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
