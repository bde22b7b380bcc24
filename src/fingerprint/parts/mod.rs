//! The features of images and the search by them, as the rooms use them. The method is a crate of its own
//! (`src/parts/`).

mod rows;

use aotf_parts::{Candidate, Shared};

use crate::domain::images::MatchClass;
use crate::domain::parts::{PartMatch, Parts, Region};

pub use aotf_parts::{QUERY_AREA, QueryParts, QueryPicture, STORED_AREA, first_codes};
pub use rows::Rows;

/// A stored image that shares a part with the query image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundPart {
    /// Its place in the list that was searched.
    pub index: usize,
    /// [`MatchClass::InsideAnother`] or [`MatchClass::PartInCommon`].
    pub class: MatchClass,
    pub part: PartMatch,
}

/// The stored images that share a part with the query image, in the order of the list. `stored` are images of
/// the accounts that are searched, some thousands at a time: features that many of them have count for
/// nothing. What is damaged or of another version is passed over.
pub fn search(query: &QueryParts, stored: &[Parts]) -> Vec<FoundPart> {
    let candidates = query.candidates(stored);
    candidates.iter().filter_map(|one| Some(found(one, one.shared()?))).collect()
}

/// The same for images out of a whole database: only what can hardly be chance.
pub fn search_strictly(query: &QueryParts, stored: &[Parts]) -> Vec<FoundPart> {
    let candidates = query.candidates(stored);
    candidates.iter().filter_map(|one| Some(found(one, one.shared_for_sure()?))).collect()
}

/// The class of what two pictures share.
pub fn class_of(shared: Shared) -> MatchClass {
    match shared {
        Shared::Picture => MatchClass::InsideAnother,
        Shared::Part => MatchClass::PartInCommon,
    }
}

fn found(candidate: &Candidate, shared: Shared) -> FoundPart {
    let part = PartMatch {
        keypoints: u16::try_from(candidate.keypoints).unwrap_or(u16::MAX),
        agreement: (candidate.overlay.share * 100.0) as u8,
        mirrored: candidate.mirrored,
        inverted: candidate.inverted,
        in_query: Region(candidate.in_query),
        in_stored: Region(candidate.in_stored),
    };
    FoundPart { index: candidate.index, class: class_of(shared), part }
}

#[cfg(test)]
mod make_constants;
#[cfg(test)]
mod tests;
