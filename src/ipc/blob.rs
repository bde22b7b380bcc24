//! Bulk bytes that travel beside a message by reference.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use ipc_channel::ipc::IpcSharedMemory;

/// Read-only bytes in anonymous shared memory. A clone costs nothing; sending one to another process
/// hands over a descriptor and copies no byte. The memory is freed with the last holder's last
/// clone, also when holders are killed.
#[derive(Clone)]
pub struct Blob(Arc<IpcSharedMemory>);

impl Blob {
    /// Copies `bytes` into shared memory; 1 to 10 ms per MB, most of it the kernel's work for fresh
    /// pages.
    ///
    /// # Panics
    /// When the system has no descriptor or no memory left.
    pub fn new(bytes: &[u8]) -> Blob {
        Blob(Arc::new(IpcSharedMemory::from_bytes(bytes)))
    }

    pub(super) fn from_wire(memory: Arc<IpcSharedMemory>) -> Blob {
        Blob(memory)
    }

    pub(super) fn into_wire(self) -> Arc<IpcSharedMemory> {
        self.0
    }
}

impl Deref for Blob {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Blob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Blob({} bytes)", self.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holds_what_it_was_given() {
        assert_eq!(&*Blob::new(b"abc").clone(), b"abc");
        assert_eq!(&*Blob::new(b""), b"");
    }
}
