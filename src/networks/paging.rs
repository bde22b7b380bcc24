//! The loop over the pages of a listing, from the newest post backwards, and what a listing remembers from
//! page to page. A network says how one page is read; when a listing ends is decided here, for all of them.

use std::collections::HashSet;
use std::time::Duration;

use super::client::Turns;
use super::delivery::{MAX_PLACE_BYTES, deliver_in_turns};
use super::error::NetworkError;
use crate::base::Timestamp;
use crate::base::clock::Monotonic;
use crate::domain::posts::ListedPost;
use crate::domain::scans::{Coverage, Cursor, Hold, ListingEnd, ListingPlace, Window};

/// A listing by date starts this much before its cursor: posts are indexed late, and dates have whole
/// seconds.
pub(super) const OVERLAP: Duration = Duration::from_secs(86_400);

/// Of the name of a page: it stands in the address of a request.
const MAX_NAME_BYTES: usize = 4096;

/// Where a listing is taken to have ended although its network names a next page.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    /// An empty page is no end (what was on it may be hidden), but this many in a row are.
    pub empty_pages: u32,
    /// A server that goes on for longer makes its posts up.
    pub pages: u32,
    /// What one listing may take for reading pages, in all its turns.
    pub time: Duration,
}

/// What one listing may take where nobody else is asked at the same time. The largest accounts take an hour
/// or two; a server that is slower, and never done, is left.
pub(super) const LONGEST_LISTING: Duration = Duration::from_secs(12 * 3600);
/// Posts of any kind that one listing reads: no account has as many.
const MAX_POSTS: u64 = 1_000_000;

/// One page as its network gave it.
#[derive(Debug, Default)]
pub(super) struct Page {
    /// Entries of any kind, with images or without.
    pub entries: usize,
    /// Those of them that are to be indexed.
    pub posts: Vec<ListedPost>,
    /// Names the next page; `None` at the end.
    pub next: Option<String>,
    /// What follows is not wanted: it was listed before, or enough was read.
    pub is_enough: bool,
    /// It had more entries than are taken of one page, which were left out.
    pub is_cut: bool,
}

/// Why a listing has no further page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    /// The network shows no more.
    Exhausted,
    /// A page said that it is enough.
    Enough,
    /// A page names itself as the next: whether more follows is not to be had.
    Repeated,
    /// More pages or posts came than `Bounds` allow, or for longer, or the next page has a name that cannot
    /// be asked for.
    Endless,
}

/// Reads pages from where `turns` says, and hands each over with the place behind it. `read_page` also gets
/// what was seen so far, and notes what it sees.
///
/// # Errors
/// Those of `read_page`, and `Stopping` when the receiver wants no more, or wants the listing to be left.
pub(super) fn list_in_turns(
    bounds: Bounds,
    turns: &mut dyn Turns,
    mut read_page: impl FnMut(Option<&str>, &mut Memory) -> Result<Page, NetworkError>,
) -> Result<(Memory, Ended), NetworkError> {
    let place = turns.place().cloned().unwrap_or_default();
    let mut position = (!place.next.is_empty()).then(|| place.next.clone());
    let mut count = Count { pages: place.pages, empty_pages: 0 };
    let (mut spent, mut is_cut) = (Duration::from_millis(place.spent_ms), place.is_cut);
    let mut memory = Memory::at(place);
    loop {
        let begun = Monotonic::now();
        let page = read_page(position.as_deref(), &mut memory)?;
        spent += Monotonic::now().since(begun);
        is_cut |= page.is_cut;
        let ended = match count.ended(bounds, &page, position.as_deref()) {
            None if spent > bounds.time || memory.seen.posts_read >= MAX_POSTS => Some(Ended::Endless),
            ended => ended,
        };
        let hold = match (ended, &page.next) {
            (None, Some(next)) => memory.hold(next, count.pages, spent, is_cut),
            _ => Hold::Never,
        };
        deliver_in_turns(page.posts, hold, turns)?;
        match ended {
            // What was left out may be anything.
            Some(_) if is_cut => return Ok((memory, Ended::Endless)),
            Some(ended) => return Ok((memory, ended)),
            None => position = page.next,
        }
    }
}

