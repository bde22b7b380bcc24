//! How much of a timeline must be read after a search of the same account. Pure: says what to read next,
//! and learns from what was there.
//!
//! The search reads posts with images only, the timeline must read every post; but the search misses some.
//! The posts that it found divide the timeline into **intervals**: every post that it missed lies in one
//! of them, and so does everything else that is paid for. So intervals are read in samples:
//!
//! * the newest one, since the search learns of posts late;
//! * the middle of the longest ones, until some in a row hold nothing: where the search missed a stretch of
//!   posts, it left a long interval;
//! * windows of a few intervals, evenly spread: they show posts that are missed here and there. Where a
//!   stretch was found, half of them do.
//!
//! Where a sample holds three or more missed posts in one interval, that is a stretch: the interval is read
//! whole, and its neighbors until one of them holds nothing. A missed post that stands alone is a sign that
//! others are missed anywhere: after the first, as many windows again are read; after a second, or
//! when one post in seven was missed, everything is. With few posts to go by, the timeline is read from its
//! newest page back, as long as one page in three holds a missed post.
//!
//! Where the network's own count of the account's media says that nothing is missing, that is only
//! **confirmed**: by the newest interval and the middle of the longest one, or by a few of the newest posts
//! where samples say nothing. A missed post refutes it, and everything is as without it.

use std::collections::{BTreeSet, HashSet, VecDeque};

/// The timeline shows no more posts than this.
const DEPTH: u64 = 3200;
/// With fewer posts of the search, samples say nothing.
const LEAST_KNOWN: usize = 48;
/// Of so many intervals, one is read in the even sample.
const SAMPLED: usize = 12;
/// Intervals in a window, read in one request.
const WINDOW: usize = 4;
const LEAST_WINDOWS: usize = 4;
/// Of so many intervals, no more than one is looked into because it is long.
const LONG: usize = 70;
const LEAST_LONG: usize = 2;
/// Posts read in the middle of a long interval: where one post in five has an image, a stretch shows none of
/// them among so many once in seventy times.
const LONG_SAMPLE: u32 = 19;
/// An interval that is so many times longer than the shortest that is looked into is read twice as far.
const SUSPICIOUS: u64 = 3;
/// So many posts in a row without a missed one end the look into long intervals: three samples. Counted in
/// posts, since an interval may be long because its author was silent, and then holds few.
const CLEAN_LONG: u64 = 3 * LONG_SAMPLE as u64;
/// Missed posts in one interval that make it a stretch.
const STRETCH: usize = 3;
/// Missed posts standing alone that show that others are missed anywhere.
const ALONE: usize = 2;
/// When more than one in so many was missed, by the search's own count, nothing less than all of it will do.
const TOO_MANY: usize = 7;
/// Posts in a page of the timeline.
const PAGE: u32 = 100;
/// Pages in a row without a missed post that end the reading where samples say nothing.
const CLEAN_PAGES: u32 = 3;

/// A part of the timeline: posts older than `newer` and newer than `older`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span {
    pub newer: Option<u64>,
    pub older: Option<u64>,
    /// Read no more than about so many posts; `None` reads all.
    pub at_most: Option<u32>,
}

/// What to do next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    Read(Span),
    /// List the whole timeline.
    Everything,
    /// What was read is enough.
    Enough,
}

/// What was read of a span.
#[derive(Clone, Debug, Default)]
pub struct Read {
    /// The posts with images of the account's own.
    pub listed: Vec<u64>,
    /// How many posts of any kind it held.
    pub posts: u64,
    /// The oldest of them.
    pub oldest: Option<u64>,
    /// Nothing is left of the span.
    pub to_the_end: bool,
}

/// Which parts of one timeline are read.
#[derive(Debug)]
pub struct Samples {
    /// What the search listed beyond `since`, newest first.
    known: Vec<u64>,
    /// The timeline is listed from here on.
    since: Option<u64>,
    /// The last interval that the timeline can reach.
    reach: usize,
    missed: BTreeSet<u64>,
    /// Nothing is believed to be missing, and no missed post was seen.
    is_confirmation: bool,
    way: Way,
}

