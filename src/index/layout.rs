//! How codes are cut into substrings, by the size of the set, and how a radius is shared among them.
//! Pure arithmetic: no code is touched here.

/// Most substrings that any layout uses.
pub(crate) const MAX_SUBSTRINGS: usize = 4;

/// A run of bits of a code: `width` bits from bit `shift` (0 is the least significant) upwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Substring {
    pub shift: u32,
    pub width: u32,
}

impl Substring {
    /// These bits of `code`, as the number of a bucket.
    pub fn of(self, code: u64) -> u32 {
        ((code >> self.shift) & ((1 << self.width) - 1)) as u32
    }

    /// The other bits of `code`, those nearest above the substring first from below, with the
    /// substring itself in the highest `width` bits.
    pub fn rest(self, code: u64) -> u64 {
        code.rotate_right(self.shift + self.width)
    }

    pub fn buckets(self) -> usize {
        1 << self.width
    }
}

/// The substrings that a set of `n_codes` is indexed by; they never overlap.
///
/// Measured (see `docs/search-index.md`): four of up to 16 bits are fastest while the tables fit
/// the caches; three of about 20 bits take 8 bytes less per image and compare fewer of them. Either
/// way about four to eight images share a bucket: with fewer, the lists of buckets weigh more than
/// they save.
pub(crate) fn substrings_for(n_codes: usize) -> Vec<Substring> {
    let log2 = n_codes.max(1).ilog2();
    if n_codes < 2 << 20 {
        let width = log2.saturating_sub(2).clamp(6, 16);
        (0..4).map(|i| Substring { shift: 16 * i, width }).collect()
    } else {
        let width = (log2 - 2).min(21);
        // The bit that three times 21 leave over.
        let last = if log2 >= 24 { 22 } else { width };
        [(0, width), (21, width), (42, last)].map(|(shift, width)| Substring { shift, width }).to_vec()
    }
}

/// How many bits a position takes in the entries of a table. At least the width of every substring,
/// so that what is left for the rest of the code never holds bits of the substring itself: those
/// would be counted twice.
pub(crate) fn position_bits_for(n_codes: usize, substrings: &[Substring]) -> u32 {
    let widest = substrings.iter().map(|substring| substring.width).max().unwrap_or(0);
    (usize::BITS - n_codes.saturating_sub(1).leading_zeros()).max(widest)
}

/// Shares out a radius: the greatest distance to look at in each substring, `None` for not at all.
///
/// Exact by the pigeonhole principle: if a code is farther than its share in every substring, its
/// whole distance is at least the sum of all (share + 1), and that sum is radius + 1. (Giving every
/// substring radius / n, as the published method does, looks at several times as many buckets:
/// radius 6 over three substrings needs shares 2, 1, 1 and not 2, 2, 2.)
///
/// `cost(i, k)` estimates the work of looking at all buckets at distance exactly `k` of substring
/// `i`. Each step of the radius goes where it costs least.
pub(crate) fn share_out(
    radius: u32,
    substrings: &[Substring],
    cost: impl Fn(usize, u32) -> f64,
) -> Option<Shares> {
    let mut steps = [0_u32; MAX_SUBSTRINGS];
    let mut total_cost = 0.0;
    for _ in 0..=radius {
        let open = (0..substrings.len()).filter(|&i| steps[i] <= substrings[i].width);
        let cheapest = open.map(|i| (cost(i, steps[i]), i)).min_by(|a, b| a.0.total_cmp(&b.0))?;
        total_cost += cheapest.0;
        steps[cheapest.1] += 1;
    }
    Some(Shares { steps, total_cost })
}

/// A radius shared out among substrings.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shares {
    /// Share + 1 of each substring; 0 means not looked at.
    steps: [u32; MAX_SUBSTRINGS],
    /// Sum of the costs of what will be looked at.
    pub total_cost: f64,
}

impl Shares {
    /// The distances to look at in substring `i`.
    pub fn distances(&self, i: usize) -> std::ops::Range<u32> {
        0..self.steps[i]
    }
}

/// All numbers of `width` bits with exactly `ones` bits set, ascending.
pub(crate) fn flips(width: u32, ones: u32) -> Flips {
    let next = if ones > width { None } else { Some((1_u64 << ones) - 1) };
    Flips { next, end: 1 << width }
}

/// See [`flips`].
pub(crate) struct Flips {
    next: Option<u64>,
    end: u64,
}

impl Iterator for Flips {
    type Item = u32;

    #[inline]
    fn next(&mut self) -> Option<u32> {
        let this = self.next?;
        self.next = if this == 0 {
            None
        } else {
            // The next greater number with as many ones: carry the lowest run of ones up by one
            // place, and let what is left of the run fall to the bottom.
            let lowest = this & this.wrapping_neg();
            let carried = this + lowest;
            let fallen = ((carried ^ this) >> 2) / lowest;
            Some(carried | fallen).filter(|&next| next < self.end)
        };
        Some(this as u32)
    }
}

/// How many numbers of `width` bits have exactly `ones` bits set.
pub(crate) fn n_flips(width: u32, ones: u32) -> f64 {
    (0..ones).fold(1.0, |product, i| product * f64::from(width - i.min(width)) / f64::from(i + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn substrings_never_overlap() {
        for log2 in 0..32 {
            let mut seen = 0_u64;
            for substring in substrings_for(1 << log2) {
                let mask = ((1_u64 << substring.width) - 1) << substring.shift;
                assert_eq!(seen & mask, 0);
                seen |= mask;
            }
        }
    }

    #[test]
    fn positions_fit_their_bits() {
        let cases = [(0, 6), (1, 6), (64, 6), (65, 7), (1 << 20, 20), ((1 << 20) + 1, 21), (4 << 20, 22)];
        for (n_codes, bits) in cases {
            assert_eq!(position_bits_for(n_codes, &substrings_for(n_codes)), bits, "{n_codes}");
        }
    }

    #[test]
    fn flips_are_all_numbers_with_that_many_ones() {
        for (width, ones) in [(1, 0), (1, 1), (6, 0), (6, 3), (6, 6), (6, 7), (16, 2)] {
            let all: Vec<u32> = (0..1_u32 << width).filter(|n| n.count_ones() == ones).collect();
            assert_eq!(flips(width, ones).collect::<Vec<_>>(), all);
            assert_eq!(n_flips(width, ones), all.len() as f64);
        }
    }

    #[test]
    fn shares_add_up_to_the_radius_and_one() {
        let substrings = substrings_for(10_000_000);
        for radius in 0..=64 {
            let shares = share_out(radius, &substrings, |i, k| n_flips(substrings[i].width, k));
            let sum: u32 = (0..3).map(|i| shares.unwrap().distances(i).end).sum();
            assert_eq!(sum, radius + 1);
        }
        assert!(share_out(20, &substrings[..0], |_, _| 0.0).is_none());
    }

    /// Time depends on the machine; the number of buckets looked into does not.
    #[test]
    fn looks_into_few_buckets() {
        let n_buckets = |n_codes: usize, radius| {
            let substrings = substrings_for(n_codes);
            let cost = |i: usize, k| n_flips(substrings[i].width, k);
            share_out(radius, &substrings, cost).unwrap().total_cost
        };
        // 17 + 17 + 17 + 1, and 22 + 22 + 232.
        assert_eq!((n_buckets(1_000_000, 6), n_buckets(10_000_000, 6)), (52.0, 276.0));
        // Radius / n for every substring would be 4 * 17 and 3 * 232.
    }
}
