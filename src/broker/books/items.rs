//! A work item as the broker holds it: the work, whom it is for, and what it has been through. Pure.

use std::time::Duration;

use crate::base::clock::Monotonic;
use crate::base::ids::{QueryId, ScanId};
use crate::base::roles::Stage;
use crate::broker::books::party::Party;
use crate::domain::scans::{Coverage, Cursor, ListingEnd, ListingPlace, ListingStep, Priority};
use crate::domain::watches::WatchId;
use crate::proto::work::{MaintenanceTask, Work};

/// Numbers work items in the order they were made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ItemId(pub u64);

/// Whom the result of an item is for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Owner {
    /// A step of a query, or a look-up made for it.
    Query(QueryId),
    /// The look-up of a handle that somebody asked to scan.
    ScanRequest(String),
    /// The look-up of accounts that are to be scanned again.
    Updates(u64),
    /// A listing.
    Listing(ScanId, ListingStep),
    /// Posts of a scan, on their way to the database.
    Batch(ScanId),
    /// Posts that are tried again or were wanted by their ids alone, apart from any scan.
    Retries,
    Maintenance(MaintenanceTask),
    /// A final answer for a webhook, by the delivery's id.
    Delivery(String),
    /// The look-up of a watch's accounts, or what its webhook is told.
    Watch(WatchId),
    /// A picture that this client waits for.
    Picture {
        number: u64,
        party: Party,
    },
}

/// What has turns within a client's work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Request {
    Query(QueryId),
    Scan(ScanId),
    Other,
}

impl Owner {
    pub fn request(&self) -> Request {
        match self {
            Owner::Query(query) => Request::Query(*query),
            Owner::Listing(scan, _) | Owner::Batch(scan) => Request::Scan(*scan),
            Owner::ScanRequest(_)
            | Owner::Updates(_)
            | Owner::Retries
            | Owner::Maintenance(_)
            | Owner::Delivery(_)
            | Owner::Watch(_)
            | Owner::Picture { .. } => Request::Other,
        }
    }
}

#[derive(Clone, Debug)]
pub struct Item {
    pub id: ItemId,
    pub owner: Owner,
    /// Whose share of the workers it takes.
    pub party: Party,
    pub work: Work,
    pub priority: Priority,
    /// Posts the account is expected to have; lighter goes first.
    pub weight: u64,
    /// When it was made; kept over retries, so that it neither loses its place nor lives for ever.
    pub arrived: Monotonic,
    /// Workers that died, or let the lease run out, while they had it.
    pub deaths: u32,
    /// A worker has let the lease run out over it: it hangs, and a second one is not lost to it.
    pub has_hung: bool,
    /// How often a listing made progress and then failed.
    pub failures: u32,
    /// How far a listing had come before it was begun again.
    pub reached: Option<Box<ListingPlace>>,
}

/// A listing that fails so often, and comes further in between, ends where it is: a server that answers now
/// and then would be asked for weeks. One that does not come further is given up by its `patience`.
pub const MAX_LISTING_FAILURES: u32 = 100;

/// An item that took this many workers with it is not given to another.
pub const MAX_DEATHS: u32 = 3;

impl Item {
    /// The end of a listing that is left where it is: what it has listed counts. `None` where it has come
    /// nowhere, or may be left by nobody but its own worker.
    pub fn end_of_listing(&self) -> Option<ListingEnd> {
        let Work::ListPosts { cursor, place, .. } = &self.work else { return None };
        let places = place.iter().chain(&self.reached);
        let reached = places.max_by_key(|place| place.posts_read).filter(|place| place.posts_read > 0)?;
        let ListingPlace { posts_read, newest, oldest, .. } = **reached;
        let cursor = match cursor {
            Cursor::Search(since) => Cursor::Search(newest.max(*since)),
            Cursor::Window(window) => Cursor::Window(*window),
            Cursor::Timeline(_) => return None,
        };
        let coverage = Coverage::Complete;
        Some(ListingEnd { cursor, newest, oldest, coverage, posts_read, media: None }.cut_short())
    }

