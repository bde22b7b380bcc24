//! What every room may use: identifiers, time, fingerprints as plain values, how errors are
//! told and acted upon, and the wish to stop. Owns no state, opens nothing by itself, imports no other room.

pub mod clock;
mod counted;
pub mod csv;
pub mod error;
pub mod fingerprint;
pub mod ids;
pub mod journal;
#[cfg(test)]
pub mod material;
pub mod money;
pub mod roles;
pub mod shown;
pub mod signals;
pub mod stop;
pub mod unix_socket;
pub mod vital;

pub use clock::Timestamp;
pub use counted::counted;
pub use error::{ErrorChain, LinesBelow, Reaction, panic_text};
pub use fingerprint::Fingerprint;
pub use money::MicroUsd;
pub use shown::Shown;
pub use stop::StopSignal;
