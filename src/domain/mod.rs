//! What the program is about, as plain values: accounts, posts, images, scans, and what reading them costs.
//!
//! No promise about any format is made here: what crosses process lines is `proto`, what lasts in the journal
//! is `storekeeper/journal_format.rs`, what clients see is the API's. Imports nothing but `base`.

pub mod accounts;
pub mod addresses;
pub mod blocklist;
pub mod failure;
pub mod images;
pub mod posts;
pub mod reads;
pub mod scans;
