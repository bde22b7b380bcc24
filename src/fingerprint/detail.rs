//! The second stage: what tells whether a candidate that the 64-bit fingerprint found is the same
//! picture, a changed one, or merely alike.

use crate::domain::images::{Detail, MatchClass};

/// Within so many bits of the 64 a candidate is taken for a copy where nothing else is known of it:
/// nearly all copies, and hardly anything else, are that near.
pub const SURE_BITS: u32 = 2;
/// At most so many bits of the 256 differ between two copies of the same picture.
pub const SAME_PICTURE_BITS: u32 = 18;
/// At most so many levels of 255 do their thumbnails differ in the mean.
pub const SAME_PICTURE_LEVELS: f32 = 3.0;
/// Within so many bits of the 256 lies nearly everything that was made from the picture.
pub const RELATED_BITS: u32 = 32;

/// Classes a stored image whose 64-bit fingerprint lies within the search radius.
pub fn class_of(a: &Detail, b: &Detail) -> MatchClass {
    let bits = a.distance256(b);
    let levels = a.thumbnail_difference(b);
    if bits == 0 && levels < 0.5 {
        MatchClass::Identical
    } else if bits <= SAME_PICTURE_BITS && levels <= SAME_PICTURE_LEVELS {
        MatchClass::Recompressed
    } else if bits <= RELATED_BITS {
        MatchClass::EditedOrVariant
    } else {
        MatchClass::Similar
    }
}

/// Classes a stored image of which nothing but the 64-bit fingerprint is known. Never
/// `Identical`: pictures that no one would confuse have equal fingerprints.
pub fn class_by_distance(distance: u32) -> MatchClass {
    if distance <= SURE_BITS { MatchClass::Recompressed } else { MatchClass::Similar }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(bits: u32, levels: u8, expect: MatchClass) {
        let a = Detail { phash256: [0; 4], thumbnail: vec![100; 192], trimmed: None };
        let mut b = Detail { thumbnail: vec![100 + levels; 192], ..a.clone() };
        for bit in 0..bits as usize {
            b.phash256[bit % 4] |= 1 << (bit / 4);
        }
        assert_eq!(a.distance256(&b), bits);
        assert_eq!(class_of(&a, &b), expect, "{bits} bits, {levels} levels");
    }

    #[test]
    fn classes() {
        check(0, 0, MatchClass::Identical);
        check(0, 1, MatchClass::Recompressed);
        check(18, 3, MatchClass::Recompressed);
        check(18, 4, MatchClass::EditedOrVariant);
        check(19, 0, MatchClass::EditedOrVariant);
        check(32, 155, MatchClass::EditedOrVariant);
        check(33, 0, MatchClass::Similar);
    }

    #[test]
    fn classes_by_distance_alone() {
        assert_eq!(class_by_distance(0), MatchClass::Recompressed);
        assert_eq!(class_by_distance(2), MatchClass::Recompressed);
        assert_eq!(class_by_distance(3), MatchClass::Similar);
    }
}
