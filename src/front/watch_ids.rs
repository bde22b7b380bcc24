//! Names for new watches.

use ring::rand::{SecureRandom, SystemRandom};

use crate::domain::watches::WatchId;

/// An id that nobody can guess: whoever knows it can read the feed.
///
/// # Panics
/// When the system has no random numbers, which Linux says of no running system.
pub fn new_watch_id() -> WatchId {
    let mut bytes = [0; 16];
    SystemRandom::new().fill(&mut bytes).expect("the system has random numbers");
    WatchId(u128::from_be_bytes(bytes))
}
