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
//! Beside the index of fingerprints there may be one of the codes of local features ([`codes`]), in files of
//! the same kind: what is said of an image's forms here holds there for its codes.
//!
//! # The rule
//!
//! Exact: what may miss a neighbor must not implement [`HammingIndex`]. [`flat`] compares one by
//! one and is the oracle that every other implementation is tested against.

mod collect;
mod hamming;
mod layout;
mod scan;

pub mod codes;
pub mod flat;
pub mod multi;
pub mod shared;

#[cfg(test)]
mod contract;

pub use hamming::{Answer, Entry, HammingIndex, Neighbor};
