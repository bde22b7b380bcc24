//! What the program is about, as plain values: accounts, posts, images, scans, and what reading them costs.
//!
//! No promise about any format is made here. Messages between processes of one executable carry these values
//! as they are (`proto`), so they can be serialized; what lasts in the journal has a form of its own
//! (`storekeeper/journal_format.rs`), and so has what clients see (`api`). Imports nothing but `base`.

pub mod accounts;
pub mod addresses;
pub mod blocklist;
pub mod credit;
pub mod failure;
pub mod forgotten;
pub mod images;
pub mod official;
pub mod pages;
pub mod parts;
pub mod posts;
pub mod reads;
pub mod scans;
pub mod verdicts;
pub mod wanted;
pub mod watches;
