//! The fingerprint index: every image whose fingerprint lies within a radius of a query.
//!
//! Owns the data structures and the files of the index. The storekeeper writes it
//! ([`shared::Writer`], one per directory), every reverse-search process reads it
//! ([`shared::Reader`], any number). It never opens the database, never computes a fingerprint, and
//! holds nothing that the database does not hold: a lost index is rebuilt, not restored.
//!
//! # Terms
//!
//! *Distance* is the Hamming distance of two fingerprints, 0 to 64 bits. *Radius* is inclusive: 0
//! finds equal fingerprints. A *code* is a fingerprint's 64 bits as a plain number. A *position* is
//! the place of an image inside one segment.
//!
//! # The rule
//!
//! Exact: what may miss a neighbor must not implement [`HammingIndex`]. [`flat`] compares one by
//! one and is the oracle that every other implementation is tested against.

mod collect;
mod layout;
mod scan;

pub mod flat;
pub mod multi;
pub mod shared;

#[cfg(test)]
mod contract;

use crate::base::Fingerprint;
use crate::base::ids::{AccountNo, FormId};

pub(crate) use collect::Collector;

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
