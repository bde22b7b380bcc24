//! What the workers do: one file per stage, and what all of them stand on (`container`, `worker`).
//!
//! A stage is handed a work item and gives back its output; it decides nothing about requests and
//! keeps nothing that matters between two items. Called by `roles`. Never: SQL, the network's APIs
//! outside `listing`, files other than the mapped index.

pub mod container;
pub mod decoding;
pub mod delivery;
pub mod index_watcher;
pub mod indexing;
pub mod link_finder;
pub mod listing;
pub mod maintenance;
pub mod part_search;
pub mod reverse_search;
pub mod second_stage;
pub mod stored_images;
pub mod worker;