/// Pages so far.
#[derive(Debug, Default)]
struct Count {
    pages: u32,
    empty_pages: u32,
}

impl Count {
    /// How the listing ends with this page, if it does.
    fn ended(&mut self, bounds: Bounds, page: &Page, position: Option<&str>) -> Option<Ended> {
        self.pages = self.pages.saturating_add(1);
        self.empty_pages = if page.entries == 0 { self.empty_pages + 1 } else { 0 };
        if page.next.is_none() || self.empty_pages >= bounds.empty_pages {
            return Some(Ended::Exhausted);
        }
        if page.is_enough {
            return Some(Ended::Enough);
        }
        if page.next.as_deref() == position {
            return Some(Ended::Repeated);
        }
        let is_askable = page.next.as_ref().is_none_or(|next| next.len() <= MAX_NAME_BYTES);
        (self.pages >= bounds.pages || !is_askable).then_some(Ended::Endless)
    }
}

/// What a listing that can be left remembers from page to page.
#[derive(Clone, Debug, Default)]
pub(super) struct Memory {
    pub seen: Seen,
    /// The network's own, such as posts that were seen out of order. Few and short.
    pub notes: HashSet<String>,
}

impl Memory {
    fn at(place: ListingPlace) -> Memory {
        let ListingPlace { posts_read, newest, oldest, last, notes, .. } = place;
        Memory { seen: Seen { posts_read, newest, oldest, last }, notes: notes.into_iter().collect() }
    }

    /// The place at which the listing can be left; one that is too long for a message is none.
    fn hold(&self, next: &str, pages: u32, spent: Duration, is_cut: bool) -> Hold {
        let notes = self.notes.iter().map(|note| note.len() + 8).sum::<usize>();
        if next.is_empty() || next.len() + notes > MAX_PLACE_BYTES {
            return Hold::Here;
        }
        let Seen { posts_read, newest, oldest, last } = self.seen;
        Hold::At(Box::new(ListingPlace {
            next: next.to_owned(),
            pages,
            posts_read,
            newest,
            oldest,
            last,
            notes: self.notes.iter().cloned().collect(),
            spent_ms: u64::try_from(spent.as_millis()).unwrap_or(u64::MAX),
            is_cut,
        }))
    }
}

/// What a listing has seen so far, on any network.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Seen {
    /// Posts of any kind.
    pub posts_read: u64,
    pub newest: Option<Timestamp>,
    pub oldest: Option<Timestamp>,
    /// Where the last post stands in the order of the listing.
    pub last: Option<Timestamp>,
}

impl Seen {
    pub fn read(&mut self, entries: usize) {
        self.posts_read += entries as u64;
    }

    pub fn saw(&mut self, published: Option<Timestamp>) {
        let Some(moment) = published else { return };
        self.last = Some(moment);
        self.newest = Some(self.newest.map_or(moment, |newest| newest.max(moment)));
        self.oldest = Some(self.oldest.map_or(moment, |oldest| oldest.min(moment)));
    }

    pub fn end(self, cursor: Cursor, coverage: Coverage) -> ListingEnd {
        let Seen { posts_read, newest, oldest, last: _ } = self;
        ListingEnd { cursor, newest, oldest, coverage, posts_read, media: None }
    }
}

/// Which posts a listing by date lists, newest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Span {
    /// What was published since the newest post of an earlier listing; `None`: everything.
    Since(Option<Timestamp>),
    Window(Window),
}

impl Span {
    /// The span that a cursor asks for.
    ///
    /// # Errors
    /// `Refused` for the cursor of a listing that the network does not have.
    pub fn of(cursor: &Cursor, endpoint: &'static str) -> Result<Span, NetworkError> {
        match cursor {
            Cursor::Search(since) => Ok(Span::Since(*since)),
            Cursor::Window(window) => Ok(Span::Window(*window)),
            Cursor::Timeline(_) => {
                Err(NetworkError::Refused { endpoint, why: "it has no listing by post number".to_owned() })
            }
        }
    }

