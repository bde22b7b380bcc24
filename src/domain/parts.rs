//! What tells that two pictures share a part: local features of one picture, and a match of two.

use serde::{Deserialize, Serialize};

/// Most bytes that the features of one image take.
pub const MAX_PARTS_BYTES: usize = 2080;

/// The version of the features that this program computes.
pub const PARTS_VERSION: u8 = 1;

/// The local features of one image, as `fingerprint::parts` encodes them: a byte that names the version, then
/// what that version says. At most [`MAX_PARTS_BYTES`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parts(pub Vec<u8>);

impl Parts {
    /// Whether this program computes such features and can compare them; others count as missing.
    pub fn are_current(&self) -> bool {
        self.0.first() == Some(&PARTS_VERSION)
    }

    /// Whether features can take so many bytes. What a worker or a file says of them is not believed before.
    pub fn can_have(bytes: usize) -> bool {
        (1..=MAX_PARTS_BYTES).contains(&bytes)
    }
}

/// A region of a picture: four corners in per mille of its width and height, in the order top left, top right,
/// bottom right, bottom left *of the shared part as the stored image shows it*. Where the part is turned or
/// mirrored in the query image, so are the corners there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Region(pub [[i16; 2]; 4]);

/// A part that a query image and a stored image share.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartMatch {
    /// Keypoints that agree on one place, scale and turn.
    pub keypoints: u16,
    /// Of the fields of the shared part that have structure, how many look alike, in percent.
    pub agreement: u8,
    /// The query image was mirrored to find it.
    pub mirrored: bool,
    /// The query image was inverted to find it.
    pub inverted: bool,
    pub in_query: Region,
    pub in_stored: Region,
}

#[cfg(test)]
impl PartMatch {
    /// The right half of a query image, as large as it can be told, in the middle of a stored one.
    pub fn sample() -> PartMatch {
        PartMatch {
            keypoints: 42,
            agreement: 93,
            mirrored: false,
            inverted: false,
            in_query: Region([[500, 0], [1000, 0], [1000, 1000], [500, 1000]]),
            in_stored: Region([[250, 125], [750, 125], [750, 875], [250, 875]]),
        }
    }
}

/// Whether a search has looked for images that share a part with the query image.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum PartsState {
    /// It has not, or not yet.
    #[default]
    Off,
    /// Among all images of the accounts.
    Searched,
    /// Among all images of the accounts but these many, whose features are not known.
    Incomplete { images_without: u64 },
    /// Among the images of the whole database that are alike at first sight, and no others.
    OnlyAlike,
    /// The query image has too few features to be found by.
    TooFew,
}
