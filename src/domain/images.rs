//! Images: where they are fetched, what is computed of them, and how two of them compare.

use serde::{Deserialize, Serialize};

use crate::base::ids::{AccountKey, ImageId, PostKey};
use crate::base::{Fingerprint, Timestamp};

/// Where an image can be fetched.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageSource {
    pub url: String,
    /// Sent as `Referer` where the host insists on one (Pixiv's image host does).
    pub referer: Option<String>,
}

impl ImageSource {
    pub fn plain(url: impl Into<String>) -> ImageSource {
        ImageSource { url: url.into(), referer: None }
    }
}

/// What is computed from an image's pixels, once, when it is indexed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageFacts {
    pub fingerprint: Fingerprint,
    /// False where bits of the fingerprint are made of rounding noise (solid, symmetric,
    /// one-dimensional images): stored, but matches nothing.
    pub solid_ground: bool,
    /// Pixels.
    pub width: u32,
    pub height: u32,
    pub detail: Detail,
}

/// The second stage: what tells whether a candidate is the same picture.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Detail {
    /// ImageHash's `phash(hash_size=16)`: 256 bits, row-major, first bit most significant of the first word.
    pub phash256: [u64; 4],
    /// 8x8 RGB, row-major, 192 bytes.
    pub thumbnail: Vec<u8>,
    /// Fingerprint without the uniform border, where the image has one.
    pub trimmed: Option<Fingerprint>,
}

/// What a search looks through.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SearchScope {
    Everything,
    Accounts(Vec<AccountKey>),
}

/// Where step 3 takes the image from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum QueryImage {
    /// The first that can be fetched and read; best quality first.
    Urls(Vec<ImageSource>),
    /// Bytes that travel beside the message in shared memory.
    Attached { len_bytes: u64 },
}

/// A stored image that resembles the query image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FoundImage {
    pub image: ImageId,
    pub post: PostKey,
    pub account: AccountKey,
    /// 1-based.
    pub position: u8,
    /// Images in the post.
    pub count: u8,
    pub name: String,
    pub published: Option<Timestamp>,
    /// Hamming distance of the 64-bit fingerprints, in bits; over the best variant of the query image.
    pub distance: u32,
    pub variant: Variant,
    pub class: MatchClass,
    /// The numbers behind the class; `None` where the distance alone decided.
    pub second_stage: Option<SecondStage>,
}

/// What a found image is to the query image, likest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MatchClass {
    /// No difference that can be told.
    Identical,
    /// The same picture, resized or compressed again.
    Recompressed,
    /// Made from the picture, or from the same drawing: cropped, captioned, recolored, another
    /// expression.
    EditedOrVariant,
    /// Alike at first sight only.
    Similar,
}

impl MatchClass {
    pub const ALL: [MatchClass; 4] =
        [MatchClass::Identical, MatchClass::Recompressed, MatchClass::EditedOrVariant, MatchClass::Similar];

    /// The name in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            MatchClass::Identical => "identical",
            MatchClass::Recompressed => "recompressed",
            MatchClass::EditedOrVariant => "edited_or_variant",
            MatchClass::Similar => "similar",
        }
    }
}

/// How far a found image is from the form of the query image that is nearest to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecondStage {
    /// Hamming distance of the 256-bit fingerprints, in bits.
    pub distance256: u16,
    /// Mean difference of the 8x8 thumbnails, in hundredths of a level of 255.
    pub thumbnail_centilevels: u16,
}

/// Which form of the query image matched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Variant {
    /// The pixels as ImageHash reads them.
    AsIs,
    /// Transparency flattened on white.
    OnWhite,
    /// Transparency flattened on black.
    OnBlack,
    /// Without its uniform border, or the stored image without its own.
    Trimmed,
    /// Left and right exchanged.
    Mirrored,
    /// By a quarter, clockwise.
    TurnedRight,
    UpsideDown,
    /// By a quarter, counterclockwise.
    TurnedLeft,
}

/// How much of the database the fingerprint index holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct IndexProgress {
    /// By image numbers, which grow with every image.
    pub done: u64,
    pub total: u64,
}

impl IndexProgress {
    pub fn is_complete(self) -> bool {
        self.done >= self.total
    }

    /// 0 to 100, and 100 only when it is complete.
    pub fn percent(self) -> u64 {
        if self.is_complete() { 100 } else { (self.done.saturating_mul(100) / self.total).min(99) }
    }
}

/// Sizes of the database.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoreCounts {
    pub accounts: u64,
    pub posts: u64,
    pub images: u64,
    pub retries: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_are_named_as_in_the_api() {
        for class in MatchClass::ALL {
            assert_eq!(serde_json::to_value(class).unwrap(), class.as_str());
        }
    }
}
