//! Completing images of which nothing but the fingerprint is known, as of imported ones: what a second
//! look at the picture adds, and when it is not believed.

use crate::base::Fingerprint;
use crate::base::ids::{AccountKey, ImageId};
use crate::domain::images::ImageFacts;
use crate::domain::parts::Parts;

/// Pictures farther apart than this many bits are not taken for one picture in two sizes. The width of
/// the search within accounts; the same picture at 360 px and as an original differs by 2 at most.
const SAME_PICTURE_BITS: u32 = 10;

/// A searchable image without second-stage detail, or with it and without features.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BareImage {
    pub image: ImageId,
    pub account: AccountKey,
    /// As its network's listing names it.
    pub name: String,
}

/// What a second look at an image found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    Picture(ImageFacts),
    /// Its host will never show it again, or what it shows is no image.
    Gone,
}

/// The features, where they have a length that features can have: they come from a worker that is not ours to
/// believe.
pub(super) fn storable_parts(facts: &ImageFacts) -> Option<&Parts> {
    facts.parts.as_ref().filter(|parts| Parts::can_have(parts.0.len()))
}

/// What became of the images of one `Change::Complete` or `Change::AddParts`. Those that had already what
/// they were to get, or are stored no more, are not counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Completed {
    /// Images that have their detail now.
    pub completed: u64,
    /// Of these, the ones with a uniform border, whose inside is searchable now.
    pub framed: u64,
    /// Of these, the ones whose fingerprint was computed as another; the stored one stays.
    pub other_fingerprint: u64,
    /// Images that have their features now, by which crops and the like of them are found.
    pub parts: u64,
    /// Not to be asked for again: another picture than the one that was stored.
    pub other_picture: u64,
    /// Not to be asked for again: gone.
    pub gone: u64,
}

impl Completed {
    pub fn add(&mut self, other: Completed) {
        self.completed += other.completed;
        self.framed += other.framed;
        self.other_fingerprint += other.other_fingerprint;
        self.parts += other.parts;
        self.other_picture += other.other_picture;
        self.gone += other.gone;
    }

    /// False if it is another picture than that of this fingerprint, which is counted then.
    pub(super) fn is_same_picture(&mut self, stored: Fingerprint, facts: &ImageFacts) -> bool {
        let is_same = stored.distance(facts.fingerprint) <= SAME_PICTURE_BITS;
        self.other_picture += u64::from(!is_same);
        is_same
    }

    /// Counts the picture of an image with this fingerprint; false if it is another picture.
    pub(super) fn take_up(&mut self, stored: Fingerprint, facts: &ImageFacts) -> bool {
        if !self.is_same_picture(stored, facts) {
            return false;
        }
        self.completed += 1;
        self.parts += u64::from(storable_parts(facts).is_some());
        self.framed += u64::from(facts.detail.trimmed.is_some());
        self.other_fingerprint += u64::from(stored != facts.fingerprint);
        true
    }
}
