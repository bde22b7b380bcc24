//! Pictures of answers that were made small, kept for a while: an answer is looked at by more than one.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;

use crate::base::clock::Monotonic;
use crate::domain::images::{AnswerPicture, PictureSize};
use crate::proto::front::PictureOf;

/// Pictures that are waited for at once. They wait for other hosts; more are told to come again.
pub const MAX_WAITING: usize = 64;
/// An answer shows some dozens of pictures at once: so many times the requests of other kinds.
pub const PER_REQUEST: u32 = 60;

/// What is kept: for how long, how much.
const KEPT: Duration = Duration::from_secs(3600);
const FAILURE_KEPT: Duration = Duration::from_secs(600);
const MAX_BYTES: usize = 32 * 1024 * 1024;
/// What an entry takes beside its picture.
const ENTRY_BYTES: usize = 256;

/// What names a picture.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Key {
    pub of: PictureOf,
    pub picture: AnswerPicture,
    pub size: PictureSize,
    /// Of the image's address, so that another answer to the same query has other pictures.
    pub version: String,
}

/// Pictures that were made lately, and those that could not be had.
#[derive(Default)]
pub struct KeptPictures(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    pictures: HashMap<Key, (Monotonic, Option<Bytes>)>,
    bytes: usize,
}

impl KeptPictures {
    /// `Some(None)` for a picture that could not be had.
    pub fn get(&self, key: &Key, now: Monotonic) -> Option<Option<Bytes>> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (at, picture) = kept.pictures.get(key)?;
        is_fresh(*at, picture.as_ref(), now).then(|| picture.clone())
    }

    /// Keeps a picture. When there is no room, what is too old goes, then the older half.
    pub fn keep(&self, key: Key, picture: Option<Bytes>, now: Monotonic) {
        let size = |picture: &Option<Bytes>| ENTRY_BYTES + picture.as_ref().map_or(0, Bytes::len);
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let needed = size(&picture);
        if kept.bytes + needed > MAX_BYTES {
            kept.pictures.retain(|_, (at, picture)| is_fresh(*at, picture.as_ref(), now));
            let mut ages: Vec<Monotonic> = kept.pictures.values().map(|(at, _)| *at).collect();
            ages.sort_unstable();
            if let Some(median) = ages.get(ages.len() / 2).copied() {
                kept.pictures.retain(|_, (at, _)| *at > median);
            }
            kept.bytes = kept.pictures.values().map(|(_, picture)| size(picture)).sum();
        }
        if let Some((_, old)) = kept.pictures.insert(key, (now, picture)) {
            kept.bytes -= size(&old);
        }
        kept.bytes += needed;
    }
}

fn is_fresh(at: Monotonic, picture: Option<&Bytes>, now: Monotonic) -> bool {
    now.since(at) < if picture.is_some() { KEPT } else { FAILURE_KEPT }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_are_kept_for_a_while_and_within_bounds() {
        let pictures = KeptPictures::default();
        let key = |number: u16| Key {
            of: PictureOf::Query("q".to_owned()),
            picture: AnswerPicture::Result(number),
            size: PictureSize::Small,
            version: "01234567".to_owned(),
        };
        let jpeg = Bytes::from_static(b"jpeg");
        pictures.keep(key(0), Some(jpeg.clone()), Monotonic(0));
        pictures.keep(key(1), None, Monotonic(0));
        assert_eq!(pictures.get(&key(0), Monotonic(3_599_999)), Some(Some(jpeg)));
        assert_eq!(pictures.get(&key(0), Monotonic(3_600_000)), None);
        assert_eq!(pictures.get(&key(1), Monotonic(599_999)), Some(None));
        assert_eq!(pictures.get(&key(1), Monotonic(600_000)), None);
        for number in 0..2000 {
            let picture = Some(Bytes::from(vec![0; 50_000]));
            pictures.keep(key(number), picture, Monotonic(u64::from(number)));
            let kept = pictures.0.lock().unwrap();
            assert!(kept.bytes <= MAX_BYTES);
            let real: usize = kept
                .pictures
                .values()
                .map(|(_, picture)| ENTRY_BYTES + picture.as_ref().map_or(0, Bytes::len))
                .sum();
            assert_eq!(kept.bytes, real);
        }
        assert!(pictures.get(&key(1999), Monotonic(2000)).is_some(), "the latest stays");
    }
}
