//! The engines: SQLite in this process, MySQL, MariaDB and PostgreSQL behind a server. `dialect.rs` holds how
//! each writes a statement, `faults.rs` what its errors mean; to the rest of the room they are one
//! `Connection`.

pub mod address;
pub mod connection;
pub mod dialect;
mod faults;
pub mod row;
mod server;
pub mod sqlite;
pub mod standing;
