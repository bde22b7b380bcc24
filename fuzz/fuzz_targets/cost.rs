//! What an input costs: processor time and memory, held to a multiple of its length.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

/// Counts what is allocated, of all threads.
struct Counting;

static NOW: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

fn took(bytes: usize) {
    PEAK.fetch_max(NOW.fetch_add(bytes, Relaxed) + bytes, Relaxed);
}

// SAFETY: passes everything on to the system's allocator, and counts beside it.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        took(layout.size());
        // SAFETY: as the caller promises.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        NOW.fetch_sub(layout.size(), Relaxed);
        // SAFETY: as the caller promises.
        unsafe { System.dealloc(block, layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        took(size);
        NOW.fetch_sub(layout.size(), Relaxed);
        // SAFETY: as the caller promises.
        unsafe { System.realloc(block, layout, size) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

/// Processor time of this process.
fn cpu() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or_default())
}

/// What an input of so many bytes may cost.
pub struct Most {
    pub nanos: u128,
    pub memory_bytes: usize,
}

impl Most {
    /// So much for anything, and so much for each byte.
    pub fn of(bytes: usize, base: Most, per_byte: Most) -> Most {
        Most {
            nanos: base.nanos + per_byte.nanos * bytes as u128,
            memory_bytes: base.memory_bytes + per_byte.memory_bytes * bytes,
        }
    }
}

/// Does `work`, and panics where it took more. What takes too long is done once more: the first may have been
/// disturbed.
pub fn bounded(most: &Most, what: &str, mut work: impl FnMut()) {
    let mut measure = || {
        let before = NOW.load(Relaxed);
        PEAK.store(before, Relaxed);
        let begun = cpu();
        work();
        ((cpu() - begun).as_nanos(), PEAK.load(Relaxed).saturating_sub(before))
    };
    let (mut nanos, memory) = measure();
    if nanos > most.nanos {
        nanos = nanos.min(measure().0);
    }
    assert!(nanos <= most.nanos, "{what}: {} us, {} are allowed", nanos / 1000, most.nanos / 1000);
    assert!(memory <= most.memory_bytes, "{what}: {memory} bytes, {} are allowed", most.memory_bytes);
}
