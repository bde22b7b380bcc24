//! Local features: what finds a picture that was cropped, framed, pasted into another or turned.
//!
//! Places where something is to be seen are looked for in a reduced picture ([`pyramid`]), and each gets a turn and
//! a code of 64 bits ([`describe`]). The most telling ones and a little picture are stored, in about two kilobytes
//! ([`features`]). A search compares codes ([`kernel`]), asks whether those that look alike agree on where one
//! picture lies in the other ([`geometry`]), and lays the little picture onto the query picture ([`overlay`]).
//!
//! All of it is the same to the byte on every machine: nothing is computed by a library whose results differ
//! (exponentials, angles), and sums of fractions are made in one order.

mod constants;
mod describe;
mod features;
mod geometry;
mod kernel;
mod overlay;
mod picture;
mod pyramid;
mod rows;
mod search;

pub use features::{QUERY_AREA, STORED_AREA, first_codes, of_stored};
pub use picture::Gray;
pub use rows::Rows;
pub use search::{Candidate, FoundPart, QueryParts, QueryPicture};

#[cfg(test)]
mod make_constants;
