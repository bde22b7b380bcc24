//! Between the broker's loop and the storekeeper thread in the same process. Bounded on the way in,
//! which is the program's back-pressure.

use crate::base::ids::{AccountKey, Networks, PostKey};
use crate::domain::accounts::Account;
use crate::domain::forgotten::{Mark, Removal, Subject};
use crate::domain::images::{IndexProgress, NotedPage, StoreCounts};
use crate::domain::posts::{IndexedPost, ListedPost};
use crate::domain::reads::{Ledger, PaidReads};
use crate::domain::scans::{EndedSearch, ListingEnd, Priority, Reach, ScanDeaths};
use crate::domain::watches::Watch;
use crate::proto::front::Client;
use crate::proto::stage::{Answer, Question};
use crate::proto::view::{QueryView, StoreSizes};
use crate::proto::work::Delivery;

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
    CountUse { accounts: Vec<AccountKey> },
    /// Answered by `Journaled` once durable.
    Journal { ticket: Ticket, entry: JournalEntry },
    /// These were billed. Answered by `Billed` once durable.
    CountReads { reads: PaidReads },
    /// Images of these posts are missing: they are to be looked up, unless they are noted for that already.
    /// Not answered.
    WantPosts { posts: Vec<PostKey> },
    /// These posts are stored, or there is nothing to store: nobody need look them up. Not answered.
    SettleWanted { posts: Vec<PostKey> },
    /// A page was answered. Not answered.
    NotePage { page: Box<NotedPage> },
    /// Leaves a mark, and removes a piece of what is stored. Answered by `Removed`, and to be repeated until
    /// nothing is left.
    Forget { ticket: Ticket, subject: Subject, note: String },
    /// What bears this mark may be stored again. Answered by `Lifted`.
    Lift { ticket: Ticket, mark: Mark },
    /// Removes these posts, which their network no longer has. Answered by `Removed`.
    RemovePosts { ticket: Ticket, posts: Vec<PostKey> },
    /// What the state file and the results log hold of this is removed there too. Not answered.
    ForgetNotes { subject: Subject },
    /// A query ended like this, for the results log. Not answered.
    NoteResult { view: Box<QueryView> },
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
    /// It ended, and its answer is to be delivered: one entry, so that no crash comes in between.
    EndedWith { key: String, deliveries: Vec<Delivery> },
}

impl JournalEntry {
    /// The key under which a delivery is accepted work.
    pub fn delivery_key(delivery: &Delivery) -> String {
        format!("delivery {}", delivery.id)
    }
}

/// What must be known of accepted work to begin it again. How it is written down: `journal_format`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AcceptedRequest {
    Query {
        url: String,
        client: Client,
        /// Accounts on others are left out.
        networks: Networks,
        /// Names of the webhooks that get the final answer.
        webhooks: Vec<String>,
        /// Its accounts are to be scanned whole before it is answered.
        whole: bool,
        /// Workers that were lost over its work so far.
        deaths: u32,
    },
    /// A query for the artist alone.
    Artist {
        url: String,
        client: Client,
        /// Accounts on others are left out.
        networks: Networks,
        /// The accounts are looked up with their networks.
        resolve: bool,
        /// Workers that were lost over its work so far.
        deaths: u32,
    },
    Scan {
        account: Account,
        reach: Reach,
        priority: Priority,
        /// Its search, once that has ended: the timeline is read in samples by what it listed.
        searched: Option<EndedSearch>,
        /// Workers that were lost over its work so far.
        deaths: ScanDeaths,
    },
    Delivery(Box<Delivery>),
}

/// What of the storekeeper may have to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum StorePart {
    /// Where posts are stored.
    Database,
    /// Where accepted work is written down: no query can be accepted meanwhile.
    Journal,
    /// What is stored: some of it cannot be read, and what needs it waits. Never over without a new start.
    Data,
}

impl StorePart {
    /// For people: what has happened to it.
    pub fn as_str(self) -> &'static str {
        match self {
            StorePart::Database => "the database has to wait",
            StorePart::Journal => "the journal of accepted queries has to wait",
            StorePart::Data => "the database cannot be read everywhere",
        }
    }
}

/// From the storekeeper.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FromStorekeeper {
    /// First of all: the database is open, and this accepted work was not finished.
    Opened {
        counts: StoreCounts,
        unfinished: Vec<AcceptedRequest>,
        ledger: Ledger,
        index: IndexProgress,
        /// What is never to be stored, scanned or shown again.
        marks: Vec<Mark>,
        /// Marked accounts of which something is left.
        removals_left: Vec<AccountKey>,
        /// Whose new posts somebody wants to hear of.
        watches: Vec<Watch>,
    },
    /// What was billed by now, with the next orders of `CountReads`; `billed` tells of each how many of its
    /// reads had not been billed that day.
    Billed {
        ledger: Ledger,
        billed: Vec<u32>,
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
    /// A piece of it is removed.
    Removed {
        ticket: Ticket,
        removal: Removal,
        counts: StoreCounts,
    },
    /// Whether there was such a mark.
    Lifted {
        ticket: Ticket,
        was_there: bool,
    },
    Journaled {
        ticket: Ticket,
    },
    /// How far the index has come; the last time when it is complete. Said after `Opened`, while an index
    /// that lacks much is made.
    Indexing {
        progress: IndexProgress,
    },
    /// What the data takes on disk now. Sent now and then.
    Sizes(StoreSizes),
    /// A part of it has to wait for better times, for this reason; `None`: no longer.
    Trouble {
        part: StorePart,
        why: Option<String>,
    },
    /// It cannot go on: the database was lost for good. The broker ends.
    Broken {
        why: String,
    },
}