#[derive(Debug)]
enum Way {
    Sampling(Sampling),
    Paging { below: Option<u64>, clean_pages: u32, ended: bool },
}

#[derive(Debug, Default)]
struct Sampling {
    waiting: VecDeque<(Span, std::ops::Range<usize>)>,
    /// Intervals that are being read.
    reading: std::ops::Range<usize>,
    /// Intervals of which everything was read.
    whole: HashSet<usize>,
    /// A stretch was found.
    has_stretch: bool,
    /// The last window was left out.
    left_out: bool,
    /// Posts read in long intervals since the last missed one.
    clean_long: u64,
    /// Intervals with missed posts that are no stretch.
    alone: BTreeSet<usize>,
    rounds: usize,
}

impl Samples {
    /// `known`: what the search listed, newest first. `since`: where the timeline's listing starts.
    /// `posts`: how many the account says it has. `is_confirmation`: by the network's count nothing is
    /// missing.
    pub fn new(
        mut known: Vec<u64>,
        since: Option<u64>,
        posts: Option<u64>,
        is_confirmation: bool,
    ) -> Samples {
        known.retain(|id| since.is_none_or(|since| *id > since));
        known.sort_unstable_by(|a, b| b.cmp(a));
        known.dedup();
        let reach = match posts {
            // A quarter more, since the account's posts need not be alike in its younger and older years.
            Some(posts) if posts > DEPTH && since.is_none() => {
                let share = known.len() as u64 * DEPTH / posts;
                known.len().min(usize::try_from(share * 5 / 4).unwrap_or(usize::MAX))
            }
            _ => known.len(),
        };
        let way = match reach >= LEAST_KNOWN {
            true => Way::Sampling(Sampling::default()),
            false => Way::Paging { below: None, clean_pages: 0, ended: false },
        };
        let mut samples = Samples { known, since, reach, missed: BTreeSet::new(), is_confirmation, way };
        samples.begin();
        samples
    }

    /// Posts that the search had missed, as far as was read.
    pub fn missed(&self) -> u64 {
        self.missed.len() as u64
    }

    /// The newest post that the search listed.
    pub fn newest_known(&self) -> Option<u64> {
        self.known.first().copied()
    }

    /// What to do now that all spans handed out were read.
    pub fn next(&mut self) -> Next {
        let too_many = self.missed.len() > self.known.len() / TOO_MANY;
        match &mut self.way {
            Way::Paging { ended: true, .. } => Next::Enough,
            Way::Paging { below, .. } => {
                let at_most = Some(if self.is_confirmation { LONG_SAMPLE } else { PAGE });
                Next::Read(Span { newer: *below, older: self.since, at_most })
            }
            Way::Sampling(sampling) => {
                if too_many || sampling.alone.len() >= ALONE {
                    return Next::Everything;
                }
                while let Some((span, intervals)) = sampling.waiting.pop_front() {
                    // A sample of a part covers none whole.
                    let is_part = intervals.is_empty();
                    if is_part && intervals.start < self.reach && sampling.clean_long >= CLEAN_LONG {
                        continue;
                    }
                    // A stretch tells how this search misses posts: single ones are looked for half as
                    // closely.
                    let is_window = intervals.len() == WINDOW && sampling.rounds == 1;
                    if is_window && sampling.has_stretch {
                        sampling.left_out = !sampling.left_out;
                        if sampling.left_out {
                            continue;
                        }
                    }
                    if is_part || !intervals.clone().all(|interval| sampling.whole.contains(&interval)) {
                        sampling.reading = intervals;
                        return Next::Read(span);
                    }
                }
                if sampling.rounds == 1 && !sampling.alone.is_empty() {
                    self.spread_windows(false);
                    return self.next();
                }
                Next::Enough
            }
        }
    }

