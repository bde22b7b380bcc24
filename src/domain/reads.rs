//! Reads that networks bill for: what was promised, what was read, what it cost.

use serde::{Deserialize, Serialize};

/// What a network bills for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Resource {
    Post,
    User,
}

/// Things that were read from a network which bills for them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaidReads {
    pub resource: Resource,
    /// The network's own numbers.
    pub ids: Vec<u64>,
}

/// What a request that is billed may read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadWish {
    pub resource: Resource,
    /// Fewer are of no use.
    pub least: u64,
    pub most: u64,
}

/// What becomes of such a wish.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reserved {
    /// The request may read so many things.
    Granted { reads: u64 },
    /// It is not to be sent: a limit would be passed.
    Refused { why: String },
}

/// What was billed: each thing once a UTC day, however often it was read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ledger {
    /// The UTC day that `today` is about, counted from 1970-01-01.
    pub day: i64,
    pub today: ReadCounts,
    /// Since the first of that day's month, the day included.
    pub month: ReadCounts,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadCounts {
    pub posts: u64,
    pub users: u64,
}
