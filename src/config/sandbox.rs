//! The section `[sandbox]`: whether containers are confined, and how much memory each may have.

use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

use super::section::section;

/// Of MiB.
const ANY: RangeInclusive<u32> = 64..=1_048_576;

section! {
    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    pub struct Sandbox {
        /// Containers give up the rights that their role does not need. Only with `multiprocess`.
        enabled: bool = true, switch();
        /// Watched also where `enabled` is false.
        memory: Memory = Memory::default(), part(Memory::read) as "memory_mib";
    }
}

section! {
    /// Private memory in MiB that a process of each role may have; with more it is ended and started again.
    /// Far above what was seen in use: an image of the largest allowed size takes 512 MiB while it is
    /// decoded, in each worker.
    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    pub struct Memory {
        broker: u32 = 4096, number(ANY);
        front: u32 = 1024, number(ANY);
        console: u32 = 512, number(ANY);
        link_finder: u32 = 1024, number(ANY);
        index_watcher: u32 = 512, number(ANY);
        reverse_search: u32 = 2048, number(ANY);
        listing: u32 = 1024, number(ANY);
        indexing: u32 = 2048, number(ANY);
        maintenance: u32 = 512, number(ANY);
    }
}
