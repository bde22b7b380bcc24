//! From the bytes of an image file to what identifies the picture.
//!
//! Owns: decoding under limits, the 64-bit fingerprint that is bit-identical to what Python's
//! ImageHash (on Pillow below 13) computes for the same file, the detail of the second stage, and
//! the variants under which a query image is searched.
//! Called by: the stages that index and search, and the commands `hash`, `compare` and `bench`.
//! Never: opens a file, talks to another room than `base` and `domain`, keeps anything between two images,
//! panics on what strangers send.

mod analysis;
mod border;
pub mod decode;
pub mod detail;
mod kernel;
mod luma;
mod orientation;
pub mod parts;
mod phash;
mod resample;
pub mod shrink;
mod thumbnail;
mod turn;

pub use analysis::{QueryImage, analyze, analyze_with_parts, phash, query_variants, query_variants_turned};
pub use decode::{DecodeError, Limits};

#[cfg(test)]
mod material_tests;
