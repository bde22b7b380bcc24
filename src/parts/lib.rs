//! Local features: what finds a picture that was cropped, framed, pasted into another or turned.
//!
//! Places where something is to be seen are looked for in a reduced picture (`pyramid.rs`), and each gets a
//! turn and a code of 64 bits (`describe.rs`). The most telling ones and a little picture are stored, in
//! about two kilobytes (`features.rs`). A search compares codes (`kernel.rs`), asks whether those that look
//! alike agree on where one picture lies in the other (`geometry.rs`), and lays the little picture onto the
//! query picture (`overlay.rs`).
//!
//! All of it is the same to the byte on every machine: nothing is computed by a library whose results differ
//! (exponentials, angles), and sums of fractions are made in one order.

pub mod constants;
pub mod describe;
mod features;
mod furniture;
mod geometry;
pub mod kernel;
mod overlay;
mod picture;
mod pyramid;
mod search;

pub use features::{
    Feature, QUERY_AREA, STORED, STORED_AREA, VERSION, Wanted, find, first_codes, n_keypoints, of_stored,
};
pub use furniture::Furniture;
pub use geometry::Corners;
pub use overlay::Overlay;
pub use picture::{Gray, Reducer};
pub use search::{Candidate, QueryParts, QueryPicture, Shared};
