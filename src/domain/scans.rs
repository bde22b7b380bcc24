//! Scans of accounts: their listings, cursors and priorities.

use serde::{Deserialize, Serialize};

use crate::base::Timestamp;
use crate::base::ids::Network;

/// The two ways to list an account's posts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum ListingStep {
    /// Step A: the search of X, or the only listing of a network that has one. Its cursor is a date.
    Search,
    /// Step B, on X alone. Its cursor is a post id.
    Timeline,
}

impl ListingStep {
    pub const ALL: [ListingStep; 2] = [ListingStep::Search, ListingStep::Timeline];

    /// The listings that a network has: each other's complement on X, complete by itself elsewhere.
    pub fn of(network: Network) -> &'static [ListingStep] {
        match network {
            Network::Twitter => &ListingStep::ALL,
            Network::Bluesky | Network::Mastodon => &[ListingStep::Search],
        }
    }

    pub fn as_str(self) -> &'static str {
        match self {
            ListingStep::Search => "search",
            ListingStep::Timeline => "timeline",
        }
    }
}

/// How far an earlier listing came; `None` lists everything.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Cursor {
    /// Publish date of the newest post that search has listed.
    Search(Option<Timestamp>),
    /// Native id of the newest post that the timeline has listed.
    Timeline(Option<String>),
}

impl Cursor {
    pub fn step(&self) -> ListingStep {
        match self {
            Cursor::Search(_) => ListingStep::Search,
            Cursor::Timeline(_) => ListingStep::Timeline,
        }
    }
}

/// A search of the same account that has come to its end. What it listed is asked for
/// (`Question::SearchedPosts`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Searched {
    /// The cursor that it started from; `None` for all posts.
    pub since: Option<Timestamp>,
}

/// A search that has ended, as the journal keeps it for a scan that is begun again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndedSearch {
    /// The cursor that it started from; `None` for all posts.
    pub since: Option<Timestamp>,
    /// The cursor that stands in the database once all that it listed is stored.
    pub until: Option<Timestamp>,
    /// Native ids of the newest posts that it listed, as many as a timeline can show.
    pub ids: Vec<String>,
}

/// Workers that were lost over the work of a scan, as the journal keeps it for a scan that is begun again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ScanDeaths {
    /// Over its search.
    pub search: u32,
    /// Over its timeline.
    pub timeline: u32,
    /// Over posts that were to be indexed, by native id: they are suspects until they are stored.
    pub posts: Vec<(String, u32)>,
}

impl ScanDeaths {
    pub fn of_listing(&self, step: ListingStep) -> u32 {
        match step {
            ListingStep::Search => self.search,
            ListingStep::Timeline => self.timeline,
        }
    }

    pub fn of_listing_mut(&mut self, step: ListingStep) -> &mut u32 {
        match step {
            ListingStep::Search => &mut self.search,
            ListingStep::Timeline => &mut self.timeline,
        }
    }
}

/// What a scan that is begun again takes over from the one that an earlier broker had begun.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Resumed {
    /// Its search, where that had ended.
    pub searched: Option<EndedSearch>,
    pub deaths: ScanDeaths,
}

/// Where a listing goes on in another worker: what the pages before were is handed over.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListingPlace {
    /// The network's name of the next page.
    pub next: String,
    /// Pages read so far.
    pub pages: u32,
    /// Posts of any kind on them.
    pub posts_read: u64,
    /// Publish dates: of the newest and oldest post, and of the last in the order of the listing.
    pub newest: Option<Timestamp>,
    pub oldest: Option<Timestamp>,
    pub last: Option<Timestamp>,
    /// What the network's reader remembers from page to page. Few and short.
    pub notes: Vec<String>,
    /// Time spent on reading pages so far.
    pub spent_ms: u64,
    /// A page held more posts than were asked for, which were left out.
    pub is_cut: bool,
}

/// What becomes of a listing at a page that it hands over, where there is no room for more posts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Hold {
    /// It goes on: the rest of the network's page follows, or the end.
    Never,
    /// It can go on from here in any worker, so that this one is given back.
    At(Box<ListingPlace>),
    /// It can go on in its own worker alone, which waits.
    Here,
}

/// What a listing that came to its end has seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListingEnd {
    /// Where the next listing starts. The old cursor where nothing newer was seen.
    pub cursor: Cursor,
    /// Publish dates of the newest and oldest post read, whether they had images or not.
    pub newest: Option<Timestamp>,
    pub oldest: Option<Timestamp>,
    pub coverage: Coverage,
    /// Posts read from the network: what is paid for.
    pub posts_read: u64,
}

/// How much of the account a listing covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Coverage {
    Complete,
    /// The network shows only the latest N posts.
    LimitedTo(u32),
    /// Read in samples, which showed that the search had missed nothing.
    Sampled,
    /// Not read: the search alone lists this account.
    Skipped,
}

/// Who waits for a work item, which decides its place in the queue. Smaller passes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Priority {
    User,
    Maintenance,
}
