//! What every index is: entries in, neighbors out.

use crate::base::Fingerprint;
use crate::base::ids::{AccountNo, FormId};

/// One form of an image as the index knows it. Where an image has two, they are two entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    pub image: FormId,
    /// Whose post showed it.
    pub account: AccountNo,
    pub fingerprint: Fingerprint,
}

/// One image found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Neighbor {
    /// In bits, at most the radius asked for. First, so that the derived order is the answer's.
    pub distance: u32,
    pub image: FormId,
}

/// What a search found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// Nearest first, ties by [`FormId`].
    pub neighbors: Vec<Neighbor>,
    /// There were more neighbors than the limit; those given are the first of the full answer.
    pub cut: bool,
}

/// A set of images that can be searched by fingerprint.
pub trait HammingIndex {
    /// Every image within `radius` bits of `query`, or the first `limit` of them.
    fn within(&self, query: Fingerprint, radius: u32, limit: usize) -> Answer;

    /// The same among the images of `accounts` alone. Costs time in proportion to what these
    /// accounts own, not to the size of the index. Naming an account twice changes nothing.
    fn within_accounts(
        &self,
        query: Fingerprint,
        accounts: &[AccountNo],
        radius: u32,
        limit: usize,
    ) -> Answer;
}

/// Each account once, in order.
pub(super) fn distinct(accounts: &[AccountNo]) -> Vec<AccountNo> {
    let mut accounts = accounts.to_vec();
    accounts.sort_unstable();
    accounts.dedup();
    accounts
}
