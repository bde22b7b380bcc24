//! What a report means for what is stored: the rules that every engine follows.

use super::codec;
use super::error::StoreError;
use crate::base::Fingerprint;
use crate::domain::scans::Coverage;

/// More images than a post of any network has; what lies beyond would not fit a position.
pub const MOST_IMAGES: usize = u8::MAX as usize;

/// 8x8 pixels of three bytes.
pub const THUMBNAIL_BYTES: usize = 192;

/// An image of a stored post.
pub struct Stored {
    pub id: i64,
    pub position: u8,
    pub name: String,
    pub fingerprint: Option<Fingerprint>,
}

/// For each reported image, which of the stored ones it is, if that one lacks its fingerprint. By
/// place where the report has all images of the post; else by name, one after the other.
pub fn pair_up<'a>(
    stored: &[Stored],
    reported: impl ExactSizeIterator<Item = &'a str> + Clone,
) -> Vec<Option<usize>> {
    let mut blank: Vec<bool> = stored.iter().map(|image| image.fingerprint.is_none()).collect();
    if reported.len() == stored.len() && reported.clone().zip(stored).all(|(name, old)| name == old.name) {
        return (0..stored.len()).map(|place| blank[place].then_some(place)).collect();
    }
    reported
        .map(|name| {
            let place = stored.iter().zip(&blank).position(|(old, blank)| *blank && old.name == name)?;
            blank[place] = false;
            Some(place)
        })
        .collect()
}

/// What all listings of one kind cover together: one that started at a cursor adds to what was
/// covered before, and cannot mend it.
pub fn covered(had_cursor: bool, before: Option<&str>, now: Coverage) -> Result<Option<String>, StoreError> {
    if !had_cursor {
        return Ok(Some(codec::coverage_text(now)));
    }
    let before = before.map(codec::coverage_of).transpose()?;
    Ok(match (before, now) {
        // The first of these is the most that can be said of both together.
        (_, Coverage::LimitedTo(_)) => Some(codec::coverage_text(now)),
        (Some(Coverage::LimitedTo(posts)), _) => Some(codec::coverage_text(Coverage::LimitedTo(posts))),
        (Some(_), Coverage::Sampled | Coverage::Skipped) => Some(codec::coverage_text(now)),
        (Some(before), Coverage::Complete) => Some(codec::coverage_text(before)),
        (None, _) => None,
    })
}
