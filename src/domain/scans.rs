//! Scans of accounts: their listings, cursors and priorities.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::base::Timestamp;
use crate::base::ids::Network;

/// The ways to list an account's posts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum ListingStep {
    /// Step A: the search of X, or the only listing of a network that has one. Its cursor is a date.
    Search,
    /// Step B, on X alone. Its cursor is a post id.
    Timeline,
    /// The posts of a span of time alone, by whichever of its network's listings can jump there.
    Window,
}

impl ListingStep {
    pub const ALL: [ListingStep; 3] = [ListingStep::Search, ListingStep::Timeline, ListingStep::Window];

    /// The listings that together show a whole account: each other's complement on X, complete by itself
    /// elsewhere.
    pub fn of(network: Network) -> &'static [ListingStep] {
        match network {
            Network::Twitter => &[ListingStep::Search, ListingStep::Timeline],
            Network::Bluesky | Network::Mastodon | Network::Misskey => &[ListingStep::Search],
        }
    }

    pub fn as_str(self) -> &'static str {
        match self {
            ListingStep::Search => "search",
            ListingStep::Timeline => "timeline",
            ListingStep::Window => "window",
        }
    }
}

/// What a listing lists: everything since an earlier one (`None`: everything), or a span of time. At its end:
/// what the next one need not list again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Cursor {
    /// Publish date of the newest post that search has listed.
    Search(Option<Timestamp>),
    /// Native id of the newest post that the timeline has listed.
    Timeline(Option<String>),
    /// At its end: the part of it that was listed without a gap, which may be shorter.
    Window(Window),
}

impl Cursor {
    pub fn step(&self) -> ListingStep {
        match self {
            Cursor::Search(_) => ListingStep::Search,
            Cursor::Timeline(_) => ListingStep::Timeline,
            Cursor::Window(_) => ListingStep::Window,
        }
    }
}

/// A span of publish dates, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Window {
    pub from: Timestamp,
    pub to: Timestamp,
}

/// Which of an account's posts a scan lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Reach {
    /// All of them, or all that are new since the last one.
    Whole,
    Window(Window),
}

/// A window of an account that was listed, its posts stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CoveredWindow {
    pub window: Window,
    /// When. Of what was published later the window knows nothing.
    pub listed_at: Timestamp,
}

impl Window {
    /// So far before and after a date.
    pub fn around(date: Timestamp, distance: Duration) -> Window {
        Window { from: date.minus(distance), to: date.plus(distance) }
    }

    pub fn holds(&self, date: Timestamp) -> bool {
        self.from <= date && date <= self.to
    }

    /// This window without what lies before `from` or after `to`; `None` where nothing is left.
    pub fn within(self, from: Timestamp, to: Timestamp) -> Option<Window> {
        let window = Window { from: self.from.max(from), to: self.to.min(to) };
        (window.from <= window.to).then_some(window)
    }

    pub fn length(self) -> Duration {
        self.to.since(self.from)
    }

    /// The parts of this window that lie in none of these, by date.
    pub fn without(self, known: &[Window]) -> Vec<Window> {
        let mut known: Vec<Window> = known.iter().filter_map(|one| one.within(self.from, self.to)).collect();
        known.sort_unstable();
        let mut parts = Vec::new();
        let mut from = self.from;
        for one in known {
            if from < one.from {
                parts.push(Window { from, to: Timestamp(one.from.0 - 1) });
            }
            from = from.max(Timestamp(one.to.0.saturating_add(1)));
        }
        if from <= self.to {
            parts.push(Window { from, to: self.to });
        }
        parts
    }
}

impl CoveredWindow {
    /// The part of the window about which the listing can know.
    pub fn known(&self) -> Option<Window> {
        self.window.within(self.window.from, self.listed_at)
    }
}

/// Windows of one account that are remembered; of more the shortest are forgotten, and listed again.
pub const MAX_WINDOWS: usize = 64;

/// Adds a window to those of an account, which are kept by date and merged where they touch.
pub fn cover(windows: &mut Vec<CoveredWindow>, new: CoveredWindow) {
    let Some(mut window) = new.known() else { return };
    let mut listed_at = new.listed_at;
    windows.retain(|CoveredWindow { window: old, listed_at: then }| {
        let is_apart =
            old.to.0.saturating_add(1) < window.from.0 || window.to.0.saturating_add(1) < old.from.0;
        if !is_apart {
            window = Window { from: window.from.min(old.from), to: window.to.max(old.to) };
            listed_at = listed_at.max(*then);
        }
        is_apart
    });
    windows.push(CoveredWindow { window, listed_at });
    windows.sort_unstable_by_key(|one| one.window);
    if windows.len() > MAX_WINDOWS
        && let Some(shortest) = (0..windows.len()).min_by_key(|at| windows[*at].window.length())
    {
        windows.remove(shortest);
    }
}