    /// The listing begins anew: the network may not know its place any more. What it has taken so far counts.
    pub fn begin_listing_anew(&mut self) {
        let Work::ListPosts { place, .. } = &mut self.work else { return };
        let Some(left) = place.take() else { return };
        let spent_ms = left.spent_ms;
        if self.reached.as_ref().is_none_or(|reached| reached.posts_read < left.posts_read) {
            self.reached = Some(left);
        }
        *place = Some(Box::new(ListingPlace { spent_ms, ..ListingPlace::default() }));
    }

    /// It may be what kills its workers. Listings take long and are many in one process, so that they are
    /// suspected only when one more death has them given up.
    pub fn is_suspect(&self) -> bool {
        match self.work {
            Work::ListPosts { .. } => self.deaths + 1 >= MAX_DEATHS,
            _ => self.deaths > 0,
        }
    }
}

/// The queue that a piece of work belongs to.
pub fn stage_of(work: &Work) -> Stage {
    match work {
        Work::FindLinks { .. } => Stage::LinkFinder,
        Work::PlanScans { .. } => Stage::IndexWatcher,
        Work::SearchImage { .. } => Stage::ReverseSearch,
        Work::Resolve { .. } | Work::CheckPosts { .. } | Work::LookUpPosts { .. } => Stage::Lookup,
        Work::ListPosts { cursor: Cursor::Search(_) | Cursor::Window(_), .. } => Stage::SearchListing,
        Work::ListPosts { cursor: Cursor::Timeline(_), .. } => Stage::TimelineListing,
        Work::IndexPosts { .. } | Work::ShrinkPicture { .. } => Stage::Indexing,
        Work::Maintain(_) => Stage::Maintenance,
        Work::Deliver(_) | Work::Tell(_) => Stage::Delivery,
    }
}

/// How long a worker may be silent about a piece of work before another gets it.
pub fn lease_time(work: &Work) -> Duration {
    Duration::from_secs(match work {
        Work::PlanScans { .. } | Work::ShrinkPicture { .. } => 30,
        Work::FindLinks { .. }
        | Work::SearchImage { .. }
        | Work::Resolve { .. }
        | Work::CheckPosts { .. }
        | Work::LookUpPosts { .. } => 120,
        Work::ListPosts { .. } | Work::IndexPosts { .. } => 180,
        Work::Maintain(_) | Work::Deliver(_) | Work::Tell(_) => 120,
    })
}

/// How long work that is `age` old rests after the outside world was not ready, when its worker asks for
/// `asked`.
pub fn rest(work: &Work, age: Duration, asked: Duration) -> Duration {
    match work {
        // Twice as long each time: a receiver that is down for hours is not asked all the time.
        Work::Deliver(_) | Work::Tell(_) => age.clamp(Duration::from_secs(1), Duration::from_secs(3600)),
        _ => asked.clamp(Duration::from_millis(1), Duration::from_secs(3600)),
    }
}

/// How long work is given back as "the outside world is not ready" before its request fails.
pub fn patience(work: &Work) -> Duration {
    Duration::from_secs(match work {
        // Nobody looks at a page for longer.
        Work::ShrinkPicture { .. } => 20,
        // A site that is down for longer is reported to the user who waits.
        Work::FindLinks { .. } | Work::SearchImage { .. } => 3 * 60,
        // A network's rate limits last a quarter of an hour.
        Work::PlanScans { .. }
        | Work::Resolve { .. }
        | Work::CheckPosts { .. }
        | Work::LookUpPosts { .. } => 20 * 60,
        Work::ListPosts { .. } | Work::IndexPosts { .. } | Work::Deliver(_) | Work::Tell(_) => 24 * 3600,
        Work::Maintain(_) => 3600,
    })
}
