//! What both sides of a link to the broker share.

/// Messages that wait for the broker; a worker waits when it is full.
pub const OUTBOX_CAPACITY: usize = 256;

/// The broker is away, or dropped what this was about. The work is to be given up silently: somebody
/// else has it, or will get it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the service is restarting: the broker is away")]
pub struct Unavailable;
