//! What a commit does, the same for every engine: `load.rs` reads what the changes are about, `work.rs`
//! decides in memory, `flush.rs` writes the difference, each in few statements; `apply.rs` holds the steps
//! together.
//!
//! The sizes are locked from the beginning to the end, which keeps writers apart: numbers are given out in
//! the order of commits, as the trait `Store` demands.

pub mod apply;
mod backfill;
mod delete;
mod due;
pub mod flush;
mod forget;
mod import;
pub mod load;
mod parts;
pub mod rows;
pub mod verdicts;
pub mod watches;
pub mod work;
