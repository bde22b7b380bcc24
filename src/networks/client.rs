//! What the program needs of a network, in three parts that each client implements where it does the work:
//! looking accounts up, looking posts up, and listing an account's posts. Beside them, how a client waits and
//! how it reports what it reads.

use std::ops::ControlFlow;

use super::error::{NetworkError, Stopping};
use crate::base::Timestamp;
use crate::base::ids::{Network, PostKey};
use crate::domain::accounts::{Account, AccountRef, Resolution};
use crate::domain::posts::{ListedPost, PostOutcome, PostState};
use crate::domain::reads::{PaidReads, ReadWish};
use crate::domain::scans::{Cursor, Hold, ListingEnd, ListingPlace};

/// A network, or one source of it. All calls block, and wait out the network's rate limits through the
/// `Waiter` that the client was made with.
pub trait NetworkClient: AccountLookup + PostLookup + PostLister {
    fn network(&self) -> Network;

    /// Whether it can be asked for accounts that are taken for this network's.
    fn may_know(&self, network: Network) -> bool {
        network == self.network()
    }

    /// Whether what is read by it is paid for.
    fn is_billed(&self) -> bool {
        false
    }
}

/// Asks about accounts.
pub trait AccountLookup: Send + Sync {
    /// What the network knows about these accounts: one answer each, in the order asked; that of an account
    /// which moved is followed by its successor's. Costs one user read for each account found, where reads
    /// cost something. A reference to another network is `Missing`.
    ///
    /// # Errors
    /// When some of them could not be asked about; then none is answered.
    fn resolve(&self, refs: &[AccountRef]) -> Result<Vec<Resolution>, NetworkError>;

    /// Whether these accounts are still there, in the order asked: for removing those that are not, so what
    /// the network does not say in so many words is `Unknown`, also where it cannot be asked. Costs one user
    /// read for each account that is there, where reads cost something.
    ///
    /// # Errors
    /// Only `Stopping`.
    fn check_accounts(&self, accounts: &[Account]) -> Result<Vec<Presence>, NetworkError>;
}

/// Asks about single posts.
pub trait PostLookup: Send + Sync {
    /// Whether these posts can still be seen, in the order asked. What the network does not say
    /// clearly is `Unknown`.
    ///
    /// # Errors
    /// Only `Stopping`: a post whose state cannot be had is `Unknown`.
    fn check_posts(&self, posts: &[PostKey]) -> Result<Vec<PostState>, NetworkError>;

    /// What these posts show and whose they are, in the order asked. Costs one post read for each that is
    /// there, where reads cost something. The default is for networks where listing an account costs nothing:
    /// it leaves all unknown.
    ///
    /// # Errors
    /// When some of them could not be asked about; then none is answered.
    fn look_posts_up(&self, posts: &[PostKey]) -> Result<Vec<PostOutcome>, NetworkError> {
        Ok(vec![PostOutcome::Unknown; posts.len()])
    }
}

/// Takes a listing's posts, in pieces of at most `delivery::MAX_POSTS_PER_PIECE`. A page without images is a
/// call without posts. When it breaks, the work is no longer wanted, and the listing ends with `Stopping`.
pub type PageSink<'a> = dyn FnMut(Vec<ListedPost>) -> ControlFlow<()> + 'a;

/// Takes a listing's posts as `PageSink` does, and can have it left between two of the network's pages, so
/// that it goes on later in another worker.
pub trait Turns {
    /// Where the listing goes on; `None`: at its beginning.
    fn place(&self) -> Option<&ListingPlace>;

    /// Takes a piece of a page. `hold` names the place behind it, where the listing can be left there.
    fn take(&mut self, posts: Vec<ListedPost>, hold: Hold) -> ControlFlow<()>;
}

/// A listing that is taken as a whole.
pub(super) struct Whole<'a, 'b>(pub &'a mut PageSink<'b>);

impl Turns for Whole<'_, '_> {
    fn place(&self) -> Option<&ListingPlace> {
        None
    }

    fn take(&mut self, posts: Vec<ListedPost>, _hold: Hold) -> ControlFlow<()> {
        (self.0)(posts)
    }
}

/// Lists an account's posts.
pub trait PostLister: Send + Sync {
    /// Lists the account's own posts with images, newest first, from the newest back to `cursor`, by
    /// the way that the cursor's kind names. The default is for networks whose listings can be left, which
    /// implement `list_in_turns`; each has one of the two.
    ///
    /// # Errors
    /// Any; the pieces delivered before remain valid, but the old cursor must be kept.
    fn list_posts(
        &self,
        account: &Account,
        cursor: &Cursor,
        page: &mut PageSink<'_>,
    ) -> Result<ListingEnd, NetworkError> {
        self.list_in_turns(account, cursor, &mut Whole(page))
    }

    /// As `list_posts`, from the place that `turns` names.
    ///
    /// # Errors
    /// As `list_posts`; `Stopping` where the listing is left.
    fn list_in_turns(
        &self,
        account: &Account,
        cursor: &Cursor,
        turns: &mut dyn Turns,
    ) -> Result<ListingEnd, NetworkError>;

    /// Lists what a search of the account has missed: like `list_posts` by a timeline's cursor, but posts
    /// that the search has listed need not be delivered again. The default lists everything.
    ///
    /// # Errors
    /// As `list_posts`.
    fn list_missed_posts(
        &self,
        account: &Account,
        cursor: &Cursor,
        _searched: &SearchedPosts,
        page: &mut PageSink<'_>,
    ) -> Result<ListingEnd, NetworkError> {
        self.list_posts(account, cursor, page)
    }
}

/// What a network says of an account that it once showed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Presence {
    Present,
    /// It named the account, and said that there is none such. X says the same of a deactivated account,
    /// which it keeps for 30 days.
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
    pub(super) fn unknown(why: impl ToString) -> Presence {
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
    /// Media items of all its posts, where `ids` are all of the account's.
    pub media: Option<u64>,
    /// Whether an equal count of the network's says that nothing was missed.
    pub counts_are_trusted: bool,
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

/// Grants and counts what is read from a network that bills for it.
pub trait Meter: Send + Sync {
    /// Called before each request: how much it may read, from the wish's least to its most. Waits where a
    /// listing may go on later.
    ///
    /// # Errors
    /// `OverBudget`, or `Stopping`.
    fn reserve(&self, wish: ReadWish) -> Result<u64, NetworkError>;

    /// Called once after each request, before what its answer holds is handed on; without reads when it
    /// failed.
    fn paid(&self, reads: PaidReads);
}
