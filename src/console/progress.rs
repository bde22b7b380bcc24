//! How far the indexing of posts is: a bar, the figures, and when it will be done. Pure.

use unicode_width::UnicodeWidthStr;

use super::words::duration;
use crate::base::counted;

/// How far it is, from the first post on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Indexing {
    /// New posts with images that were found so far, and those of them that are stored.
    pub listed: u64,
    pub indexed: u64,
    /// More may be found.
    pub still_listing: bool,
    /// Posts of any kind that the accounts have, where the network says so.
    pub total: Option<u64>,
    /// Since the indexing began.
    pub elapsed_ms: u64,
}

/// Before this, a speed says nothing.
const LEAST_MS: u64 = 2000;
const LEAST_INDEXED: u64 = 10;
/// Cells of the bar: where there is room, and where there is little.
const CELLS: u64 = 20;
const FEW_CELLS: u64 = 10;

impl Indexing {
    /// The figures on one line: with a bar, the time left and the number of all posts as far as `width`
    /// columns allow; `None` is without limit and without a bar, which moves only where a line is written
    /// over. Empty where nothing was found yet.
    pub fn show(&self, width: Option<usize>) -> String {
        if self.listed == 0 {
            return String::new();
        }
        let plus = if self.still_listing { "+" } else { "" };
        let figures = format!("{} of {}{plus}", self.indexed, self.listed);
        let posts = if self.listed == 1 { "post" } else { "posts" };
        let left = |least: &str, about: &str| match self.left_ms() {
            Some(left) => {
                format!(", {}{} left", if self.still_listing { least } else { about }, duration(left))
            }
            None => String::new(),
        };
        let long = format!("{figures} {posts} with images indexed{}", left("at least ", "about "));
        let all =
            self.total.map_or_else(String::new, |total| format!(" ({} in all)", counted(total, "post")));
        let Some(width) = width else { return long + &all };
        // The time left before the words, the words before the rest.
        let short = format!("{figures}{}", left("over ", ""));
        let (bar, small) = (self.bar(CELLS), self.bar(FEW_CELLS));
        let mut forms = [
            format!("{bar} {long}{all}"),
            format!("{bar} {long}"),
            format!("{bar} {short}{all}"),
            format!("{bar} {short}"),
            format!("{small} {short}"),
        ]
        .into_iter();
        forms.find(|form| form.width() <= width).unwrap_or(short)
    }

    /// `████░░░░`: never full before all is done.
    fn bar(&self, cells: u64) -> String {
        let filled = (self.indexed.min(self.listed) * cells) / self.listed.max(1);
        let filled = if self.still_listing { filled.min(cells.saturating_sub(1)) } else { filled };
        (0..cells).map(|cell| if cell < filled { '█' } else { '░' }).collect()
    }

    /// Until what is listed is indexed, at the speed so far; milliseconds.
    fn left_ms(&self) -> Option<u64> {
        let left = self.listed.saturating_sub(self.indexed);
        let known = self.elapsed_ms >= LEAST_MS && self.indexed >= LEAST_INDEXED && left > 0;
        // In 128 bits: posts times milliseconds.
        let millis = u128::from(left) * u128::from(self.elapsed_ms) / u128::from(self.indexed.max(1));
        known.then(|| u64::try_from(millis).unwrap_or(u64::MAX).max(1000))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(indexing: Indexing, width: Option<usize>, expect: &str) {
        assert_eq!(indexing.show(width), expect);
    }

    #[test]
    fn what_is_known_is_shown_as_far_as_there_is_room() {
        let begun = Indexing {
            listed: 412,
            indexed: 100,
            still_listing: true,
            total: Some(9000),
            elapsed_ms: 65_000,
        };
        let words = "100 of 412+ posts with images indexed, at least 3 min 22 s left";
        check(begun, Some(120), &format!("████░░░░░░░░░░░░░░░░ {words} (9000 posts in all)"));
        check(begun, Some(90), &format!("████░░░░░░░░░░░░░░░░ {words}"));
        check(begun, Some(80), "████░░░░░░░░░░░░░░░░ 100 of 412+, over 3 min 22 s left (9000 posts in all)");
        check(begun, Some(60), "████░░░░░░░░░░░░░░░░ 100 of 412+, over 3 min 22 s left");
        // What an 80 column terminal leaves behind "indexing their posts, 1 min 05 s: ".
        check(begun, Some(45), "██░░░░░░░░ 100 of 412+, over 3 min 22 s left");
        check(begun, Some(5), "100 of 412+, over 3 min 22 s left");
        check(begun, None, &format!("{words} (9000 posts in all)"));
        let listed = Indexing { still_listing: false, total: None, ..begun };
        check(listed, None, "100 of 412 posts with images indexed, about 3 min 22 s left");
        check(listed, Some(45), "██░░░░░░░░ 100 of 412, 3 min 22 s left");
        check(Indexing { elapsed_ms: 500, ..listed }, None, "100 of 412 posts with images indexed");
        let one = Indexing { listed: 1, indexed: 1, total: Some(1), ..listed };
        check(one, None, "1 of 1 post with images indexed (1 post in all)");
        check(Indexing { listed: 0, indexed: 0, ..begun }, Some(100), "");
    }

    #[test]
    fn a_bar_is_full_only_at_the_end() {
        let bar = |indexed, still_listing| {
            Indexing { listed: 10, indexed, still_listing, total: None, elapsed_ms: 0 }.bar(CELLS)
        };
        assert_eq!(bar(0, false), "░".repeat(20));
        assert_eq!(bar(10, true), "█".repeat(19) + "░");
        assert_eq!(bar(10, false), "█".repeat(20));
        assert_eq!(bar(12, false), "█".repeat(20), "counted again after a restart");
    }
}
