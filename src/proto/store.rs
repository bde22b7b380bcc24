//! Between the broker's loop and the storekeeper thread in the same process. Bounded on the way in,
//! which is the program's back-pressure.

use super::data::{Account, IndexedPost, ListedPost, ListingEnd, StoreCounts};
use super::stage::{Answer, Question};

/// Pairs an answer of the storekeeper with the effect that asked for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(pub u64);

/// To the storekeeper. Changes are carried out in order; each message that has a ticket is answered
/// once. A question or filter may overtake changes that are not yet answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ToStorekeeper {
    /// Which of these posts are not stored yet. Answered by `NewPosts`.
    FilterNew { ticket: Ticket, account: Account, posts: Vec<ListedPost> },
    /// Answered by `Stored` once committed and searchable. Posts that are already stored stay as
    /// they are, except that missing fingerprints are filled in.
    StorePosts { ticket: Ticket, account: Account, posts: Vec<IndexedPost> },
    /// Answered by `Stored` once committed. Sent only after every post of the listing was `Stored`.
    StoreCursor { ticket: Ticket, account: Account, end: ListingEnd },
    /// Answered by `Answered`.
    Ask { ticket: Ticket, question: Question },
    /// These accounts were searched for a user: their use is counted.
    CountUse { accounts: Vec<crate::base::ids::AccountKey> },
    /// Answered by `Journaled` once durable.
    Journal { ticket: Ticket, entry: JournalEntry },
    /// Commit what is pending and end.
    Stop,
}

/// What must survive a restart of the broker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JournalEntry {
    /// A query or scan was accepted. `request` is what must be known to start it again.
    Accepted { key: String, request: AcceptedRequest },
    /// It ended; nothing is left to do.
    Ended { key: String },
}

/// Accepted work, as the journal keeps it.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum AcceptedRequest {
    Query { url: String, client: super::front::Client },
    Scan { account: Account, priority: super::data::Priority },
}

/// From the storekeeper.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FromStorekeeper {
    /// First of all: the database is open, and this accepted work was not finished.
    Opened {
        counts: StoreCounts,
        unfinished: Vec<AcceptedRequest>,
    },
    NewPosts {
        ticket: Ticket,
        posts: Vec<ListedPost>,
    },
    Stored {
        ticket: Ticket,
        counts: StoreCounts,
    },
    Answered {
        ticket: Ticket,
        answer: Answer,
    },
    Journaled {
        ticket: Ticket,
    },
    /// It cannot go on: the database was lost for good. The broker ends.
    Broken {
        why: String,
    },
}
