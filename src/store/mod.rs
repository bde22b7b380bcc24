//! The database: the only room with SQL. Owns the schema (`migrations/`), the engines, and the state
//! file beside the database. Called by the storekeeper's threads and by the `aotf db` commands, never
//! by a stage. It never decides what is to be stored or when, never reads a clock, and never touches
//! the fingerprint index.
//!
//! One `Store`, several engines: `contract` is the suite that each of them passes.
//!
//! # What a commit promises
//!
//! When [`Store::apply`] returns, its changes are on the disk: SQLite runs in WAL mode with
//! `synchronous = FULL`, so they survive `kill -9` and a power cut, as far as the disk tells the
//! truth about flushing. The cheaper `NORMAL` would keep the file consistent, but a power cut could
//! take back the last commits, whose image numbers the fingerprint index already holds and the
//! database would then give to other images. One flush per commit is made affordable by putting many
//! changes into one.

pub mod answered_pages;
pub mod backfill;
pub mod backup;
mod changes;
mod codec;
mod commit;
#[cfg(test)]
mod contract;
mod database;
mod engine;
mod error;
mod extent;
mod feed;
#[cfg(test)]
mod file_tests;
pub mod import;
pub mod integrity;
mod interface;
mod ledger;
pub mod liveness;
mod location;
mod merge_rules;
mod migrate;
mod noted_posts;
mod remedy;
pub mod removal;
mod schedule;
mod schema;
#[cfg(test)]
mod server_tests;
pub mod state;
mod statements;
mod table_io;
#[cfg(test)]
mod test_server;

pub use changes::{
    AccountTask, AccountsDue, Change, CodesEntry, Committed, IndexEntry, MovedHandle, Outcome, PartsEntry,
    RetryRule, StoredPost,
};
pub use error::{EngineError, EngineFault, MigrateError, StoreError};
pub use interface::Store;
pub use ledger::Counted;
pub use location::Location;
pub use migrate::Schema;
