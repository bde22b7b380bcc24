//! What a query has found while posts are still being indexed for it: its answer so far. Pure.

use crate::domain::images::FoundImage;

/// The answer so far, and the search that brings it up to date.
#[derive(Debug, Default)]
pub struct Preview {
    /// Within the distance that makes a result, of the artist's accounts; nearest first.
    pub found: Vec<FoundImage>,
    /// Farther ones.
    pub similar: Vec<FoundImage>,
    /// Among the posts that the page names, of accounts that nothing else confirms.
    pub named: Vec<FoundImage>,
    /// A search is under way, that knows so many of the posts stored for the query.
    under_way: Option<u64>,
    /// Posts that were stored for the query when the last search began; `None` before the first search.
    looked_at: Option<u64>,
}

impl Preview {
    /// Begins a search, if there is something that the last one did not know: so many posts are stored for
    /// the query by now. `at_least_once`: what was stored before counts too.
    pub fn begin(&mut self, stored: u64, at_least_once: bool) -> bool {
        let is_due = self.looked_at.map_or(at_least_once || stored > 0, |known| stored > known);
        if self.under_way.is_some() || !is_due {
            return false;
        }
        self.under_way = Some(stored);
        true
    }

    /// The search has ended. False if none was under way.
    pub fn end(&mut self) -> bool {
        let ended = self.under_way.take();
        self.looked_at = ended.or(self.looked_at);
        ended.is_some()
    }

    pub fn is_under_way(&self) -> bool {
        self.under_way.is_some()
    }

    /// The images that show the artwork itself.
    pub fn hits(&self) -> impl Iterator<Item = &FoundImage> {
        self.found.iter().filter(|image| image.shows_artwork())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_post_is_looked_at_once() {
        let mut preview = Preview::default();
        assert!(!preview.begin(0, false), "nothing is there");
        assert!(preview.begin(0, true), "what was stored before");
        assert!(!preview.begin(3, true), "one at a time");
        assert!(preview.end());
        assert!(preview.begin(3, true));
        assert!(preview.end());
        assert!(!preview.begin(3, true));
        assert!(!preview.end());
    }
}
