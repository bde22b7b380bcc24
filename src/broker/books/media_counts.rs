//! How a network's counts of accounts' media relate to what searches of whole accounts have found, and
//! whether an equal count is still believed to say that nothing is missing. Pure; begins anew with the
//! broker.

use crate::domain::scans::MediaCount;
use crate::proto::view::MediaCountsView;

/// An equal count is contradicted where the search had missed posts all the same. More than one in so many
/// ends the trust: reading samples costs half as much again as the search, so that one wrong in ten would not
/// be worth it.
const ONE_OF: u64 = 10;

#[derive(Debug, Default)]
pub struct MediaCounts(MediaCountsView);

impl MediaCounts {
    /// Notes what came of a whole search.
    pub fn note(&mut self, count: &MediaCount) {
        let view = &mut self.0;
        match count.found.cmp(&count.stated) {
            std::cmp::Ordering::Less => view.more_stated += 1,
            std::cmp::Ordering::Greater => view.fewer_stated += 1,
            std::cmp::Ordering::Equal => {
                view.equal += 1;
                view.contradicted += u64::from(count.missed > 0);
            }
        }
    }

    /// Whether an equal count shortens the reading of a timeline.
    pub fn is_trusted(&self) -> bool {
        self.0.contradicted * ONE_OF <= self.0.equal
    }

    pub fn view(&self) -> MediaCountsView {
        MediaCountsView { is_trusted: self.is_trusted(), ..self.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trust_ends_with_contradictions_and_comes_back_with_agreement() {
        let mut counts = MediaCounts::default();
        assert!(counts.view().is_trusted);
        let mut note = |found, missed| {
            counts.note(&MediaCount { stated: 100, found, missed });
            counts.is_trusted()
        };
        assert!(note(90, 10), "a count that differs says nothing");
        assert!(note(110, 0));
        assert!(!note(100, 1), "the first that is believed is wrong");
        assert!(!(0..8).any(|_| note(100, 0)), "one in nine is too many");
        assert!(note(100, 0));
        let view = counts.view();
        assert_eq!((view.equal, view.more_stated, view.fewer_stated, view.contradicted), (10, 1, 1, 1));
        assert!(view.is_trusted);
    }
}