    /// Whether a post of this date is to be listed. One without a date may belong anywhere.
    pub fn holds(&self, published: Option<Timestamp>) -> bool {
        match self {
            // What is older and on the same page is known already.
            Span::Since(_) => true,
            Span::Window(window) => published.is_none_or(|date| window.holds(date)),
        }
    }

    /// All that follows is older: the listing has come to what an earlier one has listed, or to the window's
    /// beginning.
    pub fn is_passed(&self, seen: &Seen) -> bool {
        let from = match self {
            Span::Since(since) => *since,
            Span::Window(window) => Some(window.from),
        };
        from.zip(seen.last).is_some_and(|(from, last)| last < from.minus(OVERLAP))
    }

    /// The end of a listing of this span.
    pub fn end(&self, seen: Seen, ended: Ended) -> ListingEnd {
        let is_whole = match ended {
            Ended::Exhausted | Ended::Enough => true,
            Ended::Repeated | Ended::Endless => false,
        };
        let cursor = match self {
            Span::Since(since) => Cursor::Search(seen.newest.max(*since)),
            Span::Window(window) if is_whole => Cursor::Window(*window),
            // From the last post on, nothing is known. A window has at least one moment.
            Span::Window(window) => {
                let from = seen.last.map_or(window.to, |last| last.max(window.from).min(window.to));
                Cursor::Window(Window { from, ..*window })
            }
        };
        let coverage = match is_whole {
            true => Coverage::Complete,
            false => Coverage::LimitedTo(u32::try_from(seen.posts_read).unwrap_or(u32::MAX)),
        };
        seen.end(cursor, coverage)
    }
}

#[cfg(test)]
mod tests {
    use std::ops::ControlFlow;

    use super::*;
    use crate::base::ids::{Network, PostKey};
    use crate::domain::posts::ListedImage;
    use crate::networks::client::Whole;
    use crate::networks::fake::Impatient;

    /// Each page as the number of its entries and the name of the next; how the listing ends, and how many
    /// pages it reads.
    #[track_caller]
    fn check(pages: &[(usize, Option<&str>)], enough_at: usize, expect: (Ended, usize)) {
        let mut asked = Vec::new();
        let bounds = Bounds { empty_pages: 3, pages: 6, time: LONGEST_LISTING };
        let take = &mut |_| ControlFlow::Continue(());
        let ended = list_in_turns(bounds, &mut Whole(take), |position, _| {
            let (entries, next) = pages[asked.len().min(pages.len() - 1)];
            asked.push(position.map(str::to_owned));
            let next = next.map(|next| next.replace('#', &asked.len().to_string()));
            Ok(Page { entries, next, is_enough: asked.len() == enough_at, ..Page::default() })
        });
        assert_eq!((ended.unwrap().1, asked.len()), expect);
        assert_eq!(asked[0], None);
    }

    #[test]
    fn a_listing_ends_where_nothing_more_is_to_be_had() {
        let (more, last) = ((2, Some("p#")), (2, None));
        check(&[more, last], 0, (Ended::Exhausted, 2));
        // An empty page is no end, several in a row are.
        check(&[more, (0, Some("p#")), (0, Some("p#")), more, last], 0, (Ended::Exhausted, 5));
        check(&[(0, Some("p#"))], 0, (Ended::Exhausted, 3));
        // A page that names itself as the next.
        check(&[(2, Some("same"))], 0, (Ended::Repeated, 2));
        check(&[more], 2, (Ended::Enough, 2));
        check(&[more], 0, (Ended::Endless, 6));
        let long = "n".repeat(MAX_NAME_BYTES + 1);
        check(&[more, (2, Some(&long))], 0, (Ended::Endless, 2));
        // The last page is the end, whatever else it is.
        check(&[more, last], 2, (Ended::Exhausted, 2));
    }

