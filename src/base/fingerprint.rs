//! The 64-bit perceptual fingerprint as a plain value. How it is computed: room `fingerprint`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A 64-bit pHash. The most significant bit is the first bit of the 8x8 matrix (row-major), so the
/// 16 hex digits are those that Python's ImageHash prints. (The original AOTF stores the same bits
/// in reverse order; only the importer knows that.)
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Fingerprint(pub u64);

impl Fingerprint {
    /// Hamming distance in bits, 0..=64.
    pub fn distance(self, other: Fingerprint) -> u32 {
        (self.0 ^ other.0).count_ones()
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fingerprint({self})")
    }
}

/// The text was not 16 hex digits.
#[derive(Debug, thiserror::Error)]
#[error("a fingerprint is 16 hex digits, got {0:?}")]
pub struct NotAFingerprint(String);

impl FromStr for Fingerprint {
    type Err = NotAFingerprint;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.len() != 16 || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(NotAFingerprint(text.to_owned()));
        }
        u64::from_str_radix(text, 16).map(Fingerprint).map_err(|_| NotAFingerprint(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_and_parses_as_imagehash_does() {
        let fingerprint: Fingerprint = "00667a2d2d4fc5ca".parse().unwrap();
        assert_eq!(fingerprint.0, 0x0066_7a2d_2d4f_c5ca);
        assert_eq!(fingerprint.to_string(), "00667a2d2d4fc5ca");
        assert!("667a2d2d4fc5ca".parse::<Fingerprint>().is_err());
        assert!("+0667a2d2d4fc5ca".parse::<Fingerprint>().is_err());
    }
}
