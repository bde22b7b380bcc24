//! What every room may use: identifiers, time, fingerprints as plain values, and how errors are
//! told and acted upon. Owns no state, opens nothing, imports no other room.

pub mod clock;
pub mod error;
pub mod fingerprint;
pub mod ids;

pub use clock::Timestamp;
pub use error::{ErrorChain, Reaction};
pub use fingerprint::Fingerprint;