    fn posts(page: usize, count: usize) -> Vec<ListedPost> {
        let image = || ListedImage::new("a", "u");
        let key = |n: usize| PostKey::new(Network::Bluesky, format!("{page}-{n}"));
        let post = |n: usize| ListedPost::of_images(key(n), None, [image()]).unwrap();
        (0..count).map(post).collect()
    }

    /// Lists pages of so many posts, each in a turn of its own. The posts handed over, and the end.
    fn in_turns(pages: &[usize], bounds: Bounds) -> (usize, usize, ListingEnd) {
        let mut turns = Impatient::default();
        for turn in 1.. {
            let outcome = list_in_turns(bounds, &mut turns, |position, memory| {
                let number: usize = position.map_or(0, |position| position.parse().unwrap());
                assert_eq!(memory.notes.len(), number, "what was noted before is remembered");
                memory.notes.insert(format!("page {number}"));
                memory.seen.read(pages[number]);
                memory.seen.saw(Some(Timestamp(1000 - i64::try_from(number).unwrap())));
                let next = (number + 1 < pages.len()).then(|| (number + 1).to_string());
                Ok(Page {
                    entries: pages[number],
                    posts: posts(number, pages[number].min(100)),
                    next,
                    is_enough: false,
                    is_cut: pages[number] > 100,
                })
            });
            match outcome {
                Ok((memory, ended)) => {
                    let distinct: HashSet<_> = turns.posts.iter().map(|post| &post.key.native).collect();
                    assert_eq!(distinct.len(), turns.posts.len(), "a post was handed over twice");
                    return (turn, turns.posts.len(), Span::Since(None).end(memory.seen, ended));
                }
                Err(error) => assert!(matches!(error, NetworkError::Stopping), "{error}"),
            }
        }
        unreachable!()
    }

    #[test]
    fn a_listing_that_is_left_after_each_page_loses_nothing() {
        let bounds = Bounds { empty_pages: 3, pages: 100, time: LONGEST_LISTING };
        let (turns, handed_over, end) = in_turns(&[100, 7, 0, 90, 1], bounds);
        assert_eq!((turns, handed_over, end.posts_read), (5, 198, 198));
        assert_eq!(end.cursor, Cursor::Search(Some(Timestamp(1000))));
        assert_eq!((end.oldest, end.coverage), (Some(Timestamp(996)), Coverage::Complete));
    }

    #[test]
    fn what_is_left_out_is_said() {
        let bounds = Bounds { empty_pages: 3, pages: 3, time: LONGEST_LISTING };
        let (_, handed_over, end) = in_turns(&[50, 20_000, 50], bounds);
        assert_eq!((handed_over, end.coverage), (200, Coverage::LimitedTo(20_100)));
        // Pages are counted through all turns.
        let (turns, _, end) = in_turns(&[10; 50], bounds);
        assert_eq!((turns, end.coverage), (3, Coverage::LimitedTo(30)));
    }

    #[test]
    fn no_account_has_a_million_posts_and_no_listing_takes_days() {
        let bounds = Bounds { empty_pages: 3, pages: 100, time: Duration::from_secs(60) };
        let end_of = |place: ListingPlace, read: usize| {
            let mut turns = Impatient::default();
            let _ = turns.take(Vec::new(), Hold::At(Box::new(place)));
            let outcome = list_in_turns(bounds, &mut turns, |_, memory| {
                memory.seen.read(read);
                Ok(Page { entries: read, next: Some("next".to_owned()), ..Page::default() })
            });
            outcome.ok().map(|(_, ended)| ended)
        };
        let place = |spent_ms, posts_read| ListingPlace {
            next: "p".to_owned(),
            spent_ms,
            posts_read,
            ..ListingPlace::default()
        };
        assert_eq!(end_of(place(59_000, MAX_POSTS - 11), 10), None);
        assert_eq!(end_of(place(59_000, MAX_POSTS - 10), 10), Some(Ended::Endless));
        assert_eq!(end_of(place(60_001, 7), 10), Some(Ended::Endless));
    }

