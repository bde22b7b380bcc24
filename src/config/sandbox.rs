//! How containers are confined, and how much memory each may have.

use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sandbox {
    /// Containers give up the rights that their role does not need. Only with `multiprocess`.
    pub enabled: bool,
    /// Watched also where `enabled` is false.
    pub memory: Memory,
}

/// Private memory in MiB that a process of each role may have; with more it is ended and started again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Memory {
    pub broker: u32,
    pub front: u32,
    pub console: u32,
    pub link_finder: u32,
    pub index_watcher: u32,
    pub reverse_search: u32,
    pub listing: u32,
    pub indexing: u32,
    pub maintenance: u32,
}

impl Default for Sandbox {
    /// Far above what was seen in use. An image of the largest allowed size takes 512 MiB while it is
    /// decoded, in each worker.
    fn default() -> Sandbox {
        Sandbox {
            enabled: true,
            memory: Memory {
                broker: 4096,
                front: 1024,
                console: 512,
                link_finder: 1024,
                index_watcher: 512,
                reverse_search: 2048,
                listing: 1024,
                indexing: 2048,
                maintenance: 512,
            },
        }
    }
}
