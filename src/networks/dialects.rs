//! The networks of the Fediverse put together: each reads its own accounts and posts, and what turns out to
//! be the other's is asked of the other.

use super::client::{AccountLookup, NetworkClient, PostLister, PostLookup, Presence, Turns};
use super::error::NetworkError;
use super::fediverse::resolve::{self, Dialect};
use crate::base::ids::{Network, PostKey};
use crate::domain::accounts::{Account, AccountRef, Resolution};
use crate::domain::posts::{PostOutcome, PostState};
use crate::domain::scans::{Cursor, ListingEnd};

/// A client of the Fediverse, as it is by itself.
pub(super) trait Speaker: Dialect + NetworkClient {}

impl<T: Dialect + NetworkClient> Speaker for T {}

/// What is read of one network of the Fediverse, beside the other, if that is read, too.
pub(super) struct OfFediverse {
    own: Box<dyn Speaker>,
    other: Option<Box<dyn Speaker>>,
}

impl OfFediverse {
    pub fn new(own: impl Speaker + 'static, other: Option<impl Speaker + 'static>) -> OfFediverse {
        let other = other.map(|other| Box::new(other) as Box<dyn Speaker>);
        OfFediverse { own: Box::new(own), other }
    }
}

impl OfFediverse {
    /// The own one first.
    fn dialects(&self) -> Vec<&dyn Dialect> {
        let all = std::iter::once(&self.own).chain(&self.other);
        all.map(|speaker| speaker.as_ref() as &dyn Dialect).collect()
    }
}

impl NetworkClient for OfFediverse {
    fn network(&self) -> Network {
        self.own.network()
    }

    /// Which of both an account is of, its server says.
    fn may_know(&self, network: Network) -> bool {
        matches!(network, Network::Mastodon | Network::Misskey)
    }
}

impl AccountLookup for OfFediverse {
    fn resolve(&self, refs: &[AccountRef]) -> Result<Vec<Resolution>, NetworkError> {
        resolve::resolve(&self.dialects(), refs)
    }

    fn check_accounts(&self, accounts: &[Account]) -> Result<Vec<Presence>, NetworkError> {
        self.own.check_accounts(accounts)
    }
}

impl PostLookup for OfFediverse {
    fn check_posts(&self, posts: &[PostKey]) -> Result<Vec<PostState>, NetworkError> {
        self.own.check_posts(posts)
    }

    fn look_posts_up(&self, posts: &[PostKey]) -> Result<Vec<PostOutcome>, NetworkError> {
        resolve::look_posts_up(&self.dialects(), posts)
    }
}

impl PostLister for OfFediverse {
    fn list_in_turns(
        &self,
        account: &Account,
        cursor: &Cursor,
        turns: &mut dyn Turns,
    ) -> Result<ListingEnd, NetworkError> {
        self.own.list_in_turns(account, cursor, turns)
    }
}
