//! The index of the codes of local features: how its entries are numbered, and which images a search takes
//! from it for a closer look.
//!
//! It has the files and the searches of the index of fingerprints. Of each image it holds the first codes,
//! those that tell most, so that an image of the whole database is found by a few of them.

use std::collections::{BTreeMap, HashMap};

use super::hamming::{Entry, HammingIndex, Neighbor};
use crate::base::Fingerprint;
use crate::base::ids::{AccountNo, FormId, ImageId};

/// Codes of one image in the index, at most.
pub const MAX_CODES: usize = 32;

/// Codes of one feature in two copies of a picture differ by so many bits, mostly. Strangers' codes come
/// within reach quickly beyond it.
pub const RADIUS: u32 = 6;

/// Neighbors of one code that are looked at. Of what more images have than these, as the letters of a
/// watermark or the frame of an app, only what is nearer than the crowd counts.
const MAX_NEIGHBORS: usize = 512;

/// An image is found by so many of its codes at least.
const LEAST_CODES: usize = 2;

/// The entries of an image: its first codes, in their order.
pub fn entries(image: ImageId, account: AccountNo, codes: &[u64]) -> impl Iterator<Item = Entry> {
    let entry = move |(nth, code): (usize, &u64)| {
        let image = FormId(image.0 * MAX_CODES as u64 + nth as u64);
        Entry { image, account, fingerprint: Fingerprint(*code) }
    };
    codes.iter().take(MAX_CODES).enumerate().map(entry)
}

/// Whose entry this is.
pub fn image_of(entry: FormId) -> ImageId {
    ImageId(entry.0 / MAX_CODES as u64)
}

/// Up to which image an index that ends with this entry holds everything. An image may have fewer codes than
/// there is room for, or its last ones may be missing yet: only what lies before it is certain.
pub fn whole_up_to(last: FormId) -> ImageId {
    let is_whole = last.0 % MAX_CODES as u64 == MAX_CODES as u64 - 1;
    ImageId(image_of(last).0.saturating_sub(u64::from(!is_whole)))
}

