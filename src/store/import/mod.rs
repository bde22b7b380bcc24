//! Taking over what another program has stored. Each source is read in pages, by a file of its own,
//! and written through the `Store` like everything else: in bounded memory, beside a running daemon,
//! and repeatable, since what is stored already stays.

pub mod aotf;
pub mod aotf_mysql;
pub mod aotf_sqlite;
pub mod archive;
pub mod export;
pub mod original;
pub mod pages;

pub use pages::{Page, Tally};