    #[test]
    fn a_place_that_fits_into_no_message_is_none() {
        let memory = Memory { seen: Seen::default(), notes: HashSet::from(["n".repeat(500)]) };
        let hold = |next: usize| memory.hold(&"x".repeat(next), 1, Duration::ZERO, false);
        assert!(matches!(hold(10), Hold::At(_)));
        assert_eq!((hold(MAX_PLACE_BYTES), hold(0)), (Hold::Here, Hold::Here));
    }

    #[test]
    fn pages_that_nobody_wants_are_not_read() {
        let mut read = 0;
        let bounds = Bounds { empty_pages: 3, pages: 6, time: LONGEST_LISTING };
        let outcome = list_in_turns(bounds, &mut Whole(&mut |_| ControlFlow::Break(())), |_, _| {
            read += 1;
            let image = ListedImage::new("a", "u");
            let key = PostKey::new(Network::Bluesky, "p");
            let posts = ListedPost::of_images(key, None, [image]).into_iter().collect();
            Ok(Page { entries: 1, posts, next: Some("p".to_owned()), ..Page::default() })
        });
        assert!(matches!(outcome, Err(NetworkError::Stopping)));
        assert_eq!(read, 1);
    }

    #[test]
    fn dates_are_remembered_in_the_order_of_the_listing() {
        let day = |day: i64| Timestamp(day * 86_400_000);
        let mut seen = Seen::default();
        for moment in [Some(day(5)), None, Some(day(9)), Some(day(7))] {
            seen.saw(moment);
        }
        assert_eq!((seen.newest, seen.oldest, seen.last), (Some(day(9)), Some(day(5)), Some(day(7))));
        let passed = |since| Span::Since(since).is_passed(&seen);
        assert!(!passed(None) && !passed(Some(day(8))) && passed(Some(day(9))));
        let end = Span::Since(Some(day(10))).end(seen, Ended::Enough);
        assert_eq!((end.cursor, end.coverage), (Cursor::Search(Some(day(10))), Coverage::Complete));
        seen.read(7);
        for ended in [Ended::Repeated, Ended::Endless] {
            let end = Span::Since(None).end(seen, ended);
            assert_eq!(end.coverage, Coverage::LimitedTo(7), "more may follow");
        }
    }

    #[test]
    fn a_window_is_known_as_far_as_it_was_listed() {
        let day = |day: i64| Timestamp(day * 86_400_000);
        let window = Window { from: day(10), to: day(20) };
        let span = Span::of(&Cursor::Window(window), "posts").unwrap();
        let holds = [Some(day(10)), Some(day(20)), None].map(|date| span.holds(date));
        assert_eq!(holds, [true; 3]);
        assert!(!span.holds(Some(Timestamp(day(10).0 - 1))) && !span.holds(Some(Timestamp(day(20).0 + 1))));
        // The last post that was seen: whether the window is passed, and from when it is known where the
        // listing was cut there.
        let check = |last: Option<Timestamp>, is_passed: bool, from: Timestamp| {
            let mut seen = Seen::default();
            seen.read(3);
            seen.saw(last);
            assert_eq!(span.is_passed(&seen), is_passed, "{last:?}");
            for ended in [Ended::Repeated, Ended::Endless] {
                let end = span.end(seen, ended);
                let known = Cursor::Window(Window { from, to: day(20) });
                assert_eq!((end.cursor, end.coverage), (known, Coverage::LimitedTo(3)), "{last:?}");
            }
            for ended in [Ended::Exhausted, Ended::Enough] {
                let end = span.end(seen, ended);
                assert_eq!((end.cursor, end.coverage), (Cursor::Window(window), Coverage::Complete));
            }
        };
        check(None, false, day(20));
        check(Some(day(30)), false, day(20));
        check(Some(day(15)), false, day(15));
        check(Some(day(10)), false, day(10));
        // Dates may be a little out of order.
        check(Some(day(9)), false, day(10));
        check(Some(Timestamp(day(9).0 - 1)), true, day(10));
        assert!(Span::of(&Cursor::Timeline(None), "posts").is_err());
    }
}
