//! Links between processes, and their in-process twin: typed two-way channels, outboxes that never
//! block, shared memory for bulk data, and how a container is born (bootstrap and its control link).
//!
//! Owns: the wire. The only room that names `ipc-channel`; nobody else sees a descriptor.
//! Called by: supervisor (root's side), broker, front and stages (their ends), `main` (container side).
//! Never: interprets what a message of another room means, restarts anything, or blocks a caller that
//! did not ask to wait. What is known about `ipc-channel` decides much here:
//! * its `send` blocks as soon as the peer stops reading, so loops send through an [`Outbox`];
//! * a message above [`MAX_MESSAGE_BYTES`](crate::proto::MAX_MESSAGE_BYTES) is refused before it is sent;
//! * a peer's death is seen only if nobody else holds its sender, so senders are moved, never cloned;
//! * its global router is not used: each link has one blocking receiver thread ([`pump`]).

pub mod bootstrap;
pub mod container;
pub mod control;

mod blob;
mod link;
mod outbox;
mod pump;

pub use blob::Blob;
pub use container::{
    ConnectArgs, ContainerContext, ContainerError, ControlHandle, Links, Prepare, Prepared, RoleMain,
    RoleWork, run_container,
};
pub use control::{Link, LinkKind, PeerEnd};
pub use link::{Endpoint, Parcel, Receiver, RecvError, SendError, Sender, Transport, pair};
pub use outbox::{Outbox, OutboxError};
pub use pump::{pump, try_pump};
