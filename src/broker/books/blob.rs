//! Names for bulk bytes, which the loop keeps and the state machine only counts. Pure.

/// Names bulk bytes that the loop keeps for the state machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BlobKey(pub u64);
