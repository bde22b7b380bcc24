//! How far a process could be confined, and why it could not be.

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
