//! How the storekeeper's parts report to the broker.

use std::sync::Arc;

use crate::base::ErrorChain;
use crate::storekeeper::orders::FromStorekeeper;

/// Where the parts send what they have to say.
pub type Tell = Arc<dyn Fn(FromStorekeeper) + Send + Sync>;

/// The database was lost, or refuses what it must not: the broker is to end.
pub fn broken(tell: &Tell, error: &(dyn std::error::Error + 'static)) {
    tracing::error!(error = %ErrorChain(error), "the storekeeper cannot go on");
    tell(FromStorekeeper::Broken { why: ErrorChain(error).to_string() });
}

/// Tells the broker when its thread panics, since nobody else would.
pub struct PanicWatch {
    pub tell: Tell,
}

impl Drop for PanicWatch {
    fn drop(&mut self) {
        if std::thread::panicking() {
            (self.tell)(FromStorekeeper::Broken { why: "a thread of the storekeeper panicked".to_owned() });
        }
    }
}
