//! Taking over what another program has stored. Each source is read in pages, by a file of its own,
//! and written through the `Store` like everything else: in bounded memory, beside a running daemon,
//! and repeatable, since what is stored already stays.

pub mod aotf;
mod aotf_mysql;
mod aotf_sqlite;
mod archive;
pub mod command;
mod export;
mod original;
pub mod pages;

pub use pages::Page;