    /// Learns what the span that `next` gave last held.
    pub fn learn(&mut self, read: &Read) {
        let missed: Vec<u64> = read
            .listed
            .iter()
            .copied()
            .filter(|id| self.known.binary_search_by(|known| id.cmp(known)).is_err())
            .collect();
        self.missed.extend(&missed);
        let was_confirmation = self.is_confirmation;
        self.is_confirmation &= missed.is_empty();
        let enough = if self.is_confirmation { 1 } else { CLEAN_PAGES };
        match &mut self.way {
            Way::Paging { below, clean_pages, ended } => {
                *clean_pages = if missed.is_empty() { *clean_pages + 1 } else { 0 };
                *below = read.oldest.or(*below);
                *ended = read.to_the_end || *clean_pages >= enough;
            }
            Way::Sampling(sampling) => {
                if read.to_the_end {
                    let reading = sampling.reading.clone();
                    sampling.whole.extend(reading);
                }
                if sampling.reading.is_empty() && sampling.reading.start < self.reach {
                    sampling.clean_long =
                        if missed.is_empty() { sampling.clean_long + read.posts } else { 0 };
                }
                let touched: BTreeSet<usize> = missed.iter().map(|id| self.interval_of(*id)).collect();
                for interval in touched {
                    self.judge(interval);
                }
            }
        }
        if was_confirmation && !self.is_confirmation {
            self.begin();
        }
    }

    /// An interval holds missed posts: alone, or as a stretch?
    fn judge(&mut self, interval: usize) {
        let here = (self.older_end(interval), self.newer_end(interval));
        let count = self
            .missed
            .iter()
            .filter(|id| here.0.is_none_or(|older| **id > older) && here.1.is_none_or(|newer| **id < newer))
            .count();
        let last = self.known.len();
        let Way::Sampling(sampling) = &mut self.way else { return };
        if !sampling.whole.contains(&interval) {
            self.read_whole(interval);
        } else if count < STRETCH {
            sampling.alone.insert(interval);
        } else {
            sampling.has_stretch = true;
            let neighbors = [interval.checked_sub(1), Some(interval + 1).filter(|next| *next <= last)];
            for neighbor in neighbors.into_iter().flatten() {
                self.read_whole(neighbor);
            }
        }
    }

    fn read_whole(&mut self, interval: usize) {
        let span = Span { newer: self.newer_end(interval), older: self.older_end(interval), at_most: None };
        let Way::Sampling(sampling) = &mut self.way else { return };
        if !sampling.whole.contains(&interval) {
            sampling.waiting.push_front((span, interval..interval + 1));
        }
    }

    /// The first samples.
    fn begin(&mut self) {
        if !matches!(self.way, Way::Sampling(_)) {
            return;
        }
        let newest = Span { newer: None, older: self.older_end(0), at_most: None };
        let mut first = vec![(newest, 0..1)];
        // Ids grow with time, so their difference is a length in time.
        let mut long: Vec<usize> = (1..self.reach).collect();
        let length = |interval: &usize| self.known[interval - 1] - self.known[*interval];
        long.sort_by_key(|interval| std::cmp::Reverse(length(interval)));
        let looked_into = if self.is_confirmation { 1 } else { (self.reach / LONG).max(LEAST_LONG) };
        long.truncate(looked_into);
        let shortest = long.last().map_or(0, length);
        for interval in long {
            let (newer, older) = (self.known[interval - 1], self.known[interval]);
            let middle = newer - (newer - older) / 4;
            let at_most = if newer - older > shortest * SUSPICIOUS { 2 * LONG_SAMPLE } else { LONG_SAMPLE };
            let span = Span { newer: Some(middle), older: Some(older), at_most: Some(at_most) };
            first.push((span, interval..interval));
        }
        if self.reach == self.known.len() && !self.is_confirmation {
            let span =
                Span { newer: self.newer_end(self.reach), older: self.since, at_most: Some(LONG_SAMPLE) };
            first.push((span, self.reach..self.reach));
        }
        if let Way::Sampling(sampling) = &mut self.way {
            sampling.waiting.extend(first);
        }
        if !self.is_confirmation {
            self.spread_windows(true);
        }
    }

