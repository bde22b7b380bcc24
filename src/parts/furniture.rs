//! What the images of many artists have in common: apps' frames, buttons, watermarks of services.

use crate::features::codes_of;

/// The version of the bytes that are kept.
const VERSION: u8 = 1;
/// Codes that are kept at most: the most common ones.
pub const MOST_CODES: usize = 4096;
/// Codes are taken for the same where they differ by so many bits at most.
const SAME_BITS: u32 = 6;
/// Artists of whom a code must be known at least, and of which part of those in the sample: codes of drawings
/// are met by chance in a fifth of a percent of other artists' images.
const LEAST_ARTISTS: u32 = 8;
const LEAST_PART: f32 = 0.02;
/// Codes that are compared with each other at most, of those with 16 bits in common.
const MOST_COMPARED: usize = 256;

/// Codes that tell nothing of whose image it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Furniture {
    codes: Vec<u64>,
}

impl Furniture {
    /// Of what is stored of images, one of each artist.
    pub fn of(sample: &[impl AsRef<[u8]>]) -> Furniture {
        let mut groups = Groups::new();
        let mut codes = Vec::new();
        for (image, parts) in (1..).zip(sample) {
            if codes_of(parts.as_ref(), &mut codes).is_some() {
                codes.iter().for_each(|&code| groups.add(code, image));
            }
        }
        let least = ((sample.len() as f32 * LEAST_PART) as u32).max(LEAST_ARTISTS);
        let mut common: Vec<Group> = groups.all.into_iter().filter(|group| group.images >= least).collect();
        common.sort_by_key(|group| (std::cmp::Reverse(group.images), group.code));
        Furniture { codes: common.into_iter().take(MOST_CODES).map(|group| group.code).collect() }
    }

    pub fn len(&self) -> usize {
        self.codes.len()
    }

    pub fn is_empty(&self) -> bool {
        self.codes.is_empty()
    }

    /// Whether a code is one of these.
    pub fn has(&self, code: u64) -> bool {
        self.codes.iter().any(|known| (known ^ code).count_ones() <= SAME_BITS)
    }

    /// A byte that names the version, then the codes, little endian.
    pub fn to_bytes(&self) -> Vec<u8> {
        let codes = self.codes.iter().flat_map(|code| code.to_le_bytes());
        std::iter::once(VERSION).chain(codes).collect()
    }

    /// `None` where the bytes are of another version, or damaged.
    pub fn from_bytes(bytes: &[u8]) -> Option<Furniture> {
        let (&version, codes) = bytes.split_first()?;
        let (codes, rest) = codes.as_chunks();
        let is_whole = version == VERSION && rest.is_empty() && codes.len() <= MOST_CODES;
        is_whole.then(|| Furniture { codes: codes.iter().map(|code| u64::from_le_bytes(*code)).collect() })
    }
}

/// Codes that are about the same.
struct Group {
    code: u64,
    /// How many images have one of them, and which was counted last.
    images: u32,
    last: u32,
}

/// Groups, and which of them have 16 bits in common with a code: of two codes that differ by three bits one
/// quarter at least is equal, and of those that differ by up to six most have one.
struct Groups {
    all: Vec<Group>,
    by_quarter: Vec<Vec<u32>>,
}

impl Groups {
    fn new() -> Groups {
        Groups { all: Vec::new(), by_quarter: vec![Vec::new(); 4 << 16] }
    }

    fn add(&mut self, code: u64, image: u32) {
        let places = [0, 1, 2, 3].map(|quarter| quarter << 16 | (code >> (16 * quarter)) as usize & 0xffff);
        let known = places.iter().flat_map(|&place| self.by_quarter[place].iter().take(MOST_COMPARED));
        let is_same = |at: &u32| (self.all[*at as usize].code ^ code).count_ones() <= SAME_BITS;
        let nearest = known
            .copied()
            .filter(is_same)
            .min_by_key(|&at| ((self.all[at as usize].code ^ code).count_ones(), at));
        if let Some(at) = nearest {
            let group = &mut self.all[at as usize];
            group.images += u32::from(group.last != image);
            group.last = image;
            return;
        }
        let at = self.all.len() as u32;
        self.all.push(Group { code, images: 1, last: image });
        places.iter().for_each(|&place| self.by_quarter[place].push(at));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn random(seed: u64) -> u64 {
        let word = (seed + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        (word ^ word >> 29).wrapping_mul(0xbf58_476d_1ce4_e5b9)
    }

    /// What is stored of an image with these codes.
    fn stored(codes: &[u64]) -> Vec<u8> {
        let mut bytes = vec![crate::VERSION, 100, 0, 100, 0, 1, 1, 0, codes.len() as u8];
        for code in codes {
            bytes.extend([1, 2, 3, 4]);
            bytes.extend(code.to_le_bytes());
        }
        bytes
    }

    #[test]
    fn what_many_artists_have_is_kept() {
        let (frame, rare) = (random(1_000_000), random(2_000_000));
        let image = |artist: u64| {
            let mut codes: Vec<u64> = (0..50).map(|at| random(artist * 100 + at)).collect();
            if artist.is_multiple_of(10) {
                // A bit or two differ from screenshot to screenshot.
                codes.push(frame ^ 1 << (artist % 64));
                codes.push(frame ^ 3 << (artist % 60));
            }
            if artist < 7 {
                codes.push(rare);
            }
            stored(&codes)
        };
        let sample: Vec<Vec<u8>> = (0..300).map(image).collect();
        let found = Furniture::of(&sample);
        assert!((1..=2).contains(&found.len()), "{found:?}");
        assert!(found.has(frame) && !found.has(rare) && !found.has(random(5)));
        // The same image ten times over is no ten artists', but each in the sample is another's.
        assert!(Furniture::of(&sample[..7]).is_empty());
        assert!(Furniture::of(&[stored(&[frame; 120])]).is_empty());
        assert!(Furniture::of(&[vec![], vec![9, 9], stored(&[1])[..12].to_vec()]).is_empty());
    }

    #[test]
    fn equal_codes_without_end_take_bounded_time() {
        let sample: Vec<Vec<u8>> = (0..300_u64)
            .map(|image| {
                stored(&(0..120).map(|at| 0xabcd | random(image * 120 + at) << 16).collect::<Vec<u64>>())
            })
            .collect();
        assert!(Furniture::of(&sample).len() <= MOST_CODES);
    }

    proptest! {
        #[test]
        fn it_goes_there_and_back(codes in prop::collection::vec(any::<u64>(), 0..50)) {
            let furniture = Furniture { codes };
            let bytes = furniture.to_bytes();
            prop_assert_eq!(Furniture::from_bytes(&bytes), Some(furniture));
            prop_assert_eq!(Furniture::from_bytes(&[&bytes[..], &[0]].concat()), None);
            prop_assert_eq!(Furniture::from_bytes(&[&[2], &bytes[1..]].concat()), None);
        }
    }
}
