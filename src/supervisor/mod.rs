//! The root of the process tree: starts, watches, restarts and stops every container, and nothing else.
//!
//! Owns: the lock of the data folder, the containers, their control links, the signals of the program.
//! Called by: `serve`, on the main thread, with the table of roles.
//! Never: holds a request, hears anything from outside, waits for a container (deadlines only), panics.
//!
//! ```text
//! signals, doors, control links, ends of threads --> one queue --> run.rs --> tree.rs --> plan.rs
//!                                                                 (waits)     (acts)      (decides)
//! ```

#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing))]

mod child;
mod container;
mod incoming;
mod life;
mod lock;
mod memory;
mod plan;
mod redact;
mod restart;
mod run;
mod spec;
mod stacks;
mod systemd;
mod tree;

pub use lock::{DataLock, LockError};
pub use redact::{Secrets, settings_with};
pub use restart::RestartPolicy;
pub use run::{die_with_parent, run};
pub use spec::{ContainerSpec, Exit, Options, Restart, SupervisorError, Timing};
