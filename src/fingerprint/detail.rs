//! The second stage: what tells whether a candidate that the 64-bit fingerprint found is the same
//! picture, a changed one, or merely alike.

use crate::base::Fingerprint;

/// Within so many bits of the 64 a candidate is taken for a copy where nothing else is known of it:
/// nearly all copies, and hardly anything else, are that near.
pub const SURE_BITS: u32 = 2;
/// At most so many bits of the 256 differ between two copies of the same picture.
pub const SAME_PICTURE_BITS: u32 = 18;
/// At most so many levels of 255 do their thumbnails differ in the mean.
pub const SAME_PICTURE_LEVELS: f32 = 3.0;
/// Within so many bits of the 256 lies nearly everything that was made from the picture.
pub const RELATED_BITS: u32 = 32;

/// What is kept of a picture beside its fingerprint, to look at candidates more closely.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Detail {
    /// ImageHash's `phash(hash_size=16)`: row-major, the first bit is the most significant of the
    /// first word.
    pub phash256: [u64; 4],
    /// Mean colors of the 8x8 fields of the picture, RGB, row-major.
    pub thumbnail: [u8; 192],
    /// Fingerprint of the picture without its uniform border. None where there is no border, or
    /// where what it frames has no fingerprint of good quality.
    pub trimmed: Option<Fingerprint>,
}

impl Detail {
    /// Bits, of 256, that differ.
    pub fn distance256(&self, other: &Detail) -> u32 {
        self.phash256.iter().zip(&other.phash256).map(|(a, b)| (a ^ b).count_ones()).sum()
    }

    /// Mean difference of the thumbnails, in levels, 0.0..=255.0.
    pub fn thumbnail_difference(&self, other: &Detail) -> f32 {
        let sum: u32 =
            self.thumbnail.iter().zip(&other.thumbnail).map(|(&a, &b)| u32::from(a.abs_diff(b))).sum();
        sum as f32 / self.thumbnail.len() as f32
    }
}

/// What a candidate is, nearest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Likeness {
    /// No difference that the second stage can see.
    Identical,
    /// The same picture, resized or compressed again.
    Recompressed,
    /// Made from the picture: cropped, captioned, recolored, another expression.
    Edited,
    /// Alike to the first stage alone.
    Similar,
}

impl Likeness {
    /// Classes a candidate whose 64-bit fingerprint lies within the search radius.
    pub fn of(a: &Detail, b: &Detail) -> Likeness {
        let bits = a.distance256(b);
        let levels = a.thumbnail_difference(b);
        if bits == 0 && levels < 0.5 {
            Likeness::Identical
        } else if bits <= SAME_PICTURE_BITS && levels <= SAME_PICTURE_LEVELS {
            Likeness::Recompressed
        } else if bits <= RELATED_BITS {
            Likeness::Edited
        } else {
            Likeness::Similar
        }
    }

    /// Classes a candidate of which nothing but the 64-bit fingerprint is known. Never
    /// `Identical`: pictures that no one would confuse have equal fingerprints.
    pub fn by_distance(distance: u32) -> Likeness {
        if distance <= SURE_BITS { Likeness::Recompressed } else { Likeness::Similar }
    }

    /// The class in one or two words, for people.
    pub fn as_str(self) -> &'static str {
        match self {
            Likeness::Identical => "identical",
            Likeness::Recompressed => "recompressed",
            Likeness::Edited => "edited or variant",
            Likeness::Similar => "similar",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(bits: u32, levels: u8, expect: Likeness) {
        let a = Detail { phash256: [0; 4], thumbnail: [100; 192], trimmed: None };
        let mut b = Detail { thumbnail: [100 + levels; 192], ..a.clone() };
        for bit in 0..bits as usize {
            b.phash256[bit % 4] |= 1 << (bit / 4);
        }
        assert_eq!(a.distance256(&b), bits);
        assert_eq!(Likeness::of(&a, &b), expect, "{bits} bits, {levels} levels");
    }

    #[test]
    fn classes() {
        check(0, 0, Likeness::Identical);
        check(0, 1, Likeness::Recompressed);
        check(18, 3, Likeness::Recompressed);
        check(18, 4, Likeness::Edited);
        check(19, 0, Likeness::Edited);
        check(32, 155, Likeness::Edited);
        check(33, 0, Likeness::Similar);
    }

    #[test]
    fn classes_by_distance_alone() {
        assert_eq!(Likeness::by_distance(0), Likeness::Recompressed);
        assert_eq!(Likeness::by_distance(2), Likeness::Recompressed);
        assert_eq!(Likeness::by_distance(3), Likeness::Similar);
    }
}
