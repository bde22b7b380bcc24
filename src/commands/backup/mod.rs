//! `aotf backup ...`: backups that are kept elsewhere.

pub mod mirror;
