//! What `aotf bench accuracy` has measured.

use std::collections::BTreeMap;

use serde::Serialize;

use super::alter::Family;

/// Radii that are measured, in bits.
pub const RADII: [u32; 6] = [0, 2, 4, 6, 8, 10];
/// The radius of a result, as of the original program.
pub const RESULT_RADIUS: u32 = 6;

/// What was measured.
#[derive(Serialize)]
pub struct Measured {
    pub artworks: usize,
    pub transparent: usize,
    pub rows: Vec<Row>,
}

/// What was measured of one alteration.
#[derive(Serialize)]
pub struct Row {
    pub family: Family,
    pub name: String,
    /// Artworks that were searched; those of low quality are not.
    pub searched: usize,
    /// Found within each of [`RADII`].
    pub found: [usize; 6],
    /// Found over a whole database: within 6 bits, or within 10 and confirmed by the second stage.
    pub confirmed: usize,
    /// Of the transparent artworks: how many there are, how many are found within 6 bits.
    pub transparent: (usize, usize),
    /// Found within 6 bits by ImageHash's fingerprint of the file alone, as the original does.
    pub imagehash: usize,
    /// What those within 10 bits are called.
    pub classes: BTreeMap<&'static str, usize>,
    /// Images of other groups within each of [`RADII`], over all searches.
    pub across: [usize; 6],
    /// Images of other groups that a search of the whole database would show beyond 6 bits.
    pub across_confirmed: usize,
    /// What those within 10 bits are called.
    pub across_classes: BTreeMap<&'static str, usize>,
    /// Other images of the same group within each of [`RADII`]: variants of one drawing.
    pub within: [usize; 6],
}
