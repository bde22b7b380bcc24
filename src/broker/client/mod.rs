//! All that others see of the broker: a stage's and a front's side of the link.
//!
//! The broker may be restarted at any moment. A client outlives its link: the root hands over a new
//! one (`attach`), and what was asked over the old one is answered with `Unavailable`.

mod front;
mod link;
mod stage;

pub use front::{FeedListener, FrontClient};
pub use link::Unavailable;
pub use stage::{Granted, LeaseHandle, StageClient, Taken};
