//! What another program has stored, as pages of plain values, and a checksum to compare it by.

use std::fmt;

use crate::base::ids::{AccountKey, PostKey};
use crate::base::{Fingerprint, Timestamp};

/// Rows for one commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Page {
    Posts(Vec<ImportedPost>),
    /// Retries of posts that are not stored are left out.
    Retries(Vec<ImportedRetry>),
    /// To be written after all posts, since cursors say that the posts before them are stored.
    Accounts(Vec<ImportedAccount>),
}

/// A post as others keep it: the pixels were never ours to see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportedPost {
    pub key: PostKey,
    pub account: AccountKey,
    pub images: Vec<ImportedImage>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportedImage {
    pub name: String,
    pub fingerprint: Option<Fingerprint>,
}

/// How far the other program has listed an account. Taken over for each kind of listing where it
/// ended later than ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportedAccount {
    pub key: AccountKey,
    pub search_cursor: Option<Timestamp>,
    pub search_listed_at: Option<Timestamp>,
    pub search_reset_at: Option<Timestamp>,
    pub timeline_cursor: Option<String>,
    pub timeline_listed_at: Option<Timestamp>,
    pub last_used_at: Option<Timestamp>,
    pub uses: u64,
}

/// A post of which an image is to be tried again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportedRetry {
    pub post: PostKey,
    /// By position.
    pub urls: Vec<Option<String>>,
    /// The first fetch included.
    pub attempts: u32,
    pub last_tried: Option<Timestamp>,
}

/// Whether a fingerprint without its image can be believed. A pHash compares 64 values with their
/// median, so exactly half of its bits are set, unless values are equal to the median: those bits
/// are made of rounding noise.
pub fn is_solid(fingerprint: Fingerprint) -> bool {
    fingerprint.0.count_ones() == 32
}

/// Sizes and a checksum of fingerprints, whatever their order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    pub posts: u64,
    pub images: u64,
    /// Images that have one.
    pub fingerprints: u64,
    checksum: u64,
}

impl Tally {
    /// Adds a post with its images in the order of their positions.
    pub fn add(&mut self, post: &PostKey, images: impl IntoIterator<Item = Option<Fingerprint>>) {
        self.posts += 1;
        for (position, fingerprint) in (1_u32..).zip(images) {
            self.images += 1;
            let Some(fingerprint) = fingerprint else { continue };
            self.fingerprints += 1;
            let text = format!("{post} {position} {fingerprint}");
            self.checksum = self.checksum.wrapping_add(fnv1a(text.as_bytes()));
        }
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Tally { posts, images, fingerprints, checksum } = self;
        write!(f, "{posts} posts, {images} images, {fingerprints} fingerprints, checksum {checksum:016x}")
    }
}

/// The 64-bit FNV-1a hash: small, the same everywhere, good enough to notice accidents.
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |sum, byte| (sum ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::ids::Network;

    #[test]
    fn a_tally_does_not_depend_on_the_order_but_on_all_else() {
        let post = |n: u32| PostKey::new(Network::Twitter, n.to_string());
        let tally = |list: &[(u32, Vec<Option<u64>>)]| {
            let mut tally = Tally::default();
            for (n, images) in list {
                tally.add(&post(*n), images.iter().map(|bits| bits.map(Fingerprint)));
            }
            tally
        };
        let one = tally(&[(1, vec![Some(7), None]), (2, vec![Some(8)])]);
        assert_eq!(one, tally(&[(2, vec![Some(8)]), (1, vec![Some(7), None])]));
        assert_eq!((one.posts, one.images, one.fingerprints), (2, 3, 2));
        for other in [
            tally(&[(1, vec![Some(8), None]), (2, vec![Some(7)])]),
            tally(&[(1, vec![None, Some(7)]), (2, vec![Some(8)])]),
            tally(&[(1, vec![Some(7), None]), (3, vec![Some(8)])]),
        ] {
            assert_ne!(one, other);
        }
        assert_eq!(fnv1a(b"a"), 0xaf63_dc4c_8601_ec8c, "the published test value");
    }

    #[test]
    fn half_of_the_bits_of_a_good_fingerprint_are_set() {
        assert!(is_solid("90667a2d2d4fc5ca".parse().unwrap()));
        assert!(!is_solid(Fingerprint(0)));
        assert!(!is_solid("8000000000000000".parse().unwrap()));
    }
}
