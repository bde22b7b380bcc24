//! What the root's loop hears, from the threads that listen for it.

use super::child::Ended;
use crate::base::ids::ContainerId;
use crate::ipc::RecvError;
use crate::ipc::bootstrap::BootstrapError;
use crate::ipc::control::RootEnd;
use crate::proto::control::{ContainerToRoot, Hello, StacksWritten};

pub(super) enum Incoming {
    Signal(i32),
    /// A new process has said hello, or never will.
    Came(ContainerId, Result<(Hello, RootEnd), BootstrapError>),
    Said(ContainerId, ContainerToRoot),
    /// Its control link has closed.
    Deaf(ContainerId, RecvError),
    /// A collection of stacks has ended.
    StacksWritten(StacksWritten),
    /// A container that is a thread has ended.
    ThreadEnded(ContainerId, Ended),
}