    /// Windows at even distances; those of the second round lie between those of the first.
    fn spread_windows(&mut self, first_round: bool) {
        let windows = (self.reach / (SAMPLED * WINDOW)).max(LEAST_WINDOWS);
        let distance = self.reach / windows;
        let offset = if first_round { distance / 2 } else { 1 };
        let spans: Vec<_> = (0..windows)
            .map(|window| {
                let from = window * distance + offset;
                let to = (from + WINDOW).min(self.known.len());
                let span = Span { newer: self.newer_end(from), older: self.older_end(to - 1), at_most: None };
                (span, from..to)
            })
            .collect();
        if let Way::Sampling(sampling) = &mut self.way {
            sampling.waiting.extend(spans);
            sampling.rounds += 1;
        }
    }

    /// Interval 0 is newer than the newest known post, interval `n` older than the oldest.
    fn interval_of(&self, id: u64) -> usize {
        self.known.partition_point(|known| *known > id)
    }

    fn newer_end(&self, interval: usize) -> Option<u64> {
        interval.checked_sub(1).and_then(|newer| self.known.get(newer)).copied()
    }

    fn older_end(&self, interval: usize) -> Option<u64> {
        self.known.get(interval).copied().or(self.since)
    }
}

#[cfg(test)]
mod tests {
    use fastrand::Rng;

    use super::*;

    /// How a simulated search misses posts with images.
    #[derive(Clone, Copy, Debug)]
    enum Misses {
        Random(f64),
        /// That share of them, in stretches of so many.
        Stretches(f64, usize),
    }

    /// A timeline, newest first: ids, and which of them have images and were missed by the search.
    struct Timeline {
        posts: Vec<(u64, bool, bool)>,
    }

    impl Timeline {
        fn new(count: usize, one_image_in: usize, misses: Misses, seed: u64) -> Timeline {
            let mut rng = Rng::with_seed(seed);
            let mut id = 1_000_000_000_u64;
            let mut posts: Vec<(u64, bool, bool)> = (0..count)
                .map(|_| {
                    id += rng.u64(1..2_000_000);
                    (id, rng.usize(..one_image_in) == 0, false)
                })
                .collect();
            posts.reverse();
            let images: Vec<usize> = (0..posts.len()).filter(|index| posts[*index].1).collect();
            match misses {
                Misses::Random(share) => {
                    for index in images {
                        posts[index].2 = rng.f64() < share;
                    }
                }
                Misses::Stretches(share, length) => {
                    let wanted = (images.len() as f64 * share) as usize;
                    while posts.iter().filter(|post| post.2).count() < wanted {
                        let at = rng.usize(..images.len().saturating_sub(length).max(1));
                        for index in images.iter().skip(at).take(length) {
                            posts[*index].2 = true;
                        }
                    }
                }
            }
            Timeline { posts }
        }

        /// Share of the posts with images that were found, and share of all posts that were paid for.
        fn list(&self, since: Option<u64>) -> (f64, f64) {
            self.list_as(since, false)
        }

        fn list_as(&self, since: Option<u64>, is_confirmation: bool) -> (f64, f64) {
            let visible = || self.posts.iter().filter(|(id, _, _)| since.is_none_or(|since| *id > since));
            let known: Vec<u64> = visible().filter(|post| post.1 && !post.2).map(|post| post.0).collect();
            let mut found: HashSet<u64> = known.iter().copied().collect();
            let mut paid = found.clone();
            let mut samples = Samples::new(known, since, Some(self.posts.len() as u64), is_confirmation);
            let mut rounds = 0;
            loop {
                rounds += 1;
                assert!(rounds < 5000, "no end");
                let span = match samples.next() {
                    Next::Enough => break,
                    Next::Everything => Span { newer: None, older: since, at_most: None },
                    Next::Read(span) => span,
                };
                let inside: Vec<_> = visible()
                    .filter(|(id, _, _)| span.newer.is_none_or(|newer| *id < newer))
                    .filter(|(id, _, _)| span.older.is_none_or(|older| *id > older))
                    .collect();
                let limit = span.at_most.map_or(inside.len(), |limit| limit as usize);
                let read: Vec<_> = inside.iter().take(limit).collect();
                paid.extend(read.iter().map(|post| post.0));
                let listed: Vec<u64> = read.iter().filter(|post| post.1).map(|post| post.0).collect();
                found.extend(&listed);
                if span == (Span { newer: None, older: since, at_most: None })
                    && samples.next() == Next::Everything
                {
                    break;
                }
                let oldest = read.last().map(|post| post.0);
                samples.learn(&Read {
                    listed,
                    posts: read.len() as u64,
                    oldest,
                    to_the_end: read.len() == inside.len(),
                });
            }
            let images = visible().filter(|post| post.1).count();
            (found.len() as f64 / images.max(1) as f64, paid.len() as f64 / visible().count().max(1) as f64)
        }
    }

