//! The index in files that every process maps: one [`Writer`], any number of [`Reader`]s.
//!
//! Images come in ascending order and land in the *tail*, a fixed number of records in a mapped
//! file, where readers see them at once. A full tail is sealed into a *segment*, an immutable file
//! with its tables, and adjacent segments are merged as they grow numerous; a background thread
//! does both. The *manifest* names the segments and tails that make up the index; the *control*
//! file tells readers when there is a new one.
//!
//! Readers take no lock that a writer could hold and write nothing. Killing any process at any
//! moment leaves an index that the next writer carries on with; what the files lost, the database
//! still has. `docs/search-index.md` tells the formats and the reasons.

mod build;
mod control;
mod error;
mod keeper;
mod manifest;
mod map;
mod reader;
mod segment;
mod tail;
mod writer;

#[cfg(test)]
mod tests;

pub use error::IndexError;
pub use reader::{Reader, Status};
pub use writer::{Opened, Writer};
