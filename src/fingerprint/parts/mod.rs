//! Local features: what finds a picture that was cropped, framed, pasted into another or turned.

use crate::domain::images::MatchClass;
use crate::domain::parts::{PartMatch, Parts};

/// Gray levels of a query image, reduced to about 560 x 560 pixels of area: what its features are made of.
/// Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueryPicture {}

/// The features of a query image, in the forms in which it is searched.
#[derive(Clone, Debug)]
pub struct QueryParts {}

/// A stored image that shares a part with the query image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundPart {
    /// Its place in the list that was searched.
    pub index: usize,
    /// [`MatchClass::InsideAnother`] or [`MatchClass::PartInCommon`].
    pub class: MatchClass,
    pub part: PartMatch,
}

impl QueryParts {
    /// Takes some ten milliseconds.
    pub fn of(picture: &QueryPicture) -> QueryParts {
        let _ = picture;
        QueryParts {}
    }

    /// It shows too little for features to be found by: gradients, flat shapes. The fingerprint of the whole
    /// picture remains.
    pub fn are_too_few(&self) -> bool {
        true
    }

    /// The stored images that share a part with the query image, in the order of the list. `stored` are images
    /// of the accounts that are searched, some thousands at a time: features that many of them have count for
    /// nothing. What is damaged or of another version is passed over.
    pub fn search(&self, stored: &[Parts]) -> Vec<FoundPart> {
        let _ = stored;
        Vec::new()
    }
}
