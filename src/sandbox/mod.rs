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

mod allowed;
mod confinement;
mod held;
#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
mod linux;

pub use allowed::AllowedFile;
pub use confinement::{Confinement, Connections, Files, Needs, Network, OpenFiles};
pub use held::{Held, SandboxError};

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
