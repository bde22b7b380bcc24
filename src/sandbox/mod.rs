//! What a container may still do once it begins its work: everything that its role does not need is
//! given up for good, before its first thread starts.
//!
//! Owns: what a need means in files and calls ([`Confinement::of`]), and the calls that give up the rest
//! ([`enter`]): Landlock for files and TCP, seccomp for system calls, limits for memory and descriptors.
//! Called by: the role table, in the process of a container; never in the root, whose children it
//! would bind. Never: opens a socket, reads a setting of another section, or asks for more than it has.
//!
//! The parts cover each other: Landlock knows paths and ports but neither UDP nor processes; seccomp knows
//! calls but no paths. Where the kernel has no Landlock, the rest still holds, and the log says so once.
//!
//! What ipc-channel needs stays open: sockets in pairs, descriptors in messages, anonymous shared memory.

mod confinement;
#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
mod linux;
mod resolver;

pub use confinement::{Confinement, Connections, Files, Needs, Network, OpenFiles};
pub use resolver::ResolverFile;

use std::io;

/// Why a container could not be confined. It must not go on then.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    #[error("could not give up the right to gain rights")]
    Privileges { source: io::Error },
    #[error("could not limit memory or open files")]
    Limits { source: io::Error },
    #[error("could not restrict files and connections")]
    Landlock { source: Box<dyn std::error::Error + Send + Sync> },
    #[error("could not restrict system calls")]
    Seccomp { source: Box<dyn std::error::Error + Send + Sync> },
}

/// What the kernel could not be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Held {
    /// Everything is enforced.
    Fully,
    /// An older kernel: part of the rules for files and connections is enforced.
    Partly,
    /// No Landlock in this kernel: files and connections are open as far as the user's rights go.
    WithoutLandlock,
    /// Nothing is enforced on this system.
    Not,
}

impl Held {
    /// What is not enforced, for people.
    pub fn gap(self) -> Option<&'static str> {
        match self {
            Held::Fully => None,
            Held::Partly => Some("this kernel knows only part of the rules for files and connections"),
            Held::WithoutLandlock => Some("this kernel has no Landlock: files are as open as to their user"),
            Held::Not => Some("this system has none of the means"),
        }
    }
}

/// The version of Landlock that this kernel has, as far as it is known here; `None` without. Changes nothing.
#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
pub fn landlock_version() -> Option<u32> {
    linux::landlock_version()
}

/// This system has none.
#[cfg(not(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64"))))]
pub fn landlock_version() -> Option<u32> {
    None
}

/// Gives up what is not in `confinement`, for this process and for ever. To be called while the process has
/// a single thread: others would keep their rights.
///
/// # Errors
/// When the kernel knows a part and refuses it.
#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
pub fn enter(confinement: &Confinement) -> Result<Held, SandboxError> {
    linux::enter(confinement)
}

/// This system has none of the means.
///
/// # Errors
/// None.
#[cfg(not(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64"))))]
pub fn enter(_confinement: &Confinement) -> Result<Held, SandboxError> {
    Ok(Held::Not)
}
