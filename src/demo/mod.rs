//! The self-contained world and `aotf demo`.
pub mod world;
