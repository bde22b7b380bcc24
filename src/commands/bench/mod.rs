//! `aotf bench ...`: what this machine, and the program on it, can do.

pub mod accuracy;
pub mod fingerprint;
pub mod http;
pub mod index;
pub mod ipc;
pub mod links;
pub mod listing;
pub mod networks;
pub mod pipeline;
pub mod reliability;
pub mod store;
