//! How many images a process decodes at once. Downloads wait for others and are many; decoding takes memory
//! and a processor, and is over soon.

use crossbeam_channel as queue;

/// As many places as images may be decoded at once. Clones share them.
#[derive(Clone, Debug)]
pub struct DecodeSlots {
    take: queue::Sender<()>,
    give_back: queue::Receiver<()>,
}

impl DecodeSlots {
    pub fn new(slots: u16) -> DecodeSlots {
        let (take, give_back) = queue::bounded(usize::from(slots.max(1)));
        DecodeSlots { take, give_back }
    }

    /// Decodes when there is a place.
    pub fn during<T>(&self, decode: impl FnOnce() -> T) -> T {
        // Both ends are held here, so that neither is closed.
        let _ = self.take.send(());
        let _place = Place(&self.give_back);
        decode()
    }
}

/// Given back also when the decoder panics.
struct Place<'a>(&'a queue::Receiver<()>);

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let _ = self.0.try_recv();
    }
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn no_more_are_decoded_at_once_and_a_panic_takes_no_place() {
        let slots = DecodeSlots::new(2);
        for _ in 0..5 {
            let panics = catch_unwind(AssertUnwindSafe(|| slots.during(|| panic!("broken image"))));
            assert!(panics.is_err());
        }
        let (now, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..50 {
                        slots.during(|| {
                            most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                            std::thread::yield_now();
                            now.fetch_sub(1, Ordering::SeqCst);
                        });
                    }
                });
            }
        });
        assert!(most.load(Ordering::SeqCst) <= 2);
    }
}
