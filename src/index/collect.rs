//! Gathers neighbors as they are found, in any order, and keeps the first `limit` of the answer.

use super::hamming::{Answer, Neighbor};
use crate::base::ids::FormId;

/// The answer under construction. Memory is bounded by the limit, not by the number of neighbors.
pub(crate) struct Collector {
    found: Vec<Neighbor>,
    limit: usize,
    reach: u32,
    cut: bool,
}

impl Collector {
    pub fn new(radius: u32, limit: usize) -> Collector {
        Collector { found: Vec::new(), limit, reach: radius.min(64), cut: false }
    }

    /// The greatest distance that can still enter the answer: the radius, or less once the answer
    /// is full. Never grows.
    pub fn reach(&self) -> u32 {
        self.reach
    }

    /// Adds a neighbor. Each image is offered at most once; farther than the reach is ignored.
    pub fn offer(&mut self, image: FormId, distance: u32) {
        if distance > self.reach {
            return;
        }
        if self.limit == 0 {
            self.cut = true;
            return;
        }
        self.found.push(Neighbor { distance, image });
        // Room for twice the limit makes the cost of the selection constant per neighbor.
        if self.found.len() >= self.limit.saturating_mul(2).max(64) {
            self.keep_first();
        }
    }

    /// The answer, in order.
    pub fn finish(mut self) -> Answer {
        self.keep_first();
        self.found.sort_unstable();
        Answer { neighbors: self.found, cut: self.cut }
    }

    fn keep_first(&mut self) {
        if self.found.len() <= self.limit || self.limit == 0 {
            return;
        }
        let (_, last, _) = self.found.select_nth_unstable(self.limit - 1);
        // Equal distances stay welcome: a smaller image id goes before.
        self.reach = last.distance;
        self.found.truncate(self.limit);
        self.cut = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(distances: &[u32], radius: u32, limit: usize, expect: &[(u64, u32)], cut: bool) {
        let mut collector = Collector::new(radius, limit);
        for (image, &distance) in (0..).zip(distances) {
            collector.offer(FormId(image), distance);
        }
        let answer = collector.finish();
        let found: Vec<_> = answer.neighbors.iter().map(|n| (n.image.0, n.distance)).collect();
        assert_eq!((found.as_slice(), answer.cut), (expect, cut));
    }

    #[test]
    fn keeps_the_first_of_the_full_answer() {
        check(&[], 6, 10, &[], false);
        check(&[3, 1, 7, 1], 6, 10, &[(1, 1), (3, 1), (0, 3)], false);
        check(&[3, 1, 7, 1], 6, 3, &[(1, 1), (3, 1), (0, 3)], false);
        check(&[3, 1, 7, 1], 6, 2, &[(1, 1), (3, 1)], true);
        check(&[2], 6, 0, &[], true);
        check(&[7], 6, 0, &[], false);
    }

    #[test]
    fn a_full_answer_lowers_the_reach_but_not_below_ties() {
        let mut collector = Collector::new(6, 1);
        for image in (0..1000).rev() {
            collector.offer(FormId(image), 4);
        }
        assert_eq!(collector.reach(), 4);
        let answer = collector.finish();
        assert_eq!(answer.neighbors, [Neighbor { distance: 4, image: FormId(0) }]);
        assert!(answer.cut);
    }
}
