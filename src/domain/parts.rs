//! What tells that two pictures share a part: local features of one picture, and a match of two.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Most bytes that the features of one image take.
pub const MAX_PARTS_BYTES: usize = 2080;

/// The version of the features that this program computes.
pub const PARTS_VERSION: u8 = 1;

/// Most bytes of the list of features that many accounts have in common, as frames of apps and watermarks
/// have them.
pub const MAX_FURNITURE_BYTES: usize = 40 * 1024;

/// The local features of one image, as `fingerprint::parts` encodes them: a byte that names the version, then
/// what that version says. At most [`MAX_PARTS_BYTES`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Parts(pub Vec<u8>);

impl AsRef<[u8]> for Parts {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

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

/// A region of a picture: four corners in per mille of its width and height, in the order top left, top
/// right, bottom right, bottom left *of the shared part as the stored image shows it*. Where the part is
/// turned or mirrored in the query image, so are the corners there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Region(pub [[i16; 2]; 4]);

impl Region {
    /// The corners in parts of the picture's width and height.
    pub fn corners(&self) -> Corners {
        self.0.map(|corner| corner.map(|side| f64::from(side) / 1000.0))
    }
}

/// Four corners of a picture's region, in parts of its width and height.
pub type Corners = [[f64; 2]; 4];

/// How much of the picture a region is, in percent. What lies outside of the picture counts for nothing.
pub fn percent_of_picture(corners: &Corners) -> u64 {
    let corners = corners.map(|corner| corner.map(|side| side.clamp(0.0, 1.0)));
    let next = corners.iter().cycle().skip(1);
    let twice: f64 = corners.iter().zip(next).map(|(a, b)| a[0] * b[1] - b[0] * a[1]).sum();
    (twice.abs() * 50.0).round() as u64
}

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
    /// Among all images of the accounts; in a search of the whole database, among all whose features are
    /// known.
    Searched,
    /// Among all images of the accounts but these many, whose features are not known.
    Incomplete { images_without: u64 },
    /// Among the images of the whole database that are alike at first sight, and no others.
    OnlyAlike,
    /// The query image has too few features to be found by.
    TooFew,
}

/// As bytes; as text in Base64, since a list of numbers would be three times as long.
impl Serialize for Parts {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match to.is_human_readable() {
            true => to.serialize_str(&STANDARD.encode(&self.0)),
            false => to.serialize_bytes(&self.0),
        }
    }
}

impl<'de> Deserialize<'de> for Parts {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Parts, D::Error> {
        match from.is_human_readable() {
            true => from.deserialize_str(PartsVisitor),
            false => from.deserialize_byte_buf(PartsVisitor),
        }
    }
}

struct PartsVisitor;

impl Visitor<'_> for PartsVisitor {
    type Value = Parts;

    fn expecting(&self, text: &mut fmt::Formatter<'_>) -> fmt::Result {
        text.write_str("the features of an image")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Parts, E> {
        STANDARD.decode(text).map(Parts).map_err(E::custom)
    }

    fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<Parts, E> {
        Ok(Parts(bytes.to_vec()))
    }

    fn visit_byte_buf<E: de::Error>(self, bytes: Vec<u8>) -> Result<Parts, E> {
        Ok(Parts(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn features_go_there_and_back() {
        for parts in [Parts::default(), Parts(vec![PARTS_VERSION, 0, 255]), Parts(vec![7; MAX_PARTS_BYTES])] {
            let text = serde_json::to_string(&parts).unwrap();
            assert_eq!(serde_json::from_str::<Parts>(&text).unwrap(), parts);
            assert!(text.len() <= parts.0.len().div_ceil(3) * 4 + 2, "{text}");
            let bytes = postcard::to_stdvec(&parts).unwrap();
            assert_eq!(postcard::from_bytes::<Parts>(&bytes).unwrap(), parts);
            assert!(bytes.len() <= parts.0.len() + 2);
        }
        for text in ["\"a\"", "\"%%%%\"", "[1]", "null"] {
            assert!(serde_json::from_str::<Parts>(text).is_err(), "{text}");
        }
    }

    #[test]
    fn only_features_of_this_version_count() {
        assert!(Parts(vec![PARTS_VERSION]).are_current());
        assert!(
            !Parts(vec![PARTS_VERSION + 1, PARTS_VERSION]).are_current() && !Parts::default().are_current()
        );
        assert!(
            !Parts::can_have(0) && Parts::can_have(MAX_PARTS_BYTES) && !Parts::can_have(MAX_PARTS_BYTES + 1)
        );
    }

    #[test]
    fn a_share_is_that_of_what_can_be_seen() {
        let check = |corners, percent| assert_eq!(percent_of_picture(&corners), percent, "{corners:?}");
        check([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]], 100);
        check([[0.5, 0.0], [1.0, 0.0], [1.0, 0.5], [0.5, 0.5]], 25);
        // Mirrored, the corners go round the other way.
        check([[1.0, 0.0], [0.5, 0.0], [0.5, 0.5], [1.0, 0.5]], 25);
        check([[-2.0, -1.0], [3.0, -1.0], [3.0, 2.0], [-2.0, 2.0]], 100);
        check([[0.3, 0.3]; 4], 0);
    }
}