/// A search of the same account that has come to its end. What it listed is asked for
/// (`Question::SearchedPosts`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Searched {
    /// The cursor that it started from; `None` for all posts.
    pub since: Option<Timestamp>,
    /// Media items of the posts that it listed, where all of them are known.
    pub media: Option<u64>,
    /// Whether an equal count of the network's says that the search missed nothing.
    pub counts_are_trusted: bool,
}

/// How many media items a network says an account has, beside how many were found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MediaCount {
    /// By the network's profile of the account.
    pub stated: u64,
    /// In the posts that a search of the whole account has listed, films included.
    pub found: u64,
    /// Posts that the search had missed, as far as the timeline was read.
    pub missed: u64,
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
    /// Over its search, or the listing of its window.
    pub search: u32,
    /// Over its timeline.
    pub timeline: u32,
    /// Over posts that were to be indexed, by native id: they are suspects until they are stored.
    pub posts: Vec<(String, u32)>,
}

impl ScanDeaths {
    pub fn of_listing(&self, step: ListingStep) -> u32 {
        match step {
            // A scan of a window has that listing alone.
            ListingStep::Search | ListingStep::Window => self.search,
            ListingStep::Timeline => self.timeline,
        }
    }

    pub fn of_listing_mut(&mut self, step: ListingStep) -> &mut u32 {
        match step {
            ListingStep::Search | ListingStep::Window => &mut self.search,
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
    /// Of a timeline that was read after a search of the whole account, where the network tells.
    pub media: Option<MediaCount>,
}

impl ListingEnd {
    /// The listing was ended before it had come to its end: a window reaches back no further than its oldest
    /// post.
    pub fn cut_short(mut self) -> ListingEnd {
        self.coverage = Coverage::LimitedTo(u32::try_from(self.posts_read).unwrap_or(u32::MAX));
        if let Cursor::Window(window) = &mut self.cursor {
            window.from = window.from.max(self.oldest.unwrap_or(window.to)).min(window.to);
        }
        self
    }
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn window(from: i64, to: i64) -> Window {
        Window { from: Timestamp(from), to: Timestamp(to) }
    }

    #[test]
    fn the_shortest_windows_are_forgotten() {
        let mut windows = Vec::new();
        for n in 0..=(MAX_WINDOWS as i64) {
            let length = if n == 7 { 1 } else { 2 };
            cover(
                &mut windows,
                CoveredWindow { window: window(n * 10, n * 10 + length), listed_at: Timestamp(9999) },
            );
        }
        assert_eq!(windows.len(), MAX_WINDOWS);
        assert!(!windows.iter().any(|one| one.window.from == Timestamp(70)));
    }

    #[test]
    fn what_is_known_is_left_out_of_a_window() {
        let check = |known: &[(i64, i64)], expect: &[(i64, i64)]| {
            let known: Vec<Window> = known.iter().map(|(from, to)| window(*from, *to)).collect();
            let expect: Vec<Window> = expect.iter().map(|(from, to)| window(*from, *to)).collect();
            assert_eq!(window(10, 20).without(&known), expect, "{known:?}");
        };
        check(&[], &[(10, 20)]);
        check(&[(13, 15)], &[(10, 12), (16, 20)]);
        check(&[(0, 9), (21, 30)], &[(10, 20)]);
        check(&[(18, 30), (0, 11), (12, 12)], &[(13, 17)]);
        check(&[(0, 30)], &[]);
        check(&[(10, 20)], &[]);
    }

    proptest! {
        #[test]
        fn windows_that_are_merged_know_what_they_knew(
            listed in prop::collection::vec((0i64..60, 0i64..15, 0i64..80), 0..12),
            at in 0i64..80,
        ) {
            let mut windows = Vec::new();
            let mut knows = false;
            for (from, length, listed_at) in listed {
                let new = CoveredWindow { window: window(from, from + length), listed_at: Timestamp(listed_at) };
                knows |= new.known().is_some_and(|known| known.holds(Timestamp(at)));
                cover(&mut windows, new);
            }
            let known: Vec<Window> = windows.iter().filter_map(CoveredWindow::known).collect();
            prop_assert_eq!(known.iter().filter(|one| one.holds(Timestamp(at))).count(), usize::from(knows));
            prop_assert!(known.is_sorted_by(|a, b| a.to.0 + 1 < b.from.0), "{known:?}");
        }

        #[test]
        fn every_date_is_known_or_left(known in prop::collection::vec((0i64..40, 0i64..9), 0..6), at in 5i64..35) {
            let known: Vec<Window> = known.into_iter().map(|(from, len)| window(from, from + len)).collect();
            let whole = window(5, 34);
            let left = whole.without(&known);
            let holds = |windows: &[Window]| windows.iter().filter(|one| one.holds(Timestamp(at))).count();
            prop_assert_eq!(holds(&left), usize::from(whole.holds(Timestamp(at)) && holds(&known) == 0));
        }
    }
}