/// The images that share most with a query image of these codes, most first and `limit` at most: the
/// candidates for a closer look. `n_entries` says how large the index is.
///
/// An image counts the more by a code, the fewer codes of others are as near to it. No code counts twice:
/// neither one of the query for several of an image, nor one of an image for several of the query.
pub fn candidates(index: &dyn HammingIndex, n_entries: u64, codes: &[u64], limit: usize) -> Vec<ImageId> {
    let mut weights: HashMap<FormId, u32> = HashMap::new();
    for &code in codes {
        let answer = index.within(Fingerprint(code), RADIUS, MAX_NEIGHBORS);
        let farthest = answer.neighbors.last().map_or(0, |last| last.distance);
        let mut as_near = 0;
        let mut counted: BTreeMap<ImageId, FormId> = BTreeMap::new();
        for crowd in answer.neighbors.chunk_by(|one, other| one.distance == other.distance) {
            // Nobody knows how many more there are at the distance at which the answer was cut.
            if answer.cut && crowd[0].distance == farthest {
                break;
            }
            as_near += crowd.len() as u64;
            let weight = (n_entries / as_near).max(1).ilog2();
            for Neighbor { image: entry, .. } in crowd {
                if *counted.entry(image_of(*entry)).or_insert(*entry) == *entry {
                    let known = weights.entry(*entry).or_default();
                    *known = weight.max(*known);
                }
            }
        }
    }
    let mut images: HashMap<ImageId, (usize, u32)> = HashMap::new();
    for (entry, weight) in weights {
        let (n_codes, sum) = images.entry(image_of(entry)).or_default();
        *n_codes += 1;
        *sum += weight;
    }
    let mut ranked: Vec<(u32, ImageId)> = images
        .into_iter()
        .filter(|(_, (n, _))| *n >= LEAST_CODES)
        .map(|(image, (_, sum))| (sum, image))
        .collect();
    ranked.sort_unstable_by_key(|&(sum, image)| (std::cmp::Reverse(sum), image));
    ranked.truncate(limit);
    ranked.into_iter().map(|(_, image)| image).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::index::flat::FlatIndex;

    /// Codes that are far from each other, always the same.
    fn code(n: u64) -> u64 {
        fastrand::Rng::with_seed(n).u64(..)
    }

    fn flipped(code: u64, bits: u32) -> u64 {
        (0..bits).fold(code, |code, bit| code ^ 1 << (bit * 9))
    }

    struct Stored(Vec<(u64, Vec<u64>)>);

    impl Stored {
        #[track_caller]
        fn check(&self, asked: &[u64], limit: usize, expect: &[u64]) {
            let mut index = FlatIndex::new();
            let mut n_entries = 0;
            for (image, codes) in &self.0 {
                let added: Vec<Entry> = entries(ImageId(*image), AccountNo(1), codes).collect();
                n_entries += added.len() as u64;
                index.extend(&added);
            }
            let found = candidates(&index, n_entries, asked, limit);
            assert_eq!(found.iter().map(|image| image.0).collect::<Vec<_>>(), expect);
        }
    }

    #[test]
    fn an_image_is_found_by_two_of_its_codes() {
        let stored = Stored(vec![
            (1, vec![code(1), code(2), code(3)]),
            (2, vec![code(1), code(4)]),
            (3, vec![code(5), code(6), code(7)]),
        ]);
        stored.check(&[], 9, &[]);
        stored.check(&[code(1)], 9, &[]);
        stored.check(&[code(1), code(2)], 9, &[1]);
        stored.check(&[code(1), code(9), flipped(code(4), RADIUS)], 9, &[2]);
        stored.check(&[code(1), flipped(code(4), RADIUS + 1)], 9, &[]);
        stored.check(&[code(5), code(2), code(6), code(3), code(7)], 9, &[3, 1]);
        stored.check(&[code(5), code(2), code(6), code(3), code(7)], 1, &[3]);
    }

    #[test]
    fn no_code_counts_twice() {
        let alike = [code(1), flipped(code(1), 1), flipped(code(1), 2)];
        let stored = Stored(vec![(1, alike.to_vec()), (2, vec![code(1), code(2)])]);
        stored.check(&[code(1)], 9, &[]);
        let one = Stored(vec![(1, vec![code(1), code(2)])]);
        one.check(&alike, 9, &[]);
    }

    #[test]
    fn codes_that_others_have_too_count_less() {
        let mut images = vec![(1, vec![code(1), code(2), code(3)])];
        // Three codes of a frame, and two of a picture.
        images.extend((2..100).map(|n| (n, vec![code(4), code(5), code(6)])));
        images.push((100, vec![code(7), code(8)]));
        let asked = [4, 5, 6, 7, 8].map(code);
        Stored(images).check(&asked, 1, &[100]);
    }

    #[test]
    fn what_a_crowd_has_counts_for_nothing_and_hides_nothing_nearer() {
        let mut images: Vec<(u64, Vec<u64>)> = (2..2 + MAX_NEIGHBORS as u64 + 5)
            .map(|n| (n, [1, 2].map(|n| flipped(code(n), 1)).to_vec()))
            .collect();
        Stored(images.clone()).check(&[code(1), code(2)], 9, &[]);
        images.insert(0, (1, vec![code(1), code(2)]));
        Stored(images).check(&[code(1), code(2)], 9, &[1]);
    }

    #[test]
    fn an_image_has_so_many_entries_at_most_and_ends_where_they_end() {
        let codes: Vec<u64> = (0..40).map(code).collect();
        let added: Vec<Entry> = entries(ImageId(7), AccountNo(1), &codes).collect();
        assert_eq!(added.len(), MAX_CODES);
        assert!(added.iter().all(|entry| image_of(entry.image) == ImageId(7)));
        assert!(added.is_sorted_by_key(|entry| entry.image));
        assert_eq!(whole_up_to(added[MAX_CODES - 1].image), ImageId(7));
        assert_eq!(whole_up_to(added[MAX_CODES - 2].image), ImageId(6));
        assert_eq!(whole_up_to(FormId(0)), ImageId(0));
    }
}
