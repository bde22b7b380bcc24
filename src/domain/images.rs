//! Images: where they are fetched, what is computed of them, and how two of them compare.

use serde::{Deserialize, Serialize};

use crate::base::ids::{AccountKey, ImageId, PostKey};
use crate::base::{Fingerprint, Timestamp};
use crate::domain::parts::{PartMatch, Parts};

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
    /// one-dimensional images): such a fingerprint is stored, but matches nothing.
    pub solid_ground: bool,
    /// Pixels.
    pub width: u32,
    pub height: u32,
    pub detail: Detail,
    /// Local features; `None` where they were not computed.
    pub parts: Option<Parts>,
}

/// Length of `Detail::thumbnail`.
pub const THUMBNAIL_BYTES: usize = 8 * 8 * 3;

/// The second stage: what tells whether a candidate is the same picture.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Detail {
    /// ImageHash's `phash(hash_size=16)`: 256 bits, row-major, first bit most significant of the first word.
    pub phash256: [u64; 4],
    /// Mean colors of the 8x8 fields of the picture, RGB, row-major: [`THUMBNAIL_BYTES`].
    pub thumbnail: Vec<u8>,
    /// Fingerprint without the uniform border. `None` where there is no border, or where what it frames has
    /// no fingerprint of good quality.
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

/// A page of an artwork that was answered, and what its picture looks like.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AnsweredPage {
    pub url: String,
    pub fingerprint: Fingerprint,
    /// Without `trimmed`: the picture is compared whole.
    pub detail: Detail,
    pub answered_at: Timestamp,
}

/// Such a page as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotedPage {
    /// The one form of all addresses of the page.
    pub key: String,
    pub page: AnsweredPage,
    /// Those that the answer named: with any of them, the page is forgotten.
    pub accounts: Vec<AccountKey>,
}

/// Such a page, whose picture is that of a search.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FoundPage {
    pub url: String,
    /// Hamming distance of the 64-bit fingerprints, in bits; over the best variant of the image.
    pub distance: u32,
    pub class: MatchClass,
    pub answered_at: Timestamp,
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

/// A picture that an answer names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum AnswerPicture {
    /// The artwork's image.
    Artwork,
    /// The image of a result, by its place among them.
    Result(u16),
    /// The same of what is less alike.
    Similar(u16),
}

/// For what a picture is made small.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum PictureSize {
    /// Among others.
    Small,
    /// To be looked at and compared.
    Large,
}

impl PictureSize {
    /// The longer side at most, in pixels.
    pub fn pixels(self) -> usize {
        match self {
            PictureSize::Small => 480,
            PictureSize::Large => 1280,
        }
    }
}

/// A stored image that resembles the query image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FoundImage {
    pub image: ImageId,
    pub post: PostKey,
    pub account: AccountKey,
    /// The handle under which the account was seen last, as the database knows it.
    pub handle: Option<String>,
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
    /// What it shares with the query image, where that was looked for and is not all of either.
    pub part: Option<PartMatch>,
    /// A person said that it shows the artwork.
    pub said_same: bool,
}

impl FoundImage {
    /// Whether it is the artwork itself, by a person's word or by its class.
    pub fn shows_artwork(&self) -> bool {
        self.said_same || self.class.shows_artwork()
    }
}

/// What a found image is to the query image, likest first.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum MatchClass {
    /// No difference that can be told.
    Identical,
    /// The same picture, resized or compressed again.
    Recompressed,
    /// Made from the picture, or from the same drawing: cropped, captioned, recolored, another
    /// expression.
    EditedOrVariant,
    /// The same picture, inside another: cropped, framed, in a screenshot or a collage.
    InsideAnother,
    /// Both show the same thing somewhere: a pasted body, a logo, a background.
    PartInCommon,
    /// Alike at first sight only.
    Similar,
}

impl MatchClass {
    pub const ALL: [MatchClass; 6] = [
        MatchClass::Identical,
        MatchClass::Recompressed,
        MatchClass::EditedOrVariant,
        MatchClass::InsideAnother,
        MatchClass::PartInCommon,
        MatchClass::Similar,
    ];

    /// Whether it is the artwork itself: an edited picture or a variant may be another one.
    pub fn shows_artwork(self) -> bool {
        matches!(self, MatchClass::Identical | MatchClass::Recompressed)
    }

    /// Whether it is the artwork as a whole, or was made from it: another picture that holds it, or a part of
    /// it, may be anything.
    pub fn is_copy(self) -> bool {
        self.shows_artwork() || self == MatchClass::EditedOrVariant
    }

    /// Whether only the parts of the images say so.
    pub fn is_by_parts(self) -> bool {
        matches!(self, MatchClass::InsideAnother | MatchClass::PartInCommon)
    }

    /// The name in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            MatchClass::Identical => "identical",
            MatchClass::Recompressed => "recompressed",
            MatchClass::EditedOrVariant => "edited_or_variant",
            MatchClass::InsideAnother => "inside_another",
            MatchClass::PartInCommon => "part_in_common",
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

/// A form of the query image. Each has a fingerprint of its own, and the nearest counts.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Variant {
    /// The pixels as they are stored, as ImageHash reads them, whatever alpha says.
    AsIs,
    /// In front of white, as most networks show transparent images.
    OnWhite,
    /// In front of black.
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

impl Variant {
    /// The variant in a few words, for people.
    pub fn words(self) -> &'static str {
        match self {
            Variant::AsIs => "as is",
            Variant::OnWhite => "on white",
            Variant::OnBlack => "on black",
            Variant::Trimmed => "trimmed",
            Variant::Mirrored => "mirrored",
            Variant::TurnedRight => "turned right",
            Variant::UpsideDown => "upside down",
            Variant::TurnedLeft => "turned left",
        }
    }
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
    /// Images whose local features are known.
    pub parts: u64,
    /// What these features take.
    pub part_bytes: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_never_the_artwork_itself() {
        let shown: Vec<MatchClass> =
            MatchClass::ALL.into_iter().filter(|class| class.shows_artwork()).collect();
        assert_eq!(shown, [MatchClass::Identical, MatchClass::Recompressed]);
        assert!(MatchClass::EditedOrVariant < MatchClass::InsideAnother);
        assert!(MatchClass::PartInCommon < MatchClass::Similar);
    }

    #[test]
    fn classes_are_named_as_in_the_api() {
        for class in MatchClass::ALL {
            assert_eq!(serde_json::to_value(class).unwrap(), class.as_str());
        }
    }
}