    /// Mean completeness and mean cost against the whole timeline, over many accounts of 3,000 posts.
    fn means(misses: Misses, one_image_in: usize) -> (f64, f64) {
        let rounds = 60;
        let results = (0..rounds).map(|seed| Timeline::new(3000, one_image_in, misses, seed).list(None));
        let (found, paid) = results.fold((0.0, 0.0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
        (found / rounds as f64, paid / rounds as f64)
    }

    #[track_caller]
    fn check(misses: Misses, least_found: f64, most_paid: f64) {
        let (found, paid) = means(misses, 5);
        println!("{misses:?}: found {:.2} %, paid {:.1} %", found * 100.0, paid * 100.0);
        assert!(found >= least_found && paid <= most_paid, "{misses:?}: {found:.4} found, {paid:.4} paid");
    }

    #[test]
    fn a_search_that_misses_little_costs_a_third_at_most() {
        check(Misses::Random(0.0), 1.0, 1.0 / 3.0);
        check(Misses::Stretches(0.05, 30), 0.995, 1.0 / 3.0);
        check(Misses::Stretches(0.05, 10), 0.995, 1.0 / 3.0);
    }

    #[test]
    fn what_is_missed_is_found() {
        check(Misses::Random(0.05), 0.995, 1.0);
        check(Misses::Random(0.3), 0.9999, 1.0);
        check(Misses::Stretches(0.3, 30), 0.995, 1.0);
        check(Misses::Stretches(0.3, 180), 0.995, 1.0);
    }

    #[test]
    fn small_and_strange_timelines_end() {
        for count in [0, 1, 47, 60, 300] {
            for one_image_in in [1, 2, 50] {
                for seed in 0..20 {
                    let timeline = Timeline::new(count, one_image_in, Misses::Random(0.2), seed);
                    timeline.list(None);
                    let middle = timeline.posts.get(count / 2).map(|post| post.0);
                    let (found, _) = timeline.list(middle);
                    let has_images = timeline.posts.iter().take(count / 2).any(|post| post.1);
                    assert!(
                        !has_images || found > 0.7,
                        "{count} posts, one image in {one_image_in}: {found}"
                    );
                }
            }
        }
    }

    #[test]
    fn an_account_of_words_is_given_up_after_three_pages() {
        let timeline = Timeline::new(3000, usize::MAX, Misses::Random(0.0), 1);
        assert_eq!(timeline.list(None), (0.0, 0.1));
    }

    #[test]
    fn a_confirmation_reads_little_and_a_missed_post_refutes_it() {
        for seed in 0..20 {
            let timeline = Timeline::new(3000, 5, Misses::Random(0.0), seed);
            let images = timeline.posts.iter().filter(|post| post.1).count() as f64 / 3000.0;
            let (found, paid) = timeline.list_as(None, true);
            assert_eq!(found, 1.0);
            assert!(paid - images < 0.03, "{paid} for {images}");
            // The count was wrong: the newest post is one that the search had missed.
            let mut timeline = Timeline::new(3000, 5, Misses::Random(0.05), seed);
            timeline.posts[0] = (timeline.posts[0].0, true, true);
            assert_eq!(timeline.list_as(None, true), timeline.list(None), "{seed}");
        }
        let of_words = Timeline::new(3000, usize::MAX, Misses::Random(0.0), 1);
        assert_eq!(of_words.list_as(None, true).1, 19.0 / 3000.0);
    }

    #[test]
    fn updates_read_what_is_new() {
        let timeline = Timeline::new(3000, 5, Misses::Random(0.3), 3);
        let since = timeline.posts[90].0;
        assert_eq!(timeline.list(Some(since)), (1.0, 1.0));
    }
}
